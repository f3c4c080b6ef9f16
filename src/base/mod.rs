//! The ground: time, chance, secrets, ids, addresses of ours and the fault that everything may end in.
//!
//! Nothing here knows a protocol or a database. The system clock and the system's random source are read here and
//! nowhere else, so that every rule above can be tested at any moment and with any chance.

mod clock;
mod encoding;
mod fault;
mod id;
mod issuer;
mod random;
mod secret;

pub use clock::{Clock, Timestamp};
pub use encoding::{base64url, base64url_decode, sha256, sha256_base64url};
pub use fault::{Fault, Place};
pub use id::{Id, SupportCode, public_id};
pub use issuer::Issuer;
pub use random::Random;
pub use secret::{Secret, same};
