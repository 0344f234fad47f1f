//! HTTP/2 requests and frames that two servers could read in two ways, or that nobody should send: one line each, sent as
//! bytes, with an app behind that writes down what it gets. What HTTP/1.1 would refuse is refused, by an answer or by a
//! reset of its stream, and reaches nobody.
//!
//! A head begins as `GET /a` for `a.example` over https; each part then changes it:
//!
//! | part | what it does |
//! |---|---|
//! | `:path /b` | another value of a pseudo field that is there |
//! | `-:path` | takes it away |
//! | `+:path /b` | adds a field of that name at the end |
//! | `^x y` | adds one at the front |
//! | `x y` | adds one at the end: up to the first space its name, then its value |
//! | `=abc` | a body, in one frame |
//! | `~x y` | a trailer, after the body |
//!
//! Characters are bytes, U+0000 to U+00FF. Verdicts: `ok LINE` (the request line that the app gets), a status, `reset`,
//! `goaway`.

use crate::support::Upstream;
use crate::support::http2::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, Http2, PING, PREFACE, PRIORITY,
    PUSH_PROMISE, RST_STREAM, SETTINGS, Verdict, WINDOW_UPDATE, block, frame, plain,
};
use crate::support::message::Message;

use super::http2::World;

const LIMITS: &str =
    "[limits]\nheader_bytes = \"4KiB\"\nheader_fields = 20\ntarget_bytes = \"256B\"\n";

#[rustfmt::skip] // a line per vector
const HEADS: &[(&str, &[&str], &str)] = &[
    // The target: what is not refused reaches the app byte for byte.
    ("a plain request", &[], "ok GET /a HTTP/1.1"),
    ("the root", &[":path /"], "ok GET / HTTP/1.1"),
    ("a query", &[":path /a?b=c&d"], "ok GET /a?b=c&d HTTP/1.1"),
    ("an empty query", &[":path /a?"], "ok GET /a? HTTP/1.1"),
    ("a question mark in the query", &[":path /a?b?c"], "ok GET /a?b?c HTTP/1.1"),
    ("a slash at the end", &[":path /a/"], "ok GET /a/ HTTP/1.1"),
    ("parameters", &[":path /a;b=c/d"], "ok GET /a;b=c/d HTTP/1.1"),
    ("encoded unreserved", &[":path /%7ea"], "ok GET /%7ea HTTP/1.1"),
    ("an encoded space", &[":path /a%20b"], "ok GET /a%20b HTTP/1.1"),
    ("an encoded question mark", &[":path /a%3Fb"], "ok GET /a%3Fb HTTP/1.1"),
    ("an encoded hash", &[":path /a%23b"], "ok GET /a%23b HTTP/1.1"),
    ("an encoded percent", &[":path /a%25b"], "ok GET /a%25b HTTP/1.1"),
    ("brackets and bars as browsers send them", &[":path /a[b]|c^d"], "ok GET /a[b]|c^d HTTP/1.1"),
    ("three dots", &[":path /..."], "ok GET /... HTTP/1.1"),
    ("dots within a name", &[":path /a..b"], "ok GET /a..b HTTP/1.1"),
    ("dots in the query", &[":path /a?../.."], "ok GET /a?../.. HTTP/1.1"),
    ("slashes in the query", &[":path /a?//"], "ok GET /a?// HTTP/1.1"),
    ("braces in the query", &[":path /a?{b}"], "ok GET /a?{b} HTTP/1.1"),
    ("a percent in the query", &[":path /a?%"], "ok GET /a?% HTTP/1.1"),
    ("a fragment", &[":path /a#b"], "400"),
    ("a fragment of nothing", &[":path /a#"], "400"),
    ("a fragment in the query", &[":path /a?b#c"], "400"),
    ("a fragment that a route could hide behind", &[":path /a#/../in"], "400"),
    ("a hash in a field", &["x a#b"], "ok GET /a HTTP/1.1"),
    ("no slash first", &[":path a"], "reset"),
    ("an empty path", &[":path "], "reset"),
    ("a query alone", &[":path ?a"], "400"),
    ("an asterisk for GET", &[":path *"], "400"),
    ("an asterisk and more", &[":method OPTIONS", ":path *a"], "reset"),
    ("an absolute target", &[":path https://a.example/a"], "reset"),
    ("an absolute target of another host", &[":path http://b.example/a"], "reset"),
    ("an authority in the path", &[":path //b.example/a"], "400"),
    ("an empty segment", &[":path /a//b"], "400"),
    ("two slashes", &[":path //"], "400"),
    ("a dot", &[":path /."], "400"),
    ("a dot within", &[":path /a/./b"], "400"),
    ("a dot at the end", &[":path /a/."], "400"),
    ("two dots", &[":path /.."], "400"),
    ("two dots within", &[":path /a/../b"], "400"),
    ("two dots at the end", &[":path /a/.."], "400"),
    ("two dots with a parameter", &[":path /a/..;x/b"], "400"),
    ("a dot with a parameter", &[":path /a/.;/b"], "400"),
    ("encoded dots", &[":path /%2e%2e/a"], "400"),
    ("an encoded dot", &[":path /%2E/a"], "400"),
    ("half encoded dots", &[":path /.%2e/a"], "400"),
    ("an encoded dot in a name", &[":path /a%2eb"], "400"),
    ("an encoded slash", &[":path /a%2fb"], "400"),
    ("an encoded slash in upper case", &[":path /a%2Fb"], "400"),
    ("an encoded backslash", &[":path /a%5cb"], "400"),
    ("a backslash", &[":path /a\\b"], "400"),
    ("dots behind a backslash", &[":path /a\\..\\b"], "400"),
    ("an encoded NUL", &[":path /a%00"], "400"),
    ("a percent alone", &[":path /a%"], "400"),
    ("a percent and one digit", &[":path /a%2"], "400"),
    ("a percent and no digits", &[":path /a%zz"], "400"),
    ("overlong UTF-8 for a slash is bytes", &[":path /a%c0%af"], "ok GET /a%c0%af HTTP/1.1"),
    ("a dot encoded twice is a percent", &[":path /%252e%252e/a"], "ok GET /%252e%252e/a HTTP/1.1"),
    ("braces", &[":path /{a}"], "400"),
    ("a quote", &[":path /a\"b"], "400"),
    ("less than", &[":path /a<b"], "reset"),
    ("greater than", &[":path /a>b"], "reset"),
    ("a backtick", &[":path /a`b"], "reset"),
    ("a quote in the query", &[":path /a?\""], "reset"),
    ("less than in the query", &[":path /a?<"], "reset"),
    ("a space", &[":path /a b"], "reset"),
    ("a second request line", &[":path /a HTTP/1.1\r\nHost: b"], "reset"),
    ("a tab", &[":path /a\tb"], "reset"),
    ("a CR", &[":path /a\rb"], "reset"),
    ("an LF", &[":path /a\nb"], "reset"),
    ("a NUL", &[":path /a\0b"], "reset"),
    ("DEL", &[":path /a\u{7f}b"], "reset"),
    ("a byte that is not ASCII", &[":path /\u{e4}"], "goaway"),
    ("UTF-8", &[":path /\u{c3}\u{a4}"], "400"),
    ("a space in the query", &[":path /a?b c"], "reset"),
    ("an LF in the query", &[":path /a?b\nc"], "reset"),
    // Whose it is.
    ("a host in capitals", &[":authority A.EXAMPLE"], "ok GET /a HTTP/1.1"),
    ("a host with a port", &[":authority a.example:8443"], "ok GET /a HTTP/1.1"),
    ("a host with a final dot", &[":authority a.example."], "ok GET /a HTTP/1.1"),
    ("a host that the certificate is not for", &[":authority b.example"], "421"),
    ("a parent of the certificate's host", &[":authority example"], "421"),
    ("an address that the certificate is not for", &[":authority 127.0.0.1"], "421"),
    ("an address in brackets", &[":authority [::1]:1"], "421"),
    ("no authority", &["-:authority"], "400"),
    ("an empty authority", &[":authority "], "reset"),
    ("user information", &[":authority jo@a.example"], "400"),
    ("user information and a password", &[":authority jo:pw@a.example"], "400"),
    ("another host as user information", &[":authority a.example@b.example"], "400"),
    ("a list of hosts", &[":authority a.example,b.example"], "400"),
    ("a space in the host", &[":authority a.example b"], "reset"),
    ("a path in the authority", &[":authority a.example/b"], "reset"),
    ("a query in the authority", &[":authority a.example?b"], "reset"),
    ("a fragment in the authority", &[":authority a.example#b"], "reset"),
    ("a port that is no number", &[":authority a.example:x"], "400"),
    ("a port that is too large", &[":authority a.example:65536"], "400"),
    ("two ports", &[":authority a.example:1:2"], "reset"),
    ("half a bracket", &[":authority [::1"], "reset"),
    ("a host with an LF", &[":authority a.example\nx: y"], "reset"),
    ("a host that is encoded", &[":authority a%2eexample"], "reset"),
    ("a host with two dots", &[":authority a..example"], "400"),
    ("a host that is not ASCII", &[":authority \u{e4}.example"], "goaway"),
    ("Host alone", &["-:authority", "host a.example"], "ok GET /a HTTP/1.1"),
    ("Host and the same authority", &["host a.example"], "ok GET /a HTTP/1.1"),
    ("Host and the same authority in capitals", &["host A.example"], "400"),
    ("Host and another authority", &["host b.example"], "400"),
    ("Host with another port", &["host a.example:1"], "400"),
    ("an empty Host", &["host "], "400"),
    ("Host twice", &["host a.example", "host a.example"], "400"),
    ("Host twice, and no authority", &["-:authority", "host a.example", "host b.example"], "400"),
    ("Host alone, of nobody", &["-:authority", "host b.example"], "421"),
    ("Host alone, with user information", &["-:authority", "host jo@a.example"], "400"),
    // Pseudo fields.
    ("no method", &["-:method"], "reset"),
    ("no scheme", &["-:scheme"], "reset"),
    ("no path", &["-:path"], "reset"),
    ("two methods", &["+:method GET"], "reset"),
    ("two paths", &["+:path /b"], "reset"),
    ("two schemes", &["+:scheme https"], "reset"),
    ("two authorities", &["+:authority a.example"], "reset"),
    ("a pseudo field of a response", &["+:status 200"], "reset"),
    ("a pseudo field that nobody knows", &["+:user jo"], "goaway"),
    ("a pseudo field in capitals", &["+:Path /b"], "goaway"),
    ("a pseudo field after a field", &["-:path", "x y", "+:path /b"], "reset"),
    ("a field before the pseudo fields", &["^x y"], "reset"),
    ("a colon for a name", &["+: x"], "goaway"),
    (":protocol without CONNECT", &["+:protocol websocket"], "reset"),
    ("a scheme that is not of the web", &[":scheme ftp"], "400"),
    ("an empty scheme", &[":scheme "], "400"),
    ("a scheme that is none", &[":scheme ht tp"], "reset"),
    ("a scheme in capitals", &[":scheme HTTPS"], "ok GET /a HTTP/1.1"),
    ("http over TLS", &[":scheme http"], "ok GET /a HTTP/1.1"),
    // Methods.
    ("a method that nobody knows", &[":method PURGE"], "ok PURGE /a HTTP/1.1"),
    ("a method in lower case", &[":method get"], "ok get /a HTTP/1.1"),
    ("HEAD", &[":method HEAD"], "ok HEAD /a HTTP/1.1"),
    ("an asterisk for OPTIONS", &[":method OPTIONS", ":path *"], "ok OPTIONS * HTTP/1.1"),
    ("TRACE", &[":method TRACE"], "405"),
    ("CONNECT with a path", &[":method CONNECT"], "reset"),
    ("CONNECT", &[":method CONNECT", "-:path", "-:scheme"], "405"),
    ("CONNECT for a protocol", &[":method CONNECT", "+:protocol websocket"], "reset"),
    ("an empty method", &[":method "], "goaway"),
    ("a method with a space", &[":method GE T"], "goaway"),
    ("a method with an LF", &[":method GET\nx"], "goaway"),
    ("a method that is not ASCII", &[":method G\u{e4}T"], "goaway"),
    ("a method that is too long", &[":method AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"], "400"),
    // Fields that belong to a connection.
    ("Connection", &["connection close"], "reset"),
    ("Connection with a name", &["connection x-forwarded-user"], "reset"),
    ("Keep-Alive", &["keep-alive timeout=5"], "reset"),
    ("Proxy-Connection", &["proxy-connection keep-alive"], "reset"),
    ("Transfer-Encoding", &["transfer-encoding chunked"], "reset"),
    ("Transfer-Encoding of another kind", &["transfer-encoding gzip"], "reset"),
    ("Transfer-Encoding with a body of chunks", &[":method POST", "transfer-encoding chunked", "=0\r\n\r\nGET /b HTTP/1.1\r\n\r\n"], "reset"),
    ("Upgrade", &["upgrade websocket"], "reset"),
    ("Upgrade to h2c", &["upgrade h2c"], "reset"),
    ("TE", &["te gzip"], "reset"),
    ("TE with trailers and more", &["te trailers, gzip"], "reset"),
    ("TE with trailers", &["te trailers"], "ok GET /a HTTP/1.1"),
    // Names and values.
    ("a name in capitals", &["X-Custom 1"], "goaway"),
    ("one capital", &["x-Custom 1"], "goaway"),
    ("an empty name", &[" x"], "goaway"),
    ("a name with a colon", &["x: y"], "goaway"),
    ("a name with an LF", &["x\ny z"], "goaway"),
    ("a name with a NUL", &["x\0y z"], "goaway"),
    ("a name with a quote", &["x\"y z"], "400"),
    ("a name that is not ASCII", &["x\u{e4} z"], "goaway"),
    ("a name with a slash", &["x/y z"], "goaway"),
    ("a name with every mark of a token", &["x!#$%&'*+-.^_`|~ z"], "ok GET /a HTTP/1.1"),
    ("a value with a CR", &["x a\rb"], "goaway"),
    ("a value with an LF", &["x a\nb"], "goaway"),
    ("a value with a line of its own", &["x a\r\nx-forwarded-user: jo"], "goaway"),
    ("a value with a NUL", &["x a\0b"], "goaway"),
    ("a value with DEL", &["x a\u{7f}b"], "goaway"),
    ("a value with a control byte", &["x a\u{1}b"], "goaway"),
    ("a value with a space first", &["x  a"], "400"),
    ("a value with a space last", &["x a "], "400"),
    ("a value with a tab last", &["x a\t"], "400"),
    ("a value with a tab within", &["x a\tb"], "ok GET /a HTTP/1.1"),
    ("a value that is not ASCII", &["x \u{e4}"], "ok GET /a HTTP/1.1"),
    ("an empty value", &["x "], "ok GET /a HTTP/1.1"),
    // How long the body is.
    ("a body", &[":method POST", "=abc"], "ok POST /a HTTP/1.1"),
    ("a body of the length that is said", &[":method POST", "content-length 3", "=abc"], "ok POST /a HTTP/1.1"),
    ("no body, and a length of nothing", &[":method POST", "content-length 0"], "ok POST /a HTTP/1.1"),
    ("no body, and a length", &[":method POST", "content-length 3"], "reset"),
    ("less than is said", &[":method POST", "content-length 4", "=abc"], "reset"),
    ("more than is said", &[":method POST", "content-length 2", "=abc"], "reset"),
    ("a request in a body that is too long", &[":method POST", "content-length 0", "=GET /b HTTP/1.1\r\nHost: a\r\n\r\n"], "reset"),
    ("a length with a sign", &[":method POST", "content-length +3", "=abc"], "reset"),
    ("a negative length", &[":method POST", "content-length -3", "=abc"], "reset"),
    ("a length with a zero first", &[":method POST", "content-length 03", "=abc"], "400"),
    ("a length in hexadecimal", &[":method POST", "content-length 0x3", "=abc"], "reset"),
    ("a length that is a word", &[":method POST", "content-length abc", "=abc"], "reset"),
    ("an empty length", &[":method POST", "content-length ", "=abc"], "reset"),
    ("a list of lengths", &[":method POST", "content-length 3, 3", "=abc"], "reset"),
    ("the same length twice", &[":method POST", "content-length 3", "content-length 3", "=abc"], "400"),
    ("two lengths", &[":method POST", "content-length 3", "content-length 4", "=abc"], "reset"),
    ("a length that no number holds", &[":method POST", "content-length 99999999999999999999", "=abc"], "reset"),
    // Trailers reach nobody.
    ("a trailer", &[":method POST", "=abc", "~x y"], "ok POST /a HTTP/1.1"),
    ("an identity in a trailer", &[":method POST", "=abc", "~x-forwarded-user jo"], "ok POST /a HTTP/1.1"),
    ("a pseudo field in a trailer", &[":method POST", "=abc", "~:path /b"], "goaway"),
    ("a pseudo field among trailers", &[":method POST", "=abc", "~x y", "~:authority b.example"], "goaway"),
    // Caps.
    ("a target of the length that may be", &[":path /256"], "ok GET /256 HTTP/1.1"),
    ("a target that is too long", &[":path /257"], "414"),
    ("as many fields as may be", &["*19"], "ok GET /a HTTP/1.1"),
    ("more fields", &["*20"], "431"),
    ("a head that is too long", &["x 4096"], "431"),
    // Credentials and identity.
    ("nothing where something is needed", &[":path /in"], "401"),
    ("a token of nobody", &[":path /in", "authorization Bearer abc"], "401"),
    ("two credentials", &[":path /in", "authorization Bearer abc", "authorization Bearer abc"], "400"),
    ("two credentials in two fields", &[":path /in", "authorization Bearer abc", "x-auth abc"], "400"),
    ("two credentials where none is needed", &["x-auth abc", "x-auth abc"], "400"),
    ("a credential that is none", &[":path /in", "authorization Basic !"], "400"),
    ("an identity", &["x-forwarded-user jo"], "ok GET /a HTTP/1.1"),
    ("an identity with underscores", &["x_forwarded_user jo"], "ok GET /a HTTP/1.1"),
    ("an identity with dots", &["x.forwarded.user jo"], "ok GET /a HTTP/1.1"),
    ("another server's identity", &["remote-user jo"], "ok GET /a HTTP/1.1"),
    ("where it came from", &["x-forwarded-for 10.9.8.7", "forwarded for=10.9.8.7"], "ok GET /a HTTP/1.1"),
    ("another URL", &["x-original-url /in", "x-rewrite-url /in"], "ok GET /a HTTP/1.1"),
    ("a dead cookie", &[":path /in", "cookie __Host-countersign=css_x", "cookie countersign=css_x"], "401"),
];

/// Frames after the preface, the settings and, on stream 1, an open POST to `/a`; and what becomes of stream 1 then.
#[rustfmt::skip]
fn frames() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let get = |stream| frame(HEADERS, END_HEADERS | END_STREAM, stream, &block(&plain("/b")));
    let end = || frame(DATA, END_STREAM, 1, b"x");
    let setting = |id: u8, value: u32| frame(SETTINGS, 0, 0, &[&[0, id], &value.to_be_bytes()[..]].concat());
    let raw = |header: &[u8]| frame(HEADERS, END_HEADERS | END_STREAM, 3, header);
    vec![
        ("the body's end", end(), "ok"),
        ("a frame that nobody knows is left alone", [frame(0xbe, 0xff, 1, b"abc"), end()].concat(), "ok"),
        ("a setting that nobody knows is left alone", [setting(0xbe, 1), end()].concat(), "ok"),
        ("a PING that is answered", [frame(PING, 0, 0, &[7; 8]), end()].concat(), "ok"),
        ("padding", [frame(DATA, 8, 1, &[2, b'x', 0, 0]), end()].concat(), "ok"),
        ("a GOAWAY lets what is open end", [frame(GOAWAY, 0, 0, &[0; 8]), end()].concat(), "ok"),
        ("a second stream's head in two frames", [frame(HEADERS, END_STREAM, 3, &block(&plain("/b"))[..9]), frame(CONTINUATION, END_HEADERS, 3, &block(&plain("/b"))[9..]), end()].concat(), "ok"),
        ("DATA on stream 0", frame(DATA, 0, 0, b"x"), "goaway"),
        ("DATA on a stream that was not begun", frame(DATA, 0, 5, b"x"), "goaway"),
        ("padding that is longer than its frame", frame(DATA, 8, 1, &[9, 0]), "goaway"),
        ("HEADERS on stream 0", frame(HEADERS, END_HEADERS, 0, &block(&plain("/b"))), "goaway"),
        ("an even stream", get(2), "goaway"),
        ("a stream that goes back", [get(7), get(5)].concat(), "goaway"),
        ("padding that is longer than its head", frame(HEADERS, END_HEADERS | 8, 3, &[9, 0x82]), "goaway"),
        ("another frame within a head", [frame(HEADERS, 0, 3, &[0x82]), frame(PING, 0, 0, &[0; 8])].concat(), "goaway"),
        ("another stream's frame within a head", [frame(HEADERS, 0, 3, &[0x82]), frame(CONTINUATION, END_HEADERS, 5, &[0x84])].concat(), "goaway"),
        ("CONTINUATION of nothing", frame(CONTINUATION, END_HEADERS, 1, &[0x82]), "goaway"),
        ("CONTINUATION on stream 0", frame(CONTINUATION, END_HEADERS, 0, &[0x82]), "goaway"),
        ("index 0", raw(&[0x80]), "goaway"),
        ("an index beyond the table", raw(&[0xff, 0xff, 0x03]), "goaway"),
        ("an integer that does not end", raw(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), "goaway"),
        ("a string that is longer than its block", raw(&[0x10, 0x7e, b'x']), "goaway"),
        ("a Huffman code that does not end", raw(&[0x10, 1, b'x', 0x84, 0xff, 0xff, 0xff, 0xff]), "goaway"),
        ("a table that is larger than allowed", raw(&[0x3f, 0xe1, 0xff, 0x03, 0x82]), "goaway"),
        ("an empty block", raw(&[]), "ok, and 3 reset"),
        ("PRIORITY on stream 0", frame(PRIORITY, 0, 0, &[0; 5]), "goaway"),
        ("PRIORITY that is too short", frame(PRIORITY, 0, 1, &[0; 4]), "goaway"),
        ("RST_STREAM on stream 0", frame(RST_STREAM, 0, 0, &[0; 4]), "goaway"),
        ("RST_STREAM of a stream that was not begun", frame(RST_STREAM, 0, 5, &[0; 4]), "goaway"),
        ("RST_STREAM that is too short", frame(RST_STREAM, 0, 1, &[0; 3]), "goaway"),
        ("SETTINGS on a stream", frame(SETTINGS, 0, 1, &[]), "goaway"),
        ("SETTINGS that are no six bytes", frame(SETTINGS, 0, 0, &[0; 5]), "goaway"),
        ("an acknowledgement with a payload", frame(SETTINGS, 1, 0, &[0; 6]), "goaway"),
        ("push that is neither on nor off", setting(2, 2), "goaway"),
        ("a window that is too large", setting(4, 0x8000_0000), "goaway"),
        ("a frame size that is too small", setting(5, 1), "goaway"),
        ("a frame size that is too large", setting(5, 0x100_0000), "goaway"),
        ("PUSH_PROMISE", frame(PUSH_PROMISE, END_HEADERS, 1, &[0, 0, 0, 2, 0x82]), "goaway"),
        ("PING on a stream", frame(PING, 0, 1, &[0; 8]), "goaway"),
        ("PING that is too short", frame(PING, 0, 0, &[0; 7]), "goaway"),
        ("GOAWAY on a stream", frame(GOAWAY, 0, 1, &[0; 8]), "goaway"),
        ("GOAWAY that is too short", frame(GOAWAY, 0, 0, &[0; 7]), "goaway"),
        ("WINDOW_UPDATE of nothing", frame(WINDOW_UPDATE, 0, 0, &[0; 4]), "goaway"),
        ("WINDOW_UPDATE that is too short", frame(WINDOW_UPDATE, 0, 0, &[0; 3]), "goaway"),
        ("WINDOW_UPDATE of a stream that was not begun", frame(WINDOW_UPDATE, 0, 5, &[0, 0, 0, 1]), "goaway"),
        ("a window that overflows", frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0xff, 0xff]), "goaway"),
        ("a stream's window that overflows", frame(WINDOW_UPDATE, 0, 1, &[0x7f, 0xff, 0xff, 0xff]), "reset"),
        ("WINDOW_UPDATE of nothing on a stream", frame(WINDOW_UPDATE, 0, 1, &[0; 4]), "goaway"),
        ("a frame that is too long", frame(DATA, 0, 1, &[0; 16_385]), "goaway"),
        ("a second preface", PREFACE.to_vec(), "goaway"),
        ("HTTP/1.1", b"GET /b HTTP/1.1\r\nHost: a.example\r\n\r\n".to_vec(), "goaway"),
    ]
}

type Field = (Vec<u8>, Vec<u8>);

/// A request of the table, as fields, body and trailers.
#[derive(Default)]
struct Request {
    head: Vec<Field>,
    body: Option<Vec<u8>>,
    trailers: Vec<Field>,
}

fn bytes(text: &str) -> Vec<u8> {
    text.chars()
        .map(|it| u8::try_from(u32::from(it)).unwrap())
        .collect()
}

fn field(text: &str) -> Field {
    let (name, value) = text.split_once(' ').unwrap_or((text, ""));
    (bytes(name), bytes(value))
}

impl Request {
    fn of(parts: &[&str]) -> Self {
        let mut request = Self::default();
        let base = plain("/a");
        request.head = base
            .iter()
            .map(|(name, value)| (name.to_vec(), value.to_vec()))
            .collect();
        for part in parts {
            request.apply(part);
        }
        request
    }

    fn apply(&mut self, part: &str) {
        let rest = part.get(1..).unwrap_or_default();
        match part.chars().next() {
            Some(':') => {
                let (name, value) = field(part);
                let value = match &value[..] {
                    b"/256" | b"/257" => long(&value),
                    _ => value,
                };
                self.head.iter_mut().find(|it| it.0 == name).unwrap().1 = value;
            }
            Some('-') => self.head.retain(|it| it.0 != bytes(rest)),
            Some('+') => self.head.push(field(rest)),
            Some('^') => self.head.insert(0, field(rest)),
            Some('=') => self.body = Some(bytes(rest)),
            Some('~') => self.trailers.push(field(rest)),
            Some('*') => {
                // The host that we add is a field too.
                let more = rest.parse::<usize>().unwrap();
                self.head
                    .extend((0..more).map(|at| (format!("x-{at}").into_bytes(), b"y".to_vec())));
            }
            _ if part == "x 4096" => self.head.push((b"x".to_vec(), vec![b'y'; 4096])),
            _ => self.head.push(field(part)),
        }
    }

    async fn send(&self, client: &mut Http2) {
        let has_more = self.body.is_some() || !self.trailers.is_empty();
        client.head(1, &slices(&self.head), !has_more).await;
        if let Some(body) = &self.body {
            let flags = if self.trailers.is_empty() {
                END_STREAM
            } else {
                0
            };
            client.frame(DATA, flags, 1, body).await;
        }
        if !self.trailers.is_empty() {
            client.head(1, &slices(&self.trailers), true).await;
        }
    }
}

/// A path of as many bytes as its number says.
fn long(path: &[u8]) -> Vec<u8> {
    let length: usize = std::str::from_utf8(&path[1..]).unwrap().parse().unwrap();
    let mut long = path.to_vec();
    long.resize(length, b'x');
    long
}

fn slices(fields: &[Field]) -> Vec<(&[u8], &[u8])> {
    fields
        .iter()
        .map(|(name, value)| (&name[..], &value[..]))
        .collect()
}

/// What a verdict is called in the tables.
fn word(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Status(status, _) => status.to_string(),
        Verdict::Reset(_) => "reset".to_owned(),
        Verdict::GoAway(_) => "goaway".to_owned(),
        Verdict::Closed => "closed".to_owned(),
    }
}

/// A public route for everything but `/in`.
async fn world() -> World {
    let more = "[[route]]\nname = \"in\"\npath = \"/in\"\nupstream = \"app\"\naccess = \"required\"\n\
                accept = [\"basic\", \"bearer\", \"x-auth\", \"cookie\"]\n";
    World::start(
        Upstream::start().await,
        "access = \"none\"",
        &format!("{LIMITS}{more}"),
    )
    .await
}

/// Nothing of an identity, a credential or a connection reaches the app.
const NEVER: [&str; 12] = [
    "x-forwarded-user",
    "x_forwarded_user",
    "x.forwarded.user",
    "remote-user",
    "forwarded",
    "x-original-url",
    "x-rewrite-url",
    "authorization",
    "x-auth",
    "te",
    "trailer",
    "upgrade",
];

#[tokio::test]
async fn every_head_of_the_table_has_its_verdict_and_what_is_refused_reaches_nobody() {
    let world = world().await;
    let mut faults = Vec::new();
    for (why, parts, expected) in HEADS {
        let before = world.app.requests().len();
        let mut client = world.connect().await;
        Request::of(parts).send(&mut client).await;
        let verdict = word(&client.verdict(1).await);
        let seen = world.app.requests().split_off(before);
        let lines: Vec<&str> = seen.iter().map(Message::line).collect();
        let got = match (&verdict[..], &lines[..]) {
            ("200", [line]) => {
                let short = line.replace(&"x".repeat(252), "");
                format!("ok {short}")
            }
            (verdict, []) => verdict.to_owned(),
            (verdict, lines) => format!("{verdict}, and the app got {lines:?}"),
        };
        if got != *expected {
            faults.push(format!("{why}: {got} and not {expected}"));
        }
        for request in seen {
            for name in NEVER {
                if !request.fields(name).is_empty() {
                    faults.push(format!("{why}: the app got {name}"));
                }
            }
            if request.field("x-forwarded-for") != "127.0.0.1" {
                faults.push(format!("{why}: {}", request.field("x-forwarded-for")));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(!world.app.saw("jo\r\n"), "an identity reached the app");
}

#[tokio::test]
async fn every_frame_of_the_table_has_its_verdict_and_spoils_no_other_connection() {
    let world = world().await;
    let mut clean = world.connect().await;
    let mut faults = Vec::new();
    for (at, (why, sent, expected)) in frames().into_iter().enumerate() {
        let mut client = world.connect().await;
        let mut post = plain("/a").to_vec();
        post[0].1 = b"POST";
        client.head(1, &post, false).await;
        client.send(&sent).await;
        let got = if expected == "ok, and 3 reset" {
            let third = client.verdict(3).await;
            client.frame(DATA, END_STREAM, 1, b"x").await;
            format!("{}, and 3 {}", word(&client.verdict(1).await), word(&third))
        } else {
            word(&client.verdict(1).await)
        };
        if got.replace("200", "ok") != expected {
            faults.push(format!("{why}: {got} and not {expected}"));
        }
        let stream = u32::try_from(2 * at + 1).unwrap();
        clean.get(stream, "/clean").await;
        assert_eq!(word(&clean.verdict(stream).await), "200", "{why}");
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_tables_are_as_large_as_they_are_said_to_be() {
    assert!(HEADS.len() >= 190, "{}", HEADS.len());
    assert!(frames().len() >= 50, "{}", frames().len());
    let mut names: Vec<&str> = HEADS.iter().map(|it| it.0).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), HEADS.len());
}
