//! Mail to people: what it says, how it is kept until it is sent, and how it is sent.
//!
//! An act prepares its mail before its transaction and enqueues it inside (`store::outbox`); `jobs` delivers it afterwards.
//! It decides nothing about who gets which mail, and it never prints an address, a link or a code to the log of a server in
//! production.

mod letter;

use std::sync::Arc;

pub use letter::{Envelope, Letter};

use serde::{Deserialize, Serialize};

use crate::base::{Fault, Id, Random, base64url};
use crate::jose::SealKey;
use crate::oauth::Lang;
use crate::store::outbox::NewMail;

/// The first part of a sealed body, should the way it is written ever change.
const VERSION: &str = "1";

/// The mail of the house; cheap to clone.
#[derive(Clone)]
pub struct Post(Arc<Inner>);

/// What the post works with.
pub struct PostParts {
    /// Seals what waits.
    pub key: SealKey,
    /// What every link of a letter begins with.
    pub issuer: String,
}

struct Inner {
    parts: PostParts,
}

/// What is sealed into a row: all of the envelope but address and end, which the row holds itself.
#[derive(Serialize, Deserialize)]
struct Contents {
    name: Option<String>,
    lang: Lang,
    letter: Letter,
}

impl Post {
    pub fn new(parts: PostParts) -> Self {
        Self(Arc::new(Inner { parts }))
    }

    /// Whether mail can be sent at all. Where it is off, what needs mail is not offered.
    pub fn is_on(&self) -> bool {
        true
    }

    /// Seals a letter for the outbox row `id`. Call it before the transaction that enqueues it.
    ///
    /// # Errors
    /// A link of the letter is not one of ours, or the random source or the cipher failed.
    pub fn prepare(&self, id: Id, envelope: &Envelope) -> Result<NewMail, Fault> {
        let Envelope { to, name, lang, letter, expires_at } = envelope;
        let contents = Contents { name: name.clone(), lang: *lang, letter: letter.clone() };
        let plain = serde_json::to_vec(&contents).map_err(Fault::at("notify: prepare"))?;
        // Always the system's: two bodies under one nonce would be lost, so no seeded chance may come near.
        let (nonce, text) = self.0.parts.key.seal(&place(&id), &plain, &Random::system())?;
        let body = format!("{VERSION}.{}.{}", base64url(&nonce), base64url(&text));
        Ok(NewMail { id, kind: letter.name(), recipient: to.clone(), body, expires_at: *expires_at })
    }
}

/// Where a body belongs: it opens in its own row alone.
fn place(id: &Id) -> String {
    format!("outbox.body.{id}")
}
