//! Seed 000 through the whole gateway, as a browser and a client application go through it.

use countersign::model::account::Account;
use countersign::model::client::{Client, Handoff};
use countersign::model::id::ClientId;
use http::Method;

use super::super::support::message::Message;
use super::super::support::{Gateway, get};
use super::payloads::{PAYLOADS, from_outside};
use super::{Browser, PASSWORD, action, form, world};

const DIALECT: &str = "[dialect.namespace]\n";
const CALLBACK: &str = "https://app.example/callback";
const LOGIN: &str = "/_countersign/login";

fn path(redirect_url: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    format!(
        "/login?{}",
        query.append_pair("redirect_url", redirect_url).finish()
    )
}

async fn register(gateway: &Gateway, id: &str, urls: &[&str], handoff: Handoff) -> Client {
    let client = Client {
        id: ClientId::parse(id).unwrap(),
        name: format!("The {id}").into(),
        redirect_urls: urls.iter().map(|url| (*url).into()).collect(),
        handoff,
        created_at: action().at,
    };
    let added = gateway.auth.clients.add(&client, &action()).await;
    added.unwrap();
    client
}

/// A browser that is logged in and agreed to share with the client; and where it was sent.
async fn agreed<'a>(gateway: &'a Gateway, url: &str) -> (Browser<'a>, Message) {
    let mut browser = Browser::new(gateway);
    browser.log_in("jo").await;
    let question = browser.go(&path(url)).await;
    let form = form(&question, &path(url)).with("answer", "yes");
    let sent = browser.submit(&form).await;
    (browser, sent)
}

async fn me(gateway: &Gateway, token: &str) -> Message {
    gateway.ask(get(&format!("/me/{token}"), &[])).await
}

fn token(sent: &Message) -> String {
    assert_eq!(sent.status(), 303, "{}", sent.text());
    let (_, token) = sent.field("location").split_once("sessionToken=").unwrap();
    token.to_owned()
}

#[tokio::test]
async fn a_person_logs_in_agrees_once_and_the_client_learns_who_they_are() {
    let (app, gateway, jo) = world(DIALECT).await;
    register(&gateway, "app", &[CALLBACK], Handoff::Token).await;
    let mut browser = Browser::new(&gateway);
    let page = browser.go(&path(CALLBACK)).await;
    assert_eq!(page.status(), 200);
    assert!(page.text().contains("The app"), "{}", page.text());
    let policy = page.field("content-security-policy");
    assert!(
        policy.contains("form-action 'self' https://app.example;"),
        "{policy}"
    );
    let login = form(&page, LOGIN)
        .with("username", "jo")
        .with("password", PASSWORD);
    let back = browser.submit(&login).await;
    assert_eq!(
        (back.status(), back.field("location")),
        (303, path(CALLBACK).as_str())
    );

    let question = browser.go(&path(CALLBACK)).await;
    assert!(
        question.text().contains("jo@example.org"),
        "{}",
        question.text()
    );
    assert_eq!(question.field("cache-control"), "no-store");
    let yes = form(&question, &path(CALLBACK)).with("answer", "yes");
    let sent = browser.submit(&yes).await;
    assert_eq!(sent.field("cache-control"), "no-store");
    assert_eq!(sent.field("referrer-policy"), "no-referrer");
    let first = token(&sent);
    assert_eq!(
        sent.field("location"),
        format!("{CALLBACK}?sessionToken={first}")
    );
    assert!(first.starts_with("css_"));

    let answer = me(&gateway, &first).await;
    assert_eq!(answer.status(), 200);
    let says = format!(r#"{{"userId":"{}","email":"jo@example.org"}}"#, jo.id);
    assert_eq!(answer.text(), says);
    assert_eq!(answer.field("cache-control"), "no-store");

    // Asked once: now it goes straight on, with another token.
    let sent = browser.go(&path(CALLBACK)).await;
    assert_ne!(token(&sent), first);
    assert_eq!(sent.field("referrer-policy"), "no-referrer");
    // The token authenticates as bearer, and is told of its client.
    let bearer = format!("Authorization: Bearer {first}");
    assert_eq!(gateway.ask(get("/", &[&bearer])).await.status(), 200);
    assert_eq!(app.request().field("x-forwarded-client"), "app");
}

#[tokio::test]
async fn whoever_says_no_is_asked_again_and_shares_nothing() {
    let (_app, gateway, jo) = world(DIALECT).await;
    let client = register(&gateway, "app", &[CALLBACK], Handoff::Token).await;
    let mut browser = Browser::new(&gateway);
    browser.log_in("jo").await;
    for answer in ["no", "", "YES"] {
        let question = browser.go(&path(CALLBACK)).await;
        let form = form(&question, &path(CALLBACK)).with("answer", answer);
        let declined = browser.submit(&form).await;
        assert_eq!(declined.status(), 403);
        assert!(declined.fields("location").is_empty());
    }
    let clients = &gateway.auth.clients;
    assert!(!clients.has_consented(&jo.id, &client).await.unwrap());
}

#[tokio::test]
async fn a_question_is_answered_by_its_own_page_alone() {
    let (_app, gateway, jo) = world(DIALECT).await;
    let client = register(&gateway, "app", &[CALLBACK], Handoff::Token).await;
    let mut browser = Browser::new(&gateway);
    browser.log_in("jo").await;
    let yes = || async {
        let mut other = Browser::new(&gateway);
        other.cookies.clone_from(&browser.cookies);
        let question = other.go(&path(CALLBACK)).await;
        (
            other,
            form(&question, &path(CALLBACK)).with("answer", "yes"),
        )
    };
    for from in ["Sec-Fetch-Site: cross-site", "Origin: https://evil.example"] {
        let (mut other, form) = yes().await;
        assert_eq!(other.submit_from(&[from], &form).await.status(), 403);
    }
    let (mut other, form) = yes().await;
    assert_eq!(other.submit(&form.with("token", "x")).await.status(), 403);
    let clients = &gateway.auth.clients;
    assert!(!clients.has_consented(&jo.id, &client).await.unwrap());
}

#[tokio::test]
async fn a_query_that_is_registered_is_continued() {
    const WITH_QUERY: &str = "https://app.example/callback?a=b&c=%2F";
    let (_app, gateway, _) = world(DIALECT).await;
    register(&gateway, "app", &[CALLBACK, WITH_QUERY], Handoff::Token).await;
    let (_, sent) = agreed(&gateway, WITH_QUERY).await;
    let token = token(&sent);
    assert_eq!(
        sent.field("location"),
        format!("{WITH_QUERY}&sessionToken={token}")
    );
}

#[tokio::test]
async fn nothing_but_a_registered_url_is_ever_gone_to() {
    let (_app, gateway, _) = world(DIALECT).await;
    register(&gateway, "app", &[CALLBACK], Handoff::Token).await;
    let (mut member, sent) = agreed(&gateway, CALLBACK).await;
    let page = member.go("/_countersign/account").await;
    let form_token = form(&page, "/_countersign/logout").fields["token"].clone();
    token(&sent);
    let joined = PAYLOADS
        .iter()
        .map(|payload| format!("{CALLBACK}{payload}"));
    let mut payloads: Vec<String> = PAYLOADS.iter().map(ToString::to_string).collect();
    payloads.extend(joined.filter(|it| it != CALLBACK));
    payloads.extend(from_outside());
    assert!(PAYLOADS.len() >= 40);
    for payload in payloads {
        let mut stranger = Browser::new(&gateway);
        let submitted = super::Form {
            action: path(&payload),
            fields: [
                ("answer", "yes"),
                ("token", &form_token),
                ("redirect_url", &payload),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        };
        for (how, answer) in [
            ("shown", stranger.go(&path(&payload)).await),
            ("submitted", member.submit(&submitted).await),
            ("on the fast path", member.go(&path(&payload)).await),
        ] {
            assert_eq!(answer.status(), 400, "{payload:?} {how}: {}", answer.head);
            assert!(answer.fields("location").is_empty(), "{payload:?} {how}");
            assert!(!answer.head.contains("evil"), "{payload:?} {how}");
            assert!(!answer.text().contains("evil"), "{payload:?} {how}");
        }
    }
    // As raw bytes, twice, and without a value.
    let encoded = path(CALLBACK);
    for target in [
        format!("{encoded}&redirect_url=https://evil.example"),
        format!("/login?redirect_url=https://evil.example&{}", &encoded[7..]),
        format!("{encoded}&redirect%5Furl=x"),
        "/login?redirect_url".to_owned(),
        "/login?redirect_url=".to_owned(),
        format!("/login?redirect_url={CALLBACK}/"),
        format!("/login?redirect_url={CALLBACK}%23"),
        format!("/login?redirect_url={CALLBACK}%00"),
    ] {
        let answer = member.go(&target).await;
        assert_eq!(answer.status(), 400, "{target}");
        assert!(answer.fields("location").is_empty(), "{target}");
    }
    assert_eq!(member.go(&encoded).await.status(), 303);
}

#[tokio::test]
async fn a_url_that_is_no_web_address_is_not_gone_to_though_it_is_registered() {
    let (_app, gateway, _) = world(DIALECT).await;
    let urls = [
        "javascript:alert(1)",
        "data:text/html,x",
        "//evil.example",
        "evil",
        // Not `a.example` but a path of ours, as a browser resolves it.
        "https:a.example",
    ];
    register(&gateway, "app", &urls, Handoff::Token).await;
    let mut browser = Browser::new(&gateway);
    browser.log_in("jo").await;
    for url in urls {
        assert_eq!(browser.go(&path(url)).await.status(), 400, "{url}");
    }
}

#[tokio::test]
async fn a_bad_token_is_401_whatever_is_bad_about_it() {
    let (_app, gateway, jo) = world(DIALECT).await;
    register(&gateway, "app", &[CALLBACK], Handoff::Token).await;
    let (_, sent) = agreed(&gateway, CALLBACK).await;
    let good = token(&sent);
    let (_, api) = gateway.token(&jo).await;
    let mut damaged = good.clone();
    damaged.replace_range(10..11, if &good[10..11] == "A" { "B" } else { "A" });
    let plain = countersign::model::token::PlainToken::generate;
    let unknown = plain(countersign::model::token::TokenKind::Session);
    let code = plain(countersign::model::token::TokenKind::Handoff);
    for bad in [
        "x",
        &damaged,
        &api,
        unknown.expose(),
        code.expose(),
        "csb_x",
        "%20",
    ] {
        let answer = me(&gateway, bad).await;
        assert_eq!(answer.status(), 401, "{bad}");
        assert_eq!(answer.field("cache-control"), "no-store");
        assert_eq!(answer.json()["error"], "unauthorized");
    }
    assert_eq!(me(&gateway, &good).await.status(), 200);
}

#[tokio::test]
async fn a_refused_client_and_a_removed_one_know_nobody_from_then_on() {
    let (_app, gateway, jo) = world(DIALECT).await;
    let client = register(&gateway, "app", &[CALLBACK], Handoff::Token).await;
    let (mut browser, sent) = agreed(&gateway, CALLBACK).await;
    let clients = &gateway.auth.clients;
    let refuse = async |refused| {
        let action = action();
        let done = clients.set_refused(&jo.id, &client.id, refused, &action);
        done.await.unwrap();
    };
    refuse(true).await;
    assert_eq!(me(&gateway, &token(&sent)).await.status(), 401);
    // It is asked for again, and even a yes does not get past the refusal.
    let question = browser.go(&path(CALLBACK)).await;
    assert_eq!(question.status(), 200);
    let yes = form(&question, &path(CALLBACK)).with("answer", "yes");
    assert_eq!(browser.submit(&yes).await.status(), 403);
    refuse(false).await;
    let again = token(&browser.go(&path(CALLBACK)).await);
    assert_eq!(me(&gateway, &again).await.status(), 200);
    clients.delete(&client.id, &action()).await.unwrap();
    assert_eq!(me(&gateway, &again).await.status(), 401);
    assert_eq!(browser.go(&path(CALLBACK)).await.status(), 400);
}

#[tokio::test]
async fn a_code_is_changed_once_for_the_token() {
    let (_app, gateway, jo) = world(DIALECT).await;
    register(&gateway, "app", &[CALLBACK], Handoff::Code).await;
    let (_, sent) = agreed(&gateway, CALLBACK).await;
    let code = token(&sent);
    assert!(code.starts_with("csh_"), "{code}");
    let bearer = format!("Authorization: Bearer {code}");
    assert_eq!(gateway.ask(get("/", &[&bearer])).await.status(), 401);
    let answer = me(&gateway, &code).await.json();
    assert_eq!(answer["userId"], jo.id.as_str());
    assert_eq!(answer["email"], "jo@example.org");
    let session = answer["sessionToken"].as_str().unwrap();
    assert!(session.starts_with("css_"));
    assert_eq!(me(&gateway, &code).await.status(), 401);
    let answer = me(&gateway, session).await;
    assert_eq!(answer.json()["userId"], jo.id.as_str());
    assert_eq!(answer.json().get("sessionToken"), None);
    let bearer = format!("Authorization: Bearer {session}");
    assert_eq!(gateway.ask(get("/", &[&bearer])).await.status(), 200);
}

#[tokio::test]
async fn tokens_and_codes_end_with_their_time() {
    for (handoff, config, lives) in [
        (Handoff::Token, "session_ttl = \"2h\"\n", 7200),
        (Handoff::Token, "", 7 * 86400),
        (Handoff::Code, "", 60),
    ] {
        let (_app, gateway, jo) = world(&format!("{DIALECT}{config}")).await;
        register(&gateway, "app", &[CALLBACK], handoff).await;
        agreed(&gateway, CALLBACK).await;
        assert_eq!(life(&gateway, &jo).await, lives);
    }
    let (_app, gateway, jo) = world(&format!("{DIALECT}session_ttl = \"1s\"\n")).await;
    register(&gateway, "app", &[CALLBACK], Handoff::Token).await;
    let (_, sent) = agreed(&gateway, CALLBACK).await;
    let token = token(&sent);
    assert_eq!(life(&gateway, &jo).await, 1);
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    assert_eq!(me(&gateway, &token).await.status(), 401);
}

/// How many seconds the session with the client lives.
async fn life(gateway: &Gateway, account: &Account) -> i64 {
    let sessions = gateway.auth.sessions.list(Some(&account.id)).await.unwrap();
    let session = sessions.iter().find(|it| it.client.is_some()).unwrap();
    session.expires_at.unwrap().seconds() - session.created_at.seconds()
}

#[tokio::test]
async fn without_redirect_url_the_path_belongs_to_the_routes_or_leads_to_the_account() {
    let (app, gateway, _) = world(DIALECT).await;
    let mut browser = Browser::new(&gateway);
    browser.log_in("jo").await;
    assert_eq!(browser.go("/login").await.status(), 200);
    assert_eq!(app.request().line(), "GET /login HTTP/1.1");

    let own = "[dialect.namespace]\nhost = \"id.example\"\nlogin_path = \"/\"\n";
    let (app, gateway, _) = world(own).await;
    let answer = Browser::on(&gateway, "id.example").go("/").await;
    let account = "/_countersign/account";
    assert_eq!((answer.status(), answer.field("location")), (303, account));
    assert_eq!(Browser::new(&gateway).go("/").await.status(), 302);
    assert!(app.requests().is_empty());
}

#[tokio::test]
async fn a_token_in_a_path_is_never_logged() {
    let (_app, gateway, _) = world(DIALECT).await;
    register(&gateway, "app", &[CALLBACK], Handoff::Token).await;
    let (_, sent) = agreed(&gateway, CALLBACK).await;
    let token = token(&sent);
    for method in [Method::GET, Method::POST, Method::HEAD] {
        for end in ["", "/", "?a=b", "/x"] {
            let path = format!("/me/{token}{end}");
            let request = get(&path, &["Connection: close"]).replacen("GET", method.as_str(), 1);
            let mut client = super::super::support::Client::connect(gateway.address).await;
            client.send(request).await;
            if method == Method::HEAD {
                client.response_to_head().await;
            } else {
                client.response().await;
            }
        }
    }
    gateway.line("/me/:token").await;
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    let lines = gateway.lines();
    let of_me = lines.iter().filter(|line| line["path"] == "/me/:token");
    assert_eq!(of_me.count(), 12, "{lines:?}");
    assert!(!lines.iter().any(|line| line.to_string().contains(&token)));
}

#[tokio::test]
async fn tokens_that_are_not_good_are_counted_and_good_ones_are_not_hindered() {
    let throttle = "[throttle]\nper_account = \"3/5m\"\nper_ip = \"3/5m\"\n";
    let (_app, gateway, _) = world(&format!("{DIALECT}{throttle}")).await;
    register(&gateway, "app", &[CALLBACK], Handoff::Token).await;
    let (_, sent) = agreed(&gateway, CALLBACK).await;
    let good = token(&sent);
    for (bad, status) in [("x", 401), ("css_x", 401), ("csh_x", 401), ("x", 429)] {
        let answer = me(&gateway, bad).await;
        assert_eq!(answer.status(), status, "{bad}");
        assert_eq!(
            answer.fields("retry-after").len(),
            usize::from(status == 429)
        );
        assert_eq!(me(&gateway, &good).await.status(), 200);
    }
}
