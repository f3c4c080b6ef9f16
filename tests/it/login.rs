//! Protects signing in with a password: decisions 9, 28 and 29, battery rows PW-01, PW-02, PW-07, PW-08, PW-10, PW-11.

use vouchsafe::admin::users::{self, Address, NewUser};

use crate::support::app::{PASSWORD, Wish};
use crate::support::{Browser, Page, Rp, TestApp};

/// A sign-in form of the account page, in a browser that nobody knows.
async fn stranger(app: &TestApp) -> (Browser, Page) {
    let mut browser = Browser::new();
    let page = browser.visit(&app.url("/account")).await;
    (browser, page)
}

async fn attempt(browser: &mut Browser, form: &Page, name: &str, password: &str) -> Page {
    browser.press(form, "sign-in", &[("username", name), ("password", password)]).await
}

/// The body without what is new on each page: the token, the interaction and the name that was typed.
fn neutral(form: &Page, answer: &Page, name: &str) -> String {
    let sent = form.form("sign-in");
    let id = sent.action.path().rsplit('/').next().unwrap();
    answer.body.replace(sent.get("csrf").unwrap(), "TOKEN").replace(id, "ID").replace(name, "NAME")
}

/// Protects the way in: the right password opens a session (decision 9), the wrong one does not and changes no row.
#[tokio::test]
async fn right_and_wrong() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let (mut browser, form) = stranger(&app).await;
    let before = app.rows().await;
    for (name, password) in [("ana@example.com", "wrong"), ("", PASSWORD), ("ana@example.com", "")] {
        let page = attempt(&mut browser, &form, name, password).await;
        assert_eq!((page.status, page.has("problem")), (400, true), "{name}");
        assert_eq!(page.form("sign-in").get("username"), Some(name), "the name is kept");
        assert_eq!(page.form("sign-in").get("password"), Some(""), "the password never");
        assert!(browser.cookie("session").is_none());
    }
    assert_eq!(before.changed(&app.rows().await), Vec::<&str>::new());
    let page = attempt(&mut browser, &form, " Ana@EXAMPLE.com ", PASSWORD).await;
    assert_eq!(page.status, 303);
    assert_eq!(before.changed(&app.rows().await), ["sessions"]);
    assert!(app.is_in(&mut browser).await);
    assert_eq!(app.audited("sign_in").await, 1);
}

/// Protects who has an account here (PW-07, PW-08, ASVS 6.3.8): every refusal has the same words and costs one verification.
#[tokio::test]
async fn refusals_are_alike() {
    let app = TestApp::start().await;
    app.person("ana").await;
    app.person("dis").await;
    users::disable(app.desk(), "dis@example.com").await.unwrap();
    let new = NewUser {
        email: "fed@example.com".to_owned(),
        address: Address::Verified,
        claims: serde_json::Map::new(),
        password: None,
    };
    users::add(app.desk(), &app.provider.hasher, new).await.unwrap();
    let mut answers = Vec::new();
    for (name, password) in [
        ("ana@example.com", "wrong"),
        ("nobody@example.com", PASSWORD),
        ("dis@example.com", PASSWORD),
        ("fed@example.com", PASSWORD),
    ] {
        let (mut browser, form) = stranger(&app).await;
        let before = app.provider.hasher.verifications();
        let page = attempt(&mut browser, &form, name, password).await;
        assert_eq!(app.provider.hasher.verifications() - before, 1, "{name}");
        assert!(browser.cookie("session").is_none());
        let mut names: Vec<_> = page.headers.keys().map(|header| header.as_str().to_owned()).collect();
        names.sort();
        answers.push((page.status, names, neutral(&form, &page, name)));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
    let (mut browser, form) = stranger(&app).await;
    assert_eq!(attempt(&mut browser, &form, "ana@example.com", PASSWORD).await.status, 303);
}

/// PW-01: ten guesses, then a wait in which the right password is not compared either, and which ends by itself.
#[tokio::test]
async fn guesses_slow_down() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let (mut browser, form) = stranger(&app).await;
    let before = app.provider.hasher.verifications();
    for _ in 0..10 {
        assert_eq!(attempt(&mut browser, &form, "ana@example.com", "wrong").await.status, 400);
    }
    for password in ["wrong", PASSWORD] {
        let page = attempt(&mut browser, &form, "ana@example.com", password).await;
        assert_eq!((page.status, page.header("retry-after")), (429, Some("30")));
        assert!(browser.cookie("session").is_none());
    }
    assert_eq!(app.provider.hasher.verifications() - before, 10);
    assert_eq!(app.audited("throttled").await, 1, "one row an address and minute");
    assert_eq!(app.count("SELECT COUNT(*) FROM audit_events WHERE detail LIKE '%wrong%'").await, 0);
    app.clock.advance(29);
    assert_eq!(attempt(&mut browser, &form, "ana@example.com", PASSWORD).await.status, 429);
    app.clock.advance(1);
    assert_eq!(attempt(&mut browser, &form, "ana@example.com", PASSWORD).await.status, 303);
}

/// PW-02: guesses at the same instant are counted one by one (Keycloak CVE-2024-4629).
#[tokio::test]
async fn guesses_at_once() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let (browser, form) = stranger(&app).await;
    let tasks: Vec<_> = (0..60)
        .map(|_| {
            let (mut browser, form) = (browser.clone(), form.clone());
            tokio::spawn(async move { attempt(&mut browser, &form, "ana@example.com", "wrong").await.status })
        })
        .collect();
    let mut statuses = Vec::new();
    for task in tasks {
        statuses.push(task.await.unwrap());
    }
    let compared = statuses.iter().filter(|status| **status == 400).count();
    assert!(statuses.iter().all(|status| [400, 429, 503].contains(status)), "{statuses:?}");
    assert_eq!(compared as u64, app.provider.hasher.verifications());
    assert_eq!(compared, 10, "{statuses:?}");
    assert_eq!(app.count("SELECT MAX(failures) FROM guesses").await, 10);
}

/// PW-10: a header that anybody can send is no address, unless a listed proxy sent it.
#[tokio::test]
async fn forwarded_headers() {
    for (trusted, throttled) in [("", true), ("127.0.0.0/8", false)] {
        let app = TestApp::with(Wish { settings: &[("TRUSTED_PROXIES", trusted)], ..Wish::default() }).await;
        app.person("ana").await;
        let rp = Rp::web(&app, "web").await;
        let mut last = 0;
        for number in 0..11 {
            let (browser, form) = stranger(&app).await;
            let mut form = form.form("sign-in");
            form.set("username", "ana@example.com");
            form.set("password", "wrong");
            let address = format!("203.0.113.{number}");
            let headers = [
                ("content-type", "application/x-www-form-urlencoded".to_owned()),
                ("cookie", format!("browser={}", browser.cookie("browser").unwrap().value)),
                ("x-forwarded-for", address.clone()),
                ("x-real-ip", address.clone()),
                ("forwarded", format!("for={address}")),
                ("true-client-ip", address.clone()),
                ("x-forwarded-host", "evil.test".to_owned()),
            ];
            let answer = rp.send("POST", form.action.path(), &headers, &form.body()).await;
            assert!(!answer.body.contains("evil.test"));
            last = answer.status;
        }
        assert_eq!(last, if throttled { 429 } else { 400 }, "trusted: {trusted}");
        if throttled {
            let own = "SELECT COUNT(*) FROM audit_events WHERE kind = 'throttled' AND address = '127.0.0.1'";
            assert_eq!(app.count(own).await, 1);
            continue;
        }
        for nonsense in ["example.com", "999.1.1.1, x", &vec!["127.0.0.1"; 100].join(",")] {
            let answer = rp.send("GET", "/signed-out", &[("x-forwarded-for", nonsense.to_owned())], "").await;
            assert_eq!(answer.status, 200);
        }
    }
}

/// PW-11: strangers hold up strangers, never the browser that the person has signed in with before.
#[tokio::test]
async fn the_own_browser_stays_open() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let mut own = Browser::new();
    app.sign_in(&mut own, "ana").await;
    own.set_cookie("session", None);
    let (mut attacker, form) = stranger(&app).await;
    for _ in 0..11 {
        attempt(&mut attacker, &form, "ana@example.com", "wrong").await;
    }
    assert_eq!(attempt(&mut attacker, &form, "ana@example.com", PASSWORD).await.status, 429);
    let (mut new, form) = stranger(&app).await;
    assert_eq!(attempt(&mut new, &form, "ana@example.com", PASSWORD).await.status, 429);
    app.sign_in(&mut own, "ana").await;
    assert!(app.is_in(&mut own).await);
}

/// PW-04: a second proof is a guess like any other (Keycloak CVE-2026-9798); the session that is there stays as it was.
#[tokio::test]
async fn second_proofs_slow_down() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let rp = Rp::web(&app, "web").await;
    let mut browser = Browser::new();
    rp.tokens(&mut browser, "ana").await;
    let form = browser.visit(&rp.begin(&rp.flow().with("prompt", "login"))).await;
    let before = app.rows().await;
    for _ in 0..10 {
        assert_eq!(attempt(&mut browser, &form, "ana@example.com", "wrong").await.status, 400);
    }
    assert_eq!(attempt(&mut browser, &form, "ana@example.com", PASSWORD).await.status, 429);
    assert_eq!(before.changed(&app.rows().await), Vec::<&str>::new());
    assert!(app.is_in(&mut browser).await);
    app.clock.advance(30);
    assert!(attempt(&mut browser, &form, "ana@example.com", PASSWORD).await.param("code").is_some());
}
