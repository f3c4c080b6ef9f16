//! What must not be called is not called, each beside a twin that is (decision 32; battery DC-02).

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

/// A server that answers every connection with `answer`, whatever was asked.
async fn serve(answer: Vec<u8>) -> (u16, Arc<std::sync::atomic::AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let calls = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let seen = calls.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            seen.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let mut asked = [0; 1024];
            drop(stream.read(&mut asked).await);
            drop(stream.write_all(&answer).await);
        }
    });
    (port, calls)
}

fn answer(body: &[u8]) -> Vec<u8> {
    let mut answer = format!("HTTP/1.1 200 OK\r\nx-one: 1\r\ncontent-length: {}\r\n\r\n", body.len()).into_bytes();
    answer.extend(body);
    answer
}

fn opened(port: u16) -> Outbound {
    Outbound::new(Rules { plain_http_to: Some(format!("http://127.0.0.1:{port}")), ..Rules::default() })
}

/// Neither http nor a private address is called, by literal or by name, and a listener there sees nobody.
#[tokio::test]
async fn what_only_we_can_reach_is_not_called() {
    let (port, calls) = serve(answer(b"secret")).await;
    let outbound = Outbound::new(Rules::default());
    let hosts = ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "[64:ff9b::7f00:1]"];
    for host in hosts {
        for scheme in ["https", "http", "ftp"] {
            let refused = outbound.get(&format!("{scheme}://{host}:{port}/")).await;
            assert_eq!(refused.err(), Some(OutboundError::Refused), "{scheme} {host}");
        }
    }
    // Where this name resolves at all depends on the machine.
    assert!(outbound.get(&format!("https://localhost.:{port}/")).await.is_err());
    assert!(outbound.get(&format!("https://me:secret@127.0.0.1:{port}/")).await.is_err());
    assert_eq!(calls.load(std::sync::atomic::Ordering::SeqCst), 0, "the canary was called");
    // The twin: with its network opened the same address is called, and only fails at TLS.
    let rules = Rules { allow: vec!["127.0.0.0/8".parse().unwrap()], ..Rules::default() };
    let failed = Outbound::new(rules).get(&format!("https://127.0.0.1:{port}/")).await;
    assert_eq!(failed.err(), Some(OutboundError::Failed));
    assert_eq!(calls.load(std::sync::atomic::Ordering::SeqCst), 1);
}

/// Plain http is for exactly one origin.
#[tokio::test]
async fn the_one_origin() {
    let (port, calls) = serve(answer(b"ok")).await;
    let outbound = opened(port);
    let found = outbound.get(&format!("http://127.0.0.1:{port}/x?y")).await.unwrap();
    assert_eq!(
        (found.status().as_u16(), found.body().as_slice(), found.headers()["x-one"].as_bytes()),
        (200, &b"ok"[..], &b"1"[..])
    );
    for other in
        [format!("http://localhost:{port}/"), format!("http://127.0.0.1:{}/", port ^ 1), format!("https://127.0.0.1:{port}/")]
    {
        assert_eq!(outbound.get(&other).await.err(), Some(OutboundError::Refused), "{other}");
    }
    assert_eq!(calls.load(std::sync::atomic::Ordering::SeqCst), 1);
    let by_name = Outbound::new(Rules { plain_http_to: Some(format!("http://localhost:{port}")), ..Rules::default() });
    assert_eq!(by_name.get(&format!("http://localhost:{port}/")).await.unwrap().body(), b"ok");
}

/// 256 KiB pass, one byte more does not, however it is framed.
#[tokio::test]
async fn large_answers() {
    let (port, _) = serve(answer(&vec![b'x'; LARGEST])).await;
    assert_eq!(opened(port).get(&format!("http://127.0.0.1:{port}/")).await.unwrap().body().len(), LARGEST);
    let mut endless = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    endless.extend(vec![b'x'; LARGEST + 1]);
    for too_large in [answer(&vec![b'x'; LARGEST + 1]), endless] {
        let (port, _) = serve(too_large).await;
        assert_eq!(opened(port).get(&format!("http://127.0.0.1:{port}/")).await.err(), Some(OutboundError::TooLarge));
    }
}

/// A redirect is an answer like another and is not followed.
#[tokio::test]
async fn redirects() {
    let (elsewhere, calls) = serve(answer(b"secret")).await;
    let redirect = format!("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:{elsewhere}/\r\ncontent-length: 0\r\n\r\n");
    let (port, _) = serve(redirect.into_bytes()).await;
    assert_eq!(opened(port).get(&format!("http://127.0.0.1:{port}/")).await.unwrap().status(), 302);
    assert_eq!(calls.load(std::sync::atomic::Ordering::SeqCst), 0);
}

/// In development, apps on the same machine are called by http where their addresses were opened, and nobody else is.
#[tokio::test]
async fn neighbours() {
    let (port, calls) = serve(answer(b"ok")).await;
    let rules = |loopback_http, allow: &[&str]| {
        let allow = allow.iter().map(|net| net.parse().unwrap()).collect();
        Outbound::new(Rules { allow, loopback_http, ..Rules::default() })
    };
    let ask = |host: &str| http::Request::post(format!("http://{host}:{port}/")).body(b"x".to_vec()).unwrap();
    let all = ["0.0.0.0/0", "::/0"];
    assert_eq!(rules(LoopbackHttp::Allowed, &["127.0.0.1/32"]).status(ask("127.0.0.1")).await, Ok(200));
    for (outbound, host) in [
        (rules(LoopbackHttp::Allowed, &[]), "127.0.0.1"),
        (rules(LoopbackHttp::Allowed, &["127.0.0.2/32"]), "127.0.0.1"),
        (rules(LoopbackHttp::Refused, &all), "127.0.0.1"),
        (rules(LoopbackHttp::Allowed, &all), "192.0.2.1"),
    ] {
        assert_eq!(outbound.status(ask(host)).await, Err(OutboundError::Refused), "{host}");
    }
    assert_eq!(calls.load(std::sync::atomic::Ordering::SeqCst), 1);
}

/// Whoever hears the status alone reads nothing else, however much comes.
#[tokio::test]
async fn the_status_alone() {
    let mut endless = b"HTTP/1.1 204 No\r\n\r\n".to_vec();
    endless.extend(vec![b'x'; LARGEST + 1]);
    for (sent, status) in [(answer(&vec![b'x'; LARGEST + 1]), 200), (endless, 204)] {
        let (port, _) = serve(sent).await;
        let request = http::Request::post(format!("http://127.0.0.1:{port}/")).body(Vec::new()).unwrap();
        assert_eq!(opened(port).status(request).await, Ok(status));
    }
}
