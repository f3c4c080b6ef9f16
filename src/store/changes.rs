//! How a change reaches every running process: a counter a topic, raised in the change's own transaction (decision 27).

use super::{Conn, Tx, sql};
use crate::base::Fault;

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    Clients,
    Keys,
    Resources,
    Upstreams,
}

impl Topic {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Clients => "clients",
            Self::Keys => "keys",
            Self::Resources => "resources",
            Self::Upstreams => "upstreams",
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::migrations::migrate;
    use crate::store::test_db::every_engine;

    /// Decision 27: each change counts, in its own topic.
    #[tokio::test]
    async fn each_change_counts() {
        for test in every_engine().await {
            let db = test.open().await;
            migrate(&db).await.unwrap();
            assert_eq!(read(&mut db.conn()).await.unwrap(), []);
            for topic in [Topic::Keys, Topic::Clients, Topic::Keys] {
                db.write(async move |tx: &mut Tx| raise(tx, topic).await).await.unwrap();
            }
            let mut counters = read(&mut db.conn()).await.unwrap();
            counters.sort();
            assert_eq!(counters, [("clients".to_owned(), 1), ("keys".to_owned(), 2)]);
        }
    }
}
