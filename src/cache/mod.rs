//! Rate buckets: how often something may happen, counted in the memory of this process, or in Redis for all nodes together.
//!
//! A bucket holds as many requests as its rule has for one period and fills evenly. Nothing here is a promise: Redis may
//! vanish, and then each process counts for itself (decisions 2 and 28). What has to be exact is a row of the database.

mod memory;
mod remote;
mod stuffing;

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use crate::base::{Fault, Secret, Timestamp};
use memory::Memory;
use remote::Remote;
pub use stuffing::{Stuffing, Suspicion};

const MICROS: i64 = 1_000_000;

/// So many requests in so many seconds; a limit of 0 is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    pub limit: u32,
    pub per_seconds: u32,
}

impl Rule {
    pub const fn per_minute(limit: u32) -> Self {
        Self { limit, per_seconds: 60 }
    }

    pub const fn per_hour(limit: u32) -> Self {
        Self { limit, per_seconds: 3600 }
    }

    pub const fn is_off(self) -> bool {
        self.limit == 0
    }

    /// Microseconds in which one request's worth flows back.
    fn interval(self) -> i64 {
        (i64::from(self.per_seconds) * MICROS / i64::from(self.limit.max(1))).max(1)
    }

    /// Microseconds of debt that a bucket can have.
    fn capacity(self) -> i64 {
        self.interval() * i64::from(self.limit)
    }
}

/// One customer's network as far as limits go: an IPv4 address, or the /64 that an IPv6 customer has at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network(IpAddr);

impl Network {
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self(IpAddr::V4(v4)),
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..] = v6.segments();
                Self(IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0)))
            }
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whom a bucket is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject<'a> {
    Network(Network),
    Text(&'a str),
}

/// A bucket that a request is charged to. Two names never share one.
#[derive(Clone, Copy, Debug)]
pub struct Bucket<'a> {
    pub name: &'static str,
    pub subject: Subject<'a>,
    pub rule: Rule,
}

impl<'a> Bucket<'a> {
    /// The bucket of the network that `address` belongs to.
    pub fn of_network(name: &'static str, address: IpAddr, rule: Rule) -> Self {
        Self { name, subject: Subject::Network(Network::of(address)), rule }
    }

    /// The bucket of anything else, such as a client.
    pub const fn of_text(name: &'static str, text: &'a str, rule: Rule) -> Self {
        Self { name, subject: Subject::Text(text), rule }
    }
}

/// How full the tightest of the charged buckets is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    pub rule: Rule,
    /// Requests that are left.
    pub remaining: u32,
    /// Seconds until the bucket is full again.
    pub full_in_seconds: i64,
}

/// A bucket is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryAfter {
    pub rule: Rule,
    /// Seconds until it holds one request again, at least one.
    pub seconds: i64,
}

/// Where it is counted at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Memory,
    Redis,
    /// In memory, until Redis answers in time again.
    InsteadOfRedis,
}

/// All buckets of a process.
pub enum Buckets {
    Memory(Memory),
    Redis {
        remote: Remote,
        /// What this process knows of the shared buckets: it decides while Redis is away, and refuses without asking it.
        known: Memory,
    },
}

impl Buckets {
    /// Buckets of this process alone.
    pub fn in_memory() -> Self {
        Self::Memory(Memory::new())
    }

    /// Buckets in the Redis at `url`, and in memory for as long as it does not answer. Nothing waits for it here.
    ///
    /// # Errors
    /// The URL is not one of Redis, or the thread that keeps the connection cannot be started.
    pub fn in_redis(url: &Secret<String>) -> Result<Self, Fault> {
        Ok(Self::Redis { remote: Remote::start(url)?, known: Memory::new() })
    }

    /// Charges one request to all of these buckets, or to none if one of them is empty. Rules that are off charge nothing;
    /// without any rule there is no level.
    ///
    /// # Errors
    /// When to come again.
    pub async fn charge(&self, buckets: &[Bucket<'_>], now: Timestamp) -> Result<Option<Level>, RetryAfter> {
        let now = micros(now);
        let (remote, known) = match self {
            Self::Memory(memory) => return memory.charge(buckets, now),
            Self::Redis { remote, known } => (remote, known),
        };
        for bucket in buckets {
            known.peek(bucket, now)?;
        }
        match remote.charge(buckets, now).await {
            Some(decision) => {
                for (bucket, debt) in buckets.iter().filter(|bucket| !bucket.rule.is_off()).zip(&decision.debts) {
                    known.learn(bucket, *debt, now);
                }
                decision.result(buckets)
            }
            None => known.charge(buckets, now),
        }
    }

    /// Whether this process knows that a bucket is empty. Nothing is charged, and Redis is not asked.
    ///
    /// # Errors
    /// When to come again.
    pub fn peek(&self, bucket: &Bucket<'_>, now: Timestamp) -> Result<(), RetryAfter> {
        self.here().peek(bucket, micros(now))
    }

    /// Whether this is the first time in a minute, as far as this process knows, that `name` happened from this network: for
    /// records that a stranger can cause.
    pub fn is_first_in_a_minute(&self, name: &'static str, address: IpAddr, now: Timestamp) -> bool {
        let bucket = Bucket::of_network(name, address, Rule::per_minute(1));
        self.here().charge(&[bucket], micros(now)).is_ok()
    }

    pub fn place(&self) -> Place {
        match self {
            Self::Memory(_) => Place::Memory,
            Self::Redis { remote, .. } if remote.is_there() => Place::Redis,
            Self::Redis { .. } => Place::InsteadOfRedis,
        }
    }

    /// How often Redis was given up since the start.
    pub fn fallbacks(&self) -> u64 {
        match self {
            Self::Memory(_) => 0,
            Self::Redis { remote, .. } => remote.fallbacks(),
        }
    }

    const fn here(&self) -> &Memory {
        match self {
            Self::Memory(memory) | Self::Redis { known: memory, .. } => memory,
        }
    }
}

fn micros(now: Timestamp) -> i64 {
    now.unix().saturating_mul(MICROS)
}

fn seconds(micros: i64) -> i64 {
    (micros.saturating_add(MICROS - 1) / MICROS).max(0)
}

/// The level of a bucket that owes `debt` microseconds.
fn level(rule: Rule, debt: i64) -> Level {
    let free = (rule.capacity() - debt).max(0) / rule.interval();
    Level { rule, remaining: u32::try_from(free).unwrap_or(u32::MAX), full_in_seconds: seconds(debt) }
}

/// The tighter of two levels.
fn tighter(one: Option<Level>, other: Level) -> Option<Level> {
    one.filter(|one| one.remaining <= other.remaining).or(Some(other))
}
