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
