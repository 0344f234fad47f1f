//! Connecting accounts elsewhere: with a provider that answers whatever a test wants, and with one that nobody here wrote.

#![expect(
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test's helpers fail by panicking too"
)]

mod real;
mod refused;
mod scripted;

use std::time::Duration;

use countersign::model::connection::Connection;
use url::Url;

use super::super::support::message::Message;
use super::super::support::{Gateway, Upstream, client};
use super::factors::mailed_code;
use super::{Browser, action, form, forms, with_password, world};
use scripted::There;

const ACCOUNT: &str = "/_countersign/account";
const CONNECT: &str = "/_countersign/account/connect";
const DISCONNECT: &str = "/_countersign/account/disconnect";
const AT_APP: &str = "[server]\nexternal_url = \"http://app.example\"\ndrain = \"5s\"\n";

/// `[connection.there]`, and where the gateway says that it is.
fn config(issuer: &str, more: &str) -> String {
    format!(
        "{AT_APP}[connection.there]\nlabel = \"Over <there>\"\nissuer = \"{issuer}\"\nclient_id = \"us\"\n\
         client_secret = \"a secret\"\n{more}\n"
    )
}

/// A scripted provider, a gateway that knows it, and Jo, who is logged in.
async fn connectable() -> (There, Upstream, Gateway) {
    let there = There::start().await;
    let (app, gateway, _) = world(&config(&there.issuer(), "")).await;
    (there, app, gateway)
}

/// Presses the button that connects, and returns where the browser is sent.
async fn begin(browser: &mut Browser<'_>) -> Url {
    browser.proved(Duration::ZERO).await;
    let page = browser.go(ACCOUNT).await;
    let left = browser.submit(&form(&page, CONNECT)).await;
    assert_eq!(left.status(), 200, "{}", left.text());
    let (_, url) = left.field("refresh").split_once("0;url=").unwrap();
    Url::parse(url).unwrap()
}

fn parameter(url: &Url, name: &str) -> String {
    let mut found = url.query_pairs().filter(|(own, _)| own == name);
    let (_, value) = found.next().unwrap_or_else(|| panic!("{name}: {url}"));
    assert!(found.next().is_none(), "{name} twice: {url}");
    value.into_owned()
}

async fn connections(gateway: &Gateway) -> Vec<Connection> {
    gateway.auth.connections.list(None).await.unwrap()
}

/// The reasons of failed attempts so far.
async fn reasons(gateway: &Gateway) -> Vec<String> {
    let records = gateway.audit().await;
    let failed = records
        .into_iter()
        .filter(|record| &*record.event == "user.connect" && &*record.result == "failure");
    failed
        .filter_map(|record| record.reason.map(Into::into))
        .collect()
}

#[tokio::test]
async fn an_account_elsewhere_is_connected_shown_and_disconnected() {
    let there = There::start().await;
    let mail = "[mail]\ntransport = \"file\"\ndirectory = \"mail\"\n";
    let (_app, gateway, jo) = world(&format!("{mail}{}", config(&there.issuer(), ""))).await;
    let mut browser = Browser::new(&gateway);
    browser.log_in("jo").await;
    let url = begin(&mut browser).await;
    assert!(
        url.as_str()
            .starts_with(&format!("{}/authorize?", there.issuer())),
        "{url}"
    );
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", "us"),
        (
            "redirect_uri",
            "http://app.example/_countersign/connected/there",
        ),
        ("scope", "openid profile"),
        ("code_challenge_method", "S256"),
    ] {
        assert_eq!(parameter(&url, name), value, "{name}");
    }
    let back = there.agrees(&url);
    let answer = browser.arrive(&back).await;
    assert_eq!(
        (answer.status(), answer.field("location")),
        (303, ACCOUNT),
        "{}",
        answer.text()
    );
    there.was_asked_with_the_verifier_of(&url);

    let [connection] = &connections(&gateway).await[..] else {
        panic!("one connection")
    };
    assert_eq!(
        (
            &*connection.provider,
            &*connection.provider_user_id,
            connection.name.as_deref()
        ),
        ("there", "42", Some("Jo <i>There</i>"))
    );
    assert_eq!(connection.account, jo.id);
    let page = browser.go(ACCOUNT).await.text();
    assert!(
        page.contains("Over &lt;there&gt;</strong> Jo &lt;i&gt;There&lt;/i&gt;"),
        "{page}"
    );

    let page = browser.go(ACCOUNT).await;
    let gone = browser.submit(&form(&page, DISCONNECT)).await;
    assert_eq!((gone.status(), gone.field("location")), (303, ACCOUNT));
    assert!(connections(&gateway).await.is_empty());
    let mails = gateway.mails(2).await;
    for (mail, says) in mails
        .iter()
        .zip(["was connected to", "was disconnected from"])
    {
        assert!(
            mail.contains("To: jo@example.org") && mail.contains(says),
            "{mail}"
        );
    }
    assert!(reasons(&gateway).await.is_empty());
}

#[tokio::test]
async fn a_connection_is_one_accounts_and_nobody_else_takes_it_or_removes_it() {
    let (there, _app, gateway) = connectable().await;
    with_password(&gateway, "mo").await;
    let (mut jo, mut mo) = (Browser::new(&gateway), Browser::new(&gateway));
    jo.log_in("jo").await;
    mo.log_in("mo").await;
    for _ in 0..2 {
        let url = begin(&mut jo).await;
        let again = jo.arrive(&there.agrees(&url)).await;
        assert_eq!(again.status(), 303, "one's own again is no failure");
    }
    let url = begin(&mut mo).await;
    let refused = mo.arrive(&there.agrees(&url)).await;
    assert_eq!(refused.status(), 409);
    assert!(
        refused.text().contains("connected to another account here"),
        "{}",
        refused.text()
    );
    assert!(
        !refused.text().contains("jo@example.org"),
        "whose it is, is not said"
    );
    assert_eq!(reasons(&gateway).await, ["taken"]);

    let theirs = form(&jo.go(ACCOUNT).await, DISCONNECT);
    let token = form(&mo.go(ACCOUNT).await, CONNECT).fields["token"].clone();
    mo.proved(Duration::ZERO).await;
    assert_eq!(mo.submit(&theirs.with("token", &token)).await.status(), 303);
    assert_eq!(connections(&gateway).await.len(), 1);
}

#[tokio::test]
async fn without_a_provider_there_is_nothing_to_press() {
    let (_app, gateway, jo) = world("").await;
    let mut browser = Browser::new(&gateway);
    browser.log_in("jo").await;
    assert!(!browser.go(ACCOUNT).await.text().contains("Connections"));
    let link = Connection {
        id: countersign::model::id::ConnectionId::generate(),
        account: jo.id.clone(),
        provider: "gone".into(),
        provider_user_id: "7".into(),
        name: None,
        linked_at: action().at,
    };
    gateway
        .auth
        .connections
        .add(&link, &action())
        .await
        .unwrap();
    browser.proved(Duration::ZERO).await;
    let page = browser.go(ACCOUNT).await;
    assert!(page.text().contains("gone</strong> 7"), "{}", page.text());
    assert!(forms(&page, CONNECT).is_empty());
    browser.submit(&form(&page, DISCONNECT)).await;
    assert!(connections(&gateway).await.is_empty());
}

#[tokio::test]
async fn connecting_and_disconnecting_are_for_who_has_just_proved_themselves() {
    let there = There::start().await;
    let mail = "[mail]\ntransport = \"file\"\ndirectory = \"mail\"\n";
    let (_app, gateway, _) = world(&format!("{mail}{}", config(&there.issuer(), ""))).await;
    let mut browser = Browser::new(&gateway);
    browser.log_in("jo").await;
    let to_type = |page: &Message, action| {
        assert!(page.text().contains("Is it you?"), "{}", page.text());
        forms(page, action).remove(0)
    };
    let page = browser.go(ACCOUNT).await;
    let asked = browser.submit(&form(&page, CONNECT)).await;
    let wrong = to_type(&asked, CONNECT).with("code", "ABCD-EFGH");
    let wrong = browser.submit(&wrong).await;
    assert_eq!(wrong.status(), 401);
    assert_eq!(there.asked_for("/.well-known/openid-configuration"), 0);
    let code = mailed_code(&gateway, 1).await;
    let left = browser
        .submit(&to_type(&wrong, CONNECT).with("code", &code))
        .await;
    let (_, url) = left.field("refresh").split_once("0;url=").unwrap();
    let back = there.agrees(&Url::parse(url).unwrap());
    assert_eq!(browser.arrive(&back).await.status(), 303);
    assert_eq!(connections(&gateway).await.len(), 1);

    browser.cookies.remove("countersign-elevation");
    let page = browser.go(ACCOUNT).await;
    let asked = browser.submit(&form(&page, DISCONNECT)).await;
    assert_eq!(connections(&gateway).await.len(), 1);
    let code = mailed_code(&gateway, 3).await;
    let gone = to_type(&asked, DISCONNECT).with("code", &code);
    let gone = browser.submit(&gone).await;
    assert_eq!((gone.status(), gone.field("location")), (303, ACCOUNT));
    assert!(connections(&gateway).await.is_empty());

    browser.proved(Duration::ZERO).await;
    let url = begin(&mut browser).await;
    let state = parameter(&url, "state");
    let no = format!("http://app.example/_countersign/connected/there?state={state}&error=no");
    browser.arrive(&Url::parse(&no).unwrap()).await;
    let metrics = "GET /metrics HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n";
    let metrics = client::ask(gateway.admin, metrics).await.text();
    for line in [
        "countersign_links_total{outcome=\"success\",step=\"link\"} 1",
        "countersign_links_total{outcome=\"declined\",step=\"link\"} 1",
        "countersign_links_total{outcome=\"success\",step=\"unlink\"} 1",
        "countersign_links_total{outcome=\"taken\",step=\"link\"} 0",
    ] {
        assert!(metrics.contains(line), "{line}");
    }
}

#[tokio::test]
async fn on_another_host_the_way_to_the_right_one_is_shown() {
    let (_there, _app, gateway) = connectable().await;
    let mut browser = Browser::on(&gateway, "other.example");
    browser.log_in("jo").await;
    let page = browser.go(ACCOUNT).await;
    let answer = browser.submit(&form(&page, CONNECT)).await;
    assert_eq!(answer.status(), 421);
    let link = "href=\"http://app.example/_countersign/account\"";
    assert!(answer.text().contains(link), "{}", answer.text());
}

impl Browser<'_> {
    /// Arrives at one of our addresses from another site, as after a redirect.
    async fn arrive(&mut self, url: &Url) -> Message {
        assert_eq!(url.host_str(), Some("app.example"), "{url}");
        let target = format!("{}?{}", url.path(), url.query().unwrap_or_default());
        self.send("GET", &target, &["Sec-Fetch-Site: cross-site"], "")
            .await
    }
}
