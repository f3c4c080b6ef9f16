//! Signing in with a passkey: nobody types who they are, the authenticator says it. Strangers' failures hold nobody up here, for
//! there is nothing to guess (decision 28).

use serde_json::Value;

use super::tell::{News, letter};
use super::{asked, keep};
use crate::base::Fault;
use crate::endpoints::accounts::{self, Recipient, notice};
use crate::endpoints::interaction::{Found, Outcome};
use crate::endpoints::second_factor::Means;
use crate::endpoints::sign_in::{Entry, Proof, SignedIn, Stay, establish};
use crate::endpoints::{Provider, Visit, audit_at};
use crate::identity::factor::Level;
use crate::identity::passkeys::{Assertion, Purpose, Refused};
use crate::store::passkeys::{self, Challenge, Owned};
use crate::store::{audit as audits, outbox};

/// What an authenticator's answer led to.
pub enum ByPasskey {
    Done(SignedIn),
    /// The answer holds; the address has to be proved first.
    MustVerify(Outcome),
    Refused,
    /// Nobody here has this passkey: whoever keeps it may forget it.
    Unknown {
        credential_id: String,
    },
    /// Its counter went back, so there may be a copy of it.
    Copied,
}

/// Asks whoever sits at this browser for any passkey; nothing where there are none.
///
/// # Errors
/// Storage or the library failed.
pub async fn ask(provider: &Provider, found: &Found, visit: &Visit) -> Result<Option<Value>, Fault> {
    let Some(passkeys) = &provider.passkeys else { return Ok(None) };
    let question = passkeys.ask_to_sign_in()?;
    keep(provider, question, (Purpose::SignIn, found.id.as_str()), visit).await.map(Some)
}

/// Signs in whom an authenticator's answer names.
///
/// # Errors
/// Storage, keys or chance failed.
pub async fn sign_in(provider: &Provider, found: Found, answer: &str, stay: Stay, visit: &Visit) -> Result<ByPasskey, Fault> {
    let (Some(own), Ok(answer)) = (&provider.passkeys, Assertion::parse(answer)) else { return Ok(ByPasskey::Refused) };
    let asked = asked(provider, answer.challenge(), (Purpose::SignIn, found.id.as_str()), visit).await?;
    let Some(asked) = asked else { return Ok(ByPasskey::Refused) };
    let credential_id = answer.credential_id();
    let Some(owned) = passkeys::by_credential(&mut provider.db.conn(), &credential_id).await? else {
        return Ok(ByPasskey::Unknown { credential_id });
    };
    let is_theirs = answer.handle().as_deref() == Some(owned.handle.as_str());
    if !is_theirs || !owned.passkey.signs_in || !owned.user.is_open() {
        return Ok(ByPasskey::Refused);
    }
    let verified = match own.sign_in(&answer, &asked.state, &owned.passkey)? {
        Ok(verified) => verified,
        Err(Refused::Invalid) => return Ok(ByPasskey::Refused),
        Err(Refused::CounterWentBack) => {
            record_copy(provider, asked, owned, visit).await?;
            return Ok(ByPasskey::Copied);
        }
    };
    let Owned { passkey, user, .. } = owned;
    if provider.policy.accounts.must_verify(&user) {
        return accounts::ask_to_verify(provider, &found, &user, visit).await.map(ByPasskey::MustVerify);
    }
    let level = if verified.user_verified { Level::Resistant } else { Level::One };
    let means = Means { amr: verified.amr(), level };
    let proof = Proof::Passkey { challenge: asked.challenge, id: passkey.id, signed: verified.signed };
    Ok(match establish(provider, found, Entry { user, means, proof, stay }, visit).await? {
        Some(signed_in) => ByPasskey::Done(signed_in),
        None => ByPasskey::Refused,
    })
}

/// The owner of a passkey hears that somebody may have a copy of it. The question is used up with that.
pub(in crate::endpoints) async fn record_copy(
    provider: &Provider,
    asked: Challenge,
    owned: Owned,
    visit: &Visit,
) -> Result<(), Fault> {
    let Owned { passkey, user, .. } = owned;
    let mut record = audit_at("passkey_copied", "anonymous", visit);
    record.user_id = Some(user.id.clone());
    let to = Recipient::of(&user, visit.lang).filter(|_| provider.post.is_on());
    let told = to.map(|to| notice(provider, &to, letter(provider, &to, News::Copied(&passkey.name), visit.now), visit.now));
    let (id, now, told) = (provider.new_id()?, visit.now, told.transpose()?);
    provider
        .db
        .write(async move |tx| {
            if passkeys::answer(tx, &asked.challenge, now).await? {
                if let Some(told) = &told {
                    outbox::enqueue(tx, told, now).await?;
                }
                audits::write(tx, &id, &record).await?;
            }
            Ok(())
        })
        .await
}
