//! Codes that were sent for a second factor: each good once, for whom and where it was asked.

use super::{Columns, Conn, Tx, sql};
use crate::base::{Fault, Id, Timestamp};

/// One code that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    pub id: Id,
    pub user_id: Id,
    pub kind: String,
    /// The factor that it is for; nothing for the address of the account.
    pub factor_id: Option<Id>,
    /// The interaction, or the session of the account page, that asked.
    pub asked_by: Id,
    pub browser_hash: String,
    /// The six digits under a key of ours.
    pub code_tag: String,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

/// Stores a code that is about to be sent. Every earlier one that the same place asked for is worth nothing from now on.
///
/// # Errors
/// Storage failed.
pub async fn insert(tx: &mut Tx, challenge: &Challenge) -> Result<(), Fault> {
    let earlier = sql("DELETE FROM factor_challenges WHERE user_id = $1 AND kind = $2 AND asked_by = $3")
        .bind(&challenge.user_id)
        .bind(&challenge.kind)
        .bind(&challenge.asked_by);
    tx.execute(earlier).await?;
    let statement =
        sql("INSERT INTO factor_challenges (id, user_id, kind, factor_id, asked_by, browser_hash, code_tag, created_at,
                               expires_at, used_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, NULL)")
        .bind(&challenge.id)
        .bind(&challenge.user_id)
        .bind(&challenge.kind)
        .bind(challenge.factor_id.as_ref())
        .bind(&challenge.asked_by)
        .bind(&challenge.browser_hash)
        .bind(&challenge.code_tag)
        .bind(challenge.created_at)
        .bind(challenge.expires_at);
    tx.execute(statement).await?;
    Ok(())
}

/// The code that waits for a person, by kind and by whoever asked.
///
/// # Errors
/// Storage failed.
pub async fn find(conn: &mut Conn, (user, kind): (&Id, &str), asked_by: &Id, now: Timestamp) -> Result<Option<Challenge>, Fault> {
    let statement = sql("SELECT id, user_id, kind, factor_id, asked_by, browser_hash, code_tag, created_at, expires_at
         FROM factor_challenges
         WHERE user_id = $1 AND kind = $2 AND asked_by = $3 AND used_at IS NULL AND expires_at > $4
         ORDER BY id DESC LIMIT 1")
    .bind(user)
    .bind(kind)
    .bind(asked_by)
    .bind(now);
    let Some(row) = conn.fetch(statement).await? else { return Ok(None) };
    let mut c: Columns<'_> = row.columns("factor_challenges");
    Ok(Some(Challenge {
        id: c.id("id")?,
        user_id: c.id("user_id")?,
        kind: c.text("kind")?,
        factor_id: c.opt_id("factor_id")?,
        asked_by: c.id("asked_by")?,
        browser_hash: c.text("browser_hash")?,
        code_tag: c.text("code_tag")?,
        created_at: c.time("created_at")?,
        expires_at: c.time("expires_at")?,
    }))
}

/// Uses a code up. True for exactly one caller, and only before it expires.
///
/// # Errors
/// Storage failed.
pub async fn consume(tx: &mut Tx, id: &Id, user: &Id, now: Timestamp) -> Result<bool, Fault> {
    let statement = sql("UPDATE factor_challenges SET used_at = $3
         WHERE id = $1 AND user_id = $2 AND used_at IS NULL AND expires_at > $3")
    .bind(id)
    .bind(user)
    .bind(now);
    Ok(tx.execute(statement).await? > 0)
}

/// Removes what expired before `before`.
///
/// # Errors
/// Storage failed.
pub async fn sweep(tx: &mut Tx, before: Timestamp) -> Result<u64, Fault> {
    tx.execute(sql("DELETE FROM factor_challenges WHERE expires_at < $1").bind(before)).await
}
