//! The single mint: every access token, ID token, logout token and refresh token is made here and nowhere else.
//!
//! It signs and computes; it never writes. What it made is stored by the one commit of the endpoint, or thrown away.

use serde_json::{Map, Value, json};

use super::{GrantDetail, OpaqueAccessToken};
use crate::base::{Fault, Issuer, Random, Secret, Timestamp, public_id};
use crate::jose::{Alg, Content, Recipient, half_hash};
use crate::keys::Ring;
use crate::oauth::scope::ACCOUNT;
use crate::oauth::{AccessTokenFormat, Client, Scope};

/// How long an ID token is good for, in seconds: long enough to be read at once and as a hint later.
const ID_TOKEN_SECONDS: i64 = 3600;

/// How long a logout token is good for, in seconds (OpenID Connect Back-Channel Logout 1.0 section 4 wants two minutes at most).
const LOGOUT_TOKEN_SECONDS: i64 = 120;

/// What the mint works with.
pub struct Mint<'a> {
    pub issuer: &'a Issuer,
    pub keys: &'a Ring,
    pub random: &'a Random,
    /// The algorithm of JWT access tokens: ES256 unless the operator chose another.
    pub access_alg: Alg,
}

/// For whom and on what grounds tokens are made.
pub struct Recipe<'a> {
    pub client: &'a Client,
    pub grant_id: &'a str,
    pub grant: &'a GrantDetail,
    /// The subject: the person's `sub`, or the client itself (RFC 9068 section 2.2).
    pub sub: &'a str,
    /// What this access token covers: the grant's scope or less.
    pub scope: &'a Scope,
    /// RFC 8707 resources of this access token: the grant's or fewer.
    pub resources: &'a [String],
    pub now: Timestamp,
}

/// Which ID token is wanted beside the access token.
pub struct Order<'a> {
    pub nonce: Option<&'a str>,
    /// Claims about the person, from [`super::id_token_claims`].
    pub claims: Map<String, Value>,
    pub access_token: Option<&'a str>,
    pub code: Option<&'a str>,
    /// The key of a client that is registered for encrypted ID tokens.
    pub encrypt_to: Option<&'a Recipient>,
}

/// Whom a logout token is for.
pub struct Farewell<'a> {
    pub client: &'a Client,
    pub sub: &'a str,
    pub sid: &'a str,
    /// As for its ID tokens.
    pub encrypt_to: Option<&'a Recipient>,
}

/// An access token and, where it is opaque, the row that it needs.
pub struct Minted {
    pub access_token: Secret<String>,
    pub expires_in: i64,
    pub stored: Option<StoredAccess>,
}

/// The row of an opaque access token.
pub struct StoredAccess {
    pub hash: String,
    pub detail: String,
    pub expires_at: Timestamp,
}

/// A successful answer of the token endpoint (RFC 6749 section 5.1).
#[derive(Debug)]
pub struct Response {
    pub access_token: Secret<String>,
    pub expires_in: i64,
    pub scope: Scope,
    pub refresh_token: Option<Secret<String>>,
    pub id_token: Option<Secret<String>>,
}

impl Mint<'_> {
    /// An access token (RFC 9068, or opaque where the client is registered so).
    ///
    /// # Errors
    /// No key, no chance, or the signature failed.
    pub fn access_token(&self, recipe: &Recipe<'_>) -> Result<Minted, Fault> {
        let lifetime = recipe.client.access_token_seconds;
        let expires_at = recipe.now.plus(lifetime);
        let claims = self.access_claims(recipe, expires_at)?;
        match recipe.client.access_token {
            AccessTokenFormat::Jwt => {
                let token = self.keys.signing(self.access_alg)?.sign("at+jwt", &claims)?;
                Ok(Minted { access_token: Secret::new(token), expires_in: lifetime, stored: None })
            }
            AccessTokenFormat::Opaque => {
                let token = OpaqueAccessToken::new(self.random)?;
                let detail = serde_json::to_string(&claims).map_err(Fault::at("tokens: access claims"))?;
                let stored = StoredAccess { hash: token.hash(), detail, expires_at };
                let access_token = Secret::new(token.expose().to_owned());
                Ok(Minted { access_token, expires_in: lifetime, stored: Some(stored) })
            }
        }
    }

    fn access_claims(&self, recipe: &Recipe<'_>, expires_at: Timestamp) -> Result<Map<String, Value>, Fault> {
        let mut audience: Vec<&str> = recipe.resources.iter().map(String::as_str).collect();
        // Userinfo and the account's own API are here (decision 21).
        if audience.is_empty() || recipe.scope.contains("openid") || recipe.scope.contains(ACCOUNT) {
            audience.push(self.issuer.as_str());
        }
        let aud = match audience.as_slice() {
            [one] => Value::from(*one),
            many => Value::from(many),
        };
        let mut claims = Map::new();
        for (name, value) in [
            ("iss", Value::from(self.issuer.as_str())),
            ("sub", Value::from(recipe.sub)),
            ("aud", aud),
            ("client_id", Value::from(recipe.client.client_id.as_str())),
            ("iat", Value::from(recipe.now.unix())),
            ("exp", Value::from(expires_at.unix())),
            ("jti", Value::from(public_id(self.random)?)),
            ("grant", Value::from(recipe.grant_id)),
            ("scope", Value::from(recipe.scope.to_string())),
        ] {
            claims.insert(name.to_owned(), value);
        }
        if let Some(auth_time) = recipe.grant.auth_time {
            claims.insert("auth_time".to_owned(), json!(auth_time.unix()));
            claims.insert("acr".to_owned(), json!(recipe.grant.acr));
            claims.insert("amr".to_owned(), json!(recipe.grant.amr));
        }
        Ok(claims)
    }

    /// An ID token (OpenID Connect Core section 2), signed with the algorithm that the client is registered for.
    ///
    /// # Errors
    /// No key for the algorithm, or the signature failed.
    pub fn id_token(&self, recipe: &Recipe<'_>, order: Order<'_>) -> Result<Secret<String>, Fault> {
        let alg = Alg::parse(&recipe.client.id_token_alg).ok_or_else(|| Fault::corrupt("clients", "id_token_alg"))?;
        let mut claims = order.claims;
        for (name, value) in [
            ("iss", Some(json!(self.issuer.as_str()))),
            ("sub", Some(json!(recipe.sub))),
            ("aud", Some(json!(recipe.client.client_id))),
            ("iat", Some(json!(recipe.now.unix()))),
            ("exp", Some(json!(recipe.now.plus(ID_TOKEN_SECONDS).unix()))),
            ("auth_time", recipe.grant.auth_time.map(|t| json!(t.unix()))),
            ("acr", Some(json!(recipe.grant.acr))),
            ("amr", Some(json!(recipe.grant.amr))),
            ("sid", recipe.grant.sid.as_ref().map(|sid| json!(sid))),
            ("nonce", order.nonce.map(|nonce| json!(nonce))),
            ("at_hash", order.access_token.map(|token| json!(half_hash(alg, token)))),
            ("c_hash", order.code.map(|code| json!(half_hash(alg, code)))),
        ] {
            if let Some(value) = value {
                claims.insert(name.to_owned(), value);
            }
        }
        let signed = self.keys.signing(alg)?.sign("JWT", &claims)?;
        self.sealed(signed, order.encrypt_to)
    }

    /// Signed, then encrypted for whoever asked for it (Core section 10.2).
    fn sealed(&self, signed: String, to: Option<&Recipient>) -> Result<Secret<String>, Fault> {
        let Some(recipient) = to else { return Ok(Secret::new(signed)) };
        recipient.encrypt(signed.as_bytes(), Content::Jwt, self.issuer.as_str()).map(Secret::new)
    }

    /// Claims about a person as a JWT of userinfo (Core section 5.3.2): signed, encrypted, or both, with `iss` and `aud` in it. It is
    /// no ID token and cannot be taken for one.
    ///
    /// # Errors
    /// No key for the algorithm, or the signature or encryption failed.
    pub fn userinfo(
        &self,
        client: &Client,
        mut claims: Map<String, Value>,
        encrypt_to: Option<&Recipient>,
    ) -> Result<Secret<String>, Fault> {
        claims.insert("iss".to_owned(), Value::from(self.issuer.as_str()));
        claims.insert("aud".to_owned(), Value::from(client.client_id.as_str()));
        if let (None, Some(recipient)) = (&client.more.userinfo_alg, encrypt_to) {
            let content = serde_json::to_vec(&claims).map_err(Fault::at("tokens: userinfo claims"))?;
            return recipient.encrypt(&content, Content::Claims, self.issuer.as_str()).map(Secret::new);
        }
        let alg = client.more.userinfo_alg.as_deref().and_then(Alg::parse);
        let alg = alg.ok_or_else(|| Fault::corrupt("clients", "userinfo_alg"))?;
        self.sealed(self.keys.signing(alg)?.sign("JWT", &claims)?, encrypt_to)
    }

    /// A logout token (OpenID Connect Back-Channel Logout 1.0 section 2.4), signed and encrypted like the client's ID tokens and of a
    /// type that is neither theirs nor that of access tokens.
    ///
    /// # Errors
    /// No key for the algorithm, no chance, or the signature failed.
    pub fn logout_token(&self, farewell: &Farewell<'_>, now: Timestamp) -> Result<Secret<String>, Fault> {
        let Farewell { client, sub, sid, encrypt_to } = *farewell;
        let alg = Alg::parse(&client.id_token_alg).ok_or_else(|| Fault::corrupt("clients", "id_token_alg"))?;
        let claims = json!({
            "iss": self.issuer.as_str(),
            "sub": sub,
            "aud": client.client_id,
            "iat": now.unix(),
            "exp": now.plus(LOGOUT_TOKEN_SECONDS).unix(),
            "jti": public_id(self.random)?,
            "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
            "sid": sid,
        });
        self.sealed(self.keys.signing(alg)?.sign("logout+jwt", &claims)?, encrypt_to)
    }
}
