//! Signing in by a link or a code that was sent (decision 14): in the browser that asked, and in no other. Whoever opens the link
//! elsewhere is shown the code, to be typed where it was asked for, and gets no session (EM-10).

use super::verify::{Typed, owner};
use super::{Await, Guess, Recipient, add_event, guess, mail, mailed, recover};
use crate::base::{Fault, Secret};
use crate::endpoints::interaction::{self, Found, Outcome};
use crate::endpoints::second_factor::Means;
use crate::endpoints::sign_in::{Entry, Proof, SignedIn, Stay, establish};
use crate::endpoints::{Provider, Visit, audit_at};
use crate::identity::one_time::{self, CODE_SECONDS, LinkToken, OneTime, Purpose};
use crate::identity::users::{self, User};
use crate::notify::Letter;
use crate::store::audit as audits;

/// How a sign-in by mail is remembered in `amr`: something was received and given back (RFC 8176, `otp`).
const AMR: &str = "otp";

/// Sends a link and a code to sign in with, if there is an account for what was typed.
///
/// # Errors
/// Storage, keys or chance failed.
pub async fn ask(provider: &Provider, found: &Found, typed: &str, visit: &Visit) -> Result<Outcome, Fault> {
    let mut conn = provider.db.conn();
    let user = users::by_login(&mut conn, typed).await?.filter(User::is_open);
    let to = user.as_ref().and_then(|user| Recipient::of(user, visit.lang));
    let is_known = to.is_some();
    let to = to.unwrap_or_else(|| Recipient::nobody(typed, visit.lang));
    let may_send = is_known && provider.sign_in_by_mail();
    let mut errand = to.errand(Purpose::SignIn, String::new(), visit);
    errand.interaction_id = Some(found.id.clone());
    let app = found.app_name();
    let letter =
        mail(provider, &to, errand, visit.now, |link, code| Letter::SignInLink { link, code: code.expose().clone(), app })?;
    let event = mailed(Await::SignIn, typed)?;
    let mut record = audit_at("sign_in_link_asked", "anonymous", visit);
    record.user_id = to.user_id;
    let (ids, interaction, now) = ((provider.new_id()?, provider.new_id()?), found.id.clone(), visit.now);
    provider
        .db
        .write(async move |tx| {
            if may_send {
                letter.send(tx, now).await?;
                audits::write(tx, &ids.1, &record).await?;
            }
            add_event(tx, &ids.0, &interaction, &event, now).await
        })
        .await?;
    Ok(found.check_mail())
}

/// What is behind a sign-in link.
pub enum Link {
    /// In the browser that asked: one press of a button signs in as this person.
    Here { address: String },
    /// Elsewhere: the code, while it is good.
    Elsewhere { code: Option<Secret<String>> },
}

/// What a link leads to. It consumes nothing.
///
/// # Errors
/// Storage failed.
pub async fn find(provider: &Provider, token: &str, visit: &Visit) -> Result<Option<Link>, Fault> {
    let Some((row, _)) = live(provider, token, visit).await? else { return Ok(None) };
    if row.browser_hash == visit.browser_hash {
        return Ok(Some(Link::Here { address: row.email }));
    }
    let is_good = visit.now.since(row.created_at) < CODE_SECONDS;
    let code = LinkToken::parse(Purpose::SignIn, token).filter(|_| is_good).map(|token| provider.code_key.code(&token));
    Ok(Some(Link::Elsewhere { code }))
}

async fn live(provider: &Provider, token: &str, visit: &Visit) -> Result<Option<(OneTime, User)>, Fault> {
    if !provider.sign_in_by_mail() {
        return Ok(None);
    }
    let Some(row) = one_time::find(&mut provider.db.conn(), Purpose::SignIn, token, visit.now).await? else { return Ok(None) };
    Ok(owner(provider, &row).await?.map(|user| (row, user)))
}

/// Signs in by a link, in the browser that asked for it. Nothing if the link is not good there.
///
/// # Errors
/// Storage, keys or chance failed.
pub async fn sign_in(provider: &Provider, token: &str, visit: &Visit) -> Result<Option<SignedIn>, Fault> {
    let Some((row, user)) = live(provider, token, visit).await? else { return Ok(None) };
    if row.browser_hash != visit.browser_hash {
        return Ok(None);
    }
    let found = interaction::reopen(provider, row.interaction_id.as_ref(), visit).await?;
    let entry = entry(provider, (row, user), &found, visit)?;
    establish(provider, found, entry, visit).await
}

/// Signs in by the code of the mail, in the browser that asked.
///
/// # Errors
/// Storage, keys or chance failed.
pub async fn sign_in_by_code(provider: &Provider, found: Found, typed: &str, visit: &Visit) -> Result<Typed, Fault> {
    if !provider.sign_in_by_mail() {
        return Ok(Typed::Wrong);
    }
    let row = match guess(provider, &found, Purpose::SignIn, typed, visit).await? {
        Guess::Right(row) => *row,
        Guess::Wrong => return Ok(Typed::Wrong),
        Guess::Throttled { retry_after_seconds } => return Ok(Typed::Throttled { retry_after_seconds }),
    };
    let Some(user) = owner(provider, &row).await? else { return Ok(Typed::Wrong) };
    let entry = entry(provider, (row, user), &found, visit)?;
    let signed_in = establish(provider, found, entry, visit).await?;
    Ok(signed_in.map_or(Typed::Wrong, |signed_in| Typed::In(Box::new(signed_in))))
}

fn entry(provider: &Provider, (row, user): (OneTime, User), found: &Found, visit: &Visit) -> Result<Entry, Fault> {
    let proof = if found.is_confirming(&user.id) {
        Proof::Confirmed(row)
    } else {
        Proof::Mailed { row, told: recover::first_proof(provider, &user, visit)? }
    };
    Ok(Entry { user, means: Means::one(AMR), proof, stay: Stay::Remembered })
}
