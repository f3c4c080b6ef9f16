//! Ways into somebody else's account that more than one page opens: what is asked for in between, prepared before, or still lies
//! in an old mail. Decisions 2, 17 and 28, battery rows EM-08, EM-13, RL-05.

use serde_json::json;
use vouchsafe::admin::import::{self, Mode, OnConflict, Outcome};
use vouchsafe::admin::users;
use vouchsafe::endpoints::accounts::ask_for_address;
use vouchsafe::endpoints::{Signed, Visit};
use vouchsafe::identity::guesses::{self, Charged};
use vouchsafe::identity::sessions::{self, SessionToken};
use vouchsafe::oauth::Lang;
use vouchsafe::store::sql;

use crate::account_pages::{OTHER, comes_in, person, press};
use crate::invitations::invited;
use crate::support::app::PASSWORD;
use crate::support::journey::FRESH;
use crate::support::{Browser, Page, TestApp};

const ANA: &str = "ana@example.com";
const THIEF: &str = "thief@evil.test";

/// Asks for a link and a code for this address, in the interaction of a page that waits for one.
async fn ask_here(app: &TestApp, browser: &mut Browser, waiting: &Page, address: &str) -> Page {
    // What is asked for within one second has no order.
    app.clock.advance(1);
    let form = browser.visit(&waiting.url.as_str().replace("check-mail", "sign-in-by-mail")).await;
    browser.submit(&form, "send", &[("username", address)]).await
}

fn wrong(code: &str) -> &'static str {
    if code == "000000" { "111111" } else { "000000" }
}

/// A guess is about whom the page waits for, and charged to them: asking for nobody in between lets nobody guess for free.
#[tokio::test]
async fn a_guess_is_charged_to_whom_it_is_about() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let mut browser = Browser::new();
    let waiting = app.ask_for_link(&mut browser, ANA).await;
    let code = app.mail().one(ANA).await.code();
    let nobody = ask_here(&app, &mut browser, &waiting, "nobody@example.com").await;
    assert_eq!(browser.press(&nobody, "verify", &[("code", &code)]).await.status, 400);
    assert!(browser.cookie("session").is_none());
    let waiting = ask_here(&app, &mut browser, &nobody, ANA).await;
    let code = app.mail().one(ANA).await.code();
    assert_eq!(browser.press(&waiting, "verify", &[("code", &code)]).await.status, 303, "the positive twin");
}

/// A right code of the attacker's own does not make them new guesses at another one.
#[tokio::test]
async fn a_right_code_forgets_no_wrong_ones() {
    let app = TestApp::open_house().await;
    app.person("ana").await;
    app.sign_up(&mut Browser::new(), "eve").await;
    app.mail().one("eve@example.com").await;
    let mut browser = Browser::new();
    let waiting = app.ask_for_link(&mut browser, ANA).await;
    let bad = wrong(&app.mail().one(ANA).await.code());
    for _ in 0..4 {
        assert_eq!(browser.press(&waiting, "verify", &[("code", bad)]).await.status, 400);
    }
    app.clock.advance(1);
    let form = browser.visit(&waiting.url.as_str().replace("check-mail", "sign-in")).await;
    let own = browser.submit(&form, "sign-in", &[("username", "eve@example.com"), ("password", FRESH)]).await;
    let code = app.mail().one("eve@example.com").await.code();
    assert_eq!(browser.press(&own, "verify", &[("code", &code)]).await.status, 303);
    ask_here(&app, &mut browser, &waiting, ANA).await;
    let bad = wrong(&app.mail().one(ANA).await.code());
    let tried =
        [browser.press(&waiting, "verify", &[("code", bad)]).await, browser.press(&waiting, "verify", &[("code", bad)]).await];
    assert_eq!(tried.map(|page| page.status), [400, 429]);
}

async fn unprove(app: &TestApp) {
    let unproved = "UPDATE users SET email_verified = FALSE";
    app.provider.db.write(async move |tx| tx.execute(sql(unproved)).await).await.unwrap();
}

/// Decision 17: whoever waited in an account for its owner has no link left that changes its address, once the owner has come.
#[tokio::test]
async fn a_change_from_before_the_first_proof() {
    for comes in [false, true] {
        let app = TestApp::start().await;
        app.person("ana").await;
        unprove(&app).await;
        let mut thief = Browser::new();
        app.sign_in(&mut thief, "ana").await;
        let page = thief.visit(&app.url("/account/email")).await;
        thief.submit(&page, "change-email", &[("email", THIEF)]).await;
        let link = app.mail().one(THIEF).await.link();
        if comes {
            let mut owner = Browser::new();
            app.ask_for_link(&mut owner, ANA).await;
            let page = owner.open_and_press(&app.mail().one(ANA).await.link()).await;
            assert!(page.url.path().ends_with("/account"), "{}", page.body);
        }
        assert_eq!(thief.get(&link).await.status, if comes { 410 } else { 200 });
        if !comes {
            assert!(press(&mut thief, &link).await.has("address-changed"), "the positive twin");
        }
        assert_eq!(person(&app, ANA).await.is_some(), comes);
        app.ignore_mail();
    }
}

/// A wish for another address that was under way when its session ended leaves no link behind (decision 2).
#[tokio::test]
async fn a_change_under_way_ends_with_its_session() {
    for ends in [false, true] {
        let app = TestApp::start().await;
        app.person("ana").await;
        let mut thief = Browser::new();
        app.sign_in(&mut thief, "ana").await;
        let token = SessionToken::parse(&thief.cookie("session").unwrap().value).unwrap();
        let now = app.clock.now();
        let (session, user) = sessions::find(&mut app.provider.db.conn(), &token, 3600, now).await.unwrap().unwrap();
        let signed = Signed { session, user };
        let visit = Visit {
            browser_hash: signed.session.browser_hash.clone(),
            session: Some(signed.clone()),
            half_hash: None,
            device_hash: None,
            address: [127, 0, 0, 1].into(),
            user_agent: String::new(),
            lang: Lang::En,
            now,
        };
        if ends {
            app.forget(&mut Browser::new(), ANA).await;
            let link = app.mail().one(ANA).await.link();
            assert!(Browser::new().open_and_set(&link, OTHER).await.has("password-set"));
        }
        let asked = ask_for_address(&app.provider, &signed, THIEF, &visit).await;
        assert_eq!(asked.is_err(), ends);
        assert_eq!(app.mail().to(THIEF).await.len(), usize::from(!ends));
        let open = "SELECT COUNT(*) FROM one_time_tokens WHERE purpose = 'new_address' AND used_at IS NULL";
        assert_eq!(app.count(open).await, i64::from(!ends));
        app.ignore_mail();
    }
}

/// After a new password by mail an older mail about a sign-in leads to none: what it is about has ended.
#[tokio::test]
async fn a_new_password_ends_what_disowns() {
    let app = TestApp::start().await;
    app.person("ana").await;
    app.sign_in(&mut Browser::new(), "ana").await;
    let mut links = Vec::new();
    for _ in 0..2 {
        app.sign_in(&mut Browser::new(), "ana").await;
        let mails = app.mail().to(ANA).await;
        links.push(mails.iter().find(|mail| mail.text.contains("/not-me/")).unwrap().link());
    }
    let (mut owner, mut reader) = (Browser::new(), Browser::new());
    let form = reader.get(&links[1]).await;
    assert_eq!(form.status, 200);
    let page = owner.open_and_press(&links[0]).await;
    assert_eq!(reader.get(&links[1]).await.status, 200, "until then both are about something");
    assert!(owner.submit(&page, "set-password", &[("password", OTHER)]).await.has("password-set"));
    assert_eq!((reader.get(&links[1]).await.status, reader.press(&form, "go-on", &[]).await.status), (410, 410));
    assert!(comes_in(&app, &mut owner, ANA, OTHER).await);
    app.ignore_mail();
}

/// EM-13: a stranger who uses up what an address may get does not keep its owner from a new password: links for that count for
/// themselves, and each works in every browser.
#[tokio::test]
async fn nobody_is_kept_from_a_new_password() {
    let app = TestApp::open_house().await;
    app.person("ana").await;
    for _ in 0..5 {
        app.sign_up(&mut Browser::new(), "ana").await;
    }
    assert_eq!(app.mail().to(ANA).await.len(), 3);
    app.forget(&mut Browser::new(), ANA).await;
    let link = app.mail().one(ANA).await.link();
    for _ in 0..5 {
        app.forget(&mut Browser::new(), ANA).await;
    }
    assert_eq!(app.mail().to(ANA).await.len(), 2, "three an hour of these, too");
    assert!(Browser::new().open_and_set(&link, OTHER).await.has("password-set"));
    app.ignore_mail();
}

/// Decision 17: who signed up with an address and never proved it keeps nobody out whom the house invites, adds or takes over from
/// another one, and has no way into what that person gets.
#[tokio::test]
async fn an_unproved_sign_up_gives_way() {
    for way in ["invited before", "invited after", "added", "imported", "imported again"] {
        let app = TestApp::open_house().await;
        let mut mail = None;
        if way == "invited before" {
            mail = Some(invited(&app, Lang::En).await.link());
        }
        let mut squatter = Browser::new();
        app.sign_up(&mut squatter, "ina").await;
        let squatted = app.mail().one("ina@example.com").await.link();
        let row = || vec![serde_json::from_value(json!({ "email": "ina@example.com", "email_verified": true })).unwrap()];
        let take = |on| import::batch(app.desk(), row(), on, Mode::Real);
        match way {
            "invited after" => mail = Some(invited(&app, Lang::En).await.link()),
            "added" => drop(app.person("ina").await),
            "imported" => assert_eq!(take(OnConflict::Fail).await.unwrap(), [Outcome::Created]),
            "imported again" => assert_eq!(take(OnConflict::Update).await.unwrap(), [Outcome::Created]),
            _ => {}
        }
        if let Some(link) = mail {
            let mut browser = Browser::new();
            let page = browser.get(&link).await;
            let page = browser.submit(&page, "accept", &[("name", "Ina"), ("password", OTHER)]).await;
            assert!(page.url.path().ends_with("/account"), "{way}: {} {}", page.status, page.body);
        }
        let ina = person(&app, "ina@example.com").await.unwrap();
        assert!(ina.email_verified && ina.verify_by.is_none(), "{way}");
        assert_eq!(squatter.get(&squatted).await.status, 410, "{way}");
        assert!(!comes_in(&app, &mut squatter, "ina@example.com", FRESH).await, "{way}");
        app.clock.advance(8 * 86_400);
        assert_eq!(vouchsafe::endpoints::accounts::remove_due(&app.provider, app.clock.now()).await.unwrap(), 0, "{way}");
        app.ignore_mail();
    }
}

/// DO-07: however many addresses were signed up with and never proved, all of them go when their week is over.
#[tokio::test]
async fn no_flood_of_sign_ups_stays() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let week_ago = app.clock.now().plus(-1);
    app.provider
        .db
        .write(async move |tx| {
            for number in 0..250 {
                let statement = sql("INSERT INTO users (id, sub, email_verified, claims, verify_by, created_at, updated_at)
                     VALUES ($1, $1, FALSE, '{}', $2, $2, $2)");
                tx.execute(statement.bind(format!("u{number}").as_str()).bind(week_ago)).await?;
            }
            Ok(())
        })
        .await
        .unwrap();
    app.clock.advance(61);
    for second in 1..10 {
        tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
        app.clock.advance(1);
        if app.count("SELECT COUNT(*) FROM users").await == 1 {
            return;
        }
        assert!(second < 8, "{} are left", app.count("SELECT COUNT(*) FROM users").await);
    }
}

/// A link with something too much behind it is a secret still: no page that it leads to says where it was.
#[tokio::test]
async fn a_broken_link_is_a_secret() {
    let app = TestApp::start().await;
    for (path, policy) in
        [("/nothing/rs_x", "same-origin"), ("/reset-password/rs_x", "no-referrer"), ("/reset-password/rs_x/", "no-referrer")]
    {
        assert_eq!(Browser::new().get(&app.url(path)).await.header("referrer-policy"), Some(policy), "{path}");
    }
}

/// What was sent to an account before it was locked opens nothing once it is unlocked.
#[tokio::test]
async fn a_lock_ends_what_was_sent() {
    for locked in [false, true] {
        let app = TestApp::start().await;
        app.person("ana").await;
        let mut browser = Browser::new();
        app.forget(&mut browser, ANA).await;
        let mut links = vec![app.mail().one(ANA).await.link()];
        app.ask_for_link(&mut browser, ANA).await;
        links.push(app.mail().one(ANA).await.link());
        if locked {
            users::disable(app.desk(), ANA).await.unwrap();
            users::enable(app.desk(), ANA).await.unwrap();
        }
        for link in links {
            assert_eq!(browser.get(&link).await.status, if locked { 410 } else { 200 });
        }
        assert!(comes_in(&app, &mut browser, ANA, PASSWORD).await);
    }
}

/// Decision 28: strangers who guess again and again keep nobody out who holds the mail: the browser in which they chose another
/// password has a count of its own.
#[tokio::test]
async fn strangers_keep_nobody_out() {
    for resets in [false, true] {
        let app = TestApp::start().await;
        app.person("ana").await;
        let now = app.clock.now();
        let guess = async move |tx: &mut vouchsafe::store::Tx| {
            for network in 0..100 {
                let subjects = guesses::password_subjects(ANA, [203, 0, 113, network].into(), None);
                assert_eq!(guesses::charge(tx, &subjects, now).await?, Charged::Taken);
            }
            Ok(())
        };
        app.provider.db.write(guess).await.unwrap();
        let mut browser = Browser::new();
        if resets {
            app.forget(&mut browser, ANA).await;
            let link = app.mail().one(ANA).await.link();
            assert!(browser.open_and_set(&link, OTHER).await.has("password-set"));
        }
        assert_eq!(comes_in(&app, &mut browser, ANA, if resets { OTHER } else { PASSWORD }).await, resets);
        assert!(!comes_in(&app, &mut Browser::new(), ANA, OTHER).await, "elsewhere it is as before");
        app.ignore_mail();
    }
}

/// Whoever confirms a sign-up in another browser than the one that asked hears of the first sign-in elsewhere: it may be a
/// stranger's, who signed up with an address that is not theirs and waited (decision 17).
#[tokio::test]
async fn the_owner_hears_of_who_signed_up() {
    let app = TestApp::open_house().await;
    let (mut stranger, mut owner) = (Browser::new(), Browser::new());
    app.sign_up(&mut stranger, "una").await;
    let una = "una@example.com";
    assert!(owner.open_and_press(&app.mail().one(una).await.link()).await.has("verified"));
    assert!(comes_in(&app, &mut stranger, una, FRESH).await);
    let link = app.mail().one(una).await.link();
    assert!(link.contains("/not-me/"), "{link}");
    let page = owner.open_and_press(&link).await;
    assert!(owner.submit(&page, "set-password", &[("password", OTHER)]).await.has("password-set"));
    assert!(!app.is_in(&mut stranger).await && !comes_in(&app, &mut stranger, una, FRESH).await);
    assert!(comes_in(&app, &mut owner, una, OTHER).await);
    app.ignore_mail();
}
