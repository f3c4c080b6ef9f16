//! Back-channel logout (OpenID Connect Back-Channel Logout 1.0): an app is told by us that a session ended.
//!
//! The token is signed when it is sent, since a retry may come after the last one expired. What the app answers beside its status is
//! not read.

use serde_json::json;

use super::client_keys::recipient;
use super::{Provider, audit};
use crate::base::{Fault, Id, Timestamp};
use crate::outbound::OutboundError;
use crate::store::Tx;
use crate::store::audit::{self as audits, AuditEvent};
use crate::store::logout::{self, Taken};
use crate::tokens::Farewell;

/// Seconds that a taken delivery is its worker's: longer than a call may take.
const LEASE_SECONDS: i64 = 30;

/// How many are given up between two looks.
const GIVEN_UP_AT_ONCE: i64 = 100;

/// Seconds until the next try, by the number of tries; the last one repeats.
const BACKOFF: [i64; 5] = [5, 30, 120, 300, 600];

/// Seconds between a failed try and the next one.
fn backoff(attempt: i64) -> i64 {
    let index = usize::try_from(attempt - 1).unwrap_or_default().min(BACKOFF.len() - 1);
    BACKOFF.get(index).copied().unwrap_or(600)
}

/// What an app made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Confirmed,
    /// It will not help to try again: the app says that, or there is nobody to tell.
    Lasting(String),
    Failed(String),
}

/// Takes at most `most` deliveries that are due, none for a client that is `busy`. Those that are too old are given up.
///
/// # Errors
/// Storage or chance failed.
pub async fn take_due(provider: &Provider, most: usize, busy: &[String]) -> Result<Vec<Taken>, Fault> {
    let now = provider.clock.now();
    if most == 0 || logout::first_at(&mut provider.db.conn()).await?.is_none_or(|first| first > now) {
        return Ok(Vec::new());
    }
    for (id, client_id) in logout::too_old(&mut provider.db.conn(), GIVEN_UP_AT_ONCE, now).await? {
        let (event_id, event) = undelivered(provider, client_id, "not confirmed in time", now)?;
        let given_up = async move |tx: &mut Tx| {
            if logout::give_up(tx, &id, now).await? {
                audits::write(tx, &event_id, &event).await?;
            }
            Ok(())
        };
        provider.db.write(given_up).await?;
    }
    let (busy, lease) = (busy.to_vec(), now.plus(LEASE_SECONDS));
    provider.db.write(async move |tx| logout::claim_due(tx, most, &busy, (lease, now)).await).await
}

/// Tells one app.
///
/// # Errors
/// Storage, keys or chance failed.
pub async fn tell(provider: &Provider, taken: &Taken) -> Result<Outcome, Fault> {
    let lasting = |why: &str| Ok(Outcome::Lasting(why.to_owned()));
    let Some(client) = provider.registry.client(&provider.db, &taken.client_id).await? else {
        return lasting("the client is not registered any more, or disabled");
    };
    let Some(uri) = &client.client.backchannel_logout_uri else { return lasting("the client has no address for it any more") };
    let sub = provider.subject_of(&client.client, &taken.sub)?;
    let now = provider.clock.now();
    let encrypt_to = match recipient(provider, &client.client, client.client.more.id_token_encryption, now).await {
        Ok(recipient) => recipient,
        // It may have one again when it is asked next.
        Err(error) => return Ok(Outcome::Failed(error.why.to_owned())),
    };
    let farewell = Farewell { client: &client.client, sub: &sub, sid: &taken.sid, encrypt_to: encrypt_to.as_ref() };
    let token = provider.mint().logout_token(&farewell, now)?;
    let body = url::form_urlencoded::Serializer::new(String::new()).append_pair("logout_token", token.expose()).finish();
    let request = http::Request::post(uri)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("accept", "*/*")
        .body(body.into_bytes());
    let Ok(request) = request else { return lasting("the address cannot be called") };
    Ok(match provider.outbound.status(request).await {
        Ok(200 | 204) => Outcome::Confirmed,
        Ok(400) => Outcome::Lasting("answered 400".to_owned()),
        Ok(status) => Outcome::Failed(format!("answered {status}")),
        Err(OutboundError::Refused) => Outcome::Lasting(OutboundError::Refused.to_string()),
        Err(error) => Outcome::Failed(error.to_string()),
    })
}

/// Notes what became of it.
///
/// # Errors
/// Storage or chance failed.
pub async fn note(provider: &Provider, taken: Taken, outcome: Outcome) -> Result<(), Fault> {
    let (now, attempt, client) = (provider.clock.now(), taken.attempt, taken.client_id.clone());
    match outcome {
        Outcome::Confirmed => {
            tracing::info!(client, attempt, "an app confirmed a sign-out");
            provider.db.write(async move |tx| logout::confirm(tx, &taken, now).await).await.map(drop)
        }
        Outcome::Failed(why) => {
            tracing::warn!(client, attempt, why, "an app did not confirm a sign-out yet");
            let next = now.plus(backoff(attempt)).min(taken.expires_at);
            provider.db.write(async move |tx| logout::retry_at(tx, &taken, &why, next).await).await.map(drop)
        }
        Outcome::Lasting(why) => {
            let (id, event) = undelivered(provider, client, &why, now)?;
            let failed = async move |tx: &mut Tx| {
                if logout::fail(tx, &taken, &why, now).await? {
                    audits::write(tx, &id, &event).await?;
                }
                Ok(())
            };
            provider.db.write(failed).await
        }
    }
}

/// An operator finds in the audit log who was not reached.
fn undelivered(provider: &Provider, client_id: String, why: &str, now: Timestamp) -> Result<(Id, AuditEvent), Fault> {
    tracing::warn!(client = client_id, why, "gave up telling an app of a sign-out");
    let mut event = audit("logout_undelivered", "house", now);
    event.client_id = Some(client_id);
    event.detail = json!({ "why": why });
    Ok((provider.new_id()?, event))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How long an app is left alone after each failed try.
    #[test]
    fn tries_get_rarer() {
        let waits: Vec<_> = (1..=7).map(backoff).collect();
        assert_eq!(waits, [5, 30, 120, 300, 600, 600, 600]);
        assert_eq!(backoff(0), 5);
    }
}
