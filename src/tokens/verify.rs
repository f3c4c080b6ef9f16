//! The one place that says whether a presented access token or ID token hint is ours and alive.
//!
//! A signature is verified once per token and process; whether the token still counts is read from its grant each time
//! (decision 20), so a revoked token is dead at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::OpaqueAccessToken;
use crate::base::{Fault, Issuer, Timestamp, sha256};
use crate::jose::{Expect, Expired, VerifyingKey, peek_header, verify};
use crate::keys::{Ring, Vault};
use crate::oauth::Scope;
use crate::store::grants::{self, Grant};
use crate::store::{Conn, Db, tokens};

/// How many verified tokens are remembered; at 1 KiB each this is the most that strangers can make us hold.
const REMEMBERED: usize = 4096;

/// Tokens of ours are stamped by the same clock, or by a node's that is at most this many seconds off.
const LEEWAY_SECONDS: i64 = 5;

/// The claims of an access token (RFC 9068 section 2.2), the same for a JWT and for an opaque token's row.
#[derive(Clone, Debug, Deserialize)]
pub struct AccessClaims {
    pub sub: String,
    #[serde(deserialize_with = "one_or_many")]
    pub aud: Vec<String>,
    pub client_id: String,
    pub iat: Timestamp,
    pub exp: Timestamp,
    pub jti: String,
    pub grant: String,
    pub scope: Scope,
    #[serde(default)]
    pub auth_time: Option<Timestamp>,
    #[serde(default)]
    pub acr: Option<String>,
}

/// A live access token and the grant that it hangs on.
pub struct AccessToken {
    pub claims: Arc<AccessClaims>,
    pub grant: Grant,
    /// The hash of its row, for an opaque one.
    pub opaque: Option<String>,
}

/// What an `id_token_hint` says, whether it has expired or not (OpenID Connect Core section 3.1.2.1).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Hint {
    pub sub: String,
    pub aud: String,
    #[serde(default)]
    pub sid: Option<String>,
}

/// Verified tokens by their SHA-256, with the `kid` that verified them: a key that is taken out takes them with it.
type Remembered = HashMap<[u8; 32], (String, Arc<AccessClaims>)>;

/// Verifies what we issued.
pub struct Verifier {
    issuer: Issuer,
    keys: Ring,
    /// For a key that another node made a moment ago (decision 27).
    db: Db,
    vault: Vault,
    remembered: Mutex<Remembered>,
}

impl Verifier {
    pub fn new(issuer: Issuer, keys: Ring, db: Db, vault: Vault) -> Self {
        Self { issuer, keys, db, vault, remembered: Mutex::default() }
    }

    /// The live access token behind `text`; `None` for everything else, without a word why.
    ///
    /// # Errors
    /// Storage failed: the caller answers 503 and never "inactive".
    pub async fn access_token(&self, conn: &mut Conn, text: &str, now: Timestamp) -> Result<Option<AccessToken>, Fault> {
        if let Some(token) = OpaqueAccessToken::parse(text) {
            return opaque(conn, token.hash(), now).await;
        }
        let Some(claims) = self.signed(text, now).await? else { return Ok(None) };
        let grant = grants::find_for_jti(conn, &claims.grant, &claims.jti).await?;
        Ok(grant.filter(|g| g.is_live(now)).map(|grant| AccessToken { claims, grant, opaque: None }))
    }

    async fn signed(&self, text: &str, now: Timestamp) -> Result<Option<Arc<AccessClaims>>, Fault> {
        let digest = sha256(text.as_bytes());
        if let Some((kid, claims)) = self.remembered().get(&digest) {
            let usable = now < claims.exp && self.keys.verifying(kid).is_some();
            return Ok(usable.then(|| Arc::clone(claims)));
        }
        let Some(kid) = peek_header(text).and_then(|header| header.kid) else { return Ok(None) };
        let Some(key) = self.keys.find(&self.db, &self.vault, &kid, now).await? else { return Ok(None) };
        let claims = self.claims(text, &key, now);
        if let Some(claims) = &claims {
            self.remember(digest, kid, Arc::clone(claims), now);
        }
        Ok(claims)
    }

    fn claims(&self, text: &str, key: &VerifyingKey, now: Timestamp) -> Option<Arc<AccessClaims>> {
        let expect = Expect {
            typ: &["at+jwt"],
            issuer: self.issuer.as_str(),
            audiences: &[],
            required: &["exp", "iat", "iss", "aud", "sub", "jti", "client_id", "grant"],
            leeway_seconds: LEEWAY_SECONDS,
            now,
            ..Expect::default()
        };
        let claims = verify(text, key, &expect).ok()?;
        let claims: AccessClaims = serde_json::from_value(Value::Object(claims)).ok()?;
        // The leeway is for clocks that differ; a token of ours ends when it says.
        (now < claims.exp).then(|| Arc::new(claims))
    }

    fn remember(&self, digest: [u8; 32], kid: String, claims: Arc<AccessClaims>, now: Timestamp) {
        let mut remembered = self.remembered();
        if remembered.len() >= REMEMBERED {
            remembered.retain(|_, (_, claims)| now < claims.exp);
        }
        if remembered.len() >= REMEMBERED {
            remembered.clear();
        }
        remembered.insert(digest, (kid, claims));
    }

    fn remembered(&self) -> MutexGuard<'_, Remembered> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What an ID token of ours says, also after its expiry; `None` if it is not ours.
    pub fn hint(&self, text: &str, now: Timestamp) -> Option<Hint> {
        let kid = peek_header(text)?.kid?;
        let key = self.keys.verifying(&kid)?;
        let expect = Expect {
            typ: &["JWT"],
            issuer: self.issuer.as_str(),
            audiences: &[],
            required: &["exp", "iat", "iss", "aud", "sub"],
            leeway_seconds: LEEWAY_SECONDS,
            expired: Expired::Accepted,
            now,
        };
        let claims: Map<String, Value> = verify(text, &key, &expect).ok()?;
        serde_json::from_value(Value::Object(claims)).ok()
    }
}

async fn opaque(conn: &mut Conn, hash: String, now: Timestamp) -> Result<Option<AccessToken>, Fault> {
    let Some(row) = tokens::find_opaque(conn, &hash).await? else { return Ok(None) };
    if row.revoked_at.is_some() || now >= row.expires_at || !row.grant.is_live(now) {
        return Ok(None);
    }
    let claims = serde_json::from_str(&row.detail).map_err(|_| Fault::corrupt("access_tokens", "detail"))?;
    Ok(Some(AccessToken { claims: Arc::new(claims), grant: row.grant, opaque: Some(hash) }))
}

fn one_or_many<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Audience {
        One(String),
        Many(Vec<String>),
    }
    Ok(match Audience::deserialize(from)? {
        Audience::One(one) => vec![one],
        Audience::Many(many) => many,
    })
}
