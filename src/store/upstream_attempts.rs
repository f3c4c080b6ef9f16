//! Ways to another provider and back, each good once for one browser; and who came back and has to do something here first.
//!
//! What is sealed is written and read by `endpoints`.

use super::{Columns, Conn, Row, Tx, sql};
use crate::base::{Fault, Id, Timestamp};

/// One way there and back.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub id: Id,
    pub state_hash: String,
    pub upstream_id: String,
    pub browser_hash: String,
    pub interaction_id: Id,
    /// The session whose person wants to attach an account elsewhere; nothing for signing in.
    pub session_id: Option<Id>,
    pub sealed: String,
    /// An answer that came by POST.
    pub sealed_answer: Option<String>,
    pub expires_at: Timestamp,
    pub used_at: Option<Timestamp>,
}

fn read(row: &Row) -> Result<Attempt, Fault> {
    let mut c: Columns<'_> = row.columns("upstream_attempts");
    Ok(Attempt {
        id: c.id("id")?,
        state_hash: c.text("state_hash")?,
        upstream_id: c.text("upstream_id")?,
        browser_hash: c.text("browser_hash")?,
        interaction_id: c.id("interaction_id")?,
        session_id: c.opt_id("session_id")?,
        sealed: c.text("sealed")?,
        sealed_answer: c.opt_text("sealed_answer")?,
        expires_at: c.time("expires_at")?,
        used_at: c.opt_time("used_at")?,
    })
}

/// # Errors
/// Storage failed.
pub async fn insert(tx: &mut Tx, attempt: &Attempt, now: Timestamp) -> Result<(), Fault> {
    let statement = sql("INSERT INTO upstream_attempts (id, state_hash, upstream_id, browser_hash, interaction_id, session_id,
                                sealed, sealed_answer, created_at, expires_at, used_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, NULL, $8, $9, NULL)")
    .bind(&attempt.id)
    .bind(&attempt.state_hash)
    .bind(&attempt.upstream_id)
    .bind(&attempt.browser_hash)
    .bind(&attempt.interaction_id)
    .bind(attempt.session_id.as_ref())
    .bind(&attempt.sealed)
    .bind(now)
    .bind(attempt.expires_at);
    tx.execute(statement).await?;
    Ok(())
}

/// # Errors
/// Storage failed.
pub async fn by_state(conn: &mut Conn, state_hash: &str) -> Result<Option<Attempt>, Fault> {
    let statement = sql("SELECT id, state_hash, upstream_id, browser_hash, interaction_id, session_id, sealed, sealed_answer,
                expires_at, used_at
         FROM upstream_attempts WHERE state_hash = $1")
    .bind(state_hash);
    conn.fetch(statement).await?.as_ref().map(read).transpose()
}

/// Keeps an answer that came by POST until the browser comes with its cookies. The first one stays.
///
/// # Errors
/// Storage failed.
pub async fn keep(tx: &mut Tx, id: &Id, sealed_answer: &str, now: Timestamp) -> Result<bool, Fault> {
    let statement = sql("UPDATE upstream_attempts SET sealed_answer = $2
         WHERE id = $1 AND sealed_answer IS NULL AND used_at IS NULL AND expires_at > $3")
    .bind(id)
    .bind(sealed_answer)
    .bind(now);
    Ok(tx.execute(statement).await? > 0)
}

/// Uses it up. True for exactly one caller, in the browser and for the provider that it was made for.
///
/// # Errors
/// Storage failed.
pub async fn consume(tx: &mut Tx, attempt: &Attempt, now: Timestamp) -> Result<bool, Fault> {
    let statement = sql("UPDATE upstream_attempts SET used_at = $4
         WHERE id = $1 AND upstream_id = $2 AND browser_hash = $3 AND used_at IS NULL AND expires_at > $4")
    .bind(&attempt.id)
    .bind(&attempt.upstream_id)
    .bind(&attempt.browser_hash)
    .bind(now);
    Ok(tx.execute(statement).await? > 0)
}

/// Somebody who came back and has to do something here first.
#[derive(Clone, Debug)]
pub struct Arrival {
    pub id: Id,
    pub interaction_id: Id,
    pub browser_hash: String,
    pub sealed: String,
    pub expires_at: Timestamp,
    pub used_at: Option<Timestamp>,
}

/// # Errors
/// Storage failed.
pub async fn insert_arrival(tx: &mut Tx, arrival: &Arrival) -> Result<(), Fault> {
    let statement = sql("INSERT INTO upstream_arrivals (id, interaction_id, browser_hash, sealed, expires_at, used_at)
         VALUES ($1, $2, $3, $4, $5, NULL)")
    .bind(&arrival.id)
    .bind(&arrival.interaction_id)
    .bind(&arrival.browser_hash)
    .bind(&arrival.sealed)
    .bind(arrival.expires_at);
    tx.execute(statement).await?;
    Ok(())
}

/// # Errors
/// Storage failed.
pub async fn arrival(conn: &mut Conn, id: &Id) -> Result<Option<Arrival>, Fault> {
    let statement =
        sql("SELECT id, interaction_id, browser_hash, sealed, expires_at, used_at FROM upstream_arrivals WHERE id = $1").bind(id);
    let Some(row) = conn.fetch(statement).await? else { return Ok(None) };
    let mut c = row.columns("upstream_arrivals");
    Ok(Some(Arrival {
        id: c.id("id")?,
        interaction_id: c.id("interaction_id")?,
        browser_hash: c.text("browser_hash")?,
        sealed: c.text("sealed")?,
        expires_at: c.time("expires_at")?,
        used_at: c.opt_time("used_at")?,
    }))
}

/// Uses it up. True for exactly one caller.
///
/// # Errors
/// Storage failed.
pub async fn consume_arrival(tx: &mut Tx, id: &Id, now: Timestamp) -> Result<bool, Fault> {
    let statement =
        sql("UPDATE upstream_arrivals SET used_at = $2 WHERE id = $1 AND used_at IS NULL AND expires_at > $2").bind(id).bind(now);
    Ok(tx.execute(statement).await? > 0)
}

/// Removes what expired before `before`.
///
/// # Errors
/// Storage failed.
pub async fn sweep(tx: &mut Tx, before: Timestamp) -> Result<u64, Fault> {
    let attempts = tx.execute(sql("DELETE FROM upstream_attempts WHERE expires_at < $1").bind(before)).await?;
    Ok(attempts + tx.execute(sql("DELETE FROM upstream_arrivals WHERE expires_at < $1").bind(before)).await?)
}
