//! Request objects (OpenID Connect Core section 6, RFC 9101): the parameters of an authorization request in a signed JWT.
//!
//! Says what a request presents and what its parameters are in the end; whether the signature is right is decided elsewhere.

use serde_json::{Map, Value};

use super::error::{Error, ErrorCode};
use super::params::Params;
use super::response::ResponseType;

/// The longest `request_uri`, in characters (Core section 6.2).
const LONGEST_URI: usize = 512;

/// What stands in the object for the JWT itself and is no parameter.
const ABOUT_THE_JWT: [&str; 6] = ["iss", "aud", "exp", "nbf", "iat", "jti"];

/// The parameters that this house reads: each must be text, but for those that have a form of their own.
const KNOWN: [&str; 18] = [
    "response_type",
    "response_mode",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "prompt",
    "max_age",
    "login_hint",
    "id_token_hint",
    "ui_locales",
    "claims",
    "acr_values",
    "display",
    "code_challenge",
    "code_challenge_method",
    "resource",
];

/// How a request brings its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presented<'a> {
    ByValue(&'a str),
    ByReference(&'a str),
}

/// What becomes of the parameters beside the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    /// Those that the object lacks count too (Core section 6.1).
    Count,
    /// Only the object counts (RFC 9101 section 6.3).
    Ignored,
}

const fn wrong(why: &'static str) -> Error {
    Error::new(ErrorCode::InvalidRequestObject, why)
}

/// The object that a request brings, if it brings one.
///
/// # Errors
/// `invalid_request`: it brings two; `invalid_request_uri`: the address is too long.
pub fn presented(params: &Params) -> Result<Option<Presented<'_>>, Error> {
    match (params.get("request"), params.get("request_uri")) {
        (None, None) => Ok(None),
        (Some(object), None) => Ok(Some(Presented::ByValue(object))),
        (None, Some(uri)) if uri.len() <= LONGEST_URI => Ok(Some(Presented::ByReference(uri))),
        (None, Some(_)) => Err(Error::new(ErrorCode::InvalidRequestUri, "request_uri is longer than 512 characters")),
        (Some(_), Some(_)) => Err(Error::request("use request or request_uri, not both")),
    }
}

/// The registered address that a `request_uri` is, without its fragment: that says only which version of the content is
/// meant, and is never sent (OpenID Connect Dynamic Client Registration section 2).
pub fn registered<'a>(request_uris: &[String], uri: &'a str) -> Option<&'a str> {
    let bare = |uri: &'a str| uri.split_once('#').map_or(uri, |(bare, _)| bare);
    let is_it = |own: &String| own.split_once('#').map_or(own.as_str(), |(bare, _)| bare) == bare(uri);
    request_uris.iter().any(is_it).then(|| bare(uri))
}

/// The parameters of the request: what the object says goes before what stands beside it.
///
/// # Errors
/// `invalid_request_object`: a member has a wrong type, or must not be there; `invalid_request`: client or response type
/// differ inside and outside.
pub fn merge(beside: &Params, claims: &Map<String, Value>, rule: Beside) -> Result<Params, Error> {
    if claims.contains_key("request") || claims.contains_key("request_uri") {
        return Err(wrong("a request object must not name another one"));
    }
    if claims.contains_key("registration") {
        return Err(Error::new(ErrorCode::RegistrationNotSupported, "the registration parameter is not supported"));
    }
    // It would be an assertion of the client, and the other way round (RFC 9101 section 10.8).
    if claims.contains_key("sub") {
        return Err(wrong("a request object must not have sub"));
    }
    let mut pairs = Vec::new();
    for (name, value) in claims.iter().filter(|(name, _)| !ABOUT_THE_JWT.contains(&name.as_str())) {
        match (name.as_str(), value) {
            (_, Value::String(text)) => pairs.push((name.clone(), text.clone())),
            // Some libraries have no whole numbers.
            ("max_age", Value::Number(seconds)) => {
                let text = seconds.to_string();
                pairs.push((name.clone(), text.strip_suffix(".0").unwrap_or(&text).to_owned()));
            }
            ("claims", Value::Object(_)) => pairs.push((name.clone(), value.to_string())),
            ("resource", Value::Array(uris)) => {
                for uri in uris {
                    let uri = uri.as_str().ok_or(wrong("resource in the request object is not text"))?;
                    pairs.push((name.clone(), uri.to_owned()));
                }
            }
            (known, _) if KNOWN.contains(&known) => {
                return Err(wrong("a parameter in the request object has a wrong type"));
            }
            _ => {}
        }
    }
    let inside = Params::from_pairs(pairs).map_err(|error| wrong(error.why))?;
    agree(beside, &inside)?;
    // What is signed as empty is empty.
    let is_kept = |name: &str| match rule {
        Beside::Count => !matches!(name, "request" | "request_uri") && !claims.contains_key(name),
        Beside::Ignored => name == "client_id" && !claims.contains_key(name),
    };
    Params::from_pairs(inside.pairs().chain(beside.pairs().filter(|(name, _)| is_kept(name))))
}

/// Core section 6.1, RFC 9101 section 5: what has to stand in both places says the same.
fn agree(beside: &Params, inside: &Params) -> Result<(), Error> {
    if inside.get("client_id").is_some_and(|own| beside.get("client_id") != Some(own)) {
        return Err(Error::request("client_id differs inside and outside the request object"));
    }
    let types = (inside.get("response_type"), beside.get("response_type"));
    if let (Some(inside), Some(outside)) = types
        && inside != outside
        && ResponseType::parse(inside) != ResponseType::parse(outside)
    {
        return Err(Error::request("response_type differs inside and outside the request object"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn params(pairs: &[(&str, &str)]) -> Params {
        Params::from_pairs(pairs.iter().copied()).unwrap()
    }

    fn merged(beside: &[(&str, &str)], claims: Value, rule: Beside) -> Result<Vec<(String, String)>, ErrorCode> {
        let merged = merge(&params(beside), claims.as_object().unwrap(), rule).map_err(|error| error.code)?;
        let mut pairs: Vec<_> = merged.pairs().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        pairs.sort();
        Ok(pairs)
    }

    fn pairs(pairs: &[(&str, &str)]) -> Result<Vec<(String, String)>, ErrorCode> {
        Ok(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    /// Core section 6.1: inside goes before outside; RFC 9101 section 6.3: nothing outside counts.
    #[test]
    fn what_counts() {
        let beside = [("client_id", "c"), ("request", "x"), ("scope", "openid"), ("state", "outside"), ("prompt", "login")];
        let claims = json!({
            "iss": "c", "aud": "op", "exp": 1, "nbf": 1, "iat": 1, "jti": "j", "state": "inside", "max_age": 5.0,
            "claims": { "userinfo": {} }, "resource": ["urn:a", "urn:b"], "unknown": { "x": 1 }, "nonce": "n", "prompt": "",
        });
        let inside = [
            ("claims", r#"{"userinfo":{}}"#),
            ("client_id", "c"),
            ("max_age", "5"),
            ("nonce", "n"),
            ("resource", "urn:a"),
            ("resource", "urn:b"),
            ("state", "inside"),
        ];
        assert_eq!(merged(&beside, claims.clone(), Beside::Ignored), pairs(&inside));
        let mut both = inside.to_vec();
        both.insert(6, ("scope", "openid"));
        assert_eq!(merged(&beside, claims, Beside::Count), pairs(&both));
    }

    /// What must agree, must not be there, or has another type.
    #[test]
    fn refuses() {
        let beside = [("client_id", "c"), ("response_type", "code id_token")];
        for good in [json!({}), json!({"response_type": "id_token code", "client_id": "c"}), json!({"max_age": "5", "x": null})] {
            assert!(merged(&beside, good.clone(), Beside::Count).is_ok(), "{good}");
        }
        let registration = merged(&beside, json!({"registration": {}}), Beside::Count);
        assert_eq!(registration, Err(ErrorCode::RegistrationNotSupported));
        for bad in [json!({"client_id": "d"}), json!({"response_type": "code"}), json!({"response_type": "x"})] {
            assert_eq!(merged(&beside, bad.clone(), Beside::Count), Err(ErrorCode::InvalidRequest), "{bad}");
        }
        for bad in [
            json!({"request": "x"}),
            json!({"request_uri": "x"}),
            json!({"sub": "c"}),
            json!({"scope": ["openid"]}),
            json!({"state": 5}),
            json!({"redirect_uri": {}}),
            json!({"redirect_uri": null}),
            json!({"nonce": true}),
            json!({"max_age": [5]}),
            json!({"claims": []}),
            json!({"resource": [5]}),
            json!({"state": "a\u{0}b"}),
        ] {
            assert_eq!(merged(&beside, bad.clone(), Beside::Count), Err(ErrorCode::InvalidRequestObject), "{bad}");
        }
    }

    /// Core section 6: one object at most; section 6.2: how long its address may be.
    #[test]
    fn presents() {
        assert_eq!(presented(&params(&[("state", "x")])), Ok(None));
        assert_eq!(presented(&params(&[("request", "x")])), Ok(Some(Presented::ByValue("x"))));
        let uri = "u".repeat(512);
        assert_eq!(presented(&params(&[("request_uri", &uri)])), Ok(Some(Presented::ByReference(&uri))));
        let long = params(&[("request_uri", &format!("{uri}u"))]);
        assert_eq!(presented(&long).unwrap_err().code, ErrorCode::InvalidRequestUri);
        assert_eq!(presented(&params(&[("request", "x"), ("request_uri", "y")])).unwrap_err().code, ErrorCode::InvalidRequest);
    }

    /// The fragment names a version and not a place; everything else is exact.
    #[test]
    fn addresses() {
        let own = ["https://a.test/r#1".to_owned(), "https://a.test/q?x".to_owned()];
        for (uri, found) in [
            ("https://a.test/r", Some("https://a.test/r")),
            ("https://a.test/r#1", Some("https://a.test/r")),
            ("https://a.test/r#2", Some("https://a.test/r")),
            ("https://a.test/q?x#y", Some("https://a.test/q?x")),
            ("https://a.test/q", None),
            ("https://a.test/r/", None),
            ("https://b.test/r", None),
            ("", None),
        ] {
            assert_eq!(registered(&own, uri), found, "{uri}");
        }
    }
}
