//! The request object of an authorization request (OpenID Connect Core section 6, RFC 9101): fetched if it is named by an
//! address, verified with the client's own keys, and put in the place of the parameters beside it.

use std::borrow::Cow;

use http::header::CONTENT_TYPE;
use serde_json::{Map, Value};

use super::OnceOnly;
use crate::base::{Timestamp, sha256_base64url};
use crate::cache::Bucket;
use crate::endpoints::client_keys::verified;
use crate::endpoints::{ClientRef, Provider, Refusal, Visit};
use crate::jose::{Expect, Refused, numeric_date, peek_header};
use crate::oauth::request_object::{self, Beside, Presented};
use crate::oauth::{Error, ErrorCode, Params};

/// What a request object may call itself (RFC 9101 section 10.8); older clients say `JWT` or nothing.
const TYPES: [&str; 3] = [JAR, "JWT", ""];

const JAR: &str = "oauth-authz-req+jwt";

/// The media types of a fetched object (RFC 9101 section 5.2.3), and what OpenID providers served before there was one.
const MEDIA_TYPES: [&str; 2] = ["application/oauth-authz-req+jwt", "application/jwt"];

/// The longest life of an object that is good once, in seconds: its `jti` is remembered that long.
const LONGEST_SECONDS: i64 = 3600;

/// Clocks of clients may be this far off.
const LEEWAY_SECONDS: i64 = 10;

/// The parameters that count: those of the request itself, or of the object that it brings; and what makes that one good once.
///
/// # Errors
/// The client is told (RFC 9101 section 7), or something broke.
pub(super) async fn resolve<'a>(
    provider: &Provider,
    params: &'a Params,
    visit: &Visit,
) -> Result<(Cow<'a, Params>, Option<OnceOnly>), Refusal> {
    let presented = request_object::presented(params)?;
    let client = match params.get("client_id") {
        Some(client_id) => provider.registry.client(&provider.db, client_id).await?,
        None => None,
    };
    // Nobody to verify anything for: what is missing is told as for any request.
    let Some(client) = client else { return Ok((Cow::Borrowed(params), None)) };
    let is_required = client.client.more.require_signed_request_object;
    let object = match presented {
        None if is_required => return Err(Error::new(ErrorCode::InvalidRequest, "this client sends signed requests only").into()),
        None => return Ok((Cow::Borrowed(params), None)),
        Some(Presented::ByValue(object)) => Cow::Borrowed(object),
        Some(Presented::ByReference(uri)) => Cow::Owned(fetch(provider, &client, uri, visit).await?),
    };
    let claims = verify(provider, &client, &object, visit.now).await?;
    // Whoever types it so speaks RFC 9101, where nothing outside counts.
    let is_typed = peek_header(&object).is_some_and(|header| header.is_typed(JAR));
    let rule = if is_required || is_typed { Beside::Ignored } else { Beside::Count };
    let merged = request_object::merge(params, &claims, rule)?;
    Ok((Cow::Owned(merged), once_only(&claims, visit.now)?))
}

/// Only addresses that the client registered are ever called, so that nobody can have others called by us.
async fn fetch(provider: &Provider, client: &ClientRef, uri: &str, visit: &Visit) -> Result<String, Refusal> {
    let wrong = |why| Refusal::from(Error::new(ErrorCode::InvalidRequestUri, why));
    let registered = request_object::registered(&client.client.more.request_uris, uri);
    let uri = registered.ok_or_else(|| wrong("request_uri is not registered for this client"))?;
    let busy = || Refusal::from(Error::new(ErrorCode::TemporarilyUnavailable, "too many request objects were asked for lately"));
    if visit.session.is_none() {
        let bucket = Bucket::of_network("request_uri", visit.address, provider.policy.strangers_visits);
        provider.buckets.charge(&[bucket], visit.now).await.map_err(|_| busy())?;
    }
    let _place = provider.client_keys.place(&client.client.client_id).ok_or_else(busy)?;
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
    let more = &client.client.more;
    // Whoever sends nothing else says whom it is for and when it ends, or it would be good everywhere and for ever.
    let required: &[&str] = if more.require_signed_request_object { &["iss", "aud", "exp"] } else { &[] };
    let expect = Expect {
        typ: &TYPES,
        issuer: &client.client.client_id,
        // It may be made out to others too.
        audiences: &[],
        required,
        leeway_seconds: LEEWAY_SECONDS,
        now,
        ..Expect::default()
    };
    let claims = verified(provider, &client.client, object, more.request_object_alg.as_deref(), &expect).await;
    let claims = claims.and_then(|claims| is_for(provider.issuer.as_str(), &claims).then_some(claims).ok_or(Refused::Audience));
    claims.map_err(|why| {
        tracing::warn!(client_id = client.client.client_id, %why, "a request object did not verify");
        let why = "the request object is not by this client, not for this issuer, or out of its time";
        Error::new(ErrorCode::InvalidRequestObject, why).into()
    })
}

fn is_for(issuer: &str, claims: &Map<String, Value>) -> bool {
    match claims.get("aud") {
        None => true,
        Some(Value::Array(many)) => many.iter().any(|one| one == issuer),
        Some(one) => one == issuer,
    }
}

/// An object that names itself leads to one answer; until then its page may be opened again.
fn once_only(claims: &Map<String, Value>, now: Timestamp) -> Result<Option<OnceOnly>, Error> {
    let wrong = |why| Error::new(ErrorCode::InvalidRequestObject, why);
    let Some(jti) = claims.get("jti") else { return Ok(None) };
    let (Some(jti), Some(expires_at)) = (jti.as_str(), claims.get("exp").and_then(numeric_date)) else {
        return Err(wrong("a request object with jti needs exp beside it"));
    };
    if expires_at.since(now) > LONGEST_SECONDS {
        return Err(wrong("a request object with jti must expire within an hour"));
    }
    // Longer than an interaction, which may end in its last second. Not the same as an assertion with this jti.
    let until = expires_at.plus(LEEWAY_SECONDS + LONGEST_SECONDS);
    Ok(Some(OnceOnly { hash: sha256_base64url(&format!("request object {jti}")), until }))
}
