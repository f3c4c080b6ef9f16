//! What a connector is: it takes a person to a provider, and says who they are there when they are back.

use std::fmt;
use std::pin::Pin;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::base::{Secret, Timestamp};
use crate::oauth::Params;

/// What a connector is doing; it ends within the time that its caller gives it.
pub type Doing<'a, T> = Pin<Box<dyn Future<Output = Result<T, Trouble>> + 'a>>;

/// One connected provider. It keeps what it fetched, and nothing about any person.
pub trait Connector: Send + Sync {
    /// Where the browser goes to sign in there.
    fn depart<'a>(&'a self, wish: &'a Wish, now: Timestamp) -> Doing<'a, Departure>;

    /// Who came back.
    fn arrive<'a>(&'a self, answer: &'a Answer, now: Timestamp) -> Doing<'a, UpstreamIdentity>;

    /// Whether the provider answers at all, found out by a call in which nothing is anybody's but ours.
    fn probe<'a>(&'a self, now: Timestamp) -> Doing<'a, ()>;

    /// Where the browser goes to sign out there; nothing if the provider has no such place.
    fn sign_out<'a>(&'a self, parting: &'a Parting, now: Timestamp) -> Doing<'a, Option<String>>;

    /// Who was signed out there, by the token in which the provider says so.
    fn heard<'a>(&'a self, token: &'a str, now: Timestamp) -> Doing<'a, Ended>;
}

/// What a person is signed out with.
#[derive(Clone, Debug)]
pub struct Parting {
    /// The ID token of the session there, if it was kept.
    pub id_token: Option<Secret<String>>,
    /// Where the browser comes back to.
    pub back: String,
    pub state: String,
}

/// A session there that is over, or all of a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    pub sid: Option<String>,
    pub subject: Option<String>,
    /// The name of the token that says so: it counts once.
    pub jti: String,
    /// When the token is too old to be taken.
    pub over_at: Timestamp,
}

/// What makes an attempt its own: kept here, sealed, until the person is back.
#[derive(Clone, Debug)]
pub struct Keepsake {
    pub nonce: Secret<String>,
    /// The PKCE verifier (RFC 7636).
    pub verifier: Secret<String>,
}

/// What a person is sent away with.
#[derive(Clone, Debug)]
pub struct Wish {
    pub callback: String,
    pub state: Secret<String>,
    pub keepsake: Keepsake,
    /// The person is to prove themselves anew.
    pub again: bool,
    pub max_age: Option<i64>,
    pub login_hint: Option<String>,
    pub ui_locales: Option<String>,
    /// How strong the proof is to be, where the operator counts what the provider says of that.
    pub acr_values: Vec<String>,
}

/// Where the browser goes.
#[derive(Clone, Debug)]
pub struct Departure {
    pub url: String,
}

/// What came back, for the attempt that it belongs to.
#[derive(Clone, Debug)]
pub struct Answer {
    pub params: Params,
    pub callback: String,
    pub keepsake: Keepsake,
}

/// Who somebody is at a provider, verified.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UpstreamIdentity {
    pub issuer: String,
    pub subject: String,
    pub email: Option<String>,
    /// Whether the provider says that the address is theirs.
    pub email_verified: bool,
    /// Whether it is the authority on the address, so that its word is as good as a mail of ours (`Upstream::proves_email`).
    #[serde(default)]
    pub email_authoritative: bool,
    /// Standard claims that may be stored as they are.
    pub claims: Map<String, Value>,
    pub groups: Vec<String>,
    pub amr: Vec<String>,
    pub acr: Option<String>,
    /// When the person proved themselves there (`auth_time`).
    pub auth_time: Option<i64>,
    /// The public id of their session there.
    pub sid: Option<String>,
    /// Kept only where it is needed to sign them out there.
    #[serde(with = "sealed", default)]
    pub id_token: Option<Secret<String>>,
}

/// How a secret stands in what is sealed as a whole before it is stored.
mod sealed {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    use crate::base::Secret;

    pub(super) fn serialize<S: Serializer>(secret: &Option<Secret<String>>, to: S) -> Result<S::Ok, S::Error> {
        secret.as_ref().map(Secret::expose).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Secret<String>>, D::Error> {
        Ok(Option::<String>::deserialize(from)?.map(Secret::new))
    }
}

impl UpstreamIdentity {
    /// Somebody of whom a provider says nothing more.
    #[cfg(test)]
    pub fn nameless() -> Self {
        Self {
            issuer: "https://up.test".to_owned(),
            subject: "1".to_owned(),
            email: None,
            email_verified: false,
            email_authoritative: false,
            claims: Map::new(),
            groups: Vec::new(),
            amr: Vec::new(),
            acr: None,
            auth_time: None,
            sid: None,
            id_token: None,
        }
    }

    /// What the person is called there: their address, or their name.
    pub fn shown(&self) -> String {
        let claim = |name: &str| self.claims.get(name).and_then(Value::as_str).map(str::to_owned);
        let name = self.email.clone().or_else(|| claim("preferred_username")).or_else(|| claim("name"));
        name.unwrap_or_else(|| self.subject.chars().take(64).collect())
    }
}

/// Why nobody came back. The words are for the log; they never hold what a provider or a person sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The provider does not answer, or says that it cannot.
    Down(&'static str),
    /// It has no time for us: we, or visitors through us, asked too much.
    Busy(&'static str),
    /// What it answered to a call of ours is nothing that can be read.
    Nonsense(&'static str),
    /// What it answered is not what the protocol says: a mistake, or an attack.
    Wrong(&'static str),
    /// The person turned back there.
    Cancelled,
    /// The provider said no, by the code of RFC 6749 or its own.
    Refused(String),
    /// The operator did not open the house to them.
    NotAllowed(&'static str),
}

impl Trouble {
    /// Whether the same may work in a while.
    pub const fn is_down(&self) -> bool {
        matches!(self, Self::Down(_) | Self::Busy(_))
    }

    /// Whether it is the provider's own fault. When somebody brought something, that shows only by a [`probe`](Connector::probe): what they
    /// brought may be made up.
    pub const fn is_fault(&self) -> bool {
        matches!(self, Self::Down(_) | Self::Nonsense(_))
    }
}

impl std::error::Error for Trouble {}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Down(why) => write!(f, "it is down: {why}"),
            Self::Busy(why) => write!(f, "it has no time: {why}"),
            Self::Nonsense(why) => write!(f, "its answer makes no sense: {why}"),
            Self::Wrong(why) => f.write_str(why),
            Self::Cancelled => f.write_str("the person turned back"),
            Self::Refused(code) => write!(f, "it refused: {code}"),
            Self::NotAllowed(why) => write!(f, "not open to this person: {why}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a provider gave us is in no log, and comes back whole from where it was sealed.
    #[test]
    fn tokens_are_secrets() {
        let identity = |id_token: Option<&str>| UpstreamIdentity {
            id_token: id_token.map(|text| Secret::new(text.to_owned())),
            ..UpstreamIdentity::nameless()
        };
        let whole = identity(Some("eyJ.their.token"));
        assert!(!format!("{whole:?}").contains("eyJ"));
        let parting = Parting { id_token: whole.id_token.clone(), back: String::new(), state: String::new() };
        assert!(!format!("{parting:?}").contains("eyJ"));
        for one in [whole, identity(None)] {
            let sealed = serde_json::to_vec(&one).unwrap();
            let opened: UpstreamIdentity = serde_json::from_slice(&sealed).unwrap();
            assert_eq!(opened.id_token, one.id_token);
        }
    }
}
