//! PostgreSQL by sqlx: a pool whose connections live on a runtime of their own.
//!
//! The workers that serve requests have a runtime each, and a socket belongs to the runtime on which it was opened: a
//! connection would die with the worker that opened it. So everything here is polled in place, but inside the pool's own
//! runtime, whose thread only watches the sockets and the timers.

use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;

use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::pool::PoolConnection;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgArguments, PgConnectOptions, PgPool, PgPoolOptions, PgRow, PgTypeInfo};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Column as _, Encode, Executor as _, Postgres, Row as _, Type, TypeInfo as _, ValueRef as _};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::time::timeout;

use super::{Row, Statement, Value};
use crate::base::{Fault, Place};

/// How long a request waits for a connection.
const ACQUIRE: Duration = Duration::from_secs(5);

/// How long a statement may take before its connection is given up: a little more than the server itself allows it.
const STATEMENT: Duration = Duration::from_secs(6);

/// Connections that a process holds at most.
const CONNECTIONS: u32 = 16;

/// A pool and the runtime on which its sockets live.
pub(super) struct Server {
    pool: PgPool,
    home: Home,
}

/// The pool's runtime. It is left behind and not waited for: the last handle may be dropped inside another runtime.
struct Home(Option<Runtime>);

impl Drop for Home {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// What went wrong with a statement, and whether it is the connection that died: then nothing is known about the statement.
struct Trouble {
    is_gone: bool,
    error: BoxDynError,
}

impl From<sqlx::Error> for Trouble {
    fn from(error: sqlx::Error) -> Self {
        let is_gone = match &error {
            sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => true,
            // 57P01 and its neighbours: the server is shutting down or crashed.
            sqlx::Error::Database(error) => error.code().is_some_and(|code| code.starts_with("57P")),
            _ => false,
        };
        Self { is_gone, error: Box::new(error) }
    }
}

impl Trouble {
    fn at(place: Place) -> impl FnOnce(Self) -> Fault {
        move |trouble| Fault::new(place, trouble.error)
    }
}

/// Polls `work` in the calling task, but as if it belonged to the pool's runtime: sockets, timers and tasks that it makes
/// live there.
async fn at_home<F: Future>(home: &Handle, work: F) -> F::Output {
    let mut work = pin!(work);
    poll_fn(|context| {
        let _here = home.enter();
        work.as_mut().poll(context)
    })
    .await
}

impl Server {
    /// Nothing is connected yet.
    pub(super) fn open(url: &str) -> Result<Self, Fault> {
        let options: PgConnectOptions = url.parse().map_err(Fault::at("store: database.url"))?;
        let options = options.application_name("vouchsafe").statement_cache_capacity(256).options([
            ("statement_timeout", "5000"),
            ("lock_timeout", "5000"),
            ("idle_in_transaction_session_timeout", "10000"),
        ]);
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("postgres")
            .enable_all()
            .build()
            .map_err(Fault::at("store: runtime"))?;
        let pool = {
            let _here = runtime.enter();
            PgPoolOptions::new()
                .max_connections(CONNECTIONS)
                .acquire_timeout(ACQUIRE)
                .test_before_acquire(false)
                .connect_lazy_with(options)
        };
        Ok(Self { pool, home: Home(Some(runtime)) })
    }

    /// How to connect outside the pool, for migrations.
    pub(in crate::store) fn connect_options(&self) -> PgConnectOptions {
        (*self.pool.connect_options()).clone()
    }

    fn home(&self) -> Result<&Handle, Fault> {
        self.home.0.as_ref().map(Runtime::handle).ok_or_else(|| Fault::new("store: runtime", "is gone"))
    }

    async fn lease(&self) -> Result<Lease, Fault> {
        let home = self.home()?;
        let connection = at_home(home, self.pool.acquire()).await.map_err(Fault::at("store: connection"))?;
        Ok(Lease { connection: Some(connection), home: home.clone(), state: LeaseState::Unsure })
    }

    /// A read; asked again on other connections if those in the pool died with their server.
    pub(super) async fn read(&self, statement: &Statement) -> Result<Vec<Row>, Fault> {
        let mut tries = CONNECTIONS;
        loop {
            let mut lease = self.lease().await?;
            match lease.fetch_all(statement).await {
                Ok(rows) => {
                    lease.give_back();
                    return Ok(rows);
                }
                Err(trouble) if trouble.is_gone && tries > 0 => tries -= 1,
                Err(trouble) => return Err(Trouble::at("store: read")(trouble)),
            }
        }
    }

    /// Begins a transaction; a connection that died in the pool is thrown away and another one taken, for nothing was
    /// written on it.
    pub(super) async fn begin(&self) -> Result<Transaction, Fault> {
        let mut tries = CONNECTIONS;
        loop {
            let mut lease = self.lease().await?;
            match lease.batch("BEGIN").await {
                Ok(()) => return Ok(Transaction(lease)),
                Err(trouble) if trouble.is_gone && tries > 0 => tries -= 1,
                Err(trouble) => return Err(Trouble::at("store: begin")(trouble)),
            }
        }
    }
}

/// Whether a connection may be used by somebody else afterwards.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LeaseState {
    /// Something is under way, or failed: the connection is closed, and the server rolls back.
    Unsure,
    /// It died, or did not answer in time: there is no use in asking it anything more.
    Broken,
    Clean,
}

/// A connection of the pool, in use. If its user goes away half way it does not return to the pool.
struct Lease {
    connection: Option<PoolConnection<Postgres>>,
    home: Handle,
    state: LeaseState,
}

impl Drop for Lease {
    fn drop(&mut self) {
        let _here = self.home.enter();
        if let Some(mut connection) = self.connection.take() {
            if self.state != LeaseState::Clean {
                connection.close_on_drop();
            }
            drop(connection);
        }
    }
}

impl Lease {
    fn give_back(mut self) {
        self.state = LeaseState::Clean;
    }

    /// Runs one statement, for no longer than a statement may take.
    async fn run<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut PoolConnection<Postgres>) -> Result<T, sqlx::Error>,
    ) -> Result<T, Trouble> {
        let Some(connection) = self.connection.as_mut() else { return Err(sqlx::Error::WorkerCrashed.into()) };
        let trouble = match at_home(&self.home, async { timeout(STATEMENT, work(connection)).await }).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => Trouble::from(error),
            // Not tried again: whoever asks has waited long enough.
            Err(late) => {
                self.state = LeaseState::Broken;
                return Err(Trouble { is_gone: false, error: Box::new(late) });
            }
        };
        if trouble.is_gone {
            self.state = LeaseState::Broken;
        }
        Err(trouble)
    }

    async fn fetch_all(&mut self, statement: &Statement) -> Result<Vec<Row>, Trouble> {
        let found = self.run(async |connection| connection.fetch_all(query(statement)).await).await?;
        Ok(found.iter().map(row).collect::<Result<_, _>>()?)
    }

    async fn fetch_all_held(&mut self, statement: &Statement) -> Result<Vec<Row>, Trouble> {
        let text = format!("{} FOR SHARE", statement.text);
        let found = self.run(async |connection| connection.fetch_all(bound(sqlx::query(AssertSqlSafe(text)), statement)).await);
        Ok(found.await?.iter().map(row).collect::<Result<_, _>>()?)
    }

    async fn execute(&mut self, statement: &Statement) -> Result<u64, Trouble> {
        let done = self.run(async |connection| connection.execute(query(statement)).await).await?;
        Ok(done.rows_affected())
    }

    async fn batch(&mut self, text: &'static str) -> Result<(), Trouble> {
        self.run(async |connection| connection.execute(text).await.map(drop)).await
    }
}

/// A transaction. Dropped without an end, its connection is closed, and the server rolls it back.
pub(in crate::store) struct Transaction(Lease);

impl Transaction {
    pub(super) async fn fetch_all(&mut self, statement: &Statement) -> Result<Vec<Row>, Fault> {
        self.0.fetch_all(statement).await.map_err(Trouble::at("store: read"))
    }

    /// The same, and the rows stay as they are until the transaction ends.
    pub(super) async fn fetch_all_held(&mut self, statement: &Statement) -> Result<Vec<Row>, Fault> {
        self.0.fetch_all_held(statement).await.map_err(Trouble::at("store: read"))
    }

    pub(super) async fn execute(&mut self, statement: &Statement) -> Result<u64, Fault> {
        self.0.execute(statement).await.map_err(Trouble::at("store: write"))
    }

    /// Never tried twice: when it fails, nobody knows whether it happened, and the rows themselves must be asked.
    pub(super) async fn commit(mut self) -> Result<(), Fault> {
        self.0.batch("COMMIT").await.map_err(Trouble::at("store: commit"))?;
        self.0.give_back();
        Ok(())
    }

    /// If this fails the connection is closed, which comes to the same.
    pub(super) async fn rollback(mut self) {
        if self.0.state != LeaseState::Broken && self.0.batch("ROLLBACK").await.is_ok() {
            self.0.give_back();
        }
    }
}

/// NULL of no declared type: the server takes the type from the column, as SQLite does.
struct Untyped;

impl Type<Postgres> for Untyped {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(0))
    }
}

impl Encode<'_, Postgres> for Untyped {
    fn encode_by_ref(&self, _buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        Ok(IsNull::Yes)
    }
}

fn query(statement: &Statement) -> Query<'_, Postgres, PgArguments> {
    // The text is a literal of ours: `sql` takes nothing else.
    bound(sqlx::query(AssertSqlSafe(statement.text)), statement)
}

fn bound<'q>(query: Query<'q, Postgres, PgArguments>, statement: &'q Statement) -> Query<'q, Postgres, PgArguments> {
    statement.values.iter().fold(query, |query, value| match value {
        Value::Text(text) => query.bind(text.as_str()),
        Value::Int(number) => query.bind(number),
        Value::Bool(truth) => query.bind(truth),
        Value::Null => query.bind(Untyped),
    })
}

fn row(found: &PgRow) -> Result<Row, sqlx::Error> {
    let values = found.columns().iter().map(|column| {
        let at = column.ordinal();
        if found.try_get_raw(at)?.is_null() {
            return Ok(Value::Null);
        }
        match column.type_info().name() {
            "INT8" => found.try_get(at).map(Value::Int),
            "INT4" => found.try_get::<i32, _>(at).map(|number| Value::Int(number.into())),
            "BOOL" => found.try_get(at).map(Value::Bool),
            _ => found.try_get(at).map(Value::Text),
        }
    });
    values.collect::<Result<Vec<_>, _>>().map(Row)
}
