//! The settings about passkeys.

use url::Url;

use super::checked::Reader;
use super::parts::PasskeySettings;
use crate::base::Issuer;
use crate::identity::passkeys::Verification;

const VERIFICATION: &[(&str, Verification)] = &[("required", Verification::Required), ("preferred", Verification::Preferred)];

const PRODUCTION: &[&str] = &["https"];
const DEVELOPMENT: &[&str] = &["https", "http"];

impl Reader<'_> {
    pub(super) fn passkeys(&mut self, issuer: Option<&Issuer>) -> Option<PasskeySettings> {
        let name = "passkeys.related_origins";
        let verification = self.choice("passkeys.user_verification", VERIFICATION);
        let origins = self.list(name);
        let schemes = if issuer.is_some_and(Issuer::is_development) { DEVELOPMENT } else { PRODUCTION };
        if !origins.iter().all(|origin| is_origin(origin, schemes)) {
            self.refuse(name, "holds something that is no https origin", "write them like [\"https://example.de\"]");
            return None;
        }
        Some(PasskeySettings { verification: verification?, related_origins: origins })
    }
}

/// Scheme, host and port as a browser writes them; the host has a name, since an address is no place for passkeys.
fn is_origin(text: &str, schemes: &[&str]) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    schemes.contains(&url.scheme()) && url.domain().is_some() && url.origin().ascii_serialization() == text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// WebAuthn section 5.11: origins alone, and none that anybody on the way could be.
    #[test]
    fn origins() {
        for (text, production, development) in [
            ("https://example.de", true, true),
            ("https://example.de:8443", true, true),
            ("http://localhost:8080", false, true),
            ("https://example.de/", false, false),
            ("https://EXAMPLE.de", false, false),
            ("https://example.de:443", false, false),
            ("https://192.0.2.1", false, false),
            ("example.de", false, false),
            ("", false, false),
        ] {
            assert_eq!((is_origin(text, PRODUCTION), is_origin(text, DEVELOPMENT)), (production, development), "{text}");
        }
    }
}
