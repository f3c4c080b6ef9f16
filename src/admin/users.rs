//! People: adding, disabling and removing them, and giving them a password.

pub use crate::identity::users::User;

use serde_json::{Map, Value};

use super::{Desk, Refusal};
use crate::base::{Fault, Id, Secret, public_id};
use crate::identity::passwords::{Hasher, Password, Unhashed};
use crate::identity::policy::PasswordPolicy;
pub use crate::identity::policy::{About, Weakness};
use crate::identity::users::{self, Created};
use crate::oauth::{Problem, StandardClaims};
use crate::store::{audit, passwords};

/// Whether the operator vouches for an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Address {
    Verified,
    Unverified,
}

/// A new person.
pub struct NewUser {
    pub email: String,
    pub address: Address,
    /// Standard claims (OpenID Connect Core section 5.1).
    pub claims: Map<String, Value>,
    pub password: Option<Secret<String>>,
}

/// Adds a person.
///
/// # Errors
/// What was given is not valid, somebody has this address, or something broke.
pub async fn add(desk: &Desk, hasher: &Hasher, new: NewUser) -> Result<User, Refusal> {
    let mut problems = Vec::new();
    let claims = StandardClaims::check(new.claims).unwrap_or_else(|wrong| {
        problems.extend(wrong);
        Map::new()
    });
    let password = new.password.as_ref().map(|password| checked(desk, password));
    if let Some(Err(problem)) = &password {
        problems.push(problem.clone());
    }
    if users::email_key(&new.email).is_none() {
        problems.push(Problem { field: "email", why: "must be an e-mail address".to_owned() });
    }
    if !problems.is_empty() {
        return Err(Refusal::Invalid(problems));
    }
    let phc = match password {
        Some(Ok(password)) => Some(hash(hasher, password).await?),
        _ => None,
    };
    let person = users::NewUser {
        id: desk.new_id()?,
        sub: public_id(&desk.random)?,
        email: Some(new.email),
        email_verified: new.address == Address::Verified,
        address_proved_here: new.address == Address::Verified,
        claims,
        verify_by: None,
    };
    let (event_id, event) = event(desk, "user_added", &person.id)?;
    let (id, now) = (person.id.clone(), desk.now());
    let created = desk.db.write(async move |tx| {
        let created = users::create(tx, &person, now).await?;
        if created == Created::Done {
            if let Some(phc) = &phc {
                passwords::put(tx, &person.id, phc, now).await?;
            }
            audit::write(tx, &event_id, &event).await?;
        }
        Ok(created)
    });
    match created.await? {
        Created::Done => find(desk, id.as_str()).await,
        Created::AddressTaken => Err(Refusal::Taken("a person with this address".to_owned())),
        Created::NotAnAddress => Err(Refusal::one("email", "must be an e-mail address")),
    }
}

fn checked(desk: &Desk, text: &Secret<String>) -> Result<Password, Problem> {
    let PasswordPolicy { min_chars, max_chars, .. } = desk.password_policy;
    let why = || Problem { field: "password", why: format!("must have {min_chars} to {max_chars} characters") };
    desk.password_policy.of_good_length(text).map_err(|_| why())
}

/// What the house would refuse in a password that a person chooses; an operator is only told.
pub fn weaknesses(desk: &Desk, password: &Secret<String>, about: &About<'_>) -> Vec<Weakness> {
    desk.password_policy.check(password, about).err().unwrap_or_default()
}

async fn hash(hasher: &Hasher, password: Password) -> Result<String, Fault> {
    hasher.hash(password).await.map_err(|unhashed| match unhashed {
        Unhashed::Busy => Fault::new("admin: password", "too many passwords are waiting to be hashed"),
        Unhashed::Broken(fault) => fault,
    })
}

fn event(desk: &Desk, kind: &str, user: &Id) -> Result<(Id, audit::AuditEvent), Fault> {
    let (id, mut event) = desk.event(kind)?;
    event.user_id = Some(user.clone());
    Ok((id, event))
}

/// The person with this id, `sub` or address.
///
/// # Errors
/// There is none, or storage failed.
pub async fn find(desk: &Desk, who: &str) -> Result<User, Refusal> {
    let mut conn = desk.db.conn();
    let mut found = users::by_id(&mut conn, &Id::from_stored(who)).await?;
    if found.is_none() {
        found = users::by_sub(&mut conn, who).await?;
    }
    if found.is_none() {
        found = users::by_login(&mut conn, who).await?;
    }
    found.ok_or_else(|| Refusal::NotFound(format!("person {who:?}")))
}

/// People in the order in which they came, those after `after`.
///
/// # Errors
/// Storage failed.
pub async fn list(desk: &Desk, after: Option<&Id>, limit: i64) -> Result<Vec<User>, Fault> {
    users::list(&mut desk.db.conn(), after, limit).await
}

/// Gives a person another password and signs them out everywhere: whoever knew the old one is out.
///
/// # Errors
/// There is no such person, the password is not valid, or something broke.
pub async fn set_password(desk: &Desk, hasher: &Hasher, who: &str, password: Secret<String>) -> Result<User, Refusal> {
    let user = find(desk, who).await?;
    let password = checked(desk, &password).map_err(|problem| Refusal::Invalid(vec![problem]))?;
    let phc = hash(hasher, password).await?;
    let (event_id, event) = event(desk, "password_set", &user.id)?;
    let (id, now) = (user.id.clone(), desk.now());
    let written = desk.db.write(async move |tx| {
        users::set_password(tx, &id, &phc, now).await?;
        audit::write(tx, &event_id, &event).await
    });
    written.await?;
    Ok(user)
}

/// Locks a person out: no sign-in, and every session and token of theirs ends.
///
/// # Errors
/// There is no such person, or something broke.
pub async fn disable(desk: &Desk, who: &str) -> Result<User, Refusal> {
    let user = find(desk, who).await?;
    let (event_id, event) = event(desk, "user_disabled", &user.id)?;
    let (id, now) = (user.id.clone(), desk.now());
    let written = desk.db.write(async move |tx| {
        if users::disable(tx, &id, now).await? {
            audit::write(tx, &event_id, &event).await?;
        }
        Ok(())
    });
    written.await?;
    Ok(user)
}

/// Lets a person in again.
///
/// # Errors
/// There is no such person, or something broke.
pub async fn enable(desk: &Desk, who: &str) -> Result<User, Refusal> {
    let user = find(desk, who).await?;
    let (event_id, event) = event(desk, "user_enabled", &user.id)?;
    let id = user.id.clone();
    let written = desk.db.write(async move |tx| {
        if users::enable(tx, &id).await? {
            audit::write(tx, &event_id, &event).await?;
        }
        Ok(())
    });
    written.await?;
    Ok(user)
}

/// Removes a person with everything that hangs on them.
///
/// # Errors
/// There is no such person, or something broke.
pub async fn remove(desk: &Desk, who: &str) -> Result<User, Refusal> {
    let user = find(desk, who).await?;
    let (event_id, event) = event(desk, "user_removed", &user.id)?;
    let (id, now) = (user.id.clone(), desk.now());
    let written = desk.db.write(async move |tx| {
        users::remove(tx, &id, now).await?;
        audit::write(tx, &event_id, &event).await
    });
    written.await?;
    Ok(user)
}
