//! Signing up: an account that is nobody's until its address is proved.
//!
//! Each sign-up carries its own password and name in what it sends. Whoever follows the link gets exactly what was typed with it,
//! and whatever somebody else had prepared under that address is gone (decision 17).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Await, Mail, Recipient, Sent, UNVERIFIED_SECONDS, add_event, mail, mailed};
use crate::base::{Fault, Id, Secret, Timestamp, public_id};
use crate::endpoints::interaction::{Found, Outcome};
use crate::endpoints::{Provider, Visit, audit_at};
use crate::identity::one_time::{OneTime, Purpose};
use crate::identity::passwords::{Password, Unhashed};
use crate::identity::policy::{About, Weakness};
use crate::identity::users::{self, Created, NewUser, User, email_key};
use crate::notify::Letter;
use crate::oauth::StandardClaims;
use crate::store::{Tx, audit as audits, passwords};

/// What somebody typed who wants an account.
pub struct Wish {
    pub email: String,
    pub name: String,
    pub password: Secret<String>,
}

/// What became of it.
pub enum Applied {
    /// Whatever the address is: the mail tells how to go on.
    Sent(Outcome),
    Refused(Refused),
    /// Too many hashes are waiting.
    Busy,
}

/// What is wrong with a wish, field by field.
#[derive(Debug, Default)]
pub struct Refused {
    pub address: Option<AddressRefused>,
    pub name: bool,
    pub password: Vec<Weakness>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressRefused {
    NoAddress,
    /// The operator takes addresses of some domains only.
    OtherDomain,
}

/// The password and the name that belong to a link; sealed in no row but as a hash.
#[derive(Clone, Serialize, Deserialize)]
pub struct SignUpDetail {
    pub name: Option<String>,
    pub phc: String,
}

impl SignUpDetail {
    pub(super) fn read(row: &OneTime) -> Result<Self, Fault> {
        serde_json::from_str(&row.detail).map_err(|_| Fault::corrupt("one_time_tokens", "detail"))
    }

    pub(super) fn write(&self) -> Result<String, Fault> {
        serde_json::to_string(self).map_err(Fault::at("accounts: detail"))
    }

    /// The address is proved: what came with this link is the account now, and nothing else is.
    pub(in crate::endpoints) async fn apply(
        &self,
        tx: &mut Tx,
        user: &User,
        email_key: &str,
        now: Timestamp,
    ) -> Result<bool, Fault> {
        // Proved in another way since: a password that was sent along is not the account's any more.
        if user.email_verified {
            return Ok(false);
        }
        let same = passwords::stands(tx, &user.id, &self.phc).await?;
        if !same {
            // Somebody else's preparations, or an earlier try of the same person.
            if !users::prove_address(tx, user, email_key, now).await? {
                return Ok(false);
            }
            passwords::put(tx, &user.id, &self.phc, now).await?;
            let mut claims = user.claims.clone();
            claims.remove("name");
            claims.extend(self.name.as_ref().map(|name| ("name".to_owned(), Value::from(name.as_str()))));
            users::set_claims(tx, &user.id, &claims, now).await?;
        } else if !users::verified(tx, user, email_key, now).await? {
            return Ok(false);
        }
        Ok(true)
    }
}

/// The name that was typed, if any; an error if nobody can be called that.
pub(super) fn name_of(typed: &str) -> Result<Option<String>, ()> {
    let name = typed.trim();
    let claims = Map::from_iter([("name".to_owned(), Value::from(name))]);
    match StandardClaims::check(claims) {
        _ if name.is_empty() => Ok(None),
        Ok(_) => Ok(Some(name.to_owned())),
        Err(_) => Err(()),
    }
}

/// Checks the three fields of a wish.
async fn checked(provider: &Provider, wish: &Wish) -> Result<(String, Option<String>, Password), Refused> {
    let mut refused = Refused::default();
    let key = email_key(&wish.email);
    refused.address = match &key {
        None => Some(AddressRefused::NoAddress),
        Some(key) => (!provider.policy.accounts.takes(key)).then_some(AddressRefused::OtherDomain),
    };
    let name = name_of(&wish.name).unwrap_or_else(|()| {
        refused.name = true;
        None
    });
    let about = About { email: Some(&wish.email), name: name.as_deref(), house: &provider.policy.accounts.house };
    let password = match provider.password_policy.accept(&wish.password, &about).await {
        Ok(password) => Some(password),
        Err(weaknesses) => {
            refused.password = weaknesses;
            None
        }
    };
    match (key, password) {
        (Some(key), Some(password)) if refused.address.is_none() && !refused.name => Ok((key, name, password)),
        _ => Err(refused),
    }
}

/// Makes an account that waits for the proof of its address. The answer is the same whether or not there is one already.
///
/// # Errors
/// Storage, keys or chance failed.
pub async fn apply(provider: &Provider, found: &Found, wish: Wish, visit: &Visit) -> Result<Applied, Fault> {
    let (key, name, password) = match checked(provider, &wish).await {
        Ok(checked) => checked,
        Err(refused) => return Ok(Applied::Refused(refused)),
    };
    let phc = match provider.hasher.hash(password).await {
        Ok(phc) => phc,
        Err(Unhashed::Busy) => return Ok(Applied::Busy),
        Err(Unhashed::Broken(fault)) => return Err(fault),
    };
    let email = wish.email.trim().to_owned();
    let detail = SignUpDetail { name, phc };
    let mut conn = provider.db.conn();
    let before = users::by_login(&mut conn, &email).await?;
    let applicant = Applicant { email: email.clone(), key, detail };
    let act = Act::prepare(provider, found, before, &applicant, visit)?;
    let event = mailed(Await::Verification, &email)?;
    let (id, interaction, now) = (provider.new_id()?, found.id.clone(), visit.now);
    provider
        .db
        .write(async move |tx| {
            act.run(tx, now).await?;
            add_event(tx, &id, &interaction, &event, now).await
        })
        .await?;
    Ok(Applied::Sent(found.check_mail()))
}

struct Applicant {
    email: String,
    key: String,
    detail: SignUpDetail,
}

/// What a sign-up does to the store.
struct Act {
    /// The new person with the hash, if nobody has the address.
    new: Option<(NewUser, String)>,
    mail: Mail,
    event: (Id, audits::AuditEvent),
}

impl Act {
    fn prepare(provider: &Provider, found: &Found, before: Option<User>, by: &Applicant, visit: &Visit) -> Result<Self, Fault> {
        let app = found.app_name();
        let to = |user_id| Recipient {
            user_id,
            email: by.email.clone(),
            email_key: by.key.clone(),
            name: by.detail.name.clone(),
            lang: visit.lang,
        };
        let verification = |user: &Id| {
            let to = to(Some(user.clone()));
            let mut errand = to.errand(Purpose::VerifyAddress, by.detail.write()?, visit);
            errand.interaction_id = Some(found.id.clone());
            mail(provider, &to, errand, visit.now, |link, code| Letter::VerifyAddress {
                link,
                code: code.expose().clone(),
                app: app.clone(),
            })
        };
        let mut record = audit_at("signed_up", "anonymous", visit);
        record.client_id = found.client.as_ref().map(|c| c.client.client_id.clone());
        let (new, mail) = match before {
            None => {
                let new = new_user(provider, by, visit.now)?;
                record.user_id = Some(new.id.clone());
                let mail = verification(&new.id)?;
                (Some((new, by.detail.phc.clone())), mail)
            }
            // Nobody has proved the address yet: this sign-up is as good as the one before.
            Some(user) if user.verify_by.is_some() => {
                record.user_id = Some(user.id.clone());
                (None, verification(&user.id)?)
            }
            Some(user) => {
                record.kind = "sign_up_of_taken_address".to_owned();
                record.user_id = Some(user.id.clone());
                let to = Recipient::of(&user, visit.lang).unwrap_or_else(|| to(Some(user.id.clone())));
                let errand = to.errand(Purpose::Notice, String::new(), visit);
                let link = |path: &str| provider.issuer.join(path);
                let letter = Letter::AddressTaken {
                    sign_in_link: link("/sign-in"),
                    reset_link: link("/forgot-password"),
                    app: app.clone(),
                };
                (None, super::mail(provider, &to, errand, visit.now, |_, _| letter)?)
            }
        };
        Ok(Self { new, mail, event: (provider.new_id()?, record) })
    }

    /// Somebody may have taken the address since: then nothing is done, as if they had come first.
    async fn run(&self, tx: &mut Tx, now: Timestamp) -> Result<(), Fault> {
        if let Some((new, phc)) = &self.new {
            if users::create(tx, new, now).await? != Created::Done {
                return Ok(());
            }
            passwords::put(tx, &new.id, phc, now).await?;
        }
        if self.mail.send(tx, now).await? == Sent::Queued || self.new.is_some() {
            audits::write(tx, &self.event.0, &self.event.1).await?;
        }
        Ok(())
    }
}

fn new_user(provider: &Provider, by: &Applicant, now: Timestamp) -> Result<NewUser, Fault> {
    let name = by.detail.name.as_ref().map(|name| ("name".to_owned(), Value::from(name.as_str())));
    Ok(NewUser {
        id: provider.new_id()?,
        sub: public_id(&provider.random)?,
        email: Some(by.email.clone()),
        email_verified: false,
        address_proved_here: false,
        claims: name.into_iter().collect(),
        verify_by: Some(now.plus(UNVERIFIED_SECONDS)),
    })
}
