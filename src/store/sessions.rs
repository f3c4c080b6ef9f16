//! Sessions of people in browsers, found by the hash of their token.
//!
//! An ended row stays ended: every change asks for `ended_at IS NULL`, so nothing that is late can revive it.

use super::users::{self, User, user_columns};
use super::{Columns, Conn, Row, Tx, sql};
use crate::base::{Fault, Id, Timestamp};

/// A session as the rest of the house sees it. Whether it still lives depends on the time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub id: Id,
    /// The public id, which clients see.
    pub sid: String,
    pub user_id: Id,
    /// When the person last proved who they are.
    pub auth_time: Timestamp,
    pub acr: String,
    /// How they proved it (RFC 8176).
    pub amr: Vec<String>,
    /// When they last proved a second factor.
    pub second_at: Option<Timestamp>,
    /// Whether the second factor was left out because the browser is remembered.
    pub device_trusted: bool,
    /// Whether `auth_time` is known to be when the person proved themselves: another provider may not have said when they did there.
    pub is_dated: bool,
    pub created_at: Timestamp,
    pub last_seen_at: Timestamp,
    pub expires_at: Timestamp,
    pub browser_hash: String,
    pub user_agent: String,
    pub address: String,
}

/// The columns that [`read`] takes, in its order; the table must be called `s` in the statement.
macro_rules! session_columns {
    () => {
        "s.id, s.sid, s.user_id, s.auth_time, s.acr, s.amr, s.second_at, s.device_trusted, s.is_dated, s.created_at,
         s.last_seen_at, s.expires_at, s.browser_hash, s.user_agent, s.address"
    };
}

fn read(c: &mut Columns<'_>) -> Result<Session, Fault> {
    Ok(Session {
        id: c.id("id")?,
        sid: c.text("sid")?,
        user_id: c.id("user_id")?,
        auth_time: c.time("auth_time")?,
        acr: c.text("acr")?,
        amr: c.json("amr")?,
        second_at: c.opt_time("second_at")?,
        device_trusted: c.bool("device_trusted")?,
        is_dated: c.bool("is_dated")?,
        created_at: c.time("created_at")?,
        last_seen_at: c.time("last_seen_at")?,
        expires_at: c.time("expires_at")?,
        browser_hash: c.text("browser_hash")?,
        user_agent: c.text("user_agent")?,
        address: c.text("address")?,
    })
}

fn read_row(row: &Row) -> Result<Session, Fault> {
    read(&mut row.columns("sessions"))
}

fn read_with_user(row: &Row) -> Result<(Session, User), Fault> {
    let mut c = row.columns("sessions");
    Ok((read(&mut c)?, users::read(&mut c)?))
}

fn amr_text(session: &Session) -> Result<String, Fault> {
    serde_json::to_string(&session.amr).map_err(Fault::at("store: session"))
}

/// # Errors
/// Storage failed.
pub async fn insert(tx: &mut Tx, session: &Session, token_hash: &str) -> Result<(), Fault> {
    let statement =
        sql("INSERT INTO sessions (id, token_hash, sid, user_id, browser_hash, auth_time, acr, amr, user_agent, address,
                               created_at, last_seen_at, expires_at, second_at, device_trusted, is_dated, ended_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, NULL)")
        .bind(&session.id)
        .bind(token_hash)
        .bind(&session.sid)
        .bind(&session.user_id)
        .bind(&session.browser_hash)
        .bind(session.auth_time)
        .bind(&session.acr)
        .bind(amr_text(session)?)
        .bind(&session.user_agent)
        .bind(&session.address)
        .bind(session.created_at)
        .bind(session.last_seen_at)
        .bind(session.expires_at)
        .bind(session.second_at)
        .bind(session.device_trusted)
        .bind(session.is_dated);
    tx.execute(statement).await?;
    Ok(())
}

/// Gives a live session of the same person another token and another proof; false if it lives no more.
///
/// # Errors
/// Storage failed.
pub async fn renew(tx: &mut Tx, session: &Session, token_hash: &str) -> Result<bool, Fault> {
    let statement =
        sql("UPDATE sessions SET token_hash = $3, browser_hash = $4, auth_time = $5, acr = $6, amr = $7, user_agent = $8,
                             address = $9, last_seen_at = $10, expires_at = $11, second_at = $12, device_trusted = $13, is_dated = $14
         WHERE id = $1 AND user_id = $2 AND ended_at IS NULL")
        .bind(&session.id)
        .bind(&session.user_id)
        .bind(token_hash)
        .bind(&session.browser_hash)
        .bind(session.auth_time)
        .bind(&session.acr)
        .bind(amr_text(session)?)
        .bind(&session.user_agent)
        .bind(&session.address)
        .bind(session.last_seen_at)
        .bind(session.expires_at)
        .bind(session.second_at)
        .bind(session.device_trusted)
        .bind(session.is_dated);
    Ok(tx.execute(statement).await? > 0)
}

/// The session of a token with its person: one statement, since every page and every silent sign-in begins with it.
///
/// # Errors
/// Storage failed.
pub async fn by_token(conn: &mut Conn, token_hash: &str) -> Result<Option<(Session, User)>, Fault> {
    let statement = sql(concat!(
        "SELECT ",
        session_columns!(),
        ", ",
        user_columns!(),
        " FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.token_hash = $1 AND s.ended_at IS NULL"
    ))
    .bind(token_hash);
    conn.fetch(statement).await?.as_ref().map(read_with_user).transpose()
}

/// The same by the session's own id.
///
/// # Errors
/// Storage failed.
pub async fn by_id(conn: &mut Conn, id: &Id) -> Result<Option<(Session, User)>, Fault> {
    let statement = sql(concat!(
        "SELECT ",
        session_columns!(),
        ", ",
        user_columns!(),
        " FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id = $1 AND s.ended_at IS NULL"
    ))
    .bind(id);
    conn.fetch(statement).await?.as_ref().map(read_with_user).transpose()
}

/// # Errors
/// Storage failed.
pub async fn by_sid(conn: &mut Conn, sid: &str) -> Result<Option<Session>, Fault> {
    let statement =
        sql(concat!("SELECT ", session_columns!(), " FROM sessions s WHERE s.sid = $1 AND s.ended_at IS NULL")).bind(sid);
    conn.fetch(statement).await?.as_ref().map(read_row).transpose()
}

/// The sessions of a person that were not ended, last used first.
///
/// # Errors
/// Storage failed.
pub async fn list_for_user(conn: &mut Conn, user: &Id) -> Result<Vec<Session>, Fault> {
    let statement = sql(concat!(
        "SELECT ",
        session_columns!(),
        " FROM sessions s WHERE s.user_id = $1 AND s.ended_at IS NULL ORDER BY s.last_seen_at DESC, s.id DESC"
    ))
    .bind(user);
    conn.fetch_all(statement).await?.iter().map(read_row).collect()
}

/// Notes that the person of a session has a second factor in their hands.
///
/// # Errors
/// Storage failed.
pub async fn note_second(tx: &mut Tx, id: &Id, now: Timestamp) -> Result<(), Fault> {
    tx.execute(sql("UPDATE sessions SET second_at = $2 WHERE id = $1 AND ended_at IS NULL").bind(id).bind(now)).await?;
    Ok(())
}

/// # Errors
/// Storage failed.
pub async fn touch(tx: &mut Tx, id: &Id, now: Timestamp) -> Result<(), Fault> {
    let statement =
        sql("UPDATE sessions SET last_seen_at = $2 WHERE id = $1 AND last_seen_at < $2 AND ended_at IS NULL").bind(id).bind(now);
    tx.execute(statement).await?;
    Ok(())
}

/// Whether a session is still open, for a transaction that goes on because of it: it stays so until that ends.
///
/// # Errors
/// Storage failed.
pub async fn is_open(tx: &mut Tx, id: &Id, now: Timestamp) -> Result<bool, Fault> {
    let statement = sql("SELECT 1 FROM sessions WHERE id = $1 AND ended_at IS NULL AND expires_at > $2").bind(id).bind(now);
    Ok(tx.fetch_held(statement).await?.is_some())
}

/// The sessions of a person that were begun in one browser before `before` and not ended.
///
/// # Errors
/// Storage failed.
pub async fn of_browser(tx: &mut Tx, user: &Id, browser_hash: &str, before: Timestamp) -> Result<Vec<Id>, Fault> {
    let statement =
        sql("SELECT id FROM sessions WHERE browser_hash = $1 AND user_id = $2 AND created_at < $3 AND ended_at IS NULL")
            .bind(browser_hash)
            .bind(user)
            .bind(before);
    tx.fetch_all(statement).await?.iter().map(|row| row.columns("sessions").id("id")).collect()
}

/// Ends a session; says whether it was not ended before.
///
/// # Errors
/// Storage failed.
pub async fn end(tx: &mut Tx, id: &Id, now: Timestamp) -> Result<bool, Fault> {
    let statement = sql("UPDATE sessions SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL").bind(id).bind(now);
    Ok(tx.execute(statement).await? > 0)
}

/// # Errors
/// Storage failed.
pub async fn end_all_for_user(tx: &mut Tx, user: &Id, now: Timestamp) -> Result<u64, Fault> {
    let statement = sql("UPDATE sessions SET ended_at = $2 WHERE user_id = $1 AND ended_at IS NULL").bind(user).bind(now);
    tx.execute(statement).await
}

/// The sessions of a person that were not ended, but one.
///
/// # Errors
/// Storage failed.
pub async fn others(tx: &mut Tx, user: &Id, keep: &Id) -> Result<Vec<Id>, Fault> {
    let statement =
        sql("SELECT id FROM sessions WHERE user_id = $1 AND id <> $2 AND ended_at IS NULL ORDER BY id").bind(user).bind(keep);
    tx.fetch_all(statement).await?.iter().map(|row| row.columns("sessions").id("id")).collect()
}

/// Sessions that ran out and were not ended: past their absolute end, or not used since `unused_since`.
///
/// # Errors
/// Storage failed.
pub async fn run_out(tx: &mut Tx, now: Timestamp, unused_since: Timestamp, most: i64) -> Result<Vec<Id>, Fault> {
    let statement = sql("SELECT id FROM sessions
         WHERE ended_at IS NULL AND (expires_at <= $1 OR last_seen_at <= $2) ORDER BY id LIMIT $3")
    .bind(now)
    .bind(unused_since)
    .bind(most);
    tx.fetch_all(statement).await?.iter().map(|row| row.columns("sessions").id("id")).collect()
}

/// Removes what ended and would have expired before `before`.
///
/// # Errors
/// Storage failed.
pub async fn sweep(tx: &mut Tx, before: Timestamp) -> Result<u64, Fault> {
    tx.execute(sql("DELETE FROM sessions WHERE expires_at < $1 AND ended_at IS NOT NULL").bind(before)).await
}
