//! The schemas of the account API in the OpenAPI document.

use serde_json::{Map, Value, json};

use crate::oauth::StandardClaims;

/// The schema of a successful answer.
pub fn answered(path: &str) -> Option<&'static str> {
    match path {
        "/api/account" => Some("Profile"),
        "/api/account/sessions" => Some("Sessions"),
        "/api/account/apps" => Some("Apps"),
        "/api/account/factors" => Some("Factors"),
        "/api/account/recovery-codes" => Some("RecoveryCodes"),
        "/api/account/passkeys" => Some("Passkeys"),
        _ => None,
    }
}

/// The schema of a JSON body that is taken.
pub fn taken(path: &str, method: &str) -> Option<&'static str> {
    matches!((path, method), ("/api/account", "PATCH")).then_some("ProfileChange")
}

/// All of them, by name.
pub fn all() -> Value {
    let text = || json!({ "type": "string" });
    let time = || json!({ "type": "integer", "description": "Seconds since 1970-01-01T00:00:00Z" });
    let change = claims(&json!(["string", "null"]), &json!(["object", "null"]));
    let mut profile = claims(&json!("string"), &json!("object"));
    for (name, schema) in [
        ("sub", text()),
        ("email", text()),
        ("email_verified", json!({ "type": "boolean" })),
        ("phone_number_verified", json!({ "type": "boolean" })),
        ("updated_at", time()),
    ] {
        profile.insert(name.to_owned(), schema);
    }
    let session = json!({
        "type": "object",
        "required": ["sid", "current", "auth_time", "last_seen_at", "expires_at", "amr", "user_agent", "address"],
        "properties": {
            "sid": text(),
            "current": { "type": "boolean", "description": "Whether the app's permission came from this session" },
            "auth_time": time(),
            "last_seen_at": time(),
            "expires_at": time(),
            "amr": { "type": "array", "items": text() },
            "user_agent": text(),
            "address": text(),
        },
    });
    let app = json!({
        "type": "object",
        "required": ["client_id", "name", "scope", "since"],
        "properties": { "client_id": text(), "name": text(), "scope": text(), "since": time() },
    });
    let factor = json!({
        "type": "object",
        "required": ["id", "kind", "name", "created_at", "last_used_at"],
        "properties": { "id": text(), "kind": text(), "name": text(), "created_at": time(), "last_used_at": { "type": ["integer", "null"] } },
    });
    let passkey = json!({
        "type": "object",
        "required": ["id", "name", "signs_in", "synced", "created_at", "last_used_at"],
        "properties": {
            "id": text(),
            "name": text(),
            "signs_in": { "type": "boolean", "description": "Whether it is enough to sign in with" },
            "synced": { "type": "boolean", "description": "Whether it can leave the device that it was made on" },
            "created_at": time(),
            "last_used_at": { "type": ["integer", "null"], "description": "Seconds since 1970-01-01T00:00:00Z; null: never" },
        },
    });
    let factors = json!({
        "type": "object",
        "required": ["factors", "recovery_codes_left"],
        "properties": { "factors": { "type": "array", "items": factor }, "recovery_codes_left": { "type": "integer" } },
    });
    json!({
        "Factors": factors,
        "RecoveryCodes": list("recovery_codes", &text()),
        "Profile": { "type": "object", "required": ["sub", "updated_at"], "properties": profile },
        "ProfileChange": { "type": "object", "additionalProperties": false, "properties": change },
        "Sessions": list("sessions", &session),
        "Apps": list("apps", &app),
        "Passkeys": list("passkeys", &passkey),
    })
}

fn list(name: &str, item: &Value) -> Value {
    let properties = Map::from_iter([(name.to_owned(), json!({ "type": "array", "items": item }))]);
    json!({ "type": "object", "required": [name], "properties": properties })
}

/// The standard claims (OpenID Connect Core section 5.1) that can be set: whether a number was verified is ours to say.
fn claims(text: &Value, object: &Value) -> Map<String, Value> {
    let own = StandardClaims::names().filter(|name| *name != "phone_number_verified");
    own.map(|name| (name.to_owned(), json!({ "type": if name == "address" { object } else { text } }))).collect()
}
