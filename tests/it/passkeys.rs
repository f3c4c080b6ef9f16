//! Protects signing in with passkeys and adding them: what of an answer is checked (WA-01 to WA-11), each with the same answer
//! right.

use std::time::Instant;

use serde_json::Value;
use tokio::task::JoinSet;

use crate::support::app::{PASSWORD, Wish};
use crate::support::authenticator::{PRESENT, SYNCED, Saying, VERIFIED, encode};
use crate::support::rp::claims;
use crate::support::{Authenticator, Browser, Page, Rp, TestApp};

const ANA: &str = "ana@example.com";
const BOB: &str = "bob@example.com";

/// A provider with Ana, who has a passkey, and the browser in which she made it.
async fn with_ana() -> (TestApp, Authenticator, Browser) {
    let app = TestApp::start().await;
    let (authenticator, browser) = enrolled(&app, "ana", 1).await;
    (app, authenticator, browser)
}

/// A person with a passkey.
pub async fn enrolled(app: &TestApp, name: &str, seed: u8) -> (Authenticator, Browser) {
    app.person(name).await;
    let (mut authenticator, mut browser) = (Authenticator::new(app, seed), Browser::new());
    app.sign_in(&mut browser, name).await;
    let page = authenticator.enrol(app, &mut browser).await;
    assert!(page.has("done") && page.has("passkeys"), "{} {}", page.status, page.body);
    let mail = app.mail().one(&format!("{name}@example.com")).await;
    assert!(mail.text.contains("was added to your account"), "{}", mail.text);
    (authenticator, browser)
}

/// A sign-in page in this browser and what it would ask an authenticator.
async fn asked(app: &TestApp, browser: &mut Browser) -> (Page, Value) {
    let page = browser.visit(&app.url("/sign-in")).await;
    let options = browser.passkey_options(&page).await;
    (page, options)
}

/// Sends an authenticator's answer from this sign-in page, without following.
async fn answer(browser: &mut Browser, page: &Page, answer: &str) -> Page {
    browser.press(page, "passkey", &[("credential", answer)]).await
}

/// Without a name: the authenticator says who it is. Tokens say truly how, the page and the history tell of it (decision 8).
#[tokio::test]
async fn signs_in() {
    let (app, mut authenticator, _) = with_ana().await;
    let rp = Rp::web(&app, "web").await;
    let mut browser = Browser::new();
    let page = browser.visit(&rp.begin(&rp.flow())).await;
    assert_eq!(page.attributes("#username", "autocomplete"), ["username webauthn"]);
    let page = authenticator.sign_in_on(&mut browser, &page).await;
    let page = browser.submit(&page, "allow", &[]).await;
    let tokens = rp.exchange(&page.param("code").unwrap()).await;
    let token = claims(&tokens.text("id_token"));
    assert_eq!(token["amr"], serde_json::json!(["hwk", "user", "mfa"]), "a key that stays on its device");
    assert_eq!(token["acr"], "phr");
    assert_eq!(token["auth_time"], app.clock.now().unix());
    let page = browser.visit(&app.url("/account/passkeys")).await;
    assert!(page.text("#passkeys").contains("last used just now"), "{}", page.text("#passkeys"));
    let page = browser.visit(&app.url("/account/history")).await;
    assert!(page.body.contains("You added a passkey") && page.body.contains("You signed in"), "{}", page.body);
    assert_eq!(app.audited("passkey_added").await, 1);
    // A new browser, so its owner hears of it.
    let mails = app.mail().to(ANA).await;
    assert!(mails.iter().any(|mail| mail.subject.starts_with("A new sign-in")), "{mails:?}");
}

/// Two tabs of one page have a question each: each is answered by itself, once, and one that is used up spoils no other.
#[tokio::test]
async fn two_tabs() {
    let (app, mut ana, mut own) = with_ana().await;
    let mut browser = Browser::new();
    let (page, first) = asked(&app, &mut browser).await;
    let second = browser.passkey_options(&page).await;
    let mut tab = browser.clone();
    let right = ana.get(&first, |_| {});
    assert_eq!(answer(&mut browser, &page, &right).await.status, 303, "the tab that asked first");
    assert!(app.is_in(&mut browser).await);
    assert_eq!(answer(&mut tab.clone(), &page, &right).await.status, 400, "once");
    let right = ana.get(&second, |_| {});
    assert_eq!(answer(&mut tab, &page, &right).await.status, 303, "the other tab");
    assert!(app.is_in(&mut tab).await);
    // The same of new passkeys.
    let page = own.visit(&app.url("/account/passkeys")).await;
    let (first, second) = (own.passkey_options(&page).await, own.passkey_options(&page).await);
    for (seed, options) in [(7, &first), (8, &second)] {
        let sent = Authenticator::new(&app, seed).create(options, |_| {});
        assert_eq!(own.press(&page, "add-passkey", &[("credential", &sent)]).await.status, 303, "{seed}");
        assert_eq!(own.press(&page, "add-passkey", &[("credential", &sent)]).await.status, 400, "{seed}: once");
    }
    app.ignore_mail();
}

/// Whoever asks again and again at one place leaves a few questions, the newest among them.
#[tokio::test]
async fn asked_again() {
    let (app, mut ana, _) = with_ana().await;
    let before = app.count("SELECT COUNT(*) FROM passkey_challenges").await;
    let mut browser = Browser::new();
    let (page, _) = asked(&app, &mut browser).await;
    for _ in 0..20 {
        browser.passkey_options(&page).await;
    }
    let newest = browser.passkey_options(&page).await;
    assert_eq!(app.count("SELECT COUNT(*) FROM passkey_challenges").await, before + 8);
    let right = ana.get(&newest, |_| {});
    answer(&mut browser, &page, &right).await;
    assert!(app.is_in(&mut browser).await);
    app.ignore_mail();
}

/// RFC 8176: a key that can be copied is none in hardware.
#[tokio::test]
async fn a_synced_key() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let (mut authenticator, mut browser) = (Authenticator::new(&app, 1), Browser::new());
    (authenticator.flags, authenticator.counts) = (PRESENT | VERIFIED | SYNCED, false);
    app.sign_in(&mut browser, "ana").await;
    let page = authenticator.enrol(&app, &mut browser).await;
    assert!(page.text("#passkeys").contains("synced across your devices"), "{}", page.text("#passkeys"));
    let (rp, mut other) = (Rp::web(&app, "web").await, Browser::new());
    // Its counter stays at zero, and that is no copy (WebAuthn section 6.1.1).
    for _ in 0..2 {
        let page = other.visit(&rp.begin(&rp.flow().with("prompt", "login"))).await;
        let page = authenticator.sign_in_on(&mut other, &page).await;
        let page = if page.has("allow") { other.submit(&page, "allow", &[]).await } else { page };
        let token = claims(&rp.exchange(&page.param("code").unwrap()).await.text("id_token"));
        assert_eq!(token["amr"], serde_json::json!(["swk", "user", "mfa"]));
    }
    app.ignore_mail();
}

/// WA-02, WA-04: each thing that an answer can have wrong, alone; then the same answer right, to the very same question.
#[tokio::test]
async fn wrong_answers() {
    let (app, ana, _) = with_ana().await;
    let (bob, _) = enrolled(&app, "bob", 2).await;
    let (bobs_handle, bobs_id) = (bob.keys[0].handle.clone(), bob.keys[0].id.clone());
    let port = app.config.listen.port();
    let mut browser = Browser::new();
    let (page, options) = asked(&app, &mut browser).await;
    let (_, others) = asked(&app, &mut browser).await;
    let others = others["challenge"].as_str().unwrap().to_owned();
    assert_eq!(options["userVerification"], "required");
    type Change<'a> = Box<dyn FnOnce(&mut Saying) + 'a>;
    let wrong: Vec<(&str, Change<'_>)> = vec![
        ("another site", Box::new(|it| it.origin = "https://evil.test".to_owned())),
        ("a sub-domain", Box::new(|it| it.origin = format!("http://evil.localhost:{port}"))),
        ("another scheme", Box::new(|it| it.origin = format!("https://localhost:{port}"))),
        ("another port", Box::new(|it| it.origin = "http://localhost:1".to_owned())),
        ("a longer host", Box::new(|it| it.origin = format!("http://localhost.evil.test:{port}"))),
        ("another RP ID", Box::new(|it| it.rp_id = "evil.test".to_owned())),
        ("a page inside another", Box::new(|it| it.cross_origin = true)),
        ("a page on top", Box::new(|it| it.top_origin = Some("https://evil.test".to_owned()))),
        ("a challenge of nobody", Box::new(|it| it.challenge = encode([7; 32]))),
        ("a challenge of another page", Box::new(|it| it.challenge.clone_from(&others))),
        ("an answer of another kind", Box::new(|it| it.kind = "webauthn.create".to_owned())),
        ("a broken signature", Box::new(|it| it.breaks_signature = true)),
        ("an id that is not the raw one", Box::new(|it| it.shown_id = Some(encode([1; 32])))),
        ("no public key", Box::new(|it| it.credential_type = "password".to_owned())),
        ("nobody made sure who", Box::new(|it| it.flags = PRESENT)),
        ("nobody there", Box::new(|it| it.flags = VERIFIED)),
        ("another person", Box::new(|it| it.handle = Some(bobs_handle.clone()))),
        ("nobody's handle", Box::new(|it| it.handle = Some(vec![9; 16]))),
        ("no handle", Box::new(|it| it.handle = None)),
        ("a strange handle", Box::new(|it| it.handle = Some(vec![9; 3]))),
        ("another person's passkey", Box::new(|it| it.id.clone_from(&bobs_id))),
        ("a synced key that was none", Box::new(|it| it.flags |= SYNCED)),
    ];
    let before = app.rows().await;
    for (why, change) in wrong {
        let sent = ana.clone().get(&options, change);
        let refused = answer(&mut browser, &page, &sent).await;
        assert_eq!((refused.status, refused.has("problem")), (400, true), "{why}: {:?}", refused.location());
        assert!(refused.header("set-cookie").is_none() && !app.is_in(&mut browser).await, "{why}");
        app.untouched(&before, why).await;
    }
    for garbage in ["x", "{}", "[]", "null", "{\"id\":\"x\"}"] {
        assert_eq!(answer(&mut browser, &page, garbage).await.status, 400, "{garbage}");
    }
    app.untouched(&before, "garbage").await;
    let sent = ana.clone().get(&options, |_| {});
    let done = answer(&mut browser, &page, &sent).await;
    assert_eq!(done.status, 303, "{}", done.body);
    assert!(app.is_in(&mut browser).await);
}

/// WA-01: a challenge is good once, for five minutes, in one browser, for one interaction, to sign in with.
#[tokio::test]
async fn challenges() {
    let (app, mut ana, mut enrolling) = with_ana().await;
    let (mut browser, mut other) = (Browser::new(), Browser::new());
    let (page, options) = asked(&app, &mut browser).await;
    let (second, _) = asked(&app, &mut browser).await;
    let (elsewhere, _) = asked(&app, &mut other).await;
    let sent = ana.get(&options, |_| {});
    let before = app.rows().await;
    assert_ne!(page.url, second.url);
    assert_eq!(answer(&mut browser, &second, &sent).await.status, 400, "another interaction of this browser");
    assert_eq!(answer(&mut other, &elsewhere, &sent).await.status, 400, "another browser");
    app.untouched(&before, "elsewhere").await;
    assert_eq!(answer(&mut browser, &page, &sent).await.status, 303);
    let mut again = browser.clone();
    let before = app.rows().await;
    let replay = again.press(&page, "passkey", &[("credential", &sent)]).await;
    assert_eq!(replay.status, 400, "twice");
    app.untouched(&before, "twice").await;
    let (page, options) = asked(&app, &mut other).await;
    let sent = ana.get(&options, |_| {});
    app.clock.advance(300);
    let before = app.rows().await;
    assert_eq!(answer(&mut other, &page, &sent).await.status, 400, "after five minutes");
    app.untouched(&before, "too late").await;
    // What was asked to sign in adds nothing, and the other way round.
    let own = enrolling.visit(&app.url("/account/passkeys")).await;
    let to_enrol = enrolling.passkey_options(&own).await;
    let (page, to_sign_in) = asked(&app, &mut other).await;
    let swapped = |options: &Value, other: &Value| {
        let mut swapped = options.clone();
        swapped["challenge"] = other["challenge"].clone();
        swapped
    };
    let before = app.rows().await;
    let sent = ana.get(&swapped(&to_sign_in, &to_enrol), |_| {});
    assert_eq!(answer(&mut other, &page, &sent).await.status, 400);
    let sent = ana.clone().create(&swapped(&to_enrol, &to_sign_in), |_| {});
    assert_eq!(enrolling.press(&own, "add-passkey", &[("credential", &sent)]).await.status, 400);
    app.untouched(&before, "crossed").await;
    let sent = ana.get(&to_sign_in, |_| {});
    assert_eq!(answer(&mut other, &page, &sent).await.status, 303, "four minutes and more are fine");
    let sent = ana.create(&to_enrol, |_| {});
    assert_eq!(enrolling.press(&own, "add-passkey", &[("credential", &sent)]).await.status, 303);
    app.ignore_mail();
}

/// I1: the same answer sent by many at once signs in once; what lost leaves nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_once() {
    let (app, mut ana, _) = with_ana().await;
    let mut browser = Browser::new();
    let (page, options) = asked(&app, &mut browser).await;
    let sent = ana.get(&options, |_| {});
    let before = app.count("SELECT COUNT(*) FROM sessions").await;
    let mut running = JoinSet::new();
    for _ in 0..16 {
        let (mut browser, page, sent) = (browser.clone(), page.clone(), sent.clone());
        running.spawn(async move { answer(&mut browser, &page, &sent).await.status });
    }
    let statuses = running.join_all().await;
    assert_eq!(statuses.iter().filter(|status| **status == 303).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [303, 400].contains(status)), "{statuses:?}");
    assert_eq!(app.count("SELECT COUNT(*) FROM sessions").await, before + 1);
    assert_eq!(app.count("SELECT sign_count FROM passkeys").await, 2);
}

/// WebAuthn section 6.1.1: a counter that goes back, or stands, may be that of a copy. It is refused, and the owner hears of it.
#[tokio::test]
async fn a_counter_that_goes_back() {
    let (app, mut ana, _) = with_ana().await;
    let copy = ana.clone();
    let mut browser = Browser::new();
    for _ in 0..3 {
        let page = ana.sign_in(&app, &mut browser).await;
        assert!(page.url.path().ends_with("/account"), "{}", page.body);
        browser.forget_cookies();
    }
    app.mail().to(ANA).await;
    for (count, status) in [(2, 400), (4, 400), (5, 303)] {
        let mut browser = Browser::new();
        let (page, options) = asked(&app, &mut browser).await;
        let sent = copy.clone().get(&options, |it| it.count = count);
        let before = app.rows().await;
        let done = answer(&mut browser, &page, &sent).await;
        assert_eq!(done.status, status, "{count}: {}", done.body);
        if status == 400 {
            app.untouched(&before, "a counter that went back").await;
            assert!(done.text("#problem").contains("may have a copy of it"), "{}", done.text("#problem"));
            let mail = app.mail().one(ANA).await;
            assert!(mail.text.contains("somebody may have a copy of it"), "{}", mail.text);
            assert_eq!(answer(&mut browser, &page, &sent).await.status, 400, "the challenge is used up");
            app.mail().none(ANA).await;
        }
    }
    assert_eq!(app.audited("passkey_copied").await, 2);
    app.ignore_mail();
}

/// The same of new passkeys, and WA-07: none is registered twice, by nobody.
#[tokio::test]
async fn wrong_new_passkeys() {
    let (app, ana, mut browser) = with_ana().await;
    let anas_id = ana.keys[0].id.clone();
    let (bob, _) = enrolled(&app, "bob", 2).await;
    let bobs_id = bob.keys[0].id.clone();
    let page = browser.visit(&app.url("/account/passkeys")).await;
    let options = browser.passkey_options(&page).await;
    assert_eq!(options["excludeCredentials"][0]["id"].as_str(), Some(encode(&anas_id).as_str()), "{options}");
    assert_eq!(options["authenticatorSelection"]["residentKey"], "required", "{options}");
    assert_eq!(options["attestation"], "none");
    assert_eq!(options["user"]["name"], ANA);
    type Change<'a> = Box<dyn FnOnce(&mut Saying) + 'a>;
    let wrong: Vec<(&str, Change<'_>)> = vec![
        ("another site", Box::new(|it| it.origin = "https://evil.test".to_owned())),
        ("another RP ID", Box::new(|it| it.rp_id = "evil.test".to_owned())),
        ("a page inside another", Box::new(|it| it.cross_origin = true)),
        ("a page on top", Box::new(|it| it.top_origin = Some("https://evil.test".to_owned()))),
        ("a challenge of nobody", Box::new(|it| it.challenge = encode([7; 32]))),
        ("an answer of another kind", Box::new(|it| it.kind = "webauthn.get".to_owned())),
        ("an id that is not the raw one", Box::new(|it| it.shown_id = Some(encode([1; 32])))),
        ("no public key", Box::new(|it| it.credential_type = "password".to_owned())),
        ("nobody made sure who", Box::new(|it| it.flags = PRESENT)),
        ("nobody there", Box::new(|it| it.flags = VERIFIED)),
        ("copied, and not to be copied", Box::new(|it| it.flags |= 0x10)),
        ("her own once more", Box::new(|it| it.id.clone_from(&anas_id))),
        ("somebody else's", Box::new(|it| it.id.clone_from(&bobs_id))),
    ];
    let before = app.rows().await;
    let mut second = Authenticator::new(&app, 3);
    for (why, change) in wrong {
        // The last two use their challenge up.
        let options = if why.contains("once more") || why.contains("else's") {
            browser.passkey_options(&page).await
        } else {
            options.clone()
        };
        let sent = second.clone().create(&options, change);
        let refused = browser.press(&page, "add-passkey", &[("credential", &sent)]).await;
        assert_eq!((refused.status, refused.has("problem")), (400, true), "{why}: {:?}", refused.location());
        app.untouched(&before, why).await;
    }
    let options = browser.passkey_options(&page).await;
    let sent = second.create(&options, |_| {});
    let done = browser.press(&page, "add-passkey", &[("credential", &sent)]).await;
    assert_eq!(done.status, 303, "{}", done.body);
    let before = app.rows().await;
    assert_eq!(browser.press(&page, "add-passkey", &[("credential", &sent)]).await.status, 400, "twice");
    app.untouched(&before, "twice").await;
    app.ignore_mail();
}

/// WA-10: hostile bytes are refused at once, and nothing stops.
#[tokio::test]
async fn hostile_bytes() {
    let (app, ana, mut browser) = with_ana().await;
    let page = browser.visit(&app.url("/account/passkeys")).await;
    let options = browser.passkey_options(&page).await;
    let deep: Vec<u8> = [vec![0x81; 10_000], vec![0x00]].concat();
    let long = [0xa3, 0x63, b'f', b'm', b't', 0x7b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    let before = app.rows().await;
    let good = ana.clone().create(&options, |_| {});
    for (why, bytes) in [("deep", deep.as_slice()), ("long", &long), ("empty", &[]), ("a map of much", &[0xbb, 255, 255])] {
        let mut sent: Value = serde_json::from_str(&good).unwrap();
        sent["response"]["attestationObject"] = encode(bytes).into();
        let begun = Instant::now();
        let refused = browser.press(&page, "add-passkey", &[("credential", &sent.to_string())]).await;
        assert_eq!(refused.status, 400, "{why}");
        assert!(begun.elapsed().as_millis() < 1000, "{why} took {:?}", begun.elapsed());
    }
    let large = format!("{{\"id\":\"{}\"}}", "a".repeat(100_000));
    assert_eq!(browser.press(&page, "add-passkey", &[("credential", &large)]).await.status, 413);
    app.untouched(&before, "hostile").await;
    assert!(app.is_in(&mut browser).await);
}

/// WA-11: what is asked says nothing about anybody, and costs no name.
#[tokio::test]
async fn options_are_neutral() {
    let (app, _, _) = with_ana().await;
    let mut browser = Browser::new();
    let (page, first) = asked(&app, &mut browser).await;
    assert_eq!(first["allowCredentials"], serde_json::json!([]));
    let mut second = browser.passkey_options(&page).await;
    assert_ne!(first["challenge"], second["challenge"]);
    second["challenge"] = first["challenge"].clone();
    assert_eq!(first, second);
    assert_eq!(first["rpId"], "localhost");
    assert!(!first.to_string().contains("hints"), "{first}");
    // No page of ours asks without its token, and nobody for the account of whom they are not.
    let address = app.url(&format!("/passkey-options/{}", page.url.path().rsplit('/').next().unwrap()));
    let before = app.rows().await;
    for fields in [vec![], vec![("csrf", "x")]] {
        assert_eq!(browser.post(crate::support::Initiator::SameOrigin, &address, &fields).await.status, 403);
    }
    assert_eq!(browser.post(crate::support::Initiator::Site("https://evil.test"), &address, &[]).await.status, 403);
    app.untouched(&before, "not from here").await;
}

/// PW-11, decision 28: strangers who guess passwords hold nobody up who has a passkey.
#[tokio::test]
async fn strangers_do_not_hold_up() {
    let (app, mut ana, _) = with_ana().await;
    let (mut stranger, mut browser) = (Browser::new(), Browser::new());
    let page = stranger.visit(&app.url("/sign-in")).await;
    let mut throttled = false;
    for _ in 0..15 {
        let answer = stranger.press(&page, "sign-in", &[("username", ANA), ("password", "wrong password")]).await;
        throttled = throttled || answer.status == 429;
    }
    assert!(throttled);
    let page = browser.visit(&app.url("/sign-in")).await;
    let blocked = browser.press(&page, "sign-in", &[("username", ANA), ("password", PASSWORD)]).await;
    assert_eq!(blocked.status, 429, "the password waits");
    let page = ana.sign_in_on(&mut browser, &page).await;
    assert!(page.url.path().ends_with("/account"), "{} {}", page.status, page.body);
}

/// Nobody comes in whose account is locked or gone, and a passkey that nobody has is called that, so that browsers forget it.
#[tokio::test]
async fn locked_and_gone() {
    let (app, mut ana, mut own) = with_ana().await;
    let user = crate::account_pages::person(&app, ANA).await.unwrap();
    app.desk()
        .db
        .write({
            let id = user.id.clone();
            let now = app.clock.now();
            async move |tx| vouchsafe::identity::users::disable(tx, &id, now).await
        })
        .await
        .unwrap();
    let mut browser = Browser::new();
    let refused = ana.sign_in(&app, &mut browser).await;
    assert_eq!(refused.status, 400);
    assert!(refused.attributes("form[data-unknown]", "data-unknown").is_empty(), "{}", refused.body);
    let id = user.id.clone();
    app.desk().db.write(async move |tx| vouchsafe::identity::users::enable(tx, &id).await).await.unwrap();
    let page = ana.sign_in(&app, &mut browser).await;
    assert!(page.url.path().ends_with("/account"), "{}", page.body);
    let (id, now) = (user.id.clone(), app.clock.now());
    app.desk().db.write(async move |tx| vouchsafe::identity::users::remove(tx, &id, now).await).await.unwrap();
    assert_eq!(app.count("SELECT COUNT(*) FROM passkeys").await + app.count("SELECT COUNT(*) FROM passkey_handles").await, 0);
    let refused = ana.sign_in(&app, &mut Browser::new()).await;
    assert_eq!(refused.status, 400);
    assert_eq!(refused.attributes("form[data-unknown]", "data-unknown"), [encode(&ana.keys[0].id)]);
    assert_eq!(refused.attributes("form[data-unknown]", "data-rp"), ["localhost"]);
    assert!(!app.is_in(&mut own).await);
    app.ignore_mail();
}

/// WebAuthn section 5.11: a page on a related origin may use our passkeys, where the operator says so and nowhere else.
#[tokio::test]
async fn related_origins() {
    let settings = [("PASSKEYS__RELATED_ORIGINS", "https://example.de,https://example.at")];
    let app = TestApp::with(Wish { settings: &settings, path: "/tenant", ..Wish::default() }).await;
    let (ana, _) = enrolled(&app, "ana", 1).await;
    let mut browser = Browser::new();
    let own = app.issuer.trim_end_matches("/tenant").to_owned();
    let document = browser.get(&format!("{own}/.well-known/webauthn")).await;
    assert_eq!(document.header("content-type"), Some("application/json"));
    assert_eq!(document.json(), serde_json::json!({ "origins": [own, "https://example.de", "https://example.at"] }));
    for (origin, status) in [("https://example.fr", 400), ("http://example.de", 400), ("https://example.de", 303)] {
        let mut browser = Browser::new();
        let (page, options) = asked(&app, &mut browser).await;
        let sent = ana.clone().get(&options, |it| it.origin = origin.to_owned());
        assert_eq!(answer(&mut browser, &page, &sent).await.status, status, "{origin}");
    }
}

/// Where no script runs the page says that passkeys need one, and everything else goes on.
#[tokio::test]
async fn without_script() {
    let (app, _, _) = with_ana().await;
    for (mut browser, words) in [(Browser::new(), "Passkeys need JavaScript"), (Browser::reading("de"), "brauchen JavaScript")] {
        let page = browser.visit(&app.url("/sign-in")).await;
        assert!(page.text("noscript").contains(words), "{}", page.body);
        let said = browser.press(&page, "passkey", &[]).await;
        assert_eq!(said.status, 400);
        assert!(said.text("#problem").contains(words), "{}", said.text("#problem"));
        let page = browser.submit(&said, "sign-in", &[("username", BOB), ("password", PASSWORD)]).await;
        assert_eq!(page.status, 400, "nobody of that name; and the form is there");
    }
}
