//! The page that adds a factor of a kind whose form is data (decision 31): one field, then the code that was sent.

use askama::Template;

use super::Frame;
use crate::identity::factor::Words;

/// Field `typed` with button `send`; then field `code` with buttons `verify` and `send-again`.
#[derive(Template)]
#[template(path = "pages/add_factor.html")]
pub struct AddFactor {
    pub frame: Frame,
    pub action: String,
    pub session: String,
    pub kind: &'static str,
    pub words: Words,
    pub typed: String,
    /// What waits for its code.
    pub waiting: Option<WaitingFactor>,
    pub problem: Option<AddProblem>,
}

/// Something that waits for the code that was sent to it.
pub struct WaitingFactor {
    pub factor: String,
    /// As it may be shown.
    pub name: String,
}

/// Why nothing was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddProblem {
    /// What was typed will not do.
    Refused,
    TooMany,
    NotSent,
    Wrong,
    SlowedDown {
        seconds: i64,
    },
}

impl AddFactor {
    fn title(&self) -> String {
        self.frame.t().factors.add_kind.with(self.words.name).to_string()
    }

    const fn field(&self) -> &'static str {
        if self.waiting.is_some() { "code" } else { "typed" }
    }

    fn problem_text(&self) -> Option<String> {
        let t = self.frame.t();
        Some(match self.problem? {
            AddProblem::Refused => self.words.field.map_or("", |field| field.refused).to_owned(),
            AddProblem::TooMany => t.factors.too_many.to_owned(),
            AddProblem::NotSent => t.factors.not_sent.to_owned(),
            AddProblem::Wrong => t.factors.wrong.to_owned(),
            AddProblem::SlowedDown { seconds } => t.wait(seconds),
        })
    }
}
