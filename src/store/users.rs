//! People: who they are to the world, and their address in the one form in which it is compared.
//!
//! `email` is the address as it was written, `email_key` what `identity` made of it. Removing a person removes what hangs
//! on them by the foreign keys: password, devices, sessions, consents and grants with their tokens.

use serde_json::{Map, Value};

use super::{Columns, Conn, Tx, sql};
use crate::base::{Fault, Id, Timestamp};

/// A person.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    pub id: Id,
    /// The public name of the person, never given twice (OpenID Connect Core section 8).
    pub sub: String,
    pub email: Option<String>,
    pub email_verified: bool,
    /// Whether that was proved by a mail of ours, or as well as by one; never without `email_verified`.
    pub address_proved_here: bool,
    /// Standard claims (OpenID Connect Core section 5.1), checked when they were stored.
    pub claims: Map<String, Value>,
    pub disabled_at: Option<Timestamp>,
    /// Until when somebody who signed up may prove their address; nothing once it is proved.
    pub verify_by: Option<Timestamp>,
    /// When the account goes for good, if its owner wants that.
    pub delete_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl User {
    /// Whether the person may be here at all: not disabled, and not on the way out.
    pub const fn is_open(&self) -> bool {
        self.disabled_at.is_none() && self.delete_at.is_none()
    }
}

/// The columns that [`read`] takes, in its order; the table must be called `u` in the statement.
macro_rules! user_columns {
    () => {
        "u.id, u.sub, u.email, u.email_verified, (u.email_verified AND u.address_proved_here), u.claims, u.disabled_at, u.verify_by, u.delete_at,
         u.created_at, u.updated_at"
    };
}
pub(super) use user_columns;

pub(super) fn read(c: &mut Columns<'_>) -> Result<User, Fault> {
    Ok(User {
        id: c.id("id")?,
        sub: c.text("sub")?,
        email: c.opt_text("email")?,
        email_verified: c.bool("email_verified")?,
        address_proved_here: c.bool("address_proved_here")?,
        claims: c.json("claims")?,
        disabled_at: c.opt_time("disabled_at")?,
        verify_by: c.opt_time("verify_by")?,
        delete_at: c.opt_time("delete_at")?,
        created_at: c.time("created_at")?,
        updated_at: c.time("updated_at")?,
    })
}

/// Stores a new person, who is enabled; false if somebody has this address already.
///
/// # Errors
/// Storage failed.
pub async fn insert(tx: &mut Tx, user: &User, email_key: Option<&str>) -> Result<bool, Fault> {
    let statement = sql(
        "INSERT INTO users (id, sub, email, email_key, email_verified, claims, disabled_at, verify_by, created_at, updated_at,
                            address_proved_here)
         VALUES ($1, $2, $3, $4, $5, $6, NULL, $7, $8, $8, $9) ON CONFLICT (email_key) DO NOTHING",
    )
    .bind(&user.id)
    .bind(&user.sub)
    .bind(user.email.as_deref())
    .bind(email_key)
    .bind(user.email_verified)
    .bind(Value::Object(user.claims.clone()).to_string())
    .bind(user.verify_by)
    .bind(user.created_at)
    .bind(user.address_proved_here);
    Ok(tx.execute(statement).await? > 0)
}

/// Stores a person as another house knew them: perhaps disabled, with a past. False if somebody has this address or `sub`.
///
/// # Errors
/// Storage failed.
pub async fn insert_known(tx: &mut Tx, user: &User, email_key: &str) -> Result<bool, Fault> {
    let statement =
        sql("INSERT INTO users (id, sub, email, email_key, email_verified, claims, disabled_at, created_at, updated_at,
                            address_proved_here)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING")
        .bind(&user.id)
        .bind(&user.sub)
        .bind(user.email.as_deref())
        .bind(email_key)
        .bind(user.email_verified)
        .bind(Value::Object(user.claims.clone()).to_string())
        .bind(user.disabled_at)
        .bind(user.created_at)
        .bind(user.updated_at)
        .bind(user.address_proved_here);
    Ok(tx.execute(statement).await? > 0)
}

/// Replaces what is known of a person besides their address; false if there is no such person.
///
/// # Errors
/// Storage failed.
pub async fn update_known(tx: &mut Tx, user: &User) -> Result<bool, Fault> {
    let statement =
        sql("UPDATE users SET email_verified = $2, claims = $3, updated_at = $4, address_proved_here = $5 WHERE id = $1")
            .bind(&user.id)
            .bind(user.email_verified)
            .bind(Value::Object(user.claims.clone()).to_string())
            .bind(user.updated_at)
            .bind(user.address_proved_here);
    Ok(tx.execute(statement).await? > 0)
}

/// # Errors
/// Storage failed.
pub async fn by_id(conn: &mut Conn, id: &Id) -> Result<Option<User>, Fault> {
    let statement = sql(concat!("SELECT ", user_columns!(), " FROM users u WHERE u.id = $1")).bind(id);
    conn.fetch(statement).await?.map(|row| read(&mut row.columns("users"))).transpose()
}

/// # Errors
/// Storage failed.
pub async fn by_sub(conn: &mut Conn, sub: &str) -> Result<Option<User>, Fault> {
    let statement = sql(concat!("SELECT ", user_columns!(), " FROM users u WHERE u.sub = $1")).bind(sub);
    conn.fetch(statement).await?.map(|row| read(&mut row.columns("users"))).transpose()
}

/// # Errors
/// Storage failed.
pub async fn by_email_key(conn: &mut Conn, key: &str) -> Result<Option<User>, Fault> {
    let statement = sql(concat!("SELECT ", user_columns!(), " FROM users u WHERE u.email_key = $1")).bind(key);
    conn.fetch(statement).await?.map(|row| read(&mut row.columns("users"))).transpose()
}

/// People in the order in which they came, those after `after`; the cost does not grow with how many there are.
///
/// # Errors
/// Storage failed.
pub async fn list(conn: &mut Conn, after: Option<&Id>, limit: i64) -> Result<Vec<User>, Fault> {
    let statement = sql(concat!("SELECT ", user_columns!(), " FROM users u WHERE u.id > $1 ORDER BY u.id LIMIT $2"))
        .bind(after.map_or("", Id::as_str))
        .bind(limit);
    conn.fetch_all(statement).await?.iter().map(|row| read(&mut row.columns("users"))).collect()
}

/// Replaces the claims of a person; false if there is no such person.
///
/// # Errors
/// Storage failed.
pub async fn set_claims(tx: &mut Tx, id: &Id, claims: &Map<String, Value>, now: Timestamp) -> Result<bool, Fault> {
    let statement = sql("UPDATE users SET claims = $2, updated_at = $3 WHERE id = $1")
        .bind(id)
        .bind(Value::Object(claims.clone()).to_string())
        .bind(now);
    Ok(tx.execute(statement).await? > 0)
}

/// Replaces the claims of a person who may be here and still has those that were read.
///
/// # Errors
/// Storage failed.
pub async fn change_claims(tx: &mut Tx, before: &User, claims: &Map<String, Value>, now: Timestamp) -> Result<bool, Fault> {
    let text = |claims: &Map<String, Value>| Value::Object(claims.clone()).to_string();
    let statement = sql("UPDATE users SET claims = $2, updated_at = $3
         WHERE id = $1 AND claims = $4 AND disabled_at IS NULL AND delete_at IS NULL")
    .bind(&before.id)
    .bind(text(claims))
    .bind(now)
    .bind(text(&before.claims));
    Ok(tx.execute(statement).await? > 0)
}

/// Disables a person from `disabled_at` on, or enables them with `None`; false if they are in that state already.
///
/// # Errors
/// Storage failed.
pub async fn set_disabled(tx: &mut Tx, id: &Id, disabled_at: Option<Timestamp>) -> Result<bool, Fault> {
    let statement = match disabled_at {
        Some(at) => sql("UPDATE users SET disabled_at = $2 WHERE id = $1 AND disabled_at IS NULL").bind(id).bind(at),
        None => sql("UPDATE users SET disabled_at = NULL WHERE id = $1 AND disabled_at IS NOT NULL").bind(id),
    };
    Ok(tx.execute(statement).await? > 0)
}

/// Makes every other transaction wait that holds this person, until this one ends: what is decided about one person is decided
/// in turn. Held first, before any other row of theirs is written, or PostgreSQL would find deadlocks.
///
/// # Errors
/// Storage failed.
pub async fn hold(tx: &mut Tx, id: &Id) -> Result<(), Fault> {
    tx.execute(sql("UPDATE users SET updated_at = updated_at WHERE id = $1").bind(id)).await?;
    Ok(())
}

/// Makes everybody who has come in as this person a stranger: a first proof from before waits for nothing any more. A number says so,
/// for the order of times says nothing (decision 12).
///
/// # Errors
/// Storage failed.
pub async fn next_generation(tx: &mut Tx, id: &Id) -> Result<(), Fault> {
    tx.execute(sql("UPDATE users SET entry_generation = entry_generation + 1 WHERE id = $1").bind(id)).await?;
    Ok(())
}

/// The number of [`next_generation`], in a transaction that goes on because of it.
///
/// # Errors
/// Storage failed.
pub async fn generation(tx: &mut Tx, id: &Id) -> Result<Option<i64>, Fault> {
    let row = tx.fetch(sql("SELECT entry_generation FROM users WHERE id = $1").bind(id)).await?;
    row.map(|row| row.columns("users").int("entry_generation")).transpose()
}

/// The person, if nobody was made a stranger since this number.
///
/// # Errors
/// Storage failed.
pub async fn of_generation(conn: &mut Conn, id: &Id, generation: i64) -> Result<Option<User>, Fault> {
    let statement = sql(concat!("SELECT ", user_columns!(), " FROM users u WHERE u.id = $1 AND u.entry_generation = $2"))
        .bind(id)
        .bind(generation);
    conn.fetch(statement).await?.map(|row| read(&mut row.columns("users"))).transpose()
}

/// Notes that an address was proved to be the person's, as well as by a mail of ours; only while it is theirs.
///
/// # Errors
/// Storage failed.
pub async fn set_verified(tx: &mut Tx, id: &Id, email_key: &str, now: Timestamp) -> Result<bool, Fault> {
    let statement = sql("UPDATE users SET email_verified = TRUE, address_proved_here = TRUE, verify_by = NULL,
             updated_at = CASE WHEN email_verified THEN updated_at ELSE $3 END
         WHERE id = $1 AND email_key = $2 AND disabled_at IS NULL AND delete_at IS NULL")
    .bind(id)
    .bind(email_key)
    .bind(now);
    Ok(tx.execute(statement).await? > 0)
}

/// An address, proved to be the person's, in the place of the one before.
pub struct NewAddress<'a> {
    pub email: &'a str,
    pub email_key: &'a str,
    /// The address that it takes the place of.
    pub before: &'a str,
}

/// Gives a person another address; false if they have another than `before` by now, or somebody else has the new one.
///
/// # Errors
/// Storage failed.
pub async fn set_address(tx: &mut Tx, id: &Id, new: &NewAddress<'_>, now: Timestamp) -> Result<bool, Fault> {
    let statement = sql("UPDATE users SET email = $2, email_key = $3, email_verified = TRUE, address_proved_here = TRUE,
             verify_by = NULL, updated_at = $5
         WHERE id = $1 AND email_key = $4 AND disabled_at IS NULL AND delete_at IS NULL
           AND NOT EXISTS (SELECT 1 FROM users other WHERE other.email_key = $3 AND other.id <> $1)")
    .bind(id)
    .bind(new.email)
    .bind(new.email_key)
    .bind(new.before)
    .bind(now);
    Ok(tx.execute(statement).await? > 0)
}

/// Removes whoever signed up with an address and never proved it: somebody else has.
///
/// # Errors
/// Storage failed.
pub async fn remove_unproved(tx: &mut Tx, email_key: &str) -> Result<(), Fault> {
    let statement =
        sql("DELETE FROM users WHERE email_key = $1 AND verify_by IS NOT NULL AND NOT email_verified").bind(email_key);
    tx.execute(statement).await?;
    Ok(())
}

/// Plans the end of an account, or takes the plan back; false if that is how it is already.
///
/// # Errors
/// Storage failed.
pub async fn set_deletion(tx: &mut Tx, id: &Id, at: Option<Timestamp>) -> Result<bool, Fault> {
    let statement = match at {
        Some(at) => sql("UPDATE users SET delete_at = $2 WHERE id = $1 AND delete_at IS NULL").bind(id).bind(at),
        None => sql("UPDATE users SET delete_at = NULL WHERE id = $1 AND delete_at IS NOT NULL").bind(id),
    };
    Ok(tx.execute(statement).await? > 0)
}

/// People whose time is over, a few at a time: those who never proved their address and those who wanted to be deleted.
///
/// # Errors
/// Storage failed.
pub async fn due(conn: &mut Conn, now: Timestamp, limit: i64) -> Result<Vec<User>, Fault> {
    let statement = sql(concat!(
        "SELECT ",
        user_columns!(),
        " FROM users u WHERE (u.verify_by IS NOT NULL AND u.verify_by <= $1)
             OR (u.delete_at IS NOT NULL AND u.delete_at <= $1) LIMIT $2"
    ))
    .bind(now)
    .bind(limit);
    conn.fetch_all(statement).await?.iter().map(|row| read(&mut row.columns("users"))).collect()
}

/// Removes a person whose time is still over.
///
/// # Errors
/// Storage failed.
pub async fn remove_due(tx: &mut Tx, id: &Id, now: Timestamp) -> Result<bool, Fault> {
    let statement = sql("DELETE FROM users WHERE id = $1 AND ((verify_by IS NOT NULL AND verify_by <= $2)
             OR (delete_at IS NOT NULL AND delete_at <= $2))")
    .bind(id)
    .bind(now);
    Ok(tx.execute(statement).await? > 0)
}

/// Removes a person and everything that hangs on them; false if there was none.
///
/// # Errors
/// Storage failed.
pub async fn remove(tx: &mut Tx, id: &Id) -> Result<bool, Fault> {
    Ok(tx.execute(sql("DELETE FROM users WHERE id = $1").bind(id)).await? > 0)
}
