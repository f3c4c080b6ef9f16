//! To another provider and back. The way there is a form of ours; what comes back by POST decides nothing and is kept until the
//! browser comes with its cookies (decision 11).

use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::{Opened, broken, error, open, open_form, speak};
use crate::base::Fault;
use crate::endpoints::upstreams::{self, Aim, Arrived, Departed, Heard};
use crate::federation::Health;
use crate::oauth::{Error, ErrorCode, Params};
use crate::web::answer::{Challenge, oauth_error};
use crate::web::pages::{Kind, UpstreamButton};
use crate::web::{State, answer, extract};

/// The buttons of the other providers for an interaction.
///
/// # Errors
/// Storage failed.
pub(super) async fn buttons(state: &State, opened: &Opened) -> Result<Vec<UpstreamButton>, Fault> {
    let (base, id) = (state.provider.issuer.path(), &opened.found.id);
    let buttons = state.provider.upstream_buttons(&opened.found, opened.visit.now).await?;
    let shown = buttons.into_iter().map(|button| UpstreamButton {
        action: format!("{base}/upstream/{}/start/{id}", button.id),
        is_up: button.health == Health::Up,
        id: button.id,
        name: button.name,
        kind: button.kind,
        session: None,
    });
    Ok(shown.collect())
}

/// The button of a provider on the sign-in page.
pub async fn start(request: HttpRequest, state: Data<State>, at: Path<(String, String)>, payload: Payload) -> HttpResponse {
    let (id, interaction) = at.into_inner();
    match open_form(&state, &request, &interaction, payload).await {
        Ok((opened, _)) => depart(&state, &request, opened, (&id, Aim::SignIn)).await,
        Err(response) => response,
    }
}

/// The same without a page before it: an app asked for this provider, or there is no other way to sign in.
pub async fn straight(request: HttpRequest, state: Data<State>, at: Path<(String, String)>) -> HttpResponse {
    let (id, interaction) = at.into_inner();
    match open(&state, &request, &interaction).await {
        Ok(opened) => depart(&state, &request, opened, (&id, Aim::SignIn)).await,
        Err(response) => response,
    }
}

/// Sends the browser there.
pub(super) async fn depart(state: &State, request: &HttpRequest, mut opened: Opened, (id, aim): (&str, Aim)) -> HttpResponse {
    speak(&mut opened, request);
    match upstreams::depart(&state.provider, &opened.found, id, aim, &opened.visit).await {
        Ok(Departed::Away(url)) => answer::with_browser(answer::redirect(&url).finish(), opened.browser),
        Ok(Departed::Outcome(outcome)) => answer::outcome(state, opened.browser, outcome),
        Ok(Departed::Failed(failed)) => answer::with_browser(error::upstream(state, request, failed), opened.browser),
        Err(fault) => broken(state, request, &fault),
    }
}

/// `/upstream/ID/callback`
pub async fn callback(request: HttpRequest, state: Data<State>, id: Path<String>) -> HttpResponse {
    let Ok(params) = extract::query(&request) else { return error::show(&state, &request, Kind::BadRequest, None) };
    arrive(&state, &request, &id, params).await
}

async fn arrive(state: &State, request: &HttpRequest, id: &str, params: Params) -> HttpResponse {
    let (visit, browser) = match extract::visit(request, state).await {
        Ok(visited) => visited,
        Err(fault) => return broken(state, request, &fault),
    };
    match upstreams::arrive(&state.provider, id, params, &visit).await {
        Ok(Arrived::SignedIn(signed_in)) => answer::signed_in(state, browser, *signed_in),
        Ok(Arrived::Outcome(outcome)) => answer::outcome(state, browser, outcome),
        Ok(Arrived::Attached) => answer::see_other(state, "/account/identities?done=connected").finish(),
        // Without a cookie of ours there was no attempt, and none is made for it.
        Ok(Arrived::Failed(failed)) => error::upstream(state, request, failed),
        Err(fault) => broken(state, request, &fault),
    }
}

/// The provider says that somebody signed out there (OpenID Connect Back-Channel Logout 1.0 section 2.5).
pub async fn signed_out(request: HttpRequest, state: Data<State>, id: Path<String>, payload: Payload) -> HttpResponse {
    let refuse = |why| oauth_error(&Error::new(ErrorCode::InvalidRequest, why), Challenge::Body);
    let Ok(form) = extract::form(&request, payload).await else { return refuse("the body must be a form with a logout_token") };
    let Some(token) = form.get("logout_token") else { return refuse("logout_token is missing") };
    match upstreams::heard(&state.provider, &id, token, state.provider.clock.now()).await {
        Ok(Heard::Done) => HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).finish(),
        Ok(Heard::Refused) => refuse("logout_token is not taken"),
        Ok(Heard::Later) => {
            oauth_error(&Error::new(ErrorCode::TemporarilyUnavailable, "the keys are not to be had"), Challenge::Body)
        }
        Err(fault) => answer::refusal(&fault.into(), Challenge::Body),
    }
}

/// An answer by POST (`response_mode=form_post`).
pub async fn posted(request: HttpRequest, state: Data<State>, id: Path<String>, payload: Payload) -> HttpResponse {
    let Ok(params) = extract::form(&request, payload).await else {
        return error::show(&state, &request, Kind::BadRequest, None);
    };
    let now = state.provider.clock.now();
    match upstreams::keep_answer(&state.provider, &id, &params, now).await {
        Ok(true) => {
            let query = answer::encoded([("state", params.get("state").unwrap_or_default())].into_iter());
            answer::see_other(&state, &format!("/upstream/{}/callback?{query}", id.as_str())).finish()
        }
        Ok(false) => error::show(&state, &request, Kind::BadRequest, None),
        Err(fault) => broken(&state, &request, &fault),
    }
}
