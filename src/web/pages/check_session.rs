//! The frame of session management (OpenID Connect Session Management 1.0 section 3.2): a script and nothing to see.

use askama::Template;

#[derive(Template)]
#[template(path = "pages/check_session.html")]
pub struct CheckSession {
    /// The name of the cookie that the script reads.
    pub cookie: &'static str,
    pub script_url: String,
}
