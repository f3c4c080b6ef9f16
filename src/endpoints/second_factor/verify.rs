//! A second factor that was typed: charged, compared, and used up with what it opens.

use super::half::{Asked, By};
use super::proof::{Ground, Used};
use super::raise::raise;
use super::sent;
use super::trust::{NewDevice, Remember};
use super::words::{Change, tell};
use super::{Means, Own, SecondProof};
use crate::base::{Fault, Id};
use crate::endpoints::interaction::{Found, Outcome, Page, look};
use crate::endpoints::sign_in::{Entry, Proof, SignedIn, establish, record_throttled_second};
use crate::endpoints::{Provider, Visit, audit_at};
use crate::identity::factor::{self, EMAIL, Factor, Level, Proving, RECOVERY};
use crate::identity::guesses::{self, Charged, Subject};
use crate::identity::recovery;
use crate::identity::users::User;
use crate::store::audit as audits;
use crate::store::factor_challenges::Challenge;
use crate::store::known_devices;

/// What a person typed, and by which way.
pub struct Typed<'a> {
    pub way: &'a str,
    pub code: &'a str,
    /// Whether this browser is to be remembered; only where there is no session yet.
    pub remember: Remember,
}

/// What became of it.
pub enum Verified {
    In(Box<SignedIn>),
    Wrong,
    Throttled {
        retry_after_seconds: i64,
    },
    /// The page asks for something else by now.
    Elsewhere(Outcome),
}

/// What a right code is worth, or what an authenticator signed.
pub(super) struct Right {
    pub used: Used,
    /// In the words of RFC 8176.
    pub amr: Vec<String>,
    pub level: Level,
}

/// Takes a second factor, for a half session or for one that needs more.
///
/// # Errors
/// Storage, keys or chance failed.
pub async fn verify(provider: &Provider, found: Found, typed: Typed<'_>, visit: &Visit) -> Result<Verified, Fault> {
    let kind = typed.way;
    let verified = try_out(provider, found, typed, visit).await?;
    provider.factors.counts.count_tried(kind, &verified);
    Ok(verified)
}

async fn try_out(provider: &Provider, found: Found, typed: Typed<'_>, visit: &Visit) -> Result<Verified, Fault> {
    let level = match look(provider, &found, visit).await? {
        Outcome::Page { page: Page::SecondFactor(level), .. } => level,
        outcome => return Ok(Verified::Elsewhere(outcome)),
    };
    let Some(asked) = Asked::of(provider, &found, visit).await? else {
        return Ok(Verified::Elsewhere(look(provider, &found, visit).await?));
    };
    let own = Own::of(provider, &asked.user).await?;
    if !own.ways_of(provider, level, &asked).iter().any(|way| way.kind == typed.way) {
        return Ok(Verified::Wrong);
    }
    let place = Place { user: &asked.user, own: &own, asked_by: &found.id };
    let waiting = sent::waiting(provider, (place.user, typed.way, place.asked_by), visit).await?;
    let subjects = match charge(provider, place.user, waiting.as_ref(), visit).await? {
        Ok(subjects) => subjects,
        Err(retry_after_seconds) => {
            record_throttled_second(provider, found.client.as_ref(), &asked.user, visit).await?;
            return Ok(Verified::Throttled { retry_after_seconds });
        }
    };
    let Some(right) = compare(provider, &place, (&typed, waiting), visit).await? else { return Ok(Verified::Wrong) };
    let device = match typed.remember {
        Remember::Yes if asked.is_half() => NewDevice::new(provider, &asked.user.id, visit)?,
        _ => None,
    };
    let signed_in = go_on(provider, found, (asked, own), (right, subjects, device), visit).await?;
    Ok(signed_in.map_or(Verified::Wrong, |signed_in| Verified::In(Box::new(signed_in))))
}

/// Charges a guess before anything is compared (decision 28), at a code that was sent if one waits; the inner error is how many
/// seconds to wait.
pub(super) async fn charge(
    provider: &Provider,
    user: &User,
    waiting: Option<&Challenge>,
    visit: &Visit,
) -> Result<Result<Vec<Subject>, i64>, Fault> {
    // Knowing a browser by its first proof alone is not enough: each new password by mail would bring ten more guesses.
    let is_known = known_devices::has_proved_second(&mut provider.db.conn(), &user.id, &visit.browser_hash).await?;
    let known = is_known.then_some(visit.browser_hash.as_str());
    let mut subjects = guesses::second_factor_subjects(&user.id, known);
    subjects.extend(waiting.map(|challenge| guesses::sent_code_subject(&challenge.id)));
    let (charged, now) = (subjects.clone(), visit.now);
    Ok(match provider.db.write(async move |tx| guesses::charge(tx, &charged, now).await).await? {
        Charged::Taken => Ok(subjects),
        Charged::Throttled { retry_after_seconds } => Err(retry_after_seconds),
    })
}

/// Who guesses, and where.
struct Place<'a> {
    user: &'a User,
    own: &'a Own,
    asked_by: &'a Id,
}

async fn compare(
    provider: &Provider,
    place: &Place<'_>,
    (typed, waiting): (&Typed<'_>, Option<Challenge>),
    visit: &Visit,
) -> Result<Option<Right>, Fault> {
    if typed.way == RECOVERY {
        let code = provider.factors.recovery_key.find(&mut provider.db.conn(), &place.user.id, typed.code).await?;
        return Ok(code.map(|id| Right { used: Used::RecoveryCode(id), amr: vec![recovery::AMR.to_owned()], level: Level::Two }));
    }
    let is_right = |challenge: &Challenge| provider.code_key.is(&challenge.id, typed.code, &challenge.code_tag);
    if typed.way == EMAIL {
        let right = waiting.filter(is_right);
        let used = |challenge: Challenge| Used::Challenge { id: challenge.id, factor: None };
        return Ok(right.map(|challenge| Right {
            used: used(challenge),
            amr: vec![recovery::AMR.to_owned()],
            level: Level::Two,
        }));
    }
    let Some(kind) = provider.factors.kinds.find(typed.way) else { return Ok(None) };
    let about = kind.about();
    if matches!(about.proving, Proving::Sent { .. }) {
        let right = waiting.filter(|challenge| challenge.factor_id.is_some() && is_right(challenge));
        let used = |challenge: Challenge| Used::Challenge { id: challenge.id, factor: challenge.factor_id };
        return Ok(right.map(|challenge| Right { used: used(challenge), amr: vec![about.amr.to_owned()], level: about.level }));
    }
    for own in place.own.factors.iter().filter(|factor| factor.kind == typed.way) {
        let Some(secret) = open(provider, own, visit).await? else { continue };
        if let Some(step) = kind.check(&secret, typed.code, visit.now) {
            let used = Used::Step { factor: own.id.clone(), step };
            return Ok(Some(Right { used, amr: vec![about.amr.to_owned()], level: about.level }));
        }
    }
    Ok(None)
}

/// What a factor works with. One that does not open is as good as none: it is told to the log and the audit log, and the others
/// still work (MF-10). A row that was sealed under a key that is not here is trouble of ours.
pub(super) async fn open(
    provider: &Provider,
    own: &Factor,
    visit: &Visit,
) -> Result<Option<crate::base::Secret<Vec<u8>>>, Fault> {
    let fault = match provider.vault.open("factors", "sealed", own.id.as_str(), &own.sealed) {
        Ok(secret) => return Ok(Some(crate::base::Secret::new(secret))),
        Err(fault) => fault,
    };
    if !provider.vault.has_key_of(&own.sealed) {
        return Err(fault);
    }
    tracing::error!(factor = own.id.as_str(), fault = %fault, "a second factor cannot be read");
    let mut record = audit_at("factor_broken", "house", visit);
    record.user_id = Some(own.user_id.clone());
    record.detail = serde_json::json!({ "kind": own.kind });
    let id = provider.new_id()?;
    provider.db.write(async move |tx| audits::write(tx, &id, &record).await).await?;
    Ok(None)
}

pub(super) async fn go_on(
    provider: &Provider,
    found: Found,
    (asked, own): (Asked, Own),
    (right, subjects, device): (Right, Vec<Subject>, Option<NewDevice>),
    visit: &Visit,
) -> Result<Option<SignedIn>, Fault> {
    let Asked { user, by } = asked;
    let told = match &right.used {
        Used::RecoveryCode(_) => {
            let change = Change::RecoveryUsed { left: own.codes.count.saturating_sub(1) };
            Some(("recovery_code_used", tell(provider, &user, &change, visit)?))
        }
        _ => None,
    };
    let first = match &by {
        By::Half(half) => half.amr.clone(),
        By::Session(signed) => signed.session.amr.clone(),
    };
    let amr = right.amr.iter().fold(first, |all, word| factor::amr(&all, word));
    let means = Means { amr, level: right.level };
    let ground = match &by {
        By::Half(half) => half.ground(provider).await?,
        By::Session(_) => Ground::default(),
    };
    let mut proof = SecondProof::new(ground, right.used, subjects).remembered(device);
    if let Some((kind, mail)) = told {
        let detail = serde_json::json!({ "user_agent": visit.user_agent });
        proof = proof.told(provider, (kind, detail, mail), (&user, visit))?;
    }
    match by {
        By::Half(half) => {
            let entry = Entry { user, means, proof: Proof::Second(Box::new(proof)), stay: half.stay };
            establish(provider, found, entry, visit).await
        }
        By::Session(signed) => raise(provider, Some(found), (&signed, means), proof, visit).await,
    }
}
