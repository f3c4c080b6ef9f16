//! Protects the userinfo endpoint: OpenID Connect Core section 5.3, RFC 6750, battery rows UI-01 and UI-02.

use vouchsafe::admin::users::{self, Address, NewUser};
use vouchsafe::base::Secret;

use crate::support::app::PASSWORD;
use crate::support::{Browser, Rp, TestApp};

async fn token(rp: &Rp, browser: &mut Browser, name: &str, scope: &str) -> String {
    let page = rp.go(browser, name, &rp.flow().with("scope", scope)).await;
    rp.exchange(&page.param("code").unwrap()).await.text("access_token")
}

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// RFC 6750 sections 2 and 3: the header or the body, never the query and never twice; each refusal in its own form.
#[tokio::test]
async fn where_the_token_stands() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let rp = Rp::web(&app, "web").await;
    let token = token(&rp, &mut Browser::new(), "ana", "openid").await;
    let header = ("authorization", format!("Bearer {token}"));
    let form = (FORM.0, FORM.1.to_owned());
    let body = format!("access_token={token}");
    let query = format!("/userinfo?access_token={token}");
    for (method, path, headers, body, status, challenge) in [
        ("GET", "/userinfo", vec![header.clone()], "", 200, None),
        ("POST", "/userinfo", vec![header.clone()], "", 200, None),
        ("POST", "/userinfo", vec![form.clone()], &body, 200, None),
        ("POST", "/userinfo", vec![header.clone(), form.clone()], "", 200, None),
        ("GET", "/userinfo", vec![("authorization", format!("bearer {token}"))], "", 200, None),
        ("GET", "/userinfo", vec![], "", 401, Some("Bearer")),
        ("POST", "/userinfo", vec![], "", 401, Some("Bearer")),
        ("GET", "/userinfo", vec![("authorization", "Basic YTpi".to_owned())], "", 401, Some("Bearer")),
        ("GET", "/userinfo", vec![("authorization", "Bearer".to_owned())], "", 401, Some("Bearer")),
        ("GET", "/userinfo", vec![("authorization", "Bearer x".to_owned())], "", 401, Some("invalid_token")),
        ("GET", "/userinfo", vec![("authorization", format!("Bearer {token}x"))], "", 401, Some("invalid_token")),
        ("GET", query.as_str(), vec![], "", 400, Some("invalid_request")),
        ("GET", query.as_str(), vec![header.clone()], "", 400, Some("invalid_request")),
        ("POST", "/userinfo", vec![header.clone(), form.clone()], &body, 400, Some("invalid_request")),
        ("GET", "/userinfo", vec![header.clone(), header.clone()], "", 400, Some("invalid_request")),
    ] {
        let answer = rp.send(method, path, &headers, body).await;
        let named = format!("{method} {path:.20} {headers:?}: {}", answer.body);
        assert_eq!(answer.status, status, "{named}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{named}");
        let shown = answer.header("www-authenticate");
        match challenge {
            None => assert!(shown.is_none() && answer.json()["sub"].is_string(), "{named}"),
            Some("Bearer") => assert_eq!((shown, answer.body.as_str()), (Some("Bearer"), ""), "{named}"),
            Some(error) => {
                assert!(shown.unwrap().starts_with(&format!("Bearer error=\"{error}\"")), "{named} {shown:?}");
                assert_eq!(answer.error(), error);
            }
        }
    }
}

/// UI-01: the token of a person who is disabled or removed, a revoked one and an expired one are all the same nothing.
#[tokio::test]
async fn dead_tokens() {
    let app = TestApp::start().await;
    for name in ["ana", "bob", "cem", "dee"] {
        app.person(name).await;
    }
    let rp = Rp::web(&app, "web").await;
    let mut tokens = Vec::new();
    for name in ["ana", "bob", "cem", "dee"] {
        tokens.push(token(&rp, &mut Browser::new(), name, "openid").await);
        assert_eq!(rp.userinfo(tokens.last().unwrap()).await.status, 200);
    }
    users::disable(app.desk(), "ana@example.com").await.unwrap();
    users::remove(app.desk(), "bob@example.com").await.unwrap();
    assert_eq!(rp.post("/revoke", &[("token", &tokens[2])]).await.status, 200);
    let mut answers = Vec::new();
    for token in &tokens[..3] {
        answers.push(rp.userinfo(token).await);
    }
    assert_eq!(rp.userinfo(&tokens[3]).await.status, 200, "nobody else is touched");
    app.clock.advance(1799);
    assert_eq!(rp.userinfo(&tokens[3]).await.status, 200);
    app.clock.advance(1);
    answers.push(rp.userinfo(&tokens[3]).await);
    for answer in &answers {
        assert_eq!((answer.status, answer.error().as_str()), (401, "invalid_token"));
        assert_eq!(answer.body, answers[0].body);
        assert!(answer.header("www-authenticate").unwrap().contains("error=\"invalid_token\""));
    }
}

/// UI-02: no more than the scope allows, and an address counts as verified only if somebody verified it.
#[tokio::test]
async fn what_a_scope_shows() {
    let app = TestApp::start().await;
    let ana = app.person("ana").await;
    let new = NewUser {
        email: "una@example.com".to_owned(),
        address: Address::Unverified,
        claims: serde_json::Map::new(),
        password: Some(Secret::new(PASSWORD.to_owned())),
    };
    users::add(app.desk(), &app.provider.hasher, new).await.unwrap();
    let rp = Rp::web(&app, "web").await;
    let names = |answer: &serde_json::Value| answer.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    for (scope, shown) in [
        ("openid", vec!["sub"]),
        ("openid email", vec!["email", "email_verified", "sub"]),
        ("openid phone", vec!["phone_number", "phone_number_verified", "sub"]),
        ("openid address", vec!["address", "sub"]),
    ] {
        let token = token(&rp, &mut Browser::new(), "ana", scope).await;
        let answer = rp.userinfo(&token).await.json();
        let mut all = names(&answer);
        all.sort();
        assert_eq!(all, shown, "{scope}");
        assert_eq!(answer["sub"], ana.sub.as_str());
    }
    let una = token(&rp, &mut Browser::new(), "una", "openid email").await;
    assert_eq!(rp.userinfo(&una).await.json()["email_verified"], false);
    let ana = token(&rp, &mut Browser::new(), "ana", "openid email").await;
    assert_eq!(rp.userinfo(&ana).await.json()["email_verified"], true);
}

/// Core section 5.3: a token without `openid`, or of a client for itself, shows nothing of anybody.
#[tokio::test]
async fn not_for_userinfo() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let rp = Rp::web(&app, "web").await;
    let page = rp.go(&mut Browser::new(), "ana", &rp.flow().with("scope", "profile").with("nonce", "")).await;
    let plain = rp.exchange(&page.param("code").unwrap()).await.text("access_token");
    let machine = Rp::of(&app, &app.machine("m2m", "profile").await);
    let own = machine.post("/token", &[("grant_type", "client_credentials")]).await.text("access_token");
    for token in [plain, own] {
        let answer = rp.userinfo(&token).await;
        assert!([401, 403].contains(&answer.status), "{}", answer.body);
        assert!(["invalid_token", "insufficient_scope"].contains(&answer.error().as_str()));
        assert!(!answer.body.contains("example.com"));
    }
    let refresh = rp.tokens(&mut Browser::new(), "ana").await;
    for token in [refresh.text("refresh_token"), refresh.text("id_token")] {
        assert_eq!(rp.userinfo(&token).await.error(), "invalid_token");
    }
    assert_eq!(rp.userinfo(&refresh.text("access_token")).await.status, 200);
}
