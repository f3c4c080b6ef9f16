//! Client authentication (RFC 6749 section 2.3, RFC 7523, OpenID Connect Core section 9): the registered way and no other.

use serde_json::{Value, json};
use vouchsafe::admin::clients::{self, Changes};
use vouchsafe::base::Random;
use vouchsafe::jose::{Alg, SigningKey};
use vouchsafe::oauth::{AuthMethod, PkcePolicy};

use crate::support::forge::{Signing, encode, es256, hs256, jws, with_assertion};
use crate::support::rp::{Answer, VERIFIER};
use crate::support::{Browser, CALLBACK, Rp, TestApp};

fn code_fields(code: &str) -> Vec<(&str, &str)> {
    vec![("grant_type", "authorization_code"), ("code", code), ("redirect_uri", CALLBACK), ("code_verifier", VERIFIER)]
}

fn assert_unknown(answer: &Answer, why: &str) {
    assert_eq!((answer.status, answer.error().as_str()), (401, "invalid_client"), "{why}: {}", answer.body);
}

/// Protects a confidential client (TK-07, RFC 6749 section 3.2.1): without its secret nothing happens, the code stays good.
#[tokio::test]
async fn a_wrong_secret_changes_nothing() {
    let app = TestApp::start().await;
    let (rp, evil) = (Rp::web(&app, "web").await, Rp::web(&app, "evil").await);
    app.person("ana").await;
    let code = rp.code(&mut Browser::new(), "ana").await;
    let (secret, other) = (rp.secret.clone().unwrap(), evil.secret.clone().unwrap());
    let mut with_id = code_fields(&code);
    with_id.push(("client_id", "web"));
    let before = app.rows().await;
    assert_unknown(&rp.post_as("/token", None, &code_fields(&code)).await, "nobody");
    assert_unknown(&rp.post_as("/token", None, &with_id).await, "client_id alone");
    for wrong in ["", &other, &format!("{secret}%20"), &secret[..secret.len() - 1], &secret.to_uppercase()] {
        let answer = rp.post_as("/token", Some(("web", wrong)), &code_fields(&code)).await;
        assert_unknown(&answer, wrong);
        assert!(answer.header("www-authenticate").is_some_and(|value| value.starts_with("Basic ")), "{wrong}");
    }
    for id in ["unknown", "WEB", ""] {
        assert_unknown(&rp.post_as("/token", Some((id, &secret)), &code_fields(&code)).await, id);
    }
    app.untouched(&before, "nobody was authenticated").await;
    assert_eq!(rp.exchange(&code).await.status, 200, "the code was not burned");
}

/// Protects the answer to strangers (TK-25): an unknown client and a wrong secret are one answer.
#[tokio::test]
async fn unknown_clients_look_like_wrong_secrets() {
    let app = TestApp::start().await;
    let rp = Rp::web(&app, "web").await;
    let wrong = rp.post_as("/token", Some(("web", "wrong")), &code_fields("x")).await;
    let unknown = rp.post_as("/token", Some(("nobody", "wrong")), &code_fields("x")).await;
    assert_eq!((wrong.status, &wrong.body), (unknown.status, &unknown.body));
    assert_eq!(wrong.header("www-authenticate"), unknown.header("www-authenticate"));
    assert_eq!(rp.exchange("x").await.error(), "invalid_grant", "the right secret gets further");
}

/// Protects the one way (TK-19, RFC 6749 section 2.3): two at once are refused, whatever they say.
#[tokio::test]
async fn two_ways_at_once() {
    let app = TestApp::start().await;
    let rp = Rp::web(&app, "web").await;
    let signing = Signing::private_key_jwt(&app, "signer").await;
    app.person("ana").await;
    let code = rp.code(&mut Browser::new(), "ana").await;
    let (secret, assertion) = (rp.secret.clone().unwrap(), signing.assertion(&app, "one"));
    let basic = Some(("web", secret.as_str()));
    let before = app.rows().await;
    let mut in_body = code_fields(&code);
    in_body.push(("client_secret", &secret));
    let mut both = with_assertion(&code_fields(&code), &assertion);
    both.extend([("client_secret", secret.as_str()), ("client_id", "web")]);
    let mut other_id = code_fields(&code);
    other_id.push(("client_id", "signer"));
    let refused = [
        rp.post_as("/token", basic, &in_body).await,
        rp.post_as("/token", basic, &with_assertion(&code_fields(&code), &assertion)).await,
        rp.post_as("/token", None, &both).await,
        rp.post_as("/token", basic, &other_id).await,
    ];
    for answer in refused {
        assert_eq!((answer.status, answer.error().as_str()), (400, "invalid_request"), "{}", answer.body);
    }
    app.untouched(&before, "two ways at once").await;
    let mut same_id = code_fields(&code);
    same_id.push(("client_id", "web"));
    assert_eq!(rp.post_as("/token", basic, &same_id).await.status, 200, "its own id beside the header is no second way");
}

/// Protects the registered way (TK-20, OpenID Connect Core section 9): the right secret in the wrong place is refused, both
/// ways round.
#[tokio::test]
async fn only_the_registered_way() {
    let app = TestApp::start().await;
    let basic = Rp::web(&app, "basic").await;
    let about = Changes {
        redirect_uris: Some(vec![CALLBACK.to_owned()]),
        auth_method: Some(AuthMethod::ClientSecretPost),
        pkce: Some(PkcePolicy::Optional),
        ..Changes::default()
    };
    let post = Rp::of(&app, &app.client("post", about).await);
    app.person("ana").await;
    let mut browser = Browser::new();
    for (rp, in_header) in [(&basic, true), (&post, false)] {
        let code = rp.code(&mut browser, "ana").await;
        let secret = rp.secret.clone().unwrap();
        let mut body = code_fields(&code);
        body.extend([("client_id", rp.id.as_str()), ("client_secret", secret.as_str())]);
        let before = app.rows().await;
        let by_header = async || rp.post_as("/token", Some((&rp.id, &secret)), &code_fields(&code)).await;
        let by_body = async || rp.post_as("/token", None, &body).await;
        assert_unknown(&if in_header { by_body().await } else { by_header().await }, &rp.id);
        app.untouched(&before, &rp.id).await;
        assert_eq!(if in_header { by_header().await } else { by_body().await }.status, 200, "{}", rp.id);
    }
}

/// Protects the change of a secret (TK-07): both are good while they overlap, the old one is dead to the second after.
#[tokio::test]
async fn two_secrets_while_they_overlap() {
    let app = TestApp::start().await;
    let rp = Rp::web(&app, "web").await;
    let old = rp.secret.clone().unwrap();
    let new = clients::rotate_secret(app.desk(), "web", 3600).await.unwrap().secret.unwrap().expose().clone();
    let ask = async |secret: &str| rp.post_as("/introspect", Some(("web", secret)), &[("token", "x")]).await;
    app.notice_changes();
    for (seconds, old_status) in [(0, 200), (3599, 200), (1, 401), (1, 401)] {
        app.clock.advance(seconds);
        assert_eq!(ask(&old).await.status, old_status, "{seconds}");
        assert_eq!(ask(&new).await.status, 200, "{seconds}");
    }
}

/// Protects `private_key_jwt` (RFC 7523 section 3): a good assertion is taken once; replayed it is refused and the code of
/// the second request stays good.
#[tokio::test]
async fn an_assertion_is_taken_once() {
    let app = TestApp::start().await;
    let signing = Signing::private_key_jwt(&app, "signer").await;
    let rp = &signing.rp;
    app.person("ana").await;
    let mut browser = Browser::new();
    let (first, second) = (rp.code(&mut browser, "ana").await, rp.code(&mut browser, "ana").await);
    let assertion = signing.assertion(&app, "one");
    assert_eq!(rp.post_as("/token", None, &with_assertion(&code_fields(&first), &assertion)).await.status, 200);
    let before = app.rows().await;
    assert_unknown(&rp.post_as("/token", None, &with_assertion(&code_fields(&second), &assertion)).await, "replayed");
    app.untouched(&before, "a replayed assertion").await;
    let fresh = signing.assertion(&app, "two");
    assert_eq!(rp.post_as("/token", None, &with_assertion(&code_fields(&second), &fresh)).await.status, 200);
}

/// What an introspection says to this assertion: 401, or 200 if it was believed.
async fn believed(rp: &Rp, assertion: &str) -> bool {
    let answer = rp.post_as("/introspect", None, &with_assertion(&[("token", "x")], assertion)).await;
    if answer.status != 200 {
        assert_unknown(&answer, assertion);
    }
    answer.status == 200
}

/// Protects what an assertion says (RFC 7523 section 3, RFC 8725): each wrong or missing claim is refused, its `jti` unused.
#[tokio::test]
async fn wrong_claims_of_an_assertion() {
    let app = TestApp::start().await;
    let signing = Signing::private_key_jwt(&app, "signer").await;
    let now = app.clock.now().unix();
    let good = signing.claims(&app, "one");
    let sign = |claims: &Value| jws(&signing.header().to_string(), &claims.to_string(), es256(&signing.key));
    let before = app.rows().await;
    for name in ["iss", "sub", "aud", "exp", "jti"] {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().remove(name);
        assert!(!believed(&signing.rp, &sign(&claims)).await, "without {name}");
    }
    for (name, value) in [
        ("iss", json!("web")),
        ("sub", json!("web")),
        ("aud", json!("https://evil.test")),
        ("aud", json!([app.issuer, "https://evil.test"])),
        ("exp", json!(now - 11)),
        ("exp", json!(now + 3601)),
        ("exp", json!((now + 60).to_string())),
        ("nbf", json!(now + 120)),
        ("iat", json!(now + 3600)),
        ("jti", json!(7)),
    ] {
        let mut claims = good.clone();
        claims[name] = value.clone();
        assert!(!believed(&signing.rp, &sign(&claims)).await, "{name} = {value}");
    }
    app.untouched(&before, "wrong claims").await;
    assert!(believed(&signing.rp, &sign(&good)).await, "the good one");
}

/// Protects against forged algorithms and keys (TK-10, TK-11, RFC 8725 sections 3.1, 3.2 and 3.10): no key and no algorithm
/// of the sender's choice.
#[tokio::test]
async fn forged_headers_of_an_assertion() {
    let app = TestApp::start().await;
    let signing = Signing::private_key_jwt(&app, "signer").await;
    let rp = &signing.rp;
    let claims = signing.claims(&app, "one").to_string();
    let stranger = SigningKey::generate(Alg::ES256, &Random::seeded(5)).unwrap();
    let jwk = serde_json::to_string(signing.key.public_jwk()).unwrap();
    let kid = signing.key.kid();
    let before = app.rows().await;
    for none in ["none", "None", "nOnE", "", "HS256", "RS256", "ES384", "PS256"] {
        let header = json!({ "alg": none, "typ": "JWT", "kid": kid }).to_string();
        let unsigned = format!("{}.{}.", encode(&header), encode(&claims));
        assert!(!believed(rp, &unsigned).await, "{none} unsigned");
        assert!(!believed(rp, &jws(&header, &claims, hs256(jwk.as_bytes()))).await, "{none} keyed with the public key");
        assert!(!believed(rp, &jws(&header, &claims, es256(&signing.key))).await, "{none} over the right signature");
    }
    assert!(!believed(rp, &jws(&signing.header().to_string(), &claims, es256(&stranger))).await, "a stranger's key");
    let own = json!(stranger.public_jwk());
    for (name, value) in [
        ("jwk", own.clone()),
        ("jku", json!("https://evil.test/jwks")),
        ("x5u", json!("https://evil.test/x5u")),
        ("x5c", json!([encode("certificate")])),
        ("kid", json!(stranger.kid())),
        ("kid", json!("../../etc/passwd")),
        ("kid", json!("' OR 1=1 --")),
        ("kid", json!("https://evil.test/key")),
        ("kid", json!("k".repeat(10_000))),
        ("kid", json!(1)),
        ("kid", Value::Null),
        ("crit", json!(["exp"])),
        ("typ", json!("at+jwt")),
    ] {
        let mut header = signing.header();
        header[name] = value.clone();
        assert!(!believed(rp, &jws(&header.to_string(), &claims, es256(&stranger))).await, "{name} = {value}");
    }
    app.untouched(&before, "forged assertions").await;
    // A stranger's key that is only mentioned does no harm: the registered one signed.
    let mut header = signing.header();
    header["jwk"] = own;
    assert!(believed(rp, &jws(&header.to_string(), &claims, es256(&signing.key))).await);
}

/// Protects `client_secret_jwt` (RFC 7523, OpenID Connect Core section 9): the secret is the HMAC key, each `jti` counts
/// once, the secret itself is not taken.
#[tokio::test]
async fn a_secret_signs_an_assertion() {
    let app = TestApp::start().await;
    let about = Changes {
        redirect_uris: Some(vec![CALLBACK.to_owned()]),
        auth_method: Some(AuthMethod::ClientSecretJwt),
        pkce: Some(PkcePolicy::Optional),
        ..Changes::default()
    };
    let rp = Rp::of(&app, &app.client("hmac", about).await);
    let secret = rp.secret.clone().unwrap();
    let now = app.clock.now().unix();
    let header = json!({ "alg": "HS256", "typ": "JWT" }).to_string();
    let claims = |jti: &str| {
        json!({ "iss": "hmac", "sub": "hmac", "aud": app.issuer, "jti": jti, "iat": now, "exp": now + 60 }).to_string()
    };
    let before = app.rows().await;
    assert!(!believed(&rp, &jws(&header, &claims("one"), hs256(b"another secret of at least 32 bytes"))).await);
    assert!(!believed(&rp, &jws(&header, &claims("one"), hs256(b""))).await);
    let by_header = rp.post_as("/introspect", Some(("hmac", &secret)), &[("token", "x")]).await;
    assert_unknown(&by_header, "the secret itself");
    app.untouched(&before, "wrong secrets").await;
    let good = jws(&header, &claims("one"), hs256(secret.as_bytes()));
    assert!(believed(&rp, &good).await, "the good one");
    assert!(!believed(&rp, &good).await, "replayed");
    assert!(believed(&rp, &jws(&header, &claims("two"), hs256(secret.as_bytes()))).await, "the next one");
}
