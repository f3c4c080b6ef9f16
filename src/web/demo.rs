//! The pages of the demo's relying party at `/demo`. They exist in a demo and nowhere else.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::http::StatusCode;
use actix_web::web::{self, Data, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use super::cookies::Browser;
use super::pages::{CaughtMail, DemoInbox, DemoResult, DemoStart, rows};
use super::person::{broken, own_form, page};
use super::{State, answer, demo_upstreams, extract};
use crate::base::Fault;
use crate::endpoints::Visit;
use crate::federation::demo_rp::{DemoRp, Pending, Session};
use crate::federation::demo_upstreams::DemoUpstreams;
use crate::notify::{Caught, Inbox};

/// The most browsers that a demo remembers.
const REMEMBERED: usize = 100;

/// The most requests of one browser that may wait for their answers: its open tabs.
const TABS: usize = 16;

/// The relying party with what it remembers of each browser.
pub struct Demo {
    rp: DemoRp,
    person: Option<(String, String)>,
    upstreams: DemoUpstreams,
    browsers: Mutex<HashMap<String, Seen>>,
}

/// What is known of a browser: how far it has come, and what it still waits for.
#[derive(Default)]
struct Seen {
    at: At,
    sent: VecDeque<Arc<Pending>>,
}

#[derive(Clone, Default)]
enum At {
    #[default]
    Out,
    In(Arc<Session>),
    Failed(String, String),
}

impl Demo {
    pub fn new(rp: DemoRp, person: Option<(String, String)>, upstreams: DemoUpstreams) -> Self {
        Self { rp, person, upstreams, browsers: Mutex::default() }
    }

    /// The demo's other providers.
    pub const fn upstreams(&self) -> &DemoUpstreams {
        &self.upstreams
    }

    fn change<T>(&self, browser: &str, act: impl FnOnce(&mut Seen) -> T) -> T {
        let mut browsers = self.browsers.lock().unwrap_or_else(PoisonError::into_inner);
        if browsers.len() >= REMEMBERED && !browsers.contains_key(browser) {
            browsers.clear();
        }
        act(browsers.entry(browser.to_owned()).or_default())
    }

    fn keep(&self, browser: &str, at: At) {
        self.change(browser, |seen| seen.at = at);
    }

    /// The session of a browser that is in.
    fn session(&self, browser: &str) -> Option<Arc<Session>> {
        self.change(browser, |seen| match &seen.at {
            At::In(session) => Some(Arc::clone(session)),
            At::Out | At::Failed(..) => None,
        })
    }

    /// Remembers a request until its answer; two tabs may wait at once.
    fn wait_for(&self, browser: &str, pending: Pending) {
        self.change(browser, |seen| {
            seen.sent.truncate(TABS - 1);
            seen.sent.push_front(Arc::new(pending));
        });
    }

    /// The request that an answer with this `state` belongs to. It waits until an answer was good: of a double click the
    /// first answer may be lost on its way.
    fn waiting(&self, browser: &str, state: &str) -> Option<Arc<Pending>> {
        self.change(browser, |seen| seen.sent.iter().find(|pending| pending.is_for(state)).cloned())
    }

    fn forget(&self, browser: &str, pending: &Arc<Pending>) {
        self.change(browser, |seen| seen.sent.retain(|sent| !Arc::ptr_eq(sent, pending)));
    }
}

/// The routes of the demo.
pub fn routes(base: &str, config: &mut ServiceConfig) {
    demo_upstreams::routes(base, config);
    config
        .service(web::resource(format!("{base}/")).route(web::get().to(root)))
        .service(web::resource(format!("{base}/demo")).route(web::get().to(show)))
        .service(web::resource(format!("{base}/demo/inbox")).route(web::get().to(inbox)))
        .service(web::resource(format!("{base}/demo/inbox.json")).route(web::get().to(inbox_json)))
        .service(web::resource(format!("{base}/demo/begin")).route(web::get().to(begin)))
        .service(web::resource(format!("{base}/demo/callback")).route(web::get().to(callback)))
        .service(web::resource(format!("{base}/demo/refresh")).route(web::post().to(refresh)))
        .service(web::resource(format!("{base}/demo/sign-out")).route(web::post().to(sign_out)));
}

/// In a demo the issuer's address leads to the demo app.
async fn root(state: Data<State>) -> HttpResponse {
    answer::see_other(&state, "/demo").finish()
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
    let (session, failure) = match demo.change(&visit.browser_hash, |seen| seen.at.clone()) {
        At::In(session) => (Some(session), None),
        At::Failed(code, why) => (None, Some((code, why))),
        At::Out => (None, None),
    };
    let response = match session {
        Some(session) => page(
            StatusCode::OK,
            &DemoResult {
                frame,
                subject: name(&session),
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
            let inbox_url = format!("{base}/demo/inbox");
            page(StatusCode::OK, &DemoStart { frame, begin_url, inbox_url, person: demo.person.clone(), failure })
        }
    };
    answer::with_browser(response, browser)
}

/// The mail that a demo catches, for people.
async fn inbox(request: HttpRequest, state: Data<State>) -> HttpResponse {
    let (visit, browser) = match visitor(&state, &request).await {
        Ok(visited) => visited,
        Err(response) => return response,
    };
    let frame = state.frame(&request, &visit.browser_hash, None, None);
    let base = state.provider.issuer.path();
    let mails = caught(&state).into_iter().map(|mail| CaughtMail::new(mail, &state.provider.issuer)).collect();
    let model = DemoInbox { frame, mails, demo_url: format!("{base}/demo"), inbox_url: format!("{base}/demo/inbox") };
    answer::with_browser(page(StatusCode::OK, &model), browser)
}

/// The same for scripts, newest first.
async fn inbox_json(state: Data<State>) -> HttpResponse {
    let mails: Vec<_> = caught(&state)
        .into_iter()
        .map(|Caught { to, words, at, .. }| {
            json!({ "to": to, "subject": words.subject, "text": words.text, "html": words.html, "at": at.unix() })
        })
        .collect();
    answer::json(StatusCode::OK, &mails)
}

fn caught(state: &State) -> Vec<Caught> {
    state.provider.post.inbox().map(Inbox::all).unwrap_or_default()
}

/// What the person is called, if the app was told.
fn name(session: &Session) -> String {
    let told = session.userinfo.get("name").and_then(|name| name.as_str());
    told.unwrap_or(&session.subject).to_owned()
}

async fn begin(request: HttpRequest, state: Data<State>, demo: Data<Demo>) -> HttpResponse {
    let (visit, browser) = match visitor(&state, &request).await {
        Ok(visited) => visited,
        Err(response) => return response,
    };
    match demo.rp.begin().await {
        Ok((url, pending)) => {
            demo.wait_for(&visit.browser_hash, pending);
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
    let pending = demo.waiting(&visit.browser_hash, params.get("state").unwrap_or_default());
    let Some(pending) = pending else {
        // An answer that was read before, come again by the back button or a double click.
        if demo.session(&visit.browser_hash).is_some() {
            return answer::see_other(&state, "/demo").finish();
        }
        return failed(&state, &demo, &visit, &Fault::new("demo: callback", "nothing was asked for in this browser"));
    };
    if let Some(error) = params.get("error") {
        let why = params.get("error_description").unwrap_or_default();
        demo.forget(&visit.browser_hash, &pending);
        demo.keep(&visit.browser_hash, At::Failed(error.to_owned(), why.to_owned()));
        return answer::see_other(&state, "/demo").finish();
    }
    match demo.rp.finish(&pending, params.get("code").unwrap_or_default().to_owned()).await {
        Ok(session) => {
            demo.forget(&visit.browser_hash, &pending);
            demo.keep(&visit.browser_hash, At::In(Arc::new(session)));
        }
        Err(fault) => return failed(&state, &demo, &visit, &fault),
    }
    answer::see_other(&state, "/demo").finish()
}

async fn refresh(request: HttpRequest, state: Data<State>, demo: Data<Demo>, payload: Payload) -> HttpResponse {
    let (visit, _) = match visitor(&state, &request).await {
        Ok(visited) => visited,
        Err(response) => return response,
    };
    if let Err(foreign) = own_form(&state, &request, payload, &visit).await {
        return foreign.response;
    }
    if let Some(session) = demo.session(&visit.browser_hash) {
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
    if let Err(foreign) = own_form(&state, &request, payload, &visit).await {
        return foreign.response;
    }
    match demo.change(&visit.browser_hash, std::mem::take).at {
        At::In(session) => answer::redirect(&demo.rp.sign_out_url(&session)).finish(),
        _ => answer::see_other(&state, "/demo").finish(),
    }
}
