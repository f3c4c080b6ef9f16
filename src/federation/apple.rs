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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Random;
    use crate::jose::{Expect, peek_header, verify};
    use serde_json::Map;

    /// The secret is a JWT that Apple can verify by the key that it gave out, under Apple's name for it, for five minutes.
    #[test]
    fn a_secret_that_is_signed() {
        let key = SigningKey::generate(Alg::ES256, &Random::seeded(3)).unwrap();
        let pem = |line: &str| Secret::new(format!("-----BEGIN PRIVATE KEY-----\n{line}\n-----END PRIVATE KEY-----\n"));
        let der = STANDARD.encode(key.pkcs8().expose());
        let (first, rest) = der.split_at(64);
        let named = AppleKey { team: "TEAM".to_owned(), key_id: "KEY".to_owned() };
        let upstream = crate::federation::upstream::tests::upstream();
        let now = Timestamp::from_unix(1_000_000);
        let secret = client_secret(&named, &upstream, &pem(&format!("{first}\n{rest}")), now).unwrap();
        assert_eq!(peek_header(&secret).unwrap().kid.as_deref(), Some("KEY"));
        let expect = Expect {
            typ: &["JWT"],
            issuer: "TEAM",
            audiences: &["https://up.test"],
            now: now.plus(SECRET_SECONDS - 1),
            ..Expect::default()
        };
        let claims = verify(&secret, &key.verifying().unwrap(), &expect).unwrap();
        assert_eq!(claims["sub"], "us");
        let late = Expect { now: now.plus(SECRET_SECONDS), ..expect };
        assert!(verify(&secret, &key.verifying().unwrap(), &late).is_err());
        for bad in [pem("AAAA"), pem("%"), Secret::new(der.clone()), Secret::new(String::new())] {
            assert!(client_secret(&named, &upstream, &bad, now).is_err());
        }
    }

    /// The name beside the first answer is taken as any other is; nonsense is left alone.
    #[test]
    fn a_name_beside_the_answer() {
        let named = |user: Option<&str>| {
            let mut identity = UpstreamIdentity::nameless();
            take_name(&mut identity, user);
            identity.claims
        };
        let claims = named(Some(r#"{"name":{"firstName":"Ana","lastName":"Apple"},"email":"evil@example.com"}"#));
        assert_eq!((claims["name"].as_str(), claims.len()), (Some("Ana Apple"), 3));
        for nonsense in [None, Some(""), Some("[]"), Some("{"), Some(r#"{"name":"Ana"}"#), Some(r#"{"name":{"firstName":1}}"#)] {
            assert_eq!(named(nonsense), Map::new(), "{nonsense:?}");
        }
    }
}
