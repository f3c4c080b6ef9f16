//! Whether a request is meant for us and came over a safe way (decision 1): its host is ours, and behind a proxy that speaks
//! TLS it came to that proxy by https. No header that is read here goes into a link, a cookie or a page.

use actix_web::HttpResponse;
use actix_web::dev::ServiceRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, FORWARDED, HOST, HeaderValue, LOCATION};
use actix_web::http::uri::Authority;

use super::routes::{Endpoint, Group};
use super::{State, answer};
use crate::base::Issuer;
use crate::oauth::{Error, ErrorCode};

/// What is asked by address, not by name, and by the proxy itself.
const PROBES: [&str; 2] = ["/healthz", "/readyz"];

/// The refusal of a request that is not meant for us or came in the clear; nothing if it may go on.
pub fn refusal(request: &ServiceRequest, state: &State, endpoint: Option<&'static Endpoint>) -> Option<HttpResponse> {
    if endpoint.is_some_and(|endpoint| PROBES.contains(&endpoint.path)) {
        return None;
    }
    if names_the_issuer(request, state) && !came_in_the_clear(request, state) {
        return None;
    }
    match asked(request) {
        None => Some(plain(StatusCode::BAD_REQUEST, "A request names one host.\n".to_owned())),
        Some(asked) if !is_ours(&asked, state) => {
            let authority = state.provider.issuer.authority();
            Some(plain(StatusCode::MISDIRECTED_REQUEST, format!("This server answers for {authority} only.\n")))
        }
        Some(_) if came_in_the_clear(request, state) => Some(over_https(request, &state.provider.issuer, endpoint)),
        Some(_) => None,
    }
}

/// The usual request, told without taking its host apart.
fn names_the_issuer(request: &ServiceRequest, state: &State) -> bool {
    let mut hosts = request.headers().get_all(HOST);
    let is_issuer = |host: &HeaderValue| host.as_bytes() == state.provider.issuer.authority().as_bytes();
    hosts.next().is_some_and(is_issuer) && hosts.next().is_none() && request.uri().authority().is_none()
}

fn plain(status: StatusCode, body: String) -> HttpResponse {
    let mut response = HttpResponse::build(status);
    response.force_close();
    response.content_type("text/plain; charset=utf-8").insert_header((CACHE_CONTROL, "no-store")).body(body)
}

/// The host that was asked for: from the request line, or from `Host`, of which there is one (RFC 9112 section 3.2).
fn asked(request: &ServiceRequest) -> Option<Authority> {
    let mut hosts = request.headers().get_all(HOST);
    let (host, second) = (hosts.next(), hosts.next());
    if second.is_some() {
        return None;
    }
    let host = match host {
        Some(host) => Some(host.to_str().ok()?.parse::<Authority>().ok()?),
        None => None,
    };
    let asked = match (request.uri().authority(), host) {
        (Some(asked), Some(host)) if *asked != host => return None,
        (Some(asked), _) => asked.clone(),
        (None, Some(host)) => host,
        (None, None) => return None,
    };
    is_host_and_port(&asked).then_some(asked)
}

/// `Authority` itself takes user names, and anything after a colon.
fn is_host_and_port(authority: &Authority) -> bool {
    let rest = authority.as_str().strip_prefix(authority.host());
    rest.is_some_and(|rest| rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port))
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

/// The issuer's host, one that the operator listed, or in development any name of this machine.
fn is_ours(asked: &Authority, state: &State) -> bool {
    let issuer = &state.provider.issuer;
    let default_port = if issuer.is_https() { ":443" } else { ":80" };
    let text = asked.as_str().strip_suffix(default_port).unwrap_or(asked.as_str());
    let is_loopback = || {
        let host = asked.host().trim_matches(['[', ']']);
        host.eq_ignore_ascii_case("localhost") || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
    };
    text.eq_ignore_ascii_case(issuer.authority())
        || state.trusted_hosts.iter().any(|host| [text, asked.as_str()].iter().any(|asked| asked.eq_ignore_ascii_case(host)))
        || issuer.is_development() && is_loopback()
}

/// Whether a listed proxy says that the request came to it over plain http, while we are to be asked by https. Of several proxies the first one counts.
fn came_in_the_clear(request: &ServiceRequest, state: &State) -> bool {
    if state.trusted_proxies.is_empty() || !state.provider.issuer.is_https() {
        return false;
    }
    let Some(peer) = request.peer_addr().map(|peer| peer.ip().to_canonical()) else { return false };
    if !state.trusted_proxies.iter().any(|net| net.contains(&peer)) {
        return false;
    }
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let first = |text: &'static str| header(text).and_then(|value| value.split(',').next());
    if let Some(scheme) = first("x-forwarded-proto") {
        return scheme.trim().eq_ignore_ascii_case("http");
    }
    // RFC 7239 section 4.
    first(FORWARDED.as_str()).is_some_and(|hop| {
        hop.split(';').filter_map(|pair| pair.split_once('=')).any(|(name, value)| {
            name.trim().eq_ignore_ascii_case("proto") && value.trim().trim_matches('"').eq_ignore_ascii_case("http")
        })
    })
}

/// A page is shown again over https, at the issuer's own address. Whoever sent something else in the clear, perhaps a secret, has
/// to hear it.
fn over_https(request: &ServiceRequest, issuer: &Issuer, endpoint: Option<&'static Endpoint>) -> HttpResponse {
    let is_page = endpoint.is_none_or(|endpoint| {
        endpoint.group == Group::Page || ["authorization_endpoint", "end_session_endpoint"].map(Some).contains(&endpoint.metadata)
    });
    let path = request.uri().path_and_query().map(|path| path.as_str()).filter(|path| path.starts_with('/'));
    match path {
        Some(path) if is_page && request.method().is_safe() => {
            HttpResponse::PermanentRedirect()
                .insert_header((LOCATION, format!("{}{path}", issuer.origin())))
                // A proxy that says the wrong thing would be remembered by every browser.
                .insert_header((CACHE_CONTROL, "no-store"))
                .finish()
        }
        _ => {
            let why = "this came over plain http and was not processed; use https, and change every secret that was in it";
            let error = Error::new(ErrorCode::InvalidRequest, why);
            answer::oauth_error_with(StatusCode::FORBIDDEN, &error)
        }
    }
}
