//! Clients that registered themselves and that nobody ever used go again by themselves.

use super::Provider;
use crate::base::{Fault, Timestamp};
use crate::endpoints::audit;
use crate::store::audit as audits;
use crate::store::{changes, registrations};

/// The most clients of one sweep: the next one comes soon.
const MOST: i64 = 500;

/// Removes what waited too long for its first use, and initial access tokens that expired. Says how many clients went.
///
/// # Errors
/// Storage or chance failed.
pub async fn sweep(provider: &Provider, now: Timestamp) -> Result<u64, Fault> {
    provider.db.write(async move |tx| registrations::sweep_tokens(tx, now).await).await?;
    let Some(seconds) = provider.policy.registration.unused_seconds else { return Ok(0) };
    let unused = registrations::unused(&mut provider.db.conn(), now.plus(-seconds), MOST).await?;
    let mut removed = 0;
    for client_id in unused {
        let mut event = audit("client_swept", "house", now);
        event.client_id = Some(client_id.clone());
        let id = provider.new_id()?;
        let written = provider.db.write(async move |tx| {
            if !registrations::remove_unused(tx, &client_id).await? {
                return Ok(false);
            }
            audits::write(tx, &id, &event).await?;
            changes::raise(tx, changes::Topic::Clients).await?;
            Ok(true)
        });
        removed += u64::from(written.await?);
    }
    Ok(removed)
}
