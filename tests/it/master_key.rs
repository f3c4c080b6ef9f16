//! Protects the change of the master key (`key rekey`): everything is sealed anew and still opens, it may stop and go on, and a
//! key that is not the right one is a clear error at start and at use that overwrites nothing (JK-11).

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;

use vouchsafe::admin::keys;
use vouchsafe::admin::upstreams::Changes;
use vouchsafe::app::{App, Shop};
use vouchsafe::base::{Random, Secret};
use vouchsafe::federation::{Kind, Switch};
use vouchsafe::keys::{Vault, rekey};
use vouchsafe::store::sealed::Column;
use vouchsafe::store::sql;

use crate::sql::sources;
use crate::support::upstream::{Upstream, house};
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

/// What a provider's row and the sessions that came from it have sealed goes along: without the old key everything still opens.
#[tokio::test]
async fn providers_go_along() {
    let app = house(&[]).await;
    let up = Upstream::connected(&app, "corp", Kind::Oidc, Changes { sign_out: Some(Switch::On), ..Changes::default() }).await;
    let mut browser = Browser::new();
    let page = browser.visit(&app.url("/sign-in")).await;
    let page = up.sign_in(&mut browser, &page, "corp").await;
    assert!(page.url.path().ends_with("/account"), "{} {}", page.url, page.body);
    assert_eq!(app.count("SELECT COUNT(*) FROM upstream_sessions WHERE sealed_id_token IS NOT NULL").await, 1);
    let file = app.folder().join("master.key");
    let first = std::fs::read_to_string(&file).unwrap();
    add_line(&app);
    let both = std::fs::read_to_string(&file).unwrap();
    let newest = Vault::open_file(both.strip_prefix(&first).unwrap()).unwrap();
    let app = app.restart().await;
    app.ignore_mail();
    let db = &app.provider.db;
    assert!(rekey::try_all(db, &newest).await.is_err(), "all is under the older line");
    let opened = rekey::try_all(db, &Vault::open_file(&both).unwrap()).await.unwrap();
    let done = keys::rekey(app.desk()).await.unwrap();
    let moved = |table: &str| done.iter().find(|one| one.table == table).map(|one| (one.moved, one.stood));
    assert_eq!((moved("upstreams"), moved("upstream_sessions")), (Some((1, 0)), Some((1, 0))));
    assert_eq!(rekey::try_all(db, &newest).await.unwrap(), opened, "and nothing is left");
}

/// A provider whose row does not open is not offered; everybody else signs in.
#[tokio::test]
async fn one_provider_that_does_not_open() {
    let app = house(&[]).await;
    let _up = Upstream::connected(&app, "corp", Kind::Oidc, Changes::default()).await;
    let _other = Upstream::connected(&app, "other", Kind::Oidc, Changes::default()).await;
    app.person("ana").await;
    let page = Browser::new().visit(&app.url("/sign-in")).await;
    assert!(page.has("upstream-corp") && page.has("upstream-other"), "the positive twin: {}", page.body);
    let statement = sql("UPDATE upstreams SET sealed_secret = '1.elsewhere.AAAA.AAAA' WHERE id = 'corp'");
    app.provider.db.write(async move |tx| tx.execute(statement).await).await.unwrap();
    let app = app.restart().await;
    app.ignore_mail();
    let mut browser = Browser::new();
    let page = browser.visit(&app.url("/sign-in")).await;
    assert_eq!((page.status, page.has("upstream-corp"), page.has("upstream-other")), (200, false, true), "{}", page.body);
    app.sign_in(&mut browser, "ana").await;
    assert!(app.is_in(&mut browser).await);
}

/// What is gone within an hour of being sealed; the README says to leave the older keys for as long.
const SHORT_LIVED: [(&str, &str); 3] =
    [("upstream_attempts", "sealed"), ("upstream_attempts", "sealed_answer"), ("upstream_arrivals", "sealed")];

/// No place may seal something that a change of the key leaves behind.
#[test]
fn every_sealed_column_is_known() {
    let known = |place: &(String, String)| {
        let is = |table: &str, column: &str| (table, column) == (place.0.as_str(), place.1.as_str());
        Column::ALL.iter().any(|own| is(own.table(), own.name())) || SHORT_LIVED.iter().any(|(table, column)| is(table, column))
    };
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let mut places = BTreeSet::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for call in text.split("#[cfg(test)]").next().unwrap().split("vault.seal(").skip(1) {
            let mut words = call.trim_start().strip_prefix('"').into_iter().flat_map(|call| call.split('"'));
            if let (Some(table), Some(_), Some(column)) = (words.next(), words.next(), words.next()) {
                places.insert((table.to_owned(), column.to_owned()));
            } else {
                assert!(file.ends_with("keys/rekey.rs"), "{}: what is sealed here?", file.display());
            }
        }
    }
    assert_eq!(places.len(), Column::ALL.len() + SHORT_LIVED.len(), "{places:?}");
    assert!(places.iter().all(known), "{places:?}");
}
