//! The page for another password.

use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::account::Guest;
use super::sign_in::BUSY_SECONDS;
use super::{broken, fresh, page};
use crate::base::{Fault, Secret};
use crate::endpoints::accounts::{self, Elsewhere, PasswordChange, PasswordChanged};
use crate::endpoints::interaction::AccountPage;
use crate::identity::policy::Weakness;
use crate::web::limits::Failure;
use crate::web::pages::{ChangePassword, NewPassword, PasswordProblem};
use crate::web::{State, answer, cookies};

/// `/.well-known/change-password`: where password managers send their people.
pub async fn well_known(state: Data<State>) -> HttpResponse {
    answer::see_other(&state, "/account/password").finish()
}

/// What the page shows beside the form.
struct Shown<'a> {
    refused: &'a [Weakness],
    problem: Option<PasswordProblem>,
    elsewhere: Elsewhere,
    is_done: bool,
}

/// `/account/password`
pub async fn show(request: HttpRequest, state: Data<State>) -> HttpResponse {
    let guest = match fresh::guest(&state, &request, AccountPage::Password).await {
        Ok(guest) => guest,
        Err(response) => return response,
    };
    let is_done = request.query_string() == "done=changed";
    let shown = Shown { refused: &[], problem: None, elsewhere: Elsewhere::SignedOut, is_done };
    match render(&state, &request, &guest, shown).await {
        Ok(response) => answer::with_browser(response, guest.browser),
        Err(fault) => broken(&state, &request, &fault),
    }
}

async fn render(state: &State, request: &HttpRequest, guest: &Guest, shown: Shown<'_>) -> Result<HttpResponse, Fault> {
    let (status, wait) = match (shown.problem, shown.refused) {
        (Some(PasswordProblem::SlowedDown { seconds }), _) => (StatusCode::TOO_MANY_REQUESTS, Some(seconds)),
        (Some(PasswordProblem::Busy), _) => (StatusCode::SERVICE_UNAVAILABLE, Some(BUSY_SECONDS)),
        (None, []) => (StatusCode::OK, None),
        _ => (StatusCode::BAD_REQUEST, None),
    };
    let frame = state.frame(request, &guest.visit.browser_hash, None, None);
    let t = frame.t();
    let model = ChangePassword {
        action: format!("{}/account/password", state.provider.issuer.path()),
        session: guest.signed.session.sid.clone(),
        username: guest.signed.user.email.clone().unwrap_or_default(),
        has_password: accounts::has_password(&state.provider, &guest.signed).await?,
        new_password: NewPassword::new(t, t.passwords.new_password, &state.provider.password_policy, shown.refused),
        signs_out_elsewhere: shown.elsewhere == Elsewhere::SignedOut,
        problem: shown.problem,
        is_done: shown.is_done,
        frame,
    };
    let mut response = page(status, &model);
    if let Some(seconds) = wait {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    Ok(response)
}

/// The form of the page.
pub async fn submit(request: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    let (guest, form) = match fresh::form(&state, &request, payload, AccountPage::Password).await {
        Ok(sent) => sent,
        Err(response) => return response,
    };
    let secret = |name: &str| Secret::new(form.get(name).unwrap_or_default().to_owned());
    let elsewhere = if form.get("elsewhere").is_some() { Elsewhere::SignedOut } else { Elsewhere::Kept };
    let wish = PasswordChange { current: secret("current"), new: secret("password"), elsewhere };
    let outcome = match accounts::change_password(&state.provider, &guest.signed, wish, &guest.visit).await {
        Ok(outcome) => outcome,
        Err(fault) => return broken(&state, &request, &fault),
    };
    let (problem, refused) = match outcome {
        PasswordChanged::Done { token } => {
            // Whether this browser was to remember the session is not known here: the safe answer is that it was not.
            let cookie = cookies::set_session(&state.provider.issuer, token.expose(), None);
            return answer::see_other(&state, "/account/password?done=changed").cookie(cookie).finish();
        }
        PasswordChanged::WrongCurrent(why) => (Some(PasswordProblem::Current(why)), Vec::new()),
        PasswordChanged::Refused(weaknesses) => (None, weaknesses),
        PasswordChanged::Throttled { retry_after_seconds } => {
            (Some(PasswordProblem::SlowedDown { seconds: retry_after_seconds }), Vec::new())
        }
        PasswordChanged::Busy => (Some(PasswordProblem::Busy), Vec::new()),
    };
    count(&state, &guest, problem);
    let shown = Shown { refused: &refused, problem, elsewhere, is_done: false };
    match render(&state, &request, &guest, shown).await {
        Ok(response) => answer::with_browser(response, guest.browser),
        Err(fault) => broken(&state, &request, &fault),
    }
}

/// A wrong password here is one like any other to the metrics.
fn count(state: &State, guest: &Guest, problem: Option<PasswordProblem>) {
    let failure = match problem {
        Some(PasswordProblem::Current(accounts::CurrentRefused::Wrong)) => Failure::Wrong,
        Some(PasswordProblem::SlowedDown { .. }) => Failure::Throttled,
        Some(PasswordProblem::Busy) => Failure::Busy,
        Some(PasswordProblem::Current(accounts::CurrentRefused::Missing)) | None => return,
    };
    let account = guest.signed.user.email.as_deref().unwrap_or_default();
    state.limits.sign_in_failed(failure, guest.visit.address, account, guest.visit.now);
}
