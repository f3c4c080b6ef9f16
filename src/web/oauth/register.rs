//! `/register` (RFC 7591) and `/register/{client_id}` (RFC 7592).

use actix_web::http::StatusCode;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Map, Value, json};

use crate::endpoints::Bearer;
use crate::endpoints::register::{self, Asked, Refusal};
use crate::oauth::{Error, ErrorCode};
use crate::web::answer::Challenge;
use crate::web::{State, answer, extract, routes};

pub async fn post(request: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    let members = match members(&request, &state, payload).await {
        Ok(members) => members,
        Err(response) => return response,
    };
    let bearer = extract::bearer(&request, None);
    match register::register(&state.provider, &members, &asked(&request, &state, &bearer)).await {
        Ok(client) => answer::json(StatusCode::CREATED, &client),
        Err(refusal) => refused(request, state, refusal).await,
    }
}

pub async fn get(request: HttpRequest, state: Data<State>, client_id: Path<String>) -> HttpResponse {
    let bearer = extract::bearer(&request, None);
    match register::read(&state.provider, &client_id, &asked(&request, &state, &bearer)).await {
        Ok(client) => answer::json(StatusCode::OK, &client),
        Err(refusal) => refused(request, state, refusal).await,
    }
}

pub async fn put(request: HttpRequest, state: Data<State>, client_id: Path<String>, payload: Payload) -> HttpResponse {
    let members = match members(&request, &state, payload).await {
        Ok(members) => members,
        Err(response) => return response,
    };
    let bearer = extract::bearer(&request, None);
    match register::update(&state.provider, &client_id, &members, &asked(&request, &state, &bearer)).await {
        Ok(client) => answer::json(StatusCode::OK, &client),
        Err(refusal) => refused(request, state, refusal).await,
    }
}

pub async fn delete(request: HttpRequest, state: Data<State>, client_id: Path<String>) -> HttpResponse {
    let bearer = extract::bearer(&request, None);
    match register::remove(&state.provider, &client_id, &asked(&request, &state, &bearer)).await {
        Ok(()) => HttpResponse::NoContent().insert_header((CACHE_CONTROL, "no-store")).finish(),
        Err(refusal) => refused(request, state, refusal).await,
    }
}

fn asked<'a>(request: &HttpRequest, state: &State, bearer: &'a Bearer) -> Asked<'a> {
    Asked { bearer, address: extract::address(request, state), now: state.provider.clock.now() }
}

/// The members of the body; where registration is off, no body is read.
async fn members(request: &HttpRequest, state: &Data<State>, payload: Payload) -> Result<Map<String, Value>, HttpResponse> {
    if state.provider.policy.registration.mode == register::Mode::Off {
        return Err(refused(request.clone(), state.clone(), Refusal::Off).await);
    }
    extract::json(request, payload).await.map_err(|bad| answer::oauth_error_with(bad.status, &bad.error))
}

async fn refused(request: HttpRequest, state: Data<State>, refusal: Refusal) -> HttpResponse {
    match refusal {
        Refusal::Off => routes::nothing_here(request, state).await,
        Refusal::NoToken => answer::no_token(),
        Refusal::WrongToken => {
            let error = Error::new(ErrorCode::InvalidToken, "the token is unknown, expired, used or not of this client");
            answer::oauth_error(&error, Challenge::Bearer)
        }
        Refusal::Metadata(refused) => {
            let body = json!({ "error": refused.code, "error_description": refused.description() });
            answer::json(StatusCode::BAD_REQUEST, &body)
        }
        Refusal::Changed => {
            let error = Error::new(ErrorCode::TemporarilyUnavailable, "somebody else changed it in between");
            answer::oauth_error(&error, Challenge::Body)
        }
        Refusal::Broken(fault) => answer::refusal(&fault.into(), Challenge::Body),
    }
}
