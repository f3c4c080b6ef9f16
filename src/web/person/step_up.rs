//! What matters is done by who proved themselves in the last ten minutes: everybody else signs in again first and comes back to
//! the page. It is looked at again when the form comes.

use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};

use super::account::Guest;
use super::{broken, is_for, own_form};
use crate::endpoints::Visit;
use crate::endpoints::interaction::{self, AccountPage, Errand};
use crate::oauth::Params;
use crate::web::cookies::Browser;
use crate::web::limits::too_many;
use crate::web::{State, answer, extract};

/// The person of a request for a page that matters.
///
/// # Errors
/// The way to sign in and back to the page, for everybody whose proof is too old or who has none.
pub async fn fresh(state: &State, request: &HttpRequest, page: AccountPage) -> Result<Guest, HttpResponse> {
    let (visit, browser) = extract::visit(request, state).await.map_err(|fault| broken(state, request, &fault))?;
    admit(state, request, (visit, browser), page).await
}

async fn admit(
    state: &State,
    request: &HttpRequest,
    (visit, browser): (Visit, Browser),
    page: AccountPage,
) -> Result<Guest, HttpResponse> {
    if let Some(signed) = visit.session.clone().filter(|signed| signed.is_fresh(visit.now)) {
        return Ok(Guest { visit, browser, signed });
    }
    Err(match interaction::begin_stored(&state.provider, Errand::StepUp(page), &visit).await {
        Ok(Ok(found)) => {
            let response = answer::see_other(state, &format!("/sign-in/{}", found.id)).finish();
            answer::with_browser(response, browser)
        }
        Ok(Err(retry)) => too_many(retry),
        Err(fault) => broken(state, request, &fault),
    })
}

/// The same for the form of the page: it came from our own page, and answers for who is signed in now.
///
/// # Errors
/// The response for everything else; nothing is done then.
pub async fn fresh_form(
    state: &State,
    request: &HttpRequest,
    payload: Payload,
    page: AccountPage,
) -> Result<(Guest, Params), HttpResponse> {
    let (visit, browser) = extract::visit(request, state).await.map_err(|fault| broken(state, request, &fault))?;
    let form = own_form(state, request, payload, &visit).await.map_err(|foreign| foreign.response)?;
    let guest = admit(state, request, (visit, browser), page).await?;
    if !is_for(&guest.visit, &form) {
        // Somebody else signed in since the page was shown: they are shown their own.
        return Err(answer::see_other(state, answer::account_path(page)).finish());
    }
    Ok((guest, form))
}
