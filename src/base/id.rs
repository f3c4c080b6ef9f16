//! Row ids (UUIDv7, RFC 9562 section 5.7), which never leave the house, and the public ids that do.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Clock, Fault, Random, Timestamp, base64url};

/// The id of a row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Id(String);

impl Id {
    /// A new id: 48 bits of time, so that indexes grow at one end, and 74 bits of chance.
    ///
    /// # Errors
    /// The random source gave nothing.
    pub fn new(clock: &Clock, random: &Random) -> Result<Self, Fault> {
        let mut bytes = random.bytes::<16>()?;
        let millis = clock.millis().to_be_bytes();
        for (to, from) in bytes.iter_mut().zip(millis.iter().skip(2)) {
            *to = *from;
        }
        Ok(Self(uuid::Builder::from_bytes(bytes).with_version(uuid::Version::SortRand).into_uuid().to_string()))
    }

    /// Before every id that was made at this moment or later, and after those that were made before.
    pub fn first_of(at: Timestamp) -> Self {
        let millis = u64::try_from(at.unix()).unwrap_or_default().saturating_mul(1000);
        let text = format!("{millis:012x}");
        let (first, second) = text.split_at_checked(8).unwrap_or((&text, ""));
        Self(format!("{first}-{second}-"))
    }

    /// An id that was read back from a row or a URL of ours.
    pub fn from_stored(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// 128 random bits for what the world may see: `sub`, a client id, `sid`, `jti`. It never begins with a hyphen, which a command
/// line would take for an option.
///
/// # Errors
/// The random source gave nothing.
pub fn public_id(random: &Random) -> Result<String, Fault> {
    loop {
        let id = base64url(&random.bytes::<16>()?);
        if !id.starts_with('-') {
            return Ok(id);
        }
    }
}

/// The short code on an error page that finds the request in the log, such as `7F3K-Q2`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SupportCode(String);

impl SupportCode {
    /// # Errors
    /// The random source gave nothing.
    pub fn new(random: &Random) -> Result<Self, Fault> {
        // No I, L, O, U, 0 or 1: the code is read over the telephone.
        const ALPHABET: &[u8; 30] = b"23456789ABCDEFGHJKMNPQRSTVWXYZ";
        let mut text = String::with_capacity(7);
        for (at, byte) in random.bytes::<6>()?.iter().enumerate() {
            if at == 4 {
                text.push('-');
            }
            text.extend(ALPHABET.get(usize::from(*byte) % ALPHABET.len()).map(|c| char::from(*c)));
        }
        Ok(Self(text))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SupportCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects `vouchsafe client show ID` and its like: no id looks like an option.
    #[test]
    fn ids_are_no_options() {
        let random = Random::seeded(3);
        let ids: Vec<_> = (0..2000).map(|_| public_id(&random).unwrap()).collect();
        assert!(ids.iter().all(|id| id.len() == 22 && !id.starts_with('-')));
        assert!(ids.iter().any(|id| id.starts_with('_')), "all else may begin one");
    }
}
