//! The two cookies of decision 9: `session` alone carries privilege, `browser` only tells one browser from another. Beside them
//! `half` stands for a first proof between two pages, so that the session before goes on until the new one begins, and `device` for a
//! browser in which the second factor is left out.
//!
//! Over https both have the `__Host-` prefix; on loopback http, where browsers refuse that, they have plain names.

use actix_web::HttpRequest;
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};

use crate::base::{Fault, Issuer, Random, sha256_base64url};
use crate::identity::sessions::SessionToken;

/// Browsers keep a cookie for at most 400 days.
const BROWSER_DAYS: i64 = 400;

/// The browser cookie of a request: the one that came, or a new one that the answer has to set.
pub struct Browser {
    pub hash: String,
    pub new: Option<Cookie<'static>>,
}

fn name(issuer: &Issuer, plain: &'static str, secure: &'static str) -> &'static str {
    if issuer.is_https() { secure } else { plain }
}

fn session_name(issuer: &Issuer) -> &'static str {
    name(issuer, "session", "__Host-session")
}

fn browser_name(issuer: &Issuer) -> &'static str {
    name(issuer, "browser", "__Host-browser")
}

fn device_name(issuer: &Issuer) -> &'static str {
    name(issuer, "device", "__Host-device")
}

fn half_name(issuer: &Issuer) -> &'static str {
    name(issuer, "half", "__Host-half")
}

/// The name of the cookie that the frame of session management reads.
pub fn state_name(issuer: &Issuer) -> &'static str {
    name(issuer, "session-state", "__Host-session-state")
}

/// The one cookie that a script may read, and that comes to a frame in anybody's page: a hash that says when the person is another
/// one, and nothing else (decision 15). On loopback http, where browsers want it secure, it stays on this site.
pub fn set_state(issuer: &Issuer, state: &str, seconds: Option<i64>) -> Cookie<'static> {
    let mut cookie = build(issuer, state_name(issuer), state.to_owned(), seconds.map(Duration::seconds));
    cookie.set_http_only(false);
    cookie.set_same_site(if issuer.is_https() { SameSite::None } else { SameSite::Lax });
    cookie
}

/// Takes it away: nobody is signed in.
pub fn clear_state(issuer: &Issuer) -> Cookie<'static> {
    set_state(issuer, "", Some(0))
}

/// The state that the browser has, where it is not `state`.
pub fn has_other_state(request: &HttpRequest, issuer: &Issuer, state: &str) -> bool {
    request.cookie(state_name(issuer)).map_or(!state.is_empty(), |cookie| cookie.value() != state)
}

/// Without a `max_age` the browser forgets it when it closes.
fn build(issuer: &Issuer, name: &'static str, value: String, max_age: Option<Duration>) -> Cookie<'static> {
    let mut cookie =
        Cookie::build(name, value).path("/").secure(issuer.is_https()).http_only(true).same_site(SameSite::Lax).finish();
    cookie.set_max_age(max_age);
    cookie
}

/// The browser of a request, known or new.
///
/// # Errors
/// The random source gave nothing.
pub fn browser(request: &HttpRequest, issuer: &Issuer, random: &Random) -> Result<Browser, Fault> {
    // Any value will do that has the shape of ours: it carries no privilege.
    let known = request.cookie(browser_name(issuer)).filter(|cookie| cookie.value().len() == 43);
    if let Some(cookie) = known {
        return Ok(Browser { hash: sha256_base64url(cookie.value()), new: None });
    }
    let value = random.token()?;
    let hash = sha256_base64url(&value);
    Ok(Browser { hash, new: Some(build(issuer, browser_name(issuer), value, Some(Duration::days(BROWSER_DAYS)))) })
}

/// The session token of a request, if it has the exact shape of one.
pub fn session(request: &HttpRequest, issuer: &Issuer) -> Option<SessionToken> {
    SessionToken::parse(request.cookie(session_name(issuer))?.value())
}

/// The hash of the token that came with a first proof. It opens the page that asks for the second factor, and nothing else.
pub fn half(request: &HttpRequest, issuer: &Issuer) -> Option<String> {
    hash_of(request, half_name(issuer))
}

/// The hash of the token of a remembered browser: the second factor is left out there, and nothing else.
pub fn device(request: &HttpRequest, issuer: &Issuer) -> Option<String> {
    hash_of(request, device_name(issuer))
}

fn hash_of(request: &HttpRequest, name: &str) -> Option<String> {
    let cookie = request.cookie(name).filter(|cookie| cookie.value().len() == 43);
    cookie.map(|cookie| sha256_base64url(cookie.value()))
}

/// Sets the token of a remembered browser, for so many seconds.
pub fn set_device(issuer: &Issuer, token: &str, seconds: i64) -> Cookie<'static> {
    build(issuer, device_name(issuer), token.to_owned(), Some(Duration::seconds(seconds)))
}

/// Sets the token of a first proof, until the browser closes.
pub fn set_half(issuer: &Issuer, token: &str) -> Cookie<'static> {
    build(issuer, half_name(issuer), token.to_owned(), None)
}

/// Takes it away.
pub fn clear_half(issuer: &Issuer) -> Cookie<'static> {
    build(issuer, half_name(issuer), String::new(), Some(Duration::ZERO))
}

/// Sets a new session token, for so many seconds or until the browser closes.
pub fn set_session(issuer: &Issuer, token: &str, seconds: Option<i64>) -> Cookie<'static> {
    build(issuer, session_name(issuer), token.to_owned(), seconds.map(Duration::seconds))
}

/// Takes the session token away.
pub fn clear_session(issuer: &Issuer) -> Cookie<'static> {
    build(issuer, session_name(issuer), String::new(), Some(Duration::ZERO))
}
