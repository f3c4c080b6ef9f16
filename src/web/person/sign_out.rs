//! Signing out: the question, and the page after it.

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_SECURITY_POLICY, HeaderValue};
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::{Opened, broken, go_on, open, open_form, page};
use crate::base::Id;
use crate::endpoints::farewell::{self, Goodbye, LogoutFrame, Parting};
use crate::endpoints::interaction::{self, Errand};
use crate::endpoints::logout::{self, Farewell};
use crate::web::headers::PAGE_CSP;
use crate::web::pages::{SignOut, SignedOut};
use crate::web::{State, answer, cookies, extract};

/// `/sign-out`: the person's own wish, from the account page.
pub async fn begin(request: HttpRequest, state: Data<State>) -> HttpResponse {
    let (visit, browser) = match extract::visit(&request, &state).await {
        Ok(visited) => visited,
        Err(fault) => return broken(&state, &request, &fault),
    };
    if visit.session.is_none() {
        return answer::with_browser(answer::see_other(&state, "/signed-out").finish(), browser);
    }
    match interaction::begin(&state.provider, Errand::SignOut(Farewell::default()), &visit).await {
        Ok(outcome) => answer::outcome(&state, browser, outcome),
        Err(fault) => broken(&state, &request, &fault),
    }
}

/// `/sign-out/ID`
pub async fn show(request: HttpRequest, state: Data<State>, id: Path<String>) -> HttpResponse {
    let opened = match open(&state, &request, &id).await {
        Ok(opened) => opened,
        Err(response) => return response,
    };
    let Errand::SignOut(farewell) = &opened.found.errand else { return go_on(&state, &request, opened).await };
    let Some(signed) = &opened.visit.session else {
        return answer::with_browser(leave(&state, &Parting::of(farewell)), opened.browser);
    };
    let model = SignOut {
        action: format!("{}/sign-out/{}", state.provider.issuer.path(), opened.found.id),
        person: signed.user.email.clone().unwrap_or_else(|| signed.user.sub.clone()),
        frame: state.frame(&request, &opened.visit.browser_hash, opened.found.client.as_ref(), None),
    };
    answer::with_browser(page(StatusCode::OK, &model), opened.browser)
}

/// Where a person goes after signing out: back to the app, or to our own page.
fn leave(state: &State, parting: &Parting) -> HttpResponse {
    match parting {
        Parting::Redirect(redirect) => answer::redirect(redirect).finish(),
        Parting::Page(None) => answer::see_other(state, "/signed-out").finish(),
        Parting::Page(Some(id)) => answer::see_other(state, &format!("/signed-out?of={id}")).finish(),
    }
}

/// The same for a browser whose session has just ended: its cookies go.
pub fn gone(state: &State, parting: &Parting) -> HttpResponse {
    let issuer = &state.provider.issuer;
    let mut response = leave(state, parting);
    for cookie in [cookies::clear_session(issuer), cookies::clear_state(issuer)] {
        if response.add_cookie(&cookie).is_err() {
            tracing::error!("a cookie that takes one away is no cookie");
        }
    }
    response
}

/// The form of the page.
pub async fn submit(request: HttpRequest, state: Data<State>, id: Path<String>, payload: Payload) -> HttpResponse {
    let (opened, form) = match open_form(&state, &request, &id, payload).await {
        Ok(opened) => opened,
        Err(response) => return response,
    };
    let Opened { visit, browser, found } = opened;
    let Errand::SignOut(farewell) = &found.errand else {
        return go_on(&state, &request, Opened { visit, browser, found }).await;
    };
    if form.get("decision") != Some("sign-out") {
        return answer::with_browser(answer::see_other(&state, "/account").finish(), browser);
    }
    let parting = match &visit.session {
        Some(signed) => logout::sign_out(&state.provider, signed, farewell, &visit).await,
        None => Ok(Parting::of(farewell)),
    };
    match parting {
        Ok(parting) => answer::with_browser(gone(&state, &parting), browser),
        Err(fault) => broken(&state, &request, &fault),
    }
}

/// `/signed-out`
pub async fn signed_out(request: HttpRequest, state: Data<State>) -> HttpResponse {
    let (visit, browser) = match extract::visit(&request, &state).await {
        Ok(visited) => visited,
        Err(fault) => return broken(&state, &request, &fault),
    };
    if visit.session.is_some() {
        return answer::see_other(&state, "/account").finish();
    }
    let query = extract::query(&request).ok();
    let named = |name: &str| query.as_ref().and_then(|query| query.get(name)).map(Id::from_stored);
    // `state` comes back from the provider that the person was signed out of as well.
    let (of, passed) = (named("of").or_else(|| named("state")), named("state").is_some());
    let goodbye = match &of {
        Some(id) => farewell::find(&state.provider, id, &visit).await,
        None => Ok(Goodbye::default()),
    };
    let Goodbye { receipts, frames, onward } = match goodbye {
        Ok(goodbye) => goodbye,
        Err(fault) => return broken(&state, &request, &fault),
    };
    if let Some((url, _)) = onward.as_ref().filter(|_| passed && frames.is_empty()) {
        return answer::with_browser(answer::redirect(url).finish(), browser);
    }
    let policy = framing(&frames);
    let frame = state.frame(&request, &visit.browser_hash, None, None);
    let model = SignedOut {
        note: (request.query_string() == "done=deletion").then(|| frame.t().account_pages.deletion_goes_on),
        frame,
        apps: receipts,
        frames: frames.into_iter().map(|frame| frame.url).collect(),
        sign_in_url: onward.is_none().then(|| format!("{}/sign-in", state.provider.issuer.path())),
        onward,
    };
    let mut response = answer::with_browser(page(StatusCode::OK, &model), browser);
    if let Some(policy) = policy {
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// The page's policy that lets exactly these frames in (decision 15); the usual one where there are none.
fn framing(frames: &[LogoutFrame]) -> Option<HeaderValue> {
    if frames.is_empty() {
        return None;
    }
    let mut origins: Vec<&str> = frames.iter().map(|frame| frame.origin.as_str()).collect();
    origins.sort_unstable();
    origins.dedup();
    HeaderValue::from_str(&format!("{PAGE_CSP}; frame-src {}", origins.join(" "))).ok()
}
