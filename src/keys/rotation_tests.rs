//! The life of keys on a database of its own, with a clock that is moved by hand.

use super::*;
use crate::base::base64url;
use crate::keys::Ring;
use crate::store::{Durability, Options, migrations};

const DAY: i64 = 86_400;

/// A house with its own database, which disappears with it.
struct House {
    db: Db,
    vault: Vault,
    clock: Clock,
    random: Random,
    policy: Policy,
    _folder: tempfile::TempDir,
}

impl House {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/keys.db", folder.path().display());
        let db = Db::open(&url, &Options { durability: Durability::Normal }).await.unwrap();
        migrations::migrate(&db).await.unwrap();
        let random = Random::seeded(5);
        let vault = Vault::open_file(&Vault::generate_file(&random).unwrap()).unwrap();
        let policy = Policy {
            algs: vec![Alg::ES256, Alg::EdDSA],
            max_age_seconds: 90 * DAY,
            publish_seconds: DAY,
            retire_seconds: 2 * DAY,
        };
        Self { db, vault, clock: Clock::fixed(Timestamp::from_unix(1_800_000_000)), random, policy, _folder: folder }
    }

    async fn ensure(&self) -> Result<bool, Fault> {
        ensure(&self.db, &self.vault, &self.clock, &self.random, &self.policy).await
    }

    async fn rotate(&self, haste: Haste) -> Vec<Turned> {
        let order = Order { alg: Some(Alg::ES256), haste, actor: "operator" };
        rotate_now(&self.db, &self.vault, &self.clock, &self.random, &self.policy, order).await.unwrap()
    }

    async fn retire(&self, kid: &str) -> Option<Retired> {
        retire(&self.db, &self.vault, &self.clock, &self.random, kid, "operator").await.unwrap()
    }

    async fn try_step(&self) -> Result<bool, Fault> {
        step(&self.db, &self.vault, &self.clock, &self.random, &self.policy).await
    }

    /// Of ES256, sorted: ids made within one second have no order.
    async fn states(&self) -> Vec<State> {
        let all = keys::list(&mut self.db.conn()).await.unwrap();
        let mut states: Vec<_> = all.iter().filter(|key| key.alg == Alg::ES256).map(|key| key.state).collect();
        states.sort_unstable();
        states
    }

    async fn step(&self) -> bool {
        self.try_step().await.unwrap()
    }

    async fn ring(&self) -> Ring {
        Ring::load(&self.db, &self.vault, self.clock.now()).await.unwrap()
    }
}

/// Issue 3: the first key signs at once, the next is published a day before it signs, the old one is verified until its last
/// token has expired, and then its private half is erased.
#[tokio::test]
async fn a_key_lives_its_life() {
    let house = House::new().await;
    assert!(house.ensure().await.unwrap());
    assert!(!house.ensure().await.unwrap());
    let ring = house.ring().await;
    let first = ring.signing(Alg::ES256).unwrap();
    house.clock.advance(89 * DAY - 1);
    assert!(!house.step().await);
    house.clock.advance(1);
    assert!(house.step().await);
    assert_eq!(house.states().await, [State::Active, State::Next]);
    ring.refresh(&house.db, &house.vault, house.clock.now()).await.unwrap();
    assert!(std::sync::Arc::ptr_eq(&first, &ring.signing(Alg::ES256).unwrap()), "a key is parsed once");
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&ring.jwks_json().body).unwrap()["keys"].as_array().unwrap().len(), 4);
    house.clock.advance(DAY - 1);
    assert!(!house.step().await);
    house.clock.advance(1);
    assert!(house.step().await);
    assert_eq!(house.states().await, [State::Active, State::Retiring]);
    ring.refresh(&house.db, &house.vault, house.clock.now()).await.unwrap();
    assert_ne!(ring.signing(Alg::ES256).unwrap().kid(), first.kid());
    assert!(ring.verifying(first.kid()).is_some());
    house.clock.advance(2 * DAY - 1);
    assert!(!house.step().await);
    house.clock.advance(1);
    assert!(house.step().await);
    assert_eq!(house.states().await, [State::Active, State::Gone]);
    ring.refresh(&house.db, &house.vault, house.clock.now()).await.unwrap();
    assert!(ring.verifying(first.kid()).is_none());
    let gone = keys::list(&mut house.db.conn()).await.unwrap();
    assert!(gone.iter().filter(|key| key.state == State::Gone).all(|key| key.sealed.is_empty()));
}

/// Issue 3: an operator's rotation waits for publication, unless that is forced.
#[tokio::test]
async fn rotation_waits_for_publication_or_is_forced() {
    let house = House::new().await;
    house.ensure().await.unwrap();
    let first = house.rotate(Haste::WhenPublished).await;
    assert_eq!(house.states().await, [State::Active, State::Next]);
    assert_eq!(first[0].active_at, house.clock.now().plus(DAY));
    house.clock.advance(DAY - 1);
    assert_eq!(house.rotate(Haste::WhenPublished).await, first, "asking twice changes nothing");
    assert_eq!(house.states().await, [State::Active, State::Next]);
    house.clock.advance(1);
    assert!(house.step().await);
    assert_eq!(house.ring().await.signing(Alg::ES256).unwrap().kid(), first[0].kid);
    let forced = house.rotate(Haste::Forced).await;
    assert_eq!(forced[0].active_at, house.clock.now());
    assert_eq!(house.ring().await.signing(Alg::ES256).unwrap().kid(), forced[0].kid);
    assert_eq!(house.states().await, [State::Active, State::Retiring, State::Retiring]);
    let order = Order { alg: Some(Alg::PS256), haste: Haste::Forced, actor: "operator" };
    assert!(rotate_now(&house.db, &house.vault, &house.clock, &house.random, &house.policy, order).await.is_err());
}

/// A key that leaked is out at once, also the active one, and something still signs.
#[tokio::test]
async fn a_leaked_key_is_taken_out() {
    let house = House::new().await;
    house.ensure().await.unwrap();
    let leaked = house.ring().await.signing(Alg::ES256).unwrap();
    let retired = house.retire(leaked.kid()).await.unwrap();
    assert_eq!(house.states().await, [State::Active, State::Gone]);
    let ring = house.ring().await;
    assert_eq!(retired.replacement.as_deref(), Some(ring.signing(Alg::ES256).unwrap().kid()));
    assert!(ring.verifying(leaked.kid()).is_none());
    assert!(house.retire(leaked.kid()).await.is_none());
    assert!(house.retire("unknown").await.is_none());
}

/// Decision 27: a process that has not heard of a key yet reads again before it refuses one, and once a second at most.
#[tokio::test]
async fn an_unknown_key_is_looked_for() {
    let house = House::new().await;
    house.ensure().await.unwrap();
    let ring = house.ring().await;
    let kid = house.rotate(Haste::Forced).await.remove(0).kid;
    let find = async |now| ring.find(&house.db, &house.vault, &kid, now).await.unwrap().is_some();
    assert!(!find(house.clock.now()).await);
    assert!(find(house.clock.now().plus(1)).await);
    assert!(ring.verifying(&kid).is_some());
}

/// Issue 3: several nodes at once end with one active key an algorithm, and all of them with the same.
#[tokio::test]
async fn nodes_agree() {
    let house = House::new().await;
    let (a, b, c) = tokio::join!(house.ensure(), house.ensure(), house.ensure());
    // One node may have been first with one algorithm and another with the other.
    assert!([a, b, c].into_iter().any(|made| made.unwrap()));
    assert_eq!(house.states().await, [State::Active]);
    house.rotate(Haste::WhenPublished).await;
    house.clock.advance(DAY);
    let (a, b, c) = tokio::join!(house.try_step(), house.try_step(), house.try_step());
    assert_eq!([a, b, c].into_iter().filter(|changed| *changed.as_ref().unwrap()).count(), 1);
    assert_eq!(house.states().await, [State::Active, State::Retiring]);
}

/// JK-11: the database holds no private key in the clear, and under another master key nothing starts and nothing is written.
#[tokio::test]
async fn a_wrong_master_key_writes_nothing() {
    let mut house = House::new().await;
    house.ensure().await.unwrap();
    let before = format!("{:?}", keys::list(&mut house.db.conn()).await.unwrap());
    let seed = keys::list(&mut house.db.conn()).await.unwrap();
    for key in &seed {
        let plain = ring::open(&house.vault, key).unwrap();
        assert!(!before.contains(&base64url(&plain)));
    }
    let right = house.vault.clone();
    house.vault = Vault::open_file(&Vault::generate_file(&Random::seeded(6)).unwrap()).unwrap();
    // With an algorithm that has no key yet, which would be the moment to make one silently.
    house.policy.algs.push(Alg::RS256);
    assert!(house.ensure().await.is_err());
    assert!(house.try_step().await.is_err());
    assert!(Ring::load(&house.db, &house.vault, house.clock.now()).await.is_err());
    assert_eq!(format!("{:?}", keys::list(&mut house.db.conn()).await.unwrap()), before);
    house.vault = right;
    house.policy.algs.pop();
    assert!(!house.ensure().await.unwrap());
}
