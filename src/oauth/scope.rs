//! Scope: an ordered set of tokens (RFC 6749 section 3.3). Which of them somebody may have is not decided here.

use std::fmt;

use super::error::{Error, ErrorCode};
use super::words::serde_as_string;

/// Manages the account of the person: their profile, sessions and connected apps.
pub const ACCOUNT: &str = "account";

/// The longest scope that is read, in bytes.
const LONGEST: usize = 2048;

/// The most tokens that one scope may have.
const MOST: usize = 100;

/// Scope tokens without duplicates, in the order in which they were asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope(Vec<String>);

serde_as_string!(Scope, "not a scope");

impl Scope {
    /// The scope without a token.
    pub const fn empty() -> Self {
        Self(Vec::new())
    }

    /// Reads tokens that are separated by spaces; a token that stands twice counts once.
    ///
    /// # Errors
    /// `invalid_scope`: a character that no token may have, more than 100 tokens or more than 2 KiB.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let refuse = |why| Err(Error::new(ErrorCode::InvalidScope, why));
        if text.len() > LONGEST {
            return refuse("scope is longer than 2048 bytes");
        }
        let tokens = || text.split(' ').filter(|token| !token.is_empty());
        if tokens().count() > MOST {
            return refuse("scope has more than 100 tokens");
        }
        if !tokens().all(is_token) {
            return refuse("scope holds a character that no scope token may have");
        }
        Ok(tokens().collect())
    }

    pub fn contains(&self, token: &str) -> bool {
        self.iter().any(|own| own == token)
    }

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether it lets an app do what the person proves themselves again for when they do it themselves.
    pub fn is_dangerous(&self) -> bool {
        self.contains(ACCOUNT)
    }

    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether every token of this scope is in `other`.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.iter().all(|token| other.contains(token))
    }

    /// The tokens that both have, in this scope's order.
    pub fn intersect(&self, other: &Self) -> Self {
        self.iter().filter(|token| other.contains(token)).collect()
    }

    /// The tokens of this scope that `other` lacks.
    pub fn minus(&self, other: &Self) -> Self {
        self.iter().filter(|token| !other.contains(token)).collect()
    }

    /// The tokens of both, this scope's first.
    pub fn union(&self, other: &Self) -> Self {
        self.iter().chain(other.iter()).collect()
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

/// Collects tokens; one that is no scope token is left out, so that no scope ever holds two tokens in one.
impl<S: AsRef<str>> FromIterator<S> for Scope {
    fn from_iter<I: IntoIterator<Item = S>>(tokens: I) -> Self {
        let mut scope = Self::empty();
        for token in tokens {
            let token = token.as_ref();
            if is_token(token) && !scope.contains(token) {
                scope.0.push(token.to_owned());
            }
        }
        scope
    }
}

/// `scope-token = 1*( %x21 / %x23-5B / %x5D-7E )`.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scope(text: &str) -> Scope {
        Scope::parse(text).unwrap()
    }

    /// RFC 6749 section 3.3: order is kept, duplicates count once.
    #[test]
    fn reads() {
        for (text, shown) in
            [("", ""), (" ", ""), ("openid", "openid"), ("b a b", "b a"), ("a  b", "a b"), ("urn:x/y?z#!", "urn:x/y?z#!")]
        {
            assert_eq!(scope(text).to_string(), shown, "{text}");
        }
    }

    /// RFC 6749 section 3.3: the characters of a token; AZ-26: bounds.
    #[test]
    fn refuses() {
        let many = (0..101).map(|n| n.to_string()).collect::<Vec<_>>().join(" ");
        let long = "x".repeat(LONGEST + 1);
        for text in ["a\tb", "a\nb", "a\"", "a\\", "é", "a\0", "a\u{a0}b", &many, &long] {
            assert_eq!(Scope::parse(text).unwrap_err().code, ErrorCode::InvalidScope, "{text:.20}");
        }
    }

    /// The operations of a set.
    #[test]
    fn sets() {
        let (a, b) = (scope("openid email x"), scope("x openid y"));
        assert_eq!(a.intersect(&b), scope("openid x"));
        assert_eq!(a.minus(&b), scope("email"));
        assert_eq!(a.union(&b), scope("openid email x y"));
        assert!(scope("x").is_subset(&a) && !a.is_subset(&b) && Scope::empty().is_subset(&a));
        assert!(!a.contains("open"));
        assert_eq!(["a b", "", "c"].iter().collect::<Scope>(), scope("c"));
    }

    /// A stored scope is the string of the protocol.
    #[test]
    fn stored() {
        assert_eq!(serde_json::to_string(&scope("b a")).unwrap(), "\"b a\"");
        assert_eq!(serde_json::from_str::<Scope>("\"b a\"").unwrap(), scope("b a"));
        assert!(serde_json::from_str::<Scope>("\"a\\tb\"").is_err());
    }

    proptest! {
        /// What was read is shown so that it reads the same again, and no token stands twice.
        #[test]
        fn round_trip(text in "[ a-d\"\\\\\t]{0,40}") {
            if let Ok(read) = Scope::parse(&text) {
                prop_assert_eq!(&Scope::parse(&read.to_string()).unwrap(), &read);
                let mut tokens: Vec<_> = read.iter().collect();
                tokens.sort_unstable();
                tokens.dedup();
                prop_assert_eq!(tokens.len(), read.iter().count());
            }
        }

        /// Intersection and difference part a set in two.
        #[test]
        fn parts(a in "[a-f ]{0,20}", b in "[a-f ]{0,20}") {
            let (a, b) = (scope(&a), scope(&b));
            let (kept, lost) = (a.intersect(&b), a.minus(&b));
            prop_assert!(kept.is_subset(&a) && kept.is_subset(&b) && lost.intersect(&b).is_empty());
            prop_assert_eq!(kept.iter().count() + lost.iter().count(), a.iter().count());
            prop_assert!(a.is_subset(&a.union(&b)) && b.is_subset(&a.union(&b)));
        }
    }
}
