//! Encryption at rest: AES-256-GCM with the place of the value as associated data, so that a ciphertext moved to another
//! row does not open (decision 5).

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use super::RootKey;
use crate::base::{Fault, Random};

const NONCE: usize = 12;

/// A key that seals and opens.
pub struct SealKey(LessSafeKey);

fn failed(what: &'static str) -> Fault {
    Fault::new("jose: seal", what)
}

impl SealKey {
    /// The sealing key that hangs on a root, for one purpose.
    ///
    /// # Errors
    /// Never in practice.
    pub fn derive(root: &RootKey, label: &str) -> Result<Self, Fault> {
        let key = UnboundKey::new(&AES_256_GCM, &root.bytes(label)?).map_err(|_| failed("not a key"))?;
        Ok(Self(LessSafeKey::new(key)))
    }

    /// Nonce and ciphertext of `plain`, bound to `place`. The nonce is random: with 96 bits a key may seal 2^32 values.
    ///
    /// # Errors
    /// The random source gave nothing.
    pub fn seal(&self, place: &str, plain: &[u8], random: &Random) -> Result<([u8; NONCE], Vec<u8>), Fault> {
        let nonce = random.bytes::<NONCE>()?;
        let mut text = plain.to_vec();
        let sealed = self.0.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(place), &mut text);
        sealed.map_err(|_| failed("sealing failed"))?;
        Ok((nonce, text))
    }

    /// What was sealed for `place`.
    ///
    /// # Errors
    /// It was sealed under another key or for another place, or was changed.
    pub fn open(&self, place: &str, nonce: &[u8], text: &[u8]) -> Result<Vec<u8>, Fault> {
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| failed("not a nonce"))?;
        let mut text = text.to_vec();
        let plain = self.0.open_in_place(nonce, Aad::from(place), &mut text);
        plain.map(|plain| plain.to_vec()).map_err(|_| failed("this value was not sealed here with this key"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// MF-10, JK-11: a ciphertext opens only in its own place and under its own key.
    #[test]
    fn only_in_its_place() {
        let key = SealKey::derive(&RootKey::new(&[1; 32]), "seal").unwrap();
        let (nonce, mut text) = key.seal("t.c.1", b"secret", &Random::seeded(1)).unwrap();
        assert_eq!(key.open("t.c.1", &nonce, &text).unwrap(), b"secret");
        assert!(key.open("t.c.2", &nonce, &text).is_err());
        assert!(SealKey::derive(&RootKey::new(&[2; 32]), "seal").unwrap().open("t.c.1", &nonce, &text).is_err());
        assert!(SealKey::derive(&RootKey::new(&[1; 32]), "mail").unwrap().open("t.c.1", &nonce, &text).is_err());
        text[0] ^= 1;
        assert!(key.open("t.c.1", &nonce, &text).is_err());
    }
}
