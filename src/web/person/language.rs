//! The language switch at the foot of every page: a form, so that it works without script and keeps the interaction.

use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::{broken, own_form};
use crate::web::texts::{ALL, texts};
use crate::web::{State, answer, extract};

/// Keeps the choice and goes back to the page that it was made on.
pub async fn switch(request: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    let visit = match extract::visit(&request, &state).await {
        Ok((visit, _)) => visit,
        Err(fault) => return broken(&state, &request, &fault),
    };
    let form = match own_form(&state, &request, payload, &visit).await {
        Ok(form) => form,
        Err(foreign) => return foreign.response,
    };
    let chosen = form.get("lang").and_then(|tag| ALL.iter().map(texts).find(|t| t.tag == tag));
    let mut response = answer::redirect(&own_path(&state, form.get("back")));
    if let Some(language) = chosen {
        let cookie = Cookie::build("lang", language.tag)
            .path("/")
            .secure(state.provider.issuer.is_https())
            .http_only(true)
            .same_site(SameSite::Lax)
            .max_age(Duration::days(400))
            .finish();
        response.cookie(cookie);
    }
    response.finish()
}

/// Only a path below the issuer's is gone back to; a second slash or a backslash would lead to another host.
fn own_path(state: &State, back: Option<&str>) -> String {
    let base = state.provider.issuer.path();
    let account = format!("{base}/account");
    let Some(back) = back else { return account };
    let below = back.strip_prefix(base).is_some_and(|rest| rest.starts_with('/') && !rest.starts_with("//"));
    let plain = back.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    if below && plain && !back.starts_with("//") { back.to_owned() } else { account }
}
