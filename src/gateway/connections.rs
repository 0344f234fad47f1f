//! Connections that outlive their request: what speaks another protocol after 101, and event streams.
//!
//! A request is decided once, but these go on for hours. Each is held here by the credential that let it in; when the
//! verifier forgets something about whom that stands for, it is asked again, and if the answer is nobody, the connection
//! is cut. A refresh does not cut: the token before it is still good when it is asked about. Source: contract section 7
//! (within 5 s).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Notify, watch};
use tokio::time::MissedTickBehavior;

use crate::auth::{Forgotten, Verifier};
use crate::clock::Clock;
use crate::model::change::Subject;
use crate::model::credential::Credential;
use crate::model::principal::{Identity, Principal};
use crate::model::time::Now;

/// The connections that are held.
#[derive(Debug)]
pub struct Connections {
    verifier: Arc<Verifier>,
    held: Mutex<Registry>,
}

/// A connection that is held until this is dropped.
#[derive(Debug)]
#[must_use = "a connection is held only as long as this lives"]
pub struct Held {
    connections: Arc<Connections>,
    number: u64,
}

#[derive(Debug, Default)]
struct Registry {
    next: u64,
    entries: HashMap<u64, Entry>,
}

#[derive(Debug)]
struct Entry {
    credential: Credential,
    principal: Arc<Principal>,
    cut: Arc<Notify>,
    is_doubtful: bool,
}

impl Connections {
    /// Holds nothing yet.
    #[must_use]
    pub fn new(verifier: Arc<Verifier>) -> Self {
        Self {
            verifier,
            held: Mutex::default(),
        }
    }

    /// Holds a connection of whoever was let in by a credential; `cut` is notified when it has to end.
    pub fn hold(
        self: &Arc<Self>,
        identity: &Identity,
        credential: &Credential,
        cut: Arc<Notify>,
    ) -> Held {
        let mut held = self.held.lock();
        let number = held.next;
        held.next += 1;
        let entry = Entry {
            credential: credential.clone(),
            principal: Arc::clone(&identity.principal),
            cut,
            // What was forgotten between the decision and this was not heard.
            is_doubtful: true,
        };
        held.entries.insert(number, entry);
        Held {
            connections: Arc::clone(self),
            number,
        }
    }

    /// Listens to what is forgotten and cuts what has to end, until `shutdown` is true.
    pub async fn run(&self, clock: &dyn Clock, mut shutdown: watch::Receiver<bool>) {
        let mut forgotten = self.verifier.forgotten();
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = async { let _ = shutdown.wait_for(|down| *down).await; } => return,
                heard = forgotten.recv() => match heard {
                    Ok(heard) => self.doubt(&heard),
                    Err(RecvError::Lagged(_)) => self.doubt(&Forgotten::Everything),
                    Err(RecvError::Closed) => return,
                },
                _ = look.tick() => self.check(clock.now()).await,
            }
        }
    }

    /// Marks the connections that something forgotten concerns.
    fn doubt(&self, forgotten: &Forgotten) {
        for entry in self.held.lock().entries.values_mut() {
            entry.is_doubtful |= match forgotten {
                Forgotten::Everything => true,
                Forgotten::Subject(subject) => concerns(subject, &entry.principal),
            };
        }
    }

    /// Asks about every connection in doubt. While the store cannot answer, the doubt stays.
    async fn check(&self, now: Now) {
        let doubtful: Vec<(u64, Credential)> = self
            .held
            .lock()
            .entries
            .iter()
            .filter(|(_, entry)| entry.is_doubtful || !entry.principal.is_active(now.wall))
            .map(|(number, entry)| (*number, entry.credential.clone()))
            .collect();
        for (number, credential) in doubtful {
            // Cleared before the question, so that what is forgotten while it is answered is asked about again.
            self.set_doubtful(number, false);
            match self.verifier.introspect(&credential, now).await {
                Ok(answer) if answer.principal.is_some() => {}
                Ok(_) => self.cut(number),
                Err(_) => self.set_doubtful(number, true),
            }
        }
    }

    fn set_doubtful(&self, number: u64, is_doubtful: bool) {
        if let Some(entry) = self.held.lock().entries.get_mut(&number) {
            entry.is_doubtful = is_doubtful;
        }
    }

    fn cut(&self, number: u64) {
        if let Some(entry) = self.held.lock().entries.get(&number) {
            entry.cut.notify_one();
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.connections.held.lock().entries.remove(&self.number);
    }
}

fn concerns(subject: &Subject, principal: &Principal) -> bool {
    match subject {
        Subject::Account(id) => principal.account.id == *id,
        Subject::Session(id) => principal.session == *id,
        Subject::Client(id) => principal.client.as_ref() == Some(id),
        Subject::SigningKeys => false,
    }
}

/// How often connections in doubt are asked about.
const LOOK: Duration = Duration::from_millis(500);
