//! From a letter to its words: templates compiled in, which an operator overrides by files of the same name.
//!
//! Values are cleaned by what they are before any template sees them, and HTML is escaped besides, so that no override has
//! to think of it.

use std::path::Path;

use minijinja::value::Value;
use minijinja::{Environment, UndefinedBehavior};
use serde_json::Value as Json;

use super::{Contents, Letter, plain, when};
use crate::base::{Fault, Timestamp};
use crate::oauth::Lang;

/// The built-in templates of these letters, and the frames around them.
macro_rules! templates {
    ($($letter:literal)+) => {
        &[
            file!("parts.html"), file!("frame.html"),
            file!("en/frame.html"), file!("en/frame.txt"), file!("de/frame.html"), file!("de/frame.txt"),
            $(
                file!(concat!("en/", $letter, ".subject")), file!(concat!("en/", $letter, ".txt")),
                file!(concat!("en/", $letter, ".html")), file!(concat!("de/", $letter, ".subject")),
                file!(concat!("de/", $letter, ".txt")), file!(concat!("de/", $letter, ".html")),
            )+
        ]
    };
}

macro_rules! file {
    ($name:expr) => {
        ($name, include_str!(concat!("../../templates/mail/", $name)))
    };
}

const BUILT_IN: &[(&str, &str)] = templates!(
    "verify_address" "address_taken" "reset_password" "sign_in_link" "sign_in_code" "invitation" "confirm_new_address"
    "address_changed" "password_changed" "new_device" "deletion_planned" "account_deleted" "token_reuse" "factor_changed"
);

/// A mail in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// Every template of every letter in every language.
pub struct Templates(Environment<'static>);

/// A template that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenTemplate {
    /// Its name below the folder, such as `en/verify_address.txt`.
    pub file: String,
    pub why: String,
}

impl Templates {
    /// Those of the program, with what `folder` has of the same names in their place. With a folder each letter is rendered
    /// once to see that all is well; for those of the program a test does that.
    ///
    /// # Errors
    /// The first file that cannot be read, that is no template's, or whose letter cannot be rendered.
    pub fn load(folder: Option<&Path>) -> Result<Self, BrokenTemplate> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        for (name, text) in BUILT_IN {
            environment.add_template(name, text).map_err(|error| broken(name, &error))?;
        }
        let Some(folder) = folder else { return Ok(Self(environment)) };
        override_from(&mut environment, folder, "")?;
        let templates = Self(environment);
        for letter in Letter::samples("https://id.example.com/x") {
            for lang in Lang::ALL {
                for name in [None, Some("Ana Example".to_owned())] {
                    let contents = Contents { name, lang: *lang, letter: letter.clone() };
                    templates.parts(&contents, "Vouchsafe", Timestamp::from_unix(0))?;
                }
            }
        }
        Ok(templates)
    }

    /// # Errors
    /// A template fails with these values, which it did not with made-up ones.
    pub(super) fn render(&self, contents: &Contents, house: &str, until: Timestamp) -> Result<Rendered, Fault> {
        self.parts(contents, house, until)
            .map_err(|broken| Fault::new("notify: render", format!("{}: {}", broken.file, broken.why)))
    }

    fn parts(&self, contents: &Contents, house: &str, until: Timestamp) -> Result<Rendered, BrokenTemplate> {
        let values = values(contents, house, until)
            .map_err(|error| BrokenTemplate { file: contents.letter.name().to_owned(), why: error.to_string() })?;
        let part = |ending: &str| {
            let name = format!("{}/{}.{ending}", contents.lang, contents.letter.name());
            let rendered = self.0.get_template(&name).and_then(|template| template.render(&values));
            rendered.map_err(|error| broken(&name, &error))
        };
        let subject = plain::line(&part("subject")?);
        if subject.is_empty() {
            let file = format!("{}/{}.subject", contents.lang, contents.letter.name());
            return Err(BrokenTemplate { file, why: "gives an empty subject".to_owned() });
        }
        Ok(Rendered { subject, text: part("txt")?.trim().to_owned() + "\n", html: part("html")? + "\n" })
    }
}

/// The error's own template, where it happened in one that another includes.
fn broken(name: &str, error: &minijinja::Error) -> BrokenTemplate {
    let line = error.line().map_or_else(String::new, |line| format!(" (line {line})"));
    BrokenTemplate { file: error.name().unwrap_or(name).to_owned(), why: format!("{}{line}", error.kind()) }
}

fn override_from(environment: &mut Environment<'static>, folder: &Path, below: &str) -> Result<(), BrokenTemplate> {
    let unreadable = |file: &str, error: &std::io::Error| BrokenTemplate { file: file.to_owned(), why: error.to_string() };
    let here = folder.join(below);
    for entry in std::fs::read_dir(&here).map_err(|error| unreadable(below, &error))? {
        let entry = entry.map_err(|error| unreadable(below, &error))?;
        let own = entry.file_name().to_string_lossy().into_owned();
        let name = if below.is_empty() { own } else { format!("{below}/{own}") };
        if below.is_empty() && entry.path().is_dir() && Lang::parse(&name).is_some() {
            override_from(environment, folder, &name)?;
            continue;
        }
        if !BUILT_IN.iter().any(|(built_in, _)| *built_in == name) {
            let why = "is no template of a mail; the names are those below templates/mail in the sources".to_owned();
            return Err(BrokenTemplate { file: name, why });
        }
        let text = std::fs::read_to_string(entry.path()).map_err(|error| unreadable(&name, &error))?;
        environment.add_template_owned(name.clone(), text).map_err(|error| broken(&name, &error))?;
    }
    Ok(())
}

/// What the templates are given: the letter's own values, cleaned, with the house, the person and the end.
fn values(contents: &Contents, house: &str, until: Timestamp) -> Result<Value, serde_json::Error> {
    let mut all: Vec<(String, Value)> = Vec::new();
    if let Json::Object(letter) = serde_json::to_value(&contents.letter)? {
        for (name, value) in letter {
            let clean = match value {
                Json::String(text) => Value::from(cleaned(&name, text)),
                Json::Number(at) => when::moment(contents.lang, Timestamp::from_unix(at.as_i64().unwrap_or_default())).into(),
                _ => Value::from(()),
            };
            all.push((name, clean));
        }
    }
    let name = contents.name.as_deref().map(plain::name).filter(|name| !name.is_empty());
    all.push(("name".to_owned(), name.map_or_else(|| Value::from(()), Value::from)));
    all.push(("house".to_owned(), plain::line(house).into()));
    all.push(("lang".to_owned(), contents.lang.as_str().into()));
    all.push(("until".to_owned(), when::moment(contents.lang, until).into()));
    Ok(Value::from_pairs(all))
}

/// Links, codes and sentences are ours; everything else is what somebody chose.
fn cleaned(name: &str, text: String) -> String {
    match name {
        "kind" | "code" => text,
        "network" => plain::network(&text),
        "new_address" => plain::address(&text),
        "what" => plain::line(&text),
        link if link.ends_with("link") => text,
        _ => plain::name(&text),
    }
}
