//! The end of an account: the page that asks, and the link that takes it back.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::links::{Pressed, link, pressed, told};
use super::{broken, fresh, page};
use crate::endpoints::accounts;
use crate::endpoints::interaction::AccountPage;
use crate::web::pages::{DeleteAccount, LinkTo, Tidings};
use crate::web::{State, answer, cookies, extract};

/// `/account/delete`
pub async fn show(request: HttpRequest, state: Data<State>) -> HttpResponse {
    let guest = match fresh::guest(&state, &request, AccountPage::Deletion).await {
        Ok(guest) => guest,
        Err(response) => return response,
    };
    let model = DeleteAccount {
        action: format!("{}/account/delete", state.provider.issuer.path()),
        session: guest.signed.session.sid.clone(),
        gone_at: guest.visit.now.plus(state.provider.policy.accounts.deletion_seconds),
        tells_by_mail: state.provider.post.is_on(),
        frame: state.frame(&request, &guest.visit.browser_hash, None, None),
    };
    answer::with_browser(page(StatusCode::OK, &model), guest.browser)
}

/// The form of the page.
pub async fn submit(request: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    let (guest, _) = match fresh::form(&state, &request, payload, AccountPage::Deletion).await {
        Ok(sent) => sent,
        Err(response) => return response,
    };
    match accounts::plan_deletion(&state.provider, &guest.signed, &guest.visit).await {
        Ok(()) => {
            let cookie = cookies::clear_session(&state.provider.issuer);
            answer::see_other(&state, "/signed-out?done=deletion").cookie(cookie).finish()
        }
        Err(fault) => broken(&state, &request, &fault),
    }
}

/// `/keep-account/TOKEN`
pub async fn show_keep(request: HttpRequest, state: Data<State>, token: Path<String>) -> HttpResponse {
    let (visit, browser) = match extract::visit(&request, &state).await {
        Ok(visited) => visited,
        Err(fault) => return broken(&state, &request, &fault),
    };
    match accounts::find_kept(&state.provider, &token, &visit).await {
        Ok(Some(kept)) => {
            let what = LinkTo::Keep { address: kept.address().to_owned() };
            link(&state, &request, (&visit, browser), what)
        }
        Ok(None) => told(&state, &request, (&visit, browser), (Tidings::LinkGone, "/sign-in")),
        Err(fault) => broken(&state, &request, &fault),
    }
}

/// The button of the page.
pub async fn keep(request: HttpRequest, state: Data<State>, token: Path<String>, payload: Payload) -> HttpResponse {
    let Pressed { visit, browser, .. } = match pressed(&state, &request, payload).await {
        Ok(pressed) => pressed,
        Err(response) => return response,
    };
    match accounts::keep(&state.provider, &token, &visit).await {
        Ok(true) => told(&state, &request, (&visit, browser), (Tidings::Kept, "/sign-in")),
        Ok(false) => told(&state, &request, (&visit, browser), (Tidings::LinkGone, "/sign-in")),
        Err(fault) => broken(&state, &request, &fault),
    }
}
