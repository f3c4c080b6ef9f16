//! Resources: the APIs that access tokens can be made out to (RFC 8707, decision 21).

use super::{Columns, Conn, Tx, sql};
use crate::base::{Fault, Id, Timestamp};
use crate::oauth::Scope;

/// A registered resource.
#[derive(Clone, Debug)]
pub struct Resource {
    pub uri: String,
    pub name: String,
    /// What tokens for it may allow.
    pub scope: Scope,
    pub created_at: Timestamp,
}

fn read(c: &mut Columns<'_>) -> Result<Resource, Fault> {
    Ok(Resource {
        uri: c.text("uri")?,
        name: c.text("name")?,
        scope: Scope::parse(&c.text("scope")?).map_err(|_| Fault::corrupt("resources", "scope"))?,
        created_at: c.time("created_at")?,
    })
}

/// # Errors
/// Storage failed, or the row is broken.
pub async fn find(conn: &mut Conn, uri: &str) -> Result<Option<Resource>, Fault> {
    let statement = sql("SELECT uri, name, scope, created_at FROM resources WHERE uri = $1").bind(uri);
    conn.fetch(statement).await?.map(|row| read(&mut row.columns("resources"))).transpose()
}

/// # Errors
/// Storage failed, or a row is broken.
pub async fn list(conn: &mut Conn) -> Result<Vec<Resource>, Fault> {
    let rows = conn.fetch_all(sql("SELECT uri, name, scope, created_at FROM resources ORDER BY uri")).await?;
    rows.iter().map(|row| read(&mut row.columns("resources"))).collect()
}

/// Stores a new resource; false if its URI is taken.
///
/// # Errors
/// Storage failed.
pub async fn insert(tx: &mut Tx, id: &Id, resource: &Resource) -> Result<bool, Fault> {
    let statement =
        sql("INSERT INTO resources (id, uri, name, scope, created_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (uri) DO NOTHING")
            .bind(id)
            .bind(&resource.uri)
            .bind(&resource.name)
            .bind(resource.scope.to_string())
            .bind(resource.created_at);
    Ok(tx.execute(statement).await? > 0)
}

/// # Errors
/// Storage failed.
pub async fn remove(tx: &mut Tx, uri: &str) -> Result<bool, Fault> {
    Ok(tx.execute(sql("DELETE FROM resources WHERE uri = $1").bind(uri)).await? > 0)
}
