//! Grants: what a person or a client allowed. Every token hangs on one and dies with it.

use super::{Columns, Conn, Tx, sql};
use crate::base::{Fault, Id, Timestamp};

/// What was allowed, to whom, by whom. `detail` is JSON that `tokens` writes and reads.
#[derive(Clone, Debug)]
pub struct Grant {
    pub id: String,
    pub client_id: String,
    /// Nobody for client_credentials.
    pub user_id: Option<Id>,
    pub session_id: Option<Id>,
    /// Whether it outlives its session (`offline_access`).
    pub offline: bool,
    pub detail: String,
    pub expires_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
}

/// The columns that [`read`] takes, in its order; the table must be called `g` in the statement.
macro_rules! grant_columns {
    () => {
        "g.id, g.client_id, g.user_id, g.session_id, g.offline, g.detail, g.expires_at, g.revoked_at"
    };
}
pub(super) use grant_columns;

pub(super) fn read(c: &mut Columns<'_>) -> Result<Grant, Fault> {
    Ok(Grant {
        id: c.text("id")?,
        client_id: c.text("client_id")?,
        user_id: c.opt_id("user_id")?,
        session_id: c.opt_id("session_id")?,
        offline: c.bool("offline")?,
        detail: c.text("detail")?,
        expires_at: c.time("expires_at")?,
        revoked_at: c.opt_time("revoked_at")?,
    })
}

impl Grant {
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && now < self.expires_at
    }
}

/// Stores a grant; one with the same id (client_credentials has one a client) stays as it is.
///
/// # Errors
/// Storage failed.
pub async fn insert(tx: &mut Tx, grant: &Grant, now: Timestamp) -> Result<(), Fault> {
    let statement =
        sql("INSERT INTO grants (id, client_id, user_id, session_id, offline, detail, created_at, expires_at, revoked_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, NULL) ON CONFLICT (id) DO NOTHING")
        .bind(&grant.id)
        .bind(&grant.client_id)
        .bind(grant.user_id.as_ref())
        .bind(grant.session_id.as_ref())
        .bind(grant.offline)
        .bind(&grant.detail)
        .bind(now)
        .bind(grant.expires_at);
    tx.execute(statement).await?;
    Ok(())
}

/// # Errors
/// Storage failed.
pub async fn find(conn: &mut Conn, id: &str) -> Result<Option<Grant>, Fault> {
    let statement = sql(concat!("SELECT ", grant_columns!(), " FROM grants g WHERE g.id = $1")).bind(id);
    conn.fetch(statement).await?.map(|row| read(&mut row.columns("grants"))).transpose()
}

/// The grant of an access token, or nothing if this very token was revoked: one statement for the hot path.
///
/// # Errors
/// Storage failed.
pub async fn find_for_jti(conn: &mut Conn, id: &str, jti: &str) -> Result<Option<Grant>, Fault> {
    let statement = sql(concat!(
        "SELECT ",
        grant_columns!(),
        " FROM grants g WHERE g.id = $1 AND NOT EXISTS (SELECT 1 FROM revoked_jti r WHERE r.jti = $2)"
    ))
    .bind(id)
    .bind(jti);
    conn.fetch(statement).await?.map(|row| read(&mut row.columns("grants"))).transpose()
}

/// Ends one grant and with it every token that hangs on it; says whether it was alive.
///
/// # Errors
/// Storage failed.
pub async fn revoke(tx: &mut Tx, id: &str, now: Timestamp) -> Result<bool, Fault> {
    let statement = sql("UPDATE grants SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL").bind(id).bind(now);
    Ok(tx.execute(statement).await? > 0)
}

/// Ends what one person allowed one client.
///
/// # Errors
/// Storage failed.
pub async fn revoke_for_user_client(tx: &mut Tx, user: &Id, client_id: &str, now: Timestamp) -> Result<u64, Fault> {
    let statement = sql("UPDATE grants SET revoked_at = $3 WHERE user_id = $1 AND client_id = $2 AND revoked_at IS NULL")
        .bind(user)
        .bind(client_id)
        .bind(now);
    tx.execute(statement).await
}

/// Ends everything that one person allowed.
///
/// # Errors
/// Storage failed.
pub async fn revoke_for_user(tx: &mut Tx, user: &Id, now: Timestamp) -> Result<u64, Fault> {
    let statement = sql("UPDATE grants SET revoked_at = $2 WHERE user_id = $1 AND revoked_at IS NULL").bind(user).bind(now);
    tx.execute(statement).await
}

/// Ends everything that one person allowed, but what was allowed in one session.
///
/// # Errors
/// Storage failed.
pub async fn revoke_others(tx: &mut Tx, user: &Id, keep: &Id, now: Timestamp) -> Result<u64, Fault> {
    let statement = sql("UPDATE grants SET revoked_at = $3
         WHERE user_id = $1 AND (session_id IS NULL OR session_id <> $2) AND revoked_at IS NULL")
    .bind(user)
    .bind(keep)
    .bind(now);
    tx.execute(statement).await
}

/// A session ended: what was not meant to outlive it ends too.
///
/// # Errors
/// Storage failed.
pub async fn revoke_for_session(tx: &mut Tx, session: &Id, now: Timestamp) -> Result<u64, Fault> {
    let statement = sql("UPDATE grants SET revoked_at = $2 WHERE session_id = $1 AND NOT offline AND revoked_at IS NULL")
        .bind(session)
        .bind(now);
    tx.execute(statement).await
}

/// The clients that hold something of one person or that they gave consent to, with the time of the first of it: the
/// account page's list.
///
/// # Errors
/// Storage failed.
pub async fn clients_of_user(conn: &mut Conn, user: &Id, now: Timestamp) -> Result<Vec<(String, Timestamp)>, Fault> {
    let statement = sql("SELECT client_id, MIN(since) FROM (
             SELECT client_id, created_at AS since FROM grants WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2
             UNION ALL SELECT client_id, created_at AS since FROM consents WHERE user_id = $1
         ) AS held GROUP BY client_id ORDER BY client_id")
    .bind(user)
    .bind(now);
    let read = |row: &super::Row| {
        let mut c = row.columns("grants");
        Ok((c.text("client_id")?, c.time("created_at")?))
    };
    conn.fetch_all(statement).await?.iter().map(read).collect()
}

/// What one person allows now, with the time at which they did, newest first.
///
/// # Errors
/// Storage failed.
pub async fn list_for_user(conn: &mut Conn, user: &Id, now: Timestamp, limit: i64) -> Result<Vec<(Grant, Timestamp)>, Fault> {
    let statement = sql(concat!(
        "SELECT ",
        grant_columns!(),
        ", g.created_at FROM grants g WHERE g.user_id = $1 AND g.revoked_at IS NULL AND g.expires_at > $2
         ORDER BY g.created_at DESC, g.id LIMIT $3"
    ))
    .bind(user)
    .bind(now)
    .bind(limit);
    let read_both = |row: &super::Row| {
        let mut c = row.columns("grants");
        Ok((read(&mut c)?, c.time("created_at")?))
    };
    conn.fetch_all(statement).await?.iter().map(read_both).collect()
}

/// Removes what expired before `before`, with its codes, families and opaque tokens.
///
/// # Errors
/// Storage failed.
pub async fn sweep(tx: &mut Tx, before: Timestamp) -> Result<u64, Fault> {
    tx.execute(sql("DELETE FROM grants WHERE expires_at < $1").bind(before)).await
}

/// Removes everything that a client ever held: the client itself is being removed.
///
/// # Errors
/// Storage failed.
pub async fn remove_for_client(tx: &mut Tx, client_id: &str) -> Result<u64, Fault> {
    tx.execute(sql("DELETE FROM grants WHERE client_id = $1").bind(client_id)).await
}
