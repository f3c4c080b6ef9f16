//! Protects the change of the master key (`key rekey`): everything is sealed anew and still opens, it may stop and go on, and a
//! key that is not the right one is a clear error at start and at use that overwrites nothing (JK-11).

use std::io::Write as _;

use vouchsafe::admin::keys;
use vouchsafe::app::{App, Shop};
use vouchsafe::base::{Random, Secret};
use vouchsafe::keys::Vault;
use vouchsafe::store::sql;

use crate::support::{Browser, TestApp};

/// Adds a line to the master key file.
fn add_line(app: &TestApp) {
    let mut file = std::fs::OpenOptions::new().append(true).open(app.folder().join("master.key")).unwrap();
    file.write_all(Vault::generate_file(&Random::seeded(77)).unwrap().as_bytes()).unwrap();
}

async fn sealed(app: &TestApp) -> String {
    let mut all = String::new();
    for text in ["SELECT sealed FROM signing_keys", "SELECT sealed FROM pairwise_salts", "SELECT sealed FROM factors"] {
        all.push_str(&format!("{:?}", app.provider.db.conn().fetch_all(sql(text)).await.unwrap()));
    }
    all
}

/// The newest line seals everything, what was sealed still works, a second run finds nothing to do; stopped in the middle it goes on.
#[tokio::test]
async fn rekeyed() {
    let app = TestApp::start().await;
    let mut browser = Browser::new();
    let phone = app.person_with_phone(&mut browser, "ana").await;
    add_line(&app);
    let app = app.restart().await;
    app.ignore_mail();
    let before = sealed(&app).await;
    app.break_table("factors").await;
    assert!(keys::rekey(app.desk()).await.is_err(), "stopped in the middle");
    app.mend_table("factors").await;
    let done = keys::rekey(app.desk()).await.unwrap();
    let moved = |table: &str| done.iter().find(|one| one.table == table).map(|one| (one.moved, one.stood)).unwrap();
    assert_eq!(moved("factors"), (1, 0));
    assert_eq!(moved("pairwise_salts"), (0, 1), "done before it stopped");
    let after = sealed(&app).await;
    assert!(!after.split('"').any(|value| value.starts_with("1.") && before.contains(value)), "nothing stands as it was");
    assert!(keys::rekey(app.desk()).await.unwrap().iter().all(|one| one.moved == 0));
    assert_eq!(sealed(&app).await, after);
    assert_eq!(app.audited("master_key_changed").await, 2);
    let app = app.restart().await;
    app.ignore_mail();
    let mut next = Browser::new();
    let page = app.first_step(&mut next, "ana").await;
    next.submit(&page, "verify", &[("code", &phone.next_code(&app))]).await;
    assert!(app.is_in(&mut next).await);
}

/// At start: another key, and the right ones in the wrong order. Nothing is written.
#[tokio::test]
async fn another_key_does_not_start() {
    let app = TestApp::start().await;
    let right = app.config.master_key.expose().clone();
    let other = Vault::generate_file(&Random::seeded(78)).unwrap();
    let before = (app.rows().await, sealed(&app).await);
    for (contents, why) in [
        (other.clone(), Some("master key")),
        (format!("{other}{right}"), Some("the first line of master_key_file")),
        (format!("{right}{other}"), None),
    ] {
        let config = vouchsafe::config::Config { master_key: Secret::new(contents), ..app.config.clone() };
        let shop = Shop::open(config, app.clock.clone(), Random::seeded(79)).await.unwrap();
        let error = App::of(shop).await.err().map(|fault| fault.to_string());
        match (why, &error) {
            (Some(why), Some(error)) => assert!(error.contains(why), "{error}"),
            (None, None) => {}
            _ => panic!("{why:?} {error:?}"),
        }
        assert_eq!((app.rows().await, sealed(&app).await), before);
    }
}

/// At use: a second factor that was sealed under a key that is not here is trouble of ours (503), and stays as it is.
#[tokio::test]
async fn another_key_at_use() {
    let app = TestApp::start().await;
    let mut browser = Browser::new();
    let phone = app.person_with_phone(&mut browser, "ana").await;
    let right = sealed(&app).await;
    let row = app.provider.db.conn().fetch(sql("SELECT sealed FROM factors")).await.unwrap().unwrap();
    let value = row.columns("factors").text("sealed").unwrap();
    let parts: Vec<&str> = value.split('.').collect();
    let away = format!("{}.elsewhere.{}.{}", parts[0], parts[2], parts[3]);
    let set = async |value: String| {
        let statement = sql("UPDATE factors SET sealed = $1").bind(value);
        app.provider.db.write(async move |tx| tx.execute(statement).await).await.unwrap();
    };
    set(away).await;
    let stands = sealed(&app).await;
    let mut next = Browser::new();
    let page = app.first_step(&mut next, "ana").await;
    assert_eq!(next.submit(&page, "verify", &[("code", &phone.next_code(&app))]).await.status, 503);
    assert_eq!(sealed(&app).await, stands, "nothing is overwritten");
    set(value).await;
    assert_eq!(sealed(&app).await, right);
    next.submit(&page, "verify", &[("code", &phone.code(&app))]).await;
    assert!(app.is_in(&mut next).await, "the positive twin");
    app.ignore_mail();
}
