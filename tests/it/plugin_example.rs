//! Protects the traits of plugins: the example under `tests/plugin_example/` compiles, its form is rendered by the house, and what the
//! house does for every kind it does for this one too.

use std::ffi::OsString;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;

use vouchsafe::base::Random;
use vouchsafe::config::{self, ENVIRONMENT_PREFIX, PluginSettings, Problems};
use vouchsafe::keys::Vault;

use crate::support::app::Wish;
use crate::support::factor::code_in;
use crate::support::program::House;
use crate::support::{Browser, Rp, TestApp};

#[path = "../plugin_example/src/lib.rs"]
mod pager;

const ANA: &str = "ana@example.com";

#[tokio::test]
async fn the_house_does_the_rest() {
    let air = pager::Air::default();
    let own = air.clone();
    let metrics = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let settings = [
        ("SECOND_FACTOR__COUNTS", "totp,pager"),
        ("METRICS__LISTEN", metrics.as_str()),
        ("PLUGINS__PAGER__NETWORK", "123"),
        ("PLUGINS__PAGER__RADIO_KEY", "roger"),
    ];
    let plugins = Box::new(move |settings: &mut PluginSettings| pager::plugins(settings, &own));
    let app = TestApp::with(Wish { settings: &settings, plugins: Some(plugins), ..Wish::default() }).await;
    app.person("ana").await;
    let mut browser = Browser::reading("de");
    app.sign_in(&mut browser, "ana").await;
    let page = browser.visit(&app.url("/account/authenticators")).await;
    let page = browser.click(&page, "add-pager").await;
    assert_eq!(page.text("label[for=typed]"), "Pagernummer");
    for typed in ["", "12345", "12345x", "223456"] {
        let page = browser.submit(&page, "send", &[("typed", typed)]).await;
        assert_eq!((page.status, page.has("typed-error")), (400, true), "{typed}");
    }
    assert!(air.pages().is_empty());
    let page = browser.submit(&page, "send", &[("typed", "123456")]).await;
    assert!(page.text("#sent").contains("Pager ••••56"), "{}", page.body);
    let pager::Page { key, to, text } = air.pages().pop().unwrap();
    assert_eq!((key.expose().as_str(), to.as_str(), text.get(..7)), ("roger", "123456", Some("HOUSE: ")));
    let page = browser.submit(&page, "verify", &[("code", &code_in(&text))]).await;
    assert!(page.has("done"), "{}", page.body);
    assert!(app.told(ANA).await.text.contains("Pager"));
    let row = app.provider.db.conn().fetch(vouchsafe::store::sql("SELECT sealed, name FROM factors")).await.unwrap();
    assert!(!format!("{row:?}").contains("123456"), "sealed, and masked");
    // Signing in: a code is sent once the person wants it, and is good once.
    let mut next = Browser::new();
    let page = app.first_step(&mut next, "ana").await;
    assert!(page.has("send") && !page.has("code"), "{}", page.body);
    let soon = next.submit(&page, "send", &[]).await;
    assert_eq!(soon.status, 429, "a pause between two messages");
    app.clock.advance(30);
    let page = next.submit(&page, "send", &[]).await;
    let text = air.pages().pop().unwrap().text;
    next.submit(&page, "verify", &[("code", &code_in(&text))]).await;
    assert!(app.is_in(&mut next).await);
    let mut thief = Browser::new();
    let page = app.first_step(&mut thief, "ana").await;
    app.clock.advance(60);
    let page = thief.submit(&page, "send", &[]).await;
    let stale = thief.submit(&page, "verify", &[("code", &code_in(&text))]).await;
    assert_eq!(stale.status, 400);
    let mut tries = 1;
    loop {
        let answer = thief.submit(&page, "verify", &[("code", "000000")]).await;
        tries += 1;
        if answer.status == 429 || tries > 20 {
            break;
        }
    }
    assert_eq!(tries, 6, "five of one code");
    // Counted as it is for every kind and channel, and for nothing that a request names.
    thief.submit(&page, "verify", &[("code", "000000"), ("way", "made_up")]).await;
    let text = Rp::at(&format!("http://{metrics}"), "", None).get("/metrics").await.body;
    for line in [
        "vouchsafe_second_factor_total{kind=\"pager\",outcome=\"right\"} 1",
        "vouchsafe_second_factor_total{kind=\"pager\",outcome=\"wrong\"} 5",
        "vouchsafe_second_factor_total{kind=\"pager\",outcome=\"throttled\"} 1",
        "vouchsafe_second_factor_total{kind=\"totp\",outcome=\"right\"} 0",
        "vouchsafe_messages_total{channel=\"radio\",outcome=\"sent\"} 3",
        "vouchsafe_messages_total{channel=\"radio\",outcome=\"failed\"} 0",
    ] {
        assert!(text.lines().any(|own| own == line), "{line} is not in {text}");
    }
    assert!(!text.contains("made_up"));
    // A message that a channel does not take is counted, too.
    app.person("ben").await;
    let mut far = Browser::new();
    app.sign_in(&mut far, "ben").await;
    let page = far.visit(&app.url("/account/authenticators")).await;
    let page = far.click(&page, "add-pager").await;
    far.submit(&page, "send", &[("typed", "123000")]).await;
    let text = Rp::at(&format!("http://{metrics}"), "", None).get("/metrics").await.body;
    assert!(text.contains("vouchsafe_messages_total{channel=\"radio\",outcome=\"failed\"} 1\n"), "{text}");
    assert!(text.contains("vouchsafe_messages_total{channel=\"radio\",outcome=\"sent\"} 3\n"), "{text}");
}

/// A folder with good settings of the house, and `plugins` below them.
fn load(plugins: &str, environment: &[(&str, &str)]) -> Result<[&'static str; 2], Problems> {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        path
    };
    file("master.key", &Vault::generate_file(&Random::seeded(3)).unwrap());
    file("radio.key", "s3cret-of-file\n");
    let text = "issuer = \"https://id.test\"\nmaster_key_file = \"master.key\"\ndatabase.url = \"sqlite:///v.db\"\n";
    let settings = file("vouchsafe.toml", &format!("{text}{plugins}"));
    let environment = environment.iter().map(|(name, value)| (format!("{ENVIRONMENT_PREFIX}{name}"), OsString::from(value)));
    let seen = std::cell::Cell::new("");
    let make = |settings: &mut PluginSettings| {
        assert!(!format!("{settings:?}").contains("s3cret"), "{settings:?}");
        seen.set(match settings.secret("pager.radio_key").as_ref().map(|key| key.expose().as_str()) {
            Some("s3cret-of-file") => "file",
            Some("s3cret") => "text",
            _ => "none",
        });
        pager::plugins(settings, &pager::Air::default())
    };
    let loaded = config::load_for(Some(&settings), environment, make);
    loaded.map(|(_, plugins)| [plugins.kinds.first().unwrap().about().kind, seen.get()])
}

/// The file, the environment, and what comes of it.
type Case<'a, T> = (&'a str, &'a [(&'a str, &'a str)], T);

const GOOD: &str = "[plugins.pager]\nnetwork = \"123\"\nradio_key = \"s3cret\"\n";
const BY_FILE: &str = "[plugins.pager]\nnetwork = \"123\"\nradio_key_file = \"radio.key\"\n";

/// A plugin gets its settings from the file, from a secret's own file, and from the environment, which goes first.
#[test]
fn settings_reach_their_plugin() {
    let environment = [("PLUGINS__PAGER__NETWORK", "9"), ("PLUGINS__PAGER__RADIO_KEY", "s3cret")];
    let cases: [Case<'_, &str>; 6] = [
        (GOOD, &[], "text"),
        (BY_FILE, &[], "file"),
        ("", &environment, "text"),
        (BY_FILE, &environment, "text"),
        (GOOD, &[("PLUGINS__PAGER__RADIO_KEY_FILE", "radio.key")], "file"),
        (GOOD, &[("PLUGINS__PAGER__CALL_SIGN", "")], "text"),
    ];
    for (text, environment, key) in cases {
        assert_eq!(load(text, environment).unwrap(), ["pager", key], "{text} {environment:?}");
    }
}

/// What is missing, wrong, or nobody's is named whole, all of it at once, and no value is shown.
#[test]
fn settings_that_no_plugin_takes_are_refused() {
    assert!(load(GOOD, &[]).is_ok());
    let strange = format!("{GOOD}colour = \"s3cret\"\n[plugins.other]\nx = \"s3cret\"");
    let twice = format!("{GOOD}radio_key_file = \"radio.key\"");
    let number = format!("{GOOD}call_sign = 7");
    let cases: [Case<'_, &[&str]>; 12] = [
        ("", &[], &["plugins.pager.network", "plugins.pager.radio_key"]),
        (GOOD, &[("PLUGINS__PAGER__RADIO_KEY", "")], &["plugins.pager.radio_key"]),
        (GOOD, &[("PLUGINS__PAGER__NETWORK", "s3cret")], &["plugins.pager.network"]),
        (GOOD, &[("PLUGINS__PAGER__COLOUR", "s3cret")], &["VOUCHSAFE__PLUGINS__PAGER__COLOUR"]),
        (GOOD, &[("PLUGINS__COLOUR", "s3cret")], &["VOUCHSAFE__PLUGINS__COLOUR"]),
        (GOOD, &[("PLUGINS__PAGER__RADIO_KEY_FILE", "none.key")], &["plugins.pager.radio_key_file"]),
        (&strange, &[], &["plugins.other.x", "plugins.pager.colour"]),
        (&twice, &[], &["plugins.pager.radio_key_file"]),
        (&number, &[], &["plugins.pager.call_sign"]),
        ("plugins.pager = \"s3cret\"", &[], &["plugins.pager", "plugins.pager.network", "plugins.pager.radio_key"]),
        ("plugins = \"s3cret\"", &[], &["plugins", "plugins.pager.network", "plugins.pager.radio_key"]),
        (GOOD, &[("LISTEN", "s3cret"), ("PLUGINS__PAGER__NETWORK", "")], &["listen", "plugins.pager.network"]),
    ];
    for (text, environment, named) in cases {
        let problems = load(text, environment).unwrap_err();
        let mut names: Vec<_> = problems.0.iter().map(|problem| problem.setting.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names, named, "{text} {environment:?}");
        assert!(!problems.to_string().contains("s3cret"), "{problems}");
        assert!(problems.0.iter().all(|problem| !problem.remedy.is_empty()), "{problems}");
    }
}

/// The house's own program has no plugin with settings: it does not start with a table of one, and says why.
#[test]
fn the_house_refuses_a_plugin_that_it_has_not_got() {
    let house = House::init();
    assert!(house.run(&["config", "check"], "").status.success());
    let file = house.file("vouchsafe.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{text}\n{GOOD}")).unwrap();
    for verb in [&["config", "check"][..], &["serve"][..], &["doctor"][..]] {
        let output = house.run(verb, "");
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert_eq!(output.status.code(), Some(1), "{verb:?} {said}");
        assert!(said.contains("plugins.pager.network: ") && said.contains("plugins.pager.radio_key: "), "{verb:?} {said}");
        assert!(!said.contains("s3cret"), "{said}");
    }
}
