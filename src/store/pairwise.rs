//! The one salt of pairwise subjects, sealed.

use super::{Conn, Tx, sql};
use crate::base::{Fault, Timestamp};

/// The id of the one row.
pub const ROW: &str = "salt";

/// # Errors
/// Storage failed.
pub async fn find(conn: &mut Conn) -> Result<Option<String>, Fault> {
    let row = conn.fetch(sql("SELECT sealed FROM pairwise_salts WHERE id = $1").bind(ROW)).await?;
    row.map(|row| row.columns("pairwise_salts").text("sealed")).transpose()
}

/// Stores a salt, unless there is one: whoever comes second takes the first one's.
///
/// # Errors
/// Storage failed.
pub async fn insert(tx: &mut Tx, sealed: &str, now: Timestamp) -> Result<(), Fault> {
    let statement = sql("INSERT INTO pairwise_salts (id, sealed, created_at) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING")
        .bind(ROW)
        .bind(sealed)
        .bind(now);
    tx.execute(statement).await?;
    Ok(())
}
