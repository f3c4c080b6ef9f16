//! `/api/account` and what is below it: an app manages the account of a person who allowed that.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use super::readable_by;
use crate::base::Fault;
use crate::endpoints::passkeys::Removed as PasskeyRemoved;
use crate::endpoints::second_factor::Removed;
use crate::endpoints::{Bearer, Caller, Changed, ConnectedApp, Denied, OwnSession};
use crate::identity::factor::Factor;
use crate::oauth::scope::ACCOUNT;
use crate::oauth::{Error, ErrorCode};
use crate::store::passkeys::Passkey;
use crate::web::answer::{self, Challenge};
use crate::web::{State, extract};

/// The app of a request, or the answer to one that is not let in.
async fn caller(request: &HttpRequest, state: &State) -> Result<Caller, HttpResponse> {
    let provider = &state.provider;
    let bearer = extract::bearer(request, None);
    let address = extract::address(request, state);
    match Caller::of(provider, &bearer, address, provider.clock.now()).await {
        Ok(caller) => Ok(caller),
        // A request without any token hears no error code (RFC 6750 section 3.1).
        Err(_) if matches!(bearer, Bearer::None) => Err(answer::no_token()),
        Err(Denied { client, refusal }) => {
            let response = answer::refusal(&refusal, Challenge::Scoped(ACCOUNT));
            Err(match client {
                Some(client) => readable_by(request, &client.client, response),
                None => response,
            })
        }
    }
}

/// The answer in a form that the app's own web page may read.
fn respond(request: &HttpRequest, caller: &Caller, answered: Result<HttpResponse, Fault>) -> HttpResponse {
    let response = answered.unwrap_or_else(|fault| answer::refusal(&fault.into(), Challenge::Bearer));
    readable_by(request, &caller.client.client, response)
}

fn nothing() -> HttpResponse {
    let body = json!({ "error": "not_found", "error_description": "there is no such thing in this account" });
    answer::json(StatusCode::NOT_FOUND, &body)
}

fn done(is_done: bool) -> HttpResponse {
    if is_done {
        HttpResponse::NoContent().insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store"))).finish()
    } else {
        nothing()
    }
}

/// `GET /api/account`
pub async fn profile(request: HttpRequest, state: Data<State>) -> HttpResponse {
    match caller(&request, &state).await {
        Ok(caller) => respond(&request, &caller, Ok(answer::json(StatusCode::OK, &caller.profile()))),
        Err(response) => response,
    }
}

/// `PATCH /api/account`: who calls is looked at before what they send.
pub async fn change(request: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    let caller = match caller(&request, &state).await {
        Ok(caller) => caller,
        Err(response) => return response,
    };
    let wish = match extract::json(&request, payload).await {
        Ok(wish) => wish,
        Err(bad) => return respond(&request, &caller, Ok(answer::oauth_error_with(bad.status, &bad.error))),
    };
    let changed = caller.change_profile(&state.provider, wish).await;
    let answered = changed.map(|changed| match changed {
        Changed::Done(claims) => answer::json(StatusCode::OK, &claims),
        Changed::Invalid(problems) => {
            let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
            let body = json!({ "error": "invalid_request", "error_description": problems.join("; ") });
            answer::json(StatusCode::BAD_REQUEST, &body)
        }
        Changed::Meanwhile => {
            let body =
                json!({ "error": "conflict", "error_description": "the account was changed at the same moment; try again" });
            answer::json(StatusCode::CONFLICT, &body)
        }
    });
    respond(&request, &caller, answered)
}

/// `GET /api/account/sessions`
pub async fn sessions(request: HttpRequest, state: Data<State>) -> HttpResponse {
    let caller = match caller(&request, &state).await {
        Ok(caller) => caller,
        Err(response) => return response,
    };
    let sessions = caller.sessions(&state.provider).await;
    let answered = sessions.map(|own| {
        let sessions: Vec<Value> = own.iter().map(session).collect();
        answer::json(StatusCode::OK, &json!({ "sessions": sessions }))
    });
    respond(&request, &caller, answered)
}

fn session(own: &OwnSession) -> Value {
    let OwnSession { session, current } = own;
    json!({
        "sid": session.sid,
        "current": current,
        "auth_time": session.auth_time,
        "last_seen_at": session.last_seen_at,
        "expires_at": session.expires_at,
        "amr": session.amr,
        "user_agent": session.user_agent,
        "address": session.address,
    })
}

/// `DELETE /api/account/sessions/SID`
pub async fn end_session(request: HttpRequest, state: Data<State>, sid: Path<String>) -> HttpResponse {
    match caller(&request, &state).await {
        Ok(caller) => respond(&request, &caller, caller.end_session(&state.provider, &sid).await.map(done)),
        Err(response) => response,
    }
}

/// `GET /api/account/apps`
pub async fn apps(request: HttpRequest, state: Data<State>) -> HttpResponse {
    let caller = match caller(&request, &state).await {
        Ok(caller) => caller,
        Err(response) => return response,
    };
    let answered = caller.apps(&state.provider).await.map(|apps| {
        let apps: Vec<Value> = apps.iter().map(app).collect();
        answer::json(StatusCode::OK, &json!({ "apps": apps }))
    });
    respond(&request, &caller, answered)
}

fn app(app: &ConnectedApp) -> Value {
    json!({ "client_id": app.client_id, "name": app.name, "scope": app.scope, "since": app.since })
}

/// `DELETE /api/account/apps/CLIENT_ID`
pub async fn withdraw(request: HttpRequest, state: Data<State>, client_id: Path<String>) -> HttpResponse {
    match caller(&request, &state).await {
        Ok(caller) => respond(&request, &caller, caller.withdraw(&state.provider, &client_id).await.map(done)),
        Err(response) => response,
    }
}

/// `GET /api/account/factors`
pub async fn factors(request: HttpRequest, state: Data<State>) -> HttpResponse {
    let caller = match caller(&request, &state).await {
        Ok(caller) => caller,
        Err(response) => return response,
    };
    let answered = caller.factors(&state.provider).await.map(|own| {
        let factors: Vec<Value> = own.factors.iter().map(factor).collect();
        let body = json!({ "factors": factors, "recovery_codes_left": own.codes.count });
        answer::json(StatusCode::OK, &body)
    });
    respond(&request, &caller, answered)
}

fn factor(factor: &Factor) -> Value {
    json!({
        "id": factor.id,
        "kind": factor.kind,
        "name": factor.name,
        "created_at": factor.created_at,
        "last_used_at": factor.last_used_at,
    })
}

/// The app of a request that changes what an account is proved by: the token has to come from a fresh sign-in with all that the
/// person has (RFC 9470).
async fn fresh_caller(request: &HttpRequest, state: &State) -> Result<Caller, HttpResponse> {
    let caller = caller(request, state).await?;
    match caller.is_fresh(&state.provider).await {
        Ok(true) => Ok(caller),
        Ok(false) => {
            let why = "a sign-in of the last ten minutes with a second factor is needed";
            let error = Error::new(ErrorCode::InsufficientUserAuthentication, why);
            Err(readable_by(request, &caller.client.client, answer::oauth_error(&error, Challenge::StepUp)))
        }
        Err(fault) => Err(respond(request, &caller, Err(fault))),
    }
}

/// `DELETE /api/account/factors/ID`
pub async fn remove_factor(request: HttpRequest, state: Data<State>, id: Path<String>) -> HttpResponse {
    let caller = match fresh_caller(&request, &state).await {
        Ok(caller) => caller,
        Err(response) => return response,
    };
    let answered = caller.remove_factor(&state.provider, &id).await.map(|removed| match removed {
        Removed::Done => done(true),
        Removed::NotFound => nothing(),
        Removed::IsNeeded => {
            let body =
                json!({ "error": "conflict", "error_description": "it is the last second factor, and the account needs one" });
            answer::json(StatusCode::CONFLICT, &body)
        }
    });
    respond(&request, &caller, answered)
}

/// `POST /api/account/recovery-codes`: a new set, which no answer ever shows again.
pub async fn make_codes(request: HttpRequest, state: Data<State>) -> HttpResponse {
    let caller = match fresh_caller(&request, &state).await {
        Ok(caller) => caller,
        Err(response) => return response,
    };
    let answered = caller.make_codes(&state.provider).await.map(|codes| match codes {
        Some(codes) => {
            let codes: Vec<&str> = codes.iter().map(|code| code.expose().as_str()).collect();
            answer::json(StatusCode::OK, &json!({ "recovery_codes": codes }))
        }
        None => nothing(),
    });
    respond(&request, &caller, answered)
}

/// `GET /api/account/passkeys`
pub async fn passkeys(request: HttpRequest, state: Data<State>) -> HttpResponse {
    let caller = match caller(&request, &state).await {
        Ok(caller) => caller,
        Err(response) => return response,
    };
    let answered = caller.passkeys(&state.provider).await.map(|passkeys| {
        let passkeys: Vec<Value> = passkeys.iter().map(passkey).collect();
        answer::json(StatusCode::OK, &json!({ "passkeys": passkeys }))
    });
    respond(&request, &caller, answered)
}

fn passkey(passkey: &Passkey) -> Value {
    json!({
        "id": passkey.public_id,
        "name": passkey.name,
        "signs_in": passkey.signs_in,
        "synced": passkey.synced,
        "created_at": passkey.created_at,
        "last_used_at": passkey.last_used_at,
    })
}

/// `DELETE /api/account/passkeys/ID`
pub async fn remove_passkey(request: HttpRequest, state: Data<State>, id: Path<String>) -> HttpResponse {
    let caller = match fresh_caller(&request, &state).await {
        Ok(caller) => caller,
        Err(response) => return response,
    };
    let answered = caller.remove_passkey(&state.provider, &id).await.map(|removed| match removed {
        PasskeyRemoved::Done => done(true),
        PasskeyRemoved::Unknown => nothing(),
        PasskeyRemoved::Last | PasskeyRemoved::IsNeeded => {
            let body = json!({ "error": "conflict", "error_description": "it is the last one, and this person needs it" });
            answer::json(StatusCode::CONFLICT, &body)
        }
    });
    respond(&request, &caller, answered)
}
