//! On the way to a route that asks for a recent proof: a browser is led to the page that takes one, and back.

use std::time::Duration;

use countersign::model::account::Account;

use super::super::support::message::Message;
use super::super::support::totp::code_of_app;
use super::super::support::{Gateway, Upstream, get};
use super::factors::{mailed_code, recovery_codes};
use super::payloads::{PAYLOADS, from_outside};
use super::{Browser, Form, action, form, forms, with_password};

const ELEVATE: &str = "/_countersign/elevate";
const ACCOUNT: &str = "/_countersign/account";
const SESSION: &str = "countersign";
const ELEVATION: &str = "countersign-elevation";
const MAIL: &str = "[mail]\ntransport = \"file\"\ndirectory = \"mail\"\n";

#[tokio::test]
async fn a_person_proves_themselves_with_a_mailed_code_and_is_led_back() {
    let (app, gateway) = world(MAIL).await;
    let mut browser = signed_in(&gateway).await;
    let page = led(&mut browser, "/careful/a?b=c&d=%2F").await;
    assert!(page.text().contains("Is it you?"), "{}", page.text());
    assert!(page.text().contains("asks for a recent proof"));
    assert!(
        !page.text().contains("name=\"code\""),
        "nothing is mailed to whoever was led here"
    );
    let asked = browser
        .submit(&form(&page, ELEVATE).with("mail", "1"))
        .await;
    assert!(asked.text().contains("<strong>jo@example.org</strong>"));
    let wrong = browser
        .submit(&to_type(&asked).with("code", "ABCD-EFGH"))
        .await;
    assert_eq!(wrong.status(), 401);
    assert_eq!(wrong.field("www-authenticate"), "Bearer");
    assert!(!browser.cookies.contains_key(ELEVATION));

    let code = mailed_code(&gateway, 1).await;
    let back = browser.submit(&to_type(&wrong).with("code", &code)).await;
    let there = "/careful/a?b=c&d=%2F";
    assert_eq!((back.status(), back.field("location")), (303, there));
    let cookie = back.field("set-cookie");
    assert!(cookie.starts_with("countersign-elevation=cse_"), "{cookie}");
    let attributes = "; Path=/; Max-Age=600; HttpOnly; SameSite=Lax";
    assert!(cookie.ends_with(attributes), "{cookie}");

    assert_eq!(browser.go(there).await.text(), "ok");
    let seen = app.request();
    assert!(
        !seen.field("x-forwarded-elevated-until").is_empty(),
        "{}",
        seen.head
    );
    for name in [SESSION, ELEVATION] {
        assert!(!app.saw(&browser.cookies[name]), "{name}: {}", seen.head);
    }
    // One proof, one rule: it counts on the account page too.
    let page = browser.go(ACCOUNT).await;
    let made = forms(&page, "/_countersign/account/factors").remove(0);
    let made = browser.submit(&made).await;
    assert!(!made.text().contains("Is it you?"), "{}", made.text());
}

#[tokio::test]
async fn the_mail_is_in_the_language_of_the_page() {
    let (_app, gateway) = world(MAIL).await;
    let mut browser = signed_in(&gateway).await;
    browser.language = "de";
    let page = led(&mut browser, "/careful/").await;
    assert!(
        page.text().contains("<h1>Sind Sie es?</h1>"),
        "{}",
        page.text()
    );
    browser
        .submit(&form(&page, ELEVATE).with("mail", "1"))
        .await;
    let mail = gateway.mails(1).await.concat();
    let subject = "Subject: =?utf-8?";
    assert!(
        mail.contains(subject) || mail.contains("Subject: Ihr"),
        "{mail}"
    );
    let plain = mail.replace("=\r\n", "");
    assert!(
        plain.contains("tigungscode") || plain.contains("niemandem den Code"),
        "{mail}"
    );
}

#[tokio::test]
async fn a_cookie_over_tls_is_bound_to_this_host() {
    let more = format!("{MAIL}[server]\nexternal_url = \"https://app.example\"\n");
    let (_app, gateway) = world(&more).await;
    let mut browser = signed_in(&gateway).await;
    let proved = prove(&gateway, &mut browser, "/careful/").await;
    let cookie = proved.field("set-cookie");
    assert!(
        cookie.starts_with("__Host-countersign-elevation=cse_"),
        "{cookie}"
    );
    let attributes = "; Path=/; Max-Age=600; HttpOnly; SameSite=Lax; Secure";
    assert!(cookie.ends_with(attributes), "{cookie}");
    assert_eq!(browser.go("/careful/").await.status(), 200);
}

#[tokio::test]
async fn an_app_or_a_recovery_code_stands_in_for_the_mail() {
    let (_app, gateway) = world("").await;
    let jo = jo(&gateway).await;
    let browsers = [signed_in(&gateway).await, signed_in(&gateway).await];
    let factors = &gateway.auth.factors;
    let setup = factors.begin_totp(&jo, &action()).await.unwrap();
    let secret = setup.expose_secret();
    let before = action().at.before(Duration::from_secs(30));
    let typed = countersign::auth::factors::TypedCode::new(&code_of_app(&secret, before));
    factors.confirm_totp(&jo, &typed, &action()).await.unwrap();
    let codes = recovery_codes(&gateway, &jo).await;
    let shown = [code_of_app(&secret, action().at), codes[0].clone()];
    for (mut browser, code) in browsers.into_iter().zip(shown) {
        let page = led(&mut browser, "/careful/").await;
        let back = browser.submit(&to_type(&page).with("code", &code)).await;
        assert_eq!((back.status(), back.field("location")), (303, "/careful/"));
        assert_eq!(browser.go("/careful/").await.status(), 200);
        let reused = browser.submit(&to_type(&page).with("code", &code)).await;
        assert_eq!(reused.status(), 401, "a code is good once");
    }
}

#[tokio::test]
async fn only_who_navigates_with_our_cookie_is_led_anywhere() {
    let (_app, gateway) = world("").await;
    let browser = signed_in(&gateway).await;
    let cookie = format!("Cookie: {SESSION}={}", browser.cookies[SESSION]);
    let html = "Accept: text/html";
    let post = |fields: &[&str]| get("/careful/", fields).replacen("GET", "POST", 1);
    for (request, status) in [
        (get("/careful/", &[&cookie, html]), 302),
        (
            get("/careful/", &[&cookie, "Sec-Fetch-Mode: navigate"]),
            302,
        ),
        (get("/careful/", &[&cookie]), 401),
        (
            get("/careful/", &[&cookie, html, "Sec-Fetch-Mode: cors"]),
            401,
        ),
        (
            get(
                "/careful/",
                &[&cookie, html, "X-Requested-With: XMLHttpRequest"],
            ),
            401,
        ),
        (post(&[&cookie, "Sec-Fetch-Mode: navigate"]), 401),
    ] {
        let answer = gateway.ask(&request).await;
        assert_eq!(answer.status(), status, "{request}");
        assert_eq!(answer.field("cache-control"), "no-store");
        if status == 401 {
            let challenge = answer.field("www-authenticate");
            assert!(
                challenge.contains("error=\"insufficient_user_authentication\"")
                    && challenge.contains("max_age=\"600\""),
                "{challenge}"
            );
        }
    }
    let (_, token) = gateway.token(&jo(&gateway).await).await;
    let bearer = format!("Authorization: Bearer {token}");
    let answer = gateway.ask(get("/careful/", &[&bearer, html])).await;
    assert_eq!(answer.status(), 401, "no page helps who has a token");
    // Whoever is not logged in logs in first, and comes by here after that.
    let answer = gateway.ask(get("/careful/", &[html])).await;
    assert_eq!(
        answer.field("location"),
        "/_countersign/login?return_to=/careful/"
    );
    let page = gateway.ask(get(&format!("{ELEVATE}?return_to=/careful/"), &[html]));
    let page = page.await;
    assert_eq!(
        (page.status(), page.field("location")),
        (303, "/_countersign/login?return_to=%2Fcareful%2F")
    );
}

#[tokio::test]
async fn an_elevation_is_one_sessions_and_dies_with_it() {
    let (_app, gateway) = world(MAIL).await;
    with_password(&gateway, "mo").await;
    let (mut here, mut there, mut mo) = (
        signed_in(&gateway).await,
        signed_in(&gateway).await,
        Browser::new(&gateway),
    );
    mo.log_in("mo").await;
    prove(&gateway, &mut here, "/careful/").await;
    assert_eq!(here.go("/careful/").await.status(), 200);
    let elevation = here.cookies[ELEVATION].clone();
    for other in [&mut there, &mut mo] {
        assert_eq!(other.go("/careful/").await.status(), 302);
        let stolen = (ELEVATION.to_owned(), elevation.clone());
        other.cookies.extend([stolen]);
        assert_eq!(other.go("/careful/").await.status(), 302);
    }
    // The session alone, as somebody may have copied it before, is not elevated with its owner.
    let mut copied = Browser::new(&gateway);
    let session = (SESSION.to_owned(), here.cookies[SESSION].clone());
    copied.cookies.extend([session]);
    assert_eq!(copied.go("/careful/").await.status(), 302);

    let before = here.cookies.clone();
    let page = here.go("/_countersign/logout").await;
    here.submit(&form(&page, "/_countersign/logout")).await;
    assert!(
        ![SESSION, ELEVATION]
            .iter()
            .any(|it| here.cookies.contains_key(*it))
    );
    here.cookies = before;
    let dead = here.go("/careful/").await;
    assert!(
        dead.field("location").starts_with("/_countersign/login?"),
        "{}",
        dead.head
    );
    here.log_in("jo").await;
    here.cookies.insert(ELEVATION.to_owned(), elevation);
    let again = here.go("/careful/").await;
    assert!(
        again.field("location").starts_with(ELEVATE),
        "{}",
        again.head
    );
}

#[tokio::test]
async fn what_ends_a_session_ends_its_elevation_at_once() {
    let (_app, gateway) = world("").await;
    let jo = jo(&gateway).await;
    for end in ["revoked", "everywhere", "password", "disabled"] {
        let mut browser = signed_in(&gateway).await;
        browser.proved(Duration::ZERO).await;
        assert_eq!(browser.go("/careful/").await.status(), 200, "{end}");
        let (sessions, accounts, action) =
            (&gateway.auth.sessions, &gateway.auth.accounts, action());
        match end {
            "revoked" => {
                let own = sessions.list(Some(&jo.id)).await.unwrap();
                sessions.revoke(own[0].id, &action).await.unwrap();
            }
            "everywhere" => drop(sessions.revoke_all(&jo.id, &action).await.unwrap()),
            "password" => drop(super::with_password_of(&gateway, &jo).await),
            _ => {
                let off = countersign::model::account::AccountStatus::Disabled;
                accounts.set_status(&jo.id, off, &action).await.unwrap();
            }
        }
        let dead = browser.go("/careful/").await;
        let location = dead.field("location");
        assert!(location.starts_with("/_countersign/login?"), "{end}");
    }
}

#[tokio::test]
async fn an_older_proof_is_asked_for_anew_though_it_is_still_good_elsewhere() {
    let (app, gateway) = world(MAIL).await;
    let mut browser = signed_in(&gateway).await;
    browser.proved(Duration::from_mins(3)).await;
    assert_eq!(browser.go("/careful/").await.status(), 200);
    let page = led(&mut browser, "/very-careful/").await;
    // What was proved before does not stand in for a code.
    let asked = browser.submit(&form(&page, ELEVATE)).await;
    assert!(asked.text().contains("name=\"code\""), "{}", asked.text());
    let code = mailed_code(&gateway, 1).await;
    let back = browser.submit(&to_type(&asked).with("code", &code)).await;
    assert_eq!(back.status(), 303);
    assert_eq!(browser.go("/very-careful/").await.status(), 200);
    browser.proved(Duration::from_mins(11)).await;
    let asked = app.requests().len();
    assert_eq!(browser.go("/careful/").await.status(), 302);
    assert_eq!(app.requests().len(), asked);
}

#[tokio::test]
async fn the_way_back_leads_nowhere_else() {
    let (_app, gateway) = world("").await;
    let mut browser = signed_in(&gateway).await;
    let jo = jo(&gateway).await;
    let more = from_outside();
    let all = PAYLOADS
        .iter()
        .copied()
        .chain(more.iter().map(String::as_str));
    let mut codes = Vec::new();
    for payload in all {
        if codes.is_empty() {
            codes = recovery_codes(&gateway, &jo).await;
        }
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let query = query.append_pair("return_to", payload).finish();
        let page = browser.go(&format!("{ELEVATE}?{query}")).await;
        let proof = to_type(&page)
            .with("code", &codes.pop().unwrap())
            .with("return_to", payload);
        let back = browser.submit(&proof).await;
        assert_eq!(back.status(), 303, "{payload:?}");
        let here = url::Url::parse("http://app.example/").unwrap();
        let lands = here.join(back.field("location")).unwrap();
        assert_eq!(lands.origin(), here.origin(), "{payload:?}: {lands}");
        assert_eq!(back.fields("location").len(), 1);
        assert!(
            !back
                .fields("set-cookie")
                .iter()
                .any(|it| it.contains("evil")),
            "{}",
            back.head
        );
    }
    for step in [
        "/_countersign/elevate",
        "/_countersign/elevate?return_to=/",
        "/_countersign/logout",
    ] {
        codes = recovery_codes(&gateway, &jo).await;
        let page = browser.go(ELEVATE).await;
        let proof = to_type(&page)
            .with("code", &codes[0])
            .with("return_to", step);
        let back = browser.submit(&proof).await;
        assert_eq!(back.field("location"), ACCOUNT, "{step}");
    }
}

#[tokio::test]
async fn another_site_proves_nothing_and_has_nothing_mailed() {
    let (_app, gateway) = world(MAIL).await;
    let mut browser = signed_in(&gateway).await;
    let page = led(&mut browser, "/careful/").await;
    let forged = form(&page, ELEVATE).with("mail", "1").with("token", "x");
    assert_eq!(browser.submit(&forged).await.status(), 403);
    let form = form(&page, ELEVATE).with("mail", "1");
    for from in ["Sec-Fetch-Site: cross-site", "Origin: https://evil.example"] {
        let answer = browser.submit_from(&[from], &form).await;
        assert_eq!(answer.status(), 403, "{from}");
    }
    for _ in 0..5 {
        led(&mut browser, "/careful/").await;
    }
    assert_eq!(browser.submit(&form).await.status(), 200);
    gateway.mails(1).await;
}

/// Routes that ask for a proof, and Jo, who has a password.
async fn world(more: &str) -> (Upstream, Gateway) {
    let app = Upstream::start().await;
    let route = |name: &str, path: &str, elevated: &str| {
        format!(
            "[[route]]\nname = \"{name}\"\npath = \"{path}\"\nupstream = \"app\"\naccess = \"required\"\n\
             accept = [\"bearer\", \"cookie\"]\n{elevated}\n"
        )
    };
    let routes = [
        route("app", "/", ""),
        route("careful", "/careful/", "elevated = \"10m\""),
        route("very-careful", "/very-careful/", "elevated = \"2m\""),
    ];
    let config = format!(
        "[upstream.app]\nservers = [\"{}\"]\n{}{more}",
        app.url(),
        routes.concat()
    );
    let gateway = Gateway::start(&config).await;
    with_password(&gateway, "jo").await;
    (app, gateway)
}

async fn signed_in(gateway: &Gateway) -> Browser<'_> {
    let mut browser = Browser::new(gateway);
    browser.log_in("jo").await;
    browser
}

/// Goes to a path and is led to the page that asks for a proof.
async fn led(browser: &mut Browser<'_>, path: &str) -> Message {
    let sent = browser.go(path).await;
    assert_eq!(sent.status(), 302, "{}", sent.head);
    let location = sent.field("location");
    assert!(location.starts_with(ELEVATE), "{location}");
    let page = browser.go(location).await;
    assert_eq!(page.status(), 200);
    page
}

/// Goes there, and proves with a mailed code, the first of all, that it is Jo.
async fn prove(gateway: &Gateway, browser: &mut Browser<'_>, path: &str) -> Message {
    let page = led(browser, path).await;
    let asked = browser
        .submit(&form(&page, ELEVATE).with("mail", "1"))
        .await;
    let code = mailed_code(gateway, 1).await;
    let back = browser.submit(&to_type(&asked).with("code", &code)).await;
    assert_eq!((back.status(), back.field("location")), (303, path));
    back
}

/// The form for a code.
fn to_type(page: &Message) -> Form {
    assert!(page.text().contains("name=\"code\""), "{}", page.text());
    forms(page, ELEVATE).remove(0)
}

async fn jo(gateway: &Gateway) -> Account {
    gateway
        .auth
        .accounts
        .find("jo@example.org")
        .await
        .unwrap()
        .unwrap()
}
