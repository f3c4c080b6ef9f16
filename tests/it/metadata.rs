//! What the metadata promises (OpenID Connect Discovery, RFC 8414), and that it is kept.

use std::collections::HashSet;

use serde_json::Value;
use vouchsafe::admin::clients::Changes;
use vouchsafe::admin::resources;
use vouchsafe::oauth::PkcePolicy;
use vouchsafe::web::routes::{ENDPOINTS, Group};

use crate::support::app::Wish;
use crate::support::rp::claims;
use crate::support::{Browser, CALLBACK, Rp, TestApp};

fn words(value: &Value) -> HashSet<String> {
    value.as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect()
}

/// Protects relying parties from promises (protocol A1): both documents are one, every address in it is served, the
/// algorithms are those of the keys, and nothing is offered that is off.
#[tokio::test]
async fn the_document_is_kept() {
    for path in ["", "/tenant"] {
        let app = TestApp::with(Wish { path, ..Wish::default() }).await;
        let rp = Rp::web(&app, "web").await;
        let answer = rp.get("/.well-known/openid-configuration").await;
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        let document = answer.json();
        assert_eq!(document["issuer"], app.issuer.as_str());
        let root = app.issuer.strip_suffix(path).unwrap();
        let twin = Browser::new().get(&format!("{root}/.well-known/oauth-authorization-server{path}")).await;
        assert_eq!(twin.json(), document);
        for (name, value) in document.as_object().unwrap() {
            let Some(address) = value.as_str().filter(|_| name.ends_with("_endpoint") || name == "jwks_uri") else { continue };
            assert!(address.starts_with(&app.issuer), "{name}");
            assert_ne!(Browser::new().get(address).await.status, 404, "{name}");
        }
        assert_eq!(words(&document["response_types_supported"]), HashSet::from(["code".to_owned()]));
        assert!(!words(&document["grant_types_supported"]).contains("implicit"));
        let keys = rp.get("/jwks").await.json();
        let keys = keys["keys"].as_array().unwrap();
        let algs: HashSet<String> = keys.iter().map(|key| key["alg"].as_str().unwrap().to_owned()).collect();
        assert_eq!(words(&document["id_token_signing_alg_values_supported"]), algs);
        let kids: HashSet<&str> = keys.iter().map(|key| key["kid"].as_str().unwrap()).collect();
        assert_eq!(kids.len(), keys.len());
        for member in ["d", "p", "q", "dp", "dq", "qi", "k", "oth"] {
            assert!(keys.iter().all(|key| key.get(member).is_none()), "{member}");
        }
    }
}

/// Protects caches (RFC 9110 section 13.1.2): who has the bytes hears 304, weakly or strongly; who has others gets them.
#[tokio::test]
async fn unchanged_bytes_are_not_sent_again() {
    let app = TestApp::start().await;
    let rp = Rp::web(&app, "web").await;
    for path in ["/.well-known/openid-configuration", "/jwks"] {
        let etag = rp.get(path).await.header("etag").unwrap().to_owned();
        for (known, status) in
            [(etag.clone(), 304), (format!("W/{etag}"), 304), (format!("\"x\", {etag}"), 304), ("\"x\"".to_owned(), 200)]
        {
            assert_eq!(rp.send("GET", path, &[("if-none-match", known)], "").await.status, status);
        }
    }
}

/// Protects the documents (issue: one table feeds them all): the OpenAPI paths are exactly the table's for programs.
#[tokio::test]
async fn one_table() {
    let app = TestApp::start().await;
    let rp = Rp::web(&app, "web").await;
    let openapi = rp.get("/openapi.json").await.json();
    assert_eq!(openapi["openapi"], "3.1.0");
    let described: HashSet<&str> = openapi["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    let table = ENDPOINTS.iter().filter(|endpoint| endpoint.group != Group::Page).map(|endpoint| endpoint.path);
    assert_eq!(described, table.collect());
    let page = Browser::new().get(&app.url("/docs")).await;
    assert_eq!(page.status, 200);
    assert!(described.iter().all(|path| page.body.contains(path)));
}

/// Protects resources (RFC 8707, decision 21): a token is made out to those that were asked for, are registered and open to
/// the client; one who may introspect is one of whose resources it is.
#[tokio::test]
async fn resources() {
    let app = TestApp::start().await;
    app.person("ana").await;
    for uri in ["https://api.test/", "https://other.test/"] {
        resources::add(app.desk(), uri, "API", "read").await.unwrap();
    }
    let with = |resources: &[&str]| Changes {
        redirect_uris: Some(vec![CALLBACK.to_owned()]),
        pkce: Some(PkcePolicy::Optional),
        resources: Some(resources.iter().map(|uri| (*uri).to_owned()).collect()),
        ..Changes::default()
    };
    let rp = Rp::of(&app, &app.client("web", with(&["https://api.test/"])).await);
    let server = Rp::of(&app, &app.client("server", with(&["https://api.test/"])).await);
    let stranger = Rp::of(&app, &app.client("stranger", with(&["https://other.test/"])).await);
    let mut browser = Browser::new();
    let page = rp.go(&mut browser, "ana", &rp.flow().with("resource", "https://api.test/")).await;
    let token = rp.exchange(&page.param("code").unwrap()).await.text("access_token");
    assert_eq!(claims(&token)["aud"], serde_json::json!(["https://api.test/", app.issuer]));
    assert_eq!(server.introspect(&token).await.json()["active"], true);
    assert_eq!(stranger.introspect(&token).await.body, "{\"active\":false}");
    for closed in ["https://other.test/", "https://unknown.test/", "not a uri"] {
        let page = browser.get(&rp.begin(&rp.flow().with("resource", closed))).await;
        assert_eq!(page.param("error").as_deref(), Some("invalid_target"), "{closed}");
    }
    let machine = app.machine("machine", "read").await;
    let machine = Rp::of(&app, &machine);
    let refused = machine.post("/token", &[("grant_type", "client_credentials"), ("resource", "https://api.test/")]).await;
    assert_eq!((refused.status, refused.error().as_str()), (400, "invalid_target"));
    let granted = machine.post("/token", &[("grant_type", "client_credentials")]).await;
    assert_eq!(granted.status, 200);
    assert!(granted.json()["refresh_token"].is_null() && granted.json()["id_token"].is_null());
}
