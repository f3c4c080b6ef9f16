//! A circuit breaker: a provider that failed a few times in a row is left alone for a while, and its button says so.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::connector::Trouble;
use crate::base::Timestamp;

/// Failures in a row after which nobody is sent there.
const FAILURES: u32 = 3;

/// Seconds until somebody may try again.
const REST_SECONDS: i64 = 30;

/// Whether people are sent there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    Up,
    Resting,
}

/// What is known of a provider's health in this process.
#[derive(Default)]
pub struct Breaker(Mutex<State>);

#[derive(Default)]
struct State {
    failures: u32,
    failed_at: Option<Timestamp>,
}

impl Breaker {
    pub fn health(&self, now: Timestamp) -> Health {
        let state = self.state();
        let rests = state.failures >= FAILURES && state.failed_at.is_some_and(|at| now.since(at) < REST_SECONDS);
        if rests { Health::Resting } else { Health::Up }
    }

    /// Takes note of how a call ended.
    pub fn note<T>(&self, outcome: &Result<T, Trouble>, now: Timestamp) {
        let mut state = self.state();
        match outcome {
            Err(trouble) if trouble.is_down() => {
                state.failures = state.failures.saturating_add(1);
                state.failed_at = Some(now);
            }
            _ => *state = State::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RL-23: opens at the third failure in a row, lets one try after half a minute, and closes by a success.
    #[test]
    fn opens_and_closes() {
        let (breaker, at) = (Breaker::default(), Timestamp::from_unix);
        let (down, good): (Result<(), _>, _) = (Err(Trouble::Down("no answer")), Ok(()));
        for _ in 0..2 {
            breaker.note(&down, at(0));
        }
        assert_eq!(breaker.health(at(0)), Health::Up);
        breaker.note(&Err::<(), _>(Trouble::Cancelled), at(0));
        breaker.note(&down, at(1));
        assert_eq!(breaker.health(at(1)), Health::Up, "who answers is not down");
        breaker.note(&down, at(1));
        breaker.note(&down, at(1));
        assert_eq!(breaker.health(at(30)), Health::Resting);
        assert_eq!(breaker.health(at(31)), Health::Up);
        breaker.note(&down, at(31));
        assert_eq!(breaker.health(at(60)), Health::Resting, "it still fails");
        breaker.note(&good, at(61));
        breaker.note(&down, at(61));
        assert_eq!(breaker.health(at(61)), Health::Up);
    }
}
