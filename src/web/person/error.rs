//! The error page: a support code for the person, the same code in the log, and for the app's developer what differs.

use actix_web::http::header::RETRY_AFTER;
use actix_web::http::{ConnectionType, StatusCode};
use actix_web::{HttpRequest, HttpResponse};

use super::page;
use crate::base::SupportCode;
use crate::endpoints::authorize::PageError;
use crate::endpoints::upstreams::Failed;
use crate::web::State;
use crate::web::cookies;
use crate::web::pages::{Developer, ErrorPage, Frame, Kind, UpstreamError};

/// Shows that something went wrong.
pub fn show(state: &State, request: &HttpRequest, kind: Kind, developer: Option<Developer>) -> HttpResponse {
    // Without a browser cookie there is no form on the page, and none is made here.
    let browser = cookies::browser(request, &state.provider.issuer, &state.provider.random);
    let frame = match &browser {
        Ok(browser) if browser.new.is_none() => state.frame(request, &browser.hash, None, None),
        _ => Frame { csrf: None, ..state.frame(request, "", None, None) },
    };
    render(state, frame, (kind, developer), None)
}

/// Signing in by another provider did not succeed: the other ways stay.
pub fn upstream(state: &State, request: &HttpRequest, failed: Failed) -> HttpResponse {
    let browser = cookies::browser(request, &state.provider.issuer, &state.provider.random);
    let hash = browser.ok().filter(|browser| browser.new.is_none()).map(|browser| browser.hash);
    let frame = state.frame(request, hash.as_deref().unwrap_or_default(), failed.client.as_ref(), None);
    let frame = if hash.is_some() { frame } else { Frame { csrf: None, ..frame } };
    let base = state.provider.issuer.path();
    let url = failed.interaction.map(|id| format!("{base}/sign-in/{id}"));
    // The address of this page may hold a code, and whatever a stranger wrote.
    let frame = Frame { self_url: url.clone().unwrap_or_else(|| format!("{base}/account")), ..frame };
    let link = url.map(|url| (url, frame.t().upstream.back.to_owned()));
    render(state, frame, (Kind::Upstream { why: failed.why, name: failed.upstream }, None), link)
}

/// An authorization request that nobody may be answered for.
pub fn authorization(state: &State, request: &HttpRequest, error: PageError) -> HttpResponse {
    let kind = match (&error.client, &error.redirect) {
        (_, Some(_)) => Kind::WrongRedirect,
        (Some(_), None) => Kind::BadRequest,
        (None, None) => Kind::UnknownClient,
    };
    let (sent, registered) = error.redirect.map_or((None, Vec::new()), |r| (Some(r.sent), r.registered));
    let developer = Developer { why: error.why.to_owned(), sent, registered };
    let frame = Frame { csrf: None, ..state.frame(request, "", error.client.as_ref(), None) };
    render(state, frame, (kind, Some(developer)), None)
}

fn render(
    state: &State,
    frame: Frame,
    (kind, developer): (Kind, Option<Developer>),
    link: Option<(String, String)>,
) -> HttpResponse {
    let support_code = SupportCode::new(&state.provider.random).map_or_else(|_| "-".to_owned(), |code| code.to_string());
    let status = StatusCode::from_u16(kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let why = developer.as_ref().map(|d| d.why.as_str());
    match kind {
        // In a flood the log would be one more thing to fill; `limits` says once a minute who it is.
        Kind::TooMany { .. } => tracing::debug!(support_code, status = status.as_u16(), "error page"),
        _ => tracing::warn!(support_code, status = status.as_u16(), why, "error page"),
    }
    let retry_after = match kind {
        Kind::TooMany { seconds } => Some(seconds),
        Kind::Unavailable => Some(5),
        Kind::Upstream { why: UpstreamError::Down, .. } => Some(30),
        _ => None,
    };
    let is_unread = kind == Kind::TooLarge;
    let mut response = page(status, &ErrorPage { frame, kind, support_code, developer, link });
    if is_unread {
        // What is left of the body is not read.
        response.head_mut().set_connection_type(ConnectionType::Close);
    }
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}
