//! What the page after signing out shows, for the one browser that signed out.

use super::{Conn, Tx, sql};
use crate::base::{Fault, Id, Timestamp};

/// A page's facts, as JSON that `endpoints` writes and reads.
#[derive(Clone, Debug)]
pub struct Farewell {
    pub id: Id,
    pub browser_hash: String,
    pub detail: String,
    pub expires_at: Timestamp,
}

/// # Errors
/// Storage failed.
pub async fn insert(tx: &mut Tx, farewell: &Farewell) -> Result<(), Fault> {
    let statement = sql("INSERT INTO farewells (id, browser_hash, detail, expires_at) VALUES ($1, $2, $3, $4)")
        .bind(&farewell.id)
        .bind(&farewell.browser_hash)
        .bind(&farewell.detail)
        .bind(farewell.expires_at);
    tx.execute(statement).await?;
    Ok(())
}

/// The detail of a farewell of this browser, for as long as it is shown.
///
/// # Errors
/// Storage failed.
pub async fn find(conn: &mut Conn, id: &Id, browser_hash: &str, now: Timestamp) -> Result<Option<String>, Fault> {
    let statement = sql("SELECT detail FROM farewells WHERE id = $1 AND browser_hash = $2 AND expires_at > $3")
        .bind(id)
        .bind(browser_hash)
        .bind(now);
    conn.fetch(statement).await?.map(|row| row.columns("farewells").text("detail")).transpose()
}

/// Removes what expired before `before`.
///
/// # Errors
/// Storage failed.
pub async fn sweep(tx: &mut Tx, before: Timestamp) -> Result<u64, Fault> {
    tx.execute(sql("DELETE FROM farewells WHERE expires_at < $1").bind(before)).await
}
