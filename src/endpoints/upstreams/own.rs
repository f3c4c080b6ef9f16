//! The accounts elsewhere of a person, for that person.

use super::Button;
use super::confirm::{Told, notice};
use crate::base::{Fault, Id, Timestamp};
use crate::endpoints::{Provider, Signed, Visit, audit_at};
use crate::identity::linking;
pub use crate::identity::linking::Detached;
use crate::identity::{sessions, users};
use crate::store::{audit as audits, outbox};

/// What the page shows.
pub struct Own {
    pub identities: Vec<OwnIdentity>,
    /// The providers that may be connected besides.
    pub others: Vec<Button>,
}

/// An account elsewhere.
pub struct OwnIdentity {
    pub id: Id,
    /// The name of the provider.
    pub upstream: String,
    pub shown: String,
    pub used_at: Timestamp,
}

/// # Errors
/// Storage failed.
pub async fn own(provider: &Provider, signed: &Signed, visit: &Visit) -> Result<Own, Fault> {
    let all = provider.upstreams().await?;
    let rows = linking::list(&mut provider.db.conn(), &signed.user.id).await?;
    let name = |id: &str| all.iter().find(|connected| connected.upstream.id == id).map(|c| c.upstream.name.clone());
    let others = all.iter().filter(|connected| connected.upstream.is_shown_for(None));
    let others = others.filter(|connected| !rows.iter().any(|row| row.upstream_id == connected.upstream.id));
    Ok(Own {
        others: others.map(|connected| connected.button(visit.now)).collect(),
        identities: rows
            .into_iter()
            .map(|row| OwnIdentity {
                upstream: name(&row.upstream_id).unwrap_or(row.issuer),
                id: row.id,
                shown: row.shown,
                used_at: row.used_at,
            })
            .collect(),
    })
}

/// Disconnects one of them, if it is not the last way in. Whoever calls has seen to it that the sign-in is fresh.
///
/// # Errors
/// Storage or chance failed.
pub async fn detach(provider: &Provider, signed: &Signed, id: &str, visit: &Visit) -> Result<Detached, Fault> {
    let mut event = audit_at("identity_disconnected", signed.user.id.as_str(), visit);
    event.user_id = Some(signed.user.id.clone());
    let rows = linking::list(&mut provider.db.conn(), &signed.user.id).await?;
    let Some(row) = rows.into_iter().find(|identity| identity.id.as_str() == id) else { return Ok(Detached::Gone) };
    let connected = provider.upstream(&row.upstream_id).await?;
    let name = connected.map_or_else(|| row.issuer.clone(), |connected| connected.upstream.name.clone());
    let notice = notice(provider, &signed.user, (Told::Disconnected, &name), visit)?;
    let open = provider.open_ways().await?;
    let (event_id, session, now) = (provider.new_id()?, signed.session.id.clone(), visit.now);
    provider
        .db
        .write(async move |tx| {
            // The person first, as everywhere, or PostgreSQL would find deadlocks.
            users::hold(tx, &row.user_id).await?;
            sessions::still_open(tx, &session, now).await?;
            let outcome = linking::detach(tx, &row, (&open, &session), now).await?;
            if outcome == Detached::Done {
                audits::write(tx, &event_id, &event).await?;
                if let Some(mail) = &notice {
                    outbox::enqueue(tx, mail, now).await?;
                }
            }
            Ok(outcome)
        })
        .await
}
