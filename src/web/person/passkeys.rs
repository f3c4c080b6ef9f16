//! Passkeys: what the script of the pages fetches, signing in with one, and the pages of one's own.

use actix_web::http::StatusCode;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::account::Guest;
use super::{Opened, broken, error, fresh, open_form, page, sign_in, speak};
use crate::base::Fault;
use crate::endpoints::interaction::AccountPage;
use crate::endpoints::passkeys::{self as use_cases, Asked, ByPasskey, Enrolled, For, PasswordDropped, Removed};
use crate::endpoints::sign_in::Stay;
use crate::oauth::Params;
use crate::web::limits::Failure;
use crate::web::pages::{
    ChangePasskey, Confirm, Kind, PasskeyNotice, PasskeyProblem, PasskeyRow, Passkeys, Removal, SignInProblem,
};
use crate::web::{State, answer};

const PAGE: AccountPage = AccountPage::Passkeys;

pub(super) fn options(options: &serde_json::Value) -> HttpResponse {
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(options)
}

/// `/passkey-options/ID`: the same question for everybody, whoever has passkeys here (WebAuthn section 14.6.2).
pub async fn ask_to_sign_in(request: HttpRequest, state: Data<State>, id: Path<String>, payload: Payload) -> HttpResponse {
    let (opened, _) = match open_form(&state, &request, &id, payload).await {
        Ok(opened) => opened,
        Err(response) => return response,
    };
    match use_cases::ask_to_sign_in(&state.provider, &opened.found, &opened.visit).await {
        Ok(Some(asked)) => options(&asked),
        Ok(None) => error::show(&state, &request, Kind::NotFound, None),
        Err(fault) => broken(&state, &request, &fault),
    }
}

/// The form of the button on the sign-in page, and of a passkey that was chosen where the name is typed.
pub(super) async fn sign_in(state: &State, request: &HttpRequest, mut opened: Opened, form: &Params) -> HttpResponse {
    let credential = form.get("credential").unwrap_or_default();
    if credential.is_empty() {
        return sign_in::again(state, request, opened, PasskeyProblem::NoScript.into()).await;
    }
    let stay = if form.get("remember").is_some() { Stay::Remembered } else { Stay::UntilBrowserCloses };
    speak(&mut opened, request);
    let outcome = use_cases::sign_in(&state.provider, opened.found.clone(), credential, stay, &opened.visit).await;
    let failed = match outcome {
        Ok(ByPasskey::Done(signed_in)) => return answer::signed_in(state, opened.browser, signed_in),
        Ok(ByPasskey::MustVerify(outcome)) => return answer::outcome(state, opened.browser, outcome),
        Ok(ByPasskey::Refused) => PasskeyProblem::Refused.into(),
        Ok(ByPasskey::Copied) => PasskeyProblem::Copied.into(),
        Ok(ByPasskey::Unknown { credential_id }) => {
            sign_in::Failed { unknown_passkey: Some(credential_id), ..PasskeyProblem::Unknown.into() }
        }
        Err(fault) => return broken(state, request, &fault),
    };
    state.limits.sign_in_failed(Failure::Wrong, opened.visit.address, "", opened.visit.now);
    sign_in::again(state, request, opened, failed).await
}

impl From<PasskeyProblem> for sign_in::Failed {
    fn from(problem: PasskeyProblem) -> Self {
        Self { username: None, problem: SignInProblem::Passkey(problem), unknown_passkey: None }
    }
}

/// `/account/passkeys`
pub async fn show(request: HttpRequest, state: Data<State>) -> HttpResponse {
    let guest = match fresh::guest(&state, &request, PAGE).await {
        Ok(guest) => guest,
        Err(response) => return response,
    };
    let notice = match request.query_string() {
        "done=added" => Some(PasskeyNotice::Added),
        "done=renamed" => Some(PasskeyNotice::Renamed),
        "done=removed" => Some(PasskeyNotice::Removed),
        "done=password" => Some(PasskeyNotice::PasswordRemoved),
        _ => None,
    };
    all(&state, &request, guest, (notice, None)).await
}

async fn all(
    state: &State,
    request: &HttpRequest,
    guest: Guest,
    said: (Option<PasskeyNotice>, Option<PasskeyProblem>),
) -> HttpResponse {
    let status = if said.1.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    match model(state, request, &guest, said).await {
        Ok(model) => answer::with_browser(page(status, &model), guest.browser),
        Err(fault) => broken(state, request, &fault),
    }
}

async fn model(
    state: &State,
    request: &HttpRequest,
    guest: &Guest,
    (notice, problem): (Option<PasskeyNotice>, Option<PasskeyProblem>),
) -> Result<Passkeys, Fault> {
    let own = use_cases::list(&state.provider, &guest.signed).await?;
    let url = format!("{}/account/passkeys", state.provider.issuer.path());
    let user = &guest.signed.user;
    let name = user.email.clone().unwrap_or_else(|| user.sub.clone());
    let (is_full, can_drop_password) = (own.is_full(), own.can_drop_password());
    let row = |passkey: crate::store::passkeys::Passkey| PasskeyRow {
        url: format!("{url}/{}", passkey.public_id),
        name: passkey.name,
        credential_id: passkey.credential_id,
        signs_in: passkey.signs_in,
        synced: passkey.synced,
        backed_up: passkey.backed_up,
        created_at: passkey.created_at,
        last_used_at: passkey.last_used_at,
    };
    Ok(Passkeys {
        frame: state.frame(request, &guest.visit.browser_hash, None, None),
        options_url: format!("{url}/options"),
        session: guest.signed.session.sid.clone(),
        now: guest.visit.now,
        rows: own.passkeys.into_iter().map(row).collect(),
        rp_id: state.provider.passkeys.as_ref().map(|own| own.rp_id().to_owned()),
        handle: own.handle,
        display_name: user.claims.get("name").and_then(|name| name.as_str()).unwrap_or(&name).to_owned(),
        name,
        has_password: own.has_password,
        drop_password_url: can_drop_password.then(|| format!("{url}/password")),
        is_full,
        notice,
        problem,
        action: url,
    })
}

/// `/account/passkeys/options`
pub async fn ask_to_enrol(request: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    let (guest, _) = match fresh::form(&state, &request, payload, PAGE).await {
        Ok(sent) => sent,
        Err(response) => return response,
    };
    match use_cases::ask_to_enrol(&state.provider, &For::account(&guest.signed), &guest.visit).await {
        Ok(Asked::Options(asked)) => options(&asked),
        Ok(Asked::TooMany | Asked::Nowhere) => error::show(&state, &request, Kind::NotFound, None),
        Err(fault) => broken(&state, &request, &fault),
    }
}

/// Adds a passkey.
pub async fn add(request: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    let (guest, form) = match fresh::form(&state, &request, payload, PAGE).await {
        Ok(sent) => sent,
        Err(response) => return response,
    };
    let credential = form.get("credential").unwrap_or_default();
    if credential.is_empty() {
        return all(&state, &request, guest, (None, Some(PasskeyProblem::NoScript))).await;
    }
    let name = form.get("name").unwrap_or_default();
    match use_cases::enrol(&state.provider, &For::account(&guest.signed), (credential, name), &guest.visit).await {
        Ok(Enrolled::Done) => answer::see_other(&state, "/account/passkeys?done=added").finish(),
        Ok(Enrolled::Refused) => all(&state, &request, guest, (None, Some(PasskeyProblem::Refused))).await,
        Err(fault) => broken(&state, &request, &fault),
    }
}

/// The name of a passkey of this person.
async fn name(state: &State, request: &HttpRequest, guest: &Guest, id: &str) -> Result<String, HttpResponse> {
    let own = use_cases::list(&state.provider, &guest.signed).await.map_err(|fault| broken(state, request, &fault))?;
    let found = own.passkeys.into_iter().find(|passkey| passkey.public_id == id);
    found.map(|passkey| passkey.name).ok_or_else(|| error::show(state, request, Kind::NotFound, None))
}

fn one(state: &State, request: &HttpRequest, guest: Guest, (name, is_nameless): (String, bool)) -> HttpResponse {
    let action = request.path().to_owned();
    let model = ChangePasskey {
        frame: state.frame(request, &guest.visit.browser_hash, None, None),
        session: guest.signed.session.sid.clone(),
        name,
        is_nameless,
        remove_url: format!("{action}/remove"),
        back_url: format!("{}/account/passkeys", state.provider.issuer.path()),
        action,
    };
    let status = if is_nameless { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    answer::with_browser(page(status, &model), guest.browser)
}

/// `/account/passkeys/ID`
pub async fn show_one(request: HttpRequest, state: Data<State>, id: Path<String>) -> HttpResponse {
    let guest = match fresh::guest(&state, &request, PAGE).await {
        Ok(guest) => guest,
        Err(response) => return response,
    };
    match name(&state, &request, &guest, &id).await {
        Ok(name) => one(&state, &request, guest, (name, false)),
        Err(response) => response,
    }
}

/// Gives a passkey another name.
pub async fn rename(request: HttpRequest, state: Data<State>, id: Path<String>, payload: Payload) -> HttpResponse {
    let (guest, form) = match fresh::form(&state, &request, payload, PAGE).await {
        Ok(sent) => sent,
        Err(response) => return response,
    };
    if let Err(response) = name(&state, &request, &guest, &id).await {
        return response;
    }
    let name = form.get("name").unwrap_or_default();
    match use_cases::rename(&state.provider, &guest.signed, (&id, name), &guest.visit).await {
        Ok(true) => answer::see_other(&state, "/account/passkeys?done=renamed").finish(),
        Ok(false) => one(&state, &request, guest, (String::new(), true)),
        Err(fault) => broken(&state, &request, &fault),
    }
}

fn confirm(state: &State, request: &HttpRequest, guest: Guest, removal: Removal) -> HttpResponse {
    let model = Confirm {
        frame: state.frame(request, &guest.visit.browser_hash, None, None),
        session: Some(guest.signed.session.sid.clone()),
        action: request.path().to_owned(),
        back_url: format!("{}/account/passkeys", state.provider.issuer.path()),
        removal,
    };
    answer::with_browser(page(StatusCode::OK, &model), guest.browser)
}

/// `/account/passkeys/ID/remove`
pub async fn ask_to_remove(request: HttpRequest, state: Data<State>, id: Path<String>) -> HttpResponse {
    let guest = match fresh::guest(&state, &request, PAGE).await {
        Ok(guest) => guest,
        Err(response) => return response,
    };
    match name(&state, &request, &guest, &id).await {
        Ok(name) => confirm(&state, &request, guest, Removal::Passkey { name }),
        Err(response) => response,
    }
}

/// Removes a passkey.
pub async fn remove(request: HttpRequest, state: Data<State>, id: Path<String>, payload: Payload) -> HttpResponse {
    let (guest, _) = match fresh::form(&state, &request, payload, PAGE).await {
        Ok(sent) => sent,
        Err(response) => return response,
    };
    match use_cases::remove(&state.provider, &guest.signed, &id, &guest.visit).await {
        Ok(Removed::Done) => answer::see_other(&state, "/account/passkeys?done=removed").finish(),
        Ok(Removed::Last) => all(&state, &request, guest, (None, Some(PasskeyProblem::Last))).await,
        Ok(Removed::IsNeeded) => all(&state, &request, guest, (None, Some(PasskeyProblem::IsNeeded))).await,
        Ok(Removed::Unknown) => error::show(&state, &request, Kind::NotFound, None),
        Err(fault) => broken(&state, &request, &fault),
    }
}

/// `/account/passkeys/password`
pub async fn ask_to_drop_password(request: HttpRequest, state: Data<State>) -> HttpResponse {
    match fresh::guest(&state, &request, PAGE).await {
        Ok(guest) => confirm(&state, &request, guest, Removal::Password),
        Err(response) => response,
    }
}

/// Takes the password away.
pub async fn drop_password(request: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    let (guest, _) = match fresh::form(&state, &request, payload, PAGE).await {
        Ok(sent) => sent,
        Err(response) => return response,
    };
    match use_cases::drop_password(&state.provider, &guest.signed, &guest.visit).await {
        Ok(PasswordDropped::Done) => answer::see_other(&state, "/account/passkeys?done=password").finish(),
        Ok(PasswordDropped::NotYet) => answer::see_other(&state, "/account/passkeys").finish(),
        Err(fault) => broken(&state, &request, &fault),
    }
}
