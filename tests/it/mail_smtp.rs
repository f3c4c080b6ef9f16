//! A real mail server (npm `smtp-server`, in `tests/mail_server`): what it gets, and what becomes of mail when it is away,
//! slow, unwilling or not to be trusted. `tests/run` installs it; without it these tests fail.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vouchsafe::base::{Id, Timestamp};
use vouchsafe::notify::{Envelope, Letter, Post, PostParts, Sender, Templates, Way};
use vouchsafe::oauth::Lang;
use vouchsafe::store::{outbox, sql};

use crate::support::app::Wish;
use crate::support::{Rp, TestApp};

/// A mail server of this test's own. It ends when it is dropped.
struct Server {
    child: Child,
    lines: BufReader<ChildStdout>,
    port: u16,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mail_server")
}

impl Server {
    /// One that behaves like this; see `tests/mail_server/server.js`.
    fn start(wish: Value) -> Server {
        assert!(folder().join("node_modules").is_dir(), "run `npm ci` in tests/mail_server, or tests/run");
        let mut command = Command::new("node");
        command.arg(folder().join("server.js")).arg(wish.to_string()).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        let mut server = Server { child, lines, port: 0 };
        server.port = server.next()["port"].as_u64().unwrap().try_into().unwrap();
        server
    }

    /// The next mail that it got.
    fn next(&mut self) -> Value {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    fn url(&self) -> String {
        format!("smtp://localhost:{}", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A provider whose own post sends nothing by itself, because the test's mail is due later than its clock.
struct Office {
    app: TestApp,
    at: Timestamp,
}

impl Office {
    async fn open() -> Office {
        let app = TestApp::start().await;
        let at = app.clock.now().plus(1000);
        Office { app, at }
    }

    fn post(&self, url: &str, ca_file: Option<PathBuf>) -> Post {
        let parts = PostParts {
            key: self.app.provider.vault.seal_key("mail").unwrap(),
            issuer: self.app.provider.issuer.clone(),
            house: "Example".to_owned(),
            sender: Sender { address: "no-reply@example.com".to_owned(), name: "Exämple <accounts>".to_owned() },
            way: Way::parse(url).unwrap(),
            templates: Templates::load(None).unwrap(),
            ca_file,
            deadline: Duration::from_secs(2),
        };
        Post::new(parts).unwrap()
    }

    async fn put(&self, to: &str) {
        let letter =
            Letter::SignInLink { link: self.app.url("/x?t=ml_1&v=2"), code: "123456".to_owned(), app: Some("Wiki".to_owned()) };
        let name = Some("Łucja Ünal".to_owned());
        let envelope = Envelope { to: to.to_owned(), name, lang: Lang::De, letter, expires_at: self.at.plus(3600) };
        let id = Id::new(&self.app.clock, &self.app.provider.random).unwrap();
        let (mail, at) = (self.app.provider.post.prepare(id, &envelope).unwrap(), self.at);
        self.app.provider.db.write(async move |tx| outbox::enqueue(tx, &mail, at).await).await.unwrap();
    }

    /// How many went out at so many seconds after the beginning.
    async fn deliver(&self, post: &Post, seconds: i64) -> usize {
        post.deliver_due(&self.app.provider.db, self.at.plus(seconds)).await.unwrap()
    }

    /// What the only open or failed row says of the last try.
    async fn last_error(&self) -> String {
        let text = "SELECT last_error FROM outbox WHERE last_error IS NOT NULL";
        let row = self.app.provider.db.conn().fetch(sql(text)).await.unwrap().unwrap();
        row.columns("outbox").text("last_error").unwrap()
    }
}

/// What is delivered, read by somebody else's parser; a second mail goes over the same connection.
#[tokio::test]
#[ignore = "mail server: tests/run brings it"]
async fn a_mail_arrives() {
    let office = Office::open().await;
    let mut server = Server::start(json!({}));
    let post = office.post(&server.url(), None);
    office.put("ana@example.com").await;
    assert_eq!(office.deliver(&post, 0).await, 1);
    let mail = server.next();
    assert_eq!((mail["from"].as_str(), &mail["to"]), (Some("no-reply@example.com"), &json!(["ana@example.com"])));
    assert_eq!(mail["senderName"], "Exämple <accounts>");
    assert_eq!(mail["subject"], "Anmelden bei Wiki");
    assert_eq!(mail["hello"], "localhost");
    let link = office.app.url("/x?t=ml_1&v=2");
    let text = mail["text"].as_str().unwrap();
    assert!(text.contains(&link) && text.contains("Guten Tag Łucja Ünal,"), "{text}");
    assert!(mail["html"].as_str().unwrap().contains("Łucja Ünal"));
    assert_eq!(mail["headers"]["auto-submitted"], "Auto-Submitted: auto-generated");
    assert!(mail["headers"]["content-type"].as_str().unwrap().contains("multipart/alternative"));
    assert!(mail["messageId"].as_str().unwrap().ends_with("@example.com>") && mail["date"].is_string());
    office.put("bob@example.com").await;
    assert_eq!(office.deliver(&post, 1).await, 1);
    let second = server.next();
    assert_eq!((second["to"][0].as_str(), second["connections"].as_i64()), (Some("bob@example.com"), Some(1)));
    assert_ne!(second["messageId"], mail["messageId"]);
    assert_eq!(office.deliver(&post, 3000).await, 0);
}

/// A mail server that is down, and then is there.
#[tokio::test]
#[ignore = "mail server: tests/run brings it"]
async fn down_and_back() {
    let office = Office::open().await;
    let port = free_port();
    let post = office.post(&format!("smtp://127.0.0.1:{port}"), None);
    office.put("ana@example.com").await;
    assert_eq!(office.deliver(&post, 0).await, 0);
    assert_eq!(office.last_error().await, "connection");
    assert!(post.try_out().await.is_err());
    let mut server = Server::start(json!({ "port": port }));
    assert!(post.try_out().await.is_ok());
    assert_eq!(office.deliver(&post, 4).await, 0);
    assert_eq!(office.deliver(&post, 5).await, 1);
    assert_eq!(server.next()["to"][0], "ana@example.com");
}

/// A kept connection whose server went away and came back is not taken for a living one.
#[tokio::test]
#[ignore = "mail server: tests/run brings it"]
async fn a_dead_connection_is_seen() {
    let office = Office::open().await;
    let first = Server::start(json!({}));
    let port = first.port;
    let post = office.post(&first.url(), None);
    office.put("ana@example.com").await;
    assert_eq!(office.deliver(&post, 0).await, 1);
    drop(first);
    let mut second = Server::start(json!({ "port": port }));
    office.put("bob@example.com").await;
    assert_eq!(office.deliver(&post, 1).await, 1);
    assert_eq!(second.next()["to"][0], "bob@example.com");
}

/// A server that takes the connection and never says a word: given up after the deadline, all mails at once, tried again.
#[tokio::test]
#[ignore = "mail server: tests/run brings it"]
async fn a_silent_server_is_given_up() {
    let office = Office::open().await;
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let post = office.post(&format!("smtp://{}", silent.local_addr().unwrap()), None);
    for number in 0..8 {
        office.put(&format!("p{number}@example.com")).await;
    }
    let began = Instant::now();
    assert_eq!(office.deliver(&post, 0).await, 0);
    assert!((2..5).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    assert_eq!(office.last_error().await, "connection");
    assert_eq!(office.app.count("SELECT COUNT(*) FROM outbox WHERE attempts = 1 AND next_at IS NOT NULL").await, 8);
}

/// The same server does not slow what people and apps do meanwhile.
#[tokio::test]
#[ignore = "mail server: tests/run brings it"]
async fn a_silent_server_delays_nobody() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("smtp://{}", silent.local_addr().unwrap());
    let settings = [("MAIL__URL", url.as_str()), ("MAIL__FROM", "no-reply@example.com")];
    let app = TestApp::with(Wish { settings: &settings, ..Wish::default() }).await;
    app.person("ana").await;
    let rp = Rp::web(&app, "web").await;
    crate::mail::enqueue(&app, "ana@example.com").await;
    let (_hanging, _) = silent.accept().unwrap();
    let began = Instant::now();
    rp.tokens(&mut crate::support::Browser::new(), "ana").await;
    assert_eq!(rp.get("/jwks").await.status, 200);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(app.count("SELECT COUNT(*) FROM outbox WHERE attempts = 1 AND last_error IS NULL").await, 1, "under way");
}

/// Greylisting (450 at first): the same mail, a little later, with the same Message-ID.
#[tokio::test]
#[ignore = "mail server: tests/run brings it"]
async fn greylisting_passes() {
    let office = Office::open().await;
    let mut server = Server::start(json!({ "greylist": 2 }));
    let post = office.post(&server.url(), None);
    office.put("ana@example.com").await;
    for (seconds, sent) in [(0, 0), (5, 0), (34, 0), (35, 1)] {
        assert_eq!(office.deliver(&post, seconds).await, sent, "{seconds}");
        if sent == 0 {
            assert_eq!(office.last_error().await, "recipient");
        }
    }
    assert_eq!(server.next()["to"][0], "ana@example.com");
    assert_eq!(post.counted().failed, 0);
}

/// One recipient is refused for good (550): that mail fails, the others go, and nothing is tried again.
#[tokio::test]
#[ignore = "mail server: tests/run brings it"]
async fn one_refused_recipient_fails_alone() {
    let office = Office::open().await;
    let mut server = Server::start(json!({ "refuse": "nobody@example.com" }));
    let post = office.post(&server.url(), None);
    for to in ["ana@example.com", "nobody@example.com", "bob@example.com"] {
        office.put(to).await;
    }
    assert_eq!(office.deliver(&post, 0).await, 2);
    let mut got: Vec<_> = [server.next(), server.next()].iter().map(|mail| mail["to"].to_string()).collect();
    got.sort();
    assert_eq!(got, ["[\"ana@example.com\"]", "[\"bob@example.com\"]"]);
    assert_eq!(office.last_error().await, "recipient");
    assert_eq!(office.app.count("SELECT COUNT(*) FROM outbox WHERE failed_at IS NOT NULL AND body = ''").await, 1);
    assert_eq!(office.deliver(&post, 3000).await, 0);
    assert_eq!((post.counted().sent, post.counted().failed), (2, 1));
}

/// That the server does not take our own address is the operator's to mend: no mail is lost by it.
#[tokio::test]
#[ignore = "mail server: tests/run brings it"]
async fn a_refused_sender_loses_nothing() {
    let office = Office::open().await;
    let server = Server::start(json!({ "sender": "somebody-else@example.com" }));
    let post = office.post(&server.url(), None);
    office.put("ana@example.com").await;
    assert_eq!(office.deliver(&post, 0).await, 0);
    assert_eq!(office.last_error().await, "sender");
    let mut good = Server::start(json!({ "sender": "no-reply@example.com" }));
    assert_eq!(office.deliver(&office.post(&good.url(), None), 5).await, 1);
    assert_eq!(good.next()["to"][0], "ana@example.com");
}

/// STARTTLS and TLS under an authority of the operator's own; without that authority, or without STARTTLS, nothing is sent.
#[tokio::test]
#[ignore = "mail server: tests/run brings it"]
async fn only_over_trusted_tls() {
    let office = Office::open().await;
    let ca = || Some(folder().join("ca.pem"));
    let mut starttls = Server::start(json!({ "tls": "starttls" }));
    let mut always = Server::start(json!({ "tls": "always" }));
    let plain = Server::start(json!({}));
    office.put("ana@example.com").await;
    for (url, ca, stage) in [
        (format!("{}?tls=required", starttls.url()), None, "tls"),
        (format!("{}?tls=required", plain.url()), ca(), "tls"),
        (format!("smtps://localhost:{}", always.port), None, "connection"),
    ] {
        assert_eq!(office.deliver(&office.post(&url, ca), 0).await, 0, "{url}");
        assert_eq!(office.last_error().await, stage, "{url}");
        office.app.provider.db.write(async |tx| tx.execute(sql("DELETE FROM outbox")).await).await.unwrap();
        office.put("ana@example.com").await;
    }
    assert_eq!(office.deliver(&office.post(&format!("{}?tls=required", starttls.url()), ca()), 0).await, 1);
    assert_eq!(starttls.next()["secure"], true);
    office.put("bob@example.com").await;
    assert_eq!(office.deliver(&office.post(&format!("smtps://localhost:{}", always.port), ca()), 0).await, 1);
    assert_eq!(always.next()["secure"], true);
}

/// AUTH: with the right password it goes; with a wrong one no mail is lost, and `doctor` says where it stands.
#[tokio::test]
#[ignore = "mail server: tests/run brings it"]
async fn signing_in_at_the_server() {
    let office = Office::open().await;
    let mut server = Server::start(json!({ "tls": "starttls", "user": "house@example.com", "password": "p:w/d" }));
    let url = |password: &str| format!("smtp://house%40example.com:{password}@localhost:{}?tls=required", server.port);
    let ca = || Some(folder().join("ca.pem"));
    let (wrong, right) = (office.post(&url("nope"), ca()), office.post(&url("p%3Aw%2Fd"), ca()));
    let words = wrong.try_out().await.unwrap_err();
    assert!(words.starts_with("sign-in: ") && words.contains("535") && !words.contains("nope"), "{words}");
    assert!(right.try_out().await.is_ok());
    office.put("ana@example.com").await;
    assert_eq!(office.deliver(&wrong, 0).await, 0);
    assert_eq!(office.last_error().await, "sign-in");
    assert_eq!(office.deliver(&right, 5).await, 1);
    let mail = server.next();
    assert_eq!((mail["user"].as_str(), mail["secure"].as_bool()), (Some("house@example.com"), Some(true)));
}
