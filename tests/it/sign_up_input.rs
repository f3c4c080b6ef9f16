//! What bad input gets on the way to an account: battery rows EM-14, PW-13, PW-17, SE-04; the operator's choice of who may come;
//! and how heavy the pages are.

use crate::support::app::Wish;
use crate::support::journey::FRESH;
use crate::support::{Browser, Initiator, Rp, TestApp};

const UNA: &str = "una@example.com";

async fn house(settings: &[(&str, &str)]) -> TestApp {
    let settings = [&[("SIGN_UP__MODE", "open")][..], settings].concat();
    TestApp::with(Wish { settings: &settings, ..Wish::default() }).await
}

/// PW-17, PW-13: each field says what is wrong with it, in the same way on both databases; nothing is stored, nothing is sent, and
/// what was typed comes back but for the password.
#[tokio::test]
async fn each_field_is_checked() {
    let app = house(&[]).await;
    let mut browser = Browser::new();
    let form = browser.visit(&app.url("/sign-up")).await;
    let long = "x".repeat(1001);
    let many = "\u{e9}".repeat(129);
    let before = app.rows().await;
    for (username, name, password, errors) in [
        ("", "Una", FRESH, &["username-error"][..]),
        ("una", "Una", FRESH, &["username-error"]),
        ("una@127.0.0.1", "Una", FRESH, &["username-error"]),
        (&format!("una@{long}.com"), "Una", FRESH, &["username-error"]),
        ("un\u{202e}a@example.com", "Una", FRESH, &["username-error"]),
        (UNA, "U\r\nBcc: eve@evil.test", FRESH, &["name-error"]),
        (UNA, "Una\u{202e}anU", FRESH, &["name-error"]),
        (UNA, "U\u{7}na", FRESH, &["name-error"]),
        (UNA, &long, FRESH, &["name-error"]),
        (UNA, "Una", "", &["password-error"]),
        (UNA, "Una", "7 chars", &["password-error"]),
        (UNA, "Una", "password1", &["password-error"]),
        (UNA, "Una", "una@example.com", &["password-error"]),
        (UNA, "Una Example Person", "una example person", &["password-error"]),
        (UNA, "Una", &many, &["password-error"]),
        ("una", "U\u{7}", "short", &["username-error", "name-error", "password-error"]),
    ] {
        let page = browser.press(&form, "sign-up", &[("username", username), ("name", name), ("password", password)]).await;
        assert_eq!((page.status, page.has("problem")), (400, true), "{username:?} {name:?} {password:?}");
        for id in ["username-error", "name-error", "password-error"] {
            assert_eq!(page.has(id), errors.contains(&id), "{id} of {username:?} {name:?} {password:?}");
        }
        let sent = page.form("sign-up");
        assert_eq!((sent.get("username"), sent.get("password")), (Some(username.trim()), Some("")));
        assert!(password.is_empty() || !page.body.contains(&format!(">{password}<")), "a password never comes back");
    }
    // No form at all: doubled, NUL, broken bytes, too long, from elsewhere.
    let body = form.form("sign-up").body();
    for (suffix, status) in
        [("&username=x", 400), ("&more=%00", 400), ("&more=%ff", 400), ("&more=%ed%a0%80", 400), ("&more=%c0%af", 400)]
    {
        let action = &form.form("sign-up").action;
        let page = browser.request(Initiator::SameOrigin, reqwest::Method::POST, action, Some(format!("{body}{suffix}"))).await;
        assert_eq!(page.status, status, "{suffix}");
    }
    let fields = form.form("sign-up");
    let fields: Vec<(&str, &str)> = fields.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let action = form.form("sign-up").action;
    assert_eq!(browser.post(Initiator::Site("https://evil.test"), action.as_str(), &fields).await.status, 403);
    assert_eq!(browser.post(Initiator::SameOrigin, action.as_str(), &fields[1..]).await.status, 403, "no token");
    app.untouched(&before, "bad input").await;
    app.mail().none(UNA).await;
    // The positive twins: emoji, spaces and accents in a password, any letters in a name, and no name.
    for (address, name, password) in [
        (UNA, "\u{dc}n\u{e4} O\u{2019}Connor-\u{674e}", "\u{1f98a} runs \u{e9}t\u{e9} 7 hills"),
        ("two@example.com", "", "qmzvhrtplxwgkcb"),
    ] {
        let page = browser.submit(&form, "sign-up", &[("username", address), ("name", name), ("password", password)]).await;
        assert!(page.has("check-mail"), "{}", page.body);
        let link = app.mail().one(address).await.link();
        Browser::new().open_and_press(&link).await;
        let mut other = Browser::new();
        let page = other.visit(&app.url("/account")).await;
        let page = other.submit(&page, "sign-in", &[("username", address), ("password", password)]).await;
        assert!(page.url.path().ends_with("/account"), "{}", page.body);
    }
}

/// A password that is too weak is answered with suggestions, in German for who reads German.
#[tokio::test]
async fn suggestions_are_german() {
    let app = house(&[("PASSWORD__MIN_SCORE", "4")]).await;
    for (language, advice) in [("de", "Fügen Sie"), ("en", "Add ")] {
        let mut browser = Browser::reading(language);
        let form = browser.visit(&app.url("/sign-up")).await;
        let page = browser.press(&form, "sign-up", &[("username", UNA), ("password", "elephants")]).await;
        assert_eq!(page.status, 400);
        assert!(page.texts("#password-hints li").iter().any(|hint| hint.starts_with(advice)), "{language}: {}", page.body);
        assert_eq!(page.attributes("html", "lang"), [language]);
    }
}

/// EM-14: HTML in a name stays text in the mail, an address in it is no link, and there is one recipient.
#[tokio::test]
async fn names_stay_names_in_mail() {
    let app = house(&[]).await;
    let mut browser = Browser::new();
    for (number, name) in
        ["<b>Una</b><img src=x onerror=alert(1)>", "Visit https://evil.test/x now", "\"><a href=//evil.test>", "{{ 7*7 }}"]
            .iter()
            .enumerate()
    {
        let address = format!("una{number}@example.com");
        let form = browser.visit(&app.url("/sign-up")).await;
        let page = browser.submit(&form, "sign-up", &[("username", &address), ("name", name), ("password", FRESH)]).await;
        assert!(page.has("check-mail"), "{}", page.body);
        let mail = app.mail().one(&address).await;
        for bad in ["<b>Una", "<img", "https://evil", "//evil.test", "evil.test/x"] {
            assert!(!mail.html.contains(bad) && !mail.text.contains(bad), "{bad} in {}", mail.html);
        }
        assert_eq!(mail.text.contains("7*7"), number == 3, "a name is no template: {}", mail.text);
        assert_eq!(mail.raw.to_lowercase().matches("\r\nto:").count(), 1, "{}", mail.raw);
        assert!(!mail.raw.to_lowercase().contains("\r\nbcc:"), "{}", mail.raw);
        assert!(mail.links().iter().all(|link| link.starts_with(&app.issuer)));
    }
}

/// The form of a request that is too old begins it anew; nothing is lost but what was typed, and nobody is signed up.
#[tokio::test]
async fn an_old_form_begins_anew() {
    let app = house(&[]).await;
    let rp = Rp::web(&app, "web").await;
    let mut browser = Browser::new();
    let form = browser.visit(&rp.begin(&rp.flow().with("prompt", "create"))).await;
    for (seconds, is_late) in [(3599, false), (1, true)] {
        app.clock.advance(seconds);
        let page = browser.sign_up(&form, "una", FRESH).await;
        assert_eq!(page.has("problem"), !is_late, "{seconds}");
        assert!(page.has("sign-up"), "{}", page.body);
        assert_eq!(page.url == form.url, !is_late);
        if is_late {
            assert!(browser.sign_up(&page, UNA, FRESH).await.has("check-mail"));
        }
    }
    app.mail().one(UNA).await;
    assert_eq!(app.count("SELECT COUNT(*) FROM users").await, 1);
}

/// Only addresses of the operator's domains may sign up; an address below or beside one is another.
#[tokio::test]
async fn domains_are_the_operators() {
    let app = house(&[("SIGN_UP__DOMAINS", "example.com,b\u{fc}cher.example")]).await;
    let mut browser = Browser::new();
    let form = browser.visit(&app.url("/sign-up")).await;
    for (address, taken) in [
        ("una@elsewhere.test", false),
        ("una@sub.example.com", false),
        ("una@notexample.com", false),
        ("una@example.com.evil.test", false),
        ("una@example.co", false),
        ("una@EXAMPLE.com", true),
        ("una@xn--bcher-kva.example", true),
        ("two@B\u{dc}CHER.example", true),
    ] {
        let page = browser.submit(&form, "sign-up", &[("username", address), ("name", ""), ("password", FRESH)]).await;
        assert_eq!((page.has("check-mail"), page.has("username-error")), (taken, !taken), "{address}");
    }
    assert_eq!(app.count("SELECT COUNT(*) FROM users").await, 3);
    app.ignore_mail();
}

/// Off is off: no page, no form, no link to it, no prompt, no metadata; by invitation it is no more open to strangers.
#[tokio::test]
async fn sign_up_can_be_off() {
    for mode in ["open", "off", "invitation"] {
        let app = TestApp::with(Wish { settings: &[("SIGN_UP__MODE", mode)], ..Wish::default() }).await;
        let open = mode == "open";
        let rp = Rp::web(&app, "web").await;
        let mut browser = Browser::new();
        assert_eq!(browser.get(&app.url("/sign-up")).await.status, if open { 303 } else { 404 }, "{mode}");
        let page = browser.visit(&app.url("/account")).await;
        assert_eq!(page.has("create"), open, "{mode}");
        let address = page.url.as_str().replace("/sign-in/", "/sign-up/");
        assert_eq!(browser.get(&address).await.status, if open { 200 } else { 404 }, "{mode}");
        let csrf = page.form("sign-in").get("csrf").unwrap().to_owned();
        let fields = [("csrf", csrf.as_str()), ("username", UNA), ("name", ""), ("password", FRESH)];
        let sent = browser.post(Initiator::SameOrigin, &address, &fields).await;
        assert_eq!(sent.location().is_some_and(|to| to.path().starts_with("/check-mail/")), open, "{mode}");
        assert_eq!(app.count("SELECT COUNT(*) FROM users").await, i64::from(open), "{mode}");
        let page = browser.visit(&rp.begin(&rp.flow().with("prompt", "create"))).await;
        match open {
            true => assert!(page.has("sign-up"), "{}", page.body),
            false => assert_eq!(page.param("error").as_deref(), Some("invalid_request"), "{mode}"),
        }
        app.ignore_mail();
    }
}

/// Of several fields that are wrong the first has the focus, and no other.
#[tokio::test]
async fn one_field_has_the_focus() {
    let app = house(&[]).await;
    let mut browser = Browser::new();
    let page = browser.visit(&app.url("/sign-up")).await;
    let bad_name = "\u{202e}una";
    for (address, name, password, first) in [
        ("una", bad_name, "una", "username"),
        ("una@example.com", bad_name, "una", "name"),
        ("una@example.com", "Una", "una", "password"),
        ("una", "Una", "una", "username"),
        ("una@example.com", bad_name, FRESH, "name"),
    ] {
        let refused = browser.submit(&page, "sign-up", &[("username", address), ("name", name), ("password", password)]).await;
        assert_eq!((refused.status, refused.attributes("[autofocus]", "id")), (400, vec![first.to_owned()]), "{}", refused.body);
    }
}

/// A page is under 30 kB in all: itself, its style sheet, its script and its icon.
#[tokio::test]
async fn pages_are_light() {
    let app = house(&[]).await;
    app.person("ana").await;
    let mut browser = Browser::new();
    let mut pages = Vec::new();
    let form = browser.visit(&app.url("/sign-up")).await;
    pages.push(browser.press(&form, "sign-up", &[("username", "una"), ("password", "una")]).await);
    pages.push(form);
    pages.push(app.ask_for_link(&mut browser, "ana@example.com").await);
    pages.push(browser.get(&app.mail().one("ana@example.com").await.link()).await);
    pages.push(app.forget(&mut browser, "ana@example.com").await);
    pages.push(browser.get(&app.mail().one("ana@example.com").await.link()).await);
    pages.push(browser.visit(&app.url("/forgot-password")).await);
    for page in pages {
        let mut parts = page.attributes("link[href]", "href");
        parts.extend(page.attributes("script[src]", "src"));
        assert!(parts.len() >= 3, "{parts:?}");
        let mut bytes = page.body.len();
        for part in parts {
            let part = browser.get(page.url.join(&part).unwrap().as_str()).await;
            assert_eq!(part.status, 200);
            bytes += part.body.len();
        }
        assert!(bytes < 30_000, "{} has {bytes} bytes", page.url.path());
    }
}
