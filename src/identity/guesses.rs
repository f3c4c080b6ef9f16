//! How often somebody may guess (decision 28, NIST SP 800-63B section 3.2.2).
//!
//! A guess is charged *before* anything is compared, for unknown names too, and given back when it was right. Waits grow and
//! end by themselves: nobody can lock somebody else out for good. A browser that the person knows has a count of its own, which
//! strangers cannot touch.

use std::net::IpAddr;

use super::factor::EMAIL;
use super::one_time::Purpose;
use crate::base::{Fault, Id, Timestamp, sha256_base64url};
use crate::store::Tx;
use crate::store::guesses::{self, Memory, Rule};

const DAY: i64 = 86_400;

/// One account from one network, or from one known browser.
const CLOSE: Rule = Rule { free: 10, first_wait_seconds: 30, longest_wait_seconds: 900, memory: Memory::AfterLast(DAY) };

/// One account from all strangers together: no number of addresses makes more guesses than this.
const STRANGERS: Rule = Rule { free: 100, first_wait_seconds: 900, longest_wait_seconds: 14_400, memory: Memory::AfterLast(DAY) };

/// One network over all accounts. Many people may share it, so it forgets soon.
const NETWORK: Rule = Rule { free: 100, first_wait_seconds: 30, longest_wait_seconds: 900, memory: Memory::AfterFirst(900) };

/// What a guess is charged to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    key: String,
    rule: Rule,
    on_success: OnSuccess,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OnSuccess {
    /// Failures count in a row, and the row is over.
    Forget,
    /// Others' failures stay: an attacker's own success must not hide them.
    GiveBack,
}

impl Subject {
    /// `parts` go in with their lengths, so that no two lists make the same key.
    fn new(kind: &str, parts: &[&str], rule: Rule, on_success: OnSuccess) -> Self {
        let mut text = kind.to_owned();
        for part in parts {
            text.push_str(&format!(":{}:{part}", part.len()));
        }
        Self { key: sha256_base64url(&text), rule, on_success }
    }
}

/// What a password for `account` is charged to: the canonical name, whether or not anybody has it. `known_device` is the hash
/// of a browser from which this very person has signed in before.
pub fn password_subjects(account: &str, address: IpAddr, known_device: Option<&str>) -> Vec<Subject> {
    if let Some(browser) = known_device {
        return vec![Subject::new("password/device", &[account, browser], CLOSE, OnSuccess::Forget)];
    }
    let network = network(address);
    let mut subjects = vec![
        Subject::new("password/network", &[account, &network], CLOSE, OnSuccess::Forget),
        Subject::new("password/strangers", &[account], STRANGERS, OnSuccess::GiveBack),
        Subject::new("password/anybody", &[&network], NETWORK, OnSuccess::GiveBack),
    ];
    // Everybody locks rows in the same order, or PostgreSQL would find deadlocks.
    subjects.sort_by(|a, b| a.key.cmp(&b.key));
    subjects
}

/// One code that was sent: so few guesses that a million codes are out of reach.
const CODE: Rule = Rule { free: 5, first_wait_seconds: 600, longest_wait_seconds: 3600, memory: Memory::AfterLast(3600) };

/// What a code is charged to that was sent for one interaction, to `account`: the canonical address, whether or not anybody has
/// it. Three mails an hour of five guesses each, for a year, would find a code; all of them together count as well.
pub fn code_subjects(interaction: &Id, account: &str, address: IpAddr) -> Vec<Subject> {
    let mut subjects = vec![
        Subject::new("code/account", &[account], STRANGERS, OnSuccess::GiveBack),
        // A right code may be the attacker's own, and forgets no wrong ones at another.
        Subject::new("code/interaction", &[interaction.as_str()], CODE, OnSuccess::GiveBack),
        Subject::new("code/anybody", &[&network(address)], NETWORK, OnSuccess::GiveBack),
    ];
    subjects.sort_by(|a, b| a.key.cmp(&b.key));
    subjects
}

/// The second factor of one account: ten in all, whichever kinds are tried, in whatever tabs and at whatever nodes.
const SECOND: Rule = Rule { free: 10, first_wait_seconds: 3600, longest_wait_seconds: 14_400, memory: Memory::AfterLast(DAY) };

/// What a guess at a second factor is charged to. Whoever gets here knows the first one; still a browser that the person knows has
/// a count of its own, so that a thief of the password does not keep its owner out.
pub fn second_factor_subjects(user: &Id, known_device: Option<&str>) -> Vec<Subject> {
    vec![match known_device {
        Some(browser) => Subject::new("second/device", &[user.as_str(), browser], SECOND, OnSuccess::Forget),
        None => Subject::new("second/strangers", &[user.as_str()], SECOND, OnSuccess::Forget),
    }]
}

/// The same for a code that was sent: five of it, beside what the account is charged.
pub fn sent_code_subject(challenge: &Id) -> Subject {
    Subject::new("second/sent", &[challenge.as_str()], CODE, OnSuccess::Forget)
}

/// The messages of one person to one number: then a pause before the next, which grows.
const MESSAGE: Rule = Rule { free: 1, first_wait_seconds: 30, longest_wait_seconds: 3600, memory: Memory::AfterLast(3600) };

/// All messages that one person has sent within a day, to whatever numbers.
const PERSON: Rule = Rule { free: 10, first_wait_seconds: DAY, longest_wait_seconds: DAY, memory: Memory::AfterFirst(DAY) };

/// The messages of a day to a number by whoever says that it is theirs.
const CLAIMS: Rule = Rule { free: 10, first_wait_seconds: DAY, longest_wait_seconds: DAY, memory: Memory::AfterFirst(DAY) };

/// Numbers that begin alike: whoever earns from messages to some country has many of them.
const PREFIX: Rule = Rule { free: 60, first_wait_seconds: 3600, longest_wait_seconds: DAY, memory: Memory::AfterFirst(3600) };

/// How many characters of a number are its prefix: the country and a little more.
const PREFIX_CHARS: usize = 6;

/// Whose a number is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    /// Who has the message sent says that it is theirs.
    Claimed,
    /// They have shown that it is.
    Confirmed,
}

/// What a message of `user` is charged to that costs the house money. It is never given back. Whoever claims a number of somebody
/// else is charged for it, and does not keep its owner from their own messages.
pub fn message_subjects(user: &Id, (channel, to): (&str, &str), whose: Number, a_day: i64) -> Vec<Subject> {
    let prefix: String = to.chars().take(PREFIX_CHARS).collect();
    let all = Rule { free: a_day, first_wait_seconds: 3600, longest_wait_seconds: DAY, memory: Memory::AfterFirst(DAY) };
    let mut subjects = vec![
        Subject::new("message/to", &[user.as_str(), channel, to], MESSAGE, OnSuccess::GiveBack),
        Subject::new("message/user", &[user.as_str()], PERSON, OnSuccess::GiveBack),
        Subject::new("message/prefix", &[channel, &prefix], PREFIX, OnSuccess::GiveBack),
        Subject::new("message/all", &[channel], all, OnSuccess::GiveBack),
    ];
    if whose == Number::Claimed {
        subjects.push(Subject::new("message/claims", &[channel, to], CLAIMS, OnSuccess::GiveBack));
    }
    subjects.sort_by(|a, b| a.key.cmp(&b.key));
    subjects
}

/// Mails of one kind to one address: three within an hour, however many browsers ask (EM-13).
const MAILS: Rule = Rule { free: 3, first_wait_seconds: 3600, longest_wait_seconds: 3600, memory: Memory::AfterLast(3600) };

/// What a mail is charged to that somebody else than its recipient may have asked for. It is never given back. Those that lead
/// to another password count for themselves: each works in every browser, so that whoever asks too often for its recipient gives
/// them the way in, and whoever asks too often for anything else does not take it away. So do codes for the second step, which
/// nobody asks for without the first.
pub fn mail_subject(purpose: &str, email_key: &str) -> Subject {
    let kind = match purpose {
        EMAIL => "mail/second",
        _ if purpose == Purpose::ResetPassword.as_str() => "mail/reset",
        _ => "mail",
    };
    Subject::new(kind, &[email_key], MAILS, OnSuccess::GiveBack)
}

/// An IPv4 address, or the /64 that one IPv6 customer has at least.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}")
        }
    }
}

/// Whether a guess may be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Charged {
    /// It may, and counts as a failure until it is settled.
    Taken,
    Throttled {
        retry_after_seconds: i64,
    },
}

/// Charges all subjects, or none.
///
/// # Errors
/// Storage failed: then nothing may be compared.
pub async fn charge(tx: &mut Tx, subjects: &[Subject], now: Timestamp) -> Result<Charged, Fault> {
    let mut taken: Vec<&Subject> = Vec::new();
    let mut retry_after_seconds = 0;
    for subject in subjects {
        match guesses::charge(tx, &subject.key, &subject.rule, now).await? {
            Some(_) => taken.push(subject),
            None => retry_after_seconds = guesses::wait(tx, &subject.key, now).await?.max(retry_after_seconds),
        }
    }
    if retry_after_seconds == 0 {
        return Ok(Charged::Taken);
    }
    for subject in taken {
        guesses::give_back(tx, &subject.key).await?;
    }
    Ok(Charged::Throttled { retry_after_seconds })
}

/// Nothing was compared: the charge is given back.
///
/// # Errors
/// Storage failed.
pub async fn give_back(tx: &mut Tx, subjects: &[Subject]) -> Result<(), Fault> {
    for subject in subjects {
        guesses::give_back(tx, &subject.key).await?;
    }
    Ok(())
}

/// The guess was right.
///
/// # Errors
/// Storage failed.
pub async fn succeed(tx: &mut Tx, subjects: &[Subject]) -> Result<(), Fault> {
    for subject in subjects {
        match subject.on_success {
            OnSuccess::Forget => guesses::clear(tx, &subject.key).await?,
            OnSuccess::GiveBack => guesses::give_back(tx, &subject.key).await?,
        }
    }
    Ok(())
}

/// Removes what expired before `before`.
///
/// # Errors
/// Storage failed.
pub async fn sweep(tx: &mut Tx, before: Timestamp) -> Result<u64, Fault> {
    guesses::sweep(tx, before).await
}
