//! The gateway's own answers: problem details (RFC 9457), or a small page where a person is navigating.
//!
//! They say what went wrong in words for the client; what the operator should know stands in the log. None may be stored.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use pingora_core::Result;
use pingora_core::protocols::http::ServerSession;
use pingora_http::ResponseHeader;
use pingora_proxy::Session;

use crate::header::reader::Reader;
use crate::pages::{Brand, Language, Page};

/// An answer that is sent whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    fields: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
    is_page: bool,
}

/// For whom an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Audience {
    pub(super) reader: Reader,
    pub(super) language: Language,
}

impl Audience {
    /// Whoever sent a request.
    pub(super) fn of(method: &Method, headers: &HeaderMap) -> Self {
        Self {
            reader: Reader::of(method, headers),
            language: Language::of(headers),
        }
    }

    /// Whoever sent bytes that are no request, as far as their lines tell: a browser's are well-formed, whatever else is
    /// wrong with them. Costs one look at each line.
    pub(super) fn of_bytes(head: &[u8]) -> Self {
        let mut lines = head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        let is_get = lines.next().is_some_and(|line| line.starts_with(b"GET "));
        let method = if is_get { Method::GET } else { Method::POST };
        let fields = lines
            .take_while(|line| !line.is_empty())
            .filter_map(telling);
        Self::of(&method, &fields.collect::<HeaderMap>())
    }
}

impl Answer {
    /// An error, for whoever reads it. `detail` is ours, never the client's words.
    pub(super) fn error(status: StatusCode, detail: &str, audience: Audience) -> Self {
        match audience.reader {
            Reader::Navigation => Self::page(status, detail, audience.language),
            Reader::Script | Reader::Program => Self::problem(status, detail),
        }
    }

    /// A redirect that is not remembered.
    pub(super) fn redirect(location: HeaderValue) -> Self {
        Self {
            status: StatusCode::FOUND,
            fields: vec![
                (CACHE_CONTROL, HeaderValue::from_static("no-store")),
                (http::header::LOCATION, location),
            ],
            body: Bytes::new(),
            is_page: false,
        }
    }

    /// The same, with the brand on it if it is a page.
    pub(super) fn branded(mut self, brand: &Brand) -> Self {
        if self.is_page
            && let Ok(html) = std::str::from_utf8(&self.body)
        {
            self.body = brand.on(html).into_owned().into();
        }
        self
    }

    /// Adds a field.
    pub(super) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.fields.push((name, value));
        self
    }

    /// Sends it as the response of a request that pingora read.
    ///
    /// # Errors
    /// If the client is gone.
    pub(super) async fn send(self, session: &mut Session) -> Result<()> {
        let head = self.head()?;
        let has_body = !self.body.is_empty() && session.req_header().method != Method::HEAD;
        session
            .write_response_header(Box::new(head), !has_body)
            .await?;
        if has_body {
            session.write_response_body(Some(self.body), true).await?;
        }
        Ok(())
    }

    /// Sends it on a stream whose request could not be read.
    ///
    /// # Errors
    /// If the client is gone.
    pub(super) async fn send_to(self, session: &mut ServerSession) -> Result<()> {
        let head = self.head()?;
        session.write_response_header(Box::new(head)).await?;
        session.write_response_body(self.body, true).await
    }

    fn head(&self) -> Result<ResponseHeader> {
        let mut head = ResponseHeader::build_no_case(self.status, Some(self.fields.len() + 4))?;
        for (name, value) in &self.fields {
            head.append_header(name.clone(), value.clone())?;
        }
        head.insert_header(CONTENT_LENGTH, self.body.len())?;
        Ok(head)
    }

    /// The whole response as bytes, for a request that nobody else has read. The connection closes after it.
    pub(super) fn to_http1(&self) -> Vec<u8> {
        let mut bytes = format!(
            "HTTP/1.1 {} {}\r\n",
            self.status.as_str(),
            self.status.canonical_reason().unwrap_or_default()
        )
        .into_bytes();
        for (name, value) in &self.fields {
            bytes.extend_from_slice(name.as_str().as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value.as_bytes());
            bytes.extend_from_slice(b"\r\n");
        }
        let end = format!(
            "content-length: {}\r\nconnection: close\r\n\r\n",
            self.body.len()
        );
        bytes.extend_from_slice(end.as_bytes());
        bytes.extend_from_slice(&self.body);
        bytes
    }

    fn problem(status: StatusCode, detail: &str) -> Self {
        let title = status.canonical_reason().unwrap_or("Error");
        let body = serde_json::json!({
            "type": "about:blank",
            "title": title,
            "status": status.as_u16(),
            "detail": detail,
        });
        Self::whole(status, "application/problem+json", body.to_string())
    }

    fn page(status: StatusCode, detail: &str, language: Language) -> Self {
        let page = Page::refusal(language, status, detail);
        let fields = page.headers();
        let fields = fields
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()));
        Self {
            status,
            fields: fields.collect(),
            body: page.html.into(),
            is_page: true,
        }
    }

    fn whole(status: StatusCode, content_type: &'static str, body: String) -> Self {
        Self {
            status,
            fields: vec![
                (CACHE_CONTROL, HeaderValue::from_static("no-store")),
                (CONTENT_TYPE, HeaderValue::from_static(content_type)),
            ],
            body: body.into(),
            is_page: false,
        }
    }
}

/// A line that tells who reads the answer.
fn telling(line: &[u8]) -> Option<(HeaderName, HeaderValue)> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let (name, value) = line.split_at(colon);
    let name = TELLING
        .into_iter()
        .find(|telling| name.eq_ignore_ascii_case(telling.as_bytes()))?;
    let value = HeaderValue::from_bytes(value.get(1..)?.trim_ascii()).ok()?;
    Some((HeaderName::from_static(name), value))
}

const TELLING: [&str; 4] = [
    "accept",
    "accept-language",
    "sec-fetch-mode",
    "x-requested-with",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_request_tell_who_sent_them() {
        let page = "Accept: text/html,*/*;q=0.8\r\nAccept-Language: de\r\n";
        for (head, reader, language) in [
            ("", Reader::Program, Language::English),
            ("\0\0\r\n: \n::\n", Reader::Program, Language::English),
            (
                &*format!("GET /x y\r\n{page}\r\n"),
                Reader::Navigation,
                Language::German,
            ),
            (
                &*format!("POST / HTTP/1.1\r\n{page}"),
                Reader::Program,
                Language::German,
            ),
            (
                "x\r\nSEC-FETCH-MODE:navigate",
                Reader::Navigation,
                Language::English,
            ),
            (
                "x\r\nSec-Fetch-Mode: cors\r\n",
                Reader::Script,
                Language::English,
            ),
            (
                "x\r\n\r\nSec-Fetch-Mode: navigate",
                Reader::Program,
                Language::English,
            ),
            (
                "GET / HTTP/1.1\r\nAccept: text/html\r\nX-Requested-With: x",
                Reader::Script,
                Language::English,
            ),
        ] {
            let audience = Audience::of_bytes(head.as_bytes());
            assert_eq!(
                (audience.reader, audience.language),
                (reader, language),
                "{head:?}"
            );
        }
    }

    #[test]
    fn an_error_is_never_stored_and_says_its_status_twice() {
        let answer = Answer::error(StatusCode::NOT_FOUND, "no route", Audience::of_bytes(b""));
        let text = String::from_utf8(answer.to_http1()).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 404 Not Found\r\n"), "{head}");
        for field in [
            "cache-control: no-store",
            "content-type: application/problem+json",
            "connection: close",
        ] {
            assert!(head.lines().any(|line| line == field), "{field}\n{head}");
        }
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["status"], 404);
        assert_eq!(body["detail"], "no route");
    }
}
