//! Many requests at the same instant: what may happen once happens once (TK-02, RT-02, RFC 7523 section 3).

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::task::JoinSet;

use crate::support::forge::{Signing, with_assertion};
use crate::support::rp::{Answer, VERIFIER};
use crate::support::{Browser, CALLBACK, Rp, TestApp};

const PARALLEL: usize = 32;
const QUICK_ROUNDS: usize = 3;

/// The answers to one and the same form, sent by so many at once.
async fn at_once(rp: &Arc<Rp>, path: &'static str, fields: &[(&str, &str)]) -> Vec<Answer> {
    let mut running = JoinSet::new();
    for _ in 0..PARALLEL {
        let rp = Arc::clone(rp);
        let fields: Vec<(String, String)> =
            fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        running.spawn(async move {
            let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            rp.post_as(path, None, &fields).await
        });
    }
    running.join_all().await
}

fn good(answers: &[Answer]) -> Vec<&Answer> {
    answers.iter().filter(|answer| answer.status == 200).collect()
}

/// Every answer that is not 200 must be this refusal: no conflict, no trouble of ours.
fn assert_others(answers: &[Answer], status: u16, error: &str) {
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!((answer.status, answer.error().as_str()), (status, error), "{}", answer.body);
    }
}

async fn redemptions(rounds: usize) {
    let app = TestApp::start().await;
    let rp = Arc::new(Rp::public(&app, "spa").await);
    app.person("ana").await;
    let mut browser = Browser::new();
    for _ in 0..rounds {
        let code = rp.code(&mut browser, "ana").await;
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
            ("client_id", "spa"),
        ];
        let answers = at_once(&rp, "/token", &fields).await;
        assert_others(&answers, 400, "invalid_grant");
        let good = good(&answers);
        assert_eq!(good.len(), 1);
        // The others were replays: what the one got is over.
        assert_eq!(rp.userinfo(&good[0].text("access_token")).await.status, 401);
        assert_eq!(rp.refresh(&good[0].text("refresh_token")).await.status, 400);
    }
    assert_eq!(app.count("SELECT COUNT(*) FROM refresh_families").await, i64::try_from(rounds).unwrap());
    assert_eq!(app.count("SELECT COUNT(*) FROM grants WHERE revoked_at IS NULL").await, 0);
    let alone = rp.exchange(&rp.code(&mut browser, "ana").await).await;
    assert_eq!(rp.userinfo(&alone.text("access_token")).await.status, 200, "a code that is used once");
}

async fn refreshes(rounds: usize) {
    let app = TestApp::start().await;
    let rp = Arc::new(Rp::public(&app, "spa").await);
    app.person("ana").await;
    let mut token = rp.tokens(&mut Browser::new(), "ana").await.text("refresh_token");
    for round in 1..=rounds {
        let fields = [("grant_type", "refresh_token"), ("refresh_token", token.as_str()), ("client_id", "spa")];
        let answers = at_once(&rp, "/token", &fields).await;
        assert_eq!(good(&answers).len(), PARALLEL, "{:?}", answers.iter().find(|answer| answer.status != 200));
        let successors: BTreeSet<String> = answers.iter().map(|answer| answer.text("refresh_token")).collect();
        assert_eq!(successors.len(), 1, "one successor for everybody");
        token = successors.into_iter().next().unwrap();
        assert_eq!(app.count("SELECT MAX(generation) FROM refresh_families").await, i64::try_from(round).unwrap() + 1);
    }
    assert_eq!(app.count("SELECT COUNT(*) FROM refresh_families").await, 1);
    assert_eq!(rp.refresh(&token).await.status, 200, "the one leaf lives");
}

async fn assertions(rounds: usize) {
    let app = TestApp::start().await;
    let signing = Signing::private_key_jwt(&app, "signer").await;
    app.person("ana").await;
    let mut browser = Browser::new();
    let code = signing.rp.code(&mut browser, "ana").await;
    let mut fields: Vec<(&str, &str)> = vec![("grant_type", "authorization_code"), ("code", &code)];
    fields.extend([("redirect_uri", CALLBACK), ("code_verifier", VERIFIER)]);
    let first = signing.assertion(&app, "the first");
    let token = signing.rp.post_as("/token", None, &with_assertion(&fields, &first)).await.text("access_token");
    let rp = Arc::new(Rp::at(&app.issuer, "signer", None));
    for round in 0..rounds {
        let assertion = signing.assertion(&app, &format!("round {round}"));
        let answers = at_once(&rp, "/introspect", &with_assertion(&[("token", &token)], &assertion)).await;
        assert_others(&answers, 401, "invalid_client");
        assert_eq!(good(&answers).len(), 1);
    }
}

/// Protects the single use of a code (TK-02, RFC 6749 section 4.1.2): one of 32 wins, and the replays end what it got.
#[tokio::test]
async fn a_code_is_redeemed_once() {
    redemptions(QUICK_ROUNDS).await;
}

/// Protects a family of refresh tokens (RT-02, decision 19): 32 get the same successor, and one leaf lives.
#[tokio::test]
async fn a_refresh_has_one_successor() {
    refreshes(QUICK_ROUNDS).await;
}

/// Protects the `jti` of client assertions (RFC 7523 section 3, item 7): one of 32 uses is taken.
#[tokio::test]
async fn an_assertion_is_used_once() {
    assertions(QUICK_ROUNDS).await;
}

/// The same for as many rounds as the battery asks for.
mod long {
    const ROUNDS: usize = 200;

    fn wanted() -> bool {
        std::env::var_os("TEST_LONG").is_some()
    }

    /// TK-02 in full.
    #[tokio::test]
    #[ignore = "takes minutes: tests/run --long"]
    async fn a_code_is_redeemed_once() {
        if wanted() {
            super::redemptions(ROUNDS).await;
        }
    }

    /// RT-02 in full.
    #[tokio::test]
    #[ignore = "takes minutes: tests/run --long"]
    async fn a_refresh_has_one_successor() {
        if wanted() {
            super::refreshes(ROUNDS).await;
        }
    }

    /// RFC 7523 section 3 in full.
    #[tokio::test]
    #[ignore = "takes minutes: tests/run --long"]
    async fn an_assertion_is_used_once() {
        if wanted() {
            super::assertions(ROUNDS).await;
        }
    }
}
