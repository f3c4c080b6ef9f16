//! Grant types (RFC 6749 section 4, RFC 7591 section 2) and the ways in which a client authenticates.

use super::words::words;

words! {
    /// A grant type that a client may be registered for.
    pub enum GrantType {
        AuthorizationCode = "authorization_code",
        RefreshToken = "refresh_token",
        ClientCredentials = "client_credentials",
        /// Only a registration: no token endpoint takes it.
        Implicit = "implicit",
    }
}

words! {
    /// `token_endpoint_auth_method` (RFC 6749 section 2.3, OpenID Connect Core section 9).
    pub enum AuthMethod {
        /// A public client.
        None = "none",
        ClientSecretBasic = "client_secret_basic",
        ClientSecretPost = "client_secret_post",
        ClientSecretJwt = "client_secret_jwt",
        PrivateKeyJwt = "private_key_jwt",
    }
}

impl AuthMethod {
    /// Whether a client of this method has a secret.
    pub const fn uses_secret(self) -> bool {
        matches!(self, Self::ClientSecretBasic | Self::ClientSecretPost | Self::ClientSecretJwt)
    }

    /// Whether a client of this method signs an assertion (RFC 7523 section 2.2).
    pub const fn uses_assertion(self) -> bool {
        matches!(self, Self::ClientSecretJwt | Self::PrivateKeyJwt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words of the registries, and nothing that only looks like them.
    #[test]
    fn words() {
        for method in AuthMethod::ALL {
            assert_eq!(AuthMethod::parse(method.as_str()), Some(*method));
        }
        assert_eq!(serde_json::to_string(&AuthMethod::PrivateKeyJwt).unwrap(), "\"private_key_jwt\"");
        assert_eq!(serde_json::from_str::<GrantType>("\"client_credentials\"").unwrap(), GrantType::ClientCredentials);
        assert!(serde_json::from_str::<GrantType>("\"password\"").is_err());
        assert_eq!(AuthMethod::parse("None"), None);
    }
}
