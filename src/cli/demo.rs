//! `demo`: a complete issuer on this machine, with a person, a client and a relying party of its own at `/demo`.
//!
//! Nothing of it is kept, unless a database is named.

use std::ffi::OsString;
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Map, Value, json};

use super::answer::{self, Answer, Failure, Form};
use super::users::hasher;
use super::{log, open, seed, serve};
use crate::admin::clients::{self, Changes, Done, NewClient};
use crate::admin::upstreams;
use crate::admin::users::{self, Address, NewUser, User};
use crate::admin::{Desk, Refusal};
use crate::app::{App, DemoParts};
use crate::base::{Fault, Random, Secret};
use crate::config::{self, Config, ENVIRONMENT_PREFIX};
use crate::federation::Kind;
use crate::federation::demo_rp::Registration;
use crate::federation::demo_upstreams::{CLIENT_ID, Side};
use crate::keys::Vault;
use crate::notify::{Inbox, Way};

const EMAIL: &str = "ana@example.com";
const CLIENT: &str = "demo";

/// Where a demo listens if that port is free; any other free one if it is not.
const PORT: u16 = 8080;

#[derive(Args)]
pub struct Demo {
    /// Address and port of the listener; 127.0.0.1 and 8080 or another free port by default.
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,
    /// A database to keep; by default one in a temporary folder.
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// More people and clients, TOML or JSON.
    #[arg(long, value_name = "FILE")]
    seed_from: Option<PathBuf>,
}

/// A folder that goes when the demo ends.
struct Folder(PathBuf);

impl Folder {
    fn new(random: &Random) -> Result<Self, Failure> {
        let path = std::env::temp_dir().join(format!("vouchsafe-demo-{}", random.token()?));
        fs::DirBuilder::new().mode(0o700).create(&path).map_err(Fault::at("demo: temporary folder"))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What a person of the demo signs in with.
struct Credentials {
    user: User,
    email: String,
    password: String,
}

pub fn run(demo: &Demo, form: Form) -> Result<Answer, Failure> {
    let seed = demo.seed_from.as_deref().map(seed::read).transpose()?.unwrap_or_default();
    let random = Random::system();
    let folder = Folder::new(&random)?;
    let listener = listen(demo.listen)?;
    let mut config = settings(demo, &folder.0, &listener)?;
    config.mail.way = Way::Memory(Inbox::default());
    log::start(&config.log)?;
    open::block_on_server(async {
        let shop = open::shop(config).await?;
        let desk = shop.desk();
        let people = add_people(&desk, &seed).await?;
        let (own, apps) = add_clients(&desk, shop.config.issuer.as_str(), &seed).await?;
        let facts = facts(shop.config.issuer.as_str(), &people, &apps);
        let upstream_secret = connect(&desk, shop.config.issuer.as_str()).await?;
        let parts = parts(shop.config.issuer.as_str(), &own, people.first(), upstream_secret);
        let running = App::of(shop).await?.with_demo(parts)?.start(listener)?;
        answer::print(Some(&facts.line(form)));
        serve::until_stopped(running).await
    })?;
    Ok(Answer::silent())
}

fn listen(asked: Option<SocketAddr>) -> Result<TcpListener, Failure> {
    let open =
        |address: SocketAddr| TcpListener::bind(address).map_err(|error| Failure::new(format!("--listen {address}: {error}")));
    match asked {
        Some(address) => open(address),
        None => open(([127, 0, 0, 1], PORT).into()).or_else(|_| open(([127, 0, 0, 1], 0).into())),
    }
}

/// Settings like an operator's, checked like an operator's.
fn settings(demo: &Demo, folder: &Path, listener: &TcpListener) -> Result<Config, Failure> {
    let address = listener.local_addr().map_err(Fault::at("demo: listen"))?;
    let key = folder.join("master.key");
    let contents = Vault::generate_file(&Random::system())?;
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&key).map_err(Fault::at("demo: key"))?;
    std::io::Write::write_all(&mut file, contents.as_bytes()).map_err(Fault::at("demo: key"))?;
    let database = demo.database.clone().unwrap_or_else(|| format!("sqlite://{}", folder.join("demo.db").display()));
    let given: [(&str, OsString); 8] = [
        ("ISSUER", format!("http://localhost:{}", address.port()).into()),
        ("LISTEN", address.to_string().into()),
        ("MASTER_KEY_FILE", key.into()),
        ("DATABASE__URL", database.into()),
        ("KEYS__ALGORITHMS", "RS256,ES256,EdDSA,PS256".into()),
        ("SIGN_UP__MODE", "open".into()),
        // Its other providers are on this machine.
        ("OUTBOUND__ALLOW", "127.0.0.0/8,::1/128".into()),
        ("LOG__LEVEL", "warn".into()),
    ];
    let environment = given.into_iter().map(|(name, value)| (format!("{ENVIRONMENT_PREFIX}{name}"), value));
    Ok(config::load_with(None, environment)?)
}

/// The demo's person first, then those of the seed. Somebody whom a kept database knows gets a new password.
async fn add_people(desk: &Desk, seed: &seed::Seed) -> Result<Vec<Credentials>, Failure> {
    let hasher = hasher(desk)?;
    let password: String = desk.random.token()?.chars().take(12).collect();
    let own = (EMAIL.to_owned(), password, profile());
    let others = seed.users.iter().map(|person| (person.email.clone(), person.password.clone(), person.claims.clone()));
    let mut people = Vec::new();
    for (email, password, claims) in std::iter::once(own).chain(others) {
        let secret = || Secret::new(password.clone());
        let new = NewUser { email: email.clone(), address: Address::Verified, claims, password: Some(secret()) };
        let user = match users::add(desk, &hasher, new).await {
            Err(Refusal::Taken(_)) => users::set_password(desk, &hasher, &email, secret()).await?,
            added => added?,
        };
        people.push(Credentials { user, email, password });
    }
    Ok(people)
}

/// Every standard claim, so that each scope has something to show.
fn profile() -> Map<String, Value> {
    let claims = json!({
        "name": "Ana Example",
        "given_name": "Ana",
        "family_name": "Example",
        "middle_name": "Maria",
        "nickname": "Ani",
        "preferred_username": "ana",
        "profile": "https://ana.example.com/",
        "picture": "https://ana.example.com/ana.png",
        "website": "https://ana.example.com/",
        "gender": "female",
        "birthdate": "1990-05-17",
        "zoneinfo": "Europe/Berlin",
        "locale": "en",
        "phone_number": "+4930901820",
        "phone_number_verified": true,
        "address": {
            "formatted": "Musterweg 1\n10115 Berlin\nGermany",
            "street_address": "Musterweg 1",
            "locality": "Berlin",
            "postal_code": "10115",
            "country": "Germany",
        },
    });
    claims.as_object().cloned().unwrap_or_default()
}

/// The demo's own client, and with it in one list those of the seed.
async fn add_clients(desk: &Desk, issuer: &str, seed: &seed::Seed) -> Result<(Done, Vec<Value>), Failure> {
    let own = Changes {
        name: Some("Demo".to_owned()),
        redirect_uris: Some(vec![format!("{issuer}/demo/callback")]),
        post_logout_redirect_uris: Some(vec![format!("{issuer}/demo")]),
        ..Changes::default()
    };
    let own = replace(desk, CLIENT, None, &own).await?;
    let mut apps = vec![as_json(&own)];
    for app in &seed.clients {
        apps.push(as_json(&replace(desk, &app.client_id, app.secret(), &app.changes()).await?));
    }
    Ok((own, apps))
}

/// A client as it is described, whatever a kept database has under its id.
async fn replace(desk: &Desk, id: &str, secret: Option<Secret<String>>, about: &Changes) -> Result<Done, Failure> {
    match clients::remove(desk, id).await {
        Ok(()) | Err(Refusal::NotFound(_)) => {}
        Err(refusal) => return Err(refusal.into()),
    }
    Ok(clients::add(desk, NewClient { client_id: Some(id.to_owned()), secret }, about).await?)
}

fn as_json(done: &Done) -> Value {
    json!({
        "client_id": done.client.client_id,
        "client_secret": done.secret.as_ref().map(Secret::expose),
        "redirect_uris": done.client.redirect_uris,
        "post_logout_redirect_uris": done.client.post_logout_redirect_uris,
    })
}

/// The demo's other providers, whatever a kept database has under their ids. The secret is what they know us by.
async fn connect(desk: &Desk, issuer: &str) -> Result<Secret<String>, Failure> {
    let secret = Secret::new(desk.random.token()?);
    for (side, kind) in [(Side::Google, Kind::Google), (Side::GitHub, Kind::GitHub)] {
        match upstreams::remove(desk, side.as_str()).await {
            Ok(_) | Err(Refusal::NotFound(_)) => {}
            Err(refusal) => return Err(refusal.into()),
        }
        let about = upstreams::Changes {
            kind: Some(kind),
            issuer: Some(format!("{issuer}/demo/{side}")),
            client_id: Some(CLIENT_ID.to_owned()),
            secret: Some(secret.clone()),
            ..upstreams::Changes::default()
        };
        upstreams::add(desk, side.as_str(), &about).await?;
    }
    Ok(secret)
}

fn parts(issuer: &str, own: &Done, person: Option<&Credentials>, upstream_secret: Secret<String>) -> DemoParts {
    DemoParts {
        registration: Registration {
            issuer: issuer.to_owned(),
            client_id: own.client.client_id.clone(),
            client_secret: own.secret.as_ref().map(|secret| secret.expose().clone()).unwrap_or_default(),
            redirect_uri: format!("{issuer}/demo/callback"),
            post_logout_redirect_uri: format!("{issuer}/demo"),
        },
        person: person.map(|person| (person.email.clone(), person.password.clone())),
        upstream_secret,
    }
}

struct Facts {
    text: String,
    json: Value,
}

impl Facts {
    fn line(&self, form: Form) -> String {
        match form {
            Form::Text => self.text.clone(),
            Form::Json => self.json.to_string(),
        }
    }
}

fn facts(issuer: &str, people: &[Credentials], apps: &[Value]) -> Facts {
    let users: Vec<_> = people
        .iter()
        .map(|p| json!({ "id": p.user.id, "sub": p.user.sub, "username": p.email, "email": p.email, "password": p.password }))
        .collect();
    let (email, password) = people.first().map_or(("", ""), |person| (person.email.as_str(), person.password.as_str()));
    let text = format!(
        "Vouchsafe demo\n\n  issuer    {issuer}\n  demo      {issuer}/demo   (open it in a browser)\n  mail      {issuer}/demo/inbox\n  person    {email}\n  \
         password  {password}\n  try       curl {issuer}/.well-known/openid-configuration\n\nStop it with Ctrl-C."
    );
    Facts {
        text,
        json: json!({ "issuer": issuer, "demo_url": format!("{issuer}/demo"), "inbox_url": format!("{issuer}/demo/inbox.json"), "users": users, "clients": apps }),
    }
}
