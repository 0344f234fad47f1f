//! Taking over accounts of another system.

use countersign::auth::import::{ImportMode, ImportRow};
use countersign::model::account::AccountKind;
use countersign::store::accounts::PasswordHash;

use super::*;

type Row = Result<ImportRow, (usize, String)>;

fn row(line: usize, email: &str, hash: Option<&str>) -> ImportRow {
    ImportRow {
        line,
        email: Some(email.to_owned()),
        password_hash: hash.map(PasswordHash::new),
        ..ImportRow::default()
    }
}

/// Two good rows among six bad ones, and why they are bad.
fn rows() -> (Vec<Row>, [(usize, &'static str); 6]) {
    let bcrypt = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
    let readable = [
        row(1, "one@example.org", Some(bcrypt)),
        row(2, "two@example.org", None),
        row(
            3,
            "apr1@example.org",
            Some("$apr1$lZL6V/ci$eIMz/iKDkbtys/uU7LEK00"),
        ),
        row(
            4,
            "sha@example.org",
            Some("{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g="),
        ),
        row(5, "not an address", None),
        row(6, "ONE@example.org", None),
        row(7, "taken@example.org", None),
    ];
    let unreadable = Err((8, "has no closing quote".to_owned()));
    let rows = readable.into_iter().map(Ok).chain([unreadable]).collect();
    let bad = [
        (3, "not a password hash"),
        (4, "not a password hash"),
        (5, "is not an e-mail address"),
        (6, "is in the file twice"),
        (7, "is an account already"),
        (8, "has no closing quote"),
    ];
    (rows, bad)
}

#[tokio::test]
async fn good_rows_are_taken_and_every_bad_one_is_named() {
    let house = House::new().await;
    house.account("taken@example.org").await;
    let (rows, bad) = rows();
    let (accounts, action) = (&house.auth.accounts, house.action());
    let imported = accounts
        .import(rows, ImportMode::EachItself, &action)
        .await
        .unwrap();
    let kinds: Vec<_> = imported.added.iter().map(|account| account.kind).collect();
    assert_eq!(kinds, [AccountKind::Full, AccountKind::Shadow]);
    assert_eq!(imported.refused.len(), bad.len(), "{:?}", imported.refused);
    for ((line, why), (expected_line, expected)) in imported.refused.iter().zip(bad) {
        assert_eq!(*line, expected_line);
        assert!(why.contains(expected), "{line}: {why}");
    }
    assert!(house.try_login("one@example.org", "U*U").await.is_ok());
}

#[tokio::test]
async fn all_or_none_is_none_when_a_row_is_bad_and_all_when_none_is() {
    let house = House::new().await;
    house.account("taken@example.org").await;
    let (rows, bad) = rows();
    let (accounts, action) = (&house.auth.accounts, house.action());
    let imported = accounts
        .import(rows.clone(), ImportMode::Atomic, &action)
        .await
        .unwrap();
    assert_eq!(
        (imported.added.len(), imported.refused.len()),
        (0, bad.len())
    );
    assert_eq!(accounts.list().await.unwrap().len(), 1);
    let good = rows.into_iter().take(2).collect();
    let imported = accounts
        .import(good, ImportMode::Atomic, &action)
        .await
        .unwrap();
    assert_eq!((imported.added.len(), imported.refused.len()), (2, 0));
}

#[tokio::test]
async fn more_rows_than_fit_in_a_batch_are_all_taken() {
    let house = House::new().await;
    let rows = (0..1_201)
        .map(|line| row(line, &format!("user{line}@example.org"), None))
        .map(Ok);
    let (accounts, action) = (&house.auth.accounts, house.action());
    let imported = accounts
        .import(rows.collect(), ImportMode::EachItself, &action)
        .await
        .unwrap();
    assert_eq!(imported.added.len(), 1_201);
}
