//! The sign-in page.

use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::{ForeignBecause, Opened, broken, go_on, open, open_for, own_form, page, speak, ui_locales, upstream};
use crate::base::Secret;
use crate::endpoints::authorize::Reason;
use crate::endpoints::interaction::{self, Errand, Outcome, Page};
use crate::endpoints::sign_in::{self as enter, Credentials, PasswordOutcome, Stay};
use crate::web::limits::Failure;
use crate::web::pages::{Occasion, PasskeyWay, SignIn, SignInProblem};
use crate::web::{State, answer, extract};

/// Seconds after which a person may try again when every hashing thread is busy.
pub(super) const BUSY_SECONDS: i64 = 2;

/// `/sign-in`: for the house's own account page.
pub async fn begin(request: HttpRequest, state: Data<State>) -> HttpResponse {
    let (visit, browser) = match extract::visit(&request, &state).await {
        Ok(visited) => visited,
        Err(fault) => return broken(&state, &request, &fault),
    };
    match interaction::begin(&state.provider, Errand::Account, &visit).await {
        Ok(outcome) => answer::outcome(&state, browser, outcome),
        Err(fault) => broken(&state, &request, &fault),
    }
}

/// `/sign-in/ID`: shown also to who is signed in already, if they come to be somebody else.
pub async fn show(request: HttpRequest, state: Data<State>, id: Path<String>) -> HttpResponse {
    let opened = match open(&state, &request, &id).await {
        Ok(opened) => opened,
        Err(response) => return response,
    };
    let outcome = match interaction::look(&state.provider, &opened.found, &opened.visit).await {
        Ok(outcome) => outcome,
        Err(fault) => return broken(&state, &request, &fault),
    };
    match outcome {
        Outcome::Page { page: Page::SignIn(reason), .. } => {
            answer::with_browser(render(&state, &request, &opened, Shown::first(reason)).await, opened.browser)
        }
        // Another account was chosen, or "not you?": signing in as somebody else is always open.
        Outcome::Page { page: Page::Choose | Page::SignUp | Page::CheckMail | Page::Consent(_) | Page::Upstream(_), .. }
        | Outcome::Page { page: Page::SecondFactor(_) | Page::Enrol(_) | Page::Offer(_), .. } => {
            let response = render(&state, &request, &opened, Shown::first(Reason::OtherPerson)).await;
            answer::with_browser(response, opened.browser)
        }
        outcome => answer::outcome(&state, opened.browser, outcome),
    }
}

/// What the page shows beside the form.
struct Shown {
    reason: Reason,
    failed: Option<Failed>,
}

/// A try that did not succeed.
pub(super) struct Failed {
    pub username: Option<String>,
    pub problem: SignInProblem,
    /// The passkey that nobody here has.
    pub unknown_passkey: Option<String>,
}

impl Failed {
    const fn new(username: Option<String>, problem: SignInProblem) -> Self {
        Self { username, problem, unknown_passkey: None }
    }
}

impl Shown {
    const fn first(reason: Reason) -> Self {
        Self { reason, failed: None }
    }
}

async fn render(state: &State, request: &HttpRequest, opened: &Opened, shown: Shown) -> HttpResponse {
    let found = &opened.found;
    let frame = state.frame(request, &opened.visit.browser_hash, found.client.as_ref(), ui_locales(found));
    let base = state.provider.issuer.path();
    let own_address = || opened.visit.session.as_ref().and_then(|signed| signed.user.email.clone());
    let hint = match &found.errand {
        Errand::App(request) => request.login_hint.clone(),
        Errand::Account | Errand::StepUp(_) | Errand::SignOut(_) => None,
    };
    let again = matches!(shown.reason, Reason::Again | Reason::Confirm);
    let problem = shown.failed.as_ref().map(|failed| failed.problem);
    let (typed, unknown) = shown.failed.map_or((None, None), |failed| (failed.username, failed.unknown_passkey));
    let connect = found.connect_first();
    let confirm = found.confirm_first().filter(|_| shown.reason == Reason::Confirm);
    let hint = connect.as_ref().map(|(_, address)| address.clone()).or(hint);
    let username = match &confirm {
        Some((_, address)) => typed.or_else(|| address.clone()),
        None => typed.or_else(|| if again { own_address() } else { hint }),
    };
    let username = username.unwrap_or_default();
    let others = async { Ok((upstream::buttons(state, opened).await?, state.provider.takes_passwords().await?)) };
    let (upstreams, has_password) = match others.await {
        Ok(others) => others,
        Err(fault) => return broken(state, request, &fault),
    };
    let status = match problem {
        None => StatusCode::OK,
        Some(SignInProblem::SlowedDown { .. }) => StatusCode::TOO_MANY_REQUESTS,
        Some(SignInProblem::Busy) => StatusCode::SERVICE_UNAVAILABLE,
        Some(_) => StatusCode::BAD_REQUEST,
    };
    let retry_after = match problem {
        Some(SignInProblem::SlowedDown { seconds }) => Some(seconds),
        Some(SignInProblem::Busy) => Some(BUSY_SECONDS),
        _ => None,
    };
    let model = SignIn {
        action: format!("{base}/sign-in/{}", found.id),
        username,
        not_you_url: again.then(|| format!("{base}/choose-account/{}", found.id)),
        sign_up_url: (!again && state.provider.sign_up_is_open()).then(|| format!("{base}/sign-up/{}", found.id)),
        forgot_url: state.provider.post.is_on().then(|| format!("{base}/forgot-password/{}", found.id)),
        by_mail_url: state.provider.sign_in_by_mail().then(|| format!("{base}/sign-in-by-mail/{}", found.id)),
        has_password,
        upstreams,
        connect,
        confirm: confirm.map(|(upstream, _)| upstream),
        occasion: if again { Occasion::Again } else { Occasion::First },
        passkeys: state.provider.passkeys.as_ref().map(|own| PasskeyWay {
            options_url: format!("{base}/passkey-options/{}", found.id),
            rp_id: own.rp_id().to_owned(),
            unknown,
        }),
        problem,
        frame,
    };
    let mut response = page(status, &model);
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}

/// The form of the page.
pub async fn submit(request: HttpRequest, state: Data<State>, id: Path<String>, payload: Payload) -> HttpResponse {
    let (visit, browser) = match extract::visit(&request, &state).await {
        Ok(visited) => visited,
        Err(fault) => return broken(&state, &request, &fault),
    };
    let form = match own_form(&state, &request, payload, &visit).await {
        Ok(form) => Some(form),
        Err(foreign) if foreign.why == ForeignBecause::Stale && browser.new.is_none() => None,
        Err(foreign) => return foreign.response,
    };
    let mut opened = match open_for(&state, &request, &id, (visit, browser)).await {
        Ok(opened) => opened,
        Err(response) => return response,
    };
    let Some(form) = form else { return again(&state, &request, opened, Failed::new(None, SignInProblem::FormExpired)).await };
    if form.get("action") == Some("cancel") {
        return answer::outcome(&state, opened.browser, interaction::cancel(&state.provider, &opened.found));
    }
    if !matches!(opened.found.errand, Errand::App(_) | Errand::Account | Errand::StepUp(_)) {
        return go_on(&state, &request, opened).await;
    }
    if form.get("action") == Some("passkey") || form.get("credential").is_some() {
        return super::passkeys::sign_in(&state, &request, opened, &form).await;
    }
    match state.provider.takes_passwords().await {
        Ok(true) => {}
        Ok(false) => return go_on(&state, &request, opened).await,
        Err(fault) => return broken(&state, &request, &fault),
    }
    let username = form.get("username").unwrap_or_default().trim().to_owned();
    let password = form.get("password").unwrap_or_default();
    let missing = match (username.is_empty(), password.is_empty()) {
        (true, _) => Some(SignInProblem::UsernameMissing),
        (false, true) => Some(SignInProblem::PasswordMissing),
        (false, false) => None,
    };
    if let Some(problem) = missing {
        return again(&state, &request, opened, Failed::new(Some(username), problem)).await;
    }
    let stay = if form.get("remember").is_some() { Stay::Remembered } else { Stay::UntilBrowserCloses };
    let credentials = Credentials { login: username.clone(), password: Secret::new(password.to_owned()), stay };
    speak(&mut opened, &request);
    let outcome = enter::with_password(&state.provider, opened.found.clone(), credentials, &opened.visit).await;
    let problem = match outcome {
        Ok(PasswordOutcome::Done(signed_in)) => return answer::signed_in(&state, opened.browser, signed_in),
        Ok(PasswordOutcome::MustVerify(outcome)) => return answer::outcome(&state, opened.browser, outcome),
        Ok(PasswordOutcome::Wrong) => SignInProblem::NoMatch,
        Ok(PasswordOutcome::Throttled { retry_after_seconds }) => SignInProblem::SlowedDown { seconds: retry_after_seconds },
        Ok(PasswordOutcome::Busy) => SignInProblem::Busy,
        Err(fault) => return broken(&state, &request, &fault),
    };
    let failure = match problem {
        SignInProblem::SlowedDown { .. } => Failure::Throttled,
        SignInProblem::Busy => Failure::Busy,
        _ => Failure::Wrong,
    };
    state.limits.sign_in_failed(failure, opened.visit.address, &username, opened.visit.now);
    again(&state, &request, opened, Failed::new(Some(username), problem)).await
}

/// The page after a try that did not succeed: it asks for the same reason as before.
pub(super) async fn again(state: &State, request: &HttpRequest, opened: Opened, failed: Failed) -> HttpResponse {
    let reason = match interaction::look(&state.provider, &opened.found, &opened.visit).await {
        Ok(Outcome::Page { page: Page::SignIn(reason), .. }) => reason,
        Ok(_) => Reason::OtherPerson,
        Err(fault) => return broken(state, request, &fault),
    };
    let response = render(state, request, &opened, Shown { reason, failed: Some(failed) }).await;
    answer::with_browser(response, opened.browser)
}
