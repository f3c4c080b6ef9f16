//! The page for another password, or a first one. No password ever comes back.

use askama::Template;

use super::{Frame, NewPassword};
use crate::endpoints::accounts::CurrentRefused;

/// Fields `current` (for who has a password), `password` and `elsewhere`, button `change-password`.
#[derive(Template)]
#[template(path = "pages/change_password.html")]
pub struct ChangePassword {
    pub frame: Frame,
    pub action: String,
    /// The session that the form answers for.
    pub session: String,
    /// For the person's password manager.
    pub username: String,
    pub has_password: bool,
    pub new_password: NewPassword,
    /// Whether the box "everywhere else" is checked.
    pub signs_out_elsewhere: bool,
    pub problem: Option<PasswordProblem>,
    pub is_done: bool,
}

/// Why nothing was changed, where it is not the new password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordProblem {
    Current(CurrentRefused),
    SlowedDown { seconds: i64 },
    Busy,
}

impl ChangePassword {
    fn title(&self) -> &'static str {
        let t = &self.frame.t().account_pages;
        if self.has_password { t.change_password } else { t.first_password }
    }

    fn current_error(&self) -> Option<&'static str> {
        let t = &self.frame.t().account_pages;
        Some(match self.problem? {
            PasswordProblem::Current(CurrentRefused::Missing) => t.current_missing,
            PasswordProblem::Current(CurrentRefused::Wrong) => t.current_wrong,
            PasswordProblem::SlowedDown { .. } | PasswordProblem::Busy => return None,
        })
    }

    /// What no field is to blame for.
    fn trouble(&self) -> Option<String> {
        let t = self.frame.t();
        match self.problem? {
            PasswordProblem::Current(_) => None,
            PasswordProblem::SlowedDown { seconds } => Some(t.wait(seconds)),
            PasswordProblem::Busy => Some(t.busy.to_owned()),
        }
    }

    /// What the summary says: each error with its field.
    fn errors(&self) -> Vec<(&'static str, String)> {
        let current = self.current_error().map(|text| ("current", text.to_owned()));
        let new = self.new_password.errors.iter().map(|text| ("password", text.clone()));
        current.into_iter().chain(new).collect()
    }
}
