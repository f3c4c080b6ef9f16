//! What a provider says of itself (OpenID Connect Discovery) and its keys: fetched when first needed, kept for an hour, and its
//! keys fetched again when no known one verifies a token, once a minute at most whatever strangers send.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use openidconnect::core::{
    CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreGrantType, CoreJsonWebKey, CoreJsonWebKeySet,
    CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreResponseMode, CoreResponseType,
    CoreSubjectIdentifierType,
};
use openidconnect::{AdditionalProviderMetadata, DiscoveryError, IssuerUrl, ProviderMetadata};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::connector::Trouble;
use super::wire::http;
use crate::base::Timestamp;
use crate::outbound::Outbound;

/// Seconds after which everything is fetched again.
const OLD_SECONDS: i64 = 3600;

/// Seconds between two tries to fetch the same thing again.
const PAUSE_SECONDS: i64 = 60;

/// How long somebody waits for what is known already, only not lately.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the library does not read by itself.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct Further {
    /// RFC 9207 section 3.
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
    /// RP-Initiated Logout section 2.1. Whatever it is, it spoils nothing but itself.
    #[serde(default)]
    pub end_session_endpoint: Value,
}

impl AdditionalProviderMetadata for Further {}

pub(super) type Metadata = ProviderMetadata<
    Further,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// A provider as it was seen last.
pub(super) struct Known {
    pub metadata: Metadata,
    pub keys: CoreJsonWebKeySet,
    fetched_at: Timestamp,
}

/// One provider's metadata and keys.
#[derive(Default)]
pub(super) struct Discovered {
    state: Mutex<State>,
    /// Whoever fetches; the others wait for what comes of it, each as long as their own time lasts.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    known: Option<Arc<Known>>,
    tried_at: Option<Timestamp>,
    /// When newer keys were fetched last for a sign-in, and for a logout token.
    keys_tried_at: [Option<Timestamp>; 2],
}

/// For what newer keys are wanted. Anybody can send a logout token that names a key which there is not: such tokens have a pause of their own,
/// and use up none that a sign-in needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asker {
    SignIn,
    LogoutToken,
}

impl State {
    /// Whether everything was asked for a moment ago, whatever came of it.
    fn was_tried(&self, now: Timestamp) -> bool {
        self.tried_at.is_some_and(|at| now.since(at) < PAUSE_SECONDS)
    }

    /// Takes the one try that there is in a pause; false if it was taken. A logout token waits for the sign-ins' pause as well.
    fn may_try(&mut self, asker: Asker, now: Timestamp) -> bool {
        let [sign_in, logout_token] = self.keys_tried_at;
        let is_recent = |at: Option<Timestamp>| at.is_some_and(|at| now.since(at) < PAUSE_SECONDS);
        let is_taken = is_recent(sign_in) || asker == Asker::LogoutToken && is_recent(logout_token);
        if !is_taken {
            self.keys_tried_at = match asker {
                Asker::SignIn => [Some(now), logout_token],
                Asker::LogoutToken => [sign_in, Some(now)],
            };
        }
        !is_taken
    }
}

impl Discovered {
    /// The provider as it is known, fetched if need be. What is old goes on while the provider does not answer, and for everybody else while
    /// somebody fetches. For a logout token nothing is fetched that was tried a moment ago.
    pub(super) async fn known(
        &self,
        outbound: &Outbound,
        issuer: &str,
        asker: Asker,
        now: Timestamp,
    ) -> Result<Arc<Known>, Trouble> {
        if let Some(known) = self.fresh(now) {
            return Ok(known);
        }
        let _turn = self.turn.lock().await;
        if let Some(known) = self.fresh(now) {
            return Ok(known);
        }
        let old = {
            let mut state = self.state();
            if asker == Asker::LogoutToken && state.was_tried(now) {
                return Err(Trouble::Down("it did not answer a moment ago"));
            }
            state.tried_at = Some(now);
            state.known.clone()
        };
        let fetching = fetch(outbound, issuer, now);
        let fetched = match old {
            Some(_) => tokio::time::timeout(PATIENCE, fetching).await.unwrap_or(Err(Trouble::Down("it took too long"))),
            None => fetching.await,
        };
        match (fetched, old) {
            (Ok(known), _) => {
                let known = Arc::new(known);
                self.state().known = Some(Arc::clone(&known));
                Ok(known)
            }
            (Err(trouble), Some(old)) if trouble.is_fault() || trouble.is_down() => {
                tracing::warn!(%trouble, "what is known of an upstream is old and stays in use");
                Ok(old)
            }
            (Err(trouble), _) => Err(trouble),
        }
    }

    /// Fetches everything again, whatever is known.
    pub(super) async fn renew(&self, outbound: &Outbound, issuer: &str, now: Timestamp) -> Result<(), Trouble> {
        let _turn = self.turn.lock().await;
        self.state().tried_at = Some(now);
        let known = fetch(outbound, issuer, now).await?;
        self.state().known = Some(Arc::new(known));
        Ok(())
    }

    /// With keys that were fetched after `seen`; as it was if that was tried a moment ago.
    pub(super) async fn with_newer_keys(
        &self,
        outbound: &Outbound,
        seen: &Arc<Known>,
        asker: Asker,
        now: Timestamp,
    ) -> Result<Arc<Known>, Trouble> {
        let _turn = self.turn.lock().await;
        {
            let mut state = self.state();
            if let Some(known) = state.known.as_ref().filter(|known| !Arc::ptr_eq(known, seen)) {
                return Ok(Arc::clone(known));
            }
            if !state.may_try(asker, now) {
                return Ok(Arc::clone(seen));
            }
        }
        let http = http(outbound);
        let keys = CoreJsonWebKeySet::fetch_async(seen.metadata.jwks_uri(), &http).await.map_err(trouble)?;
        let known = Arc::new(Known { metadata: seen.metadata.clone(), keys, fetched_at: seen.fetched_at });
        self.state().known = Some(Arc::clone(&known));
        Ok(known)
    }

    fn fresh(&self, now: Timestamp) -> Option<Arc<Known>> {
        let state = self.state();
        let known = state.known.as_ref()?;
        let is_young = now.since(known.fetched_at) < OLD_SECONDS;
        (is_young || state.was_tried(now)).then(|| Arc::clone(known))
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn fetch(outbound: &Outbound, issuer: &str, now: Timestamp) -> Result<Known, Trouble> {
    let url = IssuerUrl::new(issuer.to_owned()).map_err(|_| Trouble::Wrong("the issuer is no URL"))?;
    let http = http(outbound);
    let metadata = Metadata::discover_async(url, &http).await.map_err(trouble)?;
    // Exactly, to the last slash (Discovery section 4.3).
    if metadata.issuer().as_str() != issuer {
        return Err(Trouble::Wrong("its metadata names another issuer"));
    }
    let is_plain = issuer.starts_with("http://");
    let scheme = metadata.authorization_endpoint().url().scheme();
    if scheme != "https" && !(is_plain && scheme == "http") {
        return Err(Trouble::Wrong("its authorization endpoint is not https"));
    }
    Ok(Known { keys: metadata.jwks().clone(), metadata, fetched_at: now })
}

fn trouble(error: DiscoveryError<Trouble>) -> Trouble {
    match error {
        DiscoveryError::Request(trouble) => trouble,
        DiscoveryError::Response(..) => Trouble::Nonsense("where its metadata or keys should be is something else"),
        DiscoveryError::Parse(_) => Trouble::Nonsense("its metadata or keys cannot be read"),
        DiscoveryError::Validation(_) => Trouble::Wrong("its metadata names another issuer"),
        _ => Trouble::Nonsense("its metadata is not what it should be"),
    }
}
