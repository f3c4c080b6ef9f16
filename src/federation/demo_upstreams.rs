//! The demo's two other providers, so that signing in by one can be tried offline: one like Google (OpenID Connect) and one like
//! GitHub (OAuth 2.0 and an API). Whoever comes chooses who they are. It must never be part of a production server.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::base::{Clock, Fault, Random, Secret, base64url, same, sha256};
use crate::jose::{Alg, SigningKey};
use crate::oauth::{Params, words};

/// What the demo's issuer is called there.
pub const CLIENT_ID: &str = "vouchsafe-demo";

/// The most codes that wait; beyond it all are forgotten.
const WAITING: usize = 100;

words! {
    /// Which of the two.
    pub enum Side {
        Google = "google",
        GitHub = "github",
    }
}

words! {
    /// Who somebody says they are there.
    pub enum Persona {
        /// Nobody whom the house knows.
        New = "new",
        /// Somebody with the address of the demo's person.
        Known = "known",
        /// Somebody of whom the provider says no address.
        Shy = "shy",
        /// Nobody: they turn back.
        Cancel = "cancel",
    }
}

/// Both providers.
pub struct DemoUpstreams {
    issuer: String,
    secret: Secret<String>,
    key: SigningKey,
    clock: Clock,
    random: Random,
    codes: Mutex<HashMap<String, Waiting>>,
}

/// A code that waits to be redeemed, or a token that was given for it.
struct Waiting {
    side: Side,
    who: Persona,
    challenge: String,
    nonce: Option<String>,
}

impl DemoUpstreams {
    /// # Errors
    /// Chance failed.
    pub fn new(issuer: &str, secret: Secret<String>, clock: Clock, random: Random) -> Result<Self, Fault> {
        let key = SigningKey::generate(Alg::ES256, &random)?;
        Ok(Self { issuer: issuer.to_owned(), secret, key, clock, random, codes: Mutex::default() })
    }

    /// The issuer of one of them.
    pub fn issuer(&self, side: Side) -> String {
        format!("{}/demo/{side}", self.issuer)
    }

    /// What the one like Google says of itself.
    pub fn metadata(&self) -> Value {
        let issuer = self.issuer(Side::Google);
        json!({
            "authorization_endpoint": format!("{issuer}/authorize"), "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/jwks"), "issuer": issuer, "response_types_supported": ["code"],
            "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["ES256"],
            "authorization_response_iss_parameter_supported": true,
        })
    }

    pub fn keys(&self) -> Value {
        json!({ "keys": [self.key.public_jwk()] })
    }

    /// Where the browser goes back to; nothing for a request that is not the demo's own issuer's.
    ///
    /// # Errors
    /// Chance failed.
    pub fn answer(&self, side: Side, who: Persona, asked: &Params) -> Result<Option<String>, Fault> {
        let callback = format!("{}/upstream/{side}/callback", self.issuer);
        if asked.get("client_id") != Some(CLIENT_ID) || asked.get("redirect_uri") != Some(callback.as_str()) {
            return Ok(None);
        }
        let code = self.random.token()?;
        let issuer = self.issuer(side);
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        match who {
            Persona::Cancel => query.append_pair("error", "access_denied"),
            _ => query.append_pair("code", &code),
        };
        query.append_pair("state", asked.get("state").unwrap_or_default()).append_pair("iss", &issuer);
        let waiting = Waiting {
            side,
            who,
            challenge: asked.get("code_challenge").unwrap_or_default().to_owned(),
            nonce: asked.get("nonce").map(str::to_owned),
        };
        self.keep(code, waiting);
        Ok(Some(format!("{callback}?{}", query.finish())))
    }

    fn keep(&self, code: String, waiting: Waiting) {
        let mut codes = self.codes.lock().unwrap_or_else(PoisonError::into_inner);
        if codes.len() >= WAITING {
            codes.clear();
        }
        codes.insert(code, waiting);
    }

    /// Tokens for a code, or the error that each of the two would answer.
    ///
    /// # Errors
    /// Chance or the signature failed.
    pub fn token(&self, side: Side, authorization: Option<&str>, form: &Params) -> Result<Result<Value, &'static str>, Fault> {
        let sent = form.get("client_secret").map(str::to_owned).or_else(|| basic(authorization));
        if !sent.is_some_and(|sent| same(sent.as_bytes(), self.secret.expose().as_bytes())) {
            return Ok(Err("invalid_client"));
        }
        let waiting = {
            let mut codes = self.codes.lock().unwrap_or_else(PoisonError::into_inner);
            codes.remove(form.get("code").unwrap_or_default())
        };
        let challenge = base64url(&sha256(form.get("code_verifier").unwrap_or_default().as_bytes()));
        let Some(waiting) = waiting.filter(|waiting| waiting.side == side && waiting.challenge == challenge) else {
            return Ok(Err("invalid_grant"));
        };
        let token = self.random.token()?;
        let mut answer = json!({ "access_token": token, "token_type": "bearer", "expires_in": 300 });
        if side == Side::Google {
            let now = self.clock.now();
            let mut claims = said(waiting.who);
            for (name, value) in [
                ("iss", Value::from(self.issuer(side))),
                ("aud", CLIENT_ID.into()),
                ("iat", now.unix().into()),
                ("exp", now.plus(300).unix().into()),
                ("nonce", waiting.nonce.clone().into()),
            ] {
                claims.insert(name.to_owned(), value);
            }
            let signed = self.key.sign("JWT", &claims)?;
            if let Some(members) = answer.as_object_mut() {
                members.insert("id_token".to_owned(), signed.into());
            }
        }
        self.keep(token, waiting);
        Ok(Ok(answer))
    }

    /// What the API of the one like GitHub says to this token.
    pub fn api(&self, authorization: Option<&str>, path: &str) -> Option<Value> {
        let token = authorization?.strip_prefix("Bearer ")?;
        let codes = self.codes.lock().unwrap_or_else(PoisonError::into_inner);
        let who = codes.get(token).filter(|waiting| waiting.side == Side::GitHub)?.who;
        let said = said(who);
        let email = said.get("email").cloned();
        match path {
            "user" => {
                let id = if who == Persona::New { 1 } else { 2 };
                Some(json!({ "id": id, "login": who.as_str(), "name": said.get("name") }))
            }
            "user/emails" => {
                Some(email.map_or_else(|| json!([]), |email| json!([{ "email": email, "primary": true, "verified": true }])))
            }
            _ => None,
        }
    }
}

fn said(who: Persona) -> serde_json::Map<String, Value> {
    let said = match who {
        Persona::New => {
            json!({ "sub": "demo-new", "name": "Nia New", "email": "nia@example.net", "email_verified": true })
        }
        Persona::Known => {
            json!({ "sub": "demo-known", "name": "Ana Example", "email": "ana@example.com", "email_verified": true })
        }
        Persona::Shy | Persona::Cancel => json!({ "sub": "demo-shy", "name": "Shy" }),
    };
    said.as_object().cloned().unwrap_or_default()
}

/// The secret of RFC 6749 section 2.3.1.
fn basic(authorization: Option<&str>) -> Option<String> {
    let decoded = STANDARD.decode(authorization?.strip_prefix("Basic ")?).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (_, secret) = text.split_once(':')?;
    percent_encoding::percent_decode_str(secret).decode_utf8().ok().map(Into::into)
}
