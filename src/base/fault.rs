//! Something broke: what, where, and the whole chain of causes. It goes to the log and never to a client.

use std::error::Error;
use std::fmt;

/// The named place in the code where something broke, such as `"store: open"`.
pub type Place = &'static str;

/// Trouble that is nobody's protocol error: storage, keys, the random source. Answered with 503 or 500.
#[derive(Debug)]
pub struct Fault {
    place: Place,
    source: Box<dyn Error + Send + Sync>,
}

impl Fault {
    /// A fault at `place` with its cause, an error or a sentence.
    pub fn new(place: Place, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { place, source: source.into() }
    }

    /// For `map_err`: `.map_err(Fault::at("store: open"))`.
    pub fn at<E: Into<Box<dyn Error + Send + Sync>>>(place: Place) -> impl FnOnce(E) -> Self {
        move |source| Self::new(place, source)
    }

    /// A stored row that fits no shape that this version knows.
    pub fn corrupt(table: Place, column: &str) -> Self {
        Self::new(table, format!("corrupt row: column {column}"))
    }

    pub const fn place(&self) -> Place {
        self.place
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.source)?;
        let mut cause = self.source.source();
        while let Some(next) = cause {
            write!(f, ": {next}")?;
            cause = next.source();
        }
        Ok(())
    }
}

impl Error for Fault {}
