//! Revocation (RFC 7009): an access token dies alone, a refresh token takes its whole grant with it.

use super::client_auth::{AuthenticatedClient, Header, authenticate};
use super::{Provider, Refusal, audit};
use crate::base::Timestamp;
use crate::oauth::{Error, ErrorCode, Params};
use crate::store::audit as audits;
use crate::store::{grants, tokens};

/// What is to die.
enum Doomed {
    Jti { jti: String, expires_at: Timestamp },
    Opaque { hash: String },
    Grant { id: String },
}

/// # Errors
/// `invalid_client`, `unauthorized_client` for somebody else's token, `invalid_request`, or something broke: then nothing is
/// called revoked.
pub async fn revoke(
    provider: &Provider,
    header: &Header,
    params: &Params,
    now: Timestamp,
) -> Result<AuthenticatedClient, Refusal> {
    let client = authenticate(provider, header, params, &provider.issuer.join("/revoke"), now).await?;
    let text = params.require("token", "token is missing")?;
    let Some((owner, doomed)) = find(provider, text, now).await? else { return Ok(client) };
    if owner != client.client_id {
        return Err(Error::new(ErrorCode::UnauthorizedClient, "this token was not issued to this client").into());
    }
    let mut event = audit("token_revoked", client.client_id.as_str(), now);
    event.client_id = Some(owner);
    let id = provider.new_id()?;
    provider
        .db
        .write(async move |tx| {
            match &doomed {
                Doomed::Jti { jti, expires_at } => tokens::revoke_jti(tx, jti, *expires_at).await?,
                Doomed::Opaque { hash } => tokens::revoke_opaque(tx, hash, now).await?,
                Doomed::Grant { id } => grants::revoke(tx, id, now).await?,
            };
            audits::write(tx, &id, &event).await
        })
        .await?;
    Ok(client)
}

/// The owner of a token and what ends with it; nothing for a token that is already dead (section 2.2: that is a success).
async fn find(provider: &Provider, text: &str, now: Timestamp) -> Result<Option<(String, Doomed)>, Refusal> {
    let mut conn = provider.db.conn();
    if let Some(token) = provider.verifier.access_token(&mut conn, text, now).await? {
        let owner = token.claims.client_id.clone();
        let doomed = match token.opaque {
            Some(hash) => Doomed::Opaque { hash },
            None => Doomed::Jti { jti: token.claims.jti.clone(), expires_at: token.claims.exp },
        };
        return Ok(Some((owner, doomed)));
    }
    let Some(presented) = provider.refresh_key.parse(text) else { return Ok(None) };
    let family = tokens::find_family(&mut conn, &presented.lookup).await?;
    Ok(family.map(|family| (family.grant.client_id, Doomed::Grant { id: family.grant.id })))
}
