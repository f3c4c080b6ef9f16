//! The only file that names an engine: one database, one way to read and one way to write.

mod postgres;
mod row;
mod sqlite;
mod statement;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::base::Fault;
pub use row::{Columns, Row};
pub(super) use sqlite::connect as connect_sqlite;
pub use statement::{Statement, Value, sql};

/// What SQLite promises of a commit that it answered (PostgreSQL's own setting decides there).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// It survives a power loss.
    Full,
    /// It survives a crash of the process; for tests and benchmarks.
    Normal,
}

/// How a database is opened.
#[derive(Clone, Debug)]
pub struct Options {
    pub durability: Durability,
}

impl Default for Options {
    fn default() -> Self {
        Self { durability: Durability::Full }
    }
}

/// A database; cheap to clone.
#[derive(Clone)]
pub struct Db(Engine);

#[derive(Clone)]
enum Engine {
    Sqlite(Arc<sqlite::Sqlite>),
    Postgres(sqlx::PgPool),
}

/// Reads, one statement at a time.
pub struct Conn(Engine);

/// A transaction of which only its job knows.
pub struct Tx(Open);

enum Open {
    Sqlite(sqlite::Writing),
    Postgres(postgres::Transaction),
}

impl Db {
    /// Opens `sqlite://PATH` or `postgres://…`. PostgreSQL is not asked anything yet.
    ///
    /// # Errors
    /// The URL is neither, or the file cannot be used.
    pub async fn open(url: &str, options: &Options) -> Result<Self, Fault> {
        if let Some(path) = sqlite_path(url) {
            create_private(&path)?;
            return Ok(Self(Engine::Sqlite(sqlite::Sqlite::open(&path, options.durability)?)));
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self(Engine::Postgres(postgres::open(url)?)));
        }
        Err(Fault::new("store: database.url", "must begin with sqlite:// or postgres://"))
    }

    /// For reads. It holds nothing between two statements.
    pub fn conn(&self) -> Conn {
        Conn(self.0.clone())
    }

    /// Runs `work` in one transaction: committed when it answers `Ok`, rolled back otherwise. It may await nothing but its
    /// own statements.
    ///
    /// # Errors
    /// What `work` answers, or the database failed: then nothing is known to be written.
    pub async fn write<T, F>(&self, work: F) -> Result<T, Fault>
    where
        T: Send + 'static,
        F: AsyncFnOnce(&mut Tx) -> Result<T, Fault> + Send + 'static,
    {
        match &self.0 {
            Engine::Sqlite(sqlite) => sqlite.write(work).await,
            Engine::Postgres(pool) => {
                let mut tx = Tx(Open::Postgres(postgres::begin(pool).await?));
                let value = work(&mut tx).await?;
                if let Open::Postgres(transaction) = tx.0 {
                    transaction.commit().await?;
                }
                Ok(value)
            }
        }
    }

    /// SQLite: a number that changes when anything was written by another connection. PostgreSQL has no such thing.
    ///
    /// # Errors
    /// The database failed.
    pub async fn data_version(&self) -> Result<Option<i64>, Fault> {
        match &self.0 {
            Engine::Sqlite(sqlite) => sqlite.data_version().map(Some),
            Engine::Postgres(_) => Ok(None),
        }
    }

    /// The database file, where there is one.
    pub fn file(&self) -> Option<&Path> {
        match &self.0 {
            Engine::Sqlite(sqlite) => Some(sqlite.path()),
            Engine::Postgres(_) => None,
        }
    }

    pub(super) const fn pool(&self) -> Option<&sqlx::PgPool> {
        match &self.0 {
            Engine::Sqlite(_) => None,
            Engine::Postgres(pool) => Some(pool),
        }
    }
}

/// The file of an SQLite URL.
pub(super) fn sqlite_path(url: &str) -> Option<PathBuf> {
    let rest = url.strip_prefix("sqlite:")?;
    let path = rest.strip_prefix("//").unwrap_or(rest);
    (!path.is_empty()).then(|| PathBuf::from(path))
}

/// A new database file is its owner's alone.
fn create_private(path: &Path) -> Result<(), Fault> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let wrong = |error: std::io::Error| Fault::new("store: open", format!("{}: {error}", path.display()));
    std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path).map_err(wrong)?;
    Ok(())
}

impl Conn {
    /// # Errors
    /// The database failed.
    pub async fn fetch_all(&mut self, statement: Statement) -> Result<Vec<Row>, Fault> {
        match &self.0 {
            Engine::Sqlite(sqlite) => sqlite.read(&statement),
            Engine::Postgres(pool) => postgres::read(pool, &statement).await,
        }
    }

    /// The first row, if there is one.
    ///
    /// # Errors
    /// The database failed.
    pub async fn fetch(&mut self, statement: Statement) -> Result<Option<Row>, Fault> {
        Ok(self.fetch_all(statement).await?.into_iter().next())
    }
}

impl Tx {
    fn sqlite(writing: sqlite::Writing) -> Self {
        Self(Open::Sqlite(writing))
    }

    const fn writing(&self) -> Option<&sqlite::Writing> {
        match &self.0 {
            Open::Sqlite(writing) => Some(writing),
            Open::Postgres(_) => None,
        }
    }

    /// # Errors
    /// The database failed; on PostgreSQL the transaction is over then.
    pub async fn fetch_all(&mut self, statement: Statement) -> Result<Vec<Row>, Fault> {
        match &mut self.0 {
            Open::Sqlite(writing) => writing.fetch_all(&statement),
            Open::Postgres(transaction) => transaction.fetch_all(&statement).await,
        }
    }

    /// The first row, if there is one.
    ///
    /// # Errors
    /// The database failed.
    pub async fn fetch(&mut self, statement: Statement) -> Result<Option<Row>, Fault> {
        Ok(self.fetch_all(statement).await?.into_iter().next())
    }

    /// Runs a statement that answers no rows; says how many rows it touched.
    ///
    /// # Errors
    /// The database failed; on PostgreSQL the transaction is over then.
    pub async fn execute(&mut self, statement: Statement) -> Result<u64, Fault> {
        match &mut self.0 {
            Open::Sqlite(writing) => writing.execute(&statement),
            Open::Postgres(transaction) => transaction.execute(&statement).await,
        }
    }
}
