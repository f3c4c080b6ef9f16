//! The pages that ask for an address: to send a link for a new password, or one to sign in with.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::{Opened, broken, error, open, open_form, page, speak, ui_locales};
use crate::endpoints::accounts;
use crate::endpoints::interaction::{self, Errand};
use crate::web::pages::{AskAddress, Asked, Kind};
use crate::web::{State, answer, extract};

/// `/forgot-password`: also for who is signed in and wants to change a password that they forgot.
pub async fn begin(request: HttpRequest, state: Data<State>) -> HttpResponse {
    let (visit, browser) = match extract::visit(&request, &state).await {
        Ok(visited) => visited,
        Err(fault) => return broken(&state, &request, &fault),
    };
    match interaction::begin_stored(&state.provider, Errand::Account, &visit).await {
        Ok(Ok(found)) => {
            let response = answer::see_other(&state, &format!("/forgot-password/{}", found.id)).finish();
            answer::with_browser(response, browser)
        }
        Ok(Err(retry)) => crate::web::limits::too_many(retry),
        Err(fault) => broken(&state, &request, &fault),
    }
}

/// `/forgot-password/ID`
pub async fn show(request: HttpRequest, state: Data<State>, id: Path<String>) -> HttpResponse {
    first(&state, &request, &id, Asked::Reset).await
}

/// `/sign-in-by-mail/ID`
pub async fn show_by_mail(request: HttpRequest, state: Data<State>, id: Path<String>) -> HttpResponse {
    first(&state, &request, &id, Asked::SignIn).await
}

/// The form of the page.
pub async fn submit(request: HttpRequest, state: Data<State>, id: Path<String>, payload: Payload) -> HttpResponse {
    send(&state, &request, (&id, payload), Asked::Reset).await
}

/// The form of the page.
pub async fn submit_by_mail(request: HttpRequest, state: Data<State>, id: Path<String>, payload: Payload) -> HttpResponse {
    send(&state, &request, (&id, payload), Asked::SignIn).await
}

fn is_offered(state: &State, what: Asked) -> bool {
    match what {
        Asked::Reset => state.provider.post.is_on(),
        Asked::SignIn => state.provider.sign_in_by_mail(),
    }
}

async fn first(state: &State, request: &HttpRequest, id: &str, what: Asked) -> HttpResponse {
    let opened = match open(state, request, id).await {
        Ok(opened) => opened,
        Err(response) => return response,
    };
    if !is_offered(state, what) {
        return error::show(state, request, Kind::NotFound, None);
    }
    let hint = match &opened.found.errand {
        Errand::App(request) => request.login_hint.clone(),
        _ => opened.visit.session.as_ref().and_then(|signed| signed.user.email.clone()),
    };
    let response = render(state, request, &opened, (what, hint.unwrap_or_default(), StatusCode::OK));
    answer::with_browser(response, opened.browser)
}

fn render(state: &State, request: &HttpRequest, opened: &Opened, shown: (Asked, String, StatusCode)) -> HttpResponse {
    let (what, username, status) = shown;
    let found = &opened.found;
    let base = state.provider.issuer.path();
    let own = match what {
        Asked::Reset => "forgot-password",
        Asked::SignIn => "sign-in-by-mail",
    };
    let model = AskAddress {
        action: format!("{base}/{own}/{}", found.id),
        what,
        username,
        is_missing: status != StatusCode::OK,
        sign_in_url: format!("{base}/sign-in/{}", found.id),
        frame: state.frame(request, &opened.visit.browser_hash, found.client.as_ref(), ui_locales(found)),
    };
    page(status, &model)
}

async fn send(state: &State, request: &HttpRequest, (id, payload): (&str, Payload), what: Asked) -> HttpResponse {
    let (mut opened, form) = match open_form(state, request, id, payload).await {
        Ok(opened) => opened,
        Err(response) => return response,
    };
    if !is_offered(state, what) {
        return error::show(state, request, Kind::NotFound, None);
    }
    speak(&mut opened, request);
    let username = form.get("username").unwrap_or_default().trim().to_owned();
    // What is no address is asked for again; that says nothing about anybody.
    if !accounts::is_address(&username) {
        let response = render(state, request, &opened, (what, username, StatusCode::BAD_REQUEST));
        return answer::with_browser(response, opened.browser);
    }
    let sent = match what {
        Asked::Reset => accounts::ask_to_reset(&state.provider, &opened.found, &username, &opened.visit).await,
        Asked::SignIn => accounts::ask_for_link(&state.provider, &opened.found, &username, &opened.visit).await,
    };
    match sent {
        Ok(outcome) => answer::outcome(state, opened.browser, outcome),
        Err(fault) => broken(state, request, &fault),
    }
}
