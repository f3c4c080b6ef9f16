//! The settings about load.

use super::LimitSettings;
use super::checked::Reader;
use crate::base::Issuer;

impl Reader<'_> {
    /// On a developer's machine everything comes from one address, tests and load drivers too: what is counted by address has no
    /// limit there unless one is written. Guesses at one account are slowed all the same, and so is mail.
    pub(super) fn limits(&mut self, issuer: Option<&Issuer>) -> Option<LimitSettings> {
        let is_development = issuer.is_some_and(Issuer::is_development);
        let mut limit = |name| self.number(name, 0, 1_000_000).and_then(|number| u32::try_from(number).ok());
        let pages_per_minute = limit("limits.pages_per_minute");
        let guesses_per_minute = limit("limits.guesses_per_minute");
        let failures_per_minute = limit("limits.failures_per_minute");
        let machines_per_minute = limit("limits.machines_per_minute");
        let client_per_minute = limit("limits.client_per_minute");
        let mail_per_hour = limit("limits.mail_per_hour");
        let visits_per_hour = limit("limits.visits_per_hour");
        let by_address = |name, number: u32| {
            let is_written = self.raw.number(name).is_some();
            if is_development && !is_written { 0 } else { number }
        };
        Some(LimitSettings {
            pages_per_minute: by_address("limits.pages_per_minute", pages_per_minute?),
            guesses_per_minute: by_address("limits.guesses_per_minute", guesses_per_minute?),
            failures_per_minute: by_address("limits.failures_per_minute", failures_per_minute?),
            machines_per_minute: machines_per_minute?,
            client_per_minute: client_per_minute?,
            mail_per_hour: mail_per_hour?,
            visits_per_hour: by_address("limits.visits_per_hour", visits_per_hour?),
        })
    }
}
