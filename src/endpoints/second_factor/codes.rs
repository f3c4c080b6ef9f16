//! A new set of recovery codes, shown once.

use super::words::{Change, letter};
use super::{By, Own};
use crate::base::{Fault, Secret, Timestamp};
use crate::endpoints::{Provider, Signed, Visit};
use crate::identity::factor::RECOVERY;
use crate::identity::{recovery, sessions, users};
use crate::store::outbox::NewMail;
use crate::store::{audit as audits, outbox};

/// Makes a new set in the place of the one before; nothing for who has no second factor that they could lose. Whoever calls has
/// seen to it that the sign-in is fresh.
///
/// # Errors
/// Storage or chance failed, or the session ended in the meantime.
pub async fn make(provider: &Provider, signed: &Signed, visit: &Visit) -> Result<Option<Vec<Secret<String>>>, Fault> {
    make_by(provider, By::person("recovery_codes_made", signed, visit), visit.now).await
}

/// The set that goes with the first factor, for who has just added it; nothing if they have codes. The mail about the factor is
/// about these too.
///
/// # Errors
/// As [`make`].
pub async fn make_first(provider: &Provider, signed: &Signed, visit: &Visit) -> Result<Option<Vec<Secret<String>>>, Fault> {
    let own = Own::of(provider, &signed.user).await?;
    if own.codes.count > 0 || !may_have(provider, &own) {
        return Ok(None);
    }
    Ok(Some(replace(provider, By::person("recovery_codes_made", signed, visit), None, visit.now).await?))
}

/// The same as [`make`] for whoever acts.
///
/// # Errors
/// As [`make`].
pub async fn make_by(provider: &Provider, by: By<'_>, now: Timestamp) -> Result<Option<Vec<Secret<String>>>, Fault> {
    if !may_have(provider, &Own::of(provider, by.user).await?) {
        return Ok(None);
    }
    let told = letter(provider, (by.user, by.lang), &Change::RecoveryMade, now)?;
    Ok(Some(replace(provider, by, told, now).await?))
}

fn may_have(provider: &Provider, own: &Own) -> bool {
    provider.factors.policy.takes(RECOVERY) && own.has_any()
}

async fn replace(provider: &Provider, by: By<'_>, told: Option<NewMail>, now: Timestamp) -> Result<Vec<Secret<String>>, Fault> {
    let By { user, event: mut record, session, .. } = by;
    let (rows, shown) = provider.factors.recovery_key.make(&provider.clock, &provider.random)?;
    record.user_id = Some(user.id.clone());
    let (id, user, session) = (provider.new_id()?, user.id.clone(), session.cloned());
    provider
        .db
        .write(async move |tx| {
            users::hold(tx, &user).await?;
            if let Some(session) = &session {
                sessions::still_open(tx, session, now).await?;
            }
            recovery::replace(tx, &user, &rows, now).await?;
            if let Some(told) = &told {
                outbox::enqueue(tx, told, now).await?;
            }
            audits::write(tx, &id, &record).await
        })
        .await?;
    Ok(shown)
}
