//! The real `App` on a port of its own, with a database of its own, a clock that starts now and stands still, and chance
//! that is the same at each run.

use std::ffi::OsString;
use std::net::TcpListener;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use serde_json::{Map, Value, json};
use tempfile::TempDir;
use vouchsafe::admin::Desk;
use vouchsafe::admin::clients::{self, Changes, Done, NewClient};
use vouchsafe::admin::users::{self, Address, NewUser, User};
use vouchsafe::app::{App, DemoParts, Plugins, Registration, Shop};
use vouchsafe::base::{Clock, Id, Random, Secret};
use vouchsafe::config::{self, Config, ENVIRONMENT_PREFIX, PluginSettings};
use vouchsafe::endpoints::Provider;
use vouchsafe::jose::{Alg, SigningKey};
use vouchsafe::keys::Vault;
use vouchsafe::notify::{Inbox, Way};
use vouchsafe::oauth::{AuthMethod, GrantType};
use vouchsafe::store::keys::{self, State, StoredKey};

/// The password of every person of the tests.
pub const PASSWORD: &str = "correct horse battery staple";

static NUMBER: AtomicU64 = AtomicU64::new(1);

/// A running provider. It stops when it is dropped.
pub struct TestApp {
    pub issuer: String,
    pub clock: Clock,
    pub provider: Arc<Provider>,
    pub config: Config,
    pub(super) inbox: Inbox,
    pub(super) mail_ignored: AtomicBool,
    desk: Desk,
    handle: Option<vouchsafe::web::Handle>,
    server: Option<JoinHandle<()>>,
    folder: Arc<TempDir>,
    postgres: Option<String>,
}

/// Makes plugins of their settings.
pub type MakePlugins = Box<dyn Fn(&mut PluginSettings) -> Option<Plugins>>;

/// What a test wants otherwise than usual.
#[derive(Default)]
pub struct Wish<'a> {
    /// Settings by their environment name without the prefix: `("RESPONSE_TYPES", "code,id_token")`.
    pub settings: &'a [(&'a str, &'a str)],
    /// The path of the issuer, such as `/tenant`.
    pub path: &'a str,
    /// Whether `/demo` is there.
    pub demo: bool,
    /// Plugins beside those of the house.
    pub plugins: Option<MakePlugins>,
}

/// The keys of all tests of this process: making RSA keys for each would eat the time.
fn test_keys() -> &'static [(Alg, Vec<u8>)] {
    static KEYS: OnceLock<Vec<(Alg, Vec<u8>)>> = OnceLock::new();
    KEYS.get_or_init(|| {
        let random = Random::seeded(7);
        Alg::ASYMMETRIC
            .into_iter()
            .map(|alg| (alg, SigningKey::generate(alg, &random).unwrap().pkcs8().expose().clone()))
            .collect()
    })
}

/// The provider's own key, to sign what it never would.
pub fn test_key(alg: Alg) -> SigningKey {
    let (_, pkcs8) = test_keys().iter().find(|(own, _)| *own == alg).unwrap();
    SigningKey::from_pkcs8(alg, pkcs8).unwrap()
}

impl TestApp {
    pub async fn start() -> TestApp {
        TestApp::with(Wish::default()).await
    }

    pub async fn with(wish: Wish<'_>) -> TestApp {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let postgres = match std::env::var("TEST_DATABASE_URL") {
            Ok(server) => Some(create_database(&server).await),
            Err(_) => None,
        };
        let random = Random::seeded(NUMBER.fetch_add(1, Ordering::SeqCst));
        let key = folder.path().join("master.key");
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&key).unwrap();
        std::io::Write::write_all(&mut file, Vault::generate_file(&random).unwrap().as_bytes()).unwrap();
        drop(file);
        TestApp::launch(&wish, folder, postgres, random, Clock::fixed(Clock::system().now())).await
    }

    async fn launch(wish: &Wish<'_>, folder: Arc<TempDir>, postgres: Option<String>, random: Random, clock: Clock) -> TestApp {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let issuer = format!("http://localhost:{}{}", address.port(), wish.path);
        let database = postgres.clone().unwrap_or_else(|| format!("sqlite://{}", folder.path().join("test.db").display()));
        let given: Vec<(&str, OsString)> = vec![
            ("ISSUER", issuer.clone().into()),
            ("LISTEN", address.to_string().into()),
            ("DATABASE__URL", database.into()),
            ("DATABASE__SYNCHRONOUS", "normal".into()),
            ("MASTER_KEY_FILE", folder.path().join("master.key").into()),
            ("KEYS__ALGORITHMS", "RS256,ES256,EdDSA,PS256".into()),
            // All tests come from one address; those of the limits wish for some.
            ("LIMITS__PAGES_PER_MINUTE", "0".into()),
            ("LIMITS__GUESSES_PER_MINUTE", "0".into()),
            ("LIMITS__FAILURES_PER_MINUTE", "0".into()),
            ("LIMITS__MAIL_PER_HOUR", "0".into()),
            ("LIMITS__VISITS_PER_HOUR", "0".into()),
        ];
        let is_wished = |name: &str| wish.settings.iter().any(|(wished, _)| *wished == name);
        let given = given.into_iter().filter(|(name, _)| !is_wished(name));
        let wished = wish.settings.iter().map(|(name, value)| (*name, OsString::from(value)));
        let environment = given.chain(wished).map(|(name, value)| (format!("{ENVIRONMENT_PREFIX}{name}"), value));
        let make = |own: &mut PluginSettings| wish.plugins.as_ref().map_or_else(|| Some(Plugins::default()), |make| make(own));
        let loaded = config::load_for(None, environment, make);
        let (mut config, plugins) = loaded.unwrap_or_else(|problems| panic!("{problems}"));
        let inbox = Inbox::default();
        if !wish.settings.iter().any(|(name, _)| *name == "MAIL__URL") {
            config.mail.way = Way::Memory(inbox.clone());
        }
        let shop = Shop::open(config.clone(), clock.clone(), random).await.unwrap();
        put_test_keys(&shop).await;
        let desk = shop.desk();
        let mut app = App::with_plugins(shop, plugins).await.unwrap();
        if wish.demo {
            app = with_demo(app, &desk, &issuer).await;
        }
        let provider = Arc::clone(&app.provider);
        let running = app.start(listener).unwrap();
        let handle = running.handle();
        let server = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            tokio::task::LocalSet::new().block_on(&runtime, running.serve()).unwrap();
        });
        let mail_ignored = AtomicBool::new(false);
        TestApp { issuer, clock, provider, config, inbox, mail_ignored, desk, handle, server: Some(server), folder, postgres }
    }

    /// Stops this process of the provider and starts another one on the same database, at the same moment.
    pub async fn restart(self) -> TestApp {
        self.restart_with(Wish::default()).await
    }

    /// The same with other settings.
    pub async fn restart_with(mut self, wish: Wish<'_>) -> TestApp {
        self.stop().await;
        let random = Random::seeded(NUMBER.fetch_add(1, Ordering::SeqCst));
        let (folder, postgres, clock) = (Arc::clone(&self.folder), self.postgres.take(), self.clock.clone());
        TestApp::launch(&wish, folder, postgres, random, clock).await
    }

    /// Another process of the provider, on the same PostgreSQL database, with the same issuer, at the same moment.
    pub async fn second_node(&self) -> TestApp {
        let random = Random::seeded(NUMBER.fetch_add(1, Ordering::SeqCst));
        let settings = [("ISSUER", self.issuer.as_str())];
        let wish = Wish { settings: &settings, ..Wish::default() };
        let mut node = TestApp::launch(&wish, Arc::clone(&self.folder), self.postgres.clone(), random, self.clock.clone()).await;
        node.issuer = format!("http://localhost:{}", node.config.listen.port());
        node
    }

    async fn stop(&mut self) {
        if let Some(handle) = self.handle.take() {
            handle.kill().await;
        }
        if let Some(server) = self.server.take() {
            server.join().unwrap();
        }
    }

    pub fn desk(&self) -> &Desk {
        &self.desk
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// An address of ours.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.issuer)
    }

    /// A verified person `NAME@example.com` with every standard claim and [`PASSWORD`].
    pub async fn person(&self, name: &str) -> User {
        let claims = profile(name);
        let email = format!("{name}@example.com");
        let new = NewUser { email, address: Address::Verified, claims, password: Some(Secret::new(PASSWORD.to_owned())) };
        users::add(&self.desk, &self.provider.hasher, new).await.unwrap()
    }

    /// A client with this id; its secret is in the answer.
    pub async fn client(&self, id: &str, about: Changes) -> Done {
        let new = NewClient { client_id: Some(id.to_owned()), secret: None };
        let about = Changes { name: about.name.clone().or_else(|| Some(id.to_owned())), ..about };
        let done = clients::add(&self.desk, new, &about).await.unwrap_or_else(|refusal| panic!("{refusal}"));
        self.provider.registry.forget();
        done
    }

    /// What a running server does within a second when something changed elsewhere.
    pub fn notice_changes(&self) {
        self.provider.registry.forget();
    }

    /// A client for itself, with these scopes.
    pub async fn machine(&self, id: &str, scope: &str) -> Done {
        let about = Changes {
            redirect_uris: Some(Vec::new()),
            grant_types: Some(vec![GrantType::ClientCredentials]),
            response_types: Some(Vec::new()),
            scope: Some(scope.to_owned()),
            auth_method: Some(AuthMethod::ClientSecretBasic),
            ..Changes::default()
        };
        self.client(id, about).await
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        let (handle, server) = (self.handle.take(), self.server.take());
        // Stopping is asynchronous and a drop is not: a thread waits for both.
        let stopping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                if let Some(handle) = handle {
                    handle.kill().await;
                }
            });
            server.map(JoinHandle::join)
        });
        let joined = stopping.join();
        if !std::thread::panicking() {
            assert!(matches!(joined, Ok(None | Some(Ok(())))), "the server did not stop well");
            super::mail::all_read(self);
        }
    }
}

async fn put_test_keys(shop: &Shop) {
    let now = shop.clock.now();
    for (alg, pkcs8) in test_keys() {
        let key = SigningKey::from_pkcs8(*alg, pkcs8).unwrap();
        let id = Id::new(&shop.clock, &shop.random).unwrap();
        let row = StoredKey {
            kid: key.kid().to_owned(),
            alg: *alg,
            state: State::Active,
            public_jwk: key.public_jwk().clone(),
            sealed: shop.vault.seal("signing_keys", "sealed", id.as_str(), pkcs8).unwrap(),
            created_at: now,
            published_at: now,
            activated_at: Some(now),
            retired_at: None,
            id,
        };
        shop.db.write(async move |tx| keys::insert(tx, &row).await).await.unwrap();
    }
}

async fn with_demo(app: App, desk: &Desk, issuer: &str) -> App {
    let about = Changes {
        name: Some("Demo".to_owned()),
        redirect_uris: Some(vec![format!("{issuer}/demo/callback")]),
        post_logout_redirect_uris: Some(vec![format!("{issuer}/demo")]),
        ..Changes::default()
    };
    let done = clients::add(desk, NewClient { client_id: Some("demo".to_owned()), secret: None }, &about).await.unwrap();
    let registration = Registration {
        issuer: issuer.to_owned(),
        client_id: "demo".to_owned(),
        client_secret: done.secret.unwrap().expose().clone(),
        redirect_uri: format!("{issuer}/demo/callback"),
        post_logout_redirect_uri: format!("{issuer}/demo"),
    };
    app.with_demo(DemoParts { registration, person: None, upstream_secret: Secret::new("demo".to_owned()) }).unwrap()
}

fn profile(name: &str) -> Map<String, Value> {
    let claims = json!({
        "name": format!("{name} Example"), "given_name": name, "family_name": "Example", "middle_name": "M", "nickname": name,
        "preferred_username": name, "profile": "https://example.com/me", "picture": "https://example.com/me.png",
        "website": "https://example.com/", "gender": "female", "birthdate": "1990-05-17", "zoneinfo": "Europe/Berlin",
        "locale": "en", "phone_number": "+4930901820", "phone_number_verified": true,
        "address": { "locality": "Berlin", "country": "Germany" },
    });
    claims.as_object().unwrap().clone()
}

/// A database of this test's own on the server that `tests/run` started; it goes with the server.
async fn create_database(server: &str) -> String {
    use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
    let name = format!("test_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::SeqCst));
    let mut connection = sqlx::PgConnection::connect(server).await.unwrap();
    connection.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.unwrap();
    connection.close().await.unwrap();
    let (base, _) = server.rsplit_once('/').unwrap();
    format!("{base}/{name}")
}
