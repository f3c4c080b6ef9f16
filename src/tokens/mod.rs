//! What somebody holds: the kinds of token, the one mint that makes them and the one place that checks them.
//!
//! Nothing here decides whether a person may have a token; `endpoints` does.

mod claims;
mod client_secret;
mod detail;
mod issue;
mod kinds;
mod refresh;
mod verify;

pub use claims::{Person, id_token_claims, profile_claims, userinfo_claims};
pub use client_secret::{FreshSecret, SecretChange};
pub use detail::{CodeDetail, GrantDetail};
pub use issue::{Farewell, Mint, Minted, Order, Recipe, Response, StoredAccess};
pub use kinds::{AuthorizationCode, InitialAccessToken, OpaqueAccessToken, RegistrationAccessToken};
pub use refresh::{Presented as PresentedRefresh, RefreshKey};
pub use verify::{AccessClaims, AccessToken, Hint, Verifier};
