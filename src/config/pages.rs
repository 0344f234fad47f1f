//! `[pages]`: whose house it is, for those who look at its pages: a name, a logo and colours.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::reader::Table;
use super::value::{Read, text};

/// `[pages]`.
#[derive(Debug, Clone, Default)]
pub struct Pages {
    /// What stands above every page, and after its title.
    pub name: Option<Box<str>>,
    /// The picture beside the name.
    pub logo: Option<Logo>,
    /// The colour of links and buttons.
    pub accent: Option<Colour>,
    /// The same where the reader's system is dark.
    pub accent_dark: Option<Colour>,
}

/// A picture, as it was read with the configuration.
#[derive(Clone)]
pub struct Logo {
    /// Where it stands.
    pub file: PathBuf,
    /// What it is served as.
    pub content_type: &'static str,
    /// The picture.
    pub bytes: Arc<[u8]>,
}

/// A colour: red, green and blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour([u8; 3]);

/// Shows where it stands and how large it is.
impl fmt::Debug for Logo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.bytes.len();
        write!(f, "{} {size} {}", self.content_type, self.file.display())
    }
}

/// As it is written in a stylesheet: `#0b57a4`.
impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self([red, green, blue]) = self;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

impl Pages {
    pub(super) fn read(mut table: Table<'_>) -> Self {
        let pages = Self {
            name: table.optional("name", text(name)),
            logo: Logo::read(&mut table),
            accent: table.optional("accent", text(|it| legible(it, &LIGHT))),
            accent_dark: table.optional("accent_dark", text(|it| legible(it, &DARK))),
        };
        if pages.logo.is_some() && !table.has("name") {
            table.note("name", "is missing; write what the logo stands for");
        }
        pages
    }
}

impl Logo {
    fn read(table: &mut Table<'_>) -> Option<Self> {
        let file = table.path("logo")?;
        match load(&file) {
            Ok((content_type, bytes)) => Some(Self {
                file,
                content_type,
                bytes: bytes.into(),
            }),
            Err(what) => {
                table.note("logo", what);
                None
            }
        }
    }
}

impl Colour {
    fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6)?;
        let is_hex = digits.bytes().all(|b| b.is_ascii_hexdigit());
        let number = u32::from_str_radix(digits, 16).ok().filter(|_| is_hex)?;
        let [_, red, green, blue] = number.to_be_bytes();
        Some(Self([red, green, blue]))
    }

    /// How far the two are apart for the eye: 1 to 21. Source: WCAG 2.2, "contrast ratio".
    fn contrast(self, other: Self) -> f64 {
        let (one, other) = (self.luminance(), other.luminance());
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    /// Source: WCAG 2.2, "relative luminance".
    fn luminance(self) -> f64 {
        let linear = |part: u8| {
            let part = f64::from(part) / 255.0;
            if part <= 0.04045 {
                part / 12.92
            } else {
                ((part + 0.055) / 1.055).powf(2.4)
            }
        };
        let [red, green, blue] = self.0.map(linear);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }
}

/// Reads a colour that can be read on each of these, and they on it.
fn legible(text: &str, grounds: &[Colour]) -> Read<Colour> {
    let colour = Colour::parse(text)
        .ok_or_else(|| format!("{text:?} is not a colour; write \"#0b57a4\""))?;
    for ground in grounds {
        let ratio = colour.contrast(*ground);
        if ratio < LEAST_CONTRAST {
            // Cut off, not rounded: 4.49 is not 4.5.
            let shown = (ratio * 100.0).floor() / 100.0;
            return Err(format!(
                "has a contrast of {shown:.2} to {ground}, which it stands on; write a colour with 4.5 at least"
            ));
        }
    }
    Ok(colour)
}

fn name(text: &str) -> Read<Box<str>> {
    let text = text.trim();
    let fits = (1..=60).contains(&text.chars().count()) && !text.contains(char::is_control);
    fits.then(|| text.into())
        .ok_or_else(|| "is no name; write 1 to 60 characters in one line".to_owned())
}

/// What a picture is, is judged by what it holds.
fn load(file: &Path) -> Result<(&'static str, Vec<u8>), String> {
    let size = std::fs::metadata(file).map(|about| about.len());
    let size = size.map_err(|error| format!("cannot be read: {error}"))?;
    if size > LARGEST_LOGO {
        return Err("is larger than 64KiB; make it smaller".to_owned());
    }
    let bytes = std::fs::read(file).map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.starts_with(PNG) {
        return Ok(("image/png", bytes));
    }
    let text = std::str::from_utf8(&bytes).unwrap_or_default();
    let text = text.trim_start_matches('\u{feff}').trim_start();
    if (text.starts_with("<?xml") || text.starts_with("<!--") || text.starts_with("<svg"))
        && text.contains("<svg")
    {
        return Ok(("image/svg+xml", bytes));
    }
    Err("is neither PNG nor SVG; write the path of a picture that is".to_owned())
}

/// What links and buttons stand on, and what stands on buttons: `--paper` and `--on-accent` of the stylesheet.
const LIGHT: [Colour; 1] = [Colour([0xff, 0xff, 0xff])];
const DARK: [Colour; 2] = [Colour([0x1e, 0x23, 0x28]), Colour([0x10, 0x15, 0x1a])];
/// Source: WCAG 2.2, success criterion 1.4.3.
const LEAST_CONTRAST: f64 = 4.5;
const LARGEST_LOGO: u64 = 64 << 10;
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contrast_is_that_of_the_guidelines() {
        let of = |one, other| {
            Colour::parse(one)
                .unwrap()
                .contrast(Colour::parse(other).unwrap())
        };
        for (one, other, ratio) in [
            ("#000000", "#ffffff", 21.0),
            ("#ffffff", "#000000", 21.0),
            ("#777777", "#ffffff", 4.478),
            ("#767676", "#ffffff", 4.542),
            ("#123456", "#123456", 1.0),
        ] {
            assert!((of(one, other) - ratio).abs() < 0.001, "{one} {other}");
        }
    }

    #[test]
    fn the_colours_that_are_judged_by_are_the_stylesheets() {
        let style = include_str!("../pages/style.css");
        let (light, dark) = style
            .split_once("@media (prefers-color-scheme: dark)")
            .unwrap();
        for (scheme, grounds, name) in [
            (light, &LIGHT[..], "--paper"),
            (light, &LIGHT, "--on-accent"),
            (dark, &DARK[..1], "--paper"),
            (dark, &DARK[1..], "--on-accent"),
        ] {
            let line = format!("{name}: {};", grounds[0]);
            assert!(scheme.contains(&line), "{line}");
        }
    }
}
