//! What people have beside their first proof. A row is one thing; what it works with is sealed by `keys::Vault` for that row.

use super::{Columns, Conn, Row, Tx, sql};
use crate::base::{Fault, Id, Timestamp};

/// One thing that a person has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Factor {
    pub id: Id,
    pub user_id: Id,
    /// The word of its kind (`identity::factor`).
    pub kind: String,
    /// What the person calls it.
    pub name: String,
    /// What it works with.
    pub sealed: String,
    /// The last step of time of which a code was taken; -1 for none.
    pub last_step: i64,
    pub created_at: Timestamp,
    /// Nothing while it does not count yet.
    pub confirmed_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
}

/// The columns that [`read`] takes, in its order.
macro_rules! factor_columns {
    () => {
        "id, user_id, kind, name, sealed, last_step, created_at, confirmed_at, last_used_at"
    };
}

fn read(row: &Row) -> Result<Factor, Fault> {
    let mut c: Columns<'_> = row.columns("factors");
    Ok(Factor {
        id: c.id("id")?,
        user_id: c.id("user_id")?,
        kind: c.text("kind")?,
        name: c.text("name")?,
        sealed: c.text("sealed")?,
        last_step: c.int("last_step")?,
        created_at: c.time("created_at")?,
        confirmed_at: c.opt_time("confirmed_at")?,
        last_used_at: c.opt_time("last_used_at")?,
    })
}

/// How long something may wait to be confirmed, in seconds.
pub const PENDING_SECONDS: i64 = 3600;

/// How many of one kind a person may have begun.
const MOST_PENDING: i64 = 3;

/// Stores what a person is about to confirm. What they began long before and did not confirm goes, and so does the oldest of what
/// is too much of this kind. Whoever calls holds the person.
///
/// # Errors
/// Storage failed.
pub async fn insert_pending(tx: &mut Tx, factor: &Factor) -> Result<(), Fault> {
    let old = sql("DELETE FROM factors WHERE user_id = $1 AND confirmed_at IS NULL AND created_at < $2")
        .bind(&factor.user_id)
        .bind(factor.created_at.plus(-PENDING_SECONDS));
    tx.execute(old).await?;
    let surplus = sql("DELETE FROM factors WHERE user_id = $1 AND kind = $2 AND confirmed_at IS NULL AND id NOT IN
         (SELECT id FROM factors WHERE user_id = $1 AND kind = $2 AND confirmed_at IS NULL ORDER BY created_at DESC, id DESC LIMIT $3)")
    .bind(&factor.user_id)
    .bind(&factor.kind)
    .bind(MOST_PENDING - 1);
    tx.execute(surplus).await?;
    let statement =
        sql("INSERT INTO factors (id, user_id, kind, name, sealed, last_step, created_at, confirmed_at, last_used_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, NULL, NULL)")
        .bind(&factor.id)
        .bind(&factor.user_id)
        .bind(&factor.kind)
        .bind(&factor.name)
        .bind(&factor.sealed)
        .bind(factor.last_step)
        .bind(factor.created_at);
    tx.execute(statement).await?;
    Ok(())
}

/// From now on it counts. True for exactly one caller, and only while it waits. The step of the code that confirmed it is used
/// up with it.
///
/// # Errors
/// Storage failed.
pub async fn confirm(tx: &mut Tx, factor: &Factor, step: i64, now: Timestamp) -> Result<bool, Fault> {
    let statement = sql("UPDATE factors SET confirmed_at = $3, last_used_at = $3, last_step = $4, name = $5
         WHERE id = $1 AND user_id = $2 AND confirmed_at IS NULL AND last_step < $4")
    .bind(&factor.id)
    .bind(&factor.user_id)
    .bind(now)
    .bind(step)
    .bind(&factor.name);
    Ok(tx.execute(statement).await? > 0)
}

/// Takes a code of one step of time. True for exactly one caller, and never for an earlier step than was taken before: the one
/// statement that makes a code good once, whatever clocks do and however many nodes there are (RFC 6238 section 5.2).
///
/// # Errors
/// Storage failed.
pub async fn take_step(tx: &mut Tx, id: &Id, user: &Id, step: i64, now: Timestamp) -> Result<bool, Fault> {
    let statement = sql("UPDATE factors SET last_step = $3, last_used_at = $4
         WHERE id = $1 AND user_id = $2 AND last_step < $3 AND confirmed_at IS NOT NULL")
    .bind(id)
    .bind(user)
    .bind(step)
    .bind(now);
    Ok(tx.execute(statement).await? > 0)
}

/// Notes that it was used, where something else makes the use single; false if it is gone.
///
/// # Errors
/// Storage failed.
pub async fn note_use(tx: &mut Tx, id: &Id, user: &Id, now: Timestamp) -> Result<bool, Fault> {
    let statement = sql("UPDATE factors SET last_used_at = $3 WHERE id = $1 AND user_id = $2 AND confirmed_at IS NOT NULL")
        .bind(id)
        .bind(user)
        .bind(now);
    Ok(tx.execute(statement).await? > 0)
}

/// What counts of a person, last used first.
///
/// # Errors
/// Storage failed.
pub async fn list_for_user(conn: &mut Conn, user: &Id) -> Result<Vec<Factor>, Fault> {
    let statement = sql(concat!(
        "SELECT ",
        factor_columns!(),
        " FROM factors WHERE user_id = $1 AND confirmed_at IS NOT NULL ORDER BY last_used_at DESC NULLS LAST, id"
    ))
    .bind(user);
    conn.fetch_all(statement).await?.iter().map(read).collect()
}

/// One of a person's, confirmed or not.
///
/// # Errors
/// Storage failed.
pub async fn find(conn: &mut Conn, id: &Id, user: &Id) -> Result<Option<Factor>, Fault> {
    let statement =
        sql(concat!("SELECT ", factor_columns!(), " FROM factors WHERE id = $1 AND user_id = $2")).bind(id).bind(user);
    conn.fetch(statement).await?.as_ref().map(read).transpose()
}

/// The kinds of what counts of a person beside one.
///
/// # Errors
/// Storage failed.
pub async fn other_kinds(tx: &mut Tx, user: &Id, but: &Id) -> Result<Vec<String>, Fault> {
    let statement = sql("SELECT kind FROM factors WHERE user_id = $1 AND id <> $2 AND confirmed_at IS NOT NULL ORDER BY kind")
        .bind(user)
        .bind(but);
    tx.fetch_all(statement).await?.iter().map(|row| row.columns("factors").text("kind")).collect()
}

/// False if there is none of this person's.
///
/// # Errors
/// Storage failed.
pub async fn rename(tx: &mut Tx, id: &Id, user: &Id, name: &str) -> Result<bool, Fault> {
    let statement = sql("UPDATE factors SET name = $3 WHERE id = $1 AND user_id = $2 AND confirmed_at IS NOT NULL")
        .bind(id)
        .bind(user)
        .bind(name);
    Ok(tx.execute(statement).await? > 0)
}

/// False if there is none of this person's.
///
/// # Errors
/// Storage failed.
pub async fn remove(tx: &mut Tx, id: &Id, user: &Id) -> Result<bool, Fault> {
    Ok(tx.execute(sql("DELETE FROM factors WHERE id = $1 AND user_id = $2").bind(id).bind(user)).await? > 0)
}

/// Removes everything that a person has.
///
/// # Errors
/// Storage failed.
pub async fn remove_for_user(tx: &mut Tx, user: &Id) -> Result<u64, Fault> {
    tx.execute(sql("DELETE FROM factors WHERE user_id = $1").bind(user)).await
}

/// Removes what a person was given at `since` or later.
///
/// # Errors
/// Storage failed.
pub async fn remove_since(tx: &mut Tx, user: &Id, since: Timestamp) -> Result<(), Fault> {
    tx.execute(sql("DELETE FROM factor_challenges WHERE user_id = $1").bind(user)).await?;
    tx.execute(sql("DELETE FROM factors WHERE user_id = $1 AND created_at >= $2").bind(user).bind(since)).await?;
    Ok(())
}

/// Removes what was begun before `before` and never confirmed.
///
/// # Errors
/// Storage failed.
pub async fn sweep(tx: &mut Tx, before: Timestamp) -> Result<u64, Fault> {
    tx.execute(sql("DELETE FROM factors WHERE confirmed_at IS NULL AND created_at < $1").bind(before)).await
}
