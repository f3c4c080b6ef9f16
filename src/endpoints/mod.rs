//! What the product does, in protocol words and without HTTP: each file is one endpoint or one act of a person.
//!
//! `web` hands in typed requests and renders typed answers. Nothing here knows a header, a cookie or a template.

mod account;
mod account_api;
pub mod accounts;
pub mod authorize;
pub mod backchannel;
pub mod client_auth;
mod client_keys;
pub mod discovery;
pub mod farewell;
pub mod interaction;
mod introspect;
mod logos;
pub mod logout;
pub mod own_data;
pub mod passkeys;
pub mod profile;
pub mod register;
mod registry;
mod revoke;
pub mod second_factor;
mod session_state;
pub mod sign_in;
mod subject;
pub mod token;
pub mod upstreams;
mod userinfo;

use std::net::IpAddr;
use std::sync::Arc;

pub use account::{Account, ConnectedApp};
pub use account_api::{Caller, Changed, Denied, OwnSession};
pub use client_keys::ClientKeys;
pub use introspect::introspect;
pub use logos::{Logo, logo};
pub use registry::{Registered, Registry, Secret as ClientSecret};
pub use revoke::revoke;
pub use session_state::op_browser_state;
pub use userinfo::{Bearer, Form as UserinfoForm, userinfo};

use crate::base::{Clock, Fault, Id, Issuer, Random, Timestamp};
use crate::cache::{Buckets, Rule};
use crate::identity::one_time::CodeKey;
use crate::identity::passkeys::Passkeys;
use crate::identity::passwords::Hasher;
use crate::identity::policy::PasswordPolicy;
use crate::identity::sessions::Session;
use crate::identity::users::User;
use crate::jose::Alg;
use crate::keys::{PairwiseKey, Ring, Vault};
use crate::notify::Post;
use crate::oauth::{Error, Lang, ResponseType};
use crate::outbound::Outbound;
use crate::store::Db;
use crate::store::audit::AuditEvent;
use crate::tokens::{Mint, Person, RefreshKey, Verifier};

/// Why an endpoint gives no answer: the protocol says no, or something broke.
#[derive(Debug)]
pub enum Refusal {
    Protocol(Error),
    Broken(Fault),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Protocol(error)
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Broken(fault)
    }
}

/// What the operator settled that the protocol leaves open.
#[derive(Clone, Debug)]
pub struct Policy {
    /// `code`, and what the operator switched on beside it.
    pub response_types: Vec<ResponseType>,
    pub unregistered_resources: UnregisteredResources,
    /// Seconds that a session lives without use, and at most.
    pub session_idle_seconds: i64,
    pub session_absolute_seconds: i64,
    pub access_alg: Alg,
    /// How many sign-ins strangers of one network may begin.
    pub strangers_visits: Rule,
    pub accounts: accounts::Policy,
    pub registration: register::Policy,
}

/// Whether a resource that nobody registered may be asked for (RFC 8707, decision 21).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnregisteredResources {
    Refused,
    Allowed,
}

/// Everything that the endpoints work with; one for a process.
pub struct Provider {
    pub issuer: Issuer,
    pub db: Db,
    pub clock: Clock,
    pub random: Random,
    pub vault: Vault,
    pub keys: Ring,
    pub registry: Registry,
    pub buckets: Arc<Buckets>,
    pub hasher: Hasher,
    pub password_policy: PasswordPolicy,
    pub verifier: Verifier,
    pub refresh_key: RefreshKey,
    pub post: Post,
    /// Makes the six digits that are sent.
    pub code_key: CodeKey,
    pub policy: Policy,
    /// Makes the subjects of clients that want their own.
    pub pairwise: PairwiseKey,
    /// Where the issuer has a host that can have passkeys.
    pub passkeys: Option<Passkeys>,
    /// The guarded client: tells apps that a session ended, and fetches what they name (keys, logos, lists of redirect URIs).
    pub outbound: Outbound,
    pub client_keys: ClientKeys,
    pub factors: second_factor::House,
    /// The other providers that people may sign in with.
    pub connected: upstreams::Upstreams,
}

/// Who stands at the door: one browser, perhaps with a session, from one address, at one instant.
#[derive(Clone, Debug)]
pub struct Visit {
    pub browser_hash: String,
    pub session: Option<Signed>,
    /// The hash of the cookie of a first proof, if there is one.
    pub half_hash: Option<String>,
    /// The hash of the cookie of a remembered browser, if there is one.
    pub device_hash: Option<String>,
    pub address: IpAddr,
    pub user_agent: String,
    /// The language of the pages that it is shown, and of mail to whoever sits there.
    pub lang: Lang,
    pub now: Timestamp,
}

/// A live session with its person.
#[derive(Clone, Debug)]
pub struct Signed {
    pub session: Session,
    pub user: User,
}

/// Seconds for which a sign-in is proof enough for what matters; then the person proves themselves again first.
pub const FRESH_SECONDS: i64 = 600;

impl Signed {
    /// Whether the person proved themselves so lately that they may do what matters.
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        now.since(self.session.auth_time) < FRESH_SECONDS
    }
}

impl Visit {
    pub fn session_id(&self) -> Option<&Id> {
        self.session.as_ref().map(|signed| &signed.session.id)
    }
}

impl Provider {
    pub(crate) fn mint(&self) -> Mint<'_> {
        Mint { issuer: &self.issuer, keys: &self.keys, random: &self.random, access_alg: self.policy.access_alg }
    }

    pub(crate) fn new_id(&self) -> Result<Id, Fault> {
        Id::new(&self.clock, &self.random)
    }
}

/// A client that was found in the registry; cheap to clone.
pub type ClientRef = Arc<Registered>;

/// What tokens may say of a person whom their client knows as `sub`.
pub(crate) fn person<'a>(user: &'a User, sub: &'a str) -> Person<'a> {
    Person {
        sub,
        email: user.email.as_deref(),
        email_verified: user.email_verified,
        claims: &user.claims,
        updated_at: user.updated_at,
    }
}

/// An audit event of `kind`; the caller fills in whom it concerns.
pub(crate) fn audit(kind: &str, actor: impl Into<String>, now: Timestamp) -> AuditEvent {
    AuditEvent {
        at: now,
        kind: kind.to_owned(),
        actor: actor.into(),
        user_id: None,
        client_id: None,
        address: None,
        detail: serde_json::Value::Null,
    }
}

/// The same for an act in front of a browser: where it was, as far as the browser tells.
pub(crate) fn audit_at(kind: &str, actor: impl Into<String>, visit: &Visit) -> AuditEvent {
    let mut event = audit(kind, actor, visit.now);
    event.address = Some(visit.address.to_string());
    event.detail = serde_json::json!({ "user_agent": visit.user_agent });
    event
}
