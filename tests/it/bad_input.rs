//! Protects against what no honest client sends: RFC 6749 sections 3.1 and 3.2, battery rows PW-05, PW-17, DO-04 and DO-05. The answers
//! are the same on both databases, nothing is stored, and nothing is ever a 500.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::support::app::PASSWORD;
use crate::support::raw::status;
use crate::support::rp::Answer;
use crate::support::{Browser, Initiator, Rp, TestApp};

const FORM: &str = "application/x-www-form-urlencoded";

/// The endpoints that read a form, with what they say to one of another type.
const READERS: [(&str, u16); 7] = [
    ("/token", 415),
    ("/introspect", 415),
    ("/revoke", 415),
    ("/userinfo", 415),
    ("/authorize", 400),
    ("/end_session", 400),
    ("/language", 403),
];

async fn house() -> (TestApp, Rp) {
    let app = TestApp::start().await;
    app.person("ana").await;
    let rp = Rp::web(&app, "web").await;
    (app, rp)
}

async fn send(rp: &Rp, path: &str, headers: &[(&'static str, &str)], body: &str) -> Answer {
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    rp.send("POST", path, &headers, body).await
}

/// RFC 6749 sections 3.1 and 3.2: parameters once, as UTF-8, without NUL, in the one content type, of bounded size.
#[tokio::test]
async fn broken_forms() {
    let (app, rp) = house().await;
    let before = app.rows().await;
    let form = ("content-type", FORM);
    for (path, other_type) in READERS {
        for body in ["a=1&a=1", "a=%", "a=%zz", "a=%FF", "%C0%80=1", "a=%00", "state=%ED%A0%80", &"a=1&".repeat(101)] {
            let answer = send(&rp, path, &[form], body).await;
            assert_eq!(answer.status, 400, "{path} {body:.30}");
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        }
        for content_type in
            ["text/plain", "application/json", "multipart/form-data; boundary=x", "application/x-www-form-urlencode"]
        {
            let answer = send(&rp, path, &[("content-type", content_type)], "a=1").await;
            assert_eq!(answer.status, other_type, "{path} {content_type}");
        }
        let answer = send(&rp, path, &[form, ("content-encoding", "gzip")], "a=1").await;
        assert_eq!(answer.status, other_type, "{path} gzip");
        let fits = format!("a={}", "x".repeat(64 * 1024 - 2));
        let (fitting, larger) = (send(&rp, path, &[form], &fits).await, send(&rp, path, &[form], &format!("{fits}x")).await);
        assert_eq!(larger.status, 413, "{path}");
        assert!(fitting.status != 413 && fitting.status < 500, "{path}");
        let typed = send(&rp, path, &[("content-type", "Application/X-WWW-Form-Urlencoded; charset=UTF-8")], "a=1").await;
        assert!(![413, 415].contains(&typed.status), "{path}: {}", typed.status);
    }
    assert_eq!(before.changed(&app.rows().await), Vec::<&str>::new());
    let token = rp.tokens(&mut Browser::new(), "ana").await;
    assert_eq!(token.status, 200);
}

/// PW-05, PW-17: whatever stands in a field is text: refused or unknown, never a fault and never another query.
#[tokio::test]
async fn strange_text() {
    let (app, rp) = house().await;
    let before = app.rows().await;
    let mut browser = Browser::new();
    let form = browser.visit(&app.url("/account")).await;
    let long = "x".repeat(10_000);
    let texts = [
        "' OR 1=1 --",
        "ana@example.com' --",
        "%",
        "_",
        "\u{202e}moc.elpmaxe@ana",
        "ana@example.com\u{200b}",
        "\u{1F600}",
        "\r\nX: y",
        "<script>alert(1)</script>",
        "\u{1b}[31m",
        "ﬁ@example.com",
        "ana＠example.com",
        &long,
    ];
    for text in texts {
        let page = browser.press(&form, "sign-in", &[("username", text), ("password", PASSWORD)]).await;
        assert!([400, 429].contains(&page.status), "{text:.30}: {}", page.status);
        assert!(!page.body.contains("<script>alert"), "{text}");
        for (name, path) in [("code", "/token"), ("refresh_token", "/token"), ("token", "/introspect"), ("token", "/revoke")] {
            let kind = if name == "code" { "authorization_code" } else { "refresh_token" };
            let answer =
                rp.post(path, &[("grant_type", kind), (name, text), ("redirect_uri", text), ("code_verifier", text)]).await;
            assert!([200, 400].contains(&answer.status), "{path} {text:.30}: {} {}", answer.status, answer.body);
        }
        for name in ["client_id", "redirect_uri", "scope", "state", "nonce", "claims", "login_hint", "ui_locales", "prompt"] {
            let flow = rp.flow().with(name, text);
            let page = Browser::new().get(&rp.begin(&flow)).await;
            assert!([303, 400, 414].contains(&page.status), "{name} {text:.30}: {}", page.status);
            assert!(!page.body.contains("<script>alert"), "{name} {text}");
        }
        let path: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20");
        for place in
            ["/sign-in/", "/consent/", "/choose-account/", "/sign-out/", "/account/sessions/", "/account/apps/", "/logo/"]
        {
            let page = browser.get(&app.url(&format!("{place}{path}"))).await;
            assert!([303, 400, 404, 410, 414].contains(&page.status), "{place} {text:.30}: {}", page.status);
        }
    }
    assert_eq!(before.changed(&app.rows().await), Vec::<&str>::new());
    let own = form.form("sign-in");
    let fields = [("csrf", own.get("csrf").unwrap()), ("username", "ana@example.com\0"), ("password", PASSWORD)];
    assert_eq!(browser.post(Initiator::SameOrigin, form.url.as_str(), &fields).await.status, 400);
    for id in ["a%00b", "%00", "\0", "%FF", "\u{202e}"] {
        let basic = format!("Basic {}", STANDARD.encode(format!("{id}:secret")));
        let answer =
            send(&rp, "/token", &[("content-type", FORM), ("authorization", &basic)], "grant_type=client_credentials").await;
        assert_eq!((answer.status, answer.error().as_str()), (401, "invalid_client"), "{id:?}");
    }
    for path in ["/sign-in/%00", "/account/apps/%00", "/logo/%00", "/sign-in/%FF", "/%2e%2e/%2e%2e/etc/passwd"] {
        let (answer, _) =
            app.raw(format!("GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", app.authority()).as_bytes());
        assert!((300..500).contains(&status(&answer)), "{path}: {answer:.200}");
    }
    app.clock.advance(86_400);
    app.sign_in(&mut browser, "ana").await;
}

/// The raw bytes of a POST to /revoke, with these headers beside the host.
fn post(app: &TestApp, headers: &str, body: &str) -> Vec<u8> {
    format!("POST /revoke HTTP/1.1\r\nhost: {}\r\ncontent-type: {FORM}\r\n{headers}\r\n{body}", app.authority()).into_bytes()
}

/// DO-05: where two readers could disagree about the end of a request, there is no second request (RFC 9112 section 6.3).
#[tokio::test]
async fn smuggling() {
    let (app, _) = house().await;
    let second = format!("GET /healthz HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", app.authority());
    let chunked = format!("3\r\na=1\r\n0\r\n\r\n{second}");
    for (headers, body) in [
        ("content-length: 3\r\ntransfer-encoding: chunked\r\n", chunked.as_str()),
        ("transfer-encoding: chunked\r\ncontent-length: 3\r\n", &chunked),
        ("content-length: 3\r\ncontent-length: 4\r\n", &format!("a=1{second}")),
        ("content-length: 3\r\ncontent-length: 3\r\n", &format!("a=1{second}")),
        ("content-length: +3\r\n", &format!("a=1{second}")),
        ("content-length: -3\r\n", &format!("a=1{second}")),
        ("content-length: 3, 3\r\n", &format!("a=1{second}")),
        ("content-length: 0x3\r\n", &format!("a=1{second}")),
        ("transfer-encoding: chunked, identity\r\n", &chunked),
        ("transfer-encoding: xchunked\r\n", &chunked),
        ("transfer-encoding : chunked\r\n", &chunked),
        ("x-folded: a\r\n b\r\ncontent-length: 3\r\n", &format!("a=1{second}")),
        ("x-nul: a\0b\r\ncontent-length: 3\r\n", &format!("a=1{second}")),
        ("transfer-encoding: chunked\r\n", &format!("zz\r\na=1\r\n0\r\n\r\n{second}")),
    ] {
        let (answer, closed) = app.raw(&post(&app, headers, body));
        assert!(!answer.contains("ok\n"), "{headers:?}: a second request was read: {answer}");
        assert!(closed, "{headers:?}: the connection stays: {answer}");
        assert!(answer.is_empty() || (400..502).contains(&status(&answer)), "{headers:?}: {answer}");
    }
    let (answer, _) = app.raw(&post(&app, "content-length: 3\r\n", &format!("a=1{second}")));
    assert!(status(&answer) >= 400 && answer.ends_with("ok\n"), "two honest requests are two: {answer}");
}

/// DO-04: too much of anything is refused and the connection is not kept for more of it.
#[tokio::test]
async fn too_much() {
    let (app, _) = house().await;
    let host = app.authority();
    let get = |line: &str, more: &str| {
        app.raw(format!("GET {line} HTTP/1.1\r\nhost: {host}\r\n{more}connection: close\r\n\r\n").as_bytes())
    };
    assert_eq!(status(&get("/healthz", "").0), 200);
    assert_eq!(status(&get("/healthz", &"x: y\r\n".repeat(90)).0), 200);
    assert_eq!(status(&get("/healthz", &"x: y\r\n".repeat(120)).0), 431);
    let (answer, closed) = get("/healthz", &format!("x: {}\r\n", "y".repeat(140_000)));
    assert!(closed && (answer.is_empty() || status(&answer) >= 400), "{answer:.100}");
    let (answer, closed) = get(&format!("/{}", "x".repeat(70_000)), "");
    assert!(closed && [400, 404, 414].contains(&status(&answer)), "{answer:.100}");
    let (answer, _) = app.raw(&post(&app, "content-length: 65537\r\n", &"x".repeat(65_537)));
    assert_eq!(status(&answer), 413);
    let chunk = format!("8000\r\n{}\r\n", "x".repeat(0x8000));
    let (answer, _) = app.raw(&post(&app, "transfer-encoding: chunked\r\n", &chunk.repeat(8)));
    assert!(status(&answer) == 413 && answer.contains("\r\nconnection: close\r\n"), "{answer:.100}");
    let (answer, _) = app.raw(&post(&app, "content-length: 3\r\nexpect: 100-continue\r\nconnection: close\r\n", "a=1"));
    assert!(answer.contains("HTTP/1.1 4") || answer.starts_with("HTTP/1.1 1"), "{answer}");
}
