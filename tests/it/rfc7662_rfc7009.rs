//! Introspection (RFC 7662) and revocation (RFC 7009): who may ask, what is told, and what dies with what.

use serde_json::json;
use vouchsafe::admin::clients::{self, Changes};
use vouchsafe::admin::{resources, users};
use vouchsafe::oauth::AccessTokenFormat;
use vouchsafe::store::sql;

use crate::support::rp::Answer;
use crate::support::{Browser, Rp, TestApp};

/// A provider with the web client of Ana, and her tokens.
struct Scene {
    app: TestApp,
    rp: Rp,
    access: String,
    refresh: String,
}

async fn scene() -> Scene {
    let app = TestApp::start().await;
    let rp = Rp::web(&app, "web").await;
    app.person("ana").await;
    let tokens = rp.tokens(&mut Browser::new(), "ana").await;
    let (access, refresh) = (tokens.text("access_token"), tokens.text("refresh_token"));
    Scene { app, rp, access, refresh }
}

fn assert_inactive(answer: &Answer, why: &str) {
    assert_eq!((answer.status, answer.json()), (200, json!({ "active": false })), "{why}");
}

/// Protects what introspection says (RFC 7662 section 2.2), of a JWT, of an opaque token and of a refresh token alike.
#[tokio::test]
async fn a_live_token_is_described() {
    let Scene { app, rp, access, refresh } = scene().await;
    let opaque = Changes { access_token: Some(AccessTokenFormat::Opaque), ..Changes::default() };
    clients::edit(app.desk(), "web", &opaque).await.unwrap();
    app.notice_changes();
    let second = rp.tokens(&mut Browser::new(), "ana").await.text("access_token");
    assert!(second.starts_with("at_"), "{second}");
    for token in [&access, &second] {
        let answer = rp.introspect(token).await;
        let said = answer.json();
        assert_eq!(said["active"], true, "{}", answer.body);
        assert_eq!((&said["client_id"], &said["iss"]), (&json!("web"), &json!(app.issuer)));
        assert_eq!(said["scope"], "openid profile email offline_access");
        assert_eq!(said["exp"].as_i64(), Some(app.clock.now().unix() + 1800));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    let said = rp.introspect(&refresh).await.json();
    assert_eq!((&said["active"], &said["client_id"]), (&json!(true), &json!("web")));
}

/// Protects against strangers (IN-01, RFC 7662 section 2.1): no client, a public client, a person's token as credentials.
#[tokio::test]
async fn only_confidential_clients_introspect() {
    let Scene { app, rp, access, .. } = scene().await;
    let spa = Rp::public(&app, "spa").await;
    let bearer =
        [("content-type", "application/x-www-form-urlencoded".to_owned()), ("authorization", format!("Bearer {access}"))];
    let refused = [
        rp.post_as("/introspect", None, &[("token", &access)]).await,
        rp.post_as("/introspect", Some(("web", "not the secret")), &[("token", &access)]).await,
        spa.introspect(&access).await,
        rp.send("POST", "/introspect", &bearer, &format!("token={access}")).await,
    ];
    for answer in refused {
        assert_eq!((answer.status, answer.error().as_str()), (401, "invalid_client"), "{}", answer.body);
        assert!(!answer.body.contains("ana"), "{}", answer.body);
    }
    assert_eq!(rp.introspect(&access).await.json()["active"], true);
    assert_eq!(rp.post("/introspect", &[]).await.error(), "invalid_request");
}

/// Protects tokens of others (IN-02, RFC 7662 section 4, decision 21): a client sees its own and those made out to its
/// resource.
#[tokio::test]
async fn strangers_see_nothing() {
    let Scene { app, rp, access, refresh } = scene().await;
    let evil = Rp::web(&app, "evil").await;
    for token in [&access, &refresh] {
        assert_inactive(&evil.introspect(token).await, "somebody else's");
        assert_eq!(rp.introspect(token).await.json()["active"], true);
    }
    resources::add(app.desk(), "https://api.test", "API", "api.read").await.unwrap();
    for id in ["web", "evil"] {
        let about = Changes { resources: Some(vec!["https://api.test".to_owned()]), ..Changes::default() };
        let done = clients::edit(app.desk(), id, &about).await;
        assert!(done.is_ok(), "{id}");
    }
    app.notice_changes();
    let flow = rp.flow().with("resource", "https://api.test");
    let code = rp.go(&mut Browser::new(), "ana", &flow).await.param("code").unwrap();
    let for_api = rp.exchange(&code).await.text("access_token");
    let said = evil.introspect(&for_api).await.json();
    assert_eq!(said["active"], true, "made out to its resource");
    assert_eq!(said["aud"][0], "https://api.test", "{said}");
    assert_inactive(&evil.introspect(&access).await, "not made out to it");
}

/// Protects the one word for every dead token (IN-04, RFC 7662 section 2.2); a wrong hint still finds a live one.
#[tokio::test]
async fn dead_tokens_look_alike() {
    let Scene { app, rp, access, refresh } = scene().await;
    let garbage = "x".repeat(4000);
    for token in ["unknown", "a.b.c", "at_", "rt_", &access[..access.len() - 1], &format!("{refresh}A"), &garbage] {
        assert_inactive(&rp.introspect(token).await, token);
    }
    for (token, hint) in [(&access, "refresh_token"), (&refresh, "access_token"), (&access, "nonsense")] {
        let answer = rp.post("/introspect", &[("token", token), ("token_type_hint", hint)]).await;
        assert_eq!(answer.json()["active"], true, "{hint}");
    }
    app.clock.advance(1799);
    assert_eq!(rp.introspect(&access).await.json()["active"], true);
    app.clock.advance(1);
    assert_inactive(&rp.introspect(&access).await, "expired to the second");
    assert_eq!(rp.introspect(&refresh).await.json()["active"], true);
    let next = rp.refresh(&refresh).await.text("refresh_token");
    assert_inactive(&rp.introspect(&refresh).await, "rotated");
    app.clock.advance(7 * 86_400);
    assert_inactive(&rp.introspect(&next).await, "idle for too long");
}

/// Protects against people who left (UI-01): their tokens are inactive and open nothing, others stay.
#[tokio::test]
async fn a_disabled_person_has_no_live_token() {
    let Scene { app, rp, access, refresh } = scene().await;
    app.person("ben").await;
    let other = rp.tokens(&mut Browser::new(), "ben").await.text("access_token");
    assert_eq!(rp.userinfo(&access).await.status, 200);
    users::disable(app.desk(), "ana@example.com").await.unwrap();
    assert_inactive(&rp.introspect(&access).await, "access");
    assert_inactive(&rp.introspect(&refresh).await, "refresh");
    assert_eq!(rp.userinfo(&access).await.status, 401);
    assert_eq!(rp.userinfo(&other).await.status, 200);
    users::remove(app.desk(), "ben@example.com").await.unwrap();
    assert_inactive(&rp.introspect(&other).await, "removed");
    assert_eq!(rp.userinfo(&other).await.status, 401);
}

/// Protects revocation of an access token (RV-04, JK-16, RFC 7009 section 2.1): it is dead at once, alone.
#[tokio::test]
async fn a_revoked_access_token_dies_alone() {
    let Scene { app, rp, access, refresh } = scene().await;
    assert_eq!(rp.userinfo(&access).await.status, 200);
    for hint in ["access_token", "refresh_token"] {
        let answer = rp.post("/revoke", &[("token", &access), ("token_type_hint", hint)]).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, ""), "twice is a success too");
    }
    assert_eq!(rp.userinfo(&access).await.status, 401);
    assert_inactive(&rp.introspect(&access).await, "revoked");
    assert_eq!(app.audited("token_revoked").await, 1);
    let next = rp.refresh(&refresh).await;
    assert_eq!(rp.userinfo(&next.text("access_token")).await.status, 200);
}

/// Protects revocation of an opaque access token (RV-04): the same.
#[tokio::test]
async fn a_revoked_opaque_token_is_dead() {
    let Scene { app, rp, .. } = scene().await;
    let opaque = Changes { access_token: Some(AccessTokenFormat::Opaque), ..Changes::default() };
    clients::edit(app.desk(), "web", &opaque).await.unwrap();
    app.notice_changes();
    let tokens = rp.tokens(&mut Browser::new(), "ana").await;
    let access = tokens.text("access_token");
    assert_eq!(rp.userinfo(&access).await.status, 200);
    assert_eq!(rp.post("/revoke", &[("token", &access)]).await.status, 200);
    assert_eq!(rp.userinfo(&access).await.status, 401);
    assert_inactive(&rp.introspect(&access).await, "revoked");
    assert_eq!(rp.refresh(&tokens.text("refresh_token")).await.status, 200);
}

/// Protects revocation of a refresh token (RV-04, RFC 7009 section 2.1): its grant and all its access tokens end with it,
/// also by an old generation; another grant lives.
#[tokio::test]
async fn a_revoked_refresh_token_takes_its_grant() {
    let Scene { app: _app, rp, access, refresh } = scene().await;
    let twin = rp.tokens(&mut Browser::new(), "ana").await.text("access_token");
    let next = rp.refresh(&refresh).await;
    assert_eq!(rp.post("/revoke", &[("token", &refresh)]).await.status, 200);
    for token in [&access, &next.text("access_token")] {
        assert_eq!(rp.userinfo(token).await.status, 401);
    }
    assert_eq!(rp.refresh(&next.text("refresh_token")).await.error(), "invalid_grant");
    assert_eq!(rp.userinfo(&twin).await.status, 200);
}

/// Protects tokens of others (RV-02, RFC 7009 section 2.1): another client revokes nothing, and strangers neither.
#[tokio::test]
async fn nobody_revokes_for_another() {
    let Scene { app, rp, access, refresh } = scene().await;
    let (evil, spa) = (Rp::web(&app, "evil").await, Rp::public(&app, "spa").await);
    let before = app.rows().await;
    for token in [&access, &refresh] {
        for other in [&evil, &spa] {
            let answer = other.post("/revoke", &[("token", token)]).await;
            assert_eq!((answer.status, answer.error().as_str()), (400, "unauthorized_client"));
        }
        let answer = rp.post_as("/revoke", None, &[("token", token)]).await;
        assert_eq!((answer.status, answer.error().as_str()), (401, "invalid_client"));
    }
    assert_eq!(rp.post("/revoke", &[]).await.error(), "invalid_request");
    app.untouched(&before, "refused revocations").await;
    assert_eq!(rp.userinfo(&access).await.status, 200);
    let own = spa.tokens(&mut Browser::new(), "ana").await.text("access_token");
    assert_eq!(spa.post("/revoke", &[("token", &own)]).await.status, 200, "a public client revokes its own");
    assert_eq!(spa.userinfo(&own).await.status, 401);
}

/// Protects that revocation is no oracle (RV-04, RFC 7009 section 2.2): an unknown token is a success that changes nothing.
#[tokio::test]
async fn unknown_tokens_are_revoked_already() {
    let Scene { app, rp, access, .. } = scene().await;
    let before = app.rows().await;
    for token in ["unknown", "at_x", "rt_x", "a.b.c", &access[..access.len() - 2]] {
        assert_eq!(rp.post("/revoke", &[("token", token)]).await.status, 200, "{token}");
    }
    app.untouched(&before, "unknown tokens").await;
    assert_eq!(rp.userinfo(&access).await.status, 200);
}

/// Protects the truth in trouble (IN-05, RV-01, decision 23): without storage nothing is inactive, active or revoked, but 503.
#[tokio::test]
async fn storage_trouble_is_said() {
    let Scene { app, rp, access, .. } = scene().await;
    assert_eq!(rp.introspect(&access).await.json()["active"], true);
    app.provider.db.write(async |tx| tx.execute(sql("ALTER TABLE revoked_jti RENAME TO away")).await).await.unwrap();
    for answer in [rp.introspect(&access).await, rp.post("/revoke", &[("token", &access)]).await, rp.userinfo(&access).await] {
        assert_eq!((answer.status, answer.error().as_str()), (503, "temporarily_unavailable"), "{}", answer.body);
        assert_eq!(answer.header("retry-after"), Some("5"));
    }
    app.provider.db.write(async |tx| tx.execute(sql("ALTER TABLE away RENAME TO revoked_jti")).await).await.unwrap();
    assert_eq!(rp.introspect(&access).await.json()["active"], true, "nothing was revoked");
    assert_eq!(rp.post("/revoke", &[("token", &access)]).await.status, 200);
    assert_eq!(rp.introspect(&access).await.json()["active"], false);
}
