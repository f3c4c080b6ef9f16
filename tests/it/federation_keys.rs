//! Whose signature counts: keys that roll, tokens that say nothing of their key, and logout tokens (OpenID Connect Back-Channel Logout 1.0
//! section 2.6), which anybody can send.

use serde_json::{Value, json};
use vouchsafe::admin::upstreams::Changes;
use vouchsafe::federation::Kind;

use crate::support::upstream::{Instead, Signature, Upstream, house};
use crate::support::{Browser, Page, Rp, TestApp};

const LOGOUT: &str = "/upstream/corp/backchannel-logout";

async fn come(app: &TestApp, up: &Upstream) -> (Browser, Page) {
    let mut browser = Browser::new();
    let page = browser.visit(&app.url("/sign-in")).await;
    let page = up.sign_in(&mut browser, &page, "corp").await;
    (browser, page)
}

fn is_in(page: &Page) -> bool {
    page.url.path().ends_with("/account")
}

async fn is_signed_in(app: &TestApp, browser: &mut Browser) -> bool {
    browser.get(&app.url("/account")).await.status == 200
}

async fn send(rp: &Rp, token: &str) -> u16 {
    rp.post_as(LOGOUT, None, &[("logout_token", token)]).await.status
}

/// FE-14: a flood of logout tokens with unknown keys costs the provider one call a minute, and no sign-in its new key.
#[tokio::test]
async fn logout_tokens_use_up_nobodys_pause() {
    let app = house(&[]).await;
    let up = Upstream::connected(&app, "corp", Kind::Oidc, Changes::default()).await;
    assert!(is_in(&come(&app, &up).await.1));
    let rp = Rp::at(&app.issuer, "", None);
    let asked = || up.heard("/jwks").len();
    let now = app.clock.now().unix();
    for claims in [json!({ "iss": "https://evil.test" }), json!({ "nonce": "n" }), json!({ "iat": now - 301 })] {
        assert_eq!(send(&rp, &up.logout_token(&claims, Signature::UnknownKey)).await, 400);
        assert_eq!(asked(), 1, "{claims}: no key would make it right");
    }
    for _ in 0..50 {
        assert_eq!(send(&rp, &up.logout_token(&json!({}), Signature::UnknownKey)).await, 400);
        assert_eq!(send(&rp, &up.logout_token(&json!({}), Signature::OtherKey)).await, 400);
    }
    assert_eq!(asked(), 2, "once");
    up.will(|behaviour| behaviour.signature = Signature::NewKey);
    assert!(is_in(&come(&app, &up).await.1), "a sign-in has its new key in the same minute");
    assert_eq!(asked(), 3);
    assert_eq!(send(&rp, &up.logout_token(&json!({}), Signature::UnknownKey)).await, 400);
    assert_eq!(asked(), 3);
    app.clock.advance(60);
    assert_eq!(send(&rp, &up.logout_token(&json!({}), Signature::UnknownKey)).await, 400);
    assert_eq!(asked(), 4, "and one more a minute later");
    app.ignore_mail();
}

/// A key that is new under an old name is found; a signature that stays wrong costs one call a minute.
#[tokio::test]
async fn a_key_rolls_under_its_name() {
    let app = house(&[]).await;
    let up = Upstream::connected(&app, "corp", Kind::Oidc, Changes::default()).await;
    assert!(is_in(&come(&app, &up).await.1));
    up.will(|behaviour| behaviour.signature = Signature::Rolled);
    assert!(is_in(&come(&app, &up).await.1));
    assert_eq!(up.heard("/jwks").len(), 2);
    assert!(is_in(&come(&app, &up).await.1), "kept");
    up.will(|behaviour| behaviour.signature = Signature::OtherKey);
    for _ in 0..3 {
        assert_eq!(come(&app, &up).await.1.status, 400);
    }
    assert_eq!(up.heard("/jwks").len(), 2, "not within the minute");
    app.clock.advance(60);
    for _ in 0..3 {
        assert_eq!(come(&app, &up).await.1.status, 400);
    }
    assert_eq!(up.heard("/jwks").len(), 3);
    // The same for a logout token: what is published is the first key again, and then not.
    let rp = Rp::at(&app.issuer, "", None);
    app.clock.advance(60);
    up.will(|behaviour| behaviour.signature = Signature::Rolled);
    assert_eq!(send(&rp, &up.logout_token(&json!({}), Signature::Rolled)).await, 200);
    assert_eq!(up.heard("/jwks").len(), 4);
    app.ignore_mail();
}

/// Without a word which of several keys signed, each that fits is tried, and no other one.
#[tokio::test]
async fn keys_without_a_name() {
    let app = house(&[]).await;
    let up = Upstream::connected(&app, "corp", Kind::Oidc, Changes::default()).await;
    up.will(|behaviour| behaviour.signature = Signature::Nameless);
    let (mut browser, page) = come(&app, &up).await;
    assert!(is_in(&page), "{} {}", page.status, page.body);
    up.will(|behaviour| behaviour.claims = json!({ "nonce": "another" }));
    assert_eq!(come(&app, &up).await.1.status, 400, "the right key makes nothing else right");
    up.mend();
    up.will(|behaviour| behaviour.signature = Signature::NamelessOther);
    assert_eq!(come(&app, &up).await.1.status, 400);
    let rp = Rp::at(&app.issuer, "", None);
    assert_eq!(send(&rp, &up.logout_token(&json!({}), Signature::NamelessOther)).await, 400);
    assert!(is_signed_in(&app, &mut browser).await);
    assert_eq!(send(&rp, &up.logout_token(&json!({}), Signature::Nameless)).await, 200);
    assert!(!is_signed_in(&app, &mut browser).await);
    app.ignore_mail();
}

/// Section 2.6: everything that a logout token must be, each beside the same token without the fault.
#[tokio::test]
async fn what_a_logout_token_must_be() {
    let app = house(&[]).await;
    let up = Upstream::connected(&app, "corp", Kind::Oidc, Changes::default()).await;
    let (mut browser, page) = come(&app, &up).await;
    assert!(is_in(&page));
    let (rp, now) = (Rp::at(&app.issuer, "", None), app.clock.now().unix());
    let nobody = |more: Value| {
        let mut claims = json!({ "sid": "of nobody" });
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        claims
    };
    let event = "http://schemas.openid.net/event/backchannel-logout";
    for (claims, status) in [
        (json!({}), 200),
        (json!({ "aud": ["our-id-there"] }), 200),
        (json!({ "aud": ["our-id-there", "else"] }), 400),
        (json!({ "aud": [] }), 400),
        (json!({ "aud": null }), 400),
        (json!({ "iss": format!("{}/", up.issuer) }), 400),
        (json!({ "iss": null }), 400),
        (json!({ "iat": now - 300 }), 200),
        (json!({ "iat": now - 301 }), 400),
        (json!({ "iat": now + 60 }), 200),
        (json!({ "iat": now + 61 }), 400),
        (json!({ "iat": null }), 400),
        (json!({ "iat": now.to_string() }), 400),
        (json!({ "exp": null }), 200),
        (json!({ "exp": now - 11 }), 400),
        (json!({ "exp": "tomorrow" }), 400),
        (json!({ "nbf": now + 11 }), 400),
        (json!({ "jti": "" }), 400),
        (json!({ "jti": 7 }), 400),
        (json!({ "jti": "a".repeat(256) }), 400),
        (json!({ "nonce": "n" }), 400),
        (json!({ "nonce": null }), 200),
        (json!({ "events": { event: { "more": 1 } } }), 200),
        (json!({ "events": { event: null } }), 400),
        (json!({ "events": { event: true } }), 400),
        (json!({ "events": { "http://schemas.openid.net/event/other": {} } }), 400),
        (json!({ "events": null }), 400),
        (json!({ "sub": 7 }), 400),
        (json!({ "sid": 7 }), 400),
        (json!({ "sub": "" }), 400),
        (json!({ "sub": null }), 200),
        (json!({ "sub": null, "sid": null }), 400),
        (json!({ "padding": "x".repeat(8 * 1024) }), 200),
        (json!({ "padding": "x".repeat(16 * 1024) }), 400),
    ] {
        let token = up.logout_token(&nobody(claims.clone()), Signature::Right);
        assert_eq!(send(&rp, &token).await, status, "{}", claims.to_string().chars().take(100).collect::<String>());
    }
    for (typ, status) in
        [("", 200), ("JWT", 200), ("application/logout+jwt", 200), ("at+jwt", 400), ("secevent+jwt", 400), ("dpop+jwt", 400)]
    {
        assert_eq!(send(&rp, &up.logout_token_of_type(typ, &nobody(json!({})), Signature::Right)).await, status, "{typ}");
    }
    for token in ["", "a", "a.b", "a.b.c", "..", "\0", "{}"] {
        assert_eq!(send(&rp, token).await, 400, "{token:?}");
    }
    assert!(is_signed_in(&app, &mut browser).await, "none of them was about this session");
    app.ignore_mail();
}

/// A logout token counts once, also many times at once, and an old word ends no session that began after it; its row goes.
#[tokio::test]
async fn a_logout_token_counts_once() {
    let app = house(&[]).await;
    let up = Upstream::connected(&app, "corp", Kind::Oidc, Changes::default()).await;
    let (mut first, _) = come(&app, &up).await;
    let rp = Rp::at(&app.issuer, "", None);
    let token = up.logout_token(&json!({ "sid": null }), Signature::Right);
    let at_once = futures_util::future::join_all((0..16).map(|_| send(&rp, &token))).await;
    assert_eq!(at_once.iter().filter(|status| **status == 200).count(), 1, "{at_once:?}");
    assert!(!is_signed_in(&app, &mut first).await);
    let (mut second, _) = come(&app, &up).await;
    assert_eq!(send(&rp, &token).await, 400);
    assert!(is_signed_in(&app, &mut second).await, "it is about what was before");
    assert_eq!(app.audited("session_revoked").await, 1);
    // Another provider has names of its own.
    let other = Upstream::connected(&app, "hub", Kind::Oidc, Changes::default()).await;
    let same = json!({ "jti": crate::support::rp::claims(&token)["jti"], "sid": null });
    let path = "/upstream/hub/backchannel-logout";
    let theirs = other.logout_token(&same, Signature::Right);
    assert_eq!(rp.post_as(path, None, &[("logout_token", &theirs)]).await.status, 200);
    // Trouble of our own uses nothing up.
    let fresh = up.logout_token(&json!({ "sid": null }), Signature::Right);
    app.break_table("upstream_sessions").await;
    assert_eq!(send(&rp, &fresh).await, 503);
    app.mend_table("upstream_sessions").await;
    assert_eq!(send(&rp, &fresh).await, 200);
    assert!(!is_signed_in(&app, &mut second).await);
    let kept = "SELECT COUNT(*) FROM assertion_jti";
    assert_eq!(app.count(kept).await, 3);
    let over = app.clock.now().plus(302);
    app.provider.db.write(async move |tx| vouchsafe::store::tokens::sweep(tx, over).await).await.unwrap();
    assert_eq!(app.count(kept).await, 0);
    app.ignore_mail();
}

/// While its keys are not to be had the provider may say it again; a flood meanwhile calls it once a minute, and no sign-in waits for that.
#[tokio::test]
async fn later() {
    let app = house(&[]).await;
    let up = Upstream::connected(&app, "corp", Kind::Oidc, Changes::default()).await;
    let (mut browser, _) = come(&app, &up).await;
    up.forgotten(&app, "corp").await;
    let rp = Rp::at(&app.issuer, "", None);
    let token = up.logout_token(&json!({}), Signature::Right);
    up.will(|behaviour| drop(behaviour.instead.insert("/jwks".to_owned(), Instead::Status(503))));
    let asked = up.heard("/jwks").len();
    for forged in ["a.b.c".to_owned(), up.logout_token(&json!({ "iss": "https://evil.test" }), Signature::Right)] {
        assert_eq!(send(&rp, &forged).await, 400);
    }
    assert_eq!(up.heard("/jwks").len(), asked, "nothing is fetched for what is wrong in any case");
    let flood = futures_util::future::join_all((0..20).map(|_| send(&rp, &token))).await;
    assert!(flood.iter().all(|status| *status == 503), "{flood:?}");
    assert_eq!(up.heard("/jwks").len(), asked + 1);
    assert!(is_signed_in(&app, &mut browser).await);
    up.mend();
    assert_eq!(send(&rp, &token).await, 503, "in the same minute");
    app.clock.advance(60);
    assert_eq!(send(&rp, &token).await, 200);
    assert!(!is_signed_in(&app, &mut browser).await);
    up.forgotten(&app, "corp").await;
    up.will(|behaviour| drop(behaviour.instead.insert("/jwks".to_owned(), Instead::Status(503))));
    assert_eq!(send(&rp, &up.logout_token(&json!({}), Signature::Right)).await, 503);
    up.mend();
    assert!(is_in(&come(&app, &up).await.1), "a sign-in asks itself");
    app.ignore_mail();
}
