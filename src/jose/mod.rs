//! JSON Object Signing and Encryption: algorithms, keys, the one signer and the one verifier (RFC 7515 to 7519, 7638, 8725).
//!
//! It is the only door to the cryptographic libraries. It is pure: nothing is fetched, no address in a token is followed,
//! no key in a token is believed.

mod alg;
mod derive;
mod encrypt;
mod jwk;
mod legacy;
mod seal;
mod sign;
mod strict;
mod verify;

pub use alg::{Alg, half_hash};
pub use derive::{MacKey, RootKey};
pub use encrypt::{Content, Recipient};
pub use jwk::{JwkSet, PublicJwk, VerifyingKey};
pub use legacy::{Pbkdf2, pbkdf2, sha1};
pub use seal::SealKey;
pub use sign::SigningKey;
pub use strict::parse as members;
pub use verify::{Expect, Expired, Header, Refused, numeric_date, peek_claims, peek_header, verify};
