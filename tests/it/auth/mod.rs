//! Recognising, giving and ending, over the memory store and a clock that the tests turn.

#![expect(
    clippy::unwrap_used,
    reason = "a test says what it expects, and stops where it is not so"
)]

use std::sync::Arc;
use std::time::Duration;

use countersign::auth::accounts::Draft;
use countersign::auth::issuer::{ApiToken, Grant, Issued, Login, LoginError};
use countersign::auth::password::Password;
use countersign::auth::{Auth, Source};
use countersign::clock::{Clock, ManualClock};
use countersign::config::{Config, Environment};
use countersign::metrics::Metrics;
use countersign::model::account::{Account, Email, Role};
use countersign::model::audit::Actor;
use countersign::model::client::{Client, Handoff};
use countersign::model::credential::{AuthMethod, Credential};
use countersign::model::id::{ClientId, SessionId};
use countersign::model::principal::Principal;
use countersign::model::session::Dialect;
use countersign::model::time::{Now, Timestamp};
use countersign::model::token::PlainToken;
use countersign::store::{Action, SharedStore, StoreError};

use gated::Gated;

mod accounts;
mod connections;
pub(crate) mod gated;
mod import;
mod login;
mod mail;
mod refresh;
mod register;
mod verifier;
mod webauthn;

/// One node over a store.
struct House {
    clock: Arc<ManualClock>,
    store: Arc<Gated>,
    metrics: Arc<Metrics>,
    auth: Auth,
}

impl House {
    /// A node over a store of its own, with the feed followed.
    async fn new() -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp::from_seconds(1_800_000_000)));
        let house = Self::over(Arc::new(Gated::new()), clock, "");
        house.auth.follow_feed().await.unwrap();
        house
    }

    /// A node over a store that others may have, configured with a few lines more.
    fn over(store: Arc<Gated>, clock: Arc<ManualClock>, lines: &str) -> Self {
        let text = format!(
            "[store]\nurl = \"memory:\"\n[password]\nmemory = \"64KiB\"\niterations = 1\nconcurrency = 1\n\
             [dialect.x_auth]\n{lines}"
        );
        let base = std::path::Path::new(".");
        let config = Config::from_text(&text, "test.toml", base, &Environment::empty()).unwrap();
        let metrics = Arc::new(Metrics::new());
        let shared: SharedStore = Arc::<Gated>::clone(&store);
        let its_clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let auth = Auth::new(&config, shared, its_clock, Arc::clone(&metrics));
        Self {
            clock,
            store,
            metrics,
            auth,
        }
    }

    fn now(&self) -> Now {
        self.clock.now()
    }

    fn action(&self) -> Action {
        Action::new(self.now().wall, Actor::Operator, None)
    }

    async fn account(&self, email: &str) -> Account {
        let draft = Draft {
            id: None,
            email: Some(Email::parse(email).unwrap()),
            username: None,
            name: None,
            role: Role::member(),
            groups: vec![],
            password: Some(Password::new(PASSWORD)),
        };
        let added = self.auth.accounts.add(draft, &self.action()).await;
        added.unwrap()
    }

    async fn client(&self, name: &str) -> ClientId {
        let client = Client {
            id: ClientId::generate(),
            name: name.into(),
            redirect_urls: vec![],
            handoff: Handoff::Token,
            created_at: self.now().wall,
        };
        let added = self.auth.clients.add(&client, &self.action()).await;
        added.unwrap();
        client.id
    }

    async fn try_login(&self, email: &str, password: &str) -> Result<Issued, LoginError> {
        let login = login(email, password);
        self.auth.issuer.login(login, self.now()).await
    }

    /// Logs in for an access token that does not expire.
    async fn login(&self, email: &str) -> Issued {
        self.try_login(email, PASSWORD).await.unwrap()
    }

    async fn introspect(
        &self,
        token: &PlainToken,
    ) -> Result<(Option<Arc<Principal>>, Source), StoreError> {
        let credential = bearer(token);
        let found = self.auth.verifier.introspect(&credential, self.now());
        found.await.map(|found| (found.principal, found.source))
    }

    async fn is_good(&self, token: &PlainToken) -> bool {
        self.introspect(token).await.unwrap().0.is_some()
    }

    async fn revoke(&self, session: SessionId) {
        let sessions = &self.auth.sessions;
        assert!(sessions.revoke(session, &self.action()).await.unwrap());
    }

    async fn set_role(&self, account: &Account, role: Role) {
        let (accounts, action) = (&self.auth.accounts, self.action());
        accounts.set_role(&account.id, role, &action).await.unwrap();
    }

    async fn api_tokens(&self, count: usize) -> Vec<(SessionId, PlainToken)> {
        let account = self.account("many@example.org").await;
        let mut made = Vec::with_capacity(count);
        for _ in 0..count {
            let token = ApiToken {
                account: account.id.clone(),
                label: "one of many".into(),
                scopes: vec![],
                expires_at: None,
            };
            let issuer = &self.auth.issuer;
            made.push(issuer.issue_api_token(token, &self.action()).await.unwrap());
        }
        made
    }

    /// An elevated token for ten seconds.
    async fn elevate(&self, principal: &Principal) -> PlainToken {
        let (issuer, action) = (&self.auth.issuer, self.action());
        let elevated = issuer.elevate(principal, 10 * SECOND, &action).await;
        elevated.unwrap().unwrap().1
    }

    async fn audited(&self) -> Vec<(String, String, Option<String>)> {
        let records = self.store.inner().audit(None).await.unwrap();
        let rows = records.into_iter().map(|record| {
            let reason = record.reason.map(String::from);
            (record.event.into(), record.result.into(), reason)
        });
        rows.collect()
    }
}

fn login(email: &str, password: &str) -> Login {
    Login {
        dialect: Dialect::X_AUTH,
        client: None,
        identifier: email.to_owned(),
        password: Password::new(password),
        code: None,
        ip: None,
        language: None,
        grant: Grant::Access { ttl: None },
    }
}

fn bearer(token: &PlainToken) -> Credential {
    Credential::token(AuthMethod::Bearer, token.clone()).unwrap()
}

const PASSWORD: &str = "correct horse battery staple";
const SECOND: Duration = Duration::from_secs(1);
