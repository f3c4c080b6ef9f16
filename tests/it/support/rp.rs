//! A relying party by hand: it says every word of the protocol itself, so that a test can say it wrong.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use vouchsafe::admin::clients::{Changes, Done};
use vouchsafe::oauth::{ApplicationType, AuthMethod, PkcePolicy};

use super::app::PASSWORD;
use super::{Browser, Page, TestApp};

/// Where answers go. Nobody listens there: the tests read the redirect.
pub const CALLBACK: &str = "https://app.test/cb";

/// The verifier of every flow, and its challenge.
pub const VERIFIER: &str = "a-verifier-of-more-than-forty-three-characters";

/// A client with its credentials.
pub struct Rp {
    pub id: String,
    pub secret: Option<String>,
    pub issuer: String,
    http: reqwest::Client,
}

/// One authorization request, as its parameters.
#[derive(Clone)]
pub struct Flow(pub Vec<(String, String)>);

impl Flow {
    /// With this parameter in the place of an earlier one; an empty value takes it away.
    pub fn with(mut self, name: &str, value: &str) -> Flow {
        self.0.retain(|(own, _)| own != name);
        if !value.is_empty() {
            self.0.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    pub fn query(&self) -> String {
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.0).finish()
    }
}

/// What an endpoint answered a program.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.body))
    }

    /// A member that is text.
    pub fn text(&self, member: &str) -> String {
        self.json()[member].as_str().unwrap_or_else(|| panic!("no {member} in {} {}", self.status, self.body)).to_owned()
    }

    pub fn error(&self) -> String {
        self.text("error")
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    async fn read(answer: reqwest::Response) -> Answer {
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Answer { status, headers, body: answer.text().await.unwrap() }
    }
}

pub fn challenge() -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER.as_bytes()))
}

/// The claims of a JWT, unverified.
pub fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap_or_else(|| panic!("no JWT: {token}"));
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

/// The header of a JWT, unverified.
pub fn header(token: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap()).unwrap()
}

impl Rp {
    pub fn of(app: &TestApp, done: &Done) -> Rp {
        Rp::at(&app.issuer, &done.client.client_id, done.secret.as_ref().map(|secret| secret.expose().clone()))
    }

    /// A client of any issuer on this machine.
    pub fn at(issuer: &str, id: &str, secret: Option<String>) -> Rp {
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).tls_certs_only([]);
        Rp { id: id.to_owned(), secret, issuer: issuer.to_owned(), http: http.build().unwrap() }
    }

    /// Whether the issuer answers there at all.
    pub async fn answers(&self, path: &str) -> bool {
        self.http.get(format!("{}{path}", self.issuer)).send().await.is_ok_and(|answer| answer.status().is_success())
    }

    /// The usual confidential web app: client_secret_basic, PKCE not demanded.
    pub async fn web(app: &TestApp, id: &str) -> Rp {
        let about = Changes {
            redirect_uris: Some(vec![CALLBACK.to_owned()]),
            post_logout_redirect_uris: Some(vec!["https://app.test/bye".to_owned()]),
            pkce: Some(PkcePolicy::Optional),
            ..Changes::default()
        };
        Rp::of(app, &app.client(id, about).await)
    }

    /// A browser app: public, PKCE, an https redirect.
    pub async fn public(app: &TestApp, id: &str) -> Rp {
        let about =
            Changes { redirect_uris: Some(vec![CALLBACK.to_owned()]), auth_method: Some(AuthMethod::None), ..Changes::default() };
        Rp::of(app, &app.client(id, about).await)
    }

    /// An app on the person's own machine: public, a loopback redirect whose port is open.
    pub async fn native(app: &TestApp, id: &str) -> Rp {
        let about = Changes {
            redirect_uris: Some(vec!["http://127.0.0.1/cb".to_owned()]),
            auth_method: Some(AuthMethod::None),
            application_type: Some(ApplicationType::Native),
            ..Changes::default()
        };
        Rp::of(app, &app.client(id, about).await)
    }

    /// A plain authorization request with PKCE.
    pub fn flow(&self) -> Flow {
        let pairs = [
            ("client_id", self.id.as_str()),
            ("response_type", "code"),
            ("redirect_uri", CALLBACK),
            ("scope", "openid profile email offline_access"),
            ("state", "a state"),
            ("nonce", "a nonce"),
            ("code_challenge", &challenge()),
            ("code_challenge_method", "S256"),
        ];
        Flow(pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// Where a request begins.
    pub fn begin(&self, flow: &Flow) -> String {
        format!("{}/authorize?{}", self.issuer, flow.query())
    }

    /// Sends a person through, signing in and consenting wherever they are asked; the answer is the redirect back.
    pub async fn go(&self, browser: &mut Browser, name: &str, flow: &Flow) -> Page {
        let mut page = browser.visit(&self.begin(flow)).await;
        for _ in 0..4 {
            if page.has("sign-in") {
                let username = format!("{name}@example.com");
                page = browser.submit(&page, "sign-in", &[("username", &username), ("password", PASSWORD)]).await;
            } else if page.has("allow") {
                page = browser.submit(&page, "allow", &[]).await;
            } else {
                return page;
            }
        }
        panic!("pages without end at {}:\n{}", page.url, page.body);
    }

    /// A code for this person.
    pub async fn code(&self, browser: &mut Browser, name: &str) -> String {
        let page = self.go(browser, name, &self.flow()).await;
        page.param("code").unwrap_or_else(|| panic!("no code: {} {:?}\n{}", page.status, page.location(), page.body))
    }

    /// The token endpoint's answer to a code of the usual flow.
    pub async fn exchange(&self, code: &str) -> Answer {
        let fields =
            [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", CALLBACK), ("code_verifier", VERIFIER)];
        self.post("/token", &fields).await
    }

    pub async fn refresh(&self, token: &str) -> Answer {
        self.post("/token", &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    /// Tokens for this person by the usual flow.
    pub async fn tokens(&self, browser: &mut Browser, name: &str) -> Answer {
        let code = self.code(browser, name).await;
        let answer = self.exchange(&code).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer
    }

    /// Posts a form as this client: with Basic if it has a secret, with `client_id` otherwise.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        match &self.secret {
            Some(secret) => self.post_as(path, Some((&self.id, secret)), fields).await,
            None => {
                let mut fields = fields.to_vec();
                fields.push(("client_id", &self.id));
                self.post_as(path, None, &fields).await
            }
        }
    }

    /// Posts a form with these credentials, or none.
    pub async fn post_as(&self, path: &str, basic: Option<(&str, &str)>, fields: &[(&str, &str)]) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let mut headers = vec![("content-type", "application/x-www-form-urlencoded".to_owned())];
        if let Some((id, secret)) = basic {
            headers.push(("authorization", format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))));
        }
        self.send("POST", path, &headers, &body).await
    }

    /// A request with exactly these headers and this body.
    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, String)], body: &str) -> Answer {
        let mut request = self.http.request(method.parse().unwrap(), format!("{}{path}", self.issuer)).body(body.to_owned());
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            request = request.header(name, HeaderValue::from_str(value).unwrap());
        }
        Answer::read(request.send().await.unwrap()).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], "").await
    }

    pub async fn userinfo(&self, access_token: &str) -> Answer {
        self.send("GET", "/userinfo", &[("authorization", format!("Bearer {access_token}"))], "").await
    }

    pub async fn introspect(&self, token: &str) -> Answer {
        self.post("/introspect", &[("token", token)]).await
    }
}
