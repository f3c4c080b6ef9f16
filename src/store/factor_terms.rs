//! By when the house wants something of a person, and the groups of whom it wants more.

use super::{Conn, Tx, sql};
use crate::base::{Fault, Id, Timestamp};

/// Until when a person may go without a second factor, if that was ever said.
///
/// # Errors
/// Storage failed.
pub async fn due_at(conn: &mut Conn, user: &Id) -> Result<Option<Timestamp>, Fault> {
    let row = conn.fetch(sql("SELECT due_at FROM factor_terms WHERE user_id = $1").bind(user)).await?;
    Ok(row.map(|row| row.columns("factor_terms").opt_time("due_at")).transpose()?.flatten())
}

/// Says until when a person may go without. What was said first stays.
///
/// # Errors
/// Storage failed.
pub async fn set_due(tx: &mut Tx, user: &Id, at: Timestamp) -> Result<(), Fault> {
    let statement = sql("INSERT INTO factor_terms (user_id, due_at, reset_at) VALUES ($1, $2, NULL)
         ON CONFLICT (user_id) DO UPDATE SET due_at = COALESCE(factor_terms.due_at, excluded.due_at)")
    .bind(user)
    .bind(at);
    tx.execute(statement).await?;
    Ok(())
}

/// The groups of a person.
///
/// # Errors
/// Storage failed.
pub async fn groups(conn: &mut Conn, user: &Id) -> Result<Vec<String>, Fault> {
    let statement = sql("SELECT group_name FROM group_members WHERE user_id = $1 ORDER BY group_name").bind(user);
    conn.fetch_all(statement).await?.iter().map(|row| row.columns("group_members").text("group_name")).collect()
}

/// Plans the reset of all that a person has. A plan that is there stays as it is.
///
/// # Errors
/// Storage failed.
pub async fn plan_reset(tx: &mut Tx, user: &Id, at: Timestamp) -> Result<bool, Fault> {
    let statement = sql("INSERT INTO factor_terms (user_id, due_at, reset_at) VALUES ($1, NULL, $2)
         ON CONFLICT (user_id) DO UPDATE SET reset_at = excluded.reset_at WHERE factor_terms.reset_at IS NULL")
    .bind(user)
    .bind(at);
    Ok(tx.execute(statement).await? > 0)
}

/// Ends the plan of a reset; false if there is none.
///
/// # Errors
/// Storage failed.
pub async fn end_reset(tx: &mut Tx, user: &Id) -> Result<bool, Fault> {
    let statement = sql("UPDATE factor_terms SET reset_at = NULL WHERE user_id = $1 AND reset_at IS NOT NULL").bind(user);
    Ok(tx.execute(statement).await? > 0)
}

/// Takes up a planned reset whose time has come. True for exactly one caller.
///
/// # Errors
/// Storage failed.
pub async fn take_reset(tx: &mut Tx, user: &Id, now: Timestamp) -> Result<bool, Fault> {
    let statement = sql("UPDATE factor_terms SET reset_at = NULL WHERE user_id = $1 AND reset_at <= $2").bind(user).bind(now);
    Ok(tx.execute(statement).await? > 0)
}

/// When all that a person has is reset, if that is planned.
///
/// # Errors
/// Storage failed.
pub async fn reset_at(conn: &mut Conn, user: &Id) -> Result<Option<Timestamp>, Fault> {
    let row = conn.fetch(sql("SELECT reset_at FROM factor_terms WHERE user_id = $1").bind(user)).await?;
    Ok(row.map(|row| row.columns("factor_terms").opt_time("reset_at")).transpose()?.flatten())
}

/// The people whose reset is due.
///
/// # Errors
/// Storage failed.
pub async fn resets_due(conn: &mut Conn, now: Timestamp, most: i64) -> Result<Vec<Id>, Fault> {
    let statement = sql("SELECT user_id FROM factor_terms WHERE reset_at <= $1 ORDER BY reset_at LIMIT $2").bind(now).bind(most);
    conn.fetch_all(statement).await?.iter().map(|row| row.columns("factor_terms").id("user_id")).collect()
}

/// Puts a person into a group; false if they are in it.
///
/// # Errors
/// Storage failed.
pub async fn join(tx: &mut Tx, group: &str, user: &Id) -> Result<bool, Fault> {
    let statement =
        sql("INSERT INTO group_members (group_name, user_id) VALUES ($1, $2) ON CONFLICT DO NOTHING").bind(group).bind(user);
    Ok(tx.execute(statement).await? > 0)
}

/// Takes a person out of a group; false if they are not in it.
///
/// # Errors
/// Storage failed.
pub async fn leave(tx: &mut Tx, group: &str, user: &Id) -> Result<bool, Fault> {
    let statement = sql("DELETE FROM group_members WHERE group_name = $1 AND user_id = $2").bind(group).bind(user);
    Ok(tx.execute(statement).await? > 0)
}
