//! Proof Key for Code Exchange (RFC 7636): S256 alone. `plain` is refused everywhere (RFC 9700 section 2.1.1).

use std::fmt;

use super::error::Error;
use super::words::serde_as_string;
use crate::base::{base64url_decode, same, sha256_base64url};

/// An S256 challenge: the base64url of a SHA-256.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge(String);

serde_as_string!(Challenge, "not an S256 challenge");

impl Challenge {
    /// The challenge of an authorization request, if it has one.
    ///
    /// # Errors
    /// `invalid_request`: a method other than S256 (none means `plain`), a method alone, or a malformed challenge.
    pub fn from_request(challenge: Option<&str>, method: Option<&str>) -> Result<Option<Self>, Error> {
        match (challenge, method) {
            (None, None) => Ok(None),
            (None, Some(_)) => Err(Error::request("code_challenge_method stands without code_challenge")),
            (Some(text), Some("S256")) => Self::parse(text).map(Some),
            (Some(_), _) => Err(Error::request("code_challenge_method must be S256")),
        }
    }

    fn parse(text: &str) -> Result<Self, Error> {
        let is_hash = base64url_decode(text).is_some_and(|bytes| bytes.len() == 32);
        if is_hash { Ok(Self(text.to_owned())) } else { Err(Error::request("code_challenge is not a SHA-256 in base64url")) }
    }

    /// Whether `verifier` is well-formed and hashes to this challenge (RFC 7636 sections 4.1 and 4.6).
    pub fn matches(&self, verifier: &str) -> bool {
        let is_well_formed = (43..=128).contains(&verifier.len()) && verifier.bytes().all(is_unreserved);
        is_well_formed && same(sha256_base64url(verifier).as_bytes(), self.0.as_bytes())
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

const fn is_unreserved(byte: u8) -> bool {
    matches!(byte, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7636 appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    fn challenge(text: &str) -> Challenge {
        Challenge::from_request(Some(text), Some("S256")).unwrap().unwrap()
    }

    /// RFC 7636 section 4.6 and TK-04: which verifier belongs to a challenge.
    #[test]
    fn verifiers() {
        let own = challenge(CHALLENGE);
        assert!(own.matches(VERIFIER));
        let (short, long) = ("a".repeat(42), "a".repeat(129));
        for text in ["", CHALLENGE, &short, &long, &format!("{VERIFIER} "), &format!("{VERIFIER}="), &VERIFIER.to_lowercase()] {
            assert!(!own.matches(text), "{text}");
        }
        for length in [42, 43, 128, 129] {
            let text = "~".repeat(length);
            assert_eq!(challenge(&sha256_base64url(&text)).matches(&text), (43..=128).contains(&length), "{length}");
        }
        let odd = "ä".repeat(30);
        assert!(!challenge(&sha256_base64url(&odd)).matches(&odd));
    }

    /// AZ-07: S256 alone, and nothing half-said.
    #[test]
    fn requests() {
        assert_eq!(Challenge::from_request(None, None), Ok(None));
        for (challenge, method) in [
            (Some(CHALLENGE), None),
            (Some(CHALLENGE), Some("plain")),
            (Some(CHALLENGE), Some("s256")),
            (None, Some("S256")),
            (Some("abc"), Some("S256")),
            (Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM="), Some("S256")),
            (Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM"), Some("S256")),
        ] {
            assert!(Challenge::from_request(challenge, method).is_err(), "{challenge:?} {method:?}");
        }
        let stored = serde_json::to_string(&challenge(CHALLENGE)).unwrap();
        assert_eq!(serde_json::from_str::<Challenge>(&stored).unwrap(), challenge(CHALLENGE));
    }
}
