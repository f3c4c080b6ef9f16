//! Recovery codes: how many are left, and a new set, which is shown once.

use askama::Template;

use super::Frame;
use crate::base::Secret;

/// Button `make-codes`.
#[derive(Template)]
#[template(path = "pages/recovery_codes.html")]
pub struct RecoveryCodes {
    pub frame: Frame,
    pub action: String,
    pub session: String,
    pub left: usize,
    pub is_few: bool,
    /// Whether the person may have some.
    pub is_offered: bool,
}

/// The list `#recovery-codes`, and a button that sends it back as a file.
#[derive(Template)]
#[template(path = "pages/new_recovery_codes.html")]
pub struct NewRecoveryCodes {
    pub frame: Frame,
    /// Where the file comes from.
    pub action: String,
    pub codes: Vec<Secret<String>>,
    /// Whether they come with a factor that has just been added.
    pub is_with_factor: bool,
}

impl RecoveryCodes {
    fn left_text(&self) -> String {
        let count = i64::try_from(self.left).unwrap_or_default();
        let t = &self.frame.t().factors;
        if self.left == 0 { t.codes_none.to_owned() } else { t.codes_left.of(count).to_string() }
    }

    fn make_text(&self) -> &'static str {
        let t = &self.frame.t().factors;
        if self.left == 0 { t.make_codes } else { t.make_codes_again }
    }
}

impl NewRecoveryCodes {
    fn notice_text(&self) -> Option<&'static str> {
        self.is_with_factor.then(|| self.frame.t().factors.added)
    }

    fn as_lines(&self) -> String {
        self.codes.iter().map(|code| code.expose().as_str()).collect::<Vec<_>>().join("\n")
    }
}
