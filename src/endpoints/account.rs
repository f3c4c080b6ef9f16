//! The account page: who am I, where am I signed in, which apps may see what of me.

use super::farewell::{self, Parting};
use super::logout::Farewell;
use super::{Provider, Signed, Visit, audit_at};
use crate::base::{Fault, Id, Timestamp};
use crate::identity::consent;
use crate::identity::sessions::{self, Session};
use crate::oauth::Scope;
use crate::store::audit::{self as audits, AuditEvent};
use crate::store::{farewells, grants};

/// What the account page shows.
pub struct Account {
    pub sessions: Vec<Session>,
    pub apps: Vec<ConnectedApp>,
}

/// An app that holds something of a person.
pub struct ConnectedApp {
    pub client_id: String,
    pub name: String,
    /// The digest of its logo.
    pub logo: Option<String>,
    pub scope: Scope,
    pub since: Timestamp,
}

impl Account {
    /// # Errors
    /// Storage failed.
    pub async fn of(provider: &Provider, signed: &Signed, visit: &Visit) -> Result<Self, Fault> {
        Self::of_user(provider, &signed.user.id, visit.now).await
    }

    /// The same for who does not sit at a browser of ours.
    pub(super) async fn of_user(provider: &Provider, user: &Id, now: Timestamp) -> Result<Self, Fault> {
        let mut conn = provider.db.conn();
        let sessions = sessions::list_for_user(&mut conn, user, provider.policy.session_idle_seconds, now).await?;
        let consents = consent::list_for_user(&mut conn, user).await?;
        let mut apps = Vec::new();
        for (client_id, since) in grants::clients_of_user(&mut conn, user, now).await? {
            let client = provider.registry.client(&provider.db, &client_id).await?;
            let name = client.as_ref().map_or_else(|| client_id.clone(), |c| c.client.name.clone());
            let logo = client.and_then(|c| c.client.logo.clone());
            let scope = consents.iter().find(|(id, _)| *id == client_id).map(|(_, c)| c.scope().clone()).unwrap_or_default();
            apps.push(ConnectedApp { client_id, name, logo, scope, since });
        }
        Ok(Self { sessions, apps })
    }

    /// Ends one session of this person; false if there is none of theirs with this public id.
    ///
    /// # Errors
    /// Storage or chance failed.
    pub async fn end_session(provider: &Provider, signed: &Signed, sid: &str, visit: &Visit) -> Result<bool, Fault> {
        let account = Self::of(provider, signed, visit).await?;
        let Some(session) = account.sessions.into_iter().find(|session| session.sid == sid) else { return Ok(false) };
        end(provider, signed, (vec![session.id], "session_ended", None), visit).await?;
        Ok(true)
    }

    /// Signs the person out of every browser, this one included, and says where this one goes then.
    ///
    /// # Errors
    /// Storage or chance failed.
    pub async fn end_all(provider: &Provider, signed: &Signed, visit: &Visit) -> Result<Parting, Fault> {
        let mut sessions = Self::of(provider, signed, visit).await?.sessions;
        // This browser's own comes first: its apps are told by the browser as well.
        sessions.sort_by_key(|session| session.id != signed.session.id);
        let all = sessions.iter().map(|session| session.id.clone()).collect();
        let (parting, row) = farewell::prepare(provider, sessions, &Farewell::default(), visit).await?;
        end(provider, signed, (all, "signed_out_everywhere", row), visit).await?;
        Ok(parting)
    }

    /// Takes back what this person allowed a client: consent, grants and every token of theirs; false if it holds nothing.
    ///
    /// # Errors
    /// Storage or chance failed.
    pub async fn withdraw(provider: &Provider, signed: &Signed, client_id: &str, visit: &Visit) -> Result<bool, Fault> {
        let event = audit_at("consent_withdrawn", signed.user.id.as_str(), visit);
        withdraw(provider, &signed.user.id, client_id, event).await
    }

    /// Takes back what this person allowed every client; false if none holds anything.
    ///
    /// # Errors
    /// Storage or chance failed.
    pub async fn withdraw_all(provider: &Provider, signed: &Signed, visit: &Visit) -> Result<bool, Fault> {
        let account = Self::of(provider, signed, visit).await?;
        if account.apps.is_empty() {
            return Ok(false);
        }
        let mut event = audit_at("consents_withdrawn", signed.user.id.as_str(), visit);
        event.user_id = Some(signed.user.id.clone());
        let (id, user, now) = (provider.new_id()?, signed.user.id.clone(), visit.now);
        provider
            .db
            .write(async move |tx| {
                consent::withdraw_all(tx, &user, now).await?;
                audits::write(tx, &id, &event).await
            })
            .await?;
        Ok(true)
    }
}

/// Takes back what a person allowed a client, with `event` saying who did it; false if it holds nothing.
///
/// # Errors
/// Storage or chance failed.
pub(super) async fn withdraw(provider: &Provider, user: &Id, client_id: &str, mut event: AuditEvent) -> Result<bool, Fault> {
    let now = event.at;
    if !Account::of_user(provider, user, now).await?.apps.iter().any(|app| app.client_id == client_id) {
        return Ok(false);
    }
    event.user_id = Some(user.clone());
    event.client_id = Some(client_id.to_owned());
    let (id, user, client_id) = (provider.new_id()?, user.clone(), client_id.to_owned());
    provider
        .db
        .write(async move |tx| {
            consent::withdraw(tx, &user, &client_id, now).await?;
            audits::write(tx, &id, &event).await
        })
        .await?;
    Ok(true)
}

/// Sessions that end in one act, its name in the audit log, and the page that the browser sees then.
type Ending = (Vec<Id>, &'static str, Option<farewells::Farewell>);

async fn end(provider: &Provider, signed: &Signed, (ids, kind, row): Ending, visit: &Visit) -> Result<(), Fault> {
    let mut event = audit_at(kind, signed.user.id.as_str(), visit);
    event.user_id = Some(signed.user.id.clone());
    let (id, now) = (provider.new_id()?, visit.now);
    provider
        .db
        .write(async move |tx| {
            for session in &ids {
                sessions::end(tx, session, now).await?;
            }
            farewell::keep(tx, row.as_ref()).await?;
            audits::write(tx, &id, &event).await
        })
        .await
}
