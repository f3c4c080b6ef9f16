//! Response types and modes (RFC 6749 section 3.1.1, OAuth 2.0 Multiple Response Types, OAuth 2.0 Form Post Response Mode).

use std::fmt;

use super::error::{Error, ErrorCode};
use super::words::{serde_as_string, words};

/// What comes from the authorization endpoint: a set of `code`, `id_token` and `token`, never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ResponseType {
    code: bool,
    id_token: bool,
    token: bool,
}

serde_as_string!(ResponseType, "unknown response_type");

impl ResponseType {
    /// The authorization code flow.
    pub const CODE: Self = Self { code: true, id_token: false, token: false };

    /// Reads the words in any order.
    ///
    /// # Errors
    /// `unsupported_response_type`: an unknown or repeated word, or none.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let refused = Error::new(ErrorCode::UnsupportedResponseType, "this response_type is not known here");
        let mut found = Self { code: false, id_token: false, token: false };
        for word in text.split(' ') {
            let part = match word {
                "code" => &mut found.code,
                "id_token" => &mut found.id_token,
                "token" => &mut found.token,
                _ => return Err(refused),
            };
            if std::mem::replace(part, true) {
                return Err(refused);
            }
        }
        Ok(found)
    }

    pub const fn has_code(&self) -> bool {
        self.code
    }

    pub const fn has_id_token(&self) -> bool {
        self.id_token
    }

    pub const fn has_token(&self) -> bool {
        self.token
    }

    /// Whether tokens come through the browser, which the implicit and hybrid flows do.
    pub const fn is_front_channel(&self) -> bool {
        self.id_token || self.token
    }
}

/// The words in the order in which OAuth 2.0 Multiple Response Types writes them.
impl fmt::Display for ResponseType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = [(self.code, "code"), (self.id_token, "id_token"), (self.token, "token")];
        let words: Vec<_> = words.into_iter().filter_map(|(is_set, word)| is_set.then_some(word)).collect();
        f.write_str(&words.join(" "))
    }
}

words! {
    /// How the answer reaches the client.
    pub enum ResponseMode {
        Query = "query",
        Fragment = "fragment",
        FormPost = "form_post",
    }
}

impl ResponseMode {
    /// The mode of a request that names none (Multiple Response Types section 2.1).
    pub const fn default_for(response_type: &ResponseType) -> Self {
        if response_type.is_front_channel() { Self::Fragment } else { Self::Query }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Multiple Response Types section 3: the combinations, in any order, and the mode that each has by itself.
    #[test]
    fn reads() {
        for (text, shown, mode) in [
            ("code", "code", ResponseMode::Query),
            ("id_token", "id_token", ResponseMode::Fragment),
            ("token", "token", ResponseMode::Fragment),
            ("token id_token", "id_token token", ResponseMode::Fragment),
            ("token id_token code", "code id_token token", ResponseMode::Fragment),
        ] {
            let read = ResponseType::parse(text).unwrap();
            assert_eq!(read.to_string(), shown);
            assert_eq!(ResponseMode::default_for(&read), mode, "{text}");
            assert_eq!(serde_json::from_str::<ResponseType>(&serde_json::to_string(&read).unwrap()).unwrap(), read);
        }
        assert_eq!(ResponseType::parse("code"), Ok(ResponseType::CODE));
    }

    /// AZ-08: what is no response type.
    #[test]
    fn refuses() {
        for text in ["", " ", "none", "code code", "code  token", "Code", "code,token", "code foo", "code\ttoken"] {
            assert_eq!(ResponseType::parse(text).unwrap_err().code, ErrorCode::UnsupportedResponseType, "{text}");
        }
        for text in ["", "Query", "web_message", "query.jwt"] {
            assert_eq!(ResponseMode::parse(text), None, "{text}");
        }
    }
}
