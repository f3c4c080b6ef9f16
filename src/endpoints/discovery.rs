//! The discovery document (OpenID Connect Discovery section 3, RFC 8414 section 2), made from the endpoint table, the key
//! ring and the settings, so that nothing is promised that is not kept.

use serde_json::{Map, Value, json};

use super::Provider;
use super::register::Mode;
use crate::jose::Alg;
use crate::oauth::scope::ACCOUNT;
use crate::oauth::{AuthMethod, ContentEncryption, GrantType, KeyEncryption, ResponseMode, SubjectType, claims_of_scope};

/// The document. `endpoints` are the metadata names and paths of the endpoint table.
pub fn document<'a>(provider: &Provider, endpoints: impl Iterator<Item = (&'a str, &'a str)>) -> Value {
    let mut document = Map::new();
    document.insert("issuer".to_owned(), json!(provider.issuer.as_str()));
    let is_there = |name: &str| name != "registration_endpoint" || provider.policy.registration.mode != Mode::Off;
    for (name, path) in endpoints.filter(|(name, _)| is_there(name)) {
        document.insert(name.to_owned(), json!(provider.issuer.join(path)));
    }
    let Value::Object(rules) = rules(provider) else { return Value::Object(document) };
    document.extend(rules);
    Value::Object(document)
}

fn rules(provider: &Provider) -> Value {
    let confidential: Vec<_> = AuthMethod::ALL.iter().filter(|m| **m != AuthMethod::None).map(|m| m.as_str()).collect();
    let all: Vec<_> = AuthMethod::ALL.iter().map(|method| method.as_str()).collect();
    let response_types: Vec<_> = provider.policy.response_types.iter().map(ToString::to_string).collect();
    let modes: Vec<_> = ResponseMode::ALL.iter().map(|mode| mode.as_str()).collect();
    let implicit = provider.policy.response_types.iter().any(crate::oauth::ResponseType::is_front_channel);
    let grants: Vec<_> =
        GrantType::ALL.iter().filter(|g| **g != GrantType::Implicit || implicit).map(|grant| grant.as_str()).collect();
    let algs: Vec<_> = provider.keys.algs().iter().map(|alg| alg.as_str()).collect();
    let assertion_algs: Vec<_> = Alg::ASYMMETRIC.iter().map(|alg| alg.as_str()).chain(["HS256"]).collect();
    let mut prompts = vec!["none", "login", "consent", "select_account"];
    // Initiating User Registration 1.0 section 4.2.
    prompts.extend(provider.sign_up_is_open().then_some("create"));
    let of_scopes = CLAIM_SCOPES.iter().flat_map(|scope| claims_of_scope(scope));
    let claims: Vec<_> = OWN_CLAIMS.iter().chain(of_scopes).collect();
    json!({
        "response_types_supported": response_types,
        "response_modes_supported": modes,
        "grant_types_supported": grants,
        "subject_types_supported": SubjectType::ALL,
        "id_token_signing_alg_values_supported": algs,
        "userinfo_signing_alg_values_supported": algs,
        "id_token_encryption_alg_values_supported": KeyEncryption::ALL,
        "id_token_encryption_enc_values_supported": ContentEncryption::ALL,
        "userinfo_encryption_alg_values_supported": KeyEncryption::ALL,
        "userinfo_encryption_enc_values_supported": ContentEncryption::ALL,
        "scopes_supported": ["openid", "profile", "email", "address", "phone", "offline_access", ACCOUNT],
        "claims_supported": claims,
        "claim_types_supported": ["normal"],
        "claims_parameter_supported": true,
        "request_parameter_supported": true,
        "request_uri_parameter_supported": true,
        "require_request_uri_registration": true,
        "request_object_signing_alg_values_supported": Alg::ASYMMETRIC.map(Alg::as_str),
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": all,
        "token_endpoint_auth_signing_alg_values_supported": assertion_algs,
        "introspection_endpoint_auth_methods_supported": confidential,
        "introspection_endpoint_auth_signing_alg_values_supported": assertion_algs,
        "revocation_endpoint_auth_methods_supported": all,
        "revocation_endpoint_auth_signing_alg_values_supported": assertion_algs,
        "acr_values_supported": provider.factors.levels().map(crate::identity::factor::Level::as_str).collect::<Vec<_>>(),
        "prompt_values_supported": prompts,
        "display_values_supported": ["page", "popup"],
        "ui_locales_supported": ["en", "de"],
        "authorization_response_iss_parameter_supported": true,
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
        "frontchannel_logout_supported": true,
        "frontchannel_logout_session_supported": true,
        "service_documentation": provider.issuer.join("/docs"),
    })
}

/// The claims about the sign-in itself; those about the person are those of the scopes.
const OWN_CLAIMS: [&str; 10] = ["sub", "iss", "aud", "exp", "iat", "auth_time", "acr", "amr", "nonce", "sid"];

/// The scopes that ask for claims.
const CLAIM_SCOPES: [&str; 4] = ["profile", "email", "address", "phone"];
