//! A change in the making, inside the writer's transaction: what is written beside it, and what it will have changed.

use rusqlite::{Connection, params};

use super::SqliteStore;
use super::rows::{first, get, run};
use crate::model::audit::AuditEvent;
use crate::model::change::{Change, Sequence, Subject};
use crate::model::id::AccountId;
use crate::model::session::{RevocationCause, Session};
use crate::store::{Action, Committed, StoreError};

pub(super) struct Writing<'a> {
    pub(super) connection: &'a Connection,
    pub(super) action: &'a Action,
    changes: Vec<Change>,
}

impl SqliteStore {
    /// Has the writer do one whole operation; returns once it is durable.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        action: &Action,
        work: impl FnOnce(Writing<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let action = action.clone();
        self.writer
            .ask(move |connection| {
                work(Writing {
                    connection,
                    action: &action,
                    changes: Vec::new(),
                })
            })
            .await
    }
}

impl Writing<'_> {
    pub(super) fn audit(&self, event: &AuditEvent) -> Result<(), StoreError> {
        run(
            self.connection,
            "INSERT INTO audit (at, event, result, reason, user, object, ip, actor) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                self.action.at.millis(),
                event.event,
                event.result.as_str(),
                event.reason,
                event.user.as_ref().map(AccountId::as_str),
                event.object,
                self.action.ip.map(|ip| ip.to_string()),
                self.action.actor.as_str(),
            ],
        )?;
        Ok(())
    }

    pub(super) fn feed(&mut self, subject: Subject) -> Result<(), StoreError> {
        let (kind, name) = match &subject {
            Subject::Account(id) => ("account", id.to_string()),
            Subject::Session(id) => ("session", id.to_string()),
            Subject::Client(id) => ("client", id.to_string()),
            Subject::SigningKeys => ("signing-keys", String::new()),
        };
        run(
            self.connection,
            "INSERT INTO change (at, kind, subject) VALUES (?1, ?2, ?3)",
            params![self.action.at.millis(), kind, name],
        )?;
        self.changes.push(Change {
            sequence: Sequence(self.connection.last_insert_rowid()),
            subject,
        });
        Ok(())
    }

    /// Removes sessions and their tokens, with an audit record and a feed entry for each.
    pub(super) fn end<'s>(
        &mut self,
        ended: impl IntoIterator<Item = &'s Session>,
        cause: RevocationCause,
    ) -> Result<(), StoreError> {
        for Session { id, account, .. } in ended {
            run(
                self.connection,
                "DELETE FROM session WHERE id = ?1",
                [id.bytes()],
            )?;
            self.audit(&cause.audited(account, id))?;
            self.feed(Subject::Session(*id))?;
        }
        Ok(())
    }

    /// Queues the mails, and lets go of the rest.
    pub(super) fn commit<T>(self, value: T) -> Result<Committed<T>, StoreError> {
        for mail in &self.action.mails {
            run(
                self.connection,
                "INSERT INTO mail (recipient, subject, text, html, tries, queued_at, due_at) \
                 VALUES (?1, ?2, ?3, ?4, 0, ?5, ?5)",
                params![
                    mail.to.as_str(),
                    mail.subject,
                    mail.text,
                    mail.html,
                    self.action.at.millis()
                ],
            )?;
        }
        Ok(Committed {
            value,
            changes: self.changes,
        })
    }

    /// The row of an account, by which others refer to it.
    pub(super) fn account_number(&self, id: &AccountId) -> Result<Option<i64>, StoreError> {
        let sql = "SELECT number FROM account WHERE id = ?1";
        first(self.connection, sql, [id.as_str()], |row| get(row, 0))
    }
}
