//! What is behind the links in mails. A GET or HEAD shows a page with a button and consumes nothing: scanners and previews open
//! links too (decision 14).

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::{broken, own_form, page};
use crate::base::{Id, Secret};
use crate::endpoints::Visit;
use crate::endpoints::accounts::{self, ResetDone, Verified};
use crate::identity::policy::Weakness;
use crate::oauth::Params;
use crate::web::cookies::Browser;
use crate::web::pages::{Link, LinkCode, LinkTo, NewPassword, ResetPassword, Tidings, Told};
use crate::web::{State, answer, extract};

/// The form of a page behind a link.
pub(super) struct Pressed {
    pub(super) visit: Visit,
    pub(super) browser: Browser,
    pub(super) form: Params,
}

pub(super) async fn pressed(state: &State, request: &HttpRequest, payload: Payload) -> Result<Pressed, HttpResponse> {
    let (visit, browser) = extract::visit(request, state).await.map_err(|fault| broken(state, request, &fault))?;
    let form = own_form(state, request, payload, &visit).await.map_err(|foreign| foreign.response)?;
    Ok(Pressed { visit, browser, form })
}

pub(super) fn told(
    state: &State,
    request: &HttpRequest,
    (visit, browser): (&Visit, Browser),
    (what, go_on): (Tidings, &str),
) -> HttpResponse {
    let status = if what == Tidings::LinkGone { StatusCode::GONE } else { StatusCode::OK };
    let model = Told {
        go_on_url: format!("{}{go_on}", state.provider.issuer.path()),
        what,
        frame: state.frame(request, &visit.browser_hash, None, None),
    };
    answer::with_browser(page(status, &model), browser)
}

/// A link that leads nowhere any more.
pub(super) fn link_gone(state: &State, request: &HttpRequest, guest: (&Visit, Browser)) -> HttpResponse {
    told(state, request, guest, (Tidings::LinkGone, "/sign-in"))
}

/// Where somebody signs in to go on with what they came for.
fn sign_in_path(interaction: Option<Id>) -> String {
    interaction.map_or_else(|| "/sign-in".to_owned(), |id| format!("/sign-in/{id}"))
}

pub(super) fn link(state: &State, request: &HttpRequest, (visit, browser): (&Visit, Browser), what: LinkTo) -> HttpResponse {
    let model = Link { action: request.path().to_owned(), what, frame: state.frame(request, &visit.browser_hash, None, None) };
    answer::with_browser(page(StatusCode::OK, &model), browser)
}

/// `/verify-email/TOKEN`
pub async fn show_verification(request: HttpRequest, state: Data<State>, token: Path<String>) -> HttpResponse {
    let (visit, browser) = match extract::visit(&request, &state).await {
        Ok(visited) => visited,
        Err(fault) => return broken(&state, &request, &fault),
    };
    match accounts::find_verification(&state.provider, &token, &visit).await {
        Ok(Some(pending)) => {
            let what = LinkTo::Verify { address: pending.address().to_owned() };
            link(&state, &request, (&visit, browser), what)
        }
        Ok(None) => told(&state, &request, (&visit, browser), (Tidings::LinkGone, "/sign-in")),
        Err(fault) => broken(&state, &request, &fault),
    }
}

/// The button of the page.
pub async fn verify(request: HttpRequest, state: Data<State>, token: Path<String>, payload: Payload) -> HttpResponse {
    let Pressed { visit, browser, .. } = match pressed(&state, &request, payload).await {
        Ok(pressed) => pressed,
        Err(response) => return response,
    };
    match accounts::verify(&state.provider, &token, &visit).await {
        Ok(Verified::In(signed_in)) => answer::signed_in(&state, browser, *signed_in),
        Ok(Verified::Elsewhere { interaction }) => {
            told(&state, &request, (&visit, browser), (Tidings::Verified, &sign_in_path(interaction)))
        }
        Ok(Verified::Gone) => told(&state, &request, (&visit, browser), (Tidings::LinkGone, "/sign-in")),
        Err(fault) => broken(&state, &request, &fault),
    }
}

/// `/sign-in-link/TOKEN`
pub async fn show_sign_in(request: HttpRequest, state: Data<State>, token: Path<String>) -> HttpResponse {
    let (visit, browser) = match extract::visit(&request, &state).await {
        Ok(visited) => visited,
        Err(fault) => return broken(&state, &request, &fault),
    };
    match accounts::find_link(&state.provider, &token, &visit).await {
        Ok(Some(accounts::Link::Here { address })) => link(&state, &request, (&visit, browser), LinkTo::SignIn { address }),
        Ok(Some(accounts::Link::Elsewhere { code })) => {
            let model = LinkCode::new(code, state.frame(&request, &visit.browser_hash, None, None));
            answer::with_browser(page(StatusCode::OK, &model), browser)
        }
        Ok(None) => told(&state, &request, (&visit, browser), (Tidings::LinkGone, "/sign-in")),
        Err(fault) => broken(&state, &request, &fault),
    }
}

/// The button of the page.
pub async fn sign_in(request: HttpRequest, state: Data<State>, token: Path<String>, payload: Payload) -> HttpResponse {
    let Pressed { visit, browser, .. } = match pressed(&state, &request, payload).await {
        Ok(pressed) => pressed,
        Err(response) => return response,
    };
    match accounts::sign_in_by_link(&state.provider, &token, &visit).await {
        Ok(Some(signed_in)) => answer::signed_in(&state, browser, signed_in),
        Ok(None) => told(&state, &request, (&visit, browser), (Tidings::LinkGone, "/sign-in")),
        Err(fault) => broken(&state, &request, &fault),
    }
}

/// `/reset-password/TOKEN`
pub async fn show_reset(request: HttpRequest, state: Data<State>, token: Path<String>) -> HttpResponse {
    let (visit, browser) = match extract::visit(&request, &state).await {
        Ok(visited) => visited,
        Err(fault) => return broken(&state, &request, &fault),
    };
    match accounts::find_reset(&state.provider, &token, &visit).await {
        Ok(Some(found)) => {
            let response = reset_page(&state, &request, &visit, (found.address(), &[], StatusCode::OK));
            answer::with_browser(response, browser)
        }
        Ok(None) => told(&state, &request, (&visit, browser), (Tidings::LinkGone, "/forgot-password")),
        Err(fault) => broken(&state, &request, &fault),
    }
}

fn reset_page(
    state: &State,
    request: &HttpRequest,
    visit: &Visit,
    (address, refused, status): (&str, &[Weakness], StatusCode),
) -> HttpResponse {
    let frame = state.frame(request, &visit.browser_hash, None, None);
    let t = frame.t();
    let model = ResetPassword {
        action: request.path().to_owned(),
        address: address.to_owned(),
        new_password: NewPassword::new(t, t.passwords.new_password, &state.provider.password_policy, refused),
        is_busy: status == StatusCode::SERVICE_UNAVAILABLE,
        frame,
    };
    page(status, &model)
}

/// The form of the page.
pub async fn reset(request: HttpRequest, state: Data<State>, token: Path<String>, payload: Payload) -> HttpResponse {
    let Pressed { visit, browser, form } = match pressed(&state, &request, payload).await {
        Ok(pressed) => pressed,
        Err(response) => return response,
    };
    let found = match accounts::find_reset(&state.provider, &token, &visit).await {
        Ok(Some(found)) => found,
        Ok(None) => return told(&state, &request, (&visit, browser), (Tidings::LinkGone, "/forgot-password")),
        Err(fault) => return broken(&state, &request, &fault),
    };
    let address = found.address().to_owned();
    let password = Secret::new(form.get("password").unwrap_or_default().to_owned());
    match accounts::reset(&state.provider, found, &password, &visit).await {
        Ok(ResetDone::Set { interaction }) => {
            told(&state, &request, (&visit, browser), (Tidings::PasswordSet, &sign_in_path(interaction)))
        }
        Ok(ResetDone::Refused(refused)) => reset_page(&state, &request, &visit, (&address, &refused, StatusCode::BAD_REQUEST)),
        Ok(ResetDone::Busy) => reset_page(&state, &request, &visit, (&address, &[], StatusCode::SERVICE_UNAVAILABLE)),
        Ok(ResetDone::Gone) => told(&state, &request, (&visit, browser), (Tidings::LinkGone, "/forgot-password")),
        Err(fault) => broken(&state, &request, &fault),
    }
}
