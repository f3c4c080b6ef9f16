//! `/token` (RFC 6749 section 3.2).

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::{challenge, posted, readable_by};
use crate::endpoints::token::token;
use crate::web::limits::for_client;
use crate::web::{State, answer, extract};

pub async fn post(request: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    let params = match posted(&request, &state, payload).await {
        Ok(params) => params,
        Err(response) => return response,
    };
    let now = state.provider.clock.now();
    match token(&state.provider, &extract::client_header(&request), &params, now).await {
        Ok(answered) => {
            let response = match &answered.result {
                Ok(tokens) => answer::tokens(tokens),
                Err(refusal) => answer::refusal(refusal, challenge(&request)),
            };
            for_client(&answered.client.client_id, readable_by(&request, &answered.client, response))
        }
        Err(refusal) => answer::refusal(&refusal, challenge(&request)),
    }
}
