//! Authorization codes, refresh families, opaque access tokens and the identifiers that may be used once.
//!
//! Every single-use fact is one conditional statement here; nobody reads first and marks later.

use super::grants::{self, Grant, grant_columns};
use super::{Conn, Row, Tx, sql};
use crate::base::{Fault, Timestamp};

/// A code by its hash, with the grant behind it (RFC 6749 section 4.1.2).
#[derive(Clone, Debug)]
pub struct Code {
    pub detail: String,
    pub expires_at: Timestamp,
    pub used_at: Option<Timestamp>,
    pub grant: Grant,
}

/// A family of refresh tokens: all generations that came from one grant.
#[derive(Clone, Debug)]
pub struct Family {
    pub lookup: String,
    pub generation: i64,
    pub current_hash: String,
    pub rotated_at: Timestamp,
    pub idle_expires_at: Timestamp,
    pub expires_at: Timestamp,
    pub grant: Grant,
}

/// An opaque access token by its hash.
#[derive(Clone, Debug)]
pub struct Opaque {
    pub detail: String,
    pub expires_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
    pub grant: Grant,
}

/// # Errors
/// Storage failed.
pub async fn insert_code(tx: &mut Tx, hash: &str, grant_id: &str, detail: &str, expires_at: Timestamp) -> Result<(), Fault> {
    let statement =
        sql("INSERT INTO authorization_codes (hash, grant_id, detail, expires_at, used_at) VALUES ($1, $2, $3, $4, NULL)")
            .bind(hash)
            .bind(grant_id)
            .bind(detail)
            .bind(expires_at);
    tx.execute(statement).await?;
    Ok(())
}

/// # Errors
/// Storage failed.
pub async fn find_code(conn: &mut Conn, hash: &str) -> Result<Option<Code>, Fault> {
    let statement = sql(concat!(
        "SELECT c.detail, c.expires_at, c.used_at, ",
        grant_columns!(),
        " FROM authorization_codes c JOIN grants g ON g.id = c.grant_id WHERE c.hash = $1"
    ))
    .bind(hash);
    let Some(row) = conn.fetch(statement).await? else { return Ok(None) };
    let mut c = row.columns("authorization_codes");
    Ok(Some(Code {
        detail: c.text("detail")?,
        expires_at: c.time("expires_at")?,
        used_at: c.opt_time("used_at")?,
        grant: grants::read(&mut c)?,
    }))
}

/// Consumes a code. True for exactly one caller, and only while the code and its grant live.
///
/// # Errors
/// Storage failed.
pub async fn consume_code(tx: &mut Tx, hash: &str, now: Timestamp) -> Result<bool, Fault> {
    let statement = sql("UPDATE authorization_codes SET used_at = $2 WHERE hash = $1 AND used_at IS NULL AND expires_at > $2
         AND EXISTS (SELECT 1 FROM grants g WHERE g.id = authorization_codes.grant_id AND g.revoked_at IS NULL)")
    .bind(hash)
    .bind(now);
    Ok(tx.execute(statement).await? > 0)
}

/// A new family in its first generation.
pub struct NewFamily<'a> {
    pub lookup: &'a str,
    pub grant_id: &'a str,
    pub hash: &'a str,
    pub idle_expires_at: Timestamp,
    pub expires_at: Timestamp,
}

/// # Errors
/// Storage failed.
pub async fn insert_family(tx: &mut Tx, family: &NewFamily<'_>, now: Timestamp) -> Result<(), Fault> {
    let statement = sql("INSERT INTO refresh_families
         (lookup, grant_id, generation, current_hash, rotated_at, idle_expires_at, expires_at)
         VALUES ($1, $2, 1, $3, $4, $5, $6)")
    .bind(family.lookup)
    .bind(family.grant_id)
    .bind(family.hash)
    .bind(now)
    .bind(family.idle_expires_at)
    .bind(family.expires_at);
    tx.execute(statement).await?;
    Ok(())
}

/// # Errors
/// Storage failed.
pub async fn find_family(conn: &mut Conn, lookup: &str) -> Result<Option<Family>, Fault> {
    let statement = sql(concat!(
        "SELECT f.lookup, f.generation, f.current_hash, f.rotated_at, f.idle_expires_at, f.expires_at, ",
        grant_columns!(),
        " FROM refresh_families f JOIN grants g ON g.id = f.grant_id WHERE f.lookup = $1"
    ))
    .bind(lookup);
    let Some(row) = conn.fetch(statement).await? else { return Ok(None) };
    let mut c = row.columns("refresh_families");
    Ok(Some(Family {
        lookup: c.text("lookup")?,
        generation: c.int("generation")?,
        current_hash: c.text("current_hash")?,
        rotated_at: c.time("rotated_at")?,
        idle_expires_at: c.time("idle_expires_at")?,
        expires_at: c.time("expires_at")?,
        grant: grants::read(&mut c)?,
    }))
}

/// The next generation of a family.
pub struct Rotation<'a> {
    pub lookup: &'a str,
    pub from_generation: i64,
    pub hash: &'a str,
    pub idle_expires_at: Timestamp,
}

/// Moves a family on by one generation. True for exactly one caller a generation, and only while the grant lives.
///
/// # Errors
/// Storage failed.
pub async fn rotate_family(tx: &mut Tx, rotation: &Rotation<'_>, now: Timestamp) -> Result<bool, Fault> {
    let statement =
        sql("UPDATE refresh_families SET generation = generation + 1, current_hash = $3, rotated_at = $4, idle_expires_at = $5
         WHERE lookup = $1 AND generation = $2
         AND EXISTS (SELECT 1 FROM grants g WHERE g.id = refresh_families.grant_id AND g.revoked_at IS NULL)")
        .bind(rotation.lookup)
        .bind(rotation.from_generation)
        .bind(rotation.hash)
        .bind(now)
        .bind(rotation.idle_expires_at);
    Ok(tx.execute(statement).await? > 0)
}

/// Whether a family still stands at `generation` and its grant lives: the retry of a refresh (decision 19).
///
/// # Errors
/// Storage failed.
pub async fn stands_at(tx: &mut Tx, lookup: &str, generation: i64) -> Result<bool, Fault> {
    let statement = sql("SELECT 1 FROM refresh_families f JOIN grants g ON g.id = f.grant_id
         WHERE f.lookup = $1 AND f.generation = $2 AND g.revoked_at IS NULL")
    .bind(lookup)
    .bind(generation);
    Ok(tx.fetch(statement).await?.is_some())
}

/// # Errors
/// Storage failed.
pub async fn insert_opaque(tx: &mut Tx, hash: &str, grant_id: &str, detail: &str, expires_at: Timestamp) -> Result<(), Fault> {
    let statement =
        sql("INSERT INTO access_tokens (hash, grant_id, detail, expires_at, revoked_at) VALUES ($1, $2, $3, $4, NULL)")
            .bind(hash)
            .bind(grant_id)
            .bind(detail)
            .bind(expires_at);
    tx.execute(statement).await?;
    Ok(())
}

/// # Errors
/// Storage failed.
pub async fn find_opaque(conn: &mut Conn, hash: &str) -> Result<Option<Opaque>, Fault> {
    let statement = sql(concat!(
        "SELECT t.detail, t.expires_at, t.revoked_at, ",
        grant_columns!(),
        " FROM access_tokens t JOIN grants g ON g.id = t.grant_id WHERE t.hash = $1"
    ))
    .bind(hash);
    conn.fetch(statement)
        .await?
        .map(|row: Row| {
            let mut c = row.columns("access_tokens");
            Ok(Opaque {
                detail: c.text("detail")?,
                expires_at: c.time("expires_at")?,
                revoked_at: c.opt_time("revoked_at")?,
                grant: grants::read(&mut c)?,
            })
        })
        .transpose()
}

/// # Errors
/// Storage failed.
pub async fn revoke_opaque(tx: &mut Tx, hash: &str, now: Timestamp) -> Result<bool, Fault> {
    let statement = sql("UPDATE access_tokens SET revoked_at = $2 WHERE hash = $1 AND revoked_at IS NULL").bind(hash).bind(now);
    Ok(tx.execute(statement).await? > 0)
}

/// Remembers that a JWT access token was revoked, until it would have expired anyway; says whether that was new.
///
/// # Errors
/// Storage failed.
pub async fn revoke_jti(tx: &mut Tx, jti: &str, expires_at: Timestamp) -> Result<bool, Fault> {
    let statement =
        sql("INSERT INTO revoked_jti (jti, expires_at) VALUES ($1, $2) ON CONFLICT (jti) DO NOTHING").bind(jti).bind(expires_at);
    Ok(tx.execute(statement).await? > 0)
}

/// Uses up the `jti` of a JWT that somebody else made and that counts once: a client its assertion (RFC 7523 section 3, item 7), or
/// a provider, by its issuer, a logout token. True for exactly one caller.
///
/// # Errors
/// Storage failed.
pub async fn use_jti(tx: &mut Tx, maker: &str, jti_hash: &str, expires_at: Timestamp) -> Result<bool, Fault> {
    let statement = sql("INSERT INTO assertion_jti (client_id, jti_hash, expires_at) VALUES ($1, $2, $3)
         ON CONFLICT (client_id, jti_hash) DO NOTHING")
    .bind(maker)
    .bind(jti_hash)
    .bind(expires_at);
    Ok(tx.execute(statement).await? > 0)
}

/// Removes what expired before `before`.
///
/// # Errors
/// Storage failed.
pub async fn sweep(tx: &mut Tx, before: Timestamp) -> Result<u64, Fault> {
    let mut removed = 0;
    for statement in [
        "DELETE FROM authorization_codes WHERE expires_at < $1",
        "DELETE FROM refresh_families WHERE idle_expires_at < $1",
        "DELETE FROM access_tokens WHERE expires_at < $1",
        "DELETE FROM revoked_jti WHERE expires_at < $1",
        "DELETE FROM assertion_jti WHERE expires_at < $1",
    ] {
        removed += tx.execute(sql(statement).bind(before)).await?;
    }
    Ok(removed)
}
