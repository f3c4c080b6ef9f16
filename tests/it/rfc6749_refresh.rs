//! Refresh tokens (RFC 6749 section 6, RFC 9700 section 4.14): rotation, the short grace for a retry, reuse, and every end.

use vouchsafe::admin::clients::{self, Changes, State};
use vouchsafe::admin::{sessions, users};
use vouchsafe::oauth::{GrantType, RefreshPolicy};

use crate::support::rp::{Answer, claims};
use crate::support::{Browser, Rp, TestApp};

const DAY: i64 = 86_400;

/// The tokens of the person Ana at a client.
async fn tokens(app: &TestApp, rp: &Rp) -> (String, String) {
    app.person("ana").await;
    let answer = rp.tokens(&mut Browser::new(), "ana").await;
    (answer.text("access_token"), answer.text("refresh_token"))
}

fn assert_refused(answer: &Answer, why: &str) {
    assert_eq!((answer.status, answer.error().as_str()), (400, "invalid_grant"), "{why}");
}

async fn assert_good(rp: &Rp, token: &str, why: &str) -> String {
    let answer = rp.refresh(token).await;
    assert_eq!(answer.status, 200, "{why}: {}", answer.body);
    answer.text("refresh_token")
}

/// Protects rotation (RFC 6749 section 6, RFC 9700 section 4.14.2): each use gives a new token for the same person and
/// grant, the ID token keeps `auth_time` and has no nonce (OpenID Connect Core section 12.2).
#[tokio::test]
async fn each_use_gives_a_new_token() {
    let app = TestApp::start().await;
    let rp = Rp::public(&app, "spa").await;
    let person = app.person("ana").await;
    let first = rp.tokens(&mut Browser::new(), "ana").await;
    app.clock.advance(60);
    let second = rp.refresh(&first.text("refresh_token")).await;
    assert_eq!(second.status, 200, "{}", second.body);
    assert_ne!(first.text("refresh_token"), second.text("refresh_token"));
    let (before, after) = (claims(&first.text("id_token")), claims(&second.text("id_token")));
    assert_eq!(after["sub"], person.sub.as_str());
    assert_eq!(after["auth_time"], before["auth_time"]);
    assert_eq!(after["iat"].as_i64(), before["iat"].as_i64().map(|iat| iat + 60));
    assert_eq!(after.get("nonce"), None);
    assert_eq!(rp.userinfo(&second.text("access_token")).await.status, 200);
    assert_eq!(app.count("SELECT COUNT(*) FROM refresh_families").await, 1);
}

/// Protects a client whose answer was lost (decision 19): within 30 seconds the same successor comes again, at 31 it is
/// reuse.
#[tokio::test]
async fn a_retry_gets_the_same_successor_for_thirty_seconds() {
    let app = TestApp::start().await;
    let rp = Rp::public(&app, "spa").await;
    let (_, first) = tokens(&app, &rp).await;
    let second = assert_good(&rp, &first, "first use").await;
    for seconds in [0, 29, 1] {
        app.clock.advance(seconds);
        assert_eq!(assert_good(&rp, &first, "a retry").await, second);
    }
    app.clock.advance(1);
    assert_refused(&rp.refresh(&first).await, "31 seconds later");
    assert_refused(&rp.refresh(&second).await, "the family is over");
    assert_eq!(app.audited("refresh_reuse").await, 1);
}

/// Protects against a stolen token (RT-01, RFC 9700 section 4.14.2): an older generation ends the family, its access tokens
/// too, though the grace has not passed; the twin that never repeats lives on.
#[tokio::test]
async fn reuse_ends_the_family() {
    let app = TestApp::start().await;
    let rp = Rp::public(&app, "spa").await;
    let (access, first) = tokens(&app, &rp).await;
    let twin = rp.tokens(&mut Browser::new(), "ana").await;
    let second = assert_good(&rp, &first, "first").await;
    let third = assert_good(&rp, &second, "second").await;
    assert_eq!(rp.userinfo(&access).await.status, 200);
    assert_refused(&rp.refresh(&first).await, "the successor was used");
    for token in [&second, &third] {
        assert_refused(&rp.refresh(token).await, "everything of the family");
    }
    assert_eq!(rp.userinfo(&access).await.status, 401);
    assert!(app.audited("refresh_reuse").await >= 1);
    assert_good(&rp, &twin.text("refresh_token"), "the twin").await;
    assert_eq!(rp.userinfo(&twin.text("access_token")).await.status, 200);
}

/// Protects the memory of reuse (RT-04): a restart and an hour change nothing.
#[tokio::test]
async fn reuse_is_known_after_a_restart() {
    let app = TestApp::start().await;
    let mut rp = Rp::public(&app, "spa").await;
    let (_, first) = tokens(&app, &rp).await;
    let second = assert_good(&rp, &first, "first").await;
    let app = app.restart().await;
    rp.issuer.clone_from(&app.issuer);
    app.clock.advance(3600);
    let third = assert_good(&rp, &second, "the living one survives").await;
    assert_refused(&rp.refresh(&first).await, "the old one");
    assert_refused(&rp.refresh(&third).await, "its family");
}

/// Protects against a leak to another client (RT-05, RFC 6749 section 6): it gets nothing, and the family ends.
#[tokio::test]
async fn another_client_gets_nothing() {
    let app = TestApp::start().await;
    let owner = Rp::public(&app, "spa").await;
    app.person("ana").await;
    for evil in [Rp::public(&app, "evil-public").await, Rp::web(&app, "evil-web").await] {
        let answer = owner.tokens(&mut Browser::new(), "ana").await;
        let token = assert_good(&owner, &answer.text("refresh_token"), "its owner").await;
        let grants = app.count("SELECT COUNT(*) FROM grants").await;
        assert_refused(&evil.refresh(&token).await, &evil.id);
        assert_refused(&owner.refresh(&token).await, "a leak is proved");
        assert_eq!(app.count("SELECT COUNT(*) FROM grants").await, grants);
    }
    assert_eq!(app.audited("refresh_of_other_client").await, 2);
}

/// Protects the idle end (decision 19): good a second before seven days, dead at seven days and after; each use counts anew.
#[tokio::test]
async fn idle_tokens_end() {
    let app = TestApp::start().await;
    let rp = Rp::public(&app, "spa").await;
    app.person("ana").await;
    for (seconds, alive) in [(7 * DAY - 1, true), (7 * DAY, false), (7 * DAY + 1, false)] {
        let token = rp.tokens(&mut Browser::new(), "ana").await.text("refresh_token");
        let token = assert_good(&rp, &token, "fresh").await;
        app.clock.advance(seconds);
        let answer = rp.refresh(&token).await;
        assert_eq!(answer.status == 200, alive, "{seconds}: {}", answer.body);
    }
}

/// Protects the absolute end (RT-11, ASVS 10.4.8): it does not slide, however often the token is used.
#[tokio::test]
async fn the_absolute_end_does_not_slide() {
    let app = TestApp::start().await;
    let short = Changes { refresh_idle_seconds: Some(2 * DAY), refresh_absolute_seconds: Some(5 * DAY), ..Changes::default() };
    let rp = Rp::public(&app, "spa").await;
    clients::edit(app.desk(), "spa", &short).await.unwrap();
    app.notice_changes();
    app.person("ana").await;
    for (seconds, alive) in [(DAY - 1, true), (DAY, false), (DAY + 1, false)] {
        let mut token = rp.tokens(&mut Browser::new(), "ana").await.text("refresh_token");
        for _ in 0..4 {
            app.clock.advance(DAY);
            token = assert_good(&rp, &token, "daily").await;
        }
        app.clock.advance(seconds);
        let answer = rp.refresh(&token).await;
        assert_eq!(answer.status == 200, alive, "{seconds}: {}", answer.body);
    }
}

/// Protects the extent of a grant (RT-10, RFC 6749 section 6): wider is refused and changes nothing; narrower narrows this
/// access token only.
#[tokio::test]
async fn scope_only_narrows() {
    let app = TestApp::start().await;
    let rp = Rp::public(&app, "spa").await;
    let (_, token) = tokens(&app, &rp).await;
    let ask = async |token: &str, scope: &str| {
        rp.post("/token", &[("grant_type", "refresh_token"), ("refresh_token", token), ("scope", scope)]).await
    };
    let before = app.rows().await;
    for wider in ["openid profile phone", "openid made-up"] {
        let answer = ask(&token, wider).await;
        assert_eq!((answer.status, answer.error().as_str()), (400, "invalid_scope"), "{wider}");
    }
    app.untouched(&before, "a refused scope").await;
    let narrow = ask(&token, "openid email").await;
    assert_eq!((narrow.status, narrow.text("scope").as_str()), (200, "openid email"));
    let seen = rp.userinfo(&narrow.text("access_token")).await.json();
    assert_eq!((seen.get("email").is_some(), seen.get("name").is_some()), (true, false));
    let whole = ask(&narrow.text("refresh_token"), "").await;
    assert_eq!(whole.text("scope"), "openid profile email offline_access");
}

/// Protects what was taken back since (RT-14): a scope that the client lost is left out, a grant type that it lost is
/// refused.
#[tokio::test]
async fn what_a_client_lost() {
    let app = TestApp::start().await;
    let rp = Rp::public(&app, "spa").await;
    let (_, token) = tokens(&app, &rp).await;
    let less = Changes { scope: Some("openid email offline_access".to_owned()), ..Changes::default() };
    clients::edit(app.desk(), "spa", &less).await.unwrap();
    app.notice_changes();
    let answer = rp.refresh(&token).await;
    assert_eq!(answer.text("scope"), "openid email offline_access");
    let code_only = Changes { grant_types: Some(vec![GrantType::AuthorizationCode]), ..Changes::default() };
    clients::edit(app.desk(), "spa", &code_only).await.unwrap();
    app.notice_changes();
    let before = app.rows().await;
    let refused = rp.refresh(&answer.text("refresh_token")).await;
    assert_eq!((refused.status, refused.error().as_str()), (400, "unauthorized_client"));
    app.untouched(&before, "a lost grant type").await;
}

/// Protects against people who left (RT-07): a disabled and a removed person refresh nothing, others do.
#[tokio::test]
async fn a_disabled_person_refreshes_nothing() {
    let app = TestApp::start().await;
    let rp = Rp::public(&app, "spa").await;
    let (_, token) = tokens(&app, &rp).await;
    app.person("ben").await;
    let other = rp.tokens(&mut Browser::new(), "ben").await.text("refresh_token");
    let token = assert_good(&rp, &token, "before").await;
    users::disable(app.desk(), "ana@example.com").await.unwrap();
    assert_refused(&rp.refresh(&token).await, "disabled");
    let other = assert_good(&rp, &other, "somebody else").await;
    users::remove(app.desk(), "ben@example.com").await.unwrap();
    assert_refused(&rp.refresh(&other).await, "removed");
}

/// Protects against a client that was turned off (RT-07): its tokens refresh nothing.
#[tokio::test]
async fn a_disabled_client_refreshes_nothing() {
    let app = TestApp::start().await;
    let rp = Rp::public(&app, "spa").await;
    let (_, token) = tokens(&app, &rp).await;
    let token = assert_good(&rp, &token, "before").await;
    clients::edit(app.desk(), "spa", &Changes { state: Some(State::Disabled), ..Changes::default() }).await.unwrap();
    app.notice_changes();
    let answer = rp.refresh(&token).await;
    assert_eq!((answer.status, answer.error().as_str()), (401, "invalid_client"));
}

/// Protects the end of a session (RT-07): tokens without `offline_access` end with it, those with it live on.
#[tokio::test]
async fn a_session_takes_its_tokens_along() {
    let app = TestApp::start().await;
    let rp = Rp::public(&app, "spa").await;
    clients::edit(app.desk(), "spa", &Changes { refresh: Some(RefreshPolicy::Always), ..Changes::default() }).await.unwrap();
    app.notice_changes();
    app.person("ana").await;
    let mut browser = Browser::new();
    let online = rp.go(&mut browser, "ana", &rp.flow().with("scope", "openid email")).await.param("code").unwrap();
    let online = rp.exchange(&online).await.text("refresh_token");
    let offline = rp.tokens(&mut browser, "ana").await.text("refresh_token");
    let online = assert_good(&rp, &online, "while it lives").await;
    sessions::revoke_all(app.desk(), "ana@example.com").await.unwrap();
    assert_refused(&rp.refresh(&online).await, "its session ended");
    assert_good(&rp, &offline, "offline_access").await;
}

/// Protects the borders between kinds (RT-08, ASVS 9.2.2): a refresh token is no access token, and stays good.
#[tokio::test]
async fn a_refresh_token_is_no_access_token() {
    let app = TestApp::start().await;
    let rp = Rp::public(&app, "spa").await;
    let (access, token) = tokens(&app, &rp).await;
    let before = app.rows().await;
    assert_eq!(rp.userinfo(&token).await.status, 401);
    assert_eq!(rp.userinfo(&access).await.status, 200);
    for bad in [access.as_str(), &token[..token.len() - 1], &format!("{token}A"), &token.to_uppercase(), &format!("{token}=")] {
        assert_refused(&rp.refresh(bad).await, bad);
    }
    app.untouched(&before, "no token of ours").await;
    assert_good(&rp, &token, "the token itself").await;
}
