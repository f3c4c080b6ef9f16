//! The only HTTP client: guarded, so that nobody can make us call what only we can reach (decision 32).
//!
//! https only, one resolution whose addresses are all checked and then used, no redirects, no proxy from the environment,
//! five seconds, 256 KiB. What went wrong is told in general words: an error must not map a private network.

mod address;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, redirect};

use crate::base::Fault;
use address::is_special_use;

const DEADLINE: Duration = Duration::from_secs(5);
const LARGEST: usize = 256 * 1024;

/// Why a call gave nothing.
#[derive(Debug)]
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
}

/// The client; cheap to clone, built when first needed.
#[derive(Clone)]
pub struct Outbound(Arc<Inner>);

struct Inner {
    rules: Rules,
    client: OnceLock<Client>,
}

impl Rules {
    fn permits(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.allow.iter().any(|net| net.contains(&ip)) || !is_special_use(ip)
    }
}

/// Resolves once and lets only permitted addresses through; the connection goes to one of these and nowhere else.
struct Guard(Rules);

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let rules = self.0.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let addresses: Vec<SocketAddr> = found.collect();
            // One forbidden address among them is enough to refuse: a name that mixes both is a trick.
            if addresses.is_empty() || addresses.iter().any(|address| !rules.permits(address.ip())) {
                return Err(Box::from(OutboundError::Refused));
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

impl Outbound {
    pub fn new(rules: Rules) -> Self {
        Self(Arc::new(Inner { rules, client: OnceLock::new() }))
    }

    fn client(&self) -> Result<&Client, Fault> {
        if let Some(client) = self.0.client.get() {
            return Ok(client);
        }
        let rules = &self.0.rules;
        let mut builder = Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .timeout(DEADLINE)
            .pool_max_idle_per_host(0)
            .dns_resolver(Arc::new(Guard(rules.clone())));
        if let Some(file) = &rules.ca_file {
            let wrong = |error: &dyn std::fmt::Display| Fault::new("outbound.ca_file", format!("{}: {error}", file.display()));
            let pem = std::fs::read(file).map_err(|error| wrong(&error))?;
            for certificate in reqwest::Certificate::from_pem_bundle(&pem).map_err(|error| wrong(&error))? {
                builder = builder.add_root_certificate(certificate);
            }
        }
        let client = builder.build().map_err(Fault::at("outbound"))?;
        Ok(self.0.client.get_or_init(|| client))
    }

    /// Whether a URL may be called at all; names are judged when they are resolved.
    fn check(&self, url: &reqwest::Url) -> Result<(), OutboundError> {
        let rules = &self.0.rules;
        let own = rules.plain_http_to.as_deref() == Some(url.origin().ascii_serialization().as_str());
        if (url.scheme() != "https" && !own) || !url.username().is_empty() || url.password().is_some() {
            return Err(OutboundError::Refused);
        }
        // A literal address is never resolved, so it is judged here.
        match url.host() {
            Some(url::Host::Ipv4(ip)) if !rules.permits(ip.into()) => Err(OutboundError::Refused),
            Some(url::Host::Ipv6(ip)) if !rules.permits(ip.into()) => Err(OutboundError::Refused),
            Some(_) => Ok(()),
            None => Err(OutboundError::Refused),
        }
    }

    /// Sends a request and reads the answer whole.
    ///
    /// # Errors
    /// The address may not be called, or no usable answer came in time.
    pub async fn request(&self, request: http::Request<Vec<u8>>) -> Result<http::Response<Vec<u8>>, OutboundError> {
        let request = reqwest::Request::try_from(request).map_err(|_| OutboundError::Refused)?;
        self.check(request.url())?;
        let client = self.client().map_err(|fault| {
            tracing::error!(fault = %fault, "the outbound client cannot be built");
            OutboundError::Failed
        })?;
        let mut response = client.execute(request).await.map_err(|error| {
            tracing::warn!(error = %error.without_url(), "an outbound call failed");
            OutboundError::Failed
        })?;
        // The connection went where the guard resolved to; this is the second look.
        if response.remote_addr().is_some_and(|peer| !self.0.rules.permits(peer.ip())) {
            return Err(OutboundError::Refused);
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|_| OutboundError::Failed)? {
            if body.len() + chunk.len() > LARGEST {
                return Err(OutboundError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        let mut answer = http::Response::builder().status(response.status());
        for (name, value) in response.headers() {
            answer = answer.header(name, value);
        }
        answer.body(body).map_err(|_| OutboundError::Failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn get(outbound: &Outbound, url: &str) -> Result<http::Response<Vec<u8>>, OutboundError> {
        outbound.request(http::Request::get(url).body(Vec::new()).unwrap()).await
    }

    /// DC-02: neither http nor a private address is called, by literal or by name, and a listener there sees nobody.
    #[tokio::test]
    async fn what_only_we_can_reach_is_not_called() {
        let canary = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = canary.local_addr().unwrap().port();
        let outbound = Outbound::new(Rules::default());
        for host in ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "localhost.", "[64:ff9b::7f00:1]"] {
            assert!(get(&outbound, &format!("https://{host}:{port}/")).await.is_err(), "{host}");
            assert!(get(&outbound, &format!("http://{host}:{port}/")).await.is_err(), "{host}");
        }
        let seen = tokio::time::timeout(Duration::from_millis(50), canary.accept()).await;
        assert!(seen.is_err(), "the canary was called");
    }

    /// The positive twin: the one origin that is opened by http is called.
    #[tokio::test]
    async fn the_opened_origin_is_called() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let rules = Rules {
            allow: vec!["127.0.0.0/8".parse().unwrap()],
            plain_http_to: Some(format!("http://127.0.0.1:{port}")),
            ..Rules::default()
        };
        let outbound = Outbound::new(rules);
        let server = tokio::spawn(async move {
            use tokio::io::AsyncWriteExt as _;
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
        });
        assert_eq!(get(&outbound, &format!("http://127.0.0.1:{port}/")).await.unwrap().body(), b"ok");
        server.await.unwrap();
    }
}
