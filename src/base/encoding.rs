//! The two encodings that the whole house shares: base64url without padding (RFC 4648 section 5) and SHA-256.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

pub fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The bytes behind `text`; `None` for padding, a foreign alphabet or stray trailing bits.
pub fn base64url_decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// The form in which a token of 256 random bits is stored.
pub fn sha256_base64url(text: &str) -> String {
    base64url(&sha256(text.as_bytes()))
}
