//! The account page: who am I, where am I signed in, which apps may do what. It only shows; each act has a page of its
//! own that asks first.

use askama::Template;

use super::{Frame, frame::initial};
use crate::base::Timestamp;
use crate::identity::device::device;
use crate::web::texts::{ago, exact, iso};

/// The person's own page.
#[derive(Template)]
#[template(path = "pages/account.html")]
pub struct Account {
    pub frame: Frame,
    pub name: Option<String>,
    pub address: String,
    /// Whether `address` belongs to the person for certain.
    pub address_verified: bool,
    pub since: Timestamp,
    pub now: Timestamp,
    pub sessions: Vec<SessionRow>,
    pub apps: Vec<AppRow>,
    /// Leads to the page that asks before it signs out everywhere.
    pub everywhere_url: String,
    /// Leads to the page that asks before every app is removed.
    pub all_apps_url: String,
    pub notice: Option<Notice>,
    /// Until when the person has to set up a second factor.
    pub factor_due: Option<Timestamp>,
}

/// One browser in which the person is signed in.
pub struct SessionRow {
    pub user_agent: String,
    /// The network address, as shown.
    pub from: String,
    pub signed_in_at: Timestamp,
    pub last_seen_at: Timestamp,
    /// Whether it is the session that shows the page.
    pub this_one: bool,
    /// Leads to the page that asks before it ends.
    pub end_url: String,
}

/// One app that has the person's consent.
pub struct AppRow {
    pub name: String,
    pub logo_url: Option<String>,
    /// Scope tokens.
    pub scopes: Vec<String>,
    pub since: Timestamp,
    /// Leads to the page that asks before it is removed.
    pub remove_url: String,
}

/// What has just been done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    SessionEnded,
    AppRemoved,
    AppsRemoved,
}

impl Account {
    fn person(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.address)
    }

    fn initial(&self) -> String {
        initial(self.person())
    }

    fn exact(&self, at: &Timestamp) -> String {
        exact(self.frame.t(), *at)
    }

    fn due_text(&self) -> Option<String> {
        let t = self.frame.t();
        Some(t.factors.due.with(exact(t, self.factor_due?)).to_string())
    }

    fn ago(&self, at: &Timestamp) -> String {
        ago(self.frame.t(), *at, self.now)
    }

    fn iso(&self, at: &Timestamp) -> String {
        iso(*at)
    }

    fn device(&self, session: &SessionRow) -> String {
        device(self.frame.lang, &session.user_agent)
    }

    fn notice_text(&self) -> Option<&'static str> {
        let t = self.frame.t();
        Some(match self.notice? {
            Notice::SessionEnded => t.session_ended,
            Notice::AppRemoved => t.app_removed,
            Notice::AppsRemoved => t.account_pages.apps_removed,
        })
    }
}

impl AppRow {
    fn initial(&self) -> String {
        initial(&self.name)
    }
}
