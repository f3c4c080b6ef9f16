//! What a person allowed a client before, so that they are asked again only for more (decision 13).
//!
//! Whether a client's consents count at all is decided by `endpoints::authorize`.

use crate::base::{Fault, Id, Timestamp};
use crate::oauth::{ClaimsRequest, Scope, claims_for_scope};
use crate::store::consents::{self, Remembered};
use crate::store::{Conn, Tx, grants};

/// Claims about the sign-in itself: they tell nothing of the person and are not asked about.
const NOT_PERSONAL: [&str; 5] = ["sub", "acr", "amr", "auth_time", "sid"];

/// A set of scope tokens and of claims that were asked for one by one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Consent {
    scope: Scope,
    claims: Vec<String>,
    resources: Vec<String>,
}

impl Consent {
    /// What a person allows who allows this scope, these claims and these resources.
    pub fn of(scope: &Scope, claims: Option<&ClaimsRequest>, resources: &[String]) -> Self {
        let mut consent = Self { scope: scope.clone(), claims: Vec::new(), resources: resources.to_vec() };
        for name in personal(claims) {
            if !consent.has_claim(name) {
                consent.claims.push(name.to_owned());
            }
        }
        consent
    }

    /// Whether this scope, these claims and these resources were allowed already.
    pub fn covers(&self, scope: &Scope, claims: Option<&ClaimsRequest>, resources: &[String]) -> bool {
        scope.is_subset(&self.scope)
            && personal(claims).all(|name| self.has_claim(name))
            && resources.iter().all(|uri| self.resources.contains(uri))
    }

    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The claims beyond those of the scope.
    pub fn claims(&self) -> impl Iterator<Item = &str> {
        self.claims.iter().map(String::as_str)
    }

    fn has_claim(&self, name: &str) -> bool {
        self.claims().any(|own| own == name) || claims_for_scope(&self.scope).contains(&name)
    }

    fn and(&self, more: &Self) -> Self {
        let mut both = Self { scope: self.scope.union(&more.scope), claims: Vec::new(), resources: self.resources.clone() };
        both.resources.extend(more.resources.iter().filter(|uri| !self.resources.contains(uri)).cloned());
        for name in self.claims().chain(more.claims()) {
            if !both.has_claim(name) {
                both.claims.push(name.to_owned());
            }
        }
        both
    }
}

fn personal(claims: Option<&ClaimsRequest>) -> impl Iterator<Item = &str> {
    let names = claims.into_iter().flat_map(|claims| claims.userinfo().chain(claims.id_token()));
    names.map(|(name, _)| name).filter(|name| !NOT_PERSONAL.contains(name))
}

impl From<Remembered> for Consent {
    fn from(stored: Remembered) -> Self {
        Self { scope: stored.scope, claims: stored.claims, resources: stored.resources }
    }
}

/// What `user` allowed `client_id`.
///
/// # Errors
/// Storage failed.
pub async fn find(conn: &mut Conn, user: &Id, client_id: &str) -> Result<Option<Consent>, Fault> {
    Ok(consents::find(conn, user, client_id).await?.map(Consent::from))
}

/// What `user` allowed to each client, by client id.
///
/// # Errors
/// Storage failed.
pub async fn list_for_user(conn: &mut Conn, user: &Id) -> Result<Vec<(String, Consent)>, Fault> {
    let stored = consents::list_for_user(conn, user).await?;
    Ok(stored.into_iter().map(|consent| (consent.client_id.clone(), consent.into())).collect())
}

/// Adds to what was allowed before.
///
/// # Errors
/// Storage failed.
pub async fn remember(tx: &mut Tx, user: &Id, client_id: &str, consent: &Consent, now: Timestamp) -> Result<(), Fault> {
    let before = consents::find_to_change(tx, user, client_id).await?.map(Consent::from).unwrap_or_default();
    let Consent { scope, claims, resources } = before.and(consent);
    consents::put(tx, user, &Remembered { client_id: client_id.to_owned(), scope, claims, resources }, now).await
}

/// Takes everything back: the consent, the grants and with them every token. Says how many grants that ended.
///
/// # Errors
/// Storage failed.
pub async fn withdraw(tx: &mut Tx, user: &Id, client_id: &str, now: Timestamp) -> Result<u64, Fault> {
    consents::remove(tx, user, client_id).await?;
    grants::revoke_for_user_client(tx, user, client_id, now).await
}

/// Takes back what was allowed to every client. Says how many grants that ended.
///
/// # Errors
/// Storage failed.
pub async fn withdraw_all(tx: &mut Tx, user: &Id, now: Timestamp) -> Result<u64, Fault> {
    consents::forget_for_user(tx, user).await?;
    grants::revoke_for_user(tx, user, now).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(text: &str) -> Scope {
        Scope::parse(text).unwrap()
    }

    /// Protects a person from handing out more than they saw: scope and single claims are both compared.
    #[test]
    fn covers() {
        let nickname = ClaimsRequest::parse(r#"{"userinfo":{"nickname":null}}"#).unwrap();
        let technical = ClaimsRequest::parse(r#"{"id_token":{"acr":null,"auth_time":{"essential":true},"sub":null}}"#).unwrap();
        let plain = Consent::of(&scope("openid email"), None, &[]);
        let with_claim = Consent::of(&scope("openid email"), Some(&nickname), &[]);
        for (before, asked, claims, covered) in [
            (&plain, "openid email", None, true),
            (&plain, "email", None, true),
            (&plain, "", None, true),
            (&plain, "openid profile", None, false),
            (&plain, "openid", Some(&nickname), false),
            (&plain, "openid", Some(&technical), true),
            (&with_claim, "openid", Some(&nickname), true),
            (&with_claim, "openid profile", Some(&nickname), false),
            (&Consent::of(&scope("profile"), None, &[]), "profile", Some(&nickname), true),
            (&Consent::default(), "openid", None, false),
        ] {
            assert_eq!(before.covers(&scope(asked), claims, &[]), covered, "{asked}");
        }
        let both = with_claim.and(&Consent::of(&scope("profile"), None, &[]));
        assert_eq!(both, Consent::of(&scope("openid email profile"), None, &[]), "the scope has the claim now");
        let files = ["https://files.test".to_owned()];
        assert!(!both.covers(&scope("openid"), None, &files), "another resource is another question (RFC 8707)");
        assert!(both.and(&Consent::of(&scope("openid"), None, &files)).covers(&scope("email"), None, &files));
    }
}
