//! Passkeys and security keys (WebAuthn Level 3): what an authenticator is asked, and whether its answer holds.
//!
//! Origin and RP ID come from settings and never from a request. What the library remembers between question and answer is a
//! row of ours (`store::passkeys`), good once; what it lets pass that we do not want is refused here before.

mod answers;

pub use answers::{Assertion, Attestation};

use serde::Deserialize;
use serde_json::{Value, json};
use webauthn_rs::prelude::{
    AuthenticationResult, DiscoverableAuthentication, DiscoverableKey, Passkey as Key, PasskeyAuthentication,
    PasskeyRegistration, SecurityKey, SecurityKeyAuthentication, SecurityKeyRegistration, Url, Uuid, WebauthnError,
};
use webauthn_rs::{Webauthn, WebauthnBuilder};

use crate::base::{Fault, Random, base64url, base64url_decode};
use crate::store::passkeys::{Passkey, Signed};

/// Seconds that a challenge is good.
pub const CHALLENGE_SECONDS: i64 = 300;

/// How many passkeys one person may have.
pub const MOST: usize = 30;

/// How many ways back somebody needs to live without a password: passkeys, and recovery codes as one.
pub const ENOUGH: i64 = 2;

/// The words of both kinds among the second factors: one that signs in, and a key that is no more than a second factor.
pub const PASSKEY: &str = "passkey";
pub const SECURITY_KEY: &str = "security_key";

/// Whether an authenticator has to make sure that its owner is there, by a PIN, a finger or a face.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verification {
    Required,
    /// A key that cannot do that may be added: it is no more than a second factor.
    Preferred,
}

/// What a challenge is for. The answer to one is worth nothing for another (WA-01).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Enrol,
    SignIn,
    Factor,
}

impl Purpose {
    /// Its name in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enrol => "enrol",
            Self::SignIn => "sign_in",
            Self::Factor => "factor",
        }
    }
}

/// A question to an authenticator.
pub struct Question {
    /// base64url.
    pub challenge: String,
    /// What `navigator.credentials` takes, in JSON (WebAuthn section 5.1.8, 5.1.9).
    pub options: Value,
    /// What the answer is checked against; it never leaves the house.
    pub state: String,
}

/// Whom a new passkey is for.
pub struct Owner<'a> {
    /// Their handle, as [`new_handle`] made it.
    pub handle: &'a str,
    pub name: &'a str,
    pub display_name: &'a str,
}

/// What came of a new passkey.
pub struct Made {
    pub credential_id: String,
    pub credential: String,
    pub sign_count: i64,
    pub signs_in: bool,
    pub synced: bool,
    pub backed_up: bool,
}

/// Why an answer is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Another challenge, origin, RP ID, key or person, or nobody made sure that the owner is there.
    Invalid,
    /// The signature is right and its counter went back: there may be a copy of the key (section 6.1.1).
    CounterWentBack,
}

/// A signature that holds.
pub struct Verified {
    pub signed: Signed,
    /// Whether the authenticator made sure that it was its owner.
    pub user_verified: bool,
}

impl Verified {
    /// In the words of RFC 8176: a key that can leave its device is one in software, `user` says that somebody was there, and
    /// `mfa` that the authenticator made sure who.
    pub fn amr(&self) -> Vec<String> {
        let key = if self.signed.synced { "swk" } else { "hwk" };
        let all = [Some(key), Some("user"), self.user_verified.then_some("mfa")];
        all.into_iter().flatten().map(str::to_owned).collect()
    }
}

/// The relying party of WebAuthn.
#[derive(Clone)]
pub struct Passkeys {
    webauthn: Webauthn,
    rp_id: String,
    origins: Vec<String>,
    verification: Verification,
}

impl Passkeys {
    /// For an issuer with this host and origin; nothing if the host is an address, which can be no RP ID (section 5.1.2).
    /// `related` are further origins, each a URL.
    pub fn new((rp_id, origin): (&str, &str), related: &[String], house: &str, verification: Verification) -> Option<Self> {
        let own = Url::parse(origin).ok()?;
        let mut builder = WebauthnBuilder::new(rp_id, &own).ok()?.rp_name(house);
        for origin in related {
            builder = builder.append_allowed_origin(&Url::parse(origin).ok()?);
        }
        let origins = std::iter::once(origin).chain(related.iter().map(String::as_str)).map(str::to_owned).collect();
        Some(Self { webauthn: builder.build().ok()?, rp_id: rp_id.to_owned(), origins, verification })
    }

    pub fn rp_id(&self) -> &str {
        &self.rp_id
    }

    /// The origins where our passkeys may be used, our own first.
    pub fn origins(&self) -> &[String] {
        &self.origins
    }

    /// Asks for a new passkey, on no authenticator that has one of `known`.
    ///
    /// # Errors
    /// The library or a stored row broke.
    pub fn ask_to_enrol(&self, owner: &Owner<'_>, known: &[Passkey]) -> Result<Question, Fault> {
        let handle = Uuid::parse_str(owner.handle).map_err(|_| Fault::corrupt("passkey_handles", "handle"))?;
        let ids = known.iter().map(|own| base64url_decode(&own.credential_id)).collect::<Option<Vec<_>>>();
        let ids = Some(ids.ok_or_else(|| Fault::corrupt("passkeys", "credential_id"))?);
        let (mut options, state) = match self.verification {
            Verification::Required => {
                let start = self.webauthn.start_passkey_registration(handle, owner.name, owner.display_name, ids);
                let (options, state) = start.map_err(broken)?;
                (json(&options)?, text(&state)?)
            }
            Verification::Preferred => {
                let start = self.webauthn.start_securitykey_registration(handle, owner.name, owner.display_name, ids, None, None);
                let (options, state) = start.map_err(broken)?;
                (json(&options)?, text(&state)?)
            }
        };
        let is_required = self.verification == Verification::Required;
        let selection = options.pointer_mut("/publicKey/authenticatorSelection").and_then(Value::as_object_mut);
        if let Some(selection) = selection {
            // Without it nobody could sign in who has not said who they are.
            selection.insert("residentKey".to_owned(), json!(if is_required { "required" } else { "preferred" }));
            selection.insert("requireResidentKey".to_owned(), json!(is_required));
        }
        question(options, state)
    }

    /// Asks whoever sits there for any passkey of ours.
    ///
    /// # Errors
    /// The library broke.
    pub fn ask_to_sign_in(&self) -> Result<Question, Fault> {
        let (options, state) = self.webauthn.start_discoverable_authentication().map_err(broken)?;
        question(json(&options)?, text(&state)?)
    }

    /// Asks for one of these passkeys.
    ///
    /// # Errors
    /// The library or a stored row broke.
    pub fn ask_for_one_of(&self, known: &[Passkey]) -> Result<Question, Fault> {
        match self.verification {
            Verification::Required => {
                let keys = known.iter().map(|own| stored::<Key>(&own.credential)).collect::<Result<Vec<_>, _>>()?;
                let (options, state) = self.webauthn.start_passkey_authentication(&keys).map_err(broken)?;
                question(json(&options)?, text(&state)?)
            }
            Verification::Preferred => {
                let keys = known.iter().map(|own| stored::<SecurityKey>(&own.credential)).collect::<Result<Vec<_>, _>>()?;
                let (options, state) = self.webauthn.start_securitykey_authentication(&keys).map_err(broken)?;
                question(json(&options)?, text(&state)?)
            }
        }
    }

    /// Takes a new passkey, if its maker's answer holds.
    ///
    /// # Errors
    /// The state of the row is none. The inner error: the answer is refused.
    pub fn enrol(&self, answer: &Attestation, state: &str) -> Result<Result<Made, Refused>, Fault> {
        let credential = match self.verification {
            Verification::Required => {
                let state: PasskeyRegistration = state_of(state)?;
                self.webauthn.finish_passkey_registration(&answer.0, &state).map(|key| text(&key))
            }
            Verification::Preferred => {
                let state: SecurityKeyRegistration = state_of(state)?;
                self.webauthn.finish_securitykey_registration(&answer.0, &state).map(|key| text(&key))
            }
        };
        let credential = match credential {
            Ok(credential) => credential?,
            Err(error) => return Ok(Err(refused(&error))),
        };
        let Facts { cred } = stored(&credential)?;
        let is_discoverable = self.verification == Verification::Required
            || answer.0.extensions.cred_props.as_ref().is_some_and(|properties| properties.rk == Some(true));
        Ok(Ok(Made {
            credential_id: cred.cred_id,
            credential,
            sign_count: i64::from(cred.counter),
            signs_in: cred.user_verified && is_discoverable,
            synced: cred.backup_eligible,
            backed_up: cred.backup_state,
        }))
    }

    /// Checks the answer of whoever wants to sign in with this passkey.
    ///
    /// # Errors
    /// A stored row broke. The inner error: the answer is refused.
    pub fn sign_in(&self, answer: &Assertion, state: &str, with: &Passkey) -> Result<Result<Verified, Refused>, Fault> {
        let state: DiscoverableAuthentication = state_of(state)?;
        let key: Key = stored(&with.credential)?;
        let checked = self.webauthn.finish_discoverable_authentication_v2(&answer.0, state, DiscoverableKey::from(&key));
        checked.map_or_else(|error| Ok(Err(refused(&error))), |result| verified(key, &result))
    }

    /// Checks the answer of whoever was asked for one of their passkeys.
    ///
    /// # Errors
    /// A stored row broke. The inner error: the answer is refused.
    pub fn factor(&self, answer: &Assertion, state: &str, with: &Passkey) -> Result<Result<Verified, Refused>, Fault> {
        let key: Key = stored(&with.credential)?;
        let checked = match self.verification {
            Verification::Required => {
                let state: PasskeyAuthentication = state_of(state)?;
                self.webauthn.finish_passkey_authentication(&answer.0, &state)
            }
            Verification::Preferred => {
                let state: SecurityKeyAuthentication = state_of(state)?;
                self.webauthn.finish_securitykey_authentication(&answer.0, &state)
            }
        };
        checked.map_or_else(|error| Ok(Err(refused(&error))), |result| verified(key, &result))
    }
}

/// A handle for a person: a UUID of its own, which says nothing about them (section 14.6.1).
///
/// # Errors
/// The random source gave nothing.
pub fn new_handle(random: &Random) -> Result<String, Fault> {
    let bytes = random.bytes::<16>()?;
    Ok(uuid::Builder::from_random_bytes(bytes).into_uuid().to_string())
}

/// A handle as browsers know it, base64url.
///
/// # Errors
/// It is no handle of ours.
pub fn shown_handle(handle: &str) -> Result<String, Fault> {
    let uuid = Uuid::parse_str(handle).map_err(|_| Fault::corrupt("passkey_handles", "handle"))?;
    Ok(base64url(uuid.as_bytes()))
}

/// What is read of the library's own form of a credential.
#[derive(Deserialize)]
struct Facts {
    cred: Cred,
}

#[derive(Deserialize)]
struct Cred {
    cred_id: String,
    counter: u32,
    user_verified: bool,
    backup_eligible: bool,
    backup_state: bool,
}

fn verified(mut key: Key, result: &AuthenticationResult) -> Result<Result<Verified, Refused>, Fault> {
    if key.update_credential(result).is_none() {
        return Ok(Err(Refused::Invalid));
    }
    let signed = Signed {
        credential: text(&key)?,
        sign_count: i64::from(result.counter()),
        synced: result.backup_eligible(),
        backed_up: result.backup_state(),
    };
    Ok(Ok(Verified { signed, user_verified: result.user_verified() }))
}

const fn refused(error: &WebauthnError) -> Refused {
    match error {
        WebauthnError::CredentialPossibleCompromise => Refused::CounterWentBack,
        _ => Refused::Invalid,
    }
}

fn question(mut options: Value, state: String) -> Result<Question, Fault> {
    let none = || Fault::new("passkeys: options", "the library made options without a challenge");
    let public_key = options.get_mut("publicKey").map(Value::take).ok_or_else(none)?;
    let challenge = public_key.get("challenge").and_then(Value::as_str).ok_or_else(none)?.to_owned();
    let mut options = public_key;
    if let Some(members) = options.as_object_mut() {
        // Which kind of authenticator is best the person knows.
        members.remove("hints");
    }
    Ok(Question { challenge, options, state })
}

fn json(value: &impl serde::Serialize) -> Result<Value, Fault> {
    serde_json::to_value(value).map_err(Fault::at("passkeys: options"))
}

fn text(value: &impl serde::Serialize) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(Fault::at("passkeys: state"))
}

fn stored<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, Fault> {
    serde_json::from_str(text).map_err(|_| Fault::corrupt("passkeys", "credential"))
}

fn state_of<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, Fault> {
    serde_json::from_str(text).map_err(|_| Fault::corrupt("passkey_challenges", "state"))
}

fn broken(error: WebauthnError) -> Fault {
    Fault::at("passkeys: webauthn")(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn house(host: &str, origin: &str) -> Option<Passkeys> {
        Passkeys::new((host, origin), &[], "House", Verification::Required)
    }

    /// WebAuthn section 5.1.2: an RP ID is a name; decision 6: the demo's is `localhost`.
    #[test]
    fn hosts() {
        for (host, origin, is_possible) in [
            ("id.example.com", "https://id.example.com", true),
            ("id.example.com", "https://id.example.com:8443", true),
            ("localhost", "http://localhost:8080", true),
            ("127.0.0.1", "http://127.0.0.1:8080", false),
            ("[::1]", "http://[::1]:8080", false),
            ("192.0.2.1", "https://192.0.2.1", false),
        ] {
            assert_eq!(house(host, origin).is_some(), is_possible, "{origin}");
        }
    }

    /// RFC 8176 section 2: a key that can be copied is none in hardware, and nobody is claimed to be sure who was not.
    #[test]
    fn methods() {
        for (synced, user_verified, words) in [
            (false, true, ["hwk", "user", "mfa"].as_slice()),
            (true, true, &["swk", "user", "mfa"]),
            (false, false, &["hwk", "user"]),
        ] {
            let signed = Signed { credential: String::new(), sign_count: 1, synced, backed_up: false };
            assert_eq!(Verified { signed, user_verified }.amr(), words);
        }
    }

    /// Section 14.6.1: a handle says nothing about its owner, and is shown as the bytes that it is.
    #[test]
    fn handles() {
        let random = Random::seeded(5);
        let (one, other) = (new_handle(&random).unwrap(), new_handle(&random).unwrap());
        assert_ne!(one, other);
        assert_eq!(base64url_decode(&shown_handle(&one).unwrap()).unwrap().len(), 16);
        assert!(shown_handle("ana").is_err());
    }
}
