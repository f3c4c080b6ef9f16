//! What machines ask that watch us, the files of the pages, and the answer to a wrong method.

use actix_web::http::header::{ALLOW, CACHE_CONTROL};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::answer::log_fault;
use super::pages::Kind;
use super::person::error;
use super::{State, assets, routes};
use crate::store::sql;

/// `/healthz`: the process answers.
pub async fn healthz() -> HttpResponse {
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).body("ok\n")
}

/// `/readyz`: the process can do its work.
pub async fn readyz(state: Data<State>) -> HttpResponse {
    match state.provider.db.conn().fetch(sql("SELECT 1")).await {
        Ok(_) => healthz().await,
        Err(fault) => {
            log_fault(&fault);
            HttpResponse::ServiceUnavailable().insert_header((CACHE_CONTROL, "no-store")).body("the database does not answer\n")
        }
    }
}

/// `/static/NAME`: the name holds the content's hash.
pub async fn asset(request: HttpRequest, state: Data<State>) -> HttpResponse {
    let path = request.path().strip_prefix(state.provider.issuer.path()).unwrap_or_default();
    if path == super::state::ACCENT_CSS_PATH
        && let Some(css) = &state.accent_css
    {
        return css.answer(&request);
    }
    match assets::find(path) {
        Some(asset) => asset.content.answer(&request),
        None => error::show(&state, &request, Kind::NotFound, None),
    }
}

/// 405 with what is allowed instead.
pub async fn wrong_method(request: HttpRequest, state: Data<State>) -> HttpResponse {
    let pattern = request.match_pattern().unwrap_or_default();
    HttpResponse::MethodNotAllowed().insert_header((ALLOW, routes::allowed(&pattern, state.provider.issuer.path()))).finish()
}
