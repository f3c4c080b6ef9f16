//! An authenticator in software: it makes keys and signs (WebAuthn Level 3 section 6), and says whatever a test wants it to say.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::Url;

use super::{Browser, Initiator, Page, TestApp};

/// Somebody was there.
pub const PRESENT: u8 = 0x01;
/// It was made sure who.
pub const VERIFIED: u8 = 0x04;
/// The key can leave the device, and has.
pub const SYNCED: u8 = 0x08 | 0x10;
const HAS_KEY: u8 = 0x40;

pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub fn decode(text: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text.as_str().unwrap_or_else(|| panic!("no text: {text}"))).unwrap()
}

/// One key with whom it is for.
#[derive(Clone)]
pub struct Key {
    pub id: Vec<u8>,
    pub handle: Vec<u8>,
    secret: SigningKey,
    pub count: u32,
    pub flags: u8,
}

/// What an answer will say; a test may change any of it before it is signed.
#[derive(Clone)]
pub struct Saying {
    pub kind: String,
    pub challenge: String,
    pub origin: String,
    pub cross_origin: bool,
    pub top_origin: Option<String>,
    pub rp_id: String,
    pub flags: u8,
    pub count: u32,
    pub handle: Option<Vec<u8>>,
    pub id: Vec<u8>,
    /// `id` beside `rawId`, if it is to be another.
    pub shown_id: Option<String>,
    pub credential_type: String,
    pub breaks_signature: bool,
}

/// A device with its keys, in a browser on one origin.
#[derive(Clone)]
pub struct Authenticator {
    pub origin: String,
    pub keys: Vec<Key>,
    /// What it says of a person and of a key: [`PRESENT`], [`VERIFIED`], [`SYNCED`].
    pub flags: u8,
    /// Whether its keys count signatures.
    pub counts: bool,
    seed: u8,
}

impl Authenticator {
    /// One that makes sure who its owner is, on the origin of this provider.
    pub fn new(app: &TestApp, seed: u8) -> Authenticator {
        let origin = Url::parse(&app.issuer).unwrap().origin().ascii_serialization();
        Authenticator { origin, keys: Vec::new(), flags: PRESENT | VERIFIED, counts: true, seed }
    }

    /// Makes a key as these options want it; what a browser would send of it.
    pub fn create(&mut self, options: &Value, change: impl FnOnce(&mut Saying)) -> String {
        let number = u8::try_from(self.keys.len()).unwrap();
        let digest = Sha256::digest([self.seed, number, 7]);
        let key = Key {
            id: Sha256::digest([self.seed, number]).to_vec(),
            handle: decode(&options["user"]["id"]),
            secret: SigningKey::from_slice(&digest).unwrap(),
            count: u32::from(self.counts),
            flags: self.flags,
        };
        let mut saying = self.saying(&key, "webauthn.create", options, options["rp"]["id"].as_str().unwrap());
        change(&mut saying);
        let mut data = saying.data(HAS_KEY);
        data.extend([0; 16]);
        data.extend(u16::try_from(saying.id.len()).unwrap().to_be_bytes());
        data.extend(&saying.id);
        data.extend(cose(&key.secret));
        let attestation = [cbor_map(3), cbor_text("fmt"), cbor_text("none"), cbor_text("attStmt"), cbor_map(0)].concat();
        let attestation = [attestation, cbor_text("authData"), cbor_bytes(&data)].concat();
        self.keys.push(key);
        let response = json!({
            "clientDataJSON": encode(saying.client_data()),
            "attestationObject": encode(attestation),
        });
        saying.sent(response, json!({ "credProps": { "rk": true } }))
    }

    /// Signs with its newest key.
    pub fn get(&mut self, options: &Value, change: impl FnOnce(&mut Saying)) -> String {
        let at = self.keys.len() - 1;
        self.get_with(at, options, change)
    }

    /// Signs with one of its keys; what a browser would send of it.
    pub fn get_with(&mut self, at: usize, options: &Value, change: impl FnOnce(&mut Saying)) -> String {
        if self.counts {
            self.keys[at].count += 1;
        }
        let mut key = self.keys[at].clone();
        key.flags = self.flags;
        let mut saying = self.saying(&key, "webauthn.get", options, options["rpId"].as_str().unwrap());
        change(&mut saying);
        let data = saying.data(0);
        let client_data = saying.client_data();
        let mut signature: Signature = key.secret.sign(&[data.as_slice(), &Sha256::digest(&client_data)].concat());
        if saying.breaks_signature {
            signature = key.secret.sign(b"something else");
        }
        let response = json!({
            "clientDataJSON": encode(client_data),
            "authenticatorData": encode(data),
            "signature": encode(signature.to_der()),
            "userHandle": saying.handle.as_ref().map(encode),
        });
        saying.sent(response, json!({}))
    }

    fn saying(&self, key: &Key, kind: &str, options: &Value, rp_id: &str) -> Saying {
        Saying {
            kind: kind.to_owned(),
            challenge: options["challenge"].as_str().unwrap().to_owned(),
            origin: self.origin.clone(),
            cross_origin: false,
            top_origin: None,
            rp_id: rp_id.to_owned(),
            flags: key.flags,
            count: key.count,
            handle: Some(key.handle.clone()),
            id: key.id.clone(),
            shown_id: None,
            credential_type: "public-key".to_owned(),
            breaks_signature: false,
        }
    }

    /// Adds a passkey to the account of whoever is signed in, freshly, in this browser; the answer to the form.
    pub async fn enrol(&mut self, app: &TestApp, browser: &mut Browser) -> Page {
        let page = browser.visit(&app.url("/account/passkeys")).await;
        let options = browser.passkey_options(&page).await;
        let answer = self.create(&options, |_| {});
        browser.submit(&page, "add-passkey", &[("credential", &answer)]).await
    }

    /// Signs in with its newest key on this sign-in page, and follows where that leads.
    pub async fn sign_in_on(&mut self, browser: &mut Browser, page: &Page) -> Page {
        let options = browser.passkey_options(page).await;
        let answer = self.get(&options, |_| {});
        browser.submit(page, "passkey", &[("credential", &answer)]).await
    }

    /// The same for the account page.
    pub async fn sign_in(&mut self, app: &TestApp, browser: &mut Browser) -> Page {
        let page = browser.visit(&app.url("/sign-in")).await;
        self.sign_in_on(browser, &page).await
    }
}

impl Saying {
    fn client_data(&self) -> Vec<u8> {
        let mut data = json!({
            "type": self.kind,
            "challenge": self.challenge,
            "origin": self.origin,
            "crossOrigin": self.cross_origin,
        });
        if let Some(top) = &self.top_origin {
            data["topOrigin"] = json!(top);
        }
        data.to_string().into_bytes()
    }

    /// Authenticator data up to the counter (section 6.1).
    fn data(&self, more: u8) -> Vec<u8> {
        let mut data = Sha256::digest(self.rp_id.as_bytes()).to_vec();
        data.push(self.flags | more);
        data.extend(self.count.to_be_bytes());
        data
    }

    fn sent(&self, response: Value, extensions: Value) -> String {
        let sent = json!({
            "id": self.shown_id.clone().unwrap_or_else(|| encode(&self.id)),
            "rawId": encode(&self.id),
            "type": self.credential_type,
            "response": response,
            "clientExtensionResults": extensions,
        });
        sent.to_string()
    }
}

impl Browser {
    /// What the page's script would fetch.
    pub async fn passkey_options(&mut self, page: &Page) -> Value {
        let answer = self.ask_for_options(page).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    }

    pub async fn ask_for_options(&mut self, page: &Page) -> Page {
        let address = page.attributes("form[data-passkey]", "data-options");
        let address = address.first().unwrap_or_else(|| panic!("no passkeys at {}:\n{}", page.url, page.body));
        let fields: Vec<(String, String)> = ["csrf", "as", "way"]
            .into_iter()
            .filter_map(|name| {
                let value = page.attributes(&format!("form[data-passkey] input[name='{name}']"), "value").into_iter().next();
                value.map(|value| (name.to_owned(), value))
            })
            .collect();
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.post(Initiator::SameOrigin, page.url.join(address).unwrap().as_str(), &fields).await
    }
}

/// A public key of ES256 (RFC 9053 section 2.1, 7.1.1).
fn cose(secret: &SigningKey) -> Vec<u8> {
    let point = secret.verifying_key().to_encoded_point(false);
    // {1: 2, 3: -7, -1: 1, -2: x, -3: y}
    let head = [cbor_map(5), vec![0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21]].concat();
    [head, cbor_bytes(point.x().unwrap()), vec![0x22], cbor_bytes(point.y().unwrap())].concat()
}

fn cbor_map(pairs: u8) -> Vec<u8> {
    vec![0xa0 | pairs]
}

fn cbor_text(text: &str) -> Vec<u8> {
    let mut bytes = vec![0x60 | u8::try_from(text.len()).unwrap()];
    bytes.extend(text.as_bytes());
    bytes
}

fn cbor_bytes(content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x59];
    bytes.extend(u16::try_from(content.len()).unwrap().to_be_bytes());
    bytes.extend(content);
    bytes
}
