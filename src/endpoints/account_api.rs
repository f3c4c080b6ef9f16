//! The account API: what an app with the scope `account` may see and do for the person who allowed it.
//!
//! The token has to be made out to us (RFC 9068 section 4). Nothing of another person is ever found, and what is not a
//! standard claim (OpenID Connect Core section 5.1) is never set, nor what only the house may say: that a number or an
//! address is verified.

use std::net::IpAddr;

use serde_json::{Map, Value};

use super::account;
use super::passkeys::{self, Removed as PasskeyRemoved};
use super::second_factor::{self, By, Own, Removed};
use super::userinfo::{Bearer, access_token};
use super::{Account, ClientRef, ConnectedApp, FRESH_SECONDS, Provider, Refusal, audit, person};
use crate::base::{Fault, Id, Secret, Timestamp};
use crate::identity::factor::Level;
use crate::identity::sessions::{self, Session};
use crate::identity::users::{self, User};
use crate::oauth::scope::ACCOUNT;
use crate::oauth::{Error, ErrorCode, Lang, Problem, StandardClaims};
use crate::store::audit::{self as audits, AuditEvent};
use crate::store::grants;
use crate::store::passkeys::{self as stored_passkeys, Passkey};
use crate::tokens::profile_claims;

/// An app that acts for a person.
pub struct Caller {
    pub client: ClientRef,
    user: User,
    /// By what the app knows the person.
    sub: String,
    /// The session that the app's grant came from.
    session_id: Option<Id>,
    /// How and when the person signed in for the token.
    acr: Option<String>,
    auth_time: Option<Timestamp>,
    address: IpAddr,
    now: Timestamp,
}

/// Why nobody acts, and the app that is told, where it is known.
pub struct Denied {
    pub client: Option<ClientRef>,
    pub refusal: Refusal,
}

impl Denied {
    fn nobody(refusal: impl Into<Refusal>) -> Self {
        Self { client: None, refusal: refusal.into() }
    }
}

/// What became of a wish to change the profile.
pub enum Changed {
    Done(Map<String, Value>),
    Invalid(Vec<Problem>),
    /// Somebody else changed it at the same moment.
    Meanwhile,
}

/// One browser in which the person is signed in.
pub struct OwnSession {
    pub session: Session,
    /// Whether the app's grant came from it.
    pub current: bool,
}

impl Caller {
    /// Who presents this token.
    ///
    /// # Errors
    /// `invalid_token`, `insufficient_scope`, `invalid_request` (RFC 6750 section 3.1), or something broke.
    pub async fn of(provider: &Provider, bearer: &Bearer, address: IpAddr, now: Timestamp) -> Result<Self, Denied> {
        let token = access_token(provider, bearer, now).await.map_err(Denied::nobody)?;
        let client = provider.registry.client(&provider.db, &token.claims.client_id).await.map_err(Denied::nobody)?;
        let refuse = |code, why| Denied { client: client.clone(), refusal: Error::new(code, why).into() };
        let dead = || refuse(ErrorCode::InvalidToken, "the access token is unknown, expired or revoked");
        if !token.claims.aud.iter().any(|aud| aud == provider.issuer.as_str()) {
            return Err(refuse(ErrorCode::InvalidToken, "the token is not made out to this endpoint"));
        }
        if !token.claims.scope.contains(ACCOUNT) {
            return Err(refuse(ErrorCode::InsufficientScope, "the scope account is needed"));
        }
        let user = match &token.grant.user_id {
            Some(id) => users::by_id(&mut provider.db.conn(), id).await.map_err(Denied::nobody)?.filter(User::is_open),
            None => None,
        };
        match (user, client.clone()) {
            (Some(user), Some(client)) => {
                let sub = token.claims.sub.clone();
                let (acr, auth_time) = (token.claims.acr.clone(), token.claims.auth_time);
                Ok(Self { client, user, sub, session_id: token.grant.session_id, acr, auth_time, address, now })
            }
            _ => Err(dead()),
        }
    }

    /// What is known of the person: every standard claim.
    pub fn profile(&self) -> Map<String, Value> {
        profile_claims(&person(&self.user, &self.sub))
    }

    /// Sets the standard claims that are named, and takes away those that are null (RFC 7396).
    ///
    /// # Errors
    /// Storage or chance failed.
    pub async fn change_profile(&self, provider: &Provider, wish: Map<String, Value>) -> Result<Changed, Fault> {
        let names: Vec<String> = wish.keys().cloned().collect();
        let claims = match merged(self.user.claims.clone(), wish) {
            Ok(claims) => claims,
            Err(problems) => return Ok(Changed::Invalid(problems)),
        };
        let mut event = self.event("profile_changed");
        event.detail = serde_json::json!({ "claims": names });
        let (id, before, stored, now) = (provider.new_id()?, self.user.clone(), claims.clone(), self.now);
        let done = provider
            .db
            .write(async move |tx| {
                let done = users::change_claims(tx, &before, &stored, now).await?;
                if done {
                    audits::write(tx, &id, &event).await?;
                }
                Ok(done)
            })
            .await?;
        let user = User { claims, updated_at: self.now, ..self.user.clone() };
        Ok(if done { Changed::Done(profile_claims(&person(&user, &self.sub))) } else { Changed::Meanwhile })
    }

    /// Where the person is signed in, last used first.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn sessions(&self, provider: &Provider) -> Result<Vec<OwnSession>, Fault> {
        let sessions = Account::of_user(provider, &self.user.id, self.now).await?.sessions;
        let own = |session: Session| OwnSession { current: Some(&session.id) == self.session_id.as_ref(), session };
        Ok(sessions.into_iter().map(own).collect())
    }

    /// Ends one session of the person by its public id; false if there is none of theirs.
    ///
    /// # Errors
    /// Storage or chance failed.
    pub async fn end_session(&self, provider: &Provider, sid: &str) -> Result<bool, Fault> {
        let found = self.sessions(provider).await?.into_iter().find(|own| own.session.sid == sid);
        let Some(OwnSession { session, .. }) = found else { return Ok(false) };
        let mut event = self.event("session_ended");
        event.detail = serde_json::json!({ "sid": session.sid });
        let (id, now) = (provider.new_id()?, self.now);
        provider
            .db
            .write(async move |tx| {
                let ended = sessions::end(tx, &session.id, now).await?;
                if ended {
                    grants::revoke_for_session(tx, &session.id, now).await?;
                    audits::write(tx, &id, &event).await?;
                }
                Ok(ended)
            })
            .await
    }

    /// The apps that hold something of the person.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn apps(&self, provider: &Provider) -> Result<Vec<ConnectedApp>, Fault> {
        Ok(Account::of_user(provider, &self.user.id, self.now).await?.apps)
    }

    /// Takes back what the person allowed an app; false if it holds nothing of theirs.
    ///
    /// # Errors
    /// Storage or chance failed.
    pub async fn withdraw(&self, provider: &Provider, client_id: &str) -> Result<bool, Fault> {
        account::withdraw(provider, &self.user.id, client_id, self.event("consent_withdrawn")).await
    }

    /// What the person has beside their first proof.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn factors(&self, provider: &Provider) -> Result<Own, Fault> {
        Own::of(provider, &self.user).await
    }

    /// Whether the token comes from a sign-in of the last minutes with all that the person has: without it nothing changes that
    /// their account is proved by (RFC 9470).
    ///
    /// # Errors
    /// Storage failed.
    pub async fn is_fresh(&self, provider: &Provider) -> Result<bool, Fault> {
        let is_late = self.auth_time.is_none_or(|at| self.now.since(at) >= FRESH_SECONDS);
        let has_both = self.acr.as_deref().and_then(Level::parse).is_some_and(|level| level >= Level::Two);
        Ok(!is_late && (has_both || !self.factors(provider).await?.has_any()))
    }

    /// Takes a factor away.
    ///
    /// # Errors
    /// Storage or chance failed.
    pub async fn remove_factor(&self, provider: &Provider, id: &str) -> Result<Removed, Fault> {
        let by = By { user: &self.user, event: self.event("factor_removed"), session: self.session_id.as_ref(), lang: Lang::En };
        second_factor::remove_by(provider, by, &Id::from_stored(id), self.now).await
    }

    /// Makes new recovery codes; nothing for who may have none.
    ///
    /// # Errors
    /// Storage or chance failed.
    pub async fn make_codes(&self, provider: &Provider) -> Result<Option<Vec<Secret<String>>>, Fault> {
        let event = self.event("recovery_codes_made");
        let by = By { user: &self.user, event, session: self.session_id.as_ref(), lang: Lang::En };
        second_factor::make_codes_by(provider, by, self.now).await
    }

    /// The passkeys of the person, last used first.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn passkeys(&self, provider: &Provider) -> Result<Vec<Passkey>, Fault> {
        stored_passkeys::list(&mut provider.db.conn(), &self.user.id).await
    }

    /// Removes a passkey of the person, unless it is their last way in.
    ///
    /// # Errors
    /// Storage or chance failed.
    pub async fn remove_passkey(&self, provider: &Provider, passkey: &str) -> Result<PasskeyRemoved, Fault> {
        let by = passkeys::By { record: self.event(passkeys::REMOVED), session: self.session_id.clone(), lang: Lang::En };
        passkeys::take_away(provider, &self.user, passkey, by).await
    }

    /// The app is who acts.
    fn event(&self, kind: &str) -> AuditEvent {
        let client_id = self.client.client.client_id.clone();
        let mut event = audit(kind, client_id.as_str(), self.now);
        event.user_id = Some(self.user.id.clone());
        event.client_id = Some(client_id);
        event.address = Some(self.address.to_string());
        event
    }
}

/// The claims after a wish. Whether a number was verified the house says, and never of another number.
fn merged(mut claims: Map<String, Value>, wish: Map<String, Value>) -> Result<Map<String, Value>, Vec<Problem>> {
    const VERIFIED: &str = "phone_number_verified";
    let own = |why: &str| vec![Problem { field: VERIFIED, why: why.to_owned() }];
    if wish.contains_key(VERIFIED) {
        return Err(own("is not for an app to say"));
    }
    let named: Map<String, Value> = wish.iter().filter(|(_, value)| !value.is_null()).map(clone_pair).collect();
    // A name that is not known is no less wrong for being taken away.
    let taken = wish.iter().filter(|(_, value)| value.is_null()).map(|(name, _)| name);
    let unknown: Vec<Problem> = taken.filter(|name| !StandardClaims::knows(name)).map(|name| unknown(name)).collect();
    let mut problems = StandardClaims::check(named).err().unwrap_or_default();
    problems.extend(unknown);
    if !problems.is_empty() {
        return Err(problems);
    }
    if wish.get("phone_number").is_some_and(|number| claims.get("phone_number") != Some(number)) {
        claims.remove(VERIFIED);
    }
    for (name, value) in wish {
        if value.is_null() {
            claims.remove(&name);
        } else {
            claims.insert(name, value);
        }
    }
    Ok(claims)
}

fn clone_pair((name, value): (&String, &Value)) -> (String, Value) {
    (name.clone(), value.clone())
}

fn unknown(name: &str) -> Problem {
    Problem { field: "claims", why: format!("{name:?} is not a standard claim that can be set here") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    /// AD-02: nothing but standard claims is set, and a number that changes is not verified any more.
    #[test]
    fn merging() {
        let before = object(json!({ "name": "Ana", "phone_number": "+43123456", "phone_number_verified": true }));
        for (wish, after) in [
            (json!({}), Some(json!({ "name": "Ana", "phone_number": "+43123456", "phone_number_verified": true }))),
            (json!({ "name": null }), Some(json!({ "phone_number": "+43123456", "phone_number_verified": true }))),
            (json!({ "phone_number": "+43654321" }), Some(json!({ "name": "Ana", "phone_number": "+43654321" }))),
            (json!({ "phone_number": null }), Some(json!({ "name": "Ana" }))),
            (
                json!({ "phone_number": "+43123456", "name": "A" }),
                Some(json!({ "name": "A", "phone_number": "+43123456", "phone_number_verified": true })),
            ),
            (json!({ "phone_number_verified": true }), None),
            (json!({ "phone_number_verified": null }), None),
            (json!({ "email": "a@b.test" }), None),
            (json!({ "email_verified": true }), None),
            (json!({ "sub": null }), None),
            (json!({ "roles": null }), None),
            (json!({ "name": 1 }), None),
        ] {
            assert_eq!(merged(before.clone(), object(wish.clone())).ok(), after.map(object), "{wish}");
        }
    }
}
