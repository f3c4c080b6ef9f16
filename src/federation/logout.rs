//! Logout tokens of a provider (OpenID Connect Back-Channel Logout 1.0 section 2.6): verified like everything else that it signs.

use serde_json::{Map, Value, json};

use super::connector::{Ended, Trouble};
use super::discovery::Known;
use super::is_identifier;
use super::upstream::Upstream;
use crate::base::Timestamp;
use crate::jose::{self, Alg, Expect, JwkSet, VerifyingKey};

/// The event that a logout token is about.
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// How old one may be when it comes, in seconds.
const OLDEST_SECONDS: i64 = 300;

/// Why a token is not taken.
pub(super) enum Refusal {
    /// Signed with a key that is not among those that are known.
    UnknownKey,
    Wrong(&'static str),
}

/// Who is signed out there, by a token that this provider made for us.
pub(super) fn read(token: &str, known: &Known, upstream: &Upstream, now: Timestamp) -> Result<Ended, Refusal> {
    let wrong = Refusal::Wrong;
    let header = jose::peek_header(token).ok_or(wrong("the logout token cannot be read"))?;
    let alg = Alg::parse(&header.alg).filter(|alg| *alg != Alg::HS256);
    let alg = alg.ok_or(wrong("the logout token is signed with an algorithm that is not allowed"))?;
    let keys = keys(known, header.kid.as_deref(), alg);
    if keys.is_empty() {
        return Err(Refusal::UnknownKey);
    }
    let expect = Expect {
        typ: &["logout+jwt", "JWT", ""],
        issuer: &upstream.issuer,
        audiences: &[&upstream.client_id],
        required: &["iss", "aud", "iat", "jti", "events"],
        leeway_seconds: 10,
        now,
        ..Expect::default()
    };
    let claims = keys.iter().find_map(|key| jose::verify(token, key, &expect).ok());
    told(&claims.ok_or(wrong("the logout token does not verify"))?, now).map_err(Refusal::Wrong)
}

/// The keys that may have signed. What this house cannot use is left out.
fn keys(known: &Known, kid: Option<&str>, alg: Alg) -> Vec<VerifyingKey> {
    let set = serde_json::to_value(&known.keys).unwrap_or_default();
    let all = set.get("keys").and_then(Value::as_array).cloned().unwrap_or_default();
    let one = |key: Value| JwkSet::parse_client(&json!({ "keys": [key] })).ok();
    all.into_iter().filter_map(one).flat_map(|set| set.find(kid, alg)).collect()
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
    let age = claims.get("iat").and_then(Value::as_i64).map(|at| now.unix().saturating_sub(at));
    if age.is_none_or(|age| age > OLDEST_SECONDS) {
        return Err("the logout token is too old");
    }
    let ended = Ended { sid: text("sid"), subject: text("sub") };
    if ended.sid.is_none() && ended.subject.is_none() {
        return Err("the logout token names nobody");
    }
    if [&ended.sid, &ended.subject].into_iter().flatten().any(|id| !is_identifier(id)) {
        return Err("an id in the logout token is empty, too long, or no plain text");
    }
    Ok(ended)
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::UnknownKey => Self::Wrong("the logout token is signed with a key that is not published"),
            Refusal::Wrong(why) => Self::Wrong(why),
        }
    }
}
