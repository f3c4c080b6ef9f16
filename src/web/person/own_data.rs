//! What a person may know of their own account: what happened to it, and everything as a file.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, HeaderValue};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::fresh::fresh;
use super::{broken, error, own_form, page};
use crate::endpoints::interaction::AccountPage;
use crate::endpoints::own_data::{self, LAST_PAGE};
use crate::web::pages::{self, Kind};
use crate::web::{State, answer, extract};

/// `/account/history?page=N`
pub async fn history(request: HttpRequest, state: Data<State>) -> HttpResponse {
    let (visit, browser) = match extract::visit(&request, &state).await {
        Ok(visited) => visited,
        Err(fault) => return broken(&state, &request, &fault),
    };
    let Some(signed) = &visit.session else {
        return answer::with_browser(answer::see_other(&state, "/sign-in").finish(), browser);
    };
    let Some(number) = number(&request) else { return error::show(&state, &request, Kind::NotFound, None) };
    let history = match own_data::history(&state.provider, signed, number).await {
        Ok(history) => history,
        Err(fault) => return broken(&state, &request, &fault),
    };
    let base = state.provider.issuer.path();
    let url = |page: i64| format!("{base}/account/history?page={page}");
    let model = pages::History {
        frame: state.frame(&request, &visit.browser_hash, None, None),
        now: visit.now,
        events: history.events,
        newer_url: (number > 1).then(|| url(number - 1)),
        older_url: history.has_more.then(|| url(number + 1)),
    };
    answer::with_browser(page(StatusCode::OK, &model), browser)
}

/// Which page is asked for; nothing if there is none such.
fn number(request: &HttpRequest) -> Option<i64> {
    let query = extract::query(request).ok()?;
    let number = query.get("page").map_or(Some(1), |text| text.parse().ok())?;
    (1..=LAST_PAGE).contains(&number).then_some(number)
}

/// `/account/data`
pub async fn show(request: HttpRequest, state: Data<State>) -> HttpResponse {
    let visited = match extract::visit(&request, &state).await {
        Ok(visited) => visited,
        Err(fault) => return broken(&state, &request, &fault),
    };
    let (visit, browser, _) = match fresh(&state, &request, visited, AccountPage::Data).await {
        Ok(fresh) => fresh,
        Err(response) => return response,
    };
    let model = pages::OwnData {
        frame: state.frame(&request, &visit.browser_hash, None, None),
        action: format!("{}/account/data", state.provider.issuer.path()),
    };
    answer::with_browser(page(StatusCode::OK, &model), browser)
}

/// The file. It is a POST, so that no link fetches it.
pub async fn download(request: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    let (visit, browser) = match extract::visit(&request, &state).await {
        Ok(visited) => visited,
        Err(fault) => return broken(&state, &request, &fault),
    };
    if let Err(foreign) = own_form(&state, &request, payload, &visit).await {
        return foreign.response;
    }
    let (visit, _, signed) = match fresh(&state, &request, (visit, browser), AccountPage::Data).await {
        Ok(fresh) => fresh,
        Err(response) => return response,
    };
    let document = match own_data::export(&state.provider, &signed, &visit).await {
        Ok(document) => document,
        Err(fault) => return broken(&state, &request, &fault),
    };
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, HeaderValue::from_static("application/json")))
        .insert_header((CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"account-data.json\"")))
        .insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")))
        .body(format!("{document:#}\n"))
}
