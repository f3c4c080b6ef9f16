//! `user import`: people of another house from a file of CSV or JSON lines, read and written a part at a time, so that a
//! million of them take no more memory than five hundred.

use std::fs::File;
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};

use super::answer::{Answer, Failure, Form, Verdict};
use crate::admin::Desk;
use crate::admin::import::{self, Mode, OnConflict, Outcome, Row};

/// Rows of one transaction.
const BATCH: usize = 500;

/// After so many rows the terminal hears how far it is.
const PROGRESS: u64 = 10_000;

/// The longest line, in bytes.
const LONGEST_LINE: u64 = 64 * 1024;

#[derive(Args)]
pub struct Import {
    /// The file, in UTF-8: CSV with a heading line, or one JSON object a line.
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
    /// The form of the file; by default what its name ends with.
    #[arg(long)]
    format: Option<Format>,
    /// What happens to a row whose address somebody has.
    #[arg(long, value_name = "HOW", default_value = "skip")]
    on_conflict: Conflict,
    /// Write nothing, and tell what would be done.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Csv,
    Jsonl,
}

#[derive(Clone, Copy, ValueEnum)]
enum Conflict {
    /// The person stays as they are.
    Skip,
    /// The row is refused.
    Fail,
    /// The person gets what the row says.
    Update,
}

/// How many rows came to what.
#[derive(Default)]
struct Summary {
    created: u64,
    updated: u64,
    skipped: u64,
    failed: u64,
}

pub async fn run(import: &Import, desk: &Desk, form: Form) -> Result<Answer, Failure> {
    let on_conflict = match import.on_conflict {
        Conflict::Skip => OnConflict::Skip,
        Conflict::Fail => OnConflict::Fail,
        Conflict::Update => OnConflict::Update,
    };
    let mode = if import.dry_run { Mode::Dry } else { Mode::Real };
    let mut people = People::open(&import.file, import.format)?;
    let (mut summary, mut read) = (Summary::default(), 0);
    loop {
        let (mut lines, mut rows) = (Vec::new(), Vec::new());
        while lines.len() < BATCH {
            let Some((line, row)) = people.next()? else { break };
            read += 1;
            match row {
                Ok(row) => {
                    lines.push(line);
                    rows.push(row);
                }
                Err(why) => summary.count(line, Outcome::Failed(why), form),
            }
            if read % PROGRESS == 0 {
                say(&format!("{read} rows read"));
            }
        }
        if lines.is_empty() {
            break;
        }
        let outcomes = import::batch(desk, rows, on_conflict, mode).await?;
        lines.into_iter().zip(outcomes).for_each(|(line, outcome)| summary.count(line, outcome, form));
    }
    Ok(summary.answer(mode))
}

/// To standard error, so that standard output holds the answer alone. What comes out of the file must not steer a terminal.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{}", text.replace(char::is_control, "\u{fffd}"));
}

impl Summary {
    fn count(&mut self, line: u64, outcome: Outcome, form: Form) {
        match outcome {
            Outcome::Created => self.created += 1,
            Outcome::Updated => self.updated += 1,
            Outcome::Skipped => self.skipped += 1,
            Outcome::Failed(why) => {
                self.failed += 1;
                say(&match form {
                    Form::Text => format!("line {line}: {why}"),
                    Form::Json => json!({ "line": line, "error": why }).to_string(),
                });
            }
        }
    }

    fn answer(&self, mode: Mode) -> Answer {
        let Self { created, updated, skipped, failed } = self;
        let head = if mode == Mode::Dry { "would be: " } else { "" };
        let text = format!("{head}{created} created, {updated} updated, {skipped} skipped, {failed} failed");
        let json = json!({
            "created": created,
            "updated": updated,
            "skipped": skipped,
            "failed": failed,
            "dry_run": mode == Mode::Dry,
        });
        let verdict = if *failed == 0 { Verdict::Good } else { Verdict::Bad };
        Answer { verdict, ..Answer::new(text, json) }
    }
}

/// What stands in one line, or why that line is refused.
type Line<T> = Result<T, String>;

/// The rows of a file, one after another.
struct People {
    reader: BufReader<File>,
    shown: String,
    line: u64,
    /// The headings of a CSV file.
    columns: Option<Vec<String>>,
}

impl People {
    fn open(file: &Path, format: Option<Format>) -> Result<Self, Failure> {
        let shown = file.display().to_string();
        let by_name = || match file.extension().and_then(|extension| extension.to_str()) {
            Some("csv") => Some(Format::Csv),
            Some("jsonl" | "ndjson") => Some(Format::Jsonl),
            _ => None,
        };
        let why = || Failure::new(format!("{shown}: say --format csv or --format jsonl"));
        let format = format.or_else(by_name).ok_or_else(why)?;
        let opened = File::open(file).map_err(|error| Failure::new(format!("{shown}: {error}")))?;
        let mut people = Self { reader: BufReader::new(opened), shown, line: 0, columns: None };
        if matches!(format, Format::Csv) {
            people.columns = Some(people.headings()?);
        }
        Ok(people)
    }

    fn headings(&mut self) -> Result<Vec<String>, Failure> {
        let wrong = |shown: &str, why: &str| Failure::new(format!("{shown}: line 1: {why}"));
        let line = self.next_line()?.ok_or_else(|| wrong(&self.shown, "a CSV file begins with its headings"))?;
        let columns = line.and_then(|line| fields(&line)).map_err(|why| wrong(&self.shown, &why))?;
        for (at, column) in columns.iter().enumerate() {
            if !COLUMNS.contains(&column.as_str()) || columns.iter().take(at).any(|other| other == column) {
                return Err(wrong(&self.shown, &format!("{column:?} is no heading; there are {}", COLUMNS.join(", "))));
            }
        }
        Ok(columns)
    }

    /// The next line that is not empty, without its end; an error is about that line alone.
    fn next_line(&mut self) -> Result<Option<Line<String>>, Failure> {
        loop {
            let mut bytes = Vec::new();
            let mut part = (&mut self.reader).take(LONGEST_LINE);
            let read = part.read_until(b'\n', &mut bytes).and_then(|read| {
                let is_whole = bytes.last() == Some(&b'\n') || (read as u64) < LONGEST_LINE;
                if !is_whole {
                    self.reader.skip_until(b'\n')?;
                }
                Ok((read, is_whole))
            });
            let (read, is_whole) = read.map_err(|error| Failure::new(format!("{}: {error}", self.shown)))?;
            if read == 0 {
                return Ok(None);
            }
            self.line += 1;
            if !is_whole {
                return Ok(Some(Err("is longer than 64 KiB".to_owned())));
            }
            let Ok(text) = String::from_utf8(bytes) else { return Ok(Some(Err("is not UTF-8".to_owned()))) };
            let text = text.trim_start_matches('\u{feff}').trim_end_matches(['\n', '\r']);
            if !text.trim().is_empty() {
                return Ok(Some(Ok(text.to_owned())));
            }
        }
    }

    /// The next row with the number of its line.
    fn next(&mut self) -> Result<Option<(u64, Line<Row>)>, Failure> {
        let Some(line) = self.next_line()? else { return Ok(None) };
        let row = line.and_then(|line| {
            let value = match &self.columns {
                Some(columns) => object(columns, fields(&line)?)?,
                None => serde_json::from_str(&line).map_err(|error| plain(&error))?,
            };
            serde_json::from_value(value).map_err(|error| plain(&error))
        });
        Ok(Some((self.line, row)))
    }
}

/// What a parser says, without the line and the values that it may quote: a hash must not reach a log.
fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match error.classify() {
        serde_json::error::Category::Data => {
            let named = ["missing field", "unknown field", "duplicate field"].iter().any(|begin| text.starts_with(begin));
            let shown = text.split(" at line ").next().unwrap_or_default();
            if named { shown.to_owned() } else { "has a value of the wrong type".to_owned() }
        }
        _ => "is not JSON".to_owned(),
    }
}

const COLUMNS: [&str; 8] = ["email", "email_verified", "name", "password_hash", "claims", "sub", "created_at", "disabled"];

/// The fields of one line of CSV (RFC 4180); a row never goes on in the next line.
fn fields(line: &str) -> Line<Vec<String>> {
    if !line.matches('"').count().is_multiple_of(2) {
        return Err("has a quotation mark that is not closed in its line".to_owned());
    }
    let mut reader = csv::ReaderBuilder::new().has_headers(false).trim(csv::Trim::All).from_reader(line.as_bytes());
    let mut record = csv::StringRecord::new();
    match reader.read_record(&mut record) {
        Ok(true) => Ok(record.iter().map(ToOwned::to_owned).collect()),
        _ => Err("is not CSV".to_owned()),
    }
}

/// A line of CSV as the object that a line of JSON would hold; what is empty is not told.
fn object(columns: &[String], fields: Vec<String>) -> Line<Value> {
    if columns.len() != fields.len() {
        return Err(format!("has {} fields for {} headings", fields.len(), columns.len()));
    }
    let mut object = Map::new();
    for (column, field) in columns.iter().zip(fields).filter(|(_, field)| !field.is_empty()) {
        let wrong = |what: &str| format!("{column}: must be {what}");
        let value = match column.as_str() {
            "email_verified" | "disabled" => match field.as_str() {
                "true" | "1" => Value::Bool(true),
                "false" | "0" => Value::Bool(false),
                _ => return Err(wrong("true or false")),
            },
            "created_at" => field.parse::<i64>().map_err(|_| wrong("seconds since 1970"))?.into(),
            "claims" => serde_json::from_str(&field).map_err(|_| wrong("a JSON object"))?,
            _ => Value::String(field),
        };
        object.insert(column.clone(), value);
    }
    Ok(Value::Object(object))
}
