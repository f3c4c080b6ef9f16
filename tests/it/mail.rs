//! Mail: what every letter says in both languages, what strangers cannot put into it, how it waits sealed in the outbox, and
//! that it is sent once. What a real mail server gets is in `mail_smtp`.

use std::collections::BTreeSet;

use vouchsafe::app;
use vouchsafe::base::{Id, Timestamp};
use vouchsafe::notify::{Envelope, Letter, Post, Templates, Way, shown_name};
use vouchsafe::oauth::Lang;
use vouchsafe::store::outbox::{self, NewMail};
use vouchsafe::store::{Value, sql};

use crate::support::app::Wish;
use crate::support::program::{House, one_line};
use crate::support::{Browser, Rp, TestApp};

const DAY: i64 = 86_400;

/// A letter to Ana in this language.
fn envelope(app: &TestApp, lang: Lang, letter: Letter) -> Envelope {
    let expires_at = app.clock.now().plus(DAY);
    Envelope { to: "ana@example.com".to_owned(), name: Some("Ana Example".to_owned()), lang, letter, expires_at }
}

fn reset(app: &TestApp, to: &str) -> Envelope {
    let letter = Letter::ResetPassword { link: app.url("/reset?t=rs_s3cret") };
    Envelope { to: to.to_owned(), ..envelope(app, Lang::En, letter) }
}

async fn put(app: &TestApp, mail: NewMail, at: Timestamp) {
    app.provider.db.write(async move |tx| outbox::enqueue(tx, &mail, at).await).await.unwrap();
}

fn prepare(app: &TestApp, envelope: &Envelope) -> NewMail {
    app.provider.post.prepare(Id::new(&app.clock, &app.provider.random).unwrap(), envelope).unwrap()
}

/// A mail that is due now.
pub async fn enqueue(app: &TestApp, to: &str) {
    put(app, prepare(app, &reset(app, to)), app.clock.now()).await;
}

/// The post of the app with another way out.
fn post(app: &TestApp, way: Way) -> Post {
    let mut config = app.config.clone();
    config.mail.way = way;
    app::post(&config, &app.provider.vault).unwrap()
}

/// A column of the only row of the outbox.
async fn column(app: &TestApp, text: &'static str) -> String {
    let row = app.provider.db.conn().fetch(sql(text)).await.unwrap().unwrap();
    format!("{row:?}")
}

/// Each letter in each language: a subject of one line, its link and code in text and HTML, nothing left unfilled, the
/// headers of a mail that no person sent (RFC 3834 section 5), one recipient.
#[tokio::test]
async fn every_letter_in_both_languages() {
    let app = TestApp::start().await;
    let link = app.url("/x?t=ml_abc&u=1");
    let mut subjects = BTreeSet::new();
    for lang in Lang::ALL {
        for letter in Letter::samples(&link) {
            let name = letter.name();
            let json = serde_json::to_value(&letter).unwrap();
            put(&app, prepare(&app, &envelope(&app, *lang, letter)), app.clock.now()).await;
            let mail = app.mail().one("ana@example.com").await;
            assert!(subjects.insert(mail.subject.clone()), "two letters say {}", mail.subject);
            assert!(!mail.subject.contains(['\r', '\n']) && (8..80).contains(&mail.subject.chars().count()), "{}", mail.subject);
            let links = json.as_object().unwrap().keys().filter(|key| key.ends_with("link")).count();
            assert_eq!(mail.links(), vec![link.clone(); links], "{lang} {name}: {}", mail.text);
            assert_eq!(mail.html.matches("<a href=").count(), links, "{lang} {name}");
            if json.get("code").is_some() {
                assert_eq!(mail.code(), "123456");
                assert!(mail.html.contains(">123456<"), "{lang} {name}");
            }
            for part in [&mail.text, &mail.html] {
                assert!(part.contains("Ana Example") && part.contains("Vouchsafe"), "{lang} {name}: {part}");
                assert!(!part.contains("{{") && !part.contains("{%") && !part.contains("undefined"));
                assert!(part.contains(if *lang == Lang::En { "Hello" } else { "Guten Tag" }), "{part}");
            }
            assert!(!mail.text.contains("none"), "{}", mail.text);
            for foreign in ["<script", "<img", "<link", "<style", "url("] {
                assert!(!mail.html.contains(foreign), "{lang} {name}: {foreign}");
            }
            assert!(mail.html.contains(&format!("<html lang=\"{lang}\">")) && mail.html.contains("color-scheme"));
            let (headers, _) = mail.raw.split_once("\r\n\r\n").unwrap();
            for header in [
                "From: Vouchsafe <vouchsafe@localhost>",
                "To: ana@example.com",
                "Auto-Submitted: auto-generated",
                "MIME-Version: 1.0",
            ] {
                assert_eq!(headers.lines().filter(|line| *line == header).count(), 1, "{header}: {headers}");
            }
            assert!(headers.contains("Message-ID: <") && headers.contains("Date: ") && headers.contains("multipart/alternative"));
            assert!(mail.raw.lines().all(|line| line.len() < 998));
        }
    }
    assert_eq!(app.provider.post.counted().failed, 0);
}

/// A person without a name and a way without an app have words too.
#[tokio::test]
async fn a_letter_to_nobody_in_particular() {
    let app = TestApp::start().await;
    for (lang, hello) in [(Lang::En, "Hello,"), (Lang::De, "Guten Tag,")] {
        let letter = Letter::SignInLink { link: app.url("/x"), code: "123456".to_owned(), app: None };
        let mail = Envelope { name: None, ..envelope(&app, lang, letter) };
        put(&app, prepare(&app, &mail), app.clock.now()).await;
        let mail = app.mail().one("ana@example.com").await;
        assert!(mail.text.starts_with(hello) && mail.subject.ends_with("Vouchsafe"), "{} {}", mail.subject, mail.text);
    }
}

/// Battery EM-14 (CVE-2022-31127, CVE-2021-21333): what strangers chose is no markup, no link and no header.
#[tokio::test]
async fn strangers_put_nothing_into_a_mail() {
    let app = TestApp::start().await;
    let evil = "<b>x</b> https://evil.test/a\r\nBcc: mallory@evil.test\u{202e} www.evil.test {{ link }}";
    let text = || evil.to_owned();
    for letter in [
        Letter::VerifyAddress { link: app.url("/x"), code: "123456".to_owned(), app: Some(text()) },
        Letter::SignInLink { link: app.url("/x"), code: "123456".to_owned(), app: Some(text()) },
        Letter::TokenReuse { app: text(), at: app.clock.now() },
        Letter::FactorChanged { what: shown_name(evil), at: app.clock.now(), reset_link: app.url("/x") },
        Letter::NewDevice { at: app.clock.now(), device: text(), network: text(), not_me_link: app.url("/x") },
    ] {
        let mail = Envelope { name: Some(text()), ..envelope(&app, Lang::En, letter) };
        put(&app, prepare(&app, &mail), app.clock.now()).await;
        let mail = app.mail().one("ana@example.com").await;
        let (headers, _) = mail.raw.split_once("\r\n\r\n").unwrap();
        assert!(!headers.lines().any(|line| line.to_ascii_lowercase().starts_with("bcc")), "{headers}");
        assert!(!mail.subject.contains(['\r', '\n', '\u{202e}']), "{}", mail.subject);
        for part in [&mail.subject, &mail.text, &mail.html] {
            for bad in ["<b>", "evil.test", "mallory@", "\u{202e}", "://evil"] {
                assert!(!part.contains(bad), "{bad} in {part}");
            }
        }
        let foreign = mail.text.matches("://").count() - mail.links().len();
        assert_eq!(foreign, 0, "{}", mail.text);
    }
}

/// A sentence of ours stays as it is, with its colons and the time in it.
#[tokio::test]
async fn a_sentence_of_ours_is_not_cleaned() {
    let app = TestApp::start().await;
    let what = "Up corp was connected: whoever is signed in there, from 30 November 2026, 15:15 UTC on, comes in.".to_owned();
    let letter = Letter::FactorChanged { what: what.clone(), at: app.clock.now(), reset_link: app.url("/x") };
    put(&app, prepare(&app, &envelope(&app, Lang::En, letter)), app.clock.now()).await;
    let mail = app.mail().one("ana@example.com").await;
    assert!(mail.text.contains(&what) && mail.html.contains(&what), "{}", mail.text);
}

/// Decision 1: a link that is not ours is not even sealed; the same letter with ours is.
#[tokio::test]
async fn a_foreign_link_is_refused() {
    let app = TestApp::start().await;
    let id = || Id::new(&app.clock, &app.provider.random).unwrap();
    let with = |link: String| app.provider.post.prepare(id(), &envelope(&app, Lang::En, Letter::Invitation { link }));
    assert!(with(app.url("/accept?t=in_x")).is_ok());
    for link in [
        "https://evil.test/".to_owned(),
        format!("{}.evil.test/", app.issuer),
        app.url("/x y"),
        app.url("/x\r\nBcc: x"),
        app.url("/<b>"),
        String::new(),
    ] {
        let fault = with(link.clone()).unwrap_err().to_string();
        assert!(fault.contains("invitation") && (link.is_empty() || !fault.contains(&link)), "{fault}");
    }
}

/// Decision 30: a folder's templates take the place of those of the same name, and a broken or unknown one is named.
#[tokio::test]
async fn templates_are_overridden() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    std::fs::create_dir(folder.path().join("en")).unwrap();
    write("en/reset_password.subject", "New password at {{ house }}, {{ name }}\n\n");
    let app = TestApp::with(Wish {
        settings: &[("MAIL__TEMPLATES", folder.path().to_str().unwrap()), ("HOUSE__NAME", "Example")],
        ..Wish::default()
    })
    .await;
    enqueue(&app, "ana@example.com").await;
    let mail = app.mail().one("ana@example.com").await;
    assert_eq!(mail.subject, "New password at Example, Ana Example");
    assert!(mail.text.contains("Choose a new password") && mail.raw.contains("From: Example <"), "{}", mail.raw);
    for (name, text) in [
        ("en/reset_password.html", "{{ no_such_value }}"),
        ("en/reset_password.txt", "{% if %}"),
        ("en/reset_password.subject", "\n"),
        ("frame.html", "{% extends \"nowhere.html\" %}"),
        ("en/reset_pasword.txt", "x"),
        ("logo.png", "x"),
    ] {
        let before = std::fs::read_to_string(folder.path().join(name)).ok();
        write(name, text);
        let broken = Templates::load(Some(folder.path())).err().unwrap_or_else(|| panic!("{name} is taken"));
        assert_eq!(broken.file, name, "{broken:?}");
        match before {
            Some(before) => write(name, &before),
            None => std::fs::remove_file(folder.path().join(name)).unwrap(),
        }
        assert!(Templates::load(Some(folder.path())).is_ok());
    }
}

/// Decision 5: a row that waits shows neither link nor code nor name, opens in its own place alone, and is emptied.
#[tokio::test]
async fn what_waits_is_sealed() {
    let app = TestApp::start().await;
    let later = app.clock.now().plus(100);
    put(&app, prepare(&app, &reset(&app, "ana@example.com")), later).await;
    put(&app, prepare(&app, &reset(&app, "bob@example.com")), later).await;
    let rows = "SELECT id, kind, recipient, body FROM outbox ORDER BY id";
    let waiting = app.provider.db.conn().fetch_all(sql(rows)).await.unwrap();
    let shown = format!("{waiting:?}");
    assert!(waiting.len() == 2 && shown.contains("ana@example.com") && shown.contains("reset_password"));
    for secret in ["rs_s3cret", "/reset", "Ana Example"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    // Bob's body in Ana's row is worth nothing there.
    let swap = "UPDATE outbox SET body = (SELECT body FROM outbox WHERE recipient = 'bob@example.com') WHERE recipient = $1";
    let statement = sql(swap).bind(Value::from("ana@example.com"));
    app.provider.db.write(async move |tx| tx.execute(statement).await).await.unwrap();
    app.clock.advance(100);
    app.mail().none("ana@example.com").await;
    app.mail().one("bob@example.com").await;
    assert_eq!(app.count("SELECT COUNT(*) FROM outbox WHERE body = '' AND next_at IS NULL").await, 2);
    assert!(column(&app, "SELECT last_error FROM outbox WHERE recipient = 'ana@example.com'").await.contains("opening"));
    assert_eq!(app.count("SELECT COUNT(*) FROM outbox WHERE recipient = 'bob@example.com' AND sent_at IS NOT NULL").await, 1);
}

/// I1: of several workers each mail goes to one; a lease that ended is another's, and the first one's word counts no more.
#[tokio::test(flavor = "multi_thread")]
async fn a_mail_has_one_worker() {
    let app = TestApp::start().await;
    let at = app.clock.now().plus(1000);
    for number in 0..40 {
        put(&app, prepare(&app, &reset(&app, &format!("p{number}@example.com"))), at).await;
    }
    let claim = |now: Timestamp| {
        let db = app.provider.db.clone();
        tokio::spawn(async move { db.write(async move |tx| outbox::claim_due(tx, 8, now.plus(180), now).await).await.unwrap() })
    };
    let mut seen = Vec::new();
    for worker in (0..12).map(|_| claim(at)).collect::<Vec<_>>() {
        seen.extend(worker.await.unwrap());
    }
    let mut left = claim(at).await.unwrap();
    while !left.is_empty() {
        seen.append(&mut left);
        left = claim(at).await.unwrap();
    }
    let distinct: BTreeSet<_> = seen.iter().map(|mail| mail.id.clone()).collect();
    assert_eq!((seen.len(), distinct.len()), (40, 40));
    assert!(claim(at.plus(179)).await.unwrap().is_empty());
    let again = claim(at.plus(180)).await.unwrap();
    assert!(again.len() == 8 && again.iter().all(|mail| mail.attempt == 2));
    let (id, db) = (again[0].id.clone(), &app.provider.db);
    for (attempt, counts) in [(1, false), (2, true), (2, false)] {
        let id = id.clone();
        let noted = db.write(async move |tx| outbox::sent(tx, &id, attempt, at.plus(181)).await).await.unwrap();
        assert_eq!(noted, counts, "{attempt}");
    }
    app.ignore_mail();
}

/// A mail that could not be sent is tried again after 5, 30, 120 seconds, not earlier, and goes out once it can.
#[tokio::test]
async fn tries_are_repeated() {
    let app = TestApp::start().await;
    let folder = app.folder().join("mail");
    let post = post(&app, Way::Folder(folder.clone()));
    let begin = app.clock.now().plus(1000);
    put(&app, prepare(&app, &reset(&app, "ana@example.com")), begin).await;
    let attempts = async || app.count("SELECT attempts FROM outbox").await;
    let mut at = begin;
    for (tries, wait) in [(1, 5), (2, 30), (3, 120)] {
        assert_eq!(post.deliver_due(&app.provider.db, at.plus(-1)).await.unwrap(), 0);
        assert_eq!(attempts().await, tries - 1);
        assert_eq!(post.deliver_due(&app.provider.db, at).await.unwrap(), 0);
        assert_eq!(post.deliver_due(&app.provider.db, at.plus(1)).await.unwrap(), 0);
        assert_eq!(attempts().await, tries);
        at = at.plus(wait);
    }
    assert!(column(&app, "SELECT last_error FROM outbox").await.contains("folder"));
    assert_eq!(post.counted().waiting, 1);
    std::fs::create_dir(&folder).unwrap();
    assert_eq!(post.deliver_due(&app.provider.db, at).await.unwrap(), 1);
    assert_eq!(post.deliver_due(&app.provider.db, at.plus(DAY)).await.unwrap(), 0);
    let counted = post.counted();
    assert_eq!((counted.sent, counted.failed, counted.waiting), (1, 0, 0));
    let file = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap();
    let mode = std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    assert!(std::fs::read_to_string(file.path()).unwrap().contains("Subject: Choose a new password"));
}

/// Mail is not sent at or after its end: what stands in it is worth nothing any more. The sweep takes old rows away.
#[tokio::test]
async fn old_mail_is_given_up() {
    let app = TestApp::start().await;
    let post = post(&app, Way::Folder(app.folder().to_owned()));
    let begin = app.clock.now().plus(1000);
    for (offset, sent) in [(-1, 1), (0, 0), (1, 0)] {
        let mail = Envelope { expires_at: begin.plus(60), ..reset(&app, "ana@example.com") };
        put(&app, prepare(&app, &mail), begin).await;
        assert_eq!(post.deliver_due(&app.provider.db, begin.plus(60 + offset)).await.unwrap(), sent, "{offset}");
        assert_eq!(app.count("SELECT COUNT(*) FROM outbox WHERE next_at IS NOT NULL OR body <> ''").await, 0);
    }
    assert_eq!(post.counted().failed, 2);
    let end = begin.plus(60);
    for (before, removed) in [(end, 0), (end.plus(1), 3)] {
        assert_eq!(app.provider.db.write(async move |tx| outbox::sweep(tx, before).await).await.unwrap(), removed);
    }
}

/// Battery EM-04: a row has one recipient; what is none, or more than one, gets nothing.
#[tokio::test]
async fn one_recipient_a_mail() {
    let app = TestApp::start().await;
    enqueue(&app, "ana+tag@example.com").await;
    app.mail().one("ana+tag@example.com").await;
    let bad = [
        "a@example.com,b@example.com",
        "a@example.com;b@example.com",
        "a@b@example.com",
        "a@example.com\r\nRCPT TO:<b@example.com>",
        "",
    ];
    for to in bad {
        enqueue(&app, to).await;
    }
    app.mail().delivered().await;
    assert_eq!(app.count("SELECT COUNT(*) FROM outbox WHERE failed_at IS NOT NULL AND last_error = 'recipient'").await, 5);
    assert!(app.mail().to("a@example.com").await.is_empty() && app.mail().to("b@example.com").await.is_empty());
    assert_eq!(app.provider.post.counted().sent, 1);
}

/// `doctor` says what the mail server does not do, and where mail goes without one.
#[tokio::test]
async fn the_doctor_looks_at_mail() {
    let house = House::init();
    let finding = |output: std::process::Output| {
        let findings = one_line(&output)["findings"].clone();
        findings.as_array().unwrap().iter().find(|finding| finding["what"] == "mail").unwrap().clone()
    };
    assert_eq!(finding(house.run(&["doctor", "--json"], ""))["note"], "printed to the log");
    let file = house.file("vouchsafe.toml");
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    let own = format!("[mail]\nurl = \"smtp://{closed}\"\nfrom = \"no-reply@example.com\"\n");
    std::fs::write(&file, text.replacen("[mail]\n", &own, 1)).unwrap();
    let found = finding(house.run(&["doctor", "--json"], ""));
    assert_eq!(found["ok"], false, "{found}");
    assert!(found["note"].as_str().unwrap().starts_with("connection: "), "{found}");
}

/// Where mail is off, nothing is taken from the outbox, and whoever asks is told.
#[tokio::test]
async fn mail_that_is_off() {
    let app = TestApp::start().await;
    let off = post(&app, Way::Off);
    let later = app.clock.now().plus(1000);
    put(&app, prepare(&app, &reset(&app, "ana@example.com")), later).await;
    assert!(!off.is_on() && app.provider.post.is_on());
    assert_eq!(off.deliver_due(&app.provider.db, later).await.unwrap(), 0);
    assert_eq!(app.count("SELECT attempts FROM outbox").await, 0);
    app.clock.advance(1000);
    app.mail().one("ana@example.com").await;
}

/// The server itself sends what is due, without anybody's help.
#[tokio::test]
async fn the_jobs_deliver() {
    let app = TestApp::start().await;
    enqueue(&app, "ana@example.com").await;
    for _ in 0..200 {
        if app.provider.post.counted().sent == 1 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(app.provider.post.counted().sent, 1);
    app.mail().one("ana@example.com").await;
}

/// The demo's inbox: newest first, links of ours can be followed, everything else is text; the same for scripts.
#[tokio::test]
async fn the_demo_shows_its_mail() {
    let app = TestApp::with(Wish { demo: true, ..Wish::default() }).await;
    let mut browser = Browser::new();
    assert!(browser.get(&app.url("/demo/inbox")).await.has("inbox-empty"));
    enqueue(&app, "first@example.com").await;
    app.mail().delivered().await;
    enqueue(&app, "second@example.com").await;
    app.mail().delivered().await;
    let page = browser.get(&app.url("/demo/inbox")).await;
    assert_eq!(page.status, 200);
    let (first, second) = (page.body.find("first@example.com").unwrap(), page.body.find("second@example.com").unwrap());
    assert!(second < first, "newest first");
    assert_eq!(page.body.matches(&format!("<a href=\"{}\">", app.url("/reset?t=rs_s3cret"))).count(), 2, "{}", page.body);
    let mut german = Browser::reading("de");
    assert!(german.get(&app.url("/demo/inbox")).await.body.contains("Postfach der Demo"));
    let mails = browser.get(&app.url("/demo/inbox.json")).await.json();
    assert_eq!(mails[0]["to"], "second@example.com");
    assert_eq!(
        (mails[1]["subject"].as_str(), mails[1]["at"].as_i64()),
        (Some("Choose a new password"), Some(app.clock.now().unix()))
    );
    assert!(mails[1]["text"].as_str().unwrap().contains("rs_s3cret") && mails[1]["html"].as_str().unwrap().contains("<a href="));
    app.ignore_mail();
    let usual = TestApp::start().await;
    assert_eq!(Rp::at(&usual.issuer, "demo", None).get("/demo/inbox.json").await.status, 404);
}
