//! Who reads an answer: a person in a browser, a script in a page, or another program.
//!
//! Source: contract section 5; <https://www.w3.org/TR/fetch-metadata/#sec-fetch-mode-header>.

use http::header::{ACCEPT, HeaderName};
use http::{HeaderMap, Method};

/// Who reads an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// A browser that shows it: gets pages, and is sent to the login page.
    Navigation,
    /// A script, by fetch or XHR: never gets a challenge that makes its browser ask for a password.
    Script,
    /// Anything else.
    Program,
}

impl Reader {
    /// Who sent a request. `Sec-Fetch-Mode` decides where a browser sends it, since a page cannot forge it.
    #[must_use]
    pub fn of(method: &Method, headers: &HeaderMap) -> Self {
        let is_script = headers.contains_key(&X_REQUESTED_WITH);
        match headers.get(&SEC_FETCH_MODE) {
            Some(mode) if mode == "navigate" => Self::Navigation,
            Some(_) => Self::Script,
            None if is_script => Self::Script,
            None if (method == Method::GET || method == Method::HEAD) && accepts_html(headers) => {
                Self::Navigation
            }
            None => Self::Program,
        }
    }
}

fn accepts_html(headers: &HeaderMap) -> bool {
    headers
        .get_all(ACCEPT)
        .iter()
        .flat_map(|field| field.as_bytes().split(|byte| *byte == b','))
        .filter_map(|range| range.split(|byte| *byte == b';').next())
        .any(|range| range.trim_ascii().eq_ignore_ascii_case(b"text/html"))
}

const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const X_REQUESTED_WITH: HeaderName = HeaderName::from_static("x-requested-with");

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_request_tells_who_reads_its_answer() {
        let html = ("accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8");
        let xhr = ("x-requested-with", "XMLHttpRequest");
        let mode = |mode| ("sec-fetch-mode", mode);
        for (method, fields, reader) in [
            (Method::GET, &[][..], Reader::Program),
            (Method::GET, &[("accept", "*/*")], Reader::Program),
            (Method::GET, &[("accept", "text/htmlx")], Reader::Program),
            (Method::GET, &[html], Reader::Navigation),
            (
                Method::HEAD,
                &[("accept", "TEXT/HTML;q=1")],
                Reader::Navigation,
            ),
            (Method::POST, &[html], Reader::Program),
            (Method::GET, &[html, xhr], Reader::Script),
            (Method::GET, &[xhr], Reader::Script),
            (Method::POST, &[mode("navigate")], Reader::Navigation),
            (Method::GET, &[mode("navigate")], Reader::Navigation),
            (Method::GET, &[mode("cors"), html], Reader::Script),
        ] {
            let headers = fields
                .iter()
                .map(|(name, value)| {
                    (
                        HeaderName::from_static(name),
                        HeaderValue::from_static(value),
                    )
                })
                .collect();
            assert_eq!(Reader::of(&method, &headers), reader, "{method} {fields:?}");
        }
    }
}
