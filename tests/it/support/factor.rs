//! An authenticator app in the hand of a person of a test.

use totp_rs::{Builder, Secret};

use super::app::PASSWORD;
use super::mail::Mail;
use super::{Browser, Page, TestApp};

/// The six digits of a message.
pub fn code_in(text: &str) -> String {
    let is_code = |word: &&str| word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_digit());
    text.split_whitespace().find(is_code).unwrap_or_else(|| panic!("no code in {text}")).to_owned()
}

/// The key that a person typed into their app.
#[derive(Clone)]
pub struct Phone(Vec<u8>);

impl Phone {
    /// Reads the key of a page.
    pub fn scan(page: &Page) -> Phone {
        let key: String = page.text("#totp-key").split_whitespace().collect();
        Phone(Secret::try_from_base32(&key).unwrap().as_bytes().to_vec())
    }

    /// The key as a page in a real browser shows it.
    pub fn typed(grouped: &str) -> Phone {
        let key: String = grouped.split_whitespace().collect();
        Phone(Secret::try_from_base32(&key).unwrap().as_bytes().to_vec())
    }

    /// What it shows at this moment of the provider's clock, moved by so many seconds.
    pub fn code_at(&self, app: &TestApp, seconds: i64) -> String {
        let totp = Builder::new().with_secret(self.0.clone()).with_skew(0).build_noncompliant();
        totp.generate(u64::try_from(app.clock.now().unix() + seconds).unwrap()).to_string()
    }

    pub fn code(&self, app: &TestApp) -> String {
        self.code_at(app, 0)
    }

    /// The code of a step that was not taken yet: the clock moves to it.
    pub fn next_code(&self, app: &TestApp) -> String {
        app.clock.advance(30);
        self.code(app)
    }

    /// Six digits that no step around this one has.
    pub fn wrong_code(&self, app: &TestApp) -> String {
        let right: Vec<String> = (-3..=3).map(|step| self.code_at(app, step * 30)).collect();
        (0..10).map(|digit| format!("{digit}11111")).find(|code| !right.contains(code)).unwrap()
    }
}

impl TestApp {
    /// Takes the only mail to this address that is not about a sign-in from a new browser.
    pub async fn told(&self, address: &str) -> Mail {
        let mut mails = self.mail().to(address).await;
        mails.retain(|mail| mail.subject != "A new sign-in");
        assert_eq!(mails.len(), 1, "{mails:?}");
        mails.remove(0)
    }

    /// Adds an authenticator app on the page of the account, for who is signed in freshly.
    pub async fn add_phone(&self, browser: &mut Browser) -> Phone {
        let page = browser.visit(&self.url("/account/authenticators/add")).await;
        let phone = Phone::scan(&page);
        let page = browser.submit(&page, "verify", &[("code", &phone.next_code(self)), ("name", "Phone")]).await;
        assert!(page.has("done"), "{} {}", page.status, page.body);
        phone
    }

    /// A person with a password and an authenticator app, in this browser; the mail about it is read.
    pub async fn person_with_phone(&self, browser: &mut Browser, name: &str) -> Phone {
        self.person(name).await;
        self.sign_in(browser, name).await;
        let phone = self.add_phone(browser).await;
        self.mail().one(&format!("{name}@example.com")).await;
        phone
    }

    /// The first step of a sign-in to the account page: the page after it.
    pub async fn first_step(&self, browser: &mut Browser, name: &str) -> Page {
        let page = browser.visit(&self.url("/sign-in")).await;
        browser.submit(&page, "sign-in", &[("username", &format!("{name}@example.com")), ("password", PASSWORD)]).await
    }
}
