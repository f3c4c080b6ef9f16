//! How a person comes in: by password, or by what was sent to their address. Both end in [`establish`], the one place
//! where a session begins.

mod notice;
mod throttled;

pub(super) use throttled::{record_throttled, record_throttled_second};

use serde::{Deserialize, Serialize};

use super::accounts;
use super::interaction::{Found, Outcome, look};
use super::second_factor::{self, After, Means, Own, SecondProof};
use super::upstreams::Origin;
use super::{Provider, Signed, Visit, audit, audit_at, op_browser_state, upstreams};
use crate::base::{Fault, Id, Secret, Timestamp, public_id};
use crate::identity::factor::Level;
use crate::identity::one_time::{self, OneTime};
use crate::identity::sessions::{self, NewSession, SessionToken};
use crate::identity::sign_in::{self, Attempt, Outcome as Verdict};
use crate::identity::users::{self, User};
use crate::store::audit::AuditEvent;
use crate::store::interactions::{self, Event, EventKind};
use crate::store::outbox::{self, NewMail};
use crate::store::{Tx, audit as audits, factor_terms, known_devices, passkeys, passwords, trusted_devices};

/// The person in front of a page, after what they just did.
pub struct SignedIn {
    pub pass: Pass,
    pub outcome: Outcome,
}

/// What the browser gets.
pub enum Pass {
    Session {
        token: Secret<String>,
        /// What the frame of session management sees of it.
        browser_state: String,
        stay: Stay,
        /// What the browser shows the next time, if it is to be remembered.
        device: Option<Secret<String>>,
    },
    /// A first proof alone: what opens the page that asks for the second factor.
    Half { token: Secret<String> },
    /// Nothing new.
    Kept,
}

/// How long the browser keeps the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stay {
    Remembered,
    UntilBrowserCloses,
}

/// What a password led to.
pub enum PasswordOutcome {
    Done(SignedIn),
    /// The password was right; the address has to be proved first.
    MustVerify(Outcome),
    Wrong,
    Throttled {
        retry_after_seconds: i64,
    },
    Busy,
}

/// What a person typed on the sign-in page.
pub struct Credentials {
    pub login: String,
    pub password: Secret<String>,
    pub stay: Stay,
}

/// Signs a person in with a password. The session of anybody else in this browser ends once the new one has begun.
///
/// # Errors
/// Storage, keys or chance failed.
pub async fn with_password(
    provider: &Provider,
    found: Found,
    credentials: Credentials,
    visit: &Visit,
) -> Result<PasswordOutcome, Fault> {
    let attempt = Attempt {
        login: credentials.login.clone(),
        password: credentials.password,
        browser_hash: visit.browser_hash.clone(),
        address: visit.address,
        now: visit.now,
    };
    let (user, phc) = match sign_in::password(&provider.db, &provider.hasher, attempt).await? {
        Verdict::Verified { user, phc } => (*user, phc),
        Verdict::Wrong => return Ok(PasswordOutcome::Wrong),
        Verdict::Throttled { retry_after_seconds } => {
            record_throttled(provider, found.client.as_ref(), &credentials.login, visit).await?;
            return Ok(PasswordOutcome::Throttled { retry_after_seconds });
        }
        Verdict::Busy => return Ok(PasswordOutcome::Busy),
    };
    if provider.policy.accounts.must_verify(&user) {
        let outcome = accounts::ask_to_verify(provider, &found, &user, visit).await?;
        return Ok(PasswordOutcome::MustVerify(outcome));
    }
    let entry = Entry { user, means: Means::one("pwd"), proof: Proof::Password { phc }, stay: credentials.stay };
    match establish(provider, found, entry, visit).await? {
        Some(signed_in) => Ok(PasswordOutcome::Done(signed_in)),
        None => Ok(PasswordOutcome::Wrong),
    }
}

/// Who comes in and on what grounds.
pub(super) struct Entry {
    pub user: User,
    /// What was done.
    pub means: Means,
    pub proof: Proof,
    pub stay: Stay,
}

/// What the transaction looks at again, or uses up.
pub(super) enum Proof {
    Password {
        phc: String,
    },
    /// What was sent to the person's address; it proves the address as well. Of what that takes away they are told.
    Mailed {
        row: OneTime,
        told: Option<NewMail>,
    },
    /// The same, for who came by an account elsewhere in the same browser just now: both are theirs, and nothing goes.
    Confirmed(OneTime),
    /// The same, for who signed up: the password and name that were given then become the account's.
    SignedUp(OneTime, accounts::SignUpDetail),
    /// What an authenticator signed.
    Passkey {
        challenge: String,
        id: Id,
        signed: passkeys::Signed,
    },
    /// An invitation, which makes the account.
    Invited(Box<accounts::NewAccount>),
    /// A second factor, after a first proof that was used up before.
    Second(Box<SecondProof>),
    /// Another provider vouches for them.
    Upstream(Box<upstreams::Grounds>),
}

/// Whether the session that the same person has in this browser goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Session {
    Kept,
    Ended,
}

impl Proof {
    /// What was there before an address was proved ends with the proof (decision 17).
    const fn session(&self, user: &User) -> Session {
        match self {
            Self::Mailed { .. } | Self::SignedUp(..) if !user.address_proved_here => Session::Ended,
            _ => Session::Kept,
        }
    }

    /// Whether it brings the very password that the account has: then it proves the address of who made the account.
    async fn is_of_maker(&self, provider: &Provider) -> Result<bool, Fault> {
        let Self::SignedUp(OneTime { user_id: Some(user), .. }, detail) = self else { return Ok(false) };
        Ok(passwords::of(&mut provider.db.conn(), user).await?.is_some_and(|phc| phc == detail.phc))
    }

    /// What the browser shows the next time, if it is to be remembered.
    fn device_token(&self) -> Option<Secret<String>> {
        match self {
            Self::Second(second) => second.device_token(),
            _ => None,
        }
    }

    /// The other provider that the person came by.
    pub(super) fn origin(&self) -> Option<&Origin> {
        match self {
            Self::Upstream(grounds) => Some(grounds.origin()),
            Self::Second(second) => second.origin(),
            _ => None,
        }
    }

    pub(super) async fn take(&self, tx: &mut Tx, user: &User, visit: &Visit) -> Result<bool, Fault> {
        let now = visit.now;
        users::hold(tx, &user.id).await?;
        match self {
            Self::Password { phc } => passwords::stands(tx, &user.id, phc).await,
            Self::Mailed { row, told } => {
                if !one_time::consume(tx, row, now).await? || !users::prove_address(tx, user, &row.email_key, now).await? {
                    return Ok(false);
                }
                if let Some(told) = told {
                    outbox::enqueue(tx, told, now).await?;
                }
                Ok(true)
            }
            Self::Confirmed(row) => {
                Ok(one_time::consume(tx, row, now).await? && users::verified(tx, user, &row.email_key, now).await?)
            }
            Self::SignedUp(row, detail) => {
                Ok(one_time::consume(tx, row, now).await? && detail.apply(tx, user, &row.email_key, now).await?)
            }
            Self::Passkey { challenge, id, signed } => {
                // Whoever shows what they have has not lost it.
                factor_terms::end_reset(tx, &user.id).await?;
                Ok(passkeys::answer(tx, challenge, now).await? && passkeys::signed(tx, id, signed, now).await?)
            }
            Self::Invited(account) => account.make(tx, visit).await,
            Self::Second(second) => second.take(tx, &user.id, now).await,
            Self::Upstream(grounds) => grounds.take(tx, visit).await,
        }
    }
}

/// Begins a session, or gives the one of this browser a new token, in one transaction with its grounds. Nothing if the grounds are
/// gone by then. A person who has signed in elsewhere before hears of it by mail.
///
/// # Errors
/// Storage, keys or chance failed.
pub(super) async fn establish(
    provider: &Provider,
    mut found: Found,
    entry: Entry,
    visit: &Visit,
) -> Result<Option<SignedIn>, Fault> {
    let After::Session { trusted } = after(provider, &found, &entry, visit).await? else {
        return second_factor::begin_half(provider, found, entry, visit).await;
    };
    let Entry { user, means, proof, stay } = entry;
    let token = SessionToken::new(&provider.random)?;
    let mut session = next_session(provider, &user, (&token, &means, proof.session(&user)), visit)?;
    session.device_trusted = trusted.is_some();
    if let Some(origin) = proof.origin() {
        session.is_dated = origin.proved_at().is_some();
        session.auth_time = origin.proved_at().unwrap_or(visit.now);
    }
    let device = proof.device_token();
    let notice = notice::of_new_device(provider, &user, &session, visit).await?;
    let event = Event { kind: EventKind::SignedIn, session_id: session.id.clone(), detail: String::new() };
    let mut record = audit("sign_in", user.id.as_str(), visit.now);
    record.user_id = Some(user.id.clone());
    record.client_id = found.client.as_ref().map(|c| c.client.client_id.clone());
    record.address = Some(visit.address.to_string());
    record.detail = serde_json::json!({ "amr": means.amr, "user_agent": visit.user_agent });
    let ids = (provider.new_id()?, provider.new_id()?);
    let (interaction, now, stored, added) = (found.id.clone(), visit.now, session.clone(), event.clone());
    let (person, here) = (user.clone(), visit.clone());
    let replaced = replaced(provider, &user, visit)?;
    let begun = provider
        .db
        .write(async move |tx| {
            // Nothing is used up where the browser was forgotten in the meantime.
            if !is_remembered(tx, &person.id, trusted.as_ref(), now).await? || !proof.take(tx, &person, &here).await? {
                return Ok(false);
            }
            begin(tx, &stored, &here).await?;
            if let Some(origin) = proof.origin() {
                origin.note(tx, &stored.id, &person, now).await?;
            }
            if let Some((id, record)) = &replaced {
                audits::write(tx, id, record).await?;
            }
            know_browser(tx, &stored).await?;
            if let Some(mail) = &notice {
                mail.prepared.store(tx).await?;
                outbox::enqueue(tx, &mail.sealed, now).await?;
            }
            interactions::add_event(tx, &ids.0, &interaction, &added, now).await?;
            audits::write(tx, &ids.1, &record).await?;
            Ok(true)
        })
        .await?;
    if !begun {
        return Ok(None);
    }
    found.events.push(event);
    // What was proved just now may have changed the person.
    let user = users::by_id(&mut provider.db.conn(), &user.id).await?.unwrap_or(user);
    let session = session.session();
    let browser_state = op_browser_state(Some(&session));
    // The first proof has done its work.
    let after = Visit { session: Some(Signed { session, user }), half_hash: None, ..visit.clone() };
    let outcome = look(provider, &found, &after).await?;
    let pass = Pass::Session { token: Secret::new(token.expose().to_owned()), browser_state, stay, device };
    Ok(Some(SignedIn { pass, outcome }))
}

/// What comes after a proof: a session, or the second factor.
async fn after(provider: &Provider, found: &Found, entry: &Entry, visit: &Visit) -> Result<After, Fault> {
    if matches!(entry.proof, Proof::Second(_)) {
        return Ok(After::Session { trusted: None });
    }
    let own = Own::of(provider, &entry.user).await?;
    if entry.proof.session(&entry.user) == Session::Kept || entry.proof.is_of_maker(provider).await? {
        return second_factor::after_first(provider, found, (&entry.user, &entry.means, own), visit).await;
    }
    // What let anybody in before the address was proved goes with the proof, and so does what this browser was remembered by; what
    // is left of second factors is asked for (MF-04).
    let forgotten = Visit { device_hash: None, ..visit.clone() };
    let own = own.after_first_proof(provider, &entry.user);
    second_factor::after_first(provider, found, (&entry.user, &entry.means, own), &forgotten).await
}

/// Whether the browser that stands for a second factor is remembered still, if one does.
async fn is_remembered(tx: &mut Tx, person: &Id, device: Option<&Id>, now: Timestamp) -> Result<bool, Fault> {
    let Some(device) = device else { return Ok(true) };
    // The person first, as everywhere, or PostgreSQL would find deadlocks.
    users::hold(tx, person).await?;
    trusted_devices::touch(tx, device, now).await
}

/// What the person hears whose session ends here because somebody else signs in.
fn replaced(provider: &Provider, user: &User, visit: &Visit) -> Result<Option<(Id, AuditEvent)>, Fault> {
    let Some(before) = visit.session.as_ref().filter(|before| before.user.id != user.id) else { return Ok(None) };
    let mut record = audit_at("session_replaced", "anonymous", visit);
    record.user_id = Some(before.user.id.clone());
    Ok(Some((provider.new_id()?, record)))
}

/// The browser is one that the person knows from now on.
async fn know_browser(tx: &mut Tx, session: &NewSession) -> Result<(), Fault> {
    let (user, browser, now) = (&session.user_id, &session.browser_hash, session.now);
    known_devices::record(tx, user, browser, now).await?;
    if session.second_at.is_some() {
        known_devices::record_second(tx, user, browser, now).await?;
    }
    Ok(())
}

/// The session takes the place of the one that this browser had, and of those that were left behind in it.
async fn begin(tx: &mut Tx, new: &NewSession, visit: &Visit) -> Result<(), Fault> {
    let now = visit.now;
    if let Some(before) = &visit.session {
        if before.session.id == new.id {
            return sessions::reauthenticate(tx, new).await;
        }
        sessions::end(tx, &before.session.id, now).await?;
    }
    sessions::end_left_behind(tx, (&new.user_id, &visit.browser_hash), &new.id, now).await?;
    sessions::start(tx, new).await
}

/// The session after a sign-in: the same one with a new token for the same person, a new one for anybody else.
fn next_session(
    provider: &Provider,
    user: &User,
    (token, means, keeps): (&SessionToken, &Means, Session),
    visit: &Visit,
) -> Result<NewSession, Fault> {
    let kept = visit.session.as_ref().filter(|signed| signed.user.id == user.id && keeps == Session::Kept);
    let (id, sid) = match kept {
        Some(signed) => (signed.session.id.clone(), signed.session.sid.clone()),
        None => (provider.new_id()?, public_id(&provider.random)?),
    };
    Ok(NewSession {
        id,
        sid,
        token_hash: token.hash(),
        user_id: user.id.clone(),
        browser_hash: visit.browser_hash.clone(),
        auth_time: visit.now,
        acr: means.level.as_str().to_owned(),
        amr: means.amr.clone(),
        second_at: (means.level >= Level::Two).then_some(visit.now),
        device_trusted: false,
        is_dated: true,
        user_agent: visit.user_agent.clone(),
        address: visit.address.to_string(),
        now: visit.now,
        expires_at: visit.now.plus(provider.policy.session_absolute_seconds),
    })
}
