//! Passkeys, the handles by which authenticators know people, and the challenges that wait to be signed.
//!
//! A challenge is used up by one conditional statement, and so is the next value of a signature counter: a copy of a key that
//! signs at the same moment loses.

use super::users::{self, User, user_columns};
use super::{Columns, Conn, Row, Tx, sql};
use crate::base::{Fault, Id, Timestamp};

/// A passkey of a person.
#[derive(Clone, Debug)]
pub struct Passkey {
    pub id: Id,
    /// Its name in URLs.
    pub public_id: String,
    pub user_id: Id,
    /// As the authenticator calls it, base64url.
    pub credential_id: String,
    /// As its owner calls it.
    pub name: String,
    /// What `identity` remembers of it, as JSON.
    pub credential: String,
    pub sign_count: i64,
    /// Whether it is enough to sign in with: it says who its owner is, and makes sure that it is them.
    pub signs_in: bool,
    /// Whether it can leave the device that it was made on.
    pub synced: bool,
    /// Whether a copy of it was kept elsewhere when it was last used.
    pub backed_up: bool,
    pub created_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
}

/// What is known of a passkey after it signed.
#[derive(Clone, Debug)]
pub struct Signed {
    pub credential: String,
    pub sign_count: i64,
    pub synced: bool,
    pub backed_up: bool,
}

/// What an authenticator is asked to sign. `purpose` is `identity`'s to write and read.
#[derive(Clone, Debug)]
pub struct Challenge {
    /// The challenge itself, base64url.
    pub challenge: String,
    pub purpose: String,
    pub browser_hash: String,
    /// The interaction or session that it was made for.
    pub subject: String,
    pub state: String,
    pub expires_at: Timestamp,
}

/// The columns that [`read`] takes, in its order; the table must be called `k` in the statement.
macro_rules! passkey_columns {
    () => {
        "k.id, k.public_id, k.user_id, k.credential_id, k.name, k.credential, k.sign_count, k.signs_in, k.synced, k.backed_up,
         k.created_at, k.last_used_at"
    };
}

fn read(c: &mut Columns<'_>) -> Result<Passkey, Fault> {
    Ok(Passkey {
        id: c.id("id")?,
        public_id: c.text("public_id")?,
        user_id: c.id("user_id")?,
        credential_id: c.text("credential_id")?,
        name: c.text("name")?,
        credential: c.text("credential")?,
        sign_count: c.int("sign_count")?,
        signs_in: c.bool("signs_in")?,
        synced: c.bool("synced")?,
        backed_up: c.bool("backed_up")?,
        created_at: c.time("created_at")?,
        last_used_at: c.opt_time("last_used_at")?,
    })
}

/// How many challenges of one place and browser wait for an answer: one for each tab that shows it.
const MOST_OPEN: i64 = 8;

/// Stores a challenge. Each tab has its own, and none spoils another; of those that nobody answered only the last few are good, so
/// that whoever only asks leaves few rows.
///
/// # Errors
/// Storage failed.
pub async fn ask(tx: &mut Tx, challenge: &Challenge) -> Result<(), Fault> {
    let surplus = sql("DELETE FROM passkey_challenges
         WHERE subject = $1 AND purpose = $2 AND browser_hash = $3 AND used_at IS NULL AND challenge NOT IN
           (SELECT challenge FROM passkey_challenges WHERE subject = $1 AND purpose = $2 AND browser_hash = $3 AND used_at IS NULL
            ORDER BY expires_at DESC, challenge LIMIT $4)")
    .bind(&challenge.subject)
    .bind(&challenge.purpose)
    .bind(&challenge.browser_hash)
    .bind(MOST_OPEN - 1);
    tx.execute(surplus).await?;
    let statement = sql("INSERT INTO passkey_challenges (challenge, purpose, browser_hash, subject, state, expires_at, used_at)
         VALUES ($1, $2, $3, $4, $5, $6, NULL)")
    .bind(&challenge.challenge)
    .bind(&challenge.purpose)
    .bind(&challenge.browser_hash)
    .bind(&challenge.subject)
    .bind(&challenge.state)
    .bind(challenge.expires_at);
    tx.execute(statement).await?;
    Ok(())
}

/// A challenge that nobody has answered and that is good at `now`.
///
/// # Errors
/// Storage failed.
pub async fn asked(conn: &mut Conn, challenge: &str, now: Timestamp) -> Result<Option<Challenge>, Fault> {
    let statement = sql("SELECT challenge, purpose, browser_hash, subject, state, expires_at FROM passkey_challenges
         WHERE challenge = $1 AND used_at IS NULL AND expires_at > $2")
    .bind(challenge)
    .bind(now);
    let Some(row) = conn.fetch(statement).await? else { return Ok(None) };
    let mut c = row.columns("passkey_challenges");
    Ok(Some(Challenge {
        challenge: c.text("challenge")?,
        purpose: c.text("purpose")?,
        browser_hash: c.text("browser_hash")?,
        subject: c.text("subject")?,
        state: c.text("state")?,
        expires_at: c.time("expires_at")?,
    }))
}

/// Uses a challenge up. True for exactly one caller, and only before it expires.
///
/// # Errors
/// Storage failed.
pub async fn answer(tx: &mut Tx, challenge: &str, now: Timestamp) -> Result<bool, Fault> {
    let statement =
        sql("UPDATE passkey_challenges SET used_at = $2 WHERE challenge = $1 AND used_at IS NULL AND expires_at > $2")
            .bind(challenge)
            .bind(now);
    Ok(tx.execute(statement).await? > 0)
}

/// Removes challenges that expired before `before`.
///
/// # Errors
/// Storage failed.
pub async fn sweep(tx: &mut Tx, before: Timestamp) -> Result<u64, Fault> {
    tx.execute(sql("DELETE FROM passkey_challenges WHERE expires_at < $1").bind(before)).await
}

/// By what authenticators know a person, if any does.
///
/// # Errors
/// Storage failed.
pub async fn handle(conn: &mut Conn, user: &Id) -> Result<Option<String>, Fault> {
    let row = conn.fetch(sql("SELECT handle FROM passkey_handles WHERE user_id = $1").bind(user)).await?;
    row.map(|row| row.columns("passkey_handles").text("handle")).transpose()
}

/// Gives a person a handle, unless they have one by now.
///
/// # Errors
/// Storage failed.
pub async fn put_handle(tx: &mut Tx, user: &Id, handle: &str) -> Result<(), Fault> {
    let statement =
        sql("INSERT INTO passkey_handles (user_id, handle) VALUES ($1, $2) ON CONFLICT DO NOTHING").bind(user).bind(handle);
    tx.execute(statement).await?;
    Ok(())
}

/// Stores a new passkey; false if somebody has one with this credential id (WebAuthn section 7.1 step 26).
///
/// # Errors
/// Storage failed.
pub async fn insert(tx: &mut Tx, new: &Passkey) -> Result<bool, Fault> {
    let statement =
        sql("INSERT INTO passkeys (id, public_id, user_id, credential_id, name, credential, sign_count, signs_in, synced,
                               backed_up, created_at, last_used_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, NULL) ON CONFLICT DO NOTHING")
        .bind(&new.id)
        .bind(&new.public_id)
        .bind(&new.user_id)
        .bind(&new.credential_id)
        .bind(&new.name)
        .bind(&new.credential)
        .bind(new.sign_count)
        .bind(new.signs_in)
        .bind(new.synced)
        .bind(new.backed_up)
        .bind(new.created_at);
    Ok(tx.execute(statement).await? > 0)
}

/// The passkeys of a person, last used first, then newest first.
///
/// # Errors
/// Storage failed.
pub async fn list(conn: &mut Conn, user: &Id) -> Result<Vec<Passkey>, Fault> {
    let statement = sql(concat!(
        "SELECT ",
        passkey_columns!(),
        " FROM passkeys k WHERE k.user_id = $1 ORDER BY k.last_used_at DESC NULLS LAST, k.id DESC"
    ))
    .bind(user);
    conn.fetch_all(statement).await?.iter().map(|row: &Row| read(&mut row.columns("passkeys"))).collect()
}

/// A passkey with its owner and the handle by which it knows them.
#[derive(Clone, Debug)]
pub struct Owned {
    pub passkey: Passkey,
    pub handle: String,
    pub user: User,
}

/// # Errors
/// Storage failed.
pub async fn by_credential(conn: &mut Conn, credential_id: &str) -> Result<Option<Owned>, Fault> {
    let statement = sql(concat!(
        "SELECT ",
        passkey_columns!(),
        ", h.handle, ",
        user_columns!(),
        " FROM passkeys k JOIN passkey_handles h ON h.user_id = k.user_id JOIN users u ON u.id = k.user_id WHERE k.credential_id = $1"
    ))
    .bind(credential_id);
    let Some(row) = conn.fetch(statement).await? else { return Ok(None) };
    let mut c = row.columns("passkeys");
    Ok(Some(Owned { passkey: read(&mut c)?, handle: c.text("handle")?, user: users::read(&mut c)? }))
}

/// Notes that a passkey signed. False if it is gone, its owner may not be here, or its counter did not go up: zero stays zero
/// in authenticators that do not count (WebAuthn section 6.1.1).
///
/// # Errors
/// Storage failed.
pub async fn signed(tx: &mut Tx, id: &Id, now_is: &Signed, now: Timestamp) -> Result<bool, Fault> {
    let statement = sql("UPDATE passkeys SET credential = $2, sign_count = $3, synced = $4, backed_up = $5, last_used_at = $6
         WHERE id = $1 AND (sign_count < $3 OR (sign_count = 0 AND $3 = 0))
           AND EXISTS (SELECT 1 FROM users u WHERE u.id = passkeys.user_id AND u.disabled_at IS NULL AND u.delete_at IS NULL)")
    .bind(id)
    .bind(&now_is.credential)
    .bind(now_is.sign_count)
    .bind(now_is.synced)
    .bind(now_is.backed_up)
    .bind(now);
    Ok(tx.execute(statement).await? > 0)
}

/// Gives a passkey of a person another name; false if they have none with this public id.
///
/// # Errors
/// Storage failed.
pub async fn rename(tx: &mut Tx, user: &Id, public_id: &str, name: &str) -> Result<bool, Fault> {
    let statement =
        sql("UPDATE passkeys SET name = $3 WHERE user_id = $1 AND public_id = $2").bind(user).bind(public_id).bind(name);
    Ok(tx.execute(statement).await? > 0)
}

/// Removes a passkey of a person; false if there is none.
///
/// # Errors
/// Storage failed.
pub async fn remove(tx: &mut Tx, user: &Id, public_id: &str) -> Result<bool, Fault> {
    let statement = sql("DELETE FROM passkeys WHERE user_id = $1 AND public_id = $2").bind(user).bind(public_id);
    Ok(tx.execute(statement).await? > 0)
}

/// Whether each of the other passkeys of a person signs in.
///
/// # Errors
/// Storage failed.
pub async fn others(tx: &mut Tx, user: &Id, but: &str) -> Result<Vec<bool>, Fault> {
    let statement = sql("SELECT signs_in FROM passkeys WHERE user_id = $1 AND public_id <> $2").bind(user).bind(but);
    tx.fetch_all(statement).await?.iter().map(|row| row.columns("passkeys").bool("signs_in")).collect()
}

/// Removes all passkeys of a person with their handle.
///
/// # Errors
/// Storage failed.
pub async fn forget_for_user(tx: &mut Tx, user: &Id) -> Result<(), Fault> {
    tx.execute(sql("DELETE FROM passkeys WHERE user_id = $1").bind(user)).await?;
    tx.execute(sql("DELETE FROM passkey_handles WHERE user_id = $1").bind(user)).await?;
    Ok(())
}

/// Removes the passkeys of a person that sign in alone.
///
/// # Errors
/// Storage failed.
pub async fn remove_signing_in(tx: &mut Tx, user: &Id) -> Result<(), Fault> {
    tx.execute(sql("DELETE FROM passkeys WHERE user_id = $1 AND signs_in").bind(user)).await?;
    Ok(())
}

/// Leaves the passkeys of a person that sign in alone as second factors.
///
/// # Errors
/// Storage failed.
pub async fn make_second(tx: &mut Tx, user: &Id) -> Result<(), Fault> {
    tx.execute(sql("UPDATE passkeys SET signs_in = FALSE WHERE user_id = $1 AND signs_in").bind(user)).await?;
    Ok(())
}

/// Removes the passkeys that a person was given at `since` or later.
///
/// # Errors
/// Storage failed.
pub async fn remove_since(tx: &mut Tx, user: &Id, since: Timestamp) -> Result<(), Fault> {
    tx.execute(sql("DELETE FROM passkeys WHERE user_id = $1 AND created_at >= $2").bind(user).bind(since)).await?;
    Ok(())
}

/// Takes the password of who has `least` ways back, or more: passkeys that sign in, of which there is one at least, and recovery
/// codes, which are one together. False from everybody else.
///
/// # Errors
/// Storage failed.
pub async fn replace_password(tx: &mut Tx, user: &Id, least: i64) -> Result<bool, Fault> {
    let statement = sql("DELETE FROM password_hashes WHERE user_id = $1
           AND EXISTS (SELECT 1 FROM passkeys k WHERE k.user_id = $1 AND k.signs_in)
           AND (SELECT COUNT(*) FROM passkeys k WHERE k.user_id = $1 AND k.signs_in)
             + CASE WHEN EXISTS (SELECT 1 FROM recovery_codes r WHERE r.user_id = $1 AND r.used_at IS NULL) THEN 1 ELSE 0 END >= $2")
    .bind(user)
    .bind(least);
    Ok(tx.execute(statement).await? > 0)
}
