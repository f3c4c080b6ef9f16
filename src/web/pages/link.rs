//! The pages behind links in mail: one button each, so that nothing that only opens links does anything (decision 14).

use askama::Template;

use super::{Frame, NewPassword};

/// A page with one button, `go-on`.
#[derive(Template)]
#[template(path = "pages/link.html")]
pub struct Link {
    pub frame: Frame,
    pub action: String,
    pub what: LinkTo,
}

/// What the button does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkTo {
    /// Proves this address.
    Verify { address: String },
    /// Signs in as this person.
    SignIn { address: String },
}

impl Link {
    fn title(&self) -> &'static str {
        let t = &self.frame.t().accounts;
        match self.what {
            LinkTo::Verify { .. } => t.verify,
            LinkTo::SignIn { .. } => t.by_link,
        }
    }

    fn explanation(&self) -> String {
        let t = &self.frame.t().accounts;
        match &self.what {
            LinkTo::Verify { address } => t.verify_what.with(address).to_string(),
            LinkTo::SignIn { address } => t.by_link_what.with(address).to_string(),
        }
    }

    fn button(&self) -> &'static str {
        let t = self.frame.t();
        match self.what {
            LinkTo::Verify { .. } => t.accounts.verify_button,
            LinkTo::SignIn { .. } => t.sign_in,
        }
    }
}

/// A sign-in link in another browser: the code in `#code` is typed where it was asked for.
#[derive(Template)]
#[template(path = "pages/link_code.html")]
pub struct LinkCode {
    pub frame: Frame,
    /// In two groups of three; nothing if it is too old.
    pub code: Option<String>,
}

/// A new password, for who holds the link: field `password`, button `set-password`.
#[derive(Template)]
#[template(path = "pages/reset_password.html")]
pub struct ResetPassword {
    pub frame: Frame,
    pub action: String,
    pub address: String,
    pub new_password: NewPassword,
    pub is_busy: bool,
}

impl ResetPassword {
    /// What the summary says: each error with its field.
    fn errors(&self) -> Vec<(&'static str, String)> {
        self.new_password.errors.iter().map(|text| ("password", text.clone())).collect()
    }
}

/// What has happened, and where to go on.
#[derive(Template)]
#[template(path = "pages/told.html")]
pub struct Told {
    pub frame: Frame,
    pub what: Tidings,
    pub go_on_url: String,
}

/// What there is to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tidings {
    /// An address was proved in another browser than the one that asked.
    Verified,
    PasswordSet,
    /// A link was used or is too old; another one can be had.
    LinkGone,
}

impl Told {
    fn title(&self) -> &'static str {
        let t = &self.frame.t().accounts;
        match self.what {
            Tidings::Verified => t.verified,
            Tidings::PasswordSet => t.password_set,
            Tidings::LinkGone => t.link_gone,
        }
    }

    fn explanation(&self) -> &'static str {
        let t = &self.frame.t().accounts;
        match self.what {
            Tidings::Verified => t.verified_what,
            Tidings::PasswordSet => t.password_set_what,
            Tidings::LinkGone => t.link_gone_what,
        }
    }

    fn button(&self) -> &'static str {
        let t = self.frame.t();
        match self.what {
            Tidings::Verified | Tidings::PasswordSet => t.sign_in,
            Tidings::LinkGone => t.accounts.start_again,
        }
    }

    /// The id of the page for whoever automates it.
    const fn id(&self) -> &'static str {
        match self.what {
            Tidings::Verified => "verified",
            Tidings::PasswordSet => "password-set",
            Tidings::LinkGone => "link-gone",
        }
    }
}
