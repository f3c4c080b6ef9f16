//! The life of signing keys: announced, signing, retired (OpenID Connect Core section 10.1.1), and the master key.

use vouchsafe::admin::keys::{self, Haste};
use vouchsafe::app::{App, Shop, key_policy};
use vouchsafe::base::{Clock, Random, Secret};
use vouchsafe::keys::{Vault, rotation};

use crate::support::rp::{claims, header};
use crate::support::{Browser, Rp, TestApp};

/// What the running server does on its round: what is due, and a look at the ring.
async fn round(app: &TestApp) {
    let provider = &app.provider;
    rotation::step(&provider.db, &provider.vault, &app.clock, &provider.random, &key_policy(&app.config)).await.unwrap();
    reread(app).await;
}

async fn reread(app: &TestApp) {
    let provider = &app.provider;
    provider.keys.refresh(&provider.db, &provider.vault, app.clock.now()).await.unwrap();
}

async fn published(rp: &Rp) -> Vec<String> {
    let jwks = rp.get("/jwks").await.json();
    jwks["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

fn kid(token: &str) -> String {
    header(token)["kid"].as_str().unwrap().to_owned()
}

/// oidcc-server-rotate-keys: a key is published before it signs, verifies after it signed, and then goes (Core section 10.1.1).
#[tokio::test]
async fn oidcc_server_rotate_keys() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let rp = Rp::web(&app, "web").await;
    let policy = key_policy(&app.config);
    let mut browser = Browser::new();
    let old = kid(&rp.tokens(&mut browser, "ana").await.text("id_token"));
    let turned = keys::rotate(app.desk(), &policy, Haste::WhenPublished).await.unwrap();
    reread(&app).await;
    let alg = header(&rp.tokens(&mut browser, "ana").await.text("id_token"))["alg"].as_str().unwrap().to_owned();
    let next = turned.iter().find(|turned| turned.alg.as_str() == alg).unwrap();
    assert!(next.active_at > app.clock.now());
    let kids = published(&rp).await;
    assert!(kids.contains(&old) && kids.contains(&next.kid));
    app.clock.advance(policy.publish_seconds - 10);
    round(&app).await;
    let before = rp.tokens(&mut browser, "ana").await;
    assert_eq!(kid(&before.text("id_token")), old);
    app.clock.advance(11);
    round(&app).await;
    let after = rp.tokens(&mut Browser::new(), "ana").await;
    assert_eq!(kid(&after.text("id_token")), next.kid);
    assert!(published(&rp).await.contains(&old));
    assert_eq!(rp.userinfo(&before.text("access_token")).await.status, 200);
    assert_eq!(rp.userinfo(&after.text("access_token")).await.status, 200);
    app.clock.advance(policy.retire_seconds + 1);
    round(&app).await;
    let kids = published(&rp).await;
    assert!(!kids.contains(&old) && kids.contains(&next.kid));
}

/// Protects that a key taken out at once verifies nothing any more (RFC 9068 section 4).
#[tokio::test]
async fn retiring_kills_at_once() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let rp = Rp::web(&app, "web").await;
    let old = rp.tokens(&mut Browser::new(), "ana").await.text("access_token");
    assert_eq!(claims(&old)["iss"], app.issuer.as_str());
    assert_eq!(rp.userinfo(&old).await.status, 200);
    let retired = keys::retire(app.desk(), &kid(&old)).await.unwrap();
    reread(&app).await;
    assert!(!published(&rp).await.contains(&kid(&old)));
    assert_eq!(rp.userinfo(&old).await.status, 401);
    let new = rp.tokens(&mut Browser::new(), "ana").await.text("access_token");
    assert_eq!(Some(kid(&new)), retired.replacement);
    assert_eq!(rp.userinfo(&new).await.status, 200);
    assert!(keys::retire(app.desk(), "no such key").await.is_err());
}

/// Protects that a wrong master key stops the start before anything is made anew.
#[tokio::test]
async fn a_wrong_master_key_is_refused() {
    let app = TestApp::start().await;
    let before = app.rows().await;
    let random = Random::seeded(4242);
    let mut config = app.config.clone();
    let start = async |config| match Shop::open(config, Clock::fixed(app.clock.now()), Random::seeded(4243)).await {
        Ok(shop) => App::of(shop).await.map(|_| ()).is_ok(),
        Err(_) => false,
    };
    let own = std::fs::read_to_string(&config.master_key_file).unwrap();
    config.master_key = Secret::new(own);
    assert!(start(config.clone()).await, "the right key");
    let file = app.folder().join("other.key");
    std::fs::write(&file, Vault::generate_file(&random).unwrap()).unwrap();
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    config.master_key = Secret::new(std::fs::read_to_string(&file).unwrap());
    config.master_key_file = file;
    assert!(!start(config).await, "another key");
    app.untouched(&before, "a start with the wrong master key").await;
}
