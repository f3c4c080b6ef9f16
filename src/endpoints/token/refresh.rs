//! `refresh_token` (RFC 6749 section 6, RFC 9700 section 4.14, decision 19): rotation, reuse and the short retry grace.

use super::{AuthenticatedClient, Granted, Proof, Proved, Replay, Turn, invalid_grant, narrowed_resources};
use crate::base::{Fault, Timestamp, same};
use crate::endpoints::Provider;
use crate::identity::users::User;
use crate::identity::{sessions, users};
use crate::oauth::token_request::RefreshToken as Request;
use crate::oauth::{Error, ErrorCode, Scope};
use crate::store::Conn;
use crate::store::grants::Grant;
use crate::store::tokens::{self, Family};
use crate::tokens::{GrantDetail, PresentedRefresh};

/// Seconds in which a retry gets the same successor again.
const RETRY_SECONDS: i64 = 30;

pub(super) async fn prove(
    provider: &Provider,
    client: &AuthenticatedClient,
    request: Request,
    now: Timestamp,
) -> Result<Proved, Fault> {
    let Some(presented) = provider.refresh_key.parse(&request.refresh_token) else {
        return Ok(Proved::Refused(invalid_grant()));
    };
    let mut conn = provider.db.conn();
    let Some(family) = tokens::find_family(&mut conn, &presented.lookup).await? else {
        return Ok(Proved::Refused(invalid_grant()));
    };
    let Some(turn) = turn(&family, &presented, client, now) else {
        let kind = if family.grant.client_id == client.client_id { "refresh_reuse" } else { "refresh_of_other_client" };
        return Ok(Proved::Replayed(Replay { grant: family.grant, kind, why: invalid_grant() }));
    };
    if now >= family.idle_expires_at || now >= family.expires_at || !family.grant.is_live(now) {
        return Ok(Proved::Refused(invalid_grant()));
    }
    let Some(user) = holder(&mut conn, provider, &family.grant, now).await? else {
        return Ok(Proved::Refused(invalid_grant()));
    };
    let detail = GrantDetail::read(&family.grant.detail)?;
    let scope = match narrowed_scope(&detail.scope, &client.scope, request.scope) {
        Ok(scope) => scope,
        Err(error) => return Ok(Proved::Refused(error)),
    };
    let resources = match narrowed_resources(provider, client, &detail.resources, request.resource).await? {
        Ok(resources) => resources,
        Err(error) => return Ok(Proved::Refused(error)),
    };
    let idle_expires_at = now.plus(client.refresh_idle_seconds).min(family.expires_at);
    let generation = family.generation;
    Ok(Proved::Granted(Box::new(Granted {
        grant: family.grant,
        detail,
        user: Some(user),
        scope,
        resources,
        nonce: None,
        proof: Proof::Refresh { lookup: family.lookup, generation, turn, idle_expires_at },
    })))
}

/// What a presented generation means: the living one rotates, the one before it may be a retry, all else is reuse.
fn turn(family: &Family, presented: &PresentedRefresh, client: &AuthenticatedClient, now: Timestamp) -> Option<Turn> {
    if family.grant.client_id != client.client_id {
        return None;
    }
    if presented.generation == family.generation {
        return same(presented.hash.as_bytes(), family.current_hash.as_bytes()).then_some(Turn::Rotate);
    }
    let retried = presented.generation.saturating_add(1) == family.generation;
    (retried && now.since(family.rotated_at) <= RETRY_SECONDS).then_some(Turn::Retry)
}

/// The person, if they are not disabled, and their session lives where the grant was not meant to outlive it.
pub(in crate::endpoints) async fn holder(
    conn: &mut Conn,
    provider: &Provider,
    grant: &Grant,
    now: Timestamp,
) -> Result<Option<User>, Fault> {
    match (&grant.session_id, &grant.user_id) {
        (Some(session), _) if !grant.offline => sessions::person(conn, session, provider.policy.session_idle_seconds, now).await,
        (_, Some(id)) => Ok(users::by_id(conn, id).await?.filter(User::is_open)),
        (_, None) => Ok(None),
    }
}

/// Narrowing only narrows the access token; the grant stays as it was (RFC 6749 section 6).
fn narrowed_scope(granted: &Scope, allowed_now: &Scope, asked: Option<Scope>) -> Result<Scope, Error> {
    let still = granted.intersect(allowed_now);
    let scope = match asked {
        Some(asked) if asked.is_subset(granted) => asked.intersect(&still),
        Some(_) => return Err(Error::new(ErrorCode::InvalidScope, "the scope is wider than what was granted")),
        None => still,
    };
    if scope.is_empty() {
        return Err(Error::new(ErrorCode::InvalidScope, "nothing is left of the granted scope"));
    }
    Ok(scope)
}
