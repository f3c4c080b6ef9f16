//! Pairwise subjects (OpenID Connect Core section 8.1): the same person is somebody else to each sector.
//!
//! They hang on a salt that is made once and stored sealed, so that they stay the same over every change of master key,
//! version and machine.

use super::Vault;
use crate::base::{Fault, Random, Timestamp, base64url};
use crate::jose::{MacKey, RootKey};
use crate::store::{Db, pairwise};

/// The key under which subjects are made.
pub struct PairwiseKey(MacKey);

impl PairwiseKey {
    /// The key of this database; its salt is made if there is none yet.
    ///
    /// # Errors
    /// Storage or chance failed, or the stored salt does not open.
    pub async fn open(db: &Db, vault: &Vault, random: &Random, now: Timestamp) -> Result<Self, Fault> {
        let sealed = match pairwise::find(&mut db.conn()).await? {
            Some(sealed) => sealed,
            None => {
                let fresh = vault.seal("pairwise_salts", "sealed", pairwise::ROW, &random.bytes::<32>()?)?;
                db.write(async move |tx| pairwise::insert(tx, &fresh, now).await).await?;
                // Another node may have been first; what is stored counts.
                let stored = pairwise::find(&mut db.conn()).await?;
                stored.ok_or_else(|| Fault::new("keys: pairwise", "the salt was not stored"))?
            }
        };
        let salt = vault.open("pairwise_salts", "sealed", pairwise::ROW, &sealed)?;
        let salt = <[u8; 32]>::try_from(salt).map_err(|_| Fault::corrupt("pairwise_salts", "sealed"))?;
        Ok(Self(RootKey::new(&salt).mac_key("pairwise-subject")?))
    }

    /// The subject by which a sector knows the person with this `sub`.
    pub fn subject(&self, sector: &str, sub: &str) -> String {
        // A host has no NUL, so no two pairs make one message.
        base64url(&self.0.tag(format!("{sector}\0{sub}").as_bytes()))
    }
}
