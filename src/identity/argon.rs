//! Argon2id (RFC 9106) and its PHC strings: the parameters of today, and bounds on those that come out of a row.
//!
//! Pure computation; which thread does it is settled in `passwords`.

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, Version};

use crate::base::{Fault, same};

const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const LENGTH: usize = 32;

/// What a stored string may ask for at most: whoever writes into the table must not be able to stop the house.
const MOST_MEMORY_KIB: u32 = 65_536;
const MOST_PASSES: u32 = 10;
const MOST_LANES: u32 = 4;

/// The least salt and hash of a stored string, in bytes.
const LEAST_SALT: usize = 8;
const LEAST_LENGTH: usize = 16;

/// Blocks that are reserved, though fewer are used: glibc never keeps a freed piece of more than 32 MiB on its heap, so the
/// memory goes back to the system.
const RESERVED: usize = 33 * 1024;

/// The blocks of one thread, used again for every hash.
#[derive(Default)]
pub(super) struct Memory(Vec<Block>);

impl Memory {
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Runs argon2 in the kept blocks; what needs more than usual gets blocks for this once.
    fn fill(&mut self, params: &Params, password: &[u8], salt: &[u8], out: &mut [u8]) -> Result<(), Fault> {
        let count = params.block_count();
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
        let mut once = Vec::new();
        let blocks = if count > MEMORY_KIB as usize {
            once.resize(count, Block::new());
            &mut once
        } else {
            if self.0.is_empty() {
                self.0 = Vec::with_capacity(RESERVED);
                self.0.resize(MEMORY_KIB as usize, Block::new());
            }
            &mut self.0
        };
        argon.hash_password_into_with_memory(password, salt, out, blocks.as_mut_slice()).map_err(Fault::at("passwords: argon2"))
    }
}

/// A hash with what is needed to make it again.
pub(super) struct Stored {
    params: Params,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

impl Stored {
    /// The PHC string of a password under the parameters of today.
    pub(super) fn make(password: &[u8], salt: &[u8; 16], memory: &mut Memory) -> Result<String, Fault> {
        let params = current()?;
        let mut hash = [0; LENGTH];
        memory.fill(&params, password, salt, &mut hash)?;
        let place = "passwords: phc";
        let phc = PasswordHash {
            algorithm: ARGON2ID_IDENT,
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(&params).map_err(Fault::at(place))?,
            salt: Some(Salt::new(salt).map_err(Fault::at(place))?),
            hash: Some(Output::new(&hash).map_err(Fault::at(place))?),
        };
        Ok(phc.to_string())
    }

    /// Nobody's: as costly as anybody's.
    pub(super) fn nobody() -> Result<Self, Fault> {
        Ok(Self { params: current()?, salt: vec![0; 16], hash: vec![0; LENGTH] })
    }

    /// Reads a PHC string; `None` if it is none of argon2id within the bounds.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let phc = PasswordHash::new(text).ok()?;
        let known = phc.params.iter().all(|(name, _)| ["m", "t", "p"].contains(&name.as_str()));
        if phc.algorithm != ARGON2ID_IDENT || phc.version != Some(Version::V0x13.into()) || !known {
            return None;
        }
        let number = |name| phc.params.get_decimal(name);
        let (memory, passes, lanes) = (number("m")?, number("t")?, number("p")?);
        if memory > MOST_MEMORY_KIB || passes > MOST_PASSES || lanes > MOST_LANES {
            return None;
        }
        let (salt, hash) = (phc.salt?.to_vec(), phc.hash?.as_bytes().to_vec());
        let long_enough = salt.len() >= LEAST_SALT && hash.len() >= LEAST_LENGTH;
        let params = Params::new(memory, passes, lanes, Some(hash.len())).ok()?;
        long_enough.then_some(Self { params, salt, hash })
    }

    /// Whether this is the hash of `password`; the comparison takes the same time wherever they differ.
    pub(super) fn matches(&self, password: &[u8], memory: &mut Memory) -> Result<bool, Fault> {
        let mut hash = vec![0; self.hash.len()];
        memory.fill(&self.params, password, &self.salt, &mut hash)?;
        Ok(same(&hash, &self.hash))
    }

    /// Whether the parameters are those of today.
    pub(super) fn is_current(&self) -> bool {
        self.params.m_cost() == MEMORY_KIB
            && self.params.t_cost() == PASSES
            && self.params.p_cost() == LANES
            && self.hash.len() == LENGTH
            && self.salt.len() >= 16
    }
}

fn current() -> Result<Params, Fault> {
    Params::new(MEMORY_KIB, PASSES, LANES, Some(LENGTH)).map_err(Fault::at("passwords: parameters"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9106 as other implementations write it (argon2-cffi), and decision 29: bounds on stored parameters.
    #[test]
    fn strings() {
        let mut memory = Memory::default();
        let made = Stored::make(b"password", b"0123456789abcdef", &mut memory).unwrap();
        assert!(Stored::parse(&made).unwrap().is_current());
        let tail = "$MDEyMzQ1Njc4OWFiY2RlZg$QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVowMTIzNDU";
        let read = |head: &str| Stored::parse(&format!("{head}{tail}"));
        for (head, current) in [
            ("$argon2id$v=19$m=19456,t=2,p=1", Some(true)),
            ("$argon2id$v=19$m=65536,t=3,p=4", Some(false)),
            ("$argon2id$v=19$m=8,t=1,p=1", Some(false)),
            ("$argon2id$v=19$m=65537,t=2,p=1", None),
            ("$argon2id$v=19$m=19456,t=11,p=1", None),
            ("$argon2id$v=19$m=19456,t=2,p=5", None),
            ("$argon2id$v=19$m=7,t=2,p=1", None),
            ("$argon2id$v=19$m=19456,t=0,p=1", None),
            ("$argon2id$v=19$m=19456,t=2", None),
            ("$argon2id$v=19$m=19456,t=2,p=1,keyid=AAAA", None),
            ("$argon2id$v=16$m=19456,t=2,p=1", None),
            ("$argon2id$m=19456,t=2,p=1", None),
            ("$argon2i$v=19$m=19456,t=2,p=1", None),
            ("$argon2d$v=19$m=19456,t=2,p=1", None),
            ("$2b$10", None),
            ("", None),
        ] {
            assert_eq!(read(head).map(|stored| stored.is_current()), current, "{head}");
        }
        assert!(Stored::parse("$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg").is_none(), "no hash");
    }

    /// PW-20: a hash under smaller or larger parameters still verifies, and is seen to be old.
    #[test]
    fn other_parameters() {
        let mut memory = Memory::default();
        for (m, t, p) in [(64, 1, 1), (20_000, 1, 2)] {
            let params = Params::new(m, t, p, Some(32)).unwrap();
            let mut hash = vec![0; 32];
            memory.fill(&params, b"right", b"0123456789abcdef", &mut hash).unwrap();
            let stored = Stored { params, salt: b"0123456789abcdef".to_vec(), hash };
            assert!(stored.matches(b"right", &mut memory).unwrap() && !stored.matches(b"wrong", &mut memory).unwrap());
            assert!(!stored.is_current());
        }
        let nobody = Stored::nobody().unwrap();
        assert!(!nobody.matches(b"", &mut memory).unwrap());
    }
}
