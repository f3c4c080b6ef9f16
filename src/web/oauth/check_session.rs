//! `/check_session` (OpenID Connect Session Management 1.0 section 3.2): any relying party may have it in a frame.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_SECURITY_POLICY, HeaderName, HeaderValue};
use actix_web::web::Data;

use crate::web::pages::CheckSession;
use crate::web::person::page;
use crate::web::{State, assets, cookies};

/// Nothing but one script of ours; it asks nobody and shows nothing (decision 15).
const FRAME_CSP: &str = "default-src 'none'; script-src 'self'; base-uri 'none'; object-src 'none'; frame-ancestors *";

/// A page that takes frames only from whom they are meant for may have this one, too.
const CORP: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

pub async fn get(state: Data<State>) -> HttpResponse {
    let issuer = &state.provider.issuer;
    let script_url = format!("{}{}", issuer.path(), assets::check_session().path);
    let mut response = page(StatusCode::OK, &CheckSession { cookie: cookies::state_name(issuer), script_url });
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(FRAME_CSP));
    response.headers_mut().insert(CORP, HeaderValue::from_static("cross-origin"));
    response
}
