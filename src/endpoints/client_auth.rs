//! Client authentication (RFC 6749 section 2.3, OpenID Connect Core section 9): the only maker of [`AuthenticatedClient`].
//!
//! A client uses the method that it is registered for and no other. Unknown client and wrong secret are one answer.

use std::fmt;

use serde_json::{Map, Value};

use super::client_keys::verified;
use super::{ClientRef, Provider, Refusal};
use crate::base::{Fault, Secret, Timestamp, same, sha256_base64url};
use crate::jose::{Expect, Refused, VerifyingKey, numeric_date, peek_claims, verify};
use crate::oauth::{AuthMethod, Error, ErrorCode, Params};
use crate::store::tokens;

/// The only kind of assertion that is known (RFC 7523 section 2.2).
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The longest life of an assertion that is taken, in seconds: its `jti` is remembered that long.
const LONGEST_ASSERTION_SECONDS: i64 = 3600;

/// How much of a client id that nobody knows goes into the log, in characters.
const LONGEST_LOGGED: usize = 100;

/// Clocks of clients may be this far off.
const LEEWAY_SECONDS: i64 = 10;

/// What `Authorization: Basic` held, decoded.
pub struct Basic {
    pub client_id: String,
    pub secret: Secret<String>,
}

/// What came in the header, if anything did; a broken header is told from none.
pub enum Header {
    None,
    Basic(Basic),
    Broken,
}

/// A client that proved who it is, or a public one that said so.
#[derive(Clone, Debug)]
pub struct AuthenticatedClient(ClientRef);

impl AuthenticatedClient {
    pub const fn client(&self) -> &ClientRef {
        &self.0
    }
}

impl std::ops::Deref for AuthenticatedClient {
    type Target = crate::oauth::Client;

    fn deref(&self) -> &Self::Target {
        &self.0.client
    }
}

/// The way in which a request presents a client.
enum Presented<'a> {
    Nothing { client_id: &'a str },
    Secret { client_id: &'a str, secret: &'a str, method: AuthMethod },
    Assertion { client_id: String, assertion: &'a str },
}

fn refused() -> Refusal {
    Error::new(ErrorCode::InvalidClient, "client authentication failed").into()
}

/// Authenticates the client of a request to the endpoint with this URL.
///
/// # Errors
/// `invalid_client`, `invalid_request` for two methods at once, or something broke.
pub async fn authenticate(
    provider: &Provider,
    header: &Header,
    params: &Params,
    endpoint: &str,
    now: Timestamp,
) -> Result<AuthenticatedClient, Refusal> {
    let presented = presented(header, params)?;
    let client_id = match &presented {
        Presented::Nothing { client_id } | Presented::Secret { client_id, .. } => *client_id,
        Presented::Assertion { client_id, .. } => client_id,
    };
    let known = provider.registry.client(&provider.db, client_id).await?;
    if let Some(client) = known
        && proves(provider, &client, &presented, endpoint, now).await?.is_ok()
    {
        return Ok(AuthenticatedClient(client));
    }
    // What is remembered may be a second old: the row decides before anybody is refused.
    let why = match provider.registry.fresh_client(&provider.db, client_id).await? {
        Some(client) => match proves(provider, &client, &presented, endpoint, now).await? {
            Ok(()) => return Ok(AuthenticatedClient(client)),
            Err(why) => why,
        },
        None => "no such client is registered".to_owned(),
    };
    // The client hears the same in any case; whoever runs it finds the reason in the log.
    let client_id: String = client_id.chars().take(LONGEST_LOGGED).collect();
    tracing::warn!(client_id, why, "client authentication failed");
    Err(refused())
}

/// Whether a client proved who it is; or why it did not, for the log.
type Proof = Result<(), String>;

fn other_method(client: &ClientRef, sent: AuthMethod) -> String {
    format!("it sent {}, and is registered for {}", sent.as_str(), client.client.auth_method.as_str())
}

fn presented<'a>(header: &'a Header, params: &'a Params) -> Result<Presented<'a>, Refusal> {
    let several = || Error::new(ErrorCode::InvalidRequest, "use one way of client authentication only");
    let in_body = params.get("client_id");
    let secret = params.get("client_secret");
    let assertion = params.get("client_assertion");
    match header {
        Header::Broken => return Err(refused()),
        Header::Basic(basic) => {
            if secret.is_some() || assertion.is_some() {
                return Err(several().into());
            }
            if in_body.is_some_and(|id| id != basic.client_id) {
                return Err(Error::new(ErrorCode::InvalidRequest, "client_id differs from the Authorization header").into());
            }
            let (client_id, secret) = (basic.client_id.as_str(), basic.secret.expose().as_str());
            return Ok(Presented::Secret { client_id, secret, method: AuthMethod::ClientSecretBasic });
        }
        Header::None => {}
    }
    match (secret, assertion) {
        (Some(_), Some(_)) => Err(several().into()),
        (Some(secret), None) => {
            let client_id = in_body.ok_or_else(refused)?;
            Ok(Presented::Secret { client_id, secret, method: AuthMethod::ClientSecretPost })
        }
        (None, Some(assertion)) => {
            if params.get("client_assertion_type") != Some(JWT_BEARER) {
                return Err(refused());
            }
            let claims = peek_claims(assertion).ok_or_else(refused)?;
            let client_id = claims.get("sub").and_then(Value::as_str).ok_or_else(refused)?.to_owned();
            if in_body.is_some_and(|id| id != client_id) {
                return Err(refused());
            }
            Ok(Presented::Assertion { client_id, assertion })
        }
        (None, None) => Ok(Presented::Nothing { client_id: in_body.ok_or_else(refused)? }),
    }
}

async fn proves(
    provider: &Provider,
    client: &ClientRef,
    presented: &Presented<'_>,
    endpoint: &str,
    now: Timestamp,
) -> Result<Proof, Fault> {
    let registered = client.client.auth_method;
    Ok(match presented {
        Presented::Assertion { assertion, .. } => return asserts(provider, client, assertion, endpoint, now).await,
        Presented::Nothing { .. } if registered == AuthMethod::None => Ok(()),
        Presented::Nothing { .. } => Err(other_method(client, AuthMethod::None)),
        Presented::Secret { method, .. } if registered != *method => Err(other_method(client, *method)),
        Presented::Secret { secret, .. } if knows_secret(client, secret, now) => Ok(()),
        Presented::Secret { .. } => Err("the secret is not right".to_owned()),
    })
}

/// Compares with every live secret, in full and in constant time.
fn knows_secret(client: &ClientRef, secret: &str, now: Timestamp) -> bool {
    let hash = sha256_base64url(secret);
    client
        .secrets
        .iter()
        .filter(|s| s.expires_at.is_none_or(|at| now < at))
        .fold(false, |known, stored| same(stored.hash.as_bytes(), hash.as_bytes()) | known)
}

/// RFC 7523 section 3: issuer and subject are the client, the audience is us, the `jti` was never used.
async fn asserts(
    provider: &Provider,
    client: &ClientRef,
    assertion: &str,
    endpoint: &str,
    now: Timestamp,
) -> Result<Proof, Fault> {
    let token_endpoint = provider.issuer.join("/token");
    let expect = Expect {
        typ: &["JWT", ""],
        issuer: &client.client.client_id,
        audiences: &[provider.issuer.as_str(), endpoint, &token_endpoint],
        required: &["exp", "iss", "aud", "sub", "jti"],
        leeway_seconds: LEEWAY_SECONDS,
        now,
        ..Expect::default()
    };
    let alg = client.client.token_endpoint_auth_signing_alg.as_deref();
    let verified = match client.client.auth_method {
        AuthMethod::PrivateKeyJwt => verified(provider, &client.client, assertion, alg, &expect).await,
        AuthMethod::ClientSecretJwt => by_secret(provider, client, assertion, &expect)?,
        AuthMethod::None | AuthMethod::ClientSecretBasic | AuthMethod::ClientSecretPost => {
            return Ok(Err(other_method(client, AuthMethod::PrivateKeyJwt)));
        }
    };
    let wrong = |why: &dyn fmt::Display| Ok(Err(format!("the assertion is not right: {why}")));
    let claims = match verified {
        Ok(claims) => claims,
        Err(why) => return wrong(&why),
    };
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let expires_at = claims.get("exp").and_then(numeric_date);
    let (Some(jti), Some(expires_at)) = (text("jti"), expires_at) else { return wrong(&"its jti is no text") };
    if text("sub") != Some(client.client.client_id.as_str()) {
        return wrong(&"its sub is not the client");
    }
    if expires_at.since(now) > LONGEST_ASSERTION_SECONDS {
        return wrong(&"it is good for too long");
    }
    let (client_id, jti_hash) = (client.client.client_id.clone(), sha256_base64url(jti));
    let until = expires_at.plus(LEEWAY_SECONDS);
    let is_first = provider.db.write(async move |tx| tokens::use_jti(tx, &client_id, &jti_hash, until).await).await?;
    if is_first { Ok(Ok(())) } else { wrong(&"its jti was used before") }
}

/// The claims of an assertion under a live secret of the client (Core section 9, client_secret_jwt): no other HMAC key exists.
fn by_secret(
    provider: &Provider,
    client: &ClientRef,
    assertion: &str,
    expect: &Expect<'_>,
) -> Result<Result<Map<String, Value>, Refused>, Fault> {
    let live = client.secrets.iter().filter(|secret| secret.expires_at.is_none_or(|at| expect.now < at));
    let mut refused = Refused::Algorithm;
    for secret in live {
        let Some(sealed) = secret.sealed.as_deref() else { continue };
        let key = VerifyingKey::hmac(&provider.vault.open("client_secrets", "sealed", &secret.id, sealed)?);
        match verify(assertion, &key, expect) {
            Ok(claims) => return Ok(Ok(claims)),
            Err(why) => refused = why,
        }
    }
    Ok(Err(refused))
}
