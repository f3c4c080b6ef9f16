//! Encryption at rest under the master keys, and the keys derived from them (decision 5).
//!
//! The master key file has a line `key-id:base64url of 32 bytes` for each key. The last seals and all open, so that a new
//! line is all that a change of master key takes. Nothing here ever makes a key because one is missing.

use std::sync::Arc;

use crate::base::{Fault, Random, base64url, base64url_decode};
use crate::jose::{MacKey, RootKey, SealKey};

/// The first part of what is sealed: how it is written, should that ever change.
const VERSION: &str = "1";

/// The keys of the master key file. Cheap to clone.
#[derive(Clone)]
pub struct Vault(Arc<Inner>);

struct Inner {
    /// In the order of the file.
    keys: Vec<(String, SealKey)>,
    /// From the first line: so that what is derived stays the same when a line is added.
    derived: RootKey,
}

impl Vault {
    /// Reads the contents of a master key file.
    ///
    /// # Errors
    /// A line is no key, or there is none. The words never say what is in the file.
    pub fn open_file(contents: &str) -> Result<Self, Fault> {
        let broken = |why: &str| Fault::new("keys: master_key_file", why);
        let mut keys: Vec<(String, SealKey)> = Vec::new();
        let mut derived = None;
        for line in contents.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (id, key) = line.split_once(':').ok_or_else(|| broken("a line is not `key-id:key`"))?;
            let plain = |id: &str| id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
            if id.is_empty() || !plain(id) || keys.iter().any(|(other, _)| other == id) {
                return Err(broken("each key needs an id of its own, of letters, digits, - and _"));
            }
            let bytes = base64url_decode(key).and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
            let root = RootKey::new(&bytes.ok_or_else(|| broken("a key is not 32 bytes as base64url"))?);
            keys.push((id.to_owned(), SealKey::derive(&root, "seal")?));
            derived.get_or_insert(root);
        }
        let derived = derived.ok_or_else(|| broken("there is no key in it"))?;
        Ok(Self(Arc::new(Inner { keys, derived })))
    }

    /// The contents of a new master key file, with one key.
    ///
    /// # Errors
    /// The random source gave nothing.
    pub fn generate_file(random: &Random) -> Result<String, Fault> {
        Ok(format!("{}:{}\n", base64url(&random.bytes::<6>()?), random.token()?))
    }

    /// Seals a value for one column of one row: `version.key-id.nonce.text`.
    ///
    /// # Errors
    /// The random source or the cipher failed.
    pub fn seal(&self, table: &str, column: &str, row: &str, plain: &[u8]) -> Result<String, Fault> {
        let (id, key) = self.0.keys.last().ok_or_else(|| Fault::new("keys: seal", "there is no master key"))?;
        // Always the system's: two values under one nonce would be lost, so no seeded chance may come near.
        let (nonce, text) = key.seal(&place(table, column, row), plain, &Random::system())?;
        Ok(format!("{VERSION}.{id}.{}.{}", base64url(&nonce), base64url(&text)))
    }

    /// Opens what was sealed for this place, under whichever master key.
    ///
    /// # Errors
    /// The master key is not in the file, or the value is not what was sealed here.
    pub fn open(&self, table: &str, column: &str, row: &str, sealed: &str) -> Result<Vec<u8>, Fault> {
        let broken = |why: &str| Fault::new("keys: open", why);
        let mut parts = sealed.split('.');
        let (Some(VERSION), Some(id), Some(nonce), Some(text), None) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(broken("the stored value is not a sealed one"));
        };
        let found = self.0.keys.iter().find(|(own, _)| own == id);
        let (_, key) = found.ok_or_else(|| broken("sealed under a master key that is not in master_key_file"))?;
        let (nonce, text) =
            base64url_decode(nonce).zip(base64url_decode(text)).ok_or_else(|| broken("the stored value is not base64url"))?;
        key.open(&place(table, column, row), &nonce, &text)
    }

    /// Whether a value was sealed under the newest key.
    pub fn is_newest(&self, sealed: &str) -> bool {
        let newest = self.0.keys.last().map(|(id, _)| id.as_str());
        newest.is_some() && sealed.split('.').nth(1) == newest
    }

    /// Whether the key is here under which a value says that it was sealed.
    pub fn has_key_of(&self, sealed: &str) -> bool {
        sealed.split('.').nth(1).is_some_and(|id| self.0.keys.iter().any(|(own, _)| own == id))
    }

    /// The key for one purpose of the house.
    ///
    /// # Errors
    /// Never in practice: the derivation has no input that could fail.
    pub fn mac_key(&self, label: &str) -> Result<MacKey, Fault> {
        self.0.derived.mac_key(label)
    }

    /// The key that seals what one room keeps for a short time. It hangs on the first line, like every derived key.
    ///
    /// # Errors
    /// Never in practice: the derivation has no input that could fail.
    pub fn seal_key(&self, label: &str) -> Result<SealKey, Fault> {
        SealKey::derive(&self.0.derived, label)
    }
}

fn place(table: &str, column: &str, row: &str) -> String {
    format!("{table}.{column}.{row}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::same;

    fn file(seed: u64) -> String {
        Vault::generate_file(&Random::seeded(seed)).unwrap()
    }

    /// Decision 5, JK-11: the newest key seals, all open, and a value opens in its own place only.
    #[test]
    fn opens_old_values_in_their_place() {
        let (first, second) = (file(1), file(2));
        let old = Vault::open_file(&first).unwrap();
        let sealed = old.seal("t", "c", "1", b"secret").unwrap();
        let both = Vault::open_file(&format!("{first}\n{second}")).unwrap();
        assert_eq!(both.open("t", "c", "1", &sealed).unwrap(), b"secret");
        let newer = both.seal("t", "c", "1", b"secret").unwrap();
        assert_eq!(newer.split('.').nth(1), second.split(':').next());
        assert!(old.open("t", "c", "1", &newer).is_err());
        for (table, column, row) in [("u", "c", "1"), ("t", "d", "1"), ("t", "c", "2")] {
            assert!(both.open(table, column, row, &sealed).is_err());
        }
        for bad in ["", "1", "1.a.b.c", &sealed[1..], &format!("{sealed}.x"), &format!("{sealed}A"), &sealed.replace("1.", "2.")]
        {
            assert!(both.open("t", "c", "1", bad).is_err(), "{bad}");
        }
        assert_ne!(sealed, old.seal("t", "c", "1", b"secret").unwrap());
    }

    /// Derived keys outlive a change of master key, and differ by label.
    #[test]
    fn derives_from_the_first_line() {
        let old = Vault::open_file(&file(1)).unwrap();
        let both = Vault::open_file(&format!("{}{}", file(1), file(2))).unwrap();
        let tag = |vault: &Vault, label| vault.mac_key(label).unwrap().tag(b"data");
        assert!(same(&tag(&old, "csrf"), &tag(&both, "csrf")));
        assert!(!same(&tag(&old, "csrf"), &tag(&old, "refresh-token")));
    }

    /// JK-11: a file that is not right is refused, and nothing in it is repeated.
    #[test]
    fn refuses_a_broken_file() {
        let key = base64url(&[7; 32]);
        for bad in ["", "\n", "key", "k:", ":AAAA", "k:AAAA", &key, &format!("k.1:{key}"), &format!("k:{key}\nk:{key}")] {
            let fault = Vault::open_file(bad).err().unwrap().to_string();
            assert!(!fault.contains(&key), "{fault}");
        }
        assert!(Vault::open_file(&format!("k:{key}\n")).is_ok());
    }
}
