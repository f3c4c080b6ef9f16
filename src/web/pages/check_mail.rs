//! "Check your mail": what was sent, a field for its code where it has one, and a button to have it sent again. It looks the
//! same whether or not anything was sent.

use askama::Template;

use super::Frame;
use crate::endpoints::accounts::{Await, Awaited};

/// Field `code`, buttons `verify` and `send-again`.
#[derive(Template)]
#[template(path = "pages/check_mail.html")]
pub struct CheckMail {
    pub frame: Frame,
    pub action: String,
    /// Nothing if no mail was asked for yet.
    pub awaited: Option<Awaited>,
    pub problem: Option<CodeProblem>,
    /// The sign-in page of the same interaction, or the page of the account that asked.
    pub back_url: String,
}

/// Why a code was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeProblem {
    Wrong,
    SlowedDown { seconds: i64 },
}

impl CheckMail {
    fn title(&self) -> &'static str {
        let t = &self.frame.t().accounts;
        if self.awaited.is_some() { t.check_mail } else { t.must_verify }
    }

    fn what(&self) -> String {
        let t = &self.frame.t().accounts;
        match &self.awaited {
            None => t.must_verify_what.to_owned(),
            Some(Awaited { what: Await::Verification | Await::FirstSignIn, to }) => t.sent_verification.with(to).to_string(),
            Some(Awaited { what: Await::NewAddress, to }) => {
                self.frame.t().account_pages.sent_to_new_address.with(to).to_string()
            }
            Some(Awaited { what: Await::Reset | Await::SignIn, to }) => t.sent_if_known.with(to).to_string(),
        }
    }

    fn back(&self) -> &'static str {
        let t = self.frame.t();
        match &self.awaited {
            Some(Awaited { what: Await::NewAddress, .. }) => t.account_pages.back_to_account,
            _ => t.accounts.back_to_sign_in,
        }
    }

    fn has_code(&self) -> bool {
        self.awaited.as_ref().is_some_and(|awaited| awaited.what != Await::Reset)
    }

    fn problem_text(&self) -> Option<String> {
        let t = self.frame.t();
        Some(match self.problem? {
            CodeProblem::Wrong => t.accounts.wrong_code.to_owned(),
            CodeProblem::SlowedDown { seconds } => t.wait(seconds),
        })
    }
}
