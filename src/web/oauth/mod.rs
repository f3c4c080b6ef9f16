//! One thin handler an endpoint: typed input in, typed answer out.

pub mod account_api;
pub mod authorize;
pub mod check_session;
pub mod end_session;
pub mod introspect;
pub mod metadata;
pub mod register;
pub mod revoke;
pub mod token;
pub mod userinfo;

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::header::AUTHORIZATION;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS,
    ACCESS_CONTROL_MAX_AGE, HeaderValue, ORIGIN, VARY,
};
use actix_web::web::{Data, Payload};

use super::answer::{Challenge, log_fault};
use super::limits::too_many;
use super::{State, answer, extract, routes};
use crate::endpoints::client_auth::Header;
use crate::oauth::{Client, Error, ErrorCode, Params};

/// How the client of this request hears a failed authentication.
fn challenge(request: &HttpRequest) -> Challenge {
    if request.headers().contains_key(AUTHORIZATION) { Challenge::Basic } else { Challenge::Body }
}

/// The form of an endpoint that programs post to; parameters never come in the query (RFC 6749 section 3.2).
///
/// # Errors
/// The answer to a request that has no such form.
async fn posted(request: &HttpRequest, state: &State, payload: Payload) -> Result<Params, HttpResponse> {
    if !request.query_string().is_empty() {
        let why = "send the parameters in the body, not in the query";
        return Err(answer::oauth_error(&Error::new(ErrorCode::InvalidRequest, why), challenge(request)));
    }
    let form = extract::form(request, payload).await.map_err(|bad| answer::oauth_error_with(bad.status, &bad.error))?;
    let claimed = match extract::client_header(request) {
        Header::Basic(basic) => Some(basic.client_id),
        Header::None | Header::Broken => form.get("client_id").map(ToOwned::to_owned),
    };
    let may = claimed.map_or(Ok(()), |client_id| state.limits.client_may(&client_id, state.provider.clock.now()));
    may.map(|()| form).map_err(too_many)
}

/// Lets a client's own web origin read the answer (decision 22); nobody else's.
fn readable_by(request: &HttpRequest, client: &Client, mut response: HttpResponse) -> HttpResponse {
    let headers = response.headers_mut();
    headers.append(VARY, HeaderValue::from_static("origin"));
    let Some(origin) = request.headers().get(ORIGIN) else { return response };
    if origin.to_str().is_ok_and(|origin| client.cors_origins().iter().any(|own| own == origin)) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("www-authenticate"));
    }
    response
}

/// A preflight names no client: it passes for any registered client's origin.
pub async fn preflight(request: HttpRequest, state: Data<State>) -> HttpResponse {
    let mut response = HttpResponse::NoContent();
    response.insert_header((VARY, "origin"));
    let Some(origin) = request.headers().get(ORIGIN).and_then(|origin| origin.to_str().ok()) else {
        return response.finish();
    };
    let pattern = request.match_pattern().unwrap_or_default();
    let methods = routes::allowed(&pattern, state.provider.issuer.path());
    match state.provider.registry.knows_origin(&state.provider.db, origin).await {
        Ok(true) => response
            .insert_header((ACCESS_CONTROL_ALLOW_ORIGIN, origin))
            .insert_header((ACCESS_CONTROL_ALLOW_METHODS, methods))
            .insert_header((ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type"))
            .insert_header((ACCESS_CONTROL_MAX_AGE, "600"))
            .finish(),
        Ok(false) => response.finish(),
        Err(fault) => {
            log_fault(&fault);
            HttpResponse::ServiceUnavailable().finish()
        }
    }
}
