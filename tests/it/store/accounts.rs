//! Accounts, passwords and links.

use countersign::model::account::{AccountKind, AccountStatus, Group, Identifier, Role, Username};
use countersign::model::change::Subject;
use countersign::model::session::Session;
use countersign::model::token::{PlainToken, TokenDigest, TokenKind};
use countersign::store::accounts::{
    AccountChange, AccountKey, Link, LinkPurpose, NewAccount, PasswordHash,
};
use countersign::store::{Committed, SharedStore, StoreError, Thing, Unique};

use super::fixture::*;

pub(super) async fn an_account_reads_back_as_it_was_made(store: SharedStore) {
    let mut shadow = new_account("shadow");
    shadow.account.email = None;
    shadow.account.username = None;
    shadow.account.name = None;
    shadow.account.groups.clear();
    shadow.account.pending_email = Some(email("Shadow@Example.org"));
    shadow.account.kind = AccountKind::Shadow;
    shadow.password = None;
    for new in [new_account("jo"), shadow] {
        let made = create(&store, std::slice::from_ref(&new)).await.unwrap();
        assert_eq!(made.value, std::slice::from_ref(&new.account));
        let key = by_id(new.account.id.as_str());
        assert_eq!(
            store.account(&key).await.unwrap().as_ref(),
            Some(&new.account)
        );
        let secret = store.account_secret(&key).await.unwrap().unwrap();
        assert_eq!(
            (secret.account, secret.password),
            (new.account, new.password)
        );
    }
    assert_eq!(events(&store).await, ["user.add", "user.add"]);
}

pub(super) async fn an_account_is_found_by_all_it_may_type(store: SharedStore) {
    let mut jo = new_account("jo");
    jo.account.pending_email = Some(email("Later@Example.org"));
    let Committed { .. } = create(&store, &[jo]).await.unwrap();
    for typed in ["JO@example.ORG", " later@example.org", "Jo", "ｊｏ"] {
        let found = store.account(&by_login(typed)).await.unwrap();
        assert_eq!(found.map(|a| a.id), Some(account_id("jo")), "{typed}");
    }
    for typed in ["jo@example.com", "joe", ""] {
        assert_eq!(
            store.account(&by_login(typed)).await.unwrap(),
            None,
            "{typed}"
        );
    }
}

pub(super) async fn accounts_are_listed_oldest_first(store: SharedStore) {
    for (id, age) in [("b", 20), ("c", 10), ("a", 30)] {
        let mut new = new_account(id);
        new.account.created_at = at(age);
        let Committed { .. } = create(&store, &[new]).await.unwrap();
    }
    let listed = store.accounts().await.unwrap();
    let ids: Vec<_> = listed.iter().map(|a| a.id.as_str()).collect();
    assert_eq!(ids, ["c", "b", "a"]);
}

pub(super) async fn what_is_taken_is_refused_and_nothing_is_made(store: SharedStore) {
    let mut jo = new_account("jo");
    jo.account.pending_email = Some(email("later@example.org"));
    let Committed { .. } = create(&store, &[jo]).await.unwrap();
    let other = |change: fn(&mut NewAccount)| {
        let mut new = new_account("other");
        change(&mut new);
        new
    };
    let cases = [
        (
            other(|n| n.account.id = account_id("jo")),
            Unique::AccountId,
        ),
        (
            other(|n| n.account.email = Some(email("Jo@EXAMPLE.org"))),
            Unique::Email,
        ),
        (
            other(|n| n.account.email = Some(email("LATER@example.org"))),
            Unique::Email,
        ),
        (
            other(|n| n.account.pending_email = Some(email("JO@example.org"))),
            Unique::Email,
        ),
        (
            other(|n| n.account.pending_email = Some(email("later@Example.org"))),
            Unique::Email,
        ),
        (
            other(|n| n.account.username = Username::parse("JO").ok()),
            Unique::Username,
        ),
        (
            other(|n| n.account.email = Some(email("GOOD@example.org"))),
            Unique::Email,
        ),
        (
            other(|n| n.account.id = account_id("good")),
            Unique::AccountId,
        ),
    ];
    for (taken, what) in cases {
        let result = create(&store, &[new_account("good"), taken.clone()]).await;
        assert!(
            matches!(result, Err(StoreError::Conflict(unique)) if unique == what),
            "{taken:?}"
        );
        assert_eq!(store.account(&by_id("good")).await.unwrap(), None);
        assert_eq!(store.account(&by_login("good")).await.unwrap(), None);
    }
    assert_eq!(events(&store).await, ["user.add"]);
}

pub(super) async fn an_invitation_lets_one_register_once(store: SharedStore) {
    let link = link(invitation("New@example.org"), 100);
    store.put_link(&link, &action(0)).await.unwrap();
    let register = async |id: &str, digest, seconds| {
        let result = store
            .create_accounts(&[new_account(id)], Some(digest), &action(seconds))
            .await;
        result.map(drop)
    };
    let unknown = PlainToken::generate(TokenKind::Link).digest();
    for (digest, seconds) in [(&unknown, 1), (&link.digest, 100)] {
        let refused = register("late", digest, seconds).await;
        assert!(matches!(refused, Err(StoreError::Missing(Thing::Link))));
    }
    register("jo", &link.digest, 99).await.unwrap();
    let again = register("al", &link.digest, 99).await;
    assert!(matches!(again, Err(StoreError::Missing(Thing::Link))));
    assert_eq!(store.accounts().await.unwrap().len(), 1);
    assert_eq!(events(&store).await, ["user.invite", "user.add"]);
}

pub(super) async fn a_link_that_is_no_invitation_invites_nobody(store: SharedStore) {
    peopled(&store).await;
    let link = link(confirmation("jo", "jo@example.org"), 100);
    store.put_link(&link, &action(0)).await.unwrap();
    let new = [new_account("new")];
    let refused = store
        .create_accounts(&new, Some(&link.digest), &action(1))
        .await;
    assert!(matches!(refused, Err(StoreError::Missing(Thing::Link))));
    assert!(store.link(&link.digest, at(1)).await.unwrap().is_some());
    // One that cannot be used for a conflict is not used up.
    let taken = link_of(&store, invitation("jo@example.org")).await;
    let refused = store
        .create_accounts(&[new_account("jo")], Some(&taken), &action(1))
        .await;
    assert!(matches!(refused, Err(StoreError::Conflict(_))));
    assert!(store.link(&taken, at(1)).await.unwrap().is_some());
}

pub(super) async fn a_change_is_made_audited_and_fed(store: SharedStore) {
    peopled(&store).await;
    let cases: Vec<(AccountChange, &str)> = vec![
        (
            AccountChange::Role(Role::parse("admin").unwrap()),
            "user.set-role",
        ),
        (
            AccountChange::Groups(vec![Group::parse("ops").unwrap()]),
            "user.set-groups",
        ),
        (
            AccountChange::Status(AccountStatus::Disabled),
            "user.disable",
        ),
        (AccountChange::Status(AccountStatus::Active), "user.enable"),
        (
            AccountChange::PendingEmail(email("p@example.org")),
            "user.update-email",
        ),
        (
            AccountChange::Email(Some(email("e@example.org"))),
            "user.set-email",
        ),
        (AccountChange::Username(None), "user.set-username"),
        (AccountChange::Name(Some("Jo".into())), "user.set-name"),
        (password("new hash"), "user.set-password"),
    ];
    let mut expected = new_account("jo").account;
    for (change, event) in cases {
        match &change {
            AccountChange::Role(role) => expected.role = role.clone(),
            AccountChange::Groups(groups) => expected.groups.clone_from(groups),
            AccountChange::Status(status) => expected.status = *status,
            AccountChange::PendingEmail(email) | AccountChange::TakenEmail(email) => {
                expected.pending_email = Some(email.clone());
            }
            AccountChange::Email(email) => {
                expected.email.clone_from(email);
                expected.pending_email = None;
            }
            AccountChange::Username(name) => expected.username.clone_from(name),
            AccountChange::Name(name) => expected.name.clone_from(name),
            AccountChange::Password { .. } | AccountChange::FirstPassword { .. } => {}
        }
        let changed = store
            .change_account(&account_id("jo"), &change, &action(5))
            .await
            .unwrap();
        assert_eq!(changed.value, expected, "{change:?}");
        assert_eq!(
            subjects(&changed.changes),
            [Subject::Account(account_id("jo"))]
        );
        assert_eq!(
            store.account(&by_id("jo")).await.unwrap().as_ref(),
            Some(&expected)
        );
        assert_eq!(events(&store).await.last().map(String::as_str), Some(event));
    }
    let secret = store.account_secret(&by_id("jo")).await.unwrap().unwrap();
    assert_eq!(secret.password, Some(PasswordHash::new("new hash")));
    let other = store.account(&by_id("al")).await.unwrap();
    assert_eq!(other, Some(new_account("al").account));
}

pub(super) async fn a_change_to_what_is_taken_changes_nothing(store: SharedStore) {
    peopled(&store).await;
    let before = events(&store).await;
    for (change, what) in [
        (
            AccountChange::Email(Some(email("AL@example.org"))),
            Unique::Email,
        ),
        (
            AccountChange::PendingEmail(email("al@Example.org")),
            Unique::Email,
        ),
        (
            AccountChange::Username(Username::parse("AL").ok()),
            Unique::Username,
        ),
    ] {
        let refused = store
            .change_account(&account_id("jo"), &change, &action(1))
            .await;
        assert!(
            matches!(refused, Err(StoreError::Conflict(u)) if u == what),
            "{change:?}"
        );
    }
    assert_eq!(
        store.account(&by_id("jo")).await.unwrap(),
        Some(new_account("jo").account)
    );
    assert_eq!(events(&store).await, before);
    assert_eq!(
        store.account(&by_login("al")).await.unwrap().unwrap().id,
        account_id("al")
    );
    // What is its own is not taken.
    for own in [
        AccountChange::Email(Some(email("JO@example.org"))),
        AccountChange::PendingEmail(email("jo@example.org")),
    ] {
        change(&store, "jo", own).await;
    }
}

pub(super) async fn an_address_that_is_another_accounts_is_shown_and_no_more(store: SharedStore) {
    peopled(&store).await;
    change(
        &store,
        "jo",
        AccountChange::PendingEmail(email("x@example.org")),
    )
    .await;
    let old = link_of(&store, confirmation("jo", "x@example.org")).await;
    let taken = email("AL@example.org");
    change(&store, "jo", AccountChange::TakenEmail(taken.clone())).await;
    let shown = store.account(&by_id("jo")).await.unwrap().unwrap();
    assert_eq!(shown.pending_email, Some(taken));
    let whose = async |login: &str| {
        store
            .account(&by_login(login))
            .await
            .unwrap()
            .map(|it| it.id)
    };
    assert_eq!(whose("al@example.org").await, Some(account_id("al")));
    assert_eq!(whose("x@example.org").await, None, "given up");
    assert!(store.link(&old, at(1)).await.unwrap().is_none());
    // Whatever else changes, it hinders neither of them.
    change(&store, "jo", AccountChange::Name(None)).await;
    change(&store, "al", AccountChange::Name(None)).await;
    assert_eq!(whose("al@example.org").await, Some(account_id("al")));
    change(&store, "jo", AccountChange::Email(None)).await;
    assert_eq!(whose("al@example.org").await, Some(account_id("al")));
    let records = store.audit(None).await.unwrap();
    let given = records
        .iter()
        .rev()
        .find(|it| &*it.event == "user.update-email");
    let given = given.unwrap();
    assert_eq!(
        (&*given.result, given.reason.as_deref()),
        ("failure", Some("email_taken"))
    );
}

pub(super) async fn an_address_that_nobody_proved_finds_whoever_gave_it_beside_its_owner(
    store: SharedStore,
) {
    peopled(&store).await;
    let unproved = async |login: &str| {
        let key = AccountKey::Unproved(Identifier::of(login));
        let found = store.account_secret(&key).await.unwrap();
        found.map(|it| it.account.id)
    };
    let own = async |login: &str| {
        let found = store.account(&by_login(login)).await.unwrap();
        found.map(|it| it.id)
    };
    let (free, taken) = (email("Free@example.org"), email("AL@example.org"));
    for (given, owner) in [
        (AccountChange::PendingEmail(free), None),
        (AccountChange::TakenEmail(taken), Some(account_id("al"))),
    ] {
        change(&store, "jo", given).await;
        for other in [
            AccountChange::Name(None),
            AccountChange::Status(AccountStatus::Active),
        ] {
            change(&store, "jo", other).await;
            let typed = if owner.is_some() { "al" } else { "free" };
            let typed = format!(" {typed}@EXAMPLE.org");
            assert_eq!(unproved(&typed).await, Some(account_id("jo")), "{typed}");
            assert_eq!(own(&typed).await, owner, "{typed}");
        }
    }
    assert_eq!(unproved("free@example.org").await, None, "given up");
    assert_eq!(unproved("jo@example.org").await, None, "it is proved");
    assert_eq!(own("jo@example.org").await, Some(account_id("jo")));

    // Whoever proves it first has it.
    let both = email("both@example.org");
    for id in ["jo", "al"] {
        change(&store, id, AccountChange::PendingEmail(both.clone())).await;
    }
    let links = [
        link_of(&store, confirmation("jo", "both@example.org")).await,
        link_of(&store, confirmation("al", "both@example.org")).await,
    ];
    let first = store.confirm_email(&links[0], &action(1)).await.unwrap();
    assert_eq!(first.unwrap().value.email, Some(both));
    let second = store.confirm_email(&links[1], &action(1)).await.unwrap();
    assert!(second.is_none());
    assert_eq!(own("both@example.org").await, Some(account_id("jo")));
    assert_eq!(unproved("both@example.org").await, Some(account_id("al")));

    // The one that an account was made with is its own, whatever changes beside.
    let mut made = new_account("made");
    made.account.email = None;
    made.account.pending_email = Some(email("made@example.org"));
    let Committed { .. } = create(&store, &[made]).await.unwrap();
    change(&store, "made", AccountChange::Name(None)).await;
    assert_eq!(own("made@example.org").await, Some(account_id("made")));
    assert_eq!(unproved("made@example.org").await, None);
}

pub(super) async fn an_address_that_was_given_up_is_free(store: SharedStore) {
    peopled(&store).await;
    change(
        &store,
        "jo",
        AccountChange::PendingEmail(email("x@example.org")),
    )
    .await;
    change(
        &store,
        "jo",
        AccountChange::PendingEmail(email("y@example.org")),
    )
    .await;
    change(
        &store,
        "al",
        AccountChange::Email(Some(email("x@example.org"))),
    )
    .await;
    change(&store, "jo", AccountChange::Email(None)).await;
    change(
        &store,
        "al",
        AccountChange::PendingEmail(email("jo@example.org")),
    )
    .await;
    change(
        &store,
        "al",
        AccountChange::PendingEmail(email("y@example.org")),
    )
    .await;
    let given = AccountKey::Unproved(Identifier::of("y@example.org"));
    let found = store.account(&given).await.unwrap();
    assert_eq!(found.map(|a| a.id), Some(account_id("al")));
    for nobodys in ["y@example.org", "jo@example.org"] {
        let found = store.account(&by_login(nobodys)).await.unwrap();
        assert_eq!(found, None, "{nobodys}");
    }
}

pub(super) async fn disabling_ends_every_session(store: SharedStore) {
    peopled(&store).await;
    let (login, tokens) = logged_in(&store, "jo", &[TokenKind::Access, TokenKind::Refresh]).await;
    let (api, api_tokens) = open(&store, &api_session(), &[TokenKind::Api]).await;
    let (_, others) = logged_in(&store, "al", &[TokenKind::Access]).await;
    let disable = AccountChange::Status(AccountStatus::Disabled);
    let done = store
        .change_account(&account_id("jo"), &disable, &action(1))
        .await
        .unwrap();
    let mut fed = subjects(&done.changes);
    assert_eq!(fed.remove(0), Subject::Account(account_id("jo")));
    assert!(fed.contains(&Subject::Session(login)) && fed.contains(&Subject::Session(api)));
    assert_eq!(fed.len(), 2);
    for digest in tokens.iter().chain(&api_tokens) {
        assert!(!is_known(&store, digest).await);
    }
    assert!(is_known(&store, &others[0]).await);
    change(&store, "jo", AccountChange::Status(AccountStatus::Active)).await;
    assert!(
        !is_known(&store, &tokens[0]).await,
        "an ended session stays ended"
    );
    let ended = events(&store).await;
    assert_eq!(
        ended
            .iter()
            .filter(|e| *e == "revoke account_disabled")
            .count(),
        2
    );
}

pub(super) async fn a_new_password_ends_logins_but_one_and_no_api_token(store: SharedStore) {
    peopled(&store).await;
    let (kept, kept_tokens) = logged_in(&store, "jo", &[TokenKind::Access]).await;
    let (ended, ended_tokens) = logged_in(&store, "jo", &[TokenKind::Access]).await;
    let (_, api_tokens) = open(&store, &api_session(), &[TokenKind::Api]).await;
    let hash = PasswordHash::new("new");
    let change = AccountChange::Password {
        hash,
        keep: Some(kept),
    };
    let done = store
        .change_account(&account_id("jo"), &change, &action(1))
        .await
        .unwrap();
    let fed = [Subject::Account(account_id("jo")), Subject::Session(ended)];
    assert_eq!(subjects(&done.changes), fed);
    assert!(is_known(&store, &kept_tokens[0]).await);
    assert!(!is_known(&store, &ended_tokens[0]).await);
    assert!(is_known(&store, &api_tokens[0]).await);
    let events = events(&store).await;
    assert_eq!(
        events[events.len() - 2..],
        ["user.set-password", "revoke password_changed"]
    );
}

pub(super) async fn a_first_password_is_given_once(store: SharedStore) {
    let mut shadow = new_account("jo");
    shadow.account.kind = AccountKind::Shadow;
    shadow.password = None;
    let people = [shadow, new_account("al")];
    let Committed { .. } = store
        .create_accounts(&people, None, &action(0))
        .await
        .unwrap();
    let (kept, kept_tokens) = open(&store, &new_session("jo", None), &[TokenKind::Access]).await;
    let (ended, ended_tokens) = open(&store, &new_session("jo", None), &[TokenKind::Access]).await;
    let (_, api_tokens) = open(&store, &api_session(), &[TokenKind::Api]).await;
    let first = |text: &str| AccountChange::FirstPassword {
        hash: PasswordHash::new(text),
        keep: kept,
    };
    let give = async |whose: &str, text: &str| {
        let (id, change) = (account_id(whose), first(text));
        store.change_account(&id, &change, &action(1)).await
    };
    let done = give("jo", "new").await.unwrap();
    assert_eq!(done.value.kind, AccountKind::Full);
    let fed = [Subject::Account(account_id("jo")), Subject::Session(ended)];
    assert_eq!(subjects(&done.changes), fed);
    let known = [&kept_tokens[0], &ended_tokens[0], &api_tokens[0]];
    for (digest, expected) in known.into_iter().zip([true, false, true]) {
        assert_eq!(is_known(&store, digest).await, expected);
    }
    let events = events(&store).await;
    assert_eq!(
        events[events.len() - 2..],
        ["user.associate-password", "revoke password_changed"]
    );
    for (whose, hash) in [("jo", "new"), ("al", "hash of al")] {
        let again = give(whose, "another").await;
        assert!(matches!(again, Err(StoreError::Conflict(Unique::Password))));
        let secret = store.account_secret(&by_id(whose)).await.unwrap().unwrap();
        assert_eq!(secret.password, Some(PasswordHash::new(hash)));
    }
}

pub(super) async fn what_is_no_matter_of_trust_ends_nothing(store: SharedStore) {
    peopled(&store).await;
    let (_, tokens) = logged_in(&store, "jo", &[TokenKind::Access]).await;
    for harmless in [
        AccountChange::Role(Role::parse("admin").unwrap()),
        AccountChange::Groups(Vec::new()),
        AccountChange::Email(None),
        AccountChange::PendingEmail(email("new@example.org")),
        AccountChange::Username(None),
        AccountChange::Name(None),
        AccountChange::Status(AccountStatus::Active),
    ] {
        change(&store, "jo", harmless.clone()).await;
        assert!(is_known(&store, &tokens[0]).await, "{harmless:?}");
    }
}

pub(super) async fn a_deleted_account_leaves_its_audit_records_alone(store: SharedStore) {
    peopled(&store).await;
    let (session, tokens) = logged_in(&store, "jo", &[TokenKind::Access]).await;
    let link = link_of(&store, confirmation("jo", "jo@example.org")).await;
    let refuse = store
        .set_refused(&account_id("jo"), &client_id("app"), true, &action(1))
        .await;
    let Committed { .. } = refuse.unwrap();
    let (_, more) = open(&store, &new_session("jo", None), &[TokenKind::Access]).await;
    let before = events(&store).await.len();
    let done = store
        .delete_account(&account_id("jo"), &action(2))
        .await
        .unwrap();
    assert_eq!(
        subjects(&done.changes)[0],
        Subject::Account(account_id("jo"))
    );
    assert_eq!(
        done.changes.len(),
        2,
        "the account and the session that was open"
    );
    assert!(
        !done
            .changes
            .iter()
            .any(|c| c.subject == Subject::Session(session))
    );
    for digest in tokens.iter().chain(&more) {
        assert!(!is_known(&store, digest).await);
    }
    assert_eq!(store.account(&by_id("jo")).await.unwrap(), None);
    assert_eq!(
        store.account(&by_login("jo@example.org")).await.unwrap(),
        None
    );
    assert!(store.link(&link, at(3)).await.unwrap().is_none());
    assert!(store.sessions(None).await.unwrap().is_empty());
    let after = events(&store).await;
    assert_eq!(after[before..], ["user.delete", "revoke account_deleted"]);
    let Committed { .. } = create(&store, &[new_account("jo")]).await.unwrap();
    assert!(store.refused(&account_id("jo")).await.unwrap().is_empty());
}

pub(super) async fn a_password_is_rehashed_only_if_it_is_still_the_old_one(store: SharedStore) {
    peopled(&store).await;
    let jo = account_id("jo");
    let before = (events(&store).await, store.last_change().await.unwrap());
    store
        .rehash_password(&jo, "hash of jo", "newer")
        .await
        .unwrap();
    store
        .rehash_password(&jo, "hash of jo", "newest")
        .await
        .unwrap();
    let secret = store.account_secret(&by_id("jo")).await.unwrap().unwrap();
    assert_eq!(secret.password, Some(PasswordHash::new("newer")));
    let after = (events(&store).await, store.last_change().await.unwrap());
    assert_eq!(after, before);
}

pub(super) async fn a_newer_link_replaces_an_older_one(store: SharedStore) {
    peopled(&store).await;
    let cases = [
        (
            confirmation("jo", "a@example.org"),
            confirmation("jo", "b@example.org"),
            false,
        ),
        (
            confirmation("jo", "a@example.org"),
            confirmation("al", "a@example.org"),
            true,
        ),
        (
            invitation("a@example.org"),
            invitation("A@example.org"),
            false,
        ),
        (
            invitation("c@example.org"),
            invitation("d@example.org"),
            true,
        ),
        (
            confirmation("jo", "e@example.org"),
            invitation("e@example.org"),
            true,
        ),
    ];
    for (older, newer, stays) in cases {
        let what = format!("{older:?} then {newer:?}");
        let (old, new) = (link_of(&store, older).await, link_of(&store, newer).await);
        assert_eq!(
            store.link(&old, at(1)).await.unwrap().is_some(),
            stays,
            "{what}"
        );
        assert!(store.link(&new, at(1)).await.unwrap().is_some(), "{what}");
    }
}

pub(super) async fn a_link_ends_with_its_time(store: SharedStore) {
    peopled(&store).await;
    for purpose in [
        confirmation("jo", "Jo@example.org"),
        invitation("New@example.org"),
    ] {
        let link = link(purpose.clone(), 100);
        store.put_link(&link, &action(0)).await.unwrap();
        let good = store.link(&link.digest, at(99)).await.unwrap().unwrap();
        assert_eq!(
            (good.digest, good.purpose, good.expires_at),
            (link.digest, purpose, at(100))
        );
        assert!(store.link(&link.digest, at(100)).await.unwrap().is_none());
    }
}

pub(super) async fn an_address_is_confirmed_once_and_only_while_pending(store: SharedStore) {
    peopled(&store).await;
    let confirm = async |digest: &TokenDigest, seconds| {
        store.confirm_email(digest, &action(seconds)).await.unwrap()
    };
    change(
        &store,
        "jo",
        AccountChange::PendingEmail(email("new@example.org")),
    )
    .await;
    let stale = link_of(&store, confirmation("jo", "other@example.org")).await;
    assert!(
        confirm(&stale, 1).await.is_none(),
        "not the pending address"
    );
    let invite = link_of(&store, invitation("x@example.org")).await;
    assert!(confirm(&invite, 1).await.is_none(), "no confirmation");
    let good = link_of(&store, confirmation("jo", "new@example.org")).await;
    assert!(confirm(&good, 100).await.is_none(), "too late");
    let before = events(&store).await.len();
    let done = confirm(&good, 99).await.expect("a good link");
    assert_eq!(done.value.email, Some(email("new@example.org")));
    assert_eq!(done.value.pending_email, None);
    assert_eq!(
        subjects(&done.changes),
        [Subject::Account(account_id("jo"))]
    );
    assert_eq!(store.account(&by_id("jo")).await.unwrap(), Some(done.value));
    assert_eq!(
        store.account(&by_login("jo@example.org")).await.unwrap(),
        None
    );
    assert!(confirm(&good, 99).await.is_none(), "used up");
    assert_eq!(events(&store).await[before..], ["user.confirm-email"]);
}

pub(super) async fn what_concerns_nobody_is_missing(store: SharedStore) {
    let nobody = account_id("nobody");
    let refused = store
        .change_account(&nobody, &AccountChange::Name(None), &action(0))
        .await;
    assert!(matches!(refused, Err(StoreError::Missing(Thing::Account))));
    let refused = store.delete_account(&nobody, &action(0)).await;
    assert!(matches!(refused, Err(StoreError::Missing(Thing::Account))));
    let link = link(confirmation("nobody", "a@example.org"), 100);
    let refused = store.put_link(&link, &action(0)).await;
    assert!(matches!(refused, Err(StoreError::Missing(Thing::Account))));
    store.rehash_password(&nobody, "a", "b").await.unwrap();
    assert!(events(&store).await.is_empty());
}

async fn create(
    store: &SharedStore,
    accounts: &[NewAccount],
) -> Result<Committed<Vec<countersign::model::account::Account>>, StoreError> {
    store.create_accounts(accounts, None, &action(0)).await
}

async fn change(store: &SharedStore, id: &str, change: AccountChange) {
    let changed = store
        .change_account(&account_id(id), &change, &action(0))
        .await;
    let Committed { .. } = changed.unwrap();
}

async fn link_of(store: &SharedStore, purpose: LinkPurpose) -> TokenDigest {
    let link = link(purpose, 100);
    store.put_link(&link, &action(0)).await.unwrap();
    link.digest
}

fn link(purpose: LinkPurpose, end: u64) -> Link {
    Link {
        digest: PlainToken::generate(TokenKind::Link).digest(),
        purpose,
        expires_at: at(end),
    }
}

fn confirmation(id: &str, address: &str) -> LinkPurpose {
    LinkPurpose::ConfirmEmail {
        account: account_id(id),
        email: email(address),
    }
}

fn invitation(address: &str) -> LinkPurpose {
    LinkPurpose::Invitation {
        email: email(address),
        role: Role::parse("guest").unwrap(),
    }
}

fn password(hash: &str) -> AccountChange {
    AccountChange::Password {
        hash: PasswordHash::new(hash),
        keep: None,
    }
}

fn api_session() -> Session {
    Session {
        label: Some("ci".into()),
        ..new_session("jo", None)
    }
}
