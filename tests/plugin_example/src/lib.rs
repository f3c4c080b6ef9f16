//! An example plugin: a pager as a second factor, and the radio that carries the message.
//!
//! A program of your own puts it beside the house's:
//!
//! ```ignore
//! fn main() -> std::process::ExitCode {
//!     vouchsafe::cli::run_with(pager::plugins(pager::Radio::default()))
//! }
//! ```
//!
//! and `second_factor.counts` names `pager`. What the plugin does not do, because the house does it for every kind: it counts guesses,
//! takes each code once and for five minutes, seals what is stored, limits messages by number, prefix and day, asks for a fresh
//! sign-in before anything changes, writes the history and the mails, and renders the form.

use std::sync::{Arc, Mutex};

use vouchsafe::app::Plugins;
use vouchsafe::base::{Fault, Random, Secret, Timestamp};
use vouchsafe::identity::factor::{About, Begun, FieldWords, Level, Proving, SecondFactor, Words};
use vouchsafe::notify::{Channel, Delivery, Undelivered};
use vouchsafe::oauth::Lang;

/// The kind: what it is, what a person fills in, and where a code goes.
pub struct Pager;

impl SecondFactor for Pager {
    fn about(&self) -> About {
        About { kind: "pager", amr: "otp", level: Level::Two, proving: Proving::Sent { channel: "radio" }, most: 2 }
    }

    fn words(&self, lang: Lang) -> Option<Words> {
        Some(match lang {
            Lang::En => Words {
                name: "Pager",
                what: "We page you a code when you sign in.",
                field: Some(FieldWords {
                    label: "Pager number",
                    help: "Six digits, on the back of the pager.",
                    refused: "Type the six digits on the back of the pager.",
                    input: "text",
                    autocomplete: "off",
                }),
                how: "Enter the digits on your pager.",
            },
            Lang::De => Words {
                name: "Pager",
                what: "Wir senden Ihnen bei der Anmeldung einen Code auf Ihren Pager.",
                field: Some(FieldWords {
                    label: "Pagernummer",
                    help: "Sechs Ziffern auf der Rückseite des Pagers.",
                    refused: "Geben Sie die sechs Ziffern auf der Rückseite des Pagers ein.",
                    input: "text",
                    autocomplete: "off",
                }),
                how: "Geben Sie die Ziffern auf Ihrem Pager ein.",
            },
        })
    }

    fn begin(&self, typed: &str, _: &Random) -> Result<Begun, Fault> {
        let number = typed.trim();
        let is_number = number.len() == 6 && number.bytes().all(|byte| byte.is_ascii_digit());
        Ok(match is_number {
            true => Begun::Draft {
                secret: Secret::new(number.as_bytes().to_vec()), name: format!("Pager ••••{}", &number[4..])
            },
            false => Begun::Refused,
        })
    }

    fn recipient(&self, secret: &Secret<Vec<u8>>) -> Option<String> {
        String::from_utf8(secret.expose().clone()).ok()
    }

    fn check(&self, _: &Secret<Vec<u8>>, _: &str, _: Timestamp) -> Option<i64> {
        // The house sends the code and compares it.
        None
    }
}

/// The channel. This one only remembers; a real one talks to a transmitter.
#[derive(Clone, Default)]
pub struct Radio(Arc<Mutex<Vec<(String, String)>>>);

impl Radio {
    /// What was sent, and to whom.
    pub fn sent(&self) -> Vec<(String, String)> {
        self.0.lock().map(|sent| sent.clone()).unwrap_or_default()
    }
}

impl Channel for Radio {
    fn name(&self) -> &'static str {
        "radio"
    }

    fn send<'a>(&'a self, to: &'a str, text: &'a str) -> Delivery<'a> {
        Box::pin(async move {
            let mut sent = self.0.lock().map_err(|_| Undelivered)?;
            sent.push((to.to_owned(), text.to_owned()));
            Ok(())
        })
    }
}

/// What `vouchsafe::cli::run_with` takes.
pub fn plugins(radio: Radio) -> Plugins {
    Plugins { kinds: vec![Box::new(Pager)], channels: vec![Box::new(radio)] }
}
