//! Access tokens as JWT (RFC 9068, RFC 8725) and as opaque text: userinfo believes ours and nothing that only looks like it.

use serde_json::{Value, json};
use vouchsafe::admin::clients::{self, Changes};
use vouchsafe::base::Random;
use vouchsafe::jose::{Alg, SigningKey};
use vouchsafe::oauth::AccessTokenFormat;

use crate::support::app::test_key;
use crate::support::forge::{encode, es256, hs256, jws};
use crate::support::rp::{claims, header};
use crate::support::{Browser, Rp, TestApp};

/// A live access token of Ana, taken apart, with the key that signed it.
struct Scene {
    app: TestApp,
    rp: Rp,
    token: String,
    header: Value,
    claims: Value,
    key: SigningKey,
}

async fn scene() -> Scene {
    let app = TestApp::start().await;
    let rp = Rp::web(&app, "web").await;
    app.person("ana").await;
    let token = rp.tokens(&mut Browser::new(), "ana").await.text("access_token");
    let (header, claims, key) = (header(&token), claims(&token), test_key(Alg::ES256));
    Scene { app, rp, token, header, claims, key }
}

impl Scene {
    fn sign(&self, header: &Value, claims: &Value) -> String {
        jws(&header.to_string(), &claims.to_string(), es256(&self.key))
    }

    async fn assert_refused(&self, token: &str, why: &str) {
        let answer = self.rp.userinfo(token).await;
        let challenge = answer.header("www-authenticate").unwrap_or_default();
        assert_eq!(answer.status, 401, "{why}: {}", answer.body);
        assert!(challenge.contains("error=\"invalid_token\""), "{why}: {challenge}");
    }

    async fn assert_believed(&self, token: &str, why: &str) {
        let answer = self.rp.userinfo(token).await;
        assert_eq!(answer.status, 200, "{why}: {}", answer.body);
    }
}

/// Protects the profile (RFC 9068 section 2): header and claims as it says, nothing of the person but `sub`.
#[tokio::test]
async fn what_an_access_token_says() {
    let scene = scene().await;
    let now = scene.app.clock.now().unix();
    assert_eq!((&scene.header["typ"], &scene.header["alg"]), (&json!("at+jwt"), &json!("ES256")));
    assert_eq!(scene.header["kid"], scene.key.kid());
    let claims = &scene.claims;
    assert_eq!((&claims["iss"], &claims["client_id"]), (&json!(scene.app.issuer), &json!("web")));
    assert_eq!((&claims["iat"], &claims["exp"], &claims["auth_time"]), (&json!(now), &json!(now + 1800), &json!(now)));
    assert_eq!((&claims["aud"], &claims["scope"]), (&json!(scene.app.issuer), &json!("openid profile email offline_access")));
    for absent in ["email", "name", "nonce", "sid", "user_id"] {
        assert_eq!(claims.get(absent), None, "{absent}");
    }
    let again = scene.rp.tokens(&mut Browser::new(), "ana").await.text("access_token");
    assert_ne!(self::claims(&again)["jti"], claims["jti"]);
}

/// Protects against forged algorithms (JK-01, RFC 8725 section 3.2): no signature, no token.
#[tokio::test]
async fn unsigned_tokens() {
    let scene = scene().await;
    let (head, body, signature) = {
        let mut parts = scene.token.split('.');
        (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap())
    };
    for alg in ["none", "None", "nOnE", "NONE", ""] {
        let forged = encode(json!({ "alg": alg, "typ": "at+jwt", "kid": scene.key.kid() }).to_string());
        for tail in ["", signature] {
            scene.assert_refused(&format!("{forged}.{body}.{tail}"), alg).await;
        }
    }
    scene.assert_refused(&format!("{head}.{body}."), "empty signature").await;
    scene.assert_refused(&format!("{head}.{body}"), "no signature").await;
    scene.assert_refused(&format!("{}.{}.{body}.{signature}", "", head), "four parts").await;
    scene.assert_believed(&scene.token, "the token itself").await;
}

/// Protects against algorithm confusion (JK-02, CVE-2022-29217): our public key, in any form, is no HMAC key.
#[tokio::test]
async fn public_keys_are_no_hmac_keys() {
    let scene = scene().await;
    let jwk = serde_json::to_value(scene.key.public_jwk()).unwrap();
    let (text, x, kid) = (jwk.to_string(), jwk["x"].as_str().unwrap().to_owned(), scene.key.kid().to_owned());
    let jwks = scene.rp.get("/jwks").await.body;
    for secret in [text, x, kid, jwks, String::new()] {
        for alg in ["HS256", "HS512", "ES256"] {
            let mut header = scene.header.clone();
            header["alg"] = json!(alg);
            let forged = jws(&header.to_string(), &scene.claims.to_string(), hs256(secret.as_bytes()));
            scene.assert_refused(&forged, alg).await;
        }
    }
    scene.assert_believed(&scene.sign(&scene.header, &scene.claims), "signed by us").await;
}

/// Protects against keys that a token brings (JK-04, ASVS 9.1.3), and against critical extensions (JK-13).
#[tokio::test]
async fn keys_in_the_header() {
    let scene = scene().await;
    let stranger = SigningKey::generate(Alg::ES256, &Random::seeded(3)).unwrap();
    let plain = jws(&scene.header.to_string(), &scene.claims.to_string(), es256(&stranger));
    scene.assert_refused(&plain, "a stranger under our kid").await;
    for (name, value) in [
        ("jwk", json!(stranger.public_jwk())),
        ("x5c", json!([encode("certificate")])),
        ("jku", json!("https://evil.test/jwks")),
        ("x5u", json!("https://evil.test/x5u")),
        ("kid", json!(stranger.kid())),
        ("kid", json!("../master.key")),
        ("kid", json!(1)),
        ("kid", Value::Null),
    ] {
        let mut header = scene.header.clone();
        header[name] = value;
        let forged = jws(&header.to_string(), &scene.claims.to_string(), es256(&stranger));
        scene.assert_refused(&forged, name).await;
    }
    for (name, value) in [("crit", json!(["exp"])), ("zip", json!("DEF")), ("b64", json!(false)), ("typ", json!("JWT"))] {
        let mut header = scene.header.clone();
        header[name] = value;
        scene.assert_refused(&scene.sign(&header, &scene.claims), name).await;
    }
    scene.assert_believed(&scene.sign(&scene.header, &scene.claims), "signed by us").await;
}

/// Makes a signature of a message.
type Signer<'a> = Box<dyn Fn(&[u8]) -> Vec<u8> + 'a>;

/// Protects against signatures of another form (JK-05, CVE-2022-21449): zeros, DER, a byte less or more, high `s`.
#[tokio::test]
async fn signatures_of_another_form() {
    use p256::ecdsa::Signature;
    let scene = scene().await;
    let (header, claims) = (scene.header.to_string(), scene.claims.to_string());
    let right = es256(&scene.key);
    let parsed = |message: &[u8]| Signature::from_slice(&right(message)).unwrap();
    let forms: [(&str, Signer<'_>); 6] = [
        ("zeros", Box::new(|_| vec![0; 64])),
        ("one byte less", Box::new(|m| right(m)[..63].to_vec())),
        ("one byte more", Box::new(|m| [right(m), vec![0]].concat())),
        ("DER", Box::new(|m| parsed(m).to_der().as_bytes().to_vec())),
        (
            "high s",
            Box::new(|m| {
                let (r, s) = parsed(m).split_scalars();
                Signature::from_scalars(r.to_bytes(), (-s).to_bytes()).unwrap().to_bytes().to_vec()
            }),
        ),
        ("another message", Box::new(|_| right(b"another message"))),
    ];
    for (name, form) in forms {
        scene.assert_refused(&jws(&header, &claims, form), name).await;
    }
    scene.assert_believed(&jws(&header, &claims, &right), "the right form").await;
}

/// Protects what must be said (JK-07, RFC 9068 section 2.2): our own signature does not help a token that lacks a claim.
#[tokio::test]
async fn missing_claims() {
    let scene = scene().await;
    for name in ["aud", "iss", "exp", "iat", "sub", "jti", "client_id", "grant", "scope"] {
        let mut claims = scene.claims.clone();
        claims.as_object_mut().unwrap().remove(name);
        scene.assert_refused(&scene.sign(&scene.header, &claims), name).await;
    }
    for (name, value) in [("iss", json!("https://evil.test")), ("aud", json!("https://evil.test")), ("grant", json!("unknown"))] {
        let mut claims = scene.claims.clone();
        claims[name] = value;
        scene.assert_refused(&scene.sign(&scene.header, &claims), name).await;
    }
    scene.assert_believed(&scene.sign(&scene.header, &scene.claims), "with all of them").await;
}

/// Protects times (JK-08, CVE-2026-25537): only whole numbers that make sense now.
#[tokio::test]
async fn times_of_another_form() {
    let scene = scene().await;
    let now = scene.app.clock.now().unix();
    for name in ["exp", "iat", "nbf"] {
        for value in [json!(now.to_string()), json!(now as f64 + 0.5), json!(-1), json!([now]), Value::Null, json!(u64::MAX)] {
            let mut claims = scene.claims.clone();
            claims[name] = value.clone();
            scene.assert_refused(&scene.sign(&scene.header, &claims), &format!("{name} = {value}")).await;
        }
        let mut others = scene.claims.clone();
        others.as_object_mut().unwrap().remove(name);
        let huge = format!("{},\"{name}\":1e400}}", others.to_string().trim_end_matches('}'));
        scene.assert_refused(&jws(&scene.header.to_string(), &huge, es256(&scene.key)), "1e400").await;
    }
    for (name, ahead) in [("nbf", 60), ("iat", 3600)] {
        let mut claims = scene.claims.clone();
        claims[name] = json!(now + ahead);
        scene.assert_refused(&scene.sign(&scene.header, &claims), name).await;
    }
    let mut claims = scene.claims.clone();
    claims["nbf"] = json!(now);
    scene.assert_believed(&scene.sign(&scene.header, &claims), "nbf is now").await;
}

/// Protects the parser (JK-13): doubles, depth, size, other encodings and other parts are refused, cheaply.
#[tokio::test]
async fn tokens_of_another_form() {
    let scene = scene().await;
    let (header, text) = (scene.header.to_string(), scene.claims.to_string());
    let open = text.trim_end_matches('}').to_owned();
    let sign = |payload: &str| jws(&header, payload, es256(&scene.key));
    scene.assert_refused(&sign(&format!("{open},\"sub\":\"somebody\"}}")), "a claim twice").await;
    scene.assert_refused(&sign(&format!("{open},\"deep\":{}{}}}", "[".repeat(3000), "]".repeat(3000))), "deep").await;
    scene.assert_refused(&sign(&format!("{open},\"long\":\"{}\"}}", "x".repeat(17_000))), "long").await;
    scene.assert_refused(&sign(&format!("\u{feff}{text}")), "a byte order mark").await;
    scene.assert_refused(&sign("[]"), "no object").await;
    let doubled = header.replacen('{', "{\"alg\":\"ES256\",", 1);
    scene.assert_refused(&jws(&doubled, &text, es256(&scene.key)), "a header member twice").await;
    let token = &scene.token;
    for bad in [format!("{token}="), format!("{token}.a.b"), format!(".{token}"), format!("{token}."), token.replace('.', "..")] {
        scene.assert_refused(&bad, "parts").await;
    }
    scene.assert_refused(&token.to_uppercase(), "capitals").await;
    scene.assert_believed(&sign(&text), "as it was").await;
    scene.assert_believed(token, "the token itself").await;
}

/// Protects the public set (JK-10): every signing key is there, and no private or symmetric member.
#[tokio::test]
async fn the_set_is_public() {
    let scene = scene().await;
    let set = scene.rp.get("/jwks").await.json();
    let keys = set["keys"].as_array().unwrap();
    assert!(keys.iter().any(|key| key["kid"] == scene.header["kid"]));
    for key in keys {
        for private in ["d", "p", "q", "dp", "dq", "qi", "k", "oth"] {
            assert_eq!(key.get(private), None, "{private}");
        }
    }
}

/// Protects the kinds of JWT (RFC 9068 section 5): an ID token is no access token, whatever its `typ` says.
#[tokio::test]
async fn an_id_token_is_no_access_token() {
    let scene = scene().await;
    let tokens = scene.rp.tokens(&mut Browser::new(), "ana").await;
    let id = tokens.text("id_token");
    scene.assert_refused(&id, "as it is").await;
    scene.assert_refused(&scene.sign(&scene.header, &claims(&id)), "its claims under the other header").await;
    scene.assert_believed(&tokens.text("access_token"), "the access token beside it").await;
}

/// Protects the end of a token: good in its last second, dead at its end, also where its signature was verified before.
#[tokio::test]
async fn tokens_end_to_the_second() {
    let scene = scene().await;
    let fresh = scene.rp.tokens(&mut Browser::new(), "ana").await.text("access_token");
    scene.app.clock.advance(1799);
    scene.assert_believed(&scene.token, "the last second").await;
    scene.app.clock.advance(1);
    scene.assert_refused(&scene.token, "verified before").await;
    scene.assert_refused(&fresh, "never seen before").await;
}

/// Protects opaque tokens (TK-16, decision 20): one works as a JWT does, says nothing, is stored as a hash, ends in time.
#[tokio::test]
async fn opaque_tokens() {
    let scene = scene().await;
    let about = Changes { access_token: Some(AccessTokenFormat::Opaque), ..Changes::default() };
    clients::edit(scene.app.desk(), "web", &about).await.unwrap();
    scene.app.notice_changes();
    let token = scene.rp.tokens(&mut Browser::new(), "ana").await.text("access_token");
    assert!(!format!("{:?}", scene.app.rows().await).contains(&token), "only its hash is stored");
    assert_eq!(scene.app.count("SELECT COUNT(*) FROM access_tokens").await, 1);
    scene.assert_believed(&token, "as it is").await;
    for near in [&token[..token.len() - 1], &format!("{token}A"), &token.to_uppercase(), &format!("{token}="), "at_"] {
        scene.assert_refused(near, near).await;
    }
    scene.app.clock.advance(1799);
    scene.assert_believed(&token, "the last second").await;
    scene.app.clock.advance(1);
    scene.assert_refused(&token, "its end").await;
}

/// Protects how a token is presented (RFC 6750 section 2): the header or the form, once, never the query.
#[tokio::test]
async fn a_token_comes_one_way() {
    let scene = scene().await;
    let (rp, token) = (&scene.rp, &scene.token);
    let bearer = ("authorization", format!("Bearer {token}"));
    let form = ("content-type", "application/x-www-form-urlencoded".to_owned());
    let body = format!("access_token={token}");
    let none = rp.get("/userinfo").await;
    assert_eq!((none.status, none.header("www-authenticate"), none.body.as_str()), (401, Some("Bearer"), ""));
    let in_query = rp.get(&format!("/userinfo?{body}")).await;
    assert_eq!((in_query.status, in_query.error().as_str()), (400, "invalid_request"));
    let twice = rp.send("POST", "/userinfo", &[bearer.clone(), form.clone()], &body).await;
    assert_eq!((twice.status, twice.error().as_str()), (400, "invalid_request"));
    assert_eq!(rp.send("POST", "/userinfo", &[form], &body).await.status, 200);
    assert_eq!(rp.send("POST", "/userinfo", &[bearer], "").await.status, 200);
}
