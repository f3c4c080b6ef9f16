//! The page of an interaction that waits for a new second factor.

use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::authenticators::{Form, new_key};
use super::{Opened, broken, error, go_on, open, open_form, page, speak, ui_locales};
use crate::base::{Fault, Id};

use crate::endpoints::passkeys::{self, Enrolled};
use crate::endpoints::second_factor::{self, Added, Asked, Enrolling, For};
use crate::identity::factor::Level;
use crate::identity::passkeys::PASSKEY;
use crate::identity::totp;
use crate::oauth::Params;
use crate::web::pages::{Kind, Later, PasskeyProblem, SecondFactorProblem, SetUpPasskey, SetUpSecondFactor};
use crate::web::{State, answer, extract};

/// `/set-up-second-factor/ID`
pub async fn show(request: HttpRequest, state: Data<State>, id: Path<String>) -> HttpResponse {
    let opened = match open(&state, &request, &id).await {
        Ok(opened) => opened,
        Err(response) => return response,
    };
    let wish = extract::query(&request).unwrap_or_default().get("kind").map(str::to_owned);
    match waiting(&state, &opened).await {
        Ok(Some((asked, level))) if takes_passkey(&state, level, wish.as_deref()) => {
            passkey(&state, &request, (opened, asked, level), None).await
        }
        Ok(_) => fresh_key(&state, &request, opened, None).await,
        Err(fault) => broken(&state, &request, &fault),
    }
}

/// Whether a passkey is added: it is the only thing that does, or what the person wishes.
fn takes_passkey(state: &State, level: Level, wish: Option<&str>) -> bool {
    let policy = &state.provider.factors.policy;
    let is_only = level == Level::Resistant || !policy.takes(totp::KIND);
    state.provider.passkeys.is_some() && (is_only || wish == Some(PASSKEY))
}

/// The page that adds a passkey.
async fn passkey(
    state: &State,
    request: &HttpRequest,
    (opened, asked, level): (Opened, Asked, Level),
    problem: Option<PasskeyProblem>,
) -> HttpResponse {
    let (provider, found) = (&state.provider, &opened.found);
    let later = match later(state, &opened, &asked).await {
        Ok(later) => later,
        Err(fault) => return broken(state, request, &fault),
    };
    let base = provider.issuer.path();
    let action = format!("{base}/set-up-second-factor/{}", found.id);
    let may_totp = level <= Level::Two && provider.factors.policy.takes(totp::KIND);
    let model = SetUpPasskey {
        frame: state.frame(request, &opened.visit.browser_hash, found.client.as_ref(), ui_locales(found)),
        not_you_url: Some(format!("{base}/sign-in/{}", found.id)),
        totp_url: may_totp.then(|| action.clone()),
        level,
        later,
        problem,
        action,
    };
    let status = if problem.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    answer::with_browser(page(status, &model), opened.browser)
}

/// `/set-up-second-factor/ID/options`: what the script of that page asks for a new passkey.
pub async fn options(request: HttpRequest, state: Data<State>, id: Path<String>, payload: Payload) -> HttpResponse {
    let (opened, _) = match open_form(&state, &request, &id, payload).await {
        Ok(opened) => opened,
        Err(response) => return response,
    };
    let asked = match waiting(&state, &opened).await {
        Ok(Some((asked, _))) => asked,
        Ok(None) => return go_on(&state, &request, opened).await,
        Err(fault) => return broken(&state, &request, &fault),
    };
    let place = passkeys::For::interaction(&opened.found, &asked, &opened.visit);
    match passkeys::ask_to_enrol(&state.provider, &place, &opened.visit).await {
        Ok(passkeys::Asked::Options(asked)) => super::passkeys::options(&asked),
        Ok(_) => error::show(&state, &request, Kind::NotFound, None),
        Err(fault) => broken(&state, &request, &fault),
    }
}

/// Takes a new passkey. Whoever added it is asked for it next.
async fn add_passkey(
    state: &State,
    request: &HttpRequest,
    (opened, asked, level): (Opened, Asked, Level),
    form: &Params,
) -> HttpResponse {
    let Some(credential) = form.get("credential") else {
        return passkey(state, request, (opened, asked, level), Some(PasskeyProblem::NoScript)).await;
    };
    let place = passkeys::For::interaction(&opened.found, &asked, &opened.visit);
    let name = form.get("name").unwrap_or_default();
    match passkeys::enrol(&state.provider, &place, (credential, name), &opened.visit).await {
        Ok(Enrolled::Done) => go_on(state, request, opened).await,
        Ok(Enrolled::Refused) => passkey(state, request, (opened, asked, level), Some(PasskeyProblem::Refused)).await,
        Err(fault) => broken(state, request, &fault),
    }
}

/// Whether the person may go on without.
async fn later(state: &State, opened: &Opened, asked: &Asked) -> Result<Later, Fault> {
    Ok(match second_factor::may_wait(&state.provider, &opened.found, asked, &opened.visit).await? {
        second_factor::Wait::No => Later::Never,
        second_factor::Wait::Forever => Later::Always,
        second_factor::Wait::Until(at) => Later::Until(at),
    })
}

/// The page with a new key, if it is what the interaction waits for.
async fn fresh_key(state: &State, request: &HttpRequest, opened: Opened, trouble: Option<String>) -> HttpResponse {
    let provider = &state.provider;
    let asked = match waiting(state, &opened).await {
        Ok(Some((asked, _))) => asked,
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
async fn waiting(state: &State, opened: &Opened) -> Result<Option<(Asked, Level)>, Fault> {
    second_factor::adding(&state.provider, &opened.found, &opened.visit).await
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
        Some(SecondFactorProblem::SlowedDown { seconds }) => Some(frame.t().wait(seconds)),
        _ => trouble,
    };
    let action = format!("{base}/set-up-second-factor/{}", found.id);
    let form = Form { action, session: None, name: String::new(), problem, trouble };
    let new_key = new_key(state, &asked.user, &enrolling, form);
    let later = later(state, opened, asked).await?;
    let may_passkey = provider.passkeys.is_some() && provider.factors.policy.takes(PASSKEY);
    let passkey_url = may_passkey.then(|| format!("{base}/set-up-second-factor/{}?kind={PASSKEY}", found.id));
    let not_you_url = Some(format!("{base}/sign-in/{}", found.id));
    let (status, wait) = match problem {
        None => (StatusCode::OK, None),
        Some(SecondFactorProblem::SlowedDown { seconds }) => (StatusCode::TOO_MANY_REQUESTS, Some(seconds)),
        Some(_) => (StatusCode::BAD_REQUEST, None),
    };
    let mut response = page(status, &SetUpSecondFactor { new_key, not_you_url, passkey_url, later, frame });
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
    let (asked, level) = match waiting(&state, &opened).await {
        Ok(Some(waiting)) => waiting,
        Ok(None) => return go_on(&state, &request, opened).await,
        Err(fault) => return broken(&state, &request, &fault),
    };
    if form.get("action") == Some("passkey") || form.get("credential").is_some() {
        return add_passkey(&state, &request, (opened, asked, level), &form).await;
    }
    // No code of an app reaches what only a passkey does.
    if level > Level::Two {
        return passkey(&state, &request, (opened, asked, level), None).await;
    }
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
