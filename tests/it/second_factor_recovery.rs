//! Protects recovery codes (MF-08): ten, shown once, each good once, hashed at rest; told by mail, and worth nothing once there is
//! a new set.

use tokio::task::JoinSet;
use vouchsafe::endpoints::{Signed, Visit, second_factor};
use vouchsafe::identity::sessions::{self, SessionToken};
use vouchsafe::oauth::Lang;
use vouchsafe::store::sql;

use crate::support::app::Wish;
use crate::support::factor::Phone;
use crate::support::{Browser, Page, TestApp};

const ANA: &str = "ana@example.com";

/// A person with a phone in this browser, and their codes.
async fn with_codes(app: &TestApp, browser: &mut Browser) -> (Phone, Vec<String>) {
    let phone = app.person_with_phone(browser, "ana").await;
    let codes = make(app, browser).await;
    assert!(app.mail().one(ANA).await.text.contains("recovery codes"));
    (phone, codes)
}

async fn make(app: &TestApp, browser: &mut Browser) -> Vec<String> {
    let page = browser.visit(&app.url("/account/recovery-codes")).await;
    browser.submit(&page, "make-codes", &[]).await.texts("#recovery-codes li")
}

/// A sign-in that has come to the recovery codes.
async fn at_the_codes(app: &TestApp, browser: &mut Browser) -> Page {
    let page = app.first_step(browser, "ana").await;
    let page = browser.submit(&page, "another-way", &[]).await;
    browser.click(&page, "way-recovery").await
}

/// Ten that differ, shown once, as a file too, not stored as they are; nobody without a second factor has any.
#[tokio::test]
async fn made_and_shown_once() {
    let app = TestApp::start().await;
    let mut browser = Browser::new();
    app.person("bob").await;
    app.sign_in(&mut browser, "bob").await;
    let page = browser.visit(&app.url("/account/recovery-codes")).await;
    assert!(page.has("not-yet") && !page.has("make-codes"), "{}", page.body);
    browser.set_cookie("session", None);
    app.person_with_phone(&mut browser, "ana").await;
    let page = browser.visit(&app.url("/account/recovery-codes")).await;
    let shown = browser.submit(&page, "make-codes", &[]).await;
    let codes = shown.texts("#recovery-codes li");
    let different: std::collections::BTreeSet<_> = codes.iter().collect();
    assert_eq!((codes.len(), different.len()), (10, 10), "{codes:?}");
    assert!(shown.header("cache-control").unwrap().contains("no-store"));
    let file = browser.press(&shown, "download", &[]).await;
    assert!(file.header("content-disposition").unwrap().starts_with("attachment"));
    assert_eq!(file.header("content-type"), Some("text/plain; charset=utf-8"));
    assert!(codes.iter().all(|code| file.body.lines().any(|line| line == code)), "{}", file.body);
    let mut form = shown.form("download");
    form.set("codes", "<script>alert(1)</script>");
    let odd = browser.request(crate::support::Initiator::SameOrigin, form.method.clone(), &form.action, Some(form.body())).await;
    assert_eq!(odd.status, 303, "nothing but codes comes back");
    let page = browser.visit(&app.url("/account/recovery-codes")).await;
    assert!(page.texts("#recovery-codes li").is_empty() && page.text("#codes-left").contains("10"), "{}", page.body);
    let rows = app.provider.db.conn().fetch_all(sql("SELECT id, tag FROM recovery_codes")).await.unwrap();
    let stored = format!("{rows:?}");
    assert!(codes.iter().all(|code| !stored.contains(code) && !stored.contains(&code.replace('-', ""))));
    app.ignore_mail();
}

/// The first factor brings codes on the page that follows, a second one leaves them as they are; one mail tells of both.
#[tokio::test]
async fn with_the_first_factor() {
    let app = TestApp::start().await;
    let mut browser = Browser::new();
    app.person("ana").await;
    app.sign_in(&mut browser, "ana").await;
    let page = browser.visit(&app.url("/account/authenticators/add")).await;
    let phone = Phone::scan(&page);
    let wrong = browser.submit(&page, "verify", &[("code", &phone.wrong_code(&app))]).await;
    assert!(!wrong.has("recovery-codes") && app.count("SELECT COUNT(*) FROM recovery_codes").await == 0, "{}", wrong.body);
    let shown = browser.submit(&wrong, "verify", &[("code", &phone.next_code(&app))]).await;
    assert_eq!((shown.status, shown.texts("#recovery-codes li").len()), (200, 10), "{}", shown.body);
    let file = browser.press(&shown, "download", &[]).await;
    assert!(file.body.contains(&shown.texts("#recovery-codes li")[9]), "{}", file.body);
    app.mail().one(ANA).await;
    assert_eq!(app.audited("recovery_codes_made").await, 1);
    let list = browser.click(&shown, "kept").await;
    assert_eq!(list.attributes("#factors a", "href").len(), 1, "{}", list.body);
    let rows = "SELECT id, tag FROM recovery_codes ORDER BY id";
    let before = format!("{:?}", app.provider.db.conn().fetch_all(sql(rows)).await.unwrap());
    let page = browser.visit(&app.url("/account/authenticators/add")).await;
    let next = browser.submit(&page, "verify", &[("code", &Phone::scan(&page).next_code(&app))]).await;
    assert!(next.has("done") && !next.has("recovery-codes"), "{}", next.body);
    assert_eq!(before, format!("{:?}", app.provider.db.conn().fetch_all(sql(rows)).await.unwrap()));
    app.ignore_mail();
}

/// Two that would each be the first set: one is made and shown, and not taken away again by the other.
#[tokio::test]
async fn the_first_set_is_made_once() {
    let app = TestApp::start().await;
    let mut browser = Browser::new();
    app.person_with_phone(&mut browser, "ana").await;
    let no_codes = app.provider.db.write(async |tx| tx.execute(sql("DELETE FROM recovery_codes")).await);
    assert_eq!(no_codes.await.unwrap(), 10);
    let token = SessionToken::parse(&browser.cookie("session").unwrap().value).unwrap();
    let now = app.clock.now();
    let (session, user) = sessions::find(&mut app.provider.db.conn(), &token, 3600, now).await.unwrap().unwrap();
    let signed = Signed { session, user };
    let visit = Visit {
        browser_hash: signed.session.browser_hash.clone(),
        session: Some(signed.clone()),
        half_hash: None,
        device_hash: None,
        address: [127, 0, 0, 1].into(),
        user_agent: String::new(),
        lang: Lang::En,
        now,
    };
    let make = || second_factor::make_first_codes(&app.provider, &signed, &visit);
    let (one, other) = tokio::join!(make(), make());
    assert_ne!(one.unwrap().is_some(), other.unwrap().is_some(), "one of the two");
    assert_eq!(app.count("SELECT COUNT(*) FROM recovery_codes").await, 10);
}

/// A code is good once, in any spelling; the mail says so and warns when few are left; a new set ends the old one.
#[tokio::test]
async fn used() {
    let app = TestApp::start().await;
    let mut browser = Browser::new();
    let (_, codes) = with_codes(&app, &mut browser).await;
    for (number, code) in codes.iter().enumerate().take(8) {
        let typed = match number {
            0 => code.to_uppercase(),
            1 => code.replace('-', " "),
            2 => format!(" {} ", code.replace('-', "")),
            _ => code.clone(),
        };
        let mut next = Browser::new();
        let page = at_the_codes(&app, &mut next).await;
        next.submit(&page, "verify", &[("code", &typed)]).await;
        assert!(app.is_in(&mut next).await, "{typed}");
        let mail = app.mail().to(ANA).await.into_iter().find(|mail| mail.text.contains("recovery code was used")).unwrap();
        let left = 9 - number;
        assert!(mail.text.contains(&format!("{left} are left")), "{left}: {}", mail.text);
        assert_eq!(mail.text.contains("make new ones"), left <= 3, "{left}: {}", mail.text);
        let mut again = Browser::new();
        let page = at_the_codes(&app, &mut again).await;
        let before = app.rows().await;
        assert_eq!(again.submit(&page, "verify", &[("code", &typed)]).await.status, 400);
        app.untouched(&before, "a used code").await;
    }
    assert_eq!(app.audited("recovery_code_used").await, 8);
    let page = browser.visit(&app.url("/account/recovery-codes")).await;
    assert!(page.text("#codes-left").contains('2'), "{}", page.body);
    let fresh = make(&app, &mut browser).await;
    let mut next = Browser::new();
    let page = at_the_codes(&app, &mut next).await;
    assert_eq!(next.submit(&page, "verify", &[("code", &codes[9])]).await.status, 400, "the old set is over");
    next.submit(&page, "verify", &[("code", &fresh[0])]).await;
    assert!(app.is_in(&mut next).await);
    app.ignore_mail();
}

/// MF-08: one code at once from many tabs opens one of them.
#[tokio::test]
async fn one_at_once() {
    let app = TestApp::start().await;
    let mut browser = Browser::new();
    let (_, codes) = with_codes(&app, &mut browser).await;
    let mut tabs = Vec::new();
    for _ in 0..8 {
        let mut tab = browser.clone();
        tab.set_cookie("session", None);
        let page = at_the_codes(&app, &mut tab).await;
        tabs.push((tab, page));
    }
    let mut running = JoinSet::new();
    for (mut tab, page) in tabs {
        let code = codes[0].clone();
        running.spawn(async move { tab.press(&page, "verify", &[("code", &code)]).await.status });
    }
    let answers = running.join_all().await;
    assert_eq!(answers.iter().filter(|status| **status == 303).count(), 1, "{answers:?}");
    app.ignore_mail();
}

/// New ones only after a fresh proof of both factors; with the last factor the codes go.
#[tokio::test]
async fn guarded() {
    let app = TestApp::start().await;
    let mut browser = Browser::new();
    let (phone, codes) = with_codes(&app, &mut browser).await;
    app.clock.advance(600);
    let page = browser.visit(&app.url("/account/recovery-codes")).await;
    let before = app.rows().await;
    assert!(browser.submit(&page, "make-codes", &[]).await.has("password"));
    app.untouched(&before, "an old proof").await;
    // A recovery code is proof enough to get rid of the phone that was lost.
    let mut next = Browser::new();
    let page = at_the_codes(&app, &mut next).await;
    next.submit(&page, "verify", &[("code", &codes[0])]).await;
    let page = next.visit(&app.url("/account/authenticators")).await;
    let page = next.visit(page.url.join(&page.attributes("#factors a", "href")[0]).unwrap().as_str()).await;
    assert!(page.text("#consequence").contains("recovery codes go too"), "{}", page.body);
    next.submit(&page, "confirm", &[]).await;
    assert_eq!(app.count("SELECT COUNT(*) FROM recovery_codes").await, 0);
    let _ = phone;
    app.ignore_mail();
}

/// Where they do not count, there are none.
#[tokio::test]
async fn not_taken() {
    let app = TestApp::with(Wish { settings: &[("SECOND_FACTOR__COUNTS", "totp")], ..Wish::default() }).await;
    let mut browser = Browser::new();
    app.person_with_phone(&mut browser, "ana").await;
    let page = browser.visit(&app.url("/account/recovery-codes")).await;
    assert!(!page.has("make-codes"), "{}", page.body);
}
