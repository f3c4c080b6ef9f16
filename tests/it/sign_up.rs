//! Protects the way to an account: decisions 14 and 17, battery rows AZ-13, EM-01 to EM-13, PW-07, PW-13, PW-17, SE-01, TK-17.

use vouchsafe::admin::users::{self, Address, NewUser};
use vouchsafe::base::Secret;
use vouchsafe::store::sql;

use crate::support::app::{PASSWORD, Wish};
use crate::support::journey::{FRESH, Seen};
use crate::support::{Browser, CALLBACK, Page, Rp, TestApp};

const UNA: &str = "una@example.com";

/// Where the address is proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Link,
    Code,
    LinkElsewhere,
}

/// What an app gets in the end, and what it learns of the person.
async fn assert_arrived(rp: &Rp, page: &Page) {
    assert!(page.leaves_for(CALLBACK), "{} {:?} {}", page.status, page.location(), page.body);
    assert_eq!(page.param("state").as_deref(), Some("a state"));
    let tokens = rp.exchange(&page.param("code").unwrap()).await;
    let person = rp.userinfo(&tokens.text("access_token")).await.json();
    assert_eq!(
        (&person["email"], &person["email_verified"], &person["name"]),
        (&UNA.into(), &true.into(), &"Una Example".into())
    );
}

/// From the app and back to it, by every way of proving the address; the app's wishes survive the detour.
#[tokio::test]
async fn the_request_of_an_app_survives() {
    let plain: &[(&str, &str)] = &[];
    let create: &[(&str, &str)] = &[("prompt", "create"), ("login_hint", UNA), ("ui_locales", "de")];
    for wishes in [plain, create] {
        for way in [Way::Link, Way::Code, Way::LinkElsewhere] {
            let app = TestApp::open_house().await;
            let rp = Rp::web(&app, "web").await;
            let flow = wishes.iter().fold(rp.flow(), |flow, (name, value)| flow.with(name, value));
            let mut browser = Browser::new();
            let mut page = browser.visit(&rp.begin(&flow)).await;
            let german = !wishes.is_empty();
            if german {
                assert_eq!(page.form("sign-up").get("username"), Some(UNA), "the app's hint");
                assert_eq!(page.text("#sign-up"), "Registrieren");
            } else {
                page = browser.click(&page, "create").await;
            }
            let waiting = browser.sign_up(&page, UNA, FRESH).await;
            assert!(waiting.text("#check-mail").contains(UNA), "{}", waiting.body);
            assert_eq!(app.count("SELECT COUNT(*) FROM sessions").await, 0);
            let mail = app.mail().one(UNA).await;
            assert_eq!(mail.subject.starts_with("Bestätigen"), german, "{}", mail.subject);
            let page = match way {
                Way::Link => browser.open_and_press(&mail.link()).await,
                Way::Code => browser.submit(&waiting, "verify", &[("code", &mail.code())]).await,
                Way::LinkElsewhere => {
                    let mut other = Browser::new();
                    let told = other.open_and_press(&mail.link()).await;
                    assert!(told.has("verified") && other.cookie("session").is_none(), "{}", told.body);
                    let form = other.click(&told, "go-on").await;
                    let form = if form.has("sign-up") {
                        other.visit(&form.url.as_str().replace("sign-up", "sign-in")).await
                    } else {
                        form
                    };
                    let page = other.submit(&form, "sign-in", &[("username", UNA), ("password", FRESH)]).await;
                    assert_arrived(&rp, &other.submit(&page, "allow", &[]).await).await;
                    // The browser that began goes on as well.
                    let back = browser.visit(&waiting.url.as_str().replace("check-mail", "sign-in")).await;
                    browser.submit(&back, "sign-in", &[("username", UNA), ("password", FRESH)]).await
                }
            };
            let page = if page.has("allow") { browser.submit(&page, "allow", &[]).await } else { page };
            assert_arrived(&rp, &page).await;
            assert_eq!(app.audited("signed_up").await, 1);
        }
    }
}

/// An address that is not proved lets nobody in: neither to the house nor to an app, with the right password.
#[tokio::test]
async fn nobody_comes_in_before_the_proof() {
    let app = TestApp::open_house().await;
    let rp = Rp::web(&app, "web").await;
    let mut browser = Browser::new();
    app.sign_up(&mut browser, "una").await;
    let code = app.mail().one(UNA).await.code();
    for start in [app.url("/account"), rp.begin(&rp.flow())] {
        let page = browser.visit(&start).await;
        let page = browser.submit(&page, "sign-in", &[("username", UNA), ("password", FRESH)]).await;
        assert!(page.has("check-mail"), "{} {}", page.url, page.body);
        let again = app.mail().one(UNA).await;
        assert_ne!(again.code(), code);
        assert_eq!(app.count("SELECT COUNT(*) FROM sessions").await, 0);
    }
    assert_eq!(app.count("SELECT COUNT(*) FROM authorization_codes").await, 0);
}

/// AZ-13: where every address has to be proved, a session from before leads to no app, by no prompt and no late consent.
#[tokio::test]
async fn an_unproved_address_keeps_from_apps() {
    for required in ["off", "on"] {
        let app = TestApp::with(Wish { settings: &[("SIGN_IN__VERIFIED_ONLY", required)], ..Wish::default() }).await;
        let rp = Rp::web(&app, "web").await;
        app.person("una").await;
        let mut browser = Browser::new();
        let consent = browser.visit(&rp.begin(&rp.flow())).await;
        let consent = browser.submit(&consent, "sign-in", &[("username", UNA), ("password", PASSWORD)]).await;
        assert!(consent.has("allow"), "{}", consent.body);
        // An import says that the address is not proved after all.
        let unproved = "UPDATE users SET email_verified = FALSE";
        app.provider.db.write(async move |tx| tx.execute(sql(unproved)).await).await.unwrap();
        let allowed = browser.submit(&consent, "allow", &[]).await;
        let silent = browser.visit(&rp.begin(&rp.flow().with("prompt", "none"))).await;
        if required == "off" {
            assert!(allowed.param("code").is_some() && silent.param("code").is_some(), "the positive twin");
            continue;
        }
        assert!(allowed.has("check-mail"), "{:?} {}", allowed.location(), allowed.body);
        assert_eq!(silent.param("error").as_deref(), Some("interaction_required"));
        assert_eq!(app.count("SELECT COUNT(*) FROM authorization_codes").await, 0);
        // The way out: a mail, and the same request goes on.
        let waiting = browser.submit(&allowed, "send-again", &[]).await;
        let code = app.mail().one(UNA).await.code();
        let page = browser.submit(&waiting, "verify", &[("code", &code)]).await;
        let page = if page.has("allow") { browser.submit(&page, "allow", &[]).await } else { page };
        assert!(page.param("code").is_some(), "{} {}", page.status, page.body);
        assert!(app.is_in(&mut browser).await);
    }
}

/// People of every kind, whose addresses are equally long: known, disabled, added but never proved, signed up.
pub async fn all_kinds(app: &TestApp) -> [&'static str; 5] {
    app.person("ana").await;
    app.person("dis").await;
    users::disable(app.desk(), "dis@example.com").await.unwrap();
    let new = NewUser {
        email: "add@example.com".to_owned(),
        address: Address::Unverified,
        claims: serde_json::Map::new(),
        password: Some(Secret::new(PASSWORD.to_owned())),
    };
    users::add(app.desk(), &app.provider.hasher, new).await.unwrap();
    app.sign_up(&mut Browser::new(), "una").await;
    app.mail().one(UNA).await;
    ["nob@example.com", "ana@example.com", "dis@example.com", "add@example.com", "una@example.com"]
}

/// PW-07, EM-13: whoever signs up with an address learns nothing of it, from words, headers, hashes or the page that follows; a
/// taken address hears of it, and keeps what it has.
#[tokio::test]
async fn taken_addresses_look_like_free_ones() {
    let app = TestApp::open_house().await;
    let mut seen = Vec::new();
    for address in all_kinds(&app).await {
        let mut browser = Browser::new();
        let form = browser.visit(&app.url("/sign-up")).await;
        let before = (app.provider.hasher.hashes(), app.provider.hasher.verifications());
        let rows = app.rows().await;
        let fields = [("username", address), ("name", "Mallory Quux"), ("password", FRESH)];
        let sent = browser.press(&form, "sign-up", &fields).await;
        let waiting = browser.follow(sent.clone()).await;
        assert_eq!((app.provider.hasher.hashes() - before.0, app.provider.hasher.verifications()), (1, before.1), "{address}");
        let again = browser.press(&waiting, "send-again", &[]).await;
        let guessed = browser.press(&waiting, "verify", &[("code", "000000")]).await;
        seen.push([sent, waiting, again, guessed].map(|page| Seen::of(&page, address)));
        let mails = app.mail().to(address).await;
        let subjects: Vec<_> = mails.iter().map(|mail| mail.subject.as_str()).collect();
        if address.starts_with("nob") || address.starts_with("una") {
            assert_eq!(subjects, ["Confirm your e-mail address"; 2], "{address}");
            assert!(mails.iter().all(|mail| mail.to == address));
        } else {
            assert_eq!(subjects, ["You already have an account"], "{address}");
            assert!(!mails[0].raw.contains("Mallory Quux"), "a stranger's words do not reach the owner");
            app.untouched(&rows, address).await;
        }
    }
    for one in &seen {
        assert_eq!(one, &seen[0]);
    }
    // The owner signs in as before; the stranger's password is nobody's.
    let form = Browser::new().visit(&app.url("/account")).await;
    assert!(form.has("sign-in"));
    app.sign_in(&mut Browser::new(), "ana").await;
}

/// EM-13: three mails an hour to one address, whoever asks, also all at once, and three links for a new password; then it goes on.
#[tokio::test]
async fn three_mails_an_hour() {
    let app = TestApp::open_house().await;
    app.person("ana").await;
    let mut running = tokio::task::JoinSet::new();
    for number in 0..32 {
        let mut browser = Browser::new();
        let start = app.url(if number % 2 == 0 { "/forgot-password" } else { "/sign-up" });
        let page = browser.visit(&start).await;
        running.spawn(async move {
            let page = if page.has("send") {
                browser.submit(&page, "send", &[("username", "ana@example.com")]).await
            } else {
                browser.sign_up(&page, "ana@example.com", FRESH).await
            };
            assert!(page.has("check-mail"), "{} {}", page.status, page.body);
        });
    }
    running.join_all().await;
    let mails = app.mail().to("ana@example.com").await;
    let resets = mails.iter().filter(|mail| mail.text.contains("/reset-password/")).count();
    assert_eq!((mails.len(), resets), (6, 3));
    for (seconds, mails) in [(3599, 0), (1, 1)] {
        app.clock.advance(seconds);
        app.forget(&mut Browser::new(), "ana@example.com").await;
        assert_eq!(app.mail().to("ana@example.com").await.len(), mails, "{seconds}");
    }
    app.ignore_mail();
}

/// Decision 17: whoever waits in an account for its owner is out once the owner has proved the address.
#[tokio::test]
async fn who_came_first_gets_nothing() {
    let app = TestApp::open_house().await;
    let (mut attacker, mut owner) = (Browser::new(), Browser::new());
    let form = attacker.visit(&app.url("/sign-up")).await;
    attacker.sign_up(&form, UNA, "the attackers own choice of words").await;
    let theirs = app.mail().one(UNA).await.link();
    app.signed_up(&mut owner, "una").await;
    let password = |phrase: &'static str| {
        let app = &app;
        async move {
            let mut browser = Browser::new();
            let page = browser.visit(&app.url("/account")).await;
            browser.submit(&page, "sign-in", &[("username", UNA), ("password", phrase)]).await.url.path().ends_with("/account")
        }
    };
    assert!(password(FRESH).await && !password("the attackers own choice of words").await);
    // Not even when the owner presses the old link too.
    let before = app.rows().await;
    for browser in [&mut owner, &mut attacker, &mut Browser::new()] {
        assert_eq!(browser.get(&theirs).await.status, 410);
    }
    app.untouched(&before, "an old link").await;
    assert!(password(FRESH).await && !password("the attackers own choice of words").await);
}

/// The same where the owner came by a link to sign in with: the old verification brings no password (decision 17).
#[tokio::test]
async fn an_old_verification_brings_no_password() {
    let app = TestApp::open_house().await;
    let (mut attacker, mut owner) = (Browser::new(), Browser::new());
    app.sign_up(&mut attacker, "una").await;
    let theirs = app.mail().one(UNA).await;
    app.ask_for_link(&mut owner, UNA).await;
    let link = app.mail().one(UNA).await.link();
    assert!(owner.open_and_press(&link).await.url.path().ends_with("/account"));
    assert_eq!(app.count("SELECT COUNT(*) FROM password_hashes").await, 0, "the attacker's password is gone");
    assert_eq!(owner.get(&theirs.link()).await.status, 410);
    let page = attacker.visit(&app.url("/account")).await;
    let page = attacker.submit(&page, "sign-in", &[("username", UNA), ("password", FRESH)]).await;
    assert_eq!((page.status, page.has("problem")), (400, true));
    assert!(app.is_in(&mut owner).await);
}

/// A password that an operator replaced does not come back with a mail from before, sent again or not.
#[tokio::test]
async fn an_old_verification_brings_no_old_password() {
    for again in [false, true] {
        let app = TestApp::open_house().await;
        let mut browser = Browser::new();
        let waiting = app.sign_up(&mut browser, "una").await;
        let mail = app.mail().one(UNA).await;
        users::set_password(app.desk(), &app.provider.hasher, UNA, Secret::new(PASSWORD.to_owned())).await.unwrap();
        let before = app.rows().await;
        let code = if again { browser.submit(&waiting, "send-again", &[]).await } else { waiting };
        app.mail().none(UNA).await;
        assert_eq!(browser.press(&code, "verify", &[("code", &mail.code())]).await.status, 400);
        assert_eq!(browser.get(&mail.link()).await.status, 410);
        app.untouched(&before, "an old mail").await;
        // The positive twin: the new password gets a mail of its own.
        let page = browser.visit(&app.url("/account")).await;
        browser.submit(&page, "sign-in", &[("username", UNA), ("password", PASSWORD)]).await;
        let link = app.mail().one(UNA).await.link();
        assert!(browser.open_and_press(&link).await.url.path().ends_with("/account"));
    }
}
