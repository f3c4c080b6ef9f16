//! TLS in the binary: rustls with a certificate that is read again when its file changes, without dropping a connection.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs as crypto;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::base::Fault;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(5);

/// Where certificate chain and key are, both PEM.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    pub cert: PathBuf,
    pub key: PathBuf,
}

struct Current(RwLock<Arc<CertifiedKey>>);

impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Current")
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// A configuration that follows its files: TLS 1.3 and 1.2 with forward secrecy only.
///
/// # Errors
/// A file cannot be read, or key and certificate do not fit.
pub fn config(files: TlsFiles) -> Result<ServerConfig, Fault> {
    let current = Arc::new(Current(RwLock::new(load(&files)?)));
    let resolver: Arc<dyn ResolvesServerCert> = Arc::<Current>::clone(&current);
    std::thread::Builder::new()
        .name("certificate".to_owned())
        .spawn(move || follow(&files, &current))
        .map_err(Fault::at("tls: thread"))?;
    let config = ServerConfig::builder_with_provider(Arc::new(crypto::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(Fault::at("tls: versions"))?
        .with_no_client_auth()
        .with_cert_resolver(resolver);
    Ok(config)
}

fn load(files: &TlsFiles) -> Result<Arc<CertifiedKey>, Fault> {
    let chain = CertificateDer::pem_file_iter(&files.cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| Fault::new("tls.cert", format!("{}: {error}", files.cert.display())))?;
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| Fault::new("tls.key", format!("{}: {error}", files.key.display())))?;
    let certified = CertifiedKey::from_der(chain, key, &crypto::default_provider()).map_err(Fault::at("tls.key"))?;
    Ok(Arc::new(certified))
}

/// Reads the files again whenever one of them changed. A pair that does not fit leaves the old one in use.
fn follow(files: &TlsFiles, current: &Arc<Current>) {
    let mut seen = changed_at(files);
    // The listener going away leaves this the only owner.
    while Arc::strong_count(current) > 1 {
        std::thread::sleep(LOOK);
        let now = changed_at(files);
        if now == seen {
            continue;
        }
        seen = now;
        match load(files) {
            Ok(certified) => {
                *current.0.write().unwrap_or_else(PoisonError::into_inner) = certified;
                tracing::info!("the certificate was read again");
            }
            Err(fault) => tracing::error!(fault = %fault, "the new certificate is not usable; the old one stays"),
        }
    }
}

fn changed_at(files: &TlsFiles) -> (Option<SystemTime>, Option<SystemTime>) {
    let of = |path: &Path| std::fs::metadata(path).and_then(|meta| meta.modified()).ok();
    (of(&files.cert), of(&files.key))
}
