//! The settings about text messages.

use super::checked::Reader;
use super::{SmsGateway, SmsSettings, SmsShape};

impl Reader<'_> {
    pub(super) fn sms(&mut self) -> Option<SmsSettings> {
        let per_day = self.number("sms.per_day", 1, 1_000_000);
        let shape = self.choice("sms.shape", SmsShape::CHOICES);
        let prefixes = self.list("sms.prefixes");
        let is_prefix = |text: &String| {
            text.strip_prefix('+').is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
        };
        if !prefixes.iter().all(is_prefix) {
            self.refuse("sms.prefixes", "holds something that no number begins with", "write them like [\"+43\", \"+49\"]");
            return None;
        }
        let secret = self.secret("sms.secret");
        let text = |name: &str| self.raw.text(name).map(ToOwned::to_owned).unwrap_or_default();
        let (url, account, from) = (text("sms.url"), text("sms.account"), text("sms.from"));
        if url.is_empty() {
            return Some(SmsSettings { gateway: None, prefixes, per_day: per_day? });
        }
        if !cfg!(feature = "plugins") {
            self.refuse("sms.url", "is set, and this program was built without plugins", "build it with them, or remove it");
            return None;
        }
        // Where http may be called at all, the outbound door says.
        if !url::Url::parse(&url).is_ok_and(|url| ["https", "http"].contains(&url.scheme())) {
            self.refuse("sms.url", "is no https address", "write it like https://gateway.example/messages");
            return None;
        }
        if shape == Some(SmsShape::Twilio) && account.is_empty() {
            self.refuse("sms.account", "is not set", "the shape `twilio` needs the account");
            return None;
        }
        let Some(secret) = secret else {
            self.refuse("sms.secret", "is not set", "set it, or sms.secret_file");
            return None;
        };
        let gateway = Some(SmsGateway { url, shape: shape?, account, secret, from });
        Some(SmsSettings { gateway, prefixes, per_day: per_day? })
    }
}
