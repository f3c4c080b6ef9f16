//! The few files that pages load, compiled in. Each is served under a name that holds its content's hash, so browsers may
//! keep it for good, and a page of one version never meets a style sheet of another.

use std::sync::LazyLock;

use super::Prepared;
use crate::base::{base64url, sha256};

/// One file.
pub struct Asset {
    /// Where it is, below the issuer's path: `/static/vouchsafe-HASH.css`.
    pub path: String,
    pub content: Prepared,
}

static CSS: LazyLock<Asset> =
    LazyLock::new(|| named("css", "text/css; charset=utf-8", include_bytes!("../../static/vouchsafe.css")));
static SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| named("js", "text/javascript; charset=utf-8", include_bytes!("../../static/vouchsafe.js")));
static CHECK_SESSION: LazyLock<Asset> =
    LazyLock::new(|| named("js", "text/javascript; charset=utf-8", include_bytes!("../../static/check-session.js")));
static PASSKEYS: LazyLock<Asset> =
    LazyLock::new(|| named("js", "text/javascript; charset=utf-8", include_bytes!("../../static/passkeys.js")));
static ICON: LazyLock<Asset> = LazyLock::new(|| named("svg", "image/svg+xml", include_bytes!("../../static/vouchsafe.svg")));

/// The style sheet of every page.
pub fn css() -> &'static Asset {
    &CSS
}

/// The script: sends the form_post answer on, goes on after signing out, and copies.
pub fn script() -> &'static Asset {
    &SCRIPT
}

/// The script of the frame of session management.
pub fn check_session() -> &'static Asset {
    &CHECK_SESSION
}

/// The script of the pages where passkeys are used.
pub fn passkeys() -> &'static Asset {
    &PASSKEYS
}

/// The icon of the browser's tab.
pub fn icon() -> &'static Asset {
    &ICON
}

/// The file at `path`, which begins with `/static/`.
pub fn find(path: &str) -> Option<&'static Asset> {
    [css(), script(), check_session(), passkeys(), icon()].into_iter().find(|asset| asset.path == path)
}

fn named(extension: &str, media_type: &'static str, body: &'static [u8]) -> Asset {
    let hash: String = base64url(&sha256(body)).chars().take(12).collect();
    Asset { path: format!("/static/vouchsafe-{hash}.{extension}"), content: Prepared::file(media_type, body) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects the size of a page (product.md section 3) and the lookup by name.
    #[test]
    fn assets_are_small_and_found() {
        for asset in [css(), script(), check_session(), passkeys(), icon()] {
            assert!(asset.content.len() < 12 * 1024, "{}", asset.path);
            assert!(find(&asset.path).is_some());
        }
        assert!(find("/static/vouchsafe.css").is_none());
    }
}
