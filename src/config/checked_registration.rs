//! The settings about apps that register themselves.

use super::checked::Reader;
use super::parts::{PublicPkce, RegistrationMode, RegistrationSettings};

const DAY: i64 = 86_400;

impl Reader<'_> {
    pub(super) fn registration(&mut self) -> Option<RegistrationSettings> {
        let mode = self.choice("registration.mode", RegistrationMode::CHOICES);
        let public_pkce = self.choice("registration.public_pkce", PublicPkce::CHOICES);
        let unused_days = self.number("registration.unused_days", 0, 3650);
        let per_hour = self.number("registration.per_hour", 0, 1_000_000).and_then(|number| u32::try_from(number).ok());
        let unused_days = unused_days?;
        Some(RegistrationSettings {
            mode: mode?,
            public_pkce: public_pkce?,
            unused_seconds: (unused_days > 0).then_some(unused_days * DAY),
            per_hour: per_hour?,
        })
    }
}
