//! What the rows of grants, codes and opaque tokens hold beside their columns, as JSON.

use serde::{Deserialize, Serialize};

use crate::base::{Fault, Timestamp};
use crate::oauth::{ClaimsRequest, Scope, pkce};

/// What was allowed and how the person had signed in when it was.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct GrantDetail {
    pub scope: Scope,
    /// RFC 8707 resources, without the issuer itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claims: Option<ClaimsRequest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub acr: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
}

/// What an authorization code is bound to beside its grant.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CodeDetail {
    pub redirect_uri: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub challenge: Option<pkce::Challenge>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
}

impl GrantDetail {
    /// # Errors
    /// The row fits no shape that this version knows.
    pub fn read(json: &str) -> Result<Self, Fault> {
        serde_json::from_str(json).map_err(|_| Fault::corrupt("grants", "detail"))
    }

    /// # Errors
    /// Never in practice: every member can be written.
    pub fn write(&self) -> Result<String, Fault> {
        serde_json::to_string(self).map_err(Fault::at("tokens: grant detail"))
    }
}

impl CodeDetail {
    /// # Errors
    /// The row fits no shape that this version knows.
    pub fn read(json: &str) -> Result<Self, Fault> {
        serde_json::from_str(json).map_err(|_| Fault::corrupt("authorization_codes", "detail"))
    }

    /// # Errors
    /// Never in practice: every member can be written.
    pub fn write(&self) -> Result<String, Fault> {
        serde_json::to_string(self).map_err(Fault::at("tokens: code detail"))
    }
}
