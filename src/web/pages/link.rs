//! The pages behind links in mail: one button each, so that nothing that only opens links does anything (decision 14).

use askama::Template;

use super::{Frame, NewPassword};
use crate::base::Secret;

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
    /// Makes this the address of the account.
    ConfirmAddress { address: String },
    /// Makes this the address of the account again.
    Undo { address: String },
    /// Signs everybody out who is in the account of this person.
    Disown { address: String },
    /// Takes the planned end of this person's account back.
    Keep { address: String },
}

impl Link {
    fn title(&self) -> &'static str {
        let t = self.frame.t();
        match self.what {
            LinkTo::Verify { .. } => t.accounts.verify,
            LinkTo::SignIn { .. } => t.accounts.by_link,
            LinkTo::ConfirmAddress { .. } => t.account_pages.confirm_address,
            LinkTo::Undo { .. } => t.account_pages.undo,
            LinkTo::Disown { .. } => t.account_pages.disown,
            LinkTo::Keep { .. } => t.account_pages.keep_title,
        }
    }

    fn explanation(&self) -> String {
        let t = self.frame.t();
        match &self.what {
            LinkTo::Verify { address } => t.accounts.verify_what.with(address).to_string(),
            LinkTo::SignIn { address } => t.accounts.by_link_what.with(address).to_string(),
            LinkTo::ConfirmAddress { address } => t.account_pages.confirm_address_what.with(address).to_string(),
            LinkTo::Undo { address } => t.account_pages.undo_what.with(address).to_string(),
            LinkTo::Disown { address } => t.account_pages.disown_what.with(address).to_string(),
            LinkTo::Keep { address } => t.account_pages.keep_what.with(address).to_string(),
        }
    }

    fn button(&self) -> &'static str {
        let t = self.frame.t();
        match self.what {
            LinkTo::Verify { .. } => t.accounts.verify_button,
            LinkTo::SignIn { .. } => t.sign_in,
            LinkTo::ConfirmAddress { .. } => t.account_pages.confirm_address_button,
            LinkTo::Undo { .. } => t.account_pages.undo_button,
            LinkTo::Disown { .. } => t.account_pages.disown_button,
            LinkTo::Keep { .. } => t.account_pages.keep,
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

impl LinkCode {
    /// With the code as it is typed.
    pub fn new(code: Option<Secret<String>>, frame: Frame) -> Self {
        let code = code.map(|code| {
            let (first, second) = code.expose().split_at(3);
            format!("{first} {second}")
        });
        Self { frame, code }
    }
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
    AddressChanged,
    /// An account is not going to be deleted any more.
    Kept,
    /// A link was used or is too old; another one can be had.
    LinkGone,
}

impl Told {
    fn title(&self) -> &'static str {
        let (t, pages) = (&self.frame.t().accounts, &self.frame.t().account_pages);
        match self.what {
            Tidings::Verified => t.verified,
            Tidings::PasswordSet => t.password_set,
            Tidings::AddressChanged => pages.address_confirmed,
            Tidings::Kept => pages.kept,
            Tidings::LinkGone => t.link_gone,
        }
    }

    fn explanation(&self) -> &'static str {
        let (t, pages) = (&self.frame.t().accounts, &self.frame.t().account_pages);
        match self.what {
            Tidings::Verified => t.verified_what,
            Tidings::PasswordSet => t.password_set_what,
            Tidings::AddressChanged => pages.address_confirmed_what,
            Tidings::Kept => pages.kept_what,
            Tidings::LinkGone => t.link_gone_what,
        }
    }

    fn button(&self) -> &'static str {
        let t = self.frame.t();
        match self.what {
            Tidings::Verified | Tidings::PasswordSet | Tidings::Kept => t.sign_in,
            Tidings::AddressChanged => t.go_on,
            Tidings::LinkGone => t.accounts.start_again,
        }
    }

    /// The id of the page for whoever automates it.
    const fn id(&self) -> &'static str {
        match self.what {
            Tidings::Verified => "verified",
            Tidings::PasswordSet => "password-set",
            Tidings::AddressChanged => "address-changed",
            Tidings::Kept => "account-kept",
            Tidings::LinkGone => "link-gone",
        }
    }
}
