//! The pages of the demo's relying party: the start, and what it got. They show tokens' contents, never tokens.

use askama::Template;
use serde_json::Value;

use super::Frame;

/// The link `demo-sign-in`.
#[derive(Template)]
#[template(path = "pages/demo_start.html")]
pub struct DemoStart {
    pub frame: Frame,
    /// Where the relying party begins its authorization request.
    pub begin_url: String,
    /// Where the mails are that the demo caught.
    pub inbox_url: String,
    /// The demo person's address and password, when the page may show them.
    pub person: Option<(String, String)>,
    /// What the last try ended with: an error code and its description.
    pub failure: Option<(String, String)>,
}

/// The marker `demo-result`, tables `id-token`, `access-token` and `userinfo`, buttons `demo-refresh` and `demo-sign-out`.
#[derive(Template)]
#[template(path = "pages/demo_result.html")]
pub struct DemoResult {
    pub frame: Frame,
    pub subject: String,
    pub id_token: Facts,
    /// The claims of a JWT; `None` for an opaque access token.
    pub access_token: Option<Facts>,
    pub userinfo: Facts,
    /// How often the tokens have been refreshed.
    pub refreshed: i64,
    /// Where to refresh, when there is a refresh token.
    pub refresh_url: Option<String>,
    pub sign_out_url: String,
}

/// Claims and their values as text.
pub type Facts = Vec<(String, String)>;

impl DemoResult {
    fn refreshed_text(&self) -> Option<String> {
        (self.refreshed > 0).then(|| self.frame.t().demo_refreshed.of(self.refreshed).to_string())
    }
}

/// The members of a JSON object as rows of a table.
pub fn rows(object: &Value) -> Facts {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    object.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), text(value))).collect()
}
