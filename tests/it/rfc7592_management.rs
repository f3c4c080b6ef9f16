//! What a client does with its own registration (RFC 7592); battery DC-05 and DC-07.

use serde_json::{Value, json};
use vouchsafe::admin::clients::{Changes, State, edit};
use vouchsafe::oauth::ConsentPolicy;
use vouchsafe::store::clients;

use crate::support::documents::{Document, Documents};
use crate::support::registrar::{Own, registering, send};
use crate::support::{Browser, CALLBACK, Rp, TestApp};

async fn stored(app: &TestApp, id: &str) -> vouchsafe::oauth::Client {
    clients::find(&mut app.provider.db.conn(), id).await.unwrap().unwrap()
}

/// DC-07: what was answered, sent back as it is, changes nothing; each member is there and stays.
#[tokio::test]
async fn read_and_write_changes_nothing() {
    let app = registering("open", &[]).await;
    let documents = Documents::start();
    documents.put("/sector", Document::json(&json!([CALLBACK])));
    let everything = json!({
        "post_logout_redirect_uris": ["https://app.test/bye"], "application_type": "web", "contacts": ["ana@app.test"],
        "client_name#de": "Tagebuch", "client_uri": "https://app.test/", "policy_uri": "https://app.test/p",
        "tos_uri": "https://app.test/t", "jwks_uri": "https://app.test/j", "sector_identifier_uri": documents.url("/sector"),
        "subject_type": "pairwise", "id_token_signed_response_alg": "PS256", "userinfo_signed_response_alg": "ES256",
        "default_max_age": 60, "require_auth_time": true, "default_acr_values": ["aal1"],
        "initiate_login_uri": "https://app.test/i", "request_uris": ["https://app.test/r#x"], "scope": "openid email",
        "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
        "token_endpoint_auth_method": "client_secret_post", "software_id": "s", "software_version": "1",
    });
    for about in [json!({}), everything.clone()] {
        let own = Own::new(&app, about.clone()).await;
        for (name, value) in about.as_object().unwrap() {
            assert_eq!(&own.told[name], value, "{name}");
        }
        let got = own.get(&app).await;
        assert_eq!(got.status, 200);
        assert!(got.json().get("client_secret").is_none(), "only its hash is kept");
        let before = app.rows().await;
        // With the secret of the first answer, as some clients keep it, and without.
        for body in [&own.told, &got.json()] {
            let put = own.put(&app, body).await;
            assert_eq!((put.status, put.json()), (200, got.json()), "{}", put.body);
        }
        app.untouched(&before, "the same again").await;
    }
    assert_eq!(documents.asked("/sector"), 1, "what did not change is not fetched again");
}

/// Section 2.2: a full replacement; what is not said is gone, the secret and the tokens stay.
#[tokio::test]
async fn replaces_the_whole() {
    let app = registering("open", &[]).await;
    app.person("ana").await;
    let own = Own::new(&app, json!({ "contacts": ["a@app.test"], "default_max_age": 60, "client_name#de": "Tagebuch" })).await;
    let mut body = own.get(&app).await.json();
    let members = body.as_object_mut().unwrap();
    for name in ["contacts", "default_max_age", "client_name#de"] {
        members.remove(name).unwrap();
    }
    members.insert("client_name".to_owned(), json!("Journal"));
    let put = own.put(&app, &body).await;
    assert_eq!((put.status, put.text("client_name").as_str()), (200, "Journal"), "{}", put.body);
    for name in ["contacts", "default_max_age", "client_name#de", "client_secret"] {
        assert!(put.json().get(name).is_none(), "{name}");
    }
    let page = Browser::new().visit(&own.rp.begin(&own.rp.flow())).await;
    assert!(page.body.contains("Journal"), "it is true at once");
    own.rp.tokens(&mut Browser::new(), "ana").await;
    assert_eq!(app.audited("client_updated").await, 1);
}

/// Another way of authenticating brings another secret, or none.
#[tokio::test]
async fn secrets_follow_the_method() {
    let app = registering("open", &[]).await;
    let own = Own::new(&app, json!({})).await;
    let with = |method: &str| {
        let mut body = own.told.clone();
        body["token_endpoint_auth_method"] = json!(method);
        for name in ["client_secret", "client_secret_expires_at"] {
            body.as_object_mut().unwrap().remove(name);
        }
        body
    };
    assert!(own.put(&app, &with("client_secret_post")).await.json().get("client_secret").is_none());
    let jwt = own.put(&app, &with("client_secret_jwt")).await;
    assert_ne!(jwt.text("client_secret"), own.told["client_secret"].as_str().unwrap());
    assert_eq!(jwt.json()["client_secret_expires_at"], 0);
    assert!(own.put(&app, &with("none")).await.json().get("client_secret").is_none());
    assert_eq!(app.count("SELECT COUNT(*) AS count FROM client_secrets").await, 0);
    assert_eq!(stored(&app, &own.rp.id).await.pkce, vouchsafe::oauth::PkcePolicy::Required, "public clients need PKCE");
}

/// DC-05: the token of one client opens nothing of another, and what the server says cannot be changed.
#[tokio::test]
async fn only_its_own_and_only_what_it_may() {
    let app = registering("open", &[]).await;
    Rp::web(&app, "operators").await;
    let (a, b) = (Own::new(&app, json!({})).await, Own::new(&app, json!({})).await);
    assert_eq!(a.get(&app).await.status, 200);
    let before = app.rows().await;
    for (path, token) in [
        (b.path.as_str(), a.token.as_str()),
        ("/register/operators", a.token.as_str()),
        ("/register/nobody", a.token.as_str()),
        (a.path.as_str(), ""),
        (a.path.as_str(), "ra_x"),
        (a.path.as_str(), &a.token.replace("ra_", "ia_")),
        (a.path.as_str(), &a.token[..a.token.len() - 1]),
        (a.path.as_str(), &format!("{}A", a.token)),
        (a.path.as_str(), a.told["client_secret"].as_str().unwrap()),
    ] {
        for method in ["GET", "PUT", "DELETE"] {
            let body = if method == "PUT" { b.told.to_string() } else { String::new() };
            let answer = send(&app, method, path, token, &body).await;
            assert_eq!(answer.status, 401, "{method} {path} {token}");
            assert!(answer.header("www-authenticate").unwrap().starts_with("Bearer"));
        }
    }
    for (name, value) in [
        ("client_id", json!(b.rp.id)),
        ("client_id", Value::Null),
        ("client_secret", json!("0123456789012345678901234567890123456789")),
        ("client_secret", json!(7)),
        ("client_secret_expires_at", json!(1)),
        ("client_id_issued_at", json!(1)),
        ("registration_access_token", json!(b.token)),
        ("registration_client_uri", json!("https://evil.test/")),
        ("scope", json!("openid api.admin")),
        ("grant_types", json!(["authorization_code", "password"])),
        ("redirect_uris", json!(["http://evil.test/"])),
        ("contacts", json!(7)),
        ("jwks", json!({ "keys": [{ "kty": "oct", "k": "AAAA" }] })),
    ] {
        let mut body = a.told.clone();
        body[name] = value.clone();
        let answer = a.put(&app, &body).await;
        assert_eq!(answer.status, 400, "{name} {value}");
        assert!(answer.text("error_description").starts_with(name), "{name} {}", answer.body);
    }
    app.untouched(&before, "foreign tokens and forbidden members").await;
}

/// What an operator settled stays, whatever the client says; a client that the operator shut out is shut out here too.
#[tokio::test]
async fn the_operator_has_the_last_word() {
    let app = registering("open", &[]).await;
    let own = Own::new(&app, json!({})).await;
    let settled = Changes {
        consent: Some(ConsentPolicy::Skip),
        access_token_seconds: Some(77),
        origins: Some(vec!["https://spa.test".to_owned()]),
        ..Changes::default()
    };
    edit(app.desk(), &own.rp.id, &settled).await.unwrap();
    let mut body = own.told.clone();
    body["client_name"] = json!("Journal");
    body["trusted"] = json!("ask");
    assert_eq!(own.put(&app, &body).await.status, 200);
    let client = stored(&app, &own.rp.id).await;
    assert_eq!((client.name.as_str(), client.trusted, client.access_token_seconds), ("Journal", ConsentPolicy::Skip, 77));
    assert_eq!(client.origins, ["https://spa.test"]);
    edit(app.desk(), &own.rp.id, &Changes { state: Some(State::Disabled), ..Changes::default() }).await.unwrap();
    for answer in [own.get(&app).await, own.put(&app, &own.told).await, own.delete(&app).await] {
        assert_eq!(answer.status, 401);
    }
}

/// Section 2.3: 204, and everything that the client held is over at once.
#[tokio::test]
async fn removes_everything() {
    let app = registering("open", &[]).await;
    app.person("ana").await;
    let (used, unused) = (Own::new(&app, json!({})).await, Own::new(&app, json!({})).await);
    let other = Own::new(&app, json!({})).await;
    let token = used.rp.tokens(&mut Browser::new(), "ana").await.text("access_token");
    let others = other.rp.tokens(&mut Browser::new(), "ana").await.text("access_token");
    assert_eq!(used.rp.userinfo(&token).await.status, 200);
    for own in [&used, &unused] {
        let answer = own.delete(&app).await;
        assert_eq!((answer.status, answer.body.as_str()), (204, ""));
        assert_eq!(own.get(&app).await.status, 401);
        assert_eq!(own.delete(&app).await.status, 401);
    }
    assert_eq!(used.rp.userinfo(&token).await.status, 401);
    assert_eq!(used.rp.userinfo(&others).await.status, 200);
    let page = Browser::new().visit(&used.rp.begin(&used.rp.flow())).await;
    assert_eq!((page.status, page.location()), (400, None));
    for (table, left) in [
        ("SELECT COUNT(*) AS count FROM clients", 1),
        ("SELECT COUNT(*) AS count FROM client_secrets", 1),
        ("SELECT COUNT(*) AS count FROM client_registrations", 1),
        ("SELECT COUNT(*) AS count FROM client_origins", 1),
        ("SELECT COUNT(*) AS count FROM grants", 1),
        ("SELECT COUNT(*) AS count FROM consents", 1),
    ] {
        assert_eq!(app.count(table).await, left, "{table}");
    }
    assert_eq!(app.audited("client_removed").await, 2);
}

/// Of eight changes at once none is lost without a word, and none leaves half of itself.
#[tokio::test]
async fn changes_at_once() {
    let app = registering("open", &[]).await;
    let own = Own::new(&app, json!({})).await;
    let bodies: Vec<Value> = (0..8)
        .map(|n| {
            let mut body = own.told.clone();
            body["client_name"] = json!(format!("Name {n}"));
            body
        })
        .collect();
    let answers = futures_util::future::join_all(bodies.iter().map(|body| own.put(&app, body))).await;
    for answer in &answers {
        assert!([200, 503].contains(&answer.status), "{} {}", answer.status, answer.body);
    }
    let done: Vec<String> =
        answers.iter().filter(|answer| answer.status == 200).map(|answer| answer.text("client_name")).collect();
    assert!(!done.is_empty() && done.contains(&stored(&app, &own.rp.id).await.name));
    assert_eq!(app.audited("client_updated").await, i64::try_from(done.len()).unwrap());
}
