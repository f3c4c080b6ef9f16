//! What a person has, and what they do with it on their own pages.

use super::half::Asked;
use super::words::{Change, letter};
use crate::base::{Fault, Id, Timestamp};
use crate::endpoints::{Provider, Signed, Visit, audit_at};
use crate::identity::factor::{Duty, EMAIL, Factor, Level, RECOVERY};
use crate::identity::passkeys::{PASSKEY, SECURITY_KEY};
use crate::identity::recovery::{self, Left};
use crate::identity::sessions;
use crate::identity::users::{self, User};
use crate::oauth::Lang;
use crate::store::audit::AuditEvent;
use crate::store::passkeys::{self, Passkey};
use crate::store::{Tx, audit as audits, factors, outbox, recovery_codes, trusted_devices};

/// The longest name of a factor, in characters.
const LONGEST_NAME: usize = 60;

/// What counts of a person.
pub struct Own {
    /// Last used first.
    pub factors: Vec<Factor>,
    /// Last used first. Some may count for an app's wish alone.
    pub passkeys: Vec<Passkey>,
    pub codes: Left,
    level: Level,
    has_any: bool,
}

/// One way to give the second factor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// The word of its kind, and its name in URLs.
    pub kind: String,
    pub level: Level,
    /// What the person calls what they have of this kind.
    pub names: Vec<String>,
    pub last_used_at: Option<Timestamp>,
}

impl Own {
    /// # Errors
    /// Storage failed.
    pub async fn of(provider: &Provider, user: &User) -> Result<Self, Fault> {
        let mut conn = provider.db.conn();
        let mut all = factors::list_for_user(&mut conn, &user.id).await?;
        let house = &provider.factors;
        all.retain(|factor| house.policy.takes(&factor.kind) && house.kinds.find(&factor.kind).is_some());
        let passkeys = match &provider.passkeys {
            Some(_) => passkeys::list(&mut conn, &user.id).await?,
            None => Vec::new(),
        };
        let codes = recovery::left(&mut conn, &user.id).await?;
        Ok(Self { factors: all, passkeys, codes, level: Level::One, has_any: false }.weighed(provider))
    }

    fn weighed(self, provider: &Provider) -> Self {
        let house = &provider.factors;
        let levels = self.factors.iter().filter_map(|factor| house.kinds.find(&factor.kind)).map(|kind| kind.about().level);
        let level = levels.chain(self.passkeys.iter().map(level_of)).max().unwrap_or(Level::One);
        let has_any = !self.factors.is_empty() || self.passkeys.iter().any(|own| house.policy.takes(kind_of(own)));
        Self { level, has_any, ..self }
    }

    /// What stays once the address of the account is proved for the first time (`users::forget_attached`).
    pub(in crate::endpoints) fn after_first_proof(mut self, provider: &Provider, user: &User) -> Self {
        self.passkeys.retain(|own| user.email_verified || !own.signs_in);
        for own in &mut self.passkeys {
            own.signs_in = false;
        }
        self.weighed(provider)
    }

    /// Recovery codes alone are no factor: they are a way back to one.
    pub const fn has_any(&self) -> bool {
        self.has_any
    }

    /// The most that the person can reach.
    pub const fn level(&self) -> Level {
        self.level
    }

    /// The ways that reach a level, last used first; recovery codes come last.
    pub fn ways(&self, provider: &Provider, level: Level) -> Vec<Way> {
        let mut ways: Vec<Way> = Vec::new();
        for factor in &self.factors {
            let reached = provider.factors.kinds.find(&factor.kind).map_or(Level::One, |kind| kind.about().level);
            match ways.iter_mut().find(|way| way.kind == factor.kind) {
                Some(way) => way.names.push(factor.name.clone()),
                None => ways.push(Way {
                    kind: factor.kind.clone(),
                    level: reached,
                    names: vec![factor.name.clone()],
                    last_used_at: factor.last_used_at,
                }),
            }
        }
        // One that signs in alone is never too little.
        let counts = |own: &&Passkey| own.signs_in || provider.factors.policy.takes(kind_of(own));
        for own in self.passkeys.iter().filter(counts) {
            match ways.iter_mut().find(|way| way.kind == kind_of(own)) {
                Some(way) => way.names.push(own.name.clone()),
                None => ways.push(Way {
                    kind: kind_of(own).to_owned(),
                    level: level_of(own),
                    names: vec![own.name.clone()],
                    last_used_at: own.last_used_at,
                }),
            }
        }
        ways.sort_by_key(|way| std::cmp::Reverse(way.last_used_at));
        if self.has_any() && self.codes.count > 0 && provider.factors.policy.takes(RECOVERY) {
            let last_used_at = self.codes.last_used_at;
            ways.push(Way { kind: RECOVERY.to_owned(), level: Level::Two, names: Vec::new(), last_used_at });
        }
        ways.retain(|way| way.level >= level);
        ways
    }
}

/// What `amr` says of a first proof by mail (`accounts::by_mail`).
const BY_MAIL: &str = "otp";

impl Own {
    /// The ways of who is asked: a code by mail for who has nothing else, where the house takes that and the first proof did not come
    /// by mail itself. Beside another factor it would make that one worth no more than the mailbox.
    pub fn ways_of(&self, provider: &Provider, level: Level, asked: &Asked) -> Vec<Way> {
        let mut ways = self.ways(provider, level);
        let is_other = !asked.first_amr().iter().any(|word| word == BY_MAIL);
        let user = &asked.user;
        let has_none = self.factors.is_empty() && self.passkeys.is_empty();
        let reaches = level <= Level::Two && has_none && user.email_verified;
        if reaches && is_other && provider.post.is_on() && provider.factors.policy.takes(EMAIL) {
            let names = user.email.iter().cloned().collect();
            ways.push(Way { kind: EMAIL.to_owned(), level: Level::Two, names, last_used_at: None });
        }
        ways
    }
}

/// The word of a passkey among the kinds.
pub(in crate::endpoints) const fn kind_of(passkey: &Passkey) -> &'static str {
    if passkey.signs_in { PASSKEY } else { SECURITY_KEY }
}

/// What a passkey reaches beside a first proof: one that makes sure who its owner is cannot be talked out of them.
const fn level_of(passkey: &Passkey) -> Level {
    if passkey.signs_in { Level::Resistant } else { Level::Two }
}

/// What a person calls something, tidied; nothing if it cannot be a name.
pub(super) fn tidy_name(typed: &str) -> Option<String> {
    let name: String = typed.split_whitespace().collect::<Vec<_>>().join(" ");
    let is_name = !name.is_empty() && name.chars().count() <= LONGEST_NAME && !name.chars().any(char::is_control);
    is_name.then_some(name)
}

/// Gives a factor another name; false if there is none of this person's, or that is no name.
///
/// # Errors
/// Storage or chance failed, or the session ended in the meantime.
pub async fn rename(provider: &Provider, signed: &Signed, (id, typed): (&Id, &str), visit: &Visit) -> Result<bool, Fault> {
    let Some(name) = tidy_name(typed) else { return Ok(false) };
    let Some(factor) = factors::find(&mut provider.db.conn(), id, &signed.user.id).await? else { return Ok(false) };
    let mut record = audit_at("factor_renamed", signed.user.id.as_str(), visit);
    record.user_id = Some(signed.user.id.clone());
    record.detail = serde_json::json!({ "kind": factor.kind, "user_agent": visit.user_agent });
    let (event, id, user, session, now) =
        (provider.new_id()?, id.clone(), signed.user.id.clone(), signed.session.id.clone(), visit.now);
    provider
        .db
        .write(async move |tx| {
            sessions::still_open(tx, &session, now).await?;
            let done = factors::rename(tx, &id, &user, &name).await?;
            if done {
                audits::write(tx, &event, &record).await?;
            }
            Ok(done)
        })
        .await
}

/// What became of a wish to remove something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removed {
    Done,
    /// The house wants the person to have one, and it is their last.
    IsNeeded,
    NotFound,
}

/// Who changes what a person has: the person at a browser, or an app that acts for them.
pub struct By<'a> {
    pub user: &'a User,
    /// The row of the audit log.
    pub event: AuditEvent,
    /// The session that has to live still.
    pub session: Option<&'a Id>,
    /// The language of the mail, if the person has none of their own.
    pub lang: Lang,
}

impl<'a> By<'a> {
    pub(super) fn person(kind: &str, signed: &'a Signed, visit: &Visit) -> Self {
        let event = audit_at(kind, signed.user.id.as_str(), visit);
        Self { user: &signed.user, event, session: Some(&signed.session.id), lang: visit.lang }
    }
}

/// Takes a factor away. With the last one the recovery codes go too. Whoever calls has seen to it that the sign-in is fresh.
///
/// # Errors
/// Storage or chance failed, or the session ended in the meantime.
pub async fn remove(provider: &Provider, signed: &Signed, id: &Id, visit: &Visit) -> Result<Removed, Fault> {
    remove_by(provider, By::person("factor_removed", signed, visit), id, visit.now).await
}

/// The same for whoever acts.
///
/// # Errors
/// As [`remove`].
pub async fn remove_by(provider: &Provider, by: By<'_>, id: &Id, now: Timestamp) -> Result<Removed, Fault> {
    let By { user, event: mut record, session, lang } = by;
    let Some(factor) = factors::find(&mut provider.db.conn(), id, &user.id).await? else { return Ok(Removed::NotFound) };
    let (duty, _) = super::duty(provider, user, None, now).await?;
    let change = Change::Removed { kind: factor.kind.clone(), name: factor.name };
    let told = letter(provider, (user, lang), &change, now)?;
    record.user_id = Some(user.id.clone());
    if let Some(detail) = record.detail.as_object_mut() {
        detail.insert("kind".to_owned(), factor.kind.into());
    }
    let counted: Vec<String> = provider.factors.policy.counts.clone();
    let (event, id, user, session) = (provider.new_id()?, id.clone(), user.id.clone(), session.cloned());
    provider
        .db
        .write(async move |tx| {
            users::hold(tx, &user).await?;
            if let Some(session) = &session {
                sessions::still_open(tx, session, now).await?;
            }
            let mut others = factors::other_kinds(tx, &user, &id).await?;
            others.extend(passkeys_left(tx, &user, "").await?);
            let is_last = !others.iter().any(|kind| counted.contains(kind));
            if is_last && duty == Duty::Required {
                return Ok(Removed::IsNeeded);
            }
            if !factors::remove(tx, &id, &user).await? {
                return Ok(Removed::NotFound);
            }
            trusted_devices::forget_for_user(tx, &user).await?;
            if is_last {
                recovery_codes::remove_for_user(tx, &user).await?;
            }
            if let Some(told) = &told {
                outbox::enqueue(tx, told, now).await?;
            }
            audits::write(tx, &event, &record).await?;
            Ok(Removed::Done)
        })
        .await
}

/// The kinds of the passkeys of a person, but for one.
pub(in crate::endpoints) async fn passkeys_left(tx: &mut Tx, user: &Id, but: &str) -> Result<Vec<String>, Fault> {
    let signing_in = passkeys::others(tx, user, but).await?;
    Ok(signing_in.into_iter().map(|signs_in| if signs_in { PASSKEY } else { SECURITY_KEY }.to_owned()).collect())
}
