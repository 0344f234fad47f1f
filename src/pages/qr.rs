//! QR codes as SVG: dark modules on a light ground with the quiet zone that readers need, whatever the page's colours are.

use std::fmt::Write;

use qrcode::{Color, QrCode};

/// The picture of a text, as one `svg` element; `None` if the text is too long for a QR code.
#[must_use]
pub fn svg(text: &str, label: &str) -> Option<String> {
    let code = QrCode::new(text).ok()?;
    let width = code.width();
    let side = width + 2 * QUIET;
    let mut path = String::new();
    for (place, color) in code.to_colors().into_iter().enumerate() {
        if color == Color::Dark {
            let (x, y) = (place % width + QUIET, place / width + QUIET);
            let _ = write!(path, "M{x} {y}h1v1h-1z");
        }
    }
    let picture = maud::html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox=(format!("0 0 {side} {side}")) width="240" height="240"
            shape-rendering="crispEdges" role="img" aria-label=(label) {
            path fill="#fff" d=(format!("M0 0h{side}v{side}h-{side}z")) {}
            path fill="#000" d=(path) {}
        }
    };
    Some(picture.into_string())
}

/// Light modules around it. Source: ISO/IEC 18004, the quiet zone.
const QUIET: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_says_what_it_is_and_has_a_light_margin() {
        let svg = svg("otpauth://totp/x", "<QR>").unwrap();
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>"));
        assert!(svg.contains("aria-label=\"&lt;QR&gt;\""), "{svg}");
        // Version 2 has 25 modules; its first finder pattern begins after the margin.
        assert!(svg.contains("viewBox=\"0 0 33 33\""), "{svg}");
        assert!(svg.contains("d=\"M4 4h1v1h-1zM5 4h1v1h-1z"), "{svg}");
        for margin in ["M3 ", " 3h", "M29 ", " 29h"] {
            assert!(!svg.contains(margin), "{margin}");
        }
    }

    #[test]
    fn what_is_too_long_has_no_picture() {
        assert_eq!(svg(&"x".repeat(10_000), ""), None);
    }
}
