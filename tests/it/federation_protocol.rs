//! What bad answers of another provider get: each defect is a switch, and beside each stands the same answer without it, which
//! signs in (battery FE-04, FE-05, FE-07, FE-11, FE-13, FE-14, FE-16, FE-19; RFC 9207).

use std::time::{Duration, Instant};

use serde_json::json;
use vouchsafe::admin::upstreams::Changes;
use vouchsafe::federation::Kind;

use crate::support::upstream::{Behaviour, Instead, Signature, Upstream, house};
use crate::support::{Browser, Initiator, Page, TestApp};

/// The whole way in a new browser.
async fn come(app: &TestApp, up: &Upstream) -> (Browser, Page) {
    let mut browser = Browser::new();
    let page = browser.visit(&app.url("/sign-in")).await;
    let leaving = browser.press(&page, "upstream-corp", &[]).await;
    if leaving.location().is_none_or(|there| !there.as_str().starts_with(&up.issuer)) {
        return (browser, leaving);
    }
    let page = up.pass(&mut browser, &leaving).await;
    (browser, page)
}

fn is_in(page: &Page) -> bool {
    page.url.path().ends_with("/account")
}

/// Nobody is signed in, nothing has changed, and the page says so in words with a support code; without the defect it works.
async fn refused_with(app: &TestApp, up: &Upstream, why: &str, status: u16, defect: impl FnOnce(&mut Behaviour)) {
    up.forgotten(app, "corp").await;
    let before = app.rows().await;
    up.will(defect);
    let (browser, page) = come(app, up).await;
    assert_eq!(page.status, status, "{why}: {} {}", page.url, page.body);
    assert!(browser.cookie("session").is_none(), "{why}");
    assert!(!page.text("#support-code").is_empty(), "{why}");
    app.untouched(&before, why).await;
    up.mend();
    up.forgotten(app, "corp").await;
    let (_, page) = come(app, up).await;
    assert!(is_in(&page), "{why}: the twin is refused: {} {}", page.status, page.body);
}

/// OpenID Connect Core section 3.1.3.7: what is wrong with an ID token is refused.
#[tokio::test]
async fn id_tokens() {
    let app = house(&[]).await;
    let up = Upstream::connected(&app, "corp", Kind::Oidc, Changes::default()).await;
    assert!(is_in(&come(&app, &up).await.1), "the first one makes the account");
    let now = app.clock.now().unix();
    for (why, claims) in [
        ("another issuer", json!({ "iss": "https://evil.test" })),
        ("a slash more", json!({ "iss": format!("{}/", up.issuer) })),
        ("another audience", json!({ "aud": "somebody-else" })),
        ("a second audience", json!({ "aud": ["our-id-there", "somebody-else"] })),
        ("no audience", json!({ "aud": null })),
        ("another party", json!({ "azp": "somebody-else" })),
        ("another nonce", json!({ "nonce": "another" })),
        ("no nonce", json!({ "nonce": null })),
        ("expired", json!({ "exp": now - 61 })),
        ("from the future", json!({ "iat": now + 120 })),
        ("made long ago", json!({ "iat": now - 601 })),
        ("no subject", json!({ "sub": null })),
        ("an empty subject", json!({ "sub": "" })),
        ("a long subject", json!({ "sub": "a".repeat(256) })),
        ("a NUL in the subject", json!({ "sub": "up-ana\0" })),
        ("an empty session", json!({ "sid": "" })),
        ("a long session", json!({ "sid": "a".repeat(256) })),
        ("a NUL in the session", json!({ "sid": "their\0sid" })),
        ("another access token", json!({ "at_hash": "AAAAAAAAAAAAAAAAAAAAAA" })),
        ("an address as a list", json!({ "email": ["ana@example.com"] })),
    ] {
        refused_with(&app, &up, why, 400, |behaviour| behaviour.claims = claims).await;
    }
    for signature in [Signature::None, Signature::Secret, Signature::Confused, Signature::OtherKey, Signature::UnknownKey] {
        refused_with(&app, &up, &format!("{signature:?}"), 400, |behaviour| behaviour.signature = signature).await;
    }
    // Clocks may differ by a minute.
    up.will(|behaviour| behaviour.claims = json!({ "exp": now - 59, "iat": now - 300 }));
    assert!(is_in(&come(&app, &up).await.1));
    app.ignore_mail();
}

/// FE-07: what userinfo says counts only for the person of the ID token, and "verified" of one document says nothing of the address
/// in the other.
#[tokio::test]
async fn userinfo_is_about_the_same_person() {
    let app = house(&[]).await;
    let up = Upstream::connected(&app, "corp", Kind::Oidc, Changes::default()).await;
    assert!(is_in(&come(&app, &up).await.1));
    refused_with(&app, &up, "somebody else", 400, |behaviour| {
        behaviour.userinfo = Some(json!({ "sub": "mallory", "email": "ana@example.com", "email_verified": true }));
    })
    .await;
    refused_with(&app, &up, "a list", 400, |behaviour| behaviour.userinfo = Some(json!([]))).await;
    up.says(json!({ "sub": "second", "email_verified": true }));
    up.will(|behaviour| behaviour.userinfo = Some(json!({ "sub": "second", "email": "second@example.com" })));
    up.forgotten(&app, "corp").await;
    let (_, page) = come(&app, &up).await;
    assert!(page.url.path().starts_with("/give-address/"), "{} {}", page.url, page.body);
    for list in [json!(["second@example.com"]), json!({ "a": 1 }), json!(7)] {
        up.will(|behaviour| behaviour.userinfo = Some(json!({ "sub": "second", "email": list, "email_verified": true })));
        let (_, page) = come(&app, &up).await;
        assert!(page.url.path().starts_with("/give-address/"), "{} {}", page.url, page.body);
        assert_eq!(page.attributes("#username", "value"), [""], "no text, no address");
    }
    up.will(|behaviour| {
        behaviour.userinfo = Some(json!({ "sub": "second", "email": "second@example.com", "email_verified": true }));
    });
    assert!(is_in(&come(&app, &up).await.1), "both of one document");
    app.ignore_mail();
}

/// FE-04, FE-11: a state is good once, in the browser, for the provider that it was made for.
#[tokio::test]
async fn states() {
    let app = house(&[]).await;
    let up = Upstream::connected(&app, "corp", Kind::Oidc, Changes::default()).await;
    let evil = Upstream::connected(&app, "evil", Kind::Oidc, Changes::default()).await;
    assert!(is_in(&come(&app, &up).await.1));
    let leave = async |browser: &mut Browser, id: &str| {
        let page = browser.visit(&app.url("/sign-in")).await;
        browser.press(&page, &format!("upstream-{id}"), &[]).await
    };
    let mut browser = Browser::new();
    let leaving = leave(&mut browser, "corp").await;
    let callback = url::Url::parse(&up.answer_of(&mut browser, &leaving).await).unwrap();
    let with = |name: &str, value: Option<&str>| {
        let pairs: Vec<_> = callback.query_pairs().into_owned().filter(|(own, _)| own != name).collect();
        let mut url = callback.clone();
        url.query_pairs_mut().clear().extend_pairs(pairs).extend_pairs(value.map(|value| (name, value)));
        url.to_string()
    };
    let told = up.heard("/token").len();
    let forged = "A".repeat(43);
    for (why, address) in [
        ("no state", with("state", None)),
        ("a forged one", with("state", Some(&forged))),
        ("a short one", with("state", Some("A"))),
        ("the callback of another provider", callback.as_str().replace("/upstream/corp/", "/upstream/evil/")),
        ("a provider that there is not", callback.as_str().replace("/upstream/corp/", "/upstream/none/")),
        ("a state twice", format!("{callback}&state={forged}")),
        ("a code twice", format!("{callback}&code=x")),
    ] {
        let page = browser.visit_from(&up.issuer, &address).await;
        assert_eq!(page.status, 400, "{why}: {}", page.body);
        assert!(browser.cookie("session").is_none(), "{why}");
    }
    // Somebody else's browser, which has an attempt of its own.
    let mut mallory = Browser::new();
    leave(&mut mallory, "corp").await;
    assert_eq!(mallory.visit_from(&up.issuer, callback.as_str()).await.status, 400);
    assert_eq!(up.heard("/token").len(), told, "no code went anywhere");
    assert!(evil.heard("/token").is_empty(), "and none to another provider");
    // It is still good where it belongs, once.
    assert!(is_in(&browser.visit_from(&up.issuer, callback.as_str()).await));
    let again = browser.visit_from(&up.issuer, callback.as_str()).await;
    assert_eq!(again.status, 410, "{}", again.body);
    assert_eq!(up.heard("/token").len(), told + 1);
    // Half an hour later it is over.
    let mut late = Browser::new();
    let leaving = leave(&mut late, "corp").await;
    let callback = up.answer_of(&mut late, &leaving).await;
    app.clock.advance(1800);
    assert_eq!(late.visit_from(&up.issuer, &callback).await.status, 410);
    app.ignore_mail();
}

/// FE-05, RFC 9207: the answer says from which issuer it comes, and no other's is taken; also not an error.
#[tokio::test]
async fn mix_up() {
    let app = house(&[]).await;
    let up = Upstream::connected(&app, "corp", Kind::Oidc, Changes::default()).await;
    assert!(is_in(&come(&app, &up).await.1));
    for (why, answer) in [
        ("another issuer", json!({ "iss": "https://evil.test" })),
        ("none, although it says that it does", json!({ "iss": null })),
        ("another issuer's error", json!({ "iss": "https://evil.test", "error": "access_denied", "code": null })),
    ] {
        let before = up.heard("/token").len();
        refused_with(&app, &up, why, 400, |behaviour| behaviour.answer = answer).await;
        assert_eq!(up.heard("/token").len(), before + 1, "{why}: only the twin's code was redeemed");
    }
    // Who never promised it need not say it.
    up.forgotten(&app, "corp").await;
    up.will(|behaviour| {
        behaviour.metadata = json!({ "authorization_response_iss_parameter_supported": null });
        behaviour.answer = json!({ "iss": null });
    });
    assert!(is_in(&come(&app, &up).await.1));
    app.ignore_mail();
}

/// Errors in each form: at the way back, at the token endpoint, and nonsense. The words are ours, never theirs.
#[tokio::test]
async fn errors() {
    let app = house(&[]).await;
    let up = Upstream::connected(&app, "corp", Kind::Oidc, Changes::default()).await;
    assert!(is_in(&come(&app, &up).await.1));
    for (error, status, title) in [
        ("access_denied", 400, "You turned back"),
        ("temporarily_unavailable", 503, "Up corp isn’t answering"),
        ("server_error", 503, "Up corp isn’t answering"),
        ("invalid_scope", 400, "The sign-in did not succeed"),
        ("<script>alert(1)</script>", 400, "The sign-in did not succeed"),
        ("", 400, "The sign-in did not succeed"),
    ] {
        up.forgotten(&app, "corp").await;
        up.will(|behaviour| {
            behaviour.answer = json!({ "code": null, "error": error, "error_description": "<b>Click http://evil.test</b>" });
        });
        let (mut browser, page) = come(&app, &up).await;
        assert_eq!((page.status, page.text("h1").as_str()), (status, title), "{error}");
        assert!(!page.body.contains("evil") && !page.body.contains("alert"), "{}", page.body);
        // The other ways stay, with what the person came for.
        let link = page.attributes("a.button", "href").remove(0);
        assert!(browser.visit(page.url.join(&link).unwrap().as_str()).await.has("sign-in"));
        up.mend();
    }
    refused_with(&app, &up, "neither code nor error", 400, |behaviour| behaviour.answer = json!({ "code": null })).await;
    for (answer, status) in [
        (Instead::Json(400, json!({ "error": "invalid_grant" })), 400),
        (Instead::Json(401, json!({ "error": "invalid_client" })), 400),
        (Instead::Json(200, json!({ "access_token": "x", "token_type": "Bearer" })), 400),
        (Instead::Json(200, json!({ "id_token": 1 })), 400),
        (Instead::Json(503, json!({ "error": "temporarily_unavailable" })), 503),
        (Instead::Html, 400),
        (Instead::Huge, 400),
        (Instead::Redirect("http://127.0.0.1:1/".to_owned()), 400),
    ] {
        let why = format!("{answer:?}");
        refused_with(&app, &up, &why, status, |behaviour| drop(behaviour.instead.insert("/token".to_owned(), answer))).await;
    }
    app.ignore_mail();
}

/// FE-13: what a provider's metadata and keys may be instead; nobody waits longer than five seconds.
#[tokio::test]
async fn metadata_and_keys() {
    let app = house(&[]).await;
    let up = Upstream::connected(&app, "corp", Kind::Oidc, Changes::default()).await;
    assert!(is_in(&come(&app, &up).await.1));
    for (why, metadata) in [
        ("another issuer", json!({ "issuer": "https://evil.test" })),
        ("a slash more", json!({ "issuer": format!("{}/", up.issuer) })),
        ("a script", json!({ "authorization_endpoint": "javascript:alert(1)" })),
        ("no keys", json!({ "jwks_uri": null })),
        ("keys on a private network", json!({ "jwks_uri": "https://10.0.0.1/jwks" })),
        ("tokens on a private network", json!({ "token_endpoint": "https://169.254.169.254/token" })),
        ("no token endpoint", json!({ "token_endpoint": null })),
    ] {
        refused_with(&app, &up, why, 400, |behaviour| behaviour.metadata = metadata).await;
    }
    let discovery = "/.well-known/openid-configuration";
    for path in [discovery, "/jwks"] {
        for (answer, status) in [
            (Instead::Html, 400),
            (Instead::Status(500), 503),
            (Instead::Status(404), 400),
            (Instead::Huge, 400),
            (Instead::Json(200, json!([])), 400),
            (Instead::Redirect(format!("{}/elsewhere", up.issuer)), 400),
            (Instead::Redirect("http://10.0.0.1/".to_owned()), 400),
        ] {
            let why = format!("{path} {answer:?}");
            refused_with(&app, &up, &why, status, |behaviour| drop(behaviour.instead.insert(path.to_owned(), answer))).await;
        }
    }
    let begun = Instant::now();
    refused_with(&app, &up, "hangs", 503, |behaviour| drop(behaviour.instead.insert("/jwks".to_owned(), Instead::Hang))).await;
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    app.ignore_mail();
}

/// RL-23: after three failures the provider is left alone for half a minute; its button says so and the other ways stay.
#[tokio::test]
async fn a_provider_that_is_down() {
    let app = house(&[]).await;
    let up = Upstream::connected(&app, "corp", Kind::Oidc, Changes::default()).await;
    let other = Upstream::connected(&app, "hub", Kind::Oidc, Changes::default()).await;
    // What a browser brings says nothing of the provider: anybody could have written it.
    up.will(|behaviour| behaviour.answer = json!({ "code": null, "error": "server_error" }));
    for _ in 0..4 {
        assert_eq!(come(&app, &up).await.1.status, 503);
    }
    up.mend();
    let page = Browser::new().visit(&app.url("/sign-in")).await;
    assert!(page.attributes("#upstream-corp", "disabled").is_empty());
    up.forgotten(&app, "corp").await;
    let discovery = "/.well-known/openid-configuration".to_owned();
    up.will(|behaviour| drop(behaviour.instead.insert(discovery.clone(), Instead::Status(502))));
    for _ in 0..3 {
        let (_, page) = come(&app, &up).await;
        assert_eq!((page.status, page.text("h1").as_str()), (503, "Up corp isn’t answering"));
        assert!(page.header("retry-after").is_some());
    }
    let asked = up.heard(&discovery).len();
    let mut browser = Browser::new();
    let page = browser.visit(&app.url("/sign-in")).await;
    assert_eq!(page.attributes("#upstream-corp", "disabled").len(), 1, "{}", page.body);
    assert!(page.text("#upstream-corp-down").contains("isn’t answering"));
    assert!(page.has("sign-in"), "the password stays");
    let (_, refused) = come(&app, &up).await;
    assert_eq!((refused.status, up.heard(&discovery).len()), (503, asked), "nobody waits for it");
    assert!(is_in(&other.sign_in(&mut browser, &page, "hub").await), "the others are not touched");
    up.mend();
    app.clock.advance(30);
    up.says(json!({ "sub": "b", "email": "b@example.com", "email_verified": true }));
    assert!(is_in(&come(&app, &up).await.1), "it is tried again");
    app.ignore_mail();
}

/// FE-14: a new key is fetched when a token names it, and unknown ones cost one fetch a minute at most.
#[tokio::test]
async fn keys_rotate() {
    let app = house(&[]).await;
    let up = Upstream::connected(&app, "corp", Kind::Oidc, Changes::default()).await;
    assert!(is_in(&come(&app, &up).await.1));
    assert_eq!(up.heard("/jwks").len(), 1);
    assert!(is_in(&come(&app, &up).await.1));
    assert_eq!((up.heard("/jwks").len(), up.heard("/.well-known/openid-configuration").len()), (1, 1), "kept");
    up.will(|behaviour| behaviour.signature = Signature::NewKey);
    assert!(is_in(&come(&app, &up).await.1));
    assert_eq!(up.heard("/jwks").len(), 2);
    up.will(|behaviour| behaviour.signature = Signature::UnknownKey);
    for _ in 0..5 {
        assert_eq!(come(&app, &up).await.1.status, 400);
    }
    assert_eq!(up.heard("/jwks").len(), 2, "not within the minute");
    app.clock.advance(60);
    assert_eq!(come(&app, &up).await.1.status, 400);
    assert_eq!(up.heard("/jwks").len(), 3);
    // An hour later everything is fetched again; what is known goes on while the provider is silent.
    up.will(|behaviour| behaviour.signature = Signature::Right);
    app.clock.advance(3600);
    let discovery = "/.well-known/openid-configuration";
    up.will(|behaviour| drop(behaviour.instead.insert(discovery.to_owned(), Instead::Hang)));
    let begun = Instant::now();
    let (_, page) = come(&app, &up).await;
    assert!(is_in(&page), "{} {}", page.status, page.body);
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    up.mend();
    app.clock.advance(60);
    let asked = up.heard(discovery).len();
    assert!(is_in(&come(&app, &up).await.1));
    assert_eq!(up.heard(discovery).len(), asked + 1);
    app.ignore_mail();
}

/// FE-16: only addresses of the operator's domains come in, exactly; an address that is not proved is none.
#[tokio::test]
async fn domains() {
    let app = house(&[]).await;
    let changes = Changes { domains: Some(vec!["corp.test".to_owned()]), ..Changes::default() };
    let up = Upstream::connected(&app, "corp", Kind::Oidc, changes).await;
    let before = app.rows().await;
    for address in [
        "a@evil.test@corp.test",
        "a@corp.test.evil.test",
        "a@evil-corp.test",
        "a@sub.corp.test",
        "a@c\u{43e}rp.test",
        "a@evil.test",
        "\"a@corp.test\"@evil.test",
    ] {
        up.says(json!({ "sub": "x", "email": address, "email_verified": true }));
        let (browser, page) = come(&app, &up).await;
        assert!(!is_in(&page) && browser.cookie("session").is_none(), "{address}");
        app.untouched(&before, address).await;
    }
    up.says(json!({ "sub": "x", "email": "a@corp.test", "email_verified": false }));
    let (mut browser, page) = come(&app, &up).await;
    assert!(page.url.path().starts_with("/give-address/"));
    let elsewhere = browser.submit(&page, "send", &[("username", "a@evil.test")]).await;
    assert_eq!(elsewhere.status, 400, "{}", elsewhere.body);
    let waiting = browser.submit(&page, "send", &[("username", "x@corp.test")]).await;
    let code = app.mail().one("x@corp.test").await.code();
    assert!(is_in(&browser.submit(&waiting, "verify", &[("code", &code)]).await));
    assert!(is_in(&come(&app, &up).await.1), "what they proved here counts from then on");
    for address in ["b@corp.test", "c@CORP.TEST "] {
        up.says(json!({ "sub": address, "email": address, "email_verified": true }));
        assert!(is_in(&come(&app, &up).await.1), "{address}");
    }
    app.ignore_mail();
}

/// FE-19: a picture that is script is not stored, and a name with markup is a text on every page.
#[tokio::test]
async fn a_profile_that_bites() {
    let app = house(&[]).await;
    let up = Upstream::connected(&app, "corp", Kind::Oidc, Changes::default()).await;
    up.says(json!({
        "sub": "x", "email": "x@example.com", "email_verified": true, "name": "<img src=x onerror=alert(1)>",
        "picture": "javascript:alert(1)", "profile": "http://127.0.0.1/", "role": "admin",
    }));
    let (_, page) = come(&app, &up).await;
    assert!(is_in(&page) && page.body.contains("&#60;img src=x") || page.body.contains("&lt;img src=x"), "{}", page.body);
    assert!(!page.body.contains("<img src=x"));
    let stored = app.count("SELECT COUNT(*) FROM users WHERE claims LIKE '%javascript%' OR claims LIKE '%admin%'").await;
    assert_eq!(stored, 0);
    app.ignore_mail();
}

/// Decision 11: an answer by POST decides nothing; the browser comes again with its cookies. Another site can post what it likes.
#[tokio::test]
async fn an_answer_by_post() {
    let app = house(&[]).await;
    let up = Upstream::connected(&app, "corp", Kind::Oidc, Changes::default()).await;
    let mut browser = Browser::new();
    let page = browser.visit(&app.url("/sign-in")).await;
    let leaving = browser.press(&page, "upstream-corp", &[]).await;
    let callback = url::Url::parse(&up.answer_of(&mut browser, &leaving).await).unwrap();
    let pairs: Vec<(String, String)> = callback.query_pairs().into_owned().collect();
    let fields: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let address = app.url("/upstream/corp/callback");
    let nonsense = browser.post(Initiator::Site("https://evil.test"), &address, &[("state", "x"), ("code", "y")]).await;
    assert_eq!(nonsense.status, 400);
    let kept = browser.post(Initiator::Site(&up.issuer), &address, &fields).await;
    assert_eq!(kept.status, 303, "{}", kept.body);
    assert!(browser.cookie("session").is_none());
    let location = kept.location().unwrap().to_string();
    assert!(!location.contains("code="), "the code stays out of addresses: {location}");
    // The first answer stays, whatever comes after it.
    let second =
        browser.post(Initiator::Site("https://evil.test"), &address, &[("state", fields_state(&fields)), ("code", "y")]).await;
    assert_eq!(second.status, 400);
    assert!(is_in(&browser.visit_from(&up.issuer, &location).await));
    app.ignore_mail();
}

fn fields_state<'a>(fields: &[(&'a str, &'a str)]) -> &'a str {
    fields.iter().find(|(name, _)| *name == "state").unwrap().1
}

/// What the app asked for is asked of the provider as well, and a proof that is too old is not enough.
#[tokio::test]
async fn prompt_and_max_age_travel() {
    let app = house(&[]).await;
    let up = Upstream::connected(&app, "corp", Kind::Oidc, Changes::default()).await;
    let rp = crate::support::Rp::web(&app, "web").await;
    let mut browser = Browser::new();
    let page = browser.visit(&rp.begin(&rp.flow())).await;
    let consent = up.sign_in(&mut browser, &page, "corp").await;
    browser.submit(&consent, "allow", &[]).await;
    let now = app.clock.now().unix();
    for (name, value) in [("prompt", "login"), ("max_age", "0")] {
        up.will(|behaviour| behaviour.claims = json!({ "auth_time": now - 3600 }));
        let page = browser.visit(&rp.begin(&rp.flow().with(name, value))).await;
        let refused = up.sign_in(&mut browser, &page, "corp").await;
        assert!(refused.has("confirm-first"), "{name}: {}", refused.body);
        let sent = up.heard("/authorize").last().unwrap().fields.clone();
        assert_eq!((sent["prompt"].as_str(), sent["max_age"].as_str()), ("login", "0"), "{name}");
        up.mend();
        let page = browser.visit(&rp.begin(&rp.flow().with(name, value))).await;
        let back = up.sign_in(&mut browser, &page, "corp").await;
        assert!(back.leaves_for(crate::support::CALLBACK), "{name}: {} {}", back.status, back.body);
    }
    app.ignore_mail();
}

/// RL-23: many people in the middle of a sign-in whose provider hangs hold up nobody else, and hear of it within five seconds.
#[tokio::test]
async fn who_waits_holds_up_nobody() {
    let app = house(&[]).await;
    let up = Upstream::connected(&app, "corp", Kind::Oidc, Changes::default()).await;
    let other = Upstream::connected(&app, "hub", Kind::Oidc, Changes::default()).await;
    let mut ready = Vec::new();
    for _ in 0..100 {
        let mut browser = Browser::new();
        let page = browser.visit(&app.url("/sign-in")).await;
        let leaving = browser.press(&page, "upstream-corp", &[]).await;
        let callback = up.answer_of(&mut browser, &leaving).await;
        ready.push((browser, callback));
    }
    up.will(|behaviour| drop(behaviour.instead.insert("/token".to_owned(), Instead::Hang)));
    let mut waiting = tokio::task::JoinSet::new();
    for (mut browser, callback) in ready {
        let issuer = up.issuer.clone();
        waiting.spawn(async move {
            let begun = Instant::now();
            (browser.visit_from(&issuer, &callback).await.status, begun.elapsed())
        });
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let begun = Instant::now();
    let mut browser = Browser::new();
    let page = browser.visit(&app.url("/sign-in")).await;
    assert!(is_in(&other.sign_in(&mut browser, &page, "hub").await), "another provider");
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    for (status, took) in waiting.join_all().await {
        assert_eq!(status, 503);
        assert!(took < Duration::from_secs(8), "{took:?}");
    }
    app.ignore_mail();
}

/// Only members of the operator's groups come in, by the claim that is mapped to `groups`; how strong the proof is to be travels only
/// where the operator counts it.
#[tokio::test]
async fn groups_and_levels() {
    let app = house(&[]).await;
    let changes = Changes {
        groups: Some(vec!["staff".to_owned()]),
        mapping: Some(vec!["groups=realm_access.roles,groups".to_owned()]),
        ..Changes::default()
    };
    let up = Upstream::connected(&app, "corp", Kind::Keycloak, changes).await;
    let before = app.rows().await;
    let said = |groups: serde_json::Value| json!({ "sub": "a", "email": "a@example.com", "email_verified": true, "realm_access": { "roles": groups } });
    for groups in [json!(["Staff"]), json!([]), json!("staff"), json!({ "staff": true }), json!([["staff"]])] {
        up.says(said(groups.clone()));
        assert_eq!(come(&app, &up).await.1.status, 403, "{groups}");
        app.untouched(&before, "groups").await;
    }
    up.says(said(json!(["users", "staff"])));
    assert!(is_in(&come(&app, &up).await.1));
    let counting = Changes { second_factor: Some(vouchsafe::federation::Switch::On), ..Changes::default() };
    let counted = Upstream::connected(&app, "counted", Kind::Oidc, counting).await;
    let rp = crate::support::Rp::web(&app, "web").await;
    let claims = json!({ "id_token": { "acr": { "values": ["aal2"] } } }).to_string();
    for (id, up, expected) in [("corp", &up, None), ("counted", &counted, Some("aal2"))] {
        let mut browser = Browser::new();
        let page = browser.visit(&rp.begin(&rp.flow().with("claims", &claims))).await;
        up.sign_in(&mut browser, &page, id).await;
        assert_eq!(up.heard("/authorize").last().unwrap().fields.get("acr_values").map(String::as_str), expected);
    }
    app.ignore_mail();
}
