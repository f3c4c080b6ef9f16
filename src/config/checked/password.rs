//! `password.*`: what new passwords must be.

use super::Reader;
use crate::config::parts::{BreachedSource, PasswordSettings};
use crate::identity::passwords::LONGEST_CHARS;
use crate::identity::policy::Class;

const CLASSES: [(&str, Class); 4] =
    [("upper", Class::Upper), ("lower", Class::Lower), ("digit", Class::Digit), ("special", Class::Special)];

/// NIST SP 800-63B-4 section 3.1.1.2: at least 8 characters are demanded, and at least 64 are allowed.
const LEAST_MIN: i64 = 8;
const LEAST_MAX: i64 = 64;

impl Reader<'_> {
    pub(super) fn password(&mut self) -> Option<PasswordSettings> {
        let min_chars = self.number("password.min_length", LEAST_MIN, LEAST_MAX);
        let max_chars = self.number("password.max_length", LEAST_MAX, i64::try_from(LONGEST_CHARS).unwrap_or(LEAST_MAX));
        let min_score = self.number("password.min_score", 0, 4);
        let known = |text: &String| CLASSES.iter().find(|(word, _)| word == text).map(|(_, class)| *class);
        let classes: Option<Vec<_>> = self.list("password.classes").iter().map(known).collect();
        if classes.is_none() {
            self.refuse("password.classes", "has an entry that is no class", "write some of upper, lower, digit, special");
        }
        let breached = self.breached();
        Some(PasswordSettings {
            min_chars: usize::try_from(min_chars?).ok()?,
            max_chars: usize::try_from(max_chars?).ok()?,
            classes: classes?,
            min_score: u8::try_from(min_score?).ok()?,
            breached: breached?,
        })
    }

    fn breached(&mut self) -> Option<BreachedSource> {
        let name = "password.breached";
        let text = self.text(name)?;
        if text == "off" {
            return Some(BreachedSource::Off);
        }
        if !text.contains("://") {
            return self.existing(name).map(BreachedSource::File);
        }
        let parsed = url::Url::parse(&text).ok();
        if !parsed.is_some_and(|url| url.scheme() == "https" && url.query().is_none() && url.fragment().is_none()) {
            self.refuse(name, "is no https address", "write it like https://breaches.example.com, or name a file, or \"off\"");
            return None;
        }
        Some(BreachedSource::Service(text))
    }
}
