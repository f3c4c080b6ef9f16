//! Browsers that a person had remembered: there the second factor is left out at sign-in, for as long as nothing changes that the
//! account is proved by. It is no factor: `acr` and `amr` say so, and what matters asks all the same.

use crate::base::{Fault, Id, Secret, sha256_base64url};
use crate::endpoints::{Provider, Signed, Visit, audit_at};
use crate::identity::users;
use crate::store::audit::AuditEvent;
use crate::store::trusted_devices::{self, Marks, TrustedDevice};
use crate::store::{Tx, audit as audits};

/// Whether a person wants this browser remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remember {
    Yes,
    No,
}

/// A browser that is about to be remembered.
pub(super) struct NewDevice {
    device: TrustedDevice,
    record: (Id, AuditEvent),
    hash: String,
    browser_hash: String,
    pub token: Secret<String>,
}

impl NewDevice {
    /// Nothing where browsers are not remembered.
    pub(super) fn new(provider: &Provider, user: &Id, visit: &Visit) -> Result<Option<Self>, Fault> {
        let seconds = provider.factors.policy.remember_seconds;
        if seconds == 0 {
            return Ok(None);
        }
        let token = provider.random.token()?;
        let device = TrustedDevice {
            id: provider.new_id()?,
            user_agent: visit.user_agent.clone(),
            created_at: visit.now,
            last_used_at: visit.now,
            expires_at: visit.now.plus(seconds),
        };
        let mut event = audit_at("device_remembered", user.as_str(), visit);
        event.user_id = Some(user.clone());
        let record = (provider.new_id()?, event);
        let (hash, browser_hash) = (sha256_base64url(&token), visit.browser_hash.clone());
        Ok(Some(Self { device, record, hash, browser_hash, token: Secret::new(token) }))
    }

    pub(super) async fn store(&self, tx: &mut Tx, user: &Id) -> Result<(), Fault> {
        let marks = Marks { token_hash: &self.hash, browser_hash: &self.browser_hash };
        trusted_devices::insert(tx, user, &self.device, &marks).await?;
        audits::write(tx, &self.record.0, &self.record.1).await
    }
}

/// The row of this browser, if it is remembered for this person.
pub(super) async fn of(provider: &Provider, user: &Id, visit: &Visit) -> Result<Option<Id>, Fault> {
    match &visit.device_hash {
        Some(hash) if provider.factors.policy.remember_seconds > 0 => {
            trusted_devices::find(&mut provider.db.conn(), user, hash, visit.now).await
        }
        _ => Ok(None),
    }
}

/// The browsers of a person that are remembered.
///
/// # Errors
/// Storage failed.
pub async fn list(provider: &Provider, signed: &Signed, visit: &Visit) -> Result<Vec<TrustedDevice>, Fault> {
    trusted_devices::list_for_user(&mut provider.db.conn(), &signed.user.id, visit.now).await
}

/// Forgets one browser of a person, and asks its session for the second factor where one has to be there; false if there is none of
/// theirs.
///
/// # Errors
/// Storage or chance failed.
pub async fn forget(provider: &Provider, signed: &Signed, id: &Id, visit: &Visit) -> Result<bool, Fault> {
    let mut record = audit_at("device_forgotten", signed.user.id.as_str(), visit);
    record.user_id = Some(signed.user.id.clone());
    let (event, id, user) = (provider.new_id()?, id.clone(), signed.user.id.clone());
    provider
        .db
        .write(async move |tx| {
            users::hold(tx, &user).await?;
            let done = trusted_devices::remove(tx, &id, &user).await?;
            if done {
                audits::write(tx, &event, &record).await?;
            }
            Ok(done)
        })
        .await
}
