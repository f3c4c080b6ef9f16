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
mod plugin_settings;
mod raw;
mod settings;

use std::ffi::OsString;
use std::fmt;
use std::path::Path;

pub use parts::{
    AccountSettings, BreachedSource, Config, Database, House, KeySettings, LimitSettings, LogFormat, LogSettings, MailSettings,
    Migrate, PasskeySettings, PasswordSettings, PublicPkce, RegistrationMode, RegistrationSettings, SecondFactorPolicy,
    SecondFactorSettings, SessionSettings, SignUpMode, SmsGateway, SmsSettings, SmsShape, Switch, Synchronous, TlsPaths,
    TokenSettings, UnregisteredResources,
};
pub use plugin_settings::PluginSettings;
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

/// The environment of this process.
pub fn environment() -> impl Iterator<Item = (String, OsString)> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
}

/// Reads and checks the settings of a file, with the environment of this process over them. Those of plugins are left alone: whoever
/// needs no plugin does not make one.
///
/// # Errors
/// Every problem at once.
pub fn load(file: Option<&Path>) -> Result<Config, Problems> {
    load_with(file, environment())
}

/// The same with another environment, for tests and the demo.
///
/// # Errors
/// Every problem at once.
pub fn load_with(file: Option<&Path>, environment: impl Iterator<Item = (String, OsString)>) -> Result<Config, Problems> {
    let (raw, problems) = read(file, environment)?;
    checked::check(&raw, problems)
}

/// The same with plugins, which `make` makes of the settings that it takes for them. It gives nothing if one is missing or wrong.
///
/// # Errors
/// Every problem at once, with those of plugins and with their keys that nobody took.
pub fn load_for<P>(
    file: Option<&Path>,
    environment: impl Iterator<Item = (String, OsString)>,
    make: impl FnOnce(&mut PluginSettings) -> Option<P>,
) -> Result<(Config, P), Problems> {
    let (mut raw, problems) = read(file, environment)?;
    let mut settings = raw.take_plugins();
    let made = make(&mut settings);
    let checked = checked::check(&raw, problems);
    let mut of_plugins = settings.into_problems();
    match (checked, made) {
        (Ok(config), Some(made)) if of_plugins.is_empty() => Ok((config, made)),
        (Err(Problems(mut problems)), _) => {
            problems.append(&mut of_plugins);
            Err(Problems(problems))
        }
        (Ok(_), None) if of_plugins.is_empty() => {
            let why = "were not made, and this program does not say why";
            Err(Problems(vec![Problem::new(plugin_settings::TABLE, why, "ask whoever wrote them")]))
        }
        (Ok(_), _) => Err(Problems(of_plugins)),
    }
}

fn read(
    file: Option<&Path>,
    environment: impl Iterator<Item = (String, OsString)>,
) -> Result<(raw::Raw, Vec<Problem>), Problems> {
    let mut problems = Vec::new();
    let raw = raw::read(file, environment, &mut problems);
    // What is missing because the file could not be read is no problem of its own.
    if raw.is_unread() { Err(Problems(problems)) } else { Ok((raw, problems)) }
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
