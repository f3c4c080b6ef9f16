//! What a row of the table of endpoints says, and how the usual rows are written.

use actix_web::guard::{self, Delete, Get, Head, Options, Post};
use actix_web::{Resource, web};

use super::oauth::preflight;

/// Who may read an answer from a web page of another origin (decision 22).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cors {
    /// Anybody, without credentials.
    Anybody,
    /// The origins of the client that is answered.
    Client,
    Nobody,
}

/// What guards an unsafe request (decision 11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Csrf {
    /// The synchroniser token, `Origin` and `Sec-Fetch-Site`.
    Checked,
    /// The endpoint uses no cookie, or its POST decides nothing.
    Exempt,
}

/// What kind of load an endpoint is, for the rate limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    /// Prepared answers.
    Metadata,
    /// Machines with credentials.
    Machine,
    /// People's pages.
    Page,
    /// Where something can be guessed.
    Guess,
    /// Where a stranger can make us send mail.
    Mail,
    /// Where a stranger can make us store something and fetch what it names.
    Register,
}

/// What an endpoint is part of; the groups of the documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    Metadata,
    Protocol,
    /// What apps do for the person who allowed it.
    Account,
    Page,
    Operation,
}

/// A row of the table.
pub struct Endpoint {
    pub path: &'static str,
    pub methods: &'static [&'static str],
    pub group: Group,
    /// Its member in the discovery document.
    pub metadata: Option<&'static str>,
    pub cors: Cors,
    pub csrf: Csrf,
    pub rate: Rate,
    pub summary: &'static str,
    pub(super) route: fn(Resource) -> Resource,
}

impl Endpoint {
    /// Whether the URL itself is a secret, as that of a link in a mail is.
    pub fn has_secret(&self) -> bool {
        self.path.ends_with("/{token}")
    }

    /// Whether a page here must not say where it was: its URL is a secret, or has one behind the path, as that of an answer of another
    /// provider.
    pub fn sends_no_referrer(&self) -> bool {
        self.has_secret() || self.path.ends_with("/callback")
    }
}

pub(super) const fn page(
    path: &'static str,
    methods: &'static [&'static str],
    rate: Rate,
    summary: &'static str,
    route: fn(Resource) -> Resource,
) -> Endpoint {
    Endpoint { path, methods, group: Group::Page, metadata: None, cors: Cors::Nobody, csrf: Csrf::Checked, rate, summary, route }
}

pub(super) const fn open(
    path: &'static str,
    group: Group,
    rate: Rate,
    summary: &'static str,
    route: fn(Resource) -> Resource,
) -> Endpoint {
    let cors = if matches!(group, Group::Metadata) { Cors::Anybody } else { Cors::Nobody };
    Endpoint { path, methods: &["GET"], group, metadata: None, cors, csrf: Csrf::Exempt, rate, summary, route }
}

pub(super) const fn api(
    path: &'static str,
    methods: &'static [&'static str],
    summary: &'static str,
    route: fn(Resource) -> Resource,
) -> Endpoint {
    let (cors, csrf, rate) = (Cors::Client, Csrf::Exempt, Rate::Machine);
    Endpoint { path, methods, group: Group::Account, metadata: None, cors, csrf, rate, summary, route }
}

/// A GET that also answers HEAD, as every GET does (RFC 9110 section 9.3.2).
pub(super) fn read() -> actix_web::Route {
    web::route().guard(guard::Any(Get()).or(Head()))
}

pub(super) fn write() -> actix_web::Route {
    web::route().guard(Post())
}

pub(super) fn remove() -> actix_web::Route {
    web::route().guard(Delete())
}

pub(super) fn cors() -> actix_web::Route {
    web::route().guard(Options()).to(preflight)
}
