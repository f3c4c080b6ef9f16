//! Protects remembered browsers: the second factor is left out there and nowhere else, for one person, for 30 days, until anything
//! changes that the account is proved by (MF-04); and the reset by an operator, with its waiting period.

use serde_json::json;
use vouchsafe::admin::factors::{self, Membership, Reset};
use vouchsafe::endpoints::second_factor::reset_due;
use vouchsafe::notify;
use vouchsafe::oauth::Lang;
use vouchsafe::store::sql;

use crate::support::app::{PASSWORD, Wish};
use crate::support::factor::Phone;
use crate::support::journey::FRESH;
use crate::support::rp::claims;
use crate::support::{Browser, Rp, TestApp};

const ANA: &str = "ana@example.com";
const DAY: i64 = 86_400;

/// Signs in with both, and has the browser remembered.
async fn remembered(app: &TestApp, phone: &Phone) -> Browser {
    let mut browser = Browser::new();
    let page = app.first_step(&mut browser, "ana").await;
    let mut form = page.form("verify");
    form.set("code", &phone.next_code(app));
    assert_eq!(form.get("remember_device"), None, "nobody is remembered who did not ask for it");
    form.fields.push(("remember_device".to_owned(), "yes".to_owned()));
    let answer =
        browser.request(crate::support::Initiator::SameOrigin, form.method.clone(), &form.action, Some(form.body())).await;
    assert!(answer.leaves_for(&app.url("/account")), "{}", answer.body);
    browser.set_cookie("session", None);
    browser
}

/// Whether this browser comes in with the password alone.
async fn comes_in(app: &TestApp, browser: &Browser, password: &str) -> bool {
    let mut browser = browser.clone();
    let page = browser.visit(&app.url("/sign-in")).await;
    browser.submit(&page, "sign-in", &[("username", ANA), ("password", password)]).await;
    app.is_in(&mut browser).await
}

/// The session says what it is; an app that wants more still gets it; what matters asks for the second factor all the same.
#[tokio::test]
async fn left_out_and_true() {
    let app = TestApp::start().await;
    let rp = Rp::web(&app, "web").await;
    let phone = app.person_with_phone(&mut Browser::new(), "ana").await;
    let mut browser = remembered(&app, &phone).await;
    let tokens = rp.tokens(&mut browser, "ana").await;
    let token = claims(&tokens.text("id_token"));
    assert_eq!((&token["acr"], &token["amr"]), (&json!("aal1"), &json!(["pwd"])));
    let page = browser.visit(&rp.begin(&rp.flow().with("acr_values", "aal2"))).await;
    assert!(page.has("code") && !page.has("remember-device"), "{}", page.body);
    for path in ["/account/password", "/account/authenticators/add", "/account/email"] {
        let page = browser.visit(&app.url(path)).await;
        let page = browser.submit(&page, "sign-in", &[("username", ANA), ("password", PASSWORD)]).await;
        assert!(page.has("code") && page.has("another-way"), "{path}: {}", page.body);
    }
    app.ignore_mail();
}

/// For this browser, this person and these days.
#[tokio::test]
async fn whose_and_how_long() {
    let app = TestApp::start().await;
    let phone = app.person_with_phone(&mut Browser::new(), "ana").await;
    app.person_with_phone(&mut Browser::new(), "bob").await;
    let browser = remembered(&app, &phone).await;
    assert!(comes_in(&app, &browser, PASSWORD).await);
    assert_eq!(app.audited("device_remembered").await, 1);
    let mut other = browser.clone();
    other.set_cookie("device", None);
    assert!(!comes_in(&app, &other, PASSWORD).await, "the browser cookie alone is no privilege");
    let mut bob = browser.clone();
    assert!(app.first_step(&mut bob, "bob").await.has("code"), "of another person");
    for (seconds, is_in) in [(30 * DAY - 1, true), (1, false)] {
        app.clock.advance(seconds);
        assert_eq!(comes_in(&app, &browser, PASSWORD).await, is_in, "{seconds}");
    }
    app.ignore_mail();
}

/// It ends with whatever changes that the account is proved by, and when the person wants it.
#[tokio::test]
async fn forgotten() {
    for end in ["nothing", "forget", "password", "factor", "locked"] {
        let app = TestApp::start().await;
        let mut owner = Browser::new();
        let phone = app.person_with_phone(&mut owner, "ana").await;
        let browser = remembered(&app, &phone).await;
        let mut password = PASSWORD;
        match end {
            "forget" => {
                let page = owner.visit(&app.url("/account/authenticators")).await;
                let page = owner.submit(&page, "forget-1", &[]).await;
                assert!(page.has("done") && !page.has("devices"), "{}", page.body);
                assert_eq!(app.audited("device_forgotten").await, 1);
            }
            "password" => {
                app.forget(&mut Browser::new(), ANA).await;
                let mails = app.mail().to(ANA).await;
                let link = mails.iter().find(|mail| mail.text.contains("/reset-password/")).unwrap().link();
                Browser::new().open_and_set(&link, FRESH).await;
                password = FRESH;
            }
            "factor" => drop(app.add_phone(&mut owner).await),
            "locked" => {
                vouchsafe::admin::users::disable(app.desk(), ANA).await.unwrap();
                vouchsafe::admin::users::enable(app.desk(), ANA).await.unwrap();
            }
            _ => {}
        }
        assert_eq!(comes_in(&app, &browser, password).await, end == "nothing", "{end}");
        app.ignore_mail();
    }
}

/// Forgetting a browser takes the trust from what runs in it: where a second factor has to be there it is asked for at once. Other
/// remembered browsers keep theirs.
#[tokio::test]
async fn forgotten_while_signed_in() {
    let app = TestApp::with(Wish { settings: &[("SECOND_FACTOR__POLICY", "required")], ..Wish::default() }).await;
    let rp = Rp::web(&app, "web").await;
    app.person("ana").await;
    let mut owner = Browser::new();
    let page = app.first_step(&mut owner, "ana").await;
    let phone = Phone::scan(&page);
    owner.submit(&page, "verify", &[("code", &phone.next_code(&app))]).await;
    let (mut one, mut other) = (remembered(&app, &phone).await, remembered(&app, &phone).await);
    for browser in [&mut one, &mut other] {
        app.clock.advance(1);
        rp.tokens(browser, "ana").await;
        assert!(browser.visit(&app.url("/account")).await.has("sessions"), "the password alone is enough there");
    }
    let silent = rp.begin(&rp.flow().with("prompt", "none"));
    for browser in [&mut one, &mut other] {
        assert!(browser.get(&silent).await.param("code").is_some());
    }
    let page = one.visit(&app.url("/account/authenticators")).await;
    let mut form = page.form("forget-1");
    let ours = "SELECT id FROM trusted_devices WHERE browser_hash = (SELECT browser_hash FROM sessions WHERE id = $1)";
    let newest = "SELECT id FROM sessions WHERE device_trusted ORDER BY id LIMIT 1";
    let row = app.provider.db.conn().fetch(sql(newest)).await.unwrap().unwrap();
    let session = row.columns("sessions").id("id").unwrap();
    let row = app.provider.db.conn().fetch(sql(ours).bind(&session)).await.unwrap().unwrap();
    form.set("device", row.columns("trusted_devices").id("id").unwrap().as_str());
    one.request(crate::support::Initiator::SameOrigin, form.method.clone(), &form.action, Some(form.body())).await;
    assert_eq!(one.get(&silent).await.param("error").as_deref(), Some("login_required"));
    assert!(one.visit(&app.url("/account")).await.has("another-way"), "asked again");
    assert!(other.get(&silent).await.param("code").is_some(), "the other one is remembered still");
    app.ignore_mail();
}

/// Decision 17: a browser that was remembered before the address was proved saves nobody the second factor with the proof.
#[tokio::test]
async fn not_with_the_first_proof_of_an_address() {
    for is_proved in [true, false] {
        let app = TestApp::start().await;
        let phone = app.person_with_phone(&mut Browser::new(), "ana").await;
        let mut browser = remembered(&app, &phone).await;
        if !is_proved {
            let unproved = sql("UPDATE users SET email_verified = FALSE");
            app.provider.db.write(async move |tx| tx.execute(unproved).await).await.unwrap();
        }
        app.mail().to(ANA).await;
        app.ask_for_link(&mut browser, ANA).await;
        browser.open_and_press(&app.told(ANA).await.link()).await;
        assert_eq!(app.is_in(&mut browser).await, is_proved);
        assert_eq!(app.count("SELECT COUNT(*) FROM trusted_devices").await, i64::from(is_proved));
        app.ignore_mail();
    }
}

/// Switched off: nothing is offered, and what was remembered before counts no more.
#[tokio::test]
async fn switched_off() {
    let app = TestApp::start().await;
    let phone = app.person_with_phone(&mut Browser::new(), "ana").await;
    let browser = remembered(&app, &phone).await;
    app.ignore_mail();
    let app = app.restart_with(Wish { settings: &[("SECOND_FACTOR__REMEMBER_DAYS", "0")], ..Wish::default() }).await;
    app.ignore_mail();
    assert!(!comes_in(&app, &browser, PASSWORD).await);
    assert!(!app.first_step(&mut Browser::new(), "ana").await.has("remember-device"));
}

/// An operator's reset happens after its time, is told by mail, and ends when the person shows what they have.
#[tokio::test]
async fn reset_by_an_operator() {
    for shows in [false, true] {
        let app = TestApp::start().await;
        let mut browser = Browser::new();
        let phone = app.person_with_phone(&mut browser, "ana").await;
        app.person("bob").await;
        let links = |path: &str| app.url(path);
        let post = &app.provider.post;
        let plan = async |who: &str, wish| factors::reset(app.desk(), (post, &links), who, wish).await;
        assert!(plan("bob@example.com", Reset::In(DAY)).await.is_err(), "who has nothing has nothing to lose");
        let at = plan(ANA, Reset::In(DAY)).await.unwrap().unwrap();
        assert_eq!(at, app.clock.now().plus(DAY));
        assert!(plan(ANA, Reset::In(DAY)).await.is_err(), "once");
        let told = app.told(ANA).await.text;
        let when = notify::moment(Lang::En, at);
        assert!(told.contains(&format!("An administrator removes your second factors on {when}. Signing")), "{told}");
        plan(ANA, Reset::Cancelled).await.unwrap();
        assert!(plan(ANA, Reset::Cancelled).await.is_err());
        plan(ANA, Reset::In(DAY)).await.unwrap();
        app.told(ANA).await;
        app.clock.advance(DAY - 60);
        assert_eq!(reset_due(&app.provider, app.clock.now()).await.unwrap(), 0);
        if shows {
            let mut next = Browser::new();
            let page = app.first_step(&mut next, "ana").await;
            next.submit(&page, "verify", &[("code", &phone.next_code(&app))]).await;
            assert!(app.is_in(&mut next).await);
        }
        app.clock.advance(60);
        let done = reset_due(&app.provider, app.clock.now()).await.unwrap();
        assert_eq!(done, u64::from(!shows));
        assert_eq!(factors::held(app.desk(), ANA).await.unwrap().factors.len(), usize::from(shows));
        assert_eq!(comes_in(&app, &Browser::new(), PASSWORD).await, !shows);
        if !shows {
            assert!(app.told(ANA).await.text.contains("were removed by an administrator"));
            assert_eq!((app.audited("factors_reset").await, app.audited("factors_reset_planned").await), (1, 2));
        }
        app.ignore_mail();
    }
}

/// A person whose row cannot be read holds up nobody else's reset.
#[tokio::test]
async fn one_reset_that_fails() {
    let app = TestApp::start().await;
    app.person_with_phone(&mut Browser::new(), "ana").await;
    app.person_with_phone(&mut Browser::new(), "bob").await;
    for address in [ANA, "bob@example.com"] {
        factors::reset(app.desk(), (&app.provider.post, &|path: &str| app.url(path)), address, Reset::In(DAY)).await.unwrap();
    }
    app.clock.advance(DAY);
    let claims = async |text: &'static str| {
        let statement = sql("UPDATE users SET claims = $1 WHERE email = 'ana@example.com'").bind(text);
        app.provider.db.write(async move |tx| tx.execute(statement).await).await.unwrap();
    };
    claims("broken").await;
    assert_eq!(reset_due(&app.provider, app.clock.now()).await.unwrap(), 1);
    assert!(factors::held(app.desk(), "bob@example.com").await.unwrap().factors.is_empty());
    claims("{}").await;
    assert_eq!(factors::held(app.desk(), ANA).await.unwrap().factors.len(), 1);
    assert_eq!(reset_due(&app.provider, app.clock.now()).await.unwrap(), 1, "the next time");
    app.ignore_mail();
}

/// Groups are an operator's to fill.
#[tokio::test]
async fn groups() {
    let app = TestApp::with(Wish { settings: &[("SECOND_FACTOR__GROUPS", "admins")], ..Wish::default() }).await;
    app.person("ana").await;
    assert!(comes_in(&app, &Browser::new(), PASSWORD).await);
    for bad in ["", "a,b", "a\nb"] {
        assert!(factors::set_group(app.desk(), ANA, (bad, Membership::Joins)).await.is_err(), "{bad:?}");
    }
    factors::set_group(app.desk(), ANA, ("admins", Membership::Joins)).await.unwrap();
    assert!(factors::set_group(app.desk(), ANA, ("admins", Membership::Joins)).await.is_err());
    assert!(!comes_in(&app, &Browser::new(), PASSWORD).await);
    factors::set_group(app.desk(), ANA, ("admins", Membership::Leaves)).await.unwrap();
    assert!(factors::set_group(app.desk(), ANA, ("admins", Membership::Leaves)).await.is_err());
    assert!(comes_in(&app, &Browser::new(), PASSWORD).await);
}

/// A remembered browser and the password add nothing: whoever has a second factor shows it before another one is added, whatever an
/// app asks for, and no code of an app stands for a passkey.
#[tokio::test]
async fn nothing_is_added_by_trust_alone() {
    let app = TestApp::start().await;
    let rp = Rp::web(&app, "web").await;
    let phone = app.person_with_phone(&mut Browser::new(), "ana").await;
    let mut browser = remembered(&app, &phone).await;
    rp.tokens(&mut browser, "ana").await;
    let essential = json!({ "id_token": { "acr": { "essential": true, "values": ["phr"] } } }).to_string();
    let wish = browser.visit(&rp.begin(&rp.flow().with("acr_values", "phr"))).await;
    assert!(wish.param("code").is_some(), "a wish is a wish: {} {}", wish.url, wish.body);
    let page = browser.visit(&rp.begin(&rp.flow().with("claims", &essential))).await;
    assert!(page.has("code") && !page.has("add-passkey") && !page.has("totp-key"), "{} {}", page.url, page.body);
    let id = page.url.path().rsplit('/').next().unwrap().to_owned();
    let typed = browser.visit(&app.url(&format!("/set-up-second-factor/{id}"))).await;
    assert!(!typed.has("add-passkey") && !typed.has("totp-key"), "{}", typed.url);
    // With the second factor the passkey is asked for, and nothing else will do.
    let page = browser.submit(&page, "verify", &[("code", &phone.next_code(&app))]).await;
    assert!(page.has("add-passkey"), "{} {}", page.url, page.body);
    let mut form = page.form("add-passkey");
    form.fields.retain(|(name, _)| name != "action" && name != "credential");
    form.fields.extend([("factor".to_owned(), "x".to_owned()), ("code".to_owned(), "1".to_owned())]);
    let answer =
        browser.request(crate::support::Initiator::SameOrigin, form.method.clone(), &form.action, Some(form.body())).await;
    let answer = browser.follow(answer).await;
    assert!(answer.has("add-passkey") && !answer.has("totp-key"), "{} {}", answer.url, answer.body);
    app.ignore_mail();
}

/// "That wasn't me" and the owner's way back take away what was added since, so that nobody is locked out by a stranger's factor.
#[tokio::test]
async fn what_a_stranger_added_goes_with_them() {
    let app = TestApp::start().await;
    app.person("ana").await;
    app.sign_in(&mut Browser::new(), "ana").await;
    let mut stranger = Browser::new();
    app.clock.advance(5);
    app.sign_in(&mut stranger, "ana").await;
    let notice = app.mail().one(ANA).await;
    app.clock.advance(5);
    app.add_phone(&mut stranger).await;
    app.ignore_mail();
    assert_eq!(app.count("SELECT COUNT(*) FROM factors").await, 1);
    let mut owner = Browser::new();
    let page = owner.visit(&notice.link()).await;
    owner.submit(&page, "go-on", &[]).await;
    assert_eq!(app.count("SELECT COUNT(*) FROM factors").await, 0);
}
