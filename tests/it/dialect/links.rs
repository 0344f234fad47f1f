//! The pages behind mailed links.

use super::{Answer, World};

#[tokio::test]
async fn an_invitations_page_shows_its_code_as_often_as_it_is_opened() {
    let world = World::with("").await;
    let code = world.invite("new@example.org").await;
    let link = world.link_in_mail_to("new@example.org").await;
    for _ in 0..2 {
        let page = world.ask(&format!("GET {link}"), &[], "").await;
        assert_eq!(page.status, 200);
        assert!(
            page.text.contains(&format!("<code>{code}</code>")),
            "{page:?}"
        );
        is_locked_down(&page);
    }
}

#[tokio::test]
async fn what_is_no_link_of_ours_gets_a_page_that_repeats_nothing_of_it() {
    let world = World::with("").await;
    for (path, status) in [("confirm", 410), ("invitation", 400)] {
        for query in ["", "?token=", "?token=csl_nonsense", "?token=<b>evil</b>"] {
            let request = format!(
                "GET /_countersign/{path}{}",
                query.replace('<', "%3C").replace('>', "%3E")
            );
            let page = world.ask(&request, &[], "").await;
            assert_eq!(page.status, status, "{request}");
            assert!(!page.text.contains("evil"), "{page:?}");
            is_locked_down(&page);
        }
    }
    for (body, status) in [("", 410), ("token=csl_nonsense", 410), ("token=%zz", 400)] {
        let page = world.ask("POST /_countersign/confirm", &[], body).await;
        assert_eq!(page.status, status, "{body}");
    }
    let large = "x".repeat(17_000);
    let page = world.ask("POST /_countersign/confirm", &[], &large).await;
    assert_eq!(page.status, 413);
}

#[tokio::test]
async fn the_stylesheet_is_served() {
    let world = World::with("").await;
    let style = world.ask("GET /_countersign/style.css", &[], "").await;
    assert_eq!(style.headers["content-type"], "text/css; charset=utf-8");
    assert!(style.text.contains(":focus-visible"));
}

#[tokio::test]
async fn the_keys_of_assertions_are_published_without_their_private_part() {
    let world = World::with("").await;
    let keys = world
        .ask("GET /.well-known/jwks.json", &[], "")
        .await
        .json();
    let [key] = keys["keys"].as_array().unwrap().as_slice() else {
        panic!("one key: {keys}");
    };
    assert_eq!((&key["kty"], &key["crv"]), (&"EC".into(), &"P-256".into()));
    assert_eq!(key.get("d"), None);
}

fn is_locked_down(page: &Answer) {
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    for rule in [
        "default-src 'none'",
        "frame-ancestors 'none'",
        "form-action 'self'",
    ] {
        assert!(policy.contains(rule), "{policy}");
    }
    assert_eq!(page.headers["referrer-policy"], "no-referrer");
    assert_eq!(page.headers["x-content-type-options"], "nosniff");
}
