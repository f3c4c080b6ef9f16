//! A forgotten password: only who holds the mail of the account gets to choose another (EM-01). It replaces the password and
//! nothing else: every other proof is still asked for (decision 24).

use super::verify::owner;
use super::{Await, Recipient, Sent, add_event, mail, mailed, notice};
use crate::base::{Fault, Id, Secret};
use crate::endpoints::interaction::{Found, Outcome};
use crate::endpoints::{Provider, Visit, audit_at};
use crate::identity::device::device;
use crate::identity::one_time::{self, Errand, OneTime, Prepared, Purpose};
use crate::identity::passwords::Unhashed;
use crate::identity::policy::{About, Weakness};
use crate::identity::users::{self, User, email_key};
use crate::notify::Letter;
use crate::oauth::Lang;
use crate::store::outbox::{self, NewMail};
use crate::store::{audit as audits, known_devices};

/// Sends a link for a new password, if there is an account for what was typed.
///
/// # Errors
/// Storage, keys or chance failed.
pub async fn ask(provider: &Provider, found: &Found, typed: &str, visit: &Visit) -> Result<Outcome, Fault> {
    let mut conn = provider.db.conn();
    let user = users::by_login(&mut conn, typed).await?.filter(User::is_open);
    let to = user.as_ref().and_then(|user| Recipient::of(user, visit.lang));
    let is_known = to.is_some();
    // A letter is made in any case: what is done for nobody takes as long.
    let to = to.unwrap_or_else(|| Recipient::nobody(typed, visit.lang));
    let may_send = is_known && provider.post.is_on();
    let mut errand = to.errand(Purpose::ResetPassword, String::new(), visit);
    errand.interaction_id = Some(found.id.clone());
    let letter = mail(provider, &to, errand, visit.now, |link, _| Letter::ResetPassword { link })?;
    let mut record = audit_at("reset_asked", "anonymous", visit);
    record.user_id = to.user_id;
    let event = mailed(Await::Reset, typed)?;
    let (ids, interaction, now) = ((provider.new_id()?, provider.new_id()?), found.id.clone(), visit.now);
    provider
        .db
        .write(async move |tx| {
            if may_send && letter.send(tx, now).await? == Sent::Queued {
                audits::write(tx, &ids.0, &record).await?;
            }
            add_event(tx, &ids.1, &interaction, &event, now).await
        })
        .await?;
    Ok(found.check_mail())
}

/// What is behind a link for a new password.
pub struct Reset {
    row: OneTime,
    user: User,
}

impl Reset {
    pub fn address(&self) -> &str {
        &self.row.email
    }
}

/// What became of a new password.
pub enum Done {
    /// It is set; the person signs in with it, for what they came for.
    Set {
        interaction: Option<Id>,
    },
    Refused(Vec<Weakness>),
    /// The link was used or is too old, or the account is not what it was.
    Gone,
    Busy,
}

/// What a link is for. It consumes nothing.
///
/// # Errors
/// Storage failed.
pub async fn find(provider: &Provider, token: &str, visit: &Visit) -> Result<Option<Reset>, Fault> {
    let mut conn = provider.db.conn();
    let Some(row) = one_time::find(&mut conn, Purpose::ResetPassword, token, visit.now).await? else { return Ok(None) };
    Ok(owner(provider, &row).await?.map(|user| Reset { row, user }))
}

/// Gives the account of a link another password. Every session of it ends, and everything that apps hold.
///
/// # Errors
/// Storage, keys or chance failed.
pub async fn reset(provider: &Provider, found: Reset, password: &Secret<String>, visit: &Visit) -> Result<Done, Fault> {
    let Reset { row, user } = found;
    let name = user.claims.get("name").and_then(|name| name.as_str());
    let about = About { email: user.email.as_deref(), name, house: &provider.policy.accounts.house };
    let password = match provider.password_policy.accept(password, &about).await {
        Ok(password) => password,
        Err(weaknesses) => return Ok(Done::Refused(weaknesses)),
    };
    let phc = match provider.hasher.hash(password).await {
        Ok(phc) => phc,
        Err(Unhashed::Busy) => return Ok(Done::Busy),
        Err(Unhashed::Broken(fault)) => return Err(fault),
    };
    let told = match first_proof(provider, &user, visit)? {
        Some(told) => Some(told),
        None => {
            let to = Recipient::of(&user, visit.lang);
            to.map(|to| notice(provider, &to, changed(provider, &to, visit), visit.now)).transpose()?
        }
    };
    let mut record = audit_at("password_reset", user.id.as_str(), visit);
    record.user_id = Some(user.id.clone());
    let (id, now, interaction) = (provider.new_id()?, visit.now, row.interaction_id.clone());
    let here = visit.browser_hash.clone();
    let done = provider
        .db
        .write(async move |tx| {
            users::hold(tx, &user.id).await?;
            if !one_time::consume(tx, &row, now).await? || !users::prove_address(tx, &user, &row.email_key, now).await? {
                return Ok(false);
            }
            users::set_password(tx, &user.id, &phc, now).await?;
            // Whoever holds the mail is known here, however often strangers have guessed.
            known_devices::record(tx, &user.id, &here, now).await?;
            if let Some(told) = &told {
                outbox::enqueue(tx, told, now).await?;
            }
            audits::write(tx, &id, &record).await?;
            Ok(true)
        })
        .await?;
    Ok(if done { Done::Set { interaction } } else { Done::Gone })
}

/// A link for a new password that is sent to nobody and followed at once: for who has just shown that the mail of the account
/// is theirs.
///
/// # Errors
/// Chance failed.
pub(super) fn unsent(provider: &Provider, row: &OneTime, visit: &Visit) -> Result<Prepared, Fault> {
    let errand = Errand {
        purpose: Purpose::ResetPassword,
        user_id: row.user_id.clone(),
        email: row.email.clone(),
        email_key: row.email_key.clone(),
        browser_hash: visit.browser_hash.clone(),
        interaction_id: None,
        detail: String::new(),
        lifetime_seconds: Purpose::ResetPassword.lifetime_seconds(),
    };
    Prepared::new(provider.new_id()?, errand, &provider.code_key, &provider.random, visit.now)
}

/// The notice that an address was proved by a mail for the first time which another provider had only claimed, and of what went
/// with that; nothing where nothing goes that anybody could miss.
pub(super) fn first_proof(provider: &Provider, user: &User, visit: &Visit) -> Result<Option<NewMail>, Fault> {
    let is_claimed = user.email_verified && !user.address_proved_here;
    let Some(to) = Recipient::of(user, visit.lang).filter(|_| is_claimed && provider.post.is_on()) else { return Ok(None) };
    let what = match to.lang {
        Lang::En => {
            "This address was confirmed by a mail for the first time; until now only another provider had said so. What opened your account before is gone: passwords, accounts elsewhere, sessions. Second factors stay. If you are asked for one that is not yours, ask whoever runs this page to remove it."
        }
        Lang::De => {
            "Diese Adresse wurde zum ersten Mal durch eine E-Mail bestätigt; bisher hatte das nur ein anderer Anbieter gesagt. Was Ihr Konto bisher geöffnet hat, ist fort: Passwörter, andere Konten, Sitzungen. Zweite Faktoren bleiben. Werden Sie nach einem fremden gefragt, wenden Sie sich an den Betreiber."
        }
    };
    let letter =
        Letter::FactorChanged { what: what.to_owned(), at: visit.now, reset_link: provider.issuer.join("/forgot-password") };
    notice(provider, &to, letter, visit.now).map(Some)
}

/// The notice that a password was changed.
pub(super) fn changed(provider: &Provider, to: &Recipient, visit: &Visit) -> Letter {
    Letter::PasswordChanged {
        at: visit.now,
        device: device(to.lang, &visit.user_agent),
        reset_link: provider.issuer.join("/forgot-password"),
    }
}

impl Recipient {
    /// Whoever was typed, for a letter that is made and thrown away.
    pub(in crate::endpoints) fn nobody(typed: &str, lang: crate::oauth::Lang) -> Self {
        let email_key = email_key(typed).unwrap_or_else(|| "nobody@invalid".to_owned());
        Self { user_id: None, email: email_key.clone(), email_key, name: None, lang }
    }
}
