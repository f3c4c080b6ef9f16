//! People as the house knows them, and what ends with them.
//!
//! An account that is disabled or removed, or whose password is set anew, loses its sessions and everything that apps hold
//! of it in the same transaction.

use serde_json::{Map, Value};

pub use super::email::{domain_key, email_key};
use super::one_time::{self, Purpose};
use super::sessions;
use crate::base::{Fault, Id, Timestamp};
use crate::store::sessions::Session;
pub use crate::store::users::User;
use crate::store::{
    Conn, Tx, consents, factors, grants, identities, known_devices, passkeys, passwords, recovery_codes, trusted_devices, users,
};

/// A person who is not stored yet.
#[derive(Clone, Debug)]
pub struct NewUser {
    pub id: Id,
    /// A new `base::public_id`; never one that somebody had (SE-17).
    pub sub: String,
    /// As it was written; it is compared by [`email_key`].
    pub email: Option<String>,
    pub email_verified: bool,
    /// Whether that was proved by a mail of ours, or as well as by one: by the operator, or a provider whose word is as good.
    pub address_proved_here: bool,
    /// Checked by `oauth::StandardClaims`.
    pub claims: Map<String, Value>,
    /// Until when they may prove their address, if they came by themselves.
    pub verify_by: Option<Timestamp>,
}

/// What became of a new person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    Done,
    /// Somebody has this address.
    AddressTaken,
    /// Nobody can have this address.
    NotAnAddress,
}

/// The person who signs in with this name. Their account may be disabled.
///
/// # Errors
/// Storage failed.
pub async fn by_login(conn: &mut Conn, login: &str) -> Result<Option<User>, Fault> {
    match email_key(login) {
        Some(key) => users::by_email_key(conn, &key).await,
        None => Ok(None),
    }
}

/// # Errors
/// Storage failed.
pub async fn by_id(conn: &mut Conn, id: &Id) -> Result<Option<User>, Fault> {
    users::by_id(conn, id).await
}

/// The person behind a `sub`.
///
/// # Errors
/// Storage failed.
pub async fn by_sub(conn: &mut Conn, sub: &str) -> Result<Option<User>, Fault> {
    users::by_sub(conn, sub).await
}

/// The next `limit` people after `after`, in the order in which they came.
///
/// # Errors
/// Storage failed.
pub async fn list(conn: &mut Conn, after: Option<&Id>, limit: i64) -> Result<Vec<User>, Fault> {
    users::list(conn, after, limit).await
}

/// Stores a new person.
///
/// # Errors
/// Storage failed.
pub async fn create(tx: &mut Tx, new: &NewUser, now: Timestamp) -> Result<Created, Fault> {
    let key = new.email.as_deref().map(email_key);
    if matches!(key, Some(None)) {
        return Ok(Created::NotAnAddress);
    }
    let user = User {
        id: new.id.clone(),
        sub: new.sub.clone(),
        email: new.email.as_deref().map(|email| email.trim().to_owned()),
        email_verified: new.email_verified && new.email.is_some(),
        address_proved_here: new.address_proved_here && new.email_verified && new.email.is_some(),
        claims: new.claims.clone(),
        disabled_at: None,
        verify_by: new.verify_by,
        delete_at: None,
        created_at: now,
        updated_at: now,
    };
    let key = key.flatten();
    // Who signed up with the address and never proved it gives way to whom the house itself gives an account (decision 17).
    if let (None, Some(key)) = (new.verify_by, &key) {
        users::remove_unproved(tx, key).await?;
    }
    let stored = users::insert(tx, &user, key.as_deref()).await?;
    Ok(if stored { Created::Done } else { Created::AddressTaken })
}

/// Replaces the claims of a person; false if there is none.
///
/// # Errors
/// Storage failed.
pub async fn set_claims(tx: &mut Tx, id: &Id, claims: &Map<String, Value>, now: Timestamp) -> Result<bool, Fault> {
    users::set_claims(tx, id, claims, now).await
}

/// The same if nobody changed the person since they were read; false if somebody did, or they may not be here.
///
/// # Errors
/// Storage failed.
pub async fn change_claims(tx: &mut Tx, before: &User, claims: &Map<String, Value>, now: Timestamp) -> Result<bool, Fault> {
    users::change_claims(tx, before, claims, now).await
}

/// Gives a person a password by its hash (`passwords::Hasher::hash`). Whoever knew the last one is signed out, loses what apps
/// hold, and is a stranger again; what was sent to get in with is worth nothing, as some of it holds the last password.
///
/// # Errors
/// Storage failed, also if there is no such person.
pub async fn set_password(tx: &mut Tx, id: &Id, phc: &str, now: Timestamp) -> Result<(), Fault> {
    users::hold(tx, id).await?;
    void_ways_in(tx, id, now).await?;
    // A mail about a sign-in leads to another password: once that sign-in is over, to none.
    one_time::void(tx, id, Purpose::NotMe, now).await?;
    passwords::put(tx, id, phc, now).await?;
    known_devices::forget_for_user(tx, id).await?;
    end_everything(tx, id, now).await
}

/// Disables a person; false if they are disabled already or do not exist.
///
/// # Errors
/// Storage failed.
pub async fn disable(tx: &mut Tx, id: &Id, now: Timestamp) -> Result<bool, Fault> {
    let changed = users::set_disabled(tx, id, Some(now)).await?;
    void_ways_in(tx, id, now).await?;
    end_everything(tx, id, now).await?;
    Ok(changed)
}

/// Lets a disabled person sign in again; what they had stays ended.
///
/// # Errors
/// Storage failed.
pub async fn enable(tx: &mut Tx, id: &Id) -> Result<bool, Fault> {
    users::set_disabled(tx, id, None).await
}

/// Removes a person with everything that hangs on them: a token whose grant is gone is worth nothing. The apps where they were
/// signed in are told. False if there is none.
///
/// # Errors
/// Storage failed.
pub async fn remove(tx: &mut Tx, id: &Id, now: Timestamp) -> Result<bool, Fault> {
    sessions::end_all_for_user(tx, id, now).await?;
    users::remove(tx, id).await
}

/// Nothing else is decided about this person until the transaction ends; the first statement of what depends on their password,
/// address or state.
///
/// # Errors
/// Storage failed.
pub async fn hold(tx: &mut Tx, id: &Id) -> Result<(), Fault> {
    users::hold(tx, id).await
}

/// Whoever holds the mail of an address proved that it is theirs. If nobody had proved that before, or another provider had only
/// claimed it, everything goes that let anybody into the account until now: somebody else may have made it, to wait in it for its
/// owner (decision 17). False if the address is not this person's any more, or they may not be here.
///
/// Second factors stay, and are asked for: a mailbox is one proof and takes nobody's second away (decision 24, MF-04). One that a
/// stranger left opens nothing by itself; its owner gets it removed by the operator.
///
/// # Errors
/// Storage failed.
pub async fn prove_address(tx: &mut Tx, user: &User, email_key: &str, now: Timestamp) -> Result<bool, Fault> {
    if !verified(tx, user, email_key, now).await? {
        return Ok(false);
    }
    if !user.address_proved_here {
        forget_attached(tx, user, now).await?;
    }
    Ok(true)
}

/// Takes away what lets anybody into an account by itself: whoever attached it may not be its owner. A passkey that signs in is such a
/// first proof. Where another provider vouched for the person it stays as a second one; where nobody did it goes.
///
/// # Errors
/// Storage failed.
pub async fn forget_attached(tx: &mut Tx, user: &User, now: Timestamp) -> Result<(), Fault> {
    let id = &user.id;
    passwords::remove(tx, id).await?;
    if user.email_verified {
        passkeys::make_second(tx, id).await?;
    } else {
        passkeys::remove_signing_in(tx, id).await?;
    }
    let none = Id::from_stored("");
    if factors::other_kinds(tx, id, &none).await?.is_empty() && passkeys::others(tx, id, "").await?.is_empty() {
        recovery_codes::remove_for_user(tx, id).await?;
    }
    consents::forget_for_user(tx, id).await?;
    identities::remove_since(tx, id, Timestamp::from_unix(0)).await?;
    // A change of address that they began is over as well, or its link would take the account away again.
    end_everything_known(tx, id, now).await
}

/// The same where whoever proved it is who made the account: nothing of theirs goes. Other mails that would prove it are worth
/// nothing from then on: each brings the password of whoever asked for it.
///
/// # Errors
/// Storage failed.
pub async fn verified(tx: &mut Tx, user: &User, email_key: &str, now: Timestamp) -> Result<bool, Fault> {
    one_time::void(tx, &user.id, Purpose::VerifyAddress, now).await?;
    users::set_verified(tx, &user.id, email_key, now).await
}

/// Ends every session of a person and everything that apps hold of them.
///
/// # Errors
/// Storage failed.
pub async fn end_everything(tx: &mut Tx, id: &Id, now: Timestamp) -> Result<(), Fault> {
    sessions::end_all_for_user(tx, id, now).await?;
    grants::revoke_for_user(tx, id, now).await?;
    Ok(())
}

/// Ends every other session of a person than `keep`, everything that apps hold from elsewhere, and every other browser's
/// standing.
///
/// # Errors
/// Storage failed.
pub async fn end_everything_else(tx: &mut Tx, id: &Id, keep: &Session, now: Timestamp) -> Result<(), Fault> {
    sessions::end_others(tx, id, &keep.id, now).await?;
    grants::revoke_others(tx, id, &keep.id, now).await?;
    known_devices::forget_others(tx, id, &keep.browser_hash).await?;
    Ok(())
}

/// What lets whoever holds an old mail, a remembered browser or a first proof into an account is worth nothing from now on.
///
/// # Errors
/// Storage failed.
pub async fn void_ways_in(tx: &mut Tx, id: &Id, now: Timestamp) -> Result<(), Fault> {
    trusted_devices::forget_for_user(tx, id).await?;
    users::next_generation(tx, id).await?;
    for purpose in [Purpose::ResetPassword, Purpose::VerifyAddress, Purpose::SignIn, Purpose::NewAddress] {
        one_time::void(tx, id, purpose, now).await?;
    }
    Ok(())
}

/// Takes away every way in and every second factor that was added at `since` or later: whoever came in then must not stay by it, nor
/// keep its owner out.
///
/// # Errors
/// Storage failed.
pub async fn remove_added_since(tx: &mut Tx, id: &Id, since: Timestamp) -> Result<(), Fault> {
    passkeys::remove_since(tx, id, since).await?;
    identities::remove_since(tx, id, since).await?;
    factors::remove_since(tx, id, since).await?;
    recovery_codes::remove_since(tx, id, since).await
}

/// Ends everything of a person, their browsers' standing and old mails too: whoever has come in until now is a stranger again.
///
/// # Errors
/// Storage failed.
pub async fn end_everything_known(tx: &mut Tx, id: &Id, now: Timestamp) -> Result<(), Fault> {
    void_ways_in(tx, id, now).await?;
    known_devices::forget_for_user(tx, id).await?;
    end_everything(tx, id, now).await
}
