//! More people and clients for a demo, from a TOML or JSON file.
//!
//! ```toml
//! [[users]]
//! email = "ben@example.com"
//! password = "correct horse"
//! claims = { name = "Ben" }
//!
//! [[clients]]
//! client_id = "app"
//! name = "App"
//! redirect_uris = ["http://localhost:3000/callback"]
//! ```

use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::answer::Failure;
use crate::admin::clients::Changes;
use crate::base::Secret;
use crate::config;
use crate::oauth::{AccessTokenFormat, AuthMethod, ConsentPolicy, GrantType, PkcePolicy, RefreshPolicy};

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Seed {
    pub users: Vec<Person>,
    pub clients: Vec<App>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    pub email: String,
    pub password: String,
    #[serde(default)]
    pub claims: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct App {
    pub client_id: String,
    pub client_secret: Option<String>,
    name: Option<String>,
    redirect_uris: Option<Vec<String>>,
    post_logout_redirect_uris: Option<Vec<String>>,
    backchannel_logout_uri: Option<String>,
    frontchannel_logout_uri: Option<String>,
    auth_method: Option<AuthMethod>,
    grant_types: Option<Vec<GrantType>>,
    response_types: Option<Vec<String>>,
    scope: Option<String>,
    pkce: Option<PkcePolicy>,
    id_token_alg: Option<String>,
    access_token: Option<AccessTokenFormat>,
    jwks: Option<Value>,
    consent: Option<ConsentPolicy>,
    refresh: Option<RefreshPolicy>,
    resources: Option<Vec<String>>,
    origins: Option<Vec<String>>,
}

impl App {
    pub fn secret(&self) -> Option<Secret<String>> {
        self.client_secret.clone().map(Secret::new)
    }

    pub fn changes(&self) -> Changes {
        Changes {
            name: Some(self.name.clone().unwrap_or_else(|| self.client_id.clone())),
            redirect_uris: self.redirect_uris.clone(),
            post_logout_redirect_uris: self.post_logout_redirect_uris.clone(),
            backchannel_logout_uri: self.backchannel_logout_uri.clone(),
            frontchannel_logout_uri: self.frontchannel_logout_uri.clone(),
            auth_method: self.auth_method,
            grant_types: self.grant_types.clone(),
            response_types: self.response_types.clone(),
            scope: self.scope.clone(),
            pkce: self.pkce,
            id_token_alg: self.id_token_alg.clone(),
            access_token: self.access_token,
            jwks: self.jwks.clone(),
            consent: self.consent,
            refresh: self.refresh,
            resources: self.resources.clone(),
            origins: self.origins.clone(),
            ..Changes::default()
        }
    }
}

/// Reads such a file.
pub fn read(file: &Path) -> Result<Seed, Failure> {
    let document = config::read_document(file).map_err(Failure::new)?;
    serde_json::from_value(document).map_err(|error| Failure::new(format!("{}: {error}", file.display())))
}
