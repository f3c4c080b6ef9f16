//! A new set of recovery codes, shown once.

use super::words::{Change, letter};
use super::{By, Own};
use crate::base::{Fault, Secret, Timestamp};
use crate::endpoints::{Provider, Signed, Visit};
use crate::identity::factor::RECOVERY;
use crate::identity::{recovery, sessions, users};
use crate::store::outbox::NewMail;
use crate::store::{audit as audits, outbox, recovery_codes};

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
    if !may_have(provider, &Own::of(provider, &signed.user).await?) {
        return Ok(None);
    }
    replace(provider, By::person("recovery_codes_made", signed, visit), Set::First, visit.now).await
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
    replace(provider, by, Set::Another(told), now).await
}

fn may_have(provider: &Provider, own: &Own) -> bool {
    provider.factors.policy.takes(RECOVERY) && own.has_any()
}

/// Which set it is to be.
enum Set {
    /// Only where there is none.
    First,
    /// In the place of any other; a mail tells.
    Another(Option<NewMail>),
}

async fn replace(provider: &Provider, by: By<'_>, set: Set, now: Timestamp) -> Result<Option<Vec<Secret<String>>>, Fault> {
    let By { user, event: mut record, session, .. } = by;
    let (rows, shown) = provider.factors.recovery_key.make(&provider.clock, &provider.random)?;
    record.user_id = Some(user.id.clone());
    let (id, user, session) = (provider.new_id()?, user.id.clone(), session.cloned());
    let made = provider
        .db
        .write(async move |tx| {
            users::hold(tx, &user).await?;
            if let Some(session) = &session {
                sessions::still_open(tx, session, now).await?;
            }
            match &set {
                Set::First if recovery_codes::has_unused(tx, &user).await? => return Ok(false),
                Set::First | Set::Another(None) => {}
                Set::Another(Some(told)) => outbox::enqueue(tx, told, now).await?,
            }
            recovery::replace(tx, &user, &rows, now).await?;
            audits::write(tx, &id, &record).await?;
            Ok(true)
        })
        .await?;
    Ok(made.then_some(shown))
}
