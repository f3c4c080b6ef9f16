//! Adding a factor: what it works with is made and sealed, shown once, and counts when a code has confirmed it.

use super::half::{Asked, By};
use super::own::tidy_name;
use super::proof::{Ground, Used};
use super::raise::raise;
use super::sent;
use super::verify::{charge, open};
use super::words::{self, Change, tell};
use super::{Means, Own, SecondProof};
use crate::base::{Fault, Id, Secret};
use crate::endpoints::interaction::{Found, Outcome, Page, look};
use crate::endpoints::sign_in::{Entry, Proof, SignedIn, establish};
use crate::endpoints::{Provider, Signed, Visit};
use crate::identity::factor::{self, Begun, Factor, Level, Proving};
use crate::identity::users::{self, User};
use crate::store::factor_challenges::Challenge;
use crate::store::factors::{self, PENDING_SECONDS};

/// Something that waits to be confirmed.
pub struct Enrolling {
    pub factor: Factor,
    pub secret: Secret<Vec<u8>>,
}

/// What became of a wish to add one.
pub enum Added {
    /// It counts, and whoever added it has shown it: on to where they came from.
    In(Box<SignedIn>),
    Wrong,
    Throttled {
        retry_after_seconds: i64,
    },
    /// It waited too long, or was confirmed before.
    Gone,
}

/// Begins to add one of a kind; nothing if the house does not take the kind, or the person has enough of it, or what they typed
/// will not do.
///
/// # Errors
/// Storage, keys or chance failed.
pub async fn begin(
    provider: &Provider,
    user: &User,
    (kind, typed): (&str, &str),
    visit: &Visit,
) -> Result<Option<Enrolling>, Fault> {
    let Some(kind) = provider.factors.kinds.find(kind).filter(|kind| provider.factors.policy.takes(kind.about().kind)) else {
        return Ok(None);
    };
    let about = kind.about();
    let own = Own::of(provider, user).await?;
    if own.factors.iter().filter(|factor| factor.kind == about.kind).count() >= about.most {
        return Ok(None);
    }
    let Begun::Draft { secret, name } = kind.begin(typed, &provider.random)? else { return Ok(None) };
    let id = provider.new_id()?;
    let factor = Factor {
        sealed: provider.vault.seal("factors", "sealed", id.as_str(), secret.expose())?,
        id,
        user_id: user.id.clone(),
        kind: about.kind.to_owned(),
        name,
        last_step: -1,
        created_at: visit.now,
        confirmed_at: None,
        last_used_at: None,
    };
    let stored = factor.clone();
    let insert = provider.db.write(async move |tx| {
        users::hold(tx, &stored.user_id).await?;
        factors::insert_pending(tx, &stored).await
    });
    insert.await?;
    Ok(Some(Enrolling { factor, secret }))
}

/// What a person began to add, while it waits.
///
/// # Errors
/// Storage or keys failed.
pub async fn find(provider: &Provider, user: &User, id: &Id, visit: &Visit) -> Result<Option<Enrolling>, Fault> {
    let found = factors::find(&mut provider.db.conn(), id, &user.id).await?;
    let waits = |factor: &Factor| factor.confirmed_at.is_none() && visit.now.since(factor.created_at) < PENDING_SECONDS;
    let Some(factor) = found.filter(waits) else { return Ok(None) };
    Ok(open(provider, &factor, visit).await?.map(|secret| Enrolling { factor, secret }))
}

/// For whom something is added: for an interaction that waits for it, or on the pages of the account.
pub enum For {
    Interaction(Found),
    Account(Box<Signed>),
}

/// Who may add something on the way to an app, and of which level it has to be; nobody whose account has a second factor that was not
/// shown for this session.
///
/// # Errors
/// Storage, keys or chance failed.
pub async fn adding(provider: &Provider, found: &Found, visit: &Visit) -> Result<Option<(Asked, Level)>, Fault> {
    let Outcome::Page { page: Page::Enrol(level) | Page::Offer(level), .. } = look(provider, found, visit).await? else {
        return Ok(None);
    };
    let Some(asked) = Asked::of(provider, found, visit).await? else { return Ok(None) };
    let is_proved = match &asked.by {
        By::Session(signed) => Level::parse(&signed.session.acr).is_some_and(|reached| reached >= Level::Two),
        By::Half(_) => false,
    };
    let may_add = is_proved || !Own::of(provider, &asked.user).await?.has_any();
    Ok(may_add.then_some((asked, level)))
}

/// Confirms it with a code. Whoever calls has seen to it that the sign-in is fresh.
///
/// # Errors
/// Storage, keys or chance failed.
pub async fn confirm(
    provider: &Provider,
    place: For,
    (enrolling, code, name): (Enrolling, &str, &str),
    visit: &Visit,
) -> Result<Added, Fault> {
    let (asked, level) = match &place {
        For::Interaction(found) => match adding(provider, found, visit).await? {
            Some((asked, level)) => (Some(asked), level),
            None => (None, Level::One),
        },
        For::Account(signed) => (Some(Asked { user: signed.user.clone(), by: By::Session(signed.clone()) }), Level::One),
    };
    let Some(Asked { user, by }) = asked.filter(|asked| asked.user.id == enrolling.factor.user_id) else {
        return Ok(Added::Gone);
    };
    let kind = provider.factors.kinds.find(&enrolling.factor.kind).filter(|kind| kind.about().level >= level);
    let Some(kind) = kind else { return Ok(Added::Gone) };
    let waiting = sent::waiting(provider, (&user, &enrolling.factor.kind, &enrolling.factor.id), visit).await?;
    let subjects = match charge(provider, &user, waiting.as_ref(), visit).await? {
        Ok(subjects) => subjects,
        Err(retry_after_seconds) => return Ok(Added::Throttled { retry_after_seconds }),
    };
    let is_right = |challenge: &Challenge| provider.code_key.is(&challenge.id, code, &challenge.code_tag);
    let shown = match kind.about().proving {
        Proving::Computed => kind.check(&enrolling.secret, code, visit.now).map(Shown::Step),
        Proving::Sent { .. } => waiting.filter(is_right).map(|challenge| Shown::Sent(challenge.id)),
    };
    let Some(shown) = shown else { return Ok(Added::Wrong) };
    let mut factor = enrolling.factor;
    factor.name = match tidy_name(name) {
        Some(name) => name,
        None => default_name(provider, &factor, visit).await?,
    };
    let change = Change::Added { kind: factor.kind.clone(), name: factor.name.clone() };
    let mail = tell(provider, &user, &change, visit)?;
    let detail = serde_json::json!({ "kind": factor.kind, "user_agent": visit.user_agent });
    let about = kind.about();
    let (first, ground, stay) = match &by {
        By::Half(half) => (half.amr.clone(), half.ground(provider).await?, Some(half.stay)),
        By::Session(signed) => (signed.session.amr.clone(), Ground::default(), None),
    };
    let means = Means { amr: factor::amr(&first, about.amr), level: about.level };
    let factor = Box::new(factor);
    let used = match shown {
        Shown::Step(step) => Used::Confirmed { factor, step, most: about.most },
        Shown::Sent(challenge) => Used::ConfirmedBy { factor, challenge, most: about.most },
    };
    let proof = SecondProof::new(ground, used, subjects);
    let proof = proof.told(provider, ("factor_added", detail, mail), (&user, visit))?;
    let done = match (by, stay, place) {
        (By::Half(_), Some(stay), For::Interaction(found)) => {
            let entry = Entry { user, means, proof: Proof::Second(Box::new(proof)), stay };
            establish(provider, found, entry, visit).await?
        }
        (By::Session(signed), _, For::Interaction(found)) => raise(provider, Some(found), (&signed, means), proof, visit).await?,
        (By::Session(signed), _, For::Account(_)) => raise(provider, None, (&signed, means), proof, visit).await?,
        (By::Half(_), ..) => None,
    };
    Ok(done.map_or(Added::Gone, |signed_in| Added::In(Box::new(signed_in))))
}

/// What confirmed it.
enum Shown {
    Step(i64),
    Sent(Id),
}

/// What it is called if the person gives it no name: what the kind itself made up, or the word for the kind, with a number from the
/// second on.
async fn default_name(provider: &Provider, factor: &Factor, visit: &Visit) -> Result<String, Fault> {
    if !factor.name.is_empty() {
        return Ok(factor.name.clone());
    }
    let word = words::kind(provider, &factor.kind, visit.lang);
    let own = factors::list_for_user(&mut provider.db.conn(), &factor.user_id).await?;
    let numbered = (2..).map(|number: usize| format!("{word} {number}"));
    let free = std::iter::once(word.clone()).chain(numbered).find(|name| own.iter().all(|other| other.name != *name));
    Ok(free.unwrap_or(word))
}
