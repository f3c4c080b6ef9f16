//! Protects people's pages from other sites: decisions 11, 15 and 22, battery rows SE-04, SE-10, SE-11, SE-13, SE-14, SE-19, TK-28.

use vouchsafe::admin::upstreams::Changes;
use vouchsafe::federation::Kind;
use vouchsafe::store::sql;
use vouchsafe::web::routes::{Cors, Csrf, ENDPOINTS};

use crate::support::app::{PASSWORD, Wish};
use crate::support::raw::status;
use crate::support::rp::Answer;
use crate::support::upstream::Upstream;
use crate::support::{Browser, Initiator, Page, Rp, TestApp};

const FORM: &str = "application/x-www-form-urlencoded";
const EVIL: &str = "https://evil.test";

/// A person with a session here and another one elsewhere, an app that they use, and a page of each kind that is open.
struct Stage {
    app: TestApp,
    rp: Rp,
    browser: Browser,
    csrf: String,
    elsewhere: String,
    interaction: String,
    sign_out: String,
}

impl Stage {
    async fn set() -> Stage {
        let app = TestApp::start().await;
        app.person("ana").await;
        let rp = Rp::web(&app, "web").await;
        // To go there nothing is fetched.
        let hub = Changes { issuer: Some("http://localhost:1".to_owned()), ..Changes::default() };
        Upstream::start(&app).await.connect(&app, "hub", Kind::GitHub, hub).await;
        let (mut browser, mut elsewhere) = (Browser::new(), Browser::new());
        app.sign_in(&mut elsewhere, "ana").await;
        let sessions = vouchsafe::admin::sessions::list(app.desk(), "ana@example.com").await.unwrap();
        rp.tokens(&mut browser, "ana").await;
        let consent = browser.visit(&rp.begin(&rp.flow().with("prompt", "consent"))).await;
        let leaving = browser.visit(&app.url("/sign-out")).await;
        Stage {
            csrf: consent.form("allow").get("csrf").unwrap().to_owned(),
            elsewhere: sessions[0].sid.clone(),
            interaction: last(&consent),
            sign_out: last(&leaving),
            app,
            rp,
            browser,
        }
    }

    fn path(&self, pattern: &str) -> String {
        let id = if pattern.starts_with("/sign-out") { &self.sign_out } else { &self.interaction };
        let id = if pattern.starts_with("/upstream") || pattern.contains("/connect/{id}") && pattern.starts_with("/account") {
            "hub"
        } else {
            id
        };
        let path = pattern
            .replace("{interaction}", &self.interaction)
            .replace("{id}", id)
            .replace("{sid}", &self.elsewhere)
            .replace("{client_id}", "web");
        path.replace("{digest}", "none").replace("{name}", "none").replace("{token}", "none")
    }

    /// A POST with this person's cookies and exactly these further headers.
    async fn post(&self, path: &str, headers: &[(&'static str, &str)], body: &str) -> Answer {
        let cookies = ["browser", "session"].map(|name| format!("{name}={}", self.browser.cookie(name).unwrap().value));
        let mut all: Vec<_> = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        all.push(("cookie", cookies.join("; ")));
        self.rp.send("POST", path, &all, body).await
    }
}

fn last(page: &Page) -> String {
    page.url.path().rsplit('/').next().unwrap().to_owned()
}

/// Every unsafe page of the table (SE-04, ASVS 3.5.1 to 3.5.3): without this browser's token, from elsewhere or as another
/// content type, nothing happens; with the token from a page of ours it does.
#[tokio::test]
async fn unsafe_requests() {
    let stage = Stage::set().await;
    let paths: Vec<_> = ENDPOINTS
        .iter()
        .filter(|endpoint| endpoint.csrf == Csrf::Checked && endpoint.methods.contains(&"POST"))
        .map(|endpoint| stage.path(endpoint.path))
        .collect();
    assert!(paths.len() >= 8, "{paths:?}");
    let acts = "decision=allow&account=current&username=ana%40example.com&password=x&lang=de&back=%2Faccount";
    let good = format!("csrf={}&{acts}", stage.csrf);
    let other = Browser::new().visit(&stage.app.url("/account")).await.form("sign-in").get("csrf").unwrap().to_owned();
    let (none, foreign) = (acts.to_owned(), format!("csrf={other}&{acts}"));
    let own = stage.app.issuer.clone();
    let before = stage.app.rows().await;
    for path in &paths {
        for (headers, body) in [
            (vec![("content-type", FORM)], &none),
            (vec![("content-type", FORM)], &foreign),
            (vec![("content-type", FORM), ("origin", "null")], &good),
            (vec![("content-type", FORM), ("origin", EVIL)], &good),
            (vec![("content-type", FORM), ("sec-fetch-site", "cross-site")], &good),
            (vec![("content-type", FORM), ("sec-fetch-site", "same-site"), ("origin", &own)], &good),
            (vec![("content-type", "text/plain"), ("origin", &own)], &good),
            (vec![("content-type", "multipart/form-data; boundary=x"), ("origin", &own)], &good),
            (vec![("content-type", "application/json"), ("origin", &own)], &"{}".to_owned()),
            (vec![("origin", &own)], &good),
        ] {
            let answer = stage.post(path, &headers, body).await;
            assert_eq!(answer.status, 403, "{path} {headers:?}");
            assert!(answer.header("location").is_none() && answer.header("set-cookie").is_none(), "{path}");
        }
        let query = stage.post(&format!("{path}?csrf={}", stage.csrf), &[("content-type", FORM)], acts).await;
        assert_eq!(query.status, 403, "{path}: a token in the query");
    }
    assert_eq!(before.changed(&stage.app.rows().await), Vec::<&str>::new());
    let plain = format!("csrf={}", stage.csrf);
    for path in &paths {
        let answer =
            stage.post(path, &[("content-type", FORM), ("origin", &own), ("sec-fetch-site", "same-origin")], &plain).await;
        // A link that nobody was sent is gone; what a script fetches is no page.
        let is_fetched = path.starts_with("/passkey-options/") && answer.status == 200;
        assert!([303, 400, 410].contains(&answer.status) || is_fetched, "{path}: {}", answer.status);
        assert!(!answer.body.contains("error-page"), "{path}: {}", answer.body);
    }
    assert_eq!(before.changed(&stage.app.rows().await), ["consents", "grants", "sessions"]);
}

/// SE-13: another site cannot sign its visitor in as somebody else (RFC 9700 section 4.7).
#[tokio::test]
async fn login_csrf() {
    let app = TestApp::start().await;
    app.person("mallory").await;
    let (mut mallory, mut victim) = (Browser::new(), Browser::new());
    let form = mallory.visit(&app.url("/account")).await;
    let csrf = form.form("sign-in").get("csrf").unwrap().to_owned();
    let fields = [("csrf", csrf.as_str()), ("username", "mallory@example.com"), ("password", PASSWORD)];
    victim.visit(&app.url("/account")).await;
    let before = app.rows().await;
    let page = victim.post(Initiator::Site(EVIL), form.url.as_str(), &fields).await;
    assert_eq!((page.status, page.has("error-page")), (403, true));
    assert!(victim.cookie("session").is_none());
    assert_eq!(before.changed(&app.rows().await), Vec::<&str>::new());
    assert_eq!(mallory.post(Initiator::SameOrigin, form.url.as_str(), &fields).await.status, 303);
}

const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
    font-src 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'";

const GUARDS: [&str; 12] = [
    "content-security-policy",
    "referrer-policy",
    "x-content-type-options",
    "permissions-policy",
    "cross-origin-resource-policy",
    "cross-origin-opener-policy",
    "strict-transport-security",
    "cross-origin-embedder-policy",
    "x-frame-options",
    "server",
    "x-powered-by",
    "access-control-allow-credentials",
];

/// The guarding headers of an answer, those of [`GUARDS`] that are there.
fn guards(headers: &reqwest::header::HeaderMap) -> Vec<(&'static str, String)> {
    let shown = |name: &'static str| headers.get(name).map(|value| (name, value.to_str().unwrap().to_owned()));
    GUARDS.into_iter().filter_map(shown).collect()
}

/// Passkeys and the buttons that copy are ours; everything else is off.
const PERMISSIONS: &str = "publickey-credentials-get=(self), publickey-credentials-create=(self), clipboard-write=(self), \
    accelerometer=(), autoplay=(), camera=(), clipboard-read=(), display-capture=(), encrypted-media=(), fullscreen=(), \
    geolocation=(), gyroscope=(), hid=(), idle-detection=(), magnetometer=(), microphone=(), midi=(), payment=(), \
    picture-in-picture=(), screen-wake-lock=(), serial=(), usb=(), web-share=(), xr-spatial-tracking=()";

/// What decision 15 says of one answer.
fn expected(csp: &str, corp: bool, coop: bool) -> Vec<(&'static str, String)> {
    let mut all = vec![
        ("content-security-policy", csp.to_owned()),
        ("referrer-policy", "same-origin".to_owned()),
        ("x-content-type-options", "nosniff".to_owned()),
        ("permissions-policy", PERMISSIONS.to_owned()),
    ];
    all.extend(corp.then(|| ("cross-origin-resource-policy", "same-origin".to_owned())));
    all.extend(coop.then(|| ("cross-origin-opener-policy", "same-origin".to_owned())));
    all
}

/// SE-10: exactly the headers of decision 15, on every kind of answer (ASVS 3.4.1 to 3.4.8).
#[tokio::test]
async fn headers() {
    let stage = Stage::set().await;
    let css = {
        let page = Browser::new().visit(&stage.app.url("/account")).await;
        page.attributes("link[rel=stylesheet]", "href").remove(0)
    };
    let own = format!("{CSP}; form-action 'self'");
    let (consent, sign_in) = (stage.path("/consent/{id}"), stage.path("/sign-in/{id}"));
    let sign_out = stage.path("/sign-out/{id}");
    let mut browser = stage.browser.clone();
    for (path, code, csp, corp, coop, cache) in [
        (sign_in.as_str(), 200, CSP, true, false, Some("no-store")),
        (&consent, 200, CSP, true, false, Some("no-store")),
        (&sign_out, 200, CSP, true, false, Some("no-store")),
        ("/account", 200, &own, true, true, Some("no-store")),
        ("/account/everywhere", 200, &own, true, true, Some("no-store")),
        ("/docs", 200, CSP, true, false, Some("no-store")),
        ("/nothing/here", 404, CSP, true, false, Some("no-store")),
        ("/static/none.css", 404, CSP, true, false, Some("no-store")),
        ("/authorize", 400, CSP, true, false, Some("no-store")),
        ("/token", 405, CSP, true, false, None),
        (&css, 200, CSP, true, false, Some("public, max-age=31536000, immutable")),
        ("/.well-known/openid-configuration", 200, CSP, false, false, None),
        ("/jwks", 200, CSP, false, false, None),
        ("/userinfo", 401, CSP, true, false, Some("no-store")),
        ("/healthz", 200, CSP, true, false, Some("no-store")),
    ] {
        let page = browser.get(&stage.app.url(path)).await;
        assert_eq!((page.status, guards(&page.headers)), (code, expected(csp, corp, coop)), "{path}");
        assert!(page.header("x-request-id").is_some_and(|id| !id.is_empty()), "{path}");
        if cache.is_some() {
            assert_eq!(page.header("cache-control"), cache, "{path}");
        }
    }
    let refused = stage.rp.post("/token", &[("grant_type", "x")]).await;
    assert_eq!((refused.status, guards(&refused.headers)), (400, expected(CSP, true, false)));
    assert_eq!(refused.header("cache-control"), Some("no-store"));
    let methods = stage.rp.send("DELETE", "/token", &[], "").await;
    assert_eq!((methods.status, methods.header("allow")), (405, Some("POST")));
    assert_eq!(stage.rp.send("PUT", "/account", &[], "").await.header("allow"), Some("GET"));
}

/// SE-10 over https, and SE-19: what breaks says nothing of what broke and keeps the headers.
#[tokio::test]
async fn headers_elsewhere() {
    let secure = TestApp::with(Wish { settings: &[("ISSUER", "https://id.test")], ..Wish::default() }).await;
    let (answer, _) = secure.raw(b"GET /nothing HTTP/1.1\r\nhost: id.test\r\nconnection: close\r\n\r\n");
    assert_eq!(status(&answer), 404);
    assert!(answer.contains("\r\nstrict-transport-security: max-age=31536000\r\n"), "{answer}");
    let stage = Stage::set().await;
    let rename = sql("ALTER TABLE grants RENAME TO moved");
    stage.app.provider.db.write(async move |tx| tx.execute(rename).await).await.unwrap();
    let page = stage.browser.clone().get(&stage.app.url("/account")).await;
    let own = format!("{CSP}; form-action 'self'");
    assert_eq!((page.status, guards(&page.headers)), (503, expected(&own, true, true)));
    assert!(page.has("support-code") && page.header("retry-after").is_some());
    for word in ["grants", "SELECT", "sqlite", "postgres", "no such", "src/"] {
        assert!(!page.body.contains(word), "{word}: {}", page.body);
    }
}

/// SE-11, TK-28: who may read what from a page of another origin.
#[tokio::test]
async fn cors() {
    let stage = Stage::set().await;
    let (rp, own) = (&stage.rp, "https://app.test");
    let token = rp.tokens(&mut stage.browser.clone(), "ana").await.text("access_token");
    let allowed = |answer: &Answer| {
        assert!(answer.header("access-control-allow-credentials").is_none());
        answer.header("access-control-allow-origin").map(str::to_owned)
    };
    for endpoint in ENDPOINTS {
        let path = stage.path(endpoint.path);
        for origin in [own, EVIL, "null"] {
            let request = ("access-control-request-method", "POST".to_owned());
            let preflight = rp.send("OPTIONS", &path, &[("origin", origin.to_owned()), request], "").await;
            let passes = endpoint.cors == Cors::Client && origin == own;
            assert_eq!(allowed(&preflight).as_deref(), passes.then_some(own), "{path} {origin}");
            let method = endpoint.methods[0];
            let answer = rp.send(method, &path, &[("origin", origin.to_owned())], "").await;
            let anybody = endpoint.cors == Cors::Anybody && answer.status == 200;
            assert_eq!(allowed(&answer).as_deref(), anybody.then_some("*"), "{path} {origin}");
        }
    }
    let web = |origin: &str| vec![("authorization", format!("Bearer {token}")), ("origin", origin.to_owned())];
    assert_eq!(allowed(&rp.send("GET", "/userinfo", &web(own), "").await).as_deref(), Some(own));
    for origin in [EVIL, "null", "https://app.test.evil.test", "http://app.test", "https://app.test:8443", "HTTPS://APP.TEST"] {
        let answer = rp.send("GET", "/userinfo", &web(origin), "").await;
        assert_eq!((answer.status, allowed(&answer)), (200, None), "{origin}");
        assert_eq!(answer.header("vary"), Some("origin"));
    }
}

/// SE-14: a request for another host makes no link, no cookie and no page (decision 1).
#[tokio::test]
async fn hosts() {
    let app = TestApp::start().await;
    let ours = app.authority();
    let ask =
        |line: &str, headers: &str| app.raw(format!("GET {line} HTTP/1.1\r\n{headers}connection: close\r\n\r\n").as_bytes()).0;
    let own = ask("/sign-in", &format!("host: {ours}\r\n"));
    assert_eq!(status(&own), 303);
    assert!(own.contains("set-cookie: browser="));
    assert_eq!(status(&ask(&format!("http://{ours}/sign-in"), &format!("host: {ours}\r\n"))), 303);
    for (line, headers) in [
        ("/sign-in".to_owned(), "host: evil.test\r\n".to_owned()),
        ("/.well-known/openid-configuration".to_owned(), "host: evil.test\r\n".to_owned()),
        ("/sign-in".to_owned(), format!("host: {ours}.evil.test\r\n")),
        ("/sign-in".to_owned(), format!("host: evil.test@{ours}\r\n")),
        ("/sign-in".to_owned(), "host:\r\n".to_owned()),
        ("/sign-in".to_owned(), String::new()),
        ("/sign-in".to_owned(), format!("host: {ours}\r\nhost: evil.test\r\n")),
        ("/sign-in".to_owned(), format!("host: {ours}\r\nhost: {ours}\r\n")),
        ("/sign-in".to_owned(), format!("host: evil.test\r\nx-forwarded-host: {ours}\r\n")),
        ("http://evil.test/sign-in".to_owned(), format!("host: {ours}\r\n")),
        ("/healthzz/sign-in/readyz".to_owned(), "host: evil.test\r\n".to_owned()),
    ] {
        let answer = ask(&line, &headers);
        assert!([400, 421].contains(&status(&answer)), "{line} {headers:?}: {answer}");
        assert!(!answer.to_lowercase().contains("set-cookie") && !answer.contains("evil.test"), "{answer}");
    }
    assert_eq!(status(&ask("/healthz", "host: 10.0.0.1\r\n")), 200, "a probe asks by address");
}
