//! Text messages: a phone number as a second factor, and the gateways that carry the message.
//!
//! A number is E.164 (ITU-T): `+`, the country and at most 15 digits. Which countries are reached is the operator's to say, for
//! messages to some cost more than others, and somebody earns that (toll fraud). Codes, guesses, limits and pauses are the house's.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::base::{Fault, Random, Secret, Timestamp};
use crate::identity::factor::{About, Begun, FieldWords, Level, Proving, SecondFactor, Words};
use crate::notify::{Channel, Delivery, Inbox, Undelivered};
use crate::oauth::Lang;
use crate::outbound::Outbound;

const KIND: &str = "sms";
const CHANNEL: &str = "sms";

/// The fewest and the most digits of a number (E.164 section 6.1 has the most).
const DIGITS: std::ops::RangeInclusive<usize> = 8..=15;

/// A phone number as a second factor.
pub struct TextMessage {
    /// What numbers begin with that may be added, such as `+43`; empty for all.
    pub prefixes: Vec<String>,
}

impl SecondFactor for TextMessage {
    fn about(&self) -> About {
        About { kind: KIND, amr: "sms", level: Level::Two, proving: Proving::Sent { channel: CHANNEL }, most: 1 }
    }

    fn words(&self, lang: Lang) -> Option<Words> {
        Some(match lang {
            Lang::En => Words {
                name: "Text message",
                what: "We send a code to your phone when you sign in.",
                field: Some(FieldWords {
                    label: "Phone number",
                    help: "With its country code, like +43 660 1234567.",
                    refused: "Type a mobile number with its country code, like +43 660 1234567. Some countries can’t be reached.",
                    input: "tel",
                    autocomplete: "tel",
                }),
                how: "Enter the six digits of the text message.",
            },
            Lang::De => Words {
                name: "SMS",
                what: "Wir senden Ihnen bei der Anmeldung einen Code auf Ihr Telefon.",
                field: Some(FieldWords {
                    label: "Telefonnummer",
                    help: "Mit Landesvorwahl, etwa +43 660 1234567.",
                    refused: "Geben Sie eine Mobilnummer mit Landesvorwahl ein, etwa +43 660 1234567. Manche Länder sind nicht erreichbar.",
                    input: "tel",
                    autocomplete: "tel",
                }),
                how: "Geben Sie die sechs Ziffern aus der SMS ein.",
            },
        })
    }

    fn begin(&self, typed: &str, _: &Random) -> Result<Begun, Fault> {
        Ok(match number(typed).filter(|number| self.reaches(number)) {
            Some(number) => Begun::Draft { name: masked(&number), secret: Secret::new(number.into_bytes()) },
            None => Begun::Refused,
        })
    }

    fn recipient(&self, secret: &Secret<Vec<u8>>) -> Option<String> {
        let number = String::from_utf8(secret.expose().clone()).ok()?;
        // A country that was open when it was added may not be any more.
        Some(number).filter(|number| self.reaches(number))
    }

    fn check(&self, _: &Secret<Vec<u8>>, _: &str, _: Timestamp) -> Option<i64> {
        None
    }
}

impl TextMessage {
    fn reaches(&self, number: &str) -> bool {
        self.prefixes.is_empty() || self.prefixes.iter().any(|prefix| number.starts_with(prefix.as_str()))
    }
}

/// A number as it is stored: what people write between digits is left out, everything else is refused.
///
/// Checked by hand, on purpose. E.164 is a plus sign and up to fifteen digits, and that is what a gateway wants. The ports of
/// libphonenumber (`phonenumber`, `rlibphonenumber`: both Apache-2.0) bring the numbering plans of the world with them, for national
/// spellings that nobody can type here and for whether a number is given out. Such plans change every few weeks: an old copy would
/// refuse numbers that work. That a number works and is theirs the person shows by its code; which countries it may be in
/// the operator says by prefix; what messages may cost is counted by person, number, prefix and day (`identity::guesses`).
fn number(typed: &str) -> Option<String> {
    let number: String = typed.trim().chars().filter(|c| !matches!(c, ' ' | '-' | '(' | ')' | '.' | '/')).collect();
    let digits = number.strip_prefix('+')?;
    let is_number =
        DIGITS.contains(&digits.len()) && !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some(number)
}

/// `+43 ••• 67`: enough to know one's own.
fn masked(number: &str) -> String {
    let (head, tail) = (number.get(..3).unwrap_or_default(), number.get(number.len().saturating_sub(2)..).unwrap_or_default());
    format!("{head} ••• {tail}")
}

/// A gateway behind an HTTP address.
pub struct Gateway {
    pub outbound: Outbound,
    pub url: String,
    pub shape: Shape,
    /// Who the message is from, as the gateway wants it.
    pub from: String,
    /// What the gateway lets us in by.
    pub secret: Secret<String>,
}

/// What a gateway wants to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// JSON `{"to", "from", "text"}`, and the secret as a bearer token.
    Generic,
    /// A form `To`, `From`, `Body`, and account and secret as HTTP Basic: what Twilio wants, and others that are made like it.
    Twilio { account: String },
}

impl Channel for Gateway {
    fn name(&self) -> &'static str {
        CHANNEL
    }

    fn send<'a>(&'a self, to: &'a str, text: &'a str) -> Delivery<'a> {
        Box::pin(async move {
            let request = self.request(to, text).map_err(|error| {
                tracing::error!(%error, "a text message cannot be written");
                Undelivered
            })?;
            // The outbound door tells the log what went wrong.
            match self.outbound.status(request).await {
                Ok(status) if (200..300).contains(&status) => Ok(()),
                Ok(status) => {
                    tracing::warn!(status, "the gateway for text messages refused one");
                    Err(Undelivered)
                }
                Err(_) => Err(Undelivered),
            }
        })
    }
}

impl Gateway {
    fn request(&self, to: &str, text: &str) -> Result<http::Request<Vec<u8>>, http::Error> {
        let secret = self.secret.expose();
        let builder = http::Request::post(&self.url);
        match &self.shape {
            Shape::Generic => {
                let body = serde_json::json!({ "to": to, "from": self.from, "text": text }).to_string();
                let builder = builder.header("content-type", "application/json");
                builder.header("authorization", format!("Bearer {secret}")).body(body.into_bytes())
            }
            Shape::Twilio { account } => {
                let pairs = [("To", to), ("From", self.from.as_str()), ("Body", text)];
                let encoded = |(name, value): (&str, &str)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC));
                let body = pairs.map(encoded).join("&");
                let basic = STANDARD.encode(format!("{account}:{secret}"));
                let builder = builder.header("content-type", "application/x-www-form-urlencoded");
                builder.header("authorization", format!("Basic {basic}")).body(body.into_bytes())
            }
        }
    }
}

/// A demo's gateway: the message lands in the inbox where its mail lands.
pub struct Caught {
    pub inbox: Inbox,
    pub clock: crate::base::Clock,
}

impl Channel for Caught {
    fn name(&self) -> &'static str {
        CHANNEL
    }

    fn send<'a>(&'a self, to: &'a str, text: &'a str) -> Delivery<'a> {
        Box::pin(async move {
            self.inbox.catch(to, text, self.clock.now());
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// E.164 and nothing else: control characters, other digits and two numbers are none.
    #[test]
    fn numbers() {
        for (typed, stored) in [
            ("+43 660 1234567", Some("+436601234567")),
            (" +1 (202) 555-0123 ", Some("+12025550123")),
            ("+49/170.1234567", Some("+491701234567")),
            ("06601234567", None),
            ("0043 660 1234567", None),
            ("+0436601234567", None),
            ("+43660", None),
            ("+4366012345678901", None),
            ("+43660123456\u{0}7", None),
            ("+43660123\r\n4567", None),
            ("+43660123456,+43660123457", None),
            ("+\u{ff14}\u{ff13}6601234567", None),
            ("+43660123456#", None),
            ("", None),
        ] {
            assert_eq!(number(typed).as_deref(), stored, "{typed:?}");
        }
        assert_eq!(masked("+436601234567"), "+43 ••• 67");
    }

    /// Toll fraud: only the countries that the operator opened, also for numbers from before.
    #[test]
    fn countries() {
        let some = TextMessage { prefixes: vec!["+43".to_owned(), "+49".to_owned()] };
        let random = Random::seeded(1);
        let begins = |typed: &str| matches!(some.begin(typed, &random).unwrap(), Begun::Draft { .. });
        assert!(begins("+43 660 1234567") && begins("+491701234567"));
        assert!(!begins("+8821234567890"));
        assert_eq!(some.recipient(&Secret::new(b"+8821234567890".to_vec())), None);
        assert!(some.recipient(&Secret::new(b"+436601234567".to_vec())).is_some());
    }
}
