//! What a client does with its own registration: look at it, replace it, remove it (RFC 7592 section 2).

use serde_json::{Map, Value, json};

use super::{
    Asked, Bearer, Mode, Provider, Refusal, Refused, documents, event, information, is_live_secret, pkce, within_the_house,
};
use crate::base::{Secret, Timestamp, same};
use crate::oauth::{Client, registration};
use crate::store::audit as audits;
use crate::store::clients::Stored;
use crate::store::registrations::{self, Registration};
use crate::store::{changes, clients, grants};
use crate::tokens::{FreshSecret, RegistrationAccessToken, SecretChange};

/// A client that proved by its registration access token that it is itself.
struct Owner {
    stored: Stored,
    registration: Registration,
    token: Secret<String>,
}

/// Unknown client, client of an operator, wrong token: all one answer (section 2.1).
async fn owner(provider: &Provider, client_id: &str, asked: &Asked<'_>) -> Result<Owner, Refusal> {
    if provider.policy.registration.mode == Mode::Off {
        return Err(Refusal::Off);
    }
    let text = match asked.bearer {
        Bearer::Token(text) => text,
        Bearer::None => return Err(Refusal::NoToken),
        Bearer::Misused => return Err(Refusal::WrongToken),
    };
    let token = RegistrationAccessToken::parse(text).filter(|_| !client_id.contains('\0')).ok_or(Refusal::WrongToken)?;
    let mut conn = provider.db.conn();
    let registration = registrations::find(&mut conn, client_id).await?.ok_or(Refusal::WrongToken)?;
    if !same(registration.token_hash.as_bytes(), token.hash().as_bytes()) {
        return Err(Refusal::WrongToken);
    }
    let stored = clients::find_stored(&mut conn, client_id).await?.filter(|stored| !stored.client.disabled);
    Ok(Owner { stored: stored.ok_or(Refusal::WrongToken)?, registration, token: Secret::new(text.clone()) })
}

/// Everything that is registered; never the secret, of which only a hash is kept.
///
/// # Errors
/// Registration is off, the token is not that of this client, or something broke.
pub async fn read(provider: &Provider, client_id: &str, asked: &Asked<'_>) -> Result<Map<String, Value>, Refusal> {
    let owner = owner(provider, client_id, asked).await?;
    Ok(information(provider, &owner.stored.client, owner.token.expose(), None, owner.registration.created_at))
}

/// Replaces the registration whole: what is not said is not there any more. The secret stays, unless another way of
/// authenticating needs another one.
///
/// # Errors
/// Registration is off, the token is not that of this client, a member is not right, or something broke.
pub async fn update(
    provider: &Provider,
    client_id: &str,
    members: &Map<String, Value>,
    asked: &Asked<'_>,
) -> Result<Map<String, Value>, Refusal> {
    let owner = owner(provider, client_id, asked).await?;
    let before = &owner.stored.client;
    check_ours(provider, &owner, members, asked.now).await?;
    let mut client = registration::read(members, before.clone())?;
    if client.is_public() != before.is_public() {
        client.pkce = pkce(&provider.policy.registration, &client);
    }
    within_the_house(provider, &client)?;
    let logo = documents::fetch(provider, Some(before), &mut client).await?;
    let method = client.auth_method;
    let fresh = || FreshSecret::new(provider.new_id()?, method, &provider.vault, &provider.random, asked.now);
    let (secrets, secret) = SecretChange::between(before.auth_method, method, fresh)?;
    let answer = information(provider, &client, owner.token.expose(), secret.as_ref(), owner.registration.created_at);
    if client == *before && matches!(secrets, SecretChange::Keep) {
        return Ok(answer);
    }
    let (event_id, event, now) = (provider.new_id()?, event("client_updated", client_id, asked), asked.now);
    let Stored { id, client: before, .. } = owner.stored;
    let written = provider.db.write(async move |tx| {
        if !clients::update(tx, &before, &client, now).await? {
            return Ok(false);
        }
        registrations::set_origins(tx, &client.client_id, &client.cors_origins()).await?;
        secrets.write(tx, &id).await?;
        if let Some(logo) = &logo {
            clients::set_logo(tx, &id, logo).await?;
        }
        audits::write(tx, &event_id, &event).await?;
        changes::raise(tx, changes::Topic::Clients).await?;
        Ok(true)
    });
    if !written.await? {
        return Err(Refusal::Changed);
    }
    provider.registry.forget_client(client_id);
    Ok(answer)
}

/// What the server said may come back as it was said, so that whoever reads, changes and writes is not refused; but nothing
/// of it can be changed (section 2.2).
async fn check_ours(provider: &Provider, owner: &Owner, members: &Map<String, Value>, now: Timestamp) -> Result<(), Refusal> {
    let client: &Client = &owner.stored.client;
    let uri = provider.issuer.join(&format!("/register/{}", client.client_id));
    if members.get("client_id") != Some(&json!(client.client_id)) {
        return Err(Refused::metadata("client_id", "must be that of this client").into());
    }
    for (name, own) in [
        ("client_id_issued_at", json!(owner.registration.created_at)),
        ("registration_access_token", json!(owner.token.expose())),
        ("registration_client_uri", json!(uri)),
        ("client_secret_expires_at", json!(0)),
    ] {
        if members.get(name).is_some_and(|sent| *sent != own) {
            return Err(Refused::metadata(name, "is for the server to say").into());
        }
    }
    let Some(secret) = members.get("client_secret") else { return Ok(()) };
    let secrets = clients::secrets(&mut provider.db.conn(), &client.client_id).await?;
    if secret.as_str().is_some_and(|secret| is_live_secret(&secrets, secret, now)) {
        Ok(())
    } else {
        Err(Refused::metadata("client_secret", "must be the one that the client has").into())
    }
}

/// Removes the client with everything that it was ever granted.
///
/// # Errors
/// Registration is off, the token is not that of this client, or something broke.
pub async fn remove(provider: &Provider, client_id: &str, asked: &Asked<'_>) -> Result<(), Refusal> {
    let owner = owner(provider, client_id, asked).await?;
    let (event_id, event) = (provider.new_id()?, event("client_removed", client_id, asked));
    let (id, was_used) = (client_id.to_owned(), owner.registration.used_at.is_some());
    let written = provider.db.write(async move |tx| {
        // A client that nobody used was granted nothing: its rows are found without looking through everybody's grants.
        let was_there = if was_used { clients::remove(tx, &id).await? } else { registrations::remove_unused(tx, &id).await? };
        if !was_there {
            return Ok(false);
        }
        if was_used {
            grants::remove_for_client(tx, &id).await?;
        }
        audits::write(tx, &event_id, &event).await?;
        changes::raise(tx, changes::Topic::Clients).await?;
        Ok(true)
    });
    if !written.await? {
        return Err(Refusal::Changed);
    }
    provider.registry.forget_client(client_id);
    Ok(())
}
