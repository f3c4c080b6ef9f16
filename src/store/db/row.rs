//! A row as owned values, read column by column in the order of the statement.

use serde::de::DeserializeOwned;

use super::Value;
use crate::base::{Fault, Id, Place, Timestamp};

/// One row of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row(pub(super) Vec<Value>);

/// Reads a row from left to right; the names say where a corrupt row is corrupt.
pub struct Columns<'a> {
    table: Place,
    values: std::slice::Iter<'a, Value>,
}

impl Row {
    /// A reader of this row of `table`.
    pub fn columns(&self, table: Place) -> Columns<'_> {
        Columns { table, values: self.0.iter() }
    }
}

impl Columns<'_> {
    fn corrupt(&self, column: &str) -> Fault {
        Fault::corrupt(self.table, column)
    }

    /// # Errors
    /// The next column is no text.
    pub fn text(&mut self, column: &str) -> Result<String, Fault> {
        self.opt_text(column)?.ok_or_else(|| self.corrupt(column))
    }

    /// # Errors
    /// The next column is neither text nor null.
    pub fn opt_text(&mut self, column: &str) -> Result<Option<String>, Fault> {
        match self.values.next() {
            Some(Value::Text(text)) => Ok(Some(text.clone())),
            Some(Value::Null) => Ok(None),
            _ => Err(self.corrupt(column)),
        }
    }

    /// # Errors
    /// The next column is no number.
    pub fn int(&mut self, column: &str) -> Result<i64, Fault> {
        match self.values.next() {
            Some(Value::Int(number)) => Ok(*number),
            _ => Err(self.corrupt(column)),
        }
    }

    /// # Errors
    /// The next column is no truth value.
    pub fn bool(&mut self, column: &str) -> Result<bool, Fault> {
        match self.values.next() {
            Some(Value::Bool(truth)) => Ok(*truth),
            // SQLite has no truth values of its own.
            Some(Value::Int(0)) => Ok(false),
            Some(Value::Int(1)) => Ok(true),
            _ => Err(self.corrupt(column)),
        }
    }

    /// # Errors
    /// The next column is no moment.
    pub fn time(&mut self, column: &str) -> Result<Timestamp, Fault> {
        self.int(column).map(Timestamp::from_unix)
    }

    /// # Errors
    /// The next column is neither a moment nor null.
    pub fn opt_time(&mut self, column: &str) -> Result<Option<Timestamp>, Fault> {
        match self.values.next() {
            Some(Value::Int(number)) => Ok(Some(Timestamp::from_unix(*number))),
            Some(Value::Null) => Ok(None),
            _ => Err(self.corrupt(column)),
        }
    }

    /// # Errors
    /// The next column is no id.
    pub fn id(&mut self, column: &str) -> Result<Id, Fault> {
        self.text(column).map(Id::from_stored)
    }

    /// # Errors
    /// The next column is neither an id nor null.
    pub fn opt_id(&mut self, column: &str) -> Result<Option<Id>, Fault> {
        Ok(self.opt_text(column)?.map(Id::from_stored))
    }

    /// # Errors
    /// The next column is no JSON of this shape.
    pub fn json<T: DeserializeOwned>(&mut self, column: &str) -> Result<T, Fault> {
        let text = self.text(column)?;
        serde_json::from_str(&text).map_err(|_| self.corrupt(column))
    }
}
