//! A new set of recovery codes, shown once.

use super::Own;
use super::words::{Change, tell};
use crate::base::{Fault, Secret};
use crate::endpoints::{Provider, Signed, Visit, audit_at};
use crate::identity::factor::RECOVERY;
use crate::identity::{recovery, sessions, users};
use crate::store::{audit as audits, outbox};

/// Makes a new set in the place of the one before; nothing for who has no second factor that they could lose. Whoever calls has
/// seen to it that the sign-in is fresh.
///
/// # Errors
/// Storage or chance failed, or the session ended in the meantime.
pub async fn make(provider: &Provider, signed: &Signed, visit: &Visit) -> Result<Option<Vec<Secret<String>>>, Fault> {
    let user = &signed.user;
    if !provider.factors.policy.takes(RECOVERY) || !Own::of(provider, user).await?.has_any() {
        return Ok(None);
    }
    let (rows, shown) = provider.factors.recovery_key.make(&provider.clock, &provider.random)?;
    let told = tell(provider, user, &Change::RecoveryMade, visit)?;
    let mut record = audit_at("recovery_codes_made", user.id.as_str(), visit);
    record.user_id = Some(user.id.clone());
    let (id, user, session, now) = (provider.new_id()?, user.id.clone(), signed.session.id.clone(), visit.now);
    provider
        .db
        .write(async move |tx| {
            users::hold(tx, &user).await?;
            sessions::still_open(tx, &session, now).await?;
            recovery::replace(tx, &user, &rows, now).await?;
            if let Some(told) = &told {
                outbox::enqueue(tx, told, now).await?;
            }
            audits::write(tx, &id, &record).await
        })
        .await?;
    Ok(Some(shown))
}
