//! The form_post answer (OAuth 2.0 Form Post Response Mode): a form that a script of ours sends on, with a button for
//! browsers without script. It must be given only a registered redirect URI.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use super::Frame;
use crate::web::texts::Lang;
use crate::web::{State, person};

/// The button `continue`.
#[derive(Template)]
#[template(path = "pages/form_post.html")]
pub struct FormPost {
    pub frame: Frame,
    /// The redirect URI.
    pub action: String,
    pub fields: Vec<(String, String)>,
}

/// The page that sends `pairs` on to `redirect_uri`. Its form leads away from us, so it carries no CSRF token.
pub fn page<'a>(state: &State, redirect_uri: &str, pairs: impl Iterator<Item = (&'a str, &'a str)>) -> HttpResponse {
    let frame = Frame {
        lang: Lang::En,
        csrf: None,
        app: None,
        house: Arc::clone(&state.house),
        base_path: state.provider.issuer.path().to_owned(),
        self_url: String::new(),
    };
    let fields = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    person::page(StatusCode::OK, &FormPost { frame, action: redirect_uri.to_owned(), fields })
}

impl FormPost {
    fn title(&self) -> String {
        let t = self.frame.t();
        self.frame.app.as_ref().map_or_else(|| t.form_post.to_owned(), |app| t.form_post_to.with(&app.name).to_string())
    }
}
