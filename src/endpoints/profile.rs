//! What a person says about themselves: the standard claims that they may set (OpenID Connect Core section 5.1). Whatever else
//! is stored of them stays as it is, whatever a form says (AD-02).

use serde_json::{Map, Value};

use super::{Provider, Signed, Visit, audit_at};
use crate::base::Fault;
use crate::identity::{sessions, users};
use crate::oauth::StandardClaims;
use crate::store::audit as audits;

/// The claims that are one line.
pub const LINES: [&str; 11] = [
    "name",
    "given_name",
    "family_name",
    "nickname",
    "preferred_username",
    "picture",
    "website",
    "gender",
    "birthdate",
    "zoneinfo",
    "phone_number",
];

/// The members of the claim `address`.
pub const ADDRESS: [&str; 6] = ["formatted", "street_address", "locality", "region", "postal_code", "country"];

/// What became of a form.
pub enum Saved {
    Done,
    /// The names of the claims that cannot be stored so.
    Refused(Vec<&'static str>),
    /// Somebody else changed the claims since they were read.
    Overtaken,
}

/// The claims of a person with what `typed` says of them: what is not typed is taken away.
fn merged<'a>(before: &Map<String, Value>, typed: impl Fn(&str) -> Option<&'a str>) -> Map<String, Value> {
    let mut claims = before.clone();
    for name in LINES.into_iter().chain(["locale"]) {
        put(&mut claims, name, typed(name).unwrap_or_default());
    }
    // Another number is not the one that was verified.
    if claims.get("phone_number") != before.get("phone_number") {
        claims.remove("phone_number_verified");
    }
    let mut address = before.get("address").and_then(Value::as_object).cloned().unwrap_or_default();
    for name in ADDRESS {
        // Forms send both characters of a line break.
        put(&mut address, name, &typed(name).unwrap_or_default().replace("\r\n", "\n"));
    }
    claims.remove("address");
    if !address.is_empty() {
        claims.insert("address".to_owned(), Value::Object(address));
    }
    claims
}

fn put(claims: &mut Map<String, Value>, name: &str, text: &str) {
    match text.trim() {
        "" => drop(claims.remove(name)),
        text => drop(claims.insert(name.to_owned(), Value::from(text))),
    }
}

/// Names of claims that are different.
fn changed(before: &Map<String, Value>, after: &Map<String, Value>) -> Vec<String> {
    let names: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    names.into_iter().filter(|name| before.get(*name) != after.get(*name)).cloned().collect()
}

/// Stores what a person typed, or nothing of it.
///
/// # Errors
/// Storage or chance failed, or the session ended in the meantime.
pub async fn save<'a>(
    provider: &Provider,
    signed: &Signed,
    typed: impl Fn(&str) -> Option<&'a str>,
    visit: &Visit,
) -> Result<Saved, Fault> {
    let Signed { session, user } = signed.clone();
    let claims = merged(&user.claims, typed);
    let names = changed(&user.claims, &claims);
    if names.is_empty() {
        return Ok(Saved::Done);
    }
    let mut wrong: Vec<&'static str> = Vec::new();
    if let Err(problems) = StandardClaims::check(claims.clone()) {
        wrong.extend(problems.iter().map(|problem| problem.field));
    }
    // A picture is shown as a link on pages of ours, and by apps.
    let is_https = |text: &str| text.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"));
    let picture = claims.get("picture").filter(|_| names.iter().any(|name| name == "picture"));
    if picture.and_then(Value::as_str).is_some_and(|text| !is_https(text)) && !wrong.contains(&"picture") {
        wrong.push("picture");
    }
    if !wrong.is_empty() {
        return Ok(Saved::Refused(wrong));
    }
    let mut record = audit_at("profile_changed", user.id.as_str(), visit);
    record.user_id = Some(user.id.clone());
    record.detail = serde_json::json!({ "claims": names, "user_agent": visit.user_agent });
    let (id, now) = (provider.new_id()?, visit.now);
    let done = provider
        .db
        .write(async move |tx| {
            sessions::still_open(tx, &session.id, now).await?;
            let done = users::change_claims(tx, &user, &claims, now).await?;
            if done {
                audits::write(tx, &id, &record).await?;
            }
            Ok(done)
        })
        .await?;
    Ok(if done { Saved::Done } else { Saved::Overtaken })
}
