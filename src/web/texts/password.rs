//! What a person is told about a new password: what is wanted, why one is refused, and what would be better.

use super::{Count, Texts};
use crate::identity::policy::{Class, Suggestion, Weakness};

/// The strings about new passwords of one language.
pub struct PasswordTexts {
    pub new_password: &'static str,
    /// The help beside the field: the least length, and the classes where the operator wants them.
    pub at_least: Count,
    pub longer_is_better: &'static str,
    pub class: fn(Class) -> &'static str,
    pub too_short: Count,
    pub too_long: Count,
    pub common: &'static str,
    pub breached: &'static str,
    pub personal: &'static str,
    pub too_easy: &'static str,
    pub suggestion: fn(Suggestion) -> &'static str,
}

impl Texts {
    /// Why a password is refused, without the suggestions that go with it.
    pub fn weakness(&self, weakness: &Weakness) -> String {
        let t = &self.passwords;
        let plain = match weakness {
            Weakness::TooShort { min } => return t.too_short.of(number(*min)).to_string(),
            Weakness::TooLong { max } => return t.too_long.of(number(*max)).to_string(),
            Weakness::Missing(class) => self.class(*class),
            Weakness::Common => t.common,
            Weakness::Breached => t.breached,
            Weakness::Personal => t.personal,
            Weakness::TooEasy { .. } => t.too_easy,
        };
        plain.to_owned()
    }

    /// What makes a password easy to guess, or would make it harder.
    pub fn suggestion(&self, suggestion: Suggestion) -> &'static str {
        (self.passwords.suggestion)(suggestion)
    }

    /// How long a new password is wanted.
    pub fn at_least(&self, min_chars: usize) -> String {
        self.passwords.at_least.of(number(min_chars)).to_string()
    }

    /// That a character of a class is wanted.
    pub fn class(&self, class: Class) -> &'static str {
        (self.passwords.class)(class)
    }
}

fn number(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

pub(super) const EN: PasswordTexts = PasswordTexts {
    new_password: "New password",
    at_least: Count::new("At least 1 character.", "At least {} characters."),
    longer_is_better: "A few words that don’t belong together are strong and easy to remember.",
    class: |class| match class {
        Class::Upper => "Use at least one capital letter.",
        Class::Lower => "Use at least one small letter.",
        Class::Digit => "Use at least one digit.",
        Class::Special => "Use at least one sign, such as ! or a space.",
    },
    too_short: Count::new("Use at least 1 character.", "Use at least {} characters."),
    too_long: Count::new("Use at most 1 character.", "Use at most {} characters."),
    common: "Many people use this password. Choose another one.",
    breached: "This password was in a data leak, so strangers may try it. Choose another one.",
    personal: "This password says your name, your address or ours. Choose another one.",
    too_easy: "This password is too easy to guess.",
    suggestion: |suggestion| match suggestion {
        Suggestion::RowOfKeys => "Straight rows of keys are easy to guess.",
        Suggestion::PatternOfKeys => "Short patterns on the keyboard are easy to guess.",
        Suggestion::RepeatedCharacter => "Repeats like “aaa” are easy to guess.",
        Suggestion::RepeatedPart => "Repeats like “abcabcabc” are hardly harder to guess than “abc”.",
        Suggestion::TopTen => "It is one of the ten commonest passwords.",
        Suggestion::TopHundred => "It is one of the hundred commonest passwords.",
        Suggestion::VeryCommon => "It is a very common password.",
        Suggestion::LikeACommonOne => "It is like a password that many people use.",
        Suggestion::Sequence => "Sequences like “abc” or “6543” are easy to guess.",
        Suggestion::RecentYear => "Recent years are easy to guess.",
        Suggestion::LoneWord => "A word by itself is easy to guess.",
        Suggestion::Date => "Dates are often easy to guess.",
        Suggestion::LoneName => "First and last names by themselves are easy to guess.",
        Suggestion::CommonName => "Common first and last names are easy to guess.",
        Suggestion::UseAFewWords => "Use a few words, and no well-known phrase.",
        Suggestion::NoNeedForSymbols => "Signs, digits and capital letters are not needed.",
        Suggestion::AddAWord => "Add another word or two, rare ones if possible.",
        Suggestion::CapitalsHelpLittle => "Capital letters don’t help much.",
        Suggestion::AllCapitalsHelpLittle => "All capital letters are almost as easy to guess as all small ones.",
        Suggestion::ReversingHelpsLittle => "Words spelled backwards are hardly harder to guess.",
        Suggestion::SubstitutionsHelpLittle => "Signs in place of letters, like “@” for “a”, don’t help much.",
        Suggestion::LongerPatternOfKeys => "Use a longer pattern on the keyboard, with more turns.",
        Suggestion::AvoidRepeats => "Avoid repeated words and characters.",
        Suggestion::AvoidSequences => "Avoid sequences.",
        Suggestion::AvoidRecentYears => "Avoid recent years.",
        Suggestion::AvoidYourYears => "Avoid years that have to do with you.",
        Suggestion::AvoidYourDates => "Avoid dates and years that have to do with you.",
    },
};

pub(super) const DE: PasswordTexts = PasswordTexts {
    new_password: "Neues Passwort",
    at_least: Count::new("Mindestens 1 Zeichen.", "Mindestens {} Zeichen."),
    longer_is_better: "Ein paar Wörter, die nicht zusammengehören, sind sicher und leicht zu merken.",
    class: |class| match class {
        Class::Upper => "Verwenden Sie mindestens einen Großbuchstaben.",
        Class::Lower => "Verwenden Sie mindestens einen Kleinbuchstaben.",
        Class::Digit => "Verwenden Sie mindestens eine Ziffer.",
        Class::Special => "Verwenden Sie mindestens ein Sonderzeichen, etwa ! oder ein Leerzeichen.",
    },
    too_short: Count::new("Verwenden Sie mindestens 1 Zeichen.", "Verwenden Sie mindestens {} Zeichen."),
    too_long: Count::new("Verwenden Sie höchstens 1 Zeichen.", "Verwenden Sie höchstens {} Zeichen."),
    common: "Dieses Passwort verwenden viele Menschen. Wählen Sie ein anderes.",
    breached: "Dieses Passwort stand in einem Datenleck, Fremde könnten es also ausprobieren. Wählen Sie ein anderes.",
    personal: "Dieses Passwort nennt Ihren Namen, Ihre Adresse oder uns. Wählen Sie ein anderes.",
    too_easy: "Dieses Passwort ist zu leicht zu erraten.",
    suggestion: |suggestion| match suggestion {
        Suggestion::RowOfKeys => "Gerade Tastenreihen sind leicht zu erraten.",
        Suggestion::PatternOfKeys => "Kurze Muster auf der Tastatur sind leicht zu erraten.",
        Suggestion::RepeatedCharacter => "Wiederholungen wie „aaa“ sind leicht zu erraten.",
        Suggestion::RepeatedPart => "Wiederholungen wie „abcabcabc“ sind kaum schwerer zu erraten als „abc“.",
        Suggestion::TopTen => "Es ist eines der zehn häufigsten Passwörter.",
        Suggestion::TopHundred => "Es ist eines der hundert häufigsten Passwörter.",
        Suggestion::VeryCommon => "Es ist ein sehr häufiges Passwort.",
        Suggestion::LikeACommonOne => "Es ähnelt einem Passwort, das viele verwenden.",
        Suggestion::Sequence => "Folgen wie „abc“ oder „6543“ sind leicht zu erraten.",
        Suggestion::RecentYear => "Jahreszahlen der letzten Zeit sind leicht zu erraten.",
        Suggestion::LoneWord => "Ein einzelnes Wort ist leicht zu erraten.",
        Suggestion::Date => "Datumsangaben sind oft leicht zu erraten.",
        Suggestion::LoneName => "Vor- und Nachnamen allein sind leicht zu erraten.",
        Suggestion::CommonName => "Häufige Vor- und Nachnamen sind leicht zu erraten.",
        Suggestion::UseAFewWords => "Verwenden Sie ein paar Wörter und keine bekannte Redewendung.",
        Suggestion::NoNeedForSymbols => "Sonderzeichen, Ziffern und Großbuchstaben sind nicht nötig.",
        Suggestion::AddAWord => "Fügen Sie ein oder zwei Wörter hinzu, am besten seltene.",
        Suggestion::CapitalsHelpLittle => "Großbuchstaben helfen wenig.",
        Suggestion::AllCapitalsHelpLittle => "Lauter Großbuchstaben sind fast so leicht zu erraten wie lauter kleine.",
        Suggestion::ReversingHelpsLittle => "Rückwärts geschriebene Wörter sind kaum schwerer zu erraten.",
        Suggestion::SubstitutionsHelpLittle => "Zeichen anstelle von Buchstaben, etwa „@“ für „a“, helfen wenig.",
        Suggestion::LongerPatternOfKeys => "Verwenden Sie ein längeres Muster auf der Tastatur, mit mehr Richtungswechseln.",
        Suggestion::AvoidRepeats => "Vermeiden Sie wiederholte Wörter und Zeichen.",
        Suggestion::AvoidSequences => "Vermeiden Sie Folgen.",
        Suggestion::AvoidRecentYears => "Vermeiden Sie Jahreszahlen der letzten Zeit.",
        Suggestion::AvoidYourYears => "Vermeiden Sie Jahreszahlen, die mit Ihnen zu tun haben.",
        Suggestion::AvoidYourDates => "Vermeiden Sie Daten und Jahreszahlen, die mit Ihnen zu tun haben.",
    },
};

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::web::texts::{ALL, texts};

    /// Every suggestion and weakness is a sentence of its own, in each language another one.
    #[test]
    fn sentences() {
        let mut seen = HashSet::new();
        for lang in &ALL {
            let t = texts(lang);
            let mut all: Vec<String> = Suggestion::ALL.iter().map(|one| t.suggestion(*one).to_owned()).collect();
            assert_eq!(all.len(), 27);
            all.extend([Class::Upper, Class::Lower, Class::Digit, Class::Special].map(|one| t.weakness(&Weakness::Missing(one))));
            all.extend([Weakness::Common, Weakness::Breached, Weakness::Personal].map(|one| t.weakness(&one)));
            all.push(t.weakness(&Weakness::TooEasy { suggestions: vec![] }));
            for text in all {
                assert!(text.ends_with('.') && text.len() > 10, "{text}");
                assert!(seen.insert(text.clone()), "twice: {text}");
            }
        }
        let t = texts(&ALL[0]);
        assert_eq!(t.weakness(&Weakness::TooShort { min: 8 }), "Use at least 8 characters.");
        assert_eq!(t.at_least(12), "At least 12 characters.");
    }
}
