//! The account's pages about second factors.

use askama::Template;

use super::Frame;
use super::second_factor::NewKey;
use crate::base::Timestamp;
use crate::identity::device::device;
use crate::web::texts::{ago, exact, iso};

/// What a person has, and links to change it.
#[derive(Template)]
#[template(path = "pages/authenticators.html")]
pub struct Authenticators {
    pub frame: Frame,
    pub rows: Vec<FactorRow>,
    pub now: Timestamp,
    pub add_url: Option<String>,
    /// Passkeys have a page of their own.
    pub passkeys_url: Option<String>,
    /// Whether the person has some that count here.
    pub has_passkeys: bool,
    /// For who has a second factor and nothing to come back with.
    pub codes_url: Option<String>,
    /// What plugins bring: id, text and address of each link.
    pub more: Vec<(String, String, String)>,
    pub devices: Vec<DeviceRow>,
    /// Where the forms beside remembered browsers go.
    pub forget_url: String,
    pub notice: Option<FactorNotice>,
}

/// One factor.
pub struct FactorRow {
    pub kind: String,
    pub name: String,
    pub since: Timestamp,
    pub last_used_at: Option<Timestamp>,
    pub url: String,
}

/// One browser that is remembered.
pub struct DeviceRow {
    pub id: String,
    pub user_agent: String,
    pub last_used_at: Timestamp,
}

/// What has just been done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactorNotice {
    Added,
    Removed,
    Renamed,
    Forgotten,
}

impl Authenticators {
    fn notice_text(&self) -> Option<&'static str> {
        let t = &self.frame.t().factors;
        Some(match self.notice? {
            FactorNotice::Added => t.added,
            FactorNotice::Removed => t.removed,
            FactorNotice::Renamed => t.renamed,
            FactorNotice::Forgotten => t.forgotten,
        })
    }

    fn used(&self, row: &FactorRow) -> String {
        let t = self.frame.t();
        match row.last_used_at {
            Some(at) => t.factors.last_used.with(ago(t, at, self.now)).to_string(),
            None => t.factors.never_used.to_owned(),
        }
    }

    fn added(&self, row: &FactorRow) -> String {
        let t = self.frame.t();
        t.factors.since.with(exact(t, row.since)).to_string()
    }

    fn device(&self, row: &DeviceRow) -> String {
        device(self.frame.lang, &row.user_agent)
    }

    fn device_used(&self, row: &DeviceRow) -> String {
        let t = self.frame.t();
        t.factors.last_used.with(ago(t, row.last_used_at, self.now)).to_string()
    }

    fn iso(&self, row: &FactorRow) -> String {
        iso(row.since)
    }
}

/// The page that adds an authenticator app; nothing but a sentence if the person has enough.
#[derive(Template)]
#[template(path = "pages/add_authenticator.html")]
pub struct AddAuthenticator {
    pub frame: Frame,
    pub new_key: Option<NewKey>,
}

/// One factor: its name, and the question before it goes.
#[derive(Template)]
#[template(path = "pages/authenticator.html")]
pub struct Authenticator {
    pub frame: Frame,
    pub action: String,
    pub session: String,
    pub name: String,
    pub is_last: bool,
    pub is_needed: bool,
    pub is_bad_name: bool,
}

impl Authenticator {
    fn consequence(&self) -> &'static str {
        let t = &self.frame.t().factors;
        match (self.is_needed, self.is_last) {
            (true, _) => t.remove_needed,
            (false, true) => t.remove_last,
            (false, false) => t.remove_what,
        }
    }
}
