//! Browsers from which a person has signed in: strangers' failures do not hold them up there (decision 28).

use super::{Tx, sql};
use crate::base::{Fault, Id, Timestamp};

/// Remembers that `user` signed in from this browser.
///
/// # Errors
/// Storage failed.
pub async fn record(tx: &mut Tx, user: &Id, browser_hash: &str, now: Timestamp) -> Result<(), Fault> {
    let statement = sql("INSERT INTO known_devices (user_id, browser_hash, first_seen_at, last_seen_at) VALUES ($1, $2, $3, $3)
         ON CONFLICT (user_id, browser_hash) DO UPDATE SET last_seen_at = excluded.last_seen_at")
    .bind(user)
    .bind(browser_hash)
    .bind(now);
    tx.execute(statement).await?;
    Ok(())
}

/// Forgets every browser of `user`.
///
/// # Errors
/// Storage failed.
pub async fn forget_for_user(tx: &mut Tx, user: &Id) -> Result<u64, Fault> {
    tx.execute(sql("DELETE FROM known_devices WHERE user_id = $1").bind(user)).await
}
