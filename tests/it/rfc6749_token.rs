//! The token endpoint (RFC 6749 section 3.2): codes are used once and only as they were made, and each grant keeps to its own.

use std::collections::BTreeSet;

use vouchsafe::admin::clients::{self, Changes};
use vouchsafe::oauth::AccessTokenFormat;

use crate::support::rp::{Answer, VERIFIER, challenge};
use crate::support::{Browser, CALLBACK, Rp, TestApp};

const BASIC: [(&str, &str); 2] = [("grant_type", "authorization_code"), ("redirect_uri", CALLBACK)];

fn assert_refused(answer: &Answer, status: u16, error: &str, why: &str) {
    assert_eq!((answer.status, answer.error().as_str()), (status, error), "{why}: {}", answer.body);
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{why}");
}

/// A provider, the web client and the person Ana.
async fn scene() -> (TestApp, Rp, Browser) {
    let app = TestApp::start().await;
    let rp = Rp::web(&app, "web").await;
    app.person("ana").await;
    (app, rp, Browser::new())
}

/// Protects against replay (TK-01, RFC 6749 section 4.1.2): a second redemption, at once or later, ends what the first got.
#[tokio::test]
async fn a_replayed_code_ends_its_family() {
    let (app, rp, mut browser) = scene().await;
    let other = rp.tokens(&mut browser, "ana").await.text("access_token");
    for seconds in [0, 30, 120] {
        let code = rp.code(&mut browser, "ana").await;
        let tokens = rp.exchange(&code).await;
        let access = tokens.text("access_token");
        assert_eq!(rp.userinfo(&access).await.status, 200);
        app.clock.advance(seconds);
        assert_refused(&rp.exchange(&code).await, 400, "invalid_grant", "a replay");
        assert_eq!(rp.userinfo(&access).await.status, 401);
        assert_eq!(rp.introspect(&access).await.json()["active"], false);
        assert_refused(&rp.refresh(&tokens.text("refresh_token")).await, 400, "invalid_grant", "its family");
    }
    assert_eq!(app.audited("code_replay").await, 3);
    assert_eq!(rp.userinfo(&other).await.status, 200, "another code's tokens live");
}

/// Protects the minute of a code (RFC 6749 section 4.1.2): good at 59 seconds, dead at 60.
#[tokio::test]
async fn a_code_lives_a_minute() {
    let (app, rp, mut browser) = scene().await;
    for (seconds, status) in [(59, 200), (60, 400), (61, 400)] {
        let code = rp.code(&mut browser, "ana").await;
        app.clock.advance(seconds);
        assert_eq!(rp.exchange(&code).await.status, status, "{seconds}");
    }
}

/// Protects PKCE (TK-04, RFC 7636 section 4.6): every wrong verifier is refused and burns the code.
#[tokio::test]
async fn a_wrong_verifier_burns_the_code() {
    let (app, rp, mut browser) = scene().await;
    let (short, long, challenge) = ("v".repeat(42), "v".repeat(129), challenge());
    let capital = VERIFIER.to_uppercase();
    for wrong in ["", "a-wrong-verifier-of-more-than-forty-three-characters", &short, &long, &challenge, &capital] {
        let code = rp.code(&mut browser, "ana").await;
        let mut fields = BASIC.to_vec();
        fields.extend([("code", code.as_str()), ("code_verifier", wrong)]);
        assert_refused(&rp.post("/token", &fields).await, 400, "invalid_grant", wrong);
        assert_refused(&rp.exchange(&code).await, 400, "invalid_grant", "burned");
    }
    assert_eq!(app.audited("code_verifier_mismatch").await, 6);
    assert_eq!(app.count("SELECT COUNT(*) FROM refresh_families").await, 0);
    let code = rp.code(&mut browser, "ana").await;
    assert_eq!(rp.exchange(&code).await.status, 200, "the right one");
}

/// Protects against a downgrade (RFC 9700 section 4.8.2): a verifier for a code without a challenge is refused.
#[tokio::test]
async fn a_verifier_without_a_challenge() {
    let (_app, rp, mut browser) = scene().await;
    let flow = rp.flow().with("code_challenge", "").with("code_challenge_method", "");
    let code = rp.go(&mut browser, "ana", &flow).await.param("code").unwrap();
    assert_refused(&rp.exchange(&code).await, 400, "invalid_grant", "a downgrade");
    let code = rp.go(&mut browser, "ana", &flow).await.param("code").unwrap();
    let mut fields = BASIC.to_vec();
    fields.push(("code", &code));
    assert_eq!(rp.post("/token", &fields).await.status, 200, "without one, as it was asked");
}

/// Protects the address of a code (TK-05, RFC 6749 section 4.1.3): another or no redirect_uri burns it.
#[tokio::test]
async fn another_redirect_uri_burns_the_code() {
    let (app, rp, mut browser) = scene().await;
    for wrong in ["", "https://app.test/cb/", "https://app.test/CB", "https://evil.test/cb"] {
        let code = rp.code(&mut browser, "ana").await;
        let fields =
            [("grant_type", "authorization_code"), ("redirect_uri", wrong), ("code", &code), ("code_verifier", VERIFIER)];
        assert_refused(&rp.post("/token", &fields).await, 400, "invalid_grant", wrong);
        assert_refused(&rp.exchange(&code).await, 400, "invalid_grant", "burned");
    }
    assert_eq!(app.audited("code_redirect_mismatch").await, 4);
    let code = rp.code(&mut browser, "ana").await;
    assert_eq!(rp.exchange(&code).await.status, 200);
}

/// Protects a code from another client (RFC 6749 section 4.1.3): it gets nothing, and the code is burned.
#[tokio::test]
async fn another_client_burns_the_code() {
    let (app, rp, mut browser) = scene().await;
    for evil in [Rp::web(&app, "evil").await, Rp::public(&app, "evil-spa").await] {
        let code = rp.code(&mut browser, "ana").await;
        assert_refused(&evil.exchange(&code).await, 400, "invalid_grant", &evil.id);
        assert_refused(&rp.exchange(&code).await, 400, "invalid_grant", "burned");
    }
    assert_eq!(app.count("SELECT COUNT(*) FROM refresh_families").await, 0);
}

/// Protects the one answer for every bad code (TK-23, RFC 6749 section 5.2): byte for byte the same.
#[tokio::test]
async fn bad_codes_look_alike() {
    let (app, rp, mut browser) = scene().await;
    let (used, expired) = (rp.code(&mut browser, "ana").await, rp.code(&mut browser, "ana").await);
    assert_eq!(rp.exchange(&used).await.status, 200);
    app.clock.advance(60);
    let other = Rp::web(&app, "other").await;
    let foreign = other.code(&mut browser, "ana").await;
    let mut bodies = BTreeSet::new();
    for code in ["unknown", &format!("ac_{}", "A".repeat(43)), &used, &expired, &foreign] {
        let answer = rp.exchange(code).await;
        assert_refused(&answer, 400, "invalid_grant", code);
        bodies.insert(answer.body);
    }
    assert_eq!(bodies.len(), 1, "{bodies:?}");
}

/// Protects the shape of a code (TK-16): one character less, more or other is an unknown code, and the code stays good.
#[tokio::test]
async fn nearly_a_code() {
    let (app, rp, mut browser) = scene().await;
    let code = rp.code(&mut browser, "ana").await;
    let before = app.rows().await;
    for near in [&code[..code.len() - 1], &format!("{code}A"), &code.to_uppercase(), &format!("{code}="), &format!(" {code}")] {
        assert_refused(&rp.exchange(near).await, 400, "invalid_grant", near);
    }
    app.untouched(&before, "nearly a code").await;
    assert_eq!(rp.exchange(&code).await.status, 200);
}

/// Protects the kinds (TK-17): a token of one kind is unknown in the place of any other, and stays good for its own.
#[tokio::test]
async fn kinds_do_not_mix() {
    let (app, rp, mut browser) = scene().await;
    let tokens = rp.tokens(&mut browser, "ana").await;
    let opaque = Changes { access_token: Some(AccessTokenFormat::Opaque), ..Changes::default() };
    clients::edit(app.desk(), "web", &opaque).await.unwrap();
    app.notice_changes();
    let opaque = rp.tokens(&mut browser, "ana").await.text("access_token");
    let code = rp.code(&mut browser, "ana").await;
    let (access, refresh, id) = (tokens.text("access_token"), tokens.text("refresh_token"), tokens.text("id_token"));
    let secret = rp.secret.clone().unwrap();
    let session = browser.cookie("__Host-session").or(browser.cookie("session")).map(|cookie| cookie.value.clone());
    let session = session.unwrap();
    let before = app.rows().await;
    for wrong in [&access, &opaque, &refresh, &id, &secret, &session, &"a state".to_owned()] {
        assert_eq!(rp.exchange(wrong).await.status, 400, "as a code: {wrong}");
    }
    for wrong in [&access, &opaque, &code, &id, &secret, &session] {
        assert_eq!(rp.refresh(wrong).await.status, 400, "as a refresh token: {wrong}");
    }
    for wrong in [&refresh, &code, &id, &secret, &session] {
        assert_eq!(rp.userinfo(wrong).await.status, 401, "as an access token: {wrong}");
    }
    for wrong in [&code, &id, &secret, &session] {
        assert_eq!(rp.introspect(wrong).await.json()["active"], false, "introspected: {wrong}");
        assert_eq!(rp.post("/revoke", &[("token", wrong)]).await.status, 200, "revoked: {wrong}");
    }
    app.untouched(&before, "tokens in the wrong place").await;
    assert_eq!(rp.userinfo(&access).await.status, 200);
    assert_eq!(rp.userinfo(&opaque).await.status, 200);
    assert_eq!(rp.refresh(&refresh).await.status, 200);
    assert_eq!(rp.exchange(&code).await.status, 200);
}

/// Protects the grants of a client (TK-13, RFC 9700 section 2.4): only registered ones, and none that we do not know.
#[tokio::test]
async fn only_registered_grants() {
    let (app, rp, _) = scene().await;
    let (spa, machine) = (Rp::public(&app, "spa").await, Rp::of(&app, &app.machine("machine", "api.read").await));
    let before = app.rows().await;
    for client in [&spa, &rp] {
        let answer = client.post("/token", &[("grant_type", "client_credentials")]).await;
        assert_refused(&answer, 400, "unauthorized_client", &client.id);
    }
    assert_refused(&machine.exchange("ac_x").await, 400, "unauthorized_client", "a code for a machine");
    assert_refused(&machine.refresh("rt_x").await, 400, "unauthorized_client", "a refresh for a machine");
    for client in [&spa, &rp, &machine] {
        for unknown in ["password", "implicit", "Client_Credentials", "urn:ietf:params:oauth:grant-type:device_code"] {
            let fields = [("grant_type", unknown), ("username", "ana@example.com"), ("password", "x")];
            assert_refused(&client.post("/token", &fields).await, 400, "unsupported_grant_type", unknown);
        }
        assert_refused(&client.post("/token", &[]).await, 400, "invalid_request", "no grant_type");
    }
    app.untouched(&before, "refused grants").await;
    assert_eq!(machine.post("/token", &[("grant_type", "client_credentials")]).await.status, 200);
}

/// Protects the scopes of a machine (TK-14, RFC 6749 section 4.4): its own ones, never a person's, never an ID token or a
/// refresh token.
#[tokio::test]
async fn a_machine_gets_its_own_scopes() {
    let app = TestApp::start().await;
    let machine = Rp::of(&app, &app.machine("machine", "api.read api.write").await);
    let ask = async |scope: &str| machine.post("/token", &[("grant_type", "client_credentials"), ("scope", scope)]).await;
    let before = app.rows().await;
    for scope in ["api.admin", "openid", "offline_access", "api.read api.admin", "profile"] {
        assert_refused(&ask(scope).await, 400, "invalid_scope", scope);
    }
    app.untouched(&before, "refused scopes").await;
    for (scope, granted) in [("api.read", "api.read"), ("", "api.read api.write")] {
        let answer = ask(scope).await;
        assert_eq!((answer.status, answer.text("scope").as_str()), (200, granted));
        assert_eq!((answer.json().get("id_token"), answer.json().get("refresh_token")), (None, None));
        assert_eq!(machine.introspect(&answer.text("access_token")).await.json()["sub"], "machine");
        assert_ne!(machine.userinfo(&answer.text("access_token")).await.status, 200, "userinfo is of persons");
    }
}

/// Protects the form of a request (TK-22, RFC 6749 section 3.2): a POST with a form body, each parameter once.
#[tokio::test]
async fn only_a_form_body() {
    let (app, rp, mut browser) = scene().await;
    let spa = Rp::public(&app, "spa").await;
    let code = spa.code(&mut browser, "ana").await;
    let form = format!(
        "grant_type=authorization_code&code={code}&client_id=spa&code_verifier={VERIFIER}&redirect_uri={}",
        CALLBACK.replace(':', "%3A").replace('/', "%2F")
    );
    let urlencoded = [("content-type", "application/x-www-form-urlencoded".to_owned())];
    let before = app.rows().await;
    let in_query = spa.send("POST", &format!("/token?{form}"), &urlencoded, "").await;
    assert_refused(&in_query, 400, "invalid_request", "in the query");
    let beside = spa.send("POST", "/token?scope=openid", &urlencoded, &form).await;
    assert_refused(&beside, 400, "invalid_request", "a query beside the body");
    assert_eq!(rp.send("GET", &format!("/token?{form}"), &[], "").await.status, 405);
    let json = [("content-type", "application/json".to_owned())];
    assert_eq!(spa.send("POST", "/token", &json, "{\"grant_type\":\"authorization_code\"}").await.status, 415);
    assert_eq!(spa.send("POST", "/token", &[], &form).await.status, 415);
    for double in ["code=x", "client_id=spa", "grant_type=authorization_code", "redirect_uri=", "unknown=1&unknown=2"] {
        let answer = spa.send("POST", "/token", &urlencoded, &format!("{form}&{double}")).await;
        assert_refused(&answer, 400, "invalid_request", double);
    }
    app.untouched(&before, "broken requests").await;
    let answer = spa.send("POST", "/token", &urlencoded, &form).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.text("token_type"), "Bearer");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}
