//! Accounts elsewhere that belong to a person here (decision 17): by issuer and subject, never by an address.
//!
//! Two answers for one subject at the same moment make one account: the row that may exist once decides.

use serde_json::{Map, Value};

use super::factor::Level;
use super::sessions;
use super::users::{self, Created, NewUser, User};
use super::ways::{self, OpenWays, Without};
use crate::base::{Fault, Id, Timestamp};
use crate::federation::UpstreamIdentity;
pub use crate::store::identities::Identity;
use crate::store::upstream_sessions::{self, Elsewhere};
use crate::store::{Conn, Tx, identities, trusted_devices};

/// How a sign-in elsewhere stands in `amr`.
pub const FEDERATED: &str = "fed";

/// Several factors, in `amr` (RFC 8176) and as an assurance level (decision 8).
const SEVERAL: &str = "mfa";

/// The row of an identity for a person.
pub fn row(id: Id, user: &Id, from: &UpstreamIdentity, upstream_id: &str, now: Timestamp) -> Identity {
    Identity {
        id,
        user_id: user.clone(),
        issuer: from.issuer.clone(),
        subject: from.subject.clone(),
        upstream_id: upstream_id.to_owned(),
        shown: from.shown(),
        created_at: now,
        used_at: now,
    }
}

/// Whose this identity is here.
///
/// # Errors
/// Storage failed.
pub async fn find(conn: &mut Conn, from: &UpstreamIdentity) -> Result<Option<(Identity, User)>, Fault> {
    identities::find(conn, &from.issuer, &from.subject).await
}

/// The accounts of a person elsewhere.
///
/// # Errors
/// Storage failed.
pub async fn list(conn: &mut Conn, user: &Id) -> Result<Vec<Identity>, Fault> {
    identities::list_for_user(conn, user).await
}

/// Makes an account with its identity; false, and nothing made, if somebody has the address or the identity by now.
///
/// # Errors
/// Storage failed.
pub async fn register(tx: &mut Tx, new: &NewUser, identity: &Identity, now: Timestamp) -> Result<bool, Fault> {
    if users::create(tx, new, now).await? != Created::Done {
        return Ok(false);
    }
    if identities::insert(tx, identity).await? {
        return Ok(true);
    }
    users::remove(tx, &new.id, now).await?;
    Ok(false)
}

/// Attaches an identity to a person; false if it is somebody's already, theirs too.
///
/// # Errors
/// Storage failed.
pub async fn attach(tx: &mut Tx, identity: &Identity) -> Result<bool, Fault> {
    users::hold(tx, &identity.user_id).await?;
    trusted_devices::forget_for_user(tx, &identity.user_id).await?;
    identities::insert(tx, identity).await
}

/// Whether an identity is this person's, in the transaction that rests on it.
///
/// # Errors
/// Storage failed.
pub async fn is_of(tx: &mut Tx, user: &Id, (issuer, subject): (&str, &str)) -> Result<bool, Fault> {
    identities::is_of(tx, user, issuer, subject).await
}

/// Somebody comes in by an identity of theirs. False if it is not theirs any more, or they may not be here.
///
/// # Errors
/// Storage failed.
pub async fn come_by(tx: &mut Tx, identity: &Identity, now: Timestamp) -> Result<bool, Fault> {
    identities::come_by(tx, identity, now).await
}

/// What became of a wish to detach an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detached {
    Done,
    /// There is none of theirs with this id.
    Gone,
    /// Without it the person could not come in any more.
    LastWayIn,
}

/// Detaches an identity, if the person has another way in. The sessions that came by it end, with what apps hold of them, and the
/// apps are told; `keep` goes on, in which the person says so.
///
/// # Errors
/// Storage failed.
pub async fn detach(tx: &mut Tx, identity: &Identity, (open, keep): (&OpenWays, &Id), now: Timestamp) -> Result<Detached, Fault> {
    let user = &identity.user_id;
    users::hold(tx, user).await?;
    if !ways::remain(tx, user, open, Without::Identity(&identity.id)).await? {
        return Ok(Detached::LastWayIn);
    }
    if !identities::remove(tx, user, &identity.id).await? {
        return Ok(Detached::Gone);
    }
    trusted_devices::forget_for_user(tx, user).await?;
    let by_it = Elsewhere::Subject { issuer: &identity.issuer, subject: &identity.subject };
    for (session, owner) in upstream_sessions::open(tx, by_it).await? {
        if owner == *user && session != *keep {
            sessions::end(tx, &session, now).await?;
        }
    }
    Ok(Detached::Done)
}

/// Takes the profile of a person over from elsewhere. One that they change at this very moment stays as they want it.
///
/// # Errors
/// Storage failed.
pub async fn refresh(tx: &mut Tx, user: &User, there: &Map<String, Value>, now: Timestamp) -> Result<(), Fault> {
    let mut claims = user.claims.clone();
    claims.extend(there.clone());
    if claims != user.claims {
        users::change_claims(tx, user, &claims, now).await?;
    }
    Ok(())
}

/// How the person proved themselves elsewhere, as far as it counts here: `amr`, and the level.
pub fn proof(from: &UpstreamIdentity, counts: SecondFactor<'_>) -> (Vec<String>, Level) {
    let SecondFactor::Counts { acr } = counts else { return (vec![FEDERATED.to_owned()], Level::One) };
    let by_amr = from.amr.iter().any(|method| method == SEVERAL);
    let by_acr = from.acr.as_ref().is_some_and(|own| acr.iter().any(|known| known == own));
    let mut amr = vec![FEDERATED.to_owned()];
    if by_amr || by_acr {
        amr.push(SEVERAL.to_owned());
        return (amr, Level::Two);
    }
    (amr, Level::One)
}

/// Whether a second factor elsewhere is one here: the operator says.
#[derive(Clone, Copy, Debug)]
pub enum SecondFactor<'a> {
    Ignored,
    /// By `mfa` in `amr`, or one of these values of `acr`.
    Counts {
        acr: &'a [String],
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(amr: &[&str], acr: Option<&str>) -> UpstreamIdentity {
        UpstreamIdentity {
            amr: amr.iter().map(|method| (*method).to_owned()).collect(),
            acr: acr.map(str::to_owned),
            ..UpstreamIdentity::nameless()
        }
    }

    /// FE-17: what a provider says of factors counts only where the operator says so.
    #[test]
    fn second_factors() {
        let acr = ["aal2".to_owned()];
        let counts = SecondFactor::Counts { acr: &acr };
        for (from, rule, level) in [
            (identity(&["pwd", "mfa"], None), SecondFactor::Ignored, Level::One),
            (identity(&["pwd", "mfa"], None), counts, Level::Two),
            (identity(&["pwd"], None), counts, Level::One),
            (identity(&["pwd"], Some("aal2")), counts, Level::Two),
            (identity(&[], Some("aal1")), counts, Level::One),
        ] {
            let (amr, found) = proof(&from, rule);
            assert_eq!(found, level, "{from:?}");
            assert_eq!(amr.contains(&"mfa".to_owned()), level > Level::One);
            assert_eq!(amr[0], FEDERATED);
        }
    }
}
