//! Keys from the root: HKDF-SHA256 (RFC 5869) with a label for each use, so that no key serves two purposes.

use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use aws_lc_rs::hmac;

use crate::base::Fault;

/// The first key of the master key file; everything derived hangs on it.
#[derive(Clone)]
pub struct RootKey(Prk);

/// An HMAC-SHA256 key for one purpose.
#[derive(Clone)]
pub struct MacKey(hmac::Key);

struct Length;

impl KeyType for Length {
    fn len(&self) -> usize {
        32
    }
}

impl RootKey {
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self(Salt::new(HKDF_SHA256, b"vouchsafe").extract(bytes))
    }

    /// The 256-bit key for `label`.
    ///
    /// # Errors
    /// Never in practice: the length is within HKDF's limit.
    pub(super) fn bytes(&self, label: &str) -> Result<[u8; 32], Fault> {
        let mut key = [0; 32];
        let info = [label.as_bytes()];
        let expanded = self.0.expand(&info, Length).and_then(|okm| okm.fill(&mut key));
        expanded.map_err(|_| Fault::new("jose: derive", "HKDF failed"))?;
        Ok(key)
    }

    /// The HMAC key for `label`.
    ///
    /// # Errors
    /// Never in practice.
    pub fn mac_key(&self, label: &str) -> Result<MacKey, Fault> {
        Ok(MacKey(hmac::Key::new(hmac::HMAC_SHA256, &self.bytes(label)?)))
    }
}

impl MacKey {
    /// The tag of a message; compare it with `base::same`.
    pub fn tag(&self, message: &[u8]) -> [u8; 32] {
        let mut tag = [0; 32];
        for (to, from) in tag.iter_mut().zip(hmac::sign(&self.0, message).as_ref()) {
            *to = *from;
        }
        tag
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SC-05: keys of different labels and of different roots differ, the same ones agree.
    #[test]
    fn a_key_for_each_label() {
        let root = RootKey::new(&[7; 32]);
        let tag = |root: &RootKey, label| root.mac_key(label).unwrap().tag(b"message");
        assert_eq!(tag(&root, "csrf"), tag(&root, "csrf"));
        assert_ne!(tag(&root, "csrf"), tag(&root, "refresh-token"));
        assert_ne!(tag(&root, "csrf"), tag(&RootKey::new(&[8; 32]), "csrf"));
    }
}
