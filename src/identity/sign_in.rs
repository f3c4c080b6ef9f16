//! The whole step of a password: charge, read, hash once, settle.
//!
//! Whoever guesses learns nothing from words or time: an unknown name, a disabled account, one without a password and a wrong
//! password take the same way, with one verification each (PW-07, PW-08).

use std::net::IpAddr;

use super::guesses::{self, Charged, Subject};
use super::passwords::{Hasher, Password, Unhashed, Verdict};
use super::users::{User, email_key};
use crate::base::{Fault, Secret, Timestamp};
use crate::store::Db;
use crate::store::passwords::{self, Credential};

/// A name and a password, from one browser at one address.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub login: String,
    pub password: Secret<String>,
    pub browser_hash: String,
    pub address: IpAddr,
    pub now: Timestamp,
}

/// What became of an attempt.
#[derive(Debug)]
pub enum Outcome {
    /// The person, and the hash that stands for the password now.
    Verified { user: Box<User>, phc: String },
    /// The one answer to whatever is wrong with name, password or account.
    Wrong,
    /// Too many failures: nothing was compared.
    Throttled { retry_after_seconds: i64 },
    /// Too many hashes are waiting: nothing was compared and nothing charged.
    Busy,
}

/// Checks a password.
///
/// # Errors
/// Storage, chance or a hashing thread failed: the person is not signed in.
pub async fn password(db: &Db, hasher: &Hasher, attempt: Attempt) -> Result<Outcome, Fault> {
    let Attempt { login, password, browser_hash, address, now } = attempt;
    let Some(password) = Password::new(&password) else { return Ok(Outcome::Wrong) };
    if hasher.is_full() {
        return Ok(Outcome::Busy);
    }
    let key = email_key(&login);
    let found = match &key {
        Some(key) => passwords::find(&mut db.conn(), key, &browser_hash).await?,
        None => None,
    };
    let account = key.unwrap_or_else(|| login.trim().to_lowercase());
    let known_device = found.as_ref().is_some_and(|credential| credential.known_device);
    let subjects = guesses::password_subjects(&account, address, known_device.then_some(browser_hash.as_str()));
    let charged = subjects.clone();
    match db.write(async move |tx| guesses::charge(tx, &charged, now).await).await? {
        Charged::Taken => {}
        Charged::Throttled { retry_after_seconds } => return Ok(Outcome::Throttled { retry_after_seconds }),
    }
    let usable = found.filter(|credential| credential.user.is_open());
    let phc = usable.as_ref().and_then(|credential| credential.phc.clone());
    let verdict = match hasher.verify(phc, password.clone()).await {
        Ok(verdict) => verdict,
        Err(Unhashed::Busy) => {
            db.write(async move |tx| guesses::give_back(tx, &subjects).await).await?;
            return Ok(Outcome::Busy);
        }
        Err(Unhashed::Broken(fault)) => return Err(fault),
    };
    let Some(credential) = usable else { return Ok(Outcome::Wrong) };
    let new_phc = match verdict {
        Verdict::Mismatch => return Ok(Outcome::Wrong),
        Verdict::Match => None,
        Verdict::MatchToRehash => rehashed(hasher, password).await?,
    };
    settle(db, credential, subjects, new_phc, now).await
}

/// The same password under the parameters of today; next time, if the hashers are busy.
async fn rehashed(hasher: &Hasher, password: Password) -> Result<Option<String>, Fault> {
    match hasher.hash(password).await {
        Ok(phc) => Ok(Some(phc)),
        Err(Unhashed::Busy) => Ok(None),
        Err(Unhashed::Broken(fault)) => Err(fault),
    }
}

/// The password was right: gives the charge back, and puts a new hash where one is due.
async fn settle(
    db: &Db,
    credential: Credential,
    subjects: Vec<Subject>,
    new_phc: Option<String>,
    now: Timestamp,
) -> Result<Outcome, Fault> {
    let Credential { user, phc, .. } = credential;
    let Some(old) = phc else { return Ok(Outcome::Wrong) };
    let id = user.id.clone();
    let phc = db
        .write(async move |tx| {
            guesses::succeed(tx, &subjects).await?;
            Ok(match new_phc {
                Some(new) if passwords::replace(tx, &id, &old, &new, now).await? => new,
                _ => old,
            })
        })
        .await?;
    Ok(Outcome::Verified { user: Box::new(user), phc })
}
