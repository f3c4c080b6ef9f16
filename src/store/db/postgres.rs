//! PostgreSQL by sqlx.

use std::time::Duration;

use sqlx::postgres::{PgArguments, PgConnectOptions, PgPool, PgPoolOptions, PgRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Column as _, Executor as _, Postgres, Row as _, TypeInfo as _, ValueRef as _};

use super::{Row, Statement, Value};
use crate::base::Fault;

/// How long a request waits for a connection.
const ACQUIRE: Duration = Duration::from_secs(5);

/// Connections that a process holds at most.
const CONNECTIONS: u32 = 16;

pub(super) fn open(url: &str) -> Result<PgPool, Fault> {
    let options: PgConnectOptions = url.parse().map_err(Fault::at("store: database.url"))?;
    let options = options.application_name("vouchsafe").options([
        ("statement_timeout", "5000"),
        ("lock_timeout", "5000"),
        ("idle_in_transaction_session_timeout", "10000"),
    ]);
    Ok(PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(ACQUIRE)
        .test_before_acquire(false)
        .connect_lazy_with(options))
}

fn query(statement: &Statement) -> Query<'_, Postgres, PgArguments> {
    // The text is a literal of ours: `sql` takes nothing else.
    statement.values.iter().fold(sqlx::query(AssertSqlSafe(statement.text)), |query, value| match value {
        Value::Text(text) => query.bind(text.as_str()),
        Value::Int(number) => query.bind(number),
        Value::Bool(truth) => query.bind(truth),
        Value::Null => query.bind(Option::<&str>::None),
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

/// The connection is gone, not the statement wrong: what only reads may be asked again on another one.
fn is_gone(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => true,
        // 57P01 and its neighbours: the server is shutting down or crashed.
        sqlx::Error::Database(error) => error.code().is_some_and(|code| code.starts_with("57P")),
        _ => false,
    }
}

/// A read; asked again on fresh connections if those in the pool died with their server.
pub(super) async fn read(pool: &PgPool, statement: &Statement) -> Result<Vec<Row>, Fault> {
    for _ in 0..CONNECTIONS {
        match fetch(pool, statement).await {
            Err(error) if is_gone(&error) => {}
            result => return result.map_err(Fault::at("store: read")),
        }
    }
    fetch(pool, statement).await.map_err(Fault::at("store: read"))
}

async fn fetch(pool: &PgPool, statement: &Statement) -> Result<Vec<Row>, sqlx::Error> {
    pool.fetch_all(query(statement)).await?.iter().map(row).collect()
}

/// Begins a transaction; a connection that died in the pool is thrown away and another one taken.
pub(super) async fn begin(pool: &PgPool) -> Result<Transaction, Fault> {
    for _ in 0..CONNECTIONS {
        match pool.begin().await {
            Ok(transaction) => return Ok(Transaction(transaction)),
            Err(error) if is_gone(&error) => {}
            Err(error) => return Err(Fault::new("store: begin", error)),
        }
    }
    pool.begin().await.map(Transaction).map_err(Fault::at("store: begin"))
}

/// A transaction that is rolled back unless it is committed.
pub(in crate::store) struct Transaction(sqlx::Transaction<'static, Postgres>);

impl Transaction {
    pub(super) async fn fetch_all(&mut self, statement: &Statement) -> Result<Vec<Row>, Fault> {
        let found = self.0.fetch_all(query(statement)).await.map_err(Fault::at("store: read"))?;
        found.iter().map(row).collect::<Result<_, _>>().map_err(Fault::at("store: read"))
    }

    pub(super) async fn execute(&mut self, statement: &Statement) -> Result<u64, Fault> {
        let done = self.0.execute(query(statement)).await.map_err(Fault::at("store: write"))?;
        Ok(done.rows_affected())
    }

    pub(super) async fn commit(self) -> Result<(), Fault> {
        self.0.commit().await.map_err(Fault::at("store: commit"))
    }
}
