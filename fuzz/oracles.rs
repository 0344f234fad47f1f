//! What must hold for any bytes whatever: an oracle for each parser that reads what strangers send. Each takes bytes and
//! panics if something does not hold. Each is a target of `cargo fuzz`, which looks for such bytes; the ordinary tests
//! try them on the corpus that it left (`tests/it/fuzz.rs`).

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::auth::redirect_url::RedirectUrl;
use countersign::config::Config;
use countersign::config::environment::Environment;
use countersign::config::mistake::Location;
use countersign::dialect::browser::return_to::ReturnTo;
use countersign::front::probe;
use countersign::header::cookie::{Names, without_ours};
use countersign::header::credential::{self, Authorization, Cookie};
use countersign::header::forwarded::{self, Edge, Trace, TrustedProxies};
use countersign::header::target::Target;
use countersign::model::client::{Client, Handoff};
use countersign::model::id::ClientId;
use countersign::model::time::Timestamp;
use countersign::model::token::{PlainToken, TokenKind};
use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, HeaderValue, Method};
use url::Url;

/// An oracle and its name.
pub type Oracle = (&'static str, fn(&[u8]));

/// Every oracle.
pub const ALL: [Oracle; 8] = [
    ("head", head),
    ("chunks", chunks),
    ("credential", credential),
    ("cookie", cookie),
    ("forwarded", forwarded_from),
    ("redirect", redirect),
    ("registered", registered),
    ("config", config),
];

/// A head that passes is read alike by another parser: as long, with as many fields, one host, one framing; and its path
/// means to a browser what it means to us.
pub fn head(bytes: &[u8]) {
    let Some((length, passed)) = probe::head(bytes) else {
        return;
    };
    for cut in [1, length / 2, length - 1] {
        assert!(probe::head(&bytes[..cut]).is_none(), "half a head passes");
    }
    let mut fields = [httparse::EMPTY_HEADER; 128];
    let mut request = httparse::Request::new(&mut fields);
    let read = request.parse(&passed).expect("another parser refuses it");
    assert_eq!(
        read,
        httparse::Status::Complete(passed.len()),
        "another parser ends it elsewhere"
    );
    let lines = passed.windows(2).filter(|two| two == b"\r\n").count();
    assert_eq!(
        request.headers.len(),
        lines - 2,
        "another parser sees other fields"
    );
    assert_eq!(
        passed.split(|byte| *byte == b'\n').count() - 1,
        lines,
        "a bare line feed"
    );
    let values = |name: &str| -> Vec<&[u8]> {
        let own = request
            .headers
            .iter()
            .filter(|field| field.name.eq_ignore_ascii_case(name));
        own.map(|field| field.value).collect()
    };
    assert_eq!(values("host").len(), 1);
    match (
        &values("content-length")[..],
        &values("transfer-encoding")[..],
    ) {
        ([], []) => {}
        ([length], []) => {
            let text = std::str::from_utf8(length).expect("digits");
            let number: u64 = text.parse().expect("a number");
            assert_eq!(number.to_string(), text, "a length with two spellings");
        }
        ([], [coding]) => assert!(coding.eq_ignore_ascii_case(b"chunked")),
        both => panic!("framed twice: {both:?}"),
    }
    let (method, path) = (
        request.method.expect("a method"),
        request.path.expect("a path"),
    );
    assert!(path.starts_with('/') || path == "*", "{path}");
    path.parse::<http::Uri>().expect("pingora refuses it");
    let method = method.parse::<Method>().expect("a method");
    target(path, &method);
}

/// A target that passes is, to a browser, the same path.
fn target(text: &str, method: &Method) {
    let Ok(target) = Target::parse(text.as_bytes(), method, "app.example") else {
        return;
    };
    assert_eq!(target.origin_form, text);
    if target.path == "*" || target.has_double_slash {
        return;
    }
    let url = Url::parse(&format!("http://app.example{text}")).expect("a URL");
    assert_eq!(url.host_str(), Some("app.example"));
    // Some browsers encode these two, and some leave them as they are.
    let plain = |path: &str| {
        let path = path.replace("%5E", "^").replace("%5e", "^");
        path.replace("%7C", "|").replace("%7c", "|")
    };
    assert_eq!(
        plain(url.path()),
        plain(target.path),
        "a browser takes another path"
    );
    let again = Target::parse(target.matching.as_bytes(), method, "app.example");
    assert!(
        again.is_ok_and(|again| again.matching == target.matching),
        "matching is not stable"
    );
}

/// What passes of a chunked body is decoded alike by another parser, ends where that says, and reads alike in pieces.
pub fn chunks(bytes: &[u8]) {
    let whole = probe::chunks(&[bytes]);
    for cut in [1, bytes.len() / 2, bytes.len().saturating_sub(1)] {
        let (first, rest) = bytes.split_at(cut.min(bytes.len()));
        assert_eq!(probe::chunks(&[first, rest]), whole, "cut at {cut}");
    }
    let Some((taken, is_whole)) = whole else {
        return;
    };
    let mut at = 0;
    loop {
        let status = httparse::parse_chunk_size(&bytes[at..]).expect("another parser refuses it");
        let httparse::Status::Complete((start, size)) = status else {
            assert!(!is_whole, "another parser wants more");
            return;
        };
        at += start + usize::try_from(size).expect("a size");
        if size == 0 {
            break;
        }
        let Some(end) = bytes.get(at..at + 2) else {
            assert!(!is_whole, "another parser wants more");
            return;
        };
        assert_eq!(end, b"\r\n", "another parser ends a chunk elsewhere");
        at += 2;
    }
    if !is_whole {
        return;
    }
    let end = bytes[at - 2..]
        .windows(4)
        .position(|four| four == b"\r\n\r\n");
    assert_eq!(
        end.map(|end| at - 2 + end + 4),
        Some(taken),
        "another parser ends it elsewhere"
    );
}

/// A credential that passes has one spelling, but for its scheme's letter case and the spaces after it.
pub fn credential(bytes: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(bytes.trim_ascii()) else {
        return;
    };
    let headers = HeaderMap::from_iter([(AUTHORIZATION, value.clone())]);
    let Ok(shown) = credential::read(&headers, "countersign") else {
        return;
    };
    let is_ours = matches!(shown.authorization, Authorization::Credential(_));
    assert!(
        !(is_ours && credential::is_foreign(&value)),
        "ours would be passed on"
    );
    if !is_ours {
        return;
    }
    let text = value.to_str().expect("ASCII");
    let (scheme, token) = text.rsplit_once(' ').unwrap_or(("", text));
    let is_token = |text: &str| PlainToken::parse(text).is_ok();
    match scheme.trim_end_matches(' ').to_ascii_lowercase().as_str() {
        "" | "bearer" => assert!(is_token(token), "{text:?}"),
        "basic" => {
            let pair = STANDARD.decode(token).expect("base64");
            assert_eq!(STANDARD.encode(&pair), token, "two spellings");
            let pair = String::from_utf8(pair).expect("ASCII");
            let (key, token) = pair.split_once(':').expect("a colon");
            assert!(is_token(key) && is_token(token), "{text:?}");
        }
        other => panic!("a scheme of nobody: {other:?}"),
    }
}

/// Our cookies are taken out wherever they are seen, nothing else is touched, and nothing of them is left.
pub fn cookie(bytes: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(bytes.trim_ascii()) else {
        return;
    };
    let headers = HeaderMap::from_iter([(COOKIE, value.clone())]);
    let names = Names {
        session: "countersign",
        elevation: "countersign-elevation",
    };
    let is_absent = [names.session, names.elevation].map(|name| {
        let shown = credential::read(&headers, name).expect("a cookie is never malformed");
        matches!(shown.cookie, Cookie::Absent)
    });
    let left = without_ours(&value, names);
    assert_eq!(
        left.is_none(),
        is_absent == [true; 2],
        "seen and not taken out"
    );
    if let Some(left) = left {
        for pair in left.as_bytes().split(|byte| *byte == b';') {
            let name = pair.split(|byte| *byte == b'=').next();
            let name = name.unwrap_or_default().trim_ascii();
            let is_ours = [names.session, names.elevation].map(str::as_bytes);
            assert!(!is_ours.contains(&name), "something is left");
            let is_part = value
                .as_bytes()
                .windows(pair.len().max(1))
                .any(|part| part == pair);
            assert!(pair.is_empty() || is_part, "another cookie was changed");
        }
    }
}

/// Who a client is, is the peer or one that a trusted proxy named; what goes upstream stands there once.
pub fn forwarded_from(bytes: &[u8]) {
    let mut headers = HeaderMap::new();
    let names = [
        "x-forwarded-for",
        "x-forwarded-proto",
        "x-forwarded-host",
        "traceparent",
        "x-request-id",
    ];
    for (line, name) in bytes.split(|byte| *byte == b'\n').zip(names.iter().cycle()) {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(*name, value);
        }
    }
    let trusted = TrustedProxies::new(&["10.0.0.0/8".parse().expect("a network")]);
    let [stranger, proxy] =
        ["192.0.2.1", "10.0.0.1"].map(|ip| ip.parse::<IpAddr>().expect("an address"));
    assert_eq!(
        trusted.client(stranger, &headers),
        stranger,
        "a stranger is believed"
    );
    let client = trusted.client(proxy, &headers);
    let text = String::from_utf8_lossy(bytes);
    let mut claimed = text
        .split([',', '\n'])
        .filter_map(|word| address(word.trim_ascii()));
    assert!(
        client == proxy || claimed.any(|ip| ip == client),
        "{client}"
    );
    for (peer, is_trusted) in [(stranger, false), (proxy, true)] {
        let trace = Trace::of(&headers, is_trusted);
        let mut stamped = if is_trusted {
            headers.clone()
        } else {
            HeaderMap::new()
        };
        let edge = Edge {
            peer,
            is_trusted,
            is_tls: false,
            host: "app.example",
        };
        forwarded::stamp(&mut stamped, &edge);
        trace.stamp(&mut stamped);
        for name in names {
            assert!(
                stamped.get_all(name).iter().count() <= 1,
                "{name} stands there twice"
            );
        }
        assert!(["http", "https"].contains(&stamped["x-forwarded-proto"].to_str().expect("ASCII")));
    }
}

fn address(text: &str) -> Option<IpAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let ip = bare.unwrap_or(text).parse().ok();
    let with_port = || Some(text.parse::<SocketAddr>().ok()?.ip());
    ip.or_else(with_port).map(|ip: IpAddr| ip.to_canonical())
}

/// A way back that is taken leads to the same origin, whoever resolves it.
pub fn redirect(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let Some(taken) = ReturnTo::parse(text) else {
        return;
    };
    assert_eq!(taken.as_str(), text);
    for base in [
        "https://a.example/",
        "https://a.example:8443/b/c?d",
        "http://[::1]/x/",
    ] {
        let base = Url::parse(base).expect("a URL");
        let there = base.join(text).expect("a URL");
        assert_eq!(there.origin(), base.origin(), "{text:?} leads elsewhere");
    }
    assert!(
        HeaderValue::from_str(text).is_ok(),
        "{text:?} is no value of Location"
    );
}

/// A URL that can be registered is of one host to everybody, wherever it is read; only the same text is that URL; and what
/// is added to it, is added to its query and to nothing else. The first line is registered, the second is asked for.
pub fn registered(bytes: &[u8]) {
    static TOKEN: LazyLock<PlainToken> = LazyLock::new(|| PlainToken::generate(TokenKind::Session));
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let (text, asked) = text.split_once('\n').unwrap_or((text, text));
    let client = Client {
        id: ClientId::parse("app").expect("an id"),
        name: "app".into(),
        redirect_urls: vec![text.into()],
        handoff: Handoff::Token,
        created_at: Timestamp::from_seconds(0),
    };
    let taken = RedirectUrl::parse(text);
    let found = RedirectUrl::of(&client, asked);
    assert_eq!(
        found.as_ref(),
        taken.as_ref().ok().filter(|_| asked == text),
        "another text is that URL"
    );
    let Ok(taken) = taken else { return };
    assert_eq!(taken.as_str(), text);
    let location = taken.with_token(&TOKEN);
    HeaderValue::from_str(&location).expect("a value of Location");
    let uri: http::Uri = location.parse().expect("another parser refuses it");
    let host = uri.host().expect("a host");
    assert!(["http", "https"].contains(&uri.scheme_str().expect("a scheme")));
    for base in ["https://here.example:8443/login?a", "http://[::1]/x/"] {
        let there = Url::parse(base).expect("a URL").join(&location);
        let there = there.expect("a browser refuses it");
        assert_eq!(there.origin(), taken.url().origin(), "{text:?}");
        assert_eq!(there.path(), taken.url().path(), "{text:?}");
        assert!(
            there
                .host_str()
                .is_some_and(|name| name.eq_ignore_ascii_case(host))
        );
        assert_eq!(there.port(), taken.url().port());
        let own = format!("sessionToken={}", TOKEN.expose());
        let query = there.query().expect("a query");
        let rest = query.strip_suffix(&own).expect("the token comes last");
        let before = rest.strip_suffix('&');
        assert_eq!(before, taken.url().query(), "{text:?}");
    }
}

/// A configuration is taken, and what is shown of it is the same configuration; or every mistake has its place in the file.
pub fn config(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let read = |text: &str| {
        let folder = Path::new("/nonexistent");
        Config::from_text(text, "fuzz.toml", folder, &Environment::empty())
    };
    match read(text) {
        Ok(config) => {
            let shown = config.show();
            let again = read(&shown).map(|config| config.show());
            assert_eq!(again.as_ref(), Ok(&shown), "what is shown is another");
        }
        Err(mistakes) => {
            assert!(!mistakes.list().is_empty(), "refused without a reason");
            let lines = text.split('\n').count();
            for mistake in mistakes.list() {
                let is_there = match mistake.location {
                    Location::File => true,
                    Location::Line { line, column } => {
                        (1..=lines).contains(&line) && (1..=text.len() + 1).contains(&column)
                    }
                    Location::Variable(_) => false,
                };
                assert!(is_there && !mistake.what.is_empty(), "{mistake:?}");
            }
        }
    }
}
