//! Chromium signs out: the frames that tell apps, and the frame that is asked whether somebody still is signed in.

use std::time::Duration;

use serde_json::json;
use vouchsafe::admin::clients::Changes;
use vouchsafe::oauth::{ConsentPolicy, PkcePolicy};

use crate::support::app::PASSWORD;
use crate::support::chrome::{Chrome, Scripts};
use crate::support::{Receiver, Rp, TestApp};

/// A house with a person, and two apps on a server of this machine.
struct Street {
    app: TestApp,
    receiver: Receiver,
    rps: [Rp; 2],
    chrome: Chrome,
}

impl Street {
    async fn open(scripts: Scripts) -> Street {
        let app = TestApp::start().await;
        app.person("ana").await;
        app.ignore_mail();
        let receiver = Receiver::start().await;
        let mut rps = Vec::new();
        for id in ["one", "two"] {
            let about = Changes {
                redirect_uris: Some(vec![receiver.url("/page/cb")]),
                post_logout_redirect_uris: Some(vec![receiver.url("/page/bye")]),
                frontchannel_logout_uri: Some(receiver.url(&format!("/page/out-{id}?x=1"))),
                pkce: Some(PkcePolicy::Optional),
                consent: Some(ConsentPolicy::Skip),
                ..Changes::default()
            };
            rps.push(Rp::of(&app, &app.client(id, about).await));
        }
        receiver.show("cb", "<p id='cb'>in</p>");
        receiver.show("bye", "<p id='bye'>out</p>");
        let frame = format!("<p id='asks'>asks</p><iframe id='op' src='{}'></iframe>", app.url("/check_session"));
        receiver.show("rp", &frame);
        let rps = rps.try_into().unwrap_or_else(|_| panic!("two apps"));
        Street { app, receiver, rps, chrome: Chrome::open(scripts).await }
    }

    async fn sign_in(&self) {
        self.chrome.fill("username", "ana@example.com").await;
        self.chrome.fill("password", PASSWORD).await;
        self.chrome.press("sign-in").await;
    }

    async fn begin(&self, at: usize) {
        let flow = self.rps[at].flow().with("redirect_uri", &self.receiver.url("/page/cb"));
        self.chrome.goto(self.rps[at].begin(&flow)).await.unwrap();
    }

    /// The `session_state` that the app got.
    async fn session_state(&self) -> String {
        self.chrome.wait_for("cb").await;
        let url = self.chrome.current_url().await.unwrap();
        url.query_pairs().find(|(name, _)| name == "session_state").unwrap_or_else(|| panic!("{url}")).1.into_owned()
    }

    /// What the frame answers the app's page.
    async fn ask(&self, words: &str) -> String {
        self.chrome.goto(self.receiver.url("/page/rp")).await.unwrap();
        self.chrome.wait_for("asks").await;
        let script = "const done = arguments[2]; addEventListener('message', e => done(e.data));
            document.getElementById('op').contentWindow.postMessage(arguments[0], arguments[1]);";
        let answer = self.chrome.execute_async(script, vec![json!(words), json!(self.app.issuer)]).await.unwrap();
        answer.json().as_str().unwrap_or_default().to_owned()
    }
}

/// Front-Channel Logout section 3: each app's frame is loaded before the person is back at the app, with scripts and without.
#[tokio::test]
#[ignore = "browser: tests/run brings Chromium"]
async fn frames_are_loaded_before_the_way_back() {
    for scripts in [Scripts::On, Scripts::Off] {
        let street = Street::open(scripts).await;
        street.begin(0).await;
        street.sign_in().await;
        street.chrome.wait_for("cb").await;
        street.begin(1).await;
        street.chrome.wait_for("cb").await;
        let bye = street.receiver.url("/page/bye");
        let pairs = [("client_id", "one"), ("post_logout_redirect_uri", bye.as_str())];
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        street.chrome.goto(street.app.url(&format!("/end_session?{query}"))).await.unwrap();
        street.chrome.press("sign-out").await;
        if scripts == Scripts::Off {
            street.chrome.wait_for("signed-out").await;
            for id in ["one", "two"] {
                street.receiver.heard(&format!("/page/out-{id}"), 1).await;
            }
            street.chrome.press("continue").await;
        }
        street.chrome.wait_for("bye").await;
        for id in ["one", "two"] {
            let call = street.receiver.heard(&format!("/page/out-{id}"), 1).await.remove(0);
            let query = call.line.split_once('?').unwrap().1.split(' ').next().unwrap().to_owned();
            let pairs: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
            assert_eq!((pairs[0].0.as_str(), pairs[1].0.as_str(), pairs[2].0.as_str()), ("x", "iss", "sid"));
            assert_eq!(pairs[1].1, street.app.issuer);
            assert!(!call.headers.contains("referer: "), "{}", call.headers);
        }
    }
}

/// A frame that never answers holds the person up for three seconds and not for ever.
#[tokio::test]
#[ignore = "browser: tests/run brings Chromium"]
async fn a_frame_that_hangs_holds_nobody_up() {
    let street = Street::open(Scripts::On).await;
    let hangs = Changes { frontchannel_logout_uri: Some(street.receiver.url("/hang/out")), ..Changes::default() };
    vouchsafe::admin::clients::edit(street.app.desk(), "two", &hangs).await.unwrap();
    street.app.notice_changes();
    street.begin(1).await;
    street.sign_in().await;
    street.chrome.wait_for("cb").await;
    let bye = street.receiver.url("/page/bye");
    let pairs = [("client_id", "one"), ("post_logout_redirect_uri", bye.as_str())];
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    street.chrome.goto(street.app.url(&format!("/end_session?{query}"))).await.unwrap();
    street.chrome.press("sign-out").await;
    street.chrome.wait_for("bye").await;
    street.receiver.heard("/hang/out", 1).await;
}

/// Session Management section 3.2, in a real frame: unchanged while signed in, changed after signing out and for who is not meant,
/// an error for what is no question.
#[tokio::test]
#[ignore = "browser: tests/run brings Chromium"]
async fn the_frame_says_whether_it_is_the_same_person() {
    let street = Street::open(Scripts::On).await;
    street.begin(0).await;
    street.sign_in().await;
    let state = street.session_state().await;
    assert_eq!(street.ask(&format!("one {state}")).await, "unchanged");
    assert_eq!(street.ask(&format!("two {state}")).await, "changed");
    assert_eq!(street.ask(&format!("one {state}x")).await, "changed");
    for nonsense in ["", "one", "one nothing", &state] {
        assert_eq!(street.ask(nonsense).await, "error", "{nonsense}");
    }
    street.chrome.goto(street.app.url("/sign-out")).await.unwrap();
    street.chrome.press("sign-out").await;
    street.chrome.wait_for("signed-out").await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(street.ask(&format!("one {state}")).await, "changed");
    street.begin(0).await;
    street.sign_in().await;
    let second = street.session_state().await;
    assert_eq!(street.ask(&format!("one {second}")).await, "unchanged");
    assert_eq!(street.ask(&format!("one {state}")).await, "changed");
}
