//! GitHub, Google, Apple and the wishes of apps and operators: where the buttons are, who goes straight through, whose second factor
//! counts, and signing out in both directions.

use serde_json::json;
use vouchsafe::admin::clients::Changes as ClientChanges;
use vouchsafe::admin::upstreams::{self, Changes};
use vouchsafe::base::{Random, Secret};
use vouchsafe::federation::{AppleKey, Kind, Switch, Visibility};
use vouchsafe::jose::{Alg, SigningKey};

use crate::support::app::{PASSWORD, Wish};
use crate::support::rp::claims;
use crate::support::upstream::{Instead, Signature, Upstream, house};
use crate::support::{Browser, CALLBACK, Page, Rp, TestApp};

async fn come(app: &TestApp, up: &Upstream, id: &str) -> (Browser, Page) {
    let mut browser = Browser::new();
    let page = browser.visit(&app.url("/sign-in")).await;
    let page = up.sign_in(&mut browser, &page, id).await;
    (browser, page)
}

fn is_in(page: &Page) -> bool {
    page.url.path().ends_with("/account")
}

/// GitHub: the numeric id, the primary address if it is proved, the profile under GitHub's names.
#[tokio::test]
async fn github() {
    let app = house(&[]).await;
    let hub = Upstream::connected(&app, "github", Kind::GitHub, Changes::default()).await;
    let (_, page) = come(&app, &hub, "github").await;
    assert!(is_in(&page), "{} {}", page.status, page.body);
    assert!(page.body.contains("Ana Hub") && page.body.contains("ana@example.com"), "{}", page.body);
    let asked = &hub.heard("/login/oauth/authorize")[0].fields;
    assert_eq!((asked["scope"].as_str(), asked["code_challenge_method"].as_str()), ("read:user user:email", "S256"));
    assert_eq!(app.count("SELECT COUNT(*) FROM identities WHERE subject = '4711'").await, 1);
    // Another login and address there: still the same person.
    hub.will(|behaviour| {
        behaviour.user = json!({ "id": 4711, "login": "renamed", "name": null });
        behaviour.emails = json!([{ "email": "new@example.com", "primary": true, "verified": true }]);
    });
    assert!(is_in(&come(&app, &hub, "github").await.1));
    assert_eq!(app.count("SELECT COUNT(*) FROM users").await, 1);
    // The name that somebody gave up, taken by another id: another person.
    hub.will(|behaviour| {
        behaviour.user = json!({ "id": 4712, "login": "ana" });
        behaviour.emails = json!([{ "email": "b@example.com", "primary": true, "verified": false }]);
    });
    let (_, page) = come(&app, &hub, "github").await;
    assert!(page.url.path().starts_with("/give-address/"), "an address that GitHub has not proved: {}", page.body);
    app.ignore_mail();
}

/// GitHub's errors come with 200, and its API may be anything.
#[tokio::test]
async fn github_errors() {
    let app = house(&[]).await;
    let hub = Upstream::connected(&app, "github", Kind::GitHub, Changes::default()).await;
    assert!(is_in(&come(&app, &hub, "github").await.1));
    let token = "/login/oauth/access_token";
    for (path, instead, status) in [
        (token, Instead::Json(200, json!({ "error": "bad_verification_code" })), 400),
        (token, Instead::Json(200, json!({ "error": "incorrect_client_credentials" })), 400),
        (token, Instead::Json(200, json!({ "access_token": "x" })), 400),
        (token, Instead::Html, 400),
        (token, Instead::Status(502), 503),
        ("/api/v3/user", Instead::Json(401, json!({ "message": "Bad credentials" })), 400),
        ("/api/v3/user", Instead::Json(200, json!({ "login": "ana" })), 400),
        ("/api/v3/user", Instead::Json(200, json!({ "id": "4711" })), 400),
        ("/api/v3/user", Instead::Json(200, json!({ "id": 0 })), 400),
        ("/api/v3/user/emails", Instead::Status(500), 503),
        ("/api/v3/user", Instead::Huge, 400),
    ] {
        hub.forgotten(&app, "github").await;
        let before = app.rows().await;
        let why = format!("{path} {instead:?}");
        hub.will(|behaviour| drop(behaviour.instead.insert(path.to_owned(), instead)));
        let (browser, page) = come(&app, &hub, "github").await;
        assert_eq!(page.status, status, "{why}: {}", page.body);
        assert!(browser.cookie("session").is_none(), "{why}");
        app.untouched(&before, &why).await;
        hub.mend();
        hub.forgotten(&app, "github").await;
        assert!(is_in(&come(&app, &hub, "github").await.1), "{why}: the twin");
    }
    app.ignore_mail();
}

/// GitHub: only members of an organisation, or of one of its teams.
#[tokio::test]
async fn github_organisations() {
    let app = house(&[]).await;
    for (id, wanted, is_member) in [("a", "ACME", true), ("b", "acme/dev", true), ("c", "acme/ops", false), ("d", "other", false)]
    {
        let changes = Changes { organisations: Some(vec![wanted.to_owned()]), ..Changes::default() };
        let hub = Upstream::connected(&app, id, Kind::GitHub, changes).await;
        hub.will(|behaviour| {
            behaviour.emails = json!([{ "email": format!("{id}@example.com"), "primary": true, "verified": true }]);
        });
        let (_, page) = come(&app, &hub, id).await;
        assert_eq!(is_in(&page), is_member, "{wanted}: {}", page.body);
        if !is_member {
            assert_eq!((page.status, page.text("h1").as_str()), (403, "This account can’t be used here"));
        }
        assert!(hub.heard("/login/oauth/authorize")[0].fields["scope"].contains("read:org"));
    }
    app.ignore_mail();
}

/// Google: the claim `hd` says whose account it is, never the address.
#[tokio::test]
async fn google_workspace() {
    let app = house(&[]).await;
    let changes = Changes { hosted_domain: Some("corp.test".to_owned()), ..Changes::default() };
    let up = Upstream::connected(&app, "google", Kind::Google, changes).await;
    let said = |hd: Option<&str>| json!({ "sub": "1", "email": "ana@corp.test", "email_verified": true, "hd": hd });
    for hd in [None, Some("evil.test"), Some("corp.test.evil.test"), Some("CORP.TEST")] {
        up.says(said(hd));
        assert_eq!(come(&app, &up, "google").await.1.status, 403, "{hd:?}");
    }
    up.says(said(Some("corp.test")));
    assert!(is_in(&come(&app, &up, "google").await.1));
    assert_eq!(up.heard("/authorize")[0].fields["hd"], "corp.test");
    app.ignore_mail();
}

/// Apple: a client secret that we sign, an answer by POST, a name beside it the first time only.
#[tokio::test]
async fn apple() {
    let app = house(&[]).await;
    let up = Upstream::start(&app).await;
    let key = SigningKey::generate(Alg::ES256, &Random::seeded(11)).unwrap();
    let der = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, key.pkcs8().expose());
    let changes = Changes {
        kind: Some(Kind::Apple),
        issuer: Some(up.issuer.clone()),
        client_id: Some("our-id-there".to_owned()),
        secret: Some(Secret::new(format!("-----BEGIN PRIVATE KEY-----\n{der}\n-----END PRIVATE KEY-----\n"))),
        apple: Some(AppleKey { team: "TEAM".to_owned(), key_id: "KEY".to_owned() }),
        ..Changes::default()
    };
    upstreams::add(app.desk(), "apple", &changes).await.unwrap();
    up.says(json!({ "sub": "1", "email": "ana@example.com", "email_verified": "true" }));
    up.will(|behaviour| behaviour.metadata = json!({ "token_endpoint_auth_methods_supported": ["client_secret_post"] }));
    let mut browser = Browser::new();
    let page = browser.visit(&app.url("/sign-in")).await;
    let leaving = browser.press(&page, "upstream-apple", &[]).await;
    let answer = url::Url::parse(&up.answer_of(&mut browser, &leaving).await).unwrap();
    assert_eq!(up.heard("/authorize")[0].fields["response_mode"], "form_post");
    let mut pairs: Vec<(String, String)> = answer.query_pairs().into_owned().collect();
    pairs.push(("user".to_owned(), json!({ "name": { "firstName": "Ana", "lastName": "Apple" } }).to_string()));
    let fields: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let origin = crate::support::Initiator::Site(&up.issuer);
    let kept = browser.post(origin, &app.url("/upstream/apple/callback"), &fields).await;
    // The fake one takes our plain secret only: what it was sent is looked at instead.
    browser.visit_from(&up.issuer, kept.location().unwrap().as_str()).await;
    let secret = up.heard("/token")[0].fields["client_secret"].clone();
    let said = claims(&secret);
    assert_eq!(
        (said["iss"].as_str(), said["sub"].as_str(), said["aud"].as_str()),
        (Some("TEAM"), Some("our-id-there"), Some(up.issuer.as_str()))
    );
    let header = crate::support::rp::header(&secret);
    assert_eq!((header["kid"].as_str(), header["alg"].as_str()), (Some("KEY"), Some("ES256")));
    app.ignore_mail();
}

/// The operator's order; a button for one app only; none but by a hint; and an app that asks for one goes straight there, while
/// whoever turns back finds the other ways.
#[tokio::test]
async fn buttons_and_hints() {
    let app = house(&[]).await;
    let with = |position, visibility, clients: &[&str]| Changes {
        position: Some(position),
        visibility: Some(visibility),
        clients: Some(clients.iter().map(|id| (*id).to_owned()).collect()),
        ..Changes::default()
    };
    let last = Upstream::connected(&app, "a", Kind::Oidc, with(2, Visibility::Shown, &[])).await;
    last.connect(&app, "b", Kind::Google, with(1, Visibility::Shown, &[])).await;
    last.connect(&app, "own", Kind::Oidc, with(0, Visibility::Shown, &["web"])).await;
    let hinted = Upstream::connected(&app, "hinted", Kind::Oidc, with(0, Visibility::Hinted, &[])).await;
    let rp = Rp::web(&app, "web").await;
    let other = Rp::web(&app, "other").await;
    let mut browser = Browser::new();
    let buttons = |page: &Page| page.attributes("button.upstream", "id");
    let page = browser.visit(&rp.begin(&rp.flow())).await;
    assert_eq!(buttons(&page), ["upstream-own", "upstream-b", "upstream-a"]);
    let page = browser.visit(&other.begin(&other.flow())).await;
    assert_eq!(buttons(&page), ["upstream-b", "upstream-a"]);
    let leaving = browser.visit(&rp.begin(&rp.flow().with("idp_hint", "hinted"))).await;
    assert!(leaving.location().unwrap().as_str().starts_with(&hinted.issuer), "{} {}", leaving.status, leaving.body);
    hinted.will(|behaviour| behaviour.answer = json!({ "code": null, "error": "access_denied" }));
    let back = hinted.pass(&mut browser, &leaving).await;
    let page = browser.visit(back.url.join(&back.attributes("a.button", "href")[0]).unwrap().as_str()).await;
    assert!(page.has("sign-in"), "{}", page.body);
    hinted.mend();
    let leaving = browser.visit(&rp.begin(&rp.flow().with("idp_hint", "hinted"))).await;
    let consent = hinted.pass(&mut browser, &leaving).await;
    assert!(browser.submit(&consent, "allow", &[]).await.leaves_for(CALLBACK));
    // A hint that leads nowhere, or to what is not this app's, is a wish and no more; neither can be forced by its address.
    let mut second = Browser::new();
    for hint in ["none", "own"] {
        let page = second.visit(&other.begin(&other.flow().with("idp_hint", hint))).await;
        assert!(page.has("sign-in"), "{hint}");
        let interaction = page.url.path().rsplit('/').next().unwrap().to_owned();
        assert_eq!(second.get(&app.url(&format!("/upstream/{hint}/start/{interaction}"))).await.status, 404);
    }
    app.ignore_mail();
}

/// With no password and no mail to sign in by, the one provider is the way; a second one makes it a choice.
#[tokio::test]
async fn one_way_only() {
    let app = house(&[("SIGN_IN__PASSWORD", "off"), ("SIGN_IN__BY_MAIL", "off")]).await;
    let mut browser = Browser::new();
    assert!(browser.visit(&app.url("/sign-in")).await.has("password"), "without a provider there is the password");
    let up = Upstream::connected(&app, "corp", Kind::Oidc, Changes::default()).await;
    let leaving = browser.visit(&app.url("/sign-in")).await;
    assert!(is_in(&up.pass(&mut browser, &leaving).await));
    Upstream::connected(&app, "hub", Kind::Oidc, Changes::default()).await;
    let mut second = Browser::new();
    let page = second.visit(&app.url("/sign-in")).await;
    assert!(page.has("upstream-corp") && page.has("upstream-hub") && !page.has("password"), "{}", page.body);
    app.ignore_mail();
}

/// Passwords that are off stay off on a page without buttons: the provider may be for one app alone, or shown nowhere.
#[tokio::test]
async fn passwords_are_off_on_every_page() {
    for (name, changes) in [
        ("for one app", Changes { clients: Some(vec!["web".to_owned()]), ..Changes::default() }),
        ("hinted", Changes { visibility: Some(Visibility::Hinted), ..Changes::default() }),
    ] {
        let app = house(&[("SIGN_IN__PASSWORD", "off"), ("SIGN_IN__BY_MAIL", "off")]).await;
        Rp::web(&app, "web").await;
        app.person("ana").await;
        let typed = [("username", "ana@example.com"), ("password", PASSWORD)];
        let (mut twin, mut browser) = (Browser::new(), Browser::new());
        let page = twin.visit(&app.url("/sign-in")).await;
        assert!(is_in(&twin.submit(&page, "sign-in", &typed).await), "without a provider there is the password");
        let page = browser.visit(&app.url("/sign-in")).await;
        Upstream::connected(&app, "corp", Kind::Oidc, changes).await;
        let refused = browser.submit(&page, "sign-in", &typed).await;
        assert!(browser.cookie("session").is_none(), "{name}: {}", refused.body);
        assert!(!refused.has("password") && !refused.has("upstream-corp"), "{name}: {}", refused.body);
        assert!(refused.text("#elsewhere").contains("Open the app"), "{name}: the page says how to come in");
        app.ignore_mail();
    }
}

/// FE-17: a second factor there counts only where the operator says so, and the app reads the truth.
#[tokio::test]
async fn second_factors_elsewhere() {
    let app = house(&[]).await;
    let trusting = Changes { second_factor: Some(Switch::On), ..Changes::default() };
    for (id, changes, acr, amr) in
        [("plain", Changes::default(), "aal1", json!(["fed"])), ("trusted", trusting, "aal2", json!(["fed", "mfa"]))]
    {
        let up = Upstream::connected(&app, id, Kind::Oidc, changes).await;
        up.says(json!({ "sub": id, "email": format!("{id}@example.com"), "email_verified": true, "amr": ["pwd", "mfa"] }));
        let rp = Rp::web(&app, &format!("rp-{id}")).await;
        let mut browser = Browser::new();
        let page = browser.visit(&rp.begin(&rp.flow())).await;
        let consent = up.sign_in(&mut browser, &page, id).await;
        let back = browser.submit(&consent, "allow", &[]).await;
        let told = claims(&rp.exchange(&back.param("code").unwrap()).await.text("id_token"));
        assert_eq!((told["acr"].as_str(), &told["amr"]), (Some(acr), &amr), "{id}");
    }
    app.ignore_mail();
}

/// Signing out here signs out there where the operator wants that, and comes back to where the person was on the way to.
#[tokio::test]
async fn signing_out_there_too() {
    let app = house(&[]).await;
    let up = Upstream::connected(&app, "corp", Kind::Oidc, Changes { sign_out: Some(Switch::On), ..Changes::default() }).await;
    let rp = Rp::web(&app, "web").await;
    let mut browser = Browser::new();
    let page = browser.visit(&rp.begin(&rp.flow())).await;
    let consent = up.sign_in(&mut browser, &page, "corp").await;
    let back = browser.submit(&consent, "allow", &[]).await;
    let hint = rp.exchange(&back.param("code").unwrap()).await.text("id_token");
    let query = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", "https://app.test/bye"), ("state", "x")];
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
    let leaving = browser.visit(&app.url(&format!("/end_session?{query}"))).await;
    let there = leaving.location().unwrap();
    assert!(there.as_str().starts_with(&format!("{}/logout?", up.issuer)), "{there}");
    let sent: std::collections::HashMap<String, String> = there.query_pairs().into_owned().collect();
    assert_eq!(claims(&sent["id_token_hint"])["sub"], "up-ana");
    assert_eq!(sent["post_logout_redirect_uri"], app.url("/signed-out"));
    assert!(browser.cookie("session").is_none(), "it is over here in any case");
    let onward = browser.visit_from(&up.issuer, &format!("{}?state={}", app.url("/signed-out"), sent["state"])).await;
    assert_eq!(onward.location().unwrap().as_str(), "https://app.test/bye?state=x");
    // Somebody else's browser learns nothing from the state.
    let stranger = Browser::new().visit(&format!("{}?state={}", app.url("/signed-out"), sent["state"])).await;
    assert!(stranger.has("signed-out") && stranger.location().is_none());
    assert_eq!(app.count("SELECT COUNT(*) FROM upstream_sessions WHERE sealed_id_token LIKE '%.eyJ%'").await, 0, "sealed");
    // Without the wish no token of theirs is kept.
    let quiet = Upstream::connected(&app, "quiet", Kind::Oidc, Changes::default()).await;
    quiet.says(json!({ "sub": "q", "email": "q@example.com", "email_verified": true }));
    come(&app, &quiet, "quiet").await;
    let kept = "SELECT COUNT(*) FROM upstream_sessions WHERE upstream_id = 'quiet' AND sealed_id_token IS NOT NULL";
    assert_eq!(app.count(kept).await, 0);
    app.ignore_mail();
}

/// OpenID Connect Back-Channel Logout 1.0 section 2.6: who was signed out there is signed out here; what is not right ends nothing.
#[tokio::test]
async fn signed_out_there() {
    let app = house(&[]).await;
    let up = Upstream::connected(&app, "corp", Kind::Oidc, Changes::default()).await;
    let evil = Upstream::connected(&app, "evil", Kind::Oidc, Changes::default()).await;
    let (mut browser, page) = come(&app, &up, "corp").await;
    assert!(is_in(&page));
    let rp = Rp::at(&app.issuer, "", None);
    let now = app.clock.now().unix();
    let send = async |path: &str, token: &str| rp.post_as(path, None, &[("logout_token", token)]).await.status;
    let path = "/upstream/corp/backchannel-logout";
    for (why, claims) in [
        ("another issuer", json!({ "iss": evil.issuer })),
        ("another audience", json!({ "aud": "else" })),
        ("a nonce", json!({ "nonce": "n" })),
        ("no event", json!({ "events": {} })),
        ("events as a list", json!({ "events": ["http://schemas.openid.net/event/backchannel-logout"] })),
        ("nobody", json!({ "sub": null, "sid": null })),
        ("too old", json!({ "iat": now - 301 })),
        ("expired", json!({ "exp": now - 11 })),
        ("no jti", json!({ "jti": null })),
    ] {
        assert_eq!(send(path, &up.logout_token(&claims, Signature::Right)).await, 400, "{why}");
    }
    for signature in [Signature::None, Signature::Secret, Signature::Confused, Signature::OtherKey, Signature::UnknownKey] {
        assert_eq!(send(path, &up.logout_token(&json!({}), signature)).await, 400, "{signature:?}");
    }
    let right = up.logout_token(&json!({}), Signature::Right);
    assert_eq!(send("/upstream/evil/backchannel-logout", &right).await, 400, "another provider's");
    assert_eq!(send("/upstream/none/backchannel-logout", &right).await, 400);
    assert_eq!(rp.post_as(path, None, &[("x", "y")]).await.status, 400);
    assert_eq!(browser.get(&app.url("/account")).await.status, 200, "still in");
    assert_eq!(send(path, &up.logout_token(&json!({ "sid": "another", "sub": "up-ana" }), Signature::Right)).await, 200);
    assert_eq!(browser.get(&app.url("/account")).await.status, 200, "another session there");
    assert_eq!(send(path, &right).await, 200);
    assert_eq!(browser.get(&app.url("/account")).await.status, 303, "out");
    // By the subject alone: every session that began there.
    let (mut first, _) = come(&app, &up, "corp").await;
    let (mut second, _) = come(&app, &up, "corp").await;
    assert_eq!(send(path, &up.logout_token(&json!({ "sid": null }), Signature::Right)).await, 200);
    assert_eq!((first.get(&app.url("/account")).await.status, second.get(&app.url("/account")).await.status), (303, 303));
    assert_eq!(app.audited("session_revoked").await, 3);
    app.ignore_mail();
}

/// Vouchsafe is its own upstream: a chain of two issuers, the upper one with its real pages.
#[tokio::test]
async fn a_chain_of_two_issuers() {
    let upper = house(&[]).await;
    let lower = house(&[]).await;
    upper.person("ana").await;
    let about = ClientChanges { redirect_uris: Some(vec![lower.url("/upstream/upper/callback")]), ..ClientChanges::default() };
    let done = upper.client("lower", about).await;
    let changes = Changes {
        kind: Some(Kind::Vouchsafe),
        name: Some("Upper".to_owned()),
        issuer: Some(upper.issuer.clone()),
        client_id: Some(done.client.client_id.clone()),
        secret: done.secret.clone(),
        ..Changes::default()
    };
    upstreams::add(lower.desk(), "upper", &changes).await.unwrap();
    let rp = Rp::web(&lower, "web").await;
    // Two profiles: the test's browser tells hosts apart, and both issuers are on one.
    let (mut below, mut above) = (Browser::new(), Browser::new());
    let page = below.visit(&rp.begin(&rp.flow())).await;
    let leaving = below.press(&page, "upstream-upper", &[]).await;
    let page = above.visit(leaving.location().unwrap().as_str()).await;
    let page =
        above.submit(&page, "sign-in", &[("username", "ana@example.com"), ("password", crate::support::app::PASSWORD)]).await;
    let back = above.submit(&page, "allow", &[]).await;
    let consent = below.visit_from(&upper.issuer, back.location().unwrap().as_str()).await;
    let done = below.submit(&consent, "allow", &[]).await;
    assert!(done.leaves_for(CALLBACK), "{} {}", done.status, done.body);
    let told = rp.userinfo(&rp.exchange(&done.param("code").unwrap()).await.text("access_token")).await.json();
    assert_eq!((told["email"].as_str(), told["name"].as_str()), (Some("ana@example.com"), Some("ana Example")));
    upper.ignore_mail();
    lower.ignore_mail();
}

/// The demo plays both other providers: the whole way, offline, for each that one can be.
#[tokio::test]
async fn the_demo_has_two_other_providers() {
    let allow = [("OUTBOUND__ALLOW", "127.0.0.0/8,::1/128")];
    let app = TestApp::with(Wish { demo: true, settings: &allow, ..Wish::default() }).await;
    app.person("ana").await;
    for (id, kind) in [("google", Kind::Google), ("github", Kind::GitHub)] {
        let changes = Changes {
            kind: Some(kind),
            issuer: Some(app.url(&format!("/demo/{id}"))),
            client_id: Some(vouchsafe::federation::demo_upstreams::CLIENT_ID.to_owned()),
            secret: Some(Secret::new("demo".to_owned())),
            ..Changes::default()
        };
        upstreams::add(app.desk(), id, &changes).await.unwrap();
    }
    for id in ["google", "github"] {
        for (who, expected) in [("new", "/account"), ("known", "/sign-in/"), ("shy", "/give-address/"), ("cancel", "/callback")] {
            let mut browser = Browser::new();
            let page = browser.visit(&app.url("/sign-in")).await;
            let choose = browser.submit(&page, &format!("upstream-{id}"), &[]).await;
            let mut page = browser.click(&choose, &format!("as-{who}")).await;
            if id == "github" && who == "new" {
                // The same address as by the other one: connected once its owner signed in by that.
                let choose = browser.submit(&page, "upstream-google", &[]).await;
                let ask = browser.click(&choose, "as-new").await;
                page = browser.submit(&ask, "connect", &[]).await;
            }
            assert!(page.url.path().contains(expected), "{id} {who}: {} {}", page.url, page.body);
        }
    }
    app.ignore_mail();
}

/// What an operator is told: each mistake by its name, and nothing is stored.
#[tokio::test]
async fn what_cannot_be_connected() {
    let app = house(&[]).await;
    let good = || Changes {
        kind: Some(Kind::Oidc),
        issuer: Some("https://login.example.com".to_owned()),
        client_id: Some("id".to_owned()),
        secret: Some(Secret::new("secret".to_owned())),
        ..Changes::default()
    };
    let before = app.rows().await;
    let tenant = |part: &str| Some(format!("https://login.microsoftonline.com/{part}/v2.0"));
    for (why, id, changes) in [
        ("id", "Up", good()),
        ("id", "", good()),
        ("id", "a/b", good()),
        ("issuer", "a", Changes { issuer: Some("http://login.example.com".to_owned()), ..good() }),
        ("issuer", "a", Changes { issuer: None, ..good() }),
        ("issuer", "a", Changes { issuer: Some("https://login.example.com?x=1".to_owned()), ..good() }),
        ("client-id", "a", Changes { client_id: None, ..good() }),
        ("client-secret-stdin", "a", Changes { secret: None, ..good() }),
        ("scope", "a", Changes { scopes: Some(vec!["email".to_owned()]), ..good() }),
        ("map", "a", Changes { mapping: Some(vec!["sub=id".to_owned()]), ..good() }),
        ("issuer", "a", Changes { kind: Some(Kind::Entra), issuer: tenant("common"), ..good() }),
        ("hosted-domain", "a", Changes { hosted_domain: Some("x.test".to_owned()), ..good() }),
        ("organisation", "a", Changes { organisations: Some(vec!["x".to_owned()]), ..good() }),
        ("apple-team", "a", Changes { kind: Some(Kind::Apple), ..good() }),
    ] {
        let refusal = upstreams::add(app.desk(), id, &changes).await.err().map(|refusal| refusal.to_string());
        assert!(refusal.as_deref().is_some_and(|words| words.contains(why)), "{why}: {refusal:?}");
        app.untouched(&before, why).await;
    }
    upstreams::add(app.desk(), "a", &Changes { issuer: tenant("b5c1"), kind: Some(Kind::Entra), ..good() }).await.unwrap();
    assert!(upstreams::add(app.desk(), "a", &good()).await.is_err(), "taken");
    let row = app.count("SELECT COUNT(*) FROM upstreams WHERE sealed_secret LIKE '%secret%'").await;
    assert_eq!(row, 0, "sealed");
}
