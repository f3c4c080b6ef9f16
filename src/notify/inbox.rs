//! Mail that never leaves the process: for the demo's inbox and for tests.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Rendered;
use crate::base::Timestamp;

/// The most mails that are kept; the oldest go first.
const KEPT: usize = 500;

/// A mail as it would have been sent.
#[derive(Clone, Debug)]
pub struct Caught {
    pub to: String,
    pub words: Rendered,
    /// The whole message (RFC 5322).
    pub raw: String,
    pub at: Timestamp,
}

/// Caught mail; clones are the same inbox.
#[derive(Clone, Debug, Default)]
pub struct Inbox(Arc<Mutex<VecDeque<Caught>>>);

impl Inbox {
    fn mails(&self) -> MutexGuard<'_, VecDeque<Caught>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn put(&self, mail: Caught) {
        let mut mails = self.mails();
        mails.push_front(mail);
        mails.truncate(KEPT);
    }

    /// Catches a text message beside the mail.
    pub fn catch(&self, to: &str, text: &str, at: Timestamp) {
        let words = Rendered { subject: to.to_owned(), text: text.to_owned(), html: String::new() };
        self.put(Caught { to: to.to_owned(), words, raw: text.to_owned(), at });
    }

    /// Everything that is there, newest first.
    pub fn all(&self) -> Vec<Caught> {
        self.mails().iter().cloned().collect()
    }

    /// Takes out the mails to an address, oldest first.
    pub fn take(&self, to: &str) -> Vec<Caught> {
        let mut mails = self.mails();
        let (wanted, others) = std::mem::take(&mut *mails).into_iter().partition(|mail| mail.to == to);
        *mails = others;
        let mut wanted: Vec<_> = VecDeque::into(wanted);
        wanted.reverse();
        wanted
    }
}
