//! What a person does in front of a browser: one file a page, each with its GET and its POST.
//!
//! A POST checks where it came from, hands the act to `endpoints` and answers 303, so that no back button sends it again.

pub mod account;
pub mod add_factor;
pub mod authenticators;
pub mod change_address;
pub mod change_password;
pub mod check_mail;
pub mod choose;
pub mod connect;
pub mod consent;
pub mod deletion;
pub mod disown;
pub mod error;
pub mod forgot;
mod fresh;
pub mod identities;
pub mod invitation;
pub mod language;
pub mod links;
pub mod logo;
pub mod own_data;
pub mod passkeys;
pub mod profile;
pub mod recovery_codes;
pub mod second_factor;
pub mod set_up;
pub mod sign_in;
pub mod sign_out;
pub mod sign_up;
pub mod upstream;

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::answer::{self, log_fault};
use super::cookies::Browser;
use super::pages::{self, Kind};
use super::{State, csrf, extract};
use crate::base::{Fault, Id};
use crate::endpoints::Visit;
use crate::endpoints::interaction::{self, Errand, Found, Visited};
use crate::oauth::Params;

/// A page as a response; a page that cannot be rendered is trouble of ours.
pub fn page(status: StatusCode, model: &impl Template) -> HttpResponse {
    match pages::html(model) {
        Ok(body) => HttpResponse::build(status)
            .insert_header((CONTENT_TYPE, "text/html; charset=utf-8"))
            .insert_header((CACHE_CONTROL, "no-store"))
            .body(body),
        Err(fault) => {
            log_fault(&fault);
            HttpResponse::InternalServerError().finish()
        }
    }
}

/// Something broke on the way to a page.
pub fn broken(state: &State, request: &HttpRequest, fault: &Fault) -> HttpResponse {
    log_fault(fault);
    error::show(state, request, Kind::Unavailable, None)
}

/// An interaction that is open in this browser, or the response that takes its place.
pub struct Opened {
    pub visit: Visit,
    pub browser: Browser,
    pub found: Found,
}

/// Opens the interaction that the URL names.
///
/// # Errors
/// The response for a request that has no open interaction: it goes on under a new id, or there is nothing here.
pub async fn open(state: &State, request: &HttpRequest, id: &str) -> Result<Opened, HttpResponse> {
    let (visit, browser) = extract::visit(request, state).await.map_err(|fault| broken(state, request, &fault))?;
    open_for(state, request, id, (visit, browser)).await
}

/// The same for a form: nothing is opened or begun anew for one that did not come from our own page.
///
/// # Errors
/// The response for everything else.
pub async fn open_form(
    state: &State,
    request: &HttpRequest,
    id: &str,
    payload: Payload,
) -> Result<(Opened, Params), HttpResponse> {
    let (visit, browser) = extract::visit(request, state).await.map_err(|fault| broken(state, request, &fault))?;
    let form = own_form(state, request, payload, &visit).await.map_err(|foreign| foreign.response)?;
    Ok((open_for(state, request, id, (visit, browser)).await?, form))
}

async fn open_for(state: &State, request: &HttpRequest, id: &str, by: (Visit, Browser)) -> Result<Opened, HttpResponse> {
    let (visit, browser) = by;
    let visited = interaction::visit(&state.provider, &Id::from_stored(id), &visit).await;
    match visited.map_err(|fault| broken(state, request, &fault))? {
        Visited::Open(found) => Ok(Opened { visit, browser, found }),
        Visited::Anew(outcome) => Err(answer::outcome(state, browser, outcome)),
        Visited::Unknown => Err(error::show(state, request, Kind::Gone, None)),
    }
}

/// A form that is not taken.
pub struct Foreign {
    pub response: HttpResponse,
    pub why: ForeignBecause,
}

/// Why a form is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForeignBecause {
    Unreadable,
    Elsewhere,
    /// The browser says that the page was ours; its token is not this browser's any more.
    Stale,
}

/// A form that came from our own page in this browser.
///
/// # Errors
/// The 400 or 403 for everything else.
pub async fn own_form(state: &State, request: &HttpRequest, payload: Payload, visit: &Visit) -> Result<Params, Foreign> {
    let refuse = |kind, why| Foreign { response: error::show(state, request, kind, None), why };
    let form = match extract::form(request, payload).await {
        Ok(form) => form,
        Err(bad) if bad.status == StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            return Err(refuse(Kind::Forbidden, ForeignBecause::Unreadable));
        }
        Err(bad) if bad.status == StatusCode::PAYLOAD_TOO_LARGE => {
            return Err(refuse(Kind::TooLarge, ForeignBecause::Unreadable));
        }
        Err(_) => return Err(refuse(Kind::BadRequest, ForeignBecause::Unreadable)),
    };
    let issuer = &state.provider.issuer;
    if state.csrf.accepts(request, issuer, &visit.browser_hash, form.get("csrf")) {
        return Ok(form);
    }
    // The pattern and not the path, which may hold the secret of a link.
    let why = csrf::why_not(request, issuer);
    tracing::warn!(page = request.match_pattern(), why, "a form did not come from a page of ours");
    let is_stale = csrf::says_from_here(request, issuer);
    Err(refuse(Kind::Forbidden, if is_stale { ForeignBecause::Stale } else { ForeignBecause::Elsewhere }))
}

/// Whether a form answers for the person who is signed in now: the page names its session.
fn is_for(visit: &Visit, form: &Params) -> bool {
    visit.session.as_ref().is_some_and(|signed| form.get("as") == Some(signed.session.sid.as_str()))
}

/// The language of the pages and mails of an interaction: the app may have a wish.
fn speak(opened: &mut Opened, request: &HttpRequest) {
    opened.visit.lang = extract::language(request, ui_locales(&opened.found));
}

/// The languages that the app asked for.
fn ui_locales(found: &Found) -> Option<&str> {
    match &found.errand {
        Errand::App(request) => request.ui_locales.as_deref(),
        Errand::Account | Errand::StepUp(_) | Errand::SignOut(_) => None,
    }
}

/// Looks again and goes where that leads.
async fn go_on(state: &State, request: &HttpRequest, opened: Opened) -> HttpResponse {
    match interaction::look(&state.provider, &opened.found, &opened.visit).await {
        Ok(outcome) => answer::outcome(state, opened.browser, outcome),
        Err(fault) => broken(state, request, &fault),
    }
}
