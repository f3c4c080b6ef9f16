//! The `claims` parameter and the claims of scopes (OpenID Connect Core sections 5.4 and 5.5).
//!
//! Says what was asked for; whether anybody gets it is decided elsewhere.

use std::fmt;

use serde::de::{self, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::error::Error;
use super::scope::Scope;

/// The longest parameter that is read, in bytes.
const LONGEST: usize = 8 * 1024;

/// The most claims that one member may ask for.
const MOST: usize = 100;

/// How deep an asked value may be: `address` is the only standard claim that is an object.
const DEEPEST: usize = 3;

/// Claims that were asked for by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimsRequest {
    #[serde(default)]
    userinfo: Wants,
    #[serde(default)]
    id_token: Wants,
}

/// How a claim is wanted (Core section 5.5.1).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Want {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub essential: bool,
    /// The values that would do, in order of preference; empty if any would.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Value>,
}

impl ClaimsRequest {
    /// Reads the parameter; unknown members are ignored, as section 5.5 has it.
    ///
    /// # Errors
    /// `invalid_request`: no JSON object of this form, a member that stands twice, or too much of anything.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.len() > LONGEST {
            return Err(Error::request("claims is longer than 8 KiB"));
        }
        if !text.trim_start().starts_with('{') {
            return Err(Error::request("claims is not a JSON object"));
        }
        serde_json::from_str(text).map_err(|_| Error::request("claims is not a well-formed claims request"))
    }

    /// What the userinfo endpoint is asked for.
    pub fn userinfo(&self) -> impl Iterator<Item = (&str, &Want)> {
        self.userinfo.iter()
    }

    /// What the ID token is asked for.
    pub fn id_token(&self) -> impl Iterator<Item = (&str, &Want)> {
        self.id_token.iter()
    }
}

/// The claims that the scope asks for, without `sub`, which is always there (Core section 5.4).
pub fn claims_for_scope(scope: &Scope) -> Vec<&'static str> {
    scope.iter().flat_map(claims_of_scope).copied().collect()
}

/// The claims that one scope token asks for.
pub fn claims_of_scope(token: &str) -> &'static [&'static str] {
    match token {
        "profile" => &[
            "name",
            "family_name",
            "given_name",
            "middle_name",
            "nickname",
            "preferred_username",
            "profile",
            "picture",
            "website",
            "gender",
            "birthdate",
            "zoneinfo",
            "locale",
            "updated_at",
        ],
        "email" => &["email", "email_verified"],
        "address" => &["address"],
        "phone" => &["phone_number", "phone_number_verified"],
        _ => &[],
    }
}

/// The claims of one member, in order, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Wants(Vec<(String, Want)>);

impl Wants {
    fn iter(&self) -> impl Iterator<Item = (&str, &Want)> {
        self.0.iter().map(|(name, want)| (name.as_str(), want))
    }
}

impl Serialize for Wants {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Wants {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(WantsVisitor)
    }
}

struct WantsVisitor;

impl<'de> Visitor<'de> for WantsVisitor {
    type Value = Wants;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of claims")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Wants, A::Error> {
        let mut wants: Vec<(String, Want)> = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            if wants.len() >= MOST || wants.iter().any(|(own, _)| *own == name) {
                return Err(de::Error::custom("a claim stands twice, or there are too many"));
            }
            let want = map.next_value::<Option<Want>>()?.unwrap_or_default();
            wants.push((name, want));
        }
        Ok(Wants(wants))
    }
}

impl<'de> Deserialize<'de> for Want {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(WantVisitor)
    }
}

struct WantVisitor;

impl<'de> Visitor<'de> for WantVisitor {
    type Value = Want;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("null or an object with essential, value or values")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Want, A::Error> {
        let (mut essential, mut value, mut values) = (None, None, None);
        while let Some(name) = map.next_key::<String>()? {
            let is_new = match name.as_str() {
                "essential" => essential.replace(map.next_value::<bool>()?).is_none(),
                "value" => value.replace(map.next_value::<Value>()?).is_none(),
                "values" => values.replace(map.next_value::<Vec<Value>>()?).is_none(),
                _ => map.next_value::<IgnoredAny>().map(|_| true)?,
            };
            if !is_new {
                return Err(de::Error::custom("a member stands twice"));
            }
        }
        let values: Vec<Value> = value.into_iter().chain(values.unwrap_or_default()).collect();
        if values.iter().any(|value| depth(value) > DEEPEST) {
            return Err(de::Error::custom("a value is nested too deep"));
        }
        Ok(Want { essential: essential.unwrap_or_default(), values })
    }
}

/// How many levels a value has; the JSON reader has bounded the recursion already.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or_default(),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or_default(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Core section 5.5: the example, and its stored form.
    #[test]
    fn reads() {
        let text = r#"{"userinfo":{"given_name":{"essential":true},"nickname":null,"x#de":{"later":1}},
            "id_token":{"acr":{"values":["a","b"]},"sub":{"value":"248"}},"later":{"a":{"a":1}}}"#;
        let read = ClaimsRequest::parse(text).unwrap();
        let userinfo: Vec<_> = read.userinfo().map(|(name, want)| (name, want.essential)).collect();
        assert_eq!(userinfo, [("given_name", true), ("nickname", false), ("x#de", false)]);
        let id_token: Vec<_> = read.id_token().map(|(name, want)| (name, want.values.clone())).collect();
        assert_eq!(id_token, [("acr", vec!["a".into(), "b".into()]), ("sub", vec!["248".into()])]);
        let stored = serde_json::to_string(&read).unwrap();
        assert_eq!(serde_json::from_str::<ClaimsRequest>(&stored).unwrap(), read);
        assert_eq!(ClaimsRequest::parse("{}").unwrap(), ClaimsRequest::default());
    }

    /// What is refused: other forms, duplicates, too much, too deep.
    #[test]
    fn refuses() {
        let deep = format!(r#"{{"id_token":{{"a":{{"value":{}1{}}}}}}}"#, "[".repeat(4), "]".repeat(4));
        let bomb = format!(r#"{{"x":{}"#, "[".repeat(5000));
        let many = (0..101).map(|n| format!(r#""{n}":null"#)).collect::<Vec<_>>().join(",");
        let many = format!(r#"{{"id_token":{{{many}}}}}"#);
        let long = format!(r#"{{"x":"{}"}}"#, "x".repeat(LONGEST));
        for text in [
            "",
            "null",
            "[]",
            "[{},{}]",
            "1",
            "{",
            r#"{"id_token":1}"#,
            r#"{"id_token":{"a":1}}"#,
            r#"{"id_token":{"a":{"essential":"yes"}}}"#,
            r#"{"id_token":{"a":{"values":"x"}}}"#,
            r#"{"id_token":{"a":null,"a":null}}"#,
            r#"{"id_token":{},"id_token":{}}"#,
            r#"{"id_token":{"a":{"value":1,"value":2}}}"#,
            r#"{} x"#,
            &deep,
            &bomb,
            &many,
            &long,
        ] {
            assert!(ClaimsRequest::parse(text).is_err(), "{text:.60}");
        }
    }

    /// Core section 5.4.
    #[test]
    fn scopes() {
        let claims = |text| claims_for_scope(&Scope::parse(text).unwrap());
        assert_eq!(claims("openid offline_access other"), Vec::<&str>::new());
        assert_eq!(claims("openid phone email"), ["phone_number", "phone_number_verified", "email", "email_verified"]);
        assert_eq!(claims("profile").len(), 14);
    }
}
