//! The real program: what an operator types, what a script reads, and what outlives a killed process.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::app::PASSWORD;
use crate::support::program::{House, Program, one_line};
use crate::support::{Browser, CALLBACK, Rp};

/// A house with a person and a client in it, and the relying party of that client.
fn furnished() -> (House, Rp) {
    let house = House::init();
    let done = house.json(&["client", "add", "--name", "Web", "--id", "web", "--redirect", CALLBACK, "--pkce", "optional"]);
    let secret = done["client_secret"].as_str().unwrap().to_owned();
    house.say(&["user", "add", "--email", "ana@example.com", "--verified", "--password-stdin"], PASSWORD);
    let rp = Rp::at(&house.issuer, "web", Some(secret));
    (house, rp)
}

/// From nothing to a refresh token that outlives `kill -9`: no answer that was given is lost.
#[tokio::test]
async fn an_answer_that_was_given_outlives_a_killed_process() {
    let (house, rp) = furnished();
    let mut server = house.serve().await;
    let discovery = rp.get("/.well-known/openid-configuration").await.json();
    assert_eq!(discovery["issuer"], house.issuer.as_str());
    assert_eq!(house.json(&["healthcheck"]), json!({ "alive": true }));
    assert_eq!(house.json(&["doctor"])["ok"], true);
    let mut browser = Browser::new();
    let tokens = rp.tokens(&mut browser, "ana").await;
    let refreshed = rp.refresh(&tokens.text("refresh_token")).await;
    assert_eq!(refreshed.status, 200, "{}", refreshed.body);
    server.kill();
    let refused = house.run(&["healthcheck"], "");
    assert!(!refused.status.success());
    let _server = house.serve().await;
    let again = rp.refresh(&refreshed.text("refresh_token")).await;
    assert_eq!(again.status, 200, "{}", again.body);
    // The session, too: the person is not asked again.
    let page = browser.visit(&rp.begin(&rp.flow())).await;
    assert!(page.leaves_for(CALLBACK), "{} {}", page.status, page.body);
    let sessions = house.json(&["session", "list", "--user", "ana@example.com"]);
    assert_eq!(sessions.as_array().map(Vec::len), Some(1), "{sessions}");
}

/// What the command line changes reaches a running server within about a second (decision 27).
#[tokio::test]
async fn a_change_reaches_a_running_server() {
    let (house, rp) = furnished();
    let _server = house.serve().await;
    let elsewhere = "https://app.test/elsewhere";
    let address = rp.begin(&rp.flow().with("redirect_uri", elsewhere));
    let mut browser = Browser::new();
    assert!(browser.visit(&rp.begin(&rp.flow())).await.has("sign-in"));
    assert!(browser.visit(&address).await.has("error-page"));
    house.json(&["client", "edit", "web", "--redirect", CALLBACK, "--redirect", elsewhere]);
    let began = Instant::now();
    while !browser.visit(&address).await.has("sign-in") {
        assert!(began.elapsed() < Duration::from_secs(5), "the change was not seen");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    house.json(&["client", "edit", "web", "--disable"]);
    let began = Instant::now();
    while !browser.visit(&address).await.has("error-page") {
        assert!(began.elapsed() < Duration::from_secs(5), "the change was not seen");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // A client that nobody asked for before is found at once.
    house.json(&["client", "add", "--name", "New", "--id", "new", "--redirect", CALLBACK]);
    let page = browser.visit(&Rp::at(&house.issuer, "new", None).begin(&rp.flow().with("client_id", "new"))).await;
    assert!(page.has("sign-in"), "{}", page.body);
}

/// `init` writes settings and a master key for their owner alone, and never over what is there.
#[test]
fn init_writes_once() {
    let house = House::init();
    for file in ["vouchsafe.toml", "master.key"] {
        let mode = std::fs::metadata(house.file(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{file} {mode:o}");
    }
    let key = std::fs::read_to_string(house.file("master.key")).unwrap();
    let folder = house.file("");
    let again = house.run(&["init", "--dir", folder.to_str().unwrap(), "--issuer", "https://id.test"], "");
    assert!(!again.status.success());
    assert_eq!(std::fs::read_to_string(house.file("master.key")).unwrap(), key);
    assert_eq!(house.json(&["config", "check"]), json!({ "problems": [] }));
    assert!(house.json(&["migrate"])["applied"].as_i64().unwrap() >= 1);
    assert_eq!(house.json(&["migrate"])["applied"], 0);
    assert_eq!(house.json(&["doctor"])["ok"], true);
}

/// Every problem is named at once, with its setting and a remedy; `serve` says the same; no secret is in it.
#[test]
fn every_problem_of_the_settings_is_named_at_once() {
    let house = House::init();
    let settings = "issuer = \"http://id.example.com\"\nlisten = \"nowhere\"\nmaster_key_file = \"short.key\"\nissuer_url = \"x\"\n\
                    [database]\nurl = \"mysql://vouchsafe:tremendous@db/vouchsafe\"\n[session]\nidle_seconds = 1\n";
    std::fs::write(house.file("vouchsafe.toml"), settings).unwrap();
    let short = house.file("short.key");
    std::fs::write(&short, "k1:AAECAwQF\n").unwrap();
    std::fs::set_permissions(&short, std::fs::Permissions::from_mode(0o600)).unwrap();
    let output = house.run(&["config", "check", "--json"], "");
    assert_eq!(output.status.code(), Some(1));
    let problems = one_line(&output)["problems"].clone();
    let named: Vec<&str> = problems.as_array().unwrap().iter().filter_map(|problem| problem["setting"].as_str()).collect();
    for setting in ["issuer", "issuer_url", "listen", "master_key_file", "database.url", "session.idle_seconds"] {
        assert!(named.contains(&setting), "{setting} is not in {problems}");
    }
    assert!(problems.as_array().unwrap().iter().all(|problem| problem["remedy"].as_str().is_some_and(|text| !text.is_empty())));
    let served = house.run(&["serve"], "");
    assert_eq!(served.status.code(), Some(1));
    let said = String::from_utf8_lossy(&served.stderr).into_owned();
    assert!(named.iter().all(|setting| said.contains(setting)), "{said}");
    for text in [said, String::from_utf8_lossy(&output.stdout).into_owned()] {
        assert!(!text.contains("tremendous") && !text.contains("AAECAwQF"), "{text}");
    }
}

/// `second_factor.counts` names kinds that there are: a slip of the pen would quietly switch one off.
#[test]
fn a_kind_of_second_factor_that_is_not_there() {
    let house = House::init();
    let with = |counts: &str| {
        let text = format!(
            "issuer = \"{}\"\nmaster_key_file = \"master.key\"\n[database]\nurl = \"sqlite://{}\"\n\
             [second_factor]\ncounts = [{counts}]\n",
            house.issuer,
            house.file("vouchsafe.db").display()
        );
        std::fs::write(house.file("vouchsafe.toml"), text).unwrap();
        house.run(&["config", "check", "--json"], "")
    };
    let good = with("\"totp\", \"passkey\", \"security_key\", \"sms\", \"email\", \"recovery\"");
    assert_eq!(one_line(&good), json!({ "problems": [] }));
    for word in ["paskey", "pager"] {
        let checked = with(&format!("\"totp\", \"{word}\""));
        assert_eq!(checked.status.code(), Some(1));
        let problem = one_line(&checked)["problems"][0].clone();
        assert_eq!(problem["setting"], "second_factor.counts");
        assert!(problem["why"].as_str().unwrap().contains(word) && problem["remedy"].as_str().unwrap().contains("passkey"));
        let served = house.run(&["serve"], "");
        assert_eq!(served.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&served.stderr).contains(word), "{served:?}");
    }
}

/// The sentences of refusals and answers name the thing that was meant, once.
#[test]
fn words_of_the_command_line() {
    let house = House::init();
    let said = |words: &[&str], input: &str| {
        let output = house.run(words, input);
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    };
    house.say(&["user", "add", "--email", "ana@example.com", "--password-stdin"], PASSWORD);
    assert!(said(&["user", "join", "ana@example.com", "--group", "admins"], "").starts_with("put into the group admins:"));
    assert!(said(&["user", "leave", "ana@example.com", "--group", "admins"], "").starts_with("taken out of the group admins:"));
    let corp = [
        "upstream",
        "add",
        "--id",
        "corp",
        "--kind",
        "oidc",
        "--name",
        "Corp",
        "--issuer",
        "https://corp.test",
        "--client-id",
        "x",
    ];
    assert!(said(&corp, "").contains("client-secret-stdin is missing: the client secret"), "{}", said(&corp, ""));
    let corp = [&corp[..], &["--client-secret-stdin"]].concat();
    assert!(said(&corp, "secret").starts_with("added corp"));
    assert_eq!(said(&corp, "secret").trim(), "error: there is already an upstream corp");
    let wiki = ["client", "add", "--name", "Wiki", "--id", "wiki", "--redirect", CALLBACK];
    assert!(!said(&wiki, "").contains("error"));
    assert_eq!(said(&wiki, "").trim(), "error: there is already a client \"wiki\"");
    assert_eq!(said(&["client", "show", "diary"], "").trim(), "error: there is no client \"diary\"; see `vouchsafe client list`");
}

/// A development issuer is served at the port that it names.
#[test]
fn init_listens_where_the_issuer_says() {
    let house = House::init();
    for (issuer, listen) in [("http://localhost:48212", Some("127.0.0.1:48212")), ("https://id.example.com:48212", None)] {
        let folder = tempfile::tempdir().unwrap();
        let done = house.run(&["init", "--dir", folder.path().to_str().unwrap(), "--issuer", issuer], "");
        assert!(done.status.success(), "{done:?}");
        let settings = std::fs::read_to_string(folder.path().join("vouchsafe.toml")).unwrap();
        let own = settings.lines().find_map(|line| line.strip_prefix("listen = ")).map(|text| text.trim_matches('"'));
        assert_eq!(own, listen, "{settings}");
    }
}

/// A server without a master key, or with one that everybody can read, does not start.
#[test]
fn a_missing_or_open_master_key_is_refused() {
    let house = House::init();
    assert!(house.run(&["config", "check"], "").status.success());
    std::fs::set_permissions(house.file("master.key"), std::fs::Permissions::from_mode(0o644)).unwrap();
    let open = house.run(&["serve"], "");
    assert!(String::from_utf8_lossy(&open.stderr).contains("master_key_file"), "{open:?}");
    std::fs::remove_file(house.file("master.key")).unwrap();
    let missing = house.run(&["serve"], "");
    assert!(String::from_utf8_lossy(&missing.stderr).contains("master_key_file"), "{missing:?}");
}

/// `config check` and `doctor` never print what is secret, also when all is well.
#[test]
fn secrets_are_never_printed() {
    let house = House::init();
    house.json(&["migrate"]);
    let key = std::fs::read_to_string(house.file("master.key")).unwrap();
    let secret = key.lines().rev().find_map(|line| line.split_once(':')).unwrap().1.to_owned();
    for form in [&[][..], &["--json"][..]] {
        for verb in [&["config", "check"][..], &["doctor"][..], &["key", "list"][..]] {
            let output = house.run(&[verb, form].concat(), "");
            assert!(output.status.success(), "{verb:?} {output:?}");
            let said = [output.stdout, output.stderr].concat();
            assert!(!String::from_utf8_lossy(&said).contains(secret.trim()), "{verb:?}");
        }
    }
}

/// Every option of `client add` arrives, and its secret is printed once and never again.
#[test]
fn every_option_of_a_client_arrives() {
    let house = House::init();
    house.json(&["resource", "add", "--id", "https://api.test/", "--name", "API", "--scope", "read write"]);
    let added = house.json(&[
        "client",
        "add",
        "--name",
        "Wiki",
        "--id",
        "wiki",
        "--redirect",
        "https://wiki.test/cb",
        "--redirect",
        "https://wiki.test/cb2",
        "--post-logout-redirect",
        "https://wiki.test/bye",
        "--auth-method",
        "client_secret_post",
        "--grant",
        "authorization_code",
        "--grant",
        "refresh_token",
        "--grant",
        "client_credentials",
        "--response-type",
        "code",
        "--scope",
        "openid email offline_access read",
        "--pkce",
        "required",
        "--id-token-alg",
        "ES256",
        "--access-token",
        "opaque",
        "--resource",
        "https://api.test/",
        "--origin",
        "https://other.test",
        "--application-type",
        "web",
        "--consent",
        "skip",
        "--refresh",
        "always",
        "--access-token-seconds",
        "600",
        "--refresh-idle-seconds",
        "7200",
        "--refresh-absolute-seconds",
        "86400",
        "--default-max-age",
        "3600",
        "--client-uri",
        "https://wiki.test/",
        "--policy-uri",
        "https://wiki.test/privacy",
        "--tos-uri",
        "https://wiki.test/terms",
    ]);
    assert_eq!(added["client_id"], "wiki");
    let secret = added["client_secret"].as_str().unwrap();
    let shown = house.json(&["client", "show", "wiki"]);
    let wanted = json!({
        "client_id": "wiki", "name": "Wiki", "redirect_uris": ["https://wiki.test/cb", "https://wiki.test/cb2"],
        "post_logout_redirect_uris": ["https://wiki.test/bye"], "auth_method": "client_secret_post",
        "grant_types": ["authorization_code", "refresh_token", "client_credentials"], "response_types": ["code"],
        "scope": "openid email offline_access read", "pkce": "required", "id_token_alg": "ES256", "access_token": "opaque",
        "resources": ["https://api.test/"], "origins": ["https://other.test"], "access_token_seconds": 600,
        "refresh_idle_seconds": 7200, "refresh_absolute_seconds": 86400, "default_max_age": 3600,
        "client_uri": "https://wiki.test/", "policy_uri": "https://wiki.test/privacy", "tos_uri": "https://wiki.test/terms",
    });
    for (member, value) in wanted.as_object().unwrap() {
        assert_eq!(&shown[member], value, "{member}");
    }
    assert!(!shown.to_string().contains(secret));
    let rotated = house.json(&["client", "rotate-secret", "wiki", "--overlap", "60"]);
    assert_ne!(rotated["client_secret"], added["client_secret"]);
    assert_eq!(house.json(&["client", "show", "wiki"])["secrets"].as_array().map(Vec::len), Some(2));
    let text =
        house.run(&["client", "add", "--name", "Team Grafana", "--redirect", "https://grafana.test/login/generic_oauth"], "");
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.contains("[auth.generic_oauth]") && text.contains(&house.issuer), "{text}");
    house.json(&["client", "remove", "wiki"]);
    assert!(!house.run(&["client", "show", "wiki"], "").status.success());
}

/// A client with keys of its own, from a file; a broken file or a wrong word adds nothing.
#[test]
fn a_client_brings_its_keys() {
    let house = House::init();
    let file = house.file("jwks.json");
    let key = json!({ "kty": "EC", "crv": "P-256", "kid": "k1", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
                      "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0" });
    std::fs::write(&file, json!({ "keys": [key] }).to_string()).unwrap();
    let name = file.to_str().unwrap().to_owned();
    let add = |id: &str, jwks: &str, method: &str| {
        house.run(
            &[
                "client",
                "add",
                "--name",
                "Job",
                "--id",
                id,
                "--redirect",
                CALLBACK,
                "--auth-method",
                method,
                "--jwks",
                jwks,
                "--json",
            ],
            "",
        )
    };
    let added = one_line(&add("job", &name, "private_key_jwt"));
    assert_eq!(added, json!({ "client_id": "job" }), "it has no secret");
    std::fs::write(&file, "{").unwrap();
    assert!(!add("broken", &name, "private_key_jwt").status.success());
    assert!(!add("worded", &name, "by_handshake").status.success());
    assert!(!add("missing", "/nowhere/jwks.json", "private_key_jwt").status.success());
    assert_eq!(house.json(&["client", "list"]).as_array().map(Vec::len), Some(1));
}

/// People: the password comes on standard input, is never printed, and a weak or missing one adds nobody.
#[test]
fn people_come_and_go() {
    let house = House::init();
    let claims = house.file("claims.json");
    std::fs::write(&claims, json!({ "given_name": "Ana", "locale": "de" }).to_string()).unwrap();
    let add = [
        "user",
        "add",
        "--email",
        "ana@example.com",
        "--name",
        "Ana",
        "--verified",
        "--claims",
        claims.to_str().unwrap(),
        "--password-stdin",
    ];
    let added = house.say(&add, PASSWORD);
    assert!(added["id"].is_string() && added["sub"].is_string(), "{added}");
    assert!(!added.to_string().contains(PASSWORD));
    let shown = house.json(&["user", "show", "ana@example.com"]);
    assert_eq!((&shown["claims"]["given_name"], &shown["claims"]["name"]), (&json!("Ana"), &json!("Ana")));
    assert_eq!(shown["email_verified"], true);
    assert!(!house.run(&add, PASSWORD).status.success(), "the address is taken");
    assert!(!house.run(&["user", "add", "--email", "ben@example.com", "--password-stdin"], "").status.success());
    house.say(&["user", "set-password", "ana@example.com", "--password-stdin"], "another good password");
    house.json(&["user", "disable", "ana@example.com"]);
    assert!(!house.json(&["user", "show", "ana@example.com"])["disabled_at"].is_null());
    house.json(&["user", "enable", "ana@example.com"]);
    assert_eq!(house.json(&["user", "list"]).as_array().map(Vec::len), Some(1));
    let kinds: Vec<Value> = house.json(&["audit"]).as_array().unwrap().iter().map(|event| event["kind"].clone()).collect();
    assert!(kinds.len() >= 4, "{kinds:?}");
    house.json(&["user", "remove", "ana@example.com"]);
    assert_eq!(house.json(&["user", "list"]), json!([]));
}

/// The demo prints one line with all that a script needs, and takes its folder with it when it is told to stop.
#[tokio::test]
async fn the_demo_tells_a_script_everything() {
    let folder = tempfile::tempdir().unwrap();
    let seed = folder.path().join("seed.json");
    let more = json!({ "users": [{ "email": "ben@example.com", "password": "correct horse" }],
                       "clients": [{ "client_id": "app", "name": "App", "redirect_uris": ["http://localhost:3000/callback"] }] });
    std::fs::write(&seed, more.to_string()).unwrap();
    let inner = folder.path().join("tmp");
    std::fs::create_dir(&inner).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let mut demo = Program::start(&["demo", "--json", "--listen", &address, "--seed-from", seed.to_str().unwrap()], &inner);
    let facts = demo.first_line();
    let issuer = facts["issuer"].as_str().unwrap();
    assert_eq!(facts["demo_url"], format!("{issuer}/demo"));
    assert_eq!(facts["users"][1]["username"], "ben@example.com");
    assert_eq!(facts["clients"][0]["client_id"], "demo");
    assert!(facts["clients"][0]["client_secret"].is_string());
    assert_eq!(facts["clients"][1]["redirect_uris"], json!(["http://localhost:3000/callback"]));
    let rp = Rp::at(issuer, "demo", None);
    assert_eq!(rp.get("/.well-known/openid-configuration").await.json()["issuer"], issuer);
    assert_eq!(rp.get("/demo").await.status, 200);
    assert!(demo.terminate().success());
    let left: Vec<PathBuf> = std::fs::read_dir(&inner).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(left, Vec::<PathBuf>::new());
}

/// What an operator says about pairwise subjects and keys elsewhere arrives, and a registration token is printed this once.
#[test]
fn registration_tokens_and_clients_of_other_kinds() {
    let house = House::init();
    let add = ["client", "add", "--name", "App", "--redirect", CALLBACK];
    let more = ["--auth-method", "private_key_jwt", "--jwks-uri", "https://app.test/jwks", "--subject-type", "pairwise"];
    let done = house.json(&[&add[..], &more[..], &["--sector-identifier-uri", "https://sector.test/list.json"]].concat());
    let shown = house.json(&["client", "show", done["client_id"].as_str().unwrap()]);
    assert_eq!((&shown["jwks_uri"], &shown["subject_type"]), (&json!("https://app.test/jwks"), &json!("pairwise")));
    assert_eq!(shown["sector_identifier_uri"], "https://sector.test/list.json");
    let two = [&add[..], &["--redirect", "https://other.test/cb", "--subject-type", "pairwise"]].concat();
    assert!(!house.run(&two, "").status.success(), "two hosts are no sector");
    let made = house.json(&["client", "registration-token", "--days", "1", "--uses", "3"]);
    assert!(made["registration_token"].as_str().unwrap().starts_with("ia_"));
    assert_eq!(made["uses"], 3);
    let audit = house.json(&["audit"]).to_string();
    assert!(audit.contains("registration_token_made") && !audit.contains("ia_"), "{audit}");
}

/// Second factors of people and the change of the master key, as an operator types them.
#[tokio::test]
async fn factors_and_the_master_key() {
    let (house, _) = furnished();
    let ana = "ana@example.com";
    let held = house.json(&["user", "factors", ana]);
    assert_eq!(held, json!({ "factors": [], "recovery_codes_left": 0, "groups": [], "reset_at": null }));
    house.json(&["user", "join", ana, "--group", "admins"]);
    assert_eq!(house.json(&["user", "factors", ana])["groups"], json!(["admins"]));
    house.json(&["user", "leave", ana, "--group", "admins"]);
    for words in [
        vec!["user", "leave", ana, "--group", "admins"],
        vec!["user", "reset-factors", ana],
        vec!["user", "reset-factors", ana, "--cancel"],
        vec!["user", "factors", "nobody@example.com"],
        vec!["client", "edit", "web", "--second-factor", "perhaps"],
    ] {
        assert!(!house.run(&words, "").status.success(), "{words:?}");
    }
    house.json(&["client", "edit", "web", "--second-factor", "required"]);
    assert_eq!(house.json(&["client", "show", "web"])["second_factor"], "required");
    let server = house.serve().await;
    drop(server);
    let sealed = |done: &Value| done.as_array().unwrap().iter().map(|one| one["sealed_anew"].as_i64().unwrap()).sum::<i64>();
    assert_eq!(sealed(&house.json(&["key", "rekey"])), 0, "one line alone seals");
    let other = vouchsafe::keys::Vault::generate_file(&vouchsafe::base::Random::seeded(5)).unwrap();
    let file = house.file("master.key");
    let own = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{own}{other}")).unwrap();
    assert!(sealed(&house.json(&["key", "rekey"])) >= 3);
    assert_eq!(sealed(&house.json(&["key", "rekey"])), 0);
    let _server = house.serve().await;
    assert_eq!(house.json(&["healthcheck"]), json!({ "alive": true }));
}
