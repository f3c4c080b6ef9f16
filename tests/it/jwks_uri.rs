//! The keys of clients behind `jwks_uri`: fetched through the guard, kept, fetched again on an unknown key; battery DC-11,
//! TK-10, TK-11.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vouchsafe::base::Random;
use vouchsafe::jose::{Alg, SigningKey};

use crate::support::TestApp;
use crate::support::documents::{Document, Documents};
use crate::support::forge::{encode, es256, hs256, jws, with_assertion};
use crate::support::registrar::{Own, registering};
use crate::support::rp::Answer;

fn key(seed: u64) -> SigningKey {
    SigningKey::generate(Alg::ES256, &Random::seeded(seed)).unwrap()
}

fn set(keys: &[&SigningKey]) -> Document {
    Document::json(&json!({ "keys": keys.iter().map(|key| key.public_jwk()).collect::<Vec<_>>() }))
}

async fn client(app: &TestApp, uri: &str) -> Own {
    let about = json!({
        "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": uri, "grant_types": ["client_credentials"],
        "redirect_uris": null,
    });
    Own::new(app, about).await
}

fn header(key: &SigningKey) -> Value {
    json!({ "alg": "ES256", "kid": key.kid() })
}

fn claims(app: &TestApp, own: &Own) -> Value {
    let now = app.clock.now().unix();
    let jti = vouchsafe::base::public_id(&app.provider.random).unwrap();
    json!({ "iss": own.rp.id, "sub": own.rp.id, "aud": app.issuer, "jti": jti, "iat": now, "exp": now + 60 })
}

async fn present(own: &Own, assertion: &str) -> Answer {
    own.rp.post_as("/token", None, &with_assertion(&[("grant_type", "client_credentials")], assertion)).await
}

async fn sign_in(app: &TestApp, own: &Own, key: &SigningKey) -> u16 {
    present(own, &jws(&header(key).to_string(), &claims(app, own).to_string(), es256(key))).await.status
}

/// Fetched when first needed and not again while the keys fit.
#[tokio::test]
async fn oidcc_registration_jwks_uri() {
    let app = registering("open", &[]).await;
    let documents = Documents::start();
    let first = key(1);
    documents.put("/jwks", set(&[&first]));
    let own = client(&app, &documents.url("/jwks")).await;
    assert_eq!(documents.connections(), 0, "a registration alone calls nobody");
    for _ in 0..3 {
        assert_eq!(sign_in(&app, &own, &first).await, 200);
    }
    assert_eq!(documents.asked("/jwks"), 1);
    assert_eq!(sign_in(&app, &own, &key(2)).await, 401);
    app.clock.advance(3600);
    assert_eq!(sign_in(&app, &own, &first).await, 200);
    assert_eq!(documents.asked("/jwks"), 2, "after an hour they are looked at again");
}

/// The client changes its key; a minute later at most the new one is taken, and the old one not any more.
#[tokio::test]
async fn oidcc_refresh_token_rp_key_rotation() {
    let app = registering("open", &[]).await;
    let documents = Documents::start();
    let (first, second) = (key(1), key(2));
    documents.put("/jwks", set(&[&first]));
    let own = client(&app, &documents.url("/jwks")).await;
    assert_eq!(sign_in(&app, &own, &first).await, 200);
    documents.put("/jwks", set(&[&second]));
    app.clock.advance(59);
    assert_eq!(sign_in(&app, &own, &second).await, 401, "not within the minute");
    app.clock.advance(1);
    assert_eq!(sign_in(&app, &own, &second).await, 200);
    assert_eq!((sign_in(&app, &own, &first).await, documents.asked("/jwks")), (401, 2));
    // Keys without a kid rotate as well.
    let nameless = |key: &SigningKey| {
        let mut jwk = serde_json::to_value(key.public_jwk()).unwrap();
        jwk.as_object_mut().unwrap().remove("kid");
        Document::json(&json!({ "keys": [jwk] }))
    };
    let unnamed = async |key: &SigningKey| {
        present(&own, &jws(r#"{"alg":"ES256"}"#, &claims(&app, &own).to_string(), es256(key))).await.status
    };
    documents.put("/jwks", nameless(&first));
    app.clock.advance(60);
    assert_eq!((unnamed(&first).await, documents.asked("/jwks")), (200, 3));
}

/// DC-11: whatever strangers send in its name, a client is asked once a minute.
#[tokio::test]
async fn a_flood_of_unknown_keys() {
    let app = registering("open", &[]).await;
    let documents = Documents::start();
    let good = key(1);
    documents.put("/jwks", set(&[&good]));
    let own = client(&app, &documents.url("/jwks")).await;
    assert_eq!(sign_in(&app, &own, &good).await, 200);
    app.clock.advance(60);
    let stranger = key(9);
    for n in 0..200 {
        let header = json!({ "alg": "ES256", "kid": format!("random-{n}") }).to_string();
        assert_eq!(present(&own, &jws(&header, &claims(&app, &own).to_string(), es256(&stranger))).await.status, 401);
    }
    assert_eq!(documents.asked("/jwks"), 2);
    assert_eq!(sign_in(&app, &own, &good).await, 200, "the client itself is not disturbed");
}

/// Sixteen requests at once wait for one fetch; who comes while old keys fit does not wait.
#[tokio::test]
async fn no_stampede() {
    let app = registering("open", &[]).await;
    let documents = Documents::start();
    let good = key(1);
    documents.put("/jwks", Document { delay: Duration::from_millis(500), ..set(&[&good]) });
    let own = client(&app, &documents.url("/jwks")).await;
    let all = futures_util::future::join_all((0..16).map(|_| sign_in(&app, &own, &good))).await;
    assert!(all.iter().all(|status| *status == 200), "{all:?}");
    assert_eq!(documents.asked("/jwks"), 1);
    documents.put("/jwks", Document { delay: Duration::from_secs(2), ..set(&[&good]) });
    app.clock.advance(60);
    let unknown = async { sign_in(&app, &own, &key(2)).await };
    let known = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let began = Instant::now();
        (sign_in(&app, &own, &good).await, began.elapsed())
    };
    let (unknown, (known, waited)) = tokio::join!(unknown, known);
    assert_eq!((unknown, known), (401, 200));
    assert!(waited < Duration::from_millis(1200), "{waited:?}");
}

/// A fetch that fails leaves the keys that are there; without any, nothing verifies.
#[tokio::test]
async fn failures() {
    let app = registering("open", &[]).await;
    let documents = Documents::start();
    let good = key(1);
    let fine = set(&[&good]);
    documents.put("/jwks", fine.clone());
    let own = client(&app, &documents.url("/jwks")).await;
    assert_eq!(sign_in(&app, &own, &good).await, 200);
    let private = json!({ "keys": [{ "kty": "oct", "k": "AAAA", "kid": good.kid() }] });
    let bad = [
        ("gone", Document { status: 404, ..fine.clone() }),
        ("failing", Document { status: 500, ..fine.clone() }),
        ("elsewhere", Document { status: 302, header: format!("location: {}", documents.url("/other")), ..fine.clone() }),
        ("nonsense", Document::of("<html>")),
        ("a list", Document::json(&json!([]))),
        ("empty", Document::json(&json!({ "keys": [] }))),
        ("private", Document::json(&private)),
        ("doubled", Document::of(r#"{"keys":[],"keys":[]}"#)),
        ("huge", Document::of(vec![b' '; 300 * 1024])),
    ];
    documents.put("/other", fine.clone());
    for (n, (name, document)) in bad.into_iter().enumerate() {
        documents.put("/jwks", document.clone());
        app.clock.advance(3600);
        assert_eq!(sign_in(&app, &own, &good).await, 200, "{name}: the old keys stay");
        let path = format!("/new/{n}");
        documents.put(&path, document);
        let fresh = client(&app, &documents.url(&path)).await;
        assert_eq!(sign_in(&app, &fresh, &good).await, 401, "{name}: no keys, no entry");
        documents.put(&path, fine.clone());
        app.clock.advance(60);
        assert_eq!(sign_in(&app, &fresh, &good).await, 200, "{name}: it mends itself");
    }
    assert_eq!(documents.asked("/other"), 0, "no redirect was followed");
}

/// What is slow is given up, and holds up nobody but who asked.
#[tokio::test]
async fn slow_keys() {
    let app = registering("open", &[]).await;
    let documents = Documents::start();
    let good = key(1);
    documents.put("/slow", Document { delay: Duration::from_secs(8), ..set(&[&good]) });
    let own = client(&app, &documents.url("/slow")).await;
    let began = Instant::now();
    assert_eq!(sign_in(&app, &own, &good).await, 401);
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
}

/// By default nothing private is called, whatever a client says its address is.
#[tokio::test]
async fn private_addresses() {
    let app = registering("open", &[("OUTBOUND__ALLOW", "")]).await;
    let canary = Documents::start();
    let good = key(1);
    canary.put("/jwks", set(&[&good]));
    for host in ["localhost", "127.0.0.1", "[::1]", "[::ffff:7f00:1]"] {
        let own = client(&app, &format!("https://{host}:{}/jwks", canary.port)).await;
        assert_eq!(sign_in(&app, &own, &good).await, 401, "{host}");
    }
    assert_eq!(canary.connections(), 0, "the canary was called");
}

/// TK-10, TK-11: other algorithms, and addresses and keys in the header, call nobody and open nothing.
#[tokio::test]
async fn headers_of_strangers() {
    let app = registering("open", &[]).await;
    let documents = Documents::start();
    let canary = Documents::start();
    let (good, evil) = (key(1), key(2));
    documents.put("/jwks", set(&[&good]));
    canary.put("/jwks", set(&[&evil]));
    let own = client(&app, &documents.url("/jwks")).await;
    assert_eq!(sign_in(&app, &own, &good).await, 200);
    let public = serde_json::to_string(good.public_jwk()).unwrap();
    let evil_jwk = serde_json::to_value(evil.public_jwk()).unwrap();
    for more in [
        json!({ "jku": canary.url("/jwks") }),
        json!({ "x5u": canary.url("/jwks") }),
        json!({ "jwk": evil_jwk }),
        json!({ "x5c": [encode("certificate")] }),
        json!({ "kid": canary.url("/jwks") }),
        json!({ "kid": "../../etc/passwd" }),
        json!({ "kid": "' OR 1=1 --" }),
        json!({ "kid": "x".repeat(10_000) }),
        json!({ "kid": 7 }),
        json!({ "kid": null }),
        json!({ "alg": "RS256" }),
        json!({ "alg": "ES384" }),
    ] {
        let mut header = header(&good);
        header.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let status = present(&own, &jws(&header.to_string(), &claims(&app, &own).to_string(), es256(&evil))).await.status;
        assert_eq!(status, 401, "{more:.100}");
    }
    let hs = json!({ "alg": "HS256", "kid": good.kid() }).to_string();
    assert_eq!(present(&own, &jws(&hs, &claims(&app, &own).to_string(), hs256(public.as_bytes()))).await.status, 401);
    let none = json!({ "alg": "none", "kid": good.kid() }).to_string();
    assert_eq!(present(&own, &jws(&none, &claims(&app, &own).to_string(), |_| Vec::new())).await.status, 401);
    assert_eq!(canary.connections(), 0, "the canary was called");
    assert_eq!(sign_in(&app, &own, &good).await, 200);
}
