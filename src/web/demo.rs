//! The pages of the demo's relying party at `/demo`. They exist in a demo and nowhere else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actix_web::http::StatusCode;
use actix_web::web::{self, Data, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};

use super::cookies::Browser;
use super::pages::{DemoResult, DemoStart, rows};
use super::person::{broken, own_form, page};
use super::{State, answer, extract};
use crate::base::Fault;
use crate::endpoints::Visit;
use crate::federation::demo_rp::{DemoRp, Pending, Session};

/// The most browsers that a demo remembers.
const REMEMBERED: usize = 100;

/// The relying party with what it remembers of each browser.
pub struct Demo {
    rp: DemoRp,
    person: Option<(String, String)>,
    browsers: Mutex<HashMap<String, At>>,
}

/// How far a browser has come.
enum At {
    Sent(Pending),
    In(Arc<Session>),
    Failed(String, String),
}

impl Demo {
    pub fn new(rp: DemoRp, person: Option<(String, String)>) -> Self {
        Self { rp, person, browsers: Mutex::default() }
    }

    fn browsers(&self) -> MutexGuard<'_, HashMap<String, At>> {
        self.browsers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, browser: &str, at: At) {
        let mut browsers = self.browsers();
        if browsers.len() >= REMEMBERED && !browsers.contains_key(browser) {
            browsers.clear();
        }
        browsers.insert(browser.to_owned(), at);
    }
}

/// The routes of the demo.
pub fn routes(base: &str, config: &mut ServiceConfig) {
    config
        .service(web::resource(format!("{base}/demo")).route(web::get().to(show)))
        .service(web::resource(format!("{base}/demo/begin")).route(web::get().to(begin)))
        .service(web::resource(format!("{base}/demo/callback")).route(web::get().to(callback)))
        .service(web::resource(format!("{base}/demo/refresh")).route(web::post().to(refresh)))
        .service(web::resource(format!("{base}/demo/sign-out")).route(web::post().to(sign_out)));
}

async fn visitor(state: &State, request: &HttpRequest) -> Result<(Visit, Browser), HttpResponse> {
    extract::visit(request, state).await.map_err(|fault| broken(state, request, &fault))
}

async fn show(request: HttpRequest, state: Data<State>, demo: Data<Demo>) -> HttpResponse {
    let (visit, browser) = match visitor(&state, &request).await {
        Ok(visited) => visited,
        Err(response) => return response,
    };
    let frame = state.frame(&request, &visit.browser_hash, None, None);
    let base = state.provider.issuer.path();
    let (session, failure) = match demo.browsers().get(&visit.browser_hash) {
        Some(At::In(session)) => (Some(Arc::clone(session)), None),
        Some(At::Failed(code, why)) => (None, Some((code.clone(), why.clone()))),
        Some(At::Sent(_)) | None => (None, None),
    };
    let response = match session {
        Some(session) => page(
            StatusCode::OK,
            &DemoResult {
                frame,
                subject: session.subject.clone(),
                id_token: rows(&session.id_token),
                access_token: session.access_token.as_ref().map(rows),
                userinfo: rows(&session.userinfo),
                refreshed: session.refreshed,
                refresh_url: session.can_refresh().then(|| format!("{base}/demo/refresh")),
                sign_out_url: format!("{base}/demo/sign-out"),
            },
        ),
        None => {
            let begin_url = format!("{base}/demo/begin");
            page(StatusCode::OK, &DemoStart { frame, begin_url, person: demo.person.clone(), failure })
        }
    };
    answer::with_browser(response, browser)
}

async fn begin(request: HttpRequest, state: Data<State>, demo: Data<Demo>) -> HttpResponse {
    let (visit, browser) = match visitor(&state, &request).await {
        Ok(visited) => visited,
        Err(response) => return response,
    };
    match demo.rp.begin().await {
        Ok((url, pending)) => {
            demo.keep(&visit.browser_hash, At::Sent(pending));
            answer::with_browser(answer::redirect(&url).finish(), browser)
        }
        Err(fault) => failed(&state, &demo, &visit, &fault),
    }
}

fn failed(state: &State, demo: &Demo, visit: &Visit, fault: &Fault) -> HttpResponse {
    tracing::warn!(fault = %fault, "the demo's relying party failed");
    demo.keep(&visit.browser_hash, At::Failed(fault.place().to_owned(), fault.to_string()));
    answer::see_other(state, "/demo").finish()
}

async fn callback(request: HttpRequest, state: Data<State>, demo: Data<Demo>) -> HttpResponse {
    let (visit, _) = match visitor(&state, &request).await {
        Ok(visited) => visited,
        Err(response) => return response,
    };
    let params = extract::query(&request).unwrap_or_default();
    let pending = match demo.browsers().remove(&visit.browser_hash) {
        Some(At::Sent(pending)) => Some(pending),
        _ => None,
    };
    if let Some(error) = params.get("error") {
        let why = params.get("error_description").unwrap_or_default();
        demo.keep(&visit.browser_hash, At::Failed(error.to_owned(), why.to_owned()));
        return answer::see_other(&state, "/demo").finish();
    }
    let (Some(pending), Some(code)) = (pending, params.get("code")) else {
        return failed(&state, &demo, &visit, &Fault::new("demo: callback", "nothing was asked for in this browser"));
    };
    match demo.rp.finish(pending, params.get("state").unwrap_or_default(), code.to_owned()).await {
        Ok(session) => demo.keep(&visit.browser_hash, At::In(Arc::new(session))),
        Err(fault) => return failed(&state, &demo, &visit, &fault),
    }
    answer::see_other(&state, "/demo").finish()
}

async fn refresh(request: HttpRequest, state: Data<State>, demo: Data<Demo>, payload: Payload) -> HttpResponse {
    let (visit, _) = match visitor(&state, &request).await {
        Ok(visited) => visited,
        Err(response) => return response,
    };
    if let Err(response) = own_form(&state, &request, payload, &visit).await {
        return response;
    }
    let session = match demo.browsers().get(&visit.browser_hash) {
        Some(At::In(session)) => Some(Arc::clone(session)),
        _ => None,
    };
    if let Some(session) = session {
        match demo.rp.refresh(&session).await {
            Ok(session) => demo.keep(&visit.browser_hash, At::In(Arc::new(session))),
            Err(fault) => return failed(&state, &demo, &visit, &fault),
        }
    }
    answer::see_other(&state, "/demo").finish()
}

async fn sign_out(request: HttpRequest, state: Data<State>, demo: Data<Demo>, payload: Payload) -> HttpResponse {
    let (visit, _) = match visitor(&state, &request).await {
        Ok(visited) => visited,
        Err(response) => return response,
    };
    if let Err(response) = own_form(&state, &request, payload, &visit).await {
        return response;
    }
    let left = demo.browsers().remove(&visit.browser_hash);
    match left {
        Some(At::In(session)) => answer::redirect(&demo.rp.sign_out_url(&session)).finish(),
        _ => answer::see_other(&state, "/demo").finish(),
    }
}
