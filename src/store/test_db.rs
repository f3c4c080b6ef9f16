//! Databases for the tests of this floor: SQLite always, PostgreSQL where `TEST_DATABASE_URL` names a server.

use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

use super::{Db, Durability, Options};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// An empty database of a test's own, gone when the test ends.
pub(super) struct TestDb {
    pub(super) url: String,
    pub(super) folder: tempfile::TempDir,
    server: Option<(String, String)>,
}

/// One database for each engine that is at hand.
pub(super) async fn every_engine() -> Vec<TestDb> {
    let mut all = vec![sqlite()];
    all.extend(postgres().await);
    all
}

pub(super) fn sqlite() -> TestDb {
    let folder = tempfile::tempdir().unwrap();
    TestDb { url: format!("sqlite://{}/test.db", folder.path().display()), folder, server: None }
}

pub(super) async fn postgres() -> Option<TestDb> {
    let server = std::env::var("TEST_DATABASE_URL").ok()?;
    let name = format!("vouchsafe_store_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    on_server(&server, format!("CREATE DATABASE {name}")).await;
    let mut url = url::Url::parse(&server).unwrap();
    url.set_path(&name);
    Some(TestDb { url: url.into(), folder: tempfile::tempdir().unwrap(), server: Some((server, name)) })
}

async fn on_server(server: &str, text: String) {
    let mut connection = PgConnection::connect(server).await.unwrap();
    connection.execute(AssertSqlSafe(text)).await.unwrap();
}

impl TestDb {
    /// Opens it once more.
    pub(super) async fn open(&self) -> Db {
        Db::open(&self.url, &Options { durability: Durability::Normal }).await.unwrap()
    }
}

impl Drop for TestDb {
    fn drop(&mut self) {
        let Some((server, name)) = self.server.take() else { return };
        let away = async move { on_server(&server, format!("DROP DATABASE {name} WITH (FORCE)")).await };
        let thread = std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(away);
        });
        // A failure here would hide the test's own.
        drop(thread.join());
    }
}
