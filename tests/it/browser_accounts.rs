//! Chromium on the ways to an account and back into it: with scripts and without, in German, by the keyboard alone, and in two
//! browsers. The pages behind links have `Referrer-Policy: no-referrer`, so their forms come with `Origin: null`.

use thirtyfour::prelude::*;

use crate::browser::{path, sign_in, tab_to, text, type_here};
use crate::support::TestApp;
use crate::support::app::Wish;
use crate::support::chrome::{Chrome, Scripts};
use crate::support::journey::FRESH;

const UNA: &str = "una@example.com";
const ANA: &str = "ana@example.com";

/// A demo where anybody may sign up, and a window at the sign-in page of its app.
async fn at_the_door(scripts: Scripts) -> (TestApp, Chrome) {
    let settings = &[("SIGN_UP__MODE", "open")];
    let app = TestApp::with(Wish { demo: true, settings, ..Wish::default() }).await;
    app.person("ana").await;
    let chrome = Chrome::open(scripts).await;
    chrome.goto(app.url("/demo")).await.unwrap();
    chrome.press("demo-sign-in").await;
    (app, chrome)
}

async fn fill_sign_up(chrome: &Chrome) {
    for (field, value) in [("username", UNA), ("name", "Una Example"), ("password", FRESH)] {
        chrome.fill(field, value).await;
    }
    chrome.press("sign-up").await;
}

async fn result_is_for(chrome: &Chrome, address: &str) {
    chrome.press("allow").await;
    chrome.wait_for("demo-result").await;
    let shown = text(chrome, "main").await;
    assert!(shown.contains(address), "{shown}");
}

/// From the app to a new account and back, by the link and by the code of the mail.
async fn sign_up(scripts: Scripts) {
    for by_code in [false, true] {
        let (app, chrome) = at_the_door(scripts).await;
        chrome.press("create").await;
        fill_sign_up(&chrome).await;
        chrome.wait_for("check-mail").await;
        let mail = app.mail().one(UNA).await;
        if by_code {
            chrome.fill("code", &mail.code()).await;
            chrome.press("verify").await;
        } else {
            chrome.goto(mail.link()).await.unwrap();
            chrome.press("go-on").await;
        }
        result_is_for(&chrome, UNA).await;
    }
}

#[tokio::test]
#[ignore = "browser: tests/run brings Chromium"]
async fn a_person_signs_up() {
    sign_up(Scripts::On).await;
}

#[tokio::test]
#[ignore = "browser: tests/run brings Chromium"]
async fn a_person_signs_up_without_scripts() {
    sign_up(Scripts::Off).await;
}

/// In German; what was typed stays when something is wrong, the password does not, and the suggestions are German too.
#[tokio::test]
#[ignore = "browser: tests/run brings Chromium"]
async fn a_person_signs_up_in_german() {
    let (app, chrome) = at_the_door(Scripts::Off).await;
    chrome.press("create").await;
    chrome.find(By::Css("button[name=lang][value=de]")).await.unwrap().click().await.unwrap();
    chrome.query(By::Css("html[lang=de]")).first().await.unwrap();
    for (field, value) in [("username", UNA), ("name", "Una"), ("password", "passwort")] {
        chrome.fill(field, value).await;
    }
    chrome.press("sign-up").await;
    chrome.wait_for("password-error").await;
    assert!(text(&chrome, "#password-error").await.contains("Passwort"));
    let value = |name: &'static str| {
        let chrome = &chrome;
        async move { chrome.find(By::Name(name)).await.unwrap().value().await.unwrap().unwrap_or_default() }
    };
    assert_eq!((value("username").await.as_str(), value("password").await.as_str()), (UNA, ""));
    chrome.fill("password", FRESH).await;
    chrome.press("sign-up").await;
    chrome.wait_for("check-mail").await;
    let mail = app.mail().one(UNA).await;
    assert_eq!(mail.subject, "Bestätigen Sie Ihre E-Mail-Adresse");
    chrome.goto(mail.link()).await.unwrap();
    assert_eq!(text(&chrome, "#go-on").await, "Adresse bestätigen");
    chrome.press("go-on").await;
    chrome.wait_for("allow").await;
}

/// Tabulator and return are enough for the whole way.
#[tokio::test]
#[ignore = "browser: tests/run brings Chromium"]
async fn the_keyboard_is_enough_to_sign_up() {
    let (app, chrome) = at_the_door(Scripts::On).await;
    chrome.wait_for("sign-in").await;
    tab_to(&chrome, "create").await;
    type_here(&chrome, Key::Enter + "").await;
    chrome.wait_for("sign-up").await;
    assert_eq!(chrome.active_element().await.unwrap().id().await.unwrap().as_deref(), Some("username"));
    type_here(&chrome, UNA).await;
    tab_to(&chrome, "name").await;
    type_here(&chrome, "Una Example").await;
    tab_to(&chrome, "password").await;
    type_here(&chrome, FRESH).await;
    type_here(&chrome, Key::Enter + "").await;
    chrome.wait_for("check-mail").await;
    assert_eq!(chrome.active_element().await.unwrap().id().await.unwrap().as_deref(), Some("code"));
    type_here(&chrome, app.mail().one(UNA).await.code()).await;
    type_here(&chrome, Key::Enter + "").await;
    chrome.wait_for("allow").await;
    tab_to(&chrome, "allow").await;
    type_here(&chrome, Key::Enter + "").await;
    chrome.wait_for("demo-result").await;
}

/// A forgotten password, from the app and back; and the real browser sends `Origin: null` from the page with the secret.
#[tokio::test]
#[ignore = "browser: tests/run brings Chromium"]
async fn a_person_gets_back_in() {
    for scripts in [Scripts::On, Scripts::Off] {
        let (app, chrome) = at_the_door(scripts).await;
        chrome.press("forgot").await;
        chrome.fill("username", ANA).await;
        chrome.press("send").await;
        chrome.wait_for("check-mail").await;
        assert!(!chrome.has("code").await);
        let link = app.mail().one(ANA).await.link();
        chrome.goto(&link).await.unwrap();
        chrome.fill("password", "password").await;
        chrome.press("set-password").await;
        chrome.wait_for("password-error").await;
        chrome.fill("password", FRESH).await;
        chrome.press("set-password").await;
        chrome.wait_for("password-set").await;
        chrome.press("go-on").await;
        chrome.fill("username", ANA).await;
        chrome.fill("password", FRESH).await;
        chrome.press("sign-in").await;
        result_is_for(&chrome, ANA).await;
        app.ignore_mail();
    }
}

/// The link opened in another browser signs nobody in there and shows the code; typed where it was asked for, that goes on.
#[tokio::test]
#[ignore = "browser: tests/run brings Chromium"]
async fn a_link_in_two_browsers() {
    let (app, chrome) = at_the_door(Scripts::On).await;
    chrome.press("by-mail").await;
    chrome.fill("username", ANA).await;
    chrome.press("send").await;
    chrome.wait_for("verify").await;
    let other = Chrome::open(Scripts::On).await;
    other.goto(app.mail().one(ANA).await.link()).await.unwrap();
    other.wait_for("code").await;
    assert!(!other.has("go-on").await);
    let code = text(&other, "#code").await;
    other.goto(app.url("/account")).await.unwrap();
    other.wait_for("sign-in").await;
    chrome.fill("code", &code).await;
    chrome.press("verify").await;
    result_is_for(&chrome, ANA).await;
    // The same link in the browser that asked is used up now; a new one works there.
    chrome.goto(app.url("/sign-out")).await.unwrap();
    chrome.press("sign-out").await;
    // A click does not wait for the answer.
    chrome.wait_for("signed-out").await;
    chrome.goto(app.url("/account")).await.unwrap();
    chrome.press("by-mail").await;
    chrome.fill("username", ANA).await;
    chrome.press("send").await;
    chrome.wait_for("verify").await;
    chrome.goto(app.mail().one(ANA).await.link()).await.unwrap();
    chrome.press("go-on").await;
    chrome.wait_for("sessions").await;
    assert_eq!(path(&chrome).await, "/account");
}

/// Without "stay signed in" the cookie ends with the browser.
#[tokio::test]
#[ignore = "browser: tests/run brings Chromium"]
async fn a_person_is_not_remembered() {
    for remembered in [true, false] {
        let (_app, chrome) = at_the_door(Scripts::Off).await;
        if !remembered {
            chrome.find(By::Name("remember")).await.unwrap().click().await.unwrap();
        }
        sign_in(&chrome).await;
        chrome.wait_for("allow").await;
        let cookie = chrome.get_named_cookie("session").await.unwrap();
        assert_eq!(cookie.expiry.is_some(), remembered);
    }
}
