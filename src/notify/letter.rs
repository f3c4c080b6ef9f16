//! What a mail says: one variant a letter, with what its templates need, and the envelope that it goes in.
//!
//! Links are complete URLs of ours, made by the caller; links and codes are secrets, so nothing here prints them. Names are
//! what strangers chose: they are cleaned when the letter is rendered (`plain`).

use serde::{Deserialize, Serialize};

use crate::base::Timestamp;
use crate::oauth::Lang;

/// A letter. `app` is the name of the app that the person was on the way to.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Letter {
    /// Prove that this address is yours, by link or by code.
    VerifyAddress {
        link: String,
        code: String,
        app: Option<String>,
    },
    /// Somebody tried to sign up with an address that has an account.
    AddressTaken {
        sign_in_link: String,
        reset_link: String,
        app: Option<String>,
    },
    ResetPassword {
        link: String,
    },
    /// `code` is what is typed in the browser that asked, instead of the link.
    SignInLink {
        link: String,
        code: String,
        app: Option<String>,
    },
    SignInCode {
        code: String,
        app: Option<String>,
    },
    Invitation {
        link: String,
    },
    /// To the new address, before it takes the place of the old one.
    ConfirmNewAddress {
        link: String,
        code: String,
    },
    /// To the old address, with a way back.
    AddressChanged {
        new_address: String,
        undo_link: String,
    },
    PasswordChanged {
        at: Timestamp,
        device: String,
        reset_link: String,
    },
    /// `device` in words ("Firefox on Linux"), `network` as an address range.
    NewDevice {
        at: Timestamp,
        device: String,
        network: String,
        not_me_link: String,
    },
    DeletionPlanned {
        on: Timestamp,
        cancel_link: String,
    },
    AccountDeleted {},
    /// A stolen copy of an app's sign-in was noticed and ended.
    TokenReuse {
        app: String,
        at: Timestamp,
    },
    /// `what` says in the person's language what happened: "A passkey was added." It is a sentence of ours, shown as it is: a name
    /// that somebody chose goes through [`super::shown_name`] before it stands there.
    FactorChanged {
        what: String,
        at: Timestamp,
        reset_link: String,
    },
}

/// A letter with its address, for one person in one language.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// The one address, as it is stored.
    pub to: String,
    /// What the person is called, if that is known.
    pub name: Option<String>,
    pub lang: Lang,
    pub letter: Letter,
    /// It is not sent at or after this moment: its links and codes are worth nothing then.
    pub expires_at: Timestamp,
}

impl Letter {
    /// The name of its templates, and its kind in the outbox.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::VerifyAddress { .. } => "verify_address",
            Self::AddressTaken { .. } => "address_taken",
            Self::ResetPassword { .. } => "reset_password",
            Self::SignInLink { .. } => "sign_in_link",
            Self::SignInCode { .. } => "sign_in_code",
            Self::Invitation { .. } => "invitation",
            Self::ConfirmNewAddress { .. } => "confirm_new_address",
            Self::AddressChanged { .. } => "address_changed",
            Self::PasswordChanged { .. } => "password_changed",
            Self::NewDevice { .. } => "new_device",
            Self::DeletionPlanned { .. } => "deletion_planned",
            Self::AccountDeleted {} => "account_deleted",
            Self::TokenReuse { .. } => "token_reuse",
            Self::FactorChanged { .. } => "factor_changed",
        }
    }

    /// One of each, for whoever checks templates: what they show is made up, what they need is all there.
    pub fn samples(link: &str) -> Vec<Self> {
        let (link, text, at) = (|| link.to_owned(), |text: &str| text.to_owned(), Timestamp::from_unix(1_795_442_700));
        let app = || Some(text("Grafana"));
        vec![
            Self::VerifyAddress { link: link(), code: text("123456"), app: app() },
            Self::AddressTaken { sign_in_link: link(), reset_link: link(), app: app() },
            Self::ResetPassword { link: link() },
            Self::SignInLink { link: link(), code: text("123456"), app: app() },
            Self::SignInCode { code: text("123456"), app: app() },
            Self::Invitation { link: link() },
            Self::ConfirmNewAddress { link: link(), code: text("123456") },
            Self::AddressChanged { new_address: text("ana@example.net"), undo_link: link() },
            Self::PasswordChanged { at, device: text("Firefox on Linux"), reset_link: link() },
            Self::NewDevice { at, device: text("Firefox on Linux"), network: text("203.0.113.0/24"), not_me_link: link() },
            Self::DeletionPlanned { on: at, cancel_link: link() },
            Self::AccountDeleted {},
            Self::TokenReuse { app: text("Grafana"), at },
            Self::FactorChanged { what: text("A passkey was added."), at, reset_link: link() },
        ]
    }
}

/// The kind alone: the rest holds secrets.
impl std::fmt::Debug for Letter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
