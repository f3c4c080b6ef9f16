//! The settings of plugins: the tables `[plugins.NAME]`. Which keys there are is known to the plugins alone, which take theirs here; a
//! key that none of them took is refused like every other name that is no setting.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::Problem;
use crate::base::Secret;

/// What the tables of a settings file begin with that are handed to plugins.
pub(super) const TABLE: &str = "plugins";

/// One key as it was written.
pub(super) struct Key {
    /// Which of them are secrets is not known here, so none is shown.
    pub text: Secret<String>,
    /// Its name where it was written: in the file or in the environment.
    pub written: String,
}

/// What was written for plugins. A key is named with its plugin, such as `pager.call_sign`. `Debug` shows no value.
pub struct PluginSettings {
    /// By what stands behind `plugins.`
    keys: BTreeMap<String, Key>,
    /// Paths in the file begin here.
    folder: PathBuf,
    known: BTreeSet<String>,
    problems: Vec<Problem>,
}

impl std::fmt::Debug for PluginSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.keys.iter().map(|(name, key)| (name, &key.text))).finish()
    }
}

impl PluginSettings {
    pub(super) const fn new(keys: BTreeMap<String, Key>, folder: PathBuf) -> Self {
        Self { keys, folder, known: BTreeSet::new(), problems: Vec::new() }
    }

    /// A text that has to be set; nothing, and a problem, if it is not.
    pub fn text(&mut self, name: &str) -> Option<String> {
        let text = self.take(name).map(|text| text.expose().clone());
        if text.is_none() {
            self.refuse(name, "is not set", "write it: a plugin of this program needs it");
        }
        text
    }

    /// A text that stands for itself if it is not set.
    pub fn text_or(&mut self, name: &str, default: &str) -> String {
        self.take(name).map_or_else(|| default.to_owned(), |text| text.expose().clone())
    }

    /// A secret that has to be set, by itself or by the file that `NAME_file` names; nothing, and a problem, if it is not.
    pub fn secret(&mut self, name: &str) -> Option<Secret<String>> {
        let file_name = format!("{name}_file");
        match (self.take(name), self.take(&file_name)) {
            (Some(_), Some(_)) => {
                self.refuse(&file_name, format!("is set beside `{TABLE}.{name}`"), "remove one of them");
                None
            }
            (Some(text), None) => Some(text),
            (None, Some(path)) => match std::fs::read_to_string(self.folder.join(path.expose())) {
                Ok(text) => Some(Secret::new(text.trim().to_owned())),
                Err(error) => {
                    self.refuse(&file_name, format!("cannot be read ({error})"), "mend the path or the permissions");
                    None
                }
            },
            (None, None) => {
                self.refuse(name, "is not set", format!("write it, or `{TABLE}.{file_name}`: a plugin of this program needs it"));
                None
            }
        }
    }

    /// Names what is wrong with a setting and what to do about it. Neither sentence may hold the value.
    pub fn refuse(&mut self, name: &str, why: impl Into<String>, remedy: impl Into<String>) {
        self.problems.push(Problem::new(format!("{TABLE}.{name}"), why, remedy));
    }

    fn take(&mut self, name: &str) -> Option<Secret<String>> {
        self.known.insert(name.to_owned());
        self.keys.get(name).map(|key| key.text.clone())
    }

    /// What is wrong, once every plugin took what it knows.
    pub(super) fn into_problems(self) -> Vec<Problem> {
        let strange = self.keys.iter().filter(|(name, _)| !self.known.contains(*name));
        let unknown = strange
            .map(|(_, key)| Problem::new(&key.written, "is no setting of a plugin of this program", "remove it or mend it"));
        let unknown: Vec<_> = unknown.collect();
        self.problems.into_iter().chain(unknown).collect()
    }
}
