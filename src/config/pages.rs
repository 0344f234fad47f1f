//! `[pages]`: whose house it is, for those who look at its pages: a name, a logo and colours.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::colour::{Colour, LEAST_CONTRAST};
use super::reader::Table;
use super::value::{Read, text};

/// `[pages]`.
#[derive(Debug, Clone, Default)]
pub struct Pages {
    /// What stands above every page, and after its title.
    pub name: Option<Box<str>>,
    /// The picture beside the name.
    pub logo: Option<Logo>,
    /// Its colours.
    pub light: Palette,
    /// Those where the reader's system is dark.
    pub dark: Palette,
}

/// The colours of pages, as far as they are not the stylesheet's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Palette {
    /// What everything stands on.
    pub background: Option<Colour>,
    /// What is read.
    pub text: Option<Colour>,
    /// Links and buttons.
    pub accent: Option<Colour>,
}

/// The stylesheet's own colours of one scheme, and the keys that change them.
#[derive(Debug)]
pub struct Scheme {
    /// `--paper` and its key.
    pub background: (&'static str, Colour),
    /// `--ink` and its key.
    pub text: (&'static str, Colour),
    /// `--accent` and its key.
    pub accent: (&'static str, Colour),
    /// `--on-accent`: what stands on buttons.
    pub on_accent: Colour,
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

/// Shows where it stands and how large it is.
impl fmt::Debug for Logo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.bytes.len();
        write!(f, "{} {size} {}", self.content_type, self.file.display())
    }
}

impl Pages {
    pub(super) fn read(mut table: Table<'_>) -> Self {
        let pages = Self {
            name: table.optional("name", text(name)),
            logo: Logo::read(&mut table),
            light: Palette::read(&mut table, &LIGHT),
            dark: Palette::read(&mut table, &DARK),
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

impl Palette {
    /// Whatever is read has to be legible on the background, the stylesheet's colours too.
    fn read(table: &mut Table<'_>, scheme: &Scheme) -> Self {
        let mut colour = |(key, _): (&'static str, _)| table.optional(key, text(Colour::parse));
        let palette = Self {
            background: colour(scheme.background),
            text: colour(scheme.text),
            accent: colour(scheme.accent),
        };
        let [ground, text, accent] = [
            (scheme.background, palette.background, "background"),
            (scheme.text, palette.text, "text"),
            (scheme.accent, palette.accent, "accent"),
        ];
        for shown in [text, accent] {
            let is_unread =
                |((key, _), colour, _): (_, Option<Colour>, _)| colour.is_none() && table.has(key);
            if is_unread(shown) || is_unread(ground) {
                continue;
            }
            // What is wrong is said of a colour that somebody wrote.
            let (wrong, other) = if shown.1.is_some() {
                (shown, ground)
            } else {
                (ground, shown)
            };
            let of = |((_, default), colour, _): (_, Option<Colour>, _)| colour.unwrap_or(default);
            let ratio = of(wrong).contrast(of(other));
            if ratio < LEAST_CONTRAST {
                // Cut off, not rounded: 4.49 is not 4.5.
                let (least, name) = ((ratio * 100.0).floor() / 100.0, other.2);
                let what = format!(
                    "has a contrast of {least:.2} to the {name}, {}; write colours with 4.5 at least: change this one, or {}",
                    of(other),
                    other.0.0
                );
                table.note(wrong.0.0, what);
            }
        }
        palette
    }
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

/// The stylesheet's colours.
pub const LIGHT: Scheme = Scheme {
    background: ("background", Colour::new(0xff, 0xff, 0xff)),
    text: ("text", Colour::new(0x1b, 0x1f, 0x24)),
    accent: ("accent", Colour::new(0x0b, 0x57, 0xa4)),
    on_accent: Colour::new(0xff, 0xff, 0xff),
};
/// The same where the reader's system is dark.
pub const DARK: Scheme = Scheme {
    background: ("background_dark", Colour::new(0x1e, 0x23, 0x28)),
    text: ("text_dark", Colour::new(0xe8, 0xeb, 0xee)),
    accent: ("accent_dark", Colour::new(0x8c, 0xc2, 0xff)),
    on_accent: Colour::new(0x10, 0x15, 0x1a),
};
const LARGEST_LOGO: u64 = 64 << 10;
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_colours_that_are_judged_by_are_the_stylesheets() {
        let style = include_str!("../pages/style.css");
        let (light, dark) = style
            .split_once("@media (prefers-color-scheme: dark)")
            .unwrap();
        for (style, scheme) in [(light, &LIGHT), (dark, &DARK)] {
            for (name, colour) in [
                ("--paper", scheme.background.1),
                ("--ink", scheme.text.1),
                ("--accent", scheme.accent.1),
                ("--on-accent", scheme.on_accent),
            ] {
                let line = format!("{name}: {colour};");
                assert!(style.contains(&line), "{line}");
            }
        }
    }
}
