//! The page on which a person says who they are.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::Value;

use super::account::{Guest, guest};
use super::{broken, is_for, own_form, page};
use crate::endpoints::profile::{self, ADDRESS, LINES, Saved};
use crate::oauth::Params;
use crate::web::pages::{Profile, ProfileField};
use crate::web::{State, answer};

/// `/account/profile`
pub async fn show(request: HttpRequest, state: Data<State>) -> HttpResponse {
    match guest(&state, &request).await {
        Ok(guest) => answer::with_browser(render(&state, &request, &guest, None), guest.browser),
        Err(response) => response,
    }
}

/// The page with what is stored, or after a failed try with what was typed and the claims that cannot be stored so.
fn render(state: &State, request: &HttpRequest, guest: &Guest, failed: Option<(&Params, &[&'static str])>) -> HttpResponse {
    let claims = &guest.signed.user.claims;
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let value = |name: &str, stored: Option<&Value>| {
        failed.map_or_else(|| text(stored), |(form, _)| form.get(name).unwrap_or_default().to_owned())
    };
    let wrong = failed.map_or(&[][..], |(_, wrong)| wrong);
    let frame = state.frame(request, &guest.visit.browser_hash, None, None);
    let t = frame.t();
    let field = |name| ProfileField::new(t, name, value(name, claims.get(name)), wrong.contains(&name));
    let address = claims.get("address").and_then(Value::as_object);
    let is_address_wrong = wrong.contains(&"address");
    let part = |name| {
        let stored = address.and_then(|address| address.get(name));
        ProfileField::new(t, name, value(name, stored), is_address_wrong && name == "formatted")
    };
    let model = Profile {
        action: format!("{}/account/profile", state.provider.issuer.path()),
        session: guest.signed.session.sid.clone(),
        fields: LINES.into_iter().map(field).collect(),
        address: ADDRESS.into_iter().map(part).collect(),
        locale: value("locale", claims.get("locale")),
        picture: claims.get("picture").and_then(Value::as_str).map(str::to_owned),
        is_done: failed.is_none() && request.query_string() == "done=saved",
        frame,
    };
    page(if failed.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK }, &model)
}

/// The form of the page.
pub async fn submit(request: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    let guest = match guest(&state, &request).await {
        Ok(guest) => guest,
        Err(response) => return response,
    };
    let form = match own_form(&state, &request, payload, &guest.visit).await {
        Ok(form) => form,
        Err(foreign) => return foreign.response,
    };
    if !is_for(&guest.visit, &form) {
        return answer::see_other(&state, "/account/profile").finish();
    }
    match profile::save(&state.provider, &guest.signed, |name| form.get(name), &guest.visit).await {
        Ok(Saved::Done) => answer::see_other(&state, "/account/profile?done=saved").finish(),
        Ok(Saved::Overtaken) => answer::see_other(&state, "/account/profile").finish(),
        Ok(Saved::Refused(wrong)) => {
            let response = render(&state, &request, &guest, Some((&form, &wrong)));
            answer::with_browser(response, guest.browser)
        }
        Err(fault) => broken(&state, &request, &fault),
    }
}
