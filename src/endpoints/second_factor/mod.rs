//! The second factor: when it is asked for, what a person has, and what becomes of a first proof until it is there.
//!
//! Somebody who gave a first proof and has a second factor has no session: they hold a half one, which is an event of their
//! interaction, bound to a cookie of its own. It opens the page that asks for the second factor and nothing else, so no step
//! can be skipped by typing an address. A session that needs more for an app is raised on the same page.

mod codes;
mod counts;
mod enrol;
mod half;
mod own;
mod passkey;
mod proof;
mod raise;
mod reset;
mod sent;
mod trust;
mod verify;
mod words;

pub use crate::store::trusted_devices::TrustedDevice;
pub use codes::{make as make_codes, make_by as make_codes_by, make_first as make_first_codes};
pub use counts::Counts;
pub use enrol::{Added, Enrolling, For, adding, begin as begin_enrolment, confirm as confirm_enrolment, find as find_enrolment};
pub(super) use half::{After, after_first, begin as begin_half};
pub use half::{Asked, postpone};
pub(super) use own::passkeys_left;
pub use own::{By, Own, Removed, Way, remove, remove_by, rename};
pub use passkey::{ask as ask_for_passkey, verify as verify_passkey};
pub(super) use proof::SecondProof;
pub use reset::reset_due;
pub use sent::{Sent, is_waiting, send, send_to_confirm};
pub use trust::{Remember, forget as forget_device, list as list_devices};
pub use verify::{Typed, Verified, verify};

use super::interaction::{Found, Page};
use super::{ClientRef, Provider, Signed, Visit};
use crate::base::{Fault, Timestamp};
use crate::identity::factor::{self, Demand, Duty, Gap, Kinds, Level, Need, Policy, Standing, Wanted};
use crate::identity::recovery::RecoveryKey;
use crate::identity::totp;
use crate::identity::users::User;
use crate::notify::Channel;
use crate::oauth::FactorPolicy;
use crate::store::factor_terms;

use super::authorize::ValidRequest;

/// The second factors of the house.
pub struct House {
    pub kinds: Kinds,
    pub policy: Policy,
    pub recovery_key: RecoveryKey,
    /// The ways of codes that are sent.
    pub channels: Vec<Box<dyn Channel>>,
    /// What a passkey reaches here, as a first proof too; one factor where none is possible.
    pub by_passkey: Level,
    pub counts: Counts,
}

impl House {
    /// The most that anybody can reach here with what counts.
    pub fn offered(&self) -> Level {
        let taken = self.kinds.all().map(|kind| kind.about()).filter(|about| self.policy.takes(about.kind));
        taken.map(|about| about.level).max().unwrap_or(Level::One).max(self.by_passkey)
    }

    /// The most that anybody can reach with what is added on the way to an app: an authenticator app or a passkey. Where neither is
    /// possible nobody is sent to a page that has nothing to add.
    pub fn addable(&self) -> Level {
        let by_app = if self.policy.takes(totp::KIND) { Level::Two } else { Level::One };
        by_app.max(self.by_passkey)
    }

    /// Every `acr` that can be reached here, weakest first.
    pub fn levels(&self) -> impl Iterator<Item = Level> + use<> {
        let offered = self.offered();
        Level::ALL.into_iter().filter(move |level| *level <= offered)
    }
}

/// Means by which somebody proved who they are.
#[derive(Clone, Debug)]
pub struct Means {
    /// In the words of RFC 8176.
    pub amr: Vec<String>,
    pub level: Level,
}

impl Means {
    /// One factor.
    pub fn one(amr: &str) -> Self {
        Self { amr: vec![amr.to_owned()], level: Level::One }
    }
}

/// Whether a person has to have a second factor: for the house, a group of theirs, or this client. Not while they are given time
/// to get one.
pub(super) async fn duty(
    provider: &Provider,
    user: &User,
    client: Option<&ClientRef>,
    now: Timestamp,
) -> Result<(Duty, Option<Timestamp>), Fault> {
    let (duty, term) = duty_and_term(provider, user, client, now).await?;
    Ok((duty, term.map(Term::at)))
}

/// Until when somebody may go without what they have to have.
#[derive(Clone, Copy)]
enum Term {
    /// Nobody told them yet: the time begins when they say that they go on without.
    Unsaid(Timestamp),
    Said(Timestamp),
}

impl Term {
    const fn at(self) -> Timestamp {
        match self {
            Self::Unsaid(at) | Self::Said(at) => at,
        }
    }
}

async fn duty_and_term(
    provider: &Provider,
    user: &User,
    client: Option<&ClientRef>,
    now: Timestamp,
) -> Result<(Duty, Option<Term>), Fault> {
    let policy = &provider.factors.policy;
    if policy.demand == Demand::Off {
        return Ok((Duty::None, None));
    }
    let mut conn = provider.db.conn();
    let mut is_due = policy.demand == Demand::Required || client.is_some_and(wants_second);
    if !is_due && !policy.groups.is_empty() {
        let groups = factor_terms::groups(&mut conn, &user.id).await?;
        is_due = groups.iter().any(|group| policy.groups.contains(group));
    }
    if !is_due {
        return Ok((Duty::None, None));
    }
    // An app that wants a second factor wants it now: the time is the house's to give, for what the house wants.
    if policy.grace_seconds == 0 || client.is_some_and(wants_second) {
        return Ok((Duty::Required, Some(Term::Said(now))));
    }
    let said = factor_terms::due_at(&mut conn, &user.id).await?;
    let term = said.map_or_else(|| Term::Unsaid(now.plus(policy.grace_seconds)), Term::Said);
    Ok((Duty::Required, Some(term)))
}

/// What is missing for the request of an app (decision 8, RFC 9470).
///
/// # Errors
/// Storage failed.
pub(super) async fn gap(provider: &Provider, request: &ValidRequest, client: &ClientRef, visit: &Visit) -> Result<Gap, Fault> {
    let (wanted, offered) = (wanted(request), provider.factors.offered());
    let Some(signed) = &visit.session else {
        let nobody = Standing { level: None, device_trusted: false, own: Level::One, offered };
        return Ok(factor::gap(wanted.as_ref(), Duty::None, &nobody));
    };
    let level = Level::parse(&signed.session.acr).unwrap_or(Level::One);
    let is_quiet = wanted.as_ref().is_none_or(|wanted| wanted.levels.iter().any(|enough| level >= *enough));
    let may_be_due = level < Level::Two && !signed.session.device_trusted && may_be_due(provider, Some(client));
    if is_quiet && !may_be_due {
        return Ok(Gap::None);
    }
    of_session(provider, (signed, level), (wanted.as_ref(), Some(client)), visit.now).await
}

fn wants_second(client: &ClientRef) -> bool {
    client.client.second_factor == FactorPolicy::Required
}

fn may_be_due(provider: &Provider, client: Option<&ClientRef>) -> bool {
    let policy = &provider.factors.policy;
    policy.demand == Demand::Required || !policy.groups.is_empty() || client.is_some_and(wants_second)
}

async fn of_session(
    provider: &Provider,
    (signed, level): (&Signed, Level),
    (wanted, client): (Option<&Wanted>, Option<&ClientRef>),
    now: Timestamp,
) -> Result<Gap, Fault> {
    let own = Own::of(provider, &signed.user).await?;
    let (duty, term) = duty_and_term(provider, &signed.user, client, now).await?;
    let has_time = !own.has_any() && matches!(term, Some(Term::Said(until)) if now < until);
    let duty = if has_time { Duty::None } else { duty };
    let standing = Standing {
        level: Some(level),
        device_trusted: signed.session.device_trusted,
        own: own.level(),
        offered: provider.factors.addable(),
    };
    Ok(factor::gap(wanted, duty, &standing))
}

/// What is missing before somebody may use the pages of their own account: what the house wants of them may have changed since
/// they signed in.
///
/// # Errors
/// Storage failed.
pub async fn gap_of_account(provider: &Provider, signed: &Signed, now: Timestamp) -> Result<Gap, Fault> {
    let level = Level::parse(&signed.session.acr).unwrap_or(Level::One);
    if level >= Level::Two || signed.session.device_trusted || !may_be_due(provider, None) {
        return Ok(Gap::None);
    }
    of_session(provider, (signed, level), (None, None), now).await
}

/// The levels that a request asks for: by `claims`, which goes first, or by `acr_values`, which is voluntary (Core sections
/// 3.1.2.1 and 5.5.1.1).
fn wanted(request: &ValidRequest) -> Option<Wanted> {
    let claim = request.claims.as_ref().and_then(|claims| claims.id_token().find(|(name, _)| *name == "acr"));
    if let Some((_, want)) = claim.filter(|(_, want)| !want.values.is_empty()) {
        let levels = want.values.iter().filter_map(|value| Level::parse(value.as_str()?)).collect();
        return Some(Wanted { levels, need: if want.essential { Need::Essential } else { Need::Voluntary } });
    }
    let levels: Vec<Level> = request.acr_values.iter().filter_map(|acr| Level::parse(acr)).collect();
    (!levels.is_empty()).then_some(Wanted { levels, need: Need::Voluntary })
}

/// Whether a session may do what matters: a sign-in of the last minutes, and a second factor of the last minutes from whoever has
/// one. A remembered browser is no proof here.
///
/// # Errors
/// Storage failed.
pub async fn is_fresh(provider: &Provider, signed: &Signed, now: Timestamp) -> Result<bool, Fault> {
    if !signed.is_fresh(now) {
        return Ok(false);
    }
    let is_proved = signed.session.second_at.is_some_and(|at| now.since(at) < super::FRESH_SECONDS);
    Ok(is_proved || !Own::of(provider, &signed.user).await?.has_any())
}

/// The page that an interaction waits at because of a half session.
///
/// # Errors
/// Storage failed.
pub(super) async fn page_of_half(provider: &Provider, found: &Found, visit: &Visit) -> Result<Option<Page>, Fault> {
    let Some(asked) = Asked::by_half(provider, found, visit).await? else { return Ok(None) };
    let own = Own::of(provider, &asked.user).await?;
    if own.has_any() {
        return Ok(Some(Page::SecondFactor(Level::Two)));
    }
    let (duty, _) = duty(provider, &asked.user, None, visit.now).await?;
    if duty != Duty::Required {
        return Ok(None);
    }
    // A code by mail is enough for who has nothing else, where the house takes it.
    let has_way = !own.ways_of(provider, Level::Two, &asked).is_empty();
    Ok(Some(if has_way { Page::SecondFactor(Level::Two) } else { Page::Enrol(Level::Two) }))
}

/// Whether a person may go on without the factor that they are asked to add.
pub enum Wait {
    No,
    Until(Timestamp),
    Forever,
}

/// # Errors
/// Storage failed.
pub async fn may_wait(provider: &Provider, found: &Found, asked: &Asked, visit: &Visit) -> Result<Wait, Fault> {
    if !asked.is_half() {
        let outcome = super::interaction::look(provider, found, visit).await?;
        if matches!(outcome, super::interaction::Outcome::Page { page: Page::Offer(_), .. }) {
            return Ok(Wait::Forever);
        }
        // What an app demands in so many words has no time, and what was said before is over.
        if !is_of_the_house(found) {
            return Ok(Wait::No);
        }
    }
    let client = found.client.as_ref().filter(|_| !asked.is_half());
    let (_, term) = duty_and_term(provider, &asked.user, client, visit.now).await?;
    Ok(term.map(Term::at).filter(|until| visit.now < *until).map_or(Wait::No, Wait::Until))
}

/// Whether what is missing for this errand can only be what the house wants.
fn is_of_the_house(found: &Found) -> bool {
    match &found.errand {
        super::interaction::Errand::App(request) => wanted(request).is_none_or(|wanted| wanted.need == Need::Voluntary),
        _ => true,
    }
}

/// Until when somebody may still go without the second factor that the house wants of them; nothing if that is not so.
///
/// # Errors
/// Storage failed.
pub async fn grace(provider: &Provider, signed: &Signed, now: Timestamp) -> Result<Option<Timestamp>, Fault> {
    let (duty, until) = duty(provider, &signed.user, None, now).await?;
    let Some(until) = until.filter(|until| duty == Duty::Required && now < *until) else { return Ok(None) };
    Ok((!Own::of(provider, &signed.user).await?.has_any()).then_some(until))
}

/// Whether the house wants a person to have a second factor, so that their last one stays.
///
/// # Errors
/// Storage failed.
pub async fn is_needed(provider: &Provider, signed: &Signed, now: Timestamp) -> Result<bool, Fault> {
    Ok(duty(provider, &signed.user, None, now).await?.0 == Duty::Required)
}
