//! Protects phone codes (MF-11): sent to the number in the row alone, good once, for five minutes and five tries, in the browser and
//! for the errand that asked; limits against toll fraud; and gateways that are slow, failing, and answer nonsense. Beside them the
//! code by e-mail, the last resort.

use serde_json::json;
use vouchsafe::store::sql;

use crate::support::app::Wish;
use crate::support::factor::code_in;
use crate::support::rp::claims;
use crate::support::{Browser, Page, Receiver, Rp, TestApp};

const ANA: &str = "ana@example.com";
const NUMBER: &str = "+436601234567";

/// The last text message to this number.
fn message(app: &TestApp, number: &str) -> Option<String> {
    app.caught().take(number).pop().map(|mail| mail.words.text)
}

async fn ask(browser: &mut Browser, app: &TestApp, number: &str) -> Page {
    let page = browser.visit(&app.url("/account/authenticators/add/sms")).await;
    browser.submit(&page, "send", &[("typed", number)]).await
}

/// Ana, signed in, with her number added.
async fn with_number(app: &TestApp, browser: &mut Browser) {
    app.person("ana").await;
    app.sign_in(browser, "ana").await;
    let page = ask(browser, app, " +43 660 123-45-67 ").await;
    let code = code_in(&message(app, NUMBER).unwrap());
    let page = browser.submit(&page, "verify", &[("code", &code)]).await;
    let page = browser.click(&page, "kept").await;
    assert!(page.text("#factors").contains("+43 ••• 67"), "masked: {}", page.body);
    assert!(app.told(ANA).await.text.contains("Text message was added (+43 ••• 67)"));
    app.clock.advance(60);
}

/// In a demo the message lands in the inbox; the session says `sms`.
#[tokio::test]
async fn added_and_used() {
    let app = TestApp::with(Wish { demo: true, ..Wish::default() }).await;
    let rp = Rp::web(&app, "web").await;
    let mut browser = Browser::new();
    with_number(&app, &mut browser).await;
    let mut next = Browser::new();
    let page = rp.go(&mut next, "ana", &rp.flow()).await;
    let page = next.submit(&page, "send", &[]).await;
    assert!(page.has("code") && page.has("send-again"), "{}", page.body);
    let inbox = rp.get("/demo/inbox.json").await.json();
    assert_eq!(inbox[0]["to"], NUMBER);
    let code = code_in(&message(&app, NUMBER).unwrap());
    let page = next.submit(&page, "verify", &[("code", &code)]).await;
    let page = next.submit(&page, "allow", &[]).await;
    let token = claims(&rp.exchange(&page.param("code").unwrap()).await.text("id_token"));
    assert_eq!((&token["acr"], &token["amr"]), (&json!("aal2"), &json!(["pwd", "sms", "mfa"])));
    app.ignore_mail();
}

/// MF-11: used twice, the old one after a resend, after five minutes, of another errand, person or browser.
#[tokio::test]
async fn good_once_and_here() {
    let app = TestApp::start().await;
    with_number(&app, &mut Browser::new()).await;
    let code = async |browser: &mut Browser| {
        app.clock.advance(3600);
        let page = app.first_step(browser, "ana").await;
        let page = browser.submit(&page, "send", &[]).await;
        assert!(page.has("code"), "{} {}", page.status, page.body);
        (page, code_in(&message(&app, NUMBER).unwrap()))
    };
    let tried = async |browser: &mut Browser, page: &Page, code: &str| {
        browser.submit(page, "verify", &[("code", code)]).await;
        app.is_in(browser).await
    };
    let mut first = Browser::new();
    let (page, used) = code(&mut first).await;
    assert!(tried(&mut first, &page, &used).await);
    let mut again = Browser::new();
    let (page, fresh) = code(&mut again).await;
    assert!(used == fresh || !tried(&mut again, &page, &used).await, "of another errand");
    app.clock.advance(60);
    let resent = again.submit(&page, "send-again", &[]).await;
    let newest = code_in(&message(&app, NUMBER).unwrap());
    assert!(fresh == newest || !tried(&mut again, &resent, &fresh).await, "after a resend");
    assert!(tried(&mut again, &resent, &newest).await);
    let mut late = Browser::new();
    let (page, old) = code(&mut late).await;
    app.clock.advance(300);
    assert!(!tried(&mut late, &page, &old).await, "after five minutes");
    let mut planted = Browser::new();
    let (page, right) = code(&mut planted).await;
    let mut form = page.form("verify");
    form.set("code", &right);
    let mut other = planted.clone();
    other.set_cookie("half", None);
    other.request(crate::support::Initiator::SameOrigin, form.method.clone(), &form.action, Some(form.body())).await;
    assert!(!app.is_in(&mut other).await, "another holder");
    assert!(tried(&mut planted, &page, &right).await, "the positive twin");
    app.ignore_mail();
}

/// Five tries of one code, and the sixth is not compared.
#[tokio::test]
async fn five_tries() {
    let app = TestApp::start().await;
    with_number(&app, &mut Browser::new()).await;
    let mut thief = Browser::new();
    let page = app.first_step(&mut thief, "ana").await;
    let page = thief.submit(&page, "send", &[]).await;
    let right = code_in(&message(&app, NUMBER).unwrap());
    let wrong = if right == "000000" { "111111" } else { "000000" };
    for _ in 0..5 {
        assert_eq!(thief.submit(&page, "verify", &[("code", wrong)]).await.status, 400);
    }
    assert_eq!(thief.submit(&page, "verify", &[("code", &right)]).await.status, 429);
    assert!(!app.is_in(&mut thief).await);
    app.ignore_mail();
}

/// Toll fraud: a pause for one number, few for numbers that begin alike, a limit for the day, and only countries that are open.
#[tokio::test]
async fn limits() {
    let settings = [("SMS__PREFIXES", "+43,+49"), ("SMS__PER_DAY", "3")];
    let app = TestApp::with(Wish { settings: &settings, ..Wish::default() }).await;
    app.person("ana").await;
    let mut browser = Browser::new();
    app.sign_in(&mut browser, "ana").await;
    for number in ["+8821234567890", "+43660123\r\n4567", "436601234567", "+43660"] {
        let page = ask(&mut browser, &app, number).await;
        assert_eq!((page.status, page.has("typed-error")), (400, true), "{number:?}");
    }
    assert_eq!(app.count("SELECT COUNT(*) FROM factors").await, 0);
    assert_eq!(ask(&mut browser, &app, NUMBER).await.status, 200);
    assert_eq!(ask(&mut browser, &app, NUMBER).await.status, 429, "a pause");
    assert_eq!(ask(&mut browser, &app, "+491701234567").await.status, 200, "another number");
    assert_eq!(ask(&mut browser, &app, "+491701234568").await.status, 200);
    assert_eq!(ask(&mut browser, &app, "+436607654321").await.status, 429, "the day is over");
    for number in [NUMBER, "+491701234567", "+491701234568"] {
        assert_eq!(app.caught().take(number).len(), 1, "{number}");
    }
    app.ignore_mail();
}

/// Gateways: what they get in both shapes, and what the person sees when they fail or answer nonsense. Nothing is confirmed by that.
#[tokio::test]
async fn gateways() {
    let gateway = Receiver::start().await;
    for (shape, path, status) in [
        ("generic", "/200/generic", 200),
        ("twilio", "/201/twilio", 200),
        ("generic", "/500/broken", 503),
        ("generic", "/redirect/x", 503),
        ("generic", "/huge/x", 200),
    ] {
        let url = gateway.url(path);
        let settings = [
            ("SMS__URL", url.as_str()),
            ("SMS__SHAPE", shape),
            ("SMS__ACCOUNT", "AC1"),
            ("SMS__SECRET", "s3cret"),
            ("SMS__FROM", "House"),
            ("OUTBOUND__ALLOW", "127.0.0.0/8,::1/128"),
        ];
        let app = TestApp::with(Wish { settings: &settings, ..Wish::default() }).await;
        app.person("ana").await;
        let mut browser = Browser::new();
        app.sign_in(&mut browser, "ana").await;
        let page = ask(&mut browser, &app, NUMBER).await;
        assert_eq!(page.status, status, "{path}: {}", page.body);
        let call = gateway.calls(path).pop().unwrap();
        if shape == "twilio" {
            assert!(call.headers.to_lowercase().contains("authorization: basic qumxonmzy3jlda=="), "{}", call.headers);
            let fields: std::collections::HashMap<_, _> =
                url::form_urlencoded::parse(call.body.as_bytes()).into_owned().collect();
            assert_eq!((fields["To"].as_str(), fields["From"].as_str()), (NUMBER, "House"));
            let page = browser.submit(&page, "verify", &[("code", &code_in(&fields["Body"]))]).await;
            assert!(page.has("done"), "{}", page.body);
        } else {
            assert!(call.headers.contains("bearer s3cret"), "{}", call.headers);
            let body: serde_json::Value = serde_json::from_str(&call.body).unwrap();
            assert_eq!((&body["to"], &body["from"]), (&json!(NUMBER), &json!("House")));
            assert_eq!(app.count("SELECT COUNT(*) FROM factors WHERE confirmed_at IS NOT NULL").await, 0);
        }
        app.ignore_mail();
    }
    assert!(gateway.calls("/200/elsewhere").is_empty(), "no redirect is followed");
}

/// One person has few messages sent, to whatever numbers, and few numbers wait for a code at once; one address has as few sent as
/// mails.
#[tokio::test]
async fn of_one_person() {
    let app = TestApp::start().await;
    app.person("ana").await;
    app.person("bob").await;
    let mut browser = Browser::new();
    app.sign_in(&mut browser, "ana").await;
    for number in 10..20 {
        assert_eq!(ask(&mut browser, &app, &format!("+4366012345{number}")).await.status, 200, "{number}");
    }
    assert_eq!(app.count("SELECT COUNT(*) FROM factors").await, 3, "the newest wait");
    assert_eq!(ask(&mut browser, &app, "+436601234520").await.status, 429);
    assert!(message(&app, "+436601234520").is_none());
    let mut other = Browser::new();
    app.sign_in(&mut other, "bob").await;
    assert_eq!(ask(&mut other, &app, "+436601234520").await.status, 200, "somebody else");
    app.ignore_mail();
    let app = TestApp::with(Wish { settings: &[("LIMITS__MAIL_PER_HOUR", "1")], ..Wish::default() }).await;
    app.person("ana").await;
    let mut browser = Browser::new();
    app.sign_in(&mut browser, "ana").await;
    assert_eq!(ask(&mut browser, &app, NUMBER).await.status, 200);
    assert_eq!(ask(&mut browser, &app, "+436601234520").await.status, 429, "from one address");
    assert!(message(&app, NUMBER).is_some() && message(&app, "+436601234520").is_none());
    app.ignore_mail();
}

/// Whoever says that Ana's number is theirs does not keep her out.
#[tokio::test]
async fn a_number_of_somebody_else() {
    let app = TestApp::start().await;
    with_number(&app, &mut Browser::new()).await;
    app.person("bob").await;
    app.clock.advance(3600);
    let mut bob = Browser::new();
    let mut ana = Browser::new();
    let page = app.first_step(&mut ana, "ana").await;
    app.sign_in(&mut bob, "bob").await;
    assert_eq!(ask(&mut bob, &app, NUMBER).await.status, 200);
    message(&app, NUMBER).unwrap();
    assert_eq!(ask(&mut bob, &app, NUMBER).await.status, 429, "a pause for Bob");
    let page = ana.submit(&page, "send", &[]).await;
    assert_eq!((page.status, page.has("code")), (200, true), "{}", page.body);
    let code = code_in(&message(&app, NUMBER).unwrap());
    ana.submit(&page, "verify", &[("code", &code)]).await;
    assert!(app.is_in(&mut ana).await);
    app.ignore_mail();
}

/// Two numbers that wait at once, where one is the most: the second does not count, whenever it was begun.
#[tokio::test]
async fn one_number() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let mut browser = Browser::new();
    app.sign_in(&mut browser, "ana").await;
    let first = ask(&mut browser, &app, NUMBER).await;
    let second = ask(&mut browser, &app, "+436607654321").await;
    let code = code_in(&message(&app, NUMBER).unwrap());
    assert!(browser.submit(&first, "verify", &[("code", &code)]).await.has("done"));
    let confirmed = "SELECT COUNT(*) FROM factors WHERE confirmed_at IS NOT NULL";
    let code = code_in(&message(&app, "+436607654321").unwrap());
    assert!(!browser.submit(&second, "verify", &[("code", &code)]).await.has("done"));
    assert_eq!(app.count(confirmed).await, 1);
    let removed = sql("DELETE FROM factors WHERE confirmed_at IS NOT NULL");
    app.provider.db.write(async move |tx| tx.execute(removed).await).await.unwrap();
    let page = browser.submit(&second, "verify", &[("code", &code)]).await;
    assert_eq!((page.has("done"), app.count(confirmed).await), (true, 1), "the positive twin: {}", page.body);
    app.ignore_mail();
}

/// The code by e-mail: off unless it is named, none beside another factor, and none for who came in by mail.
#[tokio::test]
async fn by_mail() {
    for counts in ["totp", "totp,email"] {
        let settings = [("SECOND_FACTOR__COUNTS", counts), ("SECOND_FACTOR__POLICY", "required")];
        let app = TestApp::with(Wish { settings: &settings, ..Wish::default() }).await;
        app.person("ana").await;
        let mut next = Browser::new();
        let page = app.first_step(&mut next, "ana").await;
        assert_eq!((page.has("send"), page.has("totp-key")), (counts.contains("email"), counts == "totp"), "{}", page.body);
        if counts == "totp" {
            continue;
        }
        // Who has mails sent to her without the first proof does not keep this one from her.
        let mut stranger = Browser::new();
        for _ in 0..4 {
            app.ask_for_link(&mut stranger, ANA).await;
        }
        assert_eq!(app.mail().to(ANA).await.len(), 3);
        let page = next.submit(&page, "send", &[]).await;
        let code = app.told(ANA).await.code();
        next.submit(&page, "verify", &[("code", &code)]).await;
        assert!(app.is_in(&mut next).await);
        app.clock.advance(3600);
        let mut by_mail = Browser::new();
        app.ask_for_link(&mut by_mail, ANA).await;
        let page = by_mail.open_and_press(&app.told(ANA).await.link()).await;
        assert!(page.has("totp-key") && !page.has("send"), "the same proof twice is one: {}", page.body);
        app.ignore_mail();
    }
}

/// Beside an authenticator app the code by e-mail is not offered, not sent and not taken.
#[tokio::test]
async fn by_mail_beside_another() {
    let settings = [("SECOND_FACTOR__COUNTS", "totp,email")];
    let app = TestApp::with(Wish { settings: &settings, ..Wish::default() }).await;
    let phone = app.person_with_phone(&mut Browser::new(), "ana").await;
    let mut next = Browser::new();
    let page = app.first_step(&mut next, "ana").await;
    let list = next.submit(&page, "another-way", &[]).await;
    assert!(list.has("way-totp") && !list.has("way-email"), "{}", list.body);
    let challenges = "SELECT COUNT(*) FROM factor_challenges";
    let mut form = page.form("verify");
    form.set("way", "email");
    form.fields.push(("action".to_owned(), "send".to_owned()));
    next.request(crate::support::Initiator::SameOrigin, form.method.clone(), &form.action, Some(form.body())).await;
    assert_eq!(app.count(challenges).await, 0);
    next.submit(&page, "verify", &[("code", &phone.next_code(&app))]).await;
    assert!(app.is_in(&mut next).await, "the positive twin");
    app.ignore_mail();
}
