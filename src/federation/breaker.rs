//! A circuit breaker: a provider that failed a few times in a row is left alone for a while, and its button says so.
//!
//! Only what is the provider's own fault counts, and only somebody whom it vouched for proves that it is well: nothing that a visitor
//! can bring opens the breaker or closes it. After the rest one trial at a time goes there, a call of ours that no visitor can
//! influence; while it fails the rests grow.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::base::Timestamp;

/// Failures in a row after which nobody is sent there.
const FAILURES: u32 = 3;

/// Seconds until the first trial. Each rest that follows is twice as long, up to the longest.
const REST_SECONDS: i64 = 30;

/// The longest rest, in seconds.
const LONGEST_REST_SECONDS: i64 = 300;

/// Seconds after which a failure is forgotten if no other one followed.
const FORGOTTEN_SECONDS: i64 = 600;

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
    /// In a row: since the last person who came from there.
    failures: u32,
    failed_at: Option<Timestamp>,
    /// In a row.
    rests: u32,
    /// There while it is open.
    rests_until: Option<Timestamp>,
    is_on_trial: bool,
}

/// Whether somebody may be sent there now.
pub enum Pass<'a> {
    Go,
    Rest,
    /// After a trial that this caller makes, and nobody else meanwhile.
    Trial(Trial<'a>),
}

/// The one trial under way. Dropped without an end, as when a visitor goes away, it says nothing, and the next caller makes one.
pub struct Trial<'a>(&'a Breaker);

impl State {
    fn rest(&mut self, now: Timestamp) {
        let seconds = REST_SECONDS.saturating_mul(1 << self.rests.min(8)).min(LONGEST_REST_SECONDS);
        self.rests = self.rests.saturating_add(1);
        self.rests_until = Some(now.plus(seconds));
    }
}

impl Breaker {
    /// What the button says.
    pub fn health(&self, now: Timestamp) -> Health {
        if self.state().rests_until.is_some_and(|until| now < until) { Health::Resting } else { Health::Up }
    }

    pub fn pass(&self, now: Timestamp) -> Pass<'_> {
        let mut state = self.state();
        match state.rests_until {
            None => Pass::Go,
            Some(until) if now < until || state.is_on_trial => Pass::Rest,
            Some(_) => {
                state.is_on_trial = true;
                Pass::Trial(Trial(self))
            }
        }
    }

    /// It failed somebody, by its own fault. Those who were there when it opened add nothing.
    pub fn failed(&self, now: Timestamp) {
        let mut state = self.state();
        if state.rests_until.is_some() {
            return;
        }
        if state.failed_at.is_none_or(|at| now.since(at) > FORGOTTEN_SECONDS) {
            (state.failures, state.rests) = (0, 0);
        }
        state.failures = state.failures.saturating_add(1);
        state.failed_at = Some(now);
        if state.failures >= FAILURES {
            state.rest(now);
        }
    }

    /// Somebody came from there whom it vouched for.
    pub fn succeeded(&self) {
        let mut state = self.state();
        *state = State { is_on_trial: state.is_on_trial, ..State::default() };
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Trial<'_> {
    /// It answered: people go there again. That was not all of it, so one failure is enough to open it again.
    pub fn passed(self, now: Timestamp) {
        let mut state = self.0.state();
        if state.rests_until.take().is_some() {
            (state.failures, state.failed_at) = (FAILURES - 1, Some(now));
        }
    }

    pub fn failed(self, now: Timestamp) {
        let mut state = self.0.state();
        // Unless somebody came from there meanwhile.
        if state.rests_until.is_some() {
            state.failed_at = Some(now);
            state.rest(now);
        }
    }
}

impl Drop for Trial<'_> {
    fn drop(&mut self) {
        self.0.state().is_on_trial = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(seconds)
    }

    fn opened() -> Breaker {
        let breaker = Breaker::default();
        (0..FAILURES).for_each(|_| breaker.failed(at(0)));
        breaker
    }

    fn trial(breaker: &Breaker, now: i64) -> Trial<'_> {
        match breaker.pass(at(now)) {
            Pass::Trial(trial) => trial,
            Pass::Go => panic!("closed at {now}"),
            Pass::Rest => panic!("no trial at {now}"),
        }
    }

    /// RL-23: opens at the third failure in a row, and a success between them begins a new row.
    #[test]
    fn opens() {
        let breaker = Breaker::default();
        for _ in 0..3 {
            breaker.failed(at(0));
            breaker.failed(at(1));
            assert!(matches!(breaker.pass(at(1)), Pass::Go));
            breaker.succeeded();
        }
        let breaker = opened();
        assert_eq!((breaker.health(at(29)), breaker.health(at(30))), (Health::Resting, Health::Up));
        assert!(matches!(breaker.pass(at(29)), Pass::Rest));
    }

    /// Failures far apart are no row.
    #[test]
    fn forgets() {
        let breaker = Breaker::default();
        for now in [0, FORGOTTEN_SECONDS + 1, 2 * (FORGOTTEN_SECONDS + 1), 3 * (FORGOTTEN_SECONDS + 1)] {
            breaker.failed(at(now));
            breaker.failed(at(now));
            assert!(matches!(breaker.pass(at(now)), Pass::Go), "{now}");
        }
    }

    /// One trial at a time; one that nobody ended is free again at once.
    #[test]
    fn one_trial_at_a_time() {
        let breaker = opened();
        let first = trial(&breaker, 30);
        for _ in 0..3 {
            assert!(matches!(breaker.pass(at(1000)), Pass::Rest));
        }
        drop(first);
        trial(&breaker, 1000).passed(at(1000));
        assert!(matches!(breaker.pass(at(1000)), Pass::Go) && matches!(breaker.pass(at(1000)), Pass::Go));
    }

    /// Many at once: exactly one of them tries.
    #[test]
    fn threads_agree_on_one_trial() {
        let breaker = opened();
        let gate = std::sync::Barrier::new(16);
        let tried = std::thread::scope(|scope| {
            let one = || {
                gate.wait();
                let pass = breaker.pass(at(30));
                gate.wait();
                usize::from(matches!(pass, Pass::Trial(_)))
            };
            let all: Vec<_> = (0..16).map(|_| scope.spawn(one)).collect();
            all.into_iter().map(|thread| thread.join().unwrap()).sum::<usize>()
        });
        assert_eq!(tried, 1);
    }

    /// While trials fail the rests grow, up to the longest; those who fail during a rest do not lengthen it.
    #[test]
    fn rests_grow() {
        let (breaker, mut now) = (opened(), 0);
        for seconds in [30, 60, 120, 240, 300, 300] {
            breaker.failed(at(now));
            assert!(matches!(breaker.pass(at(now + seconds - 1)), Pass::Rest), "{seconds}");
            now += seconds;
            trial(&breaker, now).failed(at(now));
        }
    }

    /// An answer to a trial is not a sign-in: one failure after it opens again, for longer; a person who came closes it for good.
    #[test]
    fn on_probation() {
        let breaker = opened();
        trial(&breaker, 30).passed(at(30));
        breaker.failed(at(31));
        assert!(matches!(breaker.pass(at(90)), Pass::Rest));
        trial(&breaker, 91).passed(at(91));
        breaker.succeeded();
        breaker.failed(at(92));
        breaker.failed(at(92));
        assert!(matches!(breaker.pass(at(92)), Pass::Go));
    }

    /// Whoever was on the way when it opened, and came: it is well. A trial that fails after that is one failure like another.
    #[test]
    fn a_success_outdoes_a_trial() {
        let breaker = opened();
        let late = trial(&breaker, 30);
        breaker.succeeded();
        late.failed(at(31));
        assert!(matches!(breaker.pass(at(31)), Pass::Go));
    }
}
