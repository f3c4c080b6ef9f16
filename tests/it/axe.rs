//! Every page in Chromium, light and dark, wide and narrow: axe-core finds nothing (WCAG 2.2 AA), nothing scrolls sideways.
//!
//! With TEST_SCREENSHOTS naming a folder, pictures of all pages are put there.

use std::path::PathBuf;

use serde_json::json;
use thirtyfour::prelude::*;

use crate::browser::form_post;
use crate::mail;
use crate::support::TestApp;
use crate::support::app::{PASSWORD, Wish};
use crate::support::chrome::{Chrome, Colours, Scripts};

/// A window that looks at pages and notes what is wrong with them.
struct Eye {
    app: TestApp,
    chrome: Chrome,
    language: &'static str,
    found: Vec<String>,
}

impl Eye {
    async fn open(language: &'static str) -> Eye {
        let app = TestApp::with(Wish { demo: true, ..Wish::default() }).await;
        app.person("ana").await;
        let chrome = Chrome::open(Scripts::On).await;
        let eye = Eye { app, chrome, language, found: Vec::new() };
        eye.chrome.goto(eye.app.url("/demo")).await.unwrap();
        if language == "de" {
            eye.chrome.find(By::Css("button[name=lang][value=de]")).await.unwrap().click().await.unwrap();
            eye.chrome.wait_for("demo-sign-in").await;
        }
        eye
    }

    async fn goto(&self, path: &str) {
        self.chrome.goto(self.app.url(path)).await.unwrap();
    }

    async fn sign_in(&self, password: &str) {
        self.chrome.fill("username", "ana@example.com").await;
        self.chrome.fill("password", password).await;
        self.chrome.press("sign-in").await;
    }

    /// Looks at the page, which has an element with this id.
    async fn look(&mut self, name: &str, id: &str) {
        self.chrome.wait_for(id).await;
        for (colours, width) in [(Colours::Light, 1100), (Colours::Dark, 1100), (Colours::Light, 320), (Colours::Dark, 320)] {
            self.chrome.show(colours, width).await;
            let place = format!("{name} ({}, {colours:?}, {width} px)", self.language);
            if self.chrome.scrolls_sideways().await {
                self.found.push(format!("{place}: scrolls sideways"));
            }
            let violations = self.chrome.axe().await;
            self.found.extend(violations.into_iter().map(|violation| format!("{place}: {violation}")));
            if let Some(folder) = std::env::var_os("TEST_SCREENSHOTS") {
                let file = PathBuf::from(folder).join(format!("{name}-{}-{colours:?}-{width}.png", self.language));
                self.chrome.screenshot(&file).await.unwrap();
            }
        }
        self.chrome.show(Colours::Light, 1100).await;
    }

    fn done(self) {
        assert!(self.found.is_empty(), "{}", self.found.join("\n"));
    }
}

/// Before and while signing in.
async fn strangers_pages(language: &'static str) {
    let mut eye = Eye::open(language).await;
    eye.look("demo_start", "demo-sign-in").await;
    eye.goto("/nothing-here").await;
    eye.look("not_found", "error-page").await;
    eye.goto("/authorize?client_id=demo&response_type=code&redirect_uri=https://elsewhere.test/cb").await;
    eye.look("wrong_redirect", "error-page").await;
    eye.goto("/signed-out").await;
    eye.look("signed_out", "signed-out").await;
    eye.goto("/docs").await;
    eye.look("docs", "content").await;
    eye.goto("/demo/inbox").await;
    eye.look("demo_inbox_empty", "inbox-empty").await;
    mail::enqueue(&eye.app, "ana@example.com").await;
    eye.app.mail().delivered().await;
    eye.goto("/demo/inbox").await;
    eye.look("demo_inbox", "mails").await;
    eye.app.ignore_mail();
    eye.goto("/demo").await;
    eye.chrome.press("demo-sign-in").await;
    eye.look("sign_in", "sign-in").await;
    eye.sign_in("something else").await;
    eye.look("sign_in_wrong", "problem").await;
    eye.sign_in(PASSWORD).await;
    eye.look("consent", "allow").await;
    eye.chrome.press("deny").await;
    eye.look("demo_failed", "problem").await;
    eye.done();
}

/// Once signed in.
async fn persons_pages(language: &'static str) {
    let mut eye = Eye::open(language).await;
    eye.chrome.press("demo-sign-in").await;
    eye.sign_in(PASSWORD).await;
    eye.chrome.press("allow").await;
    eye.look("demo_result", "demo-result").await;
    eye.goto("/account").await;
    eye.look("account", "sessions").await;
    eye.goto("/account/everywhere").await;
    eye.look("everywhere", "confirm").await;
    eye.goto("/account/apps/demo").await;
    eye.look("remove_app", "confirm").await;
    eye.goto("/sign-out").await;
    eye.look("sign_out", "sign-out").await;
    let address = form_post(&eye.app).replace("form_post", "query");
    eye.chrome.goto(format!("{address}&prompt=select_account")).await.unwrap();
    eye.look("choose_account", "another").await;
    eye.chrome.goto(format!("{address}&prompt=login")).await.unwrap();
    eye.look("sign_in_again", "sign-in").await;
    eye.goto("/sign-out").await;
    eye.chrome.press("sign-out").await;
    eye.look("signed_out_apps", "apps").await;
    eye.done();
}

#[tokio::test]
#[ignore = "axe: tests/run brings Chromium and axe-core"]
async fn strangers_pages_are_for_everybody() {
    strangers_pages("en").await;
}

#[tokio::test]
#[ignore = "axe: tests/run brings Chromium and axe-core"]
async fn strangers_pages_are_for_everybody_in_german() {
    strangers_pages("de").await;
}

#[tokio::test]
#[ignore = "axe: tests/run brings Chromium and axe-core"]
async fn persons_pages_are_for_everybody() {
    persons_pages("en").await;
}

#[tokio::test]
#[ignore = "axe: tests/run brings Chromium and axe-core"]
async fn persons_pages_are_for_everybody_in_german() {
    persons_pages("de").await;
}

/// The form_post page stays only where no script sends it on.
#[tokio::test]
#[ignore = "axe: tests/run brings Chromium and axe-core"]
async fn the_form_post_page_is_for_everybody() {
    let mut eye = Eye::open("en").await;
    eye.chrome.press("demo-sign-in").await;
    eye.sign_in(PASSWORD).await;
    eye.chrome.press("allow").await;
    eye.chrome.wait_for("demo-result").await;
    let devtools = eye.chrome.cdp();
    devtools.send_raw("Network.enable", json!({})).await.unwrap();
    devtools.send_raw("Network.setBlockedURLs", json!({ "urls": ["*/static/*.js"] })).await.unwrap();
    let address = form_post(&eye.app);
    eye.chrome.goto(address).await.unwrap();
    eye.look("form_post", "continue").await;
    eye.done();
}
