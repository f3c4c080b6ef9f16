//! SQLite by rusqlite, called in place: reads on a few connections, writes as jobs of one thread with group commit.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags, ToSql};
use tokio::sync::oneshot;

use super::statement::for_sqlite;
use super::{Durability, Row, Statement, Tx, Value};
use crate::base::Fault;

/// How long a statement waits for another process's lock.
const BUSY: Duration = Duration::from_secs(5);

/// The most jobs that share one COMMIT.
const GROUP: usize = 64;

/// Prepared statements that a connection keeps.
const PREPARED: usize = 64;

/// A job's future borrows the transaction and lives on the writer's thread alone.
type JobFuture<'t> = Pin<Box<dyn Future<Output = Result<Box<dyn Any + Send>, Fault>> + 't>>;
type Work = Box<dyn for<'t> FnOnce(&'t mut Tx) -> JobFuture<'t> + Send>;

struct Job {
    work: Work,
    answer: oneshot::Sender<Result<Box<dyn Any + Send>, Fault>>,
}

/// One database file.
pub(super) struct Sqlite {
    readers: Vec<Mutex<Connection>>,
    next: AtomicUsize,
    writer: Sender<Job>,
    path: PathBuf,
}

/// The writing connection, shared between the writer's loop and the transaction of a job on the same thread.
pub(in crate::store) struct Writing(RefCell<Connection>);

impl Sqlite {
    pub(super) fn open(path: &Path, durability: Durability) -> Result<Arc<Self>, Fault> {
        let writing = connect(path, durability, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let readers = (0..=cores)
            .map(|_| connect(path, durability, OpenFlags::SQLITE_OPEN_READ_WRITE).map(Mutex::new))
            .collect::<Result<Vec<_>, _>>()?;
        let (writer, jobs) = channel();
        std::thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || write_loop(Writing(RefCell::new(writing)), &jobs))
            .map_err(Fault::at("store: writer thread"))?;
        Ok(Arc::new(Self { readers, next: AtomicUsize::new(0), writer, path: path.to_owned() }))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads on the first connection that is free, beginning with another one each time.
    pub(super) fn read(&self, statement: &Statement) -> Result<Vec<Row>, Fault> {
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        let count = self.readers.len().max(1);
        for at in 0..count {
            if let Some(reader) = self.readers.get((first + at) % count)
                && let Ok(connection) = reader.try_lock()
            {
                return rows(&connection, statement);
            }
        }
        let reader = self.readers.get(first % count).ok_or_else(|| Fault::new("store: read", "no connection"))?;
        rows(&reader.lock().unwrap_or_else(PoisonError::into_inner), statement)
    }

    /// A number that changes when another connection has written.
    pub(super) fn data_version(&self) -> Result<i64, Fault> {
        let reader = self.readers.first().ok_or_else(|| Fault::new("store: read", "no connection"))?;
        let connection = reader.lock().unwrap_or_else(PoisonError::into_inner);
        connection.query_row("PRAGMA data_version", [], |row| row.get(0)).map_err(Fault::at("store: data version"))
    }

    /// Runs a job inside the next group's transaction and answers after its COMMIT.
    pub(super) async fn write<T, F>(&self, work: F) -> Result<T, Fault>
    where
        T: Send + 'static,
        F: AsyncFnOnce(&mut Tx) -> Result<T, Fault> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let work: Work = Box::new(move |tx| {
            Box::pin(async move { work(tx).await.map(|value| Box::new(value) as Box<dyn Any + Send>) })
        });
        let gone = || Fault::new("store: write", "the writer thread is gone");
        self.writer.send(Job { work, answer }).map_err(|_| gone())?;
        let value = answered.await.map_err(|_| gone())??;
        value.downcast::<T>().map(|value| *value).map_err(|_| Fault::new("store: write", "a job answered with another type"))
    }
}

/// A connection with its pragmas set and, where it matters, asserted.
pub(in crate::store) fn connect(path: &Path, durability: Durability, flags: OpenFlags) -> Result<Connection, Fault> {
    let open = || -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(BUSY)?;
        connection.set_prepared_statement_cache_capacity(PREPARED);
        connection.pragma_update(None, "journal_mode", "WAL")?;
        let synchronous = match durability {
            Durability::Full => "FULL",
            Durability::Normal => "NORMAL",
        };
        connection.pragma_update(None, "synchronous", synchronous)?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "cache_size", -512)?;
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        Ok(connection)
    };
    let connection = open().map_err(Fault::at("store: open"))?;
    let mode: String =
        connection.query_row("PRAGMA journal_mode", [], |row| row.get(0)).map_err(Fault::at("store: open"))?;
    let foreign: bool =
        connection.query_row("PRAGMA foreign_keys", [], |row| row.get(0)).map_err(Fault::at("store: open"))?;
    if mode != "wal" || !foreign {
        return Err(Fault::new("store: open", "the database file takes neither WAL nor foreign keys"));
    }
    Ok(connection)
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Bool(truth) => ValueRef::Integer(i64::from(*truth)),
            Self::Null => ValueRef::Null,
        }))
    }
}

fn rows(connection: &Connection, statement: &Statement) -> Result<Vec<Row>, Fault> {
    let read = || -> rusqlite::Result<Vec<Row>> {
        let mut prepared = connection.prepare_cached(&for_sqlite(statement.text))?;
        let width = prepared.column_count();
        let mut found = prepared.query(rusqlite::params_from_iter(&statement.values))?;
        let mut rows = Vec::new();
        while let Some(row) = found.next()? {
            let values = (0..width).map(|at| row.get_ref(at).map(value)).collect::<Result<Vec<_>, _>>()?;
            rows.push(Row(values));
        }
        Ok(rows)
    };
    read().map_err(Fault::at("store: read"))
}

fn value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Integer(number) => Value::Int(number),
        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
        // There are no such columns: whoever reads one finds the row corrupt.
        ValueRef::Null | ValueRef::Real(_) | ValueRef::Blob(_) => Value::Null,
    }
}

impl Writing {
    pub(super) fn fetch_all(&self, statement: &Statement) -> Result<Vec<Row>, Fault> {
        rows(&self.0.borrow(), statement)
    }

    pub(super) fn execute(&self, statement: &Statement) -> Result<u64, Fault> {
        let connection = self.0.borrow();
        let run = || -> rusqlite::Result<usize> {
            connection
                .prepare_cached(&for_sqlite(statement.text))?
                .execute(rusqlite::params_from_iter(&statement.values))
        };
        run().map(|count| count as u64).map_err(Fault::at("store: write"))
    }

    fn batch(&self, text: &str) -> Result<(), Fault> {
        let connection = self.0.borrow();
        let run = || -> rusqlite::Result<()> { connection.prepare_cached(text)?.raw_execute().map(drop) };
        run().map_err(Fault::at("store: transaction"))
    }

    fn is_open(&self) -> bool {
        !self.0.borrow().is_autocommit()
    }
}

/// Takes jobs until every handle of the database is gone.
fn write_loop(writing: Writing, jobs: &Receiver<Job>) {
    let mut tx = Tx::sqlite(writing);
    while let Ok(first) = jobs.recv() {
        group(&mut tx, first, jobs);
    }
}

type Done = (oneshot::Sender<Result<Box<dyn Any + Send>, Fault>>, Result<Box<dyn Any + Send>, Fault>);

/// One transaction for this job and those that are waiting: a savepoint each, one COMMIT, then all answers.
fn group(tx: &mut Tx, first: Job, jobs: &Receiver<Job>) {
    if let Err(fault) = batch(tx, "BEGIN IMMEDIATE") {
        drop(first.answer.send(Err(fault)));
        return;
    }
    let mut done: Vec<Done> = Vec::new();
    let mut next = Some(first);
    while let Some(job) = next {
        let result = run(tx, job.work);
        done.push((job.answer, result));
        if !is_open(tx) {
            return fail(done, "a statement ended the transaction");
        }
        next = if done.len() < GROUP { jobs.try_recv().ok() } else { None };
    }
    if let Err(fault) = batch(tx, "COMMIT") {
        drop(batch(tx, "ROLLBACK"));
        return fail(done, &fault.to_string());
    }
    for (answer, result) in done {
        drop(answer.send(result));
    }
}

fn fail(done: Vec<Done>, why: &str) {
    for (answer, _) in done {
        drop(answer.send(Err(Fault::new("store: commit", why.to_owned()))));
    }
}

/// Runs one job inside its savepoint. Its future is polled once: if it waits, it waits for something that is no statement
/// of its transaction, and that is a fault.
fn run(tx: &mut Tx, work: Work) -> Result<Box<dyn Any + Send>, Fault> {
    batch(tx, "SAVEPOINT job")?;
    let polled = catch_unwind(AssertUnwindSafe(|| {
        let mut future = work(tx);
        future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
    }));
    let result = match polled {
        Ok(Poll::Ready(result)) => result,
        Ok(Poll::Pending) => Err(Fault::new("store: write", "a job waited for something outside its transaction")),
        Err(_) => Err(Fault::new("store: write", "a job panicked")),
    };
    if result.is_err() && is_open(tx) {
        batch(tx, "ROLLBACK TO job")?;
    }
    if is_open(tx) {
        batch(tx, "RELEASE job")?;
    }
    result
}

fn batch(tx: &Tx, text: &str) -> Result<(), Fault> {
    tx.writing().map_or_else(|| Err(Fault::new("store: write", "no SQLite transaction")), |writing| writing.batch(text))
}

fn is_open(tx: &Tx) -> bool {
    tx.writing().is_some_and(Writing::is_open)
}
