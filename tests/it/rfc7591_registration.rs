//! Apps register themselves: RFC 7591, OpenID Connect Dynamic Client Registration 1.0; battery DC-01 to DC-10, JK-14, AD-05.
//! Tests named `oidcc_…` protect what the conformance suite's module of that name asks.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vouchsafe::admin::registration::hand_out;
use vouchsafe::endpoints::register::sweep;
use vouchsafe::jose::{Alg, SigningKey};
use vouchsafe::oauth::Client;
use vouchsafe::store::clients;

use crate::support::app::Wish;
use crate::support::documents::{Document, Documents};
use crate::support::registrar::{Own, about, register, registering, send};
use crate::support::{Browser, CALLBACK, Rp, TestApp};

/// A picture of one pixel by its form.
fn png() -> Vec<u8> {
    [
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".as_slice(),
        &1_u32.to_be_bytes(),
        &1_u32.to_be_bytes(),
        b"\x08\x06\0\0\0....\0\0\0\0IEND\xaeB`\x82",
    ]
    .concat()
}

/// DC-01: by default nobody registers, and nothing says that anybody could.
#[tokio::test]
async fn off_by_default() {
    let open = registering("open", &[]).await;
    assert_eq!(register(&open, &about(json!({}))).await.status, 201);
    let promised = Rp::at(&open.issuer, "", None).get("/.well-known/openid-configuration").await;
    assert_eq!(promised.text("registration_endpoint"), open.url("/register"));
    let app = TestApp::start().await;
    let before = app.rows().await;
    for (method, path) in [("POST", "/register"), ("GET", "/register/x"), ("PUT", "/register/x"), ("DELETE", "/register/x")] {
        let body = if method == "GET" { String::new() } else { about(json!({})).to_string() };
        assert_eq!(send(&app, method, path, "ra_x", &body).await.status, 404, "{method} {path}");
    }
    app.untouched(&before, "registration is off").await;
    let document = Rp::at(&app.issuer, "", None).get("/.well-known/openid-configuration").await.json();
    assert!(document.get("registration_endpoint").is_none());
}

/// Section 3.2.1 and decision 13: 201 with everything; the person is asked and told that nobody has checked the app.
#[tokio::test]
async fn a_registered_app_signs_people_in() {
    let app = registering("open", &[]).await;
    app.person("ana").await;
    let answer = register(&app, &about(json!({ "contacts": ["x@app.test"], "unknown": { "a": 1 } }))).await;
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let own = Own::of(&app, &answer);
    assert_eq!(own.told["client_secret_expires_at"], 0);
    assert_eq!(own.told["client_id_issued_at"], app.clock.now().unix());
    assert!(own.token.starts_with("ra_") && own.told.get("unknown").is_none());
    let mut browser = Browser::new();
    let page = browser.visit(&own.rp.begin(&own.rp.flow())).await;
    assert!(page.body.contains("This app registered itself."), "{}", page.body);
    let page =
        browser.submit(&page, "sign-in", &[("username", "ana@example.com"), ("password", crate::support::app::PASSWORD)]).await;
    assert!(page.has("allow"), "{}", page.body);
    assert!(page.body.contains("This app registered itself."), "{}", page.body);
    assert!(page.body.contains("app.test"), "the host is shown");
    let done = browser.submit(&page, "allow", &[]).await;
    assert_eq!(own.rp.exchange(&done.param("code").unwrap()).await.status, 200);
    assert_eq!(app.audited("client_registered").await, 1);
    // DC-04: what registered with a secret is not let in without.
    let wrong = own.rp.post_as("/token", None, &[("grant_type", "authorization_code"), ("client_id", &own.rp.id)]).await;
    assert_eq!((wrong.status, wrong.error().as_str()), (401, "invalid_client"));
}

/// Protects that `mode = "token"` lets nobody in without one, each as often and as long as it says, and that the last use is
/// won once (section 3).
#[tokio::test]
async fn initial_access_tokens() {
    let app = registering("token", &[]).await;
    let body = about(json!({})).to_string();
    let token = async |uses| hand_out(app.desk(), 3600, uses).await.unwrap().token.expose().clone();
    let twice = token(Some(2)).await;
    let before = app.rows().await;
    for wrong in ["", "x", &twice.replace("ia_", "ra_"), &format!("{twice}x"), &twice[..twice.len() - 1]] {
        let answer = send(&app, "POST", "/register", wrong, &body).await;
        assert_eq!(answer.status, 401, "{wrong}");
        assert!(answer.header("www-authenticate").unwrap().starts_with("Bearer"));
    }
    app.untouched(&before, "no token").await;
    // What is refused for its metadata costs no use.
    assert_eq!(send(&app, "POST", "/register", &twice, &about(json!({ "contacts": 7 })).to_string()).await.status, 400);
    for status in [201, 201, 401] {
        assert_eq!(send(&app, "POST", "/register", &twice, &body).await.status, status);
    }
    let once = token(Some(1)).await;
    let racing = (0..8).map(|_| send(&app, "POST", "/register", &once, &body));
    let won = futures_util::future::join_all(racing).await.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(won, 1);
    let any = token(None).await;
    assert_eq!(send(&app, "POST", "/register", &any, &body).await.status, 201);
    assert_eq!(send(&app, "POST", "/register", &any, &body).await.status, 201);
    app.clock.advance(3600);
    assert_eq!(send(&app, "POST", "/register", &any, &body).await.status, 401);
    let stored = app.count("SELECT COUNT(*) AS count FROM registration_tokens WHERE hash LIKE 'ia_%'").await;
    assert_eq!(stored, 0, "only hashes are stored");
}

/// Every member in every wrong JSON type: 400 with its name, never 500, and nothing is stored (section 3.2.2).
#[tokio::test]
async fn every_member_in_every_wrong_type() {
    let app = registering("open", &[]).await;
    let texts = [
        "application_type",
        "client_name",
        "client_name#de",
        "logo_uri",
        "client_uri",
        "policy_uri",
        "tos_uri",
        "jwks_uri",
        "sector_identifier_uri",
        "subject_type",
        "id_token_signed_response_alg",
        "userinfo_signed_response_alg",
        "initiate_login_uri",
        "token_endpoint_auth_method",
        "token_endpoint_auth_signing_alg",
        "scope",
        "software_id",
        "software_version",
        "software_statement",
    ];
    let lists = [
        "redirect_uris",
        "response_types",
        "grant_types",
        "contacts",
        "default_acr_values",
        "request_uris",
        "post_logout_redirect_uris",
    ];
    assert_eq!(register(&app, &about(json!({}))).await.status, 201);
    let before = app.rows().await;
    let values =
        [json!(true), json!(7), json!(1e300), json!("text"), json!([7]), json!([["x"]]), json!([""]), json!({ "a": [] })];
    let mut cases = Vec::new();
    for value in &values {
        cases.extend(texts.iter().filter(|_| !value.is_string()).map(|name| (*name, value)));
        cases.extend(lists.iter().map(|name| (*name, value)));
        cases.extend((!value.is_boolean()).then_some(("require_auth_time", value)));
        cases.extend((value.as_i64().is_none()).then_some(("default_max_age", value)));
        cases.extend((!value.is_object()).then_some(("jwks", value)));
    }
    for (name, value) in cases {
        let answer = register(&app, &about(json!({ name: value }))).await;
        assert_eq!(answer.status, 400, "{name} {value} {}", answer.body);
        assert!(answer.text("error_description").starts_with(name), "{name} {value} {}", answer.body);
        let error = answer.error();
        let expected: &[&str] = match name {
            "redirect_uris" => &["invalid_redirect_uri"],
            "software_statement" => &["invalid_software_statement"],
            _ => &["invalid_client_metadata"],
        };
        assert!(expected.contains(&error.as_str()), "{name} {value} {error}");
    }
    app.untouched(&before, "wrong types").await;
}

/// Bodies that are no registration at all.
#[tokio::test]
async fn bodies() {
    let app = registering("open", &[]).await;
    let good = about(json!({})).to_string();
    assert_eq!(send(&app, "POST", "/register", "", &good).await.status, 201);
    let before = app.rows().await;
    let deep = format!("{{\"x\":{}1{}}}", "[".repeat(5000), "]".repeat(5000));
    let large = about(json!({ "client_name": "x".repeat(100_000) })).to_string();
    for (body, status) in [
        ("{", 400),
        ("null", 400),
        ("[]", 400),
        ("\"x\"", 400),
        ("{} {}", 400),
        (r#"{"client_name":"a","client_name":"b"}"#, 400),
        (r#"{"default_max_age":1e400}"#, 400),
        ("\u{feff}{}", 400),
        (deep.as_str(), 400),
        (large.as_str(), 413),
    ] {
        let answer = send(&app, "POST", "/register", "", body).await;
        assert_eq!(answer.status, status, "{body:.40} {}", answer.body);
    }
    let http = Rp::at(&app.issuer, "", None);
    for media_type in ["text/plain", "application/x-www-form-urlencoded"] {
        let answer = http.send("POST", "/register", &[("content-type", media_type.to_owned())], &good).await;
        assert_eq!(answer.status, 415, "{media_type}");
    }
    app.untouched(&before, "broken bodies").await;
}

/// What a client may not say of itself is refused or without effect (DC-05).
#[tokio::test]
async fn nothing_that_only_an_operator_gives() {
    let app = registering("open", &[]).await;
    let own = Own::new(
        &app,
        json!({ "trusted": "skip", "first_party": true, "skip_consent": true, "pkce": "optional", "resources": ["x"] }),
    )
    .await;
    let stored = clients::find(&mut app.provider.db.conn(), &own.rp.id).await.unwrap().unwrap();
    assert_eq!(stored.trusted, vouchsafe::oauth::ConsentPolicy::Ask);
    assert!(stored.resources.is_empty() && stored.is_unchecked());
    for (name, value) in [
        ("client_id", json!("mine")),
        ("client_secret", json!("0123456789012345678901234567890123456789")),
        ("registration_access_token", json!("ra_x")),
        ("scope", json!("openid api.admin")),
        ("grant_types", json!(["authorization_code", "password"])),
        ("response_types", json!(["id_token"])),
        ("id_token_encrypted_response_alg", json!("RSA1_5")),
    ] {
        let answer = register(&app, &about(json!({ name: value }))).await;
        assert_eq!((answer.status, answer.error().as_str()), (400, "invalid_client_metadata"), "{name}");
        assert!(answer.text("error_description").starts_with(name), "{}", answer.body);
    }
}

/// Decision 18: PKCE is open to confidential apps, and to public ones only where the operator says so.
#[tokio::test]
async fn pkce_of_public_apps() {
    for (setting, accepted) in [("required", false), ("optional", true)] {
        let app = registering("open", &[("REGISTRATION__PUBLIC_PKCE", setting)]).await;
        let public = Own::new(&app, json!({ "token_endpoint_auth_method": "none" })).await;
        assert!(public.told.get("client_secret").is_none() && public.told.get("client_secret_expires_at").is_none());
        let confidential = Own::new(&app, json!({})).await;
        for (own, accepted) in [(&public, accepted), (&confidential, true)] {
            let flow = own.rp.flow().with("code_challenge", "").with("code_challenge_method", "");
            let page = Browser::new().visit(&own.rp.begin(&flow)).await;
            assert_eq!(page.has("sign-in"), accepted, "{setting}");
            let with = Browser::new().visit(&own.rp.begin(&own.rp.flow())).await;
            assert!(with.has("sign-in"));
        }
    }
}

/// JK-14: weak, private, symmetric, foreign, doubled or too many keys.
#[tokio::test]
async fn client_keys() {
    let app = registering("open", &[]).await;
    let key = serde_json::to_value(SigningKey::generate(Alg::ES256, &vouchsafe::base::Random::seeded(5)).unwrap().public_jwk())
        .unwrap();
    let asked = |keys: Value| about(json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": { "keys": keys } }));
    let with = |name: &str, value: Value| {
        let mut other = key.clone();
        other[name] = value;
        other
    };
    assert_eq!(register(&app, &asked(json!([key]))).await.status, 201);
    assert_eq!(
        register(&app, &asked(json!([key, { "kty": "RSA", "use": "enc", "kid": "e", "n": "AA", "e": "AQAB" }]))).await.status,
        201
    );
    let before = app.rows().await;
    let weak = json!({ "kty": "RSA", "kid": "r", "e": "AQAB", "n": vouchsafe::base::base64url(&[0xff; 128]) });
    for bad in [
        json!([weak]),
        json!([with("d", json!("AAAA"))]),
        json!([{ "kty": "oct", "kid": "o", "k": "AAAA" }]),
        json!([with("crv", json!("P-384"))]),
        json!(vec![key.clone(); 200]),
        json!([key, key]),
        json!([with("use", json!("enc"))]),
        json!([]),
        json!([7]),
        json!("keys"),
    ] {
        let answer = register(&app, &asked(bad.clone())).await;
        assert_eq!((answer.status, answer.error().as_str()), (400, "invalid_client_metadata"), "{bad:.200}");
        assert!(answer.text("error_description").starts_with("jwks"), "{}", answer.body);
    }
    app.untouched(&before, "bad keys").await;
}

/// A redirect URI with a fragment, and others that are none, are `invalid_redirect_uri`.
#[tokio::test]
async fn oidcc_redirect_uri_regfrag() {
    let app = registering("open", &[("RESPONSE_TYPES", "code,id_token")]).await;
    let code = |uri: &str| about(json!({ "redirect_uris": [uri] }));
    let implicit =
        |uri: &str| about(json!({ "redirect_uris": [uri], "response_types": ["id_token"], "grant_types": ["implicit"] }));
    let native =
        |uri: &str| about(json!({ "redirect_uris": [uri], "application_type": "native", "token_endpoint_auth_method": "none" }));
    for (fine, wrong) in [
        (code("https://app.test/cb"), code("https://app.test/cb#x")),
        (code("https://app.test/cb?a=b"), code("https://app.test/cb?a=b#")),
        (code("http://127.0.0.1/cb"), code("http://app.test/cb")),
        (native("com.example.app:/cb"), code("com.example.app:/cb")),
        (implicit("https://app.test/cb"), implicit("http://localhost/cb")),
        (implicit("https://app.test/cb"), implicit("https://localhost/cb")),
        (native("http://127.0.0.1/cb"), native("javascript:alert(1)")),
    ] {
        assert_eq!(register(&app, &fine).await.status, 201, "{fine}");
        let before = app.rows().await;
        let answer = register(&app, &wrong).await;
        assert_eq!((answer.status, answer.error().as_str()), (400, "invalid_redirect_uri"), "{wrong}");
        app.untouched(&before, "a bad redirect URI").await;
    }
}

#[tokio::test]
async fn oidcc_3rd_party_init_login() {
    let app = registering("open", &[]).await;
    let uri = "https://app.test/start";
    let own = Own::new(&app, json!({ "initiate_login_uri": uri })).await;
    assert_eq!(own.told["initiate_login_uri"], uri);
    assert_eq!(own.get(&app).await.text("initiate_login_uri"), uri);
}

#[tokio::test]
async fn oidcc_3rd_party_init_login_nohttps() {
    let app = registering("open", &[]).await;
    for uri in ["http://app.test/start", "http://localhost/start", "ftp://app.test/", "start"] {
        let answer = register(&app, &about(json!({ "initiate_login_uri": uri }))).await;
        assert_eq!((answer.status, answer.error().as_str()), (400, "invalid_client_metadata"), "{uri}");
    }
}

/// The list behind `sector_identifier_uri` is fetched and must have every redirect URI (Core section 8.1).
#[tokio::test]
async fn oidcc_registration_sector_uri() {
    let app = registering("open", &[]).await;
    let documents = Documents::start();
    documents.put("/sector", Document::json(&json!([CALLBACK, "https://other.test/cb"])));
    let sector = documents.url("/sector");
    let two = json!([CALLBACK, "https://other.test/cb"]);
    let own = Own::new(&app, json!({ "subject_type": "pairwise", "sector_identifier_uri": sector, "redirect_uris": two })).await;
    assert_eq!((own.told["subject_type"].as_str(), documents.asked("/sector")), (Some("pairwise"), 1));
    // Without it the two hosts are no sector.
    let answer = register(&app, &about(json!({ "subject_type": "pairwise", "redirect_uris": two }))).await;
    assert_eq!(answer.error(), "invalid_client_metadata");
    assert!(answer.text("error_description").starts_with("sector_identifier_uri"));
}

/// DC-10: a document that does not list the redirect URI, is no list, or does not come as it must.
#[tokio::test]
async fn oidcc_registration_sector_bad() {
    let app = registering("open", &[]).await;
    let documents = Documents::start();
    documents.put("/good", Document::json(&json!([CALLBACK])));
    let good = Document::json(&json!([CALLBACK]));
    documents.put("/other", Document::json(&json!(["https://other.test/cb"])));
    documents.put("/empty", Document::json(&json!([])));
    documents.put("/object", Document::json(&json!({ "0": CALLBACK })));
    documents.put("/mixed", Document::json(&json!([CALLBACK, 7])));
    documents.put("/nonsense", Document::of("<html>"));
    documents.put("/failing", Document { status: 500, ..good.clone() });
    documents
        .put("/elsewhere", Document { status: 302, header: format!("location: {}", documents.url("/good")), ..good.clone() });
    documents.put("/huge", Document::of(format!("[\"{CALLBACK}\"{}]", " ".repeat(256 * 1024))));
    documents.put("/slow", Document { delay: Duration::from_secs(6), ..good });
    let asked = |path: &str| about(json!({ "subject_type": "pairwise", "sector_identifier_uri": documents.url(path) }));
    assert_eq!(register(&app, &asked("/good")).await.status, 201);
    let before = app.rows().await;
    for path in ["/other", "/empty", "/object", "/mixed", "/nonsense", "/failing", "/elsewhere", "/huge", "/slow", "/missing"] {
        let began = Instant::now();
        let answer = register(&app, &asked(path)).await;
        assert_eq!((answer.status, answer.error().as_str()), (400, "invalid_client_metadata"), "{path}");
        assert!(answer.text("error_description").starts_with("sector_identifier_uri"), "{path} {}", answer.body);
        assert!(began.elapsed() < Duration::from_secs(9), "{path}");
    }
    assert_eq!(documents.asked("/good"), 1, "no redirect was followed");
    app.untouched(&before, "bad sectors").await;
}

/// Decision 16, AD-05: a logo is fetched once and served by us; what is no picture is refused by name.
#[tokio::test]
async fn oidcc_registration_logo_uri() {
    let app = registering("open", &[]).await;
    let documents = Documents::start();
    documents.put("/logo.png", Document::of(png()));
    documents.put("/logo.svg", Document::of("<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"));
    documents.put("/page", Document::of("<html>"));
    documents.put(
        "/elsewhere",
        Document { status: 302, header: format!("location: {}", documents.url("/logo.png")), ..Document::of("") },
    );
    let uri = documents.url("/logo.png");
    let own = Own::new(&app, json!({ "logo_uri": uri })).await;
    let page = Browser::new().visit(&own.rp.begin(&own.rp.flow())).await;
    assert!(!page.body.contains(&uri), "no page loads anything from elsewhere");
    let sources = page.attributes("img", "src");
    let logo = sources.iter().find(|src| src.contains("/logo/")).unwrap_or_else(|| panic!("{sources:?}"));
    let served = own.rp.get(logo).await;
    assert_eq!((served.status, served.header("content-type")), (200, Some("image/png")));
    assert_eq!(documents.asked("/logo.png"), 1);
    let before = app.rows().await;
    for path in ["/logo.svg", "/page", "/elsewhere", "/missing"] {
        let answer = register(&app, &about(json!({ "logo_uri": documents.url(path) }))).await;
        assert_eq!(answer.status, 400, "{path}");
        assert!(answer.text("error_description").starts_with("logo_uri"), "{path} {}", answer.body);
    }
    app.untouched(&before, "bad logos").await;
}

/// The links of the app are on its consent page, in the person's language.
#[tokio::test]
async fn oidcc_registration_policy_uri_and_tos_uri() {
    let app = registering("open", &[]).await;
    app.person("ana").await;
    let own = Own::new(
        &app,
        json!({
            "client_name": "Diary <b>", "client_name#de": "Tagebuch", "policy_uri": "https://app.test/policy",
            "policy_uri#de": "https://app.test/datenschutz", "tos_uri": "https://app.test/tos",
        }),
    )
    .await;
    for (language, name, policy) in
        [("en", "Diary &#60;b&#62;", "https://app.test/policy"), ("de", "Tagebuch", "https://app.test/datenschutz")]
    {
        let mut browser = Browser::reading(language);
        let page = browser.visit(&own.rp.begin(&own.rp.flow())).await;
        let page = browser
            .submit(&page, "sign-in", &[("username", "ana@example.com"), ("password", crate::support::app::PASSWORD)])
            .await;
        let links = page.attributes("a", "href");
        assert!(links.iter().any(|link| link == policy) && links.iter().any(|link| link == "https://app.test/tos"), "{links:?}");
        assert!(page.body.contains(name), "{}", page.body);
    }
}

/// DC-02: whatever a member names, nothing that only we can reach is called, and the words are the same for all.
#[tokio::test]
async fn nothing_private_is_called() {
    let app = registering("open", &[("OUTBOUND__ALLOW", "")]).await;
    let canary = Documents::start();
    canary.put("/x", Document::json(&json!([CALLBACK])));
    let port = canary.port;
    let hosts = [
        "127.0.0.1",
        "[::1]",
        "0.0.0.0",
        "169.254.169.254",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.0.1",
        "100.64.0.1",
        "[fc00::1]",
        "[fe80::1]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "2130706433",
        "0x7f.1",
        "017700000001",
        "localhost",
        "a.localhost",
        "localhost.",
    ];
    for field in ["sector_identifier_uri", "logo_uri"] {
        for host in hosts {
            let answer = register(&app, &about(json!({ field: format!("https://{host}:{port}/x") }))).await;
            assert_eq!((answer.status, answer.error().as_str()), (400, "invalid_client_metadata"), "{field} {host}");
            let words = answer.text("error_description");
            let same = [format!("{field} could not be fetched"), format!("{field} must be an https address")];
            assert!(same.contains(&words), "{host}: {words}");
        }
    }
    for field in ["sector_identifier_uri", "logo_uri", "jwks_uri", "policy_uri", "tos_uri", "client_uri", "initiate_login_uri"] {
        for uri in ["file:///etc/passwd", "gopher://127.0.0.1/", "data:text/plain,x", "unix:/tmp/x", "https://a:b@127.0.0.1/"] {
            assert_eq!(register(&app, &about(json!({ field: uri }))).await.status, 400, "{field} {uri}");
        }
    }
    // Only named: stored, or refused, but never fetched.
    for field in ["jwks_uri", "policy_uri", "tos_uri", "client_uri", "initiate_login_uri"] {
        register(&app, &about(json!({ field: canary.url("/x") }))).await;
    }
    register(&app, &about(json!({ "request_uris": [canary.url("/x")] }))).await;
    assert_eq!(canary.connections(), 0, "the canary was called");
    // The twin: with its network opened the same is called.
    let opened = registering("open", &[]).await;
    assert_eq!(register(&opened, &about(json!({ "sector_identifier_uri": canary.url("/x") }))).await.status, 201);
    assert_eq!(canary.connections(), 1);
}

/// A statement is by nobody who is trusted, or is none (section 3.2.2).
#[tokio::test]
async fn software_statements() {
    let app = registering("open", &[]).await;
    for (statement, error) in
        [("eyJhIjoxfQ.eyJiIjoxfQ.AAAA", "unapproved_software_statement"), ("x", "invalid_software_statement")]
    {
        let answer = register(&app, &about(json!({ "software_statement": statement }))).await;
        assert_eq!((answer.status, answer.error().as_str()), (400, error));
    }
}

/// `userinfo_signed_response_alg`: a signed JWT with `iss` and `aud`, which is no ID token (Core section 5.3.2).
#[tokio::test]
async fn oidcc_userinfo_rs256() {
    let app = registering("open", &[]).await;
    app.person("ana").await;
    let own = Own::new(&app, json!({ "userinfo_signed_response_alg": "RS256" })).await;
    let tokens = own.rp.tokens(&mut Browser::new(), "ana").await;
    let answer = own.rp.userinfo(&tokens.text("access_token")).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/jwt")));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let header = vouchsafe::jose::peek_header(&answer.body).unwrap();
    assert_eq!(header.alg, "RS256");
    let key = app.provider.keys.verifying(&header.kid.unwrap()).unwrap();
    let expect = vouchsafe::jose::Expect {
        typ: &["JWT"],
        issuer: &app.issuer,
        audiences: &[&own.rp.id],
        required: &["iss", "aud", "sub"],
        now: app.clock.now(),
        ..Default::default()
    };
    let claims = vouchsafe::jose::verify(&answer.body, &key, &expect).unwrap();
    assert_eq!(claims["sub"], crate::support::rp::claims(&tokens.text("id_token"))["sub"]);
    let page = Browser::new().visit(&own.rp.begin(&own.rp.flow().with("id_token_hint", &answer.body))).await;
    assert_eq!(page.param("error").as_deref(), Some("invalid_request"), "it is no hint");
    // The twin answers plainly.
    let plain = Own::new(&app, json!({})).await;
    let tokens = plain.rp.tokens(&mut Browser::new(), "ana").await;
    assert_eq!(plain.rp.userinfo(&tokens.text("access_token")).await.json()["email"], "ana@example.com");
}

/// Core sections 2 and 3.1.2.1: what the client registered holds where a request says nothing.
#[tokio::test]
async fn registered_defaults_hold() {
    let app = registering("open", &[]).await;
    app.person("ana").await;
    let own =
        Own::new(&app, json!({ "default_max_age": 60, "require_auth_time": true, "id_token_signed_response_alg": "ES256" }))
            .await;
    let mut browser = Browser::new();
    let token = own.rp.tokens(&mut browser, "ana").await.text("id_token");
    assert_eq!(crate::support::rp::header(&token)["alg"], "ES256");
    assert_eq!(crate::support::rp::claims(&token)["auth_time"], app.clock.now().unix());
    app.clock.advance(59);
    assert!(browser.visit(&own.rp.begin(&own.rp.flow())).await.param("code").is_some());
    app.clock.advance(1);
    assert!(browser.visit(&own.rp.begin(&own.rp.flow())).await.has("sign-in"));
}

/// Rate class: the last one before the limit passes, the next does not, and reading is not charged.
#[tokio::test]
async fn strangers_register_a_few() {
    let app = registering("open", &[("REGISTRATION__PER_HOUR", "3")]).await;
    let own = Own::new(&app, json!({})).await;
    assert_eq!(register(&app, &about(json!({ "contacts": 7 }))).await.status, 400);
    assert_eq!(register(&app, &about(json!({}))).await.status, 201);
    let before = app.rows().await;
    let refused = register(&app, &about(json!({}))).await;
    assert_eq!(refused.status, 429);
    assert!(refused.header("retry-after").is_some());
    assert_eq!(own.put(&app, &own.told).await.status, 429);
    app.untouched(&before, "the limit").await;
    assert_eq!(own.get(&app).await.status, 200);
}

/// Clients that nobody used in time go; those that somebody used, and an operator's, stay.
#[tokio::test]
async fn unused_ones_are_swept() {
    let app = registering("open", &[("REGISTRATION__UNUSED_DAYS", "30")]).await;
    app.person("ana").await;
    Rp::web(&app, "operators").await;
    let used = Own::new(&app, json!({})).await;
    let machine = Own::new(&app, json!({ "grant_types": ["client_credentials"], "redirect_uris": null })).await;
    let idle = Own::new(&app, json!({})).await;
    used.rp.tokens(&mut Browser::new(), "ana").await;
    assert_eq!(machine.rp.post("/token", &[("grant_type", "client_credentials")]).await.status, 200);
    app.clock.advance(30 * 86_400);
    assert_eq!(sweep(&app.provider, app.clock.now()).await.unwrap(), 0, "not yet");
    app.clock.advance(1);
    assert_eq!(sweep(&app.provider, app.clock.now()).await.unwrap(), 1);
    app.notice_changes();
    assert_eq!(idle.get(&app).await.status, 401);
    assert_eq!((used.get(&app).await.status, machine.get(&app).await.status), (200, 200));
    assert_eq!(app.count("SELECT COUNT(*) AS count FROM clients").await, 3);
    assert_eq!(app.audited("client_swept").await, 1);
    let never = registering("open", &[("REGISTRATION__UNUSED_DAYS", "0")]).await;
    Own::new(&never, json!({})).await;
    never.clock.advance(3650 * 86_400);
    assert_eq!(sweep(&never.provider, never.clock.now()).await.unwrap(), 0);
}

/// Decision 22: the origins of apps that registered themselves pass a preflight at once, and go with them.
#[tokio::test]
async fn preflights() {
    let app = registering("open", &[]).await;
    let own = Own::new(&app, json!({})).await;
    let preflight = async |origin: &str| {
        let headers = [("origin", origin.to_owned()), ("access-control-request-method", "POST".to_owned())];
        let answer = own.rp.send("OPTIONS", "/token", &headers, "").await;
        answer.header("access-control-allow-origin").map(ToOwned::to_owned)
    };
    assert_eq!(preflight("https://app.test").await.as_deref(), Some("https://app.test"));
    assert_eq!(preflight("https://evil.test").await, None);
    assert_eq!(own.delete(&app).await.status, 204);
    assert_eq!(preflight("https://app.test").await, None);
}

/// Decision 21: an API that nobody registered is open to an operator's clients where the settings say so, never to strangers.
#[tokio::test]
async fn no_resources_for_strangers() {
    let app = registering("open", &[("RESOURCES__UNREGISTERED", "allow")]).await;
    let machine = Rp::of(&app, &app.machine("machine", "api").await);
    let own = Own::new(&app, json!({ "grant_types": ["client_credentials"], "redirect_uris": null })).await;
    let fields = [("grant_type", "client_credentials"), ("resource", "https://api.test/")];
    assert_eq!(machine.post("/token", &fields).await.status, 200);
    let refused = own.rp.post("/token", &fields).await;
    assert_eq!((refused.status, refused.error().as_str()), (400, "invalid_target"));
    assert_eq!(own.rp.post("/token", &fields[..1]).await.status, 200);
}

/// Registration costs with ten thousand clients what it costs with ten.
#[tokio::test]
async fn many_clients_cost_nothing() {
    let app = registering("open", &[]).await;
    let round = async || {
        let mut best = Duration::MAX;
        for _ in 0..15 {
            let began = Instant::now();
            let own = Own::new(&app, json!({})).await;
            own.get(&app).await;
            let preflight = [("origin", "https://app.test".to_owned())];
            own.rp.send("OPTIONS", "/token", &preflight, "").await;
            own.delete(&app).await;
            best = best.min(began.elapsed());
        }
        best
    };
    let few = round().await;
    let template = Own::new(&app, json!({})).await;
    let client = clients::find(&mut app.provider.db.conn(), &template.rp.id).await.unwrap().unwrap();
    let mut rows = Vec::new();
    for n in 0..10_000 {
        let id = vouchsafe::base::Id::new(&app.clock, &app.provider.random).unwrap();
        rows.push((id, Client { client_id: format!("many-{n}"), ..client.clone() }));
    }
    let now = app.clock.now();
    for chunk in rows.chunks(1000) {
        let chunk = chunk.to_vec();
        let fill = async move |tx: &mut vouchsafe::store::Tx| {
            for (id, client) in &chunk {
                clients::insert(tx, id, client, now).await?;
            }
            Ok(())
        };
        app.provider.db.write(fill).await.unwrap();
    }
    app.notice_changes();
    let many = round().await;
    assert!(many < few * 3 + Duration::from_millis(5), "{few:?} with ten, {many:?} with ten thousand");
}

/// The path of the issuer is in the addresses that are told, and the host is the issuer's whatever the request says.
#[tokio::test]
async fn addresses_come_from_the_issuer() {
    let settings = [("REGISTRATION__MODE", "open"), ("TRUSTED_HOSTS", "other.test")];
    let app = TestApp::with(Wish { path: "/tenant", settings: &settings, ..Wish::default() }).await;
    let headers = [("content-type", "application/json".to_owned()), ("host", "other.test".to_owned())];
    let answer = Rp::at(&app.issuer, "", None).send("POST", "/register", &headers, &about(json!({})).to_string()).await;
    let own = Own::of(&app, &answer);
    assert!(own.path.starts_with("/register/"));
    assert_eq!(own.get(&app).await.status, 200);
}
