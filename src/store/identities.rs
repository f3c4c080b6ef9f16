//! Who people are elsewhere: by issuer and subject, each at most once (decision 17).

use super::users::{self, User, user_columns};
use super::{Columns, Conn, Tx, sql};
use crate::base::{Fault, Id, Timestamp};

/// A person's account elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub id: Id,
    pub user_id: Id,
    pub issuer: String,
    pub subject: String,
    /// The connection by which it was last used, for its name; no key of anything.
    pub upstream_id: String,
    /// What the person is called there, to tell two accounts apart.
    pub shown: String,
    pub created_at: Timestamp,
    pub used_at: Timestamp,
}

/// The columns that [`read`] takes, in its order; the table must be called `i` in the statement.
macro_rules! identity_columns {
    () => {
        "i.id, i.user_id, i.issuer, i.subject, i.upstream_id, i.shown, i.created_at, i.used_at"
    };
}

fn read(c: &mut Columns<'_>) -> Result<Identity, Fault> {
    Ok(Identity {
        id: c.id("id")?,
        user_id: c.id("user_id")?,
        issuer: c.text("issuer")?,
        subject: c.text("subject")?,
        upstream_id: c.text("upstream_id")?,
        shown: c.text("shown")?,
        created_at: c.time("created_at")?,
        used_at: c.time("used_at")?,
    })
}

/// The identity of a subject, with its person.
///
/// # Errors
/// Storage failed.
pub async fn find(conn: &mut Conn, issuer: &str, subject: &str) -> Result<Option<(Identity, User)>, Fault> {
    let statement = sql(concat!(
        "SELECT ",
        identity_columns!(),
        ", ",
        user_columns!(),
        " FROM identities i JOIN users u ON u.id = i.user_id WHERE i.issuer = $1 AND i.subject = $2"
    ))
    .bind(issuer)
    .bind(subject);
    let Some(row) = conn.fetch(statement).await? else { return Ok(None) };
    let mut c = row.columns("identities");
    Ok(Some((read(&mut c)?, users::read(&mut c)?)))
}

/// The accounts of a person elsewhere, the oldest first.
///
/// # Errors
/// Storage failed.
pub async fn list_for_user(conn: &mut Conn, user: &Id) -> Result<Vec<Identity>, Fault> {
    let statement =
        sql(concat!("SELECT ", identity_columns!(), " FROM identities i WHERE i.user_id = $1 ORDER BY i.id")).bind(user);
    conn.fetch_all(statement).await?.iter().map(|row| read(&mut row.columns("identities"))).collect()
}

/// Attaches a subject to a person; false if it is attached already, to whomever.
///
/// # Errors
/// Storage failed.
pub async fn insert(tx: &mut Tx, identity: &Identity) -> Result<bool, Fault> {
    let statement = sql("INSERT INTO identities (id, user_id, issuer, subject, upstream_id, shown, created_at, used_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (issuer, subject) DO NOTHING")
    .bind(&identity.id)
    .bind(&identity.user_id)
    .bind(&identity.issuer)
    .bind(&identity.subject)
    .bind(&identity.upstream_id)
    .bind(&identity.shown)
    .bind(identity.created_at)
    .bind(identity.used_at);
    Ok(tx.execute(statement).await? > 0)
}

/// Notes that somebody came by it; false if it is not that person's any more, or they may not be here.
///
/// # Errors
/// Storage failed.
pub async fn come_by(tx: &mut Tx, identity: &Identity, now: Timestamp) -> Result<bool, Fault> {
    let statement = sql("UPDATE identities SET used_at = $4, upstream_id = $5, shown = $6
         WHERE issuer = $1 AND subject = $2 AND user_id = $3 AND EXISTS
             (SELECT 1 FROM users u WHERE u.id = $3 AND u.disabled_at IS NULL AND u.delete_at IS NULL)")
    .bind(&identity.issuer)
    .bind(&identity.subject)
    .bind(&identity.user_id)
    .bind(now)
    .bind(&identity.upstream_id)
    .bind(&identity.shown);
    Ok(tx.execute(statement).await? > 0)
}

/// Detaches one account elsewhere from its person; false if there is none.
///
/// # Errors
/// Storage failed.
pub async fn remove(tx: &mut Tx, user: &Id, id: &Id) -> Result<bool, Fault> {
    Ok(tx.execute(sql("DELETE FROM identities WHERE user_id = $1 AND id = $2").bind(user).bind(id)).await? > 0)
}

/// Detaches all that were attached from a moment on, and those by which somebody came in since then.
///
/// # Errors
/// Storage failed.
pub async fn remove_since(tx: &mut Tx, user: &Id, since: Timestamp) -> Result<(), Fault> {
    let statement = sql("DELETE FROM identities WHERE user_id = $1 AND (created_at >= $2 OR EXISTS
         (SELECT 1 FROM upstream_sessions u JOIN sessions s ON s.id = u.session_id
          WHERE s.user_id = $1 AND (s.auth_time >= $2 OR s.created_at >= $2) AND u.issuer = identities.issuer AND u.subject = identities.subject))")
    .bind(user)
    .bind(since);
    tx.execute(statement).await?;
    Ok(())
}

/// Whether an identity is this person's.
///
/// # Errors
/// Storage failed.
pub async fn is_of(tx: &mut Tx, user: &Id, issuer: &str, subject: &str) -> Result<bool, Fault> {
    let statement =
        sql("SELECT 1 FROM identities WHERE user_id = $1 AND issuer = $2 AND subject = $3").bind(user).bind(issuer).bind(subject);
    Ok(tx.fetch(statement).await?.is_some())
}

/// The issuers of all that a person has but one, in a transaction that depends on it.
///
/// # Errors
/// Storage failed.
pub async fn other_issuers(tx: &mut Tx, user: &Id, but: &str) -> Result<Vec<String>, Fault> {
    let statement = sql("SELECT issuer FROM identities WHERE user_id = $1 AND id <> $2").bind(user).bind(but);
    tx.fetch_all(statement).await?.iter().map(|row| row.columns("identities").text("issuer")).collect()
}
