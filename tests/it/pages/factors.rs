//! Second factors on the account page: set up, used, removed, each change by who has just proved themselves again.

use std::time::Duration;

use countersign::model::account::Account;

use super::super::support::Gateway;
use super::super::support::message::Message;
use super::super::support::totp::code_of_app;
use super::{Browser, Form, PASSWORD, action, form, forms, with_password, world};

const LOGIN: &str = "/_countersign/login";
const STEP: &str = "/_countersign/login/factor";
const ACCOUNT: &str = "/_countersign/account";
const FACTORS: &str = "/_countersign/account/factors";
const ELEVATION: &str = "countersign-elevation";
const MAIL: &str = "[mail]\ntransport = \"file\"\ndirectory = \"mail\"\n";

#[tokio::test]
async fn a_person_sets_an_app_up_signs_in_with_it_and_makes_recovery_codes() {
    let (_app, gateway, jo) = world(MAIL).await;
    let mut browser = Browser::new(&gateway);
    browser.log_in("jo").await;
    let asked = press(&mut browser, "totp").await;
    assert_eq!(asked.status(), 200, "{}", asked.text());
    assert!(
        asked.text().contains("<strong>jo@example.org</strong>"),
        "{}",
        asked.text()
    );
    assert!(!browser.cookies.contains_key(ELEVATION));
    let wrong = browser
        .submit(&to_type(&asked).with("code", "ABCD-EFGH"))
        .await;
    assert_eq!(wrong.status(), 401);
    assert!(
        gateway
            .auth
            .factors
            .begun_totp(&jo)
            .await
            .unwrap()
            .is_none()
    );

    let code = mailed_code(&gateway, 1).await;
    let setup = browser.submit(&to_type(&wrong).with("code", &code)).await;
    assert_eq!(setup.status(), 200, "{}", setup.text());
    let cookie = setup.fields("set-cookie")[0];
    assert!(cookie.starts_with("countersign-elevation=cse_"), "{cookie}");
    let attributes = "; Path=/; Max-Age=600; HttpOnly; SameSite=Lax";
    assert!(cookie.ends_with(attributes), "{cookie}");
    assert!(setup.text().contains("<svg xmlns="));
    let secret = confirm(&mut browser, &setup).await;
    assert_eq!(kinds(&gateway, &jo).await, ["totp"]);

    let made = press(&mut browser, "recovery-codes").await;
    assert_eq!(made.status(), 200, "the proof is still fresh");
    assert_eq!(codes_on(&made).len(), 10);
    assert!(browser.go(ACCOUNT).await.text().contains("Left: 10."));

    let mut other = Browser::new(&gateway);
    let asked = first_step(&mut other).await;
    let page = other.go(asked.field("location")).await;
    let code = code_of_app(&secret, action().at);
    let back = other.submit(&form(&page, STEP).with("code", &code)).await;
    assert_eq!((back.status(), back.field("location")), (303, ACCOUNT));
    // Another session has to prove itself on its own; the app's code is used, one of the list is not.
    let asked = press(&mut other, "remove-totp").await;
    assert!(asked.text().contains("or one of your recovery codes."));
    let reused = other.submit(&to_type(&asked).with("code", &code)).await;
    assert_eq!(reused.status(), 401);
    let list = codes_on(&made);
    let removed = other.submit(&to_type(&reused).with("code", &list[0])).await;
    assert_eq!(
        (removed.status(), removed.field("location")),
        (303, ACCOUNT)
    );
    assert!(kinds(&gateway, &jo).await.is_empty());
    let mails = gateway.mails(4).await;
    for (mail, subject) in mails.iter().zip([
        "Your verification code",
        "Second factor added",
        "New recovery codes",
        "Second factor removed",
    ]) {
        assert!(mail.contains(&format!("Subject: {subject}\r\n")), "{mail}");
        assert!(!mail.contains(&secret) && !list.iter().any(|code| mail.contains(code)));
    }
}

#[tokio::test]
async fn a_mail_may_be_had_instead_of_typing_what_one_has() {
    let (_app, gateway, jo) = world(MAIL).await;
    let mut browser = signed_in(&gateway).await;
    let codes = gateway
        .auth
        .factors
        .make_recovery_codes(&jo, &action())
        .await;
    codes.unwrap();
    let asked = press(&mut browser, "remove-recovery-codes").await;
    assert!(asked.text().contains("Type one of your recovery codes."));
    let mail = to_mail(&asked);
    let asked = browser.submit(&mail).await;
    assert!(asked.text().contains("A code was mailed to"));
    let code = mailed_code(&gateway, 2).await;
    let removed = browser.submit(&to_type(&asked).with("code", &code)).await;
    assert_eq!(removed.status(), 303);
    assert!(kinds(&gateway, &jo).await.is_empty());
    for status in [200, 200, 429] {
        let mut other = signed_in(&gateway).await;
        let asked = press(&mut other, "totp").await;
        assert_eq!(asked.status(), status, "{}", asked.text());
    }
}

#[tokio::test]
async fn whoever_can_neither_be_mailed_nor_type_anything_is_told() {
    let (_app, gateway, jo) = world("").await;
    let mut browser = signed_in(&gateway).await;
    let asked = press(&mut browser, "totp").await;
    assert_eq!(asked.status(), 409);
    assert!(
        asked.text().contains("No code can be mailed"),
        "{}",
        asked.text()
    );
    assert!(!asked.text().contains("name=\"code\""));
    assert!(kinds(&gateway, &jo).await.is_empty());
}

#[tokio::test]
async fn a_proof_is_one_sessions_and_a_form_is_ones_own() {
    let (_app, gateway, jo) = world("").await;
    with_password(&gateway, "mo").await;
    let (mut here, mut there, mut mo) = (
        signed_in(&gateway).await,
        signed_in(&gateway).await,
        Browser::new(&gateway),
    );
    mo.log_in("mo").await;
    let codes = recovery_codes(&gateway, &jo).await;
    let asked = press(&mut here, "totp").await;
    let setup = here.submit(&to_type(&asked).with("code", &codes[0])).await;
    secret_on(&setup);
    let elevation = here.cookies[ELEVATION].clone();
    for other in [&mut there, &mut mo] {
        other
            .cookies
            .insert(ELEVATION.to_owned(), elevation.clone());
    }
    let asked = press(&mut there, "remove-recovery-codes").await;
    assert!(asked.text().contains("Is it you?"), "{}", asked.text());
    let asked = press(&mut mo, "totp").await;
    assert!(!asked.text().contains("<svg"), "{}", asked.text());
    // A form from elsewhere, and one of another session.
    let own = form_of(&here.go(ACCOUNT).await, "remove-recovery-codes");
    let crossing = here
        .submit_from(&["Sec-Fetch-Site: cross-site"], &own)
        .await;
    assert_eq!(crossing.status(), 403);
    let foreign = form_of(&there.go(ACCOUNT).await, "remove-recovery-codes");
    assert_eq!(here.submit(&foreign).await.status(), 403);
    assert_eq!(kinds(&gateway, &jo).await, ["recovery_code"]);
    assert_eq!(here.submit(&own).await.status(), 303);
    assert!(kinds(&gateway, &jo).await.is_empty());
}

#[tokio::test]
async fn what_makes_no_sense_changes_nothing() {
    let (_app, gateway, jo) = world("").await;
    let mut browser = signed_in(&gateway).await;
    let codes = recovery_codes(&gateway, &jo).await;
    let remove = form_of(&browser.go(ACCOUNT).await, "remove-recovery-codes");
    for (change, id) in [("x", "x"), ("remove-key", "x"), ("", "")] {
        let nonsense = form_of(&browser.go(ACCOUNT).await, "remove-recovery-codes");
        let answer = browser
            .submit(&nonsense.with("change", change).with("id", id))
            .await;
        assert_eq!(answer.status(), 400, "{change}");
    }
    for _ in 0..15 {
        let tried = form_of(&browser.go(ACCOUNT).await, "remove-recovery-codes");
        assert_eq!(
            browser.submit(&tried.with("code", "000000")).await.status(),
            401
        );
    }
    let limited = browser.submit(&remove.with("code", &codes[0])).await;
    assert_eq!(limited.status(), 429);
    assert!(limited.field("retry-after").parse::<u64>().unwrap() > 3500);
    assert_eq!(kinds(&gateway, &jo).await, ["recovery_code"]);
}

/// Mistypes the code of an app, then types the one of half a minute ago, and gives the app's secret.
async fn confirm(browser: &mut Browser<'_>, setup: &Message) -> String {
    let secret = secret_on(setup);
    let wrong = browser
        .submit(&form(setup, FACTORS).with("app_code", "000000"))
        .await;
    assert_eq!((wrong.status(), secret_on(&wrong)), (401, secret.clone()));
    let before = action().at.before(Duration::from_secs(30));
    let confirm = form(&wrong, FACTORS).with("app_code", &code_of_app(&secret, before));
    let done = browser.submit(&confirm).await;
    assert_eq!((done.status(), done.field("location")), (303, ACCOUNT));
    secret
}

/// Presses a button of the section.
async fn press(browser: &mut Browser<'_>, change: &str) -> Message {
    let page = browser.go(ACCOUNT).await;
    assert_eq!(page.status(), 200);
    browser.submit(&form_of(&page, change)).await
}

fn form_of(page: &Message, change: &str) -> Form {
    let mut forms = forms(page, FACTORS);
    let found = forms
        .iter()
        .position(|form| form.fields["change"] == change);
    forms.remove(found.unwrap_or_else(|| panic!("{change}: {}", page.text())))
}

/// The form for a code, on the page that asks for a proof.
fn to_type(page: &Message) -> Form {
    assert!(page.text().contains("name=\"code\""), "{}", page.text());
    forms(page, FACTORS).remove(0)
}

/// The button for a mail, on the same page.
fn to_mail(page: &Message) -> Form {
    forms(page, FACTORS).remove(1).with("mail", "1")
}

async fn signed_in(gateway: &Gateway) -> Browser<'_> {
    let mut browser = Browser::new(gateway);
    browser.log_in("jo").await;
    browser
}

async fn first_step(browser: &mut Browser<'_>) -> Message {
    let page = browser.go(LOGIN).await;
    let step = form(&page, LOGIN)
        .with("username", "jo")
        .with("password", PASSWORD);
    browser.submit(&step).await
}

pub(super) async fn recovery_codes(gateway: &Gateway, account: &Account) -> Vec<String> {
    let factors = &gateway.auth.factors;
    let codes = factors.make_recovery_codes(account, &action()).await;
    let codes = codes.unwrap();
    codes
        .iter()
        .map(countersign::model::factor::RecoveryCode::expose)
        .collect()
}

async fn kinds(gateway: &Gateway, account: &Account) -> Vec<&'static str> {
    let enrolled = gateway.auth.factors.list(&account.id).await.unwrap();
    enrolled.kinds().iter().map(|kind| kind.as_str()).collect()
}

/// The code in the newest of so many mails.
pub(super) async fn mailed_code(gateway: &Gateway, count: usize) -> String {
    let mails = gateway.mails(count).await.concat();
    let is_code = |line: &&str| line.len() == 9 && line.as_bytes()[4] == b'-';
    let code = mails.lines().map(str::trim).rfind(is_code);
    code.unwrap_or_else(|| panic!("{mails}")).to_owned()
}

fn secret_on(page: &Message) -> String {
    let text = page.text();
    let (_, rest) = text
        .split_once("<code>")
        .unwrap_or_else(|| panic!("{text}"));
    rest.split('<').next().unwrap().replace(' ', "")
}

fn codes_on(page: &Message) -> Vec<String> {
    let text = page.text();
    let codes = text.split("<code>").skip(1);
    codes
        .map(|rest| rest.split('<').next().unwrap().to_owned())
        .collect()
}
