//! What is not connected, and that a provider which is down is no more than a page that says so.

use serde_json::json;

use super::*;

#[tokio::test]
async fn an_id_token_that_is_not_as_it_should_be_connects_nothing() {
    let (there, _app, gateway) = connectable().await;
    let mut browser = Browser::new(&gateway);
    browser.log_in("jo").await;
    let none = Some(json!({"alg": "none"}));
    let unknown_key = Some(json!({"alg": "ES256", "kid": "2"}));
    let with_secret = Some(json!({"alg": "HS256", "kid": "1"}));
    let cases = [
        ("wrong nonce", json!({"nonce": "another"}), None),
        ("no nonce", json!({"nonce": null}), None),
        ("wrong aud", json!({"aud": "them"}), None),
        ("others too", json!({"aud": ["us", "them"]}), None),
        ("wrong azp", json!({"azp": "them"}), None),
        ("wrong iss", json!({"iss": "https://evil.example"}), None),
        ("expired", json!({"exp": 1_700_000_000}), None),
        ("long ago", json!({"iat": 1_700_000_000}), None),
        (
            "of tomorrow",
            json!({"iat": 4_000_000_000_u64, "exp": 4_000_000_300_u64}),
            None,
        ),
        ("no sub", json!({"sub": null}), None),
        ("alg none", json!({}), none),
        ("alg HS256", json!({}), with_secret),
        ("unknown key", json!({}), unknown_key),
    ];
    let count = cases.len();
    for (what, claims, header) in cases {
        let url = begin(&mut browser).await;
        there.signs_as(header);
        let answer = browser.arrive(&there.agrees_with(&url, &claims)).await;
        assert_eq!(answer.status(), 502, "{what}");
        assert!(
            answer.text().contains("cannot be trusted"),
            "{}",
            answer.text()
        );
        assert!(connections(&gateway).await.is_empty(), "{what}");
    }
    assert_eq!(reasons(&gateway).await, vec!["id_token"; count]);
    there.signs_as(None);
    let url = begin(&mut browser).await;
    assert_eq!(browser.arrive(&there.agrees(&url)).await.status(), 303);
    assert_eq!(
        there.asked_for("/keys"),
        1,
        "an unknown key makes nobody ask again at once"
    );
    assert_eq!(there.asked_for("/.well-known/openid-configuration"), 1);
}

#[tokio::test]
async fn an_answer_is_good_once_and_for_the_session_and_provider_that_began() {
    let there = There::start().await;
    let second = config(&there.issuer(), "").replace("[connection.there]", "[connection.other]");
    let second = second.strip_prefix(AT_APP).unwrap();
    let (_app, gateway, _) = world(&format!("{}{second}", config(&there.issuer(), ""))).await;
    with_password(&gateway, "mo").await;
    let [mut jo, mut again, mut mo] = [(); 3].map(|()| Browser::new(&gateway));
    let (own, same, other) = (0, 1, 2);
    jo.log_in("jo").await;
    again.log_in("jo").await;
    mo.log_in("mo").await;
    jo.proved(Duration::ZERO).await;
    let page = jo.go(ACCOUNT).await;
    let mut buttons = forms(&page, CONNECT).into_iter();
    let button = buttons
        .find(|form| form.fields["provider"] == "there")
        .unwrap();
    let left = jo.submit(&button).await;
    let (_, url) = left.field("refresh").split_once("0;url=").unwrap();
    let url = Url::parse(url).unwrap();
    let back = there.agrees(&url);
    let with = |name: &str, value: &str| {
        let mut changed = back.clone();
        let kept: Vec<_> = back.query_pairs().filter(|(own, _)| own != name).collect();
        changed.query_pairs_mut().clear().extend_pairs(kept);
        if !value.is_empty() {
            changed.query_pairs_mut().append_pair(name, value);
        }
        changed
    };
    let mut at_other = back.clone();
    at_other.set_path("/_countersign/connected/other");
    let damaged = format!("{}x", parameter(&url, "state"));
    for (what, whose, back) in [
        ("another account's session", other, back.clone()),
        ("another session of the account", same, back.clone()),
        ("another provider's", own, at_other),
        ("no state", own, with("state", "")),
        ("a wrong state", own, with("state", "x")),
        ("a damaged state", own, with("state", &damaged)),
        ("another issuer", own, with("iss", "https://evil.example")),
    ] {
        let browser = [&mut jo, &mut again, &mut mo]
            .into_iter()
            .nth(whose)
            .unwrap();
        let answer = browser.arrive(&back).await;
        assert_eq!(answer.status(), 403, "{what}");
        assert!(answer.text().contains("Begin again"), "{}", answer.text());
        assert_eq!(there.asked_for("/token"), 0, "{what}");
    }
    let mut nobody = Browser::new(&gateway);
    let answer = nobody.arrive(&back).await;
    assert!(answer.field("location").starts_with("/_countersign/login"));
    assert_eq!(there.asked_for("/token"), 0);
    assert_eq!(jo.arrive(&back).await.status(), 303);
    assert_eq!(jo.arrive(&back).await.status(), 403, "a second time");
    assert_eq!(there.asked_for("/token"), 1);
    assert_eq!(connections(&gateway).await.len(), 1);
}

#[tokio::test]
async fn who_says_no_there_is_told_that_nothing_was_connected() {
    let (there, _app, gateway) = connectable().await;
    let mut browser = Browser::new(&gateway);
    browser.log_in("jo").await;
    for (language, says) in [
        ("en", "Nothing was connected"),
        ("de", "Es wurde nichts verbunden"),
    ] {
        browser.language = language;
        let url = begin(&mut browser).await;
        let error = [
            ("error", "access_denied"),
            ("error_description", "<script>no"),
        ];
        let answer = browser.arrive(&There::returns(&url, &error)).await;
        assert_eq!(answer.status(), 403);
        assert!(answer.text().contains(says), "{}", answer.text());
        assert!(answer.text().contains("Over &lt;there&gt;") && !answer.text().contains("<script"));
    }
    assert_eq!(reasons(&gateway).await, ["declined"; 2]);
    for parameters in [
        &[][..],
        &[("code", "a"), ("error", "b")],
        &[("code", "a"), ("code", "b")],
    ] {
        let url = begin(&mut browser).await;
        let answer = browser.arrive(&There::returns(&url, parameters)).await;
        assert_eq!(answer.status(), 400, "{parameters:?}");
    }
    assert_eq!(there.asked_for("/token"), 0);
}

#[tokio::test]
async fn a_provider_that_is_down_or_talks_nonsense_is_a_page_that_says_so() {
    const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: ";
    const DISCOVERY: &str = "/.well-known/openid-configuration";
    let refusal = "HTTP/1.1 400 No\r\nContent-Length: 25\r\n\r\n{\"error\":\"invalid_grant\"}";
    let redirect = "HTTP/1.1 307 No\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n";
    let large = format!("{OK}300000\r\n\r\n{}", " ".repeat(300_000));
    for (path, reply, status) in [
        (DISCOVERY, "", 503),
        (
            DISCOVERY,
            "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n",
            503,
        ),
        (DISCOVERY, &*format!("{OK}2\r\n\r\n{{}}"), 502),
        (DISCOVERY, redirect, 503),
        (DISCOVERY, &*large, 503),
        ("/token", "nonsense\r\n\r\n", 503),
        ("/token", refusal, 502),
        ("/token", redirect, 502),
        ("/token", &*format!("{OK}2\r\n\r\n{{}}"), 502),
        ("/token", &*large, 503),
        ("/keys", &*format!("{OK}4\r\n\r\nnull"), 502),
        ("/keys", &*format!("{OK}11\r\n\r\n{{\"keys\":[]}}"), 502),
    ] {
        let (there, _app, gateway) = connectable().await;
        let mut browser = Browser::new(&gateway);
        browser.log_in("jo").await;
        there.says(path, reply);
        let what = format!("{path} {}", reply.lines().next().unwrap_or_default());
        let answer = if path == DISCOVERY {
            browser.proved(Duration::ZERO).await;
            let page = browser.go(ACCOUNT).await;
            browser.submit(&form(&page, CONNECT)).await
        } else {
            let url = begin(&mut browser).await;
            browser.arrive(&there.agrees(&url)).await
        };
        assert_eq!(answer.status(), status, "{what}");
        assert!(
            answer.text().contains("Over &lt;there&gt;</strong>: "),
            "{what} {}",
            answer.text()
        );
        assert_eq!(there.asked_for("/elsewhere"), 0);
        assert!(connections(&gateway).await.is_empty(), "{what}");
        assert_eq!(
            browser.go(ACCOUNT).await.status(),
            200,
            "everything else goes on"
        );
    }
}
