//! The account chooser: go on as who is signed in, or sign in as somebody else (decision 10).

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::{Opened, broken, go_on, is_for, open, open_form, page, ui_locales};
use crate::endpoints::interaction::{self, Decision};
use crate::web::pages::{Choice, ChooseAccount};
use crate::web::{State, answer};

/// What the form posts for the account that is signed in.
const CURRENT: &str = "current";

/// `/choose-account/ID`: also for who was not asked to choose but wants to.
pub async fn show(request: HttpRequest, state: Data<State>, id: Path<String>) -> HttpResponse {
    let opened = match open(&state, &request, &id).await {
        Ok(opened) => opened,
        Err(response) => return response,
    };
    let Some(signed) = &opened.visit.session else { return go_on(&state, &request, opened).await };
    let name = signed.user.claims.get("name").and_then(|name| name.as_str()).map(str::to_owned);
    let address = signed.user.email.clone().unwrap_or_else(|| signed.user.sub.clone());
    let found = &opened.found;
    let model = ChooseAccount {
        action: format!("{}/choose-account/{}", state.provider.issuer.path(), found.id),
        session: signed.session.sid.clone(),
        current: Some(Choice { value: CURRENT.to_owned(), address, name }),
        remembered: Vec::new(),
        frame: state.frame(&request, &opened.visit.browser_hash, found.client.as_ref(), ui_locales(found)),
    };
    answer::with_browser(page(StatusCode::OK, &model), opened.browser)
}

/// The form of the page.
pub async fn submit(request: HttpRequest, state: Data<State>, id: Path<String>, payload: Payload) -> HttpResponse {
    let (opened, form) = match open_form(&state, &request, &id, payload).await {
        Ok(opened) => opened,
        Err(response) => return response,
    };
    if form.get("action") == Some("cancel") {
        return answer::outcome(&state, opened.browser, interaction::cancel(&state.provider, &opened.found));
    }
    if form.get("account") != Some(CURRENT) {
        return answer::see_other(&state, &format!("/sign-in/{}", opened.found.id)).finish();
    }
    if !is_for(&opened.visit, &form) {
        return answer::see_other(&state, &format!("/choose-account/{}", opened.found.id)).finish();
    }
    let Opened { visit, browser, found } = opened;
    match interaction::decide(&state.provider, found, Decision::Continue, &visit).await {
        Ok(outcome) => answer::outcome(&state, browser, outcome),
        Err(fault) => broken(&state, &request, &fault),
    }
}
