//! Signing in by another provider: the journeys of people, on both engines (decision 17; battery FE-01, FE-02, FE-08, FE-10).

use serde_json::json;
use vouchsafe::admin::upstreams::Changes;
use vouchsafe::federation::{Kind, Switch};

use crate::support::app::PASSWORD;
use crate::support::upstream::{Upstream, house, off};
use crate::support::{Browser, CALLBACK, Rp, TestApp};

/// The sign-in page of the account.
async fn sign_in_page(app: &TestApp, browser: &mut Browser) -> crate::support::Page {
    browser.visit(&app.url("/sign-in")).await
}

/// Somebody new comes from an app, gets an account with the mapped profile, and goes back to the app with what it asked for; then
/// they are known.
#[tokio::test]
async fn a_new_person_and_then_a_known_one() {
    let app = house(&[]).await;
    let up = Upstream::connected(&app, "corp", Kind::Oidc, Changes::default()).await;
    let rp = Rp::web(&app, "web").await;
    let mut browser = Browser::new();
    let page = browser.visit(&rp.begin(&rp.flow().with("login_hint", "ana@example.com"))).await;
    assert_eq!(page.text("#upstream-corp span:last-child"), "Continue with Up corp");
    let consent = up.sign_in(&mut browser, &page, "corp").await;
    assert!(consent.has("allow"), "{} {}", consent.status, consent.body);
    let asked = &up.heard("/authorize")[0].fields;
    assert_eq!((asked["scope"].as_str(), asked["login_hint"].as_str()), ("openid profile email", "ana@example.com"));
    assert_eq!(asked["redirect_uri"], app.url("/upstream/corp/callback"));
    let back = browser.submit(&consent, "allow", &[]).await;
    assert!(back.leaves_for(CALLBACK));
    assert_eq!(back.param("state").as_deref(), Some("a state"), "the app's request is kept throughout");
    let tokens = rp.exchange(&back.param("code").unwrap()).await;
    let claims = crate::support::rp::claims(&tokens.text("id_token"));
    assert_eq!(claims["amr"], json!(["fed"]), "amr tells the truth");
    let told = rp.userinfo(&tokens.text("access_token")).await.json();
    assert_eq!((told["email"].as_str(), told["email_verified"].as_bool()), (Some("ana@example.com"), Some(true)));
    assert_eq!(told["name"], "Ana Up");
    // In another browser, by another address there: the same person, with a new name, and the address here stays.
    up.says(json!({ "sub": "up-ana", "email": "new@example.com", "email_verified": true, "name": "Ana New" }));
    let mut second = Browser::new();
    let page = sign_in_page(&app, &mut second).await;
    let account = up.sign_in(&mut second, &page, "corp").await;
    assert!(account.url.path().ends_with("/account"), "{} {}", account.status, account.body);
    assert!(account.body.contains("Ana New") && account.body.contains("ana@example.com"), "{}", account.body);
    assert_eq!(app.count("SELECT COUNT(*) FROM users").await, 1);
    assert_eq!(app.audited("account_made_by_upstream").await, 1);
    app.ignore_mail();
}

/// Where the operator wants no new accounts, a stranger hears so, nothing is made, and whoever has an account still comes in.
#[tokio::test]
async fn no_account_is_made_where_none_is_wanted() {
    let app = house(&[]).await;
    let up = Upstream::connected(&app, "corp", Kind::Oidc, off()).await;
    let mut browser = Browser::new();
    let page = sign_in_page(&app, &mut browser).await;
    let before = app.rows().await;
    let refused = up.sign_in(&mut browser, &page, "corp").await;
    assert_eq!((refused.status, refused.text("h1").as_str()), (403, "No account here yet"));
    assert!(!refused.text("#support-code").is_empty());
    app.untouched(&before, "a stranger").await;
    // With an account of that address they are asked to sign in to it, and are known from then on.
    app.person("ana").await;
    let page = sign_in_page(&app, &mut browser).await;
    let known = up.sign_in(&mut browser, &page, "corp").await;
    assert!(known.has("connect-first"), "{}", known.body);
}

/// FE-01: somebody at another provider has Alice's address, proved or not as they say: never Alice's session. Proved, Alice signs
/// in once and says yes; from then on they belong together.
#[tokio::test]
async fn an_address_alone_opens_nothing() {
    let app = house(&[]).await;
    let up = Upstream::connected(&app, "corp", Kind::Oidc, Changes::default()).await;
    app.person("ana").await;
    for verified in [json!(true), json!("true"), json!(false), json!(null)] {
        let mut said = json!({ "sub": "mallory", "email": "Ana@Example.com", "email_verified": verified });
        if verified.is_null() {
            said.as_object_mut().unwrap().remove("email_verified");
        }
        up.says(said);
        let mut browser = Browser::new();
        let page = sign_in_page(&app, &mut browser).await;
        let answer = up.sign_in(&mut browser, &page, "corp").await;
        assert!(browser.cookie("session").is_none(), "{verified}: a session came of an address");
        let expected = if verified == json!(true) || verified == json!("true") { "/sign-in/" } else { "/give-address/" };
        assert!(answer.url.path().starts_with(expected), "{verified}: {}", answer.url);
    }
    assert_eq!(app.count("SELECT COUNT(*) FROM identities").await, 0);
    // Ana herself.
    up.says(json!({ "sub": "up-ana", "email": "ana@example.com", "email_verified": true }));
    let mut browser = Browser::new();
    let page = sign_in_page(&app, &mut browser).await;
    let page = up.sign_in(&mut browser, &page, "corp").await;
    assert_eq!(page.attributes("#username", "value"), ["ana@example.com"], "her address is there already");
    let ask = browser.submit(&page, "sign-in", &[("username", "ana@example.com"), ("password", PASSWORD)]).await;
    assert!(ask.has("connect") && ask.has("not-now"), "{}", ask.body);
    assert_eq!(app.count("SELECT COUNT(*) FROM identities").await, 0, "not before she says so");
    let account = browser.submit(&ask, "connect", &[]).await;
    assert!(account.url.path().ends_with("/account"), "{}", account.body);
    assert_eq!((app.count("SELECT COUNT(*) FROM identities").await, app.audited("identity_connected").await), (1, 1));
    assert!(app.mail().one("ana@example.com").await.text.contains("Up corp was connected: whoever is signed in there can"));
    let mut second = Browser::new();
    let page = sign_in_page(&app, &mut second).await;
    assert!(up.sign_in(&mut second, &page, "corp").await.url.path().ends_with("/account"));
    app.ignore_mail();
}

/// "Not now" connects nothing and goes on; whoever signs in as somebody else instead is not asked at all.
#[tokio::test]
async fn a_person_may_say_no() {
    let app = house(&[]).await;
    let up = Upstream::connected(&app, "corp", Kind::Oidc, Changes::default()).await;
    app.person("ana").await;
    app.person("bob").await;
    for (name, is_asked) in [("ana", true), ("bob", false)] {
        let mut browser = Browser::new();
        let page = sign_in_page(&app, &mut browser).await;
        let page = up.sign_in(&mut browser, &page, "corp").await;
        let address = format!("{name}@example.com");
        let mut page = browser.submit(&page, "sign-in", &[("username", &address), ("password", PASSWORD)]).await;
        assert_eq!(page.has("connect"), is_asked, "{name}");
        if is_asked {
            page = browser.submit(&page, "not-now", &[]).await;
        }
        assert!(page.url.path().ends_with("/account"), "{}", page.body);
    }
    assert_eq!(app.count("SELECT COUNT(*) FROM identities").await, 0);
}

/// FE-02: somebody signed up with the address and never proved it; its owner comes by a provider and gets an account of their own.
/// The stranger's password is dead.
#[tokio::test]
async fn who_never_proved_an_address_gives_way() {
    let app = house(&[("SIGN_UP__MODE", "open")]).await;
    let up = Upstream::connected(&app, "corp", Kind::Oidc, Changes::default()).await;
    let mut mallory = Browser::new();
    app.sign_up(&mut mallory, "ana").await;
    let mut browser = Browser::new();
    let page = sign_in_page(&app, &mut browser).await;
    assert!(up.sign_in(&mut browser, &page, "corp").await.url.path().ends_with("/account"));
    assert_eq!(app.count("SELECT COUNT(*) FROM users").await, 1);
    assert_eq!(app.count("SELECT COUNT(*) FROM password_hashes").await, 0);
    app.ignore_mail();
}

/// A provider that says no proved address: the person gives one, proves it by a mail, and only then there is an account. The link
/// works in the browser that asked and shows a code elsewhere.
#[tokio::test]
async fn an_account_always_has_a_proved_address() {
    let app = house(&[]).await;
    let up = Upstream::connected(&app, "corp", Kind::Oidc, Changes::default()).await;
    up.says(json!({ "sub": "shy", "name": "Shy", "email": "shy@example.com", "email_verified": false }));
    let mut browser = Browser::new();
    let page = sign_in_page(&app, &mut browser).await;
    let ask = up.sign_in(&mut browser, &page, "corp").await;
    assert_eq!(ask.attributes("#username", "value"), ["shy@example.com"]);
    for bad in ["", "shy", "shy@"] {
        assert_eq!(browser.submit(&ask, "send", &[("username", bad)]).await.status, 400, "{bad}");
    }
    let waiting = browser.submit(&ask, "send", &[("username", "shy@example.com")]).await;
    assert!(waiting.has("check-mail"), "{}", waiting.body);
    assert_eq!(app.count("SELECT COUNT(*) FROM users").await, 0, "nothing before the proof");
    let mail = app.mail().one("shy@example.com").await;
    let elsewhere = Browser::new().get(&mail.link()).await;
    assert!(elsewhere.has("code"), "{}", elsewhere.body);
    let wrong = browser.submit(&waiting, "verify", &[("code", "000000")]).await;
    assert_eq!(wrong.status, 400);
    let account = browser.open_and_press(&mail.link()).await;
    assert!(account.url.path().ends_with("/account"), "{} {}", account.status, account.body);
    assert_eq!(app.count("SELECT COUNT(*) FROM users WHERE email_verified").await, 1);
    assert_eq!(browser.get(&mail.link()).await.status, 410, "a link is good once");
    // By the code, somebody else; and an address that is taken is told to its owner alone.
    up.says(json!({ "sub": "second" }));
    let mut second = Browser::new();
    let page = sign_in_page(&app, &mut second).await;
    let ask = up.sign_in(&mut second, &page, "corp").await;
    let taken = second.submit(&ask, "send", &[("username", "shy@example.com")]).await;
    assert!(taken.has("check-mail"), "it looks the same");
    let told = app.mail().one("shy@example.com").await;
    assert!(told.text.contains("/sign-in"), "{}", told.text);
    app.clock.advance(1);
    let ask = second.visit(ask.url.as_str()).await;
    let waiting = second.submit(&ask, "send", &[("username", "second@example.com")]).await;
    let code = app.mail().one("second@example.com").await.code();
    let account = second.submit(&waiting, "verify", &[("code", &code)]).await;
    assert!(account.url.path().ends_with("/account"), "{} {}", account.status, account.body);
    assert_eq!(app.count("SELECT COUNT(*) FROM identities").await, 2);
    app.ignore_mail();
}

/// FE-08: from the account page, after a fresh sign-in, bound to the session that began it; and back again, but never the last way
/// in.
#[tokio::test]
async fn accounts_are_connected_and_disconnected() {
    let app = house(&[]).await;
    let up = Upstream::connected(&app, "corp", Kind::Oidc, off()).await;
    let other = Upstream::connected(&app, "hub", Kind::Oidc, Changes::default()).await;
    app.person("ana").await;
    up.says(json!({ "sub": "up-ana", "email": "elsewhere@example.net", "email_verified": true }));
    let mut browser = Browser::new();
    let page = sign_in_page(&app, &mut browser).await;
    browser.submit(&page, "sign-in", &[("username", "ana@example.com"), ("password", PASSWORD)]).await;
    let page = browser.visit(&app.url("/account/identities")).await;
    // A form of another site starts nothing.
    let action = page.form("upstream-corp").action;
    let foreign = browser
        .request(
            crate::support::Initiator::Site("https://evil.test"),
            reqwest::Method::POST,
            &action,
            Some(page.form("upstream-corp").body()),
        )
        .await;
    assert_eq!(foreign.location(), None, "{}", foreign.status);
    let leaving = browser.press(&page, "upstream-corp", &[]).await;
    // The answer in another browser is nobody's.
    let mut mallory = Browser::new();
    let stolen = up.answer_of(&mut browser, &leaving).await;
    assert_eq!(mallory.visit_from(&up.issuer, &stolen).await.status, 400);
    assert_eq!(app.count("SELECT COUNT(*) FROM identities").await, 0);
    let done = browser.visit_from(&up.issuer, &stolen).await;
    assert!(done.body.contains("elsewhere@example.net") && done.text("[role='status']").contains("connected"), "{}", done.body);
    app.mail().one("ana@example.com").await;
    // Bob's browser: the same account there is Ana's here.
    app.person("bob").await;
    let mut bob = Browser::new();
    let page = sign_in_page(&app, &mut bob).await;
    bob.submit(&page, "sign-in", &[("username", "bob@example.com"), ("password", PASSWORD)]).await;
    let page = bob.visit(&app.url("/account/identities")).await;
    let taken = up.sign_in(&mut bob, &page, "corp").await;
    assert_eq!(taken.status, 409, "{}", taken.body);
    // An old sign-in has to be renewed first.
    app.clock.advance(601);
    let page = bob.visit(&app.url("/account/identities")).await;
    let stale = bob.submit(&page, "upstream-hub", &[]).await;
    assert!(stale.url.path().starts_with("/sign-in/"), "{}", stale.url);
    assert!(other.heard("/authorize").is_empty());
    // Ana disconnects.
    let page = browser.visit(&app.url("/account/identities")).await;
    let link = page.attributes(".rows a", "href").remove(0);
    let ask = browser.visit(page.url.join(&link).unwrap().as_str()).await;
    let ask = browser.submit(&ask, "sign-in", &[("password", PASSWORD)]).await;
    assert!(ask.url.path().ends_with("/account/identities"), "{}", ask.url);
    let ask = browser.visit(page.url.join(&link).unwrap().as_str()).await;
    let done = browser.submit(&ask, "confirm", &[]).await;
    assert!(done.text("[role='status']").contains("disconnected"), "{}", done.body);
    assert_eq!(app.count("SELECT COUNT(*) FROM identities").await, 0);
    let told = app.mail().to("ana@example.com").await;
    assert!(told.iter().any(|mail| mail.text.contains("Up corp was disconnected")));
    app.ignore_mail();
}

/// Without a password the one account elsewhere stays; with a second one either may go.
#[tokio::test]
async fn the_last_way_in_stays() {
    let app = house(&[]).await;
    let up = Upstream::connected(&app, "corp", Kind::Oidc, Changes::default()).await;
    let second = Upstream::connected(&app, "hub", Kind::Oidc, Changes::default()).await;
    second.says(json!({ "sub": "hub-ana" }));
    let mut browser = Browser::new();
    let page = sign_in_page(&app, &mut browser).await;
    up.sign_in(&mut browser, &page, "corp").await;
    let remove = async |browser: &mut Browser| {
        let page = browser.visit(&app.url("/account/identities")).await;
        let link = page.attributes(".rows a", "href").remove(0);
        let ask = browser.visit(page.url.join(&link).unwrap().as_str()).await;
        browser.submit(&ask, "confirm", &[]).await
    };
    let refused = remove(&mut browser).await;
    assert!(refused.text("[role='status']").contains("only way"), "{}", refused.body);
    assert_eq!(app.count("SELECT COUNT(*) FROM identities").await, 1);
    let page = browser.visit(&app.url("/account/identities")).await;
    second.sign_in(&mut browser, &page, "hub").await;
    assert_eq!(app.count("SELECT COUNT(*) FROM identities").await, 2);
    remove(&mut browser).await;
    assert_eq!(app.count("SELECT COUNT(*) FROM identities").await, 1);
    app.ignore_mail();
}

/// Two providers, one address: the second one is connected only after signing in by the first.
#[tokio::test]
async fn two_providers_with_one_address() {
    let app = house(&[]).await;
    let first = Upstream::connected(&app, "corp", Kind::Oidc, Changes::default()).await;
    let second = Upstream::connected(&app, "hub", Kind::Oidc, Changes::default()).await;
    let mut browser = Browser::new();
    let page = sign_in_page(&app, &mut browser).await;
    first.sign_in(&mut browser, &page, "corp").await;
    let mut other = Browser::new();
    let page = sign_in_page(&app, &mut other).await;
    let asked = second.sign_in(&mut other, &page, "hub").await;
    assert!(asked.has("connect-first"), "{}", asked.body);
    let confirm = first.sign_in(&mut other, &asked, "corp").await;
    let account = other.submit(&confirm, "connect", &[]).await;
    assert!(account.url.path().ends_with("/account"), "{}", account.body);
    assert_eq!((app.count("SELECT COUNT(*) FROM users").await, app.count("SELECT COUNT(*) FROM identities").await), (1, 2));
    app.ignore_mail();
}

/// A yes is to the question that was shown, also when somebody else came in the same interaction meanwhile.
#[tokio::test]
async fn a_yes_connects_what_was_asked() {
    let app = house(&[]).await;
    let first = Upstream::connected(&app, "corp", Kind::Oidc, Changes::default()).await;
    let second = Upstream::connected(&app, "hub", Kind::Oidc, Changes::default()).await;
    app.person("ana").await;
    let mut browser = Browser::new();
    let page = sign_in_page(&app, &mut browser).await;
    // Another tab is on its way to the second one, which holds its answer back.
    let held = browser.press(&page, "upstream-hub", &[]).await;
    let asked = first.sign_in(&mut browser, &page, "corp").await;
    let about_first = browser.submit(&asked, "sign-in", &[("username", "ana@example.com"), ("password", PASSWORD)]).await;
    assert_eq!(about_first.text("h1"), "Connect Up corp?");
    app.clock.advance(1);
    let about_second = second.pass(&mut browser, &held).await;
    assert_eq!(about_second.text("h1"), "Connect Up hub?", "{}", about_second.body);
    for button in ["connect", "not-now"] {
        let again = browser.submit(&about_first, button, &[]).await;
        assert_eq!(again.text("h1"), "Connect Up hub?", "{button}: {}", again.body);
        assert_eq!(app.count("SELECT COUNT(*) FROM identities").await, 0, "{button}: nobody was asked about the second one");
    }
    let account = browser.submit(&about_second, "connect", &[]).await;
    assert!(account.url.path().ends_with("/account"), "{}", account.body);
    assert_eq!(app.count("SELECT COUNT(*) FROM identities WHERE upstream_id = 'hub'").await, 1);
    app.ignore_mail();
}

/// A disabled person does not come in by a provider, and one who is enabled again does.
#[tokio::test]
async fn a_locked_account_stays_locked() {
    let app = house(&[]).await;
    let up = Upstream::connected(&app, "corp", Kind::Oidc, Changes { refresh: Some(Switch::Off), ..Changes::default() }).await;
    let come = async || {
        let mut browser = Browser::new();
        let page = sign_in_page(&app, &mut browser).await;
        up.sign_in(&mut browser, &page, "corp").await
    };
    assert_eq!(come().await.status, 200);
    let email = "ana@example.com";
    vouchsafe::admin::users::disable(app.desk(), email).await.unwrap();
    let refused = come().await;
    assert_eq!((refused.status, refused.text("h1").as_str()), (403, "This account can’t be used here"));
    vouchsafe::admin::users::enable(app.desk(), email).await.unwrap();
    assert_eq!(come().await.status, 200);
    app.ignore_mail();
}

/// FE-10: many first answers for one subject at the same moment make one account, and everybody is signed in.
#[tokio::test]
async fn callbacks_at_once_make_one_account() {
    let app = house(&[]).await;
    let up = Upstream::connected(&app, "corp", Kind::Oidc, Changes::default()).await;
    let mut ready = Vec::new();
    for at in 0..8 {
        // Half of them with another address there, so that the subject alone decides.
        up.says(json!({ "sub": "up-ana", "email": format!("ana{}@example.com", at % 2), "email_verified": true }));
        let mut browser = Browser::new();
        let page = sign_in_page(&app, &mut browser).await;
        let leaving = browser.press(&page, "upstream-corp", &[]).await;
        let callback = up.answer_of(&mut browser, &leaving).await;
        ready.push((browser, callback));
    }
    let issuer = up.issuer.clone();
    let mut running = tokio::task::JoinSet::new();
    for (mut browser, callback) in ready {
        let issuer = issuer.clone();
        running.spawn(async move { browser.visit_from(&issuer, &callback).await });
    }
    for page in running.join_all().await {
        assert!(page.url.path().ends_with("/account"), "{} {} {}", page.status, page.url, page.body);
    }
    assert_eq!((app.count("SELECT COUNT(*) FROM users").await, app.count("SELECT COUNT(*) FROM identities").await), (1, 1));
    app.ignore_mail();
}

/// FE-10: many people at the same instant: each comes to their own account.
#[tokio::test]
async fn everybody_at_once_is_themselves() {
    let app = house(&[]).await;
    let up = Upstream::connected(&app, "corp", Kind::Oidc, Changes::default()).await;
    let mut ready = Vec::new();
    for at in 0..24 {
        let address = format!("person{at}@example.com");
        up.says(json!({ "sub": format!("up-{at}"), "email": address, "email_verified": true }));
        let mut browser = Browser::new();
        let page = sign_in_page(&app, &mut browser).await;
        let leaving = browser.press(&page, "upstream-corp", &[]).await;
        let callback = up.answer_of(&mut browser, &leaving).await;
        ready.push((browser, callback, address));
    }
    let issuer = up.issuer.clone();
    let mut running = tokio::task::JoinSet::new();
    for (mut browser, callback, address) in ready {
        let issuer = issuer.clone();
        running.spawn(async move { (browser.visit_from(&issuer, &callback).await, address) });
    }
    for (page, address) in running.join_all().await {
        assert!(
            page.url.path().ends_with("/account") && page.body.contains(&address),
            "{address}: {} {}",
            page.status,
            page.body
        );
    }
    assert_eq!(app.count("SELECT COUNT(*) FROM identities").await, 24);
    app.ignore_mail();
}

/// One answer many times at once: one of them signs in, and the code goes to the provider once (FE-11, I1).
#[tokio::test]
async fn one_answer_counts_once() {
    let app = house(&[]).await;
    let up = Upstream::connected(&app, "corp", Kind::Oidc, Changes::default()).await;
    let mut browser = Browser::new();
    let page = sign_in_page(&app, &mut browser).await;
    let leaving = browser.press(&page, "upstream-corp", &[]).await;
    let callback = up.answer_of(&mut browser, &leaving).await;
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let (mut same, callback, issuer) = (browser.clone(), callback.clone(), up.issuer.clone());
        running.spawn(async move { same.visit_from(&issuer, &callback).await });
    }
    let pages = running.join_all().await;
    assert_eq!(pages.iter().filter(|page| page.url.path().ends_with("/account")).count(), 1);
    assert_eq!(pages.iter().filter(|page| page.status == 410).count(), 15);
    assert_eq!((up.heard("/token").len(), app.count("SELECT COUNT(*) FROM sessions").await), (1, 1));
    app.ignore_mail();
}

/// Both of two ways in taken away at the same moment: one stays.
#[tokio::test]
async fn the_last_way_in_stays_also_at_once() {
    let app = house(&[]).await;
    let up = Upstream::connected(&app, "corp", Kind::Oidc, Changes::default()).await;
    let second = Upstream::connected(&app, "hub", Kind::Oidc, Changes::default()).await;
    second.says(json!({ "sub": "hub-ana" }));
    let mut browser = Browser::new();
    let page = sign_in_page(&app, &mut browser).await;
    up.sign_in(&mut browser, &page, "corp").await;
    let page = browser.visit(&app.url("/account/identities")).await;
    let page = second.sign_in(&mut browser, &page, "hub").await;
    let mut running = tokio::task::JoinSet::new();
    for link in page.attributes(".rows a", "href") {
        let (mut same, address) = (browser.clone(), page.url.join(&link).unwrap());
        running.spawn(async move {
            let ask = same.visit(address.as_str()).await;
            same.submit(&ask, "confirm", &[]).await
        });
    }
    running.join_all().await;
    assert_eq!(app.count("SELECT COUNT(*) FROM identities").await, 1);
    app.ignore_mail();
}

/// Decision 23: when our own storage fails on the way back, nobody is signed in, nothing half is left, and the next try works.
#[tokio::test]
async fn trouble_of_our_own_leaves_nothing_half() {
    let app = house(&[]).await;
    let up = Upstream::connected(&app, "corp", Kind::Oidc, Changes::default()).await;
    for table in ["identities", "upstream_sessions", "sessions", "upstream_attempts"] {
        let mut browser = Browser::new();
        let page = sign_in_page(&app, &mut browser).await;
        let leaving = browser.press(&page, "upstream-corp", &[]).await;
        let callback = up.answer_of(&mut browser, &leaving).await;
        let before = app.rows().await;
        app.break_table(table).await;
        let refused = browser.visit_from(&up.issuer, &callback).await;
        app.mend_table(table).await;
        assert_eq!(refused.status, 503, "{table}: {}", refused.body);
        assert!(browser.cookie("session").is_none());
        app.untouched(&before, table).await;
    }
    let mut browser = Browser::new();
    let page = sign_in_page(&app, &mut browser).await;
    assert!(up.sign_in(&mut browser, &page, "corp").await.url.path().ends_with("/account"));
    app.ignore_mail();
}
