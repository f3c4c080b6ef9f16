//! The schema's versions: each applied once, by one process, whole or not at all (decision 7).
//!
//! SQLite is locked by an exclusive file beside the database, PostgreSQL by an advisory lock. A schema that is newer than
//! this program, or whose files changed, is refused and left alone.

use std::fs::File;
use std::path::Path;

use rusqlite::TransactionBehavior;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, Row as _};

use super::db::{Purpose, connect_sqlite};
use super::{Db, Durability, sql};
use crate::base::{Fault, base64url, sha256};

/// Every migration, oldest first; the number is the place.
const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/0001_initial.sql"),
    include_str!("../../migrations/0002_outbox.sql"),
    include_str!("../../migrations/0003_accounts.sql"),
    include_str!("../../migrations/0004_audit.sql"),
    include_str!("../../migrations/0005_logout.sql"),
    include_str!("../../migrations/0006_registration.sql"),
    include_str!("../../migrations/0007_second_factors.sql"),
    include_str!("../../migrations/0008_passkeys.sql"),
    include_str!("../../migrations/0009_upstreams.sql"),
    include_str!("../../migrations/0010_people.sql"),
    include_str!("../../migrations/0011_standing.sql"),
    include_str!("../../migrations/0012_upstream_sessions.sql"),
];

const TABLE: &str = "CREATE TABLE IF NOT EXISTS migrations (number BIGINT PRIMARY KEY, checksum TEXT NOT NULL)";

const APPLIED: &str = "SELECT number, checksum FROM migrations ORDER BY number";

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
    let table = match db.file() {
        Some(_) => sql("SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'migrations'"),
        None => sql("SELECT CAST(to_regclass('migrations') AS TEXT) WHERE to_regclass('migrations') IS NOT NULL"),
    };
    let mut conn = db.conn();
    if conn.fetch(table).await?.is_none() {
        return judge(&[]);
    }
    let rows = conn.fetch_all(sql(APPLIED)).await?;
    let applied = rows.iter().map(|row| {
        let mut c = row.columns("migrations");
        Ok((c.int("number")?, c.text("checksum")?))
    });
    judge(&applied.collect::<Result<Vec<_>, Fault>>()?)
}

/// Brings the database up to date; says how many migrations were applied. Several processes may do this at once: one does
/// it, the others wait.
///
/// # Errors
/// It is newer or not one of ours, or a migration failed: then nothing of that migration stays.
pub async fn migrate(db: &Db) -> Result<usize, Fault> {
    match (db.connect_options(), db.file()) {
        (Some(options), _) => postgres(&options).await,
        (None, Some(file)) => {
            let file = file.to_owned();
            // Waiting for another process's lock may take long, and this is nobody's thread to block.
            tokio::task::spawn_blocking(move || sqlite(&file)).await.map_err(Fault::at("store: migrations"))?
        }
        (None, None) => Err(Fault::new("store: migrations", "no database")),
    }
}

/// A migration that the engine refuses meets tables that it does not expect.
fn refused(number: i64, error: impl std::fmt::Display) -> Fault {
    let why =
        format!("migration {number} cannot be applied and nothing of it was; is this a database of Vouchsafe's own? {error}");
    Fault::new("store: migrations", why)
}

fn sqlite(file: &Path) -> Result<usize, Fault> {
    let mut beside = file.as_os_str().to_owned();
    beside.push(".migrating");
    let lock = File::create(&beside).map_err(Fault::at("store: migration lock"))?;
    lock.lock().map_err(Fault::at("store: migration lock"))?;
    let mut connection = connect_sqlite(file, Durability::Full, Purpose::Write)?;
    let wrong = || Fault::at::<rusqlite::Error>("store: migrations");
    connection.execute_batch(TABLE).map_err(wrong())?;
    let applied = {
        let mut prepared = connection.prepare(APPLIED).map_err(wrong())?;
        let rows = prepared.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).map_err(wrong())?;
        rows.collect::<Result<Vec<(i64, String)>, _>>().map_err(wrong())?
    };
    judge(&applied)?;
    for (number, text) in (1_i64..).zip(MIGRATIONS).skip(applied.len()) {
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(wrong())?;
        tx.execute_batch(text).map_err(|error| refused(number, error))?;
        tx.execute("INSERT INTO migrations (number, checksum) VALUES (?1, ?2)", (number, checksum(text))).map_err(wrong())?;
        tx.commit().map_err(wrong())?;
    }
    Ok(MIGRATIONS.len() - applied.len())
}

/// On a connection of its own: whatever happens, the lock goes with it and no connection of the pool was changed.
async fn postgres(options: &PgConnectOptions) -> Result<usize, Fault> {
    let wrong = || Fault::at::<sqlx::Error>("store: migrations");
    let mut connection = PgConnection::connect_with(options).await.map_err(wrong())?;
    // Whoever waits for the lock waits for somebody else's migration, which may take its time.
    connection.execute("SET lock_timeout = 0").await.map_err(wrong())?;
    connection.execute("SET statement_timeout = 0").await.map_err(wrong())?;
    sqlx::query("SELECT pg_advisory_lock($1)").bind(LOCK).execute(&mut connection).await.map_err(wrong())?;
    connection.execute(TABLE).await.map_err(wrong())?;
    let rows = sqlx::query(APPLIED).fetch_all(&mut connection).await.map_err(wrong())?;
    let applied = rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<Result<Vec<_>, _>>();
    let applied: Vec<(i64, String)> = applied.map_err(wrong())?;
    judge(&applied)?;
    for (number, text) in (1_i64..).zip(MIGRATIONS).skip(applied.len()) {
        let mut tx = connection.begin().await.map_err(wrong())?;
        tx.execute(sqlx::raw_sql(AssertSqlSafe(*text))).await.map_err(|error| refused(number, error))?;
        sqlx::query("INSERT INTO migrations (number, checksum) VALUES ($1, $2)")
            .bind(number)
            .bind(checksum(text))
            .execute(&mut *tx)
            .await
            .map_err(wrong())?;
        tx.commit().await.map_err(wrong())?;
    }
    connection.close().await.map_err(wrong())?;
    Ok(MIGRATIONS.len() - applied.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::test_db::{every_engine, sqlite};

    /// Decision 7: an older schema is known, a newer, half-migrated or foreign one is refused.
    #[test]
    fn a_foreign_schema_is_refused() {
        assert_eq!(judge(&[]).unwrap(), State::Behind(MIGRATIONS.len()));
        let own: Vec<_> = (1_i64..).zip(MIGRATIONS).map(|(n, text)| (n, checksum(text))).collect();
        assert_eq!(judge(&own).unwrap(), State::Current);
        let mut newer = own.clone();
        newer.push((own.len() as i64 + 1, "x".to_owned()));
        assert!(judge(&newer).unwrap_err().to_string().contains("newer"));
        let mut changed = own.clone();
        changed[0].1.push('x');
        assert!(judge(&changed).unwrap_err().to_string().contains("another text"));
        let mut gap = own;
        gap[0].0 += 1;
        assert!(judge(&gap).is_err());
    }

    /// RL-17: eight start at once on an empty database; each migration is applied once, and all find it current.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn raced() {
        for _ in 0..3 {
            for test in every_engine().await {
                let mut racing = Vec::new();
                for _ in 0..8 {
                    let db = test.open().await;
                    racing.push(tokio::spawn(async move {
                        let applied = migrate(&db).await.unwrap();
                        assert_eq!(state(&db).await.unwrap(), State::Current);
                        applied
                    }));
                }
                let mut applied = 0;
                for one in racing {
                    applied += one.await.unwrap();
                }
                assert_eq!(applied, MIGRATIONS.len());
            }
        }
    }

    /// Decision 7: to look changes nothing, and what a stored schema says is obeyed.
    #[tokio::test]
    async fn a_stored_schema_is_judged() {
        for test in every_engine().await {
            let db = test.open().await;
            assert_eq!(state(&db).await.unwrap(), State::Behind(MIGRATIONS.len()));
            assert_eq!(state(&db).await.unwrap(), State::Behind(MIGRATIONS.len()));
            assert_eq!(migrate(&db).await.unwrap(), MIGRATIONS.len());
            assert_eq!(migrate(&db).await.unwrap(), 0);
            let newer = async |tx: &mut crate::store::Tx| {
                tx.execute(sql("INSERT INTO migrations (number, checksum) VALUES (1000, 'x')")).await
            };
            db.write(newer).await.unwrap();
            assert!(state(&db).await.is_err());
            assert!(migrate(&db).await.is_err());
        }
    }

    /// A migration that fails in its middle leaves nothing behind.
    #[tokio::test]
    async fn whole_or_not_at_all() {
        for test in every_engine().await {
            let db = test.open().await;
            // The last table of the first migration is in the way.
            let obstacle = async |tx: &mut crate::store::Tx| tx.execute(sql("CREATE TABLE audit_events (id TEXT)")).await;
            db.write(obstacle).await.unwrap();
            let fault = migrate(&db).await.unwrap_err();
            assert!(fault.to_string().contains("cannot be applied"), "{fault}");
            assert!(db.conn().fetch(sql("SELECT id FROM users")).await.is_err());
            assert_eq!(state(&db).await.unwrap(), State::Behind(MIGRATIONS.len()));
        }
    }

    /// Architecture section 5: both engines end up with the same tables, columns, types and indexes.
    #[tokio::test]
    async fn one_schema() {
        let mut found = Vec::new();
        for test in every_engine().await {
            let db = test.open().await;
            migrate(&db).await.unwrap();
            let columns = match db.file() {
                Some(_) => sql("SELECT m.name || '.' || p.name || ' ' || p.type || CASE WHEN p.\"notnull\" = 1 OR p.pk > 0 THEN ' NOT NULL' ELSE '' END AS text
                     FROM sqlite_master m JOIN pragma_table_info(m.name) p WHERE m.type = 'table'
                     UNION ALL SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"),
                None => sql("SELECT table_name || '.' || column_name || ' ' || upper(data_type) || CASE WHEN is_nullable = 'NO' THEN ' NOT NULL' ELSE '' END AS text
                     FROM information_schema.columns WHERE table_schema = current_schema()
                     UNION ALL SELECT indexname FROM pg_indexes WHERE schemaname = current_schema() AND indexname NOT IN (SELECT conname FROM pg_constraint)"),
            };
            let mut lines = Vec::new();
            for row in db.conn().fetch_all(columns).await.unwrap() {
                lines.push(row.columns("schema").text("text").unwrap());
            }
            lines.sort();
            assert!(lines.len() > 100, "{lines:?}");
            found.push(lines);
        }
        for other in found.iter().skip(1) {
            assert_eq!(found.first(), Some(other));
        }
    }

    /// A file that is no database is refused in words.
    #[tokio::test]
    async fn no_database_at_all() {
        let test = sqlite();
        std::fs::write(test.folder.path().join("test.db"), "hello, this is certainly not a database file".repeat(50)).unwrap();
        let opened = Db::open(&test.url, &crate::store::Options::default()).await;
        assert!(opened.err().unwrap().to_string().contains("not a database"));
    }
}
