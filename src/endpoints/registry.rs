//! Clients and resources in memory, read when first needed and forgotten when the store says that they changed.
//!
//! It never decides alone that something is unknown: a miss reads the row before anybody is refused (decision 27).

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::base::{Fault, Timestamp};
use crate::oauth::Client;
use crate::store::{Db, clients, registrations, resources};

/// The most clients and resources that are kept; beyond it all are read again, a few at a time.
const KEPT: usize = 10_000;

/// A client as it is registered, with its live secrets.
#[derive(Debug)]
pub struct Registered {
    pub client: Client,
    pub secrets: Vec<Secret>,
}

/// One of the secrets of a client; two may live at once.
#[derive(Debug)]
pub struct Secret {
    pub id: String,
    pub hash: String,
    /// The value itself, encrypted, for client_secret_jwt alone.
    pub sealed: Option<String>,
    pub expires_at: Option<Timestamp>,
}

/// What is registered, as far as this process has seen it.
#[derive(Default)]
pub struct Registry {
    seen: RwLock<Seen>,
}

#[derive(Default)]
struct Seen {
    clients: HashMap<String, Arc<Registered>>,
    resources: HashMap<String, ()>,
    /// The origins of an operator's clients, for preflights, which name no client (decision 22).
    origins: Option<Arc<Vec<String>>>,
    /// Counts what was forgotten, so that an answer read before a change is not kept after it.
    epoch: u64,
}

impl Registry {
    /// A client that exists and is not disabled.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn client(&self, db: &Db, client_id: &str) -> Result<Option<Arc<Registered>>, Fault> {
        if let Some(found) = self.read().clients.get(client_id) {
            return Ok(Some(Arc::clone(found)));
        }
        self.fresh_client(db, client_id).await
    }

    /// The same, read from the store whatever is remembered: before a secret is called wrong.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn fresh_client(&self, db: &Db, client_id: &str) -> Result<Option<Arc<Registered>>, Fault> {
        // Nobody has such an id, and a database may take no NUL in a text.
        if client_id.contains('\0') {
            return Ok(None);
        }
        let epoch = self.read().epoch;
        let mut conn = db.conn();
        let Some(client) = clients::find(&mut conn, client_id).await? else { return Ok(None) };
        if client.disabled {
            return Ok(None);
        }
        let secrets = clients::secrets(&mut conn, client_id).await?;
        let secrets = secrets
            .into_iter()
            .map(|s| Secret { id: s.id.as_str().to_owned(), hash: s.hash, sealed: s.sealed, expires_at: s.expires_at })
            .collect();
        let registered = Arc::new(Registered { client, secrets });
        let mut seen = self.write();
        if seen.epoch == epoch {
            if seen.clients.len() >= KEPT {
                seen.clients.clear();
            }
            seen.clients.insert(client_id.to_owned(), Arc::clone(&registered));
        }
        Ok(Some(registered))
    }

    /// Whether a resource of this URI is registered.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn resource(&self, db: &Db, uri: &str) -> Result<bool, Fault> {
        if self.read().resources.contains_key(uri) {
            return Ok(true);
        }
        let epoch = self.read().epoch;
        let found = resources::find(&mut db.conn(), uri).await?.is_some();
        if found {
            let mut seen = self.write();
            if seen.epoch == epoch && seen.resources.len() < KEPT {
                seen.resources.insert(uri.to_owned(), ());
            }
        }
        Ok(found)
    }

    /// Whether any client is registered for this web origin.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn knows_origin(&self, db: &Db, origin: &str) -> Result<bool, Fault> {
        let known = self.read().origins.clone();
        let origins = match known {
            Some(origins) => origins,
            None => {
                let epoch = self.read().epoch;
                let all = clients::of_operator(&mut db.conn()).await?;
                let origins: Arc<Vec<String>> = Arc::new(all.iter().flat_map(Client::cors_origins).collect());
                let mut seen = self.write();
                if seen.epoch == epoch {
                    seen.origins = Some(Arc::clone(&origins));
                }
                origins
            }
        };
        if origins.iter().any(|known| known == origin) {
            return Ok(true);
        }
        // Those that registered themselves may be very many, and are not all kept here.
        registrations::has_origin(&mut db.conn(), origin).await
    }

    /// Forgets one client: it just changed here.
    pub fn forget_client(&self, client_id: &str) {
        let mut seen = self.write();
        seen.clients.remove(client_id);
        seen.epoch += 1;
    }

    /// Forgets everything: the store changed.
    pub fn forget(&self) {
        let mut seen = self.write();
        *seen = Seen { epoch: seen.epoch + 1, ..Seen::default() };
    }

    fn read(&self) -> RwLockReadGuard<'_, Seen> {
        self.seen.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Seen> {
        self.seen.write().unwrap_or_else(PoisonError::into_inner)
    }
}
