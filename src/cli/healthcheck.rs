//! `healthcheck`: for containers without a shell. It asks the listener of the settings, on this machine.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use serde_json::json;

use super::answer::{Answer, Failure};
use crate::config;

const DEADLINE: Duration = Duration::from_secs(2);

pub fn run(file: Option<&Path>) -> Result<Answer, Failure> {
    let config = config::load(file)?;
    let address = reachable(config.listen);
    let dead = |error: std::io::Error| Failure::new(format!("{address} does not answer: {error}"));
    let mut stream = TcpStream::connect_timeout(&address, DEADLINE).map_err(dead)?;
    // Behind TLS the certificate is the issuer's and says nothing here: a listener that accepts is alive.
    if config.tls.is_none() {
        stream.set_read_timeout(Some(DEADLINE)).map_err(dead)?;
        let (path, authority) = (config.issuer.path(), config.issuer.authority());
        let request = format!("GET {path}/healthz HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).map_err(dead)?;
        let mut head = [0; 12];
        stream.read_exact(&mut head).map_err(dead)?;
        if head != *b"HTTP/1.1 200" {
            return Err(Failure::new(format!("{address} is not well")));
        }
    }
    Ok(Answer::new("alive", json!({ "alive": true })))
}

/// Where a listener on all addresses is reached from this machine.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}
