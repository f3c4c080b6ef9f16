//! What a new password must be: long enough, none that everybody tries first, and nothing that says who its owner is.
//!
//! It follows NIST SP 800-63B-4 section 3.1.1: length counts, classes of characters are the operator's wish alone, and a
//! refusal says what to do. [`PasswordPolicy::check`] is computation of a few milliseconds, of
//! some thirty at worst; asking whether a
//! password was seen in a breach is [`PasswordPolicy::is_breached`], which may read a file or call a service.

mod breach;
mod first_tried;
mod fold;
mod suggestion;

pub use breach::Breached;
pub use suggestion::Suggestion;

use zxcvbn::matching::patterns::MatchPattern;
use zxcvbn::{Entropy, zxcvbn};

use super::passwords::{Password, count_chars};
use crate::base::Secret;
use fold::{Personal, fold};

/// How much of a password its strength is estimated by, in characters: the cost grows with the square of the length.
const ESTIMATED_CHARS: usize = 64;

/// How many different signs may stand for letters: zxcvbn tries their meanings in every combination, hundreds of them.
const MOST_SIGNS: usize = 8;

/// What the operator demands of new passwords. Passwords that exist stay valid.
#[derive(Clone)]
pub struct PasswordPolicy {
    /// The least and the greatest length, in characters after NFKC.
    pub min_chars: usize,
    pub max_chars: usize,
    /// Classes of which a character must be there; none by default.
    pub classes: Vec<Class>,
    /// The least strength as zxcvbn estimates it, 0 to 4; 0 asks for none.
    pub min_score: u8,
    pub breached: Breached,
}

impl Default for PasswordPolicy {
    fn default() -> Self {
        Self { min_chars: 8, max_chars: 128, classes: Vec::new(), min_score: 2, breached: Breached::Off }
    }
}

/// A class of characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Upper,
    Lower,
    Digit,
    /// Whatever is no letter and no digit, a space too.
    Special,
}

/// Whose password it will be: what others know of the person is no secret.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    pub email: Option<&'a str>,
    pub name: Option<&'a str>,
    /// The name of the house, as its pages show it.
    pub house: &'a str,
}

/// Why a password is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Weakness {
    TooShort {
        min: usize,
    },
    TooLong {
        max: usize,
    },
    Missing(Class),
    /// It is among the first that everybody tries.
    Common,
    /// It was seen in a breach.
    Breached,
    /// It is little more than the name or address of the person or of the house.
    Personal,
    /// It is guessed too soon.
    TooEasy {
        suggestions: Vec<Suggestion>,
    },
}

impl Class {
    fn holds(self, c: char) -> bool {
        match self {
            Self::Upper => c.is_uppercase(),
            Self::Lower => c.is_lowercase(),
            Self::Digit => c.is_numeric(),
            Self::Special => !c.is_alphanumeric() && !c.is_control(),
        }
    }
}

impl PasswordPolicy {
    /// Judges a new password by everything but breaches.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn check(&self, password: &Secret<String>, about: &About<'_>) -> Result<Password, Vec<Weakness>> {
        let password = self.of_good_length(password).map_err(|wrong| vec![wrong])?;
        let text = password.text();
        let missing = self.classes.iter().filter(|class| !text.chars().any(|c| class.holds(c)));
        let mut found: Vec<_> = missing.map(|class| Weakness::Missing(*class)).collect();
        let personal = Personal::of(about);
        if first_tried::is_common(text) {
            found.push(Weakness::Common);
        } else if personal.is_most_of(text) {
            found.push(Weakness::Personal);
        } else {
            found.extend(self.estimated(text, &personal));
        }
        if found.is_empty() { Ok(password) } else { Err(found) }
    }

    /// Judges a new password by its length alone, which an operator's passwords keep too.
    ///
    /// # Errors
    /// It is too short or too long.
    pub fn of_good_length(&self, password: &Secret<String>) -> Result<Password, Weakness> {
        let too_long = || Weakness::TooLong { max: self.max_chars };
        match count_chars(password.expose()) {
            length if length < self.min_chars => Err(Weakness::TooShort { min: self.min_chars }),
            length if length > self.max_chars => Err(too_long()),
            _ => Password::new(password).ok_or_else(too_long),
        }
    }

    /// Judges a new password by everything.
    ///
    /// # Errors
    /// Everything that is wrong with it; whether it was breached is asked only if nothing else is wrong.
    pub async fn accept(&self, password: &Secret<String>, about: &About<'_>) -> Result<Password, Vec<Weakness>> {
        let password = self.check(password, about)?;
        if self.is_breached(&password).await { Err(vec![Weakness::Breached]) } else { Ok(password) }
    }

    /// Whether a password was seen in a breach. A service or a file that fails answers no: that nobody can sign up while
    /// somebody else's server is down would be the greater harm. It is logged.
    pub async fn is_breached(&self, password: &Password) -> bool {
        self.breached.holds(password).await
    }

    /// What zxcvbn says; names of the person and the house are words to it that everybody knows.
    fn estimated(&self, text: &str, personal: &Personal) -> Option<Weakness> {
        let mut start: String = text.chars().take(ESTIMATED_CHARS).collect();
        if fold::signs(&start) > MOST_SIGNS {
            start = fold(&start);
        }
        let entropy = zxcvbn(&start, &personal.words());
        if is_listed(&entropy) {
            return Some(Weakness::Common);
        }
        let is_easy = u8::from(entropy.score()) < self.min_score;
        is_easy.then(|| Weakness::TooEasy { suggestions: suggestion::of(&entropy) })
    }
}

/// Whether the whole of it, perhaps reversed or with signs for letters, stands in zxcvbn's list of passwords.
fn is_listed(entropy: &Entropy) -> bool {
    let [only] = entropy.sequence() else { return false };
    matches!(only.pattern, MatchPattern::Dictionary(_)) && suggestion::says_common(entropy)
}

#[cfg(test)]
mod tests;
