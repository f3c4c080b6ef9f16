//! A look at the rows, so that a test can say what a refused request left as it was.

use std::collections::BTreeMap;

use vouchsafe::store::{Value, sql};

use super::TestApp;

/// The tables that security hangs on. Guesses and interactions are meant to change by being asked.
const TABLES: [(&str, &str); 21] = [
    ("users", "SELECT id, email, disabled_at FROM users ORDER BY id"),
    ("identities", "SELECT id, user_id, issuer, subject FROM identities ORDER BY id"),
    ("upstreams", "SELECT id, definition FROM upstreams ORDER BY id"),
    ("password_hashes", "SELECT user_id, phc FROM password_hashes ORDER BY user_id"),
    ("passkeys", "SELECT id, user_id, name, credential, sign_count FROM passkeys ORDER BY id"),
    ("passkey_handles", "SELECT user_id, handle FROM passkey_handles ORDER BY user_id"),
    ("clients", "SELECT client_id, definition FROM clients ORDER BY client_id"),
    ("client_secrets", "SELECT id, hash, expires_at FROM client_secrets ORDER BY id"),
    ("client_registrations", "SELECT client_id, token_hash, used_at FROM client_registrations ORDER BY client_id"),
    ("registration_tokens", "SELECT id, uses_left FROM registration_tokens ORDER BY id"),
    ("signing_keys", "SELECT kid, state FROM signing_keys ORDER BY kid"),
    ("sessions", "SELECT id, token_hash, user_id, auth_time, ended_at FROM sessions ORDER BY id"),
    ("factors", "SELECT id, user_id, name, sealed, last_step, confirmed_at FROM factors ORDER BY id"),
    ("recovery_codes", "SELECT id, tag, used_at FROM recovery_codes ORDER BY id"),
    ("consents", "SELECT user_id, client_id, scope FROM consents ORDER BY user_id, client_id"),
    ("grants", "SELECT id, client_id, user_id, detail, revoked_at FROM grants ORDER BY id"),
    ("authorization_codes", "SELECT hash, used_at FROM authorization_codes ORDER BY hash"),
    ("refresh_families", "SELECT lookup, generation, current_hash FROM refresh_families ORDER BY lookup"),
    ("access_tokens", "SELECT hash, revoked_at FROM access_tokens ORDER BY hash"),
    ("revoked_jti", "SELECT jti FROM revoked_jti ORDER BY jti"),
    ("assertion_jti", "SELECT client_id, jti_hash FROM assertion_jti ORDER BY client_id, jti_hash"),
];

/// Everything that security hangs on, as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rows(BTreeMap<&'static str, Vec<String>>);

impl TestApp {
    pub async fn rows(&self) -> Rows {
        let mut all = BTreeMap::new();
        for (table, text) in TABLES {
            let rows = self.provider.db.conn().fetch_all(sql(text)).await.unwrap();
            all.insert(table, rows.iter().map(|row| format!("{row:?}")).collect());
        }
        Rows(all)
    }

    /// Stops the test if a refused request changed anything that security hangs on.
    pub async fn untouched(&self, before: &Rows, why: &str) {
        assert_eq!(before.changed(&self.rows().await), Vec::<&str>::new(), "{why}");
    }

    /// Makes every statement about a table fail, until it is mended.
    pub async fn break_table(&self, table: &str) {
        self.rename(table, &format!("{table}_away")).await;
    }

    pub async fn mend_table(&self, table: &str) {
        self.rename(&format!("{table}_away"), table).await;
    }

    async fn rename(&self, from: &str, to: &str) {
        let text: &'static str = format!("ALTER TABLE {from} RENAME TO {to}").leak();
        self.provider.db.write(async move |tx| tx.execute(sql(text)).await).await.unwrap();
    }

    /// How many commits are in the log of the database, by the marks of their last pages (SQLite's file format, section 4.2); nothing on
    /// PostgreSQL, where everybody on the server is counted together.
    pub fn commits(&self) -> Option<usize> {
        if std::env::var("TEST_DATABASE_URL").is_ok() {
            return None;
        }
        let log = std::fs::read(self.folder().join("test.db-wal")).unwrap();
        let page = usize::try_from(u32::from_be_bytes(log[8..12].try_into().unwrap())).unwrap();
        let frames = log[32..].chunks_exact(page + 24).filter(|frame| frame[8..16] == log[16..24]);
        Some(frames.filter(|frame| frame[4..8] != [0; 4]).count())
    }

    /// How many rows a `SELECT COUNT(*)` finds.
    pub async fn count(&self, text: &'static str) -> i64 {
        let row = self.provider.db.conn().fetch(sql(text)).await.unwrap().unwrap();
        row.columns("count").int("count").unwrap()
    }

    /// How many audit events of this kind there are.
    pub async fn audited(&self, kind: &str) -> i64 {
        let statement = sql("SELECT COUNT(*) FROM audit_events WHERE kind = $1").bind(Value::from(kind));
        let row = self.provider.db.conn().fetch(statement).await.unwrap().unwrap();
        row.columns("count").int("count").unwrap()
    }
}

impl Rows {
    /// The tables that have a row which they had not before; for a test whose clock runs so far that old rows are swept.
    pub fn gained(&self, after: &Rows) -> Vec<&'static str> {
        let has_new = |table: &str, rows: &Vec<String>| rows.iter().any(|row| !self.0[table].contains(row));
        after.0.iter().filter(|(table, rows)| has_new(table, rows)).map(|(table, _)| *table).collect()
    }

    /// The tables that differ.
    pub fn changed(&self, now: &Rows) -> Vec<&'static str> {
        self.0.iter().filter(|(table, rows)| now.0.get(*table) != Some(rows)).map(|(table, _)| *table).collect()
    }
}
