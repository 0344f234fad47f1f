//! Logging in and out with a browser.

use super::super::support::{Gateway, get};
use super::{Browser, COOKIE_ROUTE, PASSWORD, form, one_route, with_password, world};

const LOGIN: &str = "/_countersign/login";
const ACCOUNT: &str = "/_countersign/account";
const PREFLIGHT: [&str; 2] = [
    "Origin: https://other.example",
    "Access-Control-Request-Method: PUT",
];

#[tokio::test]
async fn a_person_is_led_to_the_login_page_and_back_to_what_they_wanted() {
    let (app, gateway, jo) = world("").await;
    let mut browser = Browser::new(&gateway);
    let sent = browser.go("/a/b?c=d&e=%2F").await;
    assert_eq!(sent.status(), 302);
    let page = browser.go(sent.field("location")).await;
    assert_eq!(page.status(), 200);
    let form = form(&page, LOGIN);
    let back = browser
        .submit(
            &form
                .with("username", "JO@example.org")
                .with("password", PASSWORD),
        )
        .await;
    assert_eq!(
        (back.status(), back.field("location")),
        (303, "/a/b?c=d&e=%2F")
    );
    assert!(app.requests().is_empty());
    let answer = browser.go(back.field("location")).await;
    assert_eq!((answer.status(), answer.text().as_str()), (200, "ok"));
    let seen = app.request();
    assert_eq!(seen.field("x-forwarded-user"), jo.id.as_str());
    assert_eq!(seen.field("x-forwarded-auth-method"), "cookie");
    assert!(!app.saw(&browser.cookies["countersign"]), "{}", seen.head);
}

#[tokio::test]
async fn the_cookie_is_as_tight_as_it_can_be() {
    for (server, name, secure) in [
        ("http://app.example", "countersign", ""),
        ("https://app.example", "__Host-countersign", "; Secure"),
    ] {
        let more =
            format!("[server]\nexternal_url = \"{server}\"\n[accounts]\nsession_ttl = \"2h\"\n");
        let (_app, gateway, _) = world(&more).await;
        let answer = Browser::new(&gateway).log_in("jo").await;
        let cookies = answer.fields("set-cookie");
        let start = format!("{name}=csb_");
        let cookie = cookies.iter().find(|it| it.starts_with(&start)).unwrap();
        let end = format!("; Path=/; Max-Age=7200; HttpOnly; SameSite=Lax{secure}");
        assert!(cookie.ends_with(&end), "{cookie}");
    }
}

#[tokio::test]
async fn a_browser_is_led_nowhere_else() {
    let (_app, gateway, _) = world("").await;
    for (return_to, location) in [
        ("/x", "/x"),
        ("//evil.example/", ACCOUNT),
        ("/\\evil.example", ACCOUNT),
        ("/\t/evil.example", ACCOUNT),
        ("https://evil.example/", ACCOUNT),
        ("/x\r\nSet-Cookie: a=b", ACCOUNT),
        (LOGIN, ACCOUNT),
    ] {
        let mut browser = Browser::new(&gateway);
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let query = query.append_pair("return_to", return_to).finish();
        let page = browser.go(&format!("{LOGIN}?{query}")).await;
        assert_eq!(page.text().contains("return_to"), location != ACCOUNT);
        let form = form(&page, LOGIN)
            .with("username", "jo")
            .with("password", PASSWORD)
            .with("return_to", return_to);
        let answer = browser.submit(&form).await;
        assert_eq!(answer.field("location"), location, "{return_to:?}");
    }
}

#[tokio::test]
async fn another_site_can_log_nobody_in_or_out() {
    let (_app, gateway, _) = world("").await;
    let mut browser = Browser::new(&gateway);
    browser.log_in("jo").await;
    let session = browser.cookies.clone();
    for from in [
        &["Sec-Fetch-Site: cross-site"][..],
        &["Sec-Fetch-Site: same-site"],
        &["Origin: https://evil.example"],
        &["Origin: null"],
    ] {
        for path in [
            LOGIN,
            "/_countersign/logout",
            "/_countersign/logout-everywhere",
            "/_countersign/account/password",
            "/_countersign/account/tokens",
        ] {
            let form = super::Form {
                action: path.to_owned(),
                fields: [("username", "jo"), ("password", PASSWORD)]
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .into(),
            };
            let answer = browser.submit_from(from, &form).await;
            assert_eq!(answer.status(), 403, "{from:?} {path}");
            assert!(answer.fields("set-cookie").is_empty(), "{}", answer.head);
        }
    }
    assert_eq!(browser.cookies, session);
    assert_eq!(browser.go(ACCOUNT).await.status(), 200);
    // Our own origin, from a browser that says no more than that.
    let page = browser.go(LOGIN).await;
    let form = form(&page, LOGIN)
        .with("username", "jo")
        .with("password", PASSWORD);
    let answer = browser
        .submit_from(&["Origin: http://app.example"], &form)
        .await;
    assert_eq!(answer.status(), 303);
}

#[tokio::test]
async fn every_refusal_is_one_page() {
    let (_app, gateway, _) = world("[throttle]\nper_account = \"100/5m\"\n").await;
    let off = with_password(&gateway, "off").await;
    let disabled = countersign::model::account::AccountStatus::Disabled;
    let action = super::action();
    let set = gateway.auth.accounts.set_status(&off.id, disabled, &action);
    set.await.unwrap();
    gateway.account("shadow").await;
    let mut browser = Browser::new(&gateway);
    let mut pages = Vec::new();
    for (name, password) in [
        ("jo", "wrong"),
        ("nobody", PASSWORD),
        ("off", PASSWORD),
        ("shadow", PASSWORD),
    ] {
        let page = browser.go(LOGIN).await;
        let form = form(&page, LOGIN)
            .with("username", name)
            .with("password", password);
        let answer = browser.submit(&form).await;
        assert_eq!(answer.status(), 401);
        assert_eq!(answer.field("www-authenticate"), "Bearer");
        assert!(!answer.text().contains(password));
        pages.push(answer.text().replace(&format!("\"{name}\""), "NAME"));
    }
    pages.dedup();
    assert_eq!(pages.len(), 1, "{pages:#?}");
    assert!(pages[0].contains("role=\"alert\""));
}

#[tokio::test]
async fn too_many_failures_and_too_many_at_once_are_told_with_a_time() {
    let (_app, gateway, _) = world("[throttle]\nper_account = \"2/5m\"\n").await;
    let mut browser = Browser::new(&gateway);
    let page = browser.go(LOGIN).await;
    let try_it = form(&page, LOGIN)
        .with("username", "jo")
        .with("password", "wrong");
    assert_eq!(browser.submit(&try_it).await.status(), 401);
    assert_eq!(browser.submit(&try_it).await.status(), 401);
    let answer = browser.submit(&try_it).await;
    assert_eq!(answer.status(), 429);
    assert!(answer.field("retry-after").parse::<u32>().unwrap() > 0);
    assert!(answer.text().contains("<form "), "{}", answer.text());

    let slow = "[password]\nmemory = \"64MiB\"\niterations = 3\nconcurrency = 1\nqueue = 0\n";
    let (_app, gateway, _) = world(slow).await;
    let tries = (0..6).map(|_| async {
        let mut browser = Browser::new(&gateway);
        let form = super::Form {
            action: LOGIN.to_owned(),
            fields: [("username", "jo"), ("password", PASSWORD)]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
        };
        browser.submit(&form).await
    });
    let answers = all(tries).await;
    let full = answers.iter().find(|answer| answer.status() == 503);
    let full = full.expect("of six at once some find the queue full");
    assert!(full.field("retry-after").parse::<u32>().unwrap() > 0);
}

#[tokio::test]
async fn a_login_makes_a_new_session_always_and_ends_the_one_before() {
    let (_app, gateway, _) = world("").await;
    let mut browser = Browser::new(&gateway);
    // What somebody else may have planted is not taken over.
    let planted = "csb_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned();
    browser
        .cookies
        .insert("countersign".into(), planted.clone());
    browser.log_in("jo").await;
    let first = browser.cookies["countersign"].clone();
    assert_ne!(first, planted);
    browser.log_in("jo").await;
    let second = browser.cookies["countersign"].clone();
    assert_ne!(first, second);
    browser.cookies.insert("countersign".into(), first);
    assert_eq!(browser.go("/").await.status(), 302);
    browser.cookies.insert("countersign".into(), second);
    assert_eq!(browser.go("/").await.status(), 200);
}

#[tokio::test]
async fn logging_out_ends_the_session_and_clears_the_cookie() {
    let (_app, gateway, _) = world("").await;
    let mut browser = Browser::new(&gateway);
    browser.log_in("jo").await;
    let cookie = browser.cookies["countersign"].clone();
    let page = browser.go("/_countersign/logout").await;
    let form = form(&page, "/_countersign/logout");
    let forged = super::Form {
        action: form.action.clone(),
        fields: [("token".to_owned(), "0".repeat(64))].into(),
    };
    assert_eq!(browser.submit(&forged).await.status(), 403);
    assert_eq!(browser.go("/").await.status(), 200);
    let answer = browser.submit(&form).await;
    assert_eq!((answer.status(), answer.field("location")), (303, LOGIN));
    assert!(
        !browser.cookies.contains_key("countersign"),
        "{}",
        answer.head
    );
    browser.cookies.insert("countersign".into(), cookie);
    let dead = browser.go("/").await;
    assert_eq!(dead.status(), 302);
    assert!(dead.field("set-cookie").contains("Max-Age=0"));
}

#[tokio::test]
async fn logging_out_everywhere_leaves_nothing() {
    let (_app, gateway, jo) = world("").await;
    let (_, token) = gateway.token(&jo).await;
    let (mut one, mut two) = (Browser::new(&gateway), Browser::new(&gateway));
    one.log_in("jo").await;
    two.log_in("jo").await;
    let page = one.go(ACCOUNT).await;
    let form = form(&page, "/_countersign/logout-everywhere");
    assert_eq!(one.submit(&form).await.status(), 303);
    assert_eq!(two.go("/").await.status(), 302);
    let bearer = format!("Authorization: Bearer {token}");
    assert_eq!(gateway.ask(get("/", &[&bearer])).await.status(), 401);
}

#[tokio::test]
async fn a_second_bounce_explains_itself() {
    let (_app, gateway, _) = world("").await;
    let mut browser = Browser::new(&gateway);
    let sent = browser.go("/x").await;
    let page = browser.go(sent.field("location")).await;
    assert!(!page.text().contains("role=\"alert\""));
    let marker = page.field("set-cookie");
    assert!(
        marker.contains("; Path=/_countersign/login; Max-Age=10; "),
        "{marker}"
    );
    let sent = browser.go("/x").await;
    let page = browser.go(sent.field("location")).await;
    assert!(
        page.text().contains("does not keep the cookie"),
        "{}",
        page.text()
    );
    assert!(page.text().contains("<form "));
}

#[tokio::test]
async fn a_script_gets_401_and_a_preflight_passes_without_identity() {
    let (app, gateway, _) = world("").await;
    for script in ["Sec-Fetch-Mode: cors", "X-Requested-With: XMLHttpRequest"] {
        let answer = gateway.ask(get("/", &[script, "Accept: text/html"])).await;
        assert_eq!(answer.status(), 401, "{script}");
        assert!(answer.field("www-authenticate").starts_with("Bearer "));
    }
    let options = |fields: &[&str]| get("/x", fields).replacen("GET", "OPTIONS", 1);
    let with = |more| options(&[&PREFLIGHT[..], &[more]].concat());
    assert_eq!(
        gateway.ask(with("X-Forwarded-User: forged")).await.status(),
        200
    );
    let seen = app.request();
    assert_eq!(seen.line(), "OPTIONS /x HTTP/1.1");
    assert_eq!(seen.field("origin"), "https://other.example");
    assert!(seen.fields("x-forwarded-user").is_empty(), "{}", seen.head);
    for no_preflight in [
        options(&PREFLIGHT[..1]),
        options(&PREFLIGHT[1..]),
        options(&[]),
        get("/x", &PREFLIGHT),
        get("/x", &PREFLIGHT).replacen("GET", "DELETE", 1),
        with("Authorization: Bearer csa_unknown"),
        with("Authorization: Bearer foreign"),
        with("X-HTTP-Method-Override: DELETE"),
        with("X_HTTP_Method_Override: DELETE"),
        with("Upgrade: websocket"),
        with("Content-Length: 1") + "x",
        with("Transfer-Encoding: chunked") + "1\r\nx\r\n0\r\n\r\n",
    ] {
        let answer = gateway.ask(&no_preflight).await;
        assert_eq!(answer.status(), 401, "{no_preflight}");
    }
    assert_eq!(app.requests().len(), 1);
}

#[tokio::test]
async fn a_route_without_cookies_sends_nobody_to_the_login_page() {
    let app = super::Upstream::start().await;
    let gateway = Gateway::start(&one_route(&app.url(), "accept = [\"bearer\"]")).await;
    assert_eq!(Browser::new(&gateway).go("/").await.status(), 401);
    let gateway = Gateway::start(&one_route(&app.url(), COOKIE_ROUTE)).await;
    assert_eq!(Browser::new(&gateway).go("/").await.status(), 302);
}

#[tokio::test]
async fn a_page_is_locked_down_and_speaks_the_readers_language() {
    let (_app, gateway, _) = world("").await;
    let mut browser = Browser::new(&gateway);
    browser.log_in("jo").await;
    for path in [LOGIN, ACCOUNT, "/_countersign/logout"] {
        for (language, tag, word) in [("de-DE,de;q=0.9", "de", "elden"), ("fr", "en", "ign")] {
            browser.language = language;
            let page = browser.go(path).await;
            let text = page.text();
            assert!(text.contains(&format!("<html lang=\"{tag}\">")), "{text}");
            assert!(text.contains(word), "{text}");
            assert!(
                !text.contains("<script") && !text.contains("style="),
                "{text}"
            );
            assert_eq!(page.field("cache-control"), "no-store");
            assert_eq!(page.field("x-frame-options"), "DENY");
            assert_eq!(page.field("x-content-type-options"), "nosniff");
            assert_eq!(page.field("referrer-policy"), "same-origin");
            let policy = page.field("content-security-policy");
            for rule in [
                "default-src 'none'",
                "form-action 'self';",
                "frame-ancestors 'none'",
            ] {
                assert!(policy.contains(rule), "{policy}");
            }
        }
    }
}

async fn all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures.map(Box::pin).collect();
    let mut outputs: Vec<Option<F::Output>> = futures.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, output) in futures.iter_mut().zip(&mut outputs) {
            if output.is_none()
                && let std::task::Poll::Ready(ready) = future.as_mut().poll(context)
            {
                *output = Some(ready);
            }
        }
        if outputs.iter().all(Option::is_some) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    outputs.into_iter().flatten().collect()
}
