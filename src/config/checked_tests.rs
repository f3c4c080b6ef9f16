//! Tables of settings that are taken and refused.

use std::ffi::OsString;

use super::super::load_with;
use super::*;
use crate::base::{base64url, sha256};
use crate::notify::Way;

/// A folder with a good file and a good key; `extra` goes into the environment.
fn load(extra: &[(&str, &str)]) -> Result<Config, Problems> {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("master.key");
    std::fs::write(&key, format!("k1:{}\n", base64url(&sha256(b"key")))).unwrap();
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let file = folder.path().join("vouchsafe.toml");
    let text =
        "issuer = \"https://id.test\"\nmaster_key_file = \"master.key\"\n[database]\nurl = \"postgres://v:Tr0ub4dor@db/v\"\n";
    std::fs::write(&file, text).unwrap();
    let environment = extra.iter().map(|(name, value)| (format!("VOUCHSAFE__{name}"), OsString::from(value)));
    load_with(Some(&file), environment)
}

/// The defaults are those of the table of settings.
#[test]
fn defaults() {
    let config = load(&[]).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.response_types, [ResponseType::CODE]);
    assert_eq!(config.session.idle_seconds, 7 * DAY);
    assert_eq!(config.keys.max_age_seconds, 90 * DAY);
    assert_eq!(config.database.migrate, Migrate::Auto);
    assert_eq!(config.unregistered_resources, UnregisteredResources::Refuse);
    assert_eq!((config.password.min_chars, config.password.max_chars, config.password.min_score), (8, 128, 2));
    assert_eq!(config.password.breached, super::super::BreachedSource::Off);
    assert_eq!(config.house.name, "Vouchsafe");
    assert!(config.tls.is_none() && config.metrics_listen.is_none() && config.redis_url.is_none());
}

/// Battery SC-01 and SC-02: each bad value is refused with the name of its setting and without the value.
#[test]
fn each_problem_names_its_setting() {
    for (name, value, setting) in [
        ("ISSUER", "http://id.test", "issuer"),
        ("ISSUER", "https://id.test/", "issuer"),
        ("ISSUER", "https://id.test?s3cret", "issuer"),
        ("ISSUER", "", "issuer"),
        ("LISTEN", "s3cret", "listen"),
        ("LISTEN", "0.0.0.0:8080", "listen"),
        ("TRUSTED_PROXIES", "s3cret", "trusted_proxies"),
        ("MASTER_KEY_FILE", "/nowhere", "master_key_file"),
        ("MASTER_KEY_FILE", "", "master_key_file"),
        ("MASTER_KEY_FILE", "vouchsafe.toml", "master_key_file"),
        ("RESPONSE_TYPES", "id_token", "response_types"),
        ("RESPONSE_TYPES", "s3cret", "response_types"),
        ("DATABASE__URL", "mysql://s3cret", "database.url"),
        ("DATABASE__URL", "postgres://v:changeme@db/v", "database.url"),
        ("DATABASE__URL", "", "database.url"),
        ("DATABASE__URL_FILE", "/nowhere", "database.url_file"),
        ("DATABASE__MIGRATE", "s3cret", "database.migrate"),
        ("DATABASE__SYNCHRONOUS", "off", "database.synchronous"),
        ("REDIS__URL", "s3cret", "redis.url"),
        ("PASSWORD__MIN_LENGTH", "7", "password.min_length"),
        ("PASSWORD__MIN_LENGTH", "65", "password.min_length"),
        ("PASSWORD__MAX_LENGTH", "63", "password.max_length"),
        ("PASSWORD__MAX_LENGTH", "1025", "password.max_length"),
        ("PASSWORD__MIN_SCORE", "5", "password.min_score"),
        ("PASSWORD__CLASSES", "upper,s3cret", "password.classes"),
        ("PASSWORD__BREACHED", "/nowhere", "password.breached"),
        ("PASSWORD__BREACHED", "http://s3cret.test", "password.breached"),
        ("PASSWORD__BREACHED", "https://s3cret.test/?x", "password.breached"),
        ("TLS__CERT", "vouchsafe.toml", "tls.key"),
        ("TLS__KEY", "vouchsafe.toml", "tls.cert"),
        ("METRICS__LISTEN", "s3cret", "metrics.listen"),
        ("OUTBOUND__ALLOW", "10.0.0.0/33", "outbound.allow"),
        ("OUTBOUND__CA_FILE", "/nowhere", "outbound.ca_file"),
        ("RESOURCES__UNREGISTERED", "s3cret", "resources.unregistered"),
        ("SESSION__IDLE_SECONDS", "599", "session.idle_seconds"),
        ("SESSION__ABSOLUTE_SECONDS", "-1", "session.absolute_seconds"),
        ("TOKEN__ACCESS_ALG", "HS256", "token.access_alg"),
        ("TOKEN__ACCESS_SECONDS", "86401", "token.access_seconds"),
        ("KEYS__ALGORITHMS", "RS256,HS256", "keys.algorithms"),
        ("KEYS__MAX_AGE_DAYS", "0", "keys.max_age_days"),
        ("HOUSE__ACCENT", "s3cret", "house.accent"),
        ("HOUSE__LINKS__HELP", "javascript:s3cret", "house.links.help"),
        ("MAIL__URL", "https://s3cret", "mail.url"),
        ("MAIL__URL", "smtp://s3cret@mail.test", "mail.url"),
        ("MAIL__URL", "console:", "mail.url"),
        ("ACCOUNTS__DELETION_DAYS", "2", "accounts.deletion_days"),
        ("SECOND_FACTOR__POLICY", "s3cret", "second_factor.policy"),
        ("SECOND_FACTOR__GRACE_DAYS", "366", "second_factor.grace_days"),
        ("SECOND_FACTOR__COUNTS", "totp,S3CRET", "second_factor.counts"),
        ("SECOND_FACTOR__COUNTS", "recovery", "second_factor.counts"),
        ("SMS__PREFIXES", "+43,s3cret", "sms.prefixes"),
        ("SMS__SHAPE", "s3cret", "sms.shape"),
        ("SMS__PER_DAY", "0", "sms.per_day"),
        ("MAIL__URL", "file:///nowhere/s3cret", "mail.url"),
        ("MAIL__URL", "smtps://u:s3cret@mail.test", "mail.from"),
        ("MAIL__URL_FILE", "/nowhere", "mail.url_file"),
        ("MAIL__FROM", "s3cret", "mail.from"),
        ("MAIL__TEMPLATES", "/nowhere", "mail.templates"),
        ("LOG__FORMAT", "s3cret", "log.format"),
        ("LOG__LEVEL", "s3cret", "log.level"),
    ] {
        let problems = load(&[(name, value)]).unwrap_err();
        assert!(problems.0.iter().any(|problem| problem.setting == setting), "{name}={value}: {problems}");
        assert!(problems.0.iter().all(|problem| !problem.remedy.is_empty()), "{problems}");
        assert!(!problems.to_string().contains("s3cret"), "{problems}");
    }
}

/// All problems come at once.
#[test]
fn all_at_once() {
    let problems = load(&[("ISSUER", "http://id.test"), ("LISTEN", "x"), ("LOG__LEVEL", "x"), ("NO", "x")]).unwrap_err();
    let names: Vec<_> = problems.0.iter().map(|problem| problem.setting.as_str()).collect();
    assert_eq!(names, ["VOUCHSAFE__NO", "issuer", "listen", "log.level"]);
}

/// A plain listener that others reach needs a proxy in front; development mode has no such rule.
#[test]
fn plain_listeners() {
    let open = ("LISTEN", "0.0.0.0:80");
    assert!(load(&[open, ("TRUSTED_PROXIES", "10.0.0.0/8,192.0.2.1")]).is_ok());
    assert!(load(&[open, ("ISSUER", "http://localhost:80")]).is_err(), "port 80 is not the normal form");
    assert!(load(&[open, ("ISSUER", "http://localhost:8080")]).is_ok());
}

/// Battery SC-01: a key file that everybody may read is refused.
#[test]
fn open_key_file() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("k");
    std::fs::write(&key, format!("k1:{}\n", base64url(&sha256(b"key")))).unwrap();
    for (mode, is_good) in [(0o600, true), (0o400, true), (0o440, true), (0o644, false), (0o604, false), (0o666, false)] {
        std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
        assert_eq!(load(&[("MASTER_KEY_FILE", key.to_str().unwrap())]).is_ok(), is_good, "{mode:o}");
    }
}

/// Decision 33: nothing of a secret is printed, whoever prints the settings.
#[test]
fn secrets_print_as_stars() {
    let shown = format!("{:?}", load(&[("REDIS__URL", "redis://:hunter2@r:6379")]).unwrap());
    assert!(
        !shown.contains("Tr0ub4dor") && !shown.contains("hunter2") && !shown.contains(&base64url(&sha256(b"key"))),
        "{shown}"
    );
    assert!(shown.contains("***"));
}

/// Mail is off where nobody said how it goes, and printed in development; what was said is taken.
#[test]
fn mail() {
    let way = |extra: &[(&str, &str)]| load(extra).unwrap_or_else(|problems| panic!("{problems}")).mail.way;
    let (url, from) = (("MAIL__URL", "smtps://u:s3cret@mail.test"), ("MAIL__FROM", "no-reply@id.test"));
    assert!(matches!(way(&[]), Way::Off));
    assert!(matches!(way(&[("ISSUER", "http://localhost:8080")]), Way::Console));
    assert!(matches!(way(&[("ISSUER", "http://localhost:8080"), ("MAIL__URL", "console:"), from]), Way::Console));
    assert!(matches!(way(&[url, from]), Way::Smtp(_)));
    let sender = load(&[url, from, ("HOUSE__NAME", "Example")]).unwrap().mail.from;
    assert_eq!((sender.address.as_str(), sender.name.as_str()), ("no-reply@id.test", "Example"));
    assert_eq!(load(&[url, from, ("MAIL__FROM_NAME", "Example accounts")]).unwrap().mail.from.name, "Example accounts");
    assert!(!format!("{:?}", load(&[url, from]).unwrap()).contains("s3cret"));
}

/// What is counted by address has no limit on a developer's machine, unless one is written; elsewhere it has, and mail always.
#[test]
fn limits_by_address() {
    for (issuer, written, pages) in [
        ("http://localhost:8080", None, 0),
        ("http://localhost:8080", Some("7"), 7),
        ("https://id.test", None, 600),
        ("https://id.test", Some("0"), 0),
    ] {
        let mut extra = vec![("ISSUER", issuer)];
        extra.extend(written.map(|number| ("LIMITS__PAGES_PER_MINUTE", number)));
        let limits = load(&extra).unwrap().limits;
        assert_eq!((limits.pages_per_minute, limits.mail_per_hour), (pages, 100), "{issuer} {written:?}");
    }
}
