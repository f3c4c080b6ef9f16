//! What a person decides after signing in: to go on as themselves, to allow an app what it asks for, or not.

use super::{Errand, Found, Outcome, Page, look};
use crate::base::Fault;
use crate::endpoints::{Provider, Signed, Visit, audit};
use crate::identity::{consent, sessions};
use crate::oauth::Scope;
use crate::store::audit as audits;
use crate::store::interactions::{self, Event, EventKind};

/// What a person may decide on a page after signing in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Go on as the person who is signed in.
    Continue,
    Allow,
    Deny,
}

/// Records a decision of the signed-in person and looks again. What was decided about is what the stored request says,
/// never what the form says.
///
/// # Errors
/// Storage, keys or chance failed.
pub async fn decide(provider: &Provider, mut found: Found, decision: Decision, visit: &Visit) -> Result<Outcome, Fault> {
    let Errand::App(request) = &found.errand else { return look(provider, &found, visit).await };
    let Some(signed) = &visit.session else { return look(provider, &found, visit).await };
    // A decision counts only where its question was the next thing to ask; a stale page decides nothing.
    let waiting = match decision {
        // A refusal is recorded whatever else would come next: it never leads to an answer that grants something.
        Decision::Deny => Outcome::Page { interaction: found.id.clone(), page: Page::Consent(request.scope.clone()) },
        Decision::Continue | Decision::Allow => look(provider, &found, visit).await?,
    };
    let (kind, audited, scope) = match (decision, &waiting) {
        (Decision::Continue, Outcome::Page { page: Page::Choose, .. }) => (EventKind::Chosen, "account_chosen", None),
        (Decision::Allow, Outcome::Page { page: Page::Consent(scope), .. }) => {
            (EventKind::Consented, "consent_given", Some(scope.clone()))
        }
        (Decision::Deny, Outcome::Page { page: Page::Consent(_), .. }) => (EventKind::Denied, "consent_refused", None),
        _ => return Ok(waiting),
    };
    let detail = scope.as_ref().map(Scope::to_string).unwrap_or_default();
    let event = Event { kind, session_id: signed.session.id.clone(), detail };
    let mut record = audit(audited, signed.user.id.as_str(), visit.now);
    record.user_id = Some(signed.user.id.clone());
    record.client_id = Some(request.client_id.clone());
    record.address = Some(visit.address.to_string());
    record.detail = serde_json::json!({ "scope": event.detail, "user_agent": visit.user_agent });
    let ids = (provider.new_id()?, provider.new_id()?);
    let (user, client_id) = (signed.user.id.clone(), request.client_id.clone());
    let (claims, resources) = (request.claims.clone(), request.resources.clone());
    let (interaction, now, added, session) = (found.id.clone(), visit.now, event.clone(), signed.session.id.clone());
    provider
        .db
        .write(async move |tx| {
            sessions::still_open(tx, &session, now).await?;
            interactions::add_event(tx, &ids.0, &interaction, &added, now).await?;
            if let Some(scope) = &scope {
                let allowed = consent::Consent::of(scope, claims.as_ref(), &resources);
                consent::remember(tx, &user, &client_id, &allowed, now).await?;
            }
            audits::write(tx, &ids.1, &record).await
        })
        .await?;
    found.events.push(event);
    look(provider, &found, visit).await
}

/// What a person allowed a client before.
///
/// # Errors
/// Storage failed.
pub async fn consented(provider: &Provider, signed: &Signed, client_id: &str) -> Result<Scope, Fault> {
    let before = consent::find(&mut provider.db.conn(), &signed.user.id, client_id).await?;
    Ok(before.map(|consent| consent.scope().clone()).unwrap_or_default())
}
