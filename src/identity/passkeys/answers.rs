//! What browsers send of an authenticator's answer, and what is refused of it before the library looks.

use serde::Deserialize;
use serde_json::Value;
use webauthn_rs::prelude::{PublicKeyCredential, RegisterPublicKeyCredential, Uuid};

use super::Refused;
use crate::base::base64url;

/// What a browser sends of a signature, as JSON.
pub struct Assertion(pub(super) PublicKeyCredential);

impl Assertion {
    /// # Errors
    /// It has not the shape of one, contradicts itself, or was made in a page inside another (section 13.4.9).
    pub fn parse(text: &str) -> Result<Self, Refused> {
        let parsed: PublicKeyCredential = serde_json::from_str(text).map_err(|_| Refused::Invalid)?;
        is_own(&parsed.id, &parsed.raw_id, &parsed.type_)?;
        at_the_top(&parsed.response.client_data_json)?;
        Ok(Self(parsed))
    }

    /// The challenge that it claims to answer.
    pub fn challenge(&self) -> Option<String> {
        challenge(&self.0.response.client_data_json)
    }

    pub fn credential_id(&self) -> String {
        base64url(self.0.get_credential_id())
    }

    /// The handle of whom it claims to be from.
    pub fn handle(&self) -> Option<String> {
        self.0.get_user_unique_id().and_then(|bytes| Uuid::from_slice(bytes).ok()).map(|uuid| uuid.to_string())
    }

    /// Whether it names another person than the one of this handle. A signature for a second factor may name nobody.
    pub fn is_from_another(&self, handle: &str) -> bool {
        self.0.get_user_unique_id().is_some() && self.handle().as_deref() != Some(handle)
    }
}

/// What a browser sends of a new passkey, as JSON.
pub struct Attestation(pub(super) RegisterPublicKeyCredential);

impl Attestation {
    /// # Errors
    /// As [`Assertion::parse`].
    pub fn parse(text: &str) -> Result<Self, Refused> {
        let parsed: RegisterPublicKeyCredential = serde_json::from_str(text).map_err(|_| Refused::Invalid)?;
        is_own(&parsed.id, &parsed.raw_id, &parsed.type_)?;
        at_the_top(&parsed.response.client_data_json)?;
        Ok(Self(parsed))
    }

    /// The challenge that it claims to answer.
    pub fn challenge(&self) -> Option<String> {
        challenge(&self.0.response.client_data_json)
    }

    /// The id that it claims to have.
    pub fn credential_id(&self) -> String {
        base64url(&self.0.raw_id)
    }
}

/// `id` and `rawId` are the same, and it is a public key at all (WA-04).
fn is_own(id: &str, raw_id: &[u8], kind: &str) -> Result<(), Refused> {
    if kind == "public-key" && base64url(raw_id) == id { Ok(()) } else { Err(Refused::Invalid) }
}

/// The members of the client data that are looked at before the library does.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientData {
    challenge: String,
    #[serde(default)]
    cross_origin: bool,
    top_origin: Option<Value>,
}

fn client_data(bytes: &[u8]) -> Option<ClientData> {
    serde_json::from_slice(bytes).ok()
}

fn challenge(client_data_json: &[u8]) -> Option<String> {
    client_data(client_data_json).map(|data| data.challenge)
}

/// No page of ours is ever inside another: what says it was made there was not made by us.
fn at_the_top(client_data_json: &[u8]) -> Result<(), Refused> {
    let data = client_data(client_data_json).ok_or(Refused::Invalid)?;
    if data.cross_origin || data.top_origin.is_some() { Err(Refused::Invalid) } else { Ok(()) }
}
