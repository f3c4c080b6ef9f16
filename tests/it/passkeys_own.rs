//! Protects the pages of one's own passkeys: step-up (WA-08), other people's (SE-05), the last way in, life without a password, and
//! what ends with an account's past.

use tokio::task::JoinSet;
use vouchsafe::identity::passkeys::MOST;
use vouchsafe::store::sql;

use crate::account_pages::comes_in;
use crate::passkeys::enrolled;
use crate::support::app::{PASSWORD, Wish};
use crate::support::authenticator::PRESENT;
use crate::support::journey::FRESH;
use crate::support::{Authenticator, Browser, Page, TestApp};

const ANA: &str = "ana@example.com";

/// The address of the newest passkey's page.
async fn newest(app: &TestApp, browser: &mut Browser) -> String {
    let page = browser.visit(&app.url("/account/passkeys")).await;
    let url = page.attributes("#passkeys a", "href").into_iter().next().unwrap_or_else(|| panic!("{}", page.body));
    page.url.join(&url).unwrap().to_string()
}

async fn remove(browser: &mut Browser, url: &str) -> Page {
    let page = browser.get(&format!("{url}/remove")).await;
    assert_eq!(page.status, 200, "{}", page.body);
    browser.submit(&page, "confirm", &[]).await
}

/// WA-08: who has not signed in lately signs in first, with the passkey if they like; nothing was done until then.
#[tokio::test]
async fn step_up() {
    let app = TestApp::start().await;
    let (mut ana, mut browser) = enrolled(&app, "ana", 1).await;
    let url = newest(&app, &mut browser).await;
    let list = browser.visit(&app.url("/account/passkeys")).await;
    let one = browser.visit(&url).await;
    let removal = browser.visit(&format!("{url}/remove")).await;
    app.clock.advance(600);
    let before = app.rows().await;
    for address in [app.url("/account/passkeys"), url.clone(), format!("{url}/remove"), app.url("/account/passkeys/password")] {
        let page = browser.get(&address).await;
        assert!(page.location().is_some_and(|to| to.path().starts_with("/sign-in/")), "{address} {}", page.status);
    }
    assert_eq!(browser.ask_for_options(&list).await.status, 303);
    for (page, button) in [(&list, "add-passkey"), (&one, "save"), (&removal, "confirm")] {
        let fields: &[(&str, &str)] = if button == "save" { &[("name", "Other")] } else { &[] };
        let refused = browser.press(page, button, fields).await;
        assert!(refused.location().is_some_and(|to| to.path().starts_with("/sign-in/")), "{button}");
    }
    app.untouched(&before, "stale").await;
    let page = browser.visit(&url).await;
    let page = ana.sign_in_on(&mut browser, &page).await;
    assert!(page.url.path().ends_with("/account/passkeys"), "{}", page.url);
    let done = browser.submit(&one, "save", &[("name", "Other")]).await;
    assert!(done.has("done") && done.text("#passkeys").contains("Other"), "{}", done.body);
    assert_eq!(app.audited("passkey_renamed").await, 1);
}

/// Names are cleaned, kept short, and asked for when they are missing; what a person calls a passkey is shown as it is.
#[tokio::test]
async fn names() {
    let app = TestApp::start().await;
    let (_, mut browser) = enrolled(&app, "ana", 1).await;
    let url = newest(&app, &mut browser).await;
    for (typed, shown) in [
        ("  Work laptop ", Some("Work laptop")),
        ("<b>&\"'", Some("<b>&\"'")),
        ("two\nlines\u{7}", Some("two lines")),
        (" ", None),
    ] {
        let page = browser.get(&url).await;
        let page = browser.submit(&page, "save", &[("name", typed)]).await;
        match shown {
            Some(shown) => assert_eq!(page.text("#passkeys b"), shown),
            None => assert_eq!((page.status, page.attributes("[aria-invalid]", "id")), (400, vec!["name".to_owned()])),
        }
    }
    let page = browser.get(&url).await;
    let page = browser.submit(&page, "save", &[("name", &"ü".repeat(100))]).await;
    assert_eq!(page.text("#passkeys b"), "ü".repeat(60));
}

/// SE-05: another person's passkeys are not there.
#[tokio::test]
async fn of_somebody_else() {
    let app = TestApp::start().await;
    let (_, mut browser) = enrolled(&app, "ana", 1).await;
    let (_, mut bobs) = enrolled(&app, "bob", 2).await;
    let (anas, own) = (newest(&app, &mut browser).await, newest(&app, &mut bobs).await);
    let (page, removal) = (bobs.get(&own).await, bobs.get(&format!("{own}/remove")).await);
    let before = app.rows().await;
    for address in [anas.clone(), format!("{anas}/remove")] {
        assert_eq!(bobs.get(&address).await.status, 404, "{address}");
    }
    let mut rename = page.form("save");
    rename.action = anas.parse().unwrap();
    rename.set("name", "Mine");
    let mut remove = removal.form("confirm");
    remove.action = format!("{anas}/remove").parse().unwrap();
    for form in [rename, remove] {
        assert_eq!(crate::account_pages::send(&mut bobs, &form).await.status, 404, "{}", form.action);
    }
    app.untouched(&before, "Ana's").await;
    assert_eq!(bobs.submit(&page, "save", &[("name", "Mine")]).await.text("#passkeys b"), "Mine");
}

/// An account lives with passkeys alone: once there are two the password can go, and the last of them cannot.
#[tokio::test]
async fn without_a_password() {
    let app = TestApp::with(Wish { settings: &[("SIGN_IN__BY_MAIL", "off")], ..Wish::default() }).await;
    let (mut ana, mut browser) = enrolled(&app, "ana", 1).await;
    let page = browser.visit(&app.url("/account/passkeys")).await;
    assert!(!page.has("drop-password"), "one is too few");
    // The page is no guard: what it posts is refused as well.
    let page = browser.get(&app.url("/account/passkeys/password")).await;
    let before = app.rows().await;
    browser.press(&page, "confirm", &[]).await;
    app.untouched(&before, "one passkey is too few").await;
    ana.enrol(&app, &mut browser).await;
    app.mail().to(ANA).await;
    let page = browser.visit(&app.url("/account/passkeys")).await;
    let page = browser.click(&page, "drop-password").await;
    let page = browser.submit(&page, "confirm", &[]).await;
    assert!(page.has("done"), "{}", page.body);
    assert!(app.mail().one(ANA).await.text.contains("has no password any more"));
    assert_eq!(app.audited("password_removed").await, 1);
    let mut other = Browser::new();
    assert!(!comes_in(&app, &mut other, ANA, PASSWORD).await);
    let page = ana.sign_in(&app, &mut other).await;
    assert!(page.url.path().ends_with("/account"), "{}", page.body);
    app.mail().to(ANA).await;
    // One may go, the other may not.
    let first = newest(&app, &mut browser).await;
    let page = remove(&mut browser, &first).await;
    assert!(page.has("done"), "{}", page.body);
    assert!(app.mail().one(ANA).await.text.contains("was removed"));
    let last = newest(&app, &mut browser).await;
    let before = app.rows().await;
    let page = remove(&mut browser, &last).await;
    assert_eq!(page.status, 400);
    assert!(page.text("#problem").contains("This is your only way to sign in"), "{}", page.text("#problem"));
    app.untouched(&before, "the last way in").await;
    // With a password it may.
    let page = browser.visit(&app.url("/account/password")).await;
    assert!(browser.submit(&page, "change-password", &[("password", FRESH)]).await.has("done"));
    let page = remove(&mut browser, &last).await;
    assert!(page.has("done"), "{}", page.body);
    assert!(comes_in(&app, &mut other, ANA, FRESH).await);
    app.ignore_mail();
}

/// As many as anybody may have are counted when one is added, not only when it is asked for.
#[tokio::test]
async fn the_most() {
    let app = TestApp::start().await;
    let (mut ana, mut browser) = enrolled(&app, "ana", 1).await;
    let page = browser.visit(&app.url("/account/passkeys")).await;
    let options = browser.passkey_options(&page).await;
    let answer = ana.create(&options, |_| {});
    for number in 1..MOST {
        let copy =
            sql("INSERT INTO passkeys (id, public_id, user_id, credential_id, name, credential, sign_count, signs_in, synced,
                              backed_up, created_at, last_used_at)
         SELECT CAST($1 AS TEXT), CAST($1 AS TEXT), user_id, CAST($1 AS TEXT), name, credential, sign_count, signs_in, synced,
                backed_up, created_at, last_used_at FROM passkeys ORDER BY id DESC LIMIT 1")
            .bind(format!("0{number}"));
        app.provider.db.write(async move |tx| tx.execute(copy).await).await.unwrap();
    }
    let count = "SELECT COUNT(*) FROM passkeys";
    let refused = browser.submit(&page, "add-passkey", &[("credential", &answer)]).await;
    assert_eq!((refused.has("done"), app.count(count).await), (false, 30), "{}", refused.body);
    let one = sql("DELETE FROM passkeys WHERE id = '01'");
    app.provider.db.write(async move |tx| tx.execute(one).await).await.unwrap();
    let page = browser.submit(&page, "add-passkey", &[("credential", &answer)]).await;
    assert_eq!((page.has("done"), app.count(count).await), (true, 30), "the positive twin: {}", page.body);
    app.ignore_mail();
}

/// Two passkeys and no password: both removed at the same moment leave one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_two_at_once() {
    let app = TestApp::with(Wish { settings: &[("SIGN_IN__BY_MAIL", "off")], ..Wish::default() }).await;
    let (mut ana, mut browser) = enrolled(&app, "ana", 1).await;
    ana.enrol(&app, &mut browser).await;
    let page = browser.visit(&app.url("/account/passkeys/password")).await;
    browser.submit(&page, "confirm", &[]).await;
    let page = browser.visit(&app.url("/account/passkeys")).await;
    let urls = page.attributes("#passkeys a", "href");
    assert_eq!(urls.len(), 2);
    let mut running = JoinSet::new();
    for url in urls {
        let (mut browser, url) = (browser.clone(), page.url.join(&url).unwrap().to_string());
        running.spawn(async move { remove(&mut browser, &url).await.status });
    }
    let mut statuses = running.join_all().await;
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400]);
    assert_eq!(app.count("SELECT COUNT(*) FROM passkeys").await, 1);
    app.ignore_mail();
}

/// A page that somebody left open does nothing to the account of who signed in since.
#[tokio::test]
async fn an_old_page() {
    let app = TestApp::start().await;
    let (mut ana, mut browser) = enrolled(&app, "ana", 1).await;
    ana.enrol(&app, &mut browser).await;
    let (mut bob, mut bobs) = enrolled(&app, "bob", 2).await;
    bob.enrol(&app, &mut bobs).await;
    let page = browser.visit(&app.url("/account/passkeys/password")).await;
    browser.set_cookie("session", None);
    bob.sign_in(&app, &mut browser).await;
    let before = app.rows().await;
    assert_eq!(browser.press(&page, "confirm", &[]).await.status, 303);
    app.untouched(&before, "Ana's page, Bob's session").await;
    app.ignore_mail();
}

/// The page of second factors says what the person has, and which of it counts; who has something and no recovery codes hears of them.
#[tokio::test]
async fn among_second_factors() {
    for (counts, is_counted) in [("totp,passkey,recovery", true), ("totp,recovery", false)] {
        let app = TestApp::with(Wish { settings: &[("SECOND_FACTOR__COUNTS", counts)], ..Wish::default() }).await;
        app.person("bob").await;
        let mut bob = Browser::new();
        app.sign_in(&mut bob, "bob").await;
        let page = bob.visit(&app.url("/account/authenticators")).await;
        assert!(page.has("empty") && !page.has("codes-hint") && page.text("#passkeys-link") == "Passkeys", "{}", page.body);
        let (_, mut browser) = enrolled(&app, "ana", 1).await;
        let page = browser.visit(&app.url("/account/authenticators")).await;
        assert_eq!((page.has("empty"), page.has("codes-hint")), (!is_counted, is_counted), "{}", page.body);
        assert_eq!(page.text("#passkeys-link").contains("second factors as well"), is_counted, "{}", page.body);
        app.ignore_mail();
    }
}

/// `preferred`: a key that cannot make sure who is there may be added, and does not sign in by itself.
#[tokio::test]
async fn keys_without_verification() {
    let settings = [("PASSKEYS__USER_VERIFICATION", "preferred")];
    let app = TestApp::with(Wish { settings: &settings, ..Wish::default() }).await;
    app.person("ana").await;
    let (mut key, mut browser) = (Authenticator::new(&app, 1), Browser::new());
    key.flags = PRESENT;
    app.sign_in(&mut browser, "ana").await;
    let page = key.enrol(&app, &mut browser).await;
    assert!(page.text("#passkeys").contains("second factor only"), "{}", page.body);
    let before = app.rows().await;
    let refused = key.sign_in(&app, &mut Browser::new()).await;
    assert_eq!(refused.status, 400);
    app.untouched(&before, "a key alone").await;
    // One that does make sure signs in, and the two are not yet two ways in.
    let mut ana = Authenticator::new(&app, 2);
    let page = ana.enrol(&app, &mut browser).await;
    assert!(!page.has("drop-password"), "{}", page.body);
    let page = ana.sign_in(&app, &mut Browser::new()).await;
    assert!(page.url.path().ends_with("/account"), "{}", page.body);
    app.ignore_mail();
}

/// Decision 17, and what whoever came in leaves behind: passkeys go with the sign-in that was disowned, and with an account's life
/// before its address was proved.
#[tokio::test]
async fn what_an_intruder_added() {
    // Where a passkey is no second factor, or the intruder would need the owner's.
    let settings = [("SECOND_FACTOR__POLICY", "off")];
    let app = TestApp::with(Wish { settings: &settings, ..Wish::default() }).await;
    let (mut ana, _) = enrolled(&app, "ana", 1).await;
    app.clock.advance(5);
    let (mut intruders, mut intruder) = (Authenticator::new(&app, 9), Browser::new());
    app.sign_in(&mut intruder, "ana").await;
    let notice = app.mail().one(ANA).await;
    let page = intruders.enrol(&app, &mut intruder).await;
    assert!(page.has("done"));
    assert_eq!(app.count("SELECT COUNT(*) FROM passkeys").await, 2);
    let mut owner = Browser::new();
    owner.open_and_press(&notice.link()).await;
    assert_eq!(intruders.sign_in(&app, &mut Browser::new()).await.status, 400);
    let page = ana.sign_in(&app, &mut owner).await;
    assert!(page.url.path().ends_with("/account"), "the owner's own stays: {}", page.body);
    app.ignore_mail();
}

/// The document of everything tells of passkeys, and of nothing that signs.
#[tokio::test]
async fn exported() {
    let app = TestApp::start().await;
    let (ana, mut browser) = enrolled(&app, "ana", 1).await;
    let page = browser.visit(&app.url("/account/data")).await;
    let document = browser.press(&page, "download", &[]).await;
    let passkeys = &document.json()["passkeys"];
    assert_eq!(passkeys.as_array().map(Vec::len), Some(1));
    assert_eq!((&passkeys[0]["signs_in"], &passkeys[0]["synced"]), (&true.into(), &false.into()), "{passkeys}");
    assert!(!document.body.contains(&crate::support::authenticator::encode(&ana.keys[0].id)), "{passkeys}");
}
