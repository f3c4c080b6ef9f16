//! What a registration names elsewhere and is fetched once, through the guard: the list of a sector's redirect URIs
//! (OpenID Connect Core section 8.1) and the logo (decision 16).
//!
//! Every way in which nothing usable came has the same words: an error must not tell what only we can reach.

use serde_json::Value;

use super::{Provider, Refused};
use crate::oauth::Client;
use crate::oauth::logo::{self, Logo};

/// Fetches what changed since `before` and checks it; the logo is to be stored with the client, which names it then.
pub(super) async fn fetch(provider: &Provider, before: Option<&Client>, client: &mut Client) -> Result<Option<Logo>, Refused> {
    let sector = client.more.sector_identifier_uri.as_deref();
    let has_same_sector = before.is_some_and(|before| {
        before.more.sector_identifier_uri.as_deref() == sector && before.redirect_uris == client.redirect_uris
    });
    if let Some(uri) = sector.filter(|_| !has_same_sector) {
        check_sector(provider, uri, client).await?;
    }
    let had = before.and_then(|before| before.more.logo_uri.as_deref());
    match client.more.logo_uri.as_deref() {
        uri if uri == had => Ok(None),
        None => {
            client.logo = None;
            Ok(None)
        }
        Some(uri) => {
            let bytes = get(provider, "logo_uri", uri).await?;
            let logo = logo::check(&bytes).map_err(|why| Refused::metadata("logo_uri", format!("{why} there")))?;
            client.logo = Some(logo.digest.clone());
            Ok(Some(logo))
        }
    }
}

async fn check_sector(provider: &Provider, uri: &str, client: &Client) -> Result<(), Refused> {
    let bytes = get(provider, "sector_identifier_uri", uri).await?;
    let wrong = |why| Refused::metadata("sector_identifier_uri", why);
    let listed: Vec<Value> = serde_json::from_slice(&bytes).map_err(|_| wrong("must lead to a JSON array of strings"))?;
    if !listed.iter().all(Value::is_string) {
        return Err(wrong("must lead to a JSON array of strings"));
    }
    let is_listed = |uri: &str| listed.iter().any(|one| one.as_str() == Some(uri));
    if client.redirect_uris.iter().all(|uri| is_listed(uri.as_str())) {
        Ok(())
    } else {
        Err(wrong("must lead to a list with every redirect URI in it"))
    }
}

async fn get(provider: &Provider, field: &str, uri: &str) -> Result<Vec<u8>, Refused> {
    match provider.outbound.get(uri).await {
        Ok(answer) if answer.status() == 200 => Ok(answer.into_body()),
        Ok(_) | Err(_) => Err(Refused::metadata(field, "could not be fetched")),
    }
}
