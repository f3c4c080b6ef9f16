//! Other parties that speak the protocol: upstream providers that people sign in with, and the demo's own relying party.
//!
//! A connector takes a person to a provider and comes back with who they are there. It knows no user, no browser and no
//! database; every request of it goes through the guarded client.

mod apple;
mod breaker;
mod connector;
pub mod demo_rp;
pub mod demo_upstreams;
mod discovery;
mod examine;
mod github;
mod id_token;
mod kind;
mod logout;
mod mapping;
mod oidc;
mod upstream;
mod wire;

pub use breaker::{Breaker, Health, Pass};
pub use connector::{Answer, Connector, Departure, Ended, Keepsake, Parting, Trouble, UpstreamIdentity, Wish};
pub use examine::{Step, examine};
pub use kind::{Kind, Preset};
pub use mapping::{Mapping, Profile, TARGETS};
pub use upstream::{AppleKey, Switch, Upstream, Visibility};

use crate::base::Secret;
use crate::outbound::Outbound;

/// The connector of an upstream. Nothing is fetched yet.
pub fn connect(upstream: &Upstream, secret: Secret<String>, outbound: Outbound) -> Box<dyn Connector> {
    match upstream.kind {
        Kind::GitHub => Box::new(github::GitHub::new(upstream.clone(), secret, outbound)),
        _ => Box::new(oidc::Oidc::new(upstream.clone(), secret, outbound)),
    }
}

/// The codes by which a provider says that it cannot. In an answer that a browser brought anybody can have written them: they count
/// for nothing but the words of a page.
pub const UNAVAILABLE: [&str; 2] = ["temporarily_unavailable", "server_error"];

/// The most keys that are tried for a token that does not say which one signed it.
const MOST_TRIED: usize = 20;

/// The longest code that is taken, in bytes.
const LONGEST_CODE: usize = 2048;

/// The code that came (RFC 6749 appendix A.11: VSCHAR). What cannot be one is not sent to a provider, however it would take it.
fn code_of(answer: &Answer) -> Result<&str, Trouble> {
    let is_code = |code: &&str| (1..=LONGEST_CODE).contains(&code.len()) && code.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    answer.params.get("code").filter(is_code).ok_or(Trouble::Wrong("neither an error came nor anything that can be a code"))
}

/// What an error code of a provider means. Nothing that it or a stranger wrote goes further than a plain word.
fn words_of(code: &str) -> Trouble {
    let is_plain = code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    match code {
        "access_denied" | "user_cancelled_authorize" => Trouble::Cancelled,
        code if is_plain => Trouble::Refused(code.to_owned()),
        _ => Trouble::Refused("an error without a name".to_owned()),
    }
}

/// Whether a `sub` or `sid` is one that can be kept: 1 to 255 characters (OpenID Connect Core section 2), none of them a control.
fn is_identifier(text: &str) -> bool {
    (1..=255).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}
