//! Another identity provider as far as signing in by it needs one, of OpenID Connect and of GitHub's kind. It follows what the
//! providers document, and each of its defects is a switch. It shows no page: whoever comes is who the test says.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use vouchsafe::admin::upstreams::{self, Changes};
use vouchsafe::base::{Clock, Random, Secret};
use vouchsafe::federation::{Kind, Switch};
use vouchsafe::jose::{Alg, SigningKey};

use super::app::Wish;
use super::forge::{encode, es256, hs256, jws};
use super::{Browser, Page, TestApp};

pub const CLIENT_ID: &str = "our-id-there";
pub const CLIENT_SECRET: &str = "our secret there / with %";

/// How an ID token is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signature {
    Right,
    /// `alg: none`, and no signature.
    None,
    /// HS256 under our client secret.
    Secret,
    /// HS256 under the public key, as text (key confusion).
    Confused,
    /// Right in form, by a key that is published nowhere, under the name of the right one.
    OtherKey,
    /// By a key that is published from now on.
    NewKey,
    /// By a key that is published nowhere, under its own name.
    UnknownKey,
    /// By a new key that is published from now on in the place of the right one, under its name.
    Rolled,
    /// By one of two published keys, without a word which.
    Nameless,
    /// By a key that is published nowhere, without a word which.
    NamelessOther,
}

/// What a path answers in the place of what it should.
#[derive(Clone, Debug)]
pub enum Instead {
    Status(u16),
    Html,
    Huge,
    Hang,
    /// The right head, and then a byte a second.
    Drip,
    Redirect(String),
    Json(u16, Value),
}

/// What a provider does; every member is right until a test changes it.
#[derive(Clone)]
pub struct Behaviour {
    /// Who comes, with what is said of them.
    pub said: Value,
    /// Put over the claims of the ID token; a null takes one away.
    pub claims: Value,
    /// What userinfo says; nothing if there is no such endpoint.
    pub userinfo: Option<Value>,
    pub signature: Signature,
    /// Put over the metadata.
    pub metadata: Value,
    /// Put over the parameters of the answer; a null takes one away.
    pub answer: Value,
    pub instead: HashMap<String, Instead>,
    /// GitHub: what the API says.
    pub user: Value,
    pub emails: Value,
    pub orgs: Value,
    pub teams: Value,
}

impl Default for Behaviour {
    fn default() -> Self {
        let empty = json!({});
        Behaviour {
            said: json!({ "sub": "up-ana", "email": "ana@example.com", "email_verified": true, "name": "Ana Up" }),
            claims: empty.clone(),
            userinfo: None,
            signature: Signature::Right,
            metadata: empty.clone(),
            answer: empty,
            instead: HashMap::new(),
            user: json!({ "id": 4711, "login": "ana", "name": "Ana Hub", "avatar_url": "https://example.com/a.png", "email": null }),
            emails: json!([
                { "email": "other@example.com", "primary": false, "verified": true },
                { "email": "ana@example.com", "primary": true, "verified": true },
            ]),
            orgs: json!([{ "login": "acme" }]),
            teams: json!([{ "slug": "dev", "organization": { "login": "acme" } }]),
        }
    }
}

/// One call, as it came.
#[derive(Clone, Debug)]
pub struct Heard {
    pub method: String,
    pub path: String,
    pub fields: HashMap<String, String>,
    pub authorization: Option<String>,
}

struct Asked {
    fields: HashMap<String, String>,
    said: Value,
}

/// A running provider. It ends with the test.
pub struct Upstream {
    /// Its issuer.
    pub issuer: String,
    shared: Arc<Shared>,
}

struct Shared {
    issuer: String,
    clock: Clock,
    random: Random,
    key: SigningKey,
    new_key: SigningKey,
    behaviour: Mutex<Behaviour>,
    heard: Mutex<Vec<Heard>>,
    codes: Mutex<HashMap<String, Asked>>,
}

/// A house that may call this machine.
pub async fn house(more: &[(&str, &str)]) -> TestApp {
    let mut settings = vec![("OUTBOUND__ALLOW", "127.0.0.0/8,::1/128")];
    settings.extend(more);
    TestApp::with(Wish { settings: &settings, ..Wish::default() }).await
}

impl Upstream {
    pub async fn start(app: &TestApp) -> Upstream {
        Upstream::by(app.clock.clone()).await
    }

    /// One that has the time from this clock.
    pub async fn by(clock: Clock) -> Upstream {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let issuer = format!("http://localhost:{port}");
        let random = Random::seeded(u64::from(port));
        let shared = Arc::new(Shared {
            issuer: issuer.clone(),
            clock,
            key: SigningKey::generate(Alg::ES256, &random).unwrap(),
            new_key: SigningKey::generate(Alg::ES256, &random).unwrap(),
            random,
            behaviour: Mutex::default(),
            heard: Mutex::default(),
            codes: Mutex::default(),
        });
        let own = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&own)));
            }
        });
        Upstream { issuer, shared }
    }

    /// A provider that the house knows by this id.
    pub async fn connected(app: &TestApp, id: &str, kind: Kind, changes: Changes) -> Upstream {
        let upstream = Upstream::start(app).await;
        upstream.connect(app, id, kind, changes).await;
        upstream
    }

    pub async fn connect(&self, app: &TestApp, id: &str, kind: Kind, changes: Changes) {
        let changes = Changes {
            kind: Some(kind),
            name: changes.name.clone().or_else(|| Some(format!("Up {id}"))),
            issuer: changes.issuer.clone().or_else(|| Some(self.issuer.clone())),
            client_id: Some(CLIENT_ID.to_owned()),
            secret: Some(Secret::new(CLIENT_SECRET.to_owned())),
            ..changes
        };
        upstreams::add(app.desk(), id, &changes).await.unwrap_or_else(|refusal| panic!("{refusal}"));
        app.provider.connected.forget();
    }

    /// The house forgets what it fetched from this provider: its row changes.
    pub async fn forgotten(&self, app: &TestApp, id: &str) {
        let (before, _) = upstreams::show(app.desk(), id).await.unwrap();
        let changes = Changes { position: Some(before.position + 1), ..Changes::default() };
        upstreams::edit(app.desk(), id, &changes).await.unwrap();
        app.provider.connected.forget();
    }

    /// Changes what it does.
    pub fn will(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.shared.behaviour.lock().unwrap());
    }

    /// Does everything right again.
    pub fn mend(&self) {
        *self.shared.behaviour.lock().unwrap() = Behaviour::default();
    }

    /// Who comes from now on.
    pub fn says(&self, said: Value) {
        self.will(|behaviour| behaviour.said = said);
    }

    pub fn heard(&self, path: &str) -> Vec<Heard> {
        self.shared.heard.lock().unwrap().iter().filter(|heard| heard.path == path).cloned().collect()
    }

    /// Goes where the button's answer leads, and comes back with the answer of the provider: the first page after that.
    pub async fn pass(&self, browser: &mut Browser, leaving: &Page) -> Page {
        let callback = self.answer_of(browser, leaving).await;
        browser.visit_from(&self.issuer, &callback).await
    }

    /// The address that the provider sends the browser back to.
    pub async fn answer_of(&self, browser: &mut Browser, leaving: &Page) -> String {
        let there = leaving.location().unwrap_or_else(|| panic!("no redirect: {} {}", leaving.status, leaving.body));
        assert!(there.as_str().starts_with(&self.issuer), "{there} is not at {}", self.issuer);
        let answered = browser.get(there.as_str()).await;
        answered.location().unwrap_or_else(|| panic!("{} {}", answered.status, answered.body)).to_string()
    }

    /// The whole way by the button with this id.
    pub async fn sign_in(&self, browser: &mut Browser, page: &Page, id: &str) -> Page {
        let leaving = browser.press(page, &format!("upstream-{id}"), &[]).await;
        self.pass(browser, &leaving).await
    }
}

impl Shared {
    fn behaviour(&self) -> MutexGuard<'_, Behaviour> {
        self.behaviour.lock().unwrap()
    }

    fn metadata(&self) -> Value {
        let behaviour = self.behaviour();
        let at = |path: &str| format!("{}{path}", self.issuer);
        let mut metadata = json!({
            "issuer": self.issuer, "authorization_endpoint": at("/authorize"), "token_endpoint": at("/token"),
            "jwks_uri": at("/jwks"), "response_types_supported": ["code"], "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"], "authorization_response_iss_parameter_supported": true,
            "end_session_endpoint": at("/logout"),
        });
        if behaviour.userinfo.is_some() {
            metadata["userinfo_endpoint"] = at("/userinfo").into();
        }
        over(&mut metadata, &behaviour.metadata);
        metadata
    }

    fn authorize(&self, fields: &HashMap<String, String>) -> String {
        let code = self.random.token().unwrap();
        let behaviour = self.behaviour().clone();
        let mut answer = json!({ "code": code, "state": fields.get("state"), "iss": self.issuer });
        over(&mut answer, &behaviour.answer);
        self.codes.lock().unwrap().insert(code, Asked { fields: fields.clone(), said: behaviour.said });
        let mut back = url::Url::parse(&fields["redirect_uri"]).unwrap();
        for (name, value) in answer.as_object().unwrap() {
            back.query_pairs_mut().append_pair(name, value.as_str().unwrap_or_default());
        }
        format!("HTTP/1.1 302 Found\r\nlocation: {back}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
    }

    fn token(&self, heard: &Heard) -> (u16, Value) {
        let expected =
            [CLIENT_ID, CLIENT_SECRET].map(|part| url::form_urlencoded::byte_serialize(part.as_bytes()).collect::<String>());
        let basic = format!("Basic {}", STANDARD.encode(expected.join(":")));
        let in_body = heard.fields.get("client_secret").map(String::as_str) == Some(CLIENT_SECRET);
        if heard.authorization.as_deref() != Some(basic.as_str()) && !in_body {
            return (401, json!({ "error": "invalid_client" }));
        }
        let asked = self.codes.lock().unwrap().remove(heard.fields.get("code").map_or("", String::as_str));
        let Some(asked) = asked else { return (400, json!({ "error": "invalid_grant" })) };
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(heard.fields.get("code_verifier").map_or("", String::as_str)));
        if asked.fields.get("code_challenge") != Some(&challenge)
            || asked.fields.get("redirect_uri") != heard.fields.get("redirect_uri")
        {
            return (400, json!({ "error": "invalid_grant" }));
        }
        let access_token = "an access token of theirs";
        let id_token = self.id_token(&asked, access_token);
        (200, json!({ "access_token": access_token, "token_type": "Bearer", "expires_in": 300, "id_token": id_token }))
    }

    fn id_token(&self, asked: &Asked, access_token: &str) -> String {
        let behaviour = self.behaviour().clone();
        let now = self.clock.now().unix();
        let half = &Sha256::digest(access_token.as_bytes())[..16];
        let mut claims = json!({
            "iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": asked.fields.get("nonce"),
            "at_hash": URL_SAFE_NO_PAD.encode(half), "auth_time": now, "sid": "their-sid",
        });
        over(&mut claims, &asked.said);
        over(&mut claims, &behaviour.claims);
        self.signed(behaviour.signature, &claims, "JWT")
    }

    fn signed(&self, signature: Signature, claims: &Value, typ: &str) -> String {
        let (kid, payload) = (self.key.kid(), claims.to_string());
        let header = |alg: &str, kid: &str| {
            let mut header = json!({ "alg": alg });
            for (name, value) in [("typ", typ), ("kid", kid)].into_iter().filter(|(_, value)| !value.is_empty()) {
                header[name] = value.into();
            }
            header.to_string()
        };
        let other = SigningKey::generate(Alg::ES256, &Random::seeded(5)).unwrap();
        match signature {
            Signature::Right => jws(&header("ES256", kid), &payload, es256(&self.key)),
            Signature::None => format!("{}.{}.", encode(header("none", kid)), encode(payload)),
            Signature::Secret => jws(&header("HS256", kid), &payload, hs256(CLIENT_SECRET.as_bytes())),
            Signature::Confused => {
                jws(&header("HS256", kid), &payload, hs256(json!(self.key.public_jwk()).to_string().as_bytes()))
            }
            Signature::OtherKey => jws(&header("ES256", kid), &payload, es256(&other)),
            Signature::NewKey => jws(&header("ES256", self.new_key.kid()), &payload, es256(&self.new_key)),
            Signature::UnknownKey => jws(&header("ES256", "nobody's"), &payload, es256(&other)),
            Signature::Rolled => jws(&header("ES256", kid), &payload, es256(&self.new_key)),
            Signature::Nameless => jws(&header("ES256", ""), &payload, es256(&self.new_key)),
            Signature::NamelessOther => jws(&header("ES256", ""), &payload, es256(&other)),
        }
    }

    fn keys(&self) -> Value {
        let (own, new) = (json!(self.key.public_jwk()), json!(self.new_key.public_jwk()));
        let mut renamed = new.clone();
        renamed["kid"] = own["kid"].clone();
        json!({ "keys": match self.behaviour().signature {
            Signature::NewKey | Signature::Nameless | Signature::NamelessOther => vec![own, new],
            Signature::Rolled => vec![renamed],
            _ => vec![own],
        } })
    }

    /// GitHub's token endpoint answers errors with 200.
    fn hub_token(&self, heard: &Heard) -> (u16, Value) {
        let has_secret = heard.fields.get("client_secret").map(String::as_str) == Some(CLIENT_SECRET);
        if heard.fields.get("client_id").map(String::as_str) != Some(CLIENT_ID) || !has_secret {
            return (
                200,
                json!({ "error": "incorrect_client_credentials", "error_description": "The client_id and/or client_secret passed are incorrect." }),
            );
        }
        let asked = self.codes.lock().unwrap().remove(heard.fields.get("code").map_or("", String::as_str));
        let Some(asked) = asked else {
            return (
                200,
                json!({ "error": "bad_verification_code", "error_description": "The code passed is incorrect or expired." }),
            );
        };
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(heard.fields.get("code_verifier").map_or("", String::as_str)));
        if asked.fields.get("code_challenge") != Some(&challenge) {
            return (200, json!({ "error": "bad_verification_code" }));
        }
        (200, json!({ "access_token": "gho_theirs", "scope": "read:user,user:email", "token_type": "bearer" }))
    }

    fn api(&self, heard: &Heard) -> (u16, Value) {
        if heard.authorization.as_deref() != Some("Bearer gho_theirs") {
            return (401, json!({ "message": "Bad credentials", "documentation_url": "https://docs.github.com/rest" }));
        }
        let behaviour = self.behaviour();
        match heard.path.trim_start_matches("/api/v3") {
            "/user" => (200, behaviour.user.clone()),
            "/user/emails" => (200, behaviour.emails.clone()),
            "/user/orgs" => (200, behaviour.orgs.clone()),
            "/user/teams" => (200, behaviour.teams.clone()),
            _ => (404, json!({ "message": "Not Found" })),
        }
    }
}

/// Puts members over others; a null takes one away.
fn over(base: &mut Value, more: &Value) {
    let members: &mut Map<String, Value> = base.as_object_mut().unwrap();
    for (name, value) in more.as_object().unwrap() {
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
}

impl Upstream {
    /// A logout token as this provider signs it, with these claims put over the right ones.
    pub fn logout_token(&self, over_claims: &Value, signature: Signature) -> String {
        self.logout_token_of_type("logout+jwt", over_claims, signature)
    }

    /// The same with another `typ`; without any if it is empty.
    pub fn logout_token_of_type(&self, typ: &str, over_claims: &Value, signature: Signature) -> String {
        let now = self.shared.clock.now().unix();
        let mut claims = json!({
            "iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 120, "jti": self.shared.random.token().unwrap(),
            "sub": "up-ana", "sid": "their-sid", "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
        });
        over(&mut claims, over_claims);
        self.shared.signed(signature, &claims, typ)
    }
}

async fn serve(mut stream: TcpStream, shared: Arc<Shared>) {
    let Some(heard) = read(&mut stream).await else { return };
    shared.heard.lock().unwrap().push(heard.clone());
    let instead = shared.behaviour().instead.get(&heard.path).cloned();
    let answer = match instead {
        Some(Instead::Hang) => return tokio::time::sleep(Duration::from_secs(60)).await,
        Some(Instead::Drip) => return drip(stream).await,
        Some(Instead::Huge) => {
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n";
            format!("{head}{}", "x".repeat(10 * 1024 * 1024))
        }
        Some(Instead::Html) => text(200, "text/html", "<html><body>Maintenance</body></html>"),
        Some(Instead::Status(status)) => text(status, "text/plain", "no"),
        Some(Instead::Redirect(to)) => {
            format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        }
        Some(Instead::Json(status, value)) => text(status, "application/json", &value.to_string()),
        None => right(&heard, &shared),
    };
    // Who does not read it all is not to blame.
    drop(stream.write_all(answer.as_bytes()).await);
    drop(stream.shutdown().await);
}

async fn drip(mut stream: TcpStream) {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n";
    let mut going = stream.write_all(head.as_bytes()).await;
    while going.is_ok() {
        tokio::time::sleep(Duration::from_secs(1)).await;
        going = stream.write_all(b" ").await;
    }
}

fn right(heard: &Heard, shared: &Shared) -> String {
    let json = |(status, value): (u16, Value)| text(status, "application/json", &value.to_string());
    match heard.path.as_str() {
        "/.well-known/openid-configuration" => json((200, shared.metadata())),
        "/jwks" => json((200, shared.keys())),
        "/authorize" | "/login/oauth/authorize" => shared.authorize(&heard.fields),
        "/token" => json(shared.token(heard)),
        "/userinfo" => {
            let is_bearer = heard.authorization.as_deref() == Some("Bearer an access token of theirs");
            let told = shared.behaviour().userinfo.clone().filter(|_| is_bearer);
            json(told.map_or((401, json!({ "error": "invalid_token" })), |told| (200, told)))
        }
        "/login/oauth/access_token" => json(shared.hub_token(heard)),
        path if path.starts_with("/api/v3/") => json(shared.api(heard)),
        "/logout" => text(200, "text/html", "<p>signed out there</p>"),
        _ => text(404, "text/plain", "nothing"),
    }
}

fn text(status: u16, kind: &str, body: &str) -> String {
    let head = format!("HTTP/1.1 {status} So\r\ncontent-type: {kind}\r\nconnection: close");
    format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

async fn read(stream: &mut TcpStream) -> Option<Heard> {
    let mut bytes = Vec::new();
    loop {
        let mut part = [0; 4096];
        let count = stream.read(&mut part).await.ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&part[..count]);
        let whole = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = whole.split_once("\r\n\r\n") else { continue };
        let header = |name: &str| {
            let named = |line: &str| {
                let (own, value) = line.split_once(':')?;
                own.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
            };
            head.lines().find_map(named)
        };
        let length = header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        if body.len() < length {
            continue;
        }
        let mut line = head.lines().next()?.split(' ');
        let (method, target) = (line.next()?.to_owned(), line.next()?);
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let pairs = url::form_urlencoded::parse(query.as_bytes()).chain(url::form_urlencoded::parse(body.as_bytes()));
        let fields = pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
        return Some(Heard { method, path: path.to_owned(), fields, authorization: header("authorization") });
    }
}

/// What most tests connect.
pub fn off() -> Changes {
    Changes { auto_register: Some(Switch::Off), ..Changes::default() }
}
