//! The pages of our own through the whole gateway, as a browser would go through them: forms are read from the pages.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test's helpers fail by panicking too"
)]

mod account;
mod brand;
mod connections;
mod elevation;
mod factors;
mod login;
mod namespace;
mod payloads;
mod second_factor;

use std::collections::BTreeMap;
use std::time::Duration;

use countersign::auth::password::Password;
use countersign::model::account::Account;
use countersign::model::id::TokenId;
use countersign::model::token::{PlainToken, TokenKind};
use countersign::store::sessions::NewToken;

use super::support::message::Message;
use super::support::{Gateway, Upstream, gateway::action, one_route};

pub(crate) const PASSWORD: &str = "correct horse battery staple";
const COOKIE_ROUTE: &str = "accept = [\"bearer\", \"cookie\"]";

/// A browser: it keeps cookies, and says what browsers say.
pub(crate) struct Browser<'a> {
    gateway: &'a Gateway,
    host: &'a str,
    pub(crate) cookies: BTreeMap<String, String>,
    pub(crate) language: &'a str,
}

/// A form on a page: where it goes, and what it holds already.
pub(crate) struct Form {
    pub(crate) action: String,
    pub(crate) fields: BTreeMap<String, String>,
}

impl<'a> Browser<'a> {
    pub(crate) fn new(gateway: &'a Gateway) -> Self {
        Self::on(gateway, "app.example")
    }

    pub(crate) fn on(gateway: &'a Gateway, host: &'a str) -> Self {
        Self {
            gateway,
            host,
            cookies: BTreeMap::new(),
            language: "en",
        }
    }

    /// Goes to a path.
    pub(crate) async fn go(&mut self, path: &str) -> Message {
        self.send("GET", path, &["Sec-Fetch-Site: none"], "").await
    }

    /// Keeps the elevated token of a proof that was made that long ago and is good for five minutes more.
    pub(crate) async fn proved(&mut self, ago: Duration) {
        let session = PlainToken::parse(&self.cookies["countersign"]).unwrap();
        let store = &self.gateway.store;
        let whose = store.introspect(&session.digest()).await.unwrap().unwrap();
        let token = PlainToken::generate(TokenKind::Elevated);
        let action = action();
        let new = NewToken {
            digest: token.digest(),
            kind: TokenKind::Elevated,
            id: Some(TokenId::generate()),
            issued_at: action.at.before(ago),
            expires_at: Some(action.at.after(Duration::from_mins(5))),
        };
        let added = store.add_token(&whose.session, &new, "elevate", &action);
        drop(added.await.unwrap().unwrap());
        let kept = ("countersign-elevation", token.expose());
        self.cookies.insert(kept.0.to_owned(), kept.1.to_string());
    }

    /// Presses a form's button.
    pub(crate) async fn submit(&mut self, form: &Form) -> Message {
        let from = ["Sec-Fetch-Site: same-origin"];
        self.submit_from(&from, form).await
    }

    /// The same, from wherever these fields say.
    pub(crate) async fn submit_from(&mut self, from: &[&str], form: &Form) -> Message {
        let body = form.encoded();
        let fields = [from, &["Content-Type: application/x-www-form-urlencoded"]].concat();
        self.send("POST", &form.action, &fields, &body).await
    }

    /// Logs in with the form on the login page.
    pub(crate) async fn log_in(&mut self, name: &str) -> Message {
        let page = self.go("/_countersign/login").await;
        let form = form(&page, "/_countersign/login");
        let answer = self
            .submit(&form.with("username", name).with("password", PASSWORD))
            .await;
        assert_eq!(answer.status(), 303, "{}", answer.text());
        answer
    }

    pub(crate) async fn send(
        &mut self,
        method: &str,
        path: &str,
        fields: &[&str],
        body: &str,
    ) -> Message {
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAccept: text/html\r\nAccept-Language: {}\r\n\
             Sec-Fetch-Mode: navigate\r\n",
            self.host, self.language
        );
        for field in fields {
            head.extend([field, "\r\n"]);
        }
        if !self.cookies.is_empty() {
            let pairs: Vec<_> = self
                .cookies
                .iter()
                .map(|(n, v)| format!("{n}={v}"))
                .collect();
            head.extend(["Cookie: ", &pairs.join("; "), "\r\n"]);
        }
        let length = body.len();
        let answer = self
            .gateway
            .ask(format!("{head}Content-Length: {length}\r\n\r\n{body}"))
            .await;
        for field in answer.fields("set-cookie") {
            let pair = field.split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if field.contains("Max-Age=0;") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }
}

impl Form {
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.insert(name.to_owned(), value.to_owned());
        self
    }

    fn encoded(&self) -> String {
        url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&self.fields)
            .finish()
    }
}

/// The forms on a page that go there, with their hidden fields.
pub(crate) fn forms(page: &Message, action: &str) -> Vec<Form> {
    let text = page.text();
    let forms = text.split("<form ").skip(1).filter_map(|rest| {
        let form = rest.split("</form>").next().unwrap();
        let own = attribute(form.split('>').next().unwrap(), "action")?;
        let hidden = form.split("<input ").skip(1).filter_map(|rest| {
            let input = rest.split('>').next().unwrap();
            (attribute(input, "type")? == "hidden")
                .then(|| Some((attribute(input, "name")?, attribute(input, "value")?)))
                .flatten()
        });
        Some(Form {
            action: own,
            fields: hidden.collect(),
        })
    });
    forms.filter(|form| form.action == action).collect()
}

pub(crate) fn form(page: &Message, action: &str) -> Form {
    let mut forms = forms(page, action);
    assert_eq!(forms.len(), 1, "{action}\n{}", page.text());
    forms.remove(0)
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!("{name}=\""))?;
    let value = rest.split('"').next()?;
    Some(
        value
            .replace("&quot;", "\"")
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&"),
    )
}

/// An app behind a route that takes our cookie, and Jo, who has a password.
pub(crate) async fn world(more: &str) -> (Upstream, Gateway, Account) {
    let app = Upstream::start().await;
    let config = format!("{}{more}", one_route(&app.url(), COOKIE_ROUTE));
    let gateway = Gateway::start(&config).await;
    let jo = with_password(&gateway, "jo").await;
    (app, gateway, jo)
}

pub(crate) async fn with_password(gateway: &Gateway, name: &str) -> Account {
    let account = gateway.account(name).await;
    with_password_of(gateway, &account).await
}

/// Gives an account that password, once more if it has it.
pub(crate) async fn with_password_of(gateway: &Gateway, account: &Account) -> Account {
    let password = Password::new(PASSWORD);
    let (accounts, action) = (&gateway.auth.accounts, action());
    let set = accounts.set_password(&account.id, password, None, &action);
    set.await.unwrap()
}

/// The path and query of a mail's link to that path.
pub(crate) fn link_in(mail: &str, path: &str) -> String {
    // Quoted-printable breaks long lines and writes `=` as `=3D`.
    let plain = mail.replace("=\r\n", "").replace("=3D", "=");
    let (_, rest) = plain.split_once(path).unwrap();
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "?=_-".contains(c)));
    format!("{path}{}", rest.split_at(end.unwrap()).0)
}
