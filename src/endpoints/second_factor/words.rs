//! What a person is told by mail about their second factors, in their own language.

use crate::base::{Fault, Timestamp};
use crate::endpoints::accounts::{Recipient, notice};
use crate::endpoints::{Provider, Visit};
use crate::identity::factor::RECOVERY;
use crate::identity::totp;
use crate::identity::users::User;
use crate::notify::{Letter, shown_name};
use crate::oauth::Lang;
use crate::store::outbox::NewMail;

/// What happened.
pub(super) enum Change {
    Added {
        kind: String,
        name: String,
    },
    Removed {
        kind: String,
        name: String,
    },
    /// A recovery code was used, and so many are left.
    RecoveryUsed {
        left: usize,
    },
    RecoveryMade,
    /// An operator's reset was carried out.
    Reset,
}

/// The mail about it, if one can be sent to the person.
pub(super) fn tell(provider: &Provider, user: &User, change: &Change, visit: &Visit) -> Result<Option<NewMail>, Fault> {
    letter(provider, (user, visit.lang), change, visit.now)
}

/// The same for what happens while nobody sits at a browser.
pub(super) fn told_by_house(provider: &Provider, user: &User, change: &Change, now: Timestamp) -> Result<Option<NewMail>, Fault> {
    letter(provider, (user, Lang::En), change, now)
}

pub(super) fn letter(
    provider: &Provider,
    (user, lang): (&User, Lang),
    change: &Change,
    now: Timestamp,
) -> Result<Option<NewMail>, Fault> {
    let Some(to) = Recipient::of(user, lang).filter(|_| provider.post.is_on()) else { return Ok(None) };
    let what = sentence(provider, change, to.lang);
    let letter = Letter::FactorChanged { what, at: now, reset_link: provider.issuer.join("/forgot-password") };
    notice(provider, &to, letter, now).map(Some)
}

fn sentence(provider: &Provider, change: &Change, lang: Lang) -> String {
    match (change, lang) {
        (Change::Added { kind, name }, Lang::En) => format!("{} was added ({}).", word(provider, kind, lang), shown_name(name)),
        (Change::Added { kind, name }, Lang::De) => {
            format!("{} wurde hinzugefügt ({}).", word(provider, kind, lang), shown_name(name))
        }
        (Change::Removed { kind, name }, Lang::En) => {
            format!("{} was removed ({}).", word(provider, kind, lang), shown_name(name))
        }
        (Change::Removed { kind, name }, Lang::De) => {
            format!("{} wurde entfernt ({}).", word(provider, kind, lang), shown_name(name))
        }
        (Change::RecoveryMade, Lang::En) => "New recovery codes were made; older ones are worth nothing.".to_owned(),
        (Change::RecoveryMade, Lang::De) => "Neue Wiederherstellungscodes wurden erzeugt; ältere gelten nicht mehr.".to_owned(),
        (Change::Reset, Lang::En) => "Your second factors were removed by an administrator. Add new ones soon.".to_owned(),
        (Change::Reset, Lang::De) => {
            "Ihre zweiten Faktoren wurden von der Verwaltung entfernt. Fügen Sie bald neue hinzu.".to_owned()
        }
        (Change::RecoveryUsed { left }, Lang::En) => match left {
            0 => "A recovery code was used. It was the last one, so make new ones now.".to_owned(),
            1 => "A recovery code was used. One is left, so make new ones soon.".to_owned(),
            left if *left <= crate::identity::recovery::FEW => {
                format!("A recovery code was used. Only {left} are left, so make new ones soon.")
            }
            left => format!("A recovery code was used. {left} are left."),
        },
        (Change::RecoveryUsed { left }, Lang::De) => match left {
            0 => "Ein Wiederherstellungscode wurde benutzt. Es war der letzte, erzeugen Sie jetzt neue.".to_owned(),
            1 => "Ein Wiederherstellungscode wurde benutzt. Einer ist übrig, erzeugen Sie bald neue.".to_owned(),
            left if *left <= crate::identity::recovery::FEW => {
                format!("Ein Wiederherstellungscode wurde benutzt. Nur {left} sind übrig, erzeugen Sie bald neue.")
            }
            left => format!("Ein Wiederherstellungscode wurde benutzt. {left} sind übrig."),
        },
    }
}

/// A kind at the beginning of a sentence.
fn word(provider: &Provider, of: &str, lang: Lang) -> String {
    match (of, lang) {
        (totp::KIND, Lang::En) => "An authenticator app".to_owned(),
        (totp::KIND, Lang::De) => "Eine Authenticator-App".to_owned(),
        (RECOVERY, Lang::En) => "A recovery code".to_owned(),
        (RECOVERY, Lang::De) => "Ein Wiederherstellungscode".to_owned(),
        (other, lang) => kind(provider, other, lang),
    }
}

/// A kind by itself.
pub(super) fn kind(provider: &Provider, of: &str, lang: Lang) -> String {
    match (of, lang) {
        (totp::KIND, Lang::En) => "Authenticator app".to_owned(),
        (totp::KIND, Lang::De) => "Authenticator-App".to_owned(),
        (other, lang) => {
            let words = provider.factors.kinds.find(other).and_then(|kind| kind.words(lang));
            words.map_or_else(|| other.to_owned(), |words| words.name.to_owned())
        }
    }
}
