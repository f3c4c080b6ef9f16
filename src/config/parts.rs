//! The settings as the rest of the house gets them.

use std::net::SocketAddr;
use std::path::PathBuf;

use ipnet::IpNet;

use crate::base::{Issuer, Secret};
use crate::identity::passkeys::Verification;
use crate::identity::policy::Class;
use crate::jose::Alg;
use crate::notify::{Sender, Way};
use crate::oauth::ResponseType;

/// Everything that the operator settled. `Debug` shows no secret.
#[derive(Clone, Debug)]
pub struct Config {
    pub issuer: Issuer,
    pub listen: SocketAddr,
    pub trusted_proxies: Vec<IpNet>,
    pub trusted_hosts: Vec<String>,
    pub master_key_file: PathBuf,
    /// The contents of that file.
    pub master_key: Secret<String>,
    pub response_types: Vec<ResponseType>,
    pub database: Database,
    pub redis_url: Option<Secret<String>>,
    pub tls: Option<TlsPaths>,
    pub metrics_listen: Option<SocketAddr>,
    pub outbound_allow: Vec<IpNet>,
    pub outbound_ca_file: Option<PathBuf>,
    pub unregistered_resources: UnregisteredResources,
    pub session: SessionSettings,
    pub token: TokenSettings,
    pub password: PasswordSettings,
    pub keys: KeySettings,
    pub accounts: AccountSettings,
    pub second_factor: SecondFactorSettings,
    pub sms: SmsSettings,
    pub passkeys: PasskeySettings,
    pub registration: RegistrationSettings,
    pub limits: LimitSettings,
    pub house: House,
    pub mail: MailSettings,
    pub log: LogSettings,
}

#[derive(Clone, Debug)]
pub struct Database {
    pub url: Secret<String>,
    pub migrate: Migrate,
    pub synchronous: Synchronous,
}

#[derive(Clone, Debug)]
pub struct TlsPaths {
    pub cert: PathBuf,
    pub key: PathBuf,
}

#[derive(Clone, Copy, Debug)]
pub struct SessionSettings {
    pub idle_seconds: i64,
    pub absolute_seconds: i64,
}

/// The lifetimes are those of new clients.
#[derive(Clone, Copy, Debug)]
pub struct TokenSettings {
    pub access_alg: Alg,
    pub access_seconds: i64,
    pub refresh_idle_seconds: i64,
    pub refresh_absolute_seconds: i64,
}

/// What new passwords must be.
#[derive(Clone, Debug)]
pub struct PasswordSettings {
    /// Characters after NFKC.
    pub min_chars: usize,
    pub max_chars: usize,
    pub classes: Vec<Class>,
    pub min_score: u8,
    pub breached: BreachedSource,
}

/// Where breached passwords are looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BreachedSource {
    Off,
    File(PathBuf),
    /// The https address of a service.
    Service(String),
}

#[derive(Clone, Debug)]
pub struct KeySettings {
    pub algorithms: Vec<Alg>,
    pub max_age_seconds: i64,
    pub publish_seconds: i64,
    pub retire_seconds: i64,
}

/// How much one network may do, or one client; 0 is no limit.
#[derive(Clone, Copy, Debug)]
pub struct LimitSettings {
    pub pages_per_minute: u32,
    pub guesses_per_minute: u32,
    pub failures_per_minute: u32,
    pub machines_per_minute: u32,
    pub client_per_minute: u32,
    pub mail_per_hour: u32,
    pub visits_per_hour: u32,
}

/// How the house presents itself on its pages.
#[derive(Clone, Debug)]
pub struct House {
    pub name: String,
    /// `#rrggbb`.
    pub accent: Option<String>,
    pub privacy: Option<String>,
    pub terms: Option<String>,
    pub help: Option<String>,
}

/// How mail is sent.
#[derive(Clone, Debug)]
pub struct MailSettings {
    pub way: Way,
    pub from: Sender,
    /// A folder of templates that go before the built-in ones.
    pub templates: Option<PathBuf>,
}

#[derive(Clone, Debug)]
pub struct LogSettings {
    pub format: LogFormat,
    pub level: String,
}

/// Declares an enum of the words that a setting may be.
macro_rules! choices {
    ($($(#[$about:meta])* $name:ident { $($variant:ident = $word:literal),+ })+) => {$(
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($variant),+ }

        impl $name {
            pub(super) const CHOICES: &[(&'static str, Self)] = &[$(($word, Self::$variant)),+];
        }
    )+};
}

/// Who comes in, and how people look after themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountSettings {
    pub sign_up: SignUpMode,
    /// In the form in which addresses are compared; empty for any.
    pub sign_up_domains: Vec<String>,
    /// Whether the sign-in page has a password field beside other providers.
    pub password: Switch,
    pub by_mail: Switch,
    pub verified_only: Switch,
    pub deletion_seconds: i64,
}

/// What people have beside their first proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecondFactorSettings {
    pub policy: SecondFactorPolicy,
    pub groups: Vec<String>,
    pub grace_seconds: i64,
    pub counts: Vec<String>,
    pub remember_seconds: i64,
}

/// Text messages.
#[derive(Clone, Debug)]
pub struct SmsSettings {
    /// Nothing: none are sent.
    pub gateway: Option<SmsGateway>,
    pub prefixes: Vec<String>,
    pub per_day: i64,
}

/// Who carries them.
#[derive(Clone, Debug)]
pub struct SmsGateway {
    pub url: String,
    pub shape: SmsShape,
    pub account: String,
    pub secret: Secret<String>,
    pub from: String,
}

/// Passkeys and security keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasskeySettings {
    pub verification: Verification,
    /// Origins beside the issuer's own.
    pub related_origins: Vec<String>,
}

/// Apps that register themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegistrationSettings {
    pub mode: RegistrationMode,
    pub public_pkce: PublicPkce,
    /// Nothing: an unused client stays.
    pub unused_seconds: Option<i64>,
    pub per_hour: u32,
}

choices! {
    /// Which apps may register themselves.
    RegistrationMode { Off = "off", Token = "token", Open = "open" }
    /// What public clients that register themselves must do (decision 18).
    PublicPkce { Required = "required", Optional = "optional" }
    /// What a gateway for text messages wants to be sent.
    SmsShape { Generic = "generic", Twilio = "twilio" }
    /// Of whom a second factor is wanted.
    SecondFactorPolicy { Off = "off", Offered = "offered", Required = "required" }
    /// Who may make an account.
    SignUpMode { Off = "off", Open = "open", Invitation = "invitation" }
    Switch { On = "on", Off = "off" }
    /// Who brings an older schema up to date (decision 7).
    Migrate { Auto = "auto", Manual = "manual" }
    /// What a commit to SQLite survives.
    Synchronous { Full = "full", Normal = "normal" }
    /// What happens to a resource that nobody registered (decision 21).
    UnregisteredResources { Refuse = "refuse", Allow = "allow" }
    /// The form of the log.
    LogFormat { Auto = "auto", Text = "text", Json = "json" }
}
