//! The page of the person's address, and what is behind the links that are sent about it.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::account::Guest;
use super::links::{Pressed, link, pressed, told};
use super::{broken, fresh, page};
use crate::endpoints::accounts::{self, Change, UndoDone};
use crate::endpoints::interaction::AccountPage;
use crate::web::limits::too_many;
use crate::web::pages::{AddressProblem, ChangeAddress, LinkTo, Tidings};
use crate::web::{State, answer, extract};

/// `/account/email`
pub async fn show(request: HttpRequest, state: Data<State>) -> HttpResponse {
    match fresh::guest(&state, &request, AccountPage::Address).await {
        Ok(guest) => answer::with_browser(render(&state, &request, &guest, ("", None)), guest.browser),
        Err(response) => response,
    }
}

fn render(state: &State, request: &HttpRequest, guest: &Guest, (typed, problem): (&str, Option<AddressProblem>)) -> HttpResponse {
    let model = ChangeAddress {
        action: format!("{}/account/email", state.provider.issuer.path()),
        session: guest.signed.session.sid.clone(),
        address: guest.signed.user.email.clone().unwrap_or_default(),
        can_change: state.provider.post.is_on(),
        typed: typed.to_owned(),
        problem,
        is_done: request.query_string() == "done=changed",
        frame: state.frame(request, &guest.visit.browser_hash, None, None),
    };
    page(if problem.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK }, &model)
}

/// The form of the page.
pub async fn submit(request: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    let (guest, form) = match fresh::form(&state, &request, payload, AccountPage::Address).await {
        Ok(sent) => sent,
        Err(response) => return response,
    };
    if !state.provider.post.is_on() {
        return answer::see_other(&state, "/account/email").finish();
    }
    let typed = form.get("email").unwrap_or_default().trim();
    let problem = match accounts::ask_for_address(&state.provider, &guest.signed, typed, &guest.visit).await {
        Ok(Change::Sent(outcome)) => return answer::outcome(&state, guest.browser, outcome),
        Ok(Change::TooMany(retry)) => return too_many(retry),
        Ok(Change::Refused(why)) => AddressProblem::Refused(why),
        Ok(Change::Same) => AddressProblem::Same,
        Err(fault) => return broken(&state, &request, &fault),
    };
    answer::with_browser(render(&state, &request, &guest, (typed, Some(problem))), guest.browser)
}

/// `/confirm-email/TOKEN`
pub async fn show_confirmation(request: HttpRequest, state: Data<State>, token: Path<String>) -> HttpResponse {
    let (visit, browser) = match extract::visit(&request, &state).await {
        Ok(visited) => visited,
        Err(fault) => return broken(&state, &request, &fault),
    };
    match accounts::find_change(&state.provider, &token, &visit).await {
        Ok(Some(change)) => {
            let what = LinkTo::ConfirmAddress { address: change.address().to_owned() };
            link(&state, &request, (&visit, browser), what)
        }
        Ok(None) => told(&state, &request, (&visit, browser), (Tidings::LinkGone, "/account/email")),
        Err(fault) => broken(&state, &request, &fault),
    }
}

/// The button of the page.
pub async fn confirm(request: HttpRequest, state: Data<State>, token: Path<String>, payload: Payload) -> HttpResponse {
    let Pressed { visit, browser, .. } = match pressed(&state, &request, payload).await {
        Ok(pressed) => pressed,
        Err(response) => return response,
    };
    match accounts::confirm(&state.provider, &token, &visit).await {
        Ok(true) => told(&state, &request, (&visit, browser), (Tidings::AddressChanged, "/account")),
        Ok(false) => told(&state, &request, (&visit, browser), (Tidings::LinkGone, "/account/email")),
        Err(fault) => broken(&state, &request, &fault),
    }
}

/// `/undo-email/TOKEN`
pub async fn show_undo(request: HttpRequest, state: Data<State>, token: Path<String>) -> HttpResponse {
    let (visit, browser) = match extract::visit(&request, &state).await {
        Ok(visited) => visited,
        Err(fault) => return broken(&state, &request, &fault),
    };
    match accounts::find_undo(&state.provider, &token, &visit).await {
        Ok(Some(undo)) => {
            let what = LinkTo::Undo { address: undo.address().to_owned() };
            link(&state, &request, (&visit, browser), what)
        }
        Ok(None) => told(&state, &request, (&visit, browser), (Tidings::LinkGone, "/forgot-password")),
        Err(fault) => broken(&state, &request, &fault),
    }
}

/// The button of the page: the next thing is another password.
pub async fn undo(request: HttpRequest, state: Data<State>, token: Path<String>, payload: Payload) -> HttpResponse {
    let Pressed { visit, browser, .. } = match pressed(&state, &request, payload).await {
        Ok(pressed) => pressed,
        Err(response) => return response,
    };
    match accounts::undo(&state.provider, &token, &visit).await {
        Ok(UndoDone::Done(link)) => answer::see_other(&state, &format!("/reset-password/{}", link.expose())).finish(),
        Ok(UndoDone::Gone) => told(&state, &request, (&visit, browser), (Tidings::LinkGone, "/forgot-password")),
        Err(fault) => broken(&state, &request, &fault),
    }
}
