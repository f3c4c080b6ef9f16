//! The ID token that came with an answer (OpenID Connect Core section 3.1.3.7): signed by the provider with an allowed algorithm, made for us, now,
//! and for this very attempt.

use chrono::{DateTime, Utc};
use openidconnect::core::{
    CoreIdToken, CoreIdTokenClaims, CoreIdTokenVerifier, CoreJsonWebKeySet, CoreJwsSigningAlgorithm, CoreTokenResponse,
};
use openidconnect::{
    AccessTokenHash, ClaimsVerificationError, ClientId, IssuerUrl, JsonWebKeySet, Nonce, OAuth2TokenResponse as _,
    SignatureVerificationError,
};

use super::MOST_TRIED;
use super::connector::Trouble;
use super::discovery::Known;
use super::upstream::Upstream;
use crate::base::{Secret, Timestamp};

/// How far the provider's clock may be from ours, in seconds.
const SKEW_SECONDS: i64 = 60;

/// How old an ID token may be when it comes, in seconds: it was made for this answer.
const OLDEST_SECONDS: i64 = 600;

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

/// Why an ID token is not taken.
pub(super) enum Refusal {
    /// No key that is known verifies it; one that was published since may.
    Key(Trouble),
    Wrong(Trouble),
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Key(trouble) | Refusal::Wrong(trouble) => trouble,
        }
    }
}

/// What an ID token has to fit.
pub(super) struct Reader<'a> {
    pub upstream: &'a Upstream,
    pub nonce: &'a Secret<String>,
    pub now: Timestamp,
}

impl Reader<'_> {
    /// The claims of the ID token among these tokens, by the keys that are known.
    pub(super) fn read<'t>(&self, known: &Known, tokens: &'t CoreTokenResponse, id_token: &'t CoreIdToken) -> Read<'t> {
        let nonce = Nonce::new(self.nonce.expose().clone());
        let mut verifier = self.verifier(known.keys.clone())?;
        let mut outcome = id_token.claims(&verifier, &nonce);
        if matches!(&outcome, Err(ClaimsVerificationError::SignatureVerification(SignatureVerificationError::AmbiguousKeyId(_))))
        {
            // It names none, and several fit: whichever verifies it has signed it.
            for key in known.keys.keys().iter().take(MOST_TRIED) {
                verifier = self.verifier(JsonWebKeySet::new(vec![key.clone()]))?;
                outcome = id_token.claims(&verifier, &nonce);
                if !matches!(outcome, Err(ClaimsVerificationError::SignatureVerification(_))) {
                    break;
                }
            }
        }
        let claims = outcome.map_err(|error| refused(&error))?;
        self.check_party(claims)?;
        check_access_token(claims, (id_token, &verifier), tokens).map_err(Refusal::Wrong)?;
        Ok(claims)
    }

    fn verifier(&self, keys: CoreJsonWebKeySet) -> Result<CoreIdTokenVerifier<'static>, Refusal> {
        let id = ClientId::new(self.upstream.client_id.clone());
        let issuer = IssuerUrl::new(self.upstream.issuer.clone());
        let issuer = issuer.map_err(|_| Refusal::Wrong(Trouble::Wrong("the issuer is no URL")))?;
        // Without a secret: no token is ever verified by one.
        let verifier = CoreIdTokenVerifier::new_public_client(id, issuer, keys);
        let now = self.now;
        let clock =
            move || DateTime::<Utc>::from_timestamp(now.plus(-SKEW_SECONDS).unix(), 0).unwrap_or(DateTime::<Utc>::MAX_UTC);
        Ok(verifier.set_allowed_algs(ALGORITHMS).set_time_fn(clock).set_issue_time_verifier_fn(move |at| {
            let age = now.unix().saturating_sub(at.timestamp());
            if (-SKEW_SECONDS..=OLDEST_SECONDS).contains(&age) { Ok(()) } else { Err("not made now".to_owned()) }
        }))
    }

    fn check_party(&self, claims: &CoreIdTokenClaims) -> Result<(), Refusal> {
        match claims.authorized_party() {
            Some(party) if party.as_str() != self.upstream.client_id => {
                Err(Refusal::Wrong(Trouble::Wrong("the ID token was made for another client")))
            }
            _ => Ok(()),
        }
    }
}

type Read<'t> = Result<&'t CoreIdTokenClaims, Refusal>;

/// Core section 3.1.3.8: the access token is the one that the ID token was made with, if it says so.
fn check_access_token(
    claims: &CoreIdTokenClaims,
    (id_token, verifier): (&CoreIdToken, &CoreIdTokenVerifier<'_>),
    tokens: &CoreTokenResponse,
) -> Result<(), Trouble> {
    let Some(expected) = claims.access_token_hash() else { return Ok(()) };
    let wrong = || Trouble::Wrong("the access token is not the one of the ID token");
    let alg = id_token.signing_alg().map_err(|_| wrong())?;
    let key = id_token.signing_key(verifier).map_err(|_| wrong())?;
    let hash = AccessTokenHash::from_token(tokens.access_token(), alg, key).map_err(|_| wrong())?;
    if hash == *expected { Ok(()) } else { Err(wrong()) }
}

/// In words of ours: the library's hold what was sent.
const fn refused(error: &ClaimsVerificationError) -> Refusal {
    use SignatureVerificationError as Signature;
    let why = match error {
        ClaimsVerificationError::Expired(_) => "the ID token is too old, or from the future",
        ClaimsVerificationError::InvalidAudience(_) => "the ID token was made for another client",
        ClaimsVerificationError::InvalidIssuer(_) => "the ID token is from another issuer",
        ClaimsVerificationError::InvalidNonce(_) => "the ID token was made for another attempt",
        ClaimsVerificationError::SignatureVerification(Signature::DisallowedAlg(_)) => {
            "the ID token is signed with an algorithm that is not allowed"
        }
        ClaimsVerificationError::SignatureVerification(Signature::NoSignature) => "the ID token is not signed",
        ClaimsVerificationError::SignatureVerification(Signature::NoMatchingKey) => {
            return Refusal::Key(Trouble::Wrong("the ID token is signed with a key that is not published"));
        }
        ClaimsVerificationError::SignatureVerification(_) => {
            return Refusal::Key(Trouble::Wrong("the signature of the ID token is wrong"));
        }
        _ => "the ID token is not what it should be",
    };
    Refusal::Wrong(Trouble::Wrong(why))
}
