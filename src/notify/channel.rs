//! A way to reach a person beside mail. It is one of the places where outsiders plug in: a channel takes a short text to an address of
//! its own kind, and knows nothing of whom it is for or why.

use std::pin::Pin;

/// A message under way.
pub type Delivery<'a> = Pin<Box<dyn Future<Output = Result<(), Undelivered>> + Send + 'a>>;

/// The message did not go out. The channel has told the log why, without address and text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Undelivered;

/// A way for short messages, such as a gateway for text messages.
pub trait Channel: Send + Sync {
    /// Its word, by which a kind of second factor names it.
    fn name(&self) -> &'static str;

    /// Sends a text to an address that the kind of second factor has checked. The text holds a code: it must not reach a log.
    fn send<'a>(&'a self, to: &'a str, text: &'a str) -> Delivery<'a>;
}
