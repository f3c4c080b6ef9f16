//! Somebody new whose provider says no address, or none that is proved: they give one and prove it here, by a mail, before there
//! is an account. Whether somebody has the address is told to its owner alone.

use serde::{Deserialize, Serialize};

use super::decide::{is_welcome, newcomer, open_arrival};
use super::grounds::Proved;
use super::{Stop, Waiting};
use crate::base::{Fault, Id, Secret};
use crate::endpoints::accounts::{self, Await, Guess, Link, Mail, Recipient, Typed};
use crate::endpoints::interaction::{self, Found, Outcome};
use crate::endpoints::sign_in::{SignedIn, establish};
use crate::endpoints::{Provider, Visit};
use crate::identity::one_time::{self, CODE_SECONDS, LinkToken, OneTime, Purpose};
use crate::identity::users::{self, email_key};
use crate::notify::Letter;

/// What became of an address that was given.
pub enum GiveAddress {
    Sent(Outcome),
    NoAddress,
    /// The provider is open to other domains only.
    OtherDomain,
    /// There is nothing to give one for any more.
    Over(Outcome),
}

/// Which arrival a mail is for.
#[derive(Serialize, Deserialize)]
struct Detail {
    arrival: Id,
}

/// The question, while nobody is signed in by this interaction.
pub fn asked(found: &Found, visit: &Visit) -> Option<Waiting> {
    match super::pending(found, visit) {
        Some(interaction::Page::Upstream(Stop::GiveAddress)) => found.waiting(),
        _ => None,
    }
}

/// Sends a mail to the address that a person gave.
///
/// # Errors
/// Storage, keys or chance failed.
pub async fn give_address(provider: &Provider, found: &Found, typed: &str, visit: &Visit) -> Result<GiveAddress, Fault> {
    let Some(waiting) = asked(found, visit) else {
        return Ok(GiveAddress::Over(interaction::look(provider, found, visit).await?));
    };
    let Some(key) = email_key(typed) else { return Ok(GiveAddress::NoAddress) };
    let Some((upstream, _)) = open_arrival(provider, waiting.arrival(), visit).await? else {
        return Ok(GiveAddress::Over(found.sign_in()));
    };
    let connected = provider.upstream(&upstream).await?;
    let is_taken = provider.policy.accounts.takes(&key);
    if !is_taken || !connected.is_some_and(|connected| is_welcome(&connected.upstream, Some(&key))) {
        return Ok(GiveAddress::OtherDomain);
    }
    let holder = users::by_login(&mut provider.db.conn(), typed).await?.filter(|holder| holder.verify_by.is_none());
    let letter = match &holder {
        Some(holder) => taken(provider, found, holder, visit)?,
        None => Some(proof(provider, found, (typed.trim(), waiting.arrival()), visit)?),
    };
    let letter = letter.filter(|_| provider.post.is_on());
    let event = accounts::mailed(Await::FirstSignIn, typed.trim())?;
    let (id, interaction, now) = (provider.new_id()?, found.id.clone(), visit.now);
    provider
        .db
        .write(async move |tx| {
            if let Some(letter) = letter {
                letter.send(tx, now).await?;
            }
            accounts::add_event(tx, &id, &interaction, &event, now).await
        })
        .await?;
    Ok(GiveAddress::Sent(found.check_mail()))
}

fn taken(provider: &Provider, found: &Found, holder: &users::User, visit: &Visit) -> Result<Option<Mail>, Fault> {
    let Some(to) = Recipient::of(holder, visit.lang) else { return Ok(None) };
    let errand = to.errand(Purpose::Notice, String::new(), visit);
    let link = |path: &str| provider.issuer.join(path);
    let letter =
        Letter::AddressTaken { sign_in_link: link("/sign-in"), reset_link: link("/forgot-password"), app: found.app_name() };
    accounts::mail(provider, &to, errand, visit.now, |_, _| letter).map(Some)
}

fn proof(provider: &Provider, found: &Found, (typed, arrival): (&str, &Id), visit: &Visit) -> Result<Mail, Fault> {
    let mut to = Recipient::nobody(typed, visit.lang);
    typed.clone_into(&mut to.email);
    let detail = serde_json::to_string(&Detail { arrival: arrival.clone() }).map_err(Fault::at("upstreams: detail"))?;
    let mut errand = to.errand(Purpose::FirstSignIn, detail, visit);
    errand.interaction_id = Some(found.id.clone());
    let app = found.app_name();
    accounts::mail(provider, &to, errand, visit.now, |link, code| Letter::VerifyAddress {
        link,
        code: code.expose().clone(),
        app,
    })
}

/// Makes the account by the code of the mail, in the browser that asked.
///
/// # Errors
/// Storage, keys or chance failed.
pub async fn finish_by_code(provider: &Provider, found: Found, typed: &str, visit: &Visit) -> Result<Typed, Fault> {
    let row = match accounts::guess(provider, &found, Purpose::FirstSignIn, typed, visit).await? {
        Guess::Right(row) => *row,
        Guess::Wrong => return Ok(Typed::Wrong),
        Guess::Throttled { retry_after_seconds } => return Ok(Typed::Throttled { retry_after_seconds }),
    };
    let signed_in = come_in(provider, found, row, visit).await?;
    Ok(signed_in.map_or(Typed::Wrong, |signed_in| Typed::In(Box::new(signed_in))))
}

/// What the link of the mail leads to. It consumes nothing.
///
/// # Errors
/// Storage failed.
pub async fn find(provider: &Provider, token: &str, visit: &Visit) -> Result<Option<Link>, Fault> {
    let row = one_time::find(&mut provider.db.conn(), Purpose::FirstSignIn, token, visit.now).await?;
    let Some(row) = row else { return Ok(None) };
    if row.browser_hash == visit.browser_hash {
        return Ok(Some(Link::Here { address: row.email }));
    }
    let is_good = visit.now.since(row.created_at) < CODE_SECONDS;
    let token = LinkToken::parse(Purpose::FirstSignIn, token).filter(|_| is_good);
    let code: Option<Secret<String>> = token.map(|token| provider.code_key.code(&token));
    Ok(Some(Link::Elsewhere { code }))
}

/// Makes the account by the link of the mail, in the browser that asked.
///
/// # Errors
/// Storage, keys or chance failed.
pub async fn finish(provider: &Provider, token: &str, visit: &Visit) -> Result<Option<SignedIn>, Fault> {
    let row = one_time::find(&mut provider.db.conn(), Purpose::FirstSignIn, token, visit.now).await?;
    let Some(row) = row.filter(|row| row.browser_hash == visit.browser_hash) else { return Ok(None) };
    let found = interaction::reopen(provider, row.interaction_id.as_ref(), visit).await?;
    come_in(provider, found, row, visit).await
}

async fn come_in(provider: &Provider, found: Found, mail: OneTime, visit: &Visit) -> Result<Option<SignedIn>, Fault> {
    let Detail { arrival } = serde_json::from_str(&mail.detail).map_err(|_| Fault::corrupt("one_time_tokens", "detail"))?;
    let Some((upstream, from)) = open_arrival(provider, &arrival, visit).await? else { return Ok(None) };
    let Some(connected) = provider.upstream(&upstream).await? else { return Ok(None) };
    let email = mail.email.clone();
    // The mail was answered just now.
    let entry =
        newcomer(provider, (&from, Some(visit.now)), (&connected.upstream, email), Some(Proved { mail, arrival }), visit)?;
    establish(provider, found, entry, visit).await
}
