//! Sessions: where a person is signed in, and ending that.

pub use crate::store::sessions::Session;

use super::{Desk, Refusal, users};
use crate::base::Fault;
use crate::identity::sessions as living;
use crate::store::{audit, sessions};

/// The sessions of one person (by id, `sub` or address) that were not ended and have not run out.
///
/// # Errors
/// There is no such person, or storage failed.
pub async fn list(desk: &Desk, who: &str) -> Result<Vec<Session>, Refusal> {
    let user = users::find(desk, who).await?;
    let mut found = sessions::list_for_user(&mut desk.db.conn(), &user.id).await?;
    let now = desk.now();
    found.retain(|session| now < session.expires_at);
    Ok(found)
}

/// Ends one session by its public id, and what was not meant to outlive it.
///
/// # Errors
/// There is none, or something broke.
pub async fn revoke(desk: &Desk, sid: &str) -> Result<(), Refusal> {
    let found = sessions::by_sid(&mut desk.db.conn(), sid).await?;
    let Some(session) = found else { return Err(Refusal::NotFound(format!("session {sid:?}"))) };
    end(desk, &[session]).await?;
    Ok(())
}

/// Ends every session of one person; says how many there were.
///
/// # Errors
/// There is no such person, or something broke.
pub async fn revoke_all(desk: &Desk, who: &str) -> Result<usize, Refusal> {
    let found = list(desk, who).await?;
    end(desk, &found).await?;
    Ok(found.len())
}

async fn end(desk: &Desk, found: &[Session]) -> Result<(), Fault> {
    let mut acts = Vec::new();
    for session in found {
        let (id, mut event) = desk.event("session_revoked")?;
        event.user_id = Some(session.user_id.clone());
        event.detail = serde_json::json!({ "sid": session.sid });
        acts.push((session.id.clone(), id, event));
    }
    let now = desk.now();
    let ended = desk.db.write(async move |tx| {
        for (session, id, event) in &acts {
            if living::end(tx, session, now).await? {
                audit::write(tx, id, event).await?;
            }
        }
        Ok(())
    });
    ended.await
}
