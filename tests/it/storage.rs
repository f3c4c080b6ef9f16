//! Storage that goes away and comes back: nobody is told anything false meanwhile, and nothing is lost (decision 23).

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

use crate::support::{Browser, Rp, TestApp};

/// Protects a code while another process holds the database (RL-13, I5): 503 with `Retry-After`, and the same code is good
/// once the lock is gone.
#[tokio::test]
async fn a_locked_file_loses_nothing() {
    if std::env::var("TEST_DATABASE_URL").is_ok() {
        return; // The twin below is for PostgreSQL.
    }
    let app = TestApp::start().await;
    app.person("ana").await;
    let rp = Rp::web(&app, "web").await;
    let code = rp.code(&mut Browser::new(), "ana").await;
    let other = rusqlite::Connection::open(app.folder().join("test.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = rp.exchange(&code).await;
    assert_eq!((refused.status, refused.error().as_str()), (503, "temporarily_unavailable"));
    assert!(refused.header("retry-after").is_some());
    assert_eq!(rp.get("/jwks").await.status, 200);
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(rp.exchange(&code).await.status, 200);
}

/// Protects the same on PostgreSQL (RL-08, IN-05): its connections die and no new ones are let in; then it is back, and
/// everything goes on without a restart.
#[tokio::test]
#[ignore = "PostgreSQL: tests/run brings one, and runs every other test on it too"]
async fn postgresql_goes_away_and_comes_back() {
    let server = std::env::var("TEST_DATABASE_URL").expect("TEST_DATABASE_URL names the server");
    let app = TestApp::start().await;
    app.person("ana").await;
    let rp = Rp::web(&app, "web").await;
    let mut browser = Browser::new();
    let tokens = rp.tokens(&mut browser, "ana").await;
    let code = rp.code(&mut browser, "ana").await;
    let name = app.config.database.url.expose().rsplit('/').next().unwrap().to_owned();
    let mut admin = PgConnection::connect(&server).await.unwrap();
    admin.execute(AssertSqlSafe(format!("ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false"))).await.unwrap();
    let end = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
    admin.execute(AssertSqlSafe(end)).await.unwrap();
    for refused in [rp.exchange(&code).await, rp.introspect(&tokens.text("access_token")).await] {
        assert_eq!((refused.status, refused.error().as_str()), (503, "temporarily_unavailable"));
        assert!(refused.header("retry-after").is_some());
    }
    assert_eq!(rp.get("/readyz").await.status, 503);
    assert_eq!(rp.get("/jwks").await.status, 200);
    let page = browser.get(&rp.begin(&rp.flow())).await;
    assert!(page.status == 503 && page.has("error-page"));
    admin.execute(AssertSqlSafe(format!("ALTER DATABASE {name} WITH ALLOW_CONNECTIONS true"))).await.unwrap();
    assert_eq!(rp.get("/readyz").await.status, 200);
    assert_eq!(rp.exchange(&code).await.status, 200);
    assert_eq!(rp.introspect(&tokens.text("access_token")).await.json()["active"], true);
}
