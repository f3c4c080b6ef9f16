//! Public keys: ours as they are published, and those that clients register (RFC 7517, RFC 7518 section 6, RFC 8037).

use std::collections::HashSet;

use jsonwebtoken::DecodingKey;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Alg;
use crate::base::{base64url, base64url_decode, sha256};

/// The most keys of a client that are kept.
const MOST_KEYS: usize = 20;

/// The most keys of a set that is fetched.
const MOST_FETCHED: usize = 100;

/// The longest `kid`, in bytes.
const LONGEST_KID: usize = 256;

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
                if !is_rsa(&n, &e) {
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

/// Whether these are a modulus and an exponent that are strong enough and cost no more than they must.
pub(super) fn is_rsa(n: &[u8], e: &[u8]) -> bool {
    let bits = n.iter().skip_while(|byte| **byte == 0).count() * 8;
    let is_odd = |bytes: &[u8]| bytes.last().is_some_and(|byte| byte % 2 == 1);
    let exponent = e.iter().try_fold(0_u32, |all, byte| all.checked_mul(256)?.checked_add(u32::from(*byte)));
    (2048..=8192).contains(&bits) && is_odd(n) && is_odd(e) && exponent.is_some_and(|e| (3..=65_537).contains(&e))
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
        let keys = members(set)?;
        if keys.is_empty() || keys.len() > MOST_KEYS {
            return Err("jwks must have between 1 and 20 keys");
        }
        let mut seen = HashSet::new();
        let mut parsed = Vec::new();
        for key in keys {
            public(key)?;
            let kid = kid_of(key)?;
            let Some(key) = client_key(key)? else { continue };
            if kid.is_some_and(|kid| !seen.insert(kid)) {
                return Err("two keys in jwks have the same kid");
            }
            parsed.push(key);
        }
        if parsed.len() > 1 && parsed.iter().any(|key| key.kid.is_none()) {
            return Err("every key in jwks needs a kid when there are several");
        }
        Ok(Self { signing: parsed, encryption: for_encryption(keys) })
    }

    /// The keys behind a client's `jwks_uri`, which it may share with others: what is not understood or not good enough is left
    /// out (RFC 7517 section 5).
    ///
    /// # Errors
    /// It is no set, has nothing usable in it, is far too large, or has a private key in it: whoever publishes that has no secret any more.
    pub fn parse_fetched(set: &Value) -> Result<Self, &'static str> {
        let keys = members(set)?;
        if keys.len() > MOST_FETCHED {
            return Err("the set has more than 100 keys");
        }
        keys.iter().try_for_each(public)?;
        let signing: Vec<_> = keys.iter().filter_map(|key| client_key(key).ok().flatten()).take(MOST_KEYS).collect();
        let encryption = for_encryption(keys);
        if signing.is_empty() && encryption.is_empty() {
            return Err("there is no usable key in the set");
        }
        Ok(Self { signing, encryption })
    }

    /// Whether there is a key that verifies this algorithm.
    pub fn verifies(&self, alg: Alg) -> bool {
        self.fitting(None, alg).next().is_some()
    }

    /// The keys that are not for signatures alone.
    pub(super) fn for_encryption(&self) -> impl Iterator<Item = &Value> {
        self.encryption.iter()
    }

    /// Whether there is no key for signatures in it.
    pub fn is_empty(&self) -> bool {
        self.signing.is_empty()
    }

    /// The key that may have signed a token with this header. Without a `kid` there must be only one that fits (Core section 10.1):
    /// strangers do not have all of them tried.
    pub fn find(&self, kid: Option<&str>, alg: Alg) -> Vec<VerifyingKey> {
        let found: Vec<_> = self.fitting(kid, alg).take(2).collect();
        if kid.is_none() && found.len() > 1 { Vec::new() } else { found }
    }

    fn fitting(&self, kid: Option<&str>, alg: Alg) -> impl Iterator<Item = VerifyingKey> {
        let fits = move |key: &&ClientKey| key.alg.is_none_or(|own| own == alg) && (kid.is_none() || key.kid.as_deref() == kid);
        self.signing.iter().filter(fits).filter_map(move |key| key.material.verifying(alg))
    }
}

fn members(set: &Value) -> Result<&Vec<Value>, &'static str> {
    set.get("keys").and_then(Value::as_array).ok_or("jwks must be an object with an array keys")
}

/// Nobody's secrets are kept here, and who shows one has none.
fn public(key: &Value) -> Result<(), &'static str> {
    let object = key.as_object().ok_or("each key in jwks must be an object")?;
    if PRIVATE.iter().any(|member| object.contains_key(*member)) || object.get("kty") == Some(&Value::from("oct")) {
        return Err("jwks must hold public keys only");
    }
    Ok(())
}

fn kid_of(key: &Value) -> Result<Option<String>, &'static str> {
    match key.get("kid") {
        None => Ok(None),
        Some(Value::String(kid)) if kid.len() <= LONGEST_KID => Ok(Some(kid.clone())),
        Some(Value::String(_)) => Err("a kid in jwks is too long"),
        Some(_) => Err("a member of a key in jwks is not text"),
    }
}

/// The keys that may be for encryption; what they are good for is seen where something is encrypted to one.
fn for_encryption(keys: &[Value]) -> Vec<Value> {
    let is_one = |key: &&Value| key.get("use").is_none_or(|purpose| purpose == "enc") && kid_of(key).is_ok();
    keys.iter().filter(is_one).take(MOST_KEYS).cloned().collect()
}

/// `None` for a key that is for encryption: it is none of ours to judge.
fn client_key(key: &Value) -> Result<Option<ClientKey>, &'static str> {
    let text =
        |name| key.get(name).map(|value: &Value| value.as_str().ok_or("a member of a key in jwks is not text")).transpose();
    match text("use")? {
        Some("enc") => return Ok(None),
        // Its alg says the same (RFC 7518 section 4.1).
        None if text("alg")?.is_some_and(|alg| alg.starts_with("RSA-OAEP") || alg.starts_with("ECDH-ES")) => return Ok(None),
        Some("sig") | None => {}
        Some(_) => return Err("a key in jwks is neither for signatures nor for encryption"),
    }
    let kid = kid_of(key)?;
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
        // Fetched ones may stand among others; without a kid there must be no choice (Core section 10.1).
        let fetched = |keys: Value| JwkSet::parse_fetched(&json!({ "keys": keys })).ok().unwrap();
        let nameless = json!({"kty":"EC","crv":"P-256","x":good["x"],"y":good["y"]});
        let odd = json!({"kty":"AKP","kid":7});
        assert_eq!(fetched(json!([odd, nameless])).find(None, Alg::ES256).len(), 1);
        assert!(fetched(json!([good, nameless])).find(None, Alg::ES256).is_empty());
        assert_eq!(fetched(json!([good, nameless])).find(Some("a"), Alg::ES256).len(), 1);
        assert!(JwkSet::parse_fetched(&json!({ "keys": [good, {"kty":"oct","k":"AA"}] })).is_err());
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
            json!([{"kty":"RSA","kid":"r","e":"AQAB","n": base64url(&[0xfe; 256])}]),
            json!([{"kty":"RSA","kid":"r","e":"AQ","n": base64url(&[0xff; 256])}]),
            json!([with("kid", json!("k".repeat(257)))]),
            json!([]),
            json!("keys"),
        ] {
            assert!(set(bad.clone()).is_err(), "{bad}");
        }
    }
}
