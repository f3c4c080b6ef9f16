//! Puts the real parts together: the only place that knows everybody. `serve`, `demo`, the command line and the tests all
//! begin here.

mod factors;
mod policies;

pub use factors::{Plugins, check_counts};
use policies::{password_policy, policy, rate_rules};

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::watch;

use crate::admin::{self, Desk, OPERATOR};
use crate::base::{Clock, Fault, Random, Secret};
use crate::cache::Buckets;
use crate::config::{Config, Migrate, Synchronous};
use crate::endpoints::upstreams::Upstreams;
use crate::endpoints::{ClientKeys, Provider, Registry, discovery};
use crate::federation::demo_rp::DemoRp;
pub use crate::federation::demo_rp::Registration;
use crate::federation::demo_upstreams::DemoUpstreams;
use crate::identity::one_time::CodeKey;
use crate::identity::passkeys::Passkeys;
use crate::identity::passwords::{Capacity, Hasher};
use crate::jobs::Jobs;
use crate::keys::{self, PairwiseKey, Ring, Vault, rekey, rotation};
use crate::notify::{self, Post, PostParts, Templates};
use crate::outbound::{LoopbackHttp, Outbound, Rules};
use crate::store::migrations::{self, State as Schema};
use crate::store::{Db, Durability, Options};
use crate::tokens::{RefreshKey, Verifier};
use crate::web::demo::Demo;
use crate::web::limits::Limits;
use crate::web::{self, Csrf, HouseLook, Jwks, Listen, Metrics, Prepared, Shared, State, TlsFiles};

/// How many password checks may wait for a hashing thread, a core.
const WAITING_A_CORE: usize = 16;

/// A database, the master key and what the operator settled: all that the command line needs.
pub struct Shop {
    pub config: Config,
    pub db: Db,
    pub vault: Vault,
    pub clock: Clock,
    pub random: Random,
}

/// A whole provider, ready to serve.
pub struct App {
    pub config: Config,
    pub provider: Arc<Provider>,
    state: Shared,
    demo: Option<Arc<Demo>>,
}

/// The demo's relying party, the person whose password its page shows, and what its other providers know us by.
pub struct DemoParts {
    pub registration: Registration,
    pub person: Option<(String, String)>,
    pub upstream_secret: Secret<String>,
}

impl Shop {
    /// Opens the database, and brings its schema up to date where the settings allow that.
    ///
    /// # Errors
    /// The database cannot be used, its schema is not ours or newer, or the master key is not the one it was made with.
    pub async fn open(config: Config, clock: Clock, random: Random) -> Result<Self, Fault> {
        let durability = match config.database.synchronous {
            Synchronous::Full => Durability::Full,
            Synchronous::Normal => Durability::Normal,
        };
        let db = Db::open(config.database.url.expose(), &Options { durability }).await?;
        match (migrations::state(&db).await?, config.database.migrate) {
            (Schema::Current, _) => {}
            (Schema::Behind(_), Migrate::Auto) => drop(migrations::migrate(&db).await?),
            (Schema::Behind(missing), Migrate::Manual) => {
                let why = format!("{missing} migrations are missing and database.migrate is manual; run `vouchsafe migrate`");
                return Err(Fault::new("store: migrations", why));
            }
        }
        let vault = Vault::open_file(config.master_key.expose())?;
        Ok(Self { config, db, vault, clock, random })
    }

    /// The operator's desk over this database.
    pub fn desk(&self) -> Desk {
        Desk {
            db: self.db.clone(),
            clock: self.clock.clone(),
            random: self.random.clone(),
            vault: self.vault.clone(),
            limits: admin::Limits {
                id_token_algs: self.config.keys.algorithms.iter().map(|alg| alg.as_str().to_owned()).collect(),
                response_types: self.config.response_types.clone(),
                access_token_seconds: self.config.token.access_seconds,
                refresh_idle_seconds: self.config.token.refresh_idle_seconds,
                refresh_absolute_seconds: self.config.token.refresh_absolute_seconds,
            },
            password_policy: password_policy(&self.config),
            actor: OPERATOR.to_owned(),
        }
    }
}

impl App {
    /// Everything that a server needs, without listening yet.
    ///
    /// # Errors
    /// What [`Shop::open`] refuses, or the keys cannot be read.
    pub async fn build(config: Config, clock: Clock, random: Random) -> Result<Self, Fault> {
        Self::of(Shop::open(config, clock, random).await?).await
    }

    /// The same over a database that is open already.
    ///
    /// # Errors
    /// The keys cannot be made or read, or a thread cannot be started.
    pub async fn of(shop: Shop) -> Result<Self, Fault> {
        Self::with_plugins(shop, Plugins::default()).await
    }

    /// The same with plugins of somebody's own beside those of the house.
    ///
    /// # Errors
    /// As [`App::of`].
    pub async fn with_plugins(shop: Shop, plugins: Plugins) -> Result<Self, Fault> {
        rotation::ensure(&shop.db, &shop.vault, &shop.clock, &shop.random, &key_policy(&shop.config)).await?;
        let ring = Ring::load(&shop.db, &shop.vault, shop.clock.now()).await?;
        let pairwise = PairwiseKey::open(&shop.db, &shop.vault, &shop.random, shop.clock.now()).await?;
        rekey::check_first(&shop.db, &shop.vault, shop.clock.now()).await?;
        let policy = policy(&shop.config);
        let csrf = Csrf::new(shop.vault.mac_key("csrf")?);
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        let provider = Arc::new(Provider {
            issuer: shop.config.issuer.clone(),
            db: shop.db.clone(),
            clock: shop.clock.clone(),
            keys: ring.clone(),
            registry: Registry::default(),
            buckets: match &shop.config.redis_url {
                Some(url) => Arc::new(Buckets::in_redis(url)?),
                None => Arc::new(Buckets::in_memory()),
            },
            hasher: Hasher::start(&shop.random, Capacity { threads, waiting: threads * WAITING_A_CORE })?,
            password_policy: password_policy(&shop.config),
            random: shop.random,
            verifier: Verifier::new(shop.config.issuer.clone(), ring, shop.db.clone(), shop.vault.clone()),
            post: post(&shop.config, &shop.vault)?,
            code_key: CodeKey::new(shop.vault.mac_key("one-time-code")?),
            factors: factors::house(&shop.config, &shop.vault, &shop.clock, plugins)?,
            refresh_key: RefreshKey::new(shop.vault.mac_key("refresh-token")?),
            vault: shop.vault,
            policy,
            pairwise,
            passkeys: passkeys(&shop.config),
            outbound: outbound(&shop.config),
            client_keys: ClientKeys::default(),
            connected: Upstreams::default(),
        });
        let state = Shared::new(state(&shop.config, &provider, csrf)?);
        Ok(Self { config: shop.config, provider, state, demo: None })
    }

    /// Adds the demo's relying party, which calls this server by its own issuer URL, and its other providers.
    ///
    /// # Errors
    /// Chance failed.
    pub fn with_demo(mut self, parts: DemoParts) -> Result<Self, Fault> {
        let rules = Rules { plain_http_to: Some(self.provider.issuer.origin()), ..Rules::default() };
        let rp = DemoRp::new(Outbound::new(rules), parts.registration);
        let provider = &self.provider;
        let (clock, random) = (provider.clock.clone(), provider.random.clone());
        let upstreams = DemoUpstreams::new(provider.issuer.as_str(), parts.upstream_secret, clock, random)?;
        self.demo = Some(Arc::new(Demo::new(rp, parts.person, upstreams)));
        Ok(self)
    }

    /// Listens where the settings say.
    ///
    /// # Errors
    /// The address is taken, or TLS is not usable.
    pub fn listen(self) -> Result<Running, Fault> {
        let address = self.config.listen;
        let listener = bind(address, "listen")?;
        self.start(listener)
    }

    /// Serves on a listener that is open already.
    ///
    /// # Errors
    /// TLS is not usable, the metrics address is taken, or a thread cannot be started.
    pub fn start(self, listener: TcpListener) -> Result<Running, Fault> {
        let tls = self.config.tls.as_ref().map(|tls| TlsFiles { cert: tls.cert.clone(), key: tls.key.clone() });
        let workers = std::thread::available_parallelism().map_or(2, usize::from);
        let serving = web::serve(self.state.clone(), Listen { listener, tls, workers, demo: self.demo })?;
        let metrics = match self.config.metrics_listen {
            Some(address) => Some(web::serve_metrics(self.state, bind(address, "metrics.listen")?)?),
            None => None,
        };
        let (stop, stopped) = watch::channel(false);
        let jobs = Jobs::new(Arc::clone(&self.provider), key_policy(&self.config));
        let jobs = std::thread::Builder::new().name("jobs".to_owned()).spawn(move || run_jobs(jobs, stopped));
        let jobs = jobs.map_err(Fault::at("app: jobs thread"))?;
        Ok(Running { address: serving.address, serving: Some(serving), metrics, stop, jobs: Some(jobs), provider: self.provider })
    }
}

/// A server that answers.
pub struct Running {
    pub address: SocketAddr,
    pub provider: Arc<Provider>,
    serving: Option<web::Serving>,
    metrics: Option<web::MetricsServer>,
    stop: watch::Sender<bool>,
    jobs: Option<JoinHandle<()>>,
}

impl Running {
    /// A hand to stop it from elsewhere: requests under way are finished.
    pub fn handle(&self) -> Option<web::Handle> {
        self.serving.as_ref().map(web::Serving::handle)
    }

    /// Serves until it is stopped.
    ///
    /// # Errors
    /// The listener broke.
    pub async fn serve(mut self) -> Result<(), Fault> {
        let Some(serving) = self.serving.take() else { return Ok(()) };
        let metrics = self.metrics.take();
        let metrics_handle = metrics.as_ref().map(web::MetricsServer::handle);
        let metrics = metrics.map(|metrics| tokio::spawn(metrics.server));
        let ended = serving.server.await;
        if let (Some(handle), Some(task)) = (metrics_handle, metrics) {
            handle.stop(false).await;
            drop(task.await);
        }
        self.stop.send_replace(true);
        if let Some(jobs) = self.jobs.take() {
            drop(jobs.join());
        }
        ended.map_err(Fault::at("app: serve"))
    }
}

fn bind(address: SocketAddr, setting: &'static str) -> Result<TcpListener, Fault> {
    TcpListener::bind(address).map_err(|error| Fault::new(setting, format!("{address}: {error}")))
}

fn run_jobs(jobs: Jobs, stopped: watch::Receiver<bool>) {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(jobs.run(stopped)),
        Err(error) => tracing::error!(%error, "the jobs cannot run"),
    }
}

/// Passkeys of the issuer's host; none where that is an address.
pub fn passkeys(config: &Config) -> Option<Passkeys> {
    let (issuer, own) = (&config.issuer, &config.passkeys);
    Passkeys::new((issuer.host(), &issuer.origin()), &own.related_origins, &config.house.name, own.verification)
}

/// Where requests of ours may go.
fn rules(config: &Config) -> Rules {
    let loopback_http = if config.issuer.is_development() { LoopbackHttp::Allowed } else { LoopbackHttp::Refused };
    let (allow, ca_file) = (config.outbound_allow.clone(), config.outbound_ca_file.clone());
    Rules { allow, ca_file, loopback_http, ..Rules::default() }
}

/// The guarded client of these settings.
pub fn outbound(config: &Config) -> Outbound {
    Outbound::new(rules(config))
}

/// The mail of the house, as the settings want it sent. Nothing is opened yet.
///
/// # Errors
/// A template or the sender is not usable.
pub fn post(config: &Config, vault: &Vault) -> Result<Post, Fault> {
    let templates = Templates::load(config.mail.templates.as_deref());
    Post::new(PostParts {
        key: vault.seal_key("mail")?,
        issuer: config.issuer.clone(),
        house: config.house.name.clone(),
        sender: config.mail.from.clone(),
        way: config.mail.way.clone(),
        templates: templates.map_err(|broken| Fault::new("mail.templates", format!("{}: {}", broken.file, broken.why)))?,
        ca_file: config.outbound_ca_file.clone(),
        deadline: notify::DEADLINE,
    })
}

/// When keys are made, used and retired.
pub fn key_policy(config: &Config) -> keys::Policy {
    keys::Policy {
        algs: config.keys.algorithms.clone(),
        max_age_seconds: config.keys.max_age_seconds,
        publish_seconds: config.keys.publish_seconds,
        retire_seconds: config.keys.retire_seconds,
    }
}

fn state(config: &Config, provider: &Arc<Provider>, csrf: Csrf) -> Result<State, Fault> {
    let json = |value: &serde_json::Value| serde_json::to_vec(value).map_err(Fault::at("app: documents"));
    let accent_css = config.house.accent.as_deref().map(web::accent_css);
    let base = provider.issuer.path();
    Ok(State {
        provider: Arc::clone(provider),
        csrf,
        trusted_proxies: config.trusted_proxies.clone(),
        trusted_hosts: config.trusted_hosts.clone(),
        limits: Limits::new(Arc::clone(&provider.buckets), rate_rules(config)),
        house: Arc::new(HouseLook {
            name: config.house.name.clone(),
            logo_url: None,
            privacy: config.house.privacy.clone(),
            terms: config.house.terms.clone(),
            help: config.house.help.clone(),
            accent_css_url: accent_css.as_ref().map(|_| format!("{base}{}", web::ACCENT_CSS_PATH)),
        }),
        accent_css: accent_css.map(|css| Prepared::file("text/css; charset=utf-8", css)),
        related_origins: Prepared::document(json(&discovery::related_origins(provider))?),
        jwks: Jwks::default(),
        discovery: Prepared::document(json(&discovery::document(provider, web::routes::metadata()))?),
        openapi: Prepared::document(json(&web::openapi_document(&provider.issuer))?),
        metrics: Metrics::default(),
    })
}
