//! Argon2 (RFC 9106) and its PHC strings: argon2id with the parameters of today, and bounds on what comes out of a row, which
//! may be of another house: argon2i, argon2d, and the older version.
//!
//! Pure computation; which thread does it is settled in `passwords`.

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{ARGON2D_IDENT, ARGON2I_IDENT, ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, Version};

use crate::base::{Fault, same};

const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const LENGTH: usize = 32;

const OURS: (Algorithm, Version) = (Algorithm::Argon2id, Version::V0x13);

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
    fn fill(&mut self, argon: &Argon2<'_>, password: &[u8], salt: &[u8], out: &mut [u8]) -> Result<(), Fault> {
        let count = argon.params().block_count();
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
    kind: (Algorithm, Version),
    params: Params,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

impl Stored {
    /// The PHC string of a password under the parameters of today.
    pub(super) fn make(password: &[u8], salt: &[u8; 16], memory: &mut Memory) -> Result<String, Fault> {
        let params = current()?;
        let mut hash = [0; LENGTH];
        memory.fill(&Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone()), password, salt, &mut hash)?;
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
        Ok(Self { kind: OURS, params: current()?, salt: vec![0; 16], hash: vec![0; LENGTH] })
    }

    /// Reads a PHC string; `None` if it is none of argon2 within the bounds.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let phc = PasswordHash::new(text).ok()?;
        let known = phc.params.iter().all(|(name, _)| ["m", "t", "p"].contains(&name.as_str()));
        let algorithms =
            [(ARGON2ID_IDENT, Algorithm::Argon2id), (ARGON2I_IDENT, Algorithm::Argon2i), (ARGON2D_IDENT, Algorithm::Argon2d)];
        let (_, algorithm) = algorithms.into_iter().find(|(name, _)| known && *name == phc.algorithm)?;
        // What was written before there were versions names none.
        let version = phc.version.map_or(Ok(Version::V0x10), Version::try_from).ok()?;
        let number = |name| phc.params.get_decimal(name);
        let (memory, passes, lanes) = (number("m")?, number("t")?, number("p")?);
        if memory > MOST_MEMORY_KIB || passes > MOST_PASSES || lanes > MOST_LANES {
            return None;
        }
        let (salt, hash) = (phc.salt?.to_vec(), phc.hash?.as_bytes().to_vec());
        let long_enough = salt.len() >= LEAST_SALT && hash.len() >= LEAST_LENGTH;
        let params = Params::new(memory, passes, lanes, Some(hash.len())).ok()?;
        long_enough.then_some(Self { kind: (algorithm, version), params, salt, hash })
    }

    /// Whether this is the hash of `password`; the comparison takes the same time wherever they differ.
    pub(super) fn matches(&self, password: &[u8], memory: &mut Memory) -> Result<bool, Fault> {
        let mut hash = vec![0; self.hash.len()];
        let (algorithm, version) = self.kind;
        memory.fill(&Argon2::new(algorithm, version, self.params.clone()), password, &self.salt, &mut hash)?;
        Ok(same(&hash, &self.hash))
    }

    /// Whether the parameters are those of today.
    pub(super) fn is_current(&self) -> bool {
        self.kind == OURS
            && self.params.m_cost() == MEMORY_KIB
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
            ("$argon2id$v=17$m=19456,t=2,p=1", None),
            ("$argon2id$v=16$m=19456,t=2,p=1", Some(false)),
            ("$argon2id$m=19456,t=2,p=1", Some(false)),
            ("$argon2i$v=19$m=19456,t=2,p=1", Some(false)),
            ("$argon2d$v=19$m=19456,t=2,p=1", Some(false)),
            ("$argon2x$v=19$m=19456,t=2,p=1", None),
            ("$argon2i$v=19$m=65537,t=2,p=1", None),
            ("$2b$10", None),
            ("", None),
        ] {
            assert_eq!(read(head).map(|stored| stored.is_current()), current, "{head}");
        }
        assert!(Stored::parse("$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg").is_none(), "no hash");
    }

    /// The test vectors of the reference implementation (its `test.c`): every kind and the older version.
    #[test]
    fn other_kinds() {
        let mut memory = Memory::default();
        for text in [
            "$argon2i$m=256,t=2,p=2$c29tZXNhbHQ$tsEVYKap1h6scGt5ovl9aLRGOqOth+AMB+KwHpDFZPs",
            "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA",
            "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        ] {
            let stored = Stored::parse(text).unwrap();
            assert!(stored.matches(b"password", &mut memory).unwrap(), "{text}");
            assert!(!stored.matches(b"passwore", &mut memory).unwrap(), "{text}");
            assert!(!stored.is_current(), "{text}");
        }
    }

    /// PW-20: a hash under smaller or larger parameters still verifies, and is seen to be old.
    #[test]
    fn other_parameters() {
        let mut memory = Memory::default();
        for (m, t, p) in [(64, 1, 1), (20_000, 1, 2)] {
            let params = Params::new(m, t, p, Some(32)).unwrap();
            let mut hash = vec![0; 32];
            let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
            memory.fill(&argon, b"right", b"0123456789abcdef", &mut hash).unwrap();
            let stored = Stored { kind: OURS, params, salt: b"0123456789abcdef".to_vec(), hash };
            assert!(stored.matches(b"right", &mut memory).unwrap() && !stored.matches(b"wrong", &mut memory).unwrap());
            assert!(!stored.is_current());
        }
        let nobody = Stored::nobody().unwrap();
        assert!(!nobody.matches(b"", &mut memory).unwrap());
    }
}
