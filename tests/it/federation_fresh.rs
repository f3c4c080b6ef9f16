//! A fresh proof that is wanted, and providers that do not give one (Core sections 2, 3.1.2.1 and 3.1.3.7): nobody is asked twice who
//! need not be, and no time is ever told that nobody knows.

use serde_json::json;
use vouchsafe::admin::upstreams::Changes;
use vouchsafe::federation::Kind;

use crate::support::journey::FRESH;
use crate::support::registrar::Own;
use crate::support::rp::claims;
use crate::support::upstream::{Upstream, house};
use crate::support::{Browser, CALLBACK, Page, Rp, TestApp};

const ANA: &str = "ana@example.com";

async fn come(app: &TestApp, up: &Upstream, browser: &mut Browser) -> Page {
    let page = browser.visit(&app.url("/sign-in")).await;
    let page = up.sign_in(browser, &page, "hub").await;
    assert!(page.url.path().ends_with("/account"), "{} {}", page.status, page.body);
    page
}

/// GitHub says no time at all. Without a wish that is a sign-in as ever; with one the person confirms here by a mail, and only then the app
/// gets its answer, with the time of that. Nothing of theirs goes with the mail.
#[tokio::test]
async fn a_provider_without_a_time() {
    let app = house(&[]).await;
    let hub = Upstream::connected(&app, "hub", Kind::GitHub, Changes::default()).await;
    let rp = Rp::web(&app, "web").await;
    let mut browser = Browser::new();
    let page = browser.visit(&rp.begin(&rp.flow())).await;
    let consent = hub.sign_in(&mut browser, &page, "hub").await;
    assert!(browser.submit(&consent, "allow", &[]).await.leaves_for(CALLBACK), "{}", consent.body);
    app.mail().to(ANA).await;
    for (name, value) in [("prompt", "login"), ("max_age", "3600"), ("max_age", "0")] {
        // Signed in here, and not.
        for session in [true, false] {
            app.clock.advance(60);
            let mut browser = browser.clone();
            if !session {
                browser.set_cookie("session", None);
            }
            let page = browser.visit(&rp.begin(&rp.flow().with(name, value))).await;
            let confirm = hub.sign_in(&mut browser, &page, "hub").await;
            assert!(confirm.has("confirm-first"), "{name}={value}: {} {}", confirm.url, confirm.body);
            assert_eq!(confirm.attributes("#username", "value"), [ANA]);
            let page = browser.click(&confirm, "by-mail").await;
            let waiting = browser.submit(&page, "send", &[("username", ANA)]).await;
            let code = app.mail().to(ANA).await.pop().unwrap().code();
            app.clock.advance(5);
            let back = browser.submit(&waiting, "verify", &[("code", &code)]).await;
            assert!(back.leaves_for(CALLBACK), "{name}={value}: {} {}", back.url, back.body);
            let token = claims(&rp.exchange(&back.param("code").unwrap()).await.text("id_token"));
            assert_eq!((&token["auth_time"], &token["amr"]), (&json!(app.clock.now().unix()), &json!(["otp"])));
            app.clock.advance(3600);
        }
    }
    assert_eq!(app.count("SELECT COUNT(*) FROM identities").await, 1);
    app.ignore_mail();
}

/// Silence has no time: what a session without one is asked for, in this request or a later one, is a proof.
#[tokio::test]
async fn a_later_wish_is_not_met_by_silence() {
    let app = house(&[]).await;
    let hub = Upstream::connected(&app, "hub", Kind::GitHub, Changes::default()).await;
    let rp = Rp::web(&app, "web").await;
    let mut browser = Browser::new();
    come(&app, &hub, &mut browser).await;
    let page = browser.visit(&rp.begin(&rp.flow().with("max_age", "600"))).await;
    assert!(page.has("sign-in"), "{} {}", page.url, page.body);
    let silent = browser.visit(&rp.begin(&rp.flow().with("max_age", "600").with("prompt", "none"))).await;
    assert_eq!(silent.param("error").as_deref(), Some("login_required"));
    let plain = browser.visit(&rp.begin(&rp.flow())).await;
    assert!(plain.has("allow"), "without a wish: {}", plain.body);
    // Twin: a provider that says the time.
    let up = Upstream::connected(&app, "corp", Kind::Oidc, Changes::default()).await;
    up.says(json!({ "sub": "bob", "email": "bob@example.com", "email_verified": true }));
    let mut second = Browser::new();
    let page = second.visit(&app.url("/sign-in")).await;
    up.sign_in(&mut second, &page, "corp").await;
    let page = second.visit(&rp.begin(&rp.flow().with("max_age", "600"))).await;
    assert!(page.has("allow"), "{} {}", page.url, page.body);
    app.ignore_mail();
}

/// What matters on the account pages, a sign-in of an hour ago: the provider is asked for a new proof, and without one a password here is
/// the proof. Somebody at an open browser gets nowhere by a provider that is open as well.
#[tokio::test]
async fn a_step_up() {
    let app = house(&[]).await;
    let up = Upstream::connected(&app, "hub", Kind::Oidc, Changes::default()).await;
    let mut browser = Browser::new();
    come(&app, &up, &mut browser).await;
    let page = browser.visit(&app.url("/account/password")).await;
    assert!(browser.submit(&page, "change-password", &[("password", FRESH)]).await.has("done"));
    app.clock.advance(3600);
    let then = app.clock.now().unix() - 3600;
    for said in [json!({ "auth_time": null }), json!({ "auth_time": then }), json!({ "auth_time": then + 7200 })] {
        up.will(|behaviour| behaviour.claims = said.clone());
        let page = browser.visit(&app.url("/account/password")).await;
        let confirm = up.sign_in(&mut browser, &page, "hub").await;
        assert!(confirm.has("confirm-first"), "{said}: {} {}", confirm.url, confirm.body);
        assert!(browser.visit(&app.url("/account/password")).await.has("sign-in"), "{said}: not by typing the address");
        let wrong = browser.submit(&confirm, "sign-in", &[("username", ANA), ("password", "wrong")]).await;
        assert!(wrong.has("confirm-first") && wrong.status == 400, "{said}");
        let page = browser.submit(&confirm, "sign-in", &[("username", ANA), ("password", FRESH)]).await;
        assert!(page.has("change-password"), "{said}: {} {}", page.url, page.body);
        app.clock.advance(3600);
    }
    up.mend();
    let page = browser.visit(&app.url("/account/password")).await;
    let page = up.sign_in(&mut browser, &page, "hub").await;
    assert!(page.has("change-password"), "the provider says so: {} {}", page.url, page.body);
    app.ignore_mail();
}

/// The ID token has the time that the provider says, however long ago that is, and none where it says none.
#[tokio::test]
async fn the_time_in_the_token() {
    let app = house(&[]).await;
    let up = Upstream::connected(&app, "hub", Kind::Oidc, Changes::default()).await;
    let rp = Rp::web(&app, "web").await;
    let then = app.clock.now().unix() - 3000;
    for (said, asked, told) in [(json!(then), "3600", Some(then)), (json!(null), "", None)] {
        up.will(|behaviour| behaviour.claims = json!({ "auth_time": said }));
        let mut browser = Browser::new();
        let flow = if asked.is_empty() { rp.flow() } else { rp.flow().with("max_age", asked) };
        let page = browser.visit(&rp.begin(&flow)).await;
        let page = up.sign_in(&mut browser, &page, "hub").await;
        let page = if page.has("allow") { browser.submit(&page, "allow", &[]).await } else { page };
        let token = claims(&rp.exchange(&page.param("code").unwrap()).await.text("id_token"));
        assert_eq!(token["auth_time"].as_i64(), told, "{said}");
    }
    app.ignore_mail();
}

/// An app that has registered for a time is told one, or the person confirms here; a session without a time does not do either.
#[tokio::test]
async fn an_app_that_needs_a_time() {
    let app = house(&[("REGISTRATION__MODE", "open")]).await;
    let up = Upstream::connected(&app, "hub", Kind::Oidc, Changes::default()).await;
    let about = json!({ "require_auth_time": true, "redirect_uris": [CALLBACK], "scope": "openid email" });
    let rp = Own::new(&app, about).await.rp;
    let then = app.clock.now().unix() - 3000;
    up.will(|behaviour| behaviour.claims = json!({ "auth_time": then }));
    let mut browser = Browser::new();
    let page = browser.visit(&rp.begin(&rp.flow())).await;
    let page = up.sign_in(&mut browser, &page, "hub").await;
    let page = browser.submit(&page, "allow", &[]).await;
    let token = claims(&rp.exchange(&page.param("code").unwrap()).await.text("id_token"));
    assert_eq!(token["auth_time"].as_i64(), Some(then));
    assert!(up.heard("/authorize").last().unwrap().fields.contains_key("max_age"), "a provider is asked for it");
    up.will(|behaviour| behaviour.claims = json!({ "auth_time": null }));
    let mut silent = Browser::new();
    let page = silent.visit(&rp.begin(&rp.flow())).await;
    assert!(up.sign_in(&mut silent, &page, "hub").await.has("confirm-first"));
    // Signed in to the account page without a time, and then to the app.
    let mut account = Browser::new();
    come(&app, &up, &mut account).await;
    let page = account.visit(&rp.begin(&rp.flow())).await;
    assert!(page.has("sign-in"), "{} {}", page.url, page.body);
    app.ignore_mail();
}

/// A house in which nobody can confirm: its own wishes are met by the sign-in there, or its people could change nothing any more; an
/// app's are not.
#[tokio::test]
async fn nothing_else_to_prove_oneself_by() {
    let app = house(&[("SIGN_IN__PASSWORD", "off"), ("SIGN_IN__BY_MAIL", "off")]).await;
    let up = Upstream::connected(&app, "hub", Kind::GitHub, Changes::default()).await;
    // A second one, or people would go straight there.
    Upstream::connected(&app, "other", Kind::Oidc, Changes { position: Some(1), ..Changes::default() }).await;
    let rp = Rp::web(&app, "web").await;
    let mut browser = Browser::new();
    come(&app, &up, &mut browser).await;
    app.clock.advance(3600);
    let page = browser.visit(&app.url("/account/email")).await;
    let page = up.sign_in(&mut browser, &page, "hub").await;
    assert!(page.has("change-email"), "{} {}", page.url, page.body);
    let page = browser.visit(&rp.begin(&rp.flow().with("prompt", "login"))).await;
    let page = up.sign_in(&mut browser, &page, "hub").await;
    assert_eq!(page.status, 403, "{} {}", page.url, page.body);
    app.ignore_mail();
}

/// Somebody new, and the app wants a fresh proof: a mail gives it, and makes the account. Where no way of this house is open, the page says
/// so and nothing happens.
#[tokio::test]
async fn somebody_new_and_nobody_else() {
    let app = house(&[]).await;
    let hub = Upstream::connected(&app, "hub", Kind::GitHub, Changes::default()).await;
    let rp = Rp::web(&app, "web").await;
    let mut browser = Browser::new();
    let page = browser.visit(&rp.begin(&rp.flow().with("prompt", "login"))).await;
    let ask = hub.sign_in(&mut browser, &page, "hub").await;
    assert_eq!((ask.attributes("#username", "value"), app.count("SELECT COUNT(*) FROM users").await), (vec![ANA.to_owned()], 0));
    browser.submit(&ask, "send", &[("username", ANA)]).await;
    let link = app.mail().one(ANA).await.link();
    let consent = browser.open_and_press(&link).await;
    assert!(browser.submit(&consent, "allow", &[]).await.leaves_for(CALLBACK), "{}", consent.body);
    app.ignore_mail();
    let app = house(&[("SIGN_IN__BY_MAIL", "off")]).await;
    let hub = Upstream::connected(&app, "hub", Kind::GitHub, Changes::default()).await;
    let rp = Rp::web(&app, "web").await;
    come(&app, &hub, &mut Browser::new()).await;
    let mut browser = Browser::new();
    let page = browser.visit(&rp.begin(&rp.flow().with("prompt", "login"))).await;
    let refused = hub.sign_in(&mut browser, &page, "hub").await;
    assert_eq!((refused.status, refused.text("h1").as_str()), (403, "Sign in again"), "{}", refused.body);
    assert!(browser.cookie("session").is_none());
    app.ignore_mail();
}
