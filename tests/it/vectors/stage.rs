//! What every vector is sent to: one gateway with a route of each kind, an app that writes everything down, and people with
//! every kind of credential.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};
use countersign::auth::accounts::Draft;
use countersign::auth::issuer::{Grant, Issued, Login};
use countersign::auth::password::Password;
use countersign::clock::{Clock as _, SystemClock};
use countersign::model::account::{Account, AccountStatus, Email, Group, Role, Username};
use countersign::model::credential::{AuthMethod, Credential};
use countersign::model::session::Dialect;
use countersign::model::token::PlainToken;

use crate::support::gateway::action;
use crate::support::message::Message;
use crate::support::{Gateway, Reply, Upstream, get};

/// A gateway and its app, people and secrets.
pub(super) struct Stage {
    pub(super) app: Upstream,
    pub(super) gateway: Gateway,
    /// By the names that vectors use; what is `open.` is none.
    pub(super) secrets: BTreeMap<String, String>,
    accounts: BTreeMap<&'static str, Account>,
    count: AtomicUsize,
}

const CONFIG: &str = include_str!("stage.toml");
const PASSWORD: &str = "correct horse battery staple";
const HOUR: Duration = Duration::from_hours(1);

/// Headers that say who is asking: of every preset, of the stage's own mapping, and the assertion. Written down once more
/// here, so that one that is forgotten there is missed here.
const IDENTITY: [&str; 23] = [
    "x-forwarded-user",
    "x-forwarded-email",
    "x-forwarded-preferred-username",
    "x-forwarded-groups",
    "x-forwarded-role",
    "x-forwarded-client",
    "x-forwarded-auth-method",
    "x-forwarded-elevated-until",
    "remote-user",
    "remote-email",
    "remote-name",
    "remote-groups",
    "x-auth-request-user",
    "x-auth-request-email",
    "x-auth-request-preferred-username",
    "x-auth-request-groups",
    "x-webauth-user",
    "x-webauth-email",
    "x-webauth-name",
    "x-webauth-groups",
    "x-odd-user",
    "x-odd-mail",
    "x-countersign-assertion",
];

impl Stage {
    /// Opens it; `trusted` is the list of networks whose forwarding headers are believed.
    pub(super) async fn open(trusted: &str) -> Self {
        Self::before(None, trusted).await
    }

    /// The same before another app, which the one that writes everything down only stands beside.
    pub(super) async fn before(other: Option<&str>, trusted: &str) -> Self {
        let app = Upstream::answering(answer).await;
        let url = app.url();
        let config = CONFIG.replace("{app}", other.unwrap_or(&url));
        let gateway = Gateway::start(&config.replace("{trusted}", trusted)).await;
        let mut stage = Self {
            app,
            gateway,
            secrets: BTreeMap::new(),
            accounts: BTreeMap::new(),
            count: AtomicUsize::new(0),
        };
        for (name, role) in [
            ("jo", "member"),
            ("al", "member"),
            ("ad", "admin"),
            ("off", "member"),
        ] {
            stage.person(name, role).await;
        }
        stage.spoil();
        stage.end_some().await;
        stage
    }

    /// A number that no other request of this stage has.
    pub(super) fn number(&self) -> usize {
        self.count.fetch_add(1, Ordering::Relaxed)
    }

    /// An account's id.
    pub(super) fn id(&self, name: &str) -> &str {
        self.accounts[name].id.as_str()
    }

    /// A request that has nothing wrong with it.
    pub(super) fn clean(&self, target: &str) -> String {
        let token = &self.secrets["al"];
        format!(
            "GET {target} HTTP/1.1\r\nHost: app.example\r\nAuthorization: Bearer {token}\r\n\r\n"
        )
    }

    /// Whether one of the secrets stands there.
    pub(super) fn has_secret(&self, bytes: &[u8]) -> bool {
        let text = String::from_utf8_lossy(bytes);
        let mut secrets = self.secrets.iter();
        secrets.any(|(name, secret)| !name.starts_with("open.") && text.contains(secret))
    }

    /// Whether the app is told of that person, and of nobody else, by each header at most once; and where the request came
    /// from, exactly once.
    pub(super) fn is_told_of(&self, request: &Message, name: &str) -> bool {
        let fields = request.head.lines().skip(1);
        let fields = fields.filter_map(|line| line.split_once(": "));
        let places = [
            "x-forwarded-for",
            "x-forwarded-proto",
            "x-forwarded-host",
            "host",
            "x-request-id",
        ];
        self.is_identity(fields, name) && places.iter().all(|name| request.fields(name).len() == 1)
    }

    /// Whether fields tell of that person and of nobody else, each name at most once.
    pub(super) fn is_identity<'a>(
        &self,
        fields: impl Iterator<Item = (&'a str, &'a str)>,
        name: &str,
    ) -> bool {
        let mut told: Vec<(String, &str)> = fields
            .map(|(name, value)| (name.to_ascii_lowercase().replace(['_', '.'], "-"), value))
            .filter(|(name, _)| IDENTITY.contains(&name.as_str()))
            .collect();
        told.sort_unstable();
        let is_doubled = told.windows(2).any(|pair| pair[0].0 == pair[1].0);
        let about = self.accounts.get(name).map(known_of);
        let fits = match about {
            Some(known) => {
                told.iter()
                    .any(|(_, value)| known[..3].contains(&(*value).to_owned()))
                    && told.iter().all(|(header, value)| {
                        header == "x-forwarded-elevated-until"
                            || header == "x-countersign-assertion"
                            || known.contains(&(*value).to_owned())
                    })
            }
            None => told.is_empty(),
        };
        fits && !is_doubled
    }

    /// What does not hold of the log, after so many answers.
    pub(super) async fn faults_of_the_log(&self, answers: usize) -> Vec<String> {
        let answers = answers + 1;
        self.gateway.have_lines(answers).await;
        let lines = self.gateway.lines();
        let mut faults = Vec::new();
        if lines.len() != answers {
            faults.push(format!("{} lines for {answers} answers", lines.len()));
        }
        let leaks = lines.iter().map(ToString::to_string);
        let leaks = leaks.filter(|line| self.has_secret(line.as_bytes()));
        faults.extend(leaks.map(|line| format!("a secret in the log: {line}")));
        faults
    }

    /// An account with one credential of each kind.
    async fn person(&mut self, name: &'static str, role: &str) {
        let draft = Draft {
            id: None,
            email: Some(Email::parse(&format!("{name}@example.org")).unwrap()),
            username: Some(Username::parse(&format!("{name}-name")).unwrap()),
            name: None,
            role: Role::parse(role).unwrap(),
            groups: vec![Group::parse("crew").unwrap()],
            password: Some(Password::new(PASSWORD)),
        };
        let account = self
            .gateway
            .auth
            .accounts
            .add(draft, &action())
            .await
            .unwrap();
        let (_, token) = self.gateway.token(&account).await;
        self.secrets.insert(name.to_owned(), token);
        let access = self.login(name, Grant::Access { ttl: None }).await;
        let elevated = self.elevate(&access.token).await;
        self.keep(name, "elevated", &elevated);
        self.keep(name, "access", &access.token);
        let session = self.login(name, Grant::Session { ttl: HOUR }).await;
        self.keep(name, "session", &session.token);
        let browser = self.login(name, Grant::Browser { ttl: HOUR }).await;
        self.keep(name, "browser", &browser.token);
        let code = self.login(name, Grant::Code { ttl: HOUR }).await;
        self.keep(name, "code", &code.token);
        let grant = Grant::Keyed {
            access_ttl: HOUR,
            refresh_ttl: HOUR,
        };
        let keyed = self.login(name, grant).await;
        self.keep(name, "key", &keyed.key.unwrap());
        self.keep(name, "keyed", &keyed.token);
        self.keep(name, "refresh", &keyed.refresh.unwrap());
        self.secrets
            .insert(format!("open.{name}"), account.id.as_str().to_owned());
        self.accounts.insert(name, account);
    }

    /// What is made of good credentials to be bad ones.
    fn spoil(&mut self) {
        let own = |name: &str| self.secrets[name].clone();
        let pair = format!("{}:{}", own("jo.key"), own("jo.keyed"));
        let of = |text: &str| STANDARD.encode(text);
        let mut damaged = own("jo");
        let last = if damaged.pop() == Some('A') { 'B' } else { 'A' };
        damaged.push(last);
        let padded = of(&pair);
        let loose = padded
            .strip_suffix("==")
            .map(|rest| format!("{}==", next_letter(rest)));
        for (name, secret) in [
            ("jo.pair", of(&pair)),
            (
                "al.pair",
                of(&format!("{}:{}", own("al.key"), own("al.keyed"))),
            ),
            ("jo.pair.unpadded", STANDARD_NO_PAD.encode(&pair)),
            ("jo.pair.loose", loose.unwrap()),
            ("jo.pair.url", URL_SAFE.encode(format!("{pair}???>>>"))),
            (
                "jo.pair.swapped",
                of(&format!("{}:{}", own("jo.keyed"), own("jo.key"))),
            ),
            (
                "jo.pair.of-al",
                of(&format!("{}:{}", own("jo.key"), own("al.keyed"))),
            ),
            (
                "jo.pair.access",
                of(&format!("{}:{}", own("jo.key"), own("jo.access"))),
            ),
            (
                "jo.pair.refresh",
                of(&format!("{}:{}", own("jo.key"), own("jo.refresh"))),
            ),
            ("jo.pair.keyless", of(&format!(":{}", own("jo.keyed")))),
            ("jo.pair.named", of(&format!("jo:{}", own("jo.keyed")))),
            ("jo.pair.tokenless", of(&format!("{}:", own("jo.key")))),
            ("jo.pair.colonless", of(&own("jo.key"))),
            (
                "jo.pair.colons",
                of(&format!("{}::{}", own("jo.key"), own("jo.keyed"))),
            ),
            (
                "jo.pair.space",
                of(&format!("{}: {}", own("jo.key"), own("jo.keyed"))),
            ),
            ("jo.pair.line", of(&format!("{pair}\n"))),
            ("jo.pair.nul", of(&format!("{pair}\0"))),
            ("jo.pair.case", of(&pair.to_ascii_uppercase())),
            ("jo.pair.long", of(&format!("{pair}x"))),
            ("jo.damaged", damaged),
            ("jo.upper", own("jo").to_ascii_uppercase()),
            ("open.pair", of("user:pass")),
            ("open.colonless", of("user")),
            ("open.line", of("user:pa\nss")),
        ] {
            self.secrets.insert(name.to_owned(), secret);
        }
    }

    /// A token that was revoked, and an account that was disabled.
    async fn end_some(&mut self) {
        let (session, revoked) = self.gateway.token(&self.accounts["jo"].clone()).await;
        // It was good, and is known to be.
        let own = format!("Authorization: Bearer {revoked}");
        assert_eq!(self.gateway.ask(get("/in/a", &[&own])).await.status(), 200);
        self.gateway.revoke(session).await;
        self.secrets.insert("revoked".to_owned(), revoked);
        let (accounts, off) = (&self.gateway.auth.accounts, &self.accounts["off"].id);
        let disabled = accounts
            .set_status(off, AccountStatus::Disabled, &action())
            .await;
        disabled.unwrap();
    }

    async fn login(&self, name: &str, grant: Grant) -> Issued {
        let login = Login {
            dialect: Dialect::X_AUTH,
            client: None,
            identifier: format!("{name}@example.org"),
            password: Password::new(PASSWORD),
            code: None,
            ip: None,
            language: None,
            grant,
        };
        self.gateway
            .auth
            .issuer
            .login(login, SystemClock::new().now())
            .await
            .unwrap()
    }

    async fn elevate(&self, token: &PlainToken) -> PlainToken {
        let auth = &self.gateway.auth;
        let credential = Credential::token(AuthMethod::Bearer, token.clone()).unwrap();
        let found = auth
            .verifier
            .introspect(&credential, SystemClock::new().now())
            .await;
        let principal = found.unwrap().principal.unwrap();
        let elevated = auth.issuer.elevate(&principal, HOUR, &action()).await;
        elevated.unwrap().unwrap().1
    }

    fn keep(&mut self, name: &str, kind: &str, token: &PlainToken) {
        self.secrets
            .insert(format!("{name}.{kind}"), token.expose().to_string());
    }
}

/// Three things that are an account's alone, then what others may share.
fn known_of(account: &Account) -> Vec<String> {
    let mut known = vec![
        account.id.as_str().to_owned(),
        account.email.as_ref().unwrap().as_str().to_owned(),
        account.username.as_ref().unwrap().as_str().to_owned(),
        account.role.as_str().to_owned(),
        "crew".to_owned(),
    ];
    known.extend(AuthMethod::ALL.map(|method| method.as_str().to_owned()));
    known
}

/// The same base64 with a bit set that encodes nothing.
fn next_letter(text: &str) -> String {
    let (rest, last) = text.split_at(text.len() - 1);
    let next = char::from(last.as_bytes()[0] + 1);
    format!("{rest}{next}")
}

/// The app: it says what it was asked and by whom, so that an answer that goes astray is seen.
fn answer(request: &Message) -> Reply {
    let line = request.line().strip_suffix(" HTTP/1.1").unwrap_or("?");
    let path = line.split(' ').nth(1).unwrap_or_default();
    let wants_websocket = request.fields("upgrade") == ["websocket"];
    if path.starts_with("/odd/101") || (path.starts_with("/ws") && wants_websocket) {
        let switching = "HTTP/1.1 101 Switching Protocols\r\nX-App: 1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
        return Reply::Echo(switching.into());
    }
    let user = request.fields("x-forwarded-user");
    let body = format!("{line} {}", user.first().unwrap_or(&"-"));
    let fields = ["X-App: 1"];
    if line.starts_with("HEAD ") {
        return Reply::Bytes(
            format!(
                "HTTP/1.1 200 OK\r\nX-App: 1\r\nContent-Length: {}\r\n\r\n",
                body.len()
            )
            .into(),
        );
    }
    Reply::with(&fields, &body)
}
