//! A first proof that is not enough: who gave it, in which browser, and for which errand. It is an event of the interaction and
//! counts for a quarter of an hour, for whoever holds the cookie that came with it.

use serde::{Deserialize, Serialize};

use super::proof::Ground;
use super::{Means, Own, SecondProof, Wait, trust};
use crate::base::{Fault, Id, Secret, Timestamp, sha256_base64url};
use crate::endpoints::interaction::{Errand, Found, Outcome, look};
use crate::endpoints::sign_in::{Entry, Pass, Proof, SignedIn, Stay, establish};
use crate::endpoints::upstreams::Origin;
use crate::endpoints::{Provider, Signed, Visit, audit_at};
use crate::identity::factor::{Demand, Duty, Level};
use crate::identity::users::User;
use crate::store::interactions::{self, Event, EventKind};
use crate::store::{Tx, audit as audits, factor_terms, passwords, users as people};

/// Seconds for which a first proof waits for the second.
const HALF_SECONDS: i64 = 900;

/// What is remembered of a first proof.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Half {
    pub user: Id,
    pub amr: Vec<String>,
    pub stay: Stay,
    /// The hash of the cookie that came with it.
    token: String,
    /// The hash of the hash of the password that was right, if it was one: a password that was changed since is no proof.
    password: Option<String>,
    /// The other provider that vouched for the person, if one did.
    #[serde(default)]
    origin: Option<Origin>,
    /// The generation of those who came in as this person: once whoever did is made a stranger, so is whoever holds this.
    #[serde(default)]
    generation: i64,
    at: Timestamp,
}

/// What comes after a first proof.
pub(in crate::endpoints) enum After {
    /// A session; the second factor may have been left out because of a remembered browser.
    Session { trusted: Option<Id> },
    /// The second factor.
    Half,
}

/// Says what comes after a first proof.
///
/// # Errors
/// Storage failed.
pub(in crate::endpoints) async fn after_first(
    provider: &Provider,
    found: &Found,
    (user, means, own): (&User, &Means, Own),
    visit: &Visit,
) -> Result<After, Fault> {
    let is_enough = means.level >= Level::Two || provider.factors.policy.demand == Demand::Off;
    if is_enough {
        return Ok(After::Session { trusted: None });
    }
    if own.has_any() {
        // What matters on the pages of the account is never done on the strength of a browser alone, and neither is another account
        // connected to this one.
        let takes_trust = matches!(found.errand, Errand::App(_) | Errand::Account) && found.waiting().is_none();
        let trusted = if takes_trust { trust::of(provider, &user.id, visit).await? } else { None };
        return Ok(trusted.map_or(After::Half, |id| After::Session { trusted: Some(id) }));
    }
    let (duty, _) = super::duty(provider, user, None, visit.now).await?;
    Ok(if duty == Duty::Required { After::Half } else { After::Session { trusted: None } })
}

/// Remembers a first proof, with its grounds used up, and goes on to the second. Nothing if the grounds are gone.
///
/// # Errors
/// Storage, keys or chance failed.
pub(in crate::endpoints) async fn begin(
    provider: &Provider,
    mut found: Found,
    entry: Entry,
    visit: &Visit,
) -> Result<Option<SignedIn>, Fault> {
    let Entry { user, means, proof, stay } = entry;
    let token = provider.random.token()?;
    let hash = sha256_base64url(&token);
    let password = match &proof {
        Proof::Password { phc } => Some(sha256_base64url(phc)),
        // Proving the address made it the password of the account.
        Proof::SignedUp(_, detail) => Some(sha256_base64url(&detail.phc)),
        _ => None,
    };
    let origin = proof.origin().cloned();
    let (amr, token_hash) = (means.amr.clone(), hash.clone());
    let mut half = Half { user: user.id.clone(), amr, stay, token: token_hash, password, origin, generation: 0, at: visit.now };
    let mut record = audit_at("first_proof", user.id.as_str(), visit);
    record.user_id = Some(user.id.clone());
    record.client_id = found.client.as_ref().map(|c| c.client.client_id.clone());
    record.detail = serde_json::json!({ "amr": means.amr, "user_agent": visit.user_agent });
    let ids = (provider.new_id()?, provider.new_id()?);
    let (interaction, here, now) = (found.id.clone(), visit.clone(), visit.now);
    let taken = provider
        .db
        .write(async move |tx| {
            if !proof.take(tx, &user, &here).await? {
                return Ok(None);
            }
            // The proof itself may have begun another.
            let Some(generation) = people::generation(tx, &user.id).await? else { return Ok(None) };
            half.generation = generation;
            let detail = serde_json::to_string(&half).map_err(Fault::at("second_factor: half"))?;
            let event = Event { kind: EventKind::FirstProof, session_id: Id::from_stored(""), detail };
            interactions::add_event(tx, &ids.0, &interaction, &event, now).await?;
            audits::write(tx, &ids.1, &record).await?;
            Ok(Some(event))
        })
        .await?;
    let Some(event) = taken else { return Ok(None) };
    found.events.push(event);
    let after = Visit { half_hash: Some(hash), ..visit.clone() };
    let outcome = look(provider, &found, &after).await?;
    Ok(Some(SignedIn { pass: Pass::Half { token: Secret::new(token) }, outcome }))
}

/// Who is asked for a second factor, and on what grounds.
pub struct Asked {
    pub user: User,
    pub(super) by: By,
}

pub(super) enum By {
    Half(Box<Half>),
    Session(Box<Signed>),
}

impl Asked {
    /// Whoever holds the half session of this interaction, or the session of this browser.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn of(provider: &Provider, found: &Found, visit: &Visit) -> Result<Option<Self>, Fault> {
        if let Some(asked) = Self::by_half(provider, found, visit).await? {
            return Ok(Some(asked));
        }
        let by_session = |signed: &Signed| Self { user: signed.user.clone(), by: By::Session(Box::new(signed.clone())) };
        Ok(visit.session.as_ref().map(by_session))
    }

    pub(super) async fn by_half(provider: &Provider, found: &Found, visit: &Visit) -> Result<Option<Self>, Fault> {
        let Some(half) = half_of(found, visit) else { return Ok(None) };
        let mut conn = provider.db.conn();
        if let Some(digest) = &half.password {
            let phc = passwords::of(&mut conn, &half.user).await?;
            if phc.is_none_or(|phc| sha256_base64url(&phc) != *digest) {
                return Ok(None);
            }
        }
        let user = people::of_generation(&mut conn, &half.user, half.generation).await?.filter(User::is_open);
        Ok(user.map(|user| Self { user, by: By::Half(Box::new(half)) }))
    }

    /// How the first proof was given.
    pub(super) fn first_amr(&self) -> &[String] {
        match &self.by {
            By::Half(half) => &half.amr,
            By::Session(signed) => &signed.session.amr,
        }
    }

    /// The generation of those who came in as the person by which the first proof stands, where there is no session yet.
    pub const fn generation(&self) -> Option<i64> {
        match &self.by {
            By::Half(half) => Some(half.generation),
            By::Session(_) => None,
        }
    }

    /// Whether the person has no session yet.
    pub const fn is_half(&self) -> bool {
        matches!(self.by, By::Half(_))
    }
}

/// The first proof of this interaction that belongs to the cookie of this browser.
fn half_of(found: &Found, visit: &Visit) -> Option<Half> {
    let token = visit.half_hash.as_deref()?;
    let proofs = found.events.iter().filter(|event| event.kind == EventKind::FirstProof);
    let halves = proofs.filter_map(|event| serde_json::from_str::<Half>(&event.detail).ok());
    let mut live = halves.filter(|half| half.token == token && visit.now.since(half.at) < HALF_SECONDS);
    live.next()
}

/// The person goes on without the second factor that they were offered, or that they may still go without for a while.
///
/// # Errors
/// Storage, keys or chance failed.
pub async fn postpone(provider: &Provider, mut found: Found, visit: &Visit) -> Result<Option<SignedIn>, Fault> {
    let Some(asked) = Asked::of(provider, &found, visit).await? else { return Ok(None) };
    if Own::of(provider, &asked.user).await?.has_any() {
        return Ok(None);
    }
    let due = match super::may_wait(provider, &found, &asked, visit).await? {
        Wait::No => return Ok(None),
        Wait::Forever => None,
        Wait::Until(due) => Some(due),
    };
    match asked.by {
        By::Half(half) => {
            let Some(until) = due else { return Ok(None) };
            let means = Means { amr: half.amr.clone(), level: Level::One };
            let stay = half.stay;
            let proof = SecondProof::postponed(half.ground(provider).await?, until);
            let entry = Entry { user: asked.user, means, proof: Proof::Second(Box::new(proof)), stay };
            establish(provider, found, entry, visit).await
        }
        By::Session(signed) => {
            let event = Event { kind: EventKind::Postponed, session_id: signed.session.id.clone(), detail: String::new() };
            let (id, interaction, added, now) = (provider.new_id()?, found.id.clone(), event.clone(), visit.now);
            let user = asked.user.id.clone();
            let postponed = async move |tx: &mut Tx| {
                if let Some(due) = due {
                    factor_terms::set_due(tx, &user, due).await?;
                }
                interactions::add_event(tx, &id, &interaction, &added, now).await
            };
            provider.db.write(postponed).await?;
            found.events.push(event);
            let outcome: Outcome = look(provider, &found, visit).await?;
            Ok(Some(SignedIn { pass: Pass::Kept, outcome }))
        }
    }
}

impl Half {
    /// What it rests on: the password that was right, as it is stored now (the transaction looks whether it still stands).
    pub(super) async fn ground(&self, provider: &Provider) -> Result<Ground, Fault> {
        let password = match &self.password {
            Some(_) => passwords::of(&mut provider.db.conn(), &self.user).await?,
            None => None,
        };
        Ok(Ground { password, origin: self.origin.clone(), generation: Some(self.generation) })
    }
}
