//! The parameters of a request, from a query or a form, each at most once.
//!
//! RFC 6749 sections 3.1 and 3.2 (no duplicates, an empty value counts as absent) and appendix B (the encoding); RFC 8707
//! section 2 (`resource` alone may be repeated). Broken text is refused and never repaired: what two readers could read
//! in two ways is the root of parameter pollution.

use std::collections::HashSet;
use std::fmt;

use super::error::Error;

/// The longest encoded form that is read, in bytes (protocol A15).
const LONGEST: usize = 64 * 1024;

/// The most parameters that one request may have.
const MOST: usize = 100;

/// The one parameter that may stand more than once.
const REPEATABLE: &str = "resource";

/// Checked parameters in the order in which they came.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Params(Vec<(String, String)>);

impl Params {
    /// Reads an `application/x-www-form-urlencoded` query or body.
    ///
    /// # Errors
    /// `invalid_request`: a duplicate, a broken percent escape, broken UTF-8, a NUL, or too much of anything.
    pub fn parse(raw: &[u8]) -> Result<Self, Error> {
        if raw.len() > LONGEST {
            return Err(Error::request("the request is longer than 64 KiB"));
        }
        let mut pairs = Vec::new();
        for part in raw.split(|byte| *byte == b'&').filter(|part| !part.is_empty()) {
            if pairs.len() >= MOST {
                return Err(Error::request("the request has more than 100 parameters"));
            }
            let mut halves = part.splitn(2, |byte| *byte == b'=');
            let name = decode(halves.next().unwrap_or_default())?;
            let value = decode(halves.next().unwrap_or_default())?;
            pairs.push((name, value));
        }
        Self::checked(pairs)
    }

    /// Parameters that were decoded elsewhere, such as the claims of a request object or a stored form.
    ///
    /// # Errors
    /// `invalid_request`: the same rules as in [`Params::parse`].
    pub fn from_pairs<K: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (K, V)>) -> Result<Self, Error> {
        Self::checked(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }

    fn checked(mut pairs: Vec<(String, String)>) -> Result<Self, Error> {
        if pairs.len() > MOST {
            return Err(Error::request("the request has more than 100 parameters"));
        }
        if pairs.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() > LONGEST {
            return Err(Error::request("the request is longer than 64 KiB"));
        }
        if pairs.iter().any(|(name, value)| name.contains('\0') || value.contains('\0')) {
            return Err(Error::request("the request holds a NUL character"));
        }
        let mut seen = HashSet::new();
        if !pairs.iter().all(|(name, _)| name == REPEATABLE || seen.insert(name)) {
            return Err(Error::request("a parameter stands more than once"));
        }
        // Only now: an empty value beside a full one is a duplicate all the same.
        pairs.retain(|(_, value)| !value.is_empty());
        Ok(Self(pairs))
    }

    /// The value of a parameter; `None` if it is missing or empty. Of a repeated `resource`, the first.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs().find(|(own, _)| *own == name).map(|(_, value)| value)
    }

    /// A parameter that must be there.
    ///
    /// # Errors
    /// `invalid_request` with `why` if it is missing or empty.
    pub fn require(&self, name: &'static str, why: &'static str) -> Result<&str, Error> {
        self.get(name).ok_or(Error::request(why))
    }

    /// Every value of a repeatable parameter, in order.
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.pairs().filter(|(own, _)| *own == name).map(|(_, value)| value).collect()
    }

    /// Names and values in the order in which they came, without the empty ones.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// Names only: values are codes, secrets and tokens.
impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

fn decode(raw: &[u8]) -> Result<String, Error> {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.iter().copied();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let escape = rest.next().and_then(hex).zip(rest.next().and_then(hex));
                let (high, low) = escape.ok_or(Error::request("the request holds a broken percent escape"))?;
                high << 4 | low
            }
            other => other,
        });
    }
    String::from_utf8(bytes).map_err(|_| Error::request("the request is not UTF-8"))
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(raw: &str) -> Vec<(String, String)> {
        Params::parse(raw.as_bytes()).unwrap().0
    }

    /// RFC 6749 appendix B: the encoding, and section 3.1: an empty value is an absent one.
    #[test]
    fn reads_forms() {
        for (raw, pairs) in [
            ("", vec![]),
            ("a=b", vec![("a", "b")]),
            ("a=b&&c=d&", vec![("a", "b"), ("c", "d")]),
            ("a=&b&c=d", vec![("c", "d")]),
            ("a=x+y%2Bz%20", vec![("a", "x y+z ")]),
            ("a=b=c", vec![("a", "b=c")]),
            ("%61=%C3%A9", vec![("a", "é")]),
            ("resource=x&resource=y", vec![("resource", "x"), ("resource", "y")]),
        ] {
            let expected: Vec<_> = pairs.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
            assert_eq!(read(raw), expected, "{raw}");
        }
    }

    /// RFC 6749 section 3.1: parameters are not repeated; broken text is refused.
    #[test]
    fn refuses_what_is_broken() {
        let many = "a=1&".repeat(101);
        let long = format!("a={}", "x".repeat(LONGEST));
        for raw in
            ["a=1&a=1", "a=&a=1", "a&a", "a=1&%61=2", "a=%", "a=%4", "a=%zz", "a=%+1", "a=%00", "%00=a", "a=%FF", &many, &long]
        {
            let error = Params::parse(raw.as_bytes()).unwrap_err();
            assert_eq!(error.code.as_str(), "invalid_request", "{raw:.40}");
        }
        assert!(Params::parse(b"a=\xff").is_err());
        assert!(Params::from_pairs([("a", "1"), ("a", "2")]).is_err());
        assert!(Params::from_pairs([("a", "\0")]).is_err());
    }

    /// A missing parameter is told by the sentence of its caller.
    #[test]
    fn looks_up() {
        let params = Params::parse(b"code=x&resource=a&resource=b&state=").unwrap();
        assert_eq!(params.get("code"), Some("x"));
        assert_eq!(params.get("state"), None);
        assert_eq!(params.all("resource"), ["a", "b"]);
        assert_eq!(params.require("code", "code is missing"), Ok("x"));
        assert_eq!(params.require("state", "state is missing").unwrap_err().why, "state is missing");
    }

    /// A log line of a request shows no secret.
    #[test]
    fn debug_shows_names_only() {
        let shown = format!("{:?}", Params::parse(b"client_secret=hunter2").unwrap());
        assert!(shown.contains("client_secret") && !shown.contains("hunter2"), "{shown}");
    }

    proptest! {
        /// No input makes the parser fail in another way than by a refusal.
        #[test]
        fn any_bytes(raw in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Params::parse(&raw);
        }

        /// What is encoded by the rules comes back as it was.
        #[test]
        fn round_trip(pairs in prop::collection::btree_map("[a-z_]{1,8}", "[^\\x00]{1,20}", 0..20)) {
            let raw: Vec<_> = pairs.iter().map(|(k, v)| format!("{k}={}", percent_encoding::utf8_percent_encode(v, percent_encoding::NON_ALPHANUMERIC))).collect();
            let read = Params::parse(raw.join("&").as_bytes()).unwrap();
            prop_assert_eq!(read.pairs().collect::<Vec<_>>(), pairs.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect::<Vec<_>>());
        }

        /// A repeated name is refused wherever its copies stand and whatever they hold.
        #[test]
        fn no_duplicates(before in "([a-z]=1&){0,1}", name in "[A-Z]{1,5}", one in "[a-z]{0,5}", two in "[a-z]{0,5}") {
            let raw = format!("{}={}&{}{}={}", name, one, before, name, two);
            prop_assert!(Params::parse(raw.as_bytes()).is_err());
        }
    }
}
