//! The request object of an authorization request (OpenID Connect Core section 6, RFC 9101): fetched if it is named by an
//! address, verified with the client's own keys, and put in the place of the parameters beside it.

use std::borrow::Cow;

use http::header::CONTENT_TYPE;
use serde_json::{Map, Value};

use crate::base::{Timestamp, sha256_base64url};
use crate::cache::{Bucket, Rule};
use crate::endpoints::client_keys::verified;
use crate::endpoints::{ClientRef, Provider, Refusal, Visit};
use crate::jose::Expect;
use crate::oauth::request_object::{self, Beside, Presented};
use crate::oauth::{Error, ErrorCode, Params};
use crate::store::{Tx, tokens};

/// What a request object may call itself (RFC 9101 section 10.8); older clients say `JWT` or nothing.
const TYPES: [&str; 3] = ["oauth-authz-req+jwt", "JWT", ""];

/// The media types of a fetched object (RFC 9101 section 5.2.3), and what OpenID providers served before there was one.
const MEDIA_TYPES: [&str; 2] = ["application/oauth-authz-req+jwt", "application/jwt"];

/// The longest life of an object that is good once, in seconds: its `jti` is remembered that long.
const LONGEST_SECONDS: i64 = 3600;

/// Clocks of clients may be this far off.
const LEEWAY_SECONDS: i64 = 10;

/// How many objects are fetched for one client, whoever asks.
const FETCHES: Rule = Rule::per_minute(600);

/// The parameters that count: those of the request itself, or of the object that it brings.
///
/// # Errors
/// The client is told (RFC 9101 section 7), or something broke.
pub(super) async fn resolve<'a>(provider: &Provider, params: &'a Params, visit: &Visit) -> Result<Cow<'a, Params>, Refusal> {
    let presented = request_object::presented(params)?;
    let client = match params.get("client_id") {
        Some(client_id) => provider.registry.client(&provider.db, client_id).await?,
        None => None,
    };
    // Nobody to verify anything for: what is missing is told as for any request.
    let Some(client) = client else { return Ok(Cow::Borrowed(params)) };
    let is_required = client.client.more.require_signed_request_object;
    let object = match presented {
        None if is_required => return Err(Error::new(ErrorCode::InvalidRequest, "this client sends signed requests only").into()),
        None => return Ok(Cow::Borrowed(params)),
        Some(Presented::ByValue(object)) => Cow::Borrowed(object),
        Some(Presented::ByReference(uri)) => Cow::Owned(fetch(provider, &client, uri, visit).await?),
    };
    let claims = verify(provider, &client, &object, visit.now).await?;
    let rule = if is_required { Beside::Ignored } else { Beside::Count };
    let merged = request_object::merge(params, &claims, rule)?;
    use_once(provider, &client, &claims, visit.now).await?;
    Ok(Cow::Owned(merged))
}

/// Only addresses that the client registered are ever called, so that nobody can have others called by us.
async fn fetch(provider: &Provider, client: &ClientRef, uri: &str, visit: &Visit) -> Result<String, Refusal> {
    let wrong = |why| Refusal::from(Error::new(ErrorCode::InvalidRequestUri, why));
    let registered = request_object::registered(&client.client.more.request_uris, uri);
    let uri = registered.ok_or_else(|| wrong("request_uri is not registered for this client"))?;
    let buckets = [
        Bucket::of_network("request_uri", visit.address, provider.policy.strangers_visits),
        Bucket::of_text("request_uri", &client.client.client_id, FETCHES),
    ];
    if provider.buckets.charge(&buckets, visit.now).await.is_err() {
        return Err(Error::new(ErrorCode::TemporarilyUnavailable, "too many request objects were asked for lately").into());
    }
    let answer = provider.outbound.get(uri).await.map_err(|_| wrong("the request object could not be fetched"))?;
    if answer.status() != 200 {
        return Err(wrong("the request object could not be fetched"));
    }
    let sent = answer.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media = sent.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if !MEDIA_TYPES.contains(&media.as_str()) {
        return Err(wrong("the request object must be of type application/oauth-authz-req+jwt or application/jwt"));
    }
    let text = String::from_utf8(answer.into_body()).map_err(|_| wrong("the request object is no text"))?;
    Ok(text.trim().to_owned())
}

/// RFC 9101 section 6: signed by the client, made out to us, and of this time where it says one.
async fn verify(provider: &Provider, client: &ClientRef, object: &str, now: Timestamp) -> Result<Map<String, Value>, Refusal> {
    let expect = Expect {
        typ: &TYPES,
        issuer: &client.client.client_id,
        // It may be made out to others too.
        audiences: &[],
        required: &[],
        leeway_seconds: LEEWAY_SECONDS,
        now,
        ..Expect::default()
    };
    let alg = client.client.more.request_object_alg.as_deref();
    let claims = verified(provider, &client.client, object, alg, &expect).await;
    claims.filter(|claims| is_for(provider.issuer.as_str(), claims)).ok_or_else(|| {
        tracing::warn!(client_id = client.client.client_id, "a request object did not verify");
        Error::new(
            ErrorCode::InvalidRequestObject,
            "the request object is not signed by this client, not made out to this issuer, or out of its time",
        )
        .into()
    })
}

fn is_for(issuer: &str, claims: &Map<String, Value>) -> bool {
    match claims.get("aud") {
        None => true,
        Some(Value::Array(many)) => many.iter().any(|one| one == issuer),
        Some(one) => one == issuer,
    }
}

/// An object that names itself is good once.
async fn use_once(provider: &Provider, client: &ClientRef, claims: &Map<String, Value>, now: Timestamp) -> Result<(), Refusal> {
    let wrong = |why| Refusal::from(Error::new(ErrorCode::InvalidRequestObject, why));
    let Some(jti) = claims.get("jti") else { return Ok(()) };
    let expires_at = claims.get("exp").and_then(Value::as_i64).map(Timestamp::from_unix);
    let (Some(jti), Some(expires_at)) = (jti.as_str(), expires_at) else {
        return Err(wrong("a request object with jti needs exp beside it"));
    };
    if expires_at.since(now) > LONGEST_SECONDS {
        return Err(wrong("a request object with jti must expire within an hour"));
    }
    // Not the same as an assertion with this jti.
    let hash = sha256_base64url(&format!("request object {jti}"));
    let (client_id, until) = (client.client.client_id.clone(), expires_at.plus(LEEWAY_SECONDS));
    let is_new = async move |tx: &mut Tx| tokens::use_assertion_jti(tx, &client_id, &hash, until).await;
    if provider.db.write(is_new).await? { Ok(()) } else { Err(wrong("this request object was used before")) }
}
