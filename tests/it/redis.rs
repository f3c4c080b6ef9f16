//! Protects limits that nodes share: a real Redis behind a small proxy that a test can cut or slow down. Battery rows RL-19,
//! SE-19, and decision 2: Redis may vanish at any time.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use vouchsafe::base::{Random, Secret, Timestamp};
use vouchsafe::cache::{Bucket, Buckets, Place, Rule};

use crate::support::app::Wish;
use crate::support::{Rp, TestApp};

/// A way to Redis that can be cut and slowed down.
struct Way {
    url: String,
    state: Arc<WayState>,
}

#[derive(Default)]
struct WayState {
    /// Milliseconds that each answer takes longer.
    delay: AtomicU64,
    cut: AtomicU64,
    open: Mutex<Vec<TcpStream>>,
    answers: AtomicU64,
}

impl Way {
    fn new() -> Way {
        let redis = std::env::var("TEST_REDIS_URL").expect("TEST_REDIS_URL names a Redis; tests/run starts one");
        let authority = redis.trim_start_matches("redis://").trim_end_matches('/').to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("redis://{}", listener.local_addr().unwrap());
        let state = Arc::new(WayState::default());
        let own = Arc::clone(&state);
        std::thread::spawn(move || {
            for here in listener.incoming().map_while(Result::ok) {
                if own.cut.load(Ordering::SeqCst) == 1 {
                    continue;
                }
                let there = TcpStream::connect(&authority).unwrap();
                own.open.lock().unwrap().extend([here.try_clone().unwrap(), there.try_clone().unwrap()]);
                let (from, to) = (here.try_clone().unwrap(), there.try_clone().unwrap());
                std::thread::spawn(move || pass(from, to, || {}));
                let slow = Arc::clone(&own);
                std::thread::spawn(move || {
                    pass(there, here, || {
                        slow.answers.fetch_add(1, Ordering::SeqCst);
                        std::thread::sleep(Duration::from_millis(slow.delay.load(Ordering::SeqCst)));
                    });
                });
            }
        });
        Way { url, state }
    }

    /// As if the server was killed.
    fn cut(&self) {
        self.state.cut.store(1, Ordering::SeqCst);
        for socket in self.state.open.lock().unwrap().drain(..) {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    fn mend(&self) {
        self.state.cut.store(0, Ordering::SeqCst);
    }

    fn slow(&self, milliseconds: u64) {
        self.state.delay.store(milliseconds, Ordering::SeqCst);
    }

    fn buckets(&self) -> Buckets {
        Buckets::in_redis(&Secret::new(self.url.clone())).unwrap()
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, before: impl Fn()) {
    let mut part = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut part) {
        before();
        if to.write_all(&part[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}

/// A name that no other test or run uses, for a Redis that outlives this test.
fn subject() -> String {
    Random::system().token().unwrap()
}

async fn until(buckets: &Buckets, place: Place) {
    for _ in 0..200 {
        if buckets.place() == place {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("not {place:?} but {:?}", buckets.place());
}

fn now(seconds: i64) -> Timestamp {
    Timestamp::from_unix(1_800_000_000 + seconds)
}

/// Two nodes share one bucket to the last request, however many ask at once.
#[tokio::test]
#[ignore = "redis: tests/run starts one"]
async fn nodes_share_a_bucket() {
    let way = Way::new();
    let nodes = [Arc::new(way.buckets()), Arc::new(way.buckets())];
    for node in &nodes {
        until(node, Place::Redis).await;
    }
    let subject = subject();
    let mut tasks = Vec::new();
    for number in 0..120 {
        let (node, subject) = (Arc::clone(&nodes[number % 2]), subject.clone());
        tasks.push(tokio::spawn(async move {
            let bucket = Bucket::of_text("shared", &subject, Rule::per_minute(30));
            node.charge(&[bucket], now(0)).await.is_ok()
        }));
    }
    let mut taken = 0;
    for task in tasks {
        taken += u32::from(task.await.unwrap());
    }
    assert_eq!(taken, 30);
    let bucket = Bucket::of_text("shared", &subject, Rule::per_minute(30));
    assert_eq!(nodes[0].charge(&[bucket], now(1)).await.unwrap_err().seconds, 1);
    let level = nodes[1].charge(&[bucket], now(4)).await.unwrap().unwrap();
    assert_eq!((level.remaining, level.full_in_seconds), (1, 58), "two have flowed back");
    assert_eq!(nodes[0].charge(&[bucket], now(4)).await.unwrap().unwrap().remaining, 0);
}

/// All buckets of a request are charged in one decision, or none; the answers are those of the memory.
#[tokio::test]
#[ignore = "redis: tests/run starts one"]
async fn redis_and_memory_agree() {
    let way = Way::new();
    let (redis, memory) = (way.buckets(), Buckets::in_memory());
    until(&redis, Place::Redis).await;
    let subject = subject();
    let wide = Bucket::of_text("wide", &subject, Rule { limit: 7, per_seconds: 100 });
    let off = Bucket::of_text("off", &subject, Rule::per_minute(0));
    let strict = Bucket::of_text("strict", &subject, Rule { limit: 2, per_seconds: 3600 });
    for (at, buckets) in [
        (0, vec![wide, off, strict]),
        (0, vec![off, strict]),
        (1, vec![wide, strict]),
        (1, vec![strict, wide]),
        (2, vec![wide]),
        (3, vec![wide]),
        (3, vec![off]),
        (3, vec![]),
        (1800, vec![strict, wide]),
        (1800, vec![strict, wide]),
        (900, vec![strict]),
        (9000, vec![strict, wide]),
    ] {
        let (one, other) = (redis.charge(&buckets, now(at)).await, memory.charge(&buckets, now(at)).await);
        assert_eq!(one, other, "at {at}: {buckets:?}");
    }
    assert_eq!(redis.place(), Place::Redis);
}

/// Redis killed in the middle: what was counted stays counted, nobody waits, it is said once; and back again.
#[tokio::test]
#[ignore = "redis: tests/run starts one"]
async fn killed_and_back() {
    let way = Way::new();
    let buckets = way.buckets();
    until(&buckets, Place::Redis).await;
    let subject = subject();
    let bucket = Bucket::of_text("killed", &subject, Rule::per_minute(10));
    for _ in 0..6 {
        buckets.charge(&[bucket], now(0)).await.unwrap();
    }
    way.cut();
    let begun = Instant::now();
    let mut taken = 0;
    for _ in 0..20 {
        taken += u32::from(buckets.charge(&[bucket], now(0)).await.is_ok());
    }
    assert!(begun.elapsed() < Duration::from_millis(200), "{:?}", begun.elapsed());
    assert_eq!((taken, buckets.place(), buckets.fallbacks()), (4, Place::InsteadOfRedis, 1));
    way.mend();
    until(&buckets, Place::Redis).await;
    let other = Bucket::of_text("killed", "somebody else", Rule::per_minute(10));
    buckets.charge(&[other], now(60)).await.unwrap();
    assert_eq!(buckets.fallbacks(), 1);
}

/// RL-19: a Redis that takes 200 ms costs one wait of 50 ms, and is not taken back for as long as it is slow.
#[tokio::test]
#[ignore = "redis: tests/run starts one"]
async fn slow() {
    let way = Way::new();
    let settings = [("REDIS__URL", way.url.as_str()), ("LIMITS__MACHINES_PER_MINUTE", "100000")];
    let app = TestApp::with(Wish { settings: &settings, ..Wish::default() }).await;
    until(&app.provider.buckets, Place::Redis).await;
    let machine = Rp::of(&app, &app.machine("machine", "api").await);
    let ask = async || {
        let begun = Instant::now();
        assert_eq!(machine.post("/token", &[("grant_type", "client_credentials")]).await.status, 200);
        begun.elapsed()
    };
    let asked = way.state.answers.load(Ordering::SeqCst);
    ask().await;
    assert!(way.state.answers.load(Ordering::SeqCst) > asked, "Redis decides");
    way.slow(200);
    let mut all = Vec::new();
    for _ in 0..40 {
        all.push(ask().await);
    }
    let late = all.iter().filter(|took| **took >= Duration::from_millis(50)).count();
    assert!(late <= 2, "{all:?}");
    assert!(all.iter().max().unwrap() < &Duration::from_millis(150), "{all:?}");
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!((app.provider.buckets.place(), app.provider.buckets.fallbacks()), (Place::InsteadOfRedis, 1));
    way.slow(0);
    until(&app.provider.buckets, Place::Redis).await;
}

/// A server whose Redis was never there starts, serves and counts.
#[tokio::test]
#[ignore = "redis: tests/run starts one"]
async fn never_there() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("redis://:s3cret@{closed}");
    let settings = [("REDIS__URL", url.as_str()), ("LIMITS__PAGES_PER_MINUTE", "3")];
    let app = TestApp::with(Wish { settings: &settings, ..Wish::default() }).await;
    let rp = Rp::web(&app, "web").await;
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(rp.get("/signed-out").await.status);
    }
    assert_eq!(statuses, [200, 200, 200, 429]);
    assert_eq!(app.provider.buckets.place(), Place::InsteadOfRedis);
}
