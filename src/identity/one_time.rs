//! Links and codes in mail: what they are for, how long they are good, and how they are told apart.
//!
//! A link holds 256 random bits and is stored as its hash (decision 3). The six digits that belong to it are derived from it
//! under a key of ours, so that the page behind the link can show them without anybody storing them; what is stored is their
//! tag. Whoever holds the mail proves the address in the row, and no other.

use serde::{Deserialize, Serialize};

use crate::base::{Fault, Id, Random, Secret, Timestamp, base64url, base64url_decode, same, sha256_base64url};
use crate::jose::MacKey;
pub use crate::store::one_time::OneTime;
use crate::store::{Conn, Tx, one_time};

const MINUTE: i64 = 60;
const HOUR: i64 = 3600;
const DAY: i64 = 86_400;

/// How long the six digits are good, in seconds: less than the link, because they can be guessed.
pub const CODE_SECONDS: i64 = 10 * MINUTE;

/// What something was sent for. A link of one purpose is unknown to every other (TK-17).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The address of who signed up.
    VerifyAddress,
    ResetPassword,
    SignIn,
    Invitation,
    /// The address that a person wants to change to.
    NewAddress,
    /// The way back to the address before.
    UndoAddress,
    /// The way out of a planned deletion.
    KeepAccount,
    /// "That wasn't me", about one sign-in.
    NotMe,
    /// The address of who comes from another provider, which said none that is proved.
    FirstSignIn,
    /// No link: the owner of an address was told something, which counts for the quota.
    Notice,
}

impl Purpose {
    pub const ALL: [Self; 10] = [
        Self::VerifyAddress,
        Self::ResetPassword,
        Self::SignIn,
        Self::Invitation,
        Self::NewAddress,
        Self::UndoAddress,
        Self::KeepAccount,
        Self::NotMe,
        Self::FirstSignIn,
        Self::Notice,
    ];

    /// Its name in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VerifyAddress => "verify_address",
            Self::ResetPassword => "reset_password",
            Self::SignIn => "sign_in",
            Self::Invitation => "invitation",
            Self::NewAddress => "new_address",
            Self::UndoAddress => "undo_address",
            Self::KeepAccount => "keep_account",
            Self::NotMe => "not_me",
            Self::FirstSignIn => "first_sign_in",
            Self::Notice => "notice",
        }
    }

    /// What its links begin with (decision 3).
    const fn prefix(self) -> &'static str {
        match self {
            Self::VerifyAddress => "ev_",
            Self::ResetPassword => "rs_",
            Self::SignIn => "ml_",
            Self::Invitation => "in_",
            Self::NewAddress => "ea_",
            Self::UndoAddress => "eu_",
            Self::KeepAccount => "ka_",
            Self::NotMe => "nm_",
            Self::FirstSignIn => "fs_",
            Self::Notice => "no_",
        }
    }

    /// How long its link is good, in seconds, where the operator has no say.
    pub const fn lifetime_seconds(self) -> i64 {
        match self {
            Self::ResetPassword | Self::SignIn => HOUR,
            Self::VerifyAddress | Self::NewAddress => DAY,
            Self::FirstSignIn => HOUR,
            Self::UndoAddress => 3 * DAY,
            Self::Invitation | Self::NotMe => 7 * DAY,
            Self::KeepAccount => 30 * DAY,
            Self::Notice => HOUR,
        }
    }
}

/// The secret in a link.
#[derive(Clone, Debug)]
pub struct LinkToken(Secret<String>);

impl LinkToken {
    /// # Errors
    /// The random source gave nothing.
    pub fn new(purpose: Purpose, random: &Random) -> Result<Self, Fault> {
        Ok(Self(Secret::new(format!("{}{}", purpose.prefix(), random.token()?))))
    }

    /// A presented token, if it has the exact shape of one for this purpose.
    pub fn parse(purpose: Purpose, text: &str) -> Option<Self> {
        let body = text.strip_prefix(purpose.prefix())?;
        let is_token = body.len() == 43 && base64url_decode(body).is_some_and(|bytes| bytes.len() == 32);
        is_token.then(|| Self(Secret::new(text.to_owned())))
    }

    /// The value for the link, and for nothing else.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    pub fn hash(&self) -> String {
        sha256_base64url(self.expose())
    }
}

/// Makes and checks the six digits.
#[derive(Clone)]
pub struct CodeKey(MacKey);

impl CodeKey {
    pub const fn new(key: MacKey) -> Self {
        Self(key)
    }

    /// The six digits that belong to a link.
    pub fn code(&self, token: &LinkToken) -> Secret<String> {
        let tag = self.0.tag(format!("code:{}", token.expose()).as_bytes());
        let number = tag.iter().take(8).fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
        // 2^64 is so much more than a million that no code is more likely than another to speak of.
        Secret::new(format!("{:06}", number % 1_000_000))
    }

    /// What is stored of a code: bound to its row.
    fn tag(&self, row: &Id, code: &str) -> String {
        base64url(&self.0.tag(format!("tag:{row}:{code}").as_bytes()))
    }
}

impl CodeKey {
    /// Six digits by chance, and what is stored of them: bound to their row.
    ///
    /// # Errors
    /// The random source gave nothing.
    pub fn fresh(&self, row: &Id, random: &Random) -> Result<(Secret<String>, String), Fault> {
        let number = u64::from_be_bytes(random.bytes::<8>()?);
        // 2^64 is so much more than a million that no code is more likely than another to speak of.
        let code = Secret::new(format!("{:06}", number % 1_000_000));
        let tag = self.tag(row, code.expose());
        Ok((code, tag))
    }

    /// Whether what a person typed are the digits of this row.
    pub fn is(&self, row: &Id, typed: &str, tag: &str) -> bool {
        typed_code(typed).is_some_and(|code| same(self.tag(row, &code).as_bytes(), tag.as_bytes()))
    }
}

/// The six digits of what a person typed: spaces and dashes do not count, and only ASCII digits are digits (MF-07).
pub fn typed_code(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
    (digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_digit())).then_some(digits)
}

/// To whom something is sent and what it is for.
#[derive(Clone, Debug)]
pub struct Errand {
    pub purpose: Purpose,
    pub user_id: Option<Id>,
    pub email: String,
    pub email_key: String,
    pub browser_hash: String,
    pub interaction_id: Option<Id>,
    /// JSON, for whoever redeems it.
    pub detail: String,
    pub lifetime_seconds: i64,
}

/// What an operator said of whom they invite: the detail of an invitation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Invited {
    pub name: Option<String>,
}

impl Invited {
    /// # Errors
    /// The row holds something else.
    pub fn read(row: &OneTime) -> Result<Self, Fault> {
        serde_json::from_str(&row.detail).map_err(|_| Fault::corrupt("one_time_tokens", "detail"))
    }

    /// # Errors
    /// It cannot be written.
    pub fn write(&self) -> Result<String, Fault> {
        serde_json::to_string(self).map_err(Fault::at("one_time: invited"))
    }
}

/// Something that is ready to be stored and sent.
#[derive(Clone, Debug)]
pub struct Prepared {
    pub row: OneTime,
    hash: String,
    pub token: LinkToken,
    pub code: Secret<String>,
}

impl Prepared {
    /// # Errors
    /// The random source gave nothing.
    pub fn new(id: Id, errand: Errand, key: &CodeKey, random: &Random, now: Timestamp) -> Result<Self, Fault> {
        let token = LinkToken::new(errand.purpose, random)?;
        let code = key.code(&token);
        let row = OneTime {
            code_tag: key.tag(&id, code.expose()),
            id,
            purpose: errand.purpose.as_str().to_owned(),
            user_id: errand.user_id,
            email: errand.email,
            email_key: errand.email_key,
            browser_hash: errand.browser_hash,
            interaction_id: errand.interaction_id,
            detail: errand.detail,
            created_at: now,
            expires_at: now.plus(errand.lifetime_seconds),
            used_at: None,
        };
        Ok(Self { hash: token.hash(), row, token, code })
    }

    /// # Errors
    /// Storage failed.
    pub async fn store(&self, tx: &mut Tx) -> Result<(), Fault> {
        one_time::insert(tx, &self.row, &self.hash).await
    }
}

/// What was sent with a link, while it is good.
///
/// # Errors
/// Storage failed.
pub async fn find(conn: &mut Conn, purpose: Purpose, token: &str, now: Timestamp) -> Result<Option<OneTime>, Fault> {
    let Some(token) = LinkToken::parse(purpose, token) else { return Ok(None) };
    let found = one_time::by_hash(conn, purpose.as_str(), &token.hash()).await?;
    Ok(found.filter(|row| row.used_at.is_none() && now < row.expires_at))
}

/// What a code of this interaction was sent with last, if these are its digits and they are good still.
///
/// # Errors
/// Storage failed.
pub async fn find_by_code(
    conn: &mut Conn,
    key: &CodeKey,
    (interaction, purpose): (&Id, Purpose),
    code: &str,
    now: Timestamp,
) -> Result<Option<OneTime>, Fault> {
    let last = one_time::last_for_interaction(conn, interaction, purpose.as_str()).await?;
    Ok(last.filter(|row| {
        let right = same(key.tag(&row.id, code).as_bytes(), row.code_tag.as_bytes());
        right && row.used_at.is_none() && now < row.expires_at && now.since(row.created_at) < CODE_SECONDS
    }))
}

/// Uses it up. True for exactly one caller.
///
/// # Errors
/// Storage failed.
pub async fn consume(tx: &mut Tx, row: &OneTime, now: Timestamp) -> Result<bool, Fault> {
    one_time::consume(tx, &row.id, now).await
}

/// Makes worthless what was sent to a person for one purpose.
///
/// # Errors
/// Storage failed.
pub async fn void(tx: &mut Tx, user: &Id, purpose: Purpose, now: Timestamp) -> Result<(), Fault> {
    one_time::void(tx, user, purpose.as_str(), now).await
}

/// The same for what was sent after a row of the same purpose.
///
/// # Errors
/// Storage failed.
pub async fn void_after(tx: &mut Tx, user: &Id, row: &OneTime, now: Timestamp) -> Result<(), Fault> {
    one_time::void_after(tx, user, row, now).await
}

/// Removes what expired before `before`.
///
/// # Errors
/// Storage failed.
pub async fn sweep(tx: &mut Tx, before: Timestamp) -> Result<u64, Fault> {
    one_time::sweep(tx, before).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::RootKey;

    /// TK-17: a link of one kind has the shape of no other; nothing is trimmed or repaired (TK-16).
    #[test]
    fn kinds() {
        let random = Random::seeded(1);
        for made in Purpose::ALL {
            let token = LinkToken::new(made, &random).unwrap();
            for asked in Purpose::ALL {
                assert_eq!(LinkToken::parse(asked, token.expose()).is_some(), asked == made, "{made:?} as {asked:?}");
            }
            let text = token.expose();
            for bad in [&text[..text.len() - 1], &format!("{text}A"), &format!("{text}="), &format!(" {text}"), &text[3..]] {
                assert!(LinkToken::parse(made, bad).is_none(), "{bad}");
            }
        }
    }

    /// MF-07 for mail: six ASCII digits, however they are grouped.
    #[test]
    fn typed() {
        for (text, code) in [
            ("123456", Some("123456")),
            (" 123 456 ", Some("123456")),
            ("123-456", Some("123456")),
            ("12345", None),
            ("1234567", None),
            ("+123456", None),
            ("\u{ff11}\u{ff12}\u{ff13}\u{ff14}\u{ff15}\u{ff16}", None),
            ("", None),
        ] {
            assert_eq!(typed_code(text).as_deref(), code, "{text:?}");
        }
    }

    /// The digits belong to one link, and their tag to one row.
    #[test]
    fn codes() {
        let key = CodeKey::new(RootKey::new(&[7; 32]).mac_key("one-time-code").unwrap());
        let random = Random::seeded(2);
        let token = LinkToken::new(Purpose::SignIn, &random).unwrap();
        assert_eq!(key.code(&token).expose(), key.code(&token).expose());
        assert_eq!(key.code(&token).expose().len(), 6);
        let codes: std::collections::HashSet<_> =
            (0..200).map(|_| key.code(&LinkToken::new(Purpose::SignIn, &random).unwrap()).expose().clone()).collect();
        assert!(codes.len() > 190, "{}", codes.len());
        assert_ne!(key.tag(&Id::from_stored("a"), "123456"), key.tag(&Id::from_stored("b"), "123456"));
    }
}
