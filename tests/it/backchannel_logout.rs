//! Apps are told by us that a session ended (OpenID Connect Back-Channel Logout 1.0), module by module of the conformance suite and
//! battery rows LO-07, LO-08 and RL-26. The receivers are real servers on this machine.

use std::time::{Duration, Instant};

use serde_json::json;
use vouchsafe::admin::clients::{self, Changes};
use vouchsafe::admin::{sessions, users};
use vouchsafe::base::Secret;
use vouchsafe::jose::{Alg, Expect, verify};
use vouchsafe::oauth::{Client, ConsentPolicy, PkcePolicy};
use vouchsafe::store::clients as store_clients;
use vouchsafe::store::grants::{self, Grant};

use crate::support::app::{PASSWORD, Wish, test_key};
use crate::support::program::House;
use crate::support::rp::{claims, header};
use crate::support::{Browser, CALLBACK, Initiator, Page, Receiver, Rp, TestApp};

const BYE: &str = "https://app.test/bye";
const OPEN: Wish<'_> = Wish { settings: &[("OUTBOUND__ALLOW", "127.0.0.0/8,::1/128")], path: "", demo: false, plugins: None };
const WAITING: &str = "SELECT COUNT(*) FROM logout_deliveries WHERE next_at IS NOT NULL";
const CONFIRMED: &str = "SELECT COUNT(*) FROM logout_deliveries WHERE confirmed_at IS NOT NULL";
const GIVEN_UP: &str = "SELECT COUNT(*) FROM logout_deliveries WHERE failed_at IS NOT NULL";

async fn open() -> (TestApp, Receiver) {
    let app = TestApp::with(OPEN).await;
    app.person("ana").await;
    app.ignore_mail();
    (app, Receiver::start().await)
}

/// A client that nobody is asked about and that is told at this address.
pub async fn told_at(app: &TestApp, id: &str, uri: Option<String>) -> Rp {
    let about = Changes {
        redirect_uris: Some(vec![CALLBACK.to_owned()]),
        post_logout_redirect_uris: Some(vec![BYE.to_owned()]),
        backchannel_logout_uri: uri,
        pkce: Some(PkcePolicy::Optional),
        consent: Some(ConsentPolicy::Skip),
        ..Changes::default()
    };
    Rp::of(app, &app.client(id, about).await)
}

async fn sign_out(app: &TestApp, browser: &mut Browser) -> Page {
    let page = browser.visit(&app.url("/sign-out")).await;
    browser.submit(&page, "sign-out", &[]).await
}

/// Waits until so many rows are found.
async fn until(app: &TestApp, text: &'static str, wanted: i64) {
    for _ in 0..400 {
        if app.count(text).await == wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{text}: {} instead of {wanted}", app.count(text).await);
}

/// Discovery promises what is there (section 2.1).
#[tokio::test]
async fn oidcc_backchannel_logout_discovery_endpoint_verification() {
    let app = TestApp::start().await;
    let document = Rp::at(&app.issuer, "nobody", None).get("/.well-known/openid-configuration").await.json();
    assert_eq!(document["backchannel_logout_supported"], true);
    assert_eq!(document["backchannel_logout_session_supported"], true);
    assert!(document["end_session_endpoint"].is_string());
}

/// LO-08: the token is exactly that of section 2.4, signed by the algorithm of the client's ID tokens, and the form has nothing else
/// (section 2.5); it passes as nothing else (section 4).
#[tokio::test]
async fn oidcc_backchannel_rp_initiated_logout() {
    let (app, receiver) = open().await;
    let rp = told_at(&app, "web", Some(receiver.url("/200/out?x=1"))).await;
    for alg in [Alg::RS256, Alg::ES256] {
        let about = Changes { id_token_alg: Some(alg.as_str().to_owned()), ..Changes::default() };
        clients::edit(app.desk(), "web", &about).await.unwrap();
        app.notice_changes();
        let mut browser = Browser::new();
        let id_token = rp.tokens(&mut browser, "ana").await.text("id_token");
        let fields = [("id_token_hint", id_token.as_str()), ("post_logout_redirect_uri", BYE), ("state", "s")];
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let page = browser.visit_from("https://app.test", &app.url(&format!("/end_session?{query}"))).await;
        assert_eq!(page.location().map(String::from), Some(format!("{BYE}?state=s")));
        let wanted = if alg == Alg::RS256 { 1 } else { 2 };
        let call = receiver.heard("/200/out", wanted).await.remove(wanted - 1);
        assert!(call.line.starts_with("POST /200/out?x=1 "), "{}", call.line);
        assert!(call.headers.contains("content-type: application/x-www-form-urlencoded"), "{}", call.headers);
        let token = call.only("logout_token");
        let expect = Expect {
            typ: &["logout+jwt"],
            issuer: &app.issuer,
            audiences: &["web"],
            required: &["iss", "sub", "aud", "iat", "exp", "jti", "events", "sid"],
            now: app.clock.now(),
            ..Expect::default()
        };
        let told = verify(&token, &test_key(alg).verifying().unwrap(), &expect).unwrap();
        let (signed_in, now) = (claims(&id_token), app.clock.now().unix());
        assert_eq!((&told["sub"], &told["sid"]), (&signed_in["sub"], &signed_in["sid"]));
        assert_eq!(told["events"], json!({ "http://schemas.openid.net/event/backchannel-logout": {} }));
        assert_eq!(told["iat"], now);
        assert!((now + 1..=now + 120).contains(&told["exp"].as_i64().unwrap()));
        assert!(told["jti"].as_str().is_some_and(|jti| jti.len() >= 16));
        assert_eq!(told.len(), 8, "and nothing more, a nonce least of all: {told:?}");
        assert_eq!((header(&token)["alg"].as_str(), header(&token)["typ"].as_str()), (Some(alg.as_str()), Some("logout+jwt")));
        // It opens nothing and is no hint, where the ID token is one.
        assert_eq!(rp.userinfo(&token).await.status, 401);
        assert_eq!(rp.introspect(&token).await.json()["active"], false);
        let hint = |hint: &str| rp.begin(&rp.flow().with("prompt", "none").with("id_token_hint", hint));
        assert_eq!(browser.get(&hint(&token)).await.param("error").as_deref(), Some("invalid_request"));
        assert_eq!(browser.get(&hint(&id_token)).await.param("error").as_deref(), Some("login_required"));
    }
    until(&app, CONFIRMED, 2).await;
    assert_eq!(app.count(WAITING).await, 0);
}

/// Section 2.7: whatever ends a session, the app hears it once.
#[tokio::test]
async fn every_end_is_told() {
    let (app, receiver) = open().await;
    app.person("bob").await;
    let rp = told_at(&app, "web", Some(receiver.url("/200/out"))).await;
    let ana = "ana@example.com";
    for (at, end) in
        ["sign out", "everywhere", "one session", "somebody else", "revoked", "all revoked", "password", "disabled", "expired"]
            .into_iter()
            .enumerate()
    {
        let mut browser = Browser::new();
        let id_token = rp.tokens(&mut browser, "ana").await.text("id_token");
        let sid = claims(&id_token)["sid"].as_str().unwrap().to_owned();
        assert_eq!(receiver.calls("/200/out").len(), at, "before: {end}");
        match end {
            "sign out" => assert!(sign_out(&app, &mut browser).await.has("signed-out")),
            "everywhere" => {
                let page = browser.visit(&app.url("/account/everywhere")).await;
                assert!(browser.submit(&page, "confirm", &[]).await.has("signed-out"));
            }
            "one session" => {
                let mut other = Browser::new();
                app.sign_in(&mut other, "ana").await;
                let page = other.visit(&app.url(&format!("/account/sessions/{sid}"))).await;
                other.submit(&page, "confirm", &[]).await;
                sign_out(&app, &mut other).await;
            }
            "somebody else" => {
                let page = browser.visit(&rp.begin(&rp.flow().with("prompt", "login"))).await;
                let fields = [("username", "bob@example.com"), ("password", PASSWORD)];
                browser.submit(&page, "sign-in", &fields).await;
            }
            "revoked" => sessions::revoke(app.desk(), &sid).await.unwrap(),
            "all revoked" => drop(sessions::revoke_all(app.desk(), ana).await.unwrap()),
            "password" => {
                let new = Secret::new(PASSWORD.to_owned());
                users::set_password(app.desk(), &app.provider.hasher, ana, new).await.unwrap();
            }
            "disabled" => {
                users::disable(app.desk(), ana).await.unwrap();
                users::enable(app.desk(), ana).await.unwrap();
            }
            _ => app.clock.advance(604_801),
        }
        // Bob, who took the browser over, is told of when his own session runs out.
        let bobs = usize::from(end == "expired");
        let heard = receiver.heard("/200/out", at + 1 + bobs).await;
        let told: Vec<_> = heard.iter().map(|call| claims(&call.only("logout_token"))["sid"].clone()).collect();
        assert_eq!(told.iter().filter(|told| **told == sid.as_str()).count(), 1, "{end}");
    }
    let rp = told_at(&app, "other", Some(receiver.url("/200/removed"))).await;
    rp.tokens(&mut Browser::new(), "ana").await;
    users::remove(app.desk(), ana).await.unwrap();
    receiver.heard("/200/removed", 1).await;
    assert_eq!(app.count("SELECT COUNT(*) FROM users").await, 1);
}

/// Section 2.8: 200 and 204 confirm and 400 refuses for good; everything else is tried again, later and later, for an hour. A
/// redirect leads nowhere, and what comes in a body is nobody's concern.
#[tokio::test]
async fn answers() {
    let (app, receiver) = open().await;
    let mut browser = Browser::new();
    for (id, path) in [
        ("a", "/200/a"),
        ("b", "/204/b"),
        ("c", "/400/c"),
        ("d", "/mend/d"),
        ("e", "/redirect/e"),
        ("f", "/huge/f"),
        ("g", "/503/g"),
    ] {
        let rp = told_at(&app, id, Some(receiver.url(path))).await;
        rp.code(&mut browser, "ana").await;
    }
    sign_out(&app, &mut browser).await;
    until(&app, CONFIRMED, 3).await;
    until(&app, GIVEN_UP, 1).await;
    assert_eq!(app.audited("logout_undelivered").await, 1);
    receiver.heard("/mend/d", 1).await;
    assert!(receiver.calls("/200/elsewhere").is_empty(), "the redirect was followed");
    // The next try comes in its time and not before.
    until(&app, "SELECT COUNT(*) FROM logout_deliveries WHERE next_at IS NOT NULL AND last_error LIKE 'answered%'", 3).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    receiver.heard("/503/g", 1).await;
    receiver.mend();
    app.clock.advance(5);
    until(&app, CONFIRMED, 4).await;
    receiver.heard("/mend/d", 2).await;
    receiver.heard("/503/g", 2).await;
    // Each try has a token of its own.
    let jti = |call: &crate::support::receiver::Call| claims(&call.only("logout_token"))["jti"].clone();
    let calls = receiver.calls("/503/g");
    assert_ne!(jti(&calls[0]), jti(&calls[1]));
    app.clock.advance(3600);
    until(&app, WAITING, 0).await;
    assert_eq!((app.count(CONFIRMED).await, app.count(GIVEN_UP).await), (4, 3));
    assert_eq!(app.audited("logout_undelivered").await, 3);
    receiver.heard("/503/g", 2).await;
    // The one that refused is not asked again either.
    receiver.heard("/400/c", 1).await;
}

/// Whoever got nothing in the session or wants no word is not told; neither is a private address that nobody opened.
#[tokio::test]
async fn nobody_else_is_told() {
    let (app, receiver) = open().await;
    let mut browser = Browser::new();
    let told = told_at(&app, "told", Some(receiver.url("/200/told"))).await;
    told_at(&app, "absent", Some(receiver.url("/200/absent"))).await;
    let silent = told_at(&app, "silent", None).await;
    let gone = told_at(&app, "gone", Some(receiver.url("/200/gone"))).await;
    for rp in [&told, &silent, &gone] {
        rp.code(&mut browser, "ana").await;
    }
    let nowhere = Changes { backchannel_logout_uri: Some(String::new()), ..Changes::default() };
    clients::edit(app.desk(), "gone", &nowhere).await.unwrap();
    app.notice_changes();
    sign_out(&app, &mut browser).await;
    receiver.heard("/200/told", 1).await;
    until(&app, WAITING, 0).await;
    assert_eq!((app.count(CONFIRMED).await, app.count(GIVEN_UP).await), (1, 0));
    assert!(receiver.calls("/200/absent").is_empty() && receiver.calls("/200/gone").is_empty());
    // The twin whose network is closed is never called.
    let closed = TestApp::start().await;
    closed.person("ana").await;
    let rp = told_at(&closed, "web", Some(receiver.url("/200/closed"))).await;
    rp.code(&mut browser, "ana").await;
    sign_out(&closed, &mut browser).await;
    until(&closed, GIVEN_UP, 1).await;
    assert!(receiver.calls("/200/closed").is_empty());
}

/// LO-07 and RL-26: among 200 apps one hangs. Signing out answers at once, and everybody else is told meanwhile.
#[tokio::test]
async fn one_that_hangs_holds_up_nobody() {
    let (app, receiver) = open().await;
    let mut browser = Browser::new();
    for number in 0..200 {
        let path = if number == 7 { "/hang/".to_owned() } else { format!("/200/{number}") };
        let rp = told_at(&app, &format!("app{number}"), Some(receiver.url(&path))).await;
        rp.code(&mut browser, "ana").await;
    }
    let page = browser.visit(&app.url("/sign-out")).await;
    let began = Instant::now();
    let page = browser.submit(&page, "sign-out", &[]).await;
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert!(page.has("signed-out"));
    until(&app, CONFIRMED, 199).await;
    assert_eq!(app.count(WAITING).await, 1);
    // The page lists all of them and says which one has not answered.
    let page = browser.visit(page.url.as_str()).await;
    assert_eq!(page.texts("[data-told=confirmed]").len(), 199);
    assert_eq!(page.texts("[data-told=waiting]").len(), 1);
}

/// What was committed is sent, whoever died in between: also what was being sent, once its lease is over.
#[tokio::test]
async fn a_crash_loses_nothing() {
    let (app, receiver) = open().await;
    let rp = told_at(&app, "web", Some(receiver.url("/hang/out"))).await;
    let mut browser = Browser::new();
    rp.code(&mut browser, "ana").await;
    sign_out(&app, &mut browser).await;
    receiver.heard("/hang/out", 1).await;
    let app = app.restart_with(OPEN).await;
    app.ignore_mail();
    receiver.mend();
    assert_eq!((app.count(WAITING).await, app.count(CONFIRMED).await), (1, 0));
    app.clock.advance(30);
    until(&app, CONFIRMED, 1).await;
    receiver.heard("/hang/out", 2).await;
    // And what ended a moment before the process does.
    let rp = Rp::at(&app.issuer, &rp.id, rp.secret.clone());
    rp.code(&mut Browser::new(), "ana").await;
    assert_eq!(sessions::revoke_all(app.desk(), "ana@example.com").await.unwrap(), 1);
    let app = app.restart_with(OPEN).await;
    until(&app, CONFIRMED, 2).await;
}

/// The receipts of the page (product.md section 5): each app with what is known of it, in the person's language, for this browser
/// alone and for a while.
#[tokio::test]
async fn the_page_lists_each_app() {
    let (app, receiver) = open().await;
    let mut browser = Browser::reading("de");
    for (id, uri) in [("yes", Some("/200/yes")), ("later", Some("/mend/later")), ("no", Some("/400/no")), ("silent", None)] {
        told_at(&app, id, uri.map(|path| receiver.url(path))).await.code(&mut browser, "ana").await;
    }
    let first = sign_out(&app, &mut browser).await;
    assert!(first.has("signed-out") && first.url.query().is_some_and(|query| query.starts_with("of=")));
    until(&app, CONFIRMED, 1).await;
    until(&app, GIVEN_UP, 1).await;
    let page = browser.visit(first.url.as_str()).await;
    let words = |page: &Page| page.attributes("[data-told]", "data-told").join(" ");
    assert_eq!(words(&page), "waiting given-up unsupported confirmed");
    assert_eq!(page.text("[data-told=confirmed]"), "Hat Sie abgemeldet");
    assert_eq!(page.texts("li b"), ["later", "no", "silent", "yes"]);
    // The link looks again, without a script.
    let again = page.attributes("#look-again", "href").remove(0);
    receiver.mend();
    app.clock.advance(5);
    until(&app, CONFIRMED, 2).await;
    let page = browser.visit(page.url.join(&again).unwrap().as_str()).await;
    assert_eq!(words(&page), "confirmed given-up unsupported confirmed");
    assert!(!page.has("look-again"));
    // Another browser, another id and another time see nothing of it.
    assert_eq!(words(&Browser::new().visit(first.url.as_str()).await), "");
    assert_eq!(words(&browser.visit(&app.url("/signed-out?of=0")).await), "");
    app.clock.advance(900);
    let page = browser.visit(first.url.as_str()).await;
    assert!(page.has("signed-out") && words(&page).is_empty());
    // Nobody is anybody's app: signing out of the house alone has no list.
    app.sign_in(&mut browser, "ana").await;
    let page = sign_out(&app, &mut browser).await;
    assert!(page.has("signed-out") && page.url.query().is_none());
}

/// "Everywhere" lists the apps of every browser, once each.
#[tokio::test]
async fn everywhere_lists_the_apps_of_all_browsers() {
    let (app, receiver) = open().await;
    let (mut here, mut there) = (Browser::new(), Browser::new());
    let both = told_at(&app, "both", Some(receiver.url("/200/both"))).await;
    let other = told_at(&app, "other", None).await;
    both.code(&mut here, "ana").await;
    both.code(&mut there, "ana").await;
    other.code(&mut there, "ana").await;
    let page = here.visit(&app.url("/account/everywhere")).await;
    let csrf = page.attributes("input[name=csrf]", "value").remove(0);
    let page = here.post(Initiator::SameOrigin, page.url.as_str(), &[("csrf", &csrf)]).await;
    let page = here.follow(page).await;
    assert_eq!(page.texts("li b"), ["both", "other"]);
    receiver.heard("/200/both", 2).await;
    until(&app, CONFIRMED, 2).await;
    let page = here.visit(page.url.as_str()).await;
    assert_eq!(page.attributes("[data-told]", "data-told"), ["confirmed", "unsupported"]);
}

/// RL-26: an app that hangs with many sessions takes one place and not all of them; the others are told meanwhile.
#[tokio::test]
async fn many_sessions_of_one_that_hangs() {
    let (app, receiver) = open().await;
    let hangs = told_at(&app, "hangs", Some(receiver.url("/hang/out"))).await;
    let well = told_at(&app, "well", Some(receiver.url("/200/out"))).await;
    for number in 0..12 {
        let mut browser = Browser::new();
        hangs.code(&mut browser, "ana").await;
        if number == 11 {
            well.code(&mut browser, "ana").await;
        }
    }
    let began = Instant::now();
    assert_eq!(sessions::revoke_all(app.desk(), "ana@example.com").await.unwrap(), 12);
    until(&app, CONFIRMED, 1).await;
    // Its own deadline is five seconds: nobody waited for it.
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    assert_eq!(receiver.calls("/hang/out").len(), 1);
}

/// A session in a thousand apps ends as fast as any: they are told afterwards, each once, and nobody waits meanwhile.
#[tokio::test]
async fn a_thousand_apps() {
    const APPS: usize = 1000;
    let (app, receiver) = open().await;
    let rp = told_at(&app, "app", Some(receiver.url("/200/out"))).await;
    let mut alone = Browser::new();
    rp.tokens(&mut alone, "ana").await;
    let began = Instant::now();
    assert!(sign_out(&app, &mut alone).await.has("signed-out"));
    let one = began.elapsed();
    receiver.heard("/200/out", 1).await;
    let mut browser = Browser::new();
    let token = rp.tokens(&mut browser, "ana").await.text("access_token");
    let mut conn = app.provider.db.conn();
    let grant = grants::find(&mut conn, claims(&token)["grant"].as_str().unwrap()).await.unwrap().unwrap();
    let client = store_clients::find(&mut conn, &rp.id).await.unwrap().unwrap();
    drop(conn);
    let ids: Vec<_> = (1..APPS).map(|_| vouchsafe::base::Id::new(&app.clock, &app.provider.random).unwrap()).collect();
    let now = app.clock.now();
    let fill = async move |tx: &mut vouchsafe::store::Tx| {
        for (number, id) in ids.iter().enumerate() {
            let client_id = format!("app-{number}");
            store_clients::insert(tx, id, &Client { client_id: client_id.clone(), ..client.clone() }, now).await?;
            grants::insert(tx, &Grant { id: format!("grant-{number}"), client_id, ..grant.clone() }, now).await?;
        }
        Ok(())
    };
    app.provider.db.write(fill).await.unwrap();
    app.notice_changes();
    let began = Instant::now();
    assert!(sign_out(&app, &mut browser).await.has("signed-out"));
    let thousand = began.elapsed();
    assert!(thousand < one * 3 + Duration::from_millis(200), "{one:?} with one, {thousand:?} with a thousand");
    let began = Instant::now();
    let mut slowest = Duration::ZERO;
    while app.count(CONFIRMED).await < i64::try_from(APPS + 1).unwrap() {
        let asked = Instant::now();
        assert_eq!(rp.get("/readyz").await.status, 200);
        slowest = slowest.max(asked.elapsed());
        assert!(began.elapsed() < Duration::from_secs(60), "{} were told", app.count(CONFIRMED).await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(slowest < Duration::from_secs(1), "somebody waited {slowest:?}");
    assert_eq!(receiver.calls("/200/out").len(), APPS + 1, "each once");
}

/// An operator says where an app is told, sees it, and takes it back.
#[test]
fn an_operator_says_where() {
    let house = House::init();
    let (back, front) = ("https://app.test:8443/out", "https://app.test/out");
    let words = ["client", "add", "--name", "Web", "--id", "web", "--redirect", CALLBACK];
    let named = ["--backchannel-logout-uri", back, "--frontchannel-logout-uri", front];
    house.json(&[&words[..], &named[..]].concat());
    let shown = house.json(&["client", "show", "web"]);
    assert_eq!((shown["backchannel_logout_uri"].as_str(), shown["frontchannel_logout_uri"].as_str()), (Some(back), Some(front)));
    let refused = house.run(&["client", "edit", "web", "--frontchannel-logout-uri", "https://elsewhere.test/out"], "");
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("frontchannel_logout_uri must be"), "{refused:?}");
    house.json(&["client", "edit", "web", "--backchannel-logout-uri", ""]);
    let shown = house.json(&["client", "show", "web"]);
    assert_eq!((shown["backchannel_logout_uri"].as_str(), shown["frontchannel_logout_uri"].as_str()), (None, Some(front)));
}

/// Protects that no session ends in silence: `identity::sessions` alone ends them, by these statements, and notes first whom to tell.
#[test]
fn every_way_to_end_a_session_is_known() {
    let text = include_str!("../../src/store/sessions.rs");
    let ways = ["pub async fn end(", "pub async fn end_all_for_user("];
    assert!(ways.iter().all(|way| text.contains(way)));
    let found = text.matches("UPDATE sessions SET ended_at").count();
    assert_eq!(found, ways.len(), "another way to end sessions has to tell apps, as identity::sessions::end does");
}
