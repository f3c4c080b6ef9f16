//! The end of an account: planned by its owner, taken back by who holds its mail, and carried out when its time has come. What
//! was somebody's `sub` is never anybody's again (SE-17).

use super::{Recipient, mail, notice};
use crate::base::{Fault, Timestamp};
use crate::endpoints::{Provider, Signed, Visit, audit, audit_at};
use crate::identity::one_time::{self, OneTime, Purpose};
use crate::identity::sessions;
use crate::identity::users::{self, User, email_key};
use crate::notify::Letter;
use crate::oauth::Lang;
use crate::store::{audit as audits, outbox, users as people};

/// How many accounts are removed in one turn.
pub const REMOVED_AT_ONCE: u64 = 100;

/// Plans the end of the account and signs the person out of everything. Whoever calls has seen to it that their sign-in is
/// fresh.
///
/// # Errors
/// Storage, keys or chance failed, or the session ended in the meantime.
pub async fn plan(provider: &Provider, signed: &Signed, visit: &Visit) -> Result<(), Fault> {
    let Signed { session, user } = signed.clone();
    let at = visit.now.plus(provider.policy.accounts.deletion_seconds);
    let told = Recipient::of(&user, visit.lang).filter(|_| provider.post.is_on());
    let told = told.map(|to| {
        let mut errand = to.errand(Purpose::KeepAccount, String::new(), visit);
        errand.lifetime_seconds = provider.policy.accounts.deletion_seconds;
        mail(provider, &to, errand, visit.now, |cancel_link, _| Letter::DeletionPlanned { on: at, cancel_link })
    });
    let told = told.transpose()?;
    let mut record = audit_at("deletion_planned", user.id.as_str(), visit);
    record.user_id = Some(user.id.clone());
    let (id, now) = (provider.new_id()?, visit.now);
    provider
        .db
        .write(async move |tx| {
            users::hold(tx, &user.id).await?;
            sessions::still_open(tx, &session.id, now).await?;
            if people::set_deletion(tx, &user.id, Some(at)).await? {
                users::end_everything_known(tx, &user.id, now).await?;
                if let Some(told) = &told {
                    told.tell(tx, now).await?;
                }
                audits::write(tx, &id, &record).await?;
            }
            Ok(())
        })
        .await
}

/// An account whose end may be taken back.
pub struct Kept {
    row: OneTime,
    user: User,
}

impl Kept {
    pub fn address(&self) -> &str {
        &self.row.email
    }
}

/// What is behind a link. It consumes nothing.
///
/// # Errors
/// Storage failed.
pub async fn find_kept(provider: &Provider, token: &str, visit: &Visit) -> Result<Option<Kept>, Fault> {
    let mut conn = provider.db.conn();
    let Some(row) = one_time::find(&mut conn, Purpose::KeepAccount, token, visit.now).await? else { return Ok(None) };
    let Some(id) = &row.user_id else { return Ok(None) };
    let user = users::by_id(&mut conn, id).await?.filter(|user| {
        let key = user.email.as_deref().and_then(email_key);
        user.delete_at.is_some() && user.disabled_at.is_none() && key.as_deref() == Some(row.email_key.as_str())
    });
    Ok(user.map(|user| Kept { row, user }))
}

/// Takes the plan back; the person signs in as before. False if the link is not good any more.
///
/// # Errors
/// Storage or chance failed.
pub async fn keep(provider: &Provider, token: &str, visit: &Visit) -> Result<bool, Fault> {
    let Some(Kept { row, user }) = find_kept(provider, token, visit).await? else { return Ok(false) };
    let mut record = audit_at("deletion_cancelled", user.id.as_str(), visit);
    record.user_id = Some(user.id.clone());
    let (id, now) = (provider.new_id()?, visit.now);
    provider
        .db
        .write(async move |tx| {
            users::hold(tx, &user.id).await?;
            let done = one_time::consume(tx, &row, now).await? && people::set_deletion(tx, &user.id, None).await?;
            if done {
                audits::write(tx, &id, &record).await?;
            }
            Ok(done)
        })
        .await
}

/// Removes the accounts whose time has come: those whose owners wanted that, who hear of it, and those whose address nobody
/// proved. Says how many.
///
/// # Errors
/// Storage, keys or chance failed; what is left is done the next time.
pub async fn remove_due(provider: &Provider, now: Timestamp) -> Result<u64, Fault> {
    let due = people::due(&mut provider.db.conn(), now, REMOVED_AT_ONCE.cast_signed()).await?;
    let mut removed = 0;
    for user in due {
        removed += u64::from(remove(provider, user, now).await?);
    }
    Ok(removed)
}

async fn remove(provider: &Provider, user: User, now: Timestamp) -> Result<bool, Fault> {
    let is_wanted = user.delete_at.is_some_and(|at| at <= now);
    let to = Recipient::of(&user, Lang::En).filter(|_| is_wanted && provider.post.is_on());
    let told = to.map(|to| notice(provider, &to, Letter::AccountDeleted {}, now)).transpose()?;
    // Nothing in it leads to who it was.
    let mut record = audit("account_deleted", "house", now);
    record.detail = serde_json::json!({ "why": if is_wanted { "asked" } else { "never verified" } });
    let id = provider.new_id()?;
    provider
        .db
        .write(async move |tx| {
            let done = people::remove_due(tx, &user.id, now).await?;
            if done {
                if let Some(told) = &told {
                    outbox::enqueue(tx, told, now).await?;
                }
                audits::write(tx, &id, &record).await?;
            }
            Ok(done)
        })
        .await
}
