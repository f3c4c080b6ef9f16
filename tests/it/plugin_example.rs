//! Protects the traits of plugins: the example under `tests/plugin_example/` compiles, its form is rendered by the house, and what the
//! house does for every kind it does for this one too.

use crate::support::app::Wish;
use crate::support::factor::code_in;
use crate::support::{Browser, TestApp};

#[path = "../plugin_example/src/lib.rs"]
mod pager;

const ANA: &str = "ana@example.com";

#[tokio::test]
async fn the_house_does_the_rest() {
    let radio = pager::Radio::default();
    let own = radio.clone();
    let settings = [("SECOND_FACTOR__COUNTS", "totp,pager")];
    let wish = Wish { settings: &settings, plugins: Some(Box::new(move || pager::plugins(own.clone()))), ..Wish::default() };
    let app = TestApp::with(wish).await;
    app.person("ana").await;
    let mut browser = Browser::reading("de");
    app.sign_in(&mut browser, "ana").await;
    let page = browser.visit(&app.url("/account/authenticators")).await;
    let page = browser.click(&page, "add-pager").await;
    assert_eq!(page.text("label[for=typed]"), "Pagernummer");
    for typed in ["", "12345", "12345x"] {
        let page = browser.submit(&page, "send", &[("typed", typed)]).await;
        assert_eq!((page.status, page.has("typed-error")), (400, true), "{typed}");
    }
    assert!(radio.sent().is_empty());
    let page = browser.submit(&page, "send", &[("typed", "123456")]).await;
    assert!(page.text("#sent").contains("Pager ••••56"), "{}", page.body);
    let (to, text) = radio.sent().pop().unwrap();
    assert_eq!(to, "123456");
    let page = browser.submit(&page, "verify", &[("code", &code_in(&text))]).await;
    assert!(page.has("done"), "{}", page.body);
    assert!(app.told(ANA).await.text.contains("Pager"));
    let row = app.provider.db.conn().fetch(vouchsafe::store::sql("SELECT sealed, name FROM factors")).await.unwrap();
    assert!(!format!("{row:?}").contains("123456"), "sealed, and masked");
    // Signing in: a code is sent once the person wants it, and is good once.
    let mut next = Browser::new();
    let page = app.first_step(&mut next, "ana").await;
    assert!(page.has("send") && !page.has("code"), "{}", page.body);
    let soon = next.submit(&page, "send", &[]).await;
    assert_eq!(soon.status, 429, "a pause between two messages");
    app.clock.advance(30);
    let page = next.submit(&page, "send", &[]).await;
    let (_, text) = radio.sent().pop().unwrap();
    next.submit(&page, "verify", &[("code", &code_in(&text))]).await;
    assert!(app.is_in(&mut next).await);
    let mut thief = Browser::new();
    let page = app.first_step(&mut thief, "ana").await;
    app.clock.advance(60);
    let page = thief.submit(&page, "send", &[]).await;
    let stale = thief.submit(&page, "verify", &[("code", &code_in(&text))]).await;
    assert_eq!(stale.status, 400);
    let mut tries = 1;
    loop {
        let answer = thief.submit(&page, "verify", &[("code", "000000")]).await;
        tries += 1;
        if answer.status == 429 || tries > 20 {
            break;
        }
    }
    assert_eq!(tries, 6, "five of one code");
}
