//! The settings as they were written: one value a name, the environment over the file. Unknown names are refused here; what
//! a value means is decided in `checked`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use toml::Value;

use super::plugin_settings::{Key, PluginSettings, TABLE};
use super::settings::{Kind, find, settings};
use super::{ENVIRONMENT_PREFIX, Problem};
use crate::base::Secret;

/// Settings by name, not yet understood.
#[derive(Default)]
pub struct Raw {
    values: BTreeMap<&'static str, Written>,
    /// What is a plugin's to understand.
    plugins: BTreeMap<String, Key>,
    /// Paths in the file begin here.
    folder: PathBuf,
    unread: bool,
}

/// A value of the kind that its setting has.
pub enum Written {
    Text(String),
    Number(i64),
    List(Vec<String>),
}

impl Raw {
    /// Whether there is a file that could not be read.
    pub const fn is_unread(&self) -> bool {
        self.unread
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        match self.values.get(name) {
            Some(Written::Text(text)) => Some(text),
            _ => None,
        }
    }

    pub fn number(&self, name: &str) -> Option<i64> {
        match self.values.get(name) {
            Some(Written::Number(number)) => Some(*number),
            _ => None,
        }
    }

    pub fn list(&self, name: &str) -> Option<&[String]> {
        match self.values.get(name) {
            Some(Written::List(list)) => Some(list),
            _ => None,
        }
    }

    /// A path setting, made absolute by the folder of the settings file.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.text(name).map(|text| self.folder.join(text))
    }

    /// What was written for plugins, which is taken out.
    pub fn take_plugins(&mut self) -> PluginSettings {
        PluginSettings::new(std::mem::take(&mut self.plugins), self.folder.clone())
    }
}

/// Reads the file, if there is one, and the environment; what cannot be read is added to `problems`.
pub fn read(file: Option<&Path>, environment: impl Iterator<Item = (String, OsString)>, problems: &mut Vec<Problem>) -> Raw {
    let mut raw = Raw::default();
    if let Some(file) = file {
        raw.folder = file.parent().map(Path::to_path_buf).unwrap_or_default();
        match read_file(file, problems) {
            Some(table) => take_table("", &table, &mut raw, problems),
            None => raw.unread = true,
        }
    }
    let mut variables: Vec<_> =
        environment.filter_map(|(name, value)| Some((name.strip_prefix(ENVIRONMENT_PREFIX)?.to_owned(), value))).collect();
    variables.sort();
    for (name, value) in variables {
        take_variable(&name, value, &mut raw, problems);
    }
    raw
}

fn read_file(file: &Path, problems: &mut Vec<Problem>) -> Option<toml::Table> {
    let shown = file.display().to_string();
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => {
            let remedy = "give the right path with --config, or write a file with `vouchsafe init`";
            problems.push(Problem::new(shown, format!("cannot be read ({error})"), remedy));
            return None;
        }
    };
    match text.parse() {
        Ok(table) => Some(table),
        Err(error) => {
            // The parser's own message quotes the line, which may hold a password.
            let line = error.span().map_or(1, |span| text.get(..span.start).unwrap_or_default().lines().count().max(1));
            problems.push(Problem::new(
                shown,
                format!("is not TOML at line {line}: {}", plain(error.message())),
                "mend that line",
            ));
            None
        }
    }
}

/// The first line of a message, without anything that it quotes.
fn plain(message: &str) -> String {
    message.lines().next().unwrap_or_default().split('`').step_by(2).collect::<Vec<_>>().join("…")
}

fn take_table(prefix: &str, table: &toml::Table, raw: &mut Raw, problems: &mut Vec<Problem>) {
    for (key, value) in table {
        if prefix.is_empty() && key == TABLE {
            take_plugins(value, raw, problems);
            continue;
        }
        let name = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        let is_group = settings().iter().any(|s| s.name.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('.')));
        match (find(&name), value) {
            (Some(setting), value) => match from_toml(setting.kind, value) {
                // What is written as empty is as good as not written.
                Some(Written::Text(text)) if text.is_empty() => {}
                Some(written) => {
                    raw.values.insert(setting.name, written);
                }
                None => problems.push(wrong_kind(setting.name, setting.kind)),
            },
            (None, Value::Table(inner)) if is_group => take_table(&name, inner, raw, problems),
            (None, _) if is_group => problems.push(Problem::new(&name, "is a table", format!("write [{name}]"))),
            (None, _) => problems.push(unknown(&name, &name)),
        }
    }
}

/// The tables of plugins hold texts, whose names only a plugin knows.
fn take_plugins(plugins: &Value, raw: &mut Raw, problems: &mut Vec<Problem>) {
    let Value::Table(plugins) = plugins else {
        problems.push(Problem::new(TABLE, "is a table", format!("write [{TABLE}.NAME]")));
        return;
    };
    for (plugin, keys) in plugins {
        let Value::Table(keys) = keys else {
            problems.push(Problem::new(format!("{TABLE}.{plugin}"), "is a table", format!("write [{TABLE}.{plugin}]")));
            continue;
        };
        for (key, value) in keys {
            let written = format!("{TABLE}.{plugin}.{key}");
            match value {
                Value::String(text) if text.is_empty() => {}
                Value::String(text) => {
                    let text = Secret::new(text.clone());
                    raw.plugins.insert(format!("{plugin}.{key}"), Key { text, written });
                }
                _ => problems.push(wrong_kind(&written, Kind::Text)),
            }
        }
    }
}

fn take_variable(rest: &str, value: OsString, raw: &mut Raw, problems: &mut Vec<Problem>) {
    let variable = format!("{ENVIRONMENT_PREFIX}{rest}");
    let name = rest.to_ascii_lowercase().replace("__", ".");
    let Ok(text) = value.into_string() else {
        problems.push(Problem::new(variable, "is not UTF-8", "write it in UTF-8"));
        return;
    };
    let text = text.trim();
    if let Some(key) = name.strip_prefix(TABLE).and_then(|rest| rest.strip_prefix('.')) {
        raw.plugins.remove(key);
        if !text.is_empty() {
            raw.plugins.remove(&other_form(key));
            raw.plugins.insert(key.to_owned(), Key { text: Secret::new(text.to_owned()), written: variable });
        }
        return;
    }
    let Some(setting) = find(&name) else {
        problems.push(unknown(&variable, &name));
        return;
    };
    if text.is_empty() {
        raw.values.remove(setting.name);
        return;
    }
    let written = match setting.kind {
        Kind::Text | Kind::Secret | Kind::File => Some(Written::Text(text.to_owned())),
        Kind::Number => text.parse().ok().map(Written::Number),
        Kind::List => {
            Some(Written::List(text.split(',').map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect()))
        }
    };
    match written {
        Some(written) => {
            let other = other_form(setting.name);
            raw.values.retain(|known, _| *known != other);
            raw.values.insert(setting.name, written);
        }
        None => problems.push(wrong_kind(&variable, setting.kind)),
    }
}

/// A value and its file are one setting: the environment's form puts the other form of the settings file aside.
fn other_form(name: &str) -> String {
    name.strip_suffix("_file").map_or_else(|| format!("{name}_file"), ToOwned::to_owned)
}

fn from_toml(kind: Kind, value: &Value) -> Option<Written> {
    match (kind, value) {
        (Kind::Text | Kind::Secret | Kind::File, Value::String(text)) => Some(Written::Text(text.clone())),
        (Kind::Number, Value::Integer(number)) => Some(Written::Number(*number)),
        (Kind::List, Value::Array(items)) => {
            let items = items.iter().map(|item| item.as_str().map(ToOwned::to_owned)).collect::<Option<Vec<_>>>()?;
            Some(Written::List(items))
        }
        _ => None,
    }
}

fn wrong_kind(name: &str, kind: Kind) -> Problem {
    let (why, remedy) = match kind {
        Kind::Text | Kind::Secret | Kind::File => ("must be a text", "write it in double quotes"),
        Kind::Number => ("must be a whole number", "write it without quotes"),
        Kind::List => ("must be a list of texts", "write it like [\"one\", \"two\"]"),
    };
    Problem::new(name, why, remedy)
}

fn unknown(written: &str, name: &str) -> Problem {
    // TOML puts whatever stands below a [table] into it.
    if let Some((table, own)) = name.rsplit_once('.')
        && find(own).is_some()
    {
        let remedy = format!("`{own}` stands below [{table}]; move it above the first [table]");
        return Problem::new(written, "is no setting", remedy);
    }
    let nearest = settings().iter().map(|setting| (distance(name, setting.name), setting.name)).min();
    let remedy = match nearest {
        Some((distance, nearest)) if distance <= 3 => format!("did you mean `{nearest}`?"),
        _ => "remove it; the README lists all settings".to_owned(),
    };
    Problem::new(written, "is no setting", remedy)
}

/// How many letters have to be added, removed or changed.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        let mut next = vec![left];
        for (y, above) in b.chars().zip(row.iter().skip(1)) {
            left = (left + 1).min(above + 1).min(diagonal + usize::from(x != y));
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str, environment: &[(&str, &str)]) -> (Raw, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("vouchsafe.toml");
        std::fs::write(&file, text).unwrap();
        let mut found = Vec::new();
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), OsString::from(value)));
        let raw = read(Some(&file), environment, &mut found);
        (raw, found.iter().map(ToString::to_string).collect())
    }

    /// Decision 6: the environment goes before the file, and only its own prefix is read.
    #[test]
    fn environment_over_file() {
        let text = "issuer = \"https://a.test\"\n[database]\nurl_file = \"url\"\n[keys]\nmax_age_days = 3\n";
        let (raw, found) = problems(
            text,
            &[
                ("VOUCHSAFE__ISSUER", "https://b.test"),
                ("VOUCHSAFE__DATABASE__URL", "sqlite://x"),
                ("VOUCHSAFE__KEYS__MAX_AGE_DAYS", "7"),
                ("VOUCHSAFE__TRUSTED_PROXIES", "10.0.0.0/8, ::1/128"),
                ("VOUCHSAFE_PORT", "tcp://10.0.0.1:80"),
                ("VOUCHSAFE__REDIS__URL", ""),
            ],
        );
        assert_eq!(found, Vec::<String>::new());
        assert_eq!(raw.text("issuer"), Some("https://b.test"));
        assert_eq!((raw.text("database.url"), raw.text("database.url_file")), (Some("sqlite://x"), None));
        assert_eq!(raw.number("keys.max_age_days"), Some(7));
        assert_eq!(raw.list("trusted_proxies").unwrap(), ["10.0.0.0/8", "::1/128"]);
        assert_eq!(raw.text("redis.url"), None);
    }

    /// Unknown names, wrong kinds and broken TOML are named, and no value is shown.
    #[test]
    fn refused() {
        for (text, environment, begin) in [
            ("isuer = \"x\"", vec![], "isuer: is no setting; did you mean `issuer`?"),
            ("[database]\nurl = 7", vec![], "database.url: must be a text"),
            ("[databse]\nurl = \"s3cret\"", vec![], "databse: is no setting"),
            ("database = \"s3cret\"", vec![], "database: is a table"),
            ("listen = [1]", vec![], "listen: must be a text"),
            ("response_types = \"code\"", vec![], "response_types: must be a list"),
            ("dev_mode = true", vec![], "dev_mode: is no setting"),
            ("", vec![("VOUCHSAFE__KEYS__MAX_AGE_DAYS", "s3cret")], "VOUCHSAFE__KEYS__MAX_AGE_DAYS: must be a whole number"),
            ("", vec![("VOUCHSAFE__MASTER_KEY", "s3cret")], "VOUCHSAFE__MASTER_KEY: is no setting"),
        ] {
            let (_, found) = problems(text, &environment);
            assert!(found.len() == 1 && found[0].starts_with(begin), "{text}: {found:?}");
            assert!(!found[0].contains("s3cret"), "{found:?}");
        }
        let (_, found) = problems("issuer = \"a\"\n\n[database]\nurl = s3cret", &[]);
        assert!(found[0].contains("is not TOML at line") && !found[0].contains("s3cret"), "{found:?}");
    }
}
