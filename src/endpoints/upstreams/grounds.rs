//! What a sign-in by a provider rests on: an identity that is somebody's, or that makes an account. It is looked at again, and
//! written, in the transaction that begins the session.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::base::{Fault, Id, Secret, Timestamp};
use crate::endpoints::second_factor::Means;
use crate::endpoints::{Provider, Visit};
use crate::federation::{Upstream, UpstreamIdentity};
use crate::identity::linking::{self, Identity, SecondFactor};
use crate::identity::one_time::{self, OneTime};
use crate::identity::users::{self, NewUser, User};
use crate::store::audit::{self as audits, AuditEvent};
use crate::store::upstream_sessions::{self, UpstreamSession};
use crate::store::{Tx, upstream_attempts};

/// The grounds of one sign-in.
pub struct Grounds {
    identity: Identity,
    act: Act,
    means: Means,
    origin: Origin,
}

/// Where a session came from: kept with it, so that the provider can end it, and be told of its end.
#[derive(Clone, Serialize, Deserialize)]
pub(in crate::endpoints) struct Origin {
    upstream_id: String,
    issuer: String,
    subject: String,
    sid: Option<String>,
    sealed_id_token: Option<String>,
    /// The profile there, if it is to be taken over: not before the sign-in is complete.
    #[serde(default)]
    profile: Option<Map<String, Value>>,
    /// When they proved themselves there, or here by a mail, if anybody says so.
    #[serde(default)]
    proved_at: Option<Timestamp>,
}

/// What the transaction does with the identity.
pub(super) enum Act {
    /// It is this person's.
    ComeBy {
        user: Box<User>,
        /// The address of the person, in the form in which it is compared, if the provider proves it as well as a mail of ours would.
        proves: Option<String>,
    },
    /// It makes an account.
    Register { new: Box<NewUser>, event: Box<(Id, AuditEvent)>, proved: Option<Box<Proved>> },
}

/// What proved the address, where the provider did not: used up with the account.
pub(super) struct Proved {
    pub mail: OneTime,
    pub arrival: Id,
}

impl Grounds {
    /// # Errors
    /// The ID token cannot be sealed.
    pub(super) fn new(
        provider: &Provider,
        (identity, act, proved_at): (Identity, Act, Option<Timestamp>),
        from: &UpstreamIdentity,
        upstream: &Upstream,
    ) -> Result<Self, Fault> {
        let counts = match upstream.second_factor.is_on() {
            true => SecondFactor::Counts { acr: &upstream.second_factor_acr },
            false => SecondFactor::Ignored,
        };
        let (amr, level) = linking::proof(from, counts);
        // Sealed for the identity: the session that it will belong to has no id yet.
        let place = format!("{} {}", identity.issuer, identity.subject);
        let seal = |token: &Secret<String>| {
            provider.vault.seal("upstream_sessions", "sealed_id_token", &place, token.expose().as_bytes())
        };
        let sealed_id_token = from.id_token.as_ref().map(seal).transpose()?;
        let is_refreshed = upstream.refresh.is_on() && matches!(act, Act::ComeBy { .. });
        let origin = Origin {
            upstream_id: identity.upstream_id.clone(),
            issuer: identity.issuer.clone(),
            subject: identity.subject.clone(),
            sid: from.sid.clone(),
            sealed_id_token,
            profile: is_refreshed.then(|| from.claims.clone()),
            proved_at,
        };
        Ok(Self { identity, act, means: Means { amr, level }, origin })
    }

    /// False if the identity is not what it was, or somebody was faster.
    pub(in crate::endpoints) async fn take(&self, tx: &mut Tx, visit: &Visit) -> Result<bool, Fault> {
        let now = visit.now;
        match &self.act {
            Act::ComeBy { user, proves } => {
                if !linking::come_by(tx, &self.identity, now).await? {
                    return Ok(false);
                }
                if let Some(key) = proves {
                    users::verified(tx, user, key, now).await?;
                }
                Ok(true)
            }
            Act::Register { new, event, proved } => {
                if let Some(Proved { mail, arrival }) = proved.as_deref()
                    && !(one_time::consume(tx, mail, now).await? && upstream_attempts::consume_arrival(tx, arrival, now).await?)
                {
                    return Ok(false);
                }
                if !linking::register(tx, new, &self.identity, now).await? {
                    return Ok(false);
                }
                audits::write(tx, &event.0, &event.1).await?;
                Ok(true)
            }
        }
    }

    /// How the person proved themselves there, as far as it counts here.
    pub(super) const fn means(&self) -> &Means {
        &self.means
    }

    pub(in crate::endpoints) const fn origin(&self) -> &Origin {
        &self.origin
    }
}

impl Origin {
    /// When the person proved themselves, as far as anybody says: many are sent back who were signed in there for long.
    pub(in crate::endpoints) const fn proved_at(&self) -> Option<Timestamp> {
        self.proved_at
    }

    /// Whether that is still an account of this person.
    pub(in crate::endpoints) async fn stands(&self, tx: &mut Tx, user: &Id) -> Result<bool, Fault> {
        linking::is_of(tx, user, (&self.issuer, &self.subject)).await
    }

    /// The session begins that came from there: notes that, and takes the profile over.
    pub(in crate::endpoints) async fn note(&self, tx: &mut Tx, session: &Id, user: &User, now: Timestamp) -> Result<(), Fault> {
        if let Some(profile) = &self.profile {
            linking::refresh(tx, user, profile, now).await?;
        }
        let row = UpstreamSession {
            session_id: session.clone(),
            upstream_id: self.upstream_id.clone(),
            issuer: self.issuer.clone(),
            subject: self.subject.clone(),
            sid: self.sid.clone(),
            sealed_id_token: self.sealed_id_token.clone(),
        };
        upstream_sessions::put(tx, &row).await
    }
}
