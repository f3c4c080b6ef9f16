//! The mail to a person of whose sign-in to an app somebody had a copy (RFC 9700 section 4.14.2, RT-01).

use super::Replay;
use crate::base::{Fault, Id, Timestamp};
use crate::cache::{Bucket, Rule};
use crate::endpoints::{Provider, accounts};
use crate::identity::users::{self, User};
use crate::notify::Letter;
use crate::oauth::Lang;
use crate::store::outbox::NewMail;

/// An app that goes wrong again and again fills nobody's mailbox: one mail an hour about each.
const MAILS: Rule = Rule::per_hour(1);

/// The mail, if there is anybody to tell and something ends by this. A code that came back to a wrong address, or without the
/// verifier, tells of a mistake of the app and not of a copy.
pub(super) async fn notice(provider: &Provider, replay: &Replay, now: Timestamp) -> Result<Option<NewMail>, Fault> {
    let is_copy = ["code_replay", "code_of_other_client", "refresh_reuse", "refresh_of_other_client"].contains(&replay.kind);
    if !is_copy || !replay.grant.is_live(now) || !provider.post.is_on() {
        return Ok(None);
    }
    let Some(user) = holder(provider, replay.grant.user_id.as_ref()).await? else { return Ok(None) };
    let Some(to) = accounts::Recipient::of(&user, Lang::En) else { return Ok(None) };
    let about = format!("{} {}", user.id, replay.grant.client_id);
    if provider.buckets.charge(&[Bucket::of_text("reuse mail", &about, MAILS)], now).await.is_err() {
        return Ok(None);
    }
    let client = provider.registry.client(&provider.db, &replay.grant.client_id).await?;
    let app = client.map_or_else(|| replay.grant.client_id.clone(), |client| client.client.name.clone());
    accounts::notice(provider, &to, Letter::TokenReuse { app, at: now }, now).map(Some)
}

async fn holder(provider: &Provider, id: Option<&Id>) -> Result<Option<User>, Fault> {
    match id {
        Some(id) => Ok(users::by_id(&mut provider.db.conn(), id).await?.filter(User::is_open)),
        None => Ok(None),
    }
}
