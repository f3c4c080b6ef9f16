//! Pairwise subjects (OpenID Connect Core section 8): the same person is somebody else to each sector, everywhere where a
//! subject leaves the house, and stays that for ever.

use serde_json::json;
use vouchsafe::admin::clients::Changes;
use vouchsafe::oauth::{PkcePolicy, SubjectType};

use crate::support::rp::claims;
use crate::support::{Browser, CALLBACK, Rp, TestApp};

async fn client(app: &TestApp, id: &str, subject_type: SubjectType, sector: Option<&str>) -> Rp {
    let about = Changes {
        redirect_uris: Some(vec![CALLBACK.to_owned()]),
        post_logout_redirect_uris: Some(vec!["https://app.test/bye".to_owned()]),
        pkce: Some(PkcePolicy::Optional),
        subject_type: Some(subject_type),
        sector_identifier_uri: sector.map(ToOwned::to_owned),
        ..Changes::default()
    };
    Rp::of(app, &app.client(id, about).await)
}

/// The subject that this client knows a person by, the same in every place.
async fn subject(rp: &Rp, browser: &mut Browser, name: &str) -> String {
    let page = rp.go(browser, name, &rp.flow().with("scope", "openid email offline_access")).await;
    let tokens = rp.exchange(&page.param("code").unwrap()).await;
    let (id_token, access) = (tokens.text("id_token"), tokens.text("access_token"));
    let sub = claims(&id_token)["sub"].as_str().unwrap().to_owned();
    assert_eq!(claims(&access)["sub"], sub, "access token");
    assert_eq!(rp.userinfo(&access).await.text("sub"), sub, "userinfo");
    assert_eq!(rp.introspect(&access).await.text("sub"), sub, "introspection");
    let refresh = tokens.text("refresh_token");
    assert_eq!(rp.introspect(&refresh).await.text("sub"), sub, "introspection of a refresh token");
    let again = rp.refresh(&refresh).await;
    assert_eq!(claims(&again.text("id_token"))["sub"], sub, "refreshed ID token");
    assert_eq!(claims(&again.text("access_token"))["sub"], sub, "refreshed access token");
    sub
}

/// One subject a sector and person, another in each other sector, and never the public one.
#[tokio::test]
async fn one_subject_a_sector() {
    let app = TestApp::start().await;
    let ana = app.person("ana").await;
    app.person("bob").await;
    let one = client(&app, "one", SubjectType::Pairwise, None).await;
    let two = client(&app, "two", SubjectType::Pairwise, Some("https://app.test/list.json")).await;
    let other = client(&app, "other", SubjectType::Pairwise, Some("https://other.test/list.json")).await;
    let public = client(&app, "public", SubjectType::Public, None).await;
    let mut browser = Browser::new();
    let sub = subject(&one, &mut browser, "ana").await;
    assert_eq!(subject(&two, &mut browser, "ana").await, sub, "the same sector");
    let elsewhere = subject(&other, &mut browser, "ana").await;
    assert_ne!(elsewhere, sub);
    assert_eq!(subject(&public, &mut browser, "ana").await, ana.sub);
    assert!(sub != ana.sub && elsewhere != ana.sub);
    assert_ne!(subject(&one, &mut Browser::new(), "bob").await, sub);
    assert_eq!(sub.len(), 43, "base64url of 32 bytes");
    // Opaque tokens say the same.
    let about = Changes { access_token: Some(vouchsafe::oauth::AccessTokenFormat::Opaque), ..Changes::default() };
    vouchsafe::admin::clients::edit(app.desk(), "one", &about).await.unwrap();
    app.notice_changes();
    let tokens = one.tokens(&mut browser, "ana").await;
    let access = tokens.text("access_token");
    assert_eq!((one.userinfo(&access).await.text("sub"), one.introspect(&access).await.text("sub")), (sub.clone(), sub));
}

/// The salt is stored, sealed and one: another process of the same house gives the same subjects, another house others.
#[tokio::test]
async fn stable_over_a_restart() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let rp = client(&app, "one", SubjectType::Pairwise, None).await;
    let (id, secret) = (rp.id.clone(), rp.secret.clone());
    let sub = subject(&rp, &mut Browser::new(), "ana").await;
    let again = app.restart().await;
    let rp = Rp::at(&again.issuer, &id, secret);
    assert_eq!(subject(&rp, &mut Browser::new(), "ana").await, sub);
    assert_eq!(again.count("SELECT COUNT(*) AS count FROM pairwise_salts").await, 1);
}

/// Core section 3.1.2.1 and 5.5.1: a hint or a wanted `sub` is in the words of the client, and another's subject is nobody.
#[tokio::test]
async fn hints_and_wanted_subjects() {
    let app = TestApp::start().await;
    let ana = app.person("ana").await;
    app.person("bob").await;
    let one = client(&app, "one", SubjectType::Pairwise, None).await;
    let other = client(&app, "other", SubjectType::Pairwise, Some("https://other.test/list.json")).await;
    let (mut anas, mut bobs) = (Browser::new(), Browser::new());
    let hint = one.tokens(&mut anas, "ana").await.text("id_token");
    let others = other.tokens(&mut anas, "ana").await.text("id_token");
    one.tokens(&mut bobs, "bob").await;
    let silent = one.flow().with("prompt", "none");
    for (hint, is_ana, is_bob) in [(&hint, true, false), (&others, true, false)] {
        let flow = silent.clone().with("id_token_hint", hint);
        assert_eq!(anas.visit(&one.begin(&flow)).await.param("code").is_some(), is_ana);
        let page = bobs.visit(&one.begin(&flow)).await;
        assert_eq!(page.param("code").is_some(), is_bob);
        assert_eq!(page.param("error").as_deref(), Some("login_required"));
    }
    let sub = |token: &str| claims(token)["sub"].as_str().unwrap().to_owned();
    for (wanted, is_ana) in [(sub(&hint), true), (sub(&others), false), (ana.sub.clone(), false)] {
        let request = json!({ "id_token": { "sub": { "value": wanted } } }).to_string();
        let page = anas.visit(&one.begin(&silent.clone().with("claims", &request))).await;
        assert_eq!(page.param("code").is_some(), is_ana, "{wanted}");
    }
}

/// RP-initiated logout takes the hint of a pairwise client.
#[tokio::test]
async fn signing_out_by_a_hint() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let one = client(&app, "one", SubjectType::Pairwise, None).await;
    let mut browser = Browser::new();
    let hint = one.tokens(&mut browser, "ana").await.text("id_token");
    let query = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", "https://app.test/bye")];
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
    let page = browser.visit(&app.url(&format!("/end_session?{query}"))).await;
    assert!(page.leaves_for("https://app.test/bye"), "{} {}", page.status, page.body);
}

/// Discovery says what is there.
#[tokio::test]
async fn promised() {
    let app = TestApp::start().await;
    let document = Rp::at(&app.issuer, "", None).get("/.well-known/openid-configuration").await.json();
    assert_eq!(document["subject_types_supported"], json!(["public", "pairwise"]));
    assert_eq!(document["userinfo_signing_alg_values_supported"], document["id_token_signing_alg_values_supported"]);
}
