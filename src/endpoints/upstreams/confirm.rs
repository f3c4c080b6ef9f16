//! "Connect it?": somebody came from a provider with the proved address of an account here, and signed in to that account. Only
//! now, and only if they say so, the two belong together (decision 17).

use super::decide::open_arrival;
use super::{Stop, Waiting};
use crate::base::{Fault, Id};
use crate::endpoints::accounts::{self, Recipient};
use crate::endpoints::authorize::Reason;
use crate::endpoints::interaction::{Found, Outcome, Page, look};
use crate::endpoints::{Provider, Visit, audit_at, second_factor};
use crate::identity::linking;
use crate::identity::sessions;
use crate::identity::users::{self, User};
use crate::notify::Letter;
use crate::oauth::Lang;
use crate::store::audit::{self as audits, AuditEvent};
use crate::store::interactions::{self, Event, EventKind};
use crate::store::outbox::{self, NewMail};
use crate::store::upstream_attempts;

/// What the person says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connecting {
    Yes,
    No,
}

/// The question, while it waits for the person who is signed in.
pub fn connecting(found: &Found, visit: &Visit) -> Option<Waiting> {
    match super::pending(found, visit) {
        Some(Page::Upstream(Stop::Connect)) => found.waiting(),
        _ => None,
    }
}

/// Takes the answer and goes on. `asked` is the arrival that the page asked about: to any other one nothing was said, and the page
/// comes again.
///
/// # Errors
/// Storage, keys or chance failed.
pub async fn answer(
    provider: &Provider,
    mut found: Found,
    (said, asked): (Connecting, &str),
    visit: &Visit,
) -> Result<Outcome, Fault> {
    let waiting = connecting(&found, visit).filter(|waiting| waiting.arrival.as_str() == asked);
    let (Some(waiting), Some(signed)) = (waiting, visit.session.clone()) else {
        return look(provider, &found, visit).await;
    };
    // Whoever is in by a remembered browser alone connects nothing.
    if said == Connecting::Yes && !second_factor::is_fresh(provider, &signed, visit.now).await? {
        return Ok(Outcome::Page { interaction: found.id.clone(), page: Page::SignIn(Reason::Again) });
    }
    let arrival = match said {
        Connecting::Yes => open_arrival(provider, &waiting.arrival, visit).await?,
        Connecting::No => None,
    };
    let answered =
        Event { kind: EventKind::Connected, session_id: signed.session.id.clone(), detail: waiting.arrival.as_str().to_owned() };
    let row = match &arrival {
        Some((upstream, from)) => {
            let identity = linking::row(provider.new_id()?, &signed.user.id, from, upstream, visit.now);
            Some((
                identity,
                event(&signed.user, upstream, visit),
                notice(provider, &signed.user, (Told::Connected, &waiting.upstream), visit)?,
            ))
        }
        None => None,
    };
    let ids = (provider.new_id()?, provider.new_id()?);
    let (interaction, added, now) = (found.id.clone(), answered.clone(), visit.now);
    provider
        .db
        .write(async move |tx| {
            // The person first, as everywhere, or PostgreSQL would find deadlocks.
            users::hold(tx, &signed.user.id).await?;
            sessions::still_open(tx, &signed.session.id, now).await?;
            interactions::add_event(tx, &ids.0, &interaction, &added, now).await?;
            let is_first = upstream_attempts::consume_arrival(tx, &waiting.arrival, now).await?;
            if let Some((identity, event, notice)) = row.filter(|_| is_first)
                && linking::attach(tx, &identity).await?
            {
                audits::write(tx, &ids.1, &event).await?;
                if let Some(mail) = &notice {
                    outbox::enqueue(tx, mail, now).await?;
                }
            }
            Ok(())
        })
        .await?;
    found.push(answered);
    look(provider, &found, visit).await
}

/// The line in the history of the person.
pub(super) fn event(user: &User, upstream: &str, visit: &Visit) -> AuditEvent {
    let mut event = audit_at("identity_connected", user.id.as_str(), visit);
    event.user_id = Some(user.id.clone());
    event.detail = serde_json::json!({ "upstream": upstream, "user_agent": visit.user_agent });
    event
}

/// What became of an account elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Connected,
    Disconnected,
}

/// What the person hears of it by mail, whoever did it.
pub(super) fn notice(
    provider: &Provider,
    user: &User,
    (told, upstream): (Told, &str),
    visit: &Visit,
) -> Result<Option<NewMail>, Fault> {
    let Some(to) = Recipient::of(user, visit.lang).filter(|_| provider.post.is_on()) else { return Ok(None) };
    let what = match (told, to.lang) {
        (Told::Disconnected, Lang::En) => format!("{upstream} was disconnected: it no longer signs you in to your account."),
        (Told::Disconnected, Lang::De) => format!("{upstream} wurde getrennt: Es meldet Sie nicht mehr in Ihrem Konto an."),
        (Told::Connected, Lang::En) => {
            format!("{upstream} was connected: whoever is signed in there can sign in to your account.")
        }
        (Told::Connected, Lang::De) => {
            format!("{upstream} wurde verbunden: Wer dort angemeldet ist, kann sich in Ihrem Konto anmelden.")
        }
    };
    let letter = Letter::FactorChanged { what, at: visit.now, reset_link: provider.issuer.join("/forgot-password") };
    accounts::notice(provider, &to, letter, visit.now).map(Some)
}

impl Waiting {
    /// Which arrival it is.
    pub const fn arrival(&self) -> &Id {
        &self.arrival
    }
}
