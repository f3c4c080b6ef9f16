//! What is around every page: the language, whose page it is (the house's or an app's), and where links and forms lead.
//! Every address in it comes from settings or from our own store, never from a request.

use std::sync::Arc;

use crate::web::assets;
use crate::web::texts::{ALL, Lang, Texts, texts};

/// The surroundings of one page.
pub struct Frame {
    pub lang: Lang,
    /// The synchroniser token of this browser; a page without one shows no form.
    pub csrf: Option<String>,
    /// The app that sent the person here.
    pub app: Option<AppLook>,
    pub house: Arc<HouseLook>,
    /// The issuer's path, without a slash at the end: empty for an issuer at the root of its host.
    pub base_path: String,
    /// This page's own path and query, to which the language switch returns.
    pub self_url: String,
}

/// How an app presents itself.
pub struct AppLook {
    pub name: String,
    /// Where we serve its logo.
    pub logo_url: Option<String>,
    pub policy_uri: Option<String>,
    pub tos_uri: Option<String>,
    pub checked: Checked,
}

/// Whether somebody of the house has looked at an app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    ByOperator,
    SelfRegistered,
}

/// How the house presents itself: the operator's settings.
#[derive(Clone, Debug, Default)]
pub struct HouseLook {
    pub name: String,
    pub logo_url: Option<String>,
    pub privacy: Option<String>,
    pub terms: Option<String>,
    pub help: Option<String>,
    /// A style sheet of ours that sets the operator's accent colour.
    pub accent_css_url: Option<String>,
}

impl Frame {
    /// The catalogue of the page's language.
    pub fn t(&self) -> &'static Texts {
        texts(&self.lang)
    }

    /// The name at the head of the card: the app's, or the house's on our own pages.
    pub fn owner(&self) -> &str {
        self.app.as_ref().map_or(&self.house.name, |app| &app.name)
    }

    /// The logo at the head of the card.
    pub fn logo(&self) -> Option<&str> {
        self.app.as_ref().map_or(self.house.logo_url.as_deref(), |app| app.logo_url.as_deref())
    }

    /// Whether the app registered itself and nobody has looked at it: every page of it says so.
    pub fn is_unchecked(&self) -> bool {
        self.app.as_ref().is_some_and(|app| app.checked == Checked::SelfRegistered)
    }

    /// The letter that stands where there is no logo.
    pub fn initial(&self) -> String {
        initial(self.owner())
    }

    pub fn css_url(&self) -> String {
        self.asset(assets::css())
    }

    pub fn script_url(&self) -> String {
        self.asset(assets::script())
    }

    pub fn passkeys_script_url(&self) -> String {
        self.asset(assets::passkeys())
    }

    pub fn icon_url(&self) -> String {
        self.asset(assets::icon())
    }

    fn asset(&self, asset: &assets::Asset) -> String {
        format!("{}{}", self.base_path, asset.path)
    }

    /// The pages of the account, for the rail beside each of them.
    pub fn account_links(&self) -> Vec<RailLink> {
        let (t, own) = (self.t(), self.self_url.split('?').next().unwrap_or_default());
        let pages = &t.account_pages;
        let link = |(path, text): (&str, &'static str)| {
            let url = format!("{}{path}", self.base_path);
            let is_below = path != "/account" && own.strip_prefix(url.as_str()).is_some_and(|rest| rest.starts_with('/'));
            let mark = match (url == own, is_below) {
                (true, _) => Some("page"),
                (false, true) => Some("true"),
                (false, false) => None,
            };
            RailLink { url, text, mark }
        };
        [
            ("/account", pages.overview),
            ("/account/profile", pages.profile),
            ("/account/email", t.email),
            ("/account/password", t.password),
            ("/account/passkeys", t.passkeys.title),
            ("/account/authenticators", t.factors.authenticators),
            ("/account/recovery-codes", t.factors.codes),
            ("/account/identities", t.upstream.identities),
            ("/account#sessions", t.sessions),
            ("/account#apps", t.apps),
            ("/account/history", t.history.title),
            ("/account/data", t.history.data),
            ("/account/delete", pages.delete),
        ]
        .into_iter()
        .map(link)
        .collect()
    }

    /// The languages that the page is not in.
    pub fn other_languages(&self) -> impl Iterator<Item = &'static Texts> {
        let tag = self.t().tag;
        ALL.iter().map(texts).filter(move |other| other.tag != tag)
    }
}

/// One page in a rail.
pub struct RailLink {
    pub url: String,
    pub text: &'static str,
    /// The `aria-current` of the page that shows the rail, and of the page above it.
    pub mark: Option<&'static str>,
}

/// The first letter of a name or an address, for the disc beside it.
pub(super) fn initial(name: &str) -> String {
    name.chars()
        .find(|letter| letter.is_alphanumeric())
        .map_or_else(|| "·".to_owned(), |letter| letter.to_uppercase().to_string())
}
