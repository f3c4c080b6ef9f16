//! `user factors|reset-factors`: what a person has beside their password, and a way on for who has lost it.

use serde_json::{Value, json};

use super::answer::{Answer, Failure, table};
use super::words::moment;
use crate::admin::Desk;
use crate::admin::factors::{self, Factor, Passkey, Reset};
use crate::app;
use crate::config::Config;
use crate::identity::passkeys::{PASSKEY, SECURITY_KEY};

pub async fn show(desk: &Desk, who: &str) -> Result<Answer, Failure> {
    let held = factors::held(desk, who).await?;
    let used = |factor: &Factor| factor.last_used_at.map_or_else(|| "-".to_owned(), moment);
    let row = |factor: &Factor| {
        vec![factor.id.to_string(), factor.kind.clone(), factor.name.clone(), moment(factor.created_at), used(factor)]
    };
    let mut rows: Vec<_> = held.factors.iter().map(row).collect();
    rows.extend(held.passkeys.iter().map(passkey_row));
    let mut text = table(&["ID", "KIND", "NAME", "SINCE", "LAST USED"], &rows);
    text.push_str(&format!("\nrecovery codes left: {}", held.codes_left));
    if !held.groups.is_empty() {
        text.push_str(&format!("\ngroups: {}", held.groups.join(", ")));
    }
    if let Some(at) = held.reset_at {
        text.push_str(&format!("\neverything is removed {}", moment(at)));
    }
    let json = json!({
        "factors": held.factors.iter().map(as_json).chain(held.passkeys.iter().map(passkey_json)).collect::<Vec<_>>(),
        "recovery_codes_left": held.codes_left,
        "groups": held.groups,
        "reset_at": held.reset_at,
    });
    Ok(Answer::new(text, json))
}

/// The words of both kinds of passkeys.
const fn kind(passkey: &Passkey) -> &'static str {
    if passkey.signs_in { PASSKEY } else { SECURITY_KEY }
}

fn passkey_row(own: &Passkey) -> Vec<String> {
    let used = own.last_used_at.map_or_else(|| "-".to_owned(), moment);
    vec![own.public_id.clone(), kind(own).to_owned(), own.name.clone(), moment(own.created_at), used]
}

fn passkey_json(own: &Passkey) -> Value {
    json!({
        "id": own.public_id,
        "kind": kind(own),
        "name": own.name,
        "synced": own.synced,
        "created_at": own.created_at,
        "last_used_at": own.last_used_at,
    })
}

fn as_json(factor: &Factor) -> Value {
    json!({
        "id": factor.id,
        "kind": factor.kind,
        "name": factor.name,
        "created_at": factor.created_at,
        "last_used_at": factor.last_used_at,
    })
}

pub async fn reset(desk: &Desk, config: &Config, who: &str, wish: Reset) -> Result<Answer, Failure> {
    let post = app::post(config, &desk.vault)?;
    let links = |path: &str| config.issuer.join(path);
    let at = factors::reset(desk, (&post, &links), who, wish).await?;
    let text = match at {
        Some(at) => format!("every second factor of {who} is removed {}", moment(at)),
        None => format!("the second factors of {who} stay"),
    };
    Ok(Answer::new(text, json!({ "reset_at": at })))
}
