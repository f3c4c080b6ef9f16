//! Signing out at an app's wish (OpenID Connect RP-Initiated Logout 1.0), module by module of the conformance suite.

use crate::support::{Browser, Page, Rp, TestApp};

const BYE: &str = "https://app.test/bye";

/// A person who signed in at one client, and the ID token that it got.
struct Scene {
    app: TestApp,
    rp: Rp,
    browser: Browser,
    id_token: String,
}

async fn scene() -> Scene {
    let app = TestApp::start().await;
    app.person("ana").await;
    let rp = Rp::web(&app, "web").await;
    let mut browser = Browser::new();
    let id_token = rp.tokens(&mut browser, "ana").await.text("id_token");
    Scene { app, rp, browser, id_token }
}

impl Scene {
    async fn logout(&mut self, fields: &[(&str, &str)]) -> Page {
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let address = self.app.url(&format!("/end_session?{query}"));
        self.browser.visit_from("https://app.test", &address).await
    }

    /// Whether the person is still signed in.
    async fn is_in(&mut self) -> bool {
        let silent = self.rp.begin(&self.rp.flow().with("prompt", "none"));
        self.browser.get(&silent).await.param("code").is_some()
    }
}

/// Protects the plain case (section 2): the hint's session ends, and the person goes to the registered address with exactly
/// the state that was sent.
#[tokio::test]
async fn oidcc_rp_initiated_logout_and_no_state() {
    for state in ["a state", ""] {
        let mut scene = scene().await;
        let hint = scene.id_token.clone();
        let mut fields = vec![("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", BYE)];
        if !state.is_empty() {
            fields.push(("state", state));
        }
        let page = scene.logout(&fields).await;
        let expected = if state.is_empty() { BYE.to_owned() } else { format!("{BYE}?state=a+state") };
        assert_eq!(page.location().map(String::from), Some(expected));
        assert!(!scene.is_in().await);
        assert_eq!(scene.app.audited("sign_out").await, 1);
    }
}

/// What discovery says of it (section 2.1).
#[tokio::test]
async fn oidcc_rp_initiated_logout_discovery_endpoint_verification() {
    let scene = scene().await;
    let document = scene.rp.get("/.well-known/openid-configuration").await;
    assert_eq!(document.text("end_session_endpoint"), scene.app.url("/end_session"));
}

/// oidcc-rp-initiated-logout-no-post-logout-redirect-uri: signed out, and a page of ours says so.
#[tokio::test]
async fn oidcc_rp_initiated_logout_no_post_logout_redirect_uri() {
    let mut scene = scene().await;
    let hint = scene.id_token.clone();
    let page = scene.logout(&[("id_token_hint", &hint), ("state", "x")]).await;
    assert!(page.has("signed-out") && page.location().is_none(), "{}", page.url);
    assert!(!scene.is_in().await);
}

/// Protects the person from a redirect (LO-04): an address that is not registered byte for byte leads nowhere.
#[tokio::test]
async fn oidcc_rp_initiated_logout_bad_and_query_added_to_post_logout_redirect_uri() {
    let mut scene = scene().await;
    let hint = scene.id_token.clone();
    for bad in [
        "https://app.test/bye?x=1",
        "https://app.test/bye/",
        "https://evil.test/",
        "//evil.test",
        "/\\evil.test",
        "javascript:alert(1)",
        "https://app.test/cb",
    ] {
        let page = scene.logout(&[("id_token_hint", &hint), ("post_logout_redirect_uri", bad)]).await;
        assert!(page.has("sign-out") && page.location().is_none(), "{bad}");
    }
    assert!(scene.is_in().await);
    let page = scene.logout(&[("id_token_hint", &hint), ("post_logout_redirect_uri", "https://evil.test/")]).await;
    let page = scene.browser.submit(&page, "sign-out", &[]).await;
    assert!(page.has("signed-out"));
    assert!(!scene.is_in().await);
}

/// Protects the session from strangers' hints (LO-05): what is not ours, not this client's or somebody else's asks first.
#[tokio::test]
async fn oidcc_rp_initiated_logout_modified_and_bad_id_token_hint() {
    let mut scene = scene().await;
    scene.app.person("bob").await;
    let bobs = scene.rp.tokens(&mut Browser::new(), "bob").await.text("id_token");
    let other = Rp::web(&scene.app, "other").await;
    let (head, rest) = scene.id_token.split_once('.').unwrap();
    let modified = format!("{head}.{}.{}", rest.split_once('.').unwrap().0, "A".repeat(342));
    let none = format!("eyJhbGciOiJub25lIn0.{}.", rest.split_once('.').unwrap().0);
    for bad in [modified.as_str(), none.as_str(), "garbage", bobs.as_str()] {
        let page = scene.logout(&[("id_token_hint", bad), ("post_logout_redirect_uri", BYE)]).await;
        assert!(page.has("sign-out"), "{} {:?}", page.status, page.location());
    }
    let hint = scene.id_token.clone();
    let page = scene.logout(&[("id_token_hint", &hint), ("client_id", &other.id), ("post_logout_redirect_uri", BYE)]).await;
    assert!(page.has("sign-out"));
    assert!(scene.is_in().await);
    // Ours is a hint also after its time.
    scene.app.clock.advance(7200);
    let page = scene.logout(&[("id_token_hint", &hint), ("post_logout_redirect_uri", BYE)]).await;
    assert!(page.leaves_for(BYE));
}

/// Protects the person's say (section 2): without a hint they are asked; "stay" keeps the session, "sign out" ends it.
#[tokio::test]
async fn oidcc_rp_initiated_logout_no_id_token_hint_no_params_only_state() {
    for fields in [vec![], vec![("state", "x")], vec![("post_logout_redirect_uri", BYE), ("state", "x")]] {
        let mut scene = scene().await;
        let page = scene.logout(&fields).await;
        assert!(page.has("sign-out") && page.has("stay"));
        let page = scene.browser.submit(&page, "stay", &[]).await;
        assert!(page.url.path().ends_with("/account"));
        assert!(scene.is_in().await);
        let page = scene.logout(&fields).await;
        let page = scene.browser.submit(&page, "sign-out", &[]).await;
        assert!(page.has("signed-out"), "{}", page.url);
        assert!(!scene.is_in().await);
    }
}

/// Protects what was granted for good and what was not (RT-07): offline access outlives the session, the rest does not.
#[tokio::test]
async fn what_outlives_the_session() {
    let mut scene = scene().await;
    let online = scene.rp.flow().with("scope", "openid");
    let code = scene.rp.go(&mut scene.browser.clone(), "ana", &online).await.param("code").unwrap();
    let online = scene.rp.exchange(&code).await.text("access_token");
    let offline = scene.rp.tokens(&mut scene.browser.clone(), "ana").await;
    assert_eq!(scene.rp.userinfo(&online).await.status, 200);
    let hint = scene.id_token.clone();
    scene.logout(&[("id_token_hint", &hint), ("post_logout_redirect_uri", BYE)]).await;
    assert_eq!(scene.rp.userinfo(&online).await.status, 401);
    assert_eq!(scene.rp.refresh(&offline.text("refresh_token")).await.status, 200);
}
