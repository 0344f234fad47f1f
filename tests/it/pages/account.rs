//! The account page: what it shows, and what its forms do.

use countersign::model::client::{Client, Handoff};
use countersign::model::id::ClientId;

use super::super::support::get;
use super::{Browser, PASSWORD, action, form, forms, with_password, world};

const ACCOUNT: &str = "/_countersign/account";
const SESSIONS: &str = "/_countersign/account/sessions";
const TOKENS: &str = "/_countersign/account/tokens";
const CLIENTS: &str = "/_countersign/account/clients";
const EMAIL: &str = "/_countersign/account/email";
const CHANGE: &str = "/_countersign/account/password";

#[tokio::test]
async fn nobody_sees_it_without_logging_in() {
    let (_app, gateway, _) = world("").await;
    let mut browser = Browser::new(&gateway);
    let answer = browser.go(ACCOUNT).await;
    let login = "/_countersign/login?return_to=/_countersign/account";
    assert_eq!((answer.status(), answer.field("location")), (303, login));
}

#[tokio::test]
async fn sessions_are_listed_and_end_when_they_are_told_to() {
    let (_app, gateway, _) = world("").await;
    let (mut here, mut there) = (Browser::new(&gateway), Browser::new(&gateway));
    here.log_in("jo").await;
    there.log_in("jo").await;
    let page = here.go(ACCOUNT).await;
    assert!(page.text().contains("127.0.0.1"), "{}", page.text());
    assert_eq!(page.text().matches("this one</span>").count(), 1);
    assert_eq!(there.go("/").await.status(), 200);
    let form = form(&page, SESSIONS);
    assert_eq!(here.submit(&form).await.field("location"), ACCOUNT);
    assert_eq!(there.go("/").await.status(), 302);
    assert_eq!(here.go("/").await.status(), 200);
}

#[tokio::test]
async fn nobody_ends_anothers_session() {
    let (_app, gateway, _) = world("").await;
    with_password(&gateway, "mo").await;
    let (mut jo, mut mo) = (Browser::new(&gateway), Browser::new(&gateway));
    jo.log_in("jo").await;
    jo.log_in("jo").await;
    mo.log_in("mo").await;
    let mut other = Browser::new(&gateway);
    other.log_in("jo").await;
    let jos = form(&jo.go(ACCOUNT).await, SESSIONS);
    let token = form(&mo.go(ACCOUNT).await, CHANGE).fields["token"].clone();
    mo.submit(&jos.with("token", &token)).await;
    assert_eq!(other.go("/").await.status(), 200);
}

#[tokio::test]
async fn a_token_is_shown_once_and_works_until_it_is_revoked() {
    let (_app, gateway, jo) = world("").await;
    let mut browser = Browser::new(&gateway);
    browser.log_in("jo").await;
    let page = browser.go(ACCOUNT).await;
    let wanted = form(&page, TOKENS)
        .with("label", "<b>laptop</b>")
        .with("days", "30");
    let made = browser.submit(&wanted).await;
    assert_eq!(made.status(), 200);
    let text = made.text();
    let (_, rest) = text.split_once("<code>").unwrap();
    let (token, _) = rest.split_once("</code>").unwrap();
    assert!(token.starts_with("csp_"), "{text}");
    let bearer = format!("Authorization: Bearer {token}");
    assert_eq!(gateway.ask(get("/", &[&bearer])).await.status(), 200);
    let sessions = gateway.auth.sessions.list(Some(&jo.id)).await.unwrap();
    let stored = sessions.iter().find(|it| it.label.is_some()).unwrap();
    assert_eq!(stored.label.as_deref(), Some("<b>laptop</b>"));
    assert!(stored.scopes.is_empty());
    assert!(stored.expires_at.is_some());

    let page = browser.go(ACCOUNT).await;
    assert!(!page.text().contains(token));
    assert!(page.text().contains("&lt;b&gt;laptop&lt;/b&gt;") && !page.text().contains("<b>"));
    let id = stored.id.to_string();
    let mut revokes = forms(&page, SESSIONS).into_iter();
    let revoke = revokes.find(|form| form.fields["id"] == id).unwrap();
    browser.submit(&revoke).await;
    assert_eq!(gateway.ask(get("/", &[&bearer])).await.status(), 401);

    for (label, days, status) in [("", "30", 422), ("x", "0", 400), ("x", "x", 400)] {
        let page = browser.go(ACCOUNT).await;
        let wanted = form(&page, TOKENS).with("label", label).with("days", days);
        assert_eq!(
            browser.submit(&wanted).await.status(),
            status,
            "{label} {days}"
        );
    }
}

#[tokio::test]
async fn an_application_is_refused_and_allowed_again() {
    let (_app, gateway, jo) = world("").await;
    let client = Client {
        id: ClientId::parse("app").unwrap(),
        name: "An <app>".into(),
        redirect_urls: Vec::new(),
        handoff: Handoff::Token,
        created_at: action().at,
    };
    let clients = &gateway.auth.clients;
    clients.add(&client, &action()).await.unwrap();
    clients.consent(&jo.id, &client, &action()).await.unwrap();
    let mut browser = Browser::new(&gateway);
    browser.log_in("jo").await;
    for (answer, refused) in [("refuse", true), ("allow", false)] {
        let page = browser.go(ACCOUNT).await;
        assert!(page.text().contains("An &lt;app&gt;"));
        let form = form(&page, CLIENTS).with("answer", answer);
        assert_eq!(browser.submit(&form).await.status(), 303);
        let related = clients.related_to(&jo.id).await.unwrap();
        assert_eq!(related, [(client.clone(), refused)]);
    }
}

#[tokio::test]
async fn a_password_is_changed_by_who_knows_it_and_ends_every_session() {
    const NEW: &str = "a wholly new one";
    let (_app, gateway, jo) = world("").await;
    let (_, token) = gateway.token(&jo).await;
    let (mut here, mut there) = (Browser::new(&gateway), Browser::new(&gateway));
    here.log_in("jo").await;
    there.log_in("jo").await;
    for (current, new, repeated, says) in [
        ("wrong", NEW, NEW, "present password is not right"),
        (PASSWORD, NEW, "another", "not the same"),
        (
            PASSWORD,
            "sh0rt",
            "sh0rt",
            "too short. Characters at least: 8.",
        ),
    ] {
        let page = here.go(ACCOUNT).await;
        let form = form(&page, CHANGE);
        let form = form.with("current", current).with("new", new);
        let answer = here.submit(&form.with("repeated", repeated)).await;
        assert_eq!(answer.status(), 422, "{says}");
        assert!(answer.text().contains(says), "{}", answer.text());
        assert!(!answer.text().contains(new));
    }
    assert_eq!(there.go("/").await.status(), 200);
    let page = here.go(ACCOUNT).await;
    let change = form(&page, CHANGE)
        .with("current", PASSWORD)
        .with("new", NEW);
    let answer = here.submit(&change.with("repeated", NEW)).await;
    assert_eq!(answer.status(), 303);
    let page = here.go(answer.field("location")).await;
    assert!(
        page.text().contains("password is changed"),
        "{}",
        page.text()
    );
    assert!(!here.cookies.contains_key("countersign"));
    assert_eq!(there.go("/").await.status(), 302);
    let bearer = format!("Authorization: Bearer {token}");
    assert_eq!(gateway.ask(get("/", &[&bearer])).await.status(), 200);
    let login = form(&page, "/_countersign/login")
        .with("username", "jo")
        .with("password", NEW);
    assert_eq!(here.submit(&login).await.status(), 303);
}

#[tokio::test]
async fn an_address_is_changed_once_its_link_was_opened_and_the_old_one_is_told() {
    let mail = "[mail]\ntransport = \"file\"\ndirectory = \"mail\"\n";
    let (_app, gateway, jo) = world(mail).await;
    with_password(&gateway, "mo").await;
    let mut browser = Browser::new(&gateway);
    browser.log_in("jo").await;
    let page = browser.go(ACCOUNT).await;
    for bad in ["", "no address", "a@b\r\nBcc: all@example.org"] {
        let answer = browser.submit(&form(&page, EMAIL).with("email", bad)).await;
        assert_eq!(answer.status(), 422, "{bad}");
        assert!(
            answer.text().contains("not an e-mail address"),
            "{}",
            answer.text()
        );
    }
    // Whether somebody has it already is not to be seen.
    let mut seen = Vec::new();
    for address in ["mo@example.org", "jo@example.net"] {
        let given = browser
            .submit(&form(&page, EMAIL).with("email", address))
            .await;
        assert_eq!(given.status(), 202);
        let later = browser.go(ACCOUNT).await.text();
        assert!(later.contains(&format!("{address} <span")), "{later}");
        seen.push([given.text(), later].map(|text| text.replace(address, "…")));
    }
    assert_eq!(seen[0], seen[1]);

    let mails = gateway.mails(2).await;
    assert!(mails[0].contains("To: mo@example.org") && mails[0].contains("Another account"));
    let link = super::link_in(&mails[1], "/_countersign/confirm");
    let asked = browser.go(&link).await;
    let done = browser.submit(&form(&asked, "/_countersign/confirm")).await;
    assert!(done.text().contains("is confirmed"), "{}", done.text());
    let told = gateway.mails(3).await.remove(2);
    assert!(told.contains("To: jo@example.org"), "{told}");
    assert!(told.contains("has the address jo@example.net"), "{told}");
    let now = gateway
        .auth
        .accounts
        .find(jo.id.as_str())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(now.email.unwrap().as_str(), "jo@example.net");
    assert_eq!(now.pending_email, None);
}

#[tokio::test]
async fn without_mail_an_address_counts_at_once_and_stays_its_owners() {
    let (_app, gateway, jo) = world("").await;
    with_password(&gateway, "mo").await;
    let mut browser = Browser::new(&gateway);
    browser.log_in("jo").await;
    for (address, is) in [
        ("mo@example.org", "jo@example.org"),
        ("jo@example.net", "jo@example.net"),
    ] {
        let page = browser.go(ACCOUNT).await;
        assert!(!page.text().contains("once the link"));
        let given = browser
            .submit(&form(&page, EMAIL).with("email", address))
            .await;
        assert_eq!((given.status(), given.field("location")), (303, ACCOUNT));
        let now = gateway
            .auth
            .accounts
            .find(jo.id.as_str())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(now.email.unwrap().as_str(), is);
    }
}

#[tokio::test]
async fn a_form_without_the_sessions_token_does_nothing() {
    let (_app, gateway, _) = world("").await;
    let (mut browser, mut other) = (Browser::new(&gateway), Browser::new(&gateway));
    browser.log_in("jo").await;
    other.log_in("jo").await;
    let others = form(&other.go(ACCOUNT).await, CHANGE).fields["token"].clone();
    for path in [
        SESSIONS,
        TOKENS,
        CLIENTS,
        CHANGE,
        EMAIL,
        "/_countersign/account/connect",
        "/_countersign/account/disconnect",
        "/_countersign/logout-everywhere",
    ] {
        for token in ["", "x", &others] {
            let form = super::Form {
                action: path.to_owned(),
                fields: [("token".to_owned(), token.to_owned())].into(),
            };
            assert_eq!(browser.submit(&form).await.status(), 403, "{path} {token}");
        }
    }
    assert_eq!(browser.go(ACCOUNT).await.status(), 200);
}

#[tokio::test]
async fn a_form_with_our_cookie_that_says_nothing_of_where_it_stood_does_nothing() {
    let (_app, gateway, _) = world("").await;
    let mut browser = Browser::new(&gateway);
    browser.log_in("jo").await;
    let page = browser.go(ACCOUNT).await;
    let logout = form(&page, "/_countersign/logout");
    assert_eq!(browser.submit_from(&[], &logout).await.status(), 403);
    assert_eq!(browser.go(ACCOUNT).await.status(), 200);
    let origin = ["Origin: http://app.example"];
    assert_eq!(browser.submit_from(&origin, &logout).await.status(), 303);
    assert_eq!(browser.go(ACCOUNT).await.status(), 303);
}
