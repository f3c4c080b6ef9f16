//! `authorization_code` (RFC 6749 section 4.1.3, PKCE by RFC 7636 section 4.6).
//!
//! A failed redemption by an authenticated client burns the code; a second one ends everything that came from the first.

use super::{AuthenticatedClient, Granted, Proof, Proved, Replay, invalid_grant, narrowed_resources};
use crate::base::{Fault, Timestamp};
use crate::endpoints::Provider;
use crate::identity::sessions;
use crate::oauth::token_request::AuthorizationCode as Request;
use crate::store::tokens::{self, Code};
use crate::tokens::{AuthorizationCode, CodeDetail, GrantDetail};

pub(super) async fn prove(
    provider: &Provider,
    client: &AuthenticatedClient,
    request: Request,
    now: Timestamp,
) -> Result<Proved, Fault> {
    let Some(presented) = AuthorizationCode::parse(&request.code) else { return Ok(Proved::Refused(invalid_grant())) };
    let hash = presented.hash();
    let mut conn = provider.db.conn();
    let Some(code) = tokens::find_code(&mut conn, &hash).await? else { return Ok(Proved::Refused(invalid_grant())) };
    let detail = CodeDetail::read(&code.detail)?;
    if let Some(kind) = misuse(&code, &detail, client, &request) {
        let replay = Replay { grant: code.grant, kind, why: invalid_grant() };
        return Ok(Proved::Replayed(replay));
    }
    if now >= code.expires_at || !code.grant.is_live(now) {
        return Ok(Proved::Refused(invalid_grant()));
    }
    let grant = GrantDetail::read(&code.grant.detail)?;
    let resources = match narrowed_resources(provider, client, &grant.resources, request.resource).await? {
        Ok(resources) => resources,
        Err(error) => return Ok(Proved::Refused(error)),
    };
    // A code is good for as long as the session that it came from (a minute at most), whatever it asks for.
    let user = match &code.grant.session_id {
        Some(session) => sessions::person(&mut conn, session, provider.policy.session_idle_seconds, now).await?,
        None => None,
    };
    let Some(user) = user else { return Ok(Proved::Refused(invalid_grant())) };
    Ok(Proved::Granted(Box::new(Granted {
        scope: grant.scope.clone(),
        detail: grant,
        grant: code.grant,
        user: Some(user),
        resources,
        nonce: detail.nonce,
        proof: Proof::Code { hash },
    })))
}

/// What about a presented code proves that somebody has it who should not; its name in the audit log.
fn misuse(code: &Code, detail: &CodeDetail, client: &AuthenticatedClient, request: &Request) -> Option<&'static str> {
    if code.used_at.is_some() {
        return Some(super::CODE_REPLAY);
    }
    if code.grant.client_id != client.client_id {
        return Some("code_of_other_client");
    }
    if request.redirect_uri.as_deref() != Some(detail.redirect_uri.as_str()) {
        return Some("code_redirect_mismatch");
    }
    let proved = match (&detail.challenge, &request.code_verifier) {
        (Some(challenge), Some(verifier)) => challenge.matches(verifier),
        (None, None) => true,
        // A verifier without a challenge is the mark of a downgrade (RFC 9700 section 4.8.2).
        (Some(_), None) | (None, Some(_)) => false,
    };
    (!proved).then_some("code_verifier_mismatch")
}
