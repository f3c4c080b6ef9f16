//! The headers of every answer (decision 15) and the request's id; on the way in, the entrance and the limits.

use std::time::Instant;

use actix_web::Error;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS,
};
use actix_web::middleware::Next;
use actix_web::web::Data;
use tracing::Instrument as _;

use super::pages::Kind;
use super::person::error;
use super::routes::Endpoint;
use super::{State, entrance, limits, routes};
use crate::base::public_id;

pub(super) const PAGE_CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
    font-src 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'";

/// The same for pages whose forms end here: only they may say so (Chromium applies `form-action` to all redirects after it).
const OWN_PAGE_CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
    font-src 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; form-action 'self'";

/// Everything off but what the pages use: passkeys, and the buttons that copy.
const PERMISSIONS_POLICY: &str = "publickey-credentials-get=(self), publickey-credentials-create=(self), \
    clipboard-write=(self), accelerometer=(), autoplay=(), camera=(), clipboard-read=(), display-capture=(), \
    encrypted-media=(), fullscreen=(), geolocation=(), gyroscope=(), hid=(), idle-detection=(), magnetometer=(), \
    microphone=(), midi=(), payment=(), picture-in-picture=(), screen-wake-lock=(), serial=(), usb=(), web-share=(), \
    xr-spatial-tracking=()";

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const CORP: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const COOP: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const PERMISSIONS: HeaderName = HeaderName::from_static("permissions-policy");

/// Wraps every request.
///
/// # Errors
/// What the handler's own extractors refuse.
pub async fn around<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let state = request.app_data::<Data<State>>().cloned();
    let Some(state) = state else { return Ok(next.call(request).await?.map_into_left_body()) };
    let id = public_id(&state.provider.random).unwrap_or_default();
    let path = request.path().to_owned();
    let pattern = request.match_pattern();
    let base = state.provider.issuer.path();
    let place = pattern.as_ref().and_then(|pattern| routes::position(pattern, base));
    let endpoint = place.and_then(|at| routes::ENDPOINTS.get(at));
    let has_secret = endpoint.map_or_else(|| routes::may_hold_secret(&path, base), Endpoint::has_secret);
    let shown = if has_secret { pattern.unwrap_or_else(|| "a broken link".to_owned()) } else { path.clone() };
    let span = tracing::info_span!("request", id, method = %request.method(), path = shown);
    let begun = Instant::now();
    let mut response = match entrance::refusal(&request, &state, endpoint) {
        Some(refusal) => request.into_response(refusal.map_into_right_body()),
        None => admitted(request, next, &state, endpoint).instrument(span).await?,
    };
    state.metrics.count(place, response.status().as_u16(), begun.elapsed());
    complete(response.headers_mut(), &state, path.strip_prefix(base).unwrap_or_default(), &id);
    // Under `no-referrer` Chromium sends `Origin: null` with our own forms, so it is there for nothing but secrets.
    let is_silent = has_secret || endpoint.is_some_and(Endpoint::sends_no_referrer);
    let referrer = if is_silent { "no-referrer" } else { "same-origin" };
    response.headers_mut().insert(REFERRER_POLICY, HeaderValue::from_static(referrer));
    Ok(response)
}

/// The handler's answer, within the limits.
async fn admitted<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
    state: &State,
    endpoint: Option<&'static Endpoint>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let level = match limits::admit(&request, state, endpoint).await {
        Ok(level) => level,
        Err(refusal) => return Ok(request.into_response(refusal.map_into_right_body())),
    };
    // A database may take no NUL in a text, and no path of ours has one.
    if request.path().contains("%00") {
        let nothing = error::show(state, request.request(), Kind::NotFound, None);
        return Ok(request.into_response(nothing.map_into_right_body()));
    }
    Ok(limits::settle(next.call(request).await?.map_into_left_body(), state, endpoint, level).await)
}

fn complete(headers: &mut HeaderMap, state: &State, path: &str, id: &str) {
    let fixed = HeaderValue::from_static;
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, fixed("nosniff"));
    if state.provider.issuer.is_https() {
        headers.insert(STRICT_TRANSPORT_SECURITY, fixed("max-age=31536000"));
    }
    headers.insert(PERMISSIONS, fixed(PERMISSIONS_POLICY));
    let is_page = headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"text/html"));
    if headers.get(actix_web::http::header::ACCESS_CONTROL_ALLOW_ORIGIN).is_none() && !headers.contains_key(CORP) {
        headers.insert(CORP, fixed("same-origin"));
    }
    // The form that connects an account elsewhere ends there (decision 15).
    let own = is_page && path.starts_with("/account") && path != "/account/identities";
    if !headers.contains_key(CONTENT_SECURITY_POLICY) {
        headers.insert(CONTENT_SECURITY_POLICY, fixed(if own { OWN_PAGE_CSP } else { PAGE_CSP }));
    }
    if own {
        headers.insert(COOP, fixed("same-origin"));
    }
}
