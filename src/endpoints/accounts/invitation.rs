//! Accepting an invitation: whoever holds its link holds the mail of the address, so that the account is theirs at once.

use serde_json::{Map, Value};

use super::SignUpMode;
use super::sign_up::{Refused, name_of};
use crate::base::{Fault, Id, Secret, public_id};
use crate::endpoints::second_factor::Means;
use crate::endpoints::sign_in::{Entry, Proof, SignedIn, Stay, establish};
use crate::endpoints::{Provider, Visit, audit_at, interaction};
use crate::identity::one_time::{self, Invited, OneTime, Purpose};
use crate::identity::passwords::Unhashed;
use crate::identity::policy::About;
use crate::identity::users::{self, Created, NewUser, User};
use crate::store::audit::{self as audits, AuditEvent};
use crate::store::{Tx, passwords};

/// What is behind the link of an invitation.
pub struct Invitation {
    row: OneTime,
    invited: Invited,
}

impl Invitation {
    /// The address of the account to be.
    pub fn address(&self) -> &str {
        &self.row.email
    }

    /// The name that the operator gave, to begin with.
    pub fn name(&self) -> Option<&str> {
        self.invited.name.as_deref()
    }
}

/// What became of an invitation.
pub enum Accepted {
    In(Box<SignedIn>),
    Refused(Refused),
    /// The link was used or is too old, or somebody has the address by now.
    Gone,
    /// Too many hashes are waiting.
    Busy,
}

/// A new account with what it begins with, and the invitation that it uses up.
pub struct NewAccount {
    row: OneTime,
    user: NewUser,
    phc: String,
    event: (Id, AuditEvent),
}

impl NewAccount {
    /// False if the invitation was used, or somebody has the address.
    pub(in crate::endpoints) async fn make(&self, tx: &mut Tx, visit: &Visit) -> Result<bool, Fault> {
        let now = visit.now;
        if !one_time::consume(tx, &self.row, now).await? || users::create(tx, &self.user, now).await? != Created::Done {
            return Ok(false);
        }
        passwords::put(tx, &self.user.id, &self.phc, now).await?;
        audits::write(tx, &self.event.0, &self.event.1).await?;
        Ok(true)
    }
}

/// What a link invites to. It consumes nothing.
///
/// # Errors
/// Storage failed.
pub async fn find(provider: &Provider, token: &str, visit: &Visit) -> Result<Option<Invitation>, Fault> {
    if provider.policy.accounts.sign_up == SignUpMode::Off {
        return Ok(None);
    }
    let mut conn = provider.db.conn();
    let Some(row) = one_time::find(&mut conn, Purpose::Invitation, token, visit.now).await? else { return Ok(None) };
    if users::by_login(&mut conn, &row.email).await?.is_some_and(|holder| holder.verify_by.is_none()) {
        return Ok(None);
    }
    let invited = Invited::read(&row)?;
    Ok(Some(Invitation { row, invited }))
}

/// Makes the account and signs its owner in here.
///
/// # Errors
/// Storage, keys or chance failed.
pub async fn accept(
    provider: &Provider,
    invitation: Invitation,
    (name, password): (&str, &Secret<String>),
    visit: &Visit,
) -> Result<Accepted, Fault> {
    let row = invitation.row;
    let mut refused = Refused::default();
    let name = name_of(name).unwrap_or_else(|()| {
        refused.name = true;
        None
    });
    let about = About { email: Some(&row.email), name: name.as_deref(), house: &provider.policy.accounts.house };
    let password = match provider.password_policy.accept(password, &about).await {
        Ok(password) if !refused.name => password,
        Ok(_) => return Ok(Accepted::Refused(refused)),
        Err(weaknesses) => return Ok(Accepted::Refused(Refused { password: weaknesses, ..refused })),
    };
    let phc = match provider.hasher.hash(password).await {
        Ok(phc) => phc,
        Err(Unhashed::Busy) => return Ok(Accepted::Busy),
        Err(Unhashed::Broken(fault)) => return Err(fault),
    };
    let name = name.map(|name| ("name".to_owned(), Value::from(name)));
    let new = NewUser {
        id: provider.new_id()?,
        sub: public_id(&provider.random)?,
        email: Some(row.email.clone()),
        email_verified: true,
        address_proved_here: true,
        claims: name.into_iter().collect(),
        verify_by: None,
    };
    let mut event = audit_at("invitation_accepted", new.id.as_str(), visit);
    event.user_id = Some(new.id.clone());
    let found = interaction::reopen(provider, None, visit).await?;
    let user = person(&new, visit);
    let account = NewAccount { row, user: new, phc, event: (provider.new_id()?, event) };
    let entry = Entry { user, means: Means::one("pwd"), proof: Proof::Invited(Box::new(account)), stay: Stay::Remembered };
    let signed_in = establish(provider, found, entry, visit).await?;
    Ok(signed_in.map_or(Accepted::Gone, |signed_in| Accepted::In(Box::new(signed_in))))
}

/// The person as they will be.
pub(in crate::endpoints) fn person(new: &NewUser, visit: &Visit) -> User {
    let NewUser { id, sub, email, email_verified, address_proved_here, claims, verify_by } = new.clone();
    let claims: Map<String, Value> = claims;
    let (created_at, updated_at) = (visit.now, visit.now);
    User {
        id,
        sub,
        email,
        email_verified,
        address_proved_here,
        claims,
        disabled_at: None,
        verify_by,
        delete_at: None,
        created_at,
        updated_at,
    }
}
