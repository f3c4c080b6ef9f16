//! Encrypted ID tokens, userinfo answers and logout tokens (OpenID Connect Core section 10.2, RFC 7516), opened here with the client's
//! own private key.

use josekit::jwe::alg::ecdh_es::EcdhEsJweAlgorithm::EcdhEs;
use josekit::jwe::alg::rsaes::RsaesJweAlgorithm::RsaOaep256;
use josekit::jwe::{JweDecrypter, JweHeader, deserialize_compact};
use josekit::jwk::Jwk;
use josekit::jwk::alg::ec::EcCurve;
use serde_json::{Value, json};

use crate::support::documents::{Document, Documents};
use crate::support::registrar::{Own, about, register, registering};
use crate::support::rp::{claims, header};
use crate::support::{Browser, Receiver, Rp, TestApp};

/// A key of a client and what opens what is encrypted to it.
struct Key {
    public: Value,
    opener: Box<dyn JweDecrypter>,
}

impl Key {
    fn rsa() -> Key {
        let key = Jwk::generate_rsa_key(2048).unwrap();
        Key { public: public(&key, "rsa"), opener: Box::new(RsaOaep256.decrypter_from_jwk(&key).unwrap()) }
    }

    fn ec(kid: &str) -> Key {
        let key = Jwk::generate_ec_key(EcCurve::P256).unwrap();
        Key { public: public(&key, kid), opener: Box::new(EcdhEs.decrypter_from_jwk(&key).unwrap()) }
    }

    fn open(&self, token: &str) -> (String, JweHeader) {
        assert_eq!(token.split('.').count(), 5, "not encrypted: {token}");
        let (content, header) = deserialize_compact(token, self.opener.as_ref()).unwrap();
        (String::from_utf8(content).unwrap(), header)
    }

    fn set(&self) -> Value {
        json!({ "keys": [self.public] })
    }
}

fn public(key: &Jwk, kid: &str) -> Value {
    let mut public = json!(key.to_public_key().unwrap().as_ref());
    public["use"] = "enc".into();
    public["kid"] = kid.into();
    public
}

async fn registered(app: &TestApp, more: Value) -> Own {
    let mut all =
        json!({ "grant_types": ["authorization_code", "refresh_token"], "scope": "openid profile email offline_access" });
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Own::new(app, all).await
}

async fn scene() -> TestApp {
    let app = registering("open", &[]).await;
    app.person("ana").await;
    app
}

/// Signed, then encrypted: the same ID token as anybody's inside, at sign-in and at each refresh.
#[tokio::test]
async fn id_tokens() {
    let app = scene().await;
    let (rsa, ec) = (Key::rsa(), Key::ec("one"));
    for (key, alg, enc, told) in
        [(&rsa, "RSA-OAEP-256", json!("A256GCM"), "A256GCM"), (&ec, "ECDH-ES", Value::Null, "A128CBC-HS256")]
    {
        let about = json!({ "jwks": key.set(), "id_token_encrypted_response_alg": alg, "id_token_encrypted_response_enc": enc });
        let own = registered(&app, about).await;
        assert_eq!(own.told["id_token_encrypted_response_enc"], told);
        let tokens = own.rp.tokens(&mut Browser::new(), "ana").await;
        let refreshed = own.rp.refresh(&tokens.text("refresh_token")).await;
        for answer in [&tokens, &refreshed] {
            let (signed, outer) = key.open(&answer.text("id_token"));
            assert_eq!((outer.content_type(), outer.key_id()), (Some("JWT"), key.public["kid"].as_str()));
            assert_eq!((outer.algorithm(), outer.content_encryption()), (Some(alg), Some(told)));
            assert_eq!(
                (header(&signed)["alg"].as_str(), claims(&signed)["aud"].as_str()),
                (Some("RS256"), Some(own.rp.id.as_str()))
            );
        }
        let (signed, _) = key.open(&tokens.text("id_token"));
        assert_eq!(claims(&signed)["nonce"], "a nonce");
        // Whoever opened it may use it as a hint (section 3.1.2.1).
        let silent = own.rp.flow().with("prompt", "none").with("id_token_hint", &signed);
        assert_eq!(Browser::new().get(&own.rp.begin(&silent)).await.param("error").as_deref(), Some("login_required"));
    }
}

/// Userinfo is plain, encrypted, or signed and encrypted, as was registered (section 5.3.2).
#[tokio::test]
async fn userinfo() {
    let app = scene().await;
    let key = Key::ec("one");
    let answered = async |more: Value| {
        let own = registered(&app, more).await;
        let tokens = own.rp.tokens(&mut Browser::new(), "ana").await;
        let answer = own.rp.userinfo(&tokens.text("access_token")).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        (own, answer)
    };
    let (_, plain) = answered(json!({})).await;
    assert_eq!(plain.json()["email"], "ana@example.com");
    let encrypted =
        json!({ "jwks": key.set(), "userinfo_encrypted_response_alg": "ECDH-ES", "userinfo_encrypted_response_enc": "A128GCM" });
    let (own, answer) = answered(encrypted.clone()).await;
    assert_eq!(answer.header("content-type"), Some("application/jwt"));
    let (content, outer) = key.open(&answer.body);
    let inside: Value = serde_json::from_str(&content).unwrap();
    assert_eq!((outer.content_type(), &inside["email"]), (None, &json!("ana@example.com")));
    assert_eq!((&inside["iss"], &inside["aud"]), (&json!(app.issuer), &json!(own.rp.id)));
    let mut both = encrypted;
    both["userinfo_signed_response_alg"] = "ES256".into();
    let (_, answer) = answered(both).await;
    let (signed, outer) = key.open(&answer.body);
    assert_eq!((outer.content_type(), header(&signed)["alg"].as_str()), (Some("JWT"), Some("ES256")));
    assert_eq!(claims(&signed)["email"], "ana@example.com");
}

/// What comes through the browser is encrypted too; a client without a key hears so, and nothing is sent in the clear.
#[tokio::test]
async fn front_channel() {
    let app = registering("open", &[("RESPONSE_TYPES", "code,code id_token")]).await;
    app.person("ana").await;
    let key = Key::ec("one");
    let documents = Documents::start();
    documents.put("/jwks", Document::json(&key.set()));
    let about = json!({
        "jwks_uri": documents.url("/jwks"), "id_token_encrypted_response_alg": "ECDH-ES", "response_types": ["code id_token"],
        "grant_types": ["authorization_code", "implicit"],
    });
    let own = Own::new(&app, about).await;
    let flow = own.rp.flow().with("response_type", "code id_token").with("scope", "openid");
    let mut browser = Browser::new();
    let page = own.rp.go(&mut browser, "ana", &flow).await;
    let (signed, _) = key.open(&page.param("id_token").unwrap());
    assert!(claims(&signed)["c_hash"].is_string());
    // Its keys are gone: after an hour they are asked for again, and there is none.
    documents.put(
        "/jwks",
        Document::json(&json!({ "keys": [crate::support::app::test_key(vouchsafe::jose::Alg::ES256).public_jwk()] })),
    );
    app.clock.advance(3600);
    let page = browser.get(&own.rp.begin(&flow)).await;
    assert_eq!((page.param("error").as_deref(), page.param("id_token")), (Some("unauthorized_client"), None));
    assert!(page.param("code").is_none());
}

/// A code is not used up by a client that has no key at the moment.
#[tokio::test]
async fn no_key_at_the_moment() {
    let app = scene().await;
    let (first, second) = (Key::ec("one"), Key::ec("two"));
    let documents = Documents::start();
    let own = registered(&app, json!({ "jwks_uri": documents.url("/jwks"), "id_token_encrypted_response_alg": "ECDH-ES" })).await;
    let code = own.rp.code(&mut Browser::new(), "ana").await;
    let before = app.rows().await;
    let refused = own.rp.exchange(&code).await;
    assert_eq!((refused.status, refused.error().as_str()), (503, "temporarily_unavailable"));
    app.untouched(&before, "a client whose keys cannot be fetched").await;
    documents.put("/jwks", Document::json(&first.set()));
    app.clock.advance(60);
    let code = own.rp.code(&mut Browser::new(), "ana").await;
    first.open(&own.rp.exchange(&code).await.text("id_token"));
    // The client changed its key: from the next look on the new one is used.
    documents.put("/jwks", Document::json(&second.set()));
    app.clock.advance(3600);
    let tokens = own.rp.tokens(&mut Browser::new(), "ana").await;
    second.open(&tokens.text("id_token"));
}

/// RFC 7517 section 5: a set that is shared with others holds keys that are not understood here, and serves all the same; and what the
/// client says of its age counts (Core section 10.2.1).
#[tokio::test]
async fn keys_among_others() {
    let app = scene().await;
    let (first, second) = (Key::ec("one"), Key::ec("two"));
    let documents = Documents::start();
    let set = |key: &Key| {
        let others = [
            json!({ "kty": "EC", "crv": "P-384", "alg": "ES384", "kid": "x", "x": "AA", "y": "AA" }),
            json!({ "kty": "RSA", "alg": "RSA1_5", "n": "AQAB", "e": "AQAB" }),
            json!({ "kty": "OKP", "crv": "X25519", "x": "AA" }),
            json!({ "kty": "AKP", "alg": "ML-DSA-44", "kid": 5, "pub": "AA" }),
        ];
        let mut keys = others.to_vec();
        keys.push(key.public.clone());
        let header = "content-type: application/json\r\ncache-control: public, max-age=120".to_owned();
        Document { header, ..Document::json(&json!({ "keys": keys })) }
    };
    documents.put("/jwks", set(&first));
    let own = registered(&app, json!({ "jwks_uri": documents.url("/jwks"), "id_token_encrypted_response_alg": "ECDH-ES" })).await;
    let token = async || own.rp.tokens(&mut Browser::new(), "ana").await.text("id_token");
    first.open(&token().await);
    documents.put("/jwks", set(&second));
    app.clock.advance(119);
    first.open(&token().await);
    app.clock.advance(1);
    second.open(&token().await);
    // Who shows a private key has none; what was there goes on for a day and no longer.
    documents.put("/jwks", Document::json(&json!({ "keys": [second.public, { "kty": "EC", "d": "AA" }] })));
    app.clock.advance(86_399);
    second.open(&token().await);
    app.clock.advance(1);
    let refused = own.rp.exchange(&own.rp.code(&mut Browser::new(), "ana").await).await;
    assert_eq!((refused.status, refused.error().as_str()), (503, "temporarily_unavailable"));
}

/// Logout tokens are encrypted like ID tokens (Back-Channel Logout section 2.4).
#[tokio::test]
async fn logout_tokens() {
    let app = scene().await;
    let (receiver, key) = (Receiver::start().await, Key::ec("one"));
    let about = vouchsafe::admin::clients::Changes {
        redirect_uris: Some(vec![crate::support::CALLBACK.to_owned()]),
        backchannel_logout_uri: Some(receiver.url("/200/out")),
        consent: Some(vouchsafe::oauth::ConsentPolicy::Skip),
        jwks: Some(key.set()),
        id_token_encryption: Some("ECDH-ES:A256GCM".to_owned()),
        ..Default::default()
    };
    let rp = Rp::of(&app, &app.client("sealed", about).await);
    let mut browser = Browser::new();
    rp.tokens(&mut browser, "ana").await;
    let page = browser.visit(&app.url("/sign-out")).await;
    browser.submit(&page, "sign-out", &[]).await;
    let calls = receiver.heard("/200/out", 1).await;
    let (signed, outer) = key.open(&calls[0].only("logout_token"));
    assert_eq!((outer.issuer(), outer.content_type()), (Some(app.issuer.as_str()), Some("JWT")));
    assert_eq!((header(&signed)["typ"].as_str(), claims(&signed)["aud"].as_str()), (Some("logout+jwt"), Some("sealed")));
    app.ignore_mail();
}

/// Registration: what goes together, and what is not known, by the name of the field (Dynamic Client Registration section 2).
#[tokio::test]
async fn registration() {
    let app = scene().await;
    let keys = Key::ec("one").set();
    let good = json!({
        "jwks": keys, "id_token_encrypted_response_alg": "ECDH-ES+A256KW", "userinfo_encrypted_response_alg": "ECDH-ES",
        "userinfo_encrypted_response_enc": "A256CBC-HS512",
    });
    let own = Own::new(&app, good.clone()).await;
    let read = own.get(&app).await.json();
    for (name, value) in [
        ("id_token_encrypted_response_alg", "ECDH-ES+A256KW"),
        ("id_token_encrypted_response_enc", "A128CBC-HS256"),
        ("userinfo_encrypted_response_alg", "ECDH-ES"),
        ("userinfo_encrypted_response_enc", "A256CBC-HS512"),
    ] {
        assert_eq!(read[name], value, "{name}");
    }
    for (field, more) in [
        ("id_token_encrypted_response_enc", json!({ "id_token_encrypted_response_alg": null })),
        ("id_token_encrypted_response_enc", json!({ "id_token_encrypted_response_enc": "A192GCM" })),
        ("id_token_encrypted_response_alg", json!({ "id_token_encrypted_response_alg": "RSA1_5" })),
        ("id_token_encrypted_response_alg", json!({ "id_token_encrypted_response_alg": "dir" })),
        ("id_token_encrypted_response_alg", json!({ "id_token_encrypted_response_alg": "A128KW" })),
        ("userinfo_encrypted_response_alg", json!({ "userinfo_encrypted_response_alg": 5 })),
        ("userinfo_encrypted_response_enc", json!({ "userinfo_encrypted_response_alg": null })),
        ("id_token_encrypted_response_alg", json!({ "jwks": null })),
        ("jwks", json!({ "id_token_encrypted_response_alg": "RSA-OAEP-256" })),
    ] {
        let mut wrong = good.clone();
        wrong["id_token_encrypted_response_enc"] = "A128GCM".into();
        wrong.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let answer = register(&app, &about(wrong)).await;
        assert_eq!((answer.status, answer.error().as_str()), (400, "invalid_client_metadata"), "{more}");
        assert!(answer.text("error_description").starts_with(field), "{more} {}", answer.body);
    }
    let document = own.rp.get("/.well-known/openid-configuration").await.json();
    for kind in ["id_token", "userinfo"] {
        let algs = json!(["RSA-OAEP-256", "RSA-OAEP", "ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW"]);
        assert_eq!(document[format!("{kind}_encryption_alg_values_supported")], algs);
        let encs = json!(["A128CBC-HS256", "A256CBC-HS512", "A128GCM", "A256GCM"]);
        assert_eq!(document[format!("{kind}_encryption_enc_values_supported")], encs);
    }
}
