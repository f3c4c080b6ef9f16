//! Whether an unsafe request came from a page of ours (decision 11): a synchroniser token bound to the browser, and what
//! the browser itself says in `Origin` and `Sec-Fetch-Site`.

use actix_web::HttpRequest;
use actix_web::http::header::ORIGIN;

use crate::base::{Issuer, base64url, same};
use crate::jose::MacKey;

/// Makes and checks the tokens in our forms.
pub struct Csrf(MacKey);

impl Csrf {
    pub const fn new(key: MacKey) -> Self {
        Self(key)
    }

    /// The token for every form of one browser.
    pub fn token(&self, browser_hash: &str) -> String {
        base64url(&self.0.tag(browser_hash.as_bytes()))
    }

    /// Whether the request is from our own page in this browser.
    pub fn accepts(&self, request: &HttpRequest, issuer: &Issuer, browser_hash: &str, sent: Option<&str>) -> bool {
        let expected = self.token(browser_hash);
        from_here(request, issuer) && sent.is_some_and(|sent| same(sent.as_bytes(), expected.as_bytes()))
    }
}

/// Whether the browser itself says that a page of ours sent the request, whatever token came with it.
pub fn says_from_here(request: &HttpRequest, issuer: &Issuer) -> bool {
    let said = |name: &str| request.headers().contains_key(name);
    (said("sec-fetch-site") || said(ORIGIN.as_str())) && from_here(request, issuer)
}

/// What the browser says of where the request comes from; a client that says nothing has the token alone to show.
fn from_here(request: &HttpRequest, issuer: &Issuer) -> bool {
    let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap_or("unreadable"));
    let site = header("sec-fetch-site").is_none_or(|site| site == "same-origin");
    // A page with a secret in its URL tells nobody where it was, and its forms come with `null`; the other header says then
    // whose page it was.
    let vouched = header("sec-fetch-site") == Some("same-origin");
    let origin = header(ORIGIN.as_str()).is_none_or(|origin| origin == issuer.origin() || (origin == "null" && vouched));
    site && origin
}
