//! The logos of apps, served by us so that no page loads anything from elsewhere (decision 16).

use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};

use super::{broken, error};
use crate::web::State;
use crate::web::pages::Kind;

/// `/logo/DIGEST`: the name changes with the picture, so browsers may keep it.
pub async fn show(request: HttpRequest, state: Data<State>, digest: Path<String>) -> HttpResponse {
    match crate::endpoints::logo(&state.provider, &digest).await {
        Ok(Some(logo)) => HttpResponse::Ok()
            .content_type(logo.media_type)
            .insert_header((CACHE_CONTROL, "public, max-age=31536000, immutable"))
            .insert_header((CONTENT_DISPOSITION, "attachment"))
            .insert_header((CONTENT_SECURITY_POLICY, "sandbox"))
            .body(logo.image),
        Ok(None) => error::show(&state, &request, Kind::NotFound, None),
        Err(fault) => broken(&state, &request, &fault),
    }
}
