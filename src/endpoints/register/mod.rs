//! Dynamic client registration (RFC 7591, OpenID Connect Dynamic Client Registration 1.0) and what a client may do with its
//! own registration (RFC 7592).
//!
//! A client that registers itself gets nothing that only an operator can give: it is asked about, marked as unchecked, and
//! goes again if nobody ever uses it.

mod documents;
mod own;
mod sweep;

use std::net::IpAddr;

use serde_json::{Map, Value, json};

use super::{Bearer, Provider, audit};
use crate::base::{Fault, Secret, Timestamp, public_id, sha256_base64url};
use crate::jose::{Alg, JwkSet};
use crate::oauth::registration::{self, Refused};
use crate::oauth::{AuthMethod, Client, PkcePolicy, RegisteredBy};
use crate::store::audit as audits;
use crate::store::{clients, registrations};
use crate::tokens::{FreshSecret, InitialAccessToken, RegistrationAccessToken};

pub use own::{read, remove, update};
pub use sweep::sweep;

/// What the operator settled about it.
#[derive(Clone, Debug)]
pub struct Policy {
    pub mode: Mode,
    /// What public clients get (decision 18); confidential ones may do without PKCE.
    pub public_pkce: PkcePolicy,
    /// How long a client may wait for its first use; for ever, if nothing.
    pub unused_seconds: Option<i64>,
    pub access_token_seconds: i64,
    pub refresh_idle_seconds: i64,
    pub refresh_absolute_seconds: i64,
}

/// Who may register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Off,
    /// Whoever has an initial access token.
    Token,
    Open,
}

/// Why nothing was registered, shown or changed.
#[derive(Debug)]
pub enum Refusal {
    /// There is no registration here.
    Off,
    /// No token was presented where one is needed.
    NoToken,
    WrongToken,
    Metadata(Refused),
    /// Somebody else changed the same client in between.
    Changed,
    Broken(Fault),
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Broken(fault)
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        Self::Metadata(refused)
    }
}

/// A request of somebody with a token, or without.
pub struct Asked<'a> {
    pub bearer: &'a Bearer,
    pub address: IpAddr,
    pub now: Timestamp,
}

/// What the server alone says of a client; in a first registration none of it may stand.
const OURS: [&str; 6] = [
    "client_id",
    "client_secret",
    "client_secret_expires_at",
    "client_id_issued_at",
    "registration_access_token",
    "registration_client_uri",
];

/// Registers a client; answers everything about it (RFC 7591 section 3.2.1), its secret among it this once.
///
/// # Errors
/// Registration is off, the initial access token is not right, a member is not, or something broke.
pub async fn register(
    provider: &Provider,
    members: &Map<String, Value>,
    asked: &Asked<'_>,
) -> Result<Map<String, Value>, Refusal> {
    let policy = &provider.policy.registration;
    let initial = match policy.mode {
        Mode::Off => return Err(Refusal::Off),
        Mode::Token => Some(initial_token(provider, asked).await?),
        Mode::Open => None,
    };
    if let Some(name) = OURS.into_iter().find(|name| members.contains_key(*name)) {
        return Err(Refused::metadata(name, "is for the server to say").into());
    }
    let mut blank = Client::new(public_id(&provider.random)?, "");
    blank.access_token_seconds = policy.access_token_seconds;
    blank.refresh_idle_seconds = policy.refresh_idle_seconds;
    blank.refresh_absolute_seconds = policy.refresh_absolute_seconds;
    blank.more.registered_by = Some(RegisteredBy::Itself);
    let mut client = registration::read(members, blank)?;
    client.pkce = pkce(policy, &client);
    within_the_house(provider, &client)?;
    let logo = documents::fetch(provider, None, &mut client).await?;

    let method = client.auth_method;
    let new_secret = || FreshSecret::new(provider.new_id()?, method, &provider.vault, &provider.random, asked.now);
    let secret = method.uses_secret().then(new_secret).transpose()?;
    let (secret, stored) = secret.map(|fresh| (fresh.plain, fresh.stored)).unzip();
    let token = RegistrationAccessToken::new(&provider.random)?;
    let (id, event_id) = (provider.new_id()?, provider.new_id()?);
    let event = event("client_registered", &client.client_id, asked);
    let (row, token_hash, now) = (client.clone(), token.hash(), asked.now);
    let written = provider.db.write(async move |tx| {
        if let Some(hash) = &initial
            && !registrations::use_token(tx, hash, now).await?
        {
            return Ok(false);
        }
        if !clients::insert(tx, &id, &row, now).await? {
            return Err(Fault::new("endpoints: register", "a random client id is taken"));
        }
        registrations::insert(tx, &row.client_id, &token_hash, now).await?;
        if let Some(secret) = &stored {
            clients::insert_secret(tx, &id, secret).await?;
        }
        if let Some(logo) = &logo {
            clients::set_logo(tx, &id, logo).await?;
        }
        audits::write(tx, &event_id, &event).await?;
        // No counter is raised: what is not known yet is read before anybody is refused (decision 27).
        Ok(true)
    });
    if !written.await? {
        return Err(Refusal::WrongToken);
    }
    Ok(information(provider, &client, token.expose(), secret.as_ref(), asked.now))
}

/// The hash of the initial access token, if it would be taken now.
async fn initial_token(provider: &Provider, asked: &Asked<'_>) -> Result<String, Refusal> {
    let text = match asked.bearer {
        Bearer::Token(text) => text,
        Bearer::None => return Err(Refusal::NoToken),
        Bearer::Misused => return Err(Refusal::WrongToken),
    };
    let hash = InitialAccessToken::parse(text).ok_or(Refusal::WrongToken)?.hash();
    let is_good = registrations::is_token(&mut provider.db.conn(), &hash, asked.now).await?;
    if is_good { Ok(hash) } else { Err(Refusal::WrongToken) }
}

fn pkce(policy: &Policy, client: &Client) -> PkcePolicy {
    if client.is_public() { policy.public_pkce } else { PkcePolicy::Optional }
}

/// What this house cannot do for a client, and keys that are none.
fn within_the_house(provider: &Provider, client: &Client) -> Result<(), Refused> {
    if let Some(other) = client.response_types.iter().find(|wanted| !provider.policy.response_types.contains(wanted)) {
        return Err(Refused::metadata("response_types", format!("has {other}, which is not offered here")));
    }
    let algs = provider.keys.algs();
    let has_key = |alg: &str| algs.iter().any(|own| own.as_str() == alg);
    if !has_key(&client.id_token_alg) {
        return Err(Refused::metadata("id_token_signed_response_alg", "is an algorithm for which there is no key here"));
    }
    if client.more.userinfo_alg.as_deref().is_some_and(|alg| !has_key(alg)) {
        return Err(Refused::metadata("userinfo_signed_response_alg", "is an algorithm for which there is no key here"));
    }
    let Some(jwks) = &client.jwks else { return Ok(()) };
    let keys = JwkSet::parse_client(jwks).map_err(|why| Refused::metadata("jwks", format!("is not usable: {why}")))?;
    let (id_token, userinfo) = (client.more.id_token_encryption, client.more.userinfo_encryption);
    let alg = client.more.request_object_alg.as_deref().and_then(Alg::parse);
    let needed = alg.map_or_else(|| Alg::ASYMMETRIC.to_vec(), |alg| vec![alg]);
    let is_asked = alg.is_some() || client.more.require_signed_request_object;
    if is_asked && !needed.into_iter().any(|alg| keys.verifies(alg)) {
        return Err(Refused::metadata("jwks", "must have a key for the request objects that are asked for"));
    }
    if id_token.into_iter().chain(userinfo).any(|wanted| keys.recipient(wanted.alg.as_str(), wanted.enc.as_str()).is_none()) {
        return Err(Refused::metadata("jwks", "must have a key for the encryption that is asked for"));
    }
    if keys.is_empty() && client.auth_method == AuthMethod::PrivateKeyJwt {
        return Err(Refused::metadata("jwks", "must have a key for signatures"));
    }
    Ok(())
}

fn event(kind: &str, client_id: &str, asked: &Asked<'_>) -> audits::AuditEvent {
    let mut event = audit(kind, client_id, asked.now);
    event.client_id = Some(client_id.to_owned());
    event.address = Some(asked.address.to_string());
    event
}

/// The client information response (RFC 7591 section 3.2.1, RFC 7592 section 3).
fn information(
    provider: &Provider,
    client: &Client,
    token: &str,
    secret: Option<&Secret<String>>,
    since: Timestamp,
) -> Map<String, Value> {
    let mut all = registration::write(client);
    let uri = provider.issuer.join(&format!("/register/{}", client.client_id));
    let own = [
        ("client_id", json!(client.client_id)),
        ("client_id_issued_at", json!(since)),
        ("registration_access_token", json!(token)),
        ("registration_client_uri", json!(uri)),
    ];
    all.extend(own.map(|(name, value)| (name.to_owned(), value)));
    if let Some(secret) = secret {
        all.insert("client_secret".to_owned(), json!(secret.expose()));
        // It has no end.
        all.insert("client_secret_expires_at".to_owned(), json!(0));
    }
    all
}

/// Whether a presented secret is one that the client has now.
fn is_live_secret(secrets: &[clients::Secret], presented: &str, now: Timestamp) -> bool {
    let hash = sha256_base64url(presented);
    let live = secrets.iter().filter(|secret| secret.expires_at.is_none_or(|end| now < end));
    live.fold(false, |known, secret| crate::base::same(secret.hash.as_bytes(), hash.as_bytes()) | known)
}
