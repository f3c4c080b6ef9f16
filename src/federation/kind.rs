//! The providers that are known by name: what is ready-made about each, so that an operator types as little as can be.

use crate::oauth::words;

words! {
    /// What kind of provider it is.
    pub enum Kind {
        /// Any OpenID Connect provider, by discovery.
        Oidc = "oidc",
        Google = "google",
        /// OAuth 2.0 alone, with an API of its own.
        GitHub = "github",
        Entra = "entra",
        GitLab = "gitlab",
        Apple = "apple",
        Okta = "okta",
        Auth0 = "auth0",
        Keycloak = "keycloak",
        Vouchsafe = "vouchsafe",
    }
}

/// What is settled for a kind.
#[derive(Clone, Copy, Debug)]
pub struct Preset {
    /// Its issuer, where there is one for everybody.
    pub issuer: Option<&'static str>,
    /// How an issuer looks where each operator has one of their own.
    pub issuer_like: &'static str,
    pub scopes: &'static [&'static str],
    /// What stands on its button when the operator gives no name.
    pub name: &'static str,
    /// Whether its word on an address is as good as a mail of ours, if the operator does not say: it sends one itself, or runs the
    /// mailbox.
    pub proves_email: bool,
}

const USUAL: [&str; 3] = ["openid", "profile", "email"];

const fn of(issuer: Option<&'static str>, issuer_like: &'static str, name: &'static str) -> Preset {
    Preset { issuer, issuer_like, scopes: &USUAL, name, proves_email: false }
}

impl Kind {
    pub const fn preset(self) -> Preset {
        match self {
            Self::Oidc => of(None, "https://login.example.com", "OpenID Connect"),
            Self::Google => Preset { proves_email: true, ..of(Some("https://accounts.google.com"), "", "Google") },
            Self::GitHub => Preset {
                scopes: &["read:user", "user:email"],
                proves_email: true,
                ..of(Some("https://github.com"), "https://github.example.com", "GitHub")
            },
            Self::Entra => of(None, "https://login.microsoftonline.com/TENANT-ID/v2.0", "Microsoft"),
            Self::GitLab => of(Some("https://gitlab.com"), "https://gitlab.example.com", "GitLab"),
            Self::Apple => Preset {
                scopes: &["openid", "name", "email"],
                proves_email: true,
                ..of(Some("https://appleid.apple.com"), "", "Apple")
            },
            Self::Okta => of(None, "https://example.okta.com", "Okta"),
            Self::Auth0 => of(None, "https://example.eu.auth0.com/", "Auth0"),
            Self::Keycloak => of(None, "https://keycloak.example.com/realms/REALM", "Keycloak"),
            Self::Vouchsafe => of(None, "https://id.example.com", "Vouchsafe"),
        }
    }
}
