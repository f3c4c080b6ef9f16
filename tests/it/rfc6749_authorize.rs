//! The authorization endpoint's border: what is a page, what goes to the client, and what changes nothing.

use vouchsafe::admin::clients::Changes;
use vouchsafe::oauth::PkcePolicy;

use crate::support::app::PASSWORD;
use crate::support::{Browser, CALLBACK, Initiator, Rp, TestApp};

/// Signs ana in at `rp` once, so that only the request under test decides.
async fn known(app: &TestApp, rp: &Rp) -> Browser {
    app.person("ana").await;
    let mut browser = Browser::new();
    rp.code(&mut browser, "ana").await;
    browser
}

/// Protects the redirect (AZ-01, AZ-02, RFC 9700 section 4.1): only the byte-identical registered address is sent to; every
/// neighbour is a page without `Location`, and no grant or code comes of it.
#[tokio::test]
async fn only_the_registered_address() {
    let app = TestApp::start().await;
    let rp = Rp::web(&app, "web").await;
    let mut browser = known(&app, &rp).await;
    let before = app.rows().await;
    let neighbours = [
        "https://evil.test/cb",
        "https://app.test.evil.test/cb",
        "https://app.test@evil.test/cb",
        "https://a@b@app.test/cb",
        "https://evil.test\\@app.test/cb",
        "https://app.test\\cb",
        "https://app.test/cb/../x",
        "https://app.test/%2e%2e/cb",
        "https://app.test/cb/..;/cb",
        "https://app.test//cb",
        "//app.test/cb",
        "https://app.test:443/cb",
        "https://app.test./cb",
        "HTTPS://app.test/cb",
        "https://APP.test/cb",
        "https://app.test/CB",
        "https://app.test/cb/",
        "https://app.test/cb?x",
        "https://app.test/cb?",
        "https://app.test/cb#",
        "https://app.test/cb#x",
        "https://app.test/cb%20",
        "https://app.test/cb ",
        " https://app.test/cb",
        "https://app.test/cb\t",
        "https://app.test/c\nb",
        "https://аpp.test/cb",
        "https://appXtest/cb",
        "https://app.test/%63b",
        "https://app.test/%2563b",
        "http://app.test/cb",
        "ftp://app.test/cb",
        "javascript:alert(1)",
        "data:text/html,x",
        "https://app.test",
        "https://app.test/",
        "/cb",
        "cb",
        "https:app.test/cb",
        "https:/app.test/cb",
        "https://app.test/cb;x",
        "https://app.test/cb%23",
        "https://user@app.test/cb",
        "https://app.test/cb,https://evil.test",
    ];
    assert!(neighbours.len() >= 40);
    for sent in neighbours {
        let page = browser.get(&rp.begin(&rp.flow().with("redirect_uri", sent))).await;
        assert_eq!((page.status, page.location()), (400, None), "{sent}");
        assert!(page.has("error-page"), "{sent}");
        assert_eq!(page.header("cache-control"), Some("no-store"));
        // An address leaves one row a minute.
        app.clock.advance(60);
    }
    assert_eq!(before.gained(&app.rows().await), Vec::<&str>::new());
    assert!(app.audited("redirect_mismatch").await >= 40);
    let page = browser.get(&rp.begin(&rp.flow())).await;
    assert!(page.leaves_for(CALLBACK) && page.param("code").is_some());
}

/// Protects people from NUL, missing and doubled words (AZ-05, RFC 6749 section 3.1): a page, never a redirect.
#[tokio::test]
async fn nobody_to_answer() {
    let app = TestApp::start().await;
    let rp = Rp::web(&app, "web").await;
    let mut browser = known(&app, &rp).await;
    let good = rp.begin(&rp.flow());
    for bad in [
        rp.begin(&rp.flow().with("redirect_uri", "")),
        rp.begin(&rp.flow().with("client_id", "")),
        rp.begin(&rp.flow().with("client_id", "nobody")),
        format!("{good}&client_id=web"),
        format!("{good}&state=again"),
        format!("{good}&x=%00"),
        format!("{good}&x=%ff"),
        format!("{good}&x=%zz"),
    ] {
        let page = browser.get(&bad).await;
        assert_eq!((page.status, page.location()), (400, None), "{bad}");
    }
    assert!(browser.get(&good).await.leaves_for(CALLBACK));
}

/// Protects the rules that need no person (AZ-07, AZ-08, AZ-25, AZ-28): the client hears the registered error, with its state
/// and our issuer (AZ-19), and nothing changes.
#[tokio::test]
async fn the_client_hears_what_is_wrong() {
    let app = TestApp::start().await;
    let rp = Rp::public(&app, "spa").await;
    let mut browser = known(&app, &rp).await;
    let before = app.rows().await;
    let flow = || rp.flow();
    let long = "x".repeat(10_000);
    let cases = [
        ("invalid_request", flow().with("code_challenge", "").with("code_challenge_method", "")),
        ("invalid_request", flow().with("code_challenge_method", "plain")),
        ("invalid_request", flow().with("code_challenge_method", "")),
        ("invalid_request", flow().with("code_challenge", "short")),
        ("unsupported_response_type", flow().with("response_type", "token")),
        ("unsupported_response_type", flow().with("response_type", "id_token")),
        ("unsupported_response_type", flow().with("response_type", "code token")),
        ("unsupported_response_type", flow().with("response_type", "none")),
        ("invalid_request", flow().with("response_type", "")),
        ("invalid_request_object", flow().with("request", "e30.e30.")),
        ("invalid_request_uri", flow().with("request_uri", "http://127.0.0.1:9/x")),
        ("invalid_request", flow().with("response_mode", "web_message")),
        ("invalid_request", flow().with("response_mode", "query.jwt")),
        ("invalid_request", flow().with("prompt", "none login")),
        ("invalid_request", flow().with("prompt", "dance")),
        ("invalid_request", flow().with("max_age", "soon")),
        ("invalid_request", flow().with("max_age", "-1")),
        ("invalid_request", flow().with("claims", "{")),
        ("invalid_request", flow().with("id_token_hint", "e30.e30.x")),
        ("invalid_request", flow().with("nonce", &long[..3000])),
        ("invalid_scope", flow().with("scope", "admin")),
        ("invalid_target", flow().with("resource", "https://api.test/")),
    ];
    for (error, flow) in cases {
        let page = browser.get(&rp.begin(&flow)).await;
        let parameters =
            flow.0.iter().map(|(name, value)| format!("{name}={}", &value[..value.len().min(20)])).collect::<Vec<_>>();
        assert_eq!(page.param("error").as_deref(), Some(error), "{parameters:?} {:?}", page.location());
        assert_eq!(page.param("iss").as_deref(), Some(app.issuer.as_str()));
        assert_eq!(page.param("state").as_deref(), Some("a state"));
        assert!(page.param("code").is_none());
    }
    assert_eq!(before.changed(&app.rows().await), Vec::<&str>::new());
    let page = browser.get(&rp.begin(&flow().with("state", &"s".repeat(512)).with("nonce", &"n".repeat(512)))).await;
    assert_eq!(page.param("state").unwrap().len(), 512);
    assert!(page.param("code").is_some());
}

/// Protects the one exception (AZ-04, RFC 8252 section 7.3): the port of a loopback literal, and nothing else of it. Such a
/// client may be anybody, so consent is asked each time (AZ-16, decision 13).
#[tokio::test]
async fn the_port_of_a_loopback_address() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let rp = Rp::native(&app, "cli").await;
    let mut browser = Browser::new();
    let to = |address: &str| rp.flow().with("redirect_uri", address);
    for _ in 0..2 {
        let page = browser.visit(&rp.begin(&to("http://127.0.0.1:51234/cb"))).await;
        let page = match page.has("sign-in") {
            true => browser.submit(&page, "sign-in", &[("username", "ana@example.com"), ("password", PASSWORD)]).await,
            false => page,
        };
        assert!(page.has("allow"), "consent is asked at {}", page.url);
        let page = browser.submit(&page, "allow", &[]).await;
        assert!(page.leaves_for("http://127.0.0.1:51234/cb"));
    }
    for bad in [
        "http://localhost:51234/cb",
        "http://127.0.0.1:51234/other",
        "http://127.0.0.1:51234/cb?x",
        "https://127.0.0.1:51234/cb",
        "http://127.0.0.1.evil.test:51234/cb",
        "http://[::ffff:127.0.0.1]:51234/cb",
        "http://127.0.0.1:99999/cb",
        "http://127.1:5/cb",
    ] {
        assert_eq!(browser.get(&rp.begin(&to(bad))).await.status, 400, "{bad}");
    }
}

/// Protects the shown consent (AZ-10, AZ-17): what the form adds is not granted, and more is asked for again.
#[tokio::test]
async fn consent_is_for_what_was_shown() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let rp = Rp::web(&app, "web").await;
    let mut browser = Browser::new();
    let page = browser.visit(&rp.begin(&rp.flow().with("scope", "openid"))).await;
    let page = browser.submit(&page, "sign-in", &[("username", "ana@example.com"), ("password", PASSWORD)]).await;
    let form = page.form("allow");
    let mut fields: Vec<(&str, &str)> = form.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    fields.extend([("scope", "openid profile email"), ("client_id", "other"), ("redirect_uri", "https://evil.test/")]);
    let answer = browser.post(Initiator::SameOrigin, form.action.as_str(), &fields).await;
    assert_eq!(answer.status, 303);
    assert!(answer.leaves_for(CALLBACK));
    assert_eq!(rp.exchange(&answer.param("code").unwrap()).await.text("scope"), "openid");
    let silent = rp.flow().with("scope", "openid email").with("prompt", "none");
    let refused = browser.get(&rp.begin(&silent)).await;
    assert_eq!(refused.param("error").as_deref(), Some("consent_required"));
    let page = browser.visit(&rp.begin(&rp.flow().with("scope", "openid email"))).await;
    assert!(page.has("allow"));
    let answer = browser.submit(&page, "allow", &[]).await;
    assert!(answer.param("code").is_some());
    assert!(browser.get(&rp.begin(&silent)).await.param("code").is_some());
}

/// Protects a POST from another site (decision 11): it keeps the session, because it becomes a GET of ours.
#[tokio::test]
async fn a_post_is_as_good_as_a_get() {
    let app = TestApp::start().await;
    let rp = Rp::web(&app, "web").await;
    let mut browser = known(&app, &rp).await;
    let flow = rp.flow();
    let fields: Vec<(&str, &str)> = flow.0.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let first = browser.post(Initiator::Site("https://app.test"), &app.url("/authorize"), &fields).await;
    assert_eq!(first.status, 303);
    let answer = browser.follow(first).await;
    assert!(answer.leaves_for(CALLBACK) && answer.param("code").is_some());
}

/// Protects the answer by form_post (AZ-14): hostile values stay text, and no redirect carries them.
#[tokio::test]
async fn form_post_is_inert() {
    let app = TestApp::start().await;
    let rp = Rp::web(&app, "web").await;
    let mut browser = known(&app, &rp).await;
    let state = "\"/><script>alert(1)</script></form>'&amp;";
    let page = browser.get(&rp.begin(&rp.flow().with("response_mode", "form_post").with("state", state))).await;
    assert_eq!(page.status, 200);
    let form = page.form("continue");
    assert_eq!(form.action.as_str(), CALLBACK);
    assert_eq!(form.get("state"), Some(state));
    assert!(form.get("code").is_some() && form.get("iss").is_some());
    assert!(!page.body.contains("<script>alert"));
}

/// Protects a registered query (RFC 6749 section 3.1.2): it stays, and ours is added.
#[tokio::test]
async fn a_registered_query_stays() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let about = Changes {
        redirect_uris: Some(vec!["https://app.test/cb?tenant=1&x=a%20b".to_owned()]),
        pkce: Some(PkcePolicy::Optional),
        ..Changes::default()
    };
    let rp = Rp::of(&app, &app.client("web", about).await);
    let flow = rp.flow().with("redirect_uri", "https://app.test/cb?tenant=1&x=a%20b");
    let page = rp.go(&mut Browser::new(), "ana", &flow).await;
    let location = page.location().unwrap();
    assert!(location.as_str().starts_with("https://app.test/cb?tenant=1&x=a%20b&code="), "{location}");
    let mut browser = Browser::new();
    assert_eq!(browser.get(&rp.begin(&rp.flow().with("redirect_uri", "https://app.test/cb?tenant=2"))).await.status, 400);
}

/// Protects whoever signs in later in the same browser: a consent page that was shown to somebody else decides nothing.
#[tokio::test]
async fn consent_is_for_who_saw_it() {
    let app = TestApp::start().await;
    app.person("ana").await;
    app.person("bob").await;
    let rp = Rp::web(&app, "web").await;
    let mut browser = Browser::new();
    let page = browser.visit(&rp.begin(&rp.flow())).await;
    let anas = browser.submit(&page, "sign-in", &[("username", "ana@example.com"), ("password", PASSWORD)]).await;
    assert!(anas.has("allow"));
    let other = browser.visit(&rp.begin(&rp.flow().with("prompt", "login"))).await;
    let bobs = browser.submit(&other, "sign-in", &[("username", "bob@example.com"), ("password", PASSWORD)]).await;
    assert!(bobs.has("allow"));
    let before = app.rows().await;
    let answer = browser.submit(&anas, "allow", &[]).await;
    assert!(answer.location().is_none(), "{:?}", answer.location());
    assert_eq!(before.changed(&app.rows().await), Vec::<&str>::new());
    assert!(browser.submit(&bobs, "allow", &[]).await.param("code").is_some());
}
