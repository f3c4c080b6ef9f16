//! `session_state` (OpenID Connect Session Management 1.0 section 2): what a relying party shows to our frame, which tells it
//! whether the person in the browser is still the same.

use super::Provider;
use super::authorize::ValidRequest;
use crate::base::{Fault, base64url, sha256_base64url};
use crate::identity::sessions::Session;
use crate::oauth::RedirectUri;

/// What stands for the state of a browser in the cookie that our frame reads: empty while nobody is signed in. It is the same for as
/// long as the session is, and tells nothing about it.
pub fn op_browser_state(session: Option<&Session>) -> String {
    session.map(|session| sha256_base64url(&format!("op browser state {}", session.id))).unwrap_or_default()
}

/// The `session_state` for one answer; none where no web page can have asked.
///
/// # Errors
/// Chance failed.
pub fn session_state(provider: &Provider, request: &ValidRequest, session: Option<&Session>) -> Result<Option<String>, Fault> {
    if !request.scope.contains("openid") {
        return Ok(None);
    }
    let Some(origin) = RedirectUri::parse(&request.redirect_uri).ok().and_then(|uri| uri.origin()) else { return Ok(None) };
    let salt = base64url(&provider.random.bytes::<12>()?);
    let state = op_browser_state(session);
    let hash = sha256_base64url(&format!("{} {origin} {state} {salt}", request.client_id));
    Ok(Some(format!("{hash}.{salt}")))
}
