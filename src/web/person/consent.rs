//! The consent page. The form says yes or no; what was asked is in the stored request alone.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::{Opened, broken, is_for, open, open_form, page, ui_locales};
use crate::endpoints::authorize::ValidRequest;
use crate::endpoints::interaction::{self, Decision, Errand, Outcome, Page};
use crate::oauth::{Scope, claims_for_scope};
use crate::web::pages::{Consent, ResourceName};
use crate::web::{State, answer};

/// `/consent/ID`
pub async fn show(request: HttpRequest, state: Data<State>, id: Path<String>) -> HttpResponse {
    let opened = match open(&state, &request, &id).await {
        Ok(opened) => opened,
        Err(response) => return response,
    };
    let outcome = match interaction::look(&state.provider, &opened.found, &opened.visit).await {
        Ok(outcome) => outcome,
        Err(fault) => return broken(&state, &request, &fault),
    };
    match (&outcome, &opened.found.errand) {
        (Outcome::Page { page: Page::Consent(scope), .. }, Errand::App(asked)) => {
            let response = render(&state, &request, &opened, (scope, asked)).await;
            answer::with_browser(response, opened.browser)
        }
        _ => answer::outcome(&state, opened.browser, outcome),
    }
}

async fn render(state: &State, request: &HttpRequest, opened: &Opened, asked: (&Scope, &ValidRequest)) -> HttpResponse {
    let (scope, asked) = asked;
    let found = &opened.found;
    let Some(signed) = &opened.visit.session else {
        return super::error::show(state, request, crate::web::pages::Kind::Gone, None);
    };
    let before = match interaction::consented(&state.provider, signed, &asked.client_id).await {
        Ok(before) => before,
        Err(fault) => return broken(state, request, &fault),
    };
    let tokens = |scope: Scope| scope.iter().map(str::to_owned).collect::<Vec<_>>();
    let by_scope = claims_for_scope(scope);
    let claims = asked.claims.iter().flat_map(|c| c.id_token().chain(c.userinfo())).map(|(name, _)| name);
    let mut claims: Vec<String> = claims.filter(|name| !by_scope.contains(name)).map(str::to_owned).collect();
    claims.sort();
    claims.dedup();
    let base = state.provider.issuer.path();
    let model = Consent {
        action: format!("{base}/consent/{}", found.id),
        session: signed.session.sid.clone(),
        person: signed.user.email.clone().unwrap_or_else(|| signed.user.sub.clone()),
        not_you_url: Some(format!("{base}/choose-account/{}", found.id)),
        asked: tokens(scope.minus(&before)),
        already: tokens(scope.intersect(&before)),
        claims,
        resources: asked.resources.iter().map(|uri| ResourceName { name: uri.clone(), uri: uri.clone() }).collect(),
        host: destination(&asked.redirect_uri),
        frame: state.frame(request, &opened.visit.browser_hash, found.client.as_ref(), ui_locales(found)),
    };
    page(StatusCode::OK, &model)
}

/// Where the person will be sent: a host, or the scheme of an app on the device.
fn destination(redirect_uri: &str) -> String {
    let url = url::Url::parse(redirect_uri).ok();
    url.and_then(|url| url.host_str().map(str::to_owned).or_else(|| Some(url.scheme().to_owned()))).unwrap_or_default()
}

/// The form of the page.
pub async fn submit(request: HttpRequest, state: Data<State>, id: Path<String>, payload: Payload) -> HttpResponse {
    let (opened, form) = match open_form(&state, &request, &id, payload).await {
        Ok(opened) => opened,
        Err(response) => return response,
    };
    // Somebody else may have signed in in another tab: they are asked themselves.
    if !is_for(&opened.visit, &form) {
        return answer::see_other(&state, &format!("/consent/{}", opened.found.id)).finish();
    }
    let decision = if form.get("decision") == Some("allow") { Decision::Allow } else { Decision::Deny };
    match interaction::decide(&state.provider, opened.found, decision, &opened.visit).await {
        Ok(outcome) => answer::outcome(&state, opened.browser, outcome),
        Err(fault) => broken(&state, &request, &fault),
    }
}
