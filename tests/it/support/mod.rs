//! What the tests share: a whole provider, a browser, a relying party, and a look at the rows.

pub mod app;
pub mod authenticator;
pub mod browser;
pub mod chrome;
pub mod documents;
pub mod factor;
pub mod forge;
pub mod journey;
pub mod mail;
pub mod page;
pub mod program;
pub mod raw;
pub mod receiver;
pub mod registrar;
pub mod rows;
pub mod rp;
pub mod rust_text;
pub mod upstream;

pub use app::TestApp;
pub use authenticator::Authenticator;
pub use browser::{Browser, Initiator};
pub use page::Page;
pub use receiver::Receiver;
pub use rp::{CALLBACK, Rp};
