//! The passwords that everybody tries first, as the words that they are made of. zxcvbn knows tens of thousands more; these
//! are the ones that its English lists lack or that people dress up, and they are ours.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::fold;

/// How many digits and signs around a word leave it the same word: `passwort2024!`, `!!hallo!!`.
const MOST_DRESS: usize = 8;

/// Words of which a password must not consist, in any case, with or without signs for letters, digits around it, or
/// repeated. Parted by spaces.
const WORDS: &str = "\
    password passwords passwort passwoerter passw pass passwd passphrase kennwort geheim geheimnis losung losungswort secret \
    secrets mypassword meinpasswort meinkennwort deinpasswort keinpasswort neuespasswort newpassword oldpassword thepassword \
    yourpassword nopassword passwordpassword passwortpasswort passwordone standard standardpasswort startpasswort \
    initialpasswort default defaultpassword changeme changeit change changemenow changeplease aendermich pleasechange \
    bitteaendern letmein letmeinnow letmeinplease lassmichrein welcome welcomeback willkommen wilkommen herzlichwillkommen \
    hallo hallohallo hallowelt hello hellohello helloworld hellothere login logmein anmelden anmeldung einloggen admin admins \
    administrator adminadmin administration root rootroot toor superuser sysadmin systemadmin user username benutzer \
    benutzername guest gast test tests testtest tester testing testuser testpassword testpasswort demo demodemo sample \
    example beispiel temp temporary temppass vorlaeufig master masterpassword hauptpasswort computer rechner internet wlan \
    wlanpasswort wifi wifipassword router server windows google facebook instagram linkedin amazon apple iphone samsung \
    android youtube minecraft fortnite pokemon pikachu starwars superman batman spiderman football fussball fußball baseball \
    basketball hockey soccer bundesliga bayern bayernmuenchen bvb dortmund borussia schalke hertha hsv werder rapid austria \
    liverpool arsenal chelsea barcelona realmadrid juventus monkey dragon tiger shadow sunshine sonnenschein sonne sommer \
    summer winter herbst autumn fruehling frühling spring princess prinzessin prinz schatz schatzi schaetzchen schnuffel \
    schnucki hase haeschen maus mausi maeuschen engel engelchen liebling liebe ichliebedich iloveyou iloveu loveyou lovely \
    love lover hasi spatz spatzi baerchen teddy teddybaer butterfly schmetterling flower blume blumen rose lilie katze kater \
    hund hunde hundi pferd pferde pferdchen delfin elefant loewe drache berlin hamburg muenchen münchen koeln köln frankfurt \
    stuttgart wien zuerich zürich bern salzburg innsbruck graz dresden leipzig germany deutschland oesterreich österreich \
    schweiz switzerland europe europa england london paris mercedes porsche ferrari volkswagen bmw audi corvette mustang \
    harley yamaha michael thomas andreas stefan stephan christian daniel alexander sebastian florian martin markus matthias \
    tobias patrick jessica jennifer ashley nicole sabine sandra stefanie claudia andrea michelle julia katharina sarah \
    vanessa melanie charlie jordan hunter killer ninja mustafa joshua matthew andrew robert george whatever nothing nichts \
    egal vergessen vergiss forgotten idontknow weissnicht keineahnung ichweissnicht keinplan trustno trustnoone vertrauen \
    freedom freiheit access zugang zutritt open sesame sesam oeffnedich sesamoeffnedich opensesame simsalabim abrakadabra \
    abracadabra hokuspokus superstar rockyou qwerty qwertz qwert azerty qwertyui qwertzui qwertyuiop qwertzuiop qwertyuio \
    qwertzuio asdf asdfg asdfgh asdfghj asdfghjk asdfghjkl asdfasdf asdfjkl yxcvbnm yxcvbn zxcvbnm zxcvbn qayw qaywsx qazwsx \
    qazwsxedc qaywsxedc wasd wasdwasd abc abcd abcde abcdef abcdefg abcdefgh abcdefghi abcdefghij abcabc aabbcc xyz xxx \
    qwerasdf qwerasdfzxcv qwerasdfyxcv poiuytrewq lkjhgfdsa mnbvcxy mnbvcxz vouchsafe vouchsafepassword identity identitaet \
    oauth openid company firma firmenname office buero büro arbeit work school schule family familie mama papa mutter vater \
    oma opa kinder baby geburtstag birthday weihnachten christmas ostern urlaub holiday montag dienstag mittwoch donnerstag \
    freitag samstag sonntag monday tuesday wednesday thursday friday saturday sunday januar februar maerz märz april juni \
    juli august september oktober november dezember january february march june july october december money geld bitcoin \
    million lotto jackpot gott jesus christus god blessed angel heaven himmel hoelle satan lucifer nirvana metallica slayer \
    eminem rammstein scheisse scheiße arschloch ficken fickdich fuckyou fuckoff fuckthis shit asshole bitch pussy dickhead \
    sexy biteme bullshit verdammt mist depp idiot dummkopf blabla blablabla lalala lalalala hahaha hahahaha hihihi bier beer \
    whiskey wodka vodka pizza schokolade chocolate cookie cookies keks kekse kaffee coffee banana banane apfel cheese kaese \
    kitty hellokitty snoopy garfield mickey mickymaus mickeymouse donald donaldduck simpsons homer bart harrypotter potter \
    hogwarts gandalf frodo aragorn legolas gollum matrix terminator rambo rocky jamesbond doubleoseven maverick phoenix";

/// Runs of digits; a part of one, forwards or backwards, is as common as the whole.
const RUNS: [&str; 4] = ["01234567890123456789", "09876543210987654321", "11235813213455", "31415926535897932384"];

static FOLDED: LazyLock<HashSet<String>> = LazyLock::new(|| WORDS.split_whitespace().map(fold).collect());

/// Whether a password is such a word in some dress.
pub(super) fn is_common(password: &str) -> bool {
    let is_dress = |c: char| !c.is_alphabetic();
    let bare = password.trim_matches(is_dress);
    let dress = password.chars().count() - bare.chars().count();
    let whole = fold(password);
    is_word(&whole)
        || (dress <= MOST_DRESS && is_word(&fold(bare)))
        || undressed(password).any(|text| is_word(&fold(text)))
        || RUNS.iter().any(|run| run.contains(password))
        || is_repeated(&whole)
}

/// Without its last signs, which may stand for letters: `passwor7!`, `hall0123`.
fn undressed(password: &str) -> impl Iterator<Item = &str> {
    let ends = password.char_indices().rev().take(MOST_DRESS).take_while(|(_, c)| !c.is_alphabetic());
    ends.filter_map(|(at, _)| password.get(..at))
}

fn is_word(folded: &str) -> bool {
    FOLDED.contains(folded)
}

/// The same word or character again and again.
fn is_repeated(folded: &str) -> bool {
    let text: Vec<char> = folded.chars().collect();
    (1..=text.len() / 2).filter(|length| text.len().is_multiple_of(*length)).any(|length| {
        let (first, rest) = text.split_at(length);
        let repeats = rest.chunks(length).all(|part| part == first);
        repeats && (length <= 3 || is_word(&first.iter().collect::<String>()))
    })
}
