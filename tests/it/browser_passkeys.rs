//! Chromium with an authenticator of its own (WebDriver's virtual ones): passkeys as people use them, from adding one to losing it.

use std::time::Duration;

use serde_json::{Value, json};
use thirtyfour::prelude::*;

use crate::browser::{path, sign_in, text};
use crate::support::TestApp;
use crate::support::app::Wish;
use crate::support::chrome::{Chrome, Scripts};

const ANA: &str = "ana@example.com";

/// A device in this browser that has its owner's finger on it.
pub struct Device {
    window: WebDriver,
    id: String,
}

impl Device {
    pub async fn plug(chrome: &WebDriver) -> Device {
        send(chrome, "WebAuthn.enable", json!({ "enableUI": false })).await;
        let options = json!({
            "protocol": "ctap2",
            "ctap2Version": "ctap2_1",
            "transport": "internal",
            "hasResidentKey": true,
            "hasUserVerification": true,
            "isUserVerified": true,
            "automaticPresenceSimulation": true,
        });
        let added = send(chrome, "WebAuthn.addVirtualAuthenticator", json!({ "options": options })).await;
        Device { window: chrome.clone(), id: added["authenticatorId"].as_str().unwrap().to_owned() }
    }

    async fn keys(&self) -> Vec<Value> {
        let answer = send(&self.window, "WebAuthn.getCredentials", json!({ "authenticatorId": self.id })).await;
        answer["credentials"].as_array().unwrap().clone()
    }

    /// Whether it can make sure who its owner is.
    async fn knows_its_owner(&self, is_verified: bool) {
        let state = json!({ "authenticatorId": self.id, "isUserVerified": is_verified });
        send(&self.window, "WebAuthn.setUserVerified", state).await;
    }

    /// Makes it as new: the next passkey is not on a device that has one already.
    pub async fn forget(&self) {
        send(&self.window, "WebAuthn.clearCredentials", json!({ "authenticatorId": self.id })).await;
    }
}

async fn send(chrome: &WebDriver, method: &str, parameters: Value) -> Value {
    chrome.cdp().send_raw(method, parameters).await.unwrap_or_else(|error| panic!("{method}: {error}"))
}

/// Keeps pages from offering passkeys in the field, so that the button has something to do: the device answers by itself.
pub async fn without_autofill(chrome: &WebDriver) {
    let source = "PublicKeyCredential.isConditionalMediationAvailable = () => Promise.resolve(false);";
    send(chrome, "Page.addScriptToEvaluateOnNewDocument", json!({ "source": source })).await;
}

/// Signs in and adds a passkey of this name.
async fn add(app: &TestApp, chrome: &Chrome, name: &str) {
    chrome.goto(app.url("/account/passkeys")).await.unwrap();
    chrome.fill("name", name).await;
    chrome.press("add-passkey").await;
}

async fn sign_out(app: &TestApp, chrome: &Chrome) {
    chrome.goto(app.url("/sign-out")).await.unwrap();
    chrome.press("sign-out").await;
    chrome.wait_for("signed-out").await;
}

async fn arrives_at(chrome: &Chrome, wanted: &str) {
    for _ in 0..200 {
        if path(chrome).await == wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("at {} and not {wanted}: {}", path(chrome).await, text(chrome, "main").await);
}

/// What the page says about the passkey that was not used or made.
async fn problem(chrome: &Chrome) -> String {
    for _ in 0..200 {
        if let Ok(found) = chrome.find(By::Id("passkey-problem")).await {
            let said = found.text().await.unwrap_or_default();
            if !said.is_empty() {
                return said;
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("nothing was said at {}", path(chrome).await);
}

async fn open() -> (TestApp, Chrome) {
    let app = TestApp::with(Wish { demo: true, ..Wish::default() }).await;
    app.person("ana").await;
    (app, Chrome::open(Scripts::On).await)
}

/// Adds one, is told that the device has one already, and signs in to an app by the button without typing a name.
#[tokio::test]
#[ignore = "browser: tests/run brings Chromium"]
async fn a_person_adds_a_passkey_and_uses_the_button() {
    let (app, chrome) = open().await;
    let device = Device::plug(&chrome).await;
    without_autofill(&chrome).await;
    chrome.goto(app.url("/account")).await.unwrap();
    sign_in(&chrome).await;
    arrives_at(&chrome, "/account").await;
    add(&app, &chrome, "Work laptop").await;
    chrome.wait_for("done").await;
    assert!(text(&chrome, "#passkeys").await.contains("Work laptop"));
    assert_eq!(device.keys().await.len(), 1);
    let mail = app.mail().one(ANA).await;
    assert!(mail.text.contains("The passkey “Work laptop” was added to your account."), "{}", mail.text);
    add(&app, &chrome, "Once more").await;
    assert!(problem(&chrome).await.contains("on this device already"));
    assert_eq!(device.keys().await.len(), 1);
    sign_out(&app, &chrome).await;
    chrome.goto(app.url("/demo")).await.unwrap();
    chrome.press("demo-sign-in").await;
    chrome.press("passkey").await;
    chrome.press("allow").await;
    chrome.wait_for("demo-result").await;
    let shown = text(&chrome, "main").await;
    assert!(shown.contains(ANA) && shown.contains("phr") && shown.contains("hwk"), "{shown}");
    chrome.goto(app.url("/account/passkeys")).await.unwrap();
    assert!(text(&chrome, "#passkeys").await.contains("last used just now"));
}

/// The browser offers it in the field for the address, and a person who takes it is in: here the device takes it by itself. What
/// "remember" says holds for it as well.
#[tokio::test]
#[ignore = "browser: tests/run brings Chromium"]
async fn a_person_signs_in_by_autofill() {
    let (app, chrome) = open().await;
    let device = Device::plug(&chrome).await;
    chrome.goto(app.url("/account")).await.unwrap();
    sign_in(&chrome).await;
    arrives_at(&chrome, "/account").await;
    add(&app, &chrome, "").await;
    chrome.wait_for("done").await;
    assert!(text(&chrome, "#passkeys").await.contains("Chrome on Linux"), "{}", text(&chrome, "#passkeys").await);
    app.mail().to(ANA).await;
    sign_out(&app, &chrome).await;
    chrome.goto(app.url("/sign-in")).await.unwrap();
    arrives_at(&chrome, "/account").await;
    let remembered = chrome.get_named_cookie("session").await.unwrap();
    assert!(remembered.expiry.is_some(), "the box is checked by default");
    assert_eq!(device.keys().await.len(), 1);
}

/// Step-up by passkey; another name; removed at the server and then by the device, which listens; lost, and still a way in.
#[tokio::test]
#[ignore = "browser: tests/run brings Chromium"]
async fn a_person_renames_removes_and_loses_passkeys() {
    let (app, chrome) = open().await;
    let device = Device::plug(&chrome).await;
    without_autofill(&chrome).await;
    chrome.goto(app.url("/account")).await.unwrap();
    sign_in(&chrome).await;
    arrives_at(&chrome, "/account").await;
    add(&app, &chrome, "Old").await;
    chrome.wait_for("done").await;
    app.clock.advance(700);
    chrome.goto(app.url("/account/passkeys")).await.unwrap();
    chrome.press("passkey").await;
    arrives_at(&chrome, "/account/passkeys").await;
    chrome.find(By::Css("#passkeys a")).await.unwrap().click().await.unwrap();
    chrome.fill("name", "New").await;
    chrome.press("save").await;
    chrome.wait_for("done").await;
    assert!(text(&chrome, "#passkeys").await.contains("New"));
    // An operator's hand, or another device: the person only sees that it does not work any more.
    let user = crate::account_pages::person(&app, ANA).await.unwrap();
    let id = user.id.clone();
    app.desk().db.write(async move |tx| vouchsafe::store::passkeys::forget_for_user(tx, &id).await).await.unwrap();
    sign_out(&app, &chrome).await;
    chrome.goto(app.url("/sign-in")).await.unwrap();
    chrome.press("passkey").await;
    chrome.wait_for("problem").await;
    assert!(text(&chrome, "#problem").await.contains("not known here any more"));
    for _ in 0..100 {
        if device.keys().await.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(device.keys().await.is_empty(), "the browser was told, and forgot it");
    // The password is still there; a new passkey takes the place of the lost one, and goes again.
    sign_in(&chrome).await;
    arrives_at(&chrome, "/account").await;
    add(&app, &chrome, "Another").await;
    chrome.wait_for("done").await;
    chrome.find(By::Css("#passkeys a")).await.unwrap().click().await.unwrap();
    chrome.press("remove").await;
    chrome.press("confirm").await;
    chrome.wait_for("done").await;
    assert!(!chrome.has("passkeys").await);
    app.ignore_mail();
}

/// A device that cannot make sure who is there, and none at all: the page says so and nothing is changed; in German as well.
#[tokio::test]
#[ignore = "browser: tests/run brings Chromium"]
async fn a_passkey_that_does_not_work() {
    let (app, chrome) = open().await;
    let device = Device::plug(&chrome).await;
    without_autofill(&chrome).await;
    chrome.goto(app.url("/account")).await.unwrap();
    sign_in(&chrome).await;
    arrives_at(&chrome, "/account").await;
    device.knows_its_owner(false).await;
    add(&app, &chrome, "Broken").await;
    assert!(problem(&chrome).await.contains("No passkey was made"));
    assert!(!chrome.has("passkeys").await);
    sign_out(&app, &chrome).await;
    chrome.goto(app.url("/sign-in")).await.unwrap();
    chrome.find(By::Css("button[name=lang][value=de]")).await.unwrap().click().await.unwrap();
    chrome.query(By::Css("html[lang=de]")).first().await.unwrap();
    chrome.press("passkey").await;
    let said = problem(&chrome).await;
    assert!(said.contains("kein Passkey verwendet"), "{said}");
    sign_in(&chrome).await;
    arrives_at(&chrome, "/account").await;
}

/// Where no script runs, the page says that passkeys need one.
#[tokio::test]
#[ignore = "browser: tests/run brings Chromium"]
async fn passkeys_without_scripts() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let chrome = Chrome::open(Scripts::Off).await;
    chrome.goto(app.url("/sign-in")).await.unwrap();
    assert!(text(&chrome, "main").await.contains("Passkeys need JavaScript"));
    chrome.press("passkey").await;
    chrome.wait_for("problem").await;
    assert!(text(&chrome, "#problem").await.contains("Passkeys need JavaScript"));
    sign_in(&chrome).await;
    arrives_at(&chrome, "/account").await;
}

/// The password, and then the passkey: on the way to the account, and again after another way was looked at.
#[tokio::test]
#[ignore = "browser: tests/run brings Chromium"]
async fn a_passkey_as_second_factor() {
    let (app, chrome) = open().await;
    let _device = Device::plug(&chrome).await;
    without_autofill(&chrome).await;
    chrome.goto(app.url("/account")).await.unwrap();
    sign_in(&chrome).await;
    arrives_at(&chrome, "/account").await;
    add(&app, &chrome, "Work laptop").await;
    chrome.wait_for("done").await;
    sign_out(&app, &chrome).await;
    chrome.goto(app.url("/demo")).await.unwrap();
    chrome.press("demo-sign-in").await;
    sign_in(&chrome).await;
    chrome.wait_for("how").await;
    assert!(text(&chrome, "main").await.contains("Confirm with the passkey"));
    chrome.press("another-way").await;
    assert!(text(&chrome, "#ways").await.contains("Work laptop"));
    chrome.press("way-passkey").await;
    chrome.press("verify").await;
    chrome.press("allow").await;
    chrome.wait_for("demo-result").await;
    let shown = text(&chrome, "main").await;
    assert!(shown.contains("phr") && shown.contains("pwd"), "{shown}");
    app.ignore_mail();
}

/// The same in German: added, used by the button, asked for as the second factor, and renamed.
#[tokio::test]
#[ignore = "browser: tests/run brings Chromium"]
async fn passkeys_in_german() {
    let (app, chrome) = open().await;
    let device = Device::plug(&chrome).await;
    without_autofill(&chrome).await;
    chrome.goto(app.url("/account")).await.unwrap();
    chrome.find(By::Css("button[name=lang][value=de]")).await.unwrap().click().await.unwrap();
    chrome.query(By::Css("html[lang=de]")).first().await.unwrap();
    sign_in(&chrome).await;
    arrives_at(&chrome, "/account").await;
    add(&app, &chrome, "").await;
    chrome.wait_for("done").await;
    assert!(text(&chrome, "#passkeys").await.contains("Chrome unter Linux"), "{}", text(&chrome, "#passkeys").await);
    sign_out(&app, &chrome).await;
    chrome.goto(app.url("/account")).await.unwrap();
    chrome.press("passkey").await;
    arrives_at(&chrome, "/account").await;
    sign_out(&app, &chrome).await;
    chrome.goto(app.url("/account")).await.unwrap();
    sign_in(&chrome).await;
    chrome.wait_for("another-way").await;
    chrome.press("verify").await;
    arrives_at(&chrome, "/account").await;
    chrome.goto(app.url("/account/passkeys")).await.unwrap();
    chrome.find(By::Css("#passkeys a")).await.unwrap().click().await.unwrap();
    chrome.fill("name", "Arbeit").await;
    chrome.press("save").await;
    chrome.wait_for("done").await;
    assert!(text(&chrome, "#passkeys").await.contains("Arbeit"));
    assert_eq!(device.keys().await.len(), 1);
    app.ignore_mail();
}
