//! The settings about who comes in and how people look after themselves.

use super::checked::Reader;
use super::{AccountSettings, SignUpMode, Switch};

const DAY: i64 = 86_400;

impl Reader<'_> {
    pub(super) fn accounts(&mut self) -> Option<AccountSettings> {
        let sign_up = self.choice("sign_up.mode", SignUpMode::CHOICES);
        let written = self.list("sign_up.domains");
        // A domain is compared in the form that it has in the key of an address.
        let keys: Vec<_> = written.iter().filter_map(|domain| domain_key(domain)).collect();
        if keys.len() < written.len() {
            self.refuse("sign_up.domains", "holds something that is no domain", "write them like [\"example.com\"]");
            return None;
        }
        let password = self.choice("sign_in.password", Switch::CHOICES);
        let by_mail = self.choice("sign_in.by_mail", Switch::CHOICES);
        let verified_only = self.choice("sign_in.verified_only", Switch::CHOICES);
        // No account goes while a way back to its address is good, which whoever took it over would wish for.
        let deletion_days = self.number("accounts.deletion_days", 3, 30);
        Some(AccountSettings {
            sign_up: sign_up?,
            sign_up_domains: keys,
            password: password?,
            by_mail: by_mail?,
            verified_only: verified_only?,
            deletion_seconds: deletion_days? * DAY,
        })
    }
}

fn domain_key(domain: &str) -> Option<String> {
    let key = crate::identity::users::email_key(&format!("x@{domain}"))?;
    key.strip_prefix("x@").map(ToOwned::to_owned)
}
