//! Resources: tokens made out to APIs (RFC 8707).

use serde_json::{Value, json};
use vouchsafe::admin::clients::Changes;
use vouchsafe::admin::resources;
use vouchsafe::oauth::{GrantType, PkcePolicy};

use crate::support::app::Wish;
use crate::support::rp::{Answer, Flow, VERIFIER};
use crate::support::{Browser, CALLBACK, Rp, TestApp};

const ONE: &str = "https://one.test";
const TWO: &str = "https://two.test";
const CLOSED: &str = "https://closed.test";
const UNKNOWN: &str = "https://unknown.test";

/// Three resources, a person, and a client to which two of them are open.
async fn world(settings: &[(&str, &str)]) -> (TestApp, Rp) {
    let app = TestApp::with(Wish { settings, ..Wish::default() }).await;
    for uri in [ONE, TWO, CLOSED] {
        resources::add(app.desk(), uri, "An API", "read").await.unwrap();
    }
    app.person("ana").await;
    let rp = client(&app, "web", &[ONE, TWO]).await;
    (app, rp)
}

async fn client(app: &TestApp, id: &str, resources: &[&str]) -> Rp {
    let about = Changes {
        redirect_uris: Some(vec![CALLBACK.to_owned()]),
        pkce: Some(PkcePolicy::Optional),
        resources: Some(resources.iter().map(|uri| (*uri).to_owned()).collect()),
        ..Changes::default()
    };
    Rp::of(app, &app.client(id, about).await)
}

fn flow(rp: &Rp, resources: &[&str]) -> Flow {
    let mut flow = rp.flow();
    flow.0.extend(resources.iter().map(|uri| ("resource".to_owned(), (*uri).to_owned())));
    flow
}

/// A code for `granted`, exchanged with `asked`.
async fn exchange(rp: &Rp, granted: &[&str], asked: &[&str]) -> Answer {
    let page = rp.go(&mut Browser::new(), "ana", &flow(rp, granted)).await;
    let code = page.param("code").unwrap_or_else(|| panic!("no code: {:?} {}", page.location(), page.body));
    let mut fields =
        vec![("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", CALLBACK), ("code_verifier", VERIFIER)];
    fields.extend(asked.iter().map(|uri| ("resource", *uri)));
    rp.post("/token", &fields).await
}

/// The audience of the access token, as a list.
async fn audience(rp: &Rp, answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{}", answer.body);
    let seen = rp.introspect(&answer.text("access_token")).await.json();
    assert_eq!(seen["active"], true, "{seen}");
    match &seen["aud"] {
        Value::String(one) => vec![one.clone()],
        many => many.as_array().unwrap().iter().map(|aud| aud.as_str().unwrap().to_owned()).collect(),
    }
}

/// Protects that a token is made out to the resources asked for, one or two (RFC 8707 section 2).
#[tokio::test]
async fn resources_are_the_audience() {
    let (_app, rp) = world(&[]).await;
    for granted in [&[ONE][..], &[ONE, TWO][..]] {
        let aud = audience(&rp, &exchange(&rp, granted, &[]).await).await;
        for uri in [ONE, TWO] {
            assert_eq!(aud.iter().any(|aud| aud == uri), granted.contains(&uri), "{uri} in {aud:?}");
        }
    }
}

/// Protects that what nobody registered, or is not open to the client, is refused at `/authorize` (RFC 8707 section 2.1).
#[tokio::test]
async fn authorize_refuses_other_resources() {
    let (_app, rp) = world(&[]).await;
    for uri in [UNKNOWN, CLOSED, "no uri"] {
        let page = rp.go(&mut Browser::new(), "ana", &flow(&rp, &[ONE, uri])).await;
        assert_eq!(page.param("error").as_deref(), Some("invalid_target"), "{uri}");
        assert_eq!(page.param("state").as_deref(), Some("a state"));
        assert_eq!(page.param("code"), None);
    }
    let page = rp.go(&mut Browser::new(), "ana", &flow(&rp, &[ONE])).await;
    assert!(page.param("code").is_some());
}

/// Protects that `/token` narrows to what was granted and never widens (RFC 8707 section 2.2).
#[tokio::test]
async fn token_narrows_and_never_widens() {
    let (_app, rp) = world(&[]).await;
    let aud = audience(&rp, &exchange(&rp, &[ONE, TWO], &[TWO]).await).await;
    assert!(aud.contains(&TWO.to_owned()) && !aud.contains(&ONE.to_owned()), "{aud:?}");
    for uri in [TWO, CLOSED, UNKNOWN] {
        let answer = exchange(&rp, &[ONE], &[uri]).await;
        assert_eq!((answer.status, answer.error().as_str()), (400, "invalid_target"), "{uri}");
    }
}

/// Protects that a client for itself gets only the resources open to it (RFC 8707 section 2.2).
#[tokio::test]
async fn a_machine_asks_for_a_resource() {
    let (app, _rp) = world(&[]).await;
    let about = Changes {
        redirect_uris: Some(Vec::new()),
        response_types: Some(Vec::new()),
        grant_types: Some(vec![GrantType::ClientCredentials]),
        scope: Some("read".to_owned()),
        resources: Some(vec![ONE.to_owned()]),
        ..Changes::default()
    };
    let machine = Rp::of(&app, &app.client("machine", about).await);
    let grant = ("grant_type", "client_credentials");
    let answer = machine.post("/token", &[grant, ("resource", ONE)]).await;
    assert!(audience(&machine, &answer).await.contains(&ONE.to_owned()));
    for uri in [TWO, UNKNOWN] {
        let answer = machine.post("/token", &[grant, ("resource", uri)]).await;
        assert_eq!((answer.status, answer.error().as_str()), (400, "invalid_target"), "{uri}");
    }
}

/// Protects that an API may look at tokens made out to it, and at no others (RFC 7662 section 4).
#[tokio::test]
async fn only_its_resource_may_introspect() {
    let (app, rp) = world(&[]).await;
    let api = client(&app, "api", &[ONE]).await;
    let other = client(&app, "other", &[CLOSED]).await;
    let token = exchange(&rp, &[ONE], &[]).await.text("access_token");
    assert_eq!(api.introspect(&token).await.json()["active"], true);
    assert_eq!(other.introspect(&token).await.json(), json!({ "active": false }));
}

/// Protects that unregistered resources are open only where the operator said so, and a registered one stays closed to a
/// client without it (RFC 8707 section 2, decision 21).
#[tokio::test]
async fn unregistered_resources_can_be_allowed() {
    let (_app, rp) = world(&[("RESOURCES__UNREGISTERED", "allow")]).await;
    let aud = audience(&rp, &exchange(&rp, &[UNKNOWN], &[]).await).await;
    assert!(aud.contains(&UNKNOWN.to_owned()), "{aud:?}");
    for uri in [CLOSED, "no uri", "https://unknown.test/#part"] {
        let page = rp.go(&mut Browser::new(), "ana", &flow(&rp, &[uri])).await;
        assert_eq!(page.param("error").as_deref(), Some("invalid_target"), "{uri}");
    }
}

/// A resource that the person never allowed is a question of its own, also where the scope was remembered; what was allowed is not
/// asked again (RFC 8707 section 3, decision 13).
#[tokio::test]
async fn another_resource_is_another_question() {
    let (_app, rp) = world(&[]).await;
    let mut browser = Browser::new();
    let allowed = rp.go(&mut browser, "ana", &flow(&rp, &[ONE])).await;
    assert!(allowed.param("code").is_some(), "{:?}", allowed.location());
    let silent = |resources: &[&str]| rp.begin(&flow(&rp, resources).with("prompt", "none"));
    let again = browser.get(&silent(&[ONE])).await;
    assert!(again.param("code").is_some(), "{:?}", again.location());
    for resources in [&[TWO][..], &[ONE, TWO]] {
        let more = browser.get(&silent(resources)).await;
        assert_eq!(more.param("error").as_deref(), Some("consent_required"), "{resources:?}");
    }
    let both = rp.go(&mut browser, "ana", &flow(&rp, &[TWO])).await;
    assert!(both.param("code").is_some());
    assert!(browser.get(&silent(&[ONE, TWO])).await.param("code").is_some());
}
