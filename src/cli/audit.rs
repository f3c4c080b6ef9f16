//! `audit`: the newest events.

use clap::Args;
use serde_json::{Value, json};

use super::answer::{Answer, Failure, table};
use super::words::{self, moment};
use crate::admin::audit::{self, AuditEvent, Filter};
use crate::admin::{Desk, users};

#[derive(Args)]
pub struct Audit {
    /// How many.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=10_000))]
    limit: i64,
    /// Only events of this kind.
    #[arg(long)]
    kind: Option<String>,
    /// Only events about this person, by id, sub or e-mail address.
    #[arg(long, value_name = "PERSON")]
    user: Option<String>,
    /// Only events since then: `30m`, `12h`, `7d`, or a day in UTC such as `2026-01-31`.
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Pass over so many of the newest.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(i64).range(0..))]
    skip: i64,
}

pub async fn run(audit: Audit, desk: &Desk) -> Result<Answer, Failure> {
    let user_id = match audit.user {
        Some(who) => Some(users::find(desk, &who).await?.id),
        None => None,
    };
    let since = match audit.since {
        Some(text) => {
            let why = || Failure::new(format!("--since {text}: is neither a time like 12h nor a day like 2026-01-31"));
            Some(words::since(&text, desk.clock.now()).ok_or_else(why)?)
        }
        None => None,
    };
    if let Some(kind) = audit.kind.as_deref().filter(|kind| !audit::kinds().any(|known| known == *kind)) {
        let known = audit::kinds().collect::<Vec<_>>().join(", ");
        return Err(Failure::new(format!("--kind {kind}: is none that is written; write one of {known}")));
    }
    let filter = Filter { kind: audit.kind, user_id, since, skip: audit.skip, limit: audit.limit };
    let events = audit::list(desk, &filter).await?;
    let rows: Vec<_> = events.iter().map(row).collect();
    let text = table(&["AT", "KIND", "BY", "PERSON", "CLIENT", "FROM", "DETAIL"], &rows);
    Ok(Answer::new(text, events.iter().map(as_json).collect()))
}

fn row(event: &AuditEvent) -> Vec<String> {
    let dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    vec![
        moment(event.at),
        event.kind.clone(),
        event.actor.clone(),
        dash(event.user_id.as_ref().map(ToString::to_string)),
        dash(event.client_id.clone()),
        dash(event.address.clone()),
        if event.detail.is_null() { "-".to_owned() } else { event.detail.to_string() },
    ]
}

fn as_json(event: &AuditEvent) -> Value {
    json!({
        "at": event.at,
        "kind": event.kind,
        "actor": event.actor,
        "user_id": event.user_id,
        "client_id": event.client_id,
        "address": event.address,
        "detail": event.detail,
    })
}
