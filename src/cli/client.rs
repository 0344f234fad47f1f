//! `client …`: client applications, and the accounts that refuse them.

use anyhow::{Context, Result};
use clap::{Args, Subcommand};

use crate::admin::rows::ClientRow;
use crate::auth::redirect_url::{NotARedirectUrl, RedirectUrl};
use crate::model::client::{Client as Application, Handoff};
use crate::model::id::ClientId;

use super::list::Form;
use super::setup::Setup;
use super::{ask, output};

/// Manage client applications
#[derive(Debug, Subcommand)]
pub(super) enum Client {
    /// Make a client and print its id, the "client GUID"
    Add(Add),
    /// List all clients
    List(Form),
    /// Show one client
    Show {
        /// The client's id
        id: String,
        #[command(flatten)]
        form: Form,
    },
    /// Delete a client and end its sessions
    Delete {
        /// The client's id
        id: String,
        /// Do it without asking
        #[arg(long)]
        yes: bool,
    },
    /// Refuse a client for an account and end the account's sessions with it
    Refuse(Standing),
    /// Allow a refused client again
    Allow(Standing),
}

/// What `client add` takes.
#[derive(Debug, Args)]
pub(super) struct Add {
    /// The name that people see
    #[arg(long, value_parser = output::name)]
    name: Box<str>,
    /// The id, for good; otherwise a random one
    #[arg(long, value_parser = ClientId::parse)]
    id: Option<ClientId>,
    /// Where a browser may be sent back to, compared exactly; may be given several times
    #[arg(long = "redirect-url", value_name = "URL", value_parser = redirect_url)]
    redirect_urls: Vec<Box<str>>,
    /// What that redirect carries: the session token itself, or a code that is good once
    #[arg(long, value_parser = handoff, default_value = "token", value_name = "token|code")]
    handoff: Handoff,
}

/// An account and a client.
#[derive(Debug, Args)]
pub(super) struct Standing {
    /// The client's id
    id: String,
    /// The account's id, e-mail address or username
    #[arg(long)]
    user: String,
}

impl Client {
    /// Does what it says.
    pub(super) async fn run(self, setup: &Setup) -> Result<()> {
        match self {
            Self::Add(add) => add.run(setup).await,
            Self::List(form) => {
                let clients = setup.auth.clients.list().await?;
                let rows: Vec<ClientRow> = clients.iter().map(ClientRow::from).collect();
                form.print(&rows, &KEYS)
            }
            Self::Show { id, form } => {
                form.print_one(&ClientRow::from(&find(setup, &id).await?), &KEYS)
            }
            Self::Delete { id, yes } => {
                let client = find(setup, &id).await?;
                ask::confirm(
                    &format!(
                        "Delete the client {} ({}) and end its sessions?",
                        client.id, client.name
                    ),
                    yes,
                )?;
                let clients = &setup.auth.clients;
                clients.delete(&client.id, &setup.action()).await?;
                eprintln!("client {} is deleted", client.id);
                Ok(())
            }
            Self::Refuse(standing) => standing.set(setup, true).await,
            Self::Allow(standing) => standing.set(setup, false).await,
        }
    }
}

impl Add {
    async fn run(self, setup: &Setup) -> Result<()> {
        let client = Application {
            id: self.id.unwrap_or_else(ClientId::generate),
            name: self.name,
            redirect_urls: self.redirect_urls,
            handoff: self.handoff,
            created_at: setup.now.wall,
        };
        setup.auth.clients.add(&client, &setup.action()).await?;
        output::print(client.id.as_str())
    }
}

impl Standing {
    async fn set(self, setup: &Setup, refused: bool) -> Result<()> {
        let client = find(setup, &self.id).await?;
        let account = setup.account(&self.user).await?;
        setup
            .auth
            .clients
            .set_refused(&account.id, &client.id, refused, &setup.action())
            .await?;
        let now = if refused { "refuses" } else { "allows" };
        eprintln!("account {} {now} client {}", account.id, client.id);
        Ok(())
    }
}

async fn find(setup: &Setup, id: &str) -> Result<Application> {
    let found = match ClientId::parse(id) {
        Ok(id) => setup.auth.clients.find(&id).await?,
        Err(_) => None,
    };
    found.with_context(|| format!("no client has the id {id:?}"))
}

fn redirect_url(text: &str) -> Result<Box<str>, NotARedirectUrl> {
    RedirectUrl::parse(text).map(|url| url.as_str().into())
}

fn handoff(text: &str) -> Result<Handoff, &'static str> {
    text.parse().map_err(|()| "expected token or code")
}

const KEYS: [&str; 5] = ["id", "name", "redirect_urls", "handoff", "created_at"];
