//! The door that speaks HTTP: requests become typed input, typed answers become responses.
//!
//! It is the only room that knows actix-web and askama. It decides nothing that an RFC decides.

mod account_schemas;
pub mod answer;
mod assets;
mod cookies;
mod csrf;
pub mod demo;
mod demo_upstreams;
mod door;
mod endpoint;
mod entrance;
mod extract;
mod headers;
pub mod limits;
mod metrics;
pub mod oauth;
mod openapi;
pub mod pages;
mod parameters;
pub mod person;
mod prepared;
mod router;
pub mod routes;
mod state;
mod status;
pub mod texts;
mod tls;

pub use csrf::Csrf;
pub use door::{Handle, Listen, MetricsServer, Serving, Shared, serve, serve_metrics};
pub use metrics::Metrics;
pub use openapi::document as openapi_document;
pub use pages::HouseLook;
pub use prepared::{Jwks, MAX_AGE_SECONDS, Prepared};
pub use state::{ACCENT_CSS_PATH, State, accent_css};
pub use tls::TlsFiles;
