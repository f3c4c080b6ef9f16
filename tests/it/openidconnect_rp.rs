//! The `openidconnect` crate as relying party: discovery, code with PKCE, a verified ID token, userinfo, refresh.

use std::future::Future;
use std::pin::Pin;

use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreJwsSigningAlgorithm, CoreProviderMetadata, CoreUserInfoClaims,
};
use openidconnect::{
    AccessTokenHash, AuthType, AuthorizationCode, ClientId, ClientSecret, CsrfToken, HttpRequest, HttpResponse, IssuerUrl, Nonce,
    OAuth2TokenResponse as _, PkceCodeChallenge, RedirectUrl, RequestTokenError, Scope, TokenResponse as _,
};
use vouchsafe::admin::clients::Changes;
use vouchsafe::oauth::AuthMethod;

use crate::support::app::{PASSWORD, Wish};
use crate::support::{Browser, CALLBACK, TestApp};

type Answered = Pin<Box<dyn Future<Output = Result<HttpResponse, reqwest::Error>> + Send>>;

/// What the crate asks requests to be made with.
fn http() -> impl Fn(HttpRequest) -> Answered {
    let builder = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).tls_certs_only([]);
    let client = builder.build().unwrap();
    move |request| {
        let client = client.clone();
        Box::pin(async move {
            let answer = client.execute(request.try_into()?).await?;
            let mut response = http::Response::new(Vec::new());
            *response.status_mut() = answer.status();
            *response.headers_mut() = answer.headers().clone();
            *response.body_mut() = answer.bytes().await?.to_vec();
            Ok(response)
        })
    }
}

/// Sends a person through the pages; the answer is the redirect back.
async fn sign_in(address: &str) -> url::Url {
    let mut browser = Browser::new();
    let page = browser.visit(address).await;
    let page = browser.submit(&page, "sign-in", &[("username", "ana@example.com"), ("password", PASSWORD)]).await;
    let page = if page.has("allow") { browser.submit(&page, "allow", &[]).await } else { page };
    assert!(page.leaves_for(CALLBACK), "{} {}", page.status, page.body);
    page.location().unwrap()
}

fn param(url: &url::Url, name: &str) -> String {
    url.query_pairs().find(|(own, _)| own == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
}

/// Registers a client and goes the whole way with it.
async fn whole_way(app: &TestApp, id: &str, method: AuthMethod, alg: CoreJwsSigningAlgorithm) {
    let alg_name = serde_json::to_value(&alg).unwrap().as_str().unwrap().to_owned();
    let about = Changes {
        redirect_uris: Some(vec![CALLBACK.to_owned()]),
        auth_method: Some(method),
        id_token_alg: Some(alg_name),
        ..Changes::default()
    };
    let secret = app.client(id, about).await.secret.map(|secret| ClientSecret::new(secret.expose().clone()));
    let http = http();
    let issuer = IssuerUrl::new(app.issuer.clone()).unwrap();
    let metadata = CoreProviderMetadata::discover_async(issuer, &http).await.unwrap();
    let post = if method == AuthMethod::ClientSecretPost { AuthType::RequestBody } else { AuthType::BasicAuth };
    let client = CoreClient::from_provider_metadata(metadata, ClientId::new(id.to_owned()), secret)
        .set_redirect_uri(RedirectUrl::new(CALLBACK.to_owned()).unwrap())
        .set_auth_type(post);

    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let request = client.authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random);
    let scopes = ["profile", "email", "offline_access"].map(|scope| Scope::new(scope.to_owned()));
    let (address, state, nonce) = request.add_scopes(scopes).set_pkce_challenge(challenge).url();
    let answer = sign_in(address.as_str()).await;
    assert_eq!(param(&answer, "state"), *state.secret());
    assert_eq!(param(&answer, "iss"), app.issuer);

    let code = AuthorizationCode::new(param(&answer, "code"));
    let tokens = client.exchange_code(code).unwrap().set_pkce_verifier(verifier).request_async(&http).await.unwrap();
    let id_token = tokens.id_token().unwrap();
    let check = client.id_token_verifier().set_allowed_algs([alg]);
    let claims = id_token.claims(&check, &nonce).unwrap();
    let hash = AccessTokenHash::from_token(
        tokens.access_token(),
        id_token.signing_alg().unwrap(),
        id_token.signing_key(&check).unwrap(),
    );
    assert_eq!(claims.access_token_hash(), Some(&hash.unwrap()));
    assert!(id_token.claims(&check, &Nonce::new("another".to_owned())).is_err());

    let userinfo = client.user_info(tokens.access_token().clone(), Some(claims.subject().clone())).unwrap();
    let userinfo: CoreUserInfoClaims = userinfo.request_async(&http).await.unwrap();
    assert_eq!(userinfo.email().map(|email| email.as_str()), Some("ana@example.com"));
    assert_eq!(userinfo.email_verified(), Some(true));

    let first = tokens.refresh_token().unwrap();
    let refreshed = client.exchange_refresh_token(first).unwrap().request_async(&http).await.unwrap();
    assert_ne!(refreshed.access_token().secret(), tokens.access_token().secret());
    let again: CoreUserInfoClaims =
        client.user_info(refreshed.access_token().clone(), None).unwrap().request_async(&http).await.unwrap();
    assert_eq!(again.subject(), claims.subject());
}

/// Each way to authenticate, and each algorithm that an ID token may be signed with, satisfies a strict relying party
/// (OpenID Connect Core sections 3.1 and 5.3, Discovery section 4, RFC 7636).
#[tokio::test]
async fn every_kind_of_client_goes_the_whole_way() {
    use AuthMethod::{ClientSecretBasic, ClientSecretPost, None};
    let app = TestApp::start().await;
    app.person("ana").await;
    whole_way(&app, "rs", ClientSecretBasic, CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256).await;
    whole_way(&app, "ps", ClientSecretPost, CoreJwsSigningAlgorithm::RsaSsaPssSha256).await;
    whole_way(&app, "es", None, CoreJwsSigningAlgorithm::EcdsaP256Sha256).await;
    whole_way(&app, "ed", ClientSecretBasic, CoreJwsSigningAlgorithm::EdDsa).await;
}

/// An issuer with a path is discovered where OpenID Connect Discovery section 4 says.
#[tokio::test]
async fn an_issuer_with_a_path_goes_the_whole_way() {
    let app = TestApp::with(Wish { path: "/tenant", ..Wish::default() }).await;
    app.person("ana").await;
    whole_way(&app, "web", AuthMethod::ClientSecretBasic, CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256).await;
}

/// A code without its PKCE verifier is worth nothing (RFC 7636 section 4.6) and is burned by the attempt; the refusal is one
/// that the crate reads.
#[tokio::test]
async fn a_stolen_code_is_refused() {
    let app = TestApp::start().await;
    app.person("ana").await;
    let about =
        Changes { redirect_uris: Some(vec![CALLBACK.to_owned()]), auth_method: Some(AuthMethod::None), ..Changes::default() };
    app.client("spa", about).await;
    let http = http();
    let metadata = CoreProviderMetadata::discover_async(IssuerUrl::new(app.issuer.clone()).unwrap(), &http).await.unwrap();
    let client = CoreClient::from_provider_metadata(metadata, ClientId::new("spa".to_owned()), None)
        .set_redirect_uri(RedirectUrl::new(CALLBACK.to_owned()).unwrap());
    let begin = || {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let request = client.authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random);
        (request.set_pkce_challenge(challenge).url().0, verifier)
    };
    let ((address, right), (_, wrong)) = (begin(), begin());
    let code = AuthorizationCode::new(param(&sign_in(address.as_str()).await, "code"));
    for verifier in [wrong, right] {
        let stolen = client.exchange_code(code.clone()).unwrap().set_pkce_verifier(verifier).request_async(&http).await;
        let Err(RequestTokenError::ServerResponse(refusal)) = stolen else { panic!("{stolen:?}") };
        assert_eq!(refusal.error().to_string(), "invalid_grant");
    }
    assert_eq!(app.count("SELECT COUNT(*) FROM refresh_families").await, 0);
    let (address, right) = begin();
    let code = AuthorizationCode::new(param(&sign_in(address.as_str()).await, "code"));
    client.exchange_code(code).unwrap().set_pkce_verifier(right).request_async(&http).await.unwrap();
}
