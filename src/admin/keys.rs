//! Signing keys: looking at the ring, turning it, taking a key out at once. `keys` writes the audit rows, in its own
//! transactions.

pub use crate::keys::rotation::{Haste, Retired, Turned};
pub use crate::store::keys::StoredKey;

use super::{Desk, Refusal};
use crate::base::Fault;
use crate::keys::Policy;
use crate::keys::rotation::{self, Order};
use crate::store::keys;

/// Every key that is or was, oldest first; what is sealed stays sealed.
///
/// # Errors
/// Storage failed.
pub async fn list(desk: &Desk) -> Result<Vec<StoredKey>, Fault> {
    keys::list(&mut desk.db.conn()).await
}

/// Gives every algorithm a new key, announced first or in use at once.
///
/// # Errors
/// Storage or chance failed.
pub async fn rotate(desk: &Desk, policy: &Policy, haste: Haste) -> Result<Vec<Turned>, Refusal> {
    let order = Order { alg: None, haste, actor: &desk.actor };
    Ok(rotation::rotate_now(&desk.db, &desk.vault, &desk.clock, &desk.random, policy, order).await?)
}

/// Takes a key out of the key set at once: nothing that it signed verifies any more.
///
/// # Errors
/// There is no such key, or something broke.
pub async fn retire(desk: &Desk, kid: &str) -> Result<Retired, Refusal> {
    let retired = rotation::retire(&desk.db, &desk.vault, &desk.clock, &desk.random, kid, &desk.actor).await?;
    retired.ok_or_else(|| Refusal::NotFound(format!("key {kid:?}")))
}
