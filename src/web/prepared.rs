//! An answer that is the same for everybody until something changes: bytes and their ETag, made once (RFC 9110 section 8.8.3).

use actix_web::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};

use crate::base::{base64url, sha256};

/// How long anybody may keep discovery and keys, in seconds. Keys are published at least this long before they are used.
pub const MAX_AGE_SECONDS: i64 = 3600;

/// Prepared bytes with their tag.
#[derive(Clone)]
pub struct Prepared {
    body: Bytes,
    etag: String,
}

impl Prepared {
    pub fn new(body: impl Into<Bytes>) -> Self {
        let body = body.into();
        let etag = format!("\"{}\"", base64url(&sha256(&body)));
        Self { body, etag }
    }

    /// Bytes whose tag was made where they were.
    pub fn tagged(body: impl Into<Bytes>, etag: &str) -> Self {
        Self { body: body.into(), etag: etag.to_owned() }
    }

    /// The bytes, or 304 for who has them already. Anybody may read them from any origin (decision 22).
    pub fn answer(&self, request: &HttpRequest) -> HttpResponse {
        let known = request.headers().get(IF_NONE_MATCH).and_then(|value| value.to_str().ok());
        let unchanged = known.is_some_and(|known| {
            known.split(',').map(str::trim).any(|tag| tag == "*" || tag.trim_start_matches("W/") == self.etag)
        });
        let mut response = if unchanged { HttpResponse::NotModified() } else { HttpResponse::Ok() };
        response
            .insert_header((ETAG, self.etag.as_str()))
            .insert_header((CACHE_CONTROL, "public, max-age=3600"))
            .insert_header((ACCESS_CONTROL_ALLOW_ORIGIN, "*"));
        if unchanged {
            return response.finish();
        }
        response.insert_header((CONTENT_TYPE, "application/json")).body(self.body.clone())
    }
}
