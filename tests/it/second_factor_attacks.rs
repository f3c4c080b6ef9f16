//! Protects the second factor from whoever knows the first: half sessions (MF-05), guesses (MF-02), ways around (MF-04, EM-07),
//! swapped secrets (MF-10), and pages that change what an account is proved by.

use tokio::task::JoinSet;
use vouchsafe::store::sql;

use crate::support::app::{PASSWORD, Wish};
use crate::support::authenticator::Authenticator;
use crate::support::journey::FRESH;
use crate::support::{Browser, Rp, TestApp};

const ANA: &str = "ana@example.com";

/// MF-05: a first proof opens the page for the second and nothing else, in no other tab, browser or way of typing the address.
#[tokio::test]
async fn half_a_session_is_none() {
    let app = TestApp::start().await;
    let rp = Rp::web(&app, "web").await;
    let (mut ana, mut bob) = (Browser::new(), Browser::new());
    let phone = app.person_with_phone(&mut ana, "ana").await;
    let bobs = app.person_with_phone(&mut bob, "bob").await;
    let mut thief = Browser::new();
    let page = rp.go(&mut thief, "ana", &rp.flow()).await;
    assert!(page.has("code"));
    let half = page.url.clone();
    for path in [
        "/account",
        "/account/authenticators",
        "/account/authenticators/add",
        "/account/password",
        "/account/email",
        "/account/data",
        "/account/delete",
    ] {
        let page = thief.visit(&app.url(path)).await;
        assert!(page.has("password") && !page.has("totp-key"), "{path}: {}", page.body);
    }
    let id = half.path().rsplit('/').next().unwrap();
    for step in ["consent", "choose-account", "set-up-second-factor"] {
        let page = thief.visit(&app.url(&format!("/{step}/{id}"))).await;
        assert_eq!(page.url.path(), half.path(), "{step}: back to the second factor");
    }
    // A new interaction knows nothing of it.
    assert!(thief.visit(&rp.begin(&rp.flow())).await.has("password"));
    // Another browser with the address of the page has nothing, even with the cookie that tells browsers apart.
    let mut other = Browser::new();
    assert!(!other.visit(half.as_str()).await.has("code"));
    let mut planted = thief.clone();
    planted.set_cookie("half", None);
    assert!(planted.visit(half.as_str()).await.has("password"), "the half cookie is what counts");
    // Neither Bob's code nor Bob's half session is good for Ana's.
    let page = thief.get(half.as_str()).await;
    let before = app.rows().await;
    assert_eq!(thief.submit(&page, "verify", &[("code", &bobs.next_code(&app))]).await.status, 400);
    let mut again = bob.clone();
    again.set_cookie("session", None);
    let of_bob = app.first_step(&mut again, "bob").await;
    let mut mixed = thief.clone();
    let mut form = page.form("verify");
    form.action = of_bob.url.clone();
    form.set("code", &phone.code(&app));
    let answer = mixed.request(crate::support::Initiator::SameOrigin, form.method.clone(), &form.action, Some(form.body())).await;
    assert!(!mixed.follow(answer).await.leaves_for(crate::support::CALLBACK));
    app.untouched(&before, "half sessions").await;
    // The positive twin.
    let page = thief.submit(&page, "verify", &[("code", &phone.code(&app))]).await;
    assert!(page.has("allow"), "{} {}", page.status, page.body);
    app.ignore_mail();
}

/// A first proof is over after a quarter of an hour, when the password is another one, and when the account is locked.
#[tokio::test]
async fn a_first_proof_ends() {
    for end in ["nothing", "time", "password", "locked"] {
        let app = TestApp::start().await;
        let mut browser = Browser::new();
        let phone = app.person_with_phone(&mut browser, "ana").await;
        let mut next = Browser::new();
        let page = app.first_step(&mut next, "ana").await;
        match end {
            "time" => app.clock.advance(900),
            "password" => {
                app.forget(&mut Browser::new(), ANA).await;
                let link = app.told(ANA).await.link();
                Browser::new().open_and_set(&link, FRESH).await;
            }
            "locked" => drop(vouchsafe::admin::users::disable(app.desk(), ANA).await.unwrap()),
            _ => {}
        }
        next.submit(&page, "verify", &[("code", &phone.next_code(&app))]).await;
        assert_eq!(app.is_in(&mut next).await, end == "nothing", "{end}");
        app.ignore_mail();
    }
}

/// MF-02, decision 28: ten guesses in all, however many at once, in however many sign-ins; the right code waits too, and is good
/// afterwards. A browser that the person knows has guesses of its own.
#[tokio::test]
async fn guesses_are_counted() {
    let app = TestApp::start().await;
    let mut known = Browser::new();
    let phone = app.person_with_phone(&mut known, "ana").await;
    let mut thief = Browser::new();
    let page = app.first_step(&mut thief, "ana").await;
    let mut running = JoinSet::new();
    for _ in 0..32 {
        let (mut thief, page, code) = (thief.clone(), page.clone(), phone.wrong_code(&app));
        running.spawn(async move { thief.press(&page, "verify", &[("code", &code)]).await.status });
    }
    let answers = running.join_all().await;
    let count = |status: u16| answers.iter().filter(|own| **own == status).count();
    assert_eq!((count(400), count(429)), (10, 22), "{answers:?}");
    let mut again = Browser::new();
    let page = app.first_step(&mut again, "ana").await;
    let slowed = again.submit(&page, "verify", &[("code", &phone.next_code(&app))]).await;
    assert_eq!(slowed.status, 429, "{}", slowed.body);
    assert!(slowed.header("retry-after").is_some() && slowed.has("problem"));
    assert!(!app.is_in(&mut again).await);
    assert_eq!(app.audited("second_factor_throttled").await, 1);
    known.set_cookie("session", None);
    let page = app.first_step(&mut known, "ana").await;
    known.submit(&page, "verify", &[("code", &phone.next_code(&app))]).await;
    assert!(app.is_in(&mut known).await, "her own browser is not held up");
    app.clock.advance(3600);
    let page = app.first_step(&mut again, "ana").await;
    again.submit(&page, "verify", &[("code", &phone.next_code(&app))]).await;
    assert!(app.is_in(&mut again).await);
}

/// MF-01: one and the same code at once from many tabs, and from one tab.
#[tokio::test]
async fn one_code_at_once() {
    let app = TestApp::start().await;
    let mut browser = Browser::new();
    let phone = app.person_with_phone(&mut browser, "ana").await;
    let mut tabs = Vec::new();
    for _ in 0..8 {
        let mut tab = browser.clone();
        tab.set_cookie("session", None);
        let page = app.first_step(&mut tab, "ana").await;
        tabs.push((tab, page));
    }
    let code = phone.next_code(&app);
    let mut running = JoinSet::new();
    for (mut tab, page) in tabs {
        let code = code.clone();
        running.spawn(async move { tab.press(&page, "verify", &[("code", &code)]).await.status });
    }
    let answers = running.join_all().await;
    assert_eq!(answers.iter().filter(|status| **status == 303).count(), 1, "{answers:?}");
}

/// MF-04, EM-07, decision 24: no other way in lowers what is asked for.
#[tokio::test]
async fn no_way_around() {
    let app = TestApp::start().await;
    let mut browser = Browser::new();
    let phone = app.person_with_phone(&mut browser, "ana").await;
    let factors = "SELECT COUNT(*) FROM factors WHERE confirmed_at IS NOT NULL";
    // By a link in the mail.
    let mut by_mail = Browser::new();
    app.ask_for_link(&mut by_mail, ANA).await;
    let page = by_mail.open_and_press(&app.told(ANA).await.link()).await;
    assert!(page.has("code") && page.has("another-way") && !app.is_in(&mut by_mail).await, "{}", page.body);
    by_mail.submit(&page, "verify", &[("code", &phone.next_code(&app))]).await;
    assert!(app.is_in(&mut by_mail).await);
    // By the code of that mail.
    let mut by_code = Browser::new();
    let page = app.ask_for_link(&mut by_code, ANA).await;
    let code = app.told(ANA).await.code();
    let page = by_code.submit(&page, "verify", &[("code", &code)]).await;
    assert!(page.has("another-way") && !app.is_in(&mut by_code).await, "{}", page.body);
    // By another password.
    let mut reset = Browser::new();
    app.forget(&mut reset, ANA).await;
    reset.open_and_set(&app.told(ANA).await.link(), FRESH).await;
    assert!(!app.is_in(&mut reset).await);
    let page = reset.visit(&app.url("/sign-in")).await;
    let page = reset.submit(&page, "sign-in", &[("username", ANA), ("password", FRESH)]).await;
    assert!(page.has("another-way") && !app.is_in(&mut reset).await, "{}", page.body);
    reset.submit(&page, "verify", &[("code", &phone.next_code(&app))]).await;
    assert!(app.is_in(&mut reset).await);
    assert_eq!(app.count(factors).await, 1, "nothing of it changed");
    app.ignore_mail();
}

/// MF-10: a secret that was moved to another row opens nothing, and is told; what belongs to others still works.
#[tokio::test]
async fn swapped_secrets() {
    let app = TestApp::start().await;
    let (mut ana, mut bob) = (Browser::new(), Browser::new());
    let phone = app.person_with_phone(&mut ana, "ana").await;
    let bobs = app.person_with_phone(&mut bob, "bob").await;
    let swap = "UPDATE factors SET sealed = (SELECT f.sealed FROM factors f JOIN users u ON u.id = f.user_id WHERE u.email = 'bob@example.com')
                WHERE user_id = (SELECT id FROM users WHERE email = 'ana@example.com')";
    app.provider.db.write(async move |tx| tx.execute(sql(swap)).await).await.unwrap();
    for code in [phone.next_code(&app), bobs.code(&app)] {
        let mut next = Browser::new();
        let page = app.first_step(&mut next, "ana").await;
        assert_eq!(next.submit(&page, "verify", &[("code", &code)]).await.status, 400);
        assert!(!app.is_in(&mut next).await);
    }
    assert_eq!(app.audited("factor_broken").await, 2);
    let mut next = Browser::new();
    let page = app.first_step(&mut next, "bob").await;
    next.submit(&page, "verify", &[("code", &bobs.next_code(&app))]).await;
    assert!(app.is_in(&mut next).await, "the positive twin");
    app.ignore_mail();
}

/// WA-08 for every kind: nothing is added, renamed or removed without a fresh proof of both; nothing of somebody else (SE-05).
#[tokio::test]
async fn changes_need_a_fresh_proof() {
    let app = TestApp::start().await;
    let (mut ana, mut bob) = (Browser::new(), Browser::new());
    let phone = app.person_with_phone(&mut ana, "ana").await;
    app.person_with_phone(&mut bob, "bob").await;
    let list = ana.visit(&app.url("/account/authenticators")).await;
    let own = list.url.join(&list.attributes("#factors a", "href")[0]).unwrap();
    let one = ana.visit(own.as_str()).await;
    let adding = ana.visit(&app.url("/account/authenticators/add")).await;
    // Bob finds nothing of Ana's.
    assert_eq!(bob.get(own.as_str()).await.status, 404);
    let page = bob.visit(&app.url("/account/authenticators")).await;
    let of_bob = bob.visit(page.url.join(&page.attributes("#factors a", "href")[0]).unwrap().as_str()).await;
    let before = app.rows().await;
    for button in ["rename", "confirm"] {
        let mut form = of_bob.form(button);
        form.action = own.clone();
        let answer =
            bob.request(crate::support::Initiator::SameOrigin, form.method.clone(), &form.action, Some(form.body())).await;
        assert!(answer.status == 404 || answer.status == 400, "{button}: {}", answer.status);
    }
    // Ana's own sign-in is too old by now.
    app.clock.advance(600);
    for (page, button) in [(&one, "rename"), (&one, "confirm"), (&adding, "verify")] {
        let answer = ana.submit(page, button, &[]).await;
        assert!(answer.has("password"), "{button}: {}", answer.body);
    }
    app.untouched(&before, "an old proof").await;
    // A password alone is not enough, and both are.
    let page = ana.visit(own.as_str()).await;
    let page = ana.submit(&page, "sign-in", &[("username", ANA), ("password", PASSWORD)]).await;
    assert!(page.has("code") && !page.has("rename"), "{}", page.body);
    let page = ana.submit(&page, "verify", &[("code", &phone.next_code(&app))]).await;
    assert!(page.has("factors"), "{}", page.body);
    let page = ana.visit(own.as_str()).await;
    ana.submit(&page, "confirm", &[]).await;
    assert_eq!(app.count("SELECT COUNT(*) FROM factors WHERE confirmed_at IS NOT NULL").await, 1);
    app.ignore_mail();
}

async fn unprove(app: &TestApp) {
    let unproved = sql("UPDATE users SET email_verified = FALSE");
    app.provider.db.write(async move |tx| tx.execute(unproved).await).await.unwrap();
}

/// Decision 17 with MF-04: the first proof of an address takes away whatever lets anybody in, and no second factor, which is asked
/// for by every way. Whoever shows it comes in.
#[tokio::test]
async fn the_first_proof_of_an_address_takes_no_second_factor() {
    for way in ["link", "code", "reset"] {
        let app = TestApp::start().await;
        let mut stranger = Browser::new();
        let phone = app.person_with_phone(&mut stranger, "ana").await;
        Authenticator::new(&app, 1).enrol(&app, &mut stranger).await;
        let page = stranger.visit(&app.url("/account/recovery-codes")).await;
        stranger.submit(&page, "make-codes", &[]).await;
        unprove(&app).await;
        app.mail().to(ANA).await;
        let mut owner = Browser::new();
        let page = match way {
            "reset" => {
                app.forget(&mut owner, ANA).await;
                owner.open_and_set(&app.told(ANA).await.link(), FRESH).await;
                let page = owner.visit(&app.url("/sign-in")).await;
                owner.submit(&page, "sign-in", &[("username", ANA), ("password", FRESH)]).await
            }
            _ => {
                let page = app.ask_for_link(&mut owner, ANA).await;
                let mail = app.told(ANA).await;
                match way {
                    "link" => owner.open_and_press(&mail.link()).await,
                    _ => owner.submit(&page, "verify", &[("code", &mail.code())]).await,
                }
            }
        };
        assert!(page.has("another-way") && !app.is_in(&mut owner).await, "{way}: {}", page.body);
        assert!(!app.is_in(&mut stranger).await, "{way}: what was open is over");
        assert_eq!(app.count("SELECT COUNT(*) FROM passkeys").await, 0, "{way}: a passkey is a way in");
        let passwords = i64::from(way == "reset");
        assert_eq!(app.count("SELECT COUNT(*) FROM password_hashes").await, passwords, "{way}");
        assert_eq!(app.count("SELECT COUNT(*) FROM factors WHERE confirmed_at IS NOT NULL").await, 1, "{way}");
        assert_eq!(app.count("SELECT COUNT(*) FROM recovery_codes").await, 10, "{way}");
        let wrong = owner.submit(&page, "verify", &[("code", &phone.wrong_code(&app))]).await;
        assert_eq!((wrong.status, app.is_in(&mut owner).await), (400, false), "{way}");
        owner.submit(&wrong, "verify", &[("code", &phone.next_code(&app))]).await;
        assert!(app.is_in(&mut owner).await, "{way}: the positive twin");
        app.ignore_mail();
    }
}

/// The twin: where no second factor is left to be asked for, the owner comes in by the mail, and passkeys and codes from before are gone.
#[tokio::test]
async fn the_first_proof_of_an_address_takes_passkeys() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let mut stranger = Browser::new();
    app.sign_in(&mut stranger, "ana").await;
    let mut key = Authenticator::new(&app, 1);
    key.enrol(&app, &mut stranger).await;
    let page = stranger.visit(&app.url("/account/recovery-codes")).await;
    stranger.submit(&page, "make-codes", &[]).await;
    assert_eq!(app.count("SELECT COUNT(*) FROM recovery_codes").await, 10);
    unprove(&app).await;
    app.mail().to(ANA).await;
    let mut owner = Browser::new();
    app.ask_for_link(&mut owner, ANA).await;
    owner.open_and_press(&app.told(ANA).await.link()).await;
    assert!(app.is_in(&mut owner).await);
    assert_eq!(app.count("SELECT COUNT(*) FROM passkeys").await, 0);
    assert_eq!(app.count("SELECT COUNT(*) FROM recovery_codes").await, 0);
    let page = key.sign_in(&app, &mut Browser::new()).await;
    assert_eq!(page.status, 400, "{}", page.body);
    assert!(!app.is_in(&mut stranger).await);
}

/// Whoever made the account proves its address by the mail that follows their password: nothing of theirs goes, and their second factor
/// is asked for all the same.
#[tokio::test]
async fn a_proof_by_who_made_the_account() {
    for with_phone in [true, false] {
        let app = TestApp::with(Wish { settings: &[("SIGN_IN__VERIFIED_ONLY", "on")], ..Wish::default() }).await;
        let mut browser = Browser::new();
        let phone = match with_phone {
            true => Some(app.person_with_phone(&mut browser, "ana").await),
            false => {
                app.person("ana").await;
                None
            }
        };
        unprove(&app).await;
        app.mail().to(ANA).await;
        let mut next = Browser::new();
        app.first_step(&mut next, "ana").await;
        let page = next.open_and_press(&app.told(ANA).await.link()).await;
        assert_eq!(page.has("another-way"), with_phone, "{}", page.body);
        assert_eq!(app.is_in(&mut next).await, !with_phone);
        if let Some(phone) = phone {
            next.submit(&page, "verify", &[("code", &phone.next_code(&app))]).await;
            assert!(app.is_in(&mut next).await, "the positive twin");
        }
        assert_eq!(app.count("SELECT COUNT(*) FROM password_hashes").await, 1);
        app.ignore_mail();
    }
}

/// "That wasn't me", a new password, a lock: a first proof by mail that still waits for the second is worth nothing from then on.
#[tokio::test]
async fn a_first_proof_by_mail_ends_with_everything_else() {
    for end in ["nothing", "disowned", "reset", "locked and opened"] {
        let app = TestApp::start().await;
        let phone = app.person_with_phone(&mut Browser::new(), "ana").await;
        let mut known = Browser::new();
        let page = app.first_step(&mut known, "ana").await;
        known.submit(&page, "verify", &[("code", &phone.next_code(&app))]).await;
        let not_me =
            app.mail().to(ANA).await.iter().flat_map(|mail| mail.links()).find(|link| link.contains("/not-me/")).unwrap();
        let mut thief = Browser::new();
        app.ask_for_link(&mut thief, ANA).await;
        let page = thief.open_and_press(&app.told(ANA).await.link()).await;
        assert!(page.has("another-way"), "{}", page.body);
        match end {
            "disowned" => drop(Browser::new().open_and_press(&not_me).await),
            "reset" => {
                app.forget(&mut Browser::new(), ANA).await;
                Browser::new().open_and_set(&app.told(ANA).await.link(), FRESH).await;
            }
            "locked and opened" => {
                vouchsafe::admin::users::disable(app.desk(), ANA).await.unwrap();
                vouchsafe::admin::users::enable(app.desk(), ANA).await.unwrap();
            }
            _ => {}
        }
        thief.submit(&page, "verify", &[("code", &phone.next_code(&app))]).await;
        assert_eq!(app.is_in(&mut thief).await, end == "nothing", "{end}");
        app.ignore_mail();
    }
}

/// A clock that jumps back makes no old code good again: steps are taken in growing order only (MF-01).
#[tokio::test]
async fn a_clock_that_jumps_back() {
    let app = TestApp::start().await;
    let mut browser = Browser::new();
    let phone = app.person_with_phone(&mut browser, "ana").await;
    for (seconds, works) in [(30, true), (-30, false), (-600, false), (660, true)] {
        app.clock.advance(seconds);
        let mut next = Browser::new();
        let page = app.first_step(&mut next, "ana").await;
        next.submit(&page, "verify", &[("code", &phone.code(&app))]).await;
        assert_eq!(app.is_in(&mut next).await, works, "{seconds}");
    }
    app.ignore_mail();
}

/// MF-02: a new password by mail makes a browser known, and brings no further guesses at the second factor.
#[tokio::test]
async fn a_reset_brings_no_guesses() {
    let app = TestApp::start().await;
    let mut own = Browser::new();
    let phone = app.person_with_phone(&mut own, "ana").await;
    app.ignore_mail();
    let guess = async |browser: &mut Browser| {
        let page = app.first_step(browser, "ana").await;
        browser.submit(&page, "verify", &[("code", &phone.wrong_code(&app))]).await.status
    };
    let mut thief = Browser::new();
    for _ in 0..10 {
        assert_eq!(guess(&mut thief).await, 400);
    }
    assert_eq!(guess(&mut thief).await, 429);
    // Her own browser, where she proved both, has its own count.
    own.set_cookie("session", None);
    assert_eq!(guess(&mut own).await, 400);
    let mut known = Browser::new();
    app.clock.advance(1);
    let page = known.visit(&app.url("/sign-in")).await;
    let page = known.click(&page, "forgot").await;
    known.submit(&page, "send", &[("username", ANA)]).await;
    let mails = app.mail().to(ANA).await;
    let link = mails.iter().rev().find(|mail| mail.subject.contains("password")).unwrap().link();
    known.open_and_set(&link, PASSWORD).await;
    assert_eq!(guess(&mut known).await, 429, "known by its mail alone");
    app.ignore_mail();
}
