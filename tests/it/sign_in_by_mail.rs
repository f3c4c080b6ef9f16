//! Protects signing in by a link or a code: decisions 14 and 24, battery rows EM-07, EM-10, EM-11, SE-01, TK-17.

use std::collections::BTreeMap;

use crate::support::app::{PASSWORD, Wish};
use crate::support::journey::FRESH;
use crate::support::rp::claims;
use crate::support::{Browser, CALLBACK, Initiator, Rp, TestApp};

const ANA: &str = "ana@example.com";

/// From the app and back to it, by link and by code.
#[tokio::test]
async fn there_and_back() {
    for by_code in [false, true] {
        let app = TestApp::start().await;
        app.person("ana").await;
        let rp = Rp::web(&app, "web").await;
        let mut browser = Browser::new();
        let page = browser.visit(&rp.begin(&rp.flow().with("login_hint", ANA).with("ui_locales", "de"))).await;
        let page = browser.click(&page, "by-mail").await;
        let waiting = browser.submit(&page, "send", &[]).await;
        let mail = app.mail().one(ANA).await;
        let page = match by_code {
            true => browser.submit(&waiting, "verify", &[("code", &format!(" {} ", mail.code()))]).await,
            false => browser.open_and_press(&mail.link()).await,
        };
        assert_eq!(page.text("#allow"), "Erlauben");
        let page = browser.submit(&page, "allow", &[]).await;
        assert!(page.leaves_for(CALLBACK) && page.param("state").as_deref() == Some("a state"));
        let tokens = rp.exchange(&page.param("code").unwrap()).await;
        let id = claims(&tokens.text("id_token"));
        assert_eq!((&id["amr"], &id["acr"]), (&serde_json::json!(["otp"]), &"aal1".into()), "no more than it was (EM-07)");
        // The other half of the same mail is used up with it.
        assert_eq!(browser.get(&mail.link()).await.status, 410);
    }
}

/// EM-10: who opens the link elsewhere gets a code to type where it was asked for, and no session, by GET or by POST.
#[tokio::test]
async fn elsewhere_there_is_only_a_code() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let (mut here, mut elsewhere) = (Browser::new(), Browser::new());
    let waiting = app.ask_for_link(&mut here, ANA).await;
    let mail = app.mail().one(ANA).await;
    let shown = elsewhere.get(&mail.link()).await;
    assert_eq!(shown.text("#code").replace(' ', ""), mail.code());
    assert!(!shown.has("go-on"), "{}", shown.body);
    let before = app.rows().await;
    let csrf = elsewhere.visit(&app.url("/account")).await.form("sign-in").get("csrf").unwrap().to_owned();
    let pressed = elsewhere.post(Initiator::SameOrigin, &mail.link(), &[("csrf", &csrf)]).await;
    assert_eq!((pressed.status, elsewhere.cookie("session").is_none()), (410, true));
    // The code is of no use there either.
    let own = elsewhere.visit(&waiting.url.as_str().replace("check-mail", "sign-in")).await;
    let own = elsewhere.visit(&own.url.as_str().replace("sign-in", "check-mail")).await;
    if own.has("verify") {
        elsewhere.submit(&own, "verify", &[("code", &mail.code())]).await;
    }
    assert!(elsewhere.cookie("session").is_none());
    app.untouched(&before, "elsewhere").await;
    here.submit(&waiting, "verify", &[("code", &mail.code())]).await;
    assert!(app.is_in(&mut here).await);
}

/// The code is good for ten minutes and the link for an hour, to the second.
#[tokio::test]
async fn they_end() {
    for (seconds, code, link) in [(599, 303, 200), (600, 400, 200), (3599, 400, 200), (3600, 400, 410), (3601, 400, 410)] {
        let app = TestApp::start().await;
        app.person("ana").await;
        let mut browser = Browser::new();
        let waiting = app.ask_for_link(&mut browser, ANA).await;
        let mail = app.mail().one(ANA).await;
        app.clock.advance(seconds);
        assert_eq!(browser.get(&mail.link()).await.status, link, "{seconds}");
        let shown = Browser::new().get(&mail.link()).await;
        assert_eq!((shown.status, shown.has("code")), (link, code == 303), "{seconds}");
        if seconds < 3600 {
            assert_eq!(browser.press(&waiting, "verify", &[("code", &mail.code())]).await.status, code, "{seconds}");
        }
    }
}

/// Five guesses a code, and a hundred an account however many codes are asked for; the right one is not compared after that.
#[tokio::test]
async fn guesses_are_few() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let mut browser = Browser::new();
    let waiting = app.ask_for_link(&mut browser, ANA).await;
    let code = app.mail().one(ANA).await.code();
    let wrong = if code == "000000" { "111111" } else { "000000" };
    for nonsense in ["", "12345", "1234567", "abcdef", "\u{ff11}\u{ff12}\u{ff13}\u{ff14}\u{ff15}\u{ff16}"] {
        let page = browser.press(&waiting, "verify", &[("code", nonsense)]).await;
        assert_eq!((page.status, page.has("code-error")), (400, true), "{nonsense} costs no guess");
    }
    for _ in 0..5 {
        assert_eq!(browser.press(&waiting, "verify", &[("code", wrong)]).await.status, 400);
    }
    let late = browser.press(&waiting, "verify", &[("code", &code)]).await;
    assert_eq!((late.status, late.header("retry-after")), (429, Some("600")));
    assert!(browser.cookie("session").is_none());
    // Another interaction of the same browser has another code, and the account one count.
    let mut tried = 5;
    let mut last = 400;
    while last != 429 && tried < 200 {
        let waiting = app.ask_for_link(&mut Browser::clone(&browser), ANA).await;
        for _ in 0..5 {
            last = browser.press(&waiting, "verify", &[("code", wrong)]).await.status;
            tried += usize::from(last == 400);
        }
    }
    assert_eq!(tried, 100);
    app.ignore_mail();
}

/// A code belongs to its interaction, and a new mail takes the place of the last one's code.
#[tokio::test]
async fn a_code_belongs_to_its_mail() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let mut browser = Browser::new();
    let first = app.ask_for_link(&mut browser, ANA).await;
    let one = app.mail().one(ANA).await.code();
    let second = app.ask_for_link(&mut browser, ANA).await;
    let two = app.mail().one(ANA).await.code();
    assert_ne!(one, two);
    assert_eq!(browser.press(&first, "verify", &[("code", &two)]).await.status, 400);
    assert_eq!(browser.press(&second, "verify", &[("code", &one)]).await.status, 400);
    app.clock.advance(1);
    browser.submit(&second, "send-again", &[]).await;
    let three = app.mail().one(ANA).await.code();
    assert_eq!(browser.press(&second, "verify", &[("code", &two)]).await.status, 400, "an old code");
    assert_eq!(browser.press(&second, "verify", &[("code", &three)]).await.status, 303);
    assert_eq!(browser.press(&second, "verify", &[("code", &three)]).await.status, 400, "once");
}

/// 32 presses of one link at the same instant begin one session.
#[tokio::test]
async fn a_link_is_pressed_once() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let mut browser = Browser::new();
    app.ask_for_link(&mut browser, ANA).await;
    let form = browser.get(&app.mail().one(ANA).await.link()).await;
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..32 {
        let (mut browser, form) = (browser.clone(), form.clone());
        running.spawn(async move { browser.press(&form, "go-on", &[]).await.status });
    }
    let mut counted = BTreeMap::new();
    for status in running.join_all().await {
        *counted.entry(status).or_insert(0) += 1;
    }
    assert_eq!(counted, BTreeMap::from([(303, 1), (410, 31)]));
    assert_eq!(app.count("SELECT COUNT(*) FROM sessions").await, 1);
}

/// SE-01: whatever session cookie was there before, each of these ways gives a new one, and the old is worth nothing.
#[tokio::test]
async fn no_session_is_fixed() {
    let app = TestApp::open_house().await;
    app.person("ana").await;
    app.person("eve").await;
    for way in ["link", "code", "sign-up"] {
        let mut browser = Browser::new();
        app.sign_in(&mut browser, "eve").await;
        let planted = browser.cookie("session").unwrap().value.clone();
        let mut fresh = browser.clone();
        fresh.set_cookie("session", None);
        let (waiting, address) = match way {
            "sign-up" => (app.sign_up(&mut fresh, "una").await, "una@example.com"),
            _ => (app.ask_for_link(&mut fresh, ANA).await, ANA),
        };
        let mail = app.mail().one(address).await;
        // The attacker's session is in the browser when the person comes in.
        match way {
            "code" => drop(browser.submit(&waiting, "verify", &[("code", &mail.code())]).await),
            _ => drop(browser.open_and_press(&mail.link()).await),
        }
        assert_ne!(browser.cookie("session").unwrap().value, planted, "{way}");
        assert!(app.is_in(&mut browser).await);
        browser.set_cookie("session", Some(&planted));
        assert!(!app.is_in(&mut browser).await, "{way}");
        app.clock.advance(3600);
    }
}

/// TK-17: a link of one purpose is unknown to every other, and stays good for its own.
#[tokio::test]
async fn a_link_is_for_one_thing() {
    let app = TestApp::open_house().await;
    app.person("ana").await;
    let mut browser = Browser::new();
    let rp = Rp::web(&app, "web").await;
    let tokens = rp.tokens(&mut browser.clone(), "ana").await;
    app.sign_in(&mut Browser::new(), "ana").await;
    let not_me = app.mail().to(ANA).await.remove(0).links().into_iter().find(|link| link.contains("/not-me/")).unwrap();
    app.sign_up(&mut browser, "una").await;
    let verify = app.mail().one("una@example.com").await.link();
    app.forget(&mut browser, ANA).await;
    let reset = app.mail().one(ANA).await.link();
    app.ask_for_link(&mut browser, ANA).await;
    let link = app.mail().one(ANA).await.link();
    let csrf = browser.visit(&app.url("/account")).await.form("sign-in").get("csrf").unwrap().to_owned();
    let all = [&verify, &reset, &link, &not_me];
    let token = |link: &str| link.rsplit('/').next().unwrap().to_owned();
    let before = app.rows().await;
    let refresh = tokens.text("refresh_token");
    let mut strangers: Vec<String> = all.iter().map(|link| token(link)).collect();
    strangers.extend([refresh.clone(), tokens.text("access_token"), "ac_x".to_owned()]);
    for path in ["/verify-email", "/reset-password", "/sign-in-link"] {
        for stranger in
            strangers.iter().filter(|stranger| !all.iter().any(|link| **link == app.url(&format!("{path}/{stranger}"))))
        {
            let address = app.url(&format!("{path}/{stranger}"));
            assert_eq!(browser.get(&address).await.status, 410, "{address}");
            let page = browser.post(Initiator::SameOrigin, &address, &[("csrf", &csrf), ("password", FRESH)]).await;
            assert_eq!(page.status, 410, "{address}");
        }
    }
    for stranger in all.map(|link| token(link)) {
        assert_eq!(rp.userinfo(&stranger).await.status, 401);
        assert_eq!((rp.refresh(&stranger).await.status, rp.exchange(&stranger).await.status), (400, 400));
        assert_eq!(rp.introspect(&stranger).await.json()["active"], false);
    }
    app.untouched(&before, "a link for something else").await;
    assert!(browser.clone().open_and_press(&link).await.url.path().ends_with("/account"));
    assert!(browser.clone().open_and_press(&verify).await.url.path().ends_with("/account"));
    assert!(browser.open_and_set(&reset, FRESH).await.has("password-set"));
    app.ignore_mail();
}

/// A person whose address nobody had proved keeps going in the same browser: the session from before ends, a new one begins.
#[tokio::test]
async fn the_first_proof_in_a_signed_in_browser() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let unproved = "UPDATE users SET email_verified = FALSE";
    app.provider.db.write(async move |tx| tx.execute(vouchsafe::store::sql(unproved)).await).await.unwrap();
    let rp = Rp::web(&app, "web").await;
    let mut browser = Browser::new();
    rp.tokens(&mut browser, "ana").await;
    let old = browser.cookie("session").unwrap().value.clone();
    let page = browser.visit(&rp.begin(&rp.flow().with("prompt", "login"))).await;
    let page = browser.click(&page, "by-mail").await;
    browser.submit(&page, "send", &[("username", ANA)]).await;
    let page = browser.open_and_press(&app.mail().one(ANA).await.link()).await;
    assert!(page.has("allow"), "the consent from before is gone too: {} {}", page.status, page.body);
    assert!(browser.submit(&page, "allow", &[]).await.param("code").is_some());
    browser.set_cookie("session", Some(&old));
    assert!(!app.is_in(&mut browser).await);
    let form = browser.visit(&app.url("/account")).await;
    let page = browser.press(&form, "sign-in", &[("username", ANA), ("password", PASSWORD)]).await;
    assert_eq!(page.status, 400, "so is the password (decision 17)");
}

/// Off means off, for the page, its form and the links of before.
#[tokio::test]
async fn it_can_be_off() {
    for setting in ["on", "off"] {
        let app = TestApp::with(Wish { settings: &[("SIGN_IN__BY_MAIL", setting)], ..Wish::default() }).await;
        let mut browser = Browser::new();
        let page = browser.visit(&app.url("/account")).await;
        assert_eq!(page.has("by-mail"), setting == "on");
        let address = page.url.as_str().replace("/sign-in/", "/sign-in-by-mail/");
        assert_eq!(browser.get(&address).await.status, if setting == "on" { 200 } else { 404 });
    }
}

/// The code of a mail of before is worth nothing once it is off, and is still good over a restart that leaves it on.
#[tokio::test]
async fn a_code_of_before_it_was_off() {
    for (setting, status) in [("on", 303), ("off", 400)] {
        let app = TestApp::start().await;
        app.person("ana").await;
        let mut browser = Browser::new();
        let waiting = app.ask_for_link(&mut browser, ANA).await;
        let code = app.mail().one(ANA).await.code();
        let app = app.restart_with(Wish { settings: &[("SIGN_IN__BY_MAIL", setting)], ..Wish::default() }).await;
        let waiting = browser.get(&app.url(waiting.url.path())).await;
        let typed = browser.press(&waiting, "verify", &[("code", &code)]).await;
        assert_eq!((typed.status, browser.cookie("session").is_some()), (status, setting == "on"), "{setting}");
    }
}
