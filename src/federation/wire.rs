//! The one way to a provider: the guarded client, and what it means that no usable answer came. Whose fault that was is decided here and
//! nowhere else.

use std::pin::Pin;

use openidconnect::{HttpRequest, HttpResponse};

use super::connector::Trouble;
use crate::jose::members;
use crate::outbound::{Outbound, OutboundError};

/// The answer to a call, unless it says that there is none to be had now.
///
/// # Errors
/// No answer, or one that says so.
pub(super) async fn call(outbound: &Outbound, request: HttpRequest) -> Result<HttpResponse, Trouble> {
    let answer = outbound.request(request).await.map_err(trouble)?;
    match answer.status().as_u16() {
        429 => Err(Trouble::Busy("it has had too many of our calls")),
        500.. => Err(Trouble::Down("it says so itself")),
        _ => Ok(answer),
    }
}

const fn trouble(error: OutboundError) -> Trouble {
    match error {
        OutboundError::Refused => Trouble::Wrong("its address may not be called; see outbound.allow"),
        OutboundError::Failed => Trouble::Down("no answer came in time"),
        OutboundError::TooLarge => Trouble::Nonsense("its answer is too large"),
    }
}

/// What cannot be read in a document about a person may be of their own making.
pub(super) fn about_a_person(trouble: Trouble) -> Trouble {
    match trouble {
        Trouble::Nonsense(why) => Trouble::Wrong(why),
        other => other,
    }
}

pub(super) type Calling<'a> = Pin<Box<dyn Future<Output = Result<HttpResponse, Trouble>> + Send + 'a>>;

/// [`call`], as the library wants it.
pub(super) fn http<'a>(outbound: &'a Outbound) -> impl Fn(HttpRequest) -> Calling<'a> {
    move |request| Box::pin(call(outbound, request))
}

/// The same for a token endpoint. A 4xx that is no error of RFC 6749 section 5.2 is what a firewall says to a code that a stranger
/// made up, so it is not the provider's fault.
pub(super) fn redeeming<'a>(outbound: &'a Outbound) -> impl Fn(HttpRequest) -> Calling<'a> {
    move |request| {
        Box::pin(async move {
            let answer = call(outbound, request).await?;
            if answer.status().is_client_error() && !members(answer.body()).is_some_and(|told| told.contains_key("error")) {
                return Err(Trouble::Wrong("its token endpoint refuses without an error that can be read"));
            }
            Ok(answer)
        })
    }
}
