//! Discovery (OpenID Connect Discovery section 4, RFC 8414 section 3) and the keys (RFC 7517).

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use crate::web::State;

pub async fn discovery(request: HttpRequest, state: Data<State>) -> HttpResponse {
    state.discovery.answer(&request)
}

/// Where passkeys of this host may be used; nowhere if it can have none.
pub async fn related_origins(request: HttpRequest, state: Data<State>) -> HttpResponse {
    state.related_origins.answer(&request)
}

pub async fn openapi(request: HttpRequest, state: Data<State>) -> HttpResponse {
    state.openapi.answer(&request)
}

pub async fn jwks(request: HttpRequest, state: Data<State>) -> HttpResponse {
    let keys = state.provider.keys.jwks_json();
    state.jwks.prepared(&keys.etag, &keys.body).answer(&request)
}
