//! Which claims about a person go where (OpenID Connect Core sections 5.1, 5.4 and 5.5).

use serde_json::{Map, Value};

use crate::base::Timestamp;
use crate::oauth::{ClaimsRequest, Scope, claims_for_scope};

/// What the tokens may say about a person; made by `endpoints` from the user's row.
pub struct Person<'a> {
    pub sub: &'a str,
    pub email: Option<&'a str>,
    pub email_verified: bool,
    /// The standard claims of OpenID Connect Core section 5.1, checked when they were stored.
    pub claims: &'a Map<String, Value>,
    pub updated_at: Timestamp,
}

impl Person<'_> {
    /// One claim by its name; `None` where nothing is known, so that no member is ever null.
    fn claim(&self, name: &str) -> Option<Value> {
        match name {
            "sub" => Some(Value::from(self.sub)),
            "email" => self.email.map(Value::from),
            "email_verified" => self.email.map(|_| Value::from(self.email_verified)),
            "updated_at" => Some(Value::from(self.updated_at.unix())),
            name => self.claims.get(name).filter(|value| !value.is_null()).cloned(),
        }
    }
}

/// The claims about the person in an ID token: what `claims.id_token` asked for by name, and, when no access token is
/// issued beside it (`Audience::OnlyIdToken`), what the scope asks for (Core section 5.4).
pub fn id_token_claims(person: &Person<'_>, scope: Option<&Scope>, request: Option<&ClaimsRequest>) -> Map<String, Value> {
    let named = request.into_iter().flat_map(|r| r.id_token().map(|(name, _)| name));
    collect(person, scope, named)
}

/// The answer of the userinfo endpoint (Core section 5.3.2): `sub`, the scope's claims and those asked for by name.
pub fn userinfo_claims(person: &Person<'_>, scope: &Scope, request: Option<&ClaimsRequest>) -> Map<String, Value> {
    let named = request.into_iter().flat_map(|r| r.userinfo().map(|(name, _)| name));
    let mut claims = collect(person, Some(scope), named);
    claims.insert("sub".to_owned(), Value::from(person.sub));
    claims
}

/// Everything that is known of a person, for who manages their account.
pub fn profile_claims(person: &Person<'_>) -> Map<String, Value> {
    let fixed = ["sub", "email", "email_verified", "updated_at"];
    let fixed = fixed.into_iter().filter_map(|name| person.claim(name).map(|value| (name.to_owned(), value)));
    fixed.chain(person.claims.iter().map(|(name, value)| (name.clone(), value.clone()))).collect()
}

fn collect<'a>(person: &Person<'_>, scope: Option<&Scope>, named: impl Iterator<Item = &'a str>) -> Map<String, Value> {
    let from_scope = scope.map(claims_for_scope).unwrap_or_default();
    from_scope.into_iter().chain(named).filter_map(|name| person.claim(name).map(|value| (name.to_owned(), value))).collect()
}
