//! Request objects, by value and by reference (RFC 9101, OpenID Connect Core section 6), and the modules of the conformance suite
//! about them. The client's documents are served by a real server on this machine.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vouchsafe::admin::clients::Changes;
use vouchsafe::base::Random;
use vouchsafe::jose::{Alg, SigningKey};
use vouchsafe::oauth::{ConsentPolicy, PkcePolicy};

use crate::support::app::Wish;
use crate::support::documents::{self, Document, Documents};
use crate::support::forge::{encode, es256, hs256, jws, with_assertion};
use crate::support::registrar::{Own, about, register, registering};
use crate::support::rp::Flow;
use crate::support::{Browser, CALLBACK, Initiator, Page, Rp, TestApp};

fn key(seed: u64) -> SigningKey {
    SigningKey::generate(Alg::ES256, &Random::seeded(seed)).unwrap()
}

/// A provider, a client with one key and one address for its objects, and a browser with a session.
struct Scene {
    app: TestApp,
    rp: Rp,
    key: SigningKey,
    documents: Documents,
    browser: Browser,
}

impl Scene {
    async fn new(more: Changes) -> Scene {
        let documents = Documents::start();
        let settings = documents::settings();
        let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let app = TestApp::with(Wish { settings: &settings, ..Wish::default() }).await;
        app.person("ana").await;
        let key = key(1);
        let about = Changes {
            redirect_uris: Some(vec![CALLBACK.to_owned(), "https://app.test/other".to_owned()]),
            jwks: Some(json!({ "keys": [key.public_jwk()] })),
            request_uris: Some(vec![documents.url("/object")]),
            pkce: Some(PkcePolicy::Optional),
            consent: Some(ConsentPolicy::Skip),
            ..more
        };
        let rp = Rp::of(&app, &app.client("signs", about).await);
        let mut browser = Browser::new();
        assert!(
            rp.go(&mut browser, "ana", &base(&rp).with("request", &object(&app, &rp, &key, json!({}))))
                .await
                .param("code")
                .is_some()
        );
        Scene { app, rp, key, documents, browser }
    }

    async fn plain() -> Scene {
        Scene::new(Changes::default()).await
    }

    /// What a request with the object made of these claims is answered with.
    async fn ask(&mut self, claims: Value) -> Page {
        let object = object(&self.app, &self.rp, &self.key, claims);
        self.present(&object).await
    }

    async fn present(&mut self, object: &str) -> Page {
        let flow = base(&self.rp).with("request", object);
        self.browser.get(&self.rp.begin(&flow)).await
    }

    async fn refer(&mut self, uri: &str) -> Page {
        let flow = base(&self.rp).with("request_uri", uri);
        self.browser.get(&self.rp.begin(&flow)).await
    }

    /// Puts an object where the client said that it would be.
    fn serve(&self, body: &str, header: &str) {
        let document = Document { header: header.to_owned(), ..Document::of(body) };
        self.documents.put("/object", document);
    }
}

const JAR: &str = "content-type: application/oauth-authz-req+jwt";

/// What stands beside an object.
fn base(rp: &Rp) -> Flow {
    rp.flow().with("code_challenge", "").with("code_challenge_method", "").with("nonce", "")
}

/// The claims of a good object, with these in it; a null takes one away.
fn full(app: &TestApp, rp: &Rp, more: Value) -> Value {
    let now = app.clock.now().unix();
    let mut claims = json!({
        "iss": rp.id, "aud": app.issuer, "iat": now, "exp": now + 60, "client_id": rp.id, "response_type": "code",
        "redirect_uri": CALLBACK, "scope": "openid", "state": "inside",
    });
    for (name, value) in more.as_object().unwrap() {
        claims[name] = value.clone();
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        }
    }
    claims
}

fn object(app: &TestApp, rp: &Rp, key: &SigningKey, more: Value) -> String {
    let header = json!({ "alg": "ES256", "typ": "JWT", "kid": key.kid() });
    jws(&header.to_string(), &full(app, rp, more).to_string(), es256(key))
}

fn error(page: &Page) -> Option<String> {
    assert_eq!(page.param("code"), None);
    page.param("error")
}

/// Core section 6.1: what stands inside goes before what stands outside, and what is only outside counts.
#[tokio::test]
async fn by_value() {
    let mut scene = Scene::plain().await;
    let page = scene.ask(json!({ "nonce": "signed", "redirect_uri": "https://app.test/other" })).await;
    assert!(page.leaves_for("https://app.test/other"), "{:?}", page.location());
    assert_eq!(page.param("state").as_deref(), Some("inside"));
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", &page.param("code").unwrap()),
        ("redirect_uri", "https://app.test/other"),
    ];
    let tokens = scene.rp.post("/token", &fields).await;
    assert_eq!(crate::support::rp::claims(&tokens.text("id_token"))["nonce"], "signed");
    let page = scene.ask(json!({ "state": null })).await;
    assert_eq!(page.param("state").as_deref(), Some("a state"), "only outside");
    let page = scene.ask(json!({ "prompt": "login", "max_age": 1000 })).await;
    assert!(page.param("code").is_none() && page.location().unwrap().path().contains("/sign-in"), "{:?}", page.location());
    // A posted request brings its object too.
    let object = object(&scene.app, &scene.rp, &scene.key, json!({ "state": "posted" }));
    let query = base(&scene.rp).with("request", &object);
    let fields: Vec<_> = query.0.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let page = scene.browser.post(Initiator::Site("https://app.test"), &scene.app.url("/authorize"), &fields).await;
    let page = scene.browser.follow(page).await;
    assert_eq!(page.param("state").as_deref(), Some("posted"), "{:?}", page.location());
}

/// RFC 9101 sections 4, 6 and 10.8, RFC 8725: the signature, whom it is for, its time, its kind; each beside its good twin, and the
/// client hears it where the request itself says.
#[tokio::test]
async fn what_does_not_verify() {
    let mut scene = Scene::plain().await;
    let (app, rp, own, stranger) = (&scene.app, &scene.rp, &scene.key, key(2));
    let now = app.clock.now().unix();
    let claims = full(app, rp, json!({})).to_string();
    let header = |more: Value| {
        let mut header = json!({ "alg": "ES256", "kid": own.kid() });
        header.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        header.to_string()
    };
    let with = |more: Value| object(app, rp, own, more);
    let good = [
        jws(&header(json!({})), &claims, es256(own)),
        jws(&header(json!({ "typ": "JWT" })), &claims, es256(own)),
        jws(r#"{"alg":"ES256"}"#, &claims, es256(own)),
        with(json!({ "iss": null, "aud": null, "exp": null, "iat": null })),
        with(json!({ "aud": ["https://other.test", app.issuer] })),
        with(json!({ "nbf": now + 8 })),
        with(json!({ "exp": now - 9 })),
        with(json!({ "max_age": 1000.0 })),
    ];
    let public = serde_json::to_vec(own.public_jwk()).unwrap();
    let bad = [
        ("alg none", format!("{}.{}.", encode(r#"{"alg":"none"}"#), encode(&claims))),
        ("no signature", format!("{}.{}.", encode(header(json!({}))), encode(&claims))),
        ("another key", jws(&header(json!({})), &claims, es256(&stranger))),
        ("another key, its kid", object(app, rp, &stranger, json!({}))),
        ("HS256 under the public key", jws(r#"{"alg":"HS256"}"#, &claims, hs256(&public))),
        ("HS256 under the secret", jws(r#"{"alg":"HS256"}"#, &claims, hs256(rp.secret.as_ref().unwrap().as_bytes()))),
        ("a key of its own", jws(&header(json!({ "jwk": stranger.public_jwk() })), &claims, es256(&stranger))),
        ("an address of keys", jws(&header(json!({ "jku": "https://app.test/", "kid": "x" })), &claims, es256(&stranger))),
        ("critical", jws(&header(json!({ "crit": ["exp"] })), &claims, es256(own))),
        ("an access token's type", jws(&header(json!({ "typ": "at+jwt" })), &claims, es256(own))),
        ("another issuer", with(json!({ "iss": "somebody" }))),
        ("another audience", with(json!({ "aud": "https://other.test" }))),
        ("no audience of many", with(json!({ "aud": [] }))),
        ("expired", with(json!({ "exp": now - 10 }))),
        ("not yet", with(json!({ "nbf": now + 11 }))),
        ("a huge time", with(json!({ "exp": 1e300 }))),
        ("a time as text", with(json!({ "exp": "tomorrow" }))),
        ("an assertion", with(json!({ "sub": rp.id }))),
        ("an object in it", with(json!({ "request": "x" }))),
        ("an address in it", with(json!({ "request_uri": "https://app.test/r" }))),
        ("another type of scope", with(json!({ "scope": ["openid"] }))),
        ("a claim twice", jws(&header(json!({})), r#"{"scope":"openid","scope":"openid email"}"#, es256(own))),
        ("five parts", "a.b.c.d.e".to_owned()),
        ("nothing", "x".to_owned()),
        ("too long", with(json!({ "state": "x".repeat(20_000) }))),
    ];
    for object in &good {
        let page = scene.present(object).await;
        assert!(page.param("code").is_some(), "{object} {:?}", page.location());
    }
    let before = scene.app.rows().await;
    for (name, object) in &bad {
        let page = scene.present(object).await;
        assert_eq!(error(&page).as_deref(), Some("invalid_request_object"), "{name} {:?}", page.location());
        assert!(page.leaves_for(CALLBACK) && page.param("state").as_deref() == Some("a state"), "{name}");
    }
    scene.app.untouched(&before, "a refused object").await;
}

/// Where nobody may be answered, the page says what is wrong; the object's own address counts for nothing before it verifies.
#[tokio::test]
async fn nowhere_to_answer() {
    let mut scene = Scene::plain().await;
    let good = object(&scene.app, &scene.rp, &scene.key, json!({}));
    let bad = object(&scene.app, &scene.rp, &key(2), json!({}));
    for (sent, is_good) in [("", true), ("https://evil.test/cb", true), ("", false), ("https://evil.test/cb", false)] {
        let flow = base(&scene.rp).with("redirect_uri", sent).with("request", if is_good { &good } else { &bad });
        let page = scene.browser.get(&scene.rp.begin(&flow)).await;
        match is_good {
            true => assert!(page.leaves_for(CALLBACK) && page.param("code").is_some(), "{sent}"),
            false => assert_eq!((page.status, page.location()), (400, None), "{sent}"),
        }
    }
    let page = scene.ask(json!({ "redirect_uri": "https://evil.test/cb" })).await;
    assert_eq!((page.status, page.location()), (400, None), "a signed address must be registered too");
}

/// Core section 6.1: client and response type say the same inside and outside.
#[tokio::test]
async fn inside_and_outside_agree() {
    let mut scene = Scene::plain().await;
    scene.app.client("other", Changes { redirect_uris: Some(vec![CALLBACK.to_owned()]), ..Changes::default() }).await;
    assert!(scene.ask(json!({ "client_id": null, "response_type": null })).await.param("code").is_some());
    for claims in [json!({ "client_id": "other" }), json!({ "response_type": "code id_token" })] {
        assert_eq!(error(&scene.ask(claims.clone()).await).as_deref(), Some("invalid_request"), "{claims}");
    }
    // The object of one client with the name of another outside.
    let object = object(&scene.app, &scene.rp, &scene.key, json!({ "client_id": null }));
    let flow = base(&scene.rp).with("client_id", "other").with("request", &object);
    let page = scene.browser.get(&scene.rp.begin(&flow)).await;
    assert_eq!(error(&page).as_deref(), Some("invalid_request_object"));
    let both = base(&scene.rp).with("request", &object).with("request_uri", &scene.documents.url("/object"));
    assert_eq!(error(&scene.browser.get(&scene.rp.begin(&both)).await).as_deref(), Some("invalid_request"));
}

/// RFC 9101 section 6.3: whoever types the object so speaks of that specification, where nothing beside it counts.
#[tokio::test]
async fn typed_as_rfc9101_has_it() {
    let mut scene = Scene::plain().await;
    let header = json!({ "alg": "ES256", "typ": "application/oauth-authz-req+jwt", "kid": scene.key.kid() }).to_string();
    let object = |more: Value| jws(&header, &full(&scene.app, &scene.rp, more).to_string(), es256(&scene.key));
    let (all, stateless) = (object(json!({})), object(json!({ "state": null })));
    let nowhere = object(json!({ "redirect_uri": null }));
    let alone = Flow(vec![("client_id".to_owned(), scene.rp.id.clone()), ("request".to_owned(), all)]);
    let page = scene.browser.get(&scene.rp.begin(&alone)).await;
    assert_eq!((page.param("state").as_deref(), page.param("code").is_some()), (Some("inside"), true));
    assert_eq!(scene.present(&stateless).await.param("state"), None);
    let page = scene.present(&nowhere).await;
    assert_eq!((page.status, page.location()), (400, None), "the address outside does not count");
}

/// An object that names itself leads to one answer. Until then its page may be opened and looked at, and a refusal uses nothing up.
#[tokio::test]
async fn once_means_one_answer() {
    let scene = Scene::plain().await;
    let named = |jti: &str| object(&scene.app, &scene.rp, &scene.key, json!({ "jti": jti }));
    let begin = |flow: Flow| scene.rp.begin(&flow);
    let once = base(&scene.rp).with("request", &named("one"));
    let mut browser = Browser::new();
    let head =
        browser.request(Initiator::Person, reqwest::Method::HEAD, &url::Url::parse(&begin(once.clone())).unwrap(), None).await;
    assert!(head.status < 400);
    browser.visit(&begin(once.clone())).await;
    let page = browser.visit(&begin(once.clone())).await;
    let fields = [("username", "ana@example.com"), ("password", crate::support::app::PASSWORD)];
    let first = browser.submit(&page, "sign-in", &fields).await;
    assert!(first.param("code").is_some(), "{:?}", first.location());
    // The browser threw the answer away: the second click has one too, a later visit has none.
    let second = browser.visit(page.url.as_str()).await;
    assert!(second.param("code").is_some(), "{:?}", second.location());
    assert_eq!(error(&browser.get(&begin(once)).await).as_deref(), Some("invalid_request_object"));
    let silent = |jti: &str| {
        let silent = object(&scene.app, &scene.rp, &scene.key, json!({ "jti": jti, "prompt": "none" }));
        begin(base(&scene.rp).with("request", &silent))
    };
    let asked = silent("two");
    assert_eq!(error(&Browser::new().get(&asked).await).as_deref(), Some("login_required"));
    assert!(browser.get(&asked).await.param("code").is_some());
}

/// A client that hangs has a few places and not all: who comes beyond them is told to come again.
#[tokio::test]
async fn fetches_at_a_time() {
    let scene = Scene::plain().await;
    let good = object(&scene.app, &scene.rp, &scene.key, json!({}));
    let header = JAR.to_owned();
    scene.documents.put("/object", Document { header, delay: Duration::from_millis(1500), ..Document::of(good.as_str()) });
    let url = scene.rp.begin(&base(&scene.rp).with("request_uri", &scene.documents.url("/object")));
    let mut browsers: Vec<_> = (0..12).map(|_| scene.browser.clone()).collect();
    let pages = futures_util::future::join_all(browsers.iter_mut().map(|browser| browser.get(&url))).await;
    let count = |error: Option<&str>| pages.iter().filter(|page| page.param("error").as_deref() == error).count();
    assert_eq!((count(None), count(Some("temporarily_unavailable"))), (8, 4));
    assert!(scene.browser.clone().get(&url).await.param("code").is_some(), "the places are free again");
}

/// An object that names itself is good once, also of two at the same instant, and has to end; one without a name may be sent again.
#[tokio::test]
async fn replay() {
    let mut scene = Scene::plain().await;
    let now = scene.app.clock.now().unix();
    let once = object(&scene.app, &scene.rp, &scene.key, json!({ "jti": "one" }));
    assert!(scene.present(&once).await.param("code").is_some());
    assert_eq!(error(&scene.present(&once).await).as_deref(), Some("invalid_request_object"));
    let again = object(&scene.app, &scene.rp, &scene.key, json!({}));
    for _ in 0..2 {
        assert!(scene.present(&again).await.param("code").is_some());
    }
    for wrong in [json!({ "jti": "a", "exp": null }), json!({ "jti": "b", "exp": now + 3601 }), json!({ "jti": 5 })] {
        assert_eq!(error(&scene.ask(wrong.clone()).await).as_deref(), Some("invalid_request_object"), "{wrong}");
    }
    assert!(scene.ask(json!({ "jti": "b", "exp": now + 3600 })).await.param("code").is_some());
    let raced = object(&scene.app, &scene.rp, &scene.key, json!({ "jti": "raced" }));
    let url = scene.rp.begin(&base(&scene.rp).with("request", &raced));
    let mut browsers: Vec<_> = (0..8).map(|_| scene.browser.clone()).collect();
    let pages = futures_util::future::join_all(browsers.iter_mut().map(|browser| browser.get(&url))).await;
    assert_eq!(pages.iter().filter(|page| page.param("code").is_some()).count(), 1);
}

/// What is remembered of an object is not what is remembered of an assertion: neither uses up, or passes as, the other.
#[tokio::test]
async fn neither_is_the_other() {
    let app = registering("open", &[]).await;
    app.person("ana").await;
    let own_key = key(1);
    let own = Own::new(
        &app,
        json!({
            "token_endpoint_auth_method": "private_key_jwt", "jwks": { "keys": [own_key.public_jwk()] },
            "grant_types": ["authorization_code", "client_credentials"],
        }),
    )
    .await;
    let now = app.clock.now().unix();
    let header = json!({ "alg": "ES256", "kid": own_key.kid() }).to_string();
    let assertion = |jti: &str| {
        let claims = json!({ "iss": own.rp.id, "sub": own.rp.id, "aud": app.issuer, "jti": jti, "exp": now + 60 });
        jws(&header, &claims.to_string(), es256(&own_key))
    };
    let present = async |jwt: &str| {
        own.rp.post_as("/token", None, &with_assertion(&[("grant_type", "client_credentials")], jwt)).await.status
    };
    let object = object(&app, &own.rp, &own_key, json!({ "jti": "same" }));
    let mut browser = Browser::new();
    let begin = |request: &str| own.rp.begin(&base(&own.rp).with("request", request));
    assert_eq!(present(&assertion("same")).await, 200);
    assert!(own.rp.go(&mut browser, "ana", &base(&own.rp).with("request", &object)).await.param("code").is_some());
    assert_eq!(present(&object).await, 401);
    assert_eq!(error(&browser.get(&begin(&assertion("new"))).await).as_deref(), Some("invalid_request_object"));
    assert_eq!(present(&assertion("new")).await, 200, "it was not used up");
}

/// oidcc-request-uri-signed-rs256: fetched where the client said, whatever its fragment, with the media types that there are.
#[tokio::test]
async fn oidcc_request_uri_signed() {
    let mut scene = Scene::plain().await;
    let good = object(&scene.app, &scene.rp, &scene.key, json!({ "state": "fetched" }));
    let uri = scene.documents.url("/object");
    for (fragment, header) in [
        ("", JAR),
        ("#uFYBm9rqp0p4ZhCfwnVA4GAwQnU4LkSAI2r6yBLbhYE", JAR),
        ("#2", "content-type: application/jwt; charset=utf-8"),
        ("", "Content-Type: Application/JWT"),
    ] {
        scene.serve(&good, header);
        let page = scene.refer(&format!("{uri}{fragment}")).await;
        assert_eq!(page.param("state").as_deref(), Some("fetched"), "{fragment} {header} {:?}", page.location());
        assert!(page.param("code").is_some());
    }
    assert_eq!(scene.documents.asked("/object"), 4, "each request sees what is there now");
    let signed = |state: &str| object(&scene.app, &scene.rp, &scene.key, json!({ "state": state }));
    let forged = object(&scene.app, &scene.rp, &key(2), json!({}));
    for body in [forged.as_str(), "", "no JWT", &signed("x")[..50]] {
        scene.serve(body, JAR);
        assert_eq!(error(&scene.refer(&uri).await).as_deref(), Some("invalid_request_object"), "{body}");
    }
}

/// What changes between two fetches changes nothing that is under way: an interaction keeps what it was asked.
#[tokio::test]
async fn what_was_fetched_stays() {
    let scene = Scene::plain().await;
    let uri = scene.documents.url("/object");
    scene.serve(&object(&scene.app, &scene.rp, &scene.key, json!({ "state": "first" })), JAR);
    let mut browser = Browser::new();
    let page = browser.visit(&scene.rp.begin(&base(&scene.rp).with("request_uri", &uri))).await;
    scene.serve("changed", JAR);
    let fields = [("username", "ana@example.com"), ("password", crate::support::app::PASSWORD)];
    let page = browser.submit(&page, "sign-in", &fields).await;
    assert_eq!((page.param("state").as_deref(), scene.documents.asked("/object")), (Some("first"), 1));
}

/// Core section 6.2, AZ-25, DC-02: nothing but a registered address is ever called, and what comes from there is not trusted: a
/// redirect, a wrong status or type, too much, too late.
#[tokio::test]
async fn fetching_is_guarded() {
    let mut scene = Scene::plain().await;
    let uri = scene.documents.url("/object");
    let good = object(&scene.app, &scene.rp, &scene.key, json!({}));
    scene.serve(&good, JAR);
    assert!(scene.refer(&uri).await.param("code").is_some());
    let canary = Documents::start();
    let stranger = canary.url("/object");
    let long = format!("{uri}#{}", "x".repeat(512));
    for other in
        [stranger.as_str(), "http://127.0.0.1:9/x", "file:///etc/passwd", &uri.replace("/object", "/object/"), "urn:x", &long]
    {
        assert_eq!(error(&scene.refer(other).await).as_deref(), Some("invalid_request_uri"), "{other}");
    }
    assert_eq!((canary.connections(), scene.documents.connections()), (0, 1));
    let html = Document { header: "content-type: text/html".to_owned(), ..Document::of(good.as_str()) };
    let typed = Document { header: JAR.to_owned(), ..Document::of(good.as_str()) };
    for (name, document) in [
        ("html", html.clone()),
        ("no type", Document { header: "x-y: z".to_owned(), ..typed.clone() }),
        ("404", Document { status: 404, ..typed.clone() }),
        ("302", Document { status: 302, header: format!("location: {stranger}"), ..typed.clone() }),
        ("large", Document { header: JAR.to_owned(), ..Document::of(vec![b'x'; 300 * 1024]) }),
        ("no text", Document { header: JAR.to_owned(), ..Document::of(vec![0xff; 20]) }),
    ] {
        scene.documents.put("/object", document);
        assert_eq!(error(&scene.refer(&uri).await).as_deref(), Some("invalid_request_uri"), "{name}");
    }
    scene.documents.put("/object", Document { delay: Duration::from_secs(20), ..typed });
    let began = Instant::now();
    assert_eq!(error(&scene.refer(&uri).await).as_deref(), Some("invalid_request_uri"), "slow");
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    assert_eq!(canary.connections(), 0);
}

/// A private network stays closed for objects too, and a stranger cannot make us call one address without end.
#[tokio::test]
async fn fetching_is_bounded() {
    let app = registering("open", &[("OUTBOUND__ALLOW", ""), ("LIMITS__VISITS_PER_HOUR", "4")]).await;
    let canary = Documents::start();
    let own_key = key(1);
    let keys = json!({ "keys": [own_key.public_jwk()] });
    let own = Own::new(&app, json!({ "jwks": keys, "request_uris": [canary.url("/x")] })).await;
    let begin = own.rp.begin(&base(&own.rp).with("request_uri", &canary.url("/x")));
    let mut errors = Vec::new();
    for _ in 0..6 {
        errors.push(error(&Browser::new().get(&begin).await).unwrap());
    }
    assert_eq!(errors[0], "invalid_request_uri");
    assert_eq!(errors[5], "temporarily_unavailable", "{errors:?}");
    assert_eq!(canary.connections(), 0, "loopback is not open here");
}

/// RFC 9101 section 10.5: whoever said that all requests are signed is answered to no other, and nothing outside counts then
/// (section 6.3). The registered algorithm is the only one.
#[tokio::test]
async fn required_by_the_client() {
    let more = || Changes {
        require_signed_request_object: Some(true),
        request_object_alg: Some("ES256".to_owned()),
        ..Changes::default()
    };
    let mut scene = Scene::new(more()).await;
    let page = scene.browser.get(&scene.rp.begin(&base(&scene.rp))).await;
    assert_eq!(error(&page).as_deref(), Some("invalid_request"));
    let page = scene.ask(json!({ "state": null, "scope": "openid email" })).await;
    assert_eq!((page.param("state"), page.param("code").is_some()), (None, true));
    for lacking in [json!({ "iss": null }), json!({ "aud": null }), json!({ "exp": null })] {
        assert_eq!(error(&scene.ask(lacking.clone()).await).as_deref(), Some("invalid_request_object"), "{lacking}");
    }
    let page = scene.ask(json!({ "response_type": null })).await;
    assert_eq!(error(&page).as_deref(), Some("invalid_request"), "the one outside does not count");
    let app = registering("open", &[]).await;
    let rsa = SigningKey::generate(Alg::PS256, &Random::seeded(3)).unwrap();
    let mut jwk = json!(rsa.public_jwk());
    jwk.as_object_mut().unwrap().remove("alg");
    let keys = json!({ "keys": [jwk] });
    for (registered, expected) in [(json!("PS256"), None), (Value::Null, None), (json!("RS256"), Some("invalid_request_object"))]
    {
        let own = Own::new(&app, json!({ "jwks": keys, "request_object_signing_alg": registered })).await;
        let signed = rsa.sign("JWT", &full(&app, &own.rp, json!({}))).unwrap();
        let page = Browser::new().get(&own.rp.begin(&base(&own.rp).with("request", &signed))).await;
        assert_eq!(page.param("error").as_deref(), expected, "{registered}");
    }
}

/// Registration says what may be sent, and refuses by name what will not be taken.
#[tokio::test]
async fn registered() {
    let app = registering("open", &[]).await;
    let keys = json!({ "keys": [key(1).public_jwk()] });
    let own =
        Own::new(&app, json!({ "jwks": keys, "request_object_signing_alg": "ES256", "require_signed_request_object": true }))
            .await;
    assert_eq!(own.told["request_object_signing_alg"], "ES256");
    assert_eq!(own.get(&app).await.json()["require_signed_request_object"], true);
    for (field, wrong) in [
        ("request_object_signing_alg", json!({ "request_object_signing_alg": "none", "jwks": keys })),
        ("request_object_signing_alg", json!({ "request_object_signing_alg": "HS256", "jwks": keys })),
        ("request_object_encryption_alg", json!({ "request_object_encryption_alg": "RSA-OAEP-256", "jwks": keys })),
        ("require_signed_request_object", json!({ "require_signed_request_object": true })),
        ("jwks", json!({ "request_object_signing_alg": "RS256", "jwks": keys })),
        ("require_signed_request_object", json!({ "require_signed_request_object": "yes", "jwks": keys })),
    ] {
        let answer = register(&app, &about(wrong)).await;
        assert_eq!((answer.status, answer.error().as_str()), (400, "invalid_client_metadata"), "{field}");
        assert!(answer.text("error_description").starts_with(field), "{}", answer.body);
    }
    let document = own.rp.get("/.well-known/openid-configuration").await.json();
    let algs = &document["request_object_signing_alg_values_supported"];
    assert_eq!(algs, &json!(["RS256", "PS256", "ES256", "EdDSA"]), "no unsigned ones");
    for name in ["request_parameter_supported", "request_uri_parameter_supported", "require_request_uri_registration"] {
        assert_eq!(document[name], true, "{name}");
    }
}
