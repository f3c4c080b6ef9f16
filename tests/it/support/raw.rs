//! What no well-behaved client sends: bytes on a socket, and forms with headers of the test's own choice.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use super::app::PASSWORD;
use super::{Browser, Page, TestApp};

impl TestApp {
    /// The host and port of this server, as they stand in `Host`.
    pub fn authority(&self) -> String {
        self.issuer.split('/').nth(2).unwrap().to_owned()
    }

    /// Sends these bytes on a connection of their own and gives back all that comes until the server closes it or says no
    /// more; whether it closed comes second.
    pub fn raw(&self, bytes: &[u8]) -> (String, bool) {
        let mut socket = TcpStream::connect(self.authority().replace("localhost", "127.0.0.1")).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        // A server that has refused already may have closed its side.
        let _ = socket.write_all(bytes);
        let (mut all, mut part) = (Vec::new(), [0; 4096]);
        let closed = loop {
            match socket.read(&mut part) {
                Ok(0) => break true,
                Ok(count) => all.extend_from_slice(&part[..count]),
                Err(error) => break error.kind() == std::io::ErrorKind::ConnectionReset,
            }
        };
        (String::from_utf8_lossy(&all).into_owned(), closed)
    }

    /// Signs in at the account page.
    pub async fn sign_in(&self, browser: &mut Browser, name: &str) -> Page {
        let page = browser.visit(&self.url("/account")).await;
        let username = format!("{name}@example.com");
        let page = browser.submit(&page, "sign-in", &[("username", &username), ("password", PASSWORD)]).await;
        assert!(page.url.path().ends_with("/account"), "{} {}", page.url, page.body);
        page
    }

    /// Whether this browser is signed in: the account page shows, instead of a way to the sign-in page.
    pub async fn is_in(&self, browser: &mut Browser) -> bool {
        let page = browser.get(&self.url("/account")).await;
        assert!(page.status == 200 || page.leaves_for(&self.url("/sign-in")), "{} {}", page.status, page.body);
        page.status == 200
    }
}

/// The status of a raw answer.
pub fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0)
}
