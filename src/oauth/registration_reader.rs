//! The members of a registration request, each with the one JSON type that it may have: what is absent, null or empty is
//! not there (RFC 7592 section 2.2), everything of another type is refused by name.

use serde_json::{Map, Value};

use super::error::ErrorCode;

/// The most entries of one list.
const MOST: usize = 100;

/// The longest text, in bytes.
const LONGEST: usize = 2048;

/// Why a registration is refused (RFC 7591 section 3.2.2): a registered code, and words that name the member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub code: ErrorCode,
    pub field: String,
    pub why: String,
}

impl Refused {
    /// `invalid_client_metadata`.
    pub fn metadata(field: impl Into<String>, why: impl Into<String>) -> Self {
        Self { code: ErrorCode::InvalidClientMetadata, field: field.into(), why: why.into() }
    }

    /// `error_description`, with the characters alone that it may have (RFC 6749 appendix A.8).
    pub fn description(&self) -> String {
        let is_fine = |c: char| matches!(c, '\x20'..='\x21' | '\x23'..='\x5b' | '\x5d'..='\x7e');
        let text = format!("{} {}", self.field, self.why);
        text.chars().take(300).map(|c| if is_fine(c) { c } else { '?' }).collect()
    }
}

type Read<T> = Result<Option<T>, Refused>;

/// The members by their names.
pub(super) struct Members<'a>(pub(super) &'a Map<String, Value>);

impl Members<'_> {
    fn value(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    pub(super) fn text(&self, name: &str) -> Read<String> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(value) => text_of(name, value).map(Some),
        }
    }

    pub(super) fn texts(&self, name: &str) -> Read<Vec<String>> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let items = value.as_array().ok_or_else(|| Refused::metadata(name, "must be an array of strings"))?;
        if items.len() > MOST {
            return Err(Refused::metadata(name, "must not have more than 100 entries"));
        }
        let read = |item: &Value| match item {
            Value::String(text) if !text.is_empty() => text_of(name, item),
            _ => Err(Refused::metadata(name, "must be an array of strings")),
        };
        items.iter().map(read).collect::<Result<Vec<_>, _>>().map(Some)
    }

    pub(super) fn flag(&self, name: &str) -> Read<bool> {
        let wrong = || Refused::metadata(name, "must be true or false");
        self.value(name).map(|value| value.as_bool().ok_or_else(wrong)).transpose()
    }

    /// A number of seconds.
    pub(super) fn seconds(&self, name: &str) -> Read<i64> {
        let wrong = || Refused::metadata(name, "must be a whole number of seconds, from 0 to 4294967295");
        let read = |value: &Value| value.as_u64().and_then(|n| u32::try_from(n).ok()).map(i64::from).ok_or_else(wrong);
        self.value(name).map(read).transpose()
    }

    pub(super) fn object(&self, name: &str) -> Read<Value> {
        match self.value(name) {
            None => Ok(None),
            Some(value) if value.is_object() => Ok(Some(value.clone())),
            Some(_) => Err(Refused::metadata(name, "must be an object")),
        }
    }

    /// A word of a closed set.
    pub(super) fn word<T: Copy>(&self, name: &str, all: &[T], parse: fn(&str) -> Option<T>, show: fn(&T) -> &str) -> Read<T> {
        let unknown =
            || Refused::metadata(name, format!("must be one of {}", all.iter().map(show).collect::<Vec<_>>().join(", ")));
        self.text(name)?.map(|text| parse(&text).ok_or_else(unknown)).transpose()
    }

    /// The members with a language tag (OpenID Connect Dynamic Client Registration section 2.1) of one name.
    pub(super) fn tagged<'b>(&'b self, name: &'b str) -> impl Iterator<Item = (&'b str, &'b Value)> {
        let is_tagged = move |own: &str| own.strip_prefix(name).is_some_and(|rest| rest.starts_with('#'));
        self.0.iter().filter(move |(own, value)| is_tagged(own) && !value.is_null()).map(|(own, value)| (own.as_str(), value))
    }
}

/// A text that is there.
pub(super) fn text_of(name: &str, value: &Value) -> Result<String, Refused> {
    let text = value.as_str().ok_or_else(|| Refused::metadata(name, "must be a string"))?;
    if text.len() > LONGEST {
        return Err(Refused::metadata(name, "must not be longer than 2048 bytes"));
    }
    if text.contains('\0') {
        return Err(Refused::metadata(name, "must not hold a NUL"));
    }
    Ok(text.to_owned())
}
