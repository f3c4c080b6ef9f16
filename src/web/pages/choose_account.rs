//! The account chooser: who is signed in, who has signed in here before, or somebody else (decision 10).

use askama::Template;

use super::{Frame, frame::initial};

/// Every choice posts `account` with its `value`; "another" posts `account=another`.
#[derive(Template)]
#[template(path = "pages/choose_account.html")]
pub struct ChooseAccount {
    pub frame: Frame,
    pub action: String,
    /// The public id of the session that the page shows: the answer counts for nobody else.
    pub session: String,
    pub current: Option<Choice>,
    pub remembered: Vec<Choice>,
}

/// One account to choose.
pub struct Choice {
    /// What the form posts.
    pub value: String,
    /// The address.
    pub address: String,
    pub name: Option<String>,
}

impl ChooseAccount {
    fn title(&self) -> String {
        let t = self.frame.t();
        self.frame.app.as_ref().map_or_else(|| t.choose.to_owned(), |app| t.choose_for.with(&app.name).to_string())
    }
}

impl Choice {
    fn initial(&self) -> String {
        initial(self.name.as_deref().unwrap_or(&self.address))
    }
}
