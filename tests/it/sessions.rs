//! Protects sessions: decisions 9 and 10, battery rows SE-01, SE-02, SE-05, SE-07, SE-08, SE-16.

use vouchsafe::admin::{sessions, users};

use crate::support::app::{PASSWORD, Wish};
use crate::support::{Browser, Initiator, Rp, TestApp};

async fn sid(app: &TestApp, name: &str) -> String {
    sessions::list(app.desk(), &format!("{name}@example.com")).await.unwrap()[0].sid.clone()
}

/// SE-08: what the cookies allow a browser to do with them, on loopback http and over https.
#[tokio::test]
async fn cookies() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let mut browser = Browser::new();
    app.sign_in(&mut browser, "ana").await;
    for name in ["session", "browser"] {
        let cookie = browser.cookie(name).unwrap();
        assert!(cookie.has("httponly") && !cookie.has("domain") && cookie.value.len() < 100, "{name}");
        assert_eq!(cookie.attributes["samesite"], "Lax");
        assert_eq!(cookie.attributes["path"], "/");
        assert!(cookie.attributes["max-age"].parse::<i64>().unwrap() <= 400 * 86_400);
    }
    let secure = TestApp::with(Wish { settings: &[("ISSUER", "https://id.test")], ..Wish::default() }).await;
    let host = "GET /sign-in HTTP/1.1\r\nhost: id.test\r\nconnection: close\r\n\r\n";
    let (answer, _) = secure.raw(host.as_bytes());
    let cookie = answer.lines().find(|line| line.starts_with("set-cookie: ")).unwrap_or_else(|| panic!("{answer}"));
    assert!(cookie.starts_with("set-cookie: __Host-browser="), "{cookie}");
    for attribute in ["; Secure", "; HttpOnly", "; SameSite=Lax", "; Path=/"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
}

/// SE-01: a new token at every sign-in; the one before, whoever chose it, is worth nothing (ASVS 7.2.4).
#[tokio::test]
async fn rotation() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let rp = Rp::web(&app, "web").await;
    let mut browser = Browser::new();
    app.sign_in(&mut browser, "ana").await;
    let (first, public) = (browser.cookie("session").unwrap().value.clone(), sid(&app, "ana").await);
    let page = browser.visit(&rp.begin(&rp.flow().with("prompt", "login"))).await;
    browser.submit(&page, "sign-in", &[("username", "ana@example.com"), ("password", PASSWORD)]).await;
    let second = browser.cookie("session").unwrap().value.clone();
    assert_ne!(first, second);
    assert_eq!(sid(&app, "ana").await, public, "the same session");
    assert!(app.is_in(&mut browser).await);
    browser.set_cookie("session", Some(&first));
    assert!(!app.is_in(&mut browser).await);
    // A token that an attacker planted before the sign-in does not become a session.
    app.sign_in(&mut browser, "ana").await;
    let third = browser.cookie("session").unwrap().value.clone();
    assert!(third != first && third != second);
    browser.set_cookie("session", Some(&first));
    assert!(!app.is_in(&mut browser).await);
}

/// SE-02: nothing is believed of a cookie but a token that stands hashed in the table.
#[tokio::test]
async fn forged_cookies() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let mut browser = Browser::new();
    app.sign_in(&mut browser, "ana").await;
    let genuine = browser.cookie("session").unwrap().value.clone();
    let session = sessions::list(app.desk(), "ana@example.com").await.unwrap().remove(0);
    let before = app.rows().await;
    let flipped = format!("{}{}", &genuine[..genuine.len() - 2], if genuine.ends_with("AA") { "BA" } else { "AA" });
    for forged in [
        flipped,
        String::new(),
        session.sid.clone(),
        session.id.as_str().to_owned(),
        format!("{}:", session.id.as_str()),
        format!("{}.", session.sid),
        format!("ss_{}", "A".repeat(43)),
        genuine.replace("ss_", "at_"),
        genuine.to_uppercase(),
        format!("{genuine}="),
        vouchsafe::base::sha256_base64url(&genuine),
        "x".repeat(4000),
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbmEifQ.".to_owned(),
    ] {
        browser.set_cookie("session", Some(&forged));
        assert!(!app.is_in(&mut browser).await, "{forged:.60}");
    }
    assert_eq!(before.changed(&app.rows().await), Vec::<&str>::new());
    browser.set_cookie("session", Some(&genuine));
    assert!(app.is_in(&mut browser).await);
}

/// SE-16: both ends, a second before, at it and after it; use moves the idle end only.
#[tokio::test]
async fn limits() {
    let settings = [("SESSION__IDLE_SECONDS", "600"), ("SESSION__ABSOLUTE_SECONDS", "2000")];
    let app = TestApp::with(Wish { settings: &settings, ..Wish::default() }).await;
    app.person("ana").await;
    let mut browser = Browser::new();
    for (idle, alive) in [(599, true), (600, false), (601, false)] {
        app.sign_in(&mut browser, "ana").await;
        app.clock.advance(idle);
        assert_eq!(app.is_in(&mut browser).await, alive, "idle for {idle}");
        browser.set_cookie("session", None);
    }
    for (last, alive) in [(499, true), (500, false), (501, false)] {
        app.sign_in(&mut browser, "ana").await;
        for _ in 0..3 {
            app.clock.advance(500);
            assert!(app.is_in(&mut browser).await);
        }
        app.clock.advance(last);
        assert_eq!(app.is_in(&mut browser).await, alive, "absolute {}", 1500 + last);
        browser.set_cookie("session", None);
    }
}

/// ASVS 7.4.5: the person ends one session, or all of them with the grants that were not meant to stay.
#[tokio::test]
async fn ending_sessions() {
    let app = TestApp::start().await;
    app.person("ana").await;
    app.person("bob").await;
    let rp = Rp::web(&app, "web").await;
    let (mut here, mut there, mut bobs) = (Browser::new(), Browser::new(), Browser::new());
    app.sign_in(&mut there, "ana").await;
    let theirs = sid(&app, "ana").await;
    app.sign_in(&mut bobs, "bob").await;
    let short = rp.flow().with("scope", "openid email");
    let code = rp.go(&mut here, "ana", &short).await.param("code").unwrap();
    let token = rp.exchange(&code).await.text("access_token");
    let page = here.visit(&app.url(&format!("/account/sessions/{theirs}"))).await;
    let page = here.post(Initiator::SameOrigin, page.url.as_str(), &[("csrf", &csrf(&page))]).await;
    assert_eq!(page.status, 303, "{}", page.body);
    assert!(!app.is_in(&mut there).await && app.is_in(&mut here).await && app.is_in(&mut bobs).await);
    assert_eq!(rp.userinfo(&token).await.status, 200);
    app.sign_in(&mut there, "ana").await;
    let page = here.visit(&app.url("/account/everywhere")).await;
    let page = here.post(Initiator::SameOrigin, page.url.as_str(), &[("csrf", &csrf(&page))]).await;
    assert!(page.leaves_for(&app.url("/signed-out")) && here.cookie("session").is_none());
    assert!(!app.is_in(&mut there).await && !app.is_in(&mut here).await && app.is_in(&mut bobs).await);
    assert_eq!(rp.userinfo(&token).await.status, 401);
    assert_eq!(app.audited("signed_out_everywhere").await, 1);
}

fn csrf(page: &crate::support::Page) -> String {
    page.attributes("input[name=csrf]", "value").remove(0)
}

/// SE-05: another person's session and app do not exist, neither to look at nor to end (Zitadel CVE-2025-64431).
#[tokio::test]
async fn objects_of_others() {
    let app = TestApp::start().await;
    app.person("ana").await;
    app.person("bob").await;
    let rp = Rp::web(&app, "web").await;
    let (mut anas, mut bobs) = (Browser::new(), Browser::new());
    rp.tokens(&mut bobs, "bob").await;
    let token = csrf(&app.sign_in(&mut anas, "ana").await);
    let bob = sid(&app, "bob").await;
    let before = app.rows().await;
    for path in [format!("/account/sessions/{bob}"), "/account/sessions/nobodys".to_owned(), "/account/apps/web".to_owned()] {
        assert_eq!(anas.get(&app.url(&path)).await.status, 404, "{path}");
        let page = anas.post(Initiator::SameOrigin, &app.url(&path), &[("csrf", &token)]).await;
        assert_eq!(page.status, 404, "{path}");
    }
    assert_eq!(before.changed(&app.rows().await), Vec::<&str>::new());
    let page = bobs.visit(&app.url("/account/apps/web")).await;
    assert_eq!(page.status, 200);
    let page = bobs.post(Initiator::SameOrigin, page.url.as_str(), &[("csrf", &csrf(&page))]).await;
    assert_eq!(page.status, 303);
    assert_eq!(before.changed(&app.rows().await), ["consents", "grants"]);
}

/// SE-07: who is disabled is out at the next request, with every token (Zitadel CVE-2024-47000).
#[tokio::test]
async fn disabled() {
    let app = TestApp::start().await;
    app.person("ana").await;
    app.person("bob").await;
    let rp = Rp::web(&app, "web").await;
    let (mut anas, mut bobs) = (Browser::new(), Browser::new());
    let (ana, bob) = (rp.tokens(&mut anas, "ana").await, rp.tokens(&mut bobs, "bob").await);
    users::disable(app.desk(), "ana@example.com").await.unwrap();
    assert!(!app.is_in(&mut anas).await && app.is_in(&mut bobs).await);
    assert_eq!(rp.userinfo(&ana.text("access_token")).await.status, 401);
    assert_eq!(rp.refresh(&ana.text("refresh_token")).await.error(), "invalid_grant");
    assert_eq!(rp.userinfo(&bob.text("access_token")).await.status, 200);
    assert_eq!(rp.refresh(&bob.text("refresh_token")).await.status, 200);
    users::enable(app.desk(), "ana@example.com").await.unwrap();
    assert!(!app.is_in(&mut anas).await, "what ended stays ended");
    app.sign_in(&mut anas, "ana").await;
}
