//! What an operator hands out to those who may register an app (RFC 7591 section 3).

use super::{Desk, Refusal};
use crate::base::{Secret, Timestamp};
use crate::store::audit;
use crate::store::registrations::{self, InitialToken};
use crate::tokens::InitialAccessToken;

/// A new initial access token. This is the only moment at which it can be read.
pub struct Handed {
    pub token: Secret<String>,
    pub expires_at: Timestamp,
}

/// Makes an initial access token that is good for `seconds`, and for so many registrations if that is said.
///
/// # Errors
/// Something broke.
pub async fn hand_out(desk: &Desk, seconds: i64, uses: Option<i64>) -> Result<Handed, Refusal> {
    let token = InitialAccessToken::new(&desk.random)?;
    let now = desk.now();
    let expires_at = now.plus(seconds);
    let row = InitialToken { id: desk.new_id()?, hash: token.hash(), uses_left: uses, expires_at };
    let (event_id, mut event) = desk.event("registration_token_made")?;
    event.detail = serde_json::json!({ "uses": uses, "expires_at": expires_at });
    let written = desk.db.write(async move |tx| {
        registrations::insert_token(tx, &row, now).await?;
        audit::write(tx, &event_id, &event).await
    });
    written.await?;
    Ok(Handed { token: Secret::new(token.expose().to_owned()), expires_at })
}
