//! Codes that the house sends: by a channel, or by mail as a last resort. The house makes them, counts them, and takes each once.

use super::Own;
use super::half::Asked;
use super::verify::open;
use crate::base::{Fault, Id, Secret};
use crate::endpoints::accounts::{Recipient, notice};
use crate::endpoints::interaction::{Found, Outcome, Page, look};
use crate::endpoints::{Provider, Visit, audit_at};
use crate::identity::factor::{EMAIL, Factor, Proving};
use crate::identity::guesses::{self, Charged, Number};
use crate::identity::users::User;
use crate::notify::Letter;
use crate::oauth::Lang;
use crate::store::factor_challenges::{self, Challenge};
use crate::store::{audit as audits, outbox};

/// How long a code that was sent is good, in seconds.
const CODE_SECONDS: i64 = 300;

/// What became of a wish to have a code sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    Done,
    /// One was sent a moment ago, or too many were.
    TooMany {
        retry_after_seconds: i64,
    },
    /// The channel did not take it.
    Failed,
    /// There is nothing to send to.
    Nothing,
}

/// Where a code goes, and for what.
struct Errand<'a> {
    kind: &'a str,
    factor: Option<&'a Factor>,
    asked_by: &'a Id,
}

/// Sends a code for the page of an interaction.
///
/// # Errors
/// Storage, keys or chance failed.
pub async fn send(provider: &Provider, found: &Found, kind: &str, visit: &Visit) -> Result<Sent, Fault> {
    let Outcome::Page { page: Page::SecondFactor(level), .. } = look(provider, found, visit).await? else {
        return Ok(Sent::Nothing);
    };
    let Some(asked) = Asked::of(provider, found, visit).await? else { return Ok(Sent::Nothing) };
    let own = Own::of(provider, &asked.user).await?;
    if !own.ways_of(provider, level, &asked).iter().any(|way| way.kind == kind) {
        return Ok(Sent::Nothing);
    }
    let factor = own.factors.iter().find(|factor| factor.kind == kind);
    send_for(provider, &asked.user, &Errand { kind, factor, asked_by: &found.id }, visit).await
}

/// Sends the code that confirms a new factor. It is asked for by that factor itself, so that no other code is good for it.
///
/// # Errors
/// Storage, keys or chance failed.
pub async fn send_to_confirm(provider: &Provider, user: &User, factor: &Factor, visit: &Visit) -> Result<Sent, Fault> {
    let errand = Errand { kind: &factor.kind, factor: Some(factor), asked_by: &factor.id };
    send_for(provider, user, &errand, visit).await
}

async fn send_for(provider: &Provider, user: &User, errand: &Errand<'_>, visit: &Visit) -> Result<Sent, Fault> {
    let id = provider.new_id()?;
    let (code, code_tag) = provider.code_key.fresh(&id, &provider.random)?;
    let challenge = Challenge {
        user_id: user.id.clone(),
        kind: errand.kind.to_owned(),
        factor_id: errand.factor.map(|factor| factor.id.clone()),
        asked_by: errand.asked_by.clone(),
        browser_hash: visit.browser_hash.clone(),
        code_tag,
        created_at: visit.now,
        expires_at: visit.now.plus(CODE_SECONDS),
        id,
    };
    if errand.kind == EMAIL {
        return by_mail(provider, user, (challenge, &code), visit).await;
    }
    let Some(factor) = errand.factor else { return Ok(Sent::Nothing) };
    let Some(kind) = provider.factors.kinds.find(errand.kind) else { return Ok(Sent::Nothing) };
    let Proving::Sent { channel } = kind.about().proving else { return Ok(Sent::Nothing) };
    let Some(channel) = provider.factors.channels.iter().find(|own| own.name() == channel) else {
        return Ok(Sent::Nothing);
    };
    let Some(to) = open(provider, factor, visit).await?.and_then(|secret| kind.recipient(&secret)) else {
        return Ok(Sent::Nothing);
    };
    let whose = if factor.confirmed_at.is_some() { Number::Confirmed } else { Number::Claimed };
    let a_day = provider.factors.policy.messages_a_day;
    let subjects = guesses::message_subjects(&user.id, (channel.name(), &to), whose, a_day);
    let mut record = audit_at("second_factor_sent", user.id.as_str(), visit);
    record.user_id = Some(user.id.clone());
    record.detail = serde_json::json!({ "kind": errand.kind, "user_agent": visit.user_agent });
    let (event, now) = (provider.new_id()?, visit.now);
    let charged = provider.db.write(async move |tx| {
        let charged = guesses::charge(tx, &subjects, now).await?;
        if charged == Charged::Taken {
            factor_challenges::insert(tx, &challenge).await?;
            audits::write(tx, &event, &record).await?;
        }
        Ok(charged)
    });
    if let Charged::Throttled { retry_after_seconds } = charged.await? {
        return Ok(Sent::TooMany { retry_after_seconds });
    }
    let text = message(&provider.policy.accounts.house, code.expose(), visit.lang);
    let sent = channel.send(&to, &text).await.map_or(Sent::Failed, |()| Sent::Done);
    provider.factors.counts.count_message(channel.name(), sent);
    Ok(sent)
}

/// To the address of the account, like any mail: it waits in the outbox if it must.
async fn by_mail(
    provider: &Provider,
    user: &User,
    (challenge, code): (Challenge, &Secret<String>),
    visit: &Visit,
) -> Result<Sent, Fault> {
    let Some(to) = Recipient::of(user, visit.lang).filter(|_| provider.post.is_on()) else { return Ok(Sent::Nothing) };
    let letter = Letter::SignInCode { code: code.expose().clone(), app: None };
    let sealed = notice(provider, &to, letter, visit.now)?;
    let subject = guesses::mail_subject(EMAIL, &to.email_key);
    let mut record = audit_at("second_factor_sent", user.id.as_str(), visit);
    record.user_id = Some(user.id.clone());
    record.detail = serde_json::json!({ "kind": EMAIL, "user_agent": visit.user_agent });
    let (event, now) = (provider.new_id()?, visit.now);
    let charged = provider.db.write(async move |tx| {
        let charged = guesses::charge(tx, &[subject], now).await?;
        if charged == Charged::Taken {
            factor_challenges::insert(tx, &challenge).await?;
            outbox::enqueue(tx, &sealed, now).await?;
            audits::write(tx, &event, &record).await?;
        }
        Ok(charged)
    });
    Ok(match charged.await? {
        Charged::Taken => Sent::Done,
        Charged::Throttled { retry_after_seconds } => Sent::TooMany { retry_after_seconds },
    })
}

/// The code that waits at this place, in this browser.
pub(super) async fn waiting(
    provider: &Provider,
    (user, kind, asked_by): (&User, &str, &Id),
    visit: &Visit,
) -> Result<Option<Challenge>, Fault> {
    let waiting = factor_challenges::find(&mut provider.db.conn(), (&user.id, kind), asked_by, visit.now).await?;
    Ok(waiting.filter(|challenge| challenge.browser_hash == visit.browser_hash))
}

/// Whether a code waits at this place.
///
/// # Errors
/// Storage failed.
pub async fn is_waiting(provider: &Provider, user: &User, (kind, asked_by): (&str, &Id), visit: &Visit) -> Result<bool, Fault> {
    Ok(waiting(provider, (user, kind, asked_by), visit).await?.is_some())
}

/// What the message says: short, and with the code where phones look for it.
fn message(house: &str, code: &str, lang: Lang) -> String {
    match lang {
        Lang::En => {
            format!("{code} is your code for {house}. It is good for five minutes. Nobody who works there asks you for it.")
        }
        Lang::De => format!("{code} ist Ihr Code für {house}. Er gilt fünf Minuten. Niemand, der dort arbeitet, fragt danach."),
    }
}
