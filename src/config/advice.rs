//! What is no mistake and yet deserves a word: said by `check`, and at start-up.

use super::Config;
use super::section::{MailTransport, StoreUrl};
use super::tls::Tls;
use crate::clock::{Clock as _, SystemClock};
use crate::model::credential::AuthMethod;
use crate::model::time::Timestamp;

impl Config {
    /// A sentence for each choice that an operator may not have meant; empty for a configuration without any.
    #[must_use]
    pub fn advice(&self) -> Vec<String> {
        let no_mail = matches!(self.mail.transport, MailTransport::None);
        let asks_for_certificates = self.listen.iter().any(|it| it.client_ca.is_some());
        let takes_certificates = self
            .routes
            .iter()
            .any(|route| route.requirement.accept.contains(AuthMethod::Mtls));
        let trusts_all = self
            .server
            .trusted_proxies
            .iter()
            .any(|net| net.prefix_len() == 0);
        [
            (!self.server.is_secure(), PLAIN_HTTP),
            (trusts_all, TRUSTS_ALL),
            (self.store.url == StoreUrl::Memory, FORGETS),
            (self.has_weak_hashes(), WEAK_HASHES),
            (no_mail && self.accounts.confirm_email, UNCONFIRMED),
            (no_mail && self.dialects.id_api.is_some(), NO_CODES),
            (takes_certificates && !asks_for_certificates, NO_CA),
            (asks_for_certificates && !takes_certificates, UNUSED_CA),
        ]
        .into_iter()
        .filter(|(applies, _)| *applies)
        .map(|(_, sentence)| sentence.to_owned())
        .chain(self.dead_routes())
        .chain(self.doubtful_certificates(SystemClock::new().now().wall))
        .collect()
    }

    /// Certificates that a client will not take, and keys that somebody else can take.
    fn doubtful_certificates(&self, now: Timestamp) -> Vec<String> {
        let listeners = self
            .listen
            .iter()
            .filter_map(|listen| listen.tls.as_deref());
        let mut said = Vec::new();
        for certificate in listeners.flat_map(Tls::certificates) {
            let (file, key) = (certificate.file.display(), certificate.key_file.display());
            if certificate.expires_at <= now {
                let at = certificate.expires_at;
                said.push(format!(
                    "the certificate in {file} expired at {at}: no client takes it; renew it"
                ));
            }
            for host in certificate.strange_hosts() {
                said.push(format!("the certificate in {file} does not name {host:?}, so that clients who ask for that refuse it"));
            }
            if certificate.is_key_open {
                said.push(format!(
                    "others than its owner may read the key in {key}; chmod 600 it"
                ));
            }
        }
        said
    }

    /// Routes that no request gets to, since a route before them has the same host and path.
    fn dead_routes(&self) -> impl Iterator<Item = String> {
        self.routes.iter().enumerate().filter_map(|(at, route)| {
            let first = self.routes.iter().take(at).find(|first| first.hides(route))?;
            let (name, first) = (&route.name, &first.name);
            Some(format!(
                "no request gets to route {name:?}: route {first:?} before it has the same host and path"
            ))
        })
    }

    /// Whether Argon2id costs less than each of the choices in OWASP's Password Storage Cheat Sheet.
    fn has_weak_hashes(&self) -> bool {
        !OWASP.iter().any(|(memory_kib, iterations)| {
            self.password.memory_kib >= *memory_kib && self.password.iterations >= *iterations
        })
    }
}

const OWASP: [(u32, u32); 5] = [(47_104, 1), (19_456, 2), (12_288, 3), (9216, 4), (7168, 5)];

const PLAIN_HTTP: &str = "server.external_url is plain http, so the cookie is not Secure and passwords travel in the \
     open; fine on one machine, otherwise put TLS in front and say https";
const TRUSTS_ALL: &str = "server.trusted_proxies has everybody in it, so that everybody can say whose request it is and \
     where it comes from; name the proxies alone";
const FORGETS: &str =
    "store.url is \"memory:\", so accounts and tokens are forgotten when the process ends";
const WEAK_HASHES: &str = "[password] costs an attacker less than OWASP asks for; write memory = \"19MiB\" and \
     iterations = 2, or leave both out";
const UNCONFIRMED: &str = "accounts.confirm_email is true and mail.transport \"none\", so no address that a person gives \
     is ever confirmed";
const NO_CA: &str = "a route accepts \"mtls\" and no [[listen]] has client_ca, so no client is asked for a certificate";
const UNUSED_CA: &str =
    "a [[listen]] has client_ca and no route accepts \"mtls\", so certificates prove nothing";
const NO_CODES: &str =
    "[dialect.id_api] is on and mail.transport \"none\", so no code can be mailed";
