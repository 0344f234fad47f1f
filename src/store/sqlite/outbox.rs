//! The queue of mails.

use async_trait::async_trait;
use rusqlite::{Row, params};

use super::SqliteStore;
use super::rows::{self, all, first, get, run, text, time};
use crate::model::account::Email;
use crate::model::mail::Mail;
use crate::model::time::Timestamp;
use crate::store::StoreError;
use crate::store::outbox::{Outbox, QueuedMail};

#[async_trait]
impl Outbox for SqliteStore {
    async fn claim_mails(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        limit: usize,
    ) -> Result<Vec<QueuedMail>, StoreError> {
        // Asked every so often and mostly in vain, so look before troubling the writer and its sync.
        let due = "SELECT 1 FROM mail WHERE due_at <= ?1 LIMIT 1";
        let is_due = |connection: &_| first(connection, due, [now.millis()], |_| Ok(()));
        if self.readers.read(is_due)?.is_none() {
            return Ok(Vec::new());
        }
        self.writer
            .ask(move |connection| {
                let claimed = all(
                    connection,
                    DUE,
                    params![now.millis(), rows::limit(limit)],
                    mail,
                )?;
                for mail in &claimed {
                    let lease = "UPDATE mail SET due_at = ?2 WHERE id = ?1";
                    run(connection, lease, params![mail.id, lease_until.millis()])?;
                }
                Ok(claimed)
            })
            .await
    }

    async fn remove_mail(&self, id: i64) -> Result<(), StoreError> {
        self.writer
            .ask(move |connection| run(connection, "DELETE FROM mail WHERE id = ?1", [id]))
            .await?;
        Ok(())
    }

    async fn delay_mail(&self, id: i64, next_try: Timestamp) -> Result<(), StoreError> {
        let delay = "UPDATE mail SET tries = tries + 1, due_at = ?2 WHERE id = ?1";
        self.writer
            .ask(move |connection| run(connection, delay, params![id, next_try.millis()]))
            .await?;
        Ok(())
    }
}

fn mail(row: &Row<'_>) -> Result<QueuedMail, StoreError> {
    Ok(QueuedMail {
        id: get(row, 0)?,
        mail: Mail {
            to: text(row, 1, |to| Email::parse(to).ok())?,
            subject: get(row, 2)?,
            text: get(row, 3)?,
            html: get(row, 4)?,
        },
        tries: get(row, 5)?,
        queued_at: time(row, 6)?,
    })
}

const DUE: &str = "SELECT id, recipient, subject, text, html, tries, queued_at FROM mail \
    WHERE due_at <= ?1 ORDER BY id LIMIT ?2";
