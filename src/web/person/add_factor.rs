//! Adding a factor of a kind that a plugin brings: its form is data, and the code is sent by the house.

use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::account::Guest;
use super::{broken, error, fresh, page, recovery_codes};
use crate::base::{Fault, Id};
use crate::endpoints::interaction::AccountPage;
use crate::endpoints::second_factor::{self, Added, Enrolling, For, Sent};
use crate::identity::factor::Words;
use crate::oauth::Params;
use crate::web::pages::{AddFactor, AddProblem, Kind, WaitingFactor};
use crate::web::{State, answer};

/// The longest thing that is typed, in bytes.
const LONGEST: usize = 64;

/// The kind of the address, if it is one that asks for a field, and its words.
fn asked(state: &State, guest: &Guest, kind: &str) -> Option<(&'static str, Words)> {
    let kind = state.provider.factors.kinds.find(kind).filter(|kind| state.provider.factors.policy.takes(kind.about().kind))?;
    let words = kind.words(guest.visit.lang).filter(|words| words.field.is_some())?;
    Some((kind.about().kind, words))
}

/// `/account/authenticators/add/KIND`
pub async fn show(request: HttpRequest, state: Data<State>, kind: Path<String>) -> HttpResponse {
    let guest = match fresh::guest(&state, &request, AccountPage::Factors).await {
        Ok(guest) => guest,
        Err(response) => return response,
    };
    let Some(about) = asked(&state, &guest, &kind) else { return error::show(&state, &request, Kind::NotFound, None) };
    let response = render(&state, &request, &guest, (about, Shown::default()));
    answer::with_browser(response, guest.browser)
}

/// What the page shows beside its words.
#[derive(Default)]
struct Shown {
    typed: String,
    waiting: Option<WaitingFactor>,
    problem: Option<AddProblem>,
}

type About = (&'static str, Words);

fn render(state: &State, request: &HttpRequest, guest: &Guest, ((kind, words), shown): (About, Shown)) -> HttpResponse {
    let (status, wait) = match shown.problem {
        None => (StatusCode::OK, None),
        Some(AddProblem::SlowedDown { seconds }) => (StatusCode::TOO_MANY_REQUESTS, Some(seconds)),
        Some(AddProblem::NotSent) => (StatusCode::SERVICE_UNAVAILABLE, None),
        Some(_) => (StatusCode::BAD_REQUEST, None),
    };
    let model = AddFactor {
        frame: state.frame(request, &guest.visit.browser_hash, None, None),
        action: format!("{}/account/authenticators/add/{kind}", state.provider.issuer.path()),
        session: guest.signed.session.sid.clone(),
        kind,
        words,
        typed: shown.typed,
        waiting: shown.waiting,
        problem: shown.problem,
    };
    let mut response = page(status, &model);
    if let Some(seconds) = wait {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}

/// The forms of the page.
pub async fn submit(request: HttpRequest, state: Data<State>, kind: Path<String>, payload: Payload) -> HttpResponse {
    let (guest, form) = match fresh::form(&state, &request, payload, AccountPage::Factors).await {
        Ok(sent) => sent,
        Err(response) => return response,
    };
    let Some(about) = asked(&state, &guest, &kind) else { return error::show(&state, &request, Kind::NotFound, None) };
    let done = match form.get("action") {
        Some("verify") => verify(&state, &request, &guest, &form).await,
        Some("again") => again(&state, &guest, &form).await,
        _ => send(&state, &guest, (about.0, &form)).await,
    };
    match done {
        Ok(Step::Done(response)) => response,
        Ok(Step::Page(shown)) => {
            let response = render(&state, &request, &guest, (about, shown));
            answer::with_browser(response, guest.browser)
        }
        Err(fault) => broken(&state, &request, &fault),
    }
}

enum Step {
    Done(HttpResponse),
    Page(Shown),
}

/// What was typed begins a factor, and a code goes there.
async fn send(state: &State, guest: &Guest, (kind, form): (&str, &Params)) -> Result<Step, Fault> {
    let provider = &state.provider;
    let typed = form.get("typed").unwrap_or_default();
    let refused = || Step::Page(Shown { typed: typed.to_owned(), problem: Some(AddProblem::Refused), ..Shown::default() });
    if typed.len() > LONGEST {
        return Ok(refused());
    }
    let begun = second_factor::begin_enrolment(provider, &guest.signed.user, (kind, typed), &guest.visit).await?;
    let Some(enrolling) = begun else {
        let own = second_factor::Own::of(provider, &guest.signed.user).await?;
        let has_one = own.factors.iter().any(|factor| factor.kind == kind);
        let problem = Some(if has_one { AddProblem::TooMany } else { AddProblem::Refused });
        return Ok(Step::Page(Shown { typed: typed.to_owned(), problem, ..Shown::default() }));
    };
    send_to(state, guest, enrolling).await
}

async fn again(state: &State, guest: &Guest, form: &Params) -> Result<Step, Fault> {
    match waiting(state, guest, form).await? {
        Some(enrolling) => send_to(state, guest, enrolling).await,
        None => Ok(Step::Page(Shown::default())),
    }
}

async fn send_to(state: &State, guest: &Guest, enrolling: Enrolling) -> Result<Step, Fault> {
    let factor = &enrolling.factor;
    let sent = second_factor::send_to_confirm(&state.provider, &guest.signed.user, factor, &guest.visit).await?;
    let problem = match sent {
        Sent::Done => None,
        Sent::TooMany { retry_after_seconds } => Some(AddProblem::SlowedDown { seconds: retry_after_seconds }),
        Sent::Failed | Sent::Nothing => Some(AddProblem::NotSent),
    };
    let waiting = Some(WaitingFactor { factor: factor.id.as_str().to_owned(), name: factor.name.clone() });
    Ok(Step::Page(Shown { waiting, problem, ..Shown::default() }))
}

async fn waiting(state: &State, guest: &Guest, form: &Params) -> Result<Option<Enrolling>, Fault> {
    let id = Id::from_stored(form.get("factor").unwrap_or_default());
    second_factor::find_enrolment(&state.provider, &guest.signed.user, &id, &guest.visit).await
}

async fn verify(state: &State, request: &HttpRequest, guest: &Guest, form: &Params) -> Result<Step, Fault> {
    let Some(enrolling) = waiting(state, guest, form).await? else { return Ok(Step::Page(Shown::default())) };
    let shown = Some(WaitingFactor { factor: enrolling.factor.id.as_str().to_owned(), name: enrolling.factor.name.clone() });
    let code = form.get("code").unwrap_or_default();
    let place = For::Account(Box::new(guest.signed.clone()));
    let problem = match second_factor::confirm_enrolment(&state.provider, place, (enrolling, code, ""), &guest.visit).await? {
        Added::In(signed_in) => {
            return Ok(Step::Done(recovery_codes::after_adding(state, request, guest, signed_in.pass).await));
        }
        Added::Wrong => AddProblem::Wrong,
        Added::Throttled { retry_after_seconds } => AddProblem::SlowedDown { seconds: retry_after_seconds },
        Added::Gone => return Ok(Step::Page(Shown::default())),
    };
    Ok(Step::Page(Shown { waiting: shown, problem: Some(problem), ..Shown::default() }))
}
