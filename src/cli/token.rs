//! `token …`: named API tokens.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::{Args, Subcommand};

use crate::admin::rows::TokenRow;
use crate::auth::issuer::ApiToken;
use crate::config::duration;
use crate::model::id::SessionId;
use crate::model::scope::Scope;
use crate::model::session::Session;

use super::list::Form;
use super::output;
use super::session::session_id;
use super::setup::Setup;

/// Manage named API tokens
#[derive(Debug, Subcommand)]
pub(super) enum Token {
    /// Issue a token; its secret is printed once, alone on standard output
    Issue(Issue),
    /// List named API tokens, newest first
    List {
        /// Only those of this account: its id, e-mail address or username
        #[arg(long)]
        user: Option<String>,
        #[command(flatten)]
        form: Form,
    },
    /// Revoke a token
    Revoke {
        /// The token's id, as `token list` shows it
        #[arg(value_parser = session_id)]
        id: SessionId,
    },
}

/// What `token issue` takes.
#[derive(Debug, Args)]
pub(super) struct Issue {
    /// The account: its id, e-mail address or username
    #[arg(long)]
    user: String,
    /// What the token is for, for people
    #[arg(long, value_parser = output::name)]
    label: Box<str>,
    /// What it may be used for; may be given several times
    #[arg(long = "scope", value_name = "S", value_parser = scope)]
    scopes: Vec<Scope>,
    /// After how long it expires, such as 90d; otherwise never
    #[arg(long, value_parser = duration)]
    expires: Option<Duration>,
}

impl Token {
    /// Does what it says.
    pub(super) async fn run(self, setup: &Setup) -> Result<()> {
        match self {
            Self::Issue(issue) => issue.run(setup).await,
            Self::List { user, form } => {
                let sessions = setup.sessions(user.as_deref()).await?;
                let tokens = sessions.iter().filter(|session| session.label.is_some());
                let rows: Vec<TokenRow> = tokens.map(TokenRow::from).collect();
                form.print(&rows, &COLUMNS)
            }
            Self::Revoke { id } => {
                let sessions = setup.sessions(None).await?;
                let is_token = |session: &Session| session.id == id && session.label.is_some();
                ensure!(
                    sessions.iter().any(is_token),
                    "no named API token has the id {id}; it may be revoked already"
                );
                setup.auth.sessions.revoke(id, &setup.action()).await?;
                eprintln!("token {id} is revoked");
                Ok(())
            }
        }
    }
}

impl Issue {
    async fn run(self, setup: &Setup) -> Result<()> {
        let account = setup.account(&self.user).await?;
        let token = ApiToken {
            account: account.id,
            label: self.label,
            scopes: self.scopes,
            expires_at: self.expires.map(|ttl| setup.now.wall.after(ttl)),
        };
        let action = setup.action();
        let issued = setup.auth.issuer.issue_api_token(token, &action);
        let (id, secret) = issued
            .await
            .context("no token was issued; an account that is disabled cannot have one")?;
        eprintln!("token {id} is issued; this is the only time its secret is shown:");
        output::print(secret.expose())
    }
}

fn scope(text: &str) -> Result<Scope, &'static str> {
    Scope::parse(text)
        .ok_or("a scope is printable ASCII without spaces, commas, quotes and backslashes")
}

const COLUMNS: [&str; 6] = [
    "id",
    "user_id",
    "label",
    "scopes",
    "expires_at",
    "last_used_at",
];
