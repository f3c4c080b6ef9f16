//! "That wasn't me": whoever holds the mail about a sign-in ends it, with everything else that is open, and chooses another
//! password.

use super::recover::unsent;
use super::verify::owner;
use crate::base::Fault;
use crate::endpoints::{Provider, Visit, audit_at};
use crate::identity::one_time::{self, LinkToken, OneTime, Purpose};
use crate::identity::users::{self, User};
use crate::store::audit as audits;

/// A sign-in that somebody does not own up to.
pub struct Disowned {
    row: OneTime,
    user: User,
}

impl Disowned {
    /// Whose account it is.
    pub fn address(&self) -> &str {
        &self.row.email
    }
}

/// What is behind a link. It consumes nothing.
///
/// # Errors
/// Storage failed.
pub async fn find(provider: &Provider, token: &str, visit: &Visit) -> Result<Option<Disowned>, Fault> {
    let row = one_time::find(&mut provider.db.conn(), Purpose::NotMe, token, visit.now).await?;
    let Some(row) = row else { return Ok(None) };
    Ok(owner(provider, &row).await?.map(|user| Disowned { row, user }))
}

/// Ends that session and every other of the person, what apps hold of them, and the standing of their browsers. The link leads
/// to another password; until then the old one stays.
///
/// # Errors
/// Storage, keys or chance failed.
pub async fn disown(provider: &Provider, token: &str, visit: &Visit) -> Result<Option<LinkToken>, Fault> {
    let Some(Disowned { row, user }) = find(provider, token, visit).await? else { return Ok(None) };
    let reset = unsent(provider, &row, visit)?;
    let link = reset.token.clone();
    let mut record = audit_at("sign_in_disowned", user.id.as_str(), visit);
    record.user_id = Some(user.id.clone());
    let (id, now) = (provider.new_id()?, visit.now);
    let done = provider
        .db
        .write(async move |tx| {
            users::hold(tx, &user.id).await?;
            if !one_time::consume(tx, &row, now).await? {
                return Ok(false);
            }
            // Whoever came in may have left themselves a way back, or a lock.
            users::remove_added_since(tx, &user.id, row.created_at).await?;
            if user.address_proved_here {
                users::end_everything_known(tx, &user.id, now).await?;
            } else {
                // Who had the account before is anybody.
                users::forget_attached(tx, &user, now).await?;
            }
            reset.store(tx).await?;
            audits::write(tx, &id, &record).await?;
            Ok(true)
        })
        .await?;
    Ok(done.then_some(link))
}
