//! Chromium on the ways of a second factor: added, asked for, lost and come back by a recovery code; with scripts and without.

use thirtyfour::prelude::*;

use crate::browser::{sign_in, tab_to, text, type_here};
use crate::support::TestApp;
use crate::support::app::Wish;
use crate::support::chrome::{Chrome, Scripts};
use crate::support::factor::Phone;

/// Ana in the demo, who adds an authenticator app and makes recovery codes: her app and the codes.
async fn set_up(app: &TestApp, chrome: &Chrome) -> (Phone, Vec<String>) {
    chrome.goto(app.url("/account")).await.unwrap();
    sign_in(chrome).await;
    chrome.wait_for("sessions").await;
    chrome.goto(app.url("/account/authenticators/add")).await.unwrap();
    let phone = Phone::typed(&text(chrome, "#totp-key").await);
    let picture = chrome.find(By::Css("img.qr")).await.unwrap();
    assert_eq!(picture.prop("naturalWidth").await.unwrap().map(|width| width != "0"), Some(true), "the picture is drawn");
    chrome.fill("code", &phone.code(app)).await;
    chrome.press("verify").await;
    chrome.wait_for("recovery-codes").await;
    let items = chrome.find_all(By::Css("#recovery-codes li")).await.unwrap();
    let mut codes = Vec::new();
    for item in items {
        codes.push(item.text().await.unwrap());
    }
    assert_eq!(codes.len(), 10);
    chrome.press("kept").await;
    chrome.wait_for("factors").await;
    app.ignore_mail();
    (phone, codes)
}

async fn journey(scripts: Scripts) {
    let app = TestApp::with(Wish { demo: true, ..Wish::default() }).await;
    app.person("ana").await;
    let chrome = Chrome::open(scripts).await;
    let (phone, codes) = set_up(&app, &chrome).await;
    chrome.delete_all_cookies().await.unwrap();
    chrome.goto(app.url("/demo")).await.unwrap();
    chrome.press("demo-sign-in").await;
    sign_in(&chrome).await;
    chrome.wait_for("another-way").await;
    assert_eq!(chrome.active_element().await.unwrap().id().await.unwrap().as_deref(), Some("code"));
    chrome.fill("code", &phone.wrong_code(&app)).await;
    chrome.press("verify").await;
    chrome.wait_for("code-error").await;
    chrome.fill("code", &phone.next_code(&app)).await;
    chrome.press("verify").await;
    chrome.wait_for("allow").await;
    chrome.press("allow").await;
    chrome.wait_for("demo-result").await;
    assert!(text(&chrome, "main").await.contains("aal2"));
    // The phone is lost.
    chrome.delete_all_cookies().await.unwrap();
    chrome.goto(app.url("/account")).await.unwrap();
    sign_in(&chrome).await;
    chrome.press("another-way").await;
    chrome.press("way-recovery").await;
    chrome.fill("code", &codes[3]).await;
    chrome.press("verify").await;
    chrome.wait_for("sessions").await;
    chrome.goto(app.url("/account/authenticators")).await.unwrap();
    chrome.find(By::Css("#factors a")).await.unwrap().click().await.unwrap();
    chrome.press("confirm").await;
    chrome.wait_for("empty").await;
}

#[tokio::test]
#[ignore = "browser: tests/run brings Chromium"]
async fn a_phone_is_added_used_and_lost() {
    journey(Scripts::On).await;
}

#[tokio::test]
#[ignore = "browser: tests/run brings Chromium"]
async fn a_phone_is_added_used_and_lost_without_scripts() {
    journey(Scripts::Off).await;
}

/// Tabulator and return are enough, in German.
#[tokio::test]
#[ignore = "browser: tests/run brings Chromium"]
async fn the_keyboard_is_enough_for_a_second_factor() {
    let app = TestApp::with(Wish { demo: true, ..Wish::default() }).await;
    app.person("ana").await;
    let chrome = Chrome::open(Scripts::On).await;
    let (phone, _) = set_up(&app, &chrome).await;
    chrome.find(By::Css("button[name=lang][value=de]")).await.unwrap().click().await.unwrap();
    chrome.query(By::Css("html[lang=de]")).first().await.unwrap();
    chrome.delete_cookie("session").await.unwrap();
    chrome.goto(app.url("/account")).await.unwrap();
    sign_in(&chrome).await;
    chrome.wait_for("another-way").await;
    assert_eq!(text(&chrome, "h1").await, "Mit Ihrem zweiten Faktor bestätigen");
    tab_to(&chrome, "another-way").await;
    type_here(&chrome, Key::Enter + "").await;
    chrome.wait_for("way-totp").await;
    tab_to(&chrome, "way-totp").await;
    type_here(&chrome, Key::Enter + "").await;
    chrome.wait_for("verify").await;
    type_here(&chrome, phone.next_code(&app)).await;
    type_here(&chrome, Key::Enter + "").await;
    chrome.wait_for("sessions").await;
}
