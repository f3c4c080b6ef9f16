//! Rate limits: the one place where the `Rate` column of the table of endpoints is enforced, for every route.
//!
//! | class | charged to the network of the address |
//! |---|---|
//! | `Metadata` | nothing: the answers are prepared |
//! | `Machine` | each failed proof (`failures`), and everything (`machines`) where the operator limits that |
//! | `Page` | everything (`pages`) |
//! | `Guess` | as a page, and each POST (`guesses`) |
//! | `Mail` | as a page, and each POST (`mail`) |
//! | `Register` | as a machine, and each registration or change of one (`registration.per_hour`) |
//!
//! Beside that a client that has proved itself is charged wherever it comes from (`client`), where the operator limits that.
//!
//! The answer says how much is left in the fields of draft-ietf-httpapi-ratelimit-headers-09 (`RateLimit`,
//! `RateLimit-Policy`), and a refusal is 429 (RFC 6585 section 4) with `Retry-After`: OAuth JSON for programs, a page for people.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use actix_web::http::{ConnectionType, StatusCode};
use actix_web::{HttpRequest, HttpResponse};

use super::pages::Kind;
use super::person::error;
use super::routes::{Endpoint, Rate};
use super::{State, answer, extract};
use crate::base::Timestamp;
use crate::cache::{Bucket, Buckets, Level, Place, RetryAfter, Rule, Stuffing, Suspicion};
use crate::oauth::{Error, ErrorCode};

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// What the operator settled (`limits.*`), each for one network.
#[derive(Clone, Copy, Debug)]
pub struct RateRules {
    pub pages: Rule,
    pub guesses: Rule,
    pub mail: Rule,
    pub failures: Rule,
    pub machines: Rule,
    pub registrations: Rule,
    /// For one client, wherever it comes from.
    pub client: Rule,
}

/// Charges requests, and counts what it refused.
pub struct Limits {
    buckets: Arc<Buckets>,
    rules: RateRules,
    stuffing: Stuffing,
    counts: Counts,
}

#[derive(Default)]
struct Counts {
    refused: AtomicU64,
    wrong: AtomicU64,
    throttled: AtomicU64,
    busy: AtomicU64,
    stuffing: AtomicU64,
}

/// Why a sign-in failed, for the metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    Wrong,
    Throttled,
    /// Every hashing thread had enough to do.
    Busy,
}

/// An answer with this extension failed to prove something: a client's secret, a token, a code. It is charged.
#[derive(Clone, Copy)]
pub struct FailedProof;

/// The mark of [`for_client`].
#[derive(Clone)]
struct ForClient(String);

/// An answer with this extension is replaced by the refusal in the endpoint's own shape.
#[derive(Clone, Copy)]
struct Refused(RetryAfter);

/// The answer of a handler that charged a bucket of its own and found it empty.
pub fn too_many(retry: RetryAfter) -> HttpResponse {
    let mut response = HttpResponse::build(StatusCode::TOO_MANY_REQUESTS).finish();
    response.extensions_mut().insert(Refused(retry));
    response
}

/// Marks an answer that was made for a client which had proved itself: it is charged to the client.
pub fn for_client(client_id: &str, mut response: HttpResponse) -> HttpResponse {
    response.extensions_mut().insert(ForClient(client_id.to_owned()));
    response
}

impl Limits {
    pub fn new(buckets: Arc<Buckets>, rules: RateRules) -> Self {
        Self { buckets, rules, stuffing: Stuffing::default(), counts: Counts::default() }
    }

    /// Charges one act to further buckets, all or none; for handlers, beside what their class is charged anyway.
    ///
    /// # Errors
    /// One of them is empty: answer with [`too_many`].
    pub async fn charge(&self, buckets: &[Bucket<'_>], now: Timestamp) -> Result<(), RetryAfter> {
        self.buckets.charge(buckets, now).await.map(drop)
    }

    /// Whether a client may ask for more. Anybody can claim to be it, so nothing is charged before it has proved that.
    ///
    /// # Errors
    /// It has asked too much: answer with [`too_many`].
    pub fn client_may(&self, client_id: &str, now: Timestamp) -> Result<(), RetryAfter> {
        self.buckets.peek(&Bucket::of_text("client", client_id, self.rules.client), now)
    }

    /// The bucket of mail that one network causes, for a handler outside the class `Mail`.
    pub fn mail(&self, address: IpAddr) -> Bucket<'static> {
        Bucket::of_network("mail", address, self.rules.mail)
    }

    /// A sign-in failed. `account` is what was typed.
    pub fn sign_in_failed(&self, why: Failure, address: IpAddr, account: &str, now: Timestamp) {
        self.second_factor_failed(why);
        if why != Failure::Busy && self.stuffing.failed(address, account, now) == Suspicion::Begun {
            self.counts.stuffing.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(%address, "one network fails to sign in to many accounts");
        }
    }

    /// A second factor was wrong, or one was tried too often: a sign-in that failed, of somebody whose first proof was right.
    pub fn second_factor_failed(&self, why: Failure) {
        let counter = match why {
            Failure::Wrong => &self.counts.wrong,
            Failure::Throttled => &self.counts.throttled,
            Failure::Busy => &self.counts.busy,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// What was counted, for `/metrics`.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let mut say = |name: &str, kind: &str, help: &str, rows: &[(&str, u64)]| {
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
            for (labels, value) in rows {
                let _ = writeln!(text, "{name}{labels} {value}");
            }
        };
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counts = &self.counts;
        say("vouchsafe_rate_limited_total", "counter", "Requests refused by a rate limit.", &[("", read(&counts.refused))]);
        let failures = [
            ("{reason=\"wrong\"}", read(&counts.wrong)),
            ("{reason=\"throttled\"}", read(&counts.throttled)),
            ("{reason=\"busy\"}", read(&counts.busy)),
        ];
        say("vouchsafe_sign_in_failures_total", "counter", "Sign-ins with a password or a passkey that failed.", &failures);
        let help = "Networks that failed for many accounts, once in 15 minutes each.";
        say("vouchsafe_stuffing_suspected_total", "counter", help, &[("", read(&counts.stuffing))]);
        let help = "Times that Redis was given up and limits were counted in memory.";
        say("vouchsafe_cache_fallback_total", "counter", help, &[("", self.buckets.fallbacks())]);
        let shared = u64::from(self.buckets.place() == Place::Redis);
        say("vouchsafe_cache_shared", "gauge", "1 while limits are counted in Redis.", &[("", shared)]);
        text
    }
}

/// Whether a method changes something.
fn is_act(request: &ServiceRequest) -> bool {
    !request.method().is_safe()
}

/// Charges a request before its handler runs. What comes back is shown with the answer.
///
/// # Errors
/// The 429 in the place of an answer.
pub async fn admit(
    request: &ServiceRequest,
    state: &State,
    endpoint: Option<&'static Endpoint>,
) -> Result<Option<Level>, HttpResponse> {
    let limits = &state.limits;
    let rules = &limits.rules;
    let rate = endpoint.map_or(Rate::Page, |endpoint| endpoint.rate);
    let (first, second) = match rate {
        Rate::Metadata => return Ok(None),
        Rate::Register if is_act(request) => (("machines", rules.machines), Some(("registrations", rules.registrations))),
        Rate::Machine | Rate::Register => (("machines", rules.machines), None),
        Rate::Guess if is_act(request) => (("pages", rules.pages), Some(("guesses", rules.guesses))),
        Rate::Mail if is_act(request) => (("pages", rules.pages), Some(("mail", rules.mail))),
        Rate::Page | Rate::Guess | Rate::Mail => (("pages", rules.pages), None),
    };
    let now = state.provider.clock.now();
    let address = extract::address(request.request(), state);
    let bucket = |(name, rule): (&'static str, Rule)| Bucket::of_network(name, address, rule);
    let refuse = |retry| limits.refusal(state, request.request(), rate, retry);
    if matches!(rate, Rate::Machine | Rate::Register) {
        limits.buckets.peek(&bucket(("failures", rules.failures)), now).map_err(refuse)?;
    }
    let second = second.unwrap_or(("", Rule::per_minute(0)));
    let wanted = [bucket(second), bucket(first)];
    if wanted.iter().all(|bucket| bucket.rule.is_off()) {
        return Ok(None);
    }
    limits.buckets.charge(&wanted, now).await.map_err(refuse)
}

/// Finishes an answer: a failed proof is charged, a refusal gets its shape, and the level is told.
pub async fn settle<B: MessageBody + 'static>(
    response: ServiceResponse<EitherBody<B>>,
    state: &State,
    endpoint: Option<&'static Endpoint>,
    level: Option<Level>,
) -> ServiceResponse<EitherBody<B>> {
    let limits = &state.limits;
    let mut refused = response.response().extensions().get::<Refused>().map(|refused| refused.0);
    let has_failed = response.response().extensions().get::<FailedProof>().is_some();
    if has_failed {
        let address = extract::address(response.request(), state);
        let bucket = Bucket::of_network("failures", address, limits.rules.failures);
        refused = refused.or(limits.buckets.charge(&[bucket], state.provider.clock.now()).await.err());
    }
    let client = response.response().extensions().get::<ForClient>().cloned();
    if let Some(ForClient(client_id)) = client.filter(|_| !limits.rules.client.is_off()) {
        let bucket = Bucket::of_text("client", &client_id, limits.rules.client);
        // What was asked is answered; the next request is refused.
        let _ = limits.buckets.charge(&[bucket], state.provider.clock.now()).await;
    }
    let mut response = match refused {
        Some(retry) => {
            let rate = endpoint.map_or(Rate::Page, |endpoint| endpoint.rate);
            let refusal = limits.refusal(state, response.request(), rate, retry);
            return response.into_response(refusal.map_into_right_body());
        }
        None => response,
    };
    if let Some(level) = level {
        tell(response.headers_mut(), level);
    }
    response
}

impl Limits {
    fn refusal(&self, state: &State, request: &HttpRequest, rate: Rate, retry: RetryAfter) -> HttpResponse {
        self.counts.refused.fetch_add(1, Ordering::Relaxed);
        let address = extract::address(request, state);
        if self.buckets.is_first_in_a_minute("log refused", address, state.provider.clock.now()) {
            tracing::warn!(%address, limit = retry.rule.limit, seconds = retry.rule.per_seconds, "a rate limit is reached");
        }
        let mut response = match rate {
            Rate::Machine | Rate::Register | Rate::Metadata => {
                let why = "too many requests; try again after the seconds in Retry-After";
                answer::oauth_error_with(StatusCode::TOO_MANY_REQUESTS, &Error::new(ErrorCode::TemporarilyUnavailable, why))
            }
            Rate::Page | Rate::Guess | Rate::Mail => error::show(state, request, Kind::TooMany { seconds: retry.seconds }, None),
        };
        if !request.method().is_safe() {
            // The body is not read.
            response.head_mut().set_connection_type(ConnectionType::Close);
        }
        response.headers_mut().insert(RETRY_AFTER, retry.seconds.into());
        tell(response.headers_mut(), Level { rule: retry.rule, remaining: 0, full_in_seconds: retry.seconds });
        response
    }
}

/// Quota, window, what is left, and the seconds until there is more.
fn tell(headers: &mut HeaderMap, level: Level) {
    let Level { rule, remaining, full_in_seconds } = level;
    let policy = format!("\"default\";q={};w={}", rule.limit, rule.per_seconds);
    let left = format!("\"default\";r={remaining};t={full_in_seconds}");
    for (name, value) in [(RATE_LIMIT_POLICY, policy), (RATE_LIMIT, left)] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
}
