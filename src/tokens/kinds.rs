//! One type, one prefix and one table for each kind of opaque token (decision 3), so that a token of one kind is never
//! even looked up as another.

use crate::base::{Fault, Random, Secret, sha256_base64url};

/// 256 random bits as base64url without padding.
const BODY_LENGTH: usize = 43;

macro_rules! token_kind {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name(Secret<String>);

        impl $name {
            /// A fresh token of this kind.
            ///
            /// # Errors
            /// The random source gave nothing.
            pub fn new(random: &Random) -> Result<Self, Fault> {
                Ok(Self(Secret::new(format!(concat!($prefix, "{}"), random.token()?))))
            }

            /// A presented token, if it has the exact shape of this kind.
            pub fn parse(text: &str) -> Option<Self> {
                is_body(text.strip_prefix($prefix)?).then(|| Self(Secret::new(text.to_owned())))
            }

            /// The token itself, for its one answer to the one who may have it.
            pub fn expose(&self) -> &str {
                self.0.expose()
            }

            /// The form in which it is stored.
            pub fn hash(&self) -> String {
                sha256_base64url(self.0.expose())
            }
        }
    };
}

token_kind!(
    /// An authorization code (RFC 6749 section 4.1.2).
    AuthorizationCode,
    "ac_"
);
token_kind!(
    /// An access token that says nothing to its holder.
    OpaqueAccessToken,
    "at_"
);

token_kind!(
    /// Lets its holder register an app (RFC 7591 section 3).
    InitialAccessToken,
    "ia_"
);
token_kind!(
    /// Lets an app look after its own registration (RFC 7592 section 2).
    RegistrationAccessToken,
    "ra_"
);

fn is_body(body: &str) -> bool {
    body.len() == BODY_LENGTH && body.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// TK-16, TK-17: a token with one character less, more or other, or of another kind, is no token of this kind.
    #[test]
    fn only_the_exact_shape() {
        let code = AuthorizationCode::new(&Random::seeded(1)).unwrap();
        let text = code.expose();
        assert_eq!(AuthorizationCode::parse(text).unwrap().hash(), code.hash());
        let body = text.trim_start_matches("ac_");
        for bad in [
            &text[..text.len() - 1],
            &format!("{text}A"),
            &format!("{text}="),
            &format!(" {text}"),
            &format!("at_{body}"),
            &format!("AC_{body}"),
            &format!("ac_{}+", &body[..42]),
            body,
            "",
        ] {
            assert!(AuthorizationCode::parse(bad).is_none(), "{bad}");
        }
    }
}
