//! Chance: the system's random source, or a seeded one for tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Fault, base64url, sha256};

/// Handed to everyone who makes a token, a key or an id.
#[derive(Clone)]
pub struct Random(Source);

#[derive(Clone)]
enum Source {
    System,
    Seeded { seed: u64, counter: Arc<AtomicU64> },
}

impl Random {
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// The same numbers for the same seed, for tests only; clones go on where the others are.
    pub fn seeded(seed: u64) -> Self {
        Self(Source::Seeded { seed, counter: Arc::new(AtomicU64::new(0)) })
    }

    /// # Errors
    /// The system's random source failed; nothing weaker is used instead.
    #[expect(clippy::disallowed_methods, reason = "the one reader of the system's random source")]
    pub fn fill(&self, bytes: &mut [u8]) -> Result<(), Fault> {
        match &self.0 {
            Source::System => getrandom::fill(bytes).map_err(Fault::at("base: random")),
            Source::Seeded { seed, counter } => {
                for chunk in bytes.chunks_mut(32) {
                    let mut block = seed.to_be_bytes().to_vec();
                    block.extend(counter.fetch_add(1, Ordering::SeqCst).to_be_bytes());
                    for (to, from) in chunk.iter_mut().zip(sha256(&block)) {
                        *to = from;
                    }
                }
                Ok(())
            }
        }
    }

    /// # Errors
    /// The system's random source failed.
    pub fn bytes<const N: usize>(&self) -> Result<[u8; N], Fault> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// 256 random bits as base64url: the body of every opaque token and secret.
    ///
    /// # Errors
    /// The system's random source failed.
    pub fn token(&self) -> Result<String, Fault> {
        Ok(base64url(&self.bytes::<32>()?))
    }
}
