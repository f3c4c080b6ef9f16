//! What somebody has beside their first proof: the kinds of second factors, how far each reaches, and whether one is missing.
//!
//! A kind is a [`SecondFactor`]: it says what it is, makes what is stored and checks what was typed, and nothing else. The
//! house does the rest for every kind alike, so that no kind can leave it out: guesses are counted (decision 28), a code is
//! good once, what is stored is sealed for its row (decision 5), every change is audited and mailed, forms are rendered, and what
//! became of its factors is counted for `/metrics`.

use serde::{Deserialize, Serialize};

use crate::base::{Fault, Random, Secret, Timestamp};
use crate::oauth::Lang;
pub use crate::store::factors::Factor;

/// The word of the recovery codes among the kinds. They are a way back in and no factor of their own.
pub const RECOVERY: &str = "recovery";

/// The word of a code to the address of the account: a last resort, weaker than every other kind, and off unless it is named in the
/// settings.
pub const EMAIL: &str = "email";

/// How sure the house is of who somebody is (decision 8), weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Level {
    /// One factor.
    #[serde(rename = "aal1")]
    One,
    /// Two factors.
    #[serde(rename = "aal2")]
    Two,
    /// Resistant to phishing: a passkey with user verification.
    #[serde(rename = "phr")]
    Resistant,
}

impl Level {
    pub const ALL: [Self; 3] = [Self::One, Self::Two, Self::Resistant];

    /// Its `acr`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::One => "aal1",
            Self::Two => "aal2",
            Self::Resistant => "phr",
        }
    }

    pub fn parse(acr: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == acr)
    }
}

/// How a factor of a kind is proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proving {
    /// The person's device computes the code; [`SecondFactor::check`] says of which step of time it is.
    Computed,
    /// The house makes six digits and sends them to [`SecondFactor::recipient`] by the channel of this name.
    Sent { channel: &'static str },
}

/// What a kind is.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// Its word in the store, in settings and in URLs: small letters and `_`.
    pub kind: &'static str,
    /// What it adds to `amr` (RFC 8176).
    pub amr: &'static str,
    /// What it reaches beside a first proof.
    pub level: Level,
    pub proving: Proving,
    /// How many of it a person may have.
    pub most: usize,
}

/// The strings of a kind in one language.
#[derive(Clone, Copy, Debug)]
pub struct Words {
    /// "Text message"
    pub name: &'static str,
    /// What it is, for who has not got one.
    pub what: &'static str,
    /// The field that is asked for before there is anything to confirm; nothing if none is.
    pub field: Option<FieldWords>,
    /// What to do on the page that asks for the code.
    pub how: &'static str,
}

/// The strings of the field that a kind asks for when one is added.
#[derive(Clone, Copy, Debug)]
pub struct FieldWords {
    pub label: &'static str,
    pub help: &'static str,
    /// Why what was typed is not taken.
    pub refused: &'static str,
    /// The HTML `type` and `autocomplete` of the field.
    pub input: &'static str,
    pub autocomplete: &'static str,
}

/// What a person is about to confirm.
pub enum Begun {
    Draft {
        /// What is stored, sealed.
        secret: Secret<Vec<u8>>,
        /// What it is called if the person gives it no name; never the secret.
        name: String,
    },
    /// What was typed will not do.
    Refused,
}

/// A kind of second factor.
///
/// It has no table and so no migrations: the house stores what [`SecondFactor::begin`] returns with each factor, sealed, and hands it
/// back where it is needed. It goes with the factor, and with the account.
pub trait SecondFactor: Send + Sync {
    fn about(&self) -> About;

    /// Its strings; nothing for a kind whose strings stand in the catalogue of the house.
    fn words(&self, lang: Lang) -> Option<Words>;

    /// Makes what is stored, of what the person typed if the kind asks for something. It counts once a code confirmed it.
    ///
    /// # Errors
    /// Chance failed.
    fn begin(&self, typed: &str, random: &Random) -> Result<Begun, Fault>;

    /// Where a code is sent, for [`Proving::Sent`].
    fn recipient(&self, secret: &Secret<Vec<u8>>) -> Option<String>;

    /// The step of time of a code, for [`Proving::Computed`]; nothing if it is wrong. The house takes each step once.
    fn check(&self, secret: &Secret<Vec<u8>>, typed: &str, now: Timestamp) -> Option<i64>;
}

/// The kinds of the house, in the order in which they are offered.
pub struct Kinds(Vec<Box<dyn SecondFactor>>);

impl Kinds {
    pub const fn new(kinds: Vec<Box<dyn SecondFactor>>) -> Self {
        Self(kinds)
    }

    pub fn find(&self, kind: &str) -> Option<&dyn SecondFactor> {
        self.0.iter().find(|own| own.about().kind == kind).map(AsRef::as_ref)
    }

    pub fn all(&self) -> impl Iterator<Item = &dyn SecondFactor> {
        self.0.iter().map(AsRef::as_ref)
    }
}

/// Whether the house wants a second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// None is asked for or offered.
    Off,
    /// Whoever has one is asked for it.
    Offered,
    /// Everybody has to have one.
    Required,
}

/// What the operator settled about second factors.
#[derive(Clone, Debug)]
pub struct Policy {
    pub demand: Demand,
    /// The groups whose people have to have one.
    pub groups: Vec<String>,
    /// For how long somebody may go without, from their first sign-in on.
    pub grace_seconds: i64,
    /// The kinds that count.
    pub counts: Vec<String>,
    /// For how long a browser may be remembered; 0 for not at all.
    pub remember_seconds: i64,
    /// How many messages may go out a day, to everybody together.
    pub messages_a_day: i64,
}

impl Policy {
    /// Whether a kind may be added and is asked for.
    pub fn takes(&self, kind: &str) -> bool {
        self.demand != Demand::Off && self.counts.iter().any(|own| own == kind)
    }
}

/// The levels that somebody wants, each of them enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Those that the house knows.
    pub levels: Vec<Level>,
    pub need: Need,
}

/// How much somebody wants what they want (OpenID Connect Core section 5.5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    Voluntary,
    Essential,
}

/// Whether a person has to have a second factor, for the house or for an app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duty {
    None,
    Required,
}

/// What is known of a person when it is looked whether something is missing.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    /// What their session has reached; nothing if there is none.
    pub level: Option<Level>,
    pub device_trusted: bool,
    /// The most that they can reach with what they have.
    pub own: Level,
    /// The most that they could reach with what they may add.
    pub offered: Level,
}

/// What is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gap {
    None,
    /// A second factor that reaches this level.
    Ask(Level),
    /// They have none that does and have to add one.
    Enrol(Level),
    /// The same, and they may go on without.
    Offer(Level),
    /// Nothing here reaches what is essential.
    Unmet,
}

/// Looks what is missing: first what was asked for, then what the house wants.
pub fn gap(wanted: Option<&Wanted>, duty: Duty, standing: &Standing) -> Gap {
    let reached = standing.level.unwrap_or(Level::One);
    let asked = wanted.map_or(Gap::None, |wanted| gap_of(wanted, reached, standing));
    let meets_duty = reached >= Level::Two || standing.device_trusted;
    if asked != Gap::None || duty == Duty::None || meets_duty || standing.level.is_none() {
        return asked;
    }
    match (standing.own >= Level::Two, standing.offered >= Level::Two) {
        (true, _) => Gap::Ask(Level::Two),
        (false, true) => Gap::Enrol(Level::Two),
        (false, false) => Gap::Unmet,
    }
}

fn gap_of(wanted: &Wanted, reached: Level, standing: &Standing) -> Gap {
    // Any of them will do, so the weakest is the bar, and everything that clears it is offered: whoever wants `phr` or `aal2` takes
    // a code as well as a passkey (Core section 5.5.1).
    let least = match (wanted.levels.iter().min(), wanted.need) {
        (Some(least), _) => *least,
        (None, Need::Essential) => return Gap::Unmet,
        (None, Need::Voluntary) => return Gap::None,
    };
    if reached >= least {
        return Gap::None;
    }
    if standing.own >= least {
        return if standing.level.is_some() { Gap::Ask(least) } else { Gap::None };
    }
    // Nothing is added to an account before what it has was shown: whoever knows the password alone would add their own.
    let is_unproved = standing.level.is_some() && reached < Level::Two && standing.own >= Level::Two;
    match (standing.offered >= least, wanted.need) {
        (true, Need::Essential) if is_unproved => Gap::Ask(Level::Two),
        (true, Need::Voluntary) if is_unproved => Gap::None,
        // Who it is comes first.
        (true, _) if standing.level.is_none() => Gap::None,
        (true, Need::Essential) => Gap::Enrol(least),
        (true, Need::Voluntary) => Gap::Offer(least),
        (false, Need::Essential) => Gap::Unmet,
        (false, Need::Voluntary) => Gap::None,
    }
}

/// `amr` after a first proof and a second one (RFC 8176 section 2): each word once, and `mfa` for more than one kind of proof.
pub fn amr(first: &[String], second: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let all = first.iter().map(String::as_str).filter(|word| *word != "mfa").chain([second, "mfa"]);
    for word in all {
        if !words.iter().any(|own| own == word) {
            words.push(word.to_owned());
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decision 8, RFC 9470: exactly what is missing is asked for, and what cannot be met is told.
    #[test]
    fn gaps() {
        use Level::{One, Resistant, Two};
        let essential = |levels: &[Level]| Some(Wanted { levels: levels.to_vec(), need: Need::Essential });
        let voluntary = |levels: &[Level]| Some(Wanted { levels: levels.to_vec(), need: Need::Voluntary });
        let at = |level, own, offered| Standing { level: Some(level), device_trusted: false, own, offered };
        let nobody = Standing { level: None, device_trusted: false, own: One, offered: Two };
        let trusted = Standing { device_trusted: true, ..at(One, Two, Two) };
        let trusted_here = Standing { offered: Resistant, ..trusted };
        for (wanted, duty, standing, expected) in [
            (None, Duty::None, at(One, Two, Two), Gap::None),
            (None, Duty::Required, at(One, Two, Two), Gap::Ask(Two)),
            (None, Duty::Required, at(One, One, Two), Gap::Enrol(Two)),
            (None, Duty::Required, at(One, One, One), Gap::Unmet),
            (None, Duty::Required, at(Two, Two, Two), Gap::None),
            (None, Duty::Required, trusted, Gap::None),
            (essential(&[Two]), Duty::None, trusted, Gap::Ask(Two)),
            (essential(&[Two]), Duty::None, at(Two, Two, Two), Gap::None),
            (essential(&[Two]), Duty::None, at(Resistant, Two, Two), Gap::None),
            (essential(&[Two]), Duty::None, at(One, One, Two), Gap::Enrol(Two)),
            (essential(&[Resistant]), Duty::None, at(Two, Two, Two), Gap::Unmet),
            (essential(&[Resistant]), Duty::None, at(One, Two, Resistant), Gap::Ask(Two)),
            (essential(&[Resistant]), Duty::None, trusted_here, Gap::Ask(Two)),
            (essential(&[Resistant]), Duty::None, at(Two, Two, Resistant), Gap::Enrol(Resistant)),
            (essential(&[Resistant]), Duty::None, at(One, One, Resistant), Gap::Enrol(Resistant)),
            (voluntary(&[Resistant]), Duty::None, at(One, Two, Resistant), Gap::None),
            (voluntary(&[Resistant]), Duty::None, trusted_here, Gap::None),
            (voluntary(&[Resistant]), Duty::None, at(Two, Two, Resistant), Gap::Offer(Resistant)),
            (essential(&[Resistant]), Duty::None, at(Two, Resistant, Resistant), Gap::Ask(Resistant)),
            (essential(&[Resistant, Two]), Duty::None, at(One, Two, Two), Gap::Ask(Two)),
            (essential(&[Resistant, Two]), Duty::None, at(One, Resistant, Resistant), Gap::Ask(Two)),
            (essential(&[Resistant, Two]), Duty::None, at(Two, Resistant, Resistant), Gap::None),
            (essential(&[Resistant, Two]), Duty::None, at(One, One, Resistant), Gap::Enrol(Two)),
            (voluntary(&[Resistant, Two]), Duty::None, at(One, Resistant, Resistant), Gap::Ask(Two)),
            (voluntary(&[Resistant, Two]), Duty::None, at(Two, Resistant, Resistant), Gap::None),
            (voluntary(&[Resistant, Two]), Duty::None, at(One, One, Resistant), Gap::Offer(Two)),
            (essential(&[]), Duty::None, at(One, Two, Two), Gap::Unmet),
            (essential(&[Resistant]), Duty::None, nobody, Gap::Unmet),
            (essential(&[Two]), Duty::Required, nobody, Gap::None),
            (voluntary(&[Two]), Duty::None, at(One, One, Two), Gap::Offer(Two)),
            (voluntary(&[Two]), Duty::Required, at(One, One, Two), Gap::Offer(Two)),
            (voluntary(&[Resistant]), Duty::None, at(One, Two, Two), Gap::None),
            (voluntary(&[One, Two]), Duty::None, at(One, Two, Two), Gap::None),
            (voluntary(&[]), Duty::None, at(One, Two, Two), Gap::None),
        ] {
            assert_eq!(gap(wanted.as_ref(), duty, &standing), expected, "{wanted:?} {duty:?} {standing:?}");
        }
    }

    /// RFC 8176 section 2.
    #[test]
    fn methods() {
        let words = |first: &[&str], second| amr(&first.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>(), second);
        assert_eq!(words(&["pwd"], "otp"), ["pwd", "otp", "mfa"]);
        assert_eq!(words(&["otp"], "otp"), ["otp", "mfa"]);
        assert_eq!(words(&["pwd", "otp", "mfa"], "sms"), ["pwd", "otp", "sms", "mfa"]);
    }
}
