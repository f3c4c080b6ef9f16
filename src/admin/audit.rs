//! Reading the audit log.

pub use crate::store::audit::{AuditEvent, Filter};

use super::Desk;
use crate::base::Fault;
use crate::store::audit;

/// The newest events first.
///
/// # Errors
/// Storage failed.
pub async fn list(desk: &Desk, filter: &Filter) -> Result<Vec<AuditEvent>, Fault> {
    audit::list(&mut desk.db.conn(), filter).await
}

/// Every kind of event that this version writes.
pub fn kinds() -> impl Iterator<Item = &'static str> {
    audit::OF_PEOPLE.into_iter().chain(audit::OF_THE_HOUSE)
}
