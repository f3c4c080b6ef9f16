//! The authorization endpoint (RFC 6749 section 4.1.1, OpenID Connect Core section 3.1.2) as a row of types.
//!
//! `Params` (of the request, or of the signed object that it brings) → [`ReplyTo`] → [`ValidRequest`] → [`Step`] → [`Approved`] → [`Answer`]; each is made only from the one before.
//! Until there is a `ReplyTo`, what is wrong is shown on a page of ours; after that it is sent to the client.

mod issue;
mod next;
mod object;
mod request;

pub use issue::{Answer, AnswerTo, Occasion, answer_error, issue, refuse};
pub use next::{Approved, Facts, Reason, Step, claimed_sub, next};
pub(super) use request::may_use_resource;
pub use request::{OnceOnly, PageError, RedirectMismatch, ReplyTo, ValidRequest};

use std::borrow::Cow;

use super::interaction::{self, Errand, Outcome};
use super::{Provider, Refusal, Visit, audit};
use crate::base::Fault;
use crate::oauth::Params;
use crate::store::audit as audits;

/// How much of a wrong redirect URI is kept, in characters.
const LONGEST_RECORDED: usize = 512;

/// What an authorization request leads to.
pub enum Authorized {
    /// A page of ours, because no client may be answered.
    Page(PageError),
    Outcome(Outcome),
}

/// Answers an authorization request: at once where no person is needed, otherwise by a stored interaction.
///
/// # Errors
/// Storage, keys or chance failed.
pub async fn authorize(provider: &Provider, params: &Params, visit: &Visit) -> Result<Authorized, Refusal> {
    // What is wrong with the object is told where the request itself says, if that is registered; what the object says counts for
    // nothing then.
    let (params, resolved) = match object::resolve(provider, params, visit).await {
        Ok((params, once)) => (params, Ok(once)),
        Err(Refusal::Protocol(error)) => (Cow::Borrowed(params), Err(error)),
        Err(Refusal::Broken(fault)) => return Err(fault.into()),
    };
    let reply_to = match ReplyTo::find(provider, &params).await? {
        Ok(reply_to) => reply_to,
        Err(mut page) => {
            record_mismatch(provider, &page, visit).await?;
            if let (Err(error), None) = (&resolved, &page.redirect) {
                page.why = error.why;
            }
            return Ok(Authorized::Page(page));
        }
    };
    let checked = match resolved {
        Err(error) => Err(error),
        Ok(object) => {
            let checked = ValidRequest::check(provider, &params, &reply_to, visit.now).await?;
            checked.map(|request| ValidRequest { object, ..request })
        }
    };
    let request = match checked {
        Ok(request) => request,
        Err(error) => {
            return Ok(Authorized::Outcome(Outcome::Answer(answer_error(provider, &AnswerTo::from(&reply_to), error))));
        }
    };
    let errand = Errand::App(Box::new(request));
    Ok(Authorized::Outcome(interaction::begin(provider, errand, visit).await?))
}

/// A redirect URI that is not registered is a mistake or an attack: the operator finds it in the audit log, one of each address
/// and minute.
async fn record_mismatch(provider: &Provider, page: &PageError, visit: &Visit) -> Result<(), Fault> {
    let (Some(client), Some(redirect)) = (&page.client, &page.redirect) else { return Ok(()) };
    if !provider.buckets.is_first_in_a_minute("audit redirect_mismatch", visit.address, visit.now) {
        return Ok(());
    }
    let mut event = audit("redirect_mismatch", client.client.client_id.as_str(), visit.now);
    event.client_id = Some(client.client.client_id.clone());
    event.address = Some(visit.address.to_string());
    let sent: String = redirect.sent.chars().take(LONGEST_RECORDED).collect();
    event.detail = serde_json::json!({ "sent": sent });
    let id = provider.new_id()?;
    provider.db.write(async move |tx| audits::write(tx, &id, &event).await).await
}
