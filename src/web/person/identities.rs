//! The accounts elsewhere of a person: connect one, disconnect one.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::account::{Guest, guest};
use super::fresh::{self, fresh};
use super::upstream::depart;
use super::{Opened, broken, error, own_form, page};
use crate::endpoints::interaction::{self, AccountPage, Errand};
use crate::endpoints::upstreams::{self, Aim, Detached};
use crate::federation::Health;
use crate::web::limits::too_many;
use crate::web::pages::{Confirm, Identities, IdentityNotice, IdentityRow, Kind, Removal, UpstreamButton};
use crate::web::{State, answer};

/// `/account/identities`
pub async fn show(request: HttpRequest, state: Data<State>) -> HttpResponse {
    let Guest { visit, browser, signed } = match guest(&state, &request).await {
        Ok(guest) => guest,
        Err(response) => return response,
    };
    let own = match upstreams::own(&state.provider, &signed, &visit).await {
        Ok(own) => own,
        Err(fault) => return broken(&state, &request, &fault),
    };
    let base = state.provider.issuer.path();
    let row = |identity: upstreams::OwnIdentity| IdentityRow {
        remove_url: format!("{base}/account/identities/{}", identity.id),
        upstream: identity.upstream,
        shown: identity.shown,
        used_at: identity.used_at,
    };
    let button = |button: upstreams::Button| UpstreamButton {
        action: format!("{base}/account/identities/connect/{}", button.id),
        is_up: button.health == Health::Up,
        id: button.id,
        name: button.name,
        kind: button.kind,
        session: Some(signed.session.sid.clone()),
    };
    let model = Identities {
        frame: state.frame(&request, &visit.browser_hash, None, None),
        rows: own.identities.into_iter().map(row).collect(),
        buttons: own.others.into_iter().map(button).collect(),
        notice: match request.query_string() {
            "done=connected" => Some(IdentityNotice::Connected),
            "done=disconnected" => Some(IdentityNotice::Disconnected),
            "done=kept" => Some(IdentityNotice::LastWayIn),
            _ => None,
        },
        now: visit.now,
    };
    answer::with_browser(page(StatusCode::OK, &model), browser)
}

/// Goes to a provider, to come back with an account there. Whoever has not signed in lately does so first.
pub async fn connect(request: HttpRequest, state: Data<State>, id: Path<String>, payload: Payload) -> HttpResponse {
    let (Guest { visit, browser, .. }, _) = match fresh::form(&state, &request, payload, AccountPage::Identities).await {
        Ok(fresh) => fresh,
        Err(response) => return response,
    };
    match interaction::begin_stored(&state.provider, Errand::StepUp(AccountPage::Identities), &visit).await {
        Ok(Ok(found)) => depart(&state, &request, Opened { visit, browser, found }, (&id, Aim::Attach)).await,
        Ok(Err(retry)) => too_many(retry),
        Err(fault) => broken(&state, &request, &fault),
    }
}

/// `/account/identities/ID`
pub async fn ask(request: HttpRequest, state: Data<State>, id: Path<String>) -> HttpResponse {
    let Guest { visit, browser, signed } = match fresh::guest(&state, &request, AccountPage::Identities).await {
        Ok(guest) => guest,
        Err(response) => return response,
    };
    match upstreams::own(&state.provider, &signed, &visit).await {
        Ok(own) => match own.identities.into_iter().find(|identity| identity.id.as_str() == *id) {
            Some(identity) => {
                let model = Confirm {
                    frame: state.frame(&request, &visit.browser_hash, None, None),
                    action: request.path().to_owned(),
                    session: None,
                    back_url: format!("{}/account/identities", state.provider.issuer.path()),
                    removal: Removal::Identity { upstream: identity.upstream, shown: identity.shown },
                };
                answer::with_browser(page(StatusCode::OK, &model), browser)
            }
            None => error::show(&state, &request, Kind::NotFound, None),
        },
        Err(fault) => broken(&state, &request, &fault),
    }
}

/// Disconnects it.
pub async fn remove(request: HttpRequest, state: Data<State>, id: Path<String>, payload: Payload) -> HttpResponse {
    let guest = match guest(&state, &request).await {
        Ok(guest) => guest,
        Err(response) => return response,
    };
    if let Err(foreign) = own_form(&state, &request, payload, &guest.visit).await {
        return foreign.response;
    }
    let (visit, _, signed) = match fresh(&state, &request, (guest.visit, guest.browser), AccountPage::Identities).await {
        Ok(fresh) => fresh,
        Err(response) => return response,
    };
    match upstreams::detach(&state.provider, &signed, &id, &visit).await {
        Ok(Detached::Done) => answer::see_other(&state, "/account/identities?done=disconnected").finish(),
        Ok(Detached::LastWayIn) => answer::see_other(&state, "/account/identities?done=kept").finish(),
        Ok(Detached::Gone) => error::show(&state, &request, Kind::NotFound, None),
        Err(fault) => broken(&state, &request, &fault),
    }
}
