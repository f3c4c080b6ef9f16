//! Two processes of the provider on one PostgreSQL database: what may happen once happens once, and what one ends is over on the
//! other. Decisions 2, 19, 27 and 28, battery rows PW-02, SE-07, TK-02, RT-02.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinSet;
use vouchsafe::admin::clients::{self, Changes};
use vouchsafe::admin::sessions;

use crate::support::app::PASSWORD;
use crate::support::journey::FRESH;
use crate::support::page::Form;
use crate::support::rp::{Answer, VERIFIER};
use crate::support::{Authenticator, Browser, CALLBACK, Rp, TestApp};

const PARALLEL: usize = 32;
const ANA: &str = "ana@example.com";

/// Two nodes; the issuer is the first one's.
struct House {
    nodes: [TestApp; 2],
    /// The links that were read already.
    seen: Mutex<Vec<String>>,
}

impl House {
    async fn open() -> House {
        assert!(std::env::var("TEST_DATABASE_URL").is_ok(), "TEST_DATABASE_URL names the server");
        let first = TestApp::start().await;
        first.person("ana").await;
        let second = first.second_node().await;
        // Whose jobs send a mail is a matter of luck.
        first.ignore_mail();
        second.ignore_mail();
        House { nodes: [first, second], seen: Mutex::default() }
    }

    /// The same request of a program so many times at once, half of them to each node.
    async fn at_once(&self, count: usize, path: &str, headers: &[(&'static str, String)], body: &str) -> Vec<Answer> {
        let mut running = JoinSet::new();
        for number in 0..count {
            let rp = Rp::at(&self.nodes[number % 2].issuer, "", None);
            let (path, headers, body) = (path.to_owned(), headers.to_vec(), body.to_owned());
            running.spawn(async move { rp.send("POST", &path, &headers, &body).await });
        }
        running.join_all().await
    }

    async fn token(&self, fields: &[(&str, &str)]) -> Vec<Answer> {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.at_once(PARALLEL, "/token", &[("content-type", "application/x-www-form-urlencoded".to_owned())], &body).await
    }

    /// The same form of a person's browser.
    async fn press(&self, count: usize, browser: &Browser, form: &Form) -> Vec<Answer> {
        let half = browser.cookie("half").map_or_else(String::new, |half| format!("; half={}", half.value));
        let headers = [
            ("content-type", "application/x-www-form-urlencoded".to_owned()),
            ("origin", self.nodes[0].issuer.clone()),
            ("sec-fetch-site", "same-origin".to_owned()),
            ("cookie", format!("browser={}{half}", browser.cookie("browser").unwrap().value)),
        ];
        self.at_once(count, form.action.path(), &headers, &form.body()).await
    }

    /// A link that was not read yet for this path that either node sent.
    async fn link(&self, path: &str) -> String {
        self.nodes[0].mail().delivered().await;
        let texts: Vec<String> = self.nodes.iter().flat_map(TestApp::all_mail).collect();
        let links = texts.iter().flat_map(|text| text.split_whitespace()).filter(|word| word.contains(path));
        links
            .map(str::to_owned)
            .find(|link| !self.seen.lock().unwrap().contains(link))
            .inspect(|link| {
                self.seen.lock().unwrap().push(link.clone());
            })
            .unwrap_or_else(|| panic!("no new link with {path}"))
    }
}

fn statuses(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

/// A code is redeemed once, whichever node is asked (TK-02).
#[tokio::test]
#[ignore = "PostgreSQL: tests/run brings one"]
async fn postgresql_two_nodes_redeem_a_code_once() {
    let house = House::open().await;
    let rp = Rp::public(&house.nodes[0], "spa").await;
    let code = rp.code(&mut Browser::new(), "ana").await;
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
        ("client_id", "spa"),
    ];
    let answers = house.token(&fields).await;
    assert_eq!((statuses(&answers, 200), statuses(&answers, 400)), (1, PARALLEL - 1));
    assert_eq!(house.nodes[0].count("SELECT COUNT(*) FROM refresh_families").await, 1);
    // The positive twin: a code that one node made and the other redeems.
    let code = rp.code(&mut Browser::new(), "ana").await;
    let other = Rp::at(&house.nodes[1].issuer, "spa", None);
    assert_eq!(other.exchange(&code).await.status, 200);
}

/// An authenticator's answer signs in once, whichever node is asked, and a copy of the key that signs at the same moment loses (WA-01).
#[tokio::test]
#[ignore = "PostgreSQL: tests/run brings one"]
async fn postgresql_two_nodes_take_a_passkey_once() {
    let house = House::open().await;
    let app = &house.nodes[0];
    let (mut ana, mut browser) = (Authenticator::new(app, 1), Browser::new());
    app.sign_in(&mut browser, "ana").await;
    ana.enrol(app, &mut browser).await;
    browser.forget_cookies();
    let page = browser.visit(&app.url("/sign-in")).await;
    let options = browser.passkey_options(&page).await;
    let mut form = page.form("passkey");
    form.set("credential", &ana.get(&options, |_| {}));
    let before = app.count("SELECT COUNT(*) FROM sessions").await;
    let answers = house.press(PARALLEL, &browser, &form).await;
    assert_eq!((statuses(&answers, 303), statuses(&answers, 400)), (1, PARALLEL - 1));
    assert_eq!(app.count("SELECT COUNT(*) FROM sessions").await, before + 1);
    // The positive twin: what one node asked and the other is answered.
    let options = browser.passkey_options(&page).await;
    form.set("credential", &ana.get(&options, |_| {}));
    let headers = [
        ("content-type", "application/x-www-form-urlencoded".to_owned()),
        ("origin", app.issuer.clone()),
        ("cookie", format!("browser={}", browser.cookie("browser").unwrap().value)),
    ];
    let other = Rp::at(&house.nodes[1].issuer, "", None);
    assert_eq!(other.send("POST", form.action.path(), &headers, &form.body()).await.status, 303);
}

/// A refresh has one successor on both (RT-02, decision 19).
#[tokio::test]
#[ignore = "PostgreSQL: tests/run brings one"]
async fn postgresql_two_nodes_refresh_once() {
    let house = House::open().await;
    let rp = Rp::public(&house.nodes[0], "spa").await;
    let token = rp.tokens(&mut Browser::new(), "ana").await.text("refresh_token");
    let answers = house.token(&[("grant_type", "refresh_token"), ("refresh_token", token.as_str()), ("client_id", "spa")]).await;
    let successors: BTreeSet<String> =
        answers.iter().filter(|answer| answer.status == 200).map(|answer| answer.text("refresh_token")).collect();
    assert_eq!((statuses(&answers, 200), successors.len()), (PARALLEL, 1), "{:?}", answers.iter().find(|a| a.status != 200));
    assert_eq!(house.nodes[1].count("SELECT MAX(generation) FROM refresh_families").await, 2);
    let other = Rp::at(&house.nodes[1].issuer, "spa", None);
    assert_eq!(other.refresh(successors.first().unwrap()).await.status, 200, "the one leaf lives, on the other node too");
}

/// A link of a mail is good once over both, also where two of them race for one account.
#[tokio::test]
#[ignore = "PostgreSQL: tests/run brings one"]
async fn postgresql_two_nodes_take_a_link_once() {
    let house = House::open().await;
    let app = &house.nodes[0];
    let mut browser = Browser::new();
    app.ask_for_link(&mut browser, ANA).await;
    let form = browser.get(&house.link("/sign-in-link/").await).await.form("go-on");
    let answers = house.press(PARALLEL, &browser, &form).await;
    assert_eq!((statuses(&answers, 303), statuses(&answers, 410)), (1, PARALLEL - 1));
    assert_eq!(app.count("SELECT COUNT(*) FROM sessions").await, 1);
    // Two resets of one account at once: each link voids the other, and neither gets stuck.
    let mut forms = Vec::new();
    for _ in 0..2 {
        app.clock.advance(1);
        app.forget(&mut browser, ANA).await;
        let mut form = browser.get(&house.link("/reset-password/").await).await.form("set-password");
        form.set("password", FRESH);
        forms.push(form);
    }
    let (one, two) = tokio::join!(house.press(8, &browser, &forms[0]), house.press(8, &browser, &forms[1]));
    let answers: Vec<Answer> = one.into_iter().chain(two).collect();
    let allowed = answers.iter().all(|answer| [200, 410].contains(&answer.status) || answer.body.contains("busy"));
    assert!(allowed, "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
    assert_eq!(statuses(&answers, 200), 1);
    assert_eq!(app.audited("password_reset").await, 1);
}

/// PW-02: 200 wrong passwords at the same instant, on both: ten are compared.
#[tokio::test]
#[ignore = "PostgreSQL: tests/run brings one"]
async fn postgresql_two_nodes_count_guesses_together() {
    let house = House::open().await;
    let mut browser = Browser::new();
    let mut form = browser.visit(&house.nodes[0].url("/account")).await.form("sign-in");
    form.set("username", ANA);
    form.set("password", "wrong");
    let compared = || house.nodes.iter().map(|node| node.provider.hasher.verifications()).sum::<u64>();
    let answers = house.press(200, &browser, &form).await;
    assert_eq!(compared(), 10);
    assert_eq!(statuses(&answers, 400), 10);
    assert!(answers.iter().all(|answer| [400, 429, 503].contains(&answer.status)));
    form.set("password", PASSWORD);
    assert_eq!(statuses(&house.press(2, &browser, &form).await, 429), 2, "on each node");
    assert_eq!(compared(), 10);
    house.nodes[0].clock.advance(30);
    assert_eq!(statuses(&house.press(1, &browser, &form).await, 303), 1, "the positive twin");
}

/// SE-07: a session that ended on one node is nothing on the other, with the next request.
#[tokio::test]
#[ignore = "PostgreSQL: tests/run brings one"]
async fn postgresql_two_nodes_end_a_session_at_once() {
    let house = House::open().await;
    let [first, second] = &house.nodes;
    let mut browser = Browser::new();
    first.sign_in(&mut browser, "ana").await;
    let cookie = format!("session={}", browser.cookie("session").unwrap().value);
    let there = Rp::at(&second.issuer, "", None);
    let headers = [("cookie", cookie)];
    let account = || there.send("GET", "/account", &headers, "");
    assert_eq!(account().await.status, 200);
    let sid = sessions::list(first.desk(), ANA).await.unwrap()[0].sid.clone();
    sessions::revoke(first.desk(), &sid).await.unwrap();
    assert_eq!(account().await.status, 303);
    assert!(!first.is_in(&mut browser).await);
}

/// Decision 27: what changes about a client reaches the other node within a second or so.
#[tokio::test]
#[ignore = "PostgreSQL: tests/run brings one"]
async fn postgresql_two_nodes_hear_of_a_change() {
    let house = House::open().await;
    let rp = Rp::web(&house.nodes[0], "web").await;
    let there = Arc::new(Rp::at(&house.nodes[1].issuer, "web", None));
    let path = format!("/authorize?{}", rp.flow().query());
    assert_eq!(there.get(&path).await.status, 303);
    let moved = Changes { redirect_uris: Some(vec!["https://elsewhere.test/cb".to_owned()]), ..Changes::default() };
    clients::edit(house.nodes[0].desk(), "web", &moved).await.unwrap();
    for _ in 0..30 {
        if there.get(&path).await.status == 400 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the other node has not heard of it after three seconds");
}

/// MF-01, MF-02: one code opens one session over both nodes, and ten guesses are ten in all, not ten a node.
#[tokio::test]
#[ignore = "PostgreSQL: tests/run brings one"]
async fn postgresql_second_factors_are_counted_together() {
    let house = House::open().await;
    let app = &house.nodes[0];
    let mut owner = Browser::new();
    app.sign_in(&mut owner, "ana").await;
    let phone = app.add_phone(&mut owner).await;
    let mut thief = Browser::new();
    let page = app.first_step(&mut thief, "ana").await;
    let mut right = page.form("verify");
    right.set("code", &phone.next_code(app));
    let answers = house.press(PARALLEL, &thief, &right).await;
    assert_eq!(statuses(&answers, 303), 1, "one code, once");
    let mut next = Browser::new();
    let page = app.first_step(&mut next, "ana").await;
    let mut wrong = page.form("verify");
    wrong.set("code", &phone.wrong_code(app));
    let answers = house.press(PARALLEL, &next, &wrong).await;
    let compared = statuses(&answers, 400);
    assert!(compared <= 10, "{compared} were compared");
    assert!(answers.iter().all(|answer| [400, 429].contains(&answer.status)));
}
