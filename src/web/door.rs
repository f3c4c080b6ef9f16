//! The listeners: the public one, with or without TLS, and the separate one for metrics.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::middleware::from_fn;
use actix_web::web::{self, Data};
use actix_web::{App, HttpResponse, HttpServer};

use super::demo::{self, Demo};
use super::tls::{self, TlsFiles};
use super::{State, headers, routes};
use crate::base::Fault;

/// How long requests under way may take to finish when the server stops, in seconds.
const SHUTDOWN_SECONDS: u64 = 20;

/// How long the first line and the headers of a connection may take.
const HEAD_DEADLINE: Duration = Duration::from_secs(5);

/// How long an idle connection is kept.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// Where the public listener is.
pub struct Listen {
    pub listener: TcpListener,
    pub tls: Option<TlsFiles>,
    pub workers: usize,
    /// The demo's relying party, in a demo.
    pub demo: Option<Arc<Demo>>,
}

/// What the handlers of every worker share.
#[derive(Clone)]
pub struct Shared(Data<State>);

impl Shared {
    pub fn new(state: State) -> Self {
        Self(Data::new(state))
    }
}

/// A hand on a server, to stop it.
pub struct Handle(ServerHandle);

impl Handle {
    /// Takes no new connections; requests under way are finished.
    pub async fn stop(&self) {
        self.0.stop(true).await;
    }

    /// Stops at once, whatever is under way.
    pub async fn kill(&self) {
        self.0.stop(false).await;
    }
}

/// The metrics listener, ready to be awaited.
pub struct MetricsServer {
    pub server: Server,
}

impl MetricsServer {
    pub fn handle(&self) -> ServerHandle {
        self.server.handle()
    }
}

/// A server that is ready to be awaited.
pub struct Serving {
    pub server: Server,
    pub address: SocketAddr,
}

impl Serving {
    pub fn handle(&self) -> Handle {
        Handle(self.server.handle())
    }
}

/// The public listener.
///
/// # Errors
/// The listener cannot be used, or the TLS files are not usable.
pub fn serve(state: Shared, listen: Listen) -> Result<Serving, Fault> {
    let address = listen.listener.local_addr().map_err(Fault::at("web: listen"))?;
    let base = state.0.provider.issuer.path().to_owned();
    let demo = listen.demo.map(Data::from);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(state.0.clone())
            .wrap(from_fn(headers::around))
            .configure(|config| {
                if let Some(demo) = &demo {
                    config.app_data(demo.clone());
                    demo::routes(&base, config);
                }
            })
            .configure(|config| routes::configure(&base, config))
            .default_service(web::to(routes::nothing_here))
    })
    .workers(listen.workers)
    .client_request_timeout(HEAD_DEADLINE)
    .keep_alive(KEEP_ALIVE)
    .shutdown_timeout(SHUTDOWN_SECONDS)
    .disable_signals();
    let server = match listen.tls {
        Some(files) => server.listen_rustls_0_23(listen.listener, tls::config(files)?),
        None => server.listen(listen.listener),
    };
    Ok(Serving { server: server.map_err(Fault::at("web: listen"))?.run(), address })
}

/// The metrics listener, for the operator's network only.
///
/// # Errors
/// The listener cannot be used.
pub fn serve_metrics(state: Shared, listener: TcpListener) -> Result<MetricsServer, Fault> {
    let server = HttpServer::new(move || {
        App::new()
            .app_data(state.0.clone())
            .route("/metrics", web::get().to(metrics))
            .default_service(web::to(HttpResponse::NotFound))
    })
    .workers(1)
    .shutdown_timeout(1)
    .disable_signals();
    Ok(MetricsServer { server: server.listen(listener).map_err(Fault::at("web: metrics listen"))?.run() })
}

async fn metrics(state: Data<State>) -> HttpResponse {
    let (mail, factors) = (state.provider.post.counted(), &state.provider.factors.counts);
    let text = state.metrics.text(mail, factors) + state.limits.text().as_str();
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(text)
}
