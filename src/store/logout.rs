//! Whom to tell that a session ended (OpenID Connect Back-Channel Logout 1.0): written in the transaction that ends it, sent
//! afterwards by `jobs`.
//!
//! There is a row for each app that got something in the session, also for one that wants no word of it: the page after signing
//! out lists them all. Taking a row moves its next try ahead by a lease, in one statement; whoever falls over with it loses it to
//! the next when the lease ends (an app is told at least once).

use super::{Columns, Conn, Row, Tx, sql};
use crate::base::{Fault, Id, Timestamp};
use crate::oauth::Client;

/// The most rows that are sent at the same time, and so the most clients that can be busy.
pub const AT_ONCE: usize = 8;

/// Sessions whose end is told.
#[derive(Clone, Copy, Debug)]
pub enum Ending<'a> {
    /// One session.
    Session(&'a Id),
    /// Every session of a person.
    Person(&'a Id),
}

/// A delivery that a worker has taken.
#[derive(Clone, Debug)]
pub struct Taken {
    pub id: String,
    pub client_id: String,
    pub sid: String,
    pub sub: String,
    pub expires_at: Timestamp,
    /// Which try this is, from 1. It also tells this worker's lease from a later one.
    pub attempt: i64,
}

/// How far the telling of one app has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    Waiting,
    Confirmed,
    GivenUp,
    /// The app has no address for it.
    Unwanted,
}

/// Notes for each app that got something in sessions which are about to end that it has to be told until `expires_at`. It comes
/// before the end itself: what ended already was told.
///
/// # Errors
/// Storage failed.
pub async fn enqueue(tx: &mut Tx, ending: Ending<'_>, expires_at: Timestamp, now: Timestamp) -> Result<u64, Fault> {
    let (statement, id) = match ending {
        Ending::Session(id) => (
            sql("INSERT INTO logout_deliveries (id, session_id, client_id, sid, sub, created_at, expires_at, next_at, attempts)
                 SELECT DISTINCT s.id || '/' || g.client_id, s.id, g.client_id, s.sid, u.sub, CAST($2 AS BIGINT), CAST($3 AS BIGINT),
                        CASE WHEN c.hears_logout THEN CAST($2 AS BIGINT) END, 0
                 FROM sessions s JOIN users u ON u.id = s.user_id JOIN grants g ON g.session_id = s.id
                      JOIN clients c ON c.client_id = g.client_id
                 WHERE s.id = $1 AND s.ended_at IS NULL
                 ON CONFLICT (id) DO NOTHING"),
            id,
        ),
        Ending::Person(id) => (
            sql("INSERT INTO logout_deliveries (id, session_id, client_id, sid, sub, created_at, expires_at, next_at, attempts)
                 SELECT DISTINCT s.id || '/' || g.client_id, s.id, g.client_id, s.sid, u.sub, CAST($2 AS BIGINT), CAST($3 AS BIGINT),
                        CASE WHEN c.hears_logout THEN CAST($2 AS BIGINT) END, 0
                 FROM sessions s JOIN users u ON u.id = s.user_id JOIN grants g ON g.session_id = s.id
                      JOIN clients c ON c.client_id = g.client_id
                 WHERE s.user_id = $1 AND s.ended_at IS NULL
                 ON CONFLICT (id) DO NOTHING"),
            id,
        ),
    };
    tx.execute(statement.bind(id).bind(now).bind(expires_at)).await
}

/// When the first delivery is due, if any waits.
///
/// # Errors
/// Storage failed.
pub async fn first_at(conn: &mut Conn) -> Result<Option<Timestamp>, Fault> {
    let statement = sql("SELECT MIN(next_at) FROM logout_deliveries WHERE next_at IS NOT NULL");
    let Some(row) = conn.fetch(statement).await? else { return Ok(None) };
    row.columns("logout_deliveries").opt_time("next_at")
}

/// Takes at most `most` deliveries that are due, until `lease` ends: one for each client, none for a client of `busy` (a receiver
/// that hangs holds up nobody but itself), and first tries before others. Of several workers each row goes to one.
///
/// # Errors
/// Storage failed.
pub async fn claim_due(
    tx: &mut Tx,
    most: usize,
    busy: &[String],
    (lease, now): (Timestamp, Timestamp),
) -> Result<Vec<Taken>, Fault> {
    // The outer condition is looked at again when another worker was quicker.
    let mut statement = sql("UPDATE logout_deliveries SET next_at = $1, attempts = attempts + 1
         WHERE id IN (SELECT MIN(id) FROM logout_deliveries WHERE next_at <= $2 AND expires_at > $2
                          AND client_id NOT IN ($4, $5, $6, $7, $8, $9, $10, $11)
                      GROUP BY client_id ORDER BY MIN(attempts), MIN(next_at), MIN(id) LIMIT $3)
           AND next_at <= $2
         RETURNING id, client_id, sid, sub, expires_at, attempts")
    .bind(lease)
    .bind(now)
    .bind(i64::try_from(most).unwrap_or_default());
    for at in 0..AT_ONCE {
        statement = statement.bind(busy.get(at).map_or("", String::as_str));
    }
    tx.fetch_all(statement).await?.iter().map(taken).collect()
}

fn taken(row: &Row) -> Result<Taken, Fault> {
    let mut c = row.columns("logout_deliveries");
    Ok(Taken {
        id: c.text("id")?,
        client_id: c.text("client_id")?,
        sid: c.text("sid")?,
        sub: c.text("sub")?,
        expires_at: c.time("expires_at")?,
        attempt: c.int("attempts")?,
    })
}

/// Notes that the app confirmed it. False if the lease was lost meanwhile.
///
/// # Errors
/// Storage failed.
pub async fn confirm(tx: &mut Tx, taken: &Taken, now: Timestamp) -> Result<bool, Fault> {
    let statement = sql("UPDATE logout_deliveries SET next_at = NULL, last_error = NULL, confirmed_at = $3
         WHERE id = $1 AND attempts = $2 AND next_at IS NOT NULL")
    .bind(&taken.id)
    .bind(taken.attempt)
    .bind(now);
    Ok(tx.execute(statement).await? > 0)
}

/// Notes why this try failed and when the next one is. False if the lease was lost meanwhile.
///
/// # Errors
/// Storage failed.
pub async fn retry_at(tx: &mut Tx, taken: &Taken, why: &str, at: Timestamp) -> Result<bool, Fault> {
    let statement =
        sql("UPDATE logout_deliveries SET next_at = $3, last_error = $4 WHERE id = $1 AND attempts = $2 AND next_at IS NOT NULL")
            .bind(&taken.id)
            .bind(taken.attempt)
            .bind(at)
            .bind(why);
    Ok(tx.execute(statement).await? > 0)
}

/// Notes that it will not be tried again. False if the lease was lost meanwhile.
///
/// # Errors
/// Storage failed.
pub async fn fail(tx: &mut Tx, taken: &Taken, why: &str, now: Timestamp) -> Result<bool, Fault> {
    let statement = sql("UPDATE logout_deliveries SET next_at = NULL, last_error = $3, failed_at = $4
         WHERE id = $1 AND attempts = $2 AND next_at IS NOT NULL")
    .bind(&taken.id)
    .bind(taken.attempt)
    .bind(why)
    .bind(now);
    Ok(tx.execute(statement).await? > 0)
}

/// Some deliveries that are due and too old, with their clients.
///
/// # Errors
/// Storage failed.
pub async fn too_old(conn: &mut Conn, most: i64, now: Timestamp) -> Result<Vec<(String, String)>, Fault> {
    let statement =
        sql("SELECT id, client_id FROM logout_deliveries WHERE next_at <= $1 AND expires_at <= $1 LIMIT $2").bind(now).bind(most);
    let read = |row: &Row| {
        let mut c = row.columns("logout_deliveries");
        Ok((c.text("id")?, c.text("client_id")?))
    };
    conn.fetch_all(statement).await?.iter().map(read).collect()
}

/// Gives up one that is due and too old; false if somebody else did. What the last try met stays noted.
///
/// # Errors
/// Storage failed.
pub async fn give_up(tx: &mut Tx, id: &str, now: Timestamp) -> Result<bool, Fault> {
    let statement = sql("UPDATE logout_deliveries SET next_at = NULL, failed_at = $2
         WHERE id = $1 AND next_at <= $2 AND expires_at <= $2")
    .bind(id)
    .bind(now);
    Ok(tx.execute(statement).await? > 0)
}

/// The apps of a session that ended, as they are registered now, with how far telling them has come.
///
/// # Errors
/// Storage failed, or a row is broken.
pub async fn of_session(conn: &mut Conn, session: &Id) -> Result<Vec<(Client, Progress)>, Fault> {
    let statement = sql("SELECT c.definition, d.next_at, d.confirmed_at, d.failed_at
         FROM logout_deliveries d JOIN clients c ON c.client_id = d.client_id WHERE d.session_id = $1 ORDER BY d.client_id")
    .bind(session);
    let read = |row: &Row| {
        let mut c = row.columns("logout_deliveries");
        Ok((c.json("definition")?, progress(&mut c)?))
    };
    conn.fetch_all(statement).await?.iter().map(read).collect()
}

fn progress(c: &mut Columns<'_>) -> Result<Progress, Fault> {
    let (next_at, confirmed_at, failed_at) = (c.opt_time("next_at")?, c.opt_time("confirmed_at")?, c.opt_time("failed_at")?);
    Ok(match (next_at, confirmed_at, failed_at) {
        (Some(_), _, _) => Progress::Waiting,
        (None, Some(_), _) => Progress::Confirmed,
        (None, None, Some(_)) => Progress::GivenUp,
        (None, None, None) => Progress::Unwanted,
    })
}

/// Removes what expired before `before`.
///
/// # Errors
/// Storage failed.
pub async fn sweep(tx: &mut Tx, before: Timestamp) -> Result<u64, Fault> {
    tx.execute(sql("DELETE FROM logout_deliveries WHERE expires_at < $1").bind(before)).await
}
