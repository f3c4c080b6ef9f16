//! An answer that is the same for everybody until something changes: bytes with their ETag (RFC 9110 section 8.8.3), plain and
//! compressed, made once. Pages are never compressed: they carry a secret beside what a stranger can put there.

use std::io::Write as _;
use std::sync::{Arc, PoisonError, RwLock};

use actix_web::http::header::{
    ACCEPT_ENCODING, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::base::{base64url, sha256};

/// How long anybody may keep discovery and keys, in seconds. Keys are published at least this long before they are used.
pub const MAX_AGE_SECONDS: i64 = 3600;

/// Prepared bytes with their tags.
#[derive(Clone)]
pub struct Prepared {
    plain: Tagged,
    /// There is none where it would not be smaller.
    gzip: Option<Tagged>,
    kind: Kind,
}

#[derive(Clone)]
struct Tagged {
    body: Bytes,
    etag: String,
}

#[derive(Clone, Copy)]
enum Kind {
    /// Metadata, which anybody may read from any origin (decision 22).
    Document,
    /// A file of the pages, under a name that changes with its content.
    File { media_type: &'static str },
}

impl Prepared {
    /// A JSON document of the metadata.
    pub fn document(body: impl Into<Bytes>) -> Self {
        Self::of(body.into(), Kind::Document)
    }

    /// A file that pages load.
    pub fn file(media_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self::of(body.into(), Kind::File { media_type })
    }

    fn of(body: Bytes, kind: Kind) -> Self {
        let hash = base64url(&sha256(&body));
        let gzip = gzip(&body).filter(|small| small.len() < body.len());
        let gzip = gzip.map(|small| Tagged { body: small.into(), etag: format!("\"{hash}-gzip\"") });
        Self { plain: Tagged { body, etag: format!("\"{hash}\"") }, gzip, kind }
    }

    /// How many bytes it has before it is compressed.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.plain.body.len()
    }

    /// The bytes, or 304 for who has them already.
    pub fn answer(&self, request: &HttpRequest) -> HttpResponse {
        let chosen = match &self.gzip {
            Some(gzip) if takes_gzip(request) => gzip,
            _ => &self.plain,
        };
        let known = request.headers().get(IF_NONE_MATCH).and_then(|value| value.to_str().ok());
        let unchanged = known.is_some_and(|known| {
            known.split(',').map(str::trim).any(|tag| tag == "*" || tag.trim_start_matches("W/") == chosen.etag)
        });
        let mut response = if unchanged { HttpResponse::NotModified() } else { HttpResponse::Ok() };
        response.insert_header((ETAG, chosen.etag.as_str())).insert_header((VARY, "accept-encoding"));
        let media_type = match self.kind {
            Kind::Document => {
                response.insert_header((CACHE_CONTROL, "public, max-age=3600")).insert_header((ACCESS_CONTROL_ALLOW_ORIGIN, "*"));
                "application/json"
            }
            Kind::File { media_type } => {
                response.insert_header((CACHE_CONTROL, "public, max-age=31536000, immutable"));
                media_type
            }
        };
        if unchanged {
            return response.finish();
        }
        if chosen.etag != self.plain.etag {
            response.insert_header((CONTENT_ENCODING, "gzip"));
        }
        response.insert_header((CONTENT_TYPE, media_type)).body(chosen.body.clone())
    }
}

/// Whether gzip is welcome, and at least as welcome as nothing (RFC 9110 section 12.5.3).
fn takes_gzip(request: &HttpRequest) -> bool {
    let (mut gzip, mut identity, mut any) = (None, None, None);
    for line in request.headers().get_all(ACCEPT_ENCODING) {
        for item in line.to_str().unwrap_or_default().split(',') {
            let (coding, weight) = item.split_once(';').unwrap_or((item, ""));
            let quality = match weight.split_once('=') {
                Some((q, value)) if q.trim().eq_ignore_ascii_case("q") => value.trim().parse().unwrap_or(0.0),
                _ => 1.0_f32,
            };
            match coding.trim() {
                "*" => any = Some(quality),
                coding if coding.eq_ignore_ascii_case("gzip") || coding.eq_ignore_ascii_case("x-gzip") => gzip = Some(quality),
                coding if coding.eq_ignore_ascii_case("identity") => identity = Some(quality),
                _ => {}
            }
        }
    }
    let gzip = gzip.or(any).unwrap_or(0.0);
    gzip > 0.0 && gzip >= identity.unwrap_or(0.0)
}

fn gzip(body: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).ok()?;
    encoder.finish().ok()
}

/// The published keys as they are answered, prepared anew when they change.
#[derive(Default)]
pub struct Jwks(RwLock<Option<(String, Arc<Prepared>)>>);

impl Jwks {
    /// The answer for `body`, which `version` tells from every other.
    pub fn prepared(&self, version: &str, body: &[u8]) -> Arc<Prepared> {
        if let Some((known, prepared)) = self.0.read().unwrap_or_else(PoisonError::into_inner).as_ref()
            && known == version
        {
            return Arc::clone(prepared);
        }
        let prepared = Arc::new(Prepared::document(body.to_vec()));
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some((version.to_owned(), Arc::clone(&prepared)));
        prepared
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    /// RFC 9110 section 12.5.3: what a client may say of codings.
    #[test]
    fn codings() {
        for (said, gzip) in [
            ("gzip", true),
            ("GZIP", true),
            ("gzip, deflate, br, zstd", true),
            ("br;q=1.0, gzip;q=0.2", true),
            ("*", true),
            ("identity;q=0.5, *;q=0.8", true),
            ("identity;q=0, gzip;q=0.1", true),
            ("gzip;q=0, *", false),
            ("gzip;q=0", false),
            ("gzip; q=0.000", false),
            ("gzip;q=none", false),
            ("*;q=0", false),
            ("identity", false),
            ("identity;q=1, gzip;q=0.5", false),
            ("br", false),
            ("", false),
            ("gzipped", false),
        ] {
            let request = TestRequest::default().insert_header((ACCEPT_ENCODING, said)).to_http_request();
            assert_eq!(takes_gzip(&request), gzip, "{said:?}");
        }
        assert!(!takes_gzip(&TestRequest::default().to_http_request()));
    }
}
