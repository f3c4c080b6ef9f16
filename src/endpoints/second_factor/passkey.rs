//! A passkey, or a security key, as the second factor. Nothing is typed, so nothing can be guessed and nothing is charged (decision 28).

use serde_json::Value;

use super::Own;
use super::half::Asked;
use super::own::kind_of;
use super::proof::Used;
use super::trust::{NewDevice, Remember};
use super::verify::{Right, Verified, go_on};
use crate::base::Fault;
use crate::endpoints::interaction::{Found, Outcome, Page, look};
use crate::endpoints::passkeys::{asked as question, keep, record_copy};
use crate::endpoints::{Provider, Visit};
use crate::identity::factor::Level;
use crate::identity::passkeys::{Assertion, Purpose, Refused};
use crate::identity::users::User;
use crate::store::passkeys as stored;
use crate::store::passkeys::{Owned, Passkey};

/// The level that an interaction waits for, with the person and what they have; nothing if it waits for something else.
async fn waiting(provider: &Provider, found: &Found, visit: &Visit) -> Result<Option<(Level, Asked, Own)>, Fault> {
    let Outcome::Page { page: Page::SecondFactor(level), .. } = look(provider, found, visit).await? else { return Ok(None) };
    let Some(asked) = Asked::of(provider, found, visit).await? else { return Ok(None) };
    let own = Own::of(provider, &asked.user).await?;
    Ok(Some((level, asked, own)))
}

/// The passkeys of a kind by which somebody may go on.
fn of_kind(provider: &Provider, (own, level): (&Own, Level), kind: &str) -> Vec<Passkey> {
    let is_way = own.ways(provider, level).iter().any(|way| way.kind == kind);
    own.passkeys.iter().filter(|passkey| is_way && kind_of(passkey) == kind).cloned().collect()
}

/// Asks for one of the passkeys of whoever an interaction waits for; nothing if it waits for something else.
///
/// # Errors
/// Storage or the library failed.
pub async fn ask(provider: &Provider, found: &Found, kind: &str, visit: &Visit) -> Result<Option<Value>, Fault> {
    let Some((level, _, own)) = waiting(provider, found, visit).await? else { return Ok(None) };
    let known = of_kind(provider, (&own, level), kind);
    let Some(house) = provider.passkeys.as_ref().filter(|_| !known.is_empty()) else { return Ok(None) };
    keep(provider, house.ask_for_one_of(&known)?, (Purpose::Factor, found.id.as_str()), visit).await.map(Some)
}

/// Takes what an authenticator signed, for a half session or for one that needs more.
///
/// # Errors
/// Storage, keys or chance failed.
pub async fn verify(
    provider: &Provider,
    found: Found,
    (kind, answer, remember): (&str, &str, Remember),
    visit: &Visit,
) -> Result<Verified, Fault> {
    let verified = try_out(provider, found, (kind, answer, remember), visit).await?;
    provider.factors.counts.count_tried(kind, &verified);
    Ok(verified)
}

async fn try_out(
    provider: &Provider,
    found: Found,
    (kind, answer, remember): (&str, &str, Remember),
    visit: &Visit,
) -> Result<Verified, Fault> {
    let Some((level, asked, own)) = waiting(provider, &found, visit).await? else {
        return Ok(Verified::Elsewhere(look(provider, &found, visit).await?));
    };
    let known = of_kind(provider, (&own, level), kind);
    let Some(right) = right(provider, (&found, known, &asked.user), answer, visit).await? else { return Ok(Verified::Wrong) };
    let device = match remember {
        Remember::Yes if asked.is_half() => NewDevice::new(provider, &asked.user.id, visit)?,
        _ => None,
    };
    let signed_in = go_on(provider, found, (asked, own), (right, Vec::new(), device), visit).await?;
    Ok(signed_in.map_or(Verified::Wrong, |signed_in| Verified::In(Box::new(signed_in))))
}

/// What an answer is worth, if it holds.
async fn right(
    provider: &Provider,
    (found, known, user): (&Found, Vec<Passkey>, &User),
    answer: &str,
    visit: &Visit,
) -> Result<Option<Right>, Fault> {
    let (Some(house), Ok(answer)) = (&provider.passkeys, Assertion::parse(answer)) else { return Ok(None) };
    let challenge = question(provider, answer.challenge(), (Purpose::Factor, found.id.as_str()), visit).await?;
    let passkey = known.into_iter().find(|own| own.credential_id == answer.credential_id());
    let handle = stored::handle(&mut provider.db.conn(), &user.id).await?;
    let (Some(challenge), Some(passkey), Some(handle)) = (challenge, passkey, handle) else { return Ok(None) };
    if answer.is_from_another(&handle) {
        return Ok(None);
    }
    let verified = match house.factor(&answer, &challenge.state, &passkey)? {
        Ok(verified) => verified,
        Err(Refused::Invalid) => return Ok(None),
        Err(Refused::CounterWentBack) => {
            let owned = Owned { passkey, handle, user: user.clone() };
            record_copy(provider, challenge, owned, visit).await?;
            return Ok(None);
        }
    };
    let level = if verified.user_verified { Level::Resistant } else { Level::Two };
    let amr = verified.amr();
    let used = Used::Passkey { challenge: challenge.challenge, id: passkey.id, signed: verified.signed };
    Ok(Some(Right { used, amr, level }))
}
