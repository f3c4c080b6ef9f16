//! Signing out, both ways: here and at the provider that the person came from, or here because they signed out there
//! (OpenID Connect RP-Initiated Logout 1.0, OpenID Connect Back-Channel Logout 1.0 section 2.5).

use std::sync::Arc;

use super::Connected;
use crate::base::{Fault, Id, Secret, Timestamp, sha256_base64url};
use crate::endpoints::{Provider, audit};
use crate::federation::Parting;
use crate::identity::sessions::{self, Session};
use crate::store::upstream_sessions::{self, Elsewhere, UpstreamSession};
use crate::store::{audit as audits, tokens};

/// A session there that may be ended with the one here.
pub(in crate::endpoints) struct Leaving {
    connected: Arc<Connected>,
    id_token: Option<Secret<String>>,
}

/// What there is to end at the provider that a session came from, if the operator wants that. An ID token that cannot be opened any more is
/// as good as none.
///
/// # Errors
/// Storage failed.
pub(in crate::endpoints) async fn leaving(provider: &Provider, session: &Session) -> Result<Option<Leaving>, Fault> {
    let Some(row) = upstream_sessions::find(&mut provider.db.conn(), &session.id).await? else { return Ok(None) };
    let connected = provider.upstream(&row.upstream_id).await?.filter(|connected| connected.upstream.sign_out.is_on());
    Ok(connected.map(|connected| Leaving { connected, id_token: opened(provider, &row) }))
}

fn opened(provider: &Provider, row: &UpstreamSession) -> Option<Secret<String>> {
    let sealed = row.sealed_id_token.as_ref()?;
    let place = format!("{} {}", row.issuer, row.subject);
    let opened = provider.vault.open("upstream_sessions", "sealed_id_token", &place, sealed);
    let opened = opened.inspect_err(|fault| tracing::error!(%fault, "the ID token of a session elsewhere cannot be opened"));
    String::from_utf8(opened.ok()?).ok().map(Secret::new)
}

impl Leaving {
    /// Where the browser goes to be signed out there as well, if the provider can do it. It comes back with `state`.
    pub(in crate::endpoints) async fn url(self, provider: &Provider, state: &Id, now: Timestamp) -> Option<String> {
        let back = provider.issuer.join("/signed-out");
        let parting = Parting { id_token: self.id_token, back, state: state.as_str().to_owned() };
        self.connected.sign_out(&parting, now).await
    }
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
        Err(trouble) if trouble.is_down() => return Ok(Heard::Later),
        Err(_) => return Ok(Heard::Refused),
    };
    let issuer = connected.upstream.issuer.clone();
    let events = (provider.clock.clone(), provider.random.clone());
    let is_first = provider.db.write(async move |tx| {
        // Section 2.6: once, or an old word would end sessions that began after it. Not the same as an assertion of a client.
        let name = sha256_base64url(&format!("logout token {}", ended.jti));
        if !tokens::use_jti(tx, &issuer, &name, ended.over_at).await? {
            return Ok(false);
        }
        let of = match (&ended.sid, &ended.subject) {
            (Some(sid), _) => Elsewhere::Session { issuer: &issuer, sid },
            (None, Some(subject)) => Elsewhere::Subject { issuer: &issuer, subject },
            (None, None) => return Ok(true),
        };
        for (session, user) in upstream_sessions::open(tx, of).await? {
            if sessions::end(tx, &session, now).await? {
                let mut event = audit("session_revoked", "house", now);
                event.user_id = Some(user);
                audits::write(tx, &Id::new(&events.0, &events.1)?, &event).await?;
            }
        }
        Ok(true)
    });
    Ok(if is_first.await? { Heard::Done } else { Heard::Refused })
}
