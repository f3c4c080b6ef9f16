//! Proving an address: by the link in the mail, anywhere, or by its code in the browser that asked.

use super::{Await, Guess, Mail, Recipient, SignUpDetail, add_event, guess, mail, mailed};
use crate::base::{Fault, Id};
use crate::endpoints::interaction::{self, Found, Outcome};
use crate::endpoints::second_factor::Means;
use crate::endpoints::sign_in::{Entry, Proof, SignedIn, Stay, establish};
use crate::endpoints::{Provider, Visit, audit_at};
use crate::identity::one_time::{self, OneTime, Purpose};
use crate::identity::users::{self, User};
use crate::notify::Letter;
use crate::store::{audit as audits, known_devices, one_time as sent, passwords};

/// What is behind a link that proves an address.
pub struct Pending {
    row: OneTime,
    user: User,
}

impl Pending {
    /// The address that will be proved.
    pub fn address(&self) -> &str {
        &self.row.email
    }
}

/// What became of it.
pub enum Verified {
    /// In the browser that asked: the person is signed in.
    In(Box<SignedIn>),
    /// Elsewhere: it is proved, and whoever is there may sign in to what the other browser wanted.
    Elsewhere { interaction: Option<Id> },
    /// The link was used or is too old, or the account is not what it was.
    Gone,
}

/// What typing a code led to.
pub enum Typed {
    In(Box<SignedIn>),
    Wrong,
    Throttled { retry_after_seconds: i64 },
}

/// What a link would prove. It consumes nothing: scanners open links too (EM-11).
///
/// # Errors
/// Storage failed.
pub async fn find(provider: &Provider, token: &str, visit: &Visit) -> Result<Option<Pending>, Fault> {
    let mut conn = provider.db.conn();
    let Some(row) = one_time::find(&mut conn, Purpose::VerifyAddress, token, visit.now).await? else { return Ok(None) };
    Ok(owner(provider, &row).await?.map(|user| Pending { row, user }))
}

/// The person of a row, if they may be here and their address still is the one that it was sent to.
pub(super) async fn owner(provider: &Provider, row: &OneTime) -> Result<Option<User>, Fault> {
    let Some(id) = &row.user_id else { return Ok(None) };
    let user = users::by_id(&mut provider.db.conn(), id).await?;
    Ok(user.filter(|user| {
        let key = user.email.as_deref().and_then(users::email_key);
        user.is_open() && key.as_deref() == Some(row.email_key.as_str())
    }))
}

/// Proves the address of a link.
///
/// # Errors
/// Storage, keys or chance failed.
pub async fn verify(provider: &Provider, token: &str, visit: &Visit) -> Result<Verified, Fault> {
    let Some(pending) = find(provider, token, visit).await? else { return Ok(Verified::Gone) };
    if pending.row.browser_hash == visit.browser_hash {
        let found = interaction::reopen(provider, pending.row.interaction_id.as_ref(), visit).await?;
        let signed_in = come_in(provider, found, pending, visit).await?;
        return Ok(signed_in.map_or(Verified::Gone, |signed_in| Verified::In(Box::new(signed_in))));
    }
    let Pending { row, user } = pending;
    let (detail, interaction) = (SignUpDetail::read(&row)?, row.interaction_id.clone());
    let mut record = audit_at("address_verified", user.id.as_str(), visit);
    record.user_id = Some(user.id.clone());
    let (id, now, here) = (provider.new_id()?, visit.now, visit.browser_hash.clone());
    let done = provider
        .db
        .write(async move |tx| {
            users::hold(tx, &user.id).await?;
            let done = one_time::consume(tx, &row, now).await? && detail.apply(tx, &user, &row.email_key, now).await?;
            if done {
                // The sign-in that follows elsewhere may be that of a stranger who waited for this: its owner hears of it.
                known_devices::record(tx, &user.id, &here, now).await?;
                audits::write(tx, &id, &record).await?;
            }
            Ok(done)
        })
        .await?;
    Ok(if done { Verified::Elsewhere { interaction } } else { Verified::Gone })
}

async fn come_in(provider: &Provider, found: Found, pending: Pending, visit: &Visit) -> Result<Option<SignedIn>, Fault> {
    let Pending { row, user } = pending;
    let detail = SignUpDetail::read(&row)?;
    let entry = Entry { user, means: Means::one("pwd"), proof: Proof::SignedUp(row, detail), stay: Stay::Remembered };
    establish(provider, found, entry, visit).await
}

/// Proves the address by the code of the mail, in the browser that asked.
///
/// # Errors
/// Storage, keys or chance failed.
pub async fn verify_code(provider: &Provider, found: Found, typed: &str, visit: &Visit) -> Result<Typed, Fault> {
    let row = match guess(provider, &found, Purpose::VerifyAddress, typed, visit).await? {
        Guess::Right(row) => *row,
        Guess::Wrong => return Ok(Typed::Wrong),
        Guess::Throttled { retry_after_seconds } => return Ok(Typed::Throttled { retry_after_seconds }),
    };
    let Some(user) = owner(provider, &row).await? else { return Ok(Typed::Wrong) };
    let signed_in = come_in(provider, found, Pending { row, user }, visit).await?;
    Ok(signed_in.map_or(Typed::Wrong, |signed_in| Typed::In(Box::new(signed_in))))
}

/// Sends the mail that proves the address of a person whose password was right, and goes to the page that waits for it.
///
/// # Errors
/// Storage, keys or chance failed.
pub async fn ask(provider: &Provider, found: &Found, user: &User, visit: &Visit) -> Result<Outcome, Fault> {
    let mut conn = provider.db.conn();
    let phc = passwords::of(&mut conn, &user.id).await?;
    let detail = phc.map(|phc| {
        let name = user.claims.get("name").and_then(|name| name.as_str()).map(str::to_owned);
        SignUpDetail { name, phc }
    });
    send(provider, found, (user, detail), visit).await
}

/// Sends it once more, with what the last one held. Where none was sent before, none is sent now.
///
/// # Errors
/// Storage, keys or chance failed.
pub(super) async fn again(provider: &Provider, found: &Found, to: &str, visit: &Visit) -> Result<Outcome, Fault> {
    let last = sent::last_for_interaction(&mut provider.db.conn(), &found.id, Purpose::VerifyAddress.as_str()).await?;
    let last = match last {
        // A password that was changed since must not come back with another mail.
        Some(row) if row.used_at.is_none() => {
            owner(provider, &row).await?.filter(|user| !user.email_verified).map(|user| (user, row))
        }
        _ => None,
    };
    let Some((user, row)) = last else {
        let (event, id, interaction, now) = (mailed(Await::Verification, to)?, provider.new_id()?, found.id.clone(), visit.now);
        provider.db.write(async move |tx| add_event(tx, &id, &interaction, &event, now).await).await?;
        return Ok(found.check_mail());
    };
    let detail = SignUpDetail::read(&row)?;
    send(provider, found, (&user, Some(detail)), visit).await
}

async fn send(
    provider: &Provider,
    found: &Found,
    (user, detail): (&User, Option<SignUpDetail>),
    visit: &Visit,
) -> Result<Outcome, Fault> {
    let address = user.email.clone().unwrap_or_default();
    let letter = match (Recipient::of(user, visit.lang), detail) {
        (Some(to), Some(detail)) if provider.post.is_on() => Some(letter(provider, found, (&to, &detail), visit)?),
        _ => None,
    };
    let event = mailed(Await::Verification, &address)?;
    // Their password was right, or they hold the browser in which they signed up.
    let mut record = audit_at("verification_asked", "anonymous", visit);
    record.user_id = Some(user.id.clone());
    let (ids, interaction, now) = ((provider.new_id()?, provider.new_id()?), found.id.clone(), visit.now);
    provider
        .db
        .write(async move |tx| {
            if let Some(mail) = letter {
                mail.send(tx, now).await?;
                audits::write(tx, &ids.1, &record).await?;
            }
            add_event(tx, &ids.0, &interaction, &event, now).await
        })
        .await?;
    Ok(found.check_mail())
}

fn letter(provider: &Provider, found: &Found, (to, detail): (&Recipient, &SignUpDetail), visit: &Visit) -> Result<Mail, Fault> {
    let mut errand = to.errand(Purpose::VerifyAddress, detail.write()?, visit);
    errand.interaction_id = Some(found.id.clone());
    let app = found.app_name();
    mail(provider, to, errand, visit.now, |link, code| Letter::VerifyAddress { link, code: code.expose().clone(), app })
}
