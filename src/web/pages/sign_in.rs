//! The sign-in page. What was typed as an address comes back after a failed try, a password never does.

use askama::Template;

use super::{Frame, UpstreamButton};
use crate::web::texts::Texts;

/// Fields `username` and `password`, buttons `sign-in` and `cancel` (which posts `action=cancel`).
#[derive(Template)]
#[template(path = "pages/sign_in.html")]
pub struct SignIn {
    pub frame: Frame,
    /// Where the form is posted; the interaction is part of it.
    pub action: String,
    /// What was typed before, the `login_hint`, or the remembered address; may be empty.
    pub username: String,
    /// Where to choose another account, when the address was remembered or the session's.
    pub not_you_url: Option<String>,
    /// Where to make an account, where to have the password replaced, and where to have a link sent; where there is such a way.
    pub sign_up_url: Option<String>,
    pub forgot_url: Option<String>,
    pub by_mail_url: Option<String>,
    /// Where there can be passkeys.
    pub passkeys: Option<PasskeyWay>,
    /// Whether there is a password field; there always is one where no other provider is connected.
    pub has_password: bool,
    /// The other providers that people may sign in with.
    pub upstreams: Vec<UpstreamButton>,
    /// Who came from a provider with the address of an account: the provider, and the address.
    pub connect: Option<(String, String)>,
    /// The provider by which somebody came who has to prove themselves here as well.
    pub confirm: Option<String>,
    pub occasion: Occasion,
    pub problem: Option<SignInProblem>,
}

/// What the form of the button `passkey` needs; it posts `credential`.
pub struct PasskeyWay {
    /// Where its script fetches what the authenticator is asked.
    pub options_url: String,
    pub rp_id: String,
    /// A passkey that was just used and that nobody here has.
    pub unknown: Option<String>,
}

/// Why the page is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    First,
    /// Somebody is signed in, and the app wants the proof anew (`prompt=login`, `max_age`).
    Again,
}

/// Why the last try did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInProblem {
    NoMatch,
    Passkey(PasskeyProblem),
    UsernameMissing,
    PasswordMissing,
    SlowedDown { seconds: i64 },
    FormExpired,
    Busy,
}

/// Why a passkey did not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasskeyProblem {
    /// The page has sent nothing, so its script did not run.
    NoScript,
    Refused,
    Unknown,
    Copied,
    /// It is the last way in, and is not removed.
    Last,
    /// It is the last second factor of somebody who has to have one.
    IsNeeded,
}

impl PasskeyProblem {
    pub(super) const fn text(self, t: &Texts) -> &'static str {
        match self {
            Self::NoScript => t.passkeys.needs_script,
            Self::Refused => t.passkeys.refused,
            Self::Unknown => t.passkeys.unknown,
            Self::Copied => t.passkeys.copied,
            Self::Last => t.passkeys.last,
            Self::IsNeeded => t.factors.remove_needed,
        }
    }
}

impl SignIn {
    fn title(&self) -> String {
        let t = self.frame.t();
        match (&self.frame.app, self.occasion) {
            (_, Occasion::Again) => t.sign_in_again.to_owned(),
            (Some(app), Occasion::First) => t.sign_in_to.with(&app.name).to_string(),
            (None, Occasion::First) => t.sign_in.to_owned(),
        }
    }

    /// Whether the way in is not on this page: there is neither a password nor a button, and no mail.
    const fn is_elsewhere(&self) -> bool {
        !self.has_password && self.upstreams.is_empty() && self.by_mail_url.is_none()
    }

    fn is_again(&self) -> bool {
        self.occasion == Occasion::Again
    }

    fn problem_text(&self) -> Option<String> {
        let t = self.frame.t();
        Some(match self.problem? {
            SignInProblem::NoMatch => t.no_match.to_owned(),
            SignInProblem::Passkey(problem) => problem.text(t).to_owned(),
            SignInProblem::UsernameMissing => t.username_missing.to_owned(),
            SignInProblem::PasswordMissing => t.password_missing.to_owned(),
            SignInProblem::SlowedDown { seconds } => t.wait(seconds),
            SignInProblem::Busy => t.busy.to_owned(),
            SignInProblem::FormExpired => match &self.frame.app {
                Some(app) => t.form_expired_app.with(&app.name).to_string(),
                None => t.form_expired.to_owned(),
            },
        })
    }

    /// The error under the address.
    fn username_error(&self) -> Option<String> {
        matches!(self.problem, Some(SignInProblem::UsernameMissing)).then(|| self.problem_text()).flatten()
    }

    /// The error under the password; a wrong pair is shown there, since the address may well be right.
    fn password_error(&self) -> Option<String> {
        matches!(self.problem, Some(SignInProblem::PasswordMissing | SignInProblem::NoMatch))
            .then(|| self.problem_text())
            .flatten()
    }

    /// The id of the field that the summary links to.
    fn wrong_field(&self) -> Option<&'static str> {
        match self.problem? {
            SignInProblem::UsernameMissing => Some("username"),
            SignInProblem::NoMatch | SignInProblem::PasswordMissing => Some("password"),
            _ => None,
        }
    }

    /// Where the focus begins: the first field in error, the summary when no field is to blame, else the first empty field.
    fn first_focus(&self) -> &'static str {
        match (self.problem, self.username.is_empty()) {
            (Some(_), _) => self.wrong_field().unwrap_or("problem"),
            (None, true) => "username",
            (None, false) => "password",
        }
    }
}
