//! Protects the way back into an account: battery rows EM-01, EM-02, EM-04, EM-05, EM-11, EM-13, PW-07, TK-17, SE-01.

use vouchsafe::admin::users;
use vouchsafe::store::sql;

use crate::sign_up::all_kinds;
use crate::support::app::{PASSWORD, Wish};
use crate::support::journey::{FRESH, Seen};
use crate::support::raw::status;
use crate::support::{Browser, CALLBACK, Initiator, Rp, TestApp};

const ANA: &str = "ana@example.com";

/// The status of a sign-in at the account page, by a browser that nobody knows: 200 for the account page.
async fn signs_in(app: &TestApp, password: &str) -> u16 {
    let mut browser = Browser::new();
    let page = browser.visit(&app.url("/account")).await;
    browser.submit(&page, "sign-in", &[("username", ANA), ("password", password)]).await.status
}

/// From an app through a forgotten password and back, with the link opened here and in another browser; whoever was in is out.
#[tokio::test]
async fn there_and_back() {
    for here in [true, false] {
        let app = TestApp::start().await;
        app.person("ana").await;
        let rp = Rp::web(&app, "web").await;
        let mut before = Browser::new();
        let tokens = rp.tokens(&mut before, "ana").await;
        let mut browser = Browser::new();
        let page = browser.visit(&rp.begin(&rp.flow().with("ui_locales", "de").with("login_hint", ANA))).await;
        let page = browser.click(&page, "forgot").await;
        assert_eq!(page.form("send").get("username"), Some(ANA), "the app's hint");
        let waiting = browser.submit(&page, "send", &[]).await;
        assert!(waiting.has("check-mail") && !waiting.has("verify"), "there is no code: {}", waiting.body);
        let mail = app.mail().one(ANA).await;
        assert_eq!(mail.subject, "Choose a new password", "the person's own language");
        let mut elsewhere = Browser::new();
        let browser = if here { &mut browser } else { &mut elsewhere };
        let weak = browser.open_and_set(&mail.link(), "password").await;
        assert_eq!((weak.status, weak.has("password-error")), (400, true));
        assert_eq!(signs_in(&app, PASSWORD).await, 200, "nothing happened");
        let told = browser.open_and_set(&mail.link(), FRESH).await;
        assert!(told.has("password-set"), "{}", told.body);
        assert!(browser.cookie("session").is_none(), "a reset signs nobody in");
        assert!(!app.is_in(&mut before).await);
        assert_eq!(rp.refresh(&tokens.text("refresh_token")).await.status, 400);
        assert_eq!((signs_in(&app, PASSWORD).await, signs_in(&app, FRESH).await), (400, 200));
        let form = browser.click(&told, "go-on").await;
        let page = browser.submit(&form, "sign-in", &[("username", ANA), ("password", FRESH)]).await;
        let page = if page.has("allow") { browser.submit(&page, "allow", &[]).await } else { page };
        assert!(page.leaves_for(CALLBACK) && page.param("state").as_deref() == Some("a state"), "{:?}", page.location());
        assert_eq!(rp.exchange(&page.param("code").unwrap()).await.status, 200);
        let told = app.mail().to(ANA).await;
        assert_eq!(told.iter().filter(|mail| mail.subject == "Your password was changed").count(), 1);
        assert_eq!(browser.get(&mail.link()).await.status, 410, "once");
    }
}

/// PW-07: what asking for a new password or a link shows, does and costs is the same for everybody.
#[tokio::test]
async fn nobody_learns_who_is_here() {
    let app = TestApp::open_house().await;
    let everybody = all_kinds(&app).await;
    for (start, button) in [("/forgot-password", None), ("/account", Some("by-mail"))] {
        let mut seen = Vec::new();
        for address in everybody {
            let mut browser = Browser::new();
            let mut form = browser.visit(&app.url(start)).await;
            if let Some(button) = button {
                form = browser.click(&form, button).await;
            }
            let before = (app.provider.hasher.hashes(), app.provider.hasher.verifications());
            let rows = app.rows().await;
            let sent = browser.press(&form, "send", &[("username", address)]).await;
            let waiting = browser.follow(sent.clone()).await;
            let again = browser.press(&waiting, "send-again", &[]).await;
            assert_eq!((app.provider.hasher.hashes(), app.provider.hasher.verifications()), before, "{address}");
            app.untouched(&rows, address).await;
            seen.push([sent, waiting, again].map(|page| Seen::of(&page, address)));
            let mails = app.mail().to(address).await.len();
            // One address signed up a moment ago and may get two more; nobody and the disabled get none.
            let asked = if address.starts_with("nob") || address.starts_with("dis") { 0 } else { 2 };
            assert_eq!(mails, asked, "{start} {address}");
        }
        for one in &seen {
            assert_eq!(one, &seen[0]);
        }
        app.clock.advance(3600);
    }
}

/// EM-01 (Keycloak CVE-2026-18963): who asked for a reset and does not hold the mail reaches no new password.
#[tokio::test]
async fn no_way_around_the_mail() {
    let app = TestApp::start().await;
    app.person("ana").await;
    app.person("eve").await;
    let mut attacker = Browser::new();
    let waiting = app.forget(&mut attacker, ANA).await;
    let link = app.mail().one(ANA).await.link();
    app.forget(&mut attacker, "eve@example.com").await;
    let own = app.mail().one("eve@example.com").await.link();
    let id = waiting.url.path().rsplit('/').next().unwrap().to_owned();
    let csrf = waiting.form("send-again").get("csrf").unwrap().to_owned();
    let before = app.rows().await;
    let fields = [("csrf", csrf.as_str()), ("password", FRESH), ("username", ANA), ("code", "123456"), ("action", "verify")];
    let (token, other) = (link.rsplit('/').next().unwrap(), own.rsplit('/').next().unwrap());
    let flipped = format!("{}{}", &token[..token.len() - 1], if token.ends_with('A') { 'B' } else { 'A' });
    let cut = &token[..token.len() - 1];
    for path in [
        format!("/reset-password/{id}"),
        format!("/reset-password/{flipped}"),
        format!("/reset-password/{cut}"),
        format!("/reset-password/{token}x"),
        "/reset-password/rs_".to_owned(),
        "/reset-password/".to_owned(),
        "/reset-password".to_owned(),
        format!("/check-mail/{id}"),
        format!("/forgot-password/{id}"),
        format!("/sign-in-by-mail/{id}"),
        format!("/verify-email/{token}"),
        format!("/sign-in-link/{token}"),
    ] {
        for fields in [&fields[..], &fields[..1]] {
            let page = attacker.post(Initiator::SameOrigin, &app.url(&path), fields).await;
            assert!(!page.has("password-set") && !page.has("set-password"), "{path}: {}", page.body);
        }
    }
    // Who holds a mail of their own changes their own password, whatever name they send.
    let form = attacker.visit(&own).await.form("set-password");
    assert!(form.action.path().ends_with(other));
    app.untouched(&before, "no mail").await;
    let fields = [("csrf", csrf.as_str()), ("password", FRESH), ("username", ANA)];
    assert!(attacker.post(Initiator::SameOrigin, &own, &fields).await.has("password-set"));
    assert_eq!(signs_in(&app, PASSWORD).await, 200, "hers is as it was");
    app.ignore_mail();
}

/// EM-11, decision 14: scanners and previews open links five times, by HEAD and GET, and the person's one press still works; the
/// second does not, and all at once are one.
#[tokio::test]
async fn scanners_use_nothing_up() {
    let app = TestApp::start().await;
    app.person("ana").await;
    app.forget(&mut Browser::new(), ANA).await;
    let link = app.mail().one(ANA).await.link();
    let before = app.rows().await;
    for _ in 0..5 {
        let mut scanner = Browser::new();
        for method in [reqwest::Method::HEAD, reqwest::Method::GET] {
            let page = scanner.request(Initiator::Person, method, &link.parse().unwrap(), None).await;
            assert_eq!((page.status, page.header("referrer-policy")), (200, Some("no-referrer")));
            assert_eq!(page.header("cache-control"), Some("no-store"));
        }
    }
    app.untouched(&before, "a scanner").await;
    let mut forms = Vec::new();
    for _ in 0..32 {
        let mut browser = Browser::new();
        let form = browser.get(&link).await;
        forms.push((browser, form));
    }
    let mut running = tokio::task::JoinSet::new();
    for (mut browser, form) in forms {
        running.spawn(async move { browser.press(&form, "set-password", &[("password", FRESH)]).await });
    }
    let answers = running.join_all().await;
    let good = answers.iter().filter(|page| page.has("password-set")).count();
    assert_eq!(good, 1);
    // A queue of hashes that is full says so; nobody else succeeds.
    assert!(answers.iter().all(|page| [200, 410, 503].contains(&page.status)));
    assert_eq!(app.audited("password_reset").await, 1);
    app.ignore_mail();
}

/// An hour and no second more; and two resets at once end with one.
#[tokio::test]
async fn a_link_ends() {
    for (seconds, status) in [(3599, 200), (3600, 410), (3601, 410)] {
        let app = TestApp::start().await;
        app.person("ana").await;
        let mut browser = Browser::new();
        app.forget(&mut browser, ANA).await;
        let link = app.mail().one(ANA).await.link();
        let form = browser.get(&link).await;
        app.clock.advance(seconds);
        assert_eq!(browser.get(&link).await.status, status, "{seconds}");
        let page = browser.press(&form, "set-password", &[("password", FRESH)]).await;
        assert_eq!(page.status, status, "{seconds}");
        assert_eq!(signs_in(&app, FRESH).await, if status == 200 { 200 } else { 400 });
        app.ignore_mail();
    }
    let app = TestApp::start().await;
    app.person("ana").await;
    let mut links = Vec::new();
    for _ in 0..2 {
        app.forget(&mut Browser::new(), ANA).await;
        links.push(app.mail().one(ANA).await.link());
    }
    assert_ne!(links[0], links[1]);
    let mut browser = Browser::new();
    assert!(browser.open_and_set(&links[0], FRESH).await.has("password-set"));
    assert_eq!(browser.get(&links[1]).await.status, 410, "the other mail is worth nothing");
    app.ignore_mail();
}

/// A link is for one account with one address: it is nothing once the account is disabled, removed or has another address.
#[tokio::test]
async fn a_link_follows_nobody() {
    for change in ["none", "disabled", "removed", "moved"] {
        let app = TestApp::open_house().await;
        app.person("ana").await;
        let mut browser = Browser::new();
        app.forget(&mut browser, ANA).await;
        let mut mails = vec![app.mail().one(ANA).await.link()];
        app.ask_for_link(&mut browser, ANA).await;
        mails.push(app.mail().one(ANA).await.link());
        let forms = [browser.get(&mails[0]).await, browser.get(&mails[1]).await];
        match change {
            "disabled" => drop(users::disable(app.desk(), ANA).await.unwrap()),
            "removed" => drop(users::remove(app.desk(), ANA).await.unwrap()),
            "moved" => {
                let moved = "UPDATE users SET email = 'ana@other.test', email_key = 'ana@other.test'";
                app.provider.db.write(async move |tx| tx.execute(sql(moved)).await).await.unwrap();
            }
            _ => {}
        }
        let expected = if change == "none" { 200 } else { 410 };
        for link in &mails {
            assert_eq!(browser.get(link).await.status, expected, "{change}");
        }
        let before = app.rows().await;
        let signed_in = browser.press(&forms[1], "go-on", &[]).await;
        let set = browser.press(&forms[0], "set-password", &[("password", FRESH)]).await;
        if change == "none" {
            assert_eq!((signed_in.status, set.status), (303, 200));
        } else {
            assert_eq!((signed_in.status, set.status), (410, 410), "{change}");
            app.untouched(&before, change).await;
        }
        app.ignore_mail();
    }
}

/// EM-02 (Keycloak CVE-2017-12161): a forged host gets no mail; forged forwarding headers do not reach its links.
#[tokio::test]
async fn links_lead_to_the_issuer() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let mut browser = Browser::new();
    let form = browser.visit(&app.url("/forgot-password")).await.form("send");
    let cookie = format!("browser={}", browser.cookie("browser").unwrap().value);
    let body = form.body().replace("username=", "username=ana%40example.com");
    let send = |line: &str, headers: &str| {
        let head = format!("{line} HTTP/1.1\r\n{headers}cookie: {cookie}\r\ncontent-type: application/x-www-form-urlencoded\r\n");
        app.raw(format!("{head}content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len()).as_bytes()).0
    };
    let (path, own) = (form.action.path(), app.authority());
    for host in ["evil.test", "evil.test:80", "localhost.evil.test"] {
        assert_eq!(status(&send(&format!("POST {path}"), &format!("host: {host}\r\n"))), 421, "{host}");
    }
    assert_eq!(status(&send(&format!("POST http://evil.test{path}"), &format!("host: {own}\r\n"))), 400);
    app.mail().none(ANA).await;
    let forged = "x-forwarded-host: evil.test\r\nx-forwarded-proto: https\r\nforwarded: host=evil.test\r\n";
    assert_eq!(status(&send(&format!("POST {path}"), &format!("host: {own}\r\n{forged}"))), 303);
    let mail = app.mail().one(ANA).await;
    assert!(mail.link().starts_with(&format!("{}/reset-password/rs_", app.issuer)) && !mail.raw.contains("evil"), "{}", mail.raw);
}

/// EM-04 and EM-05: one mail at most, to the stored address alone, however the address is written; what only looks like it is
/// somebody else's.
#[tokio::test]
async fn one_mail_to_the_stored_address() {
    let app = TestApp::with(Wish { settings: &[("SIGN_UP__MODE", "open")], ..Wish::default() }).await;
    app.person("ana").await;
    app.person("kim").await;
    let long = format!("{}@example.com", "a".repeat(10_000));
    for (address, mails, status) in [
        ("ana@example.com", 1, 303),
        (" ANA@Example.COM ", 1, 303),
        ("ana@example.com,eve@evil.test", 0, 400),
        ("ana@example.com;eve@evil.test", 0, 400),
        ("ana@example.com eve@evil.test", 0, 400),
        ("\"eve@evil.test\"@example.com", 0, 400),
        ("ana@example.com@evil.test", 0, 400),
        ("ana\u{ff20}example.com", 0, 400),
        ("ana@example.com\r\nbcc: eve@evil.test", 0, 400),
        ("ana@example.com\nto: eve@evil.test", 0, 400),
        ("ana+tag@example.com", 0, 303),
        ("an\u{e4}@example.com", 0, 303),
        ("\u{212a}im@example.com", 0, 400),
        ("k\u{131}m@example.com", 0, 303),
        ("k\u{130}m@example.com", 0, 400),
        ("\u{430}na@example.com", 0, 303),
        ("ana@ex\u{430}mple.com", 0, 303),
        ("ana@xn--exmple-4nf.com", 0, 303),
        ("ana\u{200b}@example.com", 0, 400),
        (long.as_str(), 0, 400),
        ("", 0, 400),
    ] {
        let mut browser = Browser::new();
        let form = browser.visit(&app.url("/forgot-password")).await;
        assert_eq!(browser.press(&form, "send", &[("username", address)]).await.status, status, "{address:?}");
        let sent = app.mail().to(ANA).await;
        assert_eq!(sent.len(), mails, "{address:?}");
        assert!(sent.iter().all(|mail| mail.to == ANA && mail.raw.matches("\r\nTo:").count() <= 1), "{address:?}");
        for other in ["kim@example.com", "eve@evil.test", "eve@evil.test\"@example.com"] {
            app.mail().none(other).await;
        }
        app.clock.advance(3600);
    }
    // Twice in one form, as a list, or with a NUL: no form of ours.
    let mut browser = Browser::new();
    let page = browser.visit(&app.url("/forgot-password")).await;
    let body = page.form("send").body().replace("&username=", "").replace("username=", "");
    for (fields, status) in [
        ("username=ana%40example.com&username=eve%40evil.test", 400),
        ("username%5B%5D=ana%40example.com&username%5B%5D=eve%40evil.test", 400),
        ("username%5B%5D=ana%40example.com", 400),
        ("username=ana%40example.com%00", 400),
        ("username=ana%40example.com", 303),
    ] {
        let body = format!("{body}&{fields}");
        let page = browser.request(Initiator::SameOrigin, reqwest::Method::POST, &page.form("send").action, Some(body)).await;
        assert_eq!(page.status, status, "{fields}");
    }
    app.mail().one(ANA).await;
}
