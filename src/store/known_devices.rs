//! Browsers from which a person has signed in: strangers' failures do not hold them up there (decision 28).

use super::{Conn, Row, Tx, sql};
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

/// Notes that a person proved a second factor in a browser.
///
/// # Errors
/// Storage failed.
pub async fn record_second(tx: &mut Tx, user: &Id, browser_hash: &str, now: Timestamp) -> Result<(), Fault> {
    let statement = sql("INSERT INTO known_devices (user_id, browser_hash, first_seen_at, last_seen_at, second_at)
         VALUES ($1, $2, $3, $3, $3) ON CONFLICT (user_id, browser_hash) DO UPDATE SET second_at = excluded.second_at")
    .bind(user)
    .bind(browser_hash)
    .bind(now);
    tx.execute(statement).await?;
    Ok(())
}

/// Whether a person has ever proved a second factor in a browser.
///
/// # Errors
/// Storage failed.
pub async fn has_proved_second(conn: &mut Conn, user: &Id, browser_hash: &str) -> Result<bool, Fault> {
    let statement = sql("SELECT 1 FROM known_devices WHERE user_id = $1 AND browser_hash = $2 AND second_at IS NOT NULL")
        .bind(user)
        .bind(browser_hash);
    Ok(conn.fetch(statement).await?.is_some())
}

/// How a browser stands to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Known,
    /// They have signed in elsewhere, and never here.
    New,
    /// They have not signed in anywhere yet.
    First,
}

/// # Errors
/// Storage failed.
pub async fn standing(conn: &mut Conn, user: &Id, browser_hash: &str) -> Result<Standing, Fault> {
    let statement = sql("SELECT CASE WHEN EXISTS (SELECT 1 FROM known_devices WHERE user_id = $1 AND browser_hash = $2) THEN 2
                WHEN EXISTS (SELECT 1 FROM known_devices WHERE user_id = $1) THEN 1 ELSE 0 END")
    .bind(user)
    .bind(browser_hash);
    let row = conn.fetch(statement).await?;
    Ok(match row.map(|row| row.columns("known_devices").int("standing")).transpose()? {
        Some(2) => Standing::Known,
        Some(1) => Standing::New,
        _ => Standing::First,
    })
}

/// When each browser of a person was first and last used to sign in, last used first.
///
/// # Errors
/// Storage failed.
pub async fn list_for_user(conn: &mut Conn, user: &Id, limit: i64) -> Result<Vec<(Timestamp, Timestamp)>, Fault> {
    let statement = sql("SELECT first_seen_at, last_seen_at FROM known_devices WHERE user_id = $1
         ORDER BY last_seen_at DESC, browser_hash LIMIT $2")
    .bind(user)
    .bind(limit);
    let read = |row: &Row| {
        let mut c = row.columns("known_devices");
        Ok((c.time("first_seen_at")?, c.time("last_seen_at")?))
    };
    conn.fetch_all(statement).await?.iter().map(read).collect()
}

/// Forgets every browser of `user`.
///
/// # Errors
/// Storage failed.
pub async fn forget_for_user(tx: &mut Tx, user: &Id) -> Result<u64, Fault> {
    tx.execute(sql("DELETE FROM known_devices WHERE user_id = $1").bind(user)).await
}

/// Forgets every browser of `user` but this one.
///
/// # Errors
/// Storage failed.
pub async fn forget_others(tx: &mut Tx, user: &Id, browser_hash: &str) -> Result<u64, Fault> {
    tx.execute(sql("DELETE FROM known_devices WHERE user_id = $1 AND browser_hash <> $2").bind(user).bind(browser_hash)).await
}
