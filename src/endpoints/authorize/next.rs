//! What comes next for a request: one pure function that everything ends in.
//!
//! `prompt=none` is not a branch in five places: every step that needs a person becomes a refusal at the end.

use super::ValidRequest;
use crate::base::{Id, Timestamp};
use crate::identity::consent::Consent;
use crate::identity::factor::{Gap, Level};
use crate::oauth::{Client, ConsentPolicy, Error, ErrorCode, Scope};
use crate::store::interactions::{Event, EventKind};

use crate::endpoints::Signed;

/// Seconds for which a sign-in is fresh enough to allow an app what is dangerous.
const FRESH_SECONDS: i64 = 600;

/// What is known when a request is looked at.
pub struct Facts<'a> {
    pub signed: Option<&'a Signed>,
    pub consent: Option<&'a Consent>,
    /// What the person did for this very interaction, in order.
    pub events: &'a [Event],
    /// Whether who is signed in is the person that the request names; true if it names nobody.
    pub is_wanted: bool,
    /// What is missing of a second factor, for the app or for the house.
    pub gap: Gap,
    pub now: Timestamp,
}

/// Why a person has to sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Nobody is signed in.
    NoSession,
    /// `prompt=login`, or the last sign-in is older than `max_age`, or too old for what the app wants.
    Again,
    /// They came from another provider, which does not say that they proved themselves there just now: they do so here.
    Confirm,
    /// Somebody else than the hinted person is signed in.
    OtherPerson,
}

/// What has to happen next.
#[derive(Debug)]
pub enum Step {
    SignIn(Reason),
    /// The app asked for a new account (Initiating User Registration 1.0).
    SignUp,
    Choose,
    /// The person proves a second factor of this level.
    SecondFactor(Level),
    /// The person adds one that reaches this level.
    Enrol(Level),
    /// The same, and they may go on without.
    Offer(Level),
    /// The scope that the person is asked about.
    Consent(Scope),
    Refuse(Error),
    Issue(Approved),
}

/// A request that may be answered with a code; only [`next`] makes it.
#[derive(Debug)]
pub struct Approved {
    scope: Scope,
}

impl Approved {
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }
}

/// Decides the next step from facts alone.
pub fn next(request: &ValidRequest, client: &Client, facts: &Facts<'_>) -> Step {
    let step = with_person(request, client, facts);
    if !request.prompt.has_none() {
        return step;
    }
    let refuse = |code, why| Step::Refuse(Error::new(code, why));
    match step {
        Step::SignIn(_) | Step::SignUp => refuse(ErrorCode::LoginRequired, "the person has to sign in"),
        Step::SecondFactor(_) => refuse(ErrorCode::LoginRequired, "the person has to prove a second factor"),
        Step::Enrol(_) => refuse(ErrorCode::InteractionRequired, "the person has to add a second factor"),
        // They may go on without, so whoever may show no page does.
        Step::Offer(_) => after_factors(request, client, facts),
        Step::Choose => refuse(ErrorCode::AccountSelectionRequired, "the person has to choose an account"),
        Step::Consent(_) => refuse(ErrorCode::ConsentRequired, "the person has to consent"),
        step @ (Step::Refuse(_) | Step::Issue(_)) => step,
    }
}

fn with_person(request: &ValidRequest, client: &Client, facts: &Facts<'_>) -> Step {
    if facts.gap == Gap::Unmet {
        let why = "no way of signing in here meets the essential acr";
        return Step::Refuse(Error::new(ErrorCode::UnmetAuthenticationRequirements, why));
    }
    let Some(signed) = facts.signed else {
        return if request.prompt.has_create() { Step::SignUp } else { Step::SignIn(Reason::NoSession) };
    };
    let session = &signed.session;
    let did = |kind| facts.events.iter().any(|event| event.kind == kind && event.session_id == session.id);
    let signed_in_now = did(EventKind::SignedIn);
    if request.prompt.has_create() && !signed_in_now {
        return Step::SignUp;
    }
    if request.prompt.has_select_account() && !did(EventKind::Chosen) && !signed_in_now {
        return Step::Choose;
    }
    if !facts.is_wanted {
        // Whoever came instead of the expected person is not asked again and again (Core section 3.1.2.1).
        let why = "somebody else than the expected person signed in";
        return if signed_in_now {
            Step::Refuse(Error::new(ErrorCode::LoginRequired, why))
        } else {
            Step::SignIn(Reason::OtherPerson)
        };
    }
    // Times are whole seconds: an age that shows as max_age may be more by nearly one.
    let age = facts.now.since(session.auth_time);
    // Who is to be told a time (Core section 2) is sent somebody whose time is known.
    let is_silent = !session.is_dated && (request.max_age.is_some() || client.require_auth_time);
    let too_old = is_silent || request.max_age.is_some_and(|max_age| age >= max_age);
    if (request.prompt.has_login() || too_old) && !signed_in_now {
        return Step::SignIn(Reason::Again);
    }
    let is_stale = facts.now.since(session.auth_time) >= FRESH_SECONDS && !signed_in_now;
    match facts.gap {
        Gap::Ask(level) => return Step::SecondFactor(level),
        // Whoever sits at an open browser must not add what is theirs to somebody else's account.
        Gap::Enrol(_) if is_stale => return Step::SignIn(Reason::Again),
        Gap::Enrol(level) => return Step::Enrol(level),
        Gap::Offer(level) if !is_stale && !did(EventKind::Postponed) => return Step::Offer(level),
        Gap::None | Gap::Offer(_) | Gap::Unmet => {}
    }
    after_factors(request, client, facts)
}

/// What comes once it is sure enough who the person is.
fn after_factors(request: &ValidRequest, client: &Client, facts: &Facts<'_>) -> Step {
    let Some(signed) = facts.signed else { return Step::SignIn(Reason::NoSession) };
    let session = &signed.session;
    let signed_in_now = facts.events.iter().any(|event| event.kind == EventKind::SignedIn && event.session_id == session.id);
    let is_stale = facts.now.since(session.auth_time) >= FRESH_SECONDS && !signed_in_now;
    let step = consent_step(request, client, facts, &session.id);
    // Whoever sits at an open browser must not hand the account to an app.
    if matches!(step, Step::Consent(_)) && request.scope.is_dangerous() && is_stale {
        return Step::SignIn(Reason::Again);
    }
    step
}

fn consent_step(request: &ValidRequest, client: &Client, facts: &Facts<'_>, session: &Id) -> Step {
    // Events have no order (decision 12): whoever refused once for this request has refused it.
    let own = || facts.events.iter().filter(|event| event.session_id == *session);
    if own().any(|event| event.kind == EventKind::Denied) {
        return Step::Refuse(Error::new(ErrorCode::AccessDenied, "the person refused"));
    }
    let asked = request.scope.to_string();
    if own().any(|event| event.kind == EventKind::Consented && event.detail == asked) {
        return approved(request);
    }
    // The operator speaks for people where an app only reads; who may act for them they say themselves.
    if client.trusted == ConsentPolicy::Skip && !request.prompt.has_consent() && !request.scope.is_dangerous() {
        return approved(request);
    }
    // Anybody can be a public client on a loopback address or with a custom scheme (decision 13).
    let anybody = client.is_public()
        && client.redirect_uri(&request.redirect_uri).is_none_or(|uri| uri.is_loopback() || uri.is_custom_scheme());
    let remembered =
        !anybody && facts.consent.is_some_and(|c| c.covers(&request.scope, request.claims.as_ref(), &request.resources));
    if remembered && !request.prompt.has_consent() {
        return approved(request);
    }
    Step::Consent(request.scope.clone())
}

fn approved(request: &ValidRequest) -> Step {
    Step::Issue(Approved { scope: request.scope.clone() })
}

/// The subject that `claims` names, in the words of this client (Core section 5.5.1).
pub fn claimed_sub(request: &ValidRequest) -> Option<&str> {
    let claims = request.claims.as_ref()?;
    let (_, want) = claims.id_token().find(|(name, _)| *name == "sub")?;
    want.values.first()?.as_str()
}
