//! Signing keys: looking at the ring, turning it, taking a key out at once. `keys` writes the audit rows, in its own
//! transactions.

pub use crate::keys::rotation::{Haste, Retired, Turned};
pub use crate::store::keys::StoredKey;

use super::{Desk, Refusal};
use crate::base::Fault;
use crate::keys::Policy;
use crate::keys::rekey;
pub use crate::keys::rekey::Rekeyed;
use crate::keys::rotation::{self, Order};
use crate::store::{audit, keys};

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

/// Seals everything anew under the newest line of the master key file.
///
/// # Errors
/// A value does not open, or something broke. What was done before stays done; it may be run again.
pub async fn rekey(desk: &Desk) -> Result<Vec<Rekeyed>, Refusal> {
    let all = rekey::rekey(&desk.db, &desk.vault).await?;
    let (id, mut event) = desk.event("master_key_changed")?;
    event.detail =
        serde_json::Value::Object(all.iter().map(|one| (one.table.to_owned(), serde_json::Value::from(one.moved))).collect());
    desk.db.write(async move |tx| audit::write(tx, &id, &event).await).await?;
    Ok(all)
}

/// Takes a key out of the key set at once: nothing that it signed verifies any more.
///
/// # Errors
/// There is no such key, or something broke.
pub async fn retire(desk: &Desk, kid: &str) -> Result<Retired, Refusal> {
    let retired = rotation::retire(&desk.db, &desk.vault, &desk.clock, &desk.random, kid, &desk.actor).await?;
    retired.ok_or_else(|| Refusal::NotFound(format!("key {kid:?}")))
}
