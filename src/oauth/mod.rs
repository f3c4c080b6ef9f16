//! The words and rules of OAuth 2.0 and OpenID Connect as types: what a request may say, what a client may be.
//!
//! Everything here is pure: no I/O, no async, no time and no chance of its own, so that each rule is a table of cases at
//! the end of its file. Nothing here knows a database, a page or a signature.

pub mod claims;
pub mod client;
mod client_metadata;
mod client_rules;
mod error;
mod grant;
pub mod locale;
pub mod logo;
mod params;
pub mod pkce;
mod prompt;
pub mod redirect_uri;
pub mod registration;
mod registration_reader;
pub mod request_object;
mod response;
pub mod scope;
mod standard_claims;
pub mod token_request;
mod words;

pub use claims::{ClaimsRequest, Want, claims_for_scope, claims_of_scope};
pub use client::{AccessTokenFormat, ApplicationType, Client, ConsentPolicy, FactorPolicy, PkcePolicy, Problem, RefreshPolicy};
pub use client_metadata::{ContentEncryption, Encryption, KeyEncryption, Metadata, RegisteredBy, SubjectType};
pub use error::{Error, ErrorCode};
pub use grant::{AuthMethod, GrantType};
pub use locale::{Lang, negotiate};
pub use params::Params;
pub use pkce::Challenge;
pub use prompt::Prompt;
pub use redirect_uri::RedirectUri;
pub use response::{ResponseMode, ResponseType};
pub use scope::Scope;
pub use standard_claims::StandardClaims;
pub use token_request::TokenRequest;
