//! What is written down of who guesses too often.

use crate::base::Fault;
use crate::endpoints::{ClientRef, Provider, Visit, audit};
use crate::identity::users::{self, User};
use crate::store::audit as audits;

/// Somebody guesses too often: whose account it is, if it is anybody's, and never what was typed, which may be a password. A
/// stranger makes one row a minute.
pub(in crate::endpoints) async fn record_throttled(
    provider: &Provider,
    client: Option<&ClientRef>,
    login: &str,
    visit: &Visit,
) -> Result<(), Fault> {
    let user = users::by_login(&mut provider.db.conn(), login).await?;
    record_throttled_of(provider, client, ("throttled", user.as_ref()), visit).await
}

/// The same for the second factor of somebody whose first proof was right.
pub(in crate::endpoints) async fn record_throttled_second(
    provider: &Provider,
    client: Option<&ClientRef>,
    user: &User,
    visit: &Visit,
) -> Result<(), Fault> {
    record_throttled_of(provider, client, ("second_factor_throttled", Some(user)), visit).await
}

async fn record_throttled_of(
    provider: &Provider,
    client: Option<&ClientRef>,
    (kind, user): (&str, Option<&User>),
    visit: &Visit,
) -> Result<(), Fault> {
    if !provider.buckets.is_first_in_a_minute("audit throttled", visit.address, visit.now) {
        return Ok(());
    }
    let mut record = audit(kind, "anonymous", visit.now);
    record.user_id = user.map(|user| user.id.clone());
    record.client_id = client.map(|c| c.client.client_id.clone());
    record.address = Some(visit.address.to_string());
    let id = provider.new_id()?;
    provider.db.write(async move |tx| audits::write(tx, &id, &record).await).await
}
