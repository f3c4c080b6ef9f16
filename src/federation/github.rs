//! GitHub, which speaks OAuth 2.0 and an API of its own: who somebody is comes from there, by the numeric id, which is never given
//! twice, and the primary address only if GitHub has proved it.

use serde_json::{Map, Value};

use super::connector::{Answer, Connector, Departure, Doing, Ended, Parting, Trouble, UpstreamIdentity, Wish};
use super::upstream::Upstream;
use super::wire::{about_a_person, call};
use super::{code_of, words_of};
use crate::base::{Secret, Timestamp, base64url, sha256};
use crate::jose::members;
use crate::outbound::Outbound;

/// Where the API of the public GitHub is; that of an Enterprise server is below its address.
const PUBLIC: (&str, &str) = ("https://github.com", "https://api.github.com");

/// GitHub, or an Enterprise server.
pub(super) struct GitHub {
    upstream: Upstream,
    secret: Secret<String>,
    outbound: Outbound,
}

impl Connector for GitHub {
    fn depart<'a>(&'a self, wish: &'a Wish, _: Timestamp) -> Doing<'a, Departure> {
        Box::pin(std::future::ready(Ok(self.departure(wish))))
    }

    fn arrive<'a>(&'a self, answer: &'a Answer, _: Timestamp) -> Doing<'a, UpstreamIdentity> {
        Box::pin(self.arrival(answer))
    }

    fn probe<'a>(&'a self, _: Timestamp) -> Doing<'a, ()> {
        Box::pin(self.answers())
    }

    fn sign_out<'a>(&'a self, _: &'a Parting, _: Timestamp) -> Doing<'a, Option<String>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    fn heard<'a>(&'a self, _: &'a str, _: Timestamp) -> Doing<'a, Ended> {
        Box::pin(std::future::ready(Err(Trouble::Wrong("GitHub sends no logout tokens"))))
    }
}

impl GitHub {
    pub(super) const fn new(upstream: Upstream, secret: Secret<String>, outbound: Outbound) -> Self {
        Self { upstream, secret, outbound }
    }

    fn departure(&self, wish: &Wish) -> Departure {
        let mut scopes = self.upstream.scopes.clone();
        if !self.upstream.organisations.is_empty() && !scopes.iter().any(|scope| scope == "read:org") {
            scopes.push("read:org".to_owned());
        }
        let challenge = base64url(&sha256(wish.keepsake.verifier.expose().as_bytes()));
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query
            .append_pair("client_id", &self.upstream.client_id)
            .append_pair("redirect_uri", &wish.callback)
            .append_pair("scope", &scopes.join(" "))
            .append_pair("state", wish.state.expose())
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        if let Some(hint) = &wish.login_hint {
            query.append_pair("login", hint);
        }
        if wish.again {
            query.append_pair("prompt", "select_account");
        }
        Departure { url: format!("{}/login/oauth/authorize?{}", self.upstream.issuer, query.finish()) }
    }

    async fn arrival(&self, answer: &Answer) -> Result<UpstreamIdentity, Trouble> {
        if let Some(issuer) = answer.params.get("iss")
            && !(issuer == self.upstream.issuer || issuer.starts_with(&format!("{}/", self.upstream.issuer)))
        {
            return Err(Trouble::Wrong("the answer comes from another issuer"));
        }
        if let Some(error) = answer.params.get("error") {
            return Err(words_of(error));
        }
        let token = self.redeem(code_of(answer)?, answer).await?;
        let user = self.api("/user", &token).await?;
        let user = user.as_object().ok_or(Trouble::Wrong("its API says nothing of the person"))?;
        let subject = user.get("id").and_then(Value::as_u64).filter(|id| *id > 0);
        let subject = subject.ok_or(Trouble::Wrong("its API says no id of the person"))?.to_string();
        let (email, email_verified) = primary(&self.api("/user/emails?per_page=100", &token).await?);
        let groups = self.groups(&token).await?;
        let profile = self.upstream.mapping.apply(user);
        Ok(UpstreamIdentity {
            issuer: self.upstream.issuer.clone(),
            subject,
            email,
            email_verified,
            email_authoritative: email_verified && self.upstream.proves_email(),
            claims: profile.claims,
            groups,
            amr: Vec::new(),
            acr: None,
            auth_time: None,
            sid: None,
            id_token: None,
        })
    }

    /// An error comes with 200 here.
    async fn redeem(&self, code: &str, answer: &Answer) -> Result<Secret<String>, Trouble> {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("client_id", &self.upstream.client_id)
            .append_pair("client_secret", self.secret.expose())
            .append_pair("code", code)
            .append_pair("redirect_uri", &answer.callback)
            .append_pair("code_verifier", answer.keepsake.verifier.expose())
            .finish();
        let request = http::Request::post(format!("{}/login/oauth/access_token", self.upstream.issuer))
            .header("accept", "application/json")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body.into_bytes());
        let told = self.call(request).await?;
        let told = members(&told).ok_or(Trouble::Nonsense("its tokens cannot be read"))?;
        if let Some(error) = told.get("error").and_then(Value::as_str) {
            return Err(words_of(error));
        }
        let is_bearer = told.get("token_type").and_then(Value::as_str).is_some_and(|kind| kind.eq_ignore_ascii_case("bearer"));
        let token = told.get("access_token").and_then(Value::as_str).filter(|_| is_bearer);
        token.map(|token| Secret::new(token.to_owned())).ok_or(Trouble::Wrong("no access token came"))
    }

    async fn api(&self, path: &str, token: &Secret<String>) -> Result<Value, Trouble> {
        let request = http::Request::get(format!("{}{path}", self.base()))
            .header("accept", "application/vnd.github+json")
            .header("user-agent", "vouchsafe")
            .header("authorization", format!("Bearer {}", token.expose()))
            .body(Vec::new());
        let body = self.call(request).await.map_err(about_a_person)?;
        serde_json::from_slice(&body).map_err(|_| Trouble::Wrong("its API answers something that cannot be read"))
    }

    async fn call(&self, request: Result<http::Request<Vec<u8>>, http::Error>) -> Result<Vec<u8>, Trouble> {
        let request = request.map_err(|_| Trouble::Wrong("its answer cannot be sent back"))?;
        let answer = call(&self.outbound, request).await?;
        match answer.status() {
            http::StatusCode::OK => Ok(answer.into_body()),
            _ => Err(Trouble::Wrong("it refuses the code, or its own token")),
        }
    }

    /// Whatever the API says to somebody without a token, it says it.
    async fn answers(&self) -> Result<(), Trouble> {
        let request = http::Request::get(format!("{}/user", self.base())).header("user-agent", "vouchsafe").body(Vec::new());
        let request = request.map_err(|_| Trouble::Wrong("its address is none"))?;
        call(&self.outbound, request).await.map(drop)
    }

    /// Where the API is.
    fn base(&self) -> String {
        let (public, api) = PUBLIC;
        if self.upstream.issuer == public { api.to_owned() } else { format!("{}/api/v3", self.upstream.issuer) }
    }

    /// Organisations and teams, where the operator asks for them; who belongs to none of those is not let in.
    async fn groups(&self, token: &Secret<String>) -> Result<Vec<String>, Trouble> {
        let wanted = &self.upstream.organisations;
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let mut groups = names(&self.api("/user/orgs?per_page=100", token).await?, |org| text(org, "login"));
        if wanted.iter().any(|name| name.contains('/')) {
            let team = |team: &Value| Some(format!("{}/{}", text(team.get("organization")?, "login")?, text(team, "slug")?));
            groups.extend(names(&self.api("/user/teams?per_page=100", token).await?, team));
        }
        let belongs = groups.iter().any(|own| wanted.iter().any(|name| name.eq_ignore_ascii_case(own)));
        if belongs { Ok(groups) } else { Err(Trouble::NotAllowed("the person is in none of the organisations")) }
    }
}

fn text(value: &Value, member: &str) -> Option<String> {
    value.get(member)?.as_str().map(str::to_owned)
}

fn names(list: &Value, name: impl Fn(&Value) -> Option<String>) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(name).collect()
}

/// The primary address, and whether GitHub has proved it.
fn primary(emails: &Value) -> (Option<String>, bool) {
    let truth = |entry: &Map<String, Value>, member: &str| entry.get(member).and_then(Value::as_bool) == Some(true);
    let entries = emails.as_array().into_iter().flatten().filter_map(Value::as_object);
    let primary = entries.into_iter().find(|entry| truth(entry, "primary"));
    let email = primary.and_then(|entry| entry.get("email")).and_then(Value::as_str).map(str::to_owned);
    let verified = email.is_some() && primary.is_some_and(|entry| truth(entry, "verified"));
    (email, verified)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Only the primary address counts, and it is proved only if GitHub says so.
    #[test]
    fn addresses() {
        let entry =
            |email: &str, primary: bool, verified: Value| json!({ "email": email, "primary": primary, "verified": verified });
        for (emails, expected) in [
            (json!([entry("b@x.test", false, json!(true)), entry("a@x.test", true, json!(true))]), (Some("a@x.test"), true)),
            (json!([entry("a@x.test", true, json!(false))]), (Some("a@x.test"), false)),
            (json!([entry("a@x.test", true, json!("true"))]), (Some("a@x.test"), false)),
            (json!([entry("b@x.test", false, json!(true))]), (None, false)),
            (json!([{ "primary": true, "verified": true, "email": ["a@x.test"] }]), (None, false)),
            (json!([]), (None, false)),
            (json!({ "message": "Not Found" }), (None, false)),
        ] {
            let (email, verified) = primary(&emails);
            assert_eq!((email.as_deref(), verified), expected, "{emails}");
        }
    }
}
