//! Every column that is sealed under a master key, for the change of that key; and the print of the first one.

use super::{Conn, Row, Tx, sql};
use crate::base::{Fault, Id, Timestamp};

/// A column that is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    SigningKeys,
    ClientSecrets,
    PairwiseSalts,
    Factors,
}

impl Column {
    pub const ALL: [Self; 4] = [Self::SigningKeys, Self::ClientSecrets, Self::PairwiseSalts, Self::Factors];

    /// Its table; the column is called `sealed` in each.
    pub const fn table(self) -> &'static str {
        match self {
            Self::SigningKeys => "signing_keys",
            Self::ClientSecrets => "client_secrets",
            Self::PairwiseSalts => "pairwise_salts",
            Self::Factors => "factors",
        }
    }
}

/// The next values after a row, in the order of their ids; what holds nothing is left out.
///
/// # Errors
/// Storage failed.
pub async fn list(conn: &mut Conn, column: Column, after: &str, limit: i64) -> Result<Vec<(Id, String)>, Fault> {
    let statement = match column {
        Column::SigningKeys => sql("SELECT id, sealed FROM signing_keys WHERE id > $1 AND sealed <> '' ORDER BY id LIMIT $2"),
        Column::ClientSecrets => {
            sql("SELECT id, sealed FROM client_secrets WHERE id > $1 AND sealed IS NOT NULL ORDER BY id LIMIT $2")
        }
        Column::PairwiseSalts => sql("SELECT id, sealed FROM pairwise_salts WHERE id > $1 ORDER BY id LIMIT $2"),
        Column::Factors => sql("SELECT id, sealed FROM factors WHERE id > $1 ORDER BY id LIMIT $2"),
    };
    let read = |row: &Row| {
        let mut c = row.columns(column.table());
        Ok((c.id("id")?, c.text("sealed")?))
    };
    conn.fetch_all(statement.bind(after).bind(limit)).await?.iter().map(read).collect()
}

/// Puts a value sealed anew in the place of the one that was read; false if that changed in the meantime.
///
/// # Errors
/// Storage failed.
pub async fn replace(tx: &mut Tx, column: Column, id: &Id, (old, new): (&str, &str)) -> Result<bool, Fault> {
    let statement = match column {
        Column::SigningKeys => sql("UPDATE signing_keys SET sealed = $3 WHERE id = $1 AND sealed = $2"),
        Column::ClientSecrets => sql("UPDATE client_secrets SET sealed = $3 WHERE id = $1 AND sealed = $2"),
        Column::PairwiseSalts => sql("UPDATE pairwise_salts SET sealed = $3 WHERE id = $1 AND sealed = $2"),
        Column::Factors => sql("UPDATE factors SET sealed = $3 WHERE id = $1 AND sealed = $2"),
    };
    Ok(tx.execute(statement.bind(id).bind(old).bind(new)).await? > 0)
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
