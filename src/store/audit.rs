//! The audit log: rows that are written in the act's own transaction and never changed (decision 33).
//!
//! The kinds are a closed list, so that the catalogue has words for each that a person can meet.

use serde_json::Value as Json;

use super::{Conn, Row, Tx, sql};
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

/// The kinds that concern a person: they read them in words.
pub const OF_PEOPLE: [&str; 70] = [
    "account_chosen",
    "account_made_by_upstream",
    "address_change_asked",
    "address_change_undone",
    "address_changed",
    "address_verified",
    "authorization",
    "code_of_other_client",
    "code_redeemed",
    "code_redirect_mismatch",
    "code_replay",
    "code_verifier_mismatch",
    "consent_given",
    "consent_refused",
    "consent_withdrawn",
    "consents_withdrawn",
    "data_exported",
    "deletion_cancelled",
    "deletion_planned",
    "device_forgotten",
    "device_remembered",
    "factor_added",
    "factor_broken",
    "factor_removed",
    "factor_renamed",
    "factors_reset",
    "factors_reset_cancelled",
    "factors_reset_planned",
    "first_proof",
    "group_joined",
    "group_left",
    "identity_connected",
    "identity_disconnected",
    "invitation_accepted",
    "mail_asked",
    "passkey_added",
    "passkey_copied",
    "passkey_removed",
    "passkey_renamed",
    "password_changed",
    "password_removed",
    "password_reset",
    "password_set",
    "profile_changed",
    "recovery_code_used",
    "recovery_codes_made",
    "refresh_of_other_client",
    "refresh_reuse",
    "reset_asked",
    "second_factor",
    "second_factor_sent",
    "second_factor_throttled",
    "session_ended",
    "session_replaced",
    "session_revoked",
    "sign_in",
    "sign_in_disowned",
    "sign_in_link_asked",
    "sign_out",
    "sign_up_of_taken_address",
    "signed_out_everywhere",
    "signed_up",
    "throttled",
    "token_refreshed",
    "token_revoked",
    "user_added",
    "user_disabled",
    "user_enabled",
    "user_imported",
    "verification_asked",
];

/// The kinds that no person reads: of the house itself, or of people who are gone.
pub const OF_THE_HOUSE: [&str; 23] = [
    "account_deleted",
    "client_added",
    "client_edited",
    "client_registered",
    "client_removed",
    "client_secret_rotated",
    "client_swept",
    "client_updated",
    "registration_token_made",
    "key_activated",
    "key_created",
    "key_gone",
    "key_retired",
    "logout_undelivered",
    "master_key_changed",
    "person_invited",
    "redirect_mismatch",
    "resource_added",
    "resource_removed",
    "upstream_added",
    "upstream_edited",
    "upstream_removed",
    "user_removed",
];

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

/// Which events are wanted: the newest `limit`, of one kind and one person if named, not older than `since`.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub kind: Option<String>,
    pub user_id: Option<Id>,
    pub since: Option<Timestamp>,
    /// How many of the newest are passed over.
    pub skip: i64,
    pub limit: i64,
}

/// The newest events first. It reads along an index that is in this order: the person's, or that of all.
///
/// # Errors
/// Storage failed.
pub async fn list(conn: &mut Conn, filter: &Filter) -> Result<Vec<AuditEvent>, Fault> {
    // Ids begin with the time, so what is too old is not even looked at.
    let first = filter.since.map(Id::first_of).unwrap_or_else(|| Id::from_stored(""));
    let statement = match &filter.user_id {
        Some(user) => sql("SELECT at, kind, actor, user_id, client_id, address, detail FROM audit_events
             WHERE id >= $1 AND (CAST($2 AS TEXT) IS NULL OR kind = $2) AND user_id = $5
             ORDER BY id DESC LIMIT $3 OFFSET $4")
        .bind(&first)
        .bind(filter.kind.as_ref())
        .bind(filter.limit)
        .bind(filter.skip)
        .bind(user),
        None => sql("SELECT at, kind, actor, user_id, client_id, address, detail FROM audit_events
             WHERE id >= $1 AND (CAST($2 AS TEXT) IS NULL OR kind = $2)
             ORDER BY id DESC LIMIT $3 OFFSET $4")
        .bind(&first)
        .bind(filter.kind.as_ref())
        .bind(filter.limit)
        .bind(filter.skip),
    };
    conn.fetch_all(statement).await?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<AuditEvent, Fault> {
    let mut c = row.columns("audit_events");
    let (at, kind, actor) = (c.time("at")?, c.text("kind")?, c.text("actor")?);
    let (user_id, client_id, address) = (c.opt_id("user_id")?, c.opt_text("client_id")?, c.opt_text("address")?);
    let detail = c.text("detail")?;
    let detail = match detail.as_str() {
        "" => Json::Null,
        text => serde_json::from_str(text).map_err(|_| Fault::corrupt("audit_events", "detail"))?,
    };
    Ok(AuditEvent { at, kind, actor, user_id, client_id, address, detail })
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
                let kind = kind.map(str::to_owned);
                let filter = Filter { kind, user_id: user.map(Id::from_stored), since: None, skip: 0, limit };
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
            let times = async |user: Option<&str>, since, skip| {
                let since = Some(Timestamp::from_unix(since));
                let filter = Filter { kind: None, user_id: user.map(Id::from_stored), since, skip, limit: 9 };
                list(&mut db.conn(), &filter).await.unwrap().iter().map(|event| event.at.unix()).collect::<Vec<_>>()
            };
            assert_eq!(times(None, 1_002, 0).await, [1_003, 1_002]);
            assert_eq!(times(None, 0, 1).await, [1_002, 1_001]);
            assert_eq!((times(Some("u2"), 1_002, 0).await, times(Some("u2"), 1_003, 0).await), (vec![1_002], vec![]));
        }
    }
}
