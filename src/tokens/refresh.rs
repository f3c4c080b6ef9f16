//! Refresh tokens (RFC 6749 section 6, decision 19).
//!
//! A token is `rt_` and the base64url of 16 bytes that name its family, 8 bytes of generation and a 256-bit HMAC over both
//! under a derived key. So the same successor can be answered again to a retry, though only its hash is stored, and a
//! token of any older generation is known for reuse without a row of its own.

use crate::base::{Fault, Random, Secret, base64url, base64url_decode, same, sha256_base64url};
use crate::jose::MacKey;

const PREFIX: &str = "rt_";
const LOOKUP: usize = 16;
const GENERATION: usize = 8;
const MAC: usize = 32;

/// The key under which refresh tokens are made.
pub struct RefreshKey(MacKey);

/// A presented token whose MAC is right: it was ours once. Whether it still counts is the family's row to say.
pub struct Presented {
    pub lookup: String,
    pub generation: i64,
    pub hash: String,
}

impl RefreshKey {
    pub const fn new(key: MacKey) -> Self {
        Self(key)
    }

    /// A new family's public half.
    ///
    /// # Errors
    /// The random source gave nothing.
    pub fn new_lookup(random: &Random) -> Result<String, Fault> {
        Ok(base64url(&random.bytes::<LOOKUP>()?))
    }

    /// The token of a generation, and the hash under which it is stored.
    ///
    /// # Errors
    /// The stored lookup is not one of ours.
    pub fn token(&self, lookup: &str, generation: i64) -> Result<(Secret<String>, String), Fault> {
        let mut bytes =
            base64url_decode(lookup).filter(|l| l.len() == LOOKUP).ok_or_else(|| Fault::corrupt("refresh_families", "lookup"))?;
        bytes.extend(generation.to_be_bytes());
        bytes.extend(self.0.tag(&bytes));
        let token = format!("{PREFIX}{}", base64url(&bytes));
        let hash = sha256_base64url(&token);
        Ok((Secret::new(token), hash))
    }

    /// Reads a presented token; `None` for everything that we never made.
    pub fn parse(&self, text: &str) -> Option<Presented> {
        let bytes = base64url_decode(text.strip_prefix(PREFIX)?).filter(|b| b.len() == LOOKUP + GENERATION + MAC)?;
        let (signed, mac) = bytes.split_at_checked(LOOKUP + GENERATION)?;
        if !same(&self.0.tag(signed), mac) {
            return None;
        }
        let (lookup, generation) = signed.split_at_checked(LOOKUP)?;
        Some(Presented {
            lookup: base64url(lookup),
            generation: i64::from_be_bytes(generation.try_into().ok()?),
            hash: sha256_base64url(text),
        })
    }
}
