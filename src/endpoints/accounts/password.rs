//! A new password for who is signed in: the one before proves that it is them, charged like any guess (PW-04, PW-16).

use super::recover::changed;
use super::{Recipient, notice};
use crate::base::{Fault, Secret};
use crate::endpoints::{Provider, Signed, Visit, audit_at, sign_in as enter};
use crate::identity::passwords::Unhashed;
use crate::identity::policy::{About, Weakness};
use crate::identity::sessions::{self, NewSession, SessionToken};
use crate::identity::sign_in::{self, Attempt, Outcome as Verdict};
use crate::identity::users;
use crate::store::{audit as audits, outbox, passwords};

/// What the person typed.
pub struct PasswordChange {
    /// Empty for who has none.
    pub current: Secret<String>,
    pub new: Secret<String>,
    pub elsewhere: Elsewhere,
}

/// What becomes of everything of the person that is not this session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Elsewhere {
    SignedOut,
    Kept,
}

/// What became of it.
pub enum PasswordChanged {
    /// The session goes on under this token; the one before is worth nothing (SE-01).
    Done {
        token: Secret<String>,
    },
    WrongCurrent(CurrentRefused),
    Refused(Vec<Weakness>),
    Throttled {
        retry_after_seconds: i64,
    },
    Busy,
}

/// What is wrong with the password that the person has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CurrentRefused {
    Missing,
    Wrong,
}

/// Whether the person has a password; one who has none gets their first.
///
/// # Errors
/// Storage failed.
pub async fn has_password(provider: &Provider, signed: &Signed) -> Result<bool, Fault> {
    Ok(passwords::of(&mut provider.db.conn(), &signed.user.id).await?.is_some())
}

/// Gives the person another password. Whoever calls has seen to it that their sign-in is fresh.
///
/// # Errors
/// Storage, keys or chance failed, or the session ended in the meantime.
pub async fn change(provider: &Provider, signed: &Signed, wish: PasswordChange, visit: &Visit) -> Result<PasswordChanged, Fault> {
    let has_one = has_password(provider, signed).await?;
    if has_one && wish.current.expose().is_empty() {
        return Ok(PasswordChanged::WrongCurrent(CurrentRefused::Missing));
    }
    let user = &signed.user;
    let name = user.claims.get("name").and_then(|name| name.as_str());
    let about = About { email: user.email.as_deref(), name, house: &provider.policy.accounts.house };
    let password = match provider.password_policy.accept(&wish.new, &about).await {
        Ok(password) => password,
        Err(weaknesses) => return Ok(PasswordChanged::Refused(weaknesses)),
    };
    let old = match has_one {
        true => match prove(provider, signed, wish.current, visit).await? {
            Proved::By(phc) => Some(phc),
            Proved::Not(answer) => return Ok(answer),
        },
        false => None,
    };
    let phc = match provider.hasher.hash(password).await {
        Ok(phc) => phc,
        Err(Unhashed::Busy) => return Ok(PasswordChanged::Busy),
        Err(Unhashed::Broken(fault)) => return Err(fault),
    };
    store(provider, signed, (old, phc, wish.elsewhere), visit).await
}

enum Proved {
    /// The hash that was compared with.
    By(String),
    Not(PasswordChanged),
}

/// Compares the password that the person has, as a sign-in does: with the same counters.
async fn prove(provider: &Provider, signed: &Signed, current: Secret<String>, visit: &Visit) -> Result<Proved, Fault> {
    let login = signed.user.email.clone().unwrap_or_default();
    let attempt = Attempt {
        login: login.clone(),
        password: current,
        browser_hash: visit.browser_hash.clone(),
        address: visit.address,
        now: visit.now,
    };
    Ok(match sign_in::password(&provider.db, &provider.hasher, attempt).await? {
        Verdict::Verified { user, phc } if user.id == signed.user.id => Proved::By(phc),
        Verdict::Verified { .. } | Verdict::Wrong => Proved::Not(PasswordChanged::WrongCurrent(CurrentRefused::Wrong)),
        Verdict::Throttled { retry_after_seconds } => {
            enter::record_throttled(provider, None, &login, visit).await?;
            Proved::Not(PasswordChanged::Throttled { retry_after_seconds })
        }
        Verdict::Busy => Proved::Not(PasswordChanged::Busy),
    })
}

async fn store(
    provider: &Provider,
    signed: &Signed,
    (old, phc, elsewhere): (Option<String>, String, Elsewhere),
    visit: &Visit,
) -> Result<PasswordChanged, Fault> {
    let Signed { session, user } = signed.clone();
    let token = SessionToken::new(&provider.random)?;
    let renewed = NewSession::renewed(&session, &token, visit.now);
    let told = Recipient::of(&user, visit.lang).filter(|_| provider.post.is_on());
    let told = told.map(|to| notice(provider, &to, changed(provider, &to, visit), visit.now)).transpose()?;
    let mut record = audit_at("password_changed", user.id.as_str(), visit);
    record.user_id = Some(user.id.clone());
    record.detail = serde_json::json!({
        "signed_out_elsewhere": elsewhere == Elsewhere::SignedOut,
        "user_agent": visit.user_agent,
    });
    let (id, now) = (provider.new_id()?, visit.now);
    let done = provider
        .db
        .write(async move |tx| {
            users::hold(tx, &user.id).await?;
            sessions::still_open(tx, &session.id, now).await?;
            let is_stored = match &old {
                Some(old) => passwords::replace(tx, &user.id, old, &phc, now).await?,
                None => passwords::put_first(tx, &user.id, &phc, now).await?,
            };
            // Somebody else was faster: what was proved is no proof any more.
            if !is_stored {
                return Ok(false);
            }
            sessions::reauthenticate(tx, &renewed).await?;
            if elsewhere == Elsewhere::SignedOut {
                users::end_everything_else(tx, &user.id, &session, now).await?;
            }
            users::void_ways_in(tx, &user.id, now).await?;
            if let Some(told) = &told {
                outbox::enqueue(tx, told, now).await?;
            }
            audits::write(tx, &id, &record).await?;
            Ok(true)
        })
        .await?;
    Ok(match done {
        true => PasswordChanged::Done { token: Secret::new(token.expose().to_owned()) },
        false => PasswordChanged::WrongCurrent(CurrentRefused::Wrong),
    })
}
