//! The way there: a state that is good once, for this browser, this provider and this interaction.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Connected, Failed, Failure, Stop};
use crate::base::{Fault, Id, Secret, sha256_base64url};
use crate::cache::{Bucket, RetryAfter, Rule};
use crate::endpoints::authorize::{Reason, ValidRequest};
use crate::endpoints::interaction::{self, Errand, Found, Outcome, Page};
use crate::endpoints::{Provider, Visit};
use crate::federation::{Health, Keepsake, Wish};
use crate::store::upstream_attempts::{self, Attempt};

/// Seconds that a person has at the provider: they may have to find their telephone, or make an account there.
pub(super) const LIFETIME_SECONDS: i64 = 1800;

/// How often one person, or one browser in which nobody is signed in, may go to a provider: each time is a row that waits for them.
const DEPARTURES: Rule = Rule::per_hour(100);

/// An age that any sign-in has, in seconds: a hundred years.
const ANY_AGE_SECONDS: i64 = 3_155_760_000;

/// What the person goes there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    SignIn,
    /// To attach the account there to theirs here; their sign-in is fresh.
    Attach,
}

/// Where the browser goes.
pub enum Departed {
    /// To the provider.
    Away(String),
    /// There is nothing to sign in for any more.
    Outcome(Outcome),
    Failed(Failed),
}

/// What is kept of an attempt, sealed.
#[derive(Serialize, Deserialize)]
pub(super) struct Kept {
    pub nonce: String,
    pub verifier: String,
    /// How old the proof there may be, in seconds, if that was asked for.
    pub max_age: Option<i64>,
}

/// The way past the sign-in page: to the provider that the app asked for, or to the only one where there is no other way to sign
/// in. It is for the first page alone, so that whoever turns back finds the other ways.
///
/// # Errors
/// Storage failed.
pub async fn straight(provider: &Provider, found: &Found, outcome: Outcome, visit: &Visit) -> Result<Outcome, Fault> {
    let Outcome::Page { page: Page::SignIn(_), .. } = outcome else { return Ok(outcome) };
    let client = found.client.as_ref().map(|client| client.client.client_id.as_str());
    let hint = match &found.errand {
        Errand::App(request) => request.idp_hint.as_deref(),
        _ => None,
    };
    let hinted = match hint {
        Some(id) => provider.upstream(id).await?.filter(|connected| connected.upstream.is_open_to(client)),
        None => None,
    };
    let buttons = provider.upstream_buttons(found, visit.now).await?;
    let to = match (&hinted, buttons.as_slice()) {
        (Some(connected), _) => Some(connected.button(visit.now)),
        (None, [_]) if !provider.has_own_sign_in() => buttons.into_iter().next(),
        _ => None,
    };
    Ok(match to.filter(|button| button.health == Health::Up) {
        Some(button) => Outcome::Page { interaction: found.id.clone(), page: Page::Upstream(Stop::Straight(button.id)) },
        None => outcome,
    })
}

/// Sends a person to a provider.
///
/// # Errors
/// Storage, keys or chance failed.
pub async fn depart(provider: &Provider, found: &Found, id: &str, aim: Aim, visit: &Visit) -> Result<Departed, Fault> {
    let client = found.client.as_ref().map(|client| client.client.client_id.as_str());
    let Some(connected) = provider.upstream(id).await?.filter(|connected| connected.upstream.is_open_to(client)) else {
        return Ok(Departed::Failed(Failed::of(Failure::Unknown, None, found)));
    };
    let again = match aim {
        Aim::Attach => false,
        Aim::SignIn => match interaction::look(provider, found, visit).await? {
            Outcome::Page { page: Page::SignIn(reason), .. } => {
                matches!(reason, Reason::Again | Reason::Confirm) || wants_proof(found)
            }
            Outcome::Page {
                page: Page::Choose | Page::SignUp | Page::CheckMail | Page::Consent(_) | Page::Upstream(_), ..
            } => wants_proof(found),
            outcome => return Ok(Departed::Outcome(outcome)),
        },
    };
    if let Err(retry) = charge(provider, visit).await {
        return Ok(Departed::Outcome(Outcome::TooMany(retry)));
    }
    let wish = wish(provider, &connected, found, again)?;
    let departure = match connected.depart(&wish, visit.now).await {
        Ok(departure) => departure,
        Err(trouble) => {
            let why = if trouble.is_down() { Failure::Down } else { Failure::Wrong };
            return Ok(Departed::Failed(Failed::of(why, Some(&connected), found)));
        }
    };
    let attempt = attempt(provider, &connected, (found, aim), &wish, visit)?;
    let now = visit.now;
    provider.db.write(async move |tx| upstream_attempts::insert(tx, &attempt, now).await).await?;
    Ok(Departed::Away(departure.url))
}

/// A stranger can have any number of browsers, so their network counts as well.
async fn charge(provider: &Provider, visit: &Visit) -> Result<(), RetryAfter> {
    let who = visit.session.as_ref().map_or(visit.browser_hash.as_str(), |signed| signed.user.id.as_str());
    let strangers = if visit.session.is_some() { Rule::per_hour(0) } else { provider.policy.strangers_visits };
    let buckets = [Bucket::of_text("departures", who, DEPARTURES), Bucket::of_network("departures", visit.address, strangers)];
    provider.buckets.charge(&buckets, visit.now).await.map(drop)
}

/// Whether this errand wants a new proof from whoever comes, also where nobody is signed in here: they may be there.
fn wants_proof(found: &Found) -> bool {
    match &found.errand {
        Errand::App(request) => request.prompt.has_login(),
        Errand::StepUp(_) => true,
        Errand::Account | Errand::SignOut(_) => false,
    }
}

/// What the app asked for travels along where a provider may understand it.
fn wish(provider: &Provider, connected: &Arc<Connected>, found: &Found, again: bool) -> Result<Wish, Fault> {
    let request = match &found.errand {
        Errand::App(request) => Some(request),
        _ => None,
    };
    // A provider that is asked for an age says a time (Core section 2).
    let any_age = found.needs_auth_time().then_some(ANY_AGE_SECONDS);
    let hint = found.waiting().and_then(|waiting| waiting.address);
    Ok(Wish {
        callback: provider.issuer.join(&connected.upstream.callback_path()),
        state: Secret::new(provider.random.token()?),
        keepsake: Keepsake { nonce: Secret::new(provider.random.token()?), verifier: Secret::new(provider.random.token()?) },
        again,
        max_age: if again { Some(0) } else { request.and_then(|request| request.max_age).or(any_age) },
        login_hint: hint.or_else(|| request.and_then(|request| request.login_hint.clone())),
        ui_locales: request.and_then(|request| request.ui_locales.clone()),
        acr_values: request.filter(|_| connected.upstream.second_factor.is_on()).map(|r| acr_values(r)).unwrap_or_default(),
    })
}

/// The values of `acr` that the app asks for: by `claims`, which goes first, or by `acr_values` (Core sections 3.1.2.1 and 5.5.1.1).
fn acr_values(request: &ValidRequest) -> Vec<String> {
    let wanted = request.claims.iter().flat_map(|claims| claims.id_token()).filter(|(name, _)| *name == "acr");
    let by_claims: Vec<_> =
        wanted.flat_map(|(_, want)| &want.values).filter_map(|value| value.as_str().map(str::to_owned)).collect();
    if by_claims.is_empty() { request.acr_values.clone() } else { by_claims }
}

fn attempt(
    provider: &Provider,
    connected: &Connected,
    (found, aim): (&Found, Aim),
    wish: &Wish,
    visit: &Visit,
) -> Result<Attempt, Fault> {
    let id = provider.new_id()?;
    let kept = Kept {
        nonce: wish.keepsake.nonce.expose().clone(),
        verifier: wish.keepsake.verifier.expose().clone(),
        max_age: wish.max_age,
    };
    let kept = serde_json::to_vec(&kept).map_err(Fault::at("upstreams: attempt"))?;
    Ok(Attempt {
        state_hash: sha256_base64url(wish.state.expose()),
        upstream_id: connected.upstream.id.clone(),
        browser_hash: visit.browser_hash.clone(),
        interaction_id: found.id.clone(),
        session_id: if aim == Aim::Attach { visit.session_id().cloned() } else { None },
        sealed: provider.vault.seal("upstream_attempts", "sealed", id.as_str(), &kept)?,
        sealed_answer: None,
        expires_at: visit.now.plus(LIFETIME_SECONDS),
        used_at: None,
        id,
    })
}

impl Kept {
    pub(super) fn open(provider: &Provider, id: &Id, sealed: &str) -> Result<Self, Fault> {
        let plain = provider.vault.open("upstream_attempts", "sealed", id.as_str(), sealed)?;
        serde_json::from_slice(&plain).map_err(|_| Fault::corrupt("upstream_attempts", "sealed"))
    }
}
