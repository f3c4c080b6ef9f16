//! Strings with holes. The number of holes is in the type, so a template cannot fill one too few, and the catalogues are
//! constants, so a translation that lost a hole does not compile. Nothing is escaped here: the template does that.

use std::fmt;

/// A string with one hole, `{}`.
pub struct One(&'static str);

/// A string with two holes, `{1}` and `{2}`, in the order that the language wants.
pub struct Two(&'static str);

/// A string about a number, `{}`: for one and for any other.
pub struct Count {
    one: &'static str,
    many: &'static str,
}

/// A phrase whose holes are filled; write it with `{}`.
pub struct Filled<A, B = A> {
    phrase: &'static str,
    first: A,
    second: Option<(&'static str, B)>,
}

impl One {
    pub(super) const fn new(phrase: &'static str) -> Self {
        assert!(has_hole(phrase), "a phrase without its hole");
        Self(phrase)
    }

    pub const fn with<A: fmt::Display>(&self, value: A) -> Filled<A> {
        Filled { phrase: self.0, first: value, second: None }
    }
}

impl Two {
    pub(super) const fn new(phrase: &'static str) -> Self {
        assert!(has_numbered(phrase, b'1') && has_numbered(phrase, b'2'), "a phrase without one of its holes");
        Self(phrase)
    }

    pub const fn with<A: fmt::Display, B: fmt::Display>(&self, first: A, second: B) -> Filled<A, B> {
        Filled { phrase: self.0, first, second: Some(("{2}", second)) }
    }
}

impl Count {
    pub(super) const fn new(one: &'static str, many: &'static str) -> Self {
        assert!(has_hole(many), "a phrase without its number");
        Self { one, many }
    }

    pub const fn of(&self, number: i64) -> Filled<i64> {
        let phrase = if number == 1 { self.one } else { self.many };
        Filled { phrase, first: number, second: None }
    }
}

impl<A: fmt::Display, B: fmt::Display> fmt::Display for Filled<A, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The phrase is walked, not replaced in: a value that looks like a hole stays what it is.
        let mut rest = self.phrase;
        while let Some((before, hole, after)) = split_at_hole(rest) {
            f.write_str(before)?;
            match &self.second {
                Some((name, value)) if *name == hole => write!(f, "{value}")?,
                _ => write!(f, "{}", self.first)?,
            }
            rest = after;
        }
        f.write_str(rest)
    }
}

const fn has_hole(phrase: &str) -> bool {
    let mut rest = phrase.as_bytes();
    while let [first, tail @ ..] = rest {
        if let (b'{', [b'}', ..]) = (*first, tail) {
            return true;
        }
        rest = tail;
    }
    false
}

const fn has_numbered(phrase: &str, number: u8) -> bool {
    let mut rest = phrase.as_bytes();
    while let [first, tail @ ..] = rest {
        if let (b'{', [digit, b'}', ..]) = (*first, tail)
            && *digit == number
        {
            return true;
        }
        rest = tail;
    }
    false
}

/// The text before the next hole, the hole with its braces, and the text after it.
fn split_at_hole(text: &str) -> Option<(&str, &str, &str)> {
    let (before, from_hole) = text.split_at(text.find('{')?);
    let (hole, after) = from_hole.split_at(from_hole.find('}')? + 1);
    Some((before, hole, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects the filling of holes: order by language, values never read as phrases.
    #[test]
    fn holes_are_filled_once() {
        assert_eq!(One::new("to {}.").with("Grafana").to_string(), "to Grafana.");
        assert_eq!(One::new("to {}.").with("{1}").to_string(), "to {1}.");
        assert_eq!(Two::new("{2} before {1}").with("a", "{1}").to_string(), "{1} before a");
        let count = Count::new("one try", "{} tries");
        assert_eq!((count.of(1).to_string(), count.of(0).to_string()), ("one try".into(), "0 tries".into()));
    }
}
