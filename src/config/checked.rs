//! From what was written to what the rest of the house gets: every value has its type, or the whole is refused.

mod password;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use ipnet::IpNet;

use super::parts::{
    Config, Database, House, KeySettings, LogFormat, LogSettings, Migrate, SessionSettings, Synchronous, TlsPaths, TokenSettings,
    UnregisteredResources,
};
use super::raw::Raw;
use super::{Problem, Problems, master_key, network, settings};
use crate::base::{Issuer, Secret};
use crate::jose::Alg;
use crate::oauth::ResponseType;

const LEVELS: &[(&str, &str)] = &[("error", "error"), ("warn", "warn"), ("info", "info"), ("debug", "debug"), ("trace", "trace")];

const DAY: i64 = 86_400;

/// Passwords that stand in examples; whoever serves with one has not chosen a password.
const DEFAULT_PASSWORDS: [&str; 6] = ["changeme", "change-me", "password", "secret", "postgres", "vouchsafe"];

/// Understands what was written, or gives every problem.
pub fn check(raw: &Raw, problems: Vec<Problem>) -> Result<Config, Problems> {
    let mut reader = Reader { raw, problems };
    match reader.config() {
        Some(config) if reader.problems.is_empty() => Ok(config),
        _ => Err(Problems(reader.problems)),
    }
}

pub(super) struct Reader<'a> {
    pub(super) raw: &'a Raw,
    pub(super) problems: Vec<Problem>,
}

impl Reader<'_> {
    /// Reads all before it gives up, so that every problem is found.
    fn config(&mut self) -> Option<Config> {
        let issuer = self.issuer();
        let listen = self.required::<SocketAddr>("listen", "must be an address and a port", "write it like 127.0.0.1:8080");
        let trusted_proxies = self.networks("trusted_proxies");
        let trusted_hosts = self.hosts("trusted_hosts");
        let master_key_file = self.raw.path("master_key_file");
        let master_key = master_key::read(master_key_file.as_deref(), &mut self.problems);
        let response_types = self.response_types();
        let database = self.database(issuer.as_ref());
        let redis_url = self.redis();
        let tls = self.tls();
        let metrics_listen = self.metrics();
        let outbound_allow = self.networks("outbound.allow");
        let outbound_ca_file = self.existing("outbound.ca_file");
        let unregistered_resources = self.choice("resources.unregistered", UnregisteredResources::CHOICES);
        let session = self.session();
        let keys = self.keys();
        let token = self.token(keys.as_ref());
        let password = self.password();
        let accounts = self.accounts();
        let second_factor = self.second_factor();
        let sms = self.sms();
        let passkeys = self.passkeys(issuer.as_ref());
        let registration = self.registration();
        let limits = self.limits(issuer.as_ref());
        let house = self.house();
        let mail = self.mail(issuer.as_ref(), house.as_ref());
        let log = self.log();
        if let (Some(issuer), Some(listen)) = (&issuer, listen) {
            let transport = if tls.is_some() { network::Transport::Tls } else { network::Transport::Plain };
            network::check(issuer, listen, transport, &trusted_proxies, &mut self.problems);
        }
        Some(Config {
            issuer: issuer?,
            listen: listen?,
            trusted_proxies,
            trusted_hosts,
            master_key_file: master_key_file?,
            master_key: master_key?,
            response_types,
            database: database?,
            redis_url,
            tls,
            metrics_listen,
            outbound_allow,
            outbound_ca_file,
            unregistered_resources: unregistered_resources?,
            session: session?,
            token: token?,
            password: password?,
            keys: keys?,
            accounts: accounts?,
            second_factor: second_factor?,
            sms: sms?,
            passkeys: passkeys?,
            registration: registration?,
            limits: limits?,
            house: house?,
            mail: mail?,
            log: log?,
        })
    }

    pub(super) fn refuse(&mut self, setting: &str, why: impl Into<String>, remedy: impl Into<String>) {
        self.problems.push(Problem::new(setting, why, remedy));
    }

    /// What was written, or the default of the table of settings.
    fn text(&self, name: &str) -> Option<String> {
        let default = || settings::find(name).map(|setting| setting.default.trim_matches('"')).filter(|text| !text.is_empty());
        self.raw.text(name).or_else(default).map(ToOwned::to_owned)
    }

    pub(super) fn list(&self, name: &str) -> Vec<String> {
        let default = || {
            let text = settings::find(name).map_or("", |setting| setting.default);
            let items = text.trim_matches(['[', ']']).split(',').map(|item| item.trim().trim_matches('"').to_owned());
            items.filter(|item| !item.is_empty()).collect()
        };
        self.raw.list(name).map_or_else(default, <[String]>::to_vec)
    }

    fn required<T: FromStr>(&mut self, name: &str, why: &str, remedy: &str) -> Option<T> {
        let parsed = self.text(name).and_then(|text| text.parse().ok());
        if parsed.is_none() {
            self.refuse(name, why, remedy);
        }
        parsed
    }

    pub(super) fn choice<T: Copy>(&mut self, name: &str, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text(name).unwrap_or_default();
        let found = choices.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let words: Vec<_> = choices.iter().map(|(word, _)| format!("\"{word}\"")).collect();
            self.refuse(name, "is none of the values that it may have", format!("write one of {}", words.join(", ")));
        }
        found
    }

    pub(super) fn number(&mut self, name: &str, least: i64, most: i64) -> Option<i64> {
        let default = || settings::find(name).and_then(|setting| setting.default.parse().ok());
        let number = self.raw.number(name).or_else(default).filter(|number| (least..=most).contains(number));
        if number.is_none() {
            self.refuse(name, "is out of range", format!("write a number from {least} to {most}"));
        }
        number
    }

    fn issuer(&mut self) -> Option<Issuer> {
        let Some(text) = self.text("issuer") else {
            self.refuse("issuer", "is not set", "write the URL that relying parties use, like https://id.example.com");
            return None;
        };
        match Issuer::parse(&text) {
            Ok(issuer) => Some(issuer),
            Err(why) => {
                self.refuse("issuer", why, "mend the URL");
                None
            }
        }
    }

    fn networks(&mut self, name: &str) -> Vec<IpNet> {
        let parse = |text: &String| text.parse::<IpNet>().or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from)).ok();
        let parsed: Option<Vec<_>> = self.list(name).iter().map(parse).collect();
        if parsed.is_none() {
            self.refuse(name, "has an entry that is no address range", "write entries like 10.0.0.0/8 or 2001:db8::/32");
        }
        parsed.unwrap_or_default()
    }

    fn hosts(&mut self, name: &str) -> Vec<String> {
        let hosts = self.list(name);
        let is_host = |text: &String| url::Url::parse(&format!("https://{text}")).is_ok_and(|url| url.authority() == text);
        if !hosts.iter().all(|text| !text.contains('@') && is_host(text)) {
            self.refuse(
                name,
                "has an entry that is no host",
                "write entries like id.internal or id.internal:8443, in lower case",
            );
        }
        hosts
    }

    fn response_types(&mut self) -> Vec<ResponseType> {
        let parsed: Option<Vec<_>> = self.list("response_types").iter().map(|text| ResponseType::parse(text).ok()).collect();
        match parsed {
            Some(types) if types.contains(&ResponseType::CODE) => types,
            Some(_) => {
                self.refuse("response_types", "has no \"code\"", "add \"code\": nothing works without it");
                Vec::new()
            }
            None => {
                self.refuse(
                    "response_types",
                    "has an entry that is no response type",
                    "write entries like \"code\" or \"code id_token\"",
                );
                Vec::new()
            }
        }
    }

    /// A secret that stands in the settings or in a file of its own.
    pub(super) fn secret(&mut self, name: &str) -> Option<Secret<String>> {
        let file_name = format!("{name}_file");
        match (self.raw.text(name), self.raw.path(&file_name)) {
            (Some(_), Some(_)) => {
                self.refuse(&file_name, format!("is set beside `{name}`"), "remove one of them");
                None
            }
            (Some(text), None) => Some(Secret::new(text.to_owned())),
            (None, Some(path)) => match std::fs::read_to_string(&path) {
                Ok(text) => Some(Secret::new(text.trim().to_owned())),
                Err(error) => {
                    self.refuse(&file_name, format!("cannot be read ({error})"), "mend the path or the permissions");
                    None
                }
            },
            (None, None) => None,
        }
    }

    fn database(&mut self, issuer: Option<&Issuer>) -> Option<Database> {
        let before = self.problems.len();
        let url = self.secret("database.url");
        let remedy = "write sqlite:///path/vouchsafe.db or postgres://user:password@host/name";
        match &url {
            None if self.problems.len() == before => self.refuse("database.url", "is not set", remedy),
            Some(url) if !is_database(url.expose()) => self.refuse("database.url", "names no database that is known", remedy),
            Some(url) if issuer.is_some_and(Issuer::is_https) && has_default_password(url.expose()) => {
                self.refuse("database.url", "has a password that is a default", "give the database a random password");
            }
            _ => {}
        }
        let migrate = self.choice("database.migrate", Migrate::CHOICES);
        let synchronous = self.choice("database.synchronous", Synchronous::CHOICES);
        Some(Database { url: url?, migrate: migrate?, synchronous: synchronous? })
    }

    fn redis(&mut self) -> Option<Secret<String>> {
        let url = self.secret("redis.url")?;
        let parsed = url::Url::parse(url.expose());
        if !parsed
            .is_ok_and(|url| ["redis", "rediss"].contains(&url.scheme()) && url.host_str().is_some_and(|host| !host.is_empty()))
        {
            self.refuse("redis.url", "is no Redis URL", "write it like redis://host:6379");
        }
        Some(url)
    }

    fn existing(&mut self, name: &str) -> Option<PathBuf> {
        let path = self.raw.path(name)?;
        if let Err(error) = std::fs::File::open(&path) {
            self.refuse(name, format!("cannot be read at {} ({error})", path.display()), "mend the path or the permissions");
        }
        Some(path)
    }

    fn tls(&mut self) -> Option<TlsPaths> {
        match (self.existing("tls.cert"), self.existing("tls.key")) {
            (Some(cert), Some(key)) => Some(TlsPaths { cert, key }),
            (None, None) => None,
            (Some(_), None) => {
                self.refuse("tls.key", "is not set beside `tls.cert`", "name the file with the key, or remove `tls.cert`");
                None
            }
            (None, Some(_)) => {
                self.refuse("tls.cert", "is not set beside `tls.key`", "name the file with the chain, or remove `tls.key`");
                None
            }
        }
    }

    fn metrics(&mut self) -> Option<SocketAddr> {
        self.raw.text("metrics.listen")?;
        self.required("metrics.listen", "must be an address and a port", "write it like 127.0.0.1:9464")
    }

    fn session(&mut self) -> Option<SessionSettings> {
        // Use is written every five minutes: a shorter limit would end sessions that are in use.
        let idle_seconds = self.number("session.idle_seconds", 600, 3650 * DAY);
        let absolute_seconds = self.number("session.absolute_seconds", 60, 3650 * DAY);
        Some(SessionSettings { idle_seconds: idle_seconds?, absolute_seconds: absolute_seconds? })
    }

    fn keys(&mut self) -> Option<KeySettings> {
        let known = |text: &String| Alg::parse(text).filter(|alg| Alg::ASYMMETRIC.contains(alg));
        let algorithms: Option<Vec<_>> = self.list("keys.algorithms").iter().map(known).collect();
        let algorithms = algorithms.filter(|algorithms| !algorithms.is_empty());
        if algorithms.is_none() {
            self.refuse("keys.algorithms", "is not a list of signing algorithms", "write some of RS256, ES256, EdDSA, PS256");
        }
        let max_age_days = self.number("keys.max_age_days", 1, 3650);
        let publish_seconds = self.number("keys.publish_seconds", 0, 30 * DAY);
        let retire_seconds = self.number("keys.retire_seconds", 3600, 365 * DAY);
        Some(KeySettings {
            algorithms: algorithms?,
            max_age_seconds: max_age_days? * DAY,
            publish_seconds: publish_seconds?,
            retire_seconds: retire_seconds?,
        })
    }

    fn token(&mut self, keys: Option<&KeySettings>) -> Option<TokenSettings> {
        let access_alg = Alg::parse(&self.text("token.access_alg").unwrap_or_default());
        if !access_alg.is_some_and(|alg| keys.is_none_or(|keys| keys.algorithms.contains(&alg))) {
            self.refuse("token.access_alg", "is not among `keys.algorithms`", "write one that is, or add it there");
        }
        let access_seconds = self.number("token.access_seconds", 60, DAY);
        if let (Some(life), Some(keys)) = (access_seconds, keys)
            && keys.retire_seconds < life
        {
            self.refuse(
                "keys.retire_seconds",
                "is shorter than the life of an access token",
                "write at least `token.access_seconds`",
            );
        }
        let refresh_idle_seconds = self.number("token.refresh_idle_seconds", 60, 3650 * DAY);
        let refresh_absolute_seconds = self.number("token.refresh_absolute_seconds", 60, 3650 * DAY);
        Some(TokenSettings {
            access_alg: access_alg?,
            access_seconds: access_seconds?,
            refresh_idle_seconds: refresh_idle_seconds?,
            refresh_absolute_seconds: refresh_absolute_seconds?,
        })
    }

    fn house(&mut self) -> Option<House> {
        let name = self
            .text("house.name")
            .filter(|name| (1..=60).contains(&name.chars().count()) && !name.chars().any(char::is_control));
        if name.is_none() {
            self.refuse("house.name", "is empty or too long", "write 1 to 60 characters");
        }
        let accent = self.raw.text("house.accent").map(ToOwned::to_owned);
        if accent.as_ref().is_some_and(|text| !is_colour(text)) {
            self.refuse("house.accent", "is no colour", "write it like \"#0b5cad\"");
        }
        let [privacy, terms, help] = ["house.links.privacy", "house.links.terms", "house.links.help"].map(|name| {
            let link = self.raw.text(name).map(ToOwned::to_owned);
            let is_web = |link: &String| url::Url::parse(link).is_ok_and(|url| matches!(url.scheme(), "https" | "http"));
            if link.as_ref().is_some_and(|link| !is_web(link)) {
                self.refuse(name, "is no web address", "write it like https://www.example.com/privacy");
            }
            link
        });
        Some(House { name: name?, accent, privacy, terms, help })
    }

    fn log(&mut self) -> Option<LogSettings> {
        let format = self.choice("log.format", LogFormat::CHOICES);
        let level = self.choice("log.level", LEVELS);
        Some(LogSettings { format: format?, level: level?.to_owned() })
    }
}

fn is_database(url: &str) -> bool {
    ["sqlite://", "postgres://", "postgresql://"]
        .iter()
        .any(|scheme| url.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()))
}

fn has_default_password(url: &str) -> bool {
    let parsed = url::Url::parse(url).ok();
    parsed.is_some_and(|url| {
        url.password().is_some_and(|password| DEFAULT_PASSWORDS.contains(&password.to_ascii_lowercase().as_str()))
    })
}

fn is_colour(text: &str) -> bool {
    text.strip_prefix('#').is_some_and(|hex| hex.len() == 6 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
#[path = "checked_tests.rs"]
mod tests;
