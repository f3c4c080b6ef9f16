//! The answer to the client: code, tokens of the front channel, `state` and `iss`, or an error, in the right mode.

use super::{Approved, OnceOnly, ReplyTo, ValidRequest};
use crate::base::{Fault, Secret, Timestamp};
use crate::base::{Id, public_id};
use crate::endpoints::client_keys::recipient;
use crate::endpoints::session_state::session_state;
use crate::endpoints::{ClientRef, Provider, Signed, Visit, audit, person};
use crate::identity::sessions;
use crate::jose::Recipient;
use crate::oauth::{Error, ErrorCode, ResponseMode};
use crate::store::audit::{self as audits, AuditEvent};
use crate::store::grants::{self, Grant};
use crate::store::{Tx, interactions, registrations, tokens};
use crate::tokens::{AuthorizationCode, CodeDetail, GrantDetail, Minted, Order, Recipe, StoredAccess, id_token_claims};

/// Seconds that a code lives (protocol A5).
const CODE_SECONDS: i64 = 60;

/// Seconds that a grant outlives its last token, so that a late replay still finds what to end.
const GRANT_MARGIN_SECONDS: i64 = 3600;

/// Where an answer goes.
#[derive(Clone, Debug)]
pub struct AnswerTo {
    pub redirect_uri: String,
    pub mode: ResponseMode,
    pub state: Option<String>,
}

impl From<&ReplyTo> for AnswerTo {
    fn from(reply_to: &ReplyTo) -> Self {
        Self { redirect_uri: reply_to.redirect_uri.clone(), mode: reply_to.mode, state: reply_to.state.clone() }
    }
}

impl From<&ValidRequest> for AnswerTo {
    fn from(request: &ValidRequest) -> Self {
        Self { redirect_uri: request.redirect_uri.clone(), mode: request.mode, state: request.state.clone() }
    }
}

/// An authorization response (RFC 6749 section 4.1.2), not yet in the shape of its mode.
#[derive(Debug)]
pub struct Answer {
    pub to: AnswerTo,
    pub params: Vec<(&'static str, Secret<String>)>,
}

/// An error for the client, with `state` and `iss` (RFC 6749 section 4.1.2.1, RFC 9207).
pub fn answer_error(provider: &Provider, to: &AnswerTo, error: Error) -> Answer {
    let params =
        vec![("error", Secret::new(error.code.as_str().to_owned())), ("error_description", Secret::new(error.why.to_owned()))];
    finish(provider, to.clone(), params)
}

/// The error of a request that wanted no page (`prompt=none`): it tells what the state of the browser is instead
/// (OpenID Connect Session Management 1.0 section 3.1).
///
/// # Errors
/// Chance failed.
pub fn refuse(provider: &Provider, request: &ValidRequest, error: Error, visit: &Visit) -> Result<Answer, Fault> {
    let mut answer = answer_error(provider, &request.into(), error);
    if request.prompt.has_none() {
        let session = visit.session.as_ref().map(|signed| &signed.session);
        answer.params.extend(session_state(provider, request, session)?.map(|state| ("session_state", Secret::new(state))));
    }
    Ok(answer)
}

fn finish(provider: &Provider, to: AnswerTo, mut params: Vec<(&'static str, Secret<String>)>) -> Answer {
    if let Some(state) = &to.state {
        params.push(("state", Secret::new(state.clone())));
    }
    params.push(("iss", Secret::new(provider.issuer.as_str().to_owned())));
    Answer { to, params }
}

/// The request that is being answered, by whom and for which interaction, if one was stored.
pub struct Occasion<'a> {
    pub request: &'a ValidRequest,
    pub client: &'a ClientRef,
    pub signed: &'a Signed,
    pub interaction: Option<&'a Id>,
}

/// Issues what the request asked for: one grant, and what hangs on it, in one commit.
///
/// # Errors
/// Storage, keys or chance failed.
pub async fn issue(provider: &Provider, occasion: &Occasion<'_>, approved: Approved, visit: &Visit) -> Result<Answer, Fault> {
    let request = occasion.request;
    let session = &occasion.signed.session;
    let detail = GrantDetail {
        scope: approved.scope().clone(),
        resources: request.resources.clone(),
        claims: request.claims.clone(),
        sid: Some(session.sid.clone()),
        // No time is told that nobody knows.
        auth_time: session.is_dated.then_some(session.auth_time),
        acr: session.acr.clone(),
        amr: session.amr.clone(),
    };
    let grant = new_grant(provider, occasion, &detail, visit.now)?;
    let code = request.response_type.has_code().then(|| AuthorizationCode::new(&provider.random)).transpose()?;
    let client = &occasion.client.client;
    let encryption = client.more.id_token_encryption.filter(|_| request.response_type.has_id_token());
    let encrypt_to = match recipient(provider, client, encryption, visit.now).await {
        Ok(recipient) => recipient,
        Err(error) => return Ok(answer_error(provider, &request.into(), error)),
    };
    let parts = FrontChannel { grant: &grant, detail: &detail, code: code.as_ref(), encrypt_to: encrypt_to.as_ref() };
    let front = front_channel(provider, occasion, &parts, visit.now)?;
    let mut params = Vec::new();
    if let Some(code) = &code {
        params.push(("code", Secret::new(code.expose().to_owned())));
    }
    let stored = front.minted.and_then(|minted| {
        params.push(("access_token", minted.access_token));
        params.push(("token_type", Secret::new("Bearer".to_owned())));
        params.push(("expires_in", Secret::new(minted.expires_in.to_string())));
        params.push(("scope", Secret::new(detail.scope.to_string())));
        minted.stored
    });
    params.extend(front.id_token.map(|token| ("id_token", token)));
    let state = session_state(provider, request, Some(&occasion.signed.session))?;
    params.extend(state.map(|state| ("session_state", Secret::new(state))));
    let rows = Rows {
        code: code.map(|code| code_row(request, &code)).transpose()?,
        access: stored,
        object: request.object.clone(),
        is_unchecked: client.is_unchecked(),
        interaction: occasion.interaction.cloned(),
        session: occasion.signed.session.id.clone(),
        event: (provider.new_id()?, event_of(occasion, &detail, visit)),
        grant,
    };
    let now = visit.now;
    if !provider.db.write(async move |tx| commit(tx, &rows, now).await).await? {
        let error = Error::new(ErrorCode::InvalidRequestObject, "this request object was used before");
        return Ok(answer_error(provider, &request.into(), error));
    }
    Ok(finish(provider, request.into(), params))
}

/// What the commit writes.
struct Rows {
    grant: Grant,
    code: Option<(String, String)>,
    access: Option<StoredAccess>,
    object: Option<OnceOnly>,
    is_unchecked: bool,
    interaction: Option<Id>,
    session: Id,
    event: (Id, AuditEvent),
}

fn event_of(occasion: &Occasion<'_>, detail: &GrantDetail, visit: &Visit) -> AuditEvent {
    let mut event = audit("authorization", occasion.signed.user.id.as_str(), visit.now);
    event.user_id = Some(occasion.signed.user.id.clone());
    event.client_id = Some(occasion.request.client_id.clone());
    event.address = Some(visit.address.to_string());
    event.detail = serde_json::json!({ "scope": detail.scope });
    event
}

/// The one commit of the authorization endpoint. False if the request object led to another answer before.
async fn commit(tx: &mut Tx, rows: &Rows, now: Timestamp) -> Result<bool, Fault> {
    let grant = &rows.grant;
    if let Some(object) = &rows.object
        && !is_its_answer(tx, &grant.client_id, object, rows.interaction.as_ref()).await?
    {
        return Ok(false);
    }
    sessions::still_open(tx, &rows.session, now).await?;
    grants::insert(tx, grant, now).await?;
    if let Some((hash, detail)) = &rows.code {
        tokens::insert_code(tx, hash, &grant.id, detail, now.plus(CODE_SECONDS)).await?;
    }
    if let Some(access) = &rows.access {
        tokens::insert_opaque(tx, &access.hash, &grant.id, &access.detail, access.expires_at).await?;
    }
    if rows.is_unchecked {
        registrations::mark_used(tx, &grant.client_id, now).await?;
    }
    if let Some(interaction) = &rows.interaction {
        interactions::finish(tx, interaction, now).await?;
    }
    let (id, event) = &rows.event;
    audits::write(tx, id, event).await?;
    Ok(true)
}

/// Whether this is the one answer that a request object leads to, or that one again for a double click.
async fn is_its_answer(tx: &mut Tx, client_id: &str, object: &OnceOnly, interaction: Option<&Id>) -> Result<bool, Fault> {
    if tokens::use_jti(tx, client_id, &object.hash, object.until).await? {
        return Ok(true);
    }
    match interaction {
        Some(interaction) => interactions::is_finished(tx, interaction).await,
        None => Ok(false),
    }
}

fn new_grant(provider: &Provider, occasion: &Occasion<'_>, detail: &GrantDetail, now: Timestamp) -> Result<Grant, Fault> {
    let client = &occasion.client.client;
    let lifetime = client.refresh_absolute_seconds.max(CODE_SECONDS + client.access_token_seconds);
    Ok(Grant {
        id: public_id(&provider.random)?,
        client_id: client.client_id.clone(),
        user_id: Some(occasion.signed.user.id.clone()),
        session_id: Some(occasion.signed.session.id.clone()),
        offline: detail.scope.contains("offline_access"),
        detail: detail.write()?,
        // At least as long as the session: its end tells whoever got something in it.
        expires_at: now.plus(lifetime + GRANT_MARGIN_SECONDS).max(occasion.signed.session.expires_at),
        revoked_at: None,
    })
}

fn code_row(request: &ValidRequest, code: &AuthorizationCode) -> Result<(String, String), Fault> {
    let detail = CodeDetail {
        redirect_uri: request.redirect_uri.clone(),
        challenge: request.challenge.clone(),
        nonce: request.nonce.clone(),
    };
    Ok((code.hash(), detail.write()?))
}

struct FrontChannel<'a> {
    grant: &'a Grant,
    detail: &'a GrantDetail,
    code: Option<&'a AuthorizationCode>,
    encrypt_to: Option<&'a Recipient>,
}

struct FrontTokens {
    minted: Option<Minted>,
    id_token: Option<Secret<String>>,
}

/// The implicit and hybrid parts (Core sections 3.2 and 3.3), where the operator switched them on.
fn front_channel(
    provider: &Provider,
    occasion: &Occasion<'_>,
    front: &FrontChannel<'_>,
    now: Timestamp,
) -> Result<FrontTokens, Fault> {
    let request = occasion.request;
    let subject = provider.subject(&occasion.client.client, &occasion.signed.user)?;
    let recipe = Recipe {
        client: &occasion.client.client,
        grant_id: &front.grant.id,
        grant: front.detail,
        sub: &subject,
        scope: &front.detail.scope,
        resources: &front.detail.resources,
        now,
    };
    let mint = provider.mint();
    let minted = request.response_type.has_token().then(|| mint.access_token(&recipe)).transpose()?;
    if !request.response_type.has_id_token() {
        return Ok(FrontTokens { minted, id_token: None });
    }
    // Without any access token there is no userinfo to ask, so the scope's claims come here (Core section 5.4).
    let alone = minted.is_none() && front.code.is_none();
    let person = person(&occasion.signed.user, &subject);
    let claims = id_token_claims(&person, alone.then_some(&front.detail.scope), request.claims.as_ref());
    let order = Order {
        nonce: request.nonce.as_deref(),
        claims,
        access_token: minted.as_ref().map(|m| m.access_token.expose().as_str()),
        code: front.code.map(AuthorizationCode::expose),
        encrypt_to: front.encrypt_to,
    };
    let id_token = Some(mint.id_token(&recipe, order)?);
    Ok(FrontTokens { minted, id_token })
}
