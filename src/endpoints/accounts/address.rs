//! Another address: it takes the place of the one before once somebody who holds its mail says so, and only the very one that
//! the mail went to (EM-08). The address before is told, with a way back (EM-19).

use serde::{Deserialize, Serialize};

use super::sign_up::AddressRefused;
use super::{Await, Guess, Mail, Recipient, Sent, add_event, guess, mail, mailed, recover::unsent};
use crate::base::Fault;
use crate::cache::RetryAfter;
use crate::endpoints::interaction::{self, AccountPage, Errand, Found, Outcome};
use crate::endpoints::{Provider, Signed, Visit, audit_at};
use crate::identity::one_time::{self, LinkToken, OneTime, Purpose};
use crate::identity::sessions;
use crate::identity::users::{self, User, email_key};
use crate::notify::Letter;
use crate::store::audit::{self as audits, AuditEvent};
use crate::store::users::{self as people, NewAddress};
use crate::store::{Tx, passwords};

/// What became of a wish for another address.
pub enum Change {
    /// Whoever has the address: the mail tells how to go on.
    Sent(Outcome),
    Refused(AddressRefused),
    /// It is the person's already.
    Same,
    TooMany(RetryAfter),
}

/// The detail of a way back to an address that no mail of ours had proved: with it everything goes that was there before.
const CLAIMED: &str = "claimed";

/// What goes with the link to the new address.
#[derive(Serialize, Deserialize)]
struct Detail {
    /// The key of the address whose place it takes.
    before: String,
}

impl Detail {
    fn read(row: &OneTime) -> Result<Self, Fault> {
        serde_json::from_str(&row.detail).map_err(|_| Fault::corrupt("one_time_tokens", "detail"))
    }
}

/// Sends a link and a code to the address that a person wants. Whoever calls has seen to it that their sign-in is fresh.
///
/// # Errors
/// Storage, keys or chance failed.
pub async fn ask(provider: &Provider, signed: &Signed, typed: &str, visit: &Visit) -> Result<Change, Fault> {
    let Some(key) = email_key(typed) else { return Ok(Change::Refused(AddressRefused::NoAddress)) };
    if !provider.policy.accounts.takes(&key) {
        return Ok(Change::Refused(AddressRefused::OtherDomain));
    }
    if signed.user.email.as_deref().and_then(email_key).is_some_and(|own| own == key) {
        return Ok(Change::Same);
    }
    let found = match interaction::begin_stored(provider, Errand::StepUp(AccountPage::Address), visit).await? {
        Ok(found) => found,
        Err(retry) => return Ok(Change::TooMany(retry)),
    };
    Ok(Change::Sent(send(provider, &found, (signed, typed.trim()), visit).await?))
}

/// Sends it once more.
///
/// # Errors
/// Storage, keys or chance failed.
pub(super) async fn again(provider: &Provider, found: &Found, to: &str, visit: &Visit) -> Result<Outcome, Fault> {
    match &visit.session {
        Some(signed) if signed.is_fresh(visit.now) => send(provider, found, (signed, to), visit).await,
        _ => Ok(Outcome::AccountPage(AccountPage::Address)),
    }
}

/// The same is done whether or not somebody has the address; only who hears of it differs.
async fn send(provider: &Provider, found: &Found, (signed, typed): (&Signed, &str), visit: &Visit) -> Result<Outcome, Fault> {
    let mut conn = provider.db.conn();
    // Who signed up with it and never proved it has no more right to it than this person.
    let holder = users::by_login(&mut conn, typed).await?.filter(|holder| holder.verify_by.is_none());
    let letter = match &holder {
        Some(holder) => taken(provider, holder, visit)?,
        None => Some(confirmation(provider, found, (&signed.user, typed), visit)?),
    };
    let letter = letter.filter(|_| provider.post.is_on());
    let record = record("address_change_asked", &signed.user, visit);
    let event = mailed(Await::NewAddress, typed)?;
    let (ids, interaction, now) = ((provider.new_id()?, provider.new_id()?), found.id.clone(), visit.now);
    let Signed { session, user } = signed.clone();
    provider
        .db
        .write(async move |tx| {
            // Whoever ends this session has ended the links that it asked for; none may come after.
            users::hold(tx, &user.id).await?;
            sessions::still_open(tx, &session.id, now).await?;
            if let Some(letter) = letter
                && letter.send(tx, now).await? == Sent::Queued
            {
                audits::write(tx, &ids.0, &record).await?;
            }
            add_event(tx, &ids.1, &interaction, &event, now).await
        })
        .await?;
    Ok(found.check_mail())
}

fn record(kind: &str, user: &User, visit: &Visit) -> AuditEvent {
    let mut record = audit_at(kind, user.id.as_str(), visit);
    record.user_id = Some(user.id.clone());
    record
}

/// What the owner of an address hears that somebody else wants.
fn taken(provider: &Provider, holder: &User, visit: &Visit) -> Result<Option<Mail>, Fault> {
    let Some(to) = Recipient::of(holder, visit.lang) else { return Ok(None) };
    let errand = to.errand(Purpose::Notice, String::new(), visit);
    let link = |path: &str| provider.issuer.join(path);
    let letter = Letter::AddressTaken { sign_in_link: link("/sign-in"), reset_link: link("/forgot-password"), app: None };
    mail(provider, &to, errand, visit.now, |_, _| letter).map(Some)
}

fn confirmation(provider: &Provider, found: &Found, (user, typed): (&User, &str), visit: &Visit) -> Result<Mail, Fault> {
    let before = user.email.as_deref().and_then(email_key).unwrap_or_default();
    let own = Recipient::of(user, visit.lang);
    let mut to = Recipient::nobody(typed, own.as_ref().map_or(visit.lang, |own| own.lang));
    to.user_id = Some(user.id.clone());
    typed.clone_into(&mut to.email);
    to.name = own.and_then(|own| own.name);
    let detail = serde_json::to_string(&Detail { before }).map_err(Fault::at("accounts: detail"))?;
    let mut errand = to.errand(Purpose::NewAddress, detail, visit);
    errand.interaction_id = Some(found.id.clone());
    mail(provider, &to, errand, visit.now, |link, code| Letter::ConfirmNewAddress { link, code: code.expose().clone() })
}

/// What a link would change. It consumes nothing.
///
/// # Errors
/// Storage failed.
pub async fn find(provider: &Provider, token: &str, visit: &Visit) -> Result<Option<Confirmed>, Fault> {
    let row = one_time::find(&mut provider.db.conn(), Purpose::NewAddress, token, visit.now).await?;
    let Some(row) = row else { return Ok(None) };
    Ok(changing(provider, &row).await?.map(|user| Confirmed { row, user }))
}

/// The person of a row, if they may be here and have the address still that it was to take the place of.
async fn changing(provider: &Provider, row: &OneTime) -> Result<Option<User>, Fault> {
    let Some(id) = &row.user_id else { return Ok(None) };
    let before = Detail::read(row)?.before;
    let user = users::by_id(&mut provider.db.conn(), id).await?;
    Ok(user.filter(|user| user.is_open() && user.email.as_deref().and_then(email_key).is_some_and(|own| own == before)))
}

/// A change that is about to happen.
pub struct Confirmed {
    row: OneTime,
    user: User,
}

impl Confirmed {
    /// The new address.
    pub fn address(&self) -> &str {
        &self.row.email
    }
}

/// Changes the address by a link, in any browser: it only proves whose mail the address is. False if it is not good any more, or
/// somebody has the address by now.
///
/// # Errors
/// Storage, keys or chance failed.
pub async fn confirm(provider: &Provider, token: &str, visit: &Visit) -> Result<bool, Fault> {
    match find(provider, token, visit).await? {
        Some(confirmed) => change(provider, confirmed, visit).await,
        None => Ok(false),
    }
}

/// What typing a code led to.
pub enum CodeOutcome {
    Changed,
    Wrong,
    Throttled { retry_after_seconds: i64 },
}

/// Changes the address by the code of the mail, for the person who asked, in the browser that asked.
///
/// # Errors
/// Storage, keys or chance failed.
pub async fn change_by_code(provider: &Provider, found: &Found, typed: &str, visit: &Visit) -> Result<CodeOutcome, Fault> {
    let row = match guess(provider, found, Purpose::NewAddress, typed, visit).await? {
        Guess::Right(row) => *row,
        Guess::Wrong => return Ok(CodeOutcome::Wrong),
        Guess::Throttled { retry_after_seconds } => return Ok(CodeOutcome::Throttled { retry_after_seconds }),
    };
    let Some(user) = changing(provider, &row).await? else { return Ok(CodeOutcome::Wrong) };
    if visit.session.as_ref().is_none_or(|signed| signed.user.id != user.id) {
        return Ok(CodeOutcome::Wrong);
    }
    Ok(if change(provider, Confirmed { row, user }, visit).await? { CodeOutcome::Changed } else { CodeOutcome::Wrong })
}

async fn change(provider: &Provider, confirmed: Confirmed, visit: &Visit) -> Result<bool, Fault> {
    let Confirmed { row, user } = confirmed;
    let before = Detail::read(&row)?.before;
    // An address that nobody had proved gets no way back into the account.
    let told = Recipient::of(&user, visit.lang).filter(|_| user.email_verified && provider.post.is_on());
    let told = told.map(|to| {
        let claimed = if user.address_proved_here { "" } else { CLAIMED };
        let errand = to.errand(Purpose::UndoAddress, claimed.to_owned(), visit);
        let new_address = row.email.clone();
        mail(provider, &to, errand, visit.now, |undo_link, _| Letter::AddressChanged { new_address, undo_link })
    });
    let told = told.transpose()?;
    let record = record("address_changed", &user, visit);
    let (id, now) = (provider.new_id()?, visit.now);
    provider
        .db
        .write(async move |tx| {
            users::hold(tx, &user.id).await?;
            if !one_time::consume(tx, &row, now).await? {
                return Ok(false);
            }
            people::remove_unproved(tx, &row.email_key).await?;
            let new = NewAddress { email: &row.email, email_key: &row.email_key, before: &before };
            if !people::set_address(tx, &user.id, &new, now).await? {
                return Ok(false);
            }
            users::void_ways_in(tx, &user.id, now).await?;
            if let Some(told) = &told {
                told.tell(tx, now).await?;
            }
            audits::write(tx, &id, &record).await?;
            Ok(true)
        })
        .await
}

/// What the link to the address before leads back to.
pub struct Undo {
    row: OneTime,
    user: User,
}

impl Undo {
    /// The address before.
    pub fn address(&self) -> &str {
        &self.row.email
    }
}

/// What became of it.
pub enum UndoDone {
    /// The address is back and everything of the account has ended; this link leads to another password.
    Done(LinkToken),
    Gone,
}

/// What a link would take back. It consumes nothing.
///
/// # Errors
/// Storage failed.
pub async fn find_undo(provider: &Provider, token: &str, visit: &Visit) -> Result<Option<Undo>, Fault> {
    let mut conn = provider.db.conn();
    let Some(row) = one_time::find(&mut conn, Purpose::UndoAddress, token, visit.now).await? else { return Ok(None) };
    let Some(id) = &row.user_id else { return Ok(None) };
    // Whoever took the account over may have planned its end as well: that does not stand in the way.
    let user = users::by_id(&mut conn, id).await?.filter(|user| user.disabled_at.is_none());
    let holder = users::by_login(&mut conn, &row.email).await?;
    let is_free = holder.is_none_or(|holder| holder.id == *id || holder.verify_by.is_some());
    Ok(user.filter(|_| is_free).map(|user| Undo { row, user }))
}

/// Gives the account its address back, for who holds the mail of that. Whoever came in in between is out: every session and
/// grant ends, and the password is worth nothing.
///
/// # Errors
/// Storage, keys or chance failed.
pub async fn undo(provider: &Provider, token: &str, visit: &Visit) -> Result<UndoDone, Fault> {
    let Some(Undo { row, user }) = find_undo(provider, token, visit).await? else { return Ok(UndoDone::Gone) };
    let before = user.email.as_deref().and_then(email_key).unwrap_or_default();
    let reset = unsent(provider, &row, visit)?;
    let link = reset.token.clone();
    let record = record("address_change_undone", &user, visit);
    let (id, now) = (provider.new_id()?, visit.now);
    let done = provider
        .db
        .write(async move |tx| {
            users::hold(tx, &user.id).await?;
            if !one_time::consume(tx, &row, now).await? {
                return Ok(false);
            }
            if !give_back(tx, (&user, &row, &before), now).await? {
                // Nothing of it is kept, the link neither: somebody else has the address in this very moment.
                return Err(Fault::new("accounts: undo", "the old address cannot be given back"));
            }
            reset.store(tx).await?;
            audits::write(tx, &id, &record).await?;
            Ok(true)
        })
        .await?;
    Ok(if done { UndoDone::Done(link) } else { UndoDone::Gone })
}

async fn give_back(
    tx: &mut Tx,
    (person, row, before): (&User, &OneTime, &str),
    now: crate::base::Timestamp,
) -> Result<bool, Fault> {
    let user = &person.id;
    people::set_deletion(tx, user, None).await?;
    people::remove_unproved(tx, &row.email_key).await?;
    let old = NewAddress { email: &row.email, email_key: &row.email_key, before };
    if !people::set_address(tx, user, &old, now).await? {
        return Ok(false);
    }
    users::remove_added_since(tx, user, row.created_at).await?;
    if row.detail == CLAIMED {
        users::forget_attached(tx, person, now).await?;
    } else {
        passwords::remove(tx, user).await?;
        users::end_everything_known(tx, user, now).await?;
    }
    // The ways back that were sent later went to addresses that whoever took the account over chose.
    one_time::void_after(tx, user, row, now).await?;
    one_time::void(tx, user, Purpose::KeepAccount, now).await?;
    Ok(true)
}
