//! What is done with the table of endpoints: it is put below the issuer's path, and asked about a path.

use actix_web::HttpResponse;
use actix_web::web::{self, ServiceConfig};

use super::routes::{CHANGE_PASSWORD, ENDPOINTS, RELATED_ORIGINS};
use super::status;

/// Puts the table below the issuer's path.
pub fn configure(base: &str, config: &mut ServiceConfig) {
    for endpoint in ENDPOINTS {
        // RFC 8414 section 3.1: the well-known part stands before the issuer's path.
        let path = match endpoint.path {
            "/.well-known/oauth-authorization-server" => format!("{}{base}", endpoint.path),
            CHANGE_PASSWORD | RELATED_ORIGINS => endpoint.path.to_owned(),
            path => format!("{base}{path}"),
        };
        let resource = web::resource(path).default_service(web::to(status::wrong_method));
        config.service((endpoint.route)(resource));
    }
}

/// The members of the discovery document that are endpoints.
pub fn metadata() -> impl Iterator<Item = (&'static str, &'static str)> {
    ENDPOINTS.iter().filter_map(|endpoint| endpoint.metadata.map(|name| (name, endpoint.path)))
}

/// The place in the table of a router's pattern.
pub fn position(pattern: &str, base: &str) -> Option<usize> {
    let own = pattern.strip_prefix(base).unwrap_or(pattern);
    let own = own.strip_suffix(base).filter(|_| own.starts_with("/.well-known/oauth")).unwrap_or(own);
    ENDPOINTS.iter().position(|endpoint| endpoint.path == own)
}

/// Whether a path that leads nowhere may hold the secret of a link, with something too much behind it.
pub fn may_hold_secret(path: &str, base: &str) -> bool {
    let own = path.strip_prefix(base).unwrap_or(path);
    let links = ENDPOINTS.iter().filter(|endpoint| endpoint.has_secret());
    links.filter_map(|endpoint| endpoint.path.strip_suffix("{token}")).any(|start| own.starts_with(start))
}

/// The `Allow` header of a path that was asked with another method (RFC 9110 section 10.2.1).
pub fn allowed(pattern: &str, base: &str) -> String {
    let endpoint = position(pattern, base).and_then(|at| ENDPOINTS.get(at));
    endpoint.map(|endpoint| endpoint.methods.join(", ")).unwrap_or_default()
}

/// 404 for everything that is not in the table.
pub async fn nothing_here(request: actix_web::HttpRequest, state: web::Data<super::State>) -> HttpResponse {
    super::person::error::show(&state, &request, super::pages::Kind::NotFound, None)
}
