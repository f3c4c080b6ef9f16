//! `client_credentials` (RFC 6749 section 4.4): a client for itself, never an ID token, never a refresh token.

use super::{AuthenticatedClient, Granted, Proof, Proved};
use crate::base::{Fault, Timestamp, base64url, sha256};
use crate::endpoints::Provider;
use crate::endpoints::authorize::may_use_resource;
use crate::oauth::scope::ACCOUNT;
use crate::oauth::token_request::ClientCredentials as Request;
use crate::oauth::{Error, ErrorCode, Scope};
use crate::store::grants::{self, Grant};
use crate::store::registrations;
use crate::tokens::GrantDetail;

/// Scopes that speak of a person and mean nothing for a client.
const OF_PERSONS: [&str; 7] = ["openid", "profile", "email", "address", "phone", "offline_access", ACCOUNT];

/// A grant of a client itself has no end of its own: a century.
const CENTURY_SECONDS: i64 = 100 * 365 * 86_400;

pub(super) async fn prove(
    provider: &Provider,
    client: &AuthenticatedClient,
    request: Request,
    now: Timestamp,
) -> Result<Proved, Fault> {
    if client.is_public() {
        let why = "a public client cannot use client_credentials";
        return Ok(Proved::Refused(Error::new(ErrorCode::UnauthorizedClient, why)));
    }
    let scope = match scope(&client.scope, request.scope) {
        Ok(scope) => scope,
        Err(error) => return Ok(Proved::Refused(error)),
    };
    for uri in &request.resource {
        if !may_use_resource(provider, client.client(), uri).await? {
            let why = "a resource is unknown or not open to this client";
            return Ok(Proved::Refused(Error::new(ErrorCode::InvalidTarget, why)));
        }
    }
    let detail = GrantDetail { scope: scope.clone(), ..GrantDetail::default() };
    let grant = own_grant(provider, client, now).await?;
    if !grant.is_live(now) {
        let why = "the grant of this client was revoked";
        return Ok(Proved::Refused(Error::new(ErrorCode::UnauthorizedClient, why)));
    }
    Ok(Proved::Granted(Box::new(Granted {
        grant,
        detail,
        user: None,
        scope,
        resources: request.resource,
        nonce: None,
        proof: Proof::ClientCredentials,
    })))
}

fn scope(allowed: &Scope, asked: Option<Scope>) -> Result<Scope, Error> {
    let own: Scope = allowed.iter().filter(|token| !OF_PERSONS.contains(token)).collect();
    match asked {
        None => Ok(own),
        Some(asked) if asked.is_subset(&own) => Ok(asked),
        Some(_) => Err(Error::new(ErrorCode::InvalidScope, "the scope is not open to this client")),
    }
}

/// One grant row a client (decision 20), made at its first token: a token costs no commit after that.
async fn own_grant(provider: &Provider, client: &AuthenticatedClient, now: Timestamp) -> Result<Grant, Fault> {
    let name = sha256(format!("client_credentials {}", client.client_id).as_bytes());
    let id = base64url(name.split_at(16).0);
    if let Some(grant) = grants::find(&mut provider.db.conn(), &id).await? {
        return Ok(grant);
    }
    let grant = Grant {
        id,
        client_id: client.client_id.clone(),
        user_id: None,
        session_id: None,
        offline: true,
        detail: GrantDetail::default().write()?,
        expires_at: now.plus(CENTURY_SECONDS),
        revoked_at: None,
    };
    let (stored, unchecked) = (grant.clone(), client.is_unchecked());
    let written = provider.db.write(async move |tx| {
        grants::insert(tx, &stored, now).await?;
        if unchecked { registrations::mark_used(tx, &stored.client_id, now).await } else { Ok(()) }
    });
    written.await?;
    Ok(grant)
}
