//! What people do with their own passkeys. Whoever calls has seen to it that their sign-in is fresh (WA-08).

use serde_json::Value;

use super::tell::{News, letter};
use super::{asked, keep};
use crate::base::{Fault, Id, public_id};
use crate::endpoints::accounts::{Recipient, notice};
use crate::endpoints::interaction::Found;
use crate::endpoints::second_factor::{self, passkeys_left};
use crate::endpoints::{Provider, Signed, Visit, audit_at};
use crate::identity::device::device;
use crate::identity::factor::Duty;
use crate::identity::passkeys::{self as rules, Attestation, ENOUGH, MOST, Owner, Purpose};
use crate::identity::users::{self, User};
use crate::identity::ways::{self, Without};
use crate::identity::{recovery, sessions};
use crate::oauth::Lang;
use crate::store::audit::AuditEvent;
use crate::store::outbox::NewMail;
use crate::store::passkeys::{self, Passkey};
use crate::store::users as people;
use crate::store::{audit as audits, factors, outbox, passwords, recovery_codes, trusted_devices};

/// The longest name of a passkey, in characters.
pub const LONGEST_NAME: usize = 60;

/// What a person has.
pub struct Own {
    pub passkeys: Vec<Passkey>,
    /// By what authenticators know them, base64url; nothing if none does.
    pub handle: Option<String>,
    pub has_password: bool,
    /// Whether the person has a recovery code left.
    pub has_codes: bool,
}

impl Own {
    /// Whether no more can be added.
    pub fn is_full(&self) -> bool {
        self.passkeys.len() >= MOST
    }

    /// Whether the person can do without their password.
    pub fn can_drop_password(&self) -> bool {
        let able = self.passkeys.iter().filter(|passkey| passkey.signs_in).count();
        let ways_back = able + usize::from(self.has_codes);
        self.has_password && able > 0 && i64::try_from(ways_back).is_ok_and(|ways| ways >= ENOUGH)
    }
}

/// # Errors
/// Storage failed.
pub async fn list(provider: &Provider, signed: &Signed) -> Result<Own, Fault> {
    let (mut conn, user) = (provider.db.conn(), &signed.user.id);
    let handle = passkeys::handle(&mut conn, user).await?;
    Ok(Own {
        passkeys: passkeys::list(&mut conn, user).await?,
        handle: handle.as_deref().map(rules::shown_handle).transpose()?,
        has_password: passwords::of(&mut conn, user).await?.is_some(),
        has_codes: recovery::left(&mut conn, user).await?.count > 0,
    })
}

/// What an authenticator may be asked.
pub enum Asked {
    Options(Value),
    /// The person has as many as anybody may have.
    TooMany,
    /// No passkeys are possible here.
    Nowhere,
}

/// Whose passkey it is to be, and for what it was asked: by the page of the account, or on the way to an app.
pub struct For<'a> {
    user: &'a User,
    subject: &'a Id,
    /// The session that has to go on until then, where there is one.
    session: Option<&'a Id>,
    /// The generation of those who came in as the person that has to last until then, where a first proof waits.
    generation: Option<i64>,
}

impl<'a> For<'a> {
    pub const fn account(signed: &'a Signed) -> Self {
        Self { user: &signed.user, subject: &signed.session.id, session: Some(&signed.session.id), generation: None }
    }

    /// For whom an interaction waits.
    pub fn interaction(found: &'a Found, asked: &'a second_factor::Asked, visit: &'a Visit) -> Self {
        let session = visit.session.as_ref().filter(|signed| signed.user.id == asked.user.id);
        let session = session.map(|signed| &signed.session.id);
        Self { user: &asked.user, subject: &found.id, session, generation: asked.generation() }
    }
}

/// Asks for a new passkey of this person.
///
/// # Errors
/// Storage, chance or the library failed.
pub async fn ask_to_enrol(provider: &Provider, place: &For<'_>, visit: &Visit) -> Result<Asked, Fault> {
    let Some(own) = &provider.passkeys else { return Ok(Asked::Nowhere) };
    let user = place.user;
    let known = passkeys::list(&mut provider.db.conn(), &user.id).await?;
    if known.len() >= MOST {
        return Ok(Asked::TooMany);
    }
    let handle = handle(provider, user).await?;
    let name = user.email.as_deref().unwrap_or(&user.sub);
    let display_name = user.claims.get("name").and_then(Value::as_str).unwrap_or(name);
    let question = own.ask_to_enrol(&Owner { handle: &handle, name, display_name }, &known)?;
    keep(provider, question, (Purpose::Enrol, place.subject.as_str()), visit).await.map(Asked::Options)
}

/// The handle of a person, made when it is first needed.
async fn handle(provider: &Provider, of: &User) -> Result<String, Fault> {
    let user = of.id.clone();
    if let Some(handle) = passkeys::handle(&mut provider.db.conn(), &user).await? {
        return Ok(handle);
    }
    let new = rules::new_handle(&provider.random)?;
    provider.db.write(async move |tx| passkeys::put_handle(tx, &user, &new).await).await?;
    // Another tab may have been faster.
    let handle = passkeys::handle(&mut provider.db.conn(), &of.id).await?;
    handle.ok_or_else(|| Fault::new("passkeys: handle", "the person is gone"))
}

/// What became of a new passkey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enrolled {
    Done,
    /// The answer does not hold, or somebody has this passkey already.
    Refused,
}

/// Takes a new passkey of this person, under the name that they gave it or that of their device.
///
/// # Errors
/// Storage or chance failed, or the session ended in the meantime.
pub async fn enrol(provider: &Provider, place: &For<'_>, (answer, name): (&str, &str), visit: &Visit) -> Result<Enrolled, Fault> {
    let (Some(own), Ok(answer)) = (&provider.passkeys, Attestation::parse(answer)) else { return Ok(Enrolled::Refused) };
    let subject = (Purpose::Enrol, place.subject.as_str());
    let Some(asked) = asked(provider, answer.challenge(), subject, visit).await? else { return Ok(Enrolled::Refused) };
    let Ok(made) = own.enrol(&answer, &asked.state)? else { return Ok(Enrolled::Refused) };
    // What the browser calls it is what was signed.
    if made.credential_id != answer.credential_id() {
        return Ok(Enrolled::Refused);
    }
    let new = Passkey {
        id: provider.new_id()?,
        public_id: public_id(&provider.random)?,
        user_id: place.user.id.clone(),
        credential_id: made.credential_id,
        name: name_of(name).unwrap_or_else(|| device(visit.lang, &visit.user_agent)),
        credential: made.credential,
        sign_count: made.sign_count,
        signs_in: made.signs_in,
        synced: made.synced,
        backed_up: made.backed_up,
        created_at: visit.now,
        last_used_at: None,
    };
    let record = audit_at("passkey_added", new.user_id.as_str(), visit);
    let Telling { id, record, told } = telling(provider, (place.user, visit.lang), record, News::Added(&new.name))?;
    let (session, given, now) = (place.session.cloned(), place.generation, visit.now);
    let done = provider
        .db
        .write(async move |tx| {
            users::hold(tx, &new.user_id).await?;
            if given.is_some() && given != people::generation(tx, &new.user_id).await? {
                return Ok(false);
            }
            if let Some(session) = &session {
                sessions::still_open(tx, session, now).await?;
            }
            if passkeys::others(tx, &new.user_id, "").await?.len() >= MOST {
                return Ok(false);
            }
            if !passkeys::answer(tx, &asked.challenge, now).await? || !passkeys::insert(tx, &new).await? {
                return Ok(false);
            }
            if let Some(session) = &session {
                sessions::note_second(tx, session, now).await?;
            }
            trusted_devices::forget_for_user(tx, &new.user_id).await?;
            if let Some(told) = &told {
                outbox::enqueue(tx, told, now).await?;
            }
            audits::write(tx, &id, &record).await?;
            Ok(true)
        })
        .await?;
    Ok(if done { Enrolled::Done } else { Enrolled::Refused })
}

/// A name that somebody typed, on one line; nothing if there is none.
fn name_of(typed: &str) -> Option<String> {
    let clean: String = typed.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    let name: String = clean.trim().chars().take(LONGEST_NAME).collect();
    (!name.is_empty()).then_some(name)
}

/// Gives a passkey of this person another name; false if they have none with this public id, or the name is empty.
///
/// # Errors
/// Storage or chance failed, or the session ended in the meantime.
pub async fn rename(provider: &Provider, signed: &Signed, (passkey, name): (&str, &str), visit: &Visit) -> Result<bool, Fault> {
    let Some(name) = name_of(name) else { return Ok(false) };
    let mut record = audit_at("passkey_renamed", signed.user.id.as_str(), visit);
    record.user_id = Some(signed.user.id.clone());
    let (id, user, session, now) = (provider.new_id()?, signed.user.id.clone(), signed.session.id.clone(), visit.now);
    let passkey = passkey.to_owned();
    provider
        .db
        .write(async move |tx| {
            sessions::still_open(tx, &session, now).await?;
            let done = passkeys::rename(tx, &user, &passkey, &name).await?;
            if done {
                audits::write(tx, &id, &record).await?;
            }
            Ok(done)
        })
        .await
}

/// What became of a wish to remove a passkey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removed {
    Done,
    /// It is the last way in.
    Last,
    /// The house wants the person to have a second factor, and it is their last.
    IsNeeded,
    Unknown,
}

/// Removes a passkey of this person, unless it is their last way in.
///
/// # Errors
/// Storage or chance failed, or the session ended in the meantime.
pub async fn remove(provider: &Provider, signed: &Signed, passkey: &str, visit: &Visit) -> Result<Removed, Fault> {
    let record = audit_at(REMOVED, signed.user.id.as_str(), visit);
    let by = By { record, session: Some(signed.session.id.clone()), lang: visit.lang };
    take_away(provider, &signed.user, passkey, by).await
}

/// The name of the event.
pub(in crate::endpoints) const REMOVED: &str = "passkey_removed";

/// Who removes a passkey: what is written down about it, the session that has to go on until then, if one does it, and the language
/// of the mail.
pub(in crate::endpoints) struct By {
    pub record: AuditEvent,
    pub session: Option<Id>,
    pub lang: Lang,
}

/// The same for whoever does it.
///
/// # Errors
/// As [`remove`].
pub(in crate::endpoints) async fn take_away(provider: &Provider, user: &User, passkey: &str, by: By) -> Result<Removed, Fault> {
    let known = passkeys::list(&mut provider.db.conn(), &user.id).await?;
    let Some(found) = known.into_iter().find(|own| own.public_id == passkey) else { return Ok(Removed::Unknown) };
    let By { record, session, lang } = by;
    let now = record.at;
    let (duty, _) = second_factor::duty(provider, user, None, now).await?;
    let counted = provider.factors.policy.counts.clone();
    let open = provider.open_ways().await?;
    let Telling { id, record, told } = telling(provider, (user, lang), record, News::Removed(&found.name))?;
    provider
        .db
        .write(async move |tx| {
            users::hold(tx, &found.user_id).await?;
            if let Some(session) = &session {
                sessions::still_open(tx, session, now).await?;
            }
            let mut left = factors::other_kinds(tx, &found.user_id, &Id::from_stored("")).await?;
            left.extend(passkeys_left(tx, &found.user_id, &found.public_id).await?);
            let is_last = !left.iter().any(|kind| counted.contains(kind));
            if is_last && duty == Duty::Required {
                return Ok(Removed::IsNeeded);
            }
            let without = Without::Passkey(&found.public_id);
            if found.signs_in && !ways::remain(tx, &found.user_id, &open, without).await? {
                return Ok(Removed::Last);
            }
            if !passkeys::remove(tx, &found.user_id, &found.public_id).await? {
                return Ok(Removed::Unknown);
            }
            trusted_devices::forget_for_user(tx, &found.user_id).await?;
            if is_last {
                recovery_codes::remove_for_user(tx, &found.user_id).await?;
            }
            if let Some(told) = &told {
                outbox::enqueue(tx, told, now).await?;
            }
            audits::write(tx, &id, &record).await?;
            Ok(Removed::Done)
        })
        .await
}

/// What became of a wish to live without a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordDropped {
    Done,
    /// There are too few passkeys to live with, or there is no password.
    NotYet,
}

/// Takes the person's password away, once they have enough passkeys.
///
/// # Errors
/// Storage or chance failed, or the session ended in the meantime.
pub async fn drop_password(provider: &Provider, signed: &Signed, visit: &Visit) -> Result<PasswordDropped, Fault> {
    let record = audit_at("password_removed", signed.user.id.as_str(), visit);
    let Telling { id, record, told } = telling(provider, (&signed.user, visit.lang), record, News::PasswordRemoved)?;
    let open = provider.open_ways().await?;
    let (user, session, now) = (signed.user.id.clone(), signed.session.id.clone(), visit.now);
    let done = provider
        .db
        .write(async move |tx| {
            users::hold(tx, &user).await?;
            sessions::still_open(tx, &session, now).await?;
            let remains = ways::remain(tx, &user, &open, Without::Password).await?;
            if !remains || !passkeys::replace_password(tx, &user, ENOUGH).await? {
                return Ok(false);
            }
            trusted_devices::forget_for_user(tx, &user).await?;
            if let Some(told) = &told {
                outbox::enqueue(tx, told, now).await?;
            }
            audits::write(tx, &id, &record).await?;
            Ok(true)
        })
        .await?;
    Ok(if done { PasswordDropped::Done } else { PasswordDropped::NotYet })
}

/// What is written down and sent about a change.
struct Telling {
    id: Id,
    record: AuditEvent,
    told: Option<NewMail>,
}

fn telling(provider: &Provider, (user, lang): (&User, Lang), mut record: AuditEvent, news: News<'_>) -> Result<Telling, Fault> {
    record.user_id = Some(user.id.clone());
    let to = Recipient::of(user, lang).filter(|_| provider.post.is_on());
    let told = to.map(|to| notice(provider, &to, letter(provider, &to, news, record.at), record.at)).transpose()?;
    Ok(Telling { id: provider.new_id()?, record, told })
}
