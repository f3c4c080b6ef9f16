//! The field for a new password, a part of every page that asks for one: what is wanted, why the last one was refused, and
//! what would be better. The script only ticks off what is met while one types.

use crate::identity::policy::{Class, PasswordPolicy, Weakness};
use crate::web::texts::Texts;

/// The field `password`; a page that has one as `new_password` includes `parts/new_password.html`. It never carries a
/// password.
pub struct NewPassword {
    pub label: &'static str,
    pub min_chars: usize,
    pub rules: Vec<Rule>,
    pub advice: &'static str,
    /// Whether the focus begins here if it was refused: no field before it was.
    pub is_first: bool,
    /// Why the last one was refused; empty at first.
    pub errors: Vec<String>,
    pub suggestions: Vec<&'static str>,
}

/// One thing that is wanted.
pub struct Rule {
    /// What the script looks for.
    pub key: &'static str,
    pub text: String,
}

impl NewPassword {
    /// The field under this label (`t.password` at sign-up, `t.passwords.new_password` where there was one before).
    pub fn new(t: &'static Texts, label: &'static str, policy: &PasswordPolicy, refused: &[Weakness]) -> Self {
        let length = Rule { key: "length", text: t.at_least(policy.min_chars) };
        let classes = policy.classes.iter().map(|class| Rule { key: key(*class), text: t.class(*class).to_owned() });
        let suggestions = refused.iter().filter_map(|weakness| match weakness {
            Weakness::TooEasy { suggestions } => Some(suggestions.iter().map(|one| t.suggestion(*one))),
            _ => None,
        });
        Self {
            label,
            min_chars: policy.min_chars,
            is_first: true,
            rules: std::iter::once(length).chain(classes).collect(),
            advice: t.passwords.longer_is_better,
            errors: refused.iter().map(|weakness| t.weakness(weakness)).collect(),
            suggestions: suggestions.flatten().collect(),
        }
    }

    /// The same on a page where fields before it may be wrong as well.
    pub fn after(self, others_are_right: bool) -> Self {
        Self { is_first: others_are_right, ..self }
    }

    pub fn is_refused(&self) -> bool {
        !self.errors.is_empty()
    }

    /// The ids of what describes the field, as they stand in the part.
    pub fn described_by(&self) -> &'static str {
        match (self.errors.is_empty(), self.suggestions.is_empty()) {
            (true, _) => "password-help",
            (false, true) => "password-error password-help",
            (false, false) => "password-error password-hints password-help",
        }
    }
}

const fn key(class: Class) -> &'static str {
    match class {
        Class::Upper => "upper",
        Class::Lower => "lower",
        Class::Digit => "digit",
        Class::Special => "special",
    }
}

#[cfg(test)]
mod tests {
    use askama::Template;

    use super::*;
    use crate::identity::policy::Suggestion;
    use crate::oauth::locale::Lang;
    use crate::web::texts::texts;

    #[derive(Template)]
    #[template(path = "parts/new_password.html")]
    struct Page {
        new_password: NewPassword,
    }

    fn shown(lang: &Lang, policy: &PasswordPolicy, refused: &[Weakness]) -> String {
        let t = texts(lang);
        Page { new_password: NewPassword::new(t, t.password, policy, refused) }.render().unwrap()
    }

    /// The help says the policy; each refusal is said with its suggestions, in the language of the page, and the field points
    /// at all of them.
    #[test]
    fn field() {
        let policy = PasswordPolicy { min_chars: 12, classes: vec![Class::Digit], ..PasswordPolicy::default() };
        let first = shown(&Lang::En, &policy, &[]);
        for part in [
            "At least 12 characters.",
            "data-rule=\"digit\"",
            "autocomplete=\"new-password\"",
            "aria-describedby=\"password-help\"",
        ] {
            assert!(first.contains(part), "{part}: {first}");
        }
        assert!(!first.contains("aria-invalid") && !first.contains("password-error") && !first.contains("maxlength"), "{first}");
        let easy = Weakness::TooEasy { suggestions: vec![Suggestion::LoneWord, Suggestion::AddAWord] };
        let refused = shown(&Lang::De, &policy, &[Weakness::Missing(Class::Digit), easy]);
        for part in [
            "Mindestens 12 Zeichen.",
            "Verwenden Sie mindestens eine Ziffer.",
            "Dieses Passwort ist zu leicht zu erraten.",
            "Ein einzelnes Wort ist leicht zu erraten.",
            "Fügen Sie ein oder zwei Wörter hinzu",
            "aria-invalid=\"true\"",
            "aria-describedby=\"password-error password-hints password-help\"",
        ] {
            assert!(refused.contains(part), "{part}: {refused}");
        }
        assert!(refused.len() < 2000, "{}", refused.len());
    }
}
