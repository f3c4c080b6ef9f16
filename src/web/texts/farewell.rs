//! What a person reads after signing out: which apps know of it.

use super::One;

/// The strings of that page in one language.
pub struct FarewellTexts {
    pub apps: &'static str,
    pub confirmed: &'static str,
    pub waiting: &'static str,
    pub given_up: &'static str,
    pub in_browser: &'static str,
    pub unsupported: &'static str,
    pub look_again: &'static str,
    pub onward: One,
    pub frame: &'static str,
}

pub(super) const EN: FarewellTexts = FarewellTexts {
    apps: "Apps that you were signed in to",
    confirmed: "Signed you out",
    waiting: "Has not answered yet; we are still trying",
    given_up: "Did not answer. Sign out there, too.",
    in_browser: "Asked in this browser to sign you out",
    unsupported: "Does not support this. Sign out there, too.",
    look_again: "Look again",
    onward: One::new("Continue to {}"),
    frame: "Signing out of an app",
};

pub(super) const DE: FarewellTexts = FarewellTexts {
    apps: "Apps, bei denen Sie angemeldet waren",
    confirmed: "Hat Sie abgemeldet",
    waiting: "Hat noch nicht geantwortet; wir versuchen es weiter",
    given_up: "Hat nicht geantwortet. Melden Sie sich auch dort ab.",
    in_browser: "Wurde in diesem Browser gebeten, Sie abzumelden",
    unsupported: "Unterstützt das nicht. Melden Sie sich auch dort ab.",
    look_again: "Noch einmal nachsehen",
    onward: One::new("Weiter zu {}"),
    frame: "Abmelden bei einer App",
};
