//! A relying party's web server as far as signing out needs one: it hears what it is told and answers as its path says.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A listener on this machine. `/STATUS/…` answers that status, `/hang/…` nothing, `/huge/…` far too much, `/redirect/…` a redirect
/// to `/200/elsewhere`, `/mend/…` 500 until [`Receiver::mend`], `/page/…` the page of that name.
pub struct Receiver {
    pub origin: String,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    calls: Mutex<Vec<Call>>,
    mended: Mutex<bool>,
    pages: Mutex<Vec<(String, String)>>,
}

/// One request.
#[derive(Clone, Debug)]
pub struct Call {
    /// Method, path and query.
    pub line: String,
    pub headers: String,
    pub body: String,
}

impl Call {
    /// The only field of the form, which has to be this one.
    pub fn only(&self, name: &str) -> String {
        let pairs: Vec<_> = url::form_urlencoded::parse(self.body.as_bytes()).into_owned().collect();
        assert_eq!(pairs.len(), 1, "{}", self.body);
        assert_eq!(pairs[0].0, name);
        pairs[0].1.clone()
    }
}

impl Receiver {
    pub async fn start() -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://localhost:{}", listener.local_addr().unwrap().port());
        let shared = Arc::new(Shared::default());
        let own = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&own)));
            }
        });
        Receiver { origin, shared }
    }

    /// An address of it.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// What it was asked under this path so far.
    pub fn calls(&self, path: &str) -> Vec<Call> {
        let calls = self.shared.calls.lock().unwrap();
        calls.iter().filter(|call| call.line.split(' ').nth(1).is_some_and(|at| at.starts_with(path))).cloned().collect()
    }

    /// The same once there are as many, and a little later no more.
    pub async fn heard(&self, path: &str, wanted: usize) -> Vec<Call> {
        for _ in 0..200 {
            if self.calls(path).len() >= wanted {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let calls = self.calls(path);
        assert_eq!(calls.len(), wanted, "{path}: {calls:?}");
        calls
    }

    /// From now on `/mend/…` and `/hang/…` answer 200.
    pub fn mend(&self) {
        *self.shared.mended.lock().unwrap() = true;
    }

    /// What `/page/NAME` shows.
    pub fn show(&self, name: &str, html: &str) {
        self.shared.pages.lock().unwrap().push((name.to_owned(), html.to_owned()));
    }
}

async fn serve(mut stream: TcpStream, shared: Arc<Shared>) {
    let Some(call) = read(&mut stream).await else { return };
    let path = call.line.split(' ').nth(1).unwrap_or_default().to_owned();
    shared.calls.lock().unwrap().push(call);
    let mended = *shared.mended.lock().unwrap();
    let kind = path.split(['/', '?']).nth(1).unwrap_or_default();
    let answer = match kind {
        "hang" if !mended => {
            tokio::time::sleep(Duration::from_secs(60)).await;
            return;
        }
        "hang" => status(200),
        "mend" => status(if mended { 200 } else { 500 }),
        "redirect" => {
            "HTTP/1.1 302 Found\r\nlocation: /200/elsewhere\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_owned()
        }
        "huge" => format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{}", "x".repeat(4 * 1024 * 1024)),
        "page" => {
            let name = path.trim_start_matches("/page/").split('?').next().unwrap_or_default().to_owned();
            let pages = shared.pages.lock().unwrap();
            let html = pages.iter().rev().find(|(own, _)| *own == name).map(|(_, html)| html.clone()).unwrap_or_default();
            let head = "content-type: text/html; charset=utf-8\r\nconnection: close";
            format!("HTTP/1.1 200 OK\r\n{head}\r\ncontent-length: {}\r\n\r\n{html}", html.len())
        }
        code => status(code.parse().unwrap_or(404)),
    };
    // Who does not read it all is not to blame.
    drop(stream.write_all(answer.as_bytes()).await);
    drop(stream.shutdown().await);
}

fn status(code: u16) -> String {
    format!("HTTP/1.1 {code} So\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
}

async fn read(stream: &mut TcpStream) -> Option<Call> {
    let mut text = Vec::new();
    loop {
        let mut part = [0; 4096];
        let count = stream.read(&mut part).await.ok().filter(|count| *count > 0)?;
        text.extend_from_slice(&part[..count]);
        let whole = String::from_utf8_lossy(&text).into_owned();
        let Some((head, body)) = whole.split_once("\r\n\r\n") else { continue };
        let (line, headers) = head.split_once("\r\n").unwrap_or((head, ""));
        let length = headers.to_ascii_lowercase().lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        if body.len() >= length.unwrap_or(0) {
            return Some(Call { line: line.to_owned(), headers: headers.to_ascii_lowercase(), body: body.to_owned() });
        }
    }
}
