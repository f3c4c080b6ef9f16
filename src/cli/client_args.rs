//! The arguments that describe a client, for `client add` and `client edit`.

use std::path::PathBuf;

use clap::Args;

use super::answer::Failure;
use super::words::{read, read_json};
use crate::admin::clients::Changes;
use crate::oauth::{
    AccessTokenFormat, ApplicationType, AuthMethod, ConsentPolicy, FactorPolicy, GrantType, PkcePolicy, RefreshPolicy,
    SubjectType,
};

/// What can be said about a client. What is not said stays as it is, or gets the default of a new one. A list that is named
/// replaces the list that was there.
#[derive(Args, Default)]
pub struct ClientArgs {
    /// Where answers may be sent, exactly; may be given several times.
    #[arg(long = "redirect", value_name = "URI")]
    pub redirect: Vec<String>,
    /// Where people may come back to after signing out; may be given several times.
    #[arg(long = "post-logout-redirect", value_name = "URI")]
    pub post_logout_redirect: Vec<String>,
    /// Where it is told by us that a session ended (back-channel logout); an empty one takes it away.
    #[arg(long, value_name = "URL")]
    pub backchannel_logout_uri: Option<String>,
    /// What the browser loads in a frame when a session ends (front-channel logout); an empty one takes it away.
    #[arg(long, value_name = "URL")]
    pub frontchannel_logout_uri: Option<String>,
    /// none, client_secret_basic, client_secret_post, client_secret_jwt or private_key_jwt.
    #[arg(long, value_name = "METHOD", value_parser = auth_method)]
    pub auth_method: Option<AuthMethod>,
    /// The one algorithm of its assertions.
    #[arg(long, value_name = "ALG")]
    pub auth_signing_alg: Option<String>,
    /// A file with its public keys (JWK set).
    #[arg(long, value_name = "FILE")]
    pub jwks: Option<PathBuf>,
    /// Where its public keys are (https), in the place of --jwks.
    #[arg(long, value_name = "URL", conflicts_with = "jwks")]
    pub jwks_uri: Option<String>,
    /// public, or pairwise: apps of other sectors know a person by another subject.
    #[arg(long, value_name = "TYPE", value_parser = subject_type)]
    pub subject_type: Option<SubjectType>,
    /// Its host names the sector of a pairwise app; needed where redirect URIs have several hosts. It is not fetched.
    #[arg(long, value_name = "URL")]
    pub sector_identifier_uri: Option<String>,
    /// RS256, ES256, EdDSA or PS256: its userinfo answers are signed; an empty one makes them plain JSON again.
    #[arg(long, value_name = "ALG")]
    pub userinfo_alg: Option<String>,
    /// Encrypts its ID tokens to its own keys: ALG or ALG:ENC, such as ECDH-ES:A128GCM; an empty one ends it.
    #[arg(long, value_name = "ALG:ENC")]
    pub id_token_encryption: Option<String>,
    /// The same for its userinfo answers.
    #[arg(long, value_name = "ALG:ENC")]
    pub userinfo_encryption: Option<String>,
    /// The one algorithm of its request objects; an empty one allows each that its keys fit.
    #[arg(long, value_name = "ALG")]
    pub request_object_alg: Option<String>,
    /// Whether it sends all its requests as signed objects.
    #[arg(long, value_name = "true|false")]
    pub require_signed_request_object: Option<bool>,
    /// Where its request objects may be fetched; may be given several times.
    #[arg(long = "request-uri", value_name = "URL")]
    pub request_uri: Vec<String>,
    /// authorization_code, refresh_token, client_credentials or implicit; may be given several times.
    #[arg(long = "grant", value_name = "GRANT", value_parser = grant)]
    pub grant: Vec<GrantType>,
    /// code, or another type that the settings allow; may be given several times.
    #[arg(long = "response-type", value_name = "TYPE")]
    pub response_type: Vec<String>,
    /// The scopes that it may have, separated by spaces.
    #[arg(long)]
    pub scope: Option<String>,
    /// required or optional.
    #[arg(long, value_name = "POLICY", value_parser = pkce)]
    pub pkce: Option<PkcePolicy>,
    /// RS256, ES256, EdDSA or PS256.
    #[arg(long, value_name = "ALG")]
    pub id_token_alg: Option<String>,
    /// jwt or opaque.
    #[arg(long, value_name = "FORM", value_parser = access_token)]
    pub access_token: Option<AccessTokenFormat>,
    /// An API that it may ask tokens for; may be given several times.
    #[arg(long = "resource", value_name = "URI")]
    pub resource: Vec<String>,
    /// A browser origin beside those of its redirect URIs; may be given several times.
    #[arg(long = "origin", value_name = "ORIGIN")]
    pub origin: Vec<String>,
    /// web or native; by default what its redirect URIs say.
    #[arg(long, value_name = "TYPE", value_parser = application_type)]
    pub application_type: Option<ApplicationType>,
    /// ask, or skip for an application of your own house.
    #[arg(long, value_name = "POLICY", value_parser = consent)]
    pub consent: Option<ConsentPolicy>,
    /// required, or house for what the settings say of everybody.
    #[arg(long, value_name = "POLICY", value_parser = second_factor)]
    pub second_factor: Option<FactorPolicy>,
    /// When it gets a refresh token: offline_access (when it asks for that scope) or always.
    #[arg(long, value_name = "POLICY", value_parser = refresh)]
    pub refresh: Option<RefreshPolicy>,
    /// Life of its access tokens.
    #[arg(long, value_name = "SECONDS")]
    pub access_token_seconds: Option<i64>,
    /// Seconds after which an unused refresh token ends.
    #[arg(long, value_name = "SECONDS")]
    pub refresh_idle_seconds: Option<i64>,
    /// Seconds after which every refresh token ends.
    #[arg(long, value_name = "SECONDS")]
    pub refresh_absolute_seconds: Option<i64>,
    /// How long ago a sign-in may be, if a request does not say.
    #[arg(long, value_name = "SECONDS")]
    pub default_max_age: Option<i64>,
    /// Its home page.
    #[arg(long, value_name = "URL")]
    pub client_uri: Option<String>,
    /// Its privacy notice.
    #[arg(long, value_name = "URL")]
    pub policy_uri: Option<String>,
    /// Its terms of use.
    #[arg(long, value_name = "URL")]
    pub tos_uri: Option<String>,
    /// A PNG, JPEG or WebP file of at most 256 KiB.
    #[arg(long, value_name = "FILE")]
    pub logo: Option<PathBuf>,
}

fn some<T: Clone>(list: &[T]) -> Option<Vec<T>> {
    (!list.is_empty()).then(|| list.to_vec())
}

impl ClientArgs {
    /// The same in the words of `admin`, with the files read.
    pub fn changes(&self, name: Option<String>) -> Result<Changes, Failure> {
        Ok(Changes {
            name,
            redirect_uris: some(&self.redirect),
            post_logout_redirect_uris: some(&self.post_logout_redirect),
            backchannel_logout_uri: self.backchannel_logout_uri.clone(),
            frontchannel_logout_uri: self.frontchannel_logout_uri.clone(),
            auth_method: self.auth_method,
            auth_signing_alg: self.auth_signing_alg.clone(),
            jwks: self.jwks.as_deref().map(read_json).transpose()?,
            jwks_uri: self.jwks_uri.clone(),
            subject_type: self.subject_type,
            sector_identifier_uri: self.sector_identifier_uri.clone(),
            userinfo_alg: self.userinfo_alg.clone(),
            id_token_encryption: self.id_token_encryption.clone(),
            userinfo_encryption: self.userinfo_encryption.clone(),
            request_object_alg: self.request_object_alg.clone(),
            require_signed_request_object: self.require_signed_request_object,
            request_uris: some(&self.request_uri),
            grant_types: some(&self.grant),
            response_types: some(&self.response_type),
            scope: self.scope.clone(),
            pkce: self.pkce,
            id_token_alg: self.id_token_alg.clone(),
            access_token: self.access_token,
            resources: some(&self.resource),
            origins: some(&self.origin),
            application_type: self.application_type,
            consent: self.consent,
            second_factor: self.second_factor,
            refresh: self.refresh,
            access_token_seconds: self.access_token_seconds,
            refresh_idle_seconds: self.refresh_idle_seconds,
            refresh_absolute_seconds: self.refresh_absolute_seconds,
            default_max_age: self.default_max_age,
            client_uri: self.client_uri.clone(),
            policy_uri: self.policy_uri.clone(),
            tos_uri: self.tos_uri.clone(),
            state: None,
            logo: self.logo.as_deref().map(read).transpose()?,
        })
    }
}

/// A parser of clap for each closed set of words, which names them when it refuses.
macro_rules! parsers {
    ($($name:ident: $of:ty;)+) => {$(
        fn $name(text: &str) -> Result<$of, String> {
            <$of>::parse(text).ok_or_else(|| {
                let known: Vec<_> = <$of>::ALL.iter().map(|word| word.as_str()).collect();
                format!("write one of {}", known.join(", "))
            })
        }
    )+};
}

parsers! {
    auth_method: AuthMethod;
    grant: GrantType;
    pkce: PkcePolicy;
    access_token: AccessTokenFormat;
    application_type: ApplicationType;
    consent: ConsentPolicy;
    second_factor: FactorPolicy;
    refresh: RefreshPolicy;
    subject_type: SubjectType;
}
