//! What Apple does its own way: the client secret is a JWT that we sign, and a name comes beside the answer, the first time only.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::connector::{Trouble, UpstreamIdentity};
use super::mapping::Mapping;
use super::upstream::{AppleKey, Upstream};
use crate::base::{Secret, Timestamp};
use crate::jose::{Alg, SigningKey, members};

/// Seconds that a client secret is good; it is made for one request.
const SECRET_SECONDS: i64 = 300;

/// The client secret of this moment.
pub(super) fn client_secret(
    key: &AppleKey,
    upstream: &Upstream,
    pem: &Secret<String>,
    now: Timestamp,
) -> Result<String, Trouble> {
    let signing = read(pem).ok_or(Trouble::Wrong("the key from Apple cannot be read"))?.named(&key.key_id);
    let claims = json!({
        "iss": key.team, "sub": upstream.client_id, "aud": upstream.issuer, "iat": now.unix(), "exp": now.plus(SECRET_SECONDS).unix(),
    });
    signing.sign("JWT", &claims).map_err(|_| Trouble::Wrong("the key from Apple does not sign"))
}

/// The private key of a `.p8` file (PKCS#8 in PEM), its lines perhaps joined.
pub(super) fn read(pem: &Secret<String>) -> Option<SigningKey> {
    let body = pem.expose().split("-----").nth(2)?;
    let text: String = body.chars().filter(|c| !c.is_whitespace()).collect();
    let der = STANDARD.decode(text.replace("\\n", "")).ok()?;
    SigningKey::from_pkcs8(Alg::ES256, &der).ok()
}

/// Takes the name over that Apple sends beside its first answer.
pub(super) fn take_name(identity: &mut UpstreamIdentity, user: Option<&str>) {
    let Some(user) = user.filter(|user| user.len() <= 4096).and_then(|user| members(user.as_bytes())) else { return };
    let part = |name: &str| user.get("name").and_then(|names| names.get(name)).cloned().unwrap_or(Value::Null);
    let said = json!({ "given_name": part("firstName"), "family_name": part("lastName") });
    if let Some(said) = said.as_object() {
        for (name, value) in Mapping::default().apply(said).claims {
            identity.claims.entry(name).or_insert(value);
        }
    }
}
