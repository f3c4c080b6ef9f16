//! The secrets of clients: made here, shown once, kept as a hash.

use crate::base::{Fault, Id, Random, Secret, Timestamp, sha256_base64url};
use crate::keys::Vault;
use crate::oauth::AuthMethod;
use crate::store::{Tx, clients};

/// What every client secret begins with, so that scanners for leaked secrets know one.
const PREFIX: &str = "cs_";

/// A secret in its two forms.
pub struct FreshSecret {
    pub plain: Secret<String>,
    pub stored: clients::Secret,
}

/// What happens to the secrets of a client when its way of authenticating changes.
pub enum SecretChange {
    Keep,
    Remove,
    Replace(clients::Secret),
}

impl FreshSecret {
    /// 256 random bits. Only client_secret_jwt needs the value again; for all others its hash is enough.
    ///
    /// # Errors
    /// Chance or the vault failed.
    pub fn new(id: Id, method: AuthMethod, vault: &Vault, random: &Random, now: Timestamp) -> Result<Self, Fault> {
        Self::given(id, method, Secret::new(format!("{PREFIX}{}", random.token()?)), vault, now)
    }

    /// The same with a secret that was agreed on before.
    ///
    /// # Errors
    /// The vault failed.
    pub fn given(id: Id, method: AuthMethod, plain: Secret<String>, vault: &Vault, now: Timestamp) -> Result<Self, Fault> {
        let sealed = match method {
            AuthMethod::ClientSecretJwt => {
                Some(vault.seal("client_secrets", "sealed", id.as_str(), plain.expose().as_bytes())?)
            }
            _ => None,
        };
        let stored = clients::Secret { id, hash: sha256_base64url(plain.expose()), sealed, created_at: now, expires_at: None };
        Ok(Self { plain, stored })
    }
}

impl SecretChange {
    /// What becomes of the secrets when a client goes from one method to another. Where it needs a new one, that is made, and
    /// is in the answer.
    ///
    /// # Errors
    /// The new secret could not be made.
    pub fn between(
        from: AuthMethod,
        to: AuthMethod,
        make: impl FnOnce() -> Result<FreshSecret, Fault>,
    ) -> Result<(Self, Option<Secret<String>>), Fault> {
        let is_kept = from == to || from.uses_secret() && to.uses_secret() && to != AuthMethod::ClientSecretJwt;
        if is_kept {
            return Ok((Self::Keep, None));
        }
        if !to.uses_secret() {
            return Ok((Self::Remove, None));
        }
        let fresh = make()?;
        Ok((Self::Replace(fresh.stored), Some(fresh.plain)))
    }

    /// Writes the change for the client with this row id.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn write(&self, tx: &mut Tx, client: &Id) -> Result<(), Fault> {
        match self {
            Self::Keep => Ok(()),
            Self::Remove => clients::remove_secrets(tx, client).await,
            Self::Replace(secret) => {
                clients::remove_secrets(tx, client).await?;
                clients::insert_secret(tx, client, secret).await
            }
        }
    }
}
