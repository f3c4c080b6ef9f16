//! Signing keys. An algorithm has at most one active and one next key: unique indexes hold every node to it.

use super::{Columns, Conn, Tx, sql};
use crate::base::{Fault, Id, Timestamp};
use crate::jose::{Alg, PublicJwk};

/// Where a key stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Signs and is published.
    Active,
    /// Is published, so that relying parties know it before it signs.
    Next,
    /// Signs no more; what it signed is still verified.
    Retiring,
    /// Is history: its private half is erased.
    Gone,
}

impl State {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Next => "next",
            Self::Retiring => "retiring",
            Self::Gone => "gone",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Active, Self::Next, Self::Retiring, Self::Gone].into_iter().find(|state| state.as_str() == text)
    }
}

/// A key as its row has it; the private half is sealed by `keys::Vault`.
#[derive(Clone, Debug)]
pub struct StoredKey {
    pub id: Id,
    pub kid: String,
    pub alg: Alg,
    pub state: State,
    pub public_jwk: PublicJwk,
    pub sealed: String,
    pub created_at: Timestamp,
    pub published_at: Timestamp,
    pub activated_at: Option<Timestamp>,
    pub retired_at: Option<Timestamp>,
}

fn read(c: &mut Columns<'_>) -> Result<StoredKey, Fault> {
    Ok(StoredKey {
        id: c.id("id")?,
        kid: c.text("kid")?,
        alg: Alg::parse(&c.text("alg")?).ok_or_else(|| Fault::corrupt("signing_keys", "alg"))?,
        state: State::parse(&c.text("state")?).ok_or_else(|| Fault::corrupt("signing_keys", "state"))?,
        public_jwk: c.json("public_jwk")?,
        sealed: c.text("sealed")?,
        created_at: c.time("created_at")?,
        published_at: c.time("published_at")?,
        activated_at: c.opt_time("activated_at")?,
        retired_at: c.opt_time("retired_at")?,
    })
}

/// Every key that was ever made, by algorithm and age.
///
/// # Errors
/// Storage failed, or a row is broken.
pub async fn list(conn: &mut Conn) -> Result<Vec<StoredKey>, Fault> {
    let statement = sql("SELECT id, kid, alg, state, public_jwk, sealed, created_at, published_at, activated_at, retired_at
         FROM signing_keys ORDER BY alg, id");
    conn.fetch_all(statement).await?.iter().map(|row| read(&mut row.columns("signing_keys"))).collect()
}

/// The keys that sign or are published: what a process keeps in memory.
///
/// # Errors
/// Storage failed, or a row is broken.
pub async fn live(conn: &mut Conn) -> Result<Vec<StoredKey>, Fault> {
    let statement = sql("SELECT id, kid, alg, state, public_jwk, sealed, created_at, published_at, activated_at, retired_at
         FROM signing_keys WHERE state IN ('active', 'next', 'retiring') ORDER BY alg, id");
    conn.fetch_all(statement).await?.iter().map(|row| read(&mut row.columns("signing_keys"))).collect()
}

/// Stores a new key; false if the algorithm has one in this state already, which another node made.
///
/// # Errors
/// Storage failed.
pub async fn insert(tx: &mut Tx, key: &StoredKey) -> Result<bool, Fault> {
    let jwk = serde_json::to_string(&key.public_jwk).map_err(Fault::at("store: public key"))?;
    let statement = sql("INSERT INTO signing_keys
         (id, kid, alg, state, public_jwk, sealed, created_at, published_at, activated_at, retired_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING")
    .bind(&key.id)
    .bind(&key.kid)
    .bind(key.alg.as_str())
    .bind(key.state.as_str())
    .bind(jwk)
    .bind(&key.sealed)
    .bind(key.created_at)
    .bind(key.published_at)
    .bind(key.activated_at)
    .bind(key.retired_at);
    Ok(tx.execute(statement).await? > 0)
}

/// Ends the signing of an active key, if its successor is next and was published by `published_by`. True for one caller.
///
/// # Errors
/// Storage failed.
pub async fn retire_active(
    tx: &mut Tx,
    active: &str,
    next: &str,
    published_by: Timestamp,
    now: Timestamp,
) -> Result<bool, Fault> {
    let statement = sql("UPDATE signing_keys SET state = 'retiring', retired_at = $4
         WHERE kid = $1 AND state = 'active' AND EXISTS
         (SELECT 1 FROM signing_keys n WHERE n.kid = $2 AND n.state = 'next' AND n.published_at <= $3)")
    .bind(active)
    .bind(next)
    .bind(published_by)
    .bind(now);
    Ok(tx.execute(statement).await? > 0)
}

/// Lets a next key sign. The active one must have been retired before, or the unique index refuses.
///
/// # Errors
/// Storage failed, or the algorithm has an active key.
pub async fn activate(tx: &mut Tx, next: &str, now: Timestamp) -> Result<bool, Fault> {
    let statement =
        sql("UPDATE signing_keys SET state = 'active', activated_at = $2 WHERE kid = $1 AND state = 'next'").bind(next).bind(now);
    Ok(tx.execute(statement).await? > 0)
}

/// Takes a key that does not sign out of the set at once and erases its private half.
///
/// # Errors
/// Storage failed.
pub async fn forget(tx: &mut Tx, kid: &str, now: Timestamp) -> Result<bool, Fault> {
    let statement = sql("UPDATE signing_keys SET state = 'gone', sealed = '', retired_at = COALESCE(retired_at, $2)
         WHERE kid = $1 AND state IN ('next', 'retiring')")
    .bind(kid)
    .bind(now);
    Ok(tx.execute(statement).await? > 0)
}
