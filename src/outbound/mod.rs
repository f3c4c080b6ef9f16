//! The only HTTP client: guarded, so that nobody can make us call what only we can reach (decision 32).
//!
//! https only, one resolution whose addresses are all checked and then used, no redirects, no proxy from the environment,
//! five seconds, 256 KiB. What went wrong is told in general words: an error must not map a private network.

mod address;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, ClientBuilder, redirect};

use crate::base::Fault;
use address::is_special_use;

const DEADLINE: Duration = Duration::from_secs(5);
const LARGEST: usize = 256 * 1024;

/// Why a call gave nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutboundError {
    /// The address or its scheme may not be called.
    Refused,
    /// It did not answer in time, or not with something usable.
    Failed,
    /// More than 256 KiB came.
    TooLarge,
}

impl std::fmt::Display for OutboundError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Refused => "this address may not be called",
            Self::Failed => "no usable answer came",
            Self::TooLarge => "the answer is too large",
        })
    }
}

impl std::error::Error for OutboundError {}

/// What may be called beside public addresses.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Private networks that the operator opened (`outbound.allow`).
    pub allow: Vec<IpNet>,
    /// Further certificate authorities (`outbound.ca_file`).
    pub ca_file: Option<PathBuf>,
    /// The one origin that may be called by http: our own issuer's in development, for the demo.
    pub plain_http_to: Option<String>,
    /// Whether apps on this machine may be called by http.
    pub loopback_http: LoopbackHttp,
}

/// Whether loopback addresses may be called without TLS; `allow` has to name them all the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LoopbackHttp {
    #[default]
    Refused,
    /// In development: who runs the issuer on their own machine runs the apps there, too.
    Allowed,
}

/// The client; cheap to clone, built when first needed.
#[derive(Clone)]
pub struct Outbound(Arc<Inner>);

struct Inner {
    rules: Rules,
    world: OnceLock<Client>,
    own: OnceLock<Client>,
    neighbour: OnceLock<Client>,
}

/// Whom a call is for; each kind has its own addresses, and neither may call the other's.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Target {
    /// Somebody else: https, public addresses and the opened networks.
    World,
    /// `plain_http_to`: http, loopback addresses alone.
    Own,
    /// Another app on this machine: http, the opened loopback addresses alone.
    Neighbour,
}

impl Rules {
    fn permits(&self, target: Target, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        match target {
            Target::World => self.allow.iter().any(|net| net.contains(&ip)) || !is_special_use(ip),
            Target::Own => ip.is_loopback(),
            Target::Neighbour => ip.is_loopback() && self.allow.iter().any(|net| net.contains(&ip)),
        }
    }

    /// Whether a URL may be called, and as what. A name is judged again when it is resolved; a literal address never is, so
    /// it is judged here.
    fn target(&self, url: &reqwest::Url) -> Result<Target, OutboundError> {
        let own = self.plain_http_to.as_deref() == Some(url.origin().ascii_serialization().as_str());
        let target = match url.scheme() {
            "https" => Target::World,
            "http" if own => Target::Own,
            "http" if self.loopback_http == LoopbackHttp::Allowed => Target::Neighbour,
            _ => return Err(OutboundError::Refused),
        };
        let permitted = match url.host() {
            Some(url::Host::Ipv4(ip)) => self.permits(target, ip.into()),
            Some(url::Host::Ipv6(ip)) => self.permits(target, ip.into()),
            Some(url::Host::Domain(_)) => true,
            None => false,
        };
        if permitted && url.username().is_empty() && url.password().is_none() { Ok(target) } else { Err(OutboundError::Refused) }
    }
}

/// Resolves once and lets only permitted addresses through; the connection goes to one of these and nowhere else.
struct Guard {
    rules: Rules,
    target: Target,
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let (rules, target) = (self.rules.clone(), self.target);
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let addresses: Vec<SocketAddr> = found.collect();
            // One forbidden address among them is enough to refuse: a name that mixes both is a trick.
            if addresses.is_empty() || addresses.iter().any(|address| !rules.permits(target, address.ip())) {
                return Err(Box::from(OutboundError::Refused));
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

impl Outbound {
    /// Nothing is read or built yet.
    pub fn new(rules: Rules) -> Self {
        Self(Arc::new(Inner { rules, world: OnceLock::new(), own: OnceLock::new(), neighbour: OnceLock::new() }))
    }

    fn client(&self, target: Target) -> Result<&Client, Fault> {
        let kept = match target {
            Target::World => &self.0.world,
            Target::Own => &self.0.own,
            Target::Neighbour => &self.0.neighbour,
        };
        if let Some(client) = kept.get() {
            return Ok(client);
        }
        // A kept connection would belong to the runtime of the worker that opened it, so none is kept.
        let builder = Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .referer(false)
            .timeout(DEADLINE)
            .pool_max_idle_per_host(0)
            .dns_resolver(Arc::new(Guard { rules: self.0.rules.clone(), target }));
        let builder = match target {
            Target::World => with_authorities(builder.https_only(true), self.0.rules.ca_file.as_deref())?,
            Target::Own | Target::Neighbour => builder.tls_certs_only([]),
        };
        let client = builder.build().map_err(Fault::at("outbound"))?;
        Ok(kept.get_or_init(|| client))
    }

    /// Reads a URL.
    ///
    /// # Errors
    /// The address may not be called, or no usable answer came in time.
    pub async fn get(&self, url: &str) -> Result<http::Response<Vec<u8>>, OutboundError> {
        self.request(http::Request::get(url).body(Vec::new()).map_err(|_| OutboundError::Refused)?).await
    }

    /// Sends a request and hears its status; what comes after the headers is not read.
    ///
    /// # Errors
    /// The address may not be called, or no usable answer came in time.
    pub async fn status(&self, request: http::Request<Vec<u8>>) -> Result<u16, OutboundError> {
        Ok(self.send(request).await?.status().as_u16())
    }

    async fn send(&self, request: http::Request<Vec<u8>>) -> Result<reqwest::Response, OutboundError> {
        let request = reqwest::Request::try_from(request).map_err(|_| OutboundError::Refused)?;
        let target = self.0.rules.target(request.url())?;
        let client = self.client(target).map_err(|fault| {
            tracing::error!(%fault, "the outbound client cannot be built");
            OutboundError::Failed
        })?;
        let response = client.execute(request).await.map_err(told)?;
        // The connection went where the guard resolved to; this is the second look.
        if response.remote_addr().is_none_or(|peer| !self.0.rules.permits(target, peer.ip())) {
            return Err(OutboundError::Refused);
        }
        Ok(response)
    }

    /// Sends a request and reads the answer whole.
    ///
    /// # Errors
    /// The address may not be called, or no usable answer came in time.
    pub async fn request(&self, request: http::Request<Vec<u8>>) -> Result<http::Response<Vec<u8>>, OutboundError> {
        let mut response = self.send(request).await?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(told)? {
            if body.len() + chunk.len() > LARGEST {
                return Err(OutboundError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        let mut answer = http::Response::new(body);
        *answer.status_mut() = response.status();
        *answer.headers_mut() = std::mem::take(response.headers_mut());
        Ok(answer)
    }
}

/// The operator's own authorities are trusted beside the system's.
fn with_authorities(builder: ClientBuilder, ca_file: Option<&Path>) -> Result<ClientBuilder, Fault> {
    let Some(file) = ca_file else { return Ok(builder) };
    let wrong = |error: &dyn std::fmt::Display| Fault::new("outbound.ca_file", format!("{}: {error}", file.display()));
    let pem = std::fs::read(file).map_err(|error| wrong(&error))?;
    let certificates = reqwest::Certificate::from_pem_bundle(&pem).map_err(|error| wrong(&error))?;
    if certificates.is_empty() {
        return Err(wrong(&"there is no certificate in it"));
    }
    Ok(builder.tls_certs_merge(certificates))
}

/// The log hears the cause, without the URL, in which secrets may stand; the caller hears that there was none.
fn told(error: reqwest::Error) -> OutboundError {
    let error = error.without_url();
    let mut cause: Option<&dyn std::error::Error> = Some(&error);
    let mut text = String::new();
    while let Some(one) = cause {
        if one.downcast_ref::<OutboundError>().is_some() {
            return OutboundError::Refused;
        }
        text = format!("{text}: {one}");
        cause = one.source();
    }
    tracing::warn!(cause = text.trim_start_matches(": "), "an outbound call failed");
    OutboundError::Failed
}

#[cfg(test)]
mod tests;
