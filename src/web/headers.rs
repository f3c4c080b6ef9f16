//! The headers of every answer (decision 15), the request's id, and the check that a request is meant for us.

use std::time::Instant;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS,
};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpResponse};
use tracing::Instrument as _;

use super::pages::Kind;
use super::person::error;
use super::{State, routes};
use crate::base::public_id;

const PAGE_CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
    font-src 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'";

/// The same for pages whose forms end here: only they may say so (Chromium applies `form-action` to all redirects after it).
const OWN_PAGE_CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
    font-src 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; form-action 'self'";

/// What is asked by address, not by name.
const PROBES: [&str; 2] = ["/healthz", "/readyz"];

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
    if !is_for_us(&request, &state) {
        let authority = state.provider.issuer.authority();
        let body = format!("This server answers for {authority} only.\n");
        let response = HttpResponse::build(actix_web::http::StatusCode::MISDIRECTED_REQUEST).body(body);
        let mut response = request.into_response(response).map_into_right_body();
        complete(response.headers_mut(), &state, "", &id);
        return Ok(response);
    }
    let path = request.path().to_owned();
    // A database may take no NUL in a text, and no path of ours has one.
    if path.contains("%00") {
        let response = error::show(&state, request.request(), Kind::NotFound, None);
        let mut response = request.into_response(response).map_into_right_body();
        complete(response.headers_mut(), &state, "", &id);
        return Ok(response);
    }
    let span = tracing::info_span!("request", id, method = %request.method(), path);
    let begun = Instant::now();
    let mut response = next.call(request).instrument(span).await?.map_into_left_body();
    let pattern = response.request().match_pattern();
    state.metrics.count(
        pattern.and_then(|p| routes::position(&p, state.provider.issuer.path())),
        response.status().as_u16(),
        begun.elapsed(),
    );
    complete(response.headers_mut(), &state, path.strip_prefix(state.provider.issuer.path()).unwrap_or_default(), &id);
    Ok(response)
}

/// The host that was asked for is ours; a listed proxy may have put its own there, and a probe asks by address.
fn is_for_us(request: &ServiceRequest, state: &State) -> bool {
    let hosts: Vec<_> = request.headers().get_all(HOST).collect();
    let asked = match (request.uri().authority(), hosts.as_slice()) {
        (Some(authority), [_] | []) => authority.as_str(),
        (None, [one]) => one.to_str().unwrap_or_default(),
        _ => return false,
    };
    let by_proxy = || {
        request.peer_addr().is_some_and(|peer| state.trusted_proxies.iter().any(|net| net.contains(&peer.ip().to_canonical())))
    };
    let is_probe = || {
        let own = request.path().strip_prefix(state.provider.issuer.path());
        own.is_some_and(|path| PROBES.contains(&path))
    };
    asked.eq_ignore_ascii_case(state.provider.issuer.authority()) || is_probe() || by_proxy()
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
    headers.insert(PERMISSIONS, fixed("camera=(), microphone=(), geolocation=()"));
    let is_page = headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"text/html"));
    if headers.get(actix_web::http::header::ACCESS_CONTROL_ALLOW_ORIGIN).is_none() {
        headers.insert(CORP, fixed("same-origin"));
    }
    let own = is_page && path.starts_with("/account");
    if !headers.contains_key(CONTENT_SECURITY_POLICY) {
        headers.insert(CONTENT_SECURITY_POLICY, fixed(if own { OWN_PAGE_CSP } else { PAGE_CSP }));
    }
    if own {
        headers.insert(COOP, fixed("same-origin"));
    }
    // Under `no-referrer` Chromium would send `Origin: null` with our own forms.
    headers.insert(REFERRER_POLICY, fixed("same-origin"));
}
