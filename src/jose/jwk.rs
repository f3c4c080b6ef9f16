//! Public keys: ours as they are published, and those that clients register (RFC 7517, RFC 7518 section 6, RFC 8037).

use std::collections::HashSet;

use jsonwebtoken::DecodingKey;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Alg;
use crate::base::{base64url, base64url_decode, sha256};

/// The most keys that a client may register.
const MOST_KEYS: usize = 20;

/// The members that only private or symmetric keys have.
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// A public signing key as it stands in a key set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicJwk {
    pub kid: String,
    pub alg: Alg,
    #[serde(rename = "use")]
    pub usage: String,
    #[serde(flatten)]
    pub material: Material,
}

/// The key itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kty")]
pub enum Material {
    #[serde(rename = "RSA")]
    Rsa { n: String, e: String },
    #[serde(rename = "EC")]
    Ec { crv: String, x: String, y: String },
    #[serde(rename = "OKP")]
    Okp { crv: String, x: String },
}

/// A key that verifies one algorithm.
#[derive(Clone)]
pub struct VerifyingKey {
    pub(super) alg: Alg,
    pub(super) key: DecodingKey,
    form: Form,
}

/// Whether both ECDSA signatures with the same `r` are taken. Ours have one form; a client's library may make either.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    LowS,
    Any,
}

/// The least bytes of an HMAC key (RFC 7518 section 3.2).
const HMAC_BYTES: usize = 32;

impl Material {
    /// RFC 7638: the hash of the required members in their order.
    pub fn thumbprint(&self) -> String {
        let canonical = match self {
            Self::Rsa { n, e } => format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#),
            Self::Ec { crv, x, y } => format!(r#"{{"crv":"{crv}","kty":"EC","x":"{x}","y":"{y}"}}"#),
            Self::Okp { crv, x } => format!(r#"{{"crv":"{crv}","kty":"OKP","x":"{x}"}}"#),
        };
        base64url(&sha256(canonical.as_bytes()))
    }

    /// A key for `alg`, if this material fits it and is strong enough.
    fn verifying(&self, alg: Alg) -> Option<VerifyingKey> {
        let key = match (self, alg) {
            (Self::Rsa { n, e }, Alg::RS256 | Alg::PS256) => {
                let (n, e) = (base64url_decode(n)?, base64url_decode(e)?);
                let bits = n.iter().skip_while(|byte| **byte == 0).count() * 8;
                if !(2048..=8192).contains(&bits) || e.len() > 4 {
                    return None;
                }
                DecodingKey::from_rsa_raw_components(&n, &e)
            }
            (Self::Ec { crv, x, y }, Alg::ES256) if crv == "P-256" => {
                // A point that is not on the curve is no key.
                let mut point = vec![4];
                point.extend(base64url_decode(x).filter(|x| x.len() == 32)?);
                point.extend(base64url_decode(y).filter(|y| y.len() == 32)?);
                p256::PublicKey::from_sec1_bytes(&point).ok()?;
                DecodingKey::from_ec_components(x, y).ok()?
            }
            (Self::Okp { crv, x }, Alg::EdDSA) if crv == "Ed25519" => {
                base64url_decode(x).filter(|x| x.len() == 32)?;
                DecodingKey::from_ed_components(x).ok()?
            }
            _ => return None,
        };
        Some(VerifyingKey { alg, key, form: Form::Any })
    }

    fn algs(&self) -> &'static [Alg] {
        match self {
            Self::Rsa { .. } => &[Alg::RS256, Alg::PS256],
            Self::Ec { .. } => &[Alg::ES256],
            Self::Okp { .. } => &[Alg::EdDSA],
        }
    }
}

impl PublicJwk {
    pub(super) fn new(alg: Alg, material: Material) -> Self {
        Self { kid: material.thumbprint(), alg, usage: "sig".to_owned(), material }
    }

    /// The key that verifies what this one's other half signed.
    pub fn verifying(&self) -> Option<VerifyingKey> {
        self.material.verifying(self.alg).map(|key| VerifyingKey { form: Form::LowS, ..key })
    }
}

impl VerifyingKey {
    /// The shared secret of a client_secret_jwt client; no other HMAC key is ever loaded.
    pub fn hmac(secret: &[u8]) -> Self {
        Self { alg: Alg::HS256, key: DecodingKey::from_secret(secret), form: Form::Any }
    }

    /// Whether a signature of this form is worth checking: never under a secret that is too short, and of ECDSA signatures only 64
    /// bytes with neither half zero (CVE-2022-21449).
    pub(super) fn takes(&self, signature: &[u8]) -> bool {
        match self.alg {
            Alg::HS256 => self.key.try_get_as_bytes().is_ok_and(|secret| secret.len() >= HMAC_BYTES),
            Alg::ES256 => p256::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| self.form == Form::Any || signature.normalize_s().is_none()),
            Alg::RS256 | Alg::PS256 | Alg::EdDSA => true,
        }
    }
}

/// One key of a client.
#[derive(Clone)]
struct ClientKey {
    kid: Option<String>,
    alg: Option<Alg>,
    material: Material,
}

/// The public keys of a client.
#[derive(Clone)]
pub struct JwkSet {
    signing: Vec<ClientKey>,
    /// As they came: what they are good for is seen where something is encrypted to one.
    encryption: Vec<Value>,
}

impl JwkSet {
    /// The keys that a client registers: public, asymmetric, strong, and told apart by their `kid`.
    ///
    /// # Errors
    /// What is wrong with the set, in words for the client's developer.
    pub fn parse_client(set: &Value) -> Result<Self, &'static str> {
        let keys = set.get("keys").and_then(Value::as_array).ok_or("jwks must be an object with an array keys")?;
        if keys.is_empty() || keys.len() > MOST_KEYS {
            return Err("jwks must have between 1 and 20 keys");
        }
        let mut seen = HashSet::new();
        let mut parsed = Vec::new();
        for key in keys {
            let Some(key) = client_key(key)? else { continue };
            if key.kid.as_ref().is_some_and(|kid| !seen.insert(kid.clone())) {
                return Err("two keys in jwks have the same kid");
            }
            parsed.push(key);
        }
        if parsed.len() > 1 && parsed.iter().any(|key| key.kid.is_none()) {
            return Err("every key in jwks needs a kid when there are several");
        }
        let encryption = keys.iter().filter(|key| key.get("use").is_none_or(|purpose| purpose == "enc")).cloned().collect();
        Ok(Self { signing: parsed, encryption })
    }

    /// The keys that are not for signatures alone.
    pub(super) fn for_encryption(&self) -> impl Iterator<Item = &Value> {
        self.encryption.iter()
    }

    /// Whether there is no key for signatures in it.
    pub fn is_empty(&self) -> bool {
        self.signing.is_empty()
    }

    /// The keys that may have signed a token with this header.
    pub fn find(&self, kid: Option<&str>, alg: Alg) -> Vec<VerifyingKey> {
        let fits = |key: &&ClientKey| key.alg.is_none_or(|own| own == alg) && (kid.is_none() || key.kid.as_deref() == kid);
        self.signing.iter().filter(fits).filter_map(|key| key.material.verifying(alg)).collect()
    }
}

/// `None` for a key that is for encryption: it is none of ours to judge.
fn client_key(key: &Value) -> Result<Option<ClientKey>, &'static str> {
    let object = key.as_object().ok_or("each key in jwks must be an object")?;
    if PRIVATE.iter().any(|member| object.contains_key(*member)) || object.get("kty") == Some(&Value::from("oct")) {
        return Err("jwks must hold public keys only");
    }
    let text =
        |name| object.get(name).map(|value: &Value| value.as_str().ok_or("a member of a key in jwks is not text")).transpose();
    match text("use")? {
        Some("enc") => return Ok(None),
        // Its alg says the same (RFC 7518 section 4.1).
        None if text("alg")?.is_some_and(|alg| alg.starts_with("RSA-OAEP") || alg.starts_with("ECDH-ES")) => return Ok(None),
        Some("sig") | None => {}
        Some(_) => return Err("a key in jwks is neither for signatures nor for encryption"),
    }
    let kid = text("kid")?.map(str::to_owned);
    if kid.as_ref().is_some_and(|kid| kid.len() > 256) {
        return Err("a kid in jwks is too long");
    }
    let alg = match text("alg")? {
        Some(alg) => {
            Some(Alg::parse(alg).filter(|alg| *alg != Alg::HS256).ok_or("a key in jwks has an alg that is not known here")?)
        }
        None => None,
    };
    let material: Material = serde_json::from_value(key.clone()).map_err(|_| "a key in jwks is not RSA, EC P-256 or Ed25519")?;
    let algs = alg.as_ref().map_or_else(|| material.algs().to_vec(), |alg| vec![*alg]);
    if algs.iter().any(|alg| material.verifying(*alg).is_none()) {
        return Err("a key in jwks is too weak, not on its curve, or does not fit its alg");
    }
    Ok(Some(ClientKey { kid, alg, material }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// RFC 7638 section 3.1.
    #[test]
    fn the_specifications_thumbprint() {
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMst\
            n64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n9\
            1CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        let key = Material::Rsa { n: n.to_owned(), e: "AQAB".to_owned() };
        assert_eq!(key.thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }

    /// JK-14: weak, private, symmetric, foreign, doubled or too many keys are refused, each beside its good twin.
    #[test]
    fn what_clients_may_register() {
        let good = json!({"kty":"EC","crv":"P-256","kid":"a","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"});
        let set = |keys: Value| JwkSet::parse_client(&json!({ "keys": keys }));
        assert_eq!(set(json!([good])).ok().unwrap().find(Some("a"), Alg::ES256).len(), 1);
        // A key for encryption is left to others, whatever it is, and verifies nothing.
        let enc = json!({"kty":"EC","crv":"P-384","kid":"a","use":"enc","x":"AA","y":"AA"});
        assert_eq!(set(json!([good, enc])).ok().unwrap().find(Some("a"), Alg::ES256).len(), 1);
        assert!(set(json!([enc])).ok().unwrap().is_empty());
        let with = |name: &str, value: Value| {
            let mut key = good.clone();
            key[name] = value;
            key
        };
        for bad in [
            json!([with("d", json!("AAAA"))]),
            json!([with("kty", json!("oct"))]),
            json!([with("crv", json!("P-384"))]),
            json!([with("x", json!("AAAA"))]),
            json!([with("alg", json!("HS256"))]),
            json!([with("alg", json!("RS256"))]),
            json!([with("use", json!("other"))]),
            json!([good, good]),
            json!([good, with("kid", Value::Null)]),
            json!(vec![good.clone(); 21]),
            json!([{"kty":"RSA","kid":"r","e":"AQAB","n": base64url(&[0xff; 128])}]),
            json!([]),
            json!("keys"),
        ] {
            assert!(set(bad.clone()).is_err(), "{bad}");
        }
    }
}
