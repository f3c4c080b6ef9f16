//! What every handler works with, and the surroundings of every page.

use std::sync::Arc;

use actix_web::HttpRequest;
use ipnet::IpNet;

use super::limits::Limits;
use super::pages::{AppLook, Checked, Frame, HouseLook};
use super::prepared::{Jwks, Prepared};
use super::{Csrf, Metrics, extract};
use crate::endpoints::{ClientRef, Provider};
use crate::oauth::Lang;

/// Where the operator's accent colour is served.
pub const ACCENT_CSS_PATH: &str = "/static/accent.css";

/// One for a process.
pub struct State {
    pub provider: Arc<Provider>,
    pub csrf: Csrf,
    pub trusted_proxies: Vec<IpNet>,
    /// Hosts beside the issuer's that requests may name.
    pub trusted_hosts: Vec<String>,
    pub limits: Limits,
    pub house: Arc<HouseLook>,
    /// The style sheet with the operator's colour, where one is set.
    pub accent_css: Option<Prepared>,
    pub discovery: Prepared,
    pub openapi: Prepared,
    pub related_origins: Prepared,
    pub jwks: Jwks,
    pub metrics: Metrics,
}

impl State {
    /// The surroundings of a page for one browser, in the language that the person chose, the app asked for or the browser
    /// prefers, in this order.
    pub fn frame(&self, request: &HttpRequest, browser_hash: &str, app: Option<&ClientRef>, ui_locales: Option<&str>) -> Frame {
        let lang = extract::language(request, ui_locales);
        let base = self.provider.issuer.path();
        Frame {
            lang,
            csrf: Some(self.csrf.token(browser_hash)),
            app: app.map(|app| self.app_look(app, lang)),
            house: Arc::clone(&self.house),
            base_path: base.to_owned(),
            self_url: request.uri().path_and_query().map_or_else(|| base.to_owned(), ToString::to_string),
        }
    }

    fn app_look(&self, app: &ClientRef, lang: Lang) -> AppLook {
        let client = &app.client;
        let in_lang = |member| client.localized(member, lang).map(ToOwned::to_owned);
        AppLook {
            name: in_lang("client_name").unwrap_or_else(|| client.name.clone()),
            logo_url: client.logo.as_ref().map(|digest| format!("{}/logo/{digest}", self.provider.issuer.path())),
            policy_uri: in_lang("policy_uri").or_else(|| client.policy_uri.clone()),
            tos_uri: in_lang("tos_uri").or_else(|| client.tos_uri.clone()),
            checked: if client.is_unchecked() { Checked::SelfRegistered } else { Checked::ByOperator },
        }
    }
}

/// The style sheet that puts the operator's colour (`#rrggbb`) in the place of ours. The text on it is black or white,
/// whichever is easier to read, and links keep the ground's contrast by being mixed with its ink.
pub fn accent_css(accent: &str) -> String {
    let on = if luminance(accent) > 0.179 { "#000" } else { "#fff" };
    format!(
        ":root{{--accent:color-mix(in srgb,{accent} 85%,#000);--on-accent:{on}}}\n\
         @media (prefers-color-scheme:dark){{:root{{--accent:color-mix(in srgb,{accent} 55%,#fff);--on-accent:#000}}}}\n"
    )
}

/// Relative luminance (WCAG 2.2): 0.179 is where black and white text are equally readable.
fn luminance(colour: &str) -> f64 {
    let channel = |at: usize| {
        let value = colour.get(at..at + 2).and_then(|hex| u8::from_str_radix(hex, 16).ok()).unwrap_or(0);
        let value = f64::from(value) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.0722f64.mul_add(channel(5), 0.2126f64.mul_add(channel(1), 0.7152 * channel(3)))
}
