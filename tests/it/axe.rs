//! Every page in Chromium, light and dark, wide and narrow: axe-core finds nothing (WCAG 2.2 AA), nothing scrolls sideways.
//!
//! With TEST_SCREENSHOTS naming a folder, pictures of all pages are put there.

use std::path::PathBuf;

use serde_json::json;
use thirtyfour::prelude::*;
use vouchsafe::admin::upstreams::{self, Changes};
use vouchsafe::base::Secret;
use vouchsafe::federation::Kind;
use vouchsafe::federation::demo_upstreams::CLIENT_ID;
use vouchsafe::oauth::Lang;

use crate::browser::form_post;
use crate::browser_passkeys::{Device, without_autofill};
use crate::support::app::{PASSWORD, Wish};
use crate::support::chrome::{Chrome, Colours, Scripts};
use crate::support::journey::FRESH;
use crate::support::{Browser, TestApp};
use crate::{invitations, mail};

/// A window that looks at pages and notes what is wrong with them.
pub struct Eye {
    pub app: TestApp,
    pub chrome: Chrome,
    language: &'static str,
    found: Vec<String>,
}

impl Eye {
    pub async fn open(language: &'static str) -> Eye {
        let settings = &[("SIGN_UP__MODE", "open"), ("OUTBOUND__ALLOW", "127.0.0.0/8,::1/128")];
        let app = TestApp::with(Wish { demo: true, settings, ..Wish::default() }).await;
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

    pub async fn goto(&self, path: &str) {
        self.chrome.goto(self.app.url(path)).await.unwrap();
    }

    pub async fn sign_in(&self, password: &str) {
        self.chrome.fill("username", "ana@example.com").await;
        self.chrome.fill("password", password).await;
        self.chrome.press("sign-in").await;
    }

    async fn sign_up(&self, username: &str, name: &str, password: &str) {
        for (field, text) in [("username", username), ("name", name), ("password", password)] {
            self.chrome.fill(field, text).await;
        }
        self.chrome.press("sign-up").await;
    }

    /// Looks at the page, which has an element with this id.
    pub async fn look(&mut self, name: &str, id: &str) {
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

    pub fn done(self) {
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

/// On the way to another provider and back.
async fn upstream_pages(language: &'static str) {
    let mut eye = Eye::open(language).await;
    for (id, kind, name) in [
        ("google", Kind::Google, "Google"),
        ("github", Kind::GitHub, "GitHub"),
        ("entra", Kind::Entra, "Microsoft"),
        ("corp", Kind::Oidc, "Gesellschaft für Anmeldungen und Donaudampfschifffahrt mbH"),
    ] {
        let changes = Changes {
            kind: Some(kind),
            name: Some(name.to_owned()),
            issuer: Some(if id == "corp" { "http://localhost:1".to_owned() } else { eye.app.url(&format!("/demo/{id}")) }),
            client_id: Some(CLIENT_ID.to_owned()),
            secret: Some(Secret::new("demo".to_owned())),
            ..Changes::default()
        };
        upstreams::add(eye.app.desk(), id, &changes).await.unwrap();
    }
    for _ in 0..3 {
        eye.goto("/sign-in").await;
        eye.chrome.press("upstream-corp").await;
        eye.chrome.wait_for("support-code").await;
    }
    eye.look("upstream_down", "support-code").await;
    eye.goto("/sign-in").await;
    eye.look("upstream_sign_in", "upstream-google").await;
    eye.chrome.press("upstream-github").await;
    eye.look("upstream_demo", "as-shy").await;
    eye.chrome.press("as-cancel").await;
    eye.look("upstream_cancelled", "support-code").await;
    eye.goto("/sign-in").await;
    eye.chrome.press("upstream-google").await;
    eye.chrome.press("as-shy").await;
    eye.look("upstream_give_address", "send").await;
    eye.chrome.fill("username", "").await;
    eye.chrome.press("send").await;
    eye.look("upstream_give_address_wrong", "username-error").await;
    eye.goto("/sign-in").await;
    eye.chrome.press("upstream-google").await;
    eye.chrome.press("as-known").await;
    eye.look("upstream_connect_first", "connect-first").await;
    eye.sign_in(PASSWORD).await;
    eye.look("upstream_connect", "connect").await;
    eye.goto("/account/identities").await;
    eye.look("upstream_identities_none", "others").await;
    eye.chrome.press("upstream-google").await;
    eye.chrome.press("as-known").await;
    eye.look("upstream_identities", "connected").await;
    eye.chrome.find(By::Css(".rows a")).await.unwrap().click().await.unwrap();
    eye.look("upstream_disconnect", "confirm").await;
    eye.app.ignore_mail();
    eye.done();
}

#[tokio::test]
#[ignore = "axe: tests/run brings Chromium and axe-core"]
async fn upstream_pages_are_for_everybody() {
    upstream_pages("en").await;
}

#[tokio::test]
#[ignore = "axe: tests/run brings Chromium and axe-core"]
async fn upstream_pages_are_for_everybody_in_german() {
    upstream_pages("de").await;
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
    for (path, id) in [
        ("profile", "save"),
        ("password", "change-password"),
        ("email", "change-email"),
        ("delete", "confirm"),
        ("history", "history"),
        ("data", "download"),
        ("apps", "confirm"),
    ] {
        eye.goto(&format!("/account/{path}")).await;
        eye.look(&format!("account_{path}"), id).await;
    }
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

/// One's own passkeys, and what is said when one does not work.
async fn passkey_pages(language: &'static str) {
    let mut eye = Eye::open(language).await;
    let chrome = eye.chrome.clone();
    without_autofill(&chrome).await;
    let device = Device::plug(&chrome).await;
    eye.goto("/account").await;
    eye.sign_in(PASSWORD).await;
    // Or the form that is under way would win over the next address.
    eye.chrome.wait_for("sessions").await;
    eye.goto("/account/passkeys").await;
    eye.look("passkeys_none", "add-passkey").await;
    for at in 0..2 {
        eye.chrome.fill("name", "Arbeitsrechner mit einem recht langen Namen").await;
        eye.chrome.press("add-passkey").await;
        eye.chrome.wait_for("done").await;
        if at == 0 {
            eye.look("passkeys_one", "passkeys").await;
            device.forget().await;
        }
    }
    eye.look("passkeys_two", "drop-password").await;
    eye.chrome.press("drop-password").await;
    eye.look("drop_password", "confirm").await;
    eye.chrome.press("confirm").await;
    eye.look("passkeys_alone", "passwordless").await;
    eye.chrome.find(By::Css("#passkeys a")).await.unwrap().click().await.unwrap();
    eye.look("passkey", "save").await;
    eye.chrome.fill("name", " ").await;
    eye.chrome.press("save").await;
    eye.look("passkey_nameless", "problem").await;
    eye.chrome.press("remove").await;
    eye.look("remove_passkey", "confirm").await;
    eye.chrome.press("confirm").await;
    eye.chrome.wait_for("done").await;
    eye.chrome.find(By::Css("#passkeys a")).await.unwrap().click().await.unwrap();
    eye.chrome.press("remove").await;
    eye.chrome.press("confirm").await;
    eye.look("last_passkey", "problem").await;
    eye.app.ignore_mail();
    eye.done();
}

/// A passkey that an app wants of who has none, and then as the second factor.
async fn passkey_factor_pages(language: &'static str) {
    let mut eye = Eye::open(language).await;
    let chrome = eye.chrome.clone();
    without_autofill(&chrome).await;
    let device = Device::plug(&chrome).await;
    let address = form_post(&eye.app).replace("form_post", "query");
    let phr = json!({ "id_token": { "acr": { "essential": true, "values": ["phr"] } } }).to_string();
    let claims = url::form_urlencoded::byte_serialize(phr.as_bytes()).collect::<String>();
    eye.chrome.goto(format!("{address}&claims={claims}")).await.unwrap();
    eye.sign_in(PASSWORD).await;
    eye.look("set_up_passkey", "add-passkey").await;
    eye.chrome.press("add-passkey").await;
    eye.look("second_factor_passkey", "how").await;
    device.forget().await;
    eye.chrome.press("verify").await;
    eye.chrome.query(By::Css("#passkey-problem:not([hidden])")).first().await.unwrap();
    eye.look("second_factor_passkey_failed", "how").await;
    eye.app.ignore_mail();
    eye.done();
}

#[tokio::test]
#[ignore = "axe: tests/run brings Chromium and axe-core"]
async fn passkey_factor_pages_are_for_everybody() {
    passkey_factor_pages("en").await;
}

#[tokio::test]
#[ignore = "axe: tests/run brings Chromium and axe-core"]
async fn passkey_factor_pages_in_german_are_for_everybody() {
    passkey_factor_pages("de").await;
}

#[tokio::test]
#[ignore = "axe: tests/run brings Chromium and axe-core"]
async fn passkey_pages_are_for_everybody() {
    passkey_pages("en").await;
}

#[tokio::test]
#[ignore = "axe: tests/run brings Chromium and axe-core"]
async fn passkey_pages_in_german_are_for_everybody() {
    passkey_pages("de").await;
}

/// What is known of a person, and the way in by invitation.
async fn known_pages(language: &'static str) {
    let mut eye = Eye::open(language).await;
    eye.chrome.press("demo-sign-in").await;
    eye.sign_in(PASSWORD).await;
    eye.chrome.press("allow").await;
    eye.chrome.wait_for("demo-result").await;
    eye.goto("/account/history").await;
    eye.look("history", "history").await;
    eye.goto("/account/data").await;
    eye.look("own_data", "download").await;
    let link = invitations::invited(&eye.app, Lang::En).await.link();
    eye.chrome.goto(&link).await.unwrap();
    eye.look("invitation", "accept").await;
    eye.chrome.fill("password", "short").await;
    eye.chrome.press("accept").await;
    eye.look("invitation_refused", "problem").await;
    eye.done();
}

#[tokio::test]
#[ignore = "axe: tests/run brings Chromium and axe-core"]
async fn known_pages_are_for_everybody() {
    known_pages("en").await;
}

#[tokio::test]
#[ignore = "axe: tests/run brings Chromium and axe-core"]
async fn known_pages_are_for_everybody_in_german() {
    known_pages("de").await;
}

/// On the way to an account and back into it.
async fn newcomers_pages(language: &'static str) {
    let mut eye = Eye::open(language).await;
    let wrong = if language == "de" { "passwort" } else { "password" };
    eye.chrome.press("demo-sign-in").await;
    eye.chrome.press("create").await;
    eye.look("sign_up", "sign-up").await;
    eye.sign_up("nobody", "Una\u{200b}\u{202e}", wrong).await;
    eye.look("sign_up_wrong", "problem").await;
    eye.sign_up("una@example.com", "Una Example", FRESH).await;
    eye.look("check_mail", "verify").await;
    eye.chrome.fill("code", "12345").await;
    eye.chrome.press("verify").await;
    eye.look("check_mail_wrong", "problem").await;
    let link = eye.app.mail().one("una@example.com").await.link();
    eye.chrome.goto(&link).await.unwrap();
    eye.look("verify_email", "go-on").await;
    let told = Browser::new().open_and_press(&link).await;
    assert!(told.has("verified"));
    eye.chrome.press("go-on").await;
    eye.look("link_gone", "link-gone").await;
    let mut other = Browser::new();
    eye.app.ask_for_link(&mut other, "ana@example.com").await;
    let link = eye.app.mail().one("ana@example.com").await.link();
    eye.chrome.goto(&link).await.unwrap();
    eye.look("link_code", "code").await;
    eye.app.clock.advance(700);
    eye.chrome.goto(&link).await.unwrap();
    eye.look("link_code_late", "other-browser").await;
    eye.goto("/demo").await;
    eye.chrome.press("demo-sign-in").await;
    eye.chrome.press("by-mail").await;
    eye.look("sign_in_by_mail", "send").await;
    eye.chrome.fill("username", "ana").await;
    eye.chrome.press("send").await;
    eye.look("sign_in_by_mail_wrong", "username-error").await;
    eye.chrome.fill("username", "ana@example.com").await;
    eye.chrome.press("send").await;
    eye.look("check_mail_sign_in", "verify").await;
    let link = eye.app.mail().one("ana@example.com").await.link();
    eye.chrome.goto(&link).await.unwrap();
    eye.look("sign_in_link", "go-on").await;
    eye.goto("/forgot-password").await;
    eye.look("forgot_password", "send").await;
    eye.chrome.fill("username", "ana@example.com").await;
    eye.chrome.press("send").await;
    eye.look("check_mail_reset", "check-mail").await;
    let link = eye.app.mail().one("ana@example.com").await.link();
    eye.chrome.goto(&link).await.unwrap();
    eye.look("reset_password", "set-password").await;
    eye.chrome.fill("password", wrong).await;
    eye.chrome.press("set-password").await;
    eye.look("reset_password_wrong", "password-error").await;
    eye.chrome.fill("password", FRESH).await;
    eye.chrome.press("set-password").await;
    eye.look("password_set", "password-set").await;
    eye.chrome.goto(&link).await.unwrap();
    eye.look("reset_gone", "link-gone").await;
    eye.app.ignore_mail();
    eye.done();
}

#[tokio::test]
#[ignore = "axe: tests/run brings Chromium and axe-core"]
async fn newcomers_pages_are_for_everybody() {
    newcomers_pages("en").await;
}

#[tokio::test]
#[ignore = "axe: tests/run brings Chromium and axe-core"]
async fn newcomers_pages_are_for_everybody_in_german() {
    newcomers_pages("de").await;
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
