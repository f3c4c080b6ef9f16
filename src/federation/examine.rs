//! What an operator has looked at: discovery, keys, the way there, and whether the provider knows our id and secret, as far as
//! that can be found out without a person.

use super::connect;
use super::connector::{Answer, Keepsake, Trouble, Wish};
use super::upstream::Upstream;
use crate::base::{Secret, Timestamp};
use crate::oauth::Params;
use crate::outbound::Outbound;

/// One step of an examination.
#[derive(Clone, Debug)]
pub struct Step {
    pub name: &'static str,
    pub is_good: bool,
    /// For an operator.
    pub words: String,
}

fn step(name: &'static str, outcome: Result<String, String>) -> Step {
    let is_good = outcome.is_ok();
    Step { name, is_good, words: outcome.unwrap_or_else(|why| why) }
}

/// Walks as far as it can.
pub async fn examine(
    upstream: &Upstream,
    secret: Secret<String>,
    outbound: Outbound,
    callback: &str,
    now: Timestamp,
) -> Vec<Step> {
    let connector = connect(upstream, secret, outbound);
    let keepsake = Keepsake { nonce: Secret::new("examination".to_owned()), verifier: Secret::new("e".repeat(43)) };
    let wish = Wish {
        callback: callback.to_owned(),
        state: Secret::new("examination".to_owned()),
        keepsake: keepsake.clone(),
        again: false,
        max_age: None,
        login_hint: None,
        ui_locales: None,
        acr_values: Vec::new(),
    };
    let departure = match connector.depart(&wish, now).await {
        Ok(departure) => departure,
        Err(trouble) => return vec![step("discovery", Err(trouble.to_string()))],
    };
    let mut steps = vec![step("discovery", Ok(format!("{} says who it is and where its keys are", upstream.issuer)))];
    let there = departure.url.split('?').next().unwrap_or_default().to_owned();
    steps.push(step("redirect", Ok(format!("people go to {there} and come back to {callback}"))));
    // A code that nobody has: a provider that knows us says that it is wrong, and not that we are.
    let iss = ("iss".to_owned(), upstream.issuer.clone());
    let params = Params::from_pairs([("code".to_owned(), "examination".to_owned()), iss]);
    let Ok(params) = params else { return steps };
    let refusal = connector.arrive(&Answer { params, callback: callback.to_owned(), keepsake }, now).await;
    steps.push(step("credentials", verdict(&refusal)));
    steps
}

fn verdict<T>(refusal: &Result<T, Trouble>) -> Result<String, String> {
    match refusal {
        Err(Trouble::Refused(code)) if ["invalid_grant", "bad_verification_code"].contains(&code.as_str()) => {
            Ok("it takes our id and secret".to_owned())
        }
        Err(Trouble::Refused(code))
            if ["invalid_client", "unauthorized_client", "incorrect_client_credentials"].contains(&code.as_str()) =>
        {
            Err(format!("it does not take our id and secret ({code})"))
        }
        Err(Trouble::Refused(code)) if ["redirect_uri_mismatch", "invalid_redirect_uri"].contains(&code.as_str()) => {
            Err(format!("our callback URL is not registered there ({code})"))
        }
        Err(trouble) => Err(format!("its token endpoint: {trouble}")),
        Ok(_) => Err("it takes a code that nobody has".to_owned()),
    }
}
