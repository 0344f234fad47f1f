//! `session …`: logins, and everything that came from them.

use anyhow::{Result, ensure};
use clap::{Args, Subcommand};

use crate::admin::rows::SessionRow;
use crate::model::id::SessionId;

use super::list::Form;
use super::setup::Setup;

/// List and revoke sessions
#[derive(Debug, Subcommand)]
pub(super) enum Session {
    /// List open sessions, newest first; named API tokens are in `token list`
    List {
        /// Only those of this account: its id, e-mail address or username
        #[arg(long)]
        user: Option<String>,
        #[command(flatten)]
        form: Form,
    },
    /// Revoke one session, or everything of an account
    Revoke(Revoke),
}

/// What `session revoke` takes.
#[derive(Debug, Args)]
pub(super) struct Revoke {
    /// The session's id
    #[arg(required_unless_present = "user", conflicts_with = "user", value_parser = session_id)]
    id: Option<SessionId>,
    /// The account: its id, e-mail address or username
    #[arg(long, requires = "all")]
    user: Option<String>,
    /// Log the account out everywhere, named API tokens included
    #[arg(long, requires = "user")]
    all: bool,
}

impl Session {
    /// Does what it says.
    pub(super) async fn run(self, setup: &Setup) -> Result<()> {
        match self {
            Self::List { user, form } => {
                let now = setup.now.wall;
                let sessions = setup.sessions(user.as_deref()).await?;
                let rows: Vec<SessionRow> = sessions
                    .iter()
                    .filter(|session| session.label.is_none())
                    .filter(|session| session.expires_at.is_none_or(|end| now < end))
                    .map(SessionRow::from)
                    .collect();
                form.print(&rows, &COLUMNS)
            }
            Self::Revoke(revoke) => revoke.run(setup).await,
        }
    }
}

impl Revoke {
    async fn run(self, setup: &Setup) -> Result<()> {
        if let Some(id) = self.id {
            let was_open = setup.auth.sessions.revoke(id, &setup.action()).await?;
            ensure!(
                was_open,
                "no session has the id {id}; it may have ended already"
            );
            eprintln!("session {id} is revoked");
            return Ok(());
        }
        let account = setup.account(&self.user.unwrap_or_default()).await?;
        let sessions = &setup.auth.sessions;
        let ended = sessions.revoke_all(&account.id, &setup.action()).await?;
        eprintln!(
            "{} sessions and tokens of {} are revoked",
            ended.len(),
            account.id
        );
        Ok(())
    }
}

/// Reads a session's id, which is a named API token's too.
pub(super) fn session_id(text: &str) -> Result<SessionId, &'static str> {
    SessionId::parse(text).ok_or("expected an id as the list shows it, such as 3f2b8c1e-…")
}

const COLUMNS: [&str; 7] = [
    "id",
    "user_id",
    "client_id",
    "dialect",
    "remote_ip",
    "last_used_at",
    "expires_at",
];
