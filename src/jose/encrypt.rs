//! Encryption of tokens for clients that asked for it (RFC 7516, OpenID Connect Core section 10.2). Nothing is decrypted here.

use std::fmt;

use josekit::jwe::alg::ecdh_es::EcdhEsJweAlgorithm as EcdhEs;
use josekit::jwe::alg::rsaes::RsaesJweAlgorithm::{RsaOaep, RsaOaep256};
use josekit::jwe::{JweEncrypter, JweHeader, serialize_compact};
use josekit::jwk::Jwk;
use serde_json::{Map, Value};

use super::JwkSet;
use super::jwk::is_rsa;
use crate::base::{Fault, base64url_decode};

/// What is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// A signed JWT: the two are nested (RFC 7519 section 11.2).
    Jwt,
    /// The claims themselves.
    Claims,
}

/// The key of a client that tokens are encrypted to.
pub struct Recipient {
    encrypter: Box<dyn JweEncrypter>,
    enc: &'static str,
    kid: Option<String>,
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recipient").field("kid", &self.kid).field("enc", &self.enc).finish_non_exhaustive()
    }
}

impl Recipient {
    /// A compact JWE (RFC 7516 section 7.1) of `content`, with the issuer in its header as Back-Channel Logout section 2.4 and
    /// RFC 7519 section 5.3 have it.
    ///
    /// # Errors
    /// The library failed.
    pub fn encrypt(&self, content: &[u8], kind: Content, issuer: &str) -> Result<String, Fault> {
        let mut header = JweHeader::new();
        header.set_content_encryption(self.enc);
        header.set_issuer(issuer);
        if let Some(kid) = &self.kid {
            header.set_key_id(kid);
        }
        if kind == Content::Jwt {
            header.set_content_type("JWT");
        }
        serialize_compact(content, &header, self.encrypter.as_ref()).map_err(Fault::at("jose: encrypt"))
    }
}

impl JwkSet {
    /// The first key that `alg` can encrypt to (RFC 7518 sections 4.3 and 4.6), for content in `enc`.
    pub fn recipient(&self, alg: &str, enc: &'static str) -> Option<Recipient> {
        self.for_encryption().find_map(|key| recipient(key, alg, enc))
    }
}

fn recipient(key: &Value, alg: &str, enc: &'static str) -> Option<Recipient> {
    if !is_sound(key) || !is_meant(key) || key.get("alg").is_some_and(|own| own.as_str() != Some(alg)) {
        return None;
    }
    // The key alone: what the library thinks of the members beside it is no reason to leave a client without tokens.
    let material =
        ["kty", "crv", "x", "y", "n", "e"].into_iter().filter_map(|name| Some((name.to_owned(), key.get(name)?.clone())));
    let jwk = Jwk::from_map(material.collect::<Map<_, _>>()).ok()?;
    let encrypter: Box<dyn JweEncrypter> = match alg {
        "RSA-OAEP" => Box::new(RsaOaep.encrypter_from_jwk(&jwk).ok()?),
        "RSA-OAEP-256" => Box::new(RsaOaep256.encrypter_from_jwk(&jwk).ok()?),
        "ECDH-ES" => Box::new(EcdhEs::EcdhEs.encrypter_from_jwk(&jwk).ok()?),
        "ECDH-ES+A128KW" => Box::new(EcdhEs::EcdhEsA128kw.encrypter_from_jwk(&jwk).ok()?),
        "ECDH-ES+A256KW" => Box::new(EcdhEs::EcdhEsA256kw.encrypter_from_jwk(&jwk).ok()?),
        _ => return None,
    };
    let kid = key.get("kid").and_then(Value::as_str).map(str::to_owned);
    let recipient = Recipient { encrypter, enc, kid };
    // A point of low order is seen only where a secret is agreed on with it.
    let is_usable = key.get("kty").is_some_and(|kty| kty != "OKP") || recipient.encrypt(b"", Content::Claims, "").is_ok();
    is_usable.then_some(recipient)
}

/// Whether `key_ops` leaves the key for encryption (RFC 7517 section 4.3); libraries write different words there, or none.
fn is_meant(key: &Value) -> bool {
    let Some(operations) = key.get("key_ops") else { return true };
    let Some(operations) = operations.as_array() else { return false };
    operations.is_empty() || operations.iter().any(|one| !matches!(one.as_str(), Some("sign" | "verify") | None))
}

/// Whether the key has the size that its kind must have: the library puts together what it is given.
fn is_sound(key: &Value) -> bool {
    let text = |name: &str| key.get(name).and_then(Value::as_str);
    let has = |name: &str, length: usize| text(name).and_then(base64url_decode).is_some_and(|bytes| bytes.len() == length);
    let is_point = |length| has("x", length) && has("y", length);
    match (text("kty"), text("crv")) {
        (Some("RSA"), _) => {
            let bytes = |name: &str| text(name).and_then(base64url_decode).unwrap_or_default();
            is_rsa(&bytes("n"), &bytes("e"))
        }
        (Some("EC"), Some("P-256")) => is_point(32),
        (Some("EC"), Some("P-384")) => is_point(48),
        (Some("EC"), Some("P-521")) => is_point(66),
        (Some("OKP"), Some("X25519")) => has("x", 32),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use josekit::jwe::alg::ecdh_es::EcdhEsJweAlgorithm;
    use josekit::jwe::{JweDecrypter, deserialize_compact};
    use josekit::jwk::alg::ec::EcCurve;
    use josekit::jwk::alg::ecx::EcxCurve;
    use serde_json::json;

    const ENCS: [&str; 4] = ["A128CBC-HS256", "A256CBC-HS512", "A128GCM", "A256GCM"];

    fn set(key: &Jwk, more: &[(&str, Value)]) -> JwkSet {
        let mut public = json!(key.to_public_key().unwrap().as_ref());
        public["kid"] = "k".into();
        for (name, value) in more {
            public[*name] = value.clone();
        }
        JwkSet::parse_client(&json!({ "keys": [public] })).unwrap()
    }

    fn opened(set: &JwkSet, alg: &str, enc: &'static str, with: &dyn JweDecrypter) {
        let recipient = set.recipient(alg, enc).unwrap();
        for (kind, cty) in [(Content::Jwt, Some("JWT")), (Content::Claims, None)] {
            let token = recipient.encrypt(b"content", kind, "https://id.test").unwrap();
            let (content, header) = deserialize_compact(&token, with).unwrap();
            assert_eq!(content, b"content");
            assert_eq!((header.content_type(), header.key_id()), (cty, Some("k")));
            assert_eq!((header.algorithm(), header.content_encryption()), (Some(alg), Some(enc)));
            assert_eq!(header.issuer(), Some("https://id.test"));
        }
    }

    /// RFC 7518 sections 4.3, 4.6 and 5.1: each algorithm with each content encryption, opened by its own half.
    #[test]
    fn each_pair() {
        let rsa = Jwk::generate_rsa_key(2048).unwrap();
        for enc in ENCS {
            opened(&set(&rsa, &[]), "RSA-OAEP-256", enc, &RsaOaep256.decrypter_from_jwk(&rsa).unwrap());
            opened(&set(&rsa, &[]), "RSA-OAEP", enc, &RsaOaep.decrypter_from_jwk(&rsa).unwrap());
        }
        let keys = [
            Jwk::generate_ec_key(EcCurve::P256).unwrap(),
            Jwk::generate_ec_key(EcCurve::P384).unwrap(),
            Jwk::generate_ec_key(EcCurve::P521).unwrap(),
            Jwk::generate_ecx_key(EcxCurve::X25519).unwrap(),
        ];
        for key in &keys {
            for alg in [EcdhEsJweAlgorithm::EcdhEs, EcdhEsJweAlgorithm::EcdhEsA128kw, EcdhEsJweAlgorithm::EcdhEsA256kw] {
                let name = alg.name();
                for enc in ENCS {
                    opened(&set(key, &[("use", "enc".into())]), name, enc, &alg.decrypter_from_jwk(key).unwrap());
                }
            }
        }
    }

    /// A key of another kind, another purpose, another algorithm, or that is broken, is no recipient.
    #[test]
    fn no_recipient() {
        let key = Jwk::generate_ec_key(EcCurve::P256).unwrap();
        let found = |more: &[(&str, Value)], alg| set(&key, more).recipient(alg, "A128GCM").is_some();
        let enc = ("use", json!("enc"));
        assert!(found(&[], "ECDH-ES") && found(std::slice::from_ref(&enc), "ECDH-ES"));
        assert!(found(&[enc.clone(), ("alg", json!("ECDH-ES"))], "ECDH-ES"));
        assert!(!found(&[enc.clone(), ("alg", json!("ECDH-ES+A128KW"))], "ECDH-ES"));
        assert!(!found(&[("use", json!("sig"))], "ECDH-ES") && !found(&[("alg", json!("ES256"))], "ECDH-ES"));
        assert!(!found(&[], "RSA-OAEP-256") && !found(&[], "RSA1_5") && !found(&[], "dir") && !found(&[], "ECDH-ES+A192KW"));
        for broken in [("x", json!("AAAA")), ("y", json!(5)), ("crv", json!("secp256k1")), ("kty", json!("RSA"))] {
            assert!(!found(&[enc.clone(), broken.clone()], "ECDH-ES"), "{broken:?}");
        }
        // What libraries write into key_ops of a public key, and what is for signatures alone.
        for (operations, is_found) in [
            (json!([]), true),
            (json!(["deriveBits"]), true),
            (json!(["wrapKey"]), true),
            (json!(["verify"]), false),
            (json!("x"), false),
        ] {
            assert_eq!(found(&[enc.clone(), ("key_ops", operations.clone())], "ECDH-ES"), is_found, "{operations}");
        }
        // A point of low order, and RSA keys that hide nothing or fail.
        let low = json!({ "keys": [{ "kty": "OKP", "crv": "X25519", "use": "enc", "x": crate::base::base64url(&[0; 32]) }] });
        assert!(JwkSet::parse_client(&low).unwrap().recipient("ECDH-ES", "A128GCM").is_none());
        let rsa = |n: &[u8], e: &[u8]| {
            let (n, e) = (crate::base::base64url(n), crate::base::base64url(e));
            let keys = json!({ "keys": [{ "kty": "RSA", "use": "enc", "n": n, "e": e }] });
            JwkSet::parse_client(&keys).unwrap().recipient("RSA-OAEP-256", "A128GCM").is_some()
        };
        let (odd, mut even) = ([0xff; 256], [0xff; 256]);
        even[255] = 0xfe;
        assert!(rsa(&odd, &[1, 0, 1]) && !rsa(&even, &[1, 0, 1]) && !rsa(&odd, &[1]) && !rsa(&odd, &[0]) && !rsa(&odd, &[4]));
        // A point that is not on its curve.
        let off = crate::base::base64url(&[7; 32]);
        assert!(!found(&[enc.clone(), ("x", json!(off)), ("y", json!(off))], "ECDH-ES"));
    }
}
