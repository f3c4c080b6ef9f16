//! Vouchsafe, an OpenID Connect identity provider.
//!
//! ```text
//! roof     main.rs · cli/                   a person at a terminal
//! 6        app.rs                           puts the real parts together; the only one who knows everybody
//! 5        web/ · jobs/ · config/           the doors: HTTP, the timer, the settings file
//! 4        endpoints/ · admin/ · plugins/   what the product does, in protocol words
//! 3        identity/ · tokens/              who you are · what you hold
//! 2        keys/ · federation/ · notify/    signing keys · other identity providers · mail
//! 1        store/ · cache/ · outbound/      disk · memory or Redis · the only HTTP client
//! 0        oauth/ · jose/                   the words and rules of the RFCs: pure, no I/O, no async
//! ground   base/                            clock, randomness, secrets, ids, urls
//! ```
//!
//! A module uses only modules on floors below its own; `tests/it/architecture.rs` holds the code to it.

pub mod base;

pub mod jose;
pub mod oauth;

pub mod cache;
pub mod outbound;
pub mod store;

pub mod federation;
pub mod keys;
pub mod notify;

pub mod identity;
pub mod tokens;

pub mod admin;
pub mod endpoints;
#[cfg(feature = "plugins")]
pub mod plugins;

pub mod config;
pub mod jobs;
pub mod web;

pub mod app;

pub mod cli;
