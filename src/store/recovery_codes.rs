//! The tags of recovery codes; each is good once.

use super::{Conn, Tx, sql};
use crate::base::{Fault, Id, Timestamp};

/// The tag of one code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecoveryCode {
    pub id: Id,
    pub tag: String,
}

/// Puts these in the place of all that the person had.
///
/// # Errors
/// Storage failed.
pub async fn replace(tx: &mut Tx, user: &Id, codes: &[RecoveryCode], now: Timestamp) -> Result<(), Fault> {
    remove_for_user(tx, user).await?;
    for code in codes {
        let statement = sql("INSERT INTO recovery_codes (id, user_id, tag, created_at, used_at) VALUES ($1, $2, $3, $4, NULL)")
            .bind(&code.id)
            .bind(user)
            .bind(&code.tag)
            .bind(now);
        tx.execute(statement).await?;
    }
    Ok(())
}

/// Those of a person that were not used.
///
/// # Errors
/// Storage failed.
pub async fn unused(conn: &mut Conn, user: &Id) -> Result<Vec<RecoveryCode>, Fault> {
    let statement = sql("SELECT id, tag FROM recovery_codes WHERE user_id = $1 AND used_at IS NULL ORDER BY id").bind(user);
    let rows = conn.fetch_all(statement).await?;
    let read = |row: &super::Row| {
        let mut c = row.columns("recovery_codes");
        Ok(RecoveryCode { id: c.id("id")?, tag: c.text("tag")? })
    };
    rows.iter().map(read).collect()
}

/// When a person last used one.
///
/// # Errors
/// Storage failed.
pub async fn last_used_at(conn: &mut Conn, user: &Id) -> Result<Option<Timestamp>, Fault> {
    let statement = sql("SELECT MAX(used_at) AS used_at FROM recovery_codes WHERE user_id = $1").bind(user);
    let Some(row) = conn.fetch(statement).await? else { return Ok(None) };
    row.columns("recovery_codes").opt_time("used_at")
}

/// Whether a person has a code that is good still, in a transaction that depends on it.
///
/// # Errors
/// Storage failed.
pub async fn has_unused(tx: &mut Tx, user: &Id) -> Result<bool, Fault> {
    let statement = sql("SELECT 1 FROM recovery_codes WHERE user_id = $1 AND used_at IS NULL").bind(user);
    Ok(tx.fetch(statement).await?.is_some())
}

/// Uses a code up. True for exactly one caller.
///
/// # Errors
/// Storage failed.
pub async fn consume(tx: &mut Tx, id: &Id, user: &Id, now: Timestamp) -> Result<bool, Fault> {
    let statement = sql("UPDATE recovery_codes SET used_at = $3 WHERE id = $1 AND user_id = $2 AND used_at IS NULL")
        .bind(id)
        .bind(user)
        .bind(now);
    Ok(tx.execute(statement).await? > 0)
}

/// Removes those that were made at `since` or later.
///
/// # Errors
/// Storage failed.
pub async fn remove_since(tx: &mut Tx, user: &Id, since: Timestamp) -> Result<(), Fault> {
    tx.execute(sql("DELETE FROM recovery_codes WHERE user_id = $1 AND created_at >= $2").bind(user).bind(since)).await?;
    Ok(())
}

/// # Errors
/// Storage failed.
pub async fn remove_for_user(tx: &mut Tx, user: &Id) -> Result<u64, Fault> {
    tx.execute(sql("DELETE FROM recovery_codes WHERE user_id = $1").bind(user)).await
}
