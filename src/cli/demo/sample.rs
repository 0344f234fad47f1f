//! The demo's client, account and one token of each kind, made through the same services as everybody's.

use std::time::Duration;

use anyhow::{Context, Result};

use crate::auth::accounts::Draft;
use crate::auth::issuer::{ApiToken, Grant, Issued, Login};
use crate::auth::password::Password;
use crate::clock::{Clock, SystemClock};
use crate::model::account::{Account, Email, Group, Role, Username};
use crate::model::audit::Actor;
use crate::model::client::{Client, Handoff};
use crate::model::id::{ClientId, SessionId, TokenId};
use crate::model::session::Dialect;
use crate::model::time::Now;
use crate::model::token::{PlainToken, TokenKind};
use crate::server::Server;
use crate::store::Action;
use crate::store::sessions::NewToken;

/// Everything that the printed lines show. The secrets are here to be shown: they end with the demo.
#[derive(Debug)]
pub(super) struct Sample {
    /// The client's id.
    pub(super) client: &'static str,
    /// The account's address.
    pub(super) email: &'static str,
    /// The account's login name.
    pub(super) username: &'static str,
    /// Its password.
    pub(super) password: String,
    /// The name of our cookie.
    pub(super) cookie_name: &'static str,
    /// A keyed login.
    pub(super) keyed: Keyed,
    /// A keyed login that a printed line refreshes.
    pub(super) to_refresh: Keyed,
    /// A keyed login that a printed line ends.
    pub(super) to_end: Keyed,
    /// An access token.
    pub(super) access: PlainToken,
    /// An elevated token of the same session.
    pub(super) elevated: PlainToken,
    /// A named API token.
    pub(super) api: PlainToken,
    /// A session token.
    pub(super) session: PlainToken,
    /// A browser session.
    pub(super) browser: PlainToken,
}

/// What a keyed login gives.
#[derive(Debug)]
pub(super) struct Keyed {
    /// The public half.
    pub(super) key: PlainToken,
    /// The secret half.
    pub(super) token: PlainToken,
    /// The refresh token.
    pub(super) refresh: PlainToken,
}

impl Sample {
    /// Makes all of it in a fresh store.
    pub(super) async fn make(server: &Server, cookie_name: &'static str) -> Result<Self> {
        // The random part of a token that is never used as one: it needs no quotes in a shell.
        let random = PlainToken::generate(TokenKind::Link);
        let password: String = random.expose().chars().skip(4).collect();
        let now = SystemClock::new().now();
        let maker = Maker {
            server,
            password: &password,
            now,
            action: Action::new(now.wall, Actor::Operator, None),
        };
        maker.add_client().await?;
        let account = maker.add_account().await?;
        let access = maker
            .login(Dialect::X_AUTH, Grant::Access { ttl: None })
            .await?;
        let ttl = DAY;
        Ok(Self {
            client: CLIENT,
            email: EMAIL,
            username: USERNAME,
            cookie_name,
            keyed: maker.keyed().await?,
            to_refresh: maker.keyed().await?,
            to_end: maker.keyed().await?,
            elevated: maker.elevate(access.session).await?,
            access: access.token,
            api: maker.issue(&account).await?,
            session: maker
                .login(Dialect::NAMESPACE, Grant::Session { ttl })
                .await?
                .token,
            browser: maker
                .login(Dialect::BROWSER, Grant::Browser { ttl })
                .await?
                .token,
            password,
        })
    }
}

/// What everything is made with.
struct Maker<'a> {
    server: &'a Server,
    password: &'a str,
    now: Now,
    action: Action,
}

impl Maker<'_> {
    async fn add_client(&self) -> Result<()> {
        let client = Client {
            id: ClientId::parse(CLIENT)?,
            name: "The demo's client".into(),
            redirect_urls: Vec::new(),
            handoff: Handoff::Token,
            created_at: self.now.wall,
        };
        Ok(self.server.auth.clients.add(&client, &self.action).await?)
    }

    async fn add_account(&self) -> Result<Account> {
        let draft = Draft {
            id: None,
            email: Some(Email::parse(EMAIL)?),
            username: Some(Username::parse(USERNAME)?),
            name: Some("Demo Person".into()),
            role: Role::member(),
            groups: vec![Group::parse("staff")?, Group::parse("early-birds")?],
            password: Some(Password::new(self.password)),
        };
        Ok(self.server.auth.accounts.add(draft, &self.action).await?)
    }

    async fn login(&self, dialect: Dialect, grant: Grant) -> Result<Issued> {
        let login = Login {
            dialect,
            client: Some(ClientId::parse(CLIENT)?),
            identifier: EMAIL.to_owned(),
            password: Password::new(self.password),
            code: None,
            ip: None,
            language: None,
            grant,
        };
        let issued = self.server.auth.issuer.login(login, self.now);
        issued.await.context("the sample account cannot log in")
    }

    async fn keyed(&self) -> Result<Keyed> {
        let grant = Grant::Keyed {
            access_ttl: DAY,
            refresh_ttl: DAY,
        };
        let issued = self.login(Dialect::KEY_TOKEN, grant).await?;
        Ok(Keyed {
            key: issued.key.context("a keyed login has a key")?,
            token: issued.token,
            refresh: issued
                .refresh
                .context("a keyed login has a refresh token")?,
        })
    }

    async fn issue(&self, account: &Account) -> Result<PlainToken> {
        let token = ApiToken {
            account: account.id.clone(),
            label: "demo".into(),
            scopes: Vec::new(),
            expires_at: None,
        };
        let issued = self.server.auth.issuer.issue_api_token(token, &self.action);
        let (_, secret) = issued.await?;
        Ok(secret)
    }

    /// An elevated token, without the mailed code that it otherwise takes.
    async fn elevate(&self, session: SessionId) -> Result<PlainToken> {
        let plain = PlainToken::generate(TokenKind::Elevated);
        let token = NewToken {
            digest: plain.digest(),
            kind: TokenKind::Elevated,
            id: Some(TokenId::generate()),
            issued_at: self.now.wall,
            expires_at: Some(self.now.wall.after(DAY)),
        };
        let store = &self.server.store;
        let added = store.add_token(&session, &token, "elevate", &self.action);
        let added = added.await?.context("the sample session ended")?;
        self.server.auth.verifier.forget(&added.changes);
        Ok(plain)
    }
}

const CLIENT: &str = "demo";
const EMAIL: &str = "demo@example.org";
const USERNAME: &str = "demo";
const DAY: Duration = Duration::from_hours(24);
