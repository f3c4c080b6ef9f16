//! Protects people who move in: their hashes verify once and are replaced, and no file of another house harms this one.

use std::fmt::Write as _;

use serde_json::{Value, json};
use vouchsafe::admin::import::{self, Mode, OnConflict, Outcome, Row};
use vouchsafe::store::sql;

use crate::support::app::PASSWORD;
use crate::support::program::{House, one_line};
use crate::support::{Browser, TestApp};

/// `PASSWORD` as other houses hash it.
const HASHES: [(&str, &str); 9] = [
    ("argon2", "$argon2i$v=19$m=256,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$ARGON"),
    ("bcrypt", "$2y$05$abcdefghijklmnopqrstuuFiPhXf1sVd3pCCRO.uVh34H/qI/ZsuS"),
    ("scrypt", "$scrypt$ln=10,r=8,p=2$MDEyMzQ1Njc4OWFiY2RlZg$KhW5KLACpfR1HRqSPdg8ODHC9nzhpv0EHEqfwm5GJX4"),
    ("pbkdf2", "$pbkdf2-sha256$i=1000,l=32$MDEyMzQ1Njc4OWFiY2RlZg$yqSq2SygY1sB4EcH9f2FG0JTMES+wqLsOT5YmiRBplI"),
    ("passlib", "$pbkdf2-sha256$1000$................AQIDBA$4bpc2nRCUi5adBW5J64tQdH3g2rzMRQ42xa45e58vTw"),
    ("django", "pbkdf2_sha256$1000$saltsalt$zzTVNkpdnDsQWZloN/zP8vUU74BCbHD/tDSXS4zXPSs="),
    ("ssha", "{SSHA}aazVxTAPz9aphx9QGPgjJekDYhBzYWx0eTEyMw=="),
    ("ssha256", "{SSHA256}bdK25MmaWiTXRXah6KcTMtoQ1AT1sX9YwcC2ucEF5npzYWx0eTEyMw=="),
    ("ssha512", "{SSHA512}j/LCMy1FLYKsA3Q5233RguuDyLKB4JNCM6IQw7/Ehy/MXVMxUTkamQgCjY3SExGsRKRzcwoBurYtPQTV+ICUlXNhbHR5MTIz"),
];

fn row(value: Value) -> Row {
    serde_json::from_value(value).unwrap()
}

async fn take(app: &TestApp, rows: Vec<Value>, on_conflict: OnConflict) -> Vec<Outcome> {
    import::batch(app.desk(), rows.into_iter().map(row).collect(), on_conflict, Mode::Real).await.unwrap()
}

async fn stored_hash(app: &TestApp, email: &str) -> String {
    let statement =
        sql("SELECT p.phc FROM password_hashes p JOIN users u ON u.id = p.user_id WHERE u.email_key = $1").bind(email);
    let row = app.provider.db.conn().fetch(statement).await.unwrap().unwrap();
    row.columns("password_hashes").text("phc").unwrap()
}

/// Every kind signs in through the page: a wrong password costs one verification and changes nothing, the right one puts
/// the house's own hash in the place of the other.
#[tokio::test]
async fn every_kind_signs_in_once() {
    let app = TestApp::start().await;
    let mut argon = vec![0; 32];
    let params = argon2_params();
    params.hash_password_into(PASSWORD.as_bytes(), b"0123456789abcdef", &mut argon).unwrap();
    for (name, hash) in HASHES {
        let hash = hash.replace("ARGON", &b64(&argon));
        let email = format!("{name}@example.com");
        let outcome = take(&app, vec![json!({ "email": email, "password_hash": hash })], OnConflict::Fail).await;
        assert_eq!(outcome, [Outcome::Created], "{name}");
        let mut browser = Browser::new();
        let form = browser.visit(&app.url("/account")).await;
        let before = app.rows().await;
        let verifications = app.provider.hasher.verifications();
        let page = browser.press(&form, "sign-in", &[("username", &email), ("password", "wrong")]).await;
        assert_eq!((page.status, app.provider.hasher.verifications() - verifications), (400, 1), "{name}");
        app.untouched(&before, name).await;
        assert_eq!(stored_hash(&app, &email).await, hash);
        let page = browser.press(&form, "sign-in", &[("username", &email), ("password", PASSWORD)]).await;
        assert_eq!(page.status, 303, "{name}");
        let own = stored_hash(&app, &email).await;
        assert!(own.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{name}: {own}");
        let mut other = Browser::new();
        let form = other.visit(&app.url("/account")).await;
        assert_eq!(other.press(&form, "sign-in", &[("username", &email), ("password", PASSWORD)]).await.status, 303, "{name}");
        assert_eq!(stored_hash(&app, &email).await, own, "once is enough");
    }
}

fn argon2_params() -> argon2::Argon2<'static> {
    let params = argon2::Params::new(256, 2, 1, Some(32)).unwrap();
    argon2::Argon2::new(argon2::Algorithm::Argon2i, argon2::Version::V0x13, params)
}

fn b64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD_NO_PAD.encode(bytes)
}

/// What cannot be stored is refused with every reason, beside good rows that are taken (PW-17).
#[tokio::test]
async fn bad_rows() {
    let app = TestApp::start().await;
    let good = json!({ "email": "ana@example.com", "sub": "old-7", "created_at": 1_500_000_000, "email_verified": true,
        "name": "<b>Ana</b>", "claims": { "birthdate": "1990-01-02" } });
    assert_eq!(take(&app, vec![good], OnConflict::Fail).await, [Outcome::Created]);
    let before = app.rows().await;
    let future = app.clock.now().unix() + 1;
    for (bad, why) in [
        (json!({ "email": "ben" }), "email "),
        (json!({ "email": "ben\0@example.com" }), "email "),
        (json!({ "email": "<b>ben</b>@example.com" }), "email "),
        (json!({ "email": format!("{}@example.com", "b".repeat(65)) }), "email "),
        (json!({ "email": "ben@example.com", "name": "Ben\0" }), "name "),
        (json!({ "email": "ben@example.com", "name": "x".repeat(1001) }), "name "),
        (json!({ "email": "ben@example.com", "name": "Ben", "claims": { "name": "Ben" } }), "name "),
        (json!({ "email": "ben@example.com", "claims": { "email": "eve@example.com" } }), "claims "),
        (json!({ "email": "ben@example.com", "claims": { "picture": "javascript:alert(1)" } }), "picture "),
        (json!({ "email": "ben@example.com", "sub": "" }), "sub "),
        (json!({ "email": "ben@example.com", "sub": "a b" }), "sub "),
        (json!({ "email": "ben@example.com", "sub": "x\0" }), "sub "),
        (json!({ "email": "ben@example.com", "sub": "x".repeat(256) }), "sub "),
        (json!({ "email": "ben@example.com", "sub": "old-7" }), "sub "),
        (json!({ "email": "ben@example.com", "created_at": -1 }), "created_at "),
        (json!({ "email": "ben@example.com", "created_at": future }), "created_at "),
        (json!({ "email": "ben@example.com", "password_hash": "hunter2hunter2" }), "password_hash "),
        (
            json!({ "email": "ben@example.com", "password_hash": "$2b$31$abcdefghijklmnopqrstuuFiPhXf1sVd3pCCRO.uVh34H/qI/ZsuS" }),
            "password_hash ",
        ),
        (
            json!({ "email": "ben@example.com", "password_hash": "$argon2id$v=19$m=4194304,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVowMTIzNDU" }),
            "password_hash ",
        ),
        (json!({ "email": "ANA@example.com" }), "email "),
    ] {
        let outcome = take(&app, vec![bad.clone()], OnConflict::Fail).await;
        assert!(matches!(&outcome[..], [Outcome::Failed(text)] if text.starts_with(why)), "{bad}: {outcome:?}");
        app.untouched(&before, why).await;
    }
    let all = json!({ "email": "x", "sub": "", "created_at": -1, "claims": { "birthdate": "x" } });
    let [Outcome::Failed(text)] = &take(&app, vec![all], OnConflict::Fail).await[..] else { panic!("taken") };
    for field in ["email ", "sub ", "created_at ", "birthdate "] {
        assert!(text.contains(field), "{field} {text}");
    }
    let mixed = vec![json!({ "email": "x" }), json!({ "email": "ben@example.com" }), json!({ "email": "Ben@example.com" })];
    let outcomes = take(&app, mixed, OnConflict::Skip).await;
    assert!(matches!(&outcomes[..], [Outcome::Failed(_), Outcome::Created, Outcome::Skipped]), "{outcomes:?}");
    assert_eq!(app.audited("user_imported").await, 2);
}

/// What is known stays, is refused or is replaced, as the operator wants; a dry run writes nothing.
#[tokio::test]
async fn conflicts() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let mut browser = Browser::new();
    let form = browser.visit(&app.url("/account")).await;
    let page = browser.press(&form, "sign-in", &[("username", "ana@example.com"), ("password", PASSWORD)]).await;
    assert_eq!(page.status, 303);
    let before = app.rows().await;
    let new = || json!({ "email": "Ana@example.com", "name": "Other", "password_hash": HASHES[6].1, "disabled": true });
    assert_eq!(take(&app, vec![new()], OnConflict::Skip).await, [Outcome::Skipped]);
    assert!(matches!(take(&app, vec![new()], OnConflict::Fail).await[..], [Outcome::Failed(_)]));
    let mut with_sub = new();
    with_sub["sub"] = json!("another");
    assert!(matches!(take(&app, vec![with_sub], OnConflict::Update).await[..], [Outcome::Failed(_)]));
    let dry = import::batch(app.desk(), vec![row(new())], OnConflict::Update, Mode::Dry).await.unwrap();
    assert_eq!(dry, [Outcome::Updated]);
    app.untouched(&before, "none of these writes").await;
    assert!(app.is_in(&mut browser).await);
    assert_eq!(take(&app, vec![new()], OnConflict::Update).await, [Outcome::Updated]);
    let known = vouchsafe::admin::users::find(app.desk(), "ana@example.com").await.unwrap();
    assert_eq!((known.claims["name"].as_str(), known.disabled_at.is_some(), known.email_verified), (Some("Other"), true, true));
    assert!(!app.is_in(&mut browser).await, "another password and a lock end sessions");
    assert_eq!(
        take(&app, vec![json!({ "email": "ana@example.com", "disabled": false })], OnConflict::Update).await,
        [Outcome::Updated]
    );
    let known = vouchsafe::admin::users::find(app.desk(), "ana@example.com").await.unwrap();
    assert_eq!((known.claims["name"].as_str(), known.disabled_at), (Some("Other"), None), "what is not told stays");
}

/// The same people from several files at once: each is written once, whoever comes first.
#[tokio::test]
async fn at_the_same_time() {
    let app = TestApp::start().await;
    let people =
        || (0..40).map(|n| json!({ "email": format!("p{n}@example.com"), "sub": format!("old-{n}") })).collect::<Vec<_>>();
    let run = || take(&app, people(), OnConflict::Skip);
    let (a, b, c) = tokio::join!(run(), run(), run());
    let created = [a, b, c].into_iter().flatten().filter(|outcome| *outcome == Outcome::Created).count();
    assert_eq!((created, app.audited("user_imported").await), (40, 40));
    assert_eq!(app.count("SELECT COUNT(*) FROM users").await, 40);
}

/// The command: both forms, every bad line with its number and nothing of it taken, a thousand people, and a second run that
/// goes on where the first stopped.
#[test]
fn the_command() {
    let house = House::init();
    let file = house.file("people.csv");
    let mut text = String::from("\u{feff}email,name,password_hash,claims,email_verified,created_at,disabled\r\n");
    for n in 0..1000 {
        let _ = writeln!(
            text,
            "p{n}@example.com,\"Person, {n}\",{},\"{{\"\"zoneinfo\"\":\"\"UTC\"\"}}\",true,1500000000,",
            HASHES[6].1
        );
    }
    std::fs::write(&file, &text).unwrap();
    let path = file.to_str().unwrap();
    let summary = |created: u64, skipped: u64, failed: u64, dry: bool| json!({ "created": created, "updated": 0, "skipped": skipped, "failed": failed, "dry_run": dry });
    assert_eq!(house.json(&["user", "import", "--file", path, "--dry-run"]), summary(1000, 0, 0, true));
    assert_eq!(house.json(&["user", "list"]).as_array().unwrap().len(), 0);
    assert_eq!(house.json(&["user", "import", "--file", path]), summary(1000, 0, 0, false));
    let person = house.json(&["user", "show", "p999@example.com"]);
    assert_eq!(person["claims"], json!({ "name": "Person, 999", "zoneinfo": "UTC" }));
    assert_eq!((&person["email_verified"], &person["created_at"]), (&json!(true), &json!(1_500_000_000)));
    text.push_str("late@example.com,,,,,,\n");
    text.push_str("bad,,,,,,\nshort@example.com\nq@example.com,\"open,,,,,\n");
    text.push_str("t@example.com,,,,maybe,,\nc@example.com,,,[1],,,\n");
    text.push_str(&format!("l@example.com,{},,,,,\n", "x".repeat(70_000)));
    text.push_str("last@example.com,,,,,,1");
    std::fs::write(&file, &text).unwrap();
    let output = house.run(&["user", "import", "--file", path, "--json"], "");
    assert!(!output.status.success());
    assert_eq!(one_line(&output), summary(2, 1000, 6, false));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let lines: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut numbers: Vec<_> = lines.iter().map(|line| line["line"].as_u64().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [1003, 1004, 1005, 1006, 1007, 1008], "{said}");
    assert!(!house.json(&["user", "show", "last@example.com"])["disabled_at"].is_null());
    assert_eq!(house.json(&["user", "list", "--limit", "5000"]).as_array().unwrap().len(), 1002);
}

/// JSON lines, and files that are refused as a whole.
#[test]
fn json_lines_and_bad_files() {
    let house = House::init();
    let file = house.file("people.jsonl");
    let path = file.to_str().unwrap();
    let hash = HASHES[1].1;
    let text = format!(
        "{{\"email\":\"ana@example.com\",\"sub\":\"old-7\",\"password_hash\":\"{hash}\"}}\n\nnot json\n{{\"email\":\"ben@example.com\",\"admin\":true}}\n\
         {{\"email\":\"eve@example.com\",\"email_verified\":\"s3cret\"}}\n{{\"email\":\"ben@example.com\"}}\n"
    );
    std::fs::write(&file, text).unwrap();
    let output = house.run(&["user", "import", "--file", path], "");
    assert!(!output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stdout), "2 created, 0 updated, 0 skipped, 3 failed\n");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("line 3:") && said.contains("line 4:") && said.contains("line 5:"), "{said}");
    assert!(said.contains("admin") && !said.contains("s3cret"), "{said}");
    assert_eq!(house.json(&["user", "show", "old-7"])["email"], "ana@example.com");
    for (name, text, why) in [
        ("empty.csv", "", "headings"),
        ("strange.csv", "email,is_admin\n", "is_admin"),
        ("twice.csv", "email,email\n", "email"),
        ("people.txt", "email\n", "--format"),
    ] {
        let file = house.file(name);
        std::fs::write(&file, text).unwrap();
        let output = house.run(&["user", "import", "--file", file.to_str().unwrap()], "");
        assert!(!output.status.success() && output.stdout.is_empty(), "{name}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(why), "{name}: {output:?}");
    }
    let shown = house.run(&["audit", "--json"], "");
    let said = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(said.contains("user_imported") && !said.contains(hash), "no hash in the log");
}

/// An operator may give a weak password and hears that it is one; a short one is refused.
#[test]
fn operators_are_warned() {
    let house = House::init();
    let add = |email: &str, password: &str| house.run(&["user", "add", "--email", email, "--password-stdin", "--json"], password);
    let strong = add("a@example.com", PASSWORD);
    assert!(strong.status.success() && strong.stderr.is_empty(), "{strong:?}");
    let weak = add("b@example.com", "password1");
    assert!(weak.status.success() && String::from_utf8_lossy(&weak.stderr).starts_with("warning: "), "{weak:?}");
    one_line(&weak);
    let short = add("c@example.com", "seven77");
    assert!(!short.status.success() && String::from_utf8_lossy(&short.stderr).contains("8 to 128"), "{short:?}");
    let again = house.run(&["user", "set-password", "a@example.com", "--password-stdin"], "Vouchsafe1");
    assert!(again.status.success() && String::from_utf8_lossy(&again.stderr).starts_with("warning: "), "{again:?}");
}
