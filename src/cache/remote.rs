//! Buckets in Redis: one script decides over all buckets of a request, so nodes share them exactly.
//!
//! A thread of its own keeps the connection. A request waits for Redis for [`LIMIT`] at most; when that is not enough, or the
//! connection breaks, Redis counts as gone for everybody at once, and the thread brings it back when it answers in time.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisError, Script};
use tokio::sync::watch;

use super::{Bucket, Level, RetryAfter, Rule, Subject, level, seconds, tighter};
use crate::base::{Fault, Secret};

/// How long a request waits for Redis (battery RL-19).
const LIMIT: Duration = Duration::from_millis(50);

/// How long making a connection may take; no request waits for that.
const CONNECT: Duration = Duration::from_secs(2);

/// How often the thread looks whether Redis has to be brought back.
const LOOK: Duration = Duration::from_millis(500);

/// A connection that lasts less than this is brought back later each time, up to [`LONGEST_PAUSE`]: it would only be lost again.
const STEADY: Duration = Duration::from_secs(30);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Milliseconds that a key outlives its debt, so that clocks may differ.
const SKEW_MILLIS: i64 = 60_000;

const GONE: &str = "Redis does not answer: rate limits are counted by this process alone";

/// Each bucket is a key that holds the microsecond at which its debt is paid. KEYS are the buckets; ARGV are now, the
/// skew, and the interval and capacity of each. The answer is the number of the bucket that refuses, or 0, and all debts.
const SCRIPT: &str = r"
local now, skew = tonumber(ARGV[1]), tonumber(ARGV[2])
local debts, refuses, longest = {}, 0, 0
for i, key in ipairs(KEYS) do
    local interval, capacity = tonumber(ARGV[2 * i + 1]), tonumber(ARGV[2 * i + 2])
    local debt = math.min(math.max((tonumber(redis.call('GET', key)) or 0) - now, 0), capacity)
    debts[i] = debt
    if debt + interval - capacity > longest then
        refuses, longest = i, debt + interval - capacity
    end
end
if refuses == 0 then
    for i, key in ipairs(KEYS) do
        debts[i] = debts[i] + tonumber(ARGV[2 * i + 1])
        local expiry = string.format('%.0f', math.ceil(debts[i] / 1000) + skew)
        redis.call('SET', key, string.format('%.0f', now + debts[i]), 'PX', expiry)
    end
end
return {refuses, unpack(debts)}
";

/// What Redis decided.
pub(super) struct Decision {
    /// Which bucket refuses, counted from 1 over the rules that are on.
    refuses: Option<usize>,
    /// What each bucket owes now.
    pub(super) debts: Vec<i64>,
}

impl Decision {
    /// As the caller gets it.
    pub(super) fn result(&self, buckets: &[Bucket<'_>]) -> Result<Option<Level>, RetryAfter> {
        let on = || buckets.iter().map(|bucket| bucket.rule).filter(|rule| !rule.is_off()).zip(&self.debts);
        match self.refuses.and_then(|at| on().nth(at.saturating_sub(1))) {
            Some((rule, debt)) => Err(RetryAfter { rule, seconds: seconds(debt + rule.interval() - rule.capacity()).max(1) }),
            None => Ok(on().fold(None, |tightest, (rule, debt): (Rule, &i64)| tighter(tightest, level(rule, *debt)))),
        }
    }
}

/// A Redis, there or gone.
pub struct Remote {
    link: Arc<Link>,
    /// The thread ends when this is dropped.
    _alive: watch::Sender<()>,
}

struct Link {
    connection: RwLock<Option<MultiplexedConnection>>,
    script: Script,
    fallbacks: AtomicU64,
}

impl Remote {
    pub(super) fn start(url: &Secret<String>) -> Result<Self, Fault> {
        let client = Client::open(url.expose().as_str()).map_err(|error| Fault::new("cache: redis.url", why(&error)))?;
        let link = Arc::new(Link { connection: RwLock::default(), script: Script::new(SCRIPT), fallbacks: AtomicU64::new(0) });
        let (alive, stopped) = watch::channel(());
        let own = Arc::clone(&link);
        let thread = std::thread::Builder::new().name("redis".to_owned()).spawn(move || run(&client, &own, stopped));
        thread.map_err(Fault::at("cache: thread"))?;
        Ok(Self { link, _alive: alive })
    }

    /// Charges all buckets whose rules are on, or none; nothing if Redis does not answer in time.
    pub(super) async fn charge(&self, buckets: &[Bucket<'_>], now: i64) -> Option<Decision> {
        if buckets.iter().all(|bucket| bucket.rule.is_off()) {
            return Some(Decision { refuses: None, debts: Vec::new() });
        }
        let mut connection = self.link.connection()?;
        let mut call = self.link.script.prepare_invoke();
        call.arg(now).arg(SKEW_MILLIS);
        for bucket in buckets.iter().filter(|bucket| !bucket.rule.is_off()) {
            call.key(key(bucket)).arg(bucket.rule.interval()).arg(bucket.rule.capacity());
        }
        let answer = tokio::time::timeout(LIMIT, call.invoke_async::<Vec<i64>>(&mut connection)).await;
        match answer {
            Ok(Ok(numbers)) => {
                let (refuses, debts) = numbers.split_first()?;
                Some(Decision { refuses: usize::try_from(*refuses).ok().filter(|at| *at > 0), debts: debts.to_vec() })
            }
            Ok(Err(error)) => self.link.give_up(&why(&error)),
            Err(_) => self.link.give_up("it takes too long"),
        }
    }

    pub(super) fn is_there(&self) -> bool {
        self.link.connection().is_some()
    }

    pub(super) fn fallbacks(&self) -> u64 {
        self.link.fallbacks.load(Ordering::Relaxed)
    }
}

impl Link {
    fn connection(&self) -> Option<MultiplexedConnection> {
        self.connection.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Everybody counts in memory from now on. Said once, however many requests were waiting.
    fn give_up<T>(&self, why: &str) -> Option<T> {
        let was_there = self.connection.write().unwrap_or_else(PoisonError::into_inner).take().is_some();
        if was_there {
            self.fallbacks.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(why, "{GONE}");
        }
        None
    }

    /// A connection over which a decision about two buckets was made within the limit.
    async fn connect(&self, client: &Client) -> Result<MultiplexedConnection, String> {
        let config = AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECT)).set_response_timeout(Some(CONNECT));
        let connecting = client.get_multiplexed_async_connection_with_config(&config);
        let late = |_| "it takes too long".to_owned();
        let connected = tokio::time::timeout(CONNECT, connecting).await.map_err(late)?;
        let mut connection = connected.map_err(|error| why(&error))?;
        let mut probe = self.script.prepare_invoke();
        probe.arg(0).arg(SKEW_MILLIS);
        for name in ["vouchsafe:probe:a", "vouchsafe:probe:b"] {
            probe.key(name).arg(1).arg(SKEW_MILLIS);
        }
        let probed = tokio::time::timeout(LIMIT, probe.invoke_async::<Vec<i64>>(&mut connection)).await.map_err(late)?;
        probed.map(|_| connection).map_err(|error| why(&error))
    }

    /// Makes a connection for everybody.
    async fn bring_back(&self, client: &Client) -> Result<(), String> {
        let connection = self.connect(client).await?;
        *self.connection.write().unwrap_or_else(PoisonError::into_inner) = Some(connection);
        Ok(())
    }
}

/// Keeps the connection until the buckets are dropped.
fn run(client: &Client, link: &Link, mut stopped: watch::Receiver<()>) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "Redis cannot be used");
            return;
        }
    };
    runtime.block_on(async {
        let (mut said, mut pause, mut there_since) = (false, LOOK, None::<Instant>);
        loop {
            let is_there = link.connection().is_some();
            let wait = match (is_there, there_since) {
                (true, _) => LOOK,
                // It was there, and is lost.
                (false, Some(since)) => {
                    there_since = None;
                    pause = if since.elapsed() < STEADY { (pause * 2).min(LONGEST_PAUSE) } else { LOOK };
                    pause
                }
                (false, None) => {
                    match link.bring_back(client).await {
                        Ok(()) => tracing::info!("Redis answers: rate limits are shared by all nodes"),
                        Err(why) if !said => tracing::warn!(why, "{GONE}"),
                        Err(_) => {}
                    }
                    said = true;
                    there_since = link.connection().map(|_| Instant::now());
                    LOOK
                }
            };
            tokio::select! {
                _ = stopped.changed() => return,
                () = tokio::time::sleep(wait) => {}
            }
        }
    });
}

/// What went wrong, without the URL and its password.
fn why(error: &RedisError) -> String {
    error.category().to_owned()
}

fn key(bucket: &Bucket<'_>) -> String {
    let mut key = format!("vouchsafe:{}:{}:", bucket.name, bucket.rule.per_seconds);
    let _ = match bucket.subject {
        Subject::Network(network) => write!(key, "{network}"),
        Subject::Text(text) => write!(key, "{text}"),
    };
    key
}
