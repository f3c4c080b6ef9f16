//! Any OpenID Connect provider: the code flow with PKCE and nonce (OpenID Connect Core section 3.1), by the `openidconnect` crate.
//!
//! Nothing is believed but what a signature of an allowed algorithm, made for us and for this very attempt, says. Address and
//! "verified" are taken from one document together.

use std::sync::Arc;
use std::time::Duration;

use ::http::StatusCode;
use openidconnect::core::{
    CoreAuthPrompt, CoreAuthenticationFlow, CoreClient, CoreClientAuthMethod, CoreErrorResponseType, CoreIdToken,
    CoreIdTokenClaims, CoreTokenResponse,
};
use openidconnect::{
    AuthType, AuthenticationContextClass, AuthorizationCode, ClientId, ClientSecret, CsrfToken, LoginHint, Nonce,
    OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope, StandardErrorResponse,
    TokenResponse as _,
};
use serde_json::{Map, Value};

use super::connector::{Answer, Connector, Departure, Doing, Ended, Parting, Trouble, UpstreamIdentity, Wish};
use super::discovery::{Asker, Discovered, Known};
use super::id_token::{Reader, Refusal};
use super::kind::Kind;
use super::mapping::Profile;
use super::upstream::Upstream;
use super::wire::{about_a_person, call, redeeming};
use super::{UNAVAILABLE, apple, code_of, is_identifier, logout, words_of};
use crate::base::{Secret, Timestamp};
use crate::jose;
use crate::outbound::Outbound;

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

    fn probe<'a>(&'a self, now: Timestamp) -> Doing<'a, ()> {
        Box::pin(self.discovered.renew(&self.outbound, &self.upstream.issuer, now))
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
        self.discovered.known(&self.outbound, &self.upstream.issuer, Asker::SignIn, now).await
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
        let tokens = self.redeem(&known, code_of(answer)?, answer, now).await?;
        let (id_token, claims) = self.verified(&known, &tokens, answer, now).await?;
        let raw = Secret::new(id_token.to_string());
        let said = jose::peek_claims(raw.expose()).ok_or(Trouble::Wrong("the ID token cannot be read"))?;
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

    /// RP-Initiated Logout section 2. An address that is none, or not as safe as the issuer's own, is as good as none.
    async fn sign_out_url(&self, parting: &Parting, now: Timestamp) -> Result<Option<String>, Trouble> {
        let known = self.known(now).await?;
        let endpoint = known.metadata.additional_metadata().end_session_endpoint.as_str();
        let Some(mut url) = endpoint.and_then(|endpoint| url::Url::parse(endpoint).ok()) else { return Ok(None) };
        let is_safe = url.scheme() == "https" || url.scheme() == known.metadata.issuer().url().scheme();
        if !is_safe || !url.username().is_empty() || url.password().is_some() {
            return Ok(None);
        }
        let mut query = url.query_pairs_mut();
        if let Some(id_token) = &parting.id_token {
            query.append_pair("id_token_hint", id_token.expose());
        }
        query
            .append_pair("client_id", &self.upstream.client_id)
            .append_pair("post_logout_redirect_uri", &parting.back)
            .append_pair("state", &parting.state);
        drop(query);
        Ok(Some(url.into()))
    }

    /// Anybody can send a token: what it says is looked at before anything is fetched for it.
    async fn ended(&self, token: &str, now: Timestamp) -> Result<Ended, Trouble> {
        let (asker, upstream) = (Asker::LogoutToken, &self.upstream);
        let said = logout::look(token, upstream, now)?;
        let known = self.discovered.known(&self.outbound, &upstream.issuer, asker, now).await?;
        match said.verified(token, &known, upstream, now) {
            Err(logout::Refusal::Key(_)) => {
                let newer = self.discovered.with_newer_keys(&self.outbound, &known, asker, now).await?;
                said.verified(token, &newer, upstream, now).map_err(Trouble::from)
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
        let http = redeeming(&self.outbound);
        client
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .map_err(|_| Trouble::Wrong("its metadata names no token endpoint"))?
            .set_pkce_verifier(PkceCodeVerifier::new(answer.keepsake.verifier.expose().clone()))
            .request_async(&http)
            .await
            .map_err(token_trouble)
    }

    /// The claims of the ID token; the keys are fetched again if none that is known verifies it.
    async fn verified<'t>(
        &self,
        known: &Arc<Known>,
        tokens: &'t CoreTokenResponse,
        answer: &Answer,
        now: Timestamp,
    ) -> Result<(&'t CoreIdToken, &'t CoreIdTokenClaims), Trouble> {
        let id_token = tokens.id_token().ok_or(Trouble::Wrong("no ID token came"))?;
        let reader = Reader { upstream: &self.upstream, nonce: &answer.keepsake.nonce, now };
        let claims = match reader.read(known, tokens, id_token) {
            Err(Refusal::Key(_)) => {
                let newer = self.discovered.with_newer_keys(&self.outbound, known, Asker::SignIn, now).await?;
                reader.read(&newer, tokens, id_token)?
            }
            outcome => outcome?,
        };
        Ok((id_token, claims))
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
        let answer = call(&self.outbound, request).await.map_err(about_a_person)?;
        if answer.status() != StatusCode::OK {
            return Err(Trouble::Wrong("its userinfo refuses its own access token"));
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

type TokenError = RequestTokenError<Trouble, StandardErrorResponse<CoreErrorResponseType>>;

fn token_trouble(error: TokenError) -> Trouble {
    match error {
        RequestTokenError::ServerResponse(answer) if UNAVAILABLE.contains(&answer.error().as_ref()) => {
            Trouble::Down("it says so itself")
        }
        RequestTokenError::ServerResponse(answer) => words_of(answer.error().as_ref()),
        RequestTokenError::Request(trouble) => trouble,
        RequestTokenError::Parse(..) => Trouble::Nonsense("its tokens cannot be read"),
        RequestTokenError::Other(_) => Trouble::Nonsense("where its tokens should be is something else"),
    }
}
