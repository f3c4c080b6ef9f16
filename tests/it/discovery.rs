//! The discovery document, the key set and the OpenAPI document (OpenID Connect Discovery, RFC 8414, RFC 7517).

use std::collections::BTreeSet;

use serde_json::Value;
use vouchsafe::web::routes::{ENDPOINTS, Group};

use crate::support::app::Wish;
use crate::support::{Rp, TestApp};

const OPENID: &str = "/.well-known/openid-configuration";
const OAUTH: &str = "/.well-known/oauth-authorization-server";

/// Somebody without credentials.
fn anybody(base: &str) -> Rp {
    Rp::at(base, "nobody", None)
}

fn texts(list: &Value) -> BTreeSet<String> {
    list.as_array().unwrap().iter().map(|value| value.as_str().unwrap().to_owned()).collect()
}

/// Protects that both well-known addresses say the same, at the root and below a path (Discovery section 4, RFC 8414
/// section 3.1).
#[tokio::test]
async fn both_addresses_say_the_same() {
    for path in ["", "/tenant"] {
        let app = TestApp::with(Wish { path, ..Wish::default() }).await;
        let root = app.issuer.strip_suffix(path).unwrap();
        let openid = anybody(&app.issuer).get(OPENID).await;
        let oauth = anybody(root).get(&format!("{OAUTH}{path}")).await;
        assert_eq!((openid.status, oauth.status), (200, 200), "{path}");
        assert_eq!(openid.body, oauth.body, "{path}");
        assert_eq!(openid.text("issuer"), app.issuer);
        if !path.is_empty() {
            assert_eq!(anybody(root).get(OPENID).await.status, 404);
        }
    }
}

/// Protects that nothing is promised that is not there (Discovery section 3).
#[tokio::test]
async fn every_address_in_it_answers() {
    for path in ["", "/tenant"] {
        let app = TestApp::with(Wish { path, ..Wish::default() }).await;
        let rp = anybody(&app.issuer);
        let document = rp.get(OPENID).await.json();
        let mut found = 0;
        for (name, value) in document.as_object().unwrap() {
            let Some(own) = value.as_str().and_then(|url| url.strip_prefix(&app.issuer)) else { continue };
            if name != "issuer" {
                assert_ne!(rp.get(own).await.status, 404, "{name}: {own}");
                found += 1;
            }
        }
        assert!(found >= 8, "only {found} addresses");
        assert_eq!(rp.get("/not-there").await.status, 404);
    }
}

/// Protects that the key set is public only and unambiguous, and that the algorithms promised are those that have keys
/// (RFC 7517 sections 4.5 and 9.2, Discovery section 3).
#[tokio::test]
async fn the_key_set_is_public_and_matches() {
    let app = TestApp::start().await;
    let rp = anybody(&app.issuer);
    let jwks = rp.get("/jwks").await.json();
    let keys = jwks["keys"].as_array().unwrap();
    let mut kids = BTreeSet::new();
    let mut algs = BTreeSet::new();
    for key in keys {
        for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
            assert!(key.get(private).is_none(), "{private} in {key}");
        }
        kids.insert(key["kid"].as_str().unwrap());
        algs.insert(key["alg"].as_str().unwrap().to_owned());
    }
    assert!(!keys.is_empty());
    assert_eq!(kids.len(), keys.len());
    assert_eq!(texts(&rp.get(OPENID).await.json()["id_token_signing_alg_values_supported"]), algs);
}

/// Protects that the documents are cheap to ask for again and readable from every page (RFC 9110 section 13.1.2, Fetch
/// section 3.2).
#[tokio::test]
async fn documents_are_cached_and_open() {
    let app = TestApp::start().await;
    let rp = anybody(&app.issuer);
    for path in [OPENID, OAUTH, "/jwks"] {
        let first = rp.get(path).await;
        assert_eq!(first.header("access-control-allow-origin"), Some("*"), "{path}");
        let etag = first.header("etag").unwrap_or_else(|| panic!("no ETag at {path}")).to_owned();
        let again = rp.send("GET", path, &[("if-none-match", etag)], "").await;
        assert_eq!((again.status, again.body.as_str()), (304, ""), "{path}");
        let other = rp.send("GET", path, &[("if-none-match", "\"other\"".to_owned())], "").await;
        assert_eq!((other.status, other.body), (200, first.body), "{path}");
    }
}

/// Protects that the OpenAPI document and the table of endpoints are one thing (OpenAPI 3.1 section 4.8.8).
#[tokio::test]
async fn openapi_is_the_table() {
    let app = TestApp::start().await;
    let document = anybody(&app.issuer).get("/openapi.json").await.json();
    let paths: BTreeSet<&str> = document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    for path in &paths {
        assert!(ENDPOINTS.iter().any(|endpoint| endpoint.path == *path), "{path} is not in the table");
    }
    for endpoint in ENDPOINTS.iter().filter(|endpoint| endpoint.group != Group::Page) {
        assert!(paths.contains(endpoint.path), "{} is not in the document", endpoint.path);
    }
}

/// Protects that only the code flow is promised unless the operator switched on more (RFC 9700 section 2.1.2).
#[tokio::test]
async fn response_types_are_those_of_the_settings() {
    for (settings, expected) in
        [(&[][..], &["code"][..]), (&[("RESPONSE_TYPES", "code,id_token")][..], &["code", "id_token"][..])]
    {
        let app = TestApp::with(Wish { settings, ..Wish::default() }).await;
        let document = anybody(&app.issuer).get(OPENID).await.json();
        let expected: BTreeSet<String> = expected.iter().map(|one| (*one).to_owned()).collect();
        assert_eq!(texts(&document["response_types_supported"]), expected);
        let implicit = texts(&document["grant_types_supported"]).contains("implicit");
        assert_eq!(implicit, !settings.is_empty());
    }
}
