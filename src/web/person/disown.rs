//! "That wasn't me": behind the link in a mail about a sign-in.

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::broken;
use super::links::{Pressed, link, pressed, told};
use crate::endpoints::accounts;
use crate::web::pages::{LinkTo, Tidings};
use crate::web::{State, answer, extract};

/// `/not-me/TOKEN`
pub async fn show(request: HttpRequest, state: Data<State>, token: Path<String>) -> HttpResponse {
    let (visit, browser) = match extract::visit(&request, &state).await {
        Ok(visited) => visited,
        Err(fault) => return broken(&state, &request, &fault),
    };
    match accounts::find_disowned(&state.provider, &token, &visit).await {
        Ok(Some(disowned)) => {
            let what = LinkTo::Disown { address: disowned.address().to_owned() };
            link(&state, &request, (&visit, browser), what)
        }
        Ok(None) => told(&state, &request, (&visit, browser), (Tidings::LinkGone, "/forgot-password")),
        Err(fault) => broken(&state, &request, &fault),
    }
}

/// The button of the page: the next thing is another password.
pub async fn submit(request: HttpRequest, state: Data<State>, token: Path<String>, payload: Payload) -> HttpResponse {
    let Pressed { visit, browser, .. } = match pressed(&state, &request, payload).await {
        Ok(pressed) => pressed,
        Err(response) => return response,
    };
    match accounts::disown(&state.provider, &token, &visit).await {
        Ok(Some(link)) => answer::see_other(&state, &format!("/reset-password/{}", link.expose())).finish(),
        Ok(None) => told(&state, &request, (&visit, browser), (Tidings::LinkGone, "/forgot-password")),
        Err(fault) => broken(&state, &request, &fault),
    }
}
