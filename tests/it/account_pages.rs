//! Protects the pages of the account: step-up, the password (PW-04, PW-16, SE-01), the profile (AD-02), the apps, and how the
//! pages look to a browser.

use vouchsafe::admin::sessions;
use vouchsafe::identity::users::{self, User};

use crate::support::app::PASSWORD;
use crate::support::page::Form;
use crate::support::{Browser, Initiator, Page, Rp, TestApp};

/// A password that nobody has yet.
pub const OTHER: &str = "seven purple otters dance slowly";

/// The pages that ask for a fresh sign-in, with their buttons.
const GUARDED: [(&str, &str); 3] =
    [("/account/password", "change-password"), ("/account/email", "change-email"), ("/account/delete", "confirm")];

/// Sends a form as it is.
pub async fn send(browser: &mut Browser, form: &Form) -> Page {
    browser.request(Initiator::SameOrigin, form.method.clone(), &form.action, Some(form.body())).await
}

/// Opens a link of a mail and presses the button of its page, without following.
pub async fn press(browser: &mut Browser, link: &str) -> Page {
    let page = browser.get(link).await;
    assert_eq!(page.status, 200, "{}", page.body);
    browser.press(&page, "go-on", &[]).await
}

/// Signs in with a name and a password; whether that worked.
pub async fn comes_in(app: &TestApp, browser: &mut Browser, name: &str, password: &str) -> bool {
    browser.set_cookie_if_any("session");
    let page = browser.visit(&app.url("/account")).await;
    let page = browser.submit(&page, "sign-in", &[("username", name), ("password", password)]).await;
    page.url.path().ends_with("/account")
}

impl Browser {
    fn set_cookie_if_any(&mut self, name: &str) {
        if self.cookie(name).is_some() {
            self.set_cookie(name, None);
        }
    }
}

pub async fn person(app: &TestApp, address: &str) -> Option<User> {
    users::by_login(&mut app.provider.db.conn(), address).await.unwrap()
}

async fn change(browser: &mut Browser, app: &TestApp, current: &str, new: &str) -> Page {
    let page = browser.visit(&app.url("/account/password")).await;
    browser.press(&page, "change-password", &[("current", current), ("password", new)]).await
}

/// PW-16: not without the password of now, not with a wrong one, not to a weak one; and with it everything else of the person
/// ends, in other browsers, apps and mail.
#[tokio::test]
async fn password() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let rp = Rp::web(&app, "web").await;
    let (mut here, mut there, mut lost) = (Browser::new(), Browser::new(), Browser::new());
    let elsewhere = rp.tokens(&mut there, "ana").await;
    let own = rp.tokens(&mut here, "ana").await;
    let page = lost.visit(&app.url("/forgot-password")).await;
    lost.submit(&page, "send", &[("username", "ana@example.com")]).await;
    let mails = app.mail().to("ana@example.com").await;
    let reset = mails.iter().find(|mail| mail.text.contains("/reset-password/")).unwrap().link();
    let before = app.rows().await;
    for (current, new, field) in [("", OTHER, "current"), ("wrong", OTHER, "current"), (PASSWORD, "short", "password")] {
        let page = change(&mut here, &app, current, new).await;
        assert_eq!((page.status, page.has("problem")), (400, true), "{current}");
        assert_eq!(page.attributes("[aria-invalid]", "id"), [field]);
        assert!(!page.body.contains(OTHER) && !page.body.contains(PASSWORD), "no password comes back");
        app.untouched(&before, current).await;
    }
    let token = here.cookie("session").unwrap().value.clone();
    let page = change(&mut here, &app, PASSWORD, OTHER).await;
    assert!(page.leaves_for(&app.url("/account/password")), "{}", page.body);
    assert!(here.follow(page).await.has("done"));
    let mut stale = here.clone();
    stale.set_cookie("session", Some(&token));
    assert!(app.is_in(&mut here).await && !app.is_in(&mut stale).await, "another token (SE-01)");
    assert!(!app.is_in(&mut there).await);
    assert_eq!(rp.userinfo(&elsewhere.text("access_token")).await.status, 401);
    assert_eq!(rp.refresh(&elsewhere.text("refresh_token")).await.error(), "invalid_grant");
    assert_eq!(rp.userinfo(&own.text("access_token")).await.status, 200);
    assert_eq!(rp.refresh(&own.text("refresh_token")).await.status, 200);
    assert_eq!(lost.get(&reset).await.status, 410);
    let mail = app.mail().one("ana@example.com").await;
    assert!(mail.link().ends_with("/forgot-password"), "{}", mail.text);
    assert_eq!(app.audited("password_changed").await, 1);
    assert_eq!(app.count("SELECT COUNT(*) FROM known_devices").await, 1);
    assert!(!comes_in(&app, &mut there, "ana@example.com", PASSWORD).await);
    assert!(comes_in(&app, &mut there, "ana@example.com", OTHER).await);
}

/// Whoever unchecks the box stays signed in elsewhere; old mail is worth nothing all the same.
#[tokio::test]
async fn password_alone() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let rp = Rp::web(&app, "web").await;
    let (mut here, mut there) = (Browser::new(), Browser::new());
    let elsewhere = rp.tokens(&mut there, "ana").await;
    app.sign_in(&mut here, "ana").await;
    let page = here.visit(&app.url("/account/password")).await;
    let mut form = page.form("change-password");
    assert_eq!(form.get("elsewhere"), Some("yes"), "checked by default");
    form.fields.retain(|(name, _)| name != "elsewhere");
    form.set("current", PASSWORD);
    form.set("password", OTHER);
    assert_eq!(send(&mut here, &form).await.status, 303);
    assert!(app.is_in(&mut here).await && app.is_in(&mut there).await);
    assert_eq!(rp.userinfo(&elsewhere.text("access_token")).await.status, 200);
    app.mail().to("ana@example.com").await;
}

/// PW-04: the password of now is a guess like any other, counted with those of the sign-in page.
#[tokio::test]
async fn current_password_is_a_guess() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let mut browser = Browser::new();
    app.sign_in(&mut browser, "ana").await;
    let before = app.rows().await;
    for _ in 0..10 {
        assert_eq!(change(&mut browser, &app, "wrong", OTHER).await.status, 400);
    }
    let page = change(&mut browser, &app, PASSWORD, OTHER).await;
    assert_eq!((page.status, page.header("retry-after")), (429, Some("30")));
    let mut out = browser.clone();
    assert!(!comes_in(&app, &mut out, "ana@example.com", PASSWORD).await, "the same count");
    app.untouched(&before, "throttled").await;
    assert_eq!(app.audited("throttled").await, 1);
    app.clock.advance(30);
    assert_eq!(change(&mut browser, &app, PASSWORD, OTHER).await.status, 303);
    app.mail().one("ana@example.com").await;
}

/// Two tabs at once: one of them changes the password, the other proved what is true no more.
#[tokio::test]
async fn one_change_at_a_time() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let mut browser = Browser::new();
    app.sign_in(&mut browser, "ana").await;
    let page = browser.visit(&app.url("/account/password")).await;
    let tasks: Vec<_> = (0..4)
        .map(|number| {
            let (mut browser, page) = (browser.clone(), page.clone());
            let new = format!("{OTHER} {number}");
            tokio::spawn(
                async move { browser.press(&page, "change-password", &[("current", PASSWORD), ("password", &new)]).await },
            )
        })
        .collect();
    let mut done = 0;
    for task in tasks {
        let page = task.await.unwrap();
        assert!([303, 400, 503].contains(&page.status), "{}", page.status);
        done += usize::from(page.leaves_for(&app.url("/account/password")));
    }
    assert_eq!((done, app.audited("password_changed").await), (1, 1));
    app.mail().one("ana@example.com").await;
}

/// Who has no password yet sets one, after a fresh sign-in alone.
#[tokio::test]
async fn first_password() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let mut browser = Browser::new();
    app.sign_in(&mut browser, "ana").await;
    let id = person(&app, "ana@example.com").await.unwrap().id;
    app.provider.db.write(async move |tx| vouchsafe::store::passwords::remove(tx, &id).await).await.unwrap();
    let page = browser.visit(&app.url("/account/password")).await;
    assert!(!page.has("current"));
    let page = browser.press(&page, "change-password", &[("password", OTHER)]).await;
    assert_eq!(page.status, 303, "{}", page.body);
    app.mail().one("ana@example.com").await;
    assert!(browser.visit(&app.url("/account/password")).await.has("current"));
    assert!(comes_in(&app, &mut browser, "ana@example.com", OTHER).await);
}

/// What matters asks for a sign-in of the last ten minutes, when the page is shown and when its form comes.
#[tokio::test]
async fn step_up() {
    let app = TestApp::start().await;
    app.person("ana").await;
    for (path, button) in GUARDED {
        let mut browser = Browser::new();
        app.sign_in(&mut browser, "ana").await;
        for (seconds, fresh) in [(599, true), (1, false), (1, false)] {
            app.clock.advance(seconds);
            assert_eq!(browser.get(&app.url(path)).await.status == 200, fresh, "{path}");
        }
        let mut browser = Browser::new();
        app.sign_in(&mut browser, "ana").await;
        let form = browser.visit(&app.url(path)).await;
        app.clock.advance(600);
        let before = app.rows().await;
        let fields: &[(&str, &str)] = match button {
            "change-password" => &[("current", PASSWORD), ("password", OTHER)],
            "change-email" => &[("email", "new@example.com")],
            _ => &[],
        };
        let page = browser.press(&form, button, fields).await;
        app.untouched(&before, path).await;
        let page = browser.follow(page).await;
        assert_eq!(page.form("sign-in").get("username"), Some("ana@example.com"), "{path}");
        let page = browser.submit(&page, "sign-in", &[("password", PASSWORD)]).await;
        assert!(page.url.path().ends_with(path) && page.has(button), "{path}: {}", page.url);
        // The positive twin: the same form, sent in time.
        let page = browser.press(&page, button, fields).await;
        assert_eq!(page.status, 303, "{path}: {}", page.body);
        assert!(!page.leaves_for(&app.url("/sign-in")));
        if button == "change-password" {
            assert!(comes_in(&app, &mut browser, "ana@example.com", OTHER).await);
            let page = change(&mut browser, &app, OTHER, PASSWORD).await;
            assert_eq!(page.status, 303);
        }
        assert_eq!(app.mail().to("new@example.com").await.len(), usize::from(button == "change-email"));
        app.mail().to("ana@example.com").await;
    }
}

/// Who is not signed in comes back to the page; a form of somebody else's page does nothing.
#[tokio::test]
async fn whose_page() {
    let app = TestApp::start().await;
    app.person("ana").await;
    app.person("bob").await;
    for (path, button) in GUARDED.into_iter().chain([("/account/profile", "save")]) {
        let (mut browser, mut bobs) = (Browser::new(), Browser::new());
        let page = browser.visit(&app.url(path)).await;
        let page = browser.submit(&page, "sign-in", &[("username", "ana@example.com"), ("password", PASSWORD)]).await;
        if path != "/account/profile" {
            assert!(page.url.path().ends_with(path), "{}", page.url);
        }
        let page = browser.visit(&app.url(path)).await;
        app.sign_in(&mut bobs, "bob").await;
        let theirs = bobs.visit(&app.url(path)).await.form(button);
        let before = app.rows().await;
        for other in [theirs.get("as").unwrap(), ""] {
            let mut form = page.form(button);
            form.set("as", other);
            let answer = send(&mut browser, &form).await;
            assert!(answer.leaves_for(&app.url(path)), "{path}: {}", answer.status);
            app.untouched(&before, path).await;
        }
    }
}

fn profile(page: &Page, fields: &[(&str, &str)]) -> Form {
    let mut form = page.form("save");
    for (name, value) in fields {
        match form.get(name) {
            Some(_) => form.set(name, value),
            None => form.fields.push(((*name).to_owned(), (*value).to_owned())),
        }
    }
    form
}

/// The standard claims: what is typed is what apps are told, an empty field takes a claim away, another number is not verified.
#[tokio::test]
async fn profile_is_what_apps_see() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let rp = Rp::web(&app, "web").await;
    let mut browser = Browser::new();
    let flow = rp.flow().with("scope", "openid profile email phone address");
    let code = rp.go(&mut browser, "ana", &flow).await.param("code").unwrap();
    let token = rp.exchange(&code).await.text("access_token");
    let first = rp.userinfo(&token).await.json();
    assert_eq!(first["phone_number_verified"], true);
    let page = browser.visit(&app.url("/account/profile")).await;
    // Sent as it is, it changes nothing.
    let before = person(&app, "ana@example.com").await;
    assert!(send(&mut browser, &page.form("save")).await.leaves_for(&app.url("/account/profile")));
    assert_eq!((person(&app, "ana@example.com").await, app.audited("profile_changed").await), (before, 0));
    let typed = [
        ("name", " Ana M\u{fc}ller "),
        ("nickname", ""),
        ("picture", "https://pictures.test/ana.png"),
        ("birthdate", "0000-02-29"),
        ("locale", "de"),
        ("phone_number", "+43123456789"),
        ("formatted", "Gasse 1\r\n1010 Wien"),
        ("locality", ""),
        ("country", "AT"),
    ];
    let page = send(&mut browser, &profile(&page, &typed)).await;
    assert_eq!(page.status, 303, "{}", page.body);
    assert!(browser.follow(page).await.has("done"));
    let now = rp.userinfo(&token).await.json();
    assert_eq!(now["name"], "Ana M\u{fc}ller");
    assert_eq!((now["birthdate"].as_str(), now["locale"].as_str()), (Some("0000-02-29"), Some("de")));
    assert_eq!(now["address"], serde_json::json!({ "formatted": "Gasse 1\n1010 Wien", "country": "AT" }));
    assert_eq!(now["phone_number"], "+43123456789");
    assert!(now.get("nickname").is_none() && now.get("phone_number_verified") != Some(&true.into()), "{now}");
    assert_eq!((&now["sub"], &now["email"], &now["middle_name"]), (&first["sub"], &first["email"], &first["middle_name"]));
    let named = "SELECT COUNT(*) FROM audit_events WHERE kind = 'profile_changed' AND detail LIKE '%nickname%'
                 AND detail NOT LIKE '%family_name%' AND detail NOT LIKE '%Gasse%' AND detail NOT LIKE '%ller%'";
    assert_eq!(app.count(named).await, 1, "names of claims, never values");
}

/// What cannot be stored is said at its field, what was typed stays, and nothing is stored; what the form does not have cannot
/// be set by it (AD-02).
#[tokio::test]
async fn profile_refuses() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let mut browser = Browser::new();
    app.sign_in(&mut browser, "ana").await;
    let page = browser.visit(&app.url("/account/profile")).await;
    let before = person(&app, "ana@example.com").await;
    for (name, value) in [
        ("name", "x".repeat(1001)),
        ("picture", "http://pictures.test/ana.png".to_owned()),
        ("picture", "javascript:alert(1)".to_owned()),
        ("website", "data:text/html,x".to_owned()),
        ("birthdate", "1990-02-30".to_owned()),
        ("zoneinfo", "../etc".to_owned()),
        ("phone_number", "0123".to_owned()),
        ("formatted", "x".repeat(1001)),
    ] {
        let answer = send(&mut browser, &profile(&page, &[(name, &value)])).await;
        assert_eq!(answer.status, 400, "{name}");
        assert_eq!(answer.attributes("[aria-invalid]", "id"), [name]);
        assert_eq!(answer.attributes("#problem a", "href"), [format!("#{name}")]);
        assert_eq!(answer.form("save").get(name).map(str::trim), Some(value.as_str()), "{name} is kept");
        assert!(answer.attributes(&format!("[id='{name}']"), "aria-describedby")[0].contains(&format!("{name}-error")));
        assert_eq!(person(&app, "ana@example.com").await, before, "{name}");
    }
    let more = [
        ("sub", "x"),
        ("id", "x"),
        ("email", "eve@example.com"),
        ("email_verified", "false"),
        ("roles", "admin"),
        ("is_admin", "true"),
        ("created_at", "1"),
        ("updated_at", "1"),
        ("password_hash", "x"),
        ("phone_number_verified", "true"),
        ("profile", "https://evil.test/"),
    ];
    let answer = send(&mut browser, &profile(&page, &more)).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    assert_eq!(person(&app, "ana@example.com").await, before);
    let answer = send(&mut browser, &profile(&page, &[("nickname", "Anni"), ("sub", "x"), ("middle_name", "X")])).await;
    assert_eq!(answer.status, 303, "the positive twin");
    let mut wanted = before.unwrap();
    wanted.claims.insert("nickname".to_owned(), "Anni".into());
    let now = person(&app, "ana@example.com").await.unwrap();
    assert_eq!(User { updated_at: wanted.updated_at, ..now }, wanted);
}

/// Everything that was allowed to apps, at once; nobody else's.
#[tokio::test]
async fn all_apps() {
    let app = TestApp::start().await;
    app.person("ana").await;
    app.person("bob").await;
    let (one, two) = (Rp::web(&app, "one").await, Rp::web(&app, "two").await);
    let (mut anas, mut bobs) = (Browser::new(), Browser::new());
    let tokens = [one.tokens(&mut anas, "ana").await, two.tokens(&mut anas, "ana").await];
    let bob = one.tokens(&mut bobs, "bob").await;
    let page = anas.visit(&app.url("/account")).await;
    let ask = page.attributes("#remove-all-apps", "href").remove(0);
    let page = anas.visit(page.url.join(&ask).unwrap().as_str()).await;
    assert_eq!(one.userinfo(&tokens[0].text("access_token")).await.status, 200, "asking takes nothing");
    let page = anas.submit(&page, "confirm", &[]).await;
    assert!(page.url.path().ends_with("/account") && !page.has("remove-all-apps"), "{}", page.body);
    for (rp, token) in [&one, &two].into_iter().zip(&tokens) {
        assert_eq!(rp.userinfo(&token.text("access_token")).await.status, 401);
        assert_eq!(rp.refresh(&token.text("refresh_token")).await.error(), "invalid_grant");
    }
    assert_eq!(one.userinfo(&bob.text("access_token")).await.status, 200);
    assert_eq!(app.audited("consents_withdrawn").await, 1);
}

/// In both languages: each page of the rail is there and says which it is, forms end here, fields say what they are for, and no script is needed.
#[tokio::test]
async fn pages() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let autocomplete = [
        ("/account/password", vec!["username", "current-password", "new-password"]),
        ("/account/email", vec!["email"]),
        ("/account/delete", vec![]),
        ("/account/history", vec![]),
        ("/account/data", vec![]),
        (
            "/account/profile",
            vec!["name", "given-name", "family-name", "nickname", "photo", "url", "sex", "bday", "tel", "street-address"],
        ),
    ];
    for language in ["en", "de"] {
        let mut browser = Browser::reading(language);
        app.sign_in(&mut browser, "ana").await;
        for (path, wanted) in &autocomplete {
            let page = browser.visit(&app.url(path)).await;
            assert_eq!((page.status, page.attributes("html", "lang")), (200, vec![language.to_owned()]), "{path}");
            assert_eq!(page.attributes(".rail [aria-current=page]", "href"), [*path], "{path}");
            assert_eq!(page.texts("h1").len(), 1, "{path}");
            assert!(page.header("content-security-policy").unwrap().contains("form-action 'self'"), "{path}");
            assert_eq!(page.header("cache-control"), Some("no-store"), "{path}");
            let found = page.attributes("main [autocomplete]", "autocomplete");
            for token in wanted {
                assert!(found.iter().any(|own| own == token), "{path}: {token} in {found:?}");
            }
            for id in page.attributes("main label", "for") {
                assert!(page.has(&id) || page.body.contains(&format!("id=\"{id}\"")), "{path}: {id}");
            }
        }
        for link in browser.visit(&app.url("/account")).await.attributes(".rail a", "href") {
            assert_eq!(browser.get(&app.url(&link)).await.status, 200, "{link}");
        }
        let page = browser.visit(&app.url("/account/delete")).await;
        assert!(page.body.find("id=\"keep\"") < page.body.find("id=\"confirm\""), "the safe button is first");
    }
}

/// Where password managers send their people: also below an issuer with a path.
#[tokio::test]
async fn well_known() {
    for path in ["", "/tenant"] {
        let app = TestApp::with(crate::support::app::Wish { path, ..Default::default() }).await;
        app.person("ana").await;
        let mut browser = Browser::new();
        let root = app.issuer.strip_suffix(path).unwrap().to_owned();
        let page = browser.visit(&format!("{root}/.well-known/change-password")).await;
        let page = browser.submit(&page, "sign-in", &[("username", "ana@example.com"), ("password", PASSWORD)]).await;
        assert!(page.url.path() == format!("{path}/account/password") && page.has("current"), "{}", page.url);
        assert_eq!(sessions::list(app.desk(), "ana@example.com").await.unwrap().len(), 1);
    }
}
