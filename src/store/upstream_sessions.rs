//! Which session of ours began at which session elsewhere: the end of one may be the end of the other.

use super::{Conn, Tx, sql};
use crate::base::{Fault, Id};

/// Where a session came from.
#[derive(Clone, Debug)]
pub struct UpstreamSession {
    pub session_id: Id,
    pub upstream_id: String,
    pub issuer: String,
    pub subject: String,
    /// The public id of the session there.
    pub sid: Option<String>,
    /// The ID token, sealed, where people are signed out there too.
    pub sealed_id_token: Option<String>,
}

/// Notes where a session came from, in the place of where it came from before.
///
/// # Errors
/// Storage failed.
pub async fn put(tx: &mut Tx, session: &UpstreamSession) -> Result<(), Fault> {
    let statement = sql("INSERT INTO upstream_sessions (session_id, upstream_id, issuer, subject, sid, sealed_id_token)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (session_id) DO UPDATE SET upstream_id = $2, issuer = $3, subject = $4, sid = $5, sealed_id_token = $6")
    .bind(&session.session_id)
    .bind(&session.upstream_id)
    .bind(&session.issuer)
    .bind(&session.subject)
    .bind(session.sid.as_deref())
    .bind(session.sealed_id_token.as_deref());
    tx.execute(statement).await?;
    Ok(())
}

/// Where a session came from, if it came from elsewhere.
///
/// # Errors
/// Storage failed.
pub async fn find(conn: &mut Conn, session: &Id) -> Result<Option<UpstreamSession>, Fault> {
    let statement = sql("SELECT session_id, upstream_id, issuer, subject, sid, sealed_id_token FROM upstream_sessions
         WHERE session_id = $1")
    .bind(session);
    let Some(row) = conn.fetch(statement).await? else { return Ok(None) };
    let mut c = row.columns("upstream_sessions");
    Ok(Some(UpstreamSession {
        session_id: c.id("session_id")?,
        upstream_id: c.text("upstream_id")?,
        issuer: c.text("issuer")?,
        subject: c.text("subject")?,
        sid: c.opt_text("sid")?,
        sealed_id_token: c.opt_text("sealed_id_token")?,
    }))
}

/// Whose sessions end elsewhere: those of one session there, or all of a subject.
#[derive(Clone, Copy, Debug)]
pub enum Elsewhere<'a> {
    Session { issuer: &'a str, sid: &'a str },
    Subject { issuer: &'a str, subject: &'a str },
}

/// The sessions of ours that are not ended and came from there, each with its person.
///
/// # Errors
/// Storage failed.
pub async fn open(tx: &mut Tx, of: Elsewhere<'_>) -> Result<Vec<(Id, Id)>, Fault> {
    let statement = match of {
        Elsewhere::Session { issuer, sid } => {
            sql("SELECT s.id, s.user_id FROM upstream_sessions e JOIN sessions s ON s.id = e.session_id
                 WHERE e.issuer = $1 AND e.sid = $2 AND s.ended_at IS NULL ORDER BY s.id")
            .bind(issuer)
            .bind(sid)
        }
        Elsewhere::Subject { issuer, subject } => {
            sql("SELECT s.id, s.user_id FROM upstream_sessions e JOIN sessions s ON s.id = e.session_id
                 WHERE e.issuer = $1 AND e.subject = $2 AND s.ended_at IS NULL ORDER BY s.id")
            .bind(issuer)
            .bind(subject)
        }
    };
    let rows = tx.fetch_all(statement).await?;
    rows.iter()
        .map(|row| {
            let mut c = row.columns("sessions");
            Ok((c.id("id")?, c.id("user_id")?))
        })
        .collect()
}

/// How many sessions that are not ended came by a provider.
///
/// # Errors
/// Storage failed.
pub async fn count_by(conn: &mut Conn, upstream: &str) -> Result<i64, Fault> {
    let statement = sql("SELECT COUNT(*) AS count FROM upstream_sessions e JOIN sessions s ON s.id = e.session_id
         WHERE e.upstream_id = $1 AND s.ended_at IS NULL")
    .bind(upstream);
    let row = conn.fetch(statement).await?;
    row.map_or(Ok(0), |row| row.columns("upstream_sessions").int("count"))
}

/// Some of the sessions that are not ended and came by a provider: the first of those after `last`, in order of their ids.
///
/// # Errors
/// Storage failed.
pub async fn some_by(tx: &mut Tx, upstream: &str, last: &str, most: i64) -> Result<Vec<Id>, Fault> {
    let statement = sql("SELECT e.session_id AS id FROM upstream_sessions e JOIN sessions s ON s.id = e.session_id
         WHERE e.upstream_id = $1 AND e.session_id > $2 AND s.ended_at IS NULL ORDER BY e.session_id LIMIT $3")
    .bind(upstream)
    .bind(last)
    .bind(most);
    let rows = tx.fetch_all(statement).await?;
    rows.iter().map(|row| row.columns("sessions").id("id")).collect()
}
