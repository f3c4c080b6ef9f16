//! The schema's versions: each applied once, by one process, whole or not at all (decision 7).
//!
//! SQLite is locked by an exclusive file beside the database, PostgreSQL by an advisory lock. A schema that is newer than
//! this program, or whose files changed, is refused and left alone.

use std::fs::File;

use rusqlite::OpenFlags;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, Row as _};

use super::db::{connect_sqlite, sqlite_path};
use super::{Db, Durability};
use crate::base::{Fault, base64url, sha256};

/// Every migration, oldest first; the number is the place.
const MIGRATIONS: &[&str] = &[include_str!("../../migrations/0001_initial.sql")];

const TABLE: &str = "CREATE TABLE IF NOT EXISTS migrations (number BIGINT PRIMARY KEY, checksum TEXT NOT NULL)";

/// The advisory lock of every Vouchsafe on a PostgreSQL database.
const LOCK: i64 = 0x766f_7563_6873_6166;

/// How a database stands to this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// As this program wants it.
    Current,
    /// Empty or older: so many migrations are missing.
    Behind(usize),
}

fn checksum(text: &str) -> String {
    base64url(&sha256(text.as_bytes()))
}

/// Compares what was applied with what this program has.
fn judge(applied: &[(i64, String)]) -> Result<State, Fault> {
    if applied.len() > MIGRATIONS.len() {
        let why = "the database was migrated by a newer version; run that version, or restore a backup";
        return Err(Fault::new("store: migrations", why));
    }
    for (at, (number, sum)) in applied.iter().enumerate() {
        let known = MIGRATIONS.get(at).is_some_and(|text| checksum(text) == *sum);
        if usize::try_from(*number).ok() != Some(at + 1) || !known {
            let why = format!("migration {number} was applied with another text; the schema is not one of this program");
            return Err(Fault::new("store: migrations", why));
        }
    }
    Ok(match MIGRATIONS.len() - applied.len() {
        0 => State::Current,
        missing => State::Behind(missing),
    })
}

/// How the database stands, without changing anything.
///
/// # Errors
/// It cannot be read, is newer, or is not one of ours.
pub async fn state(db: &Db) -> Result<State, Fault> {
    let tables = match db.pool() {
        None => super::sql("SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'migrations'"),
        Some(_) => super::sql("SELECT table_name::text FROM information_schema.tables WHERE table_name = 'migrations' AND table_schema = current_schema()"),
    };
    let mut conn = db.conn();
    if conn.fetch(tables).await?.is_none() {
        return judge(&[]);
    }
    let rows = conn.fetch_all(super::sql("SELECT number, checksum FROM migrations ORDER BY number")).await?;
    let applied = rows.iter().map(|row| {
        let mut c = row.columns("migrations");
        Ok((c.int("number")?, c.text("checksum")?))
    });
    judge(&applied.collect::<Result<Vec<_>, Fault>>()?)
}

/// Brings the database up to date; says how many migrations were applied. Several processes may do this at once.
///
/// # Errors
/// It is newer or not one of ours, or a migration failed: then nothing of that migration stays.
pub async fn migrate(db: &Db) -> Result<usize, Fault> {
    match (db.pool(), db.file()) {
        (Some(pool), _) => postgres(pool).await,
        (None, Some(file)) => sqlite(file),
        (None, None) => Err(Fault::new("store: migrations", "no database")),
    }
}

fn sqlite(file: &std::path::Path) -> Result<usize, Fault> {
    let mut lock_path = file.as_os_str().to_owned();
    lock_path.push(".migrating");
    let lock = File::create(&lock_path).map_err(Fault::at("store: migration lock"))?;
    lock.lock().map_err(Fault::at("store: migration lock"))?;
    let mut connection = connect_sqlite(file, Durability::Full, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let wrong = || Fault::at::<rusqlite::Error>("store: migrations");
    connection.execute_batch(TABLE).map_err(wrong())?;
    let applied = {
        let mut prepared = connection.prepare("SELECT number, checksum FROM migrations ORDER BY number").map_err(wrong())?;
        let rows = prepared.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).map_err(wrong())?;
        rows.collect::<Result<Vec<(i64, String)>, _>>().map_err(wrong())?
    };
    judge(&applied)?;
    for (number, text) in (1_i64..).zip(MIGRATIONS).skip(applied.len()) {
        let tx = connection.transaction().map_err(wrong())?;
        tx.execute_batch(text).map_err(wrong())?;
        tx.execute("INSERT INTO migrations (number, checksum) VALUES (?1, ?2)", (number, checksum(text))).map_err(wrong())?;
        tx.commit().map_err(wrong())?;
    }
    Ok(MIGRATIONS.len() - applied.len())
}

async fn postgres(pool: &sqlx::PgPool) -> Result<usize, Fault> {
    let wrong = || Fault::at::<sqlx::Error>("store: migrations");
    let mut connection = pool.acquire().await.map_err(wrong())?;
    // Whoever waits for the lock waits for somebody else's migration, which may take its time.
    connection.execute("SET lock_timeout = 0; SET statement_timeout = 0").await.map_err(wrong())?;
    sqlx::query("SELECT pg_advisory_lock($1)").bind(LOCK).execute(&mut *connection).await.map_err(wrong())?;
    connection.execute(TABLE).await.map_err(wrong())?;
    let rows = sqlx::query("SELECT number, checksum FROM migrations ORDER BY number").fetch_all(&mut *connection).await;
    let applied = rows.map_err(wrong())?.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<Result<Vec<_>, _>>();
    let applied: Vec<(i64, String)> = applied.map_err(wrong())?;
    judge(&applied)?;
    for (number, text) in (1_i64..).zip(MIGRATIONS).skip(applied.len()) {
        let mut tx = connection.begin().await.map_err(wrong())?;
        tx.execute(AssertSqlSafe(*text)).await.map_err(wrong())?;
        sqlx::query("INSERT INTO migrations (number, checksum) VALUES ($1, $2)")
            .bind(number)
            .bind(checksum(text))
            .execute(&mut *tx)
            .await
            .map_err(wrong())?;
        tx.commit().await.map_err(wrong())?;
    }
    // The lock goes with the connection, whatever happened on it.
    connection.close().await.map_err(wrong())?;
    Ok(MIGRATIONS.len() - applied.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decision 7: an older schema is known, a newer or foreign one is refused.
    #[test]
    fn a_foreign_schema_is_refused() {
        assert_eq!(judge(&[]).unwrap(), State::Behind(MIGRATIONS.len()));
        let own: Vec<_> = (1_i64..).zip(MIGRATIONS).map(|(n, text)| (n, checksum(text))).collect();
        assert_eq!(judge(&own).unwrap(), State::Current);
        let mut newer = own.clone();
        newer.push((own.len() as i64 + 1, "x".to_owned()));
        assert!(judge(&newer).is_err());
        let mut changed = own;
        changed[0].1.push('x');
        assert!(judge(&changed).is_err());
    }
}
