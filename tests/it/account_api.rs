//! Protects the account API: RFC 6750, battery rows AD-02 and SE-05, and that only who has just proved themselves hands an
//! account to an app.

use serde_json::{Value, json};
use vouchsafe::admin::clients::Changes;
use vouchsafe::admin::{resources, users};
use vouchsafe::oauth::{AccessTokenFormat, ConsentPolicy, PkcePolicy};

use crate::support::app::Wish;
use crate::support::rp::{Answer, claims};
use crate::support::{Browser, CALLBACK, Rp, TestApp};

const SCOPE: &str = "openid account";

/// Every route of the API with each of its methods.
const ROUTES: [(&str, &str); 8] = [
    ("GET", "/api/account"),
    ("PATCH", "/api/account"),
    ("GET", "/api/account/sessions"),
    ("DELETE", "/api/account/sessions/none"),
    ("GET", "/api/account/apps"),
    ("DELETE", "/api/account/apps/none"),
    ("GET", "/api/account/passkeys"),
    ("DELETE", "/api/account/passkeys/none"),
];

/// A client that may have the scope, otherwise as `about` says.
async fn manager(app: &TestApp, id: &str, about: Changes) -> Rp {
    let about = Changes {
        redirect_uris: Some(vec![CALLBACK.to_owned()]),
        scope: Some("openid profile offline_access account".to_owned()),
        pkce: Some(PkcePolicy::Optional),
        ..about
    };
    Rp::of(app, &app.client(id, about).await)
}

async fn tokens(rp: &Rp, browser: &mut Browser, name: &str, scope: &str) -> Answer {
    let page = rp.go(browser, name, &rp.flow().with("scope", scope)).await;
    let answer = rp.exchange(&page.param("code").unwrap_or_else(|| panic!("{}", page.body))).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer
}

async fn token(rp: &Rp, name: &str) -> String {
    tokens(rp, &mut Browser::new(), name, SCOPE).await.text("access_token")
}

async fn call(rp: &Rp, token: &str, (method, path): (&str, &str), body: Option<&str>) -> Answer {
    let mut headers = vec![("authorization", format!("Bearer {token}"))];
    if method == "PATCH" {
        headers.push(("content-type", "application/json".to_owned()));
    }
    rp.send(method, path, &headers, body.unwrap_or(if method == "PATCH" { "{}" } else { "" })).await
}

async fn get(rp: &Rp, token: &str, path: &str) -> Value {
    let answer = call(rp, token, ("GET", path), None).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

/// The profile is what the house knows, a change is seen at once by every app, and the history has it.
#[tokio::test]
async fn profile() {
    let app = TestApp::start().await;
    let ana = app.person("ana").await;
    let rp = manager(&app, "portal", Changes::default()).await;
    let token = token(&rp, "ana").await;
    let before = get(&rp, &token, "/api/account").await;
    assert_eq!((&before["sub"], &before["email"]), (&json!(ana.sub), &json!("ana@example.com")));
    assert_eq!((&before["email_verified"], &before["name"]), (&json!(true), &json!("ana Example")));
    assert!(before.get("id").is_none() && !before.to_string().contains(ana.id.as_str()));
    let wish = r#"{"name":"Ana Müller","nickname":null,"phone_number":"+4930901821","address":{"country":"AT"}}"#;
    let changed = call(&rp, &token, ("PATCH", "/api/account"), Some(wish)).await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    let after = get(&rp, &token, "/api/account").await;
    assert_eq!(after, changed.json());
    assert_eq!((&after["name"], &after["address"]), (&json!("Ana Müller"), &json!({ "country": "AT" })));
    for gone in ["nickname", "phone_number_verified"] {
        assert!(before.get(gone).is_some() && after.get(gone).is_none(), "{gone}");
    }
    assert_eq!(after["family_name"], before["family_name"], "what is not named stays");
    assert_eq!(app.audited("profile_changed").await, 1);
}

/// AD-02: what is no standard claim, or what only the house may say, is refused, and nothing of the same wish is done.
#[tokio::test]
async fn mass_assignment() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let rp = manager(&app, "portal", Changes::default()).await;
    let token = token(&rp, "ana").await;
    let good = call(&rp, &token, ("PATCH", "/api/account"), Some(r#"{"name":"Ana"}"#)).await;
    assert_eq!(good.status, 200, "{}", good.body);
    let (before, rows) = (get(&rp, &token, "/api/account").await, app.rows().await);
    for (name, value) in [
        ("roles", json!(["admin"])),
        ("is_admin", json!(true)),
        ("email", json!("mallory@example.com")),
        ("email_verified", json!(true)),
        ("phone_number_verified", json!(true)),
        ("mfa_required", json!(false)),
        ("password_hash", json!("$argon2id$x")),
        ("id", json!("x")),
        ("sub", json!("x")),
        ("created_at", json!(0)),
        ("updated_at", json!(0)),
        ("disabled_at", Value::Null),
        ("picture", json!("javascript:alert(1)")),
        ("birthdate", json!("yesterday")),
        ("name", json!("a\nb")),
        ("locale", json!(1)),
    ] {
        let wish = json!({ "nickname": "Mallory", name: value }).to_string();
        let answer = call(&rp, &token, ("PATCH", "/api/account"), Some(&wish)).await;
        assert_eq!((answer.status, answer.error().as_str()), (400, "invalid_request"), "{name}: {}", answer.body);
    }
    assert_eq!(get(&rp, &token, "/api/account").await, before);
    app.untouched(&rows, "refused changes").await;
}

/// A body is a JSON object of at most 64 KiB whose members are all different.
#[tokio::test]
async fn bodies() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let rp = manager(&app, "portal", Changes::default()).await;
    let token = token(&rp, "ana").await;
    let rows = app.rows().await;
    let long = format!("{{\"name\":\"{}\"}}", "x".repeat(64 * 1024));
    let deep = format!("{{\"address\":{}{}}}", "[".repeat(100), "]".repeat(100));
    for (media_type, body, status) in [
        ("application/json", "{}", 200),
        ("application/json; charset=utf-8", "{}", 200),
        ("application/merge-patch+json", "{}", 200),
        ("application/x-www-form-urlencoded", "{}", 415),
        ("text/plain", "{}", 415),
        ("", "{}", 415),
        ("application/json", long.as_str(), 413),
        ("application/json", "", 400),
        ("application/json", "[]", 400),
        ("application/json", "{\"name\":\"A\",\"name\":\"B\"}", 400),
        ("application/json", "{\"name\":\"A\"} {}", 400),
        ("application/json", deep.as_str(), 400),
    ] {
        let headers = [("authorization", format!("Bearer {token}")), ("content-type", media_type.to_owned())];
        let answer = rp.send("PATCH", "/api/account", &headers, body).await;
        assert_eq!(answer.status, status, "{media_type} {body:.40}: {}", answer.body);
        if status != 200 {
            assert_eq!(answer.error(), "invalid_request");
        }
    }
    app.untouched(&rows, "refused bodies").await;
}

/// RFC 6750 section 3.1 on every route: no token, a wrong one, one without the scope, one of a client for itself; and the
/// token of a person who is locked out is nothing.
#[tokio::test]
async fn who_is_let_in() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let opaque = Changes { access_token: Some(AccessTokenFormat::Opaque), ..Changes::default() };
    let (jwt, opaque) = (manager(&app, "jwt", Changes::default()).await, manager(&app, "opaque", opaque).await);
    let all = tokens(&jwt, &mut Browser::new(), "ana", "openid account offline_access").await;
    let plain = tokens(&jwt, &mut Browser::new(), "ana", "openid profile").await.text("access_token");
    let machine = Rp::of(&app, &app.machine("m2m", "account read").await);
    let own = machine.post("/token", &[("grant_type", "client_credentials")]).await;
    assert_eq!((own.status, own.text("scope").as_str()), (200, "read"), "{}", own.body);
    let tokens = [all.text("access_token"), token(&opaque, "ana").await];
    for token in &tokens {
        for route in ROUTES {
            let answer = call(&jwt, token, route, None).await;
            let expected = if route.0 == "DELETE" { 404 } else { 200 };
            assert_eq!(answer.status, expected, "{route:?}: {}", answer.body);
            assert_eq!(answer.header("cache-control"), Some("no-store"));
        }
    }
    let rows = app.rows().await;
    let own = own.text("access_token");
    for route in ROUTES {
        let none = jwt.send(route.0, route.1, &[], "").await;
        assert_eq!((none.status, none.header("www-authenticate"), none.body.as_str()), (401, Some("Bearer"), ""), "{route:?}");
        for wrong in [all.text("refresh_token"), all.text("id_token"), format!("{}x", tokens[0]), "at_x".to_owned()] {
            let answer = call(&jwt, &wrong, route, None).await;
            assert_eq!((answer.status, answer.error().as_str()), (401, "invalid_token"), "{route:?} {wrong:.5}");
            assert!(answer.header("www-authenticate").unwrap().starts_with("Bearer error=\"invalid_token\""));
        }
        for narrow in [&plain, &own] {
            let answer = call(&jwt, narrow, route, None).await;
            assert_eq!((answer.status, answer.error().as_str()), (403, "insufficient_scope"), "{route:?}");
            assert!(answer.header("www-authenticate").unwrap().ends_with(", scope=\"account\""), "{route:?}");
        }
        let query = format!("{}?access_token={}", route.1, tokens[0]);
        assert_eq!(jwt.send(route.0, &query, &[], "").await.status, 400, "{route:?}");
    }
    app.untouched(&rows, "nobody was let in").await;
    users::disable(app.desk(), "ana@example.com").await.unwrap();
    for token in &tokens {
        assert_eq!(call(&jwt, token, ROUTES[0], None).await.error(), "invalid_token");
    }
}

/// A token for a resource of somebody else is not made out to us; one with the scope always is as well.
#[tokio::test]
async fn audience() {
    let app = TestApp::start().await;
    app.person("ana").await;
    resources::add(app.desk(), "https://api.test", "An API", "read").await.unwrap();
    let about = Changes { resources: Some(vec!["https://api.test".to_owned()]), ..Changes::default() };
    let rp = manager(&app, "portal", about).await;
    for (scope, status) in [("account", 200), ("profile", 401)] {
        let flow = rp.flow().with("scope", scope).with("resource", "https://api.test").with("nonce", "");
        let page = rp.go(&mut Browser::new(), "ana", &flow).await;
        let token = rp.exchange(&page.param("code").unwrap()).await.text("access_token");
        assert!(claims(&token)["aud"].to_string().contains("https://api.test"));
        assert_eq!(call(&rp, &token, ROUTES[0], None).await.status, status, "{scope}");
    }
}

/// SE-05: sessions and apps of the person are listed and ended; those of others are not found, and nothing of theirs changes.
#[tokio::test]
async fn sessions_and_apps() {
    let app = TestApp::start().await;
    app.person("ana").await;
    app.person("bob").await;
    let rp = manager(&app, "portal", Changes::default()).await;
    let other = Rp::web(&app, "wiki").await;
    let (mut browser, mut elsewhere, mut bobs) = (Browser::new(), Browser::new(), Browser::new());
    let ana = tokens(&rp, &mut browser, "ana", SCOPE).await.text("access_token");
    let bob = tokens(&rp, &mut bobs, "bob", SCOPE).await.text("access_token");
    app.clock.advance(1);
    let wiki = other.tokens(&mut elsewhere, "ana").await;
    other.tokens(&mut bobs, "bob").await;
    let sessions = get(&rp, &ana, "/api/account/sessions").await["sessions"].as_array().unwrap().clone();
    assert_eq!(sessions.iter().map(|s| s["current"].as_bool().unwrap()).collect::<Vec<_>>(), [false, true]);
    let bobs_sessions = get(&rp, &bob, "/api/account/sessions").await["sessions"].clone();
    let theirs = bobs_sessions[0]["sid"].as_str().unwrap();
    let apps = get(&rp, &ana, "/api/account/apps").await["apps"].clone();
    let named: Vec<_> = apps.as_array().unwrap().iter().map(|app| (app["client_id"].clone(), app["scope"].clone())).collect();
    assert_eq!(named, [("portal".into(), json!(SCOPE)), ("wiki".into(), json!("openid profile email offline_access"))]);

    let rows = app.rows().await;
    for path in [format!("/api/account/sessions/{theirs}"), "/api/account/apps/nobody".to_owned()] {
        let answer = call(&rp, &ana, ("DELETE", &path), None).await;
        assert_eq!((answer.status, answer.error().as_str()), (404, "not_found"), "{path}");
    }
    app.untouched(&rows, "another person's").await;

    let sid = sessions[0]["sid"].as_str().unwrap();
    let path = format!("/api/account/sessions/{sid}");
    assert_eq!(call(&rp, &ana, ("DELETE", &path), None).await.status, 204);
    assert!(!app.is_in(&mut elsewhere).await && app.is_in(&mut browser).await);
    assert_eq!(call(&rp, &ana, ("DELETE", &path), None).await.status, 404, "it is gone");
    assert_eq!(call(&rp, &ana, ("DELETE", "/api/account/apps/wiki"), None).await.status, 204);
    assert_eq!(other.refresh(&wiki.text("refresh_token")).await.error(), "invalid_grant");
    let bobs_apps = get(&rp, &bob, "/api/account/apps").await["apps"].clone();
    assert_eq!(bobs_apps.as_array().unwrap().len(), 2, "Bob keeps his: {bobs_apps}");
    assert_eq!((app.audited("session_ended").await, app.audited("consent_withdrawn").await), (1, 1));
    // An app may take away its own permission; its token is worth nothing then.
    assert_eq!(call(&rp, &ana, ("DELETE", "/api/account/apps/portal"), None).await.status, 204);
    assert_eq!(call(&rp, &ana, ROUTES[0], None).await.error(), "invalid_token");
}

/// Who allows an app to manage their account has signed in within ten minutes; what they allowed is remembered.
#[tokio::test]
async fn consent_asks_for_a_fresh_sign_in() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let rp = manager(&app, "portal", Changes::default()).await;
    let trusted = Changes { consent: Some(ConsentPolicy::Skip), ..Changes::default() };
    let trusted = manager(&app, "trusted", trusted).await;
    let plain = Rp::web(&app, "wiki").await;
    let mut browser = Browser::new();
    app.sign_in(&mut browser, "ana").await;
    app.clock.advance(599);
    let flow = rp.flow().with("scope", SCOPE);
    let consent = browser.visit(&rp.begin(&flow)).await;
    assert!(consent.has("allow"), "{}", consent.body);
    assert!(consent.body.contains("manage your profile, sessions and connected apps"), "{}", consent.body);
    app.clock.advance(1);
    for asked in [&rp, &trusted] {
        let again = browser.visit(&asked.begin(&flow.clone().with("client_id", &asked.id))).await;
        assert!(again.has("sign-in") && !again.has("allow"), "{} {}", asked.id, again.body);
    }
    // The consent page that was open too long allows nothing.
    let late = browser.submit(&consent, "allow", &[]).await;
    assert!(late.has("sign-in"), "{}", late.body);
    assert_eq!(app.count("SELECT COUNT(*) FROM consents").await, 0);
    let silent = browser.visit(&rp.begin(&flow.clone().with("prompt", "none"))).await;
    assert_eq!(silent.param("error").as_deref(), Some("login_required"));
    let harmless = browser.visit(&rp.begin(&flow.clone().with("scope", "openid"))).await;
    assert!(harmless.has("allow"), "other scopes ask for no sign-in: {}", harmless.body);

    let back = rp.go(&mut browser, "ana", &flow).await;
    assert!(back.param("code").is_some(), "{}", back.body);
    app.clock.advance(3600);
    let remembered = browser.visit(&rp.begin(&flow.clone().with("prompt", "none"))).await;
    assert!(remembered.param("code").is_some(), "{:?}", remembered.location());
    // Whom the operator trusts with a profile is not trusted with the account.
    let reading = browser.visit(&trusted.begin(&flow.clone().with("client_id", "trusted").with("scope", "openid"))).await;
    assert!(reading.param("code").is_some(), "{}", reading.body);
    // Who is not registered for it does not get it.
    let flow = plain.flow().with("scope", SCOPE);
    let page = plain.go(&mut browser, "ana", &flow).await;
    assert_eq!(plain.exchange(&page.param("code").unwrap()).await.text("scope"), "openid");
}

/// Decision 22: the app's own web page may call, with every method; others may not.
#[tokio::test]
async fn from_a_web_page() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let rp = manager(&app, "portal", Changes::default()).await;
    let token = token(&rp, "ana").await;
    let allowed = |answer: &Answer| answer.header("access-control-allow-origin").map(str::to_owned);
    for (origin, expected) in [("https://app.test", Some("https://app.test".to_owned())), ("https://evil.test", None)] {
        for (path, methods) in [("/api/account", "GET, PATCH"), ("/api/account/apps/portal", "DELETE")] {
            let headers = [("origin", origin.to_owned()), ("access-control-request-method", "PATCH".to_owned())];
            let preflight = rp.send("OPTIONS", path, &headers, "").await;
            assert_eq!((preflight.status, allowed(&preflight)), (204, expected.clone()), "{origin}");
            let shown = preflight.header("access-control-allow-methods");
            assert_eq!(shown, expected.as_ref().map(|_| methods), "{origin}");
        }
        let headers = [("origin", origin.to_owned()), ("authorization", format!("Bearer {token}"))];
        assert_eq!(allowed(&rp.send("GET", "/api/account", &headers, "").await), expected, "{origin}");
    }
}

/// The documents say what is there.
#[tokio::test]
async fn documents() {
    let app = TestApp::start().await;
    let rp = Rp::at(&app.issuer, "", None);
    let openapi = rp.get("/openapi.json").await.json();
    for (method, path) in ROUTES {
        let path = path
            .replace("sessions/none", "sessions/{sid}")
            .replace("apps/none", "apps/{client_id}")
            .replace("passkeys/none", "passkeys/{id}");
        let operation = &openapi["paths"][&path][method.to_ascii_lowercase()];
        assert_eq!(operation["security"], json!([{ "bearer": [] }]), "{method} {path}");
        let in_path = operation["parameters"].as_array().map_or(0, Vec::len);
        assert_eq!(in_path, path.matches('{').count(), "{method} {path}: {operation}");
    }
    let change = &openapi["paths"]["/api/account"]["patch"]["requestBody"]["content"]["application/json"]["schema"]["$ref"];
    assert_eq!(change, "#/components/schemas/ProfileChange");
    let members = openapi["components"]["schemas"]["ProfileChange"]["properties"].as_object().unwrap();
    assert!(members.contains_key("name") && !members.contains_key("email"), "{members:?}");
    let metadata = rp.get("/.well-known/openid-configuration").await.json();
    assert!(metadata["scopes_supported"].as_array().unwrap().contains(&json!("account")));
}

/// An app sees passkeys and removes them for who has just proved themselves (RFC 9470); not the last way in, and nobody else's.
#[tokio::test]
async fn passkeys() {
    let settings = [("SECOND_FACTOR__POLICY", "off"), ("SIGN_IN__BY_MAIL", "off")];
    let app = TestApp::with(Wish { settings: &settings, ..Wish::default() }).await;
    let rp = manager(&app, "portal", Changes::default()).await;
    let (mut ana, mut browser) = crate::passkeys::enrolled(&app, "ana", 1).await;
    crate::passkeys::enrolled(&app, "bob", 2).await;
    let bobs = get(&rp, &token(&rp, "bob").await, "/api/account/passkeys").await["passkeys"][0]["id"].clone();
    ana.enrol(&app, &mut browser).await;
    let stale = token(&rp, "ana").await;
    let listed = get(&rp, &stale, "/api/account/passkeys").await["passkeys"].clone();
    assert_eq!(listed.as_array().map(Vec::len), Some(2), "{listed}");
    assert_eq!((&listed[0]["signs_in"], &listed[0]["last_used_at"]), (&json!(true), &Value::Null));
    assert!(!listed.to_string().contains(&crate::support::authenticator::encode(&ana.keys[0].id)), "{listed}");
    let path = |at: usize| format!("/api/account/passkeys/{}", listed[at]["id"].as_str().unwrap());
    let others = format!("/api/account/passkeys/{}", bobs.as_str().unwrap());
    app.clock.advance(600);
    let before = app.rows().await;
    let refused = call(&rp, &stale, ("DELETE", &path(0)), None).await;
    assert_eq!(refused.status, 401, "{}", refused.body);
    let challenge = refused.header("www-authenticate").unwrap();
    assert!(challenge.contains("insufficient_user_authentication") && challenge.contains("max_age=\"599\""), "{challenge}");
    app.untouched(&before, "an old sign-in").await;
    let fresh = token(&rp, "ana").await;
    let before = app.rows().await;
    assert_eq!(call(&rp, &fresh, ("DELETE", &others), None).await.status, 404);
    app.untouched(&before, "Bob's").await;
    app.mail().to("ana@example.com").await;
    assert_eq!(call(&rp, &fresh, ("DELETE", &path(0)), None).await.status, 204);
    assert!(app.mail().one("ana@example.com").await.text.contains("was removed"));
    assert_eq!(app.audited("passkey_removed").await, 1);
    // Without a password the other one stays.
    let user = crate::account_pages::person(&app, "ana@example.com").await.unwrap();
    app.desk().db.write(async move |tx| vouchsafe::store::passwords::remove(tx, &user.id).await).await.unwrap();
    let before = app.rows().await;
    assert_eq!(call(&rp, &fresh, ("DELETE", &path(1)), None).await.status, 409);
    app.untouched(&before, "the last way in").await;
}
