//! The page of an interaction that waits for a new second factor.

use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::authenticators::{Form, new_key};
use super::{Opened, broken, error, go_on, open, open_form, page, speak, ui_locales};
use crate::base::{Fault, Id};
use crate::endpoints::interaction::{self, Outcome, Page};
use crate::endpoints::second_factor::{self, Added, Asked, Enrolling, For};
use crate::identity::totp;
use crate::web::pages::{Kind, Later, SecondFactorProblem, SetUpSecondFactor};
use crate::web::{State, answer};

/// `/set-up-second-factor/ID`
pub async fn show(request: HttpRequest, state: Data<State>, id: Path<String>) -> HttpResponse {
    let opened = match open(&state, &request, &id).await {
        Ok(opened) => opened,
        Err(response) => return response,
    };
    fresh_key(&state, &request, opened, None).await
}

/// The page with a new key, if it is what the interaction waits for.
async fn fresh_key(state: &State, request: &HttpRequest, opened: Opened, trouble: Option<String>) -> HttpResponse {
    let provider = &state.provider;
    let asked = match waiting(state, &opened).await {
        Ok(Some(asked)) => asked,
        Ok(None) => return go_on(state, request, opened).await,
        Err(fault) => return broken(state, request, &fault),
    };
    match second_factor::begin_enrolment(provider, &asked.user, (totp::KIND, ""), &opened.visit).await {
        Ok(Some(enrolling)) => match render(state, request, (&opened, &asked), (enrolling, None, trouble)).await {
            Ok(response) => answer::with_browser(response, opened.browser),
            Err(fault) => broken(state, request, &fault),
        },
        // The house wants one and takes no kind that is added here.
        Ok(None) => error::show(state, request, Kind::Forbidden, None),
        Err(fault) => broken(state, request, &fault),
    }
}

/// Who is asked to add something, if somebody is.
async fn waiting(state: &State, opened: &Opened) -> Result<Option<Asked>, Fault> {
    match interaction::look(&state.provider, &opened.found, &opened.visit).await? {
        Outcome::Page { page: Page::Enrol(_) | Page::Offer(_), .. } => {
            Asked::of(&state.provider, &opened.found, &opened.visit).await
        }
        _ => Ok(None),
    }
}

async fn render(
    state: &State,
    request: &HttpRequest,
    (opened, asked): (&Opened, &Asked),
    (enrolling, problem, trouble): (Enrolling, Option<SecondFactorProblem>, Option<String>),
) -> Result<HttpResponse, Fault> {
    let (provider, found) = (&state.provider, &opened.found);
    let frame = state.frame(request, &opened.visit.browser_hash, found.client.as_ref(), ui_locales(found));
    let base = provider.issuer.path();
    let trouble = match problem {
        Some(SecondFactorProblem::SlowedDown { seconds }) => Some(frame.t().slowed_down.of(seconds).to_string()),
        _ => trouble,
    };
    let action = format!("{base}/set-up-second-factor/{}", found.id);
    let form = Form { action, session: None, name: String::new(), problem, trouble };
    let new_key = new_key(state, &asked.user, &enrolling, form);
    let later = match second_factor::may_wait(provider, found, asked, &opened.visit).await? {
        second_factor::Wait::No => Later::Never,
        second_factor::Wait::Forever => Later::Always,
        second_factor::Wait::Until(at) => Later::Until(at),
    };
    let not_you_url = Some(format!("{base}/sign-in/{}", found.id));
    let (status, wait) = match problem {
        None => (StatusCode::OK, None),
        Some(SecondFactorProblem::SlowedDown { seconds }) => (StatusCode::TOO_MANY_REQUESTS, Some(seconds)),
        Some(_) => (StatusCode::BAD_REQUEST, None),
    };
    let mut response = page(status, &SetUpSecondFactor { new_key, not_you_url, later, frame });
    if let Some(seconds) = wait {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    Ok(response)
}

/// The forms of the page.
pub async fn submit(request: HttpRequest, state: Data<State>, id: Path<String>, payload: Payload) -> HttpResponse {
    let (mut opened, form) = match open_form(&state, &request, &id, payload).await {
        Ok(opened) => opened,
        Err(response) => return response,
    };
    speak(&mut opened, &request);
    let provider = &state.provider;
    if form.get("action") == Some("later") {
        return match second_factor::postpone(provider, opened.found.clone(), &opened.visit).await {
            Ok(Some(signed_in)) => answer::signed_in(&state, opened.browser, signed_in),
            Ok(None) => go_on(&state, &request, opened).await,
            Err(fault) => broken(&state, &request, &fault),
        };
    }
    let asked = match waiting(&state, &opened).await {
        Ok(Some(asked)) => asked,
        Ok(None) => return go_on(&state, &request, opened).await,
        Err(fault) => return broken(&state, &request, &fault),
    };
    let factor = Id::from_stored(form.get("factor").unwrap_or_default());
    let found = second_factor::find_enrolment(provider, &asked.user, &factor, &opened.visit).await;
    let enrolling = match found {
        Ok(Some(enrolling)) => enrolling,
        Ok(None) => {
            let gone = state.frame(&request, &opened.visit.browser_hash, None, ui_locales(&opened.found)).t().factors.gone;
            return fresh_key(&state, &request, opened, Some(gone.to_owned())).await;
        }
        Err(fault) => return broken(&state, &request, &fault),
    };
    let (code, name) = (form.get("code").unwrap_or_default().trim(), form.get("name").unwrap_or_default());
    let again = Enrolling { factor: enrolling.factor.clone(), secret: enrolling.secret.clone() };
    let problem = if code.is_empty() {
        SecondFactorProblem::Missing
    } else {
        let place = For::Interaction(opened.found.clone());
        match second_factor::confirm_enrolment(provider, place, (enrolling, code, name), &opened.visit).await {
            Ok(Added::In(signed_in)) => return answer::signed_in(&state, opened.browser, *signed_in),
            Ok(Added::Wrong) => SecondFactorProblem::Wrong,
            Ok(Added::Throttled { retry_after_seconds }) => SecondFactorProblem::SlowedDown { seconds: retry_after_seconds },
            Ok(Added::Gone) => return go_on(&state, &request, opened).await,
            Err(fault) => return broken(&state, &request, &fault),
        }
    };
    match render(&state, &request, (&opened, &asked), (again, Some(problem), None)).await {
        Ok(response) => answer::with_browser(response, opened.browser),
        Err(fault) => broken(&state, &request, &fault),
    }
}
