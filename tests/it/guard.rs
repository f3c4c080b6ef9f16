//! Protects the door: whose requests are taken, over which way, with which headers, and what is compressed. Decisions 1, 15 and
//! 22, battery rows SE-10, SE-11, SE-14, EM-02.

use vouchsafe::web::routes::ENDPOINTS;

use crate::support::app::Wish;
use crate::support::raw::status;
use crate::support::rp::Answer;
use crate::support::{Browser, Initiator, Rp, TestApp};

fn ask(app: &TestApp, line: &str, headers: &str) -> String {
    app.raw(format!("{line} HTTP/1.1\r\n{headers}connection: close\r\n\r\n").as_bytes()).0
}

/// A header of a raw answer.
fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let (head, _) = answer.split_once("\r\n\r\n")?;
    head.lines().filter_map(|line| line.split_once(": ")).find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

async fn secure(settings: &[(&str, &str)]) -> TestApp {
    let settings = [&[("ISSUER", "https://id.test")][..], settings].concat();
    TestApp::with(Wish { settings: &settings, ..Wish::default() }).await
}

/// SE-14: the issuer's host, those that the operator listed, and nobody else's, on every route but the probes.
#[tokio::test]
async fn trusted_hosts() {
    let app = secure(&[("TRUSTED_HOSTS", "inside.test:8443,node")]).await;
    for endpoint in ENDPOINTS {
        let line = format!("GET {}", endpoint.path);
        let is_probe = ["/healthz", "/readyz"].contains(&endpoint.path);
        for host in ["id.test", "ID.test", "id.test:443", "inside.test:8443", "node"] {
            let answer = ask(&app, &line, &format!("host: {host}\r\n"));
            assert!(
                ![400, 421].contains(&status(&answer)) || ["/authorize", "/upstream/{id}/callback"].contains(&endpoint.path),
                "{host}: {answer}"
            );
            assert!(!answer.contains("inside.test"), "{answer}");
        }
        for host in ["evil.test", "id.test:8443", "inside.test", "127.0.0.1", "localhost", "id.test.", "nodes"] {
            let answer = ask(&app, &line, &format!("host: {host}\r\nx-forwarded-host: id.test\r\n"));
            assert_eq!(status(&answer), if is_probe { 200 } else { 421 }, "{line} {host}");
            assert!(!answer.to_lowercase().contains("set-cookie") && !answer.contains("evil"), "{answer}");
        }
    }
    for (line, headers) in [
        ("GET /sign-in", ""),
        ("GET /sign-in", "host: id.test\r\nhost: id.test\r\n"),
        ("GET /sign-in", "host: id.test\r\nhost: evil.test\r\n"),
        ("GET /sign-in", "host: evil.test@id.test\r\n"),
        ("GET /sign-in", "host: id.test/x\r\n"),
        ("GET /sign-in", "host: id test\r\n"),
        ("GET https://id.test/sign-in", "host: evil.test\r\n"),
        ("GET https://evil.test/sign-in", "host: id.test\r\n"),
    ] {
        assert_eq!(status(&ask(&app, line, headers)), 400, "{line} {headers:?}");
    }
    assert_eq!(status(&ask(&app, "GET https://id.test/sign-in", "host: id.test\r\n")), 303);
    assert_eq!(status(&ask(&app, "GET https://evil.test/sign-in", "host: evil.test\r\n")), 421);
}

/// In development every name of this machine is ours, and links still come from the issuer.
#[tokio::test]
async fn development_hosts() {
    let app = TestApp::start().await;
    for host in ["localhost", "localhost:1", "127.0.0.1:8080", "[::1]:8080", "[::1]"] {
        let answer = ask(&app, "GET /.well-known/openid-configuration", &format!("host: {host}\r\n"));
        assert_eq!(status(&answer), 200, "{host}");
        assert!(answer.contains(&format!("\"issuer\":\"{}\"", app.issuer)), "{host}");
    }
    for host in ["localhost:1.evil.test", "localhost:99999", "a@localhost", "[::1]x", "localhost:+1"] {
        assert_eq!(status(&ask(&app, "GET /sign-in", &format!("host: {host}\r\n"))), 400, "{host}");
    }
    for host in ["localhost.evil.test", "128.0.0.1", "0.0.0.0", "192.168.0.1", "[::2]"] {
        assert_eq!(status(&ask(&app, "GET /sign-in", &format!("host: {host}\r\n"))), 421, "{host}");
    }
}

/// A page that came in the clear to the proxy is shown again over https, at the address of the settings; anything else is
/// refused and changes nothing. Only a listed proxy can say so.
#[tokio::test]
async fn https_redirect() {
    let app = secure(&[("TRUSTED_PROXIES", "127.0.0.0/8")]).await;
    let said = [
        "x-forwarded-proto: http",
        "x-forwarded-proto: HTTP, https",
        "forwarded: for=192.0.2.1;proto=http;by=x",
        "Forwarded: Proto=\"http\", proto=https",
    ];
    let before = app.rows().await;
    for say in said {
        let own = format!("host: id.test\r\nx-forwarded-host: evil.test\r\n{say}\r\n");
        for path in
            ["/account?a=1", "/authorize?client_id=web", "/end_session", "/static/x.css", "/no/such", "//evil.test/x", "/sign-in"]
        {
            for method in ["GET", "HEAD"] {
                let answer = ask(&app, &format!("{method} {path}"), &own);
                let wanted = format!("https://id.test{path}");
                assert_eq!((status(&answer), header(&answer, "location")), (308, Some(wanted.as_str())), "{say} {method} {path}");
                assert!(header(&answer, "set-cookie").is_none());
            }
        }
        for line in
            ["POST /token", "POST /sign-in/x", "GET /userinfo", "POST /authorize", "GET /jwks", "OPTIONS /token", "DELETE /x"]
        {
            let answer = ask(&app, line, &own);
            assert_eq!(status(&answer), 403, "{say} {line}");
            assert!(answer.contains("invalid_request") && answer.contains("was not processed"), "{answer}");
        }
        assert_eq!(status(&ask(&app, "GET /healthz", "host: 10.0.0.1\r\nx-forwarded-proto: http\r\n")), 200, "the proxy's probe");
    }
    app.untouched(&before, "in the clear").await;
    for say in
        ["x-forwarded-proto: https", "x-forwarded-proto: https, http", "forwarded: proto=https", "x-forwarded-for: 192.0.2.1"]
    {
        let answer = ask(&app, "GET /sign-in", &format!("host: id.test\r\n{say}\r\n"));
        assert_eq!(status(&answer), 303, "{say}");
        assert_eq!(header(&answer, "strict-transport-security"), Some("max-age=31536000"));
    }
    let direct = secure(&[]).await;
    assert_eq!(
        status(&ask(&direct, "GET /sign-in", "host: id.test\r\nx-forwarded-proto: http\r\n")),
        303,
        "anybody can write that"
    );
    let local = TestApp::with(Wish { settings: &[("TRUSTED_PROXIES", "127.0.0.0/8")], ..Wish::default() }).await;
    let host = format!("host: {}\r\nx-forwarded-proto: http\r\n", local.authority());
    assert_eq!(status(&ask(&local, "GET /sign-in", &host)), 303, "development is http");
}

/// SE-10: no answer goes out without the guarding headers, whatever refused it.
#[tokio::test]
async fn headers_everywhere() {
    let app = secure(&[("TRUSTED_PROXIES", "127.0.0.0/8"), ("LIMITS__PAGES_PER_MINUTE", "1")]).await;
    let own = |more: &str| format!("host: id.test\r\nx-forwarded-for: 192.0.2.{}\r\n", more);
    let css = vouchsafe_css(&app);
    ask(&app, "GET /account", &own("250"));
    let mut seen = std::collections::BTreeSet::new();
    let mut cases: Vec<(String, String)> = ENDPOINTS
        .iter()
        .enumerate()
        .flat_map(|(n, e)| e.methods.iter().map(move |m| (format!("{m} {}", e.path), n)))
        .enumerate()
        .map(|(at, (line, _))| (line, own(&at.to_string())))
        .collect();
    cases.extend([
        ("GET /nothing".to_owned(), own("200")),
        ("GET /%00".to_owned(), own("201")),
        ("PATCH /token".to_owned(), own("202")),
        ("GET /account".to_owned(), own("250")),
        (format!("GET {css}"), own("203")),
        ("GET /account".to_owned(), "host: evil.test\r\n".to_owned()),
        ("GET /account".to_owned(), "host: a@id.test\r\n".to_owned()),
        ("GET /account".to_owned(), format!("{}x-forwarded-proto: http\r\n", own("204"))),
        ("POST /token".to_owned(), format!("{}x-forwarded-proto: http\r\n", own("205"))),
    ]);
    for (line, headers) in &cases {
        let answer = ask(&app, line, headers);
        seen.insert(status(&answer));
        for name in [
            "content-security-policy",
            "permissions-policy",
            "referrer-policy",
            "strict-transport-security",
            "x-content-type-options",
            "x-request-id",
        ] {
            assert!(header(&answer, name).is_some_and(|value| !value.is_empty()), "{line}: no {name} in {answer}");
        }
        assert!(header(&answer, "permissions-policy").unwrap().starts_with("publickey-credentials-get=(self)"));
        let open = header(&answer, "access-control-allow-origin").is_some();
        // Apps put the frame of session management into their own pages.
        let policy = if line.contains("/check_session") { "cross-origin" } else { "same-origin" };
        assert_eq!(header(&answer, "cross-origin-resource-policy"), (!open).then_some(policy), "{line}");
        assert!(header(&answer, "server").is_none() && header(&answer, "x-powered-by").is_none());
    }
    for wanted in [200, 303, 308, 400, 401, 403, 404, 405, 421, 429] {
        assert!(seen.contains(&wanted), "{wanted} is not among {seen:?}");
    }
}

fn vouchsafe_css(app: &TestApp) -> String {
    let page = ask(app, "GET /signed-out", "host: id.test\r\nx-forwarded-for: 192.0.2.240\r\n");
    let at = page.find("/static/vouchsafe-").unwrap_or_else(|| panic!("{page}"));
    page[at..].split('"').next().unwrap().to_owned()
}

/// Files and metadata come compressed to whoever can read that, each form with a tag of its own; pages and answers never do.
#[tokio::test]
async fn compression() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let rp = Rp::web(&app, "web").await;
    let page = Browser::new().visit(&app.url("/account")).await;
    let (css, js) = (page.attributes("link[rel=stylesheet]", "href").remove(0), "/openapi.json".to_owned());
    let get = async |path: &str, coding: Option<&str>, tag: Option<&str>| {
        let mut headers = Vec::new();
        headers.extend(coding.map(|coding| ("accept-encoding", coding.to_owned())));
        headers.extend(tag.map(|tag| ("if-none-match", tag.to_owned())));
        rp.send("GET", path, &headers, "").await
    };
    let tag = |answer: &Answer| answer.header("etag").unwrap().to_owned();
    for path in ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/jwks", &css, &js] {
        let (plain, small) = (get(path, None, None).await, get(path, Some("br, gzip"), None).await);
        assert_eq!((plain.status, plain.header("content-encoding")), (200, None), "{path}");
        assert_eq!((small.status, small.header("content-encoding")), (200, Some("gzip")), "{path}");
        for answer in [&plain, &small] {
            assert_eq!(answer.header("vary"), Some("accept-encoding"), "{path}");
        }
        assert_ne!(tag(&plain), tag(&small), "{path}");
        let raw = ask(&app, &format!("GET {path}"), &format!("host: {}\r\naccept-encoding: gzip\r\n", app.authority()));
        let (sent, whole) = (header(&raw, "content-length").unwrap().parse::<usize>().unwrap(), plain.body.len());
        assert!(sent < whole && raw.contains("\u{1f}"), "{path}: {sent} of {whole}");
        for (coding, own, other) in [(None, &plain, &small), (Some("gzip"), &small, &plain)] {
            assert_eq!(get(path, coding, Some(&tag(own))).await.status, 304, "{path} {coding:?}");
            assert_eq!(get(path, coding, Some(&format!("W/{}, \"x\"", tag(own)))).await.status, 304, "{path}");
            assert_eq!(get(path, coding, Some(&tag(other))).await.status, 200, "{path} {coding:?}");
        }
        for refused in ["gzip;q=0", "identity", "br"] {
            assert_eq!(get(path, Some(refused), None).await.header("content-encoding"), None, "{path} {refused}");
        }
    }
    let mut browser = Browser::new();
    app.sign_in(&mut browser, "ana").await;
    let cookies = format!("session={}", browser.cookie("session").unwrap().value);
    for path in ["/account", "/signed-out", "/docs", "/userinfo", "/nothing", "/healthz", "/sign-in"] {
        let headers = [("accept-encoding", "gzip".to_owned()), ("cookie", cookies.clone())];
        let answer = rp.send("GET", path, &headers, "").await;
        assert_eq!(answer.header("content-encoding"), None, "{path}");
    }
}

/// Credential stuffing is seen: many accounts from one network are one suspicion, and each failure has its reason.
#[tokio::test]
async fn stuffing_is_counted() {
    let metrics = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let app = TestApp::with(Wish { settings: &[("METRICS__LISTEN", &metrics)], ..Wish::default() }).await;
    let watch = Rp::at(&format!("http://{metrics}"), "", None);
    let mut browser = Browser::new();
    let page = browser.visit(&app.url("/account")).await;
    let csrf = page.form("sign-in").get("csrf").unwrap().to_owned();
    let mut attempt = async |name: &str| {
        let fields = [("csrf", csrf.as_str()), ("username", name), ("password", "123456")];
        browser.post(Initiator::SameOrigin, page.url.as_str(), &fields).await.status
    };
    for _ in 0..12 {
        attempt("ana@example.com").await;
    }
    let text = watch.get("/metrics").await.body;
    let count = |text: &str, name: &str| -> u64 {
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
            .unwrap_or_else(|| panic!("no {name} in {text}"))
    };
    assert_eq!(count(&text, "vouchsafe_sign_in_failures_total{reason=\"wrong\"}"), 10);
    assert_eq!(count(&text, "vouchsafe_sign_in_failures_total{reason=\"throttled\"}"), 2);
    assert_eq!(count(&text, "vouchsafe_stuffing_suspected_total"), 0, "one account is no list");
    for number in 0..40 {
        attempt(&format!("person{number}@example.com")).await;
    }
    let text = watch.get("/metrics").await.body;
    assert_eq!(count(&text, "vouchsafe_stuffing_suspected_total"), 1);
    assert_eq!((count(&text, "vouchsafe_rate_limited_total"), count(&text, "vouchsafe_cache_fallback_total")), (0, 0));
}
