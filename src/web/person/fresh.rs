//! Pages that show or change what matters ask for a sign-in that is not long ago.

use actix_web::{HttpRequest, HttpResponse};

use super::broken;
use crate::endpoints::interaction::{self, AccountPage, Errand};
use crate::endpoints::{Signed, Visit};
use crate::web::cookies::Browser;
use crate::web::limits::too_many;
use crate::web::{State, answer};

/// Seconds for which a sign-in is fresh.
const FRESH_SECONDS: i64 = 600;

/// The person of a visit, who proved themselves within the last ten minutes.
///
/// # Errors
/// The response that sends everybody else to sign in, and back to the page afterwards.
pub async fn fresh(
    state: &State,
    request: &HttpRequest,
    (visit, browser): (Visit, Browser),
    to: AccountPage,
) -> Result<(Visit, Browser, Signed), HttpResponse> {
    if let Some(signed) = visit.session.clone().filter(|signed| visit.now.since(signed.session.auth_time) < FRESH_SECONDS) {
        return Ok((visit, browser, signed));
    }
    let found = match interaction::begin_stored(&state.provider, Errand::StepUp(to), &visit).await {
        Ok(Ok(found)) => found,
        Ok(Err(retry)) => return Err(too_many(retry)),
        Err(fault) => return Err(broken(state, request, &fault)),
    };
    match interaction::look(&state.provider, &found, &visit).await {
        Ok(outcome) => Err(answer::outcome(state, browser, outcome)),
        Err(fault) => Err(broken(state, request, &fault)),
    }
}
