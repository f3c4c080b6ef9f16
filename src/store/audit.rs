//! The audit log: rows that are written in the act's own transaction and never changed (decision 33).

use serde_json::Value as Json;

use super::{Conn, Tx, sql};
use crate::base::{Fault, Id, Timestamp};

/// Who did what to whom, from where. It holds no secret.
#[derive(Clone, Debug)]
pub struct AuditEvent {
    pub at: Timestamp,
    pub kind: String,
    /// A user's or client's id, `operator`, or `house` for what happens by itself.
    pub actor: String,
    pub user_id: Option<Id>,
    pub client_id: Option<String>,
    pub address: Option<String>,
    pub detail: Json,
}

/// # Errors
/// Storage failed.
pub async fn write(tx: &mut Tx, id: &Id, event: &AuditEvent) -> Result<(), Fault> {
    let detail = if event.detail.is_null() { String::new() } else { event.detail.to_string() };
    let statement = sql("INSERT INTO audit_events (id, at, kind, actor, user_id, client_id, address, detail)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)")
    .bind(id)
    .bind(event.at)
    .bind(event.kind.as_str())
    .bind(event.actor.as_str())
    .bind(event.user_id.as_ref())
    .bind(event.client_id.as_ref())
    .bind(event.address.as_ref())
    .bind(detail);
    tx.execute(statement).await?;
    Ok(())
}

/// Which events are wanted: the newest `limit`, of one kind and one person if named.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub kind: Option<String>,
    pub user_id: Option<Id>,
    pub limit: i64,
}

/// The newest events first.
///
/// # Errors
/// Storage failed.
pub async fn list(conn: &mut Conn, filter: &Filter) -> Result<Vec<AuditEvent>, Fault> {
    let statement = sql("SELECT at, kind, actor, user_id, client_id, address, detail FROM audit_events
         WHERE (CAST($1 AS TEXT) IS NULL OR kind = $1) AND (CAST($2 AS TEXT) IS NULL OR user_id = $2)
         ORDER BY id DESC LIMIT $3")
    .bind(filter.kind.as_ref())
    .bind(filter.user_id.as_ref())
    .bind(filter.limit);
    let rows = conn.fetch_all(statement).await?;
    rows.iter()
        .map(|row| {
            let mut c = row.columns("audit_events");
            let (at, kind, actor) = (c.time("at")?, c.text("kind")?, c.text("actor")?);
            let (user_id, client_id, address) = (c.opt_id("user_id")?, c.opt_text("client_id")?, c.opt_text("address")?);
            let detail = c.text("detail")?;
            let detail = match detail.as_str() {
                "" => Json::Null,
                text => serde_json::from_str(text).map_err(|_| Fault::corrupt("audit_events", "detail"))?,
            };
            Ok(AuditEvent { at, kind, actor, user_id, client_id, address, detail })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Clock, Random};
    use crate::store::migrations::migrate;
    use crate::store::test_db::every_engine;

    /// Decision 33: a row belongs to its act's transaction, comes back as it was written, and filters narrow.
    #[tokio::test]
    async fn written_and_listed() {
        for test in every_engine().await {
            let db = test.open().await;
            migrate(&db).await.unwrap();
            let (clock, random) = (Clock::fixed(Timestamp::from_unix(1_000)), Random::seeded(1));
            for (kind, user) in [("a", Some("u1")), ("b", Some("u2")), ("b", None)] {
                clock.advance(1);
                let id = Id::new(&clock, &random).unwrap();
                let event = AuditEvent {
                    at: clock.now(),
                    kind: kind.to_owned(),
                    actor: "house".to_owned(),
                    user_id: user.map(Id::from_stored),
                    client_id: None,
                    address: user.map(|_| "192.0.2.1".to_owned()),
                    detail: user.map_or(Json::Null, |user| serde_json::json!({ "who": user })),
                };
                let lost = event.clone();
                let same = id.clone();
                let failed = db.write(async move |tx: &mut Tx| -> Result<(), Fault> {
                    write(tx, &same, &lost).await?;
                    Err(Fault::new("test", "no"))
                });
                assert!(failed.await.is_err());
                db.write(async move |tx: &mut Tx| write(tx, &id, &event).await).await.unwrap();
            }
            let kinds = async |kind: Option<&str>, user: Option<&str>, limit| {
                let filter = Filter { kind: kind.map(str::to_owned), user_id: user.map(Id::from_stored), limit };
                let events = list(&mut db.conn(), &filter).await.unwrap();
                events.into_iter().map(|event| (event.at.unix(), event.kind, event.detail)).collect::<Vec<_>>()
            };
            let first = (1_001, "a".to_owned(), serde_json::json!({ "who": "u1" }));
            let second = (1_002, "b".to_owned(), serde_json::json!({ "who": "u2" }));
            let third = (1_003, "b".to_owned(), Json::Null);
            assert_eq!(kinds(None, None, 9).await, [third.clone(), second.clone(), first.clone()]);
            assert_eq!(kinds(Some("b"), None, 9).await, [third.clone(), second]);
            assert_eq!(kinds(None, Some("u1"), 9).await, [first]);
            assert_eq!(kinds(None, None, 1).await, [third]);
        }
    }
}
