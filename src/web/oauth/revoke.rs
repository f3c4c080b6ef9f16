//! `/revoke` (RFC 7009).

use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::{challenge, posted, readable_by};
use crate::endpoints::revoke;
use crate::web::limits::for_client;
use crate::web::{State, answer, extract};

pub async fn post(request: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    let params = match posted(&request, &state, payload).await {
        Ok(params) => params,
        Err(response) => return response,
    };
    let now = state.provider.clock.now();
    match revoke(&state.provider, &extract::client_header(&request), &params, now).await {
        Ok(client) => for_client(
            &client.client_id,
            readable_by(&request, &client, HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).finish()),
        ),
        Err(refusal) => answer::refusal(&refusal, challenge(&request)),
    }
}
