//! Two acts of one person at the same instant, in whatever order they come: what one of them ended stays ended, and what
//! both began is good. Decisions 2 and 9, battery rows RL-05, SE-01, PW-16.

use std::time::Duration;

use vouchsafe::admin::{sessions, users};
use vouchsafe::base::Secret;

use crate::support::app::PASSWORD;
use crate::support::journey::FRESH;
use crate::support::{Browser, Rp, TestApp};

const ANA: &str = "ana@example.com";
const LIVE: &str = "SELECT COUNT(*) FROM sessions WHERE ended_at IS NULL";

/// A password that is replaced while somebody signs in with it: they are out, whichever came first. Delays of 0 to 45 ms go
/// through all moments of a sign-in, before the hash, under it and after it.
#[tokio::test]
async fn a_new_password_leaves_no_session_of_the_old() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let mut began = 0;
    for round in 0..16 {
        let (old, new) = if round % 2 == 0 { (PASSWORD, FRESH) } else { (FRESH, PASSWORD) };
        let mut browser = Browser::new();
        let form = browser.visit(&app.url("/account")).await;
        let fields = [("username", ANA), ("password", old)];
        let replace = async {
            tokio::time::sleep(Duration::from_millis(3 * round)).await;
            users::set_password(app.desk(), &app.provider.hasher, ANA, Secret::new(new.to_owned())).await.unwrap();
        };
        let (page, ()) = tokio::join!(browser.press(&form, "sign-in", &fields), replace);
        assert!([303, 400].contains(&page.status), "{}", page.status);
        began += i32::from(page.status == 303);
        assert_eq!(app.count(LIVE).await, 0, "round {round}: {}", page.status);
        assert!(!app.is_in(&mut browser).await);
    }
    println!("{began} of 16 sign-ins came first");
    let mut browser = Browser::new();
    app.sign_in(&mut browser, "ana").await;
    assert_eq!(app.count(LIVE).await, 1, "the positive twin");
}

/// A sign-out while an app is being allowed something: no grant outlives the session, whichever came first.
#[tokio::test]
async fn a_sign_out_leaves_no_grant() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let rp = Rp::web(&app, "web").await;
    let flow = rp.flow().with("scope", "openid profile").with("prompt", "consent");
    for round in 0..24 {
        let mut browser = Browser::new();
        let page = browser.visit(&rp.begin(&flow)).await;
        let consent = browser.submit(&page, "sign-in", &[("username", ANA), ("password", PASSWORD)]).await;
        let sid = sessions::list(app.desk(), ANA).await.unwrap()[0].sid.clone();
        let end = async {
            tokio::time::sleep(Duration::from_millis(round % 8)).await;
            sessions::revoke(app.desk(), &sid).await.unwrap();
        };
        let (page, ()) = tokio::join!(browser.press(&consent, "allow", &[]), end);
        // 503: it ended under our hands, and nothing was done.
        assert!([303, 503].contains(&page.status), "{} {}", page.status, page.body);
        assert_eq!(app.count("SELECT COUNT(*) FROM grants WHERE revoked_at IS NULL").await, 0, "round {round}");
        if let Some(code) = page.param("code") {
            assert_eq!(rp.exchange(&code).await.status, 400);
        }
    }
    let mut browser = Browser::new();
    let page = rp.go(&mut browser, "ana", &flow).await;
    assert_eq!(rp.exchange(&page.param("code").unwrap()).await.status, 200, "the positive twin");
}

/// A double click on "Sign in", or two tabs, come with the cookies of before, in any order: whichever cookie the browser keeps is
/// good. What was left behind ends with the next sign of life, or the next sign-in there.
#[tokio::test]
async fn sign_ins_at_once() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let mut browser = Browser::new();
    let page = browser.visit(&app.url("/account")).await;
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let (mut browser, page) = (browser.clone(), page.clone());
        running.spawn(async move {
            assert_eq!(browser.press(&page, "sign-in", &[("username", ANA), ("password", PASSWORD)]).await.status, 303);
            browser
        });
    }
    let mut browsers = running.join_all().await;
    for browser in &mut browsers {
        assert!(app.is_in(browser).await);
    }
    assert_eq!(app.count(LIVE).await, 6);
    app.clock.advance(301);
    assert!(app.is_in(&mut browsers[3]).await);
    assert_eq!(app.count(LIVE).await, 1, "the others were left behind");
    for (at, browser) in browsers.iter_mut().enumerate() {
        assert_eq!(app.is_in(browser).await, at == 3, "{at}");
    }
    let form = browser.visit(&app.url("/account")).await;
    assert_eq!(browser.press(&form, "sign-in", &[("username", ANA), ("password", PASSWORD)]).await.status, 303);
    assert_eq!(app.count(LIVE).await, 1, "and so is it by the next sign-in");
    assert!(app.is_in(&mut browser).await && !app.is_in(&mut browsers[3]).await);
}

/// A double click on "Allow" gives two answers, since the browser threw the first away; each code is good once, and both are what
/// the person allowed.
#[tokio::test]
async fn a_double_click_allows_the_same() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let rp = Rp::web(&app, "web").await;
    let mut browser = Browser::new();
    let page = browser.visit(&rp.begin(&rp.flow())).await;
    let consent = browser.submit(&page, "sign-in", &[("username", ANA), ("password", PASSWORD)]).await;
    let first = browser.press(&consent, "allow", &[]).await.param("code").unwrap();
    app.clock.advance(30);
    let second = browser.press(&consent, "allow", &[]).await.param("code").unwrap();
    assert_ne!(first, second);
    for code in [&first, &second] {
        let tokens = rp.exchange(code).await;
        assert_eq!((tokens.status, tokens.text("scope").as_str()), (200, "openid profile email offline_access"));
    }
    assert_eq!(rp.exchange(&first).await.status, 400);
}

/// RL-05: a sign-up or a reset whose transaction fails at its last statement leaves nothing: no person, no password, no mail.
#[tokio::test]
async fn nothing_is_half_done() {
    let app = TestApp::open_house().await;
    app.person("ana").await;
    let mut browser = Browser::new();
    app.forget(&mut browser, ANA).await;
    let link = app.mail().one(ANA).await.link();
    let reset = browser.get(&link).await;
    let form = browser.visit(&app.url("/sign-up")).await;
    let fields = [("username", "una@example.com"), ("name", "Una"), ("password", FRESH)];
    let before = app.rows().await;
    app.break_table("interaction_events").await;
    app.break_table("audit_events").await;
    assert_eq!(browser.press(&form, "sign-up", &fields).await.status, 503);
    assert_eq!(browser.press(&reset, "set-password", &[("password", FRESH)]).await.status, 503);
    app.untouched(&before, "a broken transaction").await;
    app.mend_table("interaction_events").await;
    app.mend_table("audit_events").await;
    app.mail().none("una@example.com").await;
    app.mail().none(ANA).await;
    assert_eq!(browser.press(&form, "sign-up", &fields).await.status, 303);
    assert_eq!(browser.press(&reset, "set-password", &[("password", FRESH)]).await.status, 200);
    app.mail().one("una@example.com").await;
    app.mail().one(ANA).await;
}
