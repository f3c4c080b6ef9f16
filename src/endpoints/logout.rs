//! RP-initiated logout (OpenID Connect RP-Initiated Logout 1.0).
//!
//! A hint that names the session ends it at once. Everything else asks the person first, and a redirect goes only to an
//! address that is registered, byte for byte.

use serde::{Deserialize, Serialize};

use super::farewell::{self, Parting};
use super::interaction::{self, Errand, Outcome};
use super::{ClientRef, Provider, Signed, Visit, audit_at, upstreams};
use crate::base::Fault;
use crate::identity::sessions;
use crate::oauth::Params;
use crate::store::audit as audits;
use crate::tokens::Hint;

/// The longest `state` that goes back to the client, in bytes.
const LONGEST_STATE: usize = 2048;

/// Where a person goes after signing out.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Farewell {
    pub client_id: Option<String>,
    /// Registered for that client; with the state already in it.
    pub redirect: Option<String>,
}

/// What a logout request led to.
pub enum Logout {
    /// The session, if there was one, is over.
    Done(Parting),
    /// The person is asked at this interaction.
    Ask(Outcome),
}

/// Answers a logout request.
///
/// # Errors
/// Storage or chance failed.
pub async fn logout(provider: &Provider, params: &Params, visit: &Visit) -> Result<Logout, Fault> {
    let sent_hint = params.get("id_token_hint");
    let hint = sent_hint.and_then(|hint| provider.verifier.hint(hint, visit.now));
    let named = params.get("client_id").or(hint.as_ref().map(|h| h.aud.as_str()));
    let client = match named {
        Some(client_id) => provider.registry.client(&provider.db, client_id).await?,
        None => None,
    };
    let farewell = farewell(params, client.as_ref());
    let trusted = is_trusted(hint.as_ref(), client.as_ref(), params);
    // A hint that is not ours, or that names somebody else, leads nowhere: the person is asked and stays here.
    let redirects = farewell.redirect.is_some() || params.get("post_logout_redirect_uri").is_none();
    let wrong_hint = sent_hint.is_some() && !trusted;
    let farewell = if wrong_hint { Farewell::default() } else { farewell };
    match &visit.session {
        None if trusted && redirects => Ok(Logout::Done(Parting::of(&farewell))),
        None if sent_hint.is_none() && params.get("post_logout_redirect_uri").is_none() => Ok(Logout::Done(Parting::Page(None))),
        Some(signed) if trusted && redirects && names(provider, hint.as_ref(), signed).await? => {
            Ok(Logout::Done(sign_out(provider, signed, &farewell, visit).await?))
        }
        _ => Ok(Logout::Ask(interaction::begin(provider, Errand::SignOut(farewell), visit).await?)),
    }
}

/// The hint is ours and of the client that the request names.
fn is_trusted(hint: Option<&Hint>, client: Option<&ClientRef>, params: &Params) -> bool {
    hint.is_some_and(|hint| {
        client.is_some_and(|c| c.client.client_id == hint.aud) && params.get("client_id").is_none_or(|id| id == hint.aud)
    })
}

async fn names(provider: &Provider, hint: Option<&Hint>, signed: &Signed) -> Result<bool, Fault> {
    let Some(hint) = hint else { return Ok(false) };
    match &hint.sid {
        Some(sid) => Ok(*sid == signed.session.sid),
        None => provider.is_named(hint, &signed.user).await,
    }
}

fn farewell(params: &Params, client: Option<&ClientRef>) -> Farewell {
    let Some(client) = client else { return Farewell::default() };
    let state = params.get("state").filter(|state| state.len() <= LONGEST_STATE);
    let redirect = params
        .get("post_logout_redirect_uri")
        .filter(|sent| client.client.post_logout_redirect_uris.iter().any(|uri| uri.as_str() == *sent))
        .and_then(|sent| with_state(sent, state));
    Farewell { client_id: Some(client.client.client_id.clone()), redirect }
}

fn with_state(uri: &str, state: Option<&str>) -> Option<String> {
    let Some(state) = state else { return Some(uri.to_owned()) };
    let mut url = url::Url::parse(uri).ok()?;
    url.query_pairs_mut().append_pair("state", state);
    Some(url.into())
}

/// Ends a session and what was not meant to outlive it, and says where the browser goes then.
///
/// # Errors
/// Storage or chance failed.
pub async fn sign_out(provider: &Provider, signed: &Signed, farewell: &Farewell, visit: &Visit) -> Result<Parting, Fault> {
    let mut event = audit_at("sign_out", signed.user.id.as_str(), visit);
    event.user_id = Some(signed.user.id.clone());
    let (id, session, now) = (provider.new_id()?, signed.session.id.clone(), visit.now);
    let (mut parting, mut row) = farewell::prepare(provider, vec![signed.session.clone()], farewell, visit).await?;
    // On the way to the provider that the person came from, what follows here has to be kept.
    let leaving = upstreams::leaving(provider, &signed.session).await?;
    if leaving.is_some() && row.is_none() {
        row = farewell::row(provider, vec![signed.session.clone()], farewell, visit)?;
    }
    let kept = row.as_ref().map(|row| row.id.clone());
    provider
        .db
        .write(async move |tx| {
            sessions::end(tx, &session, now).await?;
            farewell::keep(tx, row.as_ref()).await?;
            audits::write(tx, &id, &event).await
        })
        .await?;
    // It is over here, whatever comes of it there, and whether or not the browser waits for that.
    if let (Some(leaving), Some(kept)) = (leaving, kept)
        && let Some(url) = leaving.url(provider, &kept, now).await
    {
        parting = Parting::Redirect(url);
    }
    Ok(parting)
}
