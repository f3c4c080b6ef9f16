//! Signing out: the question, and the page after it.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::{Opened, broken, go_on, open, open_form, page};
use crate::endpoints::interaction::{self, Errand};
use crate::endpoints::logout::{self, Farewell};
use crate::web::pages::{SignOut, SignedOut};
use crate::web::{State, answer, cookies, extract};

/// `/sign-out`: the person's own wish, from the account page.
pub async fn begin(request: HttpRequest, state: Data<State>) -> HttpResponse {
    let (visit, browser) = match extract::visit(&request, &state).await {
        Ok(visited) => visited,
        Err(fault) => return broken(&state, &request, &fault),
    };
    if visit.session.is_none() {
        return answer::with_browser(answer::see_other(&state, "/signed-out").finish(), browser);
    }
    match interaction::begin(&state.provider, Errand::SignOut(Farewell::default()), &visit).await {
        Ok(outcome) => answer::outcome(&state, browser, outcome),
        Err(fault) => broken(&state, &request, &fault),
    }
}

/// `/sign-out/ID`
pub async fn show(request: HttpRequest, state: Data<State>, id: Path<String>) -> HttpResponse {
    let opened = match open(&state, &request, &id).await {
        Ok(opened) => opened,
        Err(response) => return response,
    };
    let Errand::SignOut(farewell) = &opened.found.errand else { return go_on(&state, &request, opened).await };
    let Some(signed) = &opened.visit.session else {
        return answer::with_browser(leave(&state, farewell), opened.browser);
    };
    let model = SignOut {
        action: format!("{}/sign-out/{}", state.provider.issuer.path(), opened.found.id),
        person: signed.user.email.clone().unwrap_or_else(|| signed.user.sub.clone()),
        frame: state.frame(&request, &opened.visit.browser_hash, opened.found.client.as_ref(), None),
    };
    answer::with_browser(page(StatusCode::OK, &model), opened.browser)
}

/// Where a person goes after signing out: back to the app, or to our own page.
pub fn leave(state: &State, farewell: &Farewell) -> HttpResponse {
    match &farewell.redirect {
        Some(redirect) => answer::redirect(redirect).finish(),
        None => answer::see_other(state, "/signed-out").finish(),
    }
}

/// The form of the page.
pub async fn submit(request: HttpRequest, state: Data<State>, id: Path<String>, payload: Payload) -> HttpResponse {
    let (opened, form) = match open_form(&state, &request, &id, payload).await {
        Ok(opened) => opened,
        Err(response) => return response,
    };
    let Opened { visit, browser, found } = opened;
    let Errand::SignOut(farewell) = &found.errand else {
        return go_on(&state, &request, Opened { visit, browser, found }).await;
    };
    if form.get("decision") != Some("sign-out") {
        return answer::with_browser(answer::see_other(&state, "/account").finish(), browser);
    }
    if let Some(signed) = &visit.session
        && let Err(fault) = logout::sign_out(&state.provider, signed, &visit).await
    {
        return broken(&state, &request, &fault);
    }
    let mut response = answer::with_browser(leave(&state, farewell), browser);
    if let Err(error) = response.add_cookie(&cookies::clear_session(&state.provider.issuer)) {
        return broken(&state, &request, &crate::base::Fault::new("web: session cookie", error));
    }
    response
}

/// `/signed-out`
pub async fn signed_out(request: HttpRequest, state: Data<State>) -> HttpResponse {
    let (visit, browser) = match extract::visit(&request, &state).await {
        Ok(visited) => visited,
        Err(fault) => return broken(&state, &request, &fault),
    };
    if visit.session.is_some() {
        return answer::see_other(&state, "/account").finish();
    }
    let model = SignedOut {
        frame: state.frame(&request, &visit.browser_hash, None, None),
        frames: Vec::new(),
        sign_in_url: Some(format!("{}/sign-in", state.provider.issuer.path())),
    };
    answer::with_browser(page(StatusCode::OK, &model), browser)
}
