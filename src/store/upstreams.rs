//! Other identity providers as the operator connected them. `definition` is JSON that `federation` writes and reads.

use super::{Columns, Conn, Tx, sql};
use crate::base::{Fault, Timestamp};

/// A provider as its row has it; the secret is sealed by `keys::Vault`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredUpstream {
    pub id: String,
    pub definition: String,
    pub sealed_secret: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

fn read(c: &mut Columns<'_>) -> Result<StoredUpstream, Fault> {
    Ok(StoredUpstream {
        id: c.text("id")?,
        definition: c.text("definition")?,
        sealed_secret: c.text("sealed_secret")?,
        created_at: c.time("created_at")?,
        updated_at: c.time("updated_at")?,
    })
}

/// # Errors
/// Storage failed.
pub async fn find(conn: &mut Conn, id: &str) -> Result<Option<StoredUpstream>, Fault> {
    let statement = sql("SELECT id, definition, sealed_secret, created_at, updated_at FROM upstreams WHERE id = $1").bind(id);
    conn.fetch(statement).await?.map(|row| read(&mut row.columns("upstreams"))).transpose()
}

/// # Errors
/// Storage failed.
pub async fn list(conn: &mut Conn) -> Result<Vec<StoredUpstream>, Fault> {
    let statement = sql("SELECT id, definition, sealed_secret, created_at, updated_at FROM upstreams ORDER BY id");
    conn.fetch_all(statement).await?.iter().map(|row| read(&mut row.columns("upstreams"))).collect()
}

/// Stores a new provider; false if its id is taken.
///
/// # Errors
/// Storage failed.
pub async fn insert(tx: &mut Tx, upstream: &StoredUpstream) -> Result<bool, Fault> {
    let statement = sql("INSERT INTO upstreams (id, definition, sealed_secret, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO NOTHING")
    .bind(&upstream.id)
    .bind(&upstream.definition)
    .bind(&upstream.sealed_secret)
    .bind(upstream.created_at)
    .bind(upstream.updated_at);
    Ok(tx.execute(statement).await? > 0)
}

/// Replaces a provider that still has the definition that was read; false if it has not.
///
/// # Errors
/// Storage failed.
pub async fn replace(tx: &mut Tx, before: &StoredUpstream, after: &StoredUpstream) -> Result<bool, Fault> {
    let statement = sql("UPDATE upstreams SET definition = $2, sealed_secret = $3, updated_at = $4
         WHERE id = $1 AND definition = $5 AND sealed_secret = $6")
    .bind(&after.id)
    .bind(&after.definition)
    .bind(&after.sealed_secret)
    .bind(after.updated_at)
    .bind(&before.definition)
    .bind(&before.sealed_secret);
    Ok(tx.execute(statement).await? > 0)
}

/// # Errors
/// Storage failed.
pub async fn remove(tx: &mut Tx, id: &str) -> Result<bool, Fault> {
    Ok(tx.execute(sql("DELETE FROM upstreams WHERE id = $1").bind(id)).await? > 0)
}
