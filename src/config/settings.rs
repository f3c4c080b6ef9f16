//! The one table of settings: names, kinds, defaults and meanings. It feeds the reader, the file that `init` writes and the
//! README's table, so that the three cannot drift apart.

/// What a setting holds, which is also how its environment variable is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    /// A text that is never shown.
    Secret,
    /// A path, relative to the folder of the settings file.
    File,
    Number,
    /// A list of texts; separated by commas in the environment.
    List,
}

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its name, with dots between tables.
    pub name: &'static str,
    pub kind: Kind,
    /// Its default as it stands in TOML; empty if there is none.
    pub default: &'static str,
    pub meaning: &'static str,
}

const fn setting(name: &'static str, kind: Kind, default: &'static str, meaning: &'static str) -> Setting {
    Setting { name, kind, default, meaning }
}

/// Every setting, in the order of the file.
pub const fn settings() -> &'static [Setting] {
    ALL
}

/// The setting of this name.
pub fn find(name: &str) -> Option<&'static Setting> {
    ALL.iter().find(|setting| setting.name == name)
}

use Kind::{File, List, Number, Secret, Text};

const ALL: &[Setting] = &[
    setting("issuer", Text, "", "The URL that relying parties know us by; https, or http on a loopback name for development"),
    setting("listen", Text, "\"127.0.0.1:8080\"", "Address and port of the listener"),
    setting(
        "trusted_proxies",
        List,
        "[]",
        "Addresses (CIDR) of the proxies in front; only from them `X-Forwarded-For` and `X-Forwarded-Proto` are believed",
    ),
    setting("trusted_hosts", List, "[]", "Hosts (`name` or `name:port`) beside the issuer's own that requests may name"),
    setting(
        "master_key_file",
        File,
        "",
        "The file with the key that encrypts signing keys and secrets; readable by its owner only",
    ),
    setting("response_types", List, "[\"code\"]", "The response types that clients may use; implicit and hybrid ones are off"),
    setting("database.url", Secret, "", "`sqlite:///path/file.db` or `postgres://user:password@host/name`"),
    setting("database.url_file", File, "", "A file that holds `database.url`"),
    setting(
        "database.migrate",
        Text,
        "\"auto\"",
        "`auto`: `serve` brings an older schema up to date; `manual`: it refuses and waits for `vouchsafe migrate`",
    ),
    setting(
        "database.synchronous",
        Text,
        "\"full\"",
        "SQLite alone. `full`: an answer survives a power cut; `normal`: it survives a crash of the process",
    ),
    setting(
        "redis.url",
        Secret,
        "",
        "`redis://[user:password@]host:6379/0` or `rediss://…`; all nodes then share their rate limits",
    ),
    setting("redis.url_file", File, "", "A file that holds `redis.url`"),
    setting("tls.cert", File, "", "The certificate chain (PEM), read again when it changes"),
    setting("tls.key", File, "", "The key of the certificate (PEM)"),
    setting("metrics.listen", Text, "", "Address and port of the listener for `/metrics`; none if it is not set"),
    setting("outbound.allow", List, "[]", "Private addresses (CIDR) that requests of ours may go to"),
    setting("outbound.ca_file", File, "", "Further certificate authorities (PEM) for requests of ours"),
    setting("resources.unregistered", Text, "\"refuse\"", "`refuse` or `allow` resources (RFC 8707) that nobody registered"),
    setting("session.idle_seconds", Number, "604800", "Seconds after which an unused session ends; at least 600"),
    setting("session.absolute_seconds", Number, "604800", "Seconds after which every session ends"),
    setting("token.access_alg", Text, "\"ES256\"", "What JWT access tokens are signed with; one of `keys.algorithms`"),
    setting("token.access_seconds", Number, "1800", "Life of an access token of a new client, in seconds"),
    setting("token.refresh_idle_seconds", Number, "604800", "Seconds after which an unused refresh token of a new client ends"),
    setting("token.refresh_absolute_seconds", Number, "7776000", "Seconds after which every refresh token of a new client ends"),
    setting("password.min_length", Number, "8", "The least length of a new password, in characters; at least 8"),
    setting("password.max_length", Number, "128", "The greatest length of a new password, in characters; 64 to 1024"),
    setting("password.classes", List, "[]", "What a new password must hold: some of `upper`, `lower`, `digit`, `special`"),
    setting("password.min_score", Number, "2", "The least strength of a new password as zxcvbn estimates it, 1 to 4; 0: any"),
    setting(
        "password.breached",
        Text,
        "\"off\"",
        "`off`; or where breached passwords are looked up: a sorted file of SHA-1 in hex, or an https address that has `/range/` below it",
    ),
    setting(
        "sign_up.mode",
        Text,
        "\"off\"",
        "Who may make an account: `off` nobody, `open` everybody with an e-mail address, `invitation` whom an operator invites",
    ),
    setting(
        "sign_up.domains",
        List,
        "[]",
        "The domains of the addresses with which people may sign up, here or by another provider; empty for any",
    ),
    setting(
        "sign_in.password",
        Text,
        "\"on\"",
        "`off`: the sign-in page has no password field, where there are upstreams to sign in by; people keep their passwords",
    ),
    setting(
        "sign_in.by_mail",
        Text,
        "\"on\"",
        "`on`: people may have a link and a code sent to sign in with, where mail can be sent; `off`: they may not",
    ),
    setting(
        "sign_in.verified_only",
        Text,
        "\"off\"",
        "`on`: also people whom an operator added have to prove their address first; who signs up always has to",
    ),
    setting(
        "second_factor.policy",
        Text,
        "\"offered\"",
        "`off`: nobody is asked for a second factor; `offered`: whoever has one is; `required`: everybody has to have one",
    ),
    setting(
        "second_factor.groups",
        List,
        "[]",
        "Groups whose people have to have a second factor, whatever the policy says of all",
    ),
    setting("second_factor.grace_days", Number, "0", "Days for which people may go without one that they have to have"),
    setting(
        "second_factor.counts",
        List,
        "[\"totp\", \"passkey\", \"security_key\", \"sms\", \"recovery\"]",
        "What counts as a second factor; `email` (a code to the address of the account) is weaker than all of these, and is asked of who has none of them",
    ),
    setting("second_factor.remember_days", Number, "30", "Days for which a person may have a browser remembered; 0: not at all"),
    setting("sms.url", Text, "", "The https address of a gateway for text messages; without it none are sent"),
    setting(
        "sms.shape",
        Text,
        "\"generic\"",
        "What it wants: `generic` JSON (`to`, `from`, `text`) with a bearer token, or `twilio`",
    ),
    setting("sms.account", Text, "", "The account there, for the shape `twilio`"),
    setting("sms.secret", Secret, "", "The token or password of the gateway"),
    setting("sms.secret_file", File, "", "A file that holds `sms.secret`"),
    setting("sms.from", Text, "", "Who text messages are from, as the gateway wants it"),
    setting("sms.prefixes", List, "[]", "What numbers begin with that may be added, such as `+43`; empty for all"),
    setting("sms.per_day", Number, "1000", "The most text messages in a day, to everybody together"),
    setting(
        "passkeys.user_verification",
        Text,
        "\"required\"",
        "`required`: a passkey asks for a PIN, a finger or a face; `preferred`: keys that cannot may be added, as a second factor",
    ),
    setting(
        "passkeys.related_origins",
        List,
        "[]",
        "Further origins, such as `https://example.de`, where passkeys of the issuer's host may be used; `/.well-known/webauthn` \
         tells browsers",
    ),
    setting("accounts.deletion_days", Number, "14", "Days in which a person may take back the deletion of their account"),
    setting(
        "registration.mode",
        Text,
        "\"off\"",
        "Which apps may register themselves (RFC 7591): `off` none, `token` whoever has a token of `vouchsafe client \
         registration-token`, `open` every one",
    ),
    setting(
        "registration.public_pkce",
        Text,
        "\"required\"",
        "Whether public apps that register themselves have to use PKCE: `required`, or `optional` for conformance tests",
    ),
    setting("registration.unused_days", Number, "30", "Days after which an app that nobody ever used goes again; 0: never"),
    setting(
        "registration.per_hour",
        Number,
        "60",
        "Registrations, and changes of them, from one address (IPv6: one /64); 0 is no limit",
    ),
    setting(
        "keys.algorithms",
        List,
        "[\"RS256\", \"ES256\"]",
        "The signing keys to keep: RS256, ES256, EdDSA, PS256; ID tokens need RS256 by default",
    ),
    setting("keys.max_age_days", Number, "90", "Age in days at which a signing key is replaced by itself"),
    setting("keys.publish_seconds", Number, "86400", "Seconds that a new key is published before it signs"),
    setting("keys.retire_seconds", Number, "172800", "Seconds that an old key stays published after its last signature"),
    setting(
        "limits.pages_per_minute",
        Number,
        "600",
        "Requests for pages from one address (IPv6: one /64); 0 is no limit, here and below, and so is what is not written for \
         pages, guesses, failures and visits on a development issuer",
    ),
    setting("limits.guesses_per_minute", Number, "120", "Passwords and codes that are sent from one address"),
    setting("limits.failures_per_minute", Number, "120", "Wrong client secrets, tokens and codes of programs at one address"),
    setting("limits.machines_per_minute", Number, "0", "All requests of programs at one address"),
    setting("limits.client_per_minute", Number, "0", "Requests to `/token`, `/revoke` and `/introspect` by one client"),
    setting("limits.mail_per_hour", Number, "100", "Sign-ups, resets and whatever else sends mail, from one address"),
    setting("limits.visits_per_hour", Number, "3000", "Sign-ins that people without a session begin at one address"),
    setting("house.name", Text, "\"Vouchsafe\"", "The name on the pages"),
    setting("house.accent", Text, "", "The colour of buttons and links, such as `#0b5cad`"),
    setting("house.links.privacy", Text, "", "The address of a privacy notice, shown on every page"),
    setting("house.links.terms", Text, "", "The address of terms of use, shown on every page"),
    setting("house.links.help", Text, "", "The address of a help page, shown on every page"),
    setting(
        "mail.url",
        Secret,
        "",
        "`smtps://user:password@host`, `smtp://user:password@host` (STARTTLS), `file:///folder`; `console:` and \
         `smtp://127.0.0.1:1025` for development. Without it production sends no mail",
    ),
    setting("mail.url_file", File, "", "A file that holds `mail.url`"),
    setting("mail.from", Text, "", "The address that mail is from; needed with `mail.url`"),
    setting("mail.from_name", Text, "", "The name that mail is from; `house.name` if it is not set"),
    setting("mail.templates", File, "", "A folder with mail templates that take the place of those with the same name"),
    setting("log.format", Text, "\"auto\"", "`text`, `json`, or `auto`: text on a terminal and JSON otherwise"),
    setting("log.level", Text, "\"info\"", "`error`, `warn`, `info`, `debug` or `trace`"),
];

/// The longest line of the file that [`template`] writes.
const WIDTH: usize = 100;

/// A settings file with every setting explained. Those in `values` are set (name and TOML text); all others stand as
/// comments with their defaults.
pub fn template(values: &[(&str, String)]) -> String {
    let mut text = String::from(
        "# The settings of Vouchsafe. An environment variable such as VOUCHSAFE__DATABASE__URL goes before this file.\n",
    );
    let mut table = "";
    for setting in ALL {
        let (own_table, key) = setting.name.rsplit_once('.').unwrap_or(("", setting.name));
        if own_table != table {
            text.push_str(&format!("\n[{own_table}]\n"));
            table = own_table;
        } else if table.is_empty() {
            text.push('\n');
        }
        text.push_str(&comment(setting.meaning));
        let given = values.iter().find(|(name, _)| *name == setting.name);
        text.push_str(&match given {
            Some((_, value)) => format!("{key} = {value}\n"),
            None if setting.default.is_empty() => format!("#{key} =\n"),
            None => format!("#{key} = {}\n", setting.default),
        });
    }
    text
}

fn comment(meaning: &str) -> String {
    let (mut text, mut line) = (String::new(), String::from("#"));
    for word in meaning.split(' ') {
        if line.len() + word.len() >= WIDTH {
            text.push_str(&line);
            text.push('\n');
            line = String::from("#");
        }
        line.push(' ');
        line.push_str(word);
    }
    text + line.as_str() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The file that `init` writes is TOML whose every commented default parses and whose names are those of the table.
    #[test]
    fn template_holds_every_setting_once() {
        let text = template(&[("issuer", "\"https://id.test\"".to_owned())]);
        let live: String = text
            .lines()
            .map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line))
            .fold(String::new(), |all, line| if line.ends_with('=') { all } else { all + line + "\n" });
        let table: toml::Table = live.parse().unwrap();
        assert_eq!(table["issuer"].as_str(), Some("https://id.test"));
        for setting in ALL.iter().filter(|setting| !setting.default.is_empty()) {
            let found = setting.name.split('.').try_fold(&toml::Value::Table(table.clone()), |at, key| at.get(key)).is_some();
            assert!(found, "{}", setting.name);
            assert!(!setting.meaning.contains('|'), "{}: the README's table has | between columns", setting.name);
        }
        let mut names: Vec<_> = ALL.iter().map(|setting| setting.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
    }
}
