//! Protects a change of address (EM-08, EM-11, EM-13, EM-19), its way back, and the answer to "that wasn't me".

use reqwest::Method;

use crate::account_pages::{OTHER, comes_in, person, press};
use crate::support::app::PASSWORD;
use crate::support::{Browser, Initiator, Page, Rp, TestApp};

const HOUR: i64 = 3600;

/// Asks for another address; the page that follows.
async fn ask(app: &TestApp, browser: &mut Browser, address: &str) -> Page {
    let page = browser.visit(&app.url("/account/email")).await;
    browser.submit(&page, "change-email", &[("email", address)]).await
}

/// A person who is signed in.
async fn ana(app: &TestApp) -> Browser {
    app.person("ana").await;
    let mut browser = Browser::new();
    app.sign_in(&mut browser, "ana").await;
    browser
}

async fn is_at(app: &TestApp, address: &str) -> bool {
    person(app, address).await.is_some_and(|user| user.email_verified)
}

/// EM-19: the link proves the new address in any browser; the old one is told and may take it back, and then whoever did it is
/// out, with password, sessions and apps.
#[tokio::test]
async fn changed_and_taken_back() {
    let app = TestApp::start().await;
    let mut here = ana(&app).await;
    let rp = Rp::web(&app, "web").await;
    let tokens = rp.tokens(&mut here, "ana").await;
    let sub = person(&app, "ana@example.com").await.unwrap().sub;
    let before = app.rows().await;
    assert!(ask(&app, &mut here, "New@example.net").await.has("check-mail"));
    app.untouched(&before, "nothing changes before it is confirmed").await;
    let (mut phone, mut owner) = (Browser::new(), Browser::new());
    let link = app.mail().one("New@example.net").await.link();
    app.mail().none("ana@example.com").await;
    for method in [Method::GET, Method::HEAD, Method::GET] {
        assert_eq!(phone.request(Initiator::Person, method, &link.parse().unwrap(), None).await.status, 200);
    }
    app.untouched(&before, "looking consumes nothing (EM-11)").await;
    let page = press(&mut phone, &link).await;
    assert!(page.has("address-changed"), "{}", page.body);
    assert!(phone.cookie("session").is_none(), "a link that verifies gives no session");
    assert_eq!(before.changed(&app.rows().await), ["users"]);
    assert_eq!(phone.get(&link).await.status, 410);
    assert!(app.is_in(&mut here).await);
    assert_eq!(rp.userinfo(&tokens.text("access_token")).await.json()["email"], "New@example.net");
    assert!(!comes_in(&app, &mut phone, "ana@example.com", PASSWORD).await);
    assert!(comes_in(&app, &mut phone, "new@EXAMPLE.net", PASSWORD).await);
    let notice = app.mail().one("ana@example.com").await;
    assert!(notice.text.contains("New@example.net"), "{}", notice.text);
    let page = press(&mut owner, &notice.link()).await;
    let page = owner.follow(page).await;
    assert!(is_at(&app, "ana@example.com").await && person(&app, "new@example.net").await.is_none());
    assert_eq!(person(&app, "ana@example.com").await.unwrap().sub, sub);
    assert!(!app.is_in(&mut here).await && !app.is_in(&mut phone).await);
    assert_eq!(rp.userinfo(&tokens.text("access_token")).await.status, 401);
    assert!(!comes_in(&app, &mut here, "ana@example.com", PASSWORD).await, "the password is worth nothing");
    let page = owner.submit(&page, "set-password", &[("password", OTHER)]).await;
    assert!(page.has("password-set"), "{}", page.body);
    assert!(comes_in(&app, &mut owner, "ana@example.com", OTHER).await);
    assert_eq!(owner.get(&notice.link()).await.status, 410);
    for kind in ["address_change_asked", "address_changed", "address_change_undone"] {
        assert_eq!(app.audited(kind).await, 1, "{kind}");
    }
    app.mail().to("ana@example.com").await;
    app.ignore_mail();
}

/// By code: in the browser that asked, for the person who asked, and not by guessing.
#[tokio::test]
async fn by_code() {
    let app = TestApp::start().await;
    let mut here = ana(&app).await;
    let page = ask(&app, &mut here, "new@example.net").await;
    let code = app.mail().one("new@example.net").await.code();
    let wrong = if code == "000000" { "000001" } else { "000000" };
    app.person("bob").await;
    let mut bobs = Browser::new();
    app.sign_in(&mut bobs, "bob").await;
    let before = app.rows().await;
    assert_eq!(here.press(&page, "verify", &[("code", wrong)]).await.status, 400);
    let stolen = bobs.press(&page, "verify", &[("code", &code)]).await;
    assert_eq!(stolen.status, 403, "another browser's form");
    let mut nobody = here.clone();
    nobody.set_cookie("session", None);
    let out = nobody.press(&page, "verify", &[("code", &code)]).await;
    assert!(out.status == 303 && !is_at(&app, "new@example.net").await, "not without the session");
    app.untouched(&before, "not by guessing, not elsewhere, not signed out").await;
    let page = here.submit(&page, "verify", &[("code", &format!("{} {}", &code[..3], &code[3..]))]).await;
    assert!(page.has("done") && page.text("#own-address").contains("new@example.net"), "{}", page.body);
    assert!(is_at(&app, "new@example.net").await);
    app.mail().one("ana@example.com").await;
    let page = ask(&app, &mut here, "third@example.net").await;
    let right = app.mail().one("third@example.net").await.code();
    for _ in 0..5 {
        here.press(&page, "verify", &[("code", if right == "000000" { "000001" } else { "000000" })]).await;
    }
    assert_eq!(here.press(&page, "verify", &[("code", &right)]).await.status, 429);
    assert!(is_at(&app, "new@example.net").await);
}

/// EM-08: two changes at once. Each link changes to the address that it was sent to and to no other, and the first that is used
/// ends the other.
#[tokio::test]
async fn two_at_once() {
    let app = TestApp::start().await;
    let mut browser = ana(&app).await;
    for (own, other) in [("own@example.net", "victim@example.net"), ("third@example.net", "fourth@example.net")] {
        ask(&app, &mut browser, own).await;
        ask(&app, &mut browser, other).await;
        let (first, second) = (app.mail().one(own).await.link(), app.mail().one(other).await.link());
        let page = browser.get(&second).await;
        let form = page.form("go-on");
        assert!(press(&mut browser, &first).await.has("address-changed"));
        assert!(is_at(&app, own).await && person(&app, other).await.is_none());
        let late = browser.request(Initiator::SameOrigin, Method::POST, &form.action, Some(form.body())).await;
        assert_eq!((late.status, late.has("link-gone")), (410, true));
        assert!(is_at(&app, own).await && person(&app, other).await.is_none());
    }
    app.mail().to("ana@example.com").await;
    app.mail().to("own@example.net").await;
}

/// The same page for a taken address; its owner hears of it, and nobody gets it.
#[tokio::test]
async fn taken() {
    let app = TestApp::start().await;
    let mut browser = ana(&app).await;
    app.person("bob").await;
    let shown = |page: &Page, address: &str| (page.status, page.texts("main *").join("|").replace(address, "ADDRESS"));
    let free = ask(&app, &mut browser, "new@example.com").await;
    let before = app.rows().await;
    let taken = ask(&app, &mut browser, "bob@example.com").await;
    assert_eq!(shown(&free, "new@example.com"), shown(&taken, "bob@example.com"));
    assert_eq!(app.mail().one("new@example.com").await.code().len(), 6);
    let mail = app.mail().one("bob@example.com").await;
    assert!(!mail.text.contains("/confirm-email/") && !mail.text.contains("ana"), "{}", mail.text);
    assert_eq!(browser.press(&taken, "verify", &[("code", "123456")]).await.status, 400);
    app.untouched(&before, "taken").await;
    for (address, field) in [("ana", "email"), ("", "email"), ("Ana@EXAMPLE.com", "email"), ("a@b@c", "email")] {
        let page = ask(&app, &mut browser, address).await;
        assert_eq!((page.status, page.attributes("[aria-invalid]", "id")), (400, vec![field.to_owned()]), "{address}");
        assert_eq!(page.form("change-email").get("email"), Some(address));
    }
    app.untouched(&before, "no address").await;
}

/// Taken in between: whoever is second gets nothing, and keeps what they have.
#[tokio::test]
async fn taken_in_between() {
    let app = TestApp::start().await;
    let mut browser = ana(&app).await;
    ask(&app, &mut browser, "bob@example.com").await;
    let link = app.mail().one("bob@example.com").await.link();
    app.person("bob").await;
    let before = app.rows().await;
    let page = press(&mut browser, &link).await;
    assert_eq!(page.status, 410);
    app.untouched(&before, "taken in between").await;
    assert!(is_at(&app, "ana@example.com").await);
}

/// Links end: a day for the new address, three for the way back; a second before, at it and after it.
#[tokio::test]
async fn ends() {
    for (seconds, good) in [(-1, true), (0, false), (1, false)] {
        let app = TestApp::start().await;
        let mut browser = ana(&app).await;
        ask(&app, &mut browser, "new@example.net").await;
        let link = app.mail().one("new@example.net").await.link();
        app.clock.advance(24 * HOUR + seconds);
        assert_eq!(browser.get(&link).await.status == 200, good, "new address, {seconds}");
        app.sign_in_again(&mut browser).await;
        ask(&app, &mut browser, "second@example.net").await;
        let link = app.mail().one("second@example.net").await.link();
        assert!(press(&mut browser, &link).await.has("address-changed"));
        let undo = app.mail().one("ana@example.com").await.link();
        app.clock.advance(72 * HOUR + seconds);
        assert_eq!(browser.get(&undo).await.status == 200, good, "undo, {seconds}");
    }
}

impl TestApp {
    /// A fresh sign-in of Ana.
    async fn sign_in_again(&self, browser: &mut Browser) {
        assert!(comes_in(self, browser, "ana@example.com", PASSWORD).await);
    }
}

/// Whoever took an account over may change the address twice and plan its end: the first address gets everything back, and what
/// went to the second is worth nothing then.
#[tokio::test]
async fn a_chain_is_taken_back() {
    let app = TestApp::start().await;
    let mut thief = ana(&app).await;
    let mut undos = Vec::new();
    for (from, to) in [("ana@example.com", "one@evil.test"), ("one@evil.test", "two@evil.test")] {
        ask(&app, &mut thief, to).await;
        let link = app.mail().one(to).await.link();
        assert!(press(&mut thief, &link).await.has("address-changed"));
        undos.push(app.mail().one(from).await.link());
        app.clock.advance(1);
    }
    let page = thief.visit(&app.url("/account/delete")).await;
    thief.submit(&page, "confirm", &[]).await;
    let kept = app.mail().one("two@evil.test").await.link();
    let (mut owner, mut other) = (Browser::new(), Browser::new());
    // Used first, the later link takes nothing from the first.
    let page = other.get(&undos[1]).await;
    assert_eq!(page.status, 200);
    assert_eq!(press(&mut owner, &undos[0]).await.status, 303);
    assert!(is_at(&app, "ana@example.com").await);
    let user = person(&app, "ana@example.com").await.unwrap();
    assert!(user.is_open(), "the planned end is taken back as well");
    let late = other.press(&page, "go-on", &[]).await;
    assert_eq!(late.status, 410);
    assert_eq!(other.get(&kept).await.status, 410);
    assert!(is_at(&app, "ana@example.com").await);
}

/// The other way round: what went to the second address does not end what went to the first.
#[tokio::test]
async fn a_later_link_ends_no_earlier_one() {
    let app = TestApp::start().await;
    let mut thief = ana(&app).await;
    let mut undos = Vec::new();
    for (from, to) in [("ana@example.com", "one@evil.test"), ("one@evil.test", "two@evil.test")] {
        ask(&app, &mut thief, to).await;
        let link = app.mail().one(to).await.link();
        press(&mut thief, &link).await;
        undos.push(app.mail().one(from).await.link());
        app.clock.advance(1);
    }
    assert_eq!(press(&mut thief, &undos[1]).await.status, 303);
    assert!(is_at(&app, "one@evil.test").await);
    assert_eq!(press(&mut Browser::new(), &undos[0]).await.status, 303);
    assert!(is_at(&app, "ana@example.com").await);
}

/// Somebody who signed up with an address and never proved it does not keep its owner from it.
#[tokio::test]
async fn an_unproved_address_is_free() {
    let settings = [("SIGN_UP__MODE", "open")];
    let app = TestApp::with(crate::support::app::Wish { settings: &settings, ..Default::default() }).await;
    let mut browser = ana(&app).await;
    let mut squatter = Browser::new();
    let page = squatter.visit(&app.url("/sign-up")).await;
    let fields = [("username", "new@example.net"), ("name", "Squatter"), ("password", OTHER)];
    squatter.submit(&page, "sign-up", &fields).await;
    let squatted = app.mail().one("new@example.net").await.link();
    ask(&app, &mut browser, "new@example.net").await;
    let link = app.mail().one("new@example.net").await.link();
    assert!(press(&mut browser, &link).await.has("address-changed"));
    assert!(is_at(&app, "new@example.net").await);
    assert_eq!(squatter.get(&squatted).await.status, 410);
    assert!(!comes_in(&app, &mut squatter, "new@example.net", OTHER).await);
    assert!(comes_in(&app, &mut browser, "new@example.net", PASSWORD).await);
    app.mail().one("ana@example.com").await;
}

/// "That wasn't me": everything that is open ends, the password stays until another is chosen, and looking ends nothing.
#[tokio::test]
async fn not_me() {
    let app = TestApp::start().await;
    let mut own = ana(&app).await;
    let rp = Rp::web(&app, "web").await;
    let mut thief = Browser::new();
    let tokens = rp.tokens(&mut thief, "ana").await;
    let mails = app.mail().to("ana@example.com").await;
    let link = mails.iter().find(|mail| mail.text.contains("/not-me/")).unwrap().link();
    let before = app.rows().await;
    let mut owner = Browser::new();
    for method in [Method::GET, Method::HEAD] {
        assert_eq!(owner.request(Initiator::Person, method, &link.parse().unwrap(), None).await.status, 200);
    }
    app.untouched(&before, "looking").await;
    let form = owner.get(&link).await;
    let page = owner.submit(&form, "go-on", &[]).await;
    assert_eq!(before.changed(&app.rows().await), ["grants", "sessions"], "and nothing else");
    assert!(!app.is_in(&mut thief).await && !app.is_in(&mut own).await);
    assert_eq!(rp.refresh(&tokens.text("refresh_token")).await.error(), "invalid_grant");
    assert_eq!(app.count("SELECT COUNT(*) FROM known_devices").await, 0);
    let page = owner.submit(&page, "set-password", &[("password", OTHER)]).await;
    assert!(page.has("password-set"), "{}", page.body);
    assert!(!comes_in(&app, &mut thief, "ana@example.com", PASSWORD).await);
    assert!(comes_in(&app, &mut owner, "ana@example.com", OTHER).await);
    assert_eq!(owner.press(&form, "go-on", &[]).await.status, 410, "once");
    assert_eq!(app.audited("sign_in_disowned").await, 1);
    app.mail().to("ana@example.com").await;
}

/// EM-13: however often somebody asks, an address gets three mails an hour, and every answer is the same.
#[tokio::test]
async fn mails_are_few() {
    let app = TestApp::start().await;
    let mut browser = ana(&app).await;
    for _ in 0..5 {
        assert!(ask(&app, &mut browser, "new@example.net").await.has("check-mail"));
    }
    assert_eq!(app.mail().to("new@example.net").await.len(), 3);
}
