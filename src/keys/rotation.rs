//! How keys come, sign and go. A key is next (published), then active, then retiring, then gone.
//!
//! A next key becomes active once it has been published long enough; nothing else needs to be remembered, so the timer and an
//! operator's wish to rotate end in the same row. Every node runs this: conditional statements and unique indexes decide.
//! Private keys are made off the async threads, and outside every transaction.

use serde_json::json;

use super::{Policy, Vault, ring};
use crate::base::{Clock, Fault, Id, Random, Timestamp};
use crate::jose::{Alg, SigningKey};
use crate::store::audit::{self, AuditEvent};
use crate::store::changes::{self, Topic};
use crate::store::keys::{self, State, StoredKey};
use crate::store::{Db, Tx};

/// Who acts when nobody asked, for the audit log.
const HOUSE: &str = "house";

/// What an operator wants to be rotated.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// One algorithm, or all.
    pub alg: Option<Alg>,
    pub haste: Haste,
    /// Who wants it, for the audit log.
    pub actor: &'a str,
}

/// When a next key may sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Haste {
    /// Once everybody has had the time to fetch it.
    WhenPublished,
    /// Now: relying parties that keep `/jwks` fail until they fetch it again.
    Forced,
}

/// A key that signs, or will.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turned {
    pub alg: Alg,
    pub kid: String,
    /// Not in the future if it signs already.
    pub active_at: Timestamp,
}

/// A key that was taken out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retired {
    pub alg: Alg,
    /// The key that signs in its place, if it was the active one.
    pub replacement: Option<String>,
}

/// Makes the first key of each algorithm that has none; it signs at once, since nobody knows an older one. True if it made any.
///
/// # Errors
/// Storage or chance failed, or a stored key does not open under the master keys: then nothing is made.
pub async fn ensure(db: &Db, vault: &Vault, clock: &Clock, random: &Random, policy: &Policy) -> Result<bool, Fault> {
    Hand { db, vault, clock, random, actor: HOUSE }.ensure(&policy.algs).await
}

/// Does what is due. True if anything changed.
///
/// # Errors
/// Storage, chance or the vault failed; what was done stays done.
pub async fn step(db: &Db, vault: &Vault, clock: &Clock, random: &Random, policy: &Policy) -> Result<bool, Fault> {
    let hand = Hand { db, vault, clock, random, actor: HOUSE };
    let mut changed = hand.ensure(&policy.algs).await?;
    let now = clock.now();
    for key in keys::live(&mut db.conn()).await? {
        if key.state == State::Active && policy.algs.contains(&key.alg) {
            changed |= hand.turn(&key, policy, now).await?;
        }
    }
    Ok(hand.forget_retired(now.plus(-policy.retire_seconds)).await? || changed)
}

/// Publishes a next key for each algorithm, and lets it sign when it may.
///
/// # Errors
/// Storage, chance or the vault failed, or there is no key for the wanted algorithm.
pub async fn rotate_now(
    db: &Db,
    vault: &Vault,
    clock: &Clock,
    random: &Random,
    policy: &Policy,
    order: Order<'_>,
) -> Result<Vec<Turned>, Fault> {
    let hand = Hand { db, vault, clock, random, actor: order.actor };
    let algs: Vec<Alg> = policy.algs.iter().copied().filter(|alg| order.alg.is_none_or(|wanted| wanted == *alg)).collect();
    if algs.is_empty() {
        return Err(Fault::new("keys: rotate", "there are no keys for that algorithm in the settings"));
    }
    hand.ensure(&algs).await?;
    let mut turned = Vec::new();
    for alg in algs {
        let active = hand.find(alg, State::Active).await?.ok_or_else(conflict)?;
        let next = hand.next(alg).await?;
        let now = clock.now();
        let due = next.published_at.plus(policy.publish_seconds);
        let forced = order.haste == Haste::Forced;
        let activated =
            (forced || now >= due) && hand.activate(&active, &next, if forced { now } else { published_by(policy, now) }).await?;
        turned.push(Turned { alg, kid: next.kid, active_at: if activated { now } else { due } });
    }
    Ok(turned)
}

/// Takes a key out at once: nothing that it signed is verified any more. An active one is replaced first. `None` if there is no
/// such key or it is gone already.
///
/// # Errors
/// Storage, chance or the vault failed.
pub async fn retire(
    db: &Db,
    vault: &Vault,
    clock: &Clock,
    random: &Random,
    kid: &str,
    actor: &str,
) -> Result<Option<Retired>, Fault> {
    let hand = Hand { db, vault, clock, random, actor };
    let Some(key) = keys::live(&mut db.conn()).await?.into_iter().find(|key| key.kid == kid) else { return Ok(None) };
    let mut replacement = None;
    if key.state == State::Active {
        let next = hand.next(key.alg).await?;
        if !hand.activate(&key, &next, clock.now()).await? {
            return Err(conflict());
        }
        replacement = Some(next.kid);
    }
    hand.forget(&key).await?;
    Ok(Some(Retired { alg: key.alg, replacement }))
}

fn conflict() -> Fault {
    Fault::new("keys: rotation", "another node changed the same key; try again")
}

const fn published_by(policy: &Policy, now: Timestamp) -> Timestamp {
    now.plus(-policy.publish_seconds)
}

/// Who acts, with what.
struct Hand<'a> {
    db: &'a Db,
    vault: &'a Vault,
    clock: &'a Clock,
    random: &'a Random,
    actor: &'a str,
}

impl Hand<'_> {
    async fn ensure(&self, algs: &[Alg]) -> Result<bool, Fault> {
        let live = keys::live(&mut self.db.conn()).await?;
        // With a wrong master key nothing is written: a second set of keys would hide the mistake.
        for key in live.iter().filter(|key| matches!(key.state, State::Active | State::Next)) {
            ring::open(self.vault, key)?;
        }
        let has_active = |alg: Alg| live.iter().any(|key| key.state == State::Active && key.alg == alg);
        // All at once: two RSA keys take a second each.
        let made: Vec<_> = algs.iter().filter(|alg| !has_active(**alg)).map(|alg| self.make(*alg)).collect();
        let mut changed = false;
        for making in made {
            changed |= self.insert(making.await.map_err(Fault::at("keys: make"))??, State::Active).await?;
        }
        Ok(changed)
    }

    /// What the timer does with an active key: publish a successor in time, and let it sign when it may.
    async fn turn(&self, active: &StoredKey, policy: &Policy, now: Timestamp) -> Result<bool, Fault> {
        let signed_for = now.since(active.activated_at.unwrap_or(active.created_at));
        match self.find(active.alg, State::Next).await? {
            Some(next) if next.published_at <= published_by(policy, now) => {
                self.activate(active, &next, published_by(policy, now)).await
            }
            None if signed_for >= policy.max_age_seconds.saturating_sub(policy.publish_seconds) => {
                self.next(active.alg).await.map(|_| true)
            }
            Some(_) | None => Ok(false),
        }
    }

    fn make(&self, alg: Alg) -> tokio::task::JoinHandle<Result<SigningKey, Fault>> {
        let random = self.random.clone();
        tokio::task::spawn_blocking(move || SigningKey::generate(alg, &random))
    }

    async fn find(&self, alg: Alg, state: State) -> Result<Option<StoredKey>, Fault> {
        let live = keys::live(&mut self.db.conn()).await?;
        Ok(live.into_iter().find(|key| key.alg == alg && key.state == state))
    }

    /// The next key of an algorithm, made if there is none; whichever node was first.
    async fn next(&self, alg: Alg) -> Result<StoredKey, Fault> {
        if let Some(next) = self.find(alg, State::Next).await? {
            return Ok(next);
        }
        let made = self.make(alg).await.map_err(Fault::at("keys: make"))??;
        self.insert(made, State::Next).await?;
        self.find(alg, State::Next).await?.ok_or_else(conflict)
    }

    async fn insert(&self, made: SigningKey, state: State) -> Result<bool, Fault> {
        let (id, now) = (Id::new(self.clock, self.random)?, self.clock.now());
        let public_jwk = made.public_jwk().clone();
        let key = StoredKey {
            kid: public_jwk.kid.clone(),
            alg: public_jwk.alg,
            state,
            public_jwk,
            sealed: self.vault.seal("signing_keys", "sealed", id.as_str(), made.pkcs8().expose())?,
            created_at: now,
            published_at: now,
            activated_at: (state == State::Active).then_some(now),
            retired_at: None,
            id,
        };
        let event = self.event("key_created", &key, state)?;
        self.db.write(async move |tx| if keys::insert(tx, &key).await? { told(tx, event).await } else { Ok(false) }).await
    }

    async fn activate(&self, active: &StoredKey, next: &StoredKey, published_by: Timestamp) -> Result<bool, Fault> {
        let now = self.clock.now();
        let event = self.event("key_activated", next, State::Active)?;
        let (old, new) = (active.kid.clone(), next.kid.clone());
        let act = async move |tx: &mut Tx| {
            if !keys::retire_active(tx, &old, &new, published_by, now).await? {
                return Ok(false);
            }
            if !keys::activate(tx, &new, now).await? {
                // Rolls back: an algorithm is never left without an active key.
                return Err(conflict());
            }
            told(tx, event).await
        };
        self.db.write(act).await
    }

    async fn forget(&self, key: &StoredKey) -> Result<(), Fault> {
        let (event, kid, now) = (self.event("key_retired", key, State::Gone)?, key.kid.clone(), self.clock.now());
        let act = async move |tx: &mut Tx| {
            if !keys::forget(tx, &kid, now).await? {
                return Err(conflict());
            }
            told(tx, event).await
        };
        self.db.write(act).await.map(drop)
    }

    async fn forget_retired(&self, before: Timestamp) -> Result<bool, Fault> {
        let due = |key: &StoredKey| key.state == State::Retiring && key.retired_at.is_none_or(|at| at <= before);
        let live = keys::live(&mut self.db.conn()).await?;
        let mut changed = false;
        for key in live.iter().filter(|key| due(key)) {
            let (event, kid, now) = (self.event("key_gone", key, State::Gone)?, key.kid.clone(), self.clock.now());
            let act = async move |tx: &mut Tx| if keys::forget(tx, &kid, now).await? { told(tx, event).await } else { Ok(false) };
            changed |= self.db.write(act).await?;
        }
        Ok(changed)
    }

    fn event(&self, kind: &str, key: &StoredKey, state: State) -> Result<(Id, AuditEvent), Fault> {
        let event = AuditEvent {
            at: self.clock.now(),
            kind: kind.to_owned(),
            actor: self.actor.to_owned(),
            user_id: None,
            client_id: None,
            address: None,
            detail: json!({"kid": key.kid, "alg": key.alg, "state": state.as_str()}),
        };
        Ok((Id::new(self.clock, self.random)?, event))
    }
}

/// The rest of every change: its audit row, and the counter that other processes watch.
async fn told(tx: &mut Tx, (id, event): (Id, AuditEvent)) -> Result<bool, Fault> {
    audit::write(tx, &id, &event).await?;
    changes::raise(tx, Topic::Keys).await?;
    Ok(true)
}

#[cfg(test)]
#[path = "rotation_tests.rs"]
mod tests;
