//! The ways in of a person, as far as they lead in today: the one rule for whether somebody may go without one of them.
//!
//! A link by mail is none: nearly everybody could have one sent, so that the rule would protect nobody, and it is worth no more than a
//! mailbox that may be lost or in other hands by then.

use crate::base::{Fault, Id};
use crate::store::{Tx, identities, passkeys, passwords};

/// Which ways are open in this house. A way that the operator closed is none, whatever a person has of it.
#[derive(Clone, Debug)]
pub struct OpenWays {
    pub password: bool,
    pub passkeys: bool,
    /// The issuers of the providers that are connected.
    pub issuers: Vec<String>,
}

/// What a person would go without.
#[derive(Clone, Copy, Debug)]
pub enum Without<'a> {
    Password,
    /// By its name in URLs.
    Passkey(&'a str),
    Identity(&'a Id),
}

/// Whether a person comes in still, without one of what they have. It belongs into the transaction that takes that away, after the
/// person is held.
///
/// # Errors
/// Storage failed.
pub async fn remain(tx: &mut Tx, user: &Id, open: &OpenWays, without: Without<'_>) -> Result<bool, Fault> {
    if open.password && !matches!(without, Without::Password) && passwords::exists(tx, user).await? {
        return Ok(true);
    }
    let passkey = if let Without::Passkey(passkey) = without { passkey } else { "" };
    if open.passkeys && passkeys::others(tx, user, passkey).await?.contains(&true) {
        return Ok(true);
    }
    let identity = if let Without::Identity(identity) = without { identity.as_str() } else { "" };
    Ok(identities::other_issuers(tx, user, identity).await?.iter().any(|issuer| open.issuers.contains(issuer)))
}
