//! Chromium on the way to another provider and back: the demo's two stand-ins, with scripts and without.

use thirtyfour::prelude::*;

use crate::browser::{path, text};
use crate::support::TestApp;
use crate::support::app::PASSWORD;
use crate::support::chrome::{Chrome, Scripts};
use crate::support::program::Program;
use crate::support::upstream::{Instead, Upstream, house};

/// The real `vouchsafe demo`, and a window at the sign-in page of its app.
struct Demo {
    _folder: tempfile::TempDir,
    _program: Program,
    facts: serde_json::Value,
    chrome: Chrome,
}

impl Demo {
    async fn open(scripts: Scripts) -> Demo {
        let folder = tempfile::tempdir().unwrap();
        let mut program = Program::start(&["demo", "--json", "--listen", "127.0.0.1:0"], folder.path());
        let facts = program.first_line();
        let chrome = Chrome::open(scripts).await;
        let demo = Demo { _folder: folder, _program: program, facts, chrome };
        demo.begin().await;
        demo
    }

    async fn begin(&self) {
        self.chrome.goto(self.facts["demo_url"].as_str().unwrap()).await.unwrap();
        self.chrome.press("demo-sign-in").await;
    }

    async fn by(&self, id: &str, who: &str) {
        self.chrome.press(&format!("upstream-{id}")).await;
        self.chrome.press(&format!("as-{who}")).await;
    }

    async fn is_back_as(&self, address: &str) {
        self.chrome.wait_for("demo-result").await;
        let shown = text(&self.chrome, "main").await;
        assert!(shown.contains(address), "{shown}");
    }
}

/// A new person by each provider, who is known the next time.
async fn new_person(scripts: Scripts) {
    for id in ["google", "github"] {
        let demo = Demo::open(scripts).await;
        demo.by(id, "new").await;
        demo.chrome.press("allow").await;
        demo.is_back_as("nia@example.net").await;
        demo.chrome.delete_all_cookies().await.unwrap();
        demo.begin().await;
        demo.by(id, "new").await;
        demo.is_back_as("nia@example.net").await;
    }
}

#[tokio::test]
#[ignore = "browser: tests/run brings Chromium"]
async fn a_new_person_comes_by_another_provider() {
    new_person(Scripts::On).await;
}

#[tokio::test]
#[ignore = "browser: tests/run brings Chromium"]
async fn a_new_person_comes_by_another_provider_without_scripts() {
    new_person(Scripts::Off).await;
}

/// Somebody with an account: they sign in once, connect, come back by the button, and disconnect.
#[tokio::test]
#[ignore = "browser: tests/run brings Chromium"]
async fn a_person_connects_and_disconnects() {
    let demo = Demo::open(Scripts::On).await;
    let password = demo.facts["users"][0]["password"].as_str().unwrap();
    demo.by("google", "known").await;
    demo.chrome.wait_for("connect-first").await;
    demo.chrome.fill("password", password).await;
    demo.chrome.press("sign-in").await;
    demo.chrome.press("connect").await;
    demo.chrome.press("allow").await;
    demo.is_back_as("ana@example.com").await;
    demo.chrome.delete_all_cookies().await.unwrap();
    demo.begin().await;
    demo.by("google", "known").await;
    demo.is_back_as("ana@example.com").await;
    let issuer = demo.facts["issuer"].as_str().unwrap();
    demo.chrome.goto(format!("{issuer}/account/identities")).await.unwrap();
    // The other one, from the account page.
    demo.by("github", "known").await;
    demo.chrome.query(By::Css("[role=status]")).first().await.unwrap();
    assert!(text(&demo.chrome, "main").await.contains("GitHub"));
    demo.chrome.find(By::Css(".rows a")).await.unwrap().click().await.unwrap();
    demo.chrome.press("confirm").await;
    demo.chrome.query(By::Css("[role=status]")).first().await.unwrap();
    assert_eq!(demo.chrome.find_all(By::Css(".rows a")).await.unwrap().len(), 1);
}

/// Turning back and having no address: the person is told, and finds another way.
#[tokio::test]
#[ignore = "browser: tests/run brings Chromium"]
async fn a_person_turns_back_and_finds_another_way() {
    let demo = Demo::open(Scripts::Off).await;
    demo.by("google", "cancel").await;
    demo.chrome.wait_for("support-code").await;
    demo.chrome.find(By::Css("a.button")).await.unwrap().click().await.unwrap();
    demo.by("github", "shy").await;
    demo.chrome.fill("username", "shy@example.net").await;
    demo.chrome.press("send").await;
    demo.chrome.wait_for("check-mail").await;
    let issuer = demo.facts["issuer"].as_str().unwrap();
    let mut all = String::new();
    for _ in 0..100 {
        all = reqwest::get(format!("{issuer}/demo/inbox.json")).await.unwrap().text().await.unwrap();
        if all.contains("/finish-sign-in/") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let at = all.find("/finish-sign-in/").unwrap_or_else(|| panic!("{all}"));
    let token: String = all[at..].chars().take_while(|c| c.is_ascii_alphanumeric() || "/-_".contains(*c)).collect();
    demo.chrome.goto(format!("{issuer}{token}")).await.unwrap();
    demo.chrome.press("go-on").await;
    demo.chrome.press("allow").await;
    demo.is_back_as("shy@example.net").await;
}

/// Two tabs on the way to two providers do not disturb each other.
#[tokio::test]
#[ignore = "browser: tests/run brings Chromium"]
async fn two_tabs() {
    let demo = Demo::open(Scripts::On).await;
    let first = demo.chrome.window().await.unwrap();
    demo.chrome.press("upstream-google").await;
    demo.chrome.wait_for("as-new").await;
    let second = demo.chrome.new_tab().await.unwrap();
    demo.chrome.switch_to_window(second).await.unwrap();
    demo.begin().await;
    demo.by("github", "new").await;
    demo.chrome.press("allow").await;
    demo.is_back_as("nia@example.net").await;
    demo.chrome.switch_to_window(first).await.unwrap();
    demo.chrome.press("as-new").await;
    // The same address by the other provider: it is theirs once they say so, having signed in by the first.
    demo.chrome.wait_for("connect-first").await;
}

/// A provider that is down: its button says so, and the password stays.
#[tokio::test]
#[ignore = "browser: tests/run brings Chromium"]
async fn a_provider_is_down() {
    let app: TestApp = house(&[]).await;
    app.person("ana").await;
    let up = Upstream::connected(&app, "corp", vouchsafe::federation::Kind::Oidc, Default::default()).await;
    up.will(|b| drop(b.instead.insert("/.well-known/openid-configuration".to_owned(), Instead::Status(503))));
    let chrome = Chrome::open(Scripts::Off).await;
    for _ in 0..3 {
        chrome.goto(app.url("/sign-in")).await.unwrap();
        chrome.press("upstream-corp").await;
        chrome.wait_for("support-code").await;
    }
    chrome.find(By::Css("a.button")).await.unwrap().click().await.unwrap();
    chrome.wait_for("upstream-corp-down").await;
    assert!(!chrome.find(By::Id("upstream-corp")).await.unwrap().is_enabled().await.unwrap());
    chrome.fill("username", "ana@example.com").await;
    chrome.fill("password", PASSWORD).await;
    chrome.press("sign-in").await;
    chrome.wait_for("sessions").await;
    assert_eq!(path(&chrome).await, "/account");
    app.ignore_mail();
}

/// From the account page to a provider of another origin: the page's own policy must not stop what follows its form (decision 15).
#[tokio::test]
#[ignore = "browser: tests/run brings Chromium"]
async fn connecting_leaves_the_origin() {
    let app: TestApp = house(&[]).await;
    app.person("ana").await;
    let up = Upstream::connected(&app, "corp", vouchsafe::federation::Kind::Oidc, Default::default()).await;
    up.says(serde_json::json!({ "sub": "1", "email": "elsewhere@example.net", "email_verified": true }));
    let chrome = Chrome::open(Scripts::Off).await;
    chrome.goto(app.url("/account/identities")).await.unwrap();
    chrome.fill("username", "ana@example.com").await;
    chrome.fill("password", PASSWORD).await;
    chrome.press("sign-in").await;
    chrome.wait_for("sessions").await;
    chrome.goto(app.url("/account/identities")).await.unwrap();
    chrome.press("upstream-corp").await;
    chrome.query(By::Css("[role=status]")).first().await.unwrap();
    assert!(text(&chrome, "main").await.contains("elsewhere@example.net"));
    app.ignore_mail();
}

/// In German and without scripts: somebody whose address has an account signs in to it, and rather connects nothing.
#[tokio::test]
#[ignore = "browser: tests/run brings Chromium"]
async fn a_person_connects_nothing_in_german() {
    let demo = Demo::open(Scripts::Off).await;
    demo.chrome.find(By::Css("button[name=lang][value=de]")).await.unwrap().click().await.unwrap();
    demo.chrome.query(By::Css("html[lang=de]")).first().await.unwrap();
    assert!(text(&demo.chrome, "#upstream-google").await.contains("Weiter mit"));
    demo.by("google", "known").await;
    demo.chrome.wait_for("connect-first").await;
    assert!(text(&demo.chrome, "#connect-first").await.contains("Hier gibt es schon ein Konto"));
    demo.chrome.fill("password", demo.facts["users"][0]["password"].as_str().unwrap()).await;
    demo.chrome.press("sign-in").await;
    demo.chrome.wait_for("not-now").await;
    assert!(text(&demo.chrome, "main").await.contains("ana@example.com"), "the question names the account");
    demo.chrome.press("not-now").await;
    demo.chrome.press("allow").await;
    demo.is_back_as("ana@example.com").await;
    let issuer = demo.facts["issuer"].as_str().unwrap();
    demo.chrome.goto(format!("{issuer}/account/identities")).await.unwrap();
    demo.chrome.wait_for("upstream-google").await;
    assert!(demo.chrome.find_all(By::Css(".rows a")).await.unwrap().is_empty());
}

/// A provider that says no time: for what matters the person confirms here, and comes to the page that they wanted.
#[tokio::test]
#[ignore = "browser: tests/run brings Chromium"]
async fn a_person_confirms_here() {
    let app: TestApp = house(&[]).await;
    let hub = Upstream::connected(&app, "hub", vouchsafe::federation::Kind::GitHub, Default::default()).await;
    let chrome = Chrome::open(Scripts::Off).await;
    chrome.goto(app.url("/sign-in")).await.unwrap();
    chrome.press("upstream-hub").await;
    chrome.wait_for("sessions").await;
    app.mail().to("ana@example.com").await;
    app.clock.advance(3600);
    chrome.goto(app.url("/account/password")).await.unwrap();
    chrome.press("upstream-hub").await;
    chrome.wait_for("confirm-first").await;
    assert_eq!(hub.heard("/login/oauth/authorize").len(), 2);
    chrome.press("by-mail").await;
    chrome.press("send").await;
    chrome.wait_for("check-mail").await;
    let code = app.mail().one("ana@example.com").await.code();
    chrome.fill("code", &code).await;
    chrome.press("verify").await;
    chrome.wait_for("change-password").await;
    app.ignore_mail();
}
