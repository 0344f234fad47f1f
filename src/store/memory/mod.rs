//! A store that is forgotten when the process ends: for tests, for the demo, and as the readable specification.
//!
//! One lock around plain maps. Each method checks first and writes last, so that a refusal leaves everything as it was.
//! Nothing here is built for many accounts; what the other stores do for speed is to be understood by what this one does.

mod accounts;
mod clients;
mod codes;
mod connections;
mod consents;
mod factors;
mod journal;
mod outbox;
mod sessions;
mod tickets;

use std::collections::BTreeMap;

use parking_lot::{Mutex, MutexGuard};

use super::accounts::{Link, PasswordHash};
use super::codes::{Attempt, LiveCode};
use super::journal::SigningKey;
use super::outbox::QueuedMail;
use super::sessions::{FirstUse, NewToken};
use super::tickets::Ticket;
use super::{Action, Committed};
use crate::model::account::{Account, Identifier};
use crate::model::audit::{AuditEvent, AuditRecord};
use crate::model::change::{Change, Sequence, Subject};
use crate::model::client::Client;
use crate::model::connection::Connection;
use crate::model::factor::SecurityKey;
use crate::model::id::{AccountId, ClientId, ConnectionId, SecurityKeyId, SessionId};
use crate::model::session::{RevocationCause, Session};
use crate::model::time::Timestamp;
use crate::model::token::TokenDigest;

/// A store in memory.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    accounts: BTreeMap<AccountId, Stored>,
    logins: BTreeMap<Identifier, AccountId>,
    links: BTreeMap<TokenDigest, Link>,
    clients: BTreeMap<ClientId, Client>,
    relations: BTreeMap<(AccountId, ClientId), Relation>,
    sessions: BTreeMap<SessionId, Session>,
    tokens: BTreeMap<TokenDigest, Token>,
    /// Some of sessions that ended; nobody finds those.
    codes: BTreeMap<SessionId, LiveCode>,
    attempts: Vec<(AccountId, Attempt, Timestamp)>,
    factors: BTreeMap<AccountId, factors::Held>,
    keys: BTreeMap<SecurityKeyId, SecurityKey>,
    tickets: BTreeMap<TokenDigest, Ticket>,
    connections: BTreeMap<ConnectionId, Connection>,
    changes: Vec<(Timestamp, Change)>,
    last_change: i64,
    audit: Vec<AuditRecord>,
    signing_keys: Vec<SigningKey>,
    mails: BTreeMap<i64, Waiting>,
    last_mail: i64,
}

#[derive(Debug)]
struct Stored {
    account: Account,
    password: Option<PasswordHash>,
}

#[derive(Debug, Default)]
struct Relation {
    known: bool,
    refused: bool,
    consented: bool,
}

#[derive(Debug)]
struct Token {
    session: SessionId,
    facts: NewToken,
    first_use: Option<FirstUse>,
}

#[derive(Debug)]
struct Waiting {
    mail: QueuedMail,
    due_at: Timestamp,
}

/// A change in the making: what is written beside it, and what it will have changed.
struct Writing<'a> {
    state: MutexGuard<'a, State>,
    action: &'a Action,
    changes: Vec<Change>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn read(&self) -> MutexGuard<'_, State> {
        self.0.lock()
    }

    fn write<'a>(&'a self, action: &'a Action) -> Writing<'a> {
        Writing {
            state: self.0.lock(),
            action,
            changes: Vec::new(),
        }
    }
}

impl Writing<'_> {
    fn audit(&mut self, event: AuditEvent) {
        let sequence = Sequence(i64::try_from(self.state.audit.len()).unwrap_or(i64::MAX) + 1);
        self.state.audit.push(AuditRecord {
            sequence,
            at: self.action.at,
            event: event.event.into(),
            result: event.result.as_str().into(),
            reason: event.reason.map(Into::into),
            user: event.user.map(|id| id.as_str().into()),
            object: event.object,
            ip: self.action.ip,
            actor: self.action.actor.as_str().into(),
        });
    }

    fn feed(&mut self, subject: Subject) {
        self.state.last_change += 1;
        let change = Change {
            sequence: Sequence(self.state.last_change),
            subject,
        };
        self.state.changes.push((self.action.at, change.clone()));
        self.changes.push(change);
    }

    /// Removes sessions and their tokens, with an audit record and a feed entry for each.
    fn end(&mut self, ended: &[SessionId], cause: RevocationCause) {
        for id in ended {
            let Some(session) = self.state.sessions.remove(id) else {
                continue;
            };
            self.audit(cause.audited(&session.account, id));
            self.feed(Subject::Session(*id));
        }
        self.state
            .tokens
            .retain(|_, token| !ended.contains(&token.session));
    }

    fn commit<T>(mut self, value: T) -> Committed<T> {
        for mail in &self.action.mails {
            self.state.last_mail += 1;
            let mail = QueuedMail {
                id: self.state.last_mail,
                mail: mail.clone(),
                tries: 0,
                queued_at: self.action.at,
            };
            let due_at = self.action.at;
            self.state.mails.insert(mail.id, Waiting { mail, due_at });
        }
        Committed {
            value,
            changes: self.changes,
        }
    }
}
