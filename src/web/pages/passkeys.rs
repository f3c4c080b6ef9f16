//! One's own passkeys: a page with all of them, where another can be added, and a page for each.

use askama::Template;

use super::{Frame, PasskeyProblem};
use crate::base::Timestamp;
use crate::web::texts::{ago, exact, iso};

/// A form `add-passkey` with `name` and `credential`, which its script fills in.
#[derive(Template)]
#[template(path = "pages/passkeys.html")]
pub struct Passkeys {
    pub frame: Frame,
    pub action: String,
    pub options_url: String,
    /// The session that the form answers for.
    pub session: String,
    pub now: Timestamp,
    pub rows: Vec<PasskeyRow>,
    /// Nothing where no passkeys are possible.
    pub rp_id: Option<String>,
    /// By what authenticators know the person, and what they call them.
    pub handle: Option<String>,
    pub name: String,
    pub display_name: String,
    pub has_password: bool,
    /// Leads to the page that asks before the password goes, for who can do without.
    pub drop_password_url: Option<String>,
    pub is_full: bool,
    pub notice: Option<PasskeyNotice>,
    pub problem: Option<PasskeyProblem>,
}

/// One passkey.
pub struct PasskeyRow {
    pub name: String,
    pub credential_id: String,
    /// Whether it is enough to sign in with.
    pub signs_in: bool,
    /// Whether it can leave its device, and whether it has.
    pub synced: bool,
    pub backed_up: bool,
    pub created_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
    /// Leads to the page of this one.
    pub url: String,
}

/// What has just been done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasskeyNotice {
    Added,
    Renamed,
    Removed,
    PasswordRemoved,
}

impl Passkeys {
    fn notice_text(&self) -> Option<&'static str> {
        let t = &self.frame.t().passkeys;
        Some(match self.notice? {
            PasskeyNotice::Added if self.has_password => t.added,
            PasskeyNotice::Added => t.added_only,
            PasskeyNotice::Renamed => t.renamed,
            PasskeyNotice::Removed => t.removed,
            PasskeyNotice::PasswordRemoved => t.dropped,
        })
    }

    fn passwordless_text(&self) -> &'static str {
        let t = &self.frame.t().passkeys;
        if self.rows.iter().any(|row| row.signs_in) { t.passwordless_now } else { t.passwordless_else }
    }

    /// What is refused here was to be added.
    fn problem_text(&self) -> Option<&'static str> {
        let t = self.frame.t();
        Some(match self.problem? {
            PasskeyProblem::Refused => t.passkeys.enrol_refused,
            problem => problem.text(t),
        })
    }

    fn kind(&self, row: &PasskeyRow) -> String {
        let t = &self.frame.t().passkeys;
        let place = match (row.synced, row.backed_up) {
            (true, true) => t.synced,
            (true, false) => t.to_be_synced,
            (false, _) => t.one_device,
        };
        if row.signs_in { place.to_owned() } else { format!("{place} · {}", t.second_only) }
    }

    fn added(&self, row: &PasskeyRow) -> String {
        let t = self.frame.t();
        t.passkeys.added_at.with(exact(t, row.created_at)).to_string()
    }

    fn used(&self, row: &PasskeyRow) -> String {
        let t = self.frame.t();
        match row.last_used_at {
            Some(at) => t.passkeys.last_used.with(ago(t, at, self.now)).to_string(),
            None => t.passkeys.never_used.to_owned(),
        }
    }

    fn iso(&self, at: &Timestamp) -> String {
        iso(*at)
    }

    /// The credential ids that are good, for authenticators that throw others away.
    fn accepted(&self) -> String {
        self.rows.iter().map(|row| row.credential_id.as_str()).collect::<Vec<_>>().join(" ")
    }
}

/// Field `name`, button `save`, and a link `remove`.
#[derive(Template)]
#[template(path = "pages/passkey.html")]
pub struct ChangePasskey {
    pub frame: Frame,
    pub action: String,
    pub session: String,
    pub name: String,
    pub is_nameless: bool,
    pub remove_url: String,
    pub back_url: String,
}

impl ChangePasskey {
    fn errors(&self) -> Vec<(&'static str, &'static str)> {
        let missing = self.is_nameless.then_some(("name", self.frame.t().passkeys.name_missing));
        missing.into_iter().collect()
    }
}
