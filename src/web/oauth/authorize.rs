//! `/authorize` (RFC 6749 section 3.1).

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use crate::endpoints::authorize::{Authorized, authorize};
use crate::endpoints::{Refusal, op_browser_state};
use crate::oauth::Params;
use crate::web::pages::{Developer, Kind};
use crate::web::person::{broken, error};
use crate::web::{State, answer, cookies, extract};

/// The longest query that a posted form may become, in bytes.
const LONGEST_QUERY: usize = 7 * 1024;

pub async fn get(request: HttpRequest, state: Data<State>) -> HttpResponse {
    let params = match extract::query(&request) {
        Ok(params) => params,
        Err(error) => return unreadable(&state, &request, error.why),
    };
    let (visit, browser) = match extract::visit(&request, &state).await {
        Ok(visited) => visited,
        Err(fault) => return broken(&state, &request, &fault),
    };
    match authorize(&state.provider, &params, &visit).await {
        Ok(Authorized::Outcome(outcome)) => {
            let browser_state = op_browser_state(visit.session.as_ref().map(|signed| &signed.session));
            with_state(&state, &request, &browser_state, answer::outcome(&state, browser, outcome))
        }
        Ok(Authorized::Page(page)) => error::authorization(&state, &request, page),
        Err(Refusal::Protocol(error)) => unreadable(&state, &request, error.why),
        Err(Refusal::Broken(fault)) => broken(&state, &request, &fault),
    }
}

/// A session that ended elsewhere, or began before there was such a cookie: the frame of session management hears of it as soon as
/// the browser comes by.
fn with_state(state: &State, request: &HttpRequest, browser_state: &str, mut response: HttpResponse) -> HttpResponse {
    let issuer = &state.provider.issuer;
    if cookies::has_other_state(request, issuer, browser_state) {
        let cookie =
            if browser_state.is_empty() { cookies::clear_state(issuer) } else { cookies::set_state(issuer, browser_state, None) };
        if response.add_cookie(&cookie).is_err() {
            tracing::error!("the state of the browser is no cookie");
        }
    }
    response
}

/// A cross-site POST comes without our Lax cookies: it becomes a GET of ours, where they arrive (decision 11).
pub async fn post(request: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    match extract::form(&request, payload).await {
        Ok(params) => again_as_get(&state, &request, "/authorize", &params),
        Err(bad) if bad.status == StatusCode::PAYLOAD_TOO_LARGE => error::show(&state, &request, Kind::TooLarge, None),
        Err(bad) => unreadable(&state, &request, bad.error.why),
    }
}

/// 303 to the same endpoint with the form's parameters in the query.
pub(super) fn again_as_get(state: &State, request: &HttpRequest, path: &str, params: &Params) -> HttpResponse {
    let query = answer::encoded(params.pairs());
    if query.len() > LONGEST_QUERY {
        return unreadable(state, request, "the request is too long");
    }
    answer::see_other(state, &format!("{path}?{query}")).finish()
}

/// Nobody knows which app it is from.
fn unreadable(state: &State, request: &HttpRequest, why: &'static str) -> HttpResponse {
    let developer = Developer { why: why.to_owned(), sent: None, registered: Vec::new() };
    error::show(state, request, Kind::BadRequest, Some(developer))
}
