//! People's own accounts: how they begin, how their addresses are proved, how people get back in.
//!
//! Nothing here tells a stranger whether an address has an account (PW-07): the same pages, the same events and the same
//! work for known and unknown ones; only a mail to the owner differs.

mod address;
mod by_mail;
mod deletion;
mod disown;
mod invitation;
mod password;
mod recover;
mod sign_up;
mod verify;

pub use address::{
    Change, CodeOutcome, Confirmed, Undo, UndoDone, ask as ask_for_address, change_by_code, confirm, find as find_change,
    find_undo, undo,
};
pub use by_mail::{Link, ask as ask_for_link, find as find_link, sign_in as sign_in_by_link, sign_in_by_code};
pub use deletion::{Kept, REMOVED_AT_ONCE, find_kept, keep, plan as plan_deletion, remove_due};
pub use disown::{Disowned, disown, find as find_disowned};
pub(super) use invitation::person as to_be;
pub use invitation::{Accepted, Invitation, NewAccount, accept, find as find_invitation};
pub use password::{CurrentRefused, Elsewhere, PasswordChange, PasswordChanged, change as change_password, has_password};
pub use recover::{Done as ResetDone, Reset, ask as ask_to_reset, find as find_reset, reset};
pub use sign_up::{AddressRefused, Applied, Refused, SignUpDetail, Wish, apply};
pub use verify::{Pending, Typed, Verified, ask as ask_to_verify, find as find_verification, verify, verify_code};

use serde::{Deserialize, Serialize};

use super::interaction::{Found, Outcome, Page};
use super::upstreams::GiveAddress;
use super::{Provider, Visit};
use crate::base::{Fault, Id, Secret, Timestamp};
use crate::identity::guesses::{self, Charged};
use crate::identity::one_time::{self, Errand, Prepared, Purpose};
use crate::identity::users::{User, email_key};
use crate::notify::{Envelope, Letter};
use crate::oauth::Lang;
use crate::store::interactions::{Event, EventKind};
use crate::store::outbox::{self, NewMail};
use crate::store::{Tx, interactions};

/// Seconds that somebody who signed up has to prove their address before the account goes.
const UNVERIFIED_SECONDS: i64 = 7 * 86_400;

/// Seconds in which a notice is still worth sending.
const NOTICE_SECONDS: i64 = 3 * 86_400;

/// What the operator settled about accounts.
#[derive(Clone, Debug)]
pub struct Policy {
    pub sign_up: SignUpMode,
    /// The domains of addresses that may sign up, as they are compared; empty for any.
    pub domains: Vec<String>,
    /// Whether people may sign in by password where there are other providers.
    pub password: bool,
    /// Whether a link and a code may be sent to sign in with.
    pub by_mail: bool,
    /// Whether people whom an operator added have to prove their address too.
    pub verified_only: bool,
    pub deletion_seconds: i64,
    /// The name of the house, which no password may be.
    pub house: String,
}

/// Who may make an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignUpMode {
    Off,
    Open,
    Invitation,
}

impl Policy {
    /// Whether an address, in the form in which it is compared, may be used here.
    pub fn takes(&self, email_key: &str) -> bool {
        let domain = email_key.rsplit_once('@').map_or("", |(_, domain)| domain);
        self.domains.is_empty() || self.domains.iter().any(|known| known == domain)
    }

    /// Whether this person has to prove their address before anything else.
    pub const fn must_verify(&self, user: &User) -> bool {
        user.verify_by.is_some() || (self.verified_only && !user.email_verified && user.email.is_some())
    }
}

impl Provider {
    /// Whether strangers may make accounts: it needs mail, to prove their addresses.
    pub fn sign_up_is_open(&self) -> bool {
        self.policy.accounts.sign_up == SignUpMode::Open && self.post.is_on()
    }

    /// Whether people can sign in by what they have here, beside other providers.
    pub fn has_own_sign_in(&self) -> bool {
        self.policy.accounts.password || self.sign_in_by_mail()
    }

    /// Whether people may have a link sent to sign in with.
    pub fn sign_in_by_mail(&self) -> bool {
        self.policy.accounts.by_mail && self.post.is_on()
    }
}

/// Whether a text is an address that anybody can have here.
pub fn is_address(text: &str) -> bool {
    email_key(text).is_some()
}

/// A mail that is ready for the transaction of its act: its row, and the sealed letter.
pub(super) struct Mail {
    pub prepared: Prepared,
    pub sealed: NewMail,
}

impl Mail {
    /// Stores it, if its address did not get too many lately: counted here, where no other request comes between.
    pub(super) async fn send(&self, tx: &mut Tx, now: Timestamp) -> Result<Sent, Fault> {
        let subject = guesses::mail_subject(&self.prepared.row.purpose, &self.prepared.row.email_key);
        if guesses::charge(tx, &[subject], now).await? != Charged::Taken {
            return Ok(Sent::TooMany);
        }
        self.prepared.store(tx).await?;
        outbox::enqueue(tx, &self.sealed, now).await?;
        Ok(Sent::Queued)
    }

    /// The same for what the owner of an account hears whatever else they got lately.
    pub(super) async fn tell(&self, tx: &mut Tx, now: Timestamp) -> Result<(), Fault> {
        self.prepared.store(tx).await?;
        outbox::enqueue(tx, &self.sealed, now).await
    }
}

/// What became of a mail that strangers can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    Queued,
    /// Three went to this address within an hour (EM-13).
    TooMany,
}

/// Whom a mail goes to.
#[derive(Clone, Debug)]
pub(super) struct Recipient {
    pub user_id: Option<Id>,
    pub email: String,
    pub email_key: String,
    pub name: Option<String>,
    pub lang: Lang,
}

impl Recipient {
    /// The address of a person, if they have one that mail can go to.
    pub(super) fn of(user: &User, lang: Lang) -> Option<Self> {
        let email = user.email.clone()?;
        let email_key = email_key(&email)?;
        let claim = |name: &str| user.claims.get(name).and_then(serde_json::Value::as_str);
        // A person's own language goes before that of whoever sits at the browser.
        let lang = claim("locale").and_then(|locale| Lang::parse(locale.get(..2)?)).unwrap_or(lang);
        Some(Self { user_id: Some(user.id.clone()), email, email_key, name: claim("name").map(str::to_owned), lang })
    }

    /// What is stored of a mail to them.
    pub(super) fn errand(&self, purpose: Purpose, detail: String, visit: &Visit) -> Errand {
        Errand {
            purpose,
            user_id: self.user_id.clone(),
            email: self.email.clone(),
            email_key: self.email_key.clone(),
            browser_hash: visit.browser_hash.clone(),
            interaction_id: None,
            detail,
            lifetime_seconds: purpose.lifetime_seconds(),
        }
    }
}

/// Makes the row and the letter, before the transaction. The letter is written with the link and the code.
///
/// # Errors
/// Chance or sealing failed.
pub(super) fn mail(
    provider: &Provider,
    to: &Recipient,
    errand: Errand,
    now: Timestamp,
    letter: impl FnOnce(String, &Secret<String>) -> Letter,
) -> Result<Mail, Fault> {
    let path = path(errand.purpose);
    let prepared = Prepared::new(provider.new_id()?, errand, &provider.code_key, &provider.random, now)?;
    let link = provider.issuer.join(&format!("{path}/{}", prepared.token.expose()));
    let envelope = Envelope {
        to: to.email.clone(),
        name: to.name.clone(),
        lang: to.lang,
        letter: letter(link, &prepared.code),
        expires_at: prepared.row.expires_at,
    };
    let sealed = provider.post.prepare(provider.new_id()?, &envelope)?;
    Ok(Mail { prepared, sealed })
}

/// A letter that only tells something, and is not counted.
pub(super) fn notice(provider: &Provider, to: &Recipient, letter: Letter, now: Timestamp) -> Result<NewMail, Fault> {
    let envelope =
        Envelope { to: to.email.clone(), name: to.name.clone(), lang: to.lang, letter, expires_at: now.plus(NOTICE_SECONDS) };
    provider.post.prepare(provider.new_id()?, &envelope)
}

/// Where the links of a purpose lead.
const fn path(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::VerifyAddress => "/verify-email",
        Purpose::ResetPassword => "/reset-password",
        Purpose::SignIn => "/sign-in-link",
        Purpose::Invitation => "/invitation",
        Purpose::NewAddress => "/confirm-email",
        Purpose::UndoAddress => "/undo-email",
        Purpose::KeepAccount => "/keep-account",
        Purpose::NotMe => "/not-me",
        Purpose::FirstSignIn => "/finish-sign-in",
        Purpose::Notice => "/sign-in",
    }
}

/// What a person waits for on the page "check your mail".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Awaited {
    pub what: Await,
    /// The address as it was typed. Nobody says whether a mail was sent there.
    pub to: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Await {
    Verification,
    Reset,
    SignIn,
    /// The address that is to take the place of the one before.
    NewAddress,
    /// The address of who came from another provider.
    FirstSignIn,
}

impl Found {
    /// What the person was told to look for in their mail, last.
    pub fn awaited(&self) -> Option<Awaited> {
        let mailed = self.events.iter().rev().find(|event| event.kind == EventKind::Mailed)?;
        serde_json::from_str(&mailed.detail).ok()
    }

    /// The page "check your mail" of this interaction.
    pub(super) fn check_mail(&self) -> Outcome {
        Outcome::Page { interaction: self.id.clone(), page: Page::CheckMail }
    }
}

/// The event that a mail was asked for, which is stored whether or not there is anybody to send one to.
pub(super) fn mailed(what: Await, to: &str) -> Result<Event, Fault> {
    let awaited = Awaited { what, to: to.to_owned() };
    let detail = serde_json::to_string(&awaited).map_err(Fault::at("accounts: event"))?;
    Ok(Event { kind: EventKind::Mailed, session_id: Id::from_stored(""), detail })
}

pub(super) async fn add_event(tx: &mut Tx, id: &Id, found: &Id, event: &Event, now: Timestamp) -> Result<(), Fault> {
    interactions::add_event(tx, id, found, event, now).await
}

/// Sends what the person waits for once more.
///
/// # Errors
/// Storage, keys or chance failed.
pub async fn send_again(provider: &Provider, found: &Found, visit: &Visit) -> Result<Outcome, Fault> {
    match found.awaited() {
        Some(Awaited { what: Await::Reset, to }) => recover::ask(provider, found, &to, visit).await,
        Some(Awaited { what: Await::SignIn, to }) => by_mail::ask(provider, found, &to, visit).await,
        Some(Awaited { what: Await::NewAddress, to }) => address::again(provider, found, &to, visit).await,
        Some(Awaited { what: Await::Verification, to }) => verify::again(provider, found, &to, visit).await,
        Some(Awaited { what: Await::FirstSignIn, to }) => {
            match super::upstreams::give_address(provider, found, &to, visit).await? {
                GiveAddress::Sent(outcome) | GiveAddress::Over(outcome) => Ok(outcome),
                GiveAddress::NoAddress | GiveAddress::OtherDomain => super::interaction::look(provider, found, visit).await,
            }
        }
        None => match &visit.session {
            Some(signed) => verify::ask(provider, found, &signed.user, visit).await,
            None => super::interaction::look(provider, found, visit).await,
        },
    }
}

/// Whether a code may be compared.
pub(super) enum Guess {
    Right(Box<one_time::OneTime>),
    Wrong,
    Throttled { retry_after_seconds: i64 },
}

/// Compares what was typed with the code that was sent for this interaction. The guess is charged before (decision 28).
pub(super) async fn guess(
    provider: &Provider,
    found: &Found,
    purpose: Purpose,
    typed: &str,
    visit: &Visit,
) -> Result<Guess, Fault> {
    let Some(code) = one_time::typed_code(typed) else { return Ok(Guess::Wrong) };
    let account = found.awaited().and_then(|awaited| email_key(&awaited.to)).unwrap_or_default();
    let (subjects, now) = (guesses::code_subjects(&found.id, &account, visit.address), visit.now);
    let charged = subjects.clone();
    if let Charged::Throttled { retry_after_seconds } =
        provider.db.write(async move |tx| guesses::charge(tx, &charged, now).await).await?
    {
        return Ok(Guess::Throttled { retry_after_seconds });
    }
    let sent = one_time::find_by_code(&mut provider.db.conn(), &provider.code_key, (&found.id, purpose), &code, now).await?;
    // Only what was sent to whom the guess is charged to: somebody may have asked for another address in between.
    match sent.filter(|row| row.browser_hash == visit.browser_hash && row.email_key == account) {
        Some(row) => {
            provider.db.write(async move |tx| guesses::succeed(tx, &subjects).await).await?;
            Ok(Guess::Right(Box::new(row)))
        }
        None => Ok(Guess::Wrong),
    }
}
