//! An example plugin: a pager as a second factor, and the radio that carries the message.
//!
//! A program of your own puts it beside the house's:
//!
//! ```ignore
//! fn main() -> std::process::ExitCode {
//!     vouchsafe::cli::run_with(|settings| pager::plugins(settings, &pager::Air::default()))
//! }
//! ```
//!
//! and `second_factor.counts` names `pager`. Its settings stand in the settings file of the house:
//!
//! ```toml
//! [plugins.pager]
//! network = "123"
//! call_sign = "ACME"
//! radio_key_file = "radio.key"
//! ```
//!
//! What the plugin does not do, because the house does it for every kind: it counts guesses,
//! takes each code once and for five minutes, seals and stores what `begin` returns, counts what became of factors and messages, limits messages by number, prefix and day, asks for a fresh
//! sign-in before anything changes, writes the history and the mails, and renders the form.

use std::sync::{Arc, Mutex};

use vouchsafe::app::Plugins;
use vouchsafe::base::{Fault, Random, Secret, Timestamp};
use vouchsafe::config::PluginSettings;
use vouchsafe::identity::factor::{About, Begun, FieldWords, Level, Proving, SecondFactor, Words};
use vouchsafe::notify::{Channel, Delivery, Undelivered};
use vouchsafe::oauth::Lang;

/// The kind: what it is, what a person fills in, and where a code goes.
pub struct Pager {
    /// What every number begins with.
    pub network: String,
}

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
        let is_number = number.len() == 6 && is_digits(number) && number.starts_with(&self.network);
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

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// What was sent, by which key and to whom.
#[derive(Clone, PartialEq, Eq)]
pub struct Page {
    pub key: Secret<String>,
    pub to: String,
    pub text: String,
}

/// In the place of a transmitter: it only remembers.
#[derive(Clone, Default)]
pub struct Air(Arc<Mutex<Vec<Page>>>);

impl Air {
    pub fn pages(&self) -> Vec<Page> {
        self.0.lock().map(|pages| pages.clone()).unwrap_or_default()
    }
}

/// The channel.
pub struct Radio {
    pub air: Air,
    pub key: Secret<String>,
    /// Who sends, at the beginning of each message.
    pub call_sign: String,
}

impl Channel for Radio {
    fn name(&self) -> &'static str {
        "radio"
    }

    fn send<'a>(&'a self, to: &'a str, text: &'a str) -> Delivery<'a> {
        Box::pin(async move {
            // Out of the reach of this transmitter.
            if to.ends_with("000") {
                return Err(Undelivered);
            }
            let mut pages = self.air.0.lock().map_err(|_| Undelivered)?;
            pages.push(Page { key: self.key.clone(), to: to.to_owned(), text: format!("{}: {text}", self.call_sign) });
            Ok(())
        })
    }
}

/// What `vouchsafe::cli::run_with` takes. Everything is read before anything is given up, so that every problem is named at once.
pub fn plugins(settings: &mut PluginSettings, air: &Air) -> Option<Plugins> {
    let network = settings.text("pager.network");
    if network.as_ref().is_some_and(|network| !(1..=3).contains(&network.len()) || !is_digits(network)) {
        settings.refuse("pager.network", "is no network", "write one to three digits");
    }
    let call_sign = settings.text_or("pager.call_sign", "HOUSE");
    let key = settings.secret("pager.radio_key");
    Some(Plugins {
        kinds: vec![Box::new(Pager { network: network? })],
        channels: vec![Box::new(Radio { air: air.clone(), key: key?, call_sign })],
    })
}
