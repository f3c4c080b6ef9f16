//! How a change reaches every running process: a counter a topic, raised in the change's own transaction (decision 27).

use super::{Conn, Tx, sql};
use crate::base::Fault;

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    Clients,
    Keys,
    Resources,
}

impl Topic {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Clients => "clients",
            Self::Keys => "keys",
            Self::Resources => "resources",
        }
    }
}

/// # Errors
/// Storage failed.
pub async fn raise(tx: &mut Tx, topic: Topic) -> Result<(), Fault> {
    let statement = sql(
        "INSERT INTO changes (topic, counter) VALUES ($1, 1) ON CONFLICT (topic) DO UPDATE SET counter = changes.counter + 1",
    )
    .bind(topic.as_str());
    tx.execute(statement).await?;
    Ok(())
}

/// Every topic with its counter.
///
/// # Errors
/// Storage failed.
pub async fn read(conn: &mut Conn) -> Result<Vec<(String, i64)>, Fault> {
    let rows = conn.fetch_all(sql("SELECT topic, counter FROM changes")).await?;
    rows.iter()
        .map(|row| {
            let mut c = row.columns("changes");
            Ok((c.text("topic")?, c.int("counter")?))
        })
        .collect()
}
