//! Accounts that begin with what another provider claims of an address (decision 17; battery FE-02): whoever answers a mail of ours is
//! its owner, and whoever had only claimed it is out. Where the provider's word is as good, nobody loses anything.

use serde_json::json;
use vouchsafe::admin::upstreams::{self, Changes};
use vouchsafe::federation::{Kind, Switch};
use vouchsafe::store::sql;

use crate::support::journey::FRESH;
use crate::support::upstream::{Upstream, house};
use crate::support::{Browser, Page, TestApp};

const VICTIM: &str = "victim@example.org";

fn proving(switch: Switch) -> Changes {
    Changes { proves_email: Some(switch), ..Changes::default() }
}

async fn come(app: &TestApp, up: &Upstream, browser: &mut Browser) -> Page {
    let page = browser.visit(&app.url("/sign-in")).await;
    up.sign_in(browser, &page, "corp").await
}

/// A provider, and somebody who came by it with this address and set a password here as well.
async fn claimed(changes: Changes) -> (TestApp, Upstream, Browser) {
    let app = house(&[]).await;
    let up = Upstream::connected(&app, "corp", Kind::Oidc, changes).await;
    up.says(json!({ "sub": "mallory", "email": VICTIM, "email_verified": true }));
    let mut mallory = Browser::new();
    let page = come(&app, &up, &mut mallory).await;
    assert!(page.url.path().ends_with("/account"), "{} {}", page.status, page.body);
    let page = mallory.visit(&app.url("/account/password")).await;
    assert!(mallory.submit(&page, "change-password", &[("password", FRESH)]).await.has("done"));
    app.mail().to(VICTIM).await;
    app.clock.advance(60);
    (app, up, mallory)
}

const ATTACHED: &str = "SELECT (SELECT COUNT(*) FROM identities) + (SELECT COUNT(*) FROM password_hashes)";

const TELLS: &str = "only another provider had said so";

/// By a link to sign in with: nothing of whoever claimed the address is left, one mail tells, and they are strangers from then on. Twin:
/// the word of this provider is as good as a mail of ours.
#[tokio::test]
async fn a_link_to_sign_in() {
    for (switch, is_purged) in [(Switch::Off, true), (Switch::On, false)] {
        let (app, up, mut mallory) = claimed(proving(switch)).await;
        let mut victim = Browser::new();
        app.ask_for_link(&mut victim, VICTIM).await;
        let link = app.mail().one(VICTIM).await.link();
        let page = victim.open_and_press(&link).await;
        assert!(page.url.path().ends_with("/account"), "{switch}: {} {}", page.status, page.body);
        let told = app.mail().to(VICTIM).await;
        assert_eq!(told.iter().filter(|mail| mail.text.contains(TELLS)).count(), usize::from(is_purged), "{switch}: {told:?}");
        assert_eq!(app.is_in(&mut mallory).await, !is_purged, "{switch}");
        assert_eq!(app.count(ATTACHED).await, if is_purged { 0 } else { 2 }, "{switch}");
        let page = come(&app, &up, &mut Browser::new()).await;
        assert_eq!(page.has("connect-first"), is_purged, "{switch}: {} {}", page.url, page.body);
        // The owner comes again by their mail and keeps what is theirs.
        app.clock.advance(60);
        let page = victim.visit(&app.url("/account/password")).await;
        if is_purged {
            assert!(victim.submit(&page, "change-password", &[("password", FRESH)]).await.has("done"));
        }
        app.mail().to(VICTIM).await;
        let mut again = Browser::new();
        app.ask_for_link(&mut again, VICTIM).await;
        let link = app.mail().one(VICTIM).await.link();
        again.open_and_press(&link).await;
        assert!(app.is_in(&mut victim).await && app.is_in(&mut again).await, "{switch}: proved once, proved for good");
        assert_eq!(app.count("SELECT COUNT(*) FROM password_hashes").await, 1, "{switch}");
        app.ignore_mail();
    }
}

/// By a new password, and by the way back from another address that whoever claimed this one has moved on to.
#[tokio::test]
async fn a_new_password_and_the_way_back() {
    for is_moved in [false, true] {
        for (switch, links) in [(Switch::Off, 0), (Switch::On, 1)] {
            let (app, _up, mut mallory) = claimed(proving(switch)).await;
            let mut victim = Browser::new();
            let told = if is_moved {
                let page = mallory.visit(&app.url("/account/email")).await;
                mallory.submit(&page, "change-email", &[("email", "mallory@example.net")]).await;
                let link = app.mail().one("mallory@example.net").await.link();
                mallory.open_and_press(&link).await;
                let back = app.mail().one(VICTIM).await.link();
                let page = victim.open_and_press(&back).await;
                assert!(page.has("set-password"), "{} {}", page.status, page.body);
                page
            } else {
                app.forget(&mut victim, VICTIM).await;
                let link = app.mail().one(VICTIM).await.link();
                victim.get(&link).await
            };
            assert!(victim.submit(&told, "set-password", &[("password", "another orchid tractor")]).await.has("password-set"));
            assert!(!app.is_in(&mut mallory).await);
            assert_eq!(app.count("SELECT COUNT(*) FROM identities").await, links, "moved: {is_moved}, {switch}");
            app.ignore_mail();
        }
    }
}

/// The way back from an address that somebody in the session moved the account to takes what they added since, second factors too, and
/// leaves what was there before them.
#[tokio::test]
async fn the_way_back_takes_what_was_added_since() {
    for switch in [Switch::Off, Switch::On] {
        let (app, _up, mut thief) = claimed(proving(switch)).await;
        let phone = app.add_phone(&mut thief).await;
        let page = thief.visit(&app.url("/account/email")).await;
        thief.submit(&page, "change-email", &[("email", "mallory@example.net")]).await;
        let link = app.mail().one("mallory@example.net").await.link();
        app.mail().to(VICTIM).await;
        thief.open_and_press(&link).await;
        let back = app.mail().one(VICTIM).await.link();
        app.clock.advance(1);
        app.add_phone(&mut thief).await;
        let page = thief.visit(&app.url("/account/recovery-codes")).await;
        thief.submit(&page, "make-codes", &[]).await;
        assert!(Browser::new().open_and_press(&back).await.has("set-password"));
        assert_eq!(app.count("SELECT COUNT(*) FROM factors WHERE confirmed_at IS NOT NULL").await, 1, "{switch}");
        assert_eq!(app.count("SELECT COUNT(*) FROM recovery_codes").await, 0, "{switch}");
        let _ = phone;
        app.ignore_mail();
    }
}

/// "That wasn't me", of the second sign-in: the door by which the first one came is shut too.
#[tokio::test]
async fn a_sign_in_that_was_disowned() {
    let (app, up, mut mallory) = claimed(proving(Switch::Off)).await;
    let page = mallory.visit(&app.url("/account")).await;
    assert_eq!(page.status, 200);
    let mut elsewhere = Browser::new();
    let page = elsewhere.visit(&app.url("/sign-in")).await;
    elsewhere.submit(&page, "sign-in", &[("username", VICTIM), ("password", FRESH)]).await;
    let notice = app.mail().one(VICTIM).await.link();
    Browser::new().open_and_press(&notice).await;
    assert_eq!(app.count("SELECT COUNT(*) FROM identities").await, 0);
    assert!(come(&app, &up, &mut mallory).await.has("connect-first"));
    app.ignore_mail();
}

/// MF-04: whoever holds the mailbox alone gets past no second factor of a claimed account, whichever mail they answer: not the app, and
/// not the passkey, which is a second step from then on.
#[tokio::test]
async fn a_second_factor_outlasts_every_mail() {
    for is_disowned in [false, true] {
        let (app, _up, mut owner) = claimed(proving(Switch::Off)).await;
        let phone = app.add_phone(&mut owner).await;
        let mut key = crate::support::authenticator::Authenticator::new(&app, 1);
        key.enrol(&app, &mut owner).await;
        app.mail().to(VICTIM).await;
        let mut thief = Browser::new();
        if is_disowned {
            let mut elsewhere = Browser::new();
            let page = elsewhere.visit(&app.url("/sign-in")).await;
            let page = elsewhere.submit(&page, "sign-in", &[("username", VICTIM), ("password", FRESH)]).await;
            elsewhere.submit(&page, "verify", &[("way", "totp"), ("code", &phone.next_code(&app))]).await;
            let notice = app.mail().one(VICTIM).await.link();
            let page = thief.open_and_press(&notice).await;
            thief.submit(&page, "set-password", &[("password", "another orchid tractor")]).await;
            let page = thief.visit(&app.url("/sign-in")).await;
            thief.submit(&page, "sign-in", &[("username", VICTIM), ("password", "another orchid tractor")]).await;
        } else {
            app.ask_for_link(&mut thief, VICTIM).await;
            let link = app.mail().one(VICTIM).await.link();
            let page = thief.open_and_press(&link).await;
            assert!(page.has("another-way"), "{} {}", page.url, page.body);
        }
        assert!(!app.is_in(&mut thief).await, "disowned: {is_disowned}");
        assert_eq!(app.count("SELECT COUNT(*) FROM factors WHERE confirmed_at IS NOT NULL").await, 1, "disowned: {is_disowned}");
        assert_eq!(app.count("SELECT COUNT(*) FROM passkeys WHERE NOT signs_in").await, 1, "disowned: {is_disowned}");
        app.ignore_mail();
    }
}

/// Google is believed of its own addresses and those of Workspace domains, GitHub of what it has proved; an operator may say otherwise,
/// and who is known from before is proved at the next sign-in.
#[tokio::test]
async fn whose_word_is_as_good() {
    let app = house(&[]).await;
    let google = Upstream::connected(&app, "google", Kind::Google, Changes::default()).await;
    let hub = Upstream::connected(&app, "hub", Kind::GitHub, Changes::default()).await;
    let distrusted = Upstream::connected(&app, "distrusted", Kind::GitHub, proving(Switch::Off)).await;
    let proved = async |email: &str| {
        let text = "SELECT COUNT(*) FROM users WHERE email = $1 AND email_verified AND address_proved_here";
        let row = app.provider.db.conn().fetch(sql(text).bind(email)).await.unwrap().unwrap();
        row.columns("users").int("count").unwrap() == 1
    };
    let sign_in = async |up: &Upstream, id: &str| {
        let mut browser = Browser::new();
        let page = browser.visit(&app.url("/sign-in")).await;
        let page = up.sign_in(&mut browser, &page, id).await;
        assert!(page.url.path().ends_with("/account"), "{id}: {} {}", page.status, page.body);
    };
    for (sub, email, hd, is_proved) in [
        ("1", "ana@Gmail.com", None, true),
        ("2", "ana@workspace.test", Some("workspace.test"), true),
        ("3", "ana@elsewhere.test", None, false),
        ("4", "ana@gmail.com.elsewhere.test", None, false),
        ("5", "ana@notgmail.com", Some(""), false),
    ] {
        google.says(json!({ "sub": sub, "email": email, "email_verified": true, "hd": hd }));
        sign_in(&google, "google").await;
        assert_eq!(proved(email).await, is_proved, "{email}");
    }
    for (up, id, is_proved) in [(&hub, "hub", true), (&distrusted, "distrusted", false)] {
        let email = format!("{id}@example.com");
        up.will(|behaviour| behaviour.emails = json!([{ "email": email, "primary": true, "verified": true }]));
        sign_in(up, id).await;
        assert_eq!(proved(&email).await, is_proved, "{id}");
    }
    upstreams::edit(app.desk(), "distrusted", &proving(Switch::On)).await.unwrap();
    app.provider.connected.forget();
    sign_in(&distrusted, "distrusted").await;
    assert!(proved("distrusted@example.com").await);
    app.ignore_mail();
}

/// Who gave an address and proved it here, beside a provider that said none, has proved it.
#[tokio::test]
async fn given_and_proved_here() {
    let app = house(&[]).await;
    let up = Upstream::connected(&app, "corp", Kind::Oidc, Changes::default()).await;
    up.says(json!({ "sub": "shy" }));
    let mut browser = Browser::new();
    let ask = come(&app, &up, &mut browser).await;
    browser.submit(&ask, "send", &[("username", VICTIM)]).await;
    let link = app.mail().one(VICTIM).await.link();
    browser.open_and_press(&link).await;
    app.mail().to(VICTIM).await;
    let mut again = Browser::new();
    app.ask_for_link(&mut again, VICTIM).await;
    let link = app.mail().one(VICTIM).await.link();
    again.open_and_press(&link).await;
    assert!(app.is_in(&mut browser).await && app.is_in(&mut again).await);
    assert_eq!(app.count("SELECT COUNT(*) FROM identities").await, 1);
    app.ignore_mail();
}

/// Rows of before the column: what was verified counts as proved, but for accounts that began with another provider whose word is not as
/// good as a mail of ours.
#[tokio::test]
async fn rows_of_before() {
    let app = house(&[]).await;
    app.person("bob").await;
    let up = Upstream::connected(&app, "corp", Kind::Oidc, Changes::default()).await;
    // Bob connected it later, Ana and Gina were made by it.
    app.clock.advance(60);
    let mut browser = Browser::new();
    app.sign_in(&mut browser, "bob").await;
    up.says(json!({ "sub": "bob" }));
    let page = browser.visit(&app.url("/account/identities")).await;
    up.sign_in(&mut browser, &page, "corp").await;
    for name in ["ana", "gina"] {
        up.says(json!({ "sub": name, "email": format!("{name}@example.com"), "email_verified": true }));
        come(&app, &up, &mut Browser::new()).await;
    }
    let migration = include_str!("../../migrations/0010_people.sql").split(';').find(|text| text.contains("UPDATE users"));
    let execute = async |text: &'static str| app.provider.db.write(async move |tx| tx.execute(sql(text)).await).await.unwrap();
    execute("UPDATE users SET address_proved_here = FALSE").await;
    execute("UPDATE identities SET issuer = 'https://github.com' WHERE subject = 'gina'").await;
    execute(migration.unwrap()).await;
    assert_eq!(app.count("SELECT COUNT(*) FROM users WHERE address_proved_here").await, 2);
    assert_eq!(app.count("SELECT COUNT(*) FROM users WHERE NOT address_proved_here AND email = 'ana@example.com'").await, 1);
    app.ignore_mail();
}
