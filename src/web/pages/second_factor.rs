//! The pages of an interaction that ask for a second factor, or for adding one.

use askama::Template;

use super::{Frame, PasskeyProblem};
use crate::base::{Secret, Timestamp};
use crate::endpoints::second_factor::Way;
use crate::identity::factor::{EMAIL, Level, RECOVERY, Words};
use crate::identity::passkeys::{PASSKEY, SECURITY_KEY};
use crate::identity::totp;
use crate::web::texts::{Texts, ago, exact};

/// Field `code`, buttons `verify` and `another-way`.
#[derive(Template)]
#[template(path = "pages/second_factor.html")]
pub struct SecondFactor {
    pub frame: Frame,
    pub action: String,
    pub way: WayWords,
    pub problem: Option<SecondFactorProblem>,
    /// For how many days the browser may be remembered.
    pub remember_days: Option<i64>,
    /// The sign-in page, for who is somebody else.
    pub not_you_url: Option<String>,
}

/// The ways that a person has, last used first.
#[derive(Template)]
#[template(path = "pages/ways.html")]
pub struct Ways {
    pub frame: Frame,
    pub ways: Vec<WayRow>,
    pub not_you_url: Option<String>,
}

/// One way in a list.
pub struct WayRow {
    pub id: String,
    pub url: String,
    pub name: String,
    pub detail: String,
}

/// The same for a passkey: its script fills in `credential`, buttons `verify` and `another-way`.
#[derive(Template)]
#[template(path = "pages/second_factor_passkey.html")]
pub struct SecondFactorPasskey {
    pub frame: Frame,
    pub action: String,
    pub way: WayWords,
    pub problem: Option<SecondFactorProblem>,
    pub remember_days: Option<i64>,
    pub not_you_url: Option<String>,
}

impl SecondFactorPasskey {
    fn remember_text(&self) -> Option<String> {
        self.remember_days.map(|days| self.frame.t().factors.remember.of(days).to_string())
    }

    fn button(&self) -> &str {
        if self.way.kind == PASSKEY { self.frame.t().passkeys.use_one } else { &self.way.name }
    }

    fn problem_text(&self) -> Option<&'static str> {
        let t = self.frame.t();
        Some(match self.problem? {
            SecondFactorProblem::Missing => t.passkeys.needs_script,
            SecondFactorProblem::Wrong | SecondFactorProblem::NotSent | SecondFactorProblem::SlowedDown { .. } => {
                t.passkeys.factor_refused
            }
        })
    }
}

/// Why a second factor was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondFactorProblem {
    Missing,
    Wrong,
    /// The message did not go out.
    NotSent,
    SlowedDown {
        seconds: i64,
    },
}

/// What a page says of one kind.
pub struct WayWords {
    pub kind: String,
    pub name: String,
    pub how: String,
    pub help: String,
    pub input_mode: &'static str,
    pub sending: Sending,
}

/// Whether a code has to be sent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sending {
    Never,
    First,
    /// One is on its way.
    Again,
}

impl WayWords {
    /// The words of the catalogue, or those that a plugin brings.
    pub fn new(t: &Texts, kind: &str, own: Option<Words>) -> Self {
        let (name, how, help, input_mode) = match (kind, own) {
            (totp::KIND, _) => (t.factors.totp, t.factors.totp_how, t.factors.totp_help, "numeric"),
            (RECOVERY, _) => (t.factors.recovery, t.factors.recovery_how, t.factors.recovery_help, "text"),
            (EMAIL, _) => (t.factors.email_code, t.factors.email_how, t.accounts.code_help, "numeric"),
            (PASSKEY, _) => (t.passkeys.passkey, t.passkeys.passkey_how, "", "none"),
            (SECURITY_KEY, _) => (t.passkeys.security_key, t.passkeys.security_key_how, "", "none"),
            (_, Some(words)) => (words.name, words.how, t.accounts.code_help, "numeric"),
            (other, None) => (other, "", "", "text"),
        };
        let (name, how, help) = (name.to_owned(), how.to_owned(), help.to_owned());
        Self { kind: kind.to_owned(), name, how, help, input_mode, sending: Sending::Never }
    }
}

impl WayRow {
    pub fn new(t: &Texts, way: &Way, (words, url): (&WayWords, String), now: Timestamp) -> Self {
        let used = match way.last_used_at {
            Some(at) => t.factors.last_used.with(ago(t, at, now)).to_string(),
            None => t.factors.never_used.to_owned(),
        };
        let names: Vec<&str> = way.names.iter().map(String::as_str).filter(|name| *name != words.name).collect();
        let names = names.join(", ");
        let detail = if names.is_empty() { used } else { format!("{names} · {used}") };
        Self { id: way.kind.clone(), url, name: words.name.clone(), detail }
    }
}

impl SecondFactor {
    fn problem_text(&self) -> Option<String> {
        let t = self.frame.t();
        Some(match self.problem? {
            SecondFactorProblem::Missing => t.factors.missing.to_owned(),
            SecondFactorProblem::Wrong => t.factors.wrong.to_owned(),
            SecondFactorProblem::NotSent => t.factors.not_sent.to_owned(),
            SecondFactorProblem::SlowedDown { seconds } => t.wait(seconds),
        })
    }

    fn remember_text(&self) -> Option<String> {
        self.remember_days.map(|days| self.frame.t().factors.remember.of(days).to_string())
    }

    fn must_send(&self) -> bool {
        self.way.sending == Sending::First
    }

    fn may_send_again(&self) -> bool {
        self.way.sending == Sending::Again
    }

    /// Whether the field is to blame.
    fn is_field_wrong(&self) -> bool {
        matches!(self.problem, Some(SecondFactorProblem::Missing | SecondFactorProblem::Wrong))
    }
}

/// What a person brings into their app, and the form that confirms it: fields `name` and `code`, button `verify`.
pub struct NewKey {
    pub action: String,
    /// The session or nothing; the form answers for it.
    pub session: Option<String>,
    pub factor: String,
    pub picture: Option<String>,
    pub key: Secret<String>,
    pub name: String,
    pub problem: Option<SecondFactorProblem>,
    pub trouble: Option<String>,
}

impl NewKey {
    pub(super) fn code_error(&self, t: &Texts) -> Option<&'static str> {
        match self.problem? {
            SecondFactorProblem::Missing => Some(t.factors.missing),
            SecondFactorProblem::Wrong => Some(t.factors.wrong),
            SecondFactorProblem::NotSent | SecondFactorProblem::SlowedDown { .. } => None,
        }
    }
}

/// The page of an interaction that waits for a new factor.
#[derive(Template)]
#[template(path = "pages/set_up_second_factor.html")]
pub struct SetUpSecondFactor {
    pub frame: Frame,
    pub new_key: NewKey,
    pub not_you_url: Option<String>,
    /// The same page for a passkey, where that will do.
    pub passkey_url: Option<String>,
    pub later: Later,
}

/// The same page for a passkey: its script fills in `credential`.
#[derive(Template)]
#[template(path = "pages/set_up_passkey.html")]
pub struct SetUpPasskey {
    pub frame: Frame,
    pub action: String,
    pub not_you_url: Option<String>,
    /// The same page for an authenticator app, where that will do.
    pub totp_url: Option<String>,
    /// What has to be reached: it is the app that wants more than two factors.
    pub level: Level,
    pub later: Later,
    pub problem: Option<PasskeyProblem>,
}

/// Whether a person may go on without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Later {
    Never,
    Always,
    Until(Timestamp),
}

impl SetUpSecondFactor {
    fn why(&self) -> String {
        self.later.why(&self.frame)
    }

    fn until(&self) -> Option<String> {
        self.later.until(self.frame.t())
    }

    fn has_later(&self) -> bool {
        self.later != Later::Never
    }
}

impl SetUpPasskey {
    fn why(&self) -> String {
        match (&self.frame.app, self.level) {
            (Some(app), Level::Resistant) => self.frame.t().factors.set_up_wanted.with(&app.name).to_string(),
            _ => self.later.why(&self.frame),
        }
    }

    fn until(&self) -> Option<String> {
        self.later.until(self.frame.t())
    }

    fn has_later(&self) -> bool {
        self.later != Later::Never
    }

    fn problem_text(&self) -> Option<&'static str> {
        let t = self.frame.t();
        Some(match self.problem? {
            PasskeyProblem::Refused => t.passkeys.enrol_refused,
            problem => problem.text(t),
        })
    }
}

impl Later {
    fn why(self, frame: &Frame) -> String {
        let t = &frame.t().factors;
        match (&frame.app, self) {
            (Some(app), Self::Always) => t.set_up_wanted.with(&app.name).to_string(),
            _ => t.set_up_needed.to_owned(),
        }
    }

    fn until(self, t: &Texts) -> Option<String> {
        match self {
            Self::Until(at) => Some(t.factors.set_up_later.with(exact(t, at)).to_string()),
            Self::Never | Self::Always => None,
        }
    }
}
