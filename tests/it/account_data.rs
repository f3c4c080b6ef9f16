//! Protects what people read of their own account: the history in words, page by page, and the file with everything. Also that
//! every act has its line, and that a copied sign-in to an app is told to its owner (RT-01).

use std::path::Path;

use vouchsafe::base::{Id, Timestamp};
use vouchsafe::store::audit::{self, AuditEvent, OF_PEOPLE, OF_THE_HOUSE};

use crate::support::app::PASSWORD;
use crate::support::{Browser, Rp, TestApp};

/// Kinds as they are written in the sources: the first argument of whatever makes an event.
fn written(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            written(&path, found);
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        for maker in ["audit(", "audit_at(", "event(", "record("] {
            for call in code.split(maker).skip(1) {
                let call = call.trim_start().trim_start_matches("desk,").trim_start();
                let Some(kind) = call.strip_prefix('"').and_then(|rest| rest.split('"').next()) else { continue };
                found.push((kind.to_owned(), path.display().to_string()));
            }
        }
    }
}

/// Every kind that is written anywhere is in one of the two lists, of which one has words in each language.
#[test]
fn every_kind_is_listed() {
    let mut found = Vec::new();
    written(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    assert!(found.len() > 25, "only {} were seen", found.len());
    for (kind, file) in found {
        assert!(OF_PEOPLE.contains(&kind.as_str()) || OF_THE_HOUSE.contains(&kind.as_str()), "{file} writes {kind}");
    }
}

async fn happen(app: &TestApp, user: &Id, kind: &str, at: Timestamp) {
    let id = Id::new(&app.clock, &app.provider.random).unwrap();
    let event = AuditEvent {
        at,
        kind: kind.to_owned(),
        actor: "house".to_owned(),
        user_id: Some(user.clone()),
        client_id: None,
        address: None,
        detail: serde_json::Value::Null,
    };
    app.provider.db.write(async move |tx| audit::write(tx, &id, &event).await).await.unwrap();
}

/// Acts are told in words with app, browser, network and time; what others did to the account too, what others did to theirs not.
#[tokio::test]
async fn history_in_words() {
    let app = TestApp::start().await;
    let ana = app.person("ana").await;
    app.person("bob").await;
    let rp = Rp::web(&app, "Wiki").await;
    let (mut browser, mut german) = (Browser::new(), Browser::reading("de"));
    let stranger = browser.get(&app.url("/account/history")).await;
    assert!(stranger.leaves_for(&app.url("/sign-in")));
    rp.tokens(&mut browser, "ana").await;
    app.sign_in(&mut Browser::new(), "bob").await;
    app.clock.advance(3 * 3600);
    happen(&app, &ana.id, "from_the_future", app.clock.now()).await;
    let page = browser.get(&app.url("/account/history")).await;
    assert_eq!(page.status, 200);
    let mut sentences = page.texts("#history b");
    assert_eq!(sentences.remove(0), "Something happened that this page has no words for yet", "the newest");
    // The others happened at the same moment.
    sentences.sort();
    let told = [
        "An app fetched what you had allowed it",
        "An app was given what you had allowed it",
        "You gave an app permission",
        "You signed in",
        "Your account was made",
    ];
    assert_eq!(sentences, told);
    let mut rows = page.texts("#history .what");
    rows.sort();
    assert!(rows[1].starts_with(told[1]), "{rows:?}");
    assert!(rows[1].contains("App: Wiki · from 127.0.0.0/24") && rows[1].contains("3 hours ago"), "{}", rows[1]);
    assert!(rows[4].contains("Unknown browser") && rows[4].contains("UTC"), "{}", rows[4]);
    assert!(rows[5].contains("by an administrator"), "{}", rows[5]);
    assert!(!page.body.contains(ana.id.as_str()), "ids of rows stay in the house");
    app.clock.advance(1);
    app.sign_in(&mut german, "ana").await;
    let page = german.get(&app.url("/account/history")).await;
    assert_eq!(page.text("h1"), "Sicherheitsverlauf");
    assert_eq!(page.texts("#history b")[0], "Sie haben sich angemeldet");
}

/// Fifty events a page, newest first; what happens again and again in a row is one line; there is no page 0, 101 or x.
#[tokio::test]
async fn history_in_pages() {
    let app = TestApp::start().await;
    let ana = app.person("ana").await;
    let mut browser = Browser::new();
    app.sign_in(&mut browser, "ana").await;
    for number in 0..60 {
        app.clock.advance(1);
        happen(&app, &ana.id, if number % 2 == 0 { "sign_out" } else { "throttled" }, app.clock.now()).await;
    }
    for _ in 0..3 {
        app.clock.advance(1);
        happen(&app, &ana.id, "token_refreshed", app.clock.now()).await;
    }
    let first = browser.get(&app.url("/account/history")).await;
    let rows = first.texts("#history .what");
    assert_eq!(rows.len(), 48, "47 alternating, and three alike as one");
    assert!(rows[0].contains("An app renewed its access") && rows[0].contains("3 times in a row"), "{}", rows[0]);
    assert!(!first.has("newer"));
    let older = first.attributes("#older", "href").remove(0);
    assert_eq!(older, "/account/history?page=2");
    let second = browser.get(&app.url(&older)).await;
    assert_eq!(second.texts("#history .what").len(), 15, "13 more, the sign-in and the account");
    assert!(second.has("newer") && !second.has("older"));
    assert_eq!(browser.get(&app.url("/account/history?page=100")).await.status, 200);
    for wrong in ["0", "101", "-1", "x", "1&page=2"] {
        let page = browser.get(&app.url(&format!("/account/history?page={wrong}"))).await;
        assert_eq!(page.status, 404, "{wrong}");
    }
}

/// The file holds what the house knows and nothing that it must not tell; it takes a sign-in of the last ten minutes.
#[tokio::test]
async fn download() {
    let app = TestApp::start().await;
    let ana = app.person("ana").await;
    let rp = Rp::web(&app, "Wiki").await;
    let mut browser = Browser::new();
    let tokens = rp.tokens(&mut browser, "ana").await;
    let page = browser.visit(&app.url("/account/data")).await;
    assert!(page.has("download"), "{}", page.body);
    let file = browser.submit(&page, "download", &[]).await;
    assert_eq!((file.status, file.header("content-type")), (200, Some("application/json")));
    assert_eq!(file.header("content-disposition"), Some("attachment; filename=\"account-data.json\""));
    assert_eq!(file.header("cache-control"), Some("no-store"));
    let all = file.json();
    assert_eq!(all["profile"]["sub"], ana.sub.as_str());
    assert_eq!(all["profile"]["address"]["locality"], "Berlin");
    assert_eq!(all["addresses"][0]["email"], "ana@example.com");
    assert_eq!(all["sessions"].as_array().unwrap().len(), 1);
    assert_eq!(all["known_devices"].as_array().unwrap().len(), 1);
    assert_eq!((&all["consents"][0]["name"], &all["apps"][0]["name"]), (&"Wiki".into(), &"Wiki".into()));
    assert_eq!(all["apps"][0]["permissions"][0]["scope"], "openid profile email offline_access");
    let by = |event: &serde_json::Value| format!("{} {}", event["kind"].as_str().unwrap(), event["by"].as_str().unwrap());
    let mut told: Vec<String> = all["history"].as_array().unwrap().iter().map(by).collect();
    told.sort();
    let kinds = ["authorization you", "code_redeemed app", "consent_given you", "sign_in you", "user_added operator"];
    assert_eq!(told, kinds);
    let row = async |text: &'static str| {
        format!("{:?}", app.provider.db.conn().fetch(vouchsafe::store::sql(text)).await.unwrap().unwrap())
    };
    let secrets = [
        row("SELECT phc FROM password_hashes").await,
        row("SELECT token_hash FROM sessions").await,
        row("SELECT browser_hash FROM sessions").await,
        row("SELECT id FROM sessions").await,
        row("SELECT id FROM grants").await,
        row("SELECT id FROM users").await,
        row("SELECT id FROM audit_events").await,
    ];
    for secret in secrets {
        let secret = secret.split('"').nth(1).unwrap_or_else(|| panic!("{secret}")).to_owned();
        assert!(secret.len() > 15 && !file.body.contains(&secret), "{secret}");
    }
    for secret in [tokens.text("refresh_token"), browser.cookie("session").unwrap().value.clone()] {
        assert!(!file.body.contains(&secret));
    }
    assert_eq!(app.audited("data_exported").await, 1);

    app.clock.advance(600);
    let asked = browser.visit(&app.url("/account/data")).await;
    assert!(asked.has("sign-in") && !asked.has("download"), "{}", asked.body);
    let stale = browser.submit(&page, "download", &[]).await;
    assert!(stale.has("sign-in"), "{}", stale.body);
    assert_eq!(app.audited("data_exported").await, 1);
    let fields = [("username", "ana@example.com"), ("password", PASSWORD)];
    let back = browser.submit(&asked, "sign-in", &fields).await;
    assert!(back.has("download") && back.url.path() == "/account/data", "{} {}", back.url, back.body);
    let nobody = Browser::new().visit(&app.url("/account/data")).await;
    assert!(nobody.has("sign-in"), "{}", nobody.body);
}

/// RT-01: who uses an old refresh token ends the family, and its owner hears of it once in an hour, by app; a mistake of the
/// app, and a token that is dead already, are told to nobody.
#[tokio::test]
async fn a_copied_refresh_token_is_told() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let (wiki, mail) = (Rp::web(&app, "Wiki").await, Rp::web(&app, "Mail").await);
    let mut browser = Browser::new();
    let reuse = async |rp: &Rp, browser: &mut Browser| {
        let first = rp.tokens(browser, "ana").await.text("refresh_token");
        assert_eq!(rp.refresh(&first).await.status, 200);
        app.mail().none("ana@example.com").await;
        app.clock.advance(31);
        assert_eq!(rp.refresh(&first).await.error(), "invalid_grant");
        first
    };
    let first = reuse(&wiki, &mut browser).await;
    let told = app.mail().one("ana@example.com").await;
    assert!(told.text.contains("Wiki"), "{}", told.text);
    assert_eq!(wiki.refresh(&first).await.error(), "invalid_grant");
    reuse(&wiki, &mut browser).await;
    app.mail().none("ana@example.com").await;
    reuse(&mail, &mut browser).await;
    assert!(app.mail().one("ana@example.com").await.text.contains("Mail"), "each app counts for itself");
    app.clock.advance(3600);
    reuse(&wiki, &mut browser).await;
    assert!(app.mail().one("ana@example.com").await.text.contains("Wiki"));
    let page = browser.get(&app.url("/account/history")).await;
    assert!(page.body.contains("Somebody used a copy of an app"), "{}", page.body);

    let code = wiki.code(&mut browser, "ana").await;
    let fields = [("grant_type", "authorization_code"), ("code", code.as_str()), ("redirect_uri", "https://app.test/other")];
    assert_eq!(wiki.post("/token", &fields).await.error(), "invalid_grant");
    app.mail().none("ana@example.com").await;
    app.clock.advance(3600);
    let code = wiki.code(&mut browser, "ana").await;
    assert_eq!(wiki.exchange(&code).await.status, 200);
    assert_eq!(wiki.exchange(&code).await.error(), "invalid_grant");
    assert!(app.mail().one("ana@example.com").await.text.contains("Wiki"), "a code that is used twice");
}

/// Whose session ends because somebody else signs in here reads that in their own history.
#[tokio::test]
async fn a_session_that_is_replaced_is_told() {
    let app = TestApp::start().await;
    let ana = app.person("ana").await;
    app.person("bob").await;
    let mut browser = Browser::new();
    app.sign_in(&mut browser, "ana").await;
    let rp = Rp::web(&app, "Wiki").await;
    let page = browser.visit(&rp.begin(&rp.flow().with("prompt", "login"))).await;
    assert_eq!(app.audited("session_replaced").await, 0);
    app.clock.advance(1);
    browser.submit(&page, "sign-in", &[("username", "bob@example.com"), ("password", PASSWORD)]).await;
    let filter = audit::Filter { user_id: Some(ana.id), limit: 1, ..audit::Filter::default() };
    let newest = audit::list(&mut app.provider.db.conn(), &filter).await.unwrap().remove(0);
    assert_eq!(newest.kind, "session_replaced");
}
