//! The keys of clients that say where they are (`jwks_uri`, RFC 7591 section 2): fetched when first needed, kept for a while,
//! fetched again when a client signs with a key that is not among them.
//!
//! A client is fetched by one request at a time, and at most once a minute whatever strangers send in its name. Keys that
//! are there stay in use when a fetch fails; where there are none, nothing verifies.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::base::Timestamp;
use crate::jose::{Alg, JwkSet, VerifyingKey, members};
use crate::outbound::Outbound;

/// The most clients whose keys are kept; beyond it all are fetched again, as they come.
const KEPT: usize = 10_000;

/// Seconds after which keys are fetched again although they fit.
const OLD_SECONDS: i64 = 3600;

/// Seconds between two fetches for one client.
const PAUSE_SECONDS: i64 = 60;

/// How long a request waits for keys that are being fetched: a little longer than a fetch may take.
const PATIENCE: Duration = Duration::from_secs(6);

/// The keys of all clients that were seen.
#[derive(Default)]
pub struct ClientKeys(Mutex<HashMap<String, Arc<Slot>>>);

/// The keys of one client.
struct Slot {
    uri: String,
    state: Mutex<State>,
    /// Changes when a fetch is over.
    fetched: watch::Sender<()>,
}

#[derive(Default)]
struct State {
    keys: Option<Arc<JwkSet>>,
    fetched_at: Option<Timestamp>,
    tried_at: Option<Timestamp>,
    is_fetching: bool,
}

/// Whose key is wanted, and which.
pub struct Wanted<'a> {
    pub client_id: &'a str,
    pub uri: &'a str,
    pub kid: Option<&'a str>,
    pub alg: Alg,
}

/// Whether the keys that are there will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    Any,
    /// Those that are there have not verified: only what is fetched after that may.
    Newer,
}

impl ClientKeys {
    /// The keys that may have signed; none if there are none to be had.
    pub async fn find(&self, outbound: &Outbound, wanted: &Wanted<'_>, need: Need, now: Timestamp) -> Vec<VerifyingKey> {
        let slot = self.slot(wanted);
        let mut fetched = slot.fetched.subscribe();
        let found = slot.found(wanted);
        let is_good = !found.is_empty() && need == Need::Any;
        let is_old = slot.is_old(now);
        if is_good && !is_old {
            return found;
        }
        if slot.begin(now) {
            // On its own: who goes away while it runs stops it for nobody.
            tokio::spawn(fetch(outbound.clone(), Arc::clone(&slot), now));
        } else if is_good || !slot.state().is_fetching {
            return if need == Need::Any { found } else { Vec::new() };
        }
        let _ = tokio::time::timeout(PATIENCE, fetched.changed()).await;
        slot.found(wanted)
    }

    fn slot(&self, wanted: &Wanted<'_>) -> Arc<Slot> {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.get(wanted.client_id).filter(|slot| slot.uri == wanted.uri) {
            return Arc::clone(slot);
        }
        if slots.len() >= KEPT {
            slots.clear();
        }
        let slot = Arc::new(Slot { uri: wanted.uri.to_owned(), state: Mutex::default(), fetched: watch::Sender::new(()) });
        slots.insert(wanted.client_id.to_owned(), Arc::clone(&slot));
        slot
    }
}

impl Slot {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn found(&self, wanted: &Wanted<'_>) -> Vec<VerifyingKey> {
        let keys = self.state().keys.clone();
        keys.map(|keys| keys.find(wanted.kid, wanted.alg)).unwrap_or_default()
    }

    fn is_old(&self, now: Timestamp) -> bool {
        self.state().fetched_at.is_none_or(|at| now.since(at) >= OLD_SECONDS)
    }

    /// Whether this request is the one that fetches now.
    fn begin(&self, now: Timestamp) -> bool {
        let mut state = self.state();
        let is_due = !state.is_fetching && state.tried_at.is_none_or(|at| now.since(at) >= PAUSE_SECONDS);
        if is_due {
            state.is_fetching = true;
            state.tried_at = Some(now);
        }
        is_due
    }
}

async fn fetch(outbound: Outbound, slot: Arc<Slot>, now: Timestamp) {
    let keys = read(&outbound, &slot.uri).await;
    if let Err(why) = &keys {
        tracing::warn!(why, "the keys of a client could not be fetched");
    }
    let mut state = slot.state();
    state.is_fetching = false;
    if let Ok(keys) = keys {
        state.keys = Some(Arc::new(keys));
        state.fetched_at = Some(now);
    }
    drop(state);
    slot.fetched.send_replace(());
}

async fn read(outbound: &Outbound, uri: &str) -> Result<JwkSet, &'static str> {
    let answer = outbound.get(uri).await.map_err(|_| "no usable answer came")?;
    if answer.status() != 200 {
        return Err("the status is not 200");
    }
    let set = members(answer.body()).ok_or("the answer is no JSON object")?;
    JwkSet::parse_client(&serde_json::Value::Object(set))
}
