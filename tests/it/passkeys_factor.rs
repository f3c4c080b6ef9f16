//! Protects passkeys and security keys as a second factor: who has one is asked for it, what of an answer is checked, and what apps
//! get that ask for more (decision 8, RFC 9470).

use serde_json::json;
use vouchsafe::admin::factors::{self, Reset};
use vouchsafe::endpoints::second_factor;
use vouchsafe::store::sql;

use crate::passkeys::enrolled;
use crate::support::app::Wish;
use crate::support::authenticator::{PRESENT, Saying, VERIFIED, encode};
use crate::support::rp::claims;
use crate::support::{Authenticator, Browser, Page, Rp, TestApp};

const ANA: &str = "ana@example.com";

/// Answers the page that asks for a passkey, without following.
async fn answer(browser: &mut Browser, page: &Page, answer: &str) -> Page {
    browser.press(page, "verify", &[("credential", answer)]).await
}

/// Signs in by password to the account page: the page that asks for the passkey, and what it asks.
async fn half_way(app: &TestApp, browser: &mut Browser) -> (Page, serde_json::Value) {
    let page = app.first_step(browser, "ana").await;
    assert!(page.url.path().starts_with("/second-factor/") && page.has("verify"), "{} {}", page.url, page.body);
    let options = browser.passkey_options(&page).await;
    (page, options)
}

/// Whoever has a passkey is asked for it after their password, and tokens tell of both.
#[tokio::test]
async fn asked_for() {
    let app = TestApp::start().await;
    let (mut ana, _) = enrolled(&app, "ana", 1).await;
    enrolled(&app, "bob", 2).await;
    let rp = Rp::web(&app, "web").await;
    let mut browser = Browser::new();
    let page = rp.go(&mut browser, "ana", &rp.flow()).await;
    assert!(page.url.path().starts_with("/second-factor/"), "{} {}", page.url, page.body);
    assert!(!app.is_in(&mut browser).await, "half a session is none");
    let options = browser.passkey_options(&page).await;
    let allowed: Vec<_> = options["allowCredentials"].as_array().unwrap().iter().map(|one| one["id"].clone()).collect();
    assert_eq!(allowed, [json!(encode(&ana.keys[0].id))], "her own alone");
    let sent = ana.get(&options, |_| {});
    let page = browser.submit(&page, "verify", &[("credential", &sent)]).await;
    let page = browser.submit(&page, "allow", &[]).await;
    let token = claims(&rp.exchange(&page.param("code").unwrap()).await.text("id_token"));
    assert_eq!((&token["acr"], &token["amr"]), (&json!("phr"), &json!(["pwd", "hwk", "user", "mfa"])));
    assert!(app.is_in(&mut browser).await);
    app.ignore_mail();
}

/// The rows of WA-01, WA-02 and WA-04 once more, and a challenge of the sign-in page here.
#[tokio::test]
async fn wrong_answers() {
    let app = TestApp::start().await;
    let (ana, _) = enrolled(&app, "ana", 1).await;
    let (bob, _) = enrolled(&app, "bob", 2).await;
    let (bobs_handle, bobs_id) = (bob.keys[0].handle.clone(), bob.keys[0].id.clone());
    let (mut browser, mut other) = (Browser::new(), Browser::new());
    let (page, options) = half_way(&app, &mut browser).await;
    let mut twin = browser.clone();
    let (second, _) = half_way(&app, &mut twin).await;
    let (elsewhere, _) = half_way(&app, &mut other).await;
    let sign_in = other.clone().visit(&app.url("/sign-in")).await;
    let to_sign_in = other.clone().passkey_options(&sign_in).await["challenge"].as_str().unwrap().to_owned();
    type Change<'a> = Box<dyn FnOnce(&mut Saying) + 'a>;
    let wrong: Vec<(&str, Change<'_>)> = vec![
        ("another site", Box::new(|it| it.origin = "https://evil.test".to_owned())),
        ("another RP ID", Box::new(|it| it.rp_id = "evil.test".to_owned())),
        ("a page inside another", Box::new(|it| it.cross_origin = true)),
        ("a challenge of nobody", Box::new(|it| it.challenge = encode([7; 32]))),
        ("a challenge to sign in", Box::new(|it| it.challenge.clone_from(&to_sign_in))),
        ("an answer of another kind", Box::new(|it| it.kind = "webauthn.create".to_owned())),
        ("a broken signature", Box::new(|it| it.breaks_signature = true)),
        ("an id that is not the raw one", Box::new(|it| it.shown_id = Some(encode([1; 32])))),
        ("nobody made sure who", Box::new(|it| it.flags = PRESENT)),
        ("nobody there", Box::new(|it| it.flags = VERIFIED)),
        ("another person", Box::new(|it| it.handle = Some(bobs_handle.clone()))),
        ("another person's passkey", Box::new(|it| it.id.clone_from(&bobs_id))),
    ];
    let before = app.rows().await;
    for (why, change) in wrong {
        let sent = ana.clone().get(&options, change);
        let refused = answer(&mut browser, &page, &sent).await;
        assert_eq!((refused.status, refused.has("problem")), (400, true), "{why}: {:?}", refused.location());
        app.untouched(&before, why).await;
    }
    assert_eq!(answer(&mut browser, &page, "{}").await.status, 400);
    let bobs = bob.clone().get(&options, |_| {});
    assert_eq!(answer(&mut browser, &page, &bobs).await.status, 400, "Bob's own passkey");
    let sent = ana.clone().get(&options, |it| it.handle = None);
    assert_eq!(answer(&mut twin, &second, &sent).await.status, 400, "another interaction");
    assert_eq!(answer(&mut other, &elsewhere, &sent).await.status, 400, "another browser");
    app.untouched(&before, "elsewhere").await;
    // A key that was asked for by its id may keep to itself whose it is (section 7.2 step 6).
    let done = answer(&mut browser, &page, &sent).await;
    assert_eq!(done.status, 303, "{}", done.body);
    assert!(app.is_in(&mut browser).await);
    let before = app.rows().await;
    let mut again = other.clone();
    assert_ne!(answer(&mut again, &elsewhere, &sent).await.status, 303, "twice");
    app.untouched(&before, "twice").await;
    app.ignore_mail();
}

/// A counter that goes back is refused here as well, and told.
#[tokio::test]
async fn a_copy() {
    let app = TestApp::start().await;
    let (mut ana, _) = enrolled(&app, "ana", 1).await;
    ana.sign_in(&app, &mut Browser::new()).await;
    app.mail().to(ANA).await;
    let mut browser = Browser::new();
    let (page, options) = half_way(&app, &mut browser).await;
    let sent = ana.clone().get(&options, |it| it.count = 2);
    assert_eq!(answer(&mut browser, &page, &sent).await.status, 400);
    assert!(app.mail().one(ANA).await.text.contains("somebody may have a copy of it"));
    assert_eq!(app.audited("passkey_copied").await, 1);
    let options = browser.passkey_options(&page).await;
    let sent = ana.get(&options, |_| {});
    assert_eq!(answer(&mut browser, &page, &sent).await.status, 303);
    app.ignore_mail();
}

/// A passkey that is added on the strength of a first proof counts for nothing if that proof ended while it was looked at: whoever knows
/// an old password stays outside. Twin: it did not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn added_on_a_proof_that_ended() {
    for ends in [true, false] {
        let settings = [("SECOND_FACTOR__POLICY", "required"), ("SECOND_FACTOR__GRACE_DAYS", "0")];
        let app = TestApp::with(Wish { settings: &settings, ..Wish::default() }).await;
        app.person("ana").await;
        let mut thief = Browser::new();
        let page = app.first_step(&mut thief, "ana").await;
        let page = if page.has("add-passkey") { page } else { thief.click(&page, "passkey-instead").await };
        let options = thief.passkey_options(&page).await;
        let sent = Authenticator::new(&app, 1).create(&options, |_| {});
        let db = app.provider.db.clone();
        // It ends in a transaction that is open while the answer is checked, and done before the passkey is stored.
        let (began, begun) = tokio::sync::oneshot::channel();
        let began = std::sync::Mutex::new(Some(began));
        let ending = tokio::spawn(async move {
            let end = db.write(async move |tx| {
                let text =
                    if ends { "UPDATE users SET entry_generation = entry_generation + 1" } else { "UPDATE users SET sub = sub" };
                tx.execute(sql(text)).await?;
                if let Some(began) = began.lock().unwrap().take() {
                    let _ = began.send(());
                }
                std::thread::sleep(std::time::Duration::from_millis(600));
                Ok(())
            });
            end.await.unwrap();
        });
        begun.await.unwrap();
        thief.press(&page, "add-passkey", &[("credential", &sent)]).await;
        ending.await.unwrap();
        assert_eq!(app.count("SELECT COUNT(*) FROM passkeys").await, i64::from(!ends));
        app.ignore_mail();
    }
}

/// Who has an authenticator app too chooses; what was used last is asked for first.
#[tokio::test]
async fn another_way() {
    let app = TestApp::start().await;
    let mut browser = Browser::new();
    let phone = app.person_with_phone(&mut browser, "ana").await;
    let mut ana = Authenticator::new(&app, 1);
    ana.enrol(&app, &mut browser).await;
    let mut next = Browser::new();
    let page = app.first_step(&mut next, "ana").await;
    assert!(page.has("code"), "the app was used last: {}", page.body);
    let page = next.submit(&page, "another-way", &[]).await;
    assert!(page.has("way-passkey") && page.has("way-totp"), "{}", page.body);
    let page = next.click(&page, "way-passkey").await;
    app.clock.advance(5);
    let options = next.passkey_options(&page).await;
    let sent = ana.get(&options, |_| {});
    assert_eq!(answer(&mut next, &page, &sent).await.status, 303);
    let mut third = Browser::new();
    let (page, _) = half_way(&app, &mut third).await;
    let page = third.submit(&page, "another-way", &[]).await;
    let page = third.click(&page, "way-totp").await;
    let page = third.submit(&page, "verify", &[("code", &phone.next_code(&app))]).await;
    assert!(page.url.path().ends_with("/account"), "{}", page.body);
    app.ignore_mail();
}

/// An app that has to have `phr` gets it: from who has a passkey by showing it, from who has none by adding one and showing it.
#[tokio::test]
async fn wanted_by_an_app() {
    let settings = [("SECOND_FACTOR__POLICY", "off")];
    let app = TestApp::with(Wish { settings: &settings, ..Wish::default() }).await;
    let (mut ana, _) = enrolled(&app, "ana", 1).await;
    app.person("bob").await;
    let rp = Rp::web(&app, "web").await;
    let phr = json!({ "id_token": { "acr": { "essential": true, "values": ["phr"] } } }).to_string();
    let flow = rp.flow().with("claims", &phr);
    let mut browser = Browser::new();
    let page = rp.go(&mut browser, "ana", &flow).await;
    assert!(page.url.path().starts_with("/second-factor/"), "{} {}", page.url, page.body);
    let options = browser.passkey_options(&page).await;
    let sent = ana.get(&options, |_| {});
    let page = browser.submit(&page, "verify", &[("credential", &sent)]).await;
    let page = browser.submit(&page, "allow", &[]).await;
    let token = claims(&rp.exchange(&page.param("code").unwrap()).await.text("id_token"));
    assert_eq!(token["acr"], "phr");
    let (mut bob, mut browser) = (Authenticator::new(&app, 2), Browser::new());
    let page = rp.go(&mut browser, "bob", &flow).await;
    assert!(page.url.path().starts_with("/set-up-second-factor/") && page.has("add-passkey"), "{} {}", page.url, page.body);
    let before = app.rows().await;
    let said = browser.press(&page, "add-passkey", &[]).await;
    assert!(said.text("#problem").contains("Passkeys need JavaScript"), "{}", said.body);
    let options = browser.passkey_options(&page).await;
    let refused = bob.clone().create(&options, |it| it.rp_id = "evil.test".to_owned());
    assert_eq!(browser.press(&page, "add-passkey", &[("credential", &refused)]).await.status, 400);
    // The handle is there before the passkey.
    assert_eq!(before.changed(&app.rows().await), ["passkey_handles"]);
    let sent = bob.create(&options, |_| {});
    let page = browser.submit(&page, "add-passkey", &[("credential", &sent)]).await;
    assert!(app.mail().one("bob@example.com").await.text.contains("was added to your account"));
    assert!(page.url.path().starts_with("/second-factor/"), "{} {}", page.url, page.body);
    let options = browser.passkey_options(&page).await;
    let sent = bob.get(&options, |_| {});
    let page = browser.submit(&page, "verify", &[("credential", &sent)]).await;
    let page = browser.submit(&page, "allow", &[]).await;
    let token = claims(&rp.exchange(&page.param("code").unwrap()).await.text("id_token"));
    assert_eq!((&token["acr"], &token["amr"]), (&json!("phr"), &json!(["pwd", "hwk", "user", "mfa"])));
    app.ignore_mail();
}

/// Where everybody has to have one, a passkey will do as well as an app; the last one stays, and the last but one does not.
#[tokio::test]
async fn required() {
    let settings = [("SECOND_FACTOR__POLICY", "required")];
    let app = TestApp::with(Wish { settings: &settings, ..Wish::default() }).await;
    app.person("ana").await;
    let (mut ana, mut browser) = (Authenticator::new(&app, 1), Browser::new());
    let page = app.first_step(&mut browser, "ana").await;
    assert!(page.has("totp-key"), "{} {}", page.url, page.body);
    let page = browser.click(&page, "passkey-instead").await;
    let options = browser.passkey_options(&page).await;
    let sent = ana.create(&options, |_| {});
    let page = browser.submit(&page, "add-passkey", &[("credential", &sent)]).await;
    assert!(page.url.path().starts_with("/second-factor/") && !app.is_in(&mut browser).await, "{}", page.body);
    let options = browser.passkey_options(&page).await;
    let sent = ana.get(&options, |_| {});
    let page = browser.submit(&page, "verify", &[("credential", &sent)]).await;
    assert!(page.url.path().ends_with("/account"), "{} {}", page.url, page.body);
    let remove = async |browser: &mut Browser| {
        let page = browser.visit(&app.url("/account/passkeys")).await;
        let url = page.url.join(&page.attributes("#passkeys a", "href")[0]).unwrap();
        let page = browser.get(&format!("{url}/remove")).await;
        browser.submit(&page, "confirm", &[]).await
    };
    let before = app.rows().await;
    let page = remove(&mut browser).await;
    assert_eq!(page.status, 400);
    assert!(page.text("#problem").contains("your account needs one"), "{}", page.text("#problem"));
    app.untouched(&before, "the last one").await;
    app.add_phone(&mut browser).await;
    assert!(remove(&mut browser).await.has("done"));
    app.ignore_mail();
}

/// A key that cannot make sure who is there is a second factor, and two factors are not more than two.
#[tokio::test]
async fn a_security_key() {
    let settings = [("PASSKEYS__USER_VERIFICATION", "preferred")];
    let app = TestApp::with(Wish { settings: &settings, ..Wish::default() }).await;
    app.person("ana").await;
    let (mut key, mut browser) = (Authenticator::new(&app, 1), Browser::new());
    key.flags = PRESENT;
    app.sign_in(&mut browser, "ana").await;
    key.enrol(&app, &mut browser).await;
    let rp = Rp::web(&app, "web").await;
    let mut next = Browser::new();
    let page = rp.go(&mut next, "ana", &rp.flow()).await;
    assert!(page.text("#how").contains("security key"), "{}", page.body);
    let options = next.passkey_options(&page).await;
    let sent = key.get(&options, |_| {});
    let page = next.submit(&page, "verify", &[("credential", &sent)]).await;
    let page = next.submit(&page, "allow", &[]).await;
    let token = claims(&rp.exchange(&page.param("code").unwrap()).await.text("id_token"));
    assert_eq!((&token["acr"], &token["amr"]), (&json!("aal2"), &json!(["pwd", "hwk", "user", "mfa"])));
    app.ignore_mail();
}

/// Recovery codes stand for the second passkey of who wants to live without a password; used ones do not.
#[tokio::test]
async fn one_passkey_and_codes() {
    let app = TestApp::start().await;
    let (_, mut browser) = enrolled(&app, "ana", 1).await;
    let drop = async |browser: &mut Browser| {
        let page = browser.get(&app.url("/account/passkeys/password")).await;
        browser.submit(&page, "confirm", &[]).await
    };
    let put = async |used_at: Option<i64>| {
        let statement = vouchsafe::store::sql(
            "INSERT INTO recovery_codes (id, user_id, tag, created_at, used_at) SELECT $1, id, $1, 0, $2 FROM users",
        );
        let id = if used_at.is_some() { "used" } else { "open" };
        let statement = statement.bind(id).bind(used_at);
        app.provider.db.write(async move |tx| tx.execute(statement).await).await.unwrap();
    };
    put(Some(1)).await;
    let before = app.rows().await;
    assert!(!drop(&mut browser).await.has("done"));
    app.untouched(&before, "a used code").await;
    put(None).await;
    assert!(drop(&mut browser).await.has("done"));
    assert_eq!(app.count("SELECT COUNT(*) FROM password_hashes").await, 0);
    app.ignore_mail();
}

/// An operator's reset takes passkeys as well, after its time; whoever shows one until then has not lost it.
#[tokio::test]
async fn reset_by_an_operator() {
    let app = TestApp::start().await;
    let (mut ana, _) = enrolled(&app, "ana", 1).await;
    let links = |path: &str| app.url(path);
    let plan = async || factors::reset(app.desk(), (&app.provider.post, &links), ANA, Reset::In(3600)).await.unwrap();
    plan().await;
    let page = ana.sign_in(&app, &mut Browser::new()).await;
    assert!(page.url.path().ends_with("/account"), "{}", page.body);
    app.clock.advance(3601);
    assert_eq!(second_factor::reset_due(&app.provider, app.clock.now()).await.unwrap(), 0, "she signed in with it");
    plan().await;
    let mut browser = Browser::new();
    let (page, options) = half_way(&app, &mut browser).await;
    let sent = ana.get(&options, |_| {});
    assert_eq!(answer(&mut browser, &page, &sent).await.status, 303);
    app.clock.advance(3601);
    assert_eq!(second_factor::reset_due(&app.provider, app.clock.now()).await.unwrap(), 0, "she showed it");
    plan().await;
    app.clock.advance(3601);
    assert_eq!(second_factor::reset_due(&app.provider, app.clock.now()).await.unwrap(), 1);
    assert_eq!(app.count("SELECT COUNT(*) FROM passkeys").await, 0);
    let page = app.first_step(&mut Browser::new(), "ana").await;
    assert!(page.url.path().ends_with("/account"), "the password alone: {}", page.body);
    assert_eq!(ana.sign_in(&app, &mut Browser::new()).await.status, 400);
    app.ignore_mail();
}

/// A browser that is remembered after a passkey is not asked for it again, and forgotten when passkeys change.
#[tokio::test]
async fn a_remembered_browser() {
    let app = TestApp::start().await;
    let (mut ana, mut own) = enrolled(&app, "ana", 1).await;
    let mut browser = Browser::new();
    let (page, options) = half_way(&app, &mut browser).await;
    let sent = ana.get(&options, |_| {});
    let mut form = page.form("verify");
    form.set("credential", &sent);
    form.fields.push(("remember_device".to_owned(), "yes".to_owned()));
    assert_eq!(crate::account_pages::send(&mut browser, &form).await.status, 303);
    browser.set_cookie("session", None);
    let page = app.first_step(&mut browser, "ana").await;
    assert!(page.url.path().ends_with("/account"), "remembered: {}", page.body);
    ana.enrol(&app, &mut own).await;
    browser.set_cookie("session", None);
    half_way(&app, &mut browser).await;
    app.ignore_mail();
}
