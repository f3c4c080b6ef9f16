//! The only file that names an engine: one database, one way to read and one way to write.

mod postgres;
mod row;
mod sqlite;
mod statement;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::base::Fault;
pub use row::{Columns, Row};
pub(super) use sqlite::{Purpose, connect as connect_sqlite};
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
    Postgres(Arc<postgres::Server>),
}

/// Reads, one statement at a time.
pub struct Conn(Engine);

/// A transaction of which only its job knows.
pub struct Tx {
    open: Open,
    health: Health,
}

/// After a statement failed nothing more is written and nothing is committed, whatever the job makes of the error:
/// PostgreSQL would answer such a COMMIT with a silent rollback, and SQLite would keep half of the job.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Health {
    Sound,
    Failed,
}

enum Open {
    Sqlite(writer::Writing),
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
            return Ok(Self(Engine::Postgres(Arc::new(postgres::Server::open(url)?))));
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
            Engine::Postgres(server) => {
                let mut tx = Tx::new(Open::Postgres(server.begin().await?));
                let result = work(&mut tx).await.and_then(|value| tx.sound().map(|()| value));
                let Open::Postgres(transaction) = tx.open else { return result };
                match result {
                    Ok(value) => transaction.commit().await.map(|()| value),
                    Err(fault) => {
                        transaction.rollback().await;
                        Err(fault)
                    }
                }
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

    /// How to connect to PostgreSQL, where it is PostgreSQL.
    pub(super) fn connect_options(&self) -> Option<sqlx::postgres::PgConnectOptions> {
        match &self.0 {
            Engine::Sqlite(_) => None,
            Engine::Postgres(server) => Some(server.connect_options()),
        }
    }
}

/// The file of an SQLite URL.
pub(super) fn sqlite_path(url: &str) -> Option<PathBuf> {
    let rest = url.strip_prefix("sqlite:")?;
    let path = rest.strip_prefix("//").unwrap_or(rest);
    (!path.is_empty()).then(|| PathBuf::from(path))
}

/// A new database file is its owner's alone; SQLite gives the files beside it the same mode.
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
            Engine::Postgres(server) => server.read(&statement).await,
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
    const fn new(open: Open) -> Self {
        Self { open, health: Health::Sound }
    }

    const fn on_sqlite(writing: writer::Writing) -> Self {
        Self::new(Open::Sqlite(writing))
    }

    const fn writing(&self) -> Option<&writer::Writing> {
        match &self.open {
            Open::Sqlite(writing) => Some(writing),
            Open::Postgres(_) => None,
        }
    }

    /// For the next job on the same connection.
    const fn renew(&mut self) {
        self.health = Health::Sound;
    }

    fn sound(&self) -> Result<(), Fault> {
        match self.health {
            Health::Sound => Ok(()),
            Health::Failed => Err(Fault::new("store: write", "a statement of this transaction failed before")),
        }
    }

    /// # Errors
    /// The database failed; the transaction is over then.
    pub async fn fetch_all(&mut self, statement: Statement) -> Result<Vec<Row>, Fault> {
        self.sound()?;
        let result = match &mut self.open {
            Open::Sqlite(writing) => writing.fetch_all(&statement),
            Open::Postgres(transaction) => transaction.fetch_all(&statement).await,
        };
        result.inspect_err(|_| self.health = Health::Failed)
    }

    /// The first row, if there is one.
    ///
    /// # Errors
    /// The database failed; the transaction is over then.
    pub async fn fetch(&mut self, statement: Statement) -> Result<Option<Row>, Fault> {
        Ok(self.fetch_all(statement).await?.into_iter().next())
    }

    /// The first row, if there is one, which nobody changes until this transaction ends: PostgreSQL locks it (`FOR SHARE`), SQLite
    /// has one writer anyway.
    ///
    /// # Errors
    /// The database failed; the transaction is over then.
    pub async fn fetch_held(&mut self, statement: Statement) -> Result<Option<Row>, Fault> {
        self.sound()?;
        let result = match &mut self.open {
            Open::Sqlite(writing) => writing.fetch_all(&statement),
            Open::Postgres(transaction) => transaction.fetch_all_held(&statement).await,
        };
        Ok(result.inspect_err(|_| self.health = Health::Failed)?.into_iter().next())
    }

    /// Runs a statement that answers no rows; says how many rows it touched.
    ///
    /// # Errors
    /// The database failed; the transaction is over then.
    pub async fn execute(&mut self, statement: Statement) -> Result<u64, Fault> {
        self.sound()?;
        let result = match &mut self.open {
            Open::Sqlite(writing) => writing.execute(&statement),
            Open::Postgres(transaction) => transaction.execute(&statement).await,
        };
        result.inspect_err(|_| self.health = Health::Failed)
    }
}

#[cfg(test)]
mod tests;
