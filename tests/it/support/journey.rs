//! The ways into an account, as a person goes them.

use std::collections::BTreeMap;

use super::app::Wish;
use super::{Browser, Page, TestApp};

/// A password that the policy takes, and nobody has yet.
pub const FRESH: &str = "orchid tractor velvet moon";

impl TestApp {
    /// A house in which anybody may sign up.
    pub async fn open_house() -> TestApp {
        TestApp::with(Wish { settings: &[("SIGN_UP__MODE", "open")], ..Wish::default() }).await
    }

    /// Signs up as `NAME@example.com` with [`FRESH`], in this browser, for the account page: the page that waits for the mail.
    pub async fn sign_up(&self, browser: &mut Browser, name: &str) -> Page {
        let page = browser.visit(&self.url("/sign-up")).await;
        let waiting = browser.sign_up(&page, &format!("{name}@example.com"), FRESH).await;
        assert!(waiting.has("check-mail"), "{} {}", waiting.status, waiting.body);
        waiting
    }

    /// A person who signed up and proved their address.
    pub async fn signed_up(&self, browser: &mut Browser, name: &str) {
        self.sign_up(browser, name).await;
        let link = self.mail().one(&format!("{name}@example.com")).await.link();
        let page = browser.open_and_press(&link).await;
        assert!(page.url.path().ends_with("/account"), "{} {}", page.status, page.body);
    }

    /// Asks for a new password for this address, in this browser: the page that follows.
    pub async fn forget(&self, browser: &mut Browser, address: &str) -> Page {
        let page = browser.visit(&self.url("/forgot-password")).await;
        browser.submit(&page, "send", &[("username", address)]).await
    }

    /// Asks for a link and a code to sign in with, for the account page.
    pub async fn ask_for_link(&self, browser: &mut Browser, address: &str) -> Page {
        let page = browser.visit(&self.url("/account")).await;
        let page = browser.click(&page, "by-mail").await;
        browser.submit(&page, "send", &[("username", address)]).await
    }
}

impl Browser {
    /// Follows the link with this element id.
    pub async fn click(&mut self, page: &Page, id: &str) -> Page {
        let target = page.attributes(&format!("a[id='{id}']"), "href");
        let target = target.first().unwrap_or_else(|| panic!("no link {id} at {}:\n{}", page.url, page.body));
        self.visit(page.url.join(target).unwrap().as_str()).await
    }

    /// Fills in the sign-up page.
    pub async fn sign_up(&mut self, page: &Page, address: &str, password: &str) -> Page {
        self.submit(page, "sign-up", &[("username", address), ("name", "Una Example"), ("password", password)]).await
    }

    /// Opens a link of a mail and presses the button of its page.
    pub async fn open_and_press(&mut self, link: &str) -> Page {
        let page = self.get(link).await;
        assert_eq!(page.status, 200, "{}", page.body);
        self.submit(&page, "go-on", &[]).await
    }

    /// Opens a link for a new password and sets this one.
    pub async fn open_and_set(&mut self, link: &str, password: &str) -> Page {
        let page = self.get(link).await;
        assert_eq!(page.status, 200, "{}", page.body);
        self.submit(&page, "set-password", &[("password", password)]).await
    }
}

/// All that a stranger sees of an answer, without what is new in each: the token, the interaction and the address.
#[derive(Debug, PartialEq, Eq)]
pub struct Seen {
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
    cookies: usize,
}

impl Seen {
    pub fn of(page: &Page, address: &str) -> Seen {
        let mut secrets = page.attributes("input[name='csrf']", "value");
        let places = [Some(page.url.clone()), page.location()];
        secrets.extend(places.into_iter().flatten().filter_map(|url| url.path().rsplit('/').next().map(str::to_owned)));
        let neutral = |text: &str| {
            let text =
                secrets.iter().filter(|secret| secret.len() > 20).fold(text.to_owned(), |text, one| text.replace(one, "NEW"));
            text.replace(address, "ADDRESS")
        };
        let fresh = ["date", "x-request-id", "set-cookie"];
        let headers = page.headers.iter().filter(|(name, _)| !fresh.contains(&name.as_str()));
        Seen {
            status: page.status,
            headers: headers.map(|(name, value)| (name.to_string(), neutral(value.to_str().unwrap()))).collect(),
            body: neutral(&page.body),
            cookies: page.headers.get_all("set-cookie").iter().count(),
        }
    }
}
