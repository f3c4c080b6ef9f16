//! What somebody does who came from another provider and is not signed in yet: they say whether to connect two accounts, or give
//! an address and prove it.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::links::{link, link_gone, pressed};
use super::{Opened, broken, go_on, is_for, open, open_form, page, speak, ui_locales};
use crate::endpoints::accounts::Link;
use crate::endpoints::upstreams::{self, Connecting, GiveAddress, Waiting};
use crate::web::pages::{self, AddressGivenProblem, LinkCode, LinkTo};
use crate::web::{State, answer, extract};

/// `/connect/ID`
pub async fn show(request: HttpRequest, state: Data<State>, id: Path<String>) -> HttpResponse {
    let opened = match open(&state, &request, &id).await {
        Ok(opened) => opened,
        Err(response) => return response,
    };
    let (Some(waiting), Some(signed)) = (upstreams::connecting(&opened.found, &opened.visit), &opened.visit.session) else {
        return go_on(&state, &request, opened).await;
    };
    let found = &opened.found;
    let model = pages::Connect {
        action: format!("{}/connect/{}", state.provider.issuer.path(), found.id),
        session: signed.session.sid.clone(),
        arrival: waiting.arrival().as_str().to_owned(),
        upstream: waiting.upstream,
        shown: waiting.shown,
        person: signed.user.email.clone().unwrap_or_else(|| signed.user.sub.clone()),
        frame: state.frame(&request, &opened.visit.browser_hash, found.client.as_ref(), ui_locales(found)),
    };
    answer::with_browser(page(StatusCode::OK, &model), opened.browser)
}

/// The form of the page.
pub async fn submit(request: HttpRequest, state: Data<State>, id: Path<String>, payload: Payload) -> HttpResponse {
    let (mut opened, form) = match open_form(&state, &request, &id, payload).await {
        Ok(opened) => opened,
        Err(response) => return response,
    };
    if !is_for(&opened.visit, &form) {
        return go_on(&state, &request, opened).await;
    }
    speak(&mut opened, &request);
    let said = if form.get("connect") == Some("yes") { Connecting::Yes } else { Connecting::No };
    let asked = form.get("arrival").unwrap_or_default();
    match upstreams::answer_connecting(&state.provider, opened.found, (said, asked), &opened.visit).await {
        Ok(outcome) => answer::outcome(&state, opened.browser, outcome),
        Err(fault) => broken(&state, &request, &fault),
    }
}

/// `/give-address/ID`
pub async fn ask(request: HttpRequest, state: Data<State>, id: Path<String>) -> HttpResponse {
    let opened = match open(&state, &request, &id).await {
        Ok(opened) => opened,
        Err(response) => return response,
    };
    match upstreams::asked(&opened.found, &opened.visit) {
        Some(waiting) => {
            let username = waiting.address.clone().unwrap_or_default();
            let response = give_page(&state, &request, &opened, (&waiting, username, None));
            answer::with_browser(response, opened.browser)
        }
        None => go_on(&state, &request, opened).await,
    }
}

type Given<'a> = (&'a Waiting, String, Option<AddressGivenProblem>);

fn give_page(state: &State, request: &HttpRequest, opened: &Opened, (waiting, username, problem): Given<'_>) -> HttpResponse {
    let found = &opened.found;
    let base = state.provider.issuer.path();
    let model = pages::GiveAddress {
        action: format!("{base}/give-address/{}", found.id),
        upstream: waiting.upstream.clone(),
        is_undated: waiting.is_undated(),
        username,
        problem,
        sign_in_url: format!("{base}/sign-in/{}", found.id),
        frame: state.frame(request, &opened.visit.browser_hash, found.client.as_ref(), ui_locales(found)),
    };
    page(if problem.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK }, &model)
}

/// The form of the page.
pub async fn give(request: HttpRequest, state: Data<State>, id: Path<String>, payload: Payload) -> HttpResponse {
    let (mut opened, form) = match open_form(&state, &request, &id, payload).await {
        Ok(opened) => opened,
        Err(response) => return response,
    };
    speak(&mut opened, &request);
    let username = form.get("username").unwrap_or_default().trim().to_owned();
    let Some(waiting) = upstreams::asked(&opened.found, &opened.visit) else { return go_on(&state, &request, opened).await };
    let problem = match upstreams::give_address(&state.provider, &opened.found, &username, &opened.visit).await {
        Ok(GiveAddress::Sent(outcome) | GiveAddress::Over(outcome)) => return answer::outcome(&state, opened.browser, outcome),
        Ok(GiveAddress::NoAddress) => AddressGivenProblem::NoAddress,
        Ok(GiveAddress::OtherDomain) => AddressGivenProblem::OtherDomain,
        Err(fault) => return broken(&state, &request, &fault),
    };
    let response = give_page(&state, &request, &opened, (&waiting, username, Some(problem)));
    answer::with_browser(response, opened.browser)
}

/// `/finish-sign-in/TOKEN`
pub async fn show_link(request: HttpRequest, state: Data<State>, token: Path<String>) -> HttpResponse {
    let (visit, browser) = match extract::visit(&request, &state).await {
        Ok(visited) => visited,
        Err(fault) => return broken(&state, &request, &fault),
    };
    match upstreams::find_first(&state.provider, &token, &visit).await {
        Ok(Some(Link::Here { address })) => link(&state, &request, (&visit, browser), LinkTo::Verify { address }),
        Ok(Some(Link::Elsewhere { code })) => {
            let model = LinkCode::new(code, state.frame(&request, &visit.browser_hash, None, None));
            answer::with_browser(page(StatusCode::OK, &model), browser)
        }
        Ok(None) => link_gone(&state, &request, (&visit, browser)),
        Err(fault) => broken(&state, &request, &fault),
    }
}

/// The button of the page.
pub async fn finish(request: HttpRequest, state: Data<State>, token: Path<String>, payload: Payload) -> HttpResponse {
    let pressed = match pressed(&state, &request, payload).await {
        Ok(pressed) => pressed,
        Err(response) => return response,
    };
    match upstreams::finish_by_link(&state.provider, &token, &pressed.visit).await {
        Ok(Some(signed_in)) => answer::signed_in(&state, pressed.browser, signed_in),
        Ok(None) => link_gone(&state, &request, (&pressed.visit, pressed.browser)),
        Err(fault) => broken(&state, &request, &fault),
    }
}
