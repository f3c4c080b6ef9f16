//! The signing keys of the house and the vault that keeps secrets at rest.
//!
//! A private key leaves the database sealed only, and is parsed once a process. A key is published before it signs, and what
//! it signed is verified until the last token of it has expired.

mod pairwise;
pub mod rekey;
mod ring;
pub mod rotation;
mod vault;

pub use pairwise::PairwiseKey;
pub use ring::{Published, Ring};
pub use vault::Vault;

use crate::jose::Alg;

/// How keys live.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The algorithms that there are keys for.
    pub algs: Vec<Alg>,
    /// How long a key signs.
    pub max_age_seconds: i64,
    /// How long a key is published before it signs: at least as long as `/jwks` may be kept.
    pub publish_seconds: i64,
    /// How long a key is published after it signed: at least the longest life of a token.
    pub retire_seconds: i64,
}
