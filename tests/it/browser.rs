//! Chromium at the demo: the ways of a person through the pages, with scripts and without.

use std::time::Duration;

use thirtyfour::prelude::*;

use crate::support::TestApp;
use crate::support::app::{PASSWORD, Wish};
use crate::support::chrome::{Chrome, Scripts};
use crate::support::rp::challenge;

/// A demo with one person in it, and a window at its first page.
async fn demo(scripts: Scripts) -> (TestApp, Chrome) {
    let app = TestApp::with(Wish { demo: true, ..Wish::default() }).await;
    app.person("ana").await;
    let chrome = Chrome::open(scripts).await;
    chrome.goto(app.url("/demo")).await.unwrap();
    (app, chrome)
}

pub async fn sign_in(chrome: &Chrome) {
    chrome.fill("username", "ana@example.com").await;
    chrome.fill("password", PASSWORD).await;
    chrome.press("sign-in").await;
}

/// From the demo's first page to its result.
async fn go_through(chrome: &Chrome) {
    chrome.press("demo-sign-in").await;
    sign_in(chrome).await;
    chrome.press("allow").await;
    chrome.wait_for("demo-result").await;
}

pub async fn path(chrome: &Chrome) -> String {
    chrome.current_url().await.unwrap().path().to_owned()
}

pub async fn text(chrome: &Chrome, css: &'static str) -> String {
    chrome.find(By::Css(css)).await.unwrap().text().await.unwrap()
}

/// Sign in, consent, result, refresh, sign out; then the issuer asks again, for the password alone.
async fn there_and_back(scripts: Scripts) {
    let (app, chrome) = demo(scripts).await;
    go_through(&chrome).await;
    let shown = text(&chrome, "main").await;
    assert!(shown.contains("ana@example.com") && shown.contains(&app.issuer), "{shown}");
    chrome.press("demo-refresh").await;
    chrome.wait_for("refreshed").await;
    chrome.press("demo-sign-out").await;
    chrome.wait_for("demo-sign-in").await;
    assert_eq!(path(&chrome).await, "/demo");
    chrome.press("demo-sign-in").await;
    sign_in(&chrome).await;
    chrome.wait_for("demo-result").await;
}

/// The whole way of a person (OpenID Connect Core section 3.1, RP-Initiated Logout section 2).
#[tokio::test]
#[ignore = "browser: tests/run brings Chromium"]
async fn a_person_goes_there_and_back() {
    there_and_back(Scripts::On).await;
}

/// Everything works without scripts.
#[tokio::test]
#[ignore = "browser: tests/run brings Chromium"]
async fn a_person_goes_there_and_back_without_scripts() {
    there_and_back(Scripts::Off).await;
}

/// Who refuses or cancels comes back to the app with `access_denied` (RFC 6749 section 4.1.2.1), and may change their mind.
#[tokio::test]
#[ignore = "browser: tests/run brings Chromium"]
async fn refusing_and_cancelling_lead_back_to_the_app() {
    let (app, chrome) = demo(Scripts::Off).await;
    chrome.press("demo-sign-in").await;
    chrome.press("cancel").await;
    chrome.wait_for("problem").await;
    assert!(text(&chrome, "#problem").await.contains("access_denied"));
    chrome.press("demo-sign-in").await;
    sign_in(&chrome).await;
    chrome.press("deny").await;
    chrome.wait_for("problem").await;
    assert!(text(&chrome, "#problem").await.contains("access_denied"));
    assert_eq!(app.count("SELECT COUNT(*) FROM consents").await, 0);
    assert_eq!(app.count("SELECT COUNT(*) FROM authorization_codes").await, 0);
    chrome.press("demo-sign-in").await;
    chrome.press("allow").await;
    chrome.wait_for("demo-result").await;
}

/// A wrong password is said on the page, the address stays, and the right one goes on to the same place.
#[tokio::test]
#[ignore = "browser: tests/run brings Chromium"]
async fn a_wrong_password_is_said_and_mended() {
    let (_app, chrome) = demo(Scripts::Off).await;
    chrome.press("demo-sign-in").await;
    chrome.fill("username", "ana@example.com").await;
    chrome.fill("password", "something else").await;
    chrome.press("sign-in").await;
    chrome.wait_for("problem").await;
    let field = chrome.find(By::Name("username")).await.unwrap();
    assert_eq!(field.value().await.unwrap().as_deref(), Some("ana@example.com"));
    assert_eq!(chrome.find(By::Name("password")).await.unwrap().value().await.unwrap().as_deref(), Some(""));
    sign_in(&chrome).await;
    chrome.wait_for("allow").await;
}

/// Two tabs at once do not disturb each other (decision 9): each ends where its own request began.
#[tokio::test]
#[ignore = "browser: tests/run brings Chromium"]
async fn two_tabs_end_in_the_right_place() {
    let (app, chrome) = demo(Scripts::On).await;
    chrome.press("demo-sign-in").await;
    chrome.wait_for("sign-in").await;
    let first = chrome.window().await.unwrap();
    let second = chrome.new_tab().await.unwrap();
    chrome.switch_to_window(second.clone()).await.unwrap();
    chrome.goto(app.url("/demo")).await.unwrap();
    chrome.press("demo-sign-in").await;
    chrome.wait_for("sign-in").await;
    chrome.switch_to_window(first).await.unwrap();
    sign_in(&chrome).await;
    chrome.press("allow").await;
    chrome.wait_for("demo-result").await;
    chrome.switch_to_window(second).await.unwrap();
    sign_in(&chrome).await;
    chrome.wait_for("demo-result").await;
    assert_eq!(app.count("SELECT COUNT(*) FROM sessions WHERE ended_at IS NULL").await, 1);
}

/// The back button, from the consent page and from the app, ends in the right place and never in an error.
#[tokio::test]
#[ignore = "browser: tests/run brings Chromium"]
async fn the_back_button_ends_in_the_right_place() {
    let (_app, chrome) = demo(Scripts::On).await;
    chrome.press("demo-sign-in").await;
    sign_in(&chrome).await;
    chrome.wait_for("allow").await;
    // Who goes back to the sign-in page may sign in, as themselves or as somebody else, and goes on from there.
    chrome.back().await.unwrap();
    sign_in(&chrome).await;
    chrome.press("allow").await;
    chrome.wait_for("demo-result").await;
    chrome.back().await.unwrap();
    // Chromium may show the consent page as it was; its button then leads to the same place.
    if chrome.has("allow").await {
        chrome.press("allow").await;
    }
    chrome.wait_for("demo-result").await;
    assert!(!chrome.has("error-page").await && !chrome.has("problem").await);
}

/// A double click on a button is one act.
#[tokio::test]
#[ignore = "browser: tests/run brings Chromium"]
async fn a_double_click_ends_in_the_right_place() {
    let (_app, chrome) = demo(Scripts::On).await;
    chrome.press("demo-sign-in").await;
    sign_in(&chrome).await;
    chrome.wait_for("allow").await;
    let twice = "const button = document.getElementById('allow'); button.click(); setTimeout(() => button.click(), 5)";
    chrome.execute(twice, vec![]).await.unwrap();
    chrome.wait_for("demo-result").await;
}

/// The language button changes the page and keeps what the person was about to do.
#[tokio::test]
#[ignore = "browser: tests/run brings Chromium"]
async fn the_pages_speak_german() {
    let (_app, chrome) = demo(Scripts::Off).await;
    chrome.press("demo-sign-in").await;
    chrome.wait_for("sign-in").await;
    chrome.find(By::Css("button[name=lang][value=de]")).await.unwrap().click().await.unwrap();
    chrome.query(By::Css("html[lang=de]")).wait(Duration::from_secs(5), Duration::from_millis(50)).first().await.unwrap();
    assert_eq!(text(&chrome, "#sign-in").await, "Anmelden");
    sign_in(&chrome).await;
    chrome.wait_for("allow").await;
    assert_eq!(text(&chrome, "#allow").await, "Erlauben");
    assert!(text(&chrome, "#asked").await.contains("Ihre E-Mail-Adresse sehen"));
    chrome.press("allow").await;
    chrome.wait_for("demo-result").await;
}

/// Moves the focus by the tabulator alone until the element with this id has it.
pub async fn tab_to(chrome: &Chrome, id: &str) {
    for _ in 0..40 {
        let active = chrome.active_element().await.unwrap();
        if active.id().await.unwrap().as_deref() == Some(id) {
            return;
        }
        active.send_keys(Key::Tab + "").await.unwrap();
    }
    panic!("the tabulator does not reach {id} at {:?}", chrome.current_url().await);
}

pub async fn type_here(chrome: &Chrome, keys: impl Into<TypingData>) {
    chrome.active_element().await.unwrap().send_keys(keys).await.unwrap();
}

/// The keyboard alone is enough, and the first field has the focus.
#[tokio::test]
#[ignore = "browser: tests/run brings Chromium"]
async fn the_keyboard_is_enough() {
    let (_app, chrome) = demo(Scripts::On).await;
    tab_to(&chrome, "demo-sign-in").await;
    type_here(&chrome, Key::Enter + "").await;
    chrome.wait_for("sign-in").await;
    let focused = chrome.active_element().await.unwrap().id().await.unwrap();
    assert_eq!(focused.as_deref(), Some("username"));
    type_here(&chrome, "ana@example.com").await;
    tab_to(&chrome, "password").await;
    type_here(&chrome, PASSWORD).await;
    type_here(&chrome, Key::Enter + "").await;
    chrome.wait_for("allow").await;
    tab_to(&chrome, "allow").await;
    type_here(&chrome, Key::Enter + "").await;
    chrome.wait_for("demo-result").await;
    tab_to(&chrome, "demo-refresh").await;
    type_here(&chrome, Key::Enter + "").await;
    chrome.wait_for("refreshed").await;
}

/// The person signs out of the account page, and may change their mind.
#[tokio::test]
#[ignore = "browser: tests/run brings Chromium"]
async fn signing_out_asks_first() {
    let (app, chrome) = demo(Scripts::Off).await;
    chrome.goto(app.url("/account")).await.unwrap();
    sign_in(&chrome).await;
    chrome.press("sign-out-link").await;
    chrome.press("stay").await;
    chrome.press("sign-out-link").await;
    chrome.press("sign-out").await;
    chrome.wait_for("signed-out").await;
    chrome.goto(app.url("/account")).await.unwrap();
    chrome.wait_for("sign-in").await;
}

/// `response_mode=form_post` goes on by itself with scripts, and by its button without (decision 15).
#[tokio::test]
#[ignore = "browser: tests/run brings Chromium"]
async fn form_post_goes_on_with_and_without_scripts() {
    for scripts in [Scripts::On, Scripts::Off] {
        let (app, chrome) = demo(scripts).await;
        go_through(&chrome).await;
        chrome.goto(form_post(&app)).await.unwrap();
        if scripts == Scripts::Off {
            assert_eq!(path(&chrome).await, "/authorize");
            chrome.press("continue").await;
        }
        // The demo does not read form posts: what counts is where the answer went.
        for _ in 0..100 {
            if path(&chrome).await == "/demo/callback" {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(path(&chrome).await, "/demo/callback");
    }
}

/// A request of the demo's client whose answer is a form.
pub fn form_post(app: &TestApp) -> String {
    let callback = app.url("/demo/callback");
    let pairs = [
        ("client_id", "demo"),
        ("response_type", "code"),
        ("response_mode", "form_post"),
        ("scope", "openid"),
        ("redirect_uri", callback.as_str()),
        ("state", "a state"),
        ("code_challenge", &challenge()),
        ("code_challenge_method", "S256"),
    ];
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    format!("{}/authorize?{query}", app.issuer)
}
