//! Passkeys, as people use them: to sign in, and on the page of their account where they look after them.
//!
//! A challenge is a row for one purpose, one browser and one interaction or session. It is used up in the transaction of what
//! its answer leads to; an answer that does not hold changes nothing.

mod own;
mod sign_in;
mod tell;

pub use own::{Asked, Enrolled, For, Own, PasswordDropped, Removed, ask_to_enrol, drop_password, enrol, list, remove, rename};
pub(super) use own::{By, REMOVED, take_away};
pub(super) use sign_in::record_copy;
pub use sign_in::{ByPasskey, ask as ask_to_sign_in, sign_in};

use serde_json::Value;

use super::{Provider, Visit};
use crate::base::Fault;
use crate::identity::passkeys::{CHALLENGE_SECONDS, Purpose, Question};
use crate::store::passkeys::{self, Challenge};

/// Keeps a question and hands out what the browser gets of it.
pub(super) async fn keep(
    provider: &Provider,
    question: Question,
    (purpose, subject): (Purpose, &str),
    visit: &Visit,
) -> Result<Value, Fault> {
    let Question { challenge, options, state } = question;
    let row = Challenge {
        challenge,
        purpose: purpose.as_str().to_owned(),
        browser_hash: visit.browser_hash.clone(),
        subject: subject.to_owned(),
        state,
        expires_at: visit.now.plus(CHALLENGE_SECONDS),
    };
    provider.db.write(async move |tx| passkeys::ask(tx, &row).await).await?;
    Ok(options)
}

/// The open question that an answer names, if it was asked for this purpose and subject in this browser.
pub(super) async fn asked(
    provider: &Provider,
    challenge: Option<String>,
    (purpose, subject): (Purpose, &str),
    visit: &Visit,
) -> Result<Option<Challenge>, Fault> {
    let Some(challenge) = challenge else { return Ok(None) };
    let row = passkeys::asked(&mut provider.db.conn(), &challenge, visit.now).await?;
    Ok(row.filter(|row| row.purpose == purpose.as_str() && row.subject == subject && row.browser_hash == visit.browser_hash))
}
