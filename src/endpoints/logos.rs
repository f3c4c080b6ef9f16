//! The logos of apps: stored with the client, found by their digest.

use base64::Engine as _;

use super::Provider;
use crate::base::Fault;
use crate::store::clients;

/// A checked picture.
pub struct Logo {
    pub media_type: String,
    pub image: Vec<u8>,
}

/// # Errors
/// Storage failed, or the row is broken.
pub async fn logo(provider: &Provider, digest: &str) -> Result<Option<Logo>, Fault> {
    let Some(row) = clients::logo(&mut provider.db.conn(), digest).await? else { return Ok(None) };
    let image = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(&row.image);
    let image = image.map_err(|_| Fault::corrupt("client_logos", "image"))?;
    Ok(Some(Logo { media_type: row.media_type, image }))
}
