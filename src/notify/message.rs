//! The message itself (RFC 5322): text and HTML as alternatives, marked as sent by no person (RFC 3834 section 5).

use std::time::{Duration, UNIX_EPOCH};

use lettre::address::Address;
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart};

use super::Rendered;
use crate::base::{Fault, Id, Timestamp, base64url, sha256};

/// A message and the two addresses of its envelope.
pub(super) struct Addressed {
    pub(super) from: Address,
    pub(super) to: Address,
    pub(super) bytes: Vec<u8>,
}

#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// A mail of the row `id` to one address. Every try of it has the same id, so that a mailbox may know a second copy.
///
/// # Errors
/// The message cannot be put together.
pub(super) fn message(from: &Mailbox, to: &Address, id: &Id, words: &Rendered, now: Timestamp) -> Result<Addressed, Fault> {
    // Row ids stay in the house.
    let digest = base64url(&sha256(format!("message-id {id}").as_bytes()));
    let date = UNIX_EPOCH + Duration::from_secs(u64::try_from(now.unix()).unwrap_or_default());
    let built = Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to.clone()))
        .subject(words.subject.clone())
        .message_id(Some(format!("<{digest}@{}>", from.email.domain())))
        .date(date)
        .header(AutoSubmitted)
        .multipart(MultiPart::alternative_plain_html(words.text.clone(), words.html.clone()))
        .map_err(Fault::at("notify: message"))?;
    Ok(Addressed { from: from.email.clone(), to: to.clone(), bytes: built.formatted() })
}
