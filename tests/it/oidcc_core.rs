//! The modules of the conformance suite's Basic, Implicit, Hybrid and Form Post plans, each for the response types and modes in
//! which the suite runs it (OpenID Connect Core 1.0, OAuth 2.0 Form Post Response Mode): what it checks, said in our own words.

use std::collections::BTreeMap;

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Validation};
use serde_json::{Value, json};

use crate::support::app::PASSWORD;
use crate::support::registrar::{Own, registering};
use crate::support::rp::{Answer, Flow, challenge, claims, header};
use crate::support::{Browser, CALLBACK, Initiator, Page, TestApp};

const BASIC: &[&str] = &["code"];
const IMPLICIT: &[&str] = &["id_token", "id_token token"];
const HYBRID: &[&str] = &["code id_token", "code token", "code id_token token"];

/// A client that registered itself for one response type, answered in one mode, and a person at a browser.
struct Run<'a> {
    app: &'a TestApp,
    own: Own,
    browser: Browser,
    response_type: &'static str,
    mode: &'static str,
}

/// The parameters of an authorization response.
#[derive(Debug)]
struct Told(BTreeMap<String, String>);

impl Told {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    fn error(&self) -> &str {
        self.get("error").unwrap_or_else(|| panic!("no error in {self:?}"))
    }
}

async fn house() -> TestApp {
    let types = "code,id_token,id_token token,code id_token,code token,code id_token token";
    let app = registering("open", &[("RESPONSE_TYPES", types)]).await;
    app.person("ana").await;
    app
}

/// Runs a check for each of these response types, in its default mode and by form.
async fn each(plans: &[&'static [&'static str]], check: impl AsyncFn(&mut Run<'_>)) {
    let app = house().await;
    for response_type in plans.iter().flat_map(|types| types.iter()) {
        for mode in ["", "form_post"] {
            check(&mut Run::new(&app, response_type, mode, json!({})).await).await;
        }
    }
}

impl<'a> Run<'a> {
    async fn new(app: &'a TestApp, response_type: &'static str, mode: &'static str, more: Value) -> Run<'a> {
        let has = |part: &str| response_type.split(' ').any(|own| own == part);
        let mut grants = if has("code") { vec!["authorization_code", "refresh_token"] } else { vec![] };
        grants.extend((has("id_token") || has("token")).then_some("implicit"));
        let mut about = json!({ "response_types": [response_type], "grant_types": grants });
        about.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Run { app, own: Own::new(app, about).await, browser: Browser::new(), response_type, mode }
    }

    fn has(&self, part: &str) -> bool {
        self.response_type.split(' ').any(|own| own == part)
    }

    /// The suite's plain request: no code challenge.
    fn flow(&self) -> Flow {
        let flow = self.own.rp.flow().with("code_challenge", "").with("code_challenge_method", "").with("scope", "openid");
        flow.with("response_type", self.response_type).with("response_mode", self.mode)
    }

    /// Goes all the way, signing in and consenting where asked; whether anything was asked.
    async fn go(&mut self, flow: &Flow) -> (Told, bool) {
        let mut page = self.browser.visit(&self.own.rp.begin(flow)).await;
        let mut asked = false;
        for _ in 0..4 {
            if page.has("sign-in") {
                let fields = [("username", "ana@example.com"), ("password", PASSWORD)];
                page = self.browser.submit(&page, "sign-in", &fields).await;
                asked = true;
            } else if page.has("allow") {
                page = self.browser.submit(&page, "allow", &[]).await;
            }
        }
        let told = self.told(&page);
        assert_eq!(told.get("state").is_some(), flow.0.iter().any(|(name, _)| name == "state"), "{told:?}");
        (told, asked)
    }

    async fn told_at_once(&mut self, flow: &Flow) -> Told {
        let page = self.browser.get(&self.own.rp.begin(flow)).await;
        self.told(&page)
    }

    /// What every response keeps to (protocol B.2.3): the right mode, the state, the issuer, nothing beside it.
    fn told(&self, page: &Page) -> Told {
        let told: BTreeMap<String, String> = if self.mode == "form_post" {
            assert_eq!((page.status, page.location()), (200, None), "{:?}", page.location());
            let form = page.form("continue");
            assert_eq!((form.action.as_str(), form.method.as_str()), (CALLBACK, "POST"));
            url::form_urlencoded::parse(form.body().as_bytes()).into_owned().collect()
        } else {
            assert!(page.leaves_for(CALLBACK), "{} {:?}", page.status, page.location());
            let location = page.location().unwrap();
            let (query, fragment) = (location.query().unwrap_or_default(), location.fragment().unwrap_or_default());
            let (used, empty) = if self.response_type == "code" { (query, fragment) } else { (fragment, query) };
            assert_eq!(empty, "", "{location}");
            url::form_urlencoded::parse(used.as_bytes()).into_owned().collect()
        };
        assert_eq!(told.get("iss"), Some(&self.app.issuer));
        if let Some(code) = told.get("code") {
            assert!(code.len() >= 43, "256 bits: {code}");
        }
        if told.contains_key("error") {
            let known = ["error", "error_description", "error_uri", "state", "session_state", "iss"];
            assert!(told.keys().all(|name| known.contains(&name.as_str())), "{told:?}");
        }
        Told(told)
    }

    /// The ID token of a finished flow: from this endpoint, or for its code; with the token endpoint's answer.
    async fn id_token(&self, told: &Told) -> (Value, Option<Answer>) {
        let answer = match told.get("code") {
            Some(code) => Some(self.exchange(code).await),
            None => None,
        };
        if let Some(answer) = &answer {
            assert_eq!(answer.status, 200, "{}", answer.body);
            assert_eq!((answer.text("token_type").as_str(), answer.header("cache-control")), ("Bearer", Some("no-store")));
            assert!(answer.json()["expires_in"].is_u64());
        }
        let token = match (told.get("id_token"), &answer) {
            (Some(token), _) => token.to_owned(),
            (None, Some(answer)) => answer.text("id_token"),
            (None, None) => panic!("no ID token in {told:?}"),
        };
        (claims(&token), answer)
    }

    async fn exchange(&self, code: &str) -> Answer {
        let fields = [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", CALLBACK)];
        self.own.rp.post("/token", &fields).await
    }

    /// What userinfo says, or the ID token where no access token is issued.
    async fn about_ana(&mut self, flow: &Flow) -> Value {
        let (told, _) = self.go(flow).await;
        let (id_token, answer) = self.id_token(&told).await;
        let access_token =
            told.get("access_token").map(str::to_owned).or_else(|| answer.map(|answer| answer.text("access_token")));
        let Some(access_token) = access_token else { return id_token };
        let userinfo = self.own.rp.userinfo(&access_token).await;
        assert_eq!(userinfo.status, 200, "{}", userinfo.body);
        assert_eq!(userinfo.json()["sub"], id_token["sub"]);
        userinfo.json()
    }
}

#[expect(clippy::disallowed_methods, reason = "the tests verify with a library as a relying party does")]
fn verified(token: &str, key: &DecodingKey, validation: &Validation) -> Value {
    jsonwebtoken::decode(token, key, validation).unwrap().claims
}

/// oidcc-server, oidcc-idtoken-signature: the plain way, and what an ID token holds for each response type.
#[tokio::test]
async fn oidcc_server_and_idtoken_signature() {
    each(&[BASIC, IMPLICIT, HYBRID], async |run| {
        let (told, _) = run.go(&run.flow()).await;
        let (id_token, answer) = run.id_token(&told).await;
        assert_eq!((id_token["nonce"].as_str(), told.get("state")), (Some("a nonce"), Some("a state")));
        for (part, name) in [("code", "code"), ("token", "access_token"), ("id_token", "id_token")] {
            assert_eq!(told.get(name).is_some(), run.has(part), "{} {told:?}", run.response_type);
        }
        let in_front = run.has("id_token");
        assert_eq!(!id_token["c_hash"].is_null(), in_front && run.has("code"));
        assert_eq!(!id_token["at_hash"].is_null(), !in_front || run.has("token"));
        let token = told.get("id_token").map(str::to_owned).unwrap_or_else(|| answer.unwrap().text("id_token"));
        let set: JwkSet = serde_json::from_value(run.own.rp.get("/jwks").await.json()).unwrap();
        let key = set.find(header(&token)["kid"].as_str().unwrap()).unwrap();
        let mut validation = Validation::new(jsonwebtoken::Algorithm::RS256);
        validation.set_audience(&[&run.own.rp.id]);
        validation.set_issuer(&[&run.app.issuer]);
        verified(&token, &DecodingKey::from_jwk(key).unwrap(), &validation);
    })
    .await;
}

/// oidcc-response-type-missing: told to the client where a redirect is possible.
#[tokio::test]
async fn oidcc_response_type_missing() {
    let app = house().await;
    for mode in ["", "form_post"] {
        let mut run = Run::new(&app, "code", mode, json!({})).await;
        let told = run.told_at_once(&run.flow().with("response_type", "")).await;
        assert_eq!(told.error(), "invalid_request");
    }
}

/// oidcc-idtoken-unsigned: there are no unsigned tokens; nobody may register for them.
#[tokio::test]
async fn oidcc_idtoken_unsigned() {
    let app = house().await;
    let algs = Own::new(&app, json!({})).await.rp.get("/.well-known/openid-configuration").await.json();
    assert!(!algs["id_token_signing_alg_values_supported"].as_array().unwrap().contains(&json!("none")));
    let about = crate::support::registrar::about(json!({ "id_token_signed_response_alg": "none" }));
    assert_eq!(crate::support::registrar::register(&app, &about).await.error(), "invalid_client_metadata");
}

/// oidcc-userinfo-get, -post-header, -post-body: the token in each of its three places.
#[tokio::test]
async fn oidcc_userinfo() {
    each(&[BASIC, &["id_token token"], HYBRID], async |run| {
        let (told, _) = run.go(&run.flow()).await;
        let (_, answer) = run.id_token_or_token(&told).await;
        let authorization = [("authorization", format!("Bearer {answer}"))];
        let rp = &run.own.rp;
        let body = rp.post_as("/userinfo", None, &[("access_token", &answer)]).await;
        for answer in
            [rp.send("GET", "/userinfo", &authorization, "").await, rp.send("POST", "/userinfo", &authorization, "").await, body]
        {
            assert_eq!((answer.status, answer.text("sub").len()), (200, 22), "{}", answer.body);
        }
    })
    .await;
}

impl Run<'_> {
    /// An access token, wherever it came from.
    async fn id_token_or_token(&self, told: &Told) -> (Value, String) {
        let (id_token, answer) = self.id_token(told).await;
        let token = told.get("access_token").map(str::to_owned);
        (id_token, token.unwrap_or_else(|| answer.unwrap().text("access_token")))
    }
}

/// oidcc-ensure-request-without-nonce-succeeds-for-code-flow, oidcc-ensure-request-without-nonce-fails.
#[tokio::test]
async fn oidcc_ensure_request_without_nonce() {
    each(&[BASIC, IMPLICIT, HYBRID], async |run| {
        let flow = run.flow().with("nonce", "");
        if run.has("id_token") {
            assert_eq!(run.told_at_once(&flow).await.error(), "invalid_request");
        } else {
            let (told, _) = run.go(&flow).await;
            assert!(run.id_token(&told).await.0["nonce"].is_null());
        }
    })
    .await;
}

/// oidcc-scope-profile, -email, -address, -phone, -all: each scope's claims and no other's, with the types that they have.
#[tokio::test]
async fn oidcc_scopes() {
    let profile = vouchsafe::oauth::claims_of_scope("profile");
    assert_eq!(profile.len(), 14);
    each(&[BASIC, IMPLICIT, HYBRID], async |run| {
        for scope in ["profile", "email", "address", "phone", "profile email address phone"] {
            let told = run.about_ana(&run.flow().with("scope", &format!("openid {scope}"))).await;
            for one in ["profile", "email", "address", "phone"] {
                let is_asked = scope.split(' ').any(|own| own == one);
                for claim in vouchsafe::oauth::claims_of_scope(one) {
                    assert_eq!(told.get(claim).is_some(), is_asked, "{claim} with {scope} in {told}");
                }
            }
            for claim in ["email_verified", "phone_number_verified"] {
                assert!(told.get(claim).is_none_or(Value::is_boolean), "{claim}");
            }
            assert!(told.get("updated_at").is_none_or(Value::is_u64) && told.get("address").is_none_or(Value::is_object));
        }
    })
    .await;
}

/// oidcc-alternate-happy-flow, -display-page, -display-popup, -login-hint, -ui-locales, -claims-locales, -unknown-parameter,
/// -acr-values: wishes and what is unknown never fail, in whatever order they come.
#[tokio::test]
async fn oidcc_wishes() {
    each(&[BASIC, IMPLICIT, HYBRID], async |run| {
        for (name, value) in [
            ("scope", "email openid"),
            ("display", "page"),
            ("display", "popup"),
            ("login_hint", "somebody@example.com"),
            ("ui_locales", "se"),
            ("claims_locales", "se"),
            ("extra", "foobar"),
            ("acr_values", "1 2"),
            ("acr_values", "aal1"),
        ] {
            let mut flow = run.flow().with(name, value);
            flow.0.reverse();
            let (told, _) = run.go(&flow).await;
            let (id_token, _) = run.id_token(&told).await;
            assert!(!value.starts_with("aal") || id_token["acr"] == value, "{id_token}");
        }
    })
    .await;
}

/// oidcc-prompt-login, oidcc-max-age-1, oidcc-max-age-10000: when a person is asked again, and what `auth_time` says then.
#[tokio::test]
async fn oidcc_prompt_login_and_max_age() {
    each(&[BASIC, IMPLICIT, HYBRID], async |run| {
        let (told, _) = run.go(&run.flow()).await;
        let first = run.id_token(&told).await.0["auth_time"].as_i64().unwrap();
        run.app.clock.advance(2);
        for (name, value, is_asked) in [("max_age", "10000", false), ("prompt", "login", true), ("max_age", "1", true)] {
            let (told, asked) = run.go(&run.flow().with(name, value)).await;
            let then = run.id_token(&told).await.0["auth_time"].as_i64().unwrap();
            assert_eq!((asked, then > first), (is_asked, is_asked), "{name}={value}");
            run.app.clock.advance(2);
        }
    })
    .await;
}

/// oidcc-prompt-none-not-logged-in, oidcc-prompt-none-logged-in, oidcc-id-token-hint: no page, whoever is there.
#[tokio::test]
async fn oidcc_prompt_none() {
    each(&[BASIC, IMPLICIT, HYBRID], async |run| {
        let silent = run.flow().with("prompt", "none");
        assert_eq!(run.told_at_once(&silent).await.error(), "login_required");
        let (told, _) = run.go(&run.flow()).await;
        let (first, answer) = run.id_token(&told).await;
        let hint = told.get("id_token").map(str::to_owned).unwrap_or_else(|| answer.unwrap().text("id_token"));
        for flow in [silent.clone(), silent.with("id_token_hint", &hint)] {
            let told = run.told_at_once(&flow).await;
            let (again, _) = run.id_token(&told).await;
            assert_eq!((&again["sub"], &again["auth_time"]), (&first["sub"], &first["auth_time"]));
        }
    })
    .await;
}

/// oidcc-codereuse, oidcc-codereuse-30seconds: a code is good once, and what came from it is worth nothing after that.
#[tokio::test]
async fn oidcc_codereuse() {
    for seconds in [0, 30] {
        each(&[BASIC, HYBRID], async |run| {
            let (told, _) = run.go(&run.flow()).await;
            let code = told.get("code").unwrap();
            let token = run.exchange(code).await.text("access_token");
            run.app.clock.advance(seconds);
            let again = run.exchange(code).await;
            assert_eq!((again.status, again.error().as_str()), (400, "invalid_grant"));
            assert_eq!(run.own.rp.userinfo(&token).await.status, 401);
        })
        .await;
    }
}

/// oidcc-ensure-registered-redirect-uri: a page, and never a redirect.
#[tokio::test]
async fn oidcc_ensure_registered_redirect_uri() {
    each(&[BASIC, IMPLICIT, HYBRID], async |run| {
        let flow = run.flow().with("redirect_uri", "https://app.test/cb/unregistered");
        let page = run.browser.get(&run.own.rp.begin(&flow)).await;
        assert_eq!((page.status, page.location(), page.has("error-page")), (400, None, true));
        assert!(!page.has("continue"), "no form that leads there");
    })
    .await;
}

/// oidcc-ensure-post-request-succeeds: from a page of the client's, without any cookie.
#[tokio::test]
async fn oidcc_ensure_post_request_succeeds() {
    each(&[BASIC], async |run| {
        run.go(&run.flow()).await;
        let flow = run.flow();
        let fields: Vec<_> = flow.0.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let page = run.browser.post(Initiator::Site("https://app.test"), &run.app.url("/authorize"), &fields).await;
        let page = run.browser.follow(page).await;
        assert!(run.told(&page).get("code").is_some());
    })
    .await;
}

/// oidcc-server-client-secret-post, and the other ways that the comprehensive plan goes: each method by its registration.
#[tokio::test]
async fn oidcc_server_client_secret_post() {
    let app = house().await;
    let mut run = Run::new(&app, "code", "", json!({ "token_endpoint_auth_method": "client_secret_post" })).await;
    let (told, _) = run.go(&run.flow()).await;
    let (id, secret) = (run.own.rp.id.clone(), run.own.rp.secret.clone().unwrap());
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", told.get("code").unwrap()),
        ("redirect_uri", CALLBACK),
        ("client_id", &id),
        ("client_secret", &secret),
    ];
    assert_eq!(run.own.rp.post("/token", &fields[..3]).await.error(), "invalid_client", "Basic is another method");
    assert_eq!(run.own.rp.post_as("/token", None, &fields).await.status, 200);
}

/// oidcc-claims-essential: where it was asked for, and not elsewhere.
#[tokio::test]
async fn oidcc_claims_essential() {
    each(&[BASIC, IMPLICIT, HYBRID], async |run| {
        let place = if run.response_type == "id_token" { "id_token" } else { "userinfo" };
        let asked = json!({ place: { "name": { "essential": true } } }).to_string();
        let flow = run.flow().with("claims", &asked);
        let about = run.about_ana(&flow).await;
        assert_eq!(about["name"], "ana Example");
        if place == "userinfo" {
            let (told, _) = run.go(&flow).await;
            assert!(run.id_token(&told).await.0["name"].is_null());
        }
    })
    .await;
}

/// oidcc-refresh-token: the same person and sign-in again, and nothing for another client.
#[tokio::test]
async fn oidcc_refresh_token() {
    each(&[BASIC, HYBRID], async |run| {
        let flow = run.flow().with("scope", "openid offline_access").with("prompt", "consent");
        let (told, _) = run.go(&flow).await;
        let answer = run.exchange(told.get("code").unwrap()).await;
        let (first, refresh) = (claims(&answer.text("id_token")), answer.text("refresh_token"));
        run.app.clock.advance(1);
        let second = run.own.rp.refresh(&refresh).await;
        assert_eq!((second.status, second.header("cache-control")), (200, Some("no-store")));
        let (second, next) = (claims(&second.text("id_token")), second.text("refresh_token"));
        for name in ["iss", "sub", "aud", "auth_time"] {
            assert_eq!(second[name], first[name], "{name}");
        }
        assert!(second["iat"].as_i64() > first["iat"].as_i64());
        assert!(second["nonce"].is_null() || second["nonce"] == first["nonce"]);
        let other = Run::new(run.app, "code", "", json!({ "grant_types": ["authorization_code", "refresh_token"] })).await;
        assert_eq!(other.own.rp.refresh(&next).await.error(), "invalid_grant");
    })
    .await;
}

/// oidcc-ensure-request-with-valid-pkce-succeeds: a confidential client may use it, and then has to keep to it.
#[tokio::test]
async fn oidcc_ensure_request_with_valid_pkce_succeeds() {
    each(&[BASIC, HYBRID], async |run| {
        let flow = run.flow().with("code_challenge", &challenge()).with("code_challenge_method", "S256");
        let (told, _) = run.go(&flow).await;
        assert_eq!(run.own.rp.exchange(told.get("code").unwrap()).await.status, 200);
        let (told, _) = run.go(&flow).await;
        assert_eq!(run.exchange(told.get("code").unwrap()).await.error(), "invalid_grant");
    })
    .await;
}
