//! The pages and endpoints of the demo's two other providers, below `/demo/google` and `/demo/github`. They exist in a demo and
//! nowhere else.

use actix_web::http::StatusCode;
use actix_web::http::header::AUTHORIZATION;
use actix_web::web::{self, Data, Path, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use super::demo::Demo;
use super::pages::{DemoUpstream, Frame, Kind, PersonaLink};
use super::person::{broken, error, page};
use super::{State, answer, extract};
use crate::federation::demo_upstreams::{Persona, Side};

pub fn routes(base: &str, config: &mut ServiceConfig) {
    let at = |path: &str| web::resource(format!("{base}/demo/{path}"));
    config
        .service(at("google/.well-known/openid-configuration").route(web::get().to(metadata)))
        .service(at("google/jwks").route(web::get().to(keys)))
        .service(at("google/authorize").route(web::get().to(google)))
        .service(at("github/login/oauth/authorize").route(web::get().to(github)))
        .service(at("google/token").route(web::post().to(google_token)))
        .service(at("github/login/oauth/access_token").route(web::post().to(github_token)))
        .service(at("github/api/v3/{path:.*}").route(web::get().to(api)));
}

async fn metadata(demo: Data<Demo>) -> HttpResponse {
    answer::json(StatusCode::OK, &demo.upstreams().metadata())
}

async fn keys(demo: Data<Demo>) -> HttpResponse {
    answer::json(StatusCode::OK, &demo.upstreams().keys())
}

async fn google(request: HttpRequest, state: Data<State>, demo: Data<Demo>) -> HttpResponse {
    authorize(&request, &state, &demo, Side::Google)
}

async fn github(request: HttpRequest, state: Data<State>, demo: Data<Demo>) -> HttpResponse {
    authorize(&request, &state, &demo, Side::GitHub)
}

/// "Who are you?", and the way back once that is said.
fn authorize(request: &HttpRequest, state: &State, demo: &Demo, side: Side) -> HttpResponse {
    let bad = || error::show(state, request, Kind::BadRequest, None);
    let Ok(asked) = extract::query(request) else { return bad() };
    match asked.get("as").map(Persona::parse) {
        Some(Some(who)) => match demo.upstreams().answer(side, who, &asked) {
            Ok(Some(url)) => answer::redirect(&url).finish(),
            Ok(None) => bad(),
            Err(fault) => broken(state, request, &fault),
        },
        Some(None) => bad(),
        None => {
            let own = |who: &Persona| format!("{}?{}&as={who}", request.path(), request.query_string());
            let links = Persona::ALL.iter().map(|who| PersonaLink { who: *who, url: own(who) }).collect();
            let frame = Frame { csrf: None, ..state.frame(request, "", None, None) };
            page(StatusCode::OK, &DemoUpstream { frame, side, links })
        }
    }
}

async fn google_token(request: HttpRequest, state: Data<State>, demo: Data<Demo>, payload: Payload) -> HttpResponse {
    token(&request, (&state, &demo), payload, Side::Google).await
}

async fn github_token(request: HttpRequest, state: Data<State>, demo: Data<Demo>, payload: Payload) -> HttpResponse {
    token(&request, (&state, &demo), payload, Side::GitHub).await
}

async fn token(request: &HttpRequest, (state, demo): (&State, &Demo), payload: Payload, side: Side) -> HttpResponse {
    let Ok(form) = extract::form(request, payload).await else { return error::show(state, request, Kind::BadRequest, None) };
    match demo.upstreams().token(side, authorization(request), &form) {
        Ok(Ok(tokens)) => answer::json(StatusCode::OK, &tokens),
        // GitHub says it with 200.
        Ok(Err(code)) if side == Side::GitHub => answer::json(StatusCode::OK, &json!({ "error": code })),
        Ok(Err(code)) => answer::json(StatusCode::BAD_REQUEST, &json!({ "error": code })),
        Err(fault) => broken(state, request, &fault),
    }
}

async fn api(request: HttpRequest, demo: Data<Demo>, path: Path<String>) -> HttpResponse {
    match demo.upstreams().api(authorization(&request), &path) {
        Some(answered) => answer::json(StatusCode::OK, &answered),
        None => answer::json(StatusCode::UNAUTHORIZED, &json!({ "message": "Bad credentials" })),
    }
}

fn authorization(request: &HttpRequest) -> Option<&str> {
    request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok())
}
