//! Logout tokens of a provider (OpenID Connect Back-Channel Logout 1.0 section 2.6): verified like everything else that it signs.

use serde_json::{Map, Value, json};

use super::connector::{Ended, Trouble};
use super::discovery::Known;
use super::upstream::Upstream;
use super::{MOST_TRIED, is_identifier};
use crate::base::Timestamp;
use crate::jose::{self, Alg, Expect, JwkSet, Refused, VerifyingKey, numeric_date};

/// The event that a logout token is about.
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// How old one may be when it comes, in seconds.
const OLDEST_SECONDS: i64 = 300;

/// Why a token is not taken.
pub(super) enum Refusal {
    /// No key that is known verifies it; one that was published since may.
    Key(&'static str),
    Wrong(&'static str),
}

/// What a token says that nobody has verified yet. Only one that would be taken is worth a signature, or a call for keys.
pub(super) struct Said {
    alg: Alg,
    kid: Option<String>,
    ended: Ended,
}

/// Looks at a token that anybody can have sent.
///
/// # Errors
/// It would not be taken, whoever signed it.
pub(super) fn look(token: &str, upstream: &Upstream, now: Timestamp) -> Result<Said, Trouble> {
    let header = jose::peek_header(token).ok_or(Trouble::Wrong("the logout token cannot be read"))?;
    let alg = Alg::parse(&header.alg).filter(|alg| *alg != Alg::HS256);
    let alg = alg.ok_or(Trouble::Wrong("the logout token is signed with an algorithm that is not allowed"))?;
    let said = jose::peek_claims(token).ok_or(Trouble::Wrong("the logout token cannot be read"))?;
    if said.get("iss").and_then(Value::as_str) != Some(&upstream.issuer) {
        return Err(Trouble::Wrong("the logout token is from another issuer"));
    }
    let ended = told(&said, now).map_err(Trouble::Wrong)?;
    Ok(Said { alg, kid: header.kid, ended })
}

impl Said {
    /// Who is signed out there, if this provider made the token for us.
    pub(super) fn verified(&self, token: &str, known: &Known, upstream: &Upstream, now: Timestamp) -> Result<Ended, Refusal> {
        let keys = keys(known, self.kid.as_deref(), self.alg);
        if keys.is_empty() {
            return Err(Refusal::Key("the logout token is signed with a key that is not published"));
        }
        let expect = Expect {
            // A plain JWT says no more than one without a type (RFC 7519 section 5.1), and providers send it.
            typ: &["logout+jwt", "JWT", ""],
            issuer: &upstream.issuer,
            audiences: &[&upstream.client_id],
            // Older drafts of section 2.4 have no `exp`; `iat` bounds it in any case.
            required: &["iss", "aud", "iat", "jti", "events"],
            leeway_seconds: 10,
            now,
            ..Expect::default()
        };
        let refused =
            keys.iter().map(|key| jose::verify(token, key, &expect)).find(|said| !matches!(said, Err(Refused::Signature)));
        match refused {
            Some(Ok(_)) => Ok(self.ended.clone()),
            None => Err(Refusal::Key("the signature of the logout token is wrong")),
            Some(Err(Refused::Type)) => Err(Refusal::Wrong("the token is of another type")),
            Some(Err(Refused::Audience)) => Err(Refusal::Wrong("the logout token was made for another client")),
            Some(Err(Refused::Time)) => Err(Refusal::Wrong("the logout token has expired, or is from the future")),
            Some(Err(_)) => Err(Refusal::Wrong("the logout token does not verify")),
        }
    }
}

/// The keys that may have signed. What this house cannot use is left out.
fn keys(known: &Known, kid: Option<&str>, alg: Alg) -> Vec<VerifyingKey> {
    let set = serde_json::to_value(&known.keys).unwrap_or_default();
    let all = set.get("keys").and_then(Value::as_array).cloned().unwrap_or_default();
    let one = |key: Value| JwkSet::parse_client(&json!({ "keys": [key] })).ok();
    all.into_iter().filter_map(one).flat_map(|set| set.find(kid, alg)).take(MOST_TRIED).collect()
}

fn told(claims: &Map<String, Value>, now: Timestamp) -> Result<Ended, &'static str> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
    if !claims.get("events").and_then(|events| events.get(EVENT)).is_some_and(Value::is_object) {
        return Err("the token is not about a logout");
    }
    // An ID token must never pass for one (section 2.4).
    if claims.contains_key("nonce") {
        return Err("the token is an ID token");
    }
    let made_at = claims.get("iat").and_then(numeric_date).filter(|at| now.since(*at) <= OLDEST_SECONDS);
    let made_at = made_at.ok_or("the logout token is too old, or does not say when it was made")?;
    let jti = text("jti").filter(|jti| is_identifier(jti)).ok_or("the logout token has no name of its own")?;
    let ended = Ended { sid: text("sid"), subject: text("sub"), jti, over_at: made_at.plus(OLDEST_SECONDS + 1) };
    if ended.sid.is_none() && ended.subject.is_none() {
        return Err("the logout token names nobody");
    }
    if ["sid", "sub"].iter().any(|name| claims.get(*name).is_some_and(|id| !id.is_string())) {
        return Err("an id in the logout token is no text");
    }
    if [&ended.sid, &ended.subject].into_iter().flatten().any(|id| !is_identifier(id)) {
        return Err("an id in the logout token is empty, too long, or no plain text");
    }
    Ok(ended)
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Key(why) | Refusal::Wrong(why) => Self::Wrong(why),
        }
    }
}
