//! Where sign-in by other providers meets second factors and passkeys: a provider is a first proof of the level that the operator gives
//! it, and one of the ways in (decisions 17 and 24; battery FE-17).

use serde_json::json;
use vouchsafe::admin::upstreams::Changes;
use vouchsafe::federation::{Kind, Switch};
use vouchsafe::store::sql;

use crate::support::app::PASSWORD;
use crate::support::authenticator::Authenticator;
use crate::support::factor::Phone;
use crate::support::rp::claims;
use crate::support::upstream::{Signature, Upstream, house};
use crate::support::{Browser, Page, Rp, TestApp};

/// Ana, known by a provider, with an authenticator app.
async fn ana(changes: Changes) -> (TestApp, Upstream, Phone) {
    let app = house(&[]).await;
    let up = Upstream::connected(&app, "corp", Kind::Oidc, changes).await;
    let mut browser = Browser::new();
    let page = come(&app, &up, &mut browser).await;
    assert!(page.url.path().ends_with("/account"), "{} {}", page.url, page.body);
    let phone = app.add_phone(&mut browser).await;
    app.ignore_mail();
    (app, up, phone)
}

async fn come(app: &TestApp, up: &Upstream, browser: &mut Browser) -> Page {
    let page = browser.visit(&app.url("/sign-in")).await;
    up.sign_in(browser, &page, "corp").await
}

async fn is_in(app: &TestApp, browser: &mut Browser) -> bool {
    browser.get(&app.url("/account")).await.status == 200
}

/// A provider that is one factor opens no session where there is a second one; with it the app hears of both, and where the session
/// came from is known: its end there is its end here.
#[tokio::test]
async fn the_second_factor_follows_the_provider() {
    let (app, up, phone) = ana(Changes::default()).await;
    let mut browser = Browser::new();
    let page = come(&app, &up, &mut browser).await;
    assert!(page.has("verify") && page.url.path().starts_with("/second-factor/"), "{} {}", page.url, page.body);
    assert!(!is_in(&app, &mut browser).await, "half way in");
    let wrong = browser.submit(&page, "verify", &[("code", &phone.wrong_code(&app))]).await;
    assert!(wrong.has("verify") && !is_in(&app, &mut browser).await);
    let page = browser.submit(&wrong, "verify", &[("code", &phone.next_code(&app))]).await;
    assert!(page.url.path().ends_with("/account"), "{} {}", page.url, page.body);
    let rp = Rp::web(&app, "web").await;
    let token = claims(&rp.tokens(&mut browser, "ana").await.text("id_token"));
    assert_eq!((&token["amr"], &token["acr"]), (&json!(["fed", "otp", "mfa"]), &json!("aal2")));
    let send = async |claims| {
        let token = up.logout_token(&claims, Signature::Right);
        rp.post_as("/upstream/corp/backchannel-logout", None, &[("logout_token", token.as_str())]).await.status
    };
    assert_eq!(send(json!({ "sid": "another" })).await, 200);
    assert!(is_in(&app, &mut browser).await, "another session there");
    assert_eq!(send(json!({})).await, 200);
    assert!(!is_in(&app, &mut browser).await);
}

/// A profile is taken over from a provider once the sign-in is complete: a first proof alone changes nothing.
#[tokio::test]
async fn a_profile_follows_the_second_factor() {
    let (app, up, phone) = ana(Changes::default()).await;
    up.says(json!({ "sub": "up-ana", "email": "ana@example.com", "email_verified": true, "name": "Ana Renamed" }));
    let mut browser = Browser::new();
    let page = come(&app, &up, &mut browser).await;
    assert!(page.has("verify"), "{} {}", page.url, page.body);
    const RENAMED: &str = "SELECT COUNT(*) FROM users WHERE claims LIKE '%Ana Renamed%'";
    assert_eq!(app.count(RENAMED).await, 0, "half way in");
    let page = browser.submit(&page, "verify", &[("code", &phone.next_code(&app))]).await;
    assert!(page.body.contains("Ana Renamed"), "{} {}", page.url, page.body);
    assert_eq!(app.count(RENAMED).await, 1);
    app.ignore_mail();
}

/// Where the operator believes the provider's second factor, none is asked here; what it says without that is not believed.
#[tokio::test]
async fn a_second_factor_elsewhere() {
    for (switch, is_asked) in [(Switch::On, false), (Switch::Off, true)] {
        let (app, up, _) = ana(Changes { second_factor: Some(switch), ..Changes::default() }).await;
        up.says(json!({ "sub": "up-ana", "email": "ana@example.com", "email_verified": true, "amr": ["pwd", "mfa"] }));
        let mut browser = Browser::new();
        let page = come(&app, &up, &mut browser).await;
        assert_eq!(page.has("verify"), is_asked, "{switch:?} {}", page.url);
        assert_eq!(is_in(&app, &mut browser).await, !is_asked);
    }
}

/// Whoever is asked to sign in to an account before it is connected gives both proofs first: the question is for who is in.
#[tokio::test]
async fn connecting_asks_for_everything_first() {
    let app = house(&[]).await;
    let up = Upstream::connected(&app, "corp", Kind::Oidc, Changes::default()).await;
    let phone = app.person_with_phone(&mut Browser::new(), "ana").await;
    app.ignore_mail();
    let mut browser = Browser::new();
    let page = come(&app, &up, &mut browser).await;
    assert!(page.has("connect-first"), "{}", page.body);
    let page = browser.submit(&page, "sign-in", &[("username", "ana@example.com"), ("password", PASSWORD)]).await;
    assert!(page.has("verify") && !page.has("connect"), "{}", page.url);
    let id = page.url.path().rsplit('/').next().unwrap().to_owned();
    let early = browser.visit(&app.url(&format!("/connect/{id}"))).await;
    assert!(!early.has("connect"), "by typing the address: {} {}", early.url, early.body);
    let page = browser.submit(&page, "verify", &[("code", &phone.next_code(&app))]).await;
    assert!(page.has("connect"), "{} {}", page.url, page.body);
    let page = browser.submit(&page, "connect", &[]).await;
    assert!(page.url.path().ends_with("/account"), "{}", page.body);
    assert_eq!(app.count("SELECT COUNT(*) FROM identities").await, 1);
    let page = come(&app, &up, &mut Browser::new()).await;
    assert!(page.has("verify"), "known by the provider, and asked all the same: {}", page.url);
}

/// A passkey, an account elsewhere and a password are each a way in: any may go while another is there, and the last one stays.
#[tokio::test]
async fn ways_in_count_together() {
    let app = house(&[]).await;
    let up = Upstream::connected(&app, "corp", Kind::Oidc, Changes::default()).await;
    let mut browser = Browser::new();
    come(&app, &up, &mut browser).await;
    let disconnect = async |browser: &mut Browser| {
        let page = browser.visit(&app.url("/account/identities")).await;
        let link = page.attributes("a[href*='/account/identities/']", "href").pop().unwrap();
        let page = browser.visit(&app.url(&link)).await;
        browser.submit(&page, "confirm", &[]).await;
        app.count("SELECT COUNT(*) FROM identities").await
    };
    assert_eq!(disconnect(&mut browser).await, 1, "nothing else is there");
    let page = browser.visit(&app.url("/account/passkeys")).await;
    assert!(page.text("section[aria-labelledby=passwordless]").contains("you sign in another way"), "{}", page.body);
    let mut key = Authenticator::new(&app, 1);
    let page = key.enrol(&app, &mut browser).await;
    assert!(page.text("#done").contains("You can sign in with it from now on"), "{}", page.body);
    assert!(page.text("section[aria-labelledby=passwordless]").contains("with your passkeys"), "{}", page.body);
    let remove = async |browser: &mut Browser| {
        let page = browser.visit(&app.url("/account/passkeys")).await;
        let link = page.attributes("a[href*='/account/passkeys/'][aria-label]", "href").pop().unwrap();
        let page = browser.visit(&app.url(&format!("{link}/remove"))).await;
        browser.submit(&page, "confirm", &[]).await;
        app.count("SELECT COUNT(*) FROM passkeys").await
    };
    assert_eq!(remove(&mut browser).await, 0, "the provider is a way in");
    key.enrol(&app, &mut browser).await;
    assert_eq!(disconnect(&mut browser).await, 0, "the passkey is one");
    assert_eq!(remove(&mut browser).await, 1, "the last");
    app.ignore_mail();
}

/// A remembered browser connects nothing, in whatever order the person came: the second factor is asked for first.
#[tokio::test]
async fn trust_connects_nothing() {
    let app = house(&[]).await;
    let up = Upstream::connected(&app, "corp", Kind::Oidc, Changes::default()).await;
    let phone = app.person_with_phone(&mut Browser::new(), "ana").await;
    app.ignore_mail();
    let mut browser = Browser::new();
    let page = app.first_step(&mut browser, "ana").await;
    let mut form = page.form("verify");
    form.set("code", &phone.next_code(&app));
    form.fields.push(("remember_device".to_owned(), "yes".to_owned()));
    browser.request(crate::support::Initiator::SameOrigin, form.method.clone(), &form.action, Some(form.body())).await;
    browser.set_cookie("session", None);
    // By the provider first.
    let mut first = browser.clone();
    let page = come(&app, &up, &mut first).await;
    let page = first.submit(&page, "sign-in", &[("username", "ana@example.com"), ("password", PASSWORD)]).await;
    assert!(page.has("verify") && !page.has("connect"), "{} {}", page.url, page.body);
    // By the password first, and by the provider while the app's question is open.
    let rp = Rp::web(&app, "web").await;
    let page = browser.visit(&rp.begin(&rp.flow())).await;
    let page = browser.submit(&page, "sign-in", &[("username", "ana@example.com"), ("password", PASSWORD)]).await;
    assert!(page.has("allow"), "{} {}", page.url, page.body);
    let id = page.url.path().rsplit('/').next().unwrap();
    let start = browser.visit(&app.url(&format!("/sign-in/{id}"))).await;
    let page = up.sign_in(&mut browser, &start, "corp").await;
    if page.has("connect") {
        browser.submit(&page, "connect", &[]).await;
    }
    assert_eq!(app.count("SELECT COUNT(*) FROM identities").await, 0, "{} {}", page.url, page.body);
    app.ignore_mail();
}

/// Whoever disowns a sign-in shuts the door by which it came: an account elsewhere that is in other hands opens nothing any more. A first
/// proof by one that was disconnected since is none.
#[tokio::test]
async fn a_door_that_was_shut() {
    let app = house(&[]).await;
    let up = Upstream::connected(&app, "corp", Kind::Oidc, Changes::default()).await;
    come(&app, &up, &mut Browser::new()).await;
    app.ignore_mail();
    app.clock.advance(60);
    let mut stranger = Browser::new();
    come(&app, &up, &mut stranger).await;
    assert!(is_in(&app, &mut stranger).await);
    let mails = app.mail().to("ana@example.com").await;
    let notice = mails.iter().rev().find(|mail| mail.subject == "A new sign-in").unwrap().link();
    let mut owner = Browser::new();
    let page = owner.visit(&notice).await;
    owner.submit(&page, "go-on", &[]).await;
    assert!(!is_in(&app, &mut stranger).await);
    assert_eq!(app.count("SELECT COUNT(*) FROM identities").await, 0);
    let page = come(&app, &up, &mut stranger).await;
    assert!(!is_in(&app, &mut stranger).await, "{} {}", page.url, page.body);
    let (app, up, phone) = ana(Changes::default()).await;
    let mut half = Browser::new();
    let page = come(&app, &up, &mut half).await;
    app.provider.db.write(async move |tx| tx.execute(sql("DELETE FROM identities")).await).await.unwrap();
    half.submit(&page, "verify", &[("code", &phone.next_code(&app))]).await;
    assert!(!is_in(&app, &mut half).await);
    app.ignore_mail();
}
