//! What must hold for every byte string that a stranger may send. The fuzz targets throw new ones at these functions;
//! `tests/it/fuzz_corpus.rs` replays the kept ones, and cuts and repeats of them, on stable.

// Each target uses one of them.
#![allow(dead_code, reason = "each fuzz target includes this file for one function")]

use std::sync::LazyLock;

use serde_json::json;
use vouchsafe::base::{Timestamp, base64url};
use vouchsafe::identity::passkeys::{Assertion, Attestation, Owner, Passkeys, Question, Verification};
use vouchsafe::jose::{Expect, VerifyingKey, peek_claims, peek_header, verify};
use vouchsafe::oauth::{Challenge, ClaimsRequest, Params, Prompt, RedirectUri, ResponseType, Scope, TokenRequest, negotiate};

/// Reads bytes of a stranger and must neither panic nor take long.
pub type Parser = fn(&[u8]);

/// Every function of this file by the name of its target and its corpus folder.
pub const ALL: [(&str, Parser); 7] = [
    ("params", params),
    ("token_request", token_request),
    ("authorization", authorization),
    ("redirect_uri", redirect_uri),
    ("claims", claims),
    ("jwt", jwt),
    ("passkey", passkey),
];

/// A form is read to the same pairs after it was written anew, and a refusal's words are fit for error_description
/// (RFC 6749 5.2).
pub fn params(data: &[u8]) {
    match Params::parse(data) {
        Ok(params) => {
            let pairs: Vec<(String, String)> = params.pairs().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            assert!(pairs.len() <= 100 && data.len() <= 64 * 1024);
            assert!(pairs.iter().all(|(name, value)| !name.contains('\0') && !value.contains('\0')));
            let again = Params::from_pairs(pairs.clone()).expect("what was read can be read again");
            assert!(again.pairs().eq(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()))));
        }
        Err(refusal) => describable(refusal.why),
    }
}

/// The token endpoint's request is read or refused, whatever its form says.
pub fn token_request(data: &[u8]) {
    let Ok(params) = Params::parse(data) else { return };
    if let Err(refusal) = TokenRequest::parse(&params) {
        describable(refusal.why);
    }
}

/// The words of an authorization request: each is read to something that reads the same again.
pub fn authorization(data: &[u8]) {
    let Ok(params) = Params::parse(data) else { return };
    for (_, value) in params.pairs() {
        match Scope::parse(value) {
            Ok(scope) => assert_eq!(Scope::parse(&scope.to_string()).ok().as_ref(), Some(&scope)),
            Err(refusal) => describable(refusal.why),
        }
        match ResponseType::parse(value) {
            Ok(kind) => assert_eq!(ResponseType::parse(&kind.to_string()).ok().as_ref(), Some(&kind)),
            Err(refusal) => describable(refusal.why),
        }
        if let Ok(prompt) = Prompt::parse(value) {
            assert!(!(prompt.has_none() && (prompt.has_login() || prompt.has_consent())), "none stands alone");
        }
        negotiate(Some(value), Some(value));
        if let Ok(Some(challenge)) = Challenge::from_request(Some(value), Some("S256")) {
            assert!(!challenge.matches(value), "a challenge is not its own verifier");
        }
    }
}

/// A registered address accepts itself, and beyond itself only another port of a loopback address (RFC 8252 7.3).
pub fn redirect_uri(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (registered, presented) = text.split_once('\n').unwrap_or((text, text));
    let Ok(uri) = RedirectUri::parse(registered) else { return };
    assert!(uri.accepts(uri.as_str()), "{registered:?} does not accept itself");
    assert!(!registered.contains(['#', '*']) && !registered.chars().any(char::is_control));
    if uri.accepts(presented) && presented != registered {
        assert!(uri.is_loopback(), "{registered:?} accepts {presented:?}");
        let without_port = |text: &str| text.chars().filter(|c| !c.is_ascii_digit() && *c != ':').collect::<String>();
        assert_eq!(without_port(registered), without_port(presented));
    }
}

/// A claims parameter is read to something that is written and read to the same.
pub fn claims(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match ClaimsRequest::parse(text) {
        Ok(request) => {
            let written = serde_json::to_string(&request).expect("what was read can be written");
            let again = ClaimsRequest::parse(&written).expect("what was written can be read");
            assert_eq!(serde_json::to_string(&again).ok(), Some(written));
        }
        Err(refusal) => describable(refusal.why),
    }
}

fn describable(why: &str) {
    assert!(why.bytes().all(|byte| matches!(byte, 0x20 | 0x21 | 0x23..=0x5b | 0x5d..=0x7e)), "{why:?}");
}

/// A token of strangers is read or refused; nobody verifies anything with a key that nobody signed with.
pub fn jwt(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    assert!(peek_header(text).is_none() || text.len() <= 16 * 1024);
    peek_claims(text);
    let expect = Expect { typ: &["JWT", "at+jwt", ""], now: Timestamp::from_unix(0), ..Expect::default() };
    assert!(verify(text, &VerifyingKey::hmac(&[7; 32]), &expect).is_err());
}

/// What an authenticator says of a new passkey is read or refused, and an answer as a browser sends it as well (WebAuthn section
/// 6.5, 7.1).
pub fn passkey(data: &[u8]) {
    static HOUSE: LazyLock<(Passkeys, Question)> = LazyLock::new(|| {
        let house = Passkeys::new(("localhost", "http://localhost"), &[], "House", Verification::Required);
        let house = house.expect("a host with a name has passkeys");
        let owner = Owner { handle: "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d", name: "ana", display_name: "Ana" };
        let question = house.ask_to_enrol(&owner, &[]).expect("a question can be asked");
        (house, question)
    });
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = (Assertion::parse(text).is_ok(), Attestation::parse(text).is_ok());
    }
    let (house, question) = &*HOUSE;
    let client_data =
        json!({ "type": "webauthn.create", "challenge": question.challenge, "origin": "http://localhost" }).to_string();
    let sent = json!({
        "id": "AQ",
        "rawId": "AQ",
        "type": "public-key",
        "response": { "clientDataJSON": base64url(client_data.as_bytes()), "attestationObject": base64url(data) },
    });
    let answer = Attestation::parse(&sent.to_string()).unwrap_or_else(|_| panic!("its frame is right: {sent}"));
    if let Err(fault) = house.enrol(&answer, &question.state) {
        panic!("a stranger's answer is no trouble of ours: {fault}");
    }
}
