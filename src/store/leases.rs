//! Work that one process at a time may do: a row with an end does the locking.

use super::{Tx, sql};
use crate::base::{Fault, Timestamp};

/// Takes or renews a lease; false while somebody else holds it.
///
/// # Errors
/// Storage failed.
pub async fn take(tx: &mut Tx, name: &str, holder: &str, until: Timestamp, now: Timestamp) -> Result<bool, Fault> {
    let statement = sql("INSERT INTO leases (name, holder, expires_at) VALUES ($1, $2, $3)
         ON CONFLICT (name) DO UPDATE SET holder = $2, expires_at = $3
         WHERE leases.holder = $2 OR leases.expires_at <= $4")
    .bind(name)
    .bind(holder)
    .bind(until)
    .bind(now);
    Ok(tx.execute(statement).await? > 0)
}
