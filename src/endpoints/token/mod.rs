//! The token endpoint (RFC 6749 section 3.2) as a pipeline: authenticate, parse, may this client use this grant, let the
//! grant prove its case, mint, commit.
//!
//! A grant proves and never signs or writes; the one commit below consumes what was proved, stores what was minted and
//! decides who won. What was signed is thrown away if it lost.

mod client_credentials;
mod code;
mod refresh;
mod reuse;

pub(super) use refresh::holder;

use super::authorize::may_use_resource;
use super::client_auth::{AuthenticatedClient, Header, authenticate};
use super::client_keys::recipient;
use super::{Provider, Refusal, audit, person};
use crate::base::{Fault, Id, Secret, Timestamp};
use crate::identity::users::User;
use crate::oauth::{Error, ErrorCode, GrantType, Params, RefreshPolicy, Scope, TokenRequest};
use crate::store::Tx;
use crate::store::audit::{self as audits, AuditEvent};
use crate::store::grants::{self, Grant};
use crate::store::outbox;
use crate::store::tokens::{self, NewFamily, Rotation};
use crate::tokens::{GrantDetail, Order, Recipe, RefreshKey, Response, StoredAccess, id_token_claims};

/// A code that was used before, in the audit log.
const CODE_REPLAY: &str = "code_replay";

/// What a grant proved: who may have tokens, for what, and what has to be consumed for it.
struct Granted {
    grant: Grant,
    detail: GrantDetail,
    /// The person, or nobody for client_credentials.
    user: Option<User>,
    scope: Scope,
    resources: Vec<String>,
    nonce: Option<String>,
    /// The code itself, for `c_hash`, which a code of this endpoint does not need (Core section 3.1.3.6).
    proof: Proof,
}

/// What the commit consumes, with what follows it.
enum Proof {
    Code {
        hash: String,
    },
    /// The next generation, or the same one again for a retry (decision 19).
    Refresh {
        lookup: String,
        generation: i64,
        turn: Turn,
        idle_expires_at: Timestamp,
    },
    ClientCredentials,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    Rotate,
    Retry,
}

/// The refusal that must persist: a replayed code or refresh token ends its family before it is refused.
struct Replay {
    grant: Grant,
    kind: &'static str,
    why: Error,
}

/// How a grant ended.
enum Proved {
    Granted(Box<Granted>),
    Replayed(Replay),
    Refused(Error),
}

pub(super) fn invalid_grant() -> Error {
    Error::new(ErrorCode::InvalidGrant, "the code or token is unknown, expired, used or not of this client")
}

/// Who answers a token request, for CORS: the client, where it is known.
pub struct Answered {
    pub client: AuthenticatedClient,
    pub result: Result<Response, Refusal>,
}

/// Answers a token request.
///
/// # Errors
/// The client did not prove who it is; everything later is in [`Answered`].
pub async fn token(provider: &Provider, header: &Header, params: &Params, now: Timestamp) -> Result<Answered, Refusal> {
    let client = authenticate(provider, header, params, &provider.issuer.join("/token"), now).await?;
    let result = answer(provider, &client, params, now).await;
    Ok(Answered { client, result })
}

async fn answer(provider: &Provider, client: &AuthenticatedClient, params: &Params, now: Timestamp) -> Result<Response, Refusal> {
    let request = TokenRequest::parse(params)?;
    if !client.allows_grant(grant_type(&request)) {
        return Err(Error::new(ErrorCode::UnauthorizedClient, "this client is not registered for this grant_type").into());
    }
    let proved = match request {
        TokenRequest::AuthorizationCode(request) => code::prove(provider, client, request, now).await?,
        TokenRequest::RefreshToken(request) => refresh::prove(provider, client, request, now).await?,
        TokenRequest::ClientCredentials(request) => client_credentials::prove(provider, client, request, now).await?,
    };
    match proved {
        Proved::Granted(granted) => mint_and_commit(provider, client, *granted, now).await,
        Proved::Refused(error) => Err(error.into()),
        Proved::Replayed(replay) => Err(end_family(provider, client, replay, now).await?.into()),
    }
}

const fn grant_type(request: &TokenRequest) -> GrantType {
    match request {
        TokenRequest::AuthorizationCode(_) => GrantType::AuthorizationCode,
        TokenRequest::RefreshToken(_) => GrantType::RefreshToken,
        TokenRequest::ClientCredentials(_) => GrantType::ClientCredentials,
    }
}

/// The rows that the commit writes.
struct Rows {
    grant: Grant,
    proof: Proof,
    family: Option<(String, String, Timestamp, Timestamp)>,
    access: Option<StoredAccess>,
    refresh_hash: Option<String>,
    event: Option<(Id, AuditEvent)>,
}

async fn mint_and_commit(
    provider: &Provider,
    client: &AuthenticatedClient,
    granted: Granted,
    now: Timestamp,
) -> Result<Response, Refusal> {
    let mint = provider.mint();
    let subject = granted.user.as_ref().map(|user| provider.subject(client, user)).transpose()?;
    let recipe = Recipe {
        client,
        grant_id: &granted.grant.id,
        grant: &granted.detail,
        sub: subject.as_deref().unwrap_or(&client.client_id),
        scope: &granted.scope,
        resources: &granted.resources,
        now,
    };
    let minted = mint.access_token(&recipe)?;
    let id_token = match &granted.user {
        Some(user) if granted.detail.scope.contains("openid") => {
            let encrypt_to = recipient(provider, client, client.more.id_token_encryption, now).await?;
            let order = Order {
                nonce: granted.nonce.as_deref(),
                claims: id_token_claims(&person(user, recipe.sub), None, granted.detail.claims.as_ref()),
                access_token: Some(minted.access_token.expose()),
                code: None,
                encrypt_to: encrypt_to.as_ref(),
            };
            Some(mint.id_token(&recipe, order)?)
        }
        _ => None,
    };
    let scope = granted.scope.clone();
    let (refresh_token, rows) = rows(provider, client, granted, minted.stored, now)?;
    let (expires_in, access_token) = (minted.expires_in, minted.access_token);
    if rows.has_writes() && !provider.db.write(async move |tx| commit(tx, &rows, now).await).await? {
        return Err(invalid_grant().into());
    }
    Ok(Response { access_token, expires_in, scope, refresh_token, id_token })
}

impl Rows {
    /// A JWT for a client itself changes nothing in the store.
    const fn has_writes(&self) -> bool {
        !matches!(self.proof, Proof::ClientCredentials) || self.access.is_some()
    }
}

fn rows(
    provider: &Provider,
    client: &AuthenticatedClient,
    granted: Granted,
    access: Option<StoredAccess>,
    now: Timestamp,
) -> Result<(Option<Secret<String>>, Rows), Fault> {
    let mut refresh_token = None;
    let mut family = None;
    let mut refresh_hash = None;
    match &granted.proof {
        Proof::Code { .. } if wants_refresh(client, &granted.detail) => {
            let lookup = RefreshKey::new_lookup(&provider.random)?;
            let (token, hash) = provider.refresh_key.token(&lookup, 1)?;
            let expires_at = now.plus(client.refresh_absolute_seconds);
            let idle = now.plus(client.refresh_idle_seconds).min(expires_at);
            family = Some((lookup, hash, idle, expires_at));
            refresh_token = Some(token);
        }
        Proof::Refresh { lookup, generation, turn, .. } => {
            let to = if *turn == Turn::Rotate { generation.saturating_add(1) } else { *generation };
            let (token, hash) = provider.refresh_key.token(lookup, to)?;
            refresh_token = Some(token);
            refresh_hash = Some(hash);
        }
        Proof::Code { .. } | Proof::ClientCredentials => {}
    }
    let event = match &granted.proof {
        Proof::Code { .. } => Some("code_redeemed"),
        Proof::Refresh { .. } => Some("token_refreshed"),
        Proof::ClientCredentials => None,
    };
    let event = event.map(|kind| event_of(provider, client, &granted, kind, now)).transpose()?;
    Ok((refresh_token, Rows { grant: granted.grant, proof: granted.proof, family, access, refresh_hash, event }))
}

fn event_of(
    provider: &Provider,
    client: &AuthenticatedClient,
    granted: &Granted,
    kind: &'static str,
    now: Timestamp,
) -> Result<(Id, AuditEvent), Fault> {
    let mut event = audit(kind, client.client_id.as_str(), now);
    event.client_id = Some(client.client_id.clone());
    event.user_id = granted.user.as_ref().map(|user| user.id.clone());
    Ok((provider.new_id()?, event))
}

fn wants_refresh(client: &AuthenticatedClient, detail: &GrantDetail) -> bool {
    client.allows_grant(GrantType::RefreshToken)
        && (detail.scope.contains("offline_access") || client.issue_refresh == RefreshPolicy::Always)
}

/// The one commit of the token endpoint. False if somebody else consumed the proof first.
async fn commit(tx: &mut Tx, rows: &Rows, now: Timestamp) -> Result<bool, Fault> {
    let won = match &rows.proof {
        Proof::Code { hash } => tokens::consume_code(tx, hash, now).await?,
        Proof::Refresh { lookup, generation, turn: Turn::Rotate, idle_expires_at } => {
            let hash = rows.refresh_hash.as_deref().unwrap_or_default();
            let rotation = Rotation { lookup, from_generation: *generation, hash, idle_expires_at: *idle_expires_at };
            // Whoever lost to a request of the same instant gets the same successor, as a retry would.
            tokens::rotate_family(tx, &rotation, now).await? || tokens::stands_at(tx, lookup, generation + 1).await?
        }
        Proof::Refresh { lookup, generation, turn: Turn::Retry, .. } => tokens::stands_at(tx, lookup, *generation).await?,
        Proof::ClientCredentials => true,
    };
    if !won {
        // A code that was used by another request in the same instant was used twice.
        if let (Proof::Code { .. }, Some((id, event))) = (&rows.proof, &rows.event) {
            grants::revoke(tx, &rows.grant.id, now).await?;
            let event = AuditEvent { kind: CODE_REPLAY.to_owned(), ..event.clone() };
            audits::write(tx, id, &event).await?;
        }
        return Ok(false);
    }
    if let Some((lookup, hash, idle_expires_at, expires_at)) = &rows.family {
        let family =
            NewFamily { lookup, grant_id: &rows.grant.id, hash, idle_expires_at: *idle_expires_at, expires_at: *expires_at };
        tokens::insert_family(tx, &family, now).await?;
    }
    if let Some(access) = &rows.access {
        tokens::insert_opaque(tx, &access.hash, &rows.grant.id, &access.detail, access.expires_at).await?;
    }
    if let Some((id, event)) = &rows.event {
        audits::write(tx, id, event).await?;
    }
    Ok(true)
}

/// Ends everything that came from a replayed code or token, and says so in the audit log.
async fn end_family(provider: &Provider, client: &AuthenticatedClient, replay: Replay, now: Timestamp) -> Result<Error, Fault> {
    let mut event = audit(replay.kind, client.client_id.as_str(), now);
    event.client_id = Some(client.client_id.clone());
    event.user_id = replay.grant.user_id.clone();
    let notice = reuse::notice(provider, &replay, now).await?;
    let id = provider.new_id()?;
    let Replay { grant, why, .. } = replay;
    provider
        .db
        .write(async move |tx| {
            let was_alive = grants::revoke(tx, &grant.id, now).await?;
            if let Some(notice) = notice.filter(|_| was_alive) {
                outbox::enqueue(tx, &notice, now).await?;
            }
            audits::write(tx, &id, &event).await
        })
        .await?;
    Ok(why)
}

/// Narrows the resources of a grant to those asked for now (RFC 8707 section 2.2).
async fn narrowed_resources(
    provider: &Provider,
    client: &AuthenticatedClient,
    granted: &[String],
    asked: Vec<String>,
) -> Result<Result<Vec<String>, Error>, Fault> {
    let wrong = Error::new(ErrorCode::InvalidTarget, "a resource is unknown or was not granted");
    if asked.is_empty() {
        return Ok(Ok(granted.to_vec()));
    }
    for uri in &asked {
        if !granted.contains(uri) || !may_use_resource(provider, client.client(), uri).await? {
            return Ok(Err(wrong));
        }
    }
    Ok(Ok(asked))
}
