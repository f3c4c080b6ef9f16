//! Real headless Chromium. Its tests are `#[ignore = "browser: tests/run brings Chromium"]`, in modules whose names begin with
//! `browser` or `axe`; `tests/run` runs them with TEST_CHROMEDRIVER (and TEST_CHROMIUM), the programs' paths.

use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::ops::Deref;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, Weak};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use thirtyfour::prelude::*;

/// Whether pages may run scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scripts {
    On,
    Off,
}

/// The colours that the person's system prefers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colours {
    Light,
    Dark,
}

/// One chromedriver a process: the tests that run at once share it, and the last of them ends it.
struct Driver {
    process: Child,
    port: u16,
}

static RUNNING: Mutex<Weak<Driver>> = Mutex::new(Weak::new());

impl Driver {
    fn shared() -> Arc<Driver> {
        let mut running = RUNNING.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(driver) = running.upgrade() {
            return driver;
        }
        let driver = Arc::new(Driver::start());
        *running = Arc::downgrade(&driver);
        driver
    }

    fn start() -> Driver {
        let program = env::var_os("TEST_CHROMEDRIVER").expect("TEST_CHROMEDRIVER names chromedriver; tests/run sets it");
        let mut process = Command::new(program).args(["--port=0"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
        let port = lines.find_map(|line| line.split_once("successfully on port ")?.1.trim_end_matches('.').parse().ok());
        // Someone has to go on reading, or it stops at a full pipe.
        thread::spawn(move || lines.for_each(drop));
        Driver { process, port: port.expect("chromedriver says its port") }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A browser window with a profile of its own. Fields are dropped in this order: the window, its folder, the driver.
pub struct Chrome {
    window: WebDriver,
    _profile: TempDir,
    driver: Arc<Driver>,
}

impl Drop for Chrome {
    /// Ends the session by a request of our own: thirtyfour's way out of a dropped session takes minutes, and a test that
    /// panics has no chance to call `quit`.
    fn drop(&mut self) {
        let _ = self.window.clone().leak();
        let address = (Ipv4Addr::LOCALHOST, self.driver.port);
        let ask = || -> std::io::Result<usize> {
            let mut driver = TcpStream::connect(address)?;
            driver.set_read_timeout(Some(Duration::from_secs(10)))?;
            let session = self.window.session_id();
            write!(driver, "DELETE /session/{session} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
            driver.read(&mut [0; 64])
        };
        if let Err(error) = ask() {
            eprintln!("chromedriver did not end the session: {error}");
        }
    }
}

impl Deref for Chrome {
    type Target = WebDriver;

    fn deref(&self) -> &WebDriver {
        &self.window
    }
}

impl Chrome {
    pub async fn open(scripts: Scripts) -> Chrome {
        let driver = Driver::shared();
        let profile = TempDir::new().unwrap();
        let mut wanted = DesiredCapabilities::chrome();
        if let Ok(program) = env::var("TEST_CHROMIUM") {
            wanted.set_binary(&program).unwrap();
        }
        let folder = format!("--user-data-dir={}", profile.path().display());
        for argument in [
            "--headless=new",
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--lang=en",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
            &folder,
        ] {
            wanted.add_arg(argument).unwrap();
        }
        let javascript = if scripts == Scripts::On { 1 } else { 2 };
        let preferences =
            json!({ "profile.managed_default_content_settings.javascript": javascript, "intl.accept_languages": "en" });
        wanted.add_experimental_option("prefs", preferences).unwrap();
        let window = WebDriver::new(format!("http://127.0.0.1:{}", driver.port), wanted).await.unwrap();
        window.set_page_load_timeout(Duration::from_secs(20)).await.unwrap();
        Chrome { window, _profile: profile, driver }
    }

    /// Whether an element with this id is on the page.
    pub async fn has(&self, id: &str) -> bool {
        self.find(By::Id(id)).await.is_ok()
    }

    /// Types into the field of this name, in place of what stands there.
    pub async fn fill(&self, name: &str, text: &str) {
        let field = self.element(By::Name(name)).await;
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Presses the element with this id.
    pub async fn press(&self, id: &str) {
        self.element(By::Id(id)).await.click().await.unwrap();
    }

    /// Waits until an element with this id is there.
    pub async fn wait_for(&self, id: &str) {
        self.element(By::Id(id)).await;
    }

    async fn element(&self, by: By) -> WebElement {
        let found = self.query(by.clone()).wait(Duration::from_secs(10), Duration::from_millis(50)).first().await;
        match found {
            Ok(element) => element,
            Err(error) => {
                panic!("{by:?}: {error}\nat {:?}\n{}", self.current_url().await, self.source().await.unwrap_or_default())
            }
        }
    }

    /// Shows pages in these colours, in a window this wide.
    pub async fn show(&self, colours: Colours, width: u32) {
        let scheme = if colours == Colours::Dark { "dark" } else { "light" };
        // Without motion: a colour on its way to another would be measured.
        let features = json!({ "features": [
            { "name": "prefers-color-scheme", "value": scheme },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ] });
        self.cdp().send_raw("Emulation.setEmulatedMedia", features).await.unwrap();
        let size = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        self.cdp().send_raw("Emulation.setDeviceMetricsOverride", size).await.unwrap();
        // Whatever began to move in the very moment in which motion was switched off comes to its end at once.
        let still = "document.getAnimations().forEach(animation => animation.finish())";
        self.execute(still, vec![]).await.unwrap();
    }

    /// Whether something on the page is wider than the window.
    pub async fn scrolls_sideways(&self) -> bool {
        let script = "return document.documentElement.scrollWidth > document.documentElement.clientWidth";
        self.execute(script, vec![]).await.unwrap().json().as_bool().unwrap()
    }

    /// What axe-core finds wrong on this page, a line each: rule, help, and the elements. Needs scripts, and `tests/axe` installed.
    pub async fn axe(&self) -> Vec<String> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/axe/node_modules/axe-core/axe.min.js");
        let axe =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error} (tests/run installs it)", path.display()));
        // The driver's own scripts are not bound by the page's policy.
        self.execute(axe, vec![]).await.unwrap();
        let run =
            "const done = arguments[arguments.length - 1]; axe.run(document).then(r => done(r), e => done({ error: String(e) }))";
        let result = self.execute_async(run, vec![]).await.unwrap();
        let result = result.json();
        assert!(result["passes"].as_array().is_some_and(|passes| !passes.is_empty()), "axe checked nothing: {result}");
        let words = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let finding = |one: &Value| {
            let nodes = one["nodes"].as_array().into_iter().flatten();
            let nodes: Vec<String> =
                nodes.map(|node| format!("{} ({})", words(&node["html"]), words(&node["failureSummary"]))).collect();
            format!("{}: {}: {}", words(&one["id"]), words(&one["help"]), nodes.join("; "))
        };
        result["violations"].as_array().into_iter().flatten().map(finding).collect()
    }
}
