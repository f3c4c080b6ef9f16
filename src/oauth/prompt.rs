//! `prompt` (OpenID Connect Core section 3.1.2.1, Initiating User Registration 1.0 section 4).

use std::fmt;

use super::error::Error;
use super::words::serde_as_string;

/// The words in the order of their bits.
const WORDS: [(&str, u8); 5] = [("none", NONE), ("login", 2), ("consent", 4), ("select_account", 8), ("create", 16)];

/// `none`, which stands alone.
const NONE: u8 = 1;

/// What the client wants the person to be asked; a set, empty if nothing was said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prompt(u8);

serde_as_string!(Prompt, "unknown prompt");

impl Prompt {
    /// Reads words that are separated by spaces.
    ///
    /// # Errors
    /// `invalid_request`: an unknown word, or `none` beside another.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut bits = 0;
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            let known = WORDS.iter().find(|(own, _)| *own == word);
            let (_, bit) = known.ok_or(Error::request("prompt holds an unknown word"))?;
            bits |= bit;
        }
        if bits & NONE != 0 && bits != NONE {
            return Err(Error::request("prompt none stands beside another word"));
        }
        Ok(Self(bits))
    }

    /// No page may be shown.
    pub fn has_none(self) -> bool {
        self.has("none")
    }

    /// The person signs in again.
    pub fn has_login(self) -> bool {
        self.has("login")
    }

    /// The person is asked for consent again.
    pub fn has_consent(self) -> bool {
        self.has("consent")
    }

    /// The person chooses an account.
    pub fn has_select_account(self) -> bool {
        self.has("select_account")
    }

    /// The person is offered to make an account.
    pub fn has_create(self) -> bool {
        self.has("create")
    }

    fn has(self, word: &str) -> bool {
        WORDS.iter().any(|(own, bit)| *own == word && self.0 & bit != 0)
    }
}

impl fmt::Display for Prompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = WORDS.iter().filter(|(_, bit)| self.0 & bit != 0).map(|(word, _)| *word).collect();
        f.write_str(&words.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// OpenID Connect Core section 3.1.2.1: the words, and `none` alone.
    #[test]
    fn words() {
        for (text, shown) in
            [("", ""), ("none", "none"), ("none none", "none"), ("consent login", "login consent"), ("create", "create")]
        {
            let read = Prompt::parse(text).unwrap();
            assert_eq!(read.to_string(), shown, "{text}");
            assert_eq!(serde_json::from_str::<Prompt>(&serde_json::to_string(&read).unwrap()).unwrap(), read);
        }
        for text in ["none login", "create none", "Login", "login,consent", "login\tconsent", "foo"] {
            assert_eq!(Prompt::parse(text).unwrap_err().code.as_str(), "invalid_request", "{text}");
        }
        let read = Prompt::parse("login select_account").unwrap();
        assert!(read.has_login() && read.has_select_account());
        assert!(!read.has_none() && !read.has_consent() && !read.has_create());
    }
}
