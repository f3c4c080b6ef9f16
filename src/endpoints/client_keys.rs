//! The keys of clients that say where they are (`jwks_uri`, RFC 7591 section 2): fetched when first needed, kept for a while,
//! fetched again when a client signs with a key that is not among them.
//!
//! A client is fetched by one request at a time, and at most once a minute whatever strangers send in its name. Keys that
//! are there stay in use when a fetch fails; where there are none, nothing verifies.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::header::CACHE_CONTROL;
use serde_json::{Map, Value};
use tokio::sync::watch;

use super::Provider;
use crate::base::Timestamp;
use crate::jose::{Alg, Expect, JwkSet, Recipient, Refused, VerifyingKey, members, peek_header, verify};
use crate::oauth::{Client, Encryption, Error, ErrorCode};
use crate::outbound::Outbound;

/// The most clients whose keys are kept; beyond it all are fetched again, as they come.
const KEPT: usize = 10_000;

/// Seconds after which keys are fetched again although they fit, unless the client says less.
const OLD_SECONDS: i64 = 3600;

/// Seconds after which keys are worth nothing any more, however often a fetch failed since.
const DEAD_SECONDS: i64 = 86_400;

/// Seconds between two fetches for one client.
const PAUSE_SECONDS: i64 = 60;

/// How long a request waits for keys that are being fetched: a little longer than a fetch may take.
const PATIENCE: Duration = Duration::from_secs(6);

/// How many request objects are fetched at a time: for one client, and for all.
const FETCHES_OF_ONE: usize = 8;
const FETCHES_OF_ALL: usize = 64;

/// The keys of all clients that were seen, and for which of them something is being fetched.
#[derive(Default)]
pub struct ClientKeys {
    slots: Mutex<HashMap<String, Arc<Slot>>>,
    fetching: Arc<Mutex<HashMap<String, usize>>>,
}

/// One fetch under way; its place is free again when this is dropped.
pub(super) struct Place {
    client_id: String,
    fetching: Arc<Mutex<HashMap<String, usize>>>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut fetching = self.fetching.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = fetching.get_mut(&self.client_id) {
            *own -= 1;
            if *own == 0 {
                fetching.remove(&self.client_id);
            }
        }
    }
}

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
    /// How long the client wants them to be kept (Core section 10.2.1), within the bounds of this house.
    fresh_seconds: i64,
    tried_at: Option<Timestamp>,
    is_fetching: bool,
}

/// The claims of a JWT that a key of the client itself signed and that is what was expected; with `alg`, signed by that one alone.
///
/// # Errors
/// It is not, or no key of the client fits it.
pub(super) async fn verified(
    provider: &Provider,
    client: &Client,
    token: &str,
    alg: Option<&str>,
    expect: &Expect<'_>,
) -> Result<Map<String, Value>, Refused> {
    let header = peek_header(token).ok_or(Refused::Form)?;
    let used = Alg::parse(&header.alg).filter(|used| *used != Alg::HS256 && alg.is_none_or(|alg| alg == used.as_str()));
    let used = used.ok_or(Refused::Algorithm)?;
    let of = |set: &JwkSet| set.find(header.kid.as_deref(), used);
    let by = |keys: Vec<VerifyingKey>| {
        let mut refused = Refused::Algorithm;
        for key in &keys {
            match verify(token, key, expect) {
                Ok(claims) => return Ok(claims),
                Err(why) => refused = why,
            }
        }
        Err(refused)
    };
    let Some(uri) = &client.more.jwks_uri else {
        let set = client.jwks.as_ref().and_then(|jwks| JwkSet::parse_client(jwks).ok());
        return by(set.map(|set| of(&set)).unwrap_or_default());
    };
    let source = Source { outbound: &provider.outbound, client_id: &client.client_id, uri };
    let first = by(provider.client_keys.find(&source, of, Need::Any, expect.now).await);
    // Without a kid nothing says that the key is a new one, but that it does not verify.
    match (first, &header.kid) {
        (Err(why), None) => by(provider.client_keys.find(&source, of, Need::Newer, expect.now).await).or(Err(why)),
        (first, _) => first,
    }
}

/// The key of the client that its tokens are encrypted to; none for a client that did not ask for encryption.
///
/// # Errors
/// `unauthorized_client`: it asked, and has no key for it; `temporarily_unavailable`: its keys could not be fetched. Nothing is
/// ever sent in the clear instead.
pub(super) async fn recipient(
    provider: &Provider,
    client: &Client,
    encryption: Option<Encryption>,
    now: Timestamp,
) -> Result<Option<Recipient>, Error> {
    let Some(Encryption { alg, enc }) = encryption else { return Ok(None) };
    let of = |set: &JwkSet| set.recipient(alg.as_str(), enc.as_str()).into_iter().collect::<Vec<_>>();
    let found = match (&client.more.jwks_uri, &client.jwks) {
        (Some(uri), _) => {
            let source = Source { outbound: &provider.outbound, client_id: &client.client_id, uri };
            let found = provider.client_keys.find(&source, of, Need::Any, now).await;
            if found.is_empty() && !provider.client_keys.has_any(&source) {
                return Err(Error::new(ErrorCode::TemporarilyUnavailable, "the keys of this client could not be fetched"));
            }
            found
        }
        (None, Some(jwks)) => JwkSet::parse_client(jwks).map(|set| of(&set)).unwrap_or_default(),
        (None, None) => Vec::new(),
    };
    let none = Error::new(ErrorCode::UnauthorizedClient, "this client has no key that its tokens can be encrypted to");
    found.into_iter().next().map(Some).ok_or(none)
}

/// Whose keys are wanted, and where they are.
struct Source<'a> {
    outbound: &'a Outbound,
    client_id: &'a str,
    uri: &'a str,
}

/// Whether the keys that are there will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    Any,
    /// Those that are there have not verified: only what is fetched after that may.
    Newer,
}

impl ClientKeys {
    /// A place for one more fetch of a request object; none while a client that hangs, or many, have them all.
    pub(super) fn place(&self, client_id: &str) -> Option<Place> {
        let mut fetching = self.fetching.lock().unwrap_or_else(PoisonError::into_inner);
        let own = fetching.get(client_id).copied().unwrap_or_default();
        if own >= FETCHES_OF_ONE || fetching.values().sum::<usize>() >= FETCHES_OF_ALL {
            return None;
        }
        fetching.insert(client_id.to_owned(), own + 1);
        Some(Place { client_id: client_id.to_owned(), fetching: Arc::clone(&self.fetching) })
    }

    /// The keys that `pick` takes from the set; none if there are none to be had.
    async fn find<T>(&self, source: &Source<'_>, pick: impl Fn(&JwkSet) -> Vec<T>, need: Need, now: Timestamp) -> Vec<T> {
        let slot = self.slot(source);
        let mut fetched = slot.fetched.subscribe();
        slot.forget_the_dead(now);
        let found = slot.found(&pick);
        let is_good = !found.is_empty() && need == Need::Any;
        let is_old = slot.is_old(now);
        if is_good && !is_old {
            return found;
        }
        if slot.begin(now) {
            // On its own: who goes away while it runs stops it for nobody.
            tokio::spawn(fetch(source.outbound.clone(), Arc::clone(&slot), now));
        } else if is_good || !slot.state().is_fetching {
            return if need == Need::Any { found } else { Vec::new() };
        }
        let _ = tokio::time::timeout(PATIENCE, fetched.changed()).await;
        slot.found(&pick)
    }

    /// Whether a set of this client's is there at all.
    fn has_any(&self, source: &Source<'_>) -> bool {
        self.slot(source).state().keys.is_some()
    }

    fn slot(&self, source: &Source<'_>) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.get(source.client_id).filter(|slot| slot.uri == source.uri) {
            return Arc::clone(slot);
        }
        if slots.len() >= KEPT {
            slots.clear();
        }
        let slot = Arc::new(Slot { uri: source.uri.to_owned(), state: Mutex::default(), fetched: watch::Sender::new(()) });
        slots.insert(source.client_id.to_owned(), Arc::clone(&slot));
        slot
    }
}

impl Slot {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn found<T>(&self, pick: &impl Fn(&JwkSet) -> Vec<T>) -> Vec<T> {
        let keys = self.state().keys.clone();
        keys.map(|keys| pick(&keys)).unwrap_or_default()
    }

    fn is_old(&self, now: Timestamp) -> bool {
        let state = self.state();
        state.fetched_at.is_none_or(|at| now.since(at) >= state.fresh_seconds)
    }

    fn forget_the_dead(&self, now: Timestamp) {
        let mut state = self.state();
        if state.fetched_at.is_some_and(|at| now.since(at) >= DEAD_SECONDS) {
            state.keys = None;
        }
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
    if let Ok((keys, fresh_seconds)) = keys {
        state.keys = Some(Arc::new(keys));
        state.fetched_at = Some(now);
        state.fresh_seconds = fresh_seconds;
    }
    drop(state);
    slot.fetched.send_replace(());
}

async fn read(outbound: &Outbound, uri: &str) -> Result<(JwkSet, i64), &'static str> {
    let answer = outbound.get(uri).await.map_err(|_| "no usable answer came")?;
    if answer.status() != 200 {
        return Err("the status is not 200");
    }
    let cache = answer.headers().get(CACHE_CONTROL).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let fresh_seconds = fresh_seconds(cache);
    let set = members(answer.body()).ok_or("the answer is no JSON object")?;
    Ok((JwkSet::parse_fetched(&Value::Object(set))?, fresh_seconds))
}

/// `max-age` (RFC 9111 section 5.2.2.1), never less than the pause between two fetches and never more than an hour.
fn fresh_seconds(cache_control: &str) -> i64 {
    let words = cache_control.split(',').map(|word| word.trim().to_ascii_lowercase());
    let age = |word: String| match word.as_str() {
        "no-cache" | "no-store" => Some(0),
        word => word.strip_prefix("max-age=")?.trim_matches('"').parse::<i64>().ok(),
    };
    words.filter_map(age).min().unwrap_or(OLD_SECONDS).clamp(PAUSE_SECONDS, OLD_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a client says of its keys, within the bounds.
    #[test]
    fn how_long_keys_are_kept() {
        for (said, kept) in [
            ("", 3600),
            ("public", 3600),
            ("max-age=600", 600),
            ("public, Max-Age=\"120\"", 120),
            ("max-age=5", 60),
            ("max-age=-1", 60),
            ("no-store", 60),
            ("max-age=600, no-cache", 60),
            ("max-age=86400", 3600),
            ("max-age=soon", 3600),
        ] {
            assert_eq!(fresh_seconds(said), kept, "{said}");
        }
    }
}
