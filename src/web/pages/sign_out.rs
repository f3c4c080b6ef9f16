//! Signing out: the question (OpenID Connect RP-Initiated Logout 1.0 section 2) and the page after it.

use askama::Template;

use super::Frame;
use crate::endpoints::farewell::{Receipt, Told};

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
    /// The apps of the sessions that ended, with what is known of each.
    pub apps: Vec<Receipt>,
    /// Front-channel logout addresses, loaded in frames that are not shown; the header's `frame-src` names their origins.
    pub frames: Vec<String>,
    /// Where the person goes from here, with the name of the app; a script goes there once the frames have loaded.
    pub onward: Option<(String, String)>,
    pub sign_in_url: Option<String>,
    /// What the person asked for just now beside signing out.
    pub note: Option<&'static str>,
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

impl SignedOut {
    fn told(&self, app: &Receipt) -> &'static str {
        let t = &self.frame.t().farewell;
        match app.told {
            Told::Confirmed => t.confirmed,
            Told::Waiting => t.waiting,
            Told::GivenUp => t.given_up,
            Told::InBrowser => t.in_browser,
            Told::Unsupported => t.unsupported,
        }
    }

    /// The same for a program that reads the page.
    #[expect(clippy::unused_self, reason = "a template calls methods")]
    const fn word(&self, app: &Receipt) -> &'static str {
        match app.told {
            Told::Confirmed => "confirmed",
            Told::Waiting => "waiting",
            Told::GivenUp => "given-up",
            Told::InBrowser => "in-browser",
            Told::Unsupported => "unsupported",
        }
    }

    fn is_waiting(&self) -> bool {
        self.apps.iter().any(|app| app.told == Told::Waiting)
    }
}
