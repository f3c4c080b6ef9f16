//! Clients, their secrets and their logos. A client is one JSON definition, read and written whole.

use super::{Columns, Conn, Row, Tx, sql};
use crate::base::{Fault, Id, Timestamp};
use crate::oauth::Client;
use crate::oauth::logo::Logo;

/// A client with what only its row knows.
#[derive(Clone, Debug)]
pub struct Stored {
    pub id: Id,
    pub client: Client,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A secret as it is kept: its hash, and where client_secret_jwt needs the value itself, that value sealed.
#[derive(Clone, Debug)]
pub struct Secret {
    pub id: Id,
    pub hash: String,
    pub sealed: Option<String>,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
}

/// A checked picture; `image` is base64url.
#[derive(Clone, Debug)]
pub struct LogoRow {
    pub media_type: String,
    pub image: String,
}

/// # Errors
/// Storage failed, or the row is broken.
pub async fn find(conn: &mut Conn, client_id: &str) -> Result<Option<Client>, Fault> {
    let statement = sql("SELECT definition FROM clients WHERE client_id = $1").bind(client_id);
    conn.fetch(statement).await?.map(|row| row.columns("clients").json("definition")).transpose()
}

/// # Errors
/// Storage failed, or the row is broken.
pub async fn find_stored(conn: &mut Conn, client_id: &str) -> Result<Option<Stored>, Fault> {
    let statement = sql("SELECT id, definition, created_at, updated_at FROM clients WHERE client_id = $1").bind(client_id);
    conn.fetch(statement).await?.map(|row| stored(&mut row.columns("clients"))).transpose()
}

fn stored(c: &mut Columns<'_>) -> Result<Stored, Fault> {
    Ok(Stored {
        id: c.id("id")?,
        client: c.json("definition")?,
        created_at: c.time("created_at")?,
        updated_at: c.time("updated_at")?,
    })
}

/// Every client, oldest first.
///
/// # Errors
/// Storage failed, or a row is broken.
pub async fn list(conn: &mut Conn) -> Result<Vec<Client>, Fault> {
    let rows = conn.fetch_all(sql("SELECT definition FROM clients ORDER BY id")).await?;
    rows.iter().map(|row| row.columns("clients").json("definition")).collect()
}

/// The clients that got something in a session and are registered still.
///
/// # Errors
/// Storage failed, or a row is broken.
pub async fn of_session(conn: &mut Conn, session: &Id) -> Result<Vec<Client>, Fault> {
    let statement = sql("SELECT definition FROM clients
         WHERE client_id IN (SELECT client_id FROM grants WHERE session_id = $1) ORDER BY client_id")
    .bind(session);
    conn.fetch_all(statement).await?.iter().map(|row| row.columns("clients").json("definition")).collect()
}

/// The clients that an operator registered; those that registered themselves can be very many.
///
/// # Errors
/// Storage failed, or a row is broken.
pub async fn of_operator(conn: &mut Conn) -> Result<Vec<Client>, Fault> {
    let rows = conn.fetch_all(sql("SELECT definition FROM clients WHERE NOT self_registered ORDER BY id")).await?;
    rows.iter().map(|row| row.columns("clients").json("definition")).collect()
}

/// Stores a new client; false if its client id is taken.
///
/// # Errors
/// Storage failed.
pub async fn insert(tx: &mut Tx, id: &Id, client: &Client, now: Timestamp) -> Result<bool, Fault> {
    let statement = sql("INSERT INTO clients (id, client_id, definition, created_at, updated_at, hears_logout, self_registered)
         VALUES ($1, $2, $3, $4, $4, $5, $6) ON CONFLICT (client_id) DO NOTHING")
    .bind(id)
    .bind(&client.client_id)
    .bind(text(client)?)
    .bind(now)
    .bind(client.backchannel_logout_uri.is_some())
    .bind(client.is_unchecked());
    Ok(tx.execute(statement).await? > 0)
}

/// Replaces the definition that was read from `before`; false if it is another by now, so that no edit is lost.
///
/// # Errors
/// Storage failed.
pub async fn update(tx: &mut Tx, before: &Client, client: &Client, now: Timestamp) -> Result<bool, Fault> {
    let statement = sql("UPDATE clients SET definition = $3, updated_at = $4, hears_logout = $5
         WHERE client_id = $1 AND definition = $2")
    .bind(&client.client_id)
    .bind(text(before)?)
    .bind(text(client)?)
    .bind(now)
    .bind(client.backchannel_logout_uri.is_some());
    Ok(tx.execute(statement).await? > 0)
}

/// Removes a client with its secrets and logo, and what people remembered for it; false if there was none.
///
/// # Errors
/// Storage failed.
pub async fn remove(tx: &mut Tx, client_id: &str) -> Result<bool, Fault> {
    tx.execute(sql("DELETE FROM consents WHERE client_id = $1").bind(client_id)).await?;
    Ok(tx.execute(sql("DELETE FROM clients WHERE client_id = $1").bind(client_id)).await? > 0)
}

fn text(client: &Client) -> Result<String, Fault> {
    serde_json::to_string(client).map_err(Fault::at("store: clients"))
}

/// The secrets of a client, newest first; expired ones are among them until they are removed.
///
/// # Errors
/// Storage failed.
pub async fn secrets(conn: &mut Conn, client_id: &str) -> Result<Vec<Secret>, Fault> {
    let statement =
        sql("SELECT s.id, s.hash, s.sealed, s.created_at, s.expires_at FROM client_secrets s JOIN clients c ON c.id = s.client
         WHERE c.client_id = $1 ORDER BY s.id DESC")
        .bind(client_id);
    let read = |row: &Row| {
        let mut c = row.columns("client_secrets");
        Ok(Secret {
            id: c.id("id")?,
            hash: c.text("hash")?,
            sealed: c.opt_text("sealed")?,
            created_at: c.time("created_at")?,
            expires_at: c.opt_time("expires_at")?,
        })
    };
    conn.fetch_all(statement).await?.iter().map(read).collect()
}

/// # Errors
/// Storage failed.
pub async fn insert_secret(tx: &mut Tx, client: &Id, secret: &Secret) -> Result<(), Fault> {
    let statement =
        sql("INSERT INTO client_secrets (id, client, hash, sealed, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)")
            .bind(&secret.id)
            .bind(client)
            .bind(&secret.hash)
            .bind(secret.sealed.as_ref())
            .bind(secret.created_at)
            .bind(secret.expires_at);
    tx.execute(statement).await?;
    Ok(())
}

/// Lets the live secret go on until `until` and removes those that were already on their way out, so that at most one stays
/// beside the next. Which is which stands in the rows and is never concluded from times.
///
/// # Errors
/// Storage failed.
pub async fn retire_secrets(tx: &mut Tx, client: &Id, until: Timestamp) -> Result<(), Fault> {
    tx.execute(sql("DELETE FROM client_secrets WHERE client = $1 AND expires_at IS NOT NULL").bind(client)).await?;
    let statement = sql("UPDATE client_secrets SET expires_at = $2 WHERE client = $1").bind(client).bind(until);
    tx.execute(statement).await?;
    Ok(())
}

/// Removes every secret of a client: it no longer authenticates by one.
///
/// # Errors
/// Storage failed.
pub async fn remove_secrets(tx: &mut Tx, client: &Id) -> Result<(), Fault> {
    tx.execute(sql("DELETE FROM client_secrets WHERE client = $1").bind(client)).await?;
    Ok(())
}

/// # Errors
/// Storage failed.
pub async fn logo(conn: &mut Conn, digest: &str) -> Result<Option<LogoRow>, Fault> {
    let statement = sql("SELECT media_type, image FROM client_logos WHERE digest = $1").bind(digest);
    let Some(row) = conn.fetch(statement).await? else { return Ok(None) };
    let mut c = row.columns("client_logos");
    Ok(Some(LogoRow { media_type: c.text("media_type")?, image: c.text("image")? }))
}

/// Stores or replaces the logo of a client.
///
/// # Errors
/// Storage failed.
pub async fn set_logo(tx: &mut Tx, client: &Id, logo: &Logo) -> Result<(), Fault> {
    let statement = sql("INSERT INTO client_logos (client, media_type, image, digest) VALUES ($1, $2, $3, $4)
         ON CONFLICT (client) DO UPDATE SET media_type = $2, image = $3, digest = $4")
    .bind(client)
    .bind(logo.media_type)
    .bind(&logo.image)
    .bind(&logo.digest);
    tx.execute(statement).await?;
    Ok(())
}
