//! Where two addresses differ, for a developer's eye. It explains a refusal and never decides one.

use crate::web::texts::Texts;

/// Two addresses, cut where they part.
#[derive(Debug)]
pub(super) struct Difference<'a> {
    pub(super) same: &'a str,
    pub(super) sent_rest: &'a str,
    pub(super) registered_rest: &'a str,
    whole: &'a str,
}

/// Cuts `sent` and `registered` after what they have in common at their beginning.
pub(super) fn difference<'a>(sent: &'a str, registered: &'a str) -> Difference<'a> {
    let cut = sent
        .char_indices()
        .zip(registered.chars())
        .find(|((_, a), b)| a != b)
        .map_or_else(|| sent.len().min(registered.len()), |((index, _), _)| index);
    let (same, sent_rest) = sent.split_at_checked(cut).unwrap_or(("", sent));
    let registered_rest = registered.get(cut..).unwrap_or(registered);
    Difference { same, sent_rest, registered_rest, whole: registered }
}

impl<'a> Difference<'a> {
    pub(super) const fn registered(&self) -> &'a str {
        self.whole
    }

    pub(super) fn same_characters(&self) -> usize {
        self.same.chars().count()
    }

    /// The difference in words.
    pub(super) fn words(&self, t: &Texts) -> String {
        let (sent, registered) = (self.sent_rest.chars().count(), self.registered_rest.chars().count());
        match (sent, registered) {
            (0 | 1, 0 | 1) => t.differ_last.to_owned(),
            (_, 0) => t.differ_longer.to_owned(),
            (0, _) => t.differ_shorter.to_owned(),
            _ => t.differ_at.with(self.same_characters() + 1).to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::texts::{Lang, texts};

    /// Protects what a developer is told about a redirect URI (pages.md section 3).
    #[test]
    fn addresses_are_compared_from_the_left() {
        let cases = [
            ("https://a.example/login/", "https://a.example/login", "They differ at the last character."),
            ("https://a.example/cb", "https://b.example/cb", "They differ from character 9."),
            ("https://a.example/cb?x=1", "https://a.example/cb", "What was sent goes on after the end of what is registered."),
            ("https://a.example", "https://a.example/cb", "What was sent stops before the end of what is registered."),
            ("https://ä.example/cb", "https://ö.example/cb", "They differ from character 9."),
        ];
        for (sent, registered, expected) in cases {
            let found = difference(sent, registered);
            assert_eq!(found.words(texts(&Lang::En)), expected);
            assert_eq!(format!("{}{}", found.same, found.sent_rest), sent);
            assert_eq!(format!("{}{}", found.same, found.registered_rest), registered);
        }
    }
}
