//! A session that reaches more: the same person proved a second factor in it. Its token changes (SE-01), and when they signed in
//! does not: that was the first factor.

use super::{Means, SecondProof};
use crate::base::{Fault, Secret};
use crate::endpoints::interaction::{Found, Outcome, look};
use crate::endpoints::sign_in::{Pass, SignedIn, Stay};
use crate::endpoints::{Provider, Signed, Visit, audit_at, op_browser_state};
use crate::identity::factor::Level;
use crate::identity::sessions::{self, NewSession, SessionToken};
use crate::store::interactions::{self, Event, EventKind};
use crate::store::{audit as audits, known_devices};

/// Raises a session, for an interaction or for the account pages. Nothing if the proof was used before.
pub(super) async fn raise(
    provider: &Provider,
    found: Option<Found>,
    (signed, means): (&Signed, Means),
    proof: SecondProof,
    visit: &Visit,
) -> Result<Option<SignedIn>, Fault> {
    let token = SessionToken::new(&provider.random)?;
    let before = Level::parse(&signed.session.acr).unwrap_or(Level::One);
    let mut renewed = NewSession::renewed(&signed.session, &token, visit.now);
    renewed.acr = before.max(means.level).as_str().to_owned();
    renewed.amr = means.amr.clone();
    renewed.second_at = Some(visit.now);
    renewed.device_trusted = false;
    let event = Event { kind: EventKind::SecondFactor, session_id: renewed.id.clone(), detail: String::new() };
    let mut record = audit_at("second_factor", signed.user.id.as_str(), visit);
    record.user_id = Some(signed.user.id.clone());
    record.client_id = found.as_ref().and_then(|found| found.client.as_ref()).map(|c| c.client.client_id.clone());
    record.detail = serde_json::json!({ "amr": means.amr, "user_agent": visit.user_agent });
    let ids = (provider.new_id()?, provider.new_id()?);
    let (stored, added, user, now) = (renewed.clone(), event.clone(), signed.user.id.clone(), visit.now);
    let interaction = found.as_ref().map(|found| found.id.clone());
    let done = provider
        .db
        .write(async move |tx| {
            if !proof.take(tx, &user, now).await? {
                return Ok(false);
            }
            sessions::still_open(tx, &stored.id, now).await?;
            sessions::reauthenticate(tx, &stored).await?;
            known_devices::record_second(tx, &user, &stored.browser_hash, now).await?;
            if let Some(interaction) = &interaction {
                interactions::add_event(tx, &ids.0, interaction, &added, now).await?;
            }
            audits::write(tx, &ids.1, &record).await?;
            Ok(true)
        })
        .await?;
    if !done {
        return Ok(None);
    }
    let session = crate::identity::sessions::Session { created_at: signed.session.created_at, ..renewed.session() };
    let browser_state = op_browser_state(Some(&session));
    let outcome = match found {
        Some(mut found) => {
            found.events.push(event);
            let signed = Signed { session, user: signed.user.clone() };
            look(provider, &found, &Visit { session: Some(signed), half_hash: None, ..visit.clone() }).await?
        }
        None => Outcome::Account,
    };
    // Whether this browser was to remember the session is not known here: the safe answer is that it was not.
    let pass = Pass::Session {
        token: Secret::new(token.expose().to_owned()),
        browser_state,
        stay: Stay::UntilBrowserCloses,
        device: None,
    };
    Ok(Some(SignedIn { pass, outcome }))
}
