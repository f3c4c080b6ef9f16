//! Every member in every JSON type, and that what is written reads the same again (battery DC-07).

use super::*;
use crate::oauth::RegisteredBy;

fn blank() -> Client {
    let mut client = Client::new("c", "");
    client.more.registered_by = Some(RegisteredBy::Itself);
    client
}

fn members(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

/// A registration with everything in it.
fn whole() -> Map<String, Value> {
    members(json!({
        "redirect_uris": ["https://app.test/cb"],
        "post_logout_redirect_uris": ["https://app.test/bye"],
        "response_types": ["code"],
        "grant_types": ["authorization_code", "refresh_token"],
        "application_type": "web",
        "contacts": ["ana@app.test"],
        "client_name": "Diary",
        "client_name#de": "Tagebuch",
        "logo_uri": "https://app.test/logo.png",
        "client_uri": "https://app.test/",
        "policy_uri": "https://app.test/policy",
        "policy_uri#de": "https://app.test/datenschutz",
        "tos_uri": "https://app.test/tos",
        "jwks_uri": "https://app.test/jwks",
        "sector_identifier_uri": "https://app.test/sector.json",
        "subject_type": "pairwise",
        "id_token_signed_response_alg": "ES256",
        "userinfo_signed_response_alg": "RS256",
        "default_max_age": 3600,
        "require_auth_time": true,
        "default_acr_values": ["aal1"],
        "initiate_login_uri": "https://app.test/login",
        "request_uris": ["https://app.test/request#hash"],
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": "ES256",
        "scope": "openid email",
        "software_id": "4711",
        "software_version": "1.0",
    }))
}

/// DC-07: nothing is dropped, and reading what was written changes nothing.
#[test]
fn everything_comes_back() {
    let client = read(&whole(), blank()).unwrap();
    assert_eq!(Value::Object(write(&client)), Value::Object(whole()));
    for start in [whole(), members(json!({ "redirect_uris": ["https://app.test/cb"] }))] {
        let client = read(&start, blank()).unwrap();
        assert_eq!(read(&write(&client), client.clone()).unwrap(), client);
    }
}

/// Every member in every wrong JSON type is refused by its name; null and what is absent are the same.
#[test]
fn wrong_types() {
    let types = [json!(true), json!(7), json!(-1.5), json!("text"), json!([7]), json!([]), json!([["x"]]), json!({ "a": 1 })];
    let mut tried = 0;
    for (name, good) in &whole() {
        let kind = |value: &Value| match value {
            Value::Array(items) => items.first().map_or("array", |item| if item.is_string() { "texts" } else { "other array" }),
            Value::String(_) => "string",
            Value::Bool(_) => "bool",
            Value::Number(_) => "number",
            Value::Object(_) => "object",
            Value::Null => "null",
        };
        for wrong in &types {
            let may_be = kind(wrong) == kind(good) || kind(good) == "texts" && kind(wrong) == "array";
            if may_be {
                continue;
            }
            let mut asked = whole();
            asked.insert(name.clone(), wrong.clone());
            let refused = read(&asked, blank()).unwrap_err();
            assert_eq!(&refused.field, name, "{wrong}");
            assert!(refused.description().starts_with(name.as_str()));
            tried += 1;
        }
        let (mut null, mut absent) = (whole(), whole());
        null.insert(name.clone(), Value::Null);
        absent.remove(name);
        assert_eq!(read(&null, blank()), read(&absent, blank()), "{name}");
    }
    assert!(tried > 150, "{tried}");
}

/// What is refused, by code and member; each differs from a good registration in this alone.
#[test]
fn refusals() {
    use ErrorCode::{InvalidClientMetadata, InvalidRedirectUri, InvalidSoftwareStatement, UnapprovedSoftwareStatement};
    assert!(read(&whole(), blank()).is_ok());
    for (name, value, code) in [
        ("redirect_uris", json!(["https://app.test/cb#x"]), InvalidRedirectUri),
        ("redirect_uris", json!(["http://app.test/cb"]), InvalidRedirectUri),
        ("redirect_uris", json!(["com.example.app:/cb"]), InvalidRedirectUri),
        ("redirect_uris", json!([]), InvalidRedirectUri),
        ("post_logout_redirect_uris", json!(["http://app.test"]), InvalidClientMetadata),
        ("initiate_login_uri", json!("http://app.test/login"), InvalidClientMetadata),
        ("logo_uri", json!("http://127.0.0.1/x"), InvalidClientMetadata),
        ("logo_uri#de", json!("https://app.test/x"), InvalidClientMetadata),
        ("jwks", json!({ "keys": [{ "kty": "EC" }] }), InvalidClientMetadata),
        ("jwks_uri", json!("file:///etc/passwd"), InvalidClientMetadata),
        ("client_name", json!("a\u{202e}b"), InvalidClientMetadata),
        ("client_name", json!("x".repeat(101)), InvalidClientMetadata),
        ("client_name#de", json!("a\u{202e}b"), InvalidClientMetadata),
        ("client_name#", json!("x"), InvalidClientMetadata),
        ("tos_uri#en", json!("javascript:alert(1)"), InvalidClientMetadata),
        ("client_uri", json!("x".repeat(2049)), InvalidClientMetadata),
        ("contacts", json!(vec!["x"; 101]), InvalidClientMetadata),
        ("default_max_age", json!(-1), InvalidClientMetadata),
        ("default_max_age", json!(1.5), InvalidClientMetadata),
        ("scope", json!("openid admin"), InvalidClientMetadata),
        ("subject_type", json!("other"), InvalidClientMetadata),
        ("grant_types", json!(["password"]), InvalidClientMetadata),
        ("response_types", json!(["token"]), InvalidClientMetadata),
        ("id_token_signed_response_alg", json!("none"), InvalidClientMetadata),
        ("id_token_encrypted_response_alg", json!("RSA1_5"), InvalidClientMetadata),
        ("request_object_signing_alg", json!("none"), InvalidClientMetadata),
        ("dpop_bound_access_tokens", json!(true), InvalidClientMetadata),
        ("software_statement", json!("a.b.c"), UnapprovedSoftwareStatement),
        ("software_statement", json!("nonsense"), InvalidSoftwareStatement),
        ("software_statement", json!(7), InvalidSoftwareStatement),
    ] {
        let mut asked = whole();
        asked.insert(name.to_owned(), value.clone());
        let refused = read(&asked, blank()).unwrap_err();
        assert_eq!(refused.code, code, "{name} {value}");
        let named = refused.field.split('#').next() == name.split('#').next() || name == "jwks" && refused.field == "jwks_uri";
        assert!(named, "{name}: {}", refused.field);
        assert!(refused.description().bytes().all(|b| matches!(b, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e)));
    }
}

/// RFC 7591 section 2.1: grant and response types follow from each other; what is unknown is ignored.
#[test]
fn defaults() {
    let of = |more: Value| {
        let mut asked = members(json!({ "redirect_uris": ["https://app.test/cb"], "first_party": true, "trusted": "skip" }));
        asked.extend(members(more));
        let client = read(&asked, blank()).unwrap();
        (client.grant_types.clone(), client.response_types.iter().map(ToString::to_string).collect::<Vec<_>>(), client)
    };
    let (grants, types, client) = of(json!({}));
    assert_eq!((grants, types), (vec![GrantType::AuthorizationCode], vec!["code".to_owned()]));
    assert_eq!((client.name.as_str(), client.auth_method), ("app.test", AuthMethod::ClientSecretBasic));
    assert_eq!(client.trusted, crate::oauth::ConsentPolicy::Ask);
    assert_eq!(of(json!({ "response_types": ["code id_token"] })).0, [GrantType::AuthorizationCode, GrantType::Implicit]);
    assert_eq!(of(json!({ "grant_types": ["authorization_code", "refresh_token"] })).1, ["code"]);
    assert_eq!(of(json!({ "grant_types": ["client_credentials"] })).1, Vec::<String>::new());
}
