//! Introspection (RFC 7662): what a token says, for the client that got it or the resource that it is made out to.

use serde_json::{Map, Value, json};

use super::client_auth::{Header, authenticate};
use super::token::holder;
use super::{Provider, Refusal};
use crate::base::{Fault, Timestamp, same};
use crate::identity::users;
use crate::oauth::{AuthMethod, Client, Error, ErrorCode, Params};
use crate::store::tokens;
use crate::tokens::{AccessToken, GrantDetail};

/// The client that asks, and what it hears.
///
/// # Errors
/// `invalid_client`, `invalid_request`, or something broke; never "inactive" for trouble of ours.
pub async fn introspect(
    provider: &Provider,
    header: &Header,
    params: &Params,
    now: Timestamp,
) -> Result<(String, Map<String, Value>), Refusal> {
    let client = authenticate(provider, header, params, &provider.issuer.join("/introspect"), now).await?;
    if client.auth_method == AuthMethod::None {
        return Err(Error::new(ErrorCode::InvalidClient, "a public client cannot introspect").into());
    }
    let text = params.require("token", "token is missing")?;
    // The hint is only a hint (section 2.1): the shape of a token tells its kind.
    let answer = match provider.verifier.access_token(&mut provider.db.conn(), text, now).await? {
        Some(token) => access(provider, &client, &token).await?,
        None => refresh(provider, &client, text, now).await?,
    };
    Ok((client.client_id.clone(), answer.unwrap_or_else(|| object(json!({ "active": false })))))
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// A client may look at what was issued to it and at what is made out to its resource (decision 21).
fn may_see(client: &Client, issued_to: &str, audience: &[String]) -> bool {
    client.client_id == issued_to || audience.iter().any(|aud| client.resources.contains(aud))
}

async fn access(provider: &Provider, client: &Client, token: &AccessToken) -> Result<Option<Map<String, Value>>, Fault> {
    let claims = &token.claims;
    if !may_see(client, &claims.client_id, &claims.aud) {
        return Ok(None);
    }
    if provider.registry.client(&provider.db, &claims.client_id).await?.is_none() {
        return Ok(None);
    }
    if let Some(user) = &token.grant.user_id
        && users::by_id(&mut provider.db.conn(), user).await?.is_none_or(|user| !user.is_open())
    {
        return Ok(None);
    }
    let mut answer = object(json!({
        "active": true,
        "iss": provider.issuer.as_str(),
        "sub": claims.sub,
        "aud": claims.aud,
        "client_id": claims.client_id,
        "scope": claims.scope,
        "iat": claims.iat,
        "exp": claims.exp,
        "jti": claims.jti,
        "token_type": "Bearer",
    }));
    if let Some(auth_time) = claims.auth_time {
        answer.insert("auth_time".to_owned(), json!(auth_time));
        answer.insert("acr".to_owned(), json!(claims.acr));
    }
    Ok(Some(answer))
}

async fn refresh(provider: &Provider, client: &Client, text: &str, now: Timestamp) -> Result<Option<Map<String, Value>>, Fault> {
    let Some(presented) = provider.refresh_key.parse(text) else { return Ok(None) };
    let mut conn = provider.db.conn();
    let Some(family) = tokens::find_family(&mut conn, &presented.lookup).await? else { return Ok(None) };
    let current = same(presented.hash.as_bytes(), family.current_hash.as_bytes());
    let fresh = now < family.idle_expires_at && now < family.expires_at && family.grant.is_live(now);
    if !current || !fresh || family.grant.client_id != client.client_id {
        return Ok(None);
    }
    let Some(user) = holder(&mut conn, provider, &family.grant, now).await? else { return Ok(None) };
    let detail = GrantDetail::read(&family.grant.detail)?;
    Ok(Some(object(json!({
        "active": true,
        "iss": provider.issuer.as_str(),
        "sub": provider.subject(client, &user)?,
        "client_id": family.grant.client_id,
        "scope": detail.scope,
        "exp": family.idle_expires_at,
    }))))
}
