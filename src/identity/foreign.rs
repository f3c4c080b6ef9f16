//! Hashes of other houses, which people bring along: bcrypt, scrypt, PBKDF2 and salted SHA. They are compared, never made;
//! at the first sign-in the house's own takes their place.
//!
//! Every parameter has a bound: whoever hands in an import must not make a sign-in cost more than about a second of one core
//! or 128 MiB. What is beyond is no hash here, at the import as at a sign-in.

use std::num::NonZeroU32;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use sha2::{Digest as _, Sha256, Sha512};

use crate::base::{Fault, same};
use crate::jose::{Pbkdf2, pbkdf2, sha1};

const LONGEST: usize = 512;
const MOST_BCRYPT_COST: u32 = 14;
const MOST_SCRYPT_BYTES: u64 = 128 * 1024 * 1024;
/// Twice what fills the most memory once.
const MOST_SCRYPT_WORK: u64 = 2 * MOST_SCRYPT_BYTES;
/// Rounds times the blocks of output (RFC 8018 section 5.2).
const MOST_PBKDF2_ROUNDS: usize = 2_000_000;

/// Lengths of salts and hashes, in bytes. LDAP servers salt with four.
const SALT: std::ops::RangeInclusive<usize> = 4..=64;
const HASH: std::ops::RangeInclusive<usize> = 16..=64;

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);

/// A hash with what is needed to make it again.
pub(super) enum Foreign {
    /// The whole string, which was read once to see that it can be.
    Bcrypt(String),
    Scrypt {
        params: scrypt::Params,
        salt: Vec<u8>,
        hash: Vec<u8>,
    },
    Pbkdf2 {
        kind: Pbkdf2,
        rounds: NonZeroU32,
        salt: Vec<u8>,
        hash: Vec<u8>,
    },
    Salted {
        kind: Salted,
        salt: Vec<u8>,
        hash: Vec<u8>,
    },
}

/// The hash function of an LDAP server's `{SSHA…}` (password, then salt).
#[derive(Clone, Copy)]
pub(super) enum Salted {
    Sha1,
    Sha256,
    Sha512,
}

impl Foreign {
    /// Reads a hash; `None` if it is of no known kind or beyond the bounds.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.len() > LONGEST || !text.is_ascii() {
            return None;
        }
        if let Some(rest) = text.strip_prefix('{') {
            return salted(rest);
        }
        if let Some(rest) = text.strip_prefix("pbkdf2_") {
            return django(rest);
        }
        let parts: Vec<&str> = text.strip_prefix('$')?.split('$').collect();
        match parts.as_slice() {
            ["2a" | "2b" | "2y", cost, _] => bcrypt(text, cost),
            ["scrypt", params, salt, hash] => scrypt_of(params, salt, hash),
            [kind, params, salt, hash] => {
                let kind = match *kind {
                    "pbkdf2" | "pbkdf2-sha1" => Pbkdf2::Sha1,
                    "pbkdf2-sha256" => Pbkdf2::Sha256,
                    "pbkdf2-sha512" => Pbkdf2::Sha512,
                    _ => return None,
                };
                // PHC names its parameters; passlib writes the rounds alone, and `.` for `+`.
                let (rounds, length) = match params.split_once(',') {
                    Some((rounds, length)) => (rounds.strip_prefix("i=")?, Some(length.strip_prefix("l=")?)),
                    None => (params.strip_prefix("i=").unwrap_or(params), None),
                };
                let (salt, hash) = (bytes(&salt.replace('.', "+"))?, bytes(&hash.replace('.', "+"))?);
                if length.is_some_and(|length| length.parse() != Ok(hash.len())) {
                    return None;
                }
                pbkdf2_of(kind, rounds, salt, hash)
            }
            _ => None,
        }
    }

    /// Whether this is the hash of `password`; the comparison takes the same time wherever they differ.
    pub(super) fn matches(&self, password: &[u8]) -> Result<bool, Fault> {
        let (made, hash) = match self {
            // It counts 72 bytes of a password and no more, as every bcrypt does.
            Self::Bcrypt(text) => {
                return bcrypt::verify(password, text).map_err(|error| Fault::new("passwords: bcrypt", error.to_string()));
            }
            Self::Scrypt { params, salt, hash } => {
                let mut made = vec![0; hash.len()];
                scrypt::scrypt(password, salt, params, &mut made).map_err(Fault::at("passwords: scrypt"))?;
                (made, hash)
            }
            Self::Pbkdf2 { kind, rounds, salt, hash } => {
                let mut made = vec![0; hash.len()];
                pbkdf2(*kind, *rounds, salt, password, &mut made);
                (made, hash)
            }
            Self::Salted { kind, salt, hash } => (kind.of(&[password, salt].concat()), hash),
        };
        Ok(same(&made, hash))
    }
}

impl Salted {
    fn of(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha1 => sha1(message).to_vec(),
            Self::Sha256 => Sha256::digest(message).to_vec(),
            Self::Sha512 => Sha512::digest(message).to_vec(),
        }
    }
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text).ok()
}

/// A number as PHC writes it: digits, no sign, no zero in front.
fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    let is_plain = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    is_plain.then(|| text.parse().ok()).flatten()
}

fn fits(salt: &[u8], hash: &[u8]) -> bool {
    SALT.contains(&salt.len()) && HASH.contains(&hash.len())
}

/// `$2b$12$` with 22 and 31 characters of its own base64. `2x` is a bug of old days and has no place here.
fn bcrypt(text: &str, cost: &str) -> Option<Foreign> {
    let cost: u32 = (cost.len() == 2 && !cost.starts_with('+')).then(|| cost.parse().ok()).flatten()?;
    let readable = text.parse::<bcrypt::HashParts>().is_ok();
    (readable && (4..=MOST_BCRYPT_COST).contains(&cost)).then(|| Foreign::Bcrypt(text.to_owned()))
}

/// `ln=16,r=8,p=1` (RFC 7914: N is 2 to the power of `ln`).
fn scrypt_of(params: &str, salt: &str, hash: &str) -> Option<Foreign> {
    let mut each = params.split(',');
    let log_n: u8 = number(each.next()?.strip_prefix("ln=")?)?;
    let r: u32 = number(each.next()?.strip_prefix("r=")?)?;
    let p: u32 = number(each.next()?.strip_prefix("p=")?)?;
    if each.next().is_some() {
        return None;
    }
    let memory = 1_u64.checked_shl(log_n.into())?.checked_mul(128)?.checked_mul(r.into())?;
    if log_n > 30 || memory > MOST_SCRYPT_BYTES || memory.checked_mul(p.into())? > MOST_SCRYPT_WORK {
        return None;
    }
    let (salt, hash) = (bytes(salt)?, bytes(hash)?);
    let params = scrypt::Params::new(log_n, r, p).ok()?;
    fits(&salt, &hash).then_some(Foreign::Scrypt { params, salt, hash })
}

fn pbkdf2_of(kind: Pbkdf2, rounds: &str, salt: Vec<u8>, hash: Vec<u8>) -> Option<Foreign> {
    let rounds: NonZeroU32 = number(rounds)?;
    let block = match kind {
        Pbkdf2::Sha1 => 20,
        Pbkdf2::Sha256 => 32,
        Pbkdf2::Sha512 => 64,
    };
    let work = usize::try_from(rounds.get()).ok()?.checked_mul(hash.len().div_ceil(block))?;
    (fits(&salt, &hash) && work <= MOST_PBKDF2_ROUNDS).then_some(Foreign::Pbkdf2 { kind, rounds, salt, hash })
}

/// Django: `pbkdf2_sha256$rounds$salt$hash`, the salt as it stands.
fn django(rest: &str) -> Option<Foreign> {
    let parts: Vec<&str> = rest.split('$').collect();
    let [kind, rounds, salt, hash] = parts.as_slice() else { return None };
    let kind = match *kind {
        "sha1" => Pbkdf2::Sha1,
        "sha256" => Pbkdf2::Sha256,
        _ => return None,
    };
    pbkdf2_of(kind, rounds, salt.as_bytes().to_vec(), bytes(hash)?)
}

/// LDAP (RFC 3112, and its kin of longer hashes): base64 of the hash with the salt behind it.
fn salted(rest: &str) -> Option<Foreign> {
    let (name, text) = rest.split_once('}')?;
    let (kind, length) = match name.to_ascii_uppercase().as_str() {
        "SSHA" => (Salted::Sha1, 20),
        "SSHA256" => (Salted::Sha256, 32),
        "SSHA512" => (Salted::Sha512, 64),
        _ => return None,
    };
    let all = bytes(text)?;
    let (hash, salt) = all.split_at_checked(length)?;
    fits(salt, hash).then(|| Foreign::Salted { kind, salt: salt.to_vec(), hash: hash.to_vec() })
}

#[cfg(test)]
#[path = "foreign_tests.rs"]
mod tests;
