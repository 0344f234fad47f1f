//! `connection …`: accounts elsewhere that belong to an account here.

use anyhow::{Result, ensure};
use clap::{Args, Subcommand};

use crate::admin::rows::ConnectionRow;
use crate::model::connection::Connection as Link;
use crate::model::id::ConnectionId;

use super::list::Form;
use super::output;
use super::setup::Setup;

/// Manage linked accounts
#[derive(Debug, Subcommand)]
pub(super) enum Connection {
    /// Link an account elsewhere to an account here, and print the link's id
    Add(Add),
    /// List all linked accounts
    List(Form),
    /// Remove a link
    Remove {
        /// The link's id
        #[arg(value_parser = connection_id)]
        id: ConnectionId,
    },
}

/// What `connection add` takes.
#[derive(Debug, Args)]
pub(super) struct Add {
    /// The account here: its id, e-mail address or username
    #[arg(long)]
    user: String,
    /// Where the other account is, such as github
    #[arg(long, value_parser = output::name)]
    provider: Box<str>,
    /// What the other account is called there, for good
    #[arg(long, value_name = "ID", value_parser = output::name)]
    provider_user_id: Box<str>,
    /// What people know the other account by
    #[arg(long, value_parser = output::name)]
    name: Option<Box<str>>,
}

impl Connection {
    /// Does what it says.
    pub(super) async fn run(self, setup: &Setup) -> Result<()> {
        let connections = &setup.auth.connections;
        match self {
            Self::Add(add) => add.run(setup).await,
            Self::List(form) => {
                let links = connections.list(None).await?;
                let rows: Vec<ConnectionRow> = links.iter().map(ConnectionRow::from).collect();
                form.print(&rows, &COLUMNS)
            }
            Self::Remove { id } => {
                let was_there = connections.remove(&id, &setup.action()).await?;
                ensure!(was_there, "no connection has the id {id}");
                eprintln!("connection {id} is removed");
                Ok(())
            }
        }
    }
}

impl Add {
    async fn run(self, setup: &Setup) -> Result<()> {
        let link = Link {
            id: ConnectionId::generate(),
            account: setup.account(&self.user).await?.id,
            provider: self.provider,
            provider_user_id: self.provider_user_id,
            name: self.name,
            linked_at: setup.now.wall,
        };
        let connections = &setup.auth.connections;
        connections.add(&link, &setup.action()).await?;
        output::print(&link.id.to_string())
    }
}

fn connection_id(text: &str) -> Result<ConnectionId, &'static str> {
    ConnectionId::parse(text).ok_or("expected an id as the list shows it, such as 3f2b8c1e-…")
}

const COLUMNS: [&str; 6] = [
    "id",
    "user_id",
    "provider",
    "provider_user_id",
    "name",
    "linked_at",
];
