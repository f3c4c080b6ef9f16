//! A request between two pages: begun, looked at again after every act, answered at last.
//!
//! There is one dispatcher, [`look`]; sign-in, choice and consent only add a fact and end in it. They never call each
//! other, and what a browser may do next is always derived from the facts.

mod decide;

pub use decide::{Decision, consented, decide};

use serde::{Deserialize, Serialize};

use super::authorize::{self, Answer, Facts, Occasion, Reason, Step, ValidRequest, answer_error, next};
use super::{ClientRef, Provider, Visit, second_factor, upstreams};
use crate::base::{Fault, Id, Timestamp};
use crate::cache::{Bucket, RetryAfter};
use crate::identity::consent;
use crate::identity::factor::{Gap, Level};
use crate::oauth::{Error, ErrorCode, Scope};
use crate::store::interactions::{self, Event, EventKind, Interaction};

/// Seconds that a page may stay open before its request starts anew.
const LIFETIME_SECONDS: i64 = 3600;

/// Seconds in which a second click on the same button is answered too: the browser threw the first answer away.
const DOUBLE_CLICK_SECONDS: i64 = 30;

/// What a browser came here for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Errand {
    /// An app asked for authorization.
    App(Box<ValidRequest>),
    /// The person came to the account pages of the house.
    Account,
    /// The person is about to do something that matters, and proves themselves again first. The path is one of ours.
    StepUp(AccountPage),
    /// The person, or an app, asked to sign out, and the person is asked first.
    SignOut(super::logout::Farewell),
}

/// Where the browser goes now.
pub enum Outcome {
    /// A page of ours for this interaction.
    Page { interaction: Id, page: Page },
    /// Back to the client.
    Answer(Answer),
    /// To the account page.
    Account,
    /// To one page of the account.
    AccountPage(AccountPage),
    /// Strangers from this address have begun too much lately.
    TooMany(RetryAfter),
}

/// The page that an interaction waits at.
#[derive(Debug)]
pub enum Page {
    SignIn(Reason),
    SignUp,
    /// The person has to prove their address first; a mail tells how.
    CheckMail,
    /// On the way to another provider, or back from it.
    Upstream(upstreams::Stop),
    Choose,
    Consent(Scope),
    SignOut,
    /// The person shows that they have what they have, at this level.
    SecondFactor(Level),
    /// The person has to add something that reaches this level, and nothing goes on without.
    Enrol(Level),
    /// The same, and they may go on without.
    Offer(Level),
}

/// A stored interaction with what it was for.
#[derive(Clone)]
pub struct Found {
    pub id: Id,
    pub errand: Errand,
    pub client: Option<ClientRef>,
    pub(super) events: Vec<Event>,
}

/// The pages of the account that ask for a fresh sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccountPage {
    Password,
    Address,
    Data,
    Deletion,
    Factors,
    RecoveryCodes,
    Passkeys,
    Identities,
}

impl Found {
    /// Whether the person of this session proved themselves for this very interaction.
    pub(super) fn signed_in(&self, session: &Id) -> bool {
        self.events.iter().any(|event| event.kind == EventKind::SignedIn && event.session_id == *session)
    }

    /// The name of the app that the person came from.
    pub fn app_name(&self) -> Option<String> {
        self.client.as_ref().map(|client| client.client.name.clone())
    }
}

/// Begins an errand: answered at once if no person is needed, stored otherwise.
///
/// # Errors
/// Storage, keys or chance failed.
pub async fn begin(provider: &Provider, errand: Errand, visit: &Visit) -> Result<Outcome, Fault> {
    let client = client_of(provider, &errand).await?;
    let found = Found { id: provider.new_id()?, errand, client, events: Vec::new() };
    let outcome = upstreams::straight(provider, &found, step(provider, &found, None, visit).await?, visit).await?;
    if matches!(outcome, Outcome::Page { .. }) {
        if let Err(retry) = charge_stranger(provider, visit).await {
            return Ok(Outcome::TooMany(retry));
        }
        store(provider, &found, visit).await?;
    }
    Ok(outcome)
}

/// Begins an errand that is stored whoever is signed in.
///
/// # Errors
/// Storage or chance failed. The inner error: strangers from this address have begun too much lately.
pub async fn begin_stored(provider: &Provider, errand: Errand, visit: &Visit) -> Result<Result<Found, RetryAfter>, Fault> {
    if let Err(retry) = charge_stranger(provider, visit).await {
        return Ok(Err(retry));
    }
    let client = client_of(provider, &errand).await?;
    let found = Found { id: provider.new_id()?, errand, client, events: Vec::new() };
    store(provider, &found, visit).await?;
    Ok(Ok(found))
}

async fn charge_stranger(provider: &Provider, visit: &Visit) -> Result<(), RetryAfter> {
    if visit.session.is_some() {
        return Ok(());
    }
    let bucket = Bucket::of_network("visits", visit.address, provider.policy.strangers_visits);
    provider.buckets.charge(&[bucket], visit.now).await.map(drop)
}

async fn store(provider: &Provider, found: &Found, visit: &Visit) -> Result<(), Fault> {
    let interaction = Interaction {
        id: found.id.clone(),
        browser_hash: visit.browser_hash.clone(),
        client_id: found.client.as_ref().map(|c| c.client.client_id.clone()).unwrap_or_default(),
        request: serde_json::to_string(&found.errand).map_err(Fault::at("interaction: errand"))?,
        expires_at: visit.now.plus(LIFETIME_SECONDS),
        finished_at: None,
    };
    let now = visit.now;
    provider.db.write(async move |tx| interactions::insert(tx, &interaction, now).await).await
}

/// What became of a URL with an interaction's id in it.
pub enum Visited {
    /// It is this browser's and open.
    Open(Found),
    /// It was too old, answered already or another browser's: its request goes on under a new id.
    Anew(Outcome),
    /// Nothing is known of it.
    Unknown,
}

/// Finds the interaction that a page's URL names.
///
/// # Errors
/// Storage, keys or chance failed.
pub async fn visit(provider: &Provider, id: &Id, visit: &Visit) -> Result<Visited, Fault> {
    let mut conn = provider.db.conn();
    let Some(row) = interactions::find(&mut conn, id).await? else { return Ok(Visited::Unknown) };
    let errand: Errand = serde_json::from_str(&row.request).map_err(|_| Fault::corrupt("interactions", "request"))?;
    let client = client_of(provider, &errand).await?;
    if let Errand::App(asked) = &errand
        && !client.as_ref().is_some_and(|client| still_registered(provider, client, asked))
    {
        return Ok(Visited::Unknown);
    }
    if is_stale(&row, visit) {
        return Ok(Visited::Anew(begin(provider, errand, visit).await?));
    }
    let events = interactions::events(&mut conn, id).await?;
    Ok(Visited::Open(Found { id: row.id, errand, client, events }))
}

/// The interaction of this browser, for who comes back by a link in their mail; one for the same request, or for the account
/// page, if it is over. It is stored in any case.
///
/// # Errors
/// Storage or chance failed.
pub(super) async fn reopen(provider: &Provider, id: Option<&Id>, visit: &Visit) -> Result<Found, Fault> {
    let mut conn = provider.db.conn();
    let row = match id {
        Some(id) => interactions::find(&mut conn, id).await?,
        None => None,
    };
    let mut errand = Errand::Account;
    if let Some(row) = row {
        errand = serde_json::from_str(&row.request).map_err(|_| Fault::corrupt("interactions", "request"))?;
        let client = client_of(provider, &errand).await?;
        let is_taken = match &errand {
            Errand::App(asked) => client.as_ref().is_some_and(|client| still_registered(provider, client, asked)),
            _ => true,
        };
        if !is_taken {
            errand = Errand::Account;
        } else if !is_stale(&row, visit) {
            let events = interactions::events(&mut conn, &row.id).await?;
            return Ok(Found { id: row.id, errand, client, events });
        }
    }
    let client = client_of(provider, &errand).await?;
    let found = Found { id: provider.new_id()?, errand, client, events: Vec::new() };
    store(provider, &found, visit).await?;
    Ok(found)
}

/// Whether a stored request would still be taken: its client may have changed since.
fn still_registered(provider: &Provider, client: &ClientRef, asked: &ValidRequest) -> bool {
    let client = &client.client;
    client.redirect_uri(&asked.redirect_uri).is_some()
        && client.response_types.contains(&asked.response_type)
        && provider.policy.response_types.contains(&asked.response_type)
        && asked.scope.is_subset(&client.scope)
}

/// Another browser never goes on with this one's request, and an answered one is only repeated to a double click.
fn is_stale(row: &Interaction, visit: &Visit) -> bool {
    let answered = row.finished_at.is_some_and(|at| visit.now.since(at) > DOUBLE_CLICK_SECONDS);
    row.browser_hash != visit.browser_hash || visit.now >= row.expires_at || answered
}

async fn client_of(provider: &Provider, errand: &Errand) -> Result<Option<ClientRef>, Fault> {
    match errand {
        Errand::App(request) => provider.registry.client(&provider.db, &request.client_id).await,
        Errand::SignOut(farewell) => match &farewell.client_id {
            Some(client_id) => provider.registry.client(&provider.db, client_id).await,
            None => Ok(None),
        },
        Errand::Account | Errand::StepUp(_) => Ok(None),
    }
}

/// The dispatcher: looks at the facts afresh and says where the browser goes.
///
/// # Errors
/// Storage, keys or chance failed.
pub async fn look(provider: &Provider, found: &Found, visit: &Visit) -> Result<Outcome, Fault> {
    step(provider, found, Some(&found.id), visit).await
}

async fn step(provider: &Provider, found: &Found, stored: Option<&Id>, visit: &Visit) -> Result<Outcome, Fault> {
    let page = |page| Ok(Outcome::Page { interaction: found.id.clone(), page });
    let must_verify = visit.session.as_ref().is_some_and(|signed| provider.policy.accounts.must_verify(&signed.user));
    if !matches!(found.errand, Errand::SignOut(_))
        && let Some(waiting) = second_factor::page_of_half(provider, found, visit).await?
    {
        return page(waiting);
    }
    if let Some(waiting) = upstreams::pending(found, visit).filter(|_| !must_verify) {
        return page(waiting);
    }
    let request = match &found.errand {
        Errand::SignOut(_) => return page(Page::SignOut),
        Errand::App(request) if must_verify && request.prompt.has_none() => {
            let error = Error::new(ErrorCode::InteractionRequired, "the person has to prove their address");
            return Ok(Outcome::Answer(answer_error(provider, &request.as_ref().into(), error)));
        }
        _ if must_verify => return page(Page::CheckMail),
        Errand::App(request) => request,
        Errand::Account => {
            let Some(signed) = &visit.session else { return page(Page::SignIn(Reason::NoSession)) };
            return match second_factor::gap_of_account(provider, signed, visit.now).await? {
                Gap::Ask(level) => page(Page::SecondFactor(level)),
                // Whoever sits at an open browser must not add what is theirs to somebody else's account.
                Gap::Enrol(_) if !signed.is_fresh(visit.now) => page(Page::SignIn(Reason::Again)),
                Gap::Enrol(level) => page(Page::Enrol(level)),
                Gap::None | Gap::Offer(_) | Gap::Unmet => Ok(Outcome::Account),
            };
        }
        Errand::StepUp(to) => {
            return match &visit.session {
                Some(signed) if found.signed_in(&signed.session.id) => Ok(Outcome::AccountPage(*to)),
                Some(_) => page(Page::SignIn(Reason::Again)),
                None => page(Page::SignIn(Reason::NoSession)),
            };
        }
    };
    let Some(client) = &found.client else {
        let error = Error::new(ErrorCode::UnauthorizedClient, "this client is no longer registered");
        return Ok(Outcome::Answer(answer_error(provider, &request.as_ref().into(), error)));
    };
    let consent = match &visit.session {
        Some(signed) => consent::find(&mut provider.db.conn(), &signed.user.id, &request.client_id).await?,
        None => None,
    };
    let facts = Facts {
        signed: visit.session.as_ref(),
        consent: consent.as_ref(),
        events: &found.events,
        is_wanted: is_wanted(provider, request, client, visit).await?,
        gap: second_factor::gap(provider, request, client, visit).await?,
        now: visit.now,
    };
    match next(request, &client.client, &facts) {
        Step::SignIn(reason) => page(Page::SignIn(reason)),
        Step::SignUp => page(Page::SignUp),
        Step::Choose => page(Page::Choose),
        Step::SecondFactor(level) => page(Page::SecondFactor(level)),
        Step::Enrol(level) => page(Page::Enrol(level)),
        Step::Offer(level) => page(Page::Offer(level)),
        Step::Consent(scope) => page(Page::Consent(scope)),
        Step::Refuse(error) => Ok(Outcome::Answer(authorize::refuse(provider, request, error, visit)?)),
        Step::Issue(approved) => {
            // `next` approves nothing without a person.
            let Some(signed) = &visit.session else { return page(Page::SignIn(Reason::NoSession)) };
            let occasion = Occasion { request, client, signed, interaction: stored };
            Ok(Outcome::Answer(authorize::issue(provider, &occasion, approved, visit).await?))
        }
    }
}

/// Whether who is signed in is the person whom the request names: by a `sub` in `claims`, which goes first, or by
/// `id_token_hint`.
async fn is_wanted(provider: &Provider, request: &ValidRequest, client: &ClientRef, visit: &Visit) -> Result<bool, Fault> {
    let Some(signed) = &visit.session else { return Ok(true) };
    match (authorize::claimed_sub(request), &request.hint) {
        (Some(sub), _) => Ok(provider.subject(&client.client, &signed.user)? == sub),
        (None, Some(hint)) => provider.is_named(hint, &signed.user).await,
        (None, None) => Ok(true),
    }
}

/// The person turned away from the sign-in page: the client hears `access_denied`.
pub fn cancel(provider: &Provider, found: &Found) -> Outcome {
    match &found.errand {
        Errand::App(request) => {
            let error = Error::new(ErrorCode::AccessDenied, "the person cancelled");
            Outcome::Answer(answer_error(provider, &request.as_ref().into(), error))
        }
        Errand::Account | Errand::StepUp(_) | Errand::SignOut(_) => Outcome::Account,
    }
}

/// Removes interactions that expired a day ago.
///
/// # Errors
/// Storage failed.
pub async fn sweep(provider: &Provider, now: Timestamp) -> Result<u64, Fault> {
    provider.db.write(async move |tx| interactions::sweep(tx, now.plus(-86_400)).await).await
}
