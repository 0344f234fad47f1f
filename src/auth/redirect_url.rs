//! A URL of a client application that a browser may be sent back to: what can be registered, when one that a request
//! names is that one, and what `Location` says in the end. One rule for whoever registers one and for whoever goes there.

use url::Url;

use crate::model::client::Client;
use crate::model::token::PlainToken;

/// A registered URL that a browser and any other reader take for the same place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedirectUrl {
    /// As it was registered.
    text: Box<str>,
    url: Url,
}

/// A text that cannot be registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected an absolute http or https URL of the characters of RFC 3986, without a fragment, a user or another spelling of its host"
)]
pub struct NotARedirectUrl;

impl RedirectUrl {
    /// Takes a URL that begins, but for letter case, with the scheme and host that a browser finds in it, whatever page the
    /// browser is on. `https:a.example` is a path of the page that leads there, `https://a.example\@b.example` is of one
    /// host to some and of another to others, and `https://0x7f.1` is an address that nobody reads.
    ///
    /// # Errors
    /// For any other text.
    pub fn parse(text: &str) -> Result<Self, NotARedirectUrl> {
        let url = Url::parse(text).map_err(|_| NotARedirectUrl)?;
        let is_web = matches!(url.scheme(), "http" | "https") && url.fragment().is_none();
        let is_uri = text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || MARKS.contains(&byte));
        if !is_web || !is_uri || !begins_with_its_host(text, &url) {
            return Err(NotARedirectUrl);
        }
        let text = text.into();
        Ok(Self { text, url })
    }

    /// The registered URL of a client that a request names: the same text, byte for byte. `None` also for one that could
    /// not be registered today.
    #[must_use]
    pub fn of(client: &Client, named: &str) -> Option<Self> {
        let registered = client.redirect_urls.iter().find(|url| ***url == *named)?;
        Self::parse(registered).ok()
    }

    /// The text that was registered.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What a browser makes of it.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The text with a token added to its query: a secret, to be sent to the browser alone.
    #[must_use]
    pub fn with_token(&self, token: &PlainToken) -> String {
        let separator = if self.text.contains('?') { '&' } else { '?' };
        format!("{}{separator}sessionToken={}", self.text, token.expose())
    }
}

/// What a URI is made of besides letters and digits; the rest browsers send encoded, and others refuse. Source: RFC 3986 §2.
const MARKS: &[u8] = b"-._~:/?#[]@!$&'()*+,;=%";

fn begins_with_its_host(text: &str, url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let start = format!("{}://{host}", url.scheme());
    let Some((first, rest)) = text.split_at_checked(start.len()) else {
        return false;
    };
    !host.is_empty()
        && first.eq_ignore_ascii_case(&start)
        && (rest.is_empty() || rest.starts_with(['/', '?', ':']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_that_everybody_reads_alike_is_taken_as_it_is() {
        for good in [
            "https://a.example",
            "https://a.example/",
            "HTTPS://A.example:443/back?x=1&y=%2F",
            "http://127.0.0.1:3000/",
            "http://[::1]:3000/a",
            "https://a.example?x",
            "https://a.example/@b.example",
        ] {
            assert_eq!(RedirectUrl::parse(good).unwrap().as_str(), good);
        }
    }

    #[test]
    fn what_is_no_url_of_the_web_or_is_read_in_two_ways_is_refused() {
        for bad in [
            "",
            "/back",
            "//a.example",
            "a.example",
            "javascript:alert(1)",
            "javascript://a.example/%0aalert(1)",
            "app://back",
            "https:a.example",
            "https:/a.example",
            "https:///a.example",
            "https:\\\\a.example",
            "https://a.example\\@b.example",
            "https://jo@a.example",
            "https://jo:pw@a.example/",
            "https://a.example@b.example/",
            "https://@a.example/",
            "https://0x7f.1/",
            "https://127.1/",
            "https://%61.example/",
            "https://ä.example/",
            "https://a.example/ä",
            "https://a.example/#x",
            "https://a.example/#",
            "https://a.example/ b",
            "https://a.example/`",
            "https://a.example/\\b",
            "https://a.example/?{b}",
            " https://a.example/",
            "https://a.example/\n",
            "ht\ntps://a.example/",
            "https://a.example:x/",
            "https://a.example:99999/",
        ] {
            assert_eq!(RedirectUrl::parse(bad), Err(NotARedirectUrl), "{bad:?}");
        }
    }
}
