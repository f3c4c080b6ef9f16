//! By what a client knows a person: the one place where a `sub` is made for somebody outside (OpenID Connect Core section 8).

use std::borrow::Cow;

use super::Provider;
use crate::base::Fault;
use crate::identity::users::User;
use crate::oauth::{Client, SubjectType};
use crate::tokens::Hint;

impl Provider {
    /// The `sub` of a person for a client: the same for all, or for a pairwise client one of its sector.
    ///
    /// # Errors
    /// The client is pairwise and has no sector, which no registration lets through.
    pub(crate) fn subject<'a>(&self, client: &Client, user: &'a User) -> Result<Cow<'a, str>, Fault> {
        self.subject_of(client, &user.sub)
    }

    /// The same by the `sub` that the house has for the person.
    ///
    /// # Errors
    /// As [`Self::subject`].
    pub(crate) fn subject_of<'a>(&self, client: &Client, sub: &'a str) -> Result<Cow<'a, str>, Fault> {
        if client.more.subject_type != Some(SubjectType::Pairwise) {
            return Ok(Cow::Borrowed(sub));
        }
        let sector = client.sector().ok_or_else(|| Fault::corrupt("clients", "definition"))?;
        Ok(Cow::Owned(self.pairwise.subject(&sector, sub)))
    }

    /// Whether an ID token that comes back as a hint names this person: in the words of the client that got it.
    ///
    /// # Errors
    /// Storage failed.
    pub(crate) async fn is_named(&self, hint: &Hint, user: &User) -> Result<bool, Fault> {
        match self.registry.client(&self.db, &hint.aud).await? {
            Some(client) => Ok(self.subject(&client.client, user)? == hint.sub),
            None => Ok(false),
        }
    }
}
