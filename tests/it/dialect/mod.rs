//! The dialects over their own routers: every example of the seeds key for key, and every refusal.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test's helpers fail by panicking too"
)]

mod alike;
mod factors;
mod id_api;
mod key_token;
mod keys;
mod links;
mod x_auth;

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use axum::body::Body;
use countersign::auth::Auth;
use countersign::auth::accounts::Draft;
use countersign::auth::password::Password;
use countersign::clock::{Clock, ManualClock};
use countersign::config::Config;
use countersign::config::Environment;
use countersign::dialect;
use countersign::gateway::endpoint::{Caller, Endpoints};
use countersign::gateway::{Gateway, Signer};
use countersign::metrics::Metrics;
use countersign::model::account::{Email, Role};
use countersign::model::audit::Actor;
use countersign::model::client::{Client, Handoff};
use countersign::model::id::ClientId;
use countersign::model::time::Timestamp;
use countersign::pages::Language;
use countersign::store::memory::MemoryStore;
use countersign::store::{Action, SharedStore};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

/// The dialects over a store in memory, at a time that stands still, with one client and one account.
struct World {
    clock: Arc<ManualClock>,
    store: SharedStore,
    auth: Arc<Auth>,
    mounted: dialect::Mounted,
    gateway: Gateway,
    metrics: Arc<Metrics>,
    from: IpAddr,
}

/// What came back.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

/// The client of every test.
const CLIENT: &str = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
/// The account of every test; its role is `member`.
const EMAIL: &str = "jo@example.org";
const PASSWORD: &str = "correct horse battery staple";

impl World {
    /// A world whose configuration has this beside what every one has.
    async fn with(extra: &str) -> Self {
        Self::over(Arc::new(MemoryStore::new()), extra).await
    }

    /// The same over a store that the test brings along.
    async fn over(store: SharedStore, extra: &str) -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp::from_seconds(1_455_953_368)));
        let metrics = Arc::new(Metrics::new());
        let password = if extra.contains("[password]") {
            ""
        } else {
            CHEAP
        };
        let text = format!("{BASE}\n{password}\n{extra}");
        let config =
            Config::from_text(&text, "test.toml", Path::new("."), &Environment::empty()).unwrap();
        let auth = Arc::new(Auth::new(
            &config,
            Arc::clone(&store),
            Arc::clone(&clock) as Arc<dyn Clock>,
            Arc::clone(&metrics),
        ));
        let signer = Signer::new(&config, Arc::clone(&store), Arc::clone(&auth.verifier));
        signer.refresh(clock.now().wall).await.unwrap();
        let signer = Arc::new(signer);
        let world = Self {
            gateway: Gateway::new(&config, Arc::clone(&auth.verifier), &metrics),
            metrics,
            mounted: dialect::mount(&config, &auth).and(dialect::keys::mount(signer)),
            clock,
            store,
            auth,
            from: [192, 0, 2, 1].into(),
        };
        world.add_client(CLIENT).await;
        world.add_account(EMAIL, PASSWORD).await;
        world
    }

    /// The same from another address.
    fn from(mut self, ip: [u8; 4]) -> Self {
        self.from = ip.into();
        self
    }

    async fn add_account(&self, email: &str, password: &str) {
        let draft = Draft {
            id: None,
            email: Some(Email::parse(email).unwrap()),
            username: None,
            name: None,
            role: Role::member(),
            groups: Vec::new(),
            password: Some(Password::new(password)),
        };
        let made = self.auth.accounts.add(draft, &self.action()).await;
        made.unwrap();
    }

    async fn set_refused(&self, refused: bool) {
        let account = self.auth.accounts.find(EMAIL).await.unwrap().unwrap().id;
        let client = ClientId::parse(CLIENT).unwrap();
        let clients = &self.auth.clients;
        let action = self.action();
        let set = clients.set_refused(&account, &client, refused, &action);
        set.await.unwrap();
    }

    /// Invites somebody and gives the secret of the link.
    async fn invite(&self, email: &str) -> String {
        let email = Email::parse(email).unwrap();
        let accounts = &self.auth.accounts;
        let action = self.action();
        let invitation = accounts.invite(email, Role::member(), &action);
        let link = invitation.await.unwrap().link;
        let (_, token) = link
            .query_pairs()
            .find(|(name, _)| name == "token")
            .unwrap();
        token.into_owned()
    }

    /// The texts of all mails to an address that wait to be sent.
    async fn mails_to(&self, email: &str) -> Vec<String> {
        let now = self.clock.now().wall;
        let mails = self.store.claim_mails(now, now, 100).await.unwrap();
        mails
            .iter()
            .filter(|queued| queued.mail.to.as_str() == email)
            .map(|queued| queued.mail.text.to_string())
            .collect()
    }

    /// The path and query of the link in the only mail to an address.
    async fn link_in_mail_to(&self, email: &str) -> String {
        let mails = self.mails_to(email).await;
        assert_eq!(mails.len(), 1, "{mails:?}");
        let link = mails[0].lines().find(|line| line.starts_with("http"));
        let url = url::Url::parse(link.unwrap()).unwrap();
        format!("{}?{}", url.path(), url.query().unwrap_or_default())
    }

    fn action(&self) -> Action {
        Action::new(self.clock.now().wall, Actor::Operator, None)
    }

    async fn add_client(&self, id: &str) {
        let client = Client {
            id: ClientId::parse(id).unwrap(),
            name: "An app".into(),
            redirect_urls: Vec::new(),
            handoff: Handoff::Token,
            created_at: self.clock.now().wall,
        };
        let made = self.auth.clients.add(&client, &self.action()).await;
        made.unwrap();
    }

    /// Sends `"METHOD /path"` with these fields and this body, if it is for a dialect at all.
    async fn ask(&self, request: &str, fields: &[(&str, &str)], body: &str) -> Answer {
        let (method, path) = request.split_once(' ').unwrap();
        let method: Method = method.parse().unwrap();
        let endpoints = Endpoints::new(self.mounted.endpoints.clone());
        let without_query = path.split('?').next().unwrap_or_default();
        let found = endpoints.find(None, &method, without_query);
        assert!(found.is_some(), "{request}");
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Body::from(body.to_owned())).unwrap();
        let language = Language::asked(request.headers());
        request.extensions_mut().insert(Caller {
            ip: self.from,
            now: self.clock.now(),
            request_id: "r".into(),
            language,
        });
        let response = self.mounted.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let may_be_kept = ["/_countersign/style.css", "/.well-known/jwks.json"];
        if !may_be_kept.contains(&without_query) {
            assert_eq!(head.headers["cache-control"], "no-store", "{path}");
        }
        Answer {
            status: head.status,
            headers: head.headers,
            text: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    /// Sends a JSON body.
    async fn send(&self, request: &str, body: &Value) -> Answer {
        let fields = [("content-type", "application/json")];
        self.ask(request, &fields, &body.to_string()).await
    }
}

impl Answer {
    fn json(&self) -> Value {
        assert_eq!(self.headers["content-type"], "application/json", "{self:?}");
        serde_json::from_str(&self.text).unwrap()
    }

    /// The top keys of the body in the order of its bytes.
    fn keys(&self) -> Vec<String> {
        let inner = self.text.trim_start_matches('{').trim_end_matches('}');
        inner
            .split(',')
            .filter_map(|pair| pair.split_once(':'))
            .map(|(key, _)| key.trim_matches('"').to_owned())
            .collect()
    }

    fn is(&self, status: u16, text: &str) {
        assert_eq!((self.status.as_u16(), self.text.as_str()), (status, text));
    }
}

const CHEAP: &str = "[password]\nmemory = \"64KiB\"\niterations = 1";

const BASE: &str = r#"
[store]
url = "memory:"
[admin]
address = "127.0.0.1:0"
[upstream.app]
servers = ["http://127.0.0.1:9"]
[[route]]
name = "app"
path = "/"
upstream = "app"
access = "required"
accept = ["bearer"]
"#;
