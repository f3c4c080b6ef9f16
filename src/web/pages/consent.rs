//! The consent page: which app, what it will get in words, and where the person will be sent (OpenID Connect Core
//! section 3.1.2.4). The form carries the decision only; what is granted comes from the stored request.

use askama::Template;

use super::Frame;

/// Buttons `allow` and `deny`, which post `decision=allow` or `decision=deny`.
#[derive(Template)]
#[template(path = "pages/consent.html")]
pub struct Consent {
    pub frame: Frame,
    pub action: String,
    /// The address or name of who is signed in.
    pub person: String,
    /// Their session's public id: the answer counts for nobody else.
    pub session: String,
    /// Where another account can be chosen.
    pub not_you_url: Option<String>,
    /// Scope tokens that are asked for now.
    pub asked: Vec<String>,
    /// Scope tokens that were allowed before and are part of the request.
    pub already: Vec<String>,
    /// Single claims that the `claims` parameter asks for beyond the scopes.
    pub claims: Vec<String>,
    pub resources: Vec<ResourceName>,
    /// The host, or the scheme of an app on the device, to which the person will be sent.
    pub host: String,
}

/// A resource server, as the operator named it.
pub struct ResourceName {
    pub name: String,
    pub uri: String,
}

impl Consent {
    fn title(&self) -> String {
        self.frame.t().consent_title.with(self.frame.owner()).to_string()
    }
}
