//! One form for what looks the same to a person: case, accents and signs for letters do not make another word.

use std::collections::HashSet;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use super::About;

/// What is shorter stands in too many words by chance, in characters.
const SHORTEST_WORD: usize = 3;

/// What is left beside personal words must be at least this long, in characters.
const LEAST_REST: usize = 8;

/// The product's own name, whatever the house is called.
const PRODUCT: &str = "Vouchsafe";

/// Lower case, without accents, with one sign for all that stand for each other (`a 4 @`, `i l 1 !`).
pub(super) fn fold(text: &str) -> String {
    text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).flat_map(letters).collect()
}

/// How many different signs of a text stand for letters.
pub(super) fn signs(text: &str) -> usize {
    text.chars().filter(|c| "4@8({[<369!1|$5+07%2".contains(*c)).collect::<HashSet<_>>().len()
}

fn letters(c: char) -> impl Iterator<Item = char> {
    let (first, second) = match c {
        '4' | '@' => ('a', None),
        '8' => ('b', None),
        '(' | '{' | '[' | '<' => ('c', None),
        '3' | '€' => ('e', None),
        '6' | '9' => ('g', None),
        '1' | '!' | '|' | 'l' => ('i', None),
        '0' => ('o', None),
        '5' | '$' => ('s', None),
        'ß' => ('s', Some('s')),
        '7' | '+' => ('t', None),
        '2' => ('z', None),
        other => (other, None),
    };
    std::iter::once(first).chain(second)
}

/// The words that everybody knows of a person and of the house.
pub(super) struct Personal {
    words: Vec<String>,
    folded: Vec<String>,
}

impl Personal {
    pub(super) fn of(about: &About<'_>) -> Self {
        let (local, domain) = about.email.and_then(|email| email.split_once('@')).unwrap_or_default();
        // The last label of a domain says nothing of anybody.
        let domain = domain.rsplit_once('.').map_or(domain, |(own, _)| own);
        let mut words: Vec<String> = Vec::new();
        for whole in [PRODUCT, about.house, about.name.unwrap_or_default(), about.email.unwrap_or_default(), local, domain] {
            words.push(whole.to_lowercase());
            words.extend(whole.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase));
        }
        words.retain(|word| word.chars().count() >= SHORTEST_WORD);
        words.sort_unstable();
        words.dedup();
        let spelled = words.iter().map(|word| word.replace('ä', "ae").replace('ö', "oe").replace('ü', "ue"));
        let folded = words.iter().cloned().chain(spelled).map(|word| fold(&word)).collect();
        Self { words, folded }
    }

    pub(super) fn words(&self) -> Vec<&str> {
        self.words.iter().map(String::as_str).collect()
    }

    /// Whether too little is left when these words are taken out.
    pub(super) fn is_most_of(&self, password: &str) -> bool {
        let text: Vec<char> = fold(password).chars().collect();
        let mut covered = vec![false; text.len()];
        for word in &self.folded {
            let word: Vec<char> = word.chars().collect();
            for (at, window) in text.windows(word.len().max(1)).enumerate() {
                if window == word {
                    covered.iter_mut().skip(at).take(word.len()).for_each(|sign| *sign = true);
                }
            }
        }
        let rest = covered.iter().filter(|sign| !**sign).count();
        rest < text.len() && rest < LEAST_REST
    }
}
