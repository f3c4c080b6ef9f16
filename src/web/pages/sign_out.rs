//! Signing out: the question (OpenID Connect RP-Initiated Logout 1.0 section 2) and the page after it.

use askama::Template;

use super::Frame;

/// Buttons `sign-out` and `stay`, which post `decision=sign-out` or `decision=stay`.
#[derive(Template)]
#[template(path = "pages/sign_out.html")]
pub struct SignOut {
    pub frame: Frame,
    pub action: String,
    /// The address or name of who is signed in.
    pub person: String,
}

/// The marker `signed-out`.
#[derive(Template)]
#[template(path = "pages/signed_out.html")]
pub struct SignedOut {
    pub frame: Frame,
    /// Front-channel logout addresses, loaded in frames that are not shown; the header's `frame-src` names their origins.
    pub frames: Vec<String>,
    pub sign_in_url: Option<String>,
}

impl SignOut {
    fn title(&self) -> String {
        self.frame.t().sign_out_from.with(&self.frame.house.name).to_string()
    }

    fn question(&self) -> String {
        let t = self.frame.t();
        match &self.frame.app {
            Some(app) => t.sign_out_asks.with(&app.name, &self.person).to_string(),
            None => t.sign_out_plain.with(&self.person).to_string(),
        }
    }
}
