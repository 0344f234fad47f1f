//! Bodies of the dialects' requests: JSON or form-encoded, small, and strict.
//!
//! A body is read into a [`Form`], a flat set of named texts. What it is written in is what `Content-Type` says; without
//! one, a body whose first character is `{` is JSON and any other is a form, since the clients of the seeds were never
//! told to send the field. Unknown names are ignored, whatever their values are. A name that stands twice, a text that is
//! something else, bytes that are not UTF-8, and another content type make a body malformed: two readers could
//! understand it differently.
//!
//! Each dialect says a [`BadBody`] in its own words.

use std::collections::BTreeMap;
use std::fmt;

use axum::body::Body;
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderName};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use percent_encoding::percent_decode_str;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use zeroize::Zeroize;

/// How large a body may be. Source: contract section 6.
pub const LARGEST_BODY: usize = 16 * 1024;

/// The named texts of one body. Not shown and wiped when dropped: some of them are passwords.
#[derive(Default)]
pub struct Form(BTreeMap<String, Field>);

/// Why a body is not a form that can be used. The text is for the client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadBody {
    /// It has more than [`LARGEST_BODY`] bytes: 413.
    #[error("the body has more than 16 KiB")]
    TooLarge,
    /// It ended early, or is not what it says it is: 400.
    #[error("{0}")]
    Malformed(&'static str),
    /// A name stands in it twice: 400.
    #[error("a field stands in the body twice")]
    Doubled,
    /// A field that is needed is not there: 400.
    #[error("the field `{0}` is missing")]
    Missing(&'static str),
    /// A field is there and is not a text: 400.
    #[error("the field `{0}` is not a string")]
    NotText(&'static str),
}

enum Field {
    Text(String),
    Null,
    Other,
}

impl Form {
    /// Reads a request's whole body. No body at all is an empty form.
    ///
    /// # Errors
    /// [`BadBody`], if it is too large, broken, or written in something else.
    pub async fn read(headers: &HeaderMap, body: Body) -> Result<Self, BadBody> {
        let limited = Limited::new(body, LARGEST_BODY).collect().await;
        let bytes = limited.map_err(|error| {
            if error.is::<LengthLimitError>() {
                BadBody::TooLarge
            } else {
                BadBody::Malformed("the body ended early")
            }
        })?;
        Self::parse(headers, &bytes.to_bytes())
    }

    /// The text of a field.
    ///
    /// # Errors
    /// [`BadBody::Missing`] or [`BadBody::NotText`].
    pub fn text(&self, name: &'static str) -> Result<&str, BadBody> {
        self.optional(name)?.ok_or(BadBody::Missing(name))
    }

    /// The text of a field that may be left out; `null` counts as left out.
    ///
    /// # Errors
    /// [`BadBody::NotText`].
    pub fn optional(&self, name: &'static str) -> Result<Option<&str>, BadBody> {
        match self.0.get(name) {
            None | Some(Field::Null) => Ok(None),
            Some(Field::Text(text)) => Ok(Some(text)),
            Some(Field::Other) => Err(BadBody::NotText(name)),
        }
    }

    fn parse(headers: &HeaderMap, body: &Bytes) -> Result<Self, BadBody> {
        if headers.contains_key(CONTENT_ENCODING) {
            return Err(BadBody::Malformed("the body may not be compressed"));
        }
        let looks_like_json = body.trim_ascii_start().starts_with(b"{");
        match written_in(headers)? {
            _ if body.is_empty() => Ok(Self::default()),
            Some(Syntax::Json) => json(body),
            None if looks_like_json => json(body),
            Some(Syntax::Form) if looks_like_json => Err(BadBody::Malformed(
                "the body looks like JSON and its Content-Type says that it is a form",
            )),
            Some(Syntax::Form) | None => form(body),
        }
    }
}

impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Form(…)")
    }
}

impl Drop for Form {
    fn drop(&mut self) {
        for field in self.0.values_mut() {
            if let Field::Text(text) = field {
                text.zeroize();
            }
        }
    }
}

enum Syntax {
    Json,
    Form,
}

fn written_in(headers: &HeaderMap) -> Result<Option<Syntax>, BadBody> {
    let Some(value) = only(headers, &CONTENT_TYPE)? else {
        return Ok(None);
    };
    let mut parts = value.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
    let is_utf8 = parts
        .filter_map(|parameter| parameter.split_once('='))
        .filter(|(name, _)| name.eq_ignore_ascii_case("charset"))
        .all(|(_, charset)| charset.trim_matches('"').eq_ignore_ascii_case("utf-8"));
    match essence.as_str() {
        _ if !is_utf8 => Err(BadBody::Malformed("the body has to be UTF-8")),
        "application/json" => Ok(Some(Syntax::Json)),
        "application/x-www-form-urlencoded" => Ok(Some(Syntax::Form)),
        _ => Err(BadBody::Malformed(
            "the Content-Type has to be application/json or application/x-www-form-urlencoded",
        )),
    }
}

fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, BadBody> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value
            .to_str()
            .map(Some)
            .map_err(|_| BadBody::Malformed("the Content-Type is not readable")),
        (Some(_), Some(_)) => Err(BadBody::Malformed("there is more than one Content-Type")),
    }
}

fn json(body: &[u8]) -> Result<Form, BadBody> {
    serde_json::from_slice(body).map_err(|error| {
        if error.to_string().starts_with(DOUBLED) {
            BadBody::Doubled
        } else {
            BadBody::Malformed("the body is not a JSON object")
        }
    })
}

/// Source: the URL Standard, application/x-www-form-urlencoded parsing, but for what it repairs: a `%` without two hex
/// digits and bytes that are not UTF-8 are refused here.
fn form(body: &[u8]) -> Result<Form, BadBody> {
    let broken = BadBody::Malformed("the body is not form-encoded UTF-8");
    let text = std::str::from_utf8(body).map_err(|_| broken.clone())?;
    let mut form = Form::default();
    for pair in text.trim_end().split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decode(name).ok_or_else(|| broken.clone())?;
        let value = decode(value).ok_or_else(|| broken.clone())?;
        if form.0.insert(name, Field::Text(value)).is_some() {
            return Err(BadBody::Doubled);
        }
    }
    Ok(form)
}

fn decode(text: &str) -> Option<String> {
    let is_hex = |digits: Option<&str>| {
        digits.is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    if !text.split('%').skip(1).all(|rest| is_hex(rest.get(..2))) {
        return None;
    }
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced)
        .decode_utf8()
        .ok()
        .map(Into::into)
}

impl<'de> Deserialize<'de> for Form {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Form;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Form, A::Error> {
                let mut form = Form::default();
                while let Some((name, field)) = map.next_entry::<String, Field>()? {
                    if form.0.insert(name, field).is_some() {
                        return Err(A::Error::custom(DOUBLED));
                    }
                }
                Ok(form)
            }
        }

        deserializer.deserialize_map(Object)
    }
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Field;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Field, E> {
                Ok(Field::Text(text.to_owned()))
            }

            fn visit_unit<E: Error>(self) -> Result<Field, E> {
                Ok(Field::Null)
            }

            fn visit_bool<E: Error>(self, _: bool) -> Result<Field, E> {
                Ok(Field::Other)
            }

            fn visit_i64<E: Error>(self, _: i64) -> Result<Field, E> {
                Ok(Field::Other)
            }

            fn visit_u64<E: Error>(self, _: u64) -> Result<Field, E> {
                Ok(Field::Other)
            }

            fn visit_f64<E: Error>(self, _: f64) -> Result<Field, E> {
                Ok(Field::Other)
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(
                self,
                mut seq: A,
            ) -> Result<Field, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Field::Other)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Field, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Field::Other)
            }
        }

        deserializer.deserialize_any(Any)
    }
}

const DOUBLED: &str = "a name stands twice";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_and_forms_say_the_same() {
        for (content_type, body) in [
            (Some("application/json"), r#"{"a":"x y","b":"ü","c":1}"#),
            (
                Some("Application/JSON; charset=UTF-8"),
                r#" {"a":"x y","b":"ü"} "#,
            ),
            (None, r#"{"a":"x y","b":"\u00fc","c":{"a":["z"]}}"#),
            (
                Some("application/x-www-form-urlencoded"),
                "a=x+y&b=%C3%BC&c=",
            ),
            (None, "a=x%20y&b=ü&"),
        ] {
            let form = parse(content_type, body).unwrap();
            assert_eq!(form.text("a"), Ok("x y"), "{body}");
            assert_eq!(form.text("b"), Ok("ü"), "{body}");
            assert_eq!(form.text("d"), Err(BadBody::Missing("d")), "{body}");
        }
    }

    #[test]
    fn what_could_be_read_two_ways_is_refused() {
        for (content_type, body) in [
            (Some("application/json"), r#"{"a":"x","a":"x"}"#),
            (Some("application/json"), r#"{"a":"x","\u0061":"y"}"#),
            (None, "a=1&a=2"),
            (None, "a=1&%61=2"),
        ] {
            assert_eq!(
                parse(content_type, body).unwrap_err(),
                BadBody::Doubled,
                "{body}"
            );
        }
        for (content_type, body) in [
            (Some("application/json"), "[]"),
            (Some("application/json"), r#"{"a":"x"}{"#),
            (Some("application/json"), r#"{"a":"#),
            (Some("application/json"), "a=1"),
            (Some("text/plain"), "a=1"),
            (Some("multipart/form-data; boundary=x"), "a=1"),
            (Some("application/json; charset=latin1"), "{}"),
            (Some("application/x-www-form-urlencoded"), r#"{"a":"x"}"#),
            (None, "a=%zz"),
            (None, "a=%4"),
            (None, "a=%+1"),
            (None, "a=%ff"),
        ] {
            assert!(
                matches!(parse(content_type, body), Err(BadBody::Malformed(_))),
                "{body}"
            );
        }
    }

    #[test]
    fn only_a_string_is_a_text_and_null_is_left_out() {
        for other in ["1", "1.5", "-1", "true", "[]", "{}", r#"["x"]"#] {
            let form = parse(None, &format!(r#"{{"a":{other}}}"#)).unwrap();
            assert_eq!(form.text("a"), Err(BadBody::NotText("a")), "{other}");
        }
        let form = parse(None, r#"{"a":null}"#).unwrap();
        assert_eq!(form.text("a"), Err(BadBody::Missing("a")));
    }

    #[tokio::test]
    async fn the_limit_is_exact_and_no_body_is_an_empty_form() {
        let fits = format!("a={}", "x".repeat(LARGEST_BODY - 2));
        let read = |text: String| async move { Form::read(&HeaderMap::new(), text.into()).await };
        assert!(read(fits.clone()).await.is_ok());
        assert_eq!(
            read(format!("{fits}x")).await.unwrap_err(),
            BadBody::TooLarge
        );
        assert_eq!(
            read(String::new()).await.unwrap().text("a"),
            Err(BadBody::Missing("a"))
        );
    }

    fn parse(content_type: Option<&'static str>, body: &str) -> Result<Form, BadBody> {
        let mut headers = HeaderMap::new();
        if let Some(value) = content_type {
            headers.insert(CONTENT_TYPE, http::HeaderValue::from_static(value));
        }
        Form::parse(&headers, &Bytes::copy_from_slice(body.as_bytes()))
    }
}
