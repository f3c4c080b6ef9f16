//! Guess counters (decision 28). A subject is a hash, so that a row says nothing of whom it is about.

use super::{Tx, sql};
use crate::base::{Fault, Timestamp};

/// How many failures are free and how long the waits after them are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    pub free: i64,
    /// The wait after the last free failure; each further failure doubles it.
    pub first_wait_seconds: i64,
    pub longest_wait_seconds: i64,
    pub memory: Memory,
}

/// When failures are forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// So many seconds after the last failure.
    AfterLast(i64),
    /// So many seconds after the first failure.
    AfterFirst(i64),
}

/// From when on the next may be charged where nobody has to wait: always, also after the clock was put back.
const AT_ONCE: Timestamp = Timestamp::from_unix(0);

/// Charges one failure to `subject` and sets the moment from which the next may be charged. Answers the failures so far,
/// or nothing if that moment has not come. One statement decides, so parallel guesses are counted exactly.
///
/// # Errors
/// Storage failed.
pub async fn charge(tx: &mut Tx, subject: &str, rule: &Rule, now: Timestamp) -> Result<Option<i64>, Fault> {
    let (seconds, slides) = match rule.memory {
        Memory::AfterLast(seconds) => (seconds, true),
        Memory::AfterFirst(seconds) => (seconds, false),
    };
    let first_next = if rule.free > 1 { AT_ONCE } else { now.plus(rule.first_wait_seconds) };
    // A shift by more than 20 is beyond every longest wait and would overflow.
    let statement = sql("INSERT INTO guesses (subject, failures, next_at, expires_at) VALUES ($1, 1, $8, $3)
         ON CONFLICT (subject) DO UPDATE SET
             failures = CASE WHEN guesses.expires_at <= $2 THEN 1 ELSE guesses.failures + 1 END,
             next_at = CASE
                 WHEN guesses.expires_at <= $2 THEN $8
                 WHEN guesses.failures + 1 < $4 THEN $9
                 WHEN guesses.failures + 1 - $4 > 20 THEN $2 + $6
                 WHEN $5 << CAST(guesses.failures + 1 - $4 AS INTEGER) > $6 THEN $2 + $6
                 ELSE $2 + ($5 << CAST(guesses.failures + 1 - $4 AS INTEGER)) END,
             expires_at = CASE WHEN $7 OR guesses.expires_at <= $2 THEN $3 ELSE guesses.expires_at END
         WHERE guesses.next_at <= $2 OR guesses.expires_at <= $2
         RETURNING failures")
    .bind(subject)
    .bind(now)
    .bind(now.plus(seconds))
    .bind(rule.free)
    .bind(rule.first_wait_seconds)
    .bind(rule.longest_wait_seconds)
    .bind(slides)
    .bind(first_next)
    .bind(AT_ONCE);
    tx.fetch(statement).await?.map(|row| row.columns("guesses").int("failures")).transpose()
}

/// Seconds until `subject` may be charged again; at least one, for whoever was just refused.
///
/// # Errors
/// Storage failed.
pub async fn wait(tx: &mut Tx, subject: &str, now: Timestamp) -> Result<i64, Fault> {
    let statement = sql("SELECT next_at, expires_at FROM guesses WHERE subject = $1").bind(subject);
    let Some(row) = tx.fetch(statement).await? else { return Ok(1) };
    let mut c = row.columns("guesses");
    let next_at = c.time("next_at")?.min(c.time("expires_at")?);
    Ok(next_at.since(now).max(1))
}

/// Takes one failure back: it was none. The wait that it began is over with it.
///
/// # Errors
/// Storage failed.
pub async fn give_back(tx: &mut Tx, subject: &str) -> Result<(), Fault> {
    let statement = sql("UPDATE guesses SET failures = failures - 1, next_at = $2 WHERE subject = $1 AND failures > 0")
        .bind(subject)
        .bind(AT_ONCE);
    tx.execute(statement).await?;
    Ok(())
}

/// Forgets all failures of `subject`.
///
/// # Errors
/// Storage failed.
pub async fn clear(tx: &mut Tx, subject: &str) -> Result<(), Fault> {
    tx.execute(sql("DELETE FROM guesses WHERE subject = $1").bind(subject)).await?;
    Ok(())
}

/// Removes what expired before `before`.
///
/// # Errors
/// Storage failed.
pub async fn sweep(tx: &mut Tx, before: Timestamp) -> Result<u64, Fault> {
    tx.execute(sql("DELETE FROM guesses WHERE expires_at < $1").bind(before)).await
}
