//! A web server of strangers on this machine, with TLS: it serves what a test puts there, counts who came, and can be slow,
//! huge, elsewhere or nonsense. Its authority is in `tests/mail_server/ca.pem`.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::crypto::aws_lc_rs as crypto;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, Stream};
use serde_json::Value;

/// One document, and how it is served.
#[derive(Clone)]
pub struct Document {
    pub status: u16,
    pub body: Vec<u8>,
    /// A further header line, such as `location: …`.
    pub header: String,
    pub delay: Duration,
}

impl Document {
    pub fn of(body: impl Into<Vec<u8>>) -> Document {
        Document { status: 200, body: body.into(), header: "content-type: application/json".to_owned(), delay: Duration::ZERO }
    }

    pub fn json(value: &Value) -> Document {
        Document::of(value.to_string())
    }
}

/// The server. It ends with the process.
pub struct Documents {
    pub port: u16,
    documents: Arc<Mutex<HashMap<String, Document>>>,
    connections: Arc<AtomicUsize>,
    asked: Arc<Mutex<HashMap<String, usize>>>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mail_server")
}

/// Settings under which the server may be called.
pub fn settings() -> Vec<(&'static str, String)> {
    vec![
        ("OUTBOUND__ALLOW", "127.0.0.0/8,::1/128".to_owned()),
        ("OUTBOUND__CA_FILE", folder().join("ca.pem").display().to_string()),
    ]
}

impl Documents {
    pub fn start() -> Documents {
        let chain = vec![CertificateDer::from_pem_file(folder().join("server.pem")).unwrap()];
        let key = PrivateKeyDer::from_pem_file(folder().join("server.key")).unwrap();
        let builder = ServerConfig::builder_with_provider(Arc::new(crypto::default_provider()));
        let config = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        let config = Arc::new(config.with_single_cert(chain, key).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Documents {
            port: listener.local_addr().unwrap().port(),
            documents: Arc::default(),
            connections: Arc::default(),
            asked: Arc::default(),
        };
        let (documents, connections, asked) =
            (Arc::clone(&server.documents), Arc::clone(&server.connections), Arc::clone(&server.asked));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                connections.fetch_add(1, Ordering::SeqCst);
                let (config, documents, asked) = (Arc::clone(&config), Arc::clone(&documents), Arc::clone(&asked));
                std::thread::spawn(move || answer(stream.unwrap(), config, &documents, &asked));
            }
        });
        server
    }

    pub fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.port)
    }

    pub fn put(&self, path: &str, document: Document) {
        self.documents.lock().unwrap().insert(path.to_owned(), document);
    }

    pub fn remove(&self, path: &str) {
        self.documents.lock().unwrap().remove(path);
    }

    /// How many connections were opened, whatever came of them.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// How often a document was asked for.
    pub fn asked(&self, path: &str) -> usize {
        self.asked.lock().unwrap().get(path).copied().unwrap_or_default()
    }
}

fn answer(
    mut stream: TcpStream,
    config: Arc<ServerConfig>,
    documents: &Mutex<HashMap<String, Document>>,
    asked: &Mutex<HashMap<String, usize>>,
) {
    let mut connection = ServerConnection::new(config).unwrap();
    let mut tls = Stream::new(&mut connection, &mut stream);
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match tls.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let path = head.split(' ').nth(1).unwrap().to_owned();
    *asked.lock().unwrap().entry(path.clone()).or_default() += 1;
    let found = documents.lock().unwrap().get(&path).cloned();
    let document = found.unwrap_or_else(|| Document { status: 404, ..Document::of("nothing here") });
    std::thread::sleep(document.delay);
    let Document { status, body, header, .. } = document;
    let head = format!("HTTP/1.1 {status} X\r\n{header}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    let _ = tls.write_all(&[head.into_bytes(), body].concat());
    let _ = tls.flush();
    tls.conn.send_close_notify();
    let _ = tls.flush();
}
