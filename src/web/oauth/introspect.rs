//! `/introspect` (RFC 7662).

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::{challenge, posted};
use crate::endpoints::introspect;
use crate::web::limits::for_client;
use crate::web::{State, answer, extract};

pub async fn post(request: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    let params = match posted(&request, &state, payload).await {
        Ok(params) => params,
        Err(response) => return response,
    };
    let now = state.provider.clock.now();
    match introspect(&state.provider, &extract::client_header(&request), &params, now).await {
        Ok((client_id, claims)) => for_client(&client_id, answer::json(StatusCode::OK, &claims)),
        Err(refusal) => answer::refusal(&refusal, challenge(&request)),
    }
}
