//! Recovery codes: made after a fresh sign-in, shown once, copied, downloaded and printed without a script.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::account::{self, Guest};
use super::{broken, fresh, own_form, page};
use crate::base::Secret;
use crate::endpoints::interaction::AccountPage;
use crate::endpoints::second_factor::{self, Own};
use crate::endpoints::sign_in::Pass;
use crate::identity::factor::RECOVERY;
use crate::identity::recovery;
use crate::web::pages::{NewRecoveryCodes, RecoveryCodes};
use crate::web::texts::texts;
use crate::web::{State, answer};

/// What a browser may send back to have it as a file: no more than a set of codes.
const LONGEST_FILE: usize = 512;

/// `/account/recovery-codes`: how many are left, and a button for new ones.
pub async fn show(request: HttpRequest, state: Data<State>) -> HttpResponse {
    let guest = match account::guest(&state, &request).await {
        Ok(guest) => guest,
        Err(response) => return response,
    };
    let own = match Own::of(&state.provider, &guest.signed.user).await {
        Ok(own) => own,
        Err(fault) => return broken(&state, &request, &fault),
    };
    let model = RecoveryCodes {
        frame: state.frame(&request, &guest.visit.browser_hash, None, None),
        action: request.path().to_owned(),
        session: guest.signed.session.sid.clone(),
        left: own.codes.count,
        is_few: own.codes.count <= recovery::FEW,
        is_offered: own.has_any() && state.provider.factors.policy.takes(RECOVERY),
    };
    answer::with_browser(page(StatusCode::OK, &model), guest.browser)
}

/// New ones, after a fresh sign-in. This answer is the only one that ever shows them, so it is no redirect.
pub async fn make(request: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    let (guest, _) = match fresh::form(&state, &request, payload, AccountPage::RecoveryCodes).await {
        Ok(sent) => sent,
        Err(response) => return response,
    };
    match second_factor::make_codes(&state.provider, &guest.signed, &guest.visit).await {
        Ok(Some(codes)) => answer::with_browser(shown_once(&state, &request, &guest, (codes, false)), guest.browser),
        Ok(None) => answer::see_other(&state, "/account/recovery-codes").finish(),
        Err(fault) => broken(&state, &request, &fault),
    }
}

fn shown_once(
    state: &State,
    request: &HttpRequest,
    guest: &Guest,
    (codes, is_with_factor): (Vec<Secret<String>>, bool),
) -> HttpResponse {
    let frame = state.frame(request, &guest.visit.browser_hash, None, None);
    let action = format!("{}/account/recovery-codes/file", state.provider.issuer.path());
    page(StatusCode::OK, &NewRecoveryCodes { action, codes, is_with_factor, frame })
}

/// What follows on a factor that was added: the codes for the day it is lost, where the person has none yet; the list otherwise.
pub(super) async fn after_adding(state: &State, request: &HttpRequest, guest: &Guest, pass: Pass) -> HttpResponse {
    let response = match second_factor::make_first_codes(&state.provider, &guest.signed, &guest.visit).await {
        Ok(Some(codes)) => shown_once(state, request, guest, (codes, true)),
        Ok(None) => answer::see_other(state, "/account/authenticators?done=added").finish(),
        Err(fault) => broken(state, request, &fault),
    };
    answer::with_pass(state, response, pass)
}

/// `/account/recovery-codes/file`: what the page shows, sent back as a file. Nothing is stored or looked up for it.
pub async fn file(request: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    let Guest { visit, .. } = match account::guest(&state, &request).await {
        Ok(guest) => guest,
        Err(response) => return response,
    };
    let form = match own_form(&state, &request, payload, &visit).await {
        Ok(form) => form,
        Err(foreign) => return foreign.response,
    };
    let codes = form.get("codes").unwrap_or_default();
    let is_list = codes.len() <= LONGEST_FILE
        && (1..=recovery::CODES).contains(&codes.split_whitespace().count())
        && codes.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"- \r\n".contains(&byte));
    if !is_list {
        return answer::see_other(&state, "/account/recovery-codes").finish();
    }
    let t = texts(&visit.lang);
    let title = t.factors.file_title.with(&state.house.name);
    let lines: Vec<&str> = codes.split_whitespace().collect();
    let body = format!("{title}\n{}\n\n{}\n", state.provider.issuer.as_str(), lines.join("\n"));
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/plain; charset=utf-8"))
        .insert_header((CONTENT_DISPOSITION, "attachment; filename=\"recovery-codes.txt\""))
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(body)
}
