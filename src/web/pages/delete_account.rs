//! The question before an account ends: what happens, and the safe way out first.

use askama::Template;

use super::Frame;
use crate::base::Timestamp;
use crate::web::texts::exact;

/// A link `keep` that leads back and a button `confirm` that posts.
#[derive(Template)]
#[template(path = "pages/delete_account.html")]
pub struct DeleteAccount {
    pub frame: Frame,
    pub action: String,
    /// The session that the form answers for.
    pub session: String,
    /// When it would be gone for good, if it were decided now.
    pub gone_at: Timestamp,
    /// Whether a mail tells how to take it back.
    pub tells_by_mail: bool,
}

impl DeleteAccount {
    fn when(&self) -> String {
        self.frame.t().account_pages.delete_when.with(exact(self.frame.t(), self.gone_at)).to_string()
    }

    fn until(&self) -> &'static str {
        let t = &self.frame.t().account_pages;
        if self.tells_by_mail { t.delete_until } else { t.delete_no_mail }
    }
}
