//! The pages about second factors in Chromium, as `axe` looks at all others.

use crate::axe::Eye;
use crate::browser::text;
use crate::support::app::PASSWORD;
use crate::support::factor::Phone;

async fn text_message(eye: &mut Eye) {
    eye.goto("/account/authenticators/add/sms").await;
    eye.look("add_sms", "send").await;
    eye.chrome.fill("typed", "1").await;
    eye.chrome.press("send").await;
    eye.look("add_sms_wrong", "problem").await;
    eye.chrome.fill("typed", "+43 660 1234567").await;
    eye.chrome.press("send").await;
    eye.look("add_sms_code", "sent").await;
}

async fn pages(language: &'static str) {
    let mut eye = Eye::open(language).await;
    eye.goto("/account/authenticators").await;
    eye.sign_in(PASSWORD).await;
    eye.chrome.wait_for("sessions").await;
    eye.goto("/account/authenticators").await;
    eye.look("factors_empty", "empty").await;
    eye.goto("/account/recovery-codes").await;
    eye.look("codes_not_yet", "not-yet").await;
    eye.goto("/account/authenticators/add").await;
    eye.look("add_totp", "totp-key").await;
    let phone = Phone::typed(&text(&eye.chrome, "#totp-key").await);
    eye.chrome.fill("code", &phone.wrong_code(&eye.app)).await;
    eye.chrome.press("verify").await;
    eye.look("add_totp_wrong", "problem").await;
    eye.chrome.fill("code", &phone.code(&eye.app)).await;
    eye.chrome.fill("name", "Diensthandy").await;
    eye.chrome.press("verify").await;
    eye.chrome.wait_for("done").await;
    if cfg!(feature = "plugins") {
        text_message(&mut eye).await;
    }
    eye.goto("/account/recovery-codes").await;
    eye.look("codes", "make-codes").await;
    eye.chrome.press("make-codes").await;
    eye.look("codes_new", "recovery-codes").await;
    eye.chrome.delete_cookie("session").await.unwrap();
    eye.goto("/sign-in").await;
    eye.sign_in(PASSWORD).await;
    eye.look("second_factor", "another-way").await;
    eye.chrome.fill("code", &phone.wrong_code(&eye.app)).await;
    eye.chrome.press("verify").await;
    eye.look("second_factor_wrong", "problem").await;
    eye.chrome.press("another-way").await;
    eye.look("ways", "ways").await;
    eye.chrome.press("way-totp").await;
    eye.chrome.press("remember-device").await;
    eye.chrome.fill("code", &phone.next_code(&eye.app)).await;
    eye.chrome.press("verify").await;
    eye.chrome.wait_for("sessions").await;
    eye.goto("/account/authenticators").await;
    eye.look("factors", "devices").await;
    let url = eye.chrome.find(thirtyfour::By::Css("#factors a")).await.unwrap();
    url.click().await.unwrap();
    eye.look("factor", "rename").await;
    eye.app.ignore_mail();
    eye.done();
}

#[tokio::test]
#[ignore = "axe: tests/run brings Chromium and axe-core"]
async fn factor_pages_are_for_everybody() {
    pages("en").await;
}

#[tokio::test]
#[ignore = "axe: tests/run brings Chromium and axe-core"]
async fn factor_pages_are_for_everybody_in_german() {
    pages("de").await;
}
