//! The signature algorithms (RFC 7518 section 3.1, RFC 8037) and the hashes that go with them.

use std::fmt;

use jsonwebtoken::Algorithm;
use serde::{Deserialize, Serialize};

use crate::base::{base64url, sha256};

/// An algorithm that is known here. There is no `none`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Alg {
    RS256,
    PS256,
    ES256,
    EdDSA,
    /// For client_secret_jwt alone.
    HS256,
}

impl Alg {
    /// What tokens of ours, and assertions with keys of their own, are signed with.
    pub const ASYMMETRIC: [Self; 4] = [Self::RS256, Self::PS256, Self::ES256, Self::EdDSA];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RS256 => "RS256",
            Self::PS256 => "PS256",
            Self::ES256 => "ES256",
            Self::EdDSA => "EdDSA",
            Self::HS256 => "HS256",
        }
    }

    /// The algorithm of exactly this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ASYMMETRIC.into_iter().chain([Self::HS256]).find(|alg| alg.as_str() == text)
    }

    pub(super) const fn library(self) -> Algorithm {
        match self {
            Self::RS256 => Algorithm::RS256,
            Self::PS256 => Algorithm::PS256,
            Self::ES256 => Algorithm::ES256,
            Self::EdDSA => Algorithm::EdDSA,
            Self::HS256 => Algorithm::HS256,
        }
    }
}

impl fmt::Display for Alg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// `at_hash` and `c_hash`: the left half of the value's hash (OpenID Connect Core section 3.1.3.6). For EdDSA, whose hash is
/// SHA-512, the half of that one.
pub fn half_hash(alg: Alg, value: &str) -> String {
    if alg == Alg::EdDSA {
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA512, value.as_bytes());
        return base64url(hash.as_ref().split_at_checked(32).map_or(&[][..], |(half, _)| half));
    }
    base64url(sha256(value.as_bytes()).split_at(16).0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Core section 3.1.3.6 and its example in appendix A.3.
    #[test]
    fn the_specifications_example() {
        assert_eq!(half_hash(Alg::RS256, "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"), "77QmUPtjPfzWtF2AnpK9RQ");
        assert_eq!(half_hash(Alg::EdDSA, "x").len(), 43);
        assert!(Alg::parse("none").is_none() && Alg::parse("rs256").is_none() && Alg::parse("PS256") == Some(Alg::PS256));
    }
}
