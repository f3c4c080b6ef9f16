//! Any OpenID Connect provider: the code flow with PKCE and nonce (OpenID Connect Core section 3.1), by the `openidconnect` crate.
//!
//! Nothing is believed but what a signature of an allowed algorithm, made for us and for this very attempt, says. Address and
//! "verified" are taken from one document together.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use openidconnect::core::{
    CoreAuthPrompt, CoreAuthenticationFlow, CoreClient, CoreClientAuthMethod, CoreErrorResponseType, CoreIdToken,
    CoreIdTokenClaims, CoreIdTokenVerifier, CoreJwsSigningAlgorithm, CoreTokenResponse,
};
use openidconnect::{
    AccessTokenHash, AuthType, AuthenticationContextClass, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret,
    CsrfToken, IssuerUrl, LoginHint, Nonce, OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl,
    RequestTokenError, Scope, SignatureVerificationError, StandardErrorResponse, TokenResponse as _,
};
use serde_json::{Map, Value};

use super::connector::{Answer, Connector, Departure, Doing, Ended, Parting, Trouble, UpstreamIdentity, Wish};
use super::discovery::{Discovered, Known, http, outbound_trouble};
use super::kind::Kind;
use super::mapping::Profile;
use super::upstream::Upstream;
use super::{UNAVAILABLE, apple, is_identifier, logout, words_of};
use crate::base::{Secret, Timestamp};
use crate::jose;
use crate::outbound::{Outbound, OutboundError};

/// How far the provider's clock may be from ours, in seconds.
const SKEW_SECONDS: i64 = 60;

/// How old an ID token may be when it comes, in seconds: it was made for this answer.
const OLDEST_SECONDS: i64 = 600;

/// The longest code that is taken, in bytes.
const LONGEST_CODE: usize = 4096;

/// What ID tokens may be signed with: never `none`, never a shared secret.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 7] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// A connected provider.
pub(super) struct Oidc {
    upstream: Upstream,
    secret: Secret<String>,
    outbound: Outbound,
    discovered: Discovered,
}

impl Connector for Oidc {
    fn depart<'a>(&'a self, wish: &'a Wish, now: Timestamp) -> Doing<'a, Departure> {
        Box::pin(self.departure(wish, now))
    }

    fn arrive<'a>(&'a self, answer: &'a Answer, now: Timestamp) -> Doing<'a, UpstreamIdentity> {
        Box::pin(self.arrival(answer, now))
    }

    fn sign_out<'a>(&'a self, parting: &'a Parting, now: Timestamp) -> Doing<'a, Option<String>> {
        Box::pin(self.sign_out_url(parting, now))
    }

    fn heard<'a>(&'a self, token: &'a str, now: Timestamp) -> Doing<'a, Ended> {
        Box::pin(self.ended(token, now))
    }
}

impl Oidc {
    pub(super) fn new(upstream: Upstream, secret: Secret<String>, outbound: Outbound) -> Self {
        Self { upstream, secret, outbound, discovered: Discovered::default() }
    }

    async fn known(&self, now: Timestamp) -> Result<Arc<Known>, Trouble> {
        self.discovered.known(&self.outbound, &self.upstream.issuer, now).await
    }

    async fn departure(&self, wish: &Wish, now: Timestamp) -> Result<Departure, Trouble> {
        let known = self.known(now).await?;
        let id = ClientId::new(self.upstream.client_id.clone());
        let client =
            CoreClient::from_provider_metadata(known.metadata.clone(), id, None).set_redirect_uri(redirect(&wish.callback)?);
        let (state, nonce) = (wish.state.expose().clone(), wish.keepsake.nonce.expose().clone());
        let verifier = PkceCodeVerifier::new(wish.keepsake.verifier.expose().clone());
        let mut request = client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, || CsrfToken::new(state), || Nonce::new(nonce))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
        for scope in self.upstream.scopes.iter().filter(|scope| *scope != "openid") {
            request = request.add_scope(Scope::new(scope.clone()));
        }
        if wish.again {
            // Google knows no other way to make somebody look twice.
            let is_google = self.upstream.kind == Kind::Google;
            request = request.add_prompt(if is_google { CoreAuthPrompt::SelectAccount } else { CoreAuthPrompt::Login });
        }
        if let Some(seconds) = wish.max_age.and_then(|seconds| u64::try_from(seconds).ok()) {
            request = request.set_max_age(Duration::from_secs(seconds));
        }
        if let Some(hint) = &wish.login_hint {
            request = request.set_login_hint(LoginHint::new(hint.clone()));
        }
        if let Some(locales) = &wish.ui_locales {
            request = request.add_extra_param("ui_locales", locales.clone());
        }
        for value in &wish.acr_values {
            request = request.add_auth_context_value(AuthenticationContextClass::new(value.clone()));
        }
        if let Some(domain) = &self.upstream.hosted_domain {
            request = request.add_extra_param("hd", domain.clone());
        }
        if self.upstream.kind == Kind::Apple {
            request = request.add_extra_param("response_mode", "form_post");
        }
        Ok(Departure { url: request.url().0.into() })
    }

    async fn arrival(&self, answer: &Answer, now: Timestamp) -> Result<UpstreamIdentity, Trouble> {
        let known = self.known(now).await?;
        self.check_sender(answer, &known)?;
        if let Some(error) = answer.params.get("error") {
            return Err(words_of(error));
        }
        let code = answer.params.get("code").filter(|code| !code.is_empty() && code.len() <= LONGEST_CODE);
        let code = code.ok_or(Trouble::Wrong("neither a code nor an error came"))?;
        let tokens = self.redeem(&known, code, answer, now).await?;
        let id_token = tokens.id_token().ok_or(Trouble::Wrong("no ID token came"))?;
        let claims = self.verified(&known, id_token, &tokens, answer, now).await?;
        let raw = id_token.to_string();
        let said = jose::peek_claims(&raw).ok_or(Trouble::Wrong("the ID token cannot be read"))?;
        self.check_domain(&said)?;
        if ["sub", "sid"].into_iter().filter_map(|name| said.get(name)?.as_str()).any(|id| !is_identifier(id)) {
            return Err(Trouble::Wrong("an id in the ID token is empty, too long, or no plain text"));
        }
        let subject = claims.subject().as_str().to_owned();
        let told = self.userinfo(&known, &tokens, &subject).await?;
        let mut identity = self.identity(subject, &said, told.as_ref());
        if self.upstream.kind == Kind::Apple {
            apple::take_name(&mut identity, answer.params.get("user"));
        }
        identity.id_token = self.upstream.sign_out.is_on().then_some(raw);
        Ok(identity)
    }

    /// RP-Initiated Logout section 2.
    async fn sign_out_url(&self, parting: &Parting, now: Timestamp) -> Result<Option<String>, Trouble> {
        let known = self.known(now).await?;
        let endpoint = known.metadata.additional_metadata().end_session_endpoint.as_deref();
        let Some(mut url) = endpoint.and_then(|endpoint| url::Url::parse(endpoint).ok()) else { return Ok(None) };
        if url.scheme() != "https" && url.scheme() != known.metadata.issuer().url().scheme() {
            return Ok(None);
        }
        url.query_pairs_mut()
            .append_pair("id_token_hint", parting.id_token.expose())
            .append_pair("client_id", &self.upstream.client_id)
            .append_pair("post_logout_redirect_uri", &parting.back)
            .append_pair("state", &parting.state);
        Ok(Some(url.into()))
    }

    async fn ended(&self, token: &str, now: Timestamp) -> Result<Ended, Trouble> {
        let known = self.known(now).await?;
        match logout::read(token, &known, &self.upstream, now) {
            Err(logout::Refusal::UnknownKey) => {
                let newer = self.discovered.with_newer_keys(&self.outbound, &known, now).await?;
                logout::read(token, &newer, &self.upstream, now).map_err(Trouble::from)
            }
            outcome => outcome.map_err(Trouble::from),
        }
    }

    /// Whose answer it is (RFC 9207): with several providers, one of them may be an attacker's.
    fn check_sender(&self, answer: &Answer, known: &Known) -> Result<(), Trouble> {
        match answer.params.get("iss") {
            Some(issuer) if issuer == self.upstream.issuer => Ok(()),
            Some(_) => Err(Trouble::Wrong("the answer comes from another issuer")),
            None if known.metadata.additional_metadata().authorization_response_iss_parameter_supported => {
                Err(Trouble::Wrong("the answer does not say from which issuer it comes"))
            }
            None => Ok(()),
        }
    }

    async fn redeem(&self, known: &Known, code: &str, answer: &Answer, now: Timestamp) -> Result<CoreTokenResponse, Trouble> {
        let secret = match &self.upstream.apple {
            Some(key) => apple::client_secret(key, &self.upstream, &self.secret, now)?,
            None => self.secret.expose().clone(),
        };
        let id = ClientId::new(self.upstream.client_id.clone());
        let methods = known.metadata.token_endpoint_auth_methods_supported();
        let basic = methods.is_none_or(|methods| methods.contains(&CoreClientAuthMethod::ClientSecretBasic));
        let client = CoreClient::from_provider_metadata(known.metadata.clone(), id, Some(ClientSecret::new(secret)))
            .set_redirect_uri(redirect(&answer.callback)?)
            .set_auth_type(if basic { AuthType::BasicAuth } else { AuthType::RequestBody });
        let http = http(&self.outbound);
        client
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .map_err(|_| Trouble::Wrong("its metadata names no token endpoint"))?
            .set_pkce_verifier(PkceCodeVerifier::new(answer.keepsake.verifier.expose().clone()))
            .request_async(&http)
            .await
            .map_err(token_trouble)
    }

    /// The claims of the ID token (Core section 3.1.3.7); its keys are fetched again if it names one that is not among them.
    async fn verified<'t>(
        &self,
        known: &Arc<Known>,
        id_token: &'t CoreIdToken,
        tokens: &CoreTokenResponse,
        answer: &Answer,
        now: Timestamp,
    ) -> Result<&'t CoreIdTokenClaims, Trouble> {
        let nonce = Nonce::new(answer.keepsake.nonce.expose().clone());
        let mut verifier = self.verifier(known, now)?;
        let unknown_key = |error: &ClaimsVerificationError| {
            matches!(error, ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey))
        };
        let claims = match id_token.claims(&verifier, &nonce) {
            Err(error) if unknown_key(&error) => {
                let newer = self.discovered.with_newer_keys(&self.outbound, known, now).await?;
                verifier = self.verifier(&newer, now)?;
                id_token.claims(&verifier, &nonce)
            }
            outcome => outcome,
        };
        let claims = claims.map_err(|error| refused(&error))?;
        if claims.authorized_party().is_some_and(|party| party.as_str() != self.upstream.client_id) {
            return Err(Trouble::Wrong("the ID token was made for another client"));
        }
        if let Some(expected) = claims.access_token_hash() {
            let wrong = Trouble::Wrong("the access token is not the one of the ID token");
            let alg = id_token.signing_alg().map_err(|_| wrong.clone())?;
            let key = id_token.signing_key(&verifier).map_err(|_| wrong.clone())?;
            let hash = AccessTokenHash::from_token(tokens.access_token(), alg, key).map_err(|_| wrong.clone())?;
            if hash != *expected {
                return Err(wrong);
            }
        }
        Ok(claims)
    }

    fn verifier(&self, known: &Known, now: Timestamp) -> Result<CoreIdTokenVerifier<'static>, Trouble> {
        let id = ClientId::new(self.upstream.client_id.clone());
        let issuer = IssuerUrl::new(self.upstream.issuer.clone()).map_err(|_| Trouble::Wrong("the issuer is no URL"))?;
        // Without a secret: no token is ever verified by one.
        let verifier = CoreIdTokenVerifier::new_public_client(id, issuer, known.keys.clone());
        let clock =
            move || DateTime::<Utc>::from_timestamp(now.plus(-SKEW_SECONDS).unix(), 0).unwrap_or(DateTime::<Utc>::MAX_UTC);
        Ok(verifier.set_allowed_algs(ALGORITHMS).set_time_fn(clock).set_issue_time_verifier_fn(move |at| {
            let age = now.unix().saturating_sub(at.timestamp());
            if (-SKEW_SECONDS..=OLDEST_SECONDS).contains(&age) { Ok(()) } else { Err("not made now".to_owned()) }
        }))
    }

    /// Google Workspace: the claim, not the address, says whose account it is.
    fn check_domain(&self, said: &Map<String, Value>) -> Result<(), Trouble> {
        match &self.upstream.hosted_domain {
            Some(domain) if said.get("hd").and_then(Value::as_str) != Some(domain) => {
                Err(Trouble::NotAllowed("the account is of another Workspace domain"))
            }
            _ => Ok(()),
        }
    }

    /// What userinfo adds, if there is such an endpoint; always about the same person (Core section 5.3.4).
    async fn userinfo(
        &self,
        known: &Known,
        tokens: &CoreTokenResponse,
        subject: &str,
    ) -> Result<Option<Map<String, Value>>, Trouble> {
        let Some(endpoint) = known.metadata.userinfo_endpoint() else { return Ok(None) };
        let request = ::http::Request::get(endpoint.as_str())
            .header("accept", "application/json")
            .header("authorization", format!("Bearer {}", tokens.access_token().secret()))
            .body(Vec::new())
            .map_err(|_| Trouble::Wrong("the access token cannot be sent"))?;
        let answer = self.outbound.request(request).await.map_err(outbound_trouble)?;
        match answer.status().as_u16() {
            200 => {}
            429 | 500.. => return Err(Trouble::Down("its userinfo is not to be had")),
            _ => return Err(Trouble::Wrong("its userinfo refuses its own access token")),
        }
        let told = jose::members(answer.body()).ok_or(Trouble::Wrong("its userinfo is no JSON object"))?;
        if told.get("sub").and_then(Value::as_str) != Some(subject) {
            return Err(Trouble::Wrong("its userinfo is about somebody else"));
        }
        Ok(Some(told))
    }

    fn identity(&self, subject: String, said: &Map<String, Value>, told: Option<&Map<String, Value>>) -> UpstreamIdentity {
        let signed = self.upstream.mapping.apply(said);
        let told = told.map(|told| self.upstream.mapping.apply(told)).unwrap_or_default();
        let (email, email_verified) = self.address(&signed, &told);
        let is_authority = self.upstream.kind != Kind::Google || is_googles_own(email.as_deref(), said);
        let mut claims = signed.claims;
        claims.extend(told.claims);
        let text = |name: &str| said.get(name).and_then(Value::as_str).map(str::to_owned);
        let amr = said.get("amr").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        UpstreamIdentity {
            issuer: self.upstream.issuer.clone(),
            subject,
            email,
            email_verified,
            email_authoritative: email_verified && is_authority && self.upstream.proves_email(),
            claims,
            groups: if told.groups.is_empty() { signed.groups } else { told.groups },
            amr: amr.take(20).map(str::to_owned).collect(),
            acr: text("acr"),
            auth_time: said.get("auth_time").and_then(Value::as_i64),
            sid: text("sid"),
            id_token: None,
        }
    }

    /// The address, and whether it is proved, from one document: "verified" of one says nothing of the address in the other.
    fn address(&self, signed: &Profile, told: &Profile) -> (Option<String>, bool) {
        // What the operator trusts is silence: a "no" in either document is none.
        let is_denied = [signed, told].iter().any(|profile| profile.email_verified == Some(false));
        let silence = self.upstream.trust_email.is_on() && !is_denied;
        let proved = |profile: &Profile| profile.email.is_some() && profile.email_verified.unwrap_or(silence);
        let chosen = if proved(signed) || told.email.is_none() { signed } else { told };
        (chosen.email.clone(), proved(chosen))
    }
}

/// Google is the authority on the addresses of its own and of Workspace domains (`hd`); of others it once sent a mail, no more.
fn is_googles_own(email: Option<&str>, said: &Map<String, Value>) -> bool {
    let is_gmail = email.is_some_and(|email| email.to_ascii_lowercase().ends_with("@gmail.com"));
    is_gmail || said.get("hd").and_then(Value::as_str).is_some_and(|domain| !domain.is_empty())
}

fn redirect(callback: &str) -> Result<RedirectUrl, Trouble> {
    RedirectUrl::new(callback.to_owned()).map_err(|_| Trouble::Wrong("our own callback is no URL"))
}

type TokenError = RequestTokenError<OutboundError, StandardErrorResponse<CoreErrorResponseType>>;

fn token_trouble(error: TokenError) -> Trouble {
    match error {
        RequestTokenError::ServerResponse(answer) if UNAVAILABLE.contains(&answer.error().as_ref()) => {
            Trouble::Down("it says so itself")
        }
        RequestTokenError::ServerResponse(answer) => words_of(answer.error().as_ref()),
        RequestTokenError::Request(error) => outbound_trouble(error),
        RequestTokenError::Parse(..) => Trouble::Wrong("its tokens cannot be read"),
        RequestTokenError::Other(_) => Trouble::Wrong("where its tokens should be is something else"),
    }
}

/// In words of ours: the library's hold what was sent.
const fn refused(error: &ClaimsVerificationError) -> Trouble {
    Trouble::Wrong(match error {
        ClaimsVerificationError::Expired(_) => "the ID token is too old, or from the future",
        ClaimsVerificationError::InvalidAudience(_) => "the ID token was made for another client",
        ClaimsVerificationError::InvalidIssuer(_) => "the ID token is from another issuer",
        ClaimsVerificationError::InvalidNonce(_) => "the ID token was made for another attempt",
        ClaimsVerificationError::SignatureVerification(SignatureVerificationError::DisallowedAlg(_)) => {
            "the ID token is signed with an algorithm that is not allowed"
        }
        ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoSignature) => "the ID token is not signed",
        ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey) => {
            "the ID token is signed with a key that is not published"
        }
        ClaimsVerificationError::SignatureVerification(_) => "the signature of the ID token is wrong",
        _ => "the ID token is not what it should be",
    })
}
