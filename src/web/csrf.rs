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

/// Why a form is not taken, for the operator: the usual case is a page that was opened by another name of this host.
pub fn why_not(request: &HttpRequest, issuer: &Issuer) -> String {
    let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap_or("unreadable"));
    let ours = issuer.origin();
    match (header(ORIGIN.as_str()), header("sec-fetch-site")) {
        (Some(origin), _) if origin != ours && origin != "null" => format!("it came from {origin:?}, and ours is {ours:?}"),
        _ if from_here(request, issuer) => "its token is not one of this browser".to_owned(),
        (_, site) => format!("the browser says {:?} of where it came from, and ours is {ours:?}", site.unwrap_or("nothing")),
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    /// The operator reads which page sent a form, and which would have been ours.
    #[test]
    fn why_a_form_is_not_taken() {
        let issuer = Issuer::parse("http://localhost:48212").unwrap();
        let why = |headers: &[(&'static str, &'static str)]| {
            let request = headers.iter().fold(TestRequest::default(), |request, header| request.insert_header(*header));
            why_not(&request.to_http_request(), &issuer)
        };
        let other = why(&[("origin", "http://127.0.0.1:48212"), ("sec-fetch-site", "same-origin")]);
        assert_eq!(other, r#"it came from "http://127.0.0.1:48212", and ours is "http://localhost:48212""#);
        assert!(why(&[("origin", "null"), ("sec-fetch-site", "cross-site")]).contains("\"cross-site\""));
        assert!(why(&[("origin", "null")]).contains("nothing"));
        for ours in [&[("origin", "http://localhost:48212"), ("sec-fetch-site", "same-origin")][..], &[]] {
            assert_eq!(why(ours), "its token is not one of this browser");
        }
    }
}
