//! Every column that is sealed under a master key, for the change of that key; and the print of the first one.

use super::{Conn, Row, Tx, sql};
use crate::base::{Fault, Timestamp};

/// A column that is sealed and stays. What is gone within the hour is not sealed anew: the old key stays in the file until then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    SigningKeys,
    ClientSecrets,
    PairwiseSalts,
    Factors,
    Upstreams,
    UpstreamSessions,
}

impl Column {
    pub const ALL: [Self; 6] =
        [Self::SigningKeys, Self::ClientSecrets, Self::PairwiseSalts, Self::Factors, Self::Upstreams, Self::UpstreamSessions];

    /// Its table.
    pub const fn table(self) -> &'static str {
        match self {
            Self::SigningKeys => "signing_keys",
            Self::ClientSecrets => "client_secrets",
            Self::PairwiseSalts => "pairwise_salts",
            Self::Factors => "factors",
            Self::Upstreams => "upstreams",
            Self::UpstreamSessions => "upstream_sessions",
        }
    }

    /// Its name in that table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SigningKeys | Self::ClientSecrets | Self::PairwiseSalts | Self::Factors => "sealed",
            Self::Upstreams => "sealed_secret",
            Self::UpstreamSessions => "sealed_id_token",
        }
    }
}

/// A value as its row has it.
pub struct Sealed {
    /// The key of the row.
    pub key: String,
    /// What it was sealed for beside table and column: the key of the row, or whoever it tells of.
    pub place: String,
    pub value: String,
}

/// The next values after a row, in the order of their keys; what holds nothing is left out.
///
/// # Errors
/// Storage failed.
pub async fn list(conn: &mut Conn, column: Column, after: &str, limit: i64) -> Result<Vec<Sealed>, Fault> {
    let statement = match column {
        Column::SigningKeys => {
            sql("SELECT id, id AS place, sealed FROM signing_keys WHERE id > $1 AND sealed <> '' ORDER BY id LIMIT $2")
        }
        Column::ClientSecrets => {
            sql("SELECT id, id AS place, sealed FROM client_secrets WHERE id > $1 AND sealed IS NOT NULL ORDER BY id LIMIT $2")
        }
        Column::PairwiseSalts => sql("SELECT id, id AS place, sealed FROM pairwise_salts WHERE id > $1 ORDER BY id LIMIT $2"),
        Column::Factors => sql("SELECT id, id AS place, sealed FROM factors WHERE id > $1 ORDER BY id LIMIT $2"),
        Column::Upstreams => sql("SELECT id, id AS place, sealed_secret FROM upstreams WHERE id > $1 ORDER BY id LIMIT $2"),
        Column::UpstreamSessions => {
            sql("SELECT session_id, issuer || ' ' || subject AS place, sealed_id_token FROM upstream_sessions
             WHERE session_id > $1 AND sealed_id_token IS NOT NULL ORDER BY session_id LIMIT $2")
        }
    };
    let read = |row: &Row| {
        let mut c = row.columns(column.table());
        Ok(Sealed { key: c.text("key")?, place: c.text("place")?, value: c.text(column.name())? })
    };
    conn.fetch_all(statement.bind(after).bind(limit)).await?.iter().map(read).collect()
}

/// Puts a value sealed anew in the place of the one that was read; false if that changed in the meantime.
///
/// # Errors
/// Storage failed.
pub async fn replace(tx: &mut Tx, column: Column, key: &str, (old, new): (&str, &str)) -> Result<bool, Fault> {
    let statement = match column {
        Column::SigningKeys => sql("UPDATE signing_keys SET sealed = $3 WHERE id = $1 AND sealed = $2"),
        Column::ClientSecrets => sql("UPDATE client_secrets SET sealed = $3 WHERE id = $1 AND sealed = $2"),
        Column::PairwiseSalts => sql("UPDATE pairwise_salts SET sealed = $3 WHERE id = $1 AND sealed = $2"),
        Column::Factors => sql("UPDATE factors SET sealed = $3 WHERE id = $1 AND sealed = $2"),
        Column::Upstreams => sql("UPDATE upstreams SET sealed_secret = $3 WHERE id = $1 AND sealed_secret = $2"),
        Column::UpstreamSessions => {
            sql("UPDATE upstream_sessions SET sealed_id_token = $3 WHERE session_id = $1 AND sealed_id_token = $2")
        }
    };
    Ok(tx.execute(statement.bind(key).bind(old).bind(new)).await? > 0)
}

/// The one row of the print.
const PRINT: &str = "first";

/// What is known of the first line of the master key file.
///
/// # Errors
/// Storage failed.
pub async fn print(conn: &mut Conn) -> Result<Option<String>, Fault> {
    let row = conn.fetch(sql("SELECT print FROM master_key_prints WHERE id = $1").bind(PRINT)).await?;
    row.map(|row| row.columns("master_key_prints").text("print")).transpose()
}

/// Keeps it, unless there is one.
///
/// # Errors
/// Storage failed.
pub async fn keep_print(tx: &mut Tx, print: &str, now: Timestamp) -> Result<(), Fault> {
    let statement = sql("INSERT INTO master_key_prints (id, print, created_at) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING")
        .bind(PRINT)
        .bind(print)
        .bind(now);
    tx.execute(statement).await?;
    Ok(())
}
