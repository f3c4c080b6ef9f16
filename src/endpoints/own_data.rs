//! What the house knows of a person, for that person: what happened to their account, and everything as one document.
//!
//! Ids of rows, hashes and secrets stay in the house (decision 4); of an event's detail only known members leave it.

use serde_json::{Map, Value, json};

use super::second_factor::Own;
use super::{Account, Provider, Signed, Visit, audit_at, person};
use crate::base::{Fault, Id, Timestamp};
use crate::identity::linking;
use crate::identity::users::User;
use crate::store::audit::{self as audits, AuditEvent, Filter};
use crate::store::{consents, grants, known_devices, passkeys as stored_passkeys};
use crate::tokens::{GrantDetail, profile_claims};

/// Events a page.
const PAGE: i64 = 50;

/// The last page that is shown: what is older is in the document.
pub const LAST_PAGE: i64 = 100;

/// The most rows of one kind in a document, the newest of them.
const MOST: i64 = 10_000;

/// The members of an event's detail that a person may read.
const TOLD: [&str; 5] = ["scope", "amr", "user_agent", "sid", "claims"];

/// Who did something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    Person,
    Operator,
    App,
    /// Somebody who had not proved who they are.
    Stranger,
    House,
}

/// Something that happened to an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happened {
    pub at: Timestamp,
    pub kind: String,
    pub by: By,
    /// The name of the app that it was about.
    pub app: Option<String>,
    pub address: Option<String>,
    pub user_agent: Option<String>,
    /// How often in a row.
    pub times: i64,
}

/// One page of what happened, newest first.
pub struct History {
    pub events: Vec<Happened>,
    pub has_more: bool,
}

/// Reads one page, the first being 1.
///
/// # Errors
/// Storage failed.
pub async fn history(provider: &Provider, signed: &Signed, page: i64) -> Result<History, Fault> {
    let filter = Filter {
        user_id: Some(signed.user.id.clone()),
        skip: page.saturating_sub(1).saturating_mul(PAGE),
        limit: PAGE + 1,
        ..Filter::default()
    };
    let mut found = audits::list(&mut provider.db.conn(), &filter).await?;
    let has_more = found.len() > usize::try_from(PAGE).unwrap_or(usize::MAX) && page < LAST_PAGE;
    found.truncate(usize::try_from(PAGE).unwrap_or(usize::MAX));
    let mut events: Vec<Happened> = Vec::new();
    for event in found {
        let happened = happened(provider, &signed.user.id, event).await?;
        match events.last_mut() {
            Some(last) if is_same(last, &happened) => last.times += 1,
            _ => events.push(happened),
        }
    }
    Ok(History { events, has_more })
}

/// Whether two events in a row are the same but for their time.
fn is_same(one: &Happened, other: &Happened) -> bool {
    let other = Happened { at: one.at, times: one.times, ..other.clone() };
    *one == other
}

async fn happened(provider: &Provider, user: &Id, event: AuditEvent) -> Result<Happened, Fault> {
    let by = by(&event, user);
    let app = match event.client_id {
        Some(client_id) => Some(app_name(provider, client_id).await?),
        None => None,
    };
    let user_agent = event.detail.get("user_agent").and_then(Value::as_str).map(str::to_owned);
    Ok(Happened { at: event.at, kind: event.kind, by, app, address: event.address, user_agent, times: 1 })
}

fn by(event: &AuditEvent, user: &Id) -> By {
    match event.actor.as_str() {
        actor if actor == user.as_str() => By::Person,
        actor if event.client_id.as_deref() == Some(actor) => By::App,
        "house" => By::House,
        "anonymous" => By::Stranger,
        _ if event.address.is_none() => By::Operator,
        // An app that acts on another one.
        _ => By::App,
    }
}

async fn app_name(provider: &Provider, client_id: String) -> Result<String, Fault> {
    let client = provider.registry.client(&provider.db, &client_id).await?;
    Ok(client.map_or(client_id, |client| client.client.name.clone()))
}

/// Everything that is known of a person, as one JSON document, and a line in their history that it was fetched.
///
/// # Errors
/// Storage or chance failed.
pub async fn export(provider: &Provider, signed: &Signed, visit: &Visit) -> Result<Value, Fault> {
    let (user, now) = (&signed.user, visit.now);
    let mut profile = profile_claims(&person(user, &user.sub));
    profile.insert("created_at".to_owned(), json!(user.created_at));
    let document = json!({
        "exported_at": now,
        "issuer": provider.issuer.as_str(),
        "profile": profile,
        "addresses": user.email.iter().map(|email| json!({ "email": email, "verified": user.email_verified })).collect::<Vec<_>>(),
        "identities": identities(provider, &user.id).await?,
        "sessions": sessions(provider, signed, now).await?,
        "second_factors": second_factors(provider, user).await?,
        "passkeys": passkeys(provider, &user.id).await?,
        "known_devices": devices(provider, &user.id).await?,
        "consents": consents(provider, &user.id).await?,
        "apps": apps(provider, signed, now).await?,
        "history": all_events(provider, &user.id).await?,
    });
    let mut event = audit_at("data_exported", user.id.as_str(), visit);
    event.user_id = Some(user.id.clone());
    let id = provider.new_id()?;
    provider.db.write(async move |tx| audits::write(tx, &id, &event).await).await?;
    Ok(document)
}

async fn sessions(provider: &Provider, signed: &Signed, now: Timestamp) -> Result<Vec<Value>, Fault> {
    let sessions = Account::of_user(provider, &signed.user.id, now).await?.sessions;
    let shown = sessions.into_iter().map(|session| {
        json!({
            "sid": session.sid,
            "current": session.id == signed.session.id,
            "begun_at": session.created_at,
            "auth_time": session.auth_time,
            "last_seen_at": session.last_seen_at,
            "expires_at": session.expires_at,
            "acr": session.acr,
            "amr": session.amr,
            "user_agent": session.user_agent,
            "address": session.address,
        })
    });
    Ok(shown.collect())
}

/// What the person has, without what it works with.
async fn second_factors(provider: &Provider, user: &User) -> Result<Value, Fault> {
    let own = Own::of(provider, user).await?;
    let shown = own.factors.iter().map(|factor| {
        json!({
            "kind": factor.kind,
            "name": factor.name,
            "created_at": factor.created_at,
            "last_used_at": factor.last_used_at,
        })
    });
    Ok(json!({ "factors": shown.collect::<Vec<_>>(), "recovery_codes_left": own.codes.count }))
}

async fn passkeys(provider: &Provider, user: &Id) -> Result<Vec<Value>, Fault> {
    let own = stored_passkeys::list(&mut provider.db.conn(), user).await?;
    let shown = own.into_iter().map(|passkey| {
        json!({
            "id": passkey.public_id,
            "name": passkey.name,
            "signs_in": passkey.signs_in,
            "synced": passkey.synced,
            "backed_up": passkey.backed_up,
            "created_at": passkey.created_at,
            "last_used_at": passkey.last_used_at,
        })
    });
    Ok(shown.collect())
}

async fn identities(provider: &Provider, user: &Id) -> Result<Vec<Value>, Fault> {
    let rows = linking::list(&mut provider.db.conn(), user).await?;
    let shown = rows.into_iter().map(|row| {
        json!({
            "issuer": row.issuer,
            "subject": row.subject,
            "shown": row.shown,
            "connected_at": row.created_at,
            "used_at": row.used_at,
        })
    });
    Ok(shown.collect())
}

async fn devices(provider: &Provider, user: &Id) -> Result<Vec<Value>, Fault> {
    let devices = known_devices::list_for_user(&mut provider.db.conn(), user, MOST).await?;
    Ok(devices.into_iter().map(|(first, last)| json!({ "first_seen_at": first, "last_seen_at": last })).collect())
}

async fn consents(provider: &Provider, user: &Id) -> Result<Vec<Value>, Fault> {
    let mut shown = Vec::new();
    for given in consents::with_times(&mut provider.db.conn(), user).await? {
        let name = app_name(provider, given.consent.client_id.clone()).await?;
        shown.push(json!({
            "client_id": given.consent.client_id,
            "name": name,
            "scope": given.consent.scope,
            "claims": given.consent.claims,
            "resources": given.consent.resources,
            "given_at": given.created_at,
            "changed_at": given.updated_at,
        }));
    }
    Ok(shown)
}

async fn apps(provider: &Provider, signed: &Signed, now: Timestamp) -> Result<Vec<Value>, Fault> {
    let apps = Account::of_user(provider, &signed.user.id, now).await?.apps;
    let held = grants::list_for_user(&mut provider.db.conn(), &signed.user.id, now, MOST).await?;
    let mut shown = Vec::new();
    for app in apps {
        let mut own = Vec::new();
        for (grant, created_at) in held.iter().filter(|(grant, _)| grant.client_id == app.client_id) {
            let detail = GrantDetail::read(&grant.detail)?;
            own.push(json!({
                "scope": detail.scope,
                "resources": detail.resources,
                "when_away": grant.offline,
                "since": created_at,
                "expires_at": grant.expires_at,
            }));
        }
        shown.push(json!({ "client_id": app.client_id, "name": app.name, "since": app.since, "permissions": own }));
    }
    Ok(shown)
}

async fn all_events(provider: &Provider, user: &Id) -> Result<Vec<Value>, Fault> {
    let filter = Filter { user_id: Some(user.clone()), limit: MOST, ..Filter::default() };
    let events = audits::list(&mut provider.db.conn(), &filter).await?;
    Ok(events.into_iter().map(|event| told(event, user)).collect())
}

fn told(event: AuditEvent, user: &Id) -> Value {
    let by = match by(&event, user) {
        By::Person => "you",
        By::Operator => "operator",
        By::App => "app",
        By::Stranger => "stranger",
        By::House => "house",
    };
    let detail: Map<String, Value> =
        TOLD.iter().filter_map(|name| event.detail.get(*name).map(|value| ((*name).to_owned(), value.clone()))).collect();
    json!({
        "at": event.at,
        "kind": event.kind,
        "by": by,
        "client_id": event.client_id,
        "address": event.address,
        "detail": detail,
    })
}
