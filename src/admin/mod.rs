//! What an operator does: clients, people, resources, keys, sessions, the audit log.
//!
//! The command line uses these acts, and so will an API. Each act is one transaction with its audit row and, where running
//! servers must notice, the counter that they watch (decisions 27 and 33). It knows no terminal and no HTTP.

pub mod audit;
mod client_changes;
pub mod clients;
pub mod factors;
pub mod import;
pub mod invitations;
pub mod keys;
pub mod registration;
pub mod resources;
pub mod sessions;
pub mod upstreams;
pub mod users;

use std::fmt;

use serde_json::Value;

use crate::base::{Clock, Fault, Id, Random, Timestamp};
use crate::identity::policy::PasswordPolicy;
use crate::keys::Vault;
use crate::oauth::{Problem, ResponseType};
use crate::store::Db;
use crate::store::audit::AuditEvent;

/// Who is written into the audit log for what is done at a terminal.
pub const OPERATOR: &str = "operator";

/// What every act works with.
pub struct Desk {
    pub db: Db,
    pub clock: Clock,
    pub random: Random,
    pub vault: Vault,
    pub limits: Limits,
    /// An operator's passwords keep its lengths; the rest of it is told and not demanded.
    pub password_policy: PasswordPolicy,
    /// Who acts, for the audit log.
    pub actor: String,
}

/// What the settings allow clients to be, and what new ones get.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The algorithms that there are signing keys for.
    pub id_token_algs: Vec<String>,
    pub response_types: Vec<ResponseType>,
    pub access_token_seconds: i64,
    pub refresh_idle_seconds: i64,
    pub refresh_absolute_seconds: i64,
}

/// Why an act did not happen.
#[derive(Debug)]
pub enum Refusal {
    /// What was given cannot be stored.
    Invalid(Vec<Problem>),
    /// There is no such thing; the words say what was looked for.
    NotFound(String),
    /// There is one already.
    Taken(String),
    /// Somebody else changed the same thing in between.
    Changed,
    Broken(Fault),
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Broken(fault)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(problems) => {
                let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
                f.write_str(&lines.join("\n"))
            }
            Self::NotFound(what) => write!(f, "there is no {what}"),
            Self::Taken(what) => write!(f, "there is already {what}"),
            Self::Changed => f.write_str("somebody else changed it in between; look at it and try again"),
            Self::Broken(fault) => fault.fmt(f),
        }
    }
}

impl std::error::Error for Refusal {}

impl Refusal {
    fn one(field: &'static str, why: impl Into<String>) -> Self {
        Self::Invalid(vec![Problem { field, why: why.into() }])
    }
}

impl Desk {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn new_id(&self) -> Result<Id, Fault> {
        Id::new(&self.clock, &self.random)
    }

    /// An audit row of `kind`; the caller fills in whom it concerns.
    fn event(&self, kind: &str) -> Result<(Id, AuditEvent), Fault> {
        let event = AuditEvent {
            at: self.now(),
            kind: kind.to_owned(),
            actor: self.actor.clone(),
            user_id: None,
            client_id: None,
            address: None,
            detail: Value::Null,
        };
        Ok((self.new_id()?, event))
    }
}
