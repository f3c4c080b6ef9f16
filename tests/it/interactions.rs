//! Protects the request between two pages: decisions 10 to 12, pages.md section 4, and nothing that a person does by habit
//! (tabs, back, double clicks, waiting) loses it.

use url::Url;

use crate::support::app::{PASSWORD, Wish};
use crate::support::rp::claims;
use crate::support::{Browser, CALLBACK, Initiator, Page, Rp, TestApp};

const ANA: [(&str, &str); 2] = [("username", "ana@example.com"), ("password", PASSWORD)];

async fn house(names: &[&str]) -> (TestApp, Rp) {
    let app = TestApp::start().await;
    for name in names {
        app.person(name).await;
    }
    let rp = Rp::web(&app, "web").await;
    (app, rp)
}

async fn sign_in(browser: &mut Browser, page: &Page) -> Page {
    browser.submit(page, "sign-in", &ANA).await
}

async fn redeems(rp: &Rp, page: &Page, state: &str) {
    assert_eq!(page.param("state").as_deref(), Some(state), "{} {}", page.url, page.body);
    assert_eq!(rp.exchange(&page.param("code").unwrap()).await.status, 200);
}

/// Two tabs: signing in in one does not kill the form in the other, and each goes on with its own request.
#[tokio::test]
async fn two_tabs() {
    let (_app, rp) = house(&["ana"]).await;
    let mut browser = Browser::new();
    let first = browser.visit(&rp.begin(&rp.flow().with("state", "one"))).await;
    let second = browser.visit(&rp.begin(&rp.flow().with("state", "two"))).await;
    let first = sign_in(&mut browser, &first).await;
    let second = sign_in(&mut browser, &second).await;
    let (first, second) = (browser.submit(&first, "allow", &[]).await, browser.submit(&second, "allow", &[]).await);
    redeems(&rp, &first, "one").await;
    redeems(&rp, &second, "two").await;
}

/// The back button: a page that was left behind leads on, sends nothing twice, and an old one starts its request anew.
#[tokio::test]
async fn back_button() {
    let (app, rp) = house(&["ana"]).await;
    let mut browser = Browser::new();
    let form = browser.visit(&rp.begin(&rp.flow())).await;
    let consent = sign_in(&mut browser, &form).await;
    let answer = browser.submit(&consent, "allow", &[]).await;
    assert!(answer.leaves_for(CALLBACK));
    let back = browser.visit(form.url.as_str()).await;
    redeems(&rp, &back, "a state").await;
    app.clock.advance(31);
    let before = app.count("SELECT COUNT(*) FROM interaction_events").await;
    for url in [&form.url, &consent.url] {
        let late = browser.visit(url.as_str()).await;
        redeems(&rp, &late, "a state").await;
    }
    assert_eq!(app.count("SELECT COUNT(*) FROM interaction_events").await, before);
}

/// A double click on either button: both requests are answered alike, and the last answer works.
#[tokio::test]
async fn double_click() {
    let (_app, rp) = house(&["ana"]).await;
    let mut browser = Browser::new();
    let form = browser.visit(&rp.begin(&rp.flow())).await;
    let mut twin = browser.clone();
    let (first, second) = tokio::join!(twin.press(&form, "sign-in", &ANA), browser.press(&form, "sign-in", &ANA));
    assert_eq!((first.status, second.status, first.location()), (303, 303, second.location()));
    let consent = browser.follow(second).await;
    let mut twin = browser.clone();
    let (first, second) = tokio::join!(twin.press(&consent, "allow", &[]), browser.press(&consent, "allow", &[]));
    assert!(first.leaves_for(CALLBACK) && second.leaves_for(CALLBACK), "{} {}", first.status, second.status);
    redeems(&rp, &second, "a state").await;
}

/// An hour is too long: the request goes on under a new id, and nothing of it is lost.
#[tokio::test]
async fn expired_form() {
    let (app, rp) = house(&["ana"]).await;
    let mut browser = Browser::new();
    for (age, same) in [(3599, true), (3600, false)] {
        browser.forget_cookies();
        let form = browser.visit(&rp.begin(&rp.flow())).await;
        app.clock.advance(age);
        let next = sign_in(&mut browser, &form).await;
        assert_eq!(browser.cookie("session").is_some(), same, "after {age}");
        let answer = match same {
            true => next,
            false => {
                assert!(next.has("sign-in") && next.url != form.url);
                sign_in(&mut browser, &next).await
            }
        };
        let answer = if answer.has("allow") { browser.submit(&answer, "allow", &[]).await } else { answer };
        redeems(&rp, &answer, "a state").await;
    }
}

/// A server that was started again knows the interaction and the token in the form.
#[tokio::test]
async fn restarted_server() {
    let (app, rp) = house(&["ana"]).await;
    let mut browser = Browser::new();
    let form = browser.visit(&rp.begin(&rp.flow())).await;
    let app = app.restart().await;
    let again = browser.visit(&app.url(form.url.path())).await;
    assert_eq!(again.form("sign-in").get("csrf"), form.form("sign-in").get("csrf"));
    let consent = sign_in(&mut browser, &again).await;
    let answer = browser.submit(&consent, "allow", &[]).await;
    assert!(answer.leaves_for(CALLBACK) && answer.param("code").is_some());
    assert_eq!(answer.param("iss").as_deref(), Some(app.issuer.as_str()));
}

/// An interaction belongs to one browser: its URL in another one begins the request anew and signs nobody in there.
#[tokio::test]
async fn another_browser() {
    let (app, rp) = house(&["ana", "bob"]).await;
    let (mut anas, mut others) = (Browser::new(), Browser::new());
    let form = anas.visit(&rp.begin(&rp.flow())).await;
    let consent = sign_in(&mut anas, &form).await;
    let before = app.rows().await;
    for url in [&form.url, &consent.url] {
        let page = others.visit(url.as_str()).await;
        assert!(page.has("sign-in") && page.url != *url, "{}", page.url);
        assert!(!page.body.contains("ana@example.com"));
    }
    let own = others.visit(form.url.as_str()).await.form("sign-in");
    let fields =
        [("csrf", own.get("csrf").unwrap()), ("decision", "allow"), ("username", "bob@example.com"), ("password", PASSWORD)];
    for url in [&form.url, &consent.url] {
        let page = others.post(Initiator::SameOrigin, url.as_str(), &fields).await;
        let next = page.location().unwrap();
        assert!(next.path().starts_with("/sign-in/") && next != *url, "{next}");
    }
    assert!(others.cookie("session").is_none());
    assert_eq!(before.changed(&app.rows().await), Vec::<&str>::new());
    let answer = anas.submit(&consent, "allow", &[]).await;
    redeems(&rp, &answer, "a state").await;
}

/// Decision 10: who signs in as somebody else ends the first session, with what was not meant to outlive it.
#[tokio::test]
async fn another_person() {
    let (app, rp) = house(&["ana", "bob"]).await;
    let mut browser = Browser::new();
    let offline = rp.tokens(&mut browser, "ana").await;
    let page = rp.go(&mut browser, "ana", &rp.flow().with("scope", "openid")).await;
    let online = rp.exchange(&page.param("code").unwrap()).await;
    for token in [&offline, &online] {
        assert_eq!(rp.userinfo(&token.text("access_token")).await.status, 200);
    }
    let anas = browser.cookie("session").unwrap().value.clone();
    let form = browser.visit(&rp.begin(&rp.flow().with("prompt", "login"))).await;
    let wrong = browser.submit(&form, "sign-in", &[("username", "bob@example.com"), ("password", "wrong")]).await;
    assert_eq!(wrong.status, 400);
    assert!(app.is_in(&mut browser.clone()).await, "nothing ends before somebody else has signed in");
    let page = browser.submit(&wrong, "sign-in", &[("username", "bob@example.com"), ("password", PASSWORD)]).await;
    let page = browser.submit(&page, "allow", &[]).await;
    let bobs = rp.exchange(&page.param("code").unwrap()).await;
    assert_ne!(claims(&bobs.text("id_token"))["sub"], claims(&online.text("id_token"))["sub"]);
    let statuses = [&offline, &online, &bobs].map(|token| token.text("access_token"));
    let mut answers = Vec::new();
    for token in &statuses {
        answers.push(rp.userinfo(token).await.status);
    }
    assert_eq!(answers, [200, 401, 200]);
    assert!(app.is_in(&mut browser).await);
    browser.set_cookie("session", Some(&anas));
    assert!(!app.is_in(&mut browser).await);
}

/// A second proof that fails is asked for again as one: the same words, and the way for somebody else.
#[tokio::test]
async fn a_failed_second_proof() {
    let (_app, rp) = house(&["ana"]).await;
    let mut browser = Browser::new();
    rp.tokens(&mut browser, "ana").await;
    let form = browser.visit(&rp.begin(&rp.flow().with("prompt", "login"))).await;
    let wrong = browser.submit(&form, "sign-in", &[("password", "wrong")]).await;
    assert_eq!((form.status, wrong.status), (200, 400));
    assert_eq!(form.text("h1"), wrong.text("h1"));
    let not_you = wrong.attributes(".label a", "href");
    assert_eq!(not_you, form.attributes(".label a", "href"));
    assert!(not_you[0].contains("/choose-account/"), "{not_you:?}");
    assert_eq!(wrong.form("sign-in").get("username"), Some("ana@example.com"));
    redeems(&rp, &sign_in(&mut browser, &wrong).await, "a state").await;
}

/// A form whose token is not this browser's any more is shown again and works then; what comes from elsewhere is refused.
#[tokio::test]
async fn stale_form() {
    let (app, rp) = house(&["ana"]).await;
    let mut browser = Browser::new();
    let form = browser.visit(&rp.begin(&rp.flow())).await;
    let before = app.rows().await;
    for token in ["", "stale"] {
        let fields = [("csrf", token), ANA[0], ANA[1]];
        let page = browser.post(Initiator::SameOrigin, form.url.as_str(), &fields).await;
        assert_eq!((page.status, page.has("sign-in"), page.has("problem")), (400, true, true));
        assert_eq!(page.form("sign-in").get("csrf"), form.form("sign-in").get("csrf"));
        let page = browser.post(Initiator::Site("https://evil.test"), form.url.as_str(), &fields).await;
        assert_eq!((page.status, page.has("error-page")), (403, true));
        let page = Browser::new().post(Initiator::SameOrigin, form.url.as_str(), &fields).await;
        assert_eq!(page.status, 403, "a browser without a cookie");
    }
    assert_eq!(before.changed(&app.rows().await), Vec::<&str>::new());
    assert!(sign_in(&mut browser, &form).await.has("allow"));
}

async fn switch(browser: &mut Browser, page: &Page, back: &str) -> Page {
    let csrf = page.attributes("footer input[name=csrf]", "value").remove(0);
    let address = page.url.join(&page.attributes("footer form", "action")[0]).unwrap();
    browser.post(Initiator::SameOrigin, address.as_str(), &[("csrf", &csrf), ("back", back), ("lang", "de")]).await
}

/// The language is a form that keeps the interaction (pages.md section 2).
#[tokio::test]
async fn language() {
    let (_app, rp) = house(&["ana"]).await;
    let mut browser = Browser::new();
    let form = browser.visit(&rp.begin(&rp.flow())).await;
    let back = form.attributes("footer input[name=back]", "value").remove(0);
    let switched = switch(&mut browser, &form, &back).await;
    let german = browser.follow(switched).await;
    assert_eq!((&form.url, form.attributes("html", "lang")[0].as_str()), (&german.url, "en"));
    assert_eq!(german.attributes("html", "lang"), ["de"]);
    let consent = sign_in(&mut browser, &german).await;
    assert_eq!(consent.attributes("html", "lang"), ["de"]);
    let answer = browser.submit(&consent, "allow", &[]).await;
    redeems(&rp, &answer, "a state").await;
}

/// The switch leads back to our own pages and nowhere else (SE-14, ASVS 3.7.2).
#[tokio::test]
async fn no_open_redirect() {
    for path in ["", "/tenant"] {
        let app = TestApp::with(Wish { path, ..Wish::default() }).await;
        let mut browser = Browser::new();
        let form = browser.visit(&app.url("/account")).await;
        let own = Url::parse(&app.issuer).unwrap();
        for back in [
            "//evil.test",
            "///evil.test",
            "/\\evil.test",
            "\\\\evil.test",
            "https://evil.test/",
            "https:evil.test",
            "javascript:alert(1)",
            "/\t/evil.test",
            "/\r\nLocation: https://evil.test",
            "evil.test",
            "/tenant//evil.test",
            "/tenant\\evil.test",
            "/tenant.evil.test",
            "/tenant@evil.test",
            "@evil.test",
            ".evil.test",
            "",
            "%2f%2fevil.test",
            "/tenant/../..//evil.test",
        ] {
            let page = switch(&mut browser, &form, back).await;
            let to = page.location().unwrap();
            assert_eq!((page.status, to.origin()), (303, own.origin()), "{back:?} leads to {to}");
            assert!(!page.header("location").unwrap().starts_with("//"));
        }
        let good = format!("{path}/signed-out?x=1");
        assert_eq!(switch(&mut browser, &form, &good).await.header("location"), Some(good.as_str()));
    }
}

/// Protects a refusal (RFC 6749 section 4.1.2.1): it never ends in a code, also where the same was allowed in another tab.
#[tokio::test]
async fn a_refusal_never_grants() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let rp = Rp::web(&app, "web").await;
    let mut browser = Browser::new();
    let page = browser.visit(&rp.begin(&rp.flow())).await;
    let first = browser.submit(&page, "sign-in", &[("username", "ana@example.com"), ("password", PASSWORD)]).await;
    let second = browser.visit(&rp.begin(&rp.flow())).await;
    assert!(first.has("allow") && second.has("deny"));
    assert!(browser.submit(&first, "allow", &[]).await.param("code").is_some());
    let refused = browser.submit(&second, "deny", &[]).await;
    assert_eq!((refused.param("error").as_deref(), refused.param("code")), (Some("access_denied"), None));
}

/// Protects people from an address that was taken back (AZ-01): a stored request is checked against its client again.
#[tokio::test]
async fn a_stored_request_is_checked_again() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let rp = Rp::web(&app, "web").await;
    let mut browser = Browser::new();
    let page = browser.visit(&rp.begin(&rp.flow())).await;
    assert_eq!(browser.get(page.url.as_str()).await.status, 200);
    let about =
        vouchsafe::admin::clients::Changes { redirect_uris: Some(vec!["https://app.test/new".to_owned()]), ..Default::default() };
    vouchsafe::admin::clients::edit(app.desk(), "web", &about).await.unwrap();
    app.notice_changes();
    for mut visitor in [browser, Browser::new()] {
        let page = visitor.get(page.url.as_str()).await;
        assert_eq!((page.status, page.location()), (410, None));
    }
}

/// Protects a sign-out (LO-01): a code that was issued before it is worth nothing after it, whatever it asked for.
#[tokio::test]
async fn a_code_ends_with_its_session() {
    let app = TestApp::start().await;
    let ana = app.person("ana").await;
    let rp = Rp::web(&app, "web").await;
    let mut browser = Browser::new();
    let (good, late) = (rp.code(&mut browser, "ana").await, rp.code(&mut browser, "ana").await);
    assert_eq!(rp.exchange(&good).await.status, 200);
    let now = app.clock.now();
    let user = ana.id.clone();
    app.provider.db.write(async move |tx| vouchsafe::identity::sessions::end_all_for_user(tx, &user, now).await).await.unwrap();
    let refused = rp.exchange(&late).await;
    assert_eq!((refused.status, refused.error().as_str()), (400, "invalid_grant"));
}
