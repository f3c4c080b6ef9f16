//! Mail to people: what it says, how it is kept until it is sent, and how it is sent.
//!
//! An act prepares its mail before its transaction and enqueues it inside (`store::outbox`); `jobs` delivers it afterwards.
//! It decides nothing about who gets which mail, and it never prints an address, a link or a code to the log (the console of
//! development is there to do just that).

mod channel;
mod deliver;
mod inbox;
mod letter;
mod message;
mod plain;
mod render;
mod smtp;
mod trouble;
mod way;
mod when;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

pub use channel::{Channel, Delivery, Undelivered};
pub use inbox::{Caught, Inbox};
pub use letter::{Envelope, Letter};
pub use plain::name as shown_name;
pub use render::{BrokenTemplate, Rendered, Templates};
pub use way::{Place, Security, Way};
pub use when::moment;

use lettre::message::Mailbox;
use serde::{Deserialize, Serialize};

use crate::base::{Fault, Id, Issuer, Random, base64url, base64url_decode};
use crate::jose::SealKey;
use crate::oauth::Lang;
use crate::store::outbox::NewMail;
use smtp::Smtp;

/// How long each step of a dialogue with a mail server may take.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// The first part of a sealed body, should the way it is written ever change.
const VERSION: &str = "1";

/// The mail of the house; cheap to clone.
#[derive(Clone)]
pub struct Post(Arc<Inner>);

/// What the post works with.
pub struct PostParts {
    /// Seals what waits.
    pub key: SealKey,
    /// Every link of a letter begins with it.
    pub issuer: Issuer,
    /// The name of the house in the letters.
    pub house: String,
    pub sender: Sender,
    pub way: Way,
    pub templates: Templates,
    /// Further certificate authorities.
    pub ca_file: Option<PathBuf>,
    /// How long each step of a dialogue may take; [`DEADLINE`] but in tests.
    pub deadline: Duration,
}

/// Whom mail is from.
#[derive(Clone, Debug)]
pub struct Sender {
    pub address: String,
    pub name: String,
}

struct Inner {
    key: SealKey,
    issuer: Issuer,
    house: String,
    from: Mailbox,
    templates: Templates,
    out: Out,
    counts: Counts,
}

/// The way out, ready to be gone.
enum Out {
    Off,
    Console,
    Memory(Inbox),
    Folder(PathBuf),
    Smtp(Smtp),
}

#[derive(Default)]
struct Counts {
    sent: AtomicU64,
    failed: AtomicU64,
    waiting: AtomicI64,
}

/// What was counted since the process began, and how many mails wait in the outbox of all processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    pub sent: u64,
    /// Given up: refused for good, or too old.
    pub failed: u64,
    pub waiting: i64,
}

/// What is sealed into a row: all of the envelope but address and end, which the row holds itself.
#[derive(Serialize, Deserialize)]
struct Contents {
    name: Option<String>,
    lang: Lang,
    letter: Letter,
}

/// Whether a text is an address that mail can be from.
pub fn is_address(text: &str) -> bool {
    text.parse::<lettre::Address>().is_ok()
}

impl Post {
    /// Nothing is opened yet.
    ///
    /// # Errors
    /// The sender's address is none.
    pub fn new(parts: PostParts) -> Result<Self, Fault> {
        let address = parts.sender.address.parse().map_err(Fault::at("notify: mail.from"))?;
        let out = match parts.way {
            Way::Off => Out::Off,
            Way::Console => Out::Console,
            Way::Memory(inbox) => Out::Memory(inbox),
            Way::Folder(folder) => Out::Folder(folder),
            Way::Smtp(place) => Out::Smtp(Smtp::new(place, parts.issuer.host(), parts.ca_file, parts.deadline)),
        };
        Ok(Self(Arc::new(Inner {
            key: parts.key,
            issuer: parts.issuer,
            house: parts.house,
            from: Mailbox::new(Some(plain::line(&parts.sender.name)), address),
            templates: parts.templates,
            out,
            counts: Counts::default(),
        })))
    }

    /// Whether mail can be sent at all. Where it is off, what needs mail is not offered.
    pub fn is_on(&self) -> bool {
        !matches!(self.0.out, Out::Off)
    }

    /// Where mail is caught that never leaves the process.
    pub fn inbox(&self) -> Option<&Inbox> {
        match &self.0.out {
            Out::Memory(inbox) => Some(inbox),
            Out::Off | Out::Console | Out::Folder(_) | Out::Smtp(_) => None,
        }
    }

    pub fn counted(&self) -> Counted {
        let counts = &self.0.counts;
        Counted {
            sent: counts.sent.load(Ordering::Relaxed),
            failed: counts.failed.load(Ordering::Relaxed),
            waiting: counts.waiting.load(Ordering::Relaxed),
        }
    }

    /// Seals a letter for the outbox row `id`. Call it before the transaction that enqueues it.
    ///
    /// # Errors
    /// A link of the letter is not one of ours, or the random source or the cipher failed.
    pub fn prepare(&self, id: Id, envelope: &Envelope) -> Result<NewMail, Fault> {
        let Envelope { to, name, lang, letter, expires_at } = envelope;
        let contents = Contents { name: name.clone(), lang: *lang, letter: letter.clone() };
        let letter_json = serde_json::to_value(letter).map_err(Fault::at("notify: prepare"))?;
        let own = self.0.issuer.join("/");
        for (field, value) in letter_json.as_object().into_iter().flatten() {
            if field.ends_with("link") && !value.as_str().is_some_and(|link| is_own(link, &own)) {
                return Err(Fault::new("notify: prepare", format!("{field} of {} is no link of ours", letter.name())));
            }
        }
        let plain = serde_json::to_vec(&contents).map_err(Fault::at("notify: prepare"))?;
        // Always the system's: two bodies under one nonce would be lost, so no seeded chance may come near.
        let (nonce, text) = self.0.key.seal(&place(&id), &plain, &Random::system())?;
        let body = format!("{VERSION}.{}.{}", base64url(&nonce), base64url(&text));
        Ok(NewMail { id, kind: letter.name(), recipient: to.clone(), body, expires_at: *expires_at })
    }

    fn open(&self, id: &Id, body: &str) -> Result<Contents, Fault> {
        let broken = || Fault::corrupt("outbox", "body");
        let mut parts = body.split('.');
        let (Some(VERSION), Some(nonce), Some(text), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
            return Err(broken());
        };
        let (nonce, text) = base64url_decode(nonce).zip(base64url_decode(text)).ok_or_else(broken)?;
        let plain = self.0.key.open(&place(id), &nonce, &text)?;
        serde_json::from_slice(&plain).map_err(|_| broken())
    }
}

/// Where a body belongs: it opens in its own row alone.
fn place(id: &Id) -> String {
    format!("outbox.body.{id}")
}

/// A link of ours has no character that ends it in a text.
fn is_own(link: &str, own: &str) -> bool {
    link.starts_with(own) && link.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>' | b'"'))
}
