//! Apps are told in the browser that a session ended (OpenID Connect Front-Channel Logout 1.0), module by module of the conformance
//! suite; decision 15.

use vouchsafe::admin::clients::Changes;
use vouchsafe::oauth::{ConsentPolicy, PkcePolicy};

use crate::support::rp::claims;
use crate::support::{Browser, CALLBACK, Initiator, Page, Rp, TestApp};

const BYE: &str = "https://app.test/bye";
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
    font-src 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'";

/// A client that nobody is asked about, with this front-channel address.
async fn framed(app: &TestApp, id: &str, callback: &str, frame: Option<&str>) -> Rp {
    let about = Changes {
        redirect_uris: Some(vec![CALLBACK.to_owned(), callback.to_owned()]),
        post_logout_redirect_uris: Some(vec![BYE.to_owned()]),
        frontchannel_logout_uri: frame.map(str::to_owned),
        pkce: Some(PkcePolicy::Optional),
        consent: Some(ConsentPolicy::Skip),
        ..Changes::default()
    };
    Rp::of(app, &app.client(id, about).await)
}

async fn end_session(app: &TestApp, browser: &mut Browser, id_token: &str) -> Page {
    let fields = [("id_token_hint", id_token), ("post_logout_redirect_uri", BYE), ("state", "a state")];
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    browser.visit_from("https://app.test", &app.url(&format!("/end_session?{query}"))).await
}

fn frames(page: &Page) -> Vec<String> {
    page.attributes("iframe", "src")
}

/// Discovery promises what is there (section 3).
#[tokio::test]
async fn oidcc_frontchannel_logout_discovery_endpoint_verification() {
    let app = TestApp::start().await;
    let document = Rp::at(&app.issuer, "nobody", None).get("/.well-known/openid-configuration").await.json();
    assert_eq!(document["frontchannel_logout_supported"], true);
    assert_eq!(document["frontchannel_logout_session_supported"], true);
}

/// Section 2 and 3: a frame for each app of the session with `iss` and `sid`, and only then on to where the app wanted, with its
/// state. The policy names the origins of these frames and of nothing else; a reload shows the same.
#[tokio::test]
async fn oidcc_frontchannel_rp_initiated_logout() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let one = framed(&app, "one", "https://one.test/cb", Some("https://one.test/out")).await;
    let two = framed(&app, "two", "https://two.test:8443/cb", Some("https://two.test:8443/out?x=1&y=%20")).await;
    let plain = framed(&app, "plain", "https://plain.test/cb", None).await;
    framed(&app, "absent", "https://absent.test/cb", Some("https://absent.test/out")).await;
    let mut browser = Browser::new();
    let id_token = one.tokens(&mut browser, "ana").await.text("id_token");
    two.code(&mut browser, "ana").await;
    plain.code(&mut browser, "ana").await;
    let sid = claims(&id_token)["sid"].as_str().unwrap().to_owned();
    let page = end_session(&app, &mut browser, &id_token).await;
    assert!(page.has("signed-out"), "{} {}", page.url, page.body);
    let issuer: String = url::form_urlencoded::byte_serialize(app.issuer.as_bytes()).collect();
    let wanted = [
        format!("https://one.test/out?iss={issuer}&sid={sid}"),
        format!("https://two.test:8443/out?x=1&y=%20&iss={issuer}&sid={sid}"),
    ];
    let first = page.url.clone();
    for page in [page, browser.visit(first.as_str()).await] {
        assert_eq!(frames(&page), wanted);
        let policy = page.header("content-security-policy").unwrap();
        assert_eq!(policy, format!("{CSP}; frame-src https://one.test https://two.test:8443"));
        assert!(page.header("cross-origin-opener-policy").is_none() && !policy.contains("form-action"));
        assert_eq!(page.attributes("#continue", "href"), [format!("{BYE}?state=a+state")]);
        assert_eq!(page.attributes("[data-told]", "data-told"), ["in-browser", "unsupported", "in-browser"]);
    }
    let silent = one.begin(&one.flow().with("prompt", "none"));
    assert_eq!(browser.get(&silent).await.param("error").as_deref(), Some("login_required"));
    // What shows is of this browser's row alone: nobody else's, and nothing that a request names.
    let named = format!("{first}&frame=https%3A%2F%2Fevil.test%2F&redirect=https%3A%2F%2Fevil.test%2F");
    assert!(!browser.visit(&named).await.body.contains("evil.test/\""));
    let other = Browser::new().visit(first.as_str()).await;
    assert!(other.has("signed-out") && frames(&other).is_empty() && !other.has("continue"));
    assert_eq!(other.header("content-security-policy"), Some(CSP));
    app.clock.advance(900);
    assert!(frames(&browser.visit(first.as_str()).await).is_empty());
}

/// Where nobody has to be told in the browser, nobody is held up on the way back.
#[tokio::test]
async fn without_frames_the_way_back_is_straight() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let plain = framed(&app, "plain", "https://plain.test/cb", None).await;
    let mut browser = Browser::new();
    let id_token = plain.tokens(&mut browser, "ana").await.text("id_token");
    let page = end_session(&app, &mut browser, &id_token).await;
    assert_eq!(page.location().map(String::from), Some(format!("{BYE}?state=a+state")));
}

/// A person who signs out by themselves, here or everywhere, sees the frames of this browser's session and stays.
#[tokio::test]
async fn a_persons_own_wish_has_frames_too() {
    let app = TestApp::start().await;
    app.person("ana").await;
    app.ignore_mail();
    let rp = framed(&app, "one", "https://one.test/cb", Some("https://one.test/out")).await;
    for everywhere in [false, true] {
        let (mut browser, mut there) = (Browser::new(), Browser::new());
        rp.code(&mut browser, "ana").await;
        rp.code(&mut there, "ana").await;
        let page = match everywhere {
            false => {
                let page = browser.visit(&app.url("/sign-out")).await;
                browser.submit(&page, "sign-out", &[]).await
            }
            true => {
                let page = browser.visit(&app.url("/account/everywhere")).await;
                let csrf = page.attributes("input[name=csrf]", "value").remove(0);
                let page = browser.post(Initiator::SameOrigin, page.url.as_str(), &[("csrf", &csrf)]).await;
                browser.follow(page).await
            }
        };
        assert_eq!(frames(&page).len(), 1, "{}", page.body);
        assert!(!page.has("continue") && page.has("signed-out"));
    }
}
