//! Invitations: an operator asks somebody to make an account, by a link in a mail that proves the address.

use super::{Desk, Refusal};
use crate::base::{Issuer, Timestamp};
use crate::identity::guesses::{self, Charged};
use crate::identity::one_time::{CodeKey, Errand, Invited, Prepared, Purpose};
use crate::identity::users::{self, email_key};
use crate::notify::{Envelope, Letter, Post};
use crate::oauth::{Lang, StandardClaims};
use crate::store::{audit, outbox};

/// What an invitation is made and sent with, beside the desk.
pub struct Inviter<'a> {
    pub issuer: &'a Issuer,
    pub post: &'a Post,
    pub code_key: CodeKey,
    pub sign_up: SignUp,
}

/// Whether an invitation leads anywhere (`sign_up.mode`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignUp {
    Off,
    Possible,
}

/// Whom an operator invites.
pub struct Guest {
    pub email: String,
    pub name: Option<String>,
    /// The language of the mail.
    pub lang: Lang,
}

/// Invites somebody. Says until when the link is good.
///
/// # Errors
/// Nobody can sign up or no mail can be sent, the address or the name is none, somebody has the address, it got as many mails
/// as it may have lately, or something broke.
pub async fn invite(desk: &Desk, inviter: &Inviter<'_>, guest: Guest) -> Result<Timestamp, Refusal> {
    if inviter.sign_up == SignUp::Off {
        return Err(Refusal::one("sign_up.mode", "is off, so that nobody can accept an invitation"));
    }
    if !inviter.post.is_on() {
        return Err(Refusal::one("mail.url", "is not set, so that no invitation can be sent"));
    }
    let email = guest.email.trim().to_owned();
    let Some(key) = email_key(&email) else { return Err(Refusal::one("email", "must be an e-mail address")) };
    if let Some(name) = &guest.name {
        StandardClaims::check([("name".to_owned(), name.as_str().into())].into_iter().collect()).map_err(Refusal::Invalid)?;
    }
    let (mut conn, now) = (desk.db.conn(), desk.now());
    if users::by_login(&mut conn, &email).await?.is_some_and(|holder| holder.verify_by.is_none()) {
        return Err(Refusal::Taken("a person with this address".to_owned()));
    }
    let subject = guesses::mail_subject(Purpose::Invitation.as_str(), &key);
    let errand = Errand {
        purpose: Purpose::Invitation,
        user_id: None,
        email: email.clone(),
        email_key: key,
        browser_hash: String::new(),
        interaction_id: None,
        detail: Invited { name: guest.name.clone() }.write()?,
        lifetime_seconds: Purpose::Invitation.lifetime_seconds(),
    };
    let prepared = Prepared::new(desk.new_id()?, errand, &inviter.code_key, &desk.random, now)?;
    let expires_at = prepared.row.expires_at;
    let link = inviter.issuer.join(&format!("/invitation/{}", prepared.token.expose()));
    let letter = Letter::Invitation { link };
    let envelope = Envelope { to: email.clone(), name: guest.name, lang: guest.lang, letter, expires_at };
    let sealed = inviter.post.prepare(desk.new_id()?, &envelope)?;
    let (event_id, mut event) = desk.event("person_invited")?;
    event.detail = serde_json::json!({ "email": email });
    let written = desk.db.write(async move |tx| {
        if guesses::charge(tx, &[subject], now).await? != Charged::Taken {
            return Ok(false);
        }
        prepared.store(tx).await?;
        outbox::enqueue(tx, &sealed, now).await?;
        audit::write(tx, &event_id, &event).await?;
        Ok(true)
    });
    if written.await? {
        return Ok(expires_at);
    }
    Err(Refusal::one("email", "got as many mails as an address may have in an hour"))
}
