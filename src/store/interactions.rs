//! The stored request between two pages, and what happened for it.
//!
//! An interaction belongs to one browser. Its events are only ever added; whether a step is done is derived from them
//! by `endpoints::authorize::next` and never from times.

use super::{Conn, Tx, sql};
use crate::base::{Fault, Id, Timestamp};

/// What a browser was sent here for, as JSON that `endpoints` writes and reads.
#[derive(Clone, Debug)]
pub struct Interaction {
    pub id: Id,
    pub browser_hash: String,
    pub client_id: String,
    pub request: String,
    pub expires_at: Timestamp,
    /// When an answer was last given for it.
    pub finished_at: Option<Timestamp>,
}

/// One thing that a person did for one interaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub kind: EventKind,
    pub session_id: Id,
    /// For a consent the scope that was allowed, for a mail what it is for and to whom, for a first proof what it was; otherwise
    /// empty.
    pub detail: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    SignedIn,
    Chosen,
    Consented,
    Denied,
    /// A mail was asked for; whether one was sent is nobody's to see.
    Mailed,
    /// Somebody gave a first proof, and a second is wanted before there is a session. Its session is none.
    FirstProof,
    /// The person of the session proved a second factor.
    SecondFactor,
    /// The person goes on without the second factor that was offered.
    Postponed,
}

impl EventKind {
    const ALL: [Self; 8] = [
        Self::SignedIn,
        Self::Chosen,
        Self::Consented,
        Self::Denied,
        Self::Mailed,
        Self::FirstProof,
        Self::SecondFactor,
        Self::Postponed,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::SignedIn => "signed_in",
            Self::Chosen => "chosen",
            Self::Consented => "consented",
            Self::Denied => "denied",
            Self::Mailed => "mailed",
            Self::FirstProof => "first_proof",
            Self::SecondFactor => "second_factor",
            Self::Postponed => "postponed",
        }
    }
}

/// # Errors
/// Storage failed.
pub async fn insert(tx: &mut Tx, interaction: &Interaction, now: Timestamp) -> Result<(), Fault> {
    let statement = sql("INSERT INTO interactions (id, browser_hash, client_id, request, created_at, expires_at, finished_at)
         VALUES ($1, $2, $3, $4, $5, $6, NULL)")
    .bind(&interaction.id)
    .bind(&interaction.browser_hash)
    .bind(&interaction.client_id)
    .bind(&interaction.request)
    .bind(now)
    .bind(interaction.expires_at);
    tx.execute(statement).await?;
    Ok(())
}

/// # Errors
/// Storage failed.
pub async fn find(conn: &mut Conn, id: &Id) -> Result<Option<Interaction>, Fault> {
    let statement =
        sql("SELECT id, browser_hash, client_id, request, expires_at, finished_at FROM interactions WHERE id = $1").bind(id);
    let Some(row) = conn.fetch(statement).await? else { return Ok(None) };
    let mut c = row.columns("interactions");
    Ok(Some(Interaction {
        id: c.id("id")?,
        browser_hash: c.text("browser_hash")?,
        client_id: c.text("client_id")?,
        request: c.text("request")?,
        expires_at: c.time("expires_at")?,
        finished_at: c.opt_time("finished_at")?,
    }))
}

/// # Errors
/// Storage failed, or a row has a kind that this version does not know.
pub async fn events(conn: &mut Conn, interaction: &Id) -> Result<Vec<Event>, Fault> {
    let statement =
        sql("SELECT kind, session_id, detail FROM interaction_events WHERE interaction_id = $1 ORDER BY id").bind(interaction);
    conn.fetch_all(statement)
        .await?
        .iter()
        .map(|row| {
            let mut c = row.columns("interaction_events");
            let kind = c.text("kind")?;
            let kind = EventKind::ALL.into_iter().find(|k| k.as_str() == kind);
            Ok(Event {
                kind: kind.ok_or_else(|| Fault::corrupt("interaction_events", "kind"))?,
                session_id: c.id("session_id")?,
                detail: c.text("detail")?,
            })
        })
        .collect()
}

/// # Errors
/// Storage failed.
pub async fn add_event(tx: &mut Tx, id: &Id, interaction: &Id, event: &Event, now: Timestamp) -> Result<(), Fault> {
    let statement =
        sql("INSERT INTO interaction_events (id, interaction_id, kind, session_id, detail, at) VALUES ($1, $2, $3, $4, $5, $6)")
            .bind(id)
            .bind(interaction)
            .bind(event.kind.as_str())
            .bind(&event.session_id)
            .bind(&event.detail)
            .bind(now);
    tx.execute(statement).await?;
    Ok(())
}

/// Notes that an answer was given. The first moment stays, so that a double click is told from a later visit.
///
/// # Errors
/// Storage failed.
pub async fn finish(tx: &mut Tx, id: &Id, now: Timestamp) -> Result<(), Fault> {
    let statement = sql("UPDATE interactions SET finished_at = $2 WHERE id = $1 AND finished_at IS NULL").bind(id).bind(now);
    tx.execute(statement).await?;
    Ok(())
}

/// Whether an answer was given.
///
/// # Errors
/// Storage failed.
pub async fn is_finished(tx: &mut Tx, id: &Id) -> Result<bool, Fault> {
    let statement = sql("SELECT id FROM interactions WHERE id = $1 AND finished_at IS NOT NULL").bind(id);
    Ok(tx.fetch(statement).await?.is_some())
}

/// Removes what expired before `before`; the events go with it.
///
/// # Errors
/// Storage failed.
pub async fn sweep(tx: &mut Tx, before: Timestamp) -> Result<u64, Fault> {
    tx.execute(sql("DELETE FROM interactions WHERE expires_at < $1").bind(before)).await
}
