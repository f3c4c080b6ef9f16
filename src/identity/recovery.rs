//! Recovery codes: ten, each good once, for who has lost everything else.
//!
//! A code has 49 random bits and is stored as its tag under a key of ours, bound to its row (decision 3): a copy of the
//! database says nothing about it.

use crate::base::{Clock, Fault, Id, Random, Secret, Timestamp, base64url, same};
use crate::jose::MacKey;
use crate::store::recovery_codes::{self, RecoveryCode};
use crate::store::{Conn, Tx};

/// How many there are.
pub const CODES: usize = 10;

/// With how many left a person is warned.
pub const FEW: usize = 3;

/// What `amr` says of one (RFC 8176): a one-time password.
pub const AMR: &str = "otp";

/// Letters and digits that nobody mistakes for another.
const ALPHABET: &[u8; 31] = b"abcdefghjkmnpqrstuvwxyz23456789";

/// The letters of a code, without its dash.
const LETTERS: usize = 10;

/// Makes and checks the tags.
#[derive(Clone)]
pub struct RecoveryKey(MacKey);

impl RecoveryKey {
    pub const fn new(key: MacKey) -> Self {
        Self(key)
    }

    fn tag(&self, row: &Id, code: &str) -> String {
        base64url(&self.0.tag(format!("{row}:{code}").as_bytes()))
    }

    /// A new set: the rows, and what the person is shown once.
    ///
    /// # Errors
    /// Chance failed.
    pub fn make(&self, clock: &Clock, random: &Random) -> Result<(Vec<RecoveryCode>, Vec<Secret<String>>), Fault> {
        let (mut rows, mut shown) = (Vec::new(), Vec::new());
        for _ in 0..CODES {
            let (id, code) = (Id::new(clock, random)?, new_code(random)?);
            rows.push(RecoveryCode { tag: self.tag(&id, &code), id });
            let (first, second) = code.split_at(LETTERS / 2);
            shown.push(Secret::new(format!("{first}-{second}")));
        }
        Ok((rows, shown))
    }

    /// The unused code of a person that this is. Each is compared, so that the time says nothing.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn find(&self, conn: &mut Conn, user: &Id, typed: &str) -> Result<Option<Id>, Fault> {
        let Some(code) = normal(typed) else { return Ok(None) };
        let mut found = None;
        for row in recovery_codes::unused(conn, user).await? {
            if same(self.tag(&row.id, &code).as_bytes(), row.tag.as_bytes()) {
                found = Some(row.id);
            }
        }
        Ok(found)
    }
}

/// What a person has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    pub count: usize,
    pub last_used_at: Option<Timestamp>,
}

/// # Errors
/// Storage failed.
pub async fn left(conn: &mut Conn, user: &Id) -> Result<Left, Fault> {
    let count = recovery_codes::unused(conn, user).await?.len();
    Ok(Left { count, last_used_at: recovery_codes::last_used_at(conn, user).await? })
}

/// Puts a new set in the place of the one before.
///
/// # Errors
/// Storage failed.
pub async fn replace(tx: &mut Tx, user: &Id, codes: &[RecoveryCode], now: Timestamp) -> Result<(), Fault> {
    recovery_codes::replace(tx, user, codes, now).await
}

/// Uses a code up. True for exactly one caller.
///
/// # Errors
/// Storage failed.
pub async fn consume(tx: &mut Tx, code: &Id, user: &Id, now: Timestamp) -> Result<bool, Fault> {
    recovery_codes::consume(tx, code, user, now).await
}

fn new_code(random: &Random) -> Result<String, Fault> {
    let mut code = String::with_capacity(LETTERS);
    while code.len() < LETTERS {
        for byte in random.bytes::<16>()? {
            // 248 is the largest multiple of 31 in a byte: beyond it some letters would come more often.
            if byte < 248 && code.len() < LETTERS {
                code.extend(ALPHABET.get(usize::from(byte) % ALPHABET.len()).map(|letter| char::from(*letter)));
            }
        }
    }
    Ok(code)
}

/// What was typed as a code is made: in small letters, without spaces and dashes.
fn normal(typed: &str) -> Option<String> {
    let code: String = typed.chars().filter(|c| !c.is_whitespace() && *c != '-').map(|c| c.to_ascii_lowercase()).collect();
    (code.len() == LETTERS && code.bytes().all(|byte| ALPHABET.contains(&byte))).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::RootKey;

    /// MF-08: ten that differ, none of which could be a code of an app; a tag belongs to its row.
    #[test]
    fn codes() {
        let key = RecoveryKey::new(RootKey::new(&[7; 32]).mac_key("recovery-code").unwrap());
        let (rows, shown) = key.make(&Clock::fixed(Timestamp::from_unix(1)), &Random::seeded(1)).unwrap();
        let different: std::collections::HashSet<_> = shown.iter().map(|code| code.expose().clone()).collect();
        assert_eq!((rows.len(), different.len()), (CODES, CODES));
        for (row, code) in rows.iter().zip(&shown) {
            let code = code.expose();
            assert_eq!((code.len(), &code[5..6]), (11, "-"), "{code}");
            assert!(super::super::one_time::typed_code(code).is_none());
            assert_eq!(row.tag, key.tag(&row.id, &normal(&code.to_uppercase()).unwrap()));
        }
        assert_ne!(key.tag(&rows[0].id, "aaaaabbbbb"), key.tag(&rows[1].id, "aaaaabbbbb"));
        for bad in ["", "abcde-fghj", "abcde-fghjkm", "abcde-fghjl", "abcde fghj1", "\u{e4}bcdefghjk"] {
            assert_eq!(normal(bad), None, "{bad}");
        }
    }
}
