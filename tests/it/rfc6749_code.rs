//! The code flow (RFC 6749 section 4.1, OpenID Connect Core section 3.1).

use crate::support::rp::claims;
use crate::support::{Browser, Rp, TestApp};

/// Protects the whole way of a person and a relying party: sign in, consent, code, tokens, userinfo, refresh.
#[tokio::test]
async fn a_person_signs_in_at_an_app() {
    let app = TestApp::start().await;
    let person = app.person("ana").await;
    let rp = Rp::web(&app, "web").await;
    let mut browser = Browser::new();
    let page = rp.go(&mut browser, "ana", &rp.flow()).await;
    assert_eq!(page.param("state").as_deref(), Some("a state"));
    assert_eq!(page.param("iss").as_deref(), Some(app.issuer.as_str()));
    let answer = rp.exchange(&page.param("code").unwrap()).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let id_token = claims(&answer.text("id_token"));
    assert_eq!(id_token["sub"], person.sub.as_str());
    assert_eq!(id_token["nonce"], "a nonce");
    assert_eq!(id_token["aud"], "web");
    let userinfo = rp.userinfo(&answer.text("access_token")).await.json();
    assert_eq!(userinfo["email"], "ana@example.com");
    let refreshed = rp.refresh(&answer.text("refresh_token")).await;
    assert_eq!(refreshed.status, 200, "{}", refreshed.body);
}
