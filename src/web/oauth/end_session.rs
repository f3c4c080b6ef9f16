//! `/end_session` (OpenID Connect RP-Initiated Logout 1.0 section 2).

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::authorize::again_as_get;
use crate::endpoints::logout::{Logout, logout};
use crate::web::pages::Kind;
use crate::web::person::{broken, error, sign_out};
use crate::web::{State, answer, extract};

pub async fn get(request: HttpRequest, state: Data<State>) -> HttpResponse {
    let Ok(params) = extract::query(&request) else { return error::show(&state, &request, Kind::BadRequest, None) };
    let (visit, browser) = match extract::visit(&request, &state).await {
        Ok(visited) => visited,
        Err(fault) => return broken(&state, &request, &fault),
    };
    match logout(&state.provider, &params, &visit).await {
        Ok(Logout::Ask(outcome)) => answer::outcome(&state, browser, outcome),
        Ok(Logout::Done(parting)) => answer::with_browser(sign_out::gone(&state, &parting), browser),
        Err(fault) => broken(&state, &request, &fault),
    }
}

/// As at `/authorize`: the cookies arrive with a GET of ours.
pub async fn post(request: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    match extract::form(&request, payload).await {
        Ok(params) => again_as_get(&state, &request, "/end_session", &params),
        Err(bad) if bad.status == StatusCode::PAYLOAD_TOO_LARGE => error::show(&state, &request, Kind::TooLarge, None),
        Err(_) => error::show(&state, &request, Kind::BadRequest, None),
    }
}
