//! The account's pages about second factors: what the person has, adding an authenticator app, another name, and removing.

use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::account::{self, Guest};
use super::{broken, error, fresh, own_form, page, recovery_codes};
use crate::base::{Fault, Id};
use crate::endpoints::interaction::AccountPage;
use crate::endpoints::second_factor::{self, Added, Enrolling, For, Own, Removed, TrustedDevice};
use crate::identity::factor::{Factor, RECOVERY};
use crate::identity::passkeys::{PASSKEY, SECURITY_KEY};
use crate::identity::totp;
use crate::identity::users::User;
use crate::web::pages::{
    AddAuthenticator, Authenticator, Authenticators, DeviceRow, FactorNotice, FactorRow, Kind, NewKey, SecondFactorProblem,
    WayWords, qr,
};
use crate::web::texts::texts;
use crate::web::{State, answer};

const LIST: &str = "/account/authenticators";

/// `/account/authenticators`
pub async fn list(request: HttpRequest, state: Data<State>) -> HttpResponse {
    let Guest { visit, browser, signed } = match account::guest(&state, &request).await {
        Ok(guest) => guest,
        Err(response) => return response,
    };
    let provider = &state.provider;
    let own = match Own::of(provider, &signed.user).await {
        Ok(own) => own,
        Err(fault) => return broken(&state, &request, &fault),
    };
    let devices = match second_factor::list_devices(provider, &signed, &visit).await {
        Ok(devices) => devices,
        Err(fault) => return broken(&state, &request, &fault),
    };
    let frame = state.frame(&request, &visit.browser_hash, None, None);
    let (t, base) = (frame.t(), provider.issuer.path());
    let row = |factor: &Factor| FactorRow {
        kind: WayWords::new(t, &factor.kind, provider.factors.kinds.find(&factor.kind).and_then(|k| k.words(frame.lang))).name,
        name: factor.name.clone(),
        since: factor.created_at,
        last_used_at: factor.last_used_at,
        url: format!("{base}{LIST}/{}", factor.id),
    };
    let more = provider.factors.kinds.all().filter(|kind| provider.factors.policy.takes(kind.about().kind)).filter_map(|kind| {
        let (id, words) = (kind.about().kind, kind.words(frame.lang).filter(|words| words.field.is_some())?);
        Some((id.to_owned(), t.factors.add_kind.with(words.name).to_string(), format!("{base}{LIST}/add/{id}")))
    });
    let lacks_codes = own.has_any() && own.codes.count == 0 && provider.factors.policy.takes(RECOVERY);
    let model = Authenticators {
        more: more.collect(),
        rows: own.factors.iter().map(row).collect(),
        now: visit.now,
        devices: devices.into_iter().map(device_row).collect(),
        forget_url: format!("{base}/account/remembered-browsers"),
        passkeys_url: provider.passkeys.as_ref().map(|_| format!("{base}/account/passkeys")),
        has_passkeys: own.passkeys.iter().any(|passkey| {
            let kind = if passkey.signs_in { PASSKEY } else { SECURITY_KEY };
            provider.factors.policy.takes(kind)
        }),
        codes_url: lacks_codes.then(|| format!("{base}/account/recovery-codes")),
        add_url: provider.factors.policy.takes(totp::KIND).then(|| format!("{base}{LIST}/add")),
        notice: match request.query_string() {
            "done=added" => Some(FactorNotice::Added),
            "done=removed" => Some(FactorNotice::Removed),
            "done=renamed" => Some(FactorNotice::Renamed),
            "done=forgotten" => Some(FactorNotice::Forgotten),
            _ => None,
        },
        frame,
    };
    answer::with_browser(page(StatusCode::OK, &model), browser)
}

fn device_row(device: TrustedDevice) -> DeviceRow {
    DeviceRow { id: device.id.as_str().to_owned(), user_agent: device.user_agent, last_used_at: device.last_used_at }
}

/// `/account/remembered-browsers`: forgets one.
pub async fn forget(request: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    let Guest { visit, signed, .. } = match account::guest(&state, &request).await {
        Ok(guest) => guest,
        Err(response) => return response,
    };
    let form = match own_form(&state, &request, payload, &visit).await {
        Ok(form) => form,
        Err(foreign) => return foreign.response,
    };
    let id = Id::from_stored(form.get("device").unwrap_or_default());
    match second_factor::forget_device(&state.provider, &signed, &id, &visit).await {
        Ok(true) => answer::see_other(&state, &format!("{LIST}?done=forgotten")).finish(),
        Ok(false) => answer::see_other(&state, LIST).finish(),
        Err(fault) => broken(&state, &request, &fault),
    }
}

/// What a form for a new key has beside the key.
pub(super) struct Form {
    pub action: String,
    pub session: Option<String>,
    pub name: String,
    pub problem: Option<SecondFactorProblem>,
    pub trouble: Option<String>,
}

/// The key of an authenticator app as a page shows it.
pub(super) fn new_key(state: &State, user: &User, enrolling: &Enrolling, form: Form) -> NewKey {
    let account = user.email.as_deref().unwrap_or(&user.sub);
    let key = totp::key(&enrolling.secret, &state.house.name, account);
    NewKey {
        action: form.action,
        session: form.session,
        factor: enrolling.factor.id.as_str().to_owned(),
        picture: qr::picture(&key.uri),
        key: key.grouped,
        name: form.name,
        trouble: form.trouble,
        problem: form.problem,
    }
}

/// `/account/authenticators/add`
pub async fn show_add(request: HttpRequest, state: Data<State>) -> HttpResponse {
    match fresh::guest(&state, &request, AccountPage::Factors).await {
        Ok(guest) => fresh_key(&state, &request, guest, None).await,
        Err(response) => response,
    }
}

async fn fresh_key(state: &State, request: &HttpRequest, guest: Guest, trouble: Option<String>) -> HttpResponse {
    let begun = second_factor::begin_enrolment(&state.provider, &guest.signed.user, (totp::KIND, ""), &guest.visit).await;
    match begun {
        Ok(enrolling) => {
            let response = render_add(state, request, &guest, (enrolling, String::new(), None, trouble));
            answer::with_browser(response, guest.browser)
        }
        Err(fault) => broken(state, request, &fault),
    }
}

type Adding = (Option<Enrolling>, String, Option<SecondFactorProblem>, Option<String>);

fn render_add(state: &State, request: &HttpRequest, guest: &Guest, (enrolling, name, problem, trouble): Adding) -> HttpResponse {
    let frame = state.frame(request, &guest.visit.browser_hash, None, None);
    let (status, wait) = match problem {
        None => (StatusCode::OK, None),
        Some(SecondFactorProblem::SlowedDown { seconds }) => (StatusCode::TOO_MANY_REQUESTS, Some(seconds)),
        Some(_) => (StatusCode::BAD_REQUEST, None),
    };
    let slowed = wait.map(|seconds| frame.t().wait(seconds));
    let key = |enrolling: Enrolling| {
        let action = format!("{}{LIST}/add", state.provider.issuer.path());
        let session = Some(guest.signed.session.sid.clone());
        let form = Form { action, session, name, problem, trouble: slowed.or(trouble) };
        new_key(state, &guest.signed.user, &enrolling, form)
    };
    let mut response = page(status, &AddAuthenticator { new_key: enrolling.map(key), frame });
    if let Some(seconds) = wait {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}

/// The form that confirms a new one.
pub async fn add(request: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    let (guest, form) = match fresh::form(&state, &request, payload, AccountPage::Factors).await {
        Ok(sent) => sent,
        Err(response) => return response,
    };
    let (provider, signed) = (&state.provider, guest.signed.clone());
    let id = Id::from_stored(form.get("factor").unwrap_or_default());
    let enrolling = match second_factor::find_enrolment(provider, &signed.user, &id, &guest.visit).await {
        Ok(Some(enrolling)) => enrolling,
        Ok(None) => {
            let gone = texts(&guest.visit.lang).factors.gone.to_owned();
            return fresh_key(&state, &request, guest, Some(gone)).await;
        }
        Err(fault) => return broken(&state, &request, &fault),
    };
    let (code, name) = (form.get("code").unwrap_or_default().trim(), form.get("name").unwrap_or_default());
    let again = Enrolling { factor: enrolling.factor.clone(), secret: enrolling.secret.clone() };
    let problem = if code.is_empty() {
        SecondFactorProblem::Missing
    } else {
        let place = For::Account(Box::new(signed));
        match second_factor::confirm_enrolment(provider, place, (enrolling, code, name), &guest.visit).await {
            Ok(Added::In(signed_in)) => return recovery_codes::after_adding(&state, &request, &guest, signed_in.pass).await,
            Ok(Added::Wrong) => SecondFactorProblem::Wrong,
            Ok(Added::Throttled { retry_after_seconds }) => SecondFactorProblem::SlowedDown { seconds: retry_after_seconds },
            Ok(Added::Gone) => return answer::see_other(&state, LIST).finish(),
            Err(fault) => return broken(&state, &request, &fault),
        }
    };
    let response = render_add(&state, &request, &guest, (Some(again), name.to_owned(), Some(problem), None));
    answer::with_browser(response, guest.browser)
}

/// `/account/authenticators/ID`
pub async fn show_one(request: HttpRequest, state: Data<State>, id: Path<String>) -> HttpResponse {
    match fresh::guest(&state, &request, AccountPage::Factors).await {
        Ok(guest) => show_with(&state, &request, guest, (&id, NameTyped::Not)).await,
        Err(response) => response,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum NameTyped {
    Not,
    Bad,
}

async fn show_with(state: &State, request: &HttpRequest, guest: Guest, (id, typed): (&str, NameTyped)) -> HttpResponse {
    match render_one(state, request, &guest, (id, typed)).await {
        Ok(Some(response)) => answer::with_browser(response, guest.browser),
        Ok(None) => error::show(state, request, Kind::NotFound, None),
        Err(fault) => broken(state, request, &fault),
    }
}

async fn render_one(
    state: &State,
    request: &HttpRequest,
    guest: &Guest,
    (id, typed): (&str, NameTyped),
) -> Result<Option<HttpResponse>, Fault> {
    let provider = &state.provider;
    let own = Own::of(provider, &guest.signed.user).await?;
    let Some(factor) = own.factors.iter().find(|factor| factor.id.as_str() == id) else { return Ok(None) };
    let is_last = own.factors.len() == 1;
    let model = Authenticator {
        frame: state.frame(request, &guest.visit.browser_hash, None, None),
        action: request.path().to_owned(),
        session: guest.signed.session.sid.clone(),
        name: factor.name.clone(),
        is_last,
        is_needed: is_last && second_factor::is_needed(provider, &guest.signed, guest.visit.now).await?,
        is_bad_name: typed == NameTyped::Bad,
    };
    let status = if typed == NameTyped::Bad { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    Ok(Some(page(status, &model)))
}

/// Another name, or away with it.
pub async fn change_one(request: HttpRequest, state: Data<State>, id: Path<String>, payload: Payload) -> HttpResponse {
    let (guest, form) = match fresh::form(&state, &request, payload, AccountPage::Factors).await {
        Ok(sent) => sent,
        Err(response) => return response,
    };
    let (provider, factor) = (&state.provider, Id::from_stored(id.as_str()));
    let done = |what: &str| answer::see_other(&state, &format!("{LIST}?done={what}")).finish();
    if form.get("action") == Some("remove") {
        return match second_factor::remove(provider, &guest.signed, &factor, &guest.visit).await {
            Ok(Removed::Done) => done("removed"),
            Ok(Removed::NotFound) => error::show(&state, &request, Kind::NotFound, None),
            Ok(Removed::IsNeeded) => show_with(&state, &request, guest, (&id, NameTyped::Not)).await,
            Err(fault) => broken(&state, &request, &fault),
        };
    }
    let name = form.get("name").unwrap_or_default();
    match second_factor::rename(provider, &guest.signed, (&factor, name), &guest.visit).await {
        Ok(true) => done("renamed"),
        Ok(false) => show_with(&state, &request, guest, (&id, NameTyped::Bad)).await,
        Err(fault) => broken(&state, &request, &fault),
    }
}
