//! Buckets in memory: a table of fixed size, so that no number of strangers makes it grow.
//!
//! A bucket is one number, the moment at which its debt is paid. A full bucket says nothing and its place is free. Where a set
//! of places has no free one, the newcomer takes over the bucket that owes least, with its debt: in a flood strangers are
//! counted together, and nobody is counted too little.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, PoisonError};

use super::{Bucket, Level, RetryAfter, level, seconds, tighter};

/// Locks that requests wait at.
const SHARDS: usize = 64;

/// Sets of places a shard.
const SETS: usize = 128;

/// Places a set: 65,536 of 16 bytes in all.
const WAYS: usize = 8;

#[derive(Clone, Copy, Default)]
struct Entry {
    key: u64,
    /// Microseconds since the epoch at which the bucket is full again.
    full_at: i64,
}

type Set = [Entry; WAYS];

pub struct Memory {
    shards: Vec<Mutex<Vec<Set>>>,
    /// Keyed by chance, so that nobody can choose whom to share a place with.
    hasher: RandomState,
}

impl Memory {
    pub(super) fn new() -> Self {
        let shard = || Mutex::new(vec![Set::default(); SETS]);
        Self { shards: (0..SHARDS).map(|_| shard()).collect(), hasher: RandomState::new() }
    }

    /// Charges all buckets, or none.
    pub(super) fn charge(&self, buckets: &[Bucket<'_>], now: i64) -> Result<Option<Level>, RetryAfter> {
        let mut tightest = None;
        for (at, bucket) in buckets.iter().enumerate().filter(|(_, bucket)| !bucket.rule.is_off()) {
            match self.take(bucket, now) {
                Ok(level) => tightest = tighter(tightest, level),
                Err(refused) => {
                    for taken in buckets.iter().take(at).filter(|bucket| !bucket.rule.is_off()) {
                        self.entry(taken, now, |full_at| *full_at -= taken.rule.interval());
                    }
                    return Err(refused);
                }
            }
        }
        Ok(tightest)
    }

    fn take(&self, bucket: &Bucket<'_>, now: i64) -> Result<Level, RetryAfter> {
        let rule = bucket.rule;
        self.entry(bucket, now, |full_at| {
            let debt = owed(*full_at, bucket, now) + rule.interval();
            if debt > rule.capacity() {
                return Err(RetryAfter { rule, seconds: seconds(debt - rule.capacity()).max(1) });
            }
            *full_at = now + debt;
            Ok(level(rule, debt))
        })
    }

    /// Refuses what [`charge`](Self::charge) would refuse, and charges nothing.
    pub(super) fn peek(&self, bucket: &Bucket<'_>, now: i64) -> Result<(), RetryAfter> {
        let rule = bucket.rule;
        if rule.is_off() {
            return Ok(());
        }
        let key = self.key(bucket);
        let (shard, set) = position(key);
        let sets = self.shards.get(shard).map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner));
        let set = sets.as_ref().and_then(|sets| sets.get(set));
        let full_at = set.and_then(|set| set.iter().find(|entry| entry.key == key)).map(|entry| entry.full_at);
        let debt = owed(full_at.unwrap_or_default(), bucket, now) + rule.interval();
        if debt > rule.capacity() {
            return Err(RetryAfter { rule, seconds: seconds(debt - rule.capacity()).max(1) });
        }
        Ok(())
    }

    /// Takes over what is known elsewhere: that the bucket owes `debt` now.
    pub(super) fn learn(&self, bucket: &Bucket<'_>, debt: i64, now: i64) {
        self.entry(bucket, now, |full_at| *full_at = now + debt);
    }

    fn key(&self, bucket: &Bucket<'_>) -> u64 {
        // 0 is the key of nobody.
        self.hasher.hash_one((bucket.name, bucket.subject)).max(1)
    }

    /// Lets `act` change the moment of a bucket.
    fn entry<T>(&self, bucket: &Bucket<'_>, now: i64, act: impl FnOnce(&mut i64) -> T) -> T {
        let key = self.key(bucket);
        let (shard, set) = position(key);
        let mut nowhere = Entry::default();
        let mut sets = self.shards.get(shard).map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner));
        let set = sets.as_mut().and_then(|sets| sets.get_mut(set));
        let place = set.and_then(|set| place(set, key, now)).unwrap_or(&mut nowhere);
        if place.key != key {
            // Another's debt is taken over, but for one request: it was never this bucket's alone.
            let most = now + bucket.rule.capacity() - bucket.rule.interval();
            *place = Entry { key, full_at: if place.full_at > now { place.full_at.min(most) } else { 0 } };
        }
        act(&mut place.full_at)
    }
}

/// The shard of a key, and the set in it.
fn position(key: u64) -> (usize, usize) {
    let bits = usize::try_from(key >> 32).unwrap_or_default();
    (bits % SHARDS, bits / SHARDS % SETS)
}

/// Where a key is or goes: its own place, one whose bucket is full, or that of the bucket that owes least.
fn place(set: &mut Set, key: u64, now: i64) -> Option<&mut Entry> {
    let rank = |entry: &Entry| if entry.key == key { i64::MIN } else { entry.full_at.max(now) };
    set.iter_mut().min_by_key(|entry| rank(entry))
}

/// What a bucket owes. After a jump of the clock it is never more than it can hold.
fn owed(full_at: i64, bucket: &Bucket<'_>, now: i64) -> i64 {
    full_at.saturating_sub(now).clamp(0, bucket.rule.capacity())
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::super::{MICROS, Rule};
    use super::*;

    const RULE: Rule = Rule { limit: 3, per_seconds: 60 };
    const NOW: i64 = 1_800_000_000 * MICROS;

    fn of(name: &'static str, number: u32) -> Bucket<'static> {
        Bucket::of_network(name, IpAddr::V4(Ipv4Addr::from_bits(number)), RULE)
    }

    /// RFC 6585 section 4: a full bucket gives its limit at once, then one for each interval, and says when.
    #[test]
    fn one_bucket() {
        let memory = Memory::new();
        let charge = |at: i64| memory.charge(&[of("a", 1)], NOW + at * MICROS).map(|level| level.unwrap());
        let level = |remaining, full_in_seconds| Ok(Level { rule: RULE, remaining, full_in_seconds });
        let refused = |seconds| Err(RetryAfter { rule: RULE, seconds });
        assert_eq!([charge(0), charge(0), charge(0)], [level(2, 20), level(1, 40), level(0, 60)]);
        assert_eq!([charge(0), charge(19), charge(20), charge(20)], [refused(20), refused(1), level(0, 60), refused(20)]);
        assert_eq!(charge(10_000), level(2, 20), "it holds no more than its limit");
        assert_eq!(charge(-10_000), refused(20), "a clock that jumps back");
        assert_eq!(memory.charge(&[of("a", 2)], NOW).unwrap().unwrap().remaining, 2, "another network");
        assert_eq!(memory.charge(&[of("b", 1)], NOW).unwrap().unwrap().remaining, 2, "another name");
    }

    /// A request is charged to all of its buckets or to none; looking charges nothing; a rule that is off is no bucket.
    #[test]
    fn several_buckets() {
        let memory = Memory::new();
        let strict = Bucket { rule: Rule { limit: 1, per_seconds: 60 }, ..of("strict", 1) };
        let off = Bucket { rule: Rule::per_minute(0), ..of("off", 1) };
        let both = [off, of("a", 1), strict];
        assert_eq!(memory.charge(&both, NOW).unwrap().unwrap().remaining, 0, "the tightest");
        for _ in 0..5 {
            assert_eq!(memory.charge(&both, NOW).unwrap_err().rule, strict.rule);
            assert!(memory.peek(&of("a", 1), NOW).is_ok());
        }
        assert_eq!(memory.charge(&[of("a", 1)], NOW).unwrap().unwrap().remaining, 1, "five refusals took nothing");
        assert!(memory.peek(&strict, NOW).is_err() && memory.peek(&off, NOW).is_ok());
        assert_eq!(memory.charge(&[off], NOW), Ok(None));
        memory.learn(&of("c", 1), RULE.capacity(), NOW);
        assert_eq!(memory.peek(&of("c", 1), NOW).unwrap_err().seconds, 20);
    }

    /// "Memory under a flood stays bounded" (issue 4): the table never grows, whoever owes most is not forgotten, and strangers
    /// share what is left.
    #[test]
    fn flood() {
        let memory = Memory::new();
        let owing = of("mail", 1);
        memory.learn(&Bucket { rule: Rule::per_hour(3), ..owing }, Rule::per_hour(3).capacity(), NOW);
        for number in 0..200_000 {
            for _ in 0..3 {
                let _ = memory.charge(&[of("page", number)], NOW);
            }
        }
        let places: usize = memory.shards.iter().map(|shard| shard.lock().unwrap().len() * WAYS).sum();
        assert_eq!(places, SHARDS * SETS * WAYS);
        assert!(memory.peek(&Bucket { rule: Rule::per_hour(3), ..owing }, NOW).is_err(), "the flood washed a long debt away");
        let fresh =
            (300_000..301_000).filter(|number| memory.charge(&[of("page", *number)], NOW).unwrap().unwrap().remaining > 0);
        assert_eq!(fresh.count(), 0, "a newcomer in a flood has one request");
        assert_eq!(memory.charge(&[of("page", 7)], NOW + 3600 * MICROS).unwrap().unwrap().remaining, 2, "after the flood");
    }

    /// No number of threads gets more out of a bucket than is in it.
    #[test]
    fn threads() {
        let memory = Memory::new();
        let bucket = Bucket { rule: Rule::per_minute(100), ..of("a", 1) };
        let taken = || (0..200).filter(|_| memory.charge(&[bucket], NOW).is_ok()).count();
        let sum: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(taken)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(sum, 100);
    }
}
