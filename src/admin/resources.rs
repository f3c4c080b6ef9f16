//! Resources: the APIs that access tokens can be made out to (RFC 8707, decision 21).

pub use crate::store::resources::Resource;

use super::{Desk, Refusal};
use crate::base::Fault;
use crate::oauth::{Problem, Scope};
use crate::store::{audit, changes, resources};

/// The longest identifier of a resource, in bytes.
const LONGEST_URI: usize = 2048;

/// Registers a resource.
///
/// # Errors
/// What was given is not valid, the URI is taken, or something broke.
pub async fn add(desk: &Desk, uri: &str, name: &str, scope: &str) -> Result<Resource, Refusal> {
    let mut problems = Vec::new();
    if let Err(why) = check_uri(uri) {
        problems.push(Problem { field: "id", why: why.to_owned() });
    }
    if !(1..=100).contains(&name.trim().chars().count()) || name.chars().any(char::is_control) {
        problems.push(Problem { field: "name", why: "must have 1 to 100 characters".to_owned() });
    }
    let scope = Scope::parse(scope).unwrap_or_else(|error| {
        problems.push(Problem { field: "scope", why: error.why.trim_start_matches("scope ").to_owned() });
        Scope::empty()
    });
    if !problems.is_empty() {
        return Err(Refusal::Invalid(problems));
    }
    let resource = Resource { uri: uri.to_owned(), name: name.trim().to_owned(), scope, created_at: desk.now() };
    let (event_id, mut event) = desk.event("resource_added")?;
    event.detail = serde_json::json!({ "resource": uri });
    let (id, row) = (desk.new_id()?, resource.clone());
    let is_new = desk.db.write(async move |tx| {
        if !resources::insert(tx, &id, &row).await? {
            return Ok(false);
        }
        audit::write(tx, &event_id, &event).await?;
        changes::raise(tx, changes::Topic::Resources).await?;
        Ok(true)
    });
    if is_new.await? { Ok(resource) } else { Err(Refusal::Taken(format!("a resource {uri}"))) }
}

/// RFC 8707 section 2: an absolute URI without a fragment.
fn check_uri(uri: &str) -> Result<(), &'static str> {
    let is_plain = uri.len() <= LONGEST_URI && uri.bytes().all(|byte| byte.is_ascii_graphic());
    match url::Url::parse(uri) {
        Ok(url) if is_plain && url.fragment().is_none() => Ok(()),
        _ => Err("must be an absolute URI without a fragment, like https://api.example.com"),
    }
}

/// # Errors
/// Storage failed.
pub async fn list(desk: &Desk) -> Result<Vec<Resource>, Fault> {
    resources::list(&mut desk.db.conn()).await
}

/// Removes a resource; tokens that were made out to it live until they end.
///
/// # Errors
/// There is none, or something broke.
pub async fn remove(desk: &Desk, uri: &str) -> Result<(), Refusal> {
    let (event_id, mut event) = desk.event("resource_removed")?;
    event.detail = serde_json::json!({ "resource": uri });
    let row = uri.to_owned();
    let was_there = desk.db.write(async move |tx| {
        if !resources::remove(tx, &row).await? {
            return Ok(false);
        }
        audit::write(tx, &event_id, &event).await?;
        changes::raise(tx, changes::Topic::Resources).await?;
        Ok(true)
    });
    if was_there.await? { Ok(()) } else { Err(Refusal::NotFound(format!("resource {uri}"))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8707 section 2.
    #[test]
    fn uris() {
        for (uri, is_good) in [
            ("https://api.test", true),
            ("https://api.test/v1?x=1", true),
            ("urn:example:api", true),
            ("api.test", false),
            ("https://api.test/#part", false),
            ("https://api.test/ x", false),
            ("", false),
        ] {
            assert_eq!(check_uri(uri).is_ok(), is_good, "{uri}");
        }
    }
}
