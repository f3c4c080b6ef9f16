//! OpenID Connect Core 1.0: prompts, ages, hints, claims, and what is in an ID token.

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Validation};
use serde_json::{Value, json};
use vouchsafe::admin::clients::Changes;
use vouchsafe::oauth::GrantType;

use crate::support::app::{PASSWORD, Wish};
use crate::support::rp::{claims, header};
use crate::support::{Browser, CALLBACK, Rp, TestApp};

async fn scene() -> (TestApp, Rp, Browser) {
    let app = TestApp::start().await;
    app.person("ana").await;
    let rp = Rp::web(&app, "web").await;
    (app, rp, Browser::new())
}

/// Protects silent requests (section 3.1.2.1): `prompt=none` never shows a page, and says which one it would have needed.
#[tokio::test]
async fn prompt_none() {
    let (app, rp, mut browser) = scene().await;
    let silent = rp.flow().with("prompt", "none");
    let error = browser.get(&rp.begin(&silent)).await.param("error");
    assert_eq!(error.as_deref(), Some("login_required"));
    rp.code(&mut browser, "ana").await;
    app.clock.advance(10);
    let page = browser.get(&rp.begin(&silent)).await;
    let tokens = rp.exchange(&page.param("code").unwrap()).await;
    assert_eq!(claims(&tokens.text("id_token"))["auth_time"], app.clock.now().unix() - 10);
    let other = Rp::web(&app, "other").await;
    let error = browser.get(&other.begin(&other.flow().with("prompt", "none"))).await.param("error");
    assert_eq!(error.as_deref(), Some("consent_required"));
}

/// Protects fresh sign-ins (section 3.1.2.1): `prompt=login` and an old `max_age` ask again and give a later `auth_time`,
/// also while the clock stands still; a young session is not asked.
#[tokio::test]
async fn signing_in_again() {
    let (app, rp, mut browser) = scene().await;
    let first = claims(&rp.tokens(&mut browser, "ana").await.text("id_token"));
    for (name, value, asked) in
        [("prompt", "login", true), ("max_age", "5", true), ("max_age", "0", true), ("max_age", "10000", false)]
    {
        app.clock.advance(20);
        let page = browser.visit(&rp.begin(&rp.flow().with(name, value))).await;
        assert_eq!(page.has("sign-in"), asked, "{name}={value}");
        let page = match asked {
            true => browser.submit(&page, "sign-in", &[("username", "ana@example.com"), ("password", PASSWORD)]).await,
            false => page,
        };
        let token = claims(&rp.exchange(&page.param("code").unwrap()).await.text("id_token"));
        let expected = if asked { app.clock.now().unix() } else { app.clock.now().unix() - 20 };
        assert_eq!(token["auth_time"], expected, "{name}={value}");
        assert_eq!(token["sid"], first["sid"], "the session is the same");
    }
}

/// Protects the other prompts: `consent` asks again, `select_account` offers to go on as oneself.
#[tokio::test]
async fn consent_and_choice() {
    let (_app, rp, mut browser) = scene().await;
    rp.code(&mut browser, "ana").await;
    let page = browser.visit(&rp.begin(&rp.flow().with("prompt", "consent"))).await;
    assert!(page.has("allow"));
    assert!(browser.submit(&page, "allow", &[]).await.param("code").is_some());
    let page = browser.visit(&rp.begin(&rp.flow().with("prompt", "select_account"))).await;
    assert!(page.has("current"), "{}", page.url);
    assert!(browser.submit(&page, "current", &[]).await.param("code").is_some());
    let page = browser.visit(&rp.begin(&rp.flow().with("prompt", "consent"))).await;
    let refused = browser.submit(&page, "deny", &[]).await;
    assert_eq!(refused.param("error").as_deref(), Some("access_denied"));
}

/// Protects the expected person (AZ-22): another one's session is never used for the hint.
#[tokio::test]
async fn the_hinted_person() {
    let (app, rp, mut browser) = scene().await;
    app.person("bob").await;
    let bobs = rp.tokens(&mut Browser::new(), "bob").await.text("id_token");
    let anas = rp.tokens(&mut browser, "ana").await.text("id_token");
    let silent = |hint: &str| rp.begin(&rp.flow().with("prompt", "none").with("id_token_hint", hint));
    assert!(browser.get(&silent(&anas)).await.param("code").is_some());
    assert_eq!(browser.get(&silent(&bobs)).await.param("error").as_deref(), Some("login_required"));
    let page = browser.visit(&rp.begin(&rp.flow().with("id_token_hint", &bobs))).await;
    assert!(page.has("sign-in"));
    let page = browser.submit(&page, "sign-in", &[("username", "ana@example.com"), ("password", PASSWORD)]).await;
    assert_eq!(page.param("error").as_deref(), Some("login_required"));
}

/// Protects small parameters: hints fill in, unknown words and wishes do no harm, the language is the one asked for.
#[tokio::test]
async fn hints_and_wishes() {
    let (_app, rp, mut browser) = scene().await;
    let flow = rp.flow().with("login_hint", "ana@example.com").with("ui_locales", "fr de").with("display", "popup");
    let flow = flow.with("acr_values", "aal9 aal1").with("claims_locales", "se").with("unknown", "x");
    let page = browser.visit(&rp.begin(&flow)).await;
    assert_eq!(page.form("sign-in").get("username"), Some("ana@example.com"));
    assert_eq!(page.attributes("html", "lang"), ["de"]);
    let page = rp.go(&mut browser, "ana", &flow).await;
    let token = claims(&rp.exchange(&page.param("code").unwrap()).await.text("id_token"));
    assert_eq!(token["acr"], "aal1");
}

/// Protects scopes and single claims (sections 5.4 and 5.5): each where it was asked for, nothing elsewhere.
#[tokio::test]
async fn where_claims_go() {
    let (_app, rp, mut browser) = scene().await;
    let asked = json!({ "userinfo": { "nickname": { "essential": true } }, "id_token": { "email": null } }).to_string();
    let page = rp.go(&mut browser, "ana", &rp.flow().with("scope", "openid").with("claims", &asked)).await;
    let tokens = rp.exchange(&page.param("code").unwrap()).await;
    let (id_token, userinfo) = (claims(&tokens.text("id_token")), rp.userinfo(&tokens.text("access_token")).await.json());
    assert_eq!((&id_token["email"], &id_token["nickname"]), (&json!("ana@example.com"), &Value::Null));
    assert_eq!((&userinfo["nickname"], &userinfo["email"]), (&json!("ana"), &Value::Null));
    let page = rp.go(&mut browser, "ana", &rp.flow().with("scope", "openid profile email address phone")).await;
    let tokens = rp.exchange(&page.param("code").unwrap()).await;
    let id_token = claims(&tokens.text("id_token"));
    let userinfo = rp.userinfo(&tokens.text("access_token")).await.json();
    for claim in [
        "name",
        "given_name",
        "family_name",
        "middle_name",
        "nickname",
        "preferred_username",
        "profile",
        "picture",
        "website",
        "gender",
        "birthdate",
        "zoneinfo",
        "locale",
        "updated_at",
        "email",
        "email_verified",
        "address",
        "phone_number",
        "phone_number_verified",
    ] {
        assert!(!userinfo[claim].is_null(), "{claim} in {userinfo}");
        assert!(id_token[claim].is_null(), "{claim} in {id_token}");
    }
    let acr = json!({ "id_token": { "acr": { "essential": true, "values": ["loa9"] } } }).to_string();
    let page = browser.get(&rp.begin(&rp.flow().with("claims", &acr))).await;
    assert_eq!(page.param("error").as_deref(), Some("unmet_authentication_requirements"));
}

/// Protects the ID token (section 2, TK-26): signed with the algorithm that the client is registered for, by a key of the
/// published set, for this client alone.
#[tokio::test]
async fn id_tokens_of_every_algorithm() {
    let (app, _, mut browser) = scene().await;
    for alg in ["RS256", "PS256", "ES256", "EdDSA"] {
        let about =
            Changes { redirect_uris: Some(vec![CALLBACK.to_owned()]), id_token_alg: Some(alg.to_owned()), ..Changes::default() };
        let rp = Rp::of(&app, &app.client(alg, about).await);
        let token = rp.tokens(&mut browser, "ana").await.text("id_token");
        let set: JwkSet = serde_json::from_value(rp.get("/jwks").await.json()).unwrap();
        let head = header(&token);
        assert_eq!((head["alg"].as_str(), head["typ"].as_str()), (Some(alg), Some("JWT")));
        let jwk = set.find(head["kid"].as_str().unwrap()).unwrap();
        let mut validation = Validation::new(alg.parse().unwrap());
        validation.set_audience(&[alg]);
        validation.set_issuer(&[&app.issuer]);
        let verified = jsonwebtoken_decode(&token, &DecodingKey::from_jwk(jwk).unwrap(), &validation);
        assert_eq!(verified["nonce"], "a nonce");
        for name in ["sub", "iat", "exp", "auth_time", "acr", "amr", "sid", "at_hash"] {
            assert!(!verified[name].is_null(), "{name}");
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the tests verify with a library as a relying party does")]
fn jsonwebtoken_decode(token: &str, key: &DecodingKey, validation: &Validation) -> Value {
    jsonwebtoken::decode(token, key, validation).unwrap().claims
}

/// Protects the front channel (sections 3.2, 3.3): off unless the operator and the client say so, and then complete.
#[tokio::test]
async fn implicit_and_hybrid_behind_settings() {
    let types = "code,id_token,id_token token,code id_token,code token,code id_token token";
    let app = TestApp::with(Wish { settings: &[("RESPONSE_TYPES", types)], ..Wish::default() }).await;
    app.person("ana").await;
    let about = Changes {
        redirect_uris: Some(vec![CALLBACK.to_owned()]),
        response_types: Some(types.split(',').map(str::to_owned).collect()),
        grant_types: Some(vec![GrantType::AuthorizationCode, GrantType::RefreshToken, GrantType::Implicit]),
        pkce: Some(vouchsafe::oauth::PkcePolicy::Optional),
        ..Changes::default()
    };
    let rp = Rp::of(&app, &app.client("web", about).await);
    let mut browser = Browser::new();
    for response_type in types.split(',').skip(1) {
        let page = rp.go(&mut browser, "ana", &rp.flow().with("response_type", response_type)).await;
        let location = page.location().unwrap();
        assert!(location.query().is_none(), "{response_type} {location}");
        let has = |part| response_type.split(' ').any(|own| own == part);
        assert_eq!(page.param("code").is_some(), has("code"), "{response_type}");
        assert_eq!(page.param("access_token").is_some(), has("token"), "{response_type}");
        if has("id_token") {
            let token = claims(&page.param("id_token").unwrap());
            assert_eq!(!token["at_hash"].is_null(), has("token"), "{response_type}");
            assert_eq!(!token["c_hash"].is_null(), has("code"), "{response_type}");
            assert_eq!(!token["email"].is_null(), response_type == "id_token", "{response_type}");
            let page = browser.get(&rp.begin(&rp.flow().with("response_type", response_type).with("nonce", ""))).await;
            assert_eq!(page.param("error").as_deref(), Some("invalid_request"));
        }
    }
    let query = rp.flow().with("response_type", "id_token").with("response_mode", "query");
    assert_eq!(browser.get(&rp.begin(&query)).await.param("error").as_deref(), Some("invalid_request"));
    let plain = Rp::web(&app, "plain").await;
    let page = browser.get(&plain.begin(&plain.flow().with("response_type", "id_token"))).await;
    assert_eq!(page.param("error").as_deref(), Some("unauthorized_client"));
}
