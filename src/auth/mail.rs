//! Sending the mails that wait in the store.
//!
//! A mail is taken under a lease, sent, and removed; a process that dies in between leaves it to the next, so a mail may
//! come twice and is never lost. A failed one is tried again, later each time, and given up after half a day. Headers are
//! made from typed values by lettre, so that no text in a mail can become one.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use percent_encoding::percent_decode_str;
use tokio::sync::{oneshot, watch};
use url::{Host, Url};

use crate::clock::Clock;
use crate::config::authorities::Authorities;
use crate::config::section::{self, MailTransport};
use crate::model::time::Timestamp;
use crate::store::outbox::QueuedMail;
use crate::store::{SharedStore, StoreError};

/// Sends what waits in the store's outbox.
#[derive(Debug)]
pub(super) struct Postman {
    store: SharedStore,
    clock: Arc<dyn Clock>,
    from: Mailbox,
    route: Route,
}

#[derive(Debug)]
enum Route {
    File(Arc<Path>),
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
}

/// Why a mail could not be sent.
#[derive(Debug, thiserror::Error)]
enum MailError {
    #[error("not an address that mail can be sent to: {0}")]
    Address(#[from] lettre::address::AddressError),
    #[error("the message cannot be written: {0}")]
    Message(#[from] lettre::error::Error),
    #[error("the file cannot be written: {0}")]
    File(#[from] std::io::Error),
    #[error("the mail server did not take it: {0}")]
    Smtp(#[from] lettre::transport::smtp::Error),
    #[error("the mail server was reached and says nothing")]
    Silent,
    #[error("the URL of the mail server: {0}")]
    Url(#[from] url::ParseError),
}

impl Postman {
    /// A sender by the configured transport; `None` if mail is off.
    pub(super) fn new(
        config: &section::Mail,
        store: SharedStore,
        clock: Arc<dyn Clock>,
    ) -> Option<Self> {
        let route = match &config.transport {
            MailTransport::None => return None,
            MailTransport::File(directory) => Route::File(directory.as_path().into()),
            MailTransport::Smtp(url) => match smtp(url, config.authorities.as_ref()) {
                Ok(transport) => Route::Smtp(transport),
                Err(error) => {
                    tracing::error!(%error, "no mail is sent");
                    return None;
                }
            },
        };
        let from = match config.from.parse::<Mailbox>() {
            Ok(from) => from,
            Err(error) => {
                tracing::error!(%error, from = %config.from, "no mail is sent");
                return None;
            }
        };
        Some(Self {
            store,
            clock,
            from,
            route,
        })
    }

    /// Sends what is due, again and again, until `shutdown`. A mail whose sending is cut short then comes again.
    pub(super) async fn run(&self, mut shutdown: watch::Receiver<bool>) {
        let mut is_failing = false;
        loop {
            let sent = tokio::select! {
                _ = shutdown.wait_for(|stop| *stop) => return,
                sent = self.send_due() => sent,
            };
            if let Err(error) = &sent
                && !is_failing
            {
                tracing::warn!(%error, "the outbox cannot be read; mails wait");
            }
            is_failing = sent.is_err();
            tokio::select! {
                _ = shutdown.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }

    /// Sends what is due now, and returns how many mails that were.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub(super) async fn send_due(&self) -> Result<usize, StoreError> {
        let now = self.clock.now().wall;
        let claimed = self.store.claim_mails(now, now.after(LEASE), BATCH).await?;
        let count = claimed.len();
        for queued in claimed {
            match self.send(&queued).await {
                Ok(()) => self.store.remove_mail(queued.id).await?,
                Err(error) if queued.tries + 1 >= MOST_TRIES => {
                    tracing::error!(%error, mail = queued.id, "a mail is given up");
                    self.store.remove_mail(queued.id).await?;
                }
                Err(error) => {
                    tracing::warn!(%error, mail = queued.id, tries = queued.tries + 1, "a mail was not sent and is tried again");
                    let next = self.clock.now().wall.after(backoff(queued.tries));
                    self.store.delay_mail(queued.id, next).await?;
                }
            }
        }
        Ok(count)
    }

    async fn send(&self, queued: &QueuedMail) -> Result<(), MailError> {
        let message = self.message(queued)?;
        match &self.route {
            Route::Smtp(transport) => {
                transport.send(message).await?;
                Ok(())
            }
            Route::File(directory) => {
                let name = format!("{}-{}.eml", queued.queued_at.millis(), queued.id);
                Ok(write_whole(directory, name, message.formatted()).await?)
            }
        }
    }

    fn message(&self, queued: &QueuedMail) -> Result<Message, MailError> {
        let mail = &queued.mail;
        let to: Address = mail.to.as_str().parse()?;
        let text = MultiPart::alternative_plain_html(mail.text.to_string(), mail.html.to_string());
        Ok(Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(mail.subject.as_ref())
            .date(system_time(queued.queued_at))
            .message_id(None)
            .multipart(text)?)
    }
}

/// A transport to the server of a URL. `smtps` is TLS from the start; `smtp` is STARTTLS, which may be missing only on the
/// same machine, or where there is no password to protect, and never where somebody is named to vouch for the server.
fn smtp(
    url: &str,
    authorities: Option<&Authorities>,
) -> Result<AsyncSmtpTransport<Tokio1Executor>, MailError> {
    let url = Url::parse(url)?;
    let host = match url.host().ok_or(url::ParseError::EmptyHost)? {
        Host::Ipv6(address) => address.to_string(),
        host @ (Host::Domain(_) | Host::Ipv4(_)) => host.to_string(),
    };
    let is_local = host == "localhost" || host == "127.0.0.1" || host == "::1";
    let is_secret = url.password().is_some();
    let parameters = parameters(host.clone(), authorities);
    let (tls, default_port) = match url.scheme() {
        "smtps" => (Tls::Wrapper(parameters?), 465),
        _ if authorities.is_some() => (Tls::Required(parameters?), 587),
        _ if is_local => (Tls::None, 25),
        _ if is_secret => (Tls::Required(parameters?), 587),
        _ => (Tls::Opportunistic(parameters?), 587),
    };
    let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
        .port(url.port().unwrap_or(default_port))
        .tls(tls)
        .timeout(Some(SMTP_TIMEOUT));
    if let Some(password) = url.password() {
        let [user, password] =
            [url.username(), password].map(|text| percent_decode_str(text).decode_utf8_lossy());
        transport = transport.credentials(Credentials::new(user.into(), password.into()));
    }
    Ok(transport.build())
}

/// Whether mail would leave: the directory can be written to, or the server is there and takes our name and password.
/// Waits for the server.
///
/// # Errors
/// Why not, in words for an operator.
pub async fn reach_mail(config: &section::Mail) -> Result<(), String> {
    let reached = match &config.transport {
        MailTransport::None => Ok(()),
        MailTransport::File(directory) => write_whole(
            &directory.as_path().into(),
            ".doctor".to_owned(),
            Vec::new(),
        )
        .await
        .and_then(|()| std::fs::remove_file(directory.join(".doctor")))
        .map_err(MailError::File),
        MailTransport::Smtp(url) => match smtp(url, config.authorities.as_ref()) {
            Ok(transport) => transport
                .test_connection()
                .await
                .map_err(MailError::Smtp)
                .and_then(|is_well| {
                    if is_well {
                        Ok(())
                    } else {
                        Err(MailError::Silent)
                    }
                }),
            Err(error) => Err(error),
        },
    };
    reached.map_err(|error| error.to_string())
}

fn parameters(host: String, authorities: Option<&Authorities>) -> Result<TlsParameters, MailError> {
    let Some(own) = authorities else {
        return Ok(TlsParameters::new(host)?);
    };
    let mut builder = TlsParameters::builder(host).certificate_store(CertificateStore::None);
    for certificate in &*own.certificates {
        builder = builder.add_root_certificate(Certificate::from_der(certificate.to_vec())?);
    }
    Ok(builder.build()?)
}

/// Writes a file so that a reader sees it whole or not at all. The disk may be slow, so a thread of its own waits for it;
/// mails go one after the other, so there is one such thread at a time.
async fn write_whole(
    directory: &Arc<Path>,
    name: String,
    content: Vec<u8>,
) -> Result<(), std::io::Error> {
    let (answer, written) = oneshot::channel();
    let directory = Arc::clone(directory);
    std::thread::Builder::new()
        .name("mail".to_owned())
        .spawn(move || {
            let _ = answer.send(write_file(&directory, &directory.join(name), &content));
        })?;
    written.await.map_err(std::io::Error::other)?
}

fn write_file(directory: &Path, file: &PathBuf, content: &[u8]) -> Result<(), std::io::Error> {
    use std::io::Write;
    std::fs::create_dir_all(directory)?;
    let mut unfinished = tempfile::Builder::new()
        .prefix(".unfinished")
        .tempfile_in(directory)?;
    unfinished.write_all(content)?;
    unfinished.as_file().sync_all()?;
    unfinished.persist(file).map_err(|error| error.error)?;
    Ok(())
}

/// 10 s, doubled with each try, an hour at most.
fn backoff(tries: u32) -> Duration {
    Duration::from_secs(10)
        .saturating_mul(1 << tries.min(16))
        .min(Duration::from_hours(1))
}

fn system_time(at: Timestamp) -> std::time::SystemTime {
    let millis = u64::try_from(at.millis()).unwrap_or(0);
    std::time::UNIX_EPOCH + Duration::from_millis(millis)
}

const PAUSE: Duration = Duration::from_secs(1);
const SMTP_TIMEOUT: Duration = Duration::from_secs(30);

/// Mails claimed at once; with the timeout, a batch ends within its lease.
const BATCH: usize = 8;
const LEASE: Duration = Duration::from_mins(5);

/// The last of them about half a day after the first.
const MOST_TRIES: u32 = 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use crate::model::account::Email;
    use crate::model::audit::{Actor, AuditEvent, AuditResult};
    use crate::model::mail::Mail;
    use crate::store::memory::MemoryStore;
    use crate::store::{Action, Journal};

    fn config(transport: MailTransport) -> section::Mail {
        section::Mail {
            language: crate::model::language::Language::English,
            transport,
            from: "The door <door@id.example>".into(),
            from_address: Email::parse("door@id.example").unwrap(),
            authorities: None,
        }
    }

    async fn outbox(mail: Mail, at: Timestamp) -> SharedStore {
        let store = MemoryStore::new();
        let event = AuditEvent {
            event: "test",
            result: AuditResult::Success,
            reason: None,
            user: None,
            object: None,
        };
        let action = Action::new(at, Actor::System, None).with_mail(mail);
        store.record(&event, &action).await.unwrap();
        Arc::new(store)
    }

    fn mail(subject: &str) -> Mail {
        Mail {
            to: Email::parse("jo@example.org").unwrap(),
            subject: subject.into(),
            text: "Grüße\n".into(),
            html: "<p>Grüße</p>".into(),
        }
    }

    #[tokio::test]
    async fn a_mail_becomes_one_whole_file_and_leaves_the_outbox() {
        let directory = tempfile::tempdir().unwrap();
        let at = Timestamp::from_seconds(1_700_000_000);
        let clock = Arc::new(ManualClock::at(at));
        let store = outbox(mail("Hello\r\nBcc: all@example.org"), at).await;
        let inner = directory.path().join("mail");
        let postman = Postman::new(&config(MailTransport::File(inner.clone())), store, clock);
        let postman = postman.unwrap();
        assert_eq!(postman.send_due().await.unwrap(), 1);
        assert_eq!(postman.send_due().await.unwrap(), 0);
        let names: Vec<_> = std::fs::read_dir(&inner)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        assert_eq!(names, [inner.join("1700000000000-1.eml")]);
        let text = std::fs::read_to_string(&names[0]).unwrap();
        let (head, _) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains("To: jo@example.org\r\n"), "{head}");
        assert!(head.contains("door@id.example"), "{head}");
        assert!(!head.lines().any(|line| line.starts_with("Bcc")), "{head}");
    }

    #[tokio::test]
    async fn what_cannot_be_sent_is_tried_again_later_and_given_up_in_the_end() {
        let at = Timestamp::from_seconds(1_700_000_000);
        let clock = Arc::new(ManualClock::at(at));
        let store = outbox(mail("Hello"), at).await;
        let file_in_the_way = tempfile::NamedTempFile::new().unwrap();
        let nowhere = MailTransport::File(file_in_the_way.path().join("mail"));
        let shared: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let postman = Postman::new(&config(nowhere), store, shared).unwrap();
        for tries in 0..MOST_TRIES {
            assert_eq!(postman.send_due().await.unwrap(), 1, "try {tries}");
            assert_eq!(
                postman.send_due().await.unwrap(),
                0,
                "right after try {tries}"
            );
            clock.advance(backoff(tries));
        }
        clock.advance(Duration::from_hours(24));
        assert_eq!(postman.send_due().await.unwrap(), 0);
    }

    #[test]
    fn a_password_is_not_sent_in_the_clear_to_another_machine() {
        for url in [
            "smtp://mail.example",
            "smtp://user:secret@mail.example:2525",
            "smtps://user:secret@mail.example",
            "smtp://localhost:2525",
            "smtp://[::1]:25",
        ] {
            assert!(smtp(url, None).is_ok(), "{url}");
        }
        let strict = format!(
            "{:?}",
            smtp("smtp://user:secret@mail.example", None).unwrap()
        );
        assert!(
            strict.contains("Required") && !strict.contains("secret"),
            "{strict}"
        );
    }
}
