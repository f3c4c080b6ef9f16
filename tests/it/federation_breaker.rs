//! When a provider is left alone (battery RL-23): by its own faults, and by nothing that a visitor can bring; and how it is found to be
//! well again.

use std::time::{Duration, Instant};

use serde_json::json;
use vouchsafe::admin::upstreams::Changes;
use vouchsafe::federation::Kind;

use crate::support::upstream::{Behaviour, Instead, Signature, Upstream, house};
use crate::support::{Browser, Page, Rp, TestApp};

const DISCOVERY: &str = "/.well-known/openid-configuration";
const TOKEN: &str = "/token";

async fn leave(app: &TestApp, browser: &mut Browser) -> Page {
    let page = browser.visit(&app.url("/sign-in")).await;
    browser.press(&page, "upstream-corp", &[]).await
}

/// The whole way in a new browser, as far as it goes.
async fn come(app: &TestApp, up: &Upstream) -> Page {
    let mut browser = Browser::new();
    let leaving = leave(app, &mut browser).await;
    if leaving.location().is_none_or(|there| !there.as_str().starts_with(&up.issuer)) {
        return leaving;
    }
    up.pass(&mut browser, &leaving).await
}

fn is_in(page: &Page) -> bool {
    page.url.path().ends_with("/account")
}

async fn rests(app: &TestApp) -> bool {
    let page = Browser::new().visit(&app.url("/sign-in")).await;
    !page.attributes("#upstream-corp", "disabled").is_empty()
}

/// A call at which nobody brings anything, and so shows whether the provider is well.
const fn own_call(kind: Kind) -> &'static str {
    if matches!(kind, Kind::GitHub) { "/api/v3/user" } else { DISCOVERY }
}

/// Where the codes go.
const fn tokens(kind: Kind) -> &'static str {
    if matches!(kind, Kind::GitHub) { "/login/oauth/access_token" } else { TOKEN }
}

/// All of it fails, not only what a visitor has a part in.
fn down(kind: Kind, fault: Instead) -> impl FnOnce(&mut Behaviour) {
    move |behaviour| {
        behaviour.instead.insert(tokens(kind).to_owned(), fault.clone());
        behaviour.instead.insert(own_call(kind).to_owned(), fault);
    }
}

fn at(path: &str, instead: Instead) -> impl FnOnce(&mut Behaviour) {
    let path = path.to_owned();
    move |behaviour| drop(behaviour.instead.insert(path, instead))
}

/// Each fault of its own opens the breaker at the third time: people who only went there, by what is known of it, prove nothing.
#[tokio::test]
async fn its_own_faults_open_it() {
    for (fault, status) in [(Instead::Status(502), 503), (Instead::Html, 400), (Instead::Huge, 400)] {
        let app = house(&[]).await;
        let up = Upstream::connected(&app, "corp", Kind::Oidc, Changes::default()).await;
        assert!(is_in(&come(&app, &up).await));
        up.will(down(Kind::Oidc, fault.clone()));
        for _ in 0..3 {
            assert!(!rests(&app).await, "{fault:?}");
            assert_eq!(come(&app, &up).await.status, status, "{fault:?}");
        }
        assert!(rests(&app).await, "{fault:?}");
        let told = up.heard(TOKEN).len();
        assert_eq!(come(&app, &up).await.status, 503);
        assert_eq!(up.heard(TOKEN).len(), told, "{fault:?}: it is left alone");
        app.ignore_mail();
    }
}

/// What visitors bring counts neither way: it opens nothing, and does not let a provider that fails pass for a good one.
#[tokio::test]
async fn visitors_neither_open_nor_close_it() {
    let app = house(&[]).await;
    let up = Upstream::connected(&app, "corp", Kind::Oidc, Changes::default()).await;
    assert!(is_in(&come(&app, &up).await));
    let rp = Rp::at(&app.issuer, "", None);
    let bring = async || {
        for answer in [
            json!({ "code": null, "error": "server_error" }),
            json!({ "code": null, "error": "access_denied" }),
            json!({ "code": null }),
            json!({ "iss": "https://evil.test" }),
            json!({ "code": "a code that nobody has" }),
        ] {
            up.will(|behaviour| behaviour.answer = answer);
            assert!(!is_in(&come(&app, &up).await));
        }
        up.mend();
        up.will(|behaviour| behaviour.claims = json!({ "nonce": "another" }));
        assert_eq!(come(&app, &up).await.status, 400);
        up.mend();
        up.will(at(TOKEN, Instead::Status(429)));
        assert_eq!(come(&app, &up).await.status, 503, "so many that it has no time for us");
        up.mend();
        for signature in [Signature::UnknownKey, Signature::None, Signature::Right] {
            let token = up.logout_token(&json!({ "sub": "nobody", "sid": null }), signature);
            rp.post_as("/upstream/corp/backchannel-logout", None, &[("logout_token", &token)]).await;
        }
    };
    bring().await;
    bring().await;
    assert!(!rests(&app).await && is_in(&come(&app, &up).await), "none of it is the provider's fault");
    for _ in 0..2 {
        up.will(down(Kind::Oidc, Instead::Status(500)));
        assert_eq!(come(&app, &up).await.status, 503);
        up.mend();
        bring().await;
    }
    assert!(!rests(&app).await);
    up.will(down(Kind::Oidc, Instead::Status(500)));
    assert_eq!(come(&app, &up).await.status, 503);
    assert!(rests(&app).await, "three in a row, whatever strangers did between them");
    app.ignore_mail();
}

/// A code that a stranger made up may meet a firewall, or all that a provider has for such a thing. Whatever that says, it opens nothing
/// while the provider is well otherwise; when it is not, it does.
#[tokio::test]
async fn codes_that_were_made_up() {
    for kind in [Kind::Oidc, Kind::GitHub] {
        let app = house(&[]).await;
        let up = Upstream::connected(&app, "corp", kind, Changes::default()).await;
        assert!(is_in(&come(&app, &up).await));
        for said in [Instead::Status(403), Instead::Status(500), Instead::Html, Instead::Huge] {
            up.will(|behaviour| behaviour.answer = json!({ "code": "' OR 1=1 --" }));
            up.will(at(tokens(kind), said.clone()));
            for _ in 0..4 {
                assert!(!is_in(&come(&app, &up).await));
            }
            assert!(!rests(&app).await, "{kind:?} {said:?}");
            up.mend();
        }
        // A 4xx to a code is no fault at all, whatever else fails.
        up.will(down(kind, Instead::Status(500)));
        up.will(at(tokens(kind), Instead::Status(403)));
        for _ in 0..4 {
            assert_eq!(come(&app, &up).await.status, 400);
        }
        assert!(!rests(&app).await, "{kind:?}");
        up.will(down(kind, Instead::Status(500)));
        for _ in 0..3 {
            assert_eq!(come(&app, &up).await.status, 503);
        }
        assert!(rests(&app).await, "{kind:?}: it is really down");
        app.ignore_mail();
    }
}

/// RFC 6749 appendix A.11: what cannot be a code is sent nowhere.
#[tokio::test]
async fn what_cannot_be_a_code() {
    for kind in [Kind::Oidc, Kind::GitHub] {
        let app = house(&[]).await;
        let up = Upstream::connected(&app, "corp", kind, Changes::default()).await;
        for code in ["caf\u{e9}", "a\nb", "\u{7f}", "", &"x".repeat(2049)] {
            up.will(|behaviour| behaviour.answer = json!({ "code": code }));
            assert_eq!(come(&app, &up).await.status, 400, "{code:?}");
        }
        assert_eq!(up.heard(tokens(kind)).len(), 0);
        for code in ["~ !", &"x".repeat(2048)] {
            up.will(|behaviour| behaviour.answer = json!({ "code": code }));
            assert_eq!(come(&app, &up).await.status, 400);
        }
        assert_eq!(up.heard(tokens(kind)).len(), 2, "nobody has these, but they could be codes");
        up.mend();
        assert!(is_in(&come(&app, &up).await));
        app.ignore_mail();
    }
}

/// A person has a part in what is said of them: it may be as large as they please, and is nobody's fault.
#[tokio::test]
async fn documents_about_a_person() {
    for kind in [Kind::Oidc, Kind::GitHub] {
        let app = house(&[]).await;
        let up = Upstream::start(&app).await;
        let about = || up.will(|behaviour| behaviour.userinfo = Some(json!({ "sub": "up-ana" })));
        about();
        up.connect(&app, "corp", kind, Changes::default()).await;
        assert!(is_in(&come(&app, &up).await));
        let path = if kind == Kind::GitHub { "/api/v3/user/emails" } else { "/userinfo" };
        for said in [Instead::Huge, Instead::Html] {
            up.will(at(own_call(kind), Instead::Status(500)));
            up.will(|behaviour| drop(behaviour.instead.remove("/api/v3/user")));
            up.will(at(path, said.clone()));
            for _ in 0..4 {
                assert_eq!(come(&app, &up).await.status, 400, "{said:?}");
            }
            assert!(!rests(&app).await, "{kind:?} {said:?}");
        }
        up.mend();
        about();
        assert!(is_in(&come(&app, &up).await));
        app.ignore_mail();
    }
}

/// Whoever is kept waiting until the end is reason enough: nothing more can be asked then.
#[tokio::test]
async fn no_answer_at_all() {
    let app = house(&[]).await;
    let up = Upstream::connected(&app, "corp", Kind::Oidc, Changes::default()).await;
    assert!(is_in(&come(&app, &up).await));
    up.will(at(TOKEN, Instead::Hang));
    let pages = tokio::join!(come(&app, &up), come(&app, &up), come(&app, &up));
    assert_eq!([pages.0.status, pages.1.status, pages.2.status], [503; 3]);
    assert!(rests(&app).await);
    app.ignore_mail();
}

/// The keys that a flood of logout tokens asks for say nothing, also if they are not to be had.
#[tokio::test]
async fn logout_tokens_do_not_open_it() {
    let app = house(&[]).await;
    let up = Upstream::connected(&app, "corp", Kind::Oidc, Changes::default()).await;
    assert!(is_in(&come(&app, &up).await));
    let rp = Rp::at(&app.issuer, "", None);
    up.will(at("/jwks", Instead::Status(500)));
    for _ in 0..5 {
        let token = up.logout_token(&json!({}), Signature::UnknownKey);
        let answer = rp.post_as("/upstream/corp/backchannel-logout", None, &[("logout_token", &token)]).await;
        assert_eq!(answer.status, 503, "later: {}", answer.body);
        app.clock.advance(60);
    }
    assert!(!rests(&app).await && is_in(&come(&app, &up).await));
    app.ignore_mail();
}

/// After the rest one of many makes the trial, in a call of ours; while it fails the rests grow, and a person who came ends it.
#[tokio::test]
async fn one_trial_at_a_time() {
    let app = house(&[]).await;
    let up = Upstream::connected(&app, "corp", Kind::Oidc, Changes::default()).await;
    assert!(is_in(&come(&app, &up).await));
    // Somebody is on the way already.
    let mut early = Browser::new();
    let leaving = leave(&app, &mut early).await;
    up.will(down(Kind::Oidc, Instead::Status(502)));
    for _ in 0..3 {
        come(&app, &up).await;
    }
    assert!(rests(&app).await);
    app.clock.advance(30);
    assert!(!rests(&app).await, "somebody may try");
    up.will(at(DISCOVERY, Instead::Hang));
    let asked = up.heard(DISCOVERY).len();
    let mut ready = Vec::new();
    for _ in 0..8 {
        let mut browser = Browser::new();
        let page = browser.visit(&app.url("/sign-in")).await;
        ready.push((browser, page));
    }
    let mut running = tokio::task::JoinSet::new();
    for (mut browser, page) in ready {
        running.spawn(async move {
            let begun = Instant::now();
            (browser.press(&page, "upstream-corp", &[]).await.status, begun.elapsed())
        });
    }
    let all = running.join_all().await;
    assert!(all.iter().all(|(status, took)| *status == 503 && *took < Duration::from_secs(7)), "{all:?}");
    assert_eq!(up.heard(DISCOVERY).len(), asked + 1, "one went there for all");
    assert_eq!(all.iter().filter(|(_, took)| *took > Duration::from_secs(3)).count(), 1, "{all:?}: and nobody else waited");
    up.mend();
    app.clock.advance(59);
    assert!(rests(&app).await, "twice as long");
    app.clock.advance(1);
    // It answers, but the sign-in fails as before: back to rest, for longer again.
    let mut unlucky = Browser::new();
    let on_the_way = leave(&app, &mut unlucky).await;
    up.will(down(Kind::Oidc, Instead::Status(502)));
    assert_eq!(up.pass(&mut unlucky, &on_the_way).await.status, 503);
    app.clock.advance(119);
    assert!(rests(&app).await, "four times as long");
    // Whoever was on the way is let through, and shows that it is well.
    up.mend();
    assert!(is_in(&up.pass(&mut early, &leaving).await));
    assert!(!rests(&app).await && is_in(&come(&app, &up).await));
    app.ignore_mail();
}

/// GitHub says nothing of itself: its API is asked without a token, and whatever it says is an answer.
#[tokio::test]
async fn a_trial_at_github() {
    let app = house(&[]).await;
    let up = Upstream::connected(&app, "corp", Kind::GitHub, Changes::default()).await;
    assert!(is_in(&come(&app, &up).await));
    up.will(down(Kind::GitHub, Instead::Status(502)));
    for _ in 0..3 {
        assert_eq!(come(&app, &up).await.status, 503);
    }
    assert!(rests(&app).await);
    let before = up.heard("/api/v3/user").iter().filter(|heard| heard.authorization.is_none()).count();
    app.clock.advance(30);
    up.will(at("/api/v3/user", Instead::Status(503)));
    assert_eq!(come(&app, &up).await.status, 503);
    assert!(rests(&app).await);
    up.mend();
    app.clock.advance(60);
    assert!(is_in(&come(&app, &up).await));
    let asked = up.heard("/api/v3/user");
    assert_eq!(asked.iter().filter(|heard| heard.authorization.is_none()).count(), before + 2, "two trials");
    app.ignore_mail();
}
