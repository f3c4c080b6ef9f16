//! A statement with its values. Placeholders are `$1` to `$N` on both engines (decision 26).

use std::borrow::Cow;

use crate::base::{Id, Timestamp};

/// A value of a column. There are no other types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Text(String),
    Int(i64),
    Bool(bool),
    Null,
}

/// SQL text and what stands for its placeholders.
#[derive(Clone, Debug)]
pub struct Statement {
    pub(super) text: &'static str,
    pub(super) values: Vec<Value>,
}

/// A statement. The text is a literal, so no value can ever become part of it.
pub const fn sql(text: &'static str) -> Statement {
    Statement { text, values: Vec::new() }
}

impl Statement {
    /// The value of the next placeholder.
    #[must_use]
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }
}

/// Where a letter of SQL stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Code,
    Quoted(char),
    Comment,
}

/// SQLite takes `$2` for a named parameter and numbers those by first appearance, so that bindings would silently swap:
/// there the placeholders are written `?1` to `?N`. Text in quotes and comments stay as they are.
pub(super) fn for_sqlite(text: &str) -> Cow<'_, str> {
    if !text.contains('$') {
        return Cow::Borrowed(text);
    }
    let mut place = Place::Code;
    let mut before = ' ';
    let written = text.chars().map(|letter| {
        place = match (place, letter) {
            // A doubled quote closes and opens again, which leaves the place as it was.
            (Place::Code, '\'' | '"') => Place::Quoted(letter),
            (Place::Code, '-') if before == '-' => Place::Comment,
            (Place::Quoted(quote), _) if letter == quote => Place::Code,
            (Place::Comment, '\n') => Place::Code,
            _ => place,
        };
        before = letter;
        if letter == '$' && place == Place::Code { '?' } else { letter }
    });
    Cow::Owned(written.collect())
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<&String> for Value {
    fn from(value: &String) -> Self {
        Self::Text(value.clone())
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<Timestamp> for Value {
    fn from(value: Timestamp) -> Self {
        Self::Int(value.unix())
    }
}

impl From<&Id> for Value {
    fn from(value: &Id) -> Self {
        Self::Text(value.as_str().to_owned())
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decision 26: placeholders are rewritten, text in quotes is not.
    #[test]
    fn placeholders() {
        assert_eq!(for_sqlite("SELECT $2, '$1', $11 FROM t"), "SELECT ?2, '$1', ?11 FROM t");
        assert_eq!(for_sqlite("SELECT 'it''s $1', $1"), "SELECT 'it''s $1', ?1");
        assert_eq!(for_sqlite("SELECT \"a$1\" - $1 -- don't: $2\n, $3"), "SELECT \"a$1\" - ?1 -- don't: $2\n, ?3");
        assert_eq!(for_sqlite("SELECT 1"), "SELECT 1");
    }
}
