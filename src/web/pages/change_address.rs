//! The page of the person's address, and for another one.

use askama::Template;

use super::Frame;
use crate::endpoints::accounts::AddressRefused;

/// Field `email`, button `change-email`; both only where mail can be sent.
#[derive(Template)]
#[template(path = "pages/change_address.html")]
pub struct ChangeAddress {
    pub frame: Frame,
    pub action: String,
    /// The session that the form answers for.
    pub session: String,
    pub address: String,
    pub can_change: bool,
    /// What was typed.
    pub typed: String,
    pub problem: Option<AddressProblem>,
    pub is_done: bool,
}

/// Why nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressProblem {
    Refused(AddressRefused),
    Same,
}

impl ChangeAddress {
    fn error(&self) -> Option<&'static str> {
        let t = self.frame.t();
        Some(match self.problem? {
            AddressProblem::Refused(AddressRefused::NoAddress) => t.accounts.no_address,
            AddressProblem::Refused(AddressRefused::OtherDomain) => t.account_pages.other_domain,
            AddressProblem::Same => t.account_pages.same_address,
        })
    }

    fn errors(&self) -> Vec<(&'static str, &'static str)> {
        self.error().map(|text| ("email", text)).into_iter().collect()
    }
}
