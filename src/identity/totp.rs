//! Authenticator apps (RFC 6238): six digits from a shared secret and the time, 30 seconds each.
//!
//! One step of drift is taken either way. A step is taken once: whoever calls stores the one that [`SecondFactor::check`]
//! answers.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use totp_rs::{Builder, Totp};

use super::factor::{About, Begun, Level, Proving, SecondFactor, Words};
use super::one_time::typed_code;
use crate::base::{Fault, Random, Secret, Timestamp};
use crate::oauth::Lang;

/// Its word among the kinds.
pub const KIND: &str = "totp";

/// The bytes of a secret: as many as the hash has (RFC 4226 section 4, R6).
const SECRET_BYTES: usize = 20;

/// Seconds of a step.
const STEP_SECONDS: u64 = 30;

/// How many steps a clock may be ahead or behind (RFC 6238 section 5.2 advises one).
const DRIFT_STEPS: u16 = 1;

/// The authenticator app as a second factor.
pub struct AuthenticatorApp;

/// What a person brings into their app: the key by hand, or the same as an address in a QR code.
pub struct Key {
    /// Base32, in groups of four.
    pub grouped: Secret<String>,
    /// `otpauth://totp/…`
    pub uri: Secret<String>,
}

impl SecondFactor for AuthenticatorApp {
    fn about(&self) -> About {
        About { kind: KIND, amr: "otp", level: Level::Two, proving: Proving::Computed, most: 5 }
    }

    fn words(&self, _: Lang) -> Option<Words> {
        None
    }

    fn begin(&self, _: &str, random: &Random) -> Result<Begun, Fault> {
        let secret = Secret::new(random.bytes::<SECRET_BYTES>()?.to_vec());
        Ok(Begun::Draft { secret, name: String::new() })
    }

    fn recipient(&self, _: &Secret<Vec<u8>>) -> Option<String> {
        None
    }

    fn check(&self, secret: &Secret<Vec<u8>>, typed: &str, now: Timestamp) -> Option<i64> {
        let code = typed_code(typed)?;
        let step = totp(secret).check(&code, u64::try_from(now.unix()).ok()?)?;
        i64::try_from(step).ok()
    }
}

fn totp(secret: &Secret<Vec<u8>>) -> Totp {
    let builder = Builder::new().with_secret(secret.expose().clone()).with_digits(6).with_step_duration(STEP_SECONDS);
    // The other builder only refuses what these constants are not.
    builder.with_skew(DRIFT_STEPS).build_noncompliant()
}

/// What a person brings into their app, under the name of the house and of the account.
pub fn key(secret: &Secret<Vec<u8>>, house: &str, account: &str) -> Key {
    let base32 = totp_rs::Secret::from(secret.expose().clone()).to_base32();
    let letters: Vec<char> = base32.chars().collect();
    let grouped = letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ");
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    // A colon parts the two names (the de facto key URI format), so neither may hold one.
    let (house, account) = (encoded(&house.replace(':', " ")), encoded(&account.replace(':', " ")));
    let uri =
        format!("otpauth://totp/{house}:{account}?secret={base32}&issuer={house}&algorithm=SHA1&digits=6&period={STEP_SECONDS}");
    Key { grouped: Secret::new(grouped), uri: Secret::new(uri) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238 appendix B, the last six digits of its SHA-1 column, and MF-07: one step either way and no more, six ASCII
    /// digits and nothing else.
    #[test]
    fn codes() {
        let secret = Secret::new(b"12345678901234567890".to_vec());
        let check = |typed: &str, at: i64| AuthenticatorApp.check(&secret, typed, Timestamp::from_unix(at));
        for (at, code) in [(59, "287082"), (1_111_111_109, "081804"), (1_111_111_111, "050471"), (2_000_000_000, "279037")] {
            assert_eq!(check(code, at), Some(at / 30), "{code}");
        }
        // The code of step 1, from one step before to one after.
        for (at, taken) in [(0, true), (29, true), (30, true), (89, true), (90, false), (120, false)] {
            assert_eq!(check("287082", at).is_some(), taken, "{at}");
        }
        assert_eq!(check("287 082", 59), Some(1));
        assert_eq!(check(" 287-082 ", 59), Some(1));
        for bad in ["", "28708", "2870822", "+287082", "\u{ff12}\u{ff18}\u{ff17}\u{ff10}\u{ff18}\u{ff12}", "28708a"] {
            assert_eq!(check(bad, 59), None, "{bad}");
        }
    }

    /// The address that apps read, with both names encoded, and the key as a person types it.
    #[test]
    fn keys() {
        let secret = Secret::new(b"12345678901234567890".to_vec());
        let key = key(&secret, "Acme: Sign in", "ana+x@example.com");
        assert_eq!(key.grouped.expose(), "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
        assert_eq!(
            key.uri.expose(),
            "otpauth://totp/Acme%20%20Sign%20in:ana%2Bx%40example%2Ecom?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=Acme%20%20Sign%20in&algorithm=SHA1&digits=6&period=30"
        );
    }
}
