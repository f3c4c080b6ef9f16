//! Protects against floods: the classes of the table of endpoints (issue 4), RFC 6585 section 4, battery rows PW-10, DO-07, EM-13.

use vouchsafe::store::sql;
use vouchsafe::web::routes::{ENDPOINTS, Rate};

use crate::support::app::{PASSWORD, Wish};
use crate::support::rp::Answer;
use crate::support::{Browser, Initiator, Rp, TestApp};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// An app behind a proxy on this machine, so that a test chooses the address that it comes from.
async fn behind_proxy(limits: &[(&str, &str)]) -> (TestApp, Rp) {
    let settings = [&[("TRUSTED_PROXIES", "127.0.0.0/8")][..], limits].concat();
    let app = TestApp::with(Wish { settings: &settings, ..Wish::default() }).await;
    let rp = Rp::web(&app, "web").await;
    (app, rp)
}

/// A request from this address.
async fn from(rp: &Rp, address: &str, method: &'static str, path: &str, body: &str) -> Answer {
    rp.send(method, path, &[("x-forwarded-for", address.to_owned()), (FORM.0, FORM.1.to_owned())], body).await
}

fn is_refused(answer: &Answer) -> bool {
    let seconds: Option<i64> = answer.header("retry-after").map(|seconds| seconds.parse().unwrap());
    assert_eq!(answer.status == 429, seconds.is_some_and(|seconds| seconds >= 1), "{} {:?}", answer.status, answer.headers);
    answer.status == 429
}

/// Every endpoint is limited as its class says, in its own shape, each address for itself, and opens again by itself.
#[tokio::test]
async fn classes() {
    let limits = [
        ("LIMITS__PAGES_PER_MINUTE", "4"),
        ("LIMITS__GUESSES_PER_MINUTE", "2"),
        ("LIMITS__MACHINES_PER_MINUTE", "3"),
        ("LIMITS__MAIL_PER_HOUR", "1"),
        ("REGISTRATION__PER_HOUR", "2"),
    ];
    let (app, rp) = behind_proxy(&limits).await;
    for (number, endpoint) in ENDPOINTS.iter().enumerate() {
        for method in endpoint.methods {
            let (allowed, window) = match (endpoint.rate, *method) {
                (Rate::Metadata, _) => (12, 0),
                (Rate::Register, "POST" | "PUT" | "DELETE") => (2, 3600),
                (Rate::Machine | Rate::Register, _) => (3, 60),
                (Rate::Guess, "POST") => (2, 60),
                (Rate::Mail, "POST") => (1, 3600),
                (Rate::Page | Rate::Guess | Rate::Mail, _) => (4, 60),
            };
            let address = format!("198.51.{number}.{}", endpoint.methods.iter().position(|own| own == method).unwrap() + 1);
            let mut answers = Vec::new();
            for _ in 0..=allowed {
                answers.push(from(&rp, &address, method, endpoint.path, "").await);
            }
            let last = answers.pop().unwrap();
            assert!(!answers.iter().any(is_refused), "{method} {}", endpoint.path);
            assert_eq!(is_refused(&last), endpoint.rate != Rate::Metadata, "{method} {}", endpoint.path);
            match endpoint.rate {
                Rate::Metadata => continue,
                Rate::Machine | Rate::Register => assert_eq!(last.error(), "temporarily_unavailable", "{}", endpoint.path),
                Rate::Page | Rate::Guess | Rate::Mail => assert!(last.body.contains("support-code"), "{}", endpoint.path),
            }
            assert_eq!(last.header("cache-control"), Some("no-store"));
            let policy = format!("\"default\";q={allowed};w={window}");
            assert_eq!(last.header("ratelimit-policy"), Some(policy.as_str()), "{method} {}", endpoint.path);
            let wait = last.header("retry-after").unwrap();
            assert_eq!(last.header("ratelimit"), Some(format!("\"default\";r=0;t={wait}").as_str()));
            let left = format!("\"default\";r={};t=", allowed - 1);
            assert!(answers[0].header("ratelimit").unwrap().starts_with(&left), "{:?}", answers[0].headers);
            let elsewhere = from(&rp, &format!("198.52.{number}.1"), method, endpoint.path, "").await;
            assert!(!is_refused(&elsewhere), "another address: {}", endpoint.path);
        }
    }
    let (again, unknown) = ("198.51.3.1", "198.53.0.1");
    assert!(is_refused(&from(&rp, again, "GET", "/authorize", "").await));
    app.clock.advance(15);
    assert!(!is_refused(&from(&rp, again, "GET", "/authorize", "").await), "after Retry-After");
    assert!(is_refused(&from(&rp, again, "GET", "/authorize", "").await));
    for path in ["/a", "/b", "/c", "/%00"] {
        assert_eq!(from(&rp, unknown, "GET", path, "").await.status, 404);
    }
    for path in ["/e", "/%00", "/sign-in/%00"] {
        assert!(is_refused(&from(&rp, unknown, "GET", path, "").await), "what is not there");
    }
}

/// The defaults: programs with credentials are not limited, nor is metadata; pages are at 600 a minute.
#[tokio::test]
async fn defaults() {
    let names = ["PAGES_PER_MINUTE", "GUESSES_PER_MINUTE", "FAILURES_PER_MINUTE", "MAIL_PER_HOUR", "VISITS_PER_HOUR"];
    // They are written, since a development issuer has no limit by address unless one is.
    let default = |name: &str| vouchsafe::config::find(&format!("limits.{}", name.to_lowercase())).unwrap().default;
    let written: Vec<(String, &str)> = names.iter().map(|name| (format!("LIMITS__{name}"), default(name))).collect();
    let settings: Vec<(&str, &str)> = written.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    let app = TestApp::with(Wish { settings: &settings, ..Wish::default() }).await;
    let limits = app.config.limits;
    assert_eq!((limits.pages_per_minute, limits.guesses_per_minute, limits.failures_per_minute), (600, 120, 120));
    assert_eq!((limits.machines_per_minute, limits.mail_per_hour, limits.visits_per_hour), (0, 100, 3000));
    let machine = Rp::of(&app, &app.machine("machine", "api").await);
    for _ in 0..700 {
        assert_eq!(machine.post("/token", &[("grant_type", "client_credentials")]).await.status, 200);
    }
    let mut pages = 0;
    while !is_refused(&machine.get("/signed-out").await) {
        pages += 1;
    }
    assert_eq!(pages, 600);
    assert_eq!(machine.get("/jwks").await.status, 200);
    assert_eq!(machine.post("/token", &[("grant_type", "client_credentials")]).await.status, 200);
}

/// PW-10: what anybody can write into a header is no address; a customer with a /64 is one customer.
#[tokio::test]
async fn addresses() {
    let settings = [("LIMITS__PAGES_PER_MINUTE", "3")];
    let app = TestApp::with(Wish { settings: &settings, ..Wish::default() }).await;
    let rp = Rp::web(&app, "web").await;
    for number in 0..3 {
        assert!(!is_refused(&from(&rp, &format!("203.0.113.{number}"), "GET", "/signed-out", "").await));
    }
    for forged in ["203.0.113.9", "2001:db8::1", "example.com", "", "127.0.0.2"] {
        let headers =
            ["x-forwarded-for", "x-real-ip", "true-client-ip", "cf-connecting-ip"].map(|name| (name, forged.to_owned()));
        assert!(is_refused(&rp.send("GET", "/signed-out", &headers, "").await), "{forged}");
    }
    let (_app, rp) = behind_proxy(&settings).await;
    for host in ["2001:db8:0:1::1", "2001:db8:0:1::2", "2001:db8:0:1:ffff:ffff:ffff:ffff"] {
        assert!(!is_refused(&from(&rp, host, "GET", "/signed-out", "").await));
    }
    assert!(is_refused(&from(&rp, "2001:db8:0:1:abcd::1", "GET", "/signed-out", "").await), "the same /64");
    assert!(!is_refused(&from(&rp, "2001:db8:0:2::1", "GET", "/signed-out", "").await), "the next /64");
    for address in ["::ffff:203.0.113.7", "203.0.113.7", "192.0.2.1, 203.0.113.7"] {
        assert!(!is_refused(&from(&rp, address, "GET", "/signed-out", "").await));
    }
    assert!(is_refused(&from(&rp, "198.51.100.1, 203.0.113.7", "GET", "/signed-out", "").await), "what stands to the left");
}

/// RFC 6749 section 2.3.1: whoever fails to prove something is slowed down; whoever succeeds is not.
#[tokio::test]
async fn failures() {
    let (app, rp) = behind_proxy(&[("LIMITS__FAILURES_PER_MINUTE", "6")]).await;
    let machine = Rp::of(&app, &app.machine("machine", "api").await);
    let good = |address: &'static str| {
        let secret = machine.secret.clone().unwrap();
        let basic = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("machine:{secret}"));
        let headers =
            [("x-forwarded-for", address.to_owned()), (FORM.0, FORM.1.to_owned()), ("authorization", format!("Basic {basic}"))];
        let rp = &rp;
        async move { rp.send("POST", "/token", &headers, "grant_type=client_credentials").await }
    };
    let (office, other) = ("203.0.113.1", "203.0.113.2");
    for _ in 0..20 {
        assert_eq!(good(office).await.status, 200, "a success is never charged");
    }
    let bearer = [("x-forwarded-for", office.to_owned()), ("authorization", "Bearer at_nonsense".to_owned())];
    let before = app.rows().await;
    for path in ["/token", "/introspect", "/revoke"] {
        let wrong = "grant_type=client_credentials&token=x&client_id=machine&client_secret=wrong";
        assert_eq!(from(&rp, office, "POST", path, wrong).await.status, 401, "{path}");
    }
    for _ in 0..3 {
        assert_eq!(rp.send("GET", "/userinfo", &bearer, "").await.status, 401);
    }
    let refused = rp.send("GET", "/userinfo", &bearer, "").await;
    assert!(is_refused(&refused));
    assert_eq!(refused.error(), "temporarily_unavailable");
    assert!(is_refused(&good(office).await), "nothing is compared any more");
    assert_eq!(from(&rp, office, "GET", "/jwks", "").await.status, 200);
    assert_eq!(good(other).await.status, 200, "another address");
    app.untouched(&before, "refused").await;
    app.clock.advance(60);
    assert_eq!(good(office).await.status, 200, "after a minute");
    let public = Rp::public(&app, "public").await;
    let guess = format!("grant_type=refresh_token&refresh_token=rt_guess&client_id={}", public.id);
    let mut statuses = Vec::new();
    for _ in 0..8 {
        statuses.push(from(&rp, other, "POST", "/token", &guess).await.status);
    }
    assert_eq!(statuses, [400, 400, 400, 400, 400, 400, 429, 429], "guessed tokens of a public client");
}

/// One client is slowed down wherever it comes from, others are not, and nobody uses it up by claiming to be it.
#[tokio::test]
async fn clients() {
    let settings = [("LIMITS__CLIENT_PER_MINUTE", "5")];
    let app = TestApp::with(Wish { settings: &settings, ..Wish::default() }).await;
    let (busy, quiet) = (app.machine("busy", "api").await, app.machine("quiet", "api").await);
    let (busy, quiet) = (Rp::of(&app, &busy), Rp::of(&app, &quiet));
    let ask = async |rp: &Rp| rp.post("/token", &[("grant_type", "client_credentials")]).await;
    for _ in 0..20 {
        let claim = busy.post_as("/token", Some(("busy", "wrong")), &[("grant_type", "client_credentials")]).await;
        assert_eq!(claim.status, 401);
    }
    for _ in 0..5 {
        assert_eq!(ask(&busy).await.status, 200);
    }
    let before = app.rows().await;
    let refused = ask(&busy).await;
    assert!(is_refused(&refused));
    assert_eq!((refused.error().as_str(), refused.header("retry-after")), ("temporarily_unavailable", Some("12")));
    let by_body = [("token", "x"), ("client_id", "busy"), ("client_secret", busy.secret.as_deref().unwrap())];
    assert!(is_refused(&busy.post_as("/introspect", None, &by_body).await));
    app.untouched(&before, "refused").await;
    assert_eq!(ask(&quiet).await.status, 200);
    app.clock.advance(12);
    assert_eq!(ask(&busy).await.status, 200);
    assert!(is_refused(&ask(&busy).await));
}

/// A flood of passwords is refused before anything is read or written; a success beside it is charged like any other.
#[tokio::test]
async fn guesses() {
    let (app, rp) = behind_proxy(&[("LIMITS__GUESSES_PER_MINUTE", "5")]).await;
    app.person("ana").await;
    let form = Browser::new().visit(&app.url("/account")).await;
    let path = form.url.path().to_owned();
    for _ in 0..5 {
        assert!(!is_refused(&from(&rp, "203.0.113.1", "POST", &path, "username=a&password=b").await));
    }
    let hashed = app.provider.hasher.verifications();
    let rows = app.count("SELECT COUNT(*) FROM guesses").await;
    for _ in 0..50 {
        assert!(is_refused(&from(&rp, "203.0.113.1", "POST", &path, "username=a&password=b").await));
    }
    assert_eq!((hashed, rows), (app.provider.hasher.verifications(), app.count("SELECT COUNT(*) FROM guesses").await));
    assert!(!is_refused(&from(&rp, "203.0.113.1", "GET", &path, "").await), "the page itself is a page");
    let mut browser = Browser::new();
    app.sign_in(&mut browser, "ana").await;
}

/// DO-07: strangers make a bounded number of rows, and people who are signed in are not held up by them.
#[tokio::test]
async fn visits() {
    let settings = [("LIMITS__VISITS_PER_HOUR", "10")];
    let app = TestApp::with(Wish { settings: &settings, ..Wish::default() }).await;
    app.person("ana").await;
    let rp = Rp::web(&app, "web").await;
    let mut ana = Browser::new();
    rp.tokens(&mut ana, "ana").await;
    let begun = "SELECT COUNT(*) FROM interactions";
    let before = app.count(begun).await;
    let mut refused = 0;
    for path in ["/sign-in".to_owned(), format!("/authorize?{}", rp.flow().query())].iter().cycle().take(40) {
        let answer = rp.get(path).await;
        assert!(is_refused(&answer) || answer.status == 303, "{path}: {}", answer.status);
        refused += u32::from(answer.status == 429);
        if answer.status == 429 {
            assert!(answer.body.contains("support-code") && answer.header("set-cookie").is_none());
        }
    }
    assert_eq!((app.count(begun).await, refused), (10, 40 - (10 - u32::try_from(before).unwrap())));
    let forged = [("cookie", format!("session=ss_{}; browser={}", "a".repeat(43), "b".repeat(43)))];
    assert!(is_refused(&rp.send("GET", "/sign-in", &forged, "").await), "a cookie that is no session");
    let none = rp.get(&format!("/authorize?{}", rp.flow().with("prompt", "none").query())).await;
    assert_eq!(none.status, 303, "what stores nothing is charged nothing");
    let asked = ana.visit(&rp.begin(&rp.flow().with("prompt", "consent"))).await;
    assert!(asked.has("allow"), "{}", asked.body);
    app.clock.advance(360);
    assert_eq!(rp.get("/sign-in").await.status, 303);
    assert!(is_refused(&rp.get("/sign-in").await));
}

/// Strangers cannot fill the audit log: one row an address and minute of what they can cause without signing in.
#[tokio::test]
async fn audit_rows() {
    let (app, rp) = behind_proxy(&[]).await;
    app.person("ana").await;
    let wrong = format!("/authorize?{}", rp.flow().with("redirect_uri", "https://evil.test/cb").query());
    for address in ["203.0.113.1", "203.0.113.2"] {
        for _ in 0..20 {
            assert_eq!(from(&rp, address, "GET", &wrong, "").await.status, 400);
        }
    }
    assert_eq!(app.audited("redirect_mismatch").await, 2);
    app.clock.advance(60);
    from(&rp, "203.0.113.1", "GET", &wrong, "").await;
    assert_eq!(app.audited("redirect_mismatch").await, 3);
    let mut browser = Browser::new();
    let page = browser.visit(&app.url("/account")).await;
    let form = page.form("sign-in");
    let csrf = form.get("csrf").unwrap().to_owned();
    for number in 0..15 {
        let fields = [("csrf", csrf.as_str()), ("username", "ana@example.com"), ("password", "wrong")];
        let status = browser.post(Initiator::SameOrigin, page.url.as_str(), &fields).await.status;
        assert_eq!(status, if number < 10 { 400 } else { 429 });
    }
    assert_eq!(app.audited("throttled").await, 1);
    let named = sql("SELECT COUNT(*) FROM audit_events WHERE kind = 'throttled' AND user_id IS NOT NULL");
    let row = app.provider.db.conn().fetch(named).await.unwrap().unwrap();
    assert_eq!(row.columns("count").int("count").unwrap(), 1, "and it says whose account it was");
    assert_ne!(PASSWORD, "wrong");
}

mod long {
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;

    use super::{behind_proxy, from};

    /// "Memory under a flood of 10,000 different addresses stays bounded" (issue 4), and whoever is not part of it gets in.
    #[tokio::test]
    #[ignore = "takes minutes: tests/run --long"]
    async fn flood() {
        let limits = [("LIMITS__PAGES_PER_MINUTE", "3"), ("LIMITS__VISITS_PER_HOUR", "3")];
        let (app, rp) = behind_proxy(&limits).await;
        let wave = |network: u32| {
            let mut socket = TcpStream::connect(app.authority().replace("localhost", "127.0.0.1")).unwrap();
            let host = app.authority();
            let mut answers = socket.try_clone().unwrap();
            let reader = std::thread::spawn(move || {
                let (mut all, mut part) = (0, [0; 65536]);
                while let Ok(count @ 1..) = answers.read(&mut part) {
                    all += count;
                }
                all
            });
            for number in 0..20_000_u32 {
                let address = std::net::Ipv4Addr::from_bits((network << 24) + number);
                let request = format!("GET /nothing HTTP/1.1\r\nhost: {host}\r\nx-forwarded-for: {address}\r\n\r\n");
                socket.write_all(request.as_bytes()).unwrap();
            }
            socket.shutdown(std::net::Shutdown::Write).unwrap();
            assert!(reader.join().unwrap() > 20_000 * 200);
        };
        wave(11);
        let before = resident_kib();
        for network in 12..16 {
            wave(network);
        }
        let grown = resident_kib().saturating_sub(before);
        assert!(grown < 32 * 1024, "80,000 addresses made it grow by {grown} KiB");
        assert_eq!(from(&rp, "203.0.113.1", "GET", "/signed-out", "").await.status, 200);
    }

    fn resident_kib() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}
