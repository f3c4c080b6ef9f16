//! What a person reads who signs in by another provider.

use super::{One, Two};

/// The strings of these pages in one language.
pub struct UpstreamTexts {
    pub continue_with: One,
    pub not_available: One,
    pub connect_first: Two,
    pub confirm_first: One,
    pub elsewhere: &'static str,
    pub back: &'static str,
    pub try_again: &'static str,

    pub connect: One,
    pub connect_what: Two,
    pub connect_yes: &'static str,
    pub connect_no: &'static str,

    pub address: &'static str,
    pub address_what: One,
    pub address_undated: One,

    pub failed: &'static str,
    pub unknown: &'static str,
    pub foreign: &'static str,
    pub used: &'static str,
    pub down_title: One,
    pub down: One,
    pub wrong: One,
    pub cancelled_title: &'static str,
    pub cancelled: One,
    pub not_allowed_title: &'static str,
    pub not_allowed: One,
    pub no_account_title: &'static str,
    pub no_account: One,
    pub stale_title: &'static str,
    pub stale: One,
    pub closed: &'static str,
    pub taken: One,
    pub other_way: &'static str,

    pub identities: &'static str,
    pub identities_what: &'static str,
    pub identities_empty: &'static str,
    pub others: &'static str,
    pub add: One,
    pub used_at: One,
    pub disconnect: &'static str,
    pub disconnect_title: Two,
    pub disconnect_what: One,
    pub keep: &'static str,
    pub last_way: &'static str,
    pub connected: &'static str,
    pub disconnected: &'static str,

    pub demo_title: One,
    pub demo_what: &'static str,
    pub demo_new: &'static str,
    pub demo_known: &'static str,
    pub demo_shy: &'static str,
    pub demo_cancel: &'static str,
}

pub(super) const EN: UpstreamTexts = UpstreamTexts {
    continue_with: One::new("Continue with {}"),
    not_available: One::new("{} isn’t answering at the moment. Use another way to sign in, or try again in a minute."),
    connect_first: Two::new("There is an account for {2} here already. Sign in to it once, and you can connect it with {1}."),
    confirm_first: One::new(
        "{} doesn’t tell us that you signed in there just now. Confirm here that it’s you: with your password, a passkey or a mail.",
    ),
    elsewhere: "You can’t begin to sign in with another provider from this page. Open the app that you want to use and sign in from there: it leads you to the right provider. If you don’t know which one that is, ask whoever runs this page.",
    back: "Back to sign-in",
    try_again: "Try again",

    connect: One::new("Connect {}?"),
    connect_what: Two::new("From now on, {1} signs you in to the account {2}. Say yes only if both are yours."),
    connect_yes: "Connect",
    connect_no: "Not now",

    address: "Your e-mail address",
    address_what: One::new(
        "{} didn’t give us an e-mail address that is confirmed. Type yours: we send you a mail to confirm it, and then your account is ready.",
    ),
    address_undated: One::new(
        "{} doesn’t tell us that you signed in there just now. We send you a mail to confirm that it is you, and then your account is ready.",
    ),

    failed: "The sign-in did not succeed",
    unknown: "There is no such way to sign in here. Use another one.",
    foreign: "This answer doesn’t belong to a sign-in that was begun in this browser. Nothing was done. Start again from the app or page that you came from.",
    used: "This sign-in was finished already, or has taken too long. Start it again.",
    down_title: One::new("{} isn’t answering"),
    down: One::new("{} can’t sign you in at the moment. Use another way to sign in, or try again in a minute."),
    wrong: One::new(
        "{} sent an answer that we can’t accept. Nothing was done. Try again; if it happens again, give the support code to whoever runs this page.",
    ),
    cancelled_title: "You turned back",
    cancelled: One::new("You didn’t finish signing in with {}. You can try again, or sign in another way."),
    not_allowed_title: "This account can’t be used here",
    not_allowed: One::new(
        "Your account at {} isn’t one of those that may sign in here. Use another account, or ask whoever runs this page.",
    ),
    no_account_title: "No account here yet",
    no_account: One::new(
        "There is no account here that belongs to your account at {}. If you have one, sign in to it and connect it on your account page; otherwise ask whoever runs this page.",
    ),
    stale_title: "Sign in again",
    stale: One::new(
        "This needs a sign-in of this moment, and {} doesn’t tell us whether you signed in there just now. Use another way to sign in, or ask whoever runs this page.",
    ),
    closed: "This account can’t be used at the moment. Ask whoever runs this page.",
    taken: One::new("Your account at {} is connected with another account here. Disconnect it there first."),
    other_way: "Sign in another way",

    identities: "Other ways to sign in",
    identities_what: "Accounts elsewhere that sign you in here.",
    identities_empty: "None yet. Once you connect one, you can sign in with it.",
    others: "Connect another one",
    add: One::new("Connect {}"),
    used_at: One::new("last used {}"),
    disconnect: "Disconnect",
    disconnect_title: Two::new("Disconnect {1} ({2})?"),
    disconnect_what: One::new("You can no longer sign in here with {}. Nothing changes there."),
    keep: "Keep it",
    last_way: "This is your only way to sign in. Add another before you remove it: set a password, or connect another account.",
    connected: "That account is connected.",
    disconnected: "That account is disconnected.",

    demo_title: One::new("A stand-in for {}"),
    demo_what: "This demo plays the other provider, too. Who signs in there?",
    demo_new: "Nia, who has no account here",
    demo_known: "Ana, whose address has an account here",
    demo_shy: "Somebody without an e-mail address",
    demo_cancel: "Nobody: turn back",
};

pub(super) const DE: UpstreamTexts = UpstreamTexts {
    continue_with: One::new("Weiter mit {}"),
    not_available: One::new(
        "{} antwortet zurzeit nicht. Melden Sie sich auf andere Weise an, oder versuchen Sie es in einer Minute noch einmal.",
    ),
    connect_first: Two::new(
        "Hier gibt es schon ein Konto für {2}. Melden Sie sich einmal darin an, dann können Sie es mit {1} verbinden.",
    ),
    confirm_first: One::new(
        "{} sagt uns nicht, dass Sie sich dort eben erst angemeldet haben. Bestätigen Sie hier, dass Sie es sind: mit Ihrem Passwort, einem Passkey oder einer E-Mail.",
    ),
    elsewhere: "Von dieser Seite aus können Sie die Anmeldung bei einem anderen Anbieter nicht beginnen. Öffnen Sie die App, die Sie verwenden möchten, und melden Sie sich dort an: Sie führt Sie zum richtigen Anbieter. Wenn Sie nicht wissen, welche das ist, fragen Sie den Betreiber dieser Seite.",
    back: "Zurück zur Anmeldung",
    try_again: "Noch einmal versuchen",

    connect: One::new("{} verbinden?"),
    connect_what: Two::new("Von nun an meldet {1} Sie im Konto {2} an. Stimmen Sie nur zu, wenn beide Ihnen gehören."),
    connect_yes: "Verbinden",
    connect_no: "Jetzt nicht",

    address: "Ihre E-Mail-Adresse",
    address_what: One::new(
        "Von {} haben wir keine bestätigte E-Mail-Adresse bekommen. Geben Sie Ihre ein: Wir senden Ihnen eine E-Mail, mit der Sie sie bestätigen, dann ist Ihr Konto bereit.",
    ),
    address_undated: One::new(
        "{} sagt uns nicht, dass Sie sich dort gerade angemeldet haben. Wir senden Ihnen eine E-Mail, mit der Sie bestätigen, dass Sie es sind, dann ist Ihr Konto bereit.",
    ),

    failed: "Die Anmeldung ist nicht gelungen",
    unknown: "Diese Art der Anmeldung gibt es hier nicht. Verwenden Sie eine andere.",
    foreign: "Diese Antwort gehört zu keiner Anmeldung, die in diesem Browser begonnen wurde. Es ist nichts geschehen. Beginnen Sie noch einmal bei der App oder Seite, von der Sie kamen.",
    used: "Diese Anmeldung ist schon abgeschlossen oder hat zu lange gedauert. Beginnen Sie sie noch einmal.",
    down_title: One::new("{} antwortet nicht"),
    down: One::new(
        "{} kann Sie zurzeit nicht anmelden. Melden Sie sich auf andere Weise an, oder versuchen Sie es in einer Minute noch einmal.",
    ),
    wrong: One::new(
        "{} hat eine Antwort gesendet, die wir nicht annehmen können. Es ist nichts geschehen. Versuchen Sie es noch einmal; wenn es wieder geschieht, nennen Sie dem Betreiber dieser Seite den Support-Code.",
    ),
    cancelled_title: "Sie haben abgebrochen",
    cancelled: One::new(
        "Sie haben die Anmeldung mit {} nicht abgeschlossen. Sie können es noch einmal versuchen oder sich auf andere Weise anmelden.",
    ),
    not_allowed_title: "Dieses Konto gilt hier nicht",
    not_allowed: One::new(
        "Mit Ihrem Konto bei {} können Sie sich hier nicht anmelden. Verwenden Sie ein anderes, oder fragen Sie den Betreiber dieser Seite.",
    ),
    no_account_title: "Hier gibt es noch kein Konto",
    no_account: One::new(
        "Zu Ihrem Konto bei {} gehört hier keines. Wenn Sie hier eines haben, melden Sie sich darin an und verbinden Sie es auf Ihrer Kontoseite; sonst fragen Sie den Betreiber dieser Seite.",
    ),
    stale_title: "Melden Sie sich erneut an",
    stale: One::new(
        "Dafür braucht es eine Anmeldung von eben, und {} sagt uns nicht, ob Sie sich dort gerade angemeldet haben. Melden Sie sich auf andere Weise an, oder fragen Sie den Betreiber dieser Seite.",
    ),
    closed: "Dieses Konto kann zurzeit nicht verwendet werden. Fragen Sie den Betreiber dieser Seite.",
    taken: One::new("Ihr Konto bei {} ist hier mit einem anderen Konto verbunden. Trennen Sie es zuerst dort."),
    other_way: "Auf andere Weise anmelden",

    identities: "Andere Wege zur Anmeldung",
    identities_what: "Konten bei anderen, die Sie hier anmelden.",
    identities_empty: "Noch keines. Wenn Sie eines verbinden, können Sie sich damit anmelden.",
    others: "Ein weiteres verbinden",
    add: One::new("{} verbinden"),
    used_at: One::new("zuletzt verwendet {}"),
    disconnect: "Trennen",
    disconnect_title: Two::new("{1} ({2}) trennen?"),
    disconnect_what: One::new("Mit {} können Sie sich hier dann nicht mehr anmelden. Dort ändert sich nichts."),
    keep: "Behalten",
    last_way: "Das ist Ihr einziger Weg zur Anmeldung. Fügen Sie einen anderen hinzu, bevor Sie ihn entfernen: Setzen Sie ein Passwort, oder verbinden Sie ein weiteres Konto.",
    connected: "Das Konto ist verbunden.",
    disconnected: "Das Konto ist getrennt.",

    demo_title: One::new("An der Stelle von {}"),
    demo_what: "Diese Demo spielt auch den anderen Anbieter. Wer meldet sich dort an?",
    demo_new: "Nia, die hier kein Konto hat",
    demo_known: "Ana, deren Adresse hier ein Konto hat",
    demo_shy: "Jemand ohne E-Mail-Adresse",
    demo_cancel: "Niemand: abbrechen",
};
