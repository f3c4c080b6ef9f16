//! Whether the person in a browser is still the same (OpenID Connect Session Management 1.0); decision 15. What the script of the
//! frame makes of it is seen in Chromium, in `browser_logout`.

use sha2::{Digest as _, Sha256};
use vouchsafe::base::base64url;

use crate::support::app::{PASSWORD, Wish};
use crate::support::{Browser, CALLBACK, Page, Rp, TestApp};

/// What a relying party at this origin would have to be told, for the cookie that the browser has (section 3.2).
fn fits(page: &Page, browser: &Browser, client: &str, origin: &str) -> bool {
    let state = page.param("session_state").unwrap_or_else(|| panic!("no session_state: {:?}", page.location()));
    let (hash, salt) = state.split_once('.').unwrap();
    let cookie = browser.cookie("session-state").map(|cookie| cookie.value.clone()).unwrap_or_default();
    hash == base64url(&Sha256::digest(format!("{client} {origin} {cookie} {salt}")))
}

/// Discovery promises what is there (section 3.3).
#[tokio::test]
async fn oidcc_session_management_discovery_endpoint_verification() {
    let app = TestApp::start().await;
    let rp = Rp::at(&app.issuer, "nobody", None);
    let document = rp.get("/.well-known/openid-configuration").await.json();
    assert_eq!(document["check_session_iframe"], app.url("/check_session"));
    let frame = rp.get("/check_session").await;
    assert_eq!(frame.status, 200);
    let policy = frame.header("content-security-policy").unwrap();
    assert_eq!(policy, "default-src 'none'; script-src 'self'; base-uri 'none'; object-src 'none'; frame-ancestors *");
    assert_eq!(frame.header("cross-origin-resource-policy"), Some("cross-origin"));
    assert!(frame.header("x-frame-options").is_none() && frame.header("set-cookie").is_none());
    assert_eq!(frame.body.matches("<script").count(), 1);
    let script = frame.body.split("src=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap().to_owned();
    let script = rp.get(&script).await;
    assert_eq!((script.status, script.header("content-type")), (200, Some("text/javascript; charset=utf-8")));
}

/// Sections 2 and 3: the answer tells the state of the browser, for this client and origin alone; it changes at signing in and
/// out and with nothing else, and an error for `prompt=none` tells it, too.
#[tokio::test]
async fn oidcc_session_management_rp_initiated_logout() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let rp = Rp::web(&app, "web").await;
    let mut browser = Browser::new();
    let silent = rp.begin(&rp.flow().with("prompt", "none"));
    let nobody = browser.get(&silent).await;
    assert_eq!(nobody.param("error").as_deref(), Some("login_required"));
    assert!(fits(&nobody, &browser, "web", "https://app.test"));
    let first = rp.go(&mut browser, "ana", &rp.flow()).await;
    assert!(fits(&first, &browser, "web", "https://app.test"));
    assert!(!fits(&first, &browser, "other", "https://app.test") && !fits(&first, &browser, "web", "https://evil.test"));
    assert!(!fits(&nobody, &browser, "web", "https://app.test"), "somebody signed in");
    // Another answer, and another sign-in of the same person, change nothing; each answer has a salt of its own.
    let again = browser.get(&silent).await;
    assert!(again.param("code").is_some() && fits(&again, &browser, "web", "https://app.test"));
    assert_ne!(first.param("session_state"), again.param("session_state"));
    let page = browser.visit(&rp.begin(&rp.flow().with("prompt", "login"))).await;
    browser.submit(&page, "sign-in", &[("username", "ana@example.com"), ("password", PASSWORD)]).await;
    assert!(fits(&first, &browser, "web", "https://app.test"));
    let page = browser.visit(&app.url("/sign-out")).await;
    browser.submit(&page, "sign-out", &[]).await;
    assert!(browser.cookie("session-state").is_none());
    assert!(!fits(&first, &browser, "web", "https://app.test"));
    let second = rp.go(&mut browser, "ana", &rp.flow()).await;
    assert!(fits(&second, &browser, "web", "https://app.test") && !fits(&first, &browser, "web", "https://app.test"));
}

/// A session that ended elsewhere: the frame goes on saying "unchanged" until the browser comes by, and never after that.
#[tokio::test]
async fn what_ended_elsewhere_is_seen_when_the_browser_comes_by() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let rp = Rp::web(&app, "web").await;
    let mut browser = Browser::new();
    let first = rp.go(&mut browser, "ana", &rp.flow()).await;
    vouchsafe::admin::sessions::revoke_all(app.desk(), "ana@example.com").await.unwrap();
    assert!(fits(&first, &browser, "web", "https://app.test"));
    let silent = browser.get(&rp.begin(&rp.flow().with("prompt", "none"))).await;
    assert_eq!(silent.param("error").as_deref(), Some("login_required"));
    assert!(browser.cookie("session-state").is_none());
    assert!(fits(&silent, &browser, "web", "https://app.test") && !fits(&first, &browser, "web", "https://app.test"));
    // A browser that lost this cookie alone gets it back.
    let fresh = rp.go(&mut browser, "ana", &rp.flow()).await;
    browser.set_cookie("session-state", None);
    assert!(!fits(&fresh, &browser, "web", "https://app.test"));
    browser.get(&rp.begin(&rp.flow().with("prompt", "none"))).await;
    assert!(fits(&fresh, &browser, "web", "https://app.test"));
}

/// Only answers of OpenID Connect to a web page have it, and errors only where the request wanted no page.
#[tokio::test]
async fn who_gets_a_session_state() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let (web, native) = (Rp::web(&app, "web").await, Rp::native(&app, "native").await);
    let mut browser = Browser::new();
    assert!(web.go(&mut browser, "ana", &web.flow()).await.param("session_state").is_some());
    let plain = web.go(&mut browser, "ana", &web.flow().with("scope", "email")).await;
    assert!(plain.param("code").is_some() && plain.param("session_state").is_none());
    let loopback = native.go(&mut browser, "ana", &native.flow().with("redirect_uri", "http://127.0.0.1:4711/cb")).await;
    assert!(fits(&loopback, &browser, "native", "http://127.0.0.1:4711"));
    let refused = browser.get(&web.begin(&web.flow().with("response_type", "token"))).await;
    assert!(refused.leaves_for(CALLBACK) && refused.param("error").is_some() && refused.param("session_state").is_none());
}

/// Decision 15: scripts read this one cookie, in frames of other sites where there is TLS; it is worth nothing as a session.
#[tokio::test]
async fn the_cookie() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let mut browser = Browser::new();
    app.sign_in(&mut browser, "ana").await;
    let cookie = browser.cookie("session-state").unwrap().clone();
    assert!(!cookie.has("httponly") && !cookie.has("secure"));
    assert_eq!((cookie.attributes["samesite"].as_str(), cookie.attributes["path"].as_str()), ("Lax", "/"));
    assert_eq!(cookie.value.len(), 43);
    let session = browser.cookie("session").unwrap().value.clone();
    assert!(!session.contains(&cookie.value) && cookie.value != vouchsafe::base::sha256_base64url(&session));
    browser.set_cookie("session", Some(&cookie.value));
    assert!(!app.is_in(&mut browser).await);
    // Over https; the browser comes by with the state of a session that is over.
    let secure = TestApp::with(Wish { settings: &[("ISSUER", "https://id.test")], ..Wish::default() }).await;
    let web = Rp::web(&secure, "web").await;
    let ask = format!(
        "GET /authorize?{} HTTP/1.1\r\nhost: id.test\r\ncookie: __Host-session-state=x\r\nconnection: close\r\n\r\n",
        web.flow().with("prompt", "none").query()
    );
    let (answer, _) = secure.raw(ask.as_bytes());
    let line =
        answer.lines().find(|line| line.starts_with("set-cookie: __Host-session-state=")).unwrap_or_else(|| panic!("{answer}"));
    for attribute in ["__Host-session-state=;", "; Secure", "; SameSite=None", "; Path=/", "; Max-Age=0"] {
        assert!(line.contains(attribute), "{line}");
    }
    assert!(!line.contains("HttpOnly") && !line.contains("Domain"), "{line}");
}
