//! Signing in by an OpenID Connect provider that nobody here wrote (npm `oidc-provider`, in `tests/upstream`): its own pages, its own
//! keys, and its own words when somebody signs out there. `tests/run` installs it; without it these tests fail.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::{Value, json};
use vouchsafe::admin::upstreams::{self, Changes};
use vouchsafe::base::Secret;
use vouchsafe::federation::{Kind, Switch};

use crate::support::upstream::house;
use crate::support::{Browser, Initiator, Page, TestApp};

const ID: &str = "real";

/// The provider. It ends when it is dropped.
struct Server {
    child: Child,
    /// It prints warnings later, and ends when nobody can read them.
    _lines: BufReader<ChildStdout>,
    issuer: String,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/upstream")
}

impl Server {
    fn start(app: &TestApp) -> Server {
        assert!(folder().join("node_modules").is_dir(), "run `npm ci` in tests/upstream, or tests/run");
        let client = json!({
            "redirect_uris": [app.url("/upstream/real/callback")],
            "post_logout_redirect_uris": [app.url("/signed-out")],
            "backchannel_logout_uri": app.url("/upstream/real/backchannel-logout"),
            "backchannel_logout_session_required": true,
        });
        let mut command = Command::new("node");
        command.arg(folder().join("upstream.js")).arg(client.to_string());
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        lines.read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        Server { child, _lines: lines, issuer: told["issuer"].as_str().unwrap().to_owned() }
    }

    async fn connected(app: &TestApp, changes: Changes) -> Server {
        let server = Server::start(app);
        let changes = Changes {
            kind: Some(Kind::Oidc),
            issuer: Some(server.issuer.clone()),
            client_id: Some("vouchsafe".to_owned()),
            secret: Some(Secret::new("a secret of the test, long enough".to_owned())),
            ..changes
        };
        upstreams::add(app.desk(), ID, &changes).await.unwrap();
        server
    }

    /// Sends the only form of one of its pages, with these fields besides.
    async fn send(&self, browser: &mut Browser, page: &Page, fields: &[(&str, &str)]) -> Page {
        let action = page.attributes("form", "action");
        let action = page.url.join(action.first().unwrap_or_else(|| panic!("no form: {}", page.body))).unwrap();
        let names = page.attributes("form input[type='hidden']", "name");
        let values = page.attributes("form input[type='hidden']", "value");
        let hidden = names.iter().zip(&values).map(|(name, value)| (name.as_str(), value.as_str()));
        let all: Vec<(&str, &str)> = hidden.chain(fields.iter().copied()).collect();
        let first = browser.post(Initiator::SameOrigin, action.as_str(), &all).await;
        browser.follow(first).await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One profile here and one there: the test's browser tells hosts apart, and both servers are on one.
struct Person {
    here: Browser,
    there: Browser,
}

impl Person {
    fn new() -> Person {
        Person { here: Browser::new(), there: Browser::new() }
    }

    async fn sign_in(&mut self, app: &TestApp, server: &Server, name: &str) -> Page {
        let page = self.here.visit(&app.url("/sign-in")).await;
        let leaving = self.here.press(&page, "upstream-real", &[]).await;
        let login = self.there.visit(leaving.location().unwrap().as_str()).await;
        let consent = server.send(&mut self.there, &login, &[("login", name), ("password", "x")]).await;
        let back = server.send(&mut self.there, &consent, &[]).await;
        let callback = back.location().unwrap_or_else(|| panic!("{} {}", back.status, back.body));
        self.here.visit_from(&server.issuer, callback.as_str()).await
    }
}

/// Somebody new, then the same person again, and what `upstream test` sees.
#[tokio::test]
#[ignore = "upstream: tests/run brings oidc-provider"]
async fn signs_in_by_a_real_provider() {
    let app = house(&[]).await;
    let server = Server::connected(&app, Changes::default()).await;
    for _ in 0..2 {
        let account = Person::new().sign_in(&app, &server, "una").await;
        assert!(account.url.path().ends_with("/account"), "{} {}", account.status, account.body);
        assert!(account.body.contains("una@example.com") && account.body.contains("una Elsewhere"), "{}", account.body);
    }
    assert_eq!(app.count("SELECT COUNT(*) FROM users").await, 1);
    let examine = async |secret: &str| {
        let (upstream, _) = upstreams::show(app.desk(), ID).await.unwrap();
        let (outbound, callback) = (vouchsafe::app::outbound(&app.config), app.url("/upstream/real/callback"));
        let secret = Secret::new(secret.to_owned());
        vouchsafe::federation::examine(&upstream, secret, outbound, &callback, app.clock.now()).await
    };
    let steps = examine("a secret of the test, long enough").await;
    assert!(steps.len() == 3 && steps.iter().all(|step| step.is_good), "{steps:?}");
    let steps = examine("a wrong one").await;
    assert!(!steps[2].is_good && steps[2].words.contains("does not take our id and secret"), "{steps:?}");
    app.ignore_mail();
}

/// Who signs out there is signed out here, by the provider's own logout token; who signs out here is signed out there.
#[tokio::test]
#[ignore = "upstream: tests/run brings oidc-provider"]
async fn signs_out_in_both_directions() {
    let app = house(&[]).await;
    let server = Server::connected(&app, Changes { sign_out: Some(Switch::On), ..Changes::default() }).await;
    let mut person = Person::new();
    person.sign_in(&app, &server, "una").await;
    let ask = person.there.visit(&format!("{}/session/end", server.issuer)).await;
    server.send(&mut person.there, &ask, &[("logout", "yes")]).await;
    let mut status = 200;
    for _ in 0..100 {
        status = person.here.get(&app.url("/account")).await.status;
        if status != 200 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(status, 303, "the provider told us");
    let mut person = Person::new();
    person.sign_in(&app, &server, "una").await;
    let ask = person.here.visit(&app.url("/sign-out")).await;
    let leaving = person.here.press(&ask, "sign-out", &[]).await;
    let there = leaving.location().unwrap();
    assert!(there.as_str().starts_with(&server.issuer), "{there}");
    let ask = person.there.visit(there.as_str()).await;
    let back = server.send(&mut person.there, &ask, &[("logout", "yes")]).await;
    let home = back.location().unwrap_or_else(|| panic!("{} {}", back.status, back.body));
    assert!(home.as_str().starts_with(&app.url("/signed-out?state=")), "{home}");
    assert!(person.here.visit_from(&server.issuer, home.as_str()).await.has("signed-out"));
    app.ignore_mail();
}
