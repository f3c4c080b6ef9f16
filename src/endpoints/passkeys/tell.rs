//! What the owner of an account is told by mail about their passkeys, in their language.

use crate::base::Timestamp;
use crate::endpoints::Provider;
use crate::endpoints::accounts::Recipient;
use crate::notify::{Letter, shown_name};
use crate::oauth::Lang;

/// What happened, with the name of the passkey.
pub(super) enum News<'a> {
    Added(&'a str),
    Removed(&'a str),
    Copied(&'a str),
    PasswordRemoved,
}

pub(super) fn letter(provider: &Provider, to: &Recipient, news: News<'_>, now: Timestamp) -> Letter {
    Letter::FactorChanged { what: words(to.lang, news), at: now, reset_link: provider.issuer.join("/forgot-password") }
}

fn words(lang: Lang, news: News<'_>) -> String {
    let name = match news {
        News::Added(name) | News::Removed(name) | News::Copied(name) => shown_name(name),
        News::PasswordRemoved => String::new(),
    };
    match (lang, news) {
        (Lang::En, News::Added(_)) => format!("The passkey “{name}” was added to your account."),
        (Lang::De, News::Added(_)) => format!("Der Passkey „{name}“ wurde zu Ihrem Konto hinzugefügt."),
        (Lang::En, News::Removed(_)) => format!("The passkey “{name}” of your account was removed."),
        (Lang::De, News::Removed(_)) => format!("Der Passkey „{name}“ Ihres Kontos wurde entfernt."),
        (Lang::En, News::Copied(_)) => {
            format!("Your passkey “{name}” was refused, because somebody may have a copy of it.")
        }
        (Lang::De, News::Copied(_)) => {
            format!("Ihr Passkey „{name}“ wurde abgelehnt, weil jemand eine Kopie davon haben könnte.")
        }
        (Lang::En, News::PasswordRemoved) => "Your account has no password any more; you sign in with passkeys.".to_owned(),
        (Lang::De, News::PasswordRemoved) => "Ihr Konto hat kein Passwort mehr; Sie melden sich mit Passkeys an.".to_owned(),
    }
}
