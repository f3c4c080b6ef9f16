//! What an operator says about a client, applied to its definition; what it must fulfil then is `oauth`'s and the settings'
//! to say.

use serde_json::Value;

use super::Limits;
use crate::jose::JwkSet;
use crate::oauth::{
    AccessTokenFormat, ApplicationType, AuthMethod, Client, ConsentPolicy, ContentEncryption, Encryption, FactorPolicy,
    GrantType, KeyEncryption, PkcePolicy, Problem, RedirectUri, RefreshPolicy, ResponseType, Scope, SubjectType,
};

/// New values for the fields that are named; everything else stays as it is.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    pub name: Option<String>,
    pub redirect_uris: Option<Vec<String>>,
    pub post_logout_redirect_uris: Option<Vec<String>>,
    /// An empty one takes the address away.
    pub backchannel_logout_uri: Option<String>,
    /// An empty one takes the address away.
    pub frontchannel_logout_uri: Option<String>,
    pub auth_method: Option<AuthMethod>,
    pub auth_signing_alg: Option<String>,
    pub jwks: Option<Value>,
    /// Takes the place of `jwks`, and the other way round.
    pub jwks_uri: Option<String>,
    pub subject_type: Option<SubjectType>,
    /// Taken at the operator's word: the list behind it is not fetched.
    pub sector_identifier_uri: Option<String>,
    pub userinfo_alg: Option<String>,
    /// `ALG` or `ALG:ENC`; an empty one ends the encryption.
    pub id_token_encryption: Option<String>,
    /// `ALG` or `ALG:ENC`; an empty one ends the encryption.
    pub userinfo_encryption: Option<String>,
    pub request_object_alg: Option<String>,
    pub require_signed_request_object: Option<bool>,
    pub request_uris: Option<Vec<String>>,
    pub grant_types: Option<Vec<GrantType>>,
    pub response_types: Option<Vec<String>>,
    pub scope: Option<String>,
    pub pkce: Option<PkcePolicy>,
    pub id_token_alg: Option<String>,
    pub access_token: Option<AccessTokenFormat>,
    pub resources: Option<Vec<String>>,
    pub origins: Option<Vec<String>>,
    pub application_type: Option<ApplicationType>,
    pub consent: Option<ConsentPolicy>,
    pub second_factor: Option<FactorPolicy>,
    pub refresh: Option<RefreshPolicy>,
    pub access_token_seconds: Option<i64>,
    pub refresh_idle_seconds: Option<i64>,
    pub refresh_absolute_seconds: Option<i64>,
    pub default_max_age: Option<i64>,
    pub client_uri: Option<String>,
    pub policy_uri: Option<String>,
    pub tos_uri: Option<String>,
    pub state: Option<State>,
    /// A picture as it was read from its file.
    pub logo: Option<Vec<u8>>,
}

/// Whether a client may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Enabled,
    Disabled,
}

fn set<T: Clone>(to: &mut T, from: Option<&T>) {
    if let Some(value) = from {
        to.clone_from(value);
    }
}

fn set_some<T: Clone>(to: &mut Option<T>, from: Option<&T>) {
    if from.is_some() {
        *to = from.cloned();
    }
}

fn set_or_clear(to: &mut Option<String>, from: Option<&String>) {
    if let Some(value) = from {
        *to = Some(value.clone()).filter(|value| !value.is_empty());
    }
}

impl Changes {
    /// Applies what is named and says everything that is wrong with the result.
    pub fn apply(&self, client: &mut Client, limits: &Limits) -> Vec<Problem> {
        let mut problems = Vec::new();
        self.apply_uris(client, &mut problems);
        self.apply_protocol(client, &mut problems);
        self.apply_own_keys(client, &mut problems);
        set(&mut client.name, self.name.as_ref());
        set(&mut client.resources, self.resources.as_ref());
        set(&mut client.origins, self.origins.as_ref());
        set(&mut client.trusted, self.consent.as_ref());
        set(&mut client.second_factor, self.second_factor.as_ref());
        set(&mut client.issue_refresh, self.refresh.as_ref());
        set(&mut client.access_token_seconds, self.access_token_seconds.as_ref());
        set(&mut client.refresh_idle_seconds, self.refresh_idle_seconds.as_ref());
        set(&mut client.refresh_absolute_seconds, self.refresh_absolute_seconds.as_ref());
        set_some(&mut client.default_max_age, self.default_max_age.as_ref());
        set_some(&mut client.client_uri, self.client_uri.as_ref());
        set_some(&mut client.policy_uri, self.policy_uri.as_ref());
        set_some(&mut client.tos_uri, self.tos_uri.as_ref());
        if let Some(state) = self.state {
            client.disabled = state == State::Disabled;
        }
        problems.extend(client.problems());
        problems.extend(beyond(client, limits));
        // A URI that could not be read leaves its list empty, which is no second problem.
        let mut seen = Vec::new();
        problems.retain(|problem| {
            let is_echo = seen.contains(&problem.field) && problem.why.starts_with("must have at least one");
            seen.push(problem.field);
            !is_echo
        });
        problems
    }

    fn apply_uris(&self, client: &mut Client, problems: &mut Vec<Problem>) {
        if let Some(uris) = &self.redirect_uris {
            client.redirect_uris = redirect_uris("redirect_uris", uris, problems);
        }
        if let Some(uris) = &self.post_logout_redirect_uris {
            client.post_logout_redirect_uris = redirect_uris("post_logout_redirect_uris", uris, problems);
        }
        set_or_clear(&mut client.backchannel_logout_uri, self.backchannel_logout_uri.as_ref());
        set_or_clear(&mut client.frontchannel_logout_uri, self.frontchannel_logout_uri.as_ref());
        set(&mut client.auth_method, self.auth_method.as_ref());
        match self.application_type {
            Some(named) => client.application_type = named,
            // A public client on a custom scheme or a loopback address is an application on somebody's machine (RFC 8252).
            None if self.redirect_uris.is_some() => {
                let is_own = |uri: &RedirectUri| uri.is_custom_scheme() || uri.is_loopback();
                let is_native = client.is_public() && client.redirect_uris.iter().any(is_own);
                client.application_type = if is_native { ApplicationType::Native } else { ApplicationType::Web };
            }
            None => {}
        }
    }

    fn apply_protocol(&self, client: &mut Client, problems: &mut Vec<Problem>) {
        set_some(&mut client.token_endpoint_auth_signing_alg, self.auth_signing_alg.as_ref());
        set(&mut client.pkce, self.pkce.as_ref());
        set(&mut client.id_token_alg, self.id_token_alg.as_ref());
        set(&mut client.access_token, self.access_token.as_ref());
        if let Some(jwks) = &self.jwks {
            if let Err(why) = JwkSet::parse_client(jwks) {
                problems.push(Problem { field: "jwks", why: why.trim_start_matches("jwks ").to_owned() });
            }
            client.jwks = Some(jwks.clone());
            client.more.jwks_uri = None;
        }
        if self.jwks_uri.is_some() {
            client.jwks = self.jwks.clone();
            client.more.jwks_uri.clone_from(&self.jwks_uri);
        }
        set_some(&mut client.more.subject_type, self.subject_type.as_ref());
        set_some(&mut client.more.sector_identifier_uri, self.sector_identifier_uri.as_ref());
        if let Some(grants) = &self.grant_types {
            client.grant_types.clone_from(grants);
            let has_code = grants.contains(&GrantType::AuthorizationCode);
            client.response_types = if has_code { vec![ResponseType::CODE] } else { Vec::new() };
        }
        if let Some(types) = &self.response_types {
            client.response_types.clear();
            for text in types {
                match ResponseType::parse(text) {
                    Ok(known) => client.response_types.push(known),
                    Err(error) => problems.push(Problem { field: "response_types", why: error.why.to_owned() }),
                }
            }
        }
        if let Some(text) = &self.scope {
            match Scope::parse(text) {
                Ok(scope) => client.scope = scope,
                Err(error) => problems.push(Problem { field: "scope", why: error.why.trim_start_matches("scope ").to_owned() }),
            }
        }
    }

    /// What is done with the client's own keys.
    fn apply_own_keys(&self, client: &mut Client, problems: &mut Vec<Problem>) {
        let more = &mut client.more;
        set_or_clear(&mut more.userinfo_alg, self.userinfo_alg.as_ref());
        set_or_clear(&mut more.request_object_alg, self.request_object_alg.as_ref());
        set(&mut more.require_signed_request_object, self.require_signed_request_object.as_ref());
        set(&mut more.request_uris, self.request_uris.as_ref());
        let both = [
            ("id_token_encryption", &mut more.id_token_encryption, &self.id_token_encryption),
            ("userinfo_encryption", &mut more.userinfo_encryption, &self.userinfo_encryption),
        ];
        for (field, to, from) in both {
            let Some(text) = from else { continue };
            *to = Encryption::parse(text);
            if to.is_none() && !text.is_empty() {
                let words = |all: Vec<&str>| all.join(", ");
                let algs = words(KeyEncryption::ALL.iter().map(|alg| alg.as_str()).collect());
                let encs = words(ContentEncryption::ALL.iter().map(|enc| enc.as_str()).collect());
                problems.push(Problem { field, why: format!("must be ALG or ALG:ENC, ALG one of {algs}, ENC one of {encs}") });
            }
        }
        let wanted = more.id_token_encryption.into_iter().chain(more.userinfo_encryption);
        let keys = client.jwks.as_ref().and_then(|jwks| JwkSet::parse_client(jwks).ok());
        let lacks = |keys: &JwkSet| wanted.clone().any(|e| keys.recipient(e.alg.as_str(), e.enc.as_str()).is_none());
        if keys.as_ref().is_some_and(lacks) {
            problems.push(Problem { field: "jwks", why: "must have a key for the encryption that is asked for".to_owned() });
        }
    }
}

fn redirect_uris(field: &'static str, uris: &[String], problems: &mut Vec<Problem>) -> Vec<RedirectUri> {
    let parse = |text: &String| match RedirectUri::parse(text) {
        Ok(uri) => Some(uri),
        Err(why) => {
            problems.push(Problem { field, why: format!("{text} {why}") });
            None
        }
    };
    uris.iter().filter_map(parse).collect()
}

/// What this house cannot do for a client.
fn beyond(client: &Client, limits: &Limits) -> Vec<Problem> {
    let mut problems = Vec::new();
    let uses_openid = client.scope.contains("openid") && !client.response_types.is_empty();
    if uses_openid && !limits.id_token_algs.contains(&client.id_token_alg) {
        let why = format!("is {}, for which there is no key; add it to `keys.algorithms`", client.id_token_alg);
        problems.push(Problem { field: "id_token_alg", why });
    }
    for response_type in client.response_types.iter().filter(|wanted| !limits.response_types.contains(wanted)) {
        let why = format!("has {response_type}, which the setting `response_types` does not allow");
        problems.push(Problem { field: "response_types", why });
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits {
            id_token_algs: vec!["RS256".to_owned(), "ES256".to_owned()],
            response_types: vec![ResponseType::CODE],
            access_token_seconds: 1800,
            refresh_idle_seconds: 1,
            refresh_absolute_seconds: 1,
        }
    }

    fn with(change: impl FnOnce(&mut Changes)) -> (Client, Vec<&'static str>) {
        let mut changes = Changes { redirect_uris: Some(vec!["https://app.test/cb".to_owned()]), ..Changes::default() };
        change(&mut changes);
        let mut client = Client::new("app", "App");
        let problems = changes.apply(&mut client, &limits());
        (client, problems.iter().map(|problem| problem.field).collect())
    }

    /// Each bad word of an operator is named by its field; the good twin passes.
    #[test]
    fn problems_name_their_field() {
        assert_eq!(with(|_| {}).1, Vec::<&str>::new());
        assert_eq!(with(|c| c.redirect_uris = Some(vec!["http://app.test/cb".to_owned()])).1, ["redirect_uris"]);
        assert_eq!(with(|c| c.redirect_uris = None).1, ["redirect_uris"]);
        assert_eq!(with(|c| c.scope = Some("a\"b".to_owned())).1, ["scope"]);
        assert_eq!(with(|c| c.id_token_alg = Some("EdDSA".to_owned())).1, ["id_token_alg"]);
        assert_eq!(with(|c| c.auth_method = Some(AuthMethod::PrivateKeyJwt)).1, ["jwks"]);
    }

    /// What needs the client's own keys needs them, and each word is one that is known.
    #[test]
    fn own_keys() {
        let keyed = |change: &dyn Fn(&mut Changes)| {
            with(|c| {
                c.jwks_uri = Some("https://app.test/jwks".to_owned());
                change(c);
            })
        };
        let (client, problems) = keyed(&|c| {
            c.id_token_encryption = Some("ECDH-ES+A128KW:A256GCM".to_owned());
            c.userinfo_encryption = Some("RSA-OAEP-256".to_owned());
            c.require_signed_request_object = Some(true);
            c.request_object_alg = Some("PS256".to_owned());
        });
        assert_eq!(problems, Vec::<&str>::new());
        assert_eq!(client.more.id_token_encryption.map(|e| e.enc), Some(ContentEncryption::A256Gcm));
        assert_eq!(client.more.userinfo_encryption.map(|e| e.enc), Some(ContentEncryption::A128CbcHs256));
        assert_eq!(keyed(&|c| c.id_token_encryption = Some("RSA1_5".to_owned())).1, ["id_token_encryption"]);
        assert_eq!(keyed(&|c| c.userinfo_encryption = Some("ECDH-ES:A192GCM".to_owned())).1, ["userinfo_encryption"]);
        assert_eq!(keyed(&|c| c.request_object_alg = Some("none".to_owned())).1, ["request_object_alg"]);
        assert_eq!(keyed(&|c| c.userinfo_alg = Some("HS256".to_owned())).1, ["userinfo_alg"]);
        assert_eq!(keyed(&|c| c.request_uris = Some(vec!["http://app.test/r".to_owned()])).1, ["request_uris"]);
        assert_eq!(with(|c| c.id_token_encryption = Some("ECDH-ES".to_owned())).1, ["id_token_encrypted_response_alg"]);
        assert_eq!(with(|c| c.require_signed_request_object = Some(true)).1, ["require_signed_request_object"]);
    }

    /// A machine's client needs no redirect URI and has no response type; a program on a desk is native.
    #[test]
    fn follows_what_it_is() {
        let (machine, problems) = with(|c| {
            c.redirect_uris = None;
            c.grant_types = Some(vec![GrantType::ClientCredentials]);
        });
        assert_eq!((machine.response_types.len(), problems.len()), (0, 0));
        let native = |method| {
            with(|c| {
                c.redirect_uris = Some(vec!["http://127.0.0.1/cb".to_owned()]);
                c.auth_method = Some(method);
            })
        };
        assert_eq!(native(AuthMethod::None).0.application_type, ApplicationType::Native);
        assert_eq!(native(AuthMethod::ClientSecretBasic).0.application_type, ApplicationType::Web);
    }
}
