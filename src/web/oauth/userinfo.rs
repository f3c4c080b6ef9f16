//! `/userinfo` (OpenID Connect Core section 5.3).

use actix_web::http::StatusCode;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::readable_by;
use crate::endpoints::{Bearer, UserinfoForm, userinfo};
use crate::web::answer::Challenge;
use crate::web::{State, answer, extract};

pub async fn get(request: HttpRequest, state: Data<State>) -> HttpResponse {
    let bearer = extract::bearer(&request, None);
    respond(&request, &state, &bearer).await
}

/// The token may also come in the body, if there is a form in it (RFC 6750 section 2.2).
pub async fn post(request: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    let has_form = request.headers().contains_key(actix_web::http::header::CONTENT_TYPE);
    let form = if has_form { extract::form(&request, payload).await.map(Some) } else { Ok(None) };
    match form {
        Ok(form) => respond(&request, &state, &extract::bearer(&request, form.as_ref())).await,
        Err(bad) => answer::oauth_error_with(bad.status, &bad.error),
    }
}

async fn respond(request: &HttpRequest, state: &State, bearer: &Bearer) -> HttpResponse {
    match userinfo(&state.provider, bearer, state.provider.clock.now()).await {
        Ok(claims) => {
            let response = match claims.form {
                UserinfoForm::Plain(claims) => answer::json(StatusCode::OK, &claims),
                UserinfoForm::Jwt(jwt) => {
                    HttpResponse::Ok().content_type("application/jwt").insert_header((CACHE_CONTROL, "no-store")).body(jwt)
                }
            };
            match state.provider.registry.client(&state.provider.db, &claims.client_id).await {
                Ok(Some(client)) => readable_by(request, &client.client, response),
                Ok(None) => response,
                Err(fault) => answer::refusal(&fault.into(), Challenge::Bearer),
            }
        }
        // A request without any token hears no error code (RFC 6750 section 3.1).
        Err(_) if matches!(bearer, Bearer::None) => answer::no_token(),
        Err(refusal) => answer::refusal(&refusal, Challenge::Bearer),
    }
}
