//! `user …`: accounts.

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::admin::rows::{ShownUserRow, UserRow};
use crate::auth::accounts::Draft;
use crate::model::account::{AccountStatus, Email, Group, Role, Username};
use crate::model::id::AccountId;
use crate::store::factors::Removal;

use super::ask::{self, PasswordSource};
use super::import::Import;
use super::list::Form;
use super::output;
use super::setup::Setup;

/// Manage accounts
#[derive(Debug, Subcommand)]
pub(super) enum User {
    /// Make an account and print its id
    Add(Add),
    /// List all accounts
    List(Form),
    /// Show one account
    Show {
        /// The account's id, e-mail address or username
        user: String,
        #[command(flatten)]
        form: Form,
    },
    /// Set a new password and end all sessions; named API tokens stay
    SetPassword {
        /// The account's id, e-mail address or username
        user: String,
        #[command(flatten)]
        password: PasswordSource,
    },
    /// Set the role
    SetRole {
        /// The account's id, e-mail address or username
        user: String,
        /// The new role
        #[arg(value_parser = Role::parse)]
        role: Role,
    },
    /// Set the groups; without any, the account is in none
    SetGroups {
        /// The account's id, e-mail address or username
        user: String,
        /// The groups from now on
        #[arg(value_parser = Group::parse)]
        groups: Vec<Group>,
    },
    /// Stop an account from logging in and revoke all of its tokens
    Disable {
        /// The account's id, e-mail address or username
        user: String,
    },
    /// Let a disabled account log in again
    Enable {
        /// The account's id, e-mail address or username
        user: String,
    },
    /// Remove all second factors of somebody who lost them; their sessions go on
    ResetFactors {
        /// The account's id, e-mail address or username
        user: String,
    },
    /// Delete an account, its sessions and its tokens
    Delete {
        /// The account's id, e-mail address or username
        user: String,
        /// Do it without asking
        #[arg(long)]
        yes: bool,
    },
    /// Import accounts with the password hashes of another system
    Import(Import),
    /// Mail and print an invitation link
    Invite {
        /// The address to invite
        #[arg(long, value_parser = Email::parse)]
        email: Email,
        /// The role of the new account
        #[arg(long, value_parser = Role::parse, default_value = "member")]
        role: Role,
    },
}

/// What `user add` takes.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("login").args(["email", "username"]).required(true).multiple(true))]
pub(super) struct Add {
    /// The e-mail address; it counts as confirmed
    #[arg(long, value_parser = Email::parse)]
    email: Option<Email>,
    /// The login name
    #[arg(long, value_parser = Username::parse)]
    username: Option<Username>,
    /// The display name
    #[arg(long, value_parser = output::name)]
    name: Option<Box<str>>,
    /// The role
    #[arg(long, value_parser = Role::parse, default_value = "member")]
    role: Role,
    /// A group; may be given several times
    #[arg(long = "group", value_name = "GROUP", value_parser = Group::parse)]
    groups: Vec<Group>,
    /// The id, for good; otherwise a random one
    #[arg(long, value_parser = AccountId::parse)]
    id: Option<AccountId>,
    /// Make it without a password
    #[arg(long, conflicts_with = "password_stdin")]
    shadow: bool,
    #[command(flatten)]
    password: PasswordSource,
}

impl User {
    /// Does what it says.
    pub(super) async fn run(self, setup: &Setup) -> Result<()> {
        match self {
            Self::Add(add) => add.run(setup).await,
            Self::List(form) => {
                let accounts = setup.auth.accounts.list().await?;
                let rows: Vec<UserRow> = accounts.iter().map(UserRow::from).collect();
                form.print(&rows, &COLUMNS)
            }
            Self::Show { user, form } => {
                let account = setup.account(&user).await?;
                let enrolled = setup.auth.factors.list(&account.id).await?;
                form.print_one(&ShownUserRow::of(&account, &enrolled), &KEYS)
            }
            Self::Import(import) => import.run(setup).await,
            Self::Invite { email, role } => invite(setup, email, role).await,
            Self::SetPassword { user, password } => set_password(setup, &user, password).await,
            Self::SetRole { user, role } => {
                let id = setup.account(&user).await?.id;
                let accounts = &setup.auth.accounts;
                let account = accounts.set_role(&id, role, &setup.action()).await?;
                eprintln!("account {id} has the role {}", account.role);
                Ok(())
            }
            Self::SetGroups { user, groups } => {
                let id = setup.account(&user).await?.id;
                let accounts = &setup.auth.accounts;
                let account = accounts.set_groups(&id, groups, &setup.action()).await?;
                eprintln!("account {id} is in {} groups", account.groups.len());
                Ok(())
            }
            Self::Disable { user } => set_status(setup, &user, AccountStatus::Disabled).await,
            Self::Enable { user } => set_status(setup, &user, AccountStatus::Active).await,
            Self::ResetFactors { user } => reset_factors(setup, &user).await,
            Self::Delete { user, yes } => delete(setup, &user, yes).await,
        }
    }
}

impl Add {
    async fn run(self, setup: &Setup) -> Result<()> {
        let password = if self.shadow {
            None
        } else {
            Some(self.password.read()?)
        };
        let draft = Draft {
            id: self.id,
            email: self.email,
            username: self.username,
            name: self.name,
            role: self.role,
            groups: self.groups,
            password,
        };
        let account = setup.auth.accounts.add(draft, &setup.action()).await?;
        output::print(account.id.as_str())
    }
}

async fn set_password(setup: &Setup, user: &str, source: PasswordSource) -> Result<()> {
    let id = setup.account(user).await?.id;
    let password = source.read()?;
    setup
        .auth
        .accounts
        .set_password(&id, password, None, &setup.action())
        .await?;
    eprintln!(
        "account {id} has a new password; its sessions are ended, its named API tokens are not"
    );
    Ok(())
}

async fn set_status(setup: &Setup, user: &str, status: AccountStatus) -> Result<()> {
    let id = setup.account(user).await?.id;
    let accounts = &setup.auth.accounts;
    let account = accounts.set_status(&id, status, &setup.action()).await?;
    eprintln!("account {id} is {}", account.status.as_str());
    Ok(())
}

async fn reset_factors(setup: &Setup, user: &str) -> Result<()> {
    let account = setup.account(user).await?;
    let (factors, action) = (&setup.auth.factors, setup.action());
    let had_any = factors.remove(&account, Removal::All, &action).await?;
    let now = if had_any { "any more" } else { "to remove" };
    eprintln!("account {} has no second factors {now}", account.id);
    Ok(())
}

async fn delete(setup: &Setup, user: &str, yes: bool) -> Result<()> {
    let account = setup.account(user).await?;
    let email = account.email.or(account.pending_email);
    let known_as = email.map_or_else(String::new, |email| format!(" ({email})"));
    let question = format!(
        "Delete the account {}{known_as} and all it has?",
        account.id
    );
    ask::confirm(&question, yes)?;
    setup
        .auth
        .accounts
        .delete(&account.id, &setup.action())
        .await?;
    eprintln!("account {} is deleted", account.id);
    Ok(())
}

async fn invite(setup: &Setup, email: Email, role: Role) -> Result<()> {
    let to = email.clone();
    let accounts = &setup.auth.accounts;
    let invitation = accounts.invite(email, role, &setup.action()).await?;
    if invitation.is_mailed {
        eprintln!("`serve` mails this link to {to}:");
    } else {
        eprintln!("mail is off; hand this link to {to} yourself:");
    }
    output::print(invitation.link.as_str())
}

/// Every key of a row, in the contract's order, and the factors.
const KEYS: [&str; 11] = [
    "id",
    "email",
    "pending_email",
    "name",
    "username",
    "role",
    "groups",
    "kind",
    "status",
    "created_at",
    "factors",
];
/// What people see in a list.
const COLUMNS: [&str; 7] = [
    "id", "email", "username", "role", "groups", "kind", "status",
];
