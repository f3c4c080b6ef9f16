//! The mail of a test's provider: caught in memory, and read before the test ends.

use std::sync::atomic::Ordering;
use std::time::Duration;

use vouchsafe::notify::{Caught, Inbox};
use vouchsafe::store::sql;

use super::TestApp;

/// What the provider sent.
pub struct Mails<'a> {
    app: &'a TestApp,
    inbox: &'a Inbox,
}

/// One mail.
#[derive(Debug)]
pub struct Mail {
    pub to: String,
    pub subject: String,
    pub text: String,
    pub html: String,
    /// The whole message as it would have gone out.
    pub raw: String,
    issuer: String,
}

impl TestApp {
    pub fn mail(&self) -> Mails<'_> {
        Mails { app: self, inbox: &self.inbox }
    }

    /// The text of every mail that this process sent and nobody took.
    pub fn all_mail(&self) -> Vec<String> {
        self.inbox.all().into_iter().map(|caught| caught.words.text).collect()
    }

    /// Everything that was caught, mail and text messages.
    pub fn caught(&self) -> &Inbox {
        &self.inbox
    }

    /// For a test that is not about its mail: unread mail is no failure.
    pub fn ignore_mail(&self) {
        self.mail_ignored.store(true, Ordering::SeqCst);
    }
}

impl Mails<'_> {
    /// Takes the mails to this address, oldest first. Everything that was enqueued before is delivered by then.
    pub async fn to(&self, address: &str) -> Vec<Mail> {
        self.delivered().await;
        self.inbox.take(address).into_iter().map(|caught| Mail::new(caught, &self.app.issuer)).collect()
    }

    /// Takes the only mail to this address.
    pub async fn one(&self, address: &str) -> Mail {
        let mut mails = self.to(address).await;
        assert_eq!(mails.len(), 1, "mails to {address}: {:?}", mails.iter().map(|mail| &mail.subject).collect::<Vec<_>>());
        mails.remove(0)
    }

    /// Sees that nothing came to this address.
    pub async fn none(&self, address: &str) {
        let mails = self.to(address).await;
        assert!(mails.is_empty(), "mails to {address}: {mails:?}");
    }

    /// Waits until nothing is under way that has not been tried.
    pub async fn delivered(&self) {
        let provider = &self.app.provider;
        for _ in 0..1000 {
            provider.post.deliver_due(&provider.db, self.app.clock.now()).await.unwrap();
            let open = "SELECT COUNT(*) FROM outbox WHERE next_at IS NOT NULL AND last_error IS NULL AND created_at <= $1";
            let row = provider.db.conn().fetch(sql(open).bind(self.app.clock.now())).await.unwrap().unwrap();
            if row.columns("outbox").int("count").unwrap() == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("mail stays in the outbox");
    }
}

impl Mail {
    fn new(caught: Caught, issuer: &str) -> Mail {
        let Caught { to, words, raw, .. } = caught;
        Mail { to, subject: words.subject, text: words.text, html: words.html, raw, issuer: issuer.to_owned() }
    }

    /// Every link of the text, in its order.
    pub fn links(&self) -> Vec<String> {
        let own = format!("{}/", self.issuer);
        self.text.split_whitespace().filter(|word| word.starts_with(&own)).map(ToOwned::to_owned).collect()
    }

    /// The first link of the text.
    pub fn link(&self) -> String {
        self.links().first().cloned().unwrap_or_else(|| panic!("no link in {self:?}"))
    }

    /// The six-digit code.
    pub fn code(&self) -> String {
        let is_code = |word: &&str| word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_digit());
        self.text.split_whitespace().find(is_code).unwrap_or_else(|| panic!("no code in {self:?}")).to_owned()
    }
}

/// Tests sign in from many browsers and use tokens twice; only those about that read what the person is told.
const BY_THE_WAY: [&str; 2] = ["A new sign-in", "A sign-in was ended: "];

/// Stops a test whose provider sent mail that nobody read, or has some that is still to be sent.
pub fn all_read(app: &TestApp) {
    if app.mail_ignored.load(Ordering::SeqCst) {
        return;
    }
    let read_by_itself = |subject: &str| BY_THE_WAY.iter().any(|own| subject.starts_with(own));
    let unread = app.inbox.all().into_iter().filter(|mail| !read_by_itself(&mail.words.subject));
    let unread: Vec<_> = unread.map(|mail| format!("{}: {}", mail.to, mail.words.subject)).collect();
    assert!(unread.is_empty(), "unread mail: {unread:?}");
    // Rows are looked at on SQLite alone: a connection to PostgreSQL belongs to the test that is just ending.
    if app.provider.db.file().is_some() {
        let connection = rusqlite::Connection::open(app.folder().join("test.db")).unwrap();
        let text = "SELECT COUNT(*) FROM outbox WHERE next_at <= ?1 AND last_error IS NULL AND kind NOT IN ('new_device', 'token_reuse')";
        let due: i64 = connection.query_row(text, [app.clock.now().unix()], |row| row.get(0)).unwrap();
        assert_eq!(due, 0, "mail stays in the outbox");
    }
}
