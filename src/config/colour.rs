//! Colours, and how far two are apart for the eye.

use std::fmt;

use super::value::Read;

/// A colour: red, green and blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour([u8; 3]);

/// What text has to have to what it stands on. Source: WCAG 2.2, success criterion 1.4.3.
pub const LEAST_CONTRAST: f64 = 4.5;

/// As it is written in a stylesheet: `#0b57a4`.
impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self([red, green, blue]) = self;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

impl Colour {
    /// By its parts.
    #[must_use]
    pub const fn new(red: u8, green: u8, blue: u8) -> Self {
        Self([red, green, blue])
    }

    pub(super) fn parse(text: &str) -> Read<Self> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6);
        let digits = digits.filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let number = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let number =
            number.ok_or_else(|| format!("{text:?} is not a colour; write \"#0b57a4\""))?;
        let [_, red, green, blue] = number.to_be_bytes();
        Ok(Self([red, green, blue]))
    }

    /// How far the two are apart for the eye: 1 to 21. Source: WCAG 2.2, "contrast ratio".
    #[must_use]
    pub fn contrast(self, other: Self) -> f64 {
        let (one, other) = (self.luminance(), other.luminance());
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    /// Whether text of the one can be read on the other.
    #[must_use]
    pub fn is_legible_on(self, ground: Self) -> bool {
        self.contrast(ground) >= LEAST_CONTRAST
    }

    /// Which of the two is the lighter one for the eye.
    #[must_use]
    pub fn is_lighter_than(self, other: Self) -> bool {
        self.luminance() > other.luminance()
    }

    /// So many hundredths of the way to another colour, at most all of them.
    #[must_use]
    pub fn towards(self, other: Self, hundredths: u16) -> Self {
        let there = hundredths.min(100);
        let mixed = |(from, to): (u8, u8)| {
            let sum = u16::from(from) * (100 - there) + u16::from(to) * there;
            u8::try_from(sum / 100).unwrap_or(u8::MAX)
        };
        let (Self([r, g, b]), Self([to_r, to_g, to_b])) = (self, other);
        Self([(r, to_r), (g, to_g), (b, to_b)].map(mixed))
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
    fn a_mixture_lies_between_the_two() {
        let (black, white) = (Colour::new(0, 0, 0), Colour::new(255, 255, 255));
        assert_eq!(black.towards(white, 0), black);
        assert_eq!(black.towards(white, 100), white);
        assert_eq!(black.towards(white, 50).to_string(), "#7f7f7f");
        assert_eq!(black.towards(white, 900), white);
    }
}
