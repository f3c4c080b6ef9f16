//! What goes wrong at the edges of signing in by another provider: signing out, rows of strangers, names of domains, addresses of pages; and
//! the same bad answers for GitHub's kind as for OpenID Connect.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vouchsafe::admin::upstreams::{self, Changes};
use vouchsafe::base::Secret;
use vouchsafe::federation::{Kind, Switch};
use vouchsafe::store::sql;

use crate::support::upstream::{Instead, Upstream, house};
use crate::support::{Browser, Page, Rp, TestApp};

const ATTEMPTS: &str = "SELECT COUNT(*) FROM upstream_attempts";

async fn leave(app: &TestApp, browser: &mut Browser, id: &str) -> Page {
    let page = browser.visit(&app.url("/sign-in")).await;
    browser.press(&page, &format!("upstream-{id}"), &[]).await
}

async fn come(app: &TestApp, up: &Upstream, id: &str) -> (Browser, Page) {
    let mut browser = Browser::new();
    let leaving = leave(app, &mut browser, id).await;
    let page = up.pass(&mut browser, &leaving).await;
    (browser, page)
}

fn is_in(page: &Page) -> bool {
    page.url.path().ends_with("/account")
}

/// Somebody who came by this provider to an app, and the address by which the app signs them out.
async fn at_an_app(app: &TestApp, rp: &Rp, up: &Upstream) -> (Browser, String) {
    let mut browser = Browser::new();
    let page = browser.visit(&rp.begin(&rp.flow())).await;
    let page = up.sign_in(&mut browser, &page, "corp").await;
    let back = if page.has("allow") { browser.submit(&page, "allow", &[]).await } else { page };
    let hint = rp.exchange(&back.param("code").unwrap()).await.text("id_token");
    let query = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", "https://app.test/bye"), ("state", "x")];
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
    (browser, app.url(&format!("/end_session?{query}")))
}

async fn is_signed_in(app: &TestApp, browser: &mut Browser) -> bool {
    browser.get(&app.url("/account")).await.status == 200
}

/// RP-Initiated Logout section 2: wherever the provider says that people sign out, they are signed out here, and go back to the app if there
/// is no such place.
#[tokio::test]
async fn signing_out_does_not_need_the_provider() {
    let app = house(&[]).await;
    let up = Upstream::connected(&app, "corp", Kind::Oidc, Changes { sign_out: Some(Switch::On), ..Changes::default() }).await;
    let rp = Rp::web(&app, "web").await;
    let bye = "https://app.test/bye?state=x";
    for (endpoint, goes_there) in [
        (json!(format!("{}/logout", up.issuer)), true),
        (json!(format!("{}/logout?tenant=a", up.issuer)), true),
        (json!(null), false),
        (json!(7), false),
        (json!(["https://evil.test/"]), false),
        (json!(""), false),
        (json!("/logout"), false),
        (json!("javascript:alert(1)"), false),
        (json!("data:text/html,x"), false),
        (json!("https://me:secret@evil.test/logout"), false),
    ] {
        up.will(|behaviour| behaviour.metadata = json!({ "end_session_endpoint": endpoint }));
        up.forgotten(&app, "corp").await;
        let (mut browser, address) = at_an_app(&app, &rp, &up).await;
        let leaving = browser.visit(&address).await;
        assert!(!is_signed_in(&app, &mut browser).await, "{endpoint}");
        let there = leaving.location().unwrap().to_string();
        assert_eq!(there.starts_with(&format!("{}/logout?", up.issuer)), goes_there, "{endpoint}: {there}");
        if goes_there {
            assert!(there.contains("id_token_hint=") && there.contains("client_id=our-id-there"), "{there}");
            assert_eq!(endpoint.as_str().unwrap().contains("tenant=a"), there.contains("tenant=a"), "{there}");
        } else {
            assert_eq!(there, bye, "{endpoint}");
        }
    }
    up.mend();
    for silence in [Instead::Status(500), Instead::Html, Instead::Hang] {
        let (mut browser, address) = at_an_app(&app, &rp, &up).await;
        up.forgotten(&app, "corp").await;
        up.will(|behaviour| drop(behaviour.instead.insert("/.well-known/openid-configuration".to_owned(), silence.clone())));
        let mut impatient = browser.clone();
        if let Instead::Hang = silence {
            // A browser that does not wait for the provider is signed out all the same.
            assert!(tokio::time::timeout(Duration::from_millis(700), impatient.visit(&address)).await.is_err());
            assert!(!is_signed_in(&app, &mut browser).await, "{silence:?}");
        } else {
            let leaving = browser.visit(&address).await;
            assert_eq!(leaving.location().map(String::from).as_deref(), Some(bye), "{silence:?}");
            assert!(!is_signed_in(&app, &mut browser).await, "{silence:?}");
        }
        up.mend();
    }
    app.ignore_mail();
}

/// An ID token that was not kept, or cannot be opened any more, keeps nobody signed in: the hint is left out (section 2 recommends it).
#[tokio::test]
async fn signing_out_without_a_hint() {
    let app = house(&[]).await;
    let up = Upstream::connected(&app, "corp", Kind::Oidc, Changes { sign_out: Some(Switch::On), ..Changes::default() }).await;
    let rp = Rp::web(&app, "web").await;
    for kept in
        ["UPDATE upstream_sessions SET sealed_id_token = NULL", "UPDATE upstream_sessions SET sealed_id_token = 'v1.x.y.z'"]
    {
        let (mut browser, address) = at_an_app(&app, &rp, &up).await;
        app.provider.db.write(async move |tx| tx.execute(sql(kept)).await).await.unwrap();
        let there = browser.visit(&address).await.location().unwrap().to_string();
        assert!(there.starts_with(&format!("{}/logout?client_id=our-id-there&", up.issuer)), "{kept}: {there}");
        assert!(!there.contains("id_token_hint") && !is_signed_in(&app, &mut browser).await, "{kept}: {there}");
        let state = url::Url::parse(&there).unwrap().query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
        let onward = browser.visit_from(&up.issuer, &format!("{}?state={state}", app.url("/signed-out"))).await;
        assert_eq!(onward.location().unwrap().as_str(), "https://app.test/bye?state=x");
    }
    app.ignore_mail();
}

/// DO-07: strangers make a bounded number of rows by going to a provider again and again, from one page or from many, and the rows go.
#[tokio::test]
async fn attempts_are_bounded() {
    let app = house(&[("LIMITS__VISITS_PER_HOUR", "10")]).await;
    let up = Upstream::connected(&app, "corp", Kind::Oidc, Changes::default()).await;
    let mut browser = Browser::new();
    let page = browser.visit(&app.url("/sign-in")).await;
    let mut refused = 0;
    for _ in 0..30 {
        let leaving = browser.press(&page, "upstream-corp", &[]).await;
        refused += u32::from(leaving.status == 429);
        assert!(leaving.status == 429 || leaving.location().is_some(), "{}", leaving.status);
    }
    assert_eq!((app.count(ATTEMPTS).await, refused), (10, 20));
    let mut other = Browser::new();
    assert_eq!(leave(&app, &mut other, "corp").await.status, 429, "another browser at the same address");
    app.clock.advance(360);
    let leaving = browser.press(&page, "upstream-corp", &[]).await;
    assert!(is_in(&up.pass(&mut browser, &leaving).await));
    let before = app.clock.now().plus(1801);
    vouchsafe::endpoints::upstreams::sweep(&app.provider, before).await.unwrap();
    assert_eq!(app.count(ATTEMPTS).await, 0);
    app.ignore_mail();
}

/// One browser, or one person, begins a hundred an hour, and holds up nobody else.
#[tokio::test]
async fn one_browser_begins_so_many() {
    let app = house(&[]).await;
    let up = Upstream::connected(&app, "corp", Kind::Oidc, Changes::default()).await;
    let mut browser = Browser::new();
    let page = browser.visit(&app.url("/sign-in")).await;
    for at in 0..103 {
        let leaving = browser.press(&page, "upstream-corp", &[]).await;
        assert_eq!(leaving.status == 429, at >= 100, "{at}");
    }
    assert_eq!(app.count(ATTEMPTS).await, 100);
    assert!(is_in(&come(&app, &up, "corp").await.1), "somebody else");
    app.clock.advance(36);
    let leaving = browser.press(&page, "upstream-corp", &[]).await;
    assert!(leaving.location().is_some(), "it flows back");
    app.ignore_mail();
}

/// FE-16: a domain is compared in A-labels, however the operator wrote it and the provider writes the address.
#[tokio::test]
async fn domains_beyond_ascii() {
    let app = house(&[]).await;
    let typed = ["B\u{dc}CHER.example", " xn--caf-dma.example "].map(str::to_owned).to_vec();
    let up = Upstream::connected(&app, "corp", Kind::Oidc, Changes { domains: Some(typed), ..Changes::default() }).await;
    assert_eq!(upstreams::show(app.desk(), "corp").await.unwrap().0.domains, ["xn--bcher-kva.example", "xn--caf-dma.example"]);
    for (at, (domain, status)) in [
        ("b\u{fc}cher.example", 200),
        ("xn--bcher-kva.example", 200),
        ("XN--BCHER-KVA.example", 200),
        ("caf\u{e9}.example", 200),
        ("bucher.example", 403),
        ("sub.b\u{fc}cher.example", 403),
        ("b\u{fc}\u{441}her.example", 403),
    ]
    .into_iter()
    .enumerate()
    {
        up.says(json!({ "sub": domain, "email": format!("p{at}@{domain}"), "email_verified": true }));
        assert_eq!(come(&app, &up, "corp").await.1.status, status, "{domain}");
    }
    // What an older version stored as it was typed means the same.
    let old = "UPDATE upstreams SET definition = REPLACE(definition, 'xn--caf-dma.example', 'caf\u{e9}.example')";
    app.provider.db.write(async move |tx| tx.execute(sql(old)).await).await.unwrap();
    up.forgotten(&app, "corp").await;
    up.says(json!({ "sub": "old", "email": "old@caf\u{e9}.example", "email_verified": true }));
    assert!(is_in(&come(&app, &up, "corp").await.1));
    for bad in ["", "@corp.test", "corp.test.", "a b", "corp..test", "127.0.0.1", "https://corp.test"] {
        let changes = Changes { domains: Some(vec![bad.to_owned()]), ..Changes::default() };
        let refusal = upstreams::edit(app.desk(), "corp", &changes).await.err().map(|refusal| refusal.to_string());
        assert!(refusal.as_deref().is_some_and(|words| words.contains("domain")), "{bad}: {refusal:?}");
    }
    app.ignore_mail();
}

/// An issuer is plain (Discovery section 3), and the operator hears which setting is wrong and why.
#[tokio::test]
async fn issuers_are_plain() {
    let app = house(&[]).await;
    let with = |issuer: &str| Changes {
        kind: Some(Kind::Oidc),
        issuer: Some(issuer.to_owned()),
        client_id: Some("id".to_owned()),
        secret: Some(Secret::new("secret".to_owned())),
        ..Changes::default()
    };
    let before = app.rows().await;
    for (issuer, why) in [
        ("https://me:secret@login.example.com", "a name or a password"),
        ("https://me@login.example.com", "a name or a password"),
        ("https://:secret@login.example.com", "a name or a password"),
        ("https://@login.example.com", "a name or a password"),
        ("https://login.example.com?x=1", "a query or a fragment"),
        ("https://login.example.com/?", "a query or a fragment"),
        ("https://login.example.com/#top", "a query or a fragment"),
        ("https://login.example.com/#", "a query or a fragment"),
        ("http://login.example.com", "https URL"),
        (" https://login.example.com", "https URL"),
        ("https://login.example.com/\n", "https URL"),
        ("javascript:alert(1)", "https URL"),
        ("login.example.com", "https URL"),
    ] {
        let refusal = upstreams::add(app.desk(), "a", &with(issuer)).await.err().map(|refusal| refusal.to_string());
        let refusal = refusal.unwrap_or_else(|| panic!("{issuer} is taken"));
        assert!(refusal.contains("issuer") && refusal.contains(why), "{issuer}: {refusal}");
        assert!(!refusal.contains("me:secret"), "{refusal}");
        app.untouched(&before, issuer).await;
    }
    upstreams::add(app.desk(), "a", &with("https://login.example.com/tenant/")).await.unwrap();
}

/// The address of an answer holds a code: its page tells nobody, by no header, link or form.
#[tokio::test]
async fn the_page_of_a_bad_answer_keeps_its_address() {
    let app = house(&[]).await;
    let up = Upstream::connected(&app, "corp", Kind::Oidc, Changes::default()).await;
    assert!(is_in(&come(&app, &up, "corp").await.1));
    let mut browser = Browser::new();
    let leaving = leave(&app, &mut browser, "corp").await;
    let callback = url::Url::parse(&up.answer_of(&mut browser, &leaving).await).unwrap();
    let said: Vec<String> =
        callback.query_pairs().filter(|(n, _)| n == "code" || n == "state").map(|(_, v)| v.into_owned()).collect();
    assert_eq!(said.len(), 2);
    up.will(|behaviour| behaviour.claims = json!({ "nonce": "another" }));
    for status in [400, 410] {
        let page = browser.visit_from(&up.issuer, callback.as_str()).await;
        assert_eq!((page.status, page.header("referrer-policy")), (status, Some("no-referrer")));
        assert!(said.iter().all(|secret| !page.body.contains(secret.as_str())), "{}", page.body);
    }
    let stranger = Browser::new().visit_from(&up.issuer, callback.as_str()).await;
    assert_eq!((stranger.status, stranger.header("referrer-policy")), (400, Some("no-referrer")));
    assert!(said.iter().all(|secret| !stranger.body.contains(secret.as_str())), "{}", stranger.body);
    assert_eq!(browser.visit(&app.url("/sign-in")).await.header("referrer-policy"), Some("same-origin"));
    app.ignore_mail();
}

/// FE-04, FE-11, RFC 9207 for GitHub's kind: a state is good once, in its browser, for its provider; no other issuer's answer is taken.
#[tokio::test]
async fn states_at_github() {
    let app = house(&[]).await;
    let up = Upstream::connected(&app, "hub", Kind::GitHub, Changes::default()).await;
    let evil = Upstream::connected(&app, "evil", Kind::Oidc, Changes::default()).await;
    let token = "/login/oauth/access_token";
    assert!(is_in(&come(&app, &up, "hub").await.1));
    let mut browser = Browser::new();
    let leaving = leave(&app, &mut browser, "hub").await;
    let callback = up.answer_of(&mut browser, &leaving).await;
    let told = up.heard(token).len();
    let state = url::Url::parse(&callback).unwrap().query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    let mut mallory = Browser::new();
    leave(&app, &mut mallory, "hub").await;
    for (why, address) in [
        ("a forged state", callback.replace(&state, &"A".repeat(43))),
        ("no state", callback.replace("state=", "other=")),
        ("the callback of another provider", callback.replace("/upstream/hub/", "/upstream/evil/")),
    ] {
        assert_eq!(browser.visit_from(&up.issuer, &address).await.status, 400, "{why}");
    }
    assert_eq!(mallory.visit_from(&up.issuer, &callback).await.status, 400, "another browser");
    assert_eq!((up.heard(token).len(), evil.heard("/token").len()), (told, 0), "no code went anywhere");
    assert!(is_in(&browser.visit_from(&up.issuer, &callback).await));
    assert_eq!(browser.visit_from(&up.issuer, &callback).await.status, 410);
    assert_eq!(up.heard(token).len(), told + 1);
    up.will(|behaviour| behaviour.answer = json!({ "iss": "https://evil.test" }));
    assert_eq!(come(&app, &up, "hub").await.1.status, 400);
    assert_eq!(up.heard(token).len(), told + 1);
    app.ignore_mail();
}

/// Errors in each form at GitHub, and answers that are none: nobody is signed in, nothing has changed, and nobody waits longer than five
/// seconds. Beside each stands the same way without the fault.
#[tokio::test]
async fn bad_answers_at_github() {
    let app = house(&[]).await;
    let up = Upstream::connected(&app, "hub", Kind::GitHub, Changes::default()).await;
    assert!(is_in(&come(&app, &up, "hub").await.1));
    let (token, user) = ("/login/oauth/access_token".to_owned(), "/api/v3/user".to_owned());
    let answers: Vec<(Value, u16)> = vec![
        (json!({ "code": null, "error": "access_denied" }), 400),
        (json!({ "code": null, "error": "redirect_uri_mismatch" }), 400),
        (json!({ "code": null, "error": "<script>alert(1)</script>" }), 400),
        (json!({ "code": null, "error": "temporarily_unavailable" }), 503),
        (json!({ "code": null }), 400),
        (json!({ "code": "a".repeat(257) }), 400),
    ];
    for (answer, status) in answers {
        let before = app.rows().await;
        up.will(|behaviour| behaviour.answer = answer.clone());
        let (browser, page) = come(&app, &up, "hub").await;
        assert_eq!(page.status, status, "{answer}: {}", page.body);
        assert!(browser.cookie("session").is_none() && !page.body.contains("alert"), "{answer}");
        app.untouched(&before, &answer.to_string()).await;
        up.mend();
        assert!(is_in(&come(&app, &up, "hub").await.1), "{answer}: the twin");
        up.forgotten(&app, "hub").await;
    }
    for (path, instead, status) in [
        (&token, Instead::Drip, 503),
        (&token, Instead::Huge, 400),
        (&token, Instead::Redirect("http://10.0.0.1/".to_owned()), 400),
        (&token, Instead::Json(200, json!({ "access_token": ["x"], "token_type": "bearer" })), 400),
        (&token, Instead::Json(200, json!({ "access_token": "x\r\ny: z", "token_type": "bearer" })), 400),
        (&user, Instead::Hang, 503),
        (&user, Instead::Redirect("https://169.254.169.254/".to_owned()), 400),
        (&user, Instead::Html, 400),
        (&user, Instead::Json(200, json!([])), 400),
        (&user, Instead::Status(429), 503),
    ] {
        let why = format!("{path} {instead:?}");
        up.forgotten(&app, "hub").await;
        let before = app.rows().await;
        up.will(|behaviour| drop(behaviour.instead.insert(path.clone(), instead)));
        let begun = Instant::now();
        let (browser, page) = come(&app, &up, "hub").await;
        assert_eq!(page.status, status, "{why}: {}", page.body);
        assert!(begun.elapsed() < Duration::from_secs(7), "{why}: {:?}", begun.elapsed());
        assert!(browser.cookie("session").is_none(), "{why}");
        app.untouched(&before, &why).await;
        up.mend();
        assert!(is_in(&come(&app, &up, "hub").await.1), "{why}: the twin");
    }
    app.ignore_mail();
}

/// FE-19 for GitHub's kind: a picture that is script, a name with markup, an address in a list, and two callbacks of one person at once.
#[tokio::test]
async fn people_at_github() {
    let app = house(&[]).await;
    let up = Upstream::connected(&app, "hub", Kind::GitHub, Changes::default()).await;
    up.will(|behaviour| {
        behaviour.user = json!({ "id": 9, "login": "x", "name": "<img src=x onerror=alert(1)>", "avatar_url": "javascript:alert(1)",
            "html_url": "javascript:alert(2)" });
        behaviour.emails = json!([{ "email": "x@example.com", "primary": true, "verified": true }]);
    });
    let mut ready = Vec::new();
    for _ in 0..2 {
        let mut browser = Browser::new();
        let leaving = leave(&app, &mut browser, "hub").await;
        let callback = up.answer_of(&mut browser, &leaving).await;
        ready.push((browser, callback));
    }
    let issuer = &up.issuer;
    let both = ready.into_iter().map(|(mut browser, callback)| async move { browser.visit_from(issuer, &callback).await });
    for page in futures_util::future::join_all(both).await {
        assert!(is_in(&page) && !page.body.contains("<img src=x") && !page.body.contains("javascript:"), "{}", page.body);
    }
    assert_eq!((app.count("SELECT COUNT(*) FROM users").await, app.count("SELECT COUNT(*) FROM identities").await), (1, 1));
    assert_eq!(app.count("SELECT COUNT(*) FROM users WHERE claims LIKE '%javascript%'").await, 0);
    for emails in [
        json!([{ "email": ["a@example.com"], "primary": true, "verified": true }]),
        json!({ "email": "a@example.com" }),
        json!([]),
    ] {
        up.will(|behaviour| {
            behaviour.user = json!({ "id": 10, "login": "y", "email": "a@example.com" });
            behaviour.emails = emails.clone();
        });
        let (_, page) = come(&app, &up, "hub").await;
        assert!(page.url.path().starts_with("/give-address/"), "{emails}: {} {}", page.url, page.body);
    }
    app.ignore_mail();
}

/// FE-13: a byte a second is no answer, wherever it comes from.
#[tokio::test]
async fn a_drip_is_no_answer() {
    let app = house(&[]).await;
    let up = Upstream::connected(&app, "corp", Kind::Oidc, Changes::default()).await;
    assert!(is_in(&come(&app, &up, "corp").await.1));
    for path in ["/token", "/jwks", "/.well-known/openid-configuration"] {
        up.forgotten(&app, "corp").await;
        up.will(|behaviour| drop(behaviour.instead.insert(path.to_owned(), Instead::Drip)));
        let begun = Instant::now();
        let mut browser = Browser::new();
        let leaving = leave(&app, &mut browser, "corp").await;
        let page = if leaving.location().is_some() { up.pass(&mut browser, &leaving).await } else { leaving };
        assert_eq!(page.status, 503, "{path}");
        assert!(begun.elapsed() < Duration::from_secs(7), "{path}: {:?}", begun.elapsed());
        up.mend();
        up.forgotten(&app, "corp").await;
        assert!(is_in(&come(&app, &up, "corp").await.1), "{path}: the twin");
    }
    app.ignore_mail();
}
