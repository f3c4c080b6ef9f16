//! The keys in memory: private ones parsed once, public ones ready to verify and to be published as `/jwks` (RFC 7517 section 5).
//!
//! Reading takes a lock for as long as a pointer is copied. The ring changes nothing in the database; `rotation` does.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use serde_json::json;

use super::Vault;
use crate::base::{Fault, Timestamp, base64url, sha256};
use crate::jose::{Alg, PublicJwk, SigningKey, VerifyingKey};
use crate::store::Db;
use crate::store::keys::{self, State, StoredKey};

/// The keys of one process; clones see the same ones.
#[derive(Clone)]
pub struct Ring {
    current: Arc<RwLock<Arc<Keys>>>,
    /// One refresh at a time, or an older reading might replace a newer one.
    refreshing: Arc<tokio::sync::Mutex<()>>,
}

/// What `/jwks` answers, with its entity tag.
#[derive(Debug)]
pub struct Published {
    pub body: Vec<u8>,
    pub etag: String,
}

struct Keys {
    signing: Vec<Arc<SigningKey>>,
    verifying: HashMap<String, Arc<VerifyingKey>>,
    published: Arc<Published>,
    read_at: Timestamp,
}

impl Ring {
    /// Reads the keys.
    ///
    /// # Errors
    /// Storage failed, or a key does not open under the master keys: then nobody may go on.
    pub async fn load(db: &Db, vault: &Vault, now: Timestamp) -> Result<Self, Fault> {
        let keys = Keys::read(db, vault, &[], now).await?;
        Ok(Self { current: Arc::new(RwLock::new(Arc::new(keys))), refreshing: Arc::default() })
    }

    /// Reads the keys again. The old ones serve until that is done, and go on serving if it fails.
    ///
    /// # Errors
    /// Storage failed, or a key does not open.
    pub async fn refresh(&self, db: &Db, vault: &Vault, now: Timestamp) -> Result<(), Fault> {
        let _one = self.refreshing.lock().await;
        let keys = Keys::read(db, vault, &self.keys().signing, now).await?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        Ok(())
    }

    /// The key that signs with this algorithm.
    ///
    /// # Errors
    /// There is none.
    pub fn signing(&self, alg: Alg) -> Result<Arc<SigningKey>, Fault> {
        let found = self.keys().signing.iter().find(|key| key.public_jwk().alg == alg).map(Arc::clone);
        found.ok_or_else(|| Fault::new("keys: signing", format!("there is no active key for {alg}")))
    }

    /// The published key with this id, as far as this process knows.
    pub fn verifying(&self, kid: &str) -> Option<Arc<VerifyingKey>> {
        self.keys().verifying.get(kid).map(Arc::clone)
    }

    /// The published key with this id. An unknown one is looked for in the database before it is refused (decision 27), once a
    /// second at most, so that strangers with invented ids cost nothing.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn find(&self, db: &Db, vault: &Vault, kid: &str, now: Timestamp) -> Result<Option<Arc<VerifyingKey>>, Fault> {
        let known = self.verifying(kid);
        if known.is_some() || now <= self.keys().read_at {
            return Ok(known);
        }
        let _one = self.refreshing.lock().await;
        // Whoever waited for another's reading has it now.
        if now > self.keys().read_at {
            let keys = Keys::read(db, vault, &self.keys().signing, now).await?;
            *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        }
        Ok(self.verifying(kid))
    }

    /// The published keys.
    pub fn jwks_json(&self) -> Arc<Published> {
        Arc::clone(&self.keys().published)
    }

    /// The algorithms that can be signed with now.
    pub fn algs(&self) -> Vec<Alg> {
        self.keys().signing.iter().map(|key| key.public_jwk().alg).collect()
    }

    fn keys(&self) -> Arc<Keys> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Keys {
    async fn read(db: &Db, vault: &Vault, parsed: &[Arc<SigningKey>], now: Timestamp) -> Result<Self, Fault> {
        let mut stored = keys::live(&mut db.conn()).await?;
        // What signs comes first, and the default of OpenID Connect before the others.
        stored.sort_by_key(|key| (key.state, Alg::ASYMMETRIC.iter().position(|alg| *alg == key.alg)));
        let mut signing = Vec::new();
        let mut verifying = HashMap::new();
        for key in &stored {
            let public = key.public_jwk.verifying().ok_or_else(|| Fault::corrupt("signing_keys", "public_jwk"))?;
            verifying.insert(key.kid.clone(), Arc::new(public));
            match key.state {
                State::Active => signing.push(active(vault, key, parsed)?),
                // Opened only to know today, and not on the day of rotation, that it can be.
                State::Next => drop(open(vault, key)?),
                State::Retiring | State::Gone => {}
            }
        }
        let public: Vec<&PublicJwk> = stored.iter().map(|key| &key.public_jwk).collect();
        let body = serde_json::to_vec(&json!({ "keys": public })).map_err(Fault::at("keys: jwks"))?;
        let etag = format!("\"{}\"", base64url(&sha256(&body)));
        Ok(Self { signing, verifying, published: Arc::new(Published { body, etag }), read_at: now })
    }
}

fn active(vault: &Vault, key: &StoredKey, parsed: &[Arc<SigningKey>]) -> Result<Arc<SigningKey>, Fault> {
    if let Some(known) = parsed.iter().find(|known| known.kid() == key.kid) {
        return Ok(Arc::clone(known));
    }
    let signing = SigningKey::from_pkcs8(key.alg, &open(vault, key)?)?;
    // A public half that is not this key's would make every token unverifiable.
    if *signing.public_jwk() != key.public_jwk || signing.kid() != key.kid {
        return Err(Fault::corrupt("signing_keys", "public_jwk"));
    }
    Ok(Arc::new(signing))
}

/// The private half of a stored key.
pub(super) fn open(vault: &Vault, key: &StoredKey) -> Result<Vec<u8>, Fault> {
    vault.open("signing_keys", "sealed", key.id.as_str(), &key.sealed)
}
