//! What happened to an account, in words that its owner understands.

use super::{Count, One};
use crate::store::audit::OF_PEOPLE;

/// The strings of the pages about what is known of a person, in one language.
pub struct HistoryTexts {
    pub title: &'static str,
    pub what: &'static str,
    pub empty: &'static str,
    pub newer: &'static str,
    pub older: &'static str,
    pub app: One,
    pub by_operator: &'static str,
    pub by_stranger: &'static str,
    pub times: Count,
    /// What a newer version wrote and this one has no words for.
    pub something: &'static str,
    /// A sentence for each kind.
    pub(super) kinds: [(&'static str, &'static str); OF_PEOPLE.len()],

    pub data: &'static str,
    pub data_what: &'static str,
    pub download: &'static str,
}

impl HistoryTexts {
    /// What an event of this kind was.
    pub fn sentence(&self, kind: &str) -> &'static str {
        self.kinds.iter().find(|(own, _)| *own == kind).map_or(self.something, |(_, words)| words)
    }
}

pub(super) const EN: HistoryTexts = HistoryTexts {
    title: "Security history",
    what: "What happened to your account, newest first. If something here was not you, change your password.",
    empty: "Nothing yet. Sign-ins, changes and what you allow apps appear here.",
    newer: "Newer",
    older: "Older",
    app: One::new("App: {}"),
    by_operator: "by an administrator",
    by_stranger: "by somebody who was not signed in",
    times: Count::new("once", "{} times in a row"),
    something: "Something happened that this page has no words for yet",
    kinds: [
        ("account_chosen", "You chose this account to go on with"),
        ("account_made_by_upstream", "This account was made when you signed in with another provider"),
        ("address_change_asked", "You asked to change your e-mail address"),
        ("address_change_undone", "Your old e-mail address was taken back by a link in a mail, and everybody was signed out"),
        ("address_changed", "The e-mail address of your account was changed"),
        ("address_verified", "You confirmed your e-mail address"),
        ("authorization", "An app was given what you had allowed it"),
        ("code_of_other_client", "Another app tried to use a sign-in of yours; it was ended"),
        ("code_redeemed", "An app fetched what you had allowed it"),
        ("code_redirect_mismatch", "A sign-in to an app was ended because it came back to the wrong address"),
        ("code_replay", "Somebody tried to use a sign-in to an app twice; it was ended"),
        ("code_verifier_mismatch", "A sign-in to an app was ended because the app could not prove that it had begun it"),
        ("consent_given", "You gave an app permission"),
        ("consent_refused", "You refused an app permission"),
        ("consent_withdrawn", "An app lost the permission that you had given it"),
        ("consents_withdrawn", "All apps lost the permission that you had given them"),
        ("data_exported", "You downloaded your data"),
        ("deletion_cancelled", "The deletion of your account was taken back"),
        ("deletion_planned", "You asked for your account to be deleted"),
        ("device_forgotten", "A remembered browser was forgotten"),
        ("device_remembered", "You had a browser remembered, so that it does not ask for the second factor"),
        ("factor_added", "You added a second factor"),
        ("factor_broken", "One of your second factors could not be read and was not taken"),
        ("factor_removed", "You removed a second factor"),
        ("factor_renamed", "You gave a second factor another name"),
        ("factors_reset", "Your second factors were removed"),
        ("factors_reset_cancelled", "The removal of your second factors was given up"),
        ("factors_reset_planned", "The removal of your second factors was planned"),
        ("first_proof", "The first step of a sign-in succeeded, and a second factor was asked for"),
        ("group_joined", "You were put into a group"),
        ("group_left", "You were taken out of a group"),
        ("identity_connected", "An account elsewhere was connected: it signs you in"),
        ("identity_disconnected", "An account elsewhere was disconnected"),
        ("invitation_accepted", "You accepted an invitation and made this account"),
        ("mail_asked", "A mail was asked for"),
        ("passkey_added", "You added a passkey"),
        ("passkey_copied", "A passkey of yours was refused, because somebody may have a copy of it"),
        ("passkey_removed", "A passkey was removed"),
        ("passkey_renamed", "You gave a passkey another name"),
        ("password_changed", "You changed your password"),
        ("password_removed", "You removed your password"),
        ("password_reset", "You chose a new password by a link in your mail"),
        ("password_set", "Your account was given a new password"),
        ("profile_changed", "Your profile was changed"),
        ("recovery_code_used", "A recovery code was used"),
        ("recovery_codes_made", "You made new recovery codes"),
        ("refresh_of_other_client", "Another app tried to use an app’s access to your account; it was ended"),
        ("refresh_reuse", "Somebody used a copy of an app’s access to your account; it was ended"),
        ("reset_asked", "Somebody asked for a link to choose a new password"),
        ("second_factor", "You showed a second factor for something that needs one"),
        ("second_factor_sent", "A code was sent to you as a second factor"),
        ("second_factor_throttled", "Somebody who knew your password typed wrong codes and had to wait"),
        ("session_ended", "One of your browsers was signed out"),
        ("session_replaced", "Somebody else signed in in your browser, and you were signed out there"),
        ("session_revoked", "One of your browsers was signed out"),
        ("sign_in", "You signed in"),
        ("sign_in_disowned", "A sign-in was reported as not yours, and everybody was signed out"),
        ("sign_in_link_asked", "Somebody asked for a link to sign in with"),
        ("sign_out", "You signed out"),
        ("sign_up_of_taken_address", "Somebody tried to sign up with your e-mail address"),
        ("signed_out_everywhere", "You signed out everywhere"),
        ("signed_up", "Somebody signed up with this e-mail address"),
        ("throttled", "Somebody typed wrong passwords for your account and had to wait"),
        ("token_refreshed", "An app renewed its access"),
        ("token_revoked", "An app gave back its access"),
        ("user_added", "Your account was made"),
        ("user_disabled", "Your account was locked"),
        ("user_enabled", "Your account was unlocked"),
        ("user_imported", "Your account was taken over from another system"),
        ("verification_asked", "A mail was sent to confirm your e-mail address"),
    ],

    data: "Your data",
    data_what: "Everything that is stored about you here, as one file (JSON): your profile, sessions, apps and history. Passwords are not in it.",
    download: "Download",
};

pub(super) const DE: HistoryTexts = HistoryTexts {
    title: "Sicherheitsverlauf",
    what: "Was mit Ihrem Konto geschehen ist, das Neueste zuerst. Waren Sie etwas davon nicht selbst, ändern Sie Ihr Passwort.",
    empty: "Noch nichts. Anmeldungen, Änderungen und was Sie Apps erlauben, erscheinen hier.",
    newer: "Neuere",
    older: "Ältere",
    app: One::new("App: {}"),
    by_operator: "durch die Verwaltung",
    by_stranger: "durch jemanden, der nicht angemeldet war",
    times: Count::new("einmal", "{} Mal hintereinander"),
    something: "Etwas ist geschehen, wofür diese Seite noch keine Worte hat",
    kinds: [
        ("account_chosen", "Sie haben dieses Konto gewählt, um fortzufahren"),
        ("account_made_by_upstream", "Dieses Konto wurde angelegt, als Sie sich mit einem anderen Anbieter anmeldeten"),
        ("address_change_asked", "Sie wollten Ihre E-Mail-Adresse ändern"),
        (
            "address_change_undone",
            "Ihre alte E-Mail-Adresse wurde mit einem Link aus einer E-Mail zurückgeholt, und alle wurden abgemeldet",
        ),
        ("address_changed", "Die E-Mail-Adresse Ihres Kontos wurde geändert"),
        ("address_verified", "Sie haben Ihre E-Mail-Adresse bestätigt"),
        ("authorization", "Eine App hat bekommen, was Sie ihr erlaubt hatten"),
        ("code_of_other_client", "Eine andere App wollte eine Anmeldung von Ihnen benutzen; sie wurde beendet"),
        ("code_redeemed", "Eine App hat abgeholt, was Sie ihr erlaubt hatten"),
        ("code_redirect_mismatch", "Eine Anmeldung bei einer App wurde beendet, weil sie an die falsche Adresse zurückkam"),
        ("code_replay", "Jemand wollte eine Anmeldung bei einer App zweimal benutzen; sie wurde beendet"),
        (
            "code_verifier_mismatch",
            "Eine Anmeldung bei einer App wurde beendet, weil die App nicht zeigen konnte, dass sie sie begonnen hat",
        ),
        ("consent_given", "Sie haben einer App etwas erlaubt"),
        ("consent_refused", "Sie haben einer App etwas nicht erlaubt"),
        ("consent_withdrawn", "Einer App wurde genommen, was Sie ihr erlaubt hatten"),
        ("consents_withdrawn", "Alle Apps haben die Erlaubnis verloren, die Sie ihnen gegeben hatten"),
        ("data_exported", "Sie haben Ihre Daten heruntergeladen"),
        ("deletion_cancelled", "Die Löschung Ihres Kontos wurde zurückgenommen"),
        ("deletion_planned", "Sie haben die Löschung Ihres Kontos veranlasst"),
        ("device_forgotten", "Ein gemerkter Browser wurde vergessen"),
        ("device_remembered", "Sie haben einen Browser merken lassen, damit er nicht nach dem zweiten Faktor fragt"),
        ("factor_added", "Sie haben einen zweiten Faktor hinzugefügt"),
        ("factor_broken", "Einer Ihrer zweiten Faktoren konnte nicht gelesen werden und wurde nicht angenommen"),
        ("factor_removed", "Sie haben einen zweiten Faktor entfernt"),
        ("factor_renamed", "Sie haben einen zweiten Faktor umbenannt"),
        ("factors_reset", "Ihre zweiten Faktoren wurden entfernt"),
        ("factors_reset_cancelled", "Die Entfernung Ihrer zweiten Faktoren wurde aufgegeben"),
        ("factors_reset_planned", "Die Entfernung Ihrer zweiten Faktoren wurde geplant"),
        ("first_proof", "Der erste Schritt einer Anmeldung gelang, und ein zweiter Faktor wurde verlangt"),
        ("group_joined", "Sie wurden in eine Gruppe aufgenommen"),
        ("group_left", "Sie wurden aus einer Gruppe genommen"),
        ("identity_connected", "Ein Konto bei einem anderen Anbieter wurde verbunden: Es meldet Sie an"),
        ("identity_disconnected", "Ein Konto bei einem anderen Anbieter wurde getrennt"),
        ("invitation_accepted", "Sie haben eine Einladung angenommen und dieses Konto angelegt"),
        ("mail_asked", "Eine E-Mail wurde angefordert"),
        ("passkey_added", "Sie haben einen Passkey hinzugefügt"),
        ("passkey_copied", "Einer Ihrer Passkeys wurde abgelehnt, weil jemand eine Kopie davon haben könnte"),
        ("passkey_removed", "Ein Passkey wurde entfernt"),
        ("passkey_renamed", "Sie haben einem Passkey einen anderen Namen gegeben"),
        ("password_changed", "Sie haben Ihr Passwort geändert"),
        ("password_removed", "Sie haben Ihr Passwort entfernt"),
        ("password_reset", "Sie haben über einen Link in Ihrer E-Mail ein neues Passwort gewählt"),
        ("password_set", "Ihr Konto hat ein neues Passwort bekommen"),
        ("profile_changed", "Ihr Profil wurde geändert"),
        ("recovery_code_used", "Ein Wiederherstellungscode wurde benutzt"),
        ("recovery_codes_made", "Sie haben neue Wiederherstellungscodes erzeugt"),
        ("refresh_of_other_client", "Eine andere App wollte den Zugang einer App zu Ihrem Konto benutzen; er wurde beendet"),
        ("refresh_reuse", "Jemand hat eine Kopie des Zugangs einer App zu Ihrem Konto benutzt; er wurde beendet"),
        ("reset_asked", "Jemand hat einen Link für ein neues Passwort angefordert"),
        ("second_factor", "Sie haben einen zweiten Faktor für etwas gezeigt, das einen braucht"),
        ("second_factor_sent", "Ein Code wurde Ihnen als zweiter Faktor gesendet"),
        ("second_factor_throttled", "Jemand, der Ihr Passwort kannte, hat falsche Codes eingegeben und musste warten"),
        ("session_ended", "Einer Ihrer Browser wurde abgemeldet"),
        ("session_replaced", "Jemand anders hat sich in Ihrem Browser angemeldet; Sie wurden dort abgemeldet"),
        ("session_revoked", "Einer Ihrer Browser wurde abgemeldet"),
        ("sign_in", "Sie haben sich angemeldet"),
        ("sign_in_disowned", "Eine Anmeldung wurde als nicht Ihre gemeldet, und alle wurden abgemeldet"),
        ("sign_in_link_asked", "Jemand hat einen Link zum Anmelden angefordert"),
        ("sign_out", "Sie haben sich abgemeldet"),
        ("sign_up_of_taken_address", "Jemand wollte sich mit Ihrer E-Mail-Adresse registrieren"),
        ("signed_out_everywhere", "Sie haben sich überall abgemeldet"),
        ("signed_up", "Jemand hat sich mit dieser E-Mail-Adresse registriert"),
        ("throttled", "Jemand hat falsche Passwörter für Ihr Konto eingegeben und musste warten"),
        ("token_refreshed", "Eine App hat ihren Zugang erneuert"),
        ("token_revoked", "Eine App hat ihren Zugang zurückgegeben"),
        ("user_added", "Ihr Konto wurde angelegt"),
        ("user_disabled", "Ihr Konto wurde gesperrt"),
        ("user_enabled", "Ihr Konto wurde entsperrt"),
        ("user_imported", "Ihr Konto wurde aus einem anderen System übernommen"),
        ("verification_asked", "Eine E-Mail zur Bestätigung Ihrer Adresse wurde gesendet"),
    ],

    data: "Ihre Daten",
    data_what: "Alles, was hier über Sie gespeichert ist, als eine Datei (JSON): Profil, Sitzungen, Apps und Verlauf. Passwörter sind nicht darin.",
    download: "Herunterladen",
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::audit::OF_THE_HOUSE;

    /// Every kind that concerns a person has a sentence of its own in each language; one of a newer version has a neutral one.
    #[test]
    fn every_kind_has_words() {
        for texts in [&EN, &DE] {
            for kind in OF_PEOPLE {
                assert_ne!(texts.sentence(kind), texts.something, "{kind}");
            }
            for strange in OF_THE_HOUSE.into_iter().chain(["", "from_the_future"]) {
                assert_eq!(texts.sentence(strange), texts.something, "{strange}");
            }
        }
    }
}
