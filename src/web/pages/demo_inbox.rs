//! The inbox of a demo: mail that was caught instead of being sent.

use askama::Template;

use super::Frame;
use crate::base::{Issuer, Timestamp};
use crate::notify::Caught;
use crate::web::texts::{exact, iso};

/// The list `mails`, newest first, and the link `inbox-reload`.
#[derive(Template)]
#[template(path = "pages/demo_inbox.html")]
pub struct DemoInbox {
    pub frame: Frame,
    pub mails: Vec<CaughtMail>,
    pub demo_url: String,
    /// This page, to look again.
    pub inbox_url: String,
}

/// One mail.
pub struct CaughtMail {
    pub to: String,
    pub subject: String,
    pub at: Timestamp,
    /// Its text, line by line.
    pub lines: Vec<Line>,
}

/// A line of a mail's text: words, or one link of ours.
pub enum Line {
    Words(String),
    Link(String),
}

impl CaughtMail {
    /// Only a line that is one link of this issuer becomes one; everything else stays text.
    pub fn new(mail: Caught, issuer: &Issuer) -> Self {
        let own = issuer.join("/");
        let line = |line: &str| {
            let is_link = line.starts_with(&own) && !line.contains(char::is_whitespace);
            if is_link { Line::Link(line.to_owned()) } else { Line::Words(line.to_owned()) }
        };
        let lines = mail.words.text.lines().map(line).collect();
        Self { to: mail.to, subject: mail.words.subject, at: mail.at, lines }
    }
}

impl DemoInbox {
    fn exact(&self, mail: &CaughtMail) -> String {
        exact(self.frame.t(), mail.at)
    }
}

impl CaughtMail {
    fn iso(&self) -> String {
        iso(self.at)
    }
}
