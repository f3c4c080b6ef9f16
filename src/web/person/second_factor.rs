//! The page that asks for a second factor, and the list of the ways that a person has.

use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::{Opened, broken, go_on, open, open_form, page, passkeys, speak, ui_locales};
use crate::base::Fault;
use crate::endpoints::Provider;
use crate::endpoints::interaction::{self, Outcome, Page};
use crate::endpoints::second_factor::{self, Asked, Own, Remember, Sent, Typed, Verified, Way};
use crate::identity::factor::{EMAIL, Level, Proving};
use crate::identity::passkeys::{PASSKEY, SECURITY_KEY};
use crate::web::limits::{Failure, too_many};
use crate::web::pages::{SecondFactor, SecondFactorPasskey, SecondFactorProblem, Sending, WayRow, WayWords, Ways};
use crate::web::{State, answer, extract};

const DAY: i64 = 86_400;

/// The longest code that is looked at, in bytes.
const LONGEST_CODE: usize = 64;

/// `/second-factor/ID`: by `way` one of the ways, or the list of them; the one that was used last otherwise.
pub async fn show(request: HttpRequest, state: Data<State>, id: Path<String>) -> HttpResponse {
    let opened = match open(&state, &request, &id).await {
        Ok(opened) => opened,
        Err(response) => return response,
    };
    let level = match interaction::look(&state.provider, &opened.found, &opened.visit).await {
        Ok(Outcome::Page { page: Page::SecondFactor(level), .. }) => level,
        Ok(outcome) => return answer::outcome(&state, opened.browser, outcome),
        Err(fault) => return broken(&state, &request, &fault),
    };
    let wish = extract::query(&request).unwrap_or_default().get("way").map(str::to_owned);
    match render(&state, &request, &opened, Shown { level, way: wish.as_deref(), problem: None }).await {
        Ok(response) => answer::with_browser(response, opened.browser),
        Err(fault) => broken(&state, &request, &fault),
    }
}

struct Shown<'a> {
    level: Level,
    way: Option<&'a str>,
    problem: Option<SecondFactorProblem>,
}

async fn render(state: &State, request: &HttpRequest, opened: &Opened, shown: Shown<'_>) -> Result<HttpResponse, Fault> {
    let provider = &state.provider;
    let found = &opened.found;
    let frame = state.frame(request, &opened.visit.browser_hash, found.client.as_ref(), ui_locales(found));
    let (t, base) = (frame.t(), provider.issuer.path());
    let not_you_url = Some(format!("{base}/sign-in/{}", found.id));
    let action = format!("{base}/second-factor/{}", found.id);
    let Some(asked) = Asked::of(provider, found, &opened.visit).await? else {
        return Err(Fault::new("second_factor: page", "nobody is asked"));
    };
    let ways = Own::of(provider, &asked.user).await?.ways_of(provider, shown.level, &asked);
    let words =
        |way: &Way| WayWords::new(t, &way.kind, provider.factors.kinds.find(&way.kind).and_then(|kind| kind.words(frame.lang)));
    let chosen = match shown.way {
        Some(kind) => ways.iter().find(|way| way.kind == kind),
        None => ways.first(),
    };
    let Some(way) = chosen else {
        let row = |way: &Way| WayRow::new(t, way, (&words(way), format!("{action}?way={}", way.kind)), opened.visit.now);
        let rows = ways.iter().map(row).collect();
        return Ok(page(StatusCode::OK, &Ways { ways: rows, not_you_url, frame }));
    };
    let (status, wait) = match shown.problem {
        None => (StatusCode::OK, None),
        Some(SecondFactorProblem::SlowedDown { seconds }) => (StatusCode::TOO_MANY_REQUESTS, Some(seconds)),
        Some(SecondFactorProblem::NotSent) => (StatusCode::SERVICE_UNAVAILABLE, None),
        Some(_) => (StatusCode::BAD_REQUEST, None),
    };
    let is_sent = way.kind == EMAIL || is_sent(provider, &way.kind);
    let mut way = words(way);
    if is_sent {
        let at = (way.kind.as_str(), &found.id);
        let waits = second_factor::is_waiting(provider, &asked.user, at, &opened.visit).await?;
        way.sending = if waits { Sending::Again } else { Sending::First };
    }
    let remember = provider.factors.policy.remember_seconds / DAY;
    let remember_days = Some(remember).filter(|days| *days > 0 && asked.is_half());
    let problem = shown.problem;
    if is_passkey(&way.kind) {
        return Ok(page(status, &SecondFactorPasskey { action, way, problem, remember_days, not_you_url, frame }));
    }
    let model = SecondFactor { action, way, problem, remember_days, not_you_url, frame };
    let mut response = page(status, &model);
    if let Some(seconds) = wait {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    Ok(response)
}

fn is_passkey(way: &str) -> bool {
    [PASSKEY, SECURITY_KEY].contains(&way)
}

/// `/second-factor/ID/options`: what the script of the page asks a passkey of this person.
pub async fn options(request: HttpRequest, state: Data<State>, id: Path<String>, payload: Payload) -> HttpResponse {
    let (opened, form) = match open_form(&state, &request, &id, payload).await {
        Ok(opened) => opened,
        Err(response) => return response,
    };
    let way = form.get("way").unwrap_or_default();
    match second_factor::ask_for_passkey(&state.provider, &opened.found, way, &opened.visit).await {
        Ok(Some(asked)) => passkeys::options(&asked),
        Ok(None) => go_on(&state, &request, opened).await,
        Err(fault) => broken(&state, &request, &fault),
    }
}

/// Whether the codes of a kind are sent.
fn is_sent(provider: &Provider, kind: &str) -> bool {
    provider.factors.kinds.find(kind).is_some_and(|kind| matches!(kind.about().proving, Proving::Sent { .. }))
}

/// Has a code sent. It is charged as every act that sends something.
async fn send(state: &State, request: &HttpRequest, opened: Opened, way: &str) -> HttpResponse {
    let bucket = state.limits.mail(opened.visit.address);
    if let Err(retry) = state.limits.charge(&[bucket], opened.visit.now).await {
        return too_many(retry);
    }
    let problem = match second_factor::send(&state.provider, &opened.found, way, &opened.visit).await {
        Ok(Sent::Done) => {
            let path = format!("/second-factor/{}?way={way}", opened.found.id);
            return answer::with_browser(answer::see_other(state, &path).finish(), opened.browser);
        }
        Ok(Sent::Nothing) => return go_on(state, request, opened).await,
        Ok(Sent::Failed) => SecondFactorProblem::NotSent,
        Ok(Sent::TooMany { retry_after_seconds }) => SecondFactorProblem::SlowedDown { seconds: retry_after_seconds },
        Err(fault) => return broken(state, request, &fault),
    };
    again(state, request, opened, (way, problem)).await
}

/// The form of the page.
pub async fn submit(request: HttpRequest, state: Data<State>, id: Path<String>, payload: Payload) -> HttpResponse {
    let (mut opened, form) = match open_form(&state, &request, &id, payload).await {
        Ok(opened) => opened,
        Err(response) => return response,
    };
    speak(&mut opened, &request);
    let (way, code) = (form.get("way").unwrap_or_default(), form.get("code").unwrap_or_default().trim());
    if form.get("action") == Some("send") {
        return send(&state, &request, opened, way).await;
    }
    let (found, answered) = (opened.found.clone(), form.get("credential"));
    let problem = if is_passkey(way) && answered.is_none() || !is_passkey(way) && code.is_empty() {
        SecondFactorProblem::Missing
    } else if code.len() > LONGEST_CODE {
        SecondFactorProblem::Wrong
    } else {
        let remember = if form.get("remember_device").is_some() { Remember::Yes } else { Remember::No };
        let verified = match answered.filter(|_| is_passkey(way)) {
            Some(answer) => second_factor::verify_passkey(&state.provider, found, (way, answer, remember), &opened.visit).await,
            None => second_factor::verify(&state.provider, found, Typed { way, code, remember }, &opened.visit).await,
        };
        match verified {
            Ok(Verified::In(signed_in)) => return answer::signed_in(&state, opened.browser, *signed_in),
            Ok(Verified::Elsewhere(outcome)) => return answer::outcome(&state, opened.browser, outcome),
            Ok(Verified::Wrong) => SecondFactorProblem::Wrong,
            Ok(Verified::Throttled { retry_after_seconds }) => SecondFactorProblem::SlowedDown { seconds: retry_after_seconds },
            Err(fault) => return broken(&state, &request, &fault),
        }
    };
    let failure = match problem {
        SecondFactorProblem::SlowedDown { .. } => Failure::Throttled,
        _ => Failure::Wrong,
    };
    state.limits.second_factor_failed(failure);
    again(&state, &request, opened, (way, problem)).await
}

async fn again(
    state: &State,
    request: &HttpRequest,
    opened: Opened,
    (way, problem): (&str, SecondFactorProblem),
) -> HttpResponse {
    let level = match interaction::look(&state.provider, &opened.found, &opened.visit).await {
        Ok(Outcome::Page { page: Page::SecondFactor(level), .. }) => level,
        Ok(_) => return go_on(state, request, opened).await,
        Err(fault) => return broken(state, request, &fault),
    };
    match render(state, request, &opened, Shown { level, way: Some(way), problem: Some(problem) }).await {
        Ok(response) => answer::with_browser(response, opened.browser),
        Err(fault) => broken(state, request, &fault),
    }
}
