//! In which language a page is written: what the browser's `Accept-Language` says.

use http::HeaderMap;
use http::header::ACCEPT_LANGUAGE;

pub use crate::model::language::Language;

impl Language {
    /// The reader's favourite among ours. A range that we do not have is passed over, `*` is English. Source: RFC 9110
    /// §12.5.4.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        Self::asked(headers).unwrap_or_default()
    }

    /// The same, and `None` for whoever asks for none of ours: programs do not, or take any.
    #[must_use]
    pub fn asked(headers: &HeaderMap) -> Option<Self> {
        let ranges = headers
            .get_all(ACCEPT_LANGUAGE)
            .iter()
            .filter_map(|field| field.to_str().ok())
            .flat_map(|field| field.split(','))
            .filter_map(weighted);
        let mut best = (0, None);
        for (weight, language) in ranges {
            if weight > best.0 {
                best = (weight, language);
            }
        }
        best.1
    }
}

/// A range of ours and its weight in thousandths; `*` is no language.
fn weighted(range: &str) -> Option<(u32, Option<Language>)> {
    let mut parts = range.split(';').map(str::trim);
    let tag = parts.next()?;
    let primary = tag.split('-').next()?;
    let language = Language::parse(&primary.to_ascii_lowercase());
    if language.is_none() && primary != "*" {
        return None;
    }
    let weight = parts
        .find_map(|part| part.strip_prefix("q="))
        .map_or(Some(1000), thousandths)?;
    Some((weight, language))
}

/// Source: RFC 9110 §12.4.2.
fn thousandths(weight: &str) -> Option<u32> {
    let (whole, fraction) = weight.split_once('.').unwrap_or((weight, ""));
    let fits = matches!(whole, "0" | "1")
        && fraction.len() <= 3
        && fraction.bytes().all(|b| b.is_ascii_digit());
    let fraction: u32 = format!("{fraction:0<3}").parse().ok()?;
    fits.then(|| (whole.parse::<u32>().unwrap_or(0) * 1000 + fraction).min(1000))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_readers_favourite_among_ours_is_taken() {
        for (field, language) in [
            ("", Language::English),
            ("de", Language::German),
            ("de-AT,de;q=0.9,en;q=0.8", Language::German),
            ("DE", Language::German),
            ("en-GB,en;q=0.9,de;q=0.8", Language::English),
            ("en;q=0.5, de;q=0.6", Language::German),
            ("fr-FR, fr;q=0.9, de;q=0.3", Language::German),
            ("fr, *;q=0.5, de;q=0.1", Language::English),
            ("de;q=0", Language::English),
            ("de;q=x", Language::English),
            ("deutsch", Language::English),
            ("en, de", Language::English),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_static(field));
            assert_eq!(Language::of(&headers), language, "{field}");
        }
    }

    #[test]
    fn who_asks_for_none_of_ours_has_no_favourite() {
        for field in ["", "*", "fr", "de;q=0", "*, de;q=0.5"] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_static(field));
            assert_eq!(Language::asked(&headers), None, "{field}");
        }
        assert_eq!(Language::asked(&HeaderMap::new()), None);
    }
}
