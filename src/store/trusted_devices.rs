//! Browsers in which a person is not asked for the second factor for a while.

use super::{Conn, Row, Tx, sql};
use crate::base::{Fault, Id, Timestamp};

/// One browser of one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedDevice {
    pub id: Id,
    pub user_agent: String,
    pub created_at: Timestamp,
    pub last_used_at: Timestamp,
    pub expires_at: Timestamp,
}

/// By what a browser is known: the hash of the token that makes it remembered, and the hash of what tells browsers apart.
pub struct Marks<'a> {
    pub token_hash: &'a str,
    pub browser_hash: &'a str,
}

/// Remembers a browser.
///
/// # Errors
/// Storage failed.
pub async fn insert(tx: &mut Tx, user: &Id, device: &TrustedDevice, marks: &Marks<'_>) -> Result<(), Fault> {
    let statement = sql(
        "INSERT INTO trusted_devices (id, user_id, token_hash, browser_hash, user_agent, created_at, last_used_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(&device.id)
    .bind(user)
    .bind(marks.token_hash)
    .bind(marks.browser_hash)
    .bind(&device.user_agent)
    .bind(device.created_at)
    .bind(device.last_used_at)
    .bind(device.expires_at);
    tx.execute(statement).await?;
    Ok(())
}

/// The browser with this token, if it is remembered for this very person.
///
/// # Errors
/// Storage failed.
pub async fn find(conn: &mut Conn, user: &Id, token_hash: &str, now: Timestamp) -> Result<Option<Id>, Fault> {
    let statement = sql("SELECT id FROM trusted_devices WHERE user_id = $1 AND token_hash = $2 AND expires_at > $3")
        .bind(user)
        .bind(token_hash)
        .bind(now);
    conn.fetch(statement).await?.map(|row| row.columns("trusted_devices").id("id")).transpose()
}

/// Notes that it was used; false if it was forgotten in the meantime.
///
/// # Errors
/// Storage failed.
pub async fn touch(tx: &mut Tx, id: &Id, now: Timestamp) -> Result<bool, Fault> {
    let statement = sql("UPDATE trusted_devices SET last_used_at = $2 WHERE id = $1 AND expires_at > $2").bind(id).bind(now);
    Ok(tx.execute(statement).await? > 0)
}

/// Those of a person, last used first.
///
/// # Errors
/// Storage failed.
pub async fn list_for_user(conn: &mut Conn, user: &Id, now: Timestamp) -> Result<Vec<TrustedDevice>, Fault> {
    let statement = sql("SELECT id, user_agent, created_at, last_used_at, expires_at FROM trusted_devices
         WHERE user_id = $1 AND expires_at > $2 ORDER BY last_used_at DESC, id")
    .bind(user)
    .bind(now);
    let read = |row: &Row| {
        let mut c = row.columns("trusted_devices");
        Ok(TrustedDevice {
            id: c.id("id")?,
            user_agent: c.text("user_agent")?,
            created_at: c.time("created_at")?,
            last_used_at: c.time("last_used_at")?,
            expires_at: c.time("expires_at")?,
        })
    };
    conn.fetch_all(statement).await?.iter().map(read).collect()
}

/// Forgets one; the sessions that began by it are trusted no more. False if there is none of this person's.
///
/// # Errors
/// Storage failed.
pub async fn remove(tx: &mut Tx, id: &Id, user: &Id) -> Result<bool, Fault> {
    let trust = sql("UPDATE sessions SET device_trusted = FALSE WHERE user_id = $2 AND device_trusted AND EXISTS
         (SELECT 1 FROM trusted_devices d WHERE d.id = $1 AND d.user_id = $2
            AND (d.browser_hash IS NULL OR d.browser_hash = sessions.browser_hash))")
    .bind(id)
    .bind(user);
    tx.execute(trust).await?;
    Ok(tx.execute(sql("DELETE FROM trusted_devices WHERE id = $1 AND user_id = $2").bind(id).bind(user)).await? > 0)
}

/// Forgets every browser of a person, and takes the trust from what began by them.
///
/// # Errors
/// Storage failed.
pub async fn forget_for_user(tx: &mut Tx, user: &Id) -> Result<u64, Fault> {
    tx.execute(sql("UPDATE sessions SET device_trusted = FALSE WHERE user_id = $1 AND device_trusted").bind(user)).await?;
    tx.execute(sql("DELETE FROM trusted_devices WHERE user_id = $1").bind(user)).await
}

/// Removes what expired before `before`.
///
/// # Errors
/// Storage failed.
pub async fn sweep(tx: &mut Tx, before: Timestamp) -> Result<u64, Fault> {
    tx.execute(sql("DELETE FROM trusted_devices WHERE expires_at < $1").bind(before)).await
}
