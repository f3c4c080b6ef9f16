//! The page behind the link of an invitation.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::links::{Pressed, link_gone, pressed};
use super::{broken, page};
use crate::base::Secret;
use crate::endpoints::Visit;
use crate::endpoints::accounts::{self, Accepted, Refused};
use crate::web::pages::{self, FormProblem, NewPassword};
use crate::web::{State, answer, extract};

/// What the page shows.
struct Shown {
    address: String,
    name: String,
    refused: Refused,
    problem: Option<FormProblem>,
}

/// `/invitation/TOKEN`
pub async fn show(request: HttpRequest, state: Data<State>, token: Path<String>) -> HttpResponse {
    let (visit, browser) = match extract::visit(&request, &state).await {
        Ok(visited) => visited,
        Err(fault) => return broken(&state, &request, &fault),
    };
    match accounts::find_invitation(&state.provider, &token, &visit).await {
        Ok(Some(found)) => {
            let (address, name) = (found.address().to_owned(), found.name().unwrap_or_default().to_owned());
            let shown = Shown { address, name, refused: Refused::default(), problem: None };
            answer::with_browser(render(&state, &request, &visit, shown), browser)
        }
        Ok(None) => link_gone(&state, &request, (&visit, browser)),
        Err(fault) => broken(&state, &request, &fault),
    }
}

fn render(state: &State, request: &HttpRequest, visit: &Visit, shown: Shown) -> HttpResponse {
    let frame = state.frame(request, &visit.browser_hash, None, None);
    let t = frame.t();
    let status = match shown.problem {
        None => StatusCode::OK,
        Some(FormProblem::Fields) => StatusCode::BAD_REQUEST,
        Some(FormProblem::Busy) => StatusCode::SERVICE_UNAVAILABLE,
    };
    let model = pages::Invitation {
        action: request.path().to_owned(),
        address: shown.address,
        name: shown.name,
        new_password: NewPassword::new(t, t.password, &state.provider.password_policy, &shown.refused.password)
            .after(!shown.refused.name),
        name_refused: shown.refused.name,
        problem: shown.problem,
        frame,
    };
    page(status, &model)
}

/// The form of the page.
pub async fn accept(request: HttpRequest, state: Data<State>, token: Path<String>, payload: Payload) -> HttpResponse {
    let Pressed { visit, browser, form } = match pressed(&state, &request, payload).await {
        Ok(pressed) => pressed,
        Err(response) => return response,
    };
    let found = match accounts::find_invitation(&state.provider, &token, &visit).await {
        Ok(Some(found)) => found,
        Ok(None) => return link_gone(&state, &request, (&visit, browser)),
        Err(fault) => return broken(&state, &request, &fault),
    };
    let (address, name) = (found.address().to_owned(), form.get("name").unwrap_or_default().trim().to_owned());
    let password = Secret::new(form.get("password").unwrap_or_default().to_owned());
    let (refused, problem) = match accounts::accept(&state.provider, found, (&name, &password), &visit).await {
        Ok(Accepted::In(signed_in)) => return answer::signed_in(&state, browser, *signed_in),
        Ok(Accepted::Gone) => return link_gone(&state, &request, (&visit, browser)),
        Ok(Accepted::Refused(refused)) => (refused, FormProblem::Fields),
        Ok(Accepted::Busy) => (Refused::default(), FormProblem::Busy),
        Err(fault) => return broken(&state, &request, &fault),
    };
    let shown = Shown { address, name, refused, problem: Some(problem) };
    answer::with_browser(render(&state, &request, &visit, shown), browser)
}
