//! From a typed outcome to an HTTP response: OAuth JSON, a redirect in one of three modes, or a page.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Serialize;

use super::State;
use super::cookies::{self, Browser};
use super::limits::{self, FailedProof};
use super::pages::form_post;
use crate::base::{Fault, Secret};
use crate::endpoints::authorize::Answer;
use crate::endpoints::interaction::{AccountPage, Outcome, Page};
use crate::endpoints::sign_in::{Pass, SignedIn, Stay};
use crate::endpoints::{FRESH_SECONDS, Refusal};
use crate::identity::factor::Level;
use crate::oauth::{Error, ErrorCode, ResponseMode};

/// How a client presented itself, which decides the challenge of a 401.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// The token endpoint and its neighbours: Basic, if the client used the header (RFC 6749 section 5.2).
    Basic,
    Body,
    /// A protected resource (RFC 6750 section 3).
    Bearer,
    /// One that needs this scope, which it names.
    Scoped(&'static str),
    /// One that needs a fresh sign-in with two factors (RFC 9470 section 3).
    StepUp,
}

/// A JSON answer that nobody may keep.
pub fn json(status: StatusCode, body: &impl Serialize) -> HttpResponse {
    HttpResponse::build(status).insert_header((CACHE_CONTROL, "no-store")).json(body)
}

/// An OAuth error as JSON (RFC 6749 section 5.2) or, for a protected resource, in the challenge too.
pub fn oauth_error(error: &Error, challenge: Challenge) -> HttpResponse {
    let status = match error.code {
        ErrorCode::InvalidClient | ErrorCode::InvalidToken | ErrorCode::InsufficientUserAuthentication => {
            StatusCode::UNAUTHORIZED
        }
        ErrorCode::InsufficientScope => StatusCode::FORBIDDEN,
        ErrorCode::TemporarilyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::ServerError => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_REQUEST,
    };
    let mut response = HttpResponse::build(status);
    match challenge {
        Challenge::Basic if error.code == ErrorCode::InvalidClient => {
            response.insert_header((WWW_AUTHENTICATE, "Basic realm=\"token\", charset=\"UTF-8\""));
        }
        // No other code is one of a bearer token's (RFC 6750 section 3.1).
        Challenge::Bearer | Challenge::Scoped(_) | Challenge::StepUp if is_about_a_token(error.code) => {
            let mut value = format!("Bearer error=\"{}\", error_description=\"{}\"", error.code.as_str(), error.why);
            if let (Challenge::Scoped(scope), ErrorCode::InsufficientScope) = (challenge, error.code) {
                value.push_str(&format!(", scope=\"{scope}\""));
            }
            if challenge == Challenge::StepUp {
                value.push_str(&format!(", acr_values=\"{}\", max_age=\"{}\"", Level::Two.as_str(), FRESH_SECONDS - 1));
            }
            response.insert_header((WWW_AUTHENTICATE, value));
        }
        Challenge::Basic | Challenge::Body | Challenge::Bearer | Challenge::Scoped(_) | Challenge::StepUp => {}
    }
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.insert_header((RETRY_AFTER, "5"));
    }
    let mut response = error_body(&mut response, error);
    if matches!(error.code, ErrorCode::InvalidClient | ErrorCode::InvalidToken | ErrorCode::InvalidGrant) {
        response.extensions_mut().insert(FailedProof);
    }
    response
}

const fn is_about_a_token(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::InvalidRequest
            | ErrorCode::InvalidToken
            | ErrorCode::InsufficientScope
            | ErrorCode::InsufficientUserAuthentication
            | ErrorCode::UnmetAuthenticationRequirements
    )
}

/// The same with a status of its own: a body that was too large, slow or of another type.
pub fn oauth_error_with(status: StatusCode, error: &Error) -> HttpResponse {
    let mut response = HttpResponse::build(status);
    if status != StatusCode::BAD_REQUEST {
        // What is left of the body is not read.
        response.force_close();
    }
    error_body(&mut response, error)
}

fn error_body(response: &mut HttpResponseBuilder, error: &Error) -> HttpResponse {
    response
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(serde_json::json!({ "error": error.code.as_str(), "error_description": error.why }))
}

/// A refusal of a JSON endpoint. What broke goes to the log; the client hears 503 and may try again (decision 23).
pub fn refusal(refusal: &Refusal, challenge: Challenge) -> HttpResponse {
    match refusal {
        Refusal::Protocol(error) => oauth_error(error, challenge),
        Refusal::Broken(fault) => {
            log_fault(fault);
            let error = Error::new(ErrorCode::TemporarilyUnavailable, "something on our side is not working");
            oauth_error(&error, Challenge::Body)
        }
    }
}

/// 401 for a protected resource that was asked without any token: the challenge alone (RFC 6750 section 3.1).
pub fn no_token() -> HttpResponse {
    HttpResponse::Unauthorized().insert_header((WWW_AUTHENTICATE, "Bearer")).insert_header((CACHE_CONTROL, "no-store")).finish()
}

/// The one place where a fault reaches the log.
pub fn log_fault(fault: &Fault) {
    tracing::error!(place = fault.place(), fault = %fault, "something broke");
}

/// 303 to one of our own paths, which begins with a slash.
pub fn see_other(state: &State, path: &str) -> HttpResponseBuilder {
    redirect(&format!("{}{path}", state.provider.issuer.path()))
}

/// 303 to an address that was checked before.
pub fn redirect(location: &str) -> HttpResponseBuilder {
    let mut response = HttpResponse::SeeOther();
    response.insert_header((LOCATION, location)).insert_header((CACHE_CONTROL, "no-store"));
    response
}

/// Where an outcome sends the browser.
pub fn outcome(state: &State, browser: Browser, outcome: Outcome) -> HttpResponse {
    let mut response = match outcome {
        Outcome::Page { interaction, page } => see_other(state, &format!("{}/{interaction}", page_path(&page))),
        Outcome::Account => see_other(state, "/account"),
        Outcome::AccountPage(page) => see_other(state, account_path(page)),
        Outcome::Answer(answer) => return with_browser(authorization_response(state, &answer), browser),
        Outcome::TooMany(retry) => return limits::too_many(retry),
    };
    if let Some(cookie) = browser.new {
        response.cookie(cookie);
    }
    response.finish()
}

const fn page_path(page: &Page) -> &'static str {
    match page {
        Page::SignIn(_) => "/sign-in",
        Page::SignUp => "/sign-up",
        Page::CheckMail => "/check-mail",
        Page::Choose => "/choose-account",
        Page::Consent(_) => "/consent",
        Page::SignOut => "/sign-out",
        Page::SecondFactor(_) => "/second-factor",
        Page::Enrol(_) | Page::Offer(_) => "/set-up-second-factor",
    }
}

/// Where a page of the account is.
pub const fn account_path(page: AccountPage) -> &'static str {
    match page {
        AccountPage::Password => "/account/password",
        AccountPage::Address => "/account/email",
        AccountPage::Data => "/account/data",
        AccountPage::Deletion => "/account/delete",
        AccountPage::Factors => "/account/authenticators",
        AccountPage::RecoveryCodes => "/account/recovery-codes",
    }
}

/// The answer to a sign-in: the session's cookie, and on to where the dispatcher says.
pub fn signed_in(state: &State, browser: Browser, signed_in: SignedIn) -> HttpResponse {
    with_pass(state, outcome(state, browser, signed_in.outcome), signed_in.pass)
}

/// Adds the cookies that somebody gets for what they just proved. Whoever has a session has no half one any more.
pub fn with_pass(state: &State, mut response: HttpResponse, pass: Pass) -> HttpResponse {
    let issuer = &state.provider.issuer;
    let all = match pass {
        Pass::Session { token, browser_state, stay, device } => {
            let seconds = match stay {
                Stay::Remembered => Some(state.provider.policy.session_absolute_seconds),
                Stay::UntilBrowserCloses => None,
            };
            let session = cookies::set_session(issuer, token.expose(), seconds);
            let remember = state.provider.factors.policy.remember_seconds;
            let device = device.map(|token| cookies::set_device(issuer, token.expose(), remember));
            let mut all = vec![session, cookies::set_state(issuer, &browser_state, seconds), cookies::clear_half(issuer)];
            all.extend(device);
            all
        }
        Pass::Half { token } => vec![cookies::set_half(issuer, token.expose())],
        Pass::Kept => Vec::new(),
    };
    if all.iter().any(|cookie| response.add_cookie(cookie).is_err()) {
        tracing::error!("the session cookie is no cookie");
    }
    response
}

/// Adds the browser's cookie to a finished response, if it is new.
pub fn with_browser(mut response: HttpResponse, browser: Browser) -> HttpResponse {
    if let Some(cookie) = browser.new
        && response.add_cookie(&cookie).is_err()
    {
        tracing::error!("the browser cookie is no cookie");
    }
    response
}

/// An authorization response in its mode (OAuth 2.0 Multiple Response Types section 2.1, Form Post Response Mode).
fn authorization_response(state: &State, answer: &Answer) -> HttpResponse {
    let pairs = || answer.params.iter().map(|(name, value)| (*name, value.expose().as_str()));
    match answer.to.mode {
        ResponseMode::FormPost => form_post::page(state, &answer.to.redirect_uri, pairs()),
        ResponseMode::Query => {
            let joint = if answer.to.redirect_uri.contains('?') { '&' } else { '?' };
            redirect(&format!("{}{joint}{}", answer.to.redirect_uri, encoded(pairs()))).finish()
        }
        ResponseMode::Fragment => redirect(&format!("{}#{}", answer.to.redirect_uri, encoded(pairs()))).finish(),
    }
}

/// `application/x-www-form-urlencoded` pairs.
pub fn encoded<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// A token response (RFC 6749 section 5.1).
pub fn tokens(response: &crate::tokens::Response) -> HttpResponse {
    #[derive(Serialize)]
    struct Body<'a> {
        access_token: &'a str,
        token_type: &'static str,
        expires_in: i64,
        scope: &'a crate::oauth::Scope,
        #[serde(skip_serializing_if = "Option::is_none")]
        refresh_token: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        id_token: Option<&'a str>,
    }
    let expose = |secret: &'_ Option<Secret<String>>| secret.as_ref().map(|s| s.expose().clone());
    let (refresh_token, id_token) = (expose(&response.refresh_token), expose(&response.id_token));
    json(
        StatusCode::OK,
        &Body {
            access_token: response.access_token.expose(),
            token_type: "Bearer",
            expires_in: response.expires_in,
            scope: &response.scope,
            refresh_token: refresh_token.as_deref(),
            id_token: id_token.as_deref(),
        },
    )
}
