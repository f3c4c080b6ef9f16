//! A reset of everything that a person has, as an operator planned it: carried out once the time to object is over. Whoever shows a
//! second factor until then has not lost it, which ends the plan.

use super::words::{Change, told_by_house};
use crate::base::{Fault, Id, Timestamp};
use crate::endpoints::{Provider, audit};
use crate::identity::users;
use crate::store::{audit as audits, factor_terms, factors, outbox, passkeys, recovery_codes, trusted_devices};

/// How many resets are carried out in one turn.
const AT_ONCE: i64 = 100;

/// Carries out the resets whose time has come; says how many.
///
/// One that fails is told to the log and tried again the next time; it holds up no other.
///
/// # Errors
/// Storage failed.
pub async fn reset_due(provider: &Provider, now: Timestamp) -> Result<u64, Fault> {
    let due = factor_terms::resets_due(&mut provider.db.conn(), now, AT_ONCE).await?;
    let mut done = 0;
    for id in due {
        match reset(provider, id.clone(), now).await {
            Ok(is_done) => done += u64::from(is_done),
            Err(fault) => tracing::error!(user = id.as_str(), %fault, "the factors of a person could not be reset"),
        }
    }
    Ok(done)
}

/// False if there is nothing to carry out any more.
async fn reset(provider: &Provider, id: Id, now: Timestamp) -> Result<bool, Fault> {
    let user = users::by_id(&mut provider.db.conn(), &id).await?;
    let told = match &user {
        Some(user) => told_by_house(provider, user, &Change::Reset, now)?,
        None => None,
    };
    let mut record = audit("factors_reset", "house", now);
    record.user_id = Some(id.clone());
    let event = provider.new_id()?;
    let done = provider.db.write(async move |tx| {
        users::hold(tx, &id).await?;
        if !factor_terms::take_reset(tx, &id, now).await? {
            return Ok(false);
        }
        factors::remove_for_user(tx, &id).await?;
        passkeys::forget_for_user(tx, &id).await?;
        recovery_codes::remove_for_user(tx, &id).await?;
        trusted_devices::forget_for_user(tx, &id).await?;
        if let Some(told) = &told {
            outbox::enqueue(tx, told, now).await?;
        }
        audits::write(tx, &event, &record).await?;
        Ok(true)
    });
    done.await
}
