//! Makes tokens by hand, right and wrong: headers, claims and signatures that no signer of ours would put together.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey as Es256Key};
use p256::pkcs8::DecodePrivateKey as _;
use serde_json::{Value, json};
use vouchsafe::admin::clients::Changes;
use vouchsafe::base::Random;
use vouchsafe::jose::{Alg, SigningKey};
use vouchsafe::oauth::{AuthMethod, PkcePolicy};

use super::{CALLBACK, Rp, TestApp};

/// The one kind of client assertion (RFC 7523 section 2.2).
pub const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A compact JWS of exactly these texts, with the signature that `sign` makes of them.
pub fn jws(header: &str, payload: &str, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let message = format!("{}.{}", encode(header), encode(payload));
    let signature = sign(message.as_bytes());
    format!("{message}.{}", encode(signature))
}

/// Signs with ES256 under this key, its `s` in the lower half.
pub fn es256(key: &SigningKey) -> impl Fn(&[u8]) -> Vec<u8> + use<> {
    let key = Es256Key::from_pkcs8_der(key.pkcs8().expose()).unwrap();
    move |message| {
        let signature: Signature = key.sign(message);
        signature.normalize_s().unwrap_or(signature).to_bytes().to_vec()
    }
}

pub fn hs256(secret: &[u8]) -> impl Fn(&[u8]) -> Vec<u8> + use<> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    move |message| hmac::sign(&key, message).as_ref().to_vec()
}

/// A client that signs its assertions, registered for ES256.
pub struct Signing {
    pub rp: Rp,
    pub key: SigningKey,
    pub audience: String,
}

impl Signing {
    pub async fn private_key_jwt(app: &TestApp, id: &str) -> Signing {
        let key = SigningKey::generate(Alg::ES256, &Random::seeded(99)).unwrap();
        let about = Changes {
            redirect_uris: Some(vec![CALLBACK.to_owned()]),
            auth_method: Some(AuthMethod::PrivateKeyJwt),
            auth_signing_alg: Some("ES256".to_owned()),
            jwks: Some(json!({ "keys": [key.public_jwk()] })),
            pkce: Some(PkcePolicy::Optional),
            ..Changes::default()
        };
        let rp = Rp::of(app, &app.client(id, about).await);
        Signing { rp, key, audience: app.issuer.clone() }
    }

    /// The claims of a good assertion with this `jti`.
    pub fn claims(&self, app: &TestApp, jti: &str) -> Value {
        let now = app.clock.now().unix();
        json!({ "iss": self.rp.id, "sub": self.rp.id, "aud": self.audience, "jti": jti, "iat": now, "exp": now + 60 })
    }

    pub fn header(&self) -> Value {
        json!({ "alg": "ES256", "typ": "JWT", "kid": self.key.kid() })
    }

    /// A good assertion with this `jti`.
    pub fn assertion(&self, app: &TestApp, jti: &str) -> String {
        jws(&self.header().to_string(), &self.claims(app, jti).to_string(), es256(&self.key))
    }
}

/// The fields of a token request that a client assertion authenticates.
pub fn with_assertion<'a>(fields: &[(&'a str, &'a str)], assertion: &'a str) -> Vec<(&'a str, &'a str)> {
    let mut fields = fields.to_vec();
    fields.extend([("client_assertion_type", JWT_BEARER), ("client_assertion", assertion)]);
    fields
}
