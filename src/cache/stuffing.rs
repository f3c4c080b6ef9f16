//! Credential stuffing: one network that fails for many accounts. It is estimated in a table of fixed size, for a metric; what
//! slows guesses down are the counters of `identity::guesses`.

use std::hash::{BuildHasher as _, RandomState};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Mutex, PoisonError};

use super::Network;
use crate::base::Timestamp;

/// Networks that are remembered at once.
const PLACES: usize = 1024;

/// How long a network is watched from its first failure, in seconds.
const WINDOW_SECONDS: i64 = 900;

/// Different accounts in that time that no household or office gets wrong.
const SUSPICIOUS: u32 = 20;

/// What one more failure says of its network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suspicion {
    None,
    /// It has just become suspicious; this is said once a window.
    Begun,
}

#[derive(Clone, Copy, Default)]
struct Seen {
    network: u64,
    until: i64,
    /// A bit for each account, by its hash: 64 are enough to tell twenty from two.
    accounts: u64,
}

/// What is known of networks that fail.
pub struct Stuffing {
    places: Mutex<Vec<Seen>>,
    hasher: RandomState,
}

impl Default for Stuffing {
    fn default() -> Self {
        Self { places: Mutex::new(vec![Seen::default(); PLACES]), hasher: RandomState::new() }
    }
}

impl Stuffing {
    /// A sign-in to `account` from `address` failed.
    pub fn failed(&self, address: IpAddr, account: &str, now: Timestamp) -> Suspicion {
        let network = self.hasher.hash_one(wide(address)).max(1);
        let bit = 1_u64 << (self.hasher.hash_one(account) % 64);
        let now = now.unix();
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let rank = |seen: &Seen| match seen {
            seen if seen.network == network => 0,
            seen if seen.until <= now => 1,
            seen => 1 + seen.accounts.count_ones(),
        };
        let Some(seen) = places.iter_mut().min_by_key(|seen| rank(seen)) else { return Suspicion::None };
        if seen.network != network || seen.until <= now {
            *seen = Seen { network, until: now + WINDOW_SECONDS, accounts: 0 };
        }
        let before = seen.accounts.count_ones();
        seen.accounts |= bit;
        if before < SUSPICIOUS && seen.accounts.count_ones() >= SUSPICIOUS { Suspicion::Begun } else { Suspicion::None }
    }
}

/// The neighbourhood that an attacker rents: a /24, or a /64.
fn wide(address: IpAddr) -> Network {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            Network(IpAddr::V4(Ipv4Addr::new(a, b, c, 0)))
        }
        IpAddr::V6(_) => Network::of(address),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Many accounts from one network are seen once a window; one account is not, however often; networks are apart.
    #[test]
    fn networks() {
        let stuffing = Stuffing::default();
        let at = |seconds: i64| Timestamp::from_unix(1_800_000_000 + seconds);
        let begun = |net: &str, accounts: std::ops::Range<u32>, seconds: i64| {
            let failed =
                |n: u32| stuffing.failed(format!("{net}{}", n % 200).parse().unwrap(), &format!("{n}@example.com"), at(seconds));
            accounts.filter(|n| failed(*n) == Suspicion::Begun).count()
        };
        assert_eq!((0..500).filter(|_| stuffing.failed("192.0.2.1".parse().unwrap(), "a", at(0)) == Suspicion::Begun).count(), 0);
        assert_eq!(begun("198.51.100.", 0..10, 0), 0, "an office");
        assert_eq!(begun("203.0.113.", 0..200, 0), 1, "a list of passwords");
        assert_eq!(begun("203.0.113.", 0..200, 899), 0, "said already");
        assert_eq!(begun("203.0.113.", 0..200, 900), 1, "the next window");
        assert_eq!(begun("2001:db8:1:2::", 0..200, 0), 1);
        for n in 0..5_000_u32 {
            stuffing.failed(IpAddr::V4(Ipv4Addr::from_bits(n << 8)), "a", at(0));
        }
        assert_eq!(stuffing.places.lock().unwrap().len(), PLACES);
    }
}
