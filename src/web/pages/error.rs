//! Something went wrong: neutral words for the person, a support code that is in the log, and, below a disclosure, what
//! the app's developer has to change. The cause of a fault never comes here.

use askama::Template;

use super::Frame;
use super::difference::{Difference, difference};
use crate::web::texts::UpstreamTexts;

/// The marker `error-page`.
#[derive(Template)]
#[template(path = "pages/error.html")]
pub struct ErrorPage {
    pub frame: Frame,
    pub kind: Kind,
    pub support_code: String,
    pub developer: Option<Developer>,
    /// Where to go from here: back to a page of ours, with its name.
    pub link: Option<(String, String)>,
}

/// What kind of trouble it is; each has one status code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A broken request of an app.
    BadRequest,
    /// A redirect URI that is not registered.
    WrongRedirect,
    /// No such client.
    UnknownClient,
    /// A form that is longer than any of ours.
    TooLarge,
    /// A form that did not come from our page in this browser.
    Forbidden,
    NotFound,
    /// An interaction that is over.
    Gone,
    TooMany {
        seconds: i64,
    },
    Unavailable,
    /// Signing in by another provider, whose name it may have, did not succeed.
    Upstream {
        why: UpstreamError,
        name: Option<String>,
    },
}

/// What became of a sign-in by another provider.
pub type UpstreamError = crate::endpoints::upstreams::Failure;

/// What helps the app's developer.
#[derive(Clone, Debug, Default)]
pub struct Developer {
    /// The fixed text of the protocol error, in English.
    pub why: String,
    /// The value that came, when it is an address to compare.
    pub sent: Option<String>,
    /// What is registered instead; the nearest is compared with `sent`.
    pub registered: Vec<String>,
}

impl Kind {
    pub const fn status(&self) -> u16 {
        match self {
            Self::BadRequest | Self::WrongRedirect | Self::UnknownClient => 400,
            Self::TooLarge => 413,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::Gone => 410,
            Self::TooMany { .. } => 429,
            Self::Unavailable => 503,
            Self::Upstream { why, .. } => upstream_status(*why),
        }
    }
}

impl ErrorPage {
    pub const fn status(&self) -> u16 {
        self.kind.status()
    }

    fn title(&self) -> String {
        let t = self.frame.t();
        let title = match &self.kind {
            Kind::BadRequest | Kind::WrongRedirect | Kind::UnknownClient | Kind::TooLarge => t.error_400,
            Kind::Forbidden => t.error_403,
            Kind::NotFound => t.error_404,
            Kind::Gone => t.error_410,
            Kind::TooMany { .. } => t.error_429,
            Kind::Unavailable => t.error_503,
            Kind::Upstream { why, name } => return upstream_title(&t.upstream, *why, name.as_deref()),
        };
        title.to_owned()
    }

    fn what(&self) -> String {
        let t = self.frame.t();
        match (&self.kind, &self.frame.app) {
            (Kind::WrongRedirect, Some(app)) => t.error_redirect_what.with(&app.name).to_string(),
            (Kind::Gone, Some(app)) => t.error_410_app.with(&app.name).to_string(),
            (Kind::TooMany { seconds }, _) => t.error_429_what.of(*seconds).to_string(),
            (Kind::BadRequest | Kind::WrongRedirect | Kind::TooLarge, _) => t.error_400_what.to_owned(),
            (Kind::UnknownClient, _) => t.error_client_what.to_owned(),
            (Kind::Forbidden, _) => t.error_403_what.to_owned(),
            (Kind::NotFound, _) => t.error_404_what.to_owned(),
            (Kind::Gone, None) => t.error_410_what.to_owned(),
            (Kind::Unavailable, _) => t.error_503_what.to_owned(),
            (Kind::Upstream { why, name }, _) => upstream_what(&t.upstream, *why, name.as_deref()),
        }
    }
}

const fn upstream_status(why: UpstreamError) -> u16 {
    match why {
        UpstreamError::Unknown => 404,
        UpstreamError::Foreign | UpstreamError::Cancelled | UpstreamError::Wrong => 400,
        UpstreamError::Used => 410,
        UpstreamError::Down => 503,
        UpstreamError::NotAllowed | UpstreamError::NoAccount | UpstreamError::Closed | UpstreamError::Stale => 403,
        UpstreamError::Taken => 409,
    }
}

fn upstream_title(t: &UpstreamTexts, why: UpstreamError, name: Option<&str>) -> String {
    match (why, name) {
        (UpstreamError::Down, Some(name)) => t.down_title.with(name).to_string(),
        (UpstreamError::Cancelled, _) => t.cancelled_title.to_owned(),
        (UpstreamError::NotAllowed | UpstreamError::Closed, _) => t.not_allowed_title.to_owned(),
        (UpstreamError::NoAccount, _) => t.no_account_title.to_owned(),
        (UpstreamError::Stale, _) => t.stale_title.to_owned(),
        _ => t.failed.to_owned(),
    }
}

fn upstream_what(t: &UpstreamTexts, why: UpstreamError, name: Option<&str>) -> String {
    let name = name.unwrap_or_default();
    match why {
        UpstreamError::Unknown => t.unknown.to_owned(),
        UpstreamError::Foreign => t.foreign.to_owned(),
        UpstreamError::Used => t.used.to_owned(),
        UpstreamError::Down => t.down.with(name).to_string(),
        UpstreamError::Wrong => t.wrong.with(name).to_string(),
        UpstreamError::Cancelled => t.cancelled.with(name).to_string(),
        UpstreamError::NotAllowed => t.not_allowed.with(name).to_string(),
        UpstreamError::NoAccount => t.no_account.with(name).to_string(),
        UpstreamError::Stale => t.stale.with(name).to_string(),
        UpstreamError::Closed => t.closed.to_owned(),
        UpstreamError::Taken => t.taken.with(name).to_string(),
    }
}

impl Developer {
    /// The value that came beside the nearest registered one.
    fn nearest(&self) -> Option<Difference<'_>> {
        let sent = self.sent.as_deref()?;
        self.registered.iter().map(|registered| difference(sent, registered)).max_by_key(Difference::same_characters)
    }

    /// What is registered besides the nearest.
    fn others<'a>(&'a self, nearest: &Difference<'_>) -> Vec<&'a str> {
        self.registered.iter().map(String::as_str).filter(|other| *other != nearest.registered()).take(9).collect()
    }
}
