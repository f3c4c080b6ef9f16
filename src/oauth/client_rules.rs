//! What a client must fulfil before it is stored: every problem at once, each in words for the person who can mend it.
//!
//! RFC 7591 section 2, OpenID Connect Dynamic Client Registration section 2, RFC 9700 section 2; decisions 18, 21 and 22.

use url::Url;

use super::client::{ApplicationType, Client, PkcePolicy, Problem};
use super::client_metadata::SubjectType;
use super::grant::{AuthMethod, GrantType};
use super::redirect_uri::RedirectUri;

/// What an ID token or an assertion may be signed with.
const ASYMMETRIC: [&str; 4] = ["RS256", "PS256", "ES256", "EdDSA"];

/// The most entries of one list.
const MOST: usize = 100;

/// The longest life of an access token and of a refresh family, in seconds: a day and ten years.
const LONGEST_ACCESS_SECONDS: i64 = 86_400;
const LONGEST_REFRESH_SECONDS: i64 = 10 * 365 * 86_400;

impl Client {
    /// Everything that is wrong with this definition; empty if it may be stored.
    pub fn problems(&self) -> Vec<Problem> {
        let checks = [names, redirect_uris, authentication, grants, lifetimes, addresses, subjects, own_keys];
        checks.into_iter().flat_map(|check| check(self)).flatten().collect()
    }
}

type Found = Vec<Option<Problem>>;

fn when(is_wrong: bool, field: &'static str, why: &str) -> Option<Problem> {
    is_wrong.then(|| Problem::new(field, why))
}

/// What is wrong with a name that people are shown.
pub(super) fn wrong_name(name: &str) -> Option<&'static str> {
    // Characters that turn the direction of writing let one name look like another.
    let is_odd =
        |c: char| c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if !(1..=100).contains(&name.trim().chars().count()) {
        return Some("must have 1 to 100 characters");
    }
    name.chars().any(is_odd).then_some("must not hold control or direction characters")
}

fn names(client: &Client) -> Found {
    let is_id = (1..=200).contains(&client.client_id.len()) && client.client_id.bytes().all(|b| b.is_ascii_graphic());
    vec![
        when(!is_id, "client_id", "must have 1 to 200 visible ASCII characters"),
        wrong_name(&client.name).map(|why| Problem::new("name", why)),
    ]
}

fn redirect_uris(client: &Client) -> Found {
    let uses_browser = client.allows_grant(GrantType::AuthorizationCode) || client.allows_grant(GrantType::Implicit);
    let all = || client.redirect_uris.iter().chain(&client.post_logout_redirect_uris);
    let is_web = client.application_type == ApplicationType::Web;
    vec![
        when(uses_browser && client.redirect_uris.is_empty(), "redirect_uris", "must have at least one URI for this grant type"),
        when(all().count() > MOST, "redirect_uris", "must not have more than 100 URIs"),
        when(
            is_web && all().any(RedirectUri::is_custom_scheme),
            "redirect_uris",
            "may have a custom scheme only if the application is native",
        ),
    ]
}

/// OpenID Connect Dynamic Client Registration section 2, `application_type`; Core section 8.1.
fn subjects(client: &Client) -> Found {
    let is_pairwise = client.more.subject_type == Some(SubjectType::Pairwise);
    let is_implicit = client.application_type == ApplicationType::Web && client.allows_grant(GrantType::Implicit);
    let is_lax = |uri: &RedirectUri| uri.is_loopback() || !uri.as_str().starts_with("https://");
    let alg = client.more.userinfo_alg.as_deref();
    vec![
        when(
            is_pairwise && !client.redirect_uris.is_empty() && client.sector().is_none(),
            "sector_identifier_uri",
            "must be there for pairwise subjects, unless all redirect URIs have one host",
        ),
        when(
            client.is_unchecked() && is_implicit && client.redirect_uris.iter().any(is_lax),
            "redirect_uris",
            "must be https and not localhost for a web application with the implicit grant",
        ),
        when(alg.is_some_and(|alg| !ASYMMETRIC.contains(&alg)), "userinfo_alg", "must be RS256, PS256, ES256 or EdDSA"),
    ]
}

/// What only works with keys of the client's own (Core sections 6 and 10).
fn own_keys(client: &Client) -> Found {
    let more = &client.more;
    let has_keys = client.jwks.is_some() || more.jwks_uri.is_some();
    let alg = more.request_object_alg.as_deref();
    let needs = |is_asked: bool, field| when(is_asked && !has_keys, field, "needs jwks or jwks_uri");
    vec![
        needs(more.id_token_encryption.is_some(), "id_token_encrypted_response_alg"),
        needs(more.userinfo_encryption.is_some(), "userinfo_encrypted_response_alg"),
        needs(more.require_signed_request_object, "require_signed_request_object"),
        when(alg.is_some_and(|alg| !ASYMMETRIC.contains(&alg)), "request_object_alg", "must be RS256, PS256, ES256 or EdDSA"),
    ]
}

fn authentication(client: &Client) -> Found {
    let method = client.auth_method;
    let alg = client.token_endpoint_auth_signing_alg.as_deref();
    let fits = alg.is_none_or(|alg| match method {
        AuthMethod::ClientSecretJwt => alg == "HS256",
        AuthMethod::PrivateKeyJwt => ASYMMETRIC.contains(&alg),
        AuthMethod::None | AuthMethod::ClientSecretBasic | AuthMethod::ClientSecretPost => false,
    });
    let keys = client.jwks.as_ref().map(|jwks| jwks.get("keys").and_then(|keys| keys.as_array()).map_or(&[][..], Vec::as_slice));
    let is_private = |key: &serde_json::Value| ["d", "p", "q", "k"].iter().any(|member| key.get(member).is_some());
    let is_optional = client.pkce == PkcePolicy::Optional;
    vec![
        when(client.is_public() && is_optional && !client.is_unchecked(), "pkce", "must be required for a public client"),
        when(
            method == AuthMethod::PrivateKeyJwt && keys.is_none() && client.more.jwks_uri.is_none(),
            "jwks",
            "or jwks_uri must be there for private_key_jwt",
        ),
        when(keys.is_some() && client.more.jwks_uri.is_some(), "jwks_uri", "must not stand beside jwks"),
        when(keys.is_some_and(<[_]>::is_empty), "jwks", "must be a JWK set with at least one key"),
        when(keys.is_some_and(|keys| keys.iter().any(is_private)), "jwks", "must hold public keys only"),
        when(!fits, "token_endpoint_auth_signing_alg", "does not fit the authentication method"),
    ]
}

fn grants(client: &Client) -> Found {
    let has = |grant| client.allows_grant(grant);
    let types = &client.response_types;
    let has_code = types.iter().any(|t| t.has_code());
    let is_front = types.iter().any(|t| t.is_front_channel());
    let is_bare_token = types.iter().any(|t| t.has_token() && !t.has_code() && !t.has_id_token());
    vec![
        when(client.grant_types.is_empty(), "grant_types", "must have at least one"),
        when(
            has(GrantType::AuthorizationCode) != has_code,
            "response_types",
            "must have code if and only if grant_types has authorization_code",
        ),
        when(
            has(GrantType::Implicit) != is_front,
            "response_types",
            "must have id_token or token if and only if grant_types has implicit",
        ),
        when(is_bare_token, "response_types", "must not have token alone"),
        when(
            has(GrantType::RefreshToken) && !has(GrantType::AuthorizationCode),
            "grant_types",
            "refresh_token needs authorization_code",
        ),
        when(
            has(GrantType::ClientCredentials) && client.is_public(),
            "grant_types",
            "client_credentials needs a client that authenticates",
        ),
        when(!ASYMMETRIC.contains(&client.id_token_alg.as_str()), "id_token_alg", "must be RS256, PS256, ES256 or EdDSA"),
    ]
}

fn lifetimes(client: &Client) -> Found {
    let is_access = (1..=LONGEST_ACCESS_SECONDS).contains(&client.access_token_seconds);
    let is_absolute = (1..=LONGEST_REFRESH_SECONDS).contains(&client.refresh_absolute_seconds);
    let is_idle = (1..=client.refresh_absolute_seconds).contains(&client.refresh_idle_seconds);
    vec![
        when(!is_access, "access_token_seconds", "must be from 1 to 86400"),
        when(!is_absolute, "refresh_absolute_seconds", "must be from 1 second to ten years"),
        when(!is_idle, "refresh_idle_seconds", "must be from 1 to refresh_absolute_seconds"),
        when(client.default_max_age.is_some_and(|age| age < 0), "default_max_age", "must not be negative"),
    ]
}

fn addresses(client: &Client) -> Found {
    let page =
        |field, uri: &Option<String>| when(uri.as_deref().is_some_and(|uri| !is_page(uri)), field, "must be an https address");
    let https =
        |field, uri: &Option<String>| when(uri.as_deref().is_some_and(|uri| !is_https(uri)), field, "must be an https address");
    vec![
        https("initiate_login_uri", &client.initiate_login_uri),
        https("jwks_uri", &client.more.jwks_uri),
        https("sector_identifier_uri", &client.more.sector_identifier_uri),
        https("logo_uri", &client.more.logo_uri),
        when(!client.more.request_uris.iter().all(|uri| is_request_uri(uri)), "request_uris", "must be https addresses"),
        page("backchannel_logout_uri", &client.backchannel_logout_uri),
        when(
            client.frontchannel_logout_uri.as_deref().is_some_and(|uri| !is_at_home(client, uri)),
            "frontchannel_logout_uri",
            "must be an https address with scheme, host and port of a redirect URI",
        ),
        page("client_uri", &client.client_uri),
        page("policy_uri", &client.policy_uri),
        page("tos_uri", &client.tos_uri),
        when(client.resources.len() > MOST || client.origins.len() > MOST, "resources", "must not have more than 100 entries"),
        when(!client.resources.iter().all(|uri| is_resource(uri)), "resources", "must be absolute URIs without a fragment"),
        when(
            !client.origins.iter().all(|origin| is_origin(origin)),
            "origins",
            "must be like https://app.example.com, without a path",
        ),
    ]
}

/// https, or http on the machine of a developer: the same rule as for a redirect URI.
pub(super) fn is_page(text: &str) -> bool {
    RedirectUri::parse(text).is_ok_and(|uri| !uri.is_custom_scheme())
}

/// OpenID Connect Front-Channel Logout 1.0 section 2.
fn is_at_home(client: &Client, text: &str) -> bool {
    let origin = RedirectUri::parse(text).ok().and_then(|uri| uri.origin());
    origin.is_some() && client.redirect_uris.iter().any(|uri| uri.origin() == origin)
}

fn is_https(text: &str) -> bool {
    is_page(text) && text.starts_with("https://")
}

/// A request object's address may name its hash in the fragment (OpenID Connect Core section 6.2).
fn is_request_uri(text: &str) -> bool {
    is_https(text.split('#').next().unwrap_or_default()) && text.bytes().all(|b| b.is_ascii_graphic())
}

/// RFC 8707 section 2.
fn is_resource(text: &str) -> bool {
    text.len() <= 2048 && text.bytes().all(|b| b.is_ascii_graphic()) && Url::parse(text).is_ok_and(|url| url.fragment().is_none())
}

fn is_origin(text: &str) -> bool {
    RedirectUri::parse(text).is_ok_and(|uri| uri.origin().as_deref() == Some(text))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::oauth::{ResponseType, Scope};

    fn good() -> Client {
        let redirect_uris = vec![RedirectUri::parse("https://app.test/cb").unwrap()];
        Client { redirect_uris, ..Client::new("c", "App") }
    }

    fn machine() -> Client {
        let (grant_types, response_types) = (vec![GrantType::ClientCredentials], vec![]);
        Client { grant_types, response_types, redirect_uris: vec![], scope: Scope::empty(), ..good() }
    }

    /// What may be stored.
    #[test]
    fn no_problems() {
        let keys = Some(json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "AA"}]}));
        for client in [
            good(),
            machine(),
            Client { auth_method: AuthMethod::None, ..good() },
            Client { pkce: PkcePolicy::Optional, ..good() },
            Client {
                auth_method: AuthMethod::PrivateKeyJwt,
                jwks: keys,
                token_endpoint_auth_signing_alg: Some("EdDSA".into()),
                ..good()
            },
            Client {
                backchannel_logout_uri: Some("https://elsewhere.test/out?x=1".into()),
                frontchannel_logout_uri: Some("https://app.test/out?x=1".into()),
                ..good()
            },
            Client { backchannel_logout_uri: Some("http://127.0.0.1:3000/out".into()), ..good() },
            Client { origins: vec!["http://localhost:3000".into()], resources: vec!["urn:api".into()], ..good() },
        ] {
            assert_eq!(client.problems(), []);
        }
    }

    fn with(change: impl FnOnce(&mut Client)) -> Client {
        let mut client = good();
        change(&mut client);
        client
    }

    /// The rules of those that register themselves, each beside its good twin.
    #[test]
    fn registration_rules() {
        let uri = |text: &str| RedirectUri::parse(text).unwrap();
        let implicit = |c: &mut Client, text: &str| {
            c.more.registered_by = Some(crate::oauth::RegisteredBy::Itself);
            c.grant_types = vec![GrantType::Implicit];
            c.response_types = vec![ResponseType::parse("id_token").unwrap()];
            c.redirect_uris = vec![uri(text)];
        };
        let pairwise = |c: &mut Client, second: &str| {
            c.more.subject_type = Some(SubjectType::Pairwise);
            c.redirect_uris.push(uri(second));
        };
        type Change<'a> = Box<dyn Fn(&mut Client) + 'a>;
        let cases: Vec<(&str, Change<'_>, Change<'_>)> = vec![
            (
                "redirect_uris",
                Box::new(|c| implicit(c, "https://app.test/cb")),
                Box::new(|c| implicit(c, "https://localhost/cb")),
            ),
            ("redirect_uris", Box::new(|c| implicit(c, "https://app.test/cb")), Box::new(|c| implicit(c, "http://127.0.0.1/cb"))),
            (
                "sector_identifier_uri",
                Box::new(|c| pairwise(c, "https://app.test/2")),
                Box::new(|c| pairwise(c, "https://b.test/2")),
            ),
            (
                "initiate_login_uri",
                Box::new(|c| c.initiate_login_uri = Some("https://app.test/i".into())),
                Box::new(|c| c.initiate_login_uri = Some("http://localhost/i".into())),
            ),
            (
                "request_uris",
                Box::new(|c| c.more.request_uris = vec!["https://app.test/r#abc".into()]),
                Box::new(|c| c.more.request_uris = vec!["file:///etc/passwd".into()]),
            ),
            (
                "jwks_uri",
                Box::new(|c| c.more.jwks_uri = Some("https://app.test/j".into())),
                Box::new(|c| c.more.jwks_uri = Some("http://app.test/j".into())),
            ),
        ];
        for (field, fine, wrong) in cases {
            assert_eq!(with(fine).problems(), [], "{field}");
            let problems = with(wrong).problems();
            assert_eq!(problems.iter().map(|problem| problem.field).collect::<Vec<_>>(), [field]);
        }
    }

    /// Each rule by the field that it names.
    #[test]
    fn problems() {
        let parse = |uri| RedirectUri::parse(uri).unwrap();
        let token = ResponseType::parse("token").unwrap();
        for (field, client) in [
            ("client_id", Client { client_id: "a b".into(), ..good() }),
            ("name", Client { name: " ".into(), ..good() }),
            ("name", Client { name: "a\u{202e}b".into(), ..good() }),
            ("redirect_uris", Client { redirect_uris: vec![], ..good() }),
            ("redirect_uris", Client { redirect_uris: vec![parse("com.example.app:/cb")], ..good() }),
            ("pkce", Client { auth_method: AuthMethod::None, pkce: PkcePolicy::Optional, ..good() }),
            ("jwks", Client { auth_method: AuthMethod::PrivateKeyJwt, ..good() }),
            ("jwks", Client { jwks: Some(json!({"keys": []})), ..good() }),
            ("jwks", Client { jwks: Some(json!({"keys": [{"kty": "EC", "d": "x"}]})), ..good() }),
            ("token_endpoint_auth_signing_alg", Client { token_endpoint_auth_signing_alg: Some("RS256".into()), ..good() }),
            ("grant_types", Client { auth_method: AuthMethod::None, ..machine() }),
            ("response_types", Client { response_types: vec![], ..good() }),
            ("response_types", Client { response_types: vec![ResponseType::CODE, token], ..good() }),
            ("id_token_alg", Client { id_token_alg: "none".into(), ..good() }),
            ("access_token_seconds", Client { access_token_seconds: 0, ..good() }),
            ("refresh_idle_seconds", Client { refresh_idle_seconds: 8, refresh_absolute_seconds: 7, ..good() }),
            ("default_max_age", Client { default_max_age: Some(-1), ..good() }),
            ("client_uri", Client { client_uri: Some("javascript:alert(1)".into()), ..good() }),
            ("backchannel_logout_uri", Client { backchannel_logout_uri: Some("http://app.test/out".into()), ..good() }),
            ("backchannel_logout_uri", Client { backchannel_logout_uri: Some("https://app.test/out#x".into()), ..good() }),
            ("backchannel_logout_uri", Client { backchannel_logout_uri: Some("com.example.app:/out".into()), ..good() }),
            ("frontchannel_logout_uri", Client { frontchannel_logout_uri: Some("https://app.test:8443/out".into()), ..good() }),
            ("frontchannel_logout_uri", Client { frontchannel_logout_uri: Some("https://evil.test/out".into()), ..good() }),
            ("frontchannel_logout_uri", Client { frontchannel_logout_uri: Some("http://app.test/out".into()), ..good() }),
            ("resources", Client { resources: vec!["https://api.test/#x".into()], ..good() }),
            ("origins", Client { origins: vec!["https://app.test/".into()], ..good() }),
            ("origins", Client { origins: vec!["null".into()], ..good() }),
        ] {
            assert!(client.problems().iter().any(|problem| problem.field == field), "{field}: {:?}", client.problems());
        }
    }
}
