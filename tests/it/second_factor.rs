//! Protects the authenticator app: it counts once it is confirmed, each code is good once (MF-01), and what a session says of
//! itself is true (RFC 8176, decision 8).

use serde_json::json;

use crate::support::app::{PASSWORD, Wish};
use crate::support::authenticator::Authenticator;
use crate::support::factor::Phone;
use crate::support::rp::claims;
use crate::support::{Browser, Rp, TestApp};

const ANA: &str = "ana@example.com";

/// From nothing to a sign-in with two factors: the key is shown and counts only after a code; the mail and the history say so.
#[tokio::test]
async fn added_and_asked_for() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let rp = Rp::web(&app, "web").await;
    let mut browser = Browser::new();
    app.sign_in(&mut browser, "ana").await;
    let page = browser.visit(&app.url("/account/authenticators")).await;
    assert!(page.has("empty"));
    let page = browser.click(&page, "add-totp").await;
    let groups = page.text("#totp-key");
    assert!(groups.split(' ').all(|group| group.len() == 4) && groups.len() == 39, "{groups}");
    assert!(page.attributes("img.qr", "src")[0].starts_with("data:image/svg+xml;base64,"));
    let phone = Phone::scan(&page);
    // Not confirmed: nobody is asked for it.
    let mut elsewhere = Browser::new();
    app.sign_in(&mut elsewhere, "ana").await;
    let before = app.rows().await;
    for (code, shown) in [(String::new(), "code-error"), (phone.wrong_code(&app), "code-error")] {
        let wrong = browser.submit(&page, "verify", &[("code", &code), ("name", "")]).await;
        assert_eq!((wrong.status, wrong.has(shown)), (400, true), "{code}");
        assert_eq!(wrong.text("#totp-key"), groups, "the key stays");
        app.untouched(&before, &code).await;
    }
    let token = browser.cookie("session").unwrap().value.clone();
    let page = browser.submit(&page, "verify", &[("code", &phone.code(&app)), ("name", "Work phone")]).await;
    assert!(page.has("done") && page.has("recovery-codes"), "{}", page.body);
    let page = browser.click(&page, "kept").await;
    assert!(page.text("#factors").contains("Work phone"), "{}", page.body);
    assert_ne!(browser.cookie("session").unwrap().value, token, "another token (SE-01)");
    let mail = app.told(ANA).await;
    assert!(mail.text.contains("An authenticator app was added (Work phone)."), "{}", mail.text);
    assert_eq!(app.audited("factor_added").await, 1);
    // This session has shown both.
    let token = claims(&rp.tokens(&mut browser, "ana").await.text("id_token"));
    assert_eq!((&token["acr"], &token["amr"]), (&json!("aal2"), &json!(["pwd", "otp", "mfa"])));
    // From now on it is asked for.
    let mut third = Browser::new();
    let page = rp.go(&mut third, "ana", &rp.flow()).await;
    assert!(page.has("code") && page.has("verify") && page.has("another-way"), "{} {}", page.status, page.body);
    assert!(!app.is_in(&mut third).await);
    let page = third.submit(&page, "verify", &[("code", &phone.next_code(&app))]).await;
    let tokens = rp.exchange(&page.param("code").unwrap()).await;
    let token = claims(&tokens.text("id_token"));
    assert_eq!((&token["acr"], &token["amr"]), (&json!("aal2"), &json!(["pwd", "otp", "mfa"])));
    assert_eq!(token["auth_time"], app.clock.now().unix());
    assert!(app.is_in(&mut third).await);
    assert!(third.cookie("half").is_none(), "the first proof has done its work");
    let history = third.visit(&app.url("/account/history")).await.body;
    assert!(history.contains("You added a second factor"), "{history}");
    let document: serde_json::Value = rp.get("/.well-known/openid-configuration").await.json();
    assert_eq!(document["acr_values_supported"], json!(["aal1", "aal2", "phr"]));
}

/// MF-01: a code is good once, for every session and tab; an older step in the window is refused too.
#[tokio::test]
async fn each_code_once() {
    let app = TestApp::start().await;
    let mut browser = Browser::new();
    let phone = app.person_with_phone(&mut browser, "ana").await;
    let confirmed = phone.code(&app);
    for (code, works) in
        [(confirmed, false), (phone.next_code(&app), true), (phone.code(&app), false), (phone.code_at(&app, -30), false)]
    {
        let mut next = Browser::new();
        let page = app.first_step(&mut next, "ana").await;
        let before = app.rows().await;
        let page = next.submit(&page, "verify", &[("code", &code)]).await;
        assert_eq!(app.is_in(&mut next).await, works, "{code}: {}", page.status);
        if !works {
            assert_eq!(page.status, 400);
            app.untouched(&before, "a used code").await;
        }
    }
    // The step after this one is within the window, and takes this one with it.
    let mut ahead = Browser::new();
    let page = app.first_step(&mut ahead, "ana").await;
    ahead.submit(&page, "verify", &[("code", &phone.code_at(&app, 30))]).await;
    assert!(app.is_in(&mut ahead).await);
}

/// Several, with names of their own: each is taken, each can be renamed and removed, and the last one goes with what hangs on it.
#[tokio::test]
async fn several() {
    let app = TestApp::start().await;
    let mut browser = Browser::new();
    let first = app.person_with_phone(&mut browser, "ana").await;
    let second = app.add_phone(&mut browser).await;
    app.told(ANA).await;
    for phone in [&first, &second] {
        let mut next = Browser::new();
        let page = app.first_step(&mut next, "ana").await;
        next.submit(&page, "verify", &[("code", &phone.next_code(&app))]).await;
        assert!(app.is_in(&mut next).await);
    }
    let page = browser.visit(&app.url("/account/authenticators")).await;
    let urls = page.attributes("#factors a", "href");
    assert_eq!(urls.len(), 2);
    let page = browser.visit(page.url.join(&urls[0]).unwrap().as_str()).await;
    let too_long = "x".repeat(61);
    for name in ["", "   ", too_long.as_str()] {
        let page = browser.submit(&page, "rename", &[("name", name)]).await;
        assert_eq!((page.status, page.has("name-error")), (400, true), "{name}");
    }
    let page = browser.submit(&page, "rename", &[("name", " Old  phone ")]).await;
    assert!(page.text("#factors").contains("Old phone"), "{}", page.body);
    for (left, words) in [(1, "was removed"), (0, "was removed")] {
        let page = browser.visit(&app.url("/account/authenticators")).await;
        let url = page.attributes("#factors a", "href").remove(0);
        let page = browser.visit(page.url.join(&url).unwrap().as_str()).await;
        browser.submit(&page, "confirm", &[]).await;
        assert_eq!(app.count("SELECT COUNT(*) FROM factors").await, left);
        assert!(app.told(ANA).await.text.contains(words));
    }
    let mut next = Browser::new();
    app.sign_in(&mut next, "ana").await;
}

/// In German, with what the person reads; a code may be typed in groups.
#[tokio::test]
async fn german() {
    let app = TestApp::start().await;
    let mut browser = Browser::reading("de");
    let phone = app.person_with_phone(&mut browser, "ana").await;
    let mut next = Browser::reading("de");
    let page = app.first_step(&mut next, "ana").await;
    assert_eq!(page.text("h1"), "Mit Ihrem zweiten Faktor bestätigen");
    let page = next.submit(&page, "another-way", &[]).await;
    assert!(page.text("#way-totp").contains("Phone"), "{}", page.body);
    assert!(page.text("#lost").contains("Betreiber"));
    let page = next.click(&page, "way-totp").await;
    let code = phone.next_code(&app);
    next.submit(&page, "verify", &[("code", &format!("{} {}", &code[..3], &code[3..]))]).await;
    assert!(app.is_in(&mut next).await);
}

/// RFC 9470: an app that wants more gets exactly the missing factor asked for, and no password; the token tells the truth.
#[tokio::test]
async fn step_up() {
    let app = TestApp::with(Wish { settings: &[("SECOND_FACTOR__COUNTS", "totp")], ..Wish::default() }).await;
    app.person("ana").await;
    let rp = Rp::web(&app, "web").await;
    let (mut old, mut browser) = (Browser::new(), Browser::new());
    // A session from before there was a second factor.
    let before = claims(&rp.tokens(&mut old, "ana").await.text("id_token"));
    assert_eq!((&before["acr"], &before["amr"]), (&json!("aal1"), &json!(["pwd"])));
    app.sign_in(&mut browser, "ana").await;
    let phone = app.add_phone(&mut browser).await;
    app.ignore_mail();
    let essential = json!({ "id_token": { "acr": { "essential": true, "values": ["aal2"] } } }).to_string();
    for (name, value) in [("acr_values", "aal2"), ("claims", essential.as_str())] {
        let mut session = old.clone();
        let flow = rp.flow().with(name, value);
        let silent = session.get(&rp.begin(&flow.clone().with("prompt", "none"))).await;
        assert_eq!(silent.param("error").as_deref(), Some("login_required"), "{name}");
        let page = session.visit(&rp.begin(&flow)).await;
        assert!(page.has("code") && !page.has("password"), "{name}: {}", page.body);
        let token = session.cookie("session").unwrap().value.clone();
        let page = session.submit(&page, "verify", &[("code", &phone.next_code(&app))]).await;
        let page = if page.has("allow") { session.submit(&page, "allow", &[]).await } else { page };
        assert_ne!(session.cookie("session").unwrap().value, token);
        let after = claims(&rp.exchange(&page.param("code").unwrap()).await.text("id_token"));
        assert_eq!((&after["acr"], &after["amr"]), (&json!("aal2"), &json!(["pwd", "otp", "mfa"])));
        assert_eq!(
            (&after["auth_time"], &after["sid"]),
            (&before["auth_time"], &before["sid"]),
            "the first factor is as old as it was"
        );
        // Now it is there.
        let page = session.get(&rp.begin(&flow.with("prompt", "none"))).await;
        assert!(page.param("code").is_some(), "{:?}", page.location());
        // Each round begins from the session before: only one may go on, so the rows are put back.
        let reset = vouchsafe::store::sql("UPDATE sessions SET acr = 'aal1', second_at = NULL, amr = '[\"pwd\"]' WHERE sid = $1")
            .bind(before["sid"].as_str().unwrap());
        app.provider.db.write(async move |tx| tx.execute(reset).await).await.unwrap();
        old = session;
    }
    // What cannot be met is the specified error, at once and without a page.
    let unknown = json!({ "id_token": { "acr": { "essential": true, "values": ["loa9"] } } }).to_string();
    let page = old.get(&rp.begin(&rp.flow().with("claims", &unknown))).await;
    assert_eq!(page.param("error").as_deref(), Some("unmet_authentication_requirements"));
    let page = old.get(&rp.begin(&rp.flow().with("acr_values", "loa9"))).await;
    assert!(page.param("code").is_some(), "voluntary: {:?}", page.location());
}

/// `prompt=login` and an old `max_age` ask for both again.
#[tokio::test]
async fn everything_again() {
    let app = TestApp::start().await;
    let rp = Rp::web(&app, "web").await;
    let mut browser = Browser::new();
    let phone = app.person_with_phone(&mut browser, "ana").await;
    rp.tokens(&mut browser, "ana").await;
    for (name, value) in [("prompt", "login"), ("max_age", "5")] {
        app.clock.advance(20);
        let page = browser.visit(&rp.begin(&rp.flow().with(name, value))).await;
        assert!(page.has("password"), "{name}");
        let page = browser.submit(&page, "sign-in", &[("username", ANA), ("password", PASSWORD)]).await;
        assert!(page.has("code") && !page.has("password"), "{name}: {}", page.body);
        let page = browser.submit(&page, "verify", &[("code", &phone.next_code(&app))]).await;
        let token = claims(&rp.exchange(&page.param("code").unwrap()).await.text("id_token"));
        assert_eq!((&token["acr"], &token["auth_time"]), (&json!("aal2"), &json!(app.clock.now().unix())));
    }
}

/// A factor without a name is called by the word for its kind in the person's language, and numbered from the second on.
#[tokio::test]
async fn names_that_nobody_gave() {
    for (language, word) in [("en", "Authenticator app"), ("de", "Authenticator-App")] {
        let app = TestApp::start().await;
        app.person("ana").await;
        let mut browser = Browser::reading(language);
        app.sign_in(&mut browser, "ana").await;
        for _ in 0..3 {
            let page = browser.visit(&app.url("/account/authenticators/add")).await;
            let code = Phone::scan(&page).next_code(&app);
            browser.submit(&page, "verify", &[("code", &code), ("name", "  ")]).await;
        }
        let page = browser.visit(&app.url("/account/authenticators")).await;
        let mut names = page.texts("#factors b");
        names.sort();
        assert_eq!(names, [word.to_owned(), format!("{word} 2"), format!("{word} 3")]);
        app.ignore_mail();
    }
}

/// Each page about factors says in the rail where it is: the page itself, or the one that it belongs to.
#[tokio::test]
async fn where_one_is() {
    let app = TestApp::start().await;
    let mut browser = Browser::new();
    app.person_with_phone(&mut browser, "ana").await;
    let list = browser.visit(&app.url("/account/authenticators")).await;
    let one = list.attributes("#factors a", "href").remove(0);
    for (path, above, mark) in [
        ("/account/authenticators", "/account/authenticators", "page"),
        ("/account/authenticators/add", "/account/authenticators", "true"),
        ("/account/authenticators/add/sms", "/account/authenticators", "true"),
        (one.as_str(), "/account/authenticators", "true"),
        ("/account/passkeys", "/account/passkeys", "page"),
        ("/account/recovery-codes", "/account/recovery-codes", "page"),
        ("/account", "/account", "page"),
    ] {
        let page = browser.visit(&app.url(path)).await;
        assert_eq!(page.attributes(".rail [aria-current]", "href"), [above], "{path}");
        assert_eq!(page.attributes(".rail [aria-current]", "aria-current"), [mark], "{path}");
    }
}

/// What a sign-in costs the disk (decision 28): a guess is charged before it is compared, so that a code takes two commits; what an
/// authenticator signed cannot be guessed and takes one.
#[tokio::test]
async fn commits() {
    let app = TestApp::start().await;
    let mut own = Browser::new();
    let phone = app.person_with_phone(&mut own, "ana").await;
    let mut browser = Browser::new();
    let page = app.first_step(&mut browser, "ana").await;
    let code = phone.next_code(&app);
    let before = app.commits();
    assert_eq!(browser.press(&page, "verify", &[("code", &code)]).await.status, 303);
    let by_code = app.commits().zip(before).map(|(after, before)| after - before);
    // By now the first sign-in is too old to add anything.
    let mut fresh = Browser::new();
    let page = app.first_step(&mut fresh, "ana").await;
    fresh.submit(&page, "verify", &[("code", &phone.next_code(&app))]).await;
    let mut key = Authenticator::new(&app, 1);
    key.enrol(&app, &mut fresh).await;
    let mut browser = Browser::new();
    let page = browser.visit(&app.url("/sign-in")).await;
    let options = browser.passkey_options(&page).await;
    let sent = key.get(&options, |_| {});
    let before = app.commits();
    assert_eq!(browser.press(&page, "passkey", &[("credential", &sent)]).await.status, 303);
    let by_passkey = app.commits().zip(before).map(|(after, before)| after - before);
    assert!(by_code.is_none_or(|commits| commits <= 2), "{by_code:?}");
    assert!(by_passkey.is_none_or(|commits| commits == 1), "{by_passkey:?}");
    app.ignore_mail();
}

/// What the comparison of a code and a whole sign-in by passkey take of the processor: run it in a release build with `--nocapture`.
#[tokio::test]
#[ignore = "measures: run it by hand in a release build"]
async fn measured() {
    use vouchsafe::base::Secret;
    use vouchsafe::identity::factor::SecondFactor as _;
    use vouchsafe::identity::totp::AuthenticatorApp;
    let app = TestApp::start().await;
    let mut own = Browser::new();
    let phone = app.person_with_phone(&mut own, "ana").await;
    let now = app.clock.now();
    let secret = Secret::new(vec![7; 20]);
    let rounds = 10_000_u32;
    let begun = cpu();
    for _ in 0..rounds {
        std::hint::black_box(AuthenticatorApp.check(&secret, "123456", now));
    }
    println!("comparing a code: {:?}", (cpu() - begun) / rounds);
    let signs = 100_u32;
    let mut spent = std::time::Duration::ZERO;
    for _ in 0..signs {
        let mut browser = Browser::new();
        let page = app.first_step(&mut browser, "ana").await;
        let code = phone.next_code(&app);
        let begun = cpu();
        assert_eq!(browser.press(&page, "verify", &[("code", &code)]).await.status, 303);
        spent += cpu() - begun;
    }
    println!("a request with a code, the test's client with it: {:?}", spent / signs);
    // By now the first sign-in is too old to add anything.
    let mut fresh = Browser::new();
    let page = app.first_step(&mut fresh, "ana").await;
    fresh.submit(&page, "verify", &[("code", &phone.next_code(&app))]).await;
    let mut key = Authenticator::new(&app, 1);
    key.enrol(&app, &mut fresh).await;
    let mut spent = std::time::Duration::ZERO;
    for _ in 0..signs {
        let mut browser = Browser::new();
        let page = browser.visit(&app.url("/sign-in")).await;
        let options = browser.passkey_options(&page).await;
        let sent = key.get(&options, |_| {});
        let begun = cpu();
        assert_eq!(browser.press(&page, "passkey", &[("credential", &sent)]).await.status, 303);
        spent += cpu() - begun;
    }
    println!("a request with a passkey, the test's client with it: {:?}", spent / signs);
    app.ignore_mail();
}

/// The processor time of this process, in the hundredths of a second that Linux counts.
fn cpu() -> std::time::Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    std::time::Duration::from_millis(ticks * 10)
}
