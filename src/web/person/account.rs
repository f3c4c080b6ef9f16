//! The account page, and the pages that ask before something is taken away.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::{broken, error, own_form, page};
use crate::endpoints::{Account, Signed, Visit, second_factor};
use crate::identity::factor::Gap;
use crate::web::cookies::Browser;
use crate::web::pages::{self, AppRow, Confirm, Kind, Notice, Removal, SessionRow};
use crate::web::{State, answer, extract};

/// The signed-in person of a request; everybody else is sent to sign in.
pub(super) struct Guest {
    pub visit: Visit,
    pub browser: Browser,
    pub signed: Signed,
}

pub(super) async fn guest(state: &State, request: &HttpRequest) -> Result<Guest, HttpResponse> {
    let (visit, browser) = extract::visit(request, state).await.map_err(|fault| broken(state, request, &fault))?;
    let gap = match &visit.session {
        Some(signed) => second_factor::gap_of_account(&state.provider, signed, visit.now).await,
        None => Ok(Gap::None),
    };
    match (visit.session.clone(), gap) {
        (_, Err(fault)) => Err(broken(state, request, &fault)),
        (Some(signed), Ok(Gap::None | Gap::Offer(_) | Gap::Unmet)) => Ok(Guest { visit, browser, signed }),
        (None, _) | (Some(_), Ok(Gap::Ask(_) | Gap::Enrol(_))) => {
            Err(answer::with_browser(answer::see_other(state, "/sign-in").finish(), browser))
        }
    }
}

/// `/`: whoever types the issuer's address comes to their own account.
pub async fn begin(state: Data<State>) -> HttpResponse {
    answer::see_other(&state, "/account").finish()
}

/// `/account`
pub async fn show(request: HttpRequest, state: Data<State>) -> HttpResponse {
    let Guest { visit, browser, signed } = match guest(&state, &request).await {
        Ok(guest) => guest,
        Err(response) => return response,
    };
    let account = match Account::of(&state.provider, &signed, &visit).await {
        Ok(account) => account,
        Err(fault) => return broken(&state, &request, &fault),
    };
    let factor_due = match second_factor::grace(&state.provider, &signed, visit.now).await {
        Ok(due) => due,
        Err(fault) => return broken(&state, &request, &fault),
    };
    let base = state.provider.issuer.path();
    let session_row = |session: crate::identity::sessions::Session| SessionRow {
        this_one: session.id == signed.session.id,
        end_url: format!("{base}/account/sessions/{}", session.sid),
        user_agent: session.user_agent,
        from: session.address,
        signed_in_at: session.auth_time,
        last_seen_at: session.last_seen_at,
    };
    let app_row = |app: crate::endpoints::ConnectedApp| AppRow {
        remove_url: format!("{base}/account/apps/{}", percent_encoded(&app.client_id)),
        name: app.name,
        logo_url: app.logo.map(|digest| format!("{base}/logo/{digest}")),
        scopes: app.scope.iter().map(str::to_owned).collect(),
        since: app.since,
    };
    let user = &signed.user;
    let model = pages::Account {
        frame: state.frame(&request, &visit.browser_hash, None, None),
        name: user.claims.get("name").and_then(|name| name.as_str()).map(str::to_owned),
        address: user.email.clone().unwrap_or_default(),
        address_verified: user.email_verified,
        since: user.created_at,
        now: visit.now,
        sessions: account.sessions.into_iter().map(session_row).collect(),
        apps: account.apps.into_iter().map(app_row).collect(),
        everywhere_url: format!("{base}/account/everywhere"),
        all_apps_url: format!("{base}/account/apps"),
        notice: match request.query_string() {
            "done=session" => Some(Notice::SessionEnded),
            "done=app" => Some(Notice::AppRemoved),
            "done=apps" => Some(Notice::AppsRemoved),
            _ => None,
        },
        factor_due,
    };
    answer::with_browser(page(StatusCode::OK, &model), browser)
}

fn percent_encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// The question before one session, one app or everything is taken away.
fn confirm(state: &State, request: &HttpRequest, guest: Guest, removal: Removal) -> HttpResponse {
    let model = Confirm {
        frame: state.frame(request, &guest.visit.browser_hash, None, None),
        action: request.path().to_owned(),
        session: None,
        back_url: format!("{}/account", state.provider.issuer.path()),
        removal,
    };
    answer::with_browser(page(StatusCode::OK, &model), guest.browser)
}

/// `/account/sessions/SID`
pub async fn ask_session(request: HttpRequest, state: Data<State>, sid: Path<String>) -> HttpResponse {
    let guest = match guest(&state, &request).await {
        Ok(guest) => guest,
        Err(response) => return response,
    };
    match Account::of(&state.provider, &guest.signed, &guest.visit).await {
        Ok(account) => match account.sessions.into_iter().find(|session| session.sid == *sid) {
            Some(session) => confirm(&state, &request, guest, Removal::Session { user_agent: session.user_agent }),
            None => error::show(&state, &request, Kind::NotFound, None),
        },
        Err(fault) => broken(&state, &request, &fault),
    }
}

/// Ends one session of the person.
pub async fn end_session(request: HttpRequest, state: Data<State>, sid: Path<String>, payload: Payload) -> HttpResponse {
    let guest = match guest(&state, &request).await {
        Ok(guest) => guest,
        Err(response) => return response,
    };
    if let Err(foreign) = own_form(&state, &request, payload, &guest.visit).await {
        return foreign.response;
    }
    match Account::end_session(&state.provider, &guest.signed, &sid, &guest.visit).await {
        Ok(true) => answer::see_other(&state, "/account?done=session").finish(),
        Ok(false) => error::show(&state, &request, Kind::NotFound, None),
        Err(fault) => broken(&state, &request, &fault),
    }
}

/// `/account/apps/CLIENT_ID`
pub async fn ask_app(request: HttpRequest, state: Data<State>, client_id: Path<String>) -> HttpResponse {
    let guest = match guest(&state, &request).await {
        Ok(guest) => guest,
        Err(response) => return response,
    };
    match Account::of(&state.provider, &guest.signed, &guest.visit).await {
        Ok(account) => match account.apps.into_iter().find(|app| app.client_id == *client_id) {
            Some(app) => confirm(&state, &request, guest, Removal::App { name: app.name }),
            None => error::show(&state, &request, Kind::NotFound, None),
        },
        Err(fault) => broken(&state, &request, &fault),
    }
}

/// Takes back what the person allowed an app.
pub async fn remove_app(request: HttpRequest, state: Data<State>, client_id: Path<String>, payload: Payload) -> HttpResponse {
    let guest = match guest(&state, &request).await {
        Ok(guest) => guest,
        Err(response) => return response,
    };
    if let Err(foreign) = own_form(&state, &request, payload, &guest.visit).await {
        return foreign.response;
    }
    match Account::withdraw(&state.provider, &guest.signed, &client_id, &guest.visit).await {
        Ok(true) => answer::see_other(&state, "/account?done=app").finish(),
        Ok(false) => error::show(&state, &request, Kind::NotFound, None),
        Err(fault) => broken(&state, &request, &fault),
    }
}

/// `/account/apps`
pub async fn ask_all_apps(request: HttpRequest, state: Data<State>) -> HttpResponse {
    match guest(&state, &request).await {
        Ok(guest) => confirm(&state, &request, guest, Removal::AllApps),
        Err(response) => response,
    }
}

/// Takes back what the person allowed every app.
pub async fn remove_all_apps(request: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    let guest = match guest(&state, &request).await {
        Ok(guest) => guest,
        Err(response) => return response,
    };
    if let Err(foreign) = own_form(&state, &request, payload, &guest.visit).await {
        return foreign.response;
    }
    match Account::withdraw_all(&state.provider, &guest.signed, &guest.visit).await {
        Ok(_) => answer::see_other(&state, "/account?done=apps").finish(),
        Err(fault) => broken(&state, &request, &fault),
    }
}

/// `/account/everywhere`
pub async fn ask_everywhere(request: HttpRequest, state: Data<State>) -> HttpResponse {
    match guest(&state, &request).await {
        Ok(guest) => confirm(&state, &request, guest, Removal::Everywhere),
        Err(response) => response,
    }
}

/// Signs the person out everywhere, here too.
pub async fn end_everywhere(request: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    let guest = match guest(&state, &request).await {
        Ok(guest) => guest,
        Err(response) => return response,
    };
    if let Err(foreign) = own_form(&state, &request, payload, &guest.visit).await {
        return foreign.response;
    }
    match Account::end_all(&state.provider, &guest.signed, &guest.visit).await {
        Ok(parting) => super::sign_out::gone(&state, &parting),
        Err(fault) => broken(&state, &request, &fault),
    }
}
