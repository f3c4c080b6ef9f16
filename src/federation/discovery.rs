//! What a provider says of itself (OpenID Connect Discovery) and its keys: fetched when first needed, kept for an hour, and its
//! keys fetched again when a token names one that is not among them, once a minute at most whatever strangers send.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use openidconnect::core::{
    CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreGrantType, CoreJsonWebKey, CoreJsonWebKeySet,
    CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreResponseMode, CoreResponseType,
    CoreSubjectIdentifierType,
};
use openidconnect::{AdditionalProviderMetadata, DiscoveryError, HttpRequest, HttpResponse, IssuerUrl, ProviderMetadata};
use serde::{Deserialize, Serialize};

use super::connector::Trouble;
use crate::base::Timestamp;
use crate::outbound::{Outbound, OutboundError};

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
    /// RP-Initiated Logout section 2.1.
    #[serde(default)]
    pub end_session_endpoint: Option<String>,
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
    keys_tried_at: Option<Timestamp>,
}

impl Discovered {
    /// The provider as it is known, fetched if need be. What is old goes on while the provider does not answer.
    pub(super) async fn known(&self, outbound: &Outbound, issuer: &str, now: Timestamp) -> Result<Arc<Known>, Trouble> {
        if let Some(known) = self.fresh(now) {
            return Ok(known);
        }
        let _turn = self.turn.lock().await;
        if let Some(known) = self.fresh(now) {
            return Ok(known);
        }
        let fetching = fetch(outbound, issuer, now);
        let is_known = self.state().known.is_some();
        let fetched = match is_known {
            true => tokio::time::timeout(PATIENCE, fetching).await.unwrap_or(Err(Trouble::Down("it took too long"))),
            false => fetching.await,
        };
        let mut state = self.state();
        state.tried_at = Some(now);
        match (fetched, &state.known) {
            (Ok(known), _) => {
                let known = Arc::new(known);
                state.known = Some(Arc::clone(&known));
                Ok(known)
            }
            (Err(Trouble::Down(why)), Some(old)) => {
                tracing::warn!(why, "what is known of an upstream is old and stays in use");
                Ok(Arc::clone(old))
            }
            (Err(trouble), _) => Err(trouble),
        }
    }

    /// With keys that were fetched after `seen`; as it was if that was tried a moment ago.
    pub(super) async fn with_newer_keys(
        &self,
        outbound: &Outbound,
        seen: &Arc<Known>,
        now: Timestamp,
    ) -> Result<Arc<Known>, Trouble> {
        let _turn = self.turn.lock().await;
        {
            let mut state = self.state();
            if let Some(known) = state.known.as_ref().filter(|known| !Arc::ptr_eq(known, seen)) {
                return Ok(Arc::clone(known));
            }
            if state.keys_tried_at.is_some_and(|at| now.since(at) < PAUSE_SECONDS) {
                return Ok(Arc::clone(seen));
            }
            state.keys_tried_at = Some(now);
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
        let was_tried = state.tried_at.is_some_and(|at| now.since(at) < PAUSE_SECONDS);
        (is_young || was_tried).then(|| Arc::clone(known))
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

fn trouble(error: DiscoveryError<OutboundError>) -> Trouble {
    match error {
        DiscoveryError::Request(error) => outbound_trouble(error),
        DiscoveryError::Response(status, ..) if status.is_server_error() || status.as_u16() == 429 => {
            Trouble::Down("its metadata or keys are not to be had")
        }
        DiscoveryError::Response(..) => Trouble::Wrong("where its metadata or keys should be is something else"),
        DiscoveryError::Parse(_) => Trouble::Wrong("its metadata or keys cannot be read"),
        DiscoveryError::Validation(_) => Trouble::Wrong("its metadata names another issuer"),
        _ => Trouble::Wrong("its metadata is not what it should be"),
    }
}

/// Why a call gave nothing, as a trouble of the provider that was called.
pub(super) fn outbound_trouble(error: OutboundError) -> Trouble {
    match error {
        OutboundError::Refused => Trouble::Wrong("its address may not be called; see outbound.allow"),
        OutboundError::Failed => Trouble::Down("no answer came in time"),
        OutboundError::TooLarge => Trouble::Wrong("its answer is too large"),
    }
}

pub(super) type HttpFuture<'a> = Pin<Box<dyn Future<Output = Result<HttpResponse, OutboundError>> + Send + 'a>>;

/// The guarded client, as the library wants one.
pub(super) fn http<'a>(outbound: &'a Outbound) -> impl Fn(HttpRequest) -> HttpFuture<'a> {
    move |request| Box::pin(outbound.request(request))
}
