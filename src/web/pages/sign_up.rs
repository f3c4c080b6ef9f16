//! The page for a new account. What was typed comes back after a failed try, a password never does.

use askama::Template;

use super::{Frame, NewPassword, UpstreamButton};
use crate::endpoints::accounts::AddressRefused;

/// Fields `username`, `name` and `password`, buttons `sign-up` and `cancel`.
#[derive(Template)]
#[template(path = "pages/sign_up.html")]
pub struct SignUp {
    pub frame: Frame,
    /// The other providers by which people may come as well.
    pub upstreams: Vec<UpstreamButton>,
    pub action: String,
    pub sign_in_url: String,
    pub username: String,
    pub name: String,
    pub new_password: NewPassword,
    pub address_refused: Option<AddressRefused>,
    pub name_refused: bool,
    pub problem: Option<FormProblem>,
}

/// What is wrong with a form as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormProblem {
    /// The fields say what.
    Fields,
    Busy,
}

impl SignUp {
    fn title(&self) -> String {
        let t = self.frame.t();
        match &self.frame.app {
            Some(app) => t.accounts.sign_up_to.with(&app.name).to_string(),
            None => t.accounts.sign_up.to_owned(),
        }
    }

    fn address_error(&self) -> Option<&'static str> {
        let t = &self.frame.t().accounts;
        Some(match self.address_refused? {
            AddressRefused::NoAddress => t.no_address,
            AddressRefused::OtherDomain => t.other_domain,
        })
    }

    fn name_error(&self) -> Option<&'static str> {
        self.name_refused.then_some(self.frame.t().accounts.no_name)
    }

    /// Whether the name is the first field that is wrong: the focus begins there.
    const fn is_name_first(&self) -> bool {
        self.name_refused && self.address_refused.is_none()
    }

    /// What the summary says: each error with its field.
    fn errors(&self) -> Vec<(&'static str, String)> {
        let mut errors = Vec::new();
        errors.extend(self.address_error().map(|text| ("username", text.to_owned())));
        errors.extend(self.name_error().map(|text| ("name", text.to_owned())));
        errors.extend(self.new_password.errors.iter().map(|text| ("password", text.clone())));
        errors
    }
}
