//! The page of an invitation: the address is the one that was invited, and cannot be another.

use askama::Template;

use super::{FormProblem, Frame, NewPassword};

/// Fields `name` and `password`, button `accept`.
#[derive(Template)]
#[template(path = "pages/invitation.html")]
pub struct Invitation {
    pub frame: Frame,
    pub action: String,
    pub address: String,
    pub name: String,
    pub new_password: NewPassword,
    pub name_refused: bool,
    pub problem: Option<FormProblem>,
}

impl Invitation {
    fn title(&self) -> String {
        self.frame.t().accounts.invited.with(&self.frame.house.name).to_string()
    }

    fn name_error(&self) -> Option<&'static str> {
        self.name_refused.then_some(self.frame.t().accounts.no_name)
    }

    /// Whether the name is the first field that is wrong: the focus begins there.
    const fn is_name_first(&self) -> bool {
        self.name_refused
    }

    /// What the summary says: each error with its field.
    fn errors(&self) -> Vec<(&'static str, String)> {
        let name = self.name_error().map(|text| ("name", text.to_owned()));
        name.into_iter().chain(self.new_password.errors.iter().map(|text| ("password", text.clone()))).collect()
    }
}
