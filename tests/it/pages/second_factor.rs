//! The second step of logging in with a browser.

use std::time::Duration;

use countersign::auth::factors::TypedCode;
use countersign::model::account::Account;
use countersign::model::client::{Client, Handoff};
use countersign::model::factor::RecoveryCode;
use countersign::model::id::ClientId;

use super::super::support::message::Message;
use super::super::support::totp::code_of_app;
use super::super::support::{Gateway, get};
use super::{Browser, PASSWORD, action, form, world};

const LOGIN: &str = "/_countersign/login";
const FACTOR: &str = "/_countersign/login/factor";
const TICKET: &str = "countersign-ticket";
const SESSION: &str = "countersign";

#[tokio::test]
async fn a_login_takes_two_steps_and_there_is_no_session_before_the_second() {
    let (app, gateway, jo) = world("").await;
    let app_secret = with_app(&gateway, &jo).await;
    let mut browser = Browser::new(&gateway);
    let asked = first_step(&mut browser, "/a?b=c").await;
    assert_eq!(asked.status(), 303, "{}", asked.text());
    let there = "/_countersign/login/factor?return_to=%2Fa%3Fb%3Dc";
    assert_eq!(asked.field("location"), there);
    let ticket = &asked.fields("set-cookie")[..];
    assert!(
        ticket.len() == 1 && ticket[0].starts_with("countersign-ticket=csf_"),
        "{ticket:?}"
    );
    let attributes = "; Path=/_countersign/login; Max-Age=300; HttpOnly; SameSite=Lax";
    assert!(ticket[0].ends_with(attributes), "{ticket:?}");
    assert_eq!(sessions(&gateway).await, 0);

    let page = browser.go(there).await;
    assert_eq!(page.status(), 200);
    assert!(page.text().contains("the code that your app shows now."));
    for wrong in ["000000", "", "ABCD-EFGH-JKMN-PQRS"] {
        let again = browser
            .submit(&form(&page, FACTOR).with("code", wrong))
            .await;
        assert_eq!(again.status(), 401, "{}", again.text());
        assert!(again.text().contains("role=\"alert\""));
        assert_eq!(form(&again, FACTOR).fields["return_to"], "/a?b=c");
    }
    assert_eq!(sessions(&gateway).await, 0);
    let elsewhere = Browser::new(&gateway).go("/a?b=c").await;
    assert_eq!(elsewhere.status(), 302);

    let code = code_of_app(&app_secret, action().at);
    let right = form(&page, FACTOR).with("code", &code);
    let back = browser.submit(&right).await;
    assert_eq!((back.status(), back.field("location")), (303, "/a?b=c"));
    assert!(!browser.cookies.contains_key(TICKET), "it is used up");
    assert_eq!(browser.go("/a?b=c").await.status(), 200);
    assert_eq!(app.request().field("x-forwarded-user"), jo.id.as_str());
    assert_eq!(sessions(&gateway).await, 1);
}

#[tokio::test]
async fn a_ticket_is_one_browsers_and_good_once() {
    let (_app, gateway, jo) = world("").await;
    let codes = with_codes(&gateway, &jo).await;
    let mut browser = Browser::new(&gateway);
    first_step(&mut browser, "/").await;
    let page = browser.go(FACTOR).await;
    assert!(page.text().contains("one of your recovery codes."));
    let ticket = browser.cookies[TICKET].clone();

    let mut stranger = Browser::new(&gateway);
    let answer = stranger
        .submit(&form(&page, FACTOR).with("code", &codes[0]))
        .await;
    assert_eq!(answer.status(), 200);
    assert!(answer.text().contains("Please sign in once more."));
    form(&answer, LOGIN);

    let step = form(&page, FACTOR).with("code", &codes[0]);
    let from = ["Sec-Fetch-Site: cross-site"];
    assert_eq!(browser.submit_from(&from, &step).await.status(), 403);
    assert_eq!(
        browser.submit(&step).await.status(),
        303,
        "nothing was used up"
    );

    // Whoever saw the ticket and has another good code comes too late.
    stranger.cookies.insert(TICKET.to_owned(), ticket);
    let answer = stranger
        .submit(&form(&page, FACTOR).with("code", &codes[1]))
        .await;
    assert!(answer.text().contains("Please sign in once more."));
    assert_eq!(sessions(&gateway).await, 1);
}

#[tokio::test]
async fn a_ticket_opens_nothing() {
    let (app, gateway, jo) = world("").await;
    with_codes(&gateway, &jo).await;
    let mut browser = Browser::new(&gateway);
    first_step(&mut browser, "/").await;
    let ticket = browser.cookies[TICKET].clone();
    assert_eq!(browser.go("/").await.status(), 302);
    assert_eq!(browser.go("/_countersign/account").await.status(), 303);
    browser.cookies.insert(SESSION.to_owned(), ticket.clone());
    assert_eq!(browser.go("/").await.status(), 302);
    let bearer = format!("Authorization: Bearer {ticket}");
    assert_eq!(gateway.ask(get("/", &[&bearer])).await.status(), 401);
    assert!(app.requests().is_empty());
}

#[tokio::test]
async fn a_ticket_ends_with_the_password_it_was_given_for() {
    let (_app, gateway, jo) = world("").await;
    let codes = with_codes(&gateway, &jo).await;
    let mut browser = Browser::new(&gateway);
    first_step(&mut browser, "/").await;
    let page = browser.go(FACTOR).await;
    super::with_password_of(&gateway, &jo).await;
    let answer = browser
        .submit(&form(&page, FACTOR).with("code", &codes[0]))
        .await;
    assert!(answer.text().contains("Please sign in once more."));
    assert_eq!(sessions(&gateway).await, 0);
}

#[tokio::test]
async fn the_session_before_ends_when_the_new_one_begins() {
    let (_app, gateway, jo) = world("").await;
    let mut browser = Browser::new(&gateway);
    browser.log_in("jo").await;
    let old = browser.cookies[SESSION].clone();
    let codes = with_codes(&gateway, &jo).await;
    first_step(&mut browser, "/").await;
    assert_eq!(
        browser.go("/").await.status(),
        200,
        "not before the second step"
    );
    let page = browser.go(FACTOR).await;
    let answer = browser
        .submit(&form(&page, FACTOR).with("code", &codes[0]))
        .await;
    assert_eq!(answer.status(), 303);
    assert_ne!(browser.cookies[SESSION], old);
    assert_eq!(sessions(&gateway).await, 1);
}

#[tokio::test]
async fn after_too_many_wrong_codes_the_page_says_to_wait() {
    let (_app, gateway, jo) = world("").await;
    let codes = with_codes(&gateway, &jo).await;
    let mut browser = Browser::new(&gateway);
    browser.language = "de";
    first_step(&mut browser, "/").await;
    let page = browser.go(FACTOR).await;
    assert!(
        page.text().contains("<h1>Zweiter Schritt</h1>"),
        "{}",
        page.text()
    );
    for _ in 0..15 {
        let wrong = form(&page, FACTOR).with("code", "000000");
        assert_eq!(browser.submit(&wrong).await.status(), 401);
    }
    let right = form(&page, FACTOR).with("code", &codes[0]);
    let limited = browser.submit(&right).await;
    assert_eq!(limited.status(), 429);
    assert!(limited.text().contains("zu viele falsche Codes"));
    let wait: u64 = limited.field("retry-after").parse().unwrap();
    assert!((3500..=3600).contains(&wait), "{wait}");
    assert_eq!(sessions(&gateway).await, 0);
}

#[tokio::test]
async fn every_form_on_the_way_to_a_client_may_lead_to_it() {
    let (_app, gateway, jo) = world("[dialect.namespace]\n").await;
    let codes = with_codes(&gateway, &jo).await;
    let client = Client {
        id: ClientId::parse("app").unwrap(),
        name: "The app".into(),
        redirect_urls: vec!["https://client.example/back".into()],
        handoff: Handoff::Token,
        created_at: action().at,
    };
    gateway.auth.clients.add(&client, &action()).await.unwrap();
    let way = |url: &str| {
        let query = [("redirect_url", url)];
        let mut text = url::form_urlencoded::Serializer::new(String::new());
        format!("/login?{}", text.extend_pairs(query).finish())
    };
    let (known, own) = (
        way("https://client.example/back"),
        "/_countersign/account?way".to_owned(),
    );
    for (way, leads) in [(&known, true), (&own, false)] {
        let mut browser = Browser::new(&gateway);
        let wrong = step_with(&mut browser, way, "wrong").await;
        assert_eq!(wrong.status(), 401);
        let asked = first_step(&mut browser, way).await;
        let page = browser.go(asked.field("location")).await;
        let wrong_code = form(&page, FACTOR).with("code", "1");
        let again = browser.submit(&wrong_code).await;
        for page in [&wrong, &page, &again] {
            let policy = page.field("content-security-policy");
            let rule = if leads { " https: http:" } else { "" };
            let rule = format!("; form-action 'self'{rule}; ");
            assert!(policy.contains(&rule), "{policy}");
        }
        let code = &codes[usize::from(leads)];
        let back = browser
            .submit(&form(&again, FACTOR).with("code", code))
            .await;
        assert_eq!(back.field("location"), way);
    }
}

/// Types the password, and is led back to a path at the end.
async fn first_step(browser: &mut Browser<'_>, return_to: &str) -> Message {
    step_with(browser, return_to, PASSWORD).await
}

async fn step_with(browser: &mut Browser<'_>, return_to: &str, password: &str) -> Message {
    let page = browser.go(LOGIN).await;
    let step = form(&page, LOGIN)
        .with("username", "jo")
        .with("password", password)
        .with("return_to", return_to);
    browser.submit(&step).await
}

/// Sets up an app whose code of half a minute ago is used.
async fn with_app(gateway: &Gateway, account: &Account) -> String {
    let factors = &gateway.auth.factors;
    let setup = factors.begin_totp(account, &action()).await.unwrap();
    let secret = setup.expose_secret();
    let before = action().at.before(Duration::from_secs(30));
    let code = TypedCode::new(&code_of_app(&secret, before));
    let confirmed = factors.confirm_totp(account, &code, &action()).await;
    confirmed.unwrap();
    secret
}

async fn with_codes(gateway: &Gateway, account: &Account) -> Vec<String> {
    let factors = &gateway.auth.factors;
    let codes = factors.make_recovery_codes(account, &action()).await;
    codes.unwrap().iter().map(RecoveryCode::expose).collect()
}

async fn sessions(gateway: &Gateway) -> usize {
    gateway.auth.sessions.list(None).await.unwrap().len()
}
