//! Registers clients as they register themselves (RFC 7591), and looks after them (RFC 7592).

use serde_json::{Value, json};

use super::app::Wish;
use super::rp::Answer;
use super::{CALLBACK, Rp, TestApp, documents};

/// A provider with registration in this mode, further settings, and the documents of this machine within reach.
pub async fn registering(mode: &str, more: &[(&str, &str)]) -> TestApp {
    let documents = documents::settings();
    let mut settings = vec![("REGISTRATION__MODE", mode), ("REGISTRATION__PER_HOUR", "0")];
    settings.extend(documents.iter().map(|(name, value)| (*name, value.as_str())));
    settings.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
    settings.extend(more.iter().copied().filter(|(_, value)| !value.is_empty()));
    TestApp::with(Wish { settings: &settings, ..Wish::default() }).await
}

/// The usual registration, with these members in it; a null takes one away.
pub fn about(more: Value) -> Value {
    let mut all = json!({ "redirect_uris": [CALLBACK], "client_name": "Diary" });
    for (name, value) in more.as_object().unwrap() {
        all[name] = value.clone();
        if value.is_null() {
            all.as_object_mut().unwrap().remove(name);
        }
    }
    all
}

/// A request with a JSON body, and with this bearer token if it is not empty.
pub async fn send(app: &TestApp, method: &str, path: &str, token: &str, body: &str) -> Answer {
    let mut headers = Vec::new();
    if !body.is_empty() {
        headers.push(("content-type", "application/json".to_owned()));
    }
    if !token.is_empty() {
        headers.push(("authorization", format!("Bearer {token}")));
    }
    Rp::at(&app.issuer, "", None).send(method, path, &headers, body).await
}

pub async fn register(app: &TestApp, about: &Value) -> Answer {
    send(app, "POST", "/register", "", &about.to_string()).await
}

/// A client that has just registered itself.
pub struct Own {
    pub rp: Rp,
    pub token: String,
    pub path: String,
    /// What the registration was answered with.
    pub told: Value,
}

impl Own {
    pub async fn new(app: &TestApp, more: Value) -> Own {
        Own::of(app, &register(app, &about(more)).await)
    }

    pub fn of(app: &TestApp, answer: &Answer) -> Own {
        assert_eq!(answer.status, 201, "{}", answer.body);
        let told = answer.json();
        let id = answer.text("client_id");
        let secret = told["client_secret"].as_str().map(ToOwned::to_owned);
        let token = answer.text("registration_access_token");
        let uri = answer.text("registration_client_uri");
        let path = uri.strip_prefix(&app.issuer).unwrap().to_owned();
        Own { rp: Rp::at(&app.issuer, &id, secret), token, path, told }
    }

    pub async fn get(&self, app: &TestApp) -> Answer {
        send(app, "GET", &self.path, &self.token, "").await
    }

    pub async fn put(&self, app: &TestApp, body: &Value) -> Answer {
        send(app, "PUT", &self.path, &self.token, &body.to_string()).await
    }

    pub async fn delete(&self, app: &TestApp) -> Answer {
        send(app, "DELETE", &self.path, &self.token, "").await
    }
}
