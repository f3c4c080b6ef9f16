//! From words to a request that keeps every rule which needs no person.

use serde::{Deserialize, Serialize};

use crate::base::{Fault, Timestamp};
use crate::endpoints::{ClientRef, Provider, UnregisteredResources};
use crate::oauth::{
    ClaimsRequest, Error, ErrorCode, GrantType, Params, PkcePolicy, Prompt, ResponseMode, ResponseType, Scope, pkce,
};
use crate::tokens::Hint;

/// The longest `state` and `nonce` that are taken, in bytes (protocol A15); longer ones are refused, never cut.
const LONGEST_STATE: usize = 2048;

/// Why no client may be answered: shown on a page of ours and never sent anywhere.
#[derive(Debug)]
pub struct PageError {
    pub why: &'static str,
    /// The client, where it is known.
    pub client: Option<ClientRef>,
    /// What was sent and what is registered, for the developer of that client.
    pub redirect: Option<RedirectMismatch>,
}

/// The two sides of a redirect URI that does not fit.
#[derive(Debug)]
pub struct RedirectMismatch {
    pub sent: String,
    pub registered: Vec<String>,
}

/// A known client, a registered redirect URI and an allowed response mode: the border between page and redirect.
#[derive(Clone, Debug)]
pub struct ReplyTo {
    pub client: ClientRef,
    pub redirect_uri: String,
    pub mode: ResponseMode,
    pub state: Option<String>,
}

impl ReplyTo {
    /// # Errors
    /// Storage failed (outer); nobody may be answered (inner).
    pub(super) async fn find(provider: &Provider, params: &Params) -> Result<Result<Self, PageError>, Fault> {
        let page = |why, client: Option<ClientRef>| Ok(Err(PageError { why, client, redirect: None }));
        let Some(client_id) = params.get("client_id") else { return page("client_id is missing", None) };
        let Some(client) = provider.registry.client(&provider.db, client_id).await? else {
            return page("this client is not registered here", None);
        };
        let Some(sent) = params.get("redirect_uri") else { return page("redirect_uri is missing", Some(client)) };
        if client.client.redirect_uri(sent).is_none() {
            let registered = client.client.redirect_uris.iter().map(|uri| uri.as_str().to_owned()).collect();
            let redirect = Some(RedirectMismatch { sent: sent.to_owned(), registered });
            return Ok(Err(PageError { why: "redirect_uri is not registered for this client", client: Some(client), redirect }));
        }
        let redirect_uri = sent.to_owned();
        let state = params.get("state").filter(|s| s.len() <= LONGEST_STATE).map(str::to_owned);
        // A wrong mode or type is still answered, in the mode that the type has by itself.
        let response_type = params.get("response_type").and_then(|t| ResponseType::parse(t).ok());
        let default = response_type.as_ref().map_or(ResponseMode::Query, ResponseMode::default_for);
        let mode = params.get("response_mode").and_then(ResponseMode::parse).unwrap_or(default);
        let mode = if mode == ResponseMode::Query { default } else { mode };
        Ok(Ok(Self { client, redirect_uri, mode, state }))
    }
}

/// A request that passed every rule that needs no person. It is stored as JSON between two pages.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ValidRequest {
    pub client_id: String,
    pub redirect_uri: String,
    pub response_type: ResponseType,
    pub mode: ResponseMode,
    pub state: Option<String>,
    pub nonce: Option<String>,
    /// What was asked for and the client may have.
    pub scope: Scope,
    pub resources: Vec<String>,
    pub challenge: Option<pkce::Challenge>,
    pub prompt: Prompt,
    pub max_age: Option<i64>,
    pub login_hint: Option<String>,
    /// Whom `id_token_hint` names.
    #[serde(default)]
    pub hint: Option<Hint>,
    pub ui_locales: Option<String>,
    pub claims: Option<ClaimsRequest>,
    /// In the order of preference.
    #[serde(default)]
    pub acr_values: Vec<String>,
    /// The signed object that all this came from, if it is good once.
    #[serde(default)]
    pub object: Option<OnceOnly>,
}

/// What is remembered of a request object that named itself (`jti`): it leads to one answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnceOnly {
    pub hash: String,
    pub until: Timestamp,
}

impl ValidRequest {
    /// # Errors
    /// Storage failed (outer); the client is told (inner).
    pub(super) async fn check(
        provider: &Provider,
        params: &Params,
        reply_to: &ReplyTo,
        now: Timestamp,
    ) -> Result<Result<Self, Error>, Fault> {
        let resources = params.all("resource").into_iter().map(str::to_owned).collect::<Vec<_>>();
        if let Err(error) = may_use_resources(provider, reply_to, &resources).await? {
            return Ok(Err(error));
        }
        Ok(Self::check_params(provider, params, reply_to, resources, now))
    }

    fn check_params(
        provider: &Provider,
        params: &Params,
        reply_to: &ReplyTo,
        resources: Vec<String>,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let client = &reply_to.client.client;
        refuse_registration(params)?;
        let response_type = response_type(provider, params, reply_to)?;
        check_mode(params, &response_type)?;
        if params.get("state").is_some_and(|s| s.len() > LONGEST_STATE) {
            return Err(Error::new(ErrorCode::InvalidRequest, "state is longer than 2048 bytes"));
        }
        let nonce = params.get("nonce");
        if nonce.is_some_and(|n| n.len() > LONGEST_STATE) {
            return Err(Error::new(ErrorCode::InvalidRequest, "nonce is longer than 2048 bytes"));
        }
        if nonce.is_none() && response_type.has_id_token() {
            return Err(Error::new(ErrorCode::InvalidRequest, "nonce is required when an ID token comes from this endpoint"));
        }
        let challenge = pkce::Challenge::from_request(params.get("code_challenge"), params.get("code_challenge_method"))?;
        if challenge.is_none() && client.pkce == PkcePolicy::Required && response_type.has_code() {
            return Err(Error::new(ErrorCode::InvalidRequest, "code_challenge is required for this client"));
        }
        let scope = allowed_scope(params, reply_to)?;
        if response_type.has_id_token() && !scope.contains("openid") {
            return Err(Error::new(ErrorCode::InvalidScope, "an ID token needs the scope openid"));
        }
        Ok(Self {
            client_id: client.client_id.clone(),
            redirect_uri: reply_to.redirect_uri.clone(),
            response_type,
            mode: reply_to.mode,
            state: reply_to.state.clone(),
            nonce: nonce.map(str::to_owned),
            scope,
            resources,
            challenge,
            prompt: prompt(provider, params)?,
            max_age: max_age(params)?.or(client.default_max_age),
            login_hint: bounded(params, "login_hint", 320)?,
            hint: hint(provider, params, now)?,
            ui_locales: bounded(params, "ui_locales", 256)?,
            claims: params.get("claims").map(ClaimsRequest::parse).transpose()?,
            acr_values: acr_values(params, reply_to)?,
            object: None,
        })
    }
}

/// There are no self-issued providers here (Core section 7.2.1, error of section 3.1.2.6).
fn refuse_registration(params: &Params) -> Result<(), Error> {
    if params.get("registration").is_some() {
        return Err(Error::new(ErrorCode::RegistrationNotSupported, "the registration parameter is not supported"));
    }
    Ok(())
}

fn response_type(provider: &Provider, params: &Params, reply_to: &ReplyTo) -> Result<ResponseType, Error> {
    let client = &reply_to.client.client;
    let text = params.require("response_type", "response_type is missing")?;
    let unsupported = Error::new(ErrorCode::UnsupportedResponseType, "this response_type is not offered here");
    let asked = ResponseType::parse(text).map_err(|_| unsupported)?;
    if !provider.policy.response_types.contains(&asked) {
        return Err(unsupported);
    }
    if !client.response_types.contains(&asked) {
        return Err(Error::new(ErrorCode::UnauthorizedClient, "this client is not registered for this response_type"));
    }
    if asked.has_code() && !client.allows_grant(GrantType::AuthorizationCode) {
        return Err(Error::new(ErrorCode::UnauthorizedClient, "this client is not registered for authorization_code"));
    }
    Ok(asked)
}

/// OAuth 2.0 Multiple Response Types section 2.1: what comes from the front channel never goes into the query.
fn check_mode(params: &Params, response_type: &ResponseType) -> Result<(), Error> {
    let Some(text) = params.get("response_mode") else { return Ok(()) };
    match ResponseMode::parse(text) {
        None => Err(Error::new(ErrorCode::InvalidRequest, "this response_mode is not offered here")),
        Some(ResponseMode::Query) if response_type.is_front_channel() => {
            Err(Error::new(ErrorCode::InvalidRequest, "response_mode query is not allowed for this response_type"))
        }
        Some(_) => Ok(()),
    }
}

/// Scopes that a client may not have are left out, and the answer says what was granted (decision 21).
fn allowed_scope(params: &Params, reply_to: &ReplyTo) -> Result<Scope, Error> {
    let asked = params.get("scope").map(Scope::parse).transpose()?.unwrap_or_default();
    let scope = asked.intersect(&reply_to.client.client.scope);
    if scope.is_empty() {
        return Err(Error::new(ErrorCode::InvalidScope, "none of the asked scopes is open to this client"));
    }
    Ok(scope)
}

async fn may_use_resources(provider: &Provider, reply_to: &ReplyTo, resources: &[String]) -> Result<Result<(), Error>, Fault> {
    for uri in resources {
        if !may_use_resource(provider, &reply_to.client, uri).await? {
            return Ok(Err(Error::new(ErrorCode::InvalidTarget, "a resource is unknown or not open to this client")));
        }
    }
    Ok(Ok(()))
}

/// Whether a client may ask for tokens for a resource (RFC 8707 section 2, decision 21).
///
/// # Errors
/// Storage failed.
pub(in crate::endpoints) async fn may_use_resource(provider: &Provider, client: &ClientRef, uri: &str) -> Result<bool, Fault> {
    if provider.registry.resource(&provider.db, uri).await? {
        return Ok(client.client.resources.iter().any(|own| own == uri));
    }
    let absolute = url::Url::parse(uri).is_ok_and(|url| url.fragment().is_none() && url.has_host());
    // Whoever registered itself is a stranger to the APIs of the house, too.
    let is_known = !client.client.is_unchecked();
    Ok(absolute && is_known && provider.policy.unregistered_resources == UnregisteredResources::Allowed)
}

/// `create` is a word only where people may sign up (Initiating User Registration 1.0 section 4.1.1).
fn prompt(provider: &Provider, params: &Params) -> Result<Prompt, Error> {
    let prompt = params.get("prompt").map(Prompt::parse).transpose()?.unwrap_or_default();
    if prompt.has_create() && !provider.sign_up_is_open() {
        return Err(Error::new(ErrorCode::InvalidRequest, "prompt create is not offered here"));
    }
    Ok(prompt)
}

fn max_age(params: &Params) -> Result<Option<i64>, Error> {
    let wrong = Error::new(ErrorCode::InvalidRequest, "max_age is not a number of seconds");
    let parse = |text: &str| text.parse::<u32>().map(i64::from).map_err(|_| wrong);
    params.get("max_age").map(parse).transpose()
}

/// What the client wants in general gives way to what it asks for (Dynamic Client Registration section 2).
fn acr_values(params: &Params, reply_to: &ReplyTo) -> Result<Vec<String>, Error> {
    let asked = bounded(params, "acr_values", 1024)?;
    let words = |text: String| text.split(' ').filter(|acr| !acr.is_empty()).map(str::to_owned).collect();
    Ok(asked.map_or_else(|| reply_to.client.client.more.default_acr_values.clone(), words))
}

fn bounded(params: &Params, name: &'static str, longest: usize) -> Result<Option<String>, Error> {
    match params.get(name) {
        Some(text) if text.len() > longest => Err(Error::new(ErrorCode::InvalidRequest, "a parameter is too long")),
        text => Ok(text.map(str::to_owned)),
    }
}

fn hint(provider: &Provider, params: &Params, now: Timestamp) -> Result<Option<Hint>, Error> {
    let Some(hint) = params.get("id_token_hint") else { return Ok(None) };
    let hint = provider.verifier.hint(hint, now);
    let wrong = Error::new(ErrorCode::InvalidRequest, "id_token_hint is not an ID token of this issuer");
    hint.map(Some).ok_or(wrong)
}
