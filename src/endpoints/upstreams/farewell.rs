//! Signing out, both ways: here and at the provider that the person came from, or here because they signed out there
//! (OpenID Connect RP-Initiated Logout 1.0, OpenID Connect Back-Channel Logout 1.0 section 2.5).

use crate::base::{Fault, Id, Secret, Timestamp};
use crate::endpoints::{Provider, audit};
use crate::federation::{Parting, Trouble};
use crate::identity::sessions::{self, Session};
use crate::store::audit as audits;
use crate::store::upstream_sessions::{self, Elsewhere};

/// Where a browser goes to be signed out of the provider as well, if the operator wants that and the provider can do it. It comes
/// back with `state`.
///
/// # Errors
/// Storage or keys failed.
pub async fn sign_out_url(provider: &Provider, session: &Session, state: &Id, now: Timestamp) -> Result<Option<String>, Fault> {
    let Some(row) = upstream_sessions::find(&mut provider.db.conn(), &session.id).await? else { return Ok(None) };
    let Some(sealed) = &row.sealed_id_token else { return Ok(None) };
    let Some(connected) = provider.upstream(&row.upstream_id).await?.filter(|c| c.upstream.sign_out.is_on()) else {
        return Ok(None);
    };
    let place = format!("{} {}", row.issuer, row.subject);
    let token = provider.vault.open("upstream_sessions", "sealed_id_token", &place, sealed)?;
    let token = String::from_utf8(token).map_err(|_| Fault::corrupt("upstream_sessions", "sealed_id_token"))?;
    let parting =
        Parting { id_token: Secret::new(token), back: provider.issuer.join("/signed-out"), state: state.as_str().to_owned() };
    // A provider that does not answer keeps nobody signed in here.
    Ok(connected.sign_out(&parting, now).await.unwrap_or(None))
}

/// What became of a logout token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The sessions that it names, if any, are over.
    Done,
    /// It is none of this provider's for us.
    Refused,
    /// The provider's keys are not to be had.
    Later,
}

/// Ends the sessions here that began at a session there which is over, and lets the apps know.
///
/// # Errors
/// Storage or chance failed.
pub async fn heard(provider: &Provider, upstream: &str, token: &str, now: Timestamp) -> Result<Heard, Fault> {
    let Some(connected) = provider.upstream(upstream).await? else { return Ok(Heard::Refused) };
    let ended = match connected.heard(token, now).await {
        Ok(ended) => ended,
        Err(Trouble::Down(_)) => return Ok(Heard::Later),
        Err(_) => return Ok(Heard::Refused),
    };
    let issuer = connected.upstream.issuer.clone();
    let events = (provider.clock.clone(), provider.random.clone());
    provider
        .db
        .write(async move |tx| {
            let of = match (&ended.sid, &ended.subject) {
                (Some(sid), _) => Elsewhere::Session { issuer: &issuer, sid },
                (None, Some(subject)) => Elsewhere::Subject { issuer: &issuer, subject },
                (None, None) => return Ok(()),
            };
            for (session, user) in upstream_sessions::open(tx, of).await? {
                if sessions::end(tx, &session, now).await? {
                    let mut event = audit("session_revoked", "house", now);
                    event.user_id = Some(user);
                    audits::write(tx, &Id::new(&events.0, &events.1)?, &event).await?;
                }
            }
            Ok(())
        })
        .await?;
    Ok(Heard::Done)
}
