//! The page "check your mail": it waits for a code, and sends the mail again.

use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::{Opened, broken, go_on, open, open_form, page, speak, ui_locales};
use crate::endpoints::accounts::{self, Await, CodeOutcome, Typed};
use crate::endpoints::interaction::{self, Outcome, Page};
use crate::web::limits::too_many;
use crate::web::pages::{CheckMail, CodeProblem};
use crate::web::{State, answer};

/// `/check-mail/ID`
pub async fn show(request: HttpRequest, state: Data<State>, id: Path<String>) -> HttpResponse {
    let opened = match open(&state, &request, &id).await {
        Ok(opened) => opened,
        Err(response) => return response,
    };
    match interaction::look(&state.provider, &opened.found, &opened.visit).await {
        // Signed in by now, perhaps in another tab: there is nothing to wait for.
        Ok(outcome) if goes_on(&opened, &outcome) => answer::outcome(&state, opened.browser, outcome),
        Ok(_) => answer::with_browser(render(&state, &request, &opened, None), opened.browser),
        Err(fault) => broken(&state, &request, &fault),
    }
}

fn goes_on(opened: &Opened, outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Page { page: Page::CheckMail, .. } => false,
        Outcome::Page { page: Page::SignIn(_) | Page::SignUp | Page::Choose | Page::Upstream(_), .. } => {
            opened.found.awaited().is_none()
        }
        // A reset or another address may be asked for while somebody is signed in.
        _ => opened.found.awaited().is_none_or(|awaited| !matches!(awaited.what, Await::Reset | Await::NewAddress)),
    }
}

fn render(state: &State, request: &HttpRequest, opened: &Opened, problem: Option<CodeProblem>) -> HttpResponse {
    let found = &opened.found;
    let base = state.provider.issuer.path();
    let (status, wait) = match problem {
        None => (StatusCode::OK, None),
        Some(CodeProblem::Wrong) => (StatusCode::BAD_REQUEST, None),
        Some(CodeProblem::SlowedDown { seconds }) => (StatusCode::TOO_MANY_REQUESTS, Some(seconds)),
    };
    let model = CheckMail {
        action: format!("{base}/check-mail/{}", found.id),
        back_url: match found.awaited().map(|awaited| awaited.what) {
            Some(Await::NewAddress) => format!("{base}/account/email"),
            _ => format!("{base}/sign-in/{}", found.id),
        },
        awaited: found.awaited(),
        problem,
        frame: state.frame(request, &opened.visit.browser_hash, found.client.as_ref(), ui_locales(found)),
    };
    let mut response = page(status, &model);
    if let Some(seconds) = wait {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}

/// The forms of the page.
pub async fn submit(request: HttpRequest, state: Data<State>, id: Path<String>, payload: Payload) -> HttpResponse {
    let (mut opened, form) = match open_form(&state, &request, &id, payload).await {
        Ok(opened) => opened,
        Err(response) => return response,
    };
    speak(&mut opened, &request);
    if form.get("action") == Some("again") {
        return send_again(&state, &request, opened).await;
    }
    let typed = form.get("code").unwrap_or_default();
    let provider = &state.provider;
    let outcome = match opened.found.awaited().map(|awaited| awaited.what) {
        Some(Await::Verification) => accounts::verify_code(provider, opened.found.clone(), typed, &opened.visit).await,
        Some(Await::SignIn) => accounts::sign_in_by_code(provider, opened.found.clone(), typed, &opened.visit).await,
        Some(Await::FirstSignIn) => {
            crate::endpoints::upstreams::finish_by_code(provider, opened.found.clone(), typed, &opened.visit).await
        }
        Some(Await::NewAddress) => return change_address(&state, &request, opened, typed).await,
        Some(Await::Reset) | None => return go_on(&state, &request, opened).await,
    };
    let problem = match outcome {
        Ok(Typed::In(signed_in)) => return answer::signed_in(&state, opened.browser, *signed_in),
        Ok(Typed::Wrong) => CodeProblem::Wrong,
        Ok(Typed::Throttled { retry_after_seconds }) => CodeProblem::SlowedDown { seconds: retry_after_seconds },
        Err(fault) => return broken(&state, &request, &fault),
    };
    answer::with_browser(render(&state, &request, &opened, Some(problem)), opened.browser)
}

/// The code that was sent to another address.
async fn change_address(state: &State, request: &HttpRequest, opened: Opened, typed: &str) -> HttpResponse {
    if opened.visit.session.is_none() {
        return go_on(state, request, opened).await;
    }
    let problem = match accounts::change_by_code(&state.provider, &opened.found, typed, &opened.visit).await {
        Ok(CodeOutcome::Changed) => return answer::see_other(state, "/account/email?done=changed").finish(),
        Ok(CodeOutcome::Wrong) => CodeProblem::Wrong,
        Ok(CodeOutcome::Throttled { retry_after_seconds }) => CodeProblem::SlowedDown { seconds: retry_after_seconds },
        Err(fault) => return broken(state, request, &fault),
    };
    answer::with_browser(render(state, request, &opened, Some(problem)), opened.browser)
}

/// Charged as every act that sends mail.
async fn send_again(state: &State, request: &HttpRequest, opened: Opened) -> HttpResponse {
    let bucket = state.limits.mail(opened.visit.address);
    if let Err(retry) = state.limits.charge(&[bucket], opened.visit.now).await {
        return too_many(retry);
    }
    match accounts::send_again(&state.provider, &opened.found, &opened.visit).await {
        Ok(outcome) => answer::outcome(state, opened.browser, outcome),
        Err(fault) => broken(state, request, &fault),
    }
}
