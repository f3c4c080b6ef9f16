//! The sign-up page.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::{Opened, broken, error, go_on, open, open_form, page, speak, ui_locales, upstream};
use crate::base::Secret;
use crate::endpoints::accounts::{self, Applied, Refused, Wish};
use crate::endpoints::interaction::{self, Errand, Outcome, Page};
use crate::web::pages::{FormProblem, Kind, NewPassword, SignUp};
use crate::web::{State, answer, extract};

/// `/sign-up`: for an account and nothing else.
pub async fn begin(request: HttpRequest, state: Data<State>) -> HttpResponse {
    if !state.provider.sign_up_is_open() {
        return error::show(&state, &request, Kind::NotFound, None);
    }
    let (visit, browser) = match extract::visit(&request, &state).await {
        Ok(visited) => visited,
        Err(fault) => return broken(&state, &request, &fault),
    };
    match interaction::begin(&state.provider, Errand::Account, &visit).await {
        Ok(Outcome::Page { interaction, page: Page::SignIn(_) }) => {
            answer::outcome(&state, browser, Outcome::Page { interaction, page: Page::SignUp })
        }
        Ok(outcome) => answer::outcome(&state, browser, outcome),
        Err(fault) => broken(&state, &request, &fault),
    }
}

/// What the page shows beside the form.
#[derive(Default)]
struct Shown {
    username: String,
    name: String,
    refused: Refused,
    problem: Option<FormProblem>,
}

/// `/sign-up/ID`
pub async fn show(request: HttpRequest, state: Data<State>, id: Path<String>) -> HttpResponse {
    let opened = match open(&state, &request, &id).await {
        Ok(opened) => opened,
        Err(response) => return response,
    };
    if !may_sign_up(&state, &opened) {
        return error::show(&state, &request, Kind::NotFound, None);
    }
    // Who is signed in wants a second account only if an app says so.
    match interaction::look(&state.provider, &opened.found, &opened.visit).await {
        Ok(Outcome::Page { page: Page::SignIn(_) | Page::SignUp | Page::Choose | Page::CheckMail, .. }) => {
            let hint = match &opened.found.errand {
                Errand::App(request) => request.login_hint.clone(),
                _ => None,
            };
            let shown = Shown { username: hint.unwrap_or_default(), ..Shown::default() };
            answer::with_browser(render(&state, &request, &opened, shown).await, opened.browser)
        }
        Ok(outcome) => answer::outcome(&state, opened.browser, outcome),
        Err(fault) => broken(&state, &request, &fault),
    }
}

fn may_sign_up(state: &State, opened: &Opened) -> bool {
    state.provider.sign_up_is_open() && matches!(opened.found.errand, Errand::App(_) | Errand::Account)
}

async fn render(state: &State, request: &HttpRequest, opened: &Opened, shown: Shown) -> HttpResponse {
    let found = &opened.found;
    let frame = state.frame(request, &opened.visit.browser_hash, found.client.as_ref(), ui_locales(found));
    let base = state.provider.issuer.path();
    let status = match shown.problem {
        None => StatusCode::OK,
        Some(FormProblem::Fields) => StatusCode::BAD_REQUEST,
        Some(FormProblem::Busy) => StatusCode::SERVICE_UNAVAILABLE,
    };
    let upstreams = match upstream::buttons(state, opened).await {
        Ok(buttons) => buttons,
        Err(fault) => return broken(state, request, &fault),
    };
    let t = frame.t();
    let model = SignUp {
        upstreams,
        action: format!("{base}/sign-up/{}", found.id),
        sign_in_url: format!("{base}/sign-in/{}", found.id),
        username: shown.username,
        name: shown.name,
        new_password: NewPassword::new(t, t.password, &state.provider.password_policy, &shown.refused.password)
            .after(shown.refused.address.is_none() && !shown.refused.name),
        address_refused: shown.refused.address,
        name_refused: shown.refused.name,
        problem: shown.problem,
        frame,
    };
    page(status, &model)
}

/// The form of the page.
pub async fn submit(request: HttpRequest, state: Data<State>, id: Path<String>, payload: Payload) -> HttpResponse {
    let (mut opened, form) = match open_form(&state, &request, &id, payload).await {
        Ok(opened) => opened,
        Err(response) => return response,
    };
    if !may_sign_up(&state, &opened) {
        return go_on(&state, &request, opened).await;
    }
    speak(&mut opened, &request);
    let text = |name: &str| form.get(name).unwrap_or_default().trim().to_owned();
    let (username, name) = (text("username"), text("name"));
    let password = Secret::new(form.get("password").unwrap_or_default().to_owned());
    let wish = Wish { email: username.clone(), name: name.clone(), password };
    let (refused, problem) = match accounts::apply(&state.provider, &opened.found, wish, &opened.visit).await {
        Ok(Applied::Sent(outcome)) => return answer::outcome(&state, opened.browser, outcome),
        Ok(Applied::Refused(refused)) => (refused, FormProblem::Fields),
        Ok(Applied::Busy) => (Refused::default(), FormProblem::Busy),
        Err(fault) => return broken(&state, &request, &fault),
    };
    let shown = Shown { username, name, refused, problem: Some(problem) };
    answer::with_browser(render(&state, &request, &opened, shown).await, opened.browser)
}
