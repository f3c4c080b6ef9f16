//! The one verifier (RFC 8725). A token is what it says only if everything that was expected of it holds.
//!
//! jsonwebtoken checks the signature; the rules about headers and claims are here, since the library would let a token pass
//! that lacks `aud`, has another `typ`, or comes with `crit`.

use std::fmt;

use serde_json::{Map, Value};

use super::jwk::VerifyingKey;
use super::strict;
use crate::base::{Timestamp, base64url_decode};

/// The longest token that is looked at, in bytes.
const LONGEST: usize = 16 * 1024;

/// However a caller asks, clocks may not differ by more.
const MOST_LEEWAY_SECONDS: i64 = 10;

/// How far `iat` may lie ahead, beside the leeway: clocks of others.
const IAT_AHEAD_SECONDS: i64 = 60;

/// Why a token is not what was expected: for the log, and for a client whose own token it is. Nobody else learns it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is no JWT in compact form, too long, or its header or claims are not read here.
    Form,
    /// Its algorithm is another one than the key's.
    Algorithm,
    Type,
    Signature,
    /// A claim that must be there is not.
    Missing,
    Issuer,
    Subject,
    Audience,
    /// It has expired, is not good yet, or says its times wrongly.
    Time,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => "it is no JWT that can be read here",
            Self::Algorithm => "its algorithm is not one that is allowed for it, or no key fits its alg and kid",
            Self::Type => "its typ is another one",
            Self::Signature => "its signature is not by the key",
            Self::Missing => "a claim that it must have is missing",
            Self::Issuer => "its iss is another one",
            Self::Subject => "its sub is no text",
            Self::Audience => "its aud is another one",
            Self::Time => "it has expired, is not good yet, or its exp, nbf or iat are no whole seconds",
        })
    }
}

/// Whether an expired token may still say something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expired {
    Refused,
    /// An `id_token_hint` is good after its time (OpenID Connect Core section 3.1.2.1).
    Accepted,
}

/// What a token must be.
#[derive(Clone, Debug)]
pub struct Expect<'a> {
    /// Allowed `typ` headers; an empty string stands for none at all.
    pub typ: &'a [&'a str],
    pub issuer: &'a str,
    /// Every audience of the token must be one of these; none given: the caller looks itself.
    pub audiences: &'a [&'a str],
    /// Claims that must be there.
    pub required: &'a [&'a str],
    pub leeway_seconds: i64,
    pub expired: Expired,
    pub now: Timestamp,
}

impl Default for Expect<'_> {
    fn default() -> Self {
        Self {
            typ: &[],
            issuer: "",
            audiences: &[],
            required: &["exp", "iat", "iss", "aud", "sub"],
            leeway_seconds: 0,
            expired: Expired::Refused,
            // A forgotten time finds every token expired.
            now: Timestamp::from_unix(i64::MAX),
        }
    }
}

/// What a header says before anything is verified: only good for choosing a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    pub alg: String,
    pub kid: Option<String>,
    typ: String,
}

impl Header {
    /// Whether it names this type (RFC 7515 section 4.1.9).
    pub fn is_typed(&self, typ: &str) -> bool {
        fits_typ(&self.typ, &[typ])
    }
}

struct Parts<'a> {
    message: &'a str,
    signature: &'a str,
    header: &'a str,
    payload: &'a str,
}

fn split(token: &str) -> Option<Parts<'_>> {
    if token.len() > LONGEST {
        return None;
    }
    let (message, signature) = token.rsplit_once('.')?;
    let (header, payload) = message.split_once('.')?;
    let plain = !signature.is_empty() && !header.is_empty() && !payload.contains('.');
    plain.then_some(Parts { message, signature, header, payload })
}

fn header(text: &str) -> Option<Header> {
    let members = strict::parse(&base64url_decode(text)?)?;
    // Extensions that must be understood are not: there are none here.
    if members.contains_key("crit") || members.contains_key("zip") || members.get("b64") == Some(&Value::Bool(false)) {
        return None;
    }
    let optional = |name| match members.get(name) {
        None => Some(None),
        Some(Value::String(text)) if text.len() <= 256 => Some(Some(text.clone())),
        Some(_) => None,
    };
    let typ = optional("typ")?.unwrap_or_default();
    Some(Header { alg: optional("alg")??, kid: optional("kid")?, typ })
}

/// The header of a token; `None` if it has no readable one.
pub fn peek_header(token: &str) -> Option<Header> {
    header(split(token)?.header)
}

/// The claims of a token that nobody has verified: only good for finding out whose keys to try.
pub fn peek_claims(token: &str) -> Option<Map<String, Value>> {
    strict::parse(&base64url_decode(split(token)?.payload)?)
}

/// The claims of a token that is everything that was expected.
///
/// # Errors
/// It is not.
pub fn verify(token: &str, key: &VerifyingKey, expect: &Expect<'_>) -> Result<Map<String, Value>, Refused> {
    let parts = split(token).ok_or(Refused::Form)?;
    let header = header(parts.header).ok_or(Refused::Form)?;
    if header.alg != key.alg.as_str() {
        return Err(Refused::Algorithm);
    }
    if !fits_typ(&header.typ, expect.typ) {
        return Err(Refused::Type);
    }
    if !base64url_decode(parts.signature).is_some_and(|signature| key.takes(&signature)) {
        return Err(Refused::Signature);
    }
    let valid = jsonwebtoken::crypto::verify(parts.signature, parts.message.as_bytes(), &key.key, key.alg.library());
    if !valid.unwrap_or(false) {
        return Err(Refused::Signature);
    }
    let claims = base64url_decode(parts.payload).and_then(|payload| strict::parse(&payload)).ok_or(Refused::Form)?;
    check(&claims, expect)?;
    Ok(claims)
}

/// RFC 7515 section 4.1.9: media types compare without case, and `application/` may be left out.
fn fits_typ(typ: &str, allowed: &[&str]) -> bool {
    let typ = typ.to_ascii_lowercase();
    let typ = typ.strip_prefix("application/").unwrap_or(&typ);
    allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(typ))
}

fn check(claims: &Map<String, Value>, expect: &Expect<'_>) -> Result<(), Refused> {
    let present = expect.required.iter().all(|name| claims.get(*name).is_some_and(|value| !value.is_null()));
    let issued = !expect.required.contains(&"iss") && !claims.contains_key("iss")
        || claims.get("iss").and_then(Value::as_str) == Some(expect.issuer);
    let sub = claims.get("sub").is_none_or(|sub| sub.as_str().is_some_and(|sub| !sub.is_empty()));
    let rules = [
        (present, Refused::Missing),
        (issued, Refused::Issuer),
        (sub, Refused::Subject),
        (times(claims, expect), Refused::Time),
        (audience(claims, expect.audiences), Refused::Audience),
    ];
    rules.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, refused)| Err(refused))
}

/// A NumericDate (RFC 7519 section 2) in whole seconds: a float loses digits, and is where verifiers were tricked.
pub fn numeric_date(value: &Value) -> Option<Timestamp> {
    value.as_i64().filter(|at| *at >= 0).map(Timestamp::from_unix)
}

fn times(claims: &Map<String, Value>, expect: &Expect<'_>) -> bool {
    let time = |name| match claims.get(name) {
        None => Ok(None),
        Some(value) => numeric_date(value).map(Some).ok_or(()),
    };
    let (Ok(exp), Ok(nbf), Ok(iat)) = (time("exp"), time("nbf"), time("iat")) else { return false };
    let (now, leeway) = (expect.now, expect.leeway_seconds.clamp(0, MOST_LEEWAY_SECONDS));
    let alive = expect.expired == Expired::Accepted || exp.is_none_or(|exp| now < exp.plus(leeway));
    let begun = nbf.is_none_or(|nbf| nbf <= now.plus(leeway));
    let made = iat.is_none_or(|iat| iat <= now.plus(leeway.max(IAT_AHEAD_SECONDS)));
    alive && begun && made
}

fn audience(claims: &Map<String, Value>, allowed: &[&str]) -> bool {
    if allowed.is_empty() {
        return true;
    }
    let known = |value: &Value| value.as_str().is_some_and(|aud| allowed.contains(&aud));
    match claims.get("aud") {
        Some(Value::Array(many)) => !many.is_empty() && many.iter().all(known),
        Some(one) => known(one),
        None => false,
    }
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
