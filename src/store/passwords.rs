//! Password hashes: one PHC string a person. The hash is read together with its person, in one statement.

use super::users::{self, User, user_columns};
use super::{Conn, Tx, sql};
use crate::base::{Fault, Id, Timestamp};

/// What a sign-in with a password is decided on.
#[derive(Clone, Debug)]
pub struct Credential {
    pub user: User,
    /// The PHC string, if the person has a password.
    pub phc: Option<String>,
    /// Whether the person has signed in from this browser before.
    pub known_device: bool,
}

/// The person with this address, their hash, and whether they know this browser.
///
/// # Errors
/// Storage failed.
pub async fn find(conn: &mut Conn, email_key: &str, browser_hash: &str) -> Result<Option<Credential>, Fault> {
    let statement = sql(concat!(
        "SELECT p.phc, k.user_id, ",
        user_columns!(),
        " FROM users u LEFT JOIN password_hashes p ON p.user_id = u.id
          LEFT JOIN known_devices k ON k.user_id = u.id AND k.browser_hash = $2 WHERE u.email_key = $1"
    ))
    .bind(email_key)
    .bind(browser_hash);
    let Some(row) = conn.fetch(statement).await? else { return Ok(None) };
    let mut c = row.columns("password_hashes");
    Ok(Some(Credential { phc: c.opt_text("phc")?, known_device: c.opt_text("user_id")?.is_some(), user: users::read(&mut c)? }))
}

/// Gives a person a password, or another one.
///
/// # Errors
/// Storage failed.
pub async fn put(tx: &mut Tx, user: &Id, phc: &str, now: Timestamp) -> Result<(), Fault> {
    let statement = sql("INSERT INTO password_hashes (user_id, phc, updated_at) VALUES ($1, $2, $3)
         ON CONFLICT (user_id) DO UPDATE SET phc = excluded.phc, updated_at = excluded.updated_at")
    .bind(user)
    .bind(phc)
    .bind(now);
    tx.execute(statement).await?;
    Ok(())
}

/// Gives a person their first password; false if they have one by now.
///
/// # Errors
/// Storage failed.
pub async fn put_first(tx: &mut Tx, user: &Id, phc: &str, now: Timestamp) -> Result<bool, Fault> {
    let statement =
        sql("INSERT INTO password_hashes (user_id, phc, updated_at) VALUES ($1, $2, $3) ON CONFLICT (user_id) DO NOTHING")
            .bind(user)
            .bind(phc)
            .bind(now);
    Ok(tx.execute(statement).await? > 0)
}

/// Puts another hash in the old one's place, of the same password or a new one, unless the password was changed in between.
///
/// # Errors
/// Storage failed.
pub async fn replace(tx: &mut Tx, user: &Id, old: &str, new: &str, now: Timestamp) -> Result<bool, Fault> {
    let statement = sql("UPDATE password_hashes SET phc = $3, updated_at = $4 WHERE user_id = $1 AND phc = $2")
        .bind(user)
        .bind(old)
        .bind(new)
        .bind(now);
    Ok(tx.execute(statement).await? > 0)
}

/// Whether the hash that a password was compared with still is the person's, and they may be here.
///
/// # Errors
/// Storage failed.
pub async fn stands(tx: &mut Tx, user: &Id, phc: &str) -> Result<bool, Fault> {
    let statement = sql("SELECT 1 FROM password_hashes p JOIN users u ON u.id = p.user_id
         WHERE p.user_id = $1 AND p.phc = $2 AND u.disabled_at IS NULL AND u.delete_at IS NULL")
    .bind(user)
    .bind(phc);
    Ok(tx.fetch(statement).await?.is_some())
}

/// Whether a person may be here.
///
/// # Errors
/// Storage failed.
pub async fn may_be_here(tx: &mut Tx, user: &Id) -> Result<bool, Fault> {
    let statement = sql("SELECT 1 FROM users WHERE id = $1 AND disabled_at IS NULL AND delete_at IS NULL").bind(user);
    Ok(tx.fetch(statement).await?.is_some())
}

/// Whether a person has a password, in a transaction that depends on it.
///
/// # Errors
/// Storage failed.
pub async fn exists(tx: &mut Tx, user: &Id) -> Result<bool, Fault> {
    Ok(tx.fetch(sql("SELECT 1 FROM password_hashes WHERE user_id = $1").bind(user)).await?.is_some())
}

/// Takes a person's password away.
///
/// # Errors
/// Storage failed.
pub async fn remove(tx: &mut Tx, user: &Id) -> Result<(), Fault> {
    tx.execute(sql("DELETE FROM password_hashes WHERE user_id = $1").bind(user)).await?;
    Ok(())
}

/// A person's hash, if they have a password.
///
/// # Errors
/// Storage failed.
pub async fn of(conn: &mut Conn, user: &Id) -> Result<Option<String>, Fault> {
    let row = conn.fetch(sql("SELECT phc FROM password_hashes WHERE user_id = $1").bind(user)).await?;
    row.map(|row| row.columns("password_hashes").text("phc")).transpose()
}
