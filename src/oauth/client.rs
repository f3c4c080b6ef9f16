//! A client: what an operator or a registration says about an application (RFC 7591 section 2, OpenID Connect Dynamic
//! Client Registration section 2). What it must fulfil is in `client_rules`; its secrets are never part of it.

use serde::{Deserialize, Serialize};

use super::client_metadata::{Metadata, RegisteredBy};
use super::grant::{AuthMethod, GrantType};
use super::redirect_uri::RedirectUri;
use super::response::ResponseType;
use super::scope::Scope;
use super::words::words;

words! {
    /// Whether an authorization request must bring a code challenge (protocol A3).
    pub enum PkcePolicy {
        Required = "required",
        Optional = "optional",
    }
}

words! {
    /// The form of a client's access tokens (protocol A7).
    pub enum AccessTokenFormat {
        /// RFC 9068.
        Jwt = "jwt",
        Opaque = "opaque",
    }
}

words! {
    /// Where the application runs; a native one may use custom schemes and any loopback port (RFC 8252).
    pub enum ApplicationType {
        Web = "web",
        Native = "native",
    }
}

words! {
    /// Whether people are asked before this client gets anything about them.
    pub enum ConsentPolicy {
        Ask = "ask",
        /// An application of the operator's own house.
        Skip = "skip",
    }
}

words! {
    /// Whether its people have to have a second factor.
    #[derive(Default)]
    pub enum FactorPolicy {
        /// As the house wants it of everybody.
        #[default]
        House = "house",
        Required = "required",
    }
}

words! {
    /// When a refresh token is issued (protocol A6).
    pub enum RefreshPolicy {
        OfflineAccess = "offline_access",
        Always = "always",
    }
}

/// The definition of a client, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    pub client_id: String,
    /// Shown to people.
    pub name: String,
    pub redirect_uris: Vec<RedirectUri>,
    pub post_logout_redirect_uris: Vec<RedirectUri>,
    /// Where it is told by us that a session ended (OpenID Connect Back-Channel Logout 1.0 section 2.2).
    #[serde(default)]
    pub backchannel_logout_uri: Option<String>,
    /// Whether it needs `sid` for that; every logout token of ours has one.
    #[serde(default)]
    pub backchannel_logout_session_required: bool,
    /// What the browser loads in a frame when a session ends (OpenID Connect Front-Channel Logout 1.0 section 2).
    #[serde(default)]
    pub frontchannel_logout_uri: Option<String>,
    /// Whether it needs `iss` and `sid` for that; they are always there.
    #[serde(default)]
    pub frontchannel_logout_session_required: bool,
    pub auth_method: AuthMethod,
    pub grant_types: Vec<GrantType>,
    pub response_types: Vec<ResponseType>,
    /// What it may have at most.
    pub scope: Scope,
    pub pkce: PkcePolicy,
    /// The `alg` of its ID tokens.
    pub id_token_alg: String,
    pub access_token: AccessTokenFormat,
    /// The keys of its assertions (RFC 7517), checked by `jose` where they are used.
    pub jwks: Option<serde_json::Value>,
    /// The resources that it may ask tokens for (RFC 8707).
    pub resources: Vec<String>,
    /// Browser origins beside those of its redirect URIs (decision 22).
    pub origins: Vec<String>,
    /// The one `alg` of its assertions; any that fits its method if absent.
    pub token_endpoint_auth_signing_alg: Option<String>,
    pub refresh_idle_seconds: i64,
    pub refresh_absolute_seconds: i64,
    pub access_token_seconds: i64,
    pub default_max_age: Option<i64>,
    pub require_auth_time: bool,
    pub initiate_login_uri: Option<String>,
    pub client_uri: Option<String>,
    pub policy_uri: Option<String>,
    pub tos_uri: Option<String>,
    /// The digest of a stored picture; never the address of one elsewhere (decision 16).
    pub logo: Option<String>,
    pub application_type: ApplicationType,
    pub trusted: ConsentPolicy,
    /// Whether its people have to have a second factor.
    #[serde(default)]
    pub second_factor: FactorPolicy,
    pub disabled: bool,
    pub issue_refresh: RefreshPolicy,
    /// What OpenID Connect Dynamic Client Registration section 2 has beyond that. A row from before reads and writes the same.
    #[serde(default, flatten)]
    pub more: Metadata,
}

/// What is wrong with one field, for the person who wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub field: &'static str,
    pub why: String,
}

impl Problem {
    pub(super) fn new(field: &'static str, why: impl Into<String>) -> Self {
        Self { field, why: why.into() }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.field, self.why)
    }
}

impl Client {
    /// A confidential web application with the code flow and the defaults of the house; it has no redirect URI yet.
    pub fn new(client_id: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            client_id: client_id.into(),
            name: name.into(),
            redirect_uris: Vec::new(),
            post_logout_redirect_uris: Vec::new(),
            backchannel_logout_uri: None,
            backchannel_logout_session_required: false,
            frontchannel_logout_uri: None,
            frontchannel_logout_session_required: false,
            auth_method: AuthMethod::ClientSecretBasic,
            grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
            response_types: vec![ResponseType::CODE],
            scope: ["openid", "profile", "email", "address", "phone", "offline_access"].into_iter().collect(),
            pkce: PkcePolicy::Required,
            id_token_alg: "RS256".to_owned(),
            access_token: AccessTokenFormat::Jwt,
            jwks: None,
            resources: Vec::new(),
            origins: Vec::new(),
            token_endpoint_auth_signing_alg: None,
            refresh_idle_seconds: 7 * 86_400,
            refresh_absolute_seconds: 90 * 86_400,
            access_token_seconds: 1800,
            default_max_age: None,
            require_auth_time: false,
            initiate_login_uri: None,
            client_uri: None,
            policy_uri: None,
            tos_uri: None,
            logo: None,
            application_type: ApplicationType::Web,
            trusted: ConsentPolicy::Ask,
            second_factor: FactorPolicy::House,
            disabled: false,
            issue_refresh: RefreshPolicy::OfflineAccess,
            more: Metadata::default(),
        }
    }

    /// Whether nobody of the house has looked at this client.
    pub fn is_unchecked(&self) -> bool {
        self.more.registered_by == Some(RegisteredBy::Itself)
    }

    /// A client that cannot keep a secret (RFC 6749 section 2.1).
    pub fn is_public(&self) -> bool {
        self.auth_method == AuthMethod::None
    }

    /// The registered URI that a presented one is. Only a native client may come on another loopback port (protocol A4).
    pub fn redirect_uri(&self, presented: &str) -> Option<&RedirectUri> {
        let is_it = |uri: &&RedirectUri| match self.application_type {
            ApplicationType::Native => uri.accepts(presented),
            ApplicationType::Web => uri.as_str() == presented,
        };
        self.redirect_uris.iter().find(is_it)
    }

    pub fn allows_grant(&self, grant: GrantType) -> bool {
        self.grant_types.contains(&grant)
    }

    /// The address of its front-channel logout with the session that ended (OpenID Connect Front-Channel Logout 1.0 section 2),
    /// and the origin that a frame of it has.
    pub fn frontchannel_logout(&self, issuer: &str, sid: &str) -> Option<(String, String)> {
        let mut url = url::Url::parse(self.frontchannel_logout_uri.as_deref()?).ok()?;
        url.query_pairs_mut().append_pair("iss", issuer).append_pair("sid", sid);
        let origin = url.origin().ascii_serialization();
        Some((url.into(), origin))
    }

    /// The origins from which a browser may read this client's answers (decision 22).
    pub fn cors_origins(&self) -> Vec<String> {
        let of_redirects = self.redirect_uris.iter().filter_map(RedirectUri::origin);
        let mut origins = Vec::new();
        for origin in of_redirects.chain(self.origins.iter().cloned()) {
            if !origins.contains(&origin) {
                origins.push(origin);
            }
        }
        origins
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(application_type: ApplicationType, uris: &[&str]) -> Client {
        let redirect_uris = uris.iter().map(|uri| RedirectUri::parse(uri).unwrap()).collect();
        Client { redirect_uris, application_type, ..Client::new("c", "C") }
    }

    /// Protocol A4: another loopback port is for native clients alone.
    #[test]
    fn redirect_uris() {
        let uris = ["https://app.test/cb", "http://127.0.0.1/cb"];
        let (web, native) = (client(ApplicationType::Web, &uris), client(ApplicationType::Native, &uris));
        for (presented, for_web, for_native) in [
            ("https://app.test/cb", true, true),
            ("http://127.0.0.1/cb", true, true),
            ("http://127.0.0.1:4711/cb", false, true),
            ("https://app.test/cb/", false, false),
        ] {
            assert_eq!(web.redirect_uri(presented).is_some(), for_web, "{presented}");
            assert_eq!(native.redirect_uri(presented).is_some(), for_native, "{presented}");
        }
    }

    /// Decision 22: origins of https and loopback redirect URIs and those that were added, each once.
    #[test]
    fn origins() {
        let uris = ["https://app.test/cb", "https://app.test/silent", "http://localhost:3000/cb", "com.example.app:/cb"];
        let mut own = client(ApplicationType::Native, &uris);
        own.origins = vec!["https://spa.test".to_owned(), "https://app.test".to_owned()];
        assert_eq!(own.cors_origins(), ["https://app.test", "http://localhost:3000", "https://spa.test"]);
    }

    /// Front-Channel Logout section 2: what the frame loads keeps the query that is registered.
    #[test]
    fn frames() {
        let mut own = client(ApplicationType::Web, &["https://app.test/cb"]);
        assert_eq!(own.frontchannel_logout("https://id.test", "s"), None);
        for (registered, loaded) in [
            ("https://app.test/out", "https://app.test/out?iss=https%3A%2F%2Fid.test%2Ft&sid=a-b_"),
            ("https://app.test/out?x=1&y", "https://app.test/out?x=1&y&iss=https%3A%2F%2Fid.test%2Ft&sid=a-b_"),
        ] {
            own.frontchannel_logout_uri = Some(registered.to_owned());
            let expected = Some((loaded.to_owned(), "https://app.test".to_owned()));
            assert_eq!(own.frontchannel_logout("https://id.test/t", "a-b_"), expected);
        }
    }

    /// A stored client reads the same again; one of a later version is read too; a broken one is not.
    #[test]
    fn stored() {
        let own = client(ApplicationType::Web, &["https://app.test/cb"]);
        let mut stored = serde_json::to_value(&own).unwrap();
        assert_eq!(stored["auth_method"], "client_secret_basic");
        assert_eq!(serde_json::from_value::<Client>(stored.clone()).unwrap(), own);
        for since in ["backchannel_logout_uri", "backchannel_logout_session_required", "frontchannel_logout_uri"] {
            assert!(stored.as_object_mut().unwrap().remove(since).is_some(), "{since}");
        }
        assert_eq!(serde_json::from_value::<Client>(stored.clone()).unwrap(), own, "one of an earlier version");
        stored["later"] = true.into();
        assert_eq!(serde_json::from_value::<Client>(stored.clone()).unwrap(), own);
        stored["redirect_uris"] = serde_json::json!(["http://evil.test"]);
        assert!(serde_json::from_value::<Client>(stored).is_err());
    }
}
