//! A provider that nobody here wrote: npm's `oidc-provider`, in the clear on this machine and over TLS. curl is the browser
//! there.

use std::path::Path;
use std::process::Command;

use serde_json::json;

use super::super::super::support::real::{Program, certificates, script, succeeded};
use super::*;
use crate::support::ports::free_ports;

#[tokio::test]
async fn an_account_at_a_real_provider_is_connected() {
    for (algorithm, method, is_tls) in [
        ("RS256", "client_secret_basic", false),
        ("ES256", "client_secret_post", true),
    ] {
        let there = Provider::start(algorithm, method, is_tls).await;
        let (_app, gateway, _) = world(&config(&there.issuer, &there.trusted())).await;
        let mut browser = Browser::new(&gateway);
        browser.log_in("jo").await;
        let url = begin(&mut browser).await;
        let back = there.log_in_and_agree(&url, "jo-there");
        let answer = browser.arrive(&back).await;
        assert_eq!(answer.status(), 303, "{algorithm} {}", answer.text());
        let [connection] = &connections(&gateway).await[..] else {
            panic!("one connection")
        };
        // The name comes from the userinfo endpoint: this provider tells it nowhere else.
        assert_eq!(
            (&*connection.provider_user_id, connection.name.as_deref()),
            ("jo-there", Some("JO-THERE")),
            "{algorithm}"
        );
        let url = begin(&mut browser).await;
        let mut forged = there.log_in_and_agree(&url, "jo-there");
        let changed = forged.query().unwrap().replace("code=", "code=x");
        forged.set_query(Some(&changed));
        assert_eq!(
            browser.arrive(&forged).await.status(),
            502,
            "a code of nobody's"
        );
        assert_eq!(reasons(&gateway).await, ["refused"]);
    }
}

#[tokio::test]
async fn a_provider_whose_certificate_nobody_vouches_for_is_not_asked() {
    let there = Provider::start("RS256", "client_secret_basic", true).await;
    let (_app, gateway, _) = world(&config(&there.issuer, "")).await;
    let mut browser = Browser::new(&gateway);
    browser.log_in("jo").await;
    browser.proved(Duration::ZERO).await;
    let page = browser.go(ACCOUNT).await;
    let answer = browser.submit(&form(&page, CONNECT)).await;
    assert_eq!(answer.status(), 503);
    assert_eq!(reasons(&gateway).await, ["unreachable"]);
}

/// The provider, and a directory with its certificates and curl's cookies.
struct Provider {
    issuer: String,
    directory: tempfile::TempDir,
    is_tls: bool,
    _process: Program,
}

impl Provider {
    async fn start(algorithm: &str, method: &str, is_tls: bool) -> Self {
        let directory = tempfile::tempdir().unwrap();
        certificates(directory.path());
        let [free] = free_ports();
        let issuer = if is_tls {
            format!("https://localhost:{}", free.port())
        } else {
            format!("http://{free}")
        };
        let certificate = json!({
            "certificate": directory.path().join("server.pem"),
            "key": directory.path().join("server.key"),
        });
        let wanted = json!({
            "modules": Path::new(env!("CARGO_TARGET_TMPDIR")).join("openid/node_modules"),
            "issuer": issuer,
            "client": {
                "client_id": "us",
                "client_secret": "a secret",
                "redirect_uris": ["http://app.example/_countersign/connected/there"],
                "id_token_signed_response_alg": algorithm,
                "token_endpoint_auth_method": method,
            },
            "tls": is_tls.then_some(certificate),
        });
        let mut node = Command::new("node");
        node.arg(script("openid/provider.mjs"))
            .arg(wanted.to_string());
        Self {
            issuer,
            directory,
            is_tls,
            _process: Program::start(&mut node).await,
        }
    }

    /// What the configuration says of whom to trust.
    fn trusted(&self) -> String {
        let file = self.directory.path().join("ca.pem");
        if self.is_tls {
            format!("ca_file = \"{}\"\n", file.display())
        } else {
            String::new()
        }
    }

    /// Goes through its pages as that person, and returns where it sends the browser in the end.
    fn log_in_and_agree(&self, url: &Url, login: &str) -> Url {
        let (mut url, mut form) = (url.clone(), None);
        for _ in 0..12 {
            if url.host_str() == Some("app.example") {
                return url;
            }
            let (next, body) = self.curl(&url, form.take());
            if let Some(next) = next {
                url = next;
                continue;
            }
            let after = |text: &str, mark: &str| {
                let (_, rest) = text
                    .split_once(mark)
                    .unwrap_or_else(|| panic!("{mark}: {text}"));
                rest.split('"').next().unwrap().to_owned()
            };
            let prompt = after(&body, "name=\"prompt\" value=\"");
            url = url.join(&after(&body, "action=\"")).unwrap();
            form = Some(format!("prompt={prompt}&login={login}&password=x"));
        }
        panic!("it does not end: {url}");
    }

    /// One request: where it redirects to, and its body.
    fn curl(&self, url: &Url, form: Option<String>) -> (Option<Url>, String) {
        let mut curl = Command::new("curl");
        curl.args([
            "--silent",
            "--show-error",
            "--write-out",
            "\n%{redirect_url}",
        ])
        .arg("--cookie-jar")
        .arg(self.directory.path().join("cookies"))
        .arg("--cookie")
        .arg(self.directory.path().join("cookies"))
        .arg("--cacert")
        .arg(self.directory.path().join("ca.pem"))
        .args(["--noproxy", "*"]);
        if let Some(form) = form {
            curl.args(["--data", &form]);
        }
        let text = succeeded(curl.arg(url.as_str()));
        let (body, redirect) = text.rsplit_once('\n').unwrap();
        (Url::parse(redirect).ok(), body.to_owned())
    }
}
