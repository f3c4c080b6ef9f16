//! A token request as the grant that it is, each with its own fields (RFC 6749 sections 4.1.3, 4.4.2 and 6, RFC 8707).
//!
//! Client authentication is not read here, and nothing is looked up.

use std::fmt;

use super::error::{Error, ErrorCode};
use super::grant::GrantType;
use super::params::Params;
use super::scope::Scope;

/// A well-formed request to the token endpoint.
#[derive(Debug, PartialEq, Eq)]
pub enum TokenRequest {
    AuthorizationCode(AuthorizationCode),
    RefreshToken(RefreshToken),
    ClientCredentials(ClientCredentials),
}

/// RFC 6749 section 4.1.3 with RFC 7636 section 4.5.
#[derive(PartialEq, Eq)]
pub struct AuthorizationCode {
    pub code: String,
    pub redirect_uri: Option<String>,
    pub code_verifier: Option<String>,
    pub resource: Vec<String>,
}

/// RFC 6749 section 6.
#[derive(PartialEq, Eq)]
pub struct RefreshToken {
    pub refresh_token: String,
    pub scope: Option<Scope>,
    pub resource: Vec<String>,
}

/// RFC 6749 section 4.4.2.
#[derive(Debug, PartialEq, Eq)]
pub struct ClientCredentials {
    pub scope: Option<Scope>,
    pub resource: Vec<String>,
}

impl TokenRequest {
    /// Reads the fields of the grant that `grant_type` names.
    ///
    /// # Errors
    /// `invalid_request` for a missing field, `unsupported_grant_type`, or `invalid_scope`.
    pub fn parse(params: &Params) -> Result<Self, Error> {
        let grant_type = params.require("grant_type", "grant_type is missing")?;
        let unsupported = Error::new(ErrorCode::UnsupportedGrantType, "this grant_type is not offered here");
        let owned = |name| params.get(name).map(str::to_owned);
        let scope = || params.get("scope").map(Scope::parse).transpose();
        let resource = params.all("resource").into_iter().map(str::to_owned).collect();
        match GrantType::parse(grant_type).ok_or(unsupported)? {
            GrantType::AuthorizationCode => Ok(Self::AuthorizationCode(AuthorizationCode {
                code: params.require("code", "code is missing")?.to_owned(),
                redirect_uri: owned("redirect_uri"),
                code_verifier: owned("code_verifier"),
                resource,
            })),
            GrantType::RefreshToken => Ok(Self::RefreshToken(RefreshToken {
                refresh_token: params.require("refresh_token", "refresh_token is missing")?.to_owned(),
                scope: scope()?,
                resource,
            })),
            GrantType::ClientCredentials => Ok(Self::ClientCredentials(ClientCredentials { scope: scope()?, resource })),
            GrantType::Implicit => Err(unsupported),
        }
    }
}

/// Without the code and its verifier, which are secrets.
impl fmt::Debug for AuthorizationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizationCode").field("redirect_uri", &self.redirect_uri).finish_non_exhaustive()
    }
}

/// Without the token, which is a secret.
impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefreshToken").field("scope", &self.scope).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(raw: &str) -> Result<TokenRequest, Error> {
        TokenRequest::parse(&Params::parse(raw.as_bytes()).unwrap())
    }

    /// RFC 6749 sections 4.1.3, 4.4.2 and 6: each grant has its own fields.
    #[test]
    fn grants() {
        assert_eq!(
            parse("grant_type=authorization_code&code=x&redirect_uri=https://a.test/&code_verifier=v&resource=r&resource=s"),
            Ok(TokenRequest::AuthorizationCode(AuthorizationCode {
                code: "x".to_owned(),
                redirect_uri: Some("https://a.test/".to_owned()),
                code_verifier: Some("v".to_owned()),
                resource: vec!["r".to_owned(), "s".to_owned()],
            }))
        );
        let scope = Some(Scope::parse("a b").unwrap());
        assert_eq!(
            parse("grant_type=refresh_token&refresh_token=x&scope=a+b"),
            Ok(TokenRequest::RefreshToken(RefreshToken { refresh_token: "x".to_owned(), scope, resource: vec![] }))
        );
        assert_eq!(
            parse("grant_type=client_credentials"),
            Ok(TokenRequest::ClientCredentials(ClientCredentials { scope: None, resource: vec![] }))
        );
    }

    /// TK-13, RFC 6749 section 5.2: what is no token request.
    #[test]
    fn refusals() {
        for (raw, code) in [
            ("", ErrorCode::InvalidRequest),
            ("grant_type=", ErrorCode::InvalidRequest),
            ("grant_type=authorization_code", ErrorCode::InvalidRequest),
            ("grant_type=authorization_code&code=", ErrorCode::InvalidRequest),
            ("grant_type=refresh_token", ErrorCode::InvalidRequest),
            ("grant_type=password&username=a&password=b", ErrorCode::UnsupportedGrantType),
            ("grant_type=implicit", ErrorCode::UnsupportedGrantType),
            ("grant_type=Authorization_Code&code=x", ErrorCode::UnsupportedGrantType),
            ("grant_type=client_credentials&scope=a%09b", ErrorCode::InvalidScope),
        ] {
            assert_eq!(parse(raw).unwrap_err().code, code, "{raw}");
        }
    }

    /// A printed request shows no secret.
    #[test]
    fn debug_is_silent() {
        let shown = format!("{:?}", parse("grant_type=authorization_code&code=hunter2&code_verifier=hunter3").unwrap());
        assert!(!shown.contains("hunter"), "{shown}");
    }
}
