//! The page that asks for an address to send something to. Whether anybody has it is not said.

use askama::Template;

use super::Frame;

/// Field `username`, button `send`.
#[derive(Template)]
#[template(path = "pages/ask_address.html")]
pub struct AskAddress {
    pub frame: Frame,
    pub action: String,
    pub what: Asked,
    pub username: String,
    pub is_missing: bool,
    pub sign_in_url: String,
}

/// What will be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    Reset,
    SignIn,
}

impl AskAddress {
    fn title(&self) -> &'static str {
        let t = &self.frame.t().accounts;
        match self.what {
            Asked::Reset => t.forgot,
            Asked::SignIn => t.by_mail,
        }
    }

    fn explanation(&self) -> &'static str {
        let t = &self.frame.t().accounts;
        match self.what {
            Asked::Reset => t.forgot_what,
            Asked::SignIn => t.by_mail_what,
        }
    }
}
