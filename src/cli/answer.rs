//! What a verb answers: lines for a person, or one line of JSON for a script.

use std::io::Write as _;
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::admin::Refusal;
use crate::base::Fault;
use crate::config::Problems;

/// How to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Text,
    Json,
}

/// What came of a verb, in both forms.
pub struct Answer {
    pub text: String,
    pub json: Value,
    pub verdict: Verdict,
}

/// Whether what was looked at is in order; a check that finds trouble answers and fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Good,
    Bad,
}

impl Answer {
    pub fn new(text: impl Into<String>, json: Value) -> Self {
        Self { text: text.into(), json, verdict: Verdict::Good }
    }

    /// Nothing is left to say.
    pub fn silent() -> Self {
        Self::new("", Value::Null)
    }

    pub fn print(&self, form: Form) -> ExitCode {
        print(self.line(form).as_deref());
        match self.verdict {
            Verdict::Good => ExitCode::SUCCESS,
            Verdict::Bad => ExitCode::FAILURE,
        }
    }

    fn line(&self, form: Form) -> Option<String> {
        match form {
            Form::Json if self.json.is_null() => None,
            Form::Json => Some(self.json.to_string()),
            Form::Text if self.text.is_empty() => None,
            Form::Text => Some(self.text.trim_end().to_owned()),
        }
    }
}

/// Writes to standard output; a reader that went away is no trouble.
pub fn print(line: Option<&str>) {
    if let Some(line) = line {
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "{line}").and_then(|()| out.flush());
    }
}

/// Why a verb did nothing.
#[derive(Debug)]
pub struct Failure(pub String);

impl Failure {
    pub fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }

    /// In both forms the sentence goes to standard error, so that standard output holds answers alone.
    pub fn print(&self, form: Form) -> ExitCode {
        let line = match form {
            Form::Text => format!("error: {}", self.0),
            Form::Json => json!({ "error": self.0 }).to_string(),
        };
        let _ = writeln!(std::io::stderr(), "{line}");
        ExitCode::FAILURE
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self(fault.to_string())
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self(refusal.to_string())
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        Self(problems.to_string())
    }
}

/// Rows under headings, each column as wide as its widest entry.
pub fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let mut all = vec![headings.iter().map(|heading| (*heading).to_owned()).collect::<Vec<_>>()];
    all.extend_from_slice(rows);
    let width = |column: usize| all.iter().filter_map(|row| row.get(column)).map(|text| text.chars().count()).max().unwrap_or(0);
    let widths: Vec<_> = (0..headings.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells: Vec<_> = row.iter().zip(&widths).map(|(text, width)| format!("{text:<width$}")).collect();
        cells.join("  ").trim_end().to_owned()
    };
    all.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scripts read one line; people read columns.
    #[test]
    fn forms() {
        let answer = Answer::new("two\nlines\n", json!({ "a": "x\ny" }));
        assert_eq!(answer.line(Form::Json).unwrap(), r#"{"a":"x\ny"}"#);
        assert_eq!(answer.line(Form::Text).unwrap(), "two\nlines");
        assert_eq!(Answer::silent().line(Form::Json), None);
        assert_eq!(table(&["A", "LONG"], &[vec!["abc".to_owned(), "d".to_owned()]]), "A    LONG\nabc  d");
    }
}
