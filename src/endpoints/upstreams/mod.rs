//! Signing in by another provider: there with a state that is good once, back with somebody who is vouched for, and then a
//! decision about an account here. What an app asked for is kept throughout: it is the interaction.
//!
//! Nothing of an identity is believed but what its connector verified; an address alone never opens an account (decision 17).

mod arrive;
mod confirm;
mod connected;
mod decide;
mod depart;
mod farewell;
mod first;
mod grounds;
mod own;

pub use arrive::{Arrived, arrive, keep_answer};
pub use confirm::{Connecting, answer as answer_connecting, connecting};
pub use connected::{Button, Connected, Upstreams};
pub use depart::{Aim, Departed, depart, straight};
pub(super) use farewell::leaving;
pub use farewell::{Heard, heard};
pub use first::{GiveAddress, asked, find as find_first, finish as finish_by_link, finish_by_code, give_address};
pub(super) use grounds::{Grounds, Origin};
pub use own::{Detached, Own, OwnIdentity, detach, own};

use serde::{Deserialize, Serialize};

use super::interaction::{Found, Outcome, Page};
use super::{ClientRef, Visit};
use crate::base::{Fault, Id, Timestamp};
use crate::endpoints::authorize::Reason;
use crate::store::interactions::{Event, EventKind};
use crate::store::upstream_attempts as rows;

/// Where somebody stops on the way to a provider and back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Nowhere: straight to this provider.
    Straight(String),
    /// They say whether to connect the accounts.
    Connect,
    /// They give the address that the provider did not.
    GiveAddress,
}

/// Why nobody is signed in, in a way that has words for the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// There is no such provider, or not for this app.
    Unknown,
    /// The answer belongs to no attempt of this browser.
    Foreign,
    /// The attempt was used already, or took too long.
    Used,
    /// The provider does not answer, or said that it cannot.
    Down,
    /// What it answered is not right.
    Wrong,
    /// The person turned back there.
    Cancelled,
    /// The provider, or the operator, does not let this person in.
    NotAllowed,
    /// There is no account here, and none is made.
    NoAccount,
    /// The person is to prove themselves anew, which the provider does not say that they did, and cannot do so here.
    Stale,
    /// The account here may not be used.
    Closed,
    /// The identity belongs to somebody else here.
    Taken,
}

/// A failure with what its page shows.
pub struct Failed {
    pub why: Failure,
    /// The name of the provider.
    pub upstream: Option<String>,
    /// Where the person may try another way.
    pub interaction: Option<Id>,
    pub client: Option<ClientRef>,
}

impl Failed {
    fn bare(why: Failure) -> Self {
        Self { why, upstream: None, interaction: None, client: None }
    }

    fn of(why: Failure, upstream: Option<&Connected>, found: &Found) -> Self {
        let upstream = upstream.map(|connected| connected.upstream.name.clone());
        Self { why, upstream, interaction: Some(found.id.clone()), client: found.client.clone() }
    }
}

/// Somebody who was vouched for and has to do something here first: the detail of an event of the interaction.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Waiting {
    arrival: Id,
    /// Whose account has the address, if anybody's: they are to sign in and say whether to connect it.
    user: Option<Id>,
    /// The name of the provider.
    pub upstream: String,
    /// What the person is called there.
    pub shown: String,
    pub address: Option<String>,
    #[serde(default)]
    why: Why,
}

impl Waiting {
    /// Whether a mail is to prove when they proved themselves, and not only their address.
    pub fn is_undated(&self) -> bool {
        self.why == Why::Undated
    }
}

/// Why somebody waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Why {
    /// Their account there is no account here yet.
    #[default]
    Unknown,
    /// The same; their address is proved there, but not when they proved themselves, which is wanted: a mail does both.
    Undated,
    /// It is, and the provider does not say that they proved themselves there just now, which is wanted: they do so here.
    Stale,
}

impl Found {
    /// Takes note of what was just stored.
    fn push(&mut self, event: Event) {
        self.events.push(event);
    }

    /// The sign-in page of this interaction.
    fn sign_in(&self) -> Outcome {
        Outcome::Page { interaction: self.id.clone(), page: Page::SignIn(Reason::NoSession) }
    }

    /// The provider and the address of who came with the address of an account here, and has not signed in to that yet.
    pub fn connect_first(&self) -> Option<(String, String)> {
        let waiting = self.waiting().filter(|waiting| waiting.user.is_some() && waiting.why == Why::Unknown)?;
        Some((waiting.upstream, waiting.address?))
    }

    /// The provider, and the address here, of who came by an account of theirs and has to prove themselves here as well.
    pub fn confirm_first(&self) -> Option<(String, Option<String>)> {
        let waiting = self.waiting().filter(|waiting| waiting.why == Why::Stale)?;
        Some((waiting.upstream, waiting.address))
    }

    /// Whether this person came by an account elsewhere that is theirs here, and has to prove themselves here as well.
    pub(in crate::endpoints) fn is_confirming(&self, user: &Id) -> bool {
        self.waiting().is_some_and(|waiting| waiting.why == Why::Stale && waiting.user.as_ref() == Some(user))
    }

    /// Whether the app has registered to be told when the person proved themselves (`require_auth_time`).
    fn needs_auth_time(&self) -> bool {
        self.client.as_ref().is_some_and(|client| client.client.require_auth_time)
    }

    /// Who waits, if the question was not answered yet.
    pub fn waiting(&self) -> Option<Waiting> {
        let answered = |id: &Id| self.events.iter().any(|e| e.kind == EventKind::Connected && e.detail == id.as_str());
        let last = self.events.iter().rev().find(|event| event.kind == EventKind::Arrived)?;
        let waiting: Waiting = serde_json::from_str(&last.detail).ok()?;
        (!answered(&waiting.arrival)).then_some(waiting)
    }
}

/// The page that an interaction stops at because somebody came back from a provider.
pub(super) fn pending(found: &Found, visit: &Visit) -> Option<Page> {
    let waiting = found.waiting()?;
    let here = visit.session.as_ref().filter(|signed| found.signed_in(&signed.session.id));
    if waiting.why == Why::Stale {
        return here.is_none().then_some(Page::SignIn(Reason::Confirm));
    }
    match (&waiting.user, here) {
        (Some(user), Some(signed)) if signed.user.id == *user => Some(Page::Upstream(Stop::Connect)),
        // Whoever signed in as somebody else has answered as well.
        (_, Some(_)) => None,
        (Some(_), None) => Some(Page::SignIn(Reason::OtherPerson)),
        (None, None) => Some(Page::Upstream(Stop::GiveAddress)),
    }
}

impl Waiting {
    fn event(&self) -> Result<Event, Fault> {
        let detail = serde_json::to_string(self).map_err(Fault::at("upstreams: event"))?;
        Ok(Event { kind: EventKind::Arrived, session_id: Id::from_stored(""), detail })
    }
}

/// Removes attempts and arrivals that expired before `before`.
///
/// # Errors
/// Storage failed.
pub async fn sweep(provider: &super::Provider, before: Timestamp) -> Result<u64, Fault> {
    provider.db.write(async move |tx| rows::sweep(tx, before).await).await
}
