//! The settings about second factors.

use super::checked::Reader;
use super::{SecondFactorPolicy, SecondFactorSettings};

const DAY: i64 = 86_400;

impl Reader<'_> {
    pub(super) fn second_factor(&mut self) -> Option<SecondFactorSettings> {
        let policy = self.choice("second_factor.policy", SecondFactorPolicy::CHOICES);
        let grace_days = self.number("second_factor.grace_days", 0, 365);
        let remember_days = self.number("second_factor.remember_days", 0, 365);
        let counts = self.list("second_factor.counts");
        let is_word = |word: &String| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        if !counts.iter().all(is_word) {
            self.refuse("second_factor.counts", "holds something that is no kind", "write them like [\"totp\", \"passkey\"]");
            return None;
        }
        if !counts.iter().any(|kind| kind != "recovery") && policy != Some(SecondFactorPolicy::Off) {
            let remedy = "add `totp`, or set second_factor.policy to `off`";
            self.refuse("second_factor.counts", "holds no kind of second factor", remedy);
            return None;
        }
        let groups = self.list("second_factor.groups");
        let is_wanted = policy == Some(SecondFactorPolicy::Required) || !groups.is_empty();
        if is_wanted && !counts.iter().any(|kind| kind == "totp") {
            let why = "holds no `totp`, which people add who have to have a second factor and have none yet";
            self.refuse("second_factor.counts", why, "add `totp`");
            return None;
        }
        Some(SecondFactorSettings {
            policy: policy?,
            groups,
            grace_seconds: grace_days? * DAY,
            counts,
            remember_seconds: remember_days? * DAY,
        })
    }
}
