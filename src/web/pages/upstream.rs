//! Pages about other providers: their buttons, "connect it?", the address that one did not give, and the accounts elsewhere of a
//! person. What a provider says is text like any other.

use askama::Template;

use super::Frame;
use super::frame::initial;
use crate::base::Timestamp;
use crate::federation::Kind;
use crate::web::texts::ago;

/// A button `upstream-ID` that goes to a provider.
pub struct UpstreamButton {
    pub id: String,
    pub name: String,
    pub kind: Kind,
    /// Where it posts.
    pub action: String,
    /// Whether the provider answers, as far as is known.
    pub is_up: bool,
    /// The public id of the session that asks, on the pages of the account.
    pub session: Option<String>,
}

impl UpstreamButton {
    /// The letter where there is no icon of its own.
    pub fn initial(&self) -> String {
        initial(&self.name)
    }

    /// Icons are part of the pages: none is ever fetched from a provider.
    pub const fn icon(&self) -> &'static str {
        match self.kind {
            Kind::Google => "google",
            Kind::GitHub => "github",
            Kind::Entra => "microsoft",
            _ => "",
        }
    }
}

/// The question before an account elsewhere is connected: buttons `connect` and `not-now`.
#[derive(Template)]
#[template(path = "pages/connect.html")]
pub struct Connect {
    pub frame: Frame,
    pub action: String,
    /// The public id of the session that answers.
    pub session: String,
    /// Which arrival the question is about.
    pub arrival: String,
    pub upstream: String,
    pub shown: String,
    /// The account here.
    pub person: String,
}

impl Connect {
    fn there(&self) -> String {
        format!("{} ({})", self.upstream, self.shown)
    }
}

/// The address that a provider did not give, or that it does not say is theirs: field `username`, button `send`.
#[derive(Template)]
#[template(path = "pages/give_address.html")]
pub struct GiveAddress {
    pub frame: Frame,
    pub action: String,
    pub upstream: String,
    /// Whether the provider gave a proved one: then only the time of the proof is missing.
    pub is_undated: bool,
    pub username: String,
    pub problem: Option<AddressGivenProblem>,
    pub sign_in_url: String,
}

/// Why an address is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressGivenProblem {
    NoAddress,
    OtherDomain,
}

impl GiveAddress {
    fn problem_text(&self) -> Option<&'static str> {
        let t = self.frame.t();
        Some(match self.problem? {
            AddressGivenProblem::NoAddress if self.username.is_empty() => t.username_missing,
            AddressGivenProblem::NoAddress => t.accounts.no_address,
            AddressGivenProblem::OtherDomain => t.accounts.other_domain,
        })
    }
}

/// The accounts elsewhere of a person.
#[derive(Template)]
#[template(path = "pages/identities.html")]
pub struct Identities {
    pub frame: Frame,
    pub rows: Vec<IdentityRow>,
    /// What may be connected besides.
    pub buttons: Vec<UpstreamButton>,
    pub notice: Option<IdentityNotice>,
    pub now: Timestamp,
}

/// One of them.
pub struct IdentityRow {
    pub upstream: String,
    pub shown: String,
    pub used_at: Timestamp,
    /// Leads to the page that asks before it is disconnected.
    pub remove_url: String,
}

/// What has just been done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityNotice {
    Connected,
    Disconnected,
    LastWayIn,
}

impl Identities {
    fn notice_text(&self) -> Option<&'static str> {
        let t = &self.frame.t().upstream;
        Some(match self.notice? {
            IdentityNotice::Connected => t.connected,
            IdentityNotice::Disconnected => t.disconnected,
            IdentityNotice::LastWayIn => t.last_way,
        })
    }

    fn is_refusal(&self) -> bool {
        self.notice == Some(IdentityNotice::LastWayIn)
    }

    fn ago(&self, at: &Timestamp) -> String {
        ago(self.frame.t(), *at, self.now)
    }
}

impl IdentityRow {
    fn initial(&self) -> String {
        initial(&self.upstream)
    }
}
