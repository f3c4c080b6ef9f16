//! SQLite by rusqlite, called in place: reads on a few connections, writes as jobs of one thread (`writer.rs`).

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};

use rusqlite::config::DbConfig;
use rusqlite::types::{FromSqlError, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags, ToSql};

use super::statement::for_sqlite;
use super::writer::Writer;
use super::{Durability, Row, Statement, Tx, Value};
use crate::base::Fault;

/// How long a statement waits for another process's lock.
const BUSY_MILLISECONDS: i64 = 5000;

/// Pages in the log (16 MiB) before they are written back: pages that change often are then written back once for many commits.
const CHECKPOINT_PAGES: i64 = 4000;

/// Prepared statements that a connection keeps.
const PREPARED: usize = 128;

/// The most read connections: each may keep half a megabyte of pages.
const READERS: usize = 8;

/// What a connection is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Purpose {
    Read,
    Write,
}

/// One database file.
pub(super) struct Sqlite {
    readers: Vec<Mutex<Connection>>,
    next: AtomicUsize,
    writer: Writer,
    path: PathBuf,
}

impl Sqlite {
    pub(super) fn open(path: &Path, durability: Durability) -> Result<Arc<Self>, Fault> {
        let writer = Writer::start(connect(path, durability, Purpose::Write)?)?;
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let readers = (0..READERS.min(cores + 1))
            .map(|_| connect(path, durability, Purpose::Read).map(Mutex::new))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Arc::new(Self { readers, next: AtomicUsize::new(0), writer, path: path.to_owned() }))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads on the first connection that is free, beginning with another one each time.
    pub(super) fn read(&self, statement: &Statement) -> Result<Vec<Row>, Fault> {
        let first = self.next.fetch_add(1, Ordering::Relaxed) % self.readers.len().max(1);
        let (late, early) = self.readers.split_at(first);
        for reader in early.iter().chain(late) {
            match reader.try_lock() {
                Ok(connection) => return rows(&connection, statement),
                // Nothing is left half done on a connection that only reads.
                Err(TryLockError::Poisoned(poisoned)) => return rows(&poisoned.into_inner(), statement),
                Err(TryLockError::WouldBlock) => {}
            }
        }
        let reader = early.first().ok_or_else(|| Fault::new("store: read", "no connection"))?;
        rows(&reader.lock().unwrap_or_else(PoisonError::into_inner), statement)
    }

    /// A number that changes when another connection has written. It counts for one connection, so it is always the same.
    pub(super) fn data_version(&self) -> Result<i64, Fault> {
        let reader = self.readers.first().ok_or_else(|| Fault::new("store: read", "no connection"))?;
        let connection = reader.lock().unwrap_or_else(PoisonError::into_inner);
        let read = || connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0));
        read().map_err(Fault::at("store: data version"))
    }

    pub(super) async fn write<T, F>(&self, work: F) -> Result<T, Fault>
    where
        T: Send + 'static,
        F: AsyncFnOnce(&mut Tx) -> Result<T, Fault> + Send + 'static,
    {
        self.writer.write(work).await
    }
}

/// A connection to a file that exists, with its pragmas set and asserted.
pub(in crate::store) fn connect(path: &Path, durability: Durability, purpose: Purpose) -> Result<Connection, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(Fault::at("store: open"))?;
    let level = match durability {
        Durability::Full => 2,
        Durability::Normal => 1,
    };
    let set = || -> rusqlite::Result<bool> {
        connection.pragma_update(None, "busy_timeout", BUSY_MILLISECONDS)?;
        connection.set_prepared_statement_cache_capacity(PREPARED);
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", level)?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "cache_size", -512)?;
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        connection.pragma_update(None, "query_only", purpose == Purpose::Read)?;
        connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
        // Without it a prepared statement is parsed and planned again whenever it gets other values.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        let number = |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
        let journal: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
        Ok(journal == "wal"
            && number("synchronous")? == level
            && number("foreign_keys")? == 1
            && number("busy_timeout")? == BUSY_MILLISECONDS)
    };
    match set() {
        Ok(true) => Ok(connection),
        Ok(false) => Err(Fault::new("store: open", "the database file does not take WAL, synchronous or foreign keys")),
        Err(error) => Err(Fault::new("store: open", error)),
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            // PostgreSQL refuses it, and what runs on one engine runs on both.
            Self::Text(text) if text.contains('\0') => {
                return Err(rusqlite::Error::ToSqlConversionFailure(Box::from("a text with a NUL in it")));
            }
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Bool(truth) => ValueRef::Integer(i64::from(*truth)),
            Self::Null => ValueRef::Null,
        }))
    }
}

/// Runs a statement to its end and keeps every row.
pub(super) fn rows(connection: &Connection, statement: &Statement) -> Result<Vec<Row>, Fault> {
    let read = || -> rusqlite::Result<Vec<Row>> {
        let mut prepared = connection.prepare_cached(&for_sqlite(statement.text))?;
        let width = prepared.column_count();
        let mut found = prepared.query(rusqlite::params_from_iter(&statement.values))?;
        let mut rows = Vec::new();
        while let Some(row) = found.next()? {
            let values = (0..width).map(|at| value(at, row.get_ref(at)?)).collect::<Result<Vec<_>, _>>()?;
            rows.push(Row(values));
        }
        Ok(rows)
    };
    read().map_err(Fault::at("store: read"))
}

/// Runs a statement that answers no rows.
pub(super) fn execute(connection: &Connection, statement: &Statement) -> Result<u64, Fault> {
    let run = || -> rusqlite::Result<usize> {
        connection.prepare_cached(&for_sqlite(statement.text))?.execute(rusqlite::params_from_iter(&statement.values))
    };
    run().map(|count| count as u64).map_err(Fault::at("store: write"))
}

fn value(at: usize, value: ValueRef<'_>) -> rusqlite::Result<Value> {
    let corrupt = |error: FromSqlError| rusqlite::Error::FromSqlConversionFailure(at, value.data_type(), Box::new(error));
    match value {
        ValueRef::Null => Ok(Value::Null),
        ValueRef::Integer(number) => Ok(Value::Int(number)),
        ValueRef::Text(_) => value.as_str().map(|text| Value::Text(text.to_owned())).map_err(corrupt),
        // There are no such columns.
        ValueRef::Real(_) | ValueRef::Blob(_) => Err(corrupt(FromSqlError::InvalidType)),
    }
}
