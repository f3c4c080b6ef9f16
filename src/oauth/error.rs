//! The protocol says no: a registered code and a fixed sentence, both of which the client may read.
//!
//! Never carries text from a request or a cause from inside the house. RFC 6749 sections 4.1.2.1 and 5.2, OpenID Connect
//! Core section 3.1.2.6, RFC 6750 section 3.1, RFC 7591 section 3.2.2, RFC 8707 section 2, RFC 9101 section 7.

use std::fmt;

use super::words::words;

words! {
    /// The registered error codes that this product answers with.
    pub enum ErrorCode {
        InvalidRequest = "invalid_request",
        InvalidClient = "invalid_client",
        InvalidGrant = "invalid_grant",
        UnauthorizedClient = "unauthorized_client",
        UnsupportedGrantType = "unsupported_grant_type",
        InvalidScope = "invalid_scope",
        AccessDenied = "access_denied",
        UnsupportedResponseType = "unsupported_response_type",
        ServerError = "server_error",
        TemporarilyUnavailable = "temporarily_unavailable",
        LoginRequired = "login_required",
        ConsentRequired = "consent_required",
        InteractionRequired = "interaction_required",
        AccountSelectionRequired = "account_selection_required",
        RequestNotSupported = "request_not_supported",
        RequestUriNotSupported = "request_uri_not_supported",
        RegistrationNotSupported = "registration_not_supported",
        InvalidRequestObject = "invalid_request_object",
        InvalidRequestUri = "invalid_request_uri",
        InvalidTarget = "invalid_target",
        InvalidToken = "invalid_token",
        InsufficientScope = "insufficient_scope",
        InvalidClientMetadata = "invalid_client_metadata",
        InvalidRedirectUri = "invalid_redirect_uri",
        InvalidSoftwareStatement = "invalid_software_statement",
        UnapprovedSoftwareStatement = "unapproved_software_statement",
        /// The sign-in behind a token is not enough (RFC 9470 section 3).
        InsufficientUserAuthentication = "insufficient_user_authentication",
        UnmetAuthenticationRequirements = "unmet_authentication_requirements",
    }
}

/// A refusal in the words of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    pub code: ErrorCode,
    /// `error_description`: for the developer of the client, the same for every request that fails alike.
    pub why: &'static str,
}

impl Error {
    /// A refusal; `why` has only the characters that RFC 6749 section 5.2 allows (no quote, no backslash, ASCII).
    pub const fn new(code: ErrorCode, why: &'static str) -> Self {
        debug_assert!(is_description(why.as_bytes()), "a character that error_description must not have");
        Self { code, why }
    }

    /// `invalid_request`, the code that most parsers in this room end in.
    pub(super) const fn request(why: &'static str) -> Self {
        Self::new(ErrorCode::InvalidRequest, why)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.why)
    }
}

impl std::error::Error for Error {}

/// `%x20-21 / %x23-5B / %x5D-7E` (RFC 6749 appendix A.8).
const fn is_description(mut bytes: &[u8]) -> bool {
    while let [byte, rest @ ..] = bytes {
        if !matches!(byte, 0x20..=0x21 | 0x23..=0x5B | 0x5D..=0x7E) {
            return false;
        }
        bytes = rest;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6749 section 5.2: codes are lower case with underscores, and each is read back from its word.
    #[test]
    fn codes() {
        for code in ErrorCode::ALL {
            assert!(code.as_str().bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{code}");
            assert_eq!(ErrorCode::parse(code.as_str()), Some(*code));
        }
        assert_eq!(ErrorCode::parse("Invalid_Request"), None);
        assert_eq!(serde_json::to_string(&ErrorCode::InvalidGrant).unwrap(), "\"invalid_grant\"");
    }

    /// RFC 6749 appendix A.8: what a description may hold.
    #[test]
    fn descriptions() {
        for good in ["", "the code is unknown, expired or used", "[a] 'b' !~"] {
            assert!(is_description(good.as_bytes()), "{good}");
        }
        for bad in ["a \"quote\"", "back\\slash", "line\nbreak", "tab\t", "é", "\u{7f}"] {
            assert!(!is_description(bad.as_bytes()), "{bad}");
        }
    }
}
