//! Protects second factors in the account API: seen by an app that may manage the account, changed only with a token of a fresh
//! sign-in with all that the person has (RFC 9470), and never of somebody else.

use vouchsafe::admin::clients::Changes;
use vouchsafe::oauth::PkcePolicy;

use crate::support::app::PASSWORD;
use crate::support::rp::Answer;
use crate::support::{Browser, CALLBACK, Rp, TestApp};

const ANA: &str = "ana@example.com";

async fn manager(app: &TestApp) -> Rp {
    let about = Changes {
        redirect_uris: Some(vec![CALLBACK.to_owned()]),
        scope: Some("openid account".to_owned()),
        pkce: Some(PkcePolicy::Optional),
        ..Changes::default()
    };
    Rp::of(app, &app.client("manager", about).await)
}

async fn token(rp: &Rp, browser: &mut Browser, name: &str) -> String {
    let page = rp.go(browser, name, &rp.flow().with("scope", "openid account")).await;
    let code = page.param("code").unwrap_or_else(|| panic!("{} {}", page.status, page.body));
    rp.exchange(&code).await.text("access_token")
}

async fn call(rp: &Rp, token: &str, (method, path): (&str, &str)) -> Answer {
    rp.send(method, path, &[("authorization", format!("Bearer {token}"))], "").await
}

/// Seen, made and removed; each change in the history and in the mail.
#[tokio::test]
async fn managed() {
    let app = TestApp::start().await;
    let rp = manager(&app).await;
    let mut browser = Browser::new();
    app.person_with_phone(&mut browser, "ana").await;
    let token = token(&rp, &mut browser, "ana").await;
    let seen = call(&rp, &token, ("GET", "/api/account/factors")).await.json();
    assert_eq!((&seen["factors"][0]["kind"], &seen["recovery_codes_left"]), (&"totp".into(), &10.into()));
    assert!(!seen.to_string().contains("sealed"), "{seen}");
    let made = call(&rp, &token, ("POST", "/api/account/recovery-codes")).await;
    assert_eq!(made.json()["recovery_codes"].as_array().unwrap().len(), 10);
    assert!(app.told(ANA).await.text.contains("New recovery codes"));
    let id = seen["factors"][0]["id"].as_str().unwrap().to_owned();
    let gone = call(&rp, &token, ("DELETE", &format!("/api/account/factors/{id}"))).await;
    assert_eq!(gone.status, 204, "{}", gone.body);
    assert!(app.told(ANA).await.text.contains("was removed"));
    let seen = call(&rp, &token, ("GET", "/api/account/factors")).await.json();
    assert_eq!((seen["factors"].as_array().unwrap().len(), &seen["recovery_codes_left"]), (0, &0.into()));
    assert_eq!((app.audited("factor_removed").await, app.audited("recovery_codes_made").await), (1, 2));
}

/// An old sign-in, one without the second factor, somebody else's, and none: nothing changes.
#[tokio::test]
async fn guarded() {
    let app = TestApp::start().await;
    let rp = manager(&app).await;
    let (mut weak, mut ana, mut bob) = (Browser::new(), Browser::new(), Browser::new());
    app.person("ana").await;
    let one_factor = token(&rp, &mut weak, "ana").await;
    app.sign_in(&mut ana, "ana").await;
    app.add_phone(&mut ana).await;
    let both = token(&rp, &mut ana, "ana").await;
    app.person_with_phone(&mut bob, "bob").await;
    let bobs = token(&rp, &mut bob, "bob").await;
    let seen = call(&rp, &both, ("GET", "/api/account/factors")).await.json();
    let path = format!("/api/account/factors/{}", seen["factors"][0]["id"].as_str().unwrap());
    let before = app.rows().await;
    assert_eq!(call(&rp, &bobs, ("DELETE", &path)).await.status, 404);
    for (method, at) in [("DELETE", path.as_str()), ("POST", "/api/account/recovery-codes")] {
        let refused = call(&rp, &one_factor, (method, at)).await;
        assert_eq!((refused.status, refused.error().as_str()), (401, "insufficient_user_authentication"));
        let challenge = refused.header("www-authenticate").unwrap();
        assert!(challenge.contains("acr_values=\"aal2\"") && challenge.contains("max_age="), "{challenge}");
        assert_eq!(rp.send(method, at, &[], "").await.status, 401);
    }
    app.clock.advance(600);
    assert_eq!(call(&rp, &both, ("DELETE", &path)).await.error(), "insufficient_user_authentication");
    app.untouched(&before, "no fresh proof").await;
    app.clock.advance(-600);
    assert_eq!(call(&rp, &both, ("DELETE", &path)).await.status, 204, "the positive twin");
    let _ = PASSWORD;
    app.ignore_mail();
}
