//! The demo's relying party, made with the `openidconnect` crate as anybody else's would be: it knows the issuer's URL and
//! its own credentials, discovers the rest, and verifies what it gets. It must never be part of a production server.

use openidconnect::core::{CoreAuthenticationFlow, CoreClient, CoreGenderClaim, CoreProviderMetadata};
use openidconnect::{
    AccessToken, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EmptyAdditionalClaims, EndpointMaybeSet, EndpointNotSet,
    EndpointSet, HttpRequest, IssuerUrl, Nonce, OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl,
    RefreshToken, Scope, TokenResponse as _, UserInfoClaims,
};
use serde_json::Value;

use crate::base::{Fault, base64url_decode};
use crate::outbound::Outbound;

/// Who the relying party is.
#[derive(Clone, Debug)]
pub struct Registration {
    pub issuer: String,
    pub client_id: String,
    pub client_secret: String,
    pub redirect_uri: String,
    pub post_logout_redirect_uri: String,
}

/// The relying party.
pub struct DemoRp {
    outbound: Outbound,
    registration: Registration,
}

/// What it remembers between its request and the answer.
pub struct Pending {
    state: CsrfToken,
    nonce: Nonce,
    verifier: PkceCodeVerifier,
}

impl Pending {
    /// Whether an answer with this `state` is the answer to this request.
    pub fn is_for(&self, state: &str) -> bool {
        self.state.secret() == state
    }
}

/// What it got, verified.
#[derive(Clone)]
pub struct Session {
    pub id_token: Value,
    pub raw_id_token: String,
    /// The claims of the access token, if it is a JWT.
    pub access_token: Option<Value>,
    pub userinfo: Value,
    pub subject: String,
    pub refreshed: i64,
    refresh_token: Option<RefreshToken>,
}

impl Session {
    pub const fn can_refresh(&self) -> bool {
        self.refresh_token.is_some()
    }
}

type Client = CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

impl DemoRp {
    pub const fn new(outbound: Outbound, registration: Registration) -> Self {
        Self { outbound, registration }
    }

    async fn client(&self) -> Result<Client, Fault> {
        let issuer = IssuerUrl::new(self.registration.issuer.clone()).map_err(Fault::at("demo: issuer"))?;
        let metadata =
            CoreProviderMetadata::discover_async(issuer, &self.http()).await.map_err(|e| fault("demo: discovery", &e))?;
        let redirect = RedirectUrl::new(self.registration.redirect_uri.clone()).map_err(Fault::at("demo: redirect URI"))?;
        let secret = ClientSecret::new(self.registration.client_secret.clone());
        let id = ClientId::new(self.registration.client_id.clone());
        Ok(CoreClient::from_provider_metadata(metadata, id, Some(secret)).set_redirect_uri(redirect))
    }

    fn http<'a>(&'a self) -> impl Fn(HttpRequest) -> HttpFuture<'a> {
        move |request| Box::pin(self.outbound.request(request))
    }

    /// The URL of an authorization request, and what to remember until its answer.
    ///
    /// # Errors
    /// The issuer does not answer.
    pub async fn begin(&self) -> Result<(String, Pending), Fault> {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let client = self.client().await?;
        let mut request =
            client.authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random);
        for scope in ["profile", "email", "address", "phone", "offline_access"] {
            request = request.add_scope(Scope::new(scope.to_owned()));
        }
        let (url, state, nonce) = request.set_pkce_challenge(challenge).url();
        Ok((url.into(), Pending { state, nonce, verifier }))
    }

    /// Redeems the code of an answer and verifies what comes for it.
    ///
    /// # Errors
    /// The issuer refuses it, or what it sent does not verify.
    pub async fn finish(&self, pending: &Pending, code: String) -> Result<Session, Fault> {
        let client = self.client().await?;
        let response = client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(Fault::at("demo: token endpoint"))?
            .set_pkce_verifier(PkceCodeVerifier::new(pending.verifier.secret().clone()))
            .request_async(&self.http())
            .await
            .map_err(|e| fault("demo: token", &e))?;
        let id_token = response.id_token().ok_or_else(|| Fault::new("demo: token", "no ID token came"))?;
        let claims = id_token.claims(&client.id_token_verifier(), &pending.nonce).map_err(Fault::at("demo: ID token"))?;
        Ok(Session {
            id_token: serde_json::to_value(claims).map_err(Fault::at("demo: ID token"))?,
            raw_id_token: id_token.to_string(),
            access_token: unverified_claims(response.access_token()),
            userinfo: self.userinfo(&client, response.access_token()).await?,
            subject: claims.subject().to_string(),
            refreshed: 0,
            refresh_token: response.refresh_token().cloned(),
        })
    }

    async fn userinfo(&self, client: &Client, token: &AccessToken) -> Result<Value, Fault> {
        let claims: UserInfoClaims<EmptyAdditionalClaims, CoreGenderClaim> = client
            .user_info(token.clone(), None)
            .map_err(Fault::at("demo: userinfo endpoint"))?
            .request_async(&self.http())
            .await
            .map_err(|e| fault("demo: userinfo", &e))?;
        serde_json::to_value(claims).map_err(Fault::at("demo: userinfo"))
    }

    /// Exchanges the refresh token and asks userinfo again.
    ///
    /// # Errors
    /// There is none, or the issuer refuses it.
    pub async fn refresh(&self, session: &Session) -> Result<Session, Fault> {
        let client = self.client().await?;
        let token = session.refresh_token.as_ref().ok_or_else(|| Fault::new("demo: refresh", "there is no refresh token"))?;
        let response = client
            .exchange_refresh_token(token)
            .map_err(Fault::at("demo: token endpoint"))?
            .request_async(&self.http())
            .await
            .map_err(|e| fault("demo: refresh", &e))?;
        Ok(Session {
            access_token: unverified_claims(response.access_token()),
            userinfo: self.userinfo(&client, response.access_token()).await?,
            refreshed: session.refreshed.saturating_add(1),
            refresh_token: response.refresh_token().cloned().or_else(|| session.refresh_token.clone()),
            ..session.clone()
        })
    }

    /// Where the browser goes to sign out of the issuer too (RP-Initiated Logout section 2).
    pub fn sign_out_url(&self, session: &Session) -> String {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("id_token_hint", &session.raw_id_token)
            .append_pair("post_logout_redirect_uri", &self.registration.post_logout_redirect_uri)
            .append_pair("client_id", &self.registration.client_id)
            .finish();
        format!("{}/end_session?{query}", self.registration.issuer)
    }
}

type HttpFuture<'a> =
    std::pin::Pin<Box<dyn Future<Output = Result<openidconnect::HttpResponse, crate::outbound::OutboundError>> + Send + 'a>>;

fn fault(place: &'static str, error: &dyn std::error::Error) -> Fault {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    Fault::new(place, text)
}

/// What a JWT access token says. An app must not rely on it; the demo shows it to developers.
fn unverified_claims(token: &AccessToken) -> Option<Value> {
    let payload = token.secret().split('.').nth(1)?;
    serde_json::from_slice(&base64url_decode(payload)?).ok()
}
