//! The way back: whose answer it is, used up before anything is sent anywhere, and who came with it.

use super::decide::{self, Came};
use super::depart::{Kept, LIFETIME_SECONDS};
use super::{Connected, Failed, Failure};
use crate::base::{Fault, Secret, Timestamp, base64url_decode, sha256_base64url};
use crate::endpoints::interaction::{self, Found, Outcome};
use crate::endpoints::sign_in::SignedIn;
use crate::endpoints::{Provider, Visit};
use crate::federation::{Answer, Keepsake, Trouble, UNAVAILABLE, UpstreamIdentity};
use crate::oauth::Params;
use crate::store::upstream_attempts::{self, Attempt};

/// How far the provider's clock may be from ours, in seconds, when it says how long ago somebody proved themselves.
const SKEW_SECONDS: i64 = 60;

/// Where an answer led.
pub enum Arrived {
    SignedIn(Box<SignedIn>),
    Outcome(Outcome),
    /// The account there is the person's here as well now.
    Attached,
    Failed(Failed),
}

/// The attempt that an answer is for, if its state has the shape of ours and belongs to this provider.
async fn attempt(provider: &Provider, upstream: &str, params: &Params) -> Result<Option<Attempt>, Fault> {
    let Some(state) = params.get("state") else { return Ok(None) };
    if state.len() != 43 || base64url_decode(state).is_none() {
        return Ok(None);
    }
    let found = upstream_attempts::by_state(&mut provider.db.conn(), &sha256_base64url(state)).await?;
    Ok(found.filter(|attempt| attempt.upstream_id == upstream))
}

/// Keeps an answer that came by POST, without our cookies (decision 11); false if it is for no attempt.
///
/// # Errors
/// Storage or keys failed.
pub async fn keep_answer(provider: &Provider, upstream: &str, params: &Params, now: Timestamp) -> Result<bool, Fault> {
    let Some(attempt) = attempt(provider, upstream, params).await? else { return Ok(false) };
    let pairs: Vec<(&str, &str)> = params.pairs().collect();
    let plain = serde_json::to_vec(&pairs).map_err(Fault::at("upstreams: answer"))?;
    let sealed = provider.vault.seal("upstream_attempts", "sealed_answer", attempt.id.as_str(), &plain)?;
    provider.db.write(async move |tx| upstream_attempts::keep(tx, &attempt.id, &sealed, now).await).await
}

fn kept_answer(provider: &Provider, attempt: &Attempt) -> Result<Option<Params>, Fault> {
    let Some(sealed) = &attempt.sealed_answer else { return Ok(None) };
    let plain = provider.vault.open("upstream_attempts", "sealed_answer", attempt.id.as_str(), sealed)?;
    let corrupt = || Fault::corrupt("upstream_attempts", "sealed_answer");
    let pairs: Vec<(String, String)> = serde_json::from_slice(&plain).map_err(|_| corrupt())?;
    Params::from_pairs(pairs).map(Some).map_err(|_| corrupt())
}

/// Takes an answer of a provider, in the browser that was sent there. It is used up first, so that none is ever sent to a provider
/// twice.
///
/// # Errors
/// Storage, keys or chance failed.
pub async fn arrive(provider: &Provider, upstream: &str, params: Params, visit: &Visit) -> Result<Arrived, Fault> {
    let attempt = attempt(provider, upstream, &params).await?.filter(|attempt| attempt.browser_hash == visit.browser_hash);
    let Some(attempt) = attempt else { return Ok(Arrived::Failed(Failed::bare(Failure::Foreign))) };
    let (taken, now) = (attempt.clone(), visit.now);
    let is_first = provider.db.write(async move |tx| upstream_attempts::consume(tx, &taken, now).await).await?;
    let found = interaction::reopen(provider, Some(&attempt.interaction_id), visit).await?;
    if !is_first {
        return Ok(Arrived::Failed(Failed::of(Failure::Used, None, &found)));
    }
    let Some(connected) = provider.upstream(upstream).await? else {
        return Ok(Arrived::Failed(Failed::of(Failure::Unknown, None, &found)));
    };
    let kept = Kept::open(provider, &attempt.id, &attempt.sealed)?;
    let max_age = kept.max_age;
    let answer = Answer {
        params: kept_answer(provider, &attempt)?.unwrap_or(params),
        callback: provider.issuer.join(&connected.upstream.callback_path()),
        keepsake: Keepsake { nonce: Secret::new(kept.nonce), verifier: Secret::new(kept.verifier) },
    };
    match connected.arrive(&answer, now).await {
        Ok(identity) => {
            let departed = attempt.expires_at.plus(-LIFETIME_SECONDS);
            let is_enough = max_age.is_none_or(|most| is_fresh(&identity, departed, (most, now)));
            let proved_at = identity.auth_time.map(|at| Timestamp::from_unix(at).min(now));
            decide::decide(provider, Came { connected, found, attempt, identity, proved_at, is_enough }, visit).await
        }
        Err(trouble) => Ok(Arrived::Failed(failed(&trouble, &connected, &found))),
    }
}

/// Whether the person proved themselves at most so many seconds before they were sent there, as the provider says (Core section
/// 3.1.3.7, step 13). One that does not say proves nothing.
fn is_fresh(identity: &UpstreamIdentity, departed: Timestamp, (most, now): (i64, Timestamp)) -> bool {
    let oldest = departed.unix().saturating_sub(most.saturating_add(SKEW_SECONDS));
    identity.auth_time.is_some_and(|at| (oldest..=now.plus(SKEW_SECONDS).unix()).contains(&at))
}

fn failed(trouble: &Trouble, connected: &Connected, found: &Found) -> Failed {
    let why = match trouble {
        Trouble::Down(_) | Trouble::Busy(_) => Failure::Down,
        Trouble::Refused(code) if UNAVAILABLE.contains(&code.as_str()) => Failure::Down,
        Trouble::Nonsense(_) | Trouble::Wrong(_) | Trouble::Refused(_) => Failure::Wrong,
        Trouble::Cancelled => Failure::Cancelled,
        Trouble::NotAllowed(_) => Failure::NotAllowed,
    };
    Failed::of(why, Some(connected), found)
}
