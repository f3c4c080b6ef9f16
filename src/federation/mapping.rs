//! From what a provider says to what is stored: plain paths with fallbacks, and nothing that does not pass the door of the
//! standard claims. A value of the wrong type is as good as none.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::oauth::StandardClaims;

/// The longest address that is looked at, in bytes.
const LONGEST_EMAIL: usize = 320;

/// The most groups that are kept of a person.
const MOST_GROUPS: usize = 100;

/// What is mapped beside the standard claims.
pub const TARGETS: [&str; 3] = ["email", "email_verified", "groups"];

/// Where each target comes from: paths of members joined by dots, the first that leads to a good value. A target that is not
/// named comes from the claim of its own name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mapping(pub BTreeMap<String, Vec<String>>);

/// What came out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile {
    pub email: Option<String>,
    /// Nothing if the provider says nothing of it.
    pub email_verified: Option<bool>,
    pub claims: Map<String, Value>,
    pub groups: Vec<String>,
}

/// The claims that are taken over without a word of the operator.
const TAKEN: [&str; 8] = ["name", "given_name", "family_name", "preferred_username", "picture", "locale", "zoneinfo", "nickname"];

impl Mapping {
    /// Whether something can be mapped to this name.
    pub fn knows(target: &str) -> bool {
        TARGETS.contains(&target) || StandardClaims::knows(target)
    }

    /// Reads `TARGET=PATH,PATH…`.
    ///
    /// # Errors
    /// It is not of this form, or nothing is called that.
    pub fn parse_one(text: &str) -> Result<(String, Vec<String>), &'static str> {
        let (target, paths) = text.split_once('=').ok_or("must be like name=profile.name,display_name")?;
        let paths: Vec<String> = paths.split(',').map(|path| path.trim().to_owned()).collect();
        if !Self::knows(target) {
            return Err("is not email, email_verified, groups or a standard claim");
        }
        if paths.iter().any(|path| path.is_empty() || path.split('.').any(str::is_empty)) {
            return Err("has an empty path");
        }
        Ok((target.to_owned(), paths))
    }

    /// The profile in what a provider said.
    pub fn apply(&self, said: &Map<String, Value>) -> Profile {
        let values = |target: &str| -> Vec<&Value> {
            match self.0.get(target) {
                Some(paths) => paths.iter().filter_map(|path| at(said, path)).collect(),
                None => said.get(target).into_iter().collect(),
            }
        };
        let email = values("email").into_iter().find_map(address);
        let verified = values("email_verified");
        // A word that is not understood is no silence, which an operator may take for a yes.
        let email_verified = verified.iter().find_map(|value| truth(value)).or((!verified.is_empty()).then_some(false));
        let groups = values("groups").into_iter().find_map(names).unwrap_or_default();
        let mut claims = Map::new();
        let wanted = TAKEN.into_iter().chain(self.0.keys().map(String::as_str).filter(|target| !TARGETS.contains(target)));
        for target in wanted {
            if let Some(good) = values(target).into_iter().find_map(|value| checked(target, value)) {
                claims.insert(target.to_owned(), good);
            }
        }
        if !claims.contains_key("name")
            && let Some(name) = full_name(&claims)
        {
            claims.insert("name".to_owned(), name);
        }
        Profile { email, email_verified, claims, groups }
    }
}

/// The value behind a path; a number leads into an array.
fn at<'a>(said: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    let mut parts = path.split('.');
    // A claim may have dots in its name, as those that are called by a URL.
    if let Some(whole) = said.get(path) {
        return Some(whole);
    }
    let mut value = said.get(parts.next()?)?;
    for part in parts {
        value = match value {
            Value::Object(members) => members.get(part)?,
            Value::Array(items) => items.get(part.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    Some(value)
}

/// One text that looks like an address; a list of them is none.
fn address(value: &Value) -> Option<String> {
    let text = value.as_str()?.trim();
    (text.len() <= LONGEST_EMAIL && text.contains('@')).then(|| text.to_owned())
}

/// Apple sends it as a text.
fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(truth) => Some(*truth),
        Value::String(text) => match text.as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

fn names(value: &Value) -> Option<Vec<String>> {
    let items = value.as_array()?;
    Some(items.iter().filter_map(Value::as_str).take(MOST_GROUPS).map(|name| name.chars().take(256).collect()).collect())
}

/// A value that may be stored under this name. A picture over plain http would tell every network who looks.
fn checked(target: &str, value: &Value) -> Option<Value> {
    let is_insecure = target == "picture" && !value.as_str().is_some_and(|url| url.starts_with("https://"));
    if is_insecure {
        return None;
    }
    StandardClaims::check(Map::from_iter([(target.to_owned(), value.clone())])).ok()?.remove(target)
}

/// The parts of a name, where there is no whole one.
fn full_name(claims: &Map<String, Value>) -> Option<Value> {
    let part = |name| claims.get(name).and_then(Value::as_str);
    let whole = [part("given_name"), part("family_name")].into_iter().flatten().collect::<Vec<_>>().join(" ");
    checked("name", &Value::from(whole))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn map(mapping: &[(&str, &[&str])], said: &Value) -> Profile {
        let one = |(target, paths): &(&str, &[&str])| ((*target).to_owned(), paths.iter().map(|p| (*p).to_owned()).collect());
        Mapping(mapping.iter().map(one).collect()).apply(said.as_object().unwrap())
    }

    /// The usual claims under their usual names; what cannot be stored is left out and stops nothing (FE-19).
    #[test]
    fn takes_what_is_good() {
        let profile = map(
            &[],
            &json!({ "email": "ana@example.com", "email_verified": true, "name": "Ana", "groups": ["a", 1, "b"],
            "picture": "https://example.com/a.png", "locale": "en", "sub": "1", "role": "admin", "updated_at": "x" }),
        );
        assert_eq!((profile.email.as_deref(), profile.email_verified), (Some("ana@example.com"), Some(true)));
        assert_eq!(profile.claims.len(), 3, "{:?}", profile.claims);
        assert_eq!(profile.groups, ["a", "b"]);
        for (claim, bad) in [
            ("picture", json!("javascript:alert(1)")),
            ("picture", json!("http://127.0.0.1/a.png")),
            ("picture", json!(["https://example.com/a.png"])),
            ("name", json!("A\u{202e}na")),
            ("name", json!("")),
            ("name", json!({ "a": 1 })),
            ("locale", json!(7)),
        ] {
            assert_eq!(map(&[], &json!({ claim: bad })).claims, Map::new(), "{claim} {bad}");
        }
        assert_eq!(map(&[], &json!({ "name": "<b>Ana</b>" })).claims["name"], "<b>Ana</b>", "a text is a text: pages escape it");
        for bad in [json!(["ana@example.com"]), json!({ "value": "ana@example.com" }), json!(1), json!(null), json!("ana")] {
            assert_eq!(map(&[], &json!({ "email": bad })).email, None, "{bad}");
        }
        assert_eq!(map(&[], &json!({})).email_verified, None, "nothing is said of it");
        for (said, truth) in [
            (json!("true"), true),
            (json!("false"), false),
            (json!("yes"), false),
            (json!("False"), false),
            (json!(0), false),
            (json!(null), false),
            (json!(["true"]), false),
        ] {
            assert_eq!(map(&[], &json!({ "email_verified": said })).email_verified, Some(truth), "{said}");
        }
    }

    /// Paths go into objects and lists, fall back in order, and a claim with dots in its name is found by it.
    #[test]
    fn follows_paths() {
        let said =
            json!({ "profile": { "display": "Ana", "mails": ["a@example.com", "b@example.com"] }, "https://x.test/n": "Dot" });
        let paths: &[(&str, &[&str])] = &[("name", &["profile.real", "profile.display"]), ("email", &["profile.mails.1"])];
        let profile = map(paths, &said);
        assert_eq!((profile.claims["name"].as_str(), profile.email.as_deref()), (Some("Ana"), Some("b@example.com")));
        assert_eq!(map(&[("nickname", &["https://x.test/n"])], &said).claims["nickname"], "Dot");
        assert_eq!(map(&[("email", &["profile.mails"])], &said).email, None);
        assert_eq!(map(&[], &json!({ "given_name": "Ana", "family_name": "Lima" })).claims["name"], "Ana Lima");
    }

    /// What an operator may type.
    #[test]
    fn parses() {
        let good = ("name".to_owned(), vec!["a.b".to_owned(), "c".to_owned()]);
        assert_eq!(Mapping::parse_one("name=a.b, c"), Ok(good));
        for bad in ["name", "name=", "name=a..b", "sub=id", "role=r", "name=a,,b"] {
            assert!(Mapping::parse_one(bad).is_err(), "{bad}");
        }
    }
}
