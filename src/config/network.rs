//! The rules that hold between issuer, listener, TLS and proxies.

use std::net::SocketAddr;

use ipnet::IpNet;

use super::Problem;
use crate::base::Issuer;

/// What the listener would speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    Plain,
    Tls,
}

/// Adds what must not be served: passwords over a plain connection that others can see, or an issuer that nobody reaches.
pub fn check(issuer: &Issuer, listen: SocketAddr, transport: Transport, proxies: &[IpNet], problems: &mut Vec<Problem>) {
    if transport == Transport::Tls && !issuer.is_https() {
        problems.push(Problem::new(
            "issuer",
            "is http while `tls.cert` is set",
            "write an https issuer, or remove `tls.cert` and `tls.key`",
        ));
    }
    let is_open = transport == Transport::Plain && !listen.ip().is_loopback();
    if is_open && issuer.is_https() && proxies.is_empty() {
        problems.push(Problem::new(
            "listen",
            "would take passwords over plain http from other machines",
            "set `tls.cert` and `tls.key`, or name the addresses of your TLS proxy in `trusted_proxies`",
        ));
    }
}
