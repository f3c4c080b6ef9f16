//! Userinfo (OpenID Connect Core section 5.3): what an access token lets its holder see of a person.

use serde_json::{Map, Value};

use super::client_keys::recipient;
use super::{Provider, Refusal, person};
use crate::base::Timestamp;
use crate::identity::users;
use crate::oauth::{Error, ErrorCode};
use crate::tokens::{AccessToken, GrantDetail, userinfo_claims};

/// The token of a protected request, as it was presented (RFC 6750 section 2).
pub enum Bearer {
    None,
    Token(String),
    /// In two places at once, or in the query.
    Misused,
}

/// What userinfo answers a client (its origins may read the answer).
pub struct Claims {
    pub client_id: String,
    pub form: Form,
}

/// In which form (Core section 5.3.2).
pub enum Form {
    Plain(Map<String, Value>),
    /// Signed, encrypted or both, as the client is registered for.
    Jwt(String),
}

/// The claims about the person behind an access token.
///
/// # Errors
/// `invalid_token`, `insufficient_scope`, `invalid_request`, or something broke.
pub async fn userinfo(provider: &Provider, bearer: &Bearer, now: Timestamp) -> Result<Claims, Refusal> {
    let token = access_token(provider, bearer, now).await?;
    if !token.claims.aud.iter().any(|aud| aud == provider.issuer.as_str()) {
        return Err(Error::new(ErrorCode::InvalidToken, "the token is not made out to this endpoint").into());
    }
    if !token.claims.scope.contains("openid") {
        return Err(Error::new(ErrorCode::InsufficientScope, "the scope openid is needed").into());
    }
    let detail = GrantDetail::read(&token.grant.detail)?;
    let user = match &token.grant.user_id {
        Some(id) => users::by_id(&mut provider.db.conn(), id).await?.filter(|user| user.is_open()),
        None => None,
    };
    let Some(user) = user else { return Err(dead().into()) };
    // The same subject as in the ID token, which the client compares (Core section 5.3.4).
    let claims = userinfo_claims(&person(&user, &token.claims.sub), &token.claims.scope, detail.claims.as_ref());
    let client_id = token.claims.client_id.clone();
    let form = in_form(provider, &client_id, claims, now).await?;
    Ok(Claims { client_id, form })
}

/// Plain, or signed and encrypted as the client is registered for.
async fn in_form(provider: &Provider, client_id: &str, claims: Map<String, Value>, now: Timestamp) -> Result<Form, Refusal> {
    let Some(client) = provider.registry.client(&provider.db, client_id).await? else { return Err(dead().into()) };
    let more = &client.client.more;
    if more.userinfo_alg.is_none() && more.userinfo_encryption.is_none() {
        return Ok(Form::Plain(claims));
    }
    let encrypt_to = recipient(provider, &client.client, more.userinfo_encryption, now).await?;
    let jwt = provider.mint().userinfo(&client.client, claims, encrypt_to.as_ref())?;
    Ok(Form::Jwt(jwt.expose().clone()))
}

/// The live access token of a protected request.
///
/// # Errors
/// `invalid_token`, `invalid_request`, or something broke.
pub(super) async fn access_token(provider: &Provider, bearer: &Bearer, now: Timestamp) -> Result<AccessToken, Refusal> {
    match bearer {
        Bearer::None => Err(dead().into()),
        Bearer::Misused => {
            Err(Error::new(ErrorCode::InvalidRequest, "present the access token in one place, never in the query").into())
        }
        Bearer::Token(text) => {
            let token = provider.verifier.access_token(&mut provider.db.conn(), text, now).await?.ok_or_else(dead)?;
            // A client that was disabled or removed takes its tokens with it.
            let client = provider.registry.client(&provider.db, &token.claims.client_id).await?;
            if client.is_some() { Ok(token) } else { Err(dead().into()) }
        }
    }
}

fn dead() -> Error {
    Error::new(ErrorCode::InvalidToken, "the access token is unknown, expired or revoked")
}
