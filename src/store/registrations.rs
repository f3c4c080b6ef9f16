//! Clients that registered themselves: their tokens, their origins, whether they were ever used; and the tokens with which
//! somebody may register one.

use super::{Conn, Tx, sql};
use crate::base::{Fault, Id, Timestamp};

/// What only a client that registered itself has.
#[derive(Clone, Debug)]
pub struct Registration {
    /// The hash of its registration access token.
    pub token_hash: String,
    pub created_at: Timestamp,
    /// When somebody first allowed it something.
    pub used_at: Option<Timestamp>,
}

/// # Errors
/// Storage failed.
pub async fn find(conn: &mut Conn, client_id: &str) -> Result<Option<Registration>, Fault> {
    let statement = sql("SELECT token_hash, created_at, used_at FROM client_registrations WHERE client_id = $1").bind(client_id);
    let Some(row) = conn.fetch(statement).await? else { return Ok(None) };
    let mut c = row.columns("client_registrations");
    Ok(Some(Registration {
        token_hash: c.text("token_hash")?,
        created_at: c.time("created_at")?,
        used_at: c.opt_time("used_at")?,
    }))
}

/// # Errors
/// Storage failed.
pub async fn insert(tx: &mut Tx, client_id: &str, token_hash: &str, now: Timestamp) -> Result<(), Fault> {
    let statement = sql("INSERT INTO client_registrations (client_id, token_hash, created_at) VALUES ($1, $2, $3)")
        .bind(client_id)
        .bind(token_hash)
        .bind(now);
    tx.execute(statement).await?;
    Ok(())
}

/// Somebody allowed this client something, or it got a token for itself: it is not swept away any more.
///
/// # Errors
/// Storage failed.
pub async fn mark_used(tx: &mut Tx, client_id: &str, now: Timestamp) -> Result<(), Fault> {
    let statement = sql("UPDATE client_registrations SET used_at = $2 WHERE client_id = $1 AND used_at IS NULL");
    tx.execute(statement.bind(client_id).bind(now)).await?;
    Ok(())
}

/// Puts these in the place of the origins that a client had.
///
/// # Errors
/// Storage failed.
pub async fn set_origins(tx: &mut Tx, client_id: &str, origins: &[String]) -> Result<(), Fault> {
    tx.execute(sql("DELETE FROM client_origins WHERE client_id = $1").bind(client_id)).await?;
    for origin in origins {
        let statement = sql("INSERT INTO client_origins (origin, client_id) VALUES ($1, $2) ON CONFLICT DO NOTHING");
        tx.execute(statement.bind(origin).bind(client_id)).await?;
    }
    Ok(())
}

/// Whether a client that registered itself has this origin.
///
/// # Errors
/// Storage failed.
pub async fn has_origin(conn: &mut Conn, origin: &str) -> Result<bool, Fault> {
    Ok(conn.fetch(sql("SELECT client_id FROM client_origins WHERE origin = $1 LIMIT 1").bind(origin)).await?.is_some())
}

/// Clients that registered before `before` and were never used, the oldest first, at most `most`.
///
/// # Errors
/// Storage failed.
pub async fn unused(conn: &mut Conn, before: Timestamp, most: i64) -> Result<Vec<String>, Fault> {
    let statement = sql("SELECT client_id FROM client_registrations WHERE used_at IS NULL AND created_at < $1
         ORDER BY created_at LIMIT $2")
    .bind(before)
    .bind(most);
    conn.fetch_all(statement).await?.iter().map(|row| row.columns("client_registrations").text("client_id")).collect()
}

/// Removes a client for as long as nobody ever used it; false if somebody did by now. Nothing was ever granted to it, so
/// nothing else has to be looked for.
///
/// # Errors
/// Storage failed.
pub async fn remove_unused(tx: &mut Tx, client_id: &str) -> Result<bool, Fault> {
    let statement = sql("DELETE FROM clients WHERE client_id = $1
         AND EXISTS (SELECT 1 FROM client_registrations r WHERE r.client_id = $1 AND r.used_at IS NULL)")
    .bind(client_id);
    Ok(tx.execute(statement).await? > 0)
}

/// What an operator hands out.
#[derive(Clone, Debug)]
pub struct InitialToken {
    pub id: Id,
    pub hash: String,
    /// Nothing: it may be used until it expires.
    pub uses_left: Option<i64>,
    pub expires_at: Timestamp,
}

/// # Errors
/// Storage failed.
pub async fn insert_token(tx: &mut Tx, token: &InitialToken, now: Timestamp) -> Result<(), Fault> {
    let statement =
        sql("INSERT INTO registration_tokens (id, hash, uses_left, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)")
            .bind(&token.id)
            .bind(&token.hash)
            .bind(token.uses_left)
            .bind(now)
            .bind(token.expires_at);
    tx.execute(statement).await?;
    Ok(())
}

/// Whether a token would be taken now. Only [`use_token`] decides.
///
/// # Errors
/// Storage failed.
pub async fn is_token(conn: &mut Conn, hash: &str, now: Timestamp) -> Result<bool, Fault> {
    let statement = sql("SELECT id FROM registration_tokens WHERE hash = $1 AND expires_at > $2
         AND (uses_left IS NULL OR uses_left > 0)")
    .bind(hash)
    .bind(now);
    Ok(conn.fetch(statement).await?.is_some())
}

/// Takes one use of a token; false if there is none left.
///
/// # Errors
/// Storage failed.
pub async fn use_token(tx: &mut Tx, hash: &str, now: Timestamp) -> Result<bool, Fault> {
    let statement = sql("UPDATE registration_tokens SET uses_left = uses_left - 1 WHERE hash = $1 AND expires_at > $2
         AND (uses_left IS NULL OR uses_left > 0)")
    .bind(hash)
    .bind(now);
    Ok(tx.execute(statement).await? > 0)
}

/// Removes the tokens that expired before `before`.
///
/// # Errors
/// Storage failed.
pub async fn sweep_tokens(tx: &mut Tx, before: Timestamp) -> Result<u64, Fault> {
    tx.execute(sql("DELETE FROM registration_tokens WHERE expires_at < $1").bind(before)).await
}
