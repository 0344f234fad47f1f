//! Name, logo and colours: on every page, those of the gateway's own refusals too.

use super::super::support::{get, one_route};
use super::{Browser, COOKIE_ROUTE, Gateway, Upstream};

const SVG: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>";
const PAGES: &str = "[pages]\nname = \"The <Mill> & Co\"\nlogo = \"logo.svg\"\naccent = \"#7a1f5c\"\nbackground = \"#fff7e6\"\naccent_dark = \"#f0a8d8\"\n";

#[tokio::test]
async fn every_page_shows_the_name_the_logo_and_the_colours() {
    let app = Upstream::start().await;
    let directory = tempfile::tempdir().unwrap();
    let logo = directory.path().join("logo.svg");
    std::fs::write(&logo, SVG).unwrap();
    let route = one_route(&app.url(), &format!("{COOKIE_ROUTE}\nmethods = [\"GET\"]"));
    let pages = PAGES.replace("logo.svg", logo.to_str().unwrap());
    let gateway = Gateway::start(&format!("{route}{pages}[dialect.namespace]\n")).await;
    let mut browser = Browser::new(&gateway);
    for (method, path, status) in [
        ("GET", "/_countersign/login", 200),
        ("GET", "/_countersign/confirm", 410),
        ("GET", "/login?redirect_url=x", 400),
        ("POST", "/_countersign/login", 400),
        ("DELETE", "/", 405),
    ] {
        let page = browser
            .send(method, path, &["Sec-Fetch-Site: none"], "")
            .await;
        assert_eq!(page.status(), status, "{path}");
        let text = page.text();
        let banner = "<header class=\"brand\"><img src=\"/_countersign/logo\" alt=\"\" height=\"40\"><span>The &lt;Mill&gt; &amp; Co</span></header>";
        assert_eq!(text.matches(banner).count(), 1, "{path} {text}");
        assert!(
            text.contains(" · The &lt;Mill&gt; &amp; Co</title>"),
            "{path} {text}"
        );
    }
    let program = gateway
        .ask("DELETE / HTTP/1.1\r\nHost: app.example\r\n\r\n")
        .await;
    assert!(!program.text().contains("Mill"), "{}", program.text());

    let shown = gateway.ask(get("/_countersign/logo", &[])).await;
    assert_eq!((shown.status(), shown.text()), (200, SVG.to_owned()));
    assert_eq!(shown.field("content-type"), "image/svg+xml");
    assert_eq!(shown.field("x-content-type-options"), "nosniff");
    let policy = shown.field("content-security-policy");
    assert!(
        policy.contains("default-src 'none'") && policy.contains("sandbox"),
        "{policy}"
    );
    let style = gateway
        .ask(get("/_countersign/style.css", &[]))
        .await
        .text();
    for rule in [
        "(prefers-color-scheme: light) { :root { --accent: #7a1f5c; --on-accent: #ffffff; --paper: #fff7e6; --ink: #1b1f24; ",
        "(prefers-color-scheme: dark) { :root { --accent: #f0a8d8; --on-accent: #10151a; } }",
    ] {
        assert!(style.contains(rule), "{style}");
    }

    // Another configuration is another brand, at once.
    let answer = gateway
        .reload(&format!("{route}[pages]\nname = \"The Mill\"\n"))
        .await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
    let page = browser.go("/_countersign/login").await.text();
    assert!(
        page.contains("<header class=\"brand\"><span>The Mill</span></header>"),
        "{page}"
    );
    assert_eq!(
        gateway.ask(get("/_countersign/logo", &[])).await.status(),
        404
    );
}

#[test]
fn a_logo_is_a_small_picture_of_a_known_kind_with_a_name() {
    use countersign::config::{Config, Environment};
    let directory = tempfile::tempdir().unwrap();
    let large = [b"\x89PNG\r\n\x1a\n".to_vec(), vec![0; 64 << 10]].concat();
    let files: [(&str, &[u8], &str); 5] = [
        ("a.png", b"\x89PNG\r\n\x1a\nx", ""),
        ("a.svg", b"<?xml version=\"1.0\"?>\n<svg/>", ""),
        ("a.html", b"<html><svg/></html>", "neither PNG nor SVG"),
        ("a.gif", b"GIF89a", "neither PNG nor SVG"),
        ("large.png", &large, "larger than 64KiB"),
    ];
    let read = |pages: &str| {
        let text = format!("[dialect.x_auth]\n[pages]\n{pages}");
        Config::from_text(&text, "test", directory.path(), &Environment::empty())
    };
    for (name, bytes, mistake) in files {
        std::fs::write(directory.path().join(name), bytes).unwrap();
        match read(&format!("name = \"x\"\nlogo = \"{name}\"")) {
            Ok(config) => {
                assert_eq!(mistake, "", "{name}");
                let shown = config.show();
                assert!(shown.contains(name), "{shown}");
            }
            Err(mistakes) => {
                let said = mistakes.to_string();
                assert!(!mistake.is_empty() && said.contains(mistake), "{said}");
            }
        }
    }
    let nameless = read("logo = \"a.png\"").unwrap_err().to_string();
    assert!(nameless.contains("pages.name"), "{nameless}");
}
