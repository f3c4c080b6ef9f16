//! Protects the end of an account: planned, taken back, carried out (SE-07, SE-17).

use vouchsafe::endpoints::accounts;

use crate::account_pages::{OTHER, comes_in, person, press};
use crate::support::app::{PASSWORD, Wish};
use crate::support::{Browser, Rp, TestApp};

const GRACE: i64 = 14 * 86_400;

async fn delete(app: &TestApp, browser: &mut Browser) {
    let page = browser.visit(&app.url("/account/delete")).await;
    let page = browser.submit(&page, "confirm", &[]).await;
    assert!(page.has("signed-out"), "{} {}", page.url, page.body);
}

/// Everything ends at once; whoever signs in is told what every stranger is; and the mail takes it back.
#[tokio::test]
async fn planned_and_taken_back() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let rp = Rp::web(&app, "web").await;
    let (mut here, mut there) = (Browser::new(), Browser::new());
    let tokens = rp.tokens(&mut there, "ana").await;
    app.sign_in(&mut here, "ana").await;
    app.mail().to("ana@example.com").await;
    let before = app.rows().await;
    let page = here.visit(&app.url("/account/delete")).await;
    app.untouched(&before, "the question").await;
    let stale = page.form("confirm");
    delete(&app, &mut here).await;
    assert_eq!(before.changed(&app.rows().await), ["grants", "sessions"], "nothing is deleted yet");
    assert!(!app.is_in(&mut here).await && !app.is_in(&mut there).await);
    assert_eq!(rp.userinfo(&tokens.text("access_token")).await.status, 401);
    assert_eq!(rp.refresh(&tokens.text("refresh_token")).await.error(), "invalid_grant");
    let again = crate::account_pages::send(&mut here, &stale).await;
    assert!(again.status == 303 && !again.leaves_for(&app.url("/signed-out")), "a stale page does nothing");
    let verifications = app.provider.hasher.verifications();
    let page = there.visit(&app.url("/account")).await;
    let right = there.press(&page, "sign-in", &[("username", "ana@example.com"), ("password", PASSWORD)]).await;
    let wrong = there.press(&page, "sign-in", &[("username", "ana@example.com"), ("password", "wrong")]).await;
    assert_eq!((right.status, &right.body), (400, &wrong.body));
    assert_eq!(app.provider.hasher.verifications() - verifications, 2);
    let page = there.visit(&app.url("/forgot-password")).await;
    there.submit(&page, "send", &[("username", "ana@example.com")]).await;
    let link = app.mail().one("ana@example.com").await.link();
    assert!(link.contains("/keep-account/"), "no mail to get in with: {link}");
    assert_eq!(there.get(&link).await.status, 200);
    assert!(!comes_in(&app, &mut there, "ana@example.com", PASSWORD).await, "looking takes nothing back");
    let page = press(&mut there, &link).await;
    assert!(page.has("account-kept"), "{}", page.body);
    assert_eq!(there.get(&link).await.status, 410);
    assert!(comes_in(&app, &mut there, "ana@example.com", PASSWORD).await);
    assert!(!app.is_in(&mut here).await, "what ended stays ended");
    app.clock.advance(GRACE + 1);
    accounts::remove_due(&app.provider, app.clock.now()).await.unwrap();
    assert!(person(&app, "ana@example.com").await.is_some());
    assert_eq!((app.audited("deletion_planned").await, app.audited("deletion_cancelled").await), (1, 1));
}

/// At the last second it can be taken back; then everything goes, somebody hears of it, and whoever comes next with the address
/// is somebody else (SE-17).
#[tokio::test]
async fn carried_out() {
    for (seconds, gone) in [(-1, false), (0, true), (1, true)] {
        let app = TestApp::with(Wish { settings: &[("SIGN_UP__MODE", "open")], ..Wish::default() }).await;
        app.person("ana").await;
        let rp = Rp::web(&app, "web").await;
        let mut browser = Browser::new();
        rp.tokens(&mut browser, "ana").await;
        let (sub, id) = person(&app, "ana@example.com").await.map(|user| (user.sub, user.id)).unwrap();
        delete(&app, &mut browser).await;
        let link = app.mail().one("ana@example.com").await.link();
        app.clock.advance(GRACE + seconds);
        accounts::remove_due(&app.provider, app.clock.now()).await.unwrap();
        assert_eq!(person(&app, "ana@example.com").await.is_none(), gone, "{seconds}");
        assert_eq!(browser.get(&link).await.status == 410, gone, "{seconds}");
        if !gone {
            assert!(press(&mut browser, &link).await.has("account-kept"));
            assert!(comes_in(&app, &mut browser, "ana@example.com", PASSWORD).await);
            continue;
        }
        let mail = app.mail().one("ana@example.com").await;
        assert!(mail.links().is_empty(), "{}", mail.text);
        assert_eq!(app.audited("account_deleted").await, 1);
        let row = "SELECT COUNT(*) FROM audit_events WHERE kind = 'account_deleted' AND user_id IS NULL AND address IS NULL
                   AND detail NOT LIKE '%ana%'";
        assert_eq!(app.count(row).await, 1);
        for left in [
            "SELECT COUNT(*) FROM users",
            "SELECT COUNT(*) FROM password_hashes",
            "SELECT COUNT(*) FROM sessions",
            "SELECT COUNT(*) FROM consents",
            "SELECT COUNT(*) FROM grants",
            "SELECT COUNT(*) FROM known_devices",
            "SELECT COUNT(*) FROM one_time_tokens",
        ] {
            assert_eq!(app.count(left).await, 0, "{left}");
        }
        let mut next = Browser::new();
        let page = next.visit(&app.url("/sign-up")).await;
        let fields = [("username", "ana@example.com"), ("name", "Ana Next"), ("password", OTHER)];
        let page = next.submit(&page, "sign-up", &fields).await;
        let code = app.mail().one("ana@example.com").await.code();
        let page = next.submit(&page, "verify", &[("code", &code)]).await;
        assert!(page.url.path().ends_with("/account"), "{}", page.body);
        let new = person(&app, "ana@example.com").await.unwrap();
        assert!(new.sub != sub && new.id != id && new.claims.len() == 1, "{new:?}");
        assert!(page.texts(".rows b").len() == 1, "one session, no app");
    }
}

/// Who never proves an address is gone after a week, without a mail; who did stays.
#[tokio::test]
async fn never_verified() {
    for (seconds, gone) in [(-1, false), (0, true), (1, true)] {
        let app = TestApp::with(Wish { settings: &[("SIGN_UP__MODE", "open")], ..Wish::default() }).await;
        for name in ["una", "vera"] {
            let mut browser = Browser::new();
            let page = browser.visit(&app.url("/sign-up")).await;
            let address = format!("{name}@example.com");
            let page = browser.submit(&page, "sign-up", &[("username", &address), ("name", name), ("password", OTHER)]).await;
            let code = app.mail().one(&address).await.code();
            if name == "vera" {
                browser.submit(&page, "verify", &[("code", &code)]).await;
            }
        }
        app.clock.advance(7 * 86_400 + seconds);
        accounts::remove_due(&app.provider, app.clock.now()).await.unwrap();
        assert_eq!(person(&app, "una@example.com").await.is_none(), gone, "{seconds}");
        assert!(person(&app, "vera@example.com").await.is_some());
        app.mail().none("una@example.com").await;
        assert_eq!(app.audited("account_deleted").await, i64::from(gone));
    }
}

/// Many at the same instant: each account goes once, with one mail and one row.
#[tokio::test]
async fn once() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let mut browser = Browser::new();
    app.sign_in(&mut browser, "ana").await;
    delete(&app, &mut browser).await;
    app.mail().one("ana@example.com").await;
    app.clock.advance(GRACE);
    let now = app.clock.now();
    let (one, two) = tokio::join!(accounts::remove_due(&app.provider, now), accounts::remove_due(&app.provider, now));
    assert!(one.unwrap() + two.unwrap() <= 1);
    app.mail().one("ana@example.com").await;
    assert_eq!(app.audited("account_deleted").await, 1);
}
