//! Pages that show or change what matters ask for a sign-in of the last ten minutes: everybody else signs in again first and comes
//! back to the page. It is looked at again when the form comes.

use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};

use super::account::Guest;
use super::{broken, is_for, own_form};
use crate::endpoints::interaction::{self, AccountPage, Errand};
use crate::endpoints::{Signed, Visit, second_factor};
use crate::oauth::Params;
use crate::web::cookies::Browser;
use crate::web::limits::too_many;
use crate::web::{State, answer, extract};

/// The person of a visit, whose sign-in is fresh.
///
/// # Errors
/// The response that sends everybody else to sign in, and back to the page afterwards.
pub async fn fresh(
    state: &State,
    request: &HttpRequest,
    (visit, browser): (Visit, Browser),
    to: AccountPage,
) -> Result<(Visit, Browser, Signed), HttpResponse> {
    if let Some(signed) = visit.session.clone() {
        match second_factor::is_fresh(&state.provider, &signed, visit.now).await {
            Ok(true) => return Ok((visit, browser, signed)),
            Ok(false) => {}
            Err(fault) => return Err(broken(state, request, &fault)),
        }
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

/// The person of a request for a page.
///
/// # Errors
/// As [`fresh`].
pub(super) async fn guest(state: &State, request: &HttpRequest, to: AccountPage) -> Result<Guest, HttpResponse> {
    let visited = extract::visit(request, state).await.map_err(|fault| broken(state, request, &fault))?;
    let (visit, browser, signed) = fresh(state, request, visited, to).await?;
    Ok(Guest { visit, browser, signed })
}

/// The same for the form of the page: it came from our own page, and answers for who is signed in now.
///
/// # Errors
/// The response for everything else; nothing is done then.
pub(super) async fn form(
    state: &State,
    request: &HttpRequest,
    payload: Payload,
    to: AccountPage,
) -> Result<(Guest, Params), HttpResponse> {
    let (visit, browser) = extract::visit(request, state).await.map_err(|fault| broken(state, request, &fault))?;
    let form = own_form(state, request, payload, &visit).await.map_err(|foreign| foreign.response)?;
    let (visit, browser, signed) = fresh(state, request, (visit, browser), to).await?;
    if !is_for(&visit, &form) {
        // Somebody else signed in since the page was shown: they are shown their own.
        return Err(answer::see_other(state, answer::account_path(to)).finish());
    }
    Ok((Guest { visit, browser, signed }, form))
}
