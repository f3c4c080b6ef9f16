//! Work that one process at a time may do: a row with an end does the locking.

use super::{Tx, sql};
use crate::base::{Fault, Timestamp};

/// Takes or renews a lease; false while somebody else holds it.
///
/// # Errors
/// Storage failed.
pub async fn take(tx: &mut Tx, name: &str, holder: &str, until: Timestamp, now: Timestamp) -> Result<bool, Fault> {
    let statement = sql("INSERT INTO leases (name, holder, expires_at) VALUES ($1, $2, $3)
         ON CONFLICT (name) DO UPDATE SET holder = $2, expires_at = $3
         WHERE leases.holder = $2 OR leases.expires_at <= $4")
    .bind(name)
    .bind(holder)
    .bind(until)
    .bind(now);
    Ok(tx.execute(statement).await? > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::migrations::migrate;
    use crate::store::test_db::every_engine;

    /// One holder at a time: it may renew, others wait for the end.
    #[tokio::test]
    async fn one_holder() {
        for test in every_engine().await {
            let db = test.open().await;
            migrate(&db).await.unwrap();
            let at = Timestamp::from_unix;
            for (holder, until, now, taken) in [
                ("a", 100, 90, true),
                ("b", 200, 99, false),
                ("a", 110, 99, true),
                ("b", 200, 109, false),
                ("b", 200, 110, true),
                ("a", 300, 111, false),
            ] {
                let won = db.write(async move |tx: &mut Tx| take(tx, "work", holder, at(until), at(now)).await).await.unwrap();
                assert_eq!(won, taken, "{holder} at {now}");
            }
        }
    }
}
