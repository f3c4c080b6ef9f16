//! The lines to paste into common relying parties, so that the first sign-in needs no manual.

use crate::admin::clients::Done;
use crate::oauth::AuthMethod;

/// A relying party whose settings we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum For {
    Grafana,
    Oauth2Proxy,
    OpenidClient,
    Spring,
    Generic,
}

impl For {
    const ALL: [(&'static str, Self); 5] = [
        ("grafana", Self::Grafana),
        ("oauth2-proxy", Self::Oauth2Proxy),
        ("openid-client", Self::OpenidClient),
        ("spring", Self::Spring),
        ("generic", Self::Generic),
    ];

    /// # Errors
    /// The names that are known.
    pub fn parse(text: &str) -> Result<Self, String> {
        let known = Self::ALL.iter().find(|(name, _)| *name == text).map(|(_, what)| *what);
        known.ok_or_else(|| format!("write one of {}", Self::ALL.map(|(name, _)| name).join(", ")))
    }

    /// The one that a client's name gives away.
    fn named(client_name: &str) -> Option<Self> {
        let name = client_name.to_lowercase().replace(' ', "-");
        Self::ALL.iter().find(|(known, _)| name.contains(known)).map(|(_, what)| *what)
    }
}

struct Facts<'a> {
    issuer: &'a str,
    id: &'a str,
    secret: &'a str,
    redirect: &'a str,
    scope: String,
    method: AuthMethod,
}

/// The lines for what was asked for; otherwise for what the client's name says, or for all.
pub fn lines(issuer: &str, done: &Done, wanted: &[For]) -> String {
    let client = &done.client;
    let asked: Vec<_> =
        client.scope.iter().filter(|scope| matches!(*scope, "openid" | "profile" | "email" | "offline_access")).collect();
    let facts = Facts {
        issuer,
        id: &client.client_id,
        secret: done.secret.as_ref().map_or("", |secret| secret.expose()),
        redirect: client.redirect_uris.first().map_or("", |uri| uri.as_str()),
        scope: if asked.is_empty() { client.scope.to_string() } else { asked.join(" ") },
        method: client.auth_method,
    };
    let all = For::ALL.map(|(_, what)| what);
    let chosen = match For::named(&client.name) {
        _ if !wanted.is_empty() => wanted.to_vec(),
        _ if client.redirect_uris.is_empty() => vec![For::Generic],
        Some(what) => vec![what],
        None => all.to_vec(),
    };
    chosen.into_iter().map(|what| facts.of(what)).collect::<Vec<_>>().join("\n\n")
}

impl Facts<'_> {
    fn of(&self, what: For) -> String {
        match what {
            For::Grafana => self.grafana(),
            For::Oauth2Proxy => self.oauth2_proxy(),
            For::OpenidClient => self.openid_client(),
            For::Spring => self.spring(),
            For::Generic => self.generic(),
        }
    }

    fn grafana(&self) -> String {
        let Self { issuer, id, secret, scope, .. } = self;
        format!(
            "# Grafana (grafana.ini)
[auth.generic_oauth]
enabled = true
name = Vouchsafe
client_id = {id}
client_secret = {secret}
scopes = {scope}
auth_url = {issuer}/authorize
token_url = {issuer}/token
api_url = {issuer}/userinfo
use_pkce = true
login_attribute_path = preferred_username || email"
        )
    }

    fn oauth2_proxy(&self) -> String {
        let Self { issuer, id, secret, redirect, scope, .. } = self;
        format!(
            "# oauth2-proxy (oauth2-proxy.cfg)
provider = \"oidc\"
oidc_issuer_url = \"{issuer}\"
client_id = \"{id}\"
client_secret = \"{secret}\"
redirect_url = \"{redirect}\"
scope = \"{scope}\"
code_challenge_method = \"S256\"
email_domains = [\"*\"]"
        )
    }

    fn openid_client(&self) -> String {
        let Self { issuer, id, secret, redirect, scope, .. } = self;
        // Where it is told no method it sends the secret in the body, whatever the client is registered for.
        let how = match self.method {
            _ if secret.is_empty() => "client.None()".to_owned(),
            AuthMethod::ClientSecretPost => format!("client.ClientSecretPost('{secret}')"),
            AuthMethod::ClientSecretJwt => format!("client.ClientSecretJwt('{secret}')"),
            _ => format!("client.ClientSecretBasic('{secret}')"),
        };
        let plain = if issuer.starts_with("http://") { ", { execute: [client.allowInsecureRequests] }" } else { "" };
        format!(
            "// openid-client (JavaScript)
import * as client from 'openid-client'
const config = await client.discovery(new URL('{issuer}'), '{id}', undefined, {how}{plain})
const code_verifier = client.randomPKCECodeVerifier()
const state = client.randomState()
const url = client.buildAuthorizationUrl(config, {{
  redirect_uri: '{redirect}',
  scope: '{scope}',
  code_challenge: await client.calculatePKCECodeChallenge(code_verifier),
  code_challenge_method: 'S256',
  state,
}})
// Send the browser to url; in the handler of the redirect URI:
const tokens = await client.authorizationCodeGrant(config, currentUrl, {{ pkceCodeVerifier: code_verifier, expectedState: state }})"
        )
    }

    fn spring(&self) -> String {
        let Self { issuer, id, secret, redirect, scope, .. } = self;
        let scope = scope.replace(' ', ",");
        format!(
            "# Spring Boot (application.yaml)
spring:
  security:
    oauth2:
      client:
        registration:
          vouchsafe:
            client-id: \"{id}\"
            client-secret: \"{secret}\"
            redirect-uri: \"{redirect}\"
            scope: {scope}
        provider:
          vouchsafe:
            issuer-uri: {issuer}"
        )
    }

    fn generic(&self) -> String {
        let Self { issuer, id, secret, redirect, scope, .. } = self;
        let optional = |name: &str, value: &str| if value.is_empty() { String::new() } else { format!("\n{name}{value}") };
        format!(
            "# Any other
issuer         {issuer}
discovery      {issuer}/.well-known/openid-configuration
client id      {id}{}{}
scope          {scope}
PKCE           S256",
            optional("client secret  ", secret),
            optional("redirect URI   ", redirect)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Secret;
    use crate::oauth::{Client, RedirectUri};

    fn done(name: &str) -> Done {
        let mut client = Client::new("app", name);
        client.redirect_uris = vec![RedirectUri::parse("https://app.test/cb").unwrap()];
        Done { client, secret: Some(Secret::new("cs_x".to_owned())) }
    }

    /// What an app's name says is enough; without it all are shown; what was asked for goes first.
    #[test]
    fn chooses() {
        let heads = |name: &str, wanted: &[For]| lines("https://id.test", &done(name), wanted).matches("id.test").count();
        assert_eq!(heads("Team Grafana", &[]), 3);
        assert_eq!(heads("Wiki", &[For::Spring]), 1);
        assert_eq!(heads("Wiki", &[]), 3 + 1 + 1 + 1 + 2);
        assert!(For::parse("x").is_err());
        assert!(
            lines("https://id.test", &done("Wiki"), &[For::Generic])
                .contains("client secret  cs_x\nredirect URI   https://app.test/cb")
        );
    }
}
