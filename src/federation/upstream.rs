//! An upstream: another identity provider that people may sign in with, as the operator connected it. It is stored as JSON; a
//! member that an older version did not write has its default.

use serde::{Deserialize, Serialize};

use super::kind::Kind;
use super::mapping::Mapping;
use crate::base::Fault;
use crate::oauth::words;

words! {
    /// On or off.
    pub enum Switch {
        On = "on",
        Off = "off",
    }
}

words! {
    /// Where the button of an upstream is.
    pub enum Visibility {
        /// On the sign-in page.
        Shown = "shown",
        /// Nowhere: an app asks for it by `idp_hint`.
        Hinted = "hinted",
    }
}

impl Switch {
    pub const fn is_on(self) -> bool {
        matches!(self, Self::On)
    }
}

/// An upstream without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upstream {
    /// The operator's own name for it, part of its callback URL.
    pub id: String,
    pub kind: Kind,
    /// Shown to people.
    pub name: String,
    /// Exactly as the provider writes it.
    pub issuer: String,
    pub client_id: String,
    pub scopes: Vec<String>,
    /// Whether whoever comes for the first time gets an account.
    pub auto_register: Switch,
    /// Whether the profile is taken over at each sign-in, or at the first one alone.
    pub refresh: Switch,
    /// Whether an address counts as proved that the provider sends without a word about it.
    #[serde(default = "off")]
    pub trust_email: Switch,
    /// Whether its word on an address is as good as a mail of ours: what was attached before stays when the person first answers
    /// one. What its kind has, where the operator does not say.
    #[serde(default)]
    pub proves_email: Option<Switch>,
    /// Whether a second factor there is one here.
    #[serde(default = "off")]
    pub second_factor: Switch,
    /// Values of `acr` that say so where the provider sends no `amr`.
    #[serde(default)]
    pub second_factor_acr: Vec<String>,
    /// Whether signing out here signs out there.
    #[serde(default = "off")]
    pub sign_out: Switch,
    pub mapping: Mapping,
    /// The domains of the addresses that may come in; empty for any.
    #[serde(default)]
    pub domains: Vec<String>,
    /// Google: the one Workspace domain whose people may come in.
    #[serde(default)]
    pub hosted_domain: Option<String>,
    /// GitHub: `ORGANISATION` or `ORGANISATION/TEAM`, one of which a person must belong to; empty for anybody.
    #[serde(default)]
    pub organisations: Vec<String>,
    /// Groups, one of which a person must belong to there; empty for anybody.
    #[serde(default)]
    pub groups: Vec<String>,
    /// Its place among the buttons.
    pub position: i64,
    pub visibility: Visibility,
    /// The apps on whose sign-in page it is; empty for all.
    #[serde(default)]
    pub clients: Vec<String>,
    /// Apple: the team and the key that sign the client secret.
    #[serde(default)]
    pub apple: Option<AppleKey>,
}

/// What Apple calls the key that an operator downloaded; the key itself is the secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppleKey {
    pub team: String,
    pub key_id: String,
}

const fn off() -> Switch {
    Switch::Off
}

impl Upstream {
    /// # Errors
    /// The row is none that this version knows.
    pub fn read(definition: &str) -> Result<Self, Fault> {
        serde_json::from_str(definition).map_err(|_| Fault::corrupt("upstreams", "definition"))
    }

    /// # Errors
    /// Never in practice: it is plain data.
    pub fn write(&self) -> Result<String, Fault> {
        serde_json::to_string(self).map_err(Fault::at("federation: upstream"))
    }

    /// Where the provider sends people back to, below the issuer.
    pub fn callback_path(&self) -> String {
        format!("/upstream/{}/callback", self.id)
    }

    /// Whether its word on an address is as good as a mail of ours.
    pub fn proves_email(&self) -> bool {
        self.proves_email.map_or(self.kind.preset().proves_email, Switch::is_on)
    }

    /// Whether its button stands on the sign-in page of this app, or on the house's own.
    pub fn is_shown_for(&self, client_id: Option<&str>) -> bool {
        self.visibility == Visibility::Shown && self.is_open_to(client_id)
    }

    /// Whether people may come to this app by it at all.
    pub fn is_open_to(&self, client_id: Option<&str>) -> bool {
        self.clients.is_empty() || client_id.is_some_and(|id| self.clients.iter().any(|own| own == id))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// One as it is stored by the first version.
    pub fn upstream() -> Upstream {
        let stored = r#"{"id":"up","kind":"apple","name":"Up","issuer":"https://up.test","client_id":"us","scopes":["openid"],
            "auto_register":"on","refresh":"on","mapping":{},"position":0,"visibility":"shown"}"#;
        Upstream::read(stored).unwrap()
    }

    /// What is not written has its default, and what is written reads the same again; nonsense is a fault.
    #[test]
    fn rows() {
        let upstream = upstream();
        assert_eq!((upstream.second_factor, upstream.sign_out, upstream.clients.len()), (Switch::Off, Switch::Off, 0));
        assert!(upstream.proves_email(), "as its kind does");
        assert!(!Upstream { kind: Kind::Oidc, ..upstream.clone() }.proves_email());
        assert!(!Upstream { proves_email: Some(Switch::Off), ..upstream.clone() }.proves_email());
        assert_eq!(Upstream::read(&upstream.write().unwrap()).unwrap(), upstream);
        assert!(Upstream::read("{}").is_err());
    }

    /// A button is on the pages of the apps that it is for.
    #[test]
    fn whose_button() {
        let everywhere = upstream();
        let own = Upstream { clients: vec!["web".to_owned()], ..upstream() };
        let hinted = Upstream { visibility: Visibility::Hinted, ..upstream() };
        for (client, shown) in
            [(None, [true, false, false]), (Some("web"), [true, true, false]), (Some("x"), [true, false, false])]
        {
            assert_eq!([&everywhere, &own, &hinted].map(|one| one.is_shown_for(client)), shown, "{client:?}");
        }
        assert!(hinted.is_open_to(None) && !own.is_open_to(None));
    }
}
