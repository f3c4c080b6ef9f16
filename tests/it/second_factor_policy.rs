//! Protects what the operator settles about second factors: off, offered, required of all, of a group, for a client, with days of
//! grace; and what an app may want.

use serde_json::json;
use vouchsafe::admin::clients::Changes;
use vouchsafe::oauth::FactorPolicy;
use vouchsafe::store::sql;

use crate::support::app::Wish;
use crate::support::authenticator::Authenticator;
use crate::support::factor::Phone;
use crate::support::rp::claims;
use crate::support::{Browser, CALLBACK, Page, Rp, TestApp};

const ANA: &str = "ana@example.com";

async fn house(settings: &[(&str, &str)]) -> TestApp {
    let app = TestApp::with(Wish { settings, ..Wish::default() }).await;
    app.person("ana").await;
    app
}

/// Adds what the page of an interaction asks for.
async fn set_up(app: &TestApp, browser: &mut Browser, page: &Page) -> (Phone, Page) {
    let phone = Phone::scan(page);
    let page = browser.submit(page, "verify", &[("code", &phone.next_code(app))]).await;
    (phone, page)
}

/// Required of all: there is no session before there is a second factor, and the last one stays.
#[tokio::test]
async fn required_of_all() {
    let app = house(&[("SECOND_FACTOR__POLICY", "required")]).await;
    let rp = Rp::web(&app, "web").await;
    let mut browser = Browser::new();
    let page = rp.go(&mut browser, "ana", &rp.flow()).await;
    assert!(page.has("totp-key") && !page.has("not-now"), "{}", page.body);
    assert!(!app.is_in(&mut browser).await, "no step is skipped by typing the address");
    let phone = Phone::scan(&page);
    let before = app.rows().await;
    let wrong = browser.submit(&page, "verify", &[("code", &phone.wrong_code(&app))]).await;
    assert_eq!((wrong.status, wrong.text("#totp-key")), (400, page.text("#totp-key")));
    app.untouched(&before, "a wrong code").await;
    let (_, page) = set_up(&app, &mut browser, &wrong).await;
    let page = browser.submit(&page, "allow", &[]).await;
    let token = claims(&rp.exchange(&page.param("code").unwrap()).await.text("id_token"));
    assert_eq!((&token["acr"], &token["amr"]), (&json!("aal2"), &json!(["pwd", "otp", "mfa"])));
    assert!(app.told(ANA).await.text.contains("was added"));
    let page = browser.visit(&app.url("/account/authenticators")).await;
    let page = browser.visit(page.url.join(&page.attributes("#factors a", "href")[0]).unwrap().as_str()).await;
    assert!(!page.has("confirm") && page.text("#consequence").contains("needs one"), "{}", page.body);
    let mut form = page.form("rename");
    form.set("action", "remove");
    let answer =
        browser.request(crate::support::Initiator::SameOrigin, form.method.clone(), &form.action, Some(form.body())).await;
    assert_eq!((answer.status, app.count("SELECT COUNT(*) FROM factors WHERE confirmed_at IS NOT NULL").await), (200, 1));
}

/// A session from before the policy is asked too, by apps and on the account pages.
#[tokio::test]
async fn required_since() {
    let app = house(&[]).await;
    let rp = Rp::web(&app, "web").await;
    let mut browser = Browser::new();
    rp.tokens(&mut browser, "ana").await;
    let app = app.restart_with(Wish { settings: &[("SECOND_FACTOR__POLICY", "required")], ..Wish::default() }).await;
    let rp = Rp::at(&app.issuer, "web", rp.secret);
    let page = browser.get(&rp.begin(&rp.flow().with("prompt", "none"))).await;
    assert_eq!(page.param("error").as_deref(), Some("interaction_required"), "{:?}", page.location());
    let page = browser.visit(&app.url("/account")).await;
    assert!(page.has("totp-key"), "{}", page.body);
    let (_, page) = set_up(&app, &mut browser, &page).await;
    assert!(page.has("sessions"), "{}", page.body);
    app.ignore_mail();
}

/// Days of grace: the person may go on without until then, and not a second longer.
#[tokio::test]
async fn grace() {
    let app = house(&[("SECOND_FACTOR__POLICY", "required"), ("SECOND_FACTOR__GRACE_DAYS", "2")]).await;
    let mut browser = Browser::new();
    let page = app.first_step(&mut browser, "ana").await;
    assert!(page.has("not-now") && page.has("until"), "{}", page.body);
    browser.submit(&page, "not-now", &[]).await;
    assert!(app.is_in(&mut browser).await);
    for (seconds, may_wait) in [(86_400, true), (86_399, true), (1, false)] {
        app.clock.advance(seconds);
        let mut next = Browser::new();
        let page = app.first_step(&mut next, "ana").await;
        assert_eq!((page.has("totp-key"), page.has("not-now")), (true, may_wait), "{seconds}");
        if !may_wait {
            let mut form = page.form("verify");
            form.set("action", "later");
            let answer =
                next.request(crate::support::Initiator::SameOrigin, form.method.clone(), &form.action, Some(form.body())).await;
            next.follow(answer).await;
        }
        assert!(!app.is_in(&mut next).await);
    }
    let page = browser.visit(&app.url("/account")).await;
    assert!(page.has("sign-in"), "an old session proves itself first: {}", page.body);
    app.ignore_mail();
}

/// Required for one client: whoever has one factor gets no token of it, and goes on with every other.
#[tokio::test]
async fn required_for_a_client() {
    let app = house(&[]).await;
    let rp = Rp::web(&app, "web").await;
    let about = Changes {
        redirect_uris: Some(vec![CALLBACK.to_owned()]),
        second_factor: Some(FactorPolicy::Required),
        ..Changes::default()
    };
    let bank = Rp::of(&app, &app.client("bank", about).await);
    let mut browser = Browser::new();
    rp.tokens(&mut browser, "ana").await;
    let silent = bank.flow().with("prompt", "none");
    assert_eq!(browser.get(&bank.begin(&silent)).await.param("error").as_deref(), Some("interaction_required"));
    let page = browser.visit(&bank.begin(&bank.flow())).await;
    assert!(page.has("totp-key") && !page.has("not-now"), "{}", page.body);
    let id = page.url.path().rsplit('/').next().unwrap().to_owned();
    assert!(browser.visit(&app.url(&format!("/consent/{id}"))).await.has("totp-key"), "no step is skipped");
    let (phone, page) = set_up(&app, &mut browser, &page).await;
    let page = browser.submit(&page, "allow", &[]).await;
    let token = claims(&bank.exchange(&page.param("code").unwrap()).await.text("id_token"));
    assert_eq!(token["acr"], "aal2");
    let mut next = Browser::new();
    let page = bank.go(&mut next, "ana", &bank.flow()).await;
    assert!(page.has("code") && !page.has("totp-key"));
    let page = next.submit(&page, "verify", &[("code", &phone.next_code(&app))]).await;
    assert!(page.param("code").is_some(), "{:?} {}", page.location(), page.body);
    // Nobody adds a factor at an open browser.
    let mut old = Browser::new();
    app.person("bob").await;
    app.sign_in(&mut old, "bob").await;
    app.clock.advance(600);
    assert!(old.visit(&bank.begin(&bank.flow())).await.has("password"));
    app.ignore_mail();
}

/// Required of a group: its people have to, others not.
#[tokio::test]
async fn required_of_a_group() {
    let app = house(&[("SECOND_FACTOR__GROUPS", "admins")]).await;
    let bob = app.person("bob").await;
    let join = sql("INSERT INTO group_members (group_name, user_id) VALUES ('admins', $1)").bind(&bob.id);
    app.provider.db.write(async move |tx| tx.execute(join).await).await.unwrap();
    app.sign_in(&mut Browser::new(), "ana").await;
    let mut browser = Browser::new();
    let page = app.first_step(&mut browser, "bob").await;
    assert!(page.has("totp-key") && !app.is_in(&mut browser).await, "{}", page.body);
}

/// Switched off: nothing is offered, and nobody is asked, not even who has one.
#[tokio::test]
async fn off() {
    let app = house(&[]).await;
    let mut browser = Browser::new();
    app.sign_in(&mut browser, "ana").await;
    app.add_phone(&mut browser).await;
    app.told(ANA).await;
    assert!(!app.first_step(&mut Browser::new(), "ana").await.url.path().ends_with("/account"));
    let app = app.restart_with(Wish { settings: &[("SECOND_FACTOR__POLICY", "off")], ..Wish::default() }).await;
    let mut next = Browser::new();
    app.sign_in(&mut next, "ana").await;
    let page = next.visit(&app.url("/account/authenticators")).await;
    assert!(page.has("empty") && !page.has("add-totp"), "{}", page.body);
    let rp = Rp::web(&app, "web").await;
    assert_eq!(rp.get("/.well-known/openid-configuration").await.json()["acr_values_supported"], json!(["aal1", "aal2", "phr"]));
    // What an app has to have is met by a passkey alone, which is a first proof here.
    let aal2 = json!({ "id_token": { "acr": { "essential": true, "value": "aal2" } } }).to_string();
    let page = next.visit(&rp.begin(&rp.flow().with("claims", &aal2))).await;
    assert!(page.has("add-passkey") && !page.has("totp-key") && !page.has("totp-instead"), "{}", page.body);
}

/// An app that wants more of who has nothing: who must adds one, who may goes on without and is told the truth.
#[tokio::test]
async fn wanted_of_who_has_none() {
    let app = house(&[]).await;
    let rp = Rp::web(&app, "web").await;
    let mut browser = Browser::new();
    let page = rp.go(&mut browser, "ana", &rp.flow().with("acr_values", "aal2")).await;
    assert!(page.has("totp-key") && page.has("not-now"), "{}", page.body);
    let page = browser.submit(&page, "not-now", &[]).await;
    let page = browser.submit(&page, "allow", &[]).await;
    let token = claims(&rp.exchange(&page.param("code").unwrap()).await.text("id_token"));
    assert_eq!((&token["acr"], &token["amr"]), (&json!("aal1"), &json!(["pwd"])));
    let silent = rp.flow().with("acr_values", "aal2").with("prompt", "none");
    assert!(browser.get(&rp.begin(&silent)).await.param("code").is_some(), "voluntary");
    let essential = json!({ "id_token": { "acr": { "essential": true, "values": ["aal2"] } } }).to_string();
    let page = browser.visit(&rp.begin(&rp.flow().with("claims", &essential))).await;
    assert!(page.has("totp-key") && !page.has("not-now"), "{}", page.body);
    let (_, page) = set_up(&app, &mut browser, &page).await;
    let page = if page.has("allow") { browser.submit(&page, "allow", &[]).await } else { page };
    let token = claims(&rp.exchange(&page.param("code").unwrap()).await.text("id_token"));
    assert_eq!(token["acr"], "aal2");
    app.ignore_mail();
}

/// The time that the house gives is for what the house wants: an app that has to have a second factor has it at once, and a session
/// from before is told, and asked again when the time is over.
#[tokio::test]
async fn grace_is_not_for_ever() {
    let app = house(&[("SECOND_FACTOR__GRACE_DAYS", "2")]).await;
    let rp = Rp::web(&app, "web").await;
    let about = Changes {
        redirect_uris: Some(vec![CALLBACK.to_owned()]),
        second_factor: Some(FactorPolicy::Required),
        ..Changes::default()
    };
    let bank = Rp::of(&app, &app.client("bank", about).await);
    let mut browser = Browser::new();
    rp.tokens(&mut browser, "ana").await;
    let silent = bank.begin(&bank.flow().with("prompt", "none"));
    assert_eq!(browser.get(&silent).await.param("error").as_deref(), Some("interaction_required"));
    let page = browser.visit(&bank.begin(&bank.flow())).await;
    assert!(page.has("totp-key") && !page.has("not-now"), "{} {}", page.url, page.body);
    // What the house wants since then: the old session is told, may go on, and is told again when the time is over.
    let required =
        Wish { settings: &[("SECOND_FACTOR__POLICY", "required"), ("SECOND_FACTOR__GRACE_DAYS", "2")], ..Wish::default() };
    let app = app.restart_with(required).await;
    let rp = Rp::at(&app.issuer, &rp.id, rp.secret.clone());
    let page = browser.visit(&rp.begin(&rp.flow())).await;
    assert!(page.has("not-now") && page.has("until"), "{} {}", page.url, page.body);
    let page = browser.submit(&page, "not-now", &[]).await;
    assert!(page.param("code").is_some(), "{} {}", page.url, page.body);
    app.clock.advance(86_400);
    assert!(browser.get(&rp.begin(&rp.flow())).await.param("code").is_some());
    app.clock.advance(86_400);
    let page = browser.visit(&rp.begin(&rp.flow())).await;
    assert!(page.param("code").is_none(), "the time is over: {} {}", page.url, page.body);
    app.ignore_mail();
}

/// Whoever wants `phr` or `aal2` takes either: everything that reaches one of them is offered, a session that has reached one is
/// enough, and who has nothing may add what they like (Core section 5.5.1).
#[tokio::test]
async fn any_of_several_levels() {
    let app = house(&[]).await;
    let rp = Rp::web(&app, "web").await;
    let mut own = Browser::new();
    app.sign_in(&mut own, "ana").await;
    let phone = app.add_phone(&mut own).await;
    Authenticator::new(&app, 1).enrol(&app, &mut own).await;
    let essential = json!({ "id_token": { "acr": { "essential": true, "values": ["phr", "aal2"] } } }).to_string();
    let voluntary = ("acr_values", "phr aal2");
    app.person("bob").await;
    for (name, value) in [("claims", essential.as_str()), voluntary] {
        let flow = rp.flow().with(name, value);
        let mut browser = Browser::new();
        let page = rp.go(&mut browser, "ana", &flow).await;
        let page = browser.submit(&page, "another-way", &[]).await;
        assert!(page.has("way-passkey") && page.has("way-totp"), "{name}: {}", page.body);
        let page = browser.click(&page, "way-totp").await;
        let page = browser.submit(&page, "verify", &[("code", &phone.next_code(&app))]).await;
        let page = if page.has("allow") { browser.submit(&page, "allow", &[]).await } else { page };
        let token = claims(&rp.exchange(&page.param("code").unwrap()).await.text("id_token"));
        assert_eq!(token["acr"], "aal2", "{name}");
        let silent = browser.get(&rp.begin(&flow.with("prompt", "none"))).await;
        assert!(silent.param("code").is_some(), "{name}: {:?}", silent.location());
        let page = rp.go(&mut Browser::new(), "bob", &rp.flow().with(name, value)).await;
        assert!(page.has("totp-key") && page.has("passkey-instead"), "{name}: {}", page.body);
    }
    // The twin: `phr` alone is reached by the passkey alone.
    let only = json!({ "id_token": { "acr": { "essential": true, "values": ["phr"] } } }).to_string();
    let mut browser = Browser::new();
    let page = rp.go(&mut browser, "ana", &rp.flow().with("claims", &only)).await;
    let page = browser.submit(&page, "verify", &[("code", &phone.next_code(&app))]).await;
    assert!(!page.has("way-totp") && page.param("code").is_none() && !page.has("allow"), "{} {}", page.url, page.body);
    app.ignore_mail();
}

/// Every combination of who is meant and of days of grace, once: who is asked for a second factor that they have not got, whether
/// they may wait, and who is not asked at all. What an app wants has no grace.
#[tokio::test]
async fn whoever_is_meant() {
    for grace in ["0", "2"] {
        for of in ["nobody", "all", "group", "client"] {
            let mut settings = vec![("SECOND_FACTOR__GRACE_DAYS", grace)];
            match of {
                "all" => settings.push(("SECOND_FACTOR__POLICY", "required")),
                "group" => settings.push(("SECOND_FACTOR__GROUPS", "admins")),
                _ => {}
            }
            let app = house(&settings).await;
            let join = sql("INSERT INTO group_members (group_name, user_id) SELECT 'admins', id FROM users");
            app.provider.db.write(async move |tx| tx.execute(join).await).await.unwrap();
            let about = Changes {
                redirect_uris: Some(vec![CALLBACK.to_owned()]),
                second_factor: (of == "client").then_some(FactorPolicy::Required),
                ..Changes::default()
            };
            let rp = Rp::of(&app, &app.client("app", about).await);
            let mut browser = Browser::new();
            let page = rp.go(&mut browser, "ana", &rp.flow()).await;
            let may_wait = grace == "2" && of != "client";
            assert_eq!(page.has("totp-key"), of != "nobody", "{of} {grace}: {}", page.body);
            assert_eq!(page.has("not-now"), of != "nobody" && may_wait, "{of} {grace}: {}", page.body);
            if of != "nobody" && may_wait {
                assert!(browser.submit(&page, "not-now", &[]).await.has("allow"), "{of}");
                let page = browser.visit(&app.url("/account")).await;
                assert!(page.text("#factor-due").contains("before"), "{of}: {}", page.body);
                app.add_phone(&mut browser).await;
                assert!(!browser.visit(&app.url("/account")).await.has("factor-due"), "{of}: there is one now");
            } else if of != "nobody" {
                let (_, page) = set_up(&app, &mut browser, &page).await;
                assert!(page.has("allow"), "{of} {grace}: {}", page.body);
            }
            assert!(!browser.visit(&app.url("/account")).await.has("factor-due"), "{of} {grace}");
            app.ignore_mail();
        }
    }
}

/// Where an authenticator app does not count, a page that asks for a second factor offers what does; nobody comes to a page with
/// nothing on it.
#[tokio::test]
async fn what_counts_is_offered() {
    for counts in ["passkey", "sms", "recovery,passkey"] {
        let app = house(&[("SECOND_FACTOR__COUNTS", counts)]).await;
        let about = Changes {
            redirect_uris: Some(vec![CALLBACK.to_owned()]),
            second_factor: Some(FactorPolicy::Required),
            ..Changes::default()
        };
        let rp = Rp::of(&app, &app.client("bank", about).await);
        let mut browser = Browser::new();
        let page = rp.go(&mut browser, "ana", &rp.flow()).await;
        assert!(page.has("add-passkey") && !page.has("totp-key"), "{counts}: {}", page.body);
        let mut key = Authenticator::new(&app, 1);
        let options = browser.passkey_options(&page).await;
        let page = browser.submit(&page, "add-passkey", &[("credential", &key.create(&options, |_| {}))]).await;
        assert!(page.url.path().starts_with("/second-factor/"), "{counts}: {} {}", page.url, page.body);
        let options = browser.passkey_options(&page).await;
        let page = browser.submit(&page, "verify", &[("credential", &key.get(&options, |_| {}))]).await;
        assert!(page.has("allow"), "{counts}: {} {}", page.url, page.body);
        app.ignore_mail();
    }
}

/// The account says until when a second factor has to be there, in the person's language.
#[tokio::test]
async fn due() {
    for (language, said) in [("en", "Set up a second factor before "), ("de", "Richten Sie bis ")] {
        let app = house(&[("SECOND_FACTOR__POLICY", "required"), ("SECOND_FACTOR__GRACE_DAYS", "2")]).await;
        let mut browser = Browser::reading(language);
        let page = app.first_step(&mut browser, "ana").await;
        let page = browser.submit(&page, "not-now", &[]).await;
        assert!(page.text("#factor-due").starts_with(said), "{}", page.body);
        assert_eq!(page.attributes("#factor-due a", "href"), ["/account/authenticators"]);
        app.ignore_mail();
    }
}
