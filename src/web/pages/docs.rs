//! The API document as a page: the same data as `/openapi.json`, without a script of anybody's.

use askama::Template;

use super::Frame;

/// Every endpoint, in groups.
#[derive(Template)]
#[template(path = "pages/docs.html")]
pub struct Docs {
    pub frame: Frame,
    pub issuer: String,
    /// Where the OpenAPI document is.
    pub openapi_url: String,
    pub groups: Vec<DocsGroup>,
}

/// Endpoints that belong together, in the words of the endpoint table.
pub struct DocsGroup {
    pub name: String,
    pub endpoints: Vec<DocsEndpoint>,
}

/// One endpoint.
pub struct DocsEndpoint {
    pub method: String,
    pub path: String,
    pub summary: String,
    /// How callers authenticate, when they do.
    pub auth: Option<String>,
    pub parameters: Vec<DocsParameter>,
    pub answers: Vec<DocsAnswer>,
}

/// One parameter.
pub struct DocsParameter {
    pub name: String,
    /// `query`, `form`, `header` or `path`.
    pub place: String,
    pub required: bool,
    pub meaning: String,
}

/// One answer.
pub struct DocsAnswer {
    pub status: String,
    pub media_type: String,
    pub meaning: String,
}

impl DocsEndpoint {
    /// The anchor of the endpoint in the page.
    fn anchor(&self) -> String {
        let words: String = self.path.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect();
        format!("{}{words}", self.method.to_ascii_lowercase())
    }
}
