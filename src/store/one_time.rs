//! Links and codes that were sent to an address and are good once.
//!
//! A row is used up by one conditional statement; whoever loses learns nothing else than that it is gone.

use super::{Columns, Conn, Row, Tx, sql};
use crate::base::{Fault, Id, Timestamp};

/// What was sent. `purpose` and `detail` (JSON) are `identity`'s to write and read.
#[derive(Clone, Debug)]
pub struct OneTime {
    pub id: Id,
    pub purpose: String,
    /// Nobody for an invitation.
    pub user_id: Option<Id>,
    /// The address that it was sent to, and nothing else is proved by it.
    pub email: String,
    pub email_key: String,
    /// The browser that asked.
    pub browser_hash: String,
    pub interaction_id: Option<Id>,
    /// The six digits under a key of ours.
    pub code_tag: String,
    pub detail: String,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub used_at: Option<Timestamp>,
}

/// The columns that [`read`] takes, in its order.
macro_rules! one_time_columns {
    () => {
        "id, purpose, user_id, email, email_key, browser_hash, interaction_id, code_tag, detail, created_at, expires_at, used_at"
    };
}

fn read(row: &Row) -> Result<OneTime, Fault> {
    let mut c: Columns<'_> = row.columns("one_time_tokens");
    Ok(OneTime {
        id: c.id("id")?,
        purpose: c.text("purpose")?,
        user_id: c.opt_id("user_id")?,
        email: c.text("email")?,
        email_key: c.text("email_key")?,
        browser_hash: c.text("browser_hash")?,
        interaction_id: c.opt_id("interaction_id")?,
        code_tag: c.text("code_tag")?,
        detail: c.text("detail")?,
        created_at: c.time("created_at")?,
        expires_at: c.time("expires_at")?,
        used_at: c.opt_time("used_at")?,
    })
}

/// Stores what is about to be sent, under the hash of its link.
///
/// # Errors
/// Storage failed.
pub async fn insert(tx: &mut Tx, row: &OneTime, hash: &str) -> Result<(), Fault> {
    let statement = sql("INSERT INTO one_time_tokens (id, purpose, hash, code_tag, user_id, email, email_key, browser_hash,
                               interaction_id, detail, created_at, expires_at, used_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, NULL)")
    .bind(&row.id)
    .bind(&row.purpose)
    .bind(hash)
    .bind(&row.code_tag)
    .bind(row.user_id.as_ref())
    .bind(&row.email)
    .bind(&row.email_key)
    .bind(&row.browser_hash)
    .bind(row.interaction_id.as_ref())
    .bind(&row.detail)
    .bind(row.created_at)
    .bind(row.expires_at);
    tx.execute(statement).await?;
    Ok(())
}

/// What was sent with this link, whatever became of it.
///
/// # Errors
/// Storage failed.
pub async fn by_hash(conn: &mut Conn, purpose: &str, hash: &str) -> Result<Option<OneTime>, Fault> {
    let statement = sql(concat!("SELECT ", one_time_columns!(), " FROM one_time_tokens WHERE hash = $1 AND purpose = $2"))
        .bind(hash)
        .bind(purpose);
    conn.fetch(statement).await?.as_ref().map(read).transpose()
}

/// The last that was sent for an interaction: an older code is worth nothing once a new one was asked for.
///
/// # Errors
/// Storage failed.
pub async fn last_for_interaction(conn: &mut Conn, interaction: &Id, purpose: &str) -> Result<Option<OneTime>, Fault> {
    let statement = sql(concat!(
        "SELECT ",
        one_time_columns!(),
        " FROM one_time_tokens WHERE interaction_id = $1 AND purpose = $2 ORDER BY created_at DESC, id DESC LIMIT 1"
    ))
    .bind(interaction)
    .bind(purpose);
    conn.fetch(statement).await?.as_ref().map(read).transpose()
}

/// Uses a row up. True for exactly one caller, and only before it expires.
///
/// # Errors
/// Storage failed.
pub async fn consume(tx: &mut Tx, id: &Id, now: Timestamp) -> Result<bool, Fault> {
    let statement =
        sql("UPDATE one_time_tokens SET used_at = $2 WHERE id = $1 AND used_at IS NULL AND expires_at > $2").bind(id).bind(now);
    Ok(tx.execute(statement).await? > 0)
}

/// Makes worthless what was sent to a person for one purpose and not used yet.
///
/// # Errors
/// Storage failed.
pub async fn void(tx: &mut Tx, user: &Id, purpose: &str, now: Timestamp) -> Result<(), Fault> {
    let statement = sql("UPDATE one_time_tokens SET used_at = $3 WHERE user_id = $1 AND purpose = $2 AND used_at IS NULL")
        .bind(user)
        .bind(purpose)
        .bind(now);
    tx.execute(statement).await?;
    Ok(())
}

/// Makes worthless what was sent to a person for one purpose after a row of the same purpose.
///
/// # Errors
/// Storage failed.
pub async fn void_after(tx: &mut Tx, user: &Id, row: &OneTime, now: Timestamp) -> Result<(), Fault> {
    let statement =
        sql("UPDATE one_time_tokens SET used_at = $4 WHERE user_id = $1 AND purpose = $2 AND id > $3 AND used_at IS NULL")
            .bind(user)
            .bind(&row.purpose)
            .bind(&row.id)
            .bind(now);
    tx.execute(statement).await?;
    Ok(())
}

/// Removes what expired before `before`.
///
/// # Errors
/// Storage failed.
pub async fn sweep(tx: &mut Tx, before: Timestamp) -> Result<u64, Fault> {
    tx.execute(sql("DELETE FROM one_time_tokens WHERE expires_at < $1").bind(before)).await
}
