//! The second factors of the house, as the settings want them.

use crate::base::Fault;
use crate::config::{Config, SecondFactorPolicy};
use crate::endpoints::second_factor::House;
use crate::identity::factor::{Demand, Kinds, Level, Policy};
use crate::identity::recovery::RecoveryKey;
use crate::identity::totp::AuthenticatorApp;
use crate::keys::Vault;

/// Every kind, in the order in which they are offered.
pub(super) fn house(config: &Config, vault: &Vault) -> Result<House, Fault> {
    let settings = &config.second_factor;
    let policy = Policy {
        demand: match settings.policy {
            SecondFactorPolicy::Off => Demand::Off,
            SecondFactorPolicy::Offered => Demand::Offered,
            SecondFactorPolicy::Required => Demand::Required,
        },
        groups: settings.groups.clone(),
        grace_seconds: settings.grace_seconds,
        counts: settings.counts.clone(),
        remember_seconds: settings.remember_seconds,
    };
    let recovery_key = RecoveryKey::new(vault.mac_key("recovery-code")?);
    let by_passkey = if super::passkeys(config).is_some() { Level::Resistant } else { Level::One };
    Ok(House { kinds: Kinds::new(vec![Box::new(AuthenticatorApp)]), policy, recovery_key, by_passkey })
}
