//! Mail that waits to be sent: written in the transaction of the act that it tells of, sent afterwards by `jobs`.
//!
//! The body is sealed before it comes here and is emptied once nothing is to be done any more. Taking a row moves its next
//! try ahead by a lease, in one statement, so that two workers never have it at once; whoever falls over with it loses it to
//! the next when the lease ends (a mail is sent at least once).

use super::{Conn, Row, Tx, sql};
use crate::base::{Fault, Id, Timestamp};

/// A mail to be sent, with its contents sealed for this row.
#[derive(Clone, Debug)]
pub struct NewMail {
    pub id: Id,
    /// What kind of letter it is, for the log and the counters.
    pub kind: &'static str,
    /// The one address that it goes to.
    pub recipient: String,
    /// `version.nonce.text`.
    pub body: String,
    /// It is not sent at or after this moment.
    pub expires_at: Timestamp,
}

/// A mail that a worker has taken.
#[derive(Clone, Debug)]
pub struct Taken {
    pub id: Id,
    pub kind: String,
    pub recipient: String,
    pub body: String,
    pub expires_at: Timestamp,
    /// Which try this is, from 1. It also tells this worker's lease from a later one.
    pub attempt: i64,
}

/// How many mails wait, and when the first is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    pub mails: i64,
    pub first_at: Option<Timestamp>,
}

/// Puts a mail into the outbox; it is due at once.
///
/// # Errors
/// Storage failed.
pub async fn enqueue(tx: &mut Tx, mail: &NewMail, now: Timestamp) -> Result<(), Fault> {
    let statement = sql("INSERT INTO outbox (id, kind, recipient, body, created_at, expires_at, next_at, attempts)
         VALUES ($1, $2, $3, $4, $5, $6, $5, 0)")
    .bind(&mail.id)
    .bind(mail.kind)
    .bind(&mail.recipient)
    .bind(&mail.body)
    .bind(now)
    .bind(mail.expires_at);
    tx.execute(statement).await?;
    Ok(())
}

/// # Errors
/// Storage failed.
pub async fn waiting(conn: &mut Conn) -> Result<Waiting, Fault> {
    let statement = sql("SELECT COUNT(*), MIN(next_at) FROM outbox WHERE next_at IS NOT NULL");
    let Some(row) = conn.fetch(statement).await? else { return Ok(Waiting { mails: 0, first_at: None }) };
    let mut c = row.columns("outbox");
    Ok(Waiting { mails: c.int("count")?, first_at: c.opt_time("next_at")? })
}

/// Takes at most `most` mails that are due, oldest first, until `lease` ends. Of several workers each row goes to one.
///
/// # Errors
/// Storage failed.
pub async fn claim_due(tx: &mut Tx, most: i64, lease: Timestamp, now: Timestamp) -> Result<Vec<Taken>, Fault> {
    // The outer condition is looked at again when another worker was quicker.
    let statement = sql("UPDATE outbox SET next_at = $1, attempts = attempts + 1
         WHERE id IN (SELECT id FROM outbox WHERE next_at <= $2 AND expires_at > $2 ORDER BY next_at, id LIMIT $3)
           AND next_at <= $2
         RETURNING id, kind, recipient, body, expires_at, attempts")
    .bind(lease)
    .bind(now)
    .bind(most);
    tx.fetch_all(statement).await?.iter().map(taken).collect()
}

fn taken(row: &Row) -> Result<Taken, Fault> {
    let mut c = row.columns("outbox");
    Ok(Taken {
        id: c.id("id")?,
        kind: c.text("kind")?,
        recipient: c.text("recipient")?,
        body: c.text("body")?,
        expires_at: c.time("expires_at")?,
        attempt: c.int("attempts")?,
    })
}

/// Notes that it was sent. False if the lease was lost meanwhile.
///
/// # Errors
/// Storage failed.
pub async fn sent(tx: &mut Tx, mail: &Id, attempt: i64, now: Timestamp) -> Result<bool, Fault> {
    let statement = sql("UPDATE outbox SET next_at = NULL, body = '', last_error = NULL, sent_at = $3
         WHERE id = $1 AND attempts = $2 AND next_at IS NOT NULL")
    .bind(mail)
    .bind(attempt)
    .bind(now);
    Ok(tx.execute(statement).await? > 0)
}

/// Notes why this try failed and when the next one is. False if the lease was lost meanwhile.
///
/// # Errors
/// Storage failed.
pub async fn retry_at(tx: &mut Tx, mail: &Id, attempt: i64, why: &'static str, at: Timestamp) -> Result<bool, Fault> {
    let statement =
        sql("UPDATE outbox SET next_at = $3, last_error = $4 WHERE id = $1 AND attempts = $2 AND next_at IS NOT NULL")
            .bind(mail)
            .bind(attempt)
            .bind(at)
            .bind(why);
    Ok(tx.execute(statement).await? > 0)
}

/// Notes that it cannot be sent at all. False if the lease was lost meanwhile.
///
/// # Errors
/// Storage failed.
pub async fn fail(tx: &mut Tx, mail: &Id, attempt: i64, why: &'static str, now: Timestamp) -> Result<bool, Fault> {
    let statement = sql("UPDATE outbox SET next_at = NULL, body = '', last_error = $3, failed_at = $4
         WHERE id = $1 AND attempts = $2 AND next_at IS NOT NULL")
    .bind(mail)
    .bind(attempt)
    .bind(why)
    .bind(now);
    Ok(tx.execute(statement).await? > 0)
}

/// Gives up what is due and too old to be sent; says how many those were. What the last try met stays noted.
///
/// # Errors
/// Storage failed.
pub async fn give_up(tx: &mut Tx, now: Timestamp) -> Result<u64, Fault> {
    let statement = sql("UPDATE outbox SET next_at = NULL, body = '', failed_at = $1
         WHERE next_at <= $1 AND expires_at <= $1")
    .bind(now);
    tx.execute(statement).await
}

/// Removes what expired before `before`.
///
/// # Errors
/// Storage failed.
pub async fn sweep(tx: &mut Tx, before: Timestamp) -> Result<u64, Fault> {
    tx.execute(sql("DELETE FROM outbox WHERE expires_at < $1").bind(before)).await
}
