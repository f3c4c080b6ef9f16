//! From an HTTP request to typed input: parameters, presented credentials, bearer tokens, the visitor and their address.

use std::net::IpAddr;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT_LANGUAGE, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, USER_AGENT};
use actix_web::web::{BytesMut, Payload};
use base64::Engine as _;
use serde_json::{Map, Value};

use super::State;
use super::cookies::{self, Browser};
use crate::base::{Fault, Secret};
use crate::endpoints::client_auth::{Basic, Header};
use crate::endpoints::{Bearer, Signed, Visit};
use crate::identity::sessions;
use crate::jose;
use crate::oauth::{Error, ErrorCode, Lang, Params, negotiate};

/// The largest body that is read, in bytes (protocol A15).
const LARGEST_BODY: usize = 64 * 1024;

/// How long a body may take to arrive.
const BODY_DEADLINE: Duration = Duration::from_secs(10);

/// How much of a user agent is kept, in characters.
const LONGEST_USER_AGENT: usize = 256;

/// A body that is no form of ours, with the status that says so.
pub struct BadBody {
    pub status: StatusCode,
    pub error: Error,
}

/// Reads a form body (RFC 6749 appendix B).
///
/// # Errors
/// 413 for too much, 415 for another type or an encoding, 408 for too slow, 400 for broken parameters.
pub async fn form(request: &HttpRequest, payload: Payload) -> Result<Params, BadBody> {
    let why = "the body must be application/x-www-form-urlencoded";
    let body = body(request, payload, (&["application/x-www-form-urlencoded"], why)).await?;
    Params::parse(&body).map_err(|error| BadBody { status: StatusCode::BAD_REQUEST, error })
}

/// Reads a JSON object (RFC 8259); a merge patch (RFC 7396) is one.
///
/// # Errors
/// As [`form`]; 400 for what is no object, or has a member twice.
pub async fn json(request: &HttpRequest, payload: Payload) -> Result<Map<String, Value>, BadBody> {
    let types = ["application/json", "application/merge-patch+json"];
    let body = body(request, payload, (&types, "the body must be application/json")).await?;
    let error = Error::new(ErrorCode::InvalidRequest, "the body must be a JSON object without a member that stands twice");
    jose::members(&body).ok_or(BadBody { status: StatusCode::BAD_REQUEST, error })
}

/// Reads a body of one of these media types.
async fn body(
    request: &HttpRequest,
    payload: Payload,
    (types, other_type): (&[&str], &'static str),
) -> Result<BytesMut, BadBody> {
    let bad = |status, why| BadBody { status, error: Error::new(ErrorCode::InvalidRequest, why) };
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let media_type = header(CONTENT_TYPE).and_then(|t| t.split(';').next()).map(|t| t.trim().to_ascii_lowercase());
    if !media_type.is_some_and(|media_type| types.contains(&media_type.as_str())) {
        return Err(bad(StatusCode::UNSUPPORTED_MEDIA_TYPE, other_type));
    }
    if header(CONTENT_ENCODING).is_some_and(|encoding| !encoding.eq_ignore_ascii_case("identity")) {
        return Err(bad(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the body must not be encoded"));
    }
    tokio::time::timeout(BODY_DEADLINE, read(payload))
        .await
        .map_err(|_| bad(StatusCode::REQUEST_TIMEOUT, "the body took too long to arrive"))?
        .map_err(|why| match why {
            BodyTrouble::TooLarge => bad(StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than 64 KiB"),
            BodyTrouble::Broken => bad(StatusCode::BAD_REQUEST, "the body did not arrive whole"),
        })
}

enum BodyTrouble {
    TooLarge,
    Broken,
}

async fn read(mut payload: Payload) -> Result<BytesMut, BodyTrouble> {
    let mut body = BytesMut::new();
    while let Some(chunk) = std::future::poll_fn(|cx| futures_core::Stream::poll_next(std::pin::Pin::new(&mut payload), cx)).await
    {
        let chunk = chunk.map_err(|_| BodyTrouble::Broken)?;
        if body.len() + chunk.len() > LARGEST_BODY {
            return Err(BodyTrouble::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The parameters of the query.
///
/// # Errors
/// `invalid_request` for what is broken, doubled or too much.
pub fn query(request: &HttpRequest) -> Result<Params, Error> {
    Params::parse(request.query_string().as_bytes())
}

/// What `Authorization` says of the client (RFC 6749 section 2.3.1: both halves are form-encoded first).
pub fn client_header(request: &HttpRequest) -> Header {
    let mut values = request.headers().get_all(AUTHORIZATION);
    let (first, second) = (values.next(), values.next());
    match (first, second) {
        (None, _) => Header::None,
        (Some(value), None) => value.to_str().ok().and_then(basic).map_or(Header::Broken, Header::Basic),
        (Some(_), Some(_)) => Header::Broken,
    }
}

fn basic(value: &str) -> Option<Basic> {
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let bytes = base64::engine::general_purpose::STANDARD.decode(encoded.trim()).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some(Basic { client_id: decoded(id)?, secret: Secret::new(decoded(secret)?) })
}

fn decoded(text: &str) -> Option<String> {
    percent_encoding::percent_decode_str(&text.replace('+', " ")).decode_utf8().ok().map(Into::into)
}

/// The access token of a protected request; in the body only where `form` is given (RFC 6750 section 2.2).
pub fn bearer(request: &HttpRequest, form: Option<&Params>) -> Bearer {
    if query(request).map_or(true, |params| params.get("access_token").is_some()) {
        return Bearer::Misused;
    }
    let in_body = form.and_then(|params| params.get("access_token"));
    let mut headers = request.headers().get_all(AUTHORIZATION);
    match (headers.next(), headers.next(), in_body) {
        (None, None, None) => Bearer::None,
        (None, None, Some(token)) => Bearer::Token(token.to_owned()),
        (Some(header), None, None) => {
            let token = header.to_str().ok().and_then(|value| value.split_once(' '));
            match token {
                Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Bearer::Token(token.trim().to_owned()),
                _ => Bearer::None,
            }
        }
        _ => Bearer::Misused,
    }
}

/// The address of the person or client: the peer's, or behind a listed proxy the last address that no listed proxy has.
pub fn address(request: &HttpRequest, state: &State) -> IpAddr {
    let peer = request.peer_addr().map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.ip()).to_canonical();
    let trusted = |ip: &IpAddr| state.trusted_proxies.iter().any(|net| net.contains(ip));
    if !trusted(&peer) {
        return peer;
    }
    // Each proxy appends; so it is read from the right, for as long as a listed proxy speaks. What a stranger wrote to the
    // left of that is never reached.
    let lines: Vec<_> =
        request.headers().get_all("x-forwarded-for").map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    let hops = lines.iter().rev().flat_map(|line| line.rsplit(','));
    let mut parsed = hops.map_while(|hop| hop.trim().parse::<IpAddr>().ok().map(|ip| ip.to_canonical()));
    parsed.find(|ip| !trusted(ip)).unwrap_or(peer)
}

/// Who stands at the door. The browser's cookie is made here if it has none.
///
/// # Errors
/// Storage or chance failed.
pub async fn visit(request: &HttpRequest, state: &State) -> Result<(Visit, Browser), Fault> {
    let provider = &state.provider;
    let now = provider.clock.now();
    let browser = cookies::browser(request, &provider.issuer, &provider.random)?;
    let session = match cookies::session(request, &provider.issuer) {
        Some(token) => signed(state, &token, now).await?,
        None => None,
    };
    let user_agent = request.headers().get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let visit = Visit {
        browser_hash: browser.hash.clone(),
        session,
        half_hash: cookies::half(request, &provider.issuer),
        device_hash: cookies::device(request, &provider.issuer),
        address: address(request, state),
        user_agent: user_agent.chars().take(LONGEST_USER_AGENT).collect(),
        lang: language(request, None),
        now,
    };
    Ok((visit, browser))
}

/// The language that the person chose, the app asked for or the browser prefers, in this order.
pub fn language(request: &HttpRequest, ui_locales: Option<&str>) -> Lang {
    let header = request.headers().get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let chosen = request.cookie("lang");
    negotiate(chosen.as_ref().map(|cookie| cookie.value()).or(ui_locales), header)
}

async fn signed(state: &State, token: &sessions::SessionToken, now: crate::base::Timestamp) -> Result<Option<Signed>, Fault> {
    let provider = &state.provider;
    let mut conn = provider.db.conn();
    let idle = provider.policy.session_idle_seconds;
    let Some((session, user)) = sessions::find(&mut conn, token, idle, now).await? else { return Ok(None) };
    sessions::touch(&provider.db, &session, now).await?;
    Ok(Some(Signed { session, user }))
}
