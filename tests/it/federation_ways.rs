//! Accounts elsewhere as ways in: which count, what ends with one, and whom the house lets make an account by one (decision 17).

use serde_json::json;
use vouchsafe::admin::Refusal;
use vouchsafe::admin::upstreams::{self, Changes};
use vouchsafe::federation::{Kind, Visibility};
use vouchsafe::store::sql;

use crate::backchannel_logout::told_at;
use crate::support::app::PASSWORD;
use crate::support::journey::FRESH;
use crate::support::upstream::{Upstream, house};
use crate::support::{Browser, Page, Receiver, TestApp};

async fn come(app: &TestApp, up: &Upstream, browser: &mut Browser, id: &str) -> Page {
    let page = browser.visit(&app.url("/sign-in")).await;
    up.sign_in(browser, &page, id).await
}

/// Presses "disconnect" of the account at `corp`: the page after that.
async fn disconnect(app: &TestApp, browser: &mut Browser) -> Page {
    let page = browser.visit(&app.url("/account/identities")).await;
    let link = page.attributes(".rows a[aria-label*='Up corp']", "href").remove(0);
    let ask = browser.visit(page.url.join(&link).unwrap().as_str()).await;
    browser.submit(&ask, "confirm", &[]).await
}

/// What the operator closed is no way in: a password where passwords are off, an account at a provider that is not connected any more. Nor
/// is a mail, which everybody could have sent.
#[tokio::test]
async fn only_open_ways_count() {
    const LINKS: &str = "SELECT COUNT(*) FROM identities";
    for (settings, may_go) in [(&[][..], true), (&[("SIGN_IN__PASSWORD", "off")], false)] {
        let app = house(settings).await;
        let up = Upstream::connected(&app, "corp", Kind::Oidc, Changes::default()).await;
        // One that only an app asks for leads nobody to their account.
        let hinted = Changes { visibility: Some(Visibility::Hinted), position: Some(2), ..Changes::default() };
        let hinted = Upstream::connected(&app, "hinted", Kind::Oidc, hinted).await;
        let gone = Upstream::connected(&app, "gone", Kind::Oidc, Changes { position: Some(1), ..Changes::default() }).await;
        gone.says(json!({ "sub": "gone-ana" }));
        let mut browser = Browser::new();
        come(&app, &up, &mut browser, "corp").await;
        let page = browser.visit(&app.url("/account/password")).await;
        assert!(browser.submit(&page, "change-password", &[("password", FRESH)]).await.has("done"), "a password");
        let page = browser.visit(&app.url("/account/identities")).await;
        gone.sign_in(&mut browser, &page, "gone").await;
        let (issuer, now) = (hinted.issuer.clone(), app.clock.now());
        let linked = app.provider.db.write(async move |tx| {
            let text = "INSERT INTO identities (id, user_id, issuer, subject, upstream_id, shown, created_at, used_at)
                 SELECT 'i', id, $1, 'ana', 'hinted', 'ana', $2, $2 FROM users";
            tx.execute(sql(text).bind(&issuer).bind(now)).await
        });
        assert_eq!(linked.await.unwrap(), 1);
        assert_eq!(app.count(LINKS).await, 3);
        upstreams::remove(app.desk(), "gone").await.unwrap();
        app.provider.connected.forget();
        disconnect(&app, &mut browser).await;
        assert_eq!(app.count(LINKS).await, if may_go { 2 } else { 3 }, "{settings:?}");
        app.ignore_mail();
    }
}

/// With an account elsewhere the sessions end that came by it, and the app hears; the one in which the person says so goes on, and so do
/// those that came another way. When an operator removes the provider, all end that came by it.
#[tokio::test]
async fn sessions_end_with_their_door() {
    for is_operator in [false, true] {
        let app = house(&[]).await;
        let up = Upstream::connected(&app, "corp", Kind::Oidc, Changes::default()).await;
        app.person("ana").await;
        let mut own = Browser::new();
        app.sign_in(&mut own, "ana").await;
        let page = own.visit(&app.url("/account/identities")).await;
        assert!(up.sign_in(&mut own, &page, "corp").await.url.path().ends_with("/account/identities"));
        let receiver = Receiver::start().await;
        let rp = told_at(&app, "web", Some(receiver.url("/200/out"))).await;
        let mut by_it = Browser::new();
        let page = by_it.visit(&rp.begin(&rp.flow())).await;
        let back = up.sign_in(&mut by_it, &page, "corp").await;
        assert_eq!(rp.exchange(&back.param("code").unwrap()).await.status, 200);
        if is_operator {
            assert_eq!(upstreams::remove(app.desk(), "corp").await.unwrap(), 1);
        } else {
            assert!(disconnect(&app, &mut own).await.text("[role='status']").contains("disconnected"));
        }
        assert!(app.is_in(&mut own).await, "by password");
        assert!(!app.is_in(&mut by_it).await);
        receiver.heard("/200/out", 1).await;
        app.ignore_mail();
    }
}

/// A removal ends sessions in portions. Stopped in its middle it has removed the provider, and the same again ends what is left.
#[tokio::test]
async fn a_removal_that_was_stopped() {
    let app = house(&[]).await;
    Upstream::connected(&app, "corp", Kind::Oidc, Changes::default()).await;
    Upstream::connected(&app, "other", Kind::Oidc, Changes::default()).await;
    app.person("ana").await;
    for text in [
        "WITH RECURSIVE n(i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 1250)
         INSERT INTO sessions (id, token_hash, sid, user_id, browser_hash, auth_time, acr, amr, user_agent, address, created_at,
             last_seen_at, expires_at)
         SELECT '00000000-0000-7000-8000-00000000' || CAST(n.i AS TEXT), 'hash-' || CAST(n.i AS TEXT), 'sid-' || CAST(n.i AS TEXT),
             users.id, 'browser-' || CAST(n.i AS TEXT), 0, '1', '[]', '', '', 0, 0, 9000000000 FROM n CROSS JOIN users",
        "INSERT INTO upstream_sessions (session_id, upstream_id, issuer, subject)
         SELECT id, CASE WHEN token_hash = 'hash-1250' THEN 'other' ELSE 'corp' END, 'https://up.test', token_hash FROM sessions
         WHERE token_hash LIKE 'hash-%'",
        // Two of the last portion cannot end at one time: it fails.
        "CREATE UNIQUE INDEX in_the_way ON sessions (ended_at) WHERE token_hash = 'hash-1220' OR token_hash = 'hash-1240'",
    ] {
        app.provider.db.write(async move |tx| tx.execute(sql(text)).await).await.unwrap();
    }
    let ended = async || app.count("SELECT COUNT(*) FROM sessions WHERE ended_at IS NOT NULL").await;
    assert!(upstreams::remove(app.desk(), "corp").await.is_err());
    assert_eq!(ended().await, 200, "two portions stay ended");
    assert_eq!(app.count("SELECT COUNT(*) FROM upstreams WHERE id = 'corp'").await, 0);
    app.provider.db.write(async |tx| tx.execute(sql("DROP INDEX in_the_way")).await).await.unwrap();
    assert_eq!(upstreams::remove(app.desk(), "corp").await.unwrap(), 50);
    assert_eq!(ended().await, 250);
    assert!(matches!(upstreams::remove(app.desk(), "corp").await, Err(Refusal::NotFound(_))), "nothing is left");
    assert_eq!(app.audited("upstream_removed").await, 2);
    assert_eq!(upstreams::remove(app.desk(), "other").await.unwrap(), 1);
}

/// `sign_up.domains` is about new accounts, whichever way they come; who has one, or connects one, is not asked for another address.
#[tokio::test]
async fn domains_of_the_house() {
    let app = house(&[("SIGN_UP__DOMAINS", "example.com")]).await;
    let up = Upstream::connected(&app, "corp", Kind::Oidc, Changes::default()).await;
    let said =
        |sub: &str, email: &str, verified: bool| up.says(json!({ "sub": sub, "email": email, "email_verified": verified }));
    said("other", "other@example.org", true);
    let before = app.rows().await;
    let refused = come(&app, &up, &mut Browser::new(), "corp").await;
    assert_eq!((refused.status, refused.text("h1").as_str()), (403, "This account can’t be used here"));
    app.untouched(&before, "another domain").await;
    said("ana", "ana@example.com", true);
    assert!(come(&app, &up, &mut Browser::new(), "corp").await.url.path().ends_with("/account"));
    // The same for an address that is given here.
    said("shy", "shy@example.org", false);
    let mut browser = Browser::new();
    let ask = come(&app, &up, &mut browser, "corp").await;
    assert_eq!(browser.submit(&ask, "send", &[("username", "shy@example.org")]).await.status, 400);
    assert!(browser.submit(&ask, "send", &[("username", "shy@example.com")]).await.has("check-mail"));
    // Bob was here before, and connects an account with whatever address.
    app.person("bob").await;
    said("bob", "bob@example.org", true);
    let mut bob = Browser::new();
    let page = bob.visit(&app.url("/sign-in")).await;
    bob.submit(&page, "sign-in", &[("username", "bob@example.com"), ("password", PASSWORD)]).await;
    let page = bob.visit(&app.url("/account/identities")).await;
    up.sign_in(&mut bob, &page, "corp").await;
    assert!(come(&app, &up, &mut Browser::new(), "corp").await.url.path().ends_with("/account"));
    app.ignore_mail();
}

/// The button to connect an account is of the person whose page it stood on: somebody else who signed in since goes nowhere by it, and an
/// answer that comes back to another person's session is nobody's.
#[tokio::test]
async fn a_button_is_of_its_person() {
    let app = house(&[]).await;
    let up = Upstream::connected(&app, "corp", Kind::Oidc, Changes::default()).await;
    app.person("ana").await;
    app.person("bob").await;
    let mut browser = Browser::new();
    app.sign_in(&mut browser, "ana").await;
    let of_ana = browser.visit(&app.url("/account/identities")).await;
    let leaving = browser.press(&of_ana, "upstream-corp", &[]).await;
    let answer = up.answer_of(&mut browser, &leaving).await;
    browser.set_cookie("session", None);
    app.sign_in(&mut browser, "bob").await;
    let pressed = browser.press(&of_ana, "upstream-corp", &[]).await;
    assert_eq!(pressed.location().unwrap().path(), "/account/identities", "Bob sees his own page first");
    assert_eq!(browser.visit_from(&up.issuer, &answer).await.status, 400);
    assert_eq!(app.count("SELECT COUNT(*) FROM identities").await, 0, "neither Ana's nor Bob's");
    let of_bob = browser.visit(&app.url("/account/identities")).await;
    up.sign_in(&mut browser, &of_bob, "corp").await;
    let text = "SELECT COUNT(*) FROM identities i JOIN users u ON u.id = i.user_id WHERE u.email = 'bob@example.com'";
    assert_eq!(app.count(text).await, 1);
    app.ignore_mail();
}
