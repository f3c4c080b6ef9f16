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
            let detail = if detail.is_empty() { Json::Null } else { serde_json::from_str(&detail).unwrap_or(Json::Null) };
            Ok(AuditEvent { at, kind, actor, user_id, client_id, address, detail })
        })
        .collect()
}
