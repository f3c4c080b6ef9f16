//! Clients: registering, changing and removing applications, and their secrets.

pub use super::client_changes::{Changes, State};
pub use crate::store::clients::Stored;

use super::{Desk, Refusal};
use crate::base::{Fault, Id, Secret, Timestamp, public_id};
use crate::oauth::{AuthMethod, Client, Problem, logo};
use crate::store::{audit, changes, clients, grants};
use crate::tokens::{FreshSecret, SecretChange};

/// A client after an act, with its new secret if it got one. This is the only moment at which the secret can be read.
pub struct Done {
    pub client: Client,
    pub secret: Option<Secret<String>>,
}

/// What names a new client; what is absent is made up at random.
#[derive(Default)]
pub struct NewClient {
    pub client_id: Option<String>,
    /// A secret that was agreed on before, for machines that are set up by a script.
    pub secret: Option<Secret<String>>,
}

/// The shortest secret that is taken from elsewhere, in characters: an HMAC key has 256 bits (RFC 7518 section 3.2).
const SHORTEST_SECRET: usize = 32;

/// Registers a client.
///
/// # Errors
/// The definition is not valid, the id is taken, or something broke.
pub async fn add(desk: &Desk, new: NewClient, changes: &Changes) -> Result<Done, Refusal> {
    let client_id = new.client_id.map_or_else(|| public_id(&desk.random), Ok)?;
    let mut client = Client::new(client_id, "");
    client.access_token_seconds = desk.limits.access_token_seconds;
    client.refresh_idle_seconds = desk.limits.refresh_idle_seconds;
    client.refresh_absolute_seconds = desk.limits.refresh_absolute_seconds;
    let logo = apply(desk, changes, &mut client)?;
    if new.secret.as_ref().is_some_and(|secret| secret.expose().len() < SHORTEST_SECRET) {
        return Err(Refusal::one("client_secret", "must have at least 32 characters"));
    }
    let method = client.auth_method;
    let fresh = match new.secret.filter(|_| method.uses_secret()) {
        Some(given) => Some(FreshSecret::given(desk.new_id()?, method, given, &desk.vault, desk.now())?),
        None => method.uses_secret().then(|| fresh_secret(desk, method)).transpose()?,
    };
    let (id, now) = (desk.new_id()?, desk.now());
    let (event_id, event) = event(desk, "client_added", &client.client_id)?;
    let (plain, stored) = fresh.map(|fresh| (fresh.plain, fresh.stored)).unzip();
    let row = client.clone();
    let is_new = desk.db.write(async move |tx| {
        if !clients::insert(tx, &id, &row, now).await? {
            return Ok(false);
        }
        if let Some(secret) = &stored {
            clients::insert_secret(tx, &id, secret).await?;
        }
        if let Some(logo) = &logo {
            clients::set_logo(tx, &id, logo).await?;
        }
        audit::write(tx, &event_id, &event).await?;
        changes::raise(tx, changes::Topic::Clients).await?;
        Ok(true)
    });
    if is_new.await? {
        Ok(Done { client, secret: plain })
    } else {
        Err(Refusal::Taken(format!("a client {:?}", client.client_id)))
    }
}

/// Checks everything about the client as it will be, its logo among it.
fn apply(desk: &Desk, changes: &Changes, client: &mut Client) -> Result<Option<logo::Logo>, Refusal> {
    let mut problems = changes.apply(client, &desk.limits);
    let logo = match changes.logo.as_deref().map(logo::check) {
        Some(Ok(logo)) => Some(logo),
        Some(Err(why)) => {
            problems.push(Problem { field: "logo", why: why.to_owned() });
            None
        }
        None => None,
    };
    if !problems.is_empty() {
        return Err(Refusal::Invalid(problems));
    }
    if let Some(logo) = &logo {
        client.logo = Some(logo.digest.clone());
    }
    Ok(logo)
}

fn fresh_secret(desk: &Desk, method: AuthMethod) -> Result<FreshSecret, Fault> {
    FreshSecret::new(desk.new_id()?, method, &desk.vault, &desk.random, desk.now())
}

fn event(desk: &Desk, kind: &str, client_id: &str) -> Result<(Id, audit::AuditEvent), Fault> {
    let (id, mut event) = desk.event(kind)?;
    event.client_id = Some(client_id.to_owned());
    Ok((id, event))
}

/// # Errors
/// Storage failed.
pub async fn list(desk: &Desk) -> Result<Vec<Client>, Fault> {
    clients::list(&mut desk.db.conn()).await
}

/// A client with its live secrets, which are not shown: only when they were made and end.
///
/// # Errors
/// There is none, or storage failed.
pub async fn show(desk: &Desk, client_id: &str) -> Result<(Stored, Vec<clients::Secret>), Refusal> {
    let mut conn = desk.db.conn();
    let stored = find(desk, client_id).await?;
    let now = desk.now();
    let mut secrets = clients::secrets(&mut conn, client_id).await?;
    secrets.retain(|secret| secret.expires_at.is_none_or(|end| now < end));
    Ok((stored, secrets))
}

async fn find(desk: &Desk, client_id: &str) -> Result<Stored, Refusal> {
    let found = clients::find_stored(&mut desk.db.conn(), client_id).await?;
    found.ok_or_else(|| Refusal::NotFound(format!("client {client_id:?}; see `vouchsafe client list`")))
}

/// Changes a client. It gets a new secret if its new way of authenticating needs one that it has not.
///
/// # Errors
/// There is none, the result is not valid, somebody else changed it, or something broke.
pub async fn edit(desk: &Desk, client_id: &str, changes: &Changes) -> Result<Done, Refusal> {
    let before = find(desk, client_id).await?;
    let mut client = before.client.clone();
    let logo = apply(desk, changes, &mut client)?;
    let (from, to) = (before.client.auth_method, client.auth_method);
    let (secrets, plain) = SecretChange::between(from, to, || fresh_secret(desk, to))?;
    let (event_id, event) = event(desk, "client_edited", client_id)?;
    let now = desk.now();
    let after = client.clone();
    let is_done = desk.db.write(async move |tx| {
        if !clients::update(tx, &before.client, &after, now).await? {
            return Ok(false);
        }
        secrets.write(tx, &before.id).await?;
        if let Some(logo) = &logo {
            clients::set_logo(tx, &before.id, logo).await?;
        }
        audit::write(tx, &event_id, &event).await?;
        changes::raise(tx, changes::Topic::Clients).await?;
        Ok(true)
    });
    if is_done.await? { Ok(Done { client, secret: plain }) } else { Err(Refusal::Changed) }
}

/// Gives a client a new secret. The one before goes on for `overlap_seconds`, so that nothing stops in between.
///
/// # Errors
/// There is no such client, it has no secrets, or something broke.
pub async fn rotate_secret(desk: &Desk, client_id: &str, overlap_seconds: i64) -> Result<Done, Refusal> {
    let Stored { id, client, .. } = find(desk, client_id).await?;
    if !client.auth_method.uses_secret() {
        return Err(Refusal::one("auth_method", format!("is {}, which has no secret", client.auth_method)));
    }
    let fresh = fresh_secret(desk, client.auth_method)?;
    let (event_id, event) = event(desk, "client_secret_rotated", client_id)?;
    let until: Timestamp = desk.now().plus(overlap_seconds);
    let stored = fresh.stored;
    let written = desk.db.write(async move |tx| {
        clients::retire_secrets(tx, &id, until).await?;
        clients::insert_secret(tx, &id, &stored).await?;
        audit::write(tx, &event_id, &event).await?;
        changes::raise(tx, changes::Topic::Clients).await
    });
    written.await?;
    Ok(Done { client, secret: Some(fresh.plain) })
}

/// Removes a client with everything that it was ever granted: its tokens end at once.
///
/// # Errors
/// There is none, or something broke.
pub async fn remove(desk: &Desk, client_id: &str) -> Result<(), Refusal> {
    let (event_id, event) = event(desk, "client_removed", client_id)?;
    let id = client_id.to_owned();
    let was_there = desk.db.write(async move |tx| {
        if !clients::remove(tx, &id).await? {
            return Ok(false);
        }
        grants::remove_for_client(tx, &id).await?;
        audit::write(tx, &event_id, &event).await?;
        changes::raise(tx, changes::Topic::Clients).await?;
        Ok(true)
    });
    if was_there.await? { Ok(()) } else { Err(Refusal::NotFound(format!("client {client_id:?}; see `vouchsafe client list`"))) }
}
