//! Who came back, and what that means here: somebody who is known, somebody who wants to attach an account, somebody whose address
//! has an account, or somebody new.

use std::sync::Arc;

use super::confirm::{Told, notice};
use super::grounds::{Act, Grounds, Proved};
use super::{Arrived, Connected, Failed, Failure, Waiting, Why};
use crate::base::{Fault, Id, Timestamp, public_id};
use crate::endpoints::accounts;
use crate::endpoints::interaction::{AccountPage, Errand, Found, Outcome, look};
use crate::endpoints::second_factor;
use crate::endpoints::sign_in::{Entry, Proof, Stay, establish};
use crate::endpoints::{Provider, Visit, audit_at};
use crate::federation::{Upstream, UpstreamIdentity};
use crate::identity::linking::{self, Identity};
use crate::identity::users::{self, NewUser, User, domain_key, email_key};
use crate::store::audit::{self as audits, AuditEvent};
use crate::store::upstream_attempts::{self, Arrival, Attempt};
use crate::store::{interactions, passkeys, passwords};

/// What the log says of a domain that the operator did not allow.
const OTHER_DOMAIN: &str = "their address is of another domain, or not proved";

/// What the log says where a time is asked for that nobody knows.
const UNDATED: &str = "it does not say that they proved themselves just now, and here they cannot";

/// Seconds that somebody who came back has for what they have to do here.
const ARRIVAL_SECONDS: i64 = 3600;

/// Somebody who came back.
pub(super) struct Came {
    pub connected: Arc<Connected>,
    pub found: Found,
    pub attempt: Attempt,
    pub identity: UpstreamIdentity,
    /// When they proved themselves there, if the provider says so.
    pub proved_at: Option<Timestamp>,
    /// Whether that is as fresh as the errand wants it.
    pub is_enough: bool,
}

/// The proved address of an identity, as it was written and as it is compared.
fn proved_address(identity: &UpstreamIdentity) -> Option<(String, String)> {
    let email = identity.email.as_ref().filter(|_| identity.email_verified)?;
    Some((email.clone(), email_key(email)?))
}

/// Whether the operator lets people with this identity in at all.
pub(super) fn is_welcome(upstream: &Upstream, address: Option<&str>) -> bool {
    let domain = address.and_then(|key| key.rsplit_once('@')).map(|(_, domain)| domain);
    upstream.domains.is_empty()
        || domain.is_some_and(|domain| upstream.domains.iter().any(|known| domain_key(known).as_deref() == Some(domain)))
}

/// Whether they are in one of the operator's groups.
fn belongs(upstream: &Upstream, identity: &UpstreamIdentity) -> bool {
    upstream.groups.is_empty() || identity.groups.iter().any(|own| upstream.groups.contains(own))
}

/// # Errors
/// Storage, keys or chance failed.
pub(super) async fn decide(provider: &Provider, came: Came, visit: &Visit) -> Result<Arrived, Fault> {
    let failed = |why, trouble: &str| {
        tracing::warn!(upstream = came.connected.upstream.id, trouble, "a sign-in by an upstream did not succeed");
        Ok(Arrived::Failed(Failed::of(why, Some(&came.connected), &came.found)))
    };
    let address = proved_address(&came.identity);
    let key = address.as_ref().map(|(_, key)| key.as_str());
    // An address that is not proved may still be given and proved here, if its domain is a right one.
    let upstream = &came.connected.upstream;
    if address.is_some() && !is_welcome(upstream, key) {
        return failed(Failure::NotAllowed, OTHER_DOMAIN);
    }
    if !belongs(upstream, &came.identity) {
        return failed(Failure::NotAllowed, "they are in none of the groups");
    }
    if came.attempt.session_id.is_some() {
        return attach(provider, came, visit).await;
    }
    let known = linking::find(&mut provider.db.conn(), &came.identity).await?;
    if let Some((_, user)) = known {
        // An address that they proved here counts as well as one that they proved there.
        let own = user.email.as_deref().filter(|_| user.email_verified).and_then(email_key);
        if address.is_none() && !is_welcome(upstream, own.as_deref()) {
            return failed(Failure::NotAllowed, OTHER_DOMAIN);
        }
        return match (user.is_open(), came.is_enough) {
            (false, _) => failed(Failure::Closed, "their account here is closed"),
            (true, true) => come_by(provider, came, user, visit).await,
            (true, false) if can_confirm(provider, &user).await? => wait(provider, came, (Some(user), Why::Stale), visit).await,
            // The house asks for itself, and nobody but the provider can say who they are: they would never get in again.
            (true, false) if is_wish_of_house(&came.found) => {
                come_by(provider, Came { proved_at: None, ..came }, user, visit).await
            }
            (true, false) => failed(Failure::Stale, UNDATED),
        };
    }
    let holder = match &address {
        // Who signed up with it and never proved it has no right to it.
        Some((email, _)) => users::by_login(&mut provider.db.conn(), email).await?.filter(|holder| holder.verify_by.is_none()),
        None => None,
    };
    match (holder, address) {
        (Some(holder), _) => wait(provider, came, (Some(holder), Why::Unknown), visit).await,
        (None, _) if !upstream.auto_register.is_on() => failed(Failure::NoAccount, "no account is made for newcomers"),
        (None, Some((_, key))) if !provider.policy.accounts.takes(&key) => {
            failed(Failure::NotAllowed, "sign_up.domains does not have their domain")
        }
        (None, Some((email, _))) if came.is_enough => register(provider, came, email, visit).await,
        // A mail proves them as well as it proves an address.
        (None, Some(_)) if !provider.post.is_on() => failed(Failure::Stale, UNDATED),
        (None, Some(_)) => wait(provider, came, (None, Why::Undated), visit).await,
        (None, None) if provider.post.is_on() => wait(provider, came, (None, Why::Unknown), visit).await,
        (None, None) => failed(Failure::NoAccount, "it gave no proved address, and no mail can be sent"),
    }
}

fn row(provider: &Provider, user: &Id, came: &Came, visit: &Visit) -> Result<Identity, Fault> {
    Ok(linking::row(provider.new_id()?, user, &came.identity, &came.connected.upstream.id, visit.now))
}

/// A person who is known by this identity.
async fn come_by(provider: &Provider, came: Came, user: User, visit: &Visit) -> Result<Arrived, Fault> {
    let identity = row(provider, &user.id, &came, visit)?;
    let upstream = &came.connected.upstream;
    let own = user.email.as_deref().and_then(email_key).filter(|_| !user.address_proved_here);
    let there = proved_address(&came.identity).filter(|_| came.identity.email_authoritative);
    let proves = own.filter(|own| there.is_some_and(|(_, key)| key == *own));
    let act = Act::ComeBy { user: Box::new(user.clone()), proves };
    let grounds = Grounds::new(provider, (identity, act, came.proved_at), &came.identity, upstream)?;
    let entry = entry(user, grounds);
    Ok(match establish(provider, came.found.clone(), entry, visit).await? {
        Some(signed_in) => Arrived::SignedIn(Box::new(signed_in)),
        None => Arrived::Failed(Failed::of(Failure::Closed, Some(&came.connected), &came.found)),
    })
}

/// Somebody new, whose address the provider vouches for. If they were made by another answer at this very moment, they are known.
async fn register(provider: &Provider, came: Came, email: String, visit: &Visit) -> Result<Arrived, Fault> {
    let from = (&came.identity, came.proved_at);
    let entry = newcomer(provider, from, (&came.connected.upstream, email), None, visit)?;
    if let Some(signed_in) = establish(provider, came.found.clone(), entry, visit).await? {
        return Ok(Arrived::SignedIn(Box::new(signed_in)));
    }
    match linking::find(&mut provider.db.conn(), &came.identity).await? {
        Some((_, user)) if user.is_open() => come_by(provider, came, user, visit).await,
        _ => Ok(Arrived::Failed(Failed::of(Failure::Used, Some(&came.connected), &came.found))),
    }
}

/// The entry that makes an account with this address; `proved` uses up what proved it, if the provider did not.
pub(super) fn newcomer(
    provider: &Provider,
    (from, proved_at): (&UpstreamIdentity, Option<Timestamp>),
    (upstream, email): (&Upstream, String),
    proved: Option<Proved>,
    visit: &Visit,
) -> Result<Entry, Fault> {
    let is_proved = proved.is_some() || from.email_authoritative;
    let (new, event) = new_user(provider, from, (upstream, email, is_proved), visit)?;
    let user = accounts::to_be(&new, visit);
    let identity = linking::row(provider.new_id()?, &new.id, from, &upstream.id, visit.now);
    let grounds = Grounds::new(
        provider,
        (identity, Act::Register { new: Box::new(new), event: Box::new(event), proved: proved.map(Box::new) }, proved_at),
        from,
        upstream,
    )?;
    Ok(entry(user, grounds))
}

fn entry(user: User, grounds: Grounds) -> Entry {
    Entry { user, means: grounds.means().clone(), proof: Proof::Upstream(Box::new(grounds)), stay: Stay::Remembered }
}

fn new_user(
    provider: &Provider,
    from: &UpstreamIdentity,
    (upstream, email, is_proved): (&Upstream, String, bool),
    visit: &Visit,
) -> Result<(NewUser, (Id, AuditEvent)), Fault> {
    let new = NewUser {
        id: provider.new_id()?,
        sub: public_id(&provider.random)?,
        email: Some(email),
        email_verified: true,
        address_proved_here: is_proved,
        claims: from.claims.clone(),
        verify_by: None,
    };
    let mut event = audit_at("account_made_by_upstream", new.id.as_str(), visit);
    event.user_id = Some(new.id.clone());
    event.detail = serde_json::json!({ "upstream": upstream.id, "user_agent": visit.user_agent });
    Ok((new, (provider.new_id()?, event)))
}

/// Whether the new proof is wanted by the house alone, and no app waits for its time.
fn is_wish_of_house(found: &Found) -> bool {
    match &found.errand {
        Errand::App(request) => !request.prompt.has_login() && request.max_age.is_none() && !found.needs_auth_time(),
        Errand::StepUp(_) | Errand::Account | Errand::SignOut(_) => true,
    }
}

/// Whether a person can prove themselves here, without another provider.
async fn can_confirm(provider: &Provider, user: &User) -> Result<bool, Fault> {
    let open = provider.open_ways().await?;
    if provider.sign_in_by_mail() && user.email.is_some() {
        return Ok(true);
    }
    let mut conn = provider.db.conn();
    let has_password = open.password && passwords::of(&mut conn, &user.id).await?.is_some();
    Ok(has_password || open.passkeys && passkeys::list(&mut conn, &user.id).await?.iter().any(|own| own.signs_in))
}

/// Keeps who came until they did what is to be done here first.
async fn wait(provider: &Provider, came: Came, (holder, why): (Option<User>, Why), visit: &Visit) -> Result<Arrived, Fault> {
    let Came { connected, mut found, identity, .. } = came;
    let id = provider.new_id()?;
    let own = holder.as_ref().filter(|_| why == Why::Stale).and_then(|user| user.email.clone());
    let waiting = Waiting {
        arrival: id.clone(),
        user: holder.map(|holder| holder.id),
        upstream: connected.upstream.name.clone(),
        shown: identity.shown(),
        address: own.or_else(|| identity.email.clone()),
        why,
    };
    let plain = serde_json::to_vec(&(&connected.upstream.id, &identity)).map_err(Fault::at("upstreams: arrival"))?;
    let arrival = Arrival {
        interaction_id: found.id.clone(),
        browser_hash: visit.browser_hash.clone(),
        sealed: provider.vault.seal("upstream_arrivals", "sealed", id.as_str(), &plain)?,
        expires_at: visit.now.plus(ARRIVAL_SECONDS),
        used_at: None,
        id,
    };
    let event = waiting.event()?;
    let (event_id, interaction, added, now) = (provider.new_id()?, found.id.clone(), event.clone(), visit.now);
    provider
        .db
        .write(async move |tx| {
            upstream_attempts::insert_arrival(tx, &arrival).await?;
            interactions::add_event(tx, &event_id, &interaction, &added, now).await
        })
        .await?;
    found.push(event);
    Ok(Arrived::Outcome(look(provider, &found, visit).await?))
}

/// Who waits, opened again, with the provider that they came from; nothing if it is too late, or was done already.
pub(super) async fn open_arrival(
    provider: &Provider,
    id: &Id,
    visit: &Visit,
) -> Result<Option<(String, UpstreamIdentity)>, Fault> {
    let arrival = upstream_attempts::arrival(&mut provider.db.conn(), id).await?;
    let is_good = |arrival: &Arrival| {
        arrival.browser_hash == visit.browser_hash && arrival.used_at.is_none() && visit.now < arrival.expires_at
    };
    let Some(arrival) = arrival.filter(is_good) else { return Ok(None) };
    let plain = provider.vault.open("upstream_arrivals", "sealed", arrival.id.as_str(), &arrival.sealed)?;
    serde_json::from_slice(&plain).map(Some).map_err(|_| Fault::corrupt("upstream_arrivals", "sealed"))
}

/// The person who is signed in wants the account there to be theirs here: the very session that began this, still fresh.
async fn attach(provider: &Provider, came: Came, visit: &Visit) -> Result<Arrived, Fault> {
    let signed = visit.session.as_ref().filter(|signed| came.attempt.session_id.as_ref() == Some(&signed.session.id));
    let Some(signed) = signed else { return Ok(Arrived::Failed(Failed::bare(Failure::Foreign))) };
    if !second_factor::is_fresh(provider, signed, visit.now).await? {
        return Ok(Arrived::Outcome(Outcome::AccountPage(AccountPage::Identities)));
    }
    let identity = row(provider, &signed.user.id, &came, visit)?;
    let notice = notice(provider, &signed.user, (Told::Connected, &came.connected.upstream.name), visit)?;
    let event = super::confirm::event(&signed.user, &came.connected.upstream.id, visit);
    let (event_id, session, now) = (provider.new_id()?, signed.session.id.clone(), visit.now);
    let done = provider
        .db
        .write(async move |tx| {
            // The person first, as everywhere, or PostgreSQL would find deadlocks.
            users::hold(tx, &identity.user_id).await?;
            crate::identity::sessions::still_open(tx, &session, now).await?;
            if !linking::attach(tx, &identity).await? {
                return Ok(false);
            }
            if let Some(mail) = &notice {
                crate::store::outbox::enqueue(tx, mail, now).await?;
            }
            audits::write(tx, &event_id, &event).await?;
            Ok(true)
        })
        .await?;
    if done {
        return Ok(Arrived::Attached);
    }
    // It may have been theirs before.
    match linking::find(&mut provider.db.conn(), &came.identity).await? {
        Some((_, user)) if user.id == signed.user.id => Ok(Arrived::Attached),
        _ => Ok(Arrived::Failed(Failed::of(Failure::Taken, Some(&came.connected), &came.found))),
    }
}
