//! Private keys and the one signer (decision 25): key pairs stay parsed, the header is prepared once.
//!
//! `rsa` and `p256` make and read keys and never sign; aws-lc-rs signs.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding,
    RsaKeyPair,
};
use rsa::pkcs1::der::Decode as _;
use rsa::pkcs8::EncodePrivateKey as _;
use rsa::rand_core::{CryptoRng, RngCore};
use serde::Serialize;

use super::jwk::{Material, PublicJwk};
use super::{Alg, VerifyingKey};
use crate::base::{Fault, Random, Secret, base64url, sha256};

const RSA_BITS: usize = 2048;

/// The types of nearly everything that is signed: ID tokens, and access tokens (RFC 9068 section 2.1).
const PREPARED: [&str; 2] = ["JWT", "at+jwt"];

/// A key that signs with one algorithm.
pub struct SigningKey {
    pair: Pair,
    pkcs8: Secret<Vec<u8>>,
    public: PublicJwk,
    /// The first segment of a token, for each prepared type.
    headers: [(&'static str, String); 2],
}

enum Pair {
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

/// Chance for the key makers: a stream of hashes over 256 bits from the one random source, which cannot fail half way.
struct Stream {
    seed: [u8; 32],
    counter: u64,
}

impl RngCore for Stream {
    fn next_u32(&mut self) -> u32 {
        rsa::rand_core::impls::next_u32_via_fill(self)
    }

    fn next_u64(&mut self) -> u64 {
        rsa::rand_core::impls::next_u64_via_fill(self)
    }

    fn fill_bytes(&mut self, dest: &mut [u8]) {
        for chunk in dest.chunks_mut(32) {
            self.counter += 1;
            let mut block = self.seed.to_vec();
            block.extend(self.counter.to_be_bytes());
            for (to, from) in chunk.iter_mut().zip(sha256(&block)) {
                *to = from;
            }
        }
    }

    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), rsa::rand_core::Error> {
        self.fill_bytes(dest);
        Ok(())
    }
}

impl CryptoRng for Stream {}

fn failed(what: &'static str) -> Fault {
    Fault::new("jose: key", what)
}

impl SigningKey {
    /// Makes a new key. RSA takes a second: call it where nobody waits.
    ///
    /// # Errors
    /// The random source gave nothing, or there are no private keys for the algorithm.
    pub fn generate(alg: Alg, random: &Random) -> Result<Self, Fault> {
        let mut stream = Stream { seed: random.bytes()?, counter: 0 };
        let pkcs8 = match alg {
            Alg::RS256 | Alg::PS256 => {
                let key = rsa::RsaPrivateKey::new(&mut stream, RSA_BITS).map_err(Fault::at("jose: RSA key"))?;
                key.to_pkcs8_der().map_err(Fault::at("jose: RSA key"))?.as_bytes().to_vec()
            }
            Alg::ES256 => {
                let key = p256::SecretKey::random(&mut stream);
                key.to_pkcs8_der().map_err(Fault::at("jose: EC key"))?.as_bytes().to_vec()
            }
            Alg::EdDSA => {
                let pair = Ed25519KeyPair::from_seed_unchecked(&random.bytes::<32>()?).map_err(Fault::at("jose: Ed25519 key"))?;
                pair.to_pkcs8().map_err(Fault::at("jose: Ed25519 key"))?.as_ref().to_vec()
            }
            Alg::HS256 => return Err(failed("there are no key pairs for HS256")),
        };
        Self::from_pkcs8(alg, &pkcs8)
    }

    /// Reads a key that was made before.
    ///
    /// # Errors
    /// The bytes are no key for this algorithm.
    pub fn from_pkcs8(alg: Alg, pkcs8: &[u8]) -> Result<Self, Fault> {
        let (pair, material) = match alg {
            Alg::RS256 | Alg::PS256 => {
                let encoding: &'static dyn RsaEncoding = if alg == Alg::RS256 { &RSA_PKCS1_SHA256 } else { &RSA_PSS_SHA256 };
                let pair = RsaKeyPair::from_pkcs8(pkcs8).map_err(Fault::at("jose: RSA key"))?;
                let material = rsa_material(pair.public_key().as_ref())?;
                (Pair::Rsa(pair, encoding), material)
            }
            Alg::ES256 => {
                let pair =
                    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).map_err(Fault::at("jose: EC key"))?;
                let material = ec_material(pair.public_key().as_ref())?;
                (Pair::Ec(pair), material)
            }
            Alg::EdDSA => {
                let pair = Ed25519KeyPair::from_pkcs8(pkcs8).map_err(Fault::at("jose: Ed25519 key"))?;
                let x = base64url(pair.public_key().as_ref());
                (Pair::Ed(pair), Material::Okp { crv: "Ed25519".to_owned(), x })
            }
            Alg::HS256 => return Err(failed("there are no key pairs for HS256")),
        };
        let public = PublicJwk::new(alg, material);
        let headers = PREPARED.map(|typ| (typ, header(&public, typ)));
        Ok(Self { pair, pkcs8: Secret::new(pkcs8.to_vec()), public, headers })
    }

    /// The same key under the name that somebody else gave it.
    #[must_use]
    pub fn named(mut self, kid: &str) -> Self {
        kid.clone_into(&mut self.public.kid);
        self.headers = PREPARED.map(|typ| (typ, header(&self.public, typ)));
        self
    }

    /// The private key, to be sealed.
    pub const fn pkcs8(&self) -> &Secret<Vec<u8>> {
        &self.pkcs8
    }

    pub const fn public_jwk(&self) -> &PublicJwk {
        &self.public
    }

    pub fn kid(&self) -> &str {
        &self.public.kid
    }

    /// The other half.
    pub fn verifying(&self) -> Option<VerifyingKey> {
        self.public.verifying()
    }

    /// A compact JWS (RFC 7515 section 7.1) over `claims`, with `alg`, `typ` and `kid` in its header.
    ///
    /// # Errors
    /// The claims cannot be written, or the signature failed.
    pub fn sign(&self, typ: &str, claims: &impl Serialize) -> Result<String, Fault> {
        let payload = serde_json::to_vec(claims).map_err(Fault::at("jose: claims"))?;
        let mut token = String::with_capacity(payload.len() * 2 + 512);
        match self.headers.iter().find(|(prepared, _)| *prepared == typ) {
            Some((_, header)) => token.push_str(header),
            None => token.push_str(&header(&self.public, typ)),
        }
        token.push('.');
        token.push_str(&base64url(&payload));
        let signature = self.signature(token.as_bytes())?;
        token.push('.');
        token.push_str(&signature);
        Ok(token)
    }

    fn signature(&self, message: &[u8]) -> Result<String, Fault> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &random, message, &mut signature).map_err(Fault::at("jose: sign"))?;
                Ok(base64url(&signature))
            }
            Pair::Ec(pair) => low_s(pair.sign(&random, message).map_err(Fault::at("jose: sign"))?.as_ref()),
            Pair::Ed(pair) => Ok(base64url(pair.try_sign(message).map_err(Fault::at("jose: sign"))?.as_ref())),
        }
    }
}

/// Of the two ECDSA signatures with the same `r`, the one with the lower `s`: so a token of ours has one form only, and a changed
/// signature is always a refused one.
fn low_s(signature: &[u8]) -> Result<String, Fault> {
    let signature = p256::ecdsa::Signature::from_slice(signature).map_err(Fault::at("jose: sign"))?;
    Ok(base64url(&signature.normalize_s().unwrap_or(signature).to_bytes()))
}

fn header(public: &PublicJwk, typ: &str) -> String {
    base64url(format!(r#"{{"alg":"{}","typ":"{typ}","kid":"{}"}}"#, public.alg, public.kid).as_bytes())
}

/// From PKCS#1, as aws-lc-rs shows a public key: reading the private key a second time would cost milliseconds at each start.
fn rsa_material(public: &[u8]) -> Result<Material, Fault> {
    let key = rsa::pkcs1::RsaPublicKey::from_der(public).map_err(Fault::at("jose: RSA key"))?;
    Ok(Material::Rsa { n: base64url(key.modulus.as_bytes()), e: base64url(key.public_exponent.as_bytes()) })
}

/// From an uncompressed point (SEC 1 section 2.3.3): 4, then both coordinates.
fn ec_material(point: &[u8]) -> Result<Material, Fault> {
    let coordinates = point.strip_prefix(&[4]).filter(|rest| rest.len() == 64).and_then(|rest| rest.split_at_checked(32));
    let (x, y) = coordinates.ok_or_else(|| failed("not an uncompressed point"))?;
    Ok(Material::Ec { crv: "P-256".to_owned(), x: base64url(x), y: base64url(y) })
}
