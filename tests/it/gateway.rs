//! The one decision: over a store in memory and a clock that stands still, a row for each sentence of the contract's
//! sections 3, 5 and 5a.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test needs and does not get is the test's failure"
)]

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use countersign::auth::Auth;
use countersign::clock::{Clock, ManualClock};
use countersign::config::Config;
use countersign::config::environment::Environment;
use countersign::gateway::{Admission, Asked, Gateway, Refusal, Signer};
use countersign::metrics::Metrics;
use countersign::model::account::{
    Account, AccountKind, AccountStatus, Email, Group, Role, Username,
};
use countersign::model::audit::Actor;
use countersign::model::client::{Client, Handoff};
use countersign::model::id::{AccountId, ClientId, SessionId};
use countersign::model::policy::Denial;
use countersign::model::scope::Scope;
use countersign::model::session::{Dialect, Session};
use countersign::model::time::Timestamp;
use countersign::model::token::{PlainToken, TokenDigest, TokenKind};
use countersign::store::accounts::NewAccount;
use countersign::store::sessions::NewToken;
use countersign::store::{Action, SharedStore};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use crate::auth::gated::Gated;

mod assertion;
mod connections;
mod explain;
mod gone;
mod outbound;
mod table;

const CONFIG: &str = include_str!("gateway/countersign.toml");

/// A gateway over a store that holds what the tests show.
pub(crate) struct World {
    pub(crate) gateway: Gateway,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) auth: Auth,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) store: SharedStore,
    pub(crate) gated: Arc<Gated>,
    pub(crate) signer: Arc<Signer>,
    tokens: BTreeMap<&'static str, String>,
}

/// A request as a test writes it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    pub(crate) target: &'a str,
    pub(crate) host: &'a str,
    pub(crate) headers: &'a [(&'a str, &'a str)],
}

impl World {
    /// Over a store in memory.
    pub(crate) async fn new() -> Self {
        let clock = Arc::new(ManualClock::at(start()));
        let gated = Arc::new(Gated::new());
        let store: SharedStore = Arc::<Gated>::clone(&gated);
        let tokens = fill(&store).await;
        let world = Self::over(gated, clock, tokens);
        world.auth.follow_feed().await.unwrap();
        world.signer.refresh(start()).await.unwrap();
        world
    }

    fn over(
        gated: Arc<Gated>,
        clock: Arc<ManualClock>,
        tokens: BTreeMap<&'static str, String>,
    ) -> Self {
        let config = Config::from_text(CONFIG, "test.toml", Path::new("."), &Environment::empty())
            .unwrap_or_else(|mistakes| panic!("{mistakes}"));
        let metrics = Arc::new(Metrics::new());
        let store: SharedStore = Arc::<Gated>::clone(&gated);
        let ticking: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let auth = Auth::new(&config, Arc::clone(&store), ticking, Arc::clone(&metrics));
        let signer = Arc::new(Signer::new(
            &config,
            Arc::clone(&store),
            Arc::clone(&auth.verifier),
        ));
        Self {
            gateway: Gateway::new(&config, Arc::clone(&auth.verifier), &metrics)
                .with_signer(Arc::clone(&signer)),
            clock,
            auth,
            metrics,
            store,
            gated,
            signer,
            tokens,
        }
    }

    /// Replaces each `{name}` by the token of that name.
    pub(crate) fn fill_in(&self, text: &str) -> String {
        let mut filled = text.to_owned();
        for (name, token) in &self.tokens {
            filled = filled.replace(&format!("{{{name}}}"), token);
        }
        assert!(!filled.contains("{a"), "a token of no name in {text:?}");
        filled
    }

    pub(crate) fn headers(&self, fields: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_bytes(self.fill_in(value).as_bytes()).unwrap(),
            );
        }
        headers
    }

    /// An assertion of whoever has `{access}`, made at another time.
    pub(crate) async fn sign_at(&self, now: Timestamp) -> String {
        let request = Request {
            method: "GET",
            target: "/signed",
            host: "app.example",
            headers: &[("X-Auth", "{access}")],
        };
        let permit = self.admit(request).await.verdict.unwrap();
        let identity = permit.identity().unwrap();
        let assertion = self.signer.sign("signed", identity, now).unwrap();
        assertion.to_str().unwrap().to_owned()
    }

    pub(crate) async fn admit(&self, request: Request<'_>) -> Admission {
        let headers = self.headers(request.headers);
        let asked = Asked {
            method: &Method::from_bytes(request.method.as_bytes()).unwrap(),
            target: request.target.as_bytes(),
            host: Some(request.host),
            headers: &headers,
            peer: IpAddr::from([192, 0, 2, 1]),
            is_tls: false,
            certificate: None,
        };
        self.gateway.admit(&asked, self.clock.now()).await
    }
}

/// What was decided, in a few words: who by what, or the status and why; what else has to be done about it.
pub(crate) fn words(admission: &Admission) -> String {
    let mut words = match &admission.verdict {
        Ok(permit) => match (permit.overlooked(), permit.identity()) {
            (Some(denial), _) => format!("shadow {}", denial.reason()),
            (None, None) => "anonymous".to_owned(),
            (None, Some(identity)) => {
                let elevated = if identity.elevation.is_some() {
                    " elevated"
                } else {
                    ""
                };
                format!(
                    "{} {}{elevated}",
                    identity.principal.account.id,
                    identity.method.as_str()
                )
            }
        },
        Err(Refusal::Malformed(_)) => "400".to_owned(),
        Err(Refusal::NoRoute) => "404".to_owned(),
        Err(Refusal::MethodNotAllowed { allow }) => format!("405 {}", allow.to_str().unwrap()),
        Err(Refusal::StoreUnavailable(_)) => "503".to_owned(),
        Err(Refusal::Denied(denial)) => match denial {
            Denial::CredentialMissing => "401 missing".to_owned(),
            Denial::CredentialRejected => "401 rejected".to_owned(),
            Denial::ElevationMissing { .. } => "401 elevation".to_owned(),
            Denial::ForeignOrigin => "foreign origin".into(),
            Denial::RoleMissing => "403 role".to_owned(),
            Denial::GroupMissing => "403 group".to_owned(),
            Denial::ClientNotAllowed => "403 client".to_owned(),
            Denial::ScopeMissing(_) => "403 scope".to_owned(),
        },
    };
    if admission.trail.clears_cookie {
        words.push_str(", clears");
    }
    if admission.trail.keeps_authorization {
        words.push_str(", keeps");
    }
    words
}

pub(crate) fn start() -> Timestamp {
    Timestamp::from_seconds(1_795_000_000)
}

/// Two accounts, an application, and a token of every kind.
async fn fill(store: &SharedStore) -> BTreeMap<&'static str, String> {
    let action = Action::new(start(), Actor::Operator, None);
    let accounts = [
        account("jo", "admin", &["staff"]),
        account("mo", "member", &[]),
    ];
    let _ = store
        .create_accounts(&accounts, None, &action)
        .await
        .unwrap();
    let client = Client {
        id: ClientId::parse("web").unwrap(),
        name: "Web".into(),
        redirect_urls: vec![],
        handoff: Handoff::Token,
        created_at: start(),
    };
    let _ = store.create_client(&client, &action).await.unwrap();
    let mut shown = Tokens::default();
    shown.add_login(store, "jo", &action).await;
    shown.add_small_ones(store, &action).await;
    shown.0
}

#[derive(Default)]
struct Tokens(BTreeMap<&'static str, String>);

impl Tokens {
    /// One login of an application, with a token of every kind.
    async fn add_login(&mut self, store: &SharedStore, account: &str, action: &Action) {
        let key = PlainToken::generate(TokenKind::Key);
        let keyed = PlainToken::generate(TokenKind::Keyed);
        let pair = new_token(
            TokenDigest::of_pair(&key, &keyed),
            TokenKind::Keyed,
            0,
            3600,
        );
        let tokens = [
            pair,
            self.make("access", TokenKind::Access, 0, 3600),
            self.make("session", TokenKind::Session, 0, 3600),
            self.make("browser", TokenKind::Browser, 0, 3600),
            self.make("refresh", TokenKind::Refresh, 0, 3600),
            self.make("handoff", TokenKind::Handoff, 0, 60),
            self.make("elevated", TokenKind::Elevated, -300, 300),
            self.make("elevated-old", TokenKind::Elevated, -660, 300),
            self.make("elevated-expired", TokenKind::Elevated, -660, 0),
            self.make("access-expired", TokenKind::Access, -60, 0),
            self.make("browser-expired", TokenKind::Browser, -60, 0),
        ];
        let client = Some(ClientId::parse("web").unwrap());
        open(store, session(account, client, &[]), &tokens, action).await;
        let damaged = self.0["access"].replacen("csa_", "csa_x", 1);
        self.0.insert("access-damaged", damaged[..36].to_owned());
        let wrong_key = PlainToken::generate(TokenKind::Key);
        for (name, key) in [("pair", &key), ("pair-unknown", &wrong_key)] {
            let text = format!("{}:{}", key.expose(), keyed.expose());
            self.0.insert(name, STANDARD.encode(text));
        }
        let damaged = format!("{}:x", key.expose());
        self.0.insert("pair-damaged", STANDARD.encode(damaged));
        self.0.insert("keyed", keyed.expose().to_owned());
        self.0.insert("key", key.expose().to_owned());
        self.0.insert("pair-foreign", STANDARD.encode("jo:secret"));
        for (name, kind) in [
            ("access-unknown", TokenKind::Access),
            ("browser-unknown", TokenKind::Browser),
            ("elevated-unknown", TokenKind::Elevated),
        ] {
            let _ = self.make(name, kind, 0, 0);
        }
    }

    /// Another account's login, and named API tokens.
    async fn add_small_ones(&mut self, store: &SharedStore, action: &Action) {
        let tokens = [
            self.make("member", TokenKind::Access, 0, 3600),
            self.make("member-browser", TokenKind::Browser, 0, 3600),
            self.make("elevated-other", TokenKind::Elevated, 0, 300),
        ];
        open(store, session("mo", None, &[]), &tokens, action).await;
        for (name, scopes) in [("api", &["read"][..]), ("api-all", &["read", "write"])] {
            let token = self.make(name, TokenKind::Api, 0, 3600);
            open(store, session("jo", None, scopes), &[token], action).await;
        }
    }

    fn make(&mut self, name: &'static str, kind: TokenKind, from: i64, until: i64) -> NewToken {
        let token = PlainToken::generate(kind);
        self.0.insert(name, token.expose().to_owned());
        new_token(token.digest(), kind, from, until)
    }
}

fn new_token(digest: TokenDigest, kind: TokenKind, from: i64, until: i64) -> NewToken {
    let at = |seconds| Timestamp::from_seconds(start().seconds() + seconds);
    NewToken {
        digest,
        kind,
        id: None,
        issued_at: at(from),
        expires_at: Some(at(until)),
    }
}

async fn open(store: &SharedStore, session: Session, tokens: &[NewToken], action: &Action) {
    let opened = store.open_session(&session, tokens, action).await.unwrap();
    assert!(opened.is_some());
}

fn session(account: &str, client: Option<ClientId>, scopes: &[&str]) -> Session {
    Session {
        id: SessionId::generate(),
        account: AccountId::parse(account).unwrap(),
        client,
        dialect: Dialect::X_AUTH.as_str().into(),
        label: (!scopes.is_empty()).then(|| "ci".into()),
        scopes: scopes
            .iter()
            .map(|scope| Scope::parse(scope).unwrap())
            .collect(),
        remote_ip: None,
        created_at: start(),
        last_used_at: None,
        expires_at: Some(start().after(Duration::from_hours(1))),
    }
}

fn account(id: &str, role: &str, groups: &[&str]) -> NewAccount {
    NewAccount {
        account: Account {
            id: AccountId::parse(id).unwrap(),
            email: Some(Email::parse(&format!("{id}@example.org")).unwrap()),
            pending_email: None,
            username: Some(Username::parse(&format!("{id}-login")).unwrap()),
            name: Some("Jö".into()),
            role: Role::parse(role).unwrap(),
            groups: groups
                .iter()
                .map(|group| Group::parse(group).unwrap())
                .collect(),
            kind: AccountKind::Shadow,
            status: AccountStatus::Active,
            created_at: start(),
        },
        password: None,
    }
}
