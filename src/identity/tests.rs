//! The rooms of identity together, on a database: guessing, signing in, sessions, consent and the end of an account.

use std::net::IpAddr;

use serde_json::Map;
use tempfile::TempDir;

use super::consent::{self, Consent};
use super::guesses::{self, Charged, Number};
use super::passwords::{Capacity, Hasher, Password};
use super::sessions::{self, NewSession, Session, SessionToken};
use super::sign_in::{self, Attempt, Outcome};
use super::users::{self, Created, NewUser};
use crate::base::{Clock, Fault, Id, Random, Secret, Timestamp, public_id};
use crate::oauth::Scope;
use crate::store::{Db, Durability, Options, grants, known_devices, migrations, passwords, sql};

const START: Timestamp = Timestamp::from_unix(1_800_000_000);
const ANA: &str = "ana@example.com";
const RIGHT: &str = "correct horse";
const HOME: &str = "192.0.2.1";
const IDLE: i64 = 1000;

/// `RIGHT` under small parameters, made by argon2-cffi.
const OLD_HASH: &str = "$argon2id$v=19$m=64,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$MjZP1+1U9JUbDWvDvtLyEsZiNXOKEUxfi6O2oe46uxA";

const FAILURES: &str = "SELECT CAST(COALESCE(SUM(failures), 0) AS BIGINT) FROM guesses";

struct House {
    db: Db,
    hasher: Hasher,
    random: Random,
    _folder: TempDir,
}

impl House {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("house.db").display());
        let db = Db::open(&url, &Options { durability: Durability::Normal }).await.unwrap();
        migrations::migrate(&db).await.unwrap();
        let random = Random::seeded(7);
        let hasher = Hasher::start(&random, Capacity::default()).unwrap();
        Self { db, hasher, random, _folder: folder }
    }

    fn id(&self) -> Id {
        Id::new(&Clock::fixed(START), &self.random).unwrap()
    }

    async fn add(&self, email: &str) -> (Id, Created) {
        let new = NewUser {
            id: self.id(),
            sub: public_id(&self.random).unwrap(),
            email: Some(email.to_owned()),
            email_verified: true,
            address_proved_here: true,
            claims: Map::new(),
            verify_by: None,
        };
        let id = new.id.clone();
        (id, self.db.write(async move |tx| users::create(tx, &new, START).await).await.unwrap())
    }

    async fn with_password(&self, email: &str) -> Id {
        let (id, created) = self.add(email).await;
        assert_eq!(created, Created::Done);
        let phc = self.hasher.hash(Password::new(&Secret::new(RIGHT.to_owned())).unwrap()).await.unwrap();
        let of = id.clone();
        self.db.write(async move |tx| users::set_password(tx, &of, &phc, START).await).await.unwrap();
        id
    }

    async fn attempt(&self, login: &str, password: &str, from: (&str, &str), seconds: i64) -> Outcome {
        let attempt = Attempt {
            login: login.to_owned(),
            password: Secret::new(password.to_owned()),
            browser_hash: from.0.to_owned(),
            address: from.1.parse::<IpAddr>().unwrap(),
            now: START.plus(seconds),
        };
        let outcome = sign_in::password(&self.db, &self.hasher, attempt).await.unwrap();
        if let Outcome::Verified { user, .. } = &outcome {
            // What `endpoints` does when it begins the session.
            let (id, browser, at) = (user.id.clone(), from.0.to_owned(), START.plus(seconds));
            self.db.write(async move |tx| known_devices::record(tx, &id, &browser, at).await).await.unwrap();
        }
        outcome
    }

    async fn count(&self, statement: crate::store::Statement) -> i64 {
        self.db.conn().fetch(statement).await.unwrap().unwrap().columns("count").int("count").unwrap()
    }

    async fn session(&self, user: &Id) -> (SessionToken, NewSession) {
        let token = SessionToken::new(&self.random).unwrap();
        let new = self.next(user, &token, self.id(), START);
        let stored = new.clone();
        self.db.write(async move |tx| sessions::start(tx, &stored).await).await.unwrap();
        (token, new)
    }

    fn next(&self, user: &Id, token: &SessionToken, id: Id, now: Timestamp) -> NewSession {
        NewSession {
            sid: format!("sid of {id}"),
            id,
            token_hash: token.hash(),
            user_id: user.clone(),
            browser_hash: "browser".into(),
            auth_time: now,
            acr: "aal1".into(),
            amr: vec!["pwd".into()],
            second_at: None,
            device_trusted: false,
            is_dated: true,
            user_agent: "Firefox".into(),
            address: HOME.into(),
            now,
            expires_at: now.plus(5000),
        }
    }

    async fn find(&self, token: &SessionToken, seconds: i64) -> Option<Session> {
        sessions::find(&mut self.db.conn(), token, IDLE, START.plus(seconds)).await.unwrap().map(|(session, _)| session)
    }

    async fn grant(&self, user: &Id, client_id: &str) -> String {
        let id = self.id().as_str().to_owned();
        let grant = grants::Grant {
            id: id.clone(),
            client_id: client_id.into(),
            user_id: Some(user.clone()),
            session_id: None,
            offline: true,
            detail: "{}".into(),
            expires_at: START.plus(100_000),
            revoked_at: None,
        };
        self.db.write(async move |tx| grants::insert(tx, &grant, START).await).await.unwrap();
        id
    }

    async fn grant_lives(&self, id: &str) -> bool {
        grants::find(&mut self.db.conn(), id).await.unwrap().is_some_and(|grant| grant.is_live(START))
    }
}

/// PW-01: ten guesses from one address are compared, the eleventh is not, even if it is right; after the wait it is. The waits
/// double up to a quarter of an hour.
#[tokio::test]
async fn ten_guesses_and_growing_waits() {
    let house = House::new().await;
    house.with_password(ANA).await;
    let from = ("attacker", HOME);
    for _ in 0..10 {
        assert!(matches!(house.attempt(ANA, "wrong", from, 0).await, Outcome::Wrong));
    }
    assert_eq!(house.hasher.verifications(), 10);
    let mut at = 0;
    for wait in [30, 60, 120, 240, 480, 900, 900] {
        for password in ["wrong", RIGHT] {
            let outcome = house.attempt(" Ana@EXAMPLE.com", password, from, at).await;
            assert!(matches!(outcome, Outcome::Throttled { retry_after_seconds } if retry_after_seconds == wait), "{outcome:?}");
            assert!(matches!(house.attempt(ANA, password, from, at + wait - 1).await, Outcome::Throttled { .. }));
        }
        at += wait;
        assert!(matches!(house.attempt(ANA, "wrong", from, at).await, Outcome::Wrong), "at {at}");
    }
    assert_eq!(house.hasher.verifications(), 17, "what is throttled is not compared");
    assert!(matches!(house.attempt(ANA, RIGHT, from, at + 900).await, Outcome::Verified { .. }));
    assert!(matches!(house.attempt(ANA, "wrong", ("new browser", HOME), at + 900).await, Outcome::Wrong), "the row is over");
}

/// PW-02: of 200 guesses at the same instant ten are compared; the count is exact.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn parallel_guesses() {
    let house = std::sync::Arc::new(House::new().await);
    house.with_password(ANA).await;
    let tasks: Vec<_> = (0..200)
        .map(|_| {
            let house = std::sync::Arc::clone(&house);
            tokio::spawn(async move { house.attempt(ANA, "wrong", ("attacker", HOME), 0).await })
        })
        .collect();
    let (mut wrong, mut throttled) = (0, 0);
    for task in tasks {
        match task.await.unwrap() {
            Outcome::Wrong => wrong += 1,
            Outcome::Throttled { retry_after_seconds: 30 } => throttled += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((wrong, throttled, house.hasher.verifications()), (10, 190, 10));
    assert_eq!(house.count(sql("SELECT MIN(failures) FROM guesses")).await, 10);
    assert_eq!(house.count(sql("SELECT MAX(failures) FROM guesses")).await, 10);
}

/// PW-11: a thousand failures from everywhere hold up strangers, for a time; never the browser that the person knows.
#[tokio::test]
async fn nobody_is_locked_out() {
    let house = House::new().await;
    house.with_password(ANA).await;
    assert!(matches!(house.attempt(ANA, RIGHT, ("own browser", HOME), 0).await, Outcome::Verified { .. }));
    let mut compared = 0;
    for number in 0..1000 {
        let address = format!("10.0.{}.{}", number / 250, number % 250);
        match house.attempt(ANA, "wrong", ("attacker", &address), 1).await {
            Outcome::Wrong => compared += 1,
            Outcome::Throttled { retry_after_seconds: 900 } => {}
            other => panic!("{other:?}"),
        }
        if compared == 100 && number > 300 {
            break;
        }
    }
    assert_eq!(compared, 100, "no number of addresses makes more guesses");
    assert!(matches!(house.attempt(ANA, RIGHT, ("own browser", HOME), 2).await, Outcome::Verified { .. }));
    assert!(matches!(house.attempt(ANA, RIGHT, ("own browser", "10.0.0.1"), 2).await, Outcome::Verified { .. }));
    assert!(matches!(house.attempt(ANA, RIGHT, ("new browser", "198.51.100.7"), 2).await, Outcome::Throttled { .. }));
    assert!(matches!(house.attempt(ANA, RIGHT, ("new browser", "198.51.100.7"), 901).await, Outcome::Verified { .. }));
}

/// Messages to a number: ten a day for all who claim it together; who has shown that it is theirs still gets their own.
#[tokio::test]
async fn a_number_that_many_claim() {
    let house = House::new().await;
    let sent = async |user: &str, whose| {
        let subjects = guesses::message_subjects(&Id::from_stored(user), ("sms", "+436601234567"), whose, 1000);
        house.db.write(async move |tx| guesses::charge(tx, &subjects, START).await).await.unwrap()
    };
    for number in 0..10 {
        assert_eq!(sent(&format!("user {number}"), Number::Claimed).await, Charged::Taken);
    }
    assert!(matches!(sent("another", Number::Claimed).await, Charged::Throttled { .. }));
    assert_eq!(sent("owner", Number::Confirmed).await, Charged::Taken);
}

/// One network over all accounts; an attacker's own success hides nothing, and IPv6 counts by /64.
#[tokio::test]
async fn one_network() {
    let house = House::new().await;
    house.with_password("eve@example.com").await;
    for number in 0..100 {
        let address = format!("2001:db8:1:2::{number:x}");
        assert!(matches!(house.attempt(&format!("p{number}@example.com"), "wrong", ("b", &address), 0).await, Outcome::Wrong));
        if number == 50 {
            assert!(matches!(house.attempt("eve@example.com", RIGHT, ("b", &address), 0).await, Outcome::Verified { .. }));
        }
    }
    let next = |address| house.attempt("other@example.com", "wrong", ("b", address), 1);
    assert!(matches!(next("2001:db8:1:2:ffff::1").await, Outcome::Throttled { .. }));
    assert!(matches!(next("2001:db8:1:3::1").await, Outcome::Wrong), "the neighbour is not");
    let mapped = house.attempt("other@example.com", "wrong", ("b", "::ffff:192.0.2.1"), 1).await;
    assert!(matches!(mapped, Outcome::Wrong));
}

/// PW-08, as decision 29 proves it: each way to be refused costs one verification, one charge and says the same.
#[tokio::test]
async fn refusals_are_alike() {
    let house = House::new().await;
    house.with_password(ANA).await;
    house.add("nopassword@example.com").await;
    let disabled = house.with_password("disabled@example.com").await;
    house.db.write(async move |tx| users::disable(tx, &disabled, START).await).await.unwrap();
    for (number, (login, password)) in [
        (ANA, "wrong"),
        ("unknown@example.com", RIGHT),
        ("nopassword@example.com", RIGHT),
        ("disabled@example.com", RIGHT),
        ("no address", RIGHT),
        ("", RIGHT),
        ("a\0b\u{202e}@example.com", RIGHT),
    ]
    .into_iter()
    .enumerate()
    {
        let before = (house.hasher.verifications(), house.count(sql(FAILURES)).await);
        let address = format!("192.0.2.{number}");
        assert!(matches!(house.attempt(login, password, ("b", &address), 0).await, Outcome::Wrong), "{login}");
        let after = house.count(sql(FAILURES)).await;
        assert_eq!((house.hasher.verifications(), after), (before.0 + 1, before.1 + 3), "{login}");
    }
}

/// PW-20: an old hash is replaced by a sign-in, by two at once too; what is stored is one row of today's parameters.
#[tokio::test]
async fn old_hashes_are_replaced() {
    let house = House::new().await;
    let ana = house.with_password(ANA).await;
    house.db.write(async move |tx| passwords::put(tx, &ana, OLD_HASH, START).await).await.unwrap();
    let (first, second) = tokio::join!(house.attempt(ANA, RIGHT, ("b", HOME), 0), house.attempt(ANA, RIGHT, ("c", HOME), 0));
    assert!(matches!((first, second), (Outcome::Verified { .. }, Outcome::Verified { .. })));
    let stored = passwords::find(&mut house.db.conn(), ANA, "b").await.unwrap().unwrap();
    assert!(stored.phc.unwrap().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    assert!(stored.known_device);
    assert!(matches!(house.attempt(ANA, RIGHT, ("b", HOME), 0).await, Outcome::Verified { .. }));
}

/// SE-01 and LO-01: the same person keeps the session with a new token, the old one is dead, and nothing late revives it.
#[tokio::test]
async fn session_tokens() {
    let house = House::new().await;
    let ana = house.with_password(ANA).await;
    let (old, first) = house.session(&ana).await;
    assert_eq!(house.find(&old, 1).await, Some(first.session()));
    let new = SessionToken::new(&house.random).unwrap();
    let again = house.next(&ana, &new, first.id.clone(), START.plus(10));
    let stored = again.clone();
    house.db.write(async move |tx| sessions::reauthenticate(tx, &stored).await).await.unwrap();
    assert_eq!(house.find(&old, 11).await, None);
    let found = house.find(&new, 11).await.unwrap();
    assert_eq!((&found.sid, found.auth_time, found.created_at), (&first.sid, START.plus(10), START));
    assert!(sessions::person(&mut house.db.conn(), &found.id, IDLE, START.plus(11)).await.unwrap().is_some());
    let (id, stored) = (found.id.clone(), again.clone());
    assert!(house.db.write(async move |tx| sessions::end(tx, &id, START).await).await.unwrap());
    let late: Result<(), Fault> = house.db.write(async move |tx| sessions::reauthenticate(tx, &stored).await).await;
    assert!(late.is_err());
    sessions::touch(&house.db, &found, START.plus(900)).await.unwrap();
    assert_eq!(house.find(&new, 11).await, None);
    assert!(sessions::person(&mut house.db.conn(), &found.id, IDLE, START.plus(11)).await.unwrap().is_none());
}

/// SE-16: use is written every five minutes, moves the idle end and never the absolute one.
#[tokio::test]
async fn session_use() {
    let house = House::new().await;
    let ana = house.with_password(ANA).await;
    let (token, _) = house.session(&ana).await;
    for (at, seen) in [(299, 0), (300, 300), (599, 300), (1200, 1200), (2100, 2100), (3000, 3000), (3900, 3900), (4800, 4800)] {
        let session = house.find(&token, at).await.unwrap();
        sessions::touch(&house.db, &session, START.plus(at)).await.unwrap();
        assert_eq!(house.find(&token, at).await.unwrap().last_seen_at, START.plus(seen), "at {at}");
    }
    for (at, alive) in [(4999, true), (5000, false), (5001, false)] {
        assert_eq!(house.find(&token, at).await.is_some(), alive, "at {at}");
        let listed = sessions::list_for_user(&mut house.db.conn(), &ana, IDLE, START.plus(at)).await.unwrap();
        assert_eq!(listed.len(), usize::from(alive));
    }
    let sweep = async || house.db.write(async |tx| sessions::sweep(tx, START.plus(5001)).await).await.unwrap();
    assert_eq!(sweep().await, 0, "it was not ended yet, so nobody was told");
    assert!(!house.db.write(async |tx| sessions::end_run_out(tx, IDLE, START.plus(5001)).await).await.unwrap());
    assert_eq!(sweep().await, 1);
}

/// Consents add up; taking one back ends that client's grants of that person and nothing else.
#[tokio::test]
async fn consents() {
    let house = House::new().await;
    let (ana, bob) = (house.add(ANA).await.0, house.add("bob@example.com").await.0);
    let (own, other_app, bobs) =
        (house.grant(&ana, "app").await, house.grant(&ana, "other").await, house.grant(&bob, "app").await);
    for scope in ["openid email", "openid profile"] {
        let (user, allowed) = (ana.clone(), Consent::of(&Scope::parse(scope).unwrap(), None, &[]));
        house.db.write(async move |tx| consent::remember(tx, &user, "app", &allowed, START).await).await.unwrap();
    }
    let found = consent::find(&mut house.db.conn(), &ana, "app").await.unwrap().unwrap();
    assert_eq!(found.scope().to_string(), "openid email profile");
    assert_eq!(consent::list_for_user(&mut house.db.conn(), &ana).await.unwrap(), [("app".to_owned(), found)]);
    assert_eq!(consent::find(&mut house.db.conn(), &bob, "app").await.unwrap(), None);
    let user = ana.clone();
    assert_eq!(house.db.write(async move |tx| consent::withdraw(tx, &user, "app", START).await).await.unwrap(), 1);
    assert_eq!(consent::find(&mut house.db.conn(), &ana, "app").await.unwrap(), None);
    assert!(!house.grant_lives(&own).await && house.grant_lives(&other_app).await && house.grant_lives(&bobs).await);
}

/// SE-07 and SE-17: disabling, a new password and removal end sessions and grants; a second account inherits nothing.
#[tokio::test]
async fn the_end_of_an_account() {
    let house = House::new().await;
    let ana = house.with_password(ANA).await;
    assert_eq!(house.add("ANA@example.com").await.1, Created::AddressTaken);
    assert_eq!(house.add("no address").await.1, Created::NotAnAddress);
    for act in 0..3 {
        let ((token, _), grant) = (house.session(&ana).await, house.grant(&ana, "app").await);
        assert!(house.find(&token, 0).await.is_some() && house.grant_lives(&grant).await);
        let user = ana.clone();
        let work = async move |tx: &mut crate::store::Tx| match act {
            0 => users::disable(tx, &user, START).await.map(drop),
            1 => users::set_password(tx, &user, "x", START).await,
            _ => users::remove(tx, &user, START).await.map(drop),
        };
        house.db.write(work).await.unwrap();
        assert!(house.find(&token, 0).await.is_none() && !house.grant_lives(&grant).await, "act {act}");
        let user = ana.clone();
        house.db.write(async move |tx| users::enable(tx, &user).await).await.unwrap();
        assert!(house.find(&token, 0).await.is_none(), "enabling revives nothing: act {act}");
    }
    assert!(users::by_login(&mut house.db.conn(), ANA).await.unwrap().is_none());
    let second = house.add(ANA).await.0;
    let found = users::by_login(&mut house.db.conn(), " ANA@example.com ").await.unwrap().unwrap();
    assert_eq!(found.id, second);
    assert_eq!(users::by_sub(&mut house.db.conn(), &found.sub).await.unwrap().unwrap(), found);
    assert!(sessions::list_for_user(&mut house.db.conn(), &second, IDLE, START).await.unwrap().is_empty());
}
