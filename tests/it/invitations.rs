//! Protects invitations: a link that is good once, for one address, of one kind (TK-17), and makes an account that nobody else
//! could have prepared (WA-05's replay, for links).

use serde_json::json;
use vouchsafe::admin::Refusal;
use vouchsafe::admin::invitations::{Guest, Inviter, SignUp, invite};
use vouchsafe::identity::users::by_login;
use vouchsafe::oauth::Lang;

use crate::support::app::{PASSWORD, Wish};
use crate::support::mail::Mail;
use crate::support::program::House;
use crate::support::{Browser, Page, TestApp};

const DAY: i64 = 86_400;
const INA: &str = "ina@example.com";

async fn house(mode: &str) -> TestApp {
    TestApp::with(Wish { settings: &[("SIGN_UP__MODE", mode)], ..Wish::default() }).await
}

async fn try_to_invite(app: &TestApp, email: &str, name: Option<&str>, lang: Lang) -> Result<(), Refusal> {
    let provider = &app.provider;
    let sign_up = SignUp::Possible;
    let inviter = Inviter { issuer: &provider.issuer, post: &provider.post, code_key: provider.code_key.clone(), sign_up };
    let guest = Guest { email: email.to_owned(), name: name.map(str::to_owned), lang };
    invite(app.desk(), &inviter, guest).await.map(drop)
}

/// The mail of an invitation to Ina.
pub async fn invited(app: &TestApp, lang: Lang) -> Mail {
    try_to_invite(app, INA, Some("Ina"), lang).await.unwrap();
    app.mail().one(INA).await
}

async fn accept(browser: &mut Browser, page: &Page) -> Page {
    browser.submit(page, "accept", &[("name", "Ina Example"), ("password", PASSWORD)]).await
}

fn is_gone(page: &Page) -> bool {
    page.status == 410 && page.has("link-gone") && !page.has("accept")
}

/// From the mail to the account page: the address is fixed and counts as proved, the person is signed in, and the link is used up.
#[tokio::test]
async fn accepted() {
    for mode in ["invitation", "open"] {
        let app = house(mode).await;
        let mail = invited(&app, Lang::De).await;
        assert!(mail.text.contains("Guten Tag") && mail.text.contains("Ina"), "{}", mail.text);
        let mut browser = Browser::new();
        // Scanners open links, again and again (EM-11).
        for _ in 0..3 {
            Browser::new().get(&mail.link()).await;
        }
        assert_eq!(app.count("SELECT COUNT(*) FROM users").await, 0);
        let page = browser.get(&mail.link()).await;
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
        assert!(page.body.contains(INA) && page.form("accept").get("name") == Some("Ina"), "{}", page.body);
        let account = accept(&mut browser, &page).await;
        assert!(account.url.path().ends_with("/account"), "{} {}", account.url, account.body);
        let ina = by_login(&mut app.provider.db.conn(), INA).await.unwrap().unwrap();
        assert!(ina.email_verified && ina.verify_by.is_none());
        assert_eq!(ina.claims["name"], "Ina Example");
        assert_eq!((app.audited("person_invited").await, app.audited("invitation_accepted").await), (1, 1));
        let rows = app.rows().await;
        for mut again in [browser, Browser::new()] {
            assert!(is_gone(&again.get(&mail.link()).await));
            let replayed = accept(&mut again, &page).await;
            assert!([403, 410].contains(&replayed.status), "{}", replayed.status);
        }
        app.untouched(&rows, "a link that was used").await;
        app.sign_in(&mut Browser::new(), "ina").await;
    }
}

/// Many at once make one account.
#[tokio::test]
async fn raced() {
    let app = house("invitation").await;
    let mail = invited(&app, Lang::En).await;
    let mut tries = Vec::new();
    for _ in 0..4 {
        let mut browser = Browser::new();
        let page = browser.get(&mail.link()).await;
        tries.push(tokio::spawn(async move { accept(&mut browser, &page).await }));
    }
    let mut won = 0;
    for one in tries {
        let page = one.await.unwrap();
        won += usize::from(page.url.path().ends_with("/account"));
        assert!(page.url.path().ends_with("/account") || is_gone(&page), "{} {}", page.status, page.body);
    }
    assert_eq!((won, app.count("SELECT COUNT(*) FROM users").await), (1, 1));
    assert_eq!(app.count("SELECT COUNT(*) FROM sessions").await, 1);
}

/// A weak password and a broken name are refused with what was typed kept, and the link stays good.
#[tokio::test]
async fn refused_and_tried_again() {
    let app = house("invitation").await;
    let mail = invited(&app, Lang::En).await;
    let mut browser = Browser::new();
    let page = browser.get(&mail.link()).await;
    let rows = app.rows().await;
    for (name, password, field) in
        [("Ina", "short", "password-error"), ("Ina\u{1}", PASSWORD, "name-error"), ("Ina", "password1", "password-error")]
    {
        let refused = browser.submit(&page, "accept", &[("name", name), ("password", password)]).await;
        assert!(refused.status == 400 && refused.has(field), "{name:?}: {} {}", refused.status, refused.body);
        assert!(refused.body.contains(INA) && !refused.body.contains(&format!("\"{password}\"")));
    }
    app.untouched(&rows, "refused").await;
    assert!(accept(&mut browser, &page).await.url.path().ends_with("/account"));
}

/// The link dies with its week, with the mode, and with an account that got the address in between. It proves nothing then.
#[tokio::test]
async fn gone() {
    let app = house("invitation").await;
    let mail = invited(&app, Lang::En).await;
    let mut browser = Browser::new();
    app.clock.advance(7 * DAY - 1);
    let page = browser.get(&mail.link()).await;
    assert!(page.has("accept"));
    app.clock.advance(1);
    assert!(is_gone(&browser.get(&mail.link()).await) && is_gone(&accept(&mut browser, &page).await));
    assert_eq!(app.count("SELECT COUNT(*) FROM users").await, 0);

    let mail = invited(&app, Lang::En).await;
    let page = browser.get(&mail.link()).await;
    assert!(page.has("accept"));
    app.person("ina").await;
    let rows = app.rows().await;
    assert!(is_gone(&browser.get(&mail.link()).await) && is_gone(&accept(&mut browser, &page).await));
    app.untouched(&rows, "somebody has the address").await;

    let off = house("off").await;
    let mail = invited(&off, Lang::En).await;
    assert!(is_gone(&browser.get(&mail.link()).await));
}

/// TK-17: the link of an invitation is unknown to every other page of links, those of others to this one, and each stays good.
#[tokio::test]
async fn kinds_of_links() {
    let app = house("open").await;
    app.person("ana").await;
    let invitation = invited(&app, Lang::En).await.link();
    let mut browser = Browser::new();
    let ask = browser.visit(&app.url("/forgot-password")).await;
    browser.submit(&ask, "send", &[("username", "ana@example.com")]).await;
    let reset = app.mail().one("ana@example.com").await.link();
    let token = |link: &str| link.rsplit_once('/').unwrap().1.to_owned();
    for path in ["/verify-email", "/sign-in-link", "/reset-password"] {
        let page = browser.get(&app.url(&format!("{path}/{}", token(&invitation)))).await;
        assert_eq!(page.status, 410, "{path}");
    }
    let strange = ["in_", "x", &token(&invitation)[3..], &format!("{}A", token(&invitation))].map(str::to_owned);
    for wrong in strange.into_iter().chain([token(&reset)]) {
        let page = browser.get(&app.url(&format!("/invitation/{wrong}"))).await;
        assert!(is_gone(&page), "{wrong}: {}", page.status);
    }
    assert!(browser.get(&reset).await.has("set-password"));
    let page = browser.get(&invitation).await;
    assert!(accept(&mut browser, &page).await.url.path().ends_with("/account"));
}

/// Somebody else who is signed in in the browser is signed out by it, and a form from elsewhere does nothing.
#[tokio::test]
async fn in_a_browser_of_somebody_else() {
    let app = house("invitation").await;
    app.person("ana").await;
    let mail = invited(&app, Lang::En).await;
    let mut browser = Browser::new();
    app.sign_in(&mut browser, "ana").await;
    let page = browser.get(&mail.link()).await;
    let rows = app.rows().await;
    let fields = [("name", "x"), ("password", PASSWORD), ("csrf", "x")];
    let foreign = browser.post(crate::support::Initiator::Site("https://evil.test"), &mail.link(), &fields).await;
    assert_eq!(foreign.status, 403);
    app.untouched(&rows, "a foreign form").await;
    let account = accept(&mut browser, &page).await;
    assert!(account.body.contains(INA) && !account.body.contains("ana@example.com"), "{}", account.body);
    assert_eq!(app.count("SELECT COUNT(*) FROM sessions WHERE ended_at IS NULL").await, 1);
    assert_eq!(app.audited("session_replaced").await, 1);
}

/// Whom an operator cannot invite, and why.
#[tokio::test]
async fn refused_to_the_operator() {
    let app = house("invitation").await;
    app.person("ana").await;
    let count = async || app.count("SELECT COUNT(*) FROM one_time_tokens").await;
    for email in ["ana@example.com", "ANA@example.com", "nobody", ""] {
        assert!(try_to_invite(&app, email, None, Lang::En).await.is_err(), "{email}");
    }
    assert!(try_to_invite(&app, INA, Some("a\nb"), Lang::En).await.is_err());
    assert_eq!(count().await, 0);
    // EM-13: three mails an hour to one address.
    for _ in 0..3 {
        try_to_invite(&app, INA, None, Lang::En).await.unwrap();
    }
    assert!(try_to_invite(&app, INA, None, Lang::En).await.is_err());
    assert_eq!((count().await, app.mail().to(INA).await.len()), (3, 3));
    app.clock.advance(3600);
    try_to_invite(&app, INA, None, Lang::En).await.unwrap();
    // Of several invitations the first that is accepted counts.
    let last = app.mail().one(INA).await;
    let mut browser = Browser::new();
    let page = browser.get(&last.link()).await;
    assert!(accept(&mut browser, &page).await.url.path().ends_with("/account"));
}

/// The verb says what it did, and why it did nothing.
#[tokio::test]
async fn by_the_command_line() {
    let house = House::init();
    let refused = |words: &[&str], why: &str| {
        let output = house.run(words, "");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(why), "{words:?}: {said}");
    };
    let words = ["user", "invite", "--email", INA, "--name", "Ina", "--lang", "de"];
    refused(&words, "sign_up.mode");
    let file = house.file("vouchsafe.toml");
    let settings = std::fs::read_to_string(&file).unwrap();
    let switched = settings.replace("[sign_up]\n", "[sign_up]\nmode = \"invitation\"\n");
    assert_ne!(switched, settings);
    std::fs::write(&file, switched).unwrap();
    let done = house.json(&words);
    assert_eq!((&done["email"], done["expires_at"].is_i64()), (&json!(INA), true));
    let events = house.json(&["audit", "--kind", "person_invited", "--since", "1h"]);
    assert_eq!(events[0]["detail"]["email"], INA);
    let all = house.json(&["audit", "--since", "1h"]);
    assert_eq!(house.json(&["audit", "--since", "1h", "--skip", "1"]), json!(all.as_array().unwrap()[1..]));
    refused(&["audit", "--since", "yesterday"], "--since yesterday");
    refused(&["user", "invite", "--email", "nobody"], "e-mail");
    refused(&["user", "invite", "--email", INA, "--lang", "fr"], "en or de");
}
