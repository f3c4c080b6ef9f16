//! The modules of the conformance suite's Config and Dynamic plans that no other file is about (OpenID Connect Discovery 1.0, OpenID
//! Connect Dynamic Client Registration 1.0, Core section 10.1.1).

use std::collections::BTreeSet;

use serde_json::{Value, json};
use vouchsafe::base::Random;
use vouchsafe::jose::{Alg, SigningKey};

use crate::support::forge::{es256, jws, with_assertion};
use crate::support::registrar::{Own, about, register, registering};
use crate::support::rp::header;
use crate::support::{Browser, CALLBACK, Rp, TestApp};

const CONFIGURATION: &str = "/.well-known/openid-configuration";

async fn house() -> TestApp {
    let types = "code,id_token,id_token token,code id_token,code token,code id_token token";
    let app = registering("open", &[("RESPONSE_TYPES", types)]).await;
    app.person("ana").await;
    app
}

/// oidcc-discovery-endpoint-verification, item by item (protocol B.4).
#[tokio::test]
async fn oidcc_discovery_endpoint_verification() {
    let app = house().await;
    let answer = Rp::at(&app.issuer, "", None).get(CONFIGURATION).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    let document = answer.json();
    let list = |name: &str| -> BTreeSet<String> {
        let values = document[name].as_array().unwrap_or_else(|| panic!("{name} is no list"));
        assert!(!values.is_empty(), "{name}");
        let texts: BTreeSet<String> = values.iter().map(|value| value.as_str().unwrap().to_owned()).collect();
        assert_eq!(texts.len(), values.len(), "{name} says something twice");
        texts
    };
    let has = |name: &str, wanted: &[&str]| {
        let list = list(name);
        assert!(wanted.iter().all(|one| list.contains(*one)), "{name}: {list:?}");
    };
    assert_eq!(document["issuer"], app.issuer);
    for (name, value) in document.as_object().unwrap() {
        if name.ends_with("_endpoint") || name == "jwks_uri" || name == "check_session_iframe" {
            let url = url::Url::parse(value.as_str().unwrap()).unwrap();
            assert!(url.as_str().starts_with(&app.issuer) && url.query().is_none() && url.fragment().is_none(), "{name}");
        }
        assert!(!value.is_null(), "{name}");
    }
    has("response_types_supported", &["code", "id_token", "id_token token"]);
    has("grant_types_supported", &["authorization_code", "implicit"]);
    has("id_token_signing_alg_values_supported", &["RS256"]);
    has("request_object_signing_alg_values_supported", &["RS256"]);
    has("scopes_supported", &["openid"]);
    has("claims_supported", &["sub"]);
    has("userinfo_signing_alg_values_supported", &["RS256"]);
    has("code_challenge_methods_supported", &["S256"]);
    assert_eq!(list("subject_types_supported"), ["public", "pairwise"].map(str::to_owned).into());
    has("ui_locales_supported", &["en", "de"]);
    for name in ["request_parameter_supported", "request_uri_parameter_supported", "claims_parameter_supported"] {
        assert_eq!(document[name], true, "{name}");
    }
    // Nothing is promised that nobody can register for.
    for (promised, member) in [
        ("id_token_signing_alg_values_supported", "id_token_signed_response_alg"),
        ("userinfo_signing_alg_values_supported", "userinfo_signed_response_alg"),
        ("subject_types_supported", "subject_type"),
        ("request_object_signing_alg_values_supported", "request_object_signing_alg"),
    ] {
        for value in list(promised) {
            let answer = register(&app, &about(json!({ member: value }))).await;
            assert_eq!(answer.status, 201, "{member} {value}: {}", answer.body);
        }
    }
}

/// oidcc-idtoken-rs256, and whatever else is promised: the registered algorithm is the one.
#[tokio::test]
async fn oidcc_idtoken_rs256() {
    let app = house().await;
    for alg in ["RS256", "PS256", "ES256", "EdDSA"] {
        let own = Own::new(&app, json!({ "id_token_signed_response_alg": alg })).await;
        let token = own.rp.tokens(&mut Browser::new(), "ana").await.text("id_token");
        assert_eq!(header(&token)["alg"], alg);
    }
}

/// oidcc-ensure-redirect-uri-in-authorization-request, oidcc-redirect-uri-query-OK, -query-mismatch, -query-added: the one that was
/// registered, whole, and said.
#[tokio::test]
async fn oidcc_redirect_uri_query() {
    let app = house().await;
    let registered = format!("{CALLBACK}?foo=bar");
    let own = Own::new(&app, json!({ "redirect_uris": [registered, "https://app.test/two"] })).await;
    let mut browser = Browser::new();
    let flow = own.rp.flow().with("redirect_uri", &registered);
    let page = own.rp.go(&mut browser, "ana", &flow).await;
    let location = page.location().unwrap();
    assert!(location.as_str().starts_with(&format!("{registered}&")) && page.param("code").is_some(), "{location}");
    for wrong in ["", CALLBACK, &format!("{CALLBACK}?foo=baz"), &format!("{registered}&x=y"), "https://app.test/two?foo=bar"] {
        let page = browser.get(&own.rp.begin(&flow.clone().with("redirect_uri", wrong))).await;
        assert_eq!((page.status, page.location()), (400, None), "{wrong}");
    }
}

/// oidcc-ensure-request-object-with-redirect-uri: the one in the object counts, and not the bad one beside it.
#[tokio::test]
async fn oidcc_ensure_request_object_with_redirect_uri() {
    let app = house().await;
    let key = SigningKey::generate(Alg::ES256, &Random::seeded(5)).unwrap();
    let own = Own::new(&app, json!({ "jwks": { "keys": [key.public_jwk()] } })).await;
    let claims = json!({ "iss": own.rp.id, "aud": app.issuer, "redirect_uri": CALLBACK, "client_id": own.rp.id });
    let object = key.sign("JWT", &claims).unwrap();
    let flow = own.rp.flow().with("redirect_uri", &format!("{CALLBACK}/bad")).with("request", &object);
    let page = own.rp.go(&mut Browser::new(), "ana", &flow).await;
    assert!(page.leaves_for(CALLBACK) && page.param("code").is_some(), "{:?}", page.location());
}

/// oidcc-ensure-client-assertion-with-iss-aud-succeeds: the issuer is an audience, and so are the endpoint's own address and the
/// token endpoint's, which older clients send.
#[tokio::test]
async fn oidcc_ensure_client_assertion_with_iss_aud_succeeds() {
    let app = house().await;
    let key = SigningKey::generate(Alg::ES256, &Random::seeded(6)).unwrap();
    let keys = json!({ "keys": [key.public_jwk()] });
    let more = json!({
        "token_endpoint_auth_method": "private_key_jwt", "jwks": keys, "grant_types": ["client_credentials"], "redirect_uris": null,
    });
    let own = Own::new(&app, more).await;
    let now = app.clock.now().unix();
    for (audience, status) in [
        (json!(app.issuer), 200),
        (json!([app.issuer]), 200),
        (json!(app.url("/token")), 200),
        (json!("https://other.test"), 401),
        (json!([app.issuer, "https://other.test"]), 401),
        (Value::Null, 401),
    ] {
        let jti = vouchsafe::base::public_id(&app.provider.random).unwrap();
        let claims = json!({ "iss": own.rp.id, "sub": own.rp.id, "aud": audience, "jti": jti, "exp": now + 60 });
        let assertion = jws(&json!({ "alg": "ES256" }).to_string(), &claims.to_string(), es256(&key));
        let answer = own.rp.post_as("/token", None, &with_assertion(&[("grant_type", "client_credentials")], &assertion)).await;
        assert_eq!(answer.status, status, "{audience}");
    }
}
