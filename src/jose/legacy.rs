//! What other houses stored passwords with: nothing of ours is made with it, only compared.

use std::num::NonZeroU32;

use aws_lc_rs::{digest, pbkdf2 as kdf};

/// The hash function under PBKDF2-HMAC (RFC 8018 section 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pbkdf2 {
    Sha1,
    Sha256,
    Sha512,
}

/// Fills `out`; the cost is `rounds` times the blocks in it.
pub fn pbkdf2(hash: Pbkdf2, rounds: NonZeroU32, salt: &[u8], password: &[u8], out: &mut [u8]) {
    let algorithm = match hash {
        Pbkdf2::Sha1 => kdf::PBKDF2_HMAC_SHA1,
        Pbkdf2::Sha256 => kdf::PBKDF2_HMAC_SHA256,
        Pbkdf2::Sha512 => kdf::PBKDF2_HMAC_SHA512,
    };
    kdf::derive(algorithm, rounds, salt, password, out);
}

/// SHA-1 (RFC 3174), which is broken as a signature and still names the entries of breach lists and old directories.
pub fn sha1(message: &[u8]) -> [u8; 20] {
    let mut out = [0; 20];
    for (to, from) in out.iter_mut().zip(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, message).as_ref()) {
        *to = *from;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6070 (SHA-1, 4096 rounds) and the RFC 7914 section 11 vector (SHA-256); RFC 3174's "abc".
    #[test]
    fn vectors() {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let derive = |hash, rounds, salt: &[u8], password: &[u8], length| {
            let mut out = vec![0; length];
            pbkdf2(hash, NonZeroU32::new(rounds).unwrap(), salt, password, &mut out);
            hex(&out)
        };
        assert_eq!(derive(Pbkdf2::Sha1, 4096, b"salt", b"password", 20), "4b007901b765489abead49d926f721d065a429c1");
        assert!(derive(Pbkdf2::Sha256, 1, b"salt", b"passwd", 64).starts_with("55ac046e56e3089fec1691c22544b605"));
        assert_eq!(hex(&sha1(b"abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
    }
}
