//! The settings: a TOML file with the environment over it, checked as a whole before anything starts.
//!
//! Every problem is named at once, with its setting and its remedy, and never with its value. Nobody below reads a setting:
//! `app` hands each part the values that it needs (architecture, section 1).

mod checked;
mod checked_accounts;
mod checked_factors;
mod checked_limits;
mod checked_mail;
mod checked_passkeys;
mod checked_registration;
mod checked_sms;
mod master_key;
mod network;
mod parts;
mod raw;
mod settings;

use std::fmt;
use std::path::Path;

pub use parts::{
    AccountSettings, BreachedSource, Config, Database, House, KeySettings, LimitSettings, LogFormat, LogSettings, MailSettings,
    Migrate, PasskeySettings, PasswordSettings, PublicPkce, RegistrationMode, RegistrationSettings, SecondFactorPolicy,
    SecondFactorSettings, SessionSettings, SignUpMode, SmsGateway, SmsSettings, SmsShape, Switch, Synchronous, TlsPaths,
    TokenSettings, UnregisteredResources,
};
pub use settings::{Kind, Setting, find, settings, template};

/// What every environment variable of ours begins with; nothing else is read (decision 6).
pub const ENVIRONMENT_PREFIX: &str = "VOUCHSAFE__";

/// What is wrong with one setting and what to do about it. It never holds a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub setting: String,
    pub why: String,
    pub remedy: String,
}

impl Problem {
    fn new(setting: impl Into<String>, why: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { setting: setting.into(), why: why.into(), remedy: remedy.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.setting, self.why, self.remedy)
    }
}

/// Everything that is wrong, in the order of the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.len();
        write!(f, "{count} {} in the configuration", if count == 1 { "problem" } else { "problems" })?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for Problems {}

/// Reads and checks the settings of a file, with the environment of this process over them.
///
/// # Errors
/// Every problem at once.
pub fn load(file: Option<&Path>) -> Result<Config, Problems> {
    load_with(file, std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))))
}

/// The same with another environment, for tests and the demo.
///
/// # Errors
/// Every problem at once.
pub fn load_with(
    file: Option<&Path>,
    environment: impl Iterator<Item = (String, std::ffi::OsString)>,
) -> Result<Config, Problems> {
    let mut problems = Vec::new();
    let raw = raw::read(file, environment, &mut problems);
    if raw.is_unread() {
        // What is missing because the file could not be read is no problem of its own.
        return Err(Problems(problems));
    }
    checked::check(&raw, problems)
}

/// Reads a TOML or JSON document that is no settings file, such as the seed of a demo.
///
/// # Errors
/// Why it cannot be read, with the file's name.
pub fn read_document(file: &Path) -> Result<serde_json::Value, String> {
    let shown = file.display();
    let text = std::fs::read_to_string(file).map_err(|error| format!("{shown}: {error}"))?;
    let is_json = file.extension().is_some_and(|extension| extension == "json");
    if is_json {
        return serde_json::from_str(&text).map_err(|error| format!("{shown}: {error}"));
    }
    toml::from_str(&text).map_err(|error| format!("{shown}: {}", error.message()))
}
