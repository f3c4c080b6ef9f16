//! Remembered consents: one row a person and client. What it covers is decided by `identity`.

use super::{Columns, Conn, Row, Tx, sql};
use crate::base::{Fault, Id, Timestamp};
use crate::oauth::Scope;

/// What one person allowed one client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    pub client_id: String,
    pub scope: Scope,
    /// Names of claims that were asked for one by one.
    pub claims: Vec<String>,
    /// RFC 8707 resources.
    pub resources: Vec<String>,
}

fn read(c: &mut Columns<'_>) -> Result<Remembered, Fault> {
    Ok(Remembered {
        client_id: c.text("client_id")?,
        scope: Scope::parse(&c.text("scope")?).map_err(|_| Fault::corrupt("consents", "scope"))?,
        claims: c.json("claims")?,
        resources: c.json("resources")?,
    })
}

/// # Errors
/// Storage failed.
pub async fn find(conn: &mut Conn, user: &Id, client_id: &str) -> Result<Option<Remembered>, Fault> {
    let statement = sql("SELECT client_id, scope, claims, resources FROM consents WHERE user_id = $1 AND client_id = $2")
        .bind(user)
        .bind(client_id);
    conn.fetch(statement).await?.map(|row| read(&mut row.columns("consents"))).transpose()
}

/// The same inside a transaction that goes on to write.
///
/// # Errors
/// Storage failed.
pub async fn find_to_change(tx: &mut Tx, user: &Id, client_id: &str) -> Result<Option<Remembered>, Fault> {
    let statement = sql("SELECT client_id, scope, claims, resources FROM consents WHERE user_id = $1 AND client_id = $2")
        .bind(user)
        .bind(client_id);
    tx.fetch(statement).await?.map(|row| read(&mut row.columns("consents"))).transpose()
}

/// # Errors
/// Storage failed.
pub async fn list_for_user(conn: &mut Conn, user: &Id) -> Result<Vec<Remembered>, Fault> {
    let statement =
        sql("SELECT client_id, scope, claims, resources FROM consents WHERE user_id = $1 ORDER BY client_id").bind(user);
    conn.fetch_all(statement).await?.iter().map(|row| read(&mut row.columns("consents"))).collect()
}

/// A consent with the times at which it was given and last changed.
pub struct Given {
    pub consent: Remembered,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// # Errors
/// Storage failed.
pub async fn with_times(conn: &mut Conn, user: &Id) -> Result<Vec<Given>, Fault> {
    let statement = sql("SELECT client_id, scope, claims, resources, created_at, updated_at FROM consents WHERE user_id = $1
         ORDER BY client_id")
    .bind(user);
    let given = |row: &Row| {
        let mut c = row.columns("consents");
        Ok(Given { consent: read(&mut c)?, created_at: c.time("created_at")?, updated_at: c.time("updated_at")? })
    };
    conn.fetch_all(statement).await?.iter().map(given).collect()
}

/// Stores a consent in the place of an earlier one.
///
/// # Errors
/// Storage failed.
pub async fn put(tx: &mut Tx, user: &Id, consent: &Remembered, now: Timestamp) -> Result<(), Fault> {
    let json = |list: &[String]| serde_json::to_string(list).map_err(Fault::at("store: consent"));
    let (claims, resources) = (json(&consent.claims)?, json(&consent.resources)?);
    let statement = sql("INSERT INTO consents (user_id, client_id, scope, claims, resources, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $6) ON CONFLICT (user_id, client_id)
         DO UPDATE SET scope = excluded.scope, claims = excluded.claims, resources = excluded.resources,
                       updated_at = excluded.updated_at")
    .bind(user)
    .bind(&consent.client_id)
    .bind(consent.scope.to_string())
    .bind(claims)
    .bind(resources)
    .bind(now);
    tx.execute(statement).await?;
    Ok(())
}

/// # Errors
/// Storage failed.
pub async fn remove(tx: &mut Tx, user: &Id, client_id: &str) -> Result<bool, Fault> {
    let statement = sql("DELETE FROM consents WHERE user_id = $1 AND client_id = $2").bind(user).bind(client_id);
    Ok(tx.execute(statement).await? > 0)
}

/// Forgets everything that a person consented to.
///
/// # Errors
/// Storage failed.
pub async fn forget_for_user(tx: &mut Tx, user: &Id) -> Result<(), Fault> {
    tx.execute(sql("DELETE FROM consents WHERE user_id = $1").bind(user)).await?;
    Ok(())
}
